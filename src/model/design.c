/*
 * design.c
 *	  What is known of a customer at the moment of a score, as a vector of numbers.
 *
 * Learning sorts each column before it adds its values up: equal sums whatever the order
 * of the customers, and equal texts side by side.
 *
 * Memory is the control's; no I/O, no state, no locks.
 */
#include "model/design.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Of an amount at most: beyond 15 digits a double counts no cents, and cubes stay finite. */
#define AMOUNT			1e15
/* A column is skewed from here on: an exponential distribution has 2, a symmetric one 0. */
#define SKEWED			1.0
/* Standard deviations from the mean at most: of 100,000 normal values the furthest has less
 * than 5, so that only what stands apart from all others is moved. */
#define DEVIATIONS		8.0

/* A numeric column of the rows. */
typedef struct Numeric
{
	int			at;				/* member of the vector; -1: constant, dropped */
	int			missing_at;		/* its mark; -1: learning saw none missing */
	bool		logarithm;
	double		mean;			/* of g */
	double		deviation;
	double		lowest;			/* of the standardized value */
	double		highest;
} Numeric;

/* A category column of the rows. */
typedef struct Category
{
	int			texts;
	const char *text[ECAPI_DESIGN_TEXTS];	/* ascending byte by byte */
	int			at;				/* member of the first text's indicator, the others follow */
	int			other_at;		/* -1: none */
	int			missing_at;		/* -1: none */
} Category;

struct EcapiDesign
{
	int			numerics;
	int			categories;
	Numeric		numeric[ECAPI_DESIGN_NUMERIC];
	Category	category[ECAPI_DESIGN_CATEGORIES];
	int			width;
	EcapiDesignMember member[ECAPI_DESIGN_WIDTH];
};

/* A text of a category column, and how many customers share it. */
typedef struct Shared
{
	const char *text;
	size_t		customers;
	int			column;
} Shared;

static int
by_value(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Missing texts first. */
static int
by_text(const void *a, const void *b)
{
	const char *x = *(const char *const *) a;
	const char *y = *(const char *const *) b;

	if (x == NULL || y == NULL)
		return (x != NULL) - (y != NULL);
	return strcmp(x, y);
}

/* The most shared first; equal ones by column and text. */
static int
by_customers(const void *a, const void *b)
{
	const Shared *x = a;
	const Shared *y = b;

	if (x->customers != y->customers)
		return x->customers < y->customers ? 1 : -1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->text, y->text);
}

static int
by_column(const void *a, const void *b)
{
	const Shared *x = a;
	const Shared *y = b;

	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* The next member of the vector; the caller has seen to it that there is one. */
static int
add_member(EcapiDesign *design, const char *column)
{
	design->member[design->width] = (EcapiDesignMember) {.column = column};
	return design->width++;
}

/* ---- numeric columns ---- */

static double
bounded(double value)
{
	return fmax(-AMOUNT, fmin(AMOUNT, value));
}

static double
transformed(double value, bool logarithm)
{
	return logarithm ? copysign(log1p(fabs(value)), value) : value;
}

/* Mean, deviation and skewness of ascending values. */
static void
moments(const double *values, size_t n, bool logarithm, double *mean, double *deviation, double *skewness)
{
	double		sum = 0;
	double		squares = 0;
	double		cubes = 0;
	size_t		i;

	for (i = 0; i < n; i++)
		sum += transformed(values[i], logarithm);
	*mean = sum / (double) n;
	for (i = 0; i < n; i++)
	{
		double		off = transformed(values[i], logarithm) - *mean;

		squares += off * off;
		cubes += off * off * off;
	}
	*deviation = sqrt(squares / (double) n);
	*skewness = cubes / (double) n / (*deviation * *deviation * *deviation);
}

/* Standardize by ascending values that are not all equal. */
static void
standardize(Numeric *numeric, const double *values, size_t n)
{
	double		mean;
	double		deviation;
	double		skewness;
	double		skewness_of_log;

	moments(values, n, false, &numeric->mean, &numeric->deviation, &skewness);
	if (fabs(skewness) > SKEWED)
	{
		moments(values, n, true, &mean, &deviation, &skewness_of_log);
		if (fabs(skewness_of_log) < fabs(skewness))
		{
			numeric->logarithm = true;
			numeric->mean = mean;
			numeric->deviation = deviation;
		}
	}
	numeric->lowest = fmax(-DEVIATIONS, (transformed(values[0], numeric->logarithm) - numeric->mean) / numeric->deviation);
	numeric->highest = fmin(DEVIATIONS, (transformed(values[n - 1], numeric->logarithm) - numeric->mean) / numeric->deviation);
}

/* scratch has room for n values. */
static void
learn_numeric(EcapiDesign *design, int column, const char *name, const double *rows, size_t n, double *scratch)
{
	Numeric    *numeric = &design->numeric[column];
	size_t		known = 0;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		double		value = rows[i * (size_t) design->numerics + (size_t) column];

		if (isfinite(value))
			scratch[known++] = bounded(value);
	}
	*numeric = (Numeric) {.at = -1, .missing_at = -1};
	if (known == 0)
		return;
	qsort(scratch, known, sizeof(double), by_value);
	/* equal values, and those that differ by less than rounding does, tell nobody apart */
	if (scratch[known - 1] - scratch[0] > 1e-9 * fmax(fabs(scratch[0]), fabs(scratch[known - 1])))
	{
		standardize(numeric, scratch, known);
		numeric->at = add_member(design, name);
		design->member[numeric->at].logarithm = numeric->logarithm;
	}
	if (known < n)
	{
		numeric->missing_at = add_member(design, name);
		design->member[numeric->missing_at].missing = true;
	}
}

