/*
 * format_amazon.c
 *	  Amazon Ads' Events API: the options, where requests go, what frames the events.
 *
 *	  POST https://advertising-api{-eu,-fe}.amazon.com/adsApi/v1/create/events
 *	  {"events":[...]}
 *
 * The host is that of the region of the account.  Access tokens are fetched by a refresh
 * token (Login with Amazon).  The events are shaped by amazon_event.c; answers are read by
 * amazon_answer.c.
 *
 * Facts: Amazon Ads API v1, tag Events, and Segment's sender amazon-conversions-api
 * (segmentio/action-destinations).
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/amazon.h"
#include "destination/credentials.h"
#include "destination/formats.h"
#include "destination/grant.h"
#include "destination/match_keys.h"
#include "destination/oauth.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "destination/syntax.h"
#include "event/ascii.h"

#define DAY		86400

/* ---- options ---- */

/* Bytes of an account's id, which has about 20 today. */
#define ACCOUNT_MAX		100

static const char *
check_account_id(const char *value)
{
	size_t		len = strlen(value);

	if (!ecapi_all_alphanumeric(value, len, ".-_"))
		return "It has letters, digits, full stops, hyphens and underscores alone.";
	return len == 0 || len > ACCOUNT_MAX ? "It has 1 to 100 bytes." : NULL;
}

static const char *const region_words[] = {"na", "eu", "fe", NULL};

static const char *const app_os_words[] = {"ios", "android", "fire_tv", NULL};

static const EcapiOwnOption amazon_options[ECAPI_AMAZON_OPTIONS] = {
	[ECAPI_AMAZON_ACCOUNT_ID] = {"account_id", .required = true, .check = check_account_id,
		.what = "It is the id of the advertiser's account that events are for (Amazon-Ads-AccountId)."
	},
	[ECAPI_AMAZON_CLIENT_ID] = {"client_id", .required = true, .check = ecapi_syntax_token,
		.what = "It is the client of Login with Amazon that the refresh token was given to."
	},
	[ECAPI_AMAZON_REGION] = {"region", .words = region_words, .fallback = "na",
		.what = "It is the region of the account: na (North America), eu (Europe) or fe (Far East)."
	},
	[ECAPI_AMAZON_APP_OS] = {"app_os", .words = app_os_words,
		.what = ECAPI_APP_OS_WHAT
	},
	[ECAPI_AMAZON_TOKEN_URL] = {"token_url", .check = ecapi_syntax_url,
		.fallback = "https://api.amazon.com/auth/o2/token",
		.what = "It is where access tokens are asked for."
	},
	[ECAPI_AMAZON_CLIENT_SECRET] = {"client_secret", .secret = true, .required = true,
		.check = ecapi_syntax_token,
		.what = "It is the secret of the client of Login with Amazon."
	},
	[ECAPI_AMAZON_REFRESH_TOKEN] = {"refresh_token", .secret = true, .required = true,
		.check = ecapi_syntax_token,
		.what = "It is a refresh token that has access to the account."
	}
};

bool
ecapi_amazon_is_eu(const EcapiOptions *options)
{
	return strcmp(options->own[ECAPI_AMAZON_REGION], "eu") == 0;
}

/* ---- a request ---- */

#define URL_NA	"https://advertising-api.amazon.com"

static const char *
amazon_url(const EcapiOptions *options)
{
	if (ecapi_amazon_is_eu(options))
		return "https://advertising-api-eu.amazon.com";
	return strcmp(options->own[ECAPI_AMAZON_REGION], "fe") == 0 ?
		"https://advertising-api-fe.amazon.com" : URL_NA;
}

static const char *
amazon_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	(void) options;
	(void) key;
	(void) arena;
	return "/adsApi/v1/create/events";
}

static void
amazon_open(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "{\"events\":[");
}

