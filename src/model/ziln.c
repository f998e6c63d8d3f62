/*
 * ziln.c
 *	  What a customer is worth within a horizon, by regression on what is known early.
 *
 * Customers are sorted by key before anything is added up: equal sums whatever their
 * order.  All memory is taken before the optimizer runs.  No I/O, no state, no locks.
 */
#include "model/ziln.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/inverse.h"
#include "model/metrics.h"
#include "model/optimize.h"
#include "model/ziln_loss.h"

/* Customers to learn from at least, and among them such with value: of so few, the interval
 * of a probability of a half is more than a quarter wide, and no report would be of use. */
#define CUSTOMERS		50
#define WITH_VALUE		10

/* Customers between two looks at whether to stop: a millisecond. */
#define STOP_EVERY		4096

/* Of an entry of the Hessian, a sum of many terms. */
#define PRECISION		1e-12

/* A customer of the learning data. */
typedef struct Customer
{
	EcapiZilnCase it;
	const double *vector;
	uint64_t	key;
	int			width;			/* of the vector, for its comparison */
	int			fold;
} Customer;

/* What an objective is of. */
typedef struct Task
{
	const Customer *customers;
	size_t		n;
	size_t		with_value;		/* of these, such with value */
	int			width;
	int			without;		/* a fold that is left out; -1: none */
	size_t		used;			/* customers that are not left out */
	bool		stopped;		/* the caller said so amid an evaluation */
	const EcapiFitControl *control;
} Task;

static int
by_key(const void *a, const void *b)
{
	const Customer *x = a;
	const Customer *y = b;
	int			i;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->it.value != y->it.value)
		return x->it.value < y->it.value ? -1 : 1;
	for (i = 0; i < x->width; i++)
		if (x->vector[i] != y->vector[i])
			return x->vector[i] < y->vector[i] ? -1 : 1;
	return 0;
}

/* What the optimizer minimizes; NaN once the caller wants to stop. */
static double
objective(int n, const double *x, double *gradient, void *arg)
{
	Task	   *task = arg;
	double		sum = 0;
	size_t		i;

	if (gradient)
		memset(gradient, 0, (size_t) n * sizeof(double));
	for (i = 0; i < task->n; i++)
	{
		task->stopped = task->stopped || (i % STOP_EVERY == STOP_EVERY - 1 && ecapi_fit_stop(task->control));
		if (task->stopped)
			return NAN;
		if (task->customers[i].fold != task->without)
			sum += ecapi_ziln_case_loss(&task->customers[i].it, task->width, x, gradient);
	}
	return ecapi_ziln_mean_loss(sum, task->used, task->width, x, gradient);
}

/* ---- standard errors ---- */

/* Whether the caller has not stopped the fit, which says so otherwise. */
static bool
not_stopped(EcapiZiln *fit, bool stopped)
{
	if (!stopped)
		return true;
	fit->stopped = true;
	fit->problem = "the fit was stopped";
	return false;
}

/* Standard errors of n coefficients by their Hessian, which is overwritten; NaN where it gives none. */
static void
errors_of(double *hessian, int n, double *errors)
{
	bool		found = ecapi_inverse_diagonal(n, hessian, PRECISION, errors);
	int			i;

	for (i = 0; i < n; i++)
		errors[i] = found ? sqrt(errors[i]) : NAN;
}

/*
 * Standard errors and the log-likelihood at x; curvature has room for both Hessians.  False:
 * the caller has stopped the fit.
 */
static bool
judge(const Task *task, const double *x, double *curvature, EcapiZiln *fit)
{
	int			width = task->width;
	double	   *amount = curvature + width * width;
	double		sum = 0;
	size_t		i;

	memset(curvature, 0, 5 * (size_t) width * (size_t) width * sizeof(double));
	for (i = 0; i < task->n; i++)
	{
		/* takes as long as some tens of losses */
		if (i % (STOP_EVERY / 32) == 0 && ecapi_fit_stop(task->control))
			return not_stopped(fit, true);
		sum += ecapi_ziln_case_loss(&task->customers[i].it, width, x, NULL);
		ecapi_ziln_add_curvature(&task->customers[i].it, width, x, curvature, amount);
	}
	ecapi_ziln_add_penalty_curvature(width, x, curvature, amount);
	errors_of(curvature, width, fit->error);
	errors_of(amount, 2 * width, fit->error + width);
	fit->log_likelihood = -sum;
	return true;
}

