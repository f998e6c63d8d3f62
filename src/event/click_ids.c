/*
 * click_ids.c
 *	  The members of user_data.ext.click_ids, by the table click_ids.def.
 *
 * A cookie often wraps the id that an address had, so one and the same click is known by
 * two texts.  How it does is a pattern, in which
 *
 *	  #		is digits, one at least
 *	  *		is the rest: the id.  Digits alone are none: Meta's fbp is written like its
 *			fbc, but ends with a number
 *	  U		is the rest, a UUID: the id
 *	  N		is the rest, two numbers with a full stop between: the id
 *
 * and any other character is itself.
 *
 * No I/O, no state, no memory.
 */
#include "event/click_ids.h"

#include <string.h>
#include <strings.h>

#include "event/ascii.h"
#include "event/scan.h"

#define NAMES(...) ((const char *const[]) {__VA_ARGS__, NULL})

static const EcapiClickId ids[] = {
#define ECAPI_CLICK_ID(key, platform, parameter, cookie, kind, wrapped, ...) \
	{#key, ECAPI_CLICK_IDS_PATH #key, platform, parameter, cookie, ECAPI_CLICK_ID_##kind, \
	wrapped, NAMES(__VA_ARGS__)},
#include "event/click_ids.def"
#undef ECAPI_CLICK_ID
};

#define NIDS	((int) (sizeof(ids) / sizeof(ids[0])))

const EcapiClickId *
ecapi_click_id_nth(int i)
{
	return i >= 0 && i < NIDS ? &ids[i] : NULL;
}

const EcapiClickId *
ecapi_click_id_lookup(const char *key)
{
	for (int i = 0; i < NIDS; i++)
		if (strcmp(ids[i].key, key) == 0)
			return &ids[i];
	return NULL;
}

bool
ecapi_click_id_identifies(const char *key)
{
	const EcapiClickId *id = ecapi_click_id_lookup(key);

	return id == NULL || id->kind != ECAPI_CLICK_ID_SESSION;
}

/* ---- by other names ---- */

static bool
is_name(const char *a, const char *name, size_t len)
{
	return len > 0 && strlen(a) == len && strncasecmp(a, name, len) == 0;
}

const EcapiClickId *
ecapi_click_id_named(const char *name, size_t len)
{
	for (int i = 0; i < NIDS; i++)
	{
		if (is_name(ids[i].key, name, len) || is_name(ids[i].parameter, name, len) ||
			is_name(ids[i].cookie, name, len))
			return &ids[i];
		for (const char *const *other = ids[i].names; *other; other++)
			if (is_name(*other, name, len))
				return &ids[i];
	}
	return NULL;
}

/* ---- wrapped ---- */

static size_t
digits_at(const char *text, size_t len)
{
	size_t		n = 0;

	while (n < len && ecapi_is_digit(text[n]))
		n++;
	return n;
}

static bool
is_two_numbers(const char *text, size_t len)
{
	size_t		first = digits_at(text, len);

	return first > 0 && first + 1 < len && text[first] == '.' &&
		ecapi_all_digits(text + first + 1, len - first - 1);
}

/* Whether the rest of a text is an id of the kind that ends a pattern. */
static bool
is_rest(char kind, const char *text, size_t len)
{
	switch (kind)
	{
		case '*':
			return len > 0 && !ecapi_all_digits(text, len);
		case 'U':
			return ecapi_scan_uuid(text, len);
		case 'N':
			return is_two_numbers(text, len);
		default:
			return false;
	}
}

static bool
unwrap(const char *pattern, const char *text, size_t len, size_t *start)
{
	size_t		at = 0;

	for (; *pattern != '\0' && pattern[1] != '\0'; pattern++)
	{
		size_t		n = *pattern == '#' ? digits_at(text + at, len - at) :
			at < len && text[at] == *pattern;

		if (n == 0)
			return false;
		at += n;
	}
	*start = at;
	return is_rest(*pattern, text + at, len - at);
}

bool
ecapi_click_id_unwrap(const char *text, size_t len, size_t *start)
{
	for (int i = 0; i < NIDS; i++)
		if (unwrap(ids[i].wrapped, text, len, start))
			return true;
	return false;
}
