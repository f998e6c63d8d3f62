/*
 * prepare_call.h
 *	  A call of users' SQL that is on its way: what a process was asked, and what it said.
 */
#ifndef ECAPI_PREPARE_CALL_H
#define ECAPI_PREPARE_CALL_H

#include "postgres.h"

#include "portability/instr_time.h"

#include "enrich/channel.h"
#include "enrich/processes.h"
#include "pipeline/feed.h"
#include "pipeline/forward.h"

/* One call; it belongs to its destination. */
struct EcapiCall
{
	MemoryContext context;		/* of all of it */
	EcapiProcess *process;
	EcapiSlice *slice;			/* that it is for; NULL: nobody wants it any more */
	EcapiCallHead head;
	const char *filter;			/* its text; NULL: enrichments */
	bool		moving;			/* set while the channel is used: an error has left it unknown */

	/* for prepare.c: what it goes on with */
	int		   *picked;			/* events of the slice's page */
	EcapiPrepared *results;		/* of each of them, so far */
	int			npicked;

	/* the events that it sends: of the page, by index */
	int		   *events;
	int			nevents;
	int			said;			/* how many have been */
	bool		head_said;
	bool		run_said;
	bool		asked;			/* all of it has left */
	instr_time	moved_at;		/* when something left or came last; of a clock that nobody sets */

	/* what comes back */
	MemoryContext made;			/* trees; below the view's */
	EcapiArena	arena;
	const EcapiValue **trees;	/* of each that was sent; NULL: it is the page's */
	const char **problems;
	bool	   *stopped;		/* by the filter */
	EcapiCallAnswer answer;		/* when it is there */
};

/* How a call stands. */
typedef enum EcapiCallStand
{
	ECAPI_CALL_OUT,				/* on its way */
	ECAPI_CALL_ANSWERED,		/* answer says how it went */
	ECAPI_CALL_LOST				/* nobody wants it, and it has ended */
} EcapiCallStand;

/*
 * Begin a call for some events of a slice's page, given by index, n of them: of
 * its view's enrichments, or, with a text, of a filter that runs as role, which sees the
 * trees that results say, which are of npicked events of the page, in order.  The process
 * is taken until the answer.  Raises out of memory; then nothing has changed.
 */
extern EcapiCall *ecapi_call_begin(EcapiSlice *slice, EcapiProcess *process,
								   const char *filter, Oid role, const int *events, int n,
								   const int *picked, const EcapiPrepared *results, int npicked);

/* Move it on; never waits.  Outside of a transaction; raises out of memory. */
extern EcapiCallStand ecapi_call_move(EcapiCall *call, long *wait_ms);

/*
 * Its slice goes, and is still whole: what it says is passed over.  SQL that runs for it is
 * ended with its process, which would keep its owner waiting.
 */
extern void ecapi_call_abandon(EcapiCall *call);

/*
 * Free it.  Its process is given back, or ended when the call did not come to its end.
 * What enrichments made goes, too, unless it was taken over by its view.
 */
extern void ecapi_call_free(EcapiCall *call);

#endif							/* ECAPI_PREPARE_CALL_H */
