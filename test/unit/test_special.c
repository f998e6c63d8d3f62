/*
 * test_special.c
 *	  The special functions of the models against values known otherwise: closed forms, sums in
 *	  long double, integrals.
 */
#include <math.h>

#include "draw.h"
#include "model/leaving.h"
#include "model/special.h"
#include "unit.h"

#define RANDOM_CASES	2000

/* Keeps the worst error of many and names its case. */
typedef struct Worst
{
	double		error;
	char		where[120];
} Worst;

#define look(worst, got, wanted, ...) \
	do { \
		double		error_ = (double) fabsl((got) / (long double) (wanted) - 1); \
		if (!(error_ <= (worst)->error)) \
		{ \
			(worst)->error = error_; \
			snprintf((worst)->where, sizeof((worst)->where), __VA_ARGS__); \
		} \
	} while (0)

static void
check_worst(const Worst *worst, double most, const char *what)
{
	printf("# relative error at most %.1e (%s)\n", worst->error, worst->where);
	check(worst->error <= most, what);
}

static void
test_gamma(void)
{
	static const double shapes[] = {1e-6, 0.2426, 1, 7.5, 15.9, 16, 17, 300, 1e5, 1e9, 1e13};
	Worst		value = {0};
	Worst		slope = {0};
	int			i,
				n;

	for (i = 0; i < (int) (sizeof(shapes) / sizeof(shapes[0])); i++)
	{
		long double log_sum = 0;
		long double sum = 0;

		for (n = 1; n <= 300; n++)
		{
			log_sum += logl((long double) shapes[i] + (n - 1));
			sum += 1 / ((long double) shapes[i] + (n - 1));
			if (fabsl(log_sum) > 0.1L)
				look(&value, ecapi_log_rising(shapes[i], n), log_sum, "a %g, n %d", shapes[i], n);
			look(&slope, ecapi_digamma_rising(shapes[i], n), sum, "a %g, n %d", shapes[i], n);
		}
	}
	check_worst(&value, 1e-12, "a quotient of gamma functions is the product");
	check_worst(&slope, 1e-12, "its derivative is the sum");
	check(fabs(ecapi_digamma(1) + 0.57721566490153286061) < 1e-14 &&
		  fabs(ecapi_digamma(0.5) + 1.96351002602142347944) < 1e-14 &&
		  fabs(ecapi_digamma(10) - 2.25175258906672110765) < 1e-14, "psi has its known values");
	check(isnan(ecapi_digamma(0)) && isnan(ecapi_digamma(-1)), "psi has no value at 0 and below");
}

/* By Pfaff's transformation: terms of one sign, summed until they end. */
static long double
hyper_by_sum(long double b, long double c, long double z)
{
	long double pfaff = z / (z - 1);
	long double term = 1;
	long double sum = 1;
	long		k;

	for (k = 0; k < 5000000 && term > sum * 1e-21L * (1 - pfaff); k++)
	{
		term *= (c - b + k) / (c + k) * pfaff;
		sum += term;
	}
	return sum / (1 - z);
}

static void
test_hyper(void)
{
	static const double arguments[] = {1e-9, 0.01, 0.3, 0.42, 0.43, 1, 2, 10, 100, 2500, 9999};
	Worst		closed = {0};
	Worst		sums = {0};
	int			i;

	for (i = 0; i < (int) (sizeof(arguments) / sizeof(arguments[0])); i++)
	{
		double		y = arguments[i];

		look(&closed, ecapi_hyper_unit(1, 2, -y), log1pl(y) / y, "log, y %g", y);
		look(&closed, ecapi_hyper_unit(0.5, 1.5, -y), atanl(sqrtl(y)) / sqrtl(y), "atan, y %g", y);
		look(&closed, ecapi_hyper_unit(2.5, 2.5, -y), 1 / (1 + (long double) y), "power, y %g", y);
		if (y >= 1e-3)
			look(&closed, ecapi_hyper_unit(2, 3, -y), 2 * (y - log1pl(y)) / ((long double) y * y),
				 "log of order 2, y %g", y);
	}
	check_worst(&closed, 1e-12, "2F1 is the logarithm, the arc tangent and the power that it should be");

	for (i = 0; i < RANDOM_CASES; i++)
	{
		double		b = draw_log_uniform(1e-3, 400);
		double		c = fmax(1, b) + draw_log_uniform(1e-3, 1e3);
		double		y = draw_log_uniform(1e-3, 1e3);

		look(&sums, ecapi_hyper_unit(b, c, -y), hyper_by_sum(b, c, -y), "b %g, c %g, y %g", b, c, y);
	}
	check_worst(&sums, 1e-12, "2F1 is its power series in long double");
	check(isnan(ecapi_hyper_unit(-1, 2, -1)) && isnan(ecapi_hyper_unit(1, 1, -1)) &&
		  isnan(ecapi_hyper_unit(1, 2, 0.5)), "outside of its range there is no number");
}

/* The integral of special.h over t = log(u / B), by many small steps. */
static long double
leaving_by_sum(long double c, long double s, long double ratio)
{
	long double step = 0.05L;
	long double sum = 0;
	long double t;

	for (t = -120; t < 400; t += step)
		sum += expl(t - (s + 1) * log1pl(expl(t)) - c * log1pl(ratio * expl(t)));
	return s * sum * step;
}

