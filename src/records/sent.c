/*
 * sent.c
 *	  What the request log says of when events were sent to a destination.
 *
 * A row counts whose request may have arrived (arrived): the receiver took the events,
 * failed, or did not answer.  Events that it refused, also late, stand in rows of their
 * own, which do not count.
 *
 * The log is as durable as the cursor.  A crash forgets requests that were on their way
 * and answers of about the last second; the log itself goes back as far as the ring.
 *
 * Cost: one look-up by the index over seqs for a page of events.  Requests that were made
 * again and again of the same events come as one range.
 *
 * No locks.  All functions want a transaction, SPI connected, and raise what SQL raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/statement.h"
#include "records/sent.h"

/*
 * A destination that was renamed is known by its server, one that pg_upgrade has given a
 * new oid by its name; see ecapi.trace().
 */
static EcapiStatement sent = {
	"SELECT pg_catalog.lower(s), pg_catalog.upper(s), pg_catalog.min(r.sent_at),"
	" pg_catalog.bool_or(r.outcome OPERATOR(pg_catalog.=) 'delivered')"
	" FROM ecapi.request r CROSS JOIN LATERAL pg_catalog.unnest(r.seqs) s"
	" WHERE r.seqs OPERATOR(pg_catalog.&&) pg_catalog.int8range($3, $4, '[]')"
	" AND s OPERATOR(pg_catalog.&&) pg_catalog.int8range($3, $4, '[]')"
	" AND r.arrived AND (r.server OPERATOR(pg_catalog.=) $1"
	" OR r.destination OPERATOR(pg_catalog.=) $2)"
	" AND r.sent_at OPERATOR(pg_catalog.>=) (SELECT c.started_at FROM ecapi.cursor c"
	" WHERE c.server OPERATOR(pg_catalog.=) $1)"
	" GROUP BY 1, 2",
	4, {OIDOID, NAMEOID, INT8OID, INT8OID}, NULL
};

int
ecapi_sent_load(Oid server, const char *destination, int64 first, int64 last,
				MemoryContext context, EcapiSentRange **ranges)
{
	uint64		n = ecapi_query(&sent, ecapi_arg_oid(server), ecapi_arg_name(destination),
								ecapi_arg_int8(first), ecapi_arg_int8(last));

	*ranges = MemoryContextAllocHuge(context, sizeof(EcapiSentRange) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		(*ranges)[i].first = ecapi_column_int8(i, 1);
		(*ranges)[i].last = ecapi_column_int8(i, 2) - 1;
		(*ranges)[i].at = ecapi_column_time(i, 3);
		(*ranges)[i].delivered = ecapi_column_bool(i, 4);
	}
	SPI_freetuptable(SPI_tuptable);
	return (int) n;
}
