/*
 * format_kafka.c
 *	  Apache Kafka: the options, the settings of its producer, what answers mean.
 *
 * It is for owners of an event bus, like the format "pubsub": the events go there in the
 * standard's own JSON.  Kafka speaks no HTTP, so requests go by a producer, which is in a
 * library of its own (src/bus/kafka_producer.c); here is what needs no library.  The headers
 * of a request are the settings of the producer, by librdkafka's names.
 *
 * An answer says which messages were acknowledged by all replicas that are in sync, and of
 * the others why not.  What was acknowledged is delivered, whatever became of the rest.
 * librdkafka has tried the rest again and again by then, for as long as a request may take; so
 * what fails here goes again after a wait, under the same id, in another batch, and no event
 * is to blame.  No error is an event's: a broker refuses a batch as a whole, with what other
 * events it holds, so an error that an event might have caused stops the destination, and the
 * words say which option lets that event fail here.
 *
 * Sources: librdkafka 2.0.2, CONFIGURATION.md and rdkafka.h (codes); org.apache.kafka, Errors
 * and Topic; KIP-98 (idempotent producer).
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/bus.h"
#include "destination/credentials.h"
#include "destination/formats.h"
#include "destination/kafka.h"
#include "destination/member.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "event/ascii.h"
#include "event/codes.h"

/* Characters of a topic (org.apache.kafka.common.internals.Topic). */
#define TOPIC_MAX	249

/* Bytes of a message: the default of librdkafka and brokers, and the bounds of the option. */
#define MESSAGE_BYTES		"1000000"
#define MESSAGE_BYTES_MIN	1000
#define MESSAGE_BYTES_MAX	(10 * 1000 * 1000)

/* ---- options ---- */

