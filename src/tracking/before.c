/*
 * before.c
 *	  Which tracks a command found valid.
 *
 * DDL is refused only where it breaks a track that was valid before (affected.c).
 * Afterwards that is no longer known: an event trigger sees the catalogs as they
 * will be.  The server's hook on access to objects is called before an object is
 * dropped, and after it was altered but before the command counter moves, so that
 * the catalogs still read as before.  There the tracks that need the object are
 * looked at.
 *
 * Invariants:
 *
 * (1) The hook does nothing until our event trigger reports that a command begins, and
 *	  nothing after the end of the (sub)transaction that this was in, nor when it
 *	  commits.
 * (2) Of each track the first look in a command counts.  What it needs is there
 *	  then: of several objects that go the dependent ones go first, and the first
 *	  that the track needs is the one at which it is looked at.
 * (3) A track that was not looked at, because there was no lock or no time, is not
 *	  taken to have been valid.
 * (4) Tracks of the role's own, and of the role that owns what changes, come first
 *	  and have all the time they need; those of others have COMMAND_MS together.
 * (5) The command counter does not move here: a look reads only, in a subtransaction
 *	  that is undone.
 *
 * No locks but those of looks.  What is kept lives in a context of this file, until
 * the next command.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/objectaccess.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "capture/reads.h"
#include "tracking/before.h"
#include "tracking/need.h"

PG_FUNCTION_INFO_V1(ecapi_watch_tracks);

/* What a command spends on tracks of other roles.  A thousand of usual ones take less. */
#define COMMAND_MS	1000

/* A track of the database. */
typedef struct Watched
{
	EcapiDeclared *declared;
	Oid			owner;			/* of its table */
	bool		own;			/* the command's role is a member of that */
	bool		looked;
	bool		read;			/* track is set: */
	EcapiTrack *track;			/* NULL: its argument cannot be read */
	List	   *tables;			/* see reads.h */
	const char *schema;			/* the last that was looked for: */
	bool		has_schema;
} Watched;

static struct
{
	bool		watching;
	bool		looking;		/* no look within a look */
	SubTransactionId within;	/* the one that the command began in */
	MemoryContext context;
	Oid			role;			/* whose command it is */
	Oid			owner;			/* of the object that changes */
	bool		listed;
	List	   *tracks;			/* of Watched */
	List	   *found;			/* of EcapiBefore */
	int64		spent;			/* on tracks of others, in microseconds */
	TimestampTz since;
	bool		given_up;
} command;

static object_access_hook_type previous = NULL;

List *
ecapi_before_list(void)
{
	return command.found;
}

/* ------------------------------------------------------------------------- time */

static void
give_up(void)
{
	if (!command.given_up)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("tracks of other roles were not all looked after"),
				 errdetail("To look at them took longer than %d ms.", COMMAND_MS),
				 errhint("Their owners see in the column \"problem\" of the view ecapi.track what is wrong now.")));
	command.given_up = true;
}

/*
 * Whether there may be another look.  There is no limit while a server that is being
 * tested discards what its caches hold.
 */
bool
ecapi_before_begin(bool own)
{
	CHECK_FOR_INTERRUPTS();
	if (!own && command.spent > COMMAND_MS * INT64CONST(1000) && debug_discard_caches == 0)
	{
		give_up();
		return false;
	}
	command.since = GetCurrentTimestamp();
	return true;
}

void
ecapi_before_end(bool own)
{
	if (!own)
		command.spent += GetCurrentTimestamp() - command.since;
}

/* ------------------------------------------------------------------------ looks */

/* Whether a track is of the role whose command it is, or of the owner of what changes. */
static bool
is_own(const Watched *watched)
{
	return watched->own || watched->owner == command.owner;
}

/* The tracks of the database, once for a command. */
static void
list_tracks(void)
{
	MemoryContext before = MemoryContextSwitchTo(command.context);
	ListCell   *cell;

	foreach(cell, ecapi_declared_list(InvalidOid))
	{
		Watched    *watched = palloc0(sizeof(Watched));

		watched->declared = lfirst(cell);
		watched->owner = ecapi_relation_owner(watched->declared->relation);
		watched->own = OidIsValid(watched->owner) &&
			is_member_of_role_nosuper(command.role, watched->owner);
		command.tracks = lappend(command.tracks, watched);
	}
	command.listed = true;
	MemoryContextSwitchTo(before);
}

static void
note(Watched *watched, EcapiLooked looked, const char *problem)
{
	MemoryContext before = MemoryContextSwitchTo(command.context);
	EcapiBefore *found = palloc(sizeof(EcapiBefore));

	found->trigger = watched->declared->trigger;
	found->looked = looked;
	found->warned = false;
	found->own = is_own(watched);
	found->problem = problem ? pstrdup(problem) : NULL;
	command.found = lappend(command.found, found);
	watched->looked = true;
	MemoryContextSwitchTo(before);
}

