/*
 * notcarriedapi.c
 *	  ecapi_internal.not_carried_counts(), of the view ecapi.not_carried.
 *
 * No locks: counters are read one by one while the worker goes on.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "shmem/not_carried.h"

PG_FUNCTION_INFO_V1(ecapi_not_carried_counts);

/* A row for each field that is not carried to a server. */
static void
put_server(ReturnSetInfo *result, Oid server, const uint64 *counts)
{
	for (int i = 0; i < ECAPI_FIELDS; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		if (counts[i] == 0)
			continue;
		values[0] = ObjectIdGetDatum(server);
		values[1] = CStringGetTextDatum(ecapi_field_path(ecapi_field_numbered(i)));
		values[2] = Int64GetDatum((int64) counts[i]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* ecapi_internal.not_carried_counts(): the counters of this database that are not zero. */
Datum
ecapi_not_carried_counts(PG_FUNCTION_ARGS)
{
	int			slot = ecapi_slot_number();
	uint64		counts[ECAPI_FIELDS];
	Oid			server;

	InitMaterializedSRF(fcinfo, 0);
	for (int place = 0; slot >= 0 && place < ECAPI_NOT_CARRIED_PLACES; place++)
		if (ecapi_not_carried_read(slot, place, &server, counts))
			put_server((ReturnSetInfo *) fcinfo->resultinfo, server, counts);
	return (Datum) 0;
}
