/*
 * base64.h
 *	  Read base64 strictly (RFC 4648).
 */
#ifndef RCV_BASE64_H
#define RCV_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Decode text[0..len) into an array of at least len * 3 / 4 + 3 bytes.  Plain:
 * the alphabet of section 4 with its padding.  Otherwise that of section 5 (URLs)
 * without padding, as JSON web tokens use it.  False for any other byte, a length
 * that cannot be, or bits that are not zero behind the last byte.
 */
extern bool rcv_base64_decode(const char *text, size_t len, bool plain,
							  unsigned char *into, size_t *bytes);

#endif							/* RCV_BASE64_H */
