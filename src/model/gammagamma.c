/*
 * gammagamma.c
 *	  Gamma-Gamma: likelihood, gradient and the expected value of an order.
 *
 * The density of the mean m of x values (Fader and Hardie 2013), with its terms
 * collected so that huge parameters cancel before they are added:
 *
 *	   log f = log G(px + q)/G(q) - log G(px) - q log(1 + v) - px log(1 + 1/v) - log m,
 *	   v = mx / gamma, G the gamma function
 *
 * Of the first two terms G(px) and G(q) change places where px is the larger.
 *
 * The first two terms depend on x alone; rows are sorted by x and keep them from one to the next.
 * Rows are sorted by m, too, so that sums do not depend on the order of the customers.
 *
 * No state between two calls.
 */
#include <math.h>
#include <stdlib.h>

#include "model/estimate.h"
#include "model/gammagamma.h"
#include "model/special.h"

enum {P, Q, GAMMA};

const char *const ecapi_gammagamma_params[ECAPI_GAMMAGAMMA_PARAMS] = {"p", "q", "gamma"};

/*
 * Mean values whose logarithms have a smaller standard deviation are alike: p and q then grow together
 * without end, and where a search stops is decided by the last digits of sums.  The mean of all is
 * as good within that hundredth.
 */
#define LEAST_SPREAD	0.01

/* Rows between two questions whether to stop. */
#define ASK_EVERY		1024

typedef struct Spender
{
	double		x;
	double		m;
	double		log_m;
} Spender;

typedef struct Spenders
{
	Spender    *rows;
	size_t		n;
	double		mean;			/* of m */
	const EcapiFitControl *control;
} Spenders;

static int
compare_spenders(const void *a, const void *b)
{
	const Spender *one = a;
	const Spender *other = b;

	if (one->x != other->x)
		return one->x < other->x ? -1 : 1;
	return (one->m > other->m) - (one->m < other->m);
}

/* Whether mean values are so near each other that there is nothing to fit. */
static bool
are_alike(const Spenders *spenders)
{
	double		mean = 0;
	double		squares = 0;
	size_t		i;

	for (i = 0; i < spenders->n; i++)
		mean += spenders->rows[i].log_m / (double) spenders->n;
	for (i = 0; i < spenders->n; i++)
	{
		double		off = spenders->rows[i].log_m - mean;

		squares += off * off / (double) spenders->n;
	}
	return squares < LEAST_SPREAD * LEAST_SPREAD;
}

/* NULL, or why there is no fit. */
static const char *
collect(Spenders *spenders, const EcapiCustomer *customers, size_t n, const EcapiFitControl *control)
{
	size_t		different = 1;
	size_t		i;

	if (n == 0)
		return "there are no customers";
	spenders->control = control;
	spenders->n = 0;
	spenders->mean = 0;
	spenders->rows = control->grab(control->arg, n * sizeof(Spender));
	if (spenders->rows == NULL)
		return "there is no memory for the customers' values";
	for (i = 0; i < n; i++)
	{
		Spender    *row = &spenders->rows[spenders->n];

		if (!isfinite(customers[i].x) || !isfinite(customers[i].m_x) ||
			customers[i].x < 0 || customers[i].m_x < 0)
			return "the orders of a customer or their mean value are negative or not finite";
		if (customers[i].x == 0 || customers[i].m_x == 0)
			continue;
		row->x = customers[i].x;
		row->m = customers[i].m_x;
		row->log_m = log(row->m);
		spenders->n++;
	}
	if (spenders->n == 0)
		return "no customer has a repeat order of a value";
	qsort(spenders->rows, spenders->n, sizeof(Spender), compare_spenders);
	for (i = 0; i < spenders->n; i++)
	{
		spenders->mean += spenders->rows[i].m / (double) spenders->n;
		different += i > 0 && compare_spenders(&spenders->rows[i - 1], &spenders->rows[i]) != 0;
	}
	if (different < ECAPI_GAMMAGAMMA_PARAMS)
		return "customers have fewer different mean values than the model has parameters";
	if (are_alike(spenders))
		return "the mean values of customers hardly differ";
	return NULL;
}

