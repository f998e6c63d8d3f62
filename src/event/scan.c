/*
 * scan.c
 *	  Numbers, times and addresses in texts.
 *
 * Nothing here uses strtod() or the like: those follow the locale, and take
 * what JSON does not.  The limits of numbers are those of receivers: most
 * parsers keep a number as a double or as a 64-bit integer, and silently
 * saturate what is larger.  A purchase of the wrong amount is worse than one
 * that is refused.
 */
#include "event/scan.h"

#include <string.h>

#include <arpa/inet.h>

#include "event/ascii.h"

/*
 * A double reaches about 1.8e308.  Below 1e308 every number is finite,
 * without computing it.
 */
#define MAX_MAGNITUDE	308

/* Add one digit to the integer part, towards the sign's end of int64. */
static void
push_digit(EcapiNumber *number, char c)
{
	int64_t		next;

	if (!number->fits)
		return;
	if (__builtin_mul_overflow(number->whole, (int64_t) 10, &next) ||
		__builtin_sub_overflow(next, (int64_t) (c - '0'), &number->whole))
		number->fits = false;
}

/* Read an exponent behind "e"; false when there is none. */
static bool
read_exponent(const char *text, size_t len, size_t *at, int64_t *exponent)
{
	bool		negative = false;
	size_t		first;

	*exponent = 0;
	if (*at < len && (text[*at] == '+' || text[*at] == '-'))
		negative = text[(*at)++] == '-';
	first = *at;
	for (; *at < len && ecapi_is_digit(text[*at]); (*at)++)
	{
		/* What is beyond this is out of range whatever follows. */
		if (*exponent < 1000000)
			*exponent = *exponent * 10 + (text[*at] - '0');
	}
	if (negative)
		*exponent = -*exponent;
	return *at > first;
}

bool
ecapi_scan_number(const char *text, size_t len, EcapiNumber *number)
{
	size_t		at = 0;
	size_t		first;
	int64_t		magnitude = 0;	/* digits before the point, without zeros */
	int64_t		exponent = 0;
	bool		fraction = false;	/* other than zeros */

	*number = (EcapiNumber) {.plain = true, .fits = true, .zero = true};
	if (at < len && text[at] == '-')
	{
		number->negative = true;
		at++;
	}

	/* The sum is kept negative, because int64 reaches one further there. */
	for (first = at; at < len && ecapi_is_digit(text[at]); at++)
	{
		push_digit(number, text[at]);
		if (text[at] != '0')
			number->zero = false;
		if (!number->zero)
			magnitude++;
	}
	if (at == first)
		return false;
	if (!number->negative)
	{
		if (number->whole == INT64_MIN)
			number->fits = false;
		else
			number->whole = -number->whole;
	}

	if (at < len && text[at] == '.')
	{
		int64_t		zeros = 0;

		number->plain = false;
		for (first = ++at; at < len && ecapi_is_digit(text[at]); at++)
		{
			if (text[at] != '0')
				fraction = true;
			else if (!fraction)
				zeros++;
		}
		if (at == first)
			return false;
		/* 0.001e309 is 1e306: zeros behind the point count against it. */
		if (number->zero && fraction)
			magnitude = -zeros;
	}
	if (at < len && (text[at] == 'e' || text[at] == 'E'))
	{
		number->plain = false;
		at++;
		if (!read_exponent(text, len, &at, &exponent))
			return false;
	}
	if (at != len)
		return false;

	number->integral = !fraction && exponent == 0 && number->fits;
	if (fraction)
		number->zero = false;
	if (exponent != 0)
	{
		number->fits = number->zero;
		number->whole = 0;
		number->integral = number->zero;
	}
	if (number->plain && !number->fits)
		return false;
	return number->zero || magnitude + exponent <= MAX_MAGNITUDE;
}

/* Read exactly n digits; advances *text. */
static bool
read_digits(const char **text, const char *end, int n, int *value)
{
	*value = 0;
	while (n-- > 0)
	{
		if (*text == end || !ecapi_is_digit(**text))
			return false;
		*value = *value * 10 + (*(*text)++ - '0');
	}
	return true;
}

static bool
skip(const char **text, const char *end, char c)
{
	if (*text == end || **text != c)
		return false;
	(*text)++;
	return true;
}

static bool
valid_date(int year, int month, int day)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	return month != 2 || day < 29 || leap;
}

