/*
 * ziln_loss.h
 *	  The loss of a zero-inflated lognormal regression, its gradient and its curvature.
 *
 * ziln.h tells the model.  The coefficients are one array of 3 * width: of the logit, of
 * mu, of softplus's argument.
 *
 * Pure C: no server header, no I/O, no memory.
 */
#ifndef ECAPI_ZILN_LOSS_H
#define ECAPI_ZILN_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* sigma at least: at it, values of equal customers differ by a twentieth. */
#define ECAPI_ZILN_SIGMA	0.05

/*
 * A customer.  Of the vector only the members that are not 0: most are indicators, of which
 * a customer has one a column.
 */
typedef struct EcapiZilnCase
{
	int			count;			/* of such members */
	const uint16_t *at;			/* their places in the vector, ascending */
	const double *member;		/* their values */
	double		value;			/* not negative */
	double		log;			/* of the value; not read of 0 */
} EcapiZilnCase;

/* log(1 + exp(x)), and its derivative. */
extern double ecapi_softplus(double x);
extern double ecapi_logistic(double x);

/* A linear predictor of a whole vector. */
extern double ecapi_ziln_linear(const double *coefficients, const double *vector, int width);

/* sigma of softplus's argument. */
extern double ecapi_ziln_spread(double argument);

/*
 * The loss of a customer, minus the logarithm of the likelihood; its gradient, 3 * width
 * derivatives, is added to gradient unless that is NULL.
 */
extern double ecapi_ziln_case_loss(const EcapiZilnCase *it, int width, const double *coefficients,
								   double *gradient);

/*
 * The mean over n customers, with the penalty, of losses that add up to sum: what a fit
 * minimizes.  gradient, unless NULL, is the sum of theirs, and becomes that of the mean.
 */
extern double ecapi_ziln_mean_loss(double sum, size_t n, int width, const double *coefficients,
								   double *gradient);

/* Both for n customers; gradient, unless NULL, is set. */
extern double ecapi_ziln_loss(const EcapiZilnCase *cases, size_t n, int width, const double *coefficients,
							  double *gradient);

/*
 * Add the second derivatives of a customer's loss to the lower halves of two Hessians: any
 * of the logit, width x width, on which no other depends, and amount of the others,
 * 2 width x 2 width; and those of the penalty.
 */
extern void ecapi_ziln_add_curvature(const EcapiZilnCase *it, int width, const double *coefficients,
									 double *any, double *amount);
extern void ecapi_ziln_add_penalty_curvature(int width, const double *coefficients, double *any,
											 double *amount);

#endif							/* ECAPI_ZILN_LOSS_H */
