/*
 * track.c
 *	  ecapi.track(): a track by a function call.
 *
 *	CREATE FUNCTION ecapi.track(
 *		relation regclass,
 *		event_type text,
 *		mapping jsonb DEFAULT NULL,
 *		condition text DEFAULT NULL,
 *		on_change text[] DEFAULT NULL,
 *		at_commit boolean DEFAULT false,
 *		on_error text DEFAULT NULL,
 *		always boolean DEFAULT false,
 *		name text DEFAULT NULL
 *	) RETURNS text
 *
 * A track is a trigger and nothing else, so all that ecapi.track() does in the
 * end is one CREATE OR REPLACE TRIGGER, run as the caller.  Before that it
 * checks: what the arguments say (by reading the trigger's argument that they
 * make, mapping.c), and whether it fits the table (by compiling it, program.c).
 *
 * What must not change later is written into the argument here: the table's
 * name and the key columns, of which default ids are made.
 *
 * The lock of the table (own_table.c) is taken before the check, for what is checked
 * must still be so when the trigger is made.
 *
 * CREATE OR REPLACE turns any trigger that ecapi.track() makes into any other:
 * trigger.c of the server refuses only constraint triggers and partitions'
 * copies.  It also enables a trigger that was disabled.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/argument.h"
#include "base/run_as.h"
#include "capture/program_compile.h"
#include "capture/tracks.h"
#include "rowsql/names.h"
#include "rowsql/text_size.h"
#include "tracking/own_table.h"
#include "tracking/suggest.h"
#include "tracking/suggest_due.h"

/* Bytes of a mapping as text: a few hundred times one that names all fields. */
#define MAX_MAPPING		(1024 * 1024)

PG_FUNCTION_INFO_V1(ecapi_track);

/* Arguments of ecapi.track(), in the order of the declaration above. */
enum
{
	ARG_RELATION,
	ARG_EVENT_TYPE,
	ARG_MAPPING,
	ARG_CONDITION,
	ARG_ON_CHANGE,
	ARG_AT_COMMIT,
	ARG_ON_ERROR,
	ARG_ALWAYS,
	ARG_NAME
};

/* What was asked for. */
typedef struct Declaration
{
	Relation	relation;
	const char *table;			/* qualified and quoted */
	const char *event_type;
	const char *mapping;		/* JSON text */
	bool		suggested;		/* no mapping was given */
	EcapiSuggested suggestion;	/* if so */
	const char *condition;		/* NULL: none */
	ArrayType  *on_change;		/* NULL: none */
	bool		at_commit;
	const char *on_error;		/* NULL: the default */
	bool		always;
	const char *name;			/* NULL: the event type */
	const char *trigger;		/* its name */
} Declaration;

static bool
bool_argument(FunctionCallInfo fcinfo, int n)
{
	return !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
}

/*
 * Names for a trigger: not cut off, as the server would do, for two names
 * that differ at the end only would be one trigger.
 */
static const char *
trigger_name(const char *name)
{
	if (*name == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of a track must not be empty")));
	if (strlen(ECAPI_TRACK_PREFIX) + strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("the name of a track is too long"),
				 errdetail("It has %zu bytes; its trigger's name, \"%s...\", leaves room for %zu.",
						   strlen(name), ECAPI_TRACK_PREFIX, NAMEDATALEN - 1 - strlen(ECAPI_TRACK_PREFIX)),
				 errhint("Give another one with name.")));
	return psprintf("%s%s", ECAPI_TRACK_PREFIX, name);
}

/* Append an array of texts as a JSON array. */
static void
append_names(StringInfo json, ArrayType *array)
{
	Datum	   *names;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	appendStringInfoChar(json, '[');
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ecapi_argument_refuse_null("on_change");
		if (i > 0)
			appendStringInfoString(json, ", ");
		escape_json(json, TextDatumGetCString(names[i]));
	}
	appendStringInfoChar(json, ']');
}

/* Append a member of a JSON object that is a text, and a comma; nothing where it is NULL. */
static void
append_member(StringInfo json, const char *name, const char *text)
{
	if (text == NULL)
		return;
	appendStringInfo(json, "\"%s\": ", name);
	escape_json(json, text);
	appendStringInfoString(json, ", ");
}

