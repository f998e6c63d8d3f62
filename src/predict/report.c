/*
 * report.c
 *	  What is said of a fit: to the caller, and in ecapi.model.
 *
 * The same figures twice, as a table of text and as JSON.  A figure that does not exist (a
 * standard error that the curvature does not give, the Gini of equal values) is a hyphen
 * in the one and null in the other, never a number.
 *
 * No personal datum is in here: sums and parameters alone.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "model/gammagamma.h"
#include "predict/report.h"

/* ---- numbers ---- */

/* Four digits: figures beyond are noise in a report. */
static const char *
number(double value)
{
	return isfinite(value) ? psprintf("%.4g", value) : "-";
}

static const char *
percent(double value)
{
	return isfinite(value) ? psprintf("%+.1f%%", 100 * value) : "-";
}

/* What is zero but for the rounding of a sum, as the Gini of a constant is, is zero. */
static double
clean(double value)
{
	return fabs(value) < 1e-9 ? 0 : value;
}

static void
append_json_number(StringInfo json, double value)
{
	value = clean(value);
	if (isfinite(value))
		appendStringInfo(json, "%.9g", value);
	else
		appendStringInfoString(json, "null");
}

static void
append_key(StringInfo json, const char *key)
{
	char		last = json->len > 0 ? json->data[json->len - 1] : '{';

	if (last != '{' && last != '[')
		appendStringInfoString(json, ", ");
	escape_json(json, key);
	appendStringInfoString(json, ": ");
}

static void
append_member(StringInfo json, const char *key, double value)
{
	append_key(json, key);
	append_json_number(json, value);
}

/* ---- what the model loses to ---- */

static const EcapiHoldoutRow *
judged_row(const EcapiHoldout *holdout)
{
	return &holdout->rows[holdout->judged_row];
}

/* The total is off by more than a factor of two; of nothing there is no factor. */
static bool
is_off(const EcapiHoldoutRow *row)
{
	return row->value.total_error > 1 || row->value.total_error < -0.5;
}

char *
ecapi_report_problem(const EcapiHoldout *holdout, int of)
{
	const EcapiHoldoutRow *row = &holdout->rows[of];
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < holdout->nrows; i++)
		if (holdout->rows[i].is_baseline && ecapi_holdout_loses(row, &holdout->rows[i]))
			appendStringInfo(&text, "%s\"%s\"", text.len > 0 ? ", " : "worse than the baseline ",
							 holdout->rows[i].name);
	if (is_off(row))
		appendStringInfo(&text, "%sits total is %.2g times what came", text.len > 0 ? "; " : "",
						 1 + row->value.total_error);
	return text.len > 0 ? text.data : NULL;
}

/* The figures in which a row is worse than another, palloc'd; NULL: none. */
static char *
worse_in(const EcapiHoldoutRow *row, const EcapiHoldoutRow *other)
{
	StringInfoData text;

	initStringInfo(&text);
	for (EcapiFigure figure = 0; figure < ECAPI_FIGURES; figure++)
		if (ecapi_holdout_worse(row, other, figure))
			appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", ecapi_figures[figure]);
	return text.len > 0 ? text.data : NULL;
}

/* ---- the table ---- */

static void
append_parameters(StringInfo text, const char *name, const EcapiFit *fit, const char *const *names,
				  int n)
{
	appendStringInfo(text, "%s: ", name);
	if (!fit->converged)
	{
		appendStringInfo(text, "no fit: %s\n", fit->problem != NULL ? fit->problem : "no convergence");
		return;
	}
	for (int i = 0; i < n; i++)
		appendStringInfo(text, "%s%s %s (%s)", i > 0 ? ", " : "", names[i], number(fit->param[i]),
						 number(fit->error[i]));
	appendStringInfo(text, "; log-likelihood %.2f\n", fit->log_likelihood);
}

