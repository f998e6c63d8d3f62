/*
 * optimize.h
 *	  The least value of a smooth function of some variables, by its gradient.
 *
 * The optimizer's library stands behind this header; its own is included by optimize.c alone.
 * No server call may happen in an objective: an error that jumps out of it would leave the
 * library's memory behind.  An objective says by its value that it has none, and stop of
 * fit.h ends the search from within.
 */
#ifndef ECAPI_OPTIMIZE_H
#define ECAPI_OPTIMIZE_H

#include "model/fit.h"

/*
 * The value at x[0 .. n), and its gradient into gradient[0 .. n); gradient is NULL where none is
 * wanted.  Values should be of order 1 (the mean over the rows, not the sum), because the search
 * ends where the gradient's length is below 1e-7 times that of x (or 1, whichever is larger), or
 * below 1e-5 times that and five steps together gained less than 1e-10.
 * A value that is not finite means "not here": the search comes back nearer to where it came from.
 */
typedef double (*EcapiObjective) (int n, const double *x, double *gradient, void *arg);

typedef struct EcapiOptimum
{
	double		value;			/* at the x returned */
	int			evaluations;	/* of the objective by the search */
	bool		converged;
	bool		stopped;		/* control->stop said so; then not converged */
	const char *problem;		/* why it did not converge, a constant text; NULL */
} EcapiOptimum;

/*
 * Minimize from x, which becomes the best point found, converged or not.  control->stop is
 * asked before each evaluation; nothing is evaluated after it said true.  Memory is malloc's and
 * freed before the return, whatever happened; control, which may be NULL, is not asked for any.
 * n from 1 to a few thousand.
 */
extern void ecapi_optimize(int n, double *x, EcapiObjective objective, void *arg,
						   const EcapiFitControl *control, EcapiOptimum *optimum);

/*
 * The Hessian by central differences of the gradient, n x n, symmetric: 2n evaluations, an error of
 * about 1e-8 of its largest entry plus ten thousand times that of the gradient.  x is as before on
 * return; entries are NaN where the objective has no value.
 */
extern void ecapi_hessian_by_differences(int n, double *x, EcapiObjective objective, void *arg,
										 double *hessian);

#endif							/* ECAPI_OPTIMIZE_H */
