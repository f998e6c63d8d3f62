/*
 * internal.h
 *	  What the files of the worker share: its state in memory.
 *
 *	 tick		a snapshot the worker took, or found in the log; shared by
 *				reference, equal ones are one
 *	 place		where a destination stands: (from, to] and a position in it
 *	 page		events read at a place; shared by the destinations there
 *	 feed		a source of events of one destination, with its own place
 *	 husk		what is left of a page for a destination it holds nothing for
 *	 view		a page's events as one list of enrichments made them
 *	 stretch	a page in a feed's hands: the fate of each event
 *	 batch		events of one feed that travel in one request
 *
 * States and transitions of requests, events and destinations are in state.c.
 *
 * Everything here lives in the worker process alone; there are no locks.
 * Ownership: a tick is counted by places and pages, a page (or its husk) by
 * stretches, a view by stretches of its page (both may outlive their count), a stretch belongs to its feed, feeds and batches to their destination.  A
 * batch's items point into stretches of one feed, which stay until all their
 * events are disposed of, so an item outlives its batch.
 */
#ifndef ECAPI_WORKER_INTERNAL_H
#define ECAPI_WORKER_INTERNAL_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "delivery/bucket.h"
#include "delivery/http.h"
#include "delivery/retry_policy.h"
#include "destination/options.h"
#include "enrich/enrichment.h"
#include "enrich/filter.h"
#include "event/digest.h"
#include "event/value.h"
#include "outbox/cursor.h"
#include "outbox/snapshot.h"
#include "outbox/window.h"
#include "records/failed.h"
#include "records/replay.h"
#include "records/seqs.h"

typedef struct EcapiTick
{
	dlist_node	node;			/* in the list of known ticks */
	int			refs;
	EcapiSnapshot *snapshot;
} EcapiTick;

typedef struct EcapiPlace
{
	EcapiTick  *from;
	EcapiTick  *to;				/* NULL: no window is open */
	EcapiPosition position;
} EcapiPlace;

/* A value with more digits is none for the ledger; no double has so many. */
#define ECAPI_VALUE_DIGITS	400

typedef struct EcapiPageEvent
{
	uint64		xid;
	int64		seq;
	TimestampTz emitted_at;
	const char *text;			/* JSON, UTF-8; NULL: not convertible */
	int			len;
	bool		parsed;			/* tree or problem is set for good */
	int			type;			/* index of its event type, -1 unknown */
	char		currency[4];	/* three upper-case letters; "": none */
	const char *value;			/* a number as JSON has it, of bounded length; NULL: none */
	const EcapiValue *tree;		/* NULL: not parsed, or see problem */
	const char *problem;		/* why it cannot be read; NULL: it can */
	char		refund;			/* 'r' it is one, 'n' it is none, 0 not known; stops.c */
	const char *stopped;		/* it may not leave any more: cancelled or erased;
								 * a constant, the reason; NULL: it may */
} EcapiPageEvent;

/* Reasons why an event that was emitted may not leave any more. */
#define ECAPI_STOPPED_CANCELLED	"cancelled"
#define ECAPI_STOPPED_ERASED	"erased"

typedef struct EcapiTally EcapiTally;

typedef struct EcapiPage EcapiPage;

struct EcapiPage
{
	dlist_node	node;			/* in the list of pages; of a husk in none */
	int			refs;
	EcapiPlace	start;			/* holds references */
	EcapiPosition end;			/* behind its last event */
	bool		last;			/* the window has no more */
	int			nevents;
	EcapiPageEvent *events;
	const EcapiDue *due;		/* their rows of failed_event; NULL: outbox */
	MemoryContext context;
	EcapiArena	arena;			/* trees that are kept */
	size_t		bytes;			/* that its context takes, counted into the budget */
	dlist_head	views;
	bool		tallied;		/* husk is set for good */
	EcapiPage  *husk;			/* NULL: none; see tally.c */
	EcapiTally *tally;			/* of a husk */
	bool		looked;			/* its events were asked about; see stops.c */
};

/* An event as a list of enrichments made it. */
typedef struct EcapiViewEvent
{
	const EcapiValue *tree;		/* NULL: not yet */
	const char *problem;		/* why a patch was refused; NULL: none was */
} EcapiViewEvent;

