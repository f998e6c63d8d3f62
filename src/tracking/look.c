/*
 * look.c
 *	  Looking at a track in another role's session.
 *
 * Whether a track still compiles is checked in the sessions of other roles: by DDL
 * that touches what the track names, by the view ecapi.track, by ecapi.check().  What
 * the track's owner wrote must neither stop them nor cost them much.  Invariants:
 *
 * (1) A look runs no code of users (row_sql_look.c).
 * (2) It waits for no lock longer than LOOK_LOCK_MS, and keeps none: what it takes
 *	  goes with its subtransaction, or is given back here.  Only the role that owns the
 *	  track waits as for any lock: to give up would be to break its track.
 * (3) One track costs no more than compiling LONGEST bytes.  Longer ones are not
 *	  looked at.  The looks of one query at the view, and those of one command
 *	  (before.c), have a time limit together.
 * (4) A track that was not judged is reported as such, and nothing is refused for it.
 *
 * Locks: AccessShare on the track's table and on what it reads, during the look.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/run_as.h"
#include "base/sql_scope.h"
#include "base/subtransaction.h"
#include "capture/program_compile.h"
#include "compat.h"
#include "rowsql/confine.h"
#include "tracking/look.h"

PG_FUNCTION_INFO_V1(ecapi_track_argument);
PG_FUNCTION_INFO_V1(ecapi_track_problem);

/*
 * How long a look waits for a lock, in ms: as long as a session holds one that does
 * not sleep on it.  The setting of the same length is for locks within the compiler.
 */
#define LOOK_LOCK_MS		10
#define LOOK_LOCK_TIMEOUT	"10ms"

/*
 * Bytes of an argument that is looked at.  The largest mapping, 200 entries, with
 * 300 bytes of SQL each.  It compiles in some tens of ms.
 */
#define LONGEST				(64 * 1024)

/*
 * What one query spends on reading tracks, and as much on their problems.  A thousand
 * of usual ones take less.
 */
#define QUERY_MS			1000

/* One thing to try in a subtransaction. */
typedef struct Attempt
{
	const EcapiTrack *track;
	Relation	relation;
	const EcapiDeclared *declared;
	EcapiTrack *parsed;
	bool		may_wait;		/* waits for locks as the session does */
	bool		runs_sql;		/* found: what was compiled does */
	void		(*body) (struct Attempt *attempt);
} Attempt;

static void
attempt_compile(Attempt *attempt)
{
	Oid			role = ecapi_run_as(attempt->relation->rd_rel->relowner);
	EcapiProgram *program = ecapi_program_compile(attempt->track, attempt->relation, role, true,
												  CurrentMemoryContext);

	attempt->runs_sql = ecapi_look_program_runs_sql(program);
	ecapi_program_free(program);
}

static void
attempt_parse(Attempt *attempt)
{
	if (attempt->declared->argument)
		attempt->parsed = ecapi_track_parse(attempt->declared->argument,
											CurrentMemoryContext);
}

static void
attempt_check(Attempt *attempt)
{
	attempt->parsed = ecapi_declared_check(attempt->declared, attempt->relation);
}

/* Its settings end with the subtransaction. */
static void
attempt_within(void *arg)
{
	Attempt    *attempt = arg;

	(void) NewGUCNestLevel();
	if (!attempt->may_wait)
		ecapi_sql_set("lock_timeout", LOOK_LOCK_TIMEOUT);
	attempt->body(attempt);
}

/*
 * Run body in a subtransaction that is undone, and in which a lock is waited for only
 * briefly, unless the attempt may wait.  What body allocates in the current context
 * survives.  An error that is no problem of the track (cancel, shutdown, out of memory)
 * is raised again, once the subtransaction is gone.
 */
static EcapiLooked
attempt_it(void (*body) (Attempt *attempt), Attempt *attempt, char **problem)
{
	ErrorData  *error;

	*problem = NULL;
	attempt->body = body;
	error = ecapi_subtransaction(attempt_within, attempt, false);
	if (error == NULL)
		return ECAPI_LOOKED_VALID;
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE && !attempt->may_wait)
	{
		*problem = pstrdup("not looked at: another session has locked a table that it reads");
		return ECAPI_LOOKED_UNKNOWN;
	}
	if (ecapi_confined_must_raise(error->sqlerrcode) ||
		error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(error);
	*problem = ecapi_confined_message(error);
	return ECAPI_LOOKED_BROKEN;
}

/* Polling needs no subtransaction, and no place in the lock's queue. */
bool
ecapi_look_lock(Oid relation, bool may_wait)
{
	if (may_wait)
	{
		LockRelationOid(relation, AccessShareLock);
		return true;
	}
	for (int i = 0; !ConditionalLockRelationOid(relation, AccessShareLock); i++)
	{
		if (i == LOOK_LOCK_MS)
			return false;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(1000L);
	}
	return true;
}

EcapiLooked
ecapi_look_compile(const EcapiTrack *track, Relation relation, bool may_wait, char **problem)
{
	Attempt		attempt = {.track = track,.relation = relation,.may_wait = may_wait};

	CHECK_FOR_INTERRUPTS();
	return attempt_it(attempt_compile, &attempt, problem);
}

bool
ecapi_look_program_runs_sql(const EcapiProgram *program)
{
	return (program->confines_fires || program->confines_fill) && !superuser_arg(program->role);
}

static bool
has_copy(Relation relation)
{
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (triggers->triggers[i].tgisclone && !triggers->triggers[i].tgisinternal)
			return true;
	return false;
}

