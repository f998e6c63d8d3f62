/*
 * histories.h
 *	  The customers of a fit, reduced to distinct histories with counts.
 *
 * Most customers have no repeat order, and those of a first day share one history: a likelihood
 * costs a term a distinct history, not a term a customer.  They are sorted, so that sums do not
 * depend on the order in which customers came.
 */
#ifndef ECAPI_HISTORIES_H
#define ECAPI_HISTORIES_H

#include "model/customer.h"
#include "model/fit.h"

typedef struct EcapiHistory
{
	double		x;
	double		t_x;
	double		T;
	double		count;			/* customers that have it, at least 1 */
} EcapiHistory;

typedef struct EcapiHistories
{
	const EcapiHistory *rows;	/* sorted by x, t_x, T */
	size_t		n;
	double		customers;
	double		rate;			/* repeat orders a week of all customers, > 0 */
	double		weeks;			/* mean of T, > 0 */
	double		longest;		/* largest T */
	const EcapiFitControl *control;
} EcapiHistories;

/*
 * Reduce n customers, in memory of control.  NULL, or why a model with that many parameters
 * cannot be fitted to them, a constant text: no or one customer, a history that is none
 * (customer.h), nobody who ordered again, or fewer distinct histories than parameters.
 */
extern const char *ecapi_histories_collect(EcapiHistories *histories, const EcapiCustomer *customers,
										   size_t n, int nparams, const EcapiFitControl *control);

/* The log-likelihood of one history, and its gradient by the parameters unless that is NULL. */
typedef double (*EcapiHistoryLikelihood) (const EcapiHistory *history, const double *param,
										  void *scratch, double *gradient);

/*
 * Minus the mean of a log-likelihood over the customers, and its gradient by the parameters'
 * logarithms unless gradient is NULL.  Not finite where there is none, or when stop said true.
 * scratch is for what a likelihood keeps from one history to the next.
 */
extern double ecapi_histories_mean(const EcapiHistories *histories, EcapiHistoryLikelihood likelihood,
								   int nparams, const double *logs, void *scratch, double *gradient);

#endif							/* ECAPI_HISTORIES_H */
