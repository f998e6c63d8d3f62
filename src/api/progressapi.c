/*
 * progressapi.c
 *	  Long commands of this database as rows, for the view ecapi.stat_progress.
 *
 * Who runs what is shown as pg_stat_activity shows it: of a role that the caller is no
 * member of, and without the rights of pg_read_all_stats, the process alone.
 *
 * No locks.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "stat/stat_progress.h"

PG_FUNCTION_INFO_V1(ecapi_stat_progress_rows);

#define COLUMNS	7

/* ecapi_internal.stat_progress(): as the view has it, but for replays. */
Datum
ecapi_stat_progress_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	EcapiRunning running;

	InitMaterializedSRF(fcinfo, 0);
	for (int place = 0; place < ECAPI_COMMAND_PLACES; place++)
	{
		Datum		values[COLUMNS] = {0};
		bool		nulls[COLUMNS];

		if (!ecapi_command_read(place, &running))
			continue;
		memset(nulls, true, sizeof(nulls));
		values[0] = Int32GetDatum(running.pid);
		nulls[0] = false;
		if (all || has_privs_of_role(GetUserId(), running.role))
		{
			memset(nulls, false, sizeof(nulls));
			values[1] = CStringGetTextDatum(ecapi_command_name(running.command));
			values[2] = ObjectIdGetDatum(running.relation);
			nulls[2] = !OidIsValid(running.relation);
			values[3] = CStringGetTextDatum(ecapi_command_phase_name(running.phase));
			values[4] = Int64GetDatum(running.done);
			values[5] = Int64GetDatum(running.total);
			nulls[5] = running.total == 0;
			values[6] = TimestampTzGetDatum(running.started_at);
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
