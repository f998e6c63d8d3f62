/*
 * test_never_clear.c
 *	  A hashed field never leaves clear: random events with planted identifiers.
 *
 *	  test_never_clear [SEED [EVENTS]]
 *
 * Events (20000) are made at random with identifiers planted wherever none may
 * leave: in the fields that the standard hashes, in every odd shape; in place
 * of the objects that hold them; under names that are no fields; in the
 * project's own conventions inside ext.  Each goes through reader, validation
 * and every format, and through reader and format alone, as a patch of an
 * enrichment would.  Every planted identifier carries one of a few marks, and
 * no body may hold a mark, looked at without regard to letter case, blanks and
 * punctuation; nor may a violation's texts (which do name unknown fields).
 *
 * The list of hashed fields is the standard's, written out here: a table that
 * calls one of them clear must fail.  Fields that may leave clear hold valid
 * values without marks; so do those that identity.def lets leave clear to a platform,
 * when they go there.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include <openssl/evp.h>
#include <strings.h>
#include <time.h>

#include "destination/amazon.h"
#include "destination/formats.h"
#include "destination/google.h"
#include "destination/identity.h"
#include "destination/linkedin.h"
#include "destination/options.h"
#include "destination/kafka.h"
#include "destination/pubsub.h"
#include "destination/snap.h"
#include "destination/tiktok.h"
#include "event/digest.h"
#include "event/json.h"
#include "event/validate.h"
#include "unit.h"

#define NOW		INT64_C(1790000000)

/* Letters and digits that neither digests nor clear fields put in a row. */
#define MARK_TEXT	"plqzx"
#define MARK_DIGITS	"7391846250"
#define MARK_POSTAL	"qz7w8"		/* a British code without its unit */

static const char *const marks[] = {MARK_TEXT, MARK_DIGITS, MARK_POSTAL};

static const struct
{
	EcapiObject object;
	const char *name;
}			hashed[] = {
	{ECAPI_OBJ_USER_DATA, "customer_identifier"},
	{ECAPI_OBJ_USER_DATA, "email_address"},
	{ECAPI_OBJ_USER_DATA, "phone_numbers"},
	{ECAPI_OBJ_USER_DATA, "gender"},
	{ECAPI_OBJ_UIDS, "id"},
	{ECAPI_OBJ_ADDRESS, "first_name"},
	{ECAPI_OBJ_ADDRESS, "last_name"},
	{ECAPI_OBJ_ADDRESS, "street"},
	{ECAPI_OBJ_ADDRESS, "postal_code"}
};

static uint64_t chance;			/* state of xorshift */
static long planted;			/* identifiers, over all events */

static unsigned
below(unsigned n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (unsigned) ((chance >> 20) % n);
}

static bool
one_in(unsigned n)
{
	return below(n) == 0;
}

static bool
is_hashed(const EcapiField *field)
{
	for (size_t i = 0; i < lengthof(hashed); i++)
	{
		if (hashed[i].object == field->object && strcmp(hashed[i].name, field->name) == 0)
			return true;
	}
	return false;
}

/* ---- planted identifiers, as JSON text ---- */

static void
add_text(EcapiBuffer *out, const char *text)
{
	ecapi_json_string(out, text, strlen(text));
}

/* text with its letters in random case */
static void
add_cased(EcapiBuffer *out, const char *text)
{
	for (; *text; text++)
		ecapi_buffer_char(out, *text >= 'a' && *text <= 'z' && one_in(2) ?
						  (char) (*text - 32) : *text);
}

