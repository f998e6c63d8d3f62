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
#include "enrich/filter.h"
#include "pipeline/feed.h"
#include "pipeline/forward.h"
#include "pipeline/outcome.h"

/* Users' SQL of a destination (prepare.c). */
typedef struct EcapiPreparing
{
	EcapiEnrichments *list;		/* as resolved last; NULL: never */
	Oid			role;			/* of the filter */
	MemoryContext filter_context;	/* NULL: the filter is not compiled */
	EcapiFilter *filter;		/* NULL: none */
	bool		release;		/* an operator asks to run what is held */
	int64		call_us;		/* what the last call that passed took; 0: none did */
	int			failures;		/* calls that failed in a row */
	int			portion;		/* events of a call; 0: a page */
	TimestampTz bisect_until;	/* events are known to be at fault; 0: they are not */
	int			singles;		/* at fault one after the other, nothing passing */
	bool		broken;			/* whatever the event: it goes without a try ... */
	TimestampTz next_try;		/* ... until then */
	bool		told;			/* the log has a line of what is left out */
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
	bool		closing;		/* cancelled; only what flies is waited for */
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

struct EcapiDestination
{
	dlist_node	node;
	MemoryContext context;
	Oid			server;
	NameData	name;
	bool		seen;			/* still there, while reloading */

	MemoryContext options_context;
	bool		options_known;	/* they are in force; else they are read again */
	EcapiOptions *options;		/* NULL: they cannot be used, or are not known */
	int64		options_hash;
	uint64		token_stamp;	/* of the credential files that were read */
	TimestampTz token_changed_at;	/* when it was seen to differ; 0: never */

	EcapiState	state;
	bool		paused;
	bool		guarded;		/* from the first on, until every check of its cursor
								 * has passed; see destinations.c */
	TimestampTz resumed_at;		/* last resume that was obeyed */
	bool		has_stopped_options;
	int64		stopped_options;
	TimestampTz test_since;		/* first seen in test mode; 0: it is not in it */
	char	   *last_error;
	TimestampTz last_error_at;
	TimestampTz next_try;
	int			failures;		/* requests that failed in a row */

	EcapiFeed	live;
	EcapiFeed	replay;
	EcapiFeed	failed;
	EcapiReplay replaying;
	EcapiFeedKind last_fed;		/* feed of the last batch */
	EcapiFeedKind last_other;	/* the same, but for live */
	TimestampTz failed_due;		/* when to look for failed events; 0: now, at all of
								 * them; DT_NOBEGIN: now */
	TimestampTz failed_from;	/* none waits for a time before; DT_NOBEGIN: who knows */
	TimestampTz failed_was;		/* the same, before the last look */
	TimestampTz failed_looked_at;	/* when that was */
	TimestampTz failed_all_at;	/* when all were looked at last */
	TimestampTz delay_look;		/* when to look for old enough ticks; 0: now */
	EcapiPreparing preparing;
	EcapiBucket bucket;			/* of rate_limit */

	dlist_head	flying;
	int			nflying;
	size_t		body_bytes;		/* of its requests */
	size_t		held;			/* with its pages, as counted last; see share.c */
	const char *short_of;		/* what it waits for that others have; NULL: nothing */
	const char *state_shown;	/* its name at the last look, a constant */
	int			batch_cap;		/* after a 413: fewer than options say; 0 none */
	int			rejections;		/* rejected requests since one passed */
	dlist_head	suspects;		/* single events that were rejected */
	int			nsuspects;
	TimestampTz suspects_since; /* of the first of them */
	bool		proven;			/* something passed with these options */
	uint64		proven_for;		/* where it passed; 0: nothing has; see bisect.c */
	int64		passes;			/* requests that passed */
	TimestampTz blamed_at;		/* last retry or discard that was obeyed */
	bool		may_blame;		/* an operator blames what is rejected alone */
	TimestampTz linger_until;	/* 0: nothing lingers */

	/* of what the live feed's place has passed, and failed events delivered */
	int64		delivered;
	int64		filtered;
	int64		failed_events;
	EcapiEnds	ends;
	int64		given_up;
	int64		enrich_skipped;

	/* see give_up.c */
	EcapiTick  *give_up_to;		/* NULL: nothing is to be given up */
	const char *give_up_reason;
	int64		giving_up;		/* events, in this run */

	/* what is to be recorded with the next write of the cursor */
	bool		dirty;
	TimestampTz passed_since;	/* pages were passed over, not written; 0: none */
	MemoryContext journal;
	List	   *request_rows;
	List	   *ended_rows;		/* one for each end without a request */
	List	   *failed_rows;	/* new ones */
	EcapiLedger *ledger;		/* in journal; NULL: nothing has gathered */
	MemoryContext changes_context;
	List	   *failed_changes; /* of rows that are there: kept while locked */
	bool		changes_written;
};

/* Does a destination have users' SQL? */
static inline bool
ecapi_prepares(const EcapiDestination *destination)
{
	return destination->options != NULL &&
		(destination->options->enrich != NULL || destination->options->filter != NULL);
}

#endif							/* ECAPI_DESTINATION_H */
