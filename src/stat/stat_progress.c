/*
 * stat_progress.c
 *	  How far long commands of this database are: the view ecapi.stat_progress.
 *
 * The server's own progress views (backend_progress.c) show the commands of a fixed list
 * that extensions cannot add to; so commands have places of their own in shared memory,
 * some for each database.
 *
 * A command takes a place when it begins and gives it back when it ends: at its end, at the
 * abort of the transaction or subtransaction that it runs in, or when its process ends.
 * After a crash shared memory is set up again.  A process has one place; a command that
 * another calls is a part of that.
 *
 * A place has one writer, who counts its version up before and behind each change; a reader
 * takes what it has read with the same even version on both sides, as with
 * PgBackendStatus.  What is shown is numbers: commands, phases, oids and counts, never
 * an identifier of a person.
 *
 * Replays are carried out by the worker, and stand in a table; the view has them from
 * there.
 *
 * Locks: none.  A place is taken by a compare-and-swap of its pid.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "stat/stat_progress.h"

/* Readers give up after that many tries: the writer is in the middle of a change. */
#define TRIES	1000

/* Commands inside one another whose nesting is known; of a deeper one only that it has begun. */
#define DEPTH_MAX	8

/* The fields of a place. */
typedef enum Field
{
	COMMAND,
	PHASE,
	ROLE,
	RELATION,
	DONE,
	TOTAL,
	STARTED_AT,
	FIELDS
} Field;

typedef struct Place
{
	pg_atomic_uint32 pid;		/* 0: it is free */
	pg_atomic_uint32 version;	/* odd: it is being changed */
	pg_atomic_uint64 fields[FIELDS];
} Place;

typedef struct Database
{
	Place		places[ECAPI_COMMAND_PLACES];
} Database;

static Database *databases = NULL;	/* one for each slot */

/* Of this process. */
static Place *mine = NULL;
static int	depth = 0;			/* commands that have begun */
static int	nests[DEPTH_MAX];	/* transaction nesting in which each did */
static bool registered = false;

static const char *const commands[ECAPI_COMMANDS] = {
	[ECAPI_COMMAND_BACKFILL] = "backfill",
	[ECAPI_COMMAND_FIT] = "fit",
	[ECAPI_COMMAND_RECONCILE] = "reconcile",
	[ECAPI_COMMAND_FORGET] = "forget"
};

static const char *const phases[ECAPI_COMMAND_PHASES] = {
	[ECAPI_AT_START] = "starting",
	[ECAPI_AT_ROWS] = "reading rows",
	[ECAPI_AT_DESTINATION] = "waiting for a destination",
	[ECAPI_AT_RATE] = "keeping to the rate",
	[ECAPI_AT_COMPARING] = "comparing events",
	[ECAPI_AT_EVENTS] = "searching events",
	[ECAPI_AT_HISTORY] = "reading the history",
	[ECAPI_AT_FEATURES] = "reading features",
	[ECAPI_AT_JUDGING] = "judging models",
	[ECAPI_AT_FITTING] = "fitting the model",
	[ECAPI_AT_FIRST_ORDERS] = "learning from first orders",
	[ECAPI_AT_SCORES] = "writing scores"
};

const char *
ecapi_command_name(EcapiCommand command)
{
	return commands[command];
}

const char *
ecapi_command_phase_name(EcapiCommandPhase phase)
{
	return phases[phase];
}

static void
init(int slot)
{
	for (int i = 0; i < ECAPI_COMMAND_PLACES; i++)
	{
		Place	   *place = &databases[slot].places[i];

		pg_atomic_init_u32(&place->pid, 0);
		pg_atomic_init_u32(&place->version, 0);
		for (int k = 0; k < FIELDS; k++)
			pg_atomic_init_u64(&place->fields[k], 0);
	}
}

/* A place that is taken is its process's, whatever becomes of the slot: it gives it back. */
static void
reset(int slot, Oid database)
{
}

const EcapiShmemPart ecapi_command_part = {sizeof(Database), (void **) &databases, init, reset};

/* ---- writing ---- */

static void
change_begin(void)
{
	pg_atomic_write_u32(&mine->version, pg_atomic_read_u32(&mine->version) + 1);
	pg_write_barrier();
}

static void
change_end(void)
{
	pg_write_barrier();
	pg_atomic_write_u32(&mine->version, pg_atomic_read_u32(&mine->version) + 1);
}

static void
set(Field field, uint64 value)
{
	pg_atomic_write_u64(&mine->fields[field], value);
}

