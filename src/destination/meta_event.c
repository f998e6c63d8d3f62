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

#include "destination/app_data.h"
#include "destination/facts.h"
#include "destination/member.h"
#include "destination/meta.h"
#include "destination/options.h"
#include "destination/select.h"
#include "event/amended.h"

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
 * ---- what an event is ----
 */

/* What Meta asks beyond what most platforms do. */
typedef struct Extras
{
	const char *name;			/* event_name */
	const EcapiValue *app;		/* app_data, of an app's event */
	const EcapiValue *channel;	/* messaging_channel, of one of business messaging */
	const EcapiValue *original; /* the event that a value is appended to, or NULL */
	const EcapiValue *original_order;	/* its transaction id, or NULL */
	const char *original_name;
	int64_t		original_time;
} Extras;

static bool
is_channel(const EcapiValue *channel)
{
	return channel && (strcmp(channel->text, "messenger") == 0 ||
					   strcmp(channel->text, "whatsapp") == 0 ||
					   strcmp(channel->text, "instagram") == 0);
}

/* What some sources need, and the standard has no field for. */
static const char *
find_needed(const EcapiFacts *facts, Extras *extras)
{
	if (strcmp(facts->source, "website") == 0 && facts->page == NULL)
		return "event_source_url missing";
	if (strcmp(facts->source, "app") == 0)
	{
		extras->app = ecapi_app_data(facts->ext);
		if (extras->app == NULL)
			return "app_data missing";
	}
	if (strcmp(facts->source, "business_messaging") == 0)
	{
		extras->channel = ecapi_member_text(facts->ext, "messaging_channel");
		if (!is_channel(extras->channel))
			return "messaging_channel missing";
	}
	if (facts->value == NULL && strcmp(extras->name, "Purchase") == 0)
		return "value missing";
	return ecapi_facts_money_wrong(facts);
}

/*
 * A value that became known after its event goes as an event of its own, which names the
 * first one: ext.original, with event_type, timestamp and id or transaction_id
 * (original_event_data of Server Event Parameters; how long after is said nowhere, so an
 * option says it).  *filtered: its time is over.
 */
static const char *
find_original(const EcapiShape *shape, const EcapiFacts *facts, Extras *extras, bool *filtered)
{
	EcapiFacts	original;
	const char *reason;

	extras->original = shape->original != NULL ? shape->original
		: ecapi_member_object(facts->ext, ECAPI_ORIGINAL);
	if (extras->original == NULL)
		return NULL;
	/* what the options take out of events is not in an amendment's properties either */
	extras->original_order = ecapi_member_text(shape->original != NULL ? facts->properties
											   : extras->original, "transaction_id");
	extras->name = shape->options->own[ECAPI_META_APPEND_EVENT_NAME];
	reason = ecapi_facts_read(shape, extras->original, &original);
	if (reason == NULL)
		reason = ecapi_facts_name(shape, extras->original, &original, standard_names,
								  &extras->original_name);
	if (reason != NULL || (ecapi_member_text(extras->original, "id") == NULL &&
						   extras->original_order == NULL))
		return "original incomplete";
	extras->original_time = original.time;
	*filtered = shape->now - original.time > ecapi_meta_amend_limit(shape->options);
	return *filtered ? ECAPI_REASON_ORIGINAL_OLD : NULL;
}

static const char *
find_extras(const EcapiShape *shape, const EcapiValue *event, const EcapiFacts *facts,
			Extras *extras, bool *filtered)
{
	const char *reason;

	memset(extras, 0, sizeof(*extras));
	reason = ecapi_facts_name(shape, event, facts, standard_names, &extras->name);
	if (reason == NULL)
		reason = find_original(shape, facts, extras, filtered);
	return reason ? reason : find_needed(facts, extras);
}

/*
 * ---- writing it ----
 */

static void
write_consent(EcapiWriter *writer, const EcapiOptions *options, const EcapiValue *user)
{
	char	   *const *own = options->own;
	EcapiOpen	open;

	if (ecapi_member_is_true(user, "mmt_only"))
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
write_original(EcapiWriter *writer, const EcapiOptions *options, const Extras *extras)
{
	const EcapiValue *order = extras->original_order;
	const EcapiValue *id = ecapi_member_text(extras->original, "id");
	EcapiOpen	open = ecapi_write_open(writer, "original_event_data", '{');

	ecapi_write_text(writer, "event_name", extras->original_name);
	ecapi_write_integer(writer, "event_time", extras->original_time);
	ecapi_write_value(writer, "order_id", order);
	/* by what the original went under */
	ecapi_write_value(writer, "event_id",
					  options->dedupe_key == ECAPI_DEDUPE_TRANSACTION && order ? order : id);
	(void) ecapi_write_close(writer, open, '}', true);
}

static const char *
write_event(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *event,
			const EcapiFacts *facts, const Extras *extras)
{
	const char *reason;

	ecapi_write_text(writer, "event_name", extras->name);
	ecapi_write_integer(writer, "event_time", facts->time);
	ecapi_write_value(writer, "event_id", facts->id);
	ecapi_write_text(writer, "action_source", facts->source);
	ecapi_write_value(writer, "messaging_channel", extras->channel);
	ecapi_write_value(writer, "event_source_url", facts->page);
	ecapi_write_value(writer, "referrer_url", ecapi_member_url(facts->properties, "referrer"));
	write_consent(writer, shape->options, facts->user);
	reason = ecapi_meta_write_user(shape, writer, facts->user, facts->time,
								   strcmp(facts->source, "website") == 0);
	if (reason != NULL)
		return reason;
	ecapi_meta_write_custom(writer, event, facts->value, facts->currency);
	if (extras->app != NULL)
		write_app(writer, extras->app);
	if (extras->original != NULL)
		write_original(writer, shape->options, extras);
	return NULL;
}

EcapiShaped
ecapi_meta_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
			   EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	open;
	EcapiFacts	facts;
	Extras		extras;
	bool		filtered = false;

	(void) arena;
	*reason = ecapi_facts_read(shape, event, &facts);
	if (*reason == NULL)
		*reason = find_extras(shape, event, &facts, &extras, &filtered);
	if (*reason != NULL)
		return filtered ? ECAPI_FILTERED : ECAPI_UNFIT;

	open = ecapi_write_open(&writer, NULL, '{');
	*reason = write_event(shape, &writer, event, &facts, &extras);
	return ecapi_format_shaped(&writer, open, *reason);
}

int
ecapi_meta_amend_limit(const EcapiOptions *options)
{
	return atoi(options->own[ECAPI_META_APPEND_FOR_DAYS]) * 86400;
}

/*
 * Seven days, 62 for the events of a store (Using the API, Event Transaction Time).  Ten
 * minutes less: an event that gets too old on its way fails the others of its request,
 * and clocks differ.
 */
int
ecapi_meta_age_limit(const EcapiOptions *options, const EcapiValue *event)
{
	const EcapiValue *source = ecapi_member_text(event, "source");

	(void) options;
	return source && strcmp(source->text, "physical_store") == 0 ?
		ECAPI_META_AGE_STORE : ECAPI_META_AGE;
}
