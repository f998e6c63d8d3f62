/*
 * tiktok_user.c
 *	  user of one event in the shape of TikTok's Events API: who it was.
 *
 * Names and what is hashed: the portal's pages on parameters of users, as
 * social-hub and Segment 3.497.0 have them; the forms are identity.def's.
 *
 * Which identifiers are the least that TikTok takes is said nowhere.  An event needs one
 * that tells persons apart, or an address together with a browser, by which TikTok matches,
 * too.
 *
 * Invariants
 *	(1) What the standard hashes leaves as 64 hex digits or not at all.
 *	(2) The id of a device leaves as a digest, unless the owner says otherwise.
 *
 * No I/O, no SQL, no state; nothing of the server is called.
 */
#include "postgres.h"

#include "destination/match_keys.h"
#include "destination/options.h"
#include "destination/tiktok.h"
#include "event/digest.h"

#define HAS_PERSON		(1 << 0)
#define HAS_ADDRESS		(1 << 1)	/* ip */
#define HAS_AGENT		(1 << 2)	/* user_agent */

static const EcapiMatchKey many[] = {
	{"email", "user_data.email_address", HAS_PERSON},
	{"phone", "user_data.phone_numbers", HAS_PERSON}
};

/* Both into one array. */
static const EcapiMatchKey external[] = {
	{"external_id", "user_data.customer_identifier", HAS_PERSON},
	{"external_id", "user_data.uids.id", HAS_PERSON}
};

/* TikTok takes one value of each. */
static const EcapiMatchKey single[] = {
	{"first_name", "user_data.address.first_name", 0},
	{"last_name", "user_data.address.last_name", 0},
	{"city", "user_data.address.city", 0},
	{"state", "user_data.address.state", 0},
	{"country", "user_data.address.country_code", 0},
	{"zip_code", "user_data.address.postal_code", 0}
};

static void
write_external(EcapiMatchKeys *keys, const char *letter_case)
{
	const char *own = keys->rules;

	if (strcmp(letter_case, "lower") == 0)
		keys->rules = "ecapi";
	ecapi_match_write(keys, external, lengthof(external), true);
	keys->rules = own;
}

/* Under the name that TikTok has for ids of the app's system. */
static void
write_device(EcapiMatchKeys *keys, char *const *own)
{
	const EcapiValue *ifa = ecapi_match_ifa(keys);
	const char *name;
	char		lower[ECAPI_MATCH_ID_MAX + 1];
	char		hex[ECAPI_HEX_SIZE];

	if (ifa == NULL || own[ECAPI_TIKTOK_APP_OS] == NULL)
		return;
	name = strcmp(own[ECAPI_TIKTOK_APP_OS], "ios") == 0 ? "idfa" : "gaid";
	if (strcmp(own[ECAPI_TIKTOK_DEVICE_IDS], "clear") == 0)
	{
		ecapi_match_own_id(keys, name, ifa, HAS_PERSON);
		return;
	}
	if (ecapi_sha256(ecapi_match_lower(ifa, lower), ifa->len, hex))
		ecapi_write_text(keys->writer, name, hex);
	else
		ecapi_buffer_fail(keys->writer->body);
	ecapi_match_known(keys);
	keys->has |= HAS_PERSON;
}

bool
ecapi_tiktok_write_user(EcapiShape *shape, EcapiWriter *writer, const EcapiValue *user_data)
{
	char	   *const *own = shape->options->own;
	EcapiMatchKeys keys;
	EcapiOpen	open = ecapi_write_open(writer, "user", '{');

	ecapi_match_begin(&keys, shape, writer, user_data);
	ecapi_match_write(&keys, many, lengthof(many), true);
	write_external(&keys, own[ECAPI_TIKTOK_EXTERNAL_ID_CASE]);
	ecapi_match_write(&keys, single, lengthof(single), false);
	ecapi_match_clear(&keys, "ip", ecapi_match_ip(&keys), HAS_ADDRESS);
	ecapi_match_clear(&keys, "user_agent", ecapi_match_agent(&keys), HAS_AGENT);
	ecapi_match_own_id(&keys, "ttclid", ecapi_match_id(ecapi_match_click(&keys, "ttclid")), HAS_PERSON);
	ecapi_match_own_id(&keys, "ttp", ecapi_match_id(ecapi_match_cookie(&keys, "ttp")), HAS_PERSON);
	write_device(&keys, own);
	(void) ecapi_write_close(writer, open, '}', false);
	return (keys.has & HAS_PERSON) != 0 ||
		(keys.has & (HAS_ADDRESS | HAS_AGENT)) == (HAS_ADDRESS | HAS_AGENT);
}
