/*
 * feed.h
 *	  A feed of a destination, and the slices of pages that it holds.
 *
 * A slice belongs to its feed, a feed to its destination.
 */
#ifndef ECAPI_FEED_H
#define ECAPI_FEED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "destination/format.h"
#include "pipeline/forward.h"
#include "pipeline/page.h"
#include "pipeline/tick.h"

/*
 * What became of an event at a destination, as far as this process knows.  From
 * ECAPI_FATE_DISPOSED on: disposed of; less that, it is the number of its
 * end in destination->ends.
 */
typedef enum EcapiFate
{
	ECAPI_FATE_WAITING,			/* not looked at */
	ECAPI_FATE_TAKEN,			/* in a batch */
	ECAPI_FATE_DISPOSED			/* delivered, filtered, failed or given up */
} EcapiFate;

/* How far an event that was read is prepared for its destination (prepare.c). */
typedef enum EcapiPrepared
{
	ECAPI_PREPARED_NOT_YET,
	ECAPI_PREPARED_OUT,			/* not selected: users' SQL has not seen it */
	ECAPI_PREPARED_AS_IS,		/* the page's tree goes */
	ECAPI_PREPARED_ENRICHED,	/* the view's tree goes */
	ECAPI_PREPARED_UNPATCHED,	/* the page's tree goes, for enriching it failed */
	ECAPI_PREPARED_FILTERED,	/* the filter does not want it */
	ECAPI_PREPARED_UNFILTERED,	/* the filter failed on it */
	ECAPI_PREPARED_REFUSED,		/* a patch was refused; the view says why */
	ECAPI_PREPARED_FAILED		/* enriching it failed */
} EcapiPrepared;

/* When an event was first sent in a request that may have arrived; repeats.c. */
typedef struct EcapiFirstSent
{
	TimestampTz at;				/* 0: in none */
	bool		delivered;		/* the request log says that it was taken */
} EcapiFirstSent;

typedef struct EcapiSlice
{
	dlist_node	node;			/* in feed->slices, in order */
	EcapiFeed  *feed;
	EcapiPage  *page;
	int			next;			/* first event that was never taken */
	int			disposed;		/* length of the disposed prefix */
	uint8	   *fate;			/* EcapiFate of each event, and its end */
	uint8	   *prepared;		/* EcapiPrepared of each; NULL: nothing is prepared */
	int			unprepared;		/* how many are not yet */
	EcapiView  *view;			/* NULL: none */
	EcapiFirstSent *sent;		/* of each event; NULL: none was sent */
	int		   *amend;			/* what amend_wait.c notes of each; NULL: nothing */
} EcapiSlice;

typedef struct EcapiItem
{
	EcapiSlice *slice;
	int			index;
	EcapiIdentified identified;			/* as it was shaped; UNSEEN: it was not */
	const char *restriction;	/* with this it is counted when it was delivered: why it is
								 * sent in the restricted mode, or that it is an
								 * amendment; a constant, or NULL */
} EcapiItem;

/* Where the events of a feed come from. */
typedef enum EcapiFeedKind
{
	ECAPI_FEED_LIVE,			/* the outbox, behind the cursor */
	ECAPI_FEED_REPLAY,			/* the outbox again, from a moment to another */
	ECAPI_FEED_FAILED			/* failed_event, what is due; has no place */
} EcapiFeedKind;

struct EcapiFeed
{
	EcapiFeedKind kind;
	EcapiDestination *destination;
	EcapiPlace	done;			/* everything before it is disposed of */
	EcapiPlace	read;			/* where the next page is read */
	dlist_head	slices;
	int			unsent;			/* events in slices never taken */
	dlist_head	ready;			/* batches to send before new ones */
	bool		neighbour_sent; /* a new one went ahead of a failing one */
	bool		passing;		/* the last page held nothing for it */
	TimestampTz passed_at;		/* when that was */
	TimestampTz read_at;		/* when it read a page last */
	int			amend;			/* it stopped at an amendment (amend_wait.c); 0: it did not */
	uint64		sent_before;	/* events of transactions below may have been sent before
								 * they are read */
};

/* The event of an item; valid until the item is disposed of. */
static inline EcapiPageEvent *
ecapi_item_event(EcapiItem item)
{
	return &item.slice->page->events[item.index];
}

#endif							/* ECAPI_FEED_H */
