/*
 * tcf.c
 *	  Sections of the Transparency and Consent Framework: the European Union's, Canada's.
 *
 * Sources: IAB Tech Lab, Transparency and Consent String with Global Vendor & CMP List
 * Formats, TCF v2; Global Privacy Platform, Sections, EEA and Canada.
 *
 * A segment's first three bits are its type; the core has none, and its version makes them 0.
 * So the core need not be the first, empty segments are nothing, and of two of a kind the
 * later one counts, as the official libraries have it.
 *
 * Vendors of Canada's are written in two ways.  The older one is that of the European
 * Union; the newer has ranges in Fibonacci codes.  Nothing tells them apart, so the newer
 * one is tried, and taken if in every range, and in the fields of bits of restrictions, the
 * largest id is what stands before it and nothing but zeros is left.
 *
 * No I/O, no state, no memory.
 */
#include "consent/tcf.h"

#include <string.h>

/* Types of segments. */
#define CORE		0
#define DISCLOSED	1
#define ALLOWED		2
#define PUBLISHER	3

/* Bits of how many restrictions there are. */
#define COUNT_BITS	12

/* Two characters of six bits as letters: 0 is A, and 63 the blank that stands for none. */
static void
read_letters(EcapiBits *bits, char *letters)
{
	for (int i = 0; i < 2; i++)
	{
		int			value = (int) ecapi_bits_read(bits, 6);

		if (value < 63)
			*letters++ = (char) ('A' + value);
	}
	*letters = '\0';
}

bool
ecapi_tcf_bit(uint32_t field, int n, int i)
{
	return i >= 1 && i <= n && (field >> (n - i) & 1);
}

/*
 * ---- restrictions ----
 */

static void
read_restriction(EcapiTcfRestrictions *walk, EcapiBits *bits, EcapiTcfRestriction *restriction)
{
	restriction->purpose = (int) ecapi_bits_read(bits, 6);
	restriction->type = (EcapiTcfRestrictionType) ecapi_bits_read(bits, 2);
	if (walk->sized)
		ecapi_ids_read(bits, walk->coding, walk->vendor, &restriction->vendors);
	else
		ecapi_ids_read_range(bits, walk->coding, walk->vendor, &restriction->vendors);
}

bool
ecapi_tcf_next_restriction(EcapiTcfRestrictions *walk, EcapiTcfRestriction *restriction)
{
	if (walk->n == 0)
		return false;
	walk->n--;
	read_restriction(walk, &walk->at, restriction);
	return !walk->at.bad;
}

/*
 * Whether vendors, whose largest id stands in the 16 bits at size, end with that: both a range
 * and a field of bits are written no longer.
 */
static bool
ends_with_largest(const EcapiIds *vendors, EcapiBits size)
{
	uint32_t	max = (uint32_t) ecapi_bits_read(&size, 16);

	if (vendors->form == ECAPI_IDS_BITFIELD)
		return max == 0 || ecapi_ids_have(vendors, max);
	return max == vendors->max;
}

/*
 * Where they are, and how many of them were read whole: one that cannot be told does not take
 * those before it away.  *exact is cleared where vendors do not end with the largest id that
 * stands before them.
 */
static void
read_restrictions(EcapiBits *bits, EcapiIdsCoding coding, bool sized, EcapiTcf *tcf, bool *exact)
{
	EcapiTcfRestrictions *restrictions = &tcf->restrictions;
	EcapiTcfRestriction restriction;
	uint32_t	n = (uint32_t) ecapi_bits_read(bits, COUNT_BITS);

	restrictions->n = 0;
	restrictions->coding = coding;
	restrictions->sized = sized;
	restrictions->vendor = tcf->vendor;
	restrictions->at = *bits;
	while (restrictions->n < n && !bits->bad)
	{
		EcapiBits	size = *bits;

		ecapi_bits_skip(&size, 8);
		read_restriction(restrictions, bits, &restriction);
		if (bits->bad)
			break;
		if (sized)
			*exact &= ends_with_largest(&restriction.vendors, size);
		restrictions->n++;
	}
	restrictions->cut = bits->cut;
}

/*
 * ---- the core ----
 */

/* What both have, up to the purposes. */
static void
read_head(EcapiBits *bits, EcapiTcf *tcf)
{
	tcf->version = (int) ecapi_bits_read(bits, 6);
	tcf->created = (int64_t) ecapi_bits_read(bits, 36);
	tcf->last_updated = (int64_t) ecapi_bits_read(bits, 36);
	tcf->cmp_id = (int) ecapi_bits_read(bits, 12);
	tcf->cmp_version = (int) ecapi_bits_read(bits, 12);
	tcf->consent_screen = (int) ecapi_bits_read(bits, 6);
	read_letters(bits, tcf->language);
	tcf->vendor_list_version = (int) ecapi_bits_read(bits, 12);
	tcf->policy_version = (int) ecapi_bits_read(bits, 6);
	if (!tcf->canada)
		tcf->service_specific = ecapi_bits_read(bits, 1) != 0;
	tcf->non_standard_stacks = ecapi_bits_read(bits, 1) != 0;
	tcf->special_features = (uint32_t) ecapi_bits_read(bits, ECAPI_TCF_SPECIAL_FEATURES);
	tcf->consents = (uint32_t) ecapi_bits_read(bits, ECAPI_TCF_PURPOSES);
	tcf->interests = (uint32_t) ecapi_bits_read(bits, ECAPI_TCF_PURPOSES);
	if (!tcf->canada)
	{
		tcf->one_treatment = ecapi_bits_read(bits, 1) != 0;
		read_letters(bits, tcf->country);
	}
}

