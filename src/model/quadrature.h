/*
 * quadrature.h
 *	  Integrals over a line of functions that are analytic around it and fall exponentially.
 *
 * For these the plain trapezoidal rule converges exponentially (Trefethen and Weideman, SIAM
 * Review 56, 2014): where the function stays bounded as far as d to both sides of the line, the error
 * is about exp(-2 pi d / step).
 */
#ifndef ECAPI_QUADRATURE_H
#define ECAPI_QUADRATURE_H

typedef double (*EcapiIntegrand) (double t, void *arg);

/*
 * Over all t.  The integrand is not negative, positive at centre, has one maximum, and far from
 * there falls as exp(left * t) to the left and exp(-right * t) to the right, left and right > 0;
 * it may fall faster before.  At most 20,000 evaluations, usually 200 to 400.
 */
extern double ecapi_integrate_line(EcapiIntegrand integrand, void *arg, double centre, double step,
								   double left, double right);

#endif							/* ECAPI_QUADRATURE_H */
