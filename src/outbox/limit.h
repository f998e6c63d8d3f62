/*
 * limit.h
 *	  How large the outbox may grow: ecapi.outbox_limit.
 */
#ifndef ECAPI_LIMIT_H
#define ECAPI_LIMIT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "outbox/quota.h"
#include "shmem/shmem.h"

/* What it keeps in shared memory; for the library's entry. */
extern const EcapiShmemPart ecapi_limit_part;

/*
 * Whether events of a role, of that many bytes, may be appended.  If not they are counted as
 * dropped, with a warning now and then.  now is the clock.  Raises what a
 * look at the outbox's relations raises.
 */
extern bool ecapi_limit_allows(Oid role, TimestampTz now, int nevents, Size bytes);

/*
 * For what can wait: remember how many events this process has dropped, append,
 * then raise an error if there are more now.
 */
extern uint64 ecapi_limit_dropped(void);
extern void ecapi_limit_refuse_loss(uint64 dropped_before);

/*
 * Whether the outbox is so near its limit that what nobody delivers must go.  For the
 * worker; looks at the sizes once a second at most.
 */
extern bool ecapi_limit_is_near(TimestampTz now);

/*
 * The bytes that the outbox takes now, with indexes and TOAST, and whether
 * events are being dropped.
 */
extern int64 ecapi_limit_measure(TimestampTz now, bool *full);

/* Who holds what of it now, and whose events are dropped; see ecapi_quota_uses(). */
extern int	ecapi_limit_uses(TimestampTz now, EcapiRoleUse uses[ECAPI_ROLE_USES]);

#endif							/* ECAPI_LIMIT_H */
