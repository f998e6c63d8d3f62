/*
 * early.c
 *	  What a customer is worth by what is known in its first days, and how that goes over
 *	  to what its history says.
 *
 * A customer is learnt from at two moments: at its first order, and a week later.  What
 * is known then goes in, what it brought from then on, in as long as the holdout, comes
 * out (ziln.h).  Which moment it is goes in, too, so one fit serves for all days between.
 *
 * Judged is it on customers that it has not seen: they are divided into folds by their
 * keys, and each fold is predicted by a fit to the others.  The held-out span itself would
 * do for old customers alone.
 *
 * Over to the history: on the holdout both predictions of a customer are known, that of
 * its first week by a fit to others, and what came.  So weights can be learnt (blend.h).
 * The row of the report has weights that were learnt from the other half of the customers.
 *
 * What is written in the end is of both: the regression for the newest customers, the blend
 * for the others.  That is judged on the holdout as one, beside the baselines: each customer
 * by a fit to others.
 *
 * Memory: 20 doubles for a customer that is learnt from, and 4 more for each feature, at
 * most for MOST of them.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "predict/control.h"
#include "predict/early.h"

/* Customers that are learnt from: more make no difference that a report shows. */
#define MOST		50000

/* Customers at least: below it, a tenth of a fold is a handful. */
#define FEWEST		200

/*
 * Customers from whom on the calendar is learnt from: of fewer, ten columns more cost more than
 * they tell.  Where it told nothing, it cost 0.01 of the Gini with 500 customers.
 */
#define CALENDAR	2000

/* Parts of the customers, each predicted by a fit to the others. */
#define FOLDS		4

/* Moments of a customer: its first order, and ECAPI_SPAN_EARLY days later. */
#define MOMENTS		2

enum
{
	COLUMN_FIRST_VALUE,
	COLUMN_ITEMS,
	COLUMN_REPEATS,
	COLUMN_VALUE,				/* of all orders so far */
	COLUMN_DAYS,
	COLUMNS
};

static const char *const names[COLUMNS] = {
	"value of the first order", "items", "repeat orders", "value so far", "days known"
};

/*
 * When a customer came first: who buys at a working day's noon buys otherwise than on a
 * Saturday night.  Not the month: of the few that a shop has seen for as long as the holdout,
 * each stands for its customers, and for no season.
 */
enum
{
	CATEGORY_WEEKDAY,
	CATEGORY_HOURS,				/* of the day, six at a time */
	CATEGORIES
};

static const char *const category_names[CATEGORIES] = {
	"weekday", "time of day"
};
static const char *const weekdays[] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"
};
static const char *const hours[] = {
	"night", "morning", "afternoon", "evening"
};

#define HOURS	6

/*
 * Customers that are learnt from, and their rows: MOMENTS of each, side by side.  A row has
 * the columns and categories above, and behind each kind those of the shop's own features.
 */
typedef struct Learning
{
	const EcapiOrders *span;
	const EcapiFeatures *features;
	EcapiDesignColumns columns;
	int			width;			/* numbers a row */
	size_t		n;				/* customers */
	const EcapiSpanCustomer **customers;
	uint64	   *keys;			/* a row each */
	double	   *known;			/* width a row */
	double	   *values;			/* what came, a row */
	double	   *predicted;		/* by fits to other customers, a row */
	double	   *blended;		/* of a customer on the holdout, by weights of others; NULL: not blended */
} Learning;

/* ---- what is known ---- */

static void
know(const EcapiSpanCustomer *customer, const double *numbers, int nnumbers, int days, double *known)
{
	bool		later = days > 0;

	if (nnumbers > 0)
		memcpy(&known[COLUMNS], numbers, nnumbers * sizeof(double));
	known[COLUMN_FIRST_VALUE] = customer->first_value;
	known[COLUMN_ITEMS] = customer->first_items;
	known[COLUMN_REPEATS] = later ? customer->early_repeats : 0;
	known[COLUMN_VALUE] = customer->first_value + (later ? customer->early_value : 0);
	known[COLUMN_DAYS] = days;
}

/* The place of a customer in its span. */
static size_t
place_of(const EcapiOrders *span, const EcapiSpanCustomer *customer)
{
	return customer - span->customers;
}

