/*
 * gammagamma.h
 *	  How much a customer's order is worth: the Gamma-Gamma model of the mean.
 *
 * Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013): values of a customer's
 * orders are gamma(p, nu), nu differs between customers as gamma(q, gamma).  The first order is
 * none of them, as in the counts of customer.h.  Independent of how often somebody orders.
 */
#ifndef ECAPI_GAMMAGAMMA_H
#define ECAPI_GAMMAGAMMA_H

#include "model/customer.h"
#include "model/fit.h"

#define ECAPI_GAMMAGAMMA_PARAMS	3

/* Names of the parameters: "p", "q", "gamma". */
extern const char *const ecapi_gammagamma_params[ECAPI_GAMMAGAMMA_PARAMS];

/*
 * Maximum likelihood over the customers with x > 0 and m_x > 0, whose order does not matter, bit
 * for bit.  Repeat orders that were all given away (m_x = 0) say nothing of an amount, and a
 * negative m_x is a problem.  Needs memory of n times 24 bytes from control, and as much from
 * malloc while it sorts.  A fit whose mean is infinite (q <= 1) is a problem, too.
 * Always returns; *fit is set whatever happens.
 */
extern void ecapi_gammagamma_fit(const EcapiCustomer *customers, size_t n,
								 const EcapiFitControl *control, EcapiFit *fit);

/*
 * The expected value of a customer's order, E[M | x, m_x], in the unit of m_x; the population's
 * where the customer has no repeat order of a value.
 */
extern double ecapi_gammagamma_mean(const EcapiFit *fit, const EcapiCustomer *customer);

#endif							/* ECAPI_GAMMAGAMMA_H */
