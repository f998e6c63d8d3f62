/*
 * test_bucket.c
 *	  How many requests a second.
 */
#include "delivery/bucket.h"
#include "unit.h"

#define SECOND	INT64_C(1000000)

/* Requests that go out from start to end, looked at every step. */
static int
taken(EcapiBucket *bucket, double rate, int64_t start, int64_t end, int64_t step)
{
	int			n = 0;
	int64_t		now;

	for (now = start; now < end; now += step)
	{
		while (n < 1000000 && ecapi_bucket_wait_ms(bucket, rate, now) == 0)
		{
			ecapi_bucket_take(bucket, rate, now);
			n++;
			if (rate <= 0)
				return n;
		}
	}
	return n;
}

static void
test_rates(void)
{
	static const double rates[] = {0.001, 0.1, 0.5, 1, 1.5, 7, 100, 10000};
	bool		good = true;
	int			i;

	for (i = 0; i < (int) (sizeof(rates) / sizeof(rates[0])); i++)
	{
		EcapiBucket bucket = {0};
		double		rate = rates[i];
		int64_t		seconds = rate < 1 ? 20000 : 20;
		int			n = taken(&bucket, rate, 5 * SECOND, (5 + seconds) * SECOND, 10000);
		double		most = rate * (double) seconds + (rate < 1 ? 1 : rate);

		if ((double) n > most + 1e-6 || (double) n < most - 1 - rate * 0.01)
		{
			good = false;
			printf("# rate %g: %d of %g\n", rate, n, most);
		}
	}
	check(good, "what goes out is the rate and one second's burst, no more and no less");
}

static void
test_wait(void)
{
	EcapiBucket bucket = {0};
	int64_t		now = 1000 * SECOND;
	int64_t		wait;

	check(ecapi_bucket_wait_ms(&bucket, 2, now) == 0, "a new bucket is full");
	ecapi_bucket_take(&bucket, 2, now);
	ecapi_bucket_take(&bucket, 2, now);
	wait = ecapi_bucket_wait_ms(&bucket, 2, now);
	check(wait >= 500 && wait <= 502, "an empty one says when a token comes");
	check(ecapi_bucket_wait_ms(&bucket, 2, now + wait * 1000) == 0, "and then it is there");
	check(ecapi_bucket_wait_ms(&bucket, 2, now - 3600 * SECOND) <= 502,
		  "a clock set back an hour holds nothing");
	bucket.tokens = 0;
	check(ecapi_bucket_wait_ms(&bucket, 0.001, bucket.at_us) == 60000, "a wait is bounded");
	check(ecapi_bucket_wait_ms(&bucket, 0, now) == 0, "0 is no limit");
	check(ecapi_bucket_wait_ms(&bucket, 0.0 / 0.0, now) == 0, "what is no number is no limit");

	bucket = (EcapiBucket) {0};
	(void) ecapi_bucket_wait_ms(&bucket, 10000, now);
	check(taken(&bucket, 1, now, now + 1, 1) == 1, "a lower rate applies at once");
}

/* A daily quota of 1,000: a burst of a tenth, and the rest over the day. */
static void
test_burst(void)
{
	EcapiBucket bucket = {.burst = 100};
	double		rate = 900.0 / 86400;
	int			first = taken(&bucket, rate, 0, SECOND, SECOND / 10);
	int			day = taken(&bucket, rate, SECOND, 86400 * SECOND, 10 * SECOND);

	check(first == 100, "the burst goes at once");
	check(day >= 890 && first + day <= 1000, "and no more than the quota in a day");
}

int
main(void)
{
	test_rates();
	test_wait();
	test_burst();
	return unit_done();
}
