/*
 * credentials.c
 *	  The secrets of a destination as header lines, wherever they stand.
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
#include "destination/syntax.h"

uint64
ecapi_credentials_stamp(const EcapiOptions *options)
{
	uint64		stamp = 0;

	/* the sum would not see two files swapped; the factor does */
	if (options->access_token_file != NULL)
		stamp = stamp * 31 + ecapi_token_stamp(options->credential_role,
											   options->access_token_file);
	if (options->header_file != NULL)
		stamp = stamp * 31 + ecapi_token_stamp(options->credential_role,
											   options->header_file);
	if (options->ca_file != NULL)
		stamp = stamp * 31 + ecapi_token_stamp(options->credential_role,
											   options->ca_file);
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
 * The validator has seen options but not what stands in files, so both are
 * looked at here, before they become lines of a request.
 */
static bool
check_content(const EcapiOptions *options, const char *token, const char *header,
			  char *error, size_t error_size)
{
	const char *wrong;

	if (token != NULL && (wrong = ecapi_syntax_token(token)) != NULL)
	{
		snprintf(error, error_size, "%s \"%s\" cannot be used: %s",
				 options->access_token_file != NULL ? "file" : "option",
				 options->access_token_file != NULL ? options->access_token_file
				 : "access_token", wrong);
		return false;
	}
	if (header == NULL)
		return true;
	wrong = ecapi_syntax_header(header);
	if (wrong == NULL && token != NULL && ecapi_syntax_header_is(header, "Authorization"))
		wrong = "It holds Authorization, which the access token makes already.";
	if (wrong == NULL)
		return true;
	snprintf(error, error_size, "%s \"%s\" cannot be used: %s",
			 options->header_file != NULL ? "file" : "option",
			 options->header_file != NULL ? options->header_file : "header", wrong);
	return false;
}

bool
ecapi_credentials_read(const EcapiOptions *options, EcapiCredentials *credentials,
					   char *error, size_t error_size)
{
	const char *token = options->access_token;
	const char *header = options->header;

	MemSet(credentials, 0, sizeof(EcapiCredentials));
	/* before the content: a change in between is then read again */
	credentials->stamp = ecapi_credentials_stamp(options);

	if (options->access_token_file != NULL &&
		(token = ecapi_token_read(options->credential_role, options->access_token_file,
								  error, error_size)) == NULL)
		return false;
	if (options->header_file != NULL &&
		(header = ecapi_token_read(options->credential_role, options->header_file,
								   error, error_size)) == NULL)
		return false;
	if (!check_content(options, token, header, error, error_size))
		return false;
	if (token != NULL)
		credentials->headers[credentials->nheaders++] =
			psprintf("Authorization: Bearer %s", token);
	if (header != NULL)
		credentials->headers[credentials->nheaders++] = pstrdup(header);

	if (options->ca_file != NULL)
	{
		credentials->ca_file = ecapi_token_path(options->credential_role, options->ca_file,
												error, error_size);
		if (credentials->ca_file == NULL)
			return false;
		if (access(credentials->ca_file, R_OK) != 0)
		{
			ecapi_token_unreadable(options->credential_role, options->ca_file, errno,
								   error, error_size);
			return false;
		}
	}
	return true;
}

EcapiRequest
ecapi_credentials_request(const EcapiOptions *options, const EcapiCredentials *credentials,
						  const char *body, size_t body_len)
{
	return (EcapiRequest) {
		.url = ecapi_options_url(options),
		.headers = credentials->headers,
		.nheaders = credentials->nheaders,
		.body = body,
		.body_len = body_len,
		.ca_file = credentials->ca_file,
		.timeout_ms = options->timeout_ms
	};
}
