/*
 * http.h
 *	  Many HTTP requests at once, without ever blocking.
 *
 * The client records which sockets to watch and when to look again; the
 * caller waits (for its latch, too) and reports what happened.  No function
 * here raises an error or lets one pass through the library beneath.
 */
#ifndef ECAPI_HTTP_H
#define ECAPI_HTTP_H

#include "delivery/request.h"
#include "delivery/watch.h"

typedef struct EcapiHttp EcapiHttp;

/* Connections that a client may have open at most; a process has files for few more. */
#define ECAPI_HTTP_CONNECTIONS	256

/*
 * NULL when the library could not be set up.  Destroy ends all requests.
 *
 * acquire_fd is called before each socket is opened (false: not allowed now,
 * the request fails) and release_fd called after it was closed; they run inside
 * the library, so they must not raise errors.  AcquireExternalFD and
 * ReleaseExternalFD of the server fit; NULL for neither, outside a server.
 *
 * connections may be open at a time, 1 to ECAPI_HTTP_CONNECTIONS.  Do not start more
 * requests than that: a further one would wait without its time-out.
 */
extern EcapiHttp *ecapi_http_create(bool (*acquire_fd) (void),
									void (*release_fd) (void), int connections);
extern void ecapi_http_destroy(EcapiHttp *http);

/*
 * Send a request.  False (with a reason in error, no secrets) when it could
 * not even be started; then there will be no answer for it.
 */
extern bool ecapi_http_start(EcapiHttp *http, const EcapiRequest *request,
							 char *error, size_t error_size);

/* End a request without an answer; without effect when there is none. */
extern void ecapi_http_cancel(EcapiHttp *http, void *cookie);

/*
 * The sockets to watch; the array is the client's, good until the next call.
 * generation changes whenever the list does.
 */
extern int	ecapi_http_sockets(EcapiHttp *http, const EcapiSocket **sockets,
							   uint64_t *generation);

/* Milliseconds until ecapi_http_act must be called anyway; -1 for never. */
extern long ecapi_http_timeout(EcapiHttp *http);

/* Go on: these sockets (maybe none) are ready, or the timeout has passed. */
extern void ecapi_http_act(EcapiHttp *http, const EcapiSocket *ready, int nready);

/* Take one finished request; false when there is none. */
extern bool ecapi_http_answer(EcapiHttp *http, EcapiAnswer *answer);

#endif							/* ECAPI_HTTP_H */
