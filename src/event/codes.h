/*
 * codes.h
 *	  ISO 4217 and ISO 3166-1: currencies and countries.
 *
 * Pure C: no server header, no allocation; all that is returned is constant.
 */
#ifndef ECAPI_CODES_H
#define ECAPI_CODES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The row of a code (len bytes, letter case is no difference) among n rows of that
 * width, which begin with their codes and are sorted by them; NULL: there is none.
 */
extern const void *ecapi_code_find(const void *rows, int n, size_t width,
								   const char *code, size_t len);

/*
 * ISO 4217, active codes; letter case is no difference.  Returns the code in
 * upper case, or NULL.  exponent, unless NULL, gets the decimals of the minor
 * unit, -1 where there is none (metals, units of account).
 */
extern const char *ecapi_currency_lookup(const char *code, size_t len, int *exponent);
extern const char *ecapi_currency_nth(int i, void *arg);

/*
 * ISO 3166-1.  Takes the alpha-2 or alpha-3 code or the English name, in any
 * letter case, and "UK"; returns the alpha-2 code in lower case, or NULL when
 * that is not certain.
 */
extern const char *ecapi_country_lookup(const char *text, size_t len);
extern const char *ecapi_country_name_nth(int i, void *arg);	/* for ecapi_closest() */

/*
 * Whether postal codes of a country (alpha-2, lower case, or NULL) are ZIP codes: the
 * United States, and the territories that share its codes.
 */
extern bool ecapi_country_has_zip(const char *country);

#endif							/* ECAPI_CODES_H */
