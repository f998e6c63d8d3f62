/*
 * base64.c
 *	  Read base64 strictly (RFC 4648).
 */
#include "base64.h"

#include <stdint.h>

static int
digit_of(char c, bool plain)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (plain ? '+' : '-'))
		return 62;
	return c == (plain ? '/' : '_') ? 63 : -1;
}

bool
rcv_base64_decode(const char *text, size_t len, bool plain,
				  unsigned char *into, size_t *bytes)
{
	uint32_t	bits = 0;
	int			held = 0;
	size_t		used = 0;

	if (plain && len % 4 != 0)
		return false;
	if (plain && len > 0 && text[len - 1] == '=')
		len -= text[len - 2] == '=' ? 2 : 1;
	if (len % 4 == 1)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		int			digit = digit_of(text[i], plain);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t) digit;
		held += 6;
		if (held >= 8)
		{
			held -= 8;
			into[used++] = bits >> held & 0xFF;
		}
	}
	*bytes = used;
	return (bits & ((1U << held) - 1)) == 0;
}
