/*
 * stat_worker.h
 *	  Statistics of a database's worker: what its time goes to, and what it holds.
 */
#ifndef ECAPI_STAT_WORKER_H
#define ECAPI_STAT_WORKER_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "stat/stat_area.h"

/* by the worker; elsewhere they do nothing.  None of them raises an error */

/* This process is the worker, from now on. */
extern void ecapi_stat_worker_begin(void);

/*
 * What follows is of another phase.  Returns the one before, for the caller to go back to
 * when it is through; an error goes back to ECAPI_PHASE_OTHER (ecapi_stat_turn).
 */
extern EcapiPhase ecapi_stat_phase(EcapiPhase phase);
extern EcapiPhase ecapi_stat_phase_now(void);

/* Another process has run users' SQL for the worker, for that long. */
extern void ecapi_stat_users_sql(int64 us);

/* What the worker holds, by number from ECAPI_WORKER_GAUGES on. */
extern void ecapi_stat_worker_now(EcapiWorkerStat gauge, uint64 value);

/* It holds nothing any more; before its place is another's. */
extern void ecapi_stat_worker_end(void);

/* A turn of the loop begins. */
extern void ecapi_stat_turn(void);

/* by any backend */

/* What is counted, by EcapiWorkerStat; false: nothing is. */
extern bool ecapi_stat_worker_read(uint64 counts[ECAPI_WORKER_STATS]);

/* Begin at zero. */
extern void ecapi_stat_worker_reset(TimestampTz now);

/* What a phase is called; a constant. */
extern const char *ecapi_stat_phase_name(int phase);

#endif							/* ECAPI_STAT_WORKER_H */
