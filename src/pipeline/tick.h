/*
 * tick.h
 *	  Ticks: the snapshots that bound windows, and places between two of them.
 *
 * A tick is shared by reference, equal ones are one: places and pages count it.
 */
#ifndef ECAPI_TICK_H
#define ECAPI_TICK_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "outbox/snapshot.h"
#include "outbox/window.h"
#include "pipeline/forward.h"

struct EcapiTick
{
	dlist_node	node;			/* in the list of known ticks */
	int			refs;
	EcapiSnapshot *snapshot;
};

typedef struct EcapiPlace
{
	EcapiTick  *from;
	EcapiTick  *to;				/* NULL: no window is open */
	EcapiPosition position;
} EcapiPlace;

/*
 * The one tick in memory for a snapshot, with a reference for the caller.  The
 * snapshot is copied.
 */
extern EcapiTick *ecapi_tick_intern(const EcapiSnapshot *snapshot);

/* Give a reference back; NULL is fine. */
extern void ecapi_tick_drop(EcapiTick *tick);

/* Set a place.  It takes references of its own, and gives back those it had. */
extern void ecapi_place_set(EcapiPlace *place, EcapiTick *from, EcapiTick *to,
							EcapiPosition position);

/* The same, from another place. */
extern void ecapi_place_copy(EcapiPlace *to, const EcapiPlace *from);

/* Give the references of a place back. */
extern void ecapi_place_clear(EcapiPlace *place);

/* The position behind an event in windows that begin at a tick. */
extern EcapiPosition ecapi_tick_position(const EcapiTick *from, uint64 xid, int64 seq);

/* Whether two places are the same. */
extern bool ecapi_place_equal(const EcapiPlace *a, const EcapiPlace *b);

/*
 * Take a tick and make it the live one.  log: events are known to have come,
 * so it belongs in the log.  False when a standby has yet to confirm; then it
 * is asked again at the next call.
 *
 * The caller is in a transaction with an active snapshot of its own taking.
 */
extern bool ecapi_tick_take(bool log);

/* Whether a tick waits for a standby: what commits now is not in it. */
extern bool ecapi_tick_unconfirmed(void);

/* Whether one has waited for a while: nothing newer is read. */
extern bool ecapi_tick_waits(TimestampTz now);

/* Whether the log is known to hold no tick later than this one. */
extern bool ecapi_tick_is_last(EcapiTick *tick);

/*
 * Where a window ends that opens at a tick: the next logged tick, or the live
 * one.  NULL when there is none beyond.  The reference is the caller's.
 *
 * The caller is in a transaction with an active snapshot, SPI connected.
 */
extern EcapiTick *ecapi_tick_next(EcapiTick *from);

/*
 * The same, of logged ticks that were taken at or before a moment.
 */
extern EcapiTick *ecapi_tick_next_before(EcapiTick *from, TimestampTz before);

/* A tick was logged and committed: the log does not end before it. */
extern void ecapi_tick_logged(EcapiTick *tick);

#endif							/* ECAPI_TICK_H */
