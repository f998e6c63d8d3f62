/*
 * test_no_fit.c
 *	  What the models of repeat orders refuse to fit, and fits that are ended from outside.
 *
 * Where there is no fit there is a reason, and no number that could be taken for one.
 */
#include <math.h>

#include "draw.h"
#include "model/frequency.h"
#include "model/gammagamma.h"
#include "unit.h"

#define MADE		3000
#define MODELS		ECAPI_FREQUENCY_MODELS

static const EcapiFitControl control = {.grab = unit_grab};
static EcapiCustomer made[MADE];

static bool
is_none(const EcapiFit *fit, int nparams, const char *what)
{
	bool		good = !fit->converged && fit->problem != NULL && isnan(fit->log_likelihood) &&
		fit->nparams == nparams;
	int			i;

	for (i = 0; i < nparams; i++)
		good = good && isnan(fit->param[i]) && isnan(fit->error[i]);
	printf("# %s: %s\n", what, fit->problem ? fit->problem : "(nothing)");
	return good;
}

static void
refuse(const EcapiCustomer *customers, size_t n, const char *what)
{
	bool		good = true;
	int			m;

	for (m = 0; m < MODELS; m++)
	{
		EcapiFit	fit;

		ecapi_frequency_models[m].fit(customers, n, &control, &fit);
		good = good && is_none(&fit, 4, what);
	}
	check(good, what);
}

static void
fill(EcapiCustomer with)
{
	int			i;

	for (i = 0; i < 1000; i++)
		made[i] = with;
}

static void
test_refused(void)
{
	static const EcapiCustomer bad[] = {
		{-1, 0, 10, 0}, {1.5, 2, 10, 5}, {1, 11, 10, 5}, {1, -1, 10, 5}, {0, 1, 10, 0}, {0, 0, -1, 0},
		{1, 1, INFINITY, 5}, {NAN, 0, 10, 0}, {1, NAN, 10, 5}, {0, 0, NAN, 0},
	};
	int			i;

	refuse(made, 0, "no customers are no fit");
	fill((EcapiCustomer) {1, 5, 10, 20});
	refuse(made, 1, "one customer is none");
	refuse(made, 1000, "customers that are all the same are none");
	fill((EcapiCustomer) {0, 0, 10, 0});
	for (i = 0; i < 1000; i++)
		made[i].T = i / 7.0;
	refuse(made, 1000, "customers with one order each are none");
	fill((EcapiCustomer) {0, 0, 0, 0});
	refuse(made, 1000, "customers of the last day are none");
	made[5] = (EcapiCustomer) {1, 5, 10, 20};
	made[6] = (EcapiCustomer) {2, 5, 10, 20};
	refuse(made, 1000, "three different histories are none");
	for (i = 0; i < 10; i++)
	{
		made[7] = bad[i];
		refuse(made, 1000, "a history that is none is none");
	}
}

static void
refuse_values(size_t n, const char *what)
{
	EcapiFit	fit;

	ecapi_gammagamma_fit(made, n, &control, &fit);
	check(is_none(&fit, 3, what), what);
}

static void
test_refused_values(void)
{
	EcapiFit	fit;
	int			refused = 0;
	int			i;

	fill((EcapiCustomer) {1, 5, 10, 20});
	refuse_values(0, "no customers have no values");
	refuse_values(1, "one customer's value is none");
	refuse_values(1000, "values that are all the same are none");
	fill((EcapiCustomer) {1, 5, 10, 0});
	refuse_values(1000, "orders given away are none");
	for (i = 0; i < 1000; i++)
		made[i].m_x = 1 + i % 50;
	made[9].m_x = -3;
	refuse_values(1000, "a negative value is refused");
	made[9].m_x = NAN;
	refuse_values(1000, "so is one that is not a number");

	/* values that hardly differ: the likelihood rises with p beyond all bounds */
	for (i = 0; i < 1000; i++)
		made[i].m_x = 20 + i * 1e-13;
	refuse_values(1000, "a fit that does not converge says so");

	/* nor does it hang on the last digit of a sum whether they have a fit */
	for (i = 0; i < 200; i++)
	{
		double		spread = draw_log_uniform(1e-17, 5e-3);
		int			c;

		for (c = 0; c < 100; c++)
			made[c] = (EcapiCustomer) {1 + draw(9), 5, 10, 10 * exp(spread * draw_normal())};
		ecapi_gammagamma_fit(made, 100, &control, &fit);
		refused += !fit.converged;
	}
	check(refused == 200, "values that are alike are refused, however many orders there are");

	/* a tail so heavy that no mean exists */
	fill((EcapiCustomer) {1, 5, 10, 0});
	for (i = 0; i < 1000; i++)
		made[i].m_x = pow(draw_uniform(), -2);
	refuse_values(1000, "values without a mean are refused");
}

