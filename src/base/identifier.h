/*
 * identifier.h
 *	  Names as commands write them: identifiers in a text, and options in a list.
 */
#ifndef ECAPI_IDENTIFIER_H
#define ECAPI_IDENTIFIER_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* Behind the white space at text. */
extern const char *ecapi_identifier_skip_space(const char *text);

/*
 * The identifier at *at, by the rules of SQL: letters fold to lower case but in double
 * quotes, in which a double quote is written twice, and what is longer than a name is cut.
 * strict: one without quotes consists of letters, digits, _ and $, and begins with neither
 * of the latter but _; else it ends before white space, a dot, a comma or a quote.
 * palloc'd, and *at moves behind it; NULL when there is none.
 */
extern char *ecapi_identifier_read(const char **at, bool strict);

/* The option (DefElem) of that name in a list, or NULL; and its value as a text. */
extern DefElem *ecapi_option_find(List *options, const char *name);
extern const char *ecapi_option_text(List *options, const char *name);

#endif							/* ECAPI_IDENTIFIER_H */
