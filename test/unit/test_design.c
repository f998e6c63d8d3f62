/*
 * test_design.c
 *	  Customers as vectors: what a column becomes, what is bounded and dropped, and random
 *	  columns in random order.  ECAPI_SEED repeats these.
 */
#include <math.h>

#include "draw.h"
#include "model/design.h"
#include "unit.h"

#define CUSTOMERS	1000

static const EcapiFitControl control = {.grab = unit_grab};
static const char *problem;

static EcapiDesign *
learn_numeric(const double *values, size_t n)
{
	static const char *const names[] = {"amount"};
	EcapiDesignColumns columns = {.numerics = 1, .numeric = names};

	return ecapi_design_learn(&columns, values, NULL, n, &control, &problem);
}

static EcapiDesign *
learn_texts(const char *const *texts, size_t n)
{
	static const char *const names[] = {"channel"};
	EcapiDesignColumns columns = {.categories = 1, .category = names};

	return ecapi_design_learn(&columns, NULL, texts, n, &control, &problem);
}

/* Member i of a customer's vector. */
static double
numeric_at(const EcapiDesign *design, double value, int i)
{
	double		vector[ECAPI_DESIGN_WIDTH];

	ecapi_design_write(design, &value, NULL, vector);
	return vector[i];
}

static double
text_at(const EcapiDesign *design, const char *text, int i)
{
	double		vector[ECAPI_DESIGN_WIDTH];

	ecapi_design_write(design, NULL, &text, vector);
	return vector[i];
}

/* ---- numbers ---- */

static void
test_standardized(void)
{
	static const double even[] = {-1, 0, 1, 2, 3, 4, 5, 6};
	double		skewed[CUSTOMERS];
	EcapiDesign *design = learn_numeric(even, 8);
	double		sum = 0;
	double		squares = 0;
	int			i;

	check(ecapi_design_width(design) == 2 && numeric_at(design, 3, 0) == 1, "an intercept and a number");
	check(fabs(numeric_at(design, 2.5, 1)) < 1e-12 && fabs(numeric_at(design, 2.5 + sqrt(5.25), 1) - 1) < 1e-12,
		  "its distance from the mean, in deviations");
	check(!ecapi_design_member(design, 1).logarithm && strcmp(ecapi_design_member(design, 1).column, "amount") == 0,
		  "a column that is not skewed is taken as it is");
	check(numeric_at(design, 1e9, 1) == numeric_at(design, 6, 1) && numeric_at(design, -1e300, 1) == numeric_at(design, -1, 1),
		  "what is beyond all that was seen counts as the largest, or least, seen");
	check(numeric_at(design, NAN, 1) == 0 && numeric_at(design, INFINITY, 1) == 0, "what is no number is the mean");

	for (i = 0; i < CUSTOMERS; i++)
		skewed[i] = expm1(0.01 * i);
	design = learn_numeric(skewed, CUSTOMERS);
	check(ecapi_design_member(design, 1).logarithm, "a skewed column is taken by its logarithm");
	for (i = 0; i < CUSTOMERS; i++)
	{
		sum += numeric_at(design, skewed[i], 1);
		squares += numeric_at(design, skewed[i], 1) * numeric_at(design, skewed[i], 1);
	}
	check(fabs(sum) < 1e-9 && fabs(squares / CUSTOMERS - 1) < 1e-9, "and has mean 0 and deviation 1");

	for (i = 0; i < CUSTOMERS; i++)
		skewed[i] = i < 3 ? -1e6 : i % 10;
	design = learn_numeric(skewed, CUSTOMERS);
	check(ecapi_design_member(design, 1).logarithm && numeric_at(design, -5, 1) < numeric_at(design, 5, 1),
		  "so is one with a few large negative values");
	unit_free();
}

static void
test_outlier(void)
{
	double		values[CUSTOMERS];
	EcapiDesign *design;
	int			i;

	for (i = 0; i < CUSTOMERS; i++)
		values[i] = 20 + i % 10;
	values[7] = 1e9;
	design = learn_numeric(values, CUSTOMERS);
	check(numeric_at(design, 1e9, 1) == 8, "a billion among twenties is 8 deviations from the mean, no more");
	check(numeric_at(design, 29, 1) - numeric_at(design, 20, 1) > 0.5, "and the others are still told apart");
	values[7] = 1e308;
	values[8] = -1e308;
	design = learn_numeric(values, CUSTOMERS);
	check(isfinite(numeric_at(design, 1e308, 1)) && isfinite(numeric_at(design, 25, 1)), "the largest doubles are numbers");
	unit_free();
}

