/*
 * leaving.c
 *	  Chebyshev interpolation of the probability that a customer leaves before it orders.
 *
 * What is interpolated is the function times (s + c ratio) / s: that is of order 1 over the whole
 * range, so an error relative to its largest value is one relative to each.  It is analytic
 * in the logarithm of the ratio as far as pi to both sides of the real axis, so series over
 * the ranges that occur (the logarithm of a time over another) end after 10 to 40 terms.
 *
 * Invariant: n is 0, or the last terms of the series are below its precision.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "model/leaving.h"
#include "model/special.h"

/* Least number of uses that pays for 5 evaluations at each of 12 points. */
#define LEAST_USES		8

/* Where the last two coefficients are that much smaller than the first, so is what is left out. */
#define PRECISION		1e-12

/*
 * The step of derivatives by c and s, relative to them: its square, over 6, is the error, and so
 * is the rounding over it.
 */
#define STEP			3e-5

/*
 * Nearer to 1 the differential equation below is 0 over 0, and its limit is taken: both errors
 * are below 1e-8 there.
 */
#define NEAR_ONE		3e-8

typedef struct Point
{
	double		value;
	double		by_c;
	double		by_s;
} Point;

static void
evaluate(const EcapiLeaving *leaving, double ratio, Point *point)
{
	double		c = leaving->c;
	double		s = leaving->s;
	double		step_c = c * STEP;
	double		step_s = s * STEP;

	point->value = ecapi_leaves_first(c, s, ratio);
	point->by_c = (ecapi_leaves_first(c + step_c, s, ratio) -
				   ecapi_leaves_first(c - step_c, s, ratio)) / (2 * step_c);
	point->by_s = (ecapi_leaves_first(c, s + step_s, ratio) -
				   ecapi_leaves_first(c, s - step_s, ratio)) / (2 * step_s);
}

/* The coefficients of n points, the zeros of the n-th Chebyshev polynomial.  False: too few. */
static bool
interpolate(EcapiLeaving *leaving, int n, bool derivatives)
{
	double		cosines[4 * ECAPI_LEAVING_POINTS];
	int			i,
				j;

	for (i = 0; i < 4 * n; i++)
		cosines[i] = cos(i * M_PI / (2 * n));
	memset(leaving->series, 0, sizeof(leaving->series));
	for (i = 0; i < n; i++)
	{
		double		ratio = exp(leaving->middle + leaving->half * cosines[2 * i + 1]);
		double		scale = (leaving->s + leaving->c * ratio) / leaving->s * 2 / n;
		Point		point = {0, 0, 0};

		if (derivatives)
			evaluate(leaving, ratio, &point);
		else
			point.value = ecapi_leaves_first(leaving->c, leaving->s, ratio);
		for (j = 0; j < n; j++)
		{
			double		weight = scale * cosines[(2 * i + 1) * j % (4 * n)];

			leaving->series[j][0] += weight * point.value;
			leaving->series[j][1] += weight * point.by_c;
			leaving->series[j][2] += weight * point.by_s;
		}
	}
	for (j = 0; j < 4; j++)
		leaving->series[0][j] /= 2;
	return fabs(leaving->series[n - 1][0]) + fabs(leaving->series[n - 2][0]) <=
		PRECISION * fabs(leaving->series[0][0]);
}

static void
set(EcapiLeaving *leaving, double c, double s, double log_ratio_one, double log_ratio_other)
{
	leaving->c = c;
	leaving->s = s;
	leaving->middle = (log_ratio_one + log_ratio_other) / 2;
	/* a little wider than asked for, against rounding, and never nothing */
	leaving->half = fabs(log_ratio_one - log_ratio_other) / 2 * 1.000001 + 1e-9;
	leaving->n = 0;
}

static void
find_points(EcapiLeaving *leaving, bool derivatives)
{
	int			n;

	for (n = 12; n <= ECAPI_LEAVING_POINTS && leaving->n == 0; n *= 2)
		if (interpolate(leaving, n, derivatives))
			leaving->n = n;
}

void
ecapi_leaving_set(EcapiLeaving *leaving, double c, double s, double log_ratio_one,
				  double log_ratio_other, double uses)
{
	set(leaving, c, s, log_ratio_one, log_ratio_other);
	if (uses >= LEAST_USES)
		find_points(leaving, true);
}

void
ecapi_leaving_set_value(EcapiLeaving *leaving, double c, double s, double log_ratio_one,
						double log_ratio_other)
{
	set(leaving, c, s, log_ratio_one, log_ratio_other);
	find_points(leaving, false);
}

double
ecapi_leaving_value(const EcapiLeaving *leaving, double log_ratio)
{
	double		ratio = exp(log_ratio);
	double		at = (log_ratio - leaving->middle) / leaving->half;
	double		one = 0;
	double		two = 0;
	int			i;

	if (leaving->n == 0)
		return ecapi_leaves_first(leaving->c, leaving->s, ratio);
	for (i = leaving->n - 1; i > 0; i--)
	{
		double		next = leaving->series[i][0] + 2 * at * one - two;

		two = one;
		one = next;
	}
	return fmin(1, (leaving->series[0][0] + at * one - two) * leaving->s /
				(leaving->s + leaving->c * ratio));
}

/* Clenshaw's recurrence, for the three series together. */
static void
sum_series(const EcapiLeaving *leaving, double log_ratio, double sums[4])
{
	double		at = (log_ratio - leaving->middle) / leaving->half;
	double		one[4] = {0};
	double		two[4] = {0};
	int			i,
				j;

	for (i = leaving->n - 1; i > 0; i--)
	{
		for (j = 0; j < 4; j++)
		{
			double		next = leaving->series[i][j] + 2 * at * one[j] - two[j];

			two[j] = one[j];
			one[j] = next;
		}
	}
	for (j = 0; j < 4; j++)
		sums[j] = leaving->series[0][j] + at * one[j] - two[j];
}

void
ecapi_leaving_get(const EcapiLeaving *leaving, double log_ratio, EcapiLeft *left)
{
	double		c = leaving->c;
	double		s = leaving->s;
	double		ratio = exp(log_ratio);

	if (leaving->n == 0)
	{
		Point		point;

		evaluate(leaving, ratio, &point);
		left->first = point.value;
		left->by_c = point.by_c;
		left->by_s = point.by_s;
	}
	else
	{
		double		scale = s / (s + c * ratio);
		double		sums[4];

		sum_series(leaving, log_ratio, sums);
		left->first = sums[0] * scale;
		left->by_c = sums[1] * scale;
		left->by_s = sums[2] * scale;
	}

	/*
	 * Its differential equation, from the integral of special.h by a shift of time: the derivative
	 * by the logarithm of the ratio is ((c ratio + s) first - s) / (1 - ratio).
	 */
	if (fabs(log_ratio) < NEAR_ONE)
		left->by_log_ratio = -c * s / ((c + s) * (c + s + 1));
	else
		left->by_log_ratio = ((c * ratio + s) * left->first - s) / -expm1(log_ratio);
}
