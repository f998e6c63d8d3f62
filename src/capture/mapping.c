/*
 * mapping.c
 *	  What a track says: the argument of its trigger, read and written.
 *
 * The argument is all that there is of a track: no table of ours holds a part
 * of it, so dumps, renames of the table and DROP need no care.  It may also be
 * written by hand, so it is read as strictly as what ecapi.track() is given.
 *
 * Entries are kept sorted by the length of their path: an object that comes as
 * a whole ("user_data" from a jsonb column) is set first, single fields are set
 * into it afterwards.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "base/argument.h"
#include "base/tree.h"
#include "capture/mapping.h"
#include "event/closest.h"
#include "event/validate.h"

/* Columns that a key, or on_change, can have: as an index. */
#define MAX_COLUMNS		INDEX_MAX_KEYS

static const char *const member_names[] = {
	"event_type", "table", "key", "condition", "on_change", "at_commit",
	"on_error", "mapping", NULL
};

/* For ecapi_closest(). */
static const char *
member_name_nth(int i, void *arg)
{
	return member_names[i];
}

/* A hint that names what was probably meant, or NULL. */
static char *
closest_hint(const char *word, const char *(*nth) (int i, void *arg), void *arg)
{
	const char *closest = ecapi_closest(word, strlen(word), nth, arg);

	return closest ? psprintf("Perhaps you meant \"%s\".", closest) : NULL;
}

static void
refuse(const char *message, const char *hint)
{
	ecapi_argument_refuse(psprintf("invalid track: %s", message), hint);
}

static const char *
text_member(const EcapiValue *argument, const char *key)
{
	const EcapiValue *member = ecapi_value_get(argument, key);

	if (member == NULL || member->type == ECAPI_NULL)
		return NULL;
	if (member->type != ECAPI_STRING || member->len == 0)
		refuse(psprintf("\"%s\" is not a text", key), NULL);
	return member->text;
}

static bool
bool_member(const EcapiValue *argument, const char *key)
{
	const EcapiValue *member = ecapi_value_get(argument, key);

	if (member == NULL || member->type == ECAPI_NULL)
		return false;
	if (member->type != ECAPI_BOOL)
		refuse(psprintf("\"%s\" is not true or false", key), NULL);
	return member->truth;
}

/* An array of names of columns. */
static int
names_member(const EcapiValue *argument, const char *key, const char ***names)
{
	const EcapiValue *member = ecapi_value_get(argument, key);
	int			n = 0;

	*names = NULL;
	if (member == NULL || member->type == ECAPI_NULL)
		return 0;
	if (member->type != ECAPI_ARRAY || member->len > MAX_COLUMNS)
		refuse(psprintf("\"%s\" is not an array of at most %d columns", key, MAX_COLUMNS),
			   NULL);
	*names = palloc0(sizeof(char *) * (member->len + 1));
	for (const EcapiValue *name = member->first; name; name = name->next)
	{
		if (name->type != ECAPI_STRING || name->len == 0)
			refuse(psprintf("\"%s\" is not an array of names of columns", key), NULL);
		(*names)[n++] = name->text;
	}
	return n;
}

/* What a path that is no field's may have meant; last: step is its last one. */
static const char *
no_field_hint(const char *path, const char *step, bool last, EcapiObject object)
{
	const EcapiField *whole = ecapi_field_named(path, strlen(path));
	const char *meant = last ? ecapi_field_meant(step, strlen(step)) : NULL;

	if (whole)
		meant = ecapi_field_path(whole);
	if (meant && strcmp(meant, path) != 0)
		return psprintf("Perhaps you meant \"%s\".", meant);
	if (object == ECAPI_OBJ_NONE)
		return "Only ext takes names of your own.";
	return closest_hint(step, ecapi_field_name_nth, &object);
}

/*
 * Split a path into its steps and find its field.  Below an ext everything
 * goes; anything else must be of the standard.
 */
static void
resolve_path(EcapiMapped *mapped, const char *path)
{
	EcapiObject object = ECAPI_OBJ_EVENT;
	char	   *rest = pstrdup(path);
	bool		in_ext = false;
	int			nfields = 0;	/* steps that are fields of the standard */

	mapped->path = path;
	while (rest)
	{
		char	   *step = rest;
		const EcapiField *field;

		rest = strchr(step, '.');
		if (rest)
			*rest++ = '\0';
		if (*step == '\0' || mapped->nsteps == ECAPI_MAX_STEPS)
			refuse(psprintf("\"%s\" is not the path of a field", path),
				   "Write a path such as \"user_data.email_address\".");
		mapped->steps[mapped->nsteps++] = step;
		if (in_ext)
			continue;

		field = object == ECAPI_OBJ_NONE ? NULL :
			ecapi_field_lookup(object, step, strlen(step));
		if (field == NULL)
		{
			refuse(psprintf("ECAPI has no field \"%s\"", path),
				   no_field_hint(path, step, rest == NULL, object));
		}
		mapped->field = field;
		nfields++;
		in_ext = field->type == ECAPI_FT_EXT;
		object = field->type == ECAPI_FT_OBJECT ? field->child : ECAPI_OBJ_NONE;
	}
	/* the field found last is the ext itself; what is inside of it is no field */
	if (in_ext && mapped->nsteps > nfields)
		mapped->field = NULL;
}

