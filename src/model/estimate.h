/*
 * estimate.h
 *	  Maximum likelihood of parameters that are positive, with standard errors.
 *
 * Parameters are searched as logarithms, so that none needs a bound.
 */
#ifndef ECAPI_ESTIMATE_H
#define ECAPI_ESTIMATE_H

#include "model/fit.h"
#include "model/optimize.h"

#define ECAPI_ESTIMATE_STARTS	4

typedef struct EcapiEstimate
{
	int			nparams;
	EcapiObjective objective;	/* minus the mean log-likelihood, of the parameters' logarithms */
	void	   *arg;			/* of the objective */
	double		rows;			/* that the mean is over */
	double		start[ECAPI_ESTIMATE_STARTS][ECAPI_FIT_PARAMS]; /* parameters, each > 0 */
} EcapiEstimate;

/*
 * Search from the starts, one after the other, until one converges.  *fit is set whatever
 * happens, by fit.h.  Standard errors are those of the inverted Hessian, by the delta method.
 */
extern void ecapi_estimate(const EcapiEstimate *estimate, const EcapiFitControl *control,
						   EcapiFit *fit);

/* A fit that there is none, for a reason that is a constant text. */
extern void ecapi_estimate_none(EcapiFit *fit, int nparams, const char *problem);

#endif							/* ECAPI_ESTIMATE_H */
