/*
 * optimize.c
 *	  The one file that knows the optimizer's library, and derivatives by differences.
 *
 * The library is liblbfgs: the L-BFGS method of Nocedal with a line search (Nocedal and Wright,
 * Numerical Optimization, chapters 3 and 7).  NLopt, the other kept package, has more methods,
 * of which the smooth likelihoods here need one; it brings the C++ runtime and its exceptions
 * into a server process, where liblbfgs is a few hundred lines of C that need libm alone.  What
 * it allocates within lbfgs() it frees there, on every way out.
 *
 * Invariants.  Nothing jumps out of lbfgs(): objectives are pure, and stop returns.  After stop
 * said true no objective is called: the line search gets infinite values, which cost nothing,
 * and the library is told to end at the next iteration.  The line search is the backtracking one,
 * because it copes with a value that is infinite; the library's default interpolates it to NaN.
 *
 * No locks, no state between two calls.
 */
#include <lbfgs.h>
#include <math.h>
#include <string.h>

#include "model/optimize.h"

/* Where a gradient counts as none, by its length over that of x or 1. */
#define SMALL_GRADIENT	1e-7

/*
 * Where it counts as none when nothing is gained any more, or the line search finds nothing better
 * because the value's last digits are used up.
 */
#define SMALL_AT_THE_END	1e-5

/* Fits here take 20 to 200 iterations; what takes more is not going to end. */
#define MOST_ITERATIONS 2000

/* Searches from where the last one got stuck, each with an empty memory of the curvature. */
#define MOST_SEARCHES	4

/* Pairs of steps and gradients remembered; the library's advice is 3 to 20. */
#define REMEMBERED		10

/*
 * What this number of iterations must gain together.  Where a likelihood goes on rising
 * towards a limit of its parameters, ever more slowly, its gradient becomes small but not that small:
 * a gain of 1e-10 is 0.0001 in the log-likelihood of a million rows.
 */
#define GAIN_OVER		5
#define LEAST_GAIN		1e-10

/* The step of differences of the gradient, relative to x or 1: its square is their error. */
#define HESSIAN_STEP	1e-4

typedef struct Search
{
	EcapiObjective objective;
	void	   *arg;
	const EcapiFitControl *control;
	int			evaluations;
	bool		stopped;
	bool		flat;			/* nothing is gained any more */
	double		values[GAIN_OVER];	/* of the last iterations, by their number */
} Search;

static bool
stop_now(Search *search)
{
	if (!search->stopped && ecapi_fit_stop(search->control))
		search->stopped = true;
	return search->stopped;
}

