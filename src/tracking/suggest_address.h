/*
 * suggest_address.h
 *	  Which columns make the address.
 */
#ifndef ECAPI_SUGGEST_ADDRESS_PARTS_H
#define ECAPI_SUGGEST_ADDRESS_PARTS_H

#include "postgres.h"

#include "tracking/suggest_search.h"

/* Take the sources of the address. */
extern void ecapi_suggest_address(EcapiSuggestion *search);

#endif							/* ECAPI_SUGGEST_ADDRESS_PARTS_H */
