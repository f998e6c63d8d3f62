/*
 * declared.c
 *	  Which functions the destinations name as their enrichments.
 *
 * The option enrich is text, of which the server knows nothing.  So pg_depend
 * gets a row for each function that a destination names.  With it DROP FUNCTION
 * is refused, a dump puts the function before the server, and when a function is
 * renamed or moved it is still known which one was meant.
 *
 *	  CREATE SERVER, ALTER SERVER		the text says what the server depends on
 *	  before functions may be renamed	it says so, too, where rows are missing
 *	  before functions may be dropped	and what the destination may not call, so
 *										that it does not run anyway, does not count
 *	  after that						it counts again
 *	  a function or schema is renamed	what it depends on says how the text reads
 *
 * What always holds:
 *
 * (1) A name that is a function means that one.  Only a name that is none any more
 *	  is rewritten, to a function that the server depended on and that no other
 *	  name of its list means: the one of the same name (its schema was renamed, or
 *	  it was moved), or the only one there is.
 * (2) So a text that is rewritten names the same functions as before, in the same
 *	  order: a role that may rename a function gets no more say in what a destination
 *	  runs than it had as the function's owner.
 * (3) Nothing relies on this at run time.  Where event triggers do not run, and
 *	  after pg_upgrade, which carries no such rows along, the text alone is true;
 *	  the rows come again before the next DDL on a function or on the server.
 *
 * Locks: a function is locked in AccessShare mode when a row is written that names
 * it, so a DROP or a rename that waits for us sees the row, and one that we wait for
 * leaves nothing to depend on, or another name.  A server whose rows change is locked
 * in ShareUpdateExclusive mode.  Only a command on the server itself waits for these
 * locks; DDL of others passes over what it does not get.  Nothing can be locked against a
 * schema that is renamed while a server that names it is not yet committed: then
 * the text is stale until the next such DDL.  Options are written as ALTER SERVER
 * does.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/identifier.h"
#include "compat.h"
#include "enrich/declared.h"
#include "enrich/declared_names.h"
#include "enrich/resolve.h"
#include "enrich/user_sql.h"

/* ----------------------------------------------------------------- what is named */

/* The names of a server's option, with their functions; NIL: none, or no list. */
static List *
named(List *options)
{
	const char *text = ecapi_option_text(options, "enrich");
	List	   *names;
	ListCell   *cell;

	if (text == NULL || !ecapi_enrich_names_read(text, &names))
		return NIL;
	foreach(cell, names)
	{
		EcapiEnrichName *one = lfirst(cell);

		one->function = one->schema ? ecapi_enrichment_function(one->schema, one->name) :
			InvalidOid;
	}
	return names;
}

/* Oids of all servers of a wrapper that have the option. */
static List *
servers_that_enrich(Oid wrapper)
{
	Relation	catalog = table_open(ForeignServerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	List	   *result = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_foreign_server form = (Form_pg_foreign_server) GETSTRUCT(tuple);
		bool		isnull;
		Datum		options = heap_getattr(tuple, Anum_pg_foreign_server_srvoptions,
										   RelationGetDescr(catalog), &isnull);

		if (form->srvfdw == wrapper && !isnull &&
			ecapi_option_text(untransformRelOptions(options), "enrich") != NULL)
			result = lappend_oid(result, form->oid);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}

/* -------------------------------------------------------------------- pg_depend */

/* Functions that a server depends on. */
static List *
depended_on(Oid server)
{
	Relation	catalog = table_open(DependRelationId, AccessShareLock);
	List	   *result = NIL;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ForeignServerRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(server));
	scan = systable_beginscan(catalog, DependDependerIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->refclassid == ProcedureRelationId && form->deptype == DEPENDENCY_NORMAL)
			result = list_append_unique_oid(result, form->refobjid);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}

/* Lock an object to the end of the transaction; without waiting, if it must not wait. */
static bool
lock_object(Oid class, Oid object, LOCKMODE mode, bool may_wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, class, object, 0);
	if (LockAcquire(&tag, mode, false, !may_wait) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	AcceptInvalidationMessages();
	return true;
}

/* Functions that are not locked, or gone, are passed over. */
static void
record(Oid server, List *functions, bool may_wait)
{
	ObjectAddress depender;
	ObjectAddress referenced;
	ListCell   *cell;

	ObjectAddressSet(depender, ForeignServerRelationId, server);
	foreach(cell, functions)
	{
		if (!lock_object(ProcedureRelationId, lfirst_oid(cell), AccessShareLock, may_wait) ||
			!SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(lfirst_oid(cell))))
			continue;
		ObjectAddressSet(referenced, ProcedureRelationId, lfirst_oid(cell));
		recordDependencyOn(&depender, &referenced, DEPENDENCY_NORMAL);
	}
}

/* Whether a destination of that owner may call a function. */
static bool
may_call(Oid server_owner, Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			role;
	Oid			schema;

	if (!HeapTupleIsValid(tuple))
		return false;
	role = ecapi_user_sql_role(server_owner, ((Form_pg_proc) GETSTRUCT(tuple))->proowner);
	schema = ((Form_pg_proc) GETSTRUCT(tuple))->pronamespace;
	ReleaseSysCache(tuple);
	return OidIsValid(role) &&
		object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) == ACLCHECK_OK &&
		object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK;
}