/* The categories of a customer, room for ECAPI_DESIGN_CATEGORIES of them. */
static void
write_texts(const EcapiFeatures *features, const EcapiOrders *span,
			const EcapiSpanCustomer *customer, const char **texts)
{
	texts[CATEGORY_WEEKDAY] = weekdays[ecapi_span_weekday(customer->first)];
	texts[CATEGORY_HOURS] = hours[customer->first_hour / HOURS];
	if (features->categories > 0)
		memcpy(&texts[CATEGORIES], ecapi_features_texts(features, place_of(span, customer)),
			   sizeof(char *) * features->categories);
}

/* The columns of a row, in the current context. */
static EcapiDesignColumns
columns_of(const EcapiFeatures *features)
{
	const char **all = palloc(sizeof(char *) * (COLUMNS + features->numerics));
	const char **categories = palloc(sizeof(char *) * (CATEGORIES + features->categories));

	StaticAssertStmt(COLUMNS + ECAPI_FEATURES_NUMERIC <= ECAPI_DESIGN_NUMERIC &&
					 CATEGORIES + ECAPI_FEATURES_CATEGORIES <= ECAPI_DESIGN_CATEGORIES,
					 "a design has room for all features");
	memcpy(all, names, sizeof(names));
	memcpy(all + COLUMNS, features->numeric, sizeof(char *) * features->numerics);
	memcpy(categories, category_names, sizeof(category_names));
	memcpy(categories + CATEGORIES, features->category, sizeof(char *) * features->categories);
	return (EcapiDesignColumns) {COLUMNS + features->numerics, all,
		CATEGORIES + features->categories, categories};
}

/* One of the two halves of a key says the fold in here, the other those of the fit. */
static int
fold_of(uint64 key, int folds)
{
	return ecapi_metrics_fold(key << 32 | key >> 32, folds);
}

static void
gather(Learning *learning)
{
	const EcapiOrders *span = learning->span;
	int32		latest = span->end - span->holdout - ECAPI_SPAN_EARLY;
	size_t		all = 0;
	size_t		step;

	for (size_t i = 0; i < span->n; i++)
		all += span->customers[i].first <= latest;
	/* keys are in order of their texts, so one in "step" is a fair part of them */
	step = 1 + all / MOST;
	learning->customers = ecapi_control_array(all, sizeof(EcapiSpanCustomer *));
	for (size_t i = 0, k = 0; i < span->n; i++)
		if (span->customers[i].first <= latest && k++ % step == 0)
			learning->customers[learning->n++] = &span->customers[i];
	learning->keys = ecapi_control_array(MOMENTS * learning->n, sizeof(uint64));
	learning->known = ecapi_control_array(MOMENTS * learning->n, learning->width * sizeof(double));
	learning->values = ecapi_control_array(MOMENTS * learning->n, sizeof(double));
	learning->predicted = ecapi_control_array(MOMENTS * learning->n, sizeof(double));
	for (size_t i = 0; i < learning->n; i++)
	{
		const EcapiSpanCustomer *customer = learning->customers[i];
		const double *numbers = ecapi_features_numbers(learning->features, place_of(span, customer));
		int			nnumbers = learning->features->numerics;
		size_t		row = MOMENTS * i;

		learning->keys[row] = learning->keys[row + 1] =
			ecapi_metrics_key(customer->key, strlen(customer->key));
		know(customer, numbers, nnumbers, 0, &learning->known[learning->width * row]);
		know(customer, numbers, nnumbers, ECAPI_SPAN_EARLY,
			 &learning->known[learning->width * (row + 1)]);
		learning->values[row] = customer->after_first;
		learning->values[row + 1] = customer->after_early;
	}
}

/* ---- fitting ---- */

/*
 * Fit to all rows but those of a fold (-1: to all).  Design and fit are in context; false:
 * there is none, and fit->problem says why.
 */
