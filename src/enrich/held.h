/*
 * held.h
 *	  Functions that did not come back, and are not called again.
 *
 * For user_sql.c and shmem.c; others ask ecapi_user_sql_held().
 */
#ifndef ECAPI_HELD_H
#define ECAPI_HELD_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/itemptr.h"

#include "shmem/shmem.h"

/* A function as its row of pg_proc was; another row is another version. */
typedef struct EcapiHeld
{
	Oid			function;		/* InvalidOid: none */
	TransactionId xmin;
	ItemPointerData tid;
	TimestampTz since;			/* when it was held; set by ecapi_held_add() */
} EcapiHeld;

/* What it keeps in shared memory; for the library's entry. */
extern const EcapiShmemPart ecapi_held_part;

/*
 * Hold a function of this database; whether this version of it is held; release those
 * of its versions that were held before a moment.  Not preloaded, or in a database
 * without a slot: nothing, and false.  None of them raises an error.
 */
extern void ecapi_held_add(const EcapiHeld *held);
extern bool ecapi_held_has(const EcapiHeld *held);
extern void ecapi_held_remove(Oid function, TimestampTz before);

#endif							/* ECAPI_HELD_H */
