/*
 * follow.c
 *	  What DDL does to tracks: followed, or refused while it can be.
 *
 * A track names columns in texts, which the server does not know to depend on
 * anything.  So event triggers call here after DDL (the catalogs are already
 * as they will be) and this file looks whether a track is hurt:
 *
 *	  renamed column	the track's argument is rewritten, where it is clear
 *						what is meant: a column, a key, on_change, a step of a
 *						foreign-key path, new.column and old.column, and bare
 *						columns in conditions.  Else refused
 *	  dropped, retyped, or renamed otherwise
 *						refused if a track mentions the name and no longer
 *						compiles
 *	  attached as a partition, with a track of its own
 *						refused: its track would take rows that an update moves
 *						in for new ones
 *
 * Rules:
 *	(1) A track that does not mention what changed is not even compiled, so DDL
 *		beside the tracks pays for reading the list.
 *	(2) A rename is followed only where the entry no longer compiles, and only
 *		to something that does.
 *	(3) A track that was broken before holds up nobody.  Whether it was is
 *		found by compiling it without the entries that mention the name: what
 *		is then still wrong was not done by this command.
 *	    A column is told by the Oid of its table: of another one, which the track
 *	    does not read (reads.c), no name is looked at.
 *	(4) What a track that goes away in the same command mentions does not
 *		matter: it is no longer in the list.
 *
 * The role that runs the DDL needs no right on the track: who may rename a
 * column that a path leads through must not depend on who tracks what.
 *
 * Locks: a rewritten track's table is locked in ShareUpdateExclusive mode,
 * which keeps other DDL out and lets writers in.  A statement that is running
 * there sees the renamed column and the new argument together, for both come
 * with one commit, and a program is compiled from the argument as it is then.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "tcop/deparse_utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "capture/declared.h"
#include "capture/mention.h"
#include "capture/reads.h"
#include "catalog.h"
#include "refuse.h"

PG_FUNCTION_INFO_V1(ecapi_follow_command);
PG_FUNCTION_INFO_V1(ecapi_follow_drop);

/* Fields that a part of a track may lack; see complete(). */
#define STAND_INS	3

/* Names in a path: its steps may state a schema and a table each. */
#define MAX_PATH_NAMES	(3 * ECAPI_MAX_STEPS)

/* A change that tracks may not survive. */
typedef struct Change
{
	const char *what;			/* for messages: "drop column \"total\"" */
	const char *name;			/* that is gone; NULL: a constraint, any key or
								 * foreign-key path may need it */
	bool		literals;		/* the name also stands in string constants */
	bool		stated;			/* without a name: only a path that states a join,
								 * by a key that it does not name */
	Oid			relation;		/* whose column it is; or InvalidOid */
} Change;

/* ------------------------------------------------------------------------
 * Tracks that mention something
 * ------------------------------------------------------------------------
 */

static bool
text_needs(const char *text, const Change *change)
{
	if (text == NULL)
		return false;
	if (change->name == NULL)
		return (!change->stated || strstr(text, "->") != NULL) &&
			ecapi_mention_is_path(text);
	return ecapi_mentions(text, change->name, change->literals);
}

static bool
names_need(const char **names, int n, const Change *change)
{
	for (int i = 0; i < n; i++)
		if (change->name && strcmp(names[i], change->name) == 0)
			return true;
	return false;
}

/* Are default ids made of what is gone? */
static bool
key_needs(const EcapiTrack *track, const Change *change)
{
	return names_need(track->keys, track->nkeys, change) ||
		(change->name == NULL && !change->stated && track->nkeys == 0);
}

static bool
track_needs(const EcapiTrack *track, const Change *change)
{
	if (text_needs(track->condition, change) || key_needs(track, change) ||
		names_need(track->changes, track->nchanges, change))
		return true;
	for (int i = 0; i < track->nmapped; i++)
		if (text_needs(track->mapped[i].source, change))
			return true;
	return false;
}

/*
 * Can a track mention it at all?  Spares reading most tracks: a name stands in
 * the argument as it is, but for letter case, unless one of them is written
 * with escapes or has letters that are not ASCII.
 */
