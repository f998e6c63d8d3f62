/*
 * pareto.c
 *	  Pareto/NBD: likelihood, gradient and forecast.
 *
 * Write c = r + x, g(t) = (1 + t/alpha)^-c (1 + t/beta)^-s, and phi(t) for the probability that
 * a customer that is silent until t leaves before it orders (special.h, ecapi_leaves_first with
 * the ratio (beta + t) / (alpha + t)).  The likelihood of Fader and Hardie's note,
 *
 *	   L = G(r + x)/G(r) alpha^r beta^s (1 / ((alpha + T)^(r+x) (beta + T)^s) + s/(r+s+x) A0)
 *
 * where A0 is a difference of two 2F1, is
 *
 *	   L = G(r + x)/G(r) alpha^-x (g(t_x) phi(t_x) + g(T) (1 - phi(T)))
 *
 * for s/(r+s+x) A0 is alpha^-r-x beta^-s (g(t_x) phi(t_x) - g(T) phi(T)).  Both terms are
 * positive: nothing cancels.  The note's two cases, alpha at least beta or not, are the two ends
 * of Pfaff's transformation, chosen by ecapi_leaves_first.  In a fit, phi and its derivatives are
 * interpolated for all customers of one x (leaving.h); rows come sorted by x.
 *
 * Forecasts.  The customer is alive with probability g(T) over the sum in parentheses; if so,
 * its rates are gamma(r + x, alpha + T) and gamma(s, beta + T), and the expected orders are
 * those of a new customer with these, as Schmittlein et al. found.  No order in w weeks from
 * T, given the history, is the same history that is silent until T + w: its probability is
 * L(T + w) / L(T), which is P(X(T, T + w) = 0 | x, t_x, T) of Fader and Hardie's note on that; in
 * the difference to 1 the terms of t_x cancel by themselves.
 *
 * No state between two calls.
 */
#include <math.h>

#include "model/estimate.h"
#include "model/histories.h"
#include "model/leaving.h"
#include "model/pareto.h"
#include "model/special.h"

enum {R, ALPHA, S, BETA};

/* What depends on x and the parameters alone. */
typedef struct ByCount
{
	const EcapiHistories *histories;	/* NULL: of a single history */
	double		x;				/* -1: none yet */
	double		value;
	double		by_r;
	EcapiLeaving leaving;
} ByCount;

static double
log_ratio(const double *param, double t)
{
	return log((param[BETA] + t) / (param[ALPHA] + t));
}

/* Rows behind one, itself included, that have its x; they stand together, and it is the first. */
static double
rows_of_count(const EcapiHistories *histories, const EcapiHistory *first)
{
	const EcapiHistory *row;

	for (row = first; row < histories->rows + histories->n && row->x == first->x; row++)
		;
	return (double) (row - first);
}

static void
set_count(ByCount *by_count, const EcapiHistory *history, const double *param)
{
	double		x = history->x;
	double		longest = by_count->histories ? by_count->histories->longest : history->T;
	double		uses = by_count->histories ? 2 * rows_of_count(by_count->histories, history) : 2;

	by_count->x = x;
	by_count->value = ecapi_log_rising(param[R], x) - x * log(param[ALPHA]);
	by_count->by_r = ecapi_digamma_rising(param[R], x);
	ecapi_leaving_set(&by_count->leaving, param[R] + x, param[S],
					  log_ratio(param, 0), log_ratio(param, longest), uses);
}

