/*
 * confine.c
 *	  Users' SQL of a track runs in here, and cannot hurt the shop's statement.
 *
 * A confined run is a subtransaction that writes nothing.  Whatever the SQL
 * does wrong rolls back that subtransaction only, and the business statement
 * around it goes on.
 *
 * What always holds:
 *
 * (1) The SQL runs as one role (run_as.h), in a security-restricted
 *	  operation, under our own settings, never as the writer, and never with
 *	  names looked up where the writer can put objects.  Role and settings are
 *	  restored however the run ends: after an error by the abort of the
 *	  subtransaction, else here.
 * (2) Settings end with their nest level as after an error, not as after a
 *	  success: what a function of the user sets for the session (a plain SET
 *	  inside it) must not outlive the run, or it would work on the writer's
 *	  later statements.
 * (3) No transaction id is assigned: a subtransaction that is read-only has
 *	  none, and only a command that wrote moves the command counter.
 * (4) The subtransaction is gone before an error is raised again, as an outer
 *	  handler would otherwise roll back ours in the place of its own.
 *
 * (5) While it runs no trigger of ours captures (trigger.c): a function may write
 *	  to temporary tables, and a program must not be started inside of itself.
 *
 * It works wherever a subtransaction does: in a statement, in a deferred
 * trigger, in a pre-commit callback (where no snapshot is active), and in a
 * logical replication worker.  Not in parallel mode, which capture refuses
 * before.
 *
 * Locks that the SQL takes (AccessShare on what it reads) are, as always, kept
 * to the end of the transaction after a success.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "base/sql_scope.h"
#include "base/sql_state.h"
#include "base/subtransaction.h"
#include "compat.h"
#include "rowsql/confine.h"

static int	running = 0;		/* runs, of this transaction: */
static LocalTransactionId running_in = InvalidLocalTransactionId;

bool
ecapi_confined_runs(void)
{
	return running > 0 && running_in == ecapi_local_xid();
}

/*
 * What is not kept inside: a cancelled query (also by statement_timeout),
 * errors for which the whole transaction is to be tried again (class 40), and
 * out of memory, where going on would only fail elsewhere.
 *
 * Kept on purpose: a lock timeout (it limits each wait by itself, so nothing
 * of the writer's wish is lost), a full disk and temp_file_limit (they stop
 * this SQL's temporary files; if the outbox cannot be written either, that is
 * raised there), and damaged data in a table that only the SQL reads.  The rest
 * of class 57, too: when this server shuts down, that is FATAL and never gets
 * here, so an error with such a code is another server's, which a foreign table
 * brought along; the shop does not stop because that one does.
 */
bool
ecapi_confined_must_raise(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_QUERY_CANCELED ||
		sqlerrcode == ERRCODE_OUT_OF_MEMORY ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK);
}

/* schema.name[.part] of the object that an error names, or NULL. */
static const char *
object_of_error(const ErrorData *edata)
{
	const char *part;
	char	   *object = ecapi_sql_object(edata, &part);

	return object != NULL && part != NULL ? psprintf("%s.%s", object, part) : object;
}

/*
 * Whether it is about a literal of the source: it has a position there, and no
 * function was at work, so the first line of its context is expression.c's.
 */
static bool
is_about_literal(const ErrorData *edata)
{
	return edata->internalpos > 0 && edata->context != NULL &&
		(strncmp(edata->context, "mapping of ", strlen("mapping of ")) == 0 ||
		 strncmp(edata->context, "condition of ", strlen("condition of ")) == 0);
}

/*
 * What fails because of the track itself is of these classes;
 * messages of all others are about values (invalid input, a violated
 * constraint) or the user's own words, and both may quote a row.
 */
char *
ecapi_confined_message(const ErrorData *edata)
{
	const char *message = edata->message ? edata->message : "";
	int			category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);

	if (category == ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_FEATURE_NOT_SUPPORTED) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE) ||
		strncmp(message, "invalid track: ", strlen("invalid track: ")) == 0 ||
		is_about_literal(edata))
		return pstrdup(message);
	return psprintf("its SQL fails (SQL error %s)", unpack_sql_state(edata->sqlerrcode));
}

typedef struct Confined
{
	void		(*body) (void *arg);
	void	   *arg;
	Oid			role;
} Confined;

/* The inside of the subtransaction. */
static void
run_confined(void *arg)
{
	const Confined *confined = arg;
	Oid			user;
	int			security;
	int			nest;

	running = ecapi_confined_runs() ? running + 1 : 1;
	running_in = ecapi_local_xid();
	/* Ends with the subtransaction. */
	XactReadOnly = true;
	nest = NewGUCNestLevel();
	ecapi_sql_settings();
	GetUserIdAndSecContext(&user, &security);
	/* but row security is not waived for us when it is for a foreign key's check */
	SetUserIdAndSecContext(confined->role,
						   (security & SECURITY_LOCAL_USERID_CHANGE) |
						   SECURITY_RESTRICTED_OPERATION);
	PushActiveSnapshot(GetTransactionSnapshot());

	confined->body(confined->arg);

	PopActiveSnapshot();
	SetUserIdAndSecContext(user, security);
	AtEOXact_GUC(false, nest);
}

/*
 * Raises, besides what is raised again, an error in parallel
 * mode, and when a transaction has had 2^32 subtransactions.
 */
bool
ecapi_confined_run(void (*body) (void *arg), void *arg, Oid role,
				EcapiConfinedError *error)
{
	Confined	confined = {body, arg, role};
	ErrorData  *edata;

	/* What the transaction did so far shall be seen, as by any next command. */
	CommandCounterIncrement();
	ecapi_sql_state_refuse(ecapi_confined_runs);
	edata = ecapi_subtransaction(run_confined, &confined, true);
	running--;
	if (edata == NULL)
		return true;
	if (ecapi_confined_must_raise(edata->sqlerrcode))
		ReThrowError(edata);

	strlcpy(error->sqlstate, unpack_sql_state(edata->sqlerrcode),
			sizeof(error->sqlstate));
	error->object = object_of_error(edata);
	error->own = ecapi_sql_own_message(edata);
	if (error->own != NULL)
		error->own = pstrdup(error->own);
	error->message = ecapi_confined_message(edata);
	FreeErrorData(edata);
	return false;
}
