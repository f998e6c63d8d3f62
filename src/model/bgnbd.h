/*
 * bgnbd.h
 *	  BG/NBD: a customer may leave after any of its orders.
 *
 * Fader, Hardie and Lee, "Counting Your Customers the Easy Way" (Marketing Science 24, 2005).
 * While alive a customer orders at a rate that differs between customers as gamma(r, alpha);
 * after each repeat order it leaves with a probability that differs as beta(a, b).  A customer
 * without a repeat order therefore is alive for certain.
 *
 * Functions are those of a row of frequency.h, which says what they take and return.
 */
#ifndef ECAPI_BGNBD_H
#define ECAPI_BGNBD_H

#include "model/customer.h"
#include "model/fit.h"

#define ECAPI_BGNBD_PARAMS	4	/* r, alpha, a, b */

extern void ecapi_bgnbd_fit(const EcapiCustomer *customers, size_t n, const EcapiFitControl *control,
							EcapiFit *fit);
extern void ecapi_bgnbd_forecast(const EcapiFit *fit, const EcapiCustomer *customer, double weeks,
								 EcapiForecast *forecast);
extern void ecapi_bgnbd_forecasts(const EcapiFit *fit, const EcapiCustomer *customers, size_t n,
								 double weeks, EcapiForecast *forecasts);
extern double ecapi_bgnbd_expected(const EcapiFit *fit, const EcapiCustomer *customer, double weeks);
extern double ecapi_bgnbd_alive(const EcapiFit *fit, const EcapiCustomer *customer);
extern double ecapi_bgnbd_any(const EcapiFit *fit, const EcapiCustomer *customer, double weeks);

/*
 * The log-likelihood of a customer's history, and its gradient by the parameters unless NULL.
 * For tests, too.
 */
extern double ecapi_bgnbd_likelihood(const double *param, const EcapiCustomer *customer,
									 double *gradient);

#endif							/* ECAPI_BGNBD_H */
