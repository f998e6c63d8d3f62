/*
 * identity.c
 *	  What each format makes of an identifier: its form, whether it leaves as a digest,
 *	  and which ready-made digests it can use.
 *
 * identity.def is the table, a line for each format and field; a further platform is
 * further lines, and a normalizer where none of event/normalize_platform.c fits.
 *
 * Invariants
 *	(1) What a rule hashes leaves as 64 hex digits or not at all: ecapi_identity_form()
 *		writes nothing else.
 *	(2) A digest is never hashed again, and leaves only where it is of the platform's
 *		form.  Its form cannot be seen, so a field that the standard sends hashed is
 *		taken to hold the standard's, and a field that it sends clear one of no
 *		known form.  A digest that meets nobody is worse than none: it counts as
 *		sent.
 *	(3) The rules of "ecapi" are those of the field table.
 *
 * No locks, no state.
 */
#include "destination/identity.h"

#include <string.h>

#include "event/codes.h"

/* What each field is below. */
#define USER_DATA	"user_data."

static const EcapiIdentityRule rules[] = {
#define ECAPI_IDENTITY(format, field, rule, leaves, digests, source) \
	ECAPI_IDENTITY_AS(format, field, NULL, rule, leaves, digests, source)
#define ECAPI_IDENTITY_AS(format, field, as, rule, leaves, digests, source) \
	{format, USER_DATA field, as, ECAPI_RULE_##rule, LEAVES_##leaves, ECAPI_DIGESTS_##digests, source},
#define LEAVES_HASHED	true
#define LEAVES_CLEAR	false
#include "destination/identity.def"
#undef LEAVES_HASHED
#undef LEAVES_CLEAR
#undef ECAPI_IDENTITY
#undef ECAPI_IDENTITY_AS
};

#define NRULES ((int) (sizeof(rules) / sizeof(rules[0])))

/* Formats, and those whose rules they have. */
static const struct
{
	const char *name;
	const char *rules;
}			formats[] = {
#define ECAPI_IDENTITY_FORMAT(name, rules) {name, rules},
#include "destination/identity.def"
#undef ECAPI_IDENTITY_FORMAT
};

#define NFORMATS ((int) (sizeof(formats) / sizeof(formats[0])))

const EcapiIdentityRule *
ecapi_identity_nth(int i)
{
	return i >= 0 && i < NRULES ? &rules[i] : NULL;
}

const char *
ecapi_identity_format_nth(int i, void *arg)
{
	(void) arg;
	return i >= 0 && i < NFORMATS ? formats[i].name : NULL;
}

const char *
ecapi_identity_format(const char *name, size_t len)
{
	for (int i = 0; i < NFORMATS; i++)
		if (strlen(formats[i].name) == len && memcmp(formats[i].name, name, len) == 0)
			return formats[i].name;
	return NULL;
}

/* The first letters differ nearly always: who asks for each event waits for few calls. */
static bool
same(const char *a, const char *b)
{
	return a[0] == b[0] && strcmp(a, b) == 0;
}

const EcapiIdentityRule *
ecapi_identity_rule(const char *format, const char *path)
{
	return ecapi_identity_rule_as(format, path, NULL);
}

const EcapiIdentityRule *
ecapi_identity_rule_as(const char *format, const char *path, const char *as)
{
	const char *field;

	if (strncmp(path, USER_DATA, sizeof(USER_DATA) - 1) != 0)
		return NULL;
	field = path + sizeof(USER_DATA) - 1;
	for (int i = 0; i < NFORMATS; i++)
	{
		if (!same(formats[i].name, format))
			continue;
		for (int k = 0; k < NRULES; k++)
			if (same(rules[k].field + sizeof(USER_DATA) - 1, field) &&
				same(rules[k].format, formats[i].rules) &&
				(as == NULL || rules[k].as == NULL || strcmp(rules[k].as, as) == 0))
				return &rules[k];
	}
	return NULL;
}

bool
ecapi_identity_tells_person(const EcapiIdentityRule *rule)
{
	static const char *const fields[] = {
		"email_address", "phone_numbers", "customer_identifier", "uids.id", "ifa"
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (same(rule->field + sizeof(USER_DATA) - 1, fields[i]))
			return true;
	return false;
}

/* What a result means for the value; the text of one that is left out goes. */
static bool
judge_result(const EcapiIdentityRule *rule, const char *country, EcapiIdentityForm *form,
	  EcapiViolationCode *reason)
{
	*reason = ECAPI_VIOLATION_FORM;
	switch (form->result)
	{
		case ECAPI_NORMALIZED:
			return true;
		case ECAPI_NORMALIZED_DIGEST:
			if (rule->digests == ECAPI_DIGESTS_ALL ||
				(rule->digests == ECAPI_DIGESTS_US && ecapi_country_has_zip(country)))
				return true;
			*reason = ECAPI_VIOLATION_DIGEST;
			break;
		case ECAPI_NORMALIZED_NO_COUNTRY:
			*reason = ECAPI_VIOLATION_COUNTRY;
			break;
		case ECAPI_NORMALIZED_INVALID:
		case ECAPI_NORMALIZED_EMPTY:
		case ECAPI_NORMALIZED_NO_MEMORY:
			break;
	}
	form->len = 0;
	form->text[0] = '\0';
	return false;
}

bool
ecapi_identity_normal(const EcapiIdentityRule *rule, const char *text, size_t len,
					  const char *country, EcapiIdentityForm *form,
					  EcapiViolationCode *reason)
{
	EcapiBuffer normal;

	ecapi_buffer_over(&normal, form->text, sizeof(form->text));
	form->result = ecapi_normalize(rule->rule, text, len, country, &normal);
	form->len = normal.len;
	return judge_result(rule, country, form, reason);
}

bool
ecapi_identity_form(const EcapiIdentityRule *rule, EcapiDigestCache *digests,
					const char *text, size_t len, const char *country,
					EcapiIdentityForm *form, EcapiViolationCode *reason)
{
	if (!rule->hashed)
		return ecapi_identity_normal(rule, text, len, country, form, reason);
	form->result = ecapi_digest_field(digests, rule->rule, text, len, country, form->text);
	form->len = strlen(form->text);
	return judge_result(rule, country, form, reason);
}
