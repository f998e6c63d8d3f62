/*
 * sixbit.h
 *	  Six-bit text in the making, for tests of consent strings.
 */
#ifndef SIXBIT_H
#define SIXBIT_H

#include <stdint.h>
#include <string.h>

#include "draw.h"

/* Six-bit text in the making. */
typedef struct Text
{
	char		text[8192];
	int			bits;
} Text;

static inline void
put_bits(Text *text, uint64_t number, int n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (int i = n - 1; i >= 0; i--)
	{
		char	   *at = &text->text[text->bits / 6];
		int			value = text->bits % 6 == 0 ? 0 : (int) (strchr(alphabet, *at) - alphabet);

		value |= (int) (number >> i & 1) << (5 - text->bits % 6);
		*at = alphabet[value];
		at[1] = '\0';
		text->bits++;
	}
}

/* A number as the sum of Fibonacci numbers, the largest first, and the bit that ends it. */
static inline void
put_fibonacci(Text *text, unsigned number)
{
	unsigned	weights[30] = {1, 2};
	bool		bits[30] = {false};
	int			n = 2;

	while (weights[n - 1] + weights[n - 2] <= number)
	{
		weights[n] = weights[n - 1] + weights[n - 2];
		n++;
	}
	while (weights[n - 1] > number)
		n--;
	for (int i = n - 1; i >= 0; i--)
	{
		bits[i] = weights[i] <= number;
		number -= bits[i] ? weights[i] : 0;
	}
	for (int i = 0; i < n; i++)
		put_bits(text, bits[i], 1);
	put_bits(text, 1, 1);
}

#endif							/* SIXBIT_H */
