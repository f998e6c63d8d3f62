/*
 * phone.h
 *	  Telephone numbers as "+" and digits (ITU-T E.164).
 *
 * Pure C above ICU: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_PHONE_H
#define ECAPI_PHONE_H

#include <stdbool.h>
#include <stddef.h>

/* "+", at most 15 digits, NUL. */
#define ECAPI_PHONE_SIZE	17

/*
 * Bring a telephone number (valid UTF-8, len bytes) into its international
 * form.  country is the alpha-2 code, in lower case, of the country whose
 * numbers are meant when it has no country calling code, or NULL.  False when
 * the form is not certain; then out is empty.
 */
extern bool ecapi_phone_normalize(const char *text, size_t len, const char *country,
								  char out[ECAPI_PHONE_SIZE]);

/* Whether a text looks like a telephone number that lacks only its country. */
extern bool ecapi_phone_is_national(const char *text, size_t len);

#endif							/* ECAPI_PHONE_H */