static bool
fit_without(const Learning *learning, int fold, MemoryContext context, EcapiDesign **design,
			EcapiZiln *fit)
{
	EcapiFitControl control = ecapi_control(context);
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "ecapi rows",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	size_t		nrows = MOMENTS * learning->n;
	int			categories = learning->columns.categories;
	size_t		known_size = learning->width * sizeof(double);
	double	   *known = ecapi_control_array(nrows, known_size);
	const char **texts = ecapi_control_array(nrows, categories * sizeof(char *));
	double	   *values = ecapi_control_array(nrows, sizeof(double));
	uint64	   *keys = ecapi_control_array(nrows, sizeof(uint64));
	size_t		n = 0;

	for (size_t row = 0; row < nrows; row++)
	{
		if (fold >= 0 && fold_of(learning->keys[row], FOLDS) == fold)
			continue;
		memcpy(&known[learning->width * n], &learning->known[learning->width * row], known_size);
		write_texts(learning->features, learning->span, learning->customers[row / MOMENTS],
					&texts[categories * n]);
		/* what is the same for all is no column of the design */
		if (learning->n < CALENDAR)
			texts[categories * n + CATEGORY_WEEKDAY] = texts[categories * n + CATEGORY_HOURS] = NULL;
		values[n] = learning->values[row];
		keys[n++] = learning->keys[row];
	}
	memset(fit, 0, sizeof(*fit));
	*design = ecapi_design_learn(&learning->columns, known, texts, n, &control, &fit->problem);
	if (*design != NULL)
	{
		int			width = ecapi_design_width(*design);
		double	   *vectors = ecapi_control_array(n, width * sizeof(double));

		for (size_t row = 0; row < n; row++)
			ecapi_design_write(*design, &known[learning->width * row], &texts[categories * row],
							   &vectors[width * row]);
		ecapi_control_check(false);
		ecapi_ziln_fit(vectors, width, values, keys, n, &control, fit);
		ecapi_control_check(fit->stopped);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	return fit->problem == NULL && fit->converged;
}

/* A customer by a fit, and by what is known. */
static double
predict(const EcapiDesign *design, const EcapiZiln *fit, const EcapiFeatures *features,
		const EcapiOrders *span, const EcapiSpanCustomer *customer, const double *known)
{
	const char *texts[ECAPI_DESIGN_CATEGORIES];
	double		vector[ECAPI_DESIGN_WIDTH];

	write_texts(features, span, customer, texts);
	ecapi_design_write(design, known, texts, vector);
	return ecapi_ziln_mean(fit, vector);
}

/* Every row by a fit to other customers; a problem, or NULL. */
static const char *
predict_unseen(Learning *learning)
{
	for (int fold = 0; fold < FOLDS; fold++)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecapi fold",
													  ALLOCSET_DEFAULT_SIZES);
		EcapiDesign *design;
		EcapiZiln	fit;

		if (!fit_without(learning, fold, context, &design, &fit))
			return fit.problem != NULL ? fit.problem : "no convergence";
		for (size_t row = 0; row < MOMENTS * learning->n; row++)
			if (fold_of(learning->keys[row], FOLDS) == fold)
				learning->predicted[row] = predict(design, &fit, learning->features, learning->span,
												   learning->customers[row / MOMENTS],
												   &learning->known[learning->width * row]);
		MemoryContextDelete(context);
	}
	return NULL;
}

/* ---- judging ---- */

/*
 * The Gini within each fold, the mean of them; NaN: no fold has one.  Fits to other customers
 * differ in their levels by chance, so customers of two folds are in no order by them.
 */
static double
gini_within(const Learning *learning, const double *actual, const double *predicted)
{
	double	   *part[2] = {ecapi_control_array(learning->n, sizeof(double)),
		ecapi_control_array(learning->n, sizeof(double))};
	double		sum = 0;
	int			folds = 0;

	for (int fold = 0; fold < FOLDS; fold++)
	{
		EcapiMetrics metrics;
		size_t		n = 0;

		for (size_t i = 0; i < learning->n; i++)
			if (fold_of(learning->keys[MOMENTS * i], FOLDS) == fold)
			{
				part[0][n] = actual[i];
				part[1][n++] = predicted[i];
			}
		if (n == 0)
			continue;
		ecapi_holdout_measure(part[0], part[1], n, &metrics);
		if (isfinite(metrics.gini))
		{
			sum += metrics.gini;
			folds++;
		}
	}
	pfree(part[0]);
	pfree(part[1]);
	return folds > 0 ? sum / folds : NAN;
}

static void
judge(const Learning *learning, EcapiEarly *early)
{
	static const char *const words[ECAPI_EARLY_ROWS] = {
		"at the first order", "order value as is", "after a week", "value so far"
	};
	double	   *actual = ecapi_control_array(learning->n, sizeof(double));
	double	   *predicted = ecapi_control_array(learning->n, sizeof(double));

	for (int k = 0; k < ECAPI_EARLY_ROWS; k++)
	{
		EcapiHoldoutRow *row = &early->rows[early->nrows++];
		int			moment = k / 2;

		row->name = words[k];
		row->is_baseline = k % 2 == 1;
		row->has_orders = false;
		for (size_t i = 0; i < learning->n; i++)
		{
			size_t		at = MOMENTS * i + moment;

			actual[i] = learning->values[at];
			predicted[i] = row->is_baseline ? learning->known[learning->width * at + COLUMN_VALUE]
				: learning->predicted[at];
		}
		ecapi_holdout_measure(actual, predicted, learning->n, &row->value);
		row->value.gini = gini_within(learning, actual, predicted);
		if (row->is_baseline && ecapi_holdout_loses(row - 1, row))
			early->problem = "it is worse than the value of the orders themselves";
	}
	pfree(actual);
	pfree(predicted);
}

