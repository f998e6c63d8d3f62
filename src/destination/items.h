/*
 * items.h
 *	  properties.items of an event: what was bought, or looked at.
 *
 * Pure C: no server header, no I/O, no allocation; what is returned belongs to the tree.
 */
#ifndef ECAPI_ITEMS_H
#define ECAPI_ITEMS_H

#include "destination/writer.h"

/*
 * The items of properties (or NULL): an array of them, or the one that stands for it, for
 * ecapi_member_first(); NULL: none.  An element need be no object.
 */
extern const EcapiValue *ecapi_items_of(const EcapiValue *properties);

/*
 * How many there are of an item: a whole number from 0 to INT32_MAX, 1 where it does not
 * say; -1 where that is none, as of goods by weight.
 */
extern int	ecapi_item_quantity(const EcapiValue *item);

/* The sum of all quantities, at most INT32_MAX; 0 where it is no count of pieces. */
extern int	ecapi_items_count(const EcapiValue *items);

/*
 * Write an array with what write makes of each item that has an id, by which platforms
 * know it; one without has no place there.  False: nothing came into it, and it is not
 * written.
 */
extern bool ecapi_items_write(EcapiWriter *writer, const char *name, const EcapiValue *items,
							  void (*write) (EcapiWriter *writer, const EcapiValue *item));

/* A write of the above: the id alone. */
extern void ecapi_item_write_id(EcapiWriter *writer, const EcapiValue *item);

/* The member "quantity", where the item says a whole number. */
extern void ecapi_item_write_quantity(EcapiWriter *writer, const EcapiValue *item);

/* A member with the sum of all quantities; none where it is no count of pieces. */
extern void ecapi_items_write_count(EcapiWriter *writer, const char *name, const EcapiValue *items);

/* content_type of Meta and those who copied it: what the ids of the items are of. */
extern void ecapi_items_write_type(EcapiWriter *writer, const EcapiValue *properties);

#endif							/* ECAPI_ITEMS_H */