static bool
all_finite(int n, const double *x)
{
	int			i;

	for (i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

static lbfgsfloatval_t
evaluate(void *instance, const lbfgsfloatval_t *x, lbfgsfloatval_t *gradient, const int n,
		 const lbfgsfloatval_t step)
{
	Search	   *search = instance;
	double		value;

	(void) step;
	if (!stop_now(search) && all_finite(n, x))
	{
		search->evaluations++;
		value = search->objective(n, x, gradient, search->arg);
		if (isfinite(value) && all_finite(n, gradient))
			return value;
	}
	memset(gradient, 0, (size_t) n * sizeof(double));
	return HUGE_VAL;
}

static int
progress(void *instance, const lbfgsfloatval_t *x, const lbfgsfloatval_t *gradient,
		 const lbfgsfloatval_t value, const lbfgsfloatval_t x_norm,
		 const lbfgsfloatval_t gradient_norm, const lbfgsfloatval_t step, int n, int iteration,
		 int line_searches)
{
	Search	   *search = instance;
	double	   *before = &search->values[iteration % GAIN_OVER];

	(void) x, (void) gradient;
	(void) step, (void) n, (void) line_searches;
	search->flat = iteration > GAIN_OVER && *before - value < LEAST_GAIN &&
		gradient_norm <= SMALL_AT_THE_END * fmax(1, x_norm);
	*before = value;
	return search->stopped || search->flat;
}

static double
length(int n, const double *x)
{
	double		sum = 0;
	int			i;

	for (i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sqrt(sum);
}

/*
 * Search, and again from where a line search got stuck.  x and gradient are the library's: its
 * vectors are aligned for the vector instructions it may use.
 */
static void
search_from(int n, lbfgsfloatval_t *x, lbfgsfloatval_t *gradient, Search *search,
			EcapiOptimum *optimum)
{
	lbfgs_parameter_t parameters;
	int			i;

	lbfgs_parameter_init(&parameters);
	parameters.m = REMEMBERED;
	parameters.epsilon = SMALL_GRADIENT;
	parameters.max_iterations = MOST_ITERATIONS;
	parameters.linesearch = LBFGS_LINESEARCH_BACKTRACKING_WOLFE;

	for (i = 0; i < MOST_SEARCHES; i++)
	{
		int			status = lbfgs(n, x, NULL, evaluate, progress, search, &parameters);

		if (status == LBFGSERR_OUTOFMEMORY)
		{
			optimum->problem = "there is no memory for the optimizer";
			return;
		}
		/* on an error the value may be that of a trial, so ask again */
		optimum->value = evaluate(search, x, gradient, n, 0);
		if (search->stopped)
			return;
		if (!isfinite(optimum->value))
		{
			optimum->problem = "the likelihood has no value where the search starts";
			return;
		}
		/* whatever the status is: of the end by progress() it is what that returned */
		if (length(n, gradient) <= SMALL_AT_THE_END * fmax(1, length(n, x)))
		{
			optimum->converged = true;
			return;
		}
		if (status == LBFGSERR_MAXIMUMITERATION)
			break;
	}
	optimum->problem = "the optimizer did not converge";
}

void
ecapi_optimize(int n, double *x, EcapiObjective objective, void *arg,
			   const EcapiFitControl *control, EcapiOptimum *optimum)
{
	Search		search = {.objective = objective, .arg = arg, .control = control};
	lbfgsfloatval_t *best = lbfgs_malloc(n);
	lbfgsfloatval_t *gradient = lbfgs_malloc(n);

	memset(optimum, 0, sizeof(*optimum));
	optimum->value = NAN;
	if (best == NULL || gradient == NULL)
		optimum->problem = "there is no memory for the optimizer";
	else
	{
		memcpy(best, x, (size_t) n * sizeof(double));
		search_from(n, best, gradient, &search, optimum);
		memcpy(x, best, (size_t) n * sizeof(double));
	}
	lbfgs_free(best);
	lbfgs_free(gradient);

	optimum->evaluations = search.evaluations;
	optimum->stopped = search.stopped;
	if (search.stopped)
	{
		optimum->value = NAN;
		optimum->problem = "the fit was stopped";
	}
}

/* Row i of the Hessian: how the gradient changes along x[i]. */
static void
gradient_change(int n, double *x, int i, EcapiObjective objective, void *arg, double *row)
{
	double		at = x[i];
	double		step = HESSIAN_STEP * fmax(1, fabs(at));
	double		sign;
	int			j;

	memset(row, 0, (size_t) n * sizeof(double));
	for (sign = -1; sign <= 1; sign += 2)
	{
		double		gradient[ECAPI_FIT_PARAMS];

		x[i] = at + sign * step;
		if (!isfinite(objective(n, x, gradient, arg)))
			gradient[0] = NAN;
		for (j = 0; j < n; j++)
			row[j] += sign * (isnan(gradient[0]) ? NAN : gradient[j]) / (2 * step);
	}
	x[i] = at;
}

void
ecapi_hessian_by_differences(int n, double *x, EcapiObjective objective, void *arg,
							 double *hessian)
{
	int			i,
				j;

	for (i = 0; i < n; i++)
		gradient_change(n, x, i, objective, arg, hessian + i * n);
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			hessian[i * n + j] = hessian[j * n + i] =
				(hessian[i * n + j] + hessian[j * n + i]) / 2;
}
