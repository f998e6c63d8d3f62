/*
 * metrics.h
 *	  How good predictions were, once the actual values are known.
 *
 * A baseline (order value as is, same again, mean) is an array of predictions like any
 * other.  Customers with equal predictions are not told apart by a prediction: wherever
 * they are ordered by it, each counts with the mean of their actual values.  So no result
 * depends on the order of the input, and a constant prediction has a Gini of 0.
 *
 * Pure C: no server header, no I/O; memory is the control's.
 */
#ifndef ECAPI_METRICS_H
#define ECAPI_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/fit.h"

#define ECAPI_METRICS_DECILES	10

typedef struct EcapiMetrics
{
	size_t		n;				/* customers */
	double		actual;			/* total of actual values */
	double		predicted;		/* total of predictions */
	double		total_error;	/* predicted / actual - 1; NaN: nothing actual */
	double		mae;			/* mean absolute error */
	double		gini;			/* normalized; NaN: all actual values are equal */
	double		top_decile;		/* share of the actual total in the tenth predicted to be best; NaN: nothing actual */
	double		decile_predicted[ECAPI_METRICS_DECILES];	/* mean prediction, from the least predicted decile */
	double		decile_actual[ECAPI_METRICS_DECILES];		/* mean actual value there; NaN: no customers */
} EcapiMetrics;

/*
 * Compare n predictions with actual values, all finite and none negative.  The normalized
 * Gini is the Gini coefficient of the actual values ordered by prediction, divided by that
 * of the actual values in their own order (Wang, Liu and Miao 2019, see ziln.h): 1 is a
 * perfect order, 0 none.  Both are areas by trapezoids; the published code adds rectangles
 * up, which makes each greater by 1 / n.  A decile that ends within a customer takes its
 * part of that one.  False: no customers, or no memory.
 *
 * The absolute error is least for a median, which is near 0 where few customers come back:
 * an expected value, right in total, often has a larger one than a baseline that is far too
 * low.  Order and total tell which of two is worse.
 */
extern bool ecapi_metrics(const double *actual, const double *predicted, size_t n,
						  const EcapiFitControl *control, EcapiMetrics *metrics);

/* A number of a customer's id of len bytes that spreads evenly: customers are split by it. */
extern uint64_t ecapi_metrics_key(const char *id, size_t len);

/* The fold, 0 to folds - 1, of a key. */
extern int	ecapi_metrics_fold(uint64_t key, int folds);

#endif							/* ECAPI_METRICS_H */
