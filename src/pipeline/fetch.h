/*
 * fetch.h
 *	  Access tokens that are fetched (destination/grant.h).
 */
#ifndef ECAPI_FETCH_H
#define ECAPI_FETCH_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "destination/credentials.h"
#include "pipeline/forward.h"

/*
 * Whether a request may be sent as far as its token is concerned: it needs none that is
 * fetched, or there is one.  Else one is fetched, or the destination waits or stops.
 */
extern bool ecapi_fetch_ready(EcapiDestination *destination, TimestampTz now);

/* Put the token into credentials, if there is one. */
extern void ecapi_fetch_use(EcapiDestination *destination, EcapiCredentials *credentials);

/*
 * The receiver refused the token of that serial number.  True when a request may be made
 * again with another one, false when that has been tried.
 */
extern bool ecapi_fetch_again(EcapiDestination *destination, int serial);

/* A request passed. */
extern void ecapi_fetch_passed(EcapiDestination *destination);

/* Forget the token, and end an errand for one. */
extern void ecapi_fetch_forget(EcapiDestination *destination);

#endif							/* ECAPI_FETCH_H */
