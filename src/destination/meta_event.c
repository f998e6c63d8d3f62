/*
 * meta_event.c
 *	  One event in the shape of Meta's Conversions API.
 *
 * One event that Meta refuses loses its whole request, so each of its known conditions is
 * looked at here, and an event that lacks one is unfit:
 *
 *	an identifier, and not only broad ones		(Best Practices, Baseline requirements
 *												for matching; meta_user.c)
 *	a user agent and a URL, of a website's event (Parameters)
 *	app_data, of an app's event, and a channel, of one of business messaging
 *												(Server Event Parameters)
 *	value and currency, of "Purchase"			(Custom Data Parameters)
 *
 * Invariants
 *	(1) Identifiers are written by meta_user.c alone, and what the field table marks as
 *		hashed leaves as a digest or not at all.
 *	(2) ext of the event and of user_data do not leave, but for the members that the
 *		manual names (doc/formats.md).
 *	(3) An event that is not shaped leaves the body as it was; see format.h.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/meta.h"
#include "destination/options.h"
#include "event/codes.h"
#include "event/scan.h"
#include "event/validate.h"

/* Elements of app_data.extinfo. */
#define EXTINFO		16

static const char *const standard_names[ECAPI_EVENT_TYPES] = {
	[ECAPI_EVENT_purchase] = "Purchase",
	[ECAPI_EVENT_page_view] = "PageView",
	[ECAPI_EVENT_add_to_wishlist] = "AddToWishlist",
	[ECAPI_EVENT_add_to_cart] = "AddToCart",
	[ECAPI_EVENT_viewed_item] = "ViewContent",
	[ECAPI_EVENT_begin_checkout] = "InitiateCheckout",
	[ECAPI_EVENT_add_payment_info] = "AddPaymentInfo",
	[ECAPI_EVENT_generate_lead] = "Lead",
	[ECAPI_EVENT_sign_up] = "CompleteRegistration",
	[ECAPI_EVENT_search] = "Search",
	[ECAPI_EVENT_customize_product] = "CustomizeProduct",
	[ECAPI_EVENT_contact] = "Contact",
	[ECAPI_EVENT_donate] = "Donate",
	[ECAPI_EVENT_find_location] = "FindLocation",
	[ECAPI_EVENT_schedule] = "Schedule",
	[ECAPI_EVENT_start_trial] = "StartTrial",
	[ECAPI_EVENT_subscribe] = "Subscribe"
};

const char *
ecapi_meta_standard_name(int type)
{
	return type >= 0 && type < ECAPI_EVENT_TYPES ? standard_names[type] : NULL;
}

/*
 * ---- members ----
 */

const EcapiValue *
ecapi_meta_text(const EcapiValue *object, const char *name)
{
	const EcapiValue *value = object ? ecapi_value_get(object, name) : NULL;

	return value && value->type == ECAPI_STRING && value->len > 0 ? value : NULL;
}

const EcapiValue *
ecapi_meta_number(const EcapiValue *object, const char *name)
{
	const EcapiValue *value = object ? ecapi_value_get(object, name) : NULL;
	EcapiNumber number;

	if (value == NULL || value->type != ECAPI_NUMBER ||
		!ecapi_scan_number(value->text, value->len, &number))
		return NULL;
	return value;
}

const EcapiValue *
ecapi_meta_object(const EcapiValue *object, const char *name)
{
	const EcapiValue *value = object ? ecapi_value_get(object, name) : NULL;

	return value && value->type == ECAPI_OBJECT ? value : NULL;
}

/* A member that is an absolute URL of the web; else NULL. */
static const EcapiValue *
url_of(const EcapiValue *object, const char *name)
{
	const EcapiValue *value = ecapi_meta_text(object, name);

	if (value == NULL || !ecapi_scan_url(value->text, value->len) ||
		(strncmp(value->text, "https://", 8) != 0 && strncmp(value->text, "http://", 7) != 0))
		return NULL;
	return value;
}

static void
write_member(EcapiWriter *writer, const char *name, const EcapiValue *text)
{
	if (text != NULL)
		ecapi_write_text_len(writer, name, text->text, text->len);
}

