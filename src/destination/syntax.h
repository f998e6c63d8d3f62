/*
 * syntax.h
 *	  Whether a text is a URL, a header line, a token that may be used.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_SYNTAX_H
#define ECAPI_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Each takes a NUL-terminated text and returns NULL when it is good, else a
 * constant sentence about what is wrong, which quotes nothing of the text.
 */

/* Where to send: https, or http to this machine; see syntax.c. */
extern const char *ecapi_syntax_url(const char *url);

/* "Name: value", one line, and not a header that makes the request itself. */
extern const char *ecapi_syntax_header(const char *line);

/* A bearer token: printable ASCII without blanks. */
extern const char *ecapi_syntax_token(const char *token);

/* Whether a good header line has this name. */
extern bool ecapi_syntax_header_is(const char *line, const char *name);

/* Whether a parameter of this name, in the query of a url, carries a credential. */
extern bool ecapi_syntax_secret_name(const char *name, size_t len);

#endif							/* ECAPI_SYNTAX_H */
