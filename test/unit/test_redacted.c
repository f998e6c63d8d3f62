/*
 * test_redacted.c
 *	  No redacted field is in any body: random events, random lists of paths.
 *
 *	  test_redacted [SEED [EVENTS]]
 *
 * Events (12000) are made at random along the standard's fields, with the odd
 * shapes that an enrichment may leave: arrays of arrays, one object for many and
 * many for one, scalars for objects, unknown members, keys with points, and members
 * that stand twice.  Each is written as a body twice: as it is, and after a list
 * of redacted paths, or of fields to keep, was applied.
 *
 * What must hold is judged by other code than the one under test: the bodies are
 * read by the receiver's reader, and taken apart into lines "path=value", one a
 * leaf.  Paths are compared as texts.  Of the lines of the first body exactly those
 * must be in the second, in the same order, whose path is not redacted, or is
 * kept: nothing is there that should not be, and nothing is missing.
 *
 * A third body, with all rules of anonymize, holds no address, agent, postal code
 * or time as exact as it was.
 */
#include "postgres.h"

/* The server's own versions are not linked here. */
#undef printf
#undef fprintf
#undef snprintf

#include <time.h>

#include "destination/formats.h"
#include "destination/reduce.h"
#include "event/digest.h"
#include "event/json.h"
#include "unit.h"

#include "../receiver/json.h"

#define MAX_PATHS	8
#define PATH_SIZE	600

static uint64_t chance;			/* state of xorshift */

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

/* ---- events ---- */

static const char *const words[] = {"a", "b", "c", "a.b", "b.c", "email_address", "margin", "0"};

static void
add_text(EcapiBuffer *json, const char *text)
{
	ecapi_json_string(json, text, strlen(text));
}

static void
add_any(EcapiBuffer *json, int depth)
{
	unsigned	n = below(4);
	unsigned	kind = below(depth > 3 ? 4 : 9);
	unsigned	i;

	if (kind == 0)
		ecapi_buffer_str(json, one_in(3) ? "null" : "true");
	else if (kind == 1)
		ecapi_buffer_str(json, one_in(2) ? "12.50" : "-3e2");
	else if (kind < 4)
		add_text(json, words[below(lengthof(words))]);
	else
	{
		bool		object = kind < 8;
		unsigned	first = below(lengthof(words));

		ecapi_buffer_char(json, object ? '{' : '[');
		for (i = 0; i < n; i++)
		{
			ecapi_buffer_str(json, i > 0 ? "," : "");
			if (object)
			{
				add_text(json, words[(first + i) % lengthof(words)]);
				ecapi_buffer_char(json, ':');
			}
			add_any(json, depth + 1);
		}
		ecapi_buffer_char(json, object ? '}' : ']');
	}
}

static void add_object(EcapiBuffer *json, EcapiObject object);