/*
 * ---- what an event is ----
 */

/* What is known of an event before anything of it is written. */
typedef struct Facts
{
	const char *name;			/* event_name */
	int64_t		time;			/* event_time */
	const char *source;			/* action_source */
	const EcapiValue *page;		/* event_source_url, or NULL */
	const EcapiValue *value;	/* or NULL */
	const char *currency;		/* of value, or NULL */
	const EcapiValue *app;		/* app_data, of an app's event */
	const EcapiValue *channel;	/* messaging_channel, of one of business messaging */
	const EcapiValue *original; /* the event that a value is appended to, or NULL */
	const char *original_name;
	int64_t		original_time;
} Facts;

/* The platform's name: the destination's own for the type, else Meta's, else ours. */
static const char *
find_name(const EcapiOptions *options, const EcapiValue *event, const char **name)
{
	const EcapiValue *type = ecapi_meta_text(event, "event_type");
	const EcapiValue *custom = ecapi_meta_text(event, "custom_event");
	int			which;

	if (type == NULL)
		return "event_type missing";
	which = ecapi_event_type_lookup(type->text, type->len);
	if (which < 0)
		return "event_type unknown";
	*name = options->targets[which];
	if (*name == NULL)
		*name = standard_names[which];
	if (*name == NULL && which == ECAPI_EVENT_custom)
	{
		if (custom == NULL)
			return "custom_event missing";
		*name = custom->text;
	}
	if (*name == NULL)
		*name = ecapi_event_type_name(which);
	return NULL;
}

/*
 * Meta refuses times to come, and how far its clock may differ is said nowhere, so what a
 * clock that is ahead of ours wrote happened now.
 */
static const char *
find_time(const EcapiValue *event, int64_t now, int64_t *time)
{
	const EcapiValue *timestamp = ecapi_meta_number(event, "timestamp");
	EcapiNumber number;

	if (timestamp == NULL || !ecapi_scan_number(timestamp->text, timestamp->len, &number) ||
		!number.fits || number.whole <= 0)
		return "timestamp missing";
	*time = number.whole > now ? now : number.whole;
	return NULL;
}

/* The standard's words are Meta's.  Without one, an event with a page is a website's. */
static const char *
find_source(const EcapiValue *event, const EcapiValue *page)
{
	const EcapiValue *source = ecapi_meta_text(event, "source");
	const EcapiEnumeration *sources =
		ecapi_field_lookup(ECAPI_OBJ_EVENT, "source", strlen("source"))->values;
	const char *otherwise = page ? "website" : "other";
	int			number = 0;

	if (source != NULL)
		number = ecapi_enumeration_lookup(sources, source->text, source->len);
	if (number == 0)
		number = ecapi_enumeration_lookup(sources, otherwise, strlen(otherwise));
	return sources->names[number - 1];
}

static const char *
find_money(const EcapiValue *event, Facts *facts)
{
	const EcapiValue *currency = ecapi_meta_text(event, "currency_code");

	facts->value = ecapi_meta_number(event, "value");
	facts->currency = currency ?
		ecapi_currency_lookup(currency->text, currency->len, NULL) : NULL;
	if (facts->value == NULL)
		return strcmp(facts->name, "Purchase") == 0 ? "value missing" : NULL;
	if (facts->currency == NULL)
		return currency ? "currency_code unknown" : "currency_code missing";
	return NULL;
}

static bool
is_flag(const EcapiValue *app, const char *name)
{
	const EcapiValue *value = ecapi_value_get(app, name);

	return value && (value->type == ECAPI_BOOL ||
					 (value->type == ECAPI_NUMBER && value->len == 1 &&
					  (value->text[0] == '0' || value->text[0] == '1')));
}

/* app_data as Meta wants it, by the application: nothing else knows what is in it. */
static bool
is_app_data(const EcapiValue *app)
{
	const EcapiValue *info = app ? ecapi_value_get(app, "extinfo") : NULL;

	if (info == NULL || info->type != ECAPI_ARRAY || info->len != EXTINFO ||
		!is_flag(app, "advertiser_tracking_enabled") ||
		!is_flag(app, "application_tracking_enabled"))
		return false;
	for (const EcapiValue *text = info->first; text; text = text->next)
	{
		if (text->type != ECAPI_STRING)
			return false;
	}
	return strcmp(info->first->text, "a2") == 0 || strcmp(info->first->text, "i2") == 0;
}

