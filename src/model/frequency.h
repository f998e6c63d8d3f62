/*
 * frequency.h
 *	  The models of how often a customer orders and whether it still does: a row a model.
 *
 * A row's functions take the fit that its own fit() returned, converged; they take any number
 * of customers in any order, hold no state and cost about a microsecond; with parameters at
 * the ends of what occurs up to thirty.
 */
#ifndef ECAPI_FREQUENCY_H
#define ECAPI_FREQUENCY_H

#include "model/customer.h"
#include "model/fit.h"

typedef struct EcapiFrequencyModel
{
	const char *name;			/* as the literature has it: "BG/NBD" */
	int			nparams;
	const char *params[ECAPI_FIT_PARAMS];	/* names, in the order of EcapiFit.param */

	/*
	 * Maximum likelihood over n customers, whose order does not matter, bit for bit.  Needs
	 * memory of n times 32 bytes from control, and as much from malloc while it sorts.  Always
	 * returns; *fit is set whatever happens.
	 */
	void		(*fit) (const EcapiCustomer *customers, size_t n, const EcapiFitControl *control,
						EcapiFit *fit);

	/* All of a customer's forecast at once, which is cheaper than one by one; weeks >= 0. */
	void		(*forecast) (const EcapiFit *fit, const EcapiCustomer *customer, double weeks,
							 EcapiForecast *forecast);

	/*
	 * The same of n customers: what is computed of one does not depend on the others.  For
	 * thousands at a time: below a microsecond a customer whatever the parameters are, and
	 * equal to forecast() but for the last four digits.
	 */
	void		(*forecasts) (const EcapiFit *fit, const EcapiCustomer *customers, size_t n,
							  double weeks, EcapiForecast *forecasts);

	/* Expected orders in the weeks from T, given the history: E[Y(t) | x, t_x, T]. */
	double		(*expected) (const EcapiFit *fit, const EcapiCustomer *customer, double weeks);

	/* The probability that the customer is alive at T, given the history. */
	double		(*alive) (const EcapiFit *fit, const EcapiCustomer *customer);

	/* The probability of at least one order in the weeks from T, given the history. */
	double		(*any) (const EcapiFit *fit, const EcapiCustomer *customer, double weeks);
} EcapiFrequencyModel;

#define ECAPI_FREQUENCY_MODELS	2

extern const EcapiFrequencyModel ecapi_frequency_models[ECAPI_FREQUENCY_MODELS];

#endif							/* ECAPI_FREQUENCY_H */