/* A value that the field can have. */
static void
add_good(EcapiBuffer *json, const EcapiField *field)
{
	static const char *const countries[] = {"US", "gb", "DE", "at", "zz"};
	static const char *const phones[] = {"0711 123456", "+49 711 123456", "(212) 555-0123", "020 7946 0000", "7"};
	static const char *const codes[] = {"70173", "SW1A 1AA", "94103-1234", "941031234", "1010"};
	static const char *const agents[] = {"Mozilla/5.0 Chrome/126.0.1.2 Safari/537.36", "Mozilla/5.0 (rv:127.0) Firefox/127.0", "curl/8"};
	static const char *const addresses[] = {"192.0.2.123", "2001:db8:1:2:3:4:5:6", "::ffff:192.0.2.123"};
	char		number[32];

	if (field->type == ECAPI_FT_OBJECT)
		add_object(json, field->child);
	else if (field->type == ECAPI_FT_EXT)
		add_any(json, 0);
	else if (field->type == ECAPI_FT_BOOLEAN)
		ecapi_buffer_str(json, one_in(2) ? "true" : "false");
	else if (field->type == ECAPI_FT_INTEGER || field->type == ECAPI_FT_FLOAT ||
			 (field->type == ECAPI_FT_ENUM && (field->values == NULL || field->values->numbered)))
	{
		snprintf(number, sizeof(number), "%u", field->check == ECAPI_CHECK_TIMESTAMP ?
				 1790000001 + below(1000) : 1 + below(3));
		ecapi_buffer_str(json, number);
	}
	else if (field->type == ECAPI_FT_ENUM)
		add_text(json, field->values->names[0]);
	else if (field->check == ECAPI_CHECK_EVENT_TYPE)
		add_text(json, ecapi_event_type_name((int) below(ECAPI_EVENT_TYPES)));
	else if (field->check == ECAPI_CHECK_CURRENCY)
		add_text(json, one_in(20) ? "none" : "EUR");
	else if (field->check == ECAPI_CHECK_COUNTRY)
		add_text(json, countries[below(lengthof(countries))]);
	else if (field->check == ECAPI_CHECK_IP)
		add_text(json, addresses[below(lengthof(addresses))]);
	else if (field->rule == ECAPI_RULE_PHONE)
		add_text(json, phones[below(lengthof(phones))]);
	else if (field->rule == ECAPI_RULE_POSTAL)
		add_text(json, codes[below(lengthof(codes))]);
	else if (strstr(field->name, "user_agent"))
		add_text(json, agents[below(lengthof(agents))]);
	else
	{
		snprintf(number, sizeof(number), "text %u", below(1000));
		add_text(json, number);
	}
}

static void
add_value(EcapiBuffer *json, const EcapiField *field)
{
	unsigned	n = one_in(12) ? below(4) : field->cardinality == ECAPI_MANY ? 1 + below(3) : 0;
	bool		twofold = one_in(20);
	unsigned	i;

	if (one_in(25) && field->presence != ECAPI_REQUIRED)
	{
		add_any(json, 0);
		return;
	}
	if (field->presence == ECAPI_REQUIRED || (n == 0 && !one_in(30)))
	{
		add_good(json, field);
		return;
	}
	ecapi_buffer_str(json, twofold ? "[[" : "[");
	for (i = 0; i < n; i++)
	{
		ecapi_buffer_str(json, i > 0 ? "," : "");
		add_good(json, field);
	}
	ecapi_buffer_str(json, twofold ? "]]" : "]");
}

static void
add_object(EcapiBuffer *json, EcapiObject object)
{
	const EcapiField *field;
	bool		any = false;
	int			i;

	ecapi_buffer_char(json, '{');
	for (i = 0; (field = ecapi_field_nth(object, i)) != NULL; i++)
	{
		bool		event = object == ECAPI_OBJ_EVENT;

		if (one_in(event ? 10 : object == ECAPI_OBJ_PROPERTIES ? 2 : 3) &&
			field->presence != ECAPI_REQUIRED)
			continue;
		ecapi_buffer_str(json, any ? "," : "");
		add_text(json, field->name);
		ecapi_buffer_char(json, ':');
		add_value(json, field);
		any = true;
	}
	if (one_in(6))
	{
		ecapi_buffer_str(json, any ? "," : "");
		add_text(json, words[below(lengthof(words))]);
		ecapi_buffer_char(json, ':');
		add_any(json, 0);
	}
	ecapi_buffer_char(json, '}');
}

/*
 * *twice is set when members stand twice, which no reader of ours leaves: the last
 * one counts then, and another may be the last after a reduction.
 */
static EcapiValue *
make_event(EcapiArena *arena, bool *twice)
{
	EcapiBuffer json;
	EcapiValue *event;
	EcapiValue *again;
	char		error[200];

	ecapi_buffer_init(&json, 1024 * 1024, unit_resize, NULL);
	add_object(&json, ECAPI_OBJ_EVENT);
	event = ecapi_json_parse(arena, json.data, json.len, error, sizeof(error));
	if (event == NULL)
		fprintf(stderr, "# %s: %s\n", error, json.data);
	*twice = event && one_in(8);
	if (*twice)
	{
		ecapi_buffer_truncate(&json, 0);
		add_object(&json, ECAPI_OBJ_EVENT);
		again = ecapi_json_parse(arena, json.data, json.len, error, sizeof(error));
		event->last->next = again->first;
		event->last = again->last;
		event->len += again->len;
	}
	free(json.data);
	return event;
}