/* ---- the fit ---- */

/* The mean of a vector before calibration. */
static double
plain_mean(const EcapiZiln *fit, const double *vector)
{
	double		logit = ecapi_ziln_linear(fit->any, vector, fit->width);
	double		mu = ecapi_ziln_linear(fit->mu, vector, fit->width);
	double		sigma = ecapi_ziln_spread(ecapi_ziln_linear(fit->sigma, vector, fit->width));

	return fmin(fit->most, exp(mu + sigma * sigma / 2 - ecapi_softplus(-logit)));
}

static size_t
count_used(Task *task)
{
	size_t		i;

	task->used = 0;
	for (i = 0; i < task->n; i++)
		task->used += task->customers[i].fold != task->without;
	return task->used;
}

/* Minimize from x; false: fit->problem says why not. */
static bool
minimize(Task *task, double *x, EcapiZiln *fit)
{
	EcapiOptimum optimum;

	ecapi_optimize(3 * task->width, x, objective, task, task->control, &optimum);
	fit->evaluations += optimum.evaluations;
	if (!optimum.converged)
		fit->problem = optimum.problem;
	return not_stopped(fit, optimum.stopped || task->stopped) && optimum.converged;
}

/*
 * How much more, in total, customers bring than a fit without them says: each fold is
 * predicted by the fit to all others.  That fit starts at the whole one's coefficients, x,
 * and ends close to them; y has room for as many.
 */
static bool
calibrate(Task *task, const double *x, double *y, EcapiZiln *fit)
{
	EcapiZiln	other = *fit;
	double		actual = 0;
	double		predicted = 0;
	size_t		i;

	other.any = y;
	other.mu = y + task->width;
	other.sigma = y + 2 * task->width;
	for (task->without = 0; task->without < ECAPI_ZILN_FOLDS; task->without++)
	{
		size_t		used = count_used(task);

		if (used == 0 || used == task->n)
			continue;
		memcpy(y, x, 3 * (size_t) task->width * sizeof(double));
		if (!minimize(task, y, fit))
			return false;
		for (i = 0; i < task->n; i++)
			if (task->customers[i].fold == task->without)
			{
				actual += task->customers[i].it.value;
				predicted += plain_mean(&other, task->customers[i].vector);
			}
	}
	fit->uncalibrated = predicted > 0 ? actual / predicted : 1;
	fit->scale = fmax(1 / ECAPI_ZILN_SCALE, fmin(ECAPI_ZILN_SCALE, fit->uncalibrated));
	return true;
}

/* Why there is nothing to learn from these customers; NULL: there is. */
static const char *
problem_of(const double *values, size_t n)
{
	size_t		with_value = 0;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		if (!(values[i] >= 0) || !isfinite(values[i]))
			return "a value within the horizon is negative or not a number";
		with_value += values[i] > 0;
	}
	if (n < CUSTOMERS)
		return "fewer than 50 customers are too few to learn from";
	if (with_value == 0)
		return "no customer brought any value within the horizon";
	if (with_value < WITH_VALUE)
		return "fewer than 10 customers brought any value within the horizon";
	return NULL;
}

/* Intercepts where no column tells anything: the share with value, mean and deviation of logs. */
static void
start_at(const Task *task, double *x)
{
	double		with_value = (double) task->with_value;
	double		sum = 0;
	double		squares = 0;
	double		deviation;
	size_t		i;

	memset(x, 0, 3 * (size_t) task->width * sizeof(double));
	for (i = 0; i < task->n; i++)
		sum += task->customers[i].it.value > 0 ? task->customers[i].it.log : 0;
	for (i = 0; i < task->n; i++)
		if (task->customers[i].it.value > 0)
		{
			double		off = task->customers[i].it.log - sum / with_value;

			squares += off * off;
		}
	deviation = fmax(0.1, sqrt(squares / with_value));
	x[0] = log((with_value + 0.5) / ((double) task->n - with_value + 0.5));
	x[task->width] = sum / with_value;
	x[2 * task->width] = log(expm1(deviation - ECAPI_ZILN_SIGMA));
}

