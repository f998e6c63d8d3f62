/*
 * rows.h
 *	  Rows become events: evaluated confined, validated, appended; what
 *	  fails is set aside.
 */
#ifndef ECAPI_ROWS_H
#define ECAPI_ROWS_H

#include "postgres.h"

#include "capture/program_cache.h"
#include "event/value.h"
#include "executor/tuptable.h"
#include "records/forgotten.h"

/* When a row was written whose event comes later; see records/stops.c. */
typedef struct EcapiWritten
{
	uint64		xid;			/* 0: now */
	int64		after_seq;		/* the last seq of its session then */
	bool		is_history;		/* its event's timestamp counts instead */
} EcapiWritten;

typedef struct EcapiTableRow
{
	TupleTableSlot *new;		/* of the relation's descriptor */
	TupleTableSlot *old;		/* the same, or NULL: the row is new */
	const EcapiValue *context;	/* ecapi.context of then, or NULL */
	int64		captured_at;	/* seconds since 1970; 0: the transaction's start */
	EcapiWritten written;
} EcapiTableRow;

/* How rows are judged. */
typedef enum EcapiRowsMode
{
	ECAPI_ROWS_LIVE,			/* as changes, see program.c */
	ECAPI_ROWS_AGAIN,			/* the same; one that fails again is not set aside
								 * but reported in failed */
	ECAPI_ROWS_HISTORY			/* as states: each row that satisfies the condition */
} EcapiRowsMode;

typedef struct EcapiRowsResult
{
	int64		rows;			/* seen */
	int64		events;			/* appended, or noted by the sink */
	int64		set_aside;
	int64		outside;		/* HISTORY: not in [since, until), or without a time */
	int64		condition_false;	/* HISTORY: no events now */
	int64		forgotten;		/* not appended: of persons who are forgotten */
	int64		cancelled;		/* not appended: their ids were cancelled since */
	/* AGAIN, of the last row that failed; texts in the current context */
	char		sqlstate[6];
	const char *reason;			/* NULL: none failed */
} EcapiRowsResult;

/* What a row is to a sink.  Of rows that share an id the first of these counts. */
typedef enum EcapiRowState
{
	ECAPI_ROW_DUE = 1,			/* an event */
	ECAPI_ROW_FALSE,			/* it would be one, but its condition is false now */
	ECAPI_ROW_UNTIMED,			/* it is one, but has no timestamp */
	ECAPI_ROW_FAILING			/* no event can be made of it */
} EcapiRowState;

/*
 * Where events go instead of the outbox, so that nothing is written and nothing is
 * counted as left out, whatever on_error says.  A sink sees rows whose condition is
 * false, too.
 *
 * note: event is as it would be sent, but for an untimed one, which is as it was
 * mapped; valid during the call.  Runs confined: it must neither run SQL
 * nor raise errors.
 *
 * fail: no event can be made of the row; id is NULL where it is not known, and so
 * is reason of a row whose condition is false, which is no failure.  Runs outside
 * of what is confined; both texts are valid during the call.
 */
typedef struct EcapiRowsSink
{
	void		(*note) (void *arg, const EcapiValue *event, EcapiRowState state);
	void		(*fail) (void *arg, EcapiRowState state, const char *id, const char *reason);
	void	   *arg;
} EcapiRowsSink;

typedef struct EcapiRowCapture
{
	const EcapiCompiled *compiled;	/* if it does not compile, all rows fail */
	const char *trigger;		/* name of the track, for failed_event */
	EcapiRowsMode mode;
	int64		since;			/* HISTORY: seconds since 1970, of the event's timestamp */
	int64		until;

	/*
	 * Gives the next row, or false at the end.  Runs confined: it must
	 * neither run SQL nor raise errors.  The row stays valid until the next
	 * call, so it is not made in the current context, which is emptied for
	 * each row.
	 */
	bool		(*next) (void *arg, EcapiTableRow *row);
	void	   *arg;

	bool		has_context;	/* LIVE: next gives the context of each row; else it
								 * is ecapi.context as it is now */

	const EcapiRowsSink *sink;	/* NULL: the outbox */

	/* to ask which persons are forgotten; NULL: none, or it is live traffic.  Not
	 * asked for a sink. */
	EcapiForgotten *forgotten;

	bool		may_be_cancelled;	/* ask whether the events were, by row->written */
} EcapiRowCapture;

/*
 * Capture all rows that next gives, in their order.  on_error raise: raises the
 * first failure.  Without a sink the caller has refused read-only transactions,
 * recovery and parallel mode, as INSERT does.
 */
extern void ecapi_rows_capture(const EcapiRowCapture *rows, EcapiRowsResult *result);

#endif							/* ECAPI_ROWS_H */
