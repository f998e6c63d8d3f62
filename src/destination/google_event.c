/*
 * google_event.c
 *	  An event for Google's Data Manager API.
 *
 * Names are those of the REST reference, in lowerCamelCase.  What a request would be
 * refused for as a whole is found here first, because then every event of it would
 * come back: an event that nothing identifies, one that goes nowhere, a name that
 * Analytics keeps for itself, a currency that is none.
 *
 * Invariants
 *	(1) An event that is not shaped leaves the body as it was, unless the body is full.
 *	(2) Behind an event there is room for what closes the request.
 *	(3) Numbers leave as they were written; a quantity that is no whole number does not
 *		leave, because the field is one and rounding would be untrue.
 *
 * No I/O, no state, no memory but the body's.
 */
#include "postgres.h"

#include <strings.h>

#include "destination/analytics.h"
#include "destination/google.h"
#include "destination/instant.h"
#include "destination/options.h"
#include "event/codes.h"
#include "event/scan.h"

/* Where an event happened, in the words of both. */
static const struct
{
	const char *source;
	const char *word;
}			sources[] = {
	{"website", "WEB"},
	{"app", "APP"},
	{"physical_store", "IN_STORE"},
	{"phone_call", "PHONE"},
	{"chat", "MESSAGE"},
	{"business_messaging", "MESSAGE"},
	{"email", "OTHER"},
	{"system_generated", "OTHER"},
	{"other", "OTHER"}
};

/* What of an event decides whether it goes, and as what. */
typedef struct Head
{
	int			type;
	char		time[ECAPI_INSTANT_SIZE];
	char		updated[ECAPI_INSTANT_SIZE];	/* of an amendment, when it came about; else "" */
	const char *target;			/* the id that it goes to */
	const char *name;			/* of an event for Analytics; else NULL */
	size_t		name_len;
	const char *currency;		/* NULL: none */
} Head;

static bool
is_scalar(const EcapiValue *value)
{
	return ecapi_value_is_text(value) || (value && value->type == ECAPI_NUMBER);
}

/* ---- whether it goes ---- */

static const char *
read_name(const EcapiOptions *options, const EcapiValue *event, Head *head)
{
	const EcapiValue *custom = ecapi_value_get(event, "custom_event");

	head->name = options->targets[head->type];
	if (head->name == NULL)
		head->name = ecapi_analytics_event_name(head->type);
	if (head->name == NULL)
	{
		if (!ecapi_value_is_text(custom))
			return "custom_event missing";
		head->name = custom->text;
	}
	head->name_len = strlen(head->name);
	return ecapi_analytics_name_wrong(head->name, head->name_len);
}

/*
 * A conversion is restated under its own transaction id and time, with the time of the
 * restatement as lastUpdatedTimestamp.
 */
static bool
read_times(const EcapiShape *shape, const EcapiValue *event, Head *head)
{
	const EcapiValue *own = ecapi_value_get(event, "timestamp");

	if (shape->original == NULL)
		return ecapi_instant_text(own, head->time);
	return ecapi_instant_text(ecapi_value_get(shape->original, "timestamp"), head->time) &&
		ecapi_instant_text(own, head->updated);
}

/* Fill in the head; NULL, or why the event cannot be expressed. */
static const char *
read_head(const EcapiShape *shape, const EcapiValue *event, Head *head)
{
	const EcapiOptions *options = shape->options;
	const EcapiValue *type = ecapi_value_get(event, "event_type");
	const EcapiValue *value = ecapi_value_get(event, "value");
	const EcapiValue *currency = ecapi_value_get(event, "currency_code");

	memset(head, 0, sizeof(*head));
	if (!ecapi_value_is_text(type))
		return "event_type missing";
	head->type = ecapi_event_type_lookup(type->text, type->len);
	if (head->type < 0)
		return "event_type unknown";
	if (!read_times(shape, event, head))
		return "timestamp missing";
	if (ecapi_value_is_text(currency))
	{
		head->currency = ecapi_currency_lookup(currency->text, currency->len, NULL);
		if (head->currency == NULL)
			return "currency_code unknown";
	}
	else if (value && value->type == ECAPI_NUMBER)
		return "currency_code missing";
	if (ecapi_google_product(options) == ECAPI_GOOGLE_ANALYTICS)
		return read_name(options, event, head);
	head->target = options->targets[head->type];
	return head->target ? NULL : "no target";
}

/* ---- the event itself ---- */

static void
write_source(EcapiWriter *writer, const EcapiValue *source)
{
	if (!ecapi_value_is_text(source))
		return;
	for (size_t i = 0; i < lengthof(sources); i++)
		if (strcmp(sources[i].source, source->text) == 0)
			ecapi_write_text(writer, "eventSource", sources[i].word);
}

static void
write_number(EcapiWriter *writer, const char *name, const EcapiValue *value)
{
	if (value && value->type == ECAPI_NUMBER)
		ecapi_write_value(writer, name, value);
}

static void
write_string(EcapiWriter *writer, const char *name, const EcapiValue *value)
{
	if (ecapi_value_is_text(value))
		ecapi_write_value(writer, name, value);
}

