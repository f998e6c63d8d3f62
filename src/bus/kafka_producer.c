/*
 * kafka_producer.c
 *	  The producer of Kafka, over librdkafka: the only file that includes it.
 *
 * A request is a body of messages (lines.h).  Each is handed to librdkafka, which gathers what
 * goes to one partition, sends it, and sends it again, under the sequence numbers of an
 * idempotent producer, until the broker has acknowledged it or its time is over.  Then comes
 * its delivery report.  With the last report of its messages a request is answered, by a text
 * that says what became of which (format_kafka.c judges it):
 *
 *	  {"delivered":7,"unsent":true,"errors":[
 *	  {"first":3,"last":5,"code":"_MSG_TIMED_OUT","words":"Local: Message timed out"}]}
 *
 * "unsent" says that no broker can have what is named; "last" is the place of the last message
 * of a run with one error, and "trouble" what the connections had to say meanwhile.
 *
 * Threads.  librdkafka has its own: one for the whole, one for each broker.  They run nothing
 * of ours but on_connect and on_log, which touch no memory of the process.  Reports and errors
 * wait in a queue, which the caller's thread empties (take_events); that something came, the
 * queue tells by writing to the caller's bell.  All signals are blocked while threads may
 * start (threads.h).
 *
 * The end.  rd_kafka_destroy() waits for the threads, so a thread of ours calls it.
 *
 * Invariants
 *	(1) A flight lives until each of its messages has had its report, or the producer is
 *		closed: librdkafka keeps a pointer to the slot of a message until then, and gives
 *		it back in a report alone.
 *	(2) Payloads, keys and headers are copied by librdkafka; a body may go after start.
 *	(3) Of the settings only those that are named here reach librdkafka: one of its others
 *		loads libraries.
 *	(4) Neither a log line nor a text of a broker is kept: what goes out are codes of
 *		librdkafka and its constant words for them.  An error's text is looked at (trouble.h).
 *
 * Memory is malloc's.  No locks but librdkafka's.
 */
#include "bus/kafka_producer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

#include "bus/lines.h"
#include "bus/threads.h"
#include "bus/trouble.h"
#include "delivery/peer.h"

/* Topics of a producer that are looked up once; an event type may have its own. */
#define TOPICS_MAX	64

/* Characters of a topic (org.apache.kafka, Topic.MAX_NAME_LENGTH). */
#define TOPIC_MAX	249

/*
 * How long a topic that nobody knows may be one that was just created: half the time of a
 * message at most, so that it is known before that has passed.
 */
#define PROPAGATION_MS	10000

/*
 * How long a trouble may be the cause of what fails later: twice the 30 seconds in which
 * librdkafka does not report the same one again.
 */
#define TROUBLE_US	(60 * 1000000LL)

typedef struct Flight Flight;

/* A message on its way; librdkafka keeps a pointer to it. */
typedef struct Slot
{
	Flight	   *flight;
	rd_kafka_resp_err_t error;
	bool		persisted;		/* with an error: a broker may have it all the same */
} Slot;

struct Flight
{
	Flight	   *next;
	void	   *cookie;
	bool		dropped;		/* nobody wants the answer */
	int64_t		began_us;
	int64_t		took_us;
	int			n;
	int			outstanding;	/* messages without a report */
	rd_kafka_resp_err_t trouble;	/* that of the connections when it landed */
	Slot	   *slots;
};

typedef struct Topic
{
	char		name[TOPIC_MAX + 1];
	rd_kafka_topic_t *handle;
} Topic;

struct EcapiProducer
{
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	Flight	   *flying;
	Flight	   *done;
	char	   *answer;			/* the text of the last one */
	const char *failure;		/* code of what ends the producer; NULL: nothing does */
	rd_kafka_resp_err_t failed; /* the same */
	bool		stale;			/* it knows of a topic what may be true no longer */
	rd_kafka_resp_err_t trouble;	/* what the connections said last, since all was delivered */
	int64_t		trouble_us;		/* when */
	int			ntopics;
	Topic		topics[TOPICS_MAX];
};

/* ---- in librdkafka's threads ---- */

/* Its words may hold a text of a broker's, so none is kept; what matters is in the events. */
static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void) rk;
	(void) level;
	(void) facility;
	(void) text;
}

