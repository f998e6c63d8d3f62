/*
 * front.c
 *	  What stands before a broker that speaks neither TLS nor SASL.
 *
 * A front accepts connections, speaks TLS if it has a certificate, and SASL if it has a
 * mechanism: it answers ApiVersions, SaslHandshake and SaslAuthenticate itself, until a client
 * is let in.  From then on it passes bytes on to its broker and back.  In what comes back the
 * ports of brokers, behind the text "127.0.0.1", are replaced by those of their fronts, so that
 * clients come to these alone.  A frame is looked at as a whole.
 *
 * A thread for each connection and direction; it lives as long as the process at most.
 */
#include "front.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define BROKERS_MAX	8
#define FRAME_MAX	(64 * 1024 * 1024)
#define HOST		"127.0.0.1"

/* Kafka's numbers of requests, and of errors. */
#define SASL_HANDSHAKE		17
#define API_VERSIONS		18
#define SASL_AUTHENTICATE	36
#define UNSUPPORTED_MECHANISM	33
#define AUTHENTICATION_FAILED	58

/* Where a front may close a connection. */
enum
{
	BREAKS_NOWHERE, BREAKS_TLS, BREAKS_SASL
};

static FrontOptions options;
static atomic_int broken;		/* where connections are closed */
static SSL_CTX *context;
static int	nbrokers;
static uint16_t broker_port[BROKERS_MAX];
static uint16_t front_port[BROKERS_MAX];

/* A connection of a client: over TLS or not. */
typedef struct Client
{
	int			fd;
	int			broker;			/* its socket; -1: not yet */
	int			number;			/* of the broker */
	SSL		   *ssl;
} Client;

static bool
read_client(Client *client, void *to, size_t len)
{
	char	   *at = to;

	while (len > 0)
	{
		ssize_t		n = client->ssl ? SSL_read(client->ssl, at, (int) len) : read(client->fd, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t) n;
	}
	return true;
}

static bool
write_client(Client *client, const void *from, size_t len)
{
	const char *at = from;

	while (len > 0)
	{
		ssize_t		n = client->ssl ? SSL_write(client->ssl, at, (int) len) : write(client->fd, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t) n;
	}
	return true;
}

static bool
read_all(int fd, void *to, size_t len)
{
	char	   *at = to;

	while (len > 0)
	{
		ssize_t		n = read(fd, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t) n;
	}
	return true;
}

static bool
write_all(int fd, const void *from, size_t len)
{
	const char *at = from;

	while (len > 0)
	{
		ssize_t		n = write(fd, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t) n;
	}
	return true;
}

static uint32_t
get32(const unsigned char *at)
{
	return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static int
get16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

static void
put32(unsigned char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char) (value >> (24 - 8 * i));
}

/* Tell clients fronts instead of brokers. */
static void
replace_ports(unsigned char *frame, size_t len)
{
	for (size_t i = 0; len >= sizeof(HOST) + 3 && i < len - sizeof(HOST) - 3; i++)
		if (memcmp(frame + i, HOST, sizeof(HOST) - 1) == 0)
			for (int b = 0; b < nbrokers; b++)
				if (get32(frame + i + sizeof(HOST) - 1) == broker_port[b])
				{
					put32(frame + i + sizeof(HOST) - 1, front_port[b]);
					break;
				}
}

/* ---- SASL ---- */

/* An answer while it is written: its length and correlation id come first. */
typedef struct Reply
{
	unsigned char bytes[512];
	size_t		len;
} Reply;

static void
add16(Reply *reply, int value)
{
	reply->bytes[reply->len++] = (unsigned char) (value >> 8);
	reply->bytes[reply->len++] = (unsigned char) value;
}

static void
add_text(Reply *reply, const char *text)
{
	add16(reply, (int) strlen(text));
	memcpy(reply->bytes + reply->len, text, strlen(text));
	reply->len += strlen(text);
}

static bool
send_reply(Client *client, Reply *reply, const unsigned char *correlation)
{
	put32(reply->bytes, (uint32_t) reply->len - 4);
	memcpy(reply->bytes + 4, correlation, 4);
	return write_client(client, reply->bytes, reply->len);
}

