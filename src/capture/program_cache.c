/*
 * program_cache.c
 *	  The programs of triggers, compiled once in a process.
 *
 * An entry is found by the trigger's Oid.  It is compiled again when
 *	  - its relation, or the table that the track was declared on, was
 *		invalidated: a column, a key, a foreign key, the owner, or the trigger
 *		itself has changed;
 *	  - a table that a foreign-key path leads to was invalidated: it may have been
 *		renamed or given to another owner;
 *	  - any schema was changed, as one may have been renamed;
 *	  - its SQL runs as another role now, or that has become a superuser or ceased
 *		to be one (run_as.c);
 *	  - a row has failed because a table that a source reads gives another type.
 * What else SQL of a track depends on, tables and functions, is followed by the
 * plan cache below expression.c.
 *
 * An invalidation may come at every look at a catalog, so while a program is
 * compiled and while it runs.  What always holds:
 *	  1. Of the relation cache nothing is kept but the open relation itself and
 *		 its descriptor, which stay as they are until the end of the transaction.
 *		 Its triggers are copied out before anything else is looked at.
 *	  2. What a caller was given stays as it is as long as the memory that was
 *		 current then: an entry that is compiled again gets another program beside
 *		 it, and the one before goes when nobody holds it.
 *
 * Compiling fails when a column or a function is gone and event triggers did
 * not refuse it.  Such a failure must not hurt the shop, so it happens in a
 * subtransaction and is kept in the entry, for the rest of the transaction:
 * what fixes it (a function made again, a column of another table) need not
 * touch the tracked one.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/catalog.h"
#include "base/hold.h"
#include "base/run_as.h"
#include "capture/program_cache.h"
#include "capture/program_compile.h"
#include "capture/tracks.h"
#include "compat.h"
#include "rowsql/confine.h"
#include "rowsql/expression.h"

/* What an entry was compiled to, in a context of its own, the program's parent. */
typedef struct Version
{
	EcapiCompiled compiled;
	MemoryContext context;
	bool		superuser;		/* compiled.role was one */
	int			holders;
} Version;

typedef struct Entry
{
	Oid			trigger;		/* key */
	Oid			relation;
	bool		valid;			/* compiled, well or not, and nothing has changed */
	bool		changed;		/* something has, since compiling began */
	LocalTransactionId used_in; /* the last transaction that asked for it */
	Version    *version;		/* NULL: nothing was compiled yet */
} Entry;

static HTAB *entries = NULL;

/* Versions that were replaced while they were held. */
static List *replaced = NIL;

static bool
depends_on(const Entry *entry, Oid relid)
{
	const EcapiCompiled *compiled;

	if (entry->relation == relid)
		return true;
	if (entry->version == NULL)
		return false;
	compiled = &entry->version->compiled;
	return compiled->root == relid ||
		(compiled->program &&
		 ecapi_expressions_depend(compiled->program->expressions, relid));
}

static void
forget_relation(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS scan;
	Entry	   *entry;

	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (!OidIsValid(relid) || depends_on(entry, relid))
		{
			entry->valid = false;
			entry->changed = true;
		}
}

static void
forget_all(Datum arg, int cache, uint32 hash)
{
	forget_relation(arg, InvalidOid);
}

static void
make_entries(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(Entry);
	entries = hash_create("ecapi programs", 32, &control, HASH_ELEM | HASH_BLOBS);
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_all, (Datum) 0);
}

/*
 * The table on which a trigger was declared, and the trigger there: itself,
 * or the root's for a partition's copy of it.  The root's owner decides
 * whose rights the SQL of a track has (run_as.h).
 */
static Oid
root_of(Relation relation, const Trigger *trigger, Oid *root_trigger)
{
	const EcapiDeclared *declared = NULL;

	if (trigger->tgisclone)
		declared = ecapi_declared_get(trigger->tgoid);
	while (declared && OidIsValid(declared->parent))
	{
		const EcapiDeclared *parent = ecapi_declared_get(declared->parent);

		if (parent == NULL)
			break;
		declared = parent;
	}
	*root_trigger = declared ? declared->trigger : trigger->tgoid;
	return declared ? declared->relation : RelationGetRelid(relation);
}