/* Without TLS to this machine alone, whatever a name or a broker's word makes of it. */
static int
on_connect(int fd, const struct sockaddr *address, int len, const char *id, void *opaque)
{
	(void) id;
	(void) opaque;
	if (!ecapi_peer_is_loopback(address))
		return EACCES;
	return connect(fd, address, (socklen_t) len) == 0 || errno == EINPROGRESS ? 0 : errno;
}

/* ---- small things ---- */

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- opening ---- */

/* Settings that a request may bring (kafka's seal in destination/format_kafka.c). */
static const char *const known_settings[] = {
	"bootstrap.servers", "security.protocol", "sasl.mechanism", "sasl.username",
	"sasl.password", "ssl.certificate.pem", "ssl.key.pem", "ssl.key.password",
	"compression.codec", "message.max.bytes", NULL
};

static const char *
known_setting(const char *line, size_t len)
{
	for (int i = 0; known_settings[i] != NULL; i++)
		if (strlen(known_settings[i]) == len && memcmp(known_settings[i], line, len) == 0)
			return known_settings[i];
	return NULL;
}

/* Set one; false with a reason, which never quotes the value. */
static bool
set(rd_kafka_conf_t *conf, const char *name, const char *value, char *error, size_t error_size)
{
	char		said[512];

	if (rd_kafka_conf_set(conf, name, value, said, sizeof(said)) == RD_KAFKA_CONF_OK)
		return true;
	snprintf(error, error_size, "librdkafka does not take the setting %s", name);
	return false;
}

static bool
set_number(rd_kafka_conf_t *conf, const char *name, long long value, char *error, size_t error_size)
{
	char		text[32];

	snprintf(text, sizeof(text), "%lld", value);
	return set(conf, name, text, error, error_size);
}

/* Those of the request, and what follows from them. */
static bool
set_given(rd_kafka_conf_t *conf, const EcapiRequest *request, char *error, size_t error_size)
{
	bool		clear = false;

	for (int i = 0; i < request->nheaders; i++)
	{
		const char *line = request->headers[i];
		size_t		len = strcspn(line, ":");
		const char *name = known_setting(line, len);
		const char *value = line + len + 2;

		if (name == NULL || line[len] == '\0')
		{
			snprintf(error, error_size, "a setting that is not known");
			return false;
		}
		if (!set(conf, name, value, error, error_size))
			return false;
		if (strcmp(name, "security.protocol") == 0)
			clear = strcasecmp(value, "plaintext") == 0 || strcasecmp(value, "sasl_plaintext") == 0;
		/* a batch is never larger than what the topic takes as one message */
		if (strcmp(name, "message.max.bytes") == 0 && !set(conf, "batch.size", value, error, error_size))
			return false;
	}
	if (clear)
		rd_kafka_conf_set_connect_cb(conf, on_connect);
	return request->ca_file == NULL || clear ||
		set(conf, "ssl.ca.location", request->ca_file, error, error_size);
}

/*
 * What every producer has.  Order and no repeats within a session: idempotence, which asks for
 * all acknowledgements and at most five requests to a broker.  The time of a message is that
 * of a request.  murmur2 is the partitioner of the Java clients, so that their producers and
 * this one give a key the same partition.  Five milliseconds of linger make large batches of
 * what one request brings, and cost less than an acknowledgement of three brokers does.
 */
static bool
set_fixed(rd_kafka_conf_t *conf, const EcapiRequest *request, size_t memory,
		  char *error, size_t error_size)
{
	int			timeout = request->timeout_ms;
	int			patience = timeout / 2 < PROPAGATION_MS ? timeout / 2 : PROPAGATION_MS;

	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
	return set(conf, "client.id", "ecapi", error, error_size) &&
		set(conf, "enable.idempotence", "true", error, error_size) &&
		set(conf, "acks", "all", error, error_size) &&
		set(conf, "partitioner", "murmur2_random", error, error_size) &&
		set(conf, "linger.ms", "5", error, error_size) &&
		set(conf, "socket.keepalive.enable", "true", error, error_size) &&
		set(conf, "ssl.endpoint.identification.algorithm", "https", error, error_size) &&
		set_number(conf, "message.timeout.ms", timeout, error, error_size) &&
		set_number(conf, "request.timeout.ms", timeout, error, error_size) &&
		set_number(conf, "topic.metadata.propagation.max.ms", patience, error, error_size) &&
		set_number(conf, "reconnect.backoff.max.ms", 2000, error, error_size) &&
		set_number(conf, "queue.buffering.max.messages", 1000000, error, error_size) &&
		set_number(conf, "queue.buffering.max.kbytes", (long long) (memory / 1024), error, error_size);
}

