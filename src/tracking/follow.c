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
 *	(1) A track that does not mention what changes is not even compiled, so DDL
 *		beside the tracks pays for reading the list.
 *	(2) A rename is followed only where the entry no longer compiles, and only
 *		to something that does.
 *	(3) Refused is only what breaks a track that the command found whole (before.c).
 *		One that was broken before, or that was not judged, holds up nobody.
 *	(4) What a track that goes away in the same command mentions does not
 *		matter: it is no longer in the list.
 *	(5) For a track of another role nobody waits long for what other sessions have
 *		locked: what could not be looked at or rewritten is said in a warning.
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
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/deparse_utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "base/refuse.h"
#include "capture/tracks.h"
#include "rowsql/mention.h"
#include "tracking/before.h"
#include "tracking/look.h"
#include "tracking/need.h"

PG_FUNCTION_INFO_V1(ecapi_follow_command);
PG_FUNCTION_INFO_V1(ecapi_follow_drop);

/* Fields that a part of a track may lack; see complete(). */
#define STAND_INS	3

/* Names in a path: its steps may state a schema and a table each. */
#define MAX_PATH_NAMES	(3 * ECAPI_MAX_STEPS)

/*
 * What a rename waits, in ms, for the lock on a track that it rewrites: longer than
 * the server's deadlock_timeout by default, after which an autovacuum gives way.
 */
#define WRITE_LOCK_MS	2000

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

/* schema.name of a track's table, which may be going away meanwhile. */
static const char *
table_of(const EcapiDeclared *declared)
{
	const char *schema = get_namespace_name(get_rel_namespace(declared->relation));
	const char *name = get_rel_name(declared->relation);

	return schema && name ? quote_qualified_identifier(schema, name) :
		psprintf("%u", declared->relation);
}

static void
refuse(const EcapiDeclared *declared, const EcapiChange *change, const char *problem)
{
	const char *table = table_of(declared);

	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot %s because track \"%s\" of table %s needs it", change->what,
					ecapi_declared_name(declared), table),
			 errdetail("Afterwards: %s.", problem),
			 errhint("Declare the track without it with ecapi.track(), or end it with SELECT ecapi.untrack(%s, name => %s).",
					 quote_literal_cstr(table),
					 quote_literal_cstr(ecapi_declared_name(declared)))));
}

/* A track that needs what has changed could not be looked at: it must not hold it up. */
static void
tell_not_looked(const EcapiDeclared *declared, EcapiBefore *before, const char *problem)
{
	if (before->told)
		return;
	before->told = true;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("track \"%s\" of table %s was not looked after", ecapi_declared_name(declared),
					table_of(declared)),
			 errdetail("It was %s.", problem),
			 errhint("See the column \"problem\" of the view ecapi.track.")));
}

/* Does a track that was whole miss something now?  See rule (3). */
static void
refuse_if_broken(const EcapiDeclared *declared, const EcapiTrack *track, EcapiBefore *before,
				 const EcapiChange *change)
{
	EcapiLooked looked;
	char	   *problem;

	if (before->looked != ECAPI_LOOKED_WHOLE)
		return;
	looked = ecapi_look_at(declared, track, before->own, &problem);
	if (looked == ECAPI_LOOKED_BROKEN)
		refuse(declared, change, problem);
	if (looked == ECAPI_LOOKED_NOT)
		tell_not_looked(declared, before, problem);
}

typedef void (*Follower) (const EcapiDeclared *declared, EcapiTrack *track,
						  EcapiBefore *before, const EcapiChange *change, void *arg);

/* Call follower if a track that the command found mentions what changed. */
static void
follow_one(EcapiBefore *before, const EcapiDeclared *declared, const EcapiChange *change,
		   Follower follower, void *arg)
{
	EcapiTrack *track;

	if (!ecapi_may_mention(declared, change))
		return;
	if (before->looked == ECAPI_LOOKED_NOT)
	{
		tell_not_looked(declared, before, before->problem);
		return;
	}
	track = ecapi_declared_track(declared);
	if (track != NULL && ecapi_track_mentions(track, change))
		follower(declared, track, before, change, arg);
}