static void
append_fits(StringInfo text, const char *head, const EcapiFit *frequency, int only,
			const EcapiFit *value)
{
	appendStringInfo(text, "parameters, with standard errors, %s\n", head);
	for (int i = 0; i < ECAPI_FREQUENCY_MODELS; i++)
	{
		const EcapiFrequencyModel *model = &ecapi_frequency_models[i];

		if (only < 0 || only == i)
			append_parameters(text, psprintf("  %s", model->name),
							  only < 0 ? &frequency[i] : frequency, model->params, model->nparams);
	}
	append_parameters(text, "  Gamma-Gamma", value, ecapi_gammagamma_params,
					  ECAPI_GAMMAGAMMA_PARAMS);
}

static void
append_head(StringInfo text)
{
	appendStringInfo(text, "  %-28s %9s %9s | %9s %9s %6s %7s\n", "prediction", "orders", "MAE",
					 "value", "MAE", "Gini", "top 10%");
}

static void
append_row(StringInfo text, const EcapiHoldoutRow *row)
{
	appendStringInfo(text, "  %-28s %9s %9s | %9s %9s %6s %7s\n", row->name,
					 row->has_orders ? percent(row->orders.total_error) : "-",
					 row->has_orders ? number(row->orders.mae) : "-",
					 percent(row->value.total_error), number(row->value.mae),
					 isfinite(row->value.gini) ? psprintf("%.3f", clean(row->value.gini)) : "-",
					 isfinite(row->value.top_decile)
					 ? psprintf("%.1f%%", 100 * row->value.top_decile) : "-");
}

static void
append_calibration(StringInfo text, const EcapiMetrics *metrics)
{
	appendStringInfoString(text, "  predicted by tenths:");
	for (int i = 0; i < ECAPI_METRICS_DECILES; i++)
		appendStringInfo(text, " %s", number(metrics->decile_predicted[i]));
	appendStringInfoString(text, "\n  what came:          ");
	for (int i = 0; i < ECAPI_METRICS_DECILES; i++)
		appendStringInfo(text, " %s", number(metrics->decile_actual[i]));
	appendStringInfoChar(text, '\n');
}

static void
append_verdict(StringInfo text, const EcapiHoldout *holdout)
{
	const EcapiHoldoutRow *row = judged_row(holdout);

	for (int i = 0; i < holdout->nrows; i++)
	{
		const EcapiHoldoutRow *other = &holdout->rows[i];
		char	   *worse = other->is_baseline ? worse_in(row, other) : NULL;

		if (worse == NULL)
			continue;
		if (ecapi_holdout_loses(row, other))
			appendStringInfo(text, "worse than the baseline \"%s\" in: %s\n", other->name, worse);
		else
			appendStringInfo(text, "better than the baseline \"%s\", but for: %s\n", other->name, worse);
	}
	if (row->value.actual == 0)
		appendStringInfoString(text, "no order was held out: the figures say nothing of the model\n");
}

/* What the shop's own function adds to the first order. */
static void
append_features(StringInfo text, const EcapiEarly *early)
{
	const EcapiFeatures *features = early->features;

	if (features->function == NULL)
		return;
	appendStringInfo(text, "  with features of %zu customers:", features->known);
	for (int i = 0; i < features->numerics; i++)
		appendStringInfo(text, " %s", features->numeric[i]);
	for (int i = 0; i < features->categories; i++)
		appendStringInfo(text, " %s", features->category[i]);
	appendStringInfoChar(text, '\n');
}

