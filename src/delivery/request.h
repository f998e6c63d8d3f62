/*
 * request.h
 *	  One HTTP request and its answer, as plain structs.
 *
 * A format fills the body, the worker adds what comes from the destination's
 * options, the HTTP client sends it.  The client copies nothing: everything a
 * request points to must stay valid until its answer was taken or it was
 * cancelled.  An answer is the client's until the next call of it.
 *
 * Pure C: no server header, no libcurl header.
 */
#ifndef ECAPI_REQUEST_H
#define ECAPI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct EcapiRequest
{
	const char *url;
	const char *const *headers; /* "Name: value" lines, secrets included */
	int			nheaders;
	const char *body;			/* JSON, UTF-8; or as below */
	size_t		body_len;
	bool		get;			/* GET, without body; else POST */
	bool		form;			/* the body is application/x-www-form-urlencoded */
	const char *ca_file;		/* absolute path, or NULL for the system's */
	int			timeout_ms;		/* whole request, > 0 */
	void	   *cookie;			/* returned in the answer */
} EcapiRequest;

/* What requests call themselves; ECAPI_VERSION comes from the build. */
#define ECAPI_USER_AGENT	"ecapi/" ECAPI_VERSION

/*
 * Header lines that a request has beside its own, but those of a name that it has itself;
 * i counts from 0 up to the NULL.  Constant.
 */
extern const char *ecapi_request_header_nth(const EcapiRequest *request, int i);

/* How far the request came. */
typedef enum EcapiTransport
{
	ECAPI_TRANSPORT_OK,			/* a whole answer, or enough of one: see status */
	ECAPI_TRANSPORT_REFUSED,	/* not sent: no connection, no name */
	ECAPI_TRANSPORT_UNTRUSTED,	/* not sent: certificate or host name */
	ECAPI_TRANSPORT_BROKEN		/* lost, cut or timed out; may have arrived */
} EcapiTransport;

typedef struct EcapiAnswer
{
	void	   *cookie;
	EcapiTransport transport;
	int			status;			/* HTTP status, 0 when none came */
	int64_t		retry_after_ms; /* from Retry-After, either form; -1 none */
	bool		truncated;		/* body was longer than what is kept */
	const char *body;			/* first part of the body, NUL-terminated */
	size_t		body_len;
	const char *sent;			/* the body that is answered, for a format that finds its
								 * events in it; NULL: not known.  NUL-terminated */
	size_t		sent_len;
	int64_t		made_at;		/* when that was put together, seconds since 1970; 0: not known */
	char		request_id[128];	/* the receiver's, from its headers; or "" */
	char		error[256];		/* transport failure in words, no secrets */
	int64_t		elapsed_us;
	int			http_version;	/* 10, 11, 20 */
} EcapiAnswer;

#endif							/* ECAPI_REQUEST_H */