/* See view.c. */
typedef struct EcapiView
{
	dlist_node	node;			/* in page->views */
	int			refs;
	EcapiPage  *page;
	EcapiEnrichments list;
	MemoryContext context;		/* in the page's */
	EcapiViewEvent *events;		/* one for each of the page */
} EcapiView;

/*
 * What became of an event at a destination, as far as this process knows.  From
 * ECAPI_FATE_DISPOSED on: disposed of, and how is destination->ends[] of what
 * lies beyond it.
 */
typedef enum EcapiFate
{
	ECAPI_FATE_WAITING,			/* not looked at */
	ECAPI_FATE_TAKEN,			/* in a batch */
	ECAPI_FATE_DISPOSED			/* delivered, filtered, failed or given up */
} EcapiFate;

typedef enum EcapiOutcome
{
	ECAPI_OUTCOME_DELIVERED,
	ECAPI_OUTCOME_SHADOW,		/* all was done but send it */
	ECAPI_OUTCOME_FILTERED,
	ECAPI_OUTCOME_FAILED,		/* copied to failed_event, or dead there */
	ECAPI_OUTCOME_GIVEN_UP,		/* see give_up.c */
	ECAPI_OUTCOME_ERASED,		/* the person asked to be forgotten */
	ECAPI_OUTCOME_NONE			/* not counted: none of a replay's, or put down */
} EcapiOutcome;

#define ECAPI_OUTCOMES	7

/* How an event ends at a destination. */
typedef struct EcapiEnd
{
	EcapiOutcome outcome;
	const char *reason;			/* a constant, or NULL */
} EcapiEnd;

/* How far an event in hand is prepared for its destination; see prepare.c. */
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

/* Kinds of ends of a destination; a fate is a byte. */
#define ECAPI_ENDS_MAX	200

typedef struct EcapiFeed EcapiFeed;

typedef struct EcapiStretch
{
	dlist_node	node;			/* in feed->stretches, in order */
	EcapiFeed  *feed;
	EcapiPage  *page;
	int			next;			/* first event that was never taken */
	int			disposed;		/* length of the disposed prefix */
	uint8	   *fate;			/* EcapiFate of each event, and its end */
	uint8	   *prepared;		/* EcapiPrepared of each; NULL: nothing is prepared */
	int			unprepared;		/* how many are not yet */
	EcapiView  *view;			/* NULL: none */
} EcapiStretch;

typedef struct EcapiItem
{
	EcapiStretch *stretch;
	int			index;
} EcapiItem;

typedef struct EcapiDestination EcapiDestination;
typedef struct EcapiLedger EcapiLedger;

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
	dlist_head	stretches;
	int			unsent;			/* events in stretches never taken */
	dlist_head	ready;			/* batches to send before new ones */
	bool		neighbour_sent; /* a new one went ahead of a failing one */
	bool		passing;		/* the last page held nothing for it */
	TimestampTz passed_at;		/* when that was */
	TimestampTz read_at;		/* when it read a page last */
};

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

/* What the parts of one rejected request share; see halving.c. */
typedef struct EcapiRoot
{
	int			parts;			/* batches that point here; freed with the last */
	bool		passed;			/* a part was delivered */
} EcapiRoot;

typedef struct EcapiBatch
{
	dlist_node	node;			/* ready, flying, or a suspect */
	EcapiDestination *destination;
	EcapiFeed  *feed;			/* of its items */
	MemoryContext context;		/* this struct and its items */
	MemoryContext request;		/* body, header lines and url; NULL: not shaped */
	const char *const *headers; /* in request; NULL: not sent */
	int			nheaders;
	const char *url;
	const char *body;			/* in request */
	size_t		body_len;
	size_t		body_bytes;		/* allocated; counted into the budget */
	int			nitems;
	EcapiItem  *items;
	int			attempts;		/* requests made of it */
	int			fails;			/* of these, ones that an event may have caused */
	int64		passes_before;	/* requests that had passed before the first */
	int64		passes_seen;	/* and at the last */
	bool		flying;
	EcapiRoot  *root;			/* NULL: no part of a rejected request */
	TimestampTz sent_at;
	uint64		token_stamp;	/* of the credential files when sent */
	EcapiAnswer *rejected_with; /* of a suspect; in context */
} EcapiBatch;

