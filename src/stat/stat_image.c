/*
 * stat_image.c
 *	  Statistics as bytes of a file: a header, and areas of counters behind it.
 *
 *	 8 bytes	what it is
 *	 4			version of this form, and of what each counter means
 *	 4			counters of an area
 *	 4			areas
 *	 4			CRC-32 of all but the first 8 bytes and itself
 *	 areas		counters of 8 bytes each
 *
 * Numbers are in the byte order of the machine: a file of another has another version.
 * The checksum is our own, for the server's is not to be had without the server, and a
 * file is read and written once.
 *
 * Pure functions; no memory, no locks.
 */
#include "stat/stat_image.h"

#include <string.h>

/* Raise it when a counter changes its place or its meaning. */
#define VERSION		2

static const char magic[8] = {'e', 'c', 'a', 'p', 'i', 's', 't', '\n'};

/* Where the numbers of the header are. */
#define AT_VERSION	8
#define AT_COUNTERS	12
#define AT_AREAS	16
#define AT_CRC		20

static void
put(unsigned char *image, size_t at, uint32_t number)
{
	memcpy(image + at, &number, sizeof(number));
}

static uint32_t
get(const unsigned char *image, size_t at)
{
	uint32_t	number;

	memcpy(&number, image + at, sizeof(number));
	return number;
}

/* CRC-32 as of IEEE 802.3, going on from crc; begun with 0. */
static uint32_t
crc_of(uint32_t crc, const unsigned char *bytes, size_t len)
{
	static const uint32_t nibbles[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c
	};

	crc = ~crc;
	for (size_t i = 0; i < len; i++)
	{
		crc ^= bytes[i];
		crc = (crc >> 4) ^ nibbles[crc & 15];
		crc = (crc >> 4) ^ nibbles[crc & 15];
	}
	return ~crc;
}

static uint32_t
crc_of_image(const unsigned char *image, size_t len)
{
	uint32_t	crc = crc_of(0, image + AT_VERSION, AT_CRC - AT_VERSION);

	return crc_of(crc, image + ECAPI_STAT_IMAGE_HEADER, len - ECAPI_STAT_IMAGE_HEADER);
}

size_t
ecapi_stat_image_size(uint32_t counters, uint32_t areas)
{
	return ECAPI_STAT_IMAGE_HEADER + (size_t) counters * areas * sizeof(uint64_t);
}

void
ecapi_stat_image_seal(unsigned char *image, uint32_t counters, uint32_t areas)
{
	memcpy(image, magic, sizeof(magic));
	put(image, AT_VERSION, VERSION);
	put(image, AT_COUNTERS, counters);
	put(image, AT_AREAS, areas);
	put(image, AT_CRC, crc_of_image(image, ecapi_stat_image_size(counters, areas)));
}

const char *
ecapi_stat_image_problem(const unsigned char *image, size_t len, uint32_t counters,
						 uint32_t *areas)
{
	if (len < ECAPI_STAT_IMAGE_HEADER)
		return "it is too short";
	if (memcmp(image, magic, sizeof(magic)) != 0)
		return "it is no file of statistics";
	if (get(image, AT_VERSION) != VERSION || get(image, AT_COUNTERS) != counters)
		return "it was written by another version";
	*areas = get(image, AT_AREAS);
	if (len != ecapi_stat_image_size(counters, *areas))
		return "its length is wrong";
	if (get(image, AT_CRC) != crc_of_image(image, len))
		return "its checksum is wrong";
	return NULL;
}
