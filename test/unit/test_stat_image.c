/*
 * test_stat_image.c
 *	  Statistics in a file: what was written is read, and nothing else is.
 */
#include "stat/stat_image.h"
#include "unit.h"

#define COUNTERS	5
#define AREAS		3
#define SIZE		(ECAPI_STAT_IMAGE_HEADER + COUNTERS * AREAS * 8)

int
main(void)
{
	unsigned char image[SIZE + 1];
	unsigned char other[SIZE + 1];
	uint32_t	areas = 0;
	bool		told = true;

	for (int i = 0; i < SIZE; i++)
		image[i] = (unsigned char) (i * 7);
	check(ecapi_stat_image_size(COUNTERS, AREAS) == SIZE, "its size is known");
	ecapi_stat_image_seal(image, COUNTERS, AREAS);
	check(ecapi_stat_image_problem(image, SIZE, COUNTERS, &areas) == NULL && areas == AREAS, "an image is read");
	check_text(ecapi_stat_image_problem(image, SIZE, COUNTERS + 1, &areas), "it was written by another version",
			   "one of areas of another size is not");
	for (size_t len = 0; len < SIZE; len++)
		told &= ecapi_stat_image_problem(image, len, COUNTERS, &areas) != NULL;
	check(told && ecapi_stat_image_problem(image, SIZE + 1, COUNTERS, &areas) != NULL, "nor one that is cut, or too long");
	told = true;
	for (size_t at = 0; at < SIZE; at++)
		for (int bit = 0; bit < 8; bit++)
		{
			memcpy(other, image, SIZE);
			other[at] ^= 1 << bit;
			told &= ecapi_stat_image_problem(other, SIZE, COUNTERS, &areas) != NULL;
		}
	check(told, "nor one with a bit that is changed");
	memcpy(other, image, SIZE);
	other[8]++;
	check_text(ecapi_stat_image_problem(other, SIZE, COUNTERS, &areas), "it was written by another version",
			   "another version is told");
	memset(other, 0xff, SIZE);
	memcpy(other, image, 16);
	check(ecapi_stat_image_problem(other, SIZE, COUNTERS, &areas) != NULL, "as many areas as can be said are not read");
	ecapi_stat_image_seal(image, COUNTERS, 0);
	check(ecapi_stat_image_problem(image, ECAPI_STAT_IMAGE_HEADER, COUNTERS, &areas) == NULL && areas == 0, "none is an image, too");
	return unit_done();
}
