/*
 * special.h
 *	  The special functions of the models, in double precision, by forms that do not cancel.
 *
 * All arguments are finite; what is outside of the stated range gives NaN, not a trap.
 */
#ifndef ECAPI_SPECIAL_H
#define ECAPI_SPECIAL_H

/* log(Gamma(a + n) / Gamma(a)), a > 0, n >= 0; relative error below 1e-13 up to a = 1e13. */
extern double ecapi_log_rising(double a, double n);

/* Its derivative by a: psi(a + n) - psi(a); relative error below 1e-12 (n >= 1). */
extern double ecapi_digamma_rising(double a, double n);

/* psi(a), the derivative of log(Gamma(a)), a > 0; absolute error below 1e-14 * (1 + |psi(a)|). */
extern double ecapi_digamma(double a);

/*
 * The hypergeometric function 2F1(1, b; c; z), b > 0, c > 1, c - b >= 0, z <= 0; relative error
 * below 1e-12.  NaN where more than 4,000 steps would be needed, which is never so for
 * z >= -10,000.  For 0 < z < 1 use 2F1(1, b; c; z) = 2F1(1, c - b; c; z / (z - 1)) / (1 - z).
 */
extern double ecapi_hyper_unit(double b, double c, double z);

/*
 * Two clocks run from now: a customer orders at a gamma-distributed rate (shape c, scale A)
 * and leaves at another (shape s, scale B).  The probability that it leaves before it orders,
 *
 *	   s * integral over u > 0 of (1 + u/B)^-(s+1) (1 + u/A)^-c du / B  =
 *	   s / (c + s) * 2F1(1, c; c + s + 1; 1 - B/A)
 *
 * with ratio = B/A > 0, c > 0, s > 0.  In [0, 1]; relative error below 1e-10.
 */
extern double ecapi_leaves_first(double c, double s, double ratio);

/*
 * The expectation over p, distributed beta(a, b), of (1 - (1 + p y)^-k) / p, with a, b, k > 0
 * and y >= 0: of gamma-distributed orders (shape k, y the time over the scale) each of which is
 * the last with probability p, how many come.  At most k y; relative error below 1e-10.
 */
extern double ecapi_orders_before_last(double k, double y, double a, double b);

#endif							/* ECAPI_SPECIAL_H */
