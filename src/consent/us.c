/*
 * us.c
 *	  Sections of the United States: the national one, those of states, US Privacy.
 *
 * The layouts are a table (us.def).  Of section 7 the version does not tell the layout:
 * between its two versions, libraries wrote the longer one under the first number.  A core
 * of exactly 10 or 11 characters has the shorter layout, any other the longer one, as the
 * official libraries have it.
 *
 * Left-over bits are ignored, as is a version that is not registered: who decides looks at it.
 *
 * No I/O, no state, no memory.
 */
#include "consent/us.h"

#include <string.h>

#include "consent/bits.h"

/* A field of a layout; n 0: a single value. */
typedef struct Field
{
	EcapiUsField field;
	int			n;
} Field;

typedef struct Layout
{
	int			id;
	EcapiUsBehind behind;
	int			nfields;
	Field		fields[ECAPI_US_FIELDS];
} Layout;

#define F(field)		{ECAPI_US_##field, 0},
#define L(field, n)		{ECAPI_US_##field, n},
#define US_SECTION(id, behind, ...) \
	{id, behind, sizeof((Field[]) {__VA_ARGS__}) / sizeof(Field), {__VA_ARGS__}},

static const Layout layouts[] = {
#include "consent/us.def"
};

static const char *const names[] = {
	[ECAPI_US_SHARING_NOTICE] = "SharingNotice",
	[ECAPI_US_PROCESSING_NOTICE] = "ProcessingNotice",
	[ECAPI_US_SALE_OPT_OUT_NOTICE] = "SaleOptOutNotice",
	[ECAPI_US_SHARING_OPT_OUT_NOTICE] = "SharingOptOutNotice",
	[ECAPI_US_TARGETED_ADVERTISING_OPT_OUT_NOTICE] = "TargetedAdvertisingOptOutNotice",
	[ECAPI_US_SENSITIVE_DATA_PROCESSING_OPT_OUT_NOTICE] = "SensitiveDataProcessingOptOutNotice",
	[ECAPI_US_SENSITIVE_DATA_OPT_OUT_NOTICE] = "SensitiveDataOptOutNotice",
	[ECAPI_US_SENSITIVE_DATA_LIMIT_USE_NOTICE] = "SensitiveDataLimitUseNotice",
	[ECAPI_US_SALE_OPT_OUT] = "SaleOptOut",
	[ECAPI_US_SHARING_OPT_OUT] = "SharingOptOut",
	[ECAPI_US_TARGETED_ADVERTISING_OPT_OUT] = "TargetedAdvertisingOptOut",
	[ECAPI_US_SENSITIVE_DATA_PROCESSING] = "SensitiveDataProcessing",
	[ECAPI_US_KNOWN_CHILD_SENSITIVE_DATA_CONSENTS] = "KnownChildSensitiveDataConsents",
	[ECAPI_US_PERSONAL_DATA_CONSENTS] = "PersonalDataConsents",
	[ECAPI_US_ADDITIONAL_DATA_PROCESSING_CONSENT] = "AdditionalDataProcessingConsent",
	[ECAPI_US_MSPA_COVERED_TRANSACTION] = "MspaCoveredTransaction",
	[ECAPI_US_MSPA_OPT_OUT_OPTION_MODE] = "MspaOptOutOptionMode",
	[ECAPI_US_MSPA_SERVICE_PROVIDER_MODE] = "MspaServiceProviderMode",
	[ECAPI_US_MSPA_MODE] = "MspaMode"
};

const char *
ecapi_us_field_name(EcapiUsField field)
{
	return names[field];
}

/* The layout of a section whose core has len characters. */
static const Layout *
find_layout(int id, size_t len)
{
	const Layout *layout = layouts;

	while (layout->id != id)
		layout++;
	if (id == ECAPI_GPP_US_FIRST && (len == 10 || len == 11))
		layout++;
	return layout;
}

static void
read_values(EcapiBits *bits, const Field *field, EcapiUsValues *values)
{
	values->field = field->field;
	values->list = field->n > 0;
	values->n = field->n > 0 ? field->n : 1;
	memset(values->values, 0, sizeof(values->values));
	for (int i = 0; i < values->n; i++)
		values->values[i] = (uint8_t) ecapi_bits_read(bits, 2);
}

static const char *
read_core(const Layout *layout, EcapiBits *bits, EcapiUs *us)
{
	us->behind = layout->behind;
	us->nfields = layout->nfields;
	us->version = (int) ecapi_bits_read(bits, 6);
	for (int i = 0; i < layout->nfields; i++)
		read_values(bits, &layout->fields[i], &us->fields[i]);
	return bits->bad ? "cut" : NULL;
}

/*
 * The GPC segment: the second, whatever type it says.  A signal that is on in a further one
 * of that type counts, too: of two that disagree the restrictive one is followed.
 */
