/*
 * amend.h
 *	  An event that says what an earlier one is worth now.
 *
 * Pure C: no server header, no I/O.
 */
#ifndef ECAPI_AMEND_H
#define ECAPI_AMEND_H

#include "event/value.h"

/* NULL, or why a patch cannot be one of an amendment: a constant, with the member. */
extern const char *ecapi_amend_refuses(const EcapiValue *patch);

/* NULL, or why an event cannot be amended: a constant. */
extern const char *ecapi_amend_impossible(const EcapiValue *event);

/*
 * The amendment of an event, which was stored under (xid, seq), by a patch: the event with
 * the patch merged in, under an id of id_len bytes and a time in seconds since 1970, with
 * ext.original and the address of the original.  A tree in the arena that shares texts with
 * both.  NULL when the arena failed, or with *refused why the patch is refused: a constant.
 */
extern EcapiValue *ecapi_amend_make(EcapiArena *arena, const EcapiValue *event,
									const EcapiValue *patch, const char *id, size_t id_len,
									int64_t timestamp, uint64_t xid, int64_t seq,
									const char **refused);

#endif							/* ECAPI_AMEND_H */
