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
 *
 * What pg_upgrade makes is no copy like others: the cluster that delivered has ended, and
 * its backlog came along.  It makes the catalogs by DDL and then brings the files of the
 * tables, and goes on with the same counter of transactions.  So there a table is younger
 * than what is in it, and nowhere else.
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
	uint64		made;			/* the one that made the table of cursors here */
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
 * Whether a cursor that belongs to another cluster came here by pg_upgrade, and was not
 * moved since: then it is right, and ecapi.adopt() goes on from it.
 */
extern bool ecapi_guard_upgraded(const EcapiCursor *cursor, const EcapiCounter *counter);

/*
 * What keeps the worker from a cursor and what to do about it, in the current
 * context; NULL: nothing.
 */
extern const char *ecapi_guard_reason(const EcapiCursor *cursor, const EcapiCounter *counter);

#endif							/* ECAPI_GUARD_H */