/* Letters, digits, and . _ -, and neither "." nor "..". */
static bool
is_topic(const char *name)
{
	size_t		len = strlen(name);

	return len >= 1 && len <= TOPIC_MAX && ecapi_all_alphanumeric(name, len, "._-") &&
		strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static const char *
check_topic(const char *value)
{
	return is_topic(value) ? NULL :
		"A topic has 1 to 249 letters, digits and \".\", \"_\", \"-\".";
}

/* The length of "host:port" at the beginning of a list; 0: it is none. */
static size_t
host_and_port(const char *text, size_t *host)
{
	size_t		len = strcspn(text, ",");
	size_t		port;

	*host = len;
	while (*host > 0 && text[*host - 1] != ':')
		(*host)--;
	if (*host < 2)
		return 0;
	port = len - *host;
	(*host)--;
	return port >= 1 && port <= 5 && strspn(text + *host + 1, "0123456789") == port &&
		ecapi_all_alphanumeric(text, *host, text[0] == '[' ? "[]:" : ".-_") ? len : 0;
}

static const char *
check_servers(const char *value)
{
	size_t		host;
	size_t		len;

	while ((len = host_and_port(value, &host)) > 0)
	{
		if (value[len] == '\0')
			return NULL;
		value += len + 1;
	}
	return "It is a list of brokers with their ports, separated by commas and without blanks, such as kafka1.example.com:9093,kafka2.example.com:9093.";
}

/* Whether all brokers of a list are this machine, by their names. */
static bool
all_loopback(const char *list)
{
	size_t		host;
	size_t		len;

	while ((len = host_and_port(list, &host)) > 0)
	{
		if (!(host == 9 && strncmp(list, "localhost", 9) == 0) &&
			!(host == 5 && strncmp(list, "[::1]", 5) == 0) &&
			!(strncmp(list, "127.", 4) == 0 && strspn(list, "0123456789.") >= host))
			return false;
		if (list[len] == '\0')
			return true;
		list += len + 1;
	}
	return false;
}

static const char *
check_message_bytes(const char *value)
{
	size_t		len = strlen(value);

	return len >= 1 && len <= 8 && strspn(value, "0123456789") == len &&
		atol(value) >= MESSAGE_BYTES_MIN && atol(value) <= MESSAGE_BYTES_MAX ? NULL :
		"It is a number of bytes from 1000 to 10000000, not more than the topic's max.message.bytes.";
}

/* A name or a password: no control character. */
static const char *
check_text(const char *value)
{
	for (const char *at = value; *at != '\0'; at++)
		if ((unsigned char) *at < ' ' || *at == 0x7f)
			return "It holds a control character.";
	return *value != '\0' ? NULL : "It is empty.";
}

static const char *
check_pem(const char *value)
{
	return strstr(value, "-----BEGIN ") != NULL ? NULL : "It is not in the form PEM.";
}

static const char *const protocol_words[] = {"ssl", "sasl_ssl", "plaintext", "sasl_plaintext", NULL};
static const char *const mechanism_words[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", NULL};
static const char *const compression_words[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};

static const EcapiOwnOption kafka_options[ECAPI_KAFKA_OPTIONS] = {
	[ECAPI_KAFKA_BOOTSTRAP_SERVERS] = {"bootstrap_servers", .required = true, .check = check_servers,
		.what = "It is a list of brokers with their ports, separated by commas, of which one has to answer at first."},
	[ECAPI_KAFKA_TOPIC] = {"topic", .required = true, .check = check_topic,
		.what = "It is the topic that events go to, but those whose type event_types gives another."},
	[ECAPI_KAFKA_MESSAGE_KEY] = {"message_key", .fallback = "id", .words = ecapi_bus_order_words,
		.what = "It is the key of messages: id, of an amendment that of its original, person (a digest of an identifier) or none."},
	[ECAPI_KAFKA_SECURITY_PROTOCOL] = {"security_protocol", .fallback = "ssl", .words = protocol_words,
		.what = "It is ssl, sasl_ssl, or to this machine plaintext or sasl_plaintext."},
	[ECAPI_KAFKA_SASL_MECHANISM] = {"sasl_mechanism", .words = mechanism_words,
		.what = "It is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."},
	[ECAPI_KAFKA_COMPRESSION_TYPE] = {"compression_type", .fallback = "none", .words = compression_words,
		.what = "It is how batches are compressed: none, gzip, snappy, lz4 or zstd."},
	[ECAPI_KAFKA_MAX_MESSAGE_BYTES] = {"max_message_bytes", .fallback = MESSAGE_BYTES, .check = check_message_bytes,
		.what = "It is how many bytes a message has at most, as the topic's max.message.bytes: 1000 to 10000000."},
	[ECAPI_KAFKA_SASL_USERNAME] = {"sasl_username", .secret = true, .check = check_text,
		.what = "It is the name by which the producer authenticates."},
	[ECAPI_KAFKA_SASL_PASSWORD] = {"sasl_password", .secret = true, .check = check_text,
		.what = "It is the password of that name."},
	[ECAPI_KAFKA_SSL_CERTIFICATE] = {"ssl_certificate", .secret = true, .lines = true, .check = check_pem,
		.what = "It is the certificate by which the producer is known, with those that sign it, as PEM."},
	[ECAPI_KAFKA_SSL_KEY] = {"ssl_key", .secret = true, .lines = true, .check = check_pem,
		.what = "It is the private key of that certificate, as PEM."},
	[ECAPI_KAFKA_SSL_KEY_PASSWORD] = {"ssl_key_password", .secret = true, .check = check_text,
		.what = "It is the password of that key, where it has one."}
};

/* By the security protocol. */
static bool
has_sasl(const EcapiOptions *options)
{
	return strncmp(options->own[ECAPI_KAFKA_SECURITY_PROTOCOL], "sasl", 4) == 0;
}

static bool
has_tls(const EcapiOptions *options)
{
	return strstr(options->own[ECAPI_KAFKA_SECURITY_PROTOCOL], "ssl") != NULL;
}

static bool
check_security(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	const char *mechanism = options->own[ECAPI_KAFKA_SASL_MECHANISM];

	if (!has_tls(options) && !all_loopback(options->own[ECAPI_KAFKA_BOOTSTRAP_SERVERS]))
		return ecapi_format_wrong(problem, "option \"security_protocol\" would send events and passwords in the clear",
								  "Without TLS messages go to this machine alone: localhost, 127.0.0.1, [::1].",
								  "Use security_protocol 'ssl' or 'sasl_ssl', and the port of the brokers for it.");
	if (has_sasl(options) && mechanism == NULL)
		return ecapi_format_wrong(problem, "option \"sasl_mechanism\" is missing",
								  "The option \"security_protocol\" asks for SASL.",
								  "Add sasl_mechanism 'SCRAM-SHA-512', 'SCRAM-SHA-256' or 'PLAIN', as the brokers have it.");
	if (!has_sasl(options) && mechanism != NULL)
		return ecapi_format_wrong(problem, "option \"sasl_mechanism\" is not used",
								  "The option \"security_protocol\" has no SASL.",
								  "Use security_protocol 'sasl_ssl', or leave sasl_mechanism out.");
	return true;
}

static bool
kafka_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	if (options->url != NULL || options->test_url != NULL)
		return ecapi_format_wrong(problem, options->url != NULL ? "option \"url\" is not used" :
								  "option \"test_url\" is not used", "Kafka speaks no HTTP.",
								  "Name the brokers by bootstrap_servers 'kafka1.example.com:9093'.");
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *topic = options->targets[type];
		char		message[sizeof(problem->message)];

		if (topic == NULL || is_topic(topic))
			continue;
		snprintf(message, sizeof(message), "event_types gives \"%s\" a target that is no topic",
				 ecapi_event_type_name(type));
		return ecapi_format_wrong(problem, message, check_topic(topic),
								  "Write the name of the topic: event_types 'purchase=orders, sign_up'.");
	}
	return check_security(options, problem);
}

