/*
 * original.c
 *	  What became at a destination of events that are amended.
 *
 * The request log says where an event was delivered, as it does for cancellations; one
 * that was sent and never answered is not known to be there, and is not amended.
 * failed_event says what is tried again.  Of all others nothing will come: they were
 * filtered, are dead, or were given up or never sent.
 *
 * Cost: two statements for any number of events, each of which is looked up by an index.
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/statement.h"
#include "records/cancellation.h"
#include "records/original.h"

static EcapiStatement waiting = {
	"SELECT e.i, f.next_try FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY e (seq, i)"
	" CROSS JOIN LATERAL (SELECT k.next_try FROM ecapi.failed_event k"
	" WHERE k.seq OPERATOR(pg_catalog.=) e.seq AND k.destination OPERATOR(pg_catalog.=) $2"
	" AND k.state OPERATOR(pg_catalog.=) 'waiting' LIMIT 1) f",
	2, {INT8ARRAYOID, NAMEOID}, NULL
};

void
ecapi_original_load(Oid server, const char *destination, const int64 *seqs, int n,
					EcapiOriginalState *states)
{
	int			nsent;
	EcapiSent  *sent = ecapi_cancellation_sent(seqs, n, CurrentMemoryContext, &nsent);
	uint64		rows;

	memset(states, 0, sizeof(EcapiOriginalState) * n);
	for (int i = 0; i < nsent; i++)
		if (sent[i].server == server && sent[i].delivered)
			states[sent[i].which].delivered = true;
	pfree(sent);
	rows = ecapi_query(&waiting, ecapi_arg_int8s(seqs, n), ecapi_arg_name(destination));
	for (uint64 i = 0; i < rows; i++)
		states[ecapi_column_int8(i, 1) - 1].next_try = ecapi_column_time(i, 2);
	SPI_freetuptable(SPI_tuptable);
}
