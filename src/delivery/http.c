/*
 * http.c
 *	  Many HTTP requests at once, without ever blocking: the one file that
 *	  knows libcurl, and so longer than others.
 *
 * The client is a state machine that its caller drives.  libcurl says
 * through two callbacks which sockets it wants watched and when it wants to
 * be called anyway; both only record that.  The caller waits, together
 * with whatever else it waits for, and calls ecapi_http_act.
 *
 * A transfer is one request on its way.  It moves
 *
 *		idle --ecapi_http_start--> active --collect--> done
 *		 ^                           |                   | ecapi_http_answer
 *		 |<----ecapi_http_cancel-----+-------------------+
 *		 |                                               v
 *		 +<------------------ take_back --------------- lent
 *
 * and is always in exactly one of these lists (lent holds at most one).  Its
 * easy handle is inside the multi handle exactly while it is active.
 *
 * Invariants
 *	(1) Nothing here raises an error, allocates with palloc, or logs: a
 *		longjmp through libcurl would leave it in pieces.  So this file
 *		includes no server header and works in any program.  Memory is
 *		malloc's, and every failure to get some ends in a return code.
 *	(2) The list of sockets has room for all that the active transfers may
 *		open before they are started, so the callback need not allocate.
 *	(3) The list's generation changes with each change of the list (watch.c).
 *	(4) All signals are blocked while libcurl runs.  Its resolver starts
 *		threads, which inherit that mask; with any other, the kernel might
 *		run one of the server's signal handlers in such a thread.
 *	(5) What comes from outside is bounded: by intake.c in size, by the
 *		request's timeout in time.
 *	(6) No secret gets into a text made here (failure.c).
 *
 * Threads: none of ours; one client belongs to one thread.  The caller ignores
 * SIGPIPE, as every process of the server does.
 *
 * Deliberately not done: redirects are not followed (a credential would go to
 * the host that the answer names); no proxy is taken from the environment, because
 * that of a database server is set by what started it, is seen nowhere in
 * SQL, and would let a process reach what its options do not say; no netrc, no
 * cookies.  curl_global_cleanup is never called: other extensions in the same
 * process may use libcurl, too.
 */
#include "delivery/descriptors.h"
#include "delivery/failure.h"
#include "delivery/http.h"
#include "delivery/intake.h"
#include "delivery/list.h"
#include "delivery/peer.h"
#include "delivery/watch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

/* Longest that making a connection may take; the request's own if shorter. */
#define CONNECT_MS		10000

/* Idle connections that wait for another request. */
#define CONNECTIONS_IDLE 64L

/* Transfers that are kept for reuse, and how much body memory each may keep. */
#define IDLE_MAX		32
#define IDLE_BODY		4096

/*
 * Sockets that one transfer may have watched at a time: two while it tries an
 * address of either family, one of the resolver, and some to spare.
 */
#define SOCKETS_EACH	4
#define SOCKETS_SPARE	(16 + 2 * CONNECTIONS_IDLE)

typedef struct Transfer Transfer;

struct Transfer
{
	EcapiLink	link;			/* first: see list.h */
	EcapiHttp  *http;
	CURL	   *easy;
	struct curl_slist *headers;
	void	   *cookie;
	bool		encrypted;		/* https, else http to loopback only */

	EcapiIntake intake;			/* the answer as far as it came */
	bool		clear_refused;	/* http address that is not loopback */
	bool		no_descriptor;	/* there is to be no further one */
	char		words[CURL_ERROR_SIZE]; /* libcurl's own */
	CURLcode	result;
};

struct EcapiHttp
{
	CURLM	   *multi;			/* NULL when it broke and could not be remade */
	long		connections;	/* that may be open */
	EcapiRing	idle;
	EcapiRing	active;
	EcapiRing	done;
	Transfer   *lent;			/* its answer is with the caller */

	EcapiWatch	watch;
	int64_t		deadline_us;	/* monotonic; -1 for none */

	EcapiDescriptors descriptors;
};

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
block_signals(sigset_t *saved)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

static void
restore_signals(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

static Transfer *
find_transfer(EcapiRing *ring, const void *cookie)
{
	EcapiLink  *at;

	for (at = ring->head.next; at != &ring->head; at = at->next)
	{
		if (((Transfer *) at)->cookie == cookie)
			return (Transfer *) at;
	}
	return NULL;
}

/* ---- what libcurl calls: these record and return ---- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	EcapiHttp  *http = arg;

	if (what == CURL_POLL_REMOVE)
		ecapi_watch_remove(&http->watch, fd);
	else if (!ecapi_watch_set(&http->watch, fd, (what & CURL_POLL_IN) != 0,
							  (what & CURL_POLL_OUT) != 0))
		return -1;				/* cannot be, by (2); the multi handle is remade */
	return 0;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	EcapiHttp  *http = arg;

	http->deadline_us = timeout_ms < 0 ? -1 : now_us() + timeout_ms * 1000;
	return 0;
}