/* Users' SQL of a destination; see prepare.c. */
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
	TimestampTz halving_until;	/* events are known to be at fault; 0: they are not */
	int			singles;		/* at fault one after the other, nothing passing */
	bool		broken;			/* whatever the event: it goes without a try ... */
	TimestampTz next_try;		/* ... until then */
	bool		told;			/* the log has a line of what is left out */
	char		message[256];	/* of the last failure */
} EcapiPreparing;

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
	uint64		proven_for;		/* where it passed; 0: nothing has; see halving.c */
	int64		passes;			/* requests that passed */
	TimestampTz blamed_at;		/* last retry or discard that was obeyed */
	bool		may_blame;		/* an operator blames what is rejected alone */
	TimestampTz linger_until;	/* 0: nothing lingers */

	/* of what the live feed's place has passed, and failed events delivered */
	int64		delivered;
	int64		filtered;
	int64		failed_events;
	int			nends;
	EcapiEnd	ends[ECAPI_ENDS_MAX];	/* the first: each outcome without a reason */
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

typedef struct EcapiWorker
{
	MemoryContext context;		/* of everything that lives long */
	MemoryContext scratch;		/* of one turn of the loop; current by default */
	EcapiHttp  *http;
	EcapiDigestCache *digests;
	dlist_head	destinations;
	dlist_head	ticks;
	dlist_head	pages;
	EcapiTick  *live;			/* the newest tick */
	TimestampTz live_at;
	size_t		page_bytes;		/* budget used by pages */
	size_t		body_bytes;		/* budget used by bodies */
	int			connections;	/* that may be open */
	TimestampTz tick_logged_at;
	bool		tick_owed;		/* events came that no logged tick sees */
	EcapiTick  *tick_to_log;	/* NULL: none */
	TimestampTz tick_to_log_at;
	bool		replay_ended;	/* the next one may be taken up */
	TimestampTz passed_at;		/* when a page was last passed over */
	TimestampTz recorded_at;
	TimestampTz record_failed_at;	/* 0: the last record went well */
	bool		cursor_lost;	/* the row of a destination is gone */
} EcapiWorker;

extern EcapiWorker ecapi_me;

/* worker.c */
extern void ecapi_worker_begin(bool read_only);
extern void ecapi_worker_end(void);

/* tick.c */
extern EcapiTick *ecapi_tick_intern(const EcapiSnapshot *snapshot);
extern void ecapi_tick_drop(EcapiTick *tick);
extern void ecapi_place_set(EcapiPlace *place, EcapiTick *from, EcapiTick *to,
							EcapiPosition position);
extern void ecapi_place_copy(EcapiPlace *to, const EcapiPlace *from);
extern void ecapi_place_clear(EcapiPlace *place);
extern bool ecapi_place_equal(const EcapiPlace *a, const EcapiPlace *b);
extern bool ecapi_tick_take(bool log);
extern EcapiTick *ecapi_tick_next(EcapiTick *from);
extern EcapiTick *ecapi_tick_next_before(EcapiTick *from, TimestampTz before);
extern bool ecapi_tick_is_last(EcapiTick *tick);
extern void ecapi_tick_logged(EcapiTick *tick);

/* share.c */
#define ECAPI_BUDGET		(48 * 1024 * 1024)	/* bytes of pages and bodies */
/* also states of ecapi.cursor */
#define ECAPI_SHORT_OF_MEMORY	"waiting for memory"
#define ECAPI_SHORT_OF_CONNECTIONS "waiting for a connection"
extern void ecapi_share_count(void);
extern size_t ecapi_share_page(EcapiFeed *feed);
extern size_t ecapi_share_body(EcapiDestination *destination);
extern bool ecapi_share_connection(EcapiDestination *destination);
extern void ecapi_share_sent(const EcapiDestination *destination);
extern bool ecapi_share_is_over(EcapiDestination *destination);

/* pages.c */
#define ECAPI_PAGE_ROWS		2000
#define ECAPI_PAGE_BYTES	(2 * 1024 * 1024)
extern EcapiPage *ecapi_page_at(const EcapiPlace *place, size_t bytes);
extern bool ecapi_page_in_memory(const EcapiPlace *place);
extern bool ecapi_page_is_awaited(const EcapiFeed *feed);
extern void ecapi_pages_sweep(bool all);
extern void ecapi_page_drop(EcapiPage *page);
extern void ecapi_page_count(EcapiPage *page);
extern EcapiPage *ecapi_page_of_due(const EcapiDueRows *due);
extern const EcapiValue *ecapi_page_tree(EcapiPage *page, int i, EcapiArena *scratch);
extern const EcapiValue *ecapi_page_tree_if_memory(EcapiPage *page, int i,
												   EcapiArena *scratch);

