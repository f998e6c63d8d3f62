/*
 * ecapi.c
 *	  Entry of the library: settings, shared memory, launcher and hooks.
 *
 * Preloaded (shared_preload_libraries), the library reserves its shared
 * memory, registers the launcher and hooks utility commands.  Loaded on first
 * use in a session, it only defines settings: events are then appended and
 * wait; nothing is woken, hooked or shared, and ecapi.check() says so.
 *
 * The ProcessUtility hook does three things.  After COMMIT PREPARED it wakes the
 * worker, for the session that commits is not the one that emitted; and it does so at
 * the commit of CREATE SERVER, for a database without destination has no worker that
 * would hear of the first, and event triggers do not run everywhere.  Once a command
 * has run its parse tree is not looked at any more.  Before
 * DDL that wants a database to itself (DROP DATABASE, RENAME, SET TABLESPACE,
 * or the database as a template) it stops the worker of that database, which
 * otherwise makes the command wait five seconds and fail; and before DROP EXTENSION,
 * which locks our tables one after the other and could meet a worker that reads them
 * in another order.  It does so only for
 * a role that may run the command; the slot is held from before the stop until
 * the transaction ends, so that no worker comes back in between.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "base/identifier.h"
#include "base/run_as.h"
#include "capture/context.h"
#include "compat.h"
#include "enrich/held.h"
#include "outbox/limit.h"
#include "outbox/quota.h"
#include "settings.h"
#include "shmem/left_out.h"
#include "shmem/not_carried.h"
#include "shmem/shmem.h"
#include "shmem/workers.h"
#include "stat/stat_area.h"
#include "stat/stat_progress.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

static void
request_shmem(void)
{
	if (previous_request)
		previous_request();
	ecapi_shmem_request();
}

static void
startup_shmem(void)
{
	if (previous_startup)
		previous_startup();
	ecapi_shmem_startup();
	ecapi_stat_start();
}

static bool
may_create_database(Oid template)
{
	HeapTuple	tuple;
	bool		may;

	if (superuser())
		return true;
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (!HeapTupleIsValid(tuple))
		return false;
	may = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
	ReleaseSysCache(tuple);
	if (!may || object_ownercheck(DatabaseRelationId, template, GetUserId()))
		return may;
	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(template));
	if (!HeapTupleIsValid(tuple))
		return false;
	may = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
	ReleaseSysCache(tuple);
	return may;
}

/*
 * Whether a statement will drop our extension, by a role that may.  Not in a transaction
 * block: what it holds already the worker may wait for, and would not stop.
 */
static bool
drops_extension(Node *statement)
{
	DropStmt   *drop = (DropStmt *) statement;
	ListCell   *cell;

	if (!IsA(statement, DropStmt) || drop->removeType != OBJECT_EXTENSION ||
		IsTransactionBlock())
		return false;
	foreach(cell, drop->objects)
	{
		Oid			extension;

		if (strcmp(strVal(lfirst(cell)), "ecapi") != 0)
			continue;
		extension = get_extension_oid("ecapi", true);
		return OidIsValid(extension) && object_ownercheck(ExtensionRelationId, extension, GetUserId());
	}
	return false;
}

/*
 * The database that a command wants to itself, if the current role may run
 * it; else InvalidOid.
 */
static Oid
wanted_database(Node *statement)
{
	const char *name = NULL;
	Oid			database;

	if (drops_extension(statement))
		return MyDatabaseId;
	if (IsA(statement, DropdbStmt))
		name = castNode(DropdbStmt, statement)->dbname;
	else if (IsA(statement, RenameStmt) &&
			 castNode(RenameStmt, statement)->renameType == OBJECT_DATABASE)
		name = castNode(RenameStmt, statement)->subname;
	else if (IsA(statement, AlterDatabaseStmt) &&
			 ecapi_option_find(castNode(AlterDatabaseStmt, statement)->options,
							   "tablespace"))
		name = castNode(AlterDatabaseStmt, statement)->dbname;
	else if (IsA(statement, CreatedbStmt))
	{
		DefElem    *template;

		template = ecapi_option_find(castNode(CreatedbStmt, statement)->options,
									 "template");
		name = template != NULL && template->arg != NULL ? defGetString(template) : "template1";
		database = get_database_oid(name, true);
		return OidIsValid(database) && may_create_database(database) ? database : InvalidOid;
	}
	if (name == NULL)
		return InvalidOid;
	database = get_database_oid(name, true);
	return OidIsValid(database) && object_ownercheck(DatabaseRelationId, database, GetUserId())
		? database : InvalidOid;
}

static bool
commits_prepared(const Node *statement)
{
	return IsA(statement, TransactionStmt) &&
		((const TransactionStmt *) statement)->kind == TRANS_STMT_COMMIT_PREPARED;
}

static void
process_utility(PlannedStmt *planned, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *dest,
				QueryCompletion *completion)
{
	Oid			database = InvalidOid;

	/* all that is asked of the parse tree: the command may free or change it */
	bool		wakes = commits_prepared(planned->utilityStmt);
	bool		reloads = IsA(planned->utilityStmt, CreateForeignServerStmt);

	if (context == PROCESS_UTILITY_TOPLEVEL)
		database = wanted_database(planned->utilityStmt);
	if (OidIsValid(database))
	{
		if (ecapi_hold_database(database))
			ecapi_worker_stop(database);
		ecapi_rescan_at_commit();
	}

	if (previous_utility)
		previous_utility(planned, query, read_only_tree, context, params,
						 environment, dest, completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, params,
								environment, dest, completion);

	if (wakes)
		ecapi_wake_now();
	if (reloads)
		ecapi_reload_at_commit();
}

void
_PG_init(void)
{
	bool		preloaded = process_shared_preload_libraries_in_progress;

	ecapi_run_as_define();
	ecapi_context_define();
	ecapi_settings_define(preloaded);
	if (!preloaded || IsBinaryUpgrade)
		return;

	ecapi_shmem_add(&ecapi_limit_part);
	ecapi_shmem_add(&ecapi_left_out_part);
	ecapi_shmem_add(&ecapi_not_carried_part);
	ecapi_shmem_add(&ecapi_quota_part);
	ecapi_shmem_add(&ecapi_held_part);
	ecapi_shmem_add(&ecapi_stat_part);
	ecapi_shmem_add(&ecapi_command_part);
	ecapi_shmem_add(&ecapi_workers_part);
	ecapi_command_offer();
	previous_request = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	ecapi_launcher_register();
}
