/*
 * embedded.h
 *	  What identifies a person inside of a longer text: e-mail addresses and telephone
 *	  numbers, and the escapes that hide them.
 *
 * Pure C above ICU: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_EMBEDDED_H
#define ECAPI_EMBEDDED_H

#include "event/unicode.h"

/*
 * Texts of events nest this deep: JSON, a text of it that is JSON, a URL in there,
 * and a URL in its query.
 */
#define ECAPI_EMBEDDED_LEVELS	4

/* Whether a text can hold an escape at all. */
extern bool ecapi_embedded_has_escapes(const char *text, size_t len);

/*
 * Take one level of escapes out of *len bytes, in place: those of JSON strings and
 * those of URLs.  It grows shorter; *len is set.  Returns whether there was any.
 * Escaped control characters become blanks.
 */
extern bool ecapi_embedded_unescape(char *text, size_t *len);

/*
 * The next e-mail address at or behind byte *from of a text, as long as it can be:
 * what stands before and behind cannot belong to it.  *from moves behind its "@".
 * False: there is none.
 */
extern bool ecapi_embedded_address(EcapiSpan text, size_t *from, EcapiSpan *address);

/*
 * The next run at or behind byte *from that has the digits of a telephone number and
 * is no part of a longer word.  *from moves behind it.  False: there is none.
 */
extern bool ecapi_embedded_phone(EcapiSpan text, size_t *from, EcapiSpan *phone);

#endif							/* ECAPI_EMBEDDED_H */
