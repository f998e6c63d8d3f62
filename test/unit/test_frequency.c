/*
 * test_frequency.c
 *	  The models of repeat orders by themselves: gradients, forecasts of any history, and customers
 *	  made by the models' own assumptions.
 *
 *	  test_frequency [CUSTOMERS]
 *
 * With a number it tests nothing, and prints how long fits of that many customers take, and
 * forecasts of a million.
 */
#include <math.h>
#include <time.h>

#include "draw.h"
#include "model/bgnbd.h"
#include "model/frequency.h"
#include "model/gammagamma.h"
#include "model/pareto.h"
#include "unit.h"

#define HISTORIES	1000
#define MADE		60000
#define WEEKS		26
#define MODELS		ECAPI_FREQUENCY_MODELS

/* Customers of a call for many forecasts, as ecapi.fit() has them. */
#define PAGE		5000

static const EcapiFitControl control = {.grab = unit_grab};
static EcapiCustomer made[MADE];
static double later[MADE];		/* orders in the weeks after T */
static bool alive[MADE];		/* at T */

/* A customer of any kind, with up to 300 repeat orders; where they are many, so is time. */
static void
random_history(EcapiCustomer *customer)
{
	customer->T = draw(20) == 0 ? 0 : draw(3000) / 7.0;
	customer->x = draw(3) == 0 ? 0 : floor(draw_log_uniform(1, 301));
	if (customer->T == 0)
		customer->x = 0;
	customer->t_x = customer->x == 0 ? 0 : draw(4) == 0 ? customer->T : customer->T * draw_uniform();
	customer->m_x = customer->x == 0 || draw(20) == 0 ? 0 : draw_log_uniform(0.01, 1e9);
}

/* Parameters of any kind; index 1 and 3 are of time in Pareto/NBD, 1 in BG/NBD. */
static void
random_parameters(EcapiFit *fit, int i)
{
	memset(fit, 0, sizeof(*fit));
	fit->nparams = 4;
	fit->param[0] = draw_log_uniform(1e-3, 1e3);
	fit->param[1] = draw_log_uniform(1e-2, 1e4);
	fit->param[2] = draw_log_uniform(1e-3, 1e3);
	fit->param[3] = draw_log_uniform(1e-2, 1e4);
	if (i % 3 == 0)
	{
		fit->param[0] = draw_log_uniform(0.1, 2);
		fit->param[1] = draw_log_uniform(1, 30);
		fit->param[2] = draw_log_uniform(0.2, 2);
		fit->param[3] = draw_log_uniform(1, 30);
	}
	if (i % 7 == 0)
		fit->param[2] = 1;		/* a = 1 and s = 1 are poles of the published formulas */
}

static bool
is_probability(double value)
{
	return value >= 0 && value <= 1;
}

/* One history under one model: what is wrong with its forecasts, or NULL. */
static const char *
wrong_with(const EcapiFrequencyModel *model, const EcapiFit *fit, const EcapiCustomer *customer)
{
	static const double horizons[] = {0, 0.1, 1, 4, 13, 52, 104, 520};
	EcapiForecast before = {0};
	int			i;

	for (i = 0; i < 8; i++)
	{
		EcapiForecast now,
					many;

		model->forecast(fit, customer, horizons[i], &now);
		model->forecasts(fit, customer, 1, horizons[i], &many);
		if (!is_probability(now.alive) || !is_probability(now.any))
			return "a probability lies outside of 0 and 1";
		if (!(now.any <= now.alive * (1 + 1e-9)))
			return "an order is likelier than being alive";
		if (!(isfinite(now.expected) && now.expected >= 0))
			return "the expectation is negative or not finite";
		if (now.any > now.expected * (1 + 1e-7) + 1e-13)
			return "an order is likelier than orders are expected";
		if (i == 0 && (now.expected != 0 || now.any > 1e-13))
			return "something comes in no time";
		if (now.expected < before.expected * (1 - 1e-9) || now.any < before.any * (1 - 1e-9) - 1e-13)
			return "a longer horizon has less";
		if (fabs(many.expected - now.expected) > 1e-9 * now.expected ||
			fabs(many.any - now.any) > 1e-10 || fabs(many.alive - now.alive) > 1e-10)
			return "many forecasts are not those of one";
		if (fabs(model->expected(fit, customer, horizons[i]) - now.expected) > 1e-12 * now.expected ||
			fabs(model->any(fit, customer, horizons[i]) - now.any) > 1e-12 ||
			fabs(model->alive(fit, customer) - now.alive) > 1e-12)
			return "a part of the forecast is not that of the whole";
		before = now;
	}
	return NULL;
}

