/*
 * fit_call.c
 *	  ecapi.fit(): learn from a table's history what its customers are worth.
 *
 *	 read    the history, through the track, as sums by customer (span.c)
 *	 judge   every model on the held-out span, beside baselines (holdout.c)
 *	 fit     the chosen one to the whole span, and a regression on the first order (early.c)
 *	 report  to the caller, and in ecapi.model (report.c, model_table.c)
 *	 write   scores and their enrichment (score_table.c), unless the model is not good
 *
 * All of it is one statement of the caller's, with the caller's rights: the row of
 * ecapi.model alone is written as the extension's owner.  So an error or a cancel leaves
 * the scores of before.
 *
 * Memory goes with customers: about 200 bytes for each, and the length of its key.
 *
 * How far it is stands in the view ecapi.stat_progress.
 *
 * Locks: AccessShareLock on the relation (history.c), and that of score_table.c.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "predict/control.h"
#include "predict/early.h"
#include "predict/fitting.h"
#include "predict/holdout.h"
#include "predict/model_table.h"
#include "predict/report.h"
#include "predict/score_table.h"
#include "predict/span.h"
#include "stat/stat_progress.h"

/* Scores that are written at a time. */
#define PAGE	5000

/* Ten years: beyond, nothing that was learnt holds. */
#define LONGEST_HORIZON		3653

typedef struct FitCall
{
	EcapiSpanQuery query;
	Interval   *horizon;
	bool		force;
	bool		wants_scores;
	EcapiScoreTable table;
	Oid			features_of;	/* a function; InvalidOid: none */
	EcapiOrders	span;
	EcapiFeatures features;
	EcapiHoldout holdout;
	EcapiFitted fitted;			/* to the whole span */
	EcapiEarly	early;
	EcapiCustomer *histories;	/* of the whole span */
	const char *model;			/* what scores are named after */
	const char *blended;		/* with the first order in it */
} FitCall;

PG_FUNCTION_INFO_V1(ecapi_fit);

/* ---- arguments ---- */

static void
refuse(const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message),
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* Days of an interval: a year has 365.25. */
static double
days_of(const Interval *interval)
{
	return interval->month * 365.25 / 12 + interval->day + interval->time / (double) USECS_PER_DAY;
}

static const char *
currency_argument(FunctionCallInfo fcinfo, int n)
{
	char	   *currency = text_to_cstring(PG_GETARG_TEXT_PP(n));

	if (strlen(currency) != 3 || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
		refuse("\"currency\" must be a code of ISO 4217 in capital letters", "Such as 'EUR'.");
	return currency;
}

static void
read_arguments(FunctionCallInfo fcinfo, FitCall *call)
{
	EcapiSpanQuery *query = &call->query;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a fit needs a table and a horizon")));
	query->relation = PG_GETARG_OID(0);
	query->track = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	call->wants_scores = !PG_ARGISNULL(2);
	if (call->wants_scores)
		call->table = ecapi_score_table_name(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	call->horizon = PG_GETARG_INTERVAL_P(3);
	query->horizon = days_of(call->horizon);
	if (query->horizon < 1 || query->horizon > LONGEST_HORIZON)
		refuse("\"horizon\" must lie between a day and ten years", NULL);
	query->holdout = PG_ARGISNULL(4) ? 0 : days_of(PG_GETARG_INTERVAL_P(4));
	if (!PG_ARGISNULL(4) && (query->holdout < 1 || query->holdout > LONGEST_HORIZON))
		refuse("\"holdout\" must lie between a day and ten years", NULL);
	call->force = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);
	query->currency = PG_ARGISNULL(6) ? NULL : currency_argument(fcinfo, 6);
	query->digest = !PG_ARGISNULL(7) && PG_GETARG_BOOL(7);
	call->features_of = PG_ARGISNULL(9) ? InvalidOid : PG_GETARG_OID(9);
	query->has_until = !PG_ARGISNULL(8);
	query->until = PG_ARGISNULL(8) ? 0 : PG_GETARG_TIMESTAMPTZ(8);
	if (query->has_until && TIMESTAMP_NOT_FINITE(query->until))
		refuse("\"until\" must be finite", NULL);
}

/* ---- saying how far it is ---- */

/* The view ecapi.stat_progress shows it, where the library that keeps it is loaded. */
static void
show(EcapiCommandPhase phase, size_t done, size_t all)
{
	const EcapiCommandCalls *calls = ecapi_command_calls();

	if (calls == NULL)
		return;
	calls->phase(phase, (int64) all);
	calls->done((int64) done);
}

/* What is worth knowing of how customers are told. */
static void
report_customers(const FitCall *call)
{
	if (call->span.by_address && call->span.by_number)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("some customers are told by an id, others by an address or telephone number"),
				 errdetail("One that is told by both is two customers."),
				 errhint("Map \"user_data.customer_identifier\" for all orders.")));
	if (call->span.by_address && call->wants_scores && !call->query.digest)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("addresses or telephone numbers of customers are clear in %s", call->table.quoted),
				 errhint("With digest => true they are digests.")));
}