/* A command that drops a schema asks for the same one again and again. */
static bool
has_schema(Watched *watched, const EcapiChange *change)
{
	EcapiChange schema = {.kind = ECAPI_CHANGE_SCHEMA,.name = change->schema};

	if (watched->schema == NULL || strcmp(watched->schema, change->schema) != 0)
	{
		watched->schema = MemoryContextStrdup(command.context, change->schema);
		watched->has_schema = ecapi_may_mention(watched->declared, &schema);
	}
	return watched->has_schema;
}

/* Read a track, once for a command, and while the tables are as they were. */
static void
read_track(Watched *watched)
{
	MemoryContext before;

	if (watched->read)
		return;
	before = MemoryContextSwitchTo(command.context);
	watched->track = ecapi_declared_track(watched->declared);
	if (watched->track != NULL)
		watched->tables = ecapi_track_tables(watched->declared, watched->track);
	watched->read = true;
	MemoryContextSwitchTo(before);
}

static bool
needs(Watched *watched, const EcapiChange *change)
{
	if (change->kind == ECAPI_CHANGE_OBJECT && !has_schema(watched, change))
		return false;
	if (!ecapi_may_mention(watched->declared, change))
		return false;
	if (ecapi_look_too_long(watched->declared))
		return true;			/* a warning says that it was not looked at */
	read_track(watched);
	if (watched->track == NULL || !ecapi_track_mentions(watched->track, change))
		return false;
	return !OidIsValid(change->relation) ||
		ecapi_track_reads(watched->declared, watched->track, watched->tables, change->relation);
}

/* Look at those tracks that need what will change, and were not looked at yet. */
static void
look_at(const EcapiChange *change, bool own, MemoryContext scratch)
{
	ListCell   *cell;

	foreach(cell, command.tracks)
	{
		Watched    *watched = lfirst(cell);
		EcapiLooked looked;
		char	   *problem;

		if (watched->looked || is_own(watched) != own || !ecapi_before_begin(own))
			continue;
		if (needs(watched, change))
		{
			looked = ecapi_look_at(watched->declared, watched->track, own, &problem);
			note(watched, looked, problem);
		}
		ecapi_before_end(own);
		MemoryContextReset(scratch);
	}
}

static void
look(const EcapiChange *change)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ecapi looks",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext before;

	if (!command.listed)
		list_tracks();
	before = MemoryContextSwitchTo(scratch);
	look_at(change, true, scratch);
	look_at(change, false, scratch);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(scratch);
}

/* ---------------------------------------------------------------- what will change */

static void
look_for(EcapiChangeKind kind, const char *schema, const char *name, Oid relation)
{
	EcapiChange change = {.kind = kind,.schema = schema,.name = name,.relation = relation};

	look(&change);
}

static void
look_for_object(Oid schema, char *name)
{
	char	   *schema_name = get_namespace_name(schema);

	if (schema_name != NULL && name != NULL)
		look_for(ECAPI_CHANGE_OBJECT, schema_name, name, InvalidOid);
}

static void
look_for_keys(EcapiChangeKind kind, Oid relation)
{
	if (OidIsValid(relation))
		look_for(kind, NULL, NULL, relation);
}

static void
look_for_column(Oid relation, AttrNumber column)
{
	char	   *name = get_attname(relation, column, true);

	if (name == NULL)
		return;
	if (get_rel_relkind(relation) == RELKIND_COMPOSITE_TYPE)
	{
		look_for(ECAPI_CHANGE_ATTRIBUTE, NULL, name, InvalidOid);
		return;
	}
	look_for(ECAPI_CHANGE_COLUMN, NULL, name, relation);
	look_for_keys(ECAPI_CHANGE_JOIN, relation);
}

static void
look_for_relation(Oid relation, bool dropped)
{
	switch (get_rel_relkind(relation))
	{
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			/* goes before the constraint that it is of */
			if (dropped)
				look_for_keys(ECAPI_CHANGE_CONSTRAINT, IndexGetRelation(relation, true));
			break;
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			look_for_object(get_rel_namespace(relation), get_rel_name(relation));
			break;
		default:
			break;
	}
}

/* The hook does not say which value of an enum will be renamed. */
static void
look_for_values(Oid type)
{
	CatCList   *list = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
	List	   *names = NIL;
	ListCell   *cell;

	for (int i = 0; i < list->n_members; i++)
		names = lappend(names,
						pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(&list->members[i]->tuple))->enumlabel)));
	ReleaseSysCacheList(list);
	foreach(cell, names)
		look_for(ECAPI_CHANGE_VALUE, NULL, lfirst(cell), InvalidOid);
}

