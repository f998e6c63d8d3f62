/*
 * estimate.c
 *	  From starts to a fit: searches, standard errors, and what to say when there is none.
 *
 * Invariant: a fit's numbers are those of a converged search, or NaN.
 */
#include <math.h>
#include <string.h>

#include "model/estimate.h"
#include "model/inverse.h"

/*
 * Logarithms of parameters beyond it have no value.  Customers that do not differ drive a
 * gamma distribution's shape and scale up together without end; at 1e13 the likelihood has
 * long been flat to the last digit.
 */
#define FARTHEST		30.0

/*
 * The least that a pivot of the Hessian may keep of its diagonal.  Below it, what is left is the
 * error of the differences, not curvature.
 */
#define LEAST_PIVOT		1e-7

typedef struct Guarded
{
	const EcapiEstimate *estimate;
	const EcapiFitControl *control;
	bool		stopped;
	int			evaluations;
} Guarded;

static double
guarded(int n, const double *logs, double *gradient, void *arg)
{
	Guarded    *guard = arg;
	int			i;

	for (i = 0; i < n; i++)
		if (!(fabs(logs[i]) <= FARTHEST))
			return NAN;
	if (guard->stopped || ecapi_fit_stop(guard->control))
	{
		guard->stopped = true;
		return NAN;
	}
	guard->evaluations++;
	return guard->estimate->objective(n, logs, gradient, guard->estimate->arg);
}

void
ecapi_estimate_none(EcapiFit *fit, int nparams, const char *problem)
{
	int			i;

	memset(fit, 0, sizeof(*fit));
	fit->nparams = nparams;
	for (i = 0; i < ECAPI_FIT_PARAMS; i++)
		fit->param[i] = fit->error[i] = NAN;
	fit->log_likelihood = NAN;
	fit->problem = problem;
}

/* The delta method: of a parameter the standard error is that of its logarithm times itself. */
static void
standard_errors(double *logs, Guarded *guard, EcapiFit *fit)
{
	double		hessian[ECAPI_FIT_PARAMS * ECAPI_FIT_PARAMS];
	double		variance[ECAPI_FIT_PARAMS];
	int			n = fit->nparams;
	int			i;

	ecapi_hessian_by_differences(n, logs, guarded, guard, hessian);
	if (guard->stopped || !ecapi_inverse_diagonal(n, hessian, LEAST_PIVOT, variance))
		return;
	for (i = 0; i < n; i++)
		fit->error[i] = fit->param[i] * sqrt(variance[i] / guard->estimate->rows);
}

void
ecapi_estimate(const EcapiEstimate *estimate, const EcapiFitControl *control, EcapiFit *fit)
{
	Guarded		guard = {estimate, control, false, 0};
	EcapiOptimum optimum = {0};
	double		logs[ECAPI_FIT_PARAMS];
	int			n = estimate->nparams;
	int			start,
				i;

	ecapi_estimate_none(fit, n, NULL);
	for (start = 0; start < ECAPI_ESTIMATE_STARTS && !guard.stopped && !optimum.converged; start++)
	{
		for (i = 0; i < n; i++)
			logs[i] = log(estimate->start[start][i]);
		ecapi_optimize(n, logs, guarded, &guard, control, &optimum);
		guard.stopped = guard.stopped || optimum.stopped;
	}
	if (optimum.converged && !guard.stopped)
	{
		fit->log_likelihood = -optimum.value * estimate->rows;
		for (i = 0; i < n; i++)
			fit->param[i] = exp(logs[i]);
		standard_errors(logs, &guard, fit);
	}
	if (guard.stopped)
	{
		ecapi_estimate_none(fit, n, "the fit was stopped");
		fit->stopped = true;
	}
	else if (optimum.converged)
		fit->converged = true;
	else
		fit->problem = optimum.problem;
	fit->evaluations = guard.evaluations;
}
