/*
 * policy.h
 *	  Whether a destination may have an event, by what the person consented to.
 *
 * The standard's form is a GPP string (user_data.gpp_string, gpp_sid), judged by decide.h;
 * the plain form is user_data.ext.consent, an object with the booleans ad_user_data and
 * ad_personalization, for shops that have no such string.  A denial of either wins.
 *
 * Pure C: sees the event only.
 */
#ifndef ECAPI_POLICY_CONSENT_H
#define ECAPI_POLICY_CONSENT_H

#include "consent/decide.h"
#include "event/value.h"

typedef enum EcapiConsentRule
{
	ECAPI_CONSENT_IGNORED,		/* no such option */
	ECAPI_CONSENT_REQUIRED,		/* 'required': only who consented */
	ECAPI_CONSENT_IF_PRESENT	/* 'if_present': not who denied, nor whose answer
								 * cannot be read */
} EcapiConsentRule;

typedef enum EcapiConsentAnswer
{
	ECAPI_CONSENT_UNKNOWN,
	ECAPI_CONSENT_GRANTED,
	ECAPI_CONSENT_DENIED,
	ECAPI_CONSENT_UNREADABLE	/* an answer is there, but no true or false */
} EcapiConsentAnswer;

typedef struct EcapiConsent
{
	EcapiConsentAnswer ad_user_data;
	EcapiConsentAnswer ad_personalization;
	EcapiConsentAnswer ad_storage;	/* Amazon's word; where it is not said, the one before */
} EcapiConsent;

/*
 * What an event says.  Absent and null are unknown; a bare false in place of the
 * object denies everything; anything else but true and false is unreadable.
 */
extern EcapiConsent ecapi_consent_read(const EcapiValue *event);

/*
 * NULL when the event may be sent under the rule; else the reason, a constant:
 * "consent denied", "consent unreadable" or "consent missing".  ad_user_data decides: it is the one about
 * giving a person's data to an advertising platform; ad_personalization is
 * passed on where the platform has a field for it.
 */
extern const char *ecapi_consent_refuses(EcapiConsentRule rule, const EcapiValue *event);

/*
 * The answers for a platform that has fields for them: the plain ones, and where there are
 * none those of the consent string.  A denial of either wins; a section that is about opting
 * out denies, but never grants.  user_data may be NULL.
 */
extern EcapiConsent ecapi_consent_answers(const EcapiValue *user_data);

/*
 * The TC string that a consent string is, or has as its section 2: a place in it, and *len
 * its bytes; NULL: it has none.
 */
extern const char *ecapi_consent_tc_string(const EcapiValue *string, size_t *len);

/* What the event's string says to a destination; see decide.h. */
extern EcapiConsentDecision ecapi_consent_by_string(const EcapiConsentTerms *terms,
													const EcapiValue *event);

/*
 * Why the event may be sent in the destination's restricted mode alone, a constant: its
 * string says so (decision is that of ecapi_consent_by_string(), and no refusal), or
 * ad_personalization was denied, or cannot be read, and the destination targets ads.  NULL: it may be sent as
 * usual.
 */
extern const char *ecapi_consent_restriction(const EcapiConsentTerms *terms,
											 const EcapiConsentDecision *decision,
											 const EcapiValue *event);

#endif							/* ECAPI_POLICY_CONSENT_H */
