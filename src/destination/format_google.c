/*
 * format_google.c
 *	  Google's Data Manager API, events:ingest: Google Ads, Analytics, Campaign Manager.
 *
 * A request has events and the destinations that they go to.  With more than one, each
 * event refers to its own by its target, which is unique there; destinations are written
 * behind the events, those that an event refers to and no other.
 *
 * Sources: googleapis, google/ads/datamanager/v1 (the messages); developers.google.com,
 * data-manager/api, pages "Limits", "Events", "Understand errors", "Diagnostics" and "ECAPI
 * specification mapping".
 *
 * No I/O, no state, no memory but the body's.
 */
#include "postgres.h"

#include "destination/credentials.h"
#include "destination/formats.h"
#include "destination/google.h"
#include "destination/grant.h"
#include "destination/oauth.h"
#include "destination/options.h"

#define SCOPE	"https://www.googleapis.com/auth/datamanager"

#define HOUR	3600

/* ---- destinations ---- */

static void
write_account(EcapiWriter *writer, const EcapiOptions *options, const char *member,
			  EcapiGoogleOption id, EcapiGoogleOption type)
{
	EcapiOpen	account;

	if (ecapi_google_option(options, id) == NULL)
		return;
	if (ecapi_google_option(options, type) == NULL)
		type = ECAPI_GOOGLE_ACCOUNT_TYPE;
	account = ecapi_write_open(writer, member, '{');
	ecapi_write_text(writer, "accountType", ecapi_google_option(options, type));
	ecapi_write_text(writer, "accountId", ecapi_google_option(options, id));
	ecapi_write_close(writer, account, '}', false);
}

static void
write_destination(EcapiWriter *writer, const EcapiOptions *options, const char *target,
				  bool several)
{
	EcapiOpen	destination = ecapi_write_open(writer, NULL, '{');

	if (several)
		ecapi_write_text(writer, "reference", target);
	write_account(writer, options, "operatingAccount", ECAPI_GOOGLE_ACCOUNT_ID,
				  ECAPI_GOOGLE_ACCOUNT_TYPE);
	write_account(writer, options, "loginAccount", ECAPI_GOOGLE_LOGIN_ID,
				  ECAPI_GOOGLE_LOGIN_TYPE);
	write_account(writer, options, "linkedAccount", ECAPI_GOOGLE_LINKED_ID,
				  ECAPI_GOOGLE_LINKED_TYPE);
	ecapi_write_text(writer, "productDestinationId", target);
	ecapi_write_close(writer, destination, '}', false);
}

/*
 * Which of the targets the events of a body refer to, by bit.  The text that is looked for
 * begins with a quote that no escape stands before, so it is in no value.
 */
static unsigned
find_referred(const EcapiBuffer *body, const char *const *targets, int n)
{
	static const char name[] = ECAPI_GOOGLE_REFERENCES;
	const char *at = body->data;
	unsigned	referred = 0;

	while (at && (at = strstr(at, name)) != NULL)
	{
		at += strlen(name);
		for (int i = 0; i < n; i++)
		{
			size_t		len = strlen(targets[i]);

			if (strncmp(at, targets[i], len) == 0 && at[len] == '"')
				referred |= 1u << i;
		}
	}
	return referred;
}

/* ---- a request ---- */

static void
google_open(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "{\"events\":[");
}

static void
google_close(EcapiShape *shape, EcapiBuffer *body)
{
	const EcapiOptions *options = shape->options;
	const char *targets[ECAPI_GOOGLE_TARGETS];
	EcapiWriter writer = {body, true};
	int			n = Min(ecapi_google_targets(options, targets), ECAPI_GOOGLE_TARGETS);
	unsigned	referred = n > 1 ? find_referred(body, targets, n) : 1;
	EcapiOpen	list;

	ecapi_buffer_char(body, ']');
	list = ecapi_write_open(&writer, "destinations", '[');
	for (int i = 0; i < n; i++)
		if (referred >> i & 1)
			write_destination(&writer, options, targets[i], n > 1);
	ecapi_write_close(&writer, list, ']', true);
	ecapi_write_text(&writer, "encoding", "HEX");
	if (options->mode == ECAPI_MODE_TEST)
		ecapi_write_bool(&writer, "validateOnly", true);
	ecapi_buffer_char(body, '}');
}

