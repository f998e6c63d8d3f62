/*
 * stat_image.h
 *	  Statistics as bytes of a file: a header, and areas of counters behind it.
 *
 * Pure C: no server header, no I/O.
 */
#ifndef ECAPI_STAT_IMAGE_H
#define ECAPI_STAT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the header. */
#define ECAPI_STAT_IMAGE_HEADER	24

/* Bytes of an image of that many areas with that many counters. */
extern size_t ecapi_stat_image_size(uint32_t counters, uint32_t areas);

/* Write the header of an image whose areas stand in it. */
extern void ecapi_stat_image_seal(unsigned char *image, uint32_t counters, uint32_t areas);

/*
 * Why the bytes are no image of areas with that many counters, a constant; NULL: they are,
 * and *areas says of how many.
 */
extern const char *ecapi_stat_image_problem(const unsigned char *image, size_t len,
											uint32_t counters, uint32_t *areas);

#endif							/* ECAPI_STAT_IMAGE_H */
