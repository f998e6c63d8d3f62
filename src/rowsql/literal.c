/*
 * literal.c
 *	  Scalar values of SQL as texts, by integer arithmetic alone.
 *
 * The server's own output functions follow DateStyle and TimeZone, and
 * allocate.  A COPY of a million rows comes through here, and an id must be
 * the same for all who write the row: so neither.
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "rowsql/literal.h"

static int
constant(const char *text, char *to)
{
	strcpy(to, text);
	return (int) strlen(text);
}

/* "2026-11-23" of a Julian day, without a NUL; returns its end. */
static char *
put_date(int julian, char *to)
{
	int			year;
	int			month;
	int			day;

	/* j2date() counts 1 BC as 0, as ISO 8601 does. */
	j2date(julian, &year, &month, &day);
	if (year < 0)
		*to++ = '-';
	to = pg_ultostr_zeropad(to, abs(year), 4);
	*to++ = '-';
	to = pg_ultostr_zeropad(to, month, 2);
	*to++ = '-';
	return pg_ultostr_zeropad(to, day, 2);
}

/* Digits that every decimal of that many keeps as a double. */
#define DOUBLE_DIGITS	15

/* The digits of a number, without zeros in front, before its exponent. */
static int
count_digits(const char *text)
{
	int			n = 0;

	for (; *text != '\0' && *text != 'e'; text++)
	{
		if (*text > '0' && *text <= '9')
			n++;
		else if (*text == '0' && n > 0)
			n++;
	}
	return n;
}

int
ecapi_literal_double(double value, char *to)
{
	int			len = double_to_shortest_decimal_buf(value, to);

	if ((double) (float) value == value && count_digits(to) > DOUBLE_DIGITS)
		len = float_to_shortest_decimal_buf((float) value, to);
	return len;
}

int
ecapi_literal_time(Timestamp value, bool zoned, char *to)
{
	char	   *at;
	int64		day = value / USECS_PER_DAY;
	int64		usecs = value % USECS_PER_DAY;
	int32		seconds;

	if (TIMESTAMP_IS_NOBEGIN(value))
		return constant("-infinity", to);
	if (TIMESTAMP_IS_NOEND(value))
		return constant("infinity", to);
	if (usecs < 0)
	{
		usecs += USECS_PER_DAY;
		day--;
	}
	seconds = (int32) (usecs / USECS_PER_SEC);
	usecs %= USECS_PER_SEC;

	at = put_date((int) (day + POSTGRES_EPOCH_JDATE), to);
	*at++ = 'T';
	at = pg_ultostr_zeropad(at, seconds / SECS_PER_HOUR, 2);
	*at++ = ':';
	at = pg_ultostr_zeropad(at, seconds / SECS_PER_MINUTE % MINS_PER_HOUR, 2);
	*at++ = ':';
	at = pg_ultostr_zeropad(at, seconds % SECS_PER_MINUTE, 2);
	if (usecs > 0)
	{
		*at++ = '.';
		at = pg_ultostr_zeropad(at, (uint32) usecs, 6);
		while (at[-1] == '0')
			at--;
	}
	if (zoned)
		*at++ = 'Z';
	*at = '\0';
	return (int) (at - to);
}

int
ecapi_literal_date(DateADT value, char *to)
{
	char	   *at;

	if (DATE_IS_NOBEGIN(value))
		return constant("-infinity", to);
	if (DATE_IS_NOEND(value))
		return constant("infinity", to);
	at = put_date(value + POSTGRES_EPOCH_JDATE, to);
	*at = '\0';
	return (int) (at - to);
}

int
ecapi_literal_seconds(TimestampTz value, char *to)
{
	int64		seconds = value / USECS_PER_SEC;

	if (TIMESTAMP_IS_NOBEGIN(value))
		return constant("-infinity", to);
	if (TIMESTAMP_IS_NOEND(value))
		return constant("infinity", to);
	/* Divided first: moving the epoch could overflow in microseconds. */
	if (value % USECS_PER_SEC < 0)
		seconds--;
	seconds += (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	return pg_lltoa(seconds, to);
}

int
ecapi_literal_uuid(const pg_uuid_t *value, char *to)
{
	static const int groups[] = {4, 2, 2, 2, 6};
	const char *from = (const char *) value->data;
	char	   *at = to;

	for (int i = 0; i < lengthof(groups); i++)
	{
		if (i > 0)
			*at++ = '-';
		at += hex_encode(from, groups[i], at);
		from += groups[i];
	}
	*at = '\0';
	return (int) (at - to);
}

int
ecapi_literal_macaddr(const macaddr *value, char *to)
{
	return snprintf(to, ECAPI_LITERAL_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x",
					value->a, value->b, value->c, value->d, value->e, value->f);
}

int
ecapi_literal_inet(const inet *value, char *to)
{
	/* It fails only for want of room, or for a family that does not exist. */
	if (pg_inet_net_ntop(ip_family(value), ip_addr(value), ip_bits(value),
						 to, ECAPI_LITERAL_SIZE) == NULL)
		*to = '\0';
	return (int) strlen(to);
}