static const char *
read_gpc(EcapiBits *bits, EcapiUs *us)
{
	int			type = (int) ecapi_bits_read(bits, 2);
	bool		gpc = ecapi_bits_read(bits, 1) != 0;

	if (bits->bad)
		return us->behind_included ? NULL : "cut";
	if (!us->behind_included)
		us->gpc_type = type;
	if (!us->behind_included || type == 1)
		us->gpc |= gpc;
	us->behind_included = true;
	return NULL;
}

static const char *
read_sensitive(EcapiBits *bits, EcapiUs *us)
{
	static const Field field = {ECAPI_US_SENSITIVE_DATA_PROCESSING, 8};

	if (us->behind_included)
		return NULL;
	read_values(bits, &field, &us->fields[us->nfields]);
	us->behind_included = true;
	return bits->bad ? "cut" : NULL;
}

/* The segments behind the core. */
static const char *
read_behind(const EcapiGppSection *section, size_t at, EcapiUs *us)
{
	const char *problem = NULL;
	const char *segment;
	size_t		len;

	while (problem == NULL && us->behind != ECAPI_US_NOTHING &&
		   ecapi_gpp_segment(section, &at, &segment, &len))
	{
		EcapiBits	bits;

		if (!ecapi_bits_init(&bits, segment, len) && !us->behind_included)
			return "a character that is none of its alphabet";
		problem = us->behind == ECAPI_US_GPC ? read_gpc(&bits, us) : read_sensitive(&bits, us);
	}
	return problem;
}

/*
 * The core's segment.  Sections 24 to 27 may have a section header before it, as their texts
 * say; it begins with the section's own id, which no version of the core is.
 */
static bool
find_core(const EcapiGppSection *section, size_t *at, const char **segment, size_t *len)
{
	EcapiBits	bits;

	if (!ecapi_gpp_segment(section, at, segment, len))
		return false;
	if (section->id < 24 || !ecapi_bits_init(&bits, *segment, *len) ||
		ecapi_bits_read(&bits, 6) != (uint64_t) section->id)
		return true;
	return ecapi_gpp_segment(section, at, segment, len);
}

/*
 * What the official library reports of section 7 goes by the version: lists of 12 and 2
 * under the first, of 16 and 3 else.  The values behind count in decisions all the same, so
 * they stay where they are.
 */
static void
size_lists(EcapiUs *us)
{
	for (int i = 0; i < us->nfields; i++)
	{
		if (us->fields[i].field == ECAPI_US_SENSITIVE_DATA_PROCESSING)
			us->fields[i].n = us->version == 1 ? 12 : 16;
		if (us->fields[i].field == ECAPI_US_KNOWN_CHILD_SENSITIVE_DATA_CONSENTS)
			us->fields[i].n = us->version == 1 ? 2 : 3;
	}
}

const char *
ecapi_us_decode(const EcapiGppSection *section, EcapiUs *us)
{
	EcapiBits	bits;
	const char *segment;
	const char *problem;
	size_t		at = 0;
	size_t		len;

	memset(us, 0, sizeof(*us));
	us->id = section->id;
	us->gpc_type = 1;
	if (!find_core(section, &at, &segment, &len) || len == 0)
		return "empty";
	if (!ecapi_bits_init(&bits, segment, len))
		return "a character that is none of its alphabet";
	problem = read_core(find_layout(section->id, len), &bits, us);
	if (problem == NULL)
		problem = read_behind(section, at, us);
	/* the field is there without its segment, too, with zeros */
	if (problem == NULL && us->behind == ECAPI_US_SENSITIVE)
	{
		us->fields[us->nfields].field = ECAPI_US_SENSITIVE_DATA_PROCESSING;
		us->fields[us->nfields].list = true;
		us->fields[us->nfields].n = 8;
		us->nfields++;
	}
	if (section->id == ECAPI_GPP_US_FIRST)
		size_lists(us);
	return problem;
}

const EcapiUsValues *
ecapi_us_values(const EcapiUs *us, EcapiUsField field)
{
	for (int i = 0; i < us->nfields; i++)
	{
		if (us->fields[i].field == field)
			return &us->fields[i];
	}
	return NULL;
}

int
ecapi_us_value(const EcapiUs *us, EcapiUsField field)
{
	const EcapiUsValues *values = ecapi_us_values(us, field);

	return values ? values->values[0] : 0;
}

const char *
ecapi_usp_decode(const EcapiGppSection *section, EcapiUsp *usp)
{
	const char *text = section->text;

	if (section->len != 4)
		return "not four characters long";
	if (text[0] != '1')
		return "not of version 1";
	for (int i = 1; i < 4; i++)
	{
		if (text[i] != 'Y' && text[i] != 'N' && text[i] != '-')
			return "a character other than Y, N and -";
	}
	usp->version = 1;
	usp->notice = text[1];
	usp->opt_out_sale = text[2];
	usp->lspa_covered = text[3];
	return NULL;
}