/* ---- lists of paths ---- */

typedef struct PathList
{
	int			n;
	char		path[MAX_PATHS][PATH_SIZE];
} PathList;

static bool
may_be_redacted(const char *path)
{
	static const char *const needed[] = {"data_set_id", "id", "timestamp", "event_type",
		"custom_event", "currency_code", "user_data.mmt_only"};
	size_t		i;

	for (i = 0; i < lengthof(needed); i++)
	{
		if (strcmp(path, needed[i]) == 0)
			return false;
	}
	return true;
}

static void
make_list(PathList *list, bool redact)
{
	list->n = 1 + (int) below(MAX_PATHS);
	for (int i = 0; i < list->n; i++)
	{
		static const char *const exts[] = {"ext", "user_data.ext", "properties.ext", "properties.items.ext"};
		const EcapiField *field = ecapi_field_numbered((int) below(ECAPI_FIELDS));
		const char *ext = exts[below(lengthof(exts))];
		unsigned	steps;

		if (one_in(4))
			field = ecapi_field_named(ext, strlen(ext));
		strcpy(list->path[i], ecapi_field_path(field));
		for (steps = field->type == ECAPI_FT_EXT ? below(4) : 0; steps > 0; steps--)
		{
			strcat(list->path[i], ".");
			strcat(list->path[i], words[below(lengthof(words))]);
		}
		if (redact && !may_be_redacted(list->path[i]))
			strcpy(list->path[i], "source");
	}
}

static EcapiPaths *
read_list(EcapiArena *arena, const PathList *list)
{
	char		text[MAX_PATHS * PATH_SIZE] = "";
	EcapiPathProblem problem;
	EcapiPaths *paths;

	for (int i = 0; i < list->n; i++)
	{
		strcat(text, i > 0 ? ", " : "");
		strcat(text, list->path[i]);
	}
	paths = ecapi_paths_read(arena, text, &problem);
	if (paths == NULL)
		fprintf(stderr, "# %s: %s\n", text, problem.detail);
	return paths;
}

/* Is path one of the list, or below one? */
static bool
is_listed(const PathList *list, const char *path)
{
	for (int i = 0; i < list->n; i++)
	{
		size_t		len = strlen(list->path[i]);

		if (strncmp(path, list->path[i], len) == 0 && (path[len] == '\0' || path[len] == '.'))
			return true;
	}
	return false;
}

/* Does a leaf leave, by the words of the manual? */
static bool
stays(const PathList *list, bool redact, const char *path)
{
	static const char *const always[] = {"data_set_id", "id", "timestamp", "event_type",
		"custom_event", "user_data.mmt_only", "user_data.gpp_string", "user_data.gpp_sid"};
	size_t		i;

	if (redact)
		return !is_listed(list, path);
	for (i = 0; i < lengthof(always); i++)
	{
		if (strcmp(path, always[i]) == 0)
			return true;
	}
	if (strcmp(path, "currency_code") == 0 && is_listed(list, "value"))
		return true;
	return is_listed(list, path);
}

/* ---- bodies ---- */

/* The leaves of a body, one a line, of those that wanted lets through. */
static void
add_leaves(EcapiBuffer *out, const RcvNode *node, char *path, const PathList *list, bool redact)
{
	size_t		len = strlen(path);

	if (node->type != RCV_ARRAY && node->type != RCV_OBJECT)
	{
		if (list && !stays(list, redact, path))
			return;
		ecapi_buffer_str(out, path);
		ecapi_buffer_char(out, '=');
		ecapi_buffer_add(out, node->raw, node->rawlen);
		ecapi_buffer_char(out, '\n');
		return;
	}
	for (const RcvNode *child = node->first; child; child = child->next)
	{
		if (node->type == RCV_OBJECT)
			snprintf(path + len, PATH_SIZE - len, "%s%.*s", len > 0 ? "." : "",
					 (int) child->keylen, child->key);
		add_leaves(out, child, path, list, redact);
		path[len] = '\0';
	}
}

