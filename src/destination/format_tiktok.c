/*
 * format_tiktok.c
 *	  TikTok's Events API 2.0: the options, where requests go, what frames the events.
 *
 *	  POST https://business-api.tiktok.com/open_api/v1.3/event/track/
 *	  Access-Token: ...
 *	  {"data":[...],"event_source":"web","event_source_id":"...","test_event_code":"..."}
 *
 * The source of events and its id stand once in a request, so the source is the key by
 * which events share one.  The events are shaped by tiktok_event.c (user by tiktok_user.c);
 * answers are read by tiktok_answer.c.
 *
 * TikTok's portal could not be read.  Facts are from its template for tag managers
 * (gtm-template-eapi), its help pages, and public senders that name the portal's pages
 * (social-hub, rudder-transformer, Segment 3.497.0).  What none of them is sure of has the
 * safer default, and an option.
 *
 * Invariants
 *	(1) The token is in a header of its own, and comes in when a request is sealed.
 *	(2) All events of a body have one source, shape->key.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/formats.h"
#include "destination/match_keys.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "destination/tiktok.h"
#include "event/ascii.h"

/*
 * Bytes of an id, which has about 20 characters, and of a test event code, which has about
 * 10; both have to fit into the room that closing a body may take (body.c).
 */
#define MAX_ID		64
#define MAX_CODE	32

const char *const ecapi_tiktok_source_names[ECAPI_TIKTOK_SOURCES] = {
	[ECAPI_TIKTOK_WEB] = "web",
	[ECAPI_TIKTOK_APP] = "app",
	[ECAPI_TIKTOK_OFFLINE] = "offline",
	[ECAPI_TIKTOK_CRM] = "crm"
};

/*
 * ---- options ----
 */

static bool
is_id(const char *id, size_t len)
{
	return len > 0 && len <= MAX_ID && ecapi_all_alphanumeric(id, len, "");
}

/* An entry of event_source_ids, "offline = 7000000000000000001". */
typedef struct Entry
{
	int			source;			/* EcapiTiktokSource; -1: none of TikTok's */
	const char *id;
	size_t		len;
} Entry;

/* Read the entry at at, and return where the next one begins; NULL behind the last. */
static const char *
read_entry(const char *at, Entry *entry)
{
	size_t		name;
	const char *end;

	at += strspn(at, " ");
	name = strcspn(at, " =,");
	entry->source = -1;
	for (int i = 0; i < ECAPI_TIKTOK_SOURCES; i++)
		if (strlen(ecapi_tiktok_source_names[i]) == name &&
			strncmp(ecapi_tiktok_source_names[i], at, name) == 0)
			entry->source = i;
	at += name;
	at += strspn(at, " ");
	at += *at == '=';
	at += strspn(at, " ");
	entry->id = at;
	entry->len = strcspn(at, " ,");
	end = at + entry->len;
	end += strspn(end, " ");
	if (*end == '\0')
		return NULL;
	if (*end != ',')
		entry->len = 0;			/* two words */
	return end + 1;
}

static const char *
check_source_ids(const char *value)
{
	unsigned	seen = 0;

	for (const char *next = value; next != NULL;)
	{
		Entry		entry;

		next = read_entry(next, &entry);
		if (entry.source < 0)
			return "A source of events is web, app, offline or crm.";
		if (!is_id(entry.id, entry.len))
			return "Each source is followed by \"=\" and its id, of letters and digits, as in 'offline=7000000000000000001'.";
		if (seen >> entry.source & 1)
			return "A source stands there twice.";
		seen |= 1u << entry.source;
	}
	return NULL;
}

static const char *
check_app_id(const char *value)
{
	return ecapi_match_is_id(value, strlen(value)) ? NULL :
		"It is digits (App Store), or a name of letters, digits, \"_\" and \".\" (Google Play).";
}

static const char *
check_test_event_code(const char *value)
{
	if (strlen(value) > MAX_CODE)
		return "It has at most 32 bytes.";
	return is_id(value, strlen(value)) ? NULL :
		"It has letters and digits alone, such as TEST12345.";
}

static const char *const device_words[] = {"hashed", "clear", NULL};
static const char *const case_words[] = {"lower", "keep", NULL};
static const char *const limited_words[] = {"required", "mmt_only", "all", NULL};

