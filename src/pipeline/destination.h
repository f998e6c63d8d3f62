/*
 * destination.h
 *	  A destination in the worker's memory.
 */
#ifndef ECAPI_DESTINATION_H
#define ECAPI_DESTINATION_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"
#include "nodes/pg_list.h"

#include "delivery/bucket.h"
#include "destination/options.h"
#include "enrich/enrichment.h"
#include "pipeline/errands.h"
#include "pipeline/feed.h"
#include "pipeline/forward.h"
#include "pipeline/outcome.h"
#include "stat/stat_destination.h"

/* Users' SQL of a destination (prepare.c). */
typedef struct EcapiPreparing
{
	EcapiEnrichments *list;		/* as resolved last; NULL: never */
	Oid			role;			/* the owner, as looked up last; the filter runs as it */
	EcapiCall  *call;			/* that is on its way; NULL: none */
	bool		release;		/* an operator asks to run what is held */
	int64		call_us;		/* what the last call that passed took; 0: none did */
	int			failures;		/* calls that failed in a row */
	int			holds;			/* that could not be made, in a row, for no fault of theirs */
	int			portion;		/* events of a call; 0: a page */
	TimestampTz bisect_until;	/* events are known to be at fault; 0: they are not */
	int			singles;		/* at fault one after the other, nothing passing */
	bool		broken;			/* it fails on any event: they go without a try ... */
	TimestampTz next_try;		/* ... until then */
	bool		logged;			/* the log has a line about what is left out */
	char		message[256];	/* of the last failure */
} EcapiPreparing;

/* The replay that a destination's feed of that kind carries out. */
typedef struct EcapiReplay
{
	int64		id;				/* 0: none */
	TimestampTz since;
	TimestampTz until;
	uint64		event_types;	/* as in the options; 0: all of the destination's */
	int64		delivered;
	int64		filtered;
	int64		failed;
	int64		passed_over;
	bool		dirty;			/* place or counts are to be written */
	bool		written;		/* in the transaction that is open */
	bool		held;			/* its row was locked by another at the last write */
	bool		closing;		/* cancelled; only requests on their way are waited for */
} EcapiReplay;

/* The state of a destination, as its view shows it. */
typedef enum EcapiState
{
	ECAPI_STARTING,				/* options not yet looked at */
	ECAPI_RUNNING,				/* shown as idle or delivering */
	ECAPI_WAITING,				/* backoff, until next_try */
	ECAPI_PAUSED,				/* by an operator */
	ECAPI_STOPPED				/* at fault, until options change or resume */
} EcapiState;

/* What bisect.c knows of rejections; destinations.c sets what new options begin with. */
typedef struct EcapiBisection
{
	int			batch_cap;		/* events of a batch after a 413; 0: as options say */
	int			rejections;		/* rejected requests since one passed */
	dlist_head	suspects;		/* batches of a single event that were rejected */
	TimestampTz suspects_since; /* of the first of them */
	bool		proven;			/* something passed with these options */
	uint64		proven_for;		/* where it passed; 0: nothing has */
	bool		may_blame;		/* an operator blames what is rejected alone */
} EcapiBisection;

/* When failed_feed.c looks for failed events that are due. */
typedef struct EcapiFailedLook
{
	TimestampTz due;			/* the next look; 0: now, at all of them; DT_NOBEGIN: now */
	TimestampTz from;			/* none waits for a time before; DT_NOBEGIN: not known */
	TimestampTz from_before;	/* the same, before the last look */
	TimestampTz at;				/* the last look */
	TimestampTz all_at;			/* the last look at all of them */
} EcapiFailedLook;

/* What give_up.c is to give up of the live feed. */
typedef struct EcapiGivingUp
{
	EcapiTick  *to;				/* what is before it; NULL: nothing */
	const char *reason;
	int64		events;			/* in this run */
} EcapiGivingUp;

/* What a destination holds and waits for, as share.c counted it last. */
typedef struct EcapiShare
{
	size_t		held;			/* bytes of pages and bodies */
	const char *short_of;		/* what it waits for that others have; NULL: nothing */
} EcapiShare;

/* What the live feed's place has passed, and failed events delivered; journal.c. */
typedef struct EcapiCounts
{
	int64		delivered;
	int64		filtered;
	int64		failed;
	int64		given_up;
	int64		enrich_skipped;
} EcapiCounts;

