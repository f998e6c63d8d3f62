/*
 * state.h
 *	  The states of a destination; state.c has the whole machine.
 */
#ifndef ECAPI_STATE_H
#define ECAPI_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "outbox/cursor.h"
#include "pipeline/forward.h"

extern void ecapi_state_error(EcapiDestination *destination, const char *error);
extern void ecapi_state_start(EcapiDestination *destination, const EcapiCursor *cursor);
extern void ecapi_state_stop(EcapiDestination *destination, const char *error);
extern void ecapi_state_stop_for(EcapiDestination *destination, const char *error,
								 bool known);
extern void ecapi_state_stay_stopped(EcapiDestination *destination);
extern void ecapi_state_pause(EcapiDestination *destination);
extern void ecapi_state_wait(EcapiDestination *destination, const char *error,
							 int64 retry_after_ms);
extern void ecapi_state_hold(EcapiDestination *destination, const char *error,
							 int64 wait_ms);
extern void ecapi_state_end_hold(EcapiDestination *destination);
extern void ecapi_state_shorten_waits(EcapiDestination *destination);
extern bool ecapi_state_try(EcapiDestination *destination, TimestampTz now);
extern void ecapi_state_go(EcapiDestination *destination);
extern void ecapi_state_passed(EcapiDestination *destination);
extern const char *ecapi_state_name(const EcapiDestination *destination);

#endif							/* ECAPI_STATE_H */
