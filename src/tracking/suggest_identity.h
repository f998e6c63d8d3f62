/*
 * suggest_identity.h
 *	  Whether the customer is the same one to all tracks.
 */
#ifndef ECAPI_SUGGEST_IDENTITY_H
#define ECAPI_SUGGEST_IDENTITY_H

#include "postgres.h"

#include "tracking/suggest_search.h"

/* Note a track of the same role that has another identifier of customers. */
extern void ecapi_suggest_compare_identity(EcapiSuggestion *search);

#endif							/* ECAPI_SUGGEST_IDENTITY_H */
