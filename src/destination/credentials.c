/*
 * credentials.c
 *	  The secrets of a destination, wherever they stand.
 *
 * A secret is an option of the user mapping or the content of a file that an
 * option names (delivery/token.c).  Here they meet: all who send a request,
 * or check that one could be sent, come through this file.
 *
 * What is returned is palloc'd in the current context and belongs to the
 * caller.  Nothing of a secret goes into an error.
 */
#include "postgres.h"

#include <unistd.h>

#include "delivery/token.h"
#include "destination/credentials.h"
#include "destination/echo.h"
#include "destination/syntax.h"

uint64
ecapi_credentials_stamp(const EcapiOptions *options)
{
	const char *files[ECAPI_OWN_OPTIONS + 3];
	int			n = 0;
	uint64		stamp = 0;

	files[n++] = options->access_token_file;
	files[n++] = options->header_file;
	files[n++] = options->ca_file;
	for (int i = 0; i < options->format->nown; i++)
		files[n++] = options->own_file[i];
	/* the sum would not see two files swapped; the factor does */
	for (int i = 0; i < n; i++)
		if (files[i] != NULL)
			stamp = stamp * 31 + ecapi_token_stamp(options->credential_role, files[i]);
	return stamp;
}

time_t
ecapi_credentials_ca_changed_at(const EcapiOptions *options)
{
	if (options->ca_file == NULL)
		return 0;
	return ecapi_token_changed_at(options->credential_role, options->ca_file);
}

/*
 * The value of a secret in *value; NULL where neither an option nor a file has it.  False
 * when the file cannot be used.
 */
static bool
read_secret(const EcapiOptions *options, const char *given, const char *file, bool lines,
			const char **value, char *error, size_t error_size)
{
	*value = given;
	if (file == NULL)
		return true;
	*value = lines ?
		ecapi_token_read_lines(options->credential_role, file, error, error_size) :
		ecapi_token_read(options->credential_role, file, error, error_size);
	return *value != NULL;
}

/*
 * The validator has seen options but not what stands in files, so both are
 * looked at before they go into a request.
 */
static bool
unusable(const char *option, const char *file, const char *wrong,
		 char *error, size_t error_size)
{
	snprintf(error, error_size, "%s \"%s\" cannot be used: %s",
			 file != NULL ? "file" : "option", file != NULL ? file : option, wrong);
	return false;
}

static bool
read_token(const EcapiOptions *options, EcapiCredentials *credentials,
		   char *error, size_t error_size)
{
	const char *wrong;

	if (!read_secret(options, options->access_token, options->access_token_file, false,
					 &credentials->token, error, error_size))
		return false;
	if (credentials->token == NULL ||
		(wrong = ecapi_syntax_token(credentials->token)) == NULL)
		return true;
	return unusable("access_token", options->access_token_file, wrong, error, error_size);
}

static bool
read_header(const EcapiOptions *options, EcapiCredentials *credentials,
			char *error, size_t error_size)
{
	const char *wrong;

	if (!read_secret(options, options->header, options->header_file, false,
					 &credentials->header, error, error_size))
		return false;
	if (credentials->header == NULL)
		return true;
	wrong = ecapi_syntax_header(credentials->header);
	if (wrong == NULL && credentials->token != NULL && !options->format->own_token &&
		ecapi_syntax_header_is(credentials->header, "Authorization"))
		wrong = "It holds Authorization, which the access token makes already.";
	if (wrong == NULL)
		return true;
	return unusable("header", options->header_file, wrong, error, error_size);
}

/* A secret of the format's own, at place i of its table. */
static bool
read_own(const EcapiOptions *options, int i, EcapiCredentials *credentials,
		 char *error, size_t error_size)
{
	const EcapiOwnOption *own = &options->format->own[i];
	const char *wrong;

	if (!own->secret)
		return true;
	if (!read_secret(options, options->own[i], options->own_file[i], own->lines,
					 &credentials->own[i], error, error_size))
		return false;
	if (credentials->own[i] == NULL)
	{
		if (!own->required)
			return true;
		snprintf(error, error_size, "the user mapping has no option \"%s_file\"", own->name);
		return false;
	}
	if (own->check == NULL || (wrong = own->check(credentials->own[i])) == NULL)
		return true;
	return unusable(own->name, options->own_file[i], wrong, error, error_size);
}

static bool
find_ca_file(const EcapiOptions *options, EcapiCredentials *credentials,
			 char *error, size_t error_size)
{
	if (options->ca_file == NULL)
		return true;
	credentials->ca_file = ecapi_token_path(options->credential_role, options->ca_file,
											error, error_size);
	if (credentials->ca_file == NULL)
		return false;
	if (access(credentials->ca_file, R_OK) == 0)
		return true;
	ecapi_token_unreadable(options->credential_role, options->ca_file, errno,
						   error, error_size);
	return false;
}

bool
ecapi_credentials_read(const EcapiOptions *options, EcapiCredentials *credentials,
					   char *error, size_t error_size)
{
	MemSet(credentials, 0, sizeof(EcapiCredentials));
	/* before the content: a change in between is then read again */
	credentials->stamp = ecapi_credentials_stamp(options);
	if (!read_token(options, credentials, error, error_size) ||
		!read_header(options, credentials, error, error_size))
		return false;
	if (options->format->own_token && credentials->token == NULL)
	{
		snprintf(error, error_size, "the user mapping has no option \"access_token_file\"");
		return false;
	}
	for (int i = 0; i < options->format->nown; i++)
		if (!read_own(options, i, credentials, error, error_size))
			return false;
	return find_ca_file(options, credentials, error, error_size);
}

void
ecapi_credentials_redact(EcapiCredentials *credentials)
{
	if (credentials->token != NULL)
		credentials->token = ECAPI_REDACTED;
	if (credentials->header != NULL)
		credentials->header = psprintf("%.*s" ECAPI_REDACTED,
									   (int) (ecapi_echo_secret_of(credentials->header) -
											  credentials->header), credentials->header);
	for (int i = 0; i < ECAPI_OWN_OPTIONS; i++)
		if (credentials->own[i] != NULL)
			credentials->own[i] = ECAPI_REDACTED;
}