/* ---- learning ---- */

/* No model has a fit: say why, of each. */
static void
refuse_no_fit(const EcapiFit *fits, const char *what)
{
	StringInfoData detail;

	initStringInfo(&detail);
	for (int i = 0; i < ECAPI_FREQUENCY_MODELS; i++)
		appendStringInfo(&detail, "%s%s: %s.", i > 0 ? " " : "", ecapi_frequency_models[i].name,
						 fits[i].problem != NULL ? fits[i].problem : "no convergence");
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("no model can be fitted to %s", what),
			 errdetail_internal("%s", detail.data),
			 errhint("Models need customers who have come back; SELECT * FROM ecapi.history(...) shows the orders.")));
}

static void
fit_whole(FitCall *call)
{
	EcapiFitted *fitted = &call->fitted;
	const EcapiOrders *span = &call->span;

	call->histories = ecapi_span_whole(span);
	fitted->model = &ecapi_frequency_models[call->holdout.chosen];
	ecapi_fit_frequency(fitted->model, call->histories, span->n, &fitted->frequency);
	if (!fitted->frequency.converged)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model %s cannot be fitted to the whole span", fitted->model->name),
				 errdetail("%s.", fitted->frequency.problem != NULL ? fitted->frequency.problem
						   : "no convergence")));
	ecapi_fit_value(call->histories, span->n, &fitted->value);
	fitted->mean_value = ecapi_span_mean_value(span, false);
	call->model = ecapi_fitted_name(fitted);
	call->blended = psprintf("first order, %s", call->model);
}

static int64
count_orders(const EcapiOrders *span)
{
	int64		orders = span->n;

	for (size_t i = 0; i < span->n; i++)
		orders += span->customers[i].repeats;
	return orders;
}

/*
 * Orders a day in the next weeks: what the model expects of all customers, and as many of
 * newcomers as in the last weeks.
 */
static double
expect(const FitCall *call)
{
	const EcapiOrders *span = &call->span;
	EcapiOutlook *outlooks = ecapi_control_array(span->n, sizeof(EcapiOutlook));
	double		orders = 0;

	ecapi_fitted_outlooks(&call->fitted, call->histories, span->n, ECAPI_SPAN_RECENT / 7.0, outlooks);
	for (size_t i = 0; i < span->n; i++)
	{
		orders += outlooks[i].orders;
		if (span->customers[i].first > span->end - ECAPI_SPAN_RECENT)
			orders += 1 + span->customers[i].repeats;
	}
	pfree(outlooks);
	return orders / ECAPI_SPAN_RECENT;
}

/* How much more the orders of days differ than chance would make them. */
static double
dispersion(const EcapiOrders *span)
{
	int			days = Min(ECAPI_SPAN_DAILY, span->end - span->begin + 1);
	double		mean = 0;
	double		variance = 0;

	for (int i = 0; i < days; i++)
		mean += span->daily[i] / (double) days;
	for (int i = 0; i < days; i++)
		variance += (span->daily[i] - mean) * (span->daily[i] - mean) / days;
	return mean > 0 && variance > mean ? variance / mean : 1;
}

