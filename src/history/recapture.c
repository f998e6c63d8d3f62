/*
 * recapture.c
 *	  ecapi.recapture(): set-aside rows once more, through the track as it is now.
 *
 * A row of ecapi.failed_event that a track set aside holds the images of the
 * changed row (rows.c).  It is judged again as the change that it was: an event
 * is appended and the row deleted in the same transaction; what is no event by
 * the condition as it is now, or is one of a forgotten person, is deleted, too;
 * what fails again keeps its place, with the new reason and one more attempt.
 * Events that ecapi_emit() set aside have no track and are not touched.
 *
 * A row whose event was cancelled since it was written is deleted, too, and counted:
 * by the id under which it was set aside, if it had one then, and by the one that it
 * has now.
 *
 * Rows are taken one by one, each locked before it is read; one that another
 * session works on is passed over.  So two calls at once share the work, and
 * memory does not grow with the number of rows but by their ids.
 *
 * Whose rows: those of tables that the caller owns.  A table that is gone has
 * no owner; its rows are for superusers.
 *
 * Statements on our tables run as the extension's owner; images are read back
 * confined, as the table's owner.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "base/catalog.h"
#include "base/statement.h"
#include "base/tree.h"
#include "capture/image.h"
#include "capture/program_cache.h"
#include "capture/rows.h"
#include "outbox/append.h"
#include "outbox/limit.h"
#include "records/stop_list.h"
#include "records/stops.h"
#include "rowsql/confine.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(ecapi_recapture);

/* Most rows of one call: their ids are kept in memory. */
#define MAX_ROWS	1000000

/* Levels of a kept row: images hold texts only, the context is an event's part. */
#define MAX_DEPTH	64

/* Rows that were tried less often come first, so that none is starved. */
static EcapiStatement list_rows = {
	"SELECT f.failed_id FROM ecapi.failed_event f"
	" LEFT JOIN pg_catalog.pg_class c ON c.oid = f.relation"
	" WHERE f.state = 'set_aside' AND f.relation IS NOT NULL"
	" AND ($1 IS NULL OR f.relation = $1)"
	" AND ($2 IS NULL OR f.source IN ($2, 'ecapi_' || $2))"
	" AND ($3 IS NULL OR f.failed_at >= $3)"
	" AND CASE WHEN c.oid IS NULL THEN $4"
	"  ELSE pg_catalog.pg_has_role($5, c.relowner, 'USAGE') END"
	" ORDER BY f.attempts, f.failed_id LIMIT $6",
	6, {REGCLASSOID, TEXTOID, TIMESTAMPTZOID, BOOLOID, OIDOID, INT4OID}, NULL
};

static EcapiStatement take_row = {
	"SELECT f.relation::pg_catalog.oid, f.source, f.event::pg_catalog.jsonb, f.event_id,"
	" f.xid, f.after_seq"
	" FROM ecapi.failed_event f WHERE f.failed_id = $1 AND f.state = 'set_aside'"
	" FOR UPDATE SKIP LOCKED",
	1, {INT8OID}, NULL
};

static EcapiStatement forget_row = {
	"DELETE FROM ecapi.failed_event WHERE failed_id = $1", 1, {INT8OID}, NULL
};

static EcapiStatement keep_row = {
	"UPDATE ecapi.failed_event SET reason = $2, sqlstate = $3, attempts = attempts + 1"
	" WHERE failed_id = $1",
	3, {INT8OID, TEXTOID, TEXTOID}, NULL
};

/* A kept row, on its way to be an event. */
typedef struct Kept
{
	int64		id;
	Oid			relation;
	char	   *source;
	EcapiArena	arena;
	EcapiValue *event;			/* NULL: cannot be read */
	char	   *event_id;		/* as it was set aside; NULL: not known then */
	EcapiWritten written;

	TupleDesc	descriptor;
	HeapTuple	new;
	HeapTuple	old;			/* NULL: there was none */
	TupleTableSlot *new_slot;
	TupleTableSlot *old_slot;
	bool		given;

	const char *reason;			/* NULL: it did not fail */
	char		sqlstate[6];
	int64		forgotten;		/* 1: of a person who is */
	int64		cancelled;		/* 1: it was */
} Kept;

static void
set_failed(Kept *kept, const char *sqlstate, const char *reason)
{
	strlcpy(kept->sqlstate, sqlstate, sizeof(kept->sqlstate));
	kept->reason = reason;
}

/* ---- our table ---- */

/* Lock and read a row; false when it is gone, or another session has it. */
static bool
take(Kept *kept)
{
	MemoryContext context = CurrentMemoryContext;
	EcapiOwnerScope scope;
	bool		taken;

	ecapi_become_owner(&scope);
	taken = ecapi_execute(&take_row, ecapi_arg_int8(kept->id)) == 1;
	if (taken)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		kept->relation = ecapi_column_oid(0, 1);
		kept->source = ecapi_column_text(0, 2);
		ecapi_tree_arena(&kept->arena, context);
		kept->event = ecapi_tree_from_jsonb(&kept->arena,
											DatumGetJsonbP(ecapi_column_datum(0, 3)),
											MAX_DEPTH);
		kept->event_id = ecapi_column_text(0, 4);
		kept->written.xid = ecapi_column_xid8(0, 5);
		kept->written.after_seq = ecapi_column_int8(0, 6);
		MemoryContextSwitchTo(old);
	}
	ecapi_become_caller(&scope);
	return taken;
}