static curl_socket_t
on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	Transfer   *transfer = arg;

	if (purpose != CURLSOCKTYPE_IPCXN)
		return CURL_SOCKET_BAD;
	if (!transfer->encrypted && !ecapi_peer_is_loopback(&address->addr))
	{
		transfer->clear_refused = true;
		return CURL_SOCKET_BAD;
	}
	return ecapi_descriptors_open(&transfer->http->descriptors, address->family,
								  address->socktype, address->protocol,
								  &transfer->no_descriptor);
}

/* Belongs to the connection, which outlives its transfers: arg is the client. */
static int
on_close_socket(void *arg, curl_socket_t fd)
{
	return ecapi_descriptors_close(&((EcapiHttp *) arg)->descriptors, fd);
}

static size_t
on_body(char *bytes, size_t one, size_t len, void *arg)
{
	Transfer   *transfer = arg;

	return ecapi_intake_body(&transfer->intake, bytes, len) ? len : 0;
}

static time_t
read_date(const char *text)
{
	return curl_getdate(text, NULL);
}

static size_t
on_header(char *line, size_t one, size_t len, void *arg)
{
	Transfer   *transfer = arg;

	return ecapi_intake_header(&transfer->intake, line, len, read_date) ? len : 0;
}

/* A little gzip can be a lot of network, too: bound what comes off the wire. */
static int
on_progress(void *arg, curl_off_t total, curl_off_t now,
			curl_off_t total_up, curl_off_t now_up)
{
	Transfer   *transfer = arg;

	return ecapi_intake_wire(&transfer->intake, now) ? 0 : 1;
}

/* ---- transfers ---- */

static void
transfer_free(Transfer *transfer)
{
	if (transfer->easy)
		curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	ecapi_intake_shrink(&transfer->intake, 0);
	free(transfer);
}

/* One without a request, from the pool or new; NULL without memory. */
static Transfer *
transfer_get(EcapiHttp *http)
{
	Transfer   *transfer = ecapi_ring_first(&http->idle);

	if (transfer)
	{
		ecapi_ring_remove(&http->idle, &transfer->link);
		return transfer;
	}
	transfer = calloc(1, sizeof(Transfer));
	if (transfer == NULL)
		return NULL;
	transfer->http = http;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
	{
		free(transfer);
		return NULL;
	}
	return transfer;
}

/*
 * Into the pool, in no list before.  The handle forgets its request, secrets
 * and all; connections live in the multi handle and stay.
 */
static void
transfer_put(EcapiHttp *http, Transfer *transfer)
{
	if (http->idle.length >= IDLE_MAX)
	{
		transfer_free(transfer);
		return;
	}
	curl_easy_reset(transfer->easy);
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	transfer->cookie = NULL;
	ecapi_intake_shrink(&transfer->intake, IDLE_BODY);
	ecapi_ring_push(&http->idle, &transfer->link);
}

static bool
add_header(Transfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (longer == NULL)
		return false;			/* the old list is still ours */
	transfer->headers = longer;
	return true;
}

static bool
set_headers(Transfer *transfer, const EcapiRequest *request)
{
	const char *line;
	int			i;

	for (i = 0; (line = ecapi_request_header_nth(request, i)) != NULL; i++)
		if (!add_header(transfer, line))
			return false;

	/*
	 * "Expect:" without a value keeps libcurl from asking "may I?" before a
	 * large body, which costs a round trip, and a second at receivers that
	 * never answer it.
	 */
	if (!add_header(transfer, "Expect:"))
		return false;
	for (i = 0; i < request->nheaders; i++)
		if (!add_header(transfer, request->headers[i]))
			return false;
	return true;
}

/* What holds for every request; false when libcurl does not know an option. */
static bool
set_common_options(Transfer *transfer)
{
	CURL	   *easy = transfer->easy;
	CURLcode	rc = CURLE_OK;

#define SET(option, value) \
	do { if (rc == CURLE_OK) rc = curl_easy_setopt(easy, option, value); } while (0)

	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_ERRORBUFFER, transfer->words);
	SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, "https,http");