/* Call follower for all tracks that need what changed and are still there. */
static void
for_tracks_that_need(const EcapiChange *change, Follower follower, void *arg)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ecapi follow",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	ListCell   *cell;

	foreach(cell, ecapi_before_list())
	{
		EcapiBefore *before = lfirst(cell);
		EcapiDeclared *declared = ecapi_declared_get(before->trigger);

		if (declared == NULL || !ecapi_before_begin(before))
			continue;
		follow_one(before, declared, change, follower, arg);
		ecapi_before_end(before);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

static void
look_for_harm_to(const EcapiDeclared *declared, EcapiTrack *track, EcapiBefore *before,
				 const EcapiChange *change, void *arg)
{
	refuse_if_broken(declared, track, before, change);
}

/* Something went away or became something else: does a track miss it? */
static void
look_for_harm(const EcapiChange *change)
{
	for_tracks_that_need(change, look_for_harm_to, NULL);
}

/* ------------------------------------------------------------------------
 * A renamed column
 * ------------------------------------------------------------------------
 */

typedef struct Rename
{
	const char *from;
	const char *to;
	List	   *tree;			/* relations whose column was renamed */
	Relation	relation;		/* of the track that is being looked at */
	bool		own;			/* the column is one of that relation */
	bool		patient;		/* see look.h */
} Rename;

/* Does one entry of a mapping compile, alone? */
static bool
entry_compiles(const EcapiTrack *track, const EcapiMapped *mapped, const char *source,
			   const Rename *rename)
{
	EcapiTrack	alone = *track;
	EcapiMapped entries[1 + STAND_INS];
	char	   *problem;

	entries[0] = *mapped;
	entries[0].source = source;
	alone.mapped = entries;
	alone.nmapped = 1;
	alone.condition = NULL;
	alone.nchanges = alone.nkeys = 0;
	complete(&alone);
	return ecapi_look_compile(&alone, rename->relation, rename->patient, &problem) == ECAPI_LOOKED_WHOLE;
}

static bool
condition_compiles(const EcapiTrack *track, const char *condition, const Rename *rename)
{
	EcapiTrack	alone = *track;
	EcapiMapped entries[STAND_INS];
	char	   *problem;

	alone.mapped = entries;
	alone.nmapped = 0;
	alone.condition = condition;
	alone.nchanges = alone.nkeys = 0;
	complete(&alone);
	return ecapi_look_compile(&alone, rename->relation, rename->patient, &problem) == ECAPI_LOOKED_WHOLE;
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

/*
 * Lock the table of a track that is rewritten.  Other roles' sessions may hold theirs
 * for as long as they like, so it is waited for only so long.
 */
static bool
lock_to_write(Oid relation, bool patient)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool locked = false;
	int			nest;

	if (patient)
	{
		LockRelationOid(relation, ShareUpdateExclusiveLock);
		return true;
	}
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		nest = NewGUCNestLevel();
		if (LockTimeout == 0 || LockTimeout > WRITE_LOCK_MS)
			(void) set_config_option("lock_timeout", psprintf("%d", WRITE_LOCK_MS), PGC_USERSET,
									 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		LockRelationOid(relation, ShareUpdateExclusiveLock);
		AtEOXact_GUC(false, nest);
		ReleaseCurrentSubTransaction();
		locked = true;
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_LOCK_NOT_AVAILABLE)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return locked;
}

/* Rewrite a track whose relation is open. */
static void
follow_rename(const EcapiDeclared *declared, const EcapiTrack *track, EcapiBefore *before,
			  Rename *rename, const EcapiChange *change)
{
	EcapiTrack *followed = follow_track(track, rename);
	const char *argument = ecapi_track_write(followed);

	refuse_if_broken(declared, followed, before, change);
	if (strcmp(argument, ecapi_track_write(track)) == 0)
		return;
	if (lock_to_write(declared->relation, before->own))
		ecapi_declared_write(declared, argument);
	else
		tell_not_looked(declared, before, "not rewritten: another session has locked its table");
}

static void
follow_rename_in(const EcapiDeclared *declared, EcapiTrack *track, EcapiBefore *before,
				 const EcapiChange *change, void *arg)
{
	Rename	   *rename = arg;

	rename->own = list_member_oid(rename->tree, declared->relation);
	rename->patient = before->own;
	if (!ecapi_look_lock(declared->relation, before->own))
	{
		tell_not_looked(declared, before, "not looked at: another session has locked its table");
		return;
	}
	rename->relation = try_table_open(declared->relation, NoLock);
	if (rename->relation != NULL)
	{
		follow_rename(declared, track, before, rename, change);
		table_close(rename->relation, NoLock);
	}
	UnlockRelationOid(declared->relation, AccessShareLock);
}

/* Columns keep their names over the whole tree of a table. */
static void
column_renamed(Oid relid, const char *from, const char *to)
{
	Rename		rename = {.from = from,.to = to};
	EcapiChange change = {.kind = ECAPI_CHANGE_COLUMN,.name = from,.relation = relid};

	rename.tree = find_all_inheritors(relid, NoLock, NULL);
	change.what = psprintf("rename column \"%s\"", from);
	for_tracks_that_need(&change, follow_rename_in, &rename);
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
something_changed(EcapiChange change, const char *how, const char *name)
{
	if (name == NULL)
		return;
	change.name = name;
	change.what = psprintf("%s \"%s\"", how, name);
	look_for_harm(&change);
}

/* An object is another one now, or has another name: that it had, in a schema. */
static void
object_changed(const char *how, Oid schema, const char *name)
{
	EcapiChange change = {.kind = ECAPI_CHANGE_OBJECT,.schema = get_namespace_name(schema)};

	if (change.schema != NULL)
		something_changed(change, how, name);
}

static void
name_changed(EcapiChangeKind kind, const char *how, const char *name)
{
	EcapiChange change = {.kind = kind};

	something_changed(change, how, name);
}

static void
renamed(RenameStmt *statement, const ObjectAddress *object)
{
	switch (statement->renameType)
	{
		case OBJECT_COLUMN:
			column_renamed(object->objectId, statement->subname, statement->newname);
			break;
		case OBJECT_ATTRIBUTE:
			name_changed(ECAPI_CHANGE_ATTRIBUTE, "rename attribute", statement->subname);
			break;
		case OBJECT_SCHEMA:
			name_changed(ECAPI_CHANGE_SCHEMA, "rename schema", statement->subname);
			break;
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
			object_changed("rename table", get_object_namespace(object),
						   name_of_object(statement->relation, NULL));
			break;
		case OBJECT_FUNCTION:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			object_changed("rename function", get_object_namespace(object),
						   name_of_object(NULL, statement->object));
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			object_changed("rename type", get_object_namespace(object),
						   name_of_object(NULL, statement->object));
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
	bool		composite = get_rel_relkind(relation) == RELKIND_COMPOSITE_TYPE;
	EcapiChange change = {.kind = composite ? ECAPI_CHANGE_ATTRIBUTE : ECAPI_CHANGE_COLUMN};

	change.relation = composite ? InvalidOid : relation;
	something_changed(change, "change the type of column", column);
	if (composite)
		return;
	change.kind = ECAPI_CHANGE_JOIN;
	something_changed(change, "change the type of column", column);
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

/* other: of a move, the schema that the object was in */
static void
changed(Node *statement, const ObjectAddress *object, Oid other)
{
	switch (nodeTag(statement))
	{
		case T_RenameStmt:
			renamed(castNode(RenameStmt, statement), object);
			break;
		case T_AlterObjectSchemaStmt:
			{
				AlterObjectSchemaStmt *move = castNode(AlterObjectSchemaStmt, statement);

				object_changed("move", other, name_of_object(move->relation, move->object));
				break;
			}
		case T_AlterFunctionStmt:
			object_changed("change function", get_object_namespace(object),
						   get_func_name(object->objectId));
			break;
		case T_CreateFunctionStmt:
			if (castNode(CreateFunctionStmt, statement)->replace)
				object_changed("replace function", get_object_namespace(object),
							   get_func_name(object->objectId));
			break;
		case T_AlterEnumStmt:
			name_changed(ECAPI_CHANGE_VALUE, "rename value",
						 castNode(AlterEnumStmt, statement)->oldVal);
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
		changed(command->parsetree, &command->d.simple.address,
				command->d.simple.secondaryObject.objectId);
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}

static EcapiChangeKind
kind_of_dropped(const char *type)
{
	return strcmp(type, "table column") == 0 ? ECAPI_CHANGE_COLUMN :
		strcmp(type, "composite type column") == 0 ? ECAPI_CHANGE_ATTRIBUTE :
		ECAPI_CHANGE_OBJECT;
}

/*
 * ecapi_internal.follow_drop(type text, schema text, name text, relation oid,
 * constraints boolean): look whether a track misses an object that was dropped (type
 * as pg_event_trigger_dropped_objects() has it; relation: whose column it was), or
 * the constraints that went with it.
 */
Datum
ecapi_follow_drop(PG_FUNCTION_ARGS)
{
	const char *type = text_to_cstring(PG_GETARG_TEXT_PP(0));
	EcapiChange change = {.kind = kind_of_dropped(type)};
	ErrorContextCallback *stack = ecapi_frames_hide();

	change.schema = text_to_cstring(PG_GETARG_TEXT_PP(1));
	change.name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	change.relation = PG_GETARG_OID(3);
	if (strcmp(type, "table constraint") == 0 || strcmp(type, "table column") == 0)
		type += strlen("table ");
	change.what = psprintf("drop %s \"%s\"", type, change.name);
	if (PG_GETARG_BOOL(4))
	{
		change.kind = ECAPI_CHANGE_CONSTRAINT;
		change.name = NULL;
		change.relation = InvalidOid;
	}
	look_for_harm(&change);
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}