/* Customers differ and the orders of one do not: p has no end, and there is a fit all the same. */
static void
test_each_alike(void)
{
	int			good = 0;
	int			i;

	for (i = 0; i < 200; i++)
	{
		double		spread = draw_log_uniform(0.02, 0.2);
		EcapiFit	fit;
		int			c;

		for (c = 0; c < 100; c++)
			made[c] = (EcapiCustomer) {1 + draw(9), 5, 10, 10 * exp(spread * draw_normal())};
		ecapi_gammagamma_fit(made, 100, &control, &fit);
		good += fit.converged && fabs(ecapi_gammagamma_mean(&fit, &(EcapiCustomer) {0}) / 10 - 1) < spread;
	}
	printf("# of 200 fits %d have the mean\n", good);
	check(good == 200, "where all orders of a customer have one value there is a fit");

	/* each order has one value, and some days have two: most mean values are the same */
	for (i = good = 0; i < 200; i++)
	{
		double		share = draw_log_uniform(1e-2, 0.3);
		EcapiFit	fit;
		int			c;

		for (c = 0; c < 100; c++)
		{
			double		days = 2 + draw(9);

			made[c] = (EcapiCustomer) {days, 5, 10, draw_uniform() < share ? 10 * (days + 1) / days : 10};
		}
		made[0].m_x = 20;
		ecapi_gammagamma_fit(made, 100, &control, &fit);
		good += fit.converged;
	}
	printf("# of 200 fits %d end\n", good);
	check(good == 200, "where most mean values are the same there is a fit");
}

/* An outlier neither breaks a fit nor is one order of a billion every customer's. */
static void
test_outlier(void)
{
	EcapiFit	fit;
	int			i;

	for (i = 0; i < 2000; i++)
		made[i] = (EcapiCustomer) {1 + draw(4), 5, 10, draw_gamma(4, 30 / draw_gamma(5, 1))};
	made[77].m_x = 1e9;
	ecapi_gammagamma_fit(made, 2000, &control, &fit);
	printf("# with a billion among 2,000: mean %.1f (%s)\n", ecapi_gammagamma_mean(&fit, &(EcapiCustomer) {0}),
		   fit.problem ? fit.problem : "converged");
	check(fit.converged && ecapi_gammagamma_mean(&fit, &(EcapiCustomer) {0}) < 1000,
		  "a billion among 2,000 does not spoil the mean of the others");
}

/* ---- an end from outside ---- */

static bool
stop_after(void *arg)
{
	return --*(int *) arg < 0;
}

static void *
no_memory(void *arg, size_t bytes)
{
	(void) arg;
	(void) bytes;
	return NULL;
}

static void *
grab_beside(void *arg, size_t bytes)
{
	(void) arg;
	return unit_grab(NULL, bytes);
}

static void
test_ended(void)
{
	EcapiFitControl empty = {.grab = no_memory};
	bool		stopped = true;
	EcapiFit	fit;
	int			i,
				m;

	for (i = 0; i < 3000; i++)
	{
		made[i] = (EcapiCustomer) {draw(4), 0, 40, 0};
		made[i].t_x = made[i].x > 0 ? 40 * draw_uniform() : 0;
		made[i].m_x = made[i].x > 0 ? draw_gamma(2, 30 / draw_gamma(4, 1)) : 0;
	}
	for (m = 0; m < MODELS; m++)
	{
		ecapi_frequency_models[m].fit(made, 3000, &empty, &fit);
		check(is_none(&fit, 4, "without memory there is no fit"), "without memory there is no fit");
	}
	ecapi_gammagamma_fit(made, 3000, &empty, &fit);
	check(is_none(&fit, 3, "without memory there is no fit"), "without memory there is no fit");

	for (i = 0; i < 60; i++)
	{
		for (m = 0; m <= MODELS; m++)
		{
			int			left = i;
			EcapiFitControl ended = {stop_after, &left, grab_beside};

			if (m < MODELS)
				ecapi_frequency_models[m].fit(made, 3000, &ended, &fit);
			else
				ecapi_gammagamma_fit(made, 3000, &ended, &fit);
			stopped = stopped && fit.stopped && !fit.converged && fit.problem && isnan(fit.param[0]) &&
				fit.evaluations <= i;
		}
	}
	check(stopped, "a fit that is told to stop does, and says so");
}

int
main(void)
{
	seed_draws();
	test_refused();
	test_refused_values();
	test_each_alike();
	test_outlier();
	test_ended();
	unit_free();
	return unit_done();
}