/* Memory for count numbers; NULL: none. */
static double *
grab_numbers(const EcapiFitControl *control, size_t count)
{
	return control->grab(control->arg, count * sizeof(double));
}

/*
 * Sort n customers by key, and pack their vectors one after the other in that order.  False:
 * no memory.
 */
static bool
prepare(Task *task, const double *vectors, const double *values, const uint64_t *keys)
{
	const EcapiFitControl *control = task->control;
	size_t		n = task->n;
	size_t		width = (size_t) task->width;
	Customer   *customers = n <= SIZE_MAX / sizeof(Customer) ? control->grab(control->arg, n * sizeof(Customer)) : NULL;
	size_t		members = 0;
	uint16_t   *at;
	double	   *member;
	size_t		i;
	size_t		j;

	for (i = 0; i < n * width; i++)
		members += vectors[i] != 0;
	at = control->grab(control->arg, members * sizeof(uint16_t));
	member = grab_numbers(control, members);
	if (customers == NULL || at == NULL || member == NULL)
		return false;
	for (i = 0; i < n; i++)
	{
		customers[i] = (Customer) {
			.it = {.value = values[i], .log = log(values[i])}, .vector = vectors + i * width, .key = keys[i],
			.width = task->width, .fold = ecapi_metrics_fold(keys[i], ECAPI_ZILN_FOLDS)
		};
		task->with_value += values[i] > 0;
	}
	qsort(customers, n, sizeof(Customer), by_key);
	for (i = 0; i < n; i++)
	{
		EcapiZilnCase *it = &customers[i].it;

		it->at = at;
		it->member = member;
		for (j = 0; j < width; j++)
			if (customers[i].vector[j] != 0)
			{
				*at++ = (uint16_t) j;
				*member++ = customers[i].vector[j];
				it->count++;
			}
	}
	task->customers = customers;
	return true;
}

void
ecapi_ziln_fit(const double *vectors, int width, const double *values, const uint64_t *keys, size_t n,
			   const EcapiFitControl *control, EcapiZiln *fit)
{
	Task		task = {.n = n, .width = width, .without = -1, .used = n, .control = control};
	size_t		w = (size_t) width;
	double	   *x;
	double	   *y;
	double	   *curvature;
	size_t		i;

	*fit = (EcapiZiln) {.width = width, .scale = 1, .uncalibrated = 1, .log_likelihood = NAN};
	fit->problem = problem_of(values, n);
	if (fit->problem)
		return;
	x = grab_numbers(control, 3 * w);
	y = grab_numbers(control, 3 * w);
	curvature = grab_numbers(control, 5 * w * w);
	fit->error = grab_numbers(control, 3 * w);
	if (x == NULL || y == NULL || curvature == NULL || fit->error == NULL ||
		!prepare(&task, vectors, values, keys))
	{
		fit->problem = "there is no memory";
		return;
	}
	fit->any = x;
	fit->mu = x + width;
	fit->sigma = x + 2 * width;
	for (i = 0; i < n; i++)
		fit->most = fmax(fit->most, values[i]);

	start_at(&task, x);
	if (!minimize(&task, x, fit) || !judge(&task, x, curvature, fit) || !calibrate(&task, x, y, fit))
		return;
	fit->converged = true;
	if (fit->scale != fit->uncalibrated)
		fit->warning = "a few customers brought most of the value, and totals are not calibrated to them";
	else if (task.with_value == n)
		fit->warning = "all customers brought value within the horizon, so whether one will is not learnt";
}

double
ecapi_ziln_mean(const EcapiZiln *fit, const double *vector)
{
	return fmin(fit->most, fit->scale * plain_mean(fit, vector));
}

double
ecapi_ziln_any(const EcapiZiln *fit, const double *vector)
{
	return ecapi_logistic(ecapi_ziln_linear(fit->any, vector, fit->width));
}