static bool
may_need(const EcapiDeclared *declared, const Change *change)
{
	const char *name = change->name;
	size_t		len;

	if (declared->argument == NULL)
		return false;
	if (name == NULL && change->stated)
		return strstr(declared->argument, "->") != NULL;
	if (name == NULL || strchr(declared->argument, '\\') != NULL)
		return true;
	len = strlen(name);
	for (const char *c = name; *c; c++)
		if (IS_HIGHBIT_SET(*c))
			return true;
	for (const char *at = declared->argument; *at; at++)
		if (pg_strncasecmp(at, name, len) == 0)
			return true;
	return false;
}

/* A column of a table that the track does not read is not meant, whatever its name. */
static bool
can_mean(const EcapiDeclared *declared, const EcapiTrack *track, const Change *change)
{
	return !OidIsValid(change->relation) ||
		ecapi_track_reads(declared, track, change->relation);
}

/* The track, read, if it needs what is gone; else NULL. */
static EcapiTrack *
track_that_needs(const EcapiDeclared *declared, const Change *change)
{
	EcapiTrack *track = may_need(declared, change) ? ecapi_declared_track(declared) : NULL;

	return track && track_needs(track, change) && can_mean(declared, track, change) ?
		track : NULL;
}

/*
 * Complete a part of a track by constants, so that it compiles alone: without
 * a key, and where one field needs another.
 */
static void
complete(EcapiTrack *track)
{
	static const char *const needed[STAND_INS] = {"id", "currency_code", "custom_event"};

	for (int i = 0; i < STAND_INS; i++)
	{
		EcapiMapped *entry = &track->mapped[track->nmapped];
		bool		mapped = false;

		for (int j = 0; j < track->nmapped; j++)
			if (strcmp(track->mapped[j].path, needed[i]) == 0)
				mapped = true;
		if (mapped)
			continue;
		memset(entry, 0, sizeof(*entry));
		entry->path = entry->steps[0] = needed[i];
		entry->nsteps = 1;
		entry->field = ecapi_field_named(needed[i], strlen(needed[i]));
		entry->source = "'x'::pg_catalog.text";
		track->nmapped++;
	}
}

/* A track's copy, with room for stand-ins. */
static EcapiTrack *
copy_track(const EcapiTrack *track)
{
	EcapiTrack *copy = palloc(sizeof(EcapiTrack));

	*copy = *track;
	copy->mapped = palloc0(sizeof(EcapiMapped) * (track->nmapped + STAND_INS));
	if (track->nmapped > 0)
		memcpy(copy->mapped, track->mapped, sizeof(EcapiMapped) * track->nmapped);
	copy->keys = palloc(sizeof(char *) * (track->nkeys + 1));
	for (int i = 0; i < track->nkeys; i++)
		copy->keys[i] = track->keys[i];
	copy->changes = palloc(sizeof(char *) * (track->nchanges + 1));
	for (int i = 0; i < track->nchanges; i++)
		copy->changes[i] = track->changes[i];
	return copy;
}

/* The same track without whatever needs what is gone. */
static EcapiTrack *
rest_of_track(const EcapiTrack *track, const Change *change)
{
	EcapiTrack *rest = copy_track(track);

	rest->nmapped = 0;
	for (int i = 0; i < track->nmapped; i++)
		if (!text_needs(track->mapped[i].source, change))
			rest->mapped[rest->nmapped++] = track->mapped[i];
	if (text_needs(track->condition, change))
		rest->condition = NULL;
	if (names_need(track->changes, track->nchanges, change))
		rest->nchanges = 0;
	if (key_needs(track, change))
		rest->nkeys = 0;
	complete(rest);
	return rest;
}

