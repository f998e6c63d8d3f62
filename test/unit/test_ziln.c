/*
 * test_ziln.c
 *	  The zero-inflated lognormal regression: coefficients that are known, what may go
 *	  wrong, and random customers in random order.
 *
 *	  test_ziln [CUSTOMERS]
 *
 * CUSTOMERS: instead of tests, print how long that many take to fit and a million to score.
 * ECAPI_SEED repeats the random ones.
 */
#include <math.h>

#include "draw.h"
#include "model/metrics.h"
#include "model/ziln.h"
#include "model/ziln_loss.h"
#include "unit.h"

#define MOST	20000			/* customers */
#define WIDTH	5

static const EcapiFitControl control = {.grab = unit_grab};
static double vectors[MOST * WIDTH];
static double values[MOST];
static uint64_t keys[MOST];

static const double any[WIDTH] = {-0.3, 0.6, 0, -0.4, 0.2};
static const double mu[WIDTH] = {4, 0.5, -0.2, 0, 0.3};
static const double sigma[WIDTH] = {0.4, 0, 0.2, 0, 0};

static double
linear(const double *coefficients, const double *vector)
{
	double		sum = 0;
	int			i;

	for (i = 0; i < WIDTH; i++)
		sum += coefficients[i] * vector[i];
	return sum;
}

/* A customer as the model has it. */
static void
draw_customer(int i)
{
	double	   *vector = vectors + i * WIDTH;
	int			j;

	vector[0] = 1;
	for (j = 1; j < WIDTH; j++)
		vector[j] = draw_normal();
	values[i] = draw_uniform() >= 1 / (1 + exp(-linear(any, vector))) ? 0 :
		exp(linear(mu, vector) + (ECAPI_ZILN_SIGMA + log1p(exp(linear(sigma, vector)))) * draw_normal());
	keys[i] = ecapi_metrics_key((const char *) &i, sizeof(i));
}

static EcapiZiln
fit_to(int width, size_t n)
{
	EcapiZiln	fit;

	ecapi_ziln_fit(vectors, width, values, keys, n, &control, &fit);
	return fit;
}

/* ---- a model that is known ---- */

static void
test_known(void)
{
	EcapiZiln	fit;
	double		furthest = 0;
	double		actual = 0;
	double		predicted = 0;
	double		off_mean = 0;
	double		off_any = 0;
	int			i;

	for (i = 0; i < MOST; i++)
		draw_customer(i);
	fit = fit_to(WIDTH, MOST);
	check(fit.converged && fit.problem == NULL && fit.warning == NULL, "a fit to 20,000 customers of the model");
	for (i = 0; i < WIDTH; i++)
	{
		furthest = fmax(furthest, fabs(fit.any[i] - any[i]) / fit.error[i]);
		furthest = fmax(furthest, fabs(fit.mu[i] - mu[i]) / fit.error[WIDTH + i]);
		furthest = fmax(furthest, fabs(fit.sigma[i] - sigma[i]) / fit.error[2 * WIDTH + i]);
	}
	printf("# a coefficient is at most %.2f standard errors from the true one; %d evaluations\n",
		   furthest, fit.evaluations);
	/* of 15 independent ones, one in 100,000 runs is further */
	check(furthest < 5.5, "each coefficient is its true one, by its standard error");
	check(furthest > 0.3, "and standard errors are not too large");
	for (i = 0; i < MOST; i++)
	{
		const double *vector = vectors + i * WIDTH;
		double		s = ECAPI_ZILN_SIGMA + log1p(exp(linear(sigma, vector)));
		double		p = 1 / (1 + exp(-linear(any, vector)));

		off_any = fmax(off_any, fabs(ecapi_ziln_any(&fit, vector) - p));
		off_mean += fabs(ecapi_ziln_mean(&fit, vector) / (p * exp(linear(mu, vector) + s * s / 2)) - 1) / MOST;
		actual += values[i];
		predicted += ecapi_ziln_mean(&fit, vector);
	}
	printf("# probabilities are off by at most %.3f, means by %.1f %%, the total by %.1f %%, scale %.3f\n",
		   off_any, 100 * off_mean, 100 * (predicted / actual - 1), fit.scale);
	check(off_any < 0.1, "probabilities are those of the model");
	check(off_mean < 0.15, "so are means");
	check(fabs(predicted / actual - 1) < 0.05, "the total is calibrated");
	unit_free();
}

