/*
 * fit.h
 *	  What every fit of a model takes besides its data, and what it returns.
 *
 * A fit never leaves by an error: it returns, and says in problem why there is none.  So no
 * jump of the caller ever crosses the optimizer, which holds memory of malloc.
 */
#ifndef ECAPI_FIT_H
#define ECAPI_FIT_H

#include <stdbool.h>
#include <stddef.h>

/* The models have three and four; room for one of covariates, without an allocation. */
#define ECAPI_FIT_PARAMS	8

typedef struct EcapiFitControl
{
	/*
	 * True ends the fit.  Asked at every evaluation of the likelihood, and within those of many
	 * customers at every few thousand; stays true once it was.  Must return: it may look at a
	 * flag of a pending interrupt, and must not handle one.  NULL: never.
	 */
	bool		(*stop) (void *arg);
	void	   *arg;			/* of both */

	/*
	 * Memory of the caller, aligned for anything, freed by it after the fit; NULL when there is
	 * none.  Asked for before the optimizer has any of its own, so that an error of the caller
	 * may leave from here.
	 */
	void	   *(*grab) (void *arg, size_t bytes);
} EcapiFitControl;

/* Whether the caller wants the fit to end; control may be NULL. */
static inline bool
ecapi_fit_stop(const EcapiFitControl *control)
{
	return control != NULL && control->stop != NULL && control->stop(control->arg);
}

typedef struct EcapiFit
{
	int			nparams;
	double		param[ECAPI_FIT_PARAMS];	/* NaN unless converged */
	double		error[ECAPI_FIT_PARAMS];	/* standard errors; NaN where the curvature of the
											 * likelihood gives none */
	double		log_likelihood; /* natural logarithm; NaN unless converged */
	int			evaluations;	/* of the likelihood, over all starts */
	bool		converged;		/* the fit may be used; then problem is NULL */
	bool		stopped;		/* control->stop said so */
	const char *problem;		/* why there is no fit: a constant text, as a message's detail without
								 * a full stop; NULL */
} EcapiFit;

#endif							/* ECAPI_FIT_H */
