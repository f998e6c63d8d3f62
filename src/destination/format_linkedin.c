/*
 * format_linkedin.c
 *	  LinkedIn's Conversions API: the options, what frames the events, the headers.
 *
 *	  POST https://api.linkedin.com/rest/conversionEvents
 *	  {"elements":[...]}, or with batch_size 1 the event itself
 *
 * The events are shaped by linkedin_event.c, answers are read by linkedin_answer.c.  Facts,
 * where no other source is named: learn.microsoft.com, LinkedIn Marketing, Conversions API
 * (li-lms-2026-08), with its pages on conversion rules, rate limits and versioning.
 *
 * What an event means stands at LinkedIn, in a conversion rule that the owner makes there
 * for each event type.  The event says which rule it is of, and nothing else about its type.
 *
 * Invariants
 *	(1) Only members that the schema has are written: an unknown one fails the request.
 *	(2) Names leave clear, as LinkedIn wants them, and only where the owner says so.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/formats.h"
#include "destination/linkedin.h"
#include "destination/match_keys.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "event/ascii.h"
#include "event/scan.h"

/* Digits of a rule's id: it is a 64-bit number. */
#define MAX_RULE_ID		19

/* ---- options ---- */

/* Versions are named for the month in which they came; the first was of 2022. */
static const char *
check_version(const char *value)
{
	int			month;

	if (strlen(value) != 6 || !ecapi_all_digits(value, 6) || strncmp(value, "2022", 4) < 0)
		return "A version is a year and a month, such as 202608.";
	month = atoi(value + 4);
	return month < 1 || month > 12 ? "A version ends with a month from 01 to 12." : NULL;
}

static const char *const yes_or_no[] = {"yes", "no", NULL};
static const char *const hashed_or_clear[] = {"hashed", "clear", NULL};

static const EcapiOwnOption linkedin_options[ECAPI_LINKEDIN_OPTIONS] = {
	[ECAPI_LINKEDIN_API_VERSION] = {"api_version",
		.fallback = "202608",
		.check = check_version,
		.what = "It is the version of LinkedIn's API, a year and a month such as 202608; "
		"LinkedIn takes each for about a year."
	},
	[ECAPI_LINKEDIN_SEND_NAMES] = {"send_names",
		.fallback = "no",
		.words = yes_or_no,
		.what = "With yes, first and last names leave clear, with the country: LinkedIn takes no digests of them."
	},
	[ECAPI_LINKEDIN_EXTERNAL_ID] = {"external_id",
		.fallback = "hashed",
		.words = hashed_or_clear,
		.what = "It says how customer_identifier leaves: as its digest, or clear for who has given "
		"LinkedIn the same ids elsewhere."
	},
	[ECAPI_LINKEDIN_APP_OS] = {"app_os",
		.words = ecapi_app_os_words,
		.what = ECAPI_APP_OS_WHAT
	}
};

bool
ecapi_linkedin_says(const EcapiOptions *options, EcapiLinkedinOption option, const char *word)
{
	const char *value = options->own[option];

	return value != NULL && strcmp(value, word) == 0;
}

/*
 * The type that a rule has for an event type, for who makes it (enum "type" of the page on
 * conversion rules); what has none is OTHER.
 */
static const char *const rule_types[ECAPI_EVENT_TYPES] = {
	[ECAPI_EVENT_purchase] = "PURCHASE",
	[ECAPI_EVENT_page_view] = "KEY_PAGE_VIEW",
	[ECAPI_EVENT_ad_impression] = "AD_VIEW",
	[ECAPI_EVENT_add_to_wishlist] = "ADD_TO_LIST",
	[ECAPI_EVENT_add_to_cart] = "ADD_TO_CART",
	[ECAPI_EVENT_viewed_item] = "VIEW_CONTENT",
	[ECAPI_EVENT_begin_checkout] = "START_CHECKOUT",
	[ECAPI_EVENT_add_payment_info] = "ADD_BILLING_INFO",
	[ECAPI_EVENT_generate_lead] = "LEAD",
	[ECAPI_EVENT_qualify_lead] = "QUALIFIED_LEAD",
	[ECAPI_EVENT_sign_up] = "SIGN_UP",
	[ECAPI_EVENT_search] = "SEARCH",
	[ECAPI_EVENT_install] = "INSTALL",
	[ECAPI_EVENT_contact] = "CONTACT",
	[ECAPI_EVENT_donate] = "DONATE",
	[ECAPI_EVENT_schedule] = "SCHEDULE",
	[ECAPI_EVENT_start_trial] = "START_TRIAL",
	[ECAPI_EVENT_subscribe] = "SUBSCRIBE",
	[ECAPI_EVENT_share] = "SHARE",
	[ECAPI_EVENT_select_promotion] = "AD_CLICK",
	[ECAPI_EVENT_view_promotion] = "AD_VIEW",
	[ECAPI_EVENT_login] = "LOGIN"
};

