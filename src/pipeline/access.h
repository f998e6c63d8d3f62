/*
 * access.h
 *	  The credentials of a destination, and when they changed.
 */
#ifndef ECAPI_ACCESS_H
#define ECAPI_ACCESS_H

#include "postgres.h"

#include "destination/credentials.h"
#include "pipeline/forward.h"

/*
 * Read the credentials of a destination, into the current context; its stamp is then
 * theirs.  As ecapi_credentials_read.
 */
extern bool ecapi_access_read(EcapiDestination *destination, EcapiCredentials *credentials,
							  char *error, size_t error_size);

/* Whether a credential changed so lately that the receiver may not know it yet. */
extern bool ecapi_access_is_new(const EcapiDestination *destination);

/* The same of the authorities that are trusted. */
extern bool ecapi_access_ca_is_new(const EcapiDestination *destination);

#endif							/* ECAPI_ACCESS_H */
