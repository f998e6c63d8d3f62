/*
 * normalize_platform.c
 *	  The forms of identifiers that platforms want beside the standard's.
 *
 * Each is a rule of its own, named for what it does and not for who wants it, because
 * platforms share them; which platform wants which, and where that is written, is in
 * destination/identity.def.  Two platforms with one rule share a digest, too.
 *
 * As for the standard's rules, a text without a certain form is left out.  What is in
 * lower case is composed (form C).  "Punctuation" is that of ASCII in the compact form:
 * the code that runs in browsers removes no other, and its digest is to be met.
 *
 * All but one give the same when their result is normalized again: a given name
 * loses one title, "dr. dr. ann" two when it comes twice.
 */
#include "event/normalize_internal.h"

#include <string.h>

#include "event/ascii.h"
#include "event/codes.h"
#include "event/mailbox.h"

typedef EcapiSpan Span;

/* Memory for a text on its way. */
typedef struct Scratch
{
	EcapiBuffer text;
	char		memory[ECAPI_NORMALIZED_MAX];
} Scratch;

/* ---- steps ---- */

/* span in lower case, trimmed; false when there is none, for which out is told why. */
static bool
lower_of(Span span, bool ascii, Scratch *scratch, Span *lower, EcapiBuffer *out)
{
	ecapi_buffer_over(&scratch->text, scratch->memory, sizeof(scratch->memory));
	if (!ecapi_normalize_lower(&scratch->text, span, ascii))
	{
		if (scratch->text.failed)
			ecapi_buffer_fail(out);
		return false;
	}
	*lower = ecapi_unicode_trim((Span) {scratch->text.data, scratch->text.len});
	return true;
}

/*
 * Append a text of which something was taken out: what stood apart may have to be
 * composed now.  Lower case stays as it is.
 */
static EcapiNormalized
add_composed_lower(EcapiBuffer *out, Span lower, bool ascii)
{
	return lower.len <= ECAPI_UNICODE_MAX && ecapi_normalize_lower(out, lower, ascii) ?
		ECAPI_NORMALIZED : ECAPI_NORMALIZED_INVALID;
}

/* Append lower, which is in lower case, without what skipped() names. */
static EcapiNormalized
add_without(EcapiBuffer *out, Span lower, bool ascii, bool (*skipped) (int32_t c))
{
	char		kept[ECAPI_NORMALIZED_MAX];
	size_t		n = 0;
	Span		rest;

	for (size_t i = 0; i < lower.len;)
	{
		size_t		from = i;

		if (skipped(ecapi_unicode_next(lower, &i)))
			continue;
		memcpy(kept + n, lower.text + from, i - from);
		n += i - from;
	}
	rest = ecapi_unicode_trim((Span) {kept, n});
	if (rest.len == 0)
		return ECAPI_NORMALIZED_EMPTY;
	if (ascii || rest.len == lower.len)
	{
		ecapi_buffer_add(out, rest.text, rest.len);
		return ECAPI_NORMALIZED;
	}
	return add_composed_lower(out, rest, false);
}

/* Punctuation and symbols of ASCII, and white space. */
static bool
skipped_in_compact(int32_t c)
{
	if (c < 0x80)
		return c <= ' ' || c == 0x7F || !(ecapi_is_digit((char) c) || ecapi_is_letter((char) c));
	return ecapi_unicode_is_space(c);
}

static EcapiNormalized
add_compact(EcapiBuffer *out, Span span, bool ascii)
{
	Scratch		scratch;
	Span		lower;

	if (!lower_of(span, ascii, &scratch, &lower, out))
		return ECAPI_NORMALIZED_INVALID;
	return add_without(out, lower, ascii, skipped_in_compact);
}

static EcapiNormalized
add_span(EcapiBuffer *out, Span span)
{
	ecapi_buffer_add(out, span.text, span.len);
	return span.len > 0 ? ECAPI_NORMALIZED : ECAPI_NORMALIZED_INVALID;
}

/* ---- identifiers ---- */

static EcapiNormalized
compact_identifier(Span span, bool ascii, EcapiBuffer *out)
{
	Scratch		scratch;
	Span		lower;
	EcapiNormalized result;

	if (!lower_of(span, ascii, &scratch, &lower, out) || ecapi_normalize_is_none(lower))
		return ECAPI_NORMALIZED_INVALID;
	result = add_without(out, lower, ascii, ecapi_unicode_is_space);
	if (result == ECAPI_NORMALIZED && ecapi_normalize_is_none((Span) {out->data, out->len}))
		return ECAPI_NORMALIZED_INVALID;
	return result;
}