/* A rule is named by its number, or by its whole URN. */
static bool
is_rule(const char *target)
{
	size_t		prefix = strlen(ECAPI_LINKEDIN_RULE);
	size_t		len;

	if (strncmp(target, ECAPI_LINKEDIN_RULE, prefix) == 0)
		target += prefix;
	len = strlen(target);
	return len > 0 && len <= MAX_RULE_ID && ecapi_all_digits(target, len);
}

static bool
linkedin_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *target = options->targets[type];

		if ((options->event_types >> type & 1) == 0 || (target && is_rule(target)))
			continue;
		snprintf(problem->message, sizeof(problem->message),
				 target ? "event_types gives \"%s\" a target that is no conversion rule"
				 : "event_types gives \"%s\" no conversion rule", ecapi_event_type_name(type));
		snprintf(problem->detail, sizeof(problem->detail),
				 "An event counts by the rule of LinkedIn that its type goes to; that of \"%s\" is of the type %s.",
				 ecapi_event_type_name(type), rule_types[type] ? rule_types[type] : "OTHER");
		snprintf(problem->hint, sizeof(problem->hint),
				 "List the event types to send, each with the id or the URN of its conversion rule: "
				 "event_types 'purchase=104012, generate_lead=104013'.");
		return false;
	}
	return true;
}

/*
 * ---- how long a version lasts ----
 *
 * 202508 ended on 2026-08-17, so the year counts from some day of the month in the name.
 */

/* Months before the end at which the doctor begins to say so. */
#define WARNED_MONTHS	3

/* The first second of a month, counted on from January of a year. */
static int64_t
month_start(int year, int month)
{
	char		text[40];
	int64_t		seconds = 0;
	bool		zoned;

	year += month / 12;
	snprintf(text, sizeof(text), "%04d-%02d-01T00:00:00Z", year, month % 12 + 1);
	(void) ecapi_scan_time(text, strlen(text), &seconds, &zoned);
	return seconds;
}

static bool
linkedin_lasts(const EcapiOptions *options, int64_t now, EcapiFormatProblem *problem)
{
	const char *version = options->own[ECAPI_LINKEDIN_API_VERSION];
	int			month = atoi(version + 4) - 1;
	int			year = atoi(version) / 100;

	/* servers of 1.0 may have it, so it is no error */
	if (options->mmt_only)
		return ecapi_format_wrong(problem, "option mmt_only holds back all events: LinkedIn has no field for it", "",
								  "Drop the option, and leave out by a filter what LinkedIn may not have.");
	if (now < month_start(year, month + 12 - WARNED_MONTHS))
		return true;
	snprintf(problem->message, sizeof(problem->message),
			 now < month_start(year, month + 12) ? "the year for which LinkedIn takes api_version %s ends in %d-%02d"
			 : "the year for which LinkedIn takes api_version %s ended in %d-%02d",
			 version, year + 1, month + 1);
	problem->detail[0] = '\0';
	snprintf(problem->hint, sizeof(problem->hint),
			 "Set a newer one: ALTER SERVER ... OPTIONS (SET api_version '...'). LinkedIn's page on "
			 "versioning lists them; ecapi of a later version has a newer default.");
	return false;
}

/* ---- a request ---- */

/* The event is the body where a request never has more than one. */
static bool
is_single(const EcapiOptions *options)
{
	return options->batch_size == 1;
}

static const char *
linkedin_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	(void) options;
	(void) key;
	(void) arena;
	return "/rest/conversionEvents";
}

static void
linkedin_open(EcapiShape *shape, EcapiBuffer *body)
{
	if (!is_single(shape->options))
		ecapi_buffer_str(body, "{\"elements\":[");
}

