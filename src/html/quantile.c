/*
 * quantile.c
 *	  A quantile of values that are not in order; see quantile.h.
 *
 * Hoare's selection: the part that has the wanted rank is divided at a value of its own
 * until it is one value.  That value is the middle one of three, so values that are in order
 * already are divided in halves; and values that are equal to it are exchanged, so that many
 * equal ones are, too.
 */
#include <math.h>

#include "html/quantile.h"

static double
middle_of(double a, double b, double c)
{
	return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

double
ecapi_quantile(double *values, size_t n, double share)
{
	double		rank = fmax(fmin(ceil(share * (double) n), (double) n), 1);
	ptrdiff_t	wanted = (ptrdiff_t) rank - 1;
	ptrdiff_t	from = 0;
	ptrdiff_t	to = (ptrdiff_t) n - 1;

	while (from < to)
	{
		double		pivot = middle_of(values[from], values[from + (to - from) / 2], values[to]);
		ptrdiff_t	low = from;
		ptrdiff_t	high = to;

		while (low <= high)
		{
			double		moved = values[low];

			if (moved < pivot)
				low++;
			else if (values[high] > pivot)
				high--;
			else
			{
				values[low++] = values[high];
				values[high--] = moved;
			}
		}
		/* up to high none is above the pivot, from low on none below, between them all are it */
		if (wanted <= high)
			to = high;
		else if (wanted >= low)
			from = low;
		else
			return pivot;
	}
	return values[wanted];
}

size_t
ecapi_every_second(double *values, size_t n)
{
	for (size_t i = 0; i < n / 2; i++)
		values[i] = values[2 * i + 1];
	return n / 2;
}
