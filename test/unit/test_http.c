/*
 * test_http.c
 *	  The HTTP client against a server that answers from a script.
 *
 * The server is a child process on a free port of loopback; the path of a
 * request names the answer.  It ends with the test, by its process id.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "delivery/http.h"
#include "unit.h"

#define HEAD "HTTP/1.1 200 OK\r\n"

static int	open_sockets = 0;
static bool refuse_sockets = false;
static unsigned port;

/* ---- the server ---- */

static bool
asked(const char *request, const char *path)
{
	return strncmp(request + 6, path, strlen(path)) == 0;
}

static void
say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(1);
}

/* Write until the other side has enough. */
static void
flood(int fd, const char *text)
{
	while (write(fd, text, strlen(text)) > 0)
		;
}

static void
answer(int fd, const char *request)
{
	if (asked(request, "plain"))
		say(fd, HEAD "X-Request-Id: abc-123\r\nContent-Length: 2\r\n\r\n{}");
	else if (asked(request, "odd-id"))
		say(fd, HEAD "Request-Id: a\xc3\xa4" "b\r\nContent-Length: 0\r\n\r\n");
	else if (asked(request, "interim"))
		say(fd, "HTTP/1.1 103 Early Hints\r\nRetry-After: 5\r\nX-Request-Id: no\r\n\r\n"
			HEAD "Content-Length: 0\r\n\r\n");
	else if (asked(request, "after-seconds"))
		say(fd, "HTTP/1.1 429 Slow\r\nRetry-After:  7 \r\nContent-Length: 0\r\n\r\n");
	else if (asked(request, "after-long"))
		say(fd, "HTTP/1.1 503 Down\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n");
	else if (asked(request, "after-past"))
		say(fd, "HTTP/1.1 503 Down\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n");
	else if (asked(request, "after-future"))
		say(fd, "HTTP/1.1 503 Down\r\nRetry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n");
	else if (asked(request, "after-rubbish"))
		say(fd, "HTTP/1.1 503 Down\r\nRetry-After: 7 days\r\nContent-Length: 0\r\n\r\n");
	else if (asked(request, "redirect"))
		say(fd, "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n");
	else if (asked(request, "cut"))
		say(fd, HEAD "Content-Length: 100\r\n\r\n{\"a\":");
	else if (asked(request, "flood"))
	{
		say(fd, asked(request, "flood-400") ? "HTTP/1.1 400 Bad\r\n\r\n" : HEAD "\r\n");
		flood(fd, "all work and no play makes a dull boy ");
	}
	else if (asked(request, "headers"))
	{
		say(fd, HEAD);
		flood(fd, "X-More: of the same\r\n");
	}
	else if (asked(request, "not-gzip"))
		say(fd, HEAD "Content-Encoding: gzip\r\nContent-Length: 6\r\n\r\nno gzi");
	else if (asked(request, "rubbish"))
		say(fd, "\x16\x03\x01 what?\r\n\r\n");
	else if (asked(request, "silent"))
	{
		/* until the client has enough, or is gone */
		char		more;

		while (read(fd, &more, 1) > 0)
			;
	}
	close(fd);
}

static void
serve(int listener)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	for (;;)
	{
		char		request[8192];
		int			fd = accept(listener, NULL, NULL);
		ssize_t		len;

		if (fd < 0)
			continue;
		if (fork() == 0)
		{
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			len = read(fd, request, sizeof(request) - 1);
			if (len > 0)
			{
				request[len] = '\0';
				answer(fd, request);
			}
			_exit(0);
		}
		close(fd);
	}
}

static pid_t
start_server(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t	len = sizeof(in);
	int			listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t		pid;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *) &in, len) != 0 ||
		listen(listener, 16) != 0 ||
		getsockname(listener, (struct sockaddr *) &in, &len) != 0)
		exit(2);
	port = ntohs(in.sin_port);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		serve(listener);
	close(listener);
	return pid;
}

/* ---- the client ---- */

static bool
acquire(void)
{
	if (refuse_sockets)
		return false;
	open_sockets++;
	return true;
}

static void
release(void)
{
	open_sockets--;
}

