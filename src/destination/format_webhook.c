/*
 * format_webhook.c
 *	  Webhooks that are signed: Standard Webhooks, for any receiver of one's own.
 *
 * The payload has the members that the standard advises: type, timestamp, data; data is
 * the event as the native format writes it.  One event a request by default, an array of
 * such payloads where the option batch_size allows more.
 *
 * The id of a message is a digest over the ids of its events in their order: the same
 * whenever exactly this request is made again, another when the events are packed in
 * another way, and never a text of a user's, which could hold the full stop that the
 * signed text is divided by.  The signature is made when the request is sent, because
 * receivers refuse one whose time is minutes ago.
 *
 * Facts: standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
 */
#include "postgres.h"

#include "destination/echo.h"
#include "destination/formats.h"
#include "destination/instant.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "destination/webhook_key.h"
#include "destination/writer.h"

enum
{
	WEBHOOK_SECRET
};

static const EcapiOwnOption own_options[] = {
	[WEBHOOK_SECRET] = {"secret", .secret = true, .required = true,
		.check = ecapi_webhook_keys_wrong,
	.what = "It is the key that signs requests, \"whsec_\" and base64; while a key is changed, the old one and the new one with a blank between."}
};

static bool
is_single(const EcapiShape *shape)
{
	return shape->options->batch_size == 1;
}

static void
webhook_open(EcapiShape *shape, EcapiBuffer *body)
{
	if (!is_single(shape))
		ecapi_buffer_char(body, '[');
}

/*
 * "ecapi.purchase": words with full stops between, the standard's advice for types.  Of an
 * amendment "ecapi.purchase.amended", so that nobody takes it for another purchase.
 */
static void
write_type(EcapiWriter *writer, const EcapiValue *type, bool amended)
{
	char		text[100];

	snprintf(text, sizeof(text), "ecapi.%s%s", type->text, amended ? ".amended" : "");
	ecapi_write_text(writer, "type", text);
}

static EcapiShaped
webhook_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
			EcapiBuffer *body, const char **reason)
{
	EcapiShape	alone = *shape;
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	payload;
	EcapiShaped shaped;
	char		instant[ECAPI_INSTANT_SIZE];
	size_t		before = body->len;
	const EcapiValue *type;

	alone.events = 0;
	payload = ecapi_write_open(&writer, NULL, '{');
	type = event->type == ECAPI_OBJECT ? ecapi_value_get(event, "event_type") : NULL;
	if (type != NULL && type->type == ECAPI_STRING)
		write_type(&writer, type, shape->original != NULL);
	if (event->type == ECAPI_OBJECT &&
		ecapi_instant_text(ecapi_value_get(event, "timestamp"), instant))
		ecapi_write_text(&writer, "timestamp", instant);
	ecapi_write_name(&writer, "data");
	shaped = ecapi_format_native.add(&alone, arena, event, body, reason);
	shape->identified = alone.identified;
	(void) ecapi_write_close(&writer, payload, '}', true);
	if (shaped != ECAPI_SHAPED && !body->full)
		ecapi_buffer_truncate(body, before);
	return shaped;
}

static void
webhook_close(EcapiShape *shape, EcapiBuffer *body)
{
	if (!is_single(shape))
		ecapi_buffer_char(body, ']');
}

static void
webhook_seal(EcapiSealing *sealing)
{
	const char *keys = sealing->credentials->own[WEBHOOK_SECRET];
	char		id[ECAPI_HEX_SIZE + 4];
	char		timestamp[24];
	char		memory[ECAPI_WEBHOOK_KEYS * 100];
	EcapiBuffer signature;

	snprintf(id, sizeof(id), "msg_%s", sealing->shape->chain);
	snprintf(timestamp, sizeof(timestamp), "%lld", (long long) sealing->now);
	ecapi_buffer_over(&signature, memory, sizeof(memory));
	if (keys == NULL || strcmp(keys, ECAPI_REDACTED) == 0)
		ecapi_buffer_str(&signature, "v1," ECAPI_REDACTED);
	else if (!ecapi_webhook_sign(keys, id, timestamp, sealing->body->data, sealing->body->len,
								 &signature))
	{
		sealing->arena->failed = true;
		return;
	}
	ecapi_outgoing_field(sealing, "webhook-id", id, false);
	ecapi_outgoing_field(sealing, "webhook-timestamp", timestamp, false);
	ecapi_outgoing_field(sealing, "webhook-signature", signature.data, true);
}

/* The standard's own words for statuses: 410 is the receiver's "no more". */
static void
webhook_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
			  EcapiJudgement *judgement)
{
	ecapi_judge_status(answer, judgement);
	if (answer->status == 410)
	{
		judgement->verdict = ECAPI_STOP;
		judgement->words = "the receiver wants no more webhooks";
	}
	/* "should be treated as failures": a redirect may be a mistake of an hour */
	if (answer->status >= 300 && answer->status <= 399)
	{
		judgement->verdict = ECAPI_RETRY;
		judgement->untaken = true;
	}
}

/*
 * Limits: the standard advises payloads below 20 kB and names no number of events.  A
 * thousand an array, and the megabyte that web servers take by default, are ours.
 */
const EcapiFormat ecapi_format_webhook = {
	.name = "webhook",
	.uses = ECAPI_USE_MEASUREMENT,
	.gets_consent = true,
	.restricted_mode = "mmt_only",
	.amend = ECAPI_AMEND_MESSAGE,
	.what = "Signed webhooks, as Standard Webhooks describes them, for a receiver of one's own.",
	.credentials = "secret",
	.outcomes = ECAPI_OUTCOMES_WHOLE,
	.own = own_options,
	.nown = lengthof(own_options),
	.max_batch = 1000,
	.max_body = 1024 * 1024,
	.default_batch = 1,
	.chains = true,
	.open = webhook_open,
	.add = webhook_add,
	.close = webhook_close,
	.seal = webhook_seal,
	.judge = webhook_judge
};
