/*
 * customer_key.c
 *	  Which customer an event is of, as one text.
 *
 * History is read by customer, and an enrichment finds the same customer in an event
 * that comes later; both ask here.  The first of these fields that is usable decides:
 *
 *	 customer_identifier	the shop's own number of the customer
 *	 uids.id				of the first entry
 *	 email_address			the first
 *	 phone_numbers			the first
 *
 * It is decided event by event: a customer that is named by a number in one order and
 * by an address in the next is two.  A value that stands for "none" (n/a, an address
 * without @) is not usable, as it is not when it is sent (event/normalize.c).
 *
 * No state and no locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/argument.h"
#include "base/result.h"
#include "base/tree.h"
#include "destination/country.h"
#include "destination/identity.h"
#include "history/customer_key.h"
#include "settings.h"

/* user_data is an object of arrays of objects at most. */
#define USER_DATA_DEPTH		64

static const struct
{
	const char *path;
	const char *key;
	const char *member;			/* of each entry; NULL: an entry is a text */
	bool		normal;			/* in its normal form: it is written in several ways */
}			fields[ECAPI_CUSTOMER_FIELDS] = {
	{"user_data.customer_identifier", "customer_identifier", NULL, false},
	{"user_data.uids.id", "uids", "id", false},
	{"user_data.email_address", "email_address", NULL, true},
	{"user_data.phone_numbers", "phone_numbers", NULL, true}
};

PG_FUNCTION_INFO_V1(ecapi_customer);

/* The text of a field, or of its first entry; NULL: it has none. */
static const char *
text_of(const EcapiValue *user_data, int field)
{
	const EcapiValue *value = ecapi_value_get(user_data, fields[field].key);

	if (value != NULL && value->type == ECAPI_ARRAY)
		value = value->first;
	if (value != NULL && fields[field].member != NULL)
		value = ecapi_value_get(value, fields[field].member);
	return ecapi_value_is_text(value) ? value->text : NULL;
}

void
ecapi_customer_key(const EcapiValue *user_data, const char *default_country,
				   EcapiCustomerKey *key)
{
	memset(key, 0, sizeof(*key));
	if (user_data == NULL || user_data->type != ECAPI_OBJECT)
		return;
	key->country = ecapi_country_of_user(user_data, default_country);
	for (int i = 0; i < ECAPI_CUSTOMER_FIELDS; i++)
		key->texts[i] = text_of(user_data, i);
}

void
ecapi_customer_key_copy(EcapiCustomerKey *key, MemoryContext context)
{
	for (int i = 0; i < ECAPI_CUSTOMER_FIELDS; i++)
		if (key->texts[i] != NULL)
			key->texts[i] = MemoryContextStrdup(context, key->texts[i]);
}

/* One field's text as it tells a customer; NULL: it is not usable. */
static char *
usable(int field, const char *given, const char *country, bool digest)
{
	const EcapiIdentityRule *rule = ecapi_identity_rule("ecapi", fields[field].path);
	int			len = (int) strlen(given);
	char	   *utf8;
	EcapiIdentityForm form;
	EcapiViolationCode reason;
	bool		formed;

	ecapi_tree_check_text(given, len);
	utf8 = pg_server_to_any(given, len, PG_UTF8);
	formed = digest
		? ecapi_identity_form(rule, NULL, utf8, strlen(utf8), country, &form, &reason)
		: ecapi_identity_normal(rule, utf8, strlen(utf8), country, &form, &reason);
	if (!formed)
	{
		if (form.result == ECAPI_NORMALIZED_NO_MEMORY)
			ecapi_tree_out_of_memory();
		return NULL;
	}
	if (!digest && !fields[field].normal)
		return pstrdup(given);
	return pg_any_to_server(pnstrdup(form.text, form.len), (int) form.len, PG_UTF8);
}

char *
ecapi_customer_text(const EcapiCustomerKey *key, bool digest, const char **path)
{
	for (int i = 0; i < ECAPI_CUSTOMER_FIELDS; i++)
	{
		char	   *text = key->texts[i] == NULL ? NULL
			: usable(i, key->texts[i], key->country, digest);

		if (text == NULL)
			continue;
		*path = fields[i].path;
		return text;
	}
	*path = NULL;
	return NULL;
}

/*
 * ecapi.customer(user_data jsonb, digest boolean): the customer of an event, as
 * ecapi.history() names it; NULL when user_data does not say, or is nested too deeply.
 */
Datum
ecapi_customer(PG_FUNCTION_ARGS)
{
	EcapiArena	arena;
	EcapiValue *user_data;
	EcapiCustomerKey key;
	const char *path;
	char	   *text;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	ecapi_tree_stoppable_arena(&arena, CurrentMemoryContext);
	user_data = ecapi_tree_from_jsonb(&arena, PG_GETARG_JSONB_P(0), USER_DATA_DEPTH);
	if (arena.failed)
		ecapi_tree_out_of_memory();
	ecapi_customer_key(user_data, ecapi_default_country(), &key);
	text = ecapi_customer_text(&key, !PG_ARGISNULL(1) && PG_GETARG_BOOL(1), &path);
	if (text == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
