/*
 * by_country.h
 *	  What depends on a country, before the country is taken away.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_BY_COUNTRY_H
#define ECAPI_BY_COUNTRY_H

#include "event/value.h"

/*
 * The event (an object) with its telephone numbers and postal codes in the normal
 * forms of a format, by its name, as far as the countries of its addresses determine
 * these; those that have none are left out.  Where no address has a country nothing changes: then the
 * default decides, before and after.  Itself when nothing changes, else a tree
 * that shares nodes with it.  When the arena fails (arena->failed), the result is
 * not to be used.
 */
extern const EcapiValue *ecapi_normalize_by_country(EcapiArena *arena, const char *format,
													const EcapiValue *event);

#endif							/* ECAPI_BY_COUNTRY_H */