static void
plant_text(EcapiBuffer *json)
{
	static const char *const before[] = {"", " ", "\xc2\xa0\t", "ann.", "+49 30 ", "\xc3\x84", "\"", "0x",
	"\xe2\x80\x8b", "\xf0\x9f\x98\x80", "b4c9a289"};
	static const char *const after[] = {"", " ", "\n", "@Example.com", "\xe3\x80\x80", "-Smith", "\\", "\x01", "123"};
	static const char *const cores[] = {MARK_TEXT, "p.l'q-z x", MARK_DIGITS, "(739) 184-6250", "+1 739 1846250",
	"0049 30 7391846250", "QZ7W 8XY", "qz7w8xy", "Pl\xe2\x80\x94qz\xc2\xa0x"};
	char		memory[8192];
	EcapiBuffer text;
	unsigned	core = below(lengthof(cores));
	unsigned	repeats = one_in(40) ? 100 : 1;

	ecapi_buffer_over(&text, memory, sizeof(memory));
	ecapi_buffer_str(&text, before[one_in(2) ? 0 : below(lengthof(before))]);
	while (repeats-- > 0)
		add_cased(&text, cores[core]);
	ecapi_buffer_str(&text, after[one_in(2) ? 0 : below(lengthof(after))]);
	ecapi_json_string(json, text.data, text.len);
	planted++;
}

static void
plant_number(EcapiBuffer *json)
{
	static const char *const numbers[] = {MARK_DIGITS, "-" MARK_DIGITS, MARK_DIGITS ".50",
	"49" MARK_DIGITS, MARK_DIGITS "e3", "0." MARK_DIGITS};

	ecapi_buffer_str(json, numbers[below(lengthof(numbers))]);
	planted++;
}

/* Any value, with identifiers wherever one can be, names included. */
static void
plant(EcapiBuffer *json, int depth)
{
	unsigned	n;

	switch (depth > 4 ? below(8) : below(12))
	{
		default:
			plant_text(json);
			return;
		case 6:
			plant_number(json);
			return;
		case 7:
			ecapi_buffer_str(json, one_in(2) ? "true" : "null");
			return;
		case 8:
		case 9:
			ecapi_buffer_char(json, '[');
			for (n = below(4); n > 0; n--)
			{
				plant(json, depth + 1);
				if (n > 1)
					ecapi_buffer_char(json, ',');
			}
			ecapi_buffer_char(json, ']');
			return;
		case 10:
		case 11:
			ecapi_buffer_char(json, '{');
			for (n = below(3); n > 0; n--)
			{
				if (one_in(2))
					plant_text(json);
				else
					add_text(json, hashed[below(lengthof(hashed))].name);
				ecapi_buffer_char(json, ':');
				plant(json, depth + 1);
				if (n > 1)
					ecapi_buffer_char(json, ',');
			}
			ecapi_buffer_char(json, '}');
			return;
	}
}

/* ---- the rest of an event ---- */

static void add_object(EcapiBuffer *json, EcapiObject object, bool unknown);

/* A value that may leave clear; a good one. */
static void
add_clear(EcapiBuffer *json, const EcapiField *field)
{
	static const char *const countries[] = {"US", "gb", "de", "hu"};

	switch (field->type)
	{
		case ECAPI_FT_INTEGER:
		case ECAPI_FT_FLOAT:
			ecapi_buffer_str(json, field->check == ECAPI_CHECK_TIMESTAMP ? "1789990000" : "7");
			return;
		case ECAPI_FT_BOOLEAN:
			ecapi_buffer_str(json, "true");
			return;
		case ECAPI_FT_ENUM:
			if (field->values == NULL || field->values->numbered)
				ecapi_buffer_char(json, '1');
			else
				add_text(json, field->values->names[0]);
			return;
		case ECAPI_FT_DATE:
			add_text(json, "2026-10-01");
			return;
		default:
			break;
	}
	switch (field->check)
	{
		case ECAPI_CHECK_EVENT_TYPE:
			add_text(json, ecapi_event_type_name((int) below(ECAPI_EVENT_TYPES)));
			return;
		case ECAPI_CHECK_CURRENCY:
			add_text(json, "EUR");
			return;
		case ECAPI_CHECK_COUNTRY:
			add_text(json, countries[below(lengthof(countries))]);
			return;
		case ECAPI_CHECK_IP:
			add_text(json, "192.0.2.17");
			return;
		case ECAPI_CHECK_URL:
			add_text(json, "https://example.com/");
			return;
		case ECAPI_CHECK_AIRPORT:
			add_text(json, "FRA");
			return;
		default:
			add_text(json, "clear");
	}
}

