/*
 * decimal.h
 *	  Decimal fractions, and scaling a number by one without a float's noise.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_DECIMAL_H
#define ECAPI_DECIMAL_H

#include "event/value.h"

/* Digits that a decimal, and a scaled number, has at most. */
#define ECAPI_DECIMAL_DIGITS	15

/* digits / 10^scale; never negative.  Digits 0 stand for none. */
typedef struct EcapiDecimal
{
	uint64_t	digits;			/* below 10^ECAPI_DECIMAL_DIGITS */
	int			scale;			/* 0 to ECAPI_DECIMAL_DIGITS */
} EcapiDecimal;

/*
 * Read "12", "0.25" (len bytes): digits, perhaps a point and more digits, and at
 * most 15 of them behind leading zeros.  False when it is something else.
 */
extern bool ecapi_decimal_read(const char *text, size_t len, EcapiDecimal *decimal);

extern double ecapi_decimal_double(EcapiDecimal decimal);

/*
 * A JSON number (len bytes) times the factor, as the text of a JSON number in
 * the arena: the exact product if that has at most 15 significant digits, else
 * rounded to 15, halves away from zero.  No zeros at the end of a fraction.
 * *product_len gets its length.  NULL when text is no number that a receiver could
 * keep (ecapi_scan_number), when the product is none, or when the arena failed.
 */
extern const char *ecapi_decimal_scale(EcapiArena *arena, const char *text, size_t len,
									   EcapiDecimal factor, size_t *product_len);

/* Bytes that a number without its exponent may need, and the NUL. */
#define ECAPI_DECIMAL_PLAIN_SIZE	64

/*
 * A JSON number (len bytes) written with digits and a point alone, for platforms that take
 * amounts as texts: text itself where it has no exponent, else in memory.  NULL when it is
 * no number that a receiver could keep, or too small to be written so.
 */
extern const char *ecapi_decimal_plain(const char *text, size_t len,
									   char memory[ECAPI_DECIMAL_PLAIN_SIZE],
									   size_t *plain_len);

/*
 * A JSON number (len bytes) of at most that many decimals (0 to 4) as a count of its last
 * decimal: 12.5 and 2 make 1250.  False when it has more decimals, 15 digits or more, is below
 * 0 or no number, or when the arena failed.
 */
extern bool ecapi_decimal_count(EcapiArena *arena, const char *text, size_t len,
								int decimals, int64_t *count);

/*
 * A JSON number (len bytes) with at most that many decimals (0 or more), halves away
 * from zero, as the text of a JSON number in the arena; text itself where it has
 * no more.  Beyond 15 significant digits it is rounded to 15, as above.  NULL when
 * text is no number that a receiver could keep, or when the arena failed.
 */
extern const char *ecapi_decimal_round(EcapiArena *arena, const char *text, size_t len,
									   int decimals, size_t *rounded_len);

#endif							/* ECAPI_DECIMAL_H */