/* An element {key: name, "value": text} of a list of parameters, numbers as texts, too. */
static void
write_parameter(EcapiWriter *writer, const char *key, const char *name, size_t name_len,
				const EcapiValue *value)
{
	EcapiOpen	open;

	/* of many values there is room for one */
	if (value && value->type == ECAPI_ARRAY)
		value = value->first;
	if (!is_scalar(value))
		return;
	open = ecapi_write_open(writer, NULL, '{');
	ecapi_write_text_len(writer, key, name, name_len);
	ecapi_write_text_len(writer, "value", value->text, value->len);
	ecapi_write_close(writer, open, '}', false);
}

/* The list of what an object has of the fields of a table. */
static void
write_parameters(EcapiWriter *writer, const EcapiAnalyticsParameter *table,
				 const EcapiValue *object)
{
	for (; table->field; table++)
		write_parameter(writer, "parameterName", table->name, strlen(table->name),
						ecapi_value_get(object, table->field));
}

/* A whole number above 0; it may be written as "2.0". */
static void
write_quantity(EcapiWriter *writer, const EcapiValue *quantity)
{
	EcapiNumber number;

	if (quantity && quantity->type == ECAPI_NUMBER &&
		ecapi_scan_number(quantity->text, quantity->len, &number) && number.integral &&
		!number.negative && !number.zero)
		ecapi_write_integer(writer, "quantity", number.whole);
}

/*
 * Ads finds an item in the Merchant Center by merchantProductId and Analytics reads
 * itemId; one without an id is left out.
 */
static void
write_item(EcapiWriter *writer, const EcapiValue *item, bool analytics)
{
	const EcapiValue *id = ecapi_value_get(item, "id");
	EcapiOpen	open;
	EcapiOpen	list;

	if (!ecapi_value_is_text(id))
		return;
	open = ecapi_write_open(writer, NULL, '{');
	if (!analytics)
		write_string(writer, "merchantProductId", id);
	write_string(writer, "itemId", id);
	write_quantity(writer, ecapi_value_get(item, "quantity"));
	write_number(writer, "unitPrice", ecapi_value_get(item, "price"));
	if (analytics)
	{
		list = ecapi_write_open(writer, "additionalItemParameters", '[');
		write_parameters(writer, ecapi_analytics_of_item, item);
		ecapi_write_close(writer, list, ']', false);
	}
	ecapi_write_close(writer, open, '}', false);
}

static void
write_items(EcapiWriter *writer, const EcapiValue *items, bool analytics)
{
	EcapiOpen	list = ecapi_write_open(writer, "items", '[');
	bool		many = items && items->type == ECAPI_ARRAY;

	if (many)
		items = items->first;
	for (; items; items = many ? items->next : NULL)
		write_item(writer, items, analytics);
	ecapi_write_close(writer, list, ']', false);
}

static void
write_coupons(EcapiWriter *writer, const EcapiValue *coupon)
{
	EcapiOpen	list = ecapi_write_open(writer, "couponCodes", '[');
	bool		many = coupon && coupon->type == ECAPI_ARRAY;

	if (many)
		coupon = coupon->first;
	for (; coupon; coupon = many ? coupon->next : NULL)
		write_string(writer, NULL, coupon);
	ecapi_write_close(writer, list, ']', false);
}

static void
write_cart(EcapiWriter *writer, const EcapiOptions *options, const EcapiValue *properties)
{
	bool		analytics = ecapi_google_product(options) == ECAPI_GOOGLE_ANALYTICS;
	EcapiOpen	cart = ecapi_write_open(writer, "cartData", '{');

	write_items(writer, ecapi_value_get(properties, "items"), analytics);
	write_coupons(writer, ecapi_value_get(properties, "coupon"));
	/* where items are from says nothing without items */
	if (writer->any && !analytics)
	{
		ecapi_write_text(writer, "merchantId",
						 ecapi_google_option(options, ECAPI_GOOGLE_MERCHANT_ID));
		ecapi_write_text(writer, "merchantFeedLabel",
						 ecapi_google_option(options, ECAPI_GOOGLE_FEED_LABEL));
		ecapi_write_text(writer, "merchantFeedLanguageCode",
						 ecapi_google_option(options, ECAPI_GOOGLE_FEED_LANGUAGE));
	}
	ecapi_write_close(writer, cart, '}', false);
}

/* ---- what an enrichment knows of a customer ---- */

/* A member of userProperties that has few values, by the words of an enrichment. */
static void
write_word(EcapiWriter *writer, const char *name, const EcapiValue *given,
		   const char *const *words)
{
	for (; ecapi_value_is_text(given) && *words; words++)
		if (strcasecmp(*words, given->text) == 0)
			ecapi_write_text(writer, name, *words);
}

/*
 * From user_data.ext.user_properties, which only an enrichment fills: customer_type,
 * customer_value_bucket and, for Analytics, whatever else has a text or a number.
 */