#else
	SET(CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTPS | CURLPROTO_HTTP));
#endif
	SET(CURLOPT_PROXY, "");		/* empty: not even from the environment */
	SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_ACCEPT_ENCODING, "gzip");
	SET(CURLOPT_TCP_KEEPALIVE, 1L);

	SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	SET(CURLOPT_OPENSOCKETDATA, transfer);
	SET(CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	SET(CURLOPT_CLOSESOCKETDATA, transfer->http);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, transfer);

#if LIBCURL_VERSION_NUM >= 0x075700

	/* a thread that still looks up a name may take as long as it likes: do not wait for it */
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
	return rc == CURLE_OK;
}

static bool
set_request_options(Transfer *transfer, const EcapiRequest *request)
{
	CURL	   *easy = transfer->easy;
	CURLcode	rc = CURLE_OK;
	long		connect_ms = request->timeout_ms;

	if (connect_ms > CONNECT_MS)
		connect_ms = CONNECT_MS;

	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_HTTPHEADER, transfer->headers);
	if (request->get)
		SET(CURLOPT_HTTPGET, 1L);
	else
	{
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_len);
		SET(CURLOPT_POSTFIELDS, request->body);
	}
	SET(CURLOPT_TIMEOUT_MS, (long) request->timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);

	/* Rather wait for a connection that may carry many requests than open more. */
	SET(CURLOPT_PIPEWAIT, transfer->encrypted ? 1L : 0L);

	if (request->ca_file)
	{
		/* instead of the system's, not beside them */
		SET(CURLOPT_CAINFO, request->ca_file);
		SET(CURLOPT_CAPATH, NULL);
		/* a resumed session is not verified again */
		SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	}
#if LIBCURL_VERSION_NUM >= 0x075700
	/* kept for a day otherwise; a file of ours counts as it is, the system's is large */
	SET(CURLOPT_CA_CACHE_TIMEOUT, request->ca_file ? 0L : 60L);
#endif
#undef SET
	return rc == CURLE_OK;
}

/* ---- the client ---- */

static CURLM *
open_multi(EcapiHttp *http)
{
	CURLM	   *multi = curl_multi_init();

	if (multi == NULL)
		return NULL;
	if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long) CURLPIPE_MULTIPLEX) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_IDLE) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, http->connections) != CURLM_OK)
	{
		curl_multi_cleanup(multi);
		return NULL;
	}
	return multi;
}

