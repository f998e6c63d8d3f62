/*
 * ziln.h
 *	  What a customer is worth within a horizon, by regression on what is known early.
 *
 * Zero-inflated lognormal regression (Wang, Liu and Miao 2019, "A Deep Probabilistic
 * Model for Customer Lifetime Value Prediction", arXiv:1912.07753; its linear form): many
 * customers bring nothing more, those who do bring lognormal values.  Of a customer's
 * vector v (design.h) three linear predictors: the logit of the probability p of any
 * value, mu, and the argument of softplus whose value is sigma.  The mean is
 * p exp(mu + sigma^2 / 2).  The loss of value y is
 *
 *	  y = 0:  -log(1 - p)
 *	  y > 0:  -log p + log(y sigma sqrt(2 pi)) + (log y - mu)^2 / (2 sigma^2)
 *
 * minimized by its analytic gradient together with a penalty on the squared
 * coefficients; intercepts are known beforehand by one customer alone (ziln_loss.c), so that
 * no data takes them to infinity.
 *
 * Invariants: probabilities lie in [0, 1]; a mean is finite, not negative, and at most
 * the largest value learnt from, whatever the vector; a fit does not depend on the
 * order of the customers, to the last bit.
 *
 * Pure C: no server header, no I/O; memory is the control's.  No locks: a fit is not
 * changed after it was made.
 */
#ifndef ECAPI_ZILN_H
#define ECAPI_ZILN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/fit.h"

/* Folds of the learning data that calibrate: each is predicted by a fit to the other ones. */
#define ECAPI_ZILN_FOLDS	5
/* A calibrating factor at most, and at least 1 / it: beyond it the form does not fit the data. */
#define ECAPI_ZILN_SCALE	2.0

typedef struct EcapiZiln
{
	int			width;			/* members of a vector */
	double	   *any;			/* coefficients of the logit, width of them */
	double	   *mu;				/* of mu */
	double	   *sigma;			/* of softplus's argument */
	double	   *error;			/* standard errors: any, mu, sigma, width each; NaN where there is none */
	double		scale;			/* by which means are multiplied: actual total by predicted total over the folds */
	double		uncalibrated;	/* the scale before its bounds: beyond them, a few customers have most of the value */
	double		most;			/* a mean at most: the largest value learnt from */
	double		log_likelihood; /* without the penalty */
	int			evaluations;
	bool		converged;
	bool		stopped;		/* control->stop said so */
	const char *problem;		/* why there is no fit, a constant text; NULL */
	const char *warning;		/* what a report says of the fit, a constant text; NULL */
} EcapiZiln;

/*
 * Fit to n customers: vectors has n times width members, row after row, the first of each
 * 1; values are what the customers brought within the horizon, none negative; keys, one a
 * customer, tell the folds apart (ecapi_metrics_key() of the customer's id), so that a
 * customer is in one fold at all moments that are learnt from.  Fills *fit; its arrays are
 * the control's memory.  Where fit->problem is set (too few customers, none or too few with
 * value, a value that is no amount, no convergence, no memory, stopped) there is nothing to
 * predict with.
 *
 * Customers are taken as independent of each other: where one is learnt from at several
 * moments, standard errors are too small.  Takes memory of 64 bytes a customer and 10 for
 * each member of a vector that is not 0; 25,000 customers with 30 columns take less than
 * a second of one core, and time grows with both.
 */
extern void ecapi_ziln_fit(const double *vectors, int width, const double *values,
						   const uint64_t *keys, size_t n, const EcapiFitControl *control,
						   EcapiZiln *fit);

/* The expected value within the horizon, 0 to fit->most, of a customer's vector. */
extern double ecapi_ziln_mean(const EcapiZiln *fit, const double *vector);

/* The probability of any value within the horizon, 0 to 1. */
extern double ecapi_ziln_any(const EcapiZiln *fit, const double *vector);

#endif							/* ECAPI_ZILN_H */
