/*
 * test_kafka.c
 *	  The format "kafka": events as messages of Kafka, that its producer reads them as they were
 *	  written, its options, its answers.
 */
#include "platform.h"

#include "bus/lines.h"
#include "bus/trouble.h"
#include "destination/body.h"
#include "destination/kafka.h"
#include "event/codes.h"
#include "event/json.h"

#define EMAIL	"'user_data':{'email_address':' Ann@Example.com'}"
#define HEAD	"'id':'i'," PLATFORM_AT

static void
begin(void)
{
	platform_begin(&ecapi_format_kafka);
	platform.options.own[ECAPI_KAFKA_BOOTSTRAP_SERVERS] = (char *) "k:9093";
	platform.options.own[ECAPI_KAFKA_TOPIC] = (char *) "events";
}

static bool
piece_is(const EcapiPiece *piece, const char *text)
{
	return text == NULL ? piece->text == NULL
		: piece->text != NULL && piece->len == strlen(text) && memcmp(piece->text, text, piece->len) == 0;
}

/* The one message of the body as the producer reads it, until the next call. */
static const EcapiLine *
message(void)
{
	static char *scratch;
	static char *body;
	static EcapiLine line;
	EcapiLine	end;
	size_t		len = platform.body.len + 16;
	EcapiLines	lines;

	/* the unit's body is without its frame */
	body = realloc(body, len + 32);
	scratch = realloc(scratch, len + 32);
	len = (size_t) snprintf(body, len + 32, "{\"messages\":[%s\n]}", platform.body.data);
	lines = (EcapiLines) {body, body + len, scratch};
	check(ecapi_lines_next(&lines, &line) == 1 && ecapi_lines_next(&lines, &end) == 0 &&
		  ecapi_lines_count(body, len) == 1, "the producer reads the message");
	return &line;
}

static void
test_message(void)
{
	const EcapiLine *line;
	char		native[4096];

	platform_begin(&ecapi_format_native);
	platform.options.batch_size = 1;
	platform_shape("{" HEAD ",'event_type':'purchase','value':129.90,'currency_code':'EUR','data_set_id':'d1'," EMAIL ",'ext':{'route':'ann@example.com'}}");
	snprintf(native, sizeof(native), "%s", platform.body.data);
	begin();
	platform_shape("{" HEAD ",'event_type':'purchase','value':129.90,'currency_code':'EUR','data_set_id':'d1'," EMAIL ",'ext':{'route':'ann@example.com'}}");
	check(strncmp(platform.body.data, "\n{\"topic\":\"events\",\"key\":\"i\",\"headers\":{\"id\":\"i\",\"event_type\":\"purchase\",\"data_set_id\":\"d1\"},\"value\":{", 90) == 0,
		  "topic, key, headers, value");
	line = message();
	check(piece_is(&line->value, native), "the value is the event as the native format has it");
	check(piece_is(&line->topic, "events") && piece_is(&line->key, "i") && line->nheaders == 3 &&
		  piece_is(&line->names[1], "event_type") && piece_is(&line->values[1], "purchase"), "as written");
	check(strstr(platform.body.data, "Ann") == NULL && strstr(platform.body.data, "example.com") == NULL, "nothing in the clear");
	platform.options.own[ECAPI_KAFKA_MESSAGE_KEY] = (char *) "person";
	platform_shape("{" HEAD ",'event_type':'login'," EMAIL "}");
	check(message()->key.len == 64, "by person: a digest");
	platform_shape("{" HEAD ",'event_type':'login'}");
	check(piece_is(&message()->key, NULL), "nobody: no key");
	platform.options.own[ECAPI_KAFKA_MESSAGE_KEY] = (char *) "none";
	platform_shape("{" HEAD ",'event_type':'login'," EMAIL "}");
	check(piece_is(&message()->key, NULL), "none: no key");
	begin();
	platform.options.targets[ecapi_event_type_lookup("login", 5)] = (char *) "people";
	platform.options.route = (char *) "de";
	platform_shape("{" HEAD ",'event_type':'login'}");
	line = message();
	check(piece_is(&line->topic, "people") && line->nheaders == 3 && piece_is(&line->values[2], "de"), "a topic of a type, the route of the destination");
	begin();
	check(platform_shape("{'id':'i'," PLATFORM_AT "}") != ECAPI_SHAPED && platform.body.len == 0, "an event of no type");
	check(platform_shape("{'id':'i'," PLATFORM_AT ",'event_type':1}") != ECAPI_SHAPED && platform.body.len == 0, "or of a number");
}

