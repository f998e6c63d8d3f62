/*
 * prepare_call.c
 *	  A call of users' SQL that is on its way: what a process was asked, and what it said.
 *
 *	 begin		the events are chosen, the process is taken
 *	 move		what fits into the channel is said, what has come is read; so a call goes on
 *				over several turns of the loop, none of which waits for it
 *	 answered	all is there: prepare.c takes it over
 *	 abandon	the slice goes away (new options, a rewind): the rest is passed over; the
 *				process is free again when it has said its last word, or ended when it runs
 *	 lost		nobody wants it, and it has ended
 *
 * Invariants:
 *
 * (1) A destination has one call at most.  It points to its slice, and while it does the
 *	  slice stays, with its page and view: drop_slice abandons it first.
 * (2) What comes back is kept beside the view until the answer says that the call passed.
 * (3) A call ends: functions by their limits (user_sql.c), and one that no limit stops by
 *	  the deadline here, with its process.
 *
 * Memory: texts go from the page into the channel; trees that come back count as the page's.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/tree.h"
#include "enrich/channel.h"
#include "enrich/processes.h"
#include "event/buffer.h"
#include "pipeline/feed.h"
#include "pipeline/page.h"
#include "pipeline/pages.h"
#include "pipeline/prepare_call.h"
#include "pipeline/view.h"
#include "pipeline/worker_state.h"
#include "settings.h"

/*
 * How long nothing may leave or come, of each function as a multiple of its limit and in
 * milliseconds beyond that: the process ends it at twice the limit, or a second after it
 * (user_sql.c), and has to connect, and to roll back.
 */
#define DEADLINE_LIMITS		2
#define DEADLINE_MORE_MS	10000

/* What is taken, and said, in one step: other destinations have their turn between. */
#define STEP_BYTES			(256 * 1024)

EcapiCall *
ecapi_call_begin(EcapiSlice *slice, EcapiProcess *process, const char *filter, Oid role,
				 const int *events, int n,
				 const int *picked, const EcapiPrepared *results, int npicked)
{
	/* in the turn's until it is whole: an error takes it along */
	MemoryContext context = AllocSetContextCreate(ecapi_me.scratch, "ecapi call",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	EcapiCall  *call = palloc0(sizeof(EcapiCall));

	call->context = context;
	call->filter = filter == NULL ? NULL : pstrdup(filter);
	call->events = palloc(sizeof(int) * n);
	memcpy(call->events, events, sizeof(int) * n);
	call->nevents = n;
	call->picked = palloc(sizeof(int) * npicked);
	memcpy(call->picked, picked, sizeof(int) * npicked);
	call->results = palloc(sizeof(EcapiPrepared) * npicked);
	memcpy(call->results, results, sizeof(EcapiPrepared) * npicked);
	call->npicked = npicked;
	call->head.filters = filter != NULL;
	call->head.role = role;
	call->head.nevents = n;
	call->head.timeout_ms = ecapi_enrich_timeout_ms;
	if (filter != NULL)
		call->stopped = palloc0(sizeof(bool) * n);
	else
	{
		call->head.list = slice->view->list;
		call->trees = palloc0(sizeof(EcapiValue *) * n);
		call->problems = palloc0(sizeof(char *) * n);
		call->made = AllocSetContextCreate(slice->view->context, "ecapi patches",
										   ALLOCSET_DEFAULT_SIZES);
		ecapi_tree_arena(&call->arena, call->made);
	}
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, ecapi_me.context);
	call->slice = slice;
	call->process = process;
	INSTR_TIME_SET_CURRENT(call->moved_at);
	ecapi_process_take(process);
	return call;
}

/* ---- asking ---- */

static void
say_head(EcapiCall *call, EcapiChannel *channel)
{
	Size		text = call->filter == NULL ? 0 : strlen(call->filter);
	char	   *data = palloc(sizeof(EcapiCallHead) + text);

	memcpy(data, &call->head, sizeof(EcapiCallHead));
	if (text > 0)
		memcpy(data + sizeof(EcapiCallHead), call->filter, text);
	ecapi_channel_say(channel, ECAPI_RECORD_CALL, 0, data, sizeof(EcapiCallHead) + text);
	pfree(data);
	call->head_said = true;
}

