/*
 * policy.c
 *	  Whether a destination may have an event, by what the person consented to.
 *
 * The plain answers are read and judged here, consent strings by decide.c; here is where
 * both are found in an event.
 *
 * Invariant: under no rule but that of no option at all does an event pass whose
 * person denied ad_user_data; and nothing but a JSON true is consent.  An answer
 * that is there and cannot be read ("denied", "false", 0) stops the event as a
 * denial does: somebody was asked, and only a clear yes may be taken for one.
 *
 * No locks, no state.
 */
#include "consent/policy.h"

#include "consent/gpp.h"
#include "event/scan.h"

/* One of the answers of consent; a bare false answers every question. */
static EcapiConsentAnswer
answer_of(const EcapiValue *consent, const char *question)
{
	const EcapiValue *answer;

	if (consent == NULL || consent->type == ECAPI_NULL)
		return ECAPI_CONSENT_UNKNOWN;
	if (consent->type == ECAPI_BOOL && !consent->truth)
		return ECAPI_CONSENT_DENIED;
	if (consent->type != ECAPI_OBJECT)
		return ECAPI_CONSENT_UNREADABLE;
	answer = ecapi_value_get(consent, question);
	if (answer == NULL || answer->type == ECAPI_NULL)
		return ECAPI_CONSENT_UNKNOWN;
	if (answer->type != ECAPI_BOOL)
		return ECAPI_CONSENT_UNREADABLE;
	return answer->truth ? ECAPI_CONSENT_GRANTED : ECAPI_CONSENT_DENIED;
}

EcapiConsent
ecapi_consent_read(const EcapiValue *event)
{
	const EcapiValue *user_data = ecapi_value_get(event, "user_data");
	const EcapiValue *ext = ecapi_value_get(user_data, "ext");
	const EcapiValue *plain = ecapi_value_get(ext, "consent");
	EcapiConsent consent;

	consent.ad_user_data = answer_of(plain, "ad_user_data");
	consent.ad_personalization = answer_of(plain, "ad_personalization");
	return consent;
}

const char *
ecapi_consent_refuses(EcapiConsentRule rule, const EcapiValue *event)
{
	if (rule == ECAPI_CONSENT_IGNORED)
		return NULL;
	switch (ecapi_consent_read(event).ad_user_data)
	{
		case ECAPI_CONSENT_GRANTED:
			return NULL;
		case ECAPI_CONSENT_DENIED:
			return "consent denied";
		case ECAPI_CONSENT_UNREADABLE:
			return "consent unreadable";
		case ECAPI_CONSENT_UNKNOWN:
			break;
	}
	return rule == ECAPI_CONSENT_REQUIRED ? "consent missing" : NULL;
}

/*
 * ---- strings ----
 */

/*
 * The sections that apply, as far as they are numbers; what is none says nothing, and so do
 * all if there are more than a string can have: then every section counts.
 */
static int
read_sids(const EcapiValue *sids, int *numbers)
{
	const EcapiValue *one = sids && sids->type == ECAPI_ARRAY ? sids->first : sids;
	bool		many = sids && sids->type == ECAPI_ARRAY;
	int			n = 0;

	for (; one != NULL; one = many ? one->next : NULL)
	{
		EcapiNumber number;

		if (one->type != ECAPI_NUMBER || !ecapi_scan_number(one->text, one->len, &number) ||
			!number.integral || number.whole < -1 || number.whole > INT32_MAX)
			continue;
		if (n == ECAPI_GPP_SECTIONS)
			return 0;
		numbers[n++] = (int) number.whole;
	}
	return n;
}

EcapiConsentDecision
ecapi_consent_by_string(const EcapiConsentTerms *terms, const EcapiValue *event)
{
	const EcapiValue *user_data = ecapi_value_get(event, "user_data");
	const EcapiValue *string = ecapi_value_get(user_data, "gpp_string");
	int			sids[ECAPI_GPP_SECTIONS];
	bool		is_text = ecapi_value_is_text(string);
	int			n = 0;

	if (terms->gpp != ECAPI_GPP_IGNORED)
		n = read_sids(ecapi_value_get(user_data, "gpp_sid"), sids);
	return ecapi_consent_decide(terms, is_text ? string->text : NULL, is_text ? string->len : 0,
								sids, n);
}

const char *
ecapi_consent_restriction(const EcapiConsentTerms *terms, const EcapiValue *event)
{
	EcapiConsentDecision decision;

	if (!terms->restricted)
		return NULL;
	decision = ecapi_consent_by_string(terms, event);
	if (decision.outcome == ECAPI_CONSENT_RESTRICTED)
		return ecapi_consent_reason(decision.section, decision.rule);
	if ((terms->uses & ECAPI_USE_TARGETED_ADS) && terms->gpp != ECAPI_GPP_IGNORED &&
		ecapi_consent_read(event).ad_personalization == ECAPI_CONSENT_DENIED)
		return ecapi_consent_reason(0, ECAPI_RULED_PERSONALIZATION);
	return NULL;
}