/* One turn of what the server's wait does. */
static void
turn(EcapiHttp *http)
{
	const EcapiSocket *sockets;
	EcapiSocket ready[64];
	struct pollfd polls[64];
	uint64_t	generation;
	int			n = ecapi_http_sockets(http, &sockets, &generation);
	int			nready = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		polls[i].fd = sockets[i].fd;
		polls[i].events = (sockets[i].readable ? POLLIN : 0) |
			(sockets[i].writable ? POLLOUT : 0);
	}
	poll(polls, n, (int) ecapi_http_timeout(http));
	for (i = 0; i < n; i++)
	{
		if (polls[i].revents == 0)
			continue;
		ready[nready].fd = polls[i].fd;
		ready[nready].readable = (polls[i].revents & ~POLLOUT) != 0;
		ready[nready++].writable = (polls[i].revents & ~POLLIN) != 0;
	}
	ecapi_http_act(http, ready, nready);
}

static EcapiRequest
request_for(char *url, size_t size, const char *host, const char *path)
{
	static const char *const headers[] = {"Authorization: Bearer SESAME"};
	EcapiRequest request = {.headers = headers, .nheaders = 1,
	.body = "{\"a\":\"CANARY\"}", .body_len = 14, .timeout_ms = 20000};

	snprintf(url, size, "http://%s:%u/%s?q=HIDDEN", host, port, path);
	request.url = url;
	request.cookie = url;
	return request;
}

/* Send and wait; the answer is good until the next request. */
static EcapiAnswer
fetch(EcapiHttp *http, const char *host, const char *path, int timeout_ms)
{
	static char url[200];
	EcapiRequest request = request_for(url, sizeof(url), host, path);
	EcapiAnswer got;
	char		error[200];

	if (timeout_ms > 0)
		request.timeout_ms = timeout_ms;
	if (!ecapi_http_start(http, &request, error, sizeof(error)))
		exit(2);
	while (!ecapi_http_answer(http, &got))
		turn(http);
	if (strstr(got.error, "SESAME") || strstr(got.error, "CANARY") ||
		strstr(got.error, "HIDDEN") || got.cookie != url)
		check(false, "an error holds no secret, an answer its cookie");
	return got;
}

static void
test_answers(EcapiHttp *http)
{
	EcapiAnswer got = fetch(http, "127.0.0.1", "plain", 0);

	check(got.transport == ECAPI_TRANSPORT_OK && got.status == 200 &&
		  got.http_version == 11 && !got.truncated, "a plain answer");
	check_text(got.body, "{}", "its body");
	check_text(got.request_id, "abc-123", "its request id");
	check(got.retry_after_ms == -1, "no Retry-After");
	got = fetch(http, "127.0.0.1", "odd-id", 0);
	check_text(got.request_id, "", "a request id that is not ASCII is dropped");
	got = fetch(http, "127.0.0.1", "interim", 0);
	check(got.status == 200 && got.retry_after_ms == -1 && got.request_id[0] == '\0',
		  "an interim answer's headers do not count");
	check(fetch(http, "127.0.0.1", "after-seconds", 0).retry_after_ms == 7000, "seconds");
	check(fetch(http, "127.0.0.1", "after-long", 0).retry_after_ms == 3600000, "too many seconds");
	check(fetch(http, "127.0.0.1", "after-past", 0).retry_after_ms == 0, "a date gone by");
	check(fetch(http, "127.0.0.1", "after-future", 0).retry_after_ms == 3600000, "a date far ahead");
	check(fetch(http, "127.0.0.1", "after-rubbish", 0).retry_after_ms == -1, "neither form");
	check(fetch(http, "127.0.0.1", "redirect", 0).status == 302, "a redirect is not followed");
}

