/*
 * closest.c
 *	  The name somebody probably meant.
 *
 * Two kinds of mistakes are worth a hint.  Slips of the finger: a letter too
 * many, too few, another one, or two swapped, which edit distance measures
 * (with swaps of neighbours counted once).  And half a name: "email" where
 * the standard says "email_address", which is far away by edit distance, but
 * stands in the name as whole words.  Slips go first.
 *
 * Letter case and the separators "-", " " and "." are no difference: they are
 * what people confuse when they carry names over from other systems.
 *
 * Names are ASCII and at most MAX_NAME bytes; longer ones are passed over.
 * Nothing is allocated and nothing is kept.
 */
#include "event/closest.h"

#include <stdbool.h>
#include <string.h>

#include "event/ascii.h"

#define MAX_NAME	64

/*
 * More than this many slips is another word.  With the rule in allowed_slips
 * that is what the server's own hints do (a quarter to a half of the word).
 */
#define MAX_SLIPS	4

static char
folded(char c)
{
	return c == '-' || c == ' ' || c == '.' ? '_' : ecapi_lower(c);
}

static void
fold(char *to, const char *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = folded(from[i]);
	to[len] = '\0';
}

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/* Edit distance with swaps of neighbours; both texts at most MAX_NAME. */
static int
distance(const char *a, int alen, const char *b, int blen)
{
	int			rows[3][MAX_NAME + 1];
	int		   *before = rows[0];
	int		   *above = rows[1];
	int		   *here = rows[2];

	for (int j = 0; j <= blen; j++)
		above[j] = j;
	for (int i = 1; i <= alen; i++)
	{
		int		   *free_row = before;

		here[0] = i;
		for (int j = 1; j <= blen; j++)
		{
			int			d = above[j - 1] + (a[i - 1] != b[j - 1]);

			d = least(d, least(above[j], here[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = least(d, before[j - 2] + 1);
			here[j] = d;
		}
		before = above;
		above = here;
		here = free_row;
	}
	return above[blen];
}

/* How far a word of len bytes may be off: half of it, and never too much. */
static int
allowed_slips(int len)
{
	return least(MAX_SLIPS, len / 2);
}

/* Whether part stands in whole between separators or ends. */
static bool
has_words(const char *whole, const char *part, size_t part_len)
{
	for (const char *at = strstr(whole, part); at; at = strstr(at + 1, part))
	{
		if ((at == whole || at[-1] == '_') &&
			(at[part_len] == '\0' || at[part_len] == '_'))
			return true;
	}
	return false;
}

const char *
ecapi_closest(const char *word, size_t len,
			  const char *(*nth) (int i, void *arg), void *arg)
{
	char		wanted[MAX_NAME + 1];
	char		candidate[MAX_NAME + 1];
	const char *slip = NULL;
	const char *half = NULL;
	size_t		half_gap = 0;
	int			slips;
	const char *name;

	if (len == 0 || len > MAX_NAME || memchr(word, '\0', len))
		return NULL;
	fold(wanted, word, len);
	slips = allowed_slips((int) len) + 1;

	for (int i = 0; (name = nth(i, arg)) != NULL; i++)
	{
		size_t		name_len = strlen(name);
		int			d;

		if (name_len == 0 || name_len > MAX_NAME)
			continue;
		fold(candidate, name, name_len);

		d = distance(wanted, (int) len, candidate, (int) name_len);
		if (d < slips)
		{
			slips = d;
			slip = name;
		}

		/* Of several, the one that adds or leaves out the least. */
		if (has_words(candidate, wanted, len) ||
			has_words(wanted, candidate, name_len))
		{
			size_t		gap = name_len > len ? name_len - len : len - name_len;

			if (half == NULL || gap < half_gap)
			{
				half = name;
				half_gap = gap;
			}
		}
	}

	/* Two slips and more are doubtful when the word itself is in a name. */
	if (slip && (slips <= 1 || half == NULL))
		return slip;
	return half;
}
