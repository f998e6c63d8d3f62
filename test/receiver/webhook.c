/*
 * webhook.c
 *	  A receiver of Standard Webhooks.
 *
 * From the specification (standard-webhooks, spec/standard-webhooks.md): the
 * signature "v1,BASE64" is HMAC-SHA256 over "ID.TIMESTAMP.BODY" with the bytes of
 * the secret, several stand beside each other, and a timestamp is good for five
 * minutes either way.  Its advice for the body, {"type", "timestamp", "data"}, is
 * a rule here; a list of such is taken, too.
 *
 * A message keeps its id at each retry, and then has the same body.  Secrets are set
 * once, before the servers start.
 */
#define _GNU_SOURCE
#include "webhook.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "repeats.h"
#include "shapes.h"

#define TOLERANCE		300		/* the libraries' five minutes */
#define MIN_SECRET		24		/* bytes, by the specification */
#define MAX_SECRET		64
#define MAX_SIGNATURES	16		/* of one request; a sender has two */

typedef struct Secret
{
	unsigned char bytes[MAX_SECRET * 2];
	size_t		len;			/* 0: none */
} Secret;

static Secret secrets[2];

static bool
read_secret(const char *text, Secret *secret)
{
	static const char prefix[] = "whsec_";
	size_t		start = sizeof(prefix) - 1;

	return strncmp(text, prefix, start) == 0 && strlen(text) <= MAX_SECRET * 2 &&
		rcv_base64_decode(text + start, strlen(text) - start, true, secret->bytes,
						  &secret->len) &&
		secret->len >= MIN_SECRET && secret->len <= MAX_SECRET;
}

bool
rcv_webhook_init(const char *const given[2])
{
	for (int i = 0; i < 2; i++)
		if (given[i] != NULL && !read_secret(given[i], &secrets[i]))
			return false;
	return true;
}

/* Visible ASCII, and no full stop: it would make the signed text ambiguous. */
static bool
is_id(const char *id)
{
	if (id == NULL || id[0] == '\0')
		return false;
	for (; *id != '\0'; id++)
		if (*id <= ' ' || *id > '~' || *id == '.')
			return false;
	return true;
}

/* Unix seconds in digits, near the clock. */
static bool
is_timely(const RcvCall *call)
{
	const char *text = rcv_call_header(call, "webhook-timestamp");
	char	   *end;
	int64_t		time;

	if (text == NULL || !isdigit((unsigned char) text[0]) || strlen(text) > 18)
		return false;
	time = strtoll(text, &end, 10);
	return *end == '\0' && llabs(time - call->now) <= TOLERANCE;
}

/* The HMAC of the request by a secret; false when that fails. */
static bool
sign(const RcvCall *call, const Secret *secret, unsigned char mac[EVP_MAX_MD_SIZE])
{
	RcvLines	text = {0};
	unsigned int len;
	bool		done;

	rcv_lines_printf(&text, "%s.%s.", rcv_call_header(call, "webhook-id"),
					 rcv_call_header(call, "webhook-timestamp"));
	rcv_lines_add(&text, call->body, call->len);
	done = !text.failed &&
		HMAC(EVP_sha256(), secret->bytes, secret->len, (unsigned char *) text.text,
			 text.len, mac, &len) != NULL;
	rcv_lines_free(&text);
	return done;
}

/* Is one of the signatures the MAC? */
static bool
is_among_signatures(const char *signatures, const unsigned char *mac)
{
	const char *at = signatures;

	for (int i = 0; i < MAX_SIGNATURES && *at != '\0'; i++)
	{
		size_t		len = strcspn(at, " ");
		unsigned char bytes[128];
		size_t		count;

		if (len > 3 && len < 128 && memcmp(at, "v1,", 3) == 0 &&
			rcv_base64_decode(at + 3, len - 3, true, bytes, &count) && count == 32 &&
			CRYPTO_memcmp(bytes, mac, 32) == 0)
			return true;
		at += len;
		at += strspn(at, " ");
	}
	return false;
}

static bool
is_signed(const RcvCall *call)
{
	const char *signature = rcv_call_header(call, "webhook-signature");
	unsigned char mac[EVP_MAX_MD_SIZE];

	if (secrets[0].len == 0 && secrets[1].len == 0)
		return true;
	if (signature == NULL)
		return false;
	for (int i = 0; i < 2; i++)
		if (secrets[i].len > 0 && sign(call, &secrets[i], mac) &&
			is_among_signatures(signature, mac))
			return true;
	return false;
}

/* Dotted words: "order.created". */
static const char *
shape_type(const RcvNode *node)
{
	bool		in_word = false;

	for (size_t i = 0; i < node->len; i++)
	{
		unsigned char c = node->text[i];

		if (c == '.' ? !in_word : !(isalnum(c) || c == '_' || c == '-'))
			return "is no chain of dotted words";
		in_word = c != '.';
	}
	return in_word ? NULL : "is no chain of dotted words";
}

static const RcvMember message_members[] = {
	RCV_MEMBER("type", RCV_OF_TEXT, .required = true, .shape = shape_type),
	RCV_MEMBER("timestamp", RCV_OF_TEXT, .required = true, .shape = rcv_shape_instant),
	RCV_MEMBER("data", RCV_OF_ANYTHING, .required = true),
	RCV_NO_MORE
};

