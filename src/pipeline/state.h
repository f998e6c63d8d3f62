/*
 * state.h
 *	  The states of a destination.
 */
#ifndef ECAPI_STATE_H
#define ECAPI_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "outbox/cursor.h"
#include "pipeline/forward.h"

/* The state as the view ecapi.destination shows it, a constant. */
extern const char *ecapi_state_name(const EcapiDestination *destination);

/*
 * Remember an error, which is copied; it may be destination->last_error itself.  The
 * error for which a destination has stopped stays: answers to other requests that were
 * on their way must not hide it.
 */
extern void ecapi_state_error(EcapiDestination *destination, const char *error);

/* Nothing is known of a destination but what the row of its cursor says. */
extern void ecapi_state_start(EcapiDestination *destination, const EcapiCursor *cursor);

/* The destination is at fault: send nothing until something changes. */
extern void ecapi_state_stop(EcapiDestination *destination, const char *error);

/*
 * The same, also of one that has stopped for something else.  known: it had stopped
 * when this process came, so the log and its row have the error already, if it is the
 * last one.
 */
extern void ecapi_state_stop_for(EcapiDestination *destination, const char *error,
								 bool known);

/* It had stopped with the options that it has when this process came: it stays so. */
extern void ecapi_state_stay_stopped(EcapiDestination *destination);

/* An operator pauses it; what has stopped stays so. */
extern void ecapi_state_pause(EcapiDestination *destination);

/*
 * A request failed in a way that may pass: wait before the next one, at least
 * retry_after_ms, if that is not negative.  Answers to requests that were on their way
 * together count as one failure.
 */
extern void ecapi_state_wait(EcapiDestination *destination, const char *error,
							 int64 retry_after_ms);

/*
 * Users' SQL of the destination fails, or memory is short: try again after wait_ms.
 * That says nothing about the receiver, so failures stay as they are.
 */
extern void ecapi_state_hold(EcapiDestination *destination, const char *error,
							 int64 wait_ms);

/* Users' SQL may work again: what waits for it, and for nothing else, tries at once. */
extern void ecapi_state_end_hold(EcapiDestination *destination);

/* Requests passed since one failed last: the waits for that one stay short. */
extern void ecapi_state_shorten_waits(EcapiDestination *destination);

/* A destination whose wait is over runs again; false when it has to wait on. */
extern bool ecapi_state_try(EcapiDestination *destination, TimestampTz now);

/* Start, or start again, with no failure counted; not while it is guarded. */
extern void ecapi_state_go(EcapiDestination *destination);

/* A request passed.  While the destination waits for another one, it waits on. */
extern void ecapi_state_passed(EcapiDestination *destination);

#endif							/* ECAPI_STATE_H */