static const char *
google_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	(void) options;
	(void) key;
	(void) arena;
	return "/v1/events:ingest";
}

/*
 * Analytics takes events of the last 72 hours.  For Google Ads no number is stated; a click
 * counts for at most 90 days there, so what is older can only be refused.
 */
static int
google_age_limit(const EcapiOptions *options, const EcapiValue *event)
{
	(void) event;
	return ecapi_google_product(options) == ECAPI_GOOGLE_ANALYTICS ? 72 * HOUR : 90 * 24 * HOUR;
}

/* ---- what it carries ---- */

#define CARRIED_BY_ALL \
	"id", "timestamp", "event_type", "value", "currency_code", "source", \
	"user_data.email_address", "user_data.phone_numbers", "user_data.address.first_name", \
	"user_data.address.last_name", "user_data.address.country_code", \
	"user_data.address.postal_code", "user_data.mmt_only", "user_data.gpp_string", \
	"user_data.gpp_sid", "user_data.click_id", \
	"user_data.event_ip_address", "user_data.event_user_agent", "user_data.ifa", \
	"user_data.landing_ip_address", "user_data.landing_user_agent", "user_data.ext", \
	"properties.transaction_id", "properties.items.id", "properties.items.price", \
	"properties.items.quantity", "properties.coupon"

#define CARRIED_BY_FLOODLIGHT	"user_data.impression_id"

/* the parameters of analytics.c, and what write_analytics adds */
#define CARRIED_BY_ANALYTICS \
	"custom_event", "user_data.customer_identifier", "user_data.address.street", \
	"user_data.address.city", "user_data.address.state", "properties.items.name", \
	"properties.items.discount", "properties.items.brand", "properties.items.affiliation", \
	"properties.items.category", "properties.items.item_coupon", \
	"properties.items.item_list_id", "properties.items.item_list_name", \
	"properties.items.item_variant", "properties.items.item_location_id", \
	"properties.page_url", "properties.referrer", "properties.shipping", "properties.tax", \
	"properties.payment_type", "properties.shipping_tier", \
	"properties.virtual_currency_name", "properties.virtual_item_name", \
	"properties.lead_source", "properties.lead_status", "properties.lead_reason", \
	"properties.login_method", "properties.group_id", "properties.character_level", \
	"properties.character", "properties.post_score", "properties.achievement_id", \
	"properties.search_term", "properties.creative_name", "properties.creative_slot", \
	"properties.promotion_id", "properties.promotion_name"

static const char *const carried_by_any[] = {
	CARRIED_BY_ALL, CARRIED_BY_FLOODLIGHT, CARRIED_BY_ANALYTICS, NULL
};

static const char *const *
google_carries(const EcapiOptions *options)
{
	static const char *const ads[] = {CARRIED_BY_ALL, NULL};
	static const char *const floodlight[] = {CARRIED_BY_ALL, CARRIED_BY_FLOODLIGHT, NULL};
	static const char *const analytics[] = {CARRIED_BY_ALL, CARRIED_BY_ANALYTICS, NULL};

	switch (ecapi_google_product(options))
	{
		case ECAPI_GOOGLE_ADS:
			break;
		case ECAPI_GOOGLE_FLOODLIGHT:
			return floodlight;
		case ECAPI_GOOGLE_ANALYTICS:
			return analytics;
	}
	return ads;
}

/*
 * Of an event that Ads knows by its transaction id, value and currency are taken over; of
 * one that Analytics knows, the first wins (page "Send events", multi-source conversions).
 * Of Floodlight no page says it.  How long after a conversion is not said either; a click
 * counts for 90 days.
 */