static void
test_leaving(void)
{
	static const double sizes[] = {1e-6, 1e-3, 0.3, 1, 7, 300, 1e5, 1e12};
	static const double ratios[] = {1e-13, 1e-6, 1e-3, 0.1, 0.999999, 1, 1.5, 40, 2e3, 1e7, 1e12};
	Worst		integral = {0};
	double		complement = 0;
	int			i,
				j,
				k;

	for (i = 0; i < RANDOM_CASES / 10; i++)
	{
		double		c = draw_log_uniform(0.2, 400);
		double		s = draw_log_uniform(0.2, 400);
		double		ratio = draw_log_uniform(1e-8, 1e8);

		look(&integral, ecapi_leaves_first(c, s, ratio), leaving_by_sum(c, s, ratio),
			 "c %g, s %g, ratio %g", c, s, ratio);
	}
	check_worst(&integral, 1e-11, "who leaves first is the integral");

	for (i = 0; i < 8; i++)
		for (j = 0; j < 8; j++)
			for (k = 0; k < 11; k++)
			{
				double		one = ecapi_leaves_first(sizes[i], sizes[j], ratios[k]);
				double		other = ecapi_leaves_first(sizes[j], sizes[i], 1 / ratios[k]);

				complement = fmax(complement, isfinite(one + other) ? fabs(one + other - 1) : HUGE_VAL);
			}
	printf("# sum off by at most %.1e\n", complement);
	check(complement < 1e-11, "one of the two is first, at all parameters");
}

/* Between random bounds: the interpolation, the function itself, and differences of it. */
static void
test_interpolation(void)
{
	Worst		value = {0};
	Worst		alone = {0};
	double		slopes = 0;
	int			i,
				j;

	for (i = 0; i < RANDOM_CASES / 10; i++)
	{
		double		c = draw_log_uniform(1e-2, 400);
		double		s = draw_log_uniform(1e-2, 1e3);
		double		alpha = draw_log_uniform(0.1, 1e3);
		double		beta = draw_log_uniform(0.1, 1e4);
		double		weeks = draw_log_uniform(1, 300);
		double		from = log(beta / alpha);
		double		to = log((beta + weeks) / (alpha + weeks));
		EcapiLeaving many,
					few,
					values;

		ecapi_leaving_set(&many, c, s, from, to, 1000);
		ecapi_leaving_set(&few, c, s, from, to, 1);
		ecapi_leaving_set_value(&values, c, s, from, to);
		for (j = 0; j <= 4; j++)
		{
			double		at = from + (to - from) * j / 4;
			double		wanted = ecapi_leaves_first(c, s, exp(at));
			double		slope = (ecapi_leaves_first(c, s, exp(at + 1e-5)) -
								 ecapi_leaves_first(c, s, exp(at - 1e-5))) / 2e-5;
			EcapiLeft	left,
						direct;

			ecapi_leaving_get(&many, at, &left);
			ecapi_leaving_get(&few, at, &direct);
			look(&value, left.first, wanted, "c %g, s %g, alpha %g, beta %g, %g weeks", c, s, alpha, beta, weeks);
			look(&alone, ecapi_leaving_value(&values, at), wanted, "c %g, s %g", c, s);
			slopes = fmax(slopes, fabs(left.by_c - direct.by_c) + fabs(left.by_s - direct.by_s) +
						  fabs(left.by_log_ratio - slope) + fabs(direct.by_log_ratio - slope));
		}
	}
	check_worst(&value, 1e-10, "the interpolation is the function");
	check_worst(&alone, 1e-10, "so is that of the value alone");
	printf("# derivatives off by at most %.1e\n", slopes);
	check(slopes < 1e-6, "and so are its derivatives");
}

/* Order j + 1 comes when there are more than j, and none of j was the last: in long double. */
static long double
orders_by_sum(long double k, long double y, long double a, long double b)
{
	long double z = y / (1 + y);
	long double count = expl(-k * log1pl(y));
	long double more = -expm1l(-k * log1pl(y));
	long double going_on = 1;
	long double sum = more;
	long		j;

	for (j = 1; j < 1000000 && (j < k * y || count > 1e-22L * (1 - z) * sum); j++)
	{
		count *= (k + j - 1) / j * z;
		more -= count;
		going_on *= (b + j - 1) / (a + b + j - 1);
		sum += more * going_on;
	}
	return sum;
}

static void
test_orders(void)
{
	Worst		worst = {0};
	Worst		large = {0};
	int			i;

	for (i = 0; i < RANDOM_CASES; i++)
	{
		double		k = draw_log_uniform(0.01, 300);
		double		y = draw_log_uniform(1e-3, 100);
		double		a = draw_log_uniform(0.01, 100);
		double		b = draw_log_uniform(0.01, 300);

		look(&worst, ecapi_orders_before_last(k, y, a, b), orders_by_sum(k, y, a, b),
			 "k %g, y %g, a %g, b %g", k, y, a, b);
	}
	check_worst(&worst, 1e-10, "orders before the last are the sum over orders");

	/* a and b without end: p is their quotient */
	for (i = 7; i <= 13; i++)
	{
		double		a = pow(10, i);
		double		p = 1.0 / 3;

		look(&large, ecapi_orders_before_last(50, 200, a, 2 * a), (1 - powl(1 + p * 200, -50)) / p,
			 "a %g", a);
	}
	check_worst(&large, 1e-6, "with customers that do not differ they are those of one");
	check(ecapi_orders_before_last(2, 0, 1, 1) == 0, "in no time there are none");
}

int
main(void)
{
	seed_draws();
	test_gamma();
	test_hyper();
	test_leaving();
	test_interpolation();
	test_orders();
	return unit_done();
}
