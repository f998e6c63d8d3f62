/*
 * base64.c
 *	  Bytes as text, six bits a character (RFC 4648).
 *
 * Only for encoding; keys that come in base64 are decoded by OpenSSL, which knows what is
 * none.
 */
#include "event/base64.h"

const char	ecapi_base64_digits[65] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char
digit(unsigned value, bool for_urls)
{
	if (for_urls && value >= 62)
		return value == 62 ? '-' : '_';
	return ecapi_base64_digits[value];
}

void
ecapi_base64_group(const unsigned char *bytes, size_t n, bool for_urls, char text[4])
{
	unsigned	group = (unsigned) bytes[0] << 16;

	if (n > 1)
		group |= (unsigned) bytes[1] << 8;
	if (n > 2)
		group |= bytes[2];
	for (size_t i = 0; i < 4; i++)
		text[i] = i <= n ? digit(group >> (18 - 6 * i) & 63, for_urls) : '=';
}
