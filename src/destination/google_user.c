/*
 * google_user.c
 *	  The person of an event for Google: identifiers, clicks, devices, consent.
 *
 * Invariants
 *	(1) An identifier leaves by the rule that identity.def has for it, and no other way.
 *	(2) A list of identifiers has at most ten, and an address all of its four parts: what
 *		has more, or lacks one, fails a request for all that are beside it.
 *	(3) What leaves clear has the form of what it is called: ids of clicks and visitors come
 *		from a visitor's browser, and may be any text.
 *	(4) Of consent, plain answers and the string, a denial wins, and what neither says is
 *		not said.
 *
 * Values that have no certain form are left out and told to the caller.  No I/O, no
 * state, no memory but the body's.
 */
#include "postgres.h"

#include "consent/policy.h"
#include "destination/country.h"
#include "destination/google.h"
#include "destination/identity.h"
#include "destination/match_keys.h"
#include "destination/member.h"
#include "destination/options.h"
#include "event/scan.h"

/* Identifiers of an event at most (Data Manager API, page "Limits"). */
#define IDENTIFIERS_MAX		10

/* Digests of single identifiers that were written: what repeats is not written again. */
typedef struct Written
{
	int			n;
	char		digests[IDENTIFIERS_MAX][ECAPI_HEX_SIZE];
} Written;

static const EcapiField *
user_field(const char *name)
{
	return ecapi_field_lookup(ECAPI_OBJ_USER_DATA, name, strlen(name));
}

static void
leave_out(EcapiGoogleUser *user, const EcapiField *field, EcapiViolationCode reason)
{
	if (user->shape->left_out)
		user->shape->left_out(user->shape->arg, field, reason);
}

static const EcapiValue *
user_text(const EcapiGoogleUser *user, const char *name)
{
	return ecapi_member_text(user->user_data, name);
}

/* An id of ext.click_ids; NULL: there is none, or what is there has not the form of one. */
static const EcapiValue *
own_id(EcapiGoogleUser *user, const char *name)
{
	EcapiMatchKeys keys;

	ecapi_match_begin(&keys, user->shape, user->writer, user->user_data);
	return ecapi_match_id(ecapi_match_cookie(&keys, name));
}

/* What tells the person from others was written, and whether the product takes an event for it. */
static void
note_person(EcapiGoogleUser *user, bool suffices)
{
	user->shape->identified = ECAPI_IDENTIFIED;
	user->identified |= suffices;
}

/* ---- userIdentifiers ---- */

/* Where a value belongs whose own address says nothing. */
static const char *
country_of_user(const EcapiGoogleUser *user)
{
	return ecapi_country_of_user(user->user_data, user->shape->default_country);
}

/* A value by the rules of a format; false when it is left out. */
static bool
form_by(EcapiGoogleUser *user, const char *format, const EcapiField *field,
		const EcapiValue *value, const char *country, EcapiIdentityForm *form)
{
	const EcapiIdentityRule *rule = ecapi_identity_rule(format, ecapi_field_path(field));
	EcapiViolationCode reason;

	if (value == NULL || value->type == ECAPI_NULL || rule == NULL)
		return false;
	if (value->type != ECAPI_STRING && value->type != ECAPI_NUMBER)
	{
		leave_out(user, field, ECAPI_VIOLATION_TYPE);
		return false;
	}
	if (ecapi_identity_form(rule, user->shape->digests, value->text, value->len, country,
							form, &reason))
		return true;
	if (form->result == ECAPI_NORMALIZED_NO_MEMORY)
		ecapi_buffer_fail(user->writer->body);
	else if (form->result != ECAPI_NORMALIZED_EMPTY)
		leave_out(user, field, reason);
	return false;
}

static bool
form_of(EcapiGoogleUser *user, const EcapiField *field, const EcapiValue *value,
		const char *country, EcapiIdentityForm *form)
{
	return form_by(user, "google", field, value, country, form);
}

/* Whether a digest is there already; it is from now on. */
static bool
is_written(Written *written, const char *digest)
{
	for (int i = 0; i < written->n; i++)
		if (strcmp(written->digests[i], digest) == 0)
			return true;
	memcpy(written->digests[written->n], digest, ECAPI_HEX_SIZE);
	return false;
}

/* An object with one identifier for each value of a field. */
static void
write_each(EcapiGoogleUser *user, Written *written, const char *name, const char *member)
{
	const EcapiField *field = user_field(name);
	const EcapiValue *value = ecapi_value_get(user->user_data, name);
	bool		many = value && value->type == ECAPI_ARRAY;
	EcapiIdentityForm form;

	if (many)
		value = value->first;
	for (; value && written->n < IDENTIFIERS_MAX; value = many ? value->next : NULL)
	{
		EcapiOpen	open;

		if (!form_of(user, field, value, country_of_user(user), &form) ||
			is_written(written, form.text))
			continue;
		open = ecapi_write_open(user->writer, NULL, '{');
		ecapi_write_text(user->writer, member, form.text);
		ecapi_write_close(user->writer, open, '}', false);
		written->n++;
	}
}

