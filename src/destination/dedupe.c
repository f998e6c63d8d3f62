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

const EcapiValue *
ecapi_format_dedupe_value(const EcapiOptions *options, const EcapiValue *event)
{
	const EcapiValue *value = NULL;

	if (options->dedupe_key == ECAPI_DEDUPE_TRANSACTION)
	{
		const EcapiValue *properties = ecapi_value_get(event, "properties");

		value = properties == NULL ? NULL : ecapi_value_get(properties, "transaction_id");
	}
	if (!ecapi_value_is_text(value))
		value = ecapi_value_get(event, "id");
	return ecapi_value_is_text(value) ? value : NULL;
}
