/*
 * ga4_user.c
 *	  What stands around the events of a request to Analytics: who it was, what was
 *	  consented to.
 *
 * The protocol has all of it once a request, so a request has the events of one visitor:
 * those of whose user_data the same would be written (ecapi_ga4_key).  It is written with
 * the first of them.
 *
 * Sources: developers.google.com, analytics/devguides/collection/protocol/ga4, pages
 * "reference" (members), "user-properties" and "uid-data" (user_data, and its forms).
 *
 * Invariants
 *	(1) A hashed identifier leaves by the rule that identity.def has for it, and no other
 *		way; customer_identifier in clear only where the option user_id says so.
 *	(2) Of consent a denial wins, and what nobody said is not said: what the tag recorded
 *		holds then.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "consent/policy.h"
#include "destination/analytics.h"
#include "destination/ga4.h"
#include "destination/match_keys.h"
#include "destination/member.h"
#include "destination/options.h"
#include "event/ascii.h"

/* User properties of a request, and characters of their names and values (page "Limitations"). */
#define PROPERTIES_MAX		25
#define PROPERTY_NAME_MAX	24
#define PROPERTY_VALUE_MAX	36

/* Characters of a user_id at most (page "User-ID" of Analytics). */
#define USER_ID_MAX		256

/* Both into arrays of their own. */
static const EcapiMatchKey hashed[] = {
	{"sha256_email_address", "user_data.email_address", 0},
	{"sha256_phone_number", "user_data.phone_numbers", 0}
};

static const EcapiMatchKey address[] = {
	{"sha256_first_name", "user_data.address.first_name", 0},
	{"sha256_last_name", "user_data.address.last_name", 0},
	{"sha256_street", "user_data.address.street", 0},
	{"city", "user_data.address.city", 0},
	{"region", "user_data.address.state", 0},
	{"postal_code", "user_data.address.postal_code", 0},
	{"country", "user_data.address.country_code", 0}
};

/*
 * ---- which events share a request ----
 */

/* The name in ext.click_ids of the id that the tag, or the app, has for the visitor. */
static const char *
name_of_client(const EcapiOptions *options)
{
	return options->own[ECAPI_GA4_FIREBASE_APP_ID] ? "ga_app_instance_id" : "ga_client_id";
}

/* A digest of all that was added so far, and what was added since. */
typedef struct Summing
{
	EcapiBuffer block;
	char		memory[1024];
	bool		failed;			/* libcrypto has no memory */
} Summing;

/* The digest of the block stands for it. */
static void
fold(Summing *summing)
{
	char		hex[ECAPI_HEX_SIZE];

	if (!ecapi_sha256(summing->block.data, summing->block.len, hex))
		summing->failed = true;
	ecapi_buffer_truncate(&summing->block, 0);
	if (!summing->failed)
		ecapi_buffer_add(&summing->block, hex, ECAPI_HEX_LEN);
}

static void
add_bytes(Summing *summing, const char *bytes, size_t len)
{
	while (len > 0)
	{
		size_t		room = summing->block.max - summing->block.len;
		size_t		n = Min(len, room);

		ecapi_buffer_add(&summing->block, bytes, n);
		bytes += n;
		len -= n;
		if (n == room)
			fold(summing);
	}
}

/* A value with the lengths of its texts, so that no two trees are the same bytes. */
static void
add_value(Summing *summing, const EcapiValue *value)
{
	char		head[64];

	snprintf(head, sizeof(head), "%d.%d.%u.%u:", value->type, value->truth, value->keylen,
			 value->len);
	add_bytes(summing, head, strlen(head));
	if (value->keylen > 0)
		add_bytes(summing, value->key, value->keylen);
	if (value->type == ECAPI_STRING || value->type == ECAPI_NUMBER)
		add_bytes(summing, value->text, value->len);
	else if (value->type == ECAPI_OBJECT || value->type == ECAPI_ARRAY)
		for (const EcapiValue *child = value->first; child; child = child->next)
			add_value(summing, child);
}

static void
add_member(Summing *summing, const EcapiValue *object, const char *name)
{
	const EcapiValue *value = ecapi_value_get(object, name);

	add_bytes(summing, value ? "1" : "0", 1);
	if (value != NULL)
		add_value(summing, value);
}

/* Of addresses what the table has, each with its place. */
static void
add_addresses(Summing *summing, const EcapiValue *user)
{
	const EcapiValue *list = ecapi_value_get(user, "address");
	char		place[32];
	int			n = 0;

	for (const EcapiValue *one = ecapi_member_first(list); one; one = ecapi_member_next(list, one))
	{
		n++;
		for (size_t i = 0; i < lengthof(address); i++)
		{
			const EcapiValue *part = ecapi_value_get(one, strrchr(address[i].path, '.') + 1);

			if (part == NULL)
				continue;
			snprintf(place, sizeof(place), "a%d.%zu:", n, i);
			add_bytes(summing, place, strlen(place));
			add_value(summing, part);
		}
	}
}

/*
 * The beginning of a SHA-256: a visitor chooses the id of a browser, and with a weaker
 * hash could choose one whose events share a request with another's.
 */
