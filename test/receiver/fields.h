/*
 * fields.h
 *	  The 106 fields of ECAPI 1.0 as data.
 */
#ifndef RCV_FIELDS_H
#define RCV_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

typedef enum RcvObject
{
	RCV_EVENT,
	RCV_USER_DATA,
	RCV_UIDS,
	RCV_ADDRESS,
	RCV_PROPERTIES,
	RCV_ITEM,
	RCV_OBJECTS					/* how many there are */
} RcvObject;

typedef enum RcvKind
{
	RCV_TEXT,					/* clear string; shape says more */
	RCV_HASH,					/* SHA-256 in lower-case hex */
	RCV_INTEGER,				/* written as one, within min..max */
	RCV_FLOAT,					/* any finite number */
	RCV_BOOLEAN,
	RCV_CHILD,					/* an object of the standard */
	RCV_EXT						/* an object of the sender's own making */
} RcvKind;

/* What is wrong with the text of a node, as a fixed English phrase; or NULL. */
typedef const char *(*RcvShape) (const RcvNode *node);

typedef struct RcvField
{
	const char *name;
	RcvKind		kind;
	bool		many;			/* a JSON array of kind */
	bool		required;
	RcvShape	shape;			/* of TEXT */
	int64_t		min;			/* of INTEGER */
	int64_t		max;
	RcvObject	child;			/* of CHILD */
} RcvField;

#define RCV_MAX_FIELDS 64		/* of one object: a bit each in a word */

/* Call once, before any thread asks. */
extern void rcv_fields_init(void);

/* The fields of an object, in the standard's order, and how many. */
extern const RcvField *rcv_fields(RcvObject object, int *count);

/* Index of the field of that name, or -1 when the standard has none. */
extern int	rcv_field_index(RcvObject object, const char *name, size_t len);

#endif							/* RCV_FIELDS_H */
