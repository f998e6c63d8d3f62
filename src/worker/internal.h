/*
 * internal.h
 *	  What the files of the worker share: its state in memory.
 *
 *	 tick		a snapshot the worker took, or found in the log; shared by
 *				reference, equal ones are one
 *	 place		where a destination stands: (from, to] and a position in it
 *	 page		events read at a place; shared by the destinations there
 *	 stretch	a page in one destination's hands: the fate of each event
 *	 batch		events of one destination that travel in one request
 *
 * Everything here lives in the worker process alone; there are no locks.
 * Ownership: a tick is counted by places and pages, a page by stretches, a
 * stretch and a batch belong to their destination.  A batch's items point
 * into stretches of the same destination, which stay until all their events
 * are disposed of, so an item outlives its batch.
 */
#ifndef ECAPI_WORKER_INTERNAL_H
#define ECAPI_WORKER_INTERNAL_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "delivery/http.h"
#include "delivery/policy.h"
#include "destination/options.h"
#include "event/digest.h"
#include "event/value.h"
#include "outbox/cursor.h"
#include "outbox/snapshot.h"
#include "outbox/window.h"

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

typedef struct EcapiPageEvent
{
	uint64		xid;
	int64		seq;
	TimestampTz emitted_at;
	const char *text;			/* JSON, UTF-8; NULL: not convertible */
	int			len;
	bool		parsed;			/* tree or problem is set for good */
	int			type;			/* index of its event type, -1 unknown */
	const EcapiValue *tree;		/* NULL: not parsed, or see problem */
	const char *problem;		/* why it cannot be read; NULL: it can */
} EcapiPageEvent;

typedef struct EcapiPage
{
	dlist_node	node;			/* in the list of pages */
	int			refs;
	EcapiPlace	start;			/* holds references */
	EcapiPosition end;			/* behind its last event */
	bool		last;			/* the window has no more */
	int			nevents;
	EcapiPageEvent *events;
	MemoryContext context;
	EcapiArena	arena;			/* trees that are kept */
	size_t		bytes;			/* of rows, counted into the budget */
} EcapiPage;

/* What became of an event at a destination, as far as this process knows. */
typedef enum EcapiFate
{
	ECAPI_FATE_WAITING,			/* not looked at */
	ECAPI_FATE_TAKEN,			/* in a batch */
	ECAPI_FATE_DISPOSED			/* delivered, filtered, failed or given up */
} EcapiFate;

typedef struct EcapiStretch
{
	dlist_node	node;			/* in destination->stretches, in order */
	EcapiPage  *page;
	int			next;			/* first event that was never taken */
	int			disposed;		/* length of the disposed prefix */
	uint8	   *fate;			/* EcapiFate of each event */
} EcapiStretch;

typedef struct EcapiItem
{
	EcapiStretch *stretch;
	int			index;
} EcapiItem;

typedef struct EcapiDestination EcapiDestination;

/* What the parts of one rejected request share; see halving.c. */
typedef struct EcapiRoot
{
	int			parts;			/* batches that point here; freed with the last */
	bool		passed;			/* a part was delivered */
} EcapiRoot;

typedef struct EcapiBatch
{
	dlist_node	node;			/* in ready or flying of its destination */
	EcapiDestination *destination;
	MemoryContext context;		/* this struct and its items */
	MemoryContext request;		/* body and header lines; NULL: not shaped */
	const char *body;			/* in request */
	size_t		body_len;
	size_t		body_bytes;		/* allocated; counted into the budget */
	const char *filtered;		/* what was filtered beside it, as JSON; once */
	int			nitems;
	EcapiItem  *items;
	int			attempts;		/* requests made of it */
	bool		flying;
	EcapiRoot  *root;			/* NULL: no part of a rejected request */
	TimestampTz sent_at;
	uint64		token_stamp;	/* of the credential files when sent */
	EcapiAnswer *rejected_with; /* of a suspect; in context */
} EcapiBatch;

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
	EcapiOptions *options;		/* NULL: they cannot be used */
	int64		options_hash;
	uint64		token_stamp;	/* of the credential files that were read */

	EcapiState	state;
	bool		paused;
	bool		guarded;		/* cursor not ours to move: see guards */
	TimestampTz resumed_at;		/* last resume that was obeyed */
	bool		has_stopped_options;
	int64		stopped_options;
	char	   *last_error;
	TimestampTz last_error_at;
	TimestampTz next_try;
	int			failures;		/* requests that failed in a row */

	EcapiPlace	done;			/* everything before it is disposed of */
	EcapiPlace	read;			/* where the next page is read */
	dlist_head	stretches;
	int			unsent;			/* events in stretches never taken */

	dlist_head	ready;			/* batches to send before new ones */
	dlist_head	flying;
	int			nflying;
	int			batch_cap;		/* after a 413: fewer than options say; 0 none */
	int			rejections;		/* rejected requests since one passed */
	dlist_head	suspects;		/* single events that were rejected */
	int			nsuspects;
	bool		proven;			/* something passed with these options */
	TimestampTz linger_until;	/* 0: nothing lingers */

	int64		delivered;
	int64		filtered;
	int64		failed;
	int64		given_up;

	/* see give_up.c */
	EcapiTick  *give_up_to;		/* NULL: nothing is to be given up */
	const char *give_up_reason;
	int64		giving_up;		/* events, in this run */

	/* what is to be recorded with the next write of the cursor */
	bool		dirty;
	MemoryContext journal;
	List	   *request_rows;
	List	   *failed_rows;
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
	TimestampTz tick_logged_at;
	EcapiTick  *tick_to_log;	/* NULL: none */
	TimestampTz tick_to_log_at;
	TimestampTz recorded_at;
	TimestampTz record_failed_at;	/* 0: the last record went well */
	bool		cursor_lost;	/* the row of a destination is gone */
} EcapiWorker;