static void
refuse(const EcapiDeclared *declared, Relation relation, const Change *change,
	   const char *problem)
{
	const char *table = quote_qualified_identifier(
		get_namespace_name(RelationGetNamespace(relation)), RelationGetRelationName(relation));

	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot %s because track \"%s\" of table %s needs it", change->what,
					ecapi_declared_name(declared), table),
			 errdetail("Afterwards: %s.", problem),
			 errhint("Declare the track without it with ecapi.track(), or end it with SELECT ecapi.untrack(%s, name => %s).",
					 quote_literal_cstr(table),
					 quote_literal_cstr(ecapi_declared_name(declared)))));
}

/* See rule (3). */
static void
refuse_unless_broken(const EcapiDeclared *declared, const EcapiTrack *track,
					 Relation relation, const Change *change)
{
	char	   *problem = ecapi_track_problem_of(track, relation);

	if (problem &&
		ecapi_track_problem_of(rest_of_track(track, change), relation) == NULL)
		refuse(declared, relation, change, problem);
}

/* Something went away or became something else: does a track miss it? */
static void
look_for_harm(const Change *change)
{
	ListCell   *cell;

	foreach(cell, ecapi_declared_list(InvalidOid))
	{
		const EcapiDeclared *declared = lfirst(cell);
		EcapiTrack *track = track_that_needs(declared, change);
		Relation	relation;

		if (track == NULL)
			continue;
		relation = try_table_open(declared->relation, AccessShareLock);
		if (relation == NULL)
			continue;
		refuse_unless_broken(declared, track, relation, change);
		table_close(relation, NoLock);
	}
}

/* ------------------------------------------------------------------------
 * A renamed column
 * ------------------------------------------------------------------------
 */

typedef struct Rename
{
	const char *from;
	const char *to;
	Relation	relation;		/* of the track that is being looked at */
	bool		own;			/* the column is one of that relation */
} Rename;

/* Does one entry of a mapping compile, alone? */
static bool
entry_compiles(const EcapiTrack *track, const EcapiMapped *mapped, const char *source,
			   const Rename *rename)
{
	EcapiTrack	alone = *track;
	EcapiMapped entries[1 + STAND_INS];

	entries[0] = *mapped;
	entries[0].source = source;
	alone.mapped = entries;
	alone.nmapped = 1;
	alone.condition = NULL;
	alone.nchanges = alone.nkeys = 0;
	complete(&alone);
	return ecapi_track_problem_of(&alone, rename->relation) == NULL;
}

static bool
condition_compiles(const EcapiTrack *track, const char *condition, const Rename *rename)
{
	EcapiTrack	alone = *track;
	EcapiMapped entries[STAND_INS];

	alone.mapped = entries;
	alone.nmapped = 0;
	alone.condition = condition;
	alone.nchanges = alone.nkeys = 0;
	complete(&alone);
	return ecapi_track_problem_of(&alone, rename->relation) == NULL;
}

/*
 * What a source becomes: one that compiles, or the same when nothing helps.
 * A source that is a column's name as it stands may be one that SQL would
 * quote, so both ways to write the new one are tried.
 */
static const char *
follow_source(const EcapiTrack *track, const EcapiMapped *mapped, const Rename *rename)
{
	const char *source = mapped->source;
	const char *renamed;

	if (source == NULL || !ecapi_mentions(source, rename->from, false) ||
		entry_compiles(track, mapped, source, rename))
		return source;
	if (rename->own && strcmp(source, rename->from) == 0 &&
		entry_compiles(track, mapped, rename->to, rename))
		return rename->to;
	for (int step = 0; step < MAX_PATH_NAMES; step++)
	{
		if (step == 0 && !rename->own)
			continue;
		if (!ecapi_mention_is_path(source) && step > 0)
			break;
		renamed = ecapi_mention_rename(source, rename->from, rename->to,
									   ECAPI_MENTION_STEP, step);
		if (renamed && entry_compiles(track, mapped, renamed, rename))
			return renamed;
	}
	if (!rename->own)
		return source;
	renamed = ecapi_mention_rename(source, rename->from, rename->to, ECAPI_MENTION_ROW, 0);
	return renamed && entry_compiles(track, mapped, renamed, rename) ? renamed : source;
}