/* The parts of an address: those that all need, and those that Analytics takes, too. */
static const struct
{
	const char *field;
	const char *member;
	bool		needed;
}			parts[] = {
	{"first_name", "givenName", true},
	{"last_name", "familyName", true},
	{"country_code", "regionCode", true},
	{"postal_code", "postalCode", true},
	{"street", "addressLine", false},
	{"city", "city", false},
	{"state", "administrativeArea", false}
};

/* The members of an address; false when one that is needed is missing. */
static bool
write_parts(EcapiGoogleUser *user, const EcapiValue *address, const char *country)
{
	EcapiIdentityForm form;
	const EcapiValue here = {.type = ECAPI_STRING, .text = country,
		.len = country ? (uint32_t) strlen(country) : 0};

	for (size_t i = 0; i < lengthof(parts); i++)
	{
		const EcapiField *field = ecapi_field_lookup(ECAPI_OBJ_ADDRESS, parts[i].field,
													 strlen(parts[i].field));
		const EcapiValue *value = ecapi_value_get(address, parts[i].field);

		if (!parts[i].needed && user->product != ECAPI_GOOGLE_ANALYTICS)
			continue;
		/* the country was read already, by the address or by the default */
		if (strcmp(parts[i].field, "country_code") == 0)
			value = country ? &here : NULL;
		if (form_of(user, field, value, country, &form))
			ecapi_write_text_len(user->writer, parts[i].member, form.text, form.len);
		else if (parts[i].needed)
			return false;
	}
	return true;
}

static void
write_address(EcapiGoogleUser *user, Written *written, const EcapiValue *address)
{
	EcapiBuffer *body = user->writer->body;
	const char *country = ecapi_country_of_address(address);
	size_t		start = body->len;
	bool		any = user->writer->any;
	EcapiOpen	object = ecapi_write_open(user->writer, NULL, '{');
	EcapiOpen	inner = ecapi_write_open(user->writer, "address", '{');

	if (write_parts(user, address, country ? country : user->shape->default_country))
	{
		ecapi_write_close(user->writer, inner, '}', false);
		ecapi_write_close(user->writer, object, '}', false);
		written->n++;
		return;
	}
	if (!body->full)
		ecapi_buffer_truncate(body, start);
	user->writer->any = any;
	if (address->type == ECAPI_OBJECT)
		leave_out(user, user_field("address"), ECAPI_VIOLATION_MISSING);
}

static void
write_addresses(EcapiGoogleUser *user, Written *written)
{
	const EcapiValue *address = ecapi_value_get(user->user_data, "address");
	bool		many = address && address->type == ECAPI_ARRAY;

	if (many)
		address = address->first;
	for (; address && written->n < IDENTIFIERS_MAX; address = many ? address->next : NULL)
		write_address(user, written, address);
}

void
ecapi_google_write_identifiers(EcapiGoogleUser *user)
{
	Written		written;
	EcapiOpen	object = ecapi_write_open(user->writer, "userData", '{');
	EcapiOpen	list = ecapi_write_open(user->writer, "userIdentifiers", '[');

	written.n = 0;
	write_each(user, &written, "email_address", "emailAddress");
	write_each(user, &written, "phone_numbers", "phoneNumber");
	write_addresses(user, &written);
	ecapi_write_close(user->writer, list, ']', false);
	ecapi_write_close(user->writer, object, '}', false);
	/* Floodlight knows a person by its own cookies alone, Analytics by the client's */
	if (written.n > 0)
		note_person(user, user->product == ECAPI_GOOGLE_ADS);
}

/* ---- devices ---- */

/*
 * Google Ads asks to leave IP addresses out where the European Economic Area, the United
 * Kingdom or Switzerland is a person's country: it does not match by them there.
 */
static bool
is_without_ip(const char *country)
{
	static const char *const countries[] = {
		"at", "be", "bg", "ch", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gb", "gr",
		"hr", "hu", "ie", "is", "it", "li", "lt", "lu", "lv", "mt", "nl", "no", "pl", "pt",
		"ro", "se", "si", "sk"
	};

	for (size_t i = 0; i < lengthof(countries); i++)
		if (country && strcmp(countries[i], country) == 0)
			return true;
	return false;
}

/* One address of several is enough; the default decides where none has a country. */
static bool
may_have_ip(const EcapiGoogleUser *user)
{
	const EcapiValue *address = ecapi_value_get(user->user_data, "address");
	bool		many = address && address->type == ECAPI_ARRAY;

	if (user->product == ECAPI_GOOGLE_ANALYTICS)
		return true;
	if (many)
		address = address->first;
	for (; address; address = many ? address->next : NULL)
		if (is_without_ip(ecapi_country_of_address(address)))
			return false;
	return !is_without_ip(country_of_user(user));
}

static void
write_device(EcapiGoogleUser *user, const char *member, const char *agent, const char *ip)
{
	const EcapiValue *address = user_text(user, ip);
	EcapiOpen	open = ecapi_write_open(user->writer, member, '{');

	ecapi_write_value(user->writer, "userAgent", user_text(user, agent));
	if (address != NULL && ecapi_scan_ip(address->text, address->len) && may_have_ip(user))
		ecapi_write_value(user->writer, "ipAddress", address);
	ecapi_write_close(user->writer, open, '}', false);
}

