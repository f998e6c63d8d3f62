/*
 * shapes.c
 *	  What a string of the standard must look like, field by field.
 *
 * No string is empty: a sender leaves out what it does not have.  A clear
 * field must not hold a digest (hashed by mistake, it is useless to the
 * receiver), unless it is an identifier of the sender's own making, which may
 * look like anything.  Where the standard only names a notion (URL, domain,
 * airport code) the test is the loosest one that still catches a wrong value.
 *
 * Pure functions; the character classes come from the process's locale, which
 * main() sets to C.UTF-8.
 */
#define _GNU_SOURCE
#include "shapes.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>

#include "codes.h"

/* SHA-256 of nothing: the mark of a sender that hashed an empty value. */
#define EMPTY_DIGEST \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static bool
is_digest(const RcvNode *node)
{
	if (node->len != 64)
		return false;
	for (size_t i = 0; i < 64; i++)
		if (!((node->text[i] >= '0' && node->text[i] <= '9') ||
			  (node->text[i] >= 'a' && node->text[i] <= 'f')))
			return false;
	return true;
}

const char *
rcv_shape_hash(const RcvNode *node)
{
	if (!is_digest(node))
		return "is not 64 lower-case hex digits";
	if (memcmp(node->text, EMPTY_DIGEST, 64) == 0)
		return "is the digest of an empty value";
	return NULL;
}

const char *
rcv_shape_opaque(const RcvNode *node)
{
	return node->len == 0 ? "is empty" : NULL;
}

const char *
rcv_shape_clear(const RcvNode *node)
{
	if (node->len == 0)
		return "is empty";
	return is_digest(node) ? "is a digest where a clear value belongs" : NULL;
}

const char *
rcv_shape_event_type(const RcvNode *node)
{
	return rcv_is_event_type(node->text, node->len) ? NULL : "is not an event type";
}

const char *
rcv_shape_currency(const RcvNode *node)
{
	return rcv_is_currency(node->text, node->len) ? NULL : "is not an ISO 4217 code";
}

const char *
rcv_shape_source(const RcvNode *node)
{
	return rcv_is_source(node->text, node->len) ? NULL : "is not a source of the standard";
}

const char *
rcv_shape_country(const RcvNode *node)
{
	return rcv_is_country(node->text, node->len) ? NULL :
		"is not a lower-case ISO 3166-1 alpha-2 code";
}

/*
 * Lower case, no punctuation, no white space at either end.  Punctuation
 * beyond ASCII: the marks of Latin-1 and the General Punctuation block.
 */
const char *
rcv_shape_place(const RcvNode *node)
{
	const char *problem = rcv_shape_clear(node);
	const char *at = node->text;
	const char *end = node->text + node->len;
	mbstate_t	state = {0};

	if (problem != NULL)
		return problem;
	if (at[0] == ' ' || end[-1] == ' ')
		return "has white space at an end";
	while (at < end)
	{
		wchar_t		c;
		size_t		n = mbrtowc(&c, at, end - at, &state);

		if (n == 0 || n > (size_t) (end - at))
			return "is not text";
		if (towlower(c) != (wint_t) c)
			return "is not lower case";
		if ((c < 128 && (ispunct(c) || iscntrl(c))) || c == 0xA1 || c == 0xAB ||
			c == 0xB7 || c == 0xBB || c == 0xBF || (c >= 0x2010 && c <= 0x2027) ||
			(c >= 0x2030 && c <= 0x205E))
			return "has punctuation";
		at += n;
	}
	return NULL;
}

/* One word in lower case without a scheme or a path. */
const char *
rcv_shape_domain(const RcvNode *node)
{
	const char *problem = rcv_shape_clear(node);

	if (problem != NULL)
		return problem;
	for (size_t i = 0; i < node->len; i++)
	{
		unsigned char c = node->text[i];

		if (c <= ' ' || c == '/' || c == ':' || c == '@' || isupper(c))
			return "is not a domain";
	}
	return NULL;
}

const char *
rcv_shape_ip(const RcvNode *node)
{
	char		text[INET6_ADDRSTRLEN];
	unsigned char address[16];

	if (node->len >= sizeof(text))
		return "is not an IP address";
	memcpy(text, node->text, node->len);
	text[node->len] = '\0';
	if (inet_pton(AF_INET, text, address) == 1 ||
		inet_pton(AF_INET6, text, address) == 1)
		return NULL;
	return "is not an IP address";
}

/* scheme ":" something, no white space (an app's own scheme is one too) */
const char *
rcv_shape_url(const RcvNode *node)
{
	size_t		i = 0;

	while (i < node->len && (isalnum((unsigned char) node->text[i]) ||
							 (i > 0 && strchr("+-.", node->text[i]) != NULL)))
		i++;
	if (i == 0 || !isalpha((unsigned char) node->text[0]) ||
		i + 1 >= node->len || node->text[i] != ':')
		return "is not a URL";
	for (; i < node->len; i++)
		if ((unsigned char) node->text[i] <= ' ')
			return "is not a URL";
	return NULL;
}

