/*
 * http.h
 *	  The servers: requests in, verdicts out.
 */
#ifndef RCV_HTTP_H
#define RCV_HTTP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct RcvHttpOptions
{
	const char *bind_address;	/* IPv4 or IPv6, as text */
	unsigned int threads;		/* of each server */
	size_t		max_body;		/* bytes; a longer request is answered 413 */
	const char *expect_auth;	/* NULL: any */
	bool		check;			/* the standard */
	bool		store;			/* else count only */
} RcvHttpOptions;

/* Remember the options; call once, before the servers start. */
extern bool rcv_http_init(const RcvHttpOptions *options);

/*
 * Start a server on the port (0: a free one); TLS when cert and key, PEM
 * texts, are given.  Returns the port, or 0 when it cannot be started.
 */
extern unsigned int rcv_http_start(unsigned int port, const char *cert, const char *key);

#endif							/* RCV_HTTP_H */