static void
write_numeric(const Numeric *numeric, double value, double *vector)
{
	bool		known = isfinite(value);

	if (numeric->missing_at >= 0)
		vector[numeric->missing_at] = known ? 0 : 1;
	if (numeric->at >= 0)
		vector[numeric->at] = !known ? 0 :
			fmax(numeric->lowest, fmin(numeric->highest,
									   (transformed(bounded(value), numeric->logarithm) - numeric->mean) / numeric->deviation));
}

/* ---- category columns ---- */

/*
 * Count a column's texts: the most shared ones go to shared, as many as a column may
 * have, and their number is returned.  scratch has room for n pointers.
 */
static int
count_texts(const char *const *rows, size_t n, int columns, int column, const char **scratch,
			Shared *shared, size_t *missing)
{
	int			found = 0;
	size_t		i;
	size_t		end;

	for (i = 0; i < n; i++)
		scratch[i] = rows[i * (size_t) columns + (size_t) column];
	qsort(scratch, n, sizeof(scratch[0]), by_text);
	for (i = 0; i < n && scratch[i] == NULL; i++)
		;
	*missing = i;
	for (; i < n; i = end)
	{
		for (end = i + 1; end < n && strcmp(scratch[end], scratch[i]) == 0; end++)
			;
		if (end - i < ECAPI_DESIGN_SHARED || strlen(scratch[i]) > ECAPI_DESIGN_TEXT)
			continue;
		/* one place more than there are texts: the least shared drops out */
		shared[found++] = (Shared) {scratch[i], end - i, column};
		if (found > ECAPI_DESIGN_TEXTS)
		{
			qsort(shared, (size_t) found, sizeof(Shared), by_customers);
			found--;
		}
	}
	return found;
}

/*
 * Lay out a column: the count texts at shared, ascending, have indicators, the others and
 * missing ones where there are any.  False: no memory.
 */
static bool
lay_out_texts(EcapiDesign *design, int column, const char *name, const Shared *shared, int count,
			  size_t n, size_t missing, const EcapiFitControl *control)
{
	Category   *category = &design->category[column];
	size_t		other = n - missing;
	int			i;

	*category = (Category) {.at = -1, .other_at = -1, .missing_at = -1};
	for (i = 0; i < count; i++)
		other -= shared[i].customers;
	if (count + (other > 0) + (missing > 0) < 2)
		return true;
	category->texts = count;
	for (i = 0; i < count; i++)
	{
		size_t		size = strlen(shared[i].text) + 1;
		char	   *copy = control->grab(control->arg, size);
		int			at = add_member(design, name);

		if (copy == NULL)
			return false;
		memcpy(copy, shared[i].text, size);
		category->text[i] = copy;
		design->member[at].text = copy;
		if (i == 0)
			category->at = at;
	}
	if (other > 0)
	{
		category->other_at = add_member(design, name);
		design->member[category->other_at].other = true;
	}
	if (missing > 0)
	{
		category->missing_at = add_member(design, name);
		design->member[category->missing_at].missing = true;
	}
	return true;
}