static EcapiProducer *
new_producer(rd_kafka_conf_t *conf, int bell, char *error, size_t error_size)
{
	static const uint64_t one = 1;
	EcapiProducer *producer = calloc(1, sizeof(EcapiProducer));
	char		said[512] = "";

	if (producer == NULL)
	{
		rd_kafka_conf_destroy(conf);
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, said, sizeof(said));
	if (producer->rk == NULL)
	{
		const char *what = strstr(said, "ssl.key") ? ": the private key cannot be used" :
			strstr(said, "ssl.certificate") ? ": the certificate cannot be used" :
			strstr(said, "ssl.ca") || strstr(said, "CA") ? ": the CA file cannot be used" :
			strstr(said, "SASL") || strstr(said, "sasl") ? ": it does not know the SASL mechanism" : "";

		rd_kafka_conf_destroy(conf);
		free(producer);
		snprintf(error, error_size, "librdkafka does not start a producer%s", what);
		return NULL;
	}
	producer->queue = rd_kafka_queue_get_main(producer->rk);
	rd_kafka_queue_io_event_enable(producer->queue, bell, &one, sizeof(one));
	return producer;
}

static EcapiProducer *
kafka_open(const EcapiRequest *request, size_t memory, int bell, char *error, size_t error_size)
{
	EcapiProducer *producer = NULL;
	rd_kafka_conf_t *conf;
	sigset_t	saved;

	ecapi_threads_block(&saved);
	conf = rd_kafka_conf_new();
	if (set_fixed(conf, request, memory, error, error_size) &&
		set_given(conf, request, error, error_size))
		producer = new_producer(conf, bell, error, error_size);
	else
		rd_kafka_conf_destroy(conf);
	ecapi_threads_restore(&saved);
	return producer;
}

/* ---- flights ---- */

static void
free_flight(Flight *flight)
{
	free(flight->slots);
	free(flight);
}

static void
unlink_flight(Flight **list, Flight *flight)
{
	while (*list != flight)
		list = &(*list)->next;
	*list = flight->next;
}

static bool
is_delivered(const Flight *flight)
{
	for (int i = 0; i < flight->n; i++)
		if (flight->slots[i].error != RD_KAFKA_RESP_ERR_NO_ERROR)
			return false;
	return true;
}

/* All reports are in. */
static void
land(EcapiProducer *producer, Flight *flight)
{
	Flight	  **last = &producer->done;

	flight->took_us = now_us() - flight->began_us;
	unlink_flight(&producer->flying, flight);
	if (flight->dropped)
	{
		free_flight(flight);
		return;
	}
	if (is_delivered(flight))
		producer->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
	flight->trouble = producer->trouble;
	while (*last != NULL)
		last = &(*last)->next;
	flight->next = NULL;
	*last = flight;
}

/*
 * Of a topic that was refused, librdkafka goes on refusing what it is given until it happens to
 * look again; a new producer looks at once.
 */