/* The project's conventions hold identifiers; the rest of ext may leave. */
static void
add_ext(EcapiBuffer *json, EcapiObject object)
{
	ecapi_buffer_str(json, "{\"tier\":1");
	if (object == ECAPI_OBJ_EVENT && one_in(2))
	{
		ecapi_buffer_str(json, ",\"route\":");
		plant(json, 0);
	}
	if (object == ECAPI_OBJ_USER_DATA && one_in(2))
	{
		ecapi_buffer_str(json, ",\"click_ids\":");
		plant(json, 0);
	}
	if (object == ECAPI_OBJ_USER_DATA && one_in(2))
	{
		ecapi_buffer_str(json, ",\"consent\":");
		plant(json, 0);
	}
	ecapi_buffer_char(json, '}');
}

/*
 * In place of an object of the standard.  Not names of our own making: an
 * unknown field is reported by its name.
 */
static void
plant_instead(EcapiBuffer *json, const EcapiField *field)
{
	bool		lists = one_in(2);
	unsigned	i = below(lengthof(hashed));

	ecapi_buffer_str(json, lists ? "[[" : "");
	if (hashed[i].object == field->child && one_in(2))
	{
		ecapi_buffer_char(json, '{');
		add_text(json, hashed[i].name);
		ecapi_buffer_char(json, ':');
		plant(json, 0);
		ecapi_buffer_char(json, '}');
	}
	else if (one_in(3))
		plant_number(json);
	else
		plant_text(json);
	ecapi_buffer_str(json, lists ? "]]" : "");
}

/* One field's value: what the field holds, or something in its place. */
static void
add_value(EcapiBuffer *json, const EcapiField *field, bool unknown)
{
	unsigned	n;

	if (is_hashed(field))
		plant(json, 0);
	else if (field->type == ECAPI_FT_EXT)
		add_ext(json, field->object);
	else if (field->type == ECAPI_FT_OBJECT && one_in(12))
		plant_instead(json, field);
	else if (field->type == ECAPI_FT_OBJECT && (field->cardinality == ECAPI_ONE || one_in(3)))
		add_object(json, field->child, unknown);
	else if (field->type == ECAPI_FT_OBJECT)
	{
		ecapi_buffer_char(json, '[');
		for (n = 1 + below(3); n > 0; n--)
		{
			if (one_in(12))
				plant_instead(json, field);
			else
				add_object(json, field->child, unknown);
			if (n > 1)
				ecapi_buffer_char(json, ',');
		}
		ecapi_buffer_char(json, ']');
	}
	else
		add_clear(json, field);
}

/*
 * An object with some of its fields, what is required and user_data always;
 * with unknown, also with members that are no fields.
 */
static void
add_object(EcapiBuffer *json, EcapiObject object, bool unknown)
{
	static const char *const strangers[] = {"emial_address", "Email_Address", "e-mail", "phone", "",
	"customer_identifier ", "address2", "clickids"};
	const EcapiField *field;
	bool		any = false;

	ecapi_buffer_char(json, '{');
	for (int i = 0; (field = ecapi_field_nth(object, i)) != NULL; i++)
	{
		bool		always = object == ECAPI_OBJ_EVENT &&
			(field->presence != ECAPI_OPTIONAL || strcmp(field->name, "user_data") == 0);

		if (!always && !one_in(is_hashed(field) ? 2 : 6))
			continue;
		ecapi_buffer_str(json, any ? "," : "");
		add_text(json, field->name);
		ecapi_buffer_char(json, ':');
		add_value(json, field, unknown);
		any = true;
	}
	if (unknown && one_in(2))
	{
		ecapi_buffer_str(json, any ? "," : "");
		add_text(json, strangers[below(lengthof(strangers))]);
		ecapi_buffer_char(json, ':');
		plant(json, 0);
	}
	ecapi_buffer_char(json, '}');
}

/* ---- what becomes of it ---- */

