/*
 * meta_user.c
 *	  user_data of one event in the shape of Meta's Conversions API: who it was.
 *
 * Sources: developers.facebook.com, Conversions API, Customer Information Parameters
 * (names; what is hashed and what is not), fbp and fbc Parameters (their form), Best
 * Practices, Baseline requirements for matching (what is too broad).
 *
 * Invariants
 *	(1) What the table "hashed" has leaves as 64 hex digits or not at all, by the rules that
 *		identity.def has for Meta.
 *	(2) Of ext leave click ids and the members of the table "own_ids", each only if it has
 *		the form of one, so that nothing else can be put in its place.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "destination/meta.h"

#include <stdio.h>
#include <string.h>

#include "destination/match_keys.h"
#include "destination/member.h"
#include "event/ascii.h"

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

/* The hashed ones. */
static const EcapiMatchKey hashed[] = {
	{"em", "user_data.email_address", HAS_STRONG},
	{"ph", "user_data.phone_numbers", HAS_STRONG},
	{"fn", "user_data.address.first_name", HAS_FIRST_NAME},
	{"ln", "user_data.address.last_name", HAS_LAST_NAME},
	{"ct", "user_data.address.city", HAS_PLACE},
	{"st", "user_data.address.state", HAS_PLACE},
	{"zp", "user_data.address.postal_code", HAS_PLACE},
	{"country", "user_data.address.country_code", HAS_PLACE},
	{"ge", "user_data.gender", HAS_GENDER},
	/* both into one array */
	{"external_id", "user_data.customer_identifier", HAS_STRONG},
	{"external_id", "user_data.uids.id", HAS_STRONG}
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

/* "fb.1.1795777200000.AbC": version, subdomain index, milliseconds, and what is behind. */
static bool
is_cookie(const char *text, size_t len)
{
	const char *at = text;

	if (len < 3 || strncmp(text, "fb.", 3) != 0 || !ecapi_match_is_id(text, len))
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

/* A cookie of Meta's, if it has the form of one; else NULL. */
static const EcapiValue *
cookie_of(const EcapiMatchKeys *keys, const char *name)
{
	const EcapiValue *cookie = ecapi_match_cookie(keys, name);

	return cookie && is_cookie(cookie->text, cookie->len) ? cookie : NULL;
}

/*
 * The cookie as the browser had it; else the bare id of the click as the cookie would
 * have it.  The time of the click is not known then, and that of the event stands for it:
 * it is not before it.  Letter case stays: Meta compares it.
 */
static void
write_click(EcapiMatchKeys *keys, int64_t time)
{
	const EcapiValue *cookie = cookie_of(keys, "fbc");
	const EcapiValue *click = ecapi_match_click(keys, "fbclid");
	char		made[ECAPI_MATCH_ID_MAX + 48];

	if (cookie == NULL && click != NULL && is_cookie(click->text, click->len))
		cookie = click;
	ecapi_match_own_id(keys, "fbc", cookie, HAS_STRONG);
	if (cookie != NULL || click == NULL || !ecapi_match_is_id(click->text, click->len))
		return;
	snprintf(made, sizeof(made), "fb.1.%lld000.%s", (long long) time, click->text);
	ecapi_write_text(keys->writer, "fbc", made);
	ecapi_match_known(keys);
	keys->has |= HAS_STRONG;
}

/* Ids that Meta gave, in user_data.ext under its own names. */
static void
write_own_ids(EcapiMatchKeys *keys)
{
	for (size_t i = 0; i < sizeof(own_ids) / sizeof(own_ids[0]); i++)
	{
		const EcapiValue *value = ecapi_member_scalar(keys->ext, own_ids[i].name);

		if (value == NULL || !ecapi_match_is_id(value->text, value->len))
			continue;
		if (!own_ids[i].number)
			ecapi_write_text_len(keys->writer, own_ids[i].name, value->text, value->len);
		else if (ecapi_all_digits(value->text, value->len) && value->len <= 19 &&
				 value->text[0] != '0')
		{
			ecapi_write_name(keys->writer, own_ids[i].name);
			ecapi_buffer_add(keys->writer->body, value->text, value->len);
		}
		else
			continue;
		ecapi_match_known(keys);
		keys->has |= HAS_STRONG;
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
ecapi_meta_write_user(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *user,
					  int64_t time, bool website)
{
	EcapiMatchKeys keys;
	EcapiOpen	open;

	ecapi_match_begin(&keys, shape, writer, user);
	if (user == NULL)
		return "no identifier";
	if (website && ecapi_match_agent(&keys) == NULL)
		return "client_user_agent missing";
	open = ecapi_write_open(writer, "user_data", '{');
	ecapi_match_write(&keys, hashed, sizeof(hashed) / sizeof(hashed[0]), true);
	ecapi_match_clear(&keys, "client_ip_address", ecapi_match_ip(&keys), HAS_STRONG);
	ecapi_match_clear(&keys, "client_user_agent", ecapi_match_agent(&keys), HAS_AGENT);
	write_click(&keys, time);
	ecapi_match_own_id(&keys, "fbp", cookie_of(&keys, "fbp"), HAS_STRONG);
	ecapi_match_own_id(&keys, "madid", ecapi_match_ifa(&keys), HAS_STRONG);
	write_own_ids(&keys);
	(void) ecapi_write_close(writer, open, '}', true);
	return find_unfit_user(keys.has);
}
