/*
 * outgoing.c
 *	  A request as it goes out: a body that was shaped, its URL, and everything secret.
 *
 * Invariants
 *	(1) A secret is in a request only from here on, and every one that is stands in
 *		outgoing->secrets, by which answers are redacted.
 *	(2) A body is sealed once.  A request that is made again has a body that was shaped
 *		again (pipeline/gather.c).
 *
 * No locks, no state.
 */
#include "postgres.h"

#include "destination/outgoing.h"
#include "destination/percent.h"
#include "event/buffer.h"

/* first + second in the arena; NULL without memory. */
static const char *
join(EcapiArena *arena, const char *first, const char *second)
{
	size_t		len = strlen(first);
	size_t		more = strlen(second);
	char	   *joined = ecapi_arena_alloc(arena, len + more + 1);

	if (joined == NULL)
		return NULL;
	memcpy(joined, first, len);
	memcpy(joined + len, second, more + 1);
	return joined;
}

void
ecapi_outgoing_header(EcapiSealing *sealing, const char *line, bool secret)
{
	EcapiOutgoing *outgoing = sealing->outgoing;

	if (line == NULL)
		return;
	Assert(outgoing->nheaders < lengthof(outgoing->headers));
	outgoing->headers[outgoing->nheaders++] = line;
	if (secret)
		outgoing->secrets[outgoing->nsecrets++] = line;
}

void
ecapi_outgoing_field(EcapiSealing *sealing, const char *name, const char *value, bool secret)
{
	const char *start = value == NULL ? NULL : join(sealing->arena, name, ": ");

	if (start != NULL)
		ecapi_outgoing_header(sealing, join(sealing->arena, start, value), secret);
}

void
ecapi_outgoing_need_token(EcapiSealing *sealing)
{
	if (sealing->credentials->token == NULL && sealing->credentials->header == NULL)
		sealing->problem = "there is no access token: set access_token_file in the user mapping";
}

/* A secret that is in no header of its own. */
static void
hide(EcapiSealing *sealing, const char *secret)
{
	const char *line = join(sealing->arena, "secret: ", secret);

	if (line != NULL)
		sealing->outgoing->secrets[sealing->outgoing->nsecrets++] = line;
}

void
ecapi_outgoing_query(EcapiSealing *sealing, const char *name, const char *value, bool secret)
{
	EcapiOutgoing *outgoing = sealing->outgoing;
	EcapiBuffer url;
	size_t		size;
	char	   *memory;

	if (value == NULL || outgoing->url == NULL)
		return;
	size = strlen(outgoing->url) + strlen(name) + ECAPI_PERCENT_MAX(strlen(value)) + 3;
	memory = ecapi_arena_alloc(sealing->arena, size);
	if (memory == NULL)
		return;
	ecapi_buffer_over(&url, memory, size);
	ecapi_buffer_str(&url, outgoing->url);
	ecapi_buffer_char(&url, strchr(outgoing->url, '?') ? '&' : '?');
	ecapi_buffer_str(&url, name);
	ecapi_buffer_char(&url, '=');
	ecapi_percent_encode(&url, value);
	outgoing->url = url.data;
	if (secret)
		hide(sealing, value);
}

static void
add_credentials(EcapiSealing *sealing)
{
	const EcapiCredentials *credentials = sealing->credentials;
	const EcapiFormat *format = sealing->shape->format;

	/* to a producer a header is a setting, and those are the format's alone */
	if (format->producer != NULL)
		return;
	if (credentials->token != NULL && format->own_token)
		hide(sealing, credentials->token);
	else if (credentials->token != NULL)
		ecapi_outgoing_field(sealing, "Authorization", join(sealing->arena, "Bearer ",
															 credentials->token), true);
	/* of the options, which may go while the request is on its way: its answer is redacted by it */
	if (credentials->header != NULL)
		ecapi_outgoing_header(sealing, join(sealing->arena, "", credentials->header), true);
}

static const char *
url_of(const EcapiShape *shape, EcapiArena *arena)
{
	const char *url = ecapi_options_url(shape->options);
	const char *path;

	if (shape->format->path == NULL)
		return url;
	path = shape->format->path(shape->options, shape->key, arena);
	return path == NULL ? NULL : join(arena, url, path);
}

bool
ecapi_outgoing_make(EcapiBody *body, const EcapiCredentials *credentials, int64_t now,
					EcapiArena *arena, EcapiOutgoing *outgoing,
					char *error, size_t error_size)
{
	EcapiSealing sealing = {
		.shape = &body->shape,
		.credentials = credentials,
		.now = now,
		.body = &body->buffer,
		.outgoing = outgoing,
		.arena = arena
	};

	memset(outgoing, 0, sizeof(EcapiOutgoing));
	outgoing->url = url_of(&body->shape, arena);
	add_credentials(&sealing);
	if (body->shape.format->seal != NULL)
	{
		body->buffer.max += ECAPI_SEAL_ROOM;
		body->shape.format->seal(&sealing);
	}
	outgoing->body = body->buffer.data;
	outgoing->body_len = body->buffer.len;
	if (arena->failed || body->buffer.failed)
		snprintf(error, error_size, "out of memory");
	else if (sealing.problem != NULL)
		snprintf(error, error_size, "%s", sealing.problem);
	else if (body->buffer.full)
		snprintf(error, error_size, "the access token is too long for a request");
	else
		return true;
	return false;
}

bool
ecapi_outgoing_question(const EcapiOptions *options, const EcapiCredentials *credentials,
						const char *url, EcapiArena *arena, EcapiOutgoing *outgoing)
{
	const EcapiShape shape = {.format = options->format, .options = options};
	EcapiSealing sealing = {
		.shape = &shape,
		.credentials = credentials,
		.outgoing = outgoing,
		.arena = arena
	};

	memset(outgoing, 0, sizeof(EcapiOutgoing));
	outgoing->url = url;
	add_credentials(&sealing);
	return !arena->failed;
}

EcapiRequest
ecapi_outgoing_request(const EcapiOutgoing *outgoing, const EcapiOptions *options,
					   const EcapiCredentials *credentials)
{
	return (EcapiRequest) {
		.url = outgoing->url,
		.headers = outgoing->headers,
		.nheaders = outgoing->nheaders,
		.body = outgoing->body,
		.body_len = outgoing->body_len,
		.ca_file = credentials->ca_file,
		.timeout_ms = options->timeout_ms
	};
}
