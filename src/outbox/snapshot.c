/*
 * snapshot.c
 *	  Which transactions were decided at a moment.
 *
 * The server's pg_snapshot type keeps its struct to itself, so values cross
 * as text, through its own input and output functions.  Only top-level xids
 * count: those are what the outbox stores, and a snapshot's xip holds exactly
 * the top-level ones, whether or not its subtransaction part overflowed.
 *
 * A snapshot that is later in time sees everything that an earlier one sees;
 * ecapi_snapshot_within gives that order for any two.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "lib/qunique.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "base/statement.h"
#include "outbox/snapshot.h"

static int
compare_xids(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

static EcapiSnapshot *
allocate(int nxip)
{
	EcapiSnapshot *result = palloc(offsetof(EcapiSnapshot, xip) +
								   sizeof(uint64) * Max(nxip, 1));

	result->nxip = nxip;
	return result;
}

/*
 * An xid of a current snapshot with its epoch.  Xids of a snapshot lie within
 * 2^31 of the next one, so the one half-circle behind it is meant.
 */
static uint64
widen(TransactionId xid, FullTransactionId next)
{
	uint32		epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return U64FromFullTransactionId(FullTransactionIdFromEpochAndXid(epoch, xid));
}

EcapiSnapshot *
ecapi_snapshot_from(Snapshot snapshot)
{
	FullTransactionId next = ReadNextFullTransactionId();
	EcapiSnapshot *result = allocate(snapshot->xcnt);

	result->xmin = widen(snapshot->xmin, next);
	result->xmax = widen(snapshot->xmax, next);
	for (uint32 i = 0; i < snapshot->xcnt; i++)
		result->xip[i] = widen(snapshot->xip[i], next);
	qsort(result->xip, result->nxip, sizeof(uint64), compare_xids);
	/* a transaction that is being prepared may be listed twice */
	result->nxip = qunique(result->xip, result->nxip, sizeof(uint64), compare_xids);
	return result;
}

EcapiSnapshot *
ecapi_snapshot_without(const EcapiSnapshot *snapshot, uint64 xid)
{
	EcapiSnapshot *result;

	if (!ecapi_snapshot_sees(snapshot, xid))
		return ecapi_snapshot_copy(snapshot);
	result = allocate(snapshot->nxip + 1);
	result->xmin = Min(snapshot->xmin, xid);
	result->xmax = snapshot->xmax;
	memcpy(result->xip, snapshot->xip, sizeof(uint64) * snapshot->nxip);
	result->xip[snapshot->nxip] = xid;
	qsort(result->xip, result->nxip, sizeof(uint64), compare_xids);
	return result;
}

EcapiSnapshot *
ecapi_snapshot_start(void)
{
	uint64		own = U64FromFullTransactionId(GetTopFullTransactionId());
	EcapiSnapshot *latest = ecapi_snapshot_from(GetLatestSnapshot());

	return ecapi_snapshot_without(latest, own);
}

EcapiSnapshot *
ecapi_snapshot_copy(const EcapiSnapshot *snapshot)
{
	EcapiSnapshot *result = allocate(snapshot->nxip);

	memcpy(result, snapshot,
		   offsetof(EcapiSnapshot, xip) + sizeof(uint64) * snapshot->nxip);
	return result;
}

EcapiSnapshot *
ecapi_snapshot_of_datum(Datum datum)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(pg_snapshot_out, datum));
	EcapiSnapshot *result;
	int			n = 0;
	char	   *at;

	for (at = text; *at; at++)
		if (*at == ',')
			n++;
	result = allocate(n + 1);
	result->xmin = strtou64(text, &at, 10);
	result->xmax = strtou64(at + 1, &at, 10);
	result->nxip = 0;
	while (*at != '\0' && at[1] != '\0')
		result->xip[result->nxip++] = strtou64(at + 1, &at, 10);
	pfree(text);
	return result;
}

Datum
ecapi_snapshot_datum(const EcapiSnapshot *snapshot)
{
	char	   *text = palloc(21 * (size_t) (snapshot->nxip + 2) + 1);
	char	   *at = text;
	Datum		result;

	at += sprintf(at, UINT64_FORMAT ":" UINT64_FORMAT ":", snapshot->xmin, snapshot->xmax);
	for (int i = 0; i < snapshot->nxip; i++)
		at += sprintf(at, i > 0 ? "," UINT64_FORMAT : UINT64_FORMAT, snapshot->xip[i]);
	result = DirectFunctionCall1(pg_snapshot_in, CStringGetDatum(text));
	pfree(text);
	return result;
}

NullableDatum
ecapi_arg_snapshot(const EcapiSnapshot *snapshot)
{
	return ecapi_arg_null_if(snapshot == NULL,
							 snapshot == NULL ? (Datum) 0 : ecapi_snapshot_datum(snapshot));
}

EcapiSnapshot *
ecapi_column_snapshot(uint64 row, int column)
{
	bool		isnull;
	Datum		value = ecapi_column(row, column, &isnull);

	return isnull ? NULL : ecapi_snapshot_of_datum(value);
}

bool
ecapi_snapshot_sees(const EcapiSnapshot *snapshot, uint64 xid)
{
	if (xid < snapshot->xmin)
		return true;
	if (xid >= snapshot->xmax)
		return false;
	return snapshot->nxip == 0 ||
		bsearch(&xid, snapshot->xip, snapshot->nxip, sizeof(uint64), compare_xids) == NULL;
}

bool
ecapi_snapshot_equal(const EcapiSnapshot *a, const EcapiSnapshot *b)
{
	return a->xmax == b->xmax && a->nxip == b->nxip &&
		memcmp(a->xip, b->xip, sizeof(uint64) * a->nxip) == 0;
}

bool
ecapi_snapshot_within(const EcapiSnapshot *older, const EcapiSnapshot *newer)
{
	if (newer->xmax < older->xmax)
		return false;
	for (int i = 0; i < newer->nxip && newer->xip[i] < older->xmax; i++)
		if (ecapi_snapshot_sees(older, newer->xip[i]))
			return false;
	return true;
}
