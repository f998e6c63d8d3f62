/*
 * recorder.h
 *	  Recording what the journals of the destinations hold.
 */
#ifndef ECAPI_RECORDER_H
#define ECAPI_RECORDER_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Whether a write is due.  If not, *wait_ms is lowered to the time until one may be. */
extern bool ecapi_recorder_due(TimestampTz now, long *wait_ms);

/*
 * Write the journals, in a transaction of its own; all: those, too, that can wait.
 * Raises what SQL raises; then nothing was written and nothing is dropped.
 */
extern void ecapi_recorder_write(bool all);

#endif							/* ECAPI_RECORDER_H */
