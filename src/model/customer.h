/*
 * customer.h
 *	  What the models of repeat orders know of a customer, and what they say of it.
 *
 * Purchase counts in the notation of the literature (Fader, Hardie and Lee, "Counting Your
 * Customers the Easy Way", Marketing Science 24, 2005): the first order makes somebody a
 * customer and is not counted; time begins with it.  All orders of a day are one order, of
 * their sum.  Weeks are days divided by 7.
 *
 * A history is one when x is a whole number from 0, 0 <= t_x <= T, and t_x is 0 where x is;
 * all are finite.  A fit says so of one that is not, a prediction takes it as it comes.
 *
 * Pure C, as all of this folder: no server, no I/O, no state between two calls.
 */
#ifndef ECAPI_CUSTOMER_H
#define ECAPI_CUSTOMER_H

typedef struct EcapiCustomer
{
	double		x;				/* repeat orders: days with an order after the first such day */
	double		t_x;			/* weeks from the first order's day to the last order's day; 0
								 * where x is 0 */
	double		T;				/* weeks from the first order's day to the end of the span */
	double		m_x;			/* mean value of a repeat order; 0 where x is 0 */
} EcapiCustomer;

/* What a frequency model says of a customer, for a number of weeks from the end of the span. */
typedef struct EcapiForecast
{
	double		expected;		/* orders; finite, not negative, grows with the weeks */
	double		alive;			/* probability that it still is a customer, in [0, 1] */
	double		any;			/* probability of at least one order, in [0, 1], at most alive */
} EcapiForecast;

#endif							/* ECAPI_CUSTOMER_H */