/* read.c */
extern void ecapi_read_begin(void);
extern bool ecapi_read_may(EcapiFeed *feed, TimestampTz now);
extern long ecapi_read_wait_ms(EcapiFeed *feed, TimestampTz now);
extern void ecapi_read_pages(TimestampTz now, const bool *stale);
extern bool ecapi_read_delays(void);

/* tally.c */
extern EcapiPage *ecapi_tally_excludes(EcapiPage *page, const EcapiOptions *options);
extern void ecapi_tally_pass(EcapiDestination *destination, const EcapiPage *husk);

/* view.c */
extern EcapiView *ecapi_view_of(EcapiPage *page, const EcapiEnrichments *list);
extern void ecapi_view_drop(EcapiView *view);
extern void ecapi_views_trim(EcapiPage *page);
extern bool ecapi_view_fill(EcapiView *view, const int *wanted, int nwanted,
							EcapiUserError *error);

/* prepare.c */
#define ECAPI_REASON_ENRICH		"enrichment failed"
#define ECAPI_REASON_REFUSED	"patch refused"
#define ECAPI_REASON_FILTER_FAILED "filter failed"
extern bool ecapi_prepares(const EcapiDestination *destination);
extern bool ecapi_prepare_can_send(EcapiFeed *feed);
extern void ecapi_prepare_step(TimestampTz now, long *wait_ms);
extern void ecapi_prepare_reset(EcapiDestination *destination);
extern void ecapi_prepare_resume(EcapiDestination *destination);
extern void ecapi_prepare_nudge(void);

/* stops.c */
extern bool ecapi_stops_id(const char *text, int len, const char **id, int *id_len);
extern void ecapi_stops_refresh(TimestampTz now);
extern void ecapi_stops_look_again(void);
extern uint64 ecapi_stops_looks(void);

/* erased.c */
extern void ecapi_erased_refresh(void);

/* cancel.c */
extern long ecapi_cancel_step(TimestampTz now);

/* destinations.c */
extern EcapiDestination *ecapi_destination_of(Oid server);
extern void ecapi_destinations_take(List *all);
extern void ecapi_destinations_credentials(void);
extern void ecapi_destination_forget(EcapiDestination *destination);
extern void ecapi_destination_rewind(EcapiDestination *destination);

/* state.c */
extern void ecapi_state_error(EcapiDestination *destination, const char *error);
extern void ecapi_state_start(EcapiDestination *destination, const char *last_error,
							  TimestampTz last_error_at);
extern void ecapi_state_stop(EcapiDestination *destination, const char *error);
extern void ecapi_state_stop_again(EcapiDestination *destination, const char *error,
								   bool known);
extern void ecapi_state_wait(EcapiDestination *destination, const char *error,
							 int64 retry_after_ms);
extern void ecapi_state_hold(EcapiDestination *destination, const char *error,
							 int64 wait_ms);
extern bool ecapi_state_try(EcapiDestination *destination, TimestampTz now);
extern void ecapi_state_go(EcapiDestination *destination);
extern void ecapi_state_passed(EcapiDestination *destination);
extern const char *ecapi_state_name(const EcapiDestination *destination);

/* stretch.c */
extern void ecapi_feed_init(EcapiFeed *feed, EcapiFeedKind kind,
							EcapiDestination *destination);
extern bool ecapi_feed_wants(EcapiFeed *feed);
extern bool ecapi_feed_in_order(EcapiFeed *feed);
extern void ecapi_feed_drop(EcapiFeed *feed);
extern void ecapi_stretch_add(EcapiFeed *feed, EcapiPage *page, bool may_pass);
extern void ecapi_feed_put_back(EcapiFeed *feed);
extern void ecapi_stretch_dispose(EcapiItem item, EcapiOutcome outcome,
								  const char *reason);
extern void ecapi_stretch_advance(EcapiFeed *feed);
extern EcapiPageEvent *ecapi_item_event(EcapiItem item);
extern const EcapiEnd *ecapi_stretch_end(EcapiDestination *destination,
										 EcapiOutcome outcome, const char *reason);