/* ---- scores ---- */

/*
 * The value of a customer by its first days, for the horizon: it was learnt for as long as
 * the holdout, and grows from there as what history expects of the customer does, from held to
 * history.
 */
static double
early_value(const FitCall *call, size_t i, double held, double history)
{
	const EcapiOrders *span = &call->span;
	double		value = ecapi_early_value(&call->early, span, &span->customers[i]);

	return held > 0 && span->horizon != span->holdout ? value * (history / held) : value;
}

/*
 * In the first week by what is known then; behind it more and more by the history, if that
 * was found better.  How often and whether still is the history's in any case.  outlook is for
 * the horizon, held the value for as long as the holdout.
 */
static void
score(const FitCall *call, size_t i, const EcapiOutlook *outlook, double held, EcapiScore *score)
{
	const EcapiSpanCustomer *customer = &call->span.customers[i];
	bool		is_new = ecapi_early_is_new(customer, call->span.end);

	score->customer = customer->key;
	score->purchases = outlook->orders;
	score->likelihood = outlook->any;
	score->churn = 1 - outlook->alive;
	score->value = outlook->value;
	score->model = call->model;
	if (call->early.problem != NULL || (!is_new && call->early.blend.problem != NULL))
		return;
	if (!is_new && ecapi_blend_weight(&call->early.blend, customer->repeats) >= 1)
		return;
	score->value = early_value(call, i, held, outlook->value);
	score->model = is_new ? "first order" : call->blended;
	if (!is_new)
		score->value = ecapi_blend(&call->early.blend, customer->repeats, score->value, outlook->value);
}

static void
write_page(const FitCall *call, size_t begin, int n, EcapiScore *scores)
{
	const EcapiOrders *span = &call->span;
	EcapiOutlook *outlooks = palloc(sizeof(EcapiOutlook) * n);
	EcapiOutlook *held = palloc(sizeof(EcapiOutlook) * n);

	ecapi_fitted_outlooks(&call->fitted, &call->histories[begin], n, span->horizon / 7.0, outlooks);
	ecapi_fitted_outlooks(&call->fitted, &call->histories[begin], n, span->holdout / 7.0, held);
	for (int i = 0; i < n; i++)
		score(call, begin + i, &outlooks[i], held[i].value, &scores[i]);
	ecapi_score_table_write(&call->table, scores, n, call->span.currency);
}

static void
write_scores(FitCall *call)
{
	MemoryContext page = AllocSetContextCreate(CurrentMemoryContext, "ecapi scores",
											   ALLOCSET_DEFAULT_SIZES);
	EcapiScore *scores = palloc(sizeof(EcapiScore) * PAGE);
	char	   *patch;

	ecapi_score_table_begin(&call->table);
	for (size_t begin = 0; begin < call->span.n; begin += PAGE)
	{
		MemoryContext old = MemoryContextSwitchTo(page);

		write_page(call, begin, (int) Min(call->span.n - begin, PAGE), scores);
		MemoryContextSwitchTo(old);
		MemoryContextReset(page);
		show(ECAPI_AT_SCORES, Min(begin + PAGE, call->span.n), call->span.n);
	}
	MemoryContextDelete(page);
	patch = ecapi_score_table_patch(&call->table);
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("%zu scores are in %s", call->span.n, call->table.quoted),
			 errhint("A destination attaches them to events with the enrichment %s.", patch)));
}

/* Write them, unless there is a problem; whether they were written. */
static bool
replace_scores(FitCall *call, const char *problem)
{
	bool		kept = call->wants_scores && problem != NULL && !call->force;

	if (problem != NULL)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("model %s is not good: %s", call->model, problem),
				 !call->wants_scores ? 0
				 : kept ? errdetail("The scores in %s are not replaced.", call->table.quoted)
				 : errdetail("The scores in %s are replaced, because force was asked for.",
							 call->table.quoted),
				 kept ? errhint("With force => true they are.") : 0));
	if (!call->wants_scores || kept)
		return false;
	write_scores(call);
	return true;
}

