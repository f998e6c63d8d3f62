/*
 * phone.c
 *	  Telephone numbers as "+" and digits.
 *
 * The standard hashes "+", the country calling code and the number, without
 * symbols, letters and leading zeros.  A number that has "+" or "00" in front
 * says its calling code itself.  Any other is read by the plan of a country
 * (calling_codes.def), in each of the ways such numbers are written: with the
 * trunk prefix, without it, or with the calling code but no "+".  It is taken
 * only if exactly one reading fits the plan.
 *
 * A small table, not libphonenumber: what is needed is the calling code and
 * what falls away before it, not whether a number is in service; a C++
 * library with protocol buffers below it, in every backend and the worker, is
 * a high price for that, and its metadata changes what is hashed from one
 * release to the next.  What the table does not decide is left out.
 *
 * A zero in brackets is dialled inside the country only and falls away in an
 * international number, whether or not the table knows the country's trunk
 * prefix; leading_zeros.def has the few countries where it is dialled always.
 *
 * What follows the number is cut off: from the first letter, "#", "," or ";"
 * behind a digit it is an extension ("ext. 12", "x12", ";ext=12").
 */
#include "event/phone.h"

#include <string.h>

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "event/codes.h"

/* E.164 allows 15 digits; the shortest numbers in use have 7. */
#define MAX_DIGITS	15
#define MIN_DIGITS	7

/* The shortest of them without its calling code of up to three digits. */
#define MIN_NATIONAL	4

/* Room for what falls away again: "00", a trunk prefix. */
#define MAX_RAW		(MAX_DIGITS + 5)

typedef struct Plan
{
	char		country[3];
	const char *code;
	const char *trunk;
	int			min;			/* digits of a national number; 0: unknown */
	int			max;
} Plan;

static const Plan plans[] = {
#define ECAPI_CALLING_CODE(country, code, trunk, min, max) {country, code, trunk, min, max},
#include "event/calling_codes.def"
#undef ECAPI_CALLING_CODE
};

#define NPLANS ((int) (sizeof(plans) / sizeof(plans[0])))

static const Plan *
plan_of_country(const char *country)
{
	return ecapi_code_find(plans, NPLANS, sizeof(Plan), country, 2);
}

static bool
has_prefix(const char *digits, const char *prefix)
{
	while (*prefix != '\0' && *digits == *prefix)
	{
		digits++;
		prefix++;
	}
	return *prefix == '\0';
}

/*
 * The plan of an international number.  No calling code is the beginning of
 * another one; countries that share one share the trunk prefix.
 */
static const Plan *
plan_of_number(const char *digits)
{
	for (int i = 0; i < NPLANS; i++)
	{
		if (has_prefix(digits, plans[i].code))
			return &plans[i];
	}
	return NULL;
}

/* An opening or closing bracket of any script. */
static bool
is_opening(UChar32 c)
{
	if (c < 0x80)
		return c == '(' || c == '[' || c == '{';
	return u_charType(c) == U_START_PUNCTUATION;
}

static bool
is_closing(UChar32 c)
{
	if (c < 0x80)
		return c == ')' || c == ']' || c == '}';
	return u_charType(c) == U_END_PUNCTUATION;
}

/* The digits of a text, and what of its other characters matters. */
typedef struct Digits
{
	char		digits[MAX_RAW + 1];	/* NUL-terminated, in ASCII */
	bool		plus;			/* a plus sign stood before them */
	int			bracketed;		/* index of the first zero that opens a bracket,
								 * or -1 */
	bool		alone;			/* it is all that the bracket holds: "(0)" */
} Digits;

/*
 * The digits of text, in any script.  False when there are too many, or when
 * this is more than one number.
 */
static bool
read_digits(const char *text, size_t len, Digits *read)
{
	char	   *digits = read->digits;
	int			n = 0;
	int			opened = -1;	/* digits before the last opening bracket */

	read->plus = false;
	read->bracketed = -1;
	read->alone = false;
	for (size_t i = 0; i < len;)
	{
		UChar32		c;
		int			digit;

		U8_NEXT(text, i, len, c);
		digit = c >= '0' && c <= '9' ? c - '0' : c < 0x80 ? -1 : u_charDigitValue(c);
		if (digit >= 0)
		{
			if (n == MAX_RAW)
				return false;
			if (digit == 0 && opened == n && read->bracketed < 0)
				read->bracketed = n;
			digits[n++] = (char) ('0' + digit);
		}
		else if (c == '+' || c == 0xFF0B)
		{
			if (n > 0)
				return false;
			read->plus = true;
		}
		else if (is_opening(c))
			opened = n;
		else if (is_closing(c))
		{
			if (opened >= 0 && opened == read->bracketed && n == opened + 1)
				read->alone = true;
			opened = -1;
		}
		else if (n > 0 && (c == '#' || c == ',' || c == ';' || u_isalpha(c)))
			break;
	}
	digits[n] = '\0';
	return true;
}

/*
 * Whether national numbers begin with a zero that is dialled from abroad, too: then
 * a zero in brackets is that one.
 */
