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

/* The value of a character, and the bit that says that it is one; 0: it is none. */
#define IS_ONE	64
static const uint8_t values[256] = {
	['A'] = 64, ['B'] = 65, ['C'] = 66, ['D'] = 67, ['E'] = 68, ['F'] = 69, ['G'] = 70, ['H'] = 71,
	['I'] = 72, ['J'] = 73, ['K'] = 74, ['L'] = 75, ['M'] = 76, ['N'] = 77, ['O'] = 78, ['P'] = 79,
	['Q'] = 80, ['R'] = 81, ['S'] = 82, ['T'] = 83, ['U'] = 84, ['V'] = 85, ['W'] = 86, ['X'] = 87,
	['Y'] = 88, ['Z'] = 89, ['a'] = 90, ['b'] = 91, ['c'] = 92, ['d'] = 93, ['e'] = 94, ['f'] = 95,
	['g'] = 96, ['h'] = 97, ['i'] = 98, ['j'] = 99, ['k'] = 100, ['l'] = 101, ['m'] = 102, ['n'] = 103,
	['o'] = 104, ['p'] = 105, ['q'] = 106, ['r'] = 107, ['s'] = 108, ['t'] = 109, ['u'] = 110, ['v'] = 111,
	['w'] = 112, ['x'] = 113, ['y'] = 114, ['z'] = 115, ['0'] = 116, ['1'] = 117, ['2'] = 118, ['3'] = 119,
	['4'] = 120, ['5'] = 121, ['6'] = 122, ['7'] = 123, ['8'] = 124, ['9'] = 125, ['-'] = 126, ['_'] = 127
};

/*
 * Eight characters a step: most of what a string costs is that all of it is looked at, so
 * the loop has one branch for them.
 */
bool
ecapi_bits_init(EcapiBits *bits, const char *text, size_t len)
{
	const unsigned char *at = (const unsigned char *) text;
	unsigned	all = IS_ONE;
	size_t		i = 0;

	bits->text = text;
	bits->len = (uint64_t) len * 6;
	bits->at = 0;
	for (; i + 8 <= len && all != 0; i += 8)
		all &= values[at[i]] & values[at[i + 1]] & values[at[i + 2]] & values[at[i + 3]] &
			values[at[i + 4]] & values[at[i + 5]] & values[at[i + 6]] & values[at[i + 7]];
	for (; i < len; i++)
		all &= values[at[i]];
	bits->bad = all == 0;
	bits->cut = false;
	return !bits->bad;
}

/* More bits are asked for than there are; what is bad already stays bad for what it was. */
static void
end_within(EcapiBits *bits)
{
	bits->cut |= !bits->bad;
	bits->bad = true;
}

/* The six bits of the character that bit at is in. */
static unsigned
six(const EcapiBits *bits, uint64_t at)
{
	return values[(unsigned char) bits->text[at / 6]] & 63u;
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
		end_within(bits);
		return 0;
	}
	/* whole characters, at most seven; what stands before and behind is cut off */
	at = bits->text + bits->at / 6;
	for (int i = 0; i < chars; i++)
		number = number << 6 | (values[(unsigned char) at[i]] & 63u);
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
		end_within(bits);
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

/* Characters that hold an item of a range wherever it begins in the first of them. */
#define WINDOW		7
#define WINDOW_BITS	42

/*
 * The bits of that number of characters: added up, and what says that they are characters is taken
 * off once.
 */
static uint64_t
window(const char *text)
{
	const unsigned char *at = (const unsigned char *) text;

	return ((uint64_t) values[at[0]] << 36) + ((uint64_t) values[at[1]] << 30) +
		((uint64_t) values[at[2]] << 24) + ((uint64_t) values[at[3]] << 18) +
		((uint64_t) values[at[4]] << 12) + ((uint64_t) values[at[5]] << 6) + values[at[6]] -
		UINT64_C(0x1041041041) * IS_ONE;
}

/*
 * A flag, and one or two ids of 16 bits: a string may have hundreds of them, so they are
 * read at once.
 */
static inline void
read_range_item(EcapiBits *bits, uint32_t *first, uint32_t *last)
{
	int			before = (int) (bits->at % 6);
	uint64_t	number;
	bool		group;

	if (bits->len - bits->at < WINDOW_BITS)
	{
		group = ecapi_bits_read(bits, 1) != 0;
		*first = (uint32_t) ecapi_bits_read(bits, 16);
		*last = group ? (uint32_t) ecapi_bits_read(bits, 16) : *first;
		return;
	}
	number = window(bits->text + bits->at / 6) << before;
	group = number >> (WINDOW_BITS - 1) & 1;
	*first = (uint32_t) (number >> (WINDOW_BITS - 17)) & 0xffff;
	*last = group ? (uint32_t) (number >> (WINDOW_BITS - 33)) & 0xffff : *first;
	bits->at += group ? 33 : 17;
}

static void
read_fibonacci_item(EcapiBits *bits, uint32_t *first, uint32_t *last)
{
	bool		group = ecapi_bits_read(bits, 1) != 0;

	*first = *last + ecapi_bits_fibonacci(bits);
	*last = group ? *first + ecapi_bits_fibonacci(bits) : *first;
}

/* The next item of a range; *last is that of the item before. */
static inline void
read_item(EcapiBits *bits, EcapiIdsForm form, uint32_t *first, uint32_t *last)
{
	if (form == ECAPI_IDS_RANGES)
		read_range_item(bits, first, last);
	else
		read_fibonacci_item(bits, first, last);
	if (*first == 0 || *last < *first || *last > ECAPI_IDS_MAX)
		bits->bad = true;
}

void
ecapi_ids_read_range(EcapiBits *bits, EcapiIdsCoding coding, uint32_t asked, EcapiIds *ids)
{
	uint32_t	first;
	uint32_t	last = 0;

	ids->form = coding == ECAPI_CODED_INT ? ECAPI_IDS_RANGES : ECAPI_IDS_FIBONACCI;
	ids->n = (uint32_t) ecapi_bits_read(bits, 12);
	ids->max = 0;
	ids->at = *bits;
	ids->asked = asked;
	ids->has_asked = false;
	for (uint32_t i = 0; i < ids->n && !bits->bad; i++)
	{
		read_item(bits, ids->form, &first, &last);
		if (last > ids->max)
			ids->max = last;
		ids->has_asked |= asked >= first && asked <= last;
	}
}

void
ecapi_ids_read_bitfield(EcapiBits *bits, uint32_t n, EcapiIds *ids)
{
	ids->form = ECAPI_IDS_BITFIELD;
	ids->n = n;
	ids->max = n;
	ids->at = *bits;
	ids->asked = 0;
	ids->has_asked = false;
	ecapi_bits_skip(bits, n);
}

void
ecapi_ids_read(EcapiBits *bits, EcapiIdsCoding coding, uint32_t asked, EcapiIds *ids)
{
	uint32_t	max = (uint32_t) ecapi_bits_read(bits, 16);

	if (ecapi_bits_read(bits, 1) != 0)
		ecapi_ids_read_range(bits, coding, asked, ids);
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
	if (id == ids->asked)
		return ids->has_asked;
	while (ecapi_ids_next(&walk, &first, &last))
	{
		if (id >= first && id <= last)
			return true;
	}
	return false;
}