/* Whether an address loses the dots and the suffix of its mailbox, whose length is local. */
static bool
becomes_plain(EcapiRule rule, Span address, size_t *local)
{
	if (rule == ECAPI_RULE_EMAIL_GMAIL)
		return ecapi_mailbox_is_gmail(address, local);
	*local = (size_t) ((const char *) memchr(address.text, '@', address.len) - address.text);
	return rule == ECAPI_RULE_EMAIL_PLAIN;
}

/* Of a text that stands for "none" letter case says nothing. */
static EcapiNormalized
cased_identifier(Span span, bool ascii, EcapiBuffer *out)
{
	Scratch		scratch;
	Span		lower;

	if (!lower_of(span, ascii, &scratch, &lower, out) || ecapi_normalize_is_none(lower))
		return ECAPI_NORMALIZED_INVALID;
	return add_span(out, span);
}

/* What is no letter or digit of ASCII, nor one of ".-+@". */
static bool
skipped_in_letters(int32_t c)
{
	return c >= 0x80 || c == 0 ||
		!(ecapi_is_digit((char) c) || ecapi_is_letter((char) c) || strchr(".-+@", (char) c) != NULL);
}

/* An address without what is skipped, if that is one still. */
static EcapiNormalized
add_letters(EcapiBuffer *out, Span address, bool ascii)
{
	size_t		before = out->len;
	EcapiNormalized result = add_without(out, address, ascii, skipped_in_letters);

	if (result != ECAPI_NORMALIZED || out->full ||
		ecapi_mailbox_is_address((Span) {out->data + before, out->len - before}))
		return result;
	ecapi_buffer_truncate(out, before);
	return ECAPI_NORMALIZED_INVALID;
}

/* Without any white space; by the rule, some mailboxes without dots and suffix. */
static EcapiNormalized
normalize_email(EcapiRule rule, Span span, bool ascii, EcapiBuffer *out)
{
	Scratch		scratch;
	Scratch		whole;
	Span		address;
	size_t		local;
	EcapiNormalized result;

	if (!lower_of(span, ascii, &scratch, &address, out))
		return ECAPI_NORMALIZED_INVALID;
	ecapi_buffer_over(&whole.text, whole.memory, sizeof(whole.memory));
	result = add_without(&whole.text, address, ascii, ecapi_unicode_is_space);
	if (whole.text.failed)
		ecapi_buffer_fail(out);
	if (result != ECAPI_NORMALIZED)
		return result;
	address = (Span) {whole.text.data, whole.text.len};
	if (!ecapi_mailbox_is_address(address))
		return ECAPI_NORMALIZED_INVALID;
	if (rule == ECAPI_RULE_EMAIL_LETTERS)
		return add_letters(out, address, ascii);
	if (!becomes_plain(rule, address, &local))
		return add_span(out, address);
	ecapi_buffer_truncate(&scratch.text, 0);
	ecapi_mailbox_add_plain(&scratch.text, (Span) {address.text, local});
	if (scratch.text.len == 0)
		return ECAPI_NORMALIZED_INVALID;
	ecapi_buffer_add(&scratch.text, address.text + local, address.len - local);
	return add_composed_lower(out, (Span) {scratch.text.data, scratch.text.len}, ascii);
}

/* ---- names ---- */

static bool
ends_with(Span span, const char *end)
{
	size_t		len = strlen(end);

	return span.len >= len && memcmp(span.text + span.len - len, end, len) == 0;
}

/* A title has its full stop, stands in front, and is a word by itself. */
static EcapiNormalized
normalize_given_name(Span span, bool ascii, EcapiBuffer *out)
{
	static const char *const titles[] = {"mr.", "mrs.", "ms.", "dr."};
	Scratch		scratch;
	Span		name;

	if (!lower_of(span, ascii, &scratch, &name, out))
		return ECAPI_NORMALIZED_INVALID;
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
	{
		size_t		len = strlen(titles[i]);
		size_t		next = len;

		if (name.len < len || memcmp(name.text, titles[i], len) != 0 ||
			(name.len > len && !ecapi_unicode_is_space(ecapi_unicode_next(name, &next))))
			continue;
		name = ecapi_unicode_trim((Span) {name.text + len, name.len - len});
		break;
	}
	return add_span(out, name);
}

