/*
 * pareto.h
 *	  Pareto/NBD: a customer may leave at any time.
 *
 * Schmittlein, Morrison and Colombo, "Counting Your Customers" (Management Science 33, 1987), as
 * derived again by Fader and Hardie, "A Note on Deriving the Pareto/NBD Model" (2005).  While
 * alive a customer orders at a rate that differs between customers as gamma(r, alpha), and leaves
 * at a rate that differs as gamma(s, beta).
 *
 * Functions are those of a row of frequency.h, which says what they take and return.
 */
#ifndef ECAPI_PARETO_H
#define ECAPI_PARETO_H

#include "model/customer.h"
#include "model/fit.h"

#define ECAPI_PARETO_PARAMS	4	/* r, alpha, s, beta */

extern void ecapi_pareto_fit(const EcapiCustomer *customers, size_t n, const EcapiFitControl *control,
							 EcapiFit *fit);
extern void ecapi_pareto_forecast(const EcapiFit *fit, const EcapiCustomer *customer, double weeks,
								  EcapiForecast *forecast);
extern void ecapi_pareto_forecasts(const EcapiFit *fit, const EcapiCustomer *customers, size_t n,
								 double weeks, EcapiForecast *forecasts);
extern double ecapi_pareto_expected(const EcapiFit *fit, const EcapiCustomer *customer, double weeks);
extern double ecapi_pareto_alive(const EcapiFit *fit, const EcapiCustomer *customer);
extern double ecapi_pareto_any(const EcapiFit *fit, const EcapiCustomer *customer, double weeks);

/*
 * The log-likelihood of a customer's history, and its gradient by the parameters.  For tests, too.
 */
extern double ecapi_pareto_likelihood(const double *param, const EcapiCustomer *customer,
									  double *gradient);

#endif							/* ECAPI_PARETO_H */
