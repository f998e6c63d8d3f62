/*
 * stored.h
 *	  What a stored event says of itself, for those who decide about it or count it.
 *
 * Whatever was put into the outbox by hand is read, too, so every member may be
 * missing or of another type.  Pure C: no server header, no I/O.
 */
#ifndef ECAPI_STORED_H
#define ECAPI_STORED_H

#include <stdbool.h>

#include "event/value.h"

/* Why a text that no conversion makes UTF-8 cannot be read. */
#define ECAPI_STORED_NOT_UTF8	"cannot be converted to UTF-8"

/*
 * Why what was parsed of a stored text is no event: NULL where it is one, error where
 * tree is NULL, else a constant.
 */
extern const char *ecapi_stored_problem(const EcapiValue *tree, const char *error);

/* The index of its event type, -1: unknown. */
extern int	ecapi_stored_type(const EcapiValue *event);

/*
 * The number that it is worth, and its currency, three upper-case letters.  NULL when
 * one of the two is missing, or no such thing: then *currency is "".
 */
extern const EcapiValue *ecapi_stored_money(const EcapiValue *event, const char **currency);

/*
 * Can numeric hold a JSON number of that text?  One of more than 400 characters, or
 * with an exponent beyond 400, is no amount: no double is as long or as large.
 */
extern bool ecapi_stored_fits_numeric(const char *text, size_t len);

/* Is it what ecapi.forget() left of an event?  No emitted one has this member. */
extern bool ecapi_stored_is_erased(const EcapiValue *event);

#endif							/* ECAPI_STORED_H */
