/*
 * transform.c
 *	  The value of an event, told less exactly: the option value_transform.
 *
 *	cap 99%		What is above the value that 99 % of values do not exceed leaves as that
 *				value; what is not above it, as it is.
 *	log			ln(1 + value).  Below 0 it is mirrored, -ln(1 - value), so that a loss stays
 *				one and order is kept.  It is a number of its own, not an amount of money:
 *				ten times the value adds 2.3.  Anybody can compute the value back.
 *	buckets 10	The mean of the tenth of values that it lies in, so what leaves adds up to
 *				what there was.  What lies outside of all that was measured belongs to the
 *				first or the last bucket.
 *
 * Invariants
 *	(1) The order of values is kept: of two values the larger never leaves as less.
 *	(2) Money is text from end to end: a cap and a mean leave with the digits that they
 *		were measured with.  Doubles only decide which, and can tell numbers of
 *		fifteen digits apart.  Rounding comes after it, once (reduce.c).
 *	(3) Where a measurement is needed and there is none, there is no result.
 *
 * No locks, no state.  Numbers are written by hand, so no locale matters.
 */
#include "destination/transform.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/closest.h"
#include "event/scan.h"

/* Decimals of a logarithm: beyond those of any currency and of value_digits. */
#define LOG_DECIMALS	9
#define LOG_UNIT		INT64_C(1000000000)

/* "-709.782712893" and the NUL. */
#define LOG_SIZE		24

static const char *const words[] = {"cap", "log", "buckets", NULL};

static const char *
word_nth(int i, void *arg)
{
	(void) arg;
	return words[i];
}

/* ---- reading and writing the option ---- */

/* Digits, perhaps a point and one or two more, as a count of hundredths; -1: it is none. */
static long
read_hundredths(const char *text, size_t len)
{
	long		number = 0;
	int			decimals = -1;
	size_t		i;

	for (i = 0; i < len && i < 9; i++)
	{
		if (text[i] == '.' && decimals < 0 && i > 0 && i < len - 1)
			decimals = 0;
		else if (text[i] < '0' || text[i] > '9' || decimals == 2)
			return -1;
		else
		{
			number = number * 10 + (text[i] - '0');
			decimals += decimals >= 0;
		}
	}
	if (len == 0 || i < len)
		return -1;
	for (decimals = decimals < 0 ? 0 : decimals; decimals < 2; decimals++)
		number *= 10;
	return number;
}

static int
clamp(long number, int min, int max)
{
	return number < min ? min : number > max ? max : (int) number;
}

/* What a cap is called in a text after the word; 0.99 and 99 mean 99%. */
static void
guess_cap(const char *rest, EcapiTransform *meant)
{
	long		number = read_hundredths(rest, strcspn(rest, "% "));

	meant->kind = ECAPI_TRANSFORM_CAP;
	if (number > 0 && number < 100)
		number *= 100;
	meant->number = number < 0 ? 9900 : clamp(number, ECAPI_CAP_MIN, ECAPI_CAP_MAX);
}

static void
guess_buckets(const char *rest, EcapiTransform *meant)
{
	long		number = read_hundredths(rest, strspn(rest, "0123456789"));

	meant->kind = ECAPI_TRANSFORM_BUCKETS;
	meant->number = number < 0 ? 10 : clamp(number / 100, ECAPI_BUCKETS_MIN, ECAPI_BUCKETS_MAX);
}

/* What was probably meant; false: nobody knows. */
static bool
guess(const char *text, EcapiTransform *meant)
{
	size_t		len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	const char *word = len == 2 && strncmp(text, "ln", 2) == 0 ? "log"
		: ecapi_closest(text, len, word_nth, NULL);
	const char *rest = text + len + strspn(text + len, " ");

	if (word == NULL)
		return false;
	if (strcmp(word, "cap") == 0)
		guess_cap(rest, meant);
	else if (strcmp(word, "buckets") == 0)
		guess_buckets(rest, meant);
	else
		*meant = (EcapiTransform) {ECAPI_TRANSFORM_LOG, 0};
	return true;
}

bool
ecapi_transform_read(const char *text, EcapiTransform *transform,
					 char memory[ECAPI_TRANSFORM_SIZE], const char **closest)
{
	size_t		len = strlen(text);
	EcapiTransform meant;
	long		number;

	*closest = NULL;
	if (strcmp(text, "log") == 0)
	{
		*transform = (EcapiTransform) {ECAPI_TRANSFORM_LOG, 0};
		return true;
	}
	if (strncmp(text, "cap ", 4) == 0 && text[len - 1] == '%')
	{
		number = read_hundredths(text + 4, len - 5);
		if (number >= ECAPI_CAP_MIN && number <= ECAPI_CAP_MAX)
		{
			*transform = (EcapiTransform) {ECAPI_TRANSFORM_CAP, (int) number};
			return true;
		}
	}
	if (strncmp(text, "buckets ", 8) == 0 && strspn(text + 8, "0123456789") == len - 8)
	{
		number = read_hundredths(text + 8, len - 8);
		if (number >= ECAPI_BUCKETS_MIN * 100 && number <= ECAPI_BUCKETS_MAX * 100)
		{
			*transform = (EcapiTransform) {ECAPI_TRANSFORM_BUCKETS, (int) (number / 100)};
			return true;
		}
	}
	if (guess(text, &meant))
	{
		ecapi_transform_print(meant, memory);
		*closest = memory;
	}
	return false;
}

