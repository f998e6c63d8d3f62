/*
 * name_hash.h
 *	  The hash of a name, for the look-up of fields and event types.
 */
#ifndef ECAPI_NAME_HASH_H
#define ECAPI_NAME_HASH_H

#include <stddef.h>
#include <stdint.h>

/* By the seed, equal names of different tables have different hashes. */
static inline uint32_t
ecapi_name_hash(uint32_t seed, const char *name, size_t len)
{
	uint32_t	h = (seed + 1) * 0x9E3779B1u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char) name[i]) * 0x01000193u;
	return h ^ (h >> 15);
}

#endif							/* ECAPI_NAME_HASH_H */
