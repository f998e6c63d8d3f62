/*
 * advisory.c
 *	  Advisory locks of the session, which outlive an abort.
 *
 * Users' SQL can take them, and rolling it back leaves them.  A process that runs it for
 * the worker holds none of its own, so it lets go of all; a worker, which has locks of this
 * kind on its destinations, must not.  A session that previews may hold some, which
 * stay: the lock table is read before and after, which costs more, but a preview
 * is rare.
 *
 * Known gap: a lock that the session held before and users' SQL took once more is
 * counted twice in that session, and nothing says how often; who then unlocks
 * it once keeps it to the end of the session.
 *
 * Locks: those that it is about, and while reading them the lock manager's own.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"

#include "base/advisory.h"
#include "compat.h"

/* One lock of this session, with the modes in which it is held. */
typedef struct Advisory
{
	LOCKTAG		tag;
	LOCKMASK	modes;
} Advisory;

List *
ecapi_advisory_held(void)
{
	LockData   *all = GetLockStatusData();
	List	   *held = NIL;

	for (int i = 0; i < all->nelements; i++)
	{
		const LockInstanceData *one = &all->locks[i];
		Advisory   *advisory;

		if (one->pid != MyProcPid || one->locktag.locktag_type != LOCKTAG_ADVISORY ||
			one->holdMask == 0)
			continue;
		advisory = palloc(sizeof(Advisory));
		advisory->tag = one->locktag;
		advisory->modes = one->holdMask;
		held = lappend(held, advisory);
	}
	return held;
}

static LOCKMASK
modes_in(const List *held, const LOCKTAG *tag)
{
	ListCell   *cell;

	foreach(cell, held)
	{
		const Advisory *advisory = lfirst(cell);

		if (memcmp(&advisory->tag, tag, sizeof(LOCKTAG)) == 0)
			return advisory->modes;
	}
	return 0;
}

/*
 * Called after the rollback of all that was locked since: what
 * is left is the session's.  A lock that was taken often is released as often.
 */
void
ecapi_advisory_release_but(const List *held)
{
	ListCell   *cell;

	foreach(cell, ecapi_advisory_held())
	{
		Advisory   *advisory = lfirst(cell);
		LOCKMASK	extra = advisory->modes & ~modes_in(held, &advisory->tag);

		for (LOCKMODE mode = AccessShareLock; mode <= MaxLockMode; mode++)
			while ((extra & LOCKBIT_ON(mode)) && ecapi_lock_held_by_me(&advisory->tag, mode))
				if (!LockRelease(&advisory->tag, mode, true))
					break;
	}
}

void
ecapi_advisory_release(void)
{
	LockReleaseSession(USER_LOCKMETHOD);
}
