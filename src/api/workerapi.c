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

/* What is told of a worker, or of the want of one. */
typedef struct Told
{
	const char *state;
	const char *message;		/* NULL: nothing */
	int			pid;			/* 0: none */
} Told;

/* Of a worker of this database, or NULL where it has no slot. */
static Told
tell(const EcapiSlotInfo *info)
{
	if (!ecapi_shmem_attached())
		return (Told) {.state = "not preloaded", .message = "ecapi is not in shared_preload_libraries"};
	if (RecoveryInProgress())
		return (Told) {.state = "standby", .message = "this server is a standby; the worker runs on the primary"};
	if (info == NULL && ecapi_destination_names() == NIL)
		return (Told) {.state = "not needed"};
	if (info == NULL)
		return (Told) {.state = "stopped", .message = ecapi_launcher_running()
			? "all slots for databases are taken, see ecapi.max_workers" : no_launcher};
	if (info->state == ECAPI_SLOT_RUNNING)
		return (Told) {.state = "running", .message = message_of(info), .pid = info->pid};
	return (Told) {.state = "stopped", .message = message_of(info)};
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
	Told		told = tell(ecapi_slot_of_database(MyDatabaseId, &info) ? &info : NULL);

	values[0] = BoolGetDatum(ecapi_shmem_attached());
	values[1] = Int32GetDatum(told.pid);
	nulls[1] = told.pid == 0;
	values[2] = CStringGetTextDatum(told.state);
	values[3] = ecapi_result_text(told.message, &nulls[3]);
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
	values[2] = CStringGetTextDatum(ecapi_slot_state_name(info->state));
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

/*
 * ecapi_internal.worker_of(server): the number of the worker that is to have a destination, and
 * of it what ecapi.worker() says of the lead.
 */
Datum
ecapi_worker_of(PG_FUNCTION_ARGS)
{
	Oid			server = PG_GETARG_OID(0);
	Datum		values[3];
	bool		nulls[3] = {false};
	EcapiSlotInfo info;
	Told		told = tell(ecapi_slot_of_destination(server, &info) ? &info : NULL);

	values[0] = Int32GetDatum(ecapi_assigned_to(server));
	values[1] = CStringGetTextDatum(told.state);
	values[2] = ecapi_result_text(told.message, &nulls[2]);
	PG_RETURN_DATUM(ecapi_result_row(fcinfo, values, nulls));
}