/* The first order, and how it goes over to the history. */
static void
append_early(StringInfo text, const EcapiOrders *span, const EcapiEarly *early)
{
	if (early->nrows > 0)
	{
		appendStringInfo(text, "first order: %zu customers, each by a fit to others; %d days from then on\n",
						 early->n, span->holdout);
		append_features(text, early);
		append_head(text);
		for (int i = 0; i < early->nrows; i++)
			append_row(text, &early->rows[i]);
	}
	if (early->problem != NULL)
		appendStringInfo(text, "the first order is not used: %s\n", early->problem);
	if (early->has_blended)
	{
		appendStringInfo(text, "the same customers in what was held out, by first week and history\n");
		append_row(text, &early->blended);
		append_row(text, &early->alone);
		appendStringInfoString(text, "  weight of the history, by repeat orders:");
		for (int i = 0; i < early->blend.buckets; i++)
			appendStringInfo(text, " %s%.0f: %.2f", i > 0 ? "from " : "", early->blend.from[i],
							 early->blend.weight[i]);
		appendStringInfoChar(text, '\n');
	}
	if (early->problem == NULL && early->blend.problem != NULL)
		appendStringInfo(text, "behind the first week only history counts: %s\n", early->blend.problem);
}

char *
ecapi_report_text(const EcapiReport *report)
{
	const EcapiOrders *span = report->span;
	const EcapiHoldout *holdout = report->holdout;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "span %s to %s: " INT64_FORMAT " orders of %zu customers, in %s\n",
					 ecapi_span_day(span->begin), ecapi_span_day(span->end),
					 report->days_with_orders, span->n, span->currency);
	for (int i = 1; i < ECAPI_SPAN_KINDS; i++)
		if (span->counts[i] > 0)
			appendStringInfo(&text, "left out: " INT64_FORMAT " %s\n", span->counts[i],
							 ecapi_span_kinds[i]);
	append_fits(&text, psprintf("fitted up to %s", ecapi_span_day(span->cut)), holdout->frequency, -1,
				&holdout->value);
	appendStringInfo(&text, "held out: %d days, %zu customers; total error, mean absolute error\n",
					 span->holdout, holdout->n);
	append_head(&text);
	for (int i = 0; i < holdout->nrows; i++)
		append_row(&text, &holdout->rows[i]);
	appendStringInfo(&text, "chosen: %s%s\n", holdout->rows[holdout->chosen_row].name,
					 holdout->judged_row == holdout->chosen_row ? "" : "; judged: scores as written");
	append_calibration(&text, &judged_row(holdout)->value);
	append_verdict(&text, holdout);
	append_early(&text, span, report->early);
	append_fits(&text, "fitted to the whole span", &report->fitted->frequency, holdout->chosen,
				&report->fitted->value);
	/* a detail has no line end of its own */
	text.data[--text.len] = '\0';
	return text.data;
}

/* ---- JSON ---- */

static void
append_fit_json(StringInfo json, const char *name, const EcapiFit *fit, const char *const *names,
				int n)
{
	append_key(json, name);
	appendStringInfoChar(json, '{');
	if (!fit->converged)
	{
		append_key(json, "problem");
		escape_json(json, fit->problem != NULL ? fit->problem : "no convergence");
	}
	for (int i = 0; fit->converged && i < n; i++)
	{
		append_key(json, names[i]);
		appendStringInfoChar(json, '{');
		append_member(json, "estimate", fit->param[i]);
		append_member(json, "standard_error", fit->error[i]);
		appendStringInfoChar(json, '}');
	}
	if (fit->converged)
		append_member(json, "log_likelihood", fit->log_likelihood);
	appendStringInfoChar(json, '}');
}

char *
ecapi_report_parameters(const EcapiReport *report)
{
	const EcapiHoldout *holdout = report->holdout;
	const EcapiFrequencyModel *model = report->fitted->model;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_key(&json, "calibration");
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < ECAPI_FREQUENCY_MODELS; i++)
		append_fit_json(&json, ecapi_frequency_models[i].name, &holdout->frequency[i],
						ecapi_frequency_models[i].params, ecapi_frequency_models[i].nparams);
	append_fit_json(&json, "Gamma-Gamma", &holdout->value, ecapi_gammagamma_params,
					ECAPI_GAMMAGAMMA_PARAMS);
	appendStringInfoChar(&json, '}');
	append_key(&json, "whole span");
	appendStringInfoChar(&json, '{');
	append_fit_json(&json, model->name, &report->fitted->frequency, model->params, model->nparams);
	append_fit_json(&json, "Gamma-Gamma", &report->fitted->value, ecapi_gammagamma_params,
					ECAPI_GAMMAGAMMA_PARAMS);
	appendStringInfoString(&json, "}}");
	return json.data;
}

