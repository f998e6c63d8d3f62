/*
 * test_model.c
 *	  The models of repeat orders on real purchases, against the published estimates.
 *
 *	  ECAPI_PURCHASES=file test_model
 *
 * The file is the CDNOW log, whose lines are: two ids of the customer, the date, the number of
 * CDs, the amount; purchases of a customer stand together, in order of time.  As Fader, Hardie and
 * Lee (2005) do, customers are calibrated to 1997-09-30 and held out for the 39 weeks until
 * 1998-06-30; purchases of one day are one.  Of 2,357 customers 946 bought again.  A purchase
 * given away counts as one of the value 0; no customer's repeat purchases were all given away.
 *
 * The published estimates are those of BG/NBD and Pareto/NBD in Fader, Hardie and Lee 2005, and of
 * Gamma-Gamma in Fader and Hardie's note (2013).  Prints the table of errors beside three plain
 * predictions.
 */
#include <math.h>
#include <time.h>

#include "model/frequency.h"
#include "model/gammagamma.h"
#include "unit.h"

#define CUSTOMERS	3000
#define CALIBRATED	19970930
#define HELD_OUT	19980630
#define WEEKS		39

static const EcapiFitControl control = {.grab = unit_grab};

static EcapiCustomer customers[CUSTOMERS];
static double orders[CUSTOMERS];	/* in the held-out weeks */
static double worth[CUSTOMERS];
static double first_value[CUSTOMERS];
static size_t n;

static int
day_of(int date)
{
	struct tm	tm = {.tm_year = date / 10000 - 1900, .tm_mon = date / 100 % 100 - 1, .tm_mday = date % 100};

	return (int) (timegm(&tm) / 86400);
}

/* A purchase of the customer n, whose first day and last day so far are given. */
static void
add_purchase(int day, int first, int *last, double value)
{
	EcapiCustomer *customer = &customers[n];

	if (day > day_of(HELD_OUT))
		return;
	if (day > day_of(CALIBRATED))
	{
		orders[n] += day != *last;
		worth[n] += value;
	}
	else if (day == first)
		first_value[n] += value;
	else
	{
		customer->x += day != *last;
		customer->m_x += value; /* the sum until all are known */
		customer->t_x = (day - first) / 7.0;
	}
	*last = day;
}

static bool
read_customers(const char *file)
{
	FILE	   *in = file && *file ? fopen(file, "r") : NULL;
	char		id[8],
				before[8] = "";
	int			date,
				first = 0,
				last = 0;
	double		value;
	size_t		i;

	if (in == NULL)
		return false;
	while (fscanf(in, "%*s %7s %d %*d %lf", id, &date, &value) == 3)
	{
		int			day = day_of(date);

		if (strcmp(id, before) != 0)
		{
			n += *before != '\0';
			strcpy(before, id);
			if (n == CUSTOMERS)
				break;
			first = last = day;
			customers[n].T = (day_of(CALIBRATED) - day) / 7.0;
		}
		add_purchase(day, first, &last, value);
	}
	n += *before != '\0' && n < CUSTOMERS;
	fclose(in);
	for (i = 0; i < n; i++)
		if (customers[i].x > 0)
			customers[i].m_x /= customers[i].x;
	return n > 0;
}

/* Whether two numbers agree in their first three digits, rounded. */
static bool
three_digits(double got, double wanted)
{
	char		one[32],
				other[32];

	snprintf(one, sizeof(one), "%.2e", got);
	snprintf(other, sizeof(other), "%.2e", wanted);
	return strcmp(one, other) == 0;
}

static void
check_fit(const EcapiFit *fit, const char *name, const char *const *params, const double *wanted,
		  double log_likelihood)
{
	char		what[80];
	int			i;

	printf("# %s: log-likelihood %.2f, %d evaluations\n", name, fit->log_likelihood, fit->evaluations);
	snprintf(what, sizeof(what), "%s converges", name);
	check(fit->converged && fit->problem == NULL && !fit->stopped, what);
	for (i = 0; i < fit->nparams; i++)
	{
		printf("#   %s %.4f, standard error %.4f\n", params[i], fit->param[i], fit->error[i]);
		snprintf(what, sizeof(what), "%s: %s is the published one, with an error", name, params[i]);
		check(three_digits(fit->param[i], wanted[i]) && fit->error[i] > 0 &&
			  fit->error[i] < 2 * fit->param[i], what);
	}
	if (log_likelihood != 0)
	{
		snprintf(what, sizeof(what), "%s: so is the log-likelihood", name);
		check(fabs(fit->log_likelihood - log_likelihood) < 0.006, what);
	}
}

/* A row of the table of errors on the held-out weeks; prediction of customer i by a function. */
static void
print_row(const char *name, double orders_error, double worth_error, double all_orders, double all_worth)
{
	printf("# %-28s %8.4f %9.3f %10.1f %10.0f\n", name, orders_error, worth_error, all_orders, all_worth);
}

