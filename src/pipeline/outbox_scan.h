/*
 * outbox_scan.h
 *	  Going through the outbox for a job of the worker.
 */
#ifndef ECAPI_OUTBOX_SCAN_H
#define ECAPI_OUTBOX_SCAN_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "outbox/window.h"
#include "pipeline/tick.h"

/* A scan; zeroed, it is closed. */
typedef struct EcapiOutboxScan
{
	EcapiTick  *from;			/* references */
	EcapiTick  *to;
	EcapiPosition position;
} EcapiOutboxScan;

/*
 * Open it, or begin again: up to now, so that an event that no tick has seen yet is found,
 * too; from a tick before which nothing was emitted at since or later (DT_NOBEGIN: from
 * the oldest event).  In a transaction of its own; raises what SQL raises.
 */
extern void ecapi_outbox_scan_open(EcapiOutboxScan *scan, TimestampTz since);

/*
 * Read the next page; take, with arg, is given its rows, in a read-only transaction with
 * SPI connected.  True at the end.  Raises what SQL and take raise.
 */
extern bool ecapi_outbox_scan_page(EcapiOutboxScan *scan,
								   void (*take) (void *arg, const EcapiRows *rows), void *arg);

/* Whether all that comes is of that transaction or a later one. */
extern bool ecapi_outbox_scan_passed(const EcapiOutboxScan *scan, uint64 xid);

extern void ecapi_outbox_scan_close(EcapiOutboxScan *scan);

#endif							/* ECAPI_OUTBOX_SCAN_H */