static const char *
follow_condition(const EcapiTrack *track, const Rename *rename)
{
	const char *condition = track->condition;
	const char *renamed;

	if (condition == NULL || !rename->own ||
		!ecapi_mentions(condition, rename->from, false) ||
		condition_compiles(track, condition, rename))
		return condition;
	renamed = ecapi_mention_rename(condition, rename->from, rename->to,
								   ECAPI_MENTION_ROW_OR_BARE, 0);
	return renamed && condition_compiles(track, renamed, rename) ? renamed : condition;
}

static void
follow_names(const char **names, int n, const Rename *rename)
{
	for (int i = 0; i < n; i++)
		if (rename->own && strcmp(names[i], rename->from) == 0)
			names[i] = rename->to;
}

/* The track as it must read after a rename. */
static EcapiTrack *
follow_track(const EcapiTrack *track, const Rename *rename)
{
	EcapiTrack *followed = copy_track(track);

	follow_names(followed->keys, followed->nkeys, rename);
	follow_names(followed->changes, followed->nchanges, rename);
	followed->condition = follow_condition(track, rename);
	for (int i = 0; i < followed->nmapped; i++)
		followed->mapped[i].source = follow_source(track, &track->mapped[i], rename);
	return followed;
}

static void
follow_rename(const EcapiDeclared *declared, const EcapiTrack *track, Rename *rename,
			  const Change *change)
{
	EcapiTrack *followed = follow_track(track, rename);
	const char *argument = ecapi_track_write(followed);

	refuse_unless_broken(declared, followed, rename->relation, change);
	if (strcmp(argument, ecapi_track_write(track)) == 0)
		return;
	LockRelationOid(declared->relation, ShareUpdateExclusiveLock);
	ecapi_declared_write(declared, argument);
}

/* Columns keep their names over the whole tree of a table. */
static void
column_renamed(Oid relid, const char *from, const char *to)
{
	List	   *tree = find_all_inheritors(relid, NoLock, NULL);
	Change		change = {psprintf("rename column \"%s\"", from), from, false, false, relid};
	ListCell   *cell;

	foreach(cell, ecapi_declared_list(InvalidOid))
	{
		const EcapiDeclared *declared = lfirst(cell);
		EcapiTrack *track = track_that_needs(declared, &change);
		Rename		rename = {from, to, NULL, list_member_oid(tree, declared->relation)};

		if (track == NULL)
			continue;
		rename.relation = try_table_open(declared->relation, AccessShareLock);
		if (rename.relation == NULL)
			continue;
		follow_rename(declared, track, &rename, &change);
		table_close(rename.relation, NoLock);
	}
}

/* ------------------------------------------------------------------------
 * What a command did
 * ------------------------------------------------------------------------
 */

/* The name that an object had before it was renamed or moved; NULL: no matter. */
static const char *
name_of_object(RangeVar *relation, Node *object)
{
	if (relation)
		return relation->relname;
	if (object == NULL)
		return NULL;
	if (IsA(object, ObjectWithArgs))
		object = (Node *) castNode(ObjectWithArgs, object)->objname;
	if (IsA(object, TypeName))
		object = (Node *) castNode(TypeName, object)->names;
	if (IsA(object, List))
		return strVal(llast(castNode(List, object)));
	return IsA(object, String) ? strVal(object) : NULL;
}

static void
something_changed(const char *how, const char *name, bool literals, Oid relation)
{
	Change		change = {NULL, name, literals, false, relation};

	if (name == NULL)
		return;
	change.what = psprintf("%s \"%s\"", how, name);
	look_for_harm(&change);
}

static void
object_changed(const char *how, const char *name, bool literals)
{
	something_changed(how, name, literals, InvalidOid);
}

static void
renamed(RenameStmt *statement, Oid relid)
{
	switch (statement->renameType)
	{
		case OBJECT_COLUMN:
			column_renamed(relid, statement->subname, statement->newname);
			break;
		case OBJECT_ATTRIBUTE:
			object_changed("rename attribute", statement->subname, false);
			break;
		case OBJECT_SCHEMA:
			object_changed("rename schema", statement->subname, false);
			break;
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
			object_changed("rename table", name_of_object(statement->relation, NULL), false);
			break;
		case OBJECT_FUNCTION:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			object_changed("rename function", name_of_object(NULL, statement->object), false);
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			object_changed("rename type", name_of_object(NULL, statement->object), false);
			break;
		default:
			break;
	}
}

