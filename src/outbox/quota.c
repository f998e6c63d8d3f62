/*
 * quota.c
 *	  What one role may hold of the outbox, and of what is set aside, where others
 *	  emit, too: ecapi.outbox_share, ecapi.set_aside_limit.
 *
 * The outbox and ecapi.failed_event are shared by all who emit in a database, and who
 * may emit may emit without end.  So where room becomes scarce
 *
 *	 share		from SHARES_COUNT per cent of ecapi.outbox_limit on, a role that holds
 *				more than its share of the limit adds no more to it.  What comes is
 *				dropped and counted, as a full outbox would do with everybody's.  A
 *				worker makes room before it comes to that (limit.c): so the role that
 *				most events of a shop are of loses none for a destination that is down;
 *	 reserve	a full outbox takes still what comes from roles that hold next to
 *				nothing, up to a RESERVE'th of the limit beyond it: so a role that is
 *				heard now and then is heard whatever others have filled;
 *	 set aside	a role whose events and rows that were set aside take more than
 *				ecapi.set_aside_limit keeps no more of them.  They are counted.
 *
 * None of this binds superusers, or a role while no other one emits: with one role the
 * outbox has its limit, and failed_event has none.  Others are there when a sample finds
 * rows of theirs, or when one was heard of within ecapi.retention.
 *
 * Who holds what is known by samples (holders.c), made only where room is scarce, by
 * the first who wants to know: SAMPLE_INTERVAL after the one before, or when the size
 * has changed by a GRAIN'th of what a role may hold.  A role that was beyond its bound
 * stays so until it is below RESUME per cent of it.
 *
 * With the library preloaded the processes of a database that has a worker share what is
 * known; else each has its own, and what was dropped is counted for each session.
 *
 * Locks: the mutex of a database covers its fields; it is held for copies alone.  Who
 * samples says so first, so that others need not, and has nothing locked meanwhile.
 */
#include "postgres.h"

#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "outbox/quota.h"
#include "settings.h"
#include "shmem/shmem.h"

/*
 * Per cent of ecapi.outbox_limit.  At 90 a worker begins to make room: five are for what
 * is appended until it has, and five are left to the other roles.
 */
#define SHARES_COUNT	95

/*
 * A role that holds less than this part of the limit is heard when the outbox is full,
 * and so much may come above the limit.  As many roles are distinguished (holders.h), so
 * one that is not known to hold more holds less.
 */
#define RESERVE			ECAPI_HOLDERS

/* Per cent of a bound; as for the outbox as a whole (limit.c). */
#define RESUME			95

/* A sample reads a megabyte: often enough, and no load. */
#define SAMPLE_INTERVAL_US	(10 * USECS_PER_SEC)
#define GRAIN				64

/* The size of failed_event is asked for so often, and after so much. */
#define LOOK_INTERVAL_US	USECS_PER_SEC
#define LOOK_GRAIN			1024
#define LOOK_GRAIN_MIN		(64 * 1024)

#define WARN_INTERVAL_US	USECS_PER_MINUTE

/* What is sampled. */
typedef enum Store
{
	OUTBOX,
	SET_ASIDE,
	STORES
} Store;

/* What the last sample found. */
typedef struct Known
{
	TimestampTz sampled_at;		/* 0: never */
	int64		size;			/* of the store then */
	int64		bound;			/* what a role might hold then; 0: anything */
	EcapiHolders holders;
	bool		over[ECAPI_HOLDERS];	/* whether it is beyond the bound */
} Known;

/* When a role was heard of. */
typedef struct Heard
{
	Oid			role;
	TimestampTz at;
} Heard;

typedef struct Count
{
	Oid			role;			/* InvalidOid: nobody yet */
	int64		dropped;
	int64		not_kept;
} Count;

typedef struct Shared
{
	slock_t		mutex;
	Known		known[STORES];
	Heard		heard[2];		/* the two that were heard of last */
	Count		counts[ECAPI_HOLDERS];	/* in the order of their first loss */
} Shared;

static Shared *shared = NULL;	/* for each slot */
static Shared own;				/* where there is no shared memory; no mutex */

/* ---- shared memory ---- */

static void
init(int slot)
{
	SpinLockInit(&shared[slot].mutex);
}

static Shared *
lock(void)
{
	int			slot = ecapi_slot_number();

	if (slot < 0)
		return &own;
	SpinLockAcquire(&shared[slot].mutex);
	return &shared[slot];
}

static void
unlock(Shared *here)
{
	if (here != &own)
		SpinLockRelease(&here->mutex);
}

static void
reset(int slot, Oid database)
{
	Shared	   *here = &shared[slot];

	SpinLockAcquire(&here->mutex);
	memset(here->known, 0, sizeof(here->known));
	memset(here->heard, 0, sizeof(here->heard));
	memset(here->counts, 0, sizeof(here->counts));
	SpinLockRelease(&here->mutex);
}

const EcapiShmemPart ecapi_quota_part = {sizeof(Shared), (void **) &shared, init, reset};