/* What this front can do until a client is let in; of version 0, for every asked version. */
static bool
tell_versions(Client *client, const unsigned char *correlation, int version)
{
	static const int apis[][3] = {
		{0, 0, 7}, {1, 0, 11}, {3, 0, 2}, {SASL_HANDSHAKE, 0, 1}, {API_VERSIONS, 0, 0},
		{22, 0, 1}, {SASL_AUTHENTICATE, 0, 0}
	};
	int			n = (int) (sizeof(apis) / sizeof(apis[0]));
	Reply		reply = {.len = 8};

	add16(&reply, version > 0 ? 35 : 0);	/* UNSUPPORTED_VERSION: ask again */
	put32(reply.bytes + reply.len, (uint32_t) n);
	reply.len += 4;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < 3; k++)
			add16(&reply, apis[i][k]);
	return send_reply(client, &reply, correlation);
}

static bool
shake_hands(Client *client, const unsigned char *correlation, const unsigned char *body, bool *good)
{
	int			len = get16(body);
	Reply		reply = {.len = 8};

	*good = len == (int) strlen(options.mechanism) && memcmp(body + 2, options.mechanism, (size_t) len) == 0;
	add16(&reply, *good ? 0 : UNSUPPORTED_MECHANISM);
	put32(reply.bytes + reply.len, 1);
	reply.len += 4;
	add_text(&reply, options.mechanism);
	return send_reply(client, &reply, correlation);
}

/* PLAIN: NUL, user, NUL, password. */
static bool
log_in(Client *client, const unsigned char *correlation, const unsigned char *body, bool *good)
{
	char		wanted[256];
	int			len = (int) get32(body);
	int			n = snprintf(wanted, sizeof(wanted), "%c%s%c%s", 0, options.user, 0, options.password);
	Reply		reply = {.len = 8};
	char		said[300];

	*good = strcmp(options.mechanism, "PLAIN") == 0 && len == n && memcmp(body + 4, wanted, (size_t) n) == 0;
	/* a careless broker repeats what it was sent */
	snprintf(said, sizeof(said), "no such login: %.*s", len > 2 ? len - 1 : 0, (const char *) body + 5);
	add16(&reply, *good ? 0 : AUTHENTICATION_FAILED);
	add_text(&reply, *good ? "" : said);
	put32(reply.bytes + reply.len, 0);
	reply.len += 4;
	return send_reply(client, &reply, correlation);
}

/* Answer until the client is let in; false when it is not. */
static bool
let_in(Client *client)
{
	unsigned char frame[4096];

	for (;;)
	{
		unsigned char size[4];
		uint32_t	len;
		size_t		body;
		bool		good = true;

		if (!read_client(client, size, 4) || (len = get32(size)) < 10 || len > sizeof(frame) - 8 ||
			!read_client(client, frame, len))
			return false;
		memset(frame + len, 0, 8);
		body = 10 + (get16(frame + 8) == 0xffff ? 0 : (size_t) get16(frame + 8));
		if (body > len)
			return false;
		if (get16(frame) == API_VERSIONS && !tell_versions(client, frame + 4, get16(frame + 2)))
			return false;
		if (get16(frame) == SASL_HANDSHAKE && broken == BREAKS_SASL)
			return false;
		if (get16(frame) == SASL_HANDSHAKE && (!shake_hands(client, frame + 4, frame + body, &good) || !good))
			return false;
		if (get16(frame) == SASL_AUTHENTICATE)
			return log_in(client, frame + 4, frame + body, &good) && good;
	}
}

/* ---- bytes ---- */

/*
 * A connection of TLS must not be read and written at a time, so what a broker answers is
 * passed back by the thread that reads requests, which waits for both.
 */
