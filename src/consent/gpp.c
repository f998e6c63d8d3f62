/*
 * gpp.c
 *	  A GPP string: its header, and the texts of its sections.
 *
 * The header lists the ids of the sections, as a Range(Fibonacci), in the order of the
 * texts behind it; both must be as many.
 *
 * No I/O, no state, no memory.
 */
#include "consent/gpp.h"

#include <string.h>

#include "consent/bits.h"

/* Characters of the header's type and version: 3 and 1. */
#define HEADER	"DB"

static const char *const names[ECAPI_GPP_US_LAST + 1] = {
	[ECAPI_GPP_TCF_EU] = "tcfeuv2",
	[ECAPI_GPP_TCF_CA] = "tcfcav1",
	[ECAPI_GPP_USP] = "uspv1",
	[7] = "usnat", [8] = "usca", [9] = "usva", [10] = "usco", [11] = "usut", [12] = "usct",
	[13] = "usfl", [14] = "usmt", [15] = "usor", [16] = "ustx", [17] = "usde", [18] = "usia",
	[19] = "usne", [20] = "usnh", [21] = "usnj", [22] = "ustn", [23] = "usmn", [24] = "usmd",
	[25] = "usin", [26] = "usky", [27] = "usri"
};

const char *
ecapi_gpp_section_name(int id)
{
	return id >= 0 && id <= ECAPI_GPP_US_LAST ? names[id] : NULL;
}

/* The texts behind the header. */
static const char *
split_texts(const char *text, size_t len, EcapiGpp *gpp)
{
	const char *end = text + len;

	while (text < end)
	{
		const char *begin = text + 1;	/* behind its "~" */
		const char *next = memchr(begin, '~', (size_t) (end - begin));

		if (gpp->nsections == ECAPI_GPP_SECTIONS)
			return "too many sections";
		text = next ? next : end;
		gpp->sections[gpp->nsections].text = begin;
		gpp->sections[gpp->nsections].len = (size_t) (text - begin);
		gpp->nsections++;
	}
	return NULL;
}

/* The ids that the header lists, one for each text. */
static const char *
read_ids(const char *header, size_t len, EcapiGpp *gpp)
{
	EcapiBits	bits;
	EcapiIds	ids;
	uint32_t	first;
	uint32_t	last = 0;
	int			n = 0;

	if (!ecapi_bits_init(&bits, header, len))
		return "the header has a character that is none of its alphabet";
	(void) ecapi_bits_read(&bits, 12);
	ecapi_ids_read_range(&bits, ECAPI_CODED_FIBONACCI, 0, &ids);
	if (bits.bad)
		return "the header is cut, or names a section that cannot be";
	while (ecapi_ids_next(&ids, &first, &last))
	{
		for (uint32_t id = first; id <= last; id++)
		{
			if (n == gpp->nsections)
				return "the header names more sections than there are";
			gpp->sections[n++].id = (int) id;
		}
	}
	return n < gpp->nsections ? "there are more sections than the header names" : NULL;
}

static const char *
split(const char *text, size_t len, EcapiGpp *gpp)
{
	const char *end = memchr(text, '~', len);
	size_t		header = end ? (size_t) (end - text) : len;
	const char *problem;

	if (len > ECAPI_GPP_MAX)
		return "longer than 16384 bytes";
	if (len > 0 && text[0] == 'C' && end == NULL)
	{
		gpp->bare = true;
		gpp->nsections = 1;
		gpp->sections[0] = (EcapiGppSection) {ECAPI_GPP_TCF_EU, text, len};
		return NULL;
	}
	if (header < strlen(HEADER) || memcmp(text, HEADER, strlen(HEADER)) != 0)
		return "no GPP string of version 1";
	problem = split_texts(text + header, len - header, gpp);
	return problem ? problem : read_ids(text, header, gpp);
}

const char *
ecapi_gpp_split(const char *text, size_t len, EcapiGpp *gpp)
{
	const char *problem;

	gpp->bare = false;
	gpp->nsections = 0;
	problem = split(text, len, gpp);
	if (problem != NULL)
		gpp->nsections = 0;
	return problem;
}

bool
ecapi_gpp_segment(const EcapiGppSection *section, size_t *at, const char **segment, size_t *len)
{
	const char *stop;

	if (*at > section->len)
		return false;
	*segment = section->text + *at;
	stop = memchr(*segment, '.', section->len - *at);
	*len = stop ? (size_t) (stop - *segment) : section->len - *at;
	*at += *len + 1;
	return true;
}
