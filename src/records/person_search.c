/*
 * person_search.c
 *	  Finding what is about a person in the outbox and in failed events.
 *
 * Rows are read through cursors, a few at a time, under one snapshot each, and what is
 * found is handed on in chunks, so memory is bounded whatever the tables hold.
 *
 * Events of transactions that still run are not seen; the caller's own are.
 *
 * Locks: those of reading.  All functions want a transaction of isolation READ
 * COMMITTED, the rights of the extension's owner, SPI connected, and raise what SQL
 * raises.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/sql_scope.h"
#include "outbox/ring.h"
#include "outbox/window.h"
#include "records/person_search.h"
#include "stat/stat_progress.h"

/* Rows in memory at once; each holds up to ecapi.max_event_size. */
#define READ_ROWS	50

/* Rows that one call of found() gets, so one statement changes. */
#define CHUNK_ROWS	10000

/* Columns of ecapi.forget() and ecapi.withdraw(). */
#define RESULT_COLUMNS	7

/* Rows that were found and not handed on yet; context is that of found(). */
typedef struct Chunk
{
	MemoryContext context;
	EcapiFoundRows	found;
} Chunk;

static const char *const queries[] = {
	[ECAPI_SEARCH_EVENTS] = "SELECT o.event, 0, o.seq, o.xid FROM ecapi.outbox o",
	[ECAPI_SEARCH_FAILED] =
	"SELECT f.event, CASE WHEN f.state <> 'set_aside' THEN 0 WHEN f.relation IS NULL THEN 1 ELSE 2 END,"
	" f.failed_id, f.xid FROM ecapi.failed_event f",
	/* receivers answer a request of many events, and name any of them */
	[ECAPI_SEARCH_ANSWERS] =
	"SELECT f.answer, 3, f.failed_id, f.xid FROM ecapi.failed_event f WHERE f.answer IS NOT NULL"
};

/* ---- chunks ---- */

static void
init_chunk(Chunk *chunk)
{
	chunk->context = AllocSetContextCreate(CurrentMemoryContext, "ecapi search chunk",
										   ALLOCSET_DEFAULT_SIZES);
	chunk->found.n = 0;
	chunk->found.xids = palloc(sizeof(Datum) * CHUNK_ROWS);
	chunk->found.ids = palloc(sizeof(Datum) * CHUNK_ROWS);
}

/* Hand a chunk on. */
static void
pass_chunk(EcapiPersonSearch *search, Chunk *chunk, EcapiFoundFunction found)
{
	MemoryContext old = MemoryContextSwitchTo(chunk->context);

	if (chunk->found.n > 0)
		found(search, &chunk->found);
	chunk->found.n = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(chunk->context);
}

NullableDatum
ecapi_arg_found_ids(const EcapiFoundRows *found)
{
	return ecapi_arg_array(found->ids, found->n, INT8OID);
}

NullableDatum
ecapi_arg_found_xids(const EcapiFoundRows *found)
{
	return ecapi_arg_array(found->xids, found->n, XID8OID);
}

void
ecapi_person_search_report(EcapiPersonSearch *search)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		columns[RESULT_COLUMNS];
		bool		nulls[RESULT_COLUMNS];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, columns, nulls);
		tuplestore_putvalues(search->result, search->result_desc, columns, nulls);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* ---- the search ---- */

/* Whether a row is about the person. */
static bool
is_about(EcapiPersonSearch *search, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	int			len;
	char	   *utf8 = ecapi_window_stored_utf8(SPI_getbinval(row, desc, 1, &isnull), &len);

	if (utf8 == NULL)
	{
		search->unreadable++;
		return false;
	}
	return search->is_about(search->arg, utf8, len,
							(EcapiStored) DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull)));
}

void
ecapi_person_search(EcapiPersonSearch *search, EcapiSearchTarget target,
					EcapiFoundFunction found)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext row_context = AllocSetContextCreate(caller, "ecapi search row",
													  ALLOCSET_DEFAULT_SIZES);
	SPIPlanPtr	plan = SPI_prepare(queries[target], 0, NULL);
	Portal		portal;
	Chunk		chunk;

	if (plan == NULL)
		elog(ERROR, "could not prepare a search: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, false);
	init_chunk(&chunk);
	for (;;)
	{
		SPITupleTable *rows;
		uint64		n;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, READ_ROWS);
		rows = SPI_tuptable;
		n = SPI_processed;
		search->looked_at += n;
		ecapi_command_done(search->looked_at);
		for (uint64 i = 0; i < n; i++)
		{
			bool		isnull;
			bool		is_found;

			MemoryContextSwitchTo(row_context);
			is_found = is_about(search, rows->vals[i], rows->tupdesc);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(row_context);
			if (!is_found)
				continue;
			chunk.found.ids[chunk.found.n] = SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &isnull);
			chunk.found.xids[chunk.found.n++] = SPI_getbinval(rows->vals[i], rows->tupdesc, 4, &isnull);
			if (chunk.found.n == CHUNK_ROWS)
				pass_chunk(search, &chunk, found);
		}
		SPI_freetuptable(rows);
		if (n == 0)
			break;
	}
	pass_chunk(search, &chunk, found);
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
	MemoryContextDelete(row_context);
}

/*
 * Events are found by their key: the planner does not know how few they are.  The
 * owner's scope puts the settings back.
 */
void
ecapi_person_search_begin(void)
{
	static const char *const settings[] = {"enable_hashjoin", "enable_mergejoin", "jit"};

	for (int i = 0; i < lengthof(settings); i++)
		ecapi_sql_set(settings[i], "off");
	ecapi_ring_check();
}
