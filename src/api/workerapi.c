/*
 * workerapi.c
 *	  What SQL is told of the workers of its database.
 *
 * Nothing of it needs a right on our tables, and nothing says more than that processes run,
 * what they last ran into, and which worker is to have a destination.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/result.h"
#include "compat.h"
#include "pipeline/server.h"
#include "settings.h"
#include "shmem/shmem.h"
#include "shmem/workers.h"

PG_FUNCTION_INFO_V1(ecapi_worker_status);
PG_FUNCTION_INFO_V1(ecapi_worker_rows);
PG_FUNCTION_INFO_V1(ecapi_worker_of);

static const char no_launcher[] = "the launcher is not running, see max_worker_processes";

/* What is said of a worker that runs, or does not. */
static const char *
message_of(const EcapiSlotInfo *info)
{
	if (info->state != ECAPI_SLOT_RUNNING)
		return ecapi_launcher_running() ? info->message : no_launcher;
	if (info->message[0] != '\0')
		return info->message;
	return ecapi_delivery ? NULL : "ecapi.delivery is off";
}

/*
 * ecapi.worker(): whether the lead of this database runs, and if not, why.
 */
Datum
ecapi_worker_status(PG_FUNCTION_ARGS)
{
	Datum		values[4];
	bool		nulls[4] = {false};
	EcapiSlotInfo info;
	const char *state = "stopped";
	const char *message;

	nulls[1] = true;
	if (!ecapi_shmem_attached())
	{
		state = "not preloaded";
		message = "ecapi is not in shared_preload_libraries";
	}
	else if (RecoveryInProgress())
	{
		state = "standby";
		message = "this server is a standby; the worker runs on the primary";
	}
	else if (!ecapi_slot_of_database(MyDatabaseId, &info) && ecapi_destination_names() == NIL)
	{
		state = "not needed";
		message = NULL;
	}
	else if (!ecapi_slot_of_database(MyDatabaseId, &info))
		message = ecapi_launcher_running() ? "all slots for databases are taken, see ecapi.max_workers"
			: no_launcher;
	else if (info.state == ECAPI_SLOT_RUNNING)
	{
		state = "running";
		message = message_of(&info);
		nulls[1] = false;
		values[1] = Int32GetDatum(info.pid);
	}
	else
		message = message_of(&info);

	values[0] = BoolGetDatum(ecapi_shmem_attached());
	values[2] = CStringGetTextDatum(state);
	values[3] = ecapi_result_text(message, &nulls[3]);
	PG_RETURN_DATUM(ecapi_result_row(fcinfo, values, nulls));
}

/* A row about a worker that shall run. */
static void
put_worker(ReturnSetInfo *result, int number, const EcapiSlotInfo *info)
{
	Datum		values[6];
	bool		nulls[6] = {false};

	values[0] = Int32GetDatum(number);
	values[1] = Int32GetDatum(info->pid);
	nulls[1] = info->pid == 0;
	values[2] = CStringGetTextDatum(info->state == ECAPI_SLOT_RUNNING ? "running"
									: info->state == ECAPI_SLOT_STARTING ? "starting"
									: "stopped");
	values[3] = TimestampTzGetDatum(info->started_at);
	nulls[3] = info->started_at == 0;
	values[4] = Int64GetDatum(info->generation);
	values[5] = ecapi_result_text(message_of(info), &nulls[5]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* ecapi_internal.workers(): the workers of this database that shall run. */
Datum
ecapi_worker_rows(PG_FUNCTION_ARGS)
{
	int			slot = ecapi_slot_number();

	InitMaterializedSRF(fcinfo, 0);
	for (int number = 0; slot >= 0 && number < ECAPI_WORKERS; number++)
	{
		EcapiSlotInfo info;

		if (ecapi_slot_read(slot, number, &info) && info.database == MyDatabaseId)
			put_worker((ReturnSetInfo *) fcinfo->resultinfo, number, &info);
	}
	return (Datum) 0;
}

/* ecapi_internal.worker_of(server): the number of the worker that is to have it. */
Datum
ecapi_worker_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(ecapi_assigned_to(PG_GETARG_OID(0)));
}
