/*
 * backfill.c
 *	  CALL ecapi.backfill(): history through the same track as live changes.
 *
 *	 begin  check, lock the track, find or make the row of progress    COMMIT
 *	 page   read rows, capture them, advance the row                   COMMIT
 *	 wait   for destinations (throttle.c) and for the asked rate       COMMIT each look
 *	 ...
 *	 end    close the row                                              COMMIT
 *
 * In C rather than plpgsql, because it commits: a procedure that does cannot
 * carry a SET search_path, and here no name is looked up through the caller's.
 *
 * Invariants
 *	(1) A page's events and its position commit together (progress.c).
 *	(2) While it waits it holds no snapshot, no lock but that of the track, and
 *		no transaction that wrote.
 *	(3) Whatever ends it gives the lock of the track back: the abort of the
 *		transaction that an error ends, or the end of the backend.  So it must
 *		not be called where an error could end less than the transaction.
 *
 * The lock is one of the session on the trigger, as sub-object 1, so that it
 * meets neither DDL, which locks the trigger itself, nor an application's
 * advisory locks.  The view ecapi.backfill looks for it in pg_locks.
 *
 * Memory: a page lives in a context of its own, which goes when the page after
 * it is done: its last key is needed until then.
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/subtransaction.h"
#include "compat.h"
#include "history/history.h"
#include "history/history_key.h"
#include "history/history_scan.h"
#include "history/throttle.h"
#include "outbox/limit.h"
#include "stat/stat_progress.h"

/* A live event queues behind one page at most, so pages have an end. */
#define MAX_PAGE_SIZE	10000

/* Between two looks at the cursors, which are written a few times a second. */
#define LOOK_EVERY_MS	50

/* What stands for a backfill in the lock of a trigger; the view knows it, too. */
#define LOCK_SUBOBJECT	1

typedef struct Backfill
{
	/* as called */
	Oid			relation;
	char	   *event_type;
	char	   *name;			/* NULL: any track of the event type */
	int			page_size;
	double		rate;			/* events a second; 0: as fast as they are delivered */
	bool		restart;

	EcapiProgress progress;
	char	   *table;			/* name, for messages */
	LOCKTAG		lock;
	int64		total;			/* rows of the table, about; 0: not known */

	MemoryContext context;		/* of all this */
	MemoryContext page;			/* of the page that last_key is in; may be NULL */
	TimestampTz begun_at;		/* this call */
	int64		begun_events;	/* counted before */
	TimestampTz reported_at;
} Backfill;

PG_FUNCTION_INFO_V1(ecapi_backfill);

/* ---- arguments ---- */

static void
read_arguments(FunctionCallInfo fcinfo, Backfill *backfill)
{
	EcapiProgress *progress = &backfill->progress;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ecapi_argument_refuse("a backfill needs a table and an event type", NULL);
	backfill->relation = progress->relation = PG_GETARG_OID(0);
	backfill->event_type = text_to_cstring(PG_GETARG_TEXT_PP(1));
	progress->since = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	progress->has_until = !PG_ARGISNULL(3);
	progress->until = PG_ARGISNULL(3) ? 0 : PG_GETARG_TIMESTAMPTZ(3);
	backfill->name = ecapi_argument_text(fcinfo, 4);
	backfill->page_size = PG_ARGISNULL(5) ? 1000 : PG_GETARG_INT32(5);
	backfill->rate = PG_ARGISNULL(6) ? 0 : PG_GETARG_FLOAT8(6);
	backfill->restart = !PG_ARGISNULL(7) && PG_GETARG_BOOL(7);

	if (progress->has_until && progress->since >= progress->until)
		ecapi_argument_refuse("\"since\" must lie before \"until\"", NULL);
	if (backfill->page_size < 1 || backfill->page_size > MAX_PAGE_SIZE)
		ecapi_argument_refuse("\"page_size\" must lie between 1 and 10000",
						"A live event waits behind one page at most, so a page must not be long.");
	if (!PG_ARGISNULL(6) && (isnan(backfill->rate) || isinf(backfill->rate) ||
							 backfill->rate <= 0))
		ecapi_argument_refuse("\"events_per_second\" must be more than 0", NULL);
	/* at a low rate small pages, so that it is kept from second to second */
	if (backfill->rate > 0 && backfill->rate < backfill->page_size)
		backfill->page_size = Max(1, (int) backfill->rate);
}

static void
refuse_transaction_block(FunctionCallInfo fcinfo)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("a backfill cannot run inside a transaction block"),
				 errdetail("It commits after each page."),
				 errhint("CALL ecapi.backfill() as a statement of its own, outside of BEGIN and of functions.")));
}

