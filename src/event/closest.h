/*
 * closest.h
 *	  The name somebody probably meant.
 *
 * Pure C: no server header, no allocation.
 */
#ifndef ECAPI_CLOSEST_H
#define ECAPI_CLOSEST_H

#include <stddef.h>

/*
 * Find the name that word (len bytes, any bytes) most likely stands for.
 * nth(i, arg) gives the names, i counting from 0, and NULL after the last;
 * they must stay valid meanwhile.  Returns one of them, or NULL when none is
 * reasonably close.  Raises nothing, and its cost is bounded: a word longer
 * than any name can be has no closest one.
 */
extern const char *ecapi_closest(const char *word, size_t len,
								 const char *(*nth) (int i, void *arg),
								 void *arg);

#endif							/* ECAPI_CLOSEST_H */
