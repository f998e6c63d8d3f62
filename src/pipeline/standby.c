/*
 * standby.c
 *	  Whether standbys have what is about to be sent (ecapi.wait_for_standby).
 *
 * off: nobody is asked.  on: the synchronous standbys, by the server's own record of how
 * far they have flushed; where none is named there is nobody to wait for, as at COMMIT.
 *
 * any: at least one standby, whether it is synchronous or not.  No standby is no
 * permission: this is what fences a primary that was replaced.  A standby follows one
 * timeline, and those of the new primary are beyond the point where the old one's ended,
 * so none of them can stream from it; started again it commits, and sends nothing.  What
 * is sent is on a standby, so a promotion of the one that is furthest loses none of it.
 *
 * A subscriber, or another reader of a logical slot, confirms WAL as a standby does and
 * cannot be promoted; it does not count for "any".  Programs that write WAL to a file do
 * (pg_receivewal with a slot or --synchronous, pg_basebackup while it runs): what they
 * have can be restored, and nothing that they send tells them from a standby.
 *
 * Locks: SyncRepLock in shared mode, or the spin lock of one WAL sender after the other
 * and ReplicationSlotControlLock in shared mode.  None is held while another is taken.
 */
#include "postgres.h"

#include "replication/slot.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

#include "pipeline/standby.h"
#include "settings.h"

static bool
synchronous_have(XLogRecPtr lsn)
{
	bool		have;

	if (!SyncRepStandbyNames || !SyncRepStandbyNames[0])
		return true;
	LWLockAcquire(SyncRepLock, LW_SHARED);
	have = WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH] >= lsn;
	LWLockRelease(SyncRepLock);
	return have;
}

/* Whether a WAL sender serves a logical slot: those of standbys have none, or a physical one. */
static bool
is_logical(pid_t sender)
{
	bool		logical = false;

	LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
	for (int i = 0; i < max_replication_slots && !logical; i++)
	{
		ReplicationSlot *slot = &ReplicationSlotCtl->replication_slots[i];

		SpinLockAcquire(&slot->mutex);
		logical = slot->in_use && slot->active_pid == sender && SlotIsLogical(slot);
		SpinLockRelease(&slot->mutex);
	}
	LWLockRelease(ReplicationSlotControlLock);
	return logical;
}

static bool
any_has(XLogRecPtr lsn)
{
	for (int i = 0; i < max_wal_senders; i++)
	{
		WalSnd	   *sender = &WalSndCtl->walsnds[i];
		pid_t		pid;
		XLogRecPtr	flushed;

		SpinLockAcquire(&sender->mutex);
		pid = sender->pid;
		flushed = sender->state == WALSNDSTATE_STREAMING ? sender->flush : InvalidXLogRecPtr;
		SpinLockRelease(&sender->mutex);
		if (pid != 0 && flushed != InvalidXLogRecPtr && flushed >= lsn && !is_logical(pid))
			return true;
	}
	return false;
}

bool
ecapi_standby_has(XLogRecPtr lsn)
{
	switch ((EcapiStandby) ecapi_wait_for_standby)
	{
		case ECAPI_STANDBY_NONE:
			return true;
		case ECAPI_STANDBY_SYNCHRONOUS:
			return synchronous_have(lsn);
		case ECAPI_STANDBY_ANY:
			return any_has(lsn);
	}
	pg_unreachable();
}
