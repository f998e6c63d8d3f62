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

extern EcapiSnapshot *ecapi_snapshot_from(Snapshot snapshot);
extern EcapiSnapshot *ecapi_snapshot_without(const EcapiSnapshot *snapshot, uint64 xid);
extern EcapiSnapshot *ecapi_snapshot_start(void);
extern EcapiSnapshot *ecapi_snapshot_copy(const EcapiSnapshot *snapshot);
extern EcapiSnapshot *ecapi_snapshot_of_datum(Datum datum);
extern Datum ecapi_snapshot_datum(const EcapiSnapshot *snapshot);

/* As an argument and as a column of a statement (base/statement.h); NULL is null. */
extern NullableDatum ecapi_arg_snapshot(const EcapiSnapshot *snapshot);
extern EcapiSnapshot *ecapi_column_snapshot(uint64 row, int column);

extern bool ecapi_snapshot_sees(const EcapiSnapshot *snapshot, uint64 xid);
extern bool ecapi_snapshot_equal(const EcapiSnapshot *a, const EcapiSnapshot *b);
extern bool ecapi_snapshot_within(const EcapiSnapshot *older, const EcapiSnapshot *newer);

#endif							/* ECAPI_SNAPSHOT_H */
