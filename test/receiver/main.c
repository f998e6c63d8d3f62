/*
 * main.c
 *	  A receiver of ECAPI events for tests, benches and the demo.
 *
 * It answers HTTP and HTTPS, checks every event against ECAPI 1.0 by its own
 * code, merges records by (data_set_id, id), writes down what it got, and
 * misbehaves as the path of a request asks.  It knows nothing of the
 * extension: its tables are written from the standard, so the two can disagree.
 *
 *	receiver [--http] [--https --cert FILE --key FILE]
 *		--http				serve HTTP (the default when --https is not given)
 *		--https				serve HTTPS, with this certificate and key (PEM)
 *		--port N			port of HTTP, or of HTTPS where it is alone (0: free)
 *		--https-port N		port of HTTPS (0: free)
 *		--bind ADDRESS		default 127.0.0.1
 *		--threads N			threads of each server, default 1
 *		--out FILE			a line for each record (columns: store.h)
 *		--events FILE		the bytes of each record
 *		--requests FILE		a line for each request
 *		--bodies FILE		a line for each request to a platform
 *		--meta-token TOKEN	the access token that Meta expects
 *		--google-key FILE	the public key (PEM) that assertions are signed with
 *		--google-account EMAIL	who issues them
 *		--google-audience URL	whom they are for, or "any"
 *		--google-client ID:SECRET:REFRESH	the client of a refresh token
 *		--webhook-secret WHSEC	a secret that signs webhooks; may be given twice
 *		--expect-auth VALUE	answer 401 unless the Authorization header is this
 *		--max-body BYTES	answer 413 to a longer body, default 64 MiB
 *		--no-check			do not check events against the standard
 *		--no-store			only count records: no merging, no --out, no --events
 *		--until-eof			end when standard input does
 *		--help				say what this is and which options there are
 *
 * It does not start without being told where to write: at least one of --out,
 * --events and --requests, or --no-store for counts alone.  Files are appended to.
 * On standard output, flushed: "http PORT", "https PORT", what it is, then "ready".  It runs until SIGTERM or SIGINT (exit 0).
 *
 *	GET /stats				counts as JSON: requests, records, distinct, repeats,
 *							conflicts, rejected (records that fail the checks),
 *							last_reason
 *	GET /sleeps				how many requests have begun to wait before their answer
 *	GET /reset				forget records and counts, empty the files
 *	GET /platforms, /clock/SECONDS, /revoke	see platform.h
 *	GET /expect-auth/VALUE	as --expect-auth from now on (empty: none)
 *	POST .../vNN.N/PIXEL/events, .../webhook, and others	a platform's: platform.h
 *	POST anything else		events: an object, an array, or an object whose one
 *							member is an array; answered {"received":N}
 *
 * An event that fails its checks is stored as rejected and its request answered
 * 200, unless the path holds the segment "strict".  The segments that a path may
 * hold are listed in misbehave.h, for instance
 *
 *		/any/name/status=503/every=3
 *		/retry-after=2/first=1/reject-if=poison
 *
 * HTTP/1.1 only.
 *
 * The process ends by _exit() with the store held: a line that a reader saw is
 * whole, requests under way are cut, and no order of shutting down threads has
 * to be right.
 */
#include <getopt.h>
#include <locale.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "check.h"
#include "http.h"
#include "platform.h"
#include "store.h"

static const char help[] =
"receiver: a receiver of ECAPI events for tests, benches and the demo.\n"
"\n"
"It checks events against ECAPI 1.0, merges them by (data_set_id, id), writes down\n"
"what it got, and misbehaves as the path of a request asks. It is no advertising\n"
"platform and keeps nothing safe: send it no personal data but your own.\n"
"\n"
"usage: receiver [OPTION]... (--out FILE | --events FILE | --requests FILE | --no-store)\n"
"\n"
"  --out FILE          a line for each record\n"
"  --events FILE       the bytes of each record, a line each\n"
"  --requests FILE     a line for each request\n"
"  --bodies FILE       a line for each request to a platform, with its body\n"
"  --no-store          only count records: no merging, no --out, no --events\n"
"  --http              serve HTTP (the default without --https)\n"
"  --https             serve HTTPS\n"
"  --cert FILE         its certificate (PEM)\n"
"  --key FILE          its key (PEM)\n"
"  --port N            port of HTTP, or of HTTPS where it is alone (0, the default: a free one)\n"
"  --https-port N      port of HTTPS\n"
"  --bind ADDRESS      default 127.0.0.1\n"
"  --threads N         threads of each server, default 1\n"
"  --expect-auth VALUE answer 401 unless the Authorization header is this\n"
"  --meta-token TOKEN  the access token that the platform Meta expects\n"
"  --google-key FILE   the public key (PEM) that assertions are signed with\n"
"  --google-account EMAIL  who issues assertions\n"
"  --google-audience URL  whom assertions are for, or \"any\"\n"
"  --google-client ID:SECRET:REFRESH  the client of a refresh token\n"
"  --webhook-secret WHSEC  a secret that signs webhooks; may be given twice\n"
"  --max-body BYTES    answer 413 to a longer body, default 64 MiB\n"
"  --no-check          do not check events against the standard\n"
"  --until-eof         end when standard input does\n"
"  --help              show this\n"
"\n"
"Files are appended to. GET /stats shows counts; the head of main.c says more.\n";

