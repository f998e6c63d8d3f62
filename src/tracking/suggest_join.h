/*
 * suggest_join.h
 *	  A join to the customer that names suggest, where no foreign key says it.
 */
#ifndef ECAPI_SUGGEST_JOIN_H
#define ECAPI_SUGGEST_JOIN_H

#include "postgres.h"

#include "tracking/suggest_search.h"

/* Note such a join, with the path that states it; it is not taken. */
extern void ecapi_suggest_join(EcapiSuggestion *search);

#endif							/* ECAPI_SUGGEST_JOIN_H */