/* An event of any JSON, as platform_shape() has it of that of tests. */
static void
shape(const char *json)
{
	EcapiArena	arena;
	EcapiShape	one = platform_shape_of();
	char		error[128];

	ecapi_arena_init(&arena, unit_grab, NULL);
	ecapi_buffer_truncate(&platform.body, 0);
	check(ecapi_kafka_add(&one, &arena, ecapi_json_parse(&arena, json, strlen(json), error, sizeof(error)),
						  &platform.body, &platform.reason) == ECAPI_SHAPED, json);
}

/* Ids of all kinds of characters come out of the body as they were. */
static void
test_escapes(void)
{
	static const char *const ids[] = {"a\\\\b", "\\\"", "\\u0001\\n\\t\\r\\b\\f", "\xc3\xa9\xe2\x82\xac", "a/b", "}]},\\\"value\\\":{", "\\u007f"};
	static const char *const plain[] = {"a\\b", "\"", "\001\n\t\r\b\f", "\xc3\xa9\xe2\x82\xac", "a/b", "}]},\"value\":{", "\x7f"};
	char		json[400];

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
	{
		const EcapiLine *line;

		snprintf(json, sizeof(json), "{\"id\":\"%s\",\"timestamp\":1750000000,\"event_type\":\"login\"}", ids[i]);
		shape(json);
		line = message();
		check(piece_is(&line->key, plain[i]) && piece_is(&line->values[0], plain[i]), ids[i]);
	}
}

static void
test_size(void)
{
	char		json[6000];
	char		text[4001];

	memset(text, 'x', 4000);
	text[4000] = '\0';
	snprintf(json, sizeof(json), "{" HEAD ",'event_type':'purchase','value':1,'currency_code':'EUR','properties':{'transaction_id':'1','coupon':'%s'}}", text);
	platform.options.own[ECAPI_KAFKA_MAX_MESSAGE_BYTES] = (char *) "4000";
	check(platform_shape(json) == ECAPI_UNFIT && platform.body.len == 0, "larger than a message may be");
	check(strstr(platform.reason, "max_message_bytes") != NULL, "with what to set");
	platform.options.own[ECAPI_KAFKA_MAX_MESSAGE_BYTES] = (char *) "5000";
	check(platform_shape(json) == ECAPI_SHAPED, "not larger");
	begin();
}

/* What is no body of messages is refused, wherever it breaks. */
static void
test_broken(void)
{
	static const char body[] = "{\"messages\":[\n{\"topic\":\"t\",\"key\":\"k\\n\",\"headers\":{\"id\":\"\\u0041\"},\"value\":{\"a\":1}},\n{\"topic\":\"t\",\"headers\":{},\"value\":2}\n]}";
	char		cut[sizeof(body)];
	char		scratch[sizeof(body)];
	EcapiLine	line;

	for (size_t n = 0; n < sizeof(body); n++)
	{
		EcapiLines	lines = {cut, cut + n, scratch};
		int			found;
		int			count = 0;

		memcpy(cut, body, n);
		while ((found = ecapi_lines_next(&lines, &line)) == 1)
			count++;
		check(n == sizeof(body) - 1 ? found == 0 && count == 2 : found == -1 || n > sizeof(body) - 1,
			  "a body that is cut is none");
	}
	for (size_t n = 13; n < sizeof(body) - 1; n++)
	{
		EcapiLines	lines = {cut, cut + sizeof(body) - 1, scratch};

		memcpy(cut, body, sizeof(body));
		cut[n] = '\\';
		while (ecapi_lines_next(&lines, &line) == 1)
			check(line.value.text >= cut && line.value.text + line.value.len <= cut + sizeof(body) &&
				  line.nheaders <= ECAPI_LINE_HEADERS, "nothing outside of a body");
	}
}

/* ---- answers ---- */

static EcapiJudgement judgement;
static char sent[] = "{\"messages\":[\n{\"topic\":\"one\",\"headers\":{},\"value\":1},\n{\"topic\":\"two\",\"headers\":{},\"value\":2},\n{\"topic\":\"two\",\"headers\":{},\"value\":3}\n]}";