/* ---- over to the history ---- */

/* Both predictions for the holdout, and what came; an element a customer. */
typedef struct Both
{
	double	   *repeats;
	double	   *early;
	double	   *history;
	double	   *actual;
	double	   *blended;
} Both;

static void
fill_both(const Learning *learning, const EcapiFitted *history, Both *both)
{
	const EcapiOrders *span = learning->span;
	EcapiCustomer *known = ecapi_control_array(learning->n, sizeof(EcapiCustomer));
	EcapiOutlook *outlooks = ecapi_control_array(learning->n, sizeof(EcapiOutlook));

	for (size_t i = 0; i < learning->n; i++)
		known[i] = ecapi_span_history(learning->customers[i], span);
	ecapi_fitted_outlooks(history, known, learning->n, span->holdout / 7.0, outlooks);
	for (size_t i = 0; i < learning->n; i++)
	{
		const EcapiSpanCustomer *customer = learning->customers[i];

		both->repeats[i] = customer->cut_repeats;
		both->early[i] = learning->predicted[MOMENTS * i + 1];
		both->history[i] = outlooks[i].value;
		both->actual[i] = customer->held_value;
	}
	pfree(known);
	pfree(outlooks);
}

/* Learn from the customers of a half (-1: from all). */
static void
learn_blend(const Learning *learning, const Both *both, int half, EcapiBlend *blend)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "ecapi blend",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	EcapiFitControl control = ecapi_control(work);
	double	   *part[4];
	size_t		n = 0;

	for (int k = 0; k < lengthof(part); k++)
		part[k] = ecapi_control_array(learning->n, sizeof(double));
	for (size_t i = 0; i < learning->n; i++)
	{
		if (half >= 0 && fold_of(learning->keys[MOMENTS * i], 2) != half)
			continue;
		part[0][n] = both->repeats[i];
		part[1][n] = both->early[i];
		part[2][n] = both->history[i];
		part[3][n++] = both->actual[i];
	}
	ecapi_blend_learn(part[0], part[1], part[2], part[3], n, &control, blend);
	ecapi_control_check(false);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

static void
blend(Learning *learning, const EcapiFitted *history, EcapiEarly *early)
{
	Both		both;
	EcapiBlend	halves[2];

	both.repeats = ecapi_control_array(learning->n, sizeof(double));
	both.early = ecapi_control_array(learning->n, sizeof(double));
	both.history = ecapi_control_array(learning->n, sizeof(double));
	both.actual = ecapi_control_array(learning->n, sizeof(double));
	both.blended = ecapi_control_array(learning->n, sizeof(double));
	fill_both(learning, history, &both);
	learn_blend(learning, &both, -1, &early->blend);
	for (int half = 0; half < 2; half++)
	{
		learn_blend(learning, &both, half, &halves[half]);
		if (halves[half].problem != NULL && early->blend.problem == NULL)
			early->blend.problem = halves[half].problem;
	}
	if (early->blend.problem != NULL)
		return;
	for (size_t i = 0; i < learning->n; i++)
		both.blended[i] = ecapi_blend(&halves[1 - fold_of(learning->keys[MOMENTS * i], 2)],
									  both.repeats[i], both.early[i], both.history[i]);
	early->has_blended = true;
	early->blended.name = "blended";
	ecapi_holdout_measure(both.actual, both.blended, learning->n, &early->blended.value);
	early->alone.name = "history alone";
	ecapi_holdout_measure(both.actual, both.history, learning->n, &early->alone.value);
	if (ecapi_holdout_loses(&early->blended, &early->alone))
		early->blend.problem = "history alone is better";
	else
		learning->blended = both.blended;
}

/* ---- what is written, on the holdout ---- */

