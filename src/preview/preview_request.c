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

#include <time.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/builtins.h"

#include "base/tree.h"
#include "delivery/http.h"
#include "delivery/retry_policy.h"
#include "delivery/sockets.h"
#include "destination/credentials.h"
#include "destination/echo.h"
#include "destination/grant.h"
#include "destination/outgoing.h"
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

/*
 * Make the request of a preview's body with these credentials, palloc'd; the body stays
 * as it was, so that it can be made again.
 */
static bool
make_request(EcapiPreview *preview, const EcapiCredentials *credentials,
			 EcapiOutgoing *outgoing, char *error, size_t error_size)
{
	EcapiBuffer *buffer = &preview->body.buffer;
	size_t		len = buffer->len;
	size_t		max = buffer->max;
	EcapiArena	arena;
	bool		made;

	ecapi_tree_arena(&arena, CurrentMemoryContext);
	made = ecapi_outgoing_make(&preview->body, credentials, (pg_time_t) time(NULL), &arena,
							   outgoing, error, error_size);
	outgoing->body = pnstrdup(buffer->data, buffer->len);
	ecapi_buffer_truncate(buffer, len);
	buffer->max = max;
	return made;
}

void
ecapi_preview_describe(EcapiPreview *preview, EcapiPreviewRequest *request)
{
	EcapiCredentials credentials;
	EcapiOutgoing outgoing;
	EcapiRequest shown;
	StringInfoData headers;
	const char *line;
	char		error[512];

	if (!ecapi_credentials_read(preview->options, &credentials, error, sizeof(error)))
		ereport(NOTICE,
				(errcode(ERRCODE_WARNING),
				 errmsg("the request could not be sent as it is: %s", error)));
	ecapi_credentials_redact(&credentials);
	(void) make_request(preview, &credentials, &outgoing, error, sizeof(error));

	request->url = outgoing.url == NULL ? NULL : redact_url(outgoing.url);
	request->body = outgoing.body;
	request->body_len = outgoing.body_len;
	shown = ecapi_outgoing_request(&outgoing, preview->options, &credentials);
	initStringInfo(&headers);
	/* to a producer they are settings, and it has no others */
	for (int i = 0; preview->options->format->producer == NULL &&
		 (line = ecapi_request_header_nth(&shown, i)) != NULL; i++)
		appendStringInfo(&headers, "%s%s", i > 0 ? "\n" : "", line);
	for (int i = 0; i < outgoing.nheaders; i++)
		appendStringInfo(&headers, "%s%s", headers.len > 0 ? "\n" : "", outgoing.headers[i]);
	request->headers = headers.data;
}

/* ---- sending ---- */

void
ecapi_preview_use_test_mode(EcapiPreview *preview)
{
	if (preview->options->format->producer != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("destination \"%s\" has no test mode", preview->server->servername),
				 errdetail("The format \"%s\" has none of its own.",
						   preview->options->format->name),
				 errhint("Send to a topic for tests by a destination of its own.")));
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
	if (preview->options->format->test_counts && preview->options->test_url == NULL)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("the platform counts test events like others"),
				 errdetail("The format \"%s\" marks them for its test view, and its reports and optimization take them in all the same.",
						   preview->options->format->name),
				 errhint("Use a data set for tests, or set the option \"test_url\".")));
	preview->options->mode = ECAPI_MODE_TEST;
}

/* What an answer is for. */
typedef struct Exchange
{
	const EcapiPreview *preview;
	const EcapiOutgoing *outgoing;	/* of the request */
	int			status;
	char	   *text;
	EcapiGranted granted;		/* in granted_in */
	EcapiArena	granted_in;
} Exchange;

