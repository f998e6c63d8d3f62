/*
 * own.c
 *	  Which destinations this worker has: no two workers have the same one.
 *
 * The lead says which worker is to have a destination (shmem/workers.c), and that may
 * change while requests are on their way.  So having one is a lock, which the worker takes
 * before it reads the cursor and keeps until it has recorded the last answer.  The server
 * releases it when the process ends, however it ends.
 *
 * A lock that was lost, by a mistake here or in what the process loads, would not be
 * noticed; therefore the row of the cursor has a token, by which an owner sees that another
 * one has written it (outbox/cursor.c).
 *
 * Locks: an advisory lock of the session on (pg_foreign_server, server), of a kind that the
 * functions of SQL cannot take; never waited for, held across transactions.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/lock.h"
#include "utils/memutils.h"

#include "pipeline/own.h"
#include "pipeline/worker_state.h"

/* pg_advisory_lock() has 1 for a key of 64 bits, and 2 for two of 32. */
#define KIND_OF_LOCK	3

/* Servers that this process has locked. */
static List *owned = NIL;

static void
set_tag(LOCKTAG *tag, Oid server)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, ForeignServerRelationId, server, KIND_OF_LOCK);
}

static bool
lock(Oid server)
{
	LOCKTAG		tag;

	set_tag(&tag, server);
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

static void
unlock(Oid server)
{
	LOCKTAG		tag;

	set_tag(&tag, server);
	(void) LockRelease(&tag, ExclusiveLock, true);
}

bool
ecapi_own_has(Oid server)
{
	return list_member_oid(owned, server);
}

bool
ecapi_own_take(Oid server)
{
	MemoryContext old;

	/* first what may fail, so that each lock is in the list */
	old = MemoryContextSwitchTo(ecapi_me.context);
	owned = lappend_oid(owned, server);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		if (!lock(server))
			owned = list_delete_last(owned);
	}
	PG_CATCH();
	{
		owned = list_delete_last(owned);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return ecapi_own_has(server);
}

bool
ecapi_own_is_free(Oid server)
{
	if (!lock(server))
		return false;
	unlock(server);
	return true;
}

void
ecapi_own_release(Oid server)
{
	if (!ecapi_own_has(server))
		return;
	owned = list_delete_oid(owned, server);
	unlock(server);
}

void
ecapi_own_release_but(bool (*is_known) (Oid server))
{
	for (int i = list_length(owned) - 1; i >= 0; i--)
		if (!is_known(list_nth_oid(owned, i)))
			ecapi_own_release(list_nth_oid(owned, i));
}
