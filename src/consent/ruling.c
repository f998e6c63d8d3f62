/*
 * ruling.c
 *	  A decision in the making, which each section that applies has a say in.
 *
 * Invariant: a decision is the strictest that anything in the string asks for.
 *
 * No I/O, no state, no memory.
 */
#include "consent/ruling.h"

static void
note(EcapiRuling *ruling, EcapiConsentOutcome outcome, EcapiConsentRuleId rule,
	 const char *field, int item, int value)
{
	if (outcome <= ruling->decision.outcome)
		return;
	ruling->decision = (EcapiConsentDecision) {
		.outcome = outcome,
		.rule = rule,
		.section = ruling->section,
		.field = field,
		.item = item,
		.value = value
	};
}

void
ecapi_ruling_refuse(EcapiRuling *ruling, EcapiConsentRuleId rule, const char *field, int item,
					int value)
{
	note(ruling, ECAPI_CONSENT_REFUSED, rule, field, item, value);
}

void
ecapi_ruling_restrict(EcapiRuling *ruling, EcapiConsentRuleId rule, const char *field, int item,
					  int value)
{
	note(ruling, ruling->terms->restricted ? ECAPI_CONSENT_RESTRICTED : ECAPI_CONSENT_REFUSED,
		 rule, field, item, value);
}

bool
ecapi_ruling_is_for_ads(const EcapiRuling *ruling)
{
	return (ruling->terms->uses & (ECAPI_USE_SALE_OR_SHARE | ECAPI_USE_TARGETED_ADS)) != 0;
}