typedef struct Arguments
{
	bool		http;
	bool		https;
	const char *cert;
	const char *key;
	unsigned int port;
	unsigned int https_port;
	bool		until_eof;
	RcvHttpOptions server;
	RcvStoreOptions store;
	RcvPlatformOptions platform;
} Arguments;

static void
fail(const char *what, const char *detail)
{
	fprintf(stderr, "receiver: %s: %s\n", what, detail);
	exit(1);
}

static unsigned long
number(const char *option, const char *text, unsigned long max)
{
	char	   *end;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > max)
		fail("invalid number", option);
	return value;
}

/* A whole file as a NUL-terminated text; never freed. */
static char *
read_file(const char *name)
{
	FILE	   *file = fopen(name, "r");
	char	   *text = calloc(1, 256 * 1024);
	size_t		len;

	if (file == NULL || text == NULL)
		fail("could not read", name);
	len = fread(text, 1, 256 * 1024 - 1, file);
	fclose(file);
	if (len == 0)
		fail("empty file", name);
	return text;
}

/* Act on one option that has a value. */
static void
take_value(Arguments *a, const char *name, const char *value)
{
	if (strcmp(name, "cert") == 0)
		a->cert = value;
	else if (strcmp(name, "key") == 0)
		a->key = value;
	else if (strcmp(name, "port") == 0)
		a->port = number(name, value, 65535);
	else if (strcmp(name, "https-port") == 0)
		a->https_port = number(name, value, 65535);
	else if (strcmp(name, "bind") == 0)
		a->server.bind_address = value;
	else if (strcmp(name, "threads") == 0)
		a->server.threads = number(name, value, 64);
	else if (strcmp(name, "max-body") == 0)
		a->server.max_body = number(name, value, 1UL << 40);
	else if (strcmp(name, "expect-auth") == 0)
		a->server.expect_auth = value;
	else if (strcmp(name, "out") == 0)
		a->store.out = value;
	else if (strcmp(name, "events") == 0)
		a->store.events = value;
	else if (strcmp(name, "bodies") == 0)
		a->store.bodies = value;
	else if (strcmp(name, "meta-token") == 0)
		a->platform.meta_token = value;
	else if (strcmp(name, "google-key") == 0)
		a->platform.oauth.key = read_file(value);
	else if (strcmp(name, "google-account") == 0)
		a->platform.oauth.account = value;
	else if (strcmp(name, "google-audience") == 0)
		a->platform.oauth.audience = value;
	else if (strcmp(name, "google-client") == 0)
		a->platform.oauth.client = value;
	else if (strcmp(name, "webhook-secret") == 0)
		a->platform.webhook_secrets[a->platform.webhook_secrets[0] != NULL] = value;
	else
		a->store.requests = value;
}

/* Act on one option that stands alone. */
static void
take_flag(Arguments *a, const char *name)
{
	if (strcmp(name, "http") == 0)
		a->http = true;
	else if (strcmp(name, "https") == 0)
		a->https = true;
	else if (strcmp(name, "no-check") == 0)
		a->server.check = false;
	else if (strcmp(name, "no-store") == 0)
		a->server.store = false;
	else if (strcmp(name, "help") == 0)
	{
		fputs(help, stdout);
		exit(0);
	}
	else
		a->until_eof = true;
}

