/*
 * place.h
 *	  Where in a JSON text a walk stands, and the numbers that stand there.
 */
#ifndef RCV_PLACE_H
#define RCV_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

/* A step of the way down, on the C stack of the walk. */
typedef struct RcvPlace
{
	const struct RcvPlace *parent;	/* NULL: the top */
	const char *name;			/* NULL: an element of the parent's array */
	size_t		namelen;
	int			index;			/* of the element, from 0 */
} RcvPlace;

/*
 * Write the path of a place, "user_data.address[0].city", NUL-terminated and cut
 * to size, behind the first used bytes of the text; returns the new length.  A
 * name of the sender's own comes out short and plain ("?" for what is not
 * printable ASCII), and never a value.
 */
extern size_t rcv_place_spell(const RcvPlace *place, char *text, size_t size, size_t used);

/* A number written without fraction and exponent that fits 64 bits; else false. */
extern bool rcv_read_integer(const RcvNode *node, int64_t *value);

/* What keeps the node from being a finite double, as a fixed phrase; or NULL. */
extern const char *rcv_double_problem(const RcvNode *node);

#endif							/* RCV_PLACE_H */
