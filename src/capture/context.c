/*
 * context.c
 *	  The setting ecapi.context: what the application knows of this transaction.
 *
 * A web application has what no row has: the visitor's address, user agent,
 * click ids.  It sets them, as a fragment of an event, in the transaction that
 * places the order:
 *
 *	  SELECT set_config('ecapi.context', '{"user_data": {...}}', true);
 *
 * Connections are shared.  With a plain SET, or set_config(..., false), the
 * value outlives its transaction and meets the next visitor's order on the
 * same connection.  So each value carries the number of the transaction that
 * assigned it (the local transaction id, which a backend does not use twice
 * before it has run four thousand million of them), and counts in no other.
 * A value that a role, a database or a file brings is of no transaction.
 *
 * Where the library is not preloaded, the setting may have a value before the
 * library comes, and gets it again in the transaction in which it comes.  The
 * server's own stack tells which of them is older: what this transaction has
 * set stands on the stack, and what was there before stands below it.
 *
 * What a browser sent must not fail the order, so no value is refused.  It is
 * looked at when the first event asks for it: what cannot be used is left out,
 * counted and warned about, once for each value.
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/pg_list.h"
#include "storage/proc.h"
#include "utils/guc_tables.h"
#include "utils/memutils.h"

#include "base/hold.h"
#include "capture/context.h"
#include "capture/draft.h"
#include "compat.h"
#include "event/validate.h"
#include "rowsql/json_text.h"
#include "shmem/left_out.h"

/* What a value of the setting carries. */
typedef struct Extra
{
	LocalTransactionId assigned_in; /* invalid: in none */
} Extra;

static const char *current = NULL;	/* the setting */
static LocalTransactionId assigned_in = InvalidLocalTransactionId;

/*
 * A value that was looked at.  Its tree is in a context of its own in the
 * transaction's memory, and goes when another value was looked at and nobody holds it.
 */
typedef struct Reading
{
	LocalTransactionId in;		/* when: the tree is of that transaction alone */
	MemoryContext context;
	const EcapiValue *tree;		/* NULL: it is no fragment */
	int			holders;
	bool		kept;			/* until the transaction ends */
} Reading;

/* The last one, and before it those that somebody may hold. */
static Reading *last = NULL;
static const char *last_of = NULL;	/* the value that it is of */
static List *earlier = NIL;

/*
 * Bytes of a text that is looked at.  A longer one is left out as a whole, for
 * to look for what of it fits would take longer than it is worth.
 */
#define MAX_READ	(16 * ECAPI_MAX_CONTEXT)

/* One thing was left out: warn of it, and count it. */
static void
report_lost(EcapiViolationCode code, const char *message)
{
	ecapi_left_out_begin();
	ecapi_left_out_note(NULL, NULL, code);
	ecapi_left_out_count();
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("a part of \"ecapi.context\" was left out: %s", message),
			 errhint("Give a fragment of an event, such as {\"user_data\": {\"event_user_agent\": \"...\"}}.")));
}

/* Whether it is an empty fragment.  An empty array is one, which is how PHP writes it. */
static bool
is_empty(const EcapiValue *value)
{
	return value->type == ECAPI_NULL || (value->type == ECAPI_ARRAY && value->first == NULL);
}