static bool
is_of_topic(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
		error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		error == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
		error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

static void
report(EcapiProducer *producer, Slot *slot, rd_kafka_resp_err_t error, bool persisted)
{
	/* thrown out of the queue for what ends the producer */
	if (producer->failed && (error == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
							 error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT))
		error = producer->failed;
	producer->stale |= is_of_topic(error);
	slot->error = error;
	slot->persisted = error != RD_KAFKA_RESP_ERR_NO_ERROR && persisted;
	if (--slot->flight->outstanding == 0)
		land(producer, slot->flight);
}

static void
take_reports(EcapiProducer *producer, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *message;

	while ((message = rd_kafka_event_message_next(event)) != NULL)
		report(producer, message->_private, message->err,
			   rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED);
}

/*
 * An error that no other try changes: what waits to be sent comes back at once, and is
 * reported with it.
 */
static void
fail(EcapiProducer *producer, rd_kafka_resp_err_t error, const char *code)
{
	if (producer->failure == NULL)
	{
		producer->failed = error;
		producer->failure = code;
	}
	rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

/* Whether an error of the connections is such a one: a broker that restarts makes none. */
static bool
is_final(rd_kafka_resp_err_t error, const char *text)
{
	if (error == RD_KAFKA_RESP_ERR__SSL)
		return ecapi_trouble_of_tls_stays(text);
	if (error == RD_KAFKA_RESP_ERR__AUTHENTICATION)
		return ecapi_trouble_of_login_stays(text);
	return error == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
		error == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM ||
		error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static void
take_error(EcapiProducer *producer, rd_kafka_event_t *event)
{
	rd_kafka_resp_err_t error = rd_kafka_event_error(event);
	const char *text = rd_kafka_event_error_string(event);
	char		said[8];

	if (error == RD_KAFKA_RESP_ERR__FATAL)
	{
		error = rd_kafka_fatal_error(producer->rk, said, sizeof(said));
		fail(producer, error, rd_kafka_err2name(error));
	}
	else if (is_final(error, text))
		fail(producer, error, text != NULL && strstr(text, "nsupported SASL mechanism") != NULL ?
			 rd_kafka_err2name(RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM) : rd_kafka_err2name(error));
	else
	{
		producer->trouble = error;
		producer->trouble_us = now_us();
	}
}

/* Empty the queue: only then does it ring again. */
static void
take_events(EcapiProducer *producer)
{
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(producer->queue, 0)) != NULL)
	{
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
			take_reports(producer, event);
		else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
			take_error(producer, event);
		rd_kafka_event_destroy(event);
	}
}

/* ---- starting ---- */

/* The topic of a message; NULL: it cannot be one. */
static rd_kafka_topic_t *
topic_of(EcapiProducer *producer, const EcapiPiece *name)
{
	Topic	   *topic;

	for (int i = 0; i < producer->ntopics; i++)
		if (strlen(producer->topics[i].name) == name->len &&
			memcmp(producer->topics[i].name, name->text, name->len) == 0)
			return producer->topics[i].handle;
	if (producer->ntopics == TOPICS_MAX || name->len == 0 || name->len > TOPIC_MAX)
		return NULL;
	topic = &producer->topics[producer->ntopics];
	memcpy(topic->name, name->text, name->len);
	topic->name[name->len] = '\0';
	topic->handle = rd_kafka_topic_new(producer->rk, topic->name, NULL);
	if (topic->handle != NULL)
		producer->ntopics++;
	return topic->handle;
}

/*
 * The headers of a message; NULL without memory.  Not given one by one: librdkafka 2.0.2 frees
 * those of its own making twice when it refuses a message for its topic.
 */
static rd_kafka_headers_t *
headers_of(const EcapiLine *line)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new((size_t) line->nheaders);

	for (int i = 0; headers != NULL && i < line->nheaders; i++)
		rd_kafka_header_add(headers, line->names[i].text, (ssize_t) line->names[i].len,
							line->values[i].text, (ssize_t) line->values[i].len);
	return headers;
}