/* ---- what may go wrong ---- */

static void
test_too_few(void)
{
	int			i;

	for (i = 0; i < 1000; i++)
		draw_customer(i);
	check(fit_to(WIDTH, 1).problem != NULL && fit_to(WIDTH, 0).problem != NULL, "one customer is a problem, none is");
	check(fit_to(WIDTH, 49).problem != NULL, "so are 49");
	for (i = 0; i < 1000; i++)
		values[i] = 0;
	check_text(fit_to(WIDTH, 1000).problem, "no customer brought any value within the horizon", "no value is one");
	for (i = 0; i < 9; i++)
		values[i] = 5;
	check(fit_to(WIDTH, 1000).problem != NULL, "too few with value are one");
	values[3] = -1;
	check(fit_to(WIDTH, 1000).problem != NULL, "a negative value is one");
	values[3] = NAN;
	check(fit_to(WIDTH, 1000).problem != NULL, "what is no number is one");
	values[3] = 5;
	for (i = 10; i < 20; i++)
		values[i] = 7;
	check(fit_to(WIDTH, 1000).problem == NULL, "none of these is none");
	vectors[7] = NAN;
	check(fit_to(WIDTH, 1000).problem != NULL && !fit_to(WIDTH, 1000).converged,
		  "what the optimizer does not get to the end of is one");
	unit_free();
}

static void
test_all_with_value(void)
{
	EcapiZiln	fit;
	bool		good = true;
	int			i;

	for (i = 0; i < 2000; i++)
	{
		draw_customer(i);
		values[i] = exp(3 + draw_normal());
	}
	fit = fit_to(WIDTH, 2000);
	for (i = 0; i < 2000; i++)
		good = good && ecapi_ziln_any(&fit, vectors + i * WIDTH) > 0.99;
	check(fit.converged && good, "where all bring value, each will");
	check(fit.warning != NULL, "and the fit says so");
	for (i = 0; i < 2000; i++)
		values[i] = 20;
	fit = fit_to(WIDTH, 2000);
	check(fit.converged && fabs(ecapi_ziln_mean(&fit, vectors) - 20) < 0.5, "where all bring the same, each will");
	unit_free();
}

/* No column tells anybody apart, or two tell the same. */
static void
test_dependent(void)
{
	EcapiZiln	fit;
	double		sum = 0;
	int			i;

	for (i = 0; i < 2000; i++)
	{
		draw_customer(i);
		sum += values[i];
	}
	for (i = 0; i < 2000; i++)
		vectors[i] = 1;
	fit = fit_to(1, 2000);
	check(fit.converged && fabs(ecapi_ziln_mean(&fit, vectors) / (sum / 2000) - 1) < 0.05, "an intercept alone predicts the mean");
	for (i = 0; i < 2000; i++)
	{
		draw_customer(i);
		vectors[i * WIDTH + 2] = vectors[i * WIDTH + 1];
		vectors[i * WIDTH + 3] = 1;
	}
	fit = fit_to(WIDTH, 2000);
	check(fit.converged && fabs(fit.any[1] - fit.any[2]) < 1e-3, "columns that say the same share what they say");
	unit_free();
}