static void
give_back(void)
{
	depth = 0;
	if (mine == NULL)
		return;
	/* the next that takes it is not to be shown with this command */
	change_begin();
	set(COMMAND, 0);
	change_end();
	pg_write_barrier();
	pg_atomic_write_u32(&mine->pid, 0);
	mine = NULL;
}

static void
at_exit(int code, Datum arg)
{
	give_back();
}

static void
at_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
		give_back();
}

static void
at_subtransaction(SubXactEvent event, SubTransactionId own, SubTransactionId parent, void *arg)
{
	/* the one that aborts is still the current one */
	int			level = GetCurrentTransactionNestLevel();

	if (event != SUBXACT_EVENT_ABORT_SUB || depth == 0)
		return;
	while (depth > 0 && (depth > DEPTH_MAX || nests[depth - 1] >= level))
		depth--;
	if (depth == 0)
		give_back();
}

static Place *
take_place(void)
{
	int			slot = ecapi_slot_number();

	for (int i = 0; databases != NULL && slot >= 0 && i < ECAPI_COMMAND_PLACES; i++)
	{
		uint32		none = 0;

		if (pg_atomic_compare_exchange_u32(&databases[slot].places[i].pid, &none, (uint32) MyProcPid))
			return &databases[slot].places[i];
	}
	return NULL;
}

void
ecapi_command_begin(EcapiCommand command, Oid relation)
{
	if (depth < DEPTH_MAX)
		nests[depth] = GetCurrentTransactionNestLevel();
	if (depth++ > 0)
		return;
	if (!registered)
	{
		RegisterXactCallback(at_transaction, NULL);
		RegisterSubXactCallback(at_subtransaction, NULL);
		before_shmem_exit(at_exit, (Datum) 0);
		registered = true;
	}
	mine = take_place();
	if (mine == NULL)
		return;
	change_begin();
	set(COMMAND, command + 1);
	set(PHASE, ECAPI_AT_START);
	set(ROLE, GetUserId());
	set(RELATION, relation);
	set(DONE, 0);
	set(TOTAL, 0);
	set(STARTED_AT, (uint64) GetCurrentTimestamp());
	change_end();
}

void
ecapi_command_phase(EcapiCommandPhase phase, int64 total)
{
	if (mine == NULL || depth != 1)
		return;
	change_begin();
	if (phase != pg_atomic_read_u64(&mine->fields[PHASE]))
		set(DONE, 0);
	set(PHASE, phase);
	set(TOTAL, (uint64) total);
	change_end();
}

void
ecapi_command_done(int64 done)
{
	if (mine == NULL || depth != 1)
		return;
	change_begin();
	set(DONE, (uint64) done);
	change_end();
}

void
ecapi_command_end(void)
{
	if (depth > 1)
		depth--;
	else
		give_back();
}

int64
ecapi_command_rows_of(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	double		rows;

	if (!HeapTupleIsValid(tuple))
		return 0;
	rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
	ReleaseSysCache(tuple);
	return rows > 0 ? (int64) rows : 0;
}

/* ---- for other libraries ---- */

static const EcapiCommandCalls calls = {
	ecapi_command_begin, ecapi_command_phase, ecapi_command_done, ecapi_command_end
};

void
ecapi_command_offer(void)
{
	*find_rendezvous_variable(ECAPI_COMMAND_CALLS) = unconstify(EcapiCommandCalls *, &calls);
}

/* ---- reading ---- */

bool
ecapi_command_read(int place, EcapiRunning *running)
{
	int			slot = ecapi_slot_number();
	Place	   *from = databases == NULL || slot < 0 ? NULL : &databases[slot].places[place];

	for (int i = 0; from != NULL && i < TRIES; i++)
	{
		uint32		version = pg_atomic_read_u32(&from->version);
		uint64		fields[FIELDS];

		pg_read_barrier();
		running->pid = (int) pg_atomic_read_u32(&from->pid);
		for (int k = 0; k < FIELDS; k++)
			fields[k] = pg_atomic_read_u64(&from->fields[k]);
		pg_read_barrier();
		if (running->pid == 0)
			return false;
		if (version % 2 != 0 || pg_atomic_read_u32(&from->version) != version ||
			fields[COMMAND] == 0 || fields[COMMAND] > ECAPI_COMMANDS || fields[PHASE] >= ECAPI_COMMAND_PHASES)
			continue;
		running->command = (EcapiCommand) (fields[COMMAND] - 1);
		running->phase = (EcapiCommandPhase) fields[PHASE];
		running->role = (Oid) fields[ROLE];
		running->relation = (Oid) fields[RELATION];
		running->done = (int64) fields[DONE];
		running->total = (int64) fields[TOTAL];
		running->started_at = (TimestampTz) fields[STARTED_AT];
		return true;
	}
	return false;
}