/* What is to be recorded with the next write of the cursor; journal.c. */
typedef struct EcapiJournal
{
	MemoryContext context;		/* of all but changes */
	List	   *requests;		/* EcapiRequestRow */
	List	   *ended;			/* the same, one for each end without a request */
	List	   *failed;			/* EcapiFailedRow, new ones */
	List	   *receipts;		/* EcapiReceipt, new ones */
	List	   *receipt_changes;	/* EcapiReceiptChange */
	EcapiLedger *ledger;		/* NULL: nothing was counted */
	TimestampTz passed_since;	/* pages were passed over, not written; 0: none */
	MemoryContext changes_context;
	List	   *changes;		/* EcapiFailedRow of rows that are there */
	bool		changes_written;	/* in the transaction that is open */
} EcapiJournal;

struct EcapiDestination
{
	/* destinations.c */
	dlist_node	node;
	MemoryContext context;
	Oid			server;
	NameData	name;
	bool		seen;			/* still there, while reloading */
	int64		token;			/* of our last write of its cursor; 0: any will do */
	int64		next_token;		/* of one in the transaction that is open */
	bool		leaving;		/* another worker is to have it */
	bool		lost;			/* the row of its cursor has another's token */
	bool		guarded;		/* from the first on, until every check of its cursor
								 * has passed */
	MemoryContext options_context;
	bool		options_known;	/* they are in force; else they are read again */
	EcapiOptions *options;		/* NULL: they cannot be used, or are not known */
	int64		options_hash;
	TimestampTz test_since;		/* first seen in test mode; 0: it is not in it */
	bool		paused;
	TimestampTz resumed_at;		/* last resume that was applied */
	TimestampTz blamed_at;		/* last retry or discard that was applied */
	uint64		token_stamp;	/* of the credential files that were read */
	TimestampTz token_changed_at;	/* when it was seen to differ; 0: never */

	/* state.c */
	EcapiState	state;
	bool		has_stopped_options;
	int64		stopped_options;	/* hash of those that it has stopped with */
	char	   *last_error;
	TimestampTz last_error_at;
	TimestampTz next_try;
	int			failures;		/* requests that failed in a row */
	int64		passes;			/* requests that passed */

	/* slice.c */
	EcapiFeed	live;
	EcapiFeed	replay;
	EcapiFeed	failed;
	EcapiEnds	ends;

	/* pipeline.c */
	dlist_head	flying;
	int			nflying;
	int			nerrands;		/* requests without events on their way */
	EcapiFetched fetched;
	EcapiReceipts receipts;
	EcapiFeedKind last_fed;		/* feed of the last batch */
	EcapiFeedKind last_other;	/* the same, but for live */
	TimestampTz linger_until;	/* 0: nothing lingers */
	EcapiBucket bucket;			/* of rate_limit */
	EcapiBucket day;			/* of the platform's daily quota */

	EcapiReplay replaying;
	EcapiFailedLook look;
	EcapiPreparing preparing;
	EcapiBisection bisection;
	EcapiGivingUp giving_up;
	EcapiShare	share;
	EcapiCounts counts;
	EcapiJournal journal;
	EcapiDestinationCounters stat;	/* observe.c */

	size_t		body_bytes;		/* of its batches; batch.c */
	TimestampTz delay_look;		/* when to look for old enough ticks; 0: now; read.c */
	const char *state_shown;	/* its name at the last look, a constant; worker.c */
	bool		dirty;			/* something is to be recorded */
};

/* Whether a destination has users' SQL. */
static inline bool
ecapi_prepares(const EcapiDestination *destination)
{
	return destination->options != NULL &&
		(destination->options->enrich != NULL || destination->options->filter != NULL);
}

/*
 * Whether another worker is to have a destination, and nobody keeps us from recording what
 * was done for it.  What somebody does keeps it here, so it goes on meanwhile.
 */
static inline bool
ecapi_is_leaving(const EcapiDestination *destination)
{
	return destination->leaving && destination->journal.changes == NIL &&
		!destination->replaying.held;
}

/*
 * Whether nothing more is to be read for a destination because it is leaving.  While
 * requests of it fail, what is at fault shows by what passes, so it reads on.
 */
static inline bool
ecapi_reads_no_more(const EcapiDestination *destination)
{
	return ecapi_is_leaving(destination) && destination->failures == 0 &&
		dlist_is_empty((dlist_head *) &destination->bisection.suspects);
}

/*
 * Whether a feed wants to hold more events: it holds less than two requests' worth, one to
 * send and one to fill up from; of large requests less than that.
 */
static inline bool
ecapi_feed_wants(const EcapiFeed *feed)
{
	const EcapiDestination *destination = feed->destination;

	if (destination->state != ECAPI_RUNNING || destination->options == NULL ||
		destination->giving_up.to != NULL || ecapi_reads_no_more(destination))
		return false;
	return feed->unsent < destination->options->batch_size +
		Min(destination->options->batch_size, ECAPI_PAGE_ROWS);
}

#endif							/* ECAPI_DESTINATION_H */
