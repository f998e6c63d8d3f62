/*
 * preparing.h
 *	  What the files that prepare events share.
 */
#ifndef ECAPI_PREPARING_H
#define ECAPI_PREPARING_H

#include "pipeline/destination.h"
#include "pipeline/feed.h"

/* prepare_pick.c */
extern int	ecapi_prepare_pick(EcapiSlice *slice, int max, int *picked);
extern int	ecapi_prepare_add_others(EcapiSlice *slice, int *wanted, int n, bool part);

/* prepare_pace.c */
extern void ecapi_prepare_begin_calls(void);
extern bool ecapi_prepare_calls_are_over(void);
extern void ecapi_prepare_end_rest(void);
extern bool ecapi_prepare_may_call(const EcapiDestination *destination, long *wait_ms);
extern void ecapi_prepare_called(const EcapiDestination *destination, TimestampTz began,
								 bool failed);

/* prepare_failing.c */
extern int64 ecapi_prepare_backoff_ms(const EcapiPreparing *preparing);
extern void ecapi_prepare_mark(EcapiSlice *slice, const int *events, int n,
							   EcapiPrepared prepared);
extern bool ecapi_prepare_call_failed(EcapiDestination *destination, int n,
									  const EcapiUserError *error, EcapiPrepared *fate);
extern void ecapi_prepare_filter_failed(EcapiDestination *destination, EcapiSlice *slice,
										const int *events, int n, int failed,
										const EcapiUserError *error);
extern void ecapi_prepare_call_passed(EcapiDestination *destination);

/* prepare_lookup.c; in a transaction */
extern bool ecapi_prepare_look_up(EcapiDestination *destination);

#endif							/* ECAPI_PREPARING_H */
