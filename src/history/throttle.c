/*
 * throttle.c
 *	  Keeping a backfill behind live traffic.
 *
 * A page of history is appended only after every destination that delivers has
 * disposed of the page before, so a live event never queues behind more than
 * one page.  The cursors say so: an event is disposed of when the cursor's
 * snapshot sees its transaction, or when it lies in the open window at or
 * before the position (the two arms are those of the view ecapi.destination).
 * The worker writes cursors a few times a second and at rest.
 *
 * A destination that is paused, stopped, or waiting for its next try holds
 * nothing up: its events wait in the outbox, as live ones do.  Nor does any
 * destination while there is no worker, or delivery is switched off.
 *
 * No locks.  Statements run as the extension's owner.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "history/throttle.h"
#include "settings.h"
#include "shmem/shmem.h"

static EcapiStatement last_seq = {
	"SELECT pg_catalog.currval('ecapi.outbox_seq')", 0, {0}, NULL
};

static EcapiStatement behind = {
	"SELECT c.destination::pg_catalog.text FROM ecapi.cursor c"
	" LEFT JOIN ecapi.control k ON k.destination = c.destination"
	" WHERE c.state IN ('starting', 'delivering', 'idle') AND k.paused IS NOT TRUE"
	" AND NOT pg_catalog.pg_visible_in_snapshot($1, c.snapshot)"
	" AND NOT (c.window_end IS NOT NULL"
	"  AND pg_catalog.pg_visible_in_snapshot($1, c.window_end)"
	"  AND CASE WHEN $1 >= pg_catalog.pg_snapshot_xmax(c.snapshot)"
	"   THEN c.arm = 1 AND (c.xid, c.seq) >= ($1, $2)"
	"   ELSE c.arm = 1 OR (c.xid, c.seq) >= ($1, $2) END)"
	" ORDER BY c.destination LIMIT 1",
	2, {XID8OID, INT8OID}, NULL
};

EcapiThrottleMark
ecapi_throttle_mark(void)
{
	EcapiOwnerScope scope;
	EcapiThrottleMark mark;

	mark.xid = U64FromFullTransactionId(GetTopFullTransactionId());
	ecapi_become_owner(&scope);
	if (ecapi_execute(&last_seq) != 1)
		elog(ERROR, "could not read a sequence");
	mark.seq = ecapi_column_int8(0, 1);
	ecapi_become_caller(&scope);
	return mark;
}

static bool
is_delivering(void)
{
	EcapiSlotInfo info;

	return ecapi_delivery && ecapi_shmem_attached() &&
		ecapi_slot_of_database(MyDatabaseId, &info) && info.state == ECAPI_SLOT_RUNNING;
}

char *
ecapi_throttle_waits_for(EcapiThrottleMark mark)
{
	MemoryContext caller = CurrentMemoryContext;
	EcapiOwnerScope scope;
	char	   *name = NULL;

	if (!is_delivering())
		return NULL;
	ecapi_become_owner(&scope);
	if (ecapi_execute(&behind, ecapi_arg_xid8(mark.xid), ecapi_arg_int8(mark.seq)) > 0)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);

		name = ecapi_column_text(0, 1);
		MemoryContextSwitchTo(old);
	}
	ecapi_become_caller(&scope);
	return name;
}
