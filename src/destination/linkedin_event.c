/*
 * linkedin_event.c
 *	  One event in the shape of LinkedIn's Conversions API.
 *
 * LinkedIn needs an id of the table below or, where names may leave, a first and a last
 * name; the owner's own id of a customer alone is none (page "Conversions API", user).  The
 * array userIds has to be there even when nothing is in it, as public senders have measured.
 *
 * LinkedIn has no field for what an event may be used for, so one with mmt_only is held back.
 *
 * Invariants
 *	(1) An address leaves as a digest, by the rule of identity.def.  Names leave clear with
 *		send_names alone, never as digests, which nobody at LinkedIn could read.
 *	(2) Of ext leaves the click id alone, if it has the form of one.
 *	(3) Members are those of the schema and no others; amounts are texts, times milliseconds.
 *	(4) An event that is not shaped leaves the body as it was; see format.h.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/decimal.h"
#include "destination/facts.h"
#include "destination/linkedin.h"
#include "destination/match_keys.h"
#include "destination/member.h"
#include "destination/options.h"

/* Addresses of one event; a person has one or two, and no number is named. */
#define MAX_EMAILS		10

/* The user of an event while it is written. */
typedef struct User
{
	EcapiMatchKeys keys;
	bool		known;			/* by an id, or by names */
	int			n;				/* digests of addresses that were written */
	char		emails[MAX_EMAILS][ECAPI_HEX_SIZE];
} User;

/*
 * ---- userIds ----
 */

static void
write_id(User *user, const char *type, const char *text, size_t len)
{
	EcapiWriter *writer = user->keys.writer;
	EcapiOpen	open = ecapi_write_open(writer, NULL, '{');

	ecapi_write_text(writer, "idType", type);
	ecapi_write_text_len(writer, "idValue", text, len);
	(void) ecapi_write_close(writer, open, '}', true);
	user->known = true;
}

static bool
write_email(void *arg, const EcapiIdentityForm *form)
{
	User	   *user = arg;

	for (int i = 0; i < user->n; i++)
	{
		if (strcmp(user->emails[i], form->text) == 0)
			return true;
	}
	memcpy(user->emails[user->n++], form->text, ECAPI_HEX_SIZE);
	write_id(user, "SHA256_EMAIL", form->text, form->len);
	return user->n < MAX_EMAILS;
}

/* A value that leaves as it is; NULL: there is none. */
static void
write_clear(User *user, const char *type, const EcapiValue *value)
{
	if (value != NULL)
		write_id(user, type, value->text, value->len);
}

/* The same of an id of a click or a device. */
static void
write_own_id(User *user, const char *type, const EcapiValue *value)
{
	write_clear(user, type, value);
	if (value != NULL)
		ecapi_match_known(&user->keys);
}

/* LinkedIn takes addresses of IPv4 alone. */
static const EcapiValue *
ipv4_of(const EcapiMatchKeys *keys)
{
	const EcapiValue *address = ecapi_match_ip(keys);

	return address && strchr(address->text, ':') == NULL ? address : NULL;
}

static void
write_ids(User *user)
{
	EcapiMatchKeys *keys = &user->keys;
	EcapiOpen	open = ecapi_write_open(keys->writer, "userIds", '[');

	ecapi_match_each(keys, "user_data.email_address", write_email, user);
	write_own_id(user, "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID",
				 ecapi_match_id(ecapi_match_click(keys, "li_fat_id")));
	write_clear(user, "PLAINTEXT_IP_ADDRESS", ipv4_of(keys));
	if (ecapi_linkedin_says(keys->shape->options, ECAPI_LINKEDIN_APP_OS, "android"))
		write_own_id(user, "GOOGLE_AID", ecapi_match_ifa(keys));
	(void) ecapi_write_close(keys->writer, open, ']', true);
}

/*
 * ---- userInfo ----
 */

/* The names of one address, both or none; false: it has not both. */
static bool
write_names(User *user, const EcapiValue *address)
{
	EcapiMatchKeys *keys = &user->keys;
	EcapiIdentityForm first;
	EcapiIdentityForm last;
	EcapiIdentityForm country;
	EcapiOpen	open;

	if (address->type != ECAPI_OBJECT ||
		!ecapi_match_form(keys, "user_data.address.first_name", ecapi_value_get(address, "first_name"), &first) ||
		!ecapi_match_form(keys, "user_data.address.last_name", ecapi_value_get(address, "last_name"), &last))
		return false;
	open = ecapi_write_open(keys->writer, "userInfo", '{');
	ecapi_write_text(keys->writer, "firstName", first.text);
	ecapi_write_text(keys->writer, "lastName", last.text);
	if (ecapi_match_form(keys, "user_data.address.country_code",
						 ecapi_value_get(address, "country_code"), &country))
		ecapi_write_text(keys->writer, "countryCode", country.text);
	(void) ecapi_write_close(keys->writer, open, '}', true);
	user->known = true;
	return true;
}