void
ecapi_google_write_device(EcapiGoogleUser *user)
{
	write_device(user, "eventDeviceInfo", "event_user_agent", "event_ip_address");
}

/* ---- adIdentifiers ---- */

/* Ids of clicks, under their names in URLs. */
static const struct
{
	const char *name;
	bool		floodlight;		/* of no use to others */
}			clicks[] = {
	{"gclid", false},
	{"gbraid", false},
	{"wbraid", false},
	{"dclid", true}
};

/* The same, or click_id for it, unless ext.click_ids says that this is another's. */
static const EcapiValue *
standard_click(EcapiGoogleUser *user, const char *name)
{
	EcapiMatchKeys keys;

	ecapi_match_begin(&keys, user->shape, user->writer, user->user_data);
	return ecapi_match_id(ecapi_match_click(&keys, name));
}

static void
write_click(EcapiGoogleUser *user, const char *name)
{
	const char *kind = ecapi_google_option(user->shape->options, ECAPI_GOOGLE_CLICK_ID_KIND);
	const EcapiValue *click = kind && strcmp(kind, name) == 0 ? standard_click(user, name)
		: own_id(user, name);

	if (click == NULL)
		return;
	ecapi_write_value(user->writer, name, click);
	note_person(user, user->product != ECAPI_GOOGLE_ANALYTICS);
}

/*
 * A device's advertising id is a UUID, and another text fails the request
 * (INVALID_MOBILE_ID_FORMAT).
 */
static void
write_mobile_device(EcapiGoogleUser *user)
{
	const EcapiValue *ifa = user_text(user, "ifa");

	if (ifa == NULL)
		return;
	if (!ecapi_scan_uuid(ifa->text, ifa->len))
	{
		leave_out(user, user_field("ifa"), ECAPI_VIOLATION_FORM);
		return;
	}
	ecapi_write_value(user->writer, "mobileDeviceId", ifa);
	note_person(user, user->product != ECAPI_GOOGLE_ANALYTICS);
}

void
ecapi_google_write_ad_identifiers(EcapiGoogleUser *user)
{
	EcapiOpen	open = ecapi_write_open(user->writer, "adIdentifiers", '{');
	bool		floodlight = user->product == ECAPI_GOOGLE_FLOODLIGHT;
	const EcapiValue *impression = ecapi_match_id(user_text(user, "impression_id"));

	for (size_t i = 0; i < lengthof(clicks); i++)
		if (floodlight || !clicks[i].floodlight)
			write_click(user, clicks[i].name);
	write_mobile_device(user);
	if (floodlight && impression != NULL)
	{
		ecapi_write_value(user->writer, "impressionId", impression);
		note_person(user, true);
	}
	write_device(user, "landingPageDeviceInfo", "landing_user_agent", "landing_ip_address");
	ecapi_write_close(user->writer, open, '}', false);
}

/* ---- consent ---- */

static void
write_consent(EcapiGoogleUser *user, const char *member, EcapiConsentAnswer answer)
{
	if (answer == ECAPI_CONSENT_GRANTED || answer == ECAPI_CONSENT_DENIED)
		ecapi_write_text(user->writer, member,
						 answer == ECAPI_CONSENT_GRANTED ? "CONSENT_GRANTED" : "CONSENT_DENIED");
}

void
ecapi_google_write_consent(EcapiGoogleUser *user)
{
	EcapiConsent consent = ecapi_consent_answers(user->user_data);
	bool		measured_only = ecapi_member_is_true(user->user_data, "mmt_only");
	EcapiOpen	open = ecapi_write_open(user->writer, "consent", '{');

	write_consent(user, "adUserData", consent.ad_user_data);
	write_consent(user, "adPersonalization",
				  measured_only ? ECAPI_CONSENT_DENIED : consent.ad_personalization);
	ecapi_write_close(user->writer, open, '}', false);
}

/* ---- Analytics ---- */

void
ecapi_google_write_client(EcapiGoogleUser *user, bool app)
{
	const EcapiValue *client = own_id(user, "ga_client_id");
	const EcapiValue *instance = own_id(user, "ga_app_instance_id");
	EcapiIdentityForm form;

	/* both together are refused: where the event happened decides */
	if (client && instance)
	{
		client = app ? NULL : client;
		instance = app ? instance : NULL;
	}
	ecapi_write_value(user->writer, "clientId", client);
	ecapi_write_value(user->writer, "appInstanceId", instance);
	if (client || instance)
		note_person(user, true);

	/* any text that is always the same will do, so the standard's digest does */
	if (form_by(user, "ecapi", user_field("customer_identifier"),
				ecapi_value_get(user->user_data, "customer_identifier"), NULL, &form))
	{
		ecapi_write_text_len(user->writer, "userId", form.text, form.len);
		note_person(user, true);
	}
}