static void
amazon_seal(EcapiSealing *sealing)
{
	char	   *const *own = sealing->shape->options->own;

	ecapi_outgoing_field(sealing, "Amazon-Ads-AccountId", own[ECAPI_AMAZON_ACCOUNT_ID], false);
	ecapi_outgoing_field(sealing, "Amazon-Ads-ClientId", own[ECAPI_AMAZON_CLIENT_ID], false);
}

static bool
amazon_ask(const EcapiOptions *options, const EcapiCredentials *credentials, int64_t now,
		   EcapiArena *arena, EcapiGrantRequest *request, const char **problem)
{
	EcapiOauthSource source = {
		.url = options->own[ECAPI_AMAZON_TOKEN_URL],
		.client_id = options->own[ECAPI_AMAZON_CLIENT_ID],
		.client_secret = credentials->own[ECAPI_AMAZON_CLIENT_SECRET],
		.refresh_token = credentials->own[ECAPI_AMAZON_REFRESH_TOKEN]
	};

	return ecapi_oauth_ask(&source, now, arena, request, problem);
}

static const EcapiGrant amazon_grant = {
	.ask = amazon_ask,
	.take = ecapi_oauth_take
};

/* ---- what it carries ---- */

#define CARRIED \
	"id", "timestamp", "event_type", "custom_event", "value", "currency_code", "source", \
	"user_data.email_address", "user_data.phone_numbers", "user_data.address.first_name", \
	"user_data.address.last_name", "user_data.address.street", "user_data.address.city", \
	"user_data.address.state", "user_data.address.country_code", \
	"user_data.address.postal_code", "user_data.gpp_string", "user_data.gpp_sid", \
	"user_data.mmt_only", \
	"user_data.event_ip_address", "user_data.landing_ip_address", "user_data.ext", \
	"properties.items.quantity", "properties.page_url"

static const char *const with_ifa[] = {CARRIED, "user_data.ifa", NULL};

static const char *const *
amazon_carries(const EcapiOptions *options)
{
	static const char *const without_ifa[] = {CARRIED, NULL};

	return options->own[ECAPI_AMAZON_APP_OS] ? with_ifa : without_ifa;
}

/*
 * Limits: 500 events a request (description of the Events API).  No page names a limit of
 * bytes or age, a rate, or how long a repeat is known by its eventId: 4 MB hold 500 events
 * of usual size; a click counts for at most 30 days at Amazon, so what is older can only be
 * refused, and a week by default and the 48 hours of most platforms are ours.
 *
 * A refund is none of Amazon's conversions, and an impression is no conversion at all, so
 * both leave only where event_types names them.
 */
const EcapiFormat ecapi_format_amazon = {
	.name = "amazon",
	.what = "Amazon Ads' Events API, for conversions outside of Amazon.",
	.url = URL_NA,
	.url_of = amazon_url,
	.path = amazon_path,
	.identifiers = "A country, and an email address, telephone number, part of an address, or, "
	"with app_os, an ifa; in the region eu also a word on consent",
	.credentials = "refresh_token and client_secret",
	.outcomes = ECAPI_OUTCOMES_EACH,
	.own = amazon_options,
	.nown = ECAPI_AMAZON_OPTIONS,
	.max_batch = 500,
	.max_body = 4 * 1024 * 1024,
	.default_batch = 500,
	.default_linger_ms = 0,
	.max_age_s = 30 * DAY,
	.default_age_s = 7 * DAY,
	.future_s = 600,
	.dedupe_s = 48 * 3600,
	.dedupe_key = ECAPI_DEDUPE_ID,
	.off_by_default = UINT64_C(1) << ECAPI_EVENT_refund |
	UINT64_C(1) << ECAPI_EVENT_ad_impression,
	.takes_targets = true,
	.carries = with_ifa,
	.carries_by = amazon_carries,
	.open = amazon_open,
	.add = ecapi_amazon_add,
	.close = ecapi_format_close_list,
	.seal = amazon_seal,
	.judge = ecapi_amazon_judge,
	.grant = &amazon_grant
};