/* ---- steps; each begins and ends without a snapshot ---- */

static void
step_begin(void)
{
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
step_end(void)
{
	PopActiveSnapshot();
	SPI_commit();
}

static void
lock_track(Backfill *backfill)
{
	SET_LOCKTAG_OBJECT(backfill->lock, MyDatabaseId, TriggerRelationId,
					   backfill->progress.trigger, LOCK_SUBOBJECT);
	if (LockAcquire(&backfill->lock, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("a backfill of table \"%s\" by track \"%s\" is running",
						backfill->table, backfill->progress.track),
				 errhint("See how far it is in the view ecapi.backfill.")));
}

/* Check what can be checked once, and find out where to begin. */
static void
begin(Backfill *backfill)
{
	EcapiProgress *progress = &backfill->progress;
	MemoryContext old = MemoryContextSwitchTo(backfill->context);
	Relation	relation;
	EcapiFoundTrack found;

	step_begin();
	relation = table_open(backfill->relation, AccessShareLock);
	ecapi_argument_own(backfill->relation);
	backfill->table = pstrdup(RelationGetRelationName(relation));
	found = ecapi_find_track(relation, backfill->event_type, backfill->name);
	ecapi_history_check(relation, &found);
	ecapi_history_key(relation, &progress->key);
	backfill->total = ecapi_command_rows_of(backfill->relation);
	progress->trigger = found.trigger->tgoid;
	progress->track = pstrdup(found.trigger->tgname);

	lock_track(backfill);
	ecapi_progress_begin(progress, relation, backfill->restart, backfill->context);
	table_close(relation, AccessShareLock);
	backfill->begun_at = backfill->reported_at = GetCurrentTimestamp();
	backfill->begun_events = progress->counts.events;
	step_end();
	MemoryContextSwitchTo(old);

	if (progress->last_key == NULL)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("backfill of table \"%s\" by track \"%s\" begins",
						backfill->table, progress->track)));
	else
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("backfill of table \"%s\" by track \"%s\" goes on after " INT64_FORMAT " rows",
						backfill->table, progress->track, progress->counts.rows),
				 errhint("To begin again: restart => true.")));
}

static void
end(Backfill *backfill, const char *state, const char *sqlstate)
{
	step_begin();
	ecapi_progress_end(&backfill->progress, state, sqlstate);
	step_end();
}

/*
 * An error of a page was caught, and its subtransaction is gone: write down how
 * it ended, then raise it again.
 */
static void
fail(Backfill *backfill, ErrorData *error)
{
	const char *sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));

	ecapi_progress_end(&backfill->progress,
					   error->sqlerrcode == ERRCODE_QUERY_CANCELED ? "interrupted" : "failed",
					   sqlstate);
	step_end();
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("backfill of table \"%s\" by track \"%s\" stopped after " INT64_FORMAT " rows",
					backfill->table, backfill->progress.track, backfill->progress.counts.rows),
			 errhint("The same CALL goes on from there.")));
	ReThrowError(error);
}

/* A page, in a subtransaction. */
typedef struct OnePage
{
	Backfill   *backfill;
	MemoryContext context;		/* what it reads lives in, its last key, too */
	int			nrows;
} OnePage;

static void
read_page(void *arg)
{
	OnePage    *page = arg;
	Backfill   *backfill = page->backfill;
	uint64		dropped = ecapi_limit_dropped();

	MemoryContextSwitchTo(page->context);
	PreventCommandIfReadOnly("ecapi.backfill()");
	page->nrows = ecapi_history_page(&backfill->progress, backfill->event_type,
									 backfill->page_size, NULL, page->context);
	/* history can wait for room, so none of it is given up */
	ecapi_limit_refuse_loss(dropped);
}

/*
 * A page and its position.  In a subtransaction, so that an error leaves a
 * transaction to write it down in.  Returns the number of rows; mark is that of
 * the page's last event, with xid 0 when there was none.
 */
static int
one_page(Backfill *backfill, EcapiThrottleMark *mark)
{
	EcapiProgress before = backfill->progress;
	OnePage		page = {.backfill = backfill};
	TimestampTz begun_at = GetCurrentTimestamp();
	ErrorData  *error;

	mark->xid = 0;
	ecapi_command_phase(ECAPI_AT_ROWS, backfill->total);
	ecapi_command_done(backfill->progress.counts.rows);
	page.context = AllocSetContextCreate(backfill->context, "ecapi backfill page",
										 ALLOCSET_DEFAULT_SIZES);
	step_begin();
	MemoryContextSwitchTo(backfill->context);
	error = ecapi_subtransaction(read_page, &page, true);
	if (error != NULL)
	{
		backfill->progress = before;
		fail(backfill, error);
	}

	if (page.nrows > 0)
	{
		ecapi_progress_advance(&backfill->progress,
							   (GetCurrentTimestamp() - begun_at) / (double) USECS_PER_SEC);
		if (backfill->progress.counts.events > before.counts.events)
			*mark = ecapi_throttle_mark();
		if (backfill->page != NULL)
			MemoryContextDelete(backfill->page);
		backfill->page = page.context;
	}
	else
		MemoryContextDelete(page.context);
	step_end();
	return page.nrows;
}

