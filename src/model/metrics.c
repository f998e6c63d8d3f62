/*
 * metrics.c
 *	  How good predictions were, once the actual values are known.
 *
 * Customers are sorted by prediction, then by actual value, before anything is added up:
 * equal sums whatever the order of the input.
 *
 * Memory is the control's; no I/O, no state, no locks.
 */
#include "model/metrics.h"

#include <math.h>
#include <stdlib.h>

typedef struct Pair
{
	double		predicted;
	double		actual;
} Pair;

static int
by_actual(const void *a, const void *b)
{
	double		x = ((const Pair *) a)->actual;
	double		y = ((const Pair *) b)->actual;

	return (x > y) - (x < y);
}

static int
by_predicted(const void *a, const void *b)
{
	double		x = ((const Pair *) a)->predicted;
	double		y = ((const Pair *) b)->predicted;

	return x != y ? (x > y) - (x < y) : by_actual(a, b);
}

/* Customers that are predicted equal count with the mean of their actual values. */
static void
even_out(Pair *pairs, size_t n)
{
	size_t		first;
	size_t		end;
	size_t		i;

	for (first = 0; first < n; first = end)
	{
		double		sum = 0;

		for (end = first; end < n && pairs[end].predicted == pairs[first].predicted; end++)
			sum += pairs[end].actual;
		for (i = first; end - first > 1 && i < end; i++)
			pairs[i].actual = sum / (double) (end - first);
	}
}

/* The Gini coefficient of actual values in this order, times n and their total. */
static double
inequality(const Pair *pairs, size_t n)
{
	double		sum = 0;
	size_t		i;

	for (i = 0; i < n; i++)
		sum += (2.0 * (double) i + 1.0 - (double) n) * pairs[i].actual;
	return sum;
}

/* Pairs in the order of prediction, evened out. */
static void
cut_deciles(const Pair *pairs, size_t n, EcapiMetrics *metrics)
{
	double		step = (double) n / ECAPI_METRICS_DECILES;
	int			decile;

	for (decile = 0; decile < ECAPI_METRICS_DECILES; decile++)
	{
		double		from = step * decile;
		double		to = decile == ECAPI_METRICS_DECILES - 1 ? (double) n : step * (decile + 1);
		double		predicted = 0;
		double		actual = 0;
		size_t		i;

		/* customer i stands from i to i + 1 */
		for (i = (size_t) from; i < n && (double) i < to; i++)
		{
			double		part = fmin(to, (double) i + 1) - fmax(from, (double) i);

			predicted += part * pairs[i].predicted;
			actual += part * pairs[i].actual;
		}
		metrics->decile_predicted[decile] = predicted / (to - from);
		metrics->decile_actual[decile] = actual / (to - from);
		metrics->top_decile = actual / metrics->actual; /* the last decile's stays */
	}
}

bool
ecapi_metrics(const double *actual, const double *predicted, size_t n, const EcapiFitControl *control,
			  EcapiMetrics *metrics)
{
	Pair	   *pairs;
	double		errors = 0;
	double		by_prediction;
	double		perfect;
	size_t		i;

	*metrics = (EcapiMetrics) {0};
	if (n == 0 || n > SIZE_MAX / sizeof(Pair))
		return false;
	pairs = control->grab(control->arg, n * sizeof(Pair));
	if (pairs == NULL)
		return false;
	for (i = 0; i < n; i++)
		pairs[i] = (Pair) {predicted[i], actual[i]};
	qsort(pairs, n, sizeof(Pair), by_predicted);
	metrics->n = n;
	for (i = 0; i < n; i++)
	{
		metrics->actual += pairs[i].actual;
		metrics->predicted += pairs[i].predicted;
		errors += fabs(pairs[i].predicted - pairs[i].actual);
	}
	metrics->mae = errors / (double) n;
	metrics->total_error = metrics->actual > 0 ? metrics->predicted / metrics->actual - 1 : NAN;
	even_out(pairs, n);
	by_prediction = inequality(pairs, n);
	cut_deciles(pairs, n, metrics);
	if (!(metrics->actual > 0))
		metrics->top_decile = NAN;

	for (i = 0; i < n; i++)
		pairs[i].actual = actual[i];
	qsort(pairs, n, sizeof(Pair), by_actual);
	perfect = inequality(pairs, n);
	/* of equal values only rounding is left */
	metrics->gini = perfect > 1e-12 * (double) n * metrics->actual ? by_prediction / perfect : NAN;
	return true;
}

uint64_t
ecapi_metrics_key(const char *id, size_t len)
{
	uint64_t	key = UINT64_C(0xcbf29ce484222325);
	size_t		i;

	/* FNV-1a, whose high bits a short text hardly reaches; then the last step of MurmurHash3 */
	for (i = 0; i < len; i++)
		key = (key ^ (unsigned char) id[i]) * UINT64_C(0x100000001b3);
	key = (key ^ key >> 33) * UINT64_C(0xff51afd7ed558ccd);
	key = (key ^ key >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return key ^ key >> 33;
}

int
ecapi_metrics_fold(uint64_t key, int folds)
{
	return (int) ((key >> 32) * (uint64_t) folds >> 32);
}
