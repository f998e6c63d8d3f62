/*
 * refund.h
 *	  The refund of an event that was delivered and then cancelled.
 *
 * Pure C: no server header, no I/O.
 */
#ifndef ECAPI_REFUND_H
#define ECAPI_REFUND_H

#include "event/value.h"

/* The member of ext that says whom a refund is for; it never leaves. */
#define ECAPI_REFUND_FOR	"refund_for"

/*
 * Whether a refund can take an event back: its type is one by which money came in,
 * and it has a value.
 */
extern bool ecapi_refund_possible(const EcapiValue *event);

/* What ties a refund to what was paid; texts are those of the event, NULL: none. */
typedef struct EcapiOrder
{
	const char *transaction_id;
	const char *data_set_id;
	const char *route;
} EcapiOrder;

extern void ecapi_refund_order(const EcapiValue *event, EcapiOrder *order);

/*
 * Whether both are about the same order: their transaction ids are the same, and data
 * sets and routes where both have one.
 */
extern bool ecapi_refund_same_order(const EcapiOrder *a, const EcapiOrder *b);

/* Whether one may be about the order of the other: nothing that both have differs. */
extern bool ecapi_refund_may_be_of(const EcapiOrder *a, const EcapiOrder *b);

/* Ids that one refund may be named after. */
#define ECAPI_REFUND_NAMES	8

/*
 * The ids of events that a refund is named after, by its own id: of
 * "x:refund" and "x:refund:20" they are "x", "x:purchase", "x:subscribe" and
 * "x:donate".  Texts in the arena; returns how many.
 */
extern int	ecapi_refund_names(EcapiArena *arena, const EcapiValue *refund,
							   const char *names[ECAPI_REFUND_NAMES]);

/* Whether a cancellation made it. */
extern bool ecapi_refund_is_addressed(const EcapiValue *event);

/*
 * The items of an event less those that refunds of it have named, by id and quantity,
 * in the arena.  NULL: it has none, none is left, or a refund named none, so that
 * nobody knows what is left (and when the arena failed).
 */
extern EcapiValue *ecapi_refund_items_left(EcapiArena *arena, const EcapiValue *event,
										   const EcapiValue *const *refunds, int nrefunds);

/*
 * The refund of an event under an id of id_len bytes, with its time in seconds since
 * 1970; for nobody yet.  value: what is to be refunded, with the items of that, or
 * NULL: all, with all items.  A tree in the arena that shares texts with the event.
 * NULL when the arena failed.
 */
extern EcapiValue *ecapi_refund_make(EcapiArena *arena, const EcapiValue *event,
									 const char *id, size_t id_len, int64_t timestamp,
									 const char *value, EcapiValue *items);

/*
 * Address a refund to a destination, too: by its server's oid and its name.  False
 * when the arena failed.
 */
extern bool ecapi_refund_address(EcapiArena *arena, EcapiValue *refund, uint32_t server,
								 const char *name);

/*
 * Whether an event is for a destination, by its address.  One without an address is
 * for all.
 */
extern bool ecapi_refund_is_for(const EcapiValue *event, uint32_t server, const char *name);

#endif							/* ECAPI_REFUND_H */
