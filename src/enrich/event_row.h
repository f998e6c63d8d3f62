/*
 * event_row.h
 *	  Events as SQL sees them: rows of the composite type ecapi.event.
 */
#ifndef ECAPI_EVENT_ROW_H
#define ECAPI_EVENT_ROW_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

#include "event/value.h"

/* An event on its way through users' SQL. */
typedef struct EcapiEnrichedEvent
{
	int64		seq;			/* of the outbox; each stands once in a page */
	const EcapiValue *event;	/* UTF-8; replaced by the patched one */
	bool		pass;			/* the filter's answer; see filter.h */
	const char *problem;		/* why its patch was refused; constant or in the
								 * caller's context; NULL: it was not */
} EcapiEnrichedEvent;

/* The type's oid; the row type's descriptor, blessed, in the current context. */
extern Oid	ecapi_event_row_type(void);
extern TupleDesc ecapi_event_row_desc(void);

/*
 * The row of an event, palloc'd.  A field that is absent, or not of its column's
 * type, is NULL; "timestamp" is that of the event, value is exact, route is
 * ext.route.  Texts are converted from UTF-8 to the server encoding; what cannot be
 * converted is NULL.  In a transaction.
 */
extern HeapTuple ecapi_event_row(TupleDesc desc, int64 seq, const EcapiValue *event);

/* ecapi.event[] of some events, palloc'd. */
extern Datum ecapi_event_rows(const EcapiEnrichedEvent *events, int nevents);

#endif							/* ECAPI_EVENT_ROW_H */
