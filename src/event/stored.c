/*
 * stored.c
 *	  What a stored event says of itself, for those who decide about it or count it.
 *
 * The worker, a preview and users' SQL read these members here alone, so that an event
 * is of one type and worth one amount to all of them.
 */
#include "event/stored.h"

#include <stdlib.h>
#include <string.h>

#include "event/amended.h"
#include "event/fields.h"

/* Characters of a number, and its exponent: no double has more. */
#define NUMBER_MAX_LEN		400
#define NUMBER_MAX_EXPONENT	400

const char *
ecapi_stored_problem(const EcapiValue *tree, const char *error)
{
	if (tree == NULL)
		return error;
	return tree->type == ECAPI_OBJECT ? NULL : "not a JSON object";
}

int
ecapi_stored_type(const EcapiValue *event)
{
	const EcapiValue *type = ecapi_value_get(event, "event_type");

	return type && type->type == ECAPI_STRING ? ecapi_event_type_lookup(type->text, type->len)
		: -1;
}

const EcapiValue *
ecapi_stored_money(const EcapiValue *event, const char **currency)
{
	const EcapiValue *code = ecapi_value_get(event, "currency_code");
	const EcapiValue *value = ecapi_value_get(event, "value");

	*currency = "";
	/* it says once more what its original is worth */
	if (ecapi_amend_original(event) != NULL)
		return NULL;
	if (code == NULL || code->type != ECAPI_STRING || code->len != 3 ||
		strspn(code->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3 ||
		value == NULL || value->type != ECAPI_NUMBER || value->len > NUMBER_MAX_LEN)
		return NULL;
	*currency = code->text;
	return value;
}

bool
ecapi_stored_fits_numeric(const char *text, size_t len)
{
	const char *exponent = strpbrk(text, "eE");
	long		by = exponent ? strtol(exponent + 1, NULL, 10) : 0;

	return len <= NUMBER_MAX_LEN && by >= -NUMBER_MAX_EXPONENT && by <= NUMBER_MAX_EXPONENT;
}

bool
ecapi_stored_is_erased(const EcapiValue *event)
{
	const EcapiValue *erased = ecapi_value_get(event, "erased");

	return erased && erased->type == ECAPI_BOOL && erased->truth;
}
