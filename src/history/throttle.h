/*
 * throttle.h
 *	  Keeping a backfill behind live traffic.
 */
#ifndef ECAPI_THROTTLE_H
#define ECAPI_THROTTLE_H

#include "postgres.h"

/* The last event of a page. */
typedef struct EcapiThrottleMark
{
	uint64		xid;			/* of the page's transaction */
	int64		seq;
} EcapiThrottleMark;

/*
 * The mark of the page just appended, in the transaction that appended its
 * events.
 */
extern EcapiThrottleMark ecapi_throttle_mark(void);

/*
 * A destination that delivers and has yet to dispose of the events up to a mark:
 * its name, palloc'd, or NULL when there is none.  Wants a transaction.
 */
extern char *ecapi_throttle_waits_for(EcapiThrottleMark mark);

#endif							/* ECAPI_THROTTLE_H */