/* What came of it, out of the client's memory. */
static void
take_answer(Exchange *exchange, const EcapiAnswer *answer)
{
	const EcapiOutgoing *outgoing = exchange->outgoing;
	char		error[512];
	char	   *body;

	if (answer->transport == ECAPI_TRANSPORT_OK && answer->status > 0)
	{
		body = pnstrdup(answer->body, answer->body_len);
		(void) ecapi_echo_redact(body, strlen(body), outgoing->secrets, outgoing->nsecrets,
								 outgoing->url);
		exchange->text = ecapi_failed_answer(body);
		exchange->status = answer->status;
		return;
	}
	ecapi_policy_describe(answer, error, sizeof(error));
	exchange->text = pstrdup(error);
}

/* The token that an answer grants. */
static void
take_token(Exchange *exchange, const EcapiAnswer *answer)
{
	exchange->preview->options->format->grant->take(answer, &exchange->granted_in,
													 &exchange->granted);
}

/* Send a request, wait for its answer and take it.  False: it could not be sent. */
static bool
send_and_take(Exchange *exchange, const EcapiRequest *request,
			  void (*take) (Exchange *exchange, const EcapiAnswer *answer))
{
	EcapiHttp  *http = ecapi_http_create(AcquireExternalFD, ReleaseExternalFD, 1);
	EcapiAnswer answer;
	char		error[512];
	bool volatile sent = false; /* is set inside of PG_TRY */

	if (http == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not set up a request")));
	PG_TRY();
	{
		sent = ecapi_http_start(http, request, error, sizeof(error));
		if (!sent)
			exchange->text = pstrdup(error);
		while (sent && !ecapi_http_answer(http, &answer))
		{
			if (ecapi_sockets_wait(http, -1))
				ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
		if (sent)
			take(exchange, &answer);
	}
	PG_FINALLY();
	{
		ecapi_sockets_forget();
		ecapi_http_destroy(http);
	}
	PG_END_TRY();
	return sent;
}

/*
 * A token of the platform's, where the format fetches one; it serves this one call.
 * False, with exchange->text, when there is none.
 */
static bool
fetch_token(Exchange *exchange, EcapiCredentials *credentials)
{
	const EcapiOptions *options = exchange->preview->options;
	EcapiGrantRequest asked = {0};
	EcapiRequest request;
	const char *problem = "out of memory";

	ecapi_tree_arena(&exchange->granted_in, CurrentMemoryContext);
	if (!options->format->grant->ask(options, credentials, (int64) time(NULL),
									 &exchange->granted_in, &asked, &problem))
	{
		exchange->text = psprintf("no access token: %s", problem);
		return false;
	}
	request = (EcapiRequest) {
		.url = asked.url,
		.body = asked.body,
		.body_len = asked.body_len,
		.form = true,
		.ca_file = credentials->ca_file,
		.timeout_ms = options->timeout_ms
	};
	if (!send_and_take(exchange, &request, take_token))
		return false;
	credentials->token = exchange->granted.token;
	if (credentials->token == NULL)
		exchange->text = psprintf("no access token: %s", exchange->granted.problem);
	return credentials->token != NULL;
}

int
ecapi_preview_send(EcapiPreview *preview, char **answer)
{
	EcapiCredentials credentials;
	EcapiOutgoing outgoing;
	Exchange	exchange = {.preview = preview, .outgoing = &outgoing};
	EcapiRequest request;
	char		error[512];

	/* the description has reported what is wrong with them */
	if (!ecapi_credentials_read(preview->options, &credentials, error, sizeof(error)))
	{
		*answer = pstrdup(error);
		return 0;
	}
	if (preview->options->format->grant != NULL && credentials.token == NULL &&
		!fetch_token(&exchange, &credentials))
	{
		*answer = exchange.text;
		return 0;
	}
	if (!make_request(preview, &credentials, &outgoing, error, sizeof(error)))
	{
		*answer = pstrdup(error);
		return 0;
	}
	request = ecapi_outgoing_request(&outgoing, preview->options, &credentials);
	(void) send_and_take(&exchange, &request, take_answer);
	*answer = exchange.text;
	return exchange.status;
}