/* A message that amends an event, by its type, says which: in ext.original of the event. */
static bool
holds_for_amended(RcvFinding *finding, const RcvPlace *place, const RcvNode *message)
{
	static const char end[] = ".amended";
	const RcvNode *type = rcv_json_get(message, "type");
	const RcvNode *data = rcv_call_member(message, "data", RCV_OBJECT);
	const RcvNode *ext = rcv_call_member(data, "ext", RCV_OBJECT);
	const RcvNode *original = ext == NULL ? NULL : rcv_call_member(ext, "original", RCV_OBJECT);

	if (type->len < sizeof(end) - 1 ||
		memcmp(type->text + type->len - (sizeof(end) - 1), end, sizeof(end) - 1) != 0)
		return true;
	if (original != NULL && rcv_json_get(original, "id") != NULL &&
		rcv_json_get(original, "event_type") != NULL && rcv_json_get(original, "timestamp") != NULL)
		return true;
	return rcv_found_member(finding, place, "data", RCV_FAULT_MISSING,
							"has no ext.original beside its type", NULL);
}

static bool
message_also(RcvFinding *finding, const RcvPlace *place, const RcvNode *message)
{
	if (rcv_call_member(message, "data", RCV_OBJECT) == NULL)
		return rcv_found_member(finding, place, "data", RCV_FAULT_TYPE, "is not an object", NULL);
	return holds_for_amended(finding, place, message);
}

static const RcvRules message_rules = {.members = message_members, .also = message_also};

static void
refuse(RcvCall *call, unsigned int status, const char *reason)
{
	call->status = status;
	rcv_call_reason(call, reason);
	rcv_lines_add(&call->answer, "{\"error\":", 9);
	rcv_lines_json(&call->answer, call->reason, strlen(call->reason));
	rcv_lines_add(&call->answer, "}\n", 2);
}

/* Hold the messages to the rules; false when it is answered. */
static bool
holds_rules(RcvCall *call)
{
	RcvPlace	place = {NULL, NULL, 0, 0};
	RcvFinding	finding;

	if (call->events == 0)
	{
		refuse(call, 400, "the list is empty");
		return false;
	}
	for (uint64_t i = 0; i < call->events; i++)
	{
		place.index = i;
		if (!rcv_rules_hold(&message_rules, call->records[i].event, &place, &finding))
		{
			rcv_call_found(call, &finding);
			refuse(call, 400, call->reason);
			return false;
		}
	}
	return true;
}

/* Refused, or harmful, as the path says; true when it is answered. */
static bool
answer_poison(RcvCall *call)
{
	for (uint64_t i = 0; i < call->events; i++)
	{
		const RcvNode *event = call->records[i].event;

		if (rcv_call_holds(event, call->manners->reject_if))
			refuse(call, 400, "an event is not wanted");
		else if (rcv_call_holds(event, call->manners->fail_if))
			refuse(call, 500, "an event does harm");
		else
			continue;
		return true;
	}
	return false;
}

static bool
name_record(RcvCall *call, RcvRecord *record)
{
	RcvNaming  *naming = rcv_arena_alloc(call->arena, sizeof(RcvNaming));
	const RcvNode *data = rcv_call_member(record->event, "data", RCV_OBJECT);
	const RcvNode *data_set_id = rcv_call_member(data, "data_set_id", RCV_STRING);

	if (naming == NULL)
		return false;
	*naming = (RcvNaming) {
		.data_set_id = data_set_id != NULL ? data_set_id : rcv_call_text(call, "", 0),
		.id = rcv_call_member(data, "id", RCV_STRING),
		.event_type = rcv_call_member(record->event, "type", RCV_STRING),
		.value = rcv_call_member(data, "value", RCV_NUMBER),
		.currency_code = rcv_call_member(data, "currency_code", RCV_STRING),
	};
	record->naming = naming;
	return true;
}

static void
accept(RcvCall *call)
{
	const char *id = rcv_call_header(call, "webhook-id");

	for (uint64_t i = 0; i < call->events; i++)
		if (!name_record(call, &call->records[i]))
			return;
	rcv_repeats_note(call, id, strlen(id), call->body, call->len, RCV_FOREVER);
	call->status = 200;
	call->count = call->events;
	rcv_lines_printf(&call->answer, "{\"received\":%llu}\n",
					 (unsigned long long) call->events);
}

void
rcv_webhook_judge(RcvCall *call)
{
	const char *error;
	const RcvNode *body = rcv_call_parse(call, &error);
	RcvNode		alone = {.type = RCV_ARRAY};

	/* one message is a list of one */
	if (body != NULL && body->type != RCV_ARRAY)
		alone.first = (RcvNode *) body;
	if (body != NULL &&
		!rcv_call_take_events(call, body->type == RCV_ARRAY ? body : &alone))
		return;
	if (!is_id(rcv_call_header(call, "webhook-id")))
		refuse(call, 401, "webhook-id is missing or not fit");
	else if (!is_timely(call))
		refuse(call, 401, "webhook-timestamp is not within five minutes");
	else if (!is_signed(call))
		refuse(call, 401, "no signature is right");
	else if (body == NULL || !rcv_call_is_json(call))
		refuse(call, 400, body == NULL ? error : "no JSON is announced");
	else if (answer_poison(call))
		return;
	else if (!call->check || holds_rules(call))
		accept(call);
}
