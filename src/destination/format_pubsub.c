/*
 * format_pubsub.c
 *	  Google Cloud Pub/Sub: the options, where requests go, what frames the messages, what
 *	  answers mean.
 *
 *	  POST https://pubsub.googleapis.com/v1/projects/{project_id}/topics/{topic}:publish
 *	  {"messages":[{"data":"...","attributes":{...}}]}
 *
 * It is for owners of an event bus: the events go there in the standard's own JSON, and
 * subscribers do with them what they will.  An event becomes a message by pubsub_message.c.  An event
 * type may have a topic of its own, its target in event_types; a request goes to one topic.
 *
 * A request is published or refused as a whole, and an answer has an id for each message
 * (PublishResponse).  Pub/Sub gives every message a new id, so it knows no repeats:
 * subscribers tell them by the attribute id, which is the same.
 *
 * Sources: googleapis, google/pubsub/v1, pubsub.proto (messages, names of topics, scope) and
 * pubsub_grpc_service_config.json (what is tried again); google-cloud-go, pubsub/topic.go
 * (1,000 messages and 1e7 bytes a request); cloud.google.com, pubsub, pages "Quotas and
 * limits" and "Order messages".
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/bus.h"
#include "destination/credentials.h"
#include "destination/formats.h"
#include "destination/google.h"
#include "destination/grant.h"
#include "destination/oauth.h"
#include "destination/options.h"
#include "destination/outgoing.h"
#include "destination/percent.h"
#include "destination/pubsub.h"
#include "destination/syntax.h"
#include "event/ascii.h"

#define SCOPE	"https://www.googleapis.com/auth/pubsub"

/* Characters of a topic's id (pubsub.proto, Topic.name). */
#define TOPIC_MIN	3
#define TOPIC_MAX	255

/*
 * Characters of a project's id: 30 at most today, older ones have a domain before a colon.
 * The emulator takes any, so no least number is asked for.
 */
#define PROJECT_MAX	100

/* ---- options ---- */

/* Resource names: letters, digits, and - _ . ~ + %, a letter first, and not "goog". */
static bool
is_topic(const char *name)
{
	size_t		len = strlen(name);

	return len >= TOPIC_MIN && len <= TOPIC_MAX && ecapi_is_letter(name[0]) &&
		ecapi_all_alphanumeric(name, len, "-_.~+%") && strncmp(name, "goog", 4) != 0;
}

static const char *
check_topic(const char *value)
{
	return is_topic(value) ? NULL :
		"The id of a topic has 3 to 255 letters, digits and \"-\", \"_\", \".\", \"~\", \"+\", \"%\", begins with a letter, and not with \"goog\".";
}

static const char *
check_project_id(const char *value)
{
	size_t		len = strlen(value);

	return len > 0 && len <= PROJECT_MAX && ecapi_all_alphanumeric(value, len, "-.:") ? NULL :
		"The id of a project has letters, digits and hyphens, such as shop-4711, and with an older one a domain and a colon before it.";
}

static const EcapiOwnOption pubsub_options[ECAPI_PUBSUB_OPTIONS] = {
	[ECAPI_PUBSUB_PROJECT_ID] = {"project_id", .required = true, .check = check_project_id,
		.what = "It is the id of the Google Cloud project that the topics are in."},
	[ECAPI_PUBSUB_TOPIC] = {"topic", .required = true, .check = check_topic,
		.what = "It is the id of the topic that events go to, but those whose type event_types gives another."},
	[ECAPI_PUBSUB_ORDERING_KEY] = {"ordering_key", .fallback = "none", .words = ecapi_bus_order_words,
		.what = "It is what messages are ordered by: none, person (a digest of an identifier) or id, of an amendment that of its original."},
	[ECAPI_PUBSUB_TOKEN_URL] = {"token_url", .check = ecapi_syntax_url,
		.fallback = "https://oauth2.googleapis.com/token",
		.what = "It is where access tokens are asked for."},
	[ECAPI_PUBSUB_CLIENT_ID] = {"client_id", .check = ecapi_syntax_token,
		.what = "It is the OAuth client that the refresh token was given to."},
	[ECAPI_PUBSUB_CLIENT_SECRET] = {"client_secret", .secret = true, .check = ecapi_syntax_token,
		.what = "It is the secret of the OAuth client."},
	[ECAPI_PUBSUB_REFRESH_TOKEN] = {"refresh_token", .secret = true, .check = ecapi_syntax_token,
		.what = "It is a refresh token for the scope pubsub, where no service account is used."},
	[ECAPI_PUBSUB_SERVICE_ACCOUNT] = {"service_account", .secret = true, .lines = true,
		.what = "It is the key file of a service account that may publish to the topics."}
};