static void
test_outlier(void)
{
	EcapiZiln	fit;
	double		largest = 0;
	int			i;

	for (i = 0; i < 2000; i++)
		draw_customer(i);
	values[7] = 1e9;
	fit = fit_to(WIDTH, 2000);
	for (i = 0; i < 2000; i++)
		largest = fmax(largest, ecapi_ziln_mean(&fit, vectors + i * WIDTH));
	printf("# a value of a billion among 2,000 of at most some thousands: scale %.0f, bounded to %.0f; the largest mean is %.0f\n",
		   fit.uncalibrated, fit.scale, largest);
	check(fit.problem == NULL && fit.warning != NULL, "a billion is said");
	check(fit.scale <= ECAPI_ZILN_SCALE && largest < 1e5, "and teaches nothing absurd");
	unit_free();
}

/* ---- stop, and memory ---- */

static int	left;

static bool
stop_later(void *arg)
{
	(void) arg;
	return --left <= 0;
}

static void *
grab_few(void *arg, size_t size)
{
	return --left >= 0 ? unit_grab(arg, size) : NULL;
}

static void
test_control(void)
{
	static const EcapiFitControl stopping = {.stop = stop_later, .grab = unit_grab};
	static const EcapiFitControl poor = {.grab = grab_few};
	EcapiZiln	fit = {.problem = ""};
	bool		said = true;
	int			after;
	int			i;

	for (i = 0; i < MOST; i++)
		draw_customer(i);
	for (after = 1; after <= 65; after += 16)
	{
		left = after;
		ecapi_ziln_fit(vectors, WIDTH, values, keys, MOST, &stopping, &fit);
		said = said && fit.stopped && fit.problem && !fit.converged && left > -20;
	}
	check(said, "a stop at any time ends the fit, which says so");
	for (i = 0; fit.problem && i < 20; i++)
	{
		left = i;
		ecapi_ziln_fit(vectors, WIDTH, values, keys, 1000, &poor, &fit);
		said = said && (fit.problem != NULL) == (i < 7) && fit.converged == (i >= 7);
	}
	check(said && i == 8, "lack of memory at any place is a problem that is said");
	unit_free();
}

/* ---- random customers, in random order ---- */

/* Customers that follow no model, several moments of each under one key. */
static void
draw_odd(size_t n, int width)
{
	double		tail = 0.1 + 3 * draw_uniform();
	unsigned	without = 1 + draw(5);
	size_t		i;
	int			j;

	for (i = 0; i < n; i++)
	{
		for (j = 0; j < width; j++)
			vectors[i * (size_t) width + (size_t) j] = j == 0 ? 1 : j % 2 ? fmax(-8, fmin(8, draw_normal() * tail)) : draw(2);
		values[i] = draw(without) ? 0 : exp(draw_normal() * tail);
		keys[i] = ecapi_metrics_key((const char *) &i, draw(2) ? 8 : 1);
	}
	for (i = 0; i < 10; i++)
		values[i] = 1;
}

/*
 * As many columns as customers with value, whose values they then explain exactly: a spread that
 * is learnt from them alone goes to its floor, and the search does not end on the way.
 */
static void
test_explained(void)
{
	int			converged = 0;
	int			round;

	for (round = 0; round < 40; round++)
	{
		EcapiZiln	fit;
		size_t		i;

		draw_odd(50, 20);
		for (i = 10; i < 50; i++)
			values[i] = i < 20 ? values[i] : 0;
		fit = fit_to(20, 50);
		converged += fit.converged;
		unit_free();
	}
	printf("# columns explain each value: %d of 40 fits converge\n", converged);
	check(converged == 40, "a fit converges though columns explain each value");
}

static void
swap_customers(size_t i, size_t k, int width)
{
	double		value = values[i];
	uint64_t	key = keys[i];
	int			j;

	values[i] = values[k];
	values[k] = value;
	keys[i] = keys[k];
	keys[k] = key;
	for (j = 0; j < width; j++)
	{
		double	   *a = &vectors[i * (size_t) width + (size_t) j];
		double	   *b = &vectors[k * (size_t) width + (size_t) j];
		double		held = *a;

		*a = *b;
		*b = held;
	}
}

