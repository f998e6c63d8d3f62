/*
 * special.c
 *	  Gamma functions in differences, one hypergeometric function, and two expectations.
 *
 * The models' parameters may be huge (customers that do not differ) or tiny, and the difference
 * of two log-gammas of 1e13 has no digit left.  So differences are computed as such, and the
 * hypergeometric functions of the literature are brought to forms whose terms are positive.
 *
 * Each sum and each continued fraction has a bound on its steps; where convergence would need
 * more, the same number is got by quadrature (quadrature.c), whose cost is bounded, too.
 *
 * References: Abramowitz and Stegun 6.1.40, 6.3.5, 6.3.18; DLMF 15.6.1, 15.7.1, 15.8.1.
 */
#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "model/quadrature.h"
#include "model/special.h"

/* From here on Stirling's series gives all digits with five terms. */
#define STIRLING_FROM	16

/* Below this argument the power series is shorter than the continued fraction. */
#define SERIES_UP_TO	0.3

/*
 * The fraction's error falls by (sqrt(1 - z) - 1) / (sqrt(1 - z) + 1) a step or faster: at
 * z = -10,000 16 digits take 1,900 steps.  More than 4,000 would cost more than quadrature.
 */
#define MOST_STEPS		4000

/* log(Gamma(a)) - (a - 1/2) log(a) + a - log(2 pi)/2, a >= STIRLING_FROM. */
static double
stirling(double a)
{
	double		square = 1 / (a * a);

	return (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square *
													   (1.0 / 1680 - square / 1188)))) / a;
}

double
ecapi_log_rising(double a, double n)
{
	if (n == 0)
		return 0;
	if (n == 1)
		return log(a);
	if (a < STIRLING_FROM)
		return lgamma(a + n) - lgamma(a);
	return (a - 0.5) * log1p(n / a) + n * (log(a + n) - 1) + stirling(a + n) - stirling(a);
}

/* psi(a) - log(a) + 1/(2a), a >= STIRLING_FROM. */
static double
digamma_rest(double a)
{
	double		square = 1 / (a * a);

	return -square * (1.0 / 12 - square * (1.0 / 120 - square * (1.0 / 252 - square *
																 (1.0 / 240 - square / 132))));
}

double
ecapi_digamma(double a)
{
	double		below = 0;

	if (!(a > 0))
		return NAN;
	for (; a < STIRLING_FROM; a++)
		below += 1 / a;
	return log(a) - 0.5 / a + digamma_rest(a) - below;
}

double
ecapi_digamma_rising(double a, double n)
{
	double		below = 0;

	if (!(a > 0))
		return NAN;
	if (n == 0)
		return 0;
	/* psi(a + 1) - psi(a) = 1/a; the shifts of both ends cancel but for those */
	for (; a < STIRLING_FROM && n >= 1; a++, n--)
		below += 1 / a;
	if (n == 0)
		return below;
	if (a < STIRLING_FROM)
		return below + ecapi_digamma(a + n) - ecapi_digamma(a);
	return below + log1p(n / a) + n / (2 * a * (a + n)) + digamma_rest(a + n) - digamma_rest(a);
}

/* The power series: all terms are positive, each below z times the one before. */
static double
hyper_series(double b, double c, double z)
{
	double		term = 1;
	double		sum = 1;
	int			k;

	for (k = 0; k < MOST_STEPS && term > sum * (DBL_EPSILON / 4); k++)
	{
		term *= (b + k) / (c + k) * z;
		sum += term;
	}
	return sum;
}

/*
 * Gauss' continued fraction (DLMF 15.7.1 with a = 1, the other parameter 0) at z = -y, by Steed's
 * recurrence: (c - 1) / 2F1 = t0 + u1 y / (t1 + u2 y / (t2 + ...)), t_n = c - 1 + n.  Every
 * element is positive, and two neighbouring convergents enclose the value.
 */
static double
hyper_fraction(double b, double c, double y)
{
	double		t = c;
	double		inverse = 1 / t;
	double		correction = b * (c - 1) * y * inverse;
	double		value = c - 1 + correction;
	int			n;

	for (n = 2; n < MOST_STEPS && fabs(correction) > value * (DBL_EPSILON / 4); n++)
	{
		int			half = n / 2;
		double		u = (n % 2 == 0 ? half * (c - 1 - b + half) : (b + half) * (c - 1 + half)) * y;
		double		before = inverse;

		t += 1;
		inverse = 1 / (t + u * before);
		correction *= -u * before * inverse;
		value += correction;
	}
	return n < MOST_STEPS ? (c - 1) / value : NAN;
}

double
ecapi_hyper_unit(double b, double c, double z)
{
	if (!(b > 0 && c > 1 && c >= b && z <= 0))
		return NAN;
	/* Pfaff's transformation (15.8.1) has an argument of [0, 1), where all terms are positive */
	if (-z <= SERIES_UP_TO * (1 - z))
		return hyper_series(c - b, c, z / (z - 1)) / (1 - z);
	return hyper_fraction(b, c, -z);
}