static void
parse_arguments(Arguments *a, int argc, char **argv)
{
	static const struct option known[] = {
		{"http", no_argument, NULL, 0},
		{"https", no_argument, NULL, 0},
		{"no-check", no_argument, NULL, 0},
		{"no-store", no_argument, NULL, 0},
		{"until-eof", no_argument, NULL, 0},
		{"help", no_argument, NULL, 0},
		{"cert", required_argument, NULL, 0},
		{"key", required_argument, NULL, 0},
		{"port", required_argument, NULL, 0},
		{"https-port", required_argument, NULL, 0},
		{"bind", required_argument, NULL, 0},
		{"threads", required_argument, NULL, 0},
		{"max-body", required_argument, NULL, 0},
		{"expect-auth", required_argument, NULL, 0},
		{"out", required_argument, NULL, 0},
		{"events", required_argument, NULL, 0},
		{"requests", required_argument, NULL, 0},
		{"bodies", required_argument, NULL, 0},
		{"meta-token", required_argument, NULL, 0},
		{"google-key", required_argument, NULL, 0},
		{"google-account", required_argument, NULL, 0},
		{"google-audience", required_argument, NULL, 0},
		{"google-client", required_argument, NULL, 0},
		{"webhook-secret", required_argument, NULL, 0},
		{NULL, 0, NULL, 0}
	};
	int			index;
	int			result;

	while ((result = getopt_long(argc, argv, "", known, &index)) == 0)
	{
		if (known[index].has_arg)
			take_value(a, known[index].name, optarg);
		else
			take_flag(a, known[index].name);
	}
	if (result != -1)
	{
		/* getopt_long has said why */
		fputs("receiver: --help shows the options\n", stderr);
		exit(1);
	}
	if (optind < argc)
		fail("unexpected argument", argv[optind]);
	if (!a->https)
		a->http = true;
	else if (a->cert == NULL || a->key == NULL)
		fail("--https", "needs --cert and --key");
	else if (!a->http && a->https_port == 0)
		a->https_port = a->port;
	if (!a->server.store && (a->store.out != NULL || a->store.events != NULL))
		fail("--no-store", "goes with neither --out nor --events");
	if (a->server.store && a->store.out == NULL && a->store.events == NULL &&
		a->store.requests == NULL)
		fail("nowhere to write",
			 "name a file with --out, --events or --requests, or use --no-store; --help shows all options");
	a->store.unchecked = !a->server.check;
}

static void
start_server(const char *scheme, unsigned int port, const char *cert, const char *key)
{
	port = rcv_http_start(port, cert, key);
	if (port == 0)
		fail("could not start server", scheme);
	printf("%s %u\n", scheme, port);
}

/* Wait for a signal, or for the end of standard input. */
static void
wait_for_end(int signals, bool until_eof)
{
	struct pollfd watch[2] = {
		{.fd = signals, .events = POLLIN},
		{.fd = until_eof ? STDIN_FILENO : -1, .events = POLLIN}
	};

	for (;;)
	{
		char		buffer[256];

		if (poll(watch, 2, -1) < 0)
			continue;
		if (watch[0].revents != 0)
			return;
		if (watch[1].revents != 0 && read(STDIN_FILENO, buffer, sizeof(buffer)) <= 0)
			return;
	}
}

int
main(int argc, char **argv)
{
	Arguments	a = {
		.server = {.bind_address = "127.0.0.1", .threads = 1,
			.max_body = 64UL << 20, .check = true, .store = true}
	};
	const char *failed;
	sigset_t	ends;
	int			signals;

	parse_arguments(&a, argc, argv);

	/* blocked before any thread starts, so that only wait_for_end() sees them */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signals = signalfd(-1, &ends, SFD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);

	/* bodies and trees come and go with each request: keep their pages */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);

	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		fail("no such locale", "C.UTF-8");
	rcv_check_init();
	if (!rcv_platform_init(&a.platform, &failed))
		fail("invalid value", failed);
	if (!rcv_store_open(&a.store, &failed))
		fail("could not open", failed);
	if (signals < 0 || !rcv_http_init(&a.server))
		fail("could not start", "threads");
	if (a.http)
		start_server("http", a.port, NULL, NULL);
	if (a.https)
		start_server("https", a.https_port, read_file(a.cert), read_file(a.key));
	printf("a test receiver of ECAPI events, see --help\nready\n");
	fflush(stdout);

	wait_for_end(signals, a.until_eof);
	rcv_store_close();
	_exit(0);
}