static void
write_user_properties(EcapiWriter *writer, const EcapiValue *user_data, bool analytics)
{
	static const char *const types[] = {"NEW", "RETURNING", "REENGAGED", NULL};
	static const char *const buckets[] = {"LOW", "MEDIUM", "HIGH", NULL};
	const EcapiValue *given = ecapi_value_get(ecapi_value_get(user_data, "ext"), "user_properties");
	EcapiOpen	open = ecapi_write_open(writer, "userProperties", '{');

	write_word(writer, "customerType", ecapi_value_get(given, "customer_type"), types);
	write_word(writer, "customerValueBucket", ecapi_value_get(given, "customer_value_bucket"),
			   buckets);
	if (analytics && given && given->type == ECAPI_OBJECT)
	{
		EcapiOpen	list = ecapi_write_open(writer, "additionalUserProperties", '[');

		for (const EcapiValue *member = given->first; member; member = member->next)
			if (strcmp(member->key, "customer_type") != 0 &&
				strcmp(member->key, "customer_value_bucket") != 0 &&
				ecapi_analytics_name_wrong(member->key, member->keylen) == NULL)
				write_parameter(writer, "propertyName", member->key, member->keylen, member);
		ecapi_write_close(writer, list, ']', false);
	}
	ecapi_write_close(writer, open, '}', false);
}

/* ---- all of it ---- */

static void
write_destination(EcapiWriter *writer, const EcapiOptions *options, const Head *head)
{
	const char *targets[ECAPI_GOOGLE_TARGETS];
	EcapiOpen	list;

	/* with one destination, an event that names none goes there */
	if (ecapi_google_targets(options, targets) < 2)
		return;
	list = ecapi_write_open(writer, "destinationReferences", '[');
	ecapi_write_text(writer, NULL, head->target);
	ecapi_write_close(writer, list, ']', false);
}

/* What Analytics alone takes. */
static void
write_analytics(EcapiGoogleUser *user, const Head *head, const EcapiValue *event)
{
	EcapiWriter *writer = user->writer;
	const EcapiValue *properties = ecapi_value_get(event, "properties");
	const EcapiValue *source = ecapi_value_get(event, "source");
	const char *lead_reason = ecapi_analytics_lead_reason(head->type);
	EcapiOpen	list;

	ecapi_google_write_client(user, ecapi_value_is_text(source) && strcmp(source->text, "app") == 0);
	list = ecapi_write_open(writer, "additionalEventParameters", '[');
	write_parameters(writer, ecapi_analytics_of_event, properties);
	write_parameter(writer, "parameterName", lead_reason, strlen(lead_reason),
					ecapi_value_get(properties, "lead_reason"));
	ecapi_write_close(writer, list, ']', false);
}

static void
write_event(EcapiGoogleUser *user, const Head *head, const EcapiValue *event)
{
	EcapiWriter *writer = user->writer;
	const EcapiOptions *options = user->shape->options;
	bool		analytics = user->product == ECAPI_GOOGLE_ANALYTICS;
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');

	write_destination(writer, options, head);
	write_string(writer, "transactionId", user->shape->original != NULL ?
				 ecapi_format_original_value(user->shape, event) :
				 ecapi_format_dedupe_value(options, event));
	ecapi_write_text(writer, "eventTimestamp", head->time);
	if (head->updated[0] != '\0')
		ecapi_write_text(writer, "lastUpdatedTimestamp", head->updated);
	ecapi_write_text_len(writer, "eventName", head->name, head->name_len);
	write_source(writer, ecapi_value_get(event, "source"));
	ecapi_write_text(writer, "currency", head->currency);
	write_number(writer, "conversionValue", ecapi_value_get(event, "value"));
	ecapi_google_write_consent(user);
	ecapi_google_write_ad_identifiers(user);
	ecapi_google_write_identifiers(user);
	ecapi_google_write_device(user);
	write_cart(writer, options, ecapi_value_get(event, "properties"));
	write_user_properties(writer, user->user_data, analytics);
	if (analytics)
		write_analytics(user, head, event);
	ecapi_write_close(writer, open, '}', false);
}

EcapiShaped
ecapi_google_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
				 EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	EcapiGoogleUser user = {.shape = shape, .writer = &writer};
	size_t		start = body->len;
	Head		head;

	(void) arena;
	*reason = event->type == ECAPI_OBJECT ?
		read_head(shape, event, &head) : "not an object";
	if (*reason)
		return ECAPI_UNFIT;
	shape->identified = ECAPI_IDENTIFIED_NOT;
	user.product = ecapi_google_product(shape->options);
	user.user_data = ecapi_value_get(event, "user_data");
	write_event(&user, &head, event);
	if (body->full)
		return ECAPI_SHAPED;
	if (!user.identified)
	{
		/* what was written of the person does not tell it to this product */
		shape->identified = ECAPI_IDENTIFIED_NOT;
		ecapi_buffer_truncate(body, start);
		*reason = "no identifier";
		return ECAPI_UNFIT;
	}
	if (body->max - body->len < ECAPI_GOOGLE_TAIL)
		body->full = true;
	return ECAPI_SHAPED;
}