/* What depends on x and the parameters alone. */
typedef struct ByCount
{
	double		x;
	double		value;
	double		by_p;
	double		by_q;
	double		log_x;
} ByCount;

static void
set_count(ByCount *by_count, double x, double p, double q, bool gradient)
{
	by_count->x = x;
	/* the difference of the two large ones is taken first: their digits are not its */
	by_count->value = p * x > q ? ecapi_log_rising(p * x, q) - lgamma(q)
		: ecapi_log_rising(q, p * x) - lgamma(p * x);
	by_count->log_x = log(x);
	if (gradient)
	{
		by_count->by_p = ecapi_digamma_rising(p * x, q);
		by_count->by_q = ecapi_digamma_rising(q, p * x);
	}
}

/* Minus the mean log-likelihood of the logarithms, and its gradient by these. */
static double
objective(int n, const double *logs, double *gradient, void *arg)
{
	const Spenders *spenders = arg;
	double		p = exp(logs[P]);
	double		q = exp(logs[Q]);
	double		gamma = exp(logs[GAMMA]);
	double		sum = 0;
	double		by[ECAPI_GAMMAGAMMA_PARAMS] = {0};
	ByCount		by_count = {0};
	size_t		i;
	int			j;

	for (i = 0; i < spenders->n; i++)
	{
		const Spender *row = &spenders->rows[i];
		double		x = row->x;
		double		v = row->m * x / gamma;
		double		q_part = log1p(v);
		double		p_part;		/* log(1 + 1/v), which a difference spares where it has the digits */

		if (i % ASK_EVERY == 0 && ecapi_fit_stop(spenders->control))
			return NAN;
		if (by_count.x != x)
			set_count(&by_count, x, p, q, gradient != NULL);
		p_part = v < 10 ? q_part - (row->log_m + by_count.log_x - logs[GAMMA]) : log1p(1 / v);
		sum += by_count.value - q * q_part - p * x * p_part - row->log_m;
		by[P] += x * (by_count.by_p - p_part);
		by[Q] += by_count.by_q - q_part;
		by[GAMMA] += (q * v - p * x) / (gamma * (1 + v));
	}
	for (j = 0; gradient && j < n; j++)
		gradient[j] = -by[j] * exp(logs[j]) / (double) spenders->n;
	return -sum / (double) spenders->n;
}

/* Starts have the mean of the values, p gamma / (q - 1). */
static void
set_starts(EcapiEstimate *estimate, double mean)
{
	static const double starts[ECAPI_ESTIMATE_STARTS][2] = {{5, 4}, {1, 2}, {20, 10}, {0.5, 20}};
	int			i;

	for (i = 0; i < ECAPI_ESTIMATE_STARTS; i++)
	{
		estimate->start[i][P] = starts[i][P];
		estimate->start[i][Q] = starts[i][Q];
		estimate->start[i][GAMMA] = mean * (starts[i][Q] - 1) / starts[i][P];
	}
}

void
ecapi_gammagamma_fit(const EcapiCustomer *customers, size_t n, const EcapiFitControl *control,
					 EcapiFit *fit)
{
	Spenders	spenders;
	EcapiEstimate estimate = {.nparams = ECAPI_GAMMAGAMMA_PARAMS, .objective = objective, .arg = &spenders};
	const char *problem = collect(&spenders, customers, n, control);
	int			evaluations;

	if (problem)
	{
		ecapi_estimate_none(fit, ECAPI_GAMMAGAMMA_PARAMS, problem);
		return;
	}
	estimate.rows = (double) spenders.n;
	set_starts(&estimate, spenders.mean);
	ecapi_estimate(&estimate, control, fit);
	if (fit->converged && !(fit->param[Q] > 1))
	{
		evaluations = fit->evaluations;
		ecapi_estimate_none(fit, ECAPI_GAMMAGAMMA_PARAMS,
							"values differ so much that the mean of customers has no finite expectation (q is at most 1)");
		fit->evaluations = evaluations;
	}
}

double
ecapi_gammagamma_mean(const EcapiFit *fit, const EcapiCustomer *customer)
{
	const double *param = fit->param;
	double		x = customer->m_x > 0 ? customer->x : 0;

	return param[P] * (param[GAMMA] + x * customer->m_x) / (param[P] * x + param[Q] - 1);
}
