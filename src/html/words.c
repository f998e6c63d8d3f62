/*
 * words.c
 *	  What a receiver says, without what it may repeat of an event; see words.h.
 *
 * An answer is cut into chunks at white space, quotes, brackets, commas and the like.  A
 * chunk is shown when it is a short number, or when all of its words, parted by
 * punctuation or by capitals ("user_data.em", "OAuthException"), are in the list.  A chunk
 * with a digit beside anything else, an @ or a byte beyond ASCII is never shown, so no
 * address, number or digest is shown in part.  Tags of HTML are passed over.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "html/words.h"

#define ELLIPSIS "\xE2\x80\xA6"

/* The longest word of the list is shorter. */
#define WORD_MAX	24

/* Numbers of three digits are statuses, positions and limits; a person's are longer. */
#define DIGITS_MAX	3

static const char *const words[] = {
#define ECAPI_WORD(word) #word,
#include "html/words.def"
#undef ECAPI_WORD
};

static int
compare(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *) entry);
}

bool
ecapi_words_has(const char *word, size_t n)
{
	char		lower[WORD_MAX + 1];

	if (n == 0 || n > WORD_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
	{
		unsigned char c = (unsigned char) word[i];

		lower[i] = c >= 'A' && c <= 'Z' ? (char) (c + 32) : (char) c;
	}
	lower[n] = '\0';
	return bsearch(lower, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]), compare) != NULL;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
ends_chunk(char c)
{
	return c == '\0' || strchr(" \t\r\n\f\v\"'`<>{}[]()|,;=&\\", c) != NULL;
}

/* Punctuation that is shown around and between words. */
static bool
is_point(char c)
{
	return c != '\0' && strchr(".:!?-_/", c) != NULL;
}

/*
 * A run of letters is known as a whole, or as words that begin with capitals: the run
 * before the next small letter behind a capital is one ("OAuth" is none of these).
 */
static bool
is_known(const char *run, size_t n)
{
	size_t		from = 0;

	if (ecapi_words_has(run, n))
		return true;
	for (size_t i = 1; i <= n; i++)
	{
		bool		begins = i < n && run[i] >= 'A' && run[i] <= 'Z' &&
			(run[i - 1] >= 'a' || (i + 1 < n && run[i + 1] >= 'a'));

		if (i < n && !begins)
			continue;
		/* "OAuth" has a capital too many */
		if (i < n && i - from == 1 && from == 0)
			continue;
		if (!ecapi_words_has(run + from, i - from))
			return false;
		from = i;
	}
	return true;
}

/* All of it, the points at its ends left out. */
static bool
is_shown(const char *chunk, size_t n)
{
	size_t		i = 0;

	if (n > 0 && is_digit(chunk[0]))
	{
		while (i < n && is_digit(chunk[i]))
			i++;
		return i == n && n <= DIGITS_MAX;
	}
	while (i < n)
	{
		size_t		from = i;

		while (i < n && is_letter(chunk[i]))
			i++;
		if (i == from || !is_known(chunk + from, i - from))
			return false;
		/* one point between two words, or two colons */
		if (i < n && (!is_point(chunk[i]) || i + 1 == n))
			return false;
		i += i < n;
	}
	return n > 0;
}

typedef struct Shown
{
	char	   *out;
	size_t		len;
	bool		hides;			/* ends in an ellipsis; only points since */
	bool		space;			/* one is due before what comes */
	bool		digits;			/* the chunk before had some */
	bool		full;
} Shown;

static void
add(Shown *shown, const char *text, size_t n)
{
	size_t		space = shown->space && shown->len > 0;

	if (shown->full || shown->len + space + n + sizeof(ELLIPSIS) > ECAPI_WORDS_SIZE)
	{
		shown->full = true;
		return;
	}
	if (space)
		shown->out[shown->len++] = ' ';
	memcpy(shown->out + shown->len, text, n);
	shown->len += n;
	shown->space = false;
}

static void
hide(Shown *shown)
{
	if (!shown->hides)
		add(shown, ELLIPSIS, 3);
	shown->hides = true;
	shown->space = true;
}

/* A point before which something stands, and not the same point. */
static void
add_point(Shown *shown, char c)
{
	char		last = shown->len > 0 ? shown->out[shown->len - 1] : '\0';

	if (shown->hides || !(isalnum((unsigned char) last)))
		return;
	shown->space = false;
	add(shown, &c, 1);
	shown->space = true;
}

/* Whether what comes next, behind whatever parts them, has a digit in it. */
static bool
a_number_follows(const char *at)
{
	while (*at != '\0' && (ends_chunk(*at) || is_point(*at)))
		at++;
	while (!ends_chunk(*at) && !is_digit(*at))
		at++;
	return is_digit(*at);
}

static void
take_chunk(Shown *shown, const char *chunk, size_t n)
{
	size_t		from = 0;
	size_t		end = n;

	while (from < n && is_point(chunk[from]))
		from++;
	while (end > from && is_point(chunk[end - 1]))
		end--;
	if (from > 0 && chunk[0] == ':')
		add_point(shown, ':');
	if (from == end)
		return;
	/* a sign or a point before a number belongs to it, and so do numbers beside it */
	if (is_digit(chunk[from]) && ((from > 0 && chunk[from - 1] != ':') || shown->digits ||
								  a_number_follows(chunk + n)))
		hide(shown);
	else if (is_shown(chunk + from, end - from))
	{
		add(shown, chunk + from, end - from);
		shown->hides = false;
		shown->space = true;
	}
	else
		hide(shown);
	shown->digits = false;
	for (size_t i = 0; i < n; i++)
		shown->digits |= is_digit(chunk[i]);
	if (end < n && strchr(".:!?", chunk[end]) != NULL)
		add_point(shown, chunk[end]);
}

/* Behind a tag, or behind the < of what is none. */
static const char *
behind_tag(const char *at)
{
	const char *end;

	if (!is_letter(at[1]) && at[1] != '/' && at[1] != '!')
		return at + 1;
	end = strchr(at, '>');
	return end != NULL ? end + 1 : at + strlen(at);
}

void
ecapi_words_shown(const char *answer, char out[ECAPI_WORDS_SIZE])
{
	Shown		shown = {.out = out};

	while (*answer != '\0' && !shown.full)
	{
		size_t		n = 0;

		if (*answer == '<')
		{
			answer = behind_tag(answer);
			shown.space = true;
			continue;
		}
		while (!ends_chunk(answer[n]))
			n++;
		if (n > 0)
			take_chunk(&shown, answer, n);
		else
		{
			if (*answer == ',' || *answer == ';')
				add_point(&shown, *answer);
			shown.space = true;
			n = 1;
		}
		answer += n;
	}
	if (shown.full && !shown.hides)
	{
		memcpy(out + shown.len, ELLIPSIS, 3);
		shown.len += 3;
	}
	out[shown.len] = '\0';
	/* nothing but what is hidden says nothing */
	if (strcmp(out, ELLIPSIS) == 0)
		out[0] = '\0';
}