/* Does text hold a mark, whatever stands between its letters? */
static bool
holds_mark(const char *text, size_t len)
{
	char	   *bare = malloc(len + 1);
	size_t		n = 0;
	bool		found = false;

	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i];

		if (c >= 'A' && c <= 'Z')
			c += 32;
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			bare[n++] = c;
	}
	bare[n] = '\0';
	for (size_t i = 0; i < lengthof(marks); i++)
		found |= strstr(bare, marks[i]) != NULL;
	free(bare);
	return found;
}

static long
count_digests(const char *text)
{
	long		n = 0;

	for (; (text = strchr(text, '"')) != NULL; text++)
	{
		if (strspn(text + 1, "0123456789abcdef") == ECAPI_HEX_LEN)
			n++;
	}
	return n;
}

static struct
{
	long		refused;
	long		leaks;
	long		told;			/* violations with a mark in them */
	long		undecoded;		/* data of messages that is no base64 */
}			seen;

/* What stands in the data of a message, decoded in its place; the rest of it stays. */
static void
decode_data(EcapiBuffer *body)
{
	static const char name[] = "\"data\":\"";
	char	   *at = strstr(body->data, name);
	char	   *end = at ? strchr(at + strlen(name), '"') : NULL;
	size_t		pad;
	int			len;

	if (end == NULL)
		return;
	at += strlen(name);
	pad = (end[-1] == '=') + (end[-2] == '=');
	len = EVP_DecodeBlock((unsigned char *) at, (unsigned char *) at, (int) (end - at));
	seen.undecoded += len <= (int) pad;
	/* what was base64 is shorter now */
	memset(at + len - pad, ' ', (size_t) (end - at) - (len - pad));
}

/* Formats at most. */
#define FORMATS	16

/* What came out of each. */
static struct
{
	long		bodies;
	long		digests;
}			seen_of[FORMATS];

/* A good text for what identity.def lets leave clear to the format's platform. */
static void
set_clear(const EcapiFormat *format, EcapiArena *arena, EcapiValue *object)
{
	for (size_t i = 0; i < lengthof(hashed); i++)
	{
		const EcapiField *field = ecapi_field_lookup(hashed[i].object, hashed[i].name,
													 strlen(hashed[i].name));
		const EcapiIdentityRule *rule = ecapi_identity_rule(format->name, ecapi_field_path(field));

		if (hashed[i].object == ECAPI_OBJ_ADDRESS && rule && !rule->hashed &&
			ecapi_value_get(object, field->name))
			ecapi_value_set(arena, object, field->name, field->len,
							ecapi_value_text(arena, ECAPI_STRING, "clear", 5));
	}
}

/* The event as it may leave to the format's platform: without marks where it goes clear. */
static const EcapiValue *
without_clear(const EcapiFormat *format, EcapiArena *arena, const EcapiValue *event)
{
	EcapiValue *copy = ecapi_value_copy(arena, event);
	EcapiValue *address = ecapi_value_get(ecapi_value_get(copy, "user_data"), "address");

	if (address && address->type == ECAPI_OBJECT)
		set_clear(format, arena, address);
	else if (address && address->type == ECAPI_ARRAY)
		for (EcapiValue *one = address->first; one; one = one->next)
			if (one->type == ECAPI_OBJECT)
				set_clear(format, arena, one);
	return copy;
}

/* What the platform takes no event without, and is no identifier of the standard's. */
static const EcapiValue *
with_needed(const EcapiFormat *format, EcapiArena *arena, const EcapiValue *event)
{
	EcapiValue *user = ecapi_value_get(event, "user_data");

	if (format == &ecapi_format_ga4 && user && user->type == ECAPI_OBJECT)
		ecapi_value_set(arena, user, "ext", 3,
						unit_json(arena, "{'click_ids':{'ga_client_id':'1.2'}}"));
	return event;
}

