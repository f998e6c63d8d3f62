/*
 * background.c
 *	  What our background processes have fixed before they do anything.
 *
 * Nothing that ALTER DATABASE or ALTER ROLE has set for others reaches the worker, or a
 * process that runs users' SQL for it: role, isolation, plans and limits of time are fixed
 * here, with a source that settings of databases and roles do not override.  What a run of
 * users' SQL wants otherwise is set for that run (enrich/user_sql.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/guc.h"

#include "base/background.h"

/*
 * Return to the role with which this process connected, if ALTER DATABASE or ALTER ROLE
 * has set another one: that has no right on our tables.  Roles are looked up, so this takes a
 * transaction; the session authorization comes first, because it sets the other.
 */
static void
override_role(void)
{
	StartTransactionCommand();
	SetConfigOption("session_authorization", GetUserNameFromId(GetAuthenticatedUserId(), false),
					PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_OVERRIDE);
	CommitTransactionCommand();
}

/* Undo what ALTER DATABASE or ALTER ROLE may have set, and fix our plans. */
static void
override_settings(const char *name)
{
	static const char *const settings[][2] = {
		{"default_transaction_read_only", "off"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_deferrable", "off"},
		/* a lock on our tables must not hold up the loop */
		{"lock_timeout", "5s"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"search_path", "pg_catalog, pg_temp"},
		{"row_security", "off"},
		{"session_replication_role", "origin"},
		{"synchronous_commit", "off"},
		{"client_min_messages", "error"},
		{"DateStyle", "ISO"},
		{"bytea_output", "hex"},
		/* the outbox is read by index, whatever statistics say (window.c) */
		{"plan_cache_mode", "force_generic_plan"},
		{"max_parallel_workers_per_gather", "0"},
		{"enable_seqscan", "off"},
		{"enable_indexscan", "on"},
		{"enable_indexonlyscan", "on"},
		{"enable_nestloop", "on"},
		{"enable_partition_pruning", "on"},
		{"enable_bitmapscan", "off"},
		{"enable_sort", "off"},
		{"enable_incremental_sort", "off"},
		{"jit", "off"},
		/* a statement that spills to disk must not fail for it */
		{"temp_file_limit", "-1"}
	};

	SetConfigOption("application_name", name, PGC_SUSET, PGC_S_OVERRIDE);
	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

void
ecapi_background_settle(const char *name)
{
	override_role();
	override_settings(name);
	pgstat_report_appname(name);
}
