/*
 * decimal.c
 *	  Decimal fractions, and scaling a number by one without a float's noise.
 *
 * Money is text from end to end (see event/value.h), so it is multiplied as
 * text: digit by digit from the right, with a carry, exactly.  What a double
 * would make of 129.9 * 0.1 (12.990000000000002) cannot come up.  Fifteen digits
 * are kept because every double, which is what a receiver will make of the
 * number, can tell numbers of fifteen digits apart.
 *
 * No locks, no state; no locale.
 */
#include "destination/decimal.h"

#include <stdio.h>
#include <string.h>

#include "event/scan.h"

/*
 * A number taken apart: digits (values 0 to 9, the first not 0) times
 * 10^exponent.  n is 0 for zero.
 */
typedef struct Digits
{
	uint8_t    *at;
	size_t		n;
	int64_t		exponent;
	bool		negative;
} Digits;

/* Behind this exponent a number is out of range or nothing, whatever follows. */
#define EXPONENT_CAP	1000000

/* "-0.00000" and the exponent: what a printed number has beside its digits. */
#define FRAME			32

/* A number below 1 has at most that many zeros behind the point when written plainly. */
#define PLAIN_ZEROS		6

bool
ecapi_decimal_read(const char *text, size_t len, EcapiDecimal *decimal)
{
	const uint64_t limit = UINT64_C(1000000000000000);	/* 10^15 */
	bool		point = false;
	size_t		i;

	decimal->digits = 0;
	decimal->scale = 0;
	for (i = 0; i < len; i++)
	{
		char		c = text[i];

		if (c == '.' && !point && i > 0 && i < len - 1)
		{
			point = true;
			continue;
		}
		if (c < '0' || c > '9')
			return false;
		decimal->digits = decimal->digits * 10 + (uint64_t) (c - '0');
		decimal->scale += point;
		if (decimal->digits >= limit || decimal->scale > ECAPI_DECIMAL_DIGITS)
			return false;
	}
	return len > 0;
}

double
ecapi_decimal_double(EcapiDecimal decimal)
{
	double		power = 1;
	int			i;

	/* both are exact, so the quotient is the nearest double */
	for (i = 0; i < decimal.scale; i++)
		power *= 10;
	return (double) decimal.digits / power;
}

static int64_t
read_exponent(const char *text, size_t len)
{
	bool		negative = len > 0 && text[0] == '-';
	int64_t		exponent = 0;
	size_t		i;

	for (i = len > 0 && (text[0] == '-' || text[0] == '+'); i < len; i++)
	{
		if (exponent < EXPONENT_CAP)
			exponent = exponent * 10 + (text[i] - '0');
	}
	return negative ? -exponent : exponent;
}

/* Take a JSON number apart; digits->at has room for len of them. */
static void
take_apart(const char *text, size_t len, Digits *digits)
{
	bool		point = false;
	size_t		i;

	digits->n = 0;
	digits->exponent = 0;
	digits->negative = len > 0 && text[0] == '-';
	for (i = digits->negative; i < len; i++)
	{
		if (text[i] == '.')
		{
			point = true;
			continue;
		}
		if (text[i] == 'e' || text[i] == 'E')
		{
			digits->exponent += read_exponent(text + i + 1, len - i - 1);
			break;
		}
		if (digits->n > 0 || text[i] != '0')
			digits->at[digits->n++] = (uint8_t) (text[i] - '0');
		digits->exponent -= point;
	}
}

/* Multiply, from the right; the room in front of at takes what is carried out. */
static void
multiply(Digits *digits, EcapiDecimal factor)
{
	uint64_t	carry = 0;
	size_t		i;

	if (digits->n == 0)
		return;
	for (i = digits->n; i > 0; i--)
	{
		/* below 9 * 10^15 and a carry of a tenth of it: far inside 64 bits */
		carry += digits->at[i - 1] * factor.digits;
		digits->at[i - 1] = (uint8_t) (carry % 10);
		carry /= 10;
	}
	while (carry > 0)
	{
		*--digits->at = (uint8_t) (carry % 10);
		digits->n++;
		carry /= 10;
	}
	digits->exponent -= factor.scale;
}

/*
 * Keep that many digits, halves away from zero; no zeros at the end.  The room in
 * front of at takes what is carried out of the first.
 */
static void
round_off(Digits *digits, size_t keep)
{
	if (digits->n > keep)
	{
		bool		up = digits->at[keep] >= 5;
		size_t		i = keep;

		digits->exponent += (int64_t) (digits->n - keep);
		digits->n = keep;
		while (up && i > 0)
		{
			i--;
			up = digits->at[i] == 9;
			digits->at[i] = up ? 0 : digits->at[i] + 1;
		}
		if (up)
		{
			/* all nines, or none: one and zeros, which are cut off below */
			*--digits->at = 1;
			digits->n++;
		}
	}
	while (digits->n > 0 && digits->at[digits->n - 1] == 0)
	{
		digits->n--;
		digits->exponent++;
	}
}

static char *
print_digits(char *to, const uint8_t *digits, int64_t n)
{
	while (n-- > 0)
		*to++ = (char) ('0' + *digits++);
	return to;
}

