/*
 * worker_state.h
 *	  The state of the worker process, and its transactions.
 */
#ifndef ECAPI_WORKER_STATE_H
#define ECAPI_WORKER_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "delivery/http.h"
#include "event/digest.h"
#include "pipeline/forward.h"

/* Pages and bodies in memory, in bytes; share.c deals it out. */
#define ECAPI_BUDGET		(48 * 1024 * 1024)

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
	bool		tick_log_due;		/* events came that no logged tick sees */
	EcapiTick  *tick_to_log;	/* NULL: none */
	TimestampTz tick_to_log_at;
	uint32		tick_count;		/* ecapi_tick_log_count() before the snapshot was taken */
	bool		replay_ended;	/* the next one may be taken up */
	TimestampTz passed_at;		/* when a page was last passed over */
	TimestampTz recorded_at;
	TimestampTz record_failed_at;	/* 0: the last record went well */
	bool		cursor_lost;	/* the row of a destination is gone */
	bool		reload_wanted;	/* of destinations */
	bool		tell_others;	/* the lead has made or bound a cursor of another's destination */
} EcapiWorker;

extern EcapiWorker ecapi_me;

/* Begin a short transaction of ours: SPI connected, a snapshot active. */
extern void ecapi_worker_begin(bool read_only);

/* Commit it. */
extern void ecapi_worker_end(void);

/* Whether an interval has gone by; then the next one begins. */
extern bool ecapi_elapsed(TimestampTz *last, TimestampTz now, int interval_ms);

/* Whether a moment is yet to come; one beyond reach is of a clock that was set back. */
static inline bool
ecapi_is_before(TimestampTz now, TimestampTz moment, int64 reach_us)
{
	return now < moment && moment - now <= reach_us;
}

#endif							/* ECAPI_WORKER_STATE_H */
