/*
 * left_out.h
 *	  How many values were left out of events, by field and reason.
 *
 * A value is noted when it is met, and counted when its event goes on without
 * it: ecapi_left_out_begin(), some notes, then ecapi_left_out_count().  An
 * event that is refused is begun and never counted.
 *
 * field is NULL for what is no field: a key that the standard does not have, or
 * a fragment as a whole.
 *
 * Not preloaded, all of this does nothing.
 */
#ifndef ECAPI_LEFT_OUT_H
#define ECAPI_LEFT_OUT_H

#include "postgres.h"

#include "event/violation.h"
#include "shmem/shmem.h"

/* What it keeps in shared memory; for the library's entry. */
extern const EcapiShmemPart ecapi_left_out_part;

/*
 * An event begins: forget what was noted and not counted.  Note a value that
 * is left out of it; arg is not used, so that formats can call it.  Count what
 * was noted for this database.  None of them raises an error.
 */
extern void ecapi_left_out_begin(void);
extern void ecapi_left_out_note(void *arg, const EcapiField *field,
								EcapiViolationCode reason);
extern void ecapi_left_out_count(void);

/* How many there were in the slot's database. */
extern uint64 ecapi_left_out_read(int slot, const EcapiField *field,
								  EcapiViolationCode reason);

#endif							/* ECAPI_LEFT_OUT_H */
