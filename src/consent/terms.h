/*
 * terms.h
 *	  The terms of a destination, and what a consent string says to them.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_TERMS_H
#define ECAPI_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a destination does with an event; bits. */
typedef enum EcapiUses
{
	ECAPI_USE_SALE_OR_SHARE = 1 << 0,	/* an independent third party may use it again */
	ECAPI_USE_TARGETED_ADS = 1 << 1,	/* audiences, bidding, profiles */
	ECAPI_USE_MEASUREMENT = 1 << 2	/* a service provider attributes and reports */
} EcapiUses;

/* Sensitive data, in the categories of the sections of the United States; bits. */
typedef enum EcapiSensitive
{
	ECAPI_SENSITIVE_RACE = 1 << 0,
	ECAPI_SENSITIVE_RELIGION = 1 << 1,
	ECAPI_SENSITIVE_HEALTH = 1 << 2,
	ECAPI_SENSITIVE_SEX = 1 << 3,	/* sex life or orientation */
	ECAPI_SENSITIVE_CITIZENSHIP = 1 << 4,	/* or immigration */
	ECAPI_SENSITIVE_GENETIC = 1 << 5,
	ECAPI_SENSITIVE_BIOMETRIC = 1 << 6,
	ECAPI_SENSITIVE_LOCATION = 1 << 7,	/* precise */
	ECAPI_SENSITIVE_GOVERNMENT_ID = 1 << 8,
	ECAPI_SENSITIVE_FINANCIAL = 1 << 9, /* accounts, and how to get into them */
	ECAPI_SENSITIVE_UNION = 1 << 10,	/* membership of one */
	ECAPI_SENSITIVE_MESSAGES = 1 << 11, /* contents of messages */
	ECAPI_SENSITIVE_CRIME_VICTIM = 1 << 12,
	ECAPI_SENSITIVE_NATIONAL_ORIGIN = 1 << 13,
	ECAPI_SENSITIVE_TRANSGENDER = 1 << 14	/* or nonbinary */
} EcapiSensitive;

/* What is asked of a string. */
typedef enum EcapiGppRule
{
	ECAPI_GPP_IGNORED,
	ECAPI_GPP_IF_PRESENT,		/* a string that is there must allow it */
	ECAPI_GPP_REQUIRED			/* there must be one that does */
} EcapiGppRule;

/* A destination, as far as consent strings are concerned. */
typedef struct EcapiConsentTerms
{
	EcapiGppRule gpp;
	unsigned	uses;			/* of EcapiUses */
	unsigned	sensitive;		/* of EcapiSensitive: what the events carry */
	bool		mspa_signatory; /* it has signed the IAB's Multi-State Privacy Agreement */
	int			tcf_vendor_id;	/* its id in the vendor list; 0: none is known */
	uint32_t	tcf_purposes;	/* that must be allowed; bit P is purpose P */
	bool		restricted;		/* it has a mode in which it serves the sender alone, and may
								 * be sent events in it */
} EcapiConsentTerms;

typedef enum EcapiConsentOutcome
{
	ECAPI_CONSENT_SEND,
	ECAPI_CONSENT_RESTRICTED,	/* only in the restricted mode */
	ECAPI_CONSENT_REFUSED
} EcapiConsentOutcome;

/* The rules, in the order of decide.c; what each says is ecapi_consent_rule_text(). */
typedef enum EcapiConsentRuleId
{
	ECAPI_RULED_BY_NONE,		/* nothing speaks against it */

	/* of the string, or of a section as a whole */
	ECAPI_RULED_NO_STRING,
	ECAPI_RULED_STRING_BROKEN,
	ECAPI_RULED_SECTION_BROKEN,
	ECAPI_RULED_SECTION_ABSENT,
	ECAPI_RULED_VERSION,

	/* of the United States */
	ECAPI_RULED_SALE,
	ECAPI_RULED_SHARING,
	ECAPI_RULED_TARGETED_ADS,
	ECAPI_RULED_GPC,
	ECAPI_RULED_SERVICE_PROVIDER,
	ECAPI_RULED_MSPA,
	ECAPI_RULED_CHILD,
	ECAPI_RULED_SENSITIVE,
	ECAPI_RULED_SECONDARY_USE,
	ECAPI_RULED_NOTICE,
	ECAPI_RULED_CHOICE,

	/* of the Transparency and Consent Framework */
	ECAPI_RULED_GLOBAL_SCOPE,
	ECAPI_RULED_POLICY,
	ECAPI_RULED_NO_VENDOR_ID,
	ECAPI_RULED_VENDOR,
	ECAPI_RULED_PURPOSE,
	ECAPI_RULED_RESTRICTION,
	ECAPI_RULED_PERSONALIZATION,

	ECAPI_RULES_OF_CONSENT
} EcapiConsentRuleId;

typedef struct EcapiConsentDecision
{
	EcapiConsentOutcome outcome;
	EcapiConsentRuleId rule;
	int			section;		/* its id; 0: of none */
	const char *field;			/* in the words of the section; NULL: none */
	int			item;			/* of a list, from 1, or the purpose; 0: the field itself */
	int			value;			/* what was read */
	bool		opted_in;		/* a section of the TCF, which is about opting in, was read */
} EcapiConsentDecision;

/* ---- reason.c ---- */

/* "sale opt-out": lower case, without values. */
extern const char *ecapi_consent_rule_text(EcapiConsentRuleId rule);

/*
 * The reason of a decision, for counters and logs: a constant, "consent: usca sale opt-out".
 * There are as many as there are sections and rules.
 */
extern const char *ecapi_consent_reason(int section, EcapiConsentRuleId rule);

/*
 * A decision in words: "refused: usca SaleOptOut is 1 (sale opt-out)", with the field that
 * decided and what was read.  Written into text; at most size bytes with the NUL.
 */
#define ECAPI_CONSENT_WORDS	160
extern void ecapi_consent_words(const EcapiConsentDecision *decision, char *text, size_t size);

#endif							/* ECAPI_TERMS_H */
