/*
 * identifiers.h
 *	  What identifies the person of an event: as digests, and kept out of places
 *	  that leave clear.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_IDENTIFIERS_H
#define ECAPI_IDENTIFIERS_H

#include "event/violation.h"
#include "event/value.h"

/*
 * user_data with the digest of each hashed field in its place, in the standard's
 * form; a value without a certain form is left out.  default_country (alpha-2 in
 * lower case, or NULL) is where telephone numbers without a country belong.
 * user_data itself when it holds no such field.  When the arena fails
 * (arena->failed) the result is not to be used.
 */
extern const EcapiValue *ecapi_identifiers_hash(EcapiArena *arena, const EcapiValue *user_data,
												const char *default_country);

/*
 * The event without the texts in properties, ext objects and customer_segments that
 * would carry an identifier of its user_data out in clear: those that equal an email
 * address, telephone number, customer_identifier or uids.id of it, and those that
 * contain an email address of it; names of members in ext, too, and whatever does so
 * once the escapes of JSON and URLs are undone, up to ECAPI_EMBEDDED_LEVELS deep.  The
 * event itself when there is none.  left_out (may be NULL) is called for each, as in format.h.  When
 * the arena fails (arena->failed) the result is not to be used.
 */
extern const EcapiValue *ecapi_identifiers_withhold(EcapiArena *arena, const EcapiValue *event,
													void (*left_out) (void *arg, const EcapiField *field,
																	  EcapiViolationCode reason),
													void *arg);

#endif							/* ECAPI_IDENTIFIERS_H */