extern EcapiWorker ecapi_me;

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
extern void ecapi_tick_logged(EcapiTick *tick);

/* pages.c */
#define ECAPI_PAGE_ROWS		2000
#define ECAPI_PAGE_BYTES	(2 * 1024 * 1024)
#define ECAPI_BUDGET		(48 * 1024 * 1024)
extern EcapiPage *ecapi_page_at(const EcapiPlace *place, bool lean);
extern void ecapi_page_drop(EcapiPage *page);
extern const EcapiValue *ecapi_page_tree(EcapiPage *page, int i, EcapiArena *scratch);

/* destinations.c */
extern void ecapi_destinations_reload(void);
extern void ecapi_destinations_credentials(void);
extern void ecapi_destination_forget(EcapiDestination *destination);
extern void ecapi_destination_rewind(EcapiDestination *destination);

/* state.c */
extern void ecapi_state_error(EcapiDestination *destination, const char *error);
extern void ecapi_state_stop(EcapiDestination *destination, const char *error);
extern void ecapi_state_wait(EcapiDestination *destination, const char *error,
							 int64 retry_after_ms);
extern void ecapi_state_go(EcapiDestination *destination);
extern void ecapi_state_passed(EcapiDestination *destination);
extern const char *ecapi_state_name(const EcapiDestination *destination);

/* stretch.c */
extern bool ecapi_stretch_wanted(EcapiDestination *destination);
extern void ecapi_stretch_add(EcapiDestination *destination, EcapiPage *page);
extern void ecapi_stretch_dispose(EcapiDestination *destination, EcapiItem item);
extern void ecapi_stretch_advance(EcapiDestination *destination);
extern EcapiPageEvent *ecapi_item_event(EcapiItem item);

/* pipeline.c */
extern long ecapi_pipeline_pump(EcapiDestination *destination, TimestampTz now);
extern void ecapi_pipeline_answers(void);
extern void ecapi_batch_free(EcapiBatch *batch);
extern EcapiBatch *ecapi_batch_new(EcapiDestination *destination, int capacity);

/* halving.c */
extern void ecapi_halving_rejected(EcapiBatch *batch, const EcapiAnswer *answer,
								   bool too_large);
extern void ecapi_halving_passed(EcapiBatch *batch);
extern void ecapi_halving_quiet(EcapiDestination *destination);

/* journal.c */
extern void ecapi_journal_request(EcapiBatch *batch, const char *outcome,
								  const EcapiAnswer *answer, const char *error,
								  const char *filtered);
extern void ecapi_journal_filtered(EcapiDestination *destination, const EcapiItem *ends,
								   const char *filtered);
extern void ecapi_journal_failed(EcapiDestination *destination, EcapiItem item,
								 const char *reason, const EcapiAnswer *answer,
								 int attempts);
extern void ecapi_journal_given_up(EcapiDestination *destination, EcapiItem item,
								   const char *reason);
extern bool ecapi_journal_due(TimestampTz now, long *wait_ms);
extern void ecapi_journal_write(void);

/* give_up.c */
extern void ecapi_give_up_plan(TimestampTz now, bool pressed);
extern bool ecapi_give_up_step(EcapiDestination *destination);

#endif							/* ECAPI_WORKER_INTERNAL_H */