/* pipeline.c */
extern long ecapi_pipeline_pump(EcapiDestination *destination, TimestampTz now);
extern void ecapi_pipeline_answers(void);

/* gather.c */
extern void ecapi_batch_free(EcapiBatch *batch);
extern void ecapi_batch_drop_request(EcapiBatch *batch);
extern EcapiBatch *ecapi_batch_new(EcapiFeed *feed, int capacity);
extern void ecapi_batch_hold(EcapiBatch *batch);
extern EcapiBatch *ecapi_gather(EcapiFeed *feed);
extern bool ecapi_gather_again(EcapiBatch *batch);

/* failed.c */
#define ECAPI_REASON_REJECTED	"rejected by the receiver"
#define ECAPI_REASON_TOO_LARGE	"too large for the receiver"
#define ECAPI_REASON_FAILS		"the receiver fails on it"
extern void ecapi_failed_look_again(EcapiDestination *destination);
extern bool ecapi_failed_wanted(EcapiDestination *destination, TimestampTz now);
extern void ecapi_failed_read(EcapiDestination *destination, TimestampTz now);
extern long ecapi_failed_wait_ms(EcapiDestination *destination, TimestampTz now);
extern void ecapi_failed_again(EcapiBatch *batch, const char *reason,
							   const EcapiAnswer *answer, bool retry);
extern void ecapi_failed_put_down(EcapiBatch *batch);
extern TimestampTz ecapi_failed_next_try(EcapiDestination *destination, int attempts,
										 TimestampTz since);

/* replay.c */
extern void ecapi_replay_take(List *rows);
extern bool ecapi_replay_may_read(EcapiFeed *feed);
extern bool ecapi_replay_wants(EcapiFeed *feed, const EcapiPageEvent *event, bool typed);
extern void ecapi_replay_pass_over(EcapiItem item);
extern bool ecapi_replay_let_go(EcapiBatch *batch);
extern void ecapi_replay_record(EcapiDestination *destination);
extern void ecapi_replay_recorded(EcapiDestination *destination);

/* halving.c */
#define ECAPI_FAILS_MAX	5
extern bool ecapi_halving_failing(EcapiBatch *batch, const EcapiAnswer *answer);
extern void ecapi_halving_rejected(EcapiBatch *batch, const EcapiAnswer *answer,
								   bool too_large);
extern void ecapi_halving_passed(EcapiBatch *batch);
extern long ecapi_halving_quiet(EcapiDestination *destination, TimestampTz now);

/* journal.c */
extern void ecapi_journal_request(EcapiBatch *batch, const char *outcome,
								  const EcapiAnswer *answer, const char *error);
extern void ecapi_journal_delivered(EcapiItem item);
extern void ecapi_journal_failed(EcapiItem item, const char *reason,
								 const EcapiAnswer *answer, int attempts, bool retry);
extern void ecapi_journal_refused(EcapiItem item, const char *reason,
								  const char *problem, bool retry);
extern void ecapi_journal_passed(EcapiFeed *feed, const EcapiPageEvent *event,
								 const EcapiEnd *end);
extern void ecapi_journal_passed_over(EcapiDestination *destination, const char *reason,
									  int events, int type, const char *currency,
									  bool has_value, int64 millionths);
extern void ecapi_journal_kept_back(EcapiDestination *destination, const char *reason,
									int events, const EcapiSeqs *seqs);
extern bool ecapi_journal_due(TimestampTz now, long *wait_ms);
extern void ecapi_journal_write(bool all);

/* ledger.c */
extern const char *ecapi_outcome_name(EcapiOutcome outcome);
extern bool ecapi_ledger_millionths(const char *text, int64 *result);
extern void ecapi_ledger_add_many(EcapiDestination *destination, int type,
								  const char *currency, const EcapiEnd *end, int events,
								  bool has_value, int64 millionths);
extern void ecapi_ledger_add(EcapiDestination *destination, const EcapiPageEvent *event,
							 const EcapiEnd *end);
extern void ecapi_ledger_write(EcapiDestination *destination, TimestampTz now);

/* give_up.c */
extern void ecapi_give_up_plan(TimestampTz now, bool pressed);
extern bool ecapi_give_up_step(EcapiDestination *destination);

#endif							/* ECAPI_WORKER_INTERNAL_H */
