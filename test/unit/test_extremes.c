/*
 * test_extremes.c
 *	  What every format must bear: events beyond its window, ten thousand items, amounts that
 *	  nobody can pay, names that have no end.
 *
 * A format may take such an event or find it unfit.  What it takes is JSON with numbers that
 * are some, and leaves in a body within the format's own limit; what it does not take leaves
 * nothing in the body, and has a reason.
 */
#include "destination/select.h"
#include "event/json.h"
#include "platform.h"

#define DAY		INT64_C(86400)

#define EVENT	"'id':'i','source':'website','user_data':{'email_address':['ann@example.com']," \
	"'event_ip_address':'203.0.113.7','event_user_agent':'Mozilla/5.0'," \
	"'address':[{'country_code':'US'}],'ext':{'click_ids':{'gclid':'g-1','ga_client_id':'1.2'}}}"
#define PAGE	"'properties':{'page_url':'https://shop.example/','transaction_id':'t-1'}"

/* Options that formats need: "targets" is of each event type. */
static const struct
{
	const char *format;
	const char *name;
	const char *value;
}			needed[] = {
	{"google", "account_id", "1"},
	{"google", "targets", "70"},
	{"linkedin", "targets", "10"},
	{"ga4", "measurement_id", "G-1A2B3C"},
	{"pubsub", "project_id", "shop"},
	{"pubsub", "topic", "events"},
	{"kafka", "bootstrap_servers", "k:9093"},
	{"kafka", "topic", "events"},
	{"amazon", "account_id", "1"},
	{"amazon", "client_id", "2"}
};

static void
begin(const EcapiFormat *format)
{
	platform_begin(format);
	platform.options.data_set_id = (char *) "123";
	for (int own = 0; own < format->nown; own++)
		if (format->own[own].secret)
			platform.secrets[own] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	for (size_t i = 0; i < lengthof(needed); i++)
	{
		if (strcmp(needed[i].format, format->name) != 0)
			continue;
		if (strcmp(needed[i].name, "targets") == 0)
			for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
				platform.options.targets[type] = (char *) needed[i].value;
		for (int own = 0; own < format->nown; own++)
			if (strcmp(format->own[own].name, needed[i].name) == 0)
				platform.options.own[own] = (char *) needed[i].value;
	}
}

/* ---- the window ---- */

static const char *
early(int64_t at)
{
	const EcapiAddressee self = {1, "d"};
	char		json[1000];
	EcapiArena	arena;

	snprintf(json, sizeof(json), "{" EVENT ",'event_type':'purchase','timestamp':%lld," PAGE "}", (long long) at);
	ecapi_arena_init(&arena, unit_grab, NULL);
	return ecapi_select_early(&platform.options, self, unit_json(&arena, json), ECAPI_EVENT_purchase, PLATFORM_NOW);
}

static void
test_window(const EcapiFormat *format)
{
	check_text(early(PLATFORM_NOW - 60), NULL, "of a minute ago");
	check_text(early(PLATFORM_NOW + 100 * 365 * DAY), format->future_s > 0 ? "in the future" : NULL,
			   "of another century");
	check_text(early(PLATFORM_NOW + format->future_s), NULL, "of a clock that goes ahead as far as may be");
	if (format->future_s > 0)
		check_text(early(PLATFORM_NOW + format->future_s + 1), "in the future", "or farther");
	check_text(early(1), format->max_age_s > 0 ? "expired" : NULL, "of 1970");
	if (format->max_age_s > 0)
		check_text(early(PLATFORM_NOW - format->max_age_s - 1), "expired", "older than may be");
}

/* ---- what is large ---- */

/* An event is taken, and its request is JSON within the limit, or it leaves nothing. */
static void
check_borne(const EcapiFormat *format, const char *json, const char *what)
{
	char		error[200] = "";
	char		name[300];
	EcapiArena	arena;

	snprintf(name, sizeof(name), "%s: %s", format->name, what);
	if (platform_shape(json) != ECAPI_SHAPED)
	{
		if (!check(platform.reason != NULL && platform.body.len == 0, name))
			fprintf(stderr, "# %s: %.300s\n", platform.reason ? platform.reason : "no reason", platform.body.data);
		return;
	}
	ecapi_arena_init(&arena, unit_grab, NULL);
	if (!check(platform_request(json, 1, "T") && platform.body.len <= (size_t) format->max_body &&
			   ecapi_json_parse(&arena, platform.body.data, platform.body.len, error, sizeof(error)) != NULL, name))
		fprintf(stderr, "# %s %s: %.300s\n", platform.reason ? platform.reason : "", error, platform.body.data);
}

static void
test_items(const EcapiFormat *format)
{
	char	   *many = platform_items_json(EVENT "," PLATFORM_AT ",'event_type':'purchase','value':1,'currency_code':'EUR'", 10000);

	check(platform_shape(many) == ECAPI_SHAPED, "10,000 items are taken");
	check_borne(format, many, "10,000 items");
	free(many);
	check_borne(format, "{" EVENT "," PLATFORM_AT ",'event_type':'purchase','value':1,'currency_code':'EUR',"
									   "'properties':{'page_url':'https://shop.example/','items':[{'name':'x'},{},{'id':''},{'id':'a','quantity':0}]}}",
				"items without id");
}

static void
test_amounts(const EcapiFormat *format)
{
	static const char *const amounts[] = {
		"1e300", "1e-300", "-0.0", "0", "-129.9", "123456789012345678", "0.000000000000000000001",
		"1.7976931348623157e308", "5e-324", "1e400"
	};

	for (size_t i = 0; i < lengthof(amounts); i++)
	{
		char		json[2000];
		char		what[100];

		snprintf(json, sizeof(json), "{" EVENT "," PLATFORM_AT ",'event_type':'purchase','value':%s,'currency_code':'EUR',"
				 "'properties':{'page_url':'https://shop.example/','transaction_id':'t','tax':%s,'shipping':%s,"
				 "'items':[{'id':'a','price':%s,'quantity':1}]}}", amounts[i], amounts[i], amounts[i], amounts[i]);
		snprintf(what, sizeof(what), "an amount of %s", amounts[i]);
		check_borne(format, json, what);
	}
}

/* No limit of a text is longer than this one, but what an event may have as a whole. */
static void
test_texts(const EcapiFormat *format)
{
	enum
	{
		LONG = 100 * 1024
	};
	char	   *json = malloc(LONG + 2000);
	int			len = snprintf(json, 2000, "{" EVENT "," PLATFORM_AT ",'event_type':'purchase','value':1,'currency_code':'EUR',"
							   "'properties':{'page_url':'https://shop.example/','transaction_id':'");

	memset(json + len, 'x', LONG);
	snprintf(json + len + LONG, 1000, "','items':[{'id':'a','price':1,'quantity':1}]}}");
	check_borne(format, json, "a text of 100 kB");
	free(json);
}

int
main(void)
{
	const EcapiFormat *format;

	for (int i = 0; (format = ecapi_format_nth(i)) != NULL; i++)
	{
		printf("# %s\n", format->name);
		begin(format);
		test_window(format);
		test_items(format);
		test_amounts(format);
		test_texts(format);
	}
	return platform_done();
}