void
ecapi_transform_print(EcapiTransform transform, char text[ECAPI_TRANSFORM_SIZE])
{
	int			whole = transform.number / 100;
	int			rest = transform.number % 100;

	switch (transform.kind)
	{
		case ECAPI_TRANSFORM_CAP:
			if (rest == 0)
				snprintf(text, ECAPI_TRANSFORM_SIZE, "cap %d%%", whole);
			else if (rest % 10 == 0)
				snprintf(text, ECAPI_TRANSFORM_SIZE, "cap %d.%d%%", whole, rest / 10);
			else
				snprintf(text, ECAPI_TRANSFORM_SIZE, "cap %d.%02d%%", whole, rest);
			break;
		case ECAPI_TRANSFORM_LOG:
			snprintf(text, ECAPI_TRANSFORM_SIZE, "log");
			break;
		case ECAPI_TRANSFORM_BUCKETS:
			snprintf(text, ECAPI_TRANSFORM_SIZE, "buckets %d", transform.number);
			break;
		case ECAPI_TRANSFORM_NONE:
			text[0] = '\0';
			break;
	}
}

/* ---- quantiles ---- */

bool
ecapi_transform_is_measured(EcapiTransform transform)
{
	return transform.kind == ECAPI_TRANSFORM_CAP || transform.kind == ECAPI_TRANSFORM_BUCKETS;
}

int64_t
ecapi_transform_values_min(EcapiTransform transform)
{
	if (transform.kind == ECAPI_TRANSFORM_BUCKETS)
		return (int64_t) transform.number * ECAPI_TRANSFORM_VALUES_MIN;
	if (transform.kind == ECAPI_TRANSFORM_CAP)
		return (ECAPI_TRANSFORM_VALUES_MIN * INT64_C(10000) + 9999 - transform.number) /
			(10000 - transform.number);
	return 0;
}

int64_t
ecapi_transform_rank(EcapiTransform transform, int64_t n, int i)
{
	int64_t		share = transform.kind == ECAPI_TRANSFORM_CAP ? transform.number : i;
	int64_t		whole = transform.kind == ECAPI_TRANSFORM_CAP ? 10000 : transform.number;

	/* n * share / whole, rounded up, without the product */
	return n / whole * share + (n % whole * share + whole - 1) / whole;
}

/* ---- applying ---- */

static const EcapiMeasuredKind *
find_kind(const EcapiMeasured *measured, int type, const char *currency)
{
	int			i;

	for (i = 0; measured != NULL && currency != NULL && i < measured->nkinds; i++)
	{
		const EcapiMeasuredKind *kind = &measured->kinds[i];

		if (kind->type == type && strcmp(kind->currency, currency) == 0)
			return kind->namounts == 0 ? NULL : kind;
	}
	return NULL;
}

/* How many of the bounds, which rise, lie below the value: the place of its bucket. */
static int
place_of(const EcapiMeasuredKind *kind, double value)
{
	int			low = 0;
	int			high = kind->nbounds;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (kind->bounds[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const char *
logarithm(EcapiArena *arena, double value, size_t *len)
{
	int64_t		parts = llround(log1p(fabs(value)) * (double) LOG_UNIT);
	char	   *text = ecapi_arena_alloc(arena, LOG_SIZE);

	if (text == NULL)
		return NULL;
	*len = (size_t) snprintf(text, LOG_SIZE, "%s%lld.%0*lld", value < 0 && parts > 0 ? "-" : "",
							 (long long) (parts / LOG_UNIT), LOG_DECIMALS,
							 (long long) (parts % LOG_UNIT));
	while (text[*len - 1] == '0')
		(*len)--;
	if (text[*len - 1] == '.')
		(*len)--;
	text[*len] = '\0';
	return text;
}

const char *
ecapi_transform_apply(EcapiTransform transform, const EcapiMeasured *measured,
					  EcapiArena *arena, int type, const char *currency,
					  const char *text, size_t len, size_t *result_len, const char **reason)
{
	const EcapiMeasuredKind *kind;
	EcapiNumber number;
	double		value;
	int			place;

	*result_len = len;
	*reason = NULL;
	if (!ecapi_scan_number(text, len, &number))
	{
		*reason = "value out of range";
		return NULL;
	}
	if (transform.kind == ECAPI_TRANSFORM_NONE)
		return text;
	value = strtod(text, NULL);
	if (transform.kind == ECAPI_TRANSFORM_LOG)
		return logarithm(arena, value, result_len);
	kind = find_kind(measured, type, currency);
	if (kind == NULL || kind->namounts !=
		kind->nbounds + (transform.kind == ECAPI_TRANSFORM_BUCKETS))
	{
		*reason = "value not measured";
		return NULL;
	}
	place = place_of(kind, value);
	if (transform.kind == ECAPI_TRANSFORM_CAP)
	{
		if (place == 0)
			return text;
		place = 0;
	}
	*result_len = strlen(kind->amounts[place]);
	return kind->amounts[place];
}