/*
 * The name without one suffix, which stands behind white space or a comma; false: it
 * has none.
 */
static bool
drop_suffix(Span *name)
{
	static const char *const suffixes[] = {
		"jr", "jr.", "sr", "sr.", "2nd", "3rd", "ii", "iii", "iv", "v", "vi",
		"cpa", "dc", "dds", "vm", "jd", "md", "phd"
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
	{
		Span		before;
		size_t		gap;

		if (!ends_with(*name, suffixes[i]))
			continue;
		gap = name->len - strlen(suffixes[i]);
		before = ecapi_unicode_trim((Span) {name->text, gap});
		if (before.len > 0 && before.text[before.len - 1] == ',')
			before.len--;
		if (before.len == gap)
			continue;
		*name = ecapi_unicode_trim(before);
		return true;
	}
	return false;
}

static EcapiNormalized
normalize_family_name(Span span, bool ascii, EcapiBuffer *out)
{
	Scratch		scratch;
	Span		name;

	if (!lower_of(span, ascii, &scratch, &name, out))
		return ECAPI_NORMALIZED_INVALID;
	while (drop_suffix(&name))
		;
	return add_span(out, name);
}

/* ---- places ---- */

typedef struct State
{
	char		country[3];
	char		code[3];
	const char *name;			/* in the compact form */
} State;

static const State states[] = {
#define ECAPI_STATE(country, code, name) {country, code, name},
#include "event/states.def"
#undef ECAPI_STATE
};

/* The two letters of a state, by these or its name, in the compact form; or NULL. */
static const char *
state_code(Span compact, const char *country)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
	{
		const State *state = &states[i];

		if (country != NULL && strcmp(country, state->country) != 0)
			continue;
		if (compact.len == strlen(state->name) &&
			memcmp(compact.text, state->name, compact.len) == 0)
			return state->code;
		if (compact.len == 2 && memcmp(compact.text, state->code, 2) == 0)
			return state->code;
	}
	return NULL;
}

/*
 * Where the states have codes of two letters, nothing else is certain.  Elsewhere it is
 * the compact form.
 */
static EcapiNormalized
normalize_state(Span span, bool ascii, const char *country, EcapiBuffer *out)
{
	EcapiNormalized result = add_compact(out, span, ascii);
	bool		has_codes = country != NULL &&
		(strcmp(country, "us") == 0 || strcmp(country, "ca") == 0);
	const char *code = NULL;

	if (result != ECAPI_NORMALIZED || out->full)
		return result;
	if (has_codes || country == NULL)
		code = state_code((Span) {out->data, out->len}, country);
	if (code == NULL)
		return has_codes ? ECAPI_NORMALIZED_INVALID : ECAPI_NORMALIZED;
	ecapi_buffer_truncate(out, 0);
	ecapi_buffer_str(out, code);
	return ECAPI_NORMALIZED;
}

static bool
skipped_in_zip(int32_t c)
{
	return ecapi_unicode_is_space(c) || ecapi_unicode_is_postal_mark(c);
}

static bool
skipped_in_compact_zip(int32_t c)
{
	return skipped_in_zip(c) || ecapi_unicode_is_punctuation(c);
}

/*
 * Unless the platform drops it: a dash of a code outside of the United States is cut at by
 * one sender and dropped by another, and any other punctuation is no part of a code:
 * neither has a certain form.
 */
static bool
has_punctuation(Span span)
{
	for (size_t i = 0; i < span.len;)
	{
		if (ecapi_unicode_is_punctuation(ecapi_unicode_next(span, &i)))
			return true;
	}
	return false;
}

/* ZIP+4, with or without its dash, loses the four.  compact: punctuation is dropped. */
static EcapiNormalized
normalize_zip(Span span, bool ascii, const char *country, bool compact, EcapiBuffer *out)
{
	Scratch		scratch;
	Span		code;
	EcapiNormalized result;

	if (country == NULL && ecapi_normalize_is_zip_plus_four(span))
		country = "us";
	if (!lower_of(span, ascii, &scratch, &code, out))
		return ECAPI_NORMALIZED_INVALID;
	if (ecapi_country_has_zip(country))
	{
		result = add_without(out, code, ascii, skipped_in_compact);
		if (result != ECAPI_NORMALIZED || out->full)
			return result;
		if ((out->len != 5 && out->len != 9) || !ecapi_all_digits(out->data, out->len))
			return ECAPI_NORMALIZED_INVALID;
		ecapi_buffer_truncate(out, 5);
		return ECAPI_NORMALIZED;
	}
	if (!compact && has_punctuation(code))
		return ECAPI_NORMALIZED_INVALID;
	return add_without(out, code, ascii, compact ? skipped_in_compact_zip : skipped_in_zip);
}

