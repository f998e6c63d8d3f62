/*
 * country.h
 *	  Where the person of an event lives, by the addresses.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_COUNTRY_OF_H
#define ECAPI_COUNTRY_OF_H

#include "event/value.h"

/* The country of an address object, alpha-2 in lower case, or NULL. */
extern const char *ecapi_country_of_address(const EcapiValue *address);

/*
 * The country that a phone number written without one belongs to: that of the
 * user's addresses, if they agree; the default, if none of them has one; else
 * NULL.  A guess between several would turn one person's number into another's.
 */
extern const char *ecapi_country_of_user(const EcapiValue *user_data,
										 const char *default_country);

#endif							/* ECAPI_COUNTRY_OF_H */
