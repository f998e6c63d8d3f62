/*
 * patch.h
 *	  Merging a patch into an event.
 *
 * A patch is an object in the shape of an event.  Its objects are merged into
 * those of the event, member by member; its arrays and scalars replace what
 * stands there; its nulls take away.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_PATCH_H
#define ECAPI_PATCH_H

#include "event/value.h"

/*
 * The event with the patch merged in: a new tree in the arena, which shares
 * texts, keys and whatever was not changed with both, so it lives no longer than
 * the shorter of them.  Both are objects and are not changed.
 *
 * NULL when the arena failed (arena->failed), or when the patch touches what names
 * an event or says where it goes: id, data_set_id, event_type, timestamp, or
 * ext.route, ext.amends and ext.refund_for (also by replacing ext as a whole), or, of an
 * amendment, what it is of.  Then *refused is a constant, one line that names the member;
 * else it is NULL.  A patch that repeats such a value as it is touches nothing.
 */
extern EcapiValue *ecapi_patch_merge(EcapiArena *arena, const EcapiValue *event,
									 const EcapiValue *patch, const char **refused);

#endif							/* ECAPI_PATCH_H */