/*
 * Read what was asked for the way a trigger's argument is read, so that both
 * are held to the same rules.
 */
static EcapiTrack *
read_declaration(const Declaration *declaration)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_member(&json, "event_type", declaration->event_type);
	append_member(&json, "condition", declaration->condition);
	append_member(&json, "on_error", declaration->on_error);
	if (declaration->on_change)
	{
		appendStringInfoString(&json, "\"on_change\": ");
		append_names(&json, declaration->on_change);
		appendStringInfoString(&json, ", ");
	}
	appendStringInfo(&json, "\"at_commit\": %s, \"mapping\": %s}",
					 declaration->at_commit ? "true" : "false", declaration->mapping);
	return ecapi_track_parse(json.data, CurrentMemoryContext);
}

static bool
maps_id(const EcapiTrack *track)
{
	for (int i = 0; i < track->nmapped; i++)
		if (strcmp(track->mapped[i].path, "id") == 0)
			return true;
	return false;
}

/*
 * Columns of the primary key, in its order, into the track.  None: compiling
 * says so.
 */
static void
fix_key(EcapiTrack *track, Relation relation)
{
	Oid			constraint = InvalidOid;
	HeapTuple	tuple;
	ArrayType  *columns;
	bool		isnull;
	int16	   *numbers;

	(void) get_primary_key_attnos(RelationGetRelid(relation), true, &constraint);
	if (!OidIsValid(constraint))
		return;
	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for constraint %u", constraint);
	columns = DatumGetArrayTypeP(SysCacheGetAttr(CONSTROID, tuple,
												 Anum_pg_constraint_conkey, &isnull));
	numbers = (int16 *) ARR_DATA_PTR(columns);
	track->nkeys = ARR_DIMS(columns)[0];
	track->keys = palloc(sizeof(char *) * track->nkeys);
	for (int i = 0; i < track->nkeys; i++)
		track->keys[i] = get_attname(RelationGetRelid(relation), numbers[i], false);
	ReleaseSysCache(tuple);
}

/* Append one named argument of a call; nothing where it is NULL. */
static void
append_argument(StringInfo call, const char *name, const char *text)
{
	if (text)
		appendStringInfo(call, ", %s => %s", name, quote_literal_cstr(text));
}

/* on_change => ARRAY['a', 'b'] */
static void
append_on_change(StringInfo call, const EcapiTrack *track)
{
	for (int i = 0; i < track->nchanges; i++)
		appendStringInfo(call, "%s%s", i == 0 ? ", on_change => ARRAY[" : ", ",
						 quote_literal_cstr(track->changes[i]));
	if (track->nchanges > 0)
		appendStringInfoChar(call, ']');
}

/* The call that says all that a declaration says. */
static const char *
explicit_call(const Declaration *declaration, const EcapiTrack *track)
{
	StringInfoData call;

	initStringInfo(&call);
	appendStringInfo(&call, "SELECT ecapi.track(%s, %s",
					 quote_literal_cstr(declaration->table),
					 quote_literal_cstr(declaration->event_type));
	append_argument(&call, "mapping", declaration->mapping);
	append_argument(&call, "condition", declaration->condition);
	append_on_change(&call, track);
	if (declaration->at_commit)
		appendStringInfoString(&call, ", at_commit => true");
	append_argument(&call, "on_error", declaration->on_error);
	if (declaration->always)
		appendStringInfoString(&call, ", always => true");
	append_argument(&call, "name", declaration->name);
	appendStringInfoString(&call, ");");
	return call.data;
}

/* "a, b" */
static const char *
joined(List *names)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, names)
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", (char *) lfirst(cell));
	return text.data;
}

/* No mapping was given: use one guessed from the columns. */
static EcapiTrack *
suggest(Declaration *declaration)
{
	EcapiSuggested *suggested = &declaration->suggestion;
	Jsonb	   *mapping;

	ecapi_suggest(declaration->relation, declaration->event_type, suggested);
	mapping = suggested->mapping;
	declaration->mapping = JsonbToCString(NULL, &mapping->root, VARSIZE(mapping));
	return read_declaration(declaration);
}