/* ---- who is there ---- */

void
ecapi_quota_note(Oid role, TimestampTz now)
{
	Shared	   *here = lock();
	Heard	   *heard = here->heard;
	int			i;

	if (heard[0].role == role || heard[1].role == role)
		i = heard[0].role == role ? 0 : 1;
	else
		i = heard[0].at <= heard[1].at ? 0 : 1;
	heard[i].role = role;
	heard[i].at = now;
	unlock(here);
}

/* Whether a role was heard of that is not this one. */
static bool
other_heard(Oid role, TimestampTz now)
{
	TimestampTz since = now - (int64) ecapi_retention_s * USECS_PER_SEC;
	Shared	   *here = lock();
	bool		found = false;

	for (int i = 0; i < lengthof(here->heard); i++)
		found |= OidIsValid(here->heard[i].role) && here->heard[i].role != role &&
			here->heard[i].at >= since;
	unlock(here);
	return found;
}

static bool
other_holds(const Known *known, Oid role)
{
	for (int i = 0; i < known->holders.n; i++)
		if (known->holders.list[i].role != role)
			return true;
	return false;
}

/* What a role holds, and whether that is beyond its bound. */
static int64
held_by(const Known *known, Oid role, bool *over)
{
	*over = false;
	for (int i = 0; i < known->holders.n; i++)
	{
		if (known->holders.list[i].role != role)
			continue;
		*over = known->over[i];
		return known->holders.list[i].bytes;
	}
	return 0;
}

/* ---- samples ---- */

static int64
limit_bytes(void)
{
	return (int64) ecapi_outbox_limit * 1024 * 1024;
}

int64
ecapi_quota_share(void)
{
	return ecapi_outbox_share == 100 ? 0 : limit_bytes() * ecapi_outbox_share / 100;
}

static int64
bound_of(Store store)
{
	return store == OUTBOX ? ecapi_quota_share()
		: (int64) ecapi_set_aside_limit * 1024 * 1024;
}

static bool
is_stale(const Known *known, TimestampTz now, int64 size, int64 bound)
{
	/* a clock that was set back makes all stale */
	return known->sampled_at == 0 || known->sampled_at > now ||
		now - known->sampled_at >= SAMPLE_INTERVAL_US ||
		known->bound != bound || llabs(size - known->size) > bound / GRAIN;
}

/* What a sample found, judged by what was known before. */
static void
judge(const Known *before, Known *after)
{
	for (int i = 0; i < after->holders.n; i++)
	{
		const EcapiHolder *holder = &after->holders.list[i];
		bool		was_over;

		(void) held_by(before, holder->role, &was_over);
		after->over[i] = after->bound > 0 &&
			holder->bytes >= (was_over ? after->bound / 100 * RESUME : after->bound);
	}
}

/*
 * Who holds what of a store of a size (-1: not known) now, or not long ago; always: now.
 */
static void
ask(Store store, TimestampTz now, int64 size, bool always, Known *known)
{
	int64		bound = bound_of(store);
	Known		after = {0};
	Shared	   *here = lock();
	bool		stale;

	*known = here->known[store];
	if (size < 0)
		size = known->size;
	stale = always || is_stale(known, now, size, bound);
	if (stale)
	{
		here->known[store].sampled_at = now;
		here->known[store].size = size;
		here->known[store].bound = bound;
	}
	unlock(here);
	if (!stale)
		return;

	if (store == OUTBOX)
		ecapi_holders_of_outbox(&after.holders);
	else
		ecapi_holders_of_set_aside(&after.holders);
	after.sampled_at = now;
	after.size = size;
	after.bound = bound;
	judge(known, &after);
	*known = after;
	here = lock();
	here->known[store] = after;
	unlock(here);
}

/* Whether the role shares the database with others that emit.  known: of one store. */
static bool
has_others(Oid role, TimestampTz now, Store store, const Known *known)
{
	Known		other;

	if (other_heard(role, now) || other_holds(known, role))
		return true;
	ask(store == OUTBOX ? SET_ASIDE : OUTBOX, now, -1, false, &other);
	return other_holds(&other, role);
}

/* Whether the role is bound by what it holds of a store. */
static bool
is_bound(Oid role, TimestampTz now, Store store, const Known *known)
{
	bool		over;

	(void) held_by(known, role, &over);
	return over && !superuser_arg(role) && has_others(role, now, store, known);
}

/* ---- the outbox ---- */

bool
ecapi_quota_counts(int64 bytes)
{
	return ecapi_quota_share() > 0 && bytes >= limit_bytes() / 100 * SHARES_COUNT;
}

/* Whether a full outbox still takes events of a role that holds that much. */
static bool
is_in_reserve(int64 held, int64 bytes)
{
	return held < limit_bytes() / RESERVE && bytes < limit_bytes() + limit_bytes() / RESERVE;
}

static bool
may_append(Oid role, TimestampTz now, int64 bytes, bool full, const Known *known)
{
	bool		over;
	int64		held = held_by(known, role, &over);

	if (full)
		return is_in_reserve(held, bytes) && has_others(role, now, OUTBOX, known);
	return !ecapi_quota_counts(bytes) || !is_bound(role, now, OUTBOX, known);
}