static bool
shape(const EcapiOptions *options, const EcapiValue *event, EcapiBuffer *body)
{
	EcapiShape	shape = {.options = options, .default_country = "de"};
	const char *reason;

	ecapi_buffer_init(body, 1024 * 1024, unit_resize, NULL);
	return options->format->add(&shape, NULL, event, body, &reason) == ECAPI_SHAPED && !body->full;
}

static EcapiBuffer
leaves_of(const EcapiBuffer *body, const PathList *list, bool redact)
{
	RcvArena	arena = {0};
	EcapiBuffer leaves;
	const char *error = NULL;
	char		path[PATH_SIZE] = "";
	RcvNode    *node = rcv_json_parse(&arena, body->data, body->len, &error);

	ecapi_buffer_init(&leaves, 4 * 1024 * 1024, unit_resize, NULL);
	ecapi_buffer_str(&leaves, "\n");
	if (node == NULL)
		fprintf(stderr, "# %s: %s\n", error, body->data);
	else
		add_leaves(&leaves, node, path, list, redact);
	rcv_arena_free(&arena);
	return leaves;
}

static struct
{
	long		compared;
	long		alone;			/* bodies that could not be compared */
	long		removed;		/* leaves */
	long		left;
	long		wrong;
	long		missing;		/* bodies that the reduced event should have */
	long		coarse;
	long		exact;
}			seen;

static long
count_lines(const EcapiBuffer *leaves)
{
	long		n = 0;

	for (size_t i = 0; i < leaves->len; i++)
		n += leaves->data[i] == '\n';
	return n - 1;
}

static void
compare(const EcapiBuffer *whole, const EcapiBuffer *reduced, const PathList *list, bool redact)
{
	EcapiBuffer all = leaves_of(whole, NULL, redact);
	EcapiBuffer wanted = leaves_of(whole, list, redact);
	EcapiBuffer got = leaves_of(reduced, NULL, redact);

	seen.compared++;
	seen.removed += count_lines(&all) - count_lines(&wanted);
	seen.left += count_lines(&got);
	if (strcmp(wanted.data, got.data) != 0 && seen.wrong++ < 3)
	{
		fprintf(stderr, "# %s:", redact ? "redact" : "fields");
		for (int i = 0; i < list->n; i++)
			fprintf(stderr, " %s", list->path[i]);
		fprintf(stderr, "\n# wanted %s# got %s# of %s\n", wanted.data, got.data, whole->data);
	}
	free(all.data);
	free(wanted.data);
	free(got.data);
}

/* A body that cannot be compared with a whole one holds nothing it must not. */
static void
look_for_more(const EcapiBuffer *reduced, const PathList *list, bool redact)
{
	EcapiBuffer allowed = leaves_of(reduced, list, redact);
	EcapiBuffer got = leaves_of(reduced, NULL, redact);

	seen.alone++;
	if (strcmp(allowed.data, got.data) != 0 && seen.wrong++ < 3)
		fprintf(stderr, "# allowed %s# got %s", allowed.data, got.data);
	free(allowed.data);
	free(got.data);
}

static const EcapiOptions none = {.format = &ecapi_format_native, .batch_size = 1};

static bool
send_reduced(EcapiArena *arena, const EcapiValue *event, bool twice, bool redact)
{
	EcapiOptions options = none;
	EcapiBuffer whole;
	EcapiBuffer body;
	PathList		list;
	EcapiPaths *paths;
	const EcapiValue *left;
	const char *reason;
	bool		shaped = shape(&none, event, &whole);

	make_list(&list, redact);
	paths = read_list(arena, &list);
	if (paths == NULL)
		return false;
	if (redact)
		options.redact = paths;
	else
	{
		ecapi_paths_complete(paths);
		options.fields = paths;
	}
	left = ecapi_reduce(&options, false, arena, event, &reason);
	if (left == NULL)
		return false;
	if (!shape(&options, left, &body))
		seen.missing += shaped && !twice;
	else if (shaped && !twice)
		compare(&whole, &body, &list, redact);
	else
		look_for_more(&body, &list, redact);
	free(whole.data);
	free(body.data);
	return true;
}

