/*
 * own_table.c
 *	  The caller's table while a track is made or dropped: its lock, and commands on it.
 *
 * CREATE TRIGGER and DROP TRIGGER wait for a lock that lets nobody write to the
 * table, and writers that come after them wait behind them.  So they give up after
 * LOCK_WAIT_MS, or sooner if lock_timeout says so.  Only an owner gets as far as the
 * lock, so that nobody else can hold up the table.
 *
 * Of a table that Citus shards, triggers are made and dropped on all shards by Citus.
 *
 * Locks: the one that is asked for, to the end of the transaction.
 */
#include "postgres.h"

#include "access/relation.h"
#include "executor/spi.h"
#include "storage/proc.h"
#include "utils/guc.h"

#include "base/argument.h"
#include "base/citus.h"
#include "base/sql_scope.h"
#include "tracking/own_table.h"

/* Writers stand still meanwhile: what an application takes for a hiccup. */
#define LOCK_WAIT_MS	2000

int
ecapi_limit_lock_wait(int ms)
{
	int			nest = NewGUCNestLevel();
	char		text[12];

	if (LockTimeout == 0 || LockTimeout > ms)
	{
		snprintf(text, sizeof(text), "%d", ms);
		ecapi_sql_set("lock_timeout", text);
	}
	return nest;
}

int
ecapi_own_table_limit(void)
{
	return ecapi_limit_lock_wait(LOCK_WAIT_MS);
}

/* In a PG_CATCH: raise the error again, a lock that was not had in our words. */
static void
rethrow_lock_error(MemoryContext context, const char *table)
{
	if (geterrcode() == ERRCODE_LOCK_NOT_AVAILABLE)
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not lock table %s in time", table),
				 errdetail("Other transactions have written to it, and have not ended; to wait longer would hold up all that come after."),
				 errhint("Try again, or find what holds it in pg_locks.")));
	}
	PG_RE_THROW();
}

Relation
ecapi_own_table_open(Oid relid, const char *table, LOCKMODE mode)
{
	MemoryContext context = CurrentMemoryContext;
	Relation	relation = NULL;

	ecapi_argument_own(relid);
	PG_TRY();
	{
		relation = relation_open(relid, mode);
	}
	PG_CATCH();
	{
		rethrow_lock_error(context, table);
	}
	PG_END_TRY();
	/* it may have been given away meanwhile */
	ecapi_argument_own(relid);
	if (ecapi_is_sharded(relid))
		ecapi_citus_allow_triggers();
	return relation;
}

void
ecapi_own_table_run(const char *command, const char *table)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		int			result;

		SPI_connect();
		result = SPI_execute(command, false, 0);
		if (result != SPI_OK_UTILITY)
			elog(ERROR, "could not run a command: %s", SPI_result_code_string(result));
		SPI_finish();
	}
	PG_CATCH();
	{
		rethrow_lock_error(context, table);
	}
	PG_END_TRY();
}
