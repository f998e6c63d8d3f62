/*
 * mock.c
 *	  A cluster of Kafka for tests: librdkafka's mock of one, led by commands.
 *
 *	  mock [-b BROKERS] [-c CERT -k KEY [-a CLIENT_CA]]
 *		   [-m MECHANISM -u USER -w PASSWORD]
 *
 * prints "bootstrap HOST:PORT,..." (of the brokers, or of the fronts before them, front.c) and
 * "ready", and then takes commands, one a line, and answers each by a line "ok" or "no":
 *
 *	  topic NAME PARTITIONS		create it, with a replica on each broker
 *	  leader TOPIC PARTITION BROKER
 *	  down BROKER, up BROKER
 *	  rtt BROKER MS				each request of it takes so long
 *	  errors CODE COUNT			the next COUNT Produce requests get this error
 *	  forget					the errors that are yet to come
 *	  topic-error TOPIC CODE	in its metadata; 0: none
 *	  break tls|sasl|none		where the fronts close new connections (front.h)
 *	  read TOPIC				all messages that are in it, a JSON object a line, before the
 *								"ok"; by a consumer, so all brokers have to be up
 *	  count TOPIC				how many those are, in place of them
 *
 * The mock keeps 5 MB of a partition.  It does not look at sequence numbers: what an idempotent
 * producer sends again after a lost answer is there twice, which brokers prevent.  It ends with
 * its standard input.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "front.h"

/* Kafka's number of the request Produce. */
#define PRODUCE	0

/* How long a read may go without a message before it gives up. */
#define READ_MS	30000

static rd_kafka_t *handle;
static rd_kafka_mock_cluster_t *cluster;

static rd_kafka_conf_t *
settings(const char *const *pairs)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char		error[256];

	for (; *pairs != NULL; pairs += 2)
		if (rd_kafka_conf_set(conf, pairs[0], pairs[1], error, sizeof(error)) != RD_KAFKA_CONF_OK)
		{
			fprintf(stderr, "mock: %s\n", error);
			exit(1);
		}
	return conf;
}

static void
print_text(const char *text, size_t len)
{
	putchar('"');
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c < ' ')
			printf("\\u%04x", c);
		else
		{
			if (c == '"' || c == '\\')
				putchar('\\');
			putchar(c);
		}
	}
	putchar('"');
}

static void
print_message(const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t		size;

	printf("{\"topic\":\"%s\",\"partition\":%d,\"offset\":%lld,\"key\":",
		   rd_kafka_topic_name(message->rkt), message->partition, (long long) message->offset);
	if (message->key == NULL)
		printf("null");
	else
		print_text(message->key, message->key_len);
	printf(",\"headers\":{");
	if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
			 RD_KAFKA_RESP_ERR_NO_ERROR; i++)
		{
			printf("%s", i > 0 ? "," : "");
			print_text(name, strlen(name));
			putchar(':');
			print_text(value, size);
		}
	/* the value is JSON */
	printf("},\"value\":%.*s}\n", (int) message->len, (const char *) message->payload);
}

/* All messages of a topic, from the first one that is kept to the last. */
static bool
read_topic(const char *topic, bool print)
{
	const char *const pairs[] = {
		"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster), "group.id", "test",
		"enable.partition.eof", "true", "enable.auto.commit", "false", "log_level", "0",
		"fetch.wait.max.ms", "10", "auto.offset.reset", "earliest", NULL
	};
	char		error[256];
	rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, settings(pairs), error, sizeof(error));
	const rd_kafka_metadata_t *metadata;
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(consumer, topic, NULL);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	long		count = 0;
	int			open = 0;

	rd_kafka_poll_set_consumer(consumer);
	if (rd_kafka_metadata(consumer, 0, rkt, &metadata, READ_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		open = metadata->topics[0].partition_cnt;
		rd_kafka_metadata_destroy(metadata);
	}
	for (int i = 0; i < open; i++)
		rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_assign(consumer, list);
	while (open > 0)
	{
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, READ_MS);

		if (message == NULL)
			break;
		if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			open--;
		else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		{
			count++;
			if (print)
				print_message(message);
		}
		rd_kafka_message_destroy(message);
	}
	if (!print)
		printf("%ld\n", count);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_topic_destroy(rkt);
	rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
	return open == 0;
}