/* What became of it. */
static void
record_outcome(const Kept *kept)
{
	EcapiOwnerScope scope;

	ecapi_become_owner(&scope);
	if (kept->reason == NULL)
		ecapi_execute(&forget_row, ecapi_arg_int8(kept->id));
	else
		ecapi_execute(&keep_row, ecapi_arg_int8(kept->id), ecapi_arg_text(kept->reason),
					  ecapi_arg_text(kept->sqlstate));
	ecapi_become_caller(&scope);
}

/* ---- a row ---- */

/* A member of a kept row, if it is an object. */
static const EcapiValue *
object_member(const Kept *kept, const char *key)
{
	const EcapiValue *member = ecapi_value_get(kept->event, key);

	return member != NULL && member->type == ECAPI_OBJECT ? member : NULL;
}

/* Runs confined. */
static void
read_images(void *arg)
{
	Kept	   *kept = arg;
	const EcapiValue *old = object_member(kept, "old");

	kept->new = ecapi_image_row(object_member(kept, "new"), kept->descriptor);
	if (old != NULL)
		kept->old = ecapi_image_row(old, kept->descriptor);
}

/* The one row. */
static bool
next_row(void *arg, EcapiTableRow *row)
{
	Kept	   *kept = arg;
	const EcapiValue *at;

	if (kept->given)
		return false;
	kept->given = true;
	row->new = kept->new_slot;
	row->old = kept->old_slot;
	row->context = object_member(kept, "context");
	at = ecapi_value_get(kept->event, "captured_at");
	row->captured_at = at != NULL && at->type == ECAPI_NUMBER ? strtoll(at->text, NULL, 10) : 0;
	row->written = kept->written;
	/* a backfill set it aside */
	row->written.is_history = row->captured_at == 0;
	return true;
}

static TupleTableSlot *
slot_of(TupleDesc descriptor, HeapTuple tuple)
{
	TupleTableSlot *slot;

	if (tuple == NULL)
		return NULL;
	slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
	ExecStoreHeapTuple(tuple, slot, false);
	return slot;
}

/*
 * Why a row could not be read back.  The message of the error is used where no code
 * of users can have had a part in it.
 */
static const char *
unreadable(Oid role, const EcapiConfinedError *error)
{
	if (superuser_arg(role) && strcmp(error->sqlstate, "42501") == 0)
		return error->message;
	return "the kept row does not fit the table any more";
}

/* A person may have withdrawn consent while the row was set aside. */
static void
inherit_stops(const Kept *kept)
{
	EcapiOwnerScope scope;

	ecapi_become_owner(&scope);
	ecapi_stop_list_inherit(-kept->id, U64FromFullTransactionId(GetTopFullTransactionId()),
							ecapi_outbox_last_seq());
	ecapi_become_caller(&scope);
}

/* Run a row through a program; returns the events made, 0 or 1. */
static int64
capture(Kept *kept, const EcapiCompiled *compiled)
{
	EcapiConfinedError error;
	EcapiRowCapture	rows = {0};
	EcapiRowsResult result = {0};
	int64		before = ecapi_outbox_last_seq();

	if (kept->event == NULL || object_member(kept, "new") == NULL)
	{
		set_failed(kept, "22023", "the row was not kept");
		return 0;
	}
	if (!ecapi_confined_run(read_images, kept, compiled->role, &error))
	{
		set_failed(kept, error.sqlstate, unreadable(compiled->role, &error));
		return 0;
	}
	kept->new_slot = slot_of(kept->descriptor, kept->new);
	kept->old_slot = slot_of(kept->descriptor, kept->old);
	rows.compiled = compiled;
	rows.trigger = kept->source;
	rows.mode = ECAPI_ROWS_AGAIN;
	rows.next = next_row;
	rows.arg = kept;
	rows.forgotten = ecapi_forgotten_begin(ecapi_default_country());
	rows.may_be_cancelled = ecapi_stops_any();
	ecapi_rows_capture(&rows, &result);
	kept->forgotten = result.forgotten;
	kept->cancelled = result.cancelled;
	if (result.events > 0 && ecapi_outbox_last_seq() != before)
		inherit_stops(kept);
	ExecDropSingleTupleTableSlot(kept->new_slot);
	if (kept->old_slot != NULL)
		ExecDropSingleTupleTableSlot(kept->old_slot);
	if (result.reason != NULL)
		set_failed(kept, result.sqlstate, result.reason);
	return result.events;
}

/* Whether the event was cancelled under the id that it was set aside with. */
static bool
was_cancelled(const Kept *kept)
{
	EcapiStopQuery stop = {0};

	if (kept->event_id == NULL)
		return false;
	stop.id = kept->event_id;
	stop.id_len = strlen(kept->event_id);
	stop.is_server = true;
	stop.xid = kept->written.xid;
	stop.seq = kept->written.after_seq;
	return ecapi_stops_again(&stop, 1) > 0;
}

