/*
 * process.c
 *	  A process that runs users' SQL of one owner for the worker.
 *
 * The worker delivers and never waits for users' SQL.  It starts a process for each owner of
 * destinations with enrichments or filters (processes.c), and sends it a call: a list of
 * enrichments or a filter, and the events of a page.  The process runs it under the rules of
 * user_sql.c and says what became of each event.  So a function that sleeps, leaks, holds a
 * connection or ignores its cancel costs its owner's destinations and no other, and its end
 * is the end of this process.
 *
 *							->	READY									once, at first
 *	 CALL EVENT ... RUN		->	SAME | CHANGED | REFUSED ... ANSWER		enrichments
 *							->	STOPPED ... ANSWER						a filter
 *	 CALL EVENT ... DROP	->	ANSWER
 *
 * Invariants:
 *
 * (1) Each call has exactly one answer, or the process is gone.
 * (2) Nothing is kept from one call to the next but compiled filters, and what users' SQL
 *	  keeps in the process by itself, which has an end: the worker ends a process that is old.
 * (3) What cannot be done for want of memory is answered so; it says nothing about an event.
 *
 * It ends when the worker closes the channel, by SIGTERM, and by a run that does not stop at
 * its limit.  While it runs SQL nobody else is served, so there is no queue in here.
 *
 * Nothing of an error that a call raises outside of a run reaches the log but its SQLSTATE.
 * No locks are held between calls.
 */
#include "postgres.h"

#include <time.h>

#include "access/xact.h"
#include "lib/ilist.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/advisory.h"
#include "base/background.h"
#include "base/tree.h"
#include "compat.h"
#include "enrich/channel.h"
#include "enrich/enrichment.h"
#include "enrich/filter.h"
#include "enrich/process.h"

/* Compiled filters that are kept; more are rare, and compiling is cheap against a page. */
#define FILTERS_MAX		32

typedef struct KnownFilter
{
	dlist_node	node;			/* the one used last is first */
	MemoryContext context;
	char	   *text;
	EcapiFilter *filter;
} KnownFilter;

/* The call that is being taken, in a context that is reset with it. */
typedef struct Taken
{
	EcapiCallHead head;
	char	   *filter;			/* its text; NULL: enrichments */
	EcapiEnrichedEvent *events;
	const EcapiValue **originals;
	int			nevents;
	EcapiArena	arena;
	bool		lacks;			/* memory for what has come */
} Taken;

static EcapiChannel *channel;
static MemoryContext call_context;	/* of one call */
static MemoryContext filters_context;
static dlist_head filters = DLIST_STATIC_INIT(filters);
static int	nfilters = 0;
static Taken *taken = NULL;		/* NULL: no call */

/* ---- taking a call ---- */

static void
begin_call(const EcapiRecord *record)
{
	Size		text = record->len - sizeof(EcapiCallHead);

	MemoryContextReset(call_context);
	taken = MemoryContextAllocZero(call_context, sizeof(Taken));
	memcpy(&taken->head, record->data, sizeof(EcapiCallHead));
	ecapi_tree_arena(&taken->arena, call_context);
	if (taken->head.filters)
	{
		taken->filter = palloc(text + 1);
		memcpy(taken->filter, record->data + sizeof(EcapiCallHead), text);
		taken->filter[text] = '\0';
	}
	taken->events = palloc0(sizeof(EcapiEnrichedEvent) * Max(taken->head.nevents, 1));
	taken->originals = palloc0(sizeof(EcapiValue *) * Max(taken->head.nevents, 1));
}

/* An event that the worker has parsed already, so it is one. */
static void
take_event(const EcapiRecord *record)
{
	char		error[128];
	EcapiValue *tree;

	if (taken->nevents >= taken->head.nevents)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("a call of users' SQL has more events than it said")));
	tree = ecapi_tree_parse(&taken->arena, record->data, record->len, error, sizeof(error));
	if (tree == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("an event cannot be read again")));
	taken->events[taken->nevents].seq = record->number;
	taken->events[taken->nevents].event = tree;
	taken->originals[taken->nevents++] = tree;
}

/* ---- carrying it out ---- */

/*
 * Wait for what comes next, or for a signal.  Statistics of the last call that are yet to be
 * reported are, when they are due.
 */
static void
wait_for_more(void)
{
	static uint32 wait_event;
	long		due_ms = pgstat_report_stat(false);
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (due_ms > 0 ? WL_TIMEOUT : 0);

	if (WaitLatch(MyLatch, events, due_ms,
				  ecapi_wait_event(&wait_event, "EcapiEnrichmentWorker")) & WL_TIMEOUT)
		(void) pgstat_report_stat(true);
	ResetLatch(MyLatch);
	if (ShutdownRequestPending)
		proc_exit(0);
	/* others wait for this process to hear of what they dropped; a cancel is of no call */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
}

