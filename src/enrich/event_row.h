/*
 * event_row.h
 *	  Events as SQL sees them: rows of the composite type ecapi.event.
 */
#ifndef ECAPI_EVENT_ROW_H
#define ECAPI_EVENT_ROW_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

#include "event/probed.h"
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

/*
 * Columns that are made of an event's objects.  They cost more than all others
 * together, so a caller that knows that some are not read can leave them out: a set
 * of bits.
 */
#define ECAPI_COLUMN_USER_DATA	(1 << 0)
#define ECAPI_COLUMN_PROPERTIES (1 << 1)
#define ECAPI_COLUMN_EXT		(1 << 2)
#define ECAPI_IDENTIFIERS_HASHED (1 << 3)	/* user_data has digests in their place */
#define ECAPI_COLUMNS_ALL		(ECAPI_COLUMN_USER_DATA | ECAPI_COLUMN_PROPERTIES | ECAPI_COLUMN_EXT)

/* The bit of a column of the type; 0: it is always made. */
extern uint32 ecapi_event_row_column(AttrNumber number);

/* The type's oid; the row type's descriptor, blessed, in the current context. */
extern Oid	ecapi_event_row_type(void);
extern TupleDesc ecapi_event_row_desc(void);

/*
 * The row of an event, palloc'd.  A field that is absent, or not of its column's
 * type, is NULL; "timestamp" is that of the event, value is exact, route is
 * ext.route.  Texts are converted from UTF-8 to the server encoding; what cannot be
 * converted is NULL, and so are objects that are not among columns.  In a
 * transaction.
 */
extern HeapTuple ecapi_event_row(TupleDesc desc, int64 seq, const EcapiValue *event,
								 uint32 columns);

/*
 * Whether users' SQL of a server with this owner may see the identifiers of events.  A
 * role that may read the outbox sees them there; another gets ECAPI_IDENTIFIERS_HASHED.
 * In a transaction.
 */
extern bool ecapi_may_see_identifiers(Oid server_owner);

/* ecapi.event[] of some events, palloc'd. */
extern ECAPI_PROBED Datum ecapi_event_rows(const EcapiEnrichedEvent *events, int nevents,
										   uint32 columns);

#endif							/* ECAPI_EVENT_ROW_H */
