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
 * Is the event one that a refund can take back: of a type by which money came in,
 * with a value?
 */
extern bool ecapi_refund_possible(const EcapiValue *event);

/*
 * The refund of an event under an id of id_len bytes, with its time in seconds since
 * 1970; for nobody yet.  A tree in the arena that shares texts with the event.  NULL
 * when the arena failed.
 */
extern EcapiValue *ecapi_refund_make(EcapiArena *arena, const EcapiValue *event,
									 const char *id, size_t id_len, int64_t timestamp);

/*
 * Address a refund to a destination, too: by its server's oid and its name.  False
 * when the arena failed.
 */
extern bool ecapi_refund_address(EcapiArena *arena, EcapiValue *refund, uint32_t server,
								 const char *name);

/*
 * Is an event for a destination, as far as its address tells?  One without an address
 * is for all.
 */
extern bool ecapi_refund_is_for(const EcapiValue *event, uint32_t server, const char *name);

#endif							/* ECAPI_REFUND_H */
