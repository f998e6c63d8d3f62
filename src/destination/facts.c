/*
 * facts.c
 *	  What most platforms ask of an event before anything of it is written.
 *
 * No I/O, no state, no memory.
 */
#include "destination/facts.h"

#include <string.h>

#include "destination/member.h"
#include "destination/options.h"
#include "event/codes.h"
#include "event/scan.h"
#include "event/validate.h"

static const char *
read_time(const EcapiValue *event, int64_t now, int64_t *time)
{
	const EcapiValue *timestamp = ecapi_member_number(event, "timestamp");
	EcapiNumber number;

	if (timestamp == NULL || !ecapi_scan_number(timestamp->text, timestamp->len, &number) ||
		!number.fits || number.whole <= 0)
		return "timestamp missing";
	*time = number.whole > now ? now : number.whole;
	return NULL;
}

static const EcapiValue *
page_of(const EcapiValue *event)
{
	return ecapi_member_url(ecapi_member_object(event, "properties"), "page_url");
}

const char *
ecapi_facts_source(const EcapiValue *event)
{
	const EcapiValue *source = ecapi_member_text(event, "source");
	const EcapiEnumeration *sources =
		ecapi_field_lookup(ECAPI_OBJ_EVENT, "source", strlen("source"))->values;
	int			number = source ?
		ecapi_enumeration_lookup(sources, source->text, source->len) : 0;

	if (number == 0)
		return page_of(event) ? "website" : "other";
	return sources->names[number - 1];
}

const char *
ecapi_facts_read(const EcapiShape *shape, const EcapiValue *event, EcapiFacts *facts)
{
	const EcapiValue *type;
	const EcapiValue *currency;
	const char *reason;

	memset(facts, 0, sizeof(*facts));
	if (event->type != ECAPI_OBJECT)
		return "not an object";
	type = ecapi_member_text(event, "event_type");
	if (type == NULL)
		return "event_type missing";
	facts->type = ecapi_event_type_lookup(type->text, type->len);
	if (facts->type < 0)
		return "event_type unknown";
	reason = read_time(event, shape->now, &facts->time);
	if (reason != NULL)
		return reason;
	facts->id = ecapi_format_dedupe_value(shape->options, event);
	facts->user = ecapi_member_object(event, "user_data");
	facts->properties = ecapi_member_object(event, "properties");
	facts->ext = ecapi_member_object(event, "ext");
	facts->page = page_of(event);
	facts->source = ecapi_facts_source(event);
	facts->value = ecapi_member_number(event, "value");
	currency = ecapi_member_text(event, "currency_code");
	facts->currency_given = currency != NULL;
	if (currency != NULL)
		facts->currency = ecapi_currency_lookup(currency->text, currency->len, NULL);
	return NULL;
}

bool
ecapi_facts_names_other(const EcapiShape *shape, const EcapiValue *event, const char *id,
						size_t len, const char **reason)
{
	const EcapiValue *data_set = ecapi_member_text(event, "data_set_id");

	if (data_set == NULL || shape->options->data_set_id != NULL ||
		(data_set->len == len && memcmp(data_set->text, id, len) == 0))
		return false;
	*reason = "data_set_id";
	return true;
}

const char *
ecapi_facts_money_wrong(const EcapiFacts *facts)
{
	if (facts->value == NULL || facts->currency != NULL)
		return NULL;
	return facts->currency_given ? "currency_code unknown" : "currency_code missing";
}

const char *
ecapi_facts_name(const EcapiShape *shape, const EcapiValue *event, const EcapiFacts *facts,
				 const char *const *names, const char **name)
{
	const EcapiValue *custom;

	*name = shape->options->targets[facts->type];
	if (*name == NULL)
		*name = names[facts->type];
	if (*name == NULL && facts->type == ECAPI_EVENT_custom)
	{
		custom = ecapi_member_text(event, "custom_event");
		if (custom == NULL)
			return "custom_event missing";
		*name = custom->text;
	}
	if (*name == NULL)
		*name = ecapi_event_type_name(facts->type);
	return NULL;
}

bool
ecapi_facts_has_name(const char *const *names, const char *const *more, size_t nmore,
					 const char *name)
{
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
		if (names[type] != NULL && strcmp(names[type], name) == 0)
			return true;
	for (size_t i = 0; i < nmore; i++)
		if (strcmp(more[i], name) == 0)
			return true;
	return false;
}

const EcapiValue *
ecapi_facts_given(const EcapiValue *event, const char *name)
{
	const EcapiValue *properties = ecapi_member_object(event, "properties");
	const EcapiValue *number = ecapi_member_number(ecapi_member_object(event, "ext"), name);

	return number ? number : ecapi_member_number(ecapi_member_object(properties, "ext"), name);
}