/* ---- waiting ---- */

static void
nap(long ms)
{
	static uint32 wait_event;

	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 ecapi_wait_event(&wait_event, "EcapiBackfill"));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	/* nothing is being run: delivery may have been switched off */
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/* Milliseconds until the asked rate allows the next page. */
static long
ms_until_rate(const Backfill *backfill)
{
	double		due;
	double		passed;

	if (backfill->rate <= 0)
		return 0;
	due = (backfill->progress.counts.events - backfill->begun_events) / backfill->rate * 1000;
	passed = (GetCurrentTimestamp() - backfill->begun_at) / 1000.0;
	return due <= passed ? 0 : (long) Min(due - passed, 1000.0) + 1;
}

static void
report_waiting(Backfill *backfill, const char *destination)
{
	char	   *counts = ecapi_history_describe(&backfill->progress.counts, "set aside");

	if (destination == NULL)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("backfill of table \"%s\" keeps to its rate", backfill->table),
				 errdetail("So far: %s.", counts)));
	else
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("backfill of table \"%s\" waits for destination \"%s\"",
						backfill->table, destination),
				 errdetail("So far: %s.", counts)));
	pfree(counts);
}

/* Until the next page may go. */
static void
wait_turn(Backfill *backfill, EcapiThrottleMark mark)
{
	bool		disposed = mark.xid == 0;

	for (;;)
	{
		char	   *destination = NULL;
		long		ms;

		if (!disposed)
		{
			step_begin();
			destination = ecapi_throttle_waits_for(mark);
			step_end();
			disposed = destination == NULL;
		}
		ms = disposed ? ms_until_rate(backfill) : LOOK_EVERY_MS;
		if (ms == 0)
			return;
		ecapi_command_phase(destination != NULL ? ECAPI_AT_DESTINATION : ECAPI_AT_RATE, backfill->total);
		ecapi_command_done(backfill->progress.counts.rows);
		if (ecapi_history_reports(&backfill->reported_at))
			report_waiting(backfill, destination);
		if (destination != NULL)
			pfree(destination);
		nap(ms);
	}
}

/* ---- all of it ---- */

static void
run(Backfill *backfill)
{
	EcapiThrottleMark mark;
	char	   *counts;

	ecapi_command_begin(ECAPI_COMMAND_BACKFILL, backfill->relation);
	begin(backfill);
	while (one_page(backfill, &mark) == backfill->page_size)
	{
		if (ecapi_history_reports(&backfill->reported_at))
		{
			counts = ecapi_history_describe(&backfill->progress.counts, "set aside");
			ereport(NOTICE,
					(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
					 errmsg("backfill of table \"%s\": %s", backfill->table, counts)));
			pfree(counts);
		}
		wait_turn(backfill, mark);
	}
	end(backfill, "finished", NULL);
	ecapi_command_end();
	counts = ecapi_history_describe(&backfill->progress.counts, "set aside");
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("backfill of table \"%s\" by track \"%s\" has ended: %s",
					backfill->table, backfill->progress.track, counts)));
}

/*
 * ecapi.backfill(relation regclass, event_type text, since timestamptz,
 *		until timestamptz, name text, page_size integer,
 *		events_per_second double precision, restart boolean)
 *
 * A procedure.  The caller must own the table.  Refuses, with an error that
 * gives the reason: a transaction block, a table without such a track or
 * without a key, a track that says nothing about rows as they are now, and a
 * second one of the same track at a time.  Raises what a page raises; the same
 * call goes on behind the last page that committed.
 */
Datum
ecapi_backfill(PG_FUNCTION_ARGS)
{
	Backfill   *backfill;

	refuse_transaction_block(fcinfo);
	PreventCommandIfReadOnly("ecapi.backfill()");
	PreventCommandDuringRecovery("ecapi.backfill()");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	backfill = palloc0(sizeof(Backfill));
	backfill->context = CurrentMemoryContext;
	read_arguments(fcinfo, backfill);

	run(backfill);
	LockRelease(&backfill->lock, ExclusiveLock, true);
	SPI_finish();
	PG_RETURN_VOID();
}