/* Which of picked an event of the page is, for its result so far. */
static EcapiPrepared
result_so_far(const EcapiCall *call, int event)
{
	for (int low = 0, high = call->npicked; low < high;)
	{
		int			middle = (low + high) / 2;

		if (call->picked[middle] == event)
			return call->results[middle];
		if (call->picked[middle] < event)
			low = middle + 1;
		else
			high = middle;
	}
	return ECAPI_PREPARED_AS_IS;
}

/*
 * Say an event: its text as the page has it, or, to a filter, as enrichments have made it.
 * Returns its bytes.
 */
static size_t
say_event(EcapiCall *call, EcapiChannel *channel, EcapiBuffer *buffer)
{
	int			i = call->events[call->said];
	const EcapiPageEvent *event = &call->slice->page->events[i];
	const char *text = event->text;
	size_t		len = event->len;

	if (call->filter != NULL && result_so_far(call, i) == ECAPI_PREPARED_ENRICHED &&
		call->slice->view->events[i].tree != event->tree)
	{
		ecapi_buffer_truncate(buffer, 0);
		ecapi_json_value(buffer, call->slice->view->events[i].tree);
		if (buffer->full)
			ecapi_tree_out_of_memory();
		text = buffer->data;
		len = buffer->len;
	}
	ecapi_channel_say(channel, ECAPI_RECORD_EVENT, event->seq, text, len);
	call->said++;
	return len;
}

/* Say what fits; *more: there is more that may. */
static EcapiChannelState
ask(EcapiCall *call, EcapiChannel *channel, bool *more)
{
	EcapiChannelState state = ECAPI_CHANNEL_DONE;
	EcapiBuffer buffer;
	int			before = call->said;
	size_t		bytes = 0;

	ecapi_tree_buffer(&buffer, MaxAllocSize, ecapi_me.scratch);
	while (!call->run_said && bytes < STEP_BYTES &&
		   (state = ecapi_channel_room(channel)) == ECAPI_CHANNEL_DONE)
	{
		if (!call->head_said)
			say_head(call, channel);
		else if (call->slice != NULL && call->said < call->nevents)
			bytes += say_event(call, channel, &buffer);
		else
		{
			ecapi_channel_say(channel, call->slice != NULL ? ECAPI_RECORD_RUN : ECAPI_RECORD_DROP,
							  0, NULL, 0);
			call->run_said = true;
		}
	}
	if (call->said > before)
		INSTR_TIME_SET_CURRENT(call->moved_at);
	*more = bytes >= STEP_BYTES;
	return state == ECAPI_CHANNEL_DONE ? ecapi_channel_flush(channel) : state;
}

/* ---- hearing ---- */

/* Which event a record is about; raises when it is about none. */
static int
about(const EcapiCall *call, const EcapiRecord *record)
{
	if (record->number < 0 || record->number >= call->nevents)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("users' SQL answers about an event that it was not asked about")));
	return (int) record->number;
}

static void
hear_changed(EcapiCall *call, const EcapiRecord *record)
{
	char		error[128];
	EcapiValue *tree = ecapi_tree_parse(&call->arena, record->data, record->len,
										error, sizeof(error));

	if (tree == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("an enriched event cannot be read")));
	call->trees[about(call, record)] = tree;
}

static void
hear_refused(EcapiCall *call, const EcapiRecord *record)
{
	char	   *problem = MemoryContextAlloc(call->made, record->len + 1);

	memcpy(problem, record->data, record->len);
	problem[record->len] = '\0';
	call->problems[about(call, record)] = problem;
}

static void
hear(EcapiCall *call, const EcapiRecord *record)
{
	if (call->slice == NULL)
		return;
	switch (record->kind)
	{
		case ECAPI_RECORD_CHANGED:
			hear_changed(call, record);
			break;
		case ECAPI_RECORD_REFUSED:
			hear_refused(call, record);
			break;
		case ECAPI_RECORD_STOPPED:
			call->stopped[about(call, record)] = true;
			break;
		default:
			break;
	}
}

/* Take what has come; true when that was the answer; *more: there may be more. */
static bool
listen(EcapiCall *call, EcapiChannel *channel, EcapiChannelState *state, bool *more)
{
	EcapiRecord record;
	size_t		bytes = 0;

	while (bytes < STEP_BYTES &&
		   (*state = ecapi_channel_next(channel, &record)) == ECAPI_CHANNEL_DONE)
	{
		bytes += record.len;
		INSTR_TIME_SET_CURRENT(call->moved_at);
		if (record.kind == ECAPI_RECORD_READY)
			ecapi_process_note_ready(call->process);
		if (record.kind == ECAPI_RECORD_ANSWER)
		{
			memcpy(&call->answer, record.data, sizeof(EcapiCallAnswer));
			return true;
		}
		hear(call, &record);
	}
	*more |= bytes >= STEP_BYTES;
	return false;
}

