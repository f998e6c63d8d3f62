/*
 * base64.h
 *	  Bytes as text, six bits a character (RFC 4648).
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_BASE64_H
#define ECAPI_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* The characters of the values 0 to 63 (section 4). */
extern const char ecapi_base64_digits[65];

/*
 * The four characters of one to three bytes, padded with "=".  for_urls: with "-" and "_" for
 * the last two values (section 5).  text may be where the bytes are.
 */
extern void ecapi_base64_group(const unsigned char *bytes, size_t n, bool for_urls, char text[4]);

#endif							/* ECAPI_BASE64_H */
