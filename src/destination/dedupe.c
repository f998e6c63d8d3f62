/*
 * dedupe.c
 *	  What a platform recognises a repeat of an event by.
 *
 * An order may reach a platform twice on purpose: from its tag in the browser, and from
 * here.  The platform counts it once if both bring the same key, so the owner says which
 * key the tag sends (option dedupe_key).
 *
 * No locks, no state, no memory.
 */
#include "postgres.h"

#include "destination/options.h"

/* The transaction id, if that is the key; NULL: it is not, or there is none. */
static const EcapiValue *
transaction_of(const EcapiOptions *options, const EcapiValue *event)
{
	const EcapiValue *properties = ecapi_value_get(event, "properties");
	const EcapiValue *value;

	if (options->dedupe_key != ECAPI_DEDUPE_TRANSACTION || properties == NULL)
		return NULL;
	value = ecapi_value_get(properties, "transaction_id");
	return ecapi_value_is_text(value) ? value : NULL;
}

const EcapiValue *
ecapi_format_dedupe_value(const EcapiOptions *options, const EcapiValue *event)
{
	const EcapiValue *value = transaction_of(options, event);

	if (value == NULL)
		value = ecapi_value_get(event, "id");
	return ecapi_value_is_text(value) ? value : NULL;
}

/* An amendment has the transaction id of its original, and an id of its own. */
const EcapiValue *
ecapi_format_original_value(const EcapiShape *shape, const EcapiValue *event)
{
	const EcapiValue *value = transaction_of(shape->options, event);

	if (value == NULL)
		value = ecapi_value_get(shape->original, "id");
	return ecapi_value_is_text(value) ? value : NULL;
}