static char *
print_zeros(char *to, int64_t n)
{
	while (n-- > 0)
		*to++ = '0';
	return to;
}

/* At most fifteen digits as a JSON number; returns its end. */
static char *
print_number(char *to, const Digits *digits)
{
	int64_t		n = (int64_t) digits->n;
	int64_t		whole = n + digits->exponent;	/* digits before the point */

	if (n == 0)
	{
		*to++ = '0';
		return to;
	}
	if (digits->negative)
		*to++ = '-';
	if (whole > 0 && whole <= ECAPI_DECIMAL_DIGITS)
	{
		to = print_digits(to, digits->at, whole < n ? whole : n);
		to = print_zeros(to, whole - n);
		if (whole < n)
		{
			*to++ = '.';
			to = print_digits(to, digits->at + whole, n - whole);
		}
		return to;
	}
	if (whole <= 0 && whole >= -PLAIN_ZEROS)
	{
		*to++ = '0';
		*to++ = '.';
		to = print_zeros(to, -whole);
		return print_digits(to, digits->at, n);
	}
	to = print_digits(to, digits->at, 1);
	if (n > 1)
	{
		*to++ = '.';
		to = print_digits(to, digits->at + 1, n - 1);
	}
	return to + sprintf(to, "e%lld", (long long) (whole - 1));
}

const char *
ecapi_decimal_scale(EcapiArena *arena, const char *text, size_t len,
					EcapiDecimal factor, size_t *product_len)
{
	EcapiNumber number;
	Digits		digits;
	uint8_t    *room;
	char	   *product;
	char	   *end;

	if (!ecapi_scan_number(text, len, &number))
		return NULL;
	room = ecapi_arena_alloc(arena, ECAPI_DECIMAL_DIGITS + 1 + len);
	product = ecapi_arena_alloc(arena, ECAPI_DECIMAL_DIGITS + FRAME);
	if (room == NULL || product == NULL)
		return NULL;
	digits.at = room + ECAPI_DECIMAL_DIGITS + 1;
	take_apart(text, len, &digits);
	multiply(&digits, factor);
	round_off(&digits, ECAPI_DECIMAL_DIGITS);
	end = print_number(product, &digits);
	*end = '\0';
	*product_len = (size_t) (end - product);
	return ecapi_scan_number(product, *product_len, &number) ? product : NULL;
}

const char *
ecapi_decimal_plain(const char *text, size_t len, char memory[ECAPI_DECIMAL_PLAIN_SIZE],
					size_t *plain_len)
{
	uint8_t		room[ECAPI_DECIMAL_PLAIN_SIZE + 1];
	Digits		digits = {.at = room + 1};
	EcapiNumber number;

	*plain_len = len;
	if (!ecapi_scan_number(text, len, &number))
		return NULL;
	if (memchr(text, 'e', len) == NULL && memchr(text, 'E', len) == NULL)
		return text;
	if (len >= ECAPI_DECIMAL_PLAIN_SIZE)
		return NULL;
	take_apart(text, len, &digits);
	round_off(&digits, ECAPI_DECIMAL_DIGITS);
	*print_number(memory, &digits) = '\0';
	*plain_len = strlen(memory);
	return strchr(memory, 'e') == NULL ? memory : NULL;
}

bool
ecapi_decimal_count(EcapiArena *arena, const char *text, size_t len, int decimals,
					int64_t *count)
{
	EcapiDecimal factor = {1, 0};
	EcapiNumber number;
	const char *product;
	size_t		product_len;

	for (; decimals > 0; decimals--)
		factor.digits *= 10;
	product = ecapi_decimal_scale(arena, text, len, factor, &product_len);
	/* from 15 digits on, the product may have been rounded */
	if (product == NULL || !ecapi_scan_number(product, product_len, &number) ||
		!number.integral || number.whole < 0 || number.whole >= INT64_C(100000000000000))
		return false;
	*count = number.whole;
	return true;
}

const char *
ecapi_decimal_round(EcapiArena *arena, const char *text, size_t len, int decimals,
					size_t *rounded_len)
{
	EcapiNumber number;
	Digits		digits;
	uint8_t    *room;
	char	   *rounded;
	char	   *end;
	int64_t		keep;

	*rounded_len = len;
	if (!ecapi_scan_number(text, len, &number))
		return NULL;
	room = ecapi_arena_alloc(arena, 1 + len);
	rounded = ecapi_arena_alloc(arena, ECAPI_DECIMAL_DIGITS + FRAME);
	if (room == NULL || rounded == NULL)
		return NULL;
	digits.at = room + 1;
	take_apart(text, len, &digits);
	if (digits.exponent >= -decimals)
		return text;
	/* how many digits stand up to the last decimal; fewer than none: it is zero */
	keep = (int64_t) digits.n + digits.exponent + decimals;
	if (keep < 0)
		digits.n = 0;
	else
		round_off(&digits, (size_t) keep);
	round_off(&digits, ECAPI_DECIMAL_DIGITS);
	end = print_number(rounded, &digits);
	*end = '\0';
	*rounded_len = (size_t) (end - rounded);
	return rounded;
}
