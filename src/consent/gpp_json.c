/*
 * gpp_json.c
 *	  A GPP string as JSON, in the names of its specification.
 *
 * The names and forms are those of the official libraries (IABTechLab/iabgpp-es): bitfields
 * are arrays of booleans, sets of vendors arrays of ids, times of ISO 8601 in UTC.
 *
 * No I/O, no state, no memory but the buffer's.
 */
#include "consent/gpp_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "consent/tcf.h"
#include "consent/us.h"

/* The types of segments of the TCF, which they have also where they are absent. */
#define DISCLOSED_TYPE	1
#define ALLOWED_TYPE	2
#define PUBLISHER_TYPE	3

/*
 * ---- members ----
 */

/* A name, with the comma that may be due before it. */
static void
name(EcapiBuffer *json, const char *name)
{
	if (json->len > 0 && json->data[json->len - 1] != '{')
		ecapi_buffer_char(json, ',');
	ecapi_json_string(json, name, strlen(name));
	ecapi_buffer_char(json, ':');
}

/* The comma that may be due before an element. */
static void
comma(EcapiBuffer *json)
{
	if (json->len > 0 && json->data[json->len - 1] != '[')
		ecapi_buffer_char(json, ',');
}

static void
number(EcapiBuffer *json, long value)
{
	char		text[24];

	snprintf(text, sizeof(text), "%ld", value);
	ecapi_buffer_str(json, text);
}

static void
integer_of(EcapiBuffer *json, const char *member, long value)
{
	name(json, member);
	number(json, value);
}

static void
bool_of(EcapiBuffer *json, const char *member, bool truth)
{
	name(json, member);
	ecapi_buffer_str(json, truth ? "true" : "false");
}

static void
text_of(EcapiBuffer *json, const char *member, const char *text, size_t len)
{
	name(json, member);
	ecapi_json_string(json, text, len);
}

static void
bits_of(EcapiBuffer *json, const char *member, uint32_t field, int n)
{
	name(json, member);
	ecapi_buffer_char(json, '[');
	for (int i = 1; i <= n; i++)
	{
		comma(json);
		ecapi_buffer_str(json, ecapi_tcf_bit(field, n, i) ? "true" : "false");
	}
	ecapi_buffer_char(json, ']');
}

static void
custom_of(EcapiBuffer *json, const char *member, const EcapiIds *ids)
{
	name(json, member);
	ecapi_buffer_char(json, '[');
	for (uint32_t id = 1; id <= ids->n; id++)
	{
		comma(json);
		ecapi_buffer_str(json, ecapi_ids_have(ids, id) ? "true" : "false");
	}
	ecapi_buffer_char(json, ']');
}

/* A full buffer ends it: a few characters may name all ids there are. */
static void
ids_of(EcapiBuffer *json, const char *member, const EcapiIds *ids)
{
	EcapiIds	walk = *ids;
	uint32_t	first;
	uint32_t	last = 0;

	name(json, member);
	ecapi_buffer_char(json, '[');
	while (!json->full && ecapi_ids_next(&walk, &first, &last))
	{
		for (uint32_t id = first; id <= last && !json->full; id++)
		{
			comma(json);
			number(json, id);
		}
	}
	ecapi_buffer_char(json, ']');
}

/* Tenths of a second since 1970, of 36 bits: years have four digits. */
static void
time_of(EcapiBuffer *json, const char *member, int64_t tenths)
{
	time_t		at = (time_t) (tenths / 10);
	struct tm	parts;
	char		text[64];
	size_t		len = 0;

	if (gmtime_r(&at, &parts) != NULL)
		len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	len += (size_t) snprintf(text + len, sizeof(text) - len, ".%d00Z", (int) (tenths % 10));
	text_of(json, member, text, len);
}

/*
 * ---- sections ----
 */

static void
put_header(EcapiBuffer *json, const EcapiGpp *gpp)
{
	name(json, "header");
	ecapi_buffer_str(json, "{\"Id\":3,\"Version\":1,\"SectionIds\":[");
	for (int i = 0; i < gpp->nsections; i++)
	{
		comma(json);
		number(json, gpp->sections[i].id);
	}
	ecapi_buffer_str(json, "]}");
}