/*
 * The step of quadratures over a logarithm: powers (1 + exp(t))^-n stay bounded as far as pi/2 from
 * the real axis, however large n is, and exp(-pi^2 / 0.3) is 5e-15.
 */
#define LOG_STEP		0.3

typedef struct Leaving
{
	double		c;
	double		s;
	double		log_ratio;
} Leaving;

/* log(1 + exp(t)) */
static double
log1p_exp(double t)
{
	return t > 0 ? t + log1p(exp(-t)) : log1p(exp(t));
}

/* The integrand over t = log(u / B). */
static double
leaving_at(double t, void *arg)
{
	const Leaving *leaving = arg;

	return exp(log(leaving->s) + t - (leaving->s + 1) * log1p_exp(t) -
			   leaving->c * log1p_exp(leaving->log_ratio + t));
}

double
ecapi_leaves_first(double c, double s, double ratio)
{
	double		value;

	if (!(c > 0 && s > 0 && ratio > 0))
		return NAN;
	/* of the two ends of Pfaff's transformation the one whose argument is not positive */
	value = s / (c + s) * (ratio >= 1 ? ecapi_hyper_unit(c, c + s + 1, 1 - ratio) :
						   ecapi_hyper_unit(s + 1, c + s + 1, 1 - 1 / ratio) / ratio);
	if (isnan(value))
	{
		Leaving		leaving = {c, s, log(ratio)};

		value = ecapi_integrate_line(leaving_at, &leaving, -log(1 + s + c * ratio), LOG_STEP, 1, s + c);
	}
	return fmin(value, 1);
}

/* Terms of the sum below that cost as much as quadrature, and the least logarithm of its first. */
#define MOST_TERMS		2500.0
#define LEAST_LOG		(-690.0)

/*
 * N, orders if none were the last, is negative binomial; order j + 1 comes when N > j and none of
 * j was the last: the sum over j of P(N > j) E[(1 - p)^j].  All terms are positive; it is
 * the published 2F1, by Pfaff's transformation, without its difference and its pole at a = 1.
 */
static double
orders_sum(double k, double z, double log_none, double a, double b)
{
	double		count = exp(log_none);	/* P(N = j) */
	double		more = -expm1(log_none);	/* P(N > j) */
	double		going_on = 1;	/* E[(1 - p)^j] */
	double		sum = more;
	double		rounding = more * (DBL_EPSILON / 4);
	double		enough = rounding * (1 - z);
	int			j;

	for (j = 1; more > rounding; j++)
	{
		count *= (k + (j - 1)) / j * z;
		more -= count;
		/* behind the mean counts fall by z or faster: what they add up to is known, too */
		if ((j > k * z / (1 - z) && count <= enough) || more * going_on <= enough)
			break;
		going_on *= (b + (j - 1)) / (a + b + (j - 1));
		sum += more * going_on;
	}
	return sum;
}

/* Where the logarithm of the beta function has lost five digits. */
#define LARGE			1e4

typedef struct Lasting
{
	double		k;				/* 0: the density alone */
	double		y;
	double		a;
	double		b;
	double		log_beta;
} Lasting;

/* The integrand over t = log(p / (1 - p)), whose beta density is p^a (1 - p)^b / B(a, b). */
static double
orders_at(double t, void *arg)
{
	const Lasting *lasting = arg;
	double		log_p = -log1p_exp(-t);
	double		density = exp(lasting->a * log_p + lasting->b * (log_p - t) - lasting->log_beta);
	double		p = exp(log_p);
	double		exponent = lasting->k * log1p(p * lasting->y);

	if (lasting->k == 0)
		return density;
	return density * (exponent < 1e-15 ? lasting->k * lasting->y : -expm1(-exponent) / p);
}

double
ecapi_orders_before_last(double k, double y, double a, double b)
{
	double		z = y / (1 + y);
	double		log_none = -k * log1p(y);
	Lasting		lasting = {k, y, a, b, 0};
	double		scale = 1;
	double		step;

	if (!(k > 0 && y >= 0 && a > 0 && b > 0))
		return NAN;
	if (y == 0)
		return 0;
	/* the mean of N, and what it takes from there to the last digit */
	if ((k + 36) * (1 + y) <= MOST_TERMS && log_none >= LEAST_LOG)
		return orders_sum(k, z, log_none, a, b);
	/* beta's density has a width, which for large a and b is narrower than the step */
	step = fmin(LOG_STEP, sqrt(1 / a + 1 / b) / 2.5);
	lasting.log_beta = lgamma(a) - ecapi_log_rising(b, a);
	if (a + b > LARGE)
	{
		/* the same error in both integrals */
		Lasting		density = {0, y, a, b, lasting.log_beta};

		scale = ecapi_integrate_line(orders_at, &density, log(a / b), step, a, b);
	}
	return fmin(k * y, ecapi_integrate_line(orders_at, &lasting, log(a / b), step, a, b) / scale);
}
