/*
 * preview_request.c
 *	  The request around a previewed body: where it goes, under which headers, and,
 *	  in the platform's test mode, sending it.
 *
 * What is shown holds no secret: a header from the credentials is shown by its name,
 * a token as "***", and so are user name and password in a url and the parameters of
 * its query that carry a credential.  A receiver may repeat in its answer what it
 * was sent, so secrets are taken out of that, too.
 *
 * Sending happens inside the caller's transaction, unlike the worker's: the session is
 * the caller's own, and waits.  The client (delivery/http.c) belongs to the one call
 * and is destroyed whichever way it ends; between creating and destroying it every
 * error passes through PG_FINALLY, none through libcurl.  A cancel, a
 * statement_timeout and the end of the session end the wait.
 *
 * No locks; no shared state.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/builtins.h"

#include "delivery/http.h"
#include "delivery/retry_policy.h"
#include "delivery/sockets.h"
#include "destination/credentials.h"
#include "destination/echo.h"
#include "destination/syntax.h"
#include "preview/preview.h"
#include "records/failed.h"
#include "settings.h"

/* ---- without secrets ---- */

/* A url's query, with the values of parameters that carry a credential redacted. */
static void
append_query(StringInfo shown, const char *query)
{
	while (*query != '\0')
	{
		size_t		len = strcspn(query, "&;");
		const char *equals = memchr(query, '=', len);

		if (equals != NULL && ecapi_syntax_secret_name(query, equals - query))
		{
			appendBinaryStringInfo(shown, query, (int) (equals - query) + 1);
			appendStringInfoString(shown, ECAPI_REDACTED);
		}
		else
			appendBinaryStringInfo(shown, query, (int) len);
		query += len;
		if (*query != '\0')
			appendStringInfoChar(shown, *query++);
	}
}

static char *
redact_url(const char *url)
{
	StringInfoData shown;
	const char *host = strstr(url, "://");
	const char *at;

	initStringInfo(&shown);
	host = host == NULL ? url : host + 3;
	appendBinaryStringInfo(&shown, url, (int) (host - url));
	at = memchr(host, '@', strcspn(host, "/?#"));
	if (at != NULL)
	{
		appendStringInfoString(&shown, ECAPI_REDACTED "@");
		host = at + 1;
	}
	at = strchr(host, '?');
	if (at == NULL)
		appendStringInfoString(&shown, host);
	else
	{
		appendBinaryStringInfo(&shown, host, (int) (at - host) + 1);
		append_query(&shown, at + 1);
	}
	return shown.data;
}

void
ecapi_preview_describe(const EcapiPreview *preview, EcapiPreviewRequest *request)
{
	const char *url = ecapi_options_url(preview->options);
	EcapiCredentials credentials;
	StringInfoData headers;
	const char *line;
	char		error[512];

	request->url = url == NULL ? NULL : redact_url(url);
	initStringInfo(&headers);
	for (int i = 0; (line = ecapi_http_header_nth(i)) != NULL; i++)
		appendStringInfo(&headers, "%s%s", i > 0 ? "\n" : "", line);
	if (ecapi_credentials_read(preview->options, &credentials, error, sizeof(error)))
		for (int i = 0; i < credentials.nheaders; i++)
		{
			line = credentials.headers[i];
			appendStringInfo(&headers, "\n%.*s" ECAPI_REDACTED, (int) (ecapi_echo_secret_of(line) - line), line);
		}
	else
		ereport(NOTICE,
				(errcode(ERRCODE_WARNING),
				 errmsg("the request could not be sent as it is: %s", error)));
	request->headers = headers.data;
}

/* ---- sending ---- */

void
ecapi_preview_use_test_mode(EcapiPreview *preview)
{
	if (!preview->options->format->has_test_mode && preview->options->test_url == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("destination \"%s\" has no test mode", preview->server->servername),
				 errdetail("The format \"%s\" has none of its own.",
						   preview->options->format->name),
				 errhint("Set the option \"test_url\" to where the receiver takes test events.")));
	if (!ecapi_delivery)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot send while \"ecapi.delivery\" is off"),
				 errhint("Without send => true the request is shown and not sent.")));
	preview->options->mode = ECAPI_MODE_TEST;
}

/* What came of it, out of the client's memory. */
static int
take_answer(const EcapiAnswer *answer, const EcapiRequest *request, char **text)
{
	char		error[512];
	char	   *body;

	if (answer->transport == ECAPI_TRANSPORT_OK && answer->status > 0)
	{
		body = pnstrdup(answer->body, answer->body_len);
		(void) ecapi_echo_redact(body, strlen(body), request->headers, request->nheaders,
								 request->url);
		*text = ecapi_failed_answer(body);
		return answer->status;
	}
	ecapi_policy_describe(answer, error, sizeof(error));
	*text = pstrdup(error);
	return 0;
}

static int
wait_for_answer(EcapiHttp *http, const EcapiRequest *request, char **text)
{
	EcapiAnswer answer;

	while (!ecapi_http_answer(http, &answer))
	{
		if (ecapi_sockets_wait(http, -1))
			ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return take_answer(&answer, request, text);
}

int
ecapi_preview_send(const EcapiPreview *preview, char **answer)
{
	EcapiCredentials credentials;
	EcapiRequest request;
	EcapiHttp  *http;
	char		error[512];
	int volatile status = 0;	/* is set inside of PG_TRY */

	/* the description has reported what is wrong with them */
	if (!ecapi_credentials_read(preview->options, &credentials, error, sizeof(error)))
	{
		*answer = pstrdup(error);
		return 0;
	}
	request = ecapi_credentials_request(preview->options, &credentials,
										preview->body.buffer.data, preview->body.buffer.len);
	http = ecapi_http_create(AcquireExternalFD, ReleaseExternalFD, 1);
	if (http == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not set up a request")));
	PG_TRY();
	{
		if (ecapi_http_start(http, &request, error, sizeof(error)))
			status = wait_for_answer(http, &request, answer);
		else
			*answer = pstrdup(error);
	}
	PG_FINALLY();
	{
		ecapi_sockets_forget();
		ecapi_http_destroy(http);
	}
	PG_END_TRY();
	return status;
}
