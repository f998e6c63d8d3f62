/*
 * person_search.h
 *	  Finding what is about a person in the outbox and in failed events.
 */
#ifndef ECAPI_PERSON_SEARCH_H
#define ECAPI_PERSON_SEARCH_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

#include "base/statement.h"

/* What a stored text is. */
typedef enum EcapiStored
{
	ECAPI_STORED_EVENT,			/* an event in the standard's shape */
	ECAPI_STORED_INVALID,		/* an event that was set aside as given */
	ECAPI_STORED_ROW,			/* images of a row that was set aside */
	ECAPI_STORED_ANSWER			/* what a receiver said: any text */
} EcapiStored;

/* What a search looks at. */
typedef enum EcapiSearchTarget
{
	ECAPI_SEARCH_EVENTS,		/* of the outbox */
	ECAPI_SEARCH_FAILED,		/* rows of failed_event */
	ECAPI_SEARCH_ANSWERS		/* in rows of failed_event */
} EcapiSearchTarget;

typedef struct EcapiPersonSearch
{
	/*
	 * Whether a text (UTF-8, len bytes; JSON but for an answer) is about the person.  May
	 * raise errors; its memory goes with the next call.
	 */
	bool		(*is_about) (void *arg, const char *text, int len, EcapiStored stored);
	void	   *arg;
	Tuplestorestate *result;	/* gets rows of ecapi.forget() or ecapi.withdraw() */
	TupleDesc	result_desc;
	NullableDatum names;		/* of a withdrawal, name[]: from whom; null: from all */

	/* found */
	int64		looked_at;		/* texts */
	int64		events;			/* of the outbox */
	int64		failed;			/* rows of failed_event */
	int64		unreadable;		/* texts that cannot be converted to UTF-8 */
} EcapiPersonSearch;

/* Rows that are about the person. */
typedef struct EcapiFoundRows
{
	int			n;
	Datum	   *xids;
	Datum	   *ids;			/* seqs, or failed_ids */
} EcapiFoundRows;

/* Is called with rows that were found, in memory that goes when it returns. */
typedef void (*EcapiFoundFunction) (EcapiPersonSearch *search, const EcapiFoundRows *found);

/*
 * Where copies are: the last request that delivered an event to a destination, or
 * one that was sent and never answered.  A part of a WITH that has done (seq).
 */
#define ECAPI_COPIES_SQL \
" sent AS (" \
"  SELECT DISTINCT ON (d.seq, 2) d.seq, coalesce(c.destination, q.destination) AS destination," \
"   CASE q.outcome WHEN 'delivered' THEN 'delivered' ELSE 'unanswered' END AS outcome," \
"   CASE q.outcome WHEN 'delivered' THEN q.sent_at END AS delivered_at, q.receiver_request_id" \
"  FROM ecapi.request q JOIN done d ON q.seqs @> d.seq" \
"   LEFT JOIN ecapi.cursor c ON c.server = q.server AND q.sent_at >= c.started_at" \
"  WHERE q.seqs && (SELECT range_agg(int8range(m.seq, m.seq, '[]')) FROM done m)" \
"   AND (q.outcome = 'delivered' OR q.outcome = 'retry' AND q.status IS NULL" \
"    AND q.error !~ '^could not (connect|look up|verify)')" \
"  ORDER BY d.seq, 2, q.outcome = 'delivered' DESC, q.sent_at DESC" \
" )"

/*
 * Get ready, in the scope of the extension's owner (ecapi_become_owner()), to whose end
 * it lasts.
 */
extern void ecapi_person_search_begin(void);

/* Search a target to its end, and call found with what is about the person. */
extern void ecapi_person_search(EcapiPersonSearch *search, EcapiSearchTarget target,
								EcapiFoundFunction found);

/* Columns of what was found, as arguments of a statement. */
extern NullableDatum ecapi_arg_found_ids(const EcapiFoundRows *found);
extern NullableDatum ecapi_arg_found_xids(const EcapiFoundRows *found);

/* Put the rows of the last statement into the result. */
extern void ecapi_person_search_report(EcapiPersonSearch *search);

#endif							/* ECAPI_PERSON_SEARCH_H */
