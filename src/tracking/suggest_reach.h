/*
 * suggest_reach.h
 *	  The tables that a mapping is guessed from.
 */
#ifndef ECAPI_SUGGEST_REACH_H
#define ECAPI_SUGGEST_REACH_H

#include "postgres.h"

#include "tracking/suggest_search.h"

/* Fill in the tables of a search. */
extern void ecapi_suggest_read_tables(EcapiSuggestion *search);

#endif							/* ECAPI_SUGGEST_REACH_H */