/* What a format cannot do without. */
static void
set_options(const EcapiFormat *format, EcapiOptions *options)
{
	memset(options, 0, sizeof(*options));
	options->format = format;
	options->batch_size = 1;
	for (int i = 0; i < format->nown; i++)
		options->own[i] = (char *) format->own[i].fallback;
	for (int type = 0; format == &ecapi_format_snap && type < ECAPI_EVENT_TYPES; type++)
		options->targets[type] = (char *) "CUSTOM_EVENT_1";
	if (format == &ecapi_format_snap)
		options->own[ECAPI_SNAP_APP_ID] = (char *) "1";
	if (format == &ecapi_format_tiktok)
		options->own[ECAPI_TIKTOK_EVENT_SOURCE_IDS] = (char *) "app=1,offline=2,crm=3";
	if (format == &ecapi_format_pubsub)
	{
		options->own[ECAPI_PUBSUB_TOPIC] = (char *) "events";
		options->own[ECAPI_PUBSUB_ORDERING_KEY] = (char *) "person";
		options->route = (char *) "shop";
	}
	if (format == &ecapi_format_kafka)
	{
		options->own[ECAPI_KAFKA_TOPIC] = (char *) "events";
		options->own[ECAPI_KAFKA_MESSAGE_KEY] = (char *) "person";
		options->route = (char *) "shop";
	}
	if (format == &ecapi_format_amazon)
		options->own[ECAPI_AMAZON_APP_OS] = (char *) "ios";
	if (format != &ecapi_format_google && format != &ecapi_format_linkedin)
		return;
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
		options->targets[type] = (char *) "7001";
	if (format == &ecapi_format_linkedin)
	{
		options->own[ECAPI_LINKEDIN_SEND_NAMES] = (char *) "yes";
		return;
	}
	/* clicks leave clear, and identify most of the events */
	options->own[ECAPI_GOOGLE_CLICK_ID_KIND] = (char *) "gclid";
}

static void
shape_by(const EcapiFormat *format, int which, EcapiDigestCache *digests,
		 const EcapiValue *event, const char *how)
{
	static EcapiOptions options;
	EcapiShape	shape = {.format = format, .options = &options, .digests = digests, .now = NOW};
	EcapiArena	arena;
	EcapiBuffer body;
	const char *reason;

	/* Amazon takes no event of no country */
	shape.default_country = format == &ecapi_format_amazon ? "us" : NULL;
	set_options(format, &options);
	ecapi_arena_init(&arena, unit_grab, NULL);
	event = with_needed(format, &arena, without_clear(format, &arena, event));
	/* as in the events, so that each is this data set's */
	options.data_set_id = (char *) "clear";
	ecapi_buffer_init(&body, 1024 * 1024, unit_resize, NULL);
	if (format->add(&shape, &arena, event, &body, &reason) == ECAPI_SHAPED && !body.full)
	{
		if (format == &ecapi_format_pubsub)
			decode_data(&body);
		seen_of[which].bodies++;
		seen_of[which].digests += count_digests(body.data);
		if (holds_mark(body.data, body.len) && seen.leaks++ < 3)
			fprintf(stderr, "# %s, %s: %s\n", format->name, how, body.data);
	}
	free(body.data);
}

static void
shape(EcapiDigestCache *digests, const EcapiValue *event, const char *how)
{
	const EcapiFormat *format;

	for (int i = 0; i < FORMATS && (format = ecapi_format_nth(i)) != NULL; i++)
		shape_by(format, i, digests, event, how);
}

static void
look_at_violations(const EcapiViolations *violations)
{
	for (int i = 0; i < violations->n; i++)
	{
		const EcapiViolation *one = &violations->list[i];

		if ((holds_mark(one->path, strlen(one->path)) ||
			 holds_mark(one->message, strlen(one->message)) ||
			 (one->hint && holds_mark(one->hint, strlen(one->hint)))) &&
			seen.told++ < 3)
			fprintf(stderr, "# told: %s: %s\n", one->path, one->message);
	}
}

