/*
 * holdout.h
 *	  How good models are on the part of the history that they have not seen.
 */
#ifndef ECAPI_HOLDOUT_H
#define ECAPI_HOLDOUT_H

#include "postgres.h"

#include "model/metrics.h"
#include "predict/fitting.h"
#include "predict/span.h"

/* The baselines, in this order behind the models. */
#define ECAPI_BASELINES		3

/* Rows of a report: the models, the baselines, and what is written where it is of several models. */
#define ECAPI_HOLDOUT_ROWS	(ECAPI_FREQUENCY_MODELS + ECAPI_BASELINES + 1)

/* A prediction beside what came of it. */
typedef struct EcapiHoldoutRow
{
	const char *name;
	bool		is_baseline;
	bool		has_orders;		/* it says how many orders, too */
	EcapiMetrics orders;
	EcapiMetrics value;
} EcapiHoldoutRow;

typedef struct EcapiHoldout
{
	size_t		n;				/* customers of the calibration */
	EcapiFit	frequency[ECAPI_FREQUENCY_MODELS];	/* to the calibration */
	EcapiFit	value;
	int			nrows;
	EcapiHoldoutRow rows[ECAPI_HOLDOUT_ROWS];
	int			chosen;			/* of the frequency models; -1: none converged */
	int			chosen_row;
	int			judged_row;		/* of what is written: by it scores are replaced or not */
	EcapiFitted fitted;			/* the chosen one, to the calibration */
} EcapiHoldout;

/*
 * Fit every model to the calibration and compare what it predicts for the days behind it
 * with what came; the same of the baselines.  The frequency model with the smaller mean
 * absolute error in orders is chosen.  Raises a cancellation, and an error for predictions
 * that are no numbers; models that do not converge are not compared.
 */
extern void ecapi_holdout(const EcapiOrders *span, EcapiHoldout *holdout);

/*
 * Add a row of what is written of each customer of the calibration, in their order, where that is not
 * the chosen model's alone: it is judged in its place.  The name is kept.  Raises what
 * ecapi_holdout_measure() raises.
 */
extern void ecapi_holdout_judge(EcapiHoldout *holdout, const char *name, const double *actual,
								const double *predicted);

/*
 * Measure n predictions against what came.  Raises a cancellation, and out of memory.
 */
extern void ecapi_holdout_measure(const double *actual, const double *predicted, size_t n,
								  EcapiMetrics *metrics);

/* The figures by which predictions are compared. */
typedef enum EcapiFigure
{
	ECAPI_FIGURE_TOTAL_ERROR,	/* of the value, regardless of its sign */
	ECAPI_FIGURE_MAE,			/* of the value */
	ECAPI_FIGURE_GINI,			/* normalized */
	ECAPI_FIGURES
} EcapiFigure;

extern const char *const ecapi_figures[ECAPI_FIGURES];

/* Whether one row is worse than another in a figure; where one has none, it is not. */
extern bool ecapi_holdout_worse(const EcapiHoldoutRow *row, const EcapiHoldoutRow *other,
								EcapiFigure figure);

/*
 * Whether a row loses to another: that has the better total and the better order (Gini) of
 * customers.  The absolute error does not decide: it is least for a median, which is near 0
 * where few customers come back, so a prediction that is far too low has a small one
 * (metrics.h).
 */
extern bool ecapi_holdout_loses(const EcapiHoldoutRow *row, const EcapiHoldoutRow *other);

#endif							/* ECAPI_HOLDOUT_H */