static void
pass(Client *client)
{
	unsigned char bytes[16384];
	unsigned char size[4];
	unsigned char *frame = NULL;

	for (;;)
	{
		struct pollfd polls[2] = {{client->fd, POLLIN, 0}, {client->broker, POLLIN, 0}};
		bool		pending = client->ssl && SSL_pending(client->ssl) > 0;

		if (poll(polls, 2, pending ? 0 : -1) < 0)
			break;
		if (pending || polls[0].revents != 0)
		{
			ssize_t		n = client->ssl ? SSL_read(client->ssl, bytes, sizeof(bytes))
				: read(client->fd, bytes, sizeof(bytes));

			if (n <= 0 || !write_all(client->broker, bytes, (size_t) n))
				break;
		}
		if (polls[1].revents != 0)
		{
			uint32_t	len;

			if (!read_all(client->broker, size, 4) || (len = get32(size)) > FRAME_MAX ||
				(frame = realloc(frame, len + 1)) == NULL || !read_all(client->broker, frame, len))
				break;
			replace_ports(frame, len);
			if (!write_client(client, size, 4) || !write_client(client, frame, len))
				break;
		}
	}
	free(frame);
}

static void *
serve(void *arg)
{
	Client	   *client = arg;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(broker_port[client->number]),
	.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	if (broken == BREAKS_TLS)
	{
		/* what was not read would reset the connection instead */
		char		hello[16384];

		(void) !read(client->fd, hello, sizeof(hello));
		close(client->fd);
		free(client);
		return NULL;
	}
	if (context != NULL)
	{
		client->ssl = SSL_new(context);
		SSL_set_fd(client->ssl, client->fd);
	}
	if ((client->ssl == NULL || SSL_accept(client->ssl) == 1) &&
		(options.mechanism == NULL || let_in(client)))
	{
		client->broker = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(client->broker, (struct sockaddr *) &address, sizeof(address)) == 0)
			pass(client);
		close(client->broker);
	}
	if (client->ssl)
	{
		SSL_shutdown(client->ssl);
		SSL_free(client->ssl);
	}
	close(client->fd);
	free(client);
	return NULL;
}

static int	listening[BROKERS_MAX];

static void *
accept_all(void *arg)
{
	int			number = (int) (intptr_t) arg;

	for (;;)
	{
		Client	   *client = calloc(1, sizeof(Client));
		pthread_t	thread;

		if (client == NULL)
			return NULL;
		client->number = number;
		client->fd = accept(listening[number], NULL, NULL);
		if (client->fd < 0 || pthread_create(&thread, NULL, serve, client) != 0)
			return NULL;
		pthread_detach(thread);
	}
}

static bool
open_one(int number)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	len = sizeof(address);
	pthread_t	thread;

	listening[number] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listening[number], (struct sockaddr *) &address, len) != 0 ||
		listen(listening[number], 64) != 0 ||
		getsockname(listening[number], (struct sockaddr *) &address, &len) != 0)
		return false;
	front_port[number] = ntohs(address.sin_port);
	return pthread_create(&thread, NULL, accept_all, (void *) (intptr_t) number) == 0;
}

static bool
set_up_tls(void)
{
	context = SSL_CTX_new(TLS_server_method());
	if (context == NULL || SSL_CTX_use_certificate_chain_file(context, options.certificate) != 1 ||
		SSL_CTX_use_PrivateKey_file(context, options.key, SSL_FILETYPE_PEM) != 1)
		return false;
	if (options.client_ca == NULL)
		return true;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return SSL_CTX_load_verify_locations(context, options.client_ca, NULL) == 1;
}

bool
front_open(const FrontOptions *wanted, const char *brokers, char *list, int size)
{
	int			len = 0;

	options = *wanted;
	if (options.certificate != NULL && !set_up_tls())
		return false;
	for (const char *at = brokers; at != NULL && nbrokers < BROKERS_MAX; at = strchr(at, ','))
	{
		const char *colon;

		at += *at == ',';
		colon = strchr(at, ':');
		if (colon == NULL)
			return false;
		broker_port[nbrokers++] = (uint16_t) atoi(colon + 1);
	}
	for (int i = 0; i < nbrokers; i++)
	{
		if (!open_one(i))
			return false;
		len += snprintf(list + len, (size_t) (size - len), "%s" HOST ":%d", i > 0 ? "," : "", front_port[i]);
	}
	return true;
}

bool
front_break(const char *where)
{
	static const char *const words[] = {"none", "tls", "sasl"};

	for (int i = BREAKS_NOWHERE; i <= BREAKS_SASL; i++)
		if (strcmp(where, words[i]) == 0)
		{
			broken = i;
			return true;
		}
	return false;
}
