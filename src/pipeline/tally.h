/*
 * tally.h
 *	  What a page holds, by kind.
 */
#ifndef ECAPI_TALLY_H
#define ECAPI_TALLY_H

#include "postgres.h"

#include "destination/options.h"
#include "pipeline/forward.h"

/*
 * The summary of a page that holds nothing for a destination, by type and route;
 * NULL when it may hold something.  No reference is given.
 */
extern EcapiPage *ecapi_tally_excludes(EcapiPage *page, const EcapiOptions *options);

/*
 * A destination passes over a page it was excluded from, given by its summary: count
 * its events as filtered.
 */
extern void ecapi_tally_pass(EcapiDestination *destination, const EcapiPage *summary);

#endif							/* ECAPI_TALLY_H */
