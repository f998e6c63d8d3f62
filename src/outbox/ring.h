/*
 * ring.h
 *	  Whether the ring of the outbox is as the extension made it, and where the clock is.
 */
#ifndef ECAPI_RING_H
#define ECAPI_RING_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/relcache.h"

/* Columns of ecapi.outbox, in order. */
enum
{
	ECAPI_OUTBOX_SEQ,
	ECAPI_OUTBOX_XID,
	ECAPI_OUTBOX_EMITTED_AT,
	ECAPI_OUTBOX_EMITTER,
	ECAPI_OUTBOX_RELATION,		/* the one that may be null */
	ECAPI_OUTBOX_SLOT,
	ECAPI_OUTBOX_EVENT,
	ECAPI_OUTBOX_COLUMNS
};

/*
 * Whether an open slot of the outbox is a partition with the columns that it was made
 * with, and the index, which may have copies (REINDEX CONCURRENTLY).  The second raises
 * an error if not.
 */
extern bool ecapi_ring_is_sound(Relation slot);
extern void ecapi_ring_check_slot(Relation slot);

/*
 * Raise an error unless all slots are there and as they were made, and keep
 * them so until the end of the transaction.  For readers: an event in a slot
 * that was taken out of the ring would be passed over.
 */
extern void ecapi_ring_check(void);

/* The slot that the clock gives to rows written at a moment. */
extern int	ecapi_ring_slot(TimestampTz moment);

#endif							/* ECAPI_RING_H */