static double
likelihood(int model, const double *param, const EcapiCustomer *customer, double *gradient)
{
	return (model == 0 ? ecapi_bgnbd_likelihood : ecapi_pareto_likelihood) (param, customer, gradient);
}

/* The largest difference between the gradient and one of five-point differences, by logarithms. */
static double
gradient_error(int model, const EcapiFit *fit, const EcapiCustomer *customer)
{
	double		gradient[4];
	double		value = likelihood(model, fit->param, customer, gradient);
	double		most = isfinite(value) ? 0 : HUGE_VAL;
	int			i,
				j;

	for (i = 0; i < 4; i++)
	{
		static const double weights[] = {1, -8, 8, -1};
		double		difference = 0;
		double		param[4];

		for (j = 0; j < 4; j++)
		{
			memcpy(param, fit->param, sizeof(param));
			param[i] *= exp((j < 2 ? j - 2 : j - 1) * 1e-3);
			difference += weights[j] * likelihood(model, param, customer, NULL) / 12e-3;
		}
		most = fmax(most, fabs(difference - gradient[i] * fit->param[i]) / fmax(1, fabs(difference)));
	}
	return most;
}

static void
test_any_history(void)
{
	double		gradients[MODELS] = {0};
	int			bad = 0;
	int			i,
				m;

	for (i = 0; i < HISTORIES; i++)
	{
		EcapiCustomer customer;
		EcapiFit	fit;

		random_history(&customer);
		random_parameters(&fit, i);
		for (m = 0; m < MODELS; m++)
		{
			const char *wrong = wrong_with(&ecapi_frequency_models[m], &fit, &customer);

			if (wrong && bad++ < 10)
				printf("# %s: %s; x %g, t_x %g, T %g, parameters %.17g %.17g %.17g %.17g\n",
					   ecapi_frequency_models[m].name, wrong, customer.x, customer.t_x, customer.T,
					   fit.param[0], fit.param[1], fit.param[2], fit.param[3]);
			gradients[m] = fmax(gradients[m], gradient_error(m, &fit, &customer));
		}
	}
	check(bad == 0, "1,000 random histories have sensible forecasts");
	printf("# largest difference of gradients: %.1e, %.1e\n", gradients[0], gradients[1]);
	check(gradients[0] < 1e-5 && gradients[1] < 1e-5, "gradients are those of differences");
}

/* ---- customers by a model's own assumptions ---- */

static const double true_param[MODELS][4] = {{0.6, 5, 0.8, 2.5}, {0.7, 6, 0.8, 12}};

/* The probability of leaving after an order, or the rate of leaving at any time. */
static double
draw_leaving(int model, const double *param)
{
	double		one,
				other;

	if (model == 1)
		return draw_gamma(param[2], 1 / param[3]);
	one = draw_gamma(param[2], 1);
	other = draw_gamma(param[3], 1);
	return one / (one + other);
}

static void
make_customer(int model, int i)
{
	const double *param = true_param[model];
	EcapiCustomer *customer = &made[i];
	double		rate = draw_gamma(param[0], 1 / param[1]);
	double		leaving = draw_leaving(model, param);
	double		end = model == 1 ? draw_exponential(leaving) : HUGE_VAL;
	double		at = draw_exponential(rate);

	memset(customer, 0, sizeof(*customer));
	customer->T = 20 + draw(140) / 7.0;
	later[i] = 0;
	while (at < end && at < customer->T + WEEKS)
	{
		if (at < customer->T)
		{
			customer->x++;
			customer->t_x = at;
		}
		else
			later[i]++;
		if (model == 0 && draw_uniform() < leaving)
			end = at;
		at += draw_exponential(rate);
	}
	alive[i] = end > customer->T;
}