static bool
push_errors(int code, int count)
{
	rd_kafka_resp_err_t *errors = malloc(sizeof(*errors) * (size_t) (count + 1));

	for (int i = 0; i < count; i++)
		errors[i] = (rd_kafka_resp_err_t) code;
	rd_kafka_mock_push_request_errors_array(cluster, PRODUCE, (size_t) count, errors);
	free(errors);
	return true;
}

static bool
obey(const char *line)
{
	char		topic[256];
	int			a;
	int			b;

	if (sscanf(line, "topic %255s %d", topic, &a) == 2)
		return rd_kafka_mock_topic_create(cluster, topic, a, 3) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (sscanf(line, "leader %255s %d %d", topic, &a, &b) == 3)
		return rd_kafka_mock_partition_set_leader(cluster, topic, a, b) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (sscanf(line, "down %d", &a) == 1)
		return rd_kafka_mock_broker_set_down(cluster, a) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (sscanf(line, "up %d", &a) == 1)
		return rd_kafka_mock_broker_set_up(cluster, a) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (sscanf(line, "rtt %d %d", &a, &b) == 2)
		return rd_kafka_mock_broker_set_rtt(cluster, a, b) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (sscanf(line, "errors %d %d", &a, &b) == 2 && b >= 0)
		return push_errors(a, b);
	if (strcmp(line, "forget\n") == 0)
	{
		rd_kafka_mock_clear_request_errors(cluster, PRODUCE);
		return true;
	}
	if (sscanf(line, "topic-error %255s %d", topic, &a) == 2)
	{
		rd_kafka_mock_topic_set_error(cluster, topic, (rd_kafka_resp_err_t) a);
		return true;
	}
	if (sscanf(line, "break %255s", topic) == 1)
		return front_break(topic);
	if (sscanf(line, "read %255s", topic) == 1)
		return read_topic(topic, true);
	if (sscanf(line, "count %255s", topic) == 1)
		return read_topic(topic, false);
	return false;
}

int
main(int argc, char **argv)
{
	static const char *const pairs[] = {"log_level", "0", NULL};
	FrontOptions front = {0};
	char		bootstrap[1024];
	char		error[256];
	char		line[512];
	int			brokers = 3;
	int			option;

	while ((option = getopt(argc, argv, "b:c:k:a:m:u:w:")) != -1)
		switch (option)
		{
			case 'b':
				brokers = atoi(optarg);
				break;
			case 'c':
				front.certificate = optarg;
				break;
			case 'k':
				front.key = optarg;
				break;
			case 'a':
				front.client_ca = optarg;
				break;
			case 'm':
				front.mechanism = optarg;
				break;
			case 'u':
				front.user = optarg;
				break;
			case 'w':
				front.password = optarg;
				break;
			default:
				return 2;
		}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	handle = rd_kafka_new(RD_KAFKA_PRODUCER, settings(pairs), error, sizeof(error));
	cluster = handle == NULL ? NULL : rd_kafka_mock_cluster_new(handle, brokers);
	if (cluster == NULL)
	{
		fprintf(stderr, "mock: no cluster\n");
		return 1;
	}
	snprintf(bootstrap, sizeof(bootstrap), "%s", rd_kafka_mock_cluster_bootstraps(cluster));
	if ((front.certificate || front.mechanism) &&
		!front_open(&front, rd_kafka_mock_cluster_bootstraps(cluster), bootstrap, sizeof(bootstrap)))
	{
		fprintf(stderr, "mock: no front\n");
		return 1;
	}
	printf("bootstrap %s\nready\n", bootstrap);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		printf("%s\n", obey(line) ? "ok" : "no");
		fflush(stdout);
	}
	return 0;
}
