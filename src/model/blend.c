/*
 * blend.c
 *	  From the prediction by what is known early to the one by a customer's history.
 *
 * With f the early prediction, d the difference of the other one to it and y what came,
 * a bucket loses sum (y - f - w d)^2, a parabola in w: least at sum (y - f) d / sum d^2,
 * and bent by sum d^2.
 *
 * Customers are sorted before anything is added up: equal sums whatever their order.
 * Memory is the control's; no I/O, no state, no locks.
 */
#include "model/blend.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* Repeat orders from which on a bucket counts: close steps where customers are many. */
static const double bucket_from[ECAPI_BLEND_BUCKETS] = {0, 1, 2, 3, 4, 6, 10};

/* A customer of the held-out span. */
typedef struct Held
{
	double		repeats;
	double		early;
	double		difference;		/* of the history's prediction to the early one */
	double		actual;
} Held;

/* Neighbouring buckets that share a weight. */
typedef struct Block
{
	double		least;			/* sum (y - f) d */
	double		bend;			/* sum d^2 */
	int			buckets;
} Block;

static int
by_repeats(const void *a, const void *b)
{
	const Held *x = a;
	const Held *y = b;

	if (x->repeats != y->repeats)
		return x->repeats < y->repeats ? -1 : 1;
	if (x->early != y->early)
		return x->early < y->early ? -1 : 1;
	if (x->difference != y->difference)
		return x->difference < y->difference ? -1 : 1;
	return (x->actual > y->actual) - (x->actual < y->actual);
}

/* The last bucket of count that starts at repeats or below. */
static int
bucket_of(const double *from, int count, double repeats)
{
	int			i = count - 1;

	while (i > 0 && !(repeats >= from[i]))
		i--;
	return i;
}

/*
 * Sum up n sorted customers, a block a bucket; a bucket with too few customers is joined
 * to the one before it, the first to the next.
 */
static void
sum_up(const Held *held, size_t n, EcapiBlend *blend, Block *blocks)
{
	size_t		i = 0;
	int			bucket;

	for (bucket = 0; bucket < ECAPI_BLEND_BUCKETS; bucket++)
	{
		Block		block = {.buckets = 1};
		size_t		first = i;
		int			at = blend->buckets - 1;

		for (; i < n && bucket_of(bucket_from, ECAPI_BLEND_BUCKETS, held[i].repeats) == bucket; i++)
		{
			block.least += (held[i].actual - held[i].early) * held[i].difference;
			block.bend += held[i].difference * held[i].difference;
		}
		if (at < 0 || (i - first >= ECAPI_BLEND_CUSTOMERS && blend->customers[at] >= ECAPI_BLEND_CUSTOMERS))
		{
			at = blend->buckets++;
			blocks[at] = (Block) {.buckets = 1};
			blend->from[at] = bucket_from[bucket];
			blend->customers[at] = 0;
		}
		blocks[at].least += block.least;
		blocks[at].bend += block.bend;
		blend->customers[at] += i - first;
	}
}

/* A block's least-squares weight; NaN where all its predictions are equal. */
static double
weight_of(const Block *block)
{
	return block->bend > 0 ? block->least / block->bend : NAN;
}

/*
 * Give each bucket its block's weight, after neighbours that fall, or that say nothing of
 * their own, were pooled.
 */
static void
pool(Block *blocks, EcapiBlend *blend)
{
	int			count = 0;
	int			bucket;
	int			i;

	for (bucket = 0; bucket < blend->buckets; bucket++)
	{
		blocks[count++] = blocks[bucket];
		while (count > 1 && !(weight_of(&blocks[count - 2]) <= weight_of(&blocks[count - 1])))
		{
			Block	   *before = &blocks[count - 2];

			before->least += blocks[count - 1].least;
			before->bend += blocks[count - 1].bend;
			before->buckets += blocks[count - 1].buckets;
			count--;
		}
	}
	for (i = 0, bucket = 0; i < count; i++)
	{
		double		weight = weight_of(&blocks[i]);
		int			end = bucket + blocks[i].buckets;

		/* both predictions are equal for all: any weight is right */
		for (; bucket < end; bucket++)
			blend->weight[bucket] = isnan(weight) ? 0 : fmax(0, fmin(1, weight));
	}
}

/* Until something is learnt: history speaks for customers who have one. */
static void
not_learnt(EcapiBlend *blend, const char *problem)
{
	*blend = (EcapiBlend) {.buckets = 2, .from = {0, 1}, .weight = {0, 1}, .problem = problem};
}

void
ecapi_blend_learn(const double *repeats, const double *early, const double *history, const double *actual,
				  size_t n, const EcapiFitControl *control, EcapiBlend *blend)
{
	Block		blocks[ECAPI_BLEND_BUCKETS];
	Held	   *held;
	size_t		i;

	if (n < ECAPI_BLEND_CUSTOMERS)
	{
		not_learnt(blend, "fewer than 100 customers are too few to weigh two predictions");
		return;
	}
	held = n <= SIZE_MAX / sizeof(Held) ? control->grab(control->arg, n * sizeof(Held)) : NULL;
	if (held == NULL)
	{
		not_learnt(blend, "there is no memory");
		return;
	}
	for (i = 0; i < n; i++)
		held[i] = (Held) {repeats[i], early[i], history[i] - early[i], actual[i]};
	qsort(held, n, sizeof(Held), by_repeats);
	*blend = (EcapiBlend) {0};
	sum_up(held, n, blend, blocks);
	pool(blocks, blend);
}

double
ecapi_blend_weight(const EcapiBlend *blend, double repeats)
{
	return blend->weight[bucket_of(blend->from, blend->buckets, repeats)];
}

double
ecapi_blend(const EcapiBlend *blend, double repeats, double early, double history)
{
	double		blended = early + ecapi_blend_weight(blend, repeats) * (history - early);

	/* rounding may lead past either end */
	return fmax(fmin(early, history), fmin(fmax(early, history), blended));
}