static void
append_metrics_json(StringInfo json, const char *key, const EcapiMetrics *metrics)
{
	append_key(json, key);
	appendStringInfoChar(json, '{');
	append_member(json, "predicted", metrics->predicted);
	append_member(json, "actual", metrics->actual);
	append_member(json, "total_error", metrics->total_error);
	append_member(json, "mae", metrics->mae);
	append_member(json, "gini", metrics->gini);
	append_member(json, "top_decile", metrics->top_decile);
	append_key(json, "calibration");
	appendStringInfoChar(json, '[');
	for (int i = 0; i < ECAPI_METRICS_DECILES; i++)
	{
		appendStringInfoString(json, i > 0 ? ", {" : "{");
		append_member(json, "predicted", metrics->decile_predicted[i]);
		append_member(json, "actual", metrics->decile_actual[i]);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoString(json, "]}");
}

char *
ecapi_report_holdout(const EcapiReport *report)
{
	const EcapiHoldout *holdout = report->holdout;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < holdout->nrows; i++)
	{
		const EcapiHoldoutRow *row = &holdout->rows[i];

		appendStringInfoString(&json, i > 0 ? ", {" : "{");
		append_key(&json, "prediction");
		escape_json(&json, row->name);
		append_key(&json, "is_baseline");
		appendStringInfoString(&json, row->is_baseline ? "true" : "false");
		append_key(&json, "is_judged");
		appendStringInfoString(&json, row == judged_row(holdout) ? "true" : "false");
		if (row->has_orders)
			append_metrics_json(&json, "orders", &row->orders);
		append_metrics_json(&json, "value", &row->value);
		if (row->is_baseline)
		{
			append_key(&json, "model_is_worse");
			appendStringInfoString(&json, ecapi_holdout_loses(judged_row(holdout), row)
								   ? "true" : "false");
		}
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

char *
ecapi_report_first_order(const EcapiEarly *early)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_key(&json, "customers");
	appendStringInfo(&json, "%zu", early->n);
	if (early->problem != NULL)
	{
		append_key(&json, "problem");
		escape_json(&json, early->problem);
	}
	for (int i = 0; i < early->nrows; i++)
		append_metrics_json(&json, early->rows[i].name, &early->rows[i].value);
	if (early->has_blended)
	{
		append_metrics_json(&json, early->blended.name, &early->blended.value);
		append_metrics_json(&json, early->alone.name, &early->alone.value);
		append_key(&json, "weights");
		appendStringInfoChar(&json, '[');
		for (int i = 0; i < early->blend.buckets; i++)
		{
			appendStringInfoString(&json, i > 0 ? ", {" : "{");
			append_member(&json, "repeat_orders", early->blend.from[i]);
			append_member(&json, "history", early->blend.weight[i]);
			append_member(&json, "customers", early->blend.customers[i]);
			appendStringInfoChar(&json, '}');
		}
		appendStringInfoChar(&json, ']');
	}
	if (early->blend.problem != NULL)
	{
		append_key(&json, "not_blended");
		escape_json(&json, early->blend.problem);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

char *
ecapi_report_left_out(const EcapiOrders *span)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 1; i < ECAPI_SPAN_KINDS; i++)
		if (span->counts[i] > 0)
		{
			append_key(&json, ecapi_span_kinds[i]);
			appendStringInfo(&json, INT64_FORMAT, span->counts[i]);
		}
	appendStringInfoChar(&json, '}');
	return json.data;
}
