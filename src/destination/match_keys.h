/*
 * match_keys.h
 *	  Match keys: what of user_data a platform recognises a person by, in its own forms.
 *
 * Which form an identifier has, and whether it leaves as a digest, is identity.def's;
 * what it is called at the platform, and whether it takes one or many, is the format's
 * table.  A value that has no certain form is left out and told to the caller.
 *
 * Pure C: no server header, no I/O; memory only the body's.
 */
#ifndef ECAPI_MATCH_KEYS_H
#define ECAPI_MATCH_KEYS_H

#include "destination/format.h"
#include "destination/identity.h"
#include "destination/writer.h"

/* An identifier at a platform. */
typedef struct EcapiMatchKey
{
	const char *name;			/* the platform's */
	const char *path;			/* the standard's: "user_data.address.city" */
	unsigned	has;			/* bits that are set in EcapiMatchKeys.has once one is
								 * written */
} EcapiMatchKey;

/* The person of an event while it is written; the caller's. */
typedef struct EcapiMatchKeys
{
	EcapiShape *shape;
	EcapiWriter *writer;
	const char *rules;			/* the format by whose rules values get their forms: the
								 * shape's, until the caller sets another */
	const EcapiValue *data;		/* user_data, or NULL */
	const EcapiValue *ext;		/* user_data.ext, or NULL */
	const EcapiValue *clicks;	/* user_data.ext.click_ids, or NULL */
	const char *country;		/* where what has no country of its own belongs; or NULL */
	unsigned	has;
} EcapiMatchKeys;

/* user may be NULL; writer is where the person is written. */
extern void ecapi_match_begin(EcapiMatchKeys *keys, EcapiShape *shape, EcapiWriter *writer,
							  const EcapiValue *user);

/*
 * Give each form that a field's values have by the format's rule to take, until that
 * returns false.  Of addresses and uids, those of each in turn.
 */
extern void ecapi_match_each(EcapiMatchKeys *keys, const char *path,
							 bool (*take) (void *arg, const EcapiIdentityForm *form),
							 void *arg);

/*
 * The form of one value (or NULL) by the rule for a field, for what has to be written
 * together.  False when it has none, which is told as of any.
 */
extern bool ecapi_match_form(EcapiMatchKeys *keys, const char *path, const EcapiValue *value,
							 EcapiIdentityForm *form);

/*
 * Write the identifiers of a table of n: as arrays of texts, where neighbours of one name
 * share one and what repeats is written once; or, many being false, as texts, of several
 * values the first that has a form.
 */
extern void ecapi_match_write(EcapiMatchKeys *keys, const EcapiMatchKey *table, int n,
							  bool many);

/*
 * Write each address as an object with what it has of a table of n, whose paths are those
 * of addresses, into an array; an address of which nothing leaves is not written, nor is
 * an array without one.
 */
extern void ecapi_match_addresses(EcapiMatchKeys *keys, const char *name,
								  const EcapiMatchKey *table, int n);

/*
 * Write a member that leaves as it is, and set has; nothing where value is NULL.
 * ecapi_match_own_id: it is an id of a click, a browser, a device or the like, which tells
 * its person from others.
 */
extern void ecapi_match_clear(EcapiMatchKeys *keys, const char *name,
							  const EcapiValue *value, unsigned has);
extern void ecapi_match_own_id(EcapiMatchKeys *keys, const char *name,
							   const EcapiValue *value, unsigned has);

/* Such an id was written in another way. */
static inline void
ecapi_match_known(EcapiMatchKeys *keys)
{
	keys->shape->identified = ECAPI_IDENTIFIED;
}

/*
 * The id of a click at the platform whose name for it is given ("ttclid"): of
 * ext.click_ids, else user_data.click_id, unless ext.click_ids says that this one is
 * another platform's.  NULL: none is known.
 */
extern const EcapiValue *ecapi_match_click(const EcapiMatchKeys *keys, const char *name);

/* A member of ext.click_ids that is a text; NULL: none. */
extern const EcapiValue *ecapi_match_cookie(const EcapiMatchKeys *keys, const char *name);

/* The address and the browser of the event, else of the landing; an address is one. */
extern const EcapiValue *ecapi_match_ip(const EcapiMatchKeys *keys);
extern const EcapiValue *ecapi_match_agent(const EcapiMatchKeys *keys);

/*
 * user_data.ifa, if it has no other characters than letters, digits, "-", "_" and "."; to
 * which system it belongs only the owner knows: an option app_os, with these words and
 * this sentence, says it.
 */
extern const EcapiValue *ecapi_match_ifa(const EcapiMatchKeys *keys);
extern const char *const ecapi_app_os_words[];
#define ECAPI_APP_OS_WHAT \
	"It is the system of the app whose events are sent, which says what an ifa is."

/*
 * Bytes of an id that is none of the standard's, at most; those that platforms give are
 * far below.
 */
#define ECAPI_MATCH_ID_MAX	512

/* An id of at most that many bytes, such as an ifa, in lower case; returns lower. */
extern const char *ecapi_match_lower(const EcapiValue *id, char lower[ECAPI_MATCH_ID_MAX + 1]);

/* Whether a text is not too long, and has letters, digits, "-", "_" and "." alone. */
extern bool ecapi_match_is_id(const char *text, size_t len);

/*
 * A text (or NULL) that has the form of such an id, so that a visitor can put nothing else in
 * its place; else NULL.
 */
extern const EcapiValue *ecapi_match_id(const EcapiValue *text);

#endif							/* ECAPI_MATCH_KEYS_H */