static const EcapiOwnOption tiktok_options[ECAPI_TIKTOK_OPTIONS] = {
	[ECAPI_TIKTOK_EVENT_SOURCE_IDS] = {"event_source_ids",
		.check = check_source_ids,
		.what = "It is the id of each source of events beside the website's pixel, as in 'app=..., "
		"offline=..., crm=...'; web may stand there, too."},
	[ECAPI_TIKTOK_APP_ID] = {"app_id",
		.check = check_app_id,
		.what = "It is the id of the app in its store, which events of an app need."},
	[ECAPI_TIKTOK_APP_OS] = {"app_os",
		.words = ecapi_app_os_words,
		.what = ECAPI_APP_OS_WHAT},
	[ECAPI_TIKTOK_DEVICE_IDS] = {"device_ids",
		.fallback = "hashed",
		.words = device_words,
		.what = "It is \"hashed\" to send an ifa as SHA-256, or \"clear\" to send it as it is."},
	[ECAPI_TIKTOK_EXTERNAL_ID_CASE] = {"external_id_case",
		.fallback = "lower",
		.words = case_words,
		.what = "It is \"lower\" to hash external_id in lower case, or \"keep\" to hash it as it is "
		"written, as TikTok's pixel does."},
	[ECAPI_TIKTOK_LIMITED_DATA_USE] = {"limited_data_use",
		.fallback = "required",
		.words = limited_words,
		.what = "It is \"required\" to send events with mmt_only under the flag or not at all, "
		"\"mmt_only\" to send those that cannot have it without, or \"all\" to send no event "
		"without."},
	[ECAPI_TIKTOK_TEST_EVENT_CODE] = {"test_event_code",
		.check = check_test_event_code,
		.what = "It is the code that the page \"Test Events\" of TikTok's Events Manager shows."}
};

const char *
ecapi_tiktok_source_id(const EcapiOptions *options, EcapiTiktokSource source, size_t *len)
{
	const char *id = source == ECAPI_TIKTOK_WEB ? options->data_set_id : NULL;

	if (id != NULL)
	{
		*len = strlen(id);
		return id;
	}
	for (const char *next = options->own[ECAPI_TIKTOK_EVENT_SOURCE_IDS]; next != NULL;)
	{
		Entry		entry;

		next = read_entry(next, &entry);
		*len = entry.len;
		if (entry.source == (int) source)
			return entry.id;
	}
	return NULL;
}

EcapiTiktokSource
ecapi_tiktok_source(const EcapiOptions *options, const EcapiValue *event)
{
	const char *source = ecapi_facts_source(event);
	size_t		len;

	if (strcmp(source, "website") == 0)
		return ECAPI_TIKTOK_WEB;
	if (strcmp(source, "app") == 0)
		return ECAPI_TIKTOK_APP;
	return ecapi_tiktok_lead(event) != NULL &&
		ecapi_tiktok_source_id(options, ECAPI_TIKTOK_CRM, &len) != NULL ?
		ECAPI_TIKTOK_CRM : ECAPI_TIKTOK_OFFLINE;
}

/* The website's id can be given in two places; then it is one. */
static bool
check_web_id(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	const char *id = options->data_set_id;

	if (id != NULL && !is_id(id, strlen(id)))
		return ecapi_format_wrong(problem, "option \"data_set_id\" is none of TikTok's",
								  "The id of a pixel at TikTok has letters and digits alone.",
								  "Take it from Events Manager: data_set_id 'C4A1B2C3D4E5F6G7H8I9'.");
	for (const char *next = options->own[ECAPI_TIKTOK_EVENT_SOURCE_IDS]; id != NULL && next != NULL;)
	{
		Entry		entry;

		next = read_entry(next, &entry);
		if (entry.source == ECAPI_TIKTOK_WEB &&
			(strlen(id) != entry.len || memcmp(id, entry.id, entry.len) != 0))
			return ecapi_format_wrong(problem, "options \"data_set_id\" and \"event_source_ids\" name two pixels",
									  "data_set_id is the id of the source web.",
									  "Leave web out of event_source_ids.");
	}
	return true;
}

static bool
tiktok_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	char *const *own = options->own;
	size_t		len;

	if (options->data_set_id == NULL && own[ECAPI_TIKTOK_EVENT_SOURCE_IDS] == NULL)
		return ecapi_format_wrong(problem, "option \"data_set_id\" is missing",
								  "Events of a website go to a pixel.",
								  "Give the id that Events Manager shows for the pixel: data_set_id 'C4A1B2C3D4E5F6G7H8I9'; or, without a website, those of other sources: event_source_ids.");
	if (!check_web_id(options, problem))
		return false;
	if (ecapi_tiktok_source_id(options, ECAPI_TIKTOK_APP, &len) != NULL &&
		own[ECAPI_TIKTOK_APP_ID] == NULL)
		return ecapi_format_wrong(problem, "event_source_ids names an app, and option \"app_id\" is missing",
								  "TikTok takes an app's events with the id that the app has in its store.",
								  "Add it: app_id '1234567890'.");
	if (options->mode == ECAPI_MODE_TEST && own[ECAPI_TIKTOK_TEST_EVENT_CODE] == NULL)
		return ecapi_format_wrong(problem, "mode 'test' needs the option \"test_event_code\"",
								  "TikTok knows test events by the code alone.",
								  "Give the code that the page \"Test Events\" of Events Manager shows: test_event_code 'TEST12345'.");
	return true;
}

