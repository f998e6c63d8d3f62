/*
 * inverse.c
 *	  Variances from the curvature of a likelihood: the diagonal of an inverted Hessian.
 *
 * The matrix is L L' (Cholesky), its inverse L'^-1 L^-1, so that entry j of the diagonal is
 * the squared length of column j of L^-1.  No I/O, no memory, no state.
 */
#include "model/inverse.h"

#include <math.h>

/* L in place of the lower half. */
static bool
factorize(int n, double *matrix, double least_pivot)
{
	int			i;
	int			j;
	int			k;

	for (i = 0; i < n; i++)
	{
		double	   *row = matrix + i * n;
		double		diagonal = row[i];

		for (j = 0; j <= i; j++)
		{
			const double *other = matrix + j * n;
			double		sum = row[j];

			for (k = 0; k < j; k++)
				sum -= row[k] * other[k];
			if (j < i)
				row[j] = sum / other[j];
			else if (sum > least_pivot * diagonal)
				row[j] = sqrt(sum);
			else
				return false;
		}
	}
	return true;
}

bool
ecapi_inverse_diagonal(int n, double *matrix, double least_pivot, double *diagonal)
{
	int			i;
	int			j;
	int			k;

	if (!factorize(n, matrix, least_pivot))
		return false;
	for (j = 0; j < n; j++)
	{
		/* column j of L^-1 below its diagonal stands in the unused half: in row j */
		double	   *column = matrix + j * n;
		double		top = 1 / column[j];

		diagonal[j] = top * top;
		for (i = j + 1; i < n; i++)
		{
			const double *row = matrix + i * n;
			double		sum = row[j] * top;

			for (k = j + 1; k < i; k++)
				sum += row[k] * column[k];
			column[i] = -sum / row[i];
			diagonal[j] += column[i] * column[i];
		}
	}
	return true;
}