/* ---- moving on ---- */

/* It is gone, or does not answer: the answer is ours to give. */
static EcapiCallStand
end(EcapiCall *call, EcapiCallResult result, const char *message)
{
	ecapi_process_end(call->process);
	call->process = NULL;
	memset(&call->answer, 0, sizeof(EcapiCallAnswer));
	call->answer.result = result;
	call->answer.failed = -1;
	call->answer.error.timed_out = result == ECAPI_CALL_FAILED;
	call->answer.error.sqlerrcode = ERRCODE_QUERY_CANCELED;
	strlcpy(call->answer.error.message, message, sizeof(call->answer.error.message));
	return call->slice == NULL ? ECAPI_CALL_LOST : ECAPI_CALL_ANSWERED;
}

/* How much longer nothing may leave or come, in milliseconds. */
static int64
left_ms(const EcapiCall *call)
{
	instr_time	quiet;

	INSTR_TIME_SET_CURRENT(quiet);
	INSTR_TIME_SUBTRACT(quiet, call->moved_at);
	return DEADLINE_MORE_MS - (int64) INSTR_TIME_GET_MILLISEC(quiet) +
		(int64) call->head.timeout_ms * DEADLINE_LIMITS * Max(call->head.list.n, 1);
}

/* Nothing has come for too long: of the SQL, if the process has all of it; else of that. */
static EcapiCallStand
give_up_on(EcapiCall *call)
{
	if (!call->asked || !ecapi_process_is_ready(call->process))
		return end(call, ECAPI_CALL_LACKED, "the process that runs its SQL does not answer");
	return end(call, ECAPI_CALL_FAILED,
			   call->filter != NULL || call->head.list.n > 1 ?
			   psprintf("%s: it did not stop at its time limit of %d ms",
						call->filter != NULL ? "filter" : "an enrichment", call->head.timeout_ms) :
			   psprintf("enrichment \"%s\": it did not stop at its time limit of %d ms",
						call->head.list.list[0].name, call->head.timeout_ms));
}

EcapiCallStand
ecapi_call_move(EcapiCall *call, long *wait_ms)
{
	EcapiChannel *channel;
	EcapiChannelState state;
	bool		answered;
	bool		more = false;

	/* it was abandoned while it ran */
	if (call->process == NULL)
		return ECAPI_CALL_LOST;
	/* an error came in between: what is on its way is not known any more */
	if (call->moving)
		return end(call, ECAPI_CALL_LACKED, "there is no memory for a page of its SQL");
	call->moving = true;
	channel = ecapi_process_channel(call->process);
	state = ask(call, channel, &more);
	call->asked |= state == ECAPI_CHANNEL_DONE && call->run_said;
	answered = state != ECAPI_CHANNEL_GONE && listen(call, channel, &state, &more);
	call->moving = false;
	if (call->slice != NULL && call->made != NULL)
		ecapi_page_count(call->slice->page);

	if (answered)
	{
		ecapi_process_give_back(call->process);
		call->process = NULL;
		return call->slice == NULL ? ECAPI_CALL_LOST : ECAPI_CALL_ANSWERED;
	}
	if (state == ECAPI_CHANNEL_GONE)
		return end(call, ECAPI_CALL_LACKED,
				   "the process that runs its SQL has ended, see the server log");
	if (left_ms(call) <= 0)
		return give_up_on(call);
	*wait_ms = more ? 0 : Min(*wait_ms, (long) left_ms(call));
	return ECAPI_CALL_OUT;
}

void
ecapi_call_abandon(EcapiCall *call)
{
	if (call->made != NULL)
	{
		MemoryContextDelete(call->made);
		ecapi_page_count(call->slice->page);
	}
	call->made = NULL;
	call->slice = NULL;
	if (call->run_said && call->process != NULL)
	{
		ecapi_process_end(call->process);
		call->process = NULL;
	}
}

void
ecapi_call_free(EcapiCall *call)
{
	if (call->process != NULL)
		ecapi_process_end(call->process);
	if (call->slice != NULL)
		ecapi_call_abandon(call);
	MemoryContextDelete(call->context);
}