static bool
is_channel(const EcapiValue *channel)
{
	return channel && (strcmp(channel->text, "messenger") == 0 ||
					   strcmp(channel->text, "whatsapp") == 0 ||
					   strcmp(channel->text, "instagram") == 0);
}

/* What some sources need, and the standard has no field for. */
static const char *
find_extras(const EcapiValue *event, Facts *facts)
{
	const EcapiValue *ext = ecapi_meta_object(event, "ext");

	if (strcmp(facts->source, "website") == 0 && facts->page == NULL)
		return "event_source_url missing";
	if (strcmp(facts->source, "app") == 0)
	{
		facts->app = ecapi_meta_object(ext, "app_data");
		if (!is_app_data(facts->app))
			return "app_data missing";
	}
	if (strcmp(facts->source, "business_messaging") == 0)
	{
		facts->channel = ecapi_meta_text(ext, "messaging_channel");
		if (!is_channel(facts->channel))
			return "messaging_channel missing";
	}
	return NULL;
}

/*
 * A value that became known after its event goes as an event of its own, which names the
 * first one: ext.original, with event_type, timestamp and id or transaction_id
 * (original_event_data of Server Event Parameters; how long after is said nowhere, so an
 * option says it).  *filtered: its time is over.
 */
static const char *
find_original(const EcapiOptions *options, const EcapiValue *event, int64_t now,
			  Facts *facts, bool *filtered)
{
	const char *days = options->own[ECAPI_META_APPEND_FOR_DAYS];
	const char *reason;

	facts->original = ecapi_meta_object(ecapi_meta_object(event, "ext"), "original");
	if (facts->original == NULL)
		return NULL;
	facts->name = options->own[ECAPI_META_APPEND_EVENT_NAME];
	reason = find_name(options, facts->original, &facts->original_name);
	if (reason == NULL)
		reason = find_time(facts->original, now, &facts->original_time);
	if (reason != NULL || (ecapi_meta_text(facts->original, "id") == NULL &&
						   ecapi_meta_text(facts->original, "transaction_id") == NULL))
		return "original incomplete";
	*filtered = now - facts->original_time > (int64_t) atoi(days) * 86400;
	return *filtered ? "original too old" : NULL;
}

static const char *
find_facts(const EcapiShape *shape, const EcapiValue *event, Facts *facts, bool *filtered)
{
	const char *reason;

	memset(facts, 0, sizeof(*facts));
	reason = find_name(shape->options, event, &facts->name);
	if (reason == NULL)
		reason = find_time(event, shape->now, &facts->time);
	if (reason == NULL)
		reason = find_original(shape->options, event, shape->now, facts, filtered);
	if (reason != NULL)
		return reason;
	facts->page = url_of(ecapi_meta_object(event, "properties"), "page_url");
	facts->source = find_source(event, facts->page);
	reason = find_extras(event, facts);
	return reason ? reason : find_money(event, facts);
}

/*
 * ---- writing it ----
 */

static void
write_consent(EcapiWriter *writer, const EcapiOptions *options, const EcapiValue *event)
{
	const EcapiValue *user = ecapi_meta_object(event, "user_data");
	const EcapiValue *mmt_only = user ? ecapi_value_get(user, "mmt_only") : NULL;
	char	   *const *own = options->own;
	EcapiOpen	open;

	if (mmt_only && mmt_only->type == ECAPI_BOOL && mmt_only->truth)
		ecapi_write_bool(writer, "opt_out", true);
	if (own[ECAPI_META_DATA_PROCESSING] == NULL)
		return;
	open = ecapi_write_open(writer, "data_processing_options", '[');
	ecapi_write_text(writer, NULL, own[ECAPI_META_DATA_PROCESSING]);
	(void) ecapi_write_close(writer, open, ']', true);
	ecapi_write_integer(writer, "data_processing_options_country",
						atoi(own[ECAPI_META_DATA_PROCESSING_COUNTRY]));
	ecapi_write_integer(writer, "data_processing_options_state",
						atoi(own[ECAPI_META_DATA_PROCESSING_STATE]));
}