/* Days since 1970-01-01, in the Gregorian calendar. */
static int64_t
days_since_1970(int year, int month, int day)
{
	int64_t		y = month <= 2 ? year - 1 : year;	/* years that begin in March */
	int64_t		m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

/* Z, or +hh, +hhmm, +hh:mm, +hh:mm:ss (of old times): seconds east. */
static bool
read_zone(const char **text, const char *end, int *east)
{
	int			hours;
	int			minutes = 0;
	int			seconds = 0;
	bool		west;

	*east = 0;
	if (skip(text, end, 'Z') || skip(text, end, 'z'))
		return true;
	west = skip(text, end, '-');
	if (!west && !skip(text, end, '+'))
		return false;
	if (!read_digits(text, end, 2, &hours))
		return false;
	if (*text < end)
	{
		skip(text, end, ':');
		if (!read_digits(text, end, 2, &minutes))
			return false;
		if (skip(text, end, ':') && !read_digits(text, end, 2, &seconds))
			return false;
	}
	if (hours > 18 || minutes > 59 || seconds > 59)
		return false;
	*east = (hours * 60 + minutes) * 60 + seconds;
	if (west)
		*east = -*east;
	return true;
}

bool
ecapi_scan_time(const char *text, size_t len, int64_t *seconds, bool *zoned)
{
	const char *end = text + len;
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second = 0;
	int			east;

	*zoned = true;
	if (!read_digits(&text, end, 4, &year) || !skip(&text, end, '-') ||
		!read_digits(&text, end, 2, &month) || !skip(&text, end, '-') ||
		!read_digits(&text, end, 2, &day) || !valid_date(year, month, day))
		return false;
	if (!skip(&text, end, 'T') && !skip(&text, end, 't') && !skip(&text, end, ' '))
		return false;
	if (!read_digits(&text, end, 2, &hour) || !skip(&text, end, ':') ||
		!read_digits(&text, end, 2, &minute))
		return false;
	if (skip(&text, end, ':'))
	{
		if (!read_digits(&text, end, 2, &second))
			return false;
		if (skip(&text, end, '.'))
		{
			int			digit;

			if (!read_digits(&text, end, 1, &digit))
				return false;
			while (text < end && ecapi_is_digit(*text))
				text++;
		}
	}
	/* 60: a leap second, which epoch seconds do not have, is the next one */
	if (hour > 23 || minute > 59 || second > 60)
		return false;

	skip(&text, end, ' ');
	if (text == end)
	{
		*zoned = false;
		return false;
	}
	if (!read_zone(&text, end, &east) || text != end)
		return false;
	*seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 +
		second - east;
	return true;
}

bool
ecapi_scan_date(const char *text, size_t len)
{
	const char *end = text + len;
	bool		dashes = len == 10;
	int			year;
	int			month;
	int			day;

	if (len != 8 && len != 10)
		return false;
	return read_digits(&text, end, 4, &year) &&
		(!dashes || skip(&text, end, '-')) &&
		read_digits(&text, end, 2, &month) &&
		(!dashes || skip(&text, end, '-')) &&
		read_digits(&text, end, 2, &day) &&
		text == end && valid_date(year, month, day);
}

/* The bytes of an address; AF_INET, AF_INET6 or, when it is none, 0. */
static int
read_ip(const char *text, size_t len, unsigned char address[sizeof(struct in6_addr)])
{
	char		copy[INET6_ADDRSTRLEN];

	if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len))
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, address) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, copy, address) == 1 ? AF_INET6 : 0;
}

bool
ecapi_scan_ip(const char *text, size_t len)
{
	unsigned char address[sizeof(struct in6_addr)];

	return read_ip(text, len, address) != 0;
}

/* RFC 6890, without what stands in examples. */
static bool
is_public_v4(const unsigned char *address)
{
	static const struct
	{
		unsigned char first;
		unsigned char second;
		int			bits;		/* of both that count */
	}			special[] = {
		{0, 0, 8}, {10, 0, 8}, {100, 64, 10}, {127, 0, 8}, {169, 254, 16}, {172, 16, 12},
		{192, 168, 16}, {224, 0, 3}
	};
	unsigned	both = (unsigned) address[0] << 8 | address[1];

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
	{
		unsigned	network = (unsigned) special[i].first << 8 | special[i].second;

		if (both >> (16 - special[i].bits) == network >> (16 - special[i].bits))
			return false;
	}
	return true;
}

bool
ecapi_scan_ip_is_public(const char *text, size_t len)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned char address[sizeof(struct in6_addr)];
	int			family = read_ip(text, len, address);

	if (family == AF_INET)
		return is_public_v4(address);
	if (family == 0)
		return false;
	if (memcmp(address, mapped, sizeof(mapped)) == 0)
		return is_public_v4(address + sizeof(mapped));
	/* global unicast is 2000::/3; all the rest is something else (RFC 4291) */
	return address[0] >> 5 == 1;
}

bool
ecapi_scan_uuid(const char *text, size_t len)
{
	if (len != 36)
		return false;
	for (size_t i = 0; i < len; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' :
			ecapi_hex_digit(text[i]) < 0)
			return false;
	return true;
}

bool
ecapi_scan_url(const char *text, size_t len)
{
	size_t		at = 0;

	while (at < len && (ecapi_is_letter(text[at]) ||
						(at > 0 && (ecapi_is_digit(text[at]) || text[at] == '+' ||
									text[at] == '-' || text[at] == '.'))))
		at++;
	if (at == 0 || len - at <= 3 || memcmp(text + at, "://", 3) != 0)
		return false;
	for (; at < len; at++)
	{
		if ((unsigned char) text[at] <= ' ' || text[at] == 0x7F)
			return false;
	}
	return true;
}