/* ---- all of it ---- */

/*
 * Why the scores that would be written had better not be; NULL: they may.  Where it is the
 * first order that spoils them, it is left out.
 */
static char *
settle(FitCall *call)
{
	EcapiHoldout *holdout = &call->holdout;
	char	   *problem = ecapi_report_problem(holdout, holdout->judged_row);

	if (problem != NULL && holdout->judged_row != holdout->chosen_row &&
		ecapi_report_problem(holdout, holdout->chosen_row) == NULL)
	{
		call->early.problem = "with it, what is written is not good, and without it it is";
		holdout->judged_row = holdout->chosen_row;
		return NULL;
	}
	return problem;
}

static int64
fit(FitCall *call)
{
	EcapiReport report = {0};
	EcapiModelRow row = {0};
	char	   *problem;

	if (call->wants_scores)
		ecapi_score_table_look(&call->table);
	show(ECAPI_AT_HISTORY, 0, 0);
	ecapi_span_read(&call->query, &call->span);
	report_customers(call);
	show(ECAPI_AT_FEATURES, 0, call->span.n);
	ecapi_features_read(call->features_of, &call->span, &call->features);
	show(ECAPI_AT_JUDGING, 0, call->span.n);
	ecapi_holdout(&call->span, &call->holdout);
	if (call->holdout.chosen < 0)
		refuse_no_fit(call->holdout.frequency, psprintf("the orders up to %s",
														ecapi_span_day(call->span.cut)));
	show(ECAPI_AT_FITTING, 0, call->span.n);
	fit_whole(call);
	show(ECAPI_AT_FIRST_ORDERS, 0, call->span.n);
	ecapi_early_learn(&call->span, &call->features, &call->holdout, &call->early);
	problem = settle(call);

	report.table = get_rel_name(call->query.relation);
	report.track = call->query.track;
	report.span = &call->span;
	report.holdout = &call->holdout;
	report.fitted = &call->fitted;
	report.early = &call->early;
	report.model = call->model;
	report.days_with_orders = count_orders(&call->span);
	report.expected = expect(call);
	report.dispersion = dispersion(&call->span);
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("fit of table \"%s\"", report.table),
			 errdetail_internal("%s", ecapi_report_text(&report))));

	row.relation = call->query.relation;
	row.horizon = call->horizon;
	row.scores = call->wants_scores ? call->table.quoted : NULL;
	row.problem = problem;
	row.report = &report;
	row.replaced = replace_scores(call, problem);
	return ecapi_model_record(&row);
}

/*
 * ecapi.fit(relation regclass, name text, scores text, horizon interval, holdout interval,
 *		force boolean, currency text, digest boolean, until timestamptz, features regproc)
 *
 * See the install script.  Returns the fit_id of the row of ecapi.model.  Raises what
 * reading the history raises (span.h), what features raise (features.h), what may not be written (score_table.h), and an
 * error that says why there is no fit.
 */
Datum
ecapi_fit(PG_FUNCTION_ARGS)
{
	FitCall    *call = palloc0(sizeof(FitCall));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecapi fit call",
												  ALLOCSET_DEFAULT_SIZES);
	const EcapiCommandCalls *calls = ecapi_command_calls();
	int			nest;
	int64		fit_id;

	PreventCommandIfReadOnly("ecapi.fit()");
	PreventCommandIfParallelMode("ecapi.fit()");
	PreventCommandDuringRecovery("ecapi.fit()");
	read_arguments(fcinfo, call);
	nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	MemoryContextSwitchTo(context);
	if (calls != NULL)
		calls->begin(ECAPI_COMMAND_FIT, call->query.relation);
	fit_id = fit(call);
	if (calls != NULL)
		calls->end();
	SPI_finish();
	MemoryContextDelete(context);
	AtEOXact_GUC(true, nest);
	PG_RETURN_INT64(fit_id);
}
