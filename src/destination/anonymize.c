/*
 * anonymize.c
 *	  Coarser values in place of exact ones, by named rules.
 *
 * Each rule concerns fields of one kind, wherever the standard has them:
 *
 *	ip				user_data.event_ip_address, user_data.landing_ip_address
 *	timestamp		timestamp; that of ext.original: ecapi_reduce_original()
 *	user_agent		user_data.event_user_agent, user_data.landing_user_agent
 *	postal_code		user_data.address.postal_code
 *
 * Invariants
 *	(1) Under a rule the exact value of none of its fields leaves: what the rule
 *		does not understand is left out, not passed on.
 *	(2) What is given is not changed, and what did not change is shared.
 *
 * No locks, no state; no locale.
 */
#include "destination/anonymize.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "destination/country.h"
#include "destination/map.h"
#include "event/ascii.h"
#include "event/digest.h"
#include "event/fields.h"
#include "event/scan.h"

#define HOUR	3600

/* Characters of a postal code that are kept. */
#define POSTAL_PREFIX	3

static const char *const rule_names[] = {
	"ip", "timestamp", "user_agent", "postal_code", NULL
};

/* Rule i is bit i. */
uint32_t
ecapi_anonymize_rule(const char *name, size_t len)
{
	int			i;

	for (i = 0; rule_names[i]; i++)
	{
		if (strlen(rule_names[i]) == len && memcmp(rule_names[i], name, len) == 0)
			return UINT32_C(1) << i;
	}
	return 0;
}

const char *
ecapi_anonymize_nth(int i, void *arg)
{
	(void) arg;
	return rule_names[i];
}

/* ---- the rules ---- */

bool
ecapi_coarse_ip(const char *text, size_t len, char *out)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	char		copy[INET6_ADDRSTRLEN];
	unsigned char address[16];

	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, address) == 1)
	{
		address[3] = 0;
		return inet_ntop(AF_INET, address, out, ECAPI_COARSE_SIZE) != NULL;
	}
	if (inet_pton(AF_INET6, copy, address) != 1)
		return false;
	if (memcmp(address, mapped, sizeof(mapped)) == 0)
		address[15] = 0;
	else
	{
		/* 6to4 (RFC 3056): an IPv4 address fills the rest of the 48 bits */
		if (address[0] == 0x20 && address[1] == 0x02)
			address[5] = 0;
		memset(address + 6, 0, sizeof(address) - 6);
	}
	return inet_ntop(AF_INET6, address, out, ECAPI_COARSE_SIZE) != NULL;
}

/* text (len bytes) from the first place on where part stands, or NULL */
static const char *
find_part(const char *text, size_t len, const char *part)
{
	const char *end = text + len;
	size_t		n = strlen(part);

	while ((size_t) (end - text) >= n &&
		   (text = memchr(text, part[0], (size_t) (end - text) - n + 1)) != NULL)
	{
		if (memcmp(text, part, n) == 0)
			return text;
		text++;
	}
	return NULL;
}

bool
ecapi_coarse_user_agent(const char *text, size_t len, char *out)
{
	/*
	 * Most browsers also claim to be those that came before them, so the
	 * newest names are looked for first.  with: what must stand there, too.
	 */
	static const struct
	{
		const char *mark;
		const char *with;
		const char *family;
	}			families[] = {
		{"Edg/", NULL, "Edge"},
		{"EdgA/", NULL, "Edge"},
		{"EdgiOS/", NULL, "Edge"},
		{"Edge/", NULL, "Edge"},
		{"OPR/", NULL, "Opera"},
		{"SamsungBrowser/", NULL, "SamsungBrowser"},
		{"YaBrowser/", NULL, "YaBrowser"},
		{"UCBrowser/", NULL, "UCBrowser"},
		{"FxiOS/", NULL, "Firefox"},
		{"Firefox/", NULL, "Firefox"},
		{"CriOS/", NULL, "Chrome"},
		{"Chrome/", NULL, "Chrome"},
		{"Version/", "Safari/", "Safari"},
		{"MSIE ", NULL, "IE"},
		{"rv:", "Trident/", "IE"}
	};
	size_t		i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
	{
		const char *at = find_part(text, len, families[i].mark);
		size_t		digits = 0;

		if (at == NULL ||
			(families[i].with && find_part(text, len, families[i].with) == NULL))
			continue;
		at += strlen(families[i].mark);
		while (at + digits < text + len && ecapi_is_digit(at[digits]))
			digits++;
		/* a version of more digits says more than a version */
		if (digits < 1 || digits > 4)
			return false;
		snprintf(out, ECAPI_COARSE_SIZE, "%s/%.*s", families[i].family, (int) digits, at);
		return true;
	}
	return false;
}