static rd_kafka_resp_err_t
produce(EcapiProducer *producer, const EcapiLine *line, Slot *slot)
{
	rd_kafka_vu_t given[6];
	rd_kafka_headers_t *headers = headers_of(line);
	rd_kafka_topic_t *topic = topic_of(producer, &line->topic);
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t code;
	size_t		n = 0;

	if (topic == NULL || headers == NULL)
	{
		if (headers != NULL)
			rd_kafka_headers_destroy(headers);
		return topic == NULL ? RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION : RD_KAFKA_RESP_ERR__QUEUE_FULL;
	}
	given[n].vtype = RD_KAFKA_VTYPE_RKT;
	given[n++].u.rkt = topic;
	given[n].vtype = RD_KAFKA_VTYPE_VALUE;
	given[n].u.mem.ptr = (void *) line->value.text;
	given[n++].u.mem.size = line->value.len;
	given[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
	given[n++].u.i = RD_KAFKA_MSG_F_COPY;
	given[n].vtype = RD_KAFKA_VTYPE_OPAQUE;
	given[n++].u.ptr = slot;
	if (line->key.text != NULL)
	{
		given[n].vtype = RD_KAFKA_VTYPE_KEY;
		given[n].u.mem.ptr = (void *) line->key.text;
		given[n++].u.mem.size = line->key.len;
	}
	given[n].vtype = RD_KAFKA_VTYPE_HEADERS;
	given[n++].u.headers = headers;
	error = rd_kafka_produceva(producer->rk, given, n);
	if (error == NULL)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	/* what is refused leaves the headers to the caller */
	rd_kafka_headers_destroy(headers);
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	return code;
}

/* A flight of all messages of a body, not yet on its way; NULL without memory. */
static Flight *
new_flight(const EcapiRequest *request)
{
	Flight	   *flight = calloc(1, sizeof(Flight));
	int			n = ecapi_lines_count(request->body, request->body_len);

	if (flight == NULL)
		return NULL;
	flight->slots = calloc((size_t) n + 1, sizeof(Slot));
	if (flight->slots == NULL)
	{
		free(flight);
		return NULL;
	}
	flight->n = n;
	flight->cookie = request->cookie;
	flight->began_us = now_us();
	return flight;
}

/* Hand all messages over.  What is refused at once is reported at once. */
static bool
take_off(EcapiProducer *producer, Flight *flight, EcapiLines *lines)
{
	EcapiLine	line;
	int			i = 0;
	int			found;

	if (producer->flying == NULL && now_us() - producer->trouble_us > TROUBLE_US)
		producer->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
	/* one more than there are, so that it does not land before all have started */
	flight->outstanding = flight->n + 1;
	flight->next = producer->flying;
	producer->flying = flight;
	while ((found = ecapi_lines_next(lines, &line)) > 0 && i < flight->n)
	{
		Slot	   *slot = &flight->slots[i++];
		rd_kafka_resp_err_t error;

		slot->flight = flight;
		error = produce(producer, &line, slot);
		if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
			report(producer, slot, error, false);
	}
	/* a body that breaks off: what is not there has no report */
	flight->outstanding -= flight->n - i;
	if (found != 0 || i < flight->n)
		flight->dropped = true;
	found = found == 0 && i == flight->n ? 0 : -1;
	if (--flight->outstanding == 0)
		land(producer, flight);
	return found == 0;
}

static bool
kafka_start(EcapiProducer *producer, const EcapiRequest *request, char *error, size_t error_size)
{
	Flight	   *flight = new_flight(request);
	char	   *scratch = malloc(request->body_len + 1);
	EcapiLines	lines = {request->body, request->body + request->body_len, scratch};
	sigset_t	saved;
	bool		started;

	if (flight == NULL || scratch == NULL)
	{
		if (flight != NULL)
			free_flight(flight);
		free(scratch);
		snprintf(error, error_size, "out of memory");
		return false;
	}
	ecapi_threads_block(&saved);
	started = take_off(producer, flight, &lines);
	ecapi_threads_restore(&saved);
	free(scratch);
	if (!started)
		snprintf(error, error_size, "the request is not one of messages");
	return started;
}

static bool
kafka_cancel(EcapiProducer *producer, void *cookie)
{
	for (Flight *flight = producer->flying; flight != NULL; flight = flight->next)
		if (flight->cookie == cookie && !flight->dropped)
		{
			flight->dropped = true;
			return true;
		}
	for (Flight *flight = producer->done; flight != NULL; flight = flight->next)
		if (flight->cookie == cookie)
		{
			unlink_flight(&producer->done, flight);
			free_flight(flight);
			return true;
		}
	return false;
}

/* ---- answers ---- */

/* Bytes of one run of an answer, and of what is around them; names have at most 40. */
#define RUN_SIZE	384
#define FRAME_SIZE	256

/* librdkafka's words, which are constants, without what JSON would have to escape. */
static void
copy_words(char *to, size_t size, const char *words)
{
	size_t		n = 0;

	for (; *words != '\0' && n < size - 1; words++)
		to[n++] = *words == '"' || *words == '\\' || (unsigned char) *words < ' ' ? ' ' : *words;
	to[n] = '\0';
}

static const char *
code_of(const EcapiProducer *producer, rd_kafka_resp_err_t error)
{
	return producer->failure != NULL && error == producer->failed ? producer->failure
		: rd_kafka_err2name(error);
}

static int
count_runs(const Flight *flight)
{
	int			runs = 0;

	for (int i = 0; i < flight->n; i++)
		runs += i == 0 || flight->slots[i].error != flight->slots[i - 1].error;
	return runs;
}

/* The text of an answer in producer->answer; its length. */
static size_t
write_answer(EcapiProducer *producer, const Flight *flight)
{
	size_t		size = FRAME_SIZE + (size_t) count_runs(flight) * RUN_SIZE;
	char	   *text = malloc(size);
	size_t		len;
	int			delivered = 0;
	bool		unsent = true;
	bool		any = false;

	free(producer->answer);
	producer->answer = text;
	if (text == NULL)
		return 0;
	for (int i = 0; i < flight->n; i++)
	{
		delivered += flight->slots[i].error == RD_KAFKA_RESP_ERR_NO_ERROR;
		unsent &= !flight->slots[i].persisted;
	}
	len = (size_t) snprintf(text, size, "{\"delivered\":%d,\"unsent\":%s,", delivered,
							unsent ? "true" : "false");
	if (delivered < flight->n && flight->trouble != RD_KAFKA_RESP_ERR_NO_ERROR)
		len += (size_t) snprintf(text + len, size - len, "\"trouble\":\"%s\",",
								 rd_kafka_err2name(flight->trouble));
	len += (size_t) snprintf(text + len, size - len, "\"errors\":[");
	for (int i = 0; i < flight->n; i++)
	{
		rd_kafka_resp_err_t error = flight->slots[i].error;
		int			first = i;
		char		words[200];

		while (i + 1 < flight->n && flight->slots[i + 1].error == error)
			i++;
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
			continue;
		copy_words(words, sizeof(words), rd_kafka_err2str(error));
		len += (size_t) snprintf(text + len, size - len,
								 "%s{\"first\":%d,\"last\":%d,\"code\":\"%s\",\"words\":\"%s\"}",
								 any ? "," : "", first, i, code_of(producer, error), words);
		any = true;
	}
	len += (size_t) snprintf(text + len, size - len, "]}");
	return len;
}

static bool
kafka_answer(EcapiProducer *producer, EcapiAnswer *answer)
{
	Flight	   *flight;
	sigset_t	saved;

	ecapi_threads_block(&saved);
	take_events(producer);
	ecapi_threads_restore(&saved);
	flight = producer->done;
	if (flight == NULL)
		return false;
	producer->done = flight->next;
	memset(answer, 0, sizeof(*answer));
	answer->cookie = flight->cookie;
	answer->transport = ECAPI_TRANSPORT_OK;
	answer->retry_after_ms = -1;
	answer->elapsed_us = flight->took_us;
	snprintf(answer->error, sizeof(answer->error), "not acknowledged");
	answer->body_len = write_answer(producer, flight);
	answer->body = producer->answer != NULL ? producer->answer : "";
	free_flight(flight);
	return true;
}

static bool
kafka_is_spent(const EcapiProducer *producer)
{
	return producer->failure != NULL || producer->stale;
}

/* ---- the end ---- */

static void
destroy(void *rk)
{
	rd_kafka_destroy(rk);
}

static void
free_flights(Flight *list)
{
	while (list != NULL)
	{
		Flight	   *next = list->next;

		free_flight(list);
		list = next;
	}
}

static void
kafka_close(EcapiProducer *producer)
{
	sigset_t	saved;

	ecapi_threads_block(&saved);
	/* nothing is to be sent any more, and no bell to be rung */
	rd_kafka_queue_io_event_enable(producer->queue, -1, NULL, 0);
	rd_kafka_queue_destroy(producer->queue);
	for (int i = 0; i < producer->ntopics; i++)
		rd_kafka_topic_destroy(producer->topics[i].handle);
	rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
				   RD_KAFKA_PURGE_F_NON_BLOCKING);
	ecapi_threads_end(destroy, producer->rk);
	ecapi_threads_restore(&saved);
	free_flights(producer->flying);
	free_flights(producer->done);
	free(producer->answer);
	free(producer);
}

const EcapiProducerTable ecapi_kafka_producers = {
	.version = ECAPI_VERSION,
	.open = kafka_open,
	.start = kafka_start,
	.cancel = kafka_cancel,
	.answer = kafka_answer,
	.is_spent = kafka_is_spent,
	.close = kafka_close,
	.closing = ecapi_threads_ending
};
