/*
 * normalize_strict.c
 *	  Forms of platforms that keep nothing but letters and digits of ASCII.
 *
 * A letter of another script has no place in them, and dropping it would make one person
 * of two: a text with one where it counts has no certain form.
 *
 * No locks, no state, no memory but out's.
 */
#include "event/normalize_internal.h"

#include <string.h>

#include "event/ascii.h"
#include "event/codes.h"
#include "event/mailbox.h"

/* 8-4-4-4-12 hex digits. */
#define UUID_LEN	36

EcapiNormalized
ecapi_normalize_alnum_email(EcapiSpan span, bool ascii, EcapiBuffer *out)
{
	EcapiSpan	address;
	const char *at;
	char		local[ECAPI_NORMALIZE_MAX];
	char		domain[ECAPI_NORMALIZE_MAX];
	size_t		n = 0;
	size_t		rest;

	if (!ecapi_normalize_lower(out, span, ascii))
		return ECAPI_NORMALIZED_INVALID;
	address = (EcapiSpan) {out->data, out->len};
	if (address.len > sizeof(local) || !ecapi_mailbox_is_address(address))
		return ECAPI_NORMALIZED_INVALID;
	at = memchr(address.text, '@', address.len);
	for (const char *c = address.text; c < at && *c != '+'; c++)
	{
		if ((unsigned char) *c >= 0x80)
			return ECAPI_NORMALIZED_INVALID;
		if (ecapi_is_digit(*c) || ecapi_is_letter(*c))
			local[n++] = *c;
	}
	if (n == 0)
		return ECAPI_NORMALIZED_INVALID;
	rest = (size_t) (address.text + address.len - at);
	memcpy(domain, at, rest);
	ecapi_buffer_truncate(out, 0);
	ecapi_buffer_add(out, local, n);
	ecapi_buffer_add(out, domain, rest);
	return ECAPI_NORMALIZED;
}

EcapiNormalized
ecapi_normalize_device(EcapiSpan span, bool upper, EcapiBuffer *out)
{
	bool		zero = true;

	if (span.len != UUID_LEN)
		return ECAPI_NORMALIZED_INVALID;
	for (size_t i = 0; i < UUID_LEN; i++)
	{
		bool		dash = i == 8 || i == 13 || i == 18 || i == 23;
		char		c = ecapi_lower(span.text[i]);

		if (dash ? c != '-' : ecapi_hex_digit(c) < 0)
			return ECAPI_NORMALIZED_INVALID;
		zero &= c == '0' || c == '-';
		ecapi_buffer_char(out, upper && ecapi_is_letter(c) ? (char) (c - 'a' + 'A') : c);
	}
	/* what a system says that gives no id */
	return zero ? ECAPI_NORMALIZED_INVALID : ECAPI_NORMALIZED;
}

EcapiNormalized
ecapi_normalize_postal_digits(EcapiSpan span, const char *country, EcapiBuffer *out)
{
	bool		us = ecapi_country_has_zip(country) ||
		(country == NULL && ecapi_normalize_is_zip_plus_four(span));

	for (size_t i = 0; i < span.len; i++)
		if (ecapi_is_digit(span.text[i]))
			ecapi_buffer_char(out, span.text[i]);
	if (out->len == 0 || (us && out->len != 5 && out->len != 9))
		return ECAPI_NORMALIZED_INVALID;
	if (us)
		ecapi_buffer_truncate(out, 5);
	return ECAPI_NORMALIZED;
}