/*
 * What was guessed, and what was assumed for it.  Called when the track is made, for
 * an error would make it pointless.
 */
static void
notice_suggested(const Declaration *declaration, const EcapiTrack *track)
{
	const EcapiSuggested *suggested = &declaration->suggestion;

	ecapi_suggest_notify(suggested);
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("the mapping of table %s was guessed from its columns", declaration->table),
			 suggested->missing ?
			 errdetail("Nothing was found for: %s.", joined(suggested->missing)) : 0,
			 errhint("To set it explicitly: %s", explicit_call(declaration, track))));
}

/*
 * A row is often made long before it is an event: a cart becomes an order.
 */
static void
notice_every_row(Declaration declaration, const EcapiTrack *track, const char *column)
{
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("every new row of table %s becomes an event", declaration.table),
			 errdetail("There is no condition, but the column \"%s\" looks as if it said when a row is one.",
					   column),
			 errhint("To wait for that: %s", explicit_call(&declaration, track))));
}

static void
check_combination(const Declaration *declaration)
{
	ArrayType  *on_change = declaration->on_change;

	if (on_change && ArrayGetNItems(ARR_NDIM(on_change), ARR_DIMS(on_change)) == 0)
		ecapi_argument_refuse("on_change lists no column", "Leave it out for a track of new rows.");
	if (declaration->condition && *declaration->condition == '\0')
		ecapi_argument_refuse("the condition is empty", "Leave it out for a track of all new rows.");
	if (on_change && ARR_NDIM(on_change) > 1)
		ecapi_argument_refuse("on_change is not a list of columns", NULL);
}

/* A trigger of that name that is no track belongs to the application. */
static void
refuse_to_replace(const Declaration *declaration)
{
	Oid			relid = RelationGetRelid(declaration->relation);
	Oid			trigger = get_trigger_oid(relid, declaration->trigger, true);

	if (OidIsValid(trigger) && ecapi_declared_get(trigger) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("trigger \"%s\" of table %s is not a track",
						declaration->trigger, declaration->table),
				 errhint("Give the track another name with name.")));
}

/* The command that makes the trigger. */
static const char *
trigger_command(const Declaration *declaration, const EcapiTrack *track)
{
	EcapiTrackShape	shape = ecapi_track_shape(track, declaration->relation,
										  declaration->always);

	return psprintf("CREATE OR REPLACE TRIGGER %s AFTER %s ON %s %s EXECUTE FUNCTION ecapi.capture(%s)",
					quote_identifier(declaration->trigger),
					ecapi_track_event_names(shape.events), declaration->table,
					shape.set_wise ? "REFERENCING NEW TABLE AS new FOR EACH STATEMENT"
					: "FOR EACH ROW",
					quote_literal_cstr(ecapi_track_write(track)));
}

static void
make_trigger(const Declaration *declaration, const char *command)
{
	ecapi_own_table_run(command, declaration->table);
	if (declaration->always)
		ecapi_own_table_run(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", declaration->table,
						 quote_identifier(declaration->trigger)),
				declaration->table);
}

/* A partition that is a foreign table, of one with partitions; InvalidOid: there is none. */
static Oid
foreign_partition(Oid relation)
{
	ListCell   *cell;

	foreach(cell, find_all_inheritors(relation, NoLock, NULL))
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			return lfirst_oid(cell);
	return InvalidOid;
}

/*
 * Children of a table that is not partitioned fire triggers of their own; and of a foreign
 * partition only what is written here is seen here.
 */
static void
notice_children(const Declaration *declaration)
{
	Relation	relation = declaration->relation;
	Oid			foreign = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ?
		foreign_partition(RelationGetRelid(relation)) : InvalidOid;

	if (OidIsValid(foreign))
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("rows that are written to partition %s on its own server are not captured here",
						ecapi_names_relation(foreign)),
				 errhint("Where the partition's server has ecapi, track its table there, and not here: see ecapi.on_nodes().")));

	if (relation->rd_rel->relkind == RELKIND_RELATION &&
		find_inheritance_children(RelationGetRelid(relation), NoLock) != NIL)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("rows stored in the children of table %s are not captured",
						declaration->table),
				 errhint("Call ecapi.track() for each child, too.")));
}