static void
test_random(void)
{
	bool		bounded = true;
	bool		same = true;
	bool		converged = true;
	int			round;
	size_t		i;
	int			j;

	for (round = 0; round < 60; round++)
	{
		int			width = 1 + (int) draw(20);
		size_t		n = 50 + draw(900);
		EcapiZiln	fit;
		EcapiZiln	again;

		draw_odd(n, width);
		fit = fit_to(width, n);
		converged = converged && fit.converged;
		if (!fit.converged)
			printf("# width %d, %d customers: %s\n", width, (int) n, fit.problem);
		for (i = n - 1; i > 0; i--)
			swap_customers(i, draw((unsigned) i + 1), width);
		again = fit_to(width, n);
		same = same && fit.scale == again.scale && fit.evaluations == again.evaluations;
		for (i = 0; i < n && fit.converged && again.converged; i++)
		{
			double		vector[20];
			double		mean;
			double		p;

			for (j = 0; j < width; j++)
				vector[j] = vectors[i * (size_t) width + (size_t) j] * (i % 2 ? 1 : 100);
			mean = ecapi_ziln_mean(&fit, vector);
			p = ecapi_ziln_any(&fit, vector);
			bounded = bounded && mean >= 0 && mean <= fit.most && p >= 0 && p <= 1;
			same = same && mean == ecapi_ziln_mean(&again, vector) && p == ecapi_ziln_any(&again, vector);
		}
		unit_free();
	}
	check(converged, "every fit converges");
	check(bounded, "means lie between 0 and the largest value, probabilities between 0 and 1");
	check(same, "another order of customers changes no bit");
}

/* ---- how long ---- */

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static int
time_it(size_t n)
{
	int			width = 31;
	double	   *rows = unit_grab(NULL, n * (size_t) width * sizeof(double));
	double	   *amounts = unit_grab(NULL, n * sizeof(double));
	uint64_t   *ids = unit_grab(NULL, n * sizeof(uint64_t));
	EcapiZiln	fit;
	double		start;
	double		sum = 0;
	size_t		i;
	int			j;

	for (i = 0; i < n; i++)
	{
		double	   *row = rows + i * (size_t) width;
		double		known = 0;

		row[0] = 1;
		/* numbers that depend on each other, and indicators */
		for (j = 1; j < width; j++)
		{
			row[j] = j > 15 ? draw(4) == 0 : draw_normal() * 0.5 + (j > 1 ? row[j - 1] * 0.8 : 0);
			known += row[j] * (j % 3 - 1) * 0.1;
		}
		amounts[i] = draw_uniform() > 1 / (1 + exp(-known)) ? 0 : exp(4 + known + 1.2 * draw_normal());
		ids[i] = ecapi_metrics_key((const char *) &i, sizeof(i));
	}
	start = seconds();
	ecapi_ziln_fit(rows, width, amounts, ids, n, &control, &fit);
	printf("# fit of %zu customers, %d columns and an intercept: %.2f s, %d evaluations, %s\n", n, width - 1,
		   seconds() - start, fit.evaluations, fit.problem ? fit.problem : "converged");
	start = seconds();
	for (i = 0; fit.converged && i < 1000000; i++)
		sum += ecapi_ziln_mean(&fit, rows + i % n * (size_t) width) + ecapi_ziln_any(&fit, rows + i % n * (size_t) width);
	printf("# mean and probability of a million: %.2f s (%.0f)\n", seconds() - start, sum);
	return 0;
}

int
main(int argc, char **argv)
{
	seed_draws();
	if (argc > 1)
		return time_it((size_t) atol(argv[1]));
	test_known();
	test_too_few();
	test_all_with_value();
	test_dependent();
	test_outlier();
	test_control();
	test_explained();
	test_random();
	return unit_done();
}