/* Try a row whose table is open; returns the events made. */
static int64
try_track(Kept *kept, Relation relation)
{
	const Trigger *trigger = ecapi_trigger_named(relation, kept->source);
	const EcapiCompiled *compiled;

	if (was_cancelled(kept))
	{
		kept->cancelled = 1;
		return 0;
	}
	if (trigger == NULL)
	{
		set_failed(kept, "42704", "the track does not exist any more");
		return 0;
	}
	compiled = ecapi_program_of_trigger(relation, trigger);
	if (compiled->program == NULL)
	{
		set_failed(kept, compiled->sqlstate, compiled->problem);
		return 0;
	}
	kept->descriptor = RelationGetDescr(relation);
	return capture(kept, compiled);
}

/* Try a row; returns the events made. */
static int64
try_row(Kept *kept)
{
	Relation	relation = try_table_open(kept->relation, AccessShareLock);
	int64		events;

	if (relation == NULL)
	{
		set_failed(kept, "42P01", "the table does not exist any more");
		return 0;
	}
	/* it may have been given away since the list was made */
	ecapi_argument_own(kept->relation);
	events = try_track(kept, relation);
	table_close(relation, NoLock);
	return events;
}

/* ---- the call ---- */

/* Ids of the rows to try, *n of them, in the current context. */
static int64 *
rows_to_try(FunctionCallInfo fcinfo, uint64 *n)
{
	MemoryContext context = CurrentMemoryContext;
	NullableDatum track = ecapi_arg_text(PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1)));
	NullableDatum is_superuser = ecapi_arg_bool(superuser());
	NullableDatum user = ecapi_arg_oid(GetUserId());
	EcapiOwnerScope scope;
	int64	   *ids;

	ecapi_become_owner(&scope);
	*n = ecapi_execute(&list_rows, fcinfo->args[0], track, fcinfo->args[2], is_superuser, user,
					   ecapi_arg_int4(PG_ARGISNULL(3) ? MAX_ROWS : PG_GETARG_INT32(3)));
	ids = MemoryContextAlloc(context, sizeof(int64) * Max(*n, 1));
	for (uint64 i = 0; i < *n; i++)
		ids[i] = ecapi_column_int8(i, 1);
	ecapi_become_caller(&scope);
	return ids;
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	Oid			relation = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);

	if (!PG_ARGISNULL(3) && (PG_GETARG_INT32(3) < 1 || PG_GETARG_INT32(3) > MAX_ROWS))
		ecapi_argument_refuse(psprintf("\"maximum\" must lie between 1 and %d", MAX_ROWS), NULL);
	/* one that was dropped is answered by its rows */
	if (OidIsValid(relation) && get_rel_name(relation) != NULL)
		ecapi_argument_own(relation);
}

/*
 * ecapi.recapture(relation regclass, track name, since timestamptz, maximum integer,
 *		OUT tried bigint, OUT captured bigint, OUT still_failing bigint,
 *		OUT cancelled bigint)
 *
 * NULL relation: all tables that the caller owns; NULL track (the track's name,
 * or its trigger's) and since (when it was set aside): all.  tried less the others
 * is what is no event any more; a NOTICE says how many of these
 * are of forgotten persons.  Raises an error when the
 * caller does not own the relation.
 */
Datum
ecapi_recapture(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	int64	   *ids;
	uint64		n;
	uint64		dropped = ecapi_limit_dropped();
	int64		tried = 0;
	int64		captured = 0;
	int64		still_failing = 0;
	int64		cancelled = 0;
	int64		forgotten = 0;
	Datum		values[4];
	bool		nulls[4] = {false};
	MemoryContext row_context;
	MemoryContext old;

	PreventCommandIfReadOnly("ecapi.recapture()");
	PreventCommandDuringRecovery("ecapi.recapture()");
	PreventCommandIfParallelMode("ecapi.recapture()");
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	check_arguments(fcinfo);

	/* before any row, so that ecapi.forget(), which waits for rows, waits here */
	ecapi_forgotten_share();
	ids = rows_to_try(fcinfo, &n);
	row_context = AllocSetContextCreate(CurrentMemoryContext, "ecapi recapture",
										ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(row_context);
	for (uint64 i = 0; i < n; i++)
	{
		Kept		kept = {.id = ids[i]};

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(row_context);
		if (!take(&kept))
			continue;
		tried++;
		captured += try_row(&kept);
		still_failing += kept.reason != NULL ? 1 : 0;
		cancelled += kept.cancelled;
		forgotten += kept.forgotten;
		record_outcome(&kept);
	}
	/* a row that was dropped on the way stays set aside */
	ecapi_limit_refuse_loss(dropped);
	if (forgotten > 0)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg_plural("%ld row of a forgotten person was not captured",
							   "%ld rows of forgotten persons were not captured",
							   (unsigned long) forgotten, (long) forgotten)));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);

	values[0] = Int64GetDatum(tried);
	values[1] = Int64GetDatum(captured);
	values[2] = Int64GetDatum(still_failing);
	values[3] = Int64GetDatum(cancelled);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
