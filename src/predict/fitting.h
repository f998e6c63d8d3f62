/*
 * fitting.h
 *	  Models of history, fitted to one set of customers, and what they predict.
 */
#ifndef ECAPI_FITTING_H
#define ECAPI_FITTING_H

#include "postgres.h"

#include "model/customer.h"
#include "model/fit.h"
#include "model/frequency.h"

/* How often and how much: a model of each kind. */
typedef struct EcapiFitted
{
	const EcapiFrequencyModel *model;
	EcapiFit	frequency;		/* converged, or there is nothing to predict with */
	EcapiFit	value;			/* Gamma-Gamma; without it mean_value is everybody's */
	double		mean_value;		/* of a repeat order; of all orders where there is none */
} EcapiFitted;

/* What is predicted of a customer for some weeks from the end of its history. */
typedef struct EcapiOutlook
{
	double		orders;
	double		value;			/* orders times the value of one */
	double		any;			/* probability of at least one order */
	double		alive;			/* probability that it still is a customer */
} EcapiOutlook;

/*
 * Fit a model of how often to n histories; memory is taken in a context of its own, which
 * is gone afterwards.  Raises a cancellation; any other failure is in fit->problem.
 */
extern void ecapi_fit_frequency(const EcapiFrequencyModel *model, const EcapiCustomer *histories,
								size_t n, EcapiFit *fit);

/* The same of how much an order is worth. */
extern void ecapi_fit_value(const EcapiCustomer *histories, size_t n, EcapiFit *fit);

/*
 * Predict of n histories; for thousands at a time, which is cheaper than one by one.  Raises a
 * cancellation, and an error when a model gives what is no number: that is never written down.
 */
extern void ecapi_fitted_outlooks(const EcapiFitted *fitted, const EcapiCustomer *histories,
								  size_t n, double weeks, EcapiOutlook *outlooks);

/* The models' names, constant or palloc'd: "BG/NBD, Gamma-Gamma". */
extern const char *ecapi_fitted_name(const EcapiFitted *fitted);

#endif							/* ECAPI_FITTING_H */