/* What is known of a customer at the cut, not later than a week after its first order. */
static void
know_at_cut(const EcapiOrders *span, const EcapiFeatures *features,
			const EcapiSpanCustomer *customer, double *known)
{
	EcapiSpanCustomer then = *customer;

	/* in that week all orders are early ones, and those behind the cut are not known */
	if (span->cut - customer->first < ECAPI_SPAN_EARLY)
	{
		then.early_repeats = customer->cut_repeats;
		then.early_value = customer->cut_value;
	}
	know(&then, ecapi_features_numbers(features, place_of(span, customer)), features->numerics,
		 Min(span->cut - customer->first, ECAPI_SPAN_EARLY), known);
}

/*
 * The value that would be written of a customer, by fits to others; at: its place among those
 * learnt from, or -1.
 */
static double
written_value(const Learning *learning, const EcapiEarly *early, const EcapiSpanCustomer *customer,
			  ssize_t at, double history)
{
	const EcapiOrders *span = learning->span;
	bool		is_new = ecapi_early_is_new(customer, span->cut);
	double		known[ECAPI_DESIGN_NUMERIC];
	double		value;

	if (!is_new && early->blend.problem != NULL)
		return history;
	if (at >= 0)
		return is_new ? learning->predicted[MOMENTS * at + 1] : learning->blended[at];
	know_at_cut(span, learning->features, customer, known);
	value = predict(early->design, &early->fit, learning->features, span, customer, known);
	return is_new ? value : ecapi_blend(&early->blend, customer->cut_repeats, value, history);
}

static void
judge_written(const Learning *learning, EcapiHoldout *holdout, const EcapiEarly *early)
{
	const EcapiOrders *span = learning->span;
	const EcapiSpanCustomer **which;
	size_t		n;
	EcapiCustomer *histories = ecapi_span_calibration(span, &n, &which);
	EcapiOutlook *outlooks = ecapi_control_array(n, sizeof(EcapiOutlook));
	double	   *actual = ecapi_control_array(n, sizeof(double));
	double	   *written = ecapi_control_array(n, sizeof(double));
	size_t		next = 0;
	size_t		others = 0;

	ecapi_fitted_outlooks(&holdout->fitted, histories, n, span->holdout / 7.0, outlooks);
	for (size_t i = 0; i < n; i++)
	{
		/* both are in the order of the span */
		bool		learnt = next < learning->n && learning->customers[next] == which[i];

		if (i % ECAPI_CONTROL_EVERY == 0)
			ecapi_control_check(false);
		actual[i] = which[i]->held_value;
		written[i] = written_value(learning, early, which[i], learnt ? (ssize_t) next++ : -1,
								   outlooks[i].value);
		others += written[i] != outlooks[i].value;
	}
	if (others > 0)
		ecapi_holdout_judge(holdout, "scores as written", actual, written);
}

/* ---- all of it ---- */

void
ecapi_early_learn(const EcapiOrders *span, const EcapiFeatures *features,
				  EcapiHoldout *holdout, EcapiEarly *early)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "ecapi first orders",
											   ALLOCSET_DEFAULT_SIZES);
	Learning	learning = {.span = span, .features = features};

	memset(early, 0, sizeof(*early));
	early->features = features;
	/* a design points to the names of its columns, so they are the caller's */
	learning.columns = columns_of(features);
	learning.width = learning.columns.numerics;
	MemoryContextSwitchTo(work);
	gather(&learning);
	early->n = learning.n;
	if (learning.n < FEWEST)
		early->problem = "fewer than 200 customers were seen for as long as the holdout after their first week";
	else if ((early->problem = predict_unseen(&learning)) == NULL &&
			 fit_without(&learning, -1, caller, &early->design, &early->fit))
	{
		judge(&learning, early);
		blend(&learning, &holdout->fitted, early);
		if (early->problem == NULL)
			judge_written(&learning, holdout, early);
	}
	else if (early->problem == NULL)
		early->problem = early->fit.problem != NULL ? early->fit.problem : "no convergence";
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

bool
ecapi_early_is_new(const EcapiSpanCustomer *customer, int32 day)
{
	return day - customer->first <= ECAPI_SPAN_EARLY;
}

double
ecapi_early_value(const EcapiEarly *early, const EcapiOrders *span,
				  const EcapiSpanCustomer *customer)
{
	double		known[ECAPI_DESIGN_NUMERIC];
	size_t		place = place_of(span, customer);

	know(customer, ecapi_features_numbers(early->features, place), early->features->numerics,
		 Min(span->end - customer->first, ECAPI_SPAN_EARLY), known);
	return predict(early->design, &early->fit, early->features, span, customer, known);
}
