/*
 * credentials.h
 *	  The secrets of a destination as header lines, wherever they stand.
 */
#ifndef ECAPI_CREDENTIALS_H
#define ECAPI_CREDENTIALS_H

#include <time.h>

#include "delivery/request.h"
#include "destination/options.h"

typedef struct EcapiCredentials
{
	int			nheaders;
	const char *headers[2];		/* "Name: value", palloc'd */
	const char *ca_file;		/* absolute path, palloc'd; NULL: the system's */
	uint64		stamp;			/* of the files that were read */
} EcapiCredentials;

/*
 * Read the credentials that options name.  False when a file cannot be used;
 * error then names the file and what is wrong, never a content.  stamp is set
 * either way.  Raises nothing but out-of-memory.
 */
extern bool ecapi_credentials_read(const EcapiOptions *options,
								   EcapiCredentials *credentials,
								   char *error, size_t error_size);

/*
 * The request of a body, without cookie.  It points into options, credentials and body,
 * which the caller keeps until it has ended.
 */
extern EcapiRequest ecapi_credentials_request(const EcapiOptions *options,
											  const EcapiCredentials *credentials,
											  const char *body, size_t body_len);

/* Differs when a credential file was replaced or rewritten; 0 without files. */
extern uint64 ecapi_credentials_stamp(const EcapiOptions *options);

/* When the CA file was replaced or rewritten last; 0: there is none, or it is not known. */
extern time_t ecapi_credentials_ca_changed_at(const EcapiOptions *options);

#endif							/* ECAPI_CREDENTIALS_H */
