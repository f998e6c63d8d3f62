/*
 * rotation.h
 *	  Emptying slots of the ring that nobody needs any more.
 */
#ifndef ECAPI_ROTATION_H
#define ECAPI_ROTATION_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Whose need of events ends at the limits, beside that of open transactions. */
typedef struct EcapiPassedOver
{
	List	   *servers;		/* oids: of destinations that their guards have stopped */
} EcapiPassedOver;

/*
 * Empty every slot that may be emptied, in the caller's transaction, which
 * must not have done anything else.  beyond: who is passed over in slots older than
 * ecapi.retention_limit.  Waits for no lock.  Returns how many.
 */
extern int	ecapi_rotation_run(const EcapiPassedOver *beyond);

/*
 * The outbox is near its limit: empty the oldest slot of it that no cursor
 * needs, whatever the age of its rows.  With passed_over NULL, cursors that are not
 * committed and all replays count, too; else these, and the cursors of its servers, do
 * not.  Waits for no lock.  Returns whether there was one.
 */
extern bool ecapi_rotation_make_room(const EcapiPassedOver *passed_over);

/*
 * The outbox is near its limit and no slot of it could be emptied: cancel the
 * replays that need the oldest removable one, but for those that somebody's open
 * transaction holds.  In a transaction of its own.  Returns how many.
 */
extern int	ecapi_rotation_end_replays(void);

/*
 * Whether no ring holds anything: no events, no ticks, no requests.  Needs a
 * transaction.
 */
extern bool ecapi_rotation_empty(void);

/*
 * The oldest slot that holds events and could be emptied once nobody needs them; -1
 * when there is none.  in_use: it is the one that rows are appended to.  held: one
 * was passed over, because another transaction has read it or written to it and goes
 * on.  Needs a transaction.
 */
extern int	ecapi_rotation_removable(bool *in_use, bool *held);

#endif							/* ECAPI_ROTATION_H */