static void
write_info(User *user)
{
	const EcapiValue *list = ecapi_value_get(user->keys.data, "address");

	if (!ecapi_linkedin_says(user->keys.shape->options, ECAPI_LINKEDIN_SEND_NAMES, "yes"))
		return;
	for (const EcapiValue *address = ecapi_member_first(list); address;
		 address = ecapi_member_next(list, address))
	{
		if (write_names(user, address))
			return;
	}
}

/*
 * ---- externalIds ----
 */

static bool
write_digest(void *arg, const EcapiIdentityForm *form)
{
	ecapi_write_text_len(arg, NULL, form->text, form->len);
	return false;
}

/* An id of the owner's as it is; what may be an email address never leaves clear. */
static const EcapiValue *
clear_id(const EcapiMatchKeys *keys)
{
	const EcapiValue *id = ecapi_member_text(keys->data, "customer_identifier");

	return id != NULL && strchr(id->text, '@') == NULL ? id : NULL;
}

/* One at most, and it may not be there when it is empty. */
static void
write_external_id(User *user)
{
	EcapiMatchKeys *keys = &user->keys;
	EcapiOpen	open = ecapi_write_open(keys->writer, "externalIds", '[');

	if (ecapi_linkedin_says(keys->shape->options, ECAPI_LINKEDIN_EXTERNAL_ID, "clear"))
		ecapi_match_own_id(keys, NULL, clear_id(keys), 0);
	else
		ecapi_match_each(keys, "user_data.customer_identifier", write_digest, keys->writer);
	(void) ecapi_write_close(keys->writer, open, ']', false);
}

/* False: nobody is known by it. */
static bool
write_user(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *data)
{
	User		user;
	EcapiOpen	open = ecapi_write_open(writer, "user", '{');

	user.known = false;
	user.n = 0;
	ecapi_match_begin(&user.keys, shape, writer, data);
	write_ids(&user);
	write_info(&user);
	write_external_id(&user);
	(void) ecapi_write_close(writer, open, '}', true);
	return user.known;
}

/*
 * ---- the event ----
 */

static void
write_rule(EcapiWriter *writer, const char *target)
{
	char		urn[200];

	snprintf(urn, sizeof(urn), "%s%s", strncmp(target, "urn:", 4) == 0 ? "" : ECAPI_LINKEDIN_RULE, target);
	ecapi_write_text(writer, "conversion", urn);
}

/* False: the amount cannot be written with digits alone. */
static bool
write_value(EcapiWriter *writer, const EcapiFacts *facts)
{
	char		memory[ECAPI_DECIMAL_PLAIN_SIZE];
	const char *amount;
	size_t		len;
	EcapiOpen	open;

	if (facts->value == NULL)
		return true;
	amount = ecapi_decimal_plain(facts->value->text, facts->value->len, memory, &len);
	if (amount == NULL)
		return false;
	open = ecapi_write_open(writer, "conversionValue", '{');
	ecapi_write_text(writer, "currencyCode", facts->currency);
	ecapi_write_text_len(writer, "amount", amount, len);
	(void) ecapi_write_close(writer, open, '}', true);
	return true;
}

/* NULL, or why it is not fit. */
static const char *
write_event(EcapiShape *shape, EcapiWriter *writer, const EcapiFacts *facts)
{
	write_rule(writer, shape->options->targets[facts->type]);
	ecapi_write_integer(writer, "conversionHappenedAt", facts->time * 1000);
	ecapi_write_value(writer, "eventId", facts->id);
	if (!write_value(writer, facts))
		return "value not expressible";
	if (!write_user(shape, writer, facts->user))
	{
		shape->identified = ECAPI_IDENTIFIED_NOT;
		return "needs an id, or first and last name";
	}
	return NULL;
}

EcapiShaped
ecapi_linkedin_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
				   EcapiBuffer *body, const char **reason)
{
	EcapiWriter writer = {body, shape->events > 0};
	EcapiOpen	open;
	EcapiFacts	facts;

	(void) arena;
	*reason = ecapi_facts_read(shape, event, &facts);
	if (*reason == NULL && shape->options->targets[facts.type] == NULL)
		*reason = "no conversion rule";
	if (*reason == NULL)
		*reason = ecapi_facts_money_wrong(&facts);
	if (*reason != NULL)
		return ECAPI_UNFIT;
	if (ecapi_member_is_true(facts.user, "mmt_only"))
	{
		*reason = ECAPI_REASON_MMT_ONLY;
		return ECAPI_FILTERED;
	}

	open = ecapi_write_open(&writer, NULL, '{');
	*reason = write_event(shape, &writer, &facts);
	return ecapi_format_shaped(&writer, open, *reason);
}
