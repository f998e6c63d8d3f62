/*
 * user_sql.h
 *	  Running SQL that users wrote, in a way that cannot hurt: as which role, with what
 *	  settings, for how long, and what remains of it.
 */
#ifndef ECAPI_USER_SQL_H
#define ECAPI_USER_SQL_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "event/probed.h"

/* Why users' SQL failed: nothing of it can hold a value of an event. */
typedef struct EcapiUserError
{
	int			sqlerrcode;		/* as of errcode() */
	bool		timed_out;		/* the time limit ended it */
	bool		stopped;		/* the end of this process did: no fault of the SQL's */
	char		object[2 * NAMEDATALEN + 1];	/* "schema.name" at fault, or "" */
	char		message[256];	/* one line: what, and the SQLSTATE */
} EcapiUserError;

/* Why users' SQL of a destination cannot be used at all. */
typedef struct EcapiUserProblem
{
	int			sqlerrcode;		/* as of errcode() */
	char		message[256];	/* one line */
	char		hint[256];		/* a sentence, or "" */
} EcapiUserProblem;

/*
 * The role that users' SQL of a server runs as: the server's owner; if that is a
 * superuser, function_owner (InvalidOid where no function is meant); if that is
 * one, too, the role of ecapi.run_as (run_as.h).  Returns InvalidOid when there is
 * none: then nothing may run.  Roles are looked up at every use, for REASSIGN OWNED
 * gives no notice.  In a transaction.
 */
extern ECAPI_PROBED Oid	ecapi_user_sql_role(Oid server_owner, Oid function_owner);

/*
 * Run body(arg) as role, under the rules of design section 6: read-only,
 * security-restricted, with our own settings, for at most timeout_ms.  Whatever
 * it did is rolled back, always; what body wants to keep it copies into memory
 * that is older than this call.
 *
 * Outside of a transaction (a process of its own) it runs in one of its own, which is
 * aborted; inside of one (a backend that previews) in a subtransaction, which is
 * rolled back.  SPI is connected and a snapshot is active while body runs.
 *
 * Returns false when body raised an error, ran out of time, or was stopped for
 * this process shall end (one of its own; it can then end in order); then error is
 * filled in.  Raises, inside of a transaction, a cancel that was not ours, and an
 * error when it is called from within a run.
 *
 * A process of its own that is not given back by body at twice timeout_ms, or a second
 * after it, ends.  function (InvalidOid: none) is then held; see ecapi_user_sql_held().
 */
extern bool ecapi_user_sql_run(void (*body) (void *arg), void *arg, Oid role,
							   int timeout_ms, Oid function, EcapiUserError *error);

/*
 * Whether this function did not come back when it was run last, in a process that
 * ended for it.  It stays held until it is replaced or altered, until it is released, or
 * until the server is started again.  In a transaction.
 */
extern bool ecapi_user_sql_held(Oid function);

/*
 * An operator said at a moment that it may be called again.  If it was held since
 * then, it stays so: a worker that starts hears of old wishes, too.
 */
extern void ecapi_user_sql_release(Oid function, TimestampTz moment);

#endif							/* ECAPI_USER_SQL_H */
