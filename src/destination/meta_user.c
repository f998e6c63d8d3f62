/*
 * meta_user.c
 *	  user_data of one event in the shape of Meta's Conversions API: who it was.
 *
 * Sources: developers.facebook.com, Conversions API, Customer Information Parameters
 * (names; what is hashed and what is not), fbp and fbc Parameters (their form), Best
 * Practices, Baseline requirements for matching (what is too broad).
 *
 * Invariants
 *	(1) What the table "hashed" has leaves as 64 hex digits or not at all: it is
 *		written in one place (write_hashed), in the form that identity.h gives it.
 *	(2) Of ext leave click ids and the members of the table "own_ids", each only if it has
 *		the form of one, so that nothing else can be put in its place.
 *	(3) Digests that repeat in an array are written once.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "destination/meta.h"

#include <stdio.h>
#include <string.h>

#include "destination/country.h"
#include "destination/identity.h"
#include "event/ascii.h"
#include "event/scan.h"

/* Bytes of an id that is none of the standard's; those that Meta gives are far below. */
#define MAX_OWN_ID		512

/* What user_data has, as far as it decides whether Meta takes it. */
#define HAS_STRONG		(1 << 0)	/* anything but the following */
#define HAS_PLACE		(1 << 1)	/* ct, st, zp, country */
#define HAS_GENDER		(1 << 2)
#define HAS_AGENT		(1 << 3)	/* client_user_agent */
#define HAS_FIRST_NAME	(1 << 4)
#define HAS_LAST_NAME	(1 << 5)

/* Sets of parameters that are too broad by themselves, each with all its subsets. */
static const unsigned broad[] = {
	HAS_PLACE | HAS_GENDER | HAS_AGENT,
	HAS_FIRST_NAME | HAS_GENDER,
	HAS_LAST_NAME | HAS_GENDER
};

/* The hashed ones: a field of user_data, or with list a member of what is in there. */
typedef struct Hashed
{
	const char *name;			/* Meta's */
	const char *path;			/* of the field */
	const char *list;			/* address, uids; NULL: the field is in user_data */
	const char *member;
	unsigned	has;
} Hashed;

static const Hashed hashed[] = {
	{"em", "user_data.email_address", NULL, "email_address", HAS_STRONG},
	{"ph", "user_data.phone_numbers", NULL, "phone_numbers", HAS_STRONG},
	{"fn", "user_data.address.first_name", "address", "first_name", HAS_FIRST_NAME},
	{"ln", "user_data.address.last_name", "address", "last_name", HAS_LAST_NAME},
	{"ct", "user_data.address.city", "address", "city", HAS_PLACE},
	{"st", "user_data.address.state", "address", "state", HAS_PLACE},
	{"zp", "user_data.address.postal_code", "address", "postal_code", HAS_PLACE},
	{"country", "user_data.address.country_code", "address", "country_code", HAS_PLACE},
	{"ge", "user_data.gender", NULL, "gender", HAS_GENDER},
	/* both into one array */
	{"external_id", "user_data.customer_identifier", NULL, "customer_identifier", HAS_STRONG},
	{"external_id", "user_data.uids.id", "uids", "id", HAS_STRONG}
};

/* Ids of Meta's own, in user_data.ext under its names. */
static const struct
{
	const char *name;
	bool		number;			/* leaves as an integer; else as a text */
}			own_ids[] = {
	{"lead_id", true},
	{"fb_login_id", true},
	{"subscription_id", false},
	{"anon_id", false},
	{"page_id", false},
	{"page_scoped_user_id", false},
	{"ctwa_clid", false},
	{"ig_account_id", false},
	{"ig_sid", false}
};

#define N_HASHED	(sizeof(hashed) / sizeof(hashed[0]))

typedef struct User
{
	EcapiShape *shape;
	EcapiWriter *writer;
	const EcapiValue *data;		/* user_data */
	const char *country;		/* of telephone numbers, or NULL */
	unsigned	has;
	size_t		first;			/* of the body, where the elements of an array begin */
} User;

/*
 * ---- hashed ----
 */

static void
leave_out(User *user, const char *path, EcapiViolationCode reason)
{
	if (user->shape->left_out)
		user->shape->left_out(user->shape->arg, ecapi_field_named(path, strlen(path)), reason);
}

/* Whether a digest is an element already: each has 66 bytes, a comma between two. */
static bool
stands_there(const User *user, const char *hex)
{
	const EcapiBuffer *body = user->writer->body;

	for (size_t at = user->first; at + ECAPI_HEX_LEN + 2 <= body->len; at += ECAPI_HEX_LEN + 3)
	{
		if (memcmp(body->data + at + 1, hex, ECAPI_HEX_LEN) == 0)
			return true;
	}
	return false;
}