static bool
has_leading_zero(const Plan *plan)
{
	static const char *const codes[] = {
#define ECAPI_LEADING_ZERO(code) code,
#include "event/leading_zeros.def"
#undef ECAPI_LEADING_ZERO
	};

	for (size_t i = 0; plan != NULL && i < sizeof(codes) / sizeof(codes[0]); i++)
	{
		if (strcmp(plan->code, codes[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Take the zero out of an international number that is dialled inside its
 * country only and stands in brackets: "+54 (0)11 4311 4333", or "+54 (011)
 * 4311 4333" when the bracket follows the calling code, whose length is known
 * where the plan is, and is at most three.  digits are those of read from index
 * skipped on.
 */
static void
drop_bracketed_zero(const Digits *read, char *digits, int skipped)
{
	const Plan *plan;
	int			at = read->bracketed - skipped;

	if (read->bracketed < 0 || at <= 0)
		return;
	plan = plan_of_number(digits);
	if (has_leading_zero(plan))
		return;

	/* A trunk prefix that may be longer ("06") is drop_inner_trunk()'s. */
	if (plan != NULL && plan->trunk[0] == '0' && at == (int) strlen(plan->code))
		return;
	if (read->alone || (plan != NULL ? at == (int) strlen(plan->code) : at <= 3))
		memmove(digits + at, digits + at + 1, strlen(digits + at + 1) + 1);
}

static bool
fits(const Plan *plan, int len)
{
	return plan->min == 0 || (len >= plan->min && len <= plan->max);
}

/*
 * Take a trunk prefix out that was left behind the calling code, as in "+49
 * (0)711".  A zero there is never part of the number where zero is the trunk
 * prefix; another prefix only if the number is too long by just that.
 */
static void
drop_inner_trunk(char *digits)
{
	const Plan *plan = plan_of_number(digits);
	char	   *national;
	size_t		trunk_len;

	if (plan == NULL || plan->trunk[0] == '\0')
		return;
	national = digits + strlen(plan->code);
	trunk_len = strlen(plan->trunk);
	while (has_prefix(national, plan->trunk))
	{
		if (plan->trunk[0] != '0' &&
			(plan->min == 0 || fits(plan, (int) strlen(national)) ||
			 !fits(plan, (int) (strlen(national) - trunk_len))))
			return;
		memmove(national, national + trunk_len, strlen(national + trunk_len) + 1);
	}
}

/*
 * The national part of a number written without "+", or NULL when there is
 * none or more than one way to read it.
 */
static const char *
national_part(const Plan *plan, const char *digits)
{
	const char *found = NULL;
	int			readings = 0;
	int			len = (int) strlen(digits);
	int			trunk_len = (int) strlen(plan->trunk);
	int			code_len = (int) strlen(plan->code);
	bool		with_trunk = trunk_len > 0 && has_prefix(digits, plan->trunk);

	if (with_trunk && fits(plan, len - trunk_len))
	{
		found = digits + trunk_len;
		readings++;
	}

	/*
	 * Without trunk prefix: where there is one, only the length can tell that
	 * the number is whole, and it does not begin with a zero.
	 */
	if (fits(plan, len) &&
		(trunk_len == 0 || (plan->min > 0 && digits[0] != '0')))
	{
		/* The same digits may be calling code and number. */
		if (plan->min == 0 && has_prefix(digits, plan->code))
			return NULL;
		found = digits;
		readings++;
	}

	if (plan->min > 0 && has_prefix(digits, plan->code) && fits(plan, len - code_len))
	{
		const char *rest = digits + code_len;

		if (readings == 0 || found != rest)
			readings++;
		found = rest;
	}
	return readings == 1 ? found : NULL;
}

/*
 * Whether drop_inner_trunk() would shorten the number: then it had the prefix twice,
 * and what it would be is not certain.
 */
static bool
has_inner_trunk(const Plan *plan, const char *national)
{
	return plan->trunk[0] == '0' && has_prefix(national, plan->trunk);
}

/*
 * Whether a number is a filler, such as "000 0000" or "999 9999", which all who gave
 * none would have in common.
 */
static bool
is_filler(const char *national)
{
	size_t		same = strspn(national, (const char[]) {national[0], '\0'});

	return national[0] == '\0' || (same == strlen(national) && same >= MIN_DIGITS);
}

static bool
write_number(const char *code, const char *national, char out[ECAPI_PHONE_SIZE])
{
	size_t		code_len = strlen(code);
	size_t		len = strlen(national);

	if (code_len + len < MIN_DIGITS || code_len + len > MAX_DIGITS)
		return false;
	out[0] = '+';
	memcpy(out + 1, code, code_len);
	memcpy(out + 1 + code_len, national, len + 1);
	return true;
}

bool
ecapi_phone_normalize(const char *text, size_t len, const char *country,
					  char out[ECAPI_PHONE_SIZE])
{
	Digits		read;
	char	   *digits = read.digits;
	const Plan *plan;
	const char *national;

	out[0] = '\0';
	if (!read_digits(text, len, &read))
		return false;
	if (read.plus || has_prefix(digits, "00"))
	{
		while (*digits == '0')
			digits++;
		drop_bracketed_zero(&read, digits, (int) (digits - read.digits));
		drop_inner_trunk(digits);
		plan = plan_of_number(digits);
		national = plan != NULL ? digits + strlen(plan->code) : digits;
		return !is_filler(national) && write_number("", digits, out);
	}

	plan = country ? plan_of_country(country) : NULL;
	if (plan == NULL)
		return false;
	national = national_part(plan, digits);
	return national != NULL && !has_inner_trunk(plan, national) && !is_filler(national) &&
		write_number(plan->code, national, out);
}

bool
ecapi_phone_is_national(const char *text, size_t len)
{
	Digits		read;

	return read_digits(text, len, &read) && !read.plus &&
		!has_prefix(read.digits, "00") && strlen(read.digits) >= MIN_NATIONAL;
}
