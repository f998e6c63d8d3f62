/*
 * paced.c
 *	  A client that commits at a fixed rate and notes when COMMIT returned.
 *
 *	  paced emit|direct RATE SECONDS PREFIX PORT
 *
 * Event n has the id PREFIX-n and is committed n/RATE seconds after the start
 * (later only when the one before took longer).  With emit it is emitted by
 * ecapi_emit.  With direct it is inserted into bench.plain and, after COMMIT,
 * posted as it is to 127.0.0.1:PORT over a connection that is kept.
 *
 * Prints one line an event: its id, a tab, and the clock in microseconds since
 * the epoch when COMMIT had returned (every statement is its own transaction).
 * The server is found by libpq's environment variables; bench/events.sql
 * must have been run in the database.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#define EVENT_QUERY "SELECT bench.purchase($1::bigint) || jsonb_build_object('id', $2::text, 'data_set_id', 'bench')"
#define EMIT_QUERY "SELECT ecapi_emit(event => $1::jsonb)"
#define PLAIN_QUERY "INSERT INTO bench.plain (event) VALUES ($1::json)"

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "paced: %s: %s\n", what, why);
	exit(1);
}

static int64_t
clock_us(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (int64_t) at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static void
sleep_until(int64_t at_us)
{
	struct timespec at;

	at.tv_sec = at_us / 1000000;
	at.tv_nsec = (at_us % 1000000) * 1000;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
		;
}

/* Run a prepared statement; the caller frees what comes back. */
static PGresult *
run(PGconn *connection, const char *name, int nargs, const char *const *args)
{
	PGresult   *result = PQexecPrepared(connection, name, nargs, args, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		fail(name, PQerrorMessage(connection));
	return result;
}

static void
prepare(PGconn *connection, const char *name, const char *query)
{
	PGresult   *result = PQprepare(connection, name, query, 0, NULL);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail(name, PQerrorMessage(connection));
	PQclear(result);
}

static int
connect_receiver(int port)
{
	struct sockaddr_in address = {0};
	int			one = 1;
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_family = AF_INET;
	address.sin_port = htons((uint16_t) port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0)
		fail("receiver", "could not connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Post one event and read the whole answer, which must be a 2xx. */
static void
post(int fd, const char *event)
{
	static char request[65536];
	static char answer[65536];
	size_t		have = 0;
	char	   *end;
	char	   *length;
	int			len;

	len = snprintf(request, sizeof(request),
				   "POST /direct HTTP/1.1\r\nHost: 127.0.0.1\r\n"
				   "Content-Type: application/json\r\nAccept: application/json\r\n"
				   "Content-Length: %zu\r\n\r\n%s", strlen(event), event);
	if (len < 0 || (size_t) len >= sizeof(request) ||
		write(fd, request, (size_t) len) != len)
		fail("receiver", "could not send");
	for (;;)
	{
		ssize_t		n = read(fd, answer + have, sizeof(answer) - 1 - have);

		if (n <= 0)
			fail("receiver", "no answer");
		have += (size_t) n;
		answer[have] = '\0';
		end = strstr(answer, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strcasestr(answer, "\r\ncontent-length:");
		if (strncmp(answer, "HTTP/1.1 2", 10) != 0 || length == NULL || length > end)
			fail("receiver", "unexpected answer");
		if (have >= (size_t) (end + 4 - answer) + strtoul(length + 17, NULL, 10))
			return;
	}
}

int
main(int argc, char **argv)
{
	PGconn	   *connection;
	int			emit;
	int			rate;
	int			events;
	int			fd = -1;
	int			i;
	int64_t		start;

	if (argc != 6 || (rate = atoi(argv[2])) <= 0)
		fail("usage", "paced emit|direct RATE SECONDS PREFIX PORT");
	emit = strcmp(argv[1], "emit") == 0;
	events = rate * atoi(argv[3]);
	connection = PQconnectdb("");
	if (PQstatus(connection) != CONNECTION_OK)
		fail("server", PQerrorMessage(connection));
	prepare(connection, "event", EVENT_QUERY);
	prepare(connection, "commit", emit ? EMIT_QUERY : PLAIN_QUERY);
	if (!emit)
		fd = connect_receiver(atoi(argv[5]));

	start = clock_us(CLOCK_MONOTONIC) + 100000;
	for (i = 0; i < events; i++)
	{
		char		number[32];
		char		id[128];
		const char *args[2] = {number, id};
		const char *event;
		PGresult   *made;
		int64_t		committed;

		snprintf(number, sizeof(number), "%d", i);
		snprintf(id, sizeof(id), "%s-%d", argv[4], i);
		made = run(connection, "event", 2, args);
		event = PQgetvalue(made, 0, 0);
		sleep_until(start + (int64_t) i * 1000000 / rate);
		PQclear(run(connection, "commit", 1, &event));
		committed = clock_us(CLOCK_REALTIME);
		if (!emit)
			post(fd, event);
		printf("%s\t%lld\n", id, (long long) committed);
		PQclear(made);
	}
	if (fd >= 0)
		close(fd);
	PQfinish(connection);
	return 0;
}
