/*
 * bucket.c
 *	  How many requests a second: a token bucket.
 *
 * Invariant: in any span of t seconds at most rate * t + capacity tokens
 * are taken, the capacity being a second's worth but at least one; so a burst
 * after a rest is no more than a receiver takes in a second anyway.  A bucket with a
 * burst of its own has that capacity.
 *
 * A rate that changes applies from the next look; tokens beyond the new
 * capacity are gone.
 *
 * Pure functions: no clock, no memory, no locks.
 */
#include "delivery/bucket.h"

/* Waits are bounded: who waits looks again, for the rate may have changed. */
#define WAIT_MAX_MS	60000

static void
fill(EcapiBucket *bucket, double rate, int64_t now_us)
{
	double		capacity = bucket->burst > 0 ? bucket->burst : rate < 1 ? 1 : rate;

	if (!bucket->used)
		bucket->tokens = capacity;
	else if (now_us > bucket->at_us)
		bucket->tokens += (double) (now_us - bucket->at_us) / 1e6 * rate;
	if (bucket->tokens > capacity)
		bucket->tokens = capacity;
	bucket->used = true;
	bucket->at_us = now_us;
}

int64_t
ecapi_bucket_wait_ms(EcapiBucket *bucket, double rate, int64_t now_us)
{
	double		wait;

	if (!(rate > 0))
		return 0;
	fill(bucket, rate, now_us);
	if (bucket->tokens >= 1)
		return 0;
	wait = (1 - bucket->tokens) / rate * 1000 + 1;
	return wait < WAIT_MAX_MS ? (int64_t) wait : WAIT_MAX_MS;
}

void
ecapi_bucket_take(EcapiBucket *bucket, double rate, int64_t now_us)
{
	if (!(rate > 0))
		return;
	fill(bucket, rate, now_us);
	bucket->tokens -= 1;
}
