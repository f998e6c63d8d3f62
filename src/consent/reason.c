/*
 * reason.c
 *	  What the rules of consent are called, alone and behind the section that made them.
 *
 * Reasons are counted, so they are a closed list: every rule with every section, and with
 * none.  Constant; no locks.
 */
#include <stdio.h>

#include "consent/gpp.h"
#include "consent/terms.h"

#define RULES(X, section) \
	X(section, BY_NONE, "nothing against it") \
	X(section, NO_STRING, "no string") \
	X(section, STRING_BROKEN, "unreadable string") \
	X(section, SECTION_BROKEN, "unreadable section") \
	X(section, SECTION_ABSENT, "section missing") \
	X(section, VERSION, "unknown version") \
	X(section, SALE, "sale opt-out") \
	X(section, SHARING, "sharing opt-out") \
	X(section, TARGETED_ADS, "targeted advertising opt-out") \
	X(section, GPC, "global privacy control") \
	X(section, SERVICE_PROVIDER, "service provider mode") \
	X(section, MSPA, "no signatory of the MSPA") \
	X(section, CHILD, "known child") \
	X(section, SENSITIVE, "sensitive data") \
	X(section, SECONDARY_USE, "no consent to secondary use") \
	X(section, NOTICE, "no notice") \
	X(section, CHOICE, "choice without notice") \
	X(section, GLOBAL_SCOPE, "not service specific") \
	X(section, POLICY, "policy out of date") \
	X(section, NO_VENDOR_ID, "no vendor id") \
	X(section, VENDOR, "vendor without consent") \
	X(section, PURPOSE, "purpose without consent") \
	X(section, RESTRICTION, "publisher restriction") \
	X(section, PERSONALIZATION, "no personalization")

#define TEXT(section, rule, text)	[ECAPI_RULED_##rule] = text,
#define REASON(section, rule, text)	[ECAPI_RULED_##rule] = "consent: " section text,

static const char *const texts[ECAPI_RULES_OF_CONSENT] = {RULES(TEXT, )};

/* By the ids of sections; 0 is of none. */
static const char *const reasons[ECAPI_GPP_US_LAST + 1][ECAPI_RULES_OF_CONSENT] = {
	[0] = {RULES(REASON, "")},
	[ECAPI_GPP_TCF_EU] = {RULES(REASON, "tcfeuv2 ")},
	[ECAPI_GPP_TCF_CA] = {RULES(REASON, "tcfcav1 ")},
	[ECAPI_GPP_USP] = {RULES(REASON, "uspv1 ")},
	[7] = {RULES(REASON, "usnat ")},
	[8] = {RULES(REASON, "usca ")},
	[9] = {RULES(REASON, "usva ")},
	[10] = {RULES(REASON, "usco ")},
	[11] = {RULES(REASON, "usut ")},
	[12] = {RULES(REASON, "usct ")},
	[13] = {RULES(REASON, "usfl ")},
	[14] = {RULES(REASON, "usmt ")},
	[15] = {RULES(REASON, "usor ")},
	[16] = {RULES(REASON, "ustx ")},
	[17] = {RULES(REASON, "usde ")},
	[18] = {RULES(REASON, "usia ")},
	[19] = {RULES(REASON, "usne ")},
	[20] = {RULES(REASON, "usnh ")},
	[21] = {RULES(REASON, "usnj ")},
	[22] = {RULES(REASON, "ustn ")},
	[23] = {RULES(REASON, "usmn ")},
	[24] = {RULES(REASON, "usmd ")},
	[25] = {RULES(REASON, "usin ")},
	[26] = {RULES(REASON, "usky ")},
	[27] = {RULES(REASON, "usri ")}
};

const char *
ecapi_consent_rule_text(EcapiConsentRuleId rule)
{
	return texts[rule];
}

const char *
ecapi_consent_reason(int section, EcapiConsentRuleId rule)
{
	return reasons[ecapi_gpp_section_name(section) ? section : 0][rule];
}

void
ecapi_consent_words(const EcapiConsentDecision *decision, char *text, size_t size)
{
	static const char *const outcomes[] = {
		[ECAPI_CONSENT_SEND] = "allowed",
		[ECAPI_CONSENT_RESTRICTED] = "restricted",
		[ECAPI_CONSENT_REFUSED] = "refused"
	};
	const char *section = ecapi_gpp_section_name(decision->section);
	char		item[16] = "";
	char		value[16];

	if (decision->item != 0)
		snprintf(item, sizeof(item), "[%d]", decision->item);
	/* US Privacy has letters */
	snprintf(value, sizeof(value), decision->section == ECAPI_GPP_USP ? "%c" : "%d", decision->value);
	if (decision->field == NULL)
		snprintf(text, size, "%s: %s%s%s", outcomes[decision->outcome], section ? section : "",
				 section ? " " : "", texts[decision->rule]);
	else
		snprintf(text, size, "%s: %s %s%s is %s (%s)", outcomes[decision->outcome], section,
				 decision->field, item, value, texts[decision->rule]);
}
