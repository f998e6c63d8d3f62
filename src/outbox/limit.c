/*
 * limit.c
 *	  How large the outbox may grow: ecapi.outbox_limit.
 *
 * Where no worker runs nothing empties the ring, and a shop's disk must not
 * fill with events.  So emitters look at its size themselves.  At the limit
 * new events are dropped and counted, the statement that emitted them goes
 * on; RESUME per cent of it, and they are kept again.  A worker that runs
 * makes room before it comes to that, from PRESSED per cent on: it empties
 * slots of the ring early, and gives up what a destination does not take
 * (pipeline/give_up.c).
 *
 * What one role may hold of it where others emit, too, is in quota.c, which is asked
 * only where the outbox is full or nearly so.
 *
 * A look adds up the files of the slots, which takes some 0.2 ms.  It is
 * made once a second at most, and after every GRAIN'th of the limit that one
 * process has appended.  With the library preloaded a database's processes
 * share one look through shared memory; else each makes its own.  So the
 * outbox exceeds its limit by what is appended in a second, or by a GRAIN'th
 * for each process that appends, whichever is less.
 *
 * The count is the value of sequence ecapi.dropped_seq: writers do not wait
 * for each other, a rollback does not undo it, it needs no worker and no
 * shared memory, and it outlives the server.  A crash may add up to 32 to it
 * (nextval logs that many ahead), and never takes any away.
 *
 * Locks: AccessShare on the slots, conditionally; of one that is not to be had
 * (it is being truncated) the size of the last look counts.  Shared fields are
 * atomics, each true by itself.
 */
#include "postgres.h"

#include "commands/sequence.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lmgr.h"

#include "base/catalog.h"
#include "outbox/limit.h"
#include "outbox/quota.h"
#include "settings.h"
#include "shmem/shmem.h"

#define LOOK_INTERVAL_US	USECS_PER_SEC
#define WARN_INTERVAL_US	USECS_PER_MINUTE

/* Per cent of the limit. */
#define PRESSED		90
#define RESUME		95

/* A process looks again after this part of the limit, and not below a size. */
#define GRAIN		1024
#define GRAIN_MIN	(64 * 1024)

/* What a row takes beside its event: header, other columns, index. */
#define ROW_BYTES	100

typedef struct Shared
{
	pg_atomic_uint64 looked_at; /* TimestampTz of the last look; 0: none */
	pg_atomic_uint64 bytes;		/* what it found */
	pg_atomic_uint32 full;		/* events are being dropped */
} Shared;

static Shared *shared = NULL;	/* for each slot */

/* What this process knows; the same as the shared fields where there are some. */
static TimestampTz looked_at = 0;
static int64 known_bytes = 0;
static bool known_full = false;
static bool known_scarce = false;	/* full, or so large that shares count */
static int	known_limit = 0;	/* the setting at the last look */

static int64 slot_bytes[ECAPI_SLOTS];	/* of the last look of this process */
static Size appended = 0;		/* since the last look */
static uint64 dropped = 0;
static Oid	dropped_role = InvalidOid;	/* of the last: for its share; none: it was full */
static Oid	noted_role = InvalidOid;	/* of the last events */

static void
init(int slot)
{
	pg_atomic_init_u64(&shared[slot].looked_at, 0);
	pg_atomic_init_u64(&shared[slot].bytes, 0);
	pg_atomic_init_u32(&shared[slot].full, 0);
}

static void
reset(int slot, Oid database)
{
	pg_atomic_write_u64(&shared[slot].looked_at, 0);
	pg_atomic_write_u64(&shared[slot].bytes, 0);
	pg_atomic_write_u32(&shared[slot].full, 0);
}

const EcapiShmemPart ecapi_limit_part = {sizeof(Shared), (void **) &shared, init, reset};

static int64
measure(void)
{
	int64		sum = 0;

	for (int i = 0; i < ECAPI_SLOTS; i++)
	{
		char		name[NAMEDATALEN];
		Oid			relid;

		/* that one is missing is for writers and readers to say */
		snprintf(name, sizeof(name), "outbox_%d", i);
		relid = ecapi_relation(name, true);
		if (!OidIsValid(relid))
			slot_bytes[i] = 0;
		else if (ConditionalLockRelationOid(relid, AccessShareLock))
		{
			if (!ecapi_holders_size(relid, &slot_bytes[i]))
				slot_bytes[i] = 0;
			UnlockRelationOid(relid, AccessShareLock);
		}
		sum += slot_bytes[i];
	}
	return sum;
}

static int64
limit_bytes(void)
{
	return (int64) ecapi_outbox_limit * 1024 * 1024;
}

/* Whether an outbox of that many bytes is full, when it was or was not before. */
static bool
is_full(int64 bytes, bool before)
{
	int64		limit = limit_bytes();

	if (limit == 0)
		return false;
	return bytes >= (before ? limit / 100 * RESUME : limit);
}