static Oid
owner_of(Oid relation)
{
	Oid			owner = ecapi_relation_owner(relation);

	if (!OidIsValid(owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u does not exist", relation)));
	return owner;
}

/* What is asked of a track's trigger, out of the reach of the relation cache. */
static Trigger *
copy_trigger(const Trigger *trigger)
{
	Trigger    *copy = palloc0(sizeof(Trigger));

	copy->tgoid = trigger->tgoid;
	copy->tgname = pstrdup(trigger->tgname);
	copy->tgfoid = trigger->tgfoid;
	copy->tgisclone = trigger->tgisclone;
	copy->tgnargs = trigger->tgnargs;
	copy->tgargs = palloc(sizeof(char *) * (trigger->tgnargs + 1));
	for (int i = 0; i < trigger->tgnargs; i++)
		copy->tgargs[i] = pstrdup(trigger->tgargs[i]);
	return copy;
}

Trigger *
ecapi_trigger_named(Relation relation, const char *name)
{
	Oid			capture = ecapi_capture_function();

	/* nothing in this loop may look at a catalog */
	for (int i = 0; relation->trigdesc && i < relation->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &relation->trigdesc->triggers[i];

		if (trigger->tgfoid == capture && strcmp(trigger->tgname, name) == 0)
			return copy_trigger(trigger);
	}
	return NULL;
}

Trigger *
ecapi_trigger_of(Relation relation, Oid trigger)
{
	for (int i = 0; relation->trigdesc && i < relation->trigdesc->numtriggers; i++)
		if (relation->trigdesc->triggers[i].tgoid == trigger)
			return copy_trigger(&relation->trigdesc->triggers[i]);
	return NULL;
}

typedef struct Compilation
{
	Relation	relation;
	const Trigger *trigger;
	Version    *version;
} Compilation;

static void
compile(void *arg)
{
	Compilation *compilation = arg;
	MemoryContext context = compilation->version->context;
	EcapiCompiled *compiled = &compilation->version->compiled;
	const Trigger *trigger = compilation->trigger;
	EcapiTrack *track;

	if (trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid track: the trigger has not one argument")));
	track = ecapi_track_parse(trigger->tgargs[0], context);
	compiled->on_error = track->on_error;
	if (track->table == NULL && compiled->root != RelationGetRelid(compilation->relation))
		track->table = MemoryContextStrdup(context, ecapi_track_table(compiled->root));
	compiled->program = ecapi_program_compile(track, compilation->relation,
											  compiled->role, false, context);
}

/*
 * Compile into an entry that holds nothing.  The trigger is taken as the
 * catalog has it now: a statement goes on with a copy of its triggers from when
 * it began, and meanwhile DDL on a table that a path leads to may have
 * rewritten the argument (follow.c).
 */
static void
fill_entry(Entry *entry, Relation relation, const Trigger *trigger)
{
	Trigger    *current = ecapi_trigger_of(relation, trigger->tgoid);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecapi track",
												  ALLOCSET_SMALL_SIZES);
	Version    *version = MemoryContextAllocZero(context, sizeof(Version));
	Compilation compilation = {relation, current ? current : trigger, version};
	EcapiCompiled *compiled = &version->compiled;
	EcapiConfinedError error;

	entry->valid = false;
	entry->changed = false;
	entry->relation = RelationGetRelid(relation);
	/* what the planner runs meanwhile may ask for the same trigger */
	ecapi_hold(&version->holders);
	MemoryContextSetParent(context, CacheMemoryContext);
	version->context = context;
	entry->version = version;
	compiled->on_error = ECAPI_ON_ERROR_SET_ASIDE;
	compiled->root = root_of(relation, trigger, &compiled->root_trigger);
	compiled->role = ecapi_run_as(owner_of(compiled->root));
	version->superuser = superuser_arg(compiled->role);

	if (!ecapi_confined_run(compile, &compilation, compiled->role, &error))
	{
		compiled->program = NULL;
		strlcpy(compiled->sqlstate, error.sqlstate, sizeof(error.sqlstate));
		compiled->problem = MemoryContextStrdup(context, error.message);
	}
	entry->valid = !entry->changed;
}

static void
free_version(Version *version)
{
	if (version->compiled.program)
		ecapi_program_free(version->compiled.program);
	MemoryContextDelete(version->context);
}

static void
free_replaced(void)
{
	ListCell   *cell;

	foreach(cell, replaced)
	{
		Version    *version = lfirst(cell);

		if (version->holders > 0)
			continue;
		replaced = foreach_delete_current(replaced, cell);
		free_version(version);
	}
}

/* Take its version from an entry: it goes at once, or with the last who holds it. */
static void
replace(Entry *entry)
{
	Version    *old = entry->version;
	MemoryContext caller;

	if (old == NULL)
		return;
	if (old->holders > 0)
	{
		caller = MemoryContextSwitchTo(CacheMemoryContext);
		replaced = lappend(replaced, old);
		MemoryContextSwitchTo(caller);
	}
	entry->version = NULL;
	entry->valid = false;
	if (old->holders == 0)
		free_version(old);
}

/* Nothing asks for entries of triggers that were dropped: remove them at a miss. */
static void
sweep(void)
{
	HASH_SEQ_STATUS scan;
	Entry	   *entry;

	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->valid || entry->used_in == ecapi_local_xid())
			continue;
		replace(entry);
		hash_search(entries, &entry->trigger, HASH_REMOVE, NULL);
	}
}

/* Whether what was compiled is still what would be compiled now. */
static bool
is_current(const Entry *entry)
{
	const EcapiCompiled *compiled;
	Oid			role;

	if (!entry->valid)
		return false;
	compiled = &entry->version->compiled;
	role = ecapi_run_as(owner_of(compiled->root));
	if (compiled->role != role || entry->version->superuser != superuser_arg(role))
		return false;
	/* the look at the roles may have heard of a change */
	if (!entry->valid)
		return false;
	/* a failure may have been fixed elsewhere: look once in a transaction */
	if (compiled->program == NULL)
		return entry->used_in == ecapi_local_xid();
	return !compiled->program->expressions->stale;
}

const EcapiCompiled *
ecapi_program_of_trigger(Relation relation, const Trigger *trigger)
{
	Entry	   *entry;

	if (entries == NULL)
		make_entries();
	free_replaced();

	entry = hash_search(entries, &trigger->tgoid, HASH_FIND, NULL);
	if (entry == NULL)
	{
		sweep();
		entry = hash_search(entries, &trigger->tgoid, HASH_ENTER, NULL);
		memset(entry, 0, sizeof(Entry));
		entry->trigger = trigger->tgoid;
	}
	if (!is_current(entry))
	{
		replace(entry);
		entry->used_in = ecapi_local_xid();
		fill_entry(entry, relation, trigger);
	}
	entry->used_in = ecapi_local_xid();
	ecapi_hold(&entry->version->holders);
	return &entry->version->compiled;
}