static int
google_amend_limit(const EcapiOptions *options)
{
	const char *type = ecapi_google_option(options, ECAPI_GOOGLE_ACCOUNT_TYPE);

	return type != NULL && strcmp(type, "GOOGLE_ADS") == 0 ? 90 * 24 * HOUR : -1;
}

/* ---- access tokens ---- */

static bool
google_ask(const EcapiOptions *options, const EcapiCredentials *credentials, int64_t now,
		   EcapiArena *arena, EcapiGrantRequest *request, const char **problem)
{
	EcapiOauthSource source = {
		.url = ecapi_google_option(options, ECAPI_GOOGLE_TOKEN_URL),
		.scope = SCOPE,
		.service_account = credentials->own[ECAPI_GOOGLE_SERVICE_ACCOUNT],
		.client_id = ecapi_google_option(options, ECAPI_GOOGLE_CLIENT_ID),
		.client_secret = credentials->own[ECAPI_GOOGLE_CLIENT_SECRET],
		.refresh_token = credentials->own[ECAPI_GOOGLE_REFRESH_TOKEN]
	};

	return ecapi_oauth_ask(&source, now, arena, request, problem);
}

static const EcapiGrant google_grant = {
	.ask = google_ask,
	.take = ecapi_oauth_take
};

/*
 * transactionId is the order's number where there is one: tags send that, and only equal
 * ids of both are one conversion.
 *
 * Limits: 2000 events a request, 300 requests a minute and 100000 a day of one Cloud project
 * (page "Limits"; a comment in the messages says 10000 events).  The bytes of a request are
 * not stated: 4 MB hold 2000 events of usual size.  500 events by default, since one that
 * is at fault sends all of a request back.  A second of linger keeps a destination below
 * the requests of a day.
 *
 * Analytics' tags collect page views by themselves and ads count their impressions, so both
 * are sent only where event_types names them.  So is a refund: an id that Google does not
 * know would count as another conversion.
 */
const EcapiFormat ecapi_format_google = {
	.name = "google",
	.what = "Google Ads, Analytics and Campaign Manager 360 by the Data Manager API "
	"(events:ingest).",
	.url = ECAPI_GOOGLE_URL,
	.path = google_path,
	.identifiers = "An email address, telephone number, postal address or click id, or, for "
	"Analytics, an id of the browser, the app or the person",
	.credentials = "service_account, or refresh_token and client_secret",
	.outcomes = ECAPI_OUTCOMES_INDEX,
	.own = ecapi_google_own,
	.nown = ECAPI_GOOGLE_OPTIONS,
	.check = ecapi_google_check,
	.max_batch = 2000,
	.max_body = 4 * 1024 * 1024,
	.requests_a_minute = 300,
	.requests_a_day = 100000,
	.default_batch = 500,
	.default_linger_ms = 1000,
	.max_age_s = 90 * 24 * HOUR,
	.age_limit = google_age_limit,
	.dedupe_key = ECAPI_DEDUPE_TRANSACTION,
	.off_by_default = UINT64_C(1) << ECAPI_EVENT_ad_impression |
	UINT64_C(1) << ECAPI_EVENT_page_view | UINT64_C(1) << ECAPI_EVENT_refund,
	.addressed_refunds = true,
	.amend = ECAPI_AMEND_RESTATE,
	.amend_s = 90 * 24 * HOUR,
	.amend_limit = google_amend_limit,
	.restricted_mode = "consent.adPersonalization is denied",
	.has_test_mode = true,
	.takes_targets = true,
	.carries = carried_by_any,
	.carries_by = google_carries,
	.open = google_open,
	.add = ecapi_google_add,
	.close = google_close,
	.judge = ecapi_google_judge,
	.grant = &google_grant,
	.later = &ecapi_google_later
};
