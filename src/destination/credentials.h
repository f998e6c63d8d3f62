/*
 * credentials.h
 *	  The secrets of a destination, wherever they stand.
 */
#ifndef ECAPI_CREDENTIALS_H
#define ECAPI_CREDENTIALS_H

#include <time.h>

#include "destination/options.h"

typedef struct EcapiCredentials
{
	const char *token;			/* access_token, or one that was fetched; NULL: none */
	const char *header;			/* "Name: value"; NULL: none */
	const char *own[ECAPI_OWN_OPTIONS]; /* the format's own, at their places in its table */
	const char *ca_file;		/* absolute path; NULL: the system's */
	uint64		stamp;			/* of the files that were read */
} EcapiCredentials;

/*
 * Read the credentials that options name.  False when one cannot be used, or one that the
 * format requires is missing; error then names it and what is wrong, never a content.
 * stamp is set either way.  Everything is palloc'd.  Raises nothing but out-of-memory.
 */
extern bool ecapi_credentials_read(const EcapiOptions *options,
								   EcapiCredentials *credentials,
								   char *error, size_t error_size);

/* The same, with what stands for a secret (echo.h) in place of each. */
extern void ecapi_credentials_redact(EcapiCredentials *credentials);

/* Differs when a credential file was replaced or rewritten; 0 without files. */
extern uint64 ecapi_credentials_stamp(const EcapiOptions *options);

/* When the CA file was replaced or rewritten last; 0: there is none, or it is not known. */
extern time_t ecapi_credentials_ca_changed_at(const EcapiOptions *options);

#endif							/* ECAPI_CREDENTIALS_H */
