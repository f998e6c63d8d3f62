/*
 * recorder.h
 *	  Recording what the journals of the destinations hold.
 */
#ifndef ECAPI_RECORDER_H
#define ECAPI_RECORDER_H

#include "postgres.h"

#include "datatype/timestamp.h"

extern bool ecapi_recorder_due(TimestampTz now, long *wait_ms);
extern void ecapi_recorder_write(bool all);

#endif							/* ECAPI_RECORDER_H */
