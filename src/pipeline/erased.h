/*
 * erased.h
 *	  Marking events in memory whose person was forgotten.
 */
#ifndef ECAPI_ERASED_H
#define ECAPI_ERASED_H

#include "postgres.h"

/*
 * Bring the marks of all pages up to date.  Outside of a transaction.  Raises what
 * SQL raises; then the next look finds the same.
 */
extern void ecapi_erased_refresh(void);

#endif							/* ECAPI_ERASED_H */