/* A set of vendors; *exact as above. */
static void
read_vendors(EcapiBits *bits, EcapiIdsCoding coding, uint32_t asked, EcapiIds *vendors, bool *exact)
{
	EcapiBits	size = *bits;
	uint64_t	max = ecapi_bits_read(&size, 16);

	ecapi_ids_read(bits, coding, asked, vendors);
	if (vendors->form == ECAPI_IDS_FIBONACCI)
		*exact &= !bits->bad && vendors->max == max;
}

/* Vendors and restrictions as the European Union's are written. */
static void
read_tail(EcapiBits *bits, EcapiTcf *tcf)
{
	bool		exact = true;	

	read_vendors(bits, ECAPI_CODED_INT, tcf->vendor, &tcf->vendor_consents, &exact);
	read_vendors(bits, ECAPI_CODED_INT, 0, &tcf->vendor_interests, &exact);
	if (bits->bad)
		return;
	/* many strings have none, and to be cut is no fault for the official libraries */
	read_restrictions(bits, ECAPI_CODED_INT, false, tcf, &exact);
	if (bits->cut)
		bits->bad = false;
}

/* The same as Canada's newer strings have them; false: these are none. */
static bool
read_fibonacci_tail(EcapiBits *bits, EcapiTcf *tcf)
{
	bool		exact = true;

	read_vendors(bits, ECAPI_CODED_FIBONACCI, tcf->vendor, &tcf->vendor_consents, &exact);
	read_vendors(bits, ECAPI_CODED_FIBONACCI, 0, &tcf->vendor_interests, &exact);
	/* they came later than the rest */
	if (!bits->bad && bits->len - bits->at < COUNT_BITS)
		tcf->restrictions.n = 0;
	else
		read_restrictions(bits, ECAPI_CODED_FIBONACCI, true, tcf, &exact);
	return exact && !bits->bad && ecapi_bits_rest_is_zero(bits);
}

static void
read_core(EcapiBits *bits, EcapiTcf *tcf)
{
	EcapiBits	newer;

	read_head(bits, tcf);
	newer = *bits;
	if (!tcf->canada || !read_fibonacci_tail(&newer, tcf))
		read_tail(bits, tcf);
}

/*
 * ---- the segments behind it ----
 */

static void
read_vendor_segment(EcapiBits *bits, const EcapiTcf *tcf, EcapiIds *vendors)
{
	EcapiBits	newer;
	bool		exact = true;

	ecapi_bits_skip(bits, 3);
	newer = *bits;
	if (tcf->canada)
	{
		read_vendors(&newer, ECAPI_CODED_FIBONACCI, 0, vendors, &exact);
		if (exact && !newer.bad && ecapi_bits_rest_is_zero(&newer))
			return;
	}
	ecapi_ids_read(bits, ECAPI_CODED_INT, 0, vendors);
}

static void
read_publisher(EcapiBits *bits, EcapiTcf *tcf)
{
	ecapi_bits_skip(bits, 3);
	tcf->publisher_consents = (uint32_t) ecapi_bits_read(bits, ECAPI_TCF_PURPOSES);
	tcf->publisher_interests = (uint32_t) ecapi_bits_read(bits, ECAPI_TCF_PURPOSES);
	tcf->ncustom = (int) ecapi_bits_read(bits, 6);
	ecapi_ids_read_bitfield(bits, (uint32_t) tcf->ncustom, &tcf->custom_consents);
	ecapi_ids_read_bitfield(bits, (uint32_t) tcf->ncustom, &tcf->custom_interests);
}

/* One segment; NULL, or what is wrong. */
static const char *
read_segment(const char *text, size_t len, EcapiTcf *tcf, bool *has_core)
{
	EcapiBits	bits;
	EcapiBits	type;

	if (!ecapi_bits_init(&bits, text, len))
		return "a character that is none of its alphabet";
	type = bits;
	switch (ecapi_bits_read(&type, 3))
	{
		case CORE:
			read_core(&bits, tcf);
			*has_core = true;
			break;
		case DISCLOSED:
			read_vendor_segment(&bits, tcf, &tcf->disclosed);
			tcf->disclosed_included = true;
			break;
		case ALLOWED:
			if (tcf->canada)
				return "a segment of an unknown type";
			read_vendor_segment(&bits, tcf, &tcf->allowed);
			tcf->allowed_included = true;
			break;
		case PUBLISHER:
			read_publisher(&bits, tcf);
			tcf->publisher_included = true;
			break;
		default:
			return "a segment of an unknown type";
	}
	return bits.bad ? "cut, or a range that runs backwards" : NULL;
}

const char *
ecapi_tcf_decode(const EcapiGppSection *section, uint32_t vendor, EcapiTcf *tcf)
{
	const char *problem = NULL;
	const char *segment;
	bool		has_core = false;
	size_t		at = 0;
	size_t		len;

	memset(tcf, 0, sizeof(*tcf));
	tcf->canada = section->id == ECAPI_GPP_TCF_CA;
	tcf->vendor = vendor;
	while (problem == NULL && ecapi_gpp_segment(section, &at, &segment, &len))
	{
		if (len > 0)
			problem = read_segment(segment, len, tcf, &has_core);
	}
	return problem == NULL && !has_core ? "no core" : problem;
}