/* ---- a request ---- */

/* The brokers, for a preview; a producer has them as a setting. */
static const char *
kafka_url(const EcapiOptions *options)
{
	return options->own[ECAPI_KAFKA_BOOTSTRAP_SERVERS];
}

/* The settings of the producer, by librdkafka's names. */
static void
kafka_seal(EcapiSealing *sealing)
{
	const EcapiOptions *options = sealing->shape->options;
	char	   *const *own = options->own;
	const char *const *secrets = sealing->credentials->own;

	ecapi_outgoing_field(sealing, "bootstrap.servers", own[ECAPI_KAFKA_BOOTSTRAP_SERVERS], false);
	ecapi_outgoing_field(sealing, "security.protocol", own[ECAPI_KAFKA_SECURITY_PROTOCOL], false);
	ecapi_outgoing_field(sealing, "compression.codec", own[ECAPI_KAFKA_COMPRESSION_TYPE], false);
	ecapi_outgoing_field(sealing, "message.max.bytes", own[ECAPI_KAFKA_MAX_MESSAGE_BYTES], false);
	if (has_sasl(options))
	{
		if (secrets[ECAPI_KAFKA_SASL_USERNAME] == NULL || secrets[ECAPI_KAFKA_SASL_PASSWORD] == NULL)
			sealing->problem = "there is no SASL credential: set sasl_username_file and sasl_password_file in the user mapping";
		ecapi_outgoing_field(sealing, "sasl.mechanism", own[ECAPI_KAFKA_SASL_MECHANISM], false);
		ecapi_outgoing_field(sealing, "sasl.username", secrets[ECAPI_KAFKA_SASL_USERNAME], true);
		ecapi_outgoing_field(sealing, "sasl.password", secrets[ECAPI_KAFKA_SASL_PASSWORD], true);
	}
	if (!has_tls(options))
		return;
	if ((secrets[ECAPI_KAFKA_SSL_CERTIFICATE] == NULL) != (secrets[ECAPI_KAFKA_SSL_KEY] == NULL))
		sealing->problem = "a certificate needs its key: set ssl_certificate_file and ssl_key_file in the user mapping";
	ecapi_outgoing_field(sealing, "ssl.certificate.pem", secrets[ECAPI_KAFKA_SSL_CERTIFICATE], true);
	ecapi_outgoing_field(sealing, "ssl.key.password", secrets[ECAPI_KAFKA_SSL_KEY_PASSWORD], true);
	ecapi_outgoing_field(sealing, "ssl.key.pem", secrets[ECAPI_KAFKA_SSL_KEY], true);
}

