/*
 * bits.c
 *	  The bits of six-bit text, and sets of ids in it.
 *
 * Invariants
 *	(1) A set that was read without bad can be walked without bad: every item was looked at.
 *	(2) What a set costs is bounded by its text: an item has at least two bits, a group is
 *		one step whatever it spans.
 *
 * No I/O, no state, no memory.
 */
#include "consent/bits.h"

#include <string.h>

/* Bits of the longest code of an id: 23 weights, and the bit that ends it. */
#define FIBONACCI_BITS	24

/* The value of a character, plus one; 0: it is none. */
static const uint8_t values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15,
	['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
	['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26,
	['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33,
	['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47,
	['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52,
	['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59,
	['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64
};

bool
ecapi_bits_init(EcapiBits *bits, const char *text, size_t len)
{
	bits->text = text;
	bits->len = (uint64_t) len * 6;
	bits->at = 0;
	bits->bad = false;
	for (size_t i = 0; i < len; i++)
	{
		if (values[(unsigned char) text[i]] == 0)
		{
			bits->bad = true;
			return false;
		}
	}
	return true;
}

/* The six bits of the character that bit at is in. */
static unsigned
six(const EcapiBits *bits, uint64_t at)
{
	return values[(unsigned char) bits->text[at / 6]] - 1u;
}

static bool
bit(const EcapiBits *bits, uint64_t at)
{
	return (six(bits, at) >> (5 - at % 6)) & 1;
}

uint64_t
ecapi_bits_read(EcapiBits *bits, int n)
{
	const char *at;
	uint64_t	number = 0;
	int			before = (int) (bits->at % 6);
	int			chars = (before + n + 5) / 6;

	if (bits->bad || (uint64_t) n > bits->len - bits->at)
	{
		bits->bad = true;
		return 0;
	}
	/* whole characters, at most seven; what stands before and behind is cut off */
	at = bits->text + bits->at / 6;
	for (int i = 0; i < chars; i++)
		number = number << 6 | (values[(unsigned char) at[i]] - 1u);
	bits->at += (uint64_t) n;
	return number >> (6 * chars - before - n) & ((UINT64_C(1) << n) - 1);
}

uint32_t
ecapi_bits_fibonacci(EcapiBits *bits)
{
	uint32_t	weight = 1;
	uint32_t	next = 2;
	uint32_t	number = 0;
	bool		before = false;

	for (int i = 0; i < FIBONACCI_BITS; i++)
	{
		bool		here = ecapi_bits_read(bits, 1) != 0;
		uint32_t	sum = weight + next;

		if (bits->bad)
			return 0;
		if (here && before)
			return number;
		if (here)
			number += weight;
		before = here;
		weight = next;
		next = sum;
	}
	bits->bad = true;
	return 0;
}

void
ecapi_bits_skip(EcapiBits *bits, uint64_t n)
{
	if (bits->bad || n > bits->len - bits->at)
		bits->bad = true;
	else
		bits->at += n;
}

bool
ecapi_bits_rest_is_zero(const EcapiBits *bits)
{
	for (uint64_t at = bits->at; at < bits->len; at++)
	{
		if (bit(bits, at))
			return false;
	}
	return true;
}

/*
 * ---- ids ----
 */

/*
 * A flag and one or two ids of 16 bits: a string may have hundreds of them, so they are read
 * at once, and the second one is given back where there is none.
 */
static void
read_range_item(EcapiBits *bits, uint32_t *first, uint32_t *last)
{
	uint64_t	left = bits->len - bits->at;
	int			n = left < 33 ? 17 : 33;
	uint64_t	item = ecapi_bits_read(bits, n);
	bool		group = (item >> (n - 1)) != 0;

	if (n == 33 && !group)
	{
		bits->at -= 16;
		item >>= 16;
	}
	if (n == 17 && group)
		bits->bad = true;
	*first = (uint32_t) (n == 33 && group ? item >> 16 : item) & 0xffff;
	*last = (uint32_t) item & 0xffff;
}

/* The next item of a range; *last is that of the item before. */
static void
read_item(EcapiBits *bits, EcapiIdsForm form, uint32_t *first, uint32_t *last)
{
	if (form == ECAPI_IDS_RANGES)
		read_range_item(bits, first, last);
	else
	{
		bool		group = ecapi_bits_read(bits, 1) != 0;

		*first = *last + ecapi_bits_fibonacci(bits);
		*last = group ? *first + ecapi_bits_fibonacci(bits) : *first;
	}
	if (*first == 0 || *last < *first || *last > ECAPI_IDS_MAX)
		bits->bad = true;
}

void
ecapi_ids_read_range(EcapiBits *bits, EcapiIdsCoding coding, EcapiIds *ids)
{
	uint32_t	first;
	uint32_t	last = 0;

	ids->form = coding == ECAPI_CODED_INT ? ECAPI_IDS_RANGES : ECAPI_IDS_FIBONACCI;
	ids->n = (uint32_t) ecapi_bits_read(bits, 12);
	ids->max = 0;
	ids->at = *bits;
	for (uint32_t i = 0; i < ids->n && !bits->bad; i++)
	{
		read_item(bits, ids->form, &first, &last);
		if (last > ids->max)
			ids->max = last;
	}
}

void
ecapi_ids_read_bitfield(EcapiBits *bits, uint32_t n, EcapiIds *ids)
{
	ids->form = ECAPI_IDS_BITFIELD;
	ids->n = n;
	ids->max = n;
	ids->at = *bits;
	ecapi_bits_skip(bits, n);
}

void
ecapi_ids_read(EcapiBits *bits, EcapiIdsCoding coding, EcapiIds *ids)
{
	uint32_t	max = (uint32_t) ecapi_bits_read(bits, 16);

	if (ecapi_bits_read(bits, 1) != 0)
		ecapi_ids_read_range(bits, coding, ids);
	else
		ecapi_ids_read_bitfield(bits, max, ids);
}

bool
ecapi_ids_next(EcapiIds *walk, uint32_t *first, uint32_t *last)
{
	if (walk->form == ECAPI_IDS_BITFIELD)
	{
		uint32_t	id = *last + 1;

		while (id <= walk->n && !bit(&walk->at, walk->at.at + id - 1))
			id++;
		*first = id;
		while (id < walk->n && bit(&walk->at, walk->at.at + id))
			id++;
		*last = id;
		return *first <= walk->n;
	}
	if (walk->form == ECAPI_IDS_NONE || walk->n == 0)
		return false;
	walk->n--;
	read_item(&walk->at, walk->form, first, last);
	return true;
}

bool
ecapi_ids_have(const EcapiIds *ids, uint32_t id)
{
	EcapiIds	walk = *ids;
	uint32_t	first;
	uint32_t	last = 0;

	if (ids->form == ECAPI_IDS_BITFIELD)
		return id >= 1 && id <= ids->n && bit(&ids->at, ids->at.at + id - 1);
	while (ecapi_ids_next(&walk, &first, &last))
	{
		if (id >= first && id <= last)
			return true;
	}
	return false;
}
