/*
 * bucket.h
 *	  How many requests a second: a token bucket.
 *
 * Tokens fill in at a rate, up to a second's worth but at least one, or up to the burst
 * that the bucket has; a request takes one.  Pure: time comes in as an argument.
 */
#ifndef ECAPI_BUCKET_H
#define ECAPI_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed but for its burst, it is a bucket that was never used: full. */
typedef struct EcapiBucket
{
	bool		used;
	double		burst;			/* tokens that it holds; 0: a second's worth */
	double		tokens;			/* at the time below */
	int64_t		at_us;
} EcapiBucket;

/*
 * Milliseconds until a token is there, 0 when one is.  rate is in tokens a
 * second; 0 or less is no limit.  now_us may go backwards: then no token comes
 * in for that time, and none is lost.
 */
extern int64_t ecapi_bucket_wait_ms(EcapiBucket *bucket, double rate, int64_t now_us);

/* Take a token, whether there is one or not; without effect under no limit. */
extern void ecapi_bucket_take(EcapiBucket *bucket, double rate, int64_t now_us);

#endif							/* ECAPI_BUCKET_H */
