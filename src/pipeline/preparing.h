/*
 * preparing.h
 *	  What the files that prepare events share.
 */
#ifndef ECAPI_PREPARING_H
#define ECAPI_PREPARING_H

#include "pipeline/destination.h"
#include "pipeline/feed.h"

/* ---- prepare_pick.c ---- */

/*
 * Pick the next events of a slice that users' SQL concerns, at most max; mark
 * those before them that it does not.  Returns how many.
 */
extern int	ecapi_prepare_pick(EcapiSlice *slice, int max, int *picked);

/*
 * Add what other destinations with the same list want of the page to what was picked,
 * unless only a part of the page is asked for.  wanted has room for all of the page.
 * Returns how many there are then.
 */
extern int	ecapi_prepare_add_others(EcapiSlice *slice, int *wanted, int n, bool part);

/* ---- prepare_failing.c ---- */

/* How long to wait after the failures so far. */
extern int64 ecapi_prepare_backoff_ms(const EcapiPreparing *preparing);

/* Set what came of some events of a slice. */
extern void ecapi_prepare_mark(EcapiSlice *slice, const int *events, int n,
							   EcapiPrepared prepared);

/*
 * A call for n events has failed.  True when that decides what becomes of them: it is
 * in *fate; else they are to be tried again.
 */
extern bool ecapi_prepare_call_failed(EcapiDestination *destination, int n,
									  const EcapiUserError *error, EcapiPrepared *fate);

/* The filter has failed on one of n events, failed, or on none that is known: -1. */
extern void ecapi_prepare_filter_failed(EcapiDestination *destination, EcapiSlice *slice,
										const int *events, int n, int failed,
										const EcapiUserError *error);

/*
 * It cannot be called now, which is the fault neither of events nor of it, and counts as no
 * try: the destination waits.
 */
extern void ecapi_prepare_hold(EcapiDestination *destination, const char *message);

/* It cannot be called until something is fixed. */
extern void ecapi_prepare_unusable(EcapiDestination *destination, const EcapiUserProblem *problem);

/* A call passed: the next one takes more events. */
extern void ecapi_prepare_call_passed(EcapiDestination *destination);

/* ---- prepare_lookup.c ---- */

/*
 * Look up what a destination calls, and as whom; in a transaction.  False when
 * something of it cannot be had: the destination waits.
 */
extern bool ecapi_prepare_look_up(EcapiDestination *destination);

#endif							/* ECAPI_PREPARING_H */
