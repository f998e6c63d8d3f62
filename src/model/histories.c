/*
 * histories.c
 *	  Customers to distinct histories, and the mean of a likelihood over these.
 *
 * Invariant: whatever the order of the customers, rows and sums are the same to the last bit.
 */
#include <math.h>
#include <stdlib.h>

#include "model/histories.h"

/* Rows between two questions whether to stop: below a millisecond of any likelihood here. */
#define ASK_EVERY		1024

static bool
is_history(const EcapiCustomer *customer)
{
	return isfinite(customer->x) && isfinite(customer->T) &&
		customer->x >= 0 && customer->x == floor(customer->x) &&
		customer->t_x >= 0 && customer->t_x <= customer->T &&
		(customer->x > 0 || customer->t_x == 0);
}

static int
compare(double a, double b)
{
	return (a > b) - (a < b);
}

static int
compare_rows(const void *a, const void *b)
{
	const EcapiHistory *one = a;
	const EcapiHistory *other = b;
	int			order = compare(one->x, other->x);

	if (order == 0)
		order = compare(one->t_x, other->t_x);
	return order != 0 ? order : compare(one->T, other->T);
}

/* Of equal rows, which stand together, the first remains and counts them. */
static size_t
unite(EcapiHistory *rows, size_t n)
{
	size_t		last = 0;
	size_t		i;

	for (i = 1; i < n; i++)
	{
		if (compare_rows(&rows[last], &rows[i]) == 0)
			rows[last].count++;
		else
			rows[++last] = rows[i];
	}
	return last + 1;
}

static const char *
summarize(EcapiHistories *histories, int nparams)
{
	double		orders = 0;
	double		weeks = 0;
	size_t		i;

	histories->longest = 0;
	for (i = 0; i < histories->n; i++)
	{
		orders += histories->rows[i].x * histories->rows[i].count;
		weeks += histories->rows[i].T * histories->rows[i].count;
		histories->longest = fmax(histories->longest, histories->rows[i].T);
	}
	if (weeks == 0)
		return "no customer was observed for any time after the first order";
	if (orders == 0)
		return "no customer ordered again";
	if (histories->n == 1)
		return "all customers have the same history, which does not show how they differ";
	if (histories->n < (size_t) nparams)
		return "customers have fewer different histories than the model has parameters";
	histories->rate = orders / weeks;
	histories->weeks = weeks / histories->customers;
	return NULL;
}

const char *
ecapi_histories_collect(EcapiHistories *histories, const EcapiCustomer *customers, size_t n,
						int nparams, const EcapiFitControl *control)
{
	EcapiHistory *rows;
	size_t		i;

	if (n == 0)
		return "there are no customers";
	if (n == 1)
		return "one customer does not show how customers differ";
	rows = control->grab(control->arg, n * sizeof(EcapiHistory));
	if (rows == NULL)
		return "there is no memory for the customers' histories";
	for (i = 0; i < n; i++)
	{
		if (!is_history(&customers[i]))
			return "the orders or times of a customer are negative, out of order or not finite";
		rows[i].x = customers[i].x;
		rows[i].t_x = customers[i].t_x;
		rows[i].T = customers[i].T;
		rows[i].count = 1;
	}
	qsort(rows, n, sizeof(EcapiHistory), compare_rows);
	histories->rows = rows;
	histories->n = unite(rows, n);
	histories->customers = (double) n;
	histories->control = control;
	return summarize(histories, nparams);
}

double
ecapi_histories_mean(const EcapiHistories *histories, EcapiHistoryLikelihood likelihood, int nparams,
					 const double *logs, void *scratch, double *gradient)
{
	double		param[ECAPI_FIT_PARAMS];
	double		sum = 0;
	size_t		row;
	int			i;

	for (i = 0; i < nparams; i++)
	{
		param[i] = exp(logs[i]);
		if (gradient)
			gradient[i] = 0;
	}
	for (row = 0; row < histories->n; row++)
	{
		const EcapiHistory *history = &histories->rows[row];
		double		by_param[ECAPI_FIT_PARAMS];

		if (row % ASK_EVERY == 0 && ecapi_fit_stop(histories->control))
			return NAN;
		sum += history->count * likelihood(history, param, scratch, gradient ? by_param : NULL);
		for (i = 0; gradient && i < nparams; i++)
			gradient[i] += history->count * by_param[i];
	}
	for (i = 0; gradient && i < nparams; i++)
		gradient[i] *= -param[i] / histories->customers;
	return -sum / histories->customers;
}
