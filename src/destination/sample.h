/*
 * sample.h
 *	  One name for a person, and which persons are in a sample.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_SAMPLE_H
#define ECAPI_SAMPLE_H

#include "event/digest.h"
#include "event/value.h"

/*
 * One name for the person of an event, however the identifier is typed: the
 * SHA-256 (as in digest.h) of the first of these that has a normal form:
 * customer_identifier, email_address, phone_numbers, uids.id, ifa, click_id.  Each is
 * normalized as the standard hashes it, ifa and click_id by trimming and lower case.  An
 * identifier that already is a digest is its own.  default_country (alpha-2, lower case; NULL:
 * unknown) is of telephone numbers whose event says none.  False when the event has
 * nothing of it; then hex is not to be used.
 */
extern bool ecapi_sample_person(const EcapiValue *event, const char *default_country,
								char hex[ECAPI_HEX_SIZE]);

/*
 * The same, and of an event without a person the digest of its id, in lower case and
 * trimmed.  hex is empty when it has neither.
 */
extern void ecapi_sample_digest(const EcapiValue *event, const char *default_country,
								char hex[ECAPI_HEX_SIZE]);

/*
 * Where a person lies between 0 and 1, evenly spread, the same for every
 * destination and event: the first 8 hex digits of SHA-256("ecapi:sample:"
 * followed by the digest above), divided by 2^32.  The second hash keeps the
 * sample apart from whatever a receiver selects by the identifier's own digest.
 */
extern double ecapi_sample_share(const EcapiValue *event, const char *default_country);

#endif							/* ECAPI_SAMPLE_H */