/* The fragment that a value of the setting is, in that context, or NULL. */
static const EcapiValue *
read_value(const char *json, MemoryContext context)
{
	MemoryContext work;
	MemoryContext caller;
	EcapiArena	arena;
	EcapiLosses losses = {0};
	EcapiValue *value = NULL;
	size_t		len = strlen(json);

	if (len > MAX_READ)
	{
		report_lost(ECAPI_VIOLATION_SIZE, "it is larger than 1 MB");
		return NULL;
	}
	work = AllocSetContextCreate(CurrentMemoryContext, "ecapi context", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	ecapi_tree_stoppable_arena(&arena, context);
	value = ecapi_json_text(&arena, json, len, ECAPI_MAX_DEPTH - 1, ECAPI_MAX_CONTEXT, &losses);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	if (arena.failed)
		ecapi_draft_out_of_memory();

	if (value == NULL && losses.large == 0)
		report_lost(ECAPI_VIOLATION_TYPE, "it is not JSON");
	else if (losses.large > 0)
		report_lost(ECAPI_VIOLATION_SIZE, "it is larger than 64 kB");
	else if (losses.text > 0)
		report_lost(ECAPI_VIOLATION_TEXT, "text that cannot be read");
	else if (losses.deep > 0)
		report_lost(ECAPI_VIOLATION_DEPTH, "nested too deeply");
	else if (value->type != ECAPI_OBJECT && !is_empty(value))
		report_lost(ECAPI_VIOLATION_TYPE, "it is not a JSON object");
	return value != NULL && value->type == ECAPI_OBJECT ? value : NULL;
}

/* Let go of earlier values; the memory of an earlier transaction is gone already. */
static void
forget_earlier(void)
{
	ListCell   *cell;

	foreach(cell, earlier)
	{
		Reading    *reading = lfirst(cell);

		if (reading->holders > 0)
			continue;
		if (!reading->kept && reading->in == ecapi_local_xid())
			MemoryContextDelete(reading->context);
		earlier = foreach_delete_current(earlier, cell);
		pfree(reading);
	}
}

/* Begin to look at the value as it is now. */
static void
begin_reading(void)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "ecapi context of rows",
												  ALLOCSET_SMALL_SIZES);

	if (last != NULL)
		earlier = lappend(earlier, last);
	last = NULL;
	forget_earlier();
	last = palloc0(sizeof(Reading));
	last->in = assigned_in;
	last->context = context;
	last_of = current;
	MemoryContextSwitchTo(caller);
}

/* The value as it was looked at, once; NULL where it does not count. */
static Reading *
look(void)
{
	if (current == NULL || current[0] == '\0' ||
		assigned_in == InvalidLocalTransactionId || assigned_in != ecapi_local_xid())
		return NULL;
	if (last == NULL || last->in != assigned_in || last_of != current)
	{
		/* warned about once, even if reading it is cancelled */
		begin_reading();
		last->tree = read_value(current, last->context);
	}
	return last;
}

const EcapiValue *
ecapi_context(void)
{
	Reading    *reading = look();

	if (reading == NULL || reading->tree == NULL)
		return NULL;
	ecapi_hold(&reading->holders);
	return reading->tree;
}

const EcapiValue *
ecapi_context_to_keep(void)
{
	Reading    *reading = look();

	if (reading == NULL)
		return NULL;
	reading->kept = true;
	return reading->tree;
}

/* Any text is one that the setting can have. */
static bool
check(char **value, void **extra, GucSource source)
{
	Extra	   *mine = ecapi_setting_extra(sizeof(Extra));

	if (mine == NULL)
		return false;
	mine->assigned_in = source >= PGC_S_SESSION && IsTransactionState() && MyProc ?
		ecapi_local_xid() : InvalidLocalTransactionId;
	*extra = mine;
	return true;
}

static void
assign(const char *value, void *extra)
{
	current = value;
	assigned_in = extra ? ((Extra *) extra)->assigned_in : InvalidLocalTransactionId;
	last_of = NULL;
}

/*
 * The setting has just been defined: a value that it had before this transaction is
 * not this transaction's.
 */
static void
adopt(void)
{
	int			n;
	struct config_generic **all = ecapi_all_settings(&n);
	Extra	   *oldest;
	GucStack   *stack;

	for (int i = 0; i < n; i++)
	{
		if (strcmp(all[i]->name, "ecapi.context") != 0)
			continue;
		oldest = all[i]->extra;
		for (stack = all[i]->stack; stack != NULL; stack = stack->prev)
			oldest = stack->prior.extra;
		if (oldest != NULL)
			oldest->assigned_in = InvalidLocalTransactionId;
		if (all[i]->stack == NULL)
			assigned_in = InvalidLocalTransactionId;
	}
}

void
ecapi_context_define(void)
{
	static char *value = NULL;	/* read as "current" */

	DefineCustomStringVariable("ecapi.context",
							   "Fragment of an event that is merged under the events of tracks.",
							   "A JSON object. It counts only in the transaction that sets it.",
							   &value, "",
							   PGC_USERSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE,
							   check, assign, NULL);
	adopt();
}
