/*
 * leaving.h
 *	  ecapi_leaves_first for many ratios at once, with its derivatives.
 *
 * The Pareto/NBD likelihood needs that function twice a history, and its derivatives for the
 * gradient.  For customers of one count it is a smooth function of one number, the logarithm
 * of the ratio; so it is interpolated between a few dozen points.
 */
#ifndef ECAPI_LEAVING_H
#define ECAPI_LEAVING_H

/* Points of an interpolation; 12 and 24 are tried first. */
#define ECAPI_LEAVING_POINTS	48

typedef struct EcapiLeaving
{
	double		c;
	double		s;
	double		middle;			/* of the logarithms of ratios */
	double		half;			/* of their range */
	int			n;				/* points; 0: not interpolated */
	double		series[ECAPI_LEAVING_POINTS][4];	/* of Chebyshev polynomials: value, by c, by s;
													 * the fourth is for the processor's vectors */
} EcapiLeaving;

typedef struct EcapiLeft
{
	double		first;			/* ecapi_leaves_first(c, s, ratio) */
	double		by_c;
	double		by_s;
	double		by_log_ratio;
} EcapiLeft;

/*
 * Prepare for ratios whose logarithms lie between two.  uses is how often it will be asked: a few
 * times are cheaper without the interpolation.
 */
extern void ecapi_leaving_set(EcapiLeaving *leaving, double c, double s,
							  double log_ratio_one, double log_ratio_other, double uses);

/* The same for the value alone, in a fifth of the time. */
extern void ecapi_leaving_set_value(EcapiLeaving *leaving, double c, double s,
									double log_ratio_one, double log_ratio_other);

/* The value at a ratio whose logarithm lies in the range; relative error below 1e-10. */
extern double ecapi_leaving_value(const EcapiLeaving *leaving, double log_ratio);

/*
 * The function and its derivatives at a ratio whose logarithm lies in the range; relative error
 * of the value below 1e-10, absolute error of the derivatives below 1e-6, mostly 1e-8.
 */
extern void ecapi_leaving_get(const EcapiLeaving *leaving, double log_ratio, EcapiLeft *left);

#endif							/* ECAPI_LEAVING_H */
