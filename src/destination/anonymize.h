/*
 * anonymize.h
 *	  Coarser values in place of exact ones, by named rules.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_ANONYMIZE_H
#define ECAPI_ANONYMIZE_H

#include "event/value.h"

/* Named rules of the option anonymize; a set of bits. */
typedef enum EcapiAnonymize
{
	ECAPI_ANONYMIZE_IP = 1 << 0,	/* addresses to /24 and /48 */
	ECAPI_ANONYMIZE_TIMESTAMP = 1 << 1, /* to the hour */
	ECAPI_ANONYMIZE_USER_AGENT = 1 << 2,	/* to the browser's family */
	ECAPI_ANONYMIZE_POSTAL_CODE = 1 << 3	/* to its first part */
} EcapiAnonymize;

/* The bit of a rule's name (len bytes), 0: no such; names for ecapi_closest(). */
extern uint32_t ecapi_anonymize_rule(const char *name, size_t len);
extern const char *ecapi_anonymize_nth(int i, void *arg);

/*
 * The event (an object) under the rules; itself when nothing changes, else a tree
 * that shares nodes with it.  What a rule cannot make coarser with certainty is
 * left out.  When the arena fails (arena->failed), the result is not to be used.
 */
extern const EcapiValue *ecapi_anonymize(uint32_t rules, EcapiArena *arena,
										 const EcapiValue *event);

/*
 * The rules themselves, for texts (len bytes) to "out", which has room for
 * ECAPI_COARSE_SIZE bytes and gets a NUL-terminated text; false: leave it out.
 */
#define ECAPI_COARSE_SIZE	80

/*
 * IPv4 to its first 24 bits, IPv6 to its first 48, the rest zero.  An IPv4 address
 * inside of an IPv6 one (mapped, 6to4) keeps no more of it than by itself.
 */
extern bool ecapi_coarse_ip(const char *text, size_t len, char *out);

/* "Chrome/126", "Safari/17"; false for what is none of the known families. */
extern bool ecapi_coarse_user_agent(const char *text, size_t len, char *out);

/*
 * The digest of the first three characters of the normal form: a postal code
 * leaves hashed, and a prefix is no code of its country, so it cannot be hashed
 * later.  False for what has no normal form in the country (alpha-2, lower case, or
 * NULL), is a digest already, or has no more than three characters.
 */
extern bool ecapi_coarse_postal_code(const char *text, size_t len, const char *country,
									 char *out);

#endif							/* ECAPI_ANONYMIZE_H */