/* Whether an entry says that its field comes from the layers below the mapping. */
static bool
read_takes(EcapiTrack *track, const EcapiValue *entry)
{
	if (entry->type != ECAPI_STRING || strcmp(entry->text, "*") != 0)
		return false;
	if (strcmp(entry->key, "id") == 0)
		track->takes |= ECAPI_TAKES_ID;
	else if (strcmp(entry->key, "data_set_id") == 0)
		track->takes |= ECAPI_TAKES_DATA_SET_ID;
	else
		refuse(psprintf("the source of \"%s\" cannot be \"*\"", entry->key),
			   "Only \"id\" and \"data_set_id\" say so that the fragment may set them; other fields it sets anyway.");
	return true;
}

static void
read_mapped(EcapiMapped *mapped, const EcapiValue *entry)
{
	memset(mapped, 0, sizeof(*mapped));
	if (strcmp(entry->key, "*") == 0)
		mapped->path = entry->key;
	else
		resolve_path(mapped, entry->key);

	if (mapped->field && strcmp(mapped->path, "event_type") == 0)
		refuse("the mapping cannot set \"event_type\"",
			   "Each event type is a track of its own.");
	switch (entry->type)
	{
		case ECAPI_STRING:
			if (entry->len == 0)
				refuse(psprintf("the source of \"%s\" is empty", entry->key), NULL);
			mapped->source = entry->text;
			break;
		case ECAPI_NUMBER:
		case ECAPI_BOOL:
			if (mapped->nsteps == 0)
				refuse("the source of \"*\" is not a column or expression", NULL);
			mapped->constant = entry;
			break;
		default:
			refuse(psprintf("the source of \"%s\" is not a text", entry->key),
				   entry->type == ECAPI_OBJECT ?
				   psprintf("Write one entry for each of its fields, as \"%s.field\".", entry->key) :
				   "A source is a column, a path of foreign keys, or SQL.");
	}
}

static int
by_length(const void *a, const void *b)
{
	const EcapiMapped *one = a;
	const EcapiMapped *other = b;

	if (one->nsteps != other->nsteps)
		return one->nsteps - other->nsteps;
	return strcmp(one->path, other->path);
}

/* Whether one path is above the other, or the same. */
static bool
is_above(const EcapiMapped *upper, const EcapiMapped *lower)
{
	if (upper->nsteps == 0 || upper->nsteps > lower->nsteps)
		return false;
	for (int i = 0; i < upper->nsteps; i++)
		if (strcmp(upper->steps[i], lower->steps[i]) != 0)
			return false;
	return true;
}

/*
 * Two sources for one field.  An object may come whole and be completed, but
 * it is not known into which element of an array to write.
 */
static void
check_overlap(const EcapiTrack *track)
{
	for (int i = 0; i < track->nmapped; i++)
		for (int j = i + 1; j < track->nmapped; j++)
		{
			const EcapiMapped *upper = &track->mapped[i];
			const EcapiMapped *lower = &track->mapped[j];

			if (is_above(upper, lower) &&
				(upper->field == NULL ||
				 (upper->field->type != ECAPI_FT_OBJECT &&
				  upper->field->type != ECAPI_FT_EXT) ||
				 upper->field->cardinality == ECAPI_MANY))
				refuse(psprintf("both \"%s\" and \"%s\" are mapped", upper->path,
								lower->path), NULL);
		}
}

static void
read_mapping(EcapiTrack *track, const EcapiValue *mapping)
{
	if (mapping == NULL || mapping->type == ECAPI_NULL)
		return;
	if (mapping->type != ECAPI_OBJECT)
		refuse("the mapping is not a JSON object",
			   "Write {\"field\": \"source\", ...}.");
	if (mapping->len > ECAPI_MAX_MAPPED)
		refuse(psprintf("the mapping has more than %d entries", ECAPI_MAX_MAPPED), NULL);

	track->mapped = palloc0(sizeof(EcapiMapped) * (mapping->len + 1));
	for (const EcapiValue *entry = mapping->first; entry; entry = entry->next)
		if (!read_takes(track, entry))
			read_mapped(&track->mapped[track->nmapped++], entry);
	if ((track->takes & ECAPI_TAKES_ID) && ecapi_value_get(mapping, "*") == NULL)
		refuse("\"id\" is \"*\", but \"*\" is not mapped", NULL);
	qsort(track->mapped, track->nmapped, sizeof(EcapiMapped), by_length);
	check_overlap(track);
}