/* One value, as an element of an array. */
static void
write_hashed(User *user, const Hashed *what, const EcapiIdentityRule *rule,
			 const EcapiValue *value, const char *country)
{
	EcapiIdentityForm form;
	EcapiViolationCode reason;

	if (value->type != ECAPI_STRING && value->type != ECAPI_NUMBER)
	{
		if (value->type != ECAPI_NULL)
			leave_out(user, what->path, ECAPI_VIOLATION_TYPE);
		return;
	}
	if (ecapi_identity_form(rule, user->shape->digests, value->text, value->len, country,
							&form, &reason))
	{
		if (!stands_there(user, form.text))
			ecapi_write_text_len(user->writer, NULL, form.text, ECAPI_HEX_LEN);
		user->has |= what->has;
	}
	else if (form.result == ECAPI_NORMALIZED_NO_MEMORY)
		ecapi_buffer_fail(user->writer->body);
	else if (form.result != ECAPI_NORMALIZED_EMPTY)
		leave_out(user, what->path, reason);
}

/* A value or an array of them. */
static void
write_values(User *user, const Hashed *what, const EcapiIdentityRule *rule,
			 const EcapiValue *value, const char *country)
{
	if (value == NULL)
		return;
	if (value->type != ECAPI_ARRAY)
		write_hashed(user, what, rule, value, country);
	else
		for (const EcapiValue *one = value->first; one; one = one->next)
			write_hashed(user, what, rule, one, country);
}

/* A member of one object of a list. */
static void
write_of_object(User *user, const Hashed *what, const EcapiIdentityRule *rule,
				const EcapiValue *object)
{
	const char *country;

	if (object->type != ECAPI_OBJECT)
		return;
	country = ecapi_country_of_address(object);
	write_values(user, what, rule, ecapi_value_get(object, what->member),
				 country ? country : user->shape->default_country);
}

static void
write_field(User *user, const Hashed *what)
{
	const EcapiIdentityRule *rule = ecapi_identity_rule(user->shape->format->name, what->path);
	const EcapiValue *list;

	if (rule == NULL || !rule->hashed)
		return;
	if (what->list == NULL)
	{
		write_values(user, what, rule, ecapi_value_get(user->data, what->member), user->country);
		return;
	}
	list = ecapi_value_get(user->data, what->list);
	if (list == NULL)
		return;
	if (list->type != ECAPI_ARRAY)
		write_of_object(user, what, rule, list);
	else
		for (const EcapiValue *object = list->first; object; object = object->next)
			write_of_object(user, what, rule, object);
}

/* All of them; neighbours of one name share an array. */
static void
write_all_hashed(User *user)
{
	size_t		i = 0;

	while (i < N_HASHED)
	{
		const char *name = hashed[i].name;
		EcapiOpen	open = ecapi_write_open(user->writer, name, '[');

		user->first = user->writer->body->len;
		for (; i < N_HASHED && strcmp(hashed[i].name, name) == 0; i++)
			write_field(user, &hashed[i]);
		(void) ecapi_write_close(user->writer, open, ']', false);
	}
}

/*
 * ---- clear ----
 */

/* A text of letters, digits, "-", "_" and "." that is not too long. */
static bool
is_id(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (!ecapi_is_digit(text[i]) && !ecapi_is_letter(text[i]) && strchr("-_.", text[i]) == NULL)
			return false;
	}
	return len > 0 && len <= MAX_OWN_ID;
}

/* "fb.1.1795777200000.AbC": version, subdomain index, milliseconds, and what is behind. */
static bool
is_cookie(const char *text, size_t len)
{
	const char *at = text;

	if (len < 3 || strncmp(text, "fb.", 3) != 0 || !is_id(text, len))
		return false;
	at += 3;
	for (int i = 0; i < 2; i++)
	{
		const char *point = strchr(at, '.');

		if (point == NULL || point == at || !ecapi_all_digits(at, (size_t) (point - at)))
			return false;
		at = point + 1;
	}
	return *at != '\0';
}

/* A member that is a text which passes is; else NULL. */
static const EcapiValue *
text_that(const EcapiValue *data, const char *name, bool (*is) (const char *text, size_t len))
{
	const EcapiValue *value = ecapi_meta_text(data, name);

	return value && is(value->text, value->len) ? value : NULL;
}

static void
write_clear(User *user, const char *name, const EcapiValue *value, unsigned has)
{
	if (value == NULL)
		return;
	ecapi_write_text_len(user->writer, name, value->text, value->len);
	user->has |= has;
}