static bool
is_coarse(const char *line)
{
	const char *value = strchr(line, '=') + 1;
	size_t		len = strcspn(value, "\n");

	if (strncmp(line, "timestamp=", 10) == 0)
		return strtoll(value, NULL, 10) % 3600 == 0;
	if (strncmp(line, "user_data.event_ip", 18) == 0 || strncmp(line, "user_data.landing_ip", 20) == 0)
		return (len > 4 && strncmp(value + len - 3, ".0\"", 3) == 0) ||
			strncmp(value + len - 3, "::\"", 3) == 0;
	if (strncmp(line, "user_data.event_user", 20) == 0 || strncmp(line, "user_data.landing_user", 22) == 0)
		return len < 16 && memchr(value, '/', len) && !memchr(value, '.', len);
	return true;
}

/* Digests of postal codes as they are; a coarse one is none of them. */
static bool
is_exact_postal(const EcapiBuffer *whole, const char *line)
{
	return strncmp(line, "user_data.address.postal_code=", 30) == 0 &&
		strstr(whole->data, line) != NULL;
}

static bool
send_coarse(EcapiArena *arena, const EcapiValue *event)
{
	EcapiOptions options = none;
	EcapiBuffer body;
	EcapiBuffer whole_body;
	const EcapiValue *left;
	const char *reason;

	options.anonymize = ECAPI_ANONYMIZE_IP | ECAPI_ANONYMIZE_TIMESTAMP |
		ECAPI_ANONYMIZE_USER_AGENT | ECAPI_ANONYMIZE_POSTAL_CODE;
	left = ecapi_reduce(&options, false, arena, event, &reason);
	if (left == NULL)
		return false;
	if (shape(&options, left, &body) && shape(&none, event, &whole_body))
	{
		EcapiBuffer got = leaves_of(&body, NULL, true);
		EcapiBuffer whole = leaves_of(&whole_body, NULL, true);

		for (char *line = strtok(got.data, "\n"); line; line = strtok(NULL, "\n"))
		{
			seen.coarse++;
			if ((!is_coarse(line) || is_exact_postal(&whole, line)) && seen.exact++ < 3)
				fprintf(stderr, "# exact: %s\n", line);
		}
		free(got.data);
		free(whole.data);
		free(whole_body.data);
	}
	free(body.data);
	return true;
}

int
main(int argc, char **argv)
{
	uint64_t	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t) time(NULL);
	long		events = argc > 2 ? atol(argv[2]) : 12000;
	bool		done = true;

	printf("# seed %llu, %ld events\n", (unsigned long long) seed, events);
	chance = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
	for (long i = 0; i < events && done; i++)
	{
		EcapiArena	arena;
		EcapiValue *event;
		bool		twice;

		ecapi_arena_init(&arena, unit_grab, NULL);
		event = make_event(&arena, &twice);
		done = event && send_reduced(&arena, event, twice, true) &&
			send_reduced(&arena, event, twice, false) && send_coarse(&arena, event);
		unit_free();
	}
	printf("# compared %ld, alone %ld; leaves removed %ld, left %ld; coarse %ld\n",
		   seen.compared, seen.alone, seen.removed, seen.left, seen.coarse);
	check(done, "every event can be reduced");
	check(seen.compared > events && seen.removed > 5 * events && seen.left > 5 * events &&
		  seen.coarse > events, "there was much to remove, and to leave");
	check(seen.wrong == 0, "no redacted field is in a body, and nothing else is missing");
	check(seen.missing == 0, "what had a body has one still");
	check(seen.exact == 0, "what is made coarse is in no body as it was");
	if (unit_failed > 0)
		fprintf(stderr, "# seed %llu, %ld events\n", (unsigned long long) seed, events);
	return unit_done();
}
