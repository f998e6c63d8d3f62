/*
 * outbox_scan.c
 *	  Going through the outbox for a job of the worker.
 *
 * Events are read by (xid, seq), from where "since" lies in the log of ticks, without it
 * from the oldest, in pages of their own transactions: one a turn, so that others have
 * their turn between, and no snapshot is held longer.  Slots that are emptied meanwhile
 * hold nothing that could be found.
 *
 * Ownership: a scan holds references to two ticks until it is closed.  No locks.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "outbox/ring.h"
#include "outbox/snapshot.h"
#include "pipeline/outbox_scan.h"
#include "pipeline/page.h"
#include "pipeline/worker_state.h"
#include "records/replay.h"

void
ecapi_outbox_scan_open(EcapiOutboxScan *scan, TimestampTz since)
{
	EcapiSnapshot *from;
	EcapiSnapshot *to;

	ecapi_worker_begin(true);
	to = ecapi_snapshot_from(GetActiveSnapshot());
	from = ecapi_replay_start(since);
	ecapi_outbox_scan_close(scan);
	scan->to = ecapi_tick_intern(to);
	scan->from = ecapi_tick_intern(ecapi_snapshot_within(from, to) ? from : to);
	ecapi_worker_end();
}

bool
ecapi_outbox_scan_page(EcapiOutboxScan *scan,
					   void (*take) (void *arg, const EcapiRows *rows), void *arg)
{
	EcapiRows	rows = {0};
	bool		last;

	ecapi_worker_begin(true);
	ecapi_ring_check();
	rows.context = CurrentMemoryContext;
	rows.max_rows = ECAPI_PAGE_ROWS;
	rows.max_bytes = ECAPI_PAGE_BYTES;
	rows.rows = palloc(sizeof(EcapiRow) * rows.max_rows);
	last = ecapi_window_read(scan->from->snapshot, scan->to->snapshot, &scan->position, &rows);
	take(arg, &rows);
	ecapi_worker_end();
	return last;
}

bool
ecapi_outbox_scan_passed(const EcapiOutboxScan *scan, uint64 xid)
{
	return scan->position.arm != 0 && scan->position.xid >= xid;
}

void
ecapi_outbox_scan_close(EcapiOutboxScan *scan)
{
	ecapi_tick_drop(scan->from);
	ecapi_tick_drop(scan->to);
	MemSet(scan, 0, sizeof(*scan));
}
