/*
 * number.h
 *	  A numeric as text that is no longer than its digits are worth.
 */
#ifndef ECAPI_NUMBER_H
#define ECAPI_NUMBER_H

#include "postgres.h"

#include "utils/numeric.h"

/*
 * The numeric as text, NUL-terminated, in the current context: as numeric_out()
 * writes it where that takes at most 64 bytes or so, else as "-1.25e-300", a
 * JSON number of the same value whose length is bounded by the bytes that the
 * numeric takes: twice as many, and 16.  NaN and the infinities are written as
 * numeric_out() does.  Raises nothing but "out of memory".
 */
extern char *ecapi_number_text(Numeric number);

/* The same in one form for all numerics that are equal: no zeros at its end. */
extern char *ecapi_number_key(Numeric number);

/* Bytes that numeric_out() would write, or a few more. */
extern size_t ecapi_number_plain_size(Numeric number);

#endif							/* ECAPI_NUMBER_H */
