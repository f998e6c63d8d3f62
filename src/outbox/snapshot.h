/*
 * snapshot.h
 *	  Which transactions were decided at a moment.
 */
#ifndef ECAPI_SNAPSHOT_H
#define ECAPI_SNAPSHOT_H

#include "postgres.h"

#include "utils/snapshot.h"

/*
 * The value of a pg_snapshot: every transaction below xmax that is not in xip
 * was decided.  xip is sorted and lies within [xmin, xmax).
 */
typedef struct EcapiSnapshot
{
	uint64		xmin;
	uint64		xmax;
	int			nxip;
	uint64		xip[FLEXIBLE_ARRAY_MEMBER];
} EcapiSnapshot;

/* palloc'd value of a server snapshot that was taken just now. */
extern EcapiSnapshot *ecapi_snapshot_from(Snapshot snapshot);

/* palloc'd copy in which a transaction counts as running. */
extern EcapiSnapshot *ecapi_snapshot_without(const EcapiSnapshot *snapshot, uint64 xid);

/*
 * Where a destination starts that is created, adopted or rebased now: it sees
 * what committed so far but not the transaction we are in, whatever that has
 * emitted or will.  The transaction's own snapshot would not do: under
 * REPEATABLE READ it is too old.
 */
extern EcapiSnapshot *ecapi_snapshot_start(void);

/* palloc'd copy. */
extern EcapiSnapshot *ecapi_snapshot_copy(const EcapiSnapshot *snapshot);

/* palloc'd value of a pg_snapshot datum. */
extern EcapiSnapshot *ecapi_snapshot_of_datum(Datum datum);

/* The pg_snapshot datum of a value. */
extern Datum ecapi_snapshot_datum(const EcapiSnapshot *snapshot);

/* As an argument and as a column of a statement (base/statement.h); NULL is null. */
extern NullableDatum ecapi_arg_snapshot(const EcapiSnapshot *snapshot);
extern EcapiSnapshot *ecapi_column_snapshot(uint64 row, int column);

/* Whether a transaction was decided. */
extern bool ecapi_snapshot_sees(const EcapiSnapshot *snapshot, uint64 xid);

/* Whether both see the same.  xmin follows from the rest and does not count. */
extern bool ecapi_snapshot_equal(const EcapiSnapshot *a, const EcapiSnapshot *b);

/* Whether newer sees everything that older sees. */
extern bool ecapi_snapshot_within(const EcapiSnapshot *older, const EcapiSnapshot *newer);

#endif							/* ECAPI_SNAPSHOT_H */
