/*
 * unicode.c
 *	  What Unicode says of the characters of a text, and its lower case.
 *
 * From ICU, because the server's own functions follow the database's locale,
 * and a digest must not.  Lower case is the full mapping of the root locale.
 * The result is composed (form C): the standard asks that characters stay as
 * they are, and "e" with a combining accent is the same character as the
 * composed one, which keyboards type and other senders hash.
 *
 * Ownership: one ICU case map for the life of the process, opened on first
 * use; the normalizer is ICU's own constant.  What cannot be opened makes
 * ecapi_unicode_lower() false.
 */
#include "event/unicode.h"

#include <string.h>

#include <unicode/ucasemap.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

/*
 * Bytes in lower case, and UTF-16 units of them: lower-casing makes of two
 * bytes three at most, and form C takes few characters apart.  A text that is
 * longer all the same is no identifier of anybody.
 */
#define LOWER_MAX	(2 * ECAPI_UNICODE_MAX)

bool
ecapi_unicode_is_ascii(EcapiSpan span, bool *valid)
{
	size_t		i = 0;
	uint64_t	eight;

	*valid = true;
	for (; i + sizeof(eight) <= span.len; i += sizeof(eight))
	{
		memcpy(&eight, span.text + i, sizeof(eight));
		if ((eight & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	while (i < span.len && (unsigned char) span.text[i] < 0x80)
		i++;
	if (i == span.len)
		return true;
	while (i < span.len)
	{
		if (ecapi_unicode_next(span, &i) < 0)
		{
			*valid = false;
			break;
		}
	}
	return false;
}

int32_t
ecapi_unicode_next_wide(EcapiSpan span, size_t *i)
{
	UChar32		c;
	size_t		at = *i;

	U8_NEXT(span.text, at, span.len, c);
	*i = at;
	return c;
}

bool
ecapi_unicode_is_wide_space(int32_t c)
{
	return u_isUWhiteSpace(c) || c == 0x200B || c == 0x2060 || c == 0xFEFF;
}

bool
ecapi_unicode_is_wide_invisible(int32_t c)
{
	return u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
}

bool
ecapi_unicode_is_wide_punctuation(int32_t c)
{
	return (U_GET_GC_MASK(c) & U_GC_P_MASK) != 0;
}

bool
ecapi_unicode_is_wide_apostrophe(int32_t c)
{
	switch (c)
	{
		case 0x00B4:			/* acute accent, typed alone, as the grave of ASCII is */
		case 0x02B9:			/* modifier letters: prime, ... */
		case 0x02BB:			/* okina, ... */
		case 0x02BC:			/* apostrophe, ... */
		case 0x02BD:
		case 0x02BE:			/* hamza and ain in transcription, ... */
		case 0x02BF:
		case 0x02C8:			/* vertical line, acute, grave */
		case 0x02CA:
		case 0x02CB:
		case 0x0374:			/* form C makes the prime of it */
		case 0x07F4:			/* of N'Ko */
		case 0x07F5:
		case 0x1FBD:			/* Greek koronis, psili, oxia, dasia */
		case 0x1FBF:
		case 0x1FEF:			/* form C makes the grave of ASCII of it */
		case 0x1FFD:
		case 0x1FFE:
		case 0xA78B:			/* saltillo */
		case 0xA78C:
			return true;
		default:
			return false;		/* quotation marks are punctuation */
	}
}

bool
ecapi_unicode_is_postal_mark(int32_t c)
{
	return c == 0x3012 || c == 0x3020 || c == 0x3036;
}

bool
ecapi_unicode_is_word(int32_t c)
{
	return u_isalnum(c);
}

bool
ecapi_unicode_is_mark(int32_t c)
{
	return (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0;
}

static bool
is_trimmed(int32_t c)
{
	return ecapi_unicode_is_space(c) || ecapi_unicode_is_invisible(c);
}

EcapiSpan
ecapi_unicode_trim(EcapiSpan span)
{
	size_t		start = 0;
	size_t		end = span.len;

	while (start < end)
	{
		size_t		i = start;

		if (!is_trimmed(ecapi_unicode_next(span, &i)))
			break;
		start = i;
	}
	while (end > start)
	{
		int32_t		i = (int32_t) end;
		UChar32		c;

		U8_PREV(span.text, (int32_t) start, i, c);
		if (!is_trimmed(c))
			break;
		end = (size_t) i;
	}
	return (EcapiSpan) {span.text + start, end - start};
}

/* Append lower, which is not in form C, in form C. */
static bool
add_composed(const UNormalizer2 *form, const char *lower, int32_t len, EcapiBuffer *out)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		units[LOWER_MAX];
	UChar		composed[LOWER_MAX];
	char		text[3 * ECAPI_UNICODE_MAX];
	int32_t		n;

	u_strFromUTF8(units, LOWER_MAX, &n, lower, len, &status);
	n = unorm2_normalize(form, units, n, composed, LOWER_MAX, &status);
	u_strToUTF8(text, sizeof(text), &len, composed, n, &status);
	if (status == U_MEMORY_ALLOCATION_ERROR)
		ecapi_buffer_fail(out);
	if (U_FAILURE(status))
		return false;
	ecapi_buffer_add(out, text, (size_t) len);
	return !out->full;
}

bool
ecapi_unicode_lower(EcapiSpan span, EcapiBuffer *out)
{
	static UCaseMap *map = NULL;
	const UNormalizer2 *form;
	UErrorCode	status = U_ZERO_ERROR;
	char		lower[LOWER_MAX];
	int32_t		len;

	if (map == NULL)
	{
		map = ucasemap_open("", 0, &status);
		if (U_FAILURE(status))
		{
			map = NULL;
			ecapi_buffer_fail(out);	/* the root locale is always there */
			return false;
		}
	}
	form = unorm2_getNFCInstance(&status);
	len = ucasemap_utf8ToLower(map, lower, sizeof(lower), span.text,
							   (int32_t) span.len, &status);
	if (status == U_MEMORY_ALLOCATION_ERROR)
		ecapi_buffer_fail(out);
	if (U_FAILURE(status) || len > (int32_t) sizeof(lower))
		return false;
	return add_composed(form, lower, len, out);
}
