/*
 * amazon_event.c
 *	  One event in the shape of Amazon Ads' Events API.
 *
 * Amazon takes a person's own word: the GPP string, the TC string that it holds, and two
 * answers, which are the plain ones, or the string's.  In its European region an event without
 * any of them is refused, so it is unfit.  A string leaves only if it can be read: else it could
 * be any text.
 *
 * Both answers are needed, so that of mmt_only cannot be given where nobody said the other:
 * such an event is held back.
 *
 * Source: Segment's sender amazon-conversions-api (segmentio/action-destinations), and the
 * description of the Events API (Amazon Ads API v1, tag Events).
 *
 * Invariants
 *	(1) Identifiers leave by the rules that identity.def has for Amazon, and no other way;
 *		an advertising id is sent only where an option says whose it is.
 *	(2) Of answers and string a denial wins, and what nobody said is not said.
 *	(3) An event that is not shaped leaves the body as it was; see format.h.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "consent/policy.h"
#include "consent/tcf.h"
#include "destination/amazon.h"
#include "destination/country.h"
#include "destination/facts.h"
#include "destination/instant.h"
#include "destination/items.h"
#include "destination/match_keys.h"
#include "destination/member.h"
#include "destination/options.h"
#include "event/ascii.h"

#define PURCHASE	"OFF_AMAZON_PURCHASES"

static const char *const conversions[ECAPI_EVENT_TYPES] = {
	[ECAPI_EVENT_purchase] = PURCHASE,
	[ECAPI_EVENT_add_to_cart] = "ADD_TO_SHOPPING_CART",
	[ECAPI_EVENT_begin_checkout] = "CHECKOUT",
	[ECAPI_EVENT_generate_lead] = "LEAD",
	[ECAPI_EVENT_sign_up] = "SIGN_UP",
	[ECAPI_EVENT_subscribe] = "SUBSCRIBE",
	[ECAPI_EVENT_search] = "SEARCH",
	[ECAPI_EVENT_page_view] = "PAGE_VIEW",
	[ECAPI_EVENT_contact] = "CONTACT",
	[ECAPI_EVENT_install] = "MOBILE_APP_FIRST_START"
};

/* Those that an option may give to an event type. */
static const char *const targets[] = {
	PURCHASE, "ADD_TO_SHOPPING_CART", "CHECKOUT", "LEAD", "SIGN_UP", "SUBSCRIBE", "SEARCH",
	"PAGE_VIEW", "CONTACT", "APPLICATION", "MOBILE_APP_FIRST_START", "OTHER"
};

/* What Amazon asks beyond what most platforms do. */
typedef struct Extras
{
	const char *name;
	const char *conversion;
	const char *source;
	const char *country;		/* alpha-2, lower case */
	char		time[ECAPI_INSTANT_SIZE];
} Extras;

/* ---- what an event is ---- */

/* The destination's own name of a type is a conversion of Amazon's, or a name beside one. */
static const char *
read_conversion(const EcapiShape *shape, const EcapiValue *event, const EcapiFacts *facts,
				Extras *extras)
{
	static const char *const none[ECAPI_EVENT_TYPES] = {NULL};
	const char *target = shape->options->targets[facts->type];
	const char *custom = facts->type == ECAPI_EVENT_custom ? NULL : ecapi_event_type_name(facts->type);
	const char *reason = ecapi_facts_name(shape, event, facts, none, &extras->name);

	extras->conversion = conversions[facts->type] ? conversions[facts->type] : "OTHER";
	for (size_t i = 0; target && i < lengthof(targets); i++)
	{
		if (strcmp(targets[i], target) != 0)
			continue;
		extras->conversion = targets[i];
		extras->name = custom ? custom : "custom";
	}
	return reason;
}

/* NULL: of an app, of which nobody says the system. */
static const char *
source_of(const EcapiShape *shape, const EcapiFacts *facts)
{
	const char *os = shape->options->own[ECAPI_AMAZON_APP_OS];

	if (strcmp(facts->source, "website") == 0)
		return "WEBSITE";
	if (strcmp(facts->source, "app") != 0)
		return "OFFLINE";
	if (os == NULL)
		return NULL;
	return strcmp(os, "ios") == 0 ? "IOS" : strcmp(os, "android") == 0 ? "ANDROID" : "FIRE_TV";
}

static void
read_time(const EcapiFacts *facts, Extras *extras)
{
	char		text[24];
	EcapiValue	time = {.type = ECAPI_NUMBER, .text = text};

	time.len = (uint32_t) snprintf(text, sizeof(text), "%lld", (long long) facts->time);
	(void) ecapi_instant_text(&time, extras->time);
}

