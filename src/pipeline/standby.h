/*
 * standby.h
 *	  Whether standbys have what is about to be sent.
 */
#ifndef ECAPI_STANDBY_H
#define ECAPI_STANDBY_H

#include "postgres.h"

#include "access/xlogdefs.h"

/* What ecapi.worker() says while nothing is sent for want of a standby. */
#define ECAPI_WAITS_FOR_STANDBY "waiting for a standby, see ecapi.wait_for_standby"

/*
 * Whether WAL up to lsn is on disk at the standbys that ecapi.wait_for_standby asks for.
 * Never waits, raises nothing.
 */
extern bool ecapi_standby_has(XLogRecPtr lsn);

#endif							/* ECAPI_STANDBY_H */