static void
put_values(EcapiBuffer *json, const EcapiUsValues *values)
{
	name(json, ecapi_us_field_name(values->field));
	if (!values->list)
	{
		number(json, values->values[0]);
		return;
	}
	ecapi_buffer_char(json, '[');
	for (int i = 0; i < values->n; i++)
	{
		comma(json);
		number(json, values->values[i]);
	}
	ecapi_buffer_char(json, ']');
}

static const char *
put_us(EcapiBuffer *json, const EcapiGppSection *section)
{
	EcapiUs		us;
	const char *problem = ecapi_us_decode(section, &us);

	if (problem != NULL || json == NULL)
		return problem;
	integer_of(json, section->id < 24 ? "Version" : "MspaVersion", us.version);
	for (int i = 0; i < us.nfields; i++)
		put_values(json, &us.fields[i]);
	if (us.behind == ECAPI_US_GPC)
	{
		integer_of(json, "GpcSegmentType", us.gpc_type);
		bool_of(json, "Gpc", us.gpc);
		bool_of(json, "GpcSegmentIncluded", us.behind_included);
	}
	if (us.behind == ECAPI_US_SENSITIVE)
		bool_of(json, "SensitiveDataConsentSegmentIncluded", us.behind_included);
	return NULL;
}

static const char *
put_usp(EcapiBuffer *json, const EcapiGppSection *section)
{
	EcapiUsp	usp;
	const char *problem = ecapi_usp_decode(section, &usp);

	if (problem != NULL || json == NULL)
		return problem;
	integer_of(json, "Version", usp.version);
	text_of(json, "Notice", &usp.notice, 1);
	text_of(json, "OptOutSale", &usp.opt_out_sale, 1);
	text_of(json, "LspaCovered", &usp.lspa_covered, 1);
	return NULL;
}

static void
put_restrictions(EcapiBuffer *json, const char *member, const EcapiTcf *tcf)
{
	EcapiTcfRestrictions walk = tcf->restrictions;
	EcapiTcfRestriction restriction;

	name(json, member);
	ecapi_buffer_char(json, '[');
	/* the official libraries report none where they are cut */
	while (!walk.cut && !json->full && ecapi_tcf_next_restriction(&walk, &restriction))
	{
		comma(json);
		ecapi_buffer_char(json, '{');
		integer_of(json, "key", restriction.purpose);
		integer_of(json, "type", restriction.type);
		ids_of(json, "ids", &restriction.vendors);
		ecapi_buffer_char(json, '}');
	}
	ecapi_buffer_char(json, ']');
}

/* What both have before the purposes. */
static void
put_tcf_head(EcapiBuffer *json, const EcapiTcf *tcf)
{
	integer_of(json, "Version", tcf->version);
	time_of(json, "Created", tcf->created);
	time_of(json, "LastUpdated", tcf->last_updated);
	integer_of(json, "CmpId", tcf->cmp_id);
	integer_of(json, "CmpVersion", tcf->cmp_version);
	integer_of(json, "ConsentScreen", tcf->consent_screen);
	text_of(json, "ConsentLanguage", tcf->language, strlen(tcf->language));
	integer_of(json, "VendorListVersion", tcf->vendor_list_version);
}

static void
put_eu(EcapiBuffer *json, const EcapiTcf *tcf)
{
	integer_of(json, "PolicyVersion", tcf->policy_version);
	bool_of(json, "IsServiceSpecific", tcf->service_specific);
	bool_of(json, "UseNonStandardStacks", tcf->non_standard_stacks);
	bits_of(json, "SpecialFeatureOptins", tcf->special_features, ECAPI_TCF_SPECIAL_FEATURES);
	bits_of(json, "PurposeConsents", tcf->consents, ECAPI_TCF_PURPOSES);
	bits_of(json, "PurposeLegitimateInterests", tcf->interests, ECAPI_TCF_PURPOSES);
	bool_of(json, "PurposeOneTreatment", tcf->one_treatment);
	text_of(json, "PublisherCountryCode", tcf->country, strlen(tcf->country));
	ids_of(json, "VendorConsents", &tcf->vendor_consents);
	ids_of(json, "VendorLegitimateInterests", &tcf->vendor_interests);
	put_restrictions(json, "PublisherRestrictions", tcf);
	integer_of(json, "PublisherPurposesSegmentType", PUBLISHER_TYPE);
	bits_of(json, "PublisherConsents", tcf->publisher_consents, ECAPI_TCF_PURPOSES);
	bits_of(json, "PublisherLegitimateInterests", tcf->publisher_interests, ECAPI_TCF_PURPOSES);
	integer_of(json, "NumCustomPurposes", tcf->ncustom);
	custom_of(json, "PublisherCustomConsents", &tcf->custom_consents);
	custom_of(json, "PublisherCustomLegitimateInterests", &tcf->custom_interests);
	integer_of(json, "VendorsAllowedSegmentType", ALLOWED_TYPE);
	ids_of(json, "VendorsAllowed", &tcf->allowed);
	integer_of(json, "VendorsDisclosedSegmentType", DISCLOSED_TYPE);
	ids_of(json, "VendorsDisclosed", &tcf->disclosed);
}

