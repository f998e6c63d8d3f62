/*
 * erased.h
 *	  Marking events in memory whose person was forgotten.
 */
#ifndef ECAPI_ERASED_H
#define ECAPI_ERASED_H

#include "postgres.h"

extern void ecapi_erased_refresh(void);

#endif							/* ECAPI_ERASED_H */