/* What is to become of the rows of a server. */
typedef enum When
{
	AFTER,						/* a command: they are as the text says */
	BEFORE_CHANGE,				/* it is known what each name of the text means */
	BEFORE_DROP					/* and what may not be called does not count */
} When;

static void
depend(Oid server, When when, bool may_wait)
{
	ForeignServer *foreign = GetForeignServer(server);
	List	   *had = depended_on(server);
	List	   *wanted = NIL;
	List	   *unwanted = NIL;
	ListCell   *cell;

	foreach(cell, named(foreign->options))
	{
		Oid			function = ((EcapiEnrichName *) lfirst(cell))->function;

		if (!OidIsValid(function))
			continue;
		if (when != BEFORE_DROP || may_call(foreign->owner, function))
			wanted = list_append_unique_oid(wanted, function);
		else if (list_member_oid(had, function))
			unwanted = list_append_unique_oid(unwanted, function);
	}
	if (when == AFTER)
		unwanted = list_difference_oid(had, wanted);
	if (unwanted == NIL && list_difference_oid(wanted, had) == NIL)
		return;
	/* one session at a time, or two would write the same rows */
	if (!lock_object(ForeignServerRelationId, server, ShareUpdateExclusiveLock, may_wait) ||
		!SearchSysCacheExists1(FOREIGNSERVEROID, ObjectIdGetDatum(server)))
		return;
	foreach(cell, unwanted)
		deleteDependencyRecordsForSpecific(ForeignServerRelationId, server, DEPENDENCY_NORMAL,
										   ProcedureRelationId, lfirst_oid(cell));
	record(server, list_difference_oid(wanted, depended_on(server)), may_wait);
	CommandCounterIncrement();
}

void
ecapi_enrich_depend(Oid server)
{
	depend(server, AFTER, true);
}

void
ecapi_enrich_depend_before(Oid wrapper, bool drop)
{
	ListCell   *cell;

	foreach(cell, servers_that_enrich(wrapper))
		depend(lfirst_oid(cell), drop ? BEFORE_DROP : BEFORE_CHANGE, false);
}

/* ----------------------------------------------------------------------- follow */

/* An option list as pg_foreign_server has it. */
static Datum
options_datum(List *options)
{
	ArrayBuildState *array = NULL;
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);
		char	   *text = psprintf("%s=%s", option->defname, defGetString(option));

		array = accumArrayResult(array, CStringGetTextDatum(text), false, TEXTOID,
								 CurrentMemoryContext);
	}
	return makeArrayResult(array, CurrentMemoryContext);
}

/* Let the option enrich of a server have another value. */
static void
write_option(Oid server, List *options, const char *value)
{
	Relation	catalog = table_open(ForeignServerRelationId, RowExclusiveLock);
	HeapTuple	tuple = SearchSysCacheCopy1(FOREIGNSERVEROID, ObjectIdGetDatum(server));
	Datum		values[Natts_pg_foreign_server] = {0};
	bool		nulls[Natts_pg_foreign_server] = {0};
	bool		replace[Natts_pg_foreign_server] = {0};

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for foreign server %u", server);
	ecapi_option_find(options, "enrich")->arg = (Node *) makeString(pstrdup(value));
	values[Anum_pg_foreign_server_srvoptions - 1] = options_datum(options);
	replace[Anum_pg_foreign_server_srvoptions - 1] = true;
	tuple = heap_modify_tuple(tuple, RelationGetDescr(catalog), values, nulls, replace);
	CatalogTupleUpdate(catalog, &tuple->t_self, tuple);
	InvokeObjectPostAlterHook(ForeignServerRelationId, server, 0);
	heap_freetuple(tuple);
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
}

/* The one of some functions that a lost name means, by invariant (1). */
static Oid
meant(const EcapiEnrichName *lost, int nlost, List *functions)
{
	ListCell   *cell;

	foreach(cell, functions)
	{
		char	   *name = get_func_name(lfirst_oid(cell));

		if (name != NULL && strcmp(name, lost->name) == 0)
			return lfirst_oid(cell);
	}
	return nlost == 1 && list_length(functions) == 1 ? linitial_oid(functions) : InvalidOid;
}

/* Rewrite the option of one server, if it has to be. */
static bool
follow(Oid server)
{
	List	   *options = GetForeignServer(server)->options;
	List	   *names = named(options);
	List	   *left = depended_on(server);
	bool		changed = false;
	int			nlost = 0;
	ListCell   *cell;

	foreach(cell, names)
	{
		EcapiEnrichName *one = lfirst(cell);

		if (OidIsValid(one->function))
			left = list_delete_oid(left, one->function);
		else
			nlost++;
	}
	foreach(cell, names)
	{
		EcapiEnrichName *one = lfirst(cell);
		Oid			function;
		char	   *name;

		if (OidIsValid(one->function))
			continue;
		function = meant(one, nlost, left);
		name = OidIsValid(function) ? get_func_name(function) : NULL;
		if (name == NULL)
			continue;
		one->name = name;
		one->schema = get_namespace_name(get_func_namespace(function));
		left = list_delete_oid(left, function);
		changed = true;
	}
	if (changed)
		write_option(server, options, ecapi_enrich_names_write(names));
	return changed;
}

bool
ecapi_enrich_follow(Oid wrapper)
{
	bool		changed = false;
	ListCell   *cell;

	foreach(cell, servers_that_enrich(wrapper))
	{
		changed = follow(lfirst_oid(cell)) || changed;
		depend(lfirst_oid(cell), AFTER, false);
	}
	return changed;
}
