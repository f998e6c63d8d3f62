/*
 * figures.c
 *	  Figures as readers see them; see figures.h.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "html/figures.h"

#define DIGITS "0123456789"
#define MINUS "\xE2\x88\x92"

void
ecapi_figure_grouped(const char *digits, char *out, size_t size)
{
	const char *whole = digits + (*digits == '-');
	size_t		n = strspn(whole, DIGITS);
	const char *rest = whole + n;
	size_t		fraction = *rest == '.' ? 1 + strspn(rest + 1, DIGITS) : 0;
	size_t		needed = strlen(digits) + n / 3 + sizeof(MINUS);
	char	   *at = out;

	if (n == 0 || rest[fraction] != '\0' || needed > size)
	{
		snprintf(out, size, "%s", digits);
		return;
	}
	if (*digits == '-')
	{
		memcpy(at, MINUS, 3);
		at += 3;
	}
	for (size_t i = 0; i < n; i++)
	{
		if (i > 0 && (n - i) % 3 == 0)
			*at++ = ',';
		*at++ = whole[i];
	}
	memcpy(at, rest, fraction + 1);
}

void
ecapi_figure_compact(double value, char out[ECAPI_FIGURE_SIZE])
{
	static const char *const units[] = {"", "k", "M", "bn", "tn"};
	const char *sign = value < 0 ? MINUS : "";
	double		size = fabs(value);
	int			unit = 0;

	if (!isfinite(value) || size >= 1e15)
	{
		snprintf(out, ECAPI_FIGURE_SIZE, isfinite(value) ? "%s%.0e" : "%s\xE2\x80\x93", sign, size);
		return;
	}
	/* what would be rounded up to a thousand has the next unit */
	while (size >= 999.5 && unit < 4)
	{
		size /= 1000;
		unit++;
	}
	if (size == floor(size) || size >= 99.95)
		snprintf(out, ECAPI_FIGURE_SIZE, "%s%.0f%s", sign, size, units[unit]);
	else if (size >= 0.1)
		snprintf(out, ECAPI_FIGURE_SIZE, "%s%.1f%s", sign, size, units[unit]);
	else
		snprintf(out, ECAPI_FIGURE_SIZE, "%s%.2g%s", sign, size, units[unit]);
}

void
ecapi_figure_time(double ms, char out[ECAPI_FIGURE_SIZE])
{
	static const struct
	{
		double		from;
		double		by;
		const char *unit;
	}			units[] = {{864e5, 864e5, "d"}, {36e5, 36e5, "h"}, {6e4, 6e4, "min"}, {999.5, 1e3, "s"}};

	if (!isfinite(ms))
	{
		snprintf(out, ECAPI_FIGURE_SIZE, "\xE2\x80\x93");
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (fabs(ms) >= units[i].from)
		{
			snprintf(out, ECAPI_FIGURE_SIZE, "%.1f %s", ms / units[i].by, units[i].unit);
			return;
		}
	snprintf(out, ECAPI_FIGURE_SIZE, fabs(ms) < 10 ? "%.1f ms" : "%.0f ms", ms);
}

void
ecapi_figure_share(double part, double whole, char out[ECAPI_FIGURE_SIZE])
{
	double		percent = 100 * part / whole;

	if (!isfinite(percent))
		snprintf(out, ECAPI_FIGURE_SIZE, "\xE2\x80\x93");
	else if (part > 0 && percent < 0.05)
		snprintf(out, ECAPI_FIGURE_SIZE, "<0.1 %%");
	else if (part < whole && percent > 99.95)
		snprintf(out, ECAPI_FIGURE_SIZE, ">99.9 %%");
	else
		snprintf(out, ECAPI_FIGURE_SIZE, "%.1f %%", percent);
}
