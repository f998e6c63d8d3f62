/*
 * words.h
 *	  What a receiver says, without what it may repeat of an event.
 *
 * A receiver may put into its answer whatever it was sent: an address, a digest, a name, a
 * number.  No rule knows all of these, so what is shown is what is known to be none: the
 * words of a list (words.def), numbers of up to three digits that stand alone, and the
 * points between them.  Everything else stands as an ellipsis.
 *
 * Secrets of the request were taken out before the answer was kept (destination/echo.c);
 * what is left of them here are asterisks.
 *
 * Pure C: no server header, no I/O.
 */
#ifndef ECAPI_WORDS_H
#define ECAPI_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* As much of an answer as a cell of a table has room for, with its NUL. */
#define ECAPI_WORDS_SIZE	200

/*
 * The answer (text, JSON or HTML, in any encoding) by these rules, in ASCII but for the
 * ellipses; "" when it says nothing.
 */
extern void ecapi_words_shown(const char *answer, char out[ECAPI_WORDS_SIZE]);

/* Whether n bytes are a word of the list, in whatever case. */
extern bool ecapi_words_has(const char *word, size_t n);

#endif							/* ECAPI_WORDS_H */