static void
judge(const char *body, int nevents)
{
	static EcapiArena arena;
	EcapiAnswer answer = {.transport = ECAPI_TRANSPORT_OK, .body = body, .body_len = strlen(body), .sent = sent};

	ecapi_arena_init(&arena, unit_grab, NULL);
	memset(&judgement, 0, sizeof(judgement));
	judgement.retry_after_ms = -1;
	ecapi_format_kafka.judge(&answer, nevents, &arena, &judgement);
}

static bool
says(const char *text)
{
	return judgement.words != NULL && strstr(judgement.words, text) != NULL;
}

static void
test_answers(void)
{
	judge("{\"delivered\":3,\"unsent\":true,\"errors\":[]}", 3);
	check(judgement.verdict == ECAPI_DELIVERED && judgement.nnamed == 0, "all acknowledged");
	judge("{\"delivered\":0,\"unsent\":true,\"trouble\":\"_TRANSPORT\",\"errors\":[{\"first\":0,\"last\":2,\"code\":\"_MSG_TIMED_OUT\",\"words\":\"Local: Message timed out\"}]}", 3);
	check(judgement.verdict == ECAPI_RETRY && judgement.untaken && !judgement.suspicious && !judgement.some_taken &&
		  says("Local: Message timed out (_MSG_TIMED_OUT)") && says("_TRANSPORT"), "none was sent");
	judge("{\"delivered\":0,\"unsent\":false,\"errors\":[{\"first\":0,\"last\":2,\"code\":\"_MSG_TIMED_OUT\",\"words\":\"w\"}]}", 3);
	check(judgement.verdict == ECAPI_RETRY && !judgement.untaken, "they may have arrived");
	judge("{\"delivered\":1,\"unsent\":true,\"errors\":[{\"first\":1,\"last\":2,\"code\":\"UNKNOWN_TOPIC_OR_PART\",\"words\":\"w\"}]}", 3);
	check(judgement.verdict == ECAPI_STOP && judgement.some_taken && judgement.nnamed == 1 && judgement.named[0].index == 0 &&
		  judgement.named[0].outcome == ECAPI_NAMED_DELIVERED && !judgement.credential && says("topic two; create the topic"),
		  "a topic that is not there, and what was acknowledged beside it");
	judge("{\"delivered\":1,\"unsent\":true,\"errors\":[{\"first\":0,\"last\":0,\"code\":\"_MSG_TIMED_OUT\",\"words\":\"w\"},{\"first\":2,\"last\":2,\"code\":\"SASL_AUTHENTICATION_FAILED\",\"words\":\"w\"}]}", 3);
	check(judgement.verdict == ECAPI_STOP && judgement.credential && judgement.nnamed == 1 && judgement.named[0].index == 1 &&
		  says("sasl_password"), "the error that stops is the one that is told");
	judge("{\"delivered\":1,\"unsent\":true,\"errors\":[{\"first\":0,\"last\":1,\"code\":\"SOMETHING_NEW\",\"words\":\"w\"}]}", 3);
	check(judgement.verdict == ECAPI_RETRY && judgement.some_taken, "an error that is not known goes again");
	for (const char *const *wrong = (const char *const[]) {"", "{}", "[]", "{\"errors\":1}", "{\"errors\":[1]}",
			"{\"errors\":[{\"first\":2,\"last\":1,\"code\":\"X\"}]}", "{\"errors\":[{\"first\":0,\"last\":3,\"code\":\"X\"}]}",
			"{\"errors\":[{\"first\":-1,\"last\":1,\"code\":\"X\"}]}", "{\"errors\":[{\"first\":1,\"last\":2},{\"first\":2,\"last\":2}]}", NULL}; *wrong; wrong++)
	{
		judge(*wrong, 3);
		check(judgement.verdict == ECAPI_RETRY && judgement.nnamed == 0 && !judgement.untaken, *wrong);
	}
}

/* ---- troubles of connections: librdkafka's words ---- */

#define TLS_FAILED		"ssl://alert.certificate.example:9093/bootstrap: SSL handshake failed: "
#define LOGIN_FAILED	"sasl_ssl://k:9093/bootstrap: SASL "