bool
ecapi_ga4_key(const EcapiOptions *options, const EcapiValue *event, uint64_t *key)
{
	static const char *const members[] = {
		"email_address", "phone_numbers", "mmt_only", "gpp_string", "gpp_sid",
		"event_ip_address", "landing_ip_address"
	};
	const EcapiValue *user = ecapi_member_object(event, "user_data");
	const EcapiValue *ext = ecapi_member_object(user, "ext");
	Summing		summing;

	summing.failed = false;
	ecapi_buffer_over(&summing.block, summing.memory, sizeof(summing.memory));
	for (size_t i = 0; i < lengthof(members); i++)
		add_member(&summing, user, members[i]);
	if (strcmp(options->own[ECAPI_GA4_USER_ID], "none") != 0)
		add_member(&summing, user, "customer_identifier");
	add_member(&summing, ext, "consent");
	add_member(&summing, ext, "user_properties");
	add_member(&summing, ecapi_member_object(ext, "click_ids"), name_of_client(options));
	add_addresses(&summing, user);
	fold(&summing);
	*key = 0;
	for (int i = 0; i < 16 && !summing.failed; i++)
		*key = *key << 4 | (uint64_t) ecapi_hex_digit(summing.memory[i]);
	return !summing.failed;
}

/*
 * ---- who it was ----
 */

/*
 * The visitor's id, which the tag or the app made.  None is invented: it would open a
 * new visitor without a source.
 */
static const char *
write_client(EcapiMatchKeys *keys)
{
	bool		app = keys->shape->options->own[ECAPI_GA4_FIREBASE_APP_ID] != NULL;
	const EcapiValue *client =
		ecapi_match_id(ecapi_match_cookie(keys, name_of_client(keys->shape->options)));

	if (client == NULL)
		return app ? "needs user_data.ext.click_ids.ga_app_instance_id"
			: "needs user_data.ext.click_ids.ga_client_id";
	ecapi_match_own_id(keys, app ? "app_instance_id" : "client_id", client, 0);
	return NULL;
}

/*
 * The digest, or the text as it is: Analytics knows a person by it only if the tag sends
 * the same.  What may be an email address never leaves clear; Google forbids it here.
 */
static void
write_user_id(EcapiMatchKeys *keys)
{
	static const EcapiMatchKey digest[] = {{"user_id", "user_data.customer_identifier", 0}};
	const char *how = keys->shape->options->own[ECAPI_GA4_USER_ID];
	const EcapiValue *id = ecapi_member_scalar(keys->data, "customer_identifier");

	if (strcmp(how, "hashed") == 0)
		ecapi_match_write(keys, digest, lengthof(digest), false);
	else if (strcmp(how, "clear") == 0 && id != NULL && id->len <= USER_ID_MAX &&
			 strchr(id->text, '@') == NULL)
		ecapi_match_own_id(keys, "user_id", id, 0);
}

static void
write_user_data(EcapiMatchKeys *keys)
{
	EcapiOpen	open = ecapi_write_open(keys->writer, "user_data", '{');

	ecapi_match_write(keys, hashed, lengthof(hashed), true);
	ecapi_match_addresses(keys, "address", address, lengthof(address));
	(void) ecapi_write_close(keys->writer, open, '}', false);
}

/* What an enrichment knows of the person: user_data.ext.user_properties. */
static void
write_user_properties(EcapiMatchKeys *keys)
{
	const EcapiValue *given = ecapi_member_object(keys->ext, "user_properties");
	EcapiWriter *writer = keys->writer;
	EcapiOpen	all = ecapi_write_open(writer, "user_properties", '{');
	int			n = 0;

	for (const EcapiValue *one = given ? given->first : NULL; one && n < PROPERTIES_MAX;
		 one = one->next)
	{
		EcapiOpen	open;

		if (one->keylen > PROPERTY_NAME_MAX ||
			ecapi_analytics_name_wrong(one->key, one->keylen) != NULL ||
			ecapi_member_scalar(given, one->key) != one)
			continue;
		open = ecapi_write_open(writer, one->key, '{');
		ecapi_ga4_write_cut(writer, "value", one, PROPERTY_VALUE_MAX);
		(void) ecapi_write_close(writer, open, '}', false);
		n++;
	}
	(void) ecapi_write_close(writer, all, '}', false);
}

static void
write_consent(EcapiMatchKeys *keys)
{
	static const char *const words[] = {
		[ECAPI_CONSENT_UNKNOWN] = NULL,
		[ECAPI_CONSENT_GRANTED] = "GRANTED",
		[ECAPI_CONSENT_DENIED] = "DENIED",
		[ECAPI_CONSENT_UNREADABLE] = NULL
	};
	EcapiConsent consent = ecapi_consent_answers(keys->data);
	bool		measured_only = ecapi_member_is_true(keys->data, "mmt_only");
	EcapiOpen	open = ecapi_write_open(keys->writer, "consent", '{');

	ecapi_write_text(keys->writer, "ad_user_data",
					 words[consent.ad_user_data]);
	ecapi_write_text(keys->writer, "ad_personalization", measured_only ? "DENIED" :
					 words[consent.ad_personalization]);
	(void) ecapi_write_close(keys->writer, open, '}', false);
}

const char *
ecapi_ga4_write_head(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *user,
					 int64_t time)
{
	EcapiMatchKeys keys;
	const char *reason;

	ecapi_match_begin(&keys, shape, writer, user);
	reason = write_client(&keys);
	if (reason != NULL)
		return reason;
	write_user_id(&keys);
	ecapi_write_integer(writer, "timestamp_micros", time * 1000000);
	write_user_data(&keys);
	write_user_properties(&keys);
	write_consent(&keys);
	ecapi_match_clear(&keys, "ip_override", ecapi_match_ip(&keys), 0);
	return NULL;
}
