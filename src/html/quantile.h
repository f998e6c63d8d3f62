/*
 * quantile.h
 *	  A quantile of values that are not in order, and fewer of too many.
 *
 * Pure C: no server header, no I/O.
 */
#ifndef ECAPI_QUANTILE_H
#define ECAPI_QUANTILE_H

#include <stddef.h>

/*
 * The least of n values, n > 0, such that the share of those not above it is at least that,
 * as percentile_disc() has it; share is above 0 and at most 1, and no value is NaN.  The
 * values are put into another order; it takes time in proportion to n.
 */
extern double ecapi_quantile(double *values, size_t n, double share);

/* Keep each second of n values, the second, the fourth and so on, in order; returns how many. */
extern size_t ecapi_every_second(double *values, size_t n);

#endif							/* ECAPI_QUANTILE_H */