typedef struct Bin
{
	double		n;
	double		any;
	double		any_came;
	double		alive;
	double		is_alive;
	double		expected;
	double		came;
	double		squares;		/* of came - expected */
} Bin;

/* How many standard errors the predictions of a bin are off, at most. */
static double
bin_error(const Bin *bin)
{
	double		any = bin->any / bin->n;
	double		live = bin->alive / bin->n;
	double		most = fabs(bin->any - bin->any_came) / sqrt(bin->n * any * (1 - any) + 1);

	most = fmax(most, fabs(bin->expected - bin->came) / sqrt(bin->squares + 1));
	return fmax(most, fabs(bin->alive - bin->is_alive) / sqrt(bin->n * live * (1 - live) + 1));
}

/*
 * Among customers of like forecasts, as much must come as is forecast: bins are by
 * count and by the probability of an order.
 */
static void
test_made(int model)
{
	const EcapiFrequencyModel *it = &ecapi_frequency_models[model];
	EcapiFit	fit = {.nparams = 4};
	Bin			bins[4][10] = {{{0}}};
	double		most = 0;
	char		what[100];
	int			i,
				j;

	memcpy(fit.param, true_param[model], sizeof(true_param[model]));
	for (i = 0; i < MADE; i++)
	{
		EcapiForecast forecast;
		Bin		   *bin;

		make_customer(model, i);
		it->forecast(&fit, &made[i], WEEKS, &forecast);
		bin = &bins[(int) fmin(3, made[i].x)][(int) fmin(9, forecast.any * 10)];
		bin->n++;
		bin->any += forecast.any;
		bin->any_came += later[i] > 0;
		bin->alive += forecast.alive;
		bin->is_alive += alive[i];
		bin->expected += forecast.expected;
		bin->came += later[i];
		bin->squares += (later[i] - forecast.expected) * (later[i] - forecast.expected);
	}
	for (i = 0; i < 4; i++)
		for (j = 0; j < 10; j++)
			if (bins[i][j].n >= 30)
				most = fmax(most, bin_error(&bins[i][j]));
	printf("# %s: forecasts of made customers are off by at most %.2f standard errors\n", it->name, most);
	snprintf(what, sizeof(what), "%s: of made customers as many order and live as is forecast", it->name);
	check(most < 5, what);

	/* and a fit finds what they were made by, as nearly as its standard errors say */
	it->fit(made, MADE / 4, &control, &fit);
	most = 0;
	for (i = 0; i < 4; i++)
		most = fmax(most, fabs(fit.param[i] - true_param[model][i]) / fit.error[i]);
	printf("# %s: parameters are at most %.2f standard errors from the true ones\n", it->name, most);
	snprintf(what, sizeof(what), "%s: a fit finds the parameters of made customers", it->name);
	check(fit.converged && most < 5, what);
}

static void
test_made_values(void)
{
	static const double truth[] = {3, 4, 20};
	EcapiFit	fit;
	double		most = 0;
	int			i,
				j;

	for (i = 0; i < 20000; i++)
	{
		double		nu = draw_gamma(truth[1], 1 / truth[2]);

		made[i].x = draw(4);
		made[i].m_x = 0;
		for (j = 0; j < (int) made[i].x; j++)
			made[i].m_x += draw_gamma(truth[0], 1 / nu) / made[i].x;
	}
	ecapi_gammagamma_fit(made, 20000, &control, &fit);
	for (i = 0; i < 3; i++)
		most = fmax(most, fabs(fit.param[i] - truth[i]) / fit.error[i]);
	printf("# Gamma-Gamma: parameters are at most %.2f standard errors from the true ones\n", most);
	check(fit.converged && most < 5, "Gamma-Gamma: a fit finds the parameters of made values");
}

/* ---- order ---- */

static void
shuffle(EcapiCustomer *customers, int n)
{
	int			i;

	for (i = n - 1; i > 0; i--)
	{
		int			j = (int) draw((unsigned) i + 1);
		EcapiCustomer swap = customers[i];

		customers[i] = customers[j];
		customers[j] = swap;
	}
}

