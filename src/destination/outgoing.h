/*
 * outgoing.h
 *	  A request as it goes out: a body that was shaped, its URL, and everything secret.
 *
 * The worker and a preview make requests by these functions alone, so what is shown is
 * what is sent; a preview gives credentials whose secrets are redacted.
 */
#ifndef ECAPI_OUTGOING_H
#define ECAPI_OUTGOING_H

#include "destination/body.h"
#include "destination/credentials.h"

/* Header lines of a format's own, at most; a producer has as many settings. */
#define ECAPI_OUTGOING_HEADERS	10

struct EcapiOutgoing
{
	const char *url;
	const char *headers[ECAPI_OUTGOING_HEADERS + 2];	/* "Name: value" */
	int			nheaders;
	const char *body;
	size_t		body_len;

	/*
	 * What must not be kept of an answer that repeats it, as header lines: the secrets
	 * among headers, and those that are elsewhere.
	 */
	const char *secrets[ECAPI_OUTGOING_HEADERS + 2];
	int			nsecrets;
};

/* What seal is given: it appends to body, and adds headers. */
struct EcapiSealing
{
	const EcapiShape *shape;	/* of the body; shape->options are the destination's */
	const EcapiCredentials *credentials;
	int64_t		now;			/* of this attempt, seconds since 1970 */
	EcapiBuffer *body;			/* closed; has ECAPI_SEAL_ROOM bytes more room */
	EcapiOutgoing *outgoing;
	EcapiArena *arena;			/* for as long as the request is */
	const char *problem;		/* set it to a constant sentence when it cannot be sent */
};

/*
 * Add a parameter to the URL's query, percent-encoded, and whether its value is secret.
 * Nothing is added for a value NULL.
 */
extern void ecapi_outgoing_query(EcapiSealing *sealing, const char *name, const char *value,
								 bool secret);

/* Add a header line (in the arena), and whether what it says is secret. */
extern void ecapi_outgoing_header(EcapiSealing *sealing, const char *line, bool secret);

/* The same of a name and a value, which are copied; nothing is added for a value NULL. */
extern void ecapi_outgoing_field(EcapiSealing *sealing, const char *name, const char *value,
								 bool secret);

/*
 * For a format whose platform takes nothing without a token: the problem, where there is
 * none.  A header that the owner gives may be one.
 */
extern void ecapi_outgoing_need_token(EcapiSealing *sealing);

/*
 * Make the request of a body that was closed: body gets what the seal appends, and must
 * be made once only.  Everything lives in the arena, in body and in credentials.  False,
 * with what is wrong in error (no secrets), when it cannot be sent; arena->failed or
 * body->buffer.failed when that is for want of memory.
 */
extern bool ecapi_outgoing_make(EcapiBody *body, const EcapiCredentials *credentials,
								int64_t now, EcapiArena *arena, EcapiOutgoing *outgoing,
								char *error, size_t error_size);

/*
 * A question about a receipt: the same credentials, no body.  url is kept.  False when the
 * arena failed.
 */
extern bool ecapi_outgoing_question(const EcapiOptions *options,
									const EcapiCredentials *credentials, const char *url,
									EcapiArena *arena, EcapiOutgoing *outgoing);

/* As the HTTP client takes it, without cookie; it points into all of them. */
extern EcapiRequest ecapi_outgoing_request(const EcapiOutgoing *outgoing,
										   const EcapiOptions *options,
										   const EcapiCredentials *credentials);

#endif							/* ECAPI_OUTGOING_H */