bool
ecapi_look_runs_sql(Relation relation)
{
	ListCell   *cell;

	if (has_copy(relation))
		return true;
	foreach(cell, ecapi_declared_list(RelationGetRelid(relation)))
	{
		const EcapiDeclared *declared = lfirst(cell);
		Attempt		attempt = {.declared = declared,.relation = relation};
		char	   *problem;

		CHECK_FOR_INTERRUPTS();
		if (ecapi_look_too_long(declared))
			return true;
		attempt.track = ecapi_declared_track(declared);
		if (attempt.track == NULL)
			continue;			/* it cannot be read, and runs nothing */
		if (attempt_it(attempt_compile, &attempt, &problem) != ECAPI_LOOKED_VALID ||
			attempt.runs_sql)
			return true;
	}
	return false;
}

EcapiTrack *
ecapi_declared_track(const EcapiDeclared *declared)
{
	Attempt		attempt = {.declared = declared,.may_wait = true};	/* locks nothing */
	char	   *problem;

	return attempt_it(attempt_parse, &attempt, &problem) == ECAPI_LOOKED_VALID ?
		attempt.parsed : NULL;
}

bool
ecapi_look_too_long(const EcapiDeclared *declared)
{
	return declared->argument != NULL && strlen(declared->argument) > LONGEST;
}

/* Check a trigger and compile its track, for a relation that is open. */
static EcapiLooked
check_and_compile(const EcapiDeclared *declared, Relation relation, bool may_wait,
				  char **problem)
{
	Attempt		attempt = {.declared = declared,.relation = relation,.may_wait = may_wait};
	EcapiLooked looked = attempt_it(attempt_check, &attempt, problem);

	return looked == ECAPI_LOOKED_VALID ?
		ecapi_look_compile(attempt.parsed, relation, may_wait, problem) : looked;
}

/* NULL for the track: as the trigger has it, and the trigger is looked at, too. */
EcapiLooked
ecapi_look_at(const EcapiDeclared *declared, const EcapiTrack *track, bool may_wait,
			  char **problem)
{
	EcapiLooked looked = ECAPI_LOOKED_VALID;
	Relation	relation;

	*problem = NULL;
	if (ecapi_look_too_long(declared))
	{
		*problem = psprintf("not looked at: it is longer than %d bytes", LONGEST);
		return ECAPI_LOOKED_UNKNOWN;
	}
	if (!ecapi_look_lock(declared->relation, may_wait))
	{
		*problem = pstrdup("not looked at: another session has locked its table");
		return ECAPI_LOOKED_UNKNOWN;
	}
	relation = try_table_open(declared->relation, NoLock);
	if (relation != NULL)
	{
		looked = track != NULL ? ecapi_look_compile(track, relation, may_wait, problem) :
			check_and_compile(declared, relation, may_wait, problem);
		table_close(relation, NoLock);
	}
	UnlockRelationOid(declared->relation, AccessShareLock);
	return looked;
}

/* ------------------------------------------------------------------------
 * The view
 * ------------------------------------------------------------------------
 */

/* Whether the current role may see a track: it monitors, or owns the table. */
static bool
may_see(const EcapiDeclared *declared)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_MONITOR) ||
		object_ownercheck(RelationRelationId, declared->relation, GetUserId());
}

/* What the query of a call has spent on it so far, in microseconds. */
static int64 *
spent_by_query(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(int64));
	return fcinfo->flinfo->fn_extra;
}

/* No limit while a server that is being tested discards what its caches hold. */
static bool
has_time_left(const int64 *spent)
{
	CHECK_FOR_INTERRUPTS();
	return *spent <= QUERY_MS * INT64CONST(1000) || debug_discard_caches > 0;
}

/*
 * ecapi_internal.track_argument(trigger oid): what a track says, or NULL when
 * that cannot be read or would take too long, when there is no such track, or when
 * the caller may not see it.
 */
Datum
ecapi_track_argument(PG_FUNCTION_ARGS)
{
	EcapiDeclared *declared = ecapi_declared_get(PG_GETARG_OID(0));
	int64	   *spent = spent_by_query(fcinfo);
	TimestampTz since = GetCurrentTimestamp();
	bool		readable;

	if (declared == NULL || !may_see(declared) || ecapi_look_too_long(declared) ||
		!has_time_left(spent))
		PG_RETURN_NULL();
	readable = ecapi_declared_track(declared) != NULL;
	*spent += GetCurrentTimestamp() - since;
	if (!readable)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(declared->argument)));
}

/*
 * ecapi_internal.track_problem(trigger oid): what is wrong with a track now, or
 * NULL, also when the caller may not see it.
 *
 * Roles that monitor call it, for tracks that are not theirs.
 */
Datum
ecapi_track_problem(PG_FUNCTION_ARGS)
{
	EcapiDeclared *declared = ecapi_declared_get(PG_GETARG_OID(0));
	int64	   *spent = spent_by_query(fcinfo);
	TimestampTz since;
	char	   *problem;

	if (declared == NULL || !may_see(declared))
		PG_RETURN_NULL();
	if (!has_time_left(spent))
		PG_RETURN_TEXT_P(cstring_to_text(psprintf("not looked at: those before it took longer than %d ms",
												  QUERY_MS)));
	since = GetCurrentTimestamp();
	(void) ecapi_look_at(declared, NULL, false, &problem);
	*spent += GetCurrentTimestamp() - since;
	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}
