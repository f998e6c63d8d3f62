/*
 * test_metrics.c
 *	  Measures of predictions: by hand, against their definitions pair by pair, and of
 *	  random customers in random order.  ECAPI_SEED repeats these.
 */
#include <math.h>

#include "draw.h"
#include "model/metrics.h"
#include "unit.h"

#define CUSTOMERS	400

static void *
no_memory(void *arg, size_t size)
{
	(void) arg;
	(void) size;
	return NULL;
}

static const EcapiFitControl control = {.grab = unit_grab};

static EcapiMetrics
measure(const double *actual, const double *predicted, size_t n)
{
	EcapiMetrics metrics;

	check(ecapi_metrics(actual, predicted, n, &control, &metrics), "there are measures");
	unit_free();
	return metrics;
}

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * fmax(1, fabs(b));
}

/* ---- by hand ---- */

static void
test_sums(void)
{
	static const double actual[] = {0, 10, 20, 70};
	static const double predicted[] = {10, 10, 30, 75};
	EcapiMetrics it = measure(actual, predicted, 4);

	check(it.n == 4 && near(it.actual, 100) && near(it.predicted, 125), "customers and totals");
	check(near(it.total_error, 0.25), "a quarter too much in total");
	check(near(it.mae, 25 / 4.0), "mean absolute error");
}

static void
test_gini(void)
{
	static const double actual[] = {0, 0, 10, 30};
	static const double perfect[] = {1, 2, 3, 4};
	static const double reverse[] = {4, 3, 2, 1};
	static const double swapped[] = {1, 2, 4, 3};
	static const double constant[] = {5, 5, 5, 5};
	static const double zeros[] = {0, 0, 0, 0};
	static const double graded[] = {0, 10, 20, 30};
	static const double tied[] = {1, 1, 2, 2};

	check(near(measure(actual, perfect, 4).gini, 1), "a perfect order has 1");
	check(near(measure(actual, reverse, 4).gini, -1), "the reverse of it has -1");
	check(near(measure(actual, swapped, 4).gini, 0.6), "the two best swapped: 60 of 100");
	check(measure(actual, constant, 4).gini == 0, "a constant orders nothing");
	check(near(measure(graded, tied, 4).gini, 0.8), "tied customers count with their mean");
	check(isnan(measure(zeros, perfect, 4).gini), "no order of customers who are all equal");
	check(isnan(measure(constant, perfect, 4).gini), "nor of those with the same value");
	check(isnan(measure(zeros, perfect, 4).total_error) && isnan(measure(zeros, perfect, 4).top_decile),
		  "no part of nothing");
}

static void
test_deciles(void)
{
	double		actual[15];
	double		predicted[15];
	EcapiMetrics it;
	int			i;

	for (i = 0; i < 15; i++)
	{
		actual[i] = i < 13 ? 1 : i == 13 ? 4 : 23;
		predicted[i] = i;
	}
	it = measure(actual, predicted, 15);
	check(near(it.top_decile, (23 + 4 / 2.0) / 40), "the best tenth of 15 are one and a half");
	check(near(it.decile_actual[9], 25 / 1.5) && near(it.decile_predicted[9], (14 + 13 / 2.0) / 1.5),
		  "their means");
	check(near(it.decile_actual[0], 1) && near(it.decile_predicted[0], 0.5 / 1.5), "those of the last tenth");

	it = measure(actual, predicted, 1);
	check(near(it.decile_actual[0], 1) && near(it.decile_actual[9], 1), "one customer is a tenth of every decile");
}

static void
test_nothing(void)
{
	static const EcapiFitControl none = {.grab = no_memory};
	static const double one[] = {1};
	EcapiMetrics metrics;

	check(!ecapi_metrics(one, one, 0, &control, &metrics), "no measures of no customers");
	check(!ecapi_metrics(one, one, 1, &none, &metrics), "none without memory");
}

/* ---- by their definitions, in random order ---- */

/* The Gini coefficient pair by pair, times n and the total: tied customers are not told apart. */
static double
by_pairs(const double *actual, const double *predicted, int n)
{
	double		sum = 0;
	int			i;
	int			j;

	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++)
			if (predicted[i] > predicted[j])
				sum += actual[i] - actual[j];
	return sum;
}

static void
test_random(void)
{
	double		actual[CUSTOMERS];
	double		predicted[CUSTOMERS];
	bool		defined = true;
	bool		bounded = true;
	bool		summed = true;
	bool		same = true;
	int			round;
	int			i;

	for (round = 0; round < 200; round++)
	{
		int			n = 2 + (int) draw(CUSTOMERS - 1);
		int			steps = 1 + (int) draw(50);
		double		tens = 0;
		EcapiMetrics it;
		EcapiMetrics again;

		for (i = 0; i < n; i++)
		{
			actual[i] = draw(2) ? 0 : exp(3 + draw_normal());
			predicted[i] = draw(2) ? draw(steps) : actual[i];
		}
		actual[0] = 5;
		ecapi_metrics(actual, predicted, n, &control, &it);
		defined = defined && fabs(it.gini - by_pairs(actual, predicted, n) / by_pairs(actual, actual, n)) < 1e-9;
		bounded = bounded && it.gini >= -1 - 1e-12 && it.gini <= 1 + 1e-12 && it.top_decile >= 0 && it.top_decile <= 1 + 1e-12;
		for (i = 0; i < ECAPI_METRICS_DECILES; i++)
			tens += it.decile_actual[i] * n / ECAPI_METRICS_DECILES;
		summed = summed && fabs(tens - it.actual) < 1e-9 * it.actual;
		for (i = n - 1; i > 0; i--)
		{
			int			j = (int) draw((unsigned) i + 1);
			double		a = actual[i];
			double		p = predicted[i];

			actual[i] = actual[j];
			predicted[i] = predicted[j];
			actual[j] = a;
			predicted[j] = p;
		}
		ecapi_metrics(actual, predicted, n, &control, &again);
		same = same && memcmp(&it, &again, sizeof(it)) == 0;
		unit_free();
	}
	check(defined, "the Gini coefficient is its definition, pair by pair, with ties");
	check(bounded, "it lies between -1 and 1, shares between 0 and 1");
	check(summed, "deciles add up to the total");
	check(same, "another order of customers changes no bit");
}

/* ---- folds ---- */

static void
test_folds(void)
{
	int			counts[5] = {0};
	bool		even = true;
	char		id[16];
	int			i;

	for (i = 0; i < 100000; i++)
	{
		int			len = snprintf(id, sizeof(id), "%d", i);

		counts[ecapi_metrics_fold(ecapi_metrics_key(id, (size_t) len), 5)]++;
	}
	for (i = 0; i < 5; i++)
		even = even && counts[i] > 19500 && counts[i] < 20500;
	check(even, "ids that count up spread evenly over folds");
	check(ecapi_metrics_key("", 0) != ecapi_metrics_key("\0", 1), "a byte of 0 is part of an id");
	check(ecapi_metrics_fold(UINT64_MAX, 5) == 4 && ecapi_metrics_fold(0, 5) == 0 &&
		  ecapi_metrics_fold(UINT64_MAX, 1) == 0, "folds are numbered from 0");
}

int
main(void)
{
	seed_draws();
	test_sums();
	test_gini();
	test_deciles();
	test_nothing();
	test_random();
	test_folds();
	return unit_done();
}
