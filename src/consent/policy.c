/*
 * policy.c
 *	  Whether a destination may have an event, by what the person consented to.
 *
 * The plain answers are read and judged here, consent strings by decide.c; here is where
 * both are found in an event.
 *
 * Invariant: under no rule but that of no option at all does an event pass whose
 * person denied ad_user_data; and nothing but a JSON true is consent.  An answer
 * that is there and cannot be read ("denied", "false", 0) stops or restricts the
 * event as a denial does: somebody was asked, and only a clear yes may be taken for one.
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

static EcapiConsent
read_plain(const EcapiValue *user_data)
{
	const EcapiValue *plain = ecapi_value_get(ecapi_value_get(user_data, "ext"), "consent");
	EcapiConsent consent;

	consent.ad_user_data = answer_of(plain, "ad_user_data");
	consent.ad_personalization = answer_of(plain, "ad_personalization");
	consent.ad_storage = answer_of(plain, "ad_storage");
	if (consent.ad_storage == ECAPI_CONSENT_UNKNOWN)
		consent.ad_storage = consent.ad_personalization;
	return consent;
}

EcapiConsent
ecapi_consent_read(const EcapiValue *event)
{
	return read_plain(ecapi_value_get(event, "user_data"));
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

/* What the string of a person says to each of nterms, of which several ignore none. */
static void
decide_each(const EcapiConsentTerms *terms, int nterms, const EcapiValue *user_data,
			EcapiConsentDecision *decisions)
{
	const EcapiValue *string = ecapi_value_get(user_data, "gpp_string");
	bool		is_text = ecapi_value_is_text(string);
	int			sids[ECAPI_GPP_SECTIONS];
	int			n = read_sids(ecapi_value_get(user_data, "gpp_sid"), sids);

	ecapi_consent_decide_each(terms, nterms, is_text ? string->text : NULL,
							  is_text ? string->len : 0, sids, n, decisions);
}

EcapiConsentDecision
ecapi_consent_by_string(const EcapiConsentTerms *terms, const EcapiValue *event)
{
	EcapiConsentDecision decision = {.outcome = ECAPI_CONSENT_SEND};

	if (terms->gpp != ECAPI_GPP_IGNORED)
		decide_each(terms, 1, ecapi_value_get(event, "user_data"), &decision);
	return decision;
}

/* An answer was given, and it is no clear yes. */
static bool
is_no(EcapiConsentAnswer answer)
{
	return answer == ECAPI_CONSENT_DENIED || answer == ECAPI_CONSENT_UNREADABLE;
}

const char *
ecapi_consent_restriction(const EcapiConsentTerms *terms, const EcapiConsentDecision *decision,
						  const EcapiValue *event)
{
	if (!terms->restricted)
		return NULL;
	if (decision->outcome == ECAPI_CONSENT_RESTRICTED)
		return ecapi_consent_reason(decision->section, decision->rule);
	if ((terms->uses & ECAPI_USE_TARGETED_ADS) && terms->gpp != ECAPI_GPP_IGNORED &&
		is_no(ecapi_consent_read(event).ad_personalization))
		return ecapi_consent_reason(0, ECAPI_RULED_PERSONALIZATION);
	return NULL;
}

/*
 * ---- answers for platforms ----
 */

/*
 * Giving a person's data to an ads platform is measurement with access to the device;
 * personalization is the making and the use of profiles.  So consent management platforms
 * document Google's reading of the purposes of the TCF.  Who has signed the MSPA is no
 * question of what the person chose.
 */
enum
{
	USER_DATA,
	PERSONALIZATION,
	QUESTIONS
};
static const EcapiConsentTerms questions[QUESTIONS] = {
	[USER_DATA] = {
		.gpp = ECAPI_GPP_IF_PRESENT,
		.uses = ECAPI_USE_MEASUREMENT,
		.mspa_signatory = true,
		.tcf_purposes = 1u << 1 | 1u << 7
	},
	[PERSONALIZATION] = {
		.gpp = ECAPI_GPP_IF_PRESENT,
		.uses = ECAPI_USE_TARGETED_ADS,
		.mspa_signatory = true,
		.tcf_purposes = 1u << 3 | 1u << 4
	}
};

/* What is known of one answer; who opted in, where a section is about that, has granted it. */
static EcapiConsentAnswer
answer_with(EcapiConsentAnswer plain, const EcapiConsentDecision *decision)
{
	if (decision->outcome != ECAPI_CONSENT_SEND)
		return ECAPI_CONSENT_DENIED;
	return plain == ECAPI_CONSENT_UNKNOWN && decision->opted_in ? ECAPI_CONSENT_GRANTED : plain;
}

EcapiConsent
ecapi_consent_answers(const EcapiValue *user_data)
{
	EcapiConsent consent = read_plain(user_data);
	EcapiConsentDecision decisions[QUESTIONS];

	if (!ecapi_value_is_text(ecapi_value_get(user_data, "gpp_string")))
		return consent;
	decide_each(questions, QUESTIONS, user_data, decisions);
	consent.ad_user_data = answer_with(consent.ad_user_data, &decisions[USER_DATA]);
	consent.ad_personalization = answer_with(consent.ad_personalization,
											 &decisions[PERSONALIZATION]);
	consent.ad_storage = answer_with(consent.ad_storage, &decisions[PERSONALIZATION]);
	return consent;
}

const char *
ecapi_consent_tc_string(const EcapiValue *string, size_t *len)
{
	EcapiGpp	gpp;

	if (!ecapi_value_is_text(string) || ecapi_gpp_split(string->text, string->len, &gpp) != NULL)
		return NULL;
	for (int i = 0; i < gpp.nsections; i++)
	{
		if (gpp.sections[i].id == ECAPI_GPP_TCF_EU)
		{
			*len = gpp.sections[i].len;
			return gpp.sections[i].text;
		}
	}
	return NULL;
}
