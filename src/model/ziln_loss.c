/*
 * ziln_loss.c
 *	  The loss of a zero-inflated lognormal regression, its gradient and its curvature.
 *
 * Every exponential is of a negative number, so that nothing overflows.
 */
#include "model/ziln_loss.h"

#include <math.h>
#include <string.h>

/*
 * The penalty is half of this times a coefficient's square, against a sum over customers:
 * a normal prior of variance 1 / PENALTY for the effect of one standard deviation.  The
 * spread is the hardest of the three to learn, and its square stands in an exponent.  On
 * 2,357 customers a tenth and three times as much changed no figure in its second digit.
 */
#define PENALTY			10.0
#define PENALTY_SIGMA	100.0

/*
 * The intercept of the spread is known by one customer beforehand, whose value is off by a factor
 * of e.  Where columns are nearly as many as customers with value, they explain each value
 * exactly; the spread would then go to its floor, and the search through a valley so narrow
 * that it does not end.
 */
#define EXPECTED_OFF	1.0

#define HALF_LOG_2_PI	0.91893853320467274178

double
ecapi_softplus(double x)
{
	return fmax(x, 0) + log1p(exp(-fabs(x)));
}

double
ecapi_logistic(double x)
{
	double		e = exp(-fabs(x));

	return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* Four sums side by side: one alone would wait for each addition before the next. */
double
ecapi_ziln_linear(const double *coefficients, const double *vector, int width)
{
	double		sums[4] = {0};
	int			i;

	for (i = 0; i + 4 <= width; i += 4)
	{
		sums[0] += coefficients[i] * vector[i];
		sums[1] += coefficients[i + 1] * vector[i + 1];
		sums[2] += coefficients[i + 2] * vector[i + 2];
		sums[3] += coefficients[i + 3] * vector[i + 3];
	}
	for (; i < width; i++)
		sums[0] += coefficients[i] * vector[i];
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* The three linear predictors, or of no value the first alone. */
static void
predictors(const EcapiZilnCase *it, int width, const double *x, double *linear)
{
	int			i;

	linear[0] = linear[1] = linear[2] = 0;
	if (it->value > 0)
		for (i = 0; i < it->count; i++)
		{
			linear[0] += x[it->at[i]] * it->member[i];
			linear[1] += x[width + it->at[i]] * it->member[i];
			linear[2] += x[2 * width + it->at[i]] * it->member[i];
		}
	else
		for (i = 0; i < it->count; i++)
			linear[0] += x[it->at[i]] * it->member[i];
}

/* Add a customer's vector, or its first count members that are not 0, times a factor. */
static void
add_times(double *sum, double factor, const EcapiZilnCase *it, int count)
{
	int			i;

	for (i = 0; i < count; i++)
		sum[it->at[i]] += factor * it->member[i];
}

/*
 * The published code takes the larger of softplus and a floor.  This takes their sum: the
 * larger of both has no slope below the floor, and no search would come back from there.
 */
double
ecapi_ziln_spread(double argument)
{
	return ECAPI_ZILN_SIGMA + ecapi_softplus(argument);
}

/* How the loss of a customer off sigmas away from mu changes with the argument of sigma. */
static double
spread_slope(double argument, double sigma, double off)
{
	return (1 - off * off) / sigma * ecapi_logistic(argument);
}

/* And how that changes with it. */
static double
spread_bend(double argument, double sigma, double off)
{
	double		step = ecapi_logistic(argument) / sigma;

	return step * step * (3 * off * off - 1) + step * (1 - ecapi_logistic(argument)) * (1 - off * off);
}

double
ecapi_ziln_case_loss(const EcapiZilnCase *it, int width, const double *x, double *gradient)
{
	double		linear[3];
	double		sigma;
	double		off;

	predictors(it, width, x, linear);
	if (gradient)
		add_times(gradient, ecapi_logistic(linear[0]) - (it->value > 0 ? 1 : 0), it, it->count);
	if (!(it->value > 0))
		return ecapi_softplus(linear[0]);
	sigma = ecapi_ziln_spread(linear[2]);
	off = (it->log - linear[1]) / sigma;
	if (gradient)
	{
		add_times(gradient + width, -off / sigma, it, it->count);
		add_times(gradient + 2 * width, spread_slope(linear[2], sigma, off), it, it->count);
	}
	return ecapi_softplus(-linear[0]) + it->log + log(sigma) + HALF_LOG_2_PI + off * off / 2;
}

/* The penalty of all coefficients, and its gradient. */
static double
penalty(int width, const double *x, double *gradient)
{
	double		spread = x[2 * width];
	double		sigma = ecapi_ziln_spread(spread);
	double		off = EXPECTED_OFF / sigma;
	double		sum = log(sigma) + off * off / 2;
	int			i;

	for (i = 0; i < 3 * width; i++)
	{
		double		factor = i % width == 0 ? 0 : i < 2 * width ? PENALTY : PENALTY_SIGMA;

		sum += factor * x[i] * x[i] / 2;
		if (gradient)
			gradient[i] += factor * x[i];
	}
	/* half a customer with and half one without value, known by the intercept alone: where
	 * all have value, or none, the intercept stays finite */
	sum += (ecapi_softplus(x[0]) + ecapi_softplus(-x[0])) / 2;
	if (gradient)
	{
		gradient[0] += ecapi_logistic(x[0]) - 0.5;
		gradient[2 * width] += spread_slope(spread, sigma, off);
	}
	return sum;
}

double
ecapi_ziln_mean_loss(double sum, size_t n, int width, const double *x, double *gradient)
{
	int			i;

	sum += penalty(width, x, gradient);
	for (i = 0; gradient && i < 3 * width; i++)
		gradient[i] /= (double) n;
	return sum / (double) n;
}

double
ecapi_ziln_loss(const EcapiZilnCase *cases, size_t n, int width, const double *x, double *gradient)
{
	double		sum = 0;
	size_t		i;

	if (gradient)
		memset(gradient, 0, 3 * (size_t) width * sizeof(double));
	for (i = 0; i < n; i++)
		sum += ecapi_ziln_case_loss(&cases[i], width, x, gradient);
	return ecapi_ziln_mean_loss(sum, n, width, x, gradient);
}

void
ecapi_ziln_add_curvature(const EcapiZilnCase *it, int width, const double *x, double *any, double *amount)
{
	int			twice = 2 * width;
	double		linear[3];
	double		p;
	double		sigma;
	double		off;
	double		step;
	double		bend;
	int			i;

	predictors(it, width, x, linear);
	p = ecapi_logistic(linear[0]);
	for (i = 0; i < it->count; i++)
		add_times(any + it->at[i] * width, p * (1 - p) * it->member[i], it, i + 1);
	if (!(it->value > 0))
		return;
	sigma = ecapi_ziln_spread(linear[2]);
	off = (it->log - linear[1]) / sigma;
	step = ecapi_logistic(linear[2]) / sigma;
	bend = spread_bend(linear[2], sigma, off);
	for (i = 0; i < it->count; i++)
	{
		double		member = it->member[i];
		double	   *lower = amount + (width + it->at[i]) * twice;

		add_times(amount + it->at[i] * twice, member / (sigma * sigma), it, i + 1);
		add_times(lower, member * 2 * off * step / sigma, it, it->count);
		add_times(lower + width, member * bend, it, i + 1);
	}
}

void
ecapi_ziln_add_penalty_curvature(int width, const double *x, double *any, double *amount)
{
	int			twice = 2 * width;
	double		spread = x[twice];
	double		sigma = ecapi_ziln_spread(spread);
	int			j;

	amount[width * twice + width] += spread_bend(spread, sigma, EXPECTED_OFF / sigma);
	any[0] += ecapi_logistic(x[0]) * ecapi_logistic(-x[0]);
	for (j = 1; j < width; j++)
	{
		any[j * width + j] += PENALTY;
		amount[j * twice + j] += PENALTY;
		amount[(width + j) * twice + width + j] += PENALTY_SIGMA;
	}
}
