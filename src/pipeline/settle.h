/*
 * settle.h
 *	  Every request that may carry what was stopped is answered, and recorded.
 */
#ifndef ECAPI_SETTLE_H
#define ECAPI_SETTLE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* This worker has nothing on its way yet; before its first turn. */
extern void ecapi_settle_begin(void);

/*
 * Settle, if the lead asks for it; once a turn, behind sending.  Returns how long to wait,
 * in milliseconds, -1 for what begins a turn by itself.
 */
extern long ecapi_settle_step(TimestampTz now);

#endif							/* ECAPI_SETTLE_H */