static bool
pubsub_check(const EcapiOptions *options, EcapiFormatProblem *problem)
{
	for (int type = 0; type < ECAPI_EVENT_TYPES; type++)
	{
		const char *topic = options->targets[type];
		char		message[sizeof(problem->message)];

		if (topic == NULL || is_topic(topic))
			continue;
		snprintf(message, sizeof(message), "event_types gives \"%s\" a target that is no topic",
				 ecapi_event_type_name(type));
		return ecapi_format_wrong(problem, message, check_topic(topic),
								  "Write the id of the topic alone: event_types 'purchase=orders, sign_up'.");
	}
	return true;
}

/* ---- a request ---- */

static const char *
pubsub_path(const EcapiOptions *options, uint64_t key, EcapiArena *arena)
{
	char		memory[ECAPI_PERCENT_MAX(PROJECT_MAX + TOPIC_MAX) + 64];
	EcapiBuffer path;

	ecapi_buffer_over(&path, memory, sizeof(memory));
	ecapi_buffer_str(&path, "/v1/projects/");
	ecapi_percent_encode(&path, options->own[ECAPI_PUBSUB_PROJECT_ID]);
	ecapi_buffer_str(&path, "/topics/");
	ecapi_percent_encode(&path, ecapi_pubsub_topic(options, key));
	ecapi_buffer_str(&path, ":publish");
	return ecapi_arena_copy(arena, path.data, path.len);
}

static void
pubsub_open(EcapiShape *shape, EcapiBuffer *body)
{
	(void) shape;
	ecapi_buffer_str(body, "{\"messages\":[");
}

/* ---- answers ---- */

/* Whether the answer has an id for each message. */
static bool
has_ids(const EcapiValue *ids, int nevents)
{
	int			n = 0;

	for (const EcapiValue *id = ids ? ids->first : NULL; id; id = id->next)
	{
		if (!ecapi_value_is_text(id))
			return false;
		n++;
	}
	return n == nevents;
}

/*
 * What does not have as many ids is not Pub/Sub's, or of another request: nobody knows what
 * was published.  Sent again, messages that were are there twice, under one id.
 */
static void
pubsub_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
			 EcapiJudgement *judgement)
{
	const EcapiValue *body;
	EcapiGoogleError said;

	ecapi_judge_status(answer, judgement);
	if (answer->transport != ECAPI_TRANSPORT_OK)
		return;
	if (judgement->verdict != ECAPI_DELIVERED)
	{
		(void) ecapi_google_error(answer, arena, judgement, &said);
		return;
	}
	body = ecapi_judge_body(answer, arena);
	if (has_ids(ecapi_google_list(body, "messageIds", "message_ids"), nevents))
		return;
	ecapi_judge_unknown(judgement, body != NULL, body == NULL ? "an answer that is not Pub/Sub's"
						: "the answer does not have an id for each message");
}

/* ---- access tokens ---- */

static bool
pubsub_ask(const EcapiOptions *options, const EcapiCredentials *credentials, int64_t now,
		   EcapiArena *arena, EcapiGrantRequest *request, const char **problem)
{
	EcapiOauthSource source = {
		.url = options->own[ECAPI_PUBSUB_TOKEN_URL],
		.scope = SCOPE,
		.service_account = credentials->own[ECAPI_PUBSUB_SERVICE_ACCOUNT],
		.client_id = options->own[ECAPI_PUBSUB_CLIENT_ID],
		.client_secret = credentials->own[ECAPI_PUBSUB_CLIENT_SECRET],
		.refresh_token = credentials->own[ECAPI_PUBSUB_REFRESH_TOKEN]
	};

	return ecapi_oauth_ask(&source, now, arena, request, problem);
}

static const EcapiGrant pubsub_grant = {
	.ask = pubsub_ask,
	.take = ecapi_oauth_take
};

/*
 * Limits: 1,000 messages and 10 MB a request, of which Google's clients take 10,000,000 bytes
 * for the messages themselves; here they are those of the JSON, which is a third larger, so
 * that a request is never too large.  A thousand by default, as with the native format.
 * No number of requests is named, only bytes; and messages are of any age.
 */
const EcapiFormat ecapi_format_pubsub = {
	.name = "pubsub",
	.uses = ECAPI_USE_MEASUREMENT,
	.gets_consent = true,
	.restricted_mode = "mmt_only",
	.amend = ECAPI_AMEND_MESSAGE,
	.what = "Google Cloud Pub/Sub, for subscribers of one's own.",
	.url = "https://pubsub.googleapis.com",
	.path = pubsub_path,
	.credentials = "service_account, or refresh_token and client_secret",
	.outcomes = ECAPI_OUTCOMES_WHOLE,
	.own = pubsub_options,
	.nown = ECAPI_PUBSUB_OPTIONS,
	.check = pubsub_check,
	.max_batch = 1000,
	.max_body = 10 * 1000 * 1000,
	.default_batch = 1000,
	.takes_targets = true,
	.key = ecapi_pubsub_key,
	.open = pubsub_open,
	.add = ecapi_pubsub_add,
	.close = ecapi_format_close_list,
	.judge = pubsub_judge,
	.grant = &pubsub_grant
};