static void
linkedin_close(EcapiShape *shape, EcapiBuffer *body)
{
	if (!is_single(shape->options))
		ecapi_buffer_str(body, "]}");
}

static void
linkedin_seal(EcapiSealing *sealing)
{
	const EcapiOptions *options = sealing->shape->options;

	ecapi_outgoing_field(sealing, "LinkedIn-Version", options->own[ECAPI_LINKEDIN_API_VERSION], false);
	ecapi_outgoing_field(sealing, "X-Restli-Protocol-Version", "2.0.0", false);
	if (!is_single(options))
		ecapi_outgoing_field(sealing, "X-RestLi-Method", "BATCH_CREATE", false);
	ecapi_outgoing_need_token(sealing);
}

/* ---- what it carries ---- */

#define ALWAYS \
	"id", "timestamp", "event_type", "value", "currency_code", "user_data.customer_identifier", \
	"user_data.email_address", "user_data.click_id", "user_data.event_ip_address", \
	"user_data.landing_ip_address", "user_data.mmt_only", "user_data.ext"
#define DEVICE "user_data.ifa"
#define NAMES "user_data.address.first_name", "user_data.address.last_name", \
	"user_data.address.country_code"

static const char *const carried[] = {ALWAYS, NULL};
static const char *const carried_with_device[] = {ALWAYS, DEVICE, NULL};
static const char *const carried_with_names[] = {ALWAYS, NAMES, NULL};
static const char *const carried_with_both[] = {ALWAYS, DEVICE, NAMES, NULL};

static const char *const *
linkedin_carries_by(const EcapiOptions *options)
{
	bool		device = ecapi_linkedin_says(options, ECAPI_LINKEDIN_APP_OS, "android");

	if (ecapi_linkedin_says(options, ECAPI_LINKEDIN_SEND_NAMES, "yes"))
		return device ? carried_with_both : carried_with_names;
	return device ? carried_with_device : carried;
}

/*
 * Limits: 5,000 events a request, 90 days, 600 requests a minute and 500,000 a day of one
 * member's token.  No limit of bytes is named: 4 MB is what 5,000 events with an address and
 * an amount take twice over, and a request that is refused for its size is halved.  A
 * thousand by default: one event at fault sends all of its request back.
 *
 * A repeat is one of the same eventId and rule, also where the Insight Tag sent the first.
 * For how long is said nowhere: two days is the shortest time that any platform names, so it
 * is taken for no longer.
 *
 * Timestamps: LinkedIn refuses those to come; they are sent as now.  Ten minutes less than
 * 90 days: clocks differ, and an event that is too old fails the others of its request.
 *
 * A refund has no type at LinkedIn, so it leaves only where event_types names a rule for it.
 * There is no test mode: test_url is needed for one.
 */
const EcapiFormat ecapi_format_linkedin = {
	.name = "linkedin",
	.what = "LinkedIn's Conversions API (conversionEvents).",
	.url = "https://api.linkedin.com",
	.path = linkedin_path,
	.identifiers = "An email address, click id, IPv4 address or Android's advertising id, or, with "
	"send_names, a first and a last name",
	.credentials = "access_token",
	.needs = "event_types with a conversion rule for each type",
	.outcomes = ECAPI_OUTCOMES_INDEX,
	.own = linkedin_options,
	.nown = ECAPI_LINKEDIN_OPTIONS,
	.check = linkedin_check,
	.lasts = linkedin_lasts,
	.max_batch = 5000,
	.max_body = 4 * 1024 * 1024,
	.requests_a_minute = 600,
	.requests_a_day = 500000,
	.default_batch = 1000,
	.default_linger_ms = 0,
	.max_age_s = 90 * 86400 - 600,
	.future_s = 600,
	.dedupe_s = 48 * 3600,
	.dedupe_key = ECAPI_DEDUPE_ID,
	.off_by_default = UINT64_C(1) << ECAPI_EVENT_refund,
	.takes_targets = true,
	.carries = carried_with_both,
	.carries_by = linkedin_carries_by,
	.open = linkedin_open,
	.add = ecapi_linkedin_add,
	.close = linkedin_close,
	.seal = linkedin_seal,
	.judge = ecapi_linkedin_judge
};
