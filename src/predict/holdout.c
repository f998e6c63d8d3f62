/*
 * holdout.c
 *	  How good models are on the part of the history that they have not seen.
 *
 * The baselines need no model, and nothing that was not known at the cut:
 *
 *	 order value as is	a customer brings the value of its last order
 *	 same again			what it brought in the days before the cut, as long as the holdout
 *	 mean				everybody brings the mean of that
 *
 * No locks.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "predict/control.h"
#include "predict/holdout.h"

const char *const ecapi_figures[ECAPI_FIGURES] = {"total error", "mean absolute error", "Gini"};

/* What is compared, an element a customer. */
typedef struct Comparison
{
	const EcapiOrders *span;
	size_t		n;
	const EcapiCustomer *histories;
	const EcapiSpanCustomer **which;
	double	   *actual_orders;
	double	   *actual_value;
	double	   *orders;			/* of the prediction that is judged */
	double	   *value;
} Comparison;

void
ecapi_holdout_measure(const double *actual, const double *predicted, size_t n,
					  EcapiMetrics *metrics)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecapi metrics",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiFitControl control = ecapi_control(context);

	if (!ecapi_metrics(actual, predicted, n, &control, metrics))
	{
		ecapi_control_check(false);
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	}
	MemoryContextDelete(context);
	ecapi_control_check(false);
}

static void
add_row(EcapiHoldout *holdout, Comparison *comparison, const char *name, bool is_baseline,
		bool has_orders)
{
	EcapiHoldoutRow *row = &holdout->rows[holdout->nrows++];

	row->name = name;
	row->is_baseline = is_baseline;
	row->has_orders = has_orders;
	ecapi_holdout_measure(comparison->actual_value, comparison->value, comparison->n, &row->value);
	if (has_orders)
		ecapi_holdout_measure(comparison->actual_orders, comparison->orders, comparison->n,
							  &row->orders);
}

/* ---- predictions ---- */

static void
predict(Comparison *comparison, const EcapiFitted *fitted)
{
	EcapiOutlook *outlooks = ecapi_control_array(comparison->n, sizeof(EcapiOutlook));

	ecapi_fitted_outlooks(fitted, comparison->histories, comparison->n,
						  comparison->span->holdout / 7.0, outlooks);
	for (size_t i = 0; i < comparison->n; i++)
	{
		comparison->orders[i] = outlooks[i].orders;
		comparison->value[i] = outlooks[i].value;
	}
	pfree(outlooks);
}

static void
add_models(EcapiHoldout *holdout, Comparison *comparison)
{
	EcapiFitted fitted;

	ecapi_fit_value(comparison->histories, comparison->n, &holdout->value);
	fitted.value = holdout->value;
	fitted.mean_value = ecapi_span_mean_value(comparison->span, true);
	holdout->chosen = -1;
	for (int i = 0; i < ECAPI_FREQUENCY_MODELS; i++)
	{
		fitted.model = &ecapi_frequency_models[i];
		ecapi_fit_frequency(fitted.model, comparison->histories, comparison->n,
							&holdout->frequency[i]);
		if (!holdout->frequency[i].converged)
			continue;
		fitted.frequency = holdout->frequency[i];
		predict(comparison, &fitted);
		add_row(holdout, comparison, ecapi_fitted_name(&fitted), false, true);
		if (holdout->chosen < 0 ||
			holdout->rows[holdout->nrows - 1].orders.mae <
			holdout->rows[holdout->chosen_row].orders.mae)
		{
			holdout->chosen = i;
			holdout->fitted = fitted;
			holdout->chosen_row = holdout->nrows - 1;
		}
	}
}

static void
add_baselines(EcapiHoldout *holdout, Comparison *comparison)
{
	double		orders = 0;
	double		value = 0;

	for (size_t i = 0; i < comparison->n; i++)
		comparison->value[i] = comparison->which[i]->latest_value;
	add_row(holdout, comparison, "order value as is", true, false);

	for (size_t i = 0; i < comparison->n; i++)
	{
		comparison->orders[i] = comparison->which[i]->again_orders;
		comparison->value[i] = comparison->which[i]->again_value;
		orders += comparison->orders[i];
		value += comparison->value[i];
	}
	add_row(holdout, comparison, "same again", true, true);

	for (size_t i = 0; i < comparison->n; i++)
	{
		comparison->orders[i] = orders / comparison->n;
		comparison->value[i] = value / comparison->n;
	}
	add_row(holdout, comparison, "mean", true, true);
}

void
ecapi_holdout(const EcapiOrders *span, EcapiHoldout *holdout)
{
	MemoryContext caller = CurrentMemoryContext;
	Comparison	comparison = {.span = span};
	MemoryContext work = AllocSetContextCreate(caller, "ecapi holdout", ALLOCSET_DEFAULT_SIZES);

	memset(holdout, 0, sizeof(*holdout));
	MemoryContextSwitchTo(work);
	comparison.histories = ecapi_span_calibration(span, &comparison.n, &comparison.which);
	comparison.actual_orders = ecapi_control_array(comparison.n, sizeof(double));
	comparison.actual_value = ecapi_control_array(comparison.n, sizeof(double));
	comparison.orders = ecapi_control_array(comparison.n, sizeof(double));
	comparison.value = ecapi_control_array(comparison.n, sizeof(double));
	for (size_t i = 0; i < comparison.n; i++)
	{
		comparison.actual_orders[i] = comparison.which[i]->held_orders;
		comparison.actual_value[i] = comparison.which[i]->held_value;
	}
	holdout->n = comparison.n;
	add_models(holdout, &comparison);
	add_baselines(holdout, &comparison);
	holdout->judged_row = holdout->chosen_row;
	MemoryContextSwitchTo(caller);
	for (int i = 0; i < holdout->nrows; i++)
		holdout->rows[i].name = pstrdup(holdout->rows[i].name);
	MemoryContextDelete(work);
}

void
ecapi_holdout_judge(EcapiHoldout *holdout, const char *name, const double *actual,
					const double *predicted)
{
	EcapiHoldoutRow *row = &holdout->rows[holdout->nrows];

	Assert(holdout->nrows < ECAPI_HOLDOUT_ROWS);
	row->name = name;
	row->is_baseline = false;
	row->has_orders = false;
	ecapi_holdout_measure(actual, predicted, holdout->n, &row->value);
	holdout->judged_row = holdout->nrows++;
}

/* ---- comparing ---- */

bool
ecapi_holdout_worse(const EcapiHoldoutRow *row, const EcapiHoldoutRow *other, EcapiFigure figure)
{
	const EcapiMetrics *a = &row->value;
	const EcapiMetrics *b = &other->value;

	switch (figure)
	{
		case ECAPI_FIGURE_TOTAL_ERROR:
			return fabs(a->total_error) > fabs(b->total_error);
		case ECAPI_FIGURE_MAE:
			return a->mae > b->mae;
		case ECAPI_FIGURE_GINI:
			return a->gini < b->gini;
		case ECAPI_FIGURES:
			break;
	}
	return false;
}

bool
ecapi_holdout_loses(const EcapiHoldoutRow *row, const EcapiHoldoutRow *other)
{
	return ecapi_holdout_worse(row, other, ECAPI_FIGURE_TOTAL_ERROR) &&
		ecapi_holdout_worse(row, other, ECAPI_FIGURE_GINI);
}
