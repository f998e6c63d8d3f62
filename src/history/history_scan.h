/*
 * history_scan.h
 *	  All rows of a range through a track, to a sink.
 */
#ifndef ECAPI_HISTORY_SCAN_H
#define ECAPI_HISTORY_SCAN_H

#include "postgres.h"

#include "capture/rows.h"
#include "datatype/timestamp.h"
#include "history/progress.h"

/* Rows of a page: what a sink is given between begin and end. */
#define ECAPI_HISTORY_PAGE	1000

typedef struct EcapiHistoryScan
{
	EcapiProgress *progress;	/* relation, track, trigger, since and until are set; counts
								 * what became of rows */
	const char *event_type;
	const EcapiRowsSink *sink;

	/*
	 * Before and after each page, with the sink's arg.  What the sink keeps of a page it
	 * keeps in context, which goes when the page after it has been read.
	 */
	void		(*begin) (void *arg, MemoryContext context);
	void		(*end) (void *arg);
} EcapiHistoryScan;

/*
 * Read until there are no more rows.  The current context does not grow.  The caller has
 * an active snapshot, and owns the table; raises what a page raises (history.h), and a
 * cancellation.
 */
extern void ecapi_history_scan(const EcapiHistoryScan *scan);

/*
 * What became of rows so far, in words, palloc'd: "10 rows read, 9 events, ..." where
 * failed says what those were that could not be events.
 */
extern char *ecapi_history_describe(const EcapiBackfillCounts *counts, const char *failed);

/*
 * Whether it is time for another line that says how far it is; then *reported_at is now.
 */
extern bool ecapi_history_reports(TimestampTz *reported_at);

#endif							/* ECAPI_HISTORY_SCAN_H */
