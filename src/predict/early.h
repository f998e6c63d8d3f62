/*
 * early.h
 *	  What a customer is worth by what is known in its first days, and how that goes over
 *	  to what its history says.
 */
#ifndef ECAPI_EARLY_H
#define ECAPI_EARLY_H

#include "postgres.h"

#include "model/blend.h"
#include "model/design.h"
#include "model/ziln.h"
#include "predict/features.h"
#include "predict/fitting.h"
#include "predict/holdout.h"
#include "predict/span.h"

/* Rows of the report: the model at two moments, and the baseline at each. */
#define ECAPI_EARLY_ROWS	4

typedef struct EcapiEarly
{
	const char *problem;		/* why it is not used; NULL: it is */
	size_t		n;				/* customers that it was learnt from and judged on */
	int			nrows;			/* 0: it was not judged */
	EcapiHoldoutRow rows[ECAPI_EARLY_ROWS];

	const EcapiFeatures *features;	/* the caller's */

	/* to all of them; in a context that lives as long as this */
	EcapiDesign *design;
	EcapiZiln	fit;

	/* over to the history */
	EcapiBlend	blend;			/* its problem says why it is not used */
	bool		has_blended;
	EcapiHoldoutRow blended;	/* on the holdout, by weights of other customers */
	EcapiHoldoutRow alone;		/* the history's predictions of the same customers */
} EcapiEarly;

/*
 * Learn it from the customers whose first week ended as long before the end of the span as
 * the holdout is, and by the shop's own features, in the current context; judge it on customers
 * that it has not seen, and blend it with what history, fitted to the calibration, predicts for
 * the holdout.  Where scores would be others than those of history, the holdout gets a row of
 * them, by which it judges.  Raises a cancellation; whatever keeps it from being used is in
 * early->problem.
 */
extern void ecapi_early_learn(const EcapiOrders *span, const EcapiFeatures *features,
							  EcapiHoldout *holdout, EcapiEarly *early);

/* Whether a customer is scored by its first days, on a day of the span: in the first week. */
extern bool ecapi_early_is_new(const EcapiSpanCustomer *customer, int32 day);

/*
 * The value of a customer of the span within as long as the holdout, by its first days as
 * far as they are over at the end of the span.  Only where there is no problem.
 */
extern double ecapi_early_value(const EcapiEarly *early, const EcapiOrders *span,
								const EcapiSpanCustomer *customer);

#endif							/* ECAPI_EARLY_H */
