/*
 * test_optimize.c
 *	  The optimizer: it finds least values, ends at once when told, and says why it found none.
 */
#include <math.h>

#include "model/optimize.h"
#include "unit.h"

#define MANY	200

/* Rosenbrock's valley over each pair of variables; least, 0, where all are 1. */
static double
valley(int n, const double *x, double *gradient, void *arg)
{
	double		value = 0;
	int			i;

	if (arg)
		++*(int *) arg;
	for (i = 0; i + 1 < n; i += 2)
	{
		double		side = 1 - x[i];
		double		depth = x[i + 1] - x[i] * x[i];

		value += side * side + 100 * depth * depth;
		if (gradient)
		{
			gradient[i] = -2 * side - 400 * x[i] * depth;
			gradient[i + 1] = 200 * depth;
		}
	}
	return value;
}

/* x - log x: has no value where x <= 0, and a first step that leads there. */
static double
walled(int n, const double *x, double *gradient, void *arg)
{
	double		value = 0;
	int			i;

	(void) arg;
	for (i = 0; i < n; i++)
	{
		if (x[i] <= 0)
			return NAN;
		value += x[i] - 0.01 * log(x[i]);
		if (gradient)
			gradient[i] = 1 - 0.01 / x[i];
	}
	return value;
}

/* Falls for ever. */
static double
slope(int n, const double *x, double *gradient, void *arg)
{
	(void) n;
	(void) arg;
	if (gradient)
		gradient[0] = -1;
	return -x[0];
}

/* A corner, at which the gradient does not become small. */
static double
corner(int n, const double *x, double *gradient, void *arg)
{
	(void) n;
	(void) arg;
	if (gradient)
		gradient[0] = x[0] < 0 ? -1 : 1;
	return fabs(x[0]);
}

static double
farthest(int n, const double *x, double from)
{
	double		most = 0;
	int			i;

	for (i = 0; i < n; i++)
		most = fmax(most, fabs(x[i] - from));
	return most;
}

static void
test_least(void)
{
	double		x[MANY];
	EcapiOptimum optimum;
	int			calls = 0;
	int			n;

	for (n = 2; n <= MANY; n *= 10)
	{
		int			i;

		for (i = 0; i < n; i++)
			x[i] = i % 2 == 0 ? -1.2 : 1;
		calls = 0;
		ecapi_optimize(n, x, valley, &calls, NULL, &optimum);
		printf("# %d variables: %d evaluations, %g from the least\n", n, optimum.evaluations,
			   farthest(n, x, 1));
		check(optimum.converged && optimum.problem == NULL && !optimum.stopped, "a valley is followed to its end");
		check(farthest(n, x, 1) < 1e-5 && optimum.value < 1e-10, "the end is the least value");
		check(optimum.evaluations == calls, "evaluations are counted");
	}
	/* a vector of an odd length, which the library rounds up */
	x[0] = 3;
	x[1] = 0.5;
	x[2] = 1;
	ecapi_optimize(3, x, walled, NULL, NULL, &optimum);
	check(optimum.converged && farthest(3, x, 0.01) < 1e-6, "a step to where there is no value is taken back");
}

static void
test_none(void)
{
	double		x[2] = {-1, 1};
	EcapiOptimum optimum;

	ecapi_optimize(2, x, walled, NULL, NULL, &optimum);
	check(!optimum.converged && optimum.problem != NULL, "no value at the start is a problem");
	x[0] = 1;
	ecapi_optimize(1, x, slope, NULL, NULL, &optimum);
	check(!optimum.converged && optimum.problem != NULL, "a slope without an end is a problem");
	x[0] = 0.7;
	ecapi_optimize(1, x, corner, NULL, NULL, &optimum);
	check(!optimum.converged && optimum.problem != NULL, "a corner is a problem");
}

static bool
stop_after(void *arg)
{
	return --*(int *) arg < 0;
}

static void
test_stop(void)
{
	bool		good = true;
	int			after;

	for (after = 0; after < 30; after++)
	{
		double		x[2] = {-1.2, 1};
		int			left = after;
		int			calls = 0;
		EcapiFitControl control = {stop_after, &left, NULL};
		EcapiOptimum optimum;

		ecapi_optimize(2, x, valley, &calls, &control, &optimum);
		if (calls != after || !optimum.stopped || optimum.converged || optimum.problem == NULL)
		{
			good = false;
			printf("# stopped after %d: %d evaluations\n", after, calls);
		}
	}
	check(good, "nothing is evaluated after stop said true");
}

static void
test_hessian(void)
{
	double		x[4] = {0.3, -0.8, 1.7, 2.5};
	double		hessian[16];

	ecapi_hessian_by_differences(4, x, valley, NULL, hessian);
	check(fabs(hessian[0] - (2 - 400 * (x[1] - 3 * x[0] * x[0]))) < 1e-3 &&
		  fabs(hessian[1] + 400 * x[0]) < 1e-3 && hessian[1] == hessian[4] &&
		  fabs(hessian[5] - 200) < 1e-3 && fabs(hessian[2]) < 1e-3, "a Hessian by differences is that by hand");
	check(x[0] == 0.3 && x[1] == -0.8 && x[2] == 1.7 && x[3] == 2.5, "x is as it was");
}

int
main(void)
{
	test_least();
	test_none();
	test_stop();
	test_hessian();
	return unit_done();
}
