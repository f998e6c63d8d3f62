/*
 * confine.h
 *	  Users' SQL of a track runs in here, and cannot hurt the shop's statement.
 */
#ifndef ECAPI_CONFINE_H
#define ECAPI_CONFINE_H

#include "postgres.h"

typedef struct EcapiConfinedError
{
	char		sqlstate[6];
	const char *object;			/* schema.table.column, constraint or type at fault, or NULL */
	const char *own;			/* what ecapi.major() says, or NULL */

	/*
	 * What ecapi_confined_message() makes of it, in the context that was current.
	 * Use it only where no row was evaluated.
	 */
	const char *message;
} EcapiConfinedError;

/*
 * Run body(arg) as role in a security-restricted operation and a read-only
 * subtransaction, with a fresh active snapshot that sees all that the
 * transaction did so far, under settings of its own
 * (ecapi_sql_settings()).  What body allocates in the context that
 * was current before survives it, also after an error.
 *
 * Returns true when body returned; false when it raised an error, which is
 * then in *error.
 * Cancelled queries, out of memory, and failures that ask for the whole
 * transaction to be tried again (class 40) are raised again; a shutdown of the
 * server is FATAL and ends the process.
 */
extern bool ecapi_confined_run(void (*body) (void *arg), void *arg, Oid role,
							EcapiConfinedError *error);

/* Whether confined SQL runs now. */
extern bool ecapi_confined_runs(void);

/*
 * Whether an error (its sqlerrcode) is not the SQL's own, so that it must reach the
 * statement outside.
 */
extern bool ecapi_confined_must_raise(int sqlerrcode);

/*
 * What may be reported of an error that a track raised while it was compiled: its
 * message, or only its SQLSTATE where the message may hold data, for compiling
 * runs functions over constants, and such a function may read a table.  palloc'd.
 */
extern char *ecapi_confined_message(const ErrorData *edata);

#endif							/* ECAPI_CONFINE_H */
