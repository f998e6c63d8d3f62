/*
 * test_blend.c
 *	  Weights of two predictions: learnt from customers whose right weights are known,
 *	  against every rising row of weights, and of random customers in random order.
 *	  ECAPI_SEED repeats these.
 */
#include <math.h>

#include "draw.h"
#include "model/blend.h"
#include "unit.h"

#define CUSTOMERS	4000
#define STEPS		50			/* of a weight, in the search over all */

static const EcapiFitControl control = {.grab = unit_grab};
static double repeats[CUSTOMERS];
static double early[CUSTOMERS];
static double history[CUSTOMERS];
static double actual[CUSTOMERS];

static void
draw_customer(int i, double weight)
{
	early[i] = 10 + 5 * draw_uniform();
	history[i] = 30 * draw_uniform();
	actual[i] = fmax(0, early[i] + weight * (history[i] - early[i]) + draw_normal());
}

static void
test_known(void)
{
	static const double right[] = {0, 0.1, 0.3, 0.5, 0.7, 0.7, 0.9, 0.9, 0.9, 0.9, 1, 1};
	EcapiBlend	blend;
	bool		close = true;
	int			i;

	for (i = 0; i < CUSTOMERS; i++)
	{
		repeats[i] = i % 12;
		draw_customer(i, right[i % 12]);
	}
	ecapi_blend_learn(repeats, early, history, actual, CUSTOMERS, &control, &blend);
	check(blend.problem == NULL && blend.buckets == ECAPI_BLEND_BUCKETS, "customers enough for every bucket");
	for (i = 0; i < 12; i++)
		close = close && fabs(ecapi_blend_weight(&blend, i) - right[i]) < 0.05;
	check(close, "the right weights are found");
	check(ecapi_blend_weight(&blend, 1e9) == blend.weight[6], "many repeats are the last bucket's");
	check(ecapi_blend_weight(&blend, 0) <= 0.05, "none the first one's");
	check(blend.customers[4] == 2 * (CUSTOMERS / 12) && blend.from[4] == 4, "a bucket says whom it was learnt from");
	unit_free();
}

static void
test_few(void)
{
	EcapiBlend	blend;
	int			i;

	for (i = 0; i < CUSTOMERS; i++)
	{
		repeats[i] = i < 500 ? 0 : i < 540 ? 1 : i < 1000 ? 2 : i < 1099 ? 3 : 0;
		draw_customer(i, repeats[i] / 4);
	}
	ecapi_blend_learn(repeats, early, history, actual, 1099, &control, &blend);
	check(blend.buckets == 2 && blend.customers[0] == 540 && blend.customers[1] == 559 && blend.from[1] == 2,
		  "a bucket of too few is joined to the one before it");
	ecapi_blend_learn(repeats + 500, early + 500, history + 500, actual + 500, 500, &control, &blend);
	check(blend.buckets == 1 && blend.customers[0] == 500, "the first to the next");
	ecapi_blend_learn(repeats, early, history, actual, 99, &control, &blend);
	check(blend.problem != NULL, "fewer than 100 customers are a problem");
	check(ecapi_blend(&blend, 0, 3, 7) == 3 && ecapi_blend(&blend, 1, 3, 7) == 7,
		  "then history speaks for those who have one");
	unit_free();
}

static void
test_equal(void)
{
	EcapiBlend	blend;
	int			i;

	for (i = 0; i < 600; i++)
	{
		repeats[i] = i % 3;
		draw_customer(i, repeats[i] == 2 ? 0.8 : 0.2);
		if (repeats[i] != 2)
			history[i] = early[i];
	}
	ecapi_blend_learn(repeats, early, history, actual, 600, &control, &blend);
	check(blend.weight[0] == blend.weight[2] && fabs(blend.weight[0] - 0.8) < 0.1,
		  "buckets whose predictions are all equal take their neighbour's weight");
	for (i = 0; i < 600; i++)
		history[i] = early[i];
	ecapi_blend_learn(repeats, early, history, actual, 600, &control, &blend);
	check(ecapi_blend(&blend, 1, 5, 5) == 5, "where all are equal, so is what comes of them");
	unit_free();
}

/* What weights lose in a bucket. */
static double
lost(const EcapiBlend *blend, int bucket, double weight, int n)
{
	double		sum = 0;
	int			i;

	for (i = 0; i < n; i++)
		if (repeats[i] >= blend->from[bucket] &&
			(bucket + 1 == blend->buckets || repeats[i] < blend->from[bucket + 1]))
		{
			double		off = early[i] + weight * (history[i] - early[i]) - actual[i];

			sum += off * off;
		}
	return sum;
}

/* The least that rising weights in steps of 1 / STEPS lose. */
static double
least_lost(const EcapiBlend *blend, int n)
{
	double		up_to[STEPS + 1] = {0};	/* with the last weight at most so much */
	int			bucket;
	int			step;

	for (bucket = 0; bucket < blend->buckets; bucket++)
		for (step = 0; step <= STEPS; step++)
		{
			up_to[step] += lost(blend, bucket, (double) step / STEPS, n);
			if (step > 0)
				up_to[step] = fmin(up_to[step], up_to[step - 1]);
		}
	return up_to[STEPS];
}

static void
shuffle(int n)
{
	double	   *columns[] = {repeats, early, history, actual};
	int			i;
	int			c;

	for (i = n - 1; i > 0; i--)
	{
		int			j = (int) draw((unsigned) i + 1);

		for (c = 0; c < 4; c++)
		{
			double		held = columns[c][i];

			columns[c][i] = columns[c][j];
			columns[c][j] = held;
		}
	}
}

static void
test_random(void)
{
	bool		rising = true;
	bool		least = true;
	bool		same = true;
	bool		between = true;
	int			round;
	int			i;

	for (round = 0; round < 60; round++)
	{
		int			n = 100 + (int) draw(1500);
		double		loss = 0;
		EcapiBlend	blend;
		EcapiBlend	again;

		for (i = 0; i < n; i++)
		{
			repeats[i] = draw(1 + draw(16));
			draw_customer(i, draw_uniform() * 3 - 1);
			actual[i] += draw_normal() * draw(20);
		}
		ecapi_blend_learn(repeats, early, history, actual, (size_t) n, &control, &blend);
		for (i = 0; i < blend.buckets; i++)
		{
			rising = rising && blend.weight[i] >= (i ? blend.weight[i - 1] : 0) && blend.weight[i] <= 1;
			loss += lost(&blend, i, blend.weight[i], n);
		}
		least = least && loss <= least_lost(&blend, n) * (1 + 1e-9);
		for (i = 0; i < n; i++)
		{
			double		blended = ecapi_blend(&blend, repeats[i], early[i], history[i]);

			between = between && blended >= fmin(early[i], history[i]) && blended <= fmax(early[i], history[i]);
		}
		shuffle(n);
		ecapi_blend_learn(repeats, early, history, actual, (size_t) n, &control, &again);
		same = same && blend.buckets == again.buckets && memcmp(blend.weight, again.weight, sizeof(blend.weight)) == 0 &&
			memcmp(blend.customers, again.customers, sizeof(blend.customers)) == 0;
		unit_free();
	}
	check(rising, "weights lie between 0 and 1 and never fall");
	check(least, "no rising row of weights loses less");
	check(between, "what is blended lies between the two");
	check(same, "another order of customers changes no bit");
}

int
main(void)
{
	seed_draws();
	test_known();
	test_few();
	test_equal();
	test_random();
	return unit_done();
}
