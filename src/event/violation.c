/*
 * violation.c
 *	  How validation reports what is wrong.
 *
 * The list is bounded, and errors matter more than fields left out: when it
 * is full an error takes the place of the last field left out.  The first
 * error stays the first, as messages name it.
 *
 * Paths are put together only here, so a valid event pays nothing for them.
 */
#include "event/violation.h"

#include <string.h>

#include "event/ascii.h"
#include "event/buffer.h"

#define MAX_PATH	256
#define MAX_QUOTE	64

static const struct
{
	const char *name;
	const char *sqlstate;
}			codes[] =
{
	[ECAPI_VIOLATION_EVENT_TYPE] = {"unknown_event_type", "22023"},
	[ECAPI_VIOLATION_UNKNOWN] = {"unknown_field", "22023"},
	[ECAPI_VIOLATION_MISSING] = {"missing_field", "22004"},
	[ECAPI_VIOLATION_TYPE] = {"wrong_type", "22023"},
	[ECAPI_VIOLATION_VALUE] = {"invalid_value", "22023"},
	[ECAPI_VIOLATION_NUMBER] = {"number_out_of_range", "22003"},
	[ECAPI_VIOLATION_TIME] = {"invalid_timestamp", "22008"},
	[ECAPI_VIOLATION_ID] = {"invalid_id", "22023"},
	[ECAPI_VIOLATION_DEPTH] = {"too_deep", "54001"},
	[ECAPI_VIOLATION_SIZE] = {"too_large", "54000"},
	[ECAPI_VIOLATION_FORM] = {"no_certain_form", "22023"},
	[ECAPI_VIOLATION_COUNTRY] = {"country_unknown", "22023"},
	[ECAPI_VIOLATION_TEXT] = {"unreadable_text", "22P05"},
	[ECAPI_VIOLATION_SOURCE] = {"wrong_source", "22023"},
	[ECAPI_VIOLATION_IDENTIFIER] = {"holds_identifier", "22023"},
	[ECAPI_VIOLATION_DIGEST] = {"unusable_digest", "22023"},
};

const char *
ecapi_violation_sqlstate(EcapiViolationCode code)
{
	return codes[code].sqlstate;
}

const char *
ecapi_violation_name(EcapiViolationCode code)
{
	return codes[code].name;
}

/*
 * Add a name from outside: at most MAX_QUOTE bytes, not cut inside a
 * character, control characters as "?".
 */
static void
add_printable(EcapiBuffer *buffer, const char *text, size_t len)
{
	size_t		shown = len;

	if (shown > MAX_QUOTE)
	{
		shown = MAX_QUOTE;
		while (shown > 0 && ((unsigned char) text[shown] & 0xC0) == 0x80)
			shown--;
	}
	for (size_t i = 0; i < shown; i++)
	{
		unsigned char c = (unsigned char) text[i];

		ecapi_buffer_char(buffer, c < ' ' || c == 0x7F ? '?' : text[i]);
	}
	if (shown < len)
		ecapi_buffer_str(buffer, "...");
}

static void
add_index(EcapiBuffer *buffer, int index)
{
	char		digits[12];
	int			at = sizeof(digits);

	do
		digits[--at] = (char) ('0' + index % 10);
	while ((index /= 10) > 0);
	ecapi_buffer_char(buffer, '[');
	ecapi_buffer_add(buffer, digits + at, sizeof(digits) - (size_t) at);
	ecapi_buffer_char(buffer, ']');
}

/*
 * Whether a member's name may be shown.  A path says where something stands, never
 * whose it is; but an object may have email addresses or numbers as keys.  So
 * only what could be the name of a field is shown: a word of ASCII letters,
 * digits, "_" and "-", without a long run of digits; and the "*" of a mapping.
 */
