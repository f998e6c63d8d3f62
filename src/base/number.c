/*
 * number.c
 *	  A numeric as text that is no longer than its digits are worth.
 *
 * A numeric keeps the digits that are not zero, and says where the point is
 * and how many decimals to show.  So 1e-16383 takes ten bytes, and numeric_out()
 * makes 16 kB of it; a document of a browser's that is full of such numbers
 * would become gigabytes.  Its header says what numeric_out() would write
 * before it does, and what is long for nothing is written with an exponent.
 *
 * The header is read here because no function of the server gives the weight.
 * It is an on-disk format, the same since PostgreSQL 9.1 (see numeric.c of the
 * server): a word of which the two highest bits say what follows,
 *	  00 or 01	a long form: the sign, 14 bits of decimals; a word of weight
 *	  10		a short one: 1 bit of sign, 6 of decimals, 7 of weight
 *	  11		NaN or an infinity
 * then the digits, to the base of 10000, the first and the last not zero; the
 * first counts 10000^weight.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/number.h"
#include "compat.h"

/*
 * This many bytes are written plainly.  Amounts and the identifiers of shops have
 * fewer; longer ones are rare and bought with bytes of the document.
 */
#define PLAIN		64

/* Decimal digits of a digit to the base of 10000. */
#define GROUP		4

/* What stands beside the digits: a sign, a point, "e-131072" and the NUL. */
#define FRAME		16

typedef struct Parts
{
	bool		special;		/* NaN or an infinity: nothing else is set */
	bool		negative;
	int			decimals;		/* that are shown */
	int			weight;
	int			ndigits;
	const char *digits;			/* words, perhaps not aligned */
} Parts;

static uint16
word_at(const char *bytes)
{
	uint16		word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static void
take_apart(Numeric number, Parts *parts)
{
	const char *bytes = VARDATA_ANY(number);
	uint16		header = word_at(bytes);
	int			size = sizeof(uint16);

	parts->special = (header & 0xC000) == 0xC000;
	if (header & 0x8000)
	{
		parts->negative = (header & 0x2000) != 0;
		parts->decimals = (header & 0x1F80) >> 7;
		parts->weight = (header & 0x0040) ? (int) (header & 0x003F) - 0x40 : header & 0x003F;
	}
	else
	{
		parts->negative = (header & 0x4000) != 0;
		parts->decimals = header & 0x3FFF;
		parts->weight = (int16) word_at(bytes + size);
		size += sizeof(int16);
	}
	parts->digits = bytes + size;
	parts->ndigits = (int) ((VARSIZE_ANY_EXHDR(number) - size) / sizeof(int16));
}

/* Digits of the number when written plainly, with that many decimals. */
static int
plain_digits(const Parts *parts, int decimals)
{
	return Max(parts->weight + 1, 1) * GROUP + decimals;
}

static bool
is_short(const Parts *parts, int decimals)
{
	return plain_digits(parts, decimals) <= PLAIN;
}

/* The decimals that the digits themselves reach to, whatever is shown. */
static int
own_decimals(const Parts *parts)
{
	return Max(0, (parts->ndigits - 1 - parts->weight) * GROUP);
}

/* All decimal digits, from the first to the last that is no zero; how many. */
static int
spread_digits(const Parts *parts, char *to, int *first_group)
{
	int			n = 0;

	for (int i = 0; i < parts->ndigits; i++)
	{
		int			group = word_at(parts->digits + i * sizeof(int16));

		for (int unit = 1000; unit > 0; unit /= 10)
		{
			if (n > 0 || group >= unit)
				to[n++] = (char) ('0' + group / unit % 10);
		}
		if (i == 0)
			*first_group = n;
	}
	while (n > 0 && to[n - 1] == '0')
		n--;
	return n;
}

/* "-1.25e-300" */
static char *
with_exponent(const Parts *parts)
{
	char	   *text = palloc(parts->ndigits * GROUP + FRAME);
	char	   *at = text;
	int			first_group = 0;
	int			n;

	if (parts->negative)
		*at++ = '-';
	/* the digits from the second on, one place to the right: room for the point */
	n = spread_digits(parts, at + 1, &first_group);
	if (n == 0)
		return strcpy(text, "0");
	at[0] = at[1];
	at[1] = '.';
	at += n > 1 ? n + 1 : 1;
	sprintf(at, "e%+d", parts->weight * GROUP + first_group - 1);
	return text;
}

char *
ecapi_number_text(Numeric number)
{
	Parts		parts;

	take_apart(number, &parts);
	if (!parts.special && !is_short(&parts, parts.decimals))
		return with_exponent(&parts);
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

char *
ecapi_number_key(Numeric number)
{
	Parts		parts;

	/* what is asked does not depend on the decimals that are shown */
	take_apart(number, &parts);
	if (!parts.special && !is_short(&parts, own_decimals(&parts)))
		return with_exponent(&parts);
	return numeric_normalize(number);
}

size_t
ecapi_number_plain_size(Numeric number)
{
	Parts		parts;

	take_apart(number, &parts);
	return parts.special ? FRAME : plain_digits(&parts, parts.decimals) + FRAME;
}
