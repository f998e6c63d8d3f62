/*
 * inverse.h
 *	  Variances from the curvature of a likelihood: the diagonal of an inverted Hessian.
 *
 * Pure C: no server header, no I/O, no memory.
 */
#ifndef ECAPI_INVERSE_H
#define ECAPI_INVERSE_H

#include <stdbool.h>

/*
 * The diagonal of the inverse of a symmetric n x n matrix, whose lower half is read and
 * which is overwritten.  False, and diagonal unset, where the matrix is not positive
 * definite: where a pivot of its Cholesky factor is at most least_pivot, the relative error
 * of its entries, of the entry that it stems from.
 */
extern bool ecapi_inverse_diagonal(int n, double *matrix, double least_pivot, double *diagonal);

#endif							/* ECAPI_INVERSE_H */