static bool
is_recent(TimestampTz moment, TimestampTz now)
{
	/* a clock that was set back makes nothing recent */
	return moment <= now && now - moment < LOOK_INTERVAL_US;
}

static void
find(TimestampTz now, bool ourselves)
{
	int			slot = ecapi_slot_number();
	Shared	   *here = slot >= 0 ? &shared[slot] : NULL;

	if (here != NULL)
		known_full = pg_atomic_read_u32(&here->full) != 0;
	if (here != NULL && !ourselves && known_limit == ecapi_outbox_limit &&
		is_recent((TimestampTz) pg_atomic_read_u64(&here->looked_at), now))
	{
		known_bytes = (int64) pg_atomic_read_u64(&here->bytes);
		looked_at = now;
		appended = 0;
		return;
	}

	/* others need not look while we do */
	if (here != NULL)
		pg_atomic_write_u64(&here->looked_at, (uint64) now);
	known_bytes = measure();
	known_full = is_full(known_bytes, known_full);
	known_limit = ecapi_outbox_limit;
	looked_at = now;
	appended = 0;
	if (here != NULL)
	{
		pg_atomic_write_u64(&here->bytes, (uint64) known_bytes);
		pg_atomic_write_u32(&here->full, known_full ? 1 : 0);
	}
}

/* Know how large the outbox is: by the look of another process, or our own. */
static void
look(TimestampTz now, bool ourselves)
{
	find(now, ourselves);
	known_scarce = known_full || ecapi_quota_counts(known_bytes);
}

/* The same for a role that emits, which so is heard of once a second. */
static void
look_for(Oid role, TimestampTz now, bool ourselves)
{
	look(now, ourselves);
	ecapi_quota_note(role, now);
}

static void
warn_of_share(Oid role)
{
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("role \"%s\" has used up its share of the outbox, its events are dropped",
					GetUserNameFromId(role, true)),
			 errdetail("They take more than %d %% (ecapi.outbox_share) of ecapi.outbox_limit, %d MB.",
					   ecapi_outbox_share, ecapi_outbox_limit),
			 errhint("Events of other roles are kept. ecapi.check() says what keeps events from being delivered.")));
}

static void
drop_events(Oid role, TimestampTz now, int nevents)
{
	static TimestampTz warned_at = 0;
	Oid			sequence = ecapi_relation("dropped_seq", false);

	for (int i = 0; i < nevents; i++)
		(void) nextval_internal(sequence, false);
	dropped += nevents;
	dropped_role = known_full ? InvalidOid : role;
	ecapi_quota_count(role, nevents, 0);

	if (warned_at != 0 && now >= warned_at && now - warned_at < WARN_INTERVAL_US)
		return;
	warned_at = now;
	if (!known_full)
	{
		warn_of_share(role);
		return;
	}
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("outbox is full, events are dropped"),
			 errdetail("It takes %lld MB, ecapi.outbox_limit is %d MB.",
					   (long long) (known_bytes / (1024 * 1024)), ecapi_outbox_limit),
			 errhint("ecapi.check() says what keeps events from being delivered.")));
}

bool
ecapi_limit_allows(Oid role, TimestampTz now, int nevents, Size bytes)
{
	if (role != noted_role)
		ecapi_quota_note(noted_role = role, now);
	if (ecapi_outbox_limit == 0)
		return true;
	appended += bytes + (Size) nevents * ROW_BYTES;
	if (!is_recent(looked_at, now) || known_limit != ecapi_outbox_limit)
		look_for(role, now, false);
	else if (appended >= Max(limit_bytes() / GRAIN, GRAIN_MIN))
		look_for(role, now, true);
	if (!known_scarce || ecapi_quota_may_append(role, now, known_bytes, known_full))
		return true;
	appended = 0;				/* nothing was */
	drop_events(role, now, nevents);
	return false;
}

uint64
ecapi_limit_dropped(void)
{
	return dropped;
}

void
ecapi_limit_refuse_loss(uint64 dropped_before)
{
	if (dropped == dropped_before)
		return;
	if (OidIsValid(dropped_role))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("role \"%s\" has used up its share of the outbox",
						GetUserNameFromId(dropped_role, true)),
				 errhint("Try again when ecapi.role_use says that its events are not dropped.")));
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("outbox is full"),
			 errhint("Try again when ecapi.check() says that it has room.")));
}

bool
ecapi_limit_is_near(TimestampTz now)
{
	if (ecapi_outbox_limit == 0)
		return false;
	if (!is_recent(looked_at, now) || known_limit != ecapi_outbox_limit)
		look(now, false);
	return known_bytes >= limit_bytes() / 100 * PRESSED;
}

int
ecapi_limit_uses(TimestampTz now, EcapiRoleUse uses[ECAPI_ROLE_USES])
{
	look(now, true);
	return ecapi_quota_uses(now, known_bytes, known_full, uses);
}

int64
ecapi_limit_measure(TimestampTz now, bool *full)
{
	look(now, true);
	*full = known_full;
	return known_bytes;
}