static void
holdout(const EcapiFrequencyModel *model, const EcapiFit *fit, const EcapiFit *value,
		double most_orders, double most_worth)
{
	double		orders_error = 0,
				worth_error = 0,
				all_orders = 0,
				all_worth = 0;
	char		what[80];
	size_t		i;

	for (i = 0; i < n; i++)
	{
		double		expected = model->expected(fit, &customers[i], WEEKS);
		double		amount = expected * ecapi_gammagamma_mean(value, &customers[i]);

		orders_error += fabs(expected - orders[i]) / (double) n;
		worth_error += fabs(amount - worth[i]) / (double) n;
		all_orders += expected;
		all_worth += amount;
	}
	print_row(model->name, orders_error, worth_error, all_orders, all_worth);
	snprintf(what, sizeof(what), "%s x Gamma-Gamma: errors on held-out weeks", model->name);
	check(orders_error <= most_orders && worth_error <= most_worth, what);
}

/* What came, and plain predictions of it. */
static void
baselines(void)
{
	double		error[3][2] = {{0}};
	double		total[3][2] = {{0}};
	double		all_orders = 0,
				all_worth = 0;
	static const char *const names[] = {"first order's value again", "same again", "mean"};
	size_t		i;
	int			j;

	for (i = 0; i < n; i++)
	{
		all_orders += orders[i];
		all_worth += worth[i];
	}
	for (i = 0; i < n; i++)
	{
		double		again = customers[i].T > 0 ? WEEKS / customers[i].T : 0;
		double		guess[3][2] = {
			{1, first_value[i]},
			{customers[i].x * again, customers[i].x * customers[i].m_x * again},
			{all_orders / (double) n, all_worth / (double) n},
		};

		for (j = 0; j < 3; j++)
		{
			error[j][0] += fabs(guess[j][0] - orders[i]) / (double) n;
			error[j][1] += fabs(guess[j][1] - worth[i]) / (double) n;
			total[j][0] += guess[j][0];
			total[j][1] += guess[j][1];
		}
	}
	printf("# %-28s %8s %9s %10s %10s\n", "weeks 40 to 78", "MAE", "MAE, $", "orders", "$");
	print_row("what came", 0, 0, all_orders, all_worth);
	for (j = 0; j < 3; j++)
		print_row(names[j], error[j][0], error[j][1], total[j][0], total[j][1]);
}

int
main(void)
{
	static const double frequency[ECAPI_FREQUENCY_MODELS][4] = {
		{0.2426, 4.414, 0.793, 2.426}, {0.5533, 10.578, 0.6062, 11.670},
	};
	static const double likelihood[ECAPI_FREQUENCY_MODELS] = {-9582.43, -9594.98};
	static const double most[ECAPI_FREQUENCY_MODELS][2] = {{0.79, 30.5}, {0.755, 29.5}};
	static const double value[] = {6.249, 3.744, 15.446};
	static const double means[] = {24.65, 18.91, 35.17, 35.17};
	const EcapiCustomer example = {2, 30.43, 38.86, 0};
	EcapiFit	fits[ECAPI_FREQUENCY_MODELS];
	EcapiFit	gammagamma;
	bool		good = true;
	size_t		again = 0;
	size_t		i;

	if (!read_customers(getenv("ECAPI_PURCHASES")))
	{
		printf("1..0 # SKIP ECAPI_PURCHASES names no log of purchases\n");
		return 0;
	}
	for (i = 0; i < n; i++)
		again += customers[i].x > 0 && customers[i].m_x > 0;
	check(n == 2357 && again == 946, "2,357 customers, of whom 946 bought again for money");

	for (i = 0; i < ECAPI_FREQUENCY_MODELS; i++)
	{
		const EcapiFrequencyModel *model = &ecapi_frequency_models[i];

		model->fit(customers, n, &control, &fits[i]);
		check_fit(&fits[i], model->name, model->params, frequency[i], likelihood[i]);
	}
	check(fabs(ecapi_frequency_models[0].expected(&fits[0], &example, WEEKS) - 1.226) < 0.0005,
		  "the example of the BG/NBD article: 1.226 orders are expected in 39 weeks");

	ecapi_gammagamma_fit(customers, n, &control, &gammagamma);
	check_fit(&gammagamma, "Gamma-Gamma", ecapi_gammagamma_params, value, 0);
	for (i = 0; i < 4; i++)
		good = good && fabs(ecapi_gammagamma_mean(&gammagamma, &customers[i]) - means[i]) < 0.006;
	check(good, "expected values of the first four customers");

	baselines();
	for (i = 0; i < ECAPI_FREQUENCY_MODELS; i++)
		holdout(&ecapi_frequency_models[i], &fits[i], &gammagamma, most[i][0], most[i][1]);
	unit_free();
	return unit_done();
}