bool
ecapi_coarse_postal_code(const char *text, size_t len, const char *country, char *out)
{
	char		memory[ECAPI_NORMALIZED_MAX];
	EcapiBuffer normal;
	size_t		i;
	int			characters = 0;

	ecapi_buffer_over(&normal, memory, sizeof(memory));
	if (ecapi_normalize(ECAPI_RULE_POSTAL, text, len, country, &normal) != ECAPI_NORMALIZED)
		return false;
	for (i = 0; i < normal.len; i++)
	{
		/* at the first byte of a character of UTF-8 */
		if ((normal.data[i] & 0xC0) != 0x80 && characters++ == POSTAL_PREFIX)
			return ecapi_sha256(normal.data, i, out);
	}
	return false;
}

/* ---- the fields ---- */

typedef struct Anonymizer
{
	EcapiArena *arena;
	uint32_t	rules;
	const char *country;		/* of the address that is looked at, or NULL */
} Anonymizer;

static bool
is_named(const EcapiValue *child, const char *name)
{
	return strcmp(child->key, name) == 0;
}

static const EcapiValue *
coarse_text(Anonymizer *anonymizer, const EcapiValue *value,
			bool (*rule) (const char *text, size_t len, char *out))
{
	char		out[ECAPI_COARSE_SIZE];

	if (value->type != ECAPI_STRING || !rule(value->text, value->len, out))
		return NULL;
	return ecapi_value_text(anonymizer->arena, ECAPI_STRING, out, strlen(out));
}

static const EcapiValue *
coarse_timestamp(Anonymizer *anonymizer, const EcapiValue *value)
{
	EcapiNumber number;
	char		out[32];
	int64_t		hour;

	if (value->type != ECAPI_NUMBER ||
		!ecapi_scan_number(value->text, value->len, &number) || !number.integral)
		return NULL;
	hour = number.whole % HOUR;
	if (hour < 0)
		hour += HOUR;
	/* the earliest hour of int64 is a second that no clock shows */
	if (number.whole < INT64_MIN + HOUR)
		return NULL;
	snprintf(out, sizeof(out), "%lld", (long long) (number.whole - hour));
	return ecapi_value_text(anonymizer->arena, ECAPI_NUMBER, out, strlen(out));
}

static const EcapiValue *
address_member(void *arg, const EcapiValue *child)
{
	Anonymizer *anonymizer = arg;
	char		out[ECAPI_COARSE_SIZE];

	if (!is_named(child, "postal_code"))
		return child;
	if ((child->type != ECAPI_STRING && child->type != ECAPI_NUMBER) ||
		!ecapi_coarse_postal_code(child->text, child->len, anonymizer->country, out))
		return NULL;
	return ecapi_value_text(anonymizer->arena, ECAPI_STRING, out, strlen(out));
}

/* One address, or an array of them. */
static const EcapiValue *
addresses(void *arg, const EcapiValue *value)
{
	Anonymizer *anonymizer = arg;

	if (value->type == ECAPI_ARRAY)
		return ecapi_value_map(anonymizer->arena, value, addresses, anonymizer);
	if (value->type != ECAPI_OBJECT)
		return value;
	anonymizer->country = ecapi_country_of_address(value);
	return ecapi_value_map(anonymizer->arena, value, address_member, anonymizer);
}

static const EcapiValue *
user_member(void *arg, const EcapiValue *child)
{
	Anonymizer *anonymizer = arg;

	if ((anonymizer->rules & ECAPI_ANONYMIZE_IP) &&
		(is_named(child, "event_ip_address") || is_named(child, "landing_ip_address")))
		return coarse_text(anonymizer, child, ecapi_coarse_ip);
	if ((anonymizer->rules & ECAPI_ANONYMIZE_USER_AGENT) &&
		(is_named(child, "event_user_agent") || is_named(child, "landing_user_agent")))
		return coarse_text(anonymizer, child, ecapi_coarse_user_agent);
	if ((anonymizer->rules & ECAPI_ANONYMIZE_POSTAL_CODE) && is_named(child, "address"))
		return addresses(anonymizer, child);
	return child;
}

static const EcapiValue *
user_data(void *arg, const EcapiValue *value)
{
	Anonymizer *anonymizer = arg;

	if (value->type == ECAPI_ARRAY)
		return ecapi_value_map(anonymizer->arena, value, user_data, anonymizer);
	return ecapi_value_map(anonymizer->arena, value, user_member, anonymizer);
}

static const EcapiValue *
event_member(void *arg, const EcapiValue *child)
{
	Anonymizer *anonymizer = arg;

	if ((anonymizer->rules & ECAPI_ANONYMIZE_TIMESTAMP) && is_named(child, "timestamp"))
		return coarse_timestamp(anonymizer, child);
	if ((anonymizer->rules & ~ECAPI_ANONYMIZE_TIMESTAMP) && is_named(child, "user_data"))
		return user_data(anonymizer, child);
	return child;
}

const EcapiValue *
ecapi_anonymize(uint32_t rules, EcapiArena *arena, const EcapiValue *event)
{
	Anonymizer	anonymizer = {arena, rules, NULL};

	return ecapi_value_map(arena, event, event_member, &anonymizer);
}
