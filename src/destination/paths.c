/*
 * paths.c
 *	  Paths of fields: reading them, and sets of them.
 *
 * A path is followed through the field table step by step, so whatever was read
 * names a place that exists, and an error can say at which step it goes astray.
 * A set keeps two bits for each field: named as a whole, or holding something that
 * is named.  So pruning an event (prune.c) asks for each member one lookup and two
 * bits, however long the list was; only what is below an ext is compared as text.
 *
 * Bounded: paths of 255 bytes, sets of 200.
 *
 * Ownership: a set and its texts belong to the arena.  No locks, no state.
 */
#include "destination/paths.h"

#include <stdio.h>
#include <string.h>

#include "event/closest.h"

/* Longer names are not repeated in messages. */
#define SHOWN	100

/* ---- one path ---- */

static const char *
path_nth(int i, void *arg)
{
	const EcapiField *field = ecapi_field_numbered(i);

	(void) arg;
	return field ? ecapi_field_path(field) : NULL;
}

/* The first field anywhere with that name: what "email_address" alone means. */
static const EcapiField *
field_with_name(const char *name, size_t len)
{
	const EcapiField *field;
	int			i;

	for (i = 0; (field = ecapi_field_numbered(i)) != NULL; i++)
	{
		if (field->len == len && memcmp(field->name, name, len) == 0)
			return field;
	}
	return NULL;
}

static bool
wrong(EcapiPathProblem *problem, const char *detail)
{
	snprintf(problem->detail, sizeof(problem->detail), "%s", detail);
	problem->hint[0] = '\0';
	return false;
}

/*
 * There is no such field.  parent is the object in which the step that begins at
 * "at" was looked for.
 */
static bool
unknown(const char *text, size_t len, size_t at, size_t end, EcapiObject parent,
		const EcapiField *within, EcapiPathProblem *problem)
{
	const EcapiField *same = ecapi_field_named(text, len);
	const char *name = NULL;

	/* cut short, a text might end within a character */
	if (len <= SHOWN)
		snprintf(problem->detail, sizeof(problem->detail), "There is no field \"%.*s\".",
				 (int) len, text);
	else
		snprintf(problem->detail, sizeof(problem->detail), "There is no such field.");
	problem->hint[0] = '\0';
	if (same == NULL && within == NULL)
		same = field_with_name(text, len);
	if (same == NULL)
		name = ecapi_closest(text + at, end - at, ecapi_field_name_nth, &parent);
	if (same)
		snprintf(problem->hint, sizeof(problem->hint), "Perhaps you meant \"%s\".",
				 ecapi_field_path(same));
	else if (name)
		snprintf(problem->hint, sizeof(problem->hint), "Perhaps you meant \"%s%s%s\".",
				 within ? ecapi_field_path(within) : "", within ? "." : "", name);
	else if ((name = ecapi_closest(text, len, path_nth, NULL)) != NULL)
		snprintf(problem->hint, sizeof(problem->hint), "Perhaps you meant \"%s\".", name);
	else
		snprintf(problem->hint, sizeof(problem->hint),
				 "A field that is not of the standard lies below an \"ext\".");
	return false;
}

static bool
below_scalar(const EcapiField *field, EcapiPathProblem *problem)
{
	snprintf(problem->detail, sizeof(problem->detail),
			 "The field \"%s\" has nothing below it.", ecapi_field_path(field));
	snprintf(problem->hint, sizeof(problem->hint), "Perhaps you meant \"%s\".",
			 ecapi_field_path(field));
	return false;
}

/* The steps of a path below an ext: any names but empty ones. */
static bool
check_rest(const char *rest, size_t len, EcapiPathProblem *problem)
{
	size_t		i;

	for (i = 0; i < len; i++)
	{
		if (rest[i] == '.' && (i == 0 || rest[i - 1] == '.' || i == len - 1))
			return wrong(problem, "A step of a path is empty.");
	}
	return len > 0 || wrong(problem, "A step of a path is empty.");
}

bool
ecapi_path_read(const char *text, size_t len, EcapiPath *path, EcapiPathProblem *problem)
{
	EcapiObject object = ECAPI_OBJ_EVENT;
	const EcapiField *within = NULL;
	size_t		at = 0;
	size_t		i;

	if (len == 0)
		return wrong(problem, "A path is empty.");
	if (len > ECAPI_PATH_MAX)
		return wrong(problem, "A path is longer than 255 bytes.");
	for (i = 0; i < len; i++)
	{
		if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f)
			return wrong(problem, "A path holds a control character.");
	}
	for (;;)
	{
		const char *point = memchr(text + at, '.', len - at);
		size_t		end = point ? (size_t) (point - text) : len;
		const EcapiField *field = ecapi_field_lookup(object, text + at, end - at);

		if (field == NULL && memchr(text + at, '[', end - at))
			return wrong(problem, "A path has no indices; it means the field of every element.");
		if (field == NULL)
			return unknown(text, len, at, end, object, within, problem);
		path->field = field;
		path->rest = NULL;
		path->restlen = 0;
		if (point == NULL)
			return true;
		at = end + 1;
		if (field->type == ECAPI_FT_EXT)
		{
			path->rest = text + at;
			path->restlen = len - at;
			return check_rest(path->rest, path->restlen, problem);
		}
		if (field->type != ECAPI_FT_OBJECT)
			return below_scalar(field, problem);
		object = field->child;
		within = field;
	}
}