static const char *
read_extras(const EcapiShape *shape, const EcapiValue *event, const EcapiFacts *facts,
			Extras *extras)
{
	const char *reason;

	memset(extras, 0, sizeof(*extras));
	reason = read_conversion(shape, event, facts, extras);
	if (reason != NULL)
		return reason;
	extras->source = source_of(shape, facts);
	if (extras->source == NULL)
		return "app_os missing";
	read_time(facts, extras);
	extras->country = facts->user ? ecapi_country_of_user(facts->user, shape->default_country)
		: shape->default_country;
	if (extras->country == NULL)
		return "country missing";
	return ecapi_facts_money_wrong(facts);
}

/* ---- who it was ---- */

static const struct
{
	const char *type;
	const char *path;
}			keys_of[] = {
	{"EMAIL", "user_data.email_address"},
	{"PHONE", "user_data.phone_numbers"},
	{"FIRST_NAME", "user_data.address.first_name"},
	{"LAST_NAME", "user_data.address.last_name"},
	{"ADDRESS", "user_data.address.street"},
	{"CITY", "user_data.address.city"},
	{"STATE", "user_data.address.state"},
	{"POSTAL", "user_data.address.postal_code"}
};

/* A match key while it is looked for. */
typedef struct Key
{
	EcapiWriter *writer;
	const char *type;
} Key;

static void
write_key(EcapiWriter *writer, const char *type, const char *text, size_t len)
{
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');
	EcapiOpen	values;

	ecapi_write_text(writer, "type", type);
	values = ecapi_write_open(writer, "values", '[');
	ecapi_write_text_len(writer, NULL, text, len);
	(void) ecapi_write_close(writer, values, ']', true);
	(void) ecapi_write_close(writer, open, '}', true);
}

/* Each type has room for one value. */
static bool
take_key(void *arg, const EcapiIdentityForm *form)
{
	const Key  *key = arg;

	write_key(key->writer, key->type, form->text, form->len);
	return false;
}

static bool
write_match_keys(EcapiMatchKeys *keys)
{
	EcapiOpen	open = ecapi_write_open(keys->writer, "matchKeys", '[');
	const EcapiValue *ifa = keys->shape->options->own[ECAPI_AMAZON_APP_OS] ?
		ecapi_match_ifa(keys) : NULL;

	for (size_t i = 0; i < lengthof(keys_of); i++)
	{
		Key			key = {keys->writer, keys_of[i].type};

		ecapi_match_each(keys, keys_of[i].path, take_key, &key);
	}
	if (ifa != NULL)
	{
		write_key(keys->writer, "MAID", ifa->text, ifa->len);
		ecapi_match_known(keys);
	}
	return ecapi_write_close(keys->writer, open, ']', false);
}

/* ---- what was consented to ---- */

/* Whether a text has no other characters than consent strings, so that no address is one. */
static bool
has_letters_of_strings(const char *text, size_t len)
{
	return ecapi_all_alphanumeric(text, len, "-_.~");
}

/* The GPP string as it is; NULL: it is none. */
static const EcapiValue *
gpp_string_of(const EcapiValue *string)
{
	EcapiGpp	gpp;

	if (string == NULL || !has_letters_of_strings(string->text, string->len) ||
		ecapi_gpp_split(string->text, string->len, &gpp) != NULL)
		return NULL;
	return gpp.bare ? NULL : string;
}

/* The TC string that a text (or NULL) is or holds; NULL: none that can be read. */
static const char *
tc_string_of(const EcapiValue *string, size_t *len)
{
	EcapiGppSection section = {.id = ECAPI_GPP_TCF_EU};
	EcapiTcf	tcf;

	section.text = ecapi_consent_tc_string(string, &section.len);
	if (section.text == NULL || !has_letters_of_strings(section.text, section.len) ||
		ecapi_tcf_decode(&section, 0, &tcf) != NULL)
		return NULL;
	*len = section.len;
	return section.text;
}

/* As Amazon has it; NULL: nobody said it, or not so that it can be read. */
static const char *
word_of(EcapiConsentAnswer answer)
{
	switch (answer)
	{
		case ECAPI_CONSENT_GRANTED:
			return "GRANTED";
		case ECAPI_CONSENT_DENIED:
			return "DENIED";
		case ECAPI_CONSENT_UNKNOWN:
		case ECAPI_CONSENT_UNREADABLE:
			break;
	}
	return NULL;
}

/*
 * Both answers of Amazon's, or none: ad_user_data is the one about giving data away, and
 * ad_storage, else ad_personalization, the one about keeping it for ads.
 */
