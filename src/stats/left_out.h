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

#include "event/validate.h"

/* Set up: memory for the databases of nslots slots, zeroed by the caller. */
extern Size ecapi_left_out_size(int nslots);
extern void ecapi_left_out_attach(void *memory, int nslots, bool first);

/* The slot is another database's now. */
extern void ecapi_left_out_reset(int slot);

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