static void
write_app(EcapiWriter *writer, const EcapiValue *app)
{
	static const char *const names[] = {"advertiser_tracking_enabled",
	"application_tracking_enabled", "extinfo"};
	EcapiOpen	open = ecapi_write_open(writer, "app_data", '{');

	for (size_t i = 0; i < lengthof(names); i++)
		ecapi_write_value(writer, names[i], ecapi_value_get(app, names[i]));
	(void) ecapi_write_close(writer, open, '}', true);
}

static void
write_original(EcapiWriter *writer, const EcapiOptions *options, const Facts *facts)
{
	const EcapiValue *order = ecapi_meta_text(facts->original, "transaction_id");
	const EcapiValue *id = ecapi_meta_text(facts->original, "id");
	EcapiOpen	open = ecapi_write_open(writer, "original_event_data", '{');

	ecapi_write_text(writer, "event_name", facts->original_name);
	ecapi_write_integer(writer, "event_time", facts->original_time);
	write_member(writer, "order_id", order);
	/* by what the original went under */
	write_member(writer, "event_id", options->dedupe_key == ECAPI_DEDUPE_TRANSACTION && order ?
				 order : id);
	(void) ecapi_write_close(writer, open, '}', true);
}

static const char *
write_event(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *event,
			const Facts *facts)
{
	const EcapiValue *properties = ecapi_meta_object(event, "properties");
	const char *reason;

	ecapi_write_text(writer, "event_name", facts->name);
	ecapi_write_integer(writer, "event_time", facts->time);
	write_member(writer, "event_id", ecapi_format_dedupe_value(shape->options, event));
	ecapi_write_text(writer, "action_source", facts->source);
	write_member(writer, "messaging_channel", facts->channel);
	write_member(writer, "event_source_url", facts->page);
	write_member(writer, "referrer_url", url_of(properties, "referrer"));
	write_consent(writer, shape->options, event);
	reason = ecapi_meta_write_user(shape, writer, event, facts->time,
								   strcmp(facts->source, "website") == 0);
	if (reason != NULL)
		return reason;
	ecapi_meta_write_custom(writer, event, facts->value, facts->currency);
	if (facts->app != NULL)
		write_app(writer, facts->app);
	if (facts->original != NULL)
		write_original(writer, shape->options, facts);
	return NULL;
}

EcapiShaped
ecapi_meta_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
			   EcapiBuffer *body, const char **reason)
{
	const EcapiValue *data_set = ecapi_meta_text(event, "data_set_id");
	size_t		before = body->len;
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	open;
	Facts		facts;
	bool		filtered = false;

	(void) arena;
	*reason = NULL;
	if (event->type != ECAPI_OBJECT)
		*reason = "not an object";
	else if (data_set != NULL && strcmp(data_set->text, shape->options->data_set_id) != 0)
	{
		*reason = "data_set_id";
		return ECAPI_FILTERED;
	}
	else
		*reason = find_facts(shape, event, &facts, &filtered);
	if (*reason != NULL)
		return filtered ? ECAPI_FILTERED : ECAPI_UNFIT;

	open = ecapi_write_open(&writer, NULL, '{');
	*reason = write_event(shape, &writer, event, &facts);
	if (*reason == NULL)
	{
		(void) ecapi_write_close(&writer, open, '}', true);
		return ECAPI_SHAPED;
	}
	if (!body->full)
		ecapi_buffer_truncate(body, before);
	return ECAPI_UNFIT;
}

/*
 * Seven days, 62 for the events of a store (Using the API, Event Transaction Time).  Ten
 * minutes less: an event that gets too old on its way fails the others of its request,
 * and clocks differ.
 */
int
ecapi_meta_age_limit(const EcapiOptions *options, const EcapiValue *event)
{
	const EcapiValue *source = ecapi_meta_text(event, "source");

	(void) options;
	return source && strcmp(source->text, "physical_store") == 0 ?
		ECAPI_META_AGE_STORE : ECAPI_META_AGE;
}
