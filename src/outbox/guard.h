/*
 * guard.h
 *	  Whether a cursor is this database's to move.
 *
 * Three things must hold before the worker may deliver from a cursor and move it:
 *
 *	 hand		its row is one that the worker can have written
 *	 copy		it belongs to this cluster (system identifier) and this database; a
 *				copy of either must not send real conversions again
 *	 counter	the next transaction id does not lie below what the cursor has seen,
 *				and lies beyond every stored event; after a reset counter new
 *				events would be taken for old ones
 *
 * The worker asks before it takes the guard off a destination, ecapi.adopt() and
 * ecapi.rebase() ask whether there is anything for them to do.
 */
#ifndef ECAPI_GUARD_H
#define ECAPI_GUARD_H

#include "postgres.h"

#include "outbox/cursor.h"

/* How far transactions have come here. */
typedef struct EcapiCounter
{
	uint64		stored;			/* the greatest xid of a committed event, 0: none */
	uint64		next;			/* of the next transaction */
} EcapiCounter;

/*
 * Read the counter; after the cursors, for others emit meanwhile, and what they
 * stored by then lies below it.  In a transaction, SPI connected; raises what SQL
 * raises.
 */
extern EcapiCounter ecapi_guard_counter(void);

/* The three, each for itself; true: it does not hold. */
extern bool ecapi_guard_hand(const EcapiCursor *cursor);
extern bool ecapi_guard_copy(const EcapiCursor *cursor);
extern bool ecapi_guard_reset(const EcapiCursor *cursor, const EcapiCounter *counter);

/*
 * What keeps the worker from a cursor and what to do about it, in the current
 * context; NULL: nothing.
 */
extern const char *ecapi_guard_reason(const EcapiCursor *cursor, const EcapiCounter *counter);

#endif							/* ECAPI_GUARD_H */