static void
test_troubles(void)
{
	for (const char *const *text = (const char *const[]) {
			TLS_FAILED "error:0A000126:SSL routines::unexpected eof while reading (after 3ms in state SSL_HANDSHAKE)",
			TLS_FAILED "SSL transport error: Connection timed out", TLS_FAILED "SSL transport error: Connection reset by peer",
			TLS_FAILED "Disconnected: connecting to a PLAINTEXT broker listener?",
			TLS_FAILED "error:0A000438:SSL routines::tlsv1 alert internal error: SSL alert number 80", "", NULL}; *text; text++)
		check(!ecapi_trouble_of_tls_stays(*text), *text);
	for (const char *const *text = (const char *const[]) {
			TLS_FAILED "error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured",
			TLS_FAILED "error:0A000418:SSL routines::tlsv1 alert unknown ca: SSL alert number 48",
			TLS_FAILED "error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42",
			TLS_FAILED "error:0A00018F:SSL routines::ee key too small", NULL}; *text; text++)
		check(ecapi_trouble_of_tls_stays(*text), *text);
	for (const char *const *text = (const char *const[]) {
			LOGIN_FAILED "PLAIN mechanism handshake failed: Local: Broker transport failure: broker's supported mechanisms: (n/a)",
			LOGIN_FAILED "PLAIN mechanism handshake failed: Local: Timed out: broker's supported mechanisms: ",
			LOGIN_FAILED "PLAIN mechanism handshake failed: Broker: Request timed out: broker's supported mechanisms: ",
			LOGIN_FAILED "authentication error: SaslAuthenticateRequest failed: Local: Broker transport failure",
			LOGIN_FAILED "authentication failure: Disconnected: check client PLAIN credentials and broker logs", NULL}; *text; text++)
		check(!ecapi_trouble_of_login_stays(*text), *text);
	for (const char *const *text = (const char *const[]) {
			LOGIN_FAILED "authentication error: Authentication failed: Invalid username or password (after 3ms in state AUTH_REQ)",
			LOGIN_FAILED "PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: GSSAPI",
			"", NULL}; *text; text++)
		check(ecapi_trouble_of_login_stays(*text), *text);
	check(!ecapi_trouble_of_tls_stays(NULL) && ecapi_trouble_of_login_stays(NULL), "no words");
}

/* ---- options ---- */

static bool
fits(const char *servers, const char *protocol, const char *mechanism)
{
	EcapiFormatProblem problem;

	platform.options.own[ECAPI_KAFKA_BOOTSTRAP_SERVERS] = (char *) servers;
	platform.options.own[ECAPI_KAFKA_SECURITY_PROTOCOL] = (char *) protocol;
	platform.options.own[ECAPI_KAFKA_SASL_MECHANISM] = (char *) mechanism;
	return (ecapi_format_kafka.check)(&platform.options, &problem);
}

static void
test_options(void)
{
	const EcapiOwnOption *servers = &ecapi_format_kafka.own[ECAPI_KAFKA_BOOTSTRAP_SERVERS];
	const EcapiOwnOption *topic = &ecapi_format_kafka.own[ECAPI_KAFKA_TOPIC];

	check((servers->check)("k:1") == NULL && (servers->check)("a.b-c:9093,[::1]:9092,10.0.0.1:65535") == NULL, "brokers");
	for (const char *const *wrong = (const char *const[]) {"", "k", ":1", "k:", "k:1,", ",k:1", "k:1, l:2", "k:123456", "k:1a", "http://k:1", "k/:1", "[::1:1]", NULL}; *wrong; wrong++)
		check((servers->check)(*wrong) != NULL || strcmp(*wrong, "[::1:1]") == 0, *wrong);
	check((topic->check)("a.b_c-1") == NULL && (topic->check)("..") != NULL && (topic->check)("a b") != NULL && (topic->check)("") != NULL, "topics");
	check(fits("k:1", "ssl", NULL) && fits("k:1", "sasl_ssl", "PLAIN"), "over TLS to anywhere");
	check(fits("localhost:1,127.0.0.1:2,127.9.9.9:3,[::1]:4", "plaintext", NULL), "without to this machine");
	check(!fits("k:1", "plaintext", NULL) && !fits("127.0.0.1:1,k:2", "plaintext", NULL) &&
		  !fits("127.0.0.1.example:1", "plaintext", NULL) && !fits("localhost.example:1", "sasl_plaintext", "PLAIN"), "and nowhere else");
	check(!fits("k:1", "sasl_ssl", NULL) && !fits("k:1", "ssl", "PLAIN"), "a mechanism where it is used");
	begin();
	platform.options.url = (char *) "https://k";
	check(!fits("k:1", "ssl", NULL), "no url");
	begin();
}

int
main(void)
{
	begin();
	test_message();
	test_escapes();
	test_size();
	test_broken();
	test_answers();
	test_troubles();
	test_options();
	return platform_done();
}