static bool
is_name(const char *name, size_t len)
{
	size_t		digits = 0;

	if (len == 1 && name[0] == '*')
		return true;
	if (len == 0 || len > MAX_QUOTE || ecapi_is_digit(name[0]))
		return false;
	for (size_t i = 0; i < len; i++)
	{
		char		c = name[i];
		bool		digit = ecapi_is_digit(c);

		if (!digit && c != '_' && c != '-' && !ecapi_is_letter(c))
			return false;
		digits = digit ? digits + 1 : 0;
		if (digits > 4)
			return false;
	}
	return true;
}

/* Depth of places is bounded by ECAPI_MAX_DEPTH. */
static void
add_path(EcapiBuffer *buffer, const EcapiFieldPlace *place)
{
	if (place == NULL)
		return;
	add_path(buffer, place->up);
	if (place->name == NULL)
		add_index(buffer, place->index);
	else
	{
		if (buffer->len > 0)
			ecapi_buffer_char(buffer, '.');
		if (is_name(place->name, place->len))
			add_printable(buffer, place->name, place->len);
		else
			ecapi_buffer_char(buffer, '?');
	}
}

/*
 * What was written, as a text.  A buffer that filled up may end inside a
 * character: then its last one is left out, for what is reported must be UTF-8.
 */
static const char *
in_arena(EcapiArena *arena, const EcapiBuffer *buffer)
{
	size_t		len = buffer->len;
	const char *copy;

	if (buffer->full)
	{
		while (len > 0 && ((unsigned char) buffer->data[len - 1] & 0xC0) == 0x80)
			len--;
		if (len > 0 && (unsigned char) buffer->data[len - 1] >= 0xC0)
			len--;
	}
	copy = ecapi_arena_copy(arena, buffer->data, len);

	return copy ? copy : "";
}

const char *
ecapi_violation_path(EcapiArena *arena, const EcapiFieldPlace *place)
{
	char		memory[MAX_PATH];
	EcapiBuffer path;

	ecapi_buffer_over(&path, memory, sizeof(memory));
	add_path(&path, place);
	return in_arena(arena, &path);
}

const char *
ecapi_violation_quote(EcapiArena *arena, const char *before,
					  const char *text, size_t len, const char *after)
{
	char		memory[MAX_PATH];
	EcapiBuffer buffer;

	ecapi_buffer_over(&buffer, memory, sizeof(memory));
	ecapi_buffer_str(&buffer, before);
	ecapi_buffer_char(&buffer, '"');
	add_printable(&buffer, text, len);
	ecapi_buffer_char(&buffer, '"');
	ecapi_buffer_str(&buffer, after);
	return in_arena(arena, &buffer);
}

/* Where the next violation is kept, or NULL. */
static EcapiViolation *
next_slot(EcapiViolations *violations, bool error)
{
	if (violations->n < ECAPI_MAX_VIOLATIONS)
		return &violations->list[violations->n++];
	if (error)
	{
		for (int i = violations->n - 1; i >= 0; i--)
		{
			if (!violations->list[i].error)
				return &violations->list[i];
		}
	}
	return NULL;
}

void
ecapi_violations_init(EcapiViolations *violations,
					  void (*each) (void *arg, const EcapiViolation *violation),
					  void *arg)
{
	violations->errors = 0;
	violations->left_out = 0;
	violations->n = 0;
	violations->each = each;
	violations->arg = arg;
}

void
ecapi_violation_add(EcapiViolations *violations, EcapiArena *arena,
					const EcapiFieldPlace *place, const EcapiField *field,
					EcapiViolationCode code, bool error,
					const char *message, const char *hint)
{
	EcapiViolation violation = {code, error, field, "", message, hint};
	EcapiViolation *slot;

	if (error)
		violations->errors++;
	else
		violations->left_out++;
	slot = next_slot(violations, error);
	if (slot == NULL && violations->each == NULL)
		return;

	violation.path = ecapi_violation_path(arena, place);
	if (slot)
		*slot = violation;
	if (violations->each)
		violations->each(violations->arg, &violation);
}