static bool
send(EcapiDigestCache *digests, const EcapiBuffer *json)
{
	EcapiArena	arena;
	EcapiViolations violations;
	EcapiValue *event;
	EcapiValue *clean;
	char		error[200];

	ecapi_arena_init(&arena, unit_grab, NULL);
	event = ecapi_json_parse(&arena, json->data, json->len, error, sizeof(error));
	if (event == NULL)
	{
		fprintf(stderr, "# %s: %s\n", error, json->data);
		return false;
	}
	ecapi_digest_cache_reset(digests);
	shape(digests, event, "not validated");
	clean = ecapi_validate(&arena, event, NOW, true, &violations);
	look_at_violations(&violations);
	if (clean)
		shape(digests, clean, "validated");
	else
		seen.refused++;
	return true;
}

static void
test_nul(void)
{
	static const char text[] = "{\"user_data\":{\"email_address\":\"" MARK_TEXT "\\u0000@example.com\"}}";
	EcapiArena	arena;
	char		error[200];

	ecapi_arena_init(&arena, unit_grab, NULL);
	check(ecapi_json_parse(&arena, text, sizeof(text) - 1, error, sizeof(error)) == NULL &&
		  !holds_mark(error, strlen(error)), "an identifier with a NUL is refused, unquoted");
}

/* How many bodies and digests there must be. */
static long
wanted_of(const EcapiFormat *format, long events)
{
	/* Google wants what identifies a person, and uses few ready-made digests */
	if (format == &ecapi_format_google)
		return events / 10;
	/* TikTok takes standard events alone of most sources */
	if (format == &ecapi_format_tiktok)
		return events / 10;
	/* LinkedIn takes few of the identifiers */
	if (format == &ecapi_format_linkedin)
		return events / 10;
	/* Snap takes few identifiers by themselves */
	if (format == &ecapi_format_snap)
		return events / 4;
	/* Analytics names some of the events for itself, and uses few ready-made digests */
	if (format == &ecapi_format_ga4)
		return events / 4;
	/* Pinterest wants an address that is one, or IP address and user agent */
	if (format == &ecapi_format_pinterest)
		return events / 10;
	return events / 2;
}

int
main(int argc, char **argv)
{
	uint64_t	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t) time(NULL);
	long		events = argc > 2 ? atol(argv[2]) : 20000;
	EcapiArena	kept;
	EcapiDigestCache *digests;
	UnitPiece  *pieces;
	EcapiBuffer json;
	bool		read = true;

	printf("# seed %llu, %ld events\n", (unsigned long long) seed, events);
	chance = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
	ecapi_arena_init(&kept, unit_grab, NULL);
	digests = ecapi_digest_cache_create(&kept, 1024);
	pieces = unit_pieces;
	ecapi_buffer_init(&json, 1024 * 1024, unit_resize, NULL);
	for (long i = 0; i < events; i++)
	{
		unit_pieces = NULL;
		ecapi_buffer_truncate(&json, 0);
		add_object(&json, ECAPI_OBJ_EVENT, one_in(8));
		read &= send(digests, &json);
		unit_free();
	}
	printf("# planted %ld, refused %ld\n", planted, seen.refused);
	check(read && !json.full, "every event is JSON");
	check(seen.refused > 0, "some events are refused");
	check(ecapi_format_nth(FORMATS) == NULL, "each format is looked at");
	for (int i = 0; i < FORMATS && ecapi_format_nth(i) != NULL; i++)
	{
		long		wanted = wanted_of(ecapi_format_nth(i), events);

		printf("# %s: bodies %ld, digests in them %ld\n", ecapi_format_nth(i)->name,
			   seen_of[i].bodies, seen_of[i].digests);
		check(seen_of[i].bodies > wanted && seen_of[i].digests > wanted,
			  ecapi_format_nth(i)->name);
	}
	check(seen.leaks == 0, "no body holds a planted identifier");
	check(seen.told == 0, "nor does a violation");
	check(seen.undecoded == 0, "data of messages is base64");
	unit_pieces = pieces;
	test_nul();
	if (unit_failed > 0)
		fprintf(stderr, "# seed %llu, %ld events\n", (unsigned long long) seed, events);
	free(json.data);
	unit_free();
	return unit_done();
}