EcapiPathMatch
ecapi_path_match(const char *path, const char *key, size_t keylen, const char **rest)
{
	size_t		i = 0;

	while (i < keylen && path[i] != '\0' && path[i] == key[i])
		i++;
	if (path[i] == '\0' && (i == keylen || key[i] == '.'))
		return ECAPI_PATH_REACHED;
	if (i == keylen && path[i] == '.')
	{
		*rest = path + i + 1;
		return ECAPI_PATH_INSIDE;
	}
	return ECAPI_PATH_APART;
}

/* ---- sets ---- */

static void
set_bit(uint64_t *bits, const EcapiField *field)
{
	int			number = ecapi_field_number(field);

	bits[number / 64] |= UINT64_C(1) << (number % 64);
}

static bool
has_bit(const uint64_t *bits, const EcapiField *field)
{
	int			number = ecapi_field_number(field);

	return (bits[number / 64] >> (number % 64)) & 1;
}

bool
ecapi_paths_whole(const EcapiPaths *paths, const EcapiField *field)
{
	return has_bit(paths->whole, field);
}

bool
ecapi_paths_part(const EcapiPaths *paths, const EcapiField *field)
{
	return has_bit(paths->part, field);
}

/* The field that holds objects of this kind, or NULL for the event. */
static const EcapiField *
holder(EcapiObject object)
{
	const EcapiField *field;
	int			i;

	for (i = 0; (field = ecapi_field_numbered(i)) != NULL; i++)
	{
		if (field->type == ECAPI_FT_OBJECT && field->child == object)
			return field;
	}
	return NULL;
}

static const EcapiField *
field_at(const char *path)
{
	return ecapi_field_named(path, strlen(path));
}

/* Add a field, or a member below it; rest lives as long as the set. */
static void
add_path(EcapiPaths *paths, const EcapiField *field, const char *rest)
{
	const EcapiField *above;

	if (rest)
	{
		paths->members[paths->nmembers].field = ecapi_field_number(field);
		paths->members[paths->nmembers++].rest = rest;
		set_bit(paths->part, field);
	}
	else
	{
		set_bit(paths->whole, field);
		for (above = field_at("user_data.address.country_code"); above;
			 above = holder(above->object))
			paths->country |= above == field;
	}
	for (above = holder(field->object); above; above = holder(above->object))
		set_bit(paths->part, above);
}

static int
count_entries(const char *list)
{
	int			n = 1;

	for (; *list != '\0'; list++)
		n += *list == ',';
	return n;
}

static EcapiPaths *
new_paths(EcapiArena *arena, int entries)
{
	EcapiPaths *paths = ecapi_arena_alloc(arena, sizeof(EcapiPaths));

	if (paths == NULL)
		return NULL;
	memset(paths, 0, sizeof(EcapiPaths));
	/* one more: what completes a set */
	paths->members = ecapi_arena_alloc(arena, sizeof(EcapiMemberPath) * (entries + 1));
	return paths->members ? paths : NULL;
}

EcapiPaths *
ecapi_paths_read(EcapiArena *arena, const char *list, EcapiPathProblem *problem)
{
	int			entries = count_entries(list);
	EcapiPaths *paths;

	if (entries > ECAPI_PATHS_MAX)
	{
		wrong(problem, "It names more than 200 paths.");
		return NULL;
	}
	paths = new_paths(arena, entries);
	while (paths)
	{
		EcapiPath	path;
		const char *rest = NULL;
		size_t		next;
		size_t		len;

		list += strspn(list, " \t\n");
		next = len = strcspn(list, ",");
		while (len > 0 && strchr(" \t\n", list[len - 1]))
			len--;
		if (!ecapi_path_read(list, len, &path, problem))
			return NULL;
		if (path.rest)
		{
			rest = ecapi_arena_copy(arena, path.rest, path.restlen);
			if (rest == NULL)
				return NULL;
		}
		add_path(paths, path.field, rest);
		if (list[next] == '\0')
			break;
		list += next + 1;
	}
	return paths;
}

void
ecapi_paths_complete(EcapiPaths *paths)
{
	static const char *const always[] = {
		/* what the standard requires, custom_event of the type custom */
		"data_set_id", "id", "timestamp", "event_type", "custom_event",
		/* what limits the use of an event */
		"user_data.mmt_only", "user_data.gpp_string", "user_data.gpp_sid"
	};
	size_t		i;

	for (i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		add_path(paths, field_at(always[i]), NULL);
	add_path(paths, field_at("user_data.ext"), "consent");
	if (has_bit(paths->whole, field_at("value")))
		add_path(paths, field_at("currency_code"), NULL);
}

const char *
ecapi_paths_forbidden(const EcapiPaths *paths)
{
	static const struct
	{
		const char *path;
		const char *reason;
	}			needed[] = {
		{"data_set_id", "The standard requires \"data_set_id\" of every event."},
		{"id", "By \"id\" a receiver knows an event that it gets twice."},
		{"timestamp", "The standard requires \"timestamp\" of every event."},
		{"event_type", "The standard requires \"event_type\" of every event."},
		{"custom_event", "The standard requires \"custom_event\" of every event of the type custom."},
		{"user_data.mmt_only", "\"user_data.mmt_only\" limits what the receiver may do with an event."}
	};
	size_t		i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
	{
		if (has_bit(paths->whole, field_at(needed[i].path)))
			return needed[i].reason;
	}
	if (has_bit(paths->whole, field_at("currency_code")) &&
		!has_bit(paths->whole, field_at("value")))
		return "The standard requires \"currency_code\" where \"value\" is.";
	return NULL;
}
