/*
 * blend.h
 *	  From the prediction by what is known early to the one by a customer's history.
 *
 * The regression on the first order (ziln.h) knows little of a customer who has come
 * back often; the models of history know nothing of one who has not.  So a prediction is
 * (1 - w) early + w history, and w grows with the number of repeat orders.  w is learnt
 * where both predictions and what came of them are known, the held-out span: in each
 * bucket of repeat orders the least-squares weight; across buckets those weights, within
 * [0, 1] and never falling, that lose least (pool adjacent violators, Ayer et al. 1955,
 * with each bucket's curvature as its weight, then clipped, which is exact for bounds).
 *
 * The total of blended predictions is not scaled to what came.  One held-out span has one
 * season: scaled to it, predictions would take that season's level into the next span.
 *
 * Invariants: a blended prediction lies between the two; weights do not depend on the
 * order of the customers, to the last bit.
 *
 * Pure C: no server header, no I/O; memory is the control's.
 */
#ifndef ECAPI_BLEND_H
#define ECAPI_BLEND_H

#include <stdbool.h>
#include <stddef.h>

#include "model/fit.h"

/* Buckets by repeat orders at most: 0, 1, 2, 3, 4 and 5, 6 to 9, 10 and more. */
#define ECAPI_BLEND_BUCKETS		7
/* Customers of a bucket at least; one with fewer is joined to the bucket before it (the first to the next). */
#define ECAPI_BLEND_CUSTOMERS	100

typedef struct EcapiBlend
{
	int			buckets;
	double		from[ECAPI_BLEND_BUCKETS];		/* repeat orders at least; the first is 0 */
	double		weight[ECAPI_BLEND_BUCKETS];	/* of the history model, 0 to 1, never falling */
	size_t		customers[ECAPI_BLEND_BUCKETS];	/* that it was learnt from */
	const char *problem;		/* why there are no weights, a constant text; NULL */
} EcapiBlend;

/*
 * Learn from n customers: their repeat orders when predicted, both predictions, and the
 * actual values, all finite.  Fills *blend; with fewer than ECAPI_BLEND_CUSTOMERS it has a
 * problem.  Where both predictions are equal throughout a bucket it takes its neighbours' weight.
 */
extern void ecapi_blend_learn(const double *repeats, const double *early, const double *history,
							  const double *actual, size_t n, const EcapiFitControl *control,
							  EcapiBlend *blend);

/* The weight of the history model, 0 to 1, at a number of repeat orders. */
extern double ecapi_blend_weight(const EcapiBlend *blend, double repeats);

/* The blended prediction, between early and history. */
extern double ecapi_blend(const EcapiBlend *blend, double repeats, double early, double history);

#endif							/* ECAPI_BLEND_H */