/* Send, waiting for the worker to take it.  If that is gone there is nobody to say it to. */
static void
send_by(EcapiChannelState (*attempt) (EcapiChannel *channel))
{
	EcapiChannelState state;

	while ((state = attempt(channel)) == ECAPI_CHANNEL_LATER)
		wait_for_more();
	if (state == ECAPI_CHANNEL_GONE)
		proc_exit(0);
}

static void
say(EcapiRecordKind kind, int64 number, const void *data, Size len)
{
	send_by(ecapi_channel_room);
	ecapi_channel_say(channel, kind, number, data, len);
}

/* False when there was no memory to write an event. */
static bool
say_enriched(void)
{
	EcapiBuffer buffer;

	/* what a patch makes is bounded by validation; escapes make it longer as a text */
	ecapi_tree_buffer(&buffer, MaxAllocSize, call_context);
	for (int i = 0; i < taken->nevents; i++)
	{
		const EcapiEnrichedEvent *event = &taken->events[i];

		if (event->problem != NULL)
			say(ECAPI_RECORD_REFUSED, i, event->problem, strlen(event->problem));
		else if (event->event == taken->originals[i])
			say(ECAPI_RECORD_SAME, i, NULL, 0);
		else
		{
			ecapi_buffer_truncate(&buffer, 0);
			ecapi_json_value(&buffer, event->event);
			if (buffer.full)
				return false;
			say(ECAPI_RECORD_CHANGED, i, buffer.data, buffer.len);
		}
	}
	return true;
}

static void
lacked(EcapiCallAnswer *answer, const char *what)
{
	answer->result = ECAPI_CALL_LACKED;
	strlcpy(answer->error.message, what, sizeof(answer->error.message));
}

/* What a run that failed says. */
static void
failed(EcapiCallAnswer *answer)
{
	answer->result = answer->error.stopped ? ECAPI_CALL_LACKED : ECAPI_CALL_FAILED;
}

static void
run_enrichments(EcapiCallAnswer *answer)
{
	if (!ecapi_enrichments_apply(&taken->head.list, taken->events, taken->nevents,
								 &taken->arena, (int64) time(NULL), taken->head.timeout_ms,
								 ECAPI_PATCHES_BYTES, &answer->error))
		failed(answer);
}

/* Keep a filter; of too many forget the one that was not used for longest. */
static void
keep_filter(KnownFilter *known)
{
	dlist_push_head(&filters, &known->node);
	if (++nfilters <= FILTERS_MAX)
		return;
	known = dlist_tail_element(KnownFilter, node, &filters);
	dlist_delete(&known->node);
	nfilters--;
	MemoryContextDelete(known->context);
}

/* The compiled filter of a text; NULL: problem says why it is none. */
static EcapiFilter *
filter_of(const char *text, EcapiUserProblem *problem)
{
	dlist_iter	iter;
	MemoryContext context;
	MemoryContext old;
	KnownFilter *known;

	dlist_foreach(iter, &filters)
	{
		known = dlist_container(KnownFilter, node, iter.cur);
		if (strcmp(known->text, text) == 0)
		{
			dlist_move_head(&filters, &known->node);
			return known->filter;
		}
	}
	/* an error takes it along */
	context = AllocSetContextCreate(call_context, "ecapi filter", ALLOCSET_DEFAULT_SIZES);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(context);
	known = palloc0(sizeof(KnownFilter));
	known->context = context;
	known->text = pstrdup(text);
	known->filter = ecapi_filter_compile(text, problem);
	MemoryContextSwitchTo(old);
	PopActiveSnapshot();
	CommitTransactionCommand();
	if (known->filter == NULL)
		return NULL;
	MemoryContextSetParent(context, filters_context);
	keep_filter(known);
	return known->filter;
}

static void
run_filter(EcapiCallAnswer *answer)
{
	EcapiFilter *filter = filter_of(taken->filter, &answer->problem);

	MemoryContextSwitchTo(call_context);
	if (filter == NULL)
		answer->result = ECAPI_CALL_UNUSABLE;
	else if (!ecapi_filter_apply(filter, taken->events, taken->nevents, taken->head.role,
								 taken->head.timeout_ms, &answer->error, &answer->failed))
		failed(answer);
	for (int i = 0; answer->result == ECAPI_CALL_PASSED && i < taken->nevents; i++)
		if (!taken->events[i].pass)
			say(ECAPI_RECORD_STOPPED, i, NULL, 0);
}