static void
look_for_type(Oid type, bool dropped)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	Oid			schema;
	char	   *name;
	bool		of_another;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_type) GETSTRUCT(tuple);
	schema = form->typnamespace;
	name = pstrdup(NameStr(form->typname));
	of_another = IsTrueArrayType(form) ||
		(OidIsValid(form->typrelid) && get_rel_relkind(form->typrelid) != RELKIND_COMPOSITE_TYPE);
	ReleaseSysCache(tuple);
	if (of_another)
		return;
	look_for_object(schema, name);
	if (!dropped && get_typtype(type) == TYPTYPE_ENUM)
		look_for_values(type);
}

static void
look_for_constraint(Oid constraint)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Oid			relation;

	if (!HeapTupleIsValid(tuple))
		return;
	relation = ((Form_pg_constraint) GETSTRUCT(tuple))->conrelid;
	ReleaseSysCache(tuple);
	look_for_keys(ECAPI_CHANGE_CONSTRAINT, relation);
}

static void
look_for_schema(Oid schema)
{
	char	   *name = get_namespace_name(schema);

	if (name != NULL)
		look_for(ECAPI_CHANGE_SCHEMA, NULL, name, InvalidOid);
}

/* The owner of an object; of a constraint that of its table. */
static Oid
owner_of(Oid class, Oid object)
{
	HeapTuple	tuple = SearchSysCache1(get_object_catcache_oid(class), ObjectIdGetDatum(object));
	Oid			owner = InvalidOid;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	if (class == ConstraintRelationId)
		owner = ecapi_relation_owner(((Form_pg_constraint) GETSTRUCT(tuple))->conrelid);
	else
		owner = DatumGetObjectId(SysCacheGetAttr(get_object_catcache_oid(class), tuple,
												 get_object_attnum_owner(class), &isnull));
	ReleaseSysCache(tuple);
	return owner;
}

static bool
is_watched(Oid class)
{
	return class == RelationRelationId || class == ProcedureRelationId ||
		class == TypeRelationId || class == ConstraintRelationId ||
		class == NamespaceRelationId;
}

static void
will_change(Oid class, Oid object, int part, bool dropped)
{
	command.owner = owner_of(class, object);
	switch (class)
	{
		case RelationRelationId:
			if (part != 0)
				look_for_column(object, part);
			else
				look_for_relation(object, dropped);
			break;
		case ProcedureRelationId:
			look_for_object(get_func_namespace(object), get_func_name(object));
			break;
		case TypeRelationId:
			look_for_type(object, dropped);
			break;
		case ConstraintRelationId:
			if (dropped)
				look_for_constraint(object);
			break;
		case NamespaceRelationId:
			/* one that is dropped goes with what is in it */
			if (!dropped)
				look_for_schema(object);
			break;
		default:
			break;
	}
}

/* ------------------------------------------------------------------------- hooks */

/* The server's hook.  A function that is replaced was, for the server, created. */
static void
on_access(ObjectAccessType access, Oid class, Oid object, int part, void *arg)
{
	if (previous)
		previous(access, class, object, part, arg);
	if (!command.watching || command.looking || !is_watched(class) ||
		(access != OAT_DROP && access != OAT_POST_ALTER &&
		 !(access == OAT_POST_CREATE && class == ProcedureRelationId)))
		return;
	command.looking = true;
	PG_TRY();
	{
		will_change(class, object, part, access == OAT_DROP);
	}
	PG_FINALLY();
	{
		command.looking = false;
	}
	PG_END_TRY();
}

/*
 * Before the commit: what it drops, such as temporary tables, is no command's.  After
 * an error nothing is watched either.
 */
static void
on_transaction(XactEvent event, void *arg)
{
	command.watching = false;
	command.tracks = command.found = NIL;
	MemoryContextReset(command.context);
}

static void
on_subtransaction(SubXactEvent event, SubTransactionId own, SubTransactionId parent,
				  void *arg)
{
	if (own != command.within)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		command.within = parent;
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		on_transaction(XACT_EVENT_ABORT, NULL);
}

/*
 * ecapi_internal.watch_tracks(): a command begins whose objects tracks may need.
 */
Datum
ecapi_watch_tracks(PG_FUNCTION_ARGS)
{
	if (command.context == NULL)
	{
		command.context = AllocSetContextCreate(TopMemoryContext, "ecapi tracks before a command",
												ALLOCSET_DEFAULT_SIZES);
		RegisterXactCallback(on_transaction, NULL);
		RegisterSubXactCallback(on_subtransaction, NULL);
		previous = object_access_hook;
		object_access_hook = on_access;
	}
	MemoryContextReset(command.context);
	command.watching = true;
	command.within = GetCurrentSubTransactionId();
	command.role = GetOuterUserId();
	command.listed = false;
	command.tracks = command.found = NIL;
	command.spent = 0;
	command.given_up = false;
	PG_RETURN_VOID();
}
