/*
 * tally.h
 *	  What a page holds, by kind.
 */
#ifndef ECAPI_TALLY_H
#define ECAPI_TALLY_H

#include "postgres.h"

#include "destination/options.h"
#include "pipeline/forward.h"

extern EcapiPage *ecapi_tally_excludes(EcapiPage *page, const EcapiOptions *options);
extern void ecapi_tally_pass(EcapiDestination *destination, const EcapiPage *summary);

#endif							/* ECAPI_TALLY_H */
