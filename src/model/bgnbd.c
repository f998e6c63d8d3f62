/*
 * bgnbd.c
 *	  BG/NBD: likelihood, gradient and forecast.
 *
 * The likelihood is that of Fader, Hardie and Lee in the form that neither over- nor underflows
 * (their note on implementing the model in a spreadsheet):
 *
 *	   log L = D1 + D2 + log(C3 + [x > 0] C4)
 *	   D1 = log G(r + x)/G(r) + log G(b + x)/G(b) - log G(a + b + x)/G(a + b), G the gamma function
 *	   D2 = r log alpha - (r + x) log(alpha + t_x)
 *	   C3 = ((alpha + t_x) / (alpha + T))^(r + x),  C4 = a / (b + x - 1)
 *
 * with the quotients of gamma functions as such (special.h).  D1 depends on x and the parameters
 * alone, and rows come sorted by x: it is kept from one to the next.
 *
 * Forecasts.  At T, given the history, the customer is alive with probability
 * C3 / (C3 + [x > 0] C4); if so, its rate is gamma(r + x, alpha + T) and its probability of
 * leaving beta(a, b + x).  Then no order comes in w weeks with probability
 * ((alpha + T) / (alpha + T + w))^(r + x), and how many are expected is a sum of positive terms
 * (special.c), equal to the article's conditional expectation, which has a 2F1.
 *
 * No state between two calls.
 */
#include <math.h>

#include "model/bgnbd.h"
#include "model/estimate.h"
#include "model/histories.h"
#include "model/special.h"

enum {R, ALPHA, A, B};

/* What depends on x and the parameters alone. */
typedef struct ByCount
{
	double		x;				/* -1: none yet */
	double		value;			/* D1 */
	double		by_r;
	double		by_a;
	double		by_b;
} ByCount;

static void
set_count(ByCount *by_count, double x, const double *param)
{
	double		both = param[A] + param[B];

	by_count->x = x;
	by_count->value = ecapi_log_rising(param[R], x) + ecapi_log_rising(param[B], x) -
		ecapi_log_rising(both, x);
	by_count->by_r = ecapi_digamma_rising(param[R], x);
	by_count->by_a = -ecapi_digamma_rising(both, x);
	by_count->by_b = ecapi_digamma_rising(param[B], x) + by_count->by_a;
}

static double
history_likelihood(const EcapiHistory *history, const double *param, void *scratch, double *gradient)
{
	ByCount    *by_count = scratch;
	double		x = history->x;
	double		quiet = history->T - history->t_x;
	double		at_last = param[ALPHA] + history->t_x;
	double		at_end = param[ALPHA] + history->T;
	double		until_last = log1p(history->t_x / param[ALPHA]);
	double		since_last = log1p(quiet / at_last);
	double		silent = -(param[R] + x) * since_last;	/* log C3 */
	double		left = x > 0 ? param[A] / (param[B] + x - 1) : 0;	/* C4 */
	double		still = x > 0 ? exp(silent) : 1;	/* C3, or of x = 0 what cancels */
	double		alive = still / (still + left);

	if (by_count->x != x)
		set_count(by_count, x, param);
	if (gradient)
	{
		gradient[R] = by_count->by_r - until_last - alive * since_last;
		gradient[ALPHA] = param[R] * history->t_x / (param[ALPHA] * at_last) - x / at_last +
			alive * (param[R] + x) * quiet / (at_last * at_end);
		gradient[A] = by_count->by_a + (1 - alive) / param[A];
		gradient[B] = by_count->by_b;
		if (x > 0)
			gradient[B] -= (1 - alive) / (param[B] + x - 1);
	}
	return by_count->value - param[R] * until_last - x * (log(param[ALPHA]) + until_last) +
		(x > 0 ? log(still + left) : silent);
}

double
ecapi_bgnbd_likelihood(const double *param, const EcapiCustomer *customer, double *gradient)
{
	EcapiHistory history = {customer->x, customer->t_x, customer->T, 1};
	ByCount		by_count = {-1, 0, 0, 0, 0};

	return history_likelihood(&history, param, &by_count, gradient);
}