/* ---- answers ---- */

/* What an error means; of one that is not here: it goes again. */
typedef struct Meaning
{
	const char *code;			/* librdkafka's name */
	bool		credential;		/* another credential or CA file may change it */
	const char *todo;			/* what the owner does about it */
} Meaning;

#define NO_TOPIC	"create the topic, or name one that exists by the option topic or event_types"
#define NO_RIGHT	"allow the user of the producer to write to the topic"
#define NO_LOGIN	"check sasl_username and sasl_password of the user mapping"
#define TOO_LARGE	"set the option max_message_bytes to the topic's max.message.bytes or less"

static const Meaning meanings[] = {
	{"_UNKNOWN_TOPIC", false, NO_TOPIC},
	{"_UNKNOWN_PARTITION", false, NO_TOPIC},
	{"UNKNOWN_TOPIC_OR_PART", false, NO_TOPIC},
	{"TOPIC_EXCEPTION", false, NO_TOPIC},
	{"TOPIC_AUTHORIZATION_FAILED", true, NO_RIGHT},
	{"CLUSTER_AUTHORIZATION_FAILED", true, "allow the user of the producer IDEMPOTENT_WRITE on the cluster"},
	{"MSG_SIZE_TOO_LARGE", false, TOO_LARGE},
	{"INVALID_MSG_SIZE", false, TOO_LARGE},
	{"INVALID_RECORD", false, "a compacted topic takes no message without a key: set the option message_key to id"},
	{"POLICY_VIOLATION", false, "ask the administrator of the brokers for their policy"},
	{"UNSUPPORTED_COMPRESSION_TYPE", false, "set the option compression_type to one that the brokers have"},
	{"UNSUPPORTED_FOR_MESSAGE_FORMAT", false, "the topic has a message format before 0.11: set its message.format.version"},
	{"_UNSUPPORTED_FEATURE", false, "the brokers are older than Kafka 0.11, which has the idempotent producer"},
	{"_AUTHENTICATION", true, NO_LOGIN},
	{"SASL_AUTHENTICATION_FAILED", true, NO_LOGIN},
	{"UNSUPPORTED_SASL_MECHANISM", true, "set the option sasl_mechanism to one that the brokers have"},
	{"_SSL", true, "the certificate of a broker is not trusted, or not of its name: set ca_file to that of its authority"}
};

static const Meaning *
meaning_of(const EcapiValue *code)
{
	for (size_t i = 0; code != NULL && i < lengthof(meanings); i++)
		if (strcmp(code->text, meanings[i].code) == 0)
			return &meanings[i];
	return NULL;
}

/* What is known of an answer while its errors are read. */
typedef struct Reading
{
	const EcapiAnswer *answer;
	EcapiArena *arena;
	EcapiJudgement *judgement;
	int			nevents;
	int			next;			/* the first event of which nothing was read */
	const Meaning *meaning;		/* of what stops the destination; NULL: nothing does */
	const EcapiValue *worst;	/* the error that is told */
} Reading;

/* The events before a place were acknowledged. */
static bool
name_delivered(Reading *reading, int before)
{
	while (reading->next < before)
	{
		EcapiNamed	named = {.index = reading->next++, .outcome = ECAPI_NAMED_DELIVERED};

		if (!ecapi_judge_name(reading->judgement, reading->arena, reading->nevents, named))
			return false;
	}
	return true;
}

static bool
read_error(Reading *reading, const EcapiValue *error)
{
	int			first = ecapi_member_integer(error, "first", -1);
	int			last = ecapi_member_integer(error, "last", -1);
	const Meaning *meaning = meaning_of(ecapi_member_text(error, "code"));

	if (first < reading->next || last < first || last >= reading->nevents ||
		!name_delivered(reading, first))
		return false;
	reading->next = last + 1;
	if (reading->worst == NULL || (meaning != NULL && reading->meaning == NULL))
		reading->worst = error;
	if (reading->meaning == NULL)
		reading->meaning = meaning;
	return true;
}