/*
 * A GPP string: a header that starts "DB", then sections; or a bare TC string,
 * which starts "C" and which the official libraries take as well.
 */
const char *
rcv_shape_gpp(const RcvNode *node)
{
	const char *t = node->text;

	if (!((node->len >= 4 && t[0] == 'D' && t[1] == 'B') ||
		  (node->len >= 4 && t[0] == 'C')))
		return "is not a GPP string";
	for (size_t i = 0; i < node->len; i++)
		if (!isalnum((unsigned char) t[i]) && strchr("-_.~", t[i]) == NULL)
			return "is not a GPP string";
	return NULL;
}

static int
number_at(const char *digits, int len)
{
	int			value = 0;

	for (int i = 0; i < len; i++)
	{
		if (digits[i] < '0' || digits[i] > '9')
			return -1;
		value = value * 10 + digits[i] - '0';
	}
	return value;
}

/* YYYYMMDD or YYYY-MM-DD, a day of the Gregorian calendar */
const char *
rcv_shape_date(const RcvNode *node)
{
	static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const char *t = node->text;
	int			dash = node->len == 10;
	int			year;
	int			month;
	int			day;
	int			last;

	if (node->len != 8 && !(dash && t[4] == '-' && t[7] == '-'))
		return "is not a date";
	year = number_at(t, 4);
	month = number_at(t + 4 + dash, 2);
	day = number_at(t + 6 + 2 * dash, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1)
		return "is not a date";
	last = days[month - 1];
	if (month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
		last = 29;
	return day <= last ? NULL : "is not a date";
}

/* RFC 3339: YYYY-MM-DDTHH:MM:SS, a fraction or none, then Z or an offset */
const char *
rcv_shape_instant(const RcvNode *node)
{
	RcvNode		date = *node;
	const char *t = node->text;
	const char *end = node->text + node->len;

	date.len = 10;
	if (node->len < 20 || rcv_shape_date(&date) != NULL || t[10] != 'T' ||
		t[13] != ':' || t[16] != ':')
		return "is not an RFC 3339 time";
	if (number_at(t + 11, 2) < 0 || number_at(t + 11, 2) > 23 ||
		number_at(t + 14, 2) < 0 || number_at(t + 14, 2) > 59 ||
		number_at(t + 17, 2) < 0 || number_at(t + 17, 2) > 60)
		return "is not an RFC 3339 time";
	t += 19;
	if (*t == '.' && end - t > 2 && isdigit((unsigned char) t[1]))
		for (t++; t < end && isdigit((unsigned char) *t);)
			t++;
	if (end - t == 1 && *t == 'Z')
		return NULL;
	if (end - t == 6 && (*t == '+' || *t == '-') && t[3] == ':' &&
		number_at(t + 1, 2) >= 0 && number_at(t + 1, 2) <= 23 &&
		number_at(t + 4, 2) >= 0 && number_at(t + 4, 2) <= 59)
		return NULL;
	return "is not an RFC 3339 time";
}

int64_t
rcv_read_instant(const RcvNode *node)
{
	const char *t = node->text;
	const char *zone = node->text + node->len - 6;
	struct tm	utc = {
		.tm_year = number_at(t, 4) - 1900,
		.tm_mon = number_at(t + 5, 2) - 1,
		.tm_mday = number_at(t + 8, 2),
		.tm_hour = number_at(t + 11, 2),
		.tm_min = number_at(t + 14, 2),
		.tm_sec = number_at(t + 17, 2),
	};
	int64_t		offset = 0;

	if (node->text[node->len - 1] != 'Z')
		offset = (number_at(zone + 1, 2) * 60 + number_at(zone + 4, 2)) * 60 *
			(zone[0] == '-' ? -1 : 1);
	return timegm(&utc) - offset;
}

const char *
rcv_shape_airport(const RcvNode *node)
{
	if (node->len != 3)
		return "is not an airport code";
	for (int i = 0; i < 3; i++)
		if (!isalpha((unsigned char) node->text[i]))
			return "is not an airport code";
	return NULL;
}

const char *
rcv_shape_decimal(const RcvNode *node)
{
	size_t		points = 0;

	for (size_t i = 0; i < node->len; i++)
		if (node->text[i] == '.' && i > 0 && i < node->len - 1)
			points++;
		else if (!isdigit((unsigned char) node->text[i]))
			return "is no decimal number";
	return node->len > 0 && points <= 1 ? NULL : "is no decimal number";
}
