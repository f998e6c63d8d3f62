/*
 * quadrature.c
 *	  The trapezoidal rule over a line, with exponential tails summed as geometric series.
 *
 * A tail that falls slowly would have no end: a parameter of 0.001 leaves 35,000 steps until
 * doubles see nothing of it.  Where the terms have begun to fall by the constant factor that
 * they must have in the end, what is left is a geometric series.
 */
#include <float.h>
#include <math.h>

#include "model/quadrature.h"

#define MOST_STEPS		10000

/* How well a factor between two terms must agree with that of the tail. */
#define AGREED			1e-13

/* The sum of the terms at centre + step, centre + 2 step, ...; step may be negative. */
static double
one_side(EcapiIntegrand integrand, void *arg, double centre, double step, double rate, double first)
{
	double		factor = exp(-rate * fabs(step));
	double		before = first;
	double		sum = 0;
	int			i;

	for (i = 1; i < MOST_STEPS; i++)
	{
		double		term = integrand(centre + i * step, arg);

		sum += term;
		if (term <= (first + sum) * (DBL_EPSILON / 16) && term <= before)
			break;
		if (fabs(term - before * factor) <= AGREED * term)
			return sum + term / expm1(rate * fabs(step));
		before = term;
	}
	return sum;
}

double
ecapi_integrate_line(EcapiIntegrand integrand, void *arg, double centre, double step,
					 double left, double right)
{
	double		first = integrand(centre, arg);

	return step * (first + one_side(integrand, arg, centre, -step, left, first) +
				   one_side(integrand, arg, centre, step, right, first));
}