static void
write_answers(EcapiMatchKeys *keys)
{
	EcapiConsent consent = ecapi_consent_answers(keys->data);
	const char *data = word_of(consent.ad_user_data);
	const char *storage = word_of(ecapi_member_is_true(keys->data, "mmt_only")
								  ? ECAPI_CONSENT_DENIED : consent.ad_storage);
	EcapiOpen	open;

	if (data == NULL || storage == NULL)
		return;
	open = ecapi_write_open(keys->writer, "amazonConsent", '{');
	ecapi_write_text(keys->writer, "amznAdStorage", storage);
	ecapi_write_text(keys->writer, "amznUserData", data);
	(void) ecapi_write_close(keys->writer, open, '}', true);
}

/* False: mmt_only would get lost, because Amazon takes no answer without the other. */
static bool
can_say_uses(const EcapiValue *user)
{
	return !ecapi_member_is_true(user, "mmt_only") ||
		word_of(ecapi_consent_answers(user).ad_user_data) != NULL;
}

/* consent; false: nobody said anything.  An address says where, and no consent. */
static bool
write_consent(EcapiMatchKeys *keys)
{
	const EcapiValue *said = ecapi_member_object(keys->ext, "consent");
	const EcapiValue *string = ecapi_member_text(keys->data, "gpp_string");
	EcapiOpen	open = ecapi_write_open(keys->writer, "consent", '{');
	const char *tc_string;
	size_t		len = 0;
	EcapiOpen	geo;
	bool		any;

	ecapi_match_clear(keys, "gpp", gpp_string_of(string), 0);
	tc_string = tc_string_of(string, &len);
	if (tc_string == NULL)
		tc_string = tc_string_of(ecapi_member_text(said, "tcf"), &len);
	if (tc_string != NULL)
		ecapi_write_text_len(keys->writer, "tcf", tc_string, len);
	write_answers(keys);
	any = keys->writer->any;
	geo = ecapi_write_open(keys->writer, "geo", '{');
	ecapi_match_clear(keys, "ipAddress", ecapi_match_ip(keys), 0);
	(void) ecapi_write_close(keys->writer, geo, '}', false);
	(void) ecapi_write_close(keys->writer, open, '}', false);
	return any;
}

/* ---- all of it ---- */

static void
write_description(EcapiWriter *writer, const Extras *extras)
{
	EcapiOpen	open = ecapi_write_open(writer, "eventDescription", '{');

	ecapi_write_text(writer, "name", extras->name);
	ecapi_write_text(writer, "conversionType", extras->conversion);
	ecapi_write_text(writer, "eventSource", extras->source);
	ecapi_write_text(writer, "eventIngestionMethod", "SERVER_TO_SERVER");
	(void) ecapi_write_close(writer, open, '}', true);
}

/* Currency and units are those of a purchase alone. */
static void
write_value(EcapiWriter *writer, const EcapiFacts *facts, const Extras *extras)
{
	ecapi_write_value(writer, "value", facts->value);
	if (strcmp(extras->conversion, PURCHASE) != 0)
		return;
	ecapi_write_text(writer, "currencyCode", facts->value ? facts->currency : NULL);
	ecapi_items_write_count(writer, "unitsSold", ecapi_items_of(facts->properties));
}

static const char *
write_event(EcapiShape *shape, EcapiWriter *writer, const EcapiFacts *facts, const Extras *extras)
{
	char		country[3] = {(char) (extras->country[0] - 'a' + 'A'),
	(char) (extras->country[1] - 'a' + 'A'), '\0'};
	EcapiMatchKeys keys;

	ecapi_match_begin(&keys, shape, writer, facts->user);
	write_description(writer, extras);
	ecapi_write_value(writer, "eventId", facts->id);
	ecapi_write_text(writer, "eventTime", extras->time);
	ecapi_write_text(writer, "countryCode", country);
	write_value(writer, facts, extras);
	if (!write_match_keys(&keys))
		return "no identifier";
	if (!write_consent(&keys) && ecapi_amazon_is_eu(shape->options))
		return "consent missing";
	return NULL;
}

EcapiShaped
ecapi_amazon_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
				 EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	open;
	EcapiFacts	facts;
	Extras		extras;

	(void) arena;
	*reason = ecapi_facts_read(shape, event, &facts);
	if (*reason == NULL)
		*reason = read_extras(shape, event, &facts, &extras);
	if (*reason != NULL)
		return ECAPI_UNFIT;
	if (!can_say_uses(facts.user))
	{
		*reason = ECAPI_REASON_MMT_ONLY;
		return ECAPI_FILTERED;
	}
	open = ecapi_write_open(&writer, NULL, '{');
	*reason = write_event(shape, &writer, &facts, &extras);
	return ecapi_format_shaped(&writer, open, *reason);
}