/*
 * ---- where requests go, and what frames the events ----
 */

static const char *
tiktok_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	(void) options;
	(void) key;
	(void) arena;
	return "/open_api/v1.3/event/track/";
}

static bool
tiktok_key(const EcapiOptions *options, const EcapiValue *event, uint64_t *key)
{
	*key = (uint64_t) ecapi_tiktok_source(options, event);
	return true;
}

static void
tiktok_close(EcapiShape *shape, EcapiBuffer *body)
{
	const EcapiOptions *options = shape->options;
	EcapiWriter writer = {body, true};
	size_t		len = 0;
	const char *id = ecapi_tiktok_source_id(options, (EcapiTiktokSource) shape->key, &len);

	ecapi_buffer_char(body, ']');
	ecapi_write_text(&writer, "event_source", ecapi_tiktok_source_names[shape->key]);
	ecapi_write_text_len(&writer, "event_source_id", id, len);
	if (options->mode == ECAPI_MODE_TEST)
		ecapi_write_text(&writer, "test_event_code", options->own[ECAPI_TIKTOK_TEST_EVENT_CODE]);
	ecapi_buffer_char(body, '}');
}

static void
tiktok_seal(EcapiSealing *sealing)
{
	if (sealing->credentials->token == NULL)
		sealing->problem = "there is no access token: set access_token_file in the user mapping";
	ecapi_outgoing_field(sealing, "Access-Token", sealing->credentials->token, true);
}

static const char *const carries[] = {
	"id", "timestamp", "event_type", "custom_event", "source", "value", "currency_code", "ext",
	"user_data.customer_identifier", "user_data.email_address", "user_data.phone_numbers",
	"user_data.uids.id", "user_data.address.first_name", "user_data.address.last_name",
	"user_data.address.city", "user_data.address.state", "user_data.address.country_code",
	"user_data.address.postal_code", "user_data.event_ip_address", "user_data.event_user_agent",
	"user_data.landing_ip_address", "user_data.landing_user_agent", "user_data.click_id",
	"user_data.ifa", "user_data.mmt_only", "user_data.ext", "properties.transaction_id",
	"properties.search_term", "properties.page_url", "properties.referrer",
	"properties.lead_source", "properties.items.id", "properties.items.name",
	"properties.items.category", "properties.items.brand", "properties.items.price",
	"properties.items.quantity", "properties.ext", NULL
};

/*
 * Limits: 1,000 events a request (portal document 1771100779668482); no page names bytes, and
 * Tealium keeps to 1 MB; 1,000 requests a second; a repeat is known for 48 hours (help page
 * on deduplication).  How old an event may be is said twice and differently, 28 days by
 * Amperity and 7 by track.site, so seven days are the default and 28 the most that max_age
 * takes; ten minutes less, because an event gets older on its way and clocks differ.  No
 * linger: events count by when they come.
 *
 * Timestamps: capture lets them be ten minutes ahead; they are sent as now (facts.c).
 *
 * A refund is none of TikTok's events, and one of that name would be counted as an event
 * with a value, so it leaves only where event_types names it.
 *
 * Nothing says that test events are not counted, so they count.
 */
const EcapiFormat ecapi_format_tiktok = {
	.name = "tiktok",
	.what = "TikTok's Events API 2.0, for ads on TikTok.",
	.url = "https://business-api.tiktok.com",
	.path = tiktok_path,
	.identifiers = "An email address, telephone number, external id, click id, browser id or "
	"device id, or an IP address and a user agent together; from a website also page.url",
	.credentials = "access_token",
	.needs = "data_set_id or event_source_ids",
	.outcomes = ECAPI_OUTCOMES_INDEX,
	.own = tiktok_options,
	.nown = ECAPI_TIKTOK_OPTIONS,
	.check = tiktok_check,
	.max_batch = 1000,
	.max_body = 1024 * 1024,
	.requests_a_minute = 60000,
	.default_batch = 1000,
	.default_linger_ms = 0,
	.max_age_s = 28 * 86400 - 600,
	.default_age_s = 7 * 86400 - 600,
	.future_s = 600,
	.dedupe_s = 48 * 3600,
	.dedupe_key = ECAPI_DEDUPE_ID,
	.off_by_default = UINT64_C(1) << ECAPI_EVENT_refund,
	.restricted_mode = "limited_data_use",
	.has_test_mode = true,
	.test_counts = true,
	.takes_targets = true,
	.own_token = true,
	.carries = carries,
	.key = tiktok_key,
	.open = ecapi_format_open_data,
	.add = ecapi_tiktok_add,
	.close = tiktok_close,
	.seal = tiktok_seal,
	.judge = ecapi_tiktok_judge
};