static double
objective(int n, const double *logs, double *gradient, void *arg)
{
	ByCount		by_count = {-1, 0, 0, 0, 0};

	return ecapi_histories_mean(arg, history_likelihood, n, logs, &by_count, gradient);
}

/*
 * Starts have the customers' own time scale: r / alpha is their rate, or a few times it when
 * most of them soon leave.
 */
static void
set_starts(EcapiEstimate *estimate, double rate)
{
	static const double starts[ECAPI_ESTIMATE_STARTS][ECAPI_BGNBD_PARAMS] = {
		{0.5, 2, 1, 3}, {1, 1, 1, 1}, {0.2, 4, 0.5, 5}, {5, 1, 0.1, 1},
	};
	int			i;

	for (i = 0; i < ECAPI_ESTIMATE_STARTS; i++)
	{
		estimate->start[i][R] = starts[i][R];
		estimate->start[i][ALPHA] = starts[i][R] / (starts[i][ALPHA] * rate);
		estimate->start[i][A] = starts[i][A];
		estimate->start[i][B] = starts[i][B];
	}
}

void
ecapi_bgnbd_fit(const EcapiCustomer *customers, size_t n, const EcapiFitControl *control,
				EcapiFit *fit)
{
	EcapiHistories histories;
	EcapiEstimate estimate = {.nparams = ECAPI_BGNBD_PARAMS, .objective = objective, .arg = &histories};
	const char *problem = ecapi_histories_collect(&histories, customers, n, ECAPI_BGNBD_PARAMS, control);

	if (problem)
	{
		ecapi_estimate_none(fit, ECAPI_BGNBD_PARAMS, problem);
		return;
	}
	estimate.rows = histories.customers;
	set_starts(&estimate, histories.rate);
	ecapi_estimate(&estimate, control, fit);
}

double
ecapi_bgnbd_alive(const EcapiFit *fit, const EcapiCustomer *customer)
{
	const double *param = fit->param;
	double		odds;

	if (customer->x == 0)
		return 1;
	odds = log(param[A] / (param[B] + customer->x - 1)) + (param[R] + customer->x) *
		log1p((customer->T - customer->t_x) / (param[ALPHA] + customer->t_x));
	return 1 / (1 + exp(odds));
}

/* The probability of an order in the weeks from T of a customer that is alive then. */
static double
any_if_alive(const EcapiFit *fit, const EcapiCustomer *customer, double weeks)
{
	return -expm1(-(fit->param[R] + customer->x) * log1p(weeks / (fit->param[ALPHA] + customer->T)));
}

static double
expected_if_alive(const EcapiFit *fit, const EcapiCustomer *customer, double weeks)
{
	return ecapi_orders_before_last(fit->param[R] + customer->x,
									weeks / (fit->param[ALPHA] + customer->T),
									fit->param[A], fit->param[B] + customer->x);
}

double
ecapi_bgnbd_any(const EcapiFit *fit, const EcapiCustomer *customer, double weeks)
{
	return ecapi_bgnbd_alive(fit, customer) * any_if_alive(fit, customer, weeks);
}

double
ecapi_bgnbd_expected(const EcapiFit *fit, const EcapiCustomer *customer, double weeks)
{
	return ecapi_bgnbd_alive(fit, customer) * expected_if_alive(fit, customer, weeks);
}

void
ecapi_bgnbd_forecast(const EcapiFit *fit, const EcapiCustomer *customer, double weeks,
					 EcapiForecast *forecast)
{
	forecast->alive = ecapi_bgnbd_alive(fit, customer);
	forecast->any = forecast->alive * any_if_alive(fit, customer, weeks);
	forecast->expected = forecast->alive * expected_if_alive(fit, customer, weeks);
}

void
ecapi_bgnbd_forecasts(const EcapiFit *fit, const EcapiCustomer *customers, size_t n, double weeks,
					  EcapiForecast *forecasts)
{
	size_t		i;

	for (i = 0; i < n; i++)
		ecapi_bgnbd_forecast(fit, &customers[i], weeks, &forecasts[i]);
}