EcapiHttp *
ecapi_http_create(bool (*acquire_fd) (void), void (*release_fd) (void), int connections)
{
	static bool initialized = false;
	EcapiHttp  *http;

	if (!initialized && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	initialized = true;

	http = calloc(1, sizeof(EcapiHttp));
	if (http == NULL)
		return NULL;
	ecapi_ring_init(&http->idle);
	ecapi_ring_init(&http->active);
	ecapi_ring_init(&http->done);
	http->deadline_us = -1;
	http->connections = connections;
	ecapi_watch_init(&http->watch);
	ecapi_descriptors_init(&http->descriptors, acquire_fd, release_fd);
	http->multi = open_multi(http);
	if (http->multi == NULL)
	{
		free(http);
		return NULL;
	}
	return http;
}

static void
free_list(EcapiHttp *http, EcapiRing *list)
{
	Transfer   *transfer;

	while ((transfer = ecapi_ring_first(list)) != NULL)
	{
		ecapi_ring_remove(list, &transfer->link);
		if (list == &http->active)
			curl_multi_remove_handle(http->multi, transfer->easy);
		transfer_free(transfer);
	}
}

void
ecapi_http_destroy(EcapiHttp *http)
{
	sigset_t	saved;

	if (http == NULL)
		return;
	block_signals(&saved);
	free_list(http, &http->active);
	free_list(http, &http->done);
	free_list(http, &http->idle);
	if (http->lent)
		transfer_free(http->lent);
	if (http->multi)
		curl_multi_cleanup(http->multi);
	restore_signals(&saved);
	ecapi_watch_free(&http->watch);
	ecapi_descriptors_free(&http->descriptors);
	free(http);
}

/* The answer that the caller had is its no longer. */
static void
take_back(EcapiHttp *http)
{
	if (http->lent)
		transfer_put(http, http->lent);
	http->lent = NULL;
}

/*
 * Fill a transfer and hand it to libcurl.  Returns NULL or the reason why
 * not; the transfer is then still the caller's.
 */
static const char *
start_transfer(EcapiHttp *http, Transfer *transfer, const EcapiRequest *request)
{
	CURLMcode	mrc;

	ecapi_intake_clear(&transfer->intake);
	transfer->clear_refused = false;
	transfer->no_descriptor = false;
	transfer->words[0] = '\0';
	transfer->result = CURLE_OK;
	transfer->cookie = request->cookie;
	transfer->encrypted = strncasecmp(request->url, "https:", 6) == 0;

	if (!set_headers(transfer, request))
		return "out of memory";
	if (!set_common_options(transfer) ||
		!set_request_options(transfer, request))
		return "an option of the request was not accepted";
	mrc = curl_multi_add_handle(http->multi, transfer->easy);
	if (mrc != CURLM_OK)
		return curl_multi_strerror(mrc);
	ecapi_ring_push(&http->active, &transfer->link);
	return NULL;
}

bool
ecapi_http_start(EcapiHttp *http, const EcapiRequest *request,
				 char *error, size_t error_size)
{
	const char *reason;
	Transfer   *transfer = NULL;
	sigset_t	saved;

	block_signals(&saved);
	take_back(http);
	if (http->multi == NULL)
		http->multi = open_multi(http);
	if (http->multi == NULL ||
		!ecapi_watch_reserve(&http->watch, SOCKETS_SPARE +
							 (http->active.length + 1) * SOCKETS_EACH) ||
		(transfer = transfer_get(http)) == NULL)
		reason = "out of memory";
	else
		reason = start_transfer(http, transfer, request);
	if (reason && transfer)
		transfer_put(http, transfer);
	restore_signals(&saved);

	if (reason)
		snprintf(error, error_size, "could not start the request: %s", reason);
	return reason == NULL;
}

void
ecapi_http_cancel(EcapiHttp *http, void *cookie)
{
	Transfer   *transfer;
	sigset_t	saved;

	block_signals(&saved);
	if ((transfer = find_transfer(&http->active, cookie)) != NULL)
	{
		ecapi_ring_remove(&http->active, &transfer->link);
		curl_multi_remove_handle(http->multi, transfer->easy);
		transfer_put(http, transfer);
		ecapi_descriptors_sweep(&http->descriptors);
	}
	else if ((transfer = find_transfer(&http->done, cookie)) != NULL)
	{
		ecapi_ring_remove(&http->done, &transfer->link);
		transfer_put(http, transfer);
	}
	restore_signals(&saved);
}

int
ecapi_http_sockets(EcapiHttp *http, const EcapiSocket **sockets,
				   uint64_t *generation)
{
	*sockets = http->watch.sockets;
	*generation = http->watch.generation;
	return http->watch.nsockets;
}

long
ecapi_http_timeout(EcapiHttp *http)
{
	int64_t		left;

	if (http->done.length > 0)
		return 0;
	if (http->deadline_us < 0)
		return -1;
	left = http->deadline_us - now_us();

	/* rounded up, else the caller would wake too early and wait for nothing */
	return left <= 0 ? 0 : (long) ((left + 999) / 1000);
}

static void
finish(EcapiHttp *http, Transfer *transfer, CURLcode result)
{
	long		connects = 1;

	transfer->result = result;
	ecapi_ring_remove(&http->active, &transfer->link);
	curl_multi_remove_handle(http->multi, transfer->easy);
	ecapi_ring_push(&http->done, &transfer->link);

	/* nothing to find when the request went over a connection that was there */
	curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
	if (result != CURLE_OK || connects > 0)
		ecapi_descriptors_sweep(&http->descriptors);
}

/*
 * The multi handle does not work any more (out of memory, or a callback that
 * could not record a socket).  End what is on its way, and begin again.
 */
static void
give_up(EcapiHttp *http, CURLMcode why)
{
	Transfer   *transfer;

	while ((transfer = ecapi_ring_first(&http->active)) != NULL)
	{
		snprintf(transfer->words, sizeof(transfer->words), "%s",
				 curl_multi_strerror(why));
		finish(http, transfer, CURLE_ABORTED_BY_CALLBACK);
	}
	curl_multi_cleanup(http->multi);
	ecapi_watch_clear(&http->watch);
	http->deadline_us = -1;
	http->multi = open_multi(http);
}

static void
collect(EcapiHttp *http)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL)
	{
		CURLcode	result = message->data.result;
		char	   *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		finish(http, (Transfer *) transfer, result);
	}
}

