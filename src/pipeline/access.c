/*
 * access.c
 *	  The credentials of a destination, and when they changed.
 *
 * A credential is changed at the receiver and here, one after the other.  So for a while
 * after a change a refusal is no reason to stop.
 */
#include "postgres.h"

#include <time.h>

#include "pgtime.h"
#include "utils/timestamp.h"

#include "destination/options.h"
#include "pipeline/access.h"
#include "pipeline/destination.h"

/* A receiver may know a new credential some time later than this process. */
#define NEW_CREDENTIAL_US	(10 * USECS_PER_MINUTE)

bool
ecapi_access_read(EcapiDestination *destination, EcapiCredentials *credentials,
				  char *error, size_t error_size)
{
	bool		good = ecapi_credentials_read(destination->options, credentials,
											  error, error_size);

	if (credentials->stamp != destination->token_stamp)
		destination->token_changed_at = GetCurrentTimestamp();
	destination->token_stamp = credentials->stamp;
	return good;
}

bool
ecapi_access_is_new(const EcapiDestination *destination)
{
	TimestampTz since = GetCurrentTimestamp() - destination->token_changed_at;

	return destination->token_changed_at != 0 && since >= 0 && since < NEW_CREDENTIAL_US;
}

/* The file's own time counts, as the change may be older than this process or its last look. */
bool
ecapi_access_ca_is_new(const EcapiDestination *destination)
{
	pg_time_t	since;

	if (destination->options == NULL)
		return false;
	since = (pg_time_t) time(NULL) - ecapi_credentials_ca_changed_at(destination->options);
	return since >= 0 && since < NEW_CREDENTIAL_US / USECS_PER_SEC;
}
