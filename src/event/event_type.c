/*
 * event_type.c
 *	  The event types of the standard, and the one that somebody probably meant.
 *
 * A type is found by a hash table, filled on first use, as a field is (fields.c).
 *
 * Users who come from another platform know other names, and the name that is
 * closest by its letters may be another thing: "unsubscribe" is two letters off
 * "subscribe", "logout" two off "login".  So three rules, in this order:
 *
 * (1) A synonym (event_types.def) names its type.  Letter case and separators are
 *	  no difference, which also joins "CompleteRegistration" and
 *	  "complete_registration".
 * (2) A word that takes back what a type says has no type, and gets no hint: some
 *	  are listed here, and any that is a type or synonym behind one of the prefixes.
 * (3) Else the closest name, by closest.c.
 *
 * Pure C: no server header, no allocation.  The first use is not guarded against
 * threads: the server has none.
 */
#include "event/event_type.h"

#include <string.h>

#include "event/ascii.h"
#include "event/closest.h"
#include "event/name_hash.h"

static const struct
{
	const char *name;
	size_t		len;
	bool		standard;
	bool		refundable;
	const char *meaning;
	const char *synonyms;
}			event_types[] =
{
#define TIER_standard true
#define TIER_additional false
#define ECAPI_EVENT_TYPE(name, tier, refundable, meaning, synonyms) \
	{#name, sizeof(#name) - 1, TIER_##tier, refundable, meaning, synonyms},
#include "event/event_types.def"
#undef ECAPI_EVENT_TYPE
};

_Static_assert(sizeof(event_types) / sizeof(event_types[0]) == ECAPI_EVENT_TYPES,
			   "ECAPI_EVENT_TYPES does not count the lines of event_types.def");

#define TYPE_SLOTS 256

static uint8_t type_slots[TYPE_SLOTS];	/* as field_slots of fields.c */
static bool built = false;

static void
build(void)
{
	for (int i = 0; i < ECAPI_EVENT_TYPES; i++)
	{
		uint32_t	slot = ecapi_name_hash(0, event_types[i].name, event_types[i].len);

		while (type_slots[slot % TYPE_SLOTS] != 0)
			slot++;
		type_slots[slot % TYPE_SLOTS] = (uint8_t) (i + 1);
	}
	built = true;
}

int
ecapi_event_type_lookup(const char *name, size_t len)
{
	uint32_t	slot;
	uint8_t		row;

	if (!built)
		build();
	slot = ecapi_name_hash(0, name, len);
	while ((row = type_slots[slot++ % TYPE_SLOTS]) != 0)
	{
		if (event_types[row - 1].len == len &&
			memcmp(event_types[row - 1].name, name, len) == 0)
			return row - 1;
	}
	return ECAPI_EVENT_UNKNOWN;
}

const char *
ecapi_event_type_name(int i)
{
	return i < 0 || i >= ECAPI_EVENT_TYPES ? NULL : event_types[i].name;
}

bool
ecapi_event_type_standard(int i)
{
	return i >= 0 && i < ECAPI_EVENT_TYPES && event_types[i].standard;
}

bool
ecapi_event_type_refundable(int i)
{
	return i >= 0 && i < ECAPI_EVENT_TYPES && event_types[i].refundable;
}

const char *
ecapi_event_type_meaning(int i)
{
	return i < 0 || i >= ECAPI_EVENT_TYPES ? NULL : event_types[i].meaning;
}

const char *
ecapi_event_type_synonyms(int i)
{
	return i < 0 || i >= ECAPI_EVENT_TYPES ? NULL : event_types[i].synonyms;
}

/* ---- what was meant ---- */

#define MAX_WORD	64

/* They take back what a type says, and look like it. */
static const char *const opposites =
	"logout signout signoff unregister deregister churn pageleave pageexit "
	"unfavorite leavegroup trialended endtrial uninstalled appuninstall";

static const char *const negations[] = {
	"un", "de", "dis", "non", "no", "not", "end", "stop", "cancel", "cancelled", "canceled",
	"failed", "undo"
};

/* Letters and digits only, in lower case; returns how many, 0: too long. */
static size_t
fold(char *to, const char *from, size_t len)
{
	size_t		n = 0;

	for (size_t i = 0; i < len; i++)
	{
		char		c = ecapi_lower(from[i]);

		if (!ecapi_is_letter(c) && !ecapi_is_digit(c))
			continue;
		if (n == MAX_WORD)
			return 0;
		to[n++] = c;
	}
	return n;
}

/* Whether a folded word is one of a list with blanks between. */
static bool
is_listed(const char *list, const char *word, size_t len)
{
	char		entry[MAX_WORD];

	while (*list)
	{
		size_t		end = strcspn(list, " ");

		if (fold(entry, list, end) == len && memcmp(entry, word, len) == 0)
			return true;
		list += end;
		list += strspn(list, " ");
	}
	return false;
}

/* The type that a folded word names, by its own name or a synonym; or -1. */
static int
named(const char *word, size_t len)
{
	const char *name;

	for (int i = 0; len > 0 && (name = ecapi_event_type_name(i)) != NULL; i++)
		if (is_listed(name, word, len) ||
			is_listed(ecapi_event_type_synonyms(i), word, len))
			return i;
	return -1;
}

static bool
is_opposite(const char *word, size_t len)
{
	if (is_listed(opposites, word, len))
		return true;
	for (size_t i = 0; i < sizeof(negations) / sizeof(negations[0]); i++)
	{
		size_t		n = strlen(negations[i]);

		if (len > n && memcmp(word, negations[i], n) == 0 &&
			named(word + n, len - n) >= 0)
			return true;
	}
	return false;
}

static const char *
name_nth(int i, void *arg)
{
	(void) arg;
	return ecapi_event_type_name(i);
}

const char *
ecapi_event_type_meant(const char *word, size_t len)
{
	char		folded[MAX_WORD];
	size_t		n = fold(folded, word, len);
	int			type = named(folded, n);

	if (type >= 0)
		return ecapi_event_type_name(type);
	if (n > 0 && is_opposite(folded, n))
		return NULL;
	return ecapi_closest(word, len, name_nth, NULL);
}