/* The id of a click at Meta without what a cookie has before it; NULL: none is known. */
static const EcapiValue *
click_of(const User *user, const EcapiValue *clicks)
{
	const EcapiValue *click = ecapi_meta_text(clicks, "fbclid");

	if (click != NULL)
		return click;
	click = ecapi_meta_text(user->data, "click_id");
	if (click == NULL || clicks == NULL)
		return click;
	/* the standard has one id for all platforms: this may be another's */
	for (const EcapiValue *other = clicks->first; other; other = other->next)
	{
		if (other->type == ECAPI_STRING && strcmp(other->text, click->text) == 0)
			return strcmp(other->key, "fbc") == 0 ? click : NULL;
	}
	return click;
}

/*
 * The cookie as the browser had it; else the bare id of the click as the cookie would
 * have it.  The time of the click is not known then, and that of the event stands for it:
 * it is not before it.  Letter case stays: Meta compares it.
 */
static void
write_click(User *user, const EcapiValue *clicks, int64_t time)
{
	const EcapiValue *cookie = text_that(clicks, "fbc", is_cookie);
	const EcapiValue *click = click_of(user, clicks);
	char		made[MAX_OWN_ID + 48];

	if (cookie == NULL && click != NULL && is_cookie(click->text, click->len))
		cookie = click;
	write_clear(user, "fbc", cookie, HAS_STRONG);
	if (cookie != NULL || click == NULL || !is_id(click->text, click->len))
		return;
	snprintf(made, sizeof(made), "fb.1.%lld000.%s", (long long) time, click->text);
	ecapi_write_text(user->writer, "fbc", made);
	user->has |= HAS_STRONG;
}

/* Ids that Meta gave, in user_data.ext under its own names. */
static void
write_own_ids(User *user, const EcapiValue *ext)
{
	for (size_t i = 0; i < sizeof(own_ids) / sizeof(own_ids[0]); i++)
	{
		const EcapiValue *value = ext ? ecapi_value_get(ext, own_ids[i].name) : NULL;

		if (value == NULL || (value->type != ECAPI_STRING && value->type != ECAPI_NUMBER) ||
			!is_id(value->text, value->len))
			continue;
		if (!own_ids[i].number)
			ecapi_write_text_len(user->writer, own_ids[i].name, value->text, value->len);
		else if (ecapi_all_digits(value->text, value->len) && value->len <= 19 &&
				 value->text[0] != '0')
		{
			ecapi_write_name(user->writer, own_ids[i].name);
			ecapi_buffer_add(user->writer->body, value->text, value->len);
		}
		else
			continue;
		user->has |= HAS_STRONG;
	}
}

/*
 * ---- user_data ----
 */

static const char *
find_unfit_user(unsigned has)
{
	if (has == 0)
		return "no identifier";
	for (size_t i = 0; i < sizeof(broad) / sizeof(broad[0]); i++)
	{
		if ((has & ~broad[i]) == 0)
			return "identifiers too broad";
	}
	return NULL;
}

const char *
ecapi_meta_write_user(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *event,
					  int64_t time, bool website)
{
	const EcapiValue *data = ecapi_meta_object(event, "user_data");
	const EcapiValue *ext = ecapi_meta_object(data, "ext");
	const EcapiValue *clicks = ecapi_meta_object(ext, "click_ids");
	const EcapiValue *address = text_that(data, "event_ip_address", ecapi_scan_ip);
	const EcapiValue *agent = ecapi_meta_text(data, "event_user_agent");
	User		user = {shape, writer, data, NULL, 0, 0};
	EcapiOpen	open;

	if (data == NULL)
		return "no identifier";
	if (address == NULL)
		address = text_that(data, "landing_ip_address", ecapi_scan_ip);
	if (agent == NULL)
		agent = ecapi_meta_text(data, "landing_user_agent");
	if (website && agent == NULL)
		return "client_user_agent missing";
	user.country = ecapi_country_of_user(data, shape->default_country);
	open = ecapi_write_open(writer, "user_data", '{');
	write_all_hashed(&user);
	write_clear(&user, "client_ip_address", address, HAS_STRONG);
	write_clear(&user, "client_user_agent", agent, HAS_AGENT);
	write_click(&user, clicks, time);
	write_clear(&user, "fbp", text_that(clicks, "fbp", is_cookie), HAS_STRONG);
	write_clear(&user, "madid", text_that(data, "ifa", is_id), HAS_STRONG);
	write_own_ids(&user, ext);
	(void) ecapi_write_close(writer, open, '}', true);
	return find_unfit_user(user.has);
}