/* "Broker: words (CODE), topic; what to do", in the arena. */
static const char *
tell(const Reading *reading, const EcapiValue *trouble)
{
	const EcapiValue *error = reading->worst;
	const EcapiValue *code = ecapi_member_text(error, "code");
	const EcapiValue *words = ecapi_member_text(error, "words");
	char		line[700];
	size_t		len;
	size_t		topic_len = 0;
	const char *topic = NULL;

	if (reading->meaning != NULL && !reading->meaning->credential)
		topic = ecapi_kafka_topic_in(reading->answer->sent, ecapi_member_integer(error, "first", 0),
									 &topic_len);
	snprintf(line, sizeof(line), "%.160s (%.60s)", words != NULL ? words->text : "",
			 code != NULL ? code->text : "");
	len = strlen(line);
	if (topic != NULL)
		snprintf(line + len, sizeof(line) - len, ", topic %.*s", (int) Min(topic_len, TOPIC_MAX), topic);
	len = strlen(line);
	if (reading->meaning != NULL)
		snprintf(line + len, sizeof(line) - len, "; %s", reading->meaning->todo);
	else if (trouble != NULL)
		snprintf(line + len, sizeof(line) - len, "; the connections say %.60s", trouble->text);
	return ecapi_arena_copy(reading->arena, line, strlen(line));
}

static void
kafka_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena, EcapiJudgement *judgement)
{
	const EcapiValue *body = ecapi_judge_body(answer, arena);
	const EcapiValue *errors = ecapi_value_get(body, "errors");
	const EcapiValue *unsent = ecapi_value_get(body, "unsent");
	Reading		reading = {answer, arena, judgement, nevents, 0, NULL, NULL};

	judgement->verdict = ECAPI_RETRY;
	if (errors == NULL || errors->type != ECAPI_ARRAY)
	{
		ecapi_judge_unknown(judgement, false, "an answer that is not of a producer");
		return;
	}
	for (const EcapiValue *error = errors->first; error != NULL; error = error->next)
		if (!read_error(&reading, error))
		{
			ecapi_judge_unknown(judgement, false, "an answer that is not of a producer");
			return;
		}
	if (reading.worst == NULL)
	{
		judgement->verdict = ECAPI_DELIVERED;
		return;
	}
	if (!name_delivered(&reading, nevents))
		return;
	judgement->some_taken = judgement->nnamed > 0;
	judgement->words = tell(&reading, ecapi_member_text(body, "trouble"));
	if (reading.meaning == NULL)
		judgement->untaken = unsent != NULL && unsent->type == ECAPI_BOOL && unsent->truth;
	else
	{
		judgement->verdict = ECAPI_STOP;
		judgement->credential = reading.meaning->credential;
	}
}

/*
 * Limits are our own, for memory: a broker has none of a request.  10,000 messages are the most
 * that librdkafka puts into a batch.  A thousand by default, as with the native format.
 * Messages are of any age.
 */
const EcapiFormat ecapi_format_kafka = {
	.name = "kafka",
	.uses = ECAPI_USE_MEASUREMENT,
	.gets_consent = true,
	.restricted_mode = "mmt_only",
	.amend = ECAPI_AMEND_MESSAGE,
	.what = "Apache Kafka, for consumers of one's own.",
	.producer = "kafka",
	.url = "",
	.url_of = kafka_url,
	.credentials = "with SASL sasl_username and sasl_password, and what TLS asks for: ssl_certificate and ssl_key",
	.outcomes = ECAPI_OUTCOMES_EACH,
	.own = kafka_options,
	.nown = ECAPI_KAFKA_OPTIONS,
	.check = kafka_check,
	.max_batch = 10000,
	.max_body = 10 * 1000 * 1000,
	.default_batch = 1000,
	.takes_targets = true,
	.open = ecapi_kafka_open,
	.add = ecapi_kafka_add,
	.close = ecapi_kafka_close,
	.seal = kafka_seal,
	.judge = kafka_judge
};