static EcapiNormalized
normalize_country(Span span, EcapiBuffer *out)
{
	const char *code = ecapi_country_lookup(span.text, span.len);

	if (code == NULL)
		return ECAPI_NORMALIZED_INVALID;
	for (; *code != '\0'; code++)
		ecapi_buffer_char(out, (char) (*code - 'a' + 'A'));
	return ECAPI_NORMALIZED;
}

/* ---- gender ---- */

/* The words for women and men, and third: for who is neither; others have no letter here. */
static EcapiNormalized
normalize_gender(Span span, bool ascii, bool third, EcapiBuffer *out)
{
	static const char *const words[][2] = {
		{"f", "f"}, {"female", "f"}, {"woman", "f"}, {"girl", "f"}, {"feminine", "f"},
		{"m", "m"}, {"male", "m"}, {"man", "m"}, {"boy", "m"}, {"masculine", "m"},
		{"n", "n"}, {"non-binary", "n"}, {"nonbinary", "n"}, {"non binary", "n"}, {"diverse", "n"},
		{"divers", "n"}
	};
	Scratch		scratch;
	Span		lower;

	if (!lower_of(span, ascii, &scratch, &lower, out))
		return ECAPI_NORMALIZED_INVALID;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (lower.len == strlen(words[i][0]) && memcmp(lower.text, words[i][0], lower.len) == 0 &&
			(third || words[i][1][0] != 'n'))
		{
			ecapi_buffer_str(out, words[i][1]);
			return ECAPI_NORMALIZED;
		}
	}
	return ECAPI_NORMALIZED_INVALID;
}

EcapiNormalized
ecapi_normalize_platform(EcapiRule rule, EcapiSpan span, bool ascii, const char *country,
						 EcapiBuffer *out)
{
	switch (rule)
	{
		case ECAPI_RULE_TRIM:
			return add_span(out, span);
		case ECAPI_RULE_COMPACT:
			return add_compact(out, span, ascii);
		case ECAPI_RULE_IDENTIFIER_COMPACT:
			return compact_identifier(span, ascii, out);
		case ECAPI_RULE_IDENTIFIER_CASED:
			return cased_identifier(span, ascii, out);
		case ECAPI_RULE_EMAIL_GMAIL:
		case ECAPI_RULE_EMAIL_PLAIN:
		case ECAPI_RULE_EMAIL_LETTERS:
		case ECAPI_RULE_EMAIL_COMPACT:
			return normalize_email(rule, span, ascii, out);
		case ECAPI_RULE_PHONE_DIGITS:
			return ecapi_normalize_phone(span, country, 1, out);
		case ECAPI_RULE_GIVEN_NAME:
			return normalize_given_name(span, ascii, out);
		case ECAPI_RULE_FAMILY_NAME:
			return normalize_family_name(span, ascii, out);
		case ECAPI_RULE_STATE:
			return normalize_state(span, ascii, country, out);
		case ECAPI_RULE_ZIP:
			return normalize_zip(span, ascii, country, false, out);
		case ECAPI_RULE_ZIP_COMPACT:
			return normalize_zip(span, ascii, country, true, out);
		case ECAPI_RULE_COUNTRY_UPPER:
			return normalize_country(span, out);
		case ECAPI_RULE_GENDER:
			return normalize_gender(span, ascii, false, out);
		case ECAPI_RULE_GENDER_THIRD:
			return normalize_gender(span, ascii, true, out);
		case ECAPI_RULE_EMAIL_ALNUM:
			return ecapi_normalize_alnum_email(span, ascii, out);
		case ECAPI_RULE_DEVICE:
			return ecapi_normalize_device(span, false, out);
		case ECAPI_RULE_DEVICE_UPPER:
			return ecapi_normalize_device(span, true, out);
		case ECAPI_RULE_POSTAL_DIGITS:
			return ecapi_normalize_postal_digits(span, country, out);
		default:
			return ECAPI_NORMALIZED_INVALID;	/* not reached: a rule of the standard */
	}
}