static void
test_trouble(EcapiHttp *http)
{
	EcapiAnswer got = fetch(http, "127.0.0.1", "flood", 0);

	check(got.transport == ECAPI_TRANSPORT_OK && got.status == 200 &&
		  got.truncated && got.body_len == 65536, "an endless body: the status counts");
	got = fetch(http, "127.0.0.1", "flood-400", 0);
	check(got.transport == ECAPI_TRANSPORT_OK && got.status == 400 && got.truncated,
		  "a 400 with an endless body, too");
	got = fetch(http, "127.0.0.1", "not-gzip", 0);
	check(got.transport == ECAPI_TRANSPORT_OK && got.status == 200 && got.truncated,
		  "a body that does not decompress");
	got = fetch(http, "127.0.0.1", "headers", 0);
	check(got.transport == ECAPI_TRANSPORT_OK && got.status == 200 && got.truncated,
		  "endless headers: the status counts");
	check(fetch(http, "127.0.0.1", "cut", 0).transport == ECAPI_TRANSPORT_BROKEN, "a cut body");
	check(fetch(http, "127.0.0.1", "close", 0).transport == ECAPI_TRANSPORT_BROKEN, "no answer");
	check(fetch(http, "127.0.0.1", "rubbish", 0).transport == ECAPI_TRANSPORT_BROKEN, "no HTTP");
	check(fetch(http, "127.0.0.1", "silent", 200).transport == ECAPI_TRANSPORT_BROKEN, "a late answer");

	got = fetch(http, "192.0.2.1", "plain", 0);
	check(got.transport == ECAPI_TRANSPORT_UNTRUSTED, "http to another machine");
	check_text(got.error, "could not connect: plain http goes to loopback addresses only", "said so");
	refuse_sockets = true;
	got = fetch(http, "127.0.0.2", "plain", 0);
	refuse_sockets = false;
	check(got.transport == ECAPI_TRANSPORT_REFUSED, "no descriptor");
	check_text(got.error, "could not connect: too many open files", "said so");
}

/* libcurl closes a socket without telling when it was only being connected. */
static void
test_cancel_early(void)
{
	EcapiHttp  *http = ecapi_http_create(acquire, release, ECAPI_HTTP_CONNECTIONS);
	char		url[200];
	char		error[200];
	EcapiRequest request = request_for(url, sizeof(url), "127.0.0.1", "silent");
	int			opened;

	open_sockets = 0;
	if (!ecapi_http_start(http, &request, error, sizeof(error)))
		exit(2);
	ecapi_http_act(http, NULL, 0);
	opened = open_sockets;
	ecapi_http_cancel(http, url);
	check(opened == 1 && open_sockets == 0, "a request cancelled while it connects");
	ecapi_http_destroy(http);
	check(open_sockets == 0, "is counted once");
}

static void
test_cancel(EcapiHttp *http)
{
	char		urls[20][200];
	char		error[200];
	EcapiAnswer got;
	int			answers = 0;
	int			before;
	int			i;

	for (i = 0; i < 20; i++)
	{
		EcapiRequest request = request_for(urls[i], sizeof(urls[i]), "127.0.0.1",
										   i % 2 ? "silent" : "plain");

		if (!ecapi_http_start(http, &request, error, sizeof(error)))
			exit(2);
	}
	while (answers < 10)
	{
		if (!ecapi_http_answer(http, &got))
			turn(http);
		else if (strstr(got.cookie, "plain"))
			answers++;
		else
			exit(2);
	}

	/* idle connections keep theirs */
	before = open_sockets;
	for (i = 1; i < 15; i += 2)
		ecapi_http_cancel(http, urls[i]);
	ecapi_http_cancel(http, urls[1]);
	check(open_sockets == before - 7, "a cancelled request gives its socket back");
	/* the others are ended by destroying the client */
}

int
main(void)
{
	EcapiHttp  *http;
	EcapiHttp  *other;
	const EcapiSocket *sockets;
	uint64_t	one;
	uint64_t	two;
	pid_t		server;

	signal(SIGPIPE, SIG_IGN);
	server = start_server();
	http = ecapi_http_create(acquire, release, ECAPI_HTTP_CONNECTIONS);
	test_answers(http);
	test_trouble(http);
	test_cancel(http);
	ecapi_http_destroy(http);
	if (!check(open_sockets == 0, "every socket was given back"))
		fprintf(stderr, "# %d are not\n", open_sockets);

	test_cancel_early();
	http = ecapi_http_create(NULL, NULL, ECAPI_HTTP_CONNECTIONS);
	ecapi_http_sockets(http, &sockets, &one);
	ecapi_http_destroy(http);
	other = ecapi_http_create(NULL, NULL, ECAPI_HTTP_CONNECTIONS);
	ecapi_http_sockets(other, &sockets, &two);
	ecapi_http_destroy(other);
	check(one != two, "no generation comes twice");

	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	return unit_done();
}