/* A table was made a partition. */
static void
refuse_attached(RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);
	List	   *tracks = OidIsValid(relid) ? ecapi_declared_list(relid) : NIL;

	if (tracks)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot attach table \"%s\" because it has a track of its own, \"%s\"",
						name->relname, ecapi_declared_name(linitial(tracks))),
				 errdetail("As a partition it is captured by the tracks of the table that it is attached to."),
				 errhint("End its own first, with ecapi.untrack().")));
}

/* The type of a column changed, which may be the key of a stated join. */
static void
retyped(Oid relation, const char *column)
{
	Change		change = {NULL, NULL, false, true, relation};

	something_changed("change the type of column", column, false, relation);
	change.what = psprintf("change the type of column \"%s\"", column);
	look_for_harm(&change);
}

static void
altered(Oid relation, List *subcommands)
{
	ListCell   *cell;

	foreach(cell, subcommands)
	{
		CollectedATSubcmd *collected = lfirst(cell);
		AlterTableCmd *command = castNode(AlterTableCmd, collected->parsetree);

		if (command->subtype == AT_AlterColumnType)
			retyped(relation, command->name);
		else if (command->subtype == AT_AttachPartition)
			refuse_attached(castNode(PartitionCmd, command->def)->name);
	}
}

static void
changed(Node *statement, Oid object)
{
	switch (nodeTag(statement))
	{
		case T_RenameStmt:
			renamed(castNode(RenameStmt, statement), object);
			break;
		case T_AlterObjectSchemaStmt:
			{
				AlterObjectSchemaStmt *move = castNode(AlterObjectSchemaStmt, statement);

				object_changed("move", name_of_object(move->relation, move->object), false);
				break;
			}
		case T_AlterFunctionStmt:
			object_changed("change function",
						   name_of_object(NULL, (Node *) castNode(AlterFunctionStmt, statement)->func),
						   false);
			break;
		case T_CreateFunctionStmt:
			if (castNode(CreateFunctionStmt, statement)->replace)
				object_changed("replace function",
							   name_of_object(NULL, (Node *) castNode(CreateFunctionStmt, statement)->funcname),
							   false);
			break;
		case T_AlterEnumStmt:
			object_changed("rename value", castNode(AlterEnumStmt, statement)->oldVal, true);
			break;
		default:
			break;
	}
}

/*
 * ecapi_internal.follow_command(command pg_ddl_command): look after the tracks
 * that a command has touched.  The command is one of
 * pg_event_trigger_ddl_commands().
 */
Datum
ecapi_follow_command(PG_FUNCTION_ARGS)
{
	CollectedCommand *command = (CollectedCommand *) PG_GETARG_POINTER(0);
	ErrorContextCallback *stack = ecapi_frames_hide();

	if (command->type == SCT_AlterTable)
		altered(command->d.alterTable.objectId, command->d.alterTable.subcmds);
	else if (command->type == SCT_Simple && command->parsetree)
		changed(command->parsetree, command->d.simple.address.objectId);
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}

/*
 * ecapi_internal.follow_drop(type text, name text, constraints boolean): look
 * whether a track misses an object that was dropped (type as
 * pg_event_trigger_dropped_objects() has it), or the constraints that went
 * with it.
 */
Datum
ecapi_follow_drop(PG_FUNCTION_ARGS)
{
	const char *type = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Change		change = {NULL, PG_GETARG_BOOL(2) ? NULL : name, false, false, PG_GETARG_OID(3)};
	ErrorContextCallback *stack = ecapi_frames_hide();

	if (strcmp(type, "table constraint") == 0 || strcmp(type, "table column") == 0)
		type += strlen("table ");
	change.what = psprintf("drop %s \"%s\"", type, name);
	look_for_harm(&change);
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}
