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
 * The event as it may leave: value_field, value_factor, value_digits, then mmt_only, then
 * anonymize, then fields or redact.  A tree that may share nodes with the event,
 * which is not changed; the event itself when nothing is to be done.
 *
 * NULL when the arena failed (arena->failed, *reason NULL), or when the event must
 * not be sent; then *reason is a constant:
 *	"no value_field"		it has a value, and what shall stand for it is absent or
 *							no number; the true one is not for this destination.
 *							(What has neither goes without a value.)
 *	"value out of range"	scaled, it is a number that no receiver can keep
 */
extern const EcapiValue *ecapi_reduce(const EcapiOptions *options, EcapiArena *arena,
									  const EcapiValue *event, const char **reason);

#endif							/* ECAPI_REDUCE_H */
