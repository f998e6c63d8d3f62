/*
 * produce.c
 *	  The producer of Kafka by itself (kafka.sh): messages handed over, acknowledgements counted.
 *
 *	  produce BROKERS TOPIC EVENTS BATCH IN_FLIGHT
 *
 * prints events a second and microseconds of processor time an event.  A message has the size
 * of an event of the benches, about 900 bytes, and an id as its key; it is copied into bodies
 * beforehand, so what is measured is reading a body, librdkafka, and its reports.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bus/kafka_producer.h"

#define VALUE	"{\"event_type\":\"purchase\",\"id\":\"order-%d\",\"timestamp\":1790000000,\"value\":129.9,\"currency_code\":\"EUR\",\"data_set_id\":\"bench\"," \
	"\"user_data\":{\"email_address\":[\"71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476\"],\"phone_numbers\":[\"e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176\"]," \
	"\"address\":{\"first_name\":\"81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2\",\"last_name\":\"799ef92a11af918e3fb741df42934f3b568ed2d93ac1df74f1b8d41a27932a6f\",\"city\":\"ulm\",\"country_code\":\"de\",\"postal_code\":\"89073\"}}," \
	"\"properties\":{\"transaction_id\":\"order-%d\",\"items\":[{\"id\":\"sku-1\",\"name\":\"Something with a name\",\"quantity\":1,\"price\":79.9},{\"id\":\"sku-2\",\"name\":\"Another thing\",\"quantity\":2,\"price\":25}]}}"

static double
seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	int			events = argc == 6 ? atoi(argv[3]) : 0;
	int			batch = argc == 6 ? atoi(argv[4]) : 0;
	int			most = argc == 6 ? atoi(argv[5]) : 0;
	char		servers[1024];
	const char *headers[] = {servers, "security.protocol: plaintext", "compression.codec: none", "message.max.bytes: 1000000"};
	char	   *body = malloc((size_t) batch * 1500 + 100);
	EcapiRequest request = {.headers = headers, .nheaders = 4, .body = body, .timeout_ms = 30000};
	EcapiProducer *producer;
	EcapiAnswer answer;
	char		error[512] = "";
	int			bell = eventfd(0, EFD_NONBLOCK);
	int			flying = 0;
	int			started = 0;
	int			done = 0;
	double		began;
	size_t		len;

	if (events <= 0 || batch <= 0 || body == NULL)
		return 2;
	snprintf(servers, sizeof(servers), "bootstrap.servers: %s", argv[1]);
	len = (size_t) sprintf(body, "{\"messages\":[");
	for (int i = 0; i < batch; i++)
		len += (size_t) sprintf(body + len, "%s\n{\"topic\":\"%s\",\"key\":\"order-%d\",\"headers\":{\"id\":\"order-%d\",\"event_type\":\"purchase\",\"data_set_id\":\"bench\"},\"value\":" VALUE "}",
								i > 0 ? "," : "", argv[2], i, i, i, i);
	len += (size_t) sprintf(body + len, "\n]}");
	request.body_len = len;
	producer = ecapi_kafka_producers.open(&request, 48 << 20, bell, error, sizeof(error));
	if (producer == NULL)
	{
		fprintf(stderr, "produce: %s\n", error);
		return 1;
	}
	began = seconds(CLOCK_MONOTONIC);
	while (done < events)
	{
		struct pollfd polled = {bell, POLLIN, 0};
		uint64_t	rung;

		while (flying < most && started < events)
		{
			if (!ecapi_kafka_producers.start(producer, &request, error, sizeof(error)))
				return 1;
			started += batch;
			flying++;
		}
		(void) poll(&polled, 1, 1000);
		(void) (read(bell, &rung, sizeof(rung)) < 0);
		while (ecapi_kafka_producers.answer(producer, &answer))
		{
			if (strstr(answer.body, "\"errors\":[]") == NULL)
			{
				fprintf(stderr, "produce: %.300s\n", answer.body);
				return 1;
			}
			flying--;
			done += batch;
		}
	}
	printf("%.0f %.2f\n", done / (seconds(CLOCK_MONOTONIC) - began), seconds(CLOCK_PROCESS_CPUTIME_ID) * 1e6 / done);
	ecapi_kafka_producers.close(producer);
	while (ecapi_kafka_producers.closing() > 0)
		usleep(1000);
	return 0;
}