static void
check_members(const EcapiValue *argument)
{
	for (const EcapiValue *member = argument->first; member; member = member->next)
	{
		int			i = 0;

		while (member_names[i] && strcmp(member_names[i], member->key) != 0)
			i++;
		if (member_names[i] == NULL)
			refuse(psprintf("unknown key \"%s\"", member->key),
				   closest_hint(member->key, member_name_nth, NULL));
	}
}

static EcapiOnError
read_on_error(const EcapiValue *argument)
{
	const char *name = text_member(argument, "on_error");

	if (name == NULL || strcmp(name, "set_aside") == 0)
		return ECAPI_ON_ERROR_SET_ASIDE;
	if (strcmp(name, "raise") != 0)
		refuse(psprintf("\"on_error\" cannot be \"%s\"", name),
			   "It is \"set_aside\" or \"raise\".");
	return ECAPI_ON_ERROR_RAISE;
}

static const char *
read_event_type(const EcapiValue *argument)
{
	const char *name = text_member(argument, "event_type");

	if (name == NULL)
		refuse("\"event_type\" is missing", NULL);
	if (ecapi_event_type_lookup(name, strlen(name)) < 0)
	{
		const char *meant = ecapi_event_type_meant(name, strlen(name));

		refuse(psprintf("ECAPI has no event type \"%s\"", name),
			   meant ? psprintf("Perhaps you meant \"%s\".", meant) :
			   "ecapi.event_types() lists them.");
	}
	return name;
}

EcapiTrack *
ecapi_track_parse(const char *json, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	EcapiTrack *track = palloc0(sizeof(EcapiTrack));
	Jsonb	   *jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
	EcapiArena	arena;
	EcapiValue *argument;

	ecapi_tree_arena(&arena, context);
	argument = ecapi_tree_from_jsonb(&arena, jsonb, ECAPI_MAX_DEPTH);
	if (argument == NULL || argument->type != ECAPI_OBJECT)
		refuse("the argument is not a JSON object", NULL);

	check_members(argument);
	track->event_type = read_event_type(argument);
	track->table = text_member(argument, "table");
	track->nkeys = names_member(argument, "key", &track->keys);
	track->condition = text_member(argument, "condition");
	track->nchanges = names_member(argument, "on_change", &track->changes);
	track->at_commit = bool_member(argument, "at_commit");
	track->on_error = read_on_error(argument);
	read_mapping(track, ecapi_value_get(argument, "mapping"));

	MemoryContextSwitchTo(caller);
	return track;
}

/* The key of a member, behind a comma if it is not the first of its object. */
static void
write_key(StringInfo json, const char *key)
{
	if (json->data[json->len - 1] != '{')
		appendStringInfoString(json, ", ");
	escape_json(json, key);
	appendStringInfoString(json, ": ");
}

static void
write_text(StringInfo json, const char *key, const char *value)
{
	if (value == NULL)
		return;
	write_key(json, key);
	escape_json(json, value);
}

static void
write_names(StringInfo json, const char *key, const char **names, int n)
{
	if (n == 0)
		return;
	write_key(json, key);
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(json, i > 0 ? ", " : "[");
		escape_json(json, names[i]);
	}
	appendStringInfoChar(json, ']');
}

static void
write_mapping(StringInfo json, const EcapiTrack *track)
{
	write_key(json, "mapping");
	appendStringInfoChar(json, '{');
	write_text(json, "id", track->takes & ECAPI_TAKES_ID ? "*" : NULL);
	write_text(json, "data_set_id", track->takes & ECAPI_TAKES_DATA_SET_ID ? "*" : NULL);
	for (int i = 0; i < track->nmapped; i++)
	{
		const EcapiMapped *mapped = &track->mapped[i];

		write_key(json, mapped->path);
		if (mapped->source)
			escape_json(json, mapped->source);
		else if (mapped->constant->type == ECAPI_BOOL)
			appendStringInfoString(json, mapped->constant->truth ? "true" : "false");
		else
			appendStringInfoString(json, mapped->constant->text);
	}
	appendStringInfoChar(json, '}');
}

char *
ecapi_track_write(const EcapiTrack *track)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	write_text(&json, "event_type", track->event_type);
	write_text(&json, "table", track->table);
	write_names(&json, "key", track->keys, track->nkeys);
	write_text(&json, "condition", track->condition);
	write_names(&json, "on_change", track->changes, track->nchanges);
	if (track->at_commit)
	{
		write_key(&json, "at_commit");
		appendStringInfoString(&json, "true");
	}
	write_text(&json, "on_error", track->on_error == ECAPI_ON_ERROR_RAISE ? "raise" : NULL);
	write_mapping(&json, track);
	appendStringInfoChar(&json, '}');
	return json.data;
}
