/*
 * identity.h
 *	  What each format makes of an identifier: its form, whether it leaves as a digest,
 *	  and which ready-made digests it can use.
 *
 * Pure C: no server header, no I/O, no allocation.  Rules are constant and live as long
 * as the process.
 */
#ifndef ECAPI_IDENTITY_H
#define ECAPI_IDENTITY_H

#include "event/digest.h"
#include "event/violation.h"

/* Which values of 64 hex digits, which are taken for digests, leave as they are. */
typedef enum EcapiIdentityDigests
{
	ECAPI_DIGESTS_NONE,			/* none: its form may be another one */
	ECAPI_DIGESTS_US,			/* where the country is known to use ZIP codes */
	ECAPI_DIGESTS_ALL			/* all: the standard's form is the platform's */
} EcapiIdentityDigests;

typedef struct EcapiIdentityRule
{
	const char *format;			/* as the option format has it */
	const char *field;			/* path of the standard: "user_data.address.city" */
	const char *as;				/* the platform's name, where the field has several there and
								 * a rule for each; else NULL */
	EcapiRule	rule;
	bool		hashed;			/* leaves as SHA-256; else the form leaves clear */
	EcapiIdentityDigests digests;
	const char *source;			/* who says so, and why */
} EcapiIdentityRule;

/* A value as it leaves; the caller's, with its text in it. */
typedef struct EcapiIdentityForm
{
	EcapiNormalized result;		/* how the value was taken */
	size_t		len;			/* bytes of text; 64 of a digest */
	char		text[ECAPI_NORMALIZED_MAX]; /* UTF-8, NUL-terminated; "": left out */
} EcapiIdentityForm;

/*
 * The rule of a format for a field, by its path without indices
 * (ecapi_field_path()).  NULL: the platform has no place for it, or it is no
 * identifier, or there is no such format.  Formats that send the standard's own
 * identifiers, such as "webhook", have the rules of "ecapi", whose name these bear.
 * The search is linear, over a few dozen first letters.
 */
extern const EcapiIdentityRule *ecapi_identity_rule(const char *format, const char *path);

/* The same, and of several rules that for the platform's name. */
extern const EcapiIdentityRule *ecapi_identity_rule_as(const char *format, const char *path,
													   const char *as);

/*
 * The form of a value (len bytes) under a rule: where the rule hashes, 64 lower-case hex
 * digits, else the normal form in clear.  digests (or NULL) keeps digests: formats with
 * one normalizer share them.  country, alpha-2 in lower case or NULL, is that of the
 * address, for user_data that of the user (country.h).
 *
 * False: the value is left out, and form->result says how to take that.  Of
 * ECAPI_NORMALIZED_EMPTY nobody is told; ECAPI_NORMALIZED_NO_MEMORY says nothing about
 * the value; in any other case *reason is what to report.
 */
extern bool ecapi_identity_form(const EcapiIdentityRule *rule, EcapiDigestCache *digests,
								const char *text, size_t len, const char *country,
								EcapiIdentityForm *form, EcapiViolationCode *reason);

/*
 * The same before it is hashed: the normal form, or a digest that the rule can use.  For
 * who shows it to the one who gave the value.
 */
extern bool ecapi_identity_normal(const EcapiIdentityRule *rule, const char *text, size_t len,
								  const char *country, EcapiIdentityForm *form,
								  EcapiViolationCode *reason);

/* Whether what leaves by a rule tells a person from others, as no name or place does. */
extern bool ecapi_identity_tells_person(const EcapiIdentityRule *rule);

/* All rules, from 0; NULL behind the last. */
extern const EcapiIdentityRule *ecapi_identity_nth(int i);

/* Names of formats that have rules, from 0; NULL behind the last.  For ecapi_closest(). */
extern const char *ecapi_identity_format_nth(int i, void *arg);

/* The format's name (constant) by len bytes of it; NULL: it has no rules. */
extern const char *ecapi_identity_format(const char *name, size_t len);

#endif							/* ECAPI_IDENTITY_H */