static void
test_missing(void)
{
	static const double some[] = {1, 2, NAN, 4, 5, NAN};
	static const double all[] = {NAN, NAN, INFINITY};
	static const double marked[] = {3, NAN, 3};
	EcapiDesign *design = learn_numeric(some, 6);

	check(ecapi_design_width(design) == 3 && ecapi_design_member(design, 2).missing, "missing numbers have a mark");
	check(numeric_at(design, NAN, 1) == 0 && numeric_at(design, NAN, 2) == 1, "they are the mean");
	check(numeric_at(design, 4, 2) == 0, "the others have no mark");
	check(ecapi_design_width(learn_numeric(all, 3)) == 1, "a column that is missing throughout is dropped");
	design = learn_numeric(marked, 3);
	check(ecapi_design_width(design) == 2 && ecapi_design_member(design, 1).missing,
		  "of a column that is constant where it is not missing, the mark is left");
	unit_free();
}

static void
test_constant(void)
{
	static const double constant[] = {0.1, 0.1, 0.1};
	static const double rounding[] = {0.3, 0.1 + 0.2, 0.3};
	static const char *const one[] = {"web", "web", "web", "web", "web", "web"};
	static const char *const none[] = {NULL, NULL};
	static const char *const rare[] = {"a", "b", "c"};

	check(ecapi_design_width(learn_numeric(constant, 3)) == 1, "a constant column is dropped");
	check(ecapi_design_width(learn_numeric(rounding, 3)) == 1, "so is one that differs by rounding");
	check(ecapi_design_width(learn_texts(one, 6)) == 1, "one with one text");
	check(ecapi_design_width(learn_texts(none, 2)) == 1, "one with none");
	check(ecapi_design_width(learn_texts(rare, 3)) == 1, "one whose texts are all rare");
	unit_free();
}

/* ---- texts ---- */

static void
test_texts(void)
{
	const char *texts[100];
	char		longest[ECAPI_DESIGN_TEXT + 2];
	EcapiDesign *design;
	int			i;

	memset(longest, 'x', sizeof(longest));
	longest[ECAPI_DESIGN_TEXT + 1] = '\0';
	for (i = 0; i < 100; i++)
		texts[i] = i < 50 ? "web" : i < 80 ? "app" : i < 84 ? "store" : i < 95 ? longest : NULL;
	design = learn_texts(texts, 100);
	check(ecapi_design_width(design) == 5, "an intercept, two texts, other, missing");
	check_text(ecapi_design_member(design, 1).text, "app", "texts are in order");
	check_text(ecapi_design_member(design, 2).text, "web", "of their bytes");
	check(text_at(design, "web", 2) == 1 && text_at(design, "web", 1) == 0 && text_at(design, "web", 3) == 0 &&
		  text_at(design, "web", 4) == 0, "a text is marked, and nothing else");
	check(text_at(design, "store", 3) == 1 && ecapi_design_member(design, 3).other,
		  "a text of fewer than 5 customers is \"other\"");
	check(text_at(design, longest, 3) == 1, "so is a long one");
	check(text_at(design, "never seen", 3) == 1 && text_at(design, "", 3) == 1 && text_at(design, "we", 3) == 1 &&
		  text_at(design, "webs", 3) == 1, "and one that was not seen");
	check(text_at(design, NULL, 4) == 1 && text_at(design, NULL, 3) == 0 && ecapi_design_member(design, 4).missing,
		  "a missing one has a mark of its own");
	unit_free();
}

static void
test_many_texts(void)
{
	static char text[CUSTOMERS][16];
	const char *texts[CUSTOMERS];
	EcapiDesign *design;
	bool		kept = true;
	int			i;

	/* text number i has 5 customers, or 10 from 50 on */
	for (i = 0; i < CUSTOMERS; i++)
	{
		snprintf(text[i], sizeof(text[i]), "t%d", i < 250 ? i / 5 : 25 + i / 10);
		texts[i] = text[i];
	}
	design = learn_texts(texts, CUSTOMERS);
	check(ecapi_design_width(design) == 1 + ECAPI_DESIGN_TEXTS + 1, "30 texts and \"other\"");
	for (i = 1; i <= ECAPI_DESIGN_TEXTS; i++)
		kept = kept && atoi(ecapi_design_member(design, i).text + 1) >= 50;
	check(kept, "the most shared ones");
	unit_free();
}

