/*
 * quota.h
 *	  What one role may hold of the outbox, and of what is set aside, where others
 *	  emit, too: ecapi.outbox_share, ecapi.set_aside_limit.
 */
#ifndef ECAPI_QUOTA_H
#define ECAPI_QUOTA_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "outbox/holders.h"
#include "shmem/shmem.h"

/* What it keeps in shared memory; for the library's entry. */
extern const EcapiShmemPart ecapi_quota_part;

/* A role emits, or tries to. */
extern void ecapi_quota_note(Oid role, TimestampTz now);

/* Whether shares count in an outbox of that many bytes. */
extern bool ecapi_quota_counts(int64 bytes);

/*
 * Whether a role's events may be appended to an outbox of that many bytes in which
 * shares count, or which is full.  Raises what a sample of the outbox raises (holders.h).
 */
extern bool ecapi_quota_may_append(Oid role, TimestampTz now, int64 bytes, bool full);

/*
 * Whether an event of a role may be set aside, of that many bytes.  If not it is counted
 * as not kept, with a warning now and then.  Raises what a sample of failed_event raises.
 */
extern bool ecapi_quota_may_set_aside(Oid role, Size bytes);

/* Events of a role were dropped, or set aside and not kept. */
extern void ecapi_quota_count(Oid role, int64 dropped, int64 not_kept);

/* What is known of a role, for the view. */
typedef struct EcapiRoleUse
{
	Oid			role;
	int64		bytes;			/* of the outbox, about */
	bool		is_dropped;		/* its events are, now */
	int64		dropped;		/* since the server started */
	int64		set_aside;		/* bytes, about */
	bool		is_not_kept;	/* its events are not set aside now, but lost */
	int64		not_kept;		/* since the server started */
} EcapiRoleUse;

/* At most that many are listed. */
#define ECAPI_ROLE_USES	(3 * ECAPI_HOLDERS)

/*
 * The roles that hold most, and those of which something was dropped, by a new sample;
 * bytes is the size of the outbox.  Returns how many.  Raises what the samples raise.
 */
extern int	ecapi_quota_uses(TimestampTz now, int64 bytes, bool full,
							 EcapiRoleUse uses[ECAPI_ROLE_USES]);

/* The most that one role may hold of the outbox, in bytes; 0: there is no such limit. */
extern int64 ecapi_quota_share(void);

#endif							/* ECAPI_QUOTA_H */
