/*
 * plain.h
 *	  The bytes of a text that a JSON string holds as they are.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_PLAIN_H
#define ECAPI_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * How many bytes at the start of a text are neither quote, backslash nor control
 * character (RFC 8259, section 7); ascii: nor beyond ASCII.
 */
static inline size_t
ecapi_plain_run(const char *text, size_t len, bool ascii)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t		i = 0;

	for (; i + sizeof(uint64_t) <= len; i += sizeof(uint64_t))
	{
		uint64_t	eight;
		uint64_t	quote;
		uint64_t	backslash;
		uint64_t	found;

		memcpy(&eight, text + i, sizeof(eight));
		quote = eight ^ (ones * '"');
		backslash = eight ^ (ones * '\\');

		/*
		 * The high bit of a byte that borrows: of a control, and of what is zero
		 * after the exclusive or.  A borrow may flag the byte above, too, never one
		 * where there is none below.
		 */
		found = ((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) |
			((backslash - ones) & ~backslash) | (ascii ? eight : 0);
		if ((found & (ones * 0x80)) != 0)
			break;
	}
	for (; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c < 0x20 || c == '"' || c == '\\' || (ascii && c >= 0x80))
			break;
	}
	return i;
}

#endif							/* ECAPI_PLAIN_H */