/* All columns that there may be, each with as many texts as it may have. */
static void
test_width(void)
{
	static double numbers[CUSTOMERS][ECAPI_DESIGN_NUMERIC];
	static const char *texts[CUSTOMERS][ECAPI_DESIGN_CATEGORIES];
	static char text[50][16];
	const char *names[ECAPI_DESIGN_NUMERIC + 1];
	EcapiDesignColumns columns = {ECAPI_DESIGN_NUMERIC, names, ECAPI_DESIGN_CATEGORIES, names};
	EcapiDesign *design;
	double		vector[ECAPI_DESIGN_WIDTH];
	bool		finite = true;
	int			i;
	int			j;

	for (i = 0; i <= ECAPI_DESIGN_NUMERIC; i++)
		names[i] = "column";
	for (i = 0; i < 50; i++)
		snprintf(text[i], sizeof(text[i]), "t%d", i);
	for (i = 0; i < CUSTOMERS; i++)
	{
		for (j = 0; j < ECAPI_DESIGN_NUMERIC; j++)
			numbers[i][j] = draw(20) ? draw_normal() : NAN;
		for (j = 0; j < ECAPI_DESIGN_CATEGORIES; j++)
			texts[i][j] = draw(20) ? text[draw(50)] : NULL;
	}
	design = ecapi_design_learn(&columns, numbers[0], texts[0], CUSTOMERS, &control, &problem);
	check(design && ecapi_design_width(design) == ECAPI_DESIGN_WIDTH, "the width is bounded");
	for (i = 0; i < CUSTOMERS; i++)
	{
		memset(vector, 0xff, sizeof(vector));
		ecapi_design_write(design, numbers[i], texts[i], vector);
		for (j = 0; j < ECAPI_DESIGN_WIDTH; j++)
			finite = finite && isfinite(vector[j]) && fabs(vector[j]) <= 8;
	}
	check(finite, "every member is written, finite, and at most 8");

	columns.numerics++;
	check(ecapi_design_learn(&columns, numbers[0], texts[0], 10, &control, &problem) == NULL && problem != NULL,
		  "too many numeric columns are refused");
	columns.numerics = 0;
	columns.categories++;
	check(ecapi_design_learn(&columns, numbers[0], texts[0], 10, &control, &problem) == NULL && problem != NULL,
		  "so are too many of texts");
	columns.categories = 0;
	check(ecapi_design_learn(&columns, NULL, NULL, 0, &control, &problem) == NULL && problem != NULL,
		  "and no customers");
	design = ecapi_design_learn(&columns, NULL, NULL, 3, &control, &problem);
	check(design && problem == NULL && ecapi_design_width(design) == 1, "no columns leave the intercept");
	unit_free();
}

/* ---- memory, and order ---- */

static int	pieces_left;

static void *
grab_few(void *arg, size_t size)
{
	return pieces_left-- > 0 ? unit_grab(arg, size) : NULL;
}

static void
test_memory(void)
{
	static const EcapiFitControl few = {.grab = grab_few};
	static const char *const names[] = {"channel"};
	static const EcapiDesignColumns columns = {.categories = 1, .category = names};
	const char *texts[10];
	EcapiDesign *design = NULL;
	bool		said = true;
	int			pieces;
	int			i;

	for (i = 0; i < 10; i++)
		texts[i] = i % 2 ? "a" : "b";
	for (pieces = 0; design == NULL && pieces < 20; pieces++)
	{
		pieces_left = pieces;
		design = ecapi_design_learn(&columns, NULL, texts, 10, &few, &problem);
		said = said && (design != NULL) == (problem == NULL);
	}
	check(design != NULL && said && pieces > 3, "lack of memory at any place is a problem that is said");
	unit_free();
}

static void
test_order(void)
{
	static const char *const words[] = {"a", "b", "c", "d", "e", NULL};
	static const char *const names[] = {"one", "two"};
	static const EcapiDesignColumns columns = {2, names, 2, names};
	double		numbers[CUSTOMERS][2];
	const char *texts[CUSTOMERS][2];
	double		first[ECAPI_DESIGN_WIDTH];
	double		second[ECAPI_DESIGN_WIDTH];
	bool		same = true;
	int			round;
	int			i;
	int			j;

	for (round = 0; round < 100; round++)
	{
		size_t		n = 1 + draw(CUSTOMERS);
		EcapiDesign *design;
		EcapiDesign *again;

		for (i = 0; i < (int) n; i++)
			for (j = 0; j < 2; j++)
			{
				numbers[i][j] = draw(9) ? exp(draw_normal() * (j + 1)) - j : NAN;
				texts[i][j] = words[draw(6)];
			}
		design = ecapi_design_learn(&columns, numbers[0], texts[0], n, &control, &problem);
		for (i = (int) n - 1; i > 0; i--)
		{
			int			k = (int) draw((unsigned) i + 1);

			for (j = 0; j < 2; j++)
			{
				double		number = numbers[i][j];
				const char *text = texts[i][j];

				numbers[i][j] = numbers[k][j];
				texts[i][j] = texts[k][j];
				numbers[k][j] = number;
				texts[k][j] = text;
			}
		}
		again = ecapi_design_learn(&columns, numbers[0], texts[0], n, &control, &problem);
		same = same && ecapi_design_width(design) == ecapi_design_width(again);
		for (i = 0; same && i < (int) n; i++)
		{
			ecapi_design_write(design, numbers[i], texts[i], first);
			ecapi_design_write(again, numbers[i], texts[i], second);
			same = memcmp(first, second, (size_t) ecapi_design_width(design) * sizeof(double)) == 0;
		}
		unit_free();
	}
	check(same, "another order of customers changes no bit of any vector");
}

int
main(void)
{
	seed_draws();
	test_standardized();
	test_outlier();
	test_missing();
	test_constant();
	test_texts();
	test_many_texts();
	test_width();
	test_memory();
	test_order();
	return unit_done();
}
