/*
 * policy.c
 *	  Whether a destination may have an event, by what the person consented to.
 *
 * One place reads what an event says, another decides by it; a reader of GPP
 * strings is one more source of the same answers, asked before the plain form.
 *
 * Invariant: under no rule but that of no option at all does an event pass whose
 * person denied ad_user_data; and nothing but a JSON true is consent.  An answer
 * that is there and cannot be read ("denied", "false", 0) stops the event as a
 * denial does: somebody was asked, and only a clear yes may be taken for one.
 *
 * No locks, no state.
 */
#include "consent/policy.h"

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