/* False: no memory.  scratch has room for n pointers. */
static bool
learn_categories(EcapiDesign *design, const char *const *names, const char *const *rows, size_t n,
				 const char **scratch, const EcapiFitControl *control)
{
	Shared		shared[ECAPI_DESIGN_CATEGORIES * ECAPI_DESIGN_TEXTS + 1];
	size_t		missing[ECAPI_DESIGN_CATEGORIES];
	/* each column keeps room for "other" and "missing" */
	int			room = ECAPI_DESIGN_WIDTH - design->width - 2 * design->categories;
	int			count = 0;
	int			next = 0;
	int			column;

	for (column = 0; column < design->categories; column++)
		count += count_texts(rows, n, design->categories, column, scratch, shared + count, &missing[column]);
	/* where all columns together have too many, the most shared ones stay */
	qsort(shared, (size_t) count, sizeof(Shared), by_customers);
	if (count > room)
		count = room;
	qsort(shared, (size_t) count, sizeof(Shared), by_column);
	for (column = 0; column < design->categories; column++)
	{
		int			first = next;

		while (next < count && shared[next].column == column)
			next++;
		if (!lay_out_texts(design, column, names[column], shared + first, next - first, n, missing[column], control))
			return false;
	}
	return true;
}

static void
write_category(const Category *category, const char *text, double *vector)
{
	int			low = 0;
	int			high = category->texts;
	int			i;

	for (i = 0; i < category->texts; i++)
		vector[category->at + i] = 0;
	if (category->other_at >= 0)
		vector[category->other_at] = 0;
	if (category->missing_at >= 0)
		vector[category->missing_at] = 0;
	if (text == NULL)
	{
		if (category->missing_at >= 0)
			vector[category->missing_at] = 1;
		return;
	}
	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = strcmp(text, category->text[middle]);

		if (order == 0)
		{
			vector[category->at + middle] = 1;
			return;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	if (category->other_at >= 0)
		vector[category->other_at] = 1;
}

/* ---- the design ---- */

/* Why rows of these columns cannot be learnt from; NULL: they can. */
static const char *
problem_of(const EcapiDesignColumns *columns, size_t n)
{
	if (n == 0)
		return "there are no customers to learn from";
	if (columns->numerics < 0 || columns->numerics > ECAPI_DESIGN_NUMERIC)
		return "there are too many numeric features";
	if (columns->categories < 0 || columns->categories > ECAPI_DESIGN_CATEGORIES)
		return "there are too many text features";
	return NULL;
}

EcapiDesign *
ecapi_design_learn(const EcapiDesignColumns *columns, const double *numeric, const char *const *category,
				   size_t n, const EcapiFitControl *control, const char **problem)
{
	EcapiDesign *design;
	void	   *scratch = NULL;
	int			i;

	*problem = problem_of(columns, n);
	if (*problem != NULL)
		return NULL;
	design = control->grab(control->arg, sizeof(EcapiDesign));
	/* room for a column's values, or its texts */
	if (n <= SIZE_MAX / sizeof(double))
		scratch = control->grab(control->arg, n * (sizeof(double) > sizeof(char *) ? sizeof(double) : sizeof(char *)));
	if (design == NULL || scratch == NULL)
	{
		*problem = "there is no memory";
		return NULL;
	}
	memset(design, 0, sizeof(*design));
	design->numerics = columns->numerics;
	design->categories = columns->categories;
	(void) add_member(design, "intercept");
	for (i = 0; i < columns->numerics; i++)
		learn_numeric(design, i, columns->numeric[i], numeric, n, scratch);
	if (!learn_categories(design, columns->category, category, n, scratch, control))
	{
		*problem = "there is no memory";
		return NULL;
	}
	return design;
}

int
ecapi_design_width(const EcapiDesign *design)
{
	return design->width;
}

void
ecapi_design_write(const EcapiDesign *design, const double *numeric, const char *const *category, double *vector)
{
	int			i;

	vector[0] = 1;
	for (i = 0; i < design->numerics; i++)
		write_numeric(&design->numeric[i], numeric[i], vector);
	for (i = 0; i < design->categories; i++)
		write_category(&design->category[i], category[i], vector);
}

EcapiDesignMember
ecapi_design_member(const EcapiDesign *design, int index)
{
	return design->member[index];
}