static double
history_likelihood(const EcapiHistory *history, const double *param, void *scratch, double *gradient)
{
	ByCount    *by_count = scratch;
	double		orders = param[R] + history->x;
	double		t_x = history->t_x;
	double		quiet = history->T - t_x;
	double		alpha = param[ALPHA] + t_x;
	double		beta = param[BETA] + t_x;
	double		alpha_end = param[ALPHA] + history->T;
	double		beta_end = param[BETA] + history->T;
	double		until_alpha = log1p(t_x / param[ALPHA]);
	double		until_beta = log1p(t_x / param[BETA]);
	double		since_alpha = log1p(quiet / alpha);
	double		since_beta = log1p(quiet / beta);
	double		silent = exp(-orders * since_alpha - param[S] * since_beta);	/* g(T) / g(t_x) */
	double		stays,
				sum;
	EcapiLeft	last,
				end;

	if (by_count->x != history->x)
		set_count(by_count, history, param);
	ecapi_leaving_get(&by_count->leaving, log(beta / alpha), &last);
	ecapi_leaving_get(&by_count->leaving, log(beta_end / alpha_end), &end);
	stays = silent * (1 - end.first);
	sum = last.first + stays;
	if (gradient)
	{
		gradient[R] = by_count->by_r - until_alpha +
			(last.by_c - stays * since_alpha - silent * end.by_c) / sum;
		gradient[ALPHA] = (orders * t_x / alpha - history->x) / param[ALPHA] +
			(-last.by_log_ratio / alpha + stays * orders * quiet / (alpha * alpha_end) +
			 silent * end.by_log_ratio / alpha_end) / sum;
		gradient[S] = -until_beta +
			(last.by_s - stays * since_beta - silent * end.by_s) / sum;
		gradient[BETA] = param[S] * t_x / (param[BETA] * beta) +
			(last.by_log_ratio / beta + stays * param[S] * quiet / (beta * beta_end) -
			 silent * end.by_log_ratio / beta_end) / sum;
	}
	return by_count->value - orders * until_alpha - param[S] * until_beta + log(sum);
}

double
ecapi_pareto_likelihood(const double *param, const EcapiCustomer *customer, double *gradient)
{
	EcapiHistory history = {customer->x, customer->t_x, customer->T, 1};
	ByCount		by_count = {.x = -1};

	return history_likelihood(&history, param, &by_count, gradient);
}

static double
objective(int n, const double *logs, double *gradient, void *arg)
{
	ByCount		by_count = {.histories = arg, .x = -1};

	return ecapi_histories_mean(arg, history_likelihood, n, logs, &by_count, gradient);
}

/*
 * Starts have the customers' own time scale: r / alpha is their rate, or a few times it when
 * most of them soon leave; beta is in their time.
 */
static void
set_starts(EcapiEstimate *estimate, double rate, double weeks)
{
	static const double starts[ECAPI_ESTIMATE_STARTS][ECAPI_PARETO_PARAMS] = {
		{0.5, 2, 0.5, 0.5}, {1, 1, 1, 1}, {0.2, 4, 2, 2}, {5, 1, 0.1, 1},
	};
	int			i;

	for (i = 0; i < ECAPI_ESTIMATE_STARTS; i++)
	{
		estimate->start[i][R] = starts[i][R];
		estimate->start[i][ALPHA] = starts[i][R] / (starts[i][ALPHA] * rate);
		estimate->start[i][S] = starts[i][S];
		estimate->start[i][BETA] = starts[i][BETA] * weeks;
	}
}

void
ecapi_pareto_fit(const EcapiCustomer *customers, size_t n, const EcapiFitControl *control,
				 EcapiFit *fit)
{
	EcapiHistories histories;
	EcapiEstimate estimate = {.nparams = ECAPI_PARETO_PARAMS, .objective = objective, .arg = &histories};
	const char *problem = ecapi_histories_collect(&histories, customers, n, ECAPI_PARETO_PARAMS, control);

	if (problem)
	{
		ecapi_estimate_none(fit, ECAPI_PARETO_PARAMS, problem);
		return;
	}
	estimate.rows = histories.customers;
	set_starts(&estimate, histories.rate, histories.weeks);
	ecapi_estimate(&estimate, control, fit);
}

/* log(g(to) / g(from)) */
static double
log_silent(const double *param, double x, double from, double to)
{
	return -(param[R] + x) * log1p((to - from) / (param[ALPHA] + from)) -
		param[S] * log1p((to - from) / (param[BETA] + from));
}

/* phi of a customer, at the times that a forecast needs. */
typedef struct Leaves
{
	double		last;			/* t_x */
	double		end;			/* T */
	double		until;			/* T + weeks */
} Leaves;