static void
run_call(EcapiCallAnswer *answer)
{
	TimestampTz began = GetCurrentTimestamp();

	pgstat_report_activity(STATE_RUNNING, taken->head.filters ? "evaluating a filter" : "running enrichments");
	if (taken->head.filters)
		run_filter(answer);
	else
		run_enrichments(answer);
	MemoryContextSwitchTo(call_context);
	answer->took_us = Max(GetCurrentTimestamp() - began, 0);
	if (answer->result == ECAPI_CALL_PASSED && !taken->head.filters && !say_enriched())
		lacked(answer, "there is no memory for its patches");
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* The end of a call. */
static void
reply(const EcapiCallAnswer *answer)
{
	say(ECAPI_RECORD_ANSWER, 0, answer, sizeof(EcapiCallAnswer));
	send_by(ecapi_channel_flush);
	taken = NULL;
	MemoryContextReset(call_context);
}

/* Take one record, and do what it asks for. */
static void
take(const EcapiRecord *record)
{
	EcapiCallAnswer answer = {.failed = -1};

	if (record->kind == ECAPI_RECORD_CALL)
		begin_call(record);
	else if (taken == NULL)
		return;
	else if (record->kind == ECAPI_RECORD_EVENT && !taken->lacks)
		take_event(record);
	else if (record->kind == ECAPI_RECORD_RUN || record->kind == ECAPI_RECORD_DROP)
	{
		if (taken->lacks)
			lacked(&answer, "there is no memory for a page of events");
		else if (record->kind == ECAPI_RECORD_RUN)
			run_call(&answer);
		reply(&answer);
	}
}

/*
 * A call raised an error outside of users' SQL: memory ran out, or somebody cancelled us.
 * What is left to come of the call is passed over, and its answer is that it lacked.
 */
static void
recover(EcapiRecordKind kind)
{
	MemoryContext old = MemoryContextSwitchTo(filters_context);
	ErrorData  *edata = CopyErrorData();
	EcapiCallAnswer answer = {.failed = -1};

	FlushErrorState();
	HOLD_INTERRUPTS();
	AbortOutOfAnyTransaction();
	ecapi_advisory_release();
	RESUME_INTERRUPTS();
	ereport(LOG,
			(errcode(edata->sqlerrcode),
			 errmsg("a page of events could not be prepared (SQL error %s)",
					unpack_sql_state(edata->sqlerrcode))));
	FreeErrorData(edata);
	MemoryContextSwitchTo(old);
	/* which call it was is not known any more: begin afresh */
	if (taken == NULL)
		proc_exit(1);
	taken->lacks = true;
	if (kind != ECAPI_RECORD_RUN && kind != ECAPI_RECORD_DROP)
		return;
	lacked(&answer, "there is no memory for a page of events");
	reply(&answer);
}

/* ---- the process ---- */

static void
set_up(dsm_handle handle)
{
	Oid			database;
	char	   *limit;

	memcpy(&database, MyBgworkerEntry->bgw_extra, sizeof(Oid));
	MemoryContextSwitchTo(TopMemoryContext);
	channel = ecapi_channel_join(handle);
	if (channel == NULL)
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	/* the worker's own statements have no such limit; users' SQL has the server's */
	limit = pstrdup(GetConfigOption("temp_file_limit", false, false));
	ecapi_background_settle("ecapi enrichment worker");
	SetConfigOption("temp_file_limit", limit, PGC_SUSET, PGC_S_OVERRIDE);
	pfree(limit);
	call_context = AllocSetContextCreate(TopMemoryContext, "ecapi call", ALLOCSET_DEFAULT_SIZES);
	filters_context = AllocSetContextCreate(TopMemoryContext, "ecapi filters",
											ALLOCSET_DEFAULT_SIZES);
}

void
ecapi_enrichment_process_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	set_up((dsm_handle) DatumGetUInt32(arg));
	say(ECAPI_RECORD_READY, 0, NULL, 0);
	send_by(ecapi_channel_flush);

	for (;;)
	{
		EcapiRecord record;
		EcapiChannelState state;

		if (ShutdownRequestPending)
			proc_exit(0);
		/* a cancel that came between calls is of none */
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		MemoryContextSwitchTo(call_context);
		state = ecapi_channel_next(channel, &record);
		if (state == ECAPI_CHANNEL_GONE)
			proc_exit(0);
		if (state == ECAPI_CHANNEL_LATER)
		{
			wait_for_more();
			continue;
		}
		PG_TRY();
		{
			take(&record);
		}
		PG_CATCH();
		{
			recover(record.kind);
		}
		PG_END_TRY();
	}
}