bool
ecapi_quota_may_append(Oid role, TimestampTz now, int64 bytes, bool full)
{
	Known		known;

	if (ecapi_quota_share() == 0)
		return !full;
	ask(OUTBOX, now, bytes, false, &known);
	return may_append(role, now, bytes, full, &known);
}

/* ---- what is set aside ---- */

static int64
failed_size(TimestampTz now, Size bytes)
{
	static TimestampTz looked_at = 0;
	static int64 size = 0;
	static Size added = 0;
	Oid			relid;

	added += bytes;
	if (looked_at != 0 && looked_at <= now && now - looked_at < LOOK_INTERVAL_US &&
		added < Max(bound_of(SET_ASIDE) / LOOK_GRAIN, LOOK_GRAIN_MIN))
		return size;
	relid = ecapi_relation("failed_event", false);
	if (ConditionalLockRelationOid(relid, AccessShareLock))
	{
		if (!ecapi_holders_size(relid, &size))
			size = 0;
		UnlockRelationOid(relid, AccessShareLock);
	}
	looked_at = now;
	added = 0;
	return size;
}

static void
lose(Oid role, TimestampTz now)
{
	static TimestampTz warned_at = 0;

	(void) nextval_internal(ecapi_relation("not_kept_seq", false), false);
	ecapi_quota_count(role, 0, 1);
	if (warned_at != 0 && now >= warned_at && now - warned_at < WARN_INTERVAL_US)
		return;
	warned_at = now;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("what is set aside of role \"%s\" is not kept", GetUserNameFromId(role, true)),
			 errdetail("What was set aside of it takes more than ecapi.set_aside_limit, %d MB.",
					   ecapi_set_aside_limit),
			 errhint("Fix what fails, then call ecapi.recapture(), or delete from "
					 "ecapi.failed_event what is not needed.")));
}

bool
ecapi_quota_may_set_aside(Oid role, Size bytes)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		bound = bound_of(SET_ASIDE);
	int64		size;
	Known		known;

	ecapi_quota_note(role, now);
	if (bound == 0)
		return true;
	size = failed_size(now, bytes);
	if (size < bound)
		return true;
	ask(SET_ASIDE, now, size, false, &known);
	if (!is_bound(role, now, SET_ASIDE, &known))
		return true;
	lose(role, now);
	return false;
}

/* ---- counts ---- */

void
ecapi_quota_count(Oid role, int64 dropped, int64 not_kept)
{
	Shared	   *here = lock();

	for (int i = 0; i < lengthof(here->counts); i++)
	{
		Count	   *count = &here->counts[i];

		if (OidIsValid(count->role) && count->role != role)
			continue;
		count->role = role;
		count->dropped += dropped;
		count->not_kept += not_kept;
		break;
	}
	unlock(here);
}

/* The entry of a role, a new one if it has none. */
static EcapiRoleUse *
use_of(EcapiRoleUse *uses, int *n, Oid role)
{
	for (int i = 0; i < *n; i++)
		if (uses[i].role == role)
			return &uses[i];
	memset(&uses[*n], 0, sizeof(EcapiRoleUse));
	uses[*n].role = role;
	return &uses[(*n)++];
}

int
ecapi_quota_uses(TimestampTz now, int64 bytes, bool full,
				 EcapiRoleUse uses[ECAPI_ROLE_USES])
{
	Known		known[STORES];
	Count		counts[ECAPI_HOLDERS];
	Shared	   *here;
	int			n = 0;

	ask(OUTBOX, now, bytes, true, &known[OUTBOX]);
	ask(SET_ASIDE, now, -1, true, &known[SET_ASIDE]);
	here = lock();
	memcpy(counts, here->counts, sizeof(counts));
	unlock(here);

	for (int i = 0; i < known[OUTBOX].holders.n; i++)
		use_of(uses, &n, known[OUTBOX].holders.list[i].role)->bytes =
			known[OUTBOX].holders.list[i].bytes;
	for (int i = 0; i < known[SET_ASIDE].holders.n; i++)
		use_of(uses, &n, known[SET_ASIDE].holders.list[i].role)->set_aside =
			known[SET_ASIDE].holders.list[i].bytes;
	for (int i = 0; i < lengthof(counts); i++)
	{
		if (!OidIsValid(counts[i].role))
			continue;
		use_of(uses, &n, counts[i].role)->dropped = counts[i].dropped;
		use_of(uses, &n, counts[i].role)->not_kept = counts[i].not_kept;
	}
	for (int i = 0; i < n; i++)
	{
		uses[i].is_dropped = ecapi_quota_share() == 0 ? full
			: !may_append(uses[i].role, now, bytes, full, &known[OUTBOX]);
		uses[i].is_not_kept = is_bound(uses[i].role, now, SET_ASIDE, &known[SET_ASIDE]);
	}
	return n;
}