static void
forecast_by(const Leaves *leaves, const double *param, const EcapiCustomer *customer, double weeks,
			EcapiForecast *forecast)
{
	double		x = customer->x;
	double		until = customer->T + weeks;
	double		silent = exp(log_silent(param, x, customer->t_x, customer->T));
	double		still_silent = exp(log_silent(param, x, customer->T, until));
	double		stays = 1 - leaves->end;
	double		any = stays - still_silent * (1 - leaves->until);
	double		beta = param[BETA] + customer->T;
	double		time = log1p(weeks / beta);
	double		power = (param[S] - 1) * time;

	forecast->alive = fmin(1, silent / (leaves->last + silent * stays));
	forecast->any = forecast->alive * fmin(fmax(any, 0), 1);
	/* (1 - exp(-power)) / (s - 1), of which s = 1 is no exception */
	time *= fabs(power) < 1e-9 ? 1 - power / 2 : -expm1(-power) / power;
	forecast->expected = forecast->alive * (param[R] + x) * beta / (param[ALPHA] + customer->T) * time;
}

void
ecapi_pareto_forecast(const EcapiFit *fit, const EcapiCustomer *customer, double weeks,
					  EcapiForecast *forecast)
{
	const double *param = fit->param;
	double		times[] = {customer->t_x, customer->T, customer->T + weeks};
	double		phi[3];
	Leaves		leaves;
	int			i;

	for (i = 0; i < 3; i++)
		phi[i] = ecapi_leaves_first(param[R] + customer->x, param[S],
									(param[BETA] + times[i]) / (param[ALPHA] + times[i]));
	leaves.last = phi[0];
	leaves.end = phi[1];
	leaves.until = phi[2];
	forecast_by(&leaves, param, customer, weeks, forecast);
}

double
ecapi_pareto_alive(const EcapiFit *fit, const EcapiCustomer *customer)
{
	EcapiForecast forecast;

	ecapi_pareto_forecast(fit, customer, 0, &forecast);
	return forecast.alive;
}

double
ecapi_pareto_any(const EcapiFit *fit, const EcapiCustomer *customer, double weeks)
{
	EcapiForecast forecast;

	ecapi_pareto_forecast(fit, customer, weeks, &forecast);
	return forecast.any;
}

double
ecapi_pareto_expected(const EcapiFit *fit, const EcapiCustomer *customer, double weeks)
{
	EcapiForecast forecast;

	ecapi_pareto_forecast(fit, customer, weeks, &forecast);
	return forecast.expected;
}

/*
 * Counts below this one have a series of their own, over the times of 20 years; the range does
 * not depend on the customers, so neither does what a customer gets.  1.6 kB each, on the stack.
 */
#define MOST_COUNT		40
#define MOST_WEEKS		1043.0

void
ecapi_pareto_forecasts(const EcapiFit *fit, const EcapiCustomer *customers, size_t n, double weeks,
					   EcapiForecast *forecasts)
{
	const double *param = fit->param;
	EcapiLeaving by_count[MOST_COUNT];
	bool		is_set[MOST_COUNT] = {false};
	size_t		i;

	for (i = 0; i < n; i++)
	{
		const EcapiCustomer *customer = &customers[i];
		Leaves		leaves;
		int			x;

		if (!(customer->x < MOST_COUNT && customer->T + weeks <= MOST_WEEKS))
		{
			ecapi_pareto_forecast(fit, customer, weeks, &forecasts[i]);
			continue;
		}
		x = (int) customer->x;
		if (!is_set[x])
			ecapi_leaving_set_value(&by_count[x], param[R] + x, param[S],
									log_ratio(param, 0), log_ratio(param, MOST_WEEKS));
		is_set[x] = true;
		leaves.last = ecapi_leaving_value(&by_count[x], log_ratio(param, customer->t_x));
		leaves.end = ecapi_leaving_value(&by_count[x], log_ratio(param, customer->T));
		leaves.until = ecapi_leaving_value(&by_count[x], log_ratio(param, customer->T + weeks));
		forecast_by(&leaves, param, customer, weeks, &forecasts[i]);
	}
}
