/*
 * test_inverse.c
 *	  Variances from a curvature: by hand, and of random matrices.  ECAPI_SEED repeats these.
 */
#include "draw.h"
#include "model/inverse.h"
#include "unit.h"

#define MOST	20

/* Entry j of the inverse's diagonal, by eliminating (Gauss and Jordan). */
static double
eliminated(int n, const double *matrix, int j)
{
	double		m[MOST][MOST + 1];
	int			i;
	int			k;
	int			c;

	for (i = 0; i < n; i++)
	{
		for (k = 0; k < n; k++)
			m[i][k] = matrix[i * n + k];
		m[i][n] = i == j;
	}
	for (k = 0; k < n; k++)
		for (i = 0; i < n; i++)
		{
			double		factor = m[i][k] / m[k][k];

			for (c = 0; i != k && c <= n; c++)
				m[i][c] -= factor * m[k][c];
		}
	return m[j][n] / m[j][j];
}

int
main(void)
{
	double		known[] = {2, 1, 1, 2};
	double		singular[] = {1, 1, 1, 1};
	double		indefinite[] = {1, 2, 2, 1};
	double		nothing[] = {NAN};
	double		diagonal[MOST];
	bool		good = true;
	int			round;

	seed_draws();
	check(ecapi_inverse_diagonal(2, known, 1e-12, diagonal) && fabs(diagonal[0] - 2.0 / 3) < 1e-15 &&
		  fabs(diagonal[1] - 2.0 / 3) < 1e-15, "two by two");
	check(!ecapi_inverse_diagonal(2, singular, 1e-12, diagonal), "a singular matrix has none");
	check(!ecapi_inverse_diagonal(2, indefinite, 1e-12, diagonal), "one of a saddle has none");
	check(!ecapi_inverse_diagonal(1, nothing, 1e-12, diagonal), "nor has what is no number");
	for (round = 0; round < 200; round++)
	{
		int			n = 1 + (int) draw(MOST);
		double		root[MOST * MOST];
		double		matrix[MOST * MOST];
		double		held[MOST * MOST];
		int			i;
		int			j;
		int			k;

		for (i = 0; i < n * n; i++)
			root[i] = draw_normal();
		for (i = 0; i < n; i++)
			for (j = 0; j < n; j++)
			{
				matrix[i * n + j] = i == j ? 0.1 : 0;
				for (k = 0; k < n; k++)
					matrix[i * n + j] += root[i * n + k] * root[j * n + k];
			}
		memcpy(held, matrix, sizeof(double) * (size_t) (n * n));
		good = good && ecapi_inverse_diagonal(n, matrix, 1e-12, diagonal);
		for (j = 0; j < n; j++)
			good = good && fabs(diagonal[j] / eliminated(n, held, j) - 1) < 1e-6;
	}
	check(good, "the diagonal is that of elimination");
	return unit_done();
}