static void
read_arguments(FunctionCallInfo fcinfo, Declaration *declaration)
{
	memset(declaration, 0, sizeof(*declaration));
	if (PG_ARGISNULL(ARG_RELATION))
		ecapi_argument_refuse_null("relation");
	if (PG_ARGISNULL(ARG_EVENT_TYPE))
		ecapi_argument_refuse_null("event_type");
	declaration->table = ecapi_names_relation(PG_GETARG_OID(ARG_RELATION));
	declaration->event_type = ecapi_argument_text(fcinfo, ARG_EVENT_TYPE);
	declaration->suggested = PG_ARGISNULL(ARG_MAPPING);
	if (declaration->suggested)
		declaration->mapping = "{}";
	else
	{
		Jsonb	   *mapping = PG_GETARG_JSONB_P(ARG_MAPPING);

		/* a number is refused later, and in words may be long */
		if (ecapi_text_size(JSONBOID, JsonbPGetDatum(mapping), MAX_MAPPING) > MAX_MAPPING)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("invalid track: the mapping is larger than %d kB", MAX_MAPPING / 1024)));
		declaration->mapping = JsonbToCString(NULL, &mapping->root, VARSIZE(mapping));
	}
	declaration->condition = ecapi_argument_text(fcinfo, ARG_CONDITION);
	if (!PG_ARGISNULL(ARG_ON_CHANGE))
		declaration->on_change = PG_GETARG_ARRAYTYPE_P(ARG_ON_CHANGE);
	declaration->at_commit = bool_argument(fcinfo, ARG_AT_COMMIT);
	declaration->on_error = ecapi_argument_text(fcinfo, ARG_ON_ERROR);
	declaration->always = bool_argument(fcinfo, ARG_ALWAYS);
	declaration->name = ecapi_argument_text(fcinfo, ARG_NAME);
	declaration->trigger = trigger_name(declaration->name ? declaration->name
										: declaration->event_type);
	check_combination(declaration);
}

/* ecapi.track(): see the head of this file; returns the trigger's name. */
Datum
ecapi_track(PG_FUNCTION_ARGS)
{
	Declaration declaration;
	EcapiTrack *track;
	const char *command;
	const char *due = NULL;
	const char *due_column;
	int			nest;

	read_arguments(fcinfo, &declaration);
	/* What is wrong with the arguments alone is an error before any lock. */
	track = read_declaration(&declaration);
	nest = ecapi_own_table_limit();
	declaration.relation = ecapi_own_table_open(PG_GETARG_OID(ARG_RELATION), declaration.table,
												ShareRowExclusiveLock);
	ecapi_refuse_relation(declaration.relation);
	if (declaration.suggested)
		track = suggest(&declaration);
	track->table = ecapi_track_table(RelationGetRelid(declaration.relation));
	if (!maps_id(track))
		fix_key(track, declaration.relation);
	ecapi_program_free(ecapi_program_compile(track, declaration.relation,
											 ecapi_run_as(declaration.relation->rd_rel->relowner),
											 false, CurrentMemoryContext));
	refuse_to_replace(&declaration);
	notice_children(&declaration);
	command = trigger_command(&declaration, track);
	if (declaration.condition == NULL && declaration.on_change == NULL)
		due = ecapi_suggest_condition(declaration.relation, declaration.event_type,
									  &due_column);
	/* The lock stays; a relation that is open cannot be altered. */
	relation_close(declaration.relation, NoLock);
	make_trigger(&declaration, command);
	if (declaration.suggested)
		notice_suggested(&declaration, track);
	if (due)
	{
		declaration.condition = due;
		notice_every_row(declaration, track, due_column);
	}
	AtEOXact_GUC(true, nest);
	PG_RETURN_TEXT_P(cstring_to_text(declaration.trigger));
}