static void
put_canada(EcapiBuffer *json, const EcapiTcf *tcf)
{
	integer_of(json, "TcfPolicyVersion", tcf->policy_version);
	bool_of(json, "UseNonStandardStacks", tcf->non_standard_stacks);
	bits_of(json, "SpecialFeatureExpressConsent", tcf->special_features,
			ECAPI_TCF_SPECIAL_FEATURES);
	bits_of(json, "PurposesExpressConsent", tcf->consents, ECAPI_TCF_PURPOSES);
	bits_of(json, "PurposesImpliedConsent", tcf->interests, ECAPI_TCF_PURPOSES);
	ids_of(json, "VendorExpressConsent", &tcf->vendor_consents);
	ids_of(json, "VendorImpliedConsent", &tcf->vendor_interests);
	put_restrictions(json, "PubRestrictions", tcf);
	integer_of(json, "PubPurposesSegmentType", PUBLISHER_TYPE);
	bits_of(json, "PubPurposesExpressConsent", tcf->publisher_consents, ECAPI_TCF_PURPOSES);
	bits_of(json, "PubPurposesImpliedConsent", tcf->publisher_interests, ECAPI_TCF_PURPOSES);
	integer_of(json, "NumCustomPurposes", tcf->ncustom);
	custom_of(json, "CustomPurposesExpressConsent", &tcf->custom_consents);
	custom_of(json, "CustomPurposesImpliedConsent", &tcf->custom_interests);
	integer_of(json, "DisclosedVendorsSegmentType", DISCLOSED_TYPE);
	ids_of(json, "DisclosedVendors", &tcf->disclosed);
}

static const char *
put_tcf(EcapiBuffer *json, const EcapiGppSection *section)
{
	EcapiTcf	tcf;
	const char *problem = ecapi_tcf_decode(section, 0, &tcf);

	if (problem != NULL || json == NULL)
		return problem;
	put_tcf_head(json, &tcf);
	if (tcf.canada)
		put_canada(json, &tcf);
	else
		put_eu(json, &tcf);
	return NULL;
}

/* Decode a section, and write what is in it unless json is NULL; returns what is wrong. */
static const char *
put_section(EcapiBuffer *json, const EcapiGppSection *section)
{
	if (section->id == ECAPI_GPP_TCF_EU || section->id == ECAPI_GPP_TCF_CA)
		return put_tcf(json, section);
	if (section->id == ECAPI_GPP_USP)
		return put_usp(json, section);
	return put_us(json, section);
}

const char *
ecapi_gpp_section_problem(const EcapiGppSection *section)
{
	return ecapi_gpp_section_name(section->id) ? put_section(NULL, section) : NULL;
}

void
ecapi_gpp_json(EcapiBuffer *json, const EcapiGpp *gpp)
{
	ecapi_buffer_char(json, '{');
	if (!gpp->bare)
		put_header(json, gpp);
	for (int i = 0; i < gpp->nsections; i++)
	{
		const EcapiGppSection *section = &gpp->sections[i];

		if (ecapi_gpp_section_name(section->id) == NULL)
			continue;
		name(json, ecapi_gpp_section_name(section->id));
		if (ecapi_gpp_section_problem(section) != NULL)
		{
			ecapi_buffer_str(json, "null");
			continue;
		}
		ecapi_buffer_char(json, '{');
		(void) put_section(json, section);
		ecapi_buffer_char(json, '}');
	}
	ecapi_buffer_char(json, '}');
}