static bool
same_fit(const EcapiFit *one, const EcapiFit *other)
{
	return one->converged && memcmp(one->param, other->param, 4 * sizeof(double)) == 0 &&
		memcmp(one->error, other->error, 4 * sizeof(double)) == 0 &&
		one->log_likelihood == other->log_likelihood;
}

static void
test_order(void)
{
	static EcapiCustomer shuffled[3000];
	static EcapiForecast forecasts[3000];
	bool		good = true;
	int			i,
				m;

	for (m = 0; m < MODELS; m++)
	{
		const EcapiFrequencyModel *model = &ecapi_frequency_models[m];
		EcapiFit	one,
					other,
					value,
					values;

		for (i = 0; i < 3000; i++)
		{
			make_customer(m, i);
			made[i].m_x = made[i].x > 0 ? draw_gamma(2, 30 / draw_gamma(4, 1)) : 0;
			shuffled[i] = made[i];
		}
		shuffle(shuffled, 3000);
		model->fit(made, 3000, &control, &one);
		model->fit(shuffled, 3000, &control, &other);
		ecapi_gammagamma_fit(made, 3000, &control, &value);
		ecapi_gammagamma_fit(shuffled, 3000, &control, &values);
		check(same_fit(&one, &other) && same_fit(&value, &values),
			  "a fit does not depend on the order of customers, to the last bit");

		model->forecasts(&one, shuffled, 3000, WEEKS, forecasts);
		for (i = 0; i < 3000; i++)
		{
			EcapiForecast alone;

			model->forecasts(&one, &shuffled[i], 1, WEEKS, &alone);
			good = good && memcmp(&alone, &forecasts[i], sizeof(alone)) == 0;
		}
	}
	check(good, "nor does a forecast on other customers");
}

/* ---- how long ---- */

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
say_fit(const char *model, size_t n, const EcapiFit *fit, double start)
{
	printf("# %s: fit of %zu customers %.2f s, %s\n", model, n, seconds() - start,
		   fit->problem ? fit->problem : "converged");
}

static int
time_it(size_t n)
{
	static EcapiForecast forecasts[PAGE];
	EcapiCustomer *customers = malloc(n * sizeof(EcapiCustomer));
	EcapiFit	fit;
	double		start;

	for (size_t i = 0; i < n; i++)
	{
		customers[i].T = 52 * draw_uniform() + 26;
		customers[i].x = draw(3) == 0 ? 0 : floor(draw_gamma(0.6, 4));
		customers[i].t_x = customers[i].x == 0 ? 0 : customers[i].T * draw_uniform();
		customers[i].m_x = customers[i].x > 0 ? draw_gamma(2, 30 / draw_gamma(4, 1)) : 0;
	}
	for (int m = 0; m < MODELS; m++)
	{
		const EcapiFrequencyModel *model = &ecapi_frequency_models[m];

		start = seconds();
		model->fit(customers, n, &control, &fit);
		say_fit(model->name, n, &fit, start);
		start = seconds();
		for (size_t i = 0; i < 1000000; i += PAGE)
			model->forecasts(&fit, customers + i % (n - PAGE), PAGE, WEEKS, forecasts);
		printf("# %s: forecasts of a million customers %.2f s\n", model->name, seconds() - start);
	}
	start = seconds();
	ecapi_gammagamma_fit(customers, n, &control, &fit);
	say_fit("values", n, &fit, start);
	free(customers);
	unit_free();
	return 0;
}

int
main(int argc, char **argv)
{
	int			m;

	seed_draws();
	if (argc > 1)
		return time_it(strtoul(argv[1], NULL, 10));
	test_any_history();
	/* what is judged by standard errors is the same in each run */
	if (!getenv("ECAPI_SEED"))
		state = 20050514;
	printf("# ECAPI_SEED %llu from here\n", (unsigned long long) state);
	for (m = 0; m < MODELS; m++)
		test_made(m);
	test_made_values();
	test_order();
	unit_free();
	return unit_done();
}