void
ecapi_http_act(EcapiHttp *http, const EcapiSocket *ready, int nready)
{
	CURLMcode	rc = CURLM_OK;
	sigset_t	saved;
	int			running;
	int			i;

	if (http->multi == NULL)
		return;

	/*
	 * A socket may have been closed meanwhile, on behalf of one before it in
	 * the list, and its number be in use again; libcurl then finds nothing to
	 * read there, and waits on.
	 */
	block_signals(&saved);
	for (i = 0; i < nready && rc == CURLM_OK; i++)
	{
		int			events = (ready[i].readable ? CURL_CSELECT_IN : 0) |
			(ready[i].writable ? CURL_CSELECT_OUT : 0);

		rc = curl_multi_socket_action(http->multi, ready[i].fd, events, &running);
	}
	if (rc == CURLM_OK && http->deadline_us >= 0 && http->deadline_us <= now_us())
	{
		/* libcurl sets the next one itself, unless there is none */
		http->deadline_us = -1;
		rc = curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	collect(http);
	if (rc != CURLM_OK)
		give_up(http, rc);
	restore_signals(&saved);
}

/* ---- answers ---- */

/* libcurl's code in our own terms; what a callback saw says more than the code. */
static EcapiFailure
find_failure(const Transfer *transfer)
{
	if (transfer->result == CURLE_OK)
		return ECAPI_FAIL_NONE;
	if (transfer->clear_refused)
		return ECAPI_FAIL_CLEAR;
	if (transfer->no_descriptor)
		return ECAPI_FAIL_DESCRIPTORS;
	if (transfer->intake.no_memory)
		return ECAPI_FAIL_MEMORY;
	if (transfer->intake.header_flood)
		return ECAPI_FAIL_HEADERS;
	if (transfer->intake.body_flood)
		return ECAPI_FAIL_FLOOD;

	switch (transfer->result)
	{
		case CURLE_OUT_OF_MEMORY:
			return ECAPI_FAIL_MEMORY;
		case CURLE_BAD_CONTENT_ENCODING:
			return ECAPI_FAIL_ENCODING;
		case CURLE_COULDNT_RESOLVE_HOST:
			return ECAPI_FAIL_NAME;
		case CURLE_SSL_CACERT_BADFILE:
			return ECAPI_FAIL_CA_FILE;
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_INVALIDCERTSTATUS:
		case CURLE_SSL_CRL_BADFILE:
		case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
			return ECAPI_FAIL_CERTIFICATE;
		case CURLE_SEND_ERROR:
			return ECAPI_FAIL_SEND;
		case CURLE_PARTIAL_FILE:
		case CURLE_RECV_ERROR:
		case CURLE_GOT_NOTHING:
			return ECAPI_FAIL_RECEIVE;
		case CURLE_OPERATION_TIMEDOUT:
			return ECAPI_FAIL_LATE;
		default:
			return ECAPI_FAIL_OTHER;
	}
}

static void
fill_answer(const Transfer *transfer, EcapiAnswer *answer)
{
	CURL	   *easy = transfer->easy;
	EcapiFailure failure = find_failure(transfer);
	long		status = 0;
	long		version = 0;
	long		sent = 0;
	curl_off_t	elapsed = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
	curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &elapsed);

	memset(answer, 0, sizeof(*answer));
	answer->cookie = transfer->cookie;
	answer->status = (int) status;
	answer->transport = ecapi_failure_transport(failure, answer->status, sent > 0);
	answer->retry_after_ms = transfer->intake.retry_after_ms;
	answer->truncated = transfer->result != CURLE_OK ||
		transfer->intake.body_read > transfer->intake.body_len;
	answer->body = transfer->intake.body ? transfer->intake.body : "";
	answer->body_len = transfer->intake.body_len;
	memcpy(answer->request_id, transfer->intake.request_id, sizeof(answer->request_id));
	answer->elapsed_us = elapsed;
	answer->http_version = version == CURL_HTTP_VERSION_1_0 ? 10 :
		version == CURL_HTTP_VERSION_1_1 ? 11 :
		version == CURL_HTTP_VERSION_2_0 ? 20 : 0;
	if (answer->transport != ECAPI_TRANSPORT_OK)
		ecapi_failure_describe(failure, answer->transport,
							   transfer->words[0] != '\0' ? transfer->words :
							   curl_easy_strerror(transfer->result),
							   answer->error, sizeof(answer->error));
}

bool
ecapi_http_answer(EcapiHttp *http, EcapiAnswer *answer)
{
	take_back(http);
	http->lent = ecapi_ring_first(&http->done);
	if (http->lent == NULL)
		return false;
	ecapi_ring_remove(&http->done, &http->lent->link);
	fill_answer(http->lent, answer);
	return true;
}
