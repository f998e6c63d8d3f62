/*
 * reduce.h
 *	  What of an event leaves for a destination: its value, its fields, and how
 *	  exactly.
 *
 * Pure: no SQL, no I/O; memory only from the arena.
 */
#ifndef ECAPI_REDUCE_H
#define ECAPI_REDUCE_H

#include "destination/options.h"
#include "event/value.h"

/* Whether any option of the destination changes events. */
extern bool ecapi_reduces(const EcapiOptions *options);

/*
 * What the destination lacks before any event may leave, or NULL: a constant that says
 * what to do about it.
 */
extern const char *ecapi_reduce_lacks(const EcapiOptions *options);

/*
 * The value of an event as value_field has it, the true one without: what value_transform
 * begins with.  NULL: there is none; *reason is "no value_field" (see below) or NULL.
 */
extern const EcapiValue *ecapi_reduce_source(const EcapiOptions *options,
											 const EcapiValue *event, const char **reason);

/*
 * The event as it may leave: value_field, value_transform, value_factor, value_digits, then
 * mmt_only, then anonymize, then fields or redact.  restricted: it may be sent in the
 * restricted mode alone (select.h), which is mmt_only, too.  A tree that may share nodes with
 * the event, which is not changed; the event itself when nothing is to be done.
 *
 * NULL when the arena failed (arena->failed, *reason NULL), or when the event must
 * not be sent; then *reason is a constant:
 *	"no value_field"		it has a value, and what shall stand for it is absent or
 *							no number; the true one is not for this destination.
 *							(What has neither goes without a value.)
 *	"value not measured"	value_transform knows too little of its event type and currency
 *	"refund of a transformed value"
 *							value_transform cannot say what of it was told before
 *	"value out of range"	scaled, it is a number that no receiver can keep
 */
extern const EcapiValue *ecapi_reduce(const EcapiOptions *options, bool restricted,
									  EcapiArena *arena, const EcapiValue *event,
									  const char **reason);

/*
 * ext.original of an event (event/amended.h) as it may leave, as ecapi_reduce() has it in its
 * result: it says of an earlier event no more than that one said of itself.  A tree as above;
 * not to be used when the arena failed.
 */
extern const EcapiValue *ecapi_reduce_original(const EcapiOptions *options, EcapiArena *arena,
											   const EcapiValue *original);

#endif							/* ECAPI_REDUCE_H */
