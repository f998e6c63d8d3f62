/*
 * follow.c
 *	  What DDL does to tracks: followed, or refused while it can be.
 *
 * A track names columns in texts, which the server does not know to depend on
 * anything.  So event triggers call here after DDL (the catalogs are already
 * as they will be), and this file derives from the command what has changed:
 *
 *	  renamed column	the track's argument is rewritten (rename.c), else refused
 *	  dropped, retyped, or renamed otherwise
 *						refused if a track mentions the name and no longer
 *						compiles (affected.c)
 *	  attached as a partition, with a track of its own
 *						refused: its track would take rows that an update moves
 *						in for new ones
 *
 * For a track of another role no session waits long for what others have locked: a
 * warning names what could not be looked at or rewritten.
 *
 * The role that runs the DDL needs no right on the track: the right to rename a
 * column that a path leads through must not depend on the tracks of others.
 *
 * No locks but those of affected.c and rename.c.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "tcop/deparse_utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/refuse.h"
#include "capture/tracks.h"
#include "tracking/affected.h"
#include "tracking/rename.h"

PG_FUNCTION_INFO_V1(ecapi_follow_command);
PG_FUNCTION_INFO_V1(ecapi_follow_drop);

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
	ecapi_affected_look(&change);
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
	const char *name = name_of_object(statement->relation, statement->object);

	switch (statement->renameType)
	{
		case OBJECT_COLUMN:
			ecapi_rename_column(object->objectId, statement->subname, statement->newname);
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
			object_changed("rename table", get_object_namespace(object), name);
			break;
		case OBJECT_FUNCTION:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			object_changed("rename function", get_object_namespace(object), name);
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			object_changed("rename type", get_object_namespace(object), name);
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
	ecapi_affected_look(&change);
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}
