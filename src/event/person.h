/*
 * person.h
 *	  Whether an event is about a person, known by one identifier in any of its forms.
 *
 * Pure C above ICU and libcrypto: no server header, no I/O; it allocates from the
 * caller's arena alone.
 */
#ifndef ECAPI_PERSON_H
#define ECAPI_PERSON_H

#include "event/digest.h"
#include "event/value.h"

/*
 * Digests that one identifier can have: in lower case and three more of a mailbox of
 * Gmail; both again without inner white space; as it was given, and the id that a
 * cookie wraps; a telephone number with and without "+"; an id of a device in capitals;
 * beside a digest, what stands apart for it, and that of each loose form.  No text has all.
 */
#define ECAPI_PERSON_FORMS	16

/* One identifier of a person, as the digests that its forms have. */
typedef struct EcapiPerson
{
	int			n;
	char		digests[ECAPI_PERSON_FORMS][ECAPI_HEX_SIZE];	/* lower-case hex */
	const char *country;		/* of phone numbers that name none; or NULL */
	bool		short_number;	/* so few digits that any column may hold them */
	bool		lacks_country;	/* may be a phone number, if its country were known */
	bool		failed;			/* memory ran out in a look for it: no answer counts */
} EcapiPerson;

typedef enum EcapiPersonGiven
{
	ECAPI_PERSON_KNOWN,			/* person holds at least one digest */
	ECAPI_PERSON_EMPTY,			/* nothing but white space */
	ECAPI_PERSON_INVALID,		/* not UTF-8, or longer than ECAPI_NORMALIZE_MAX */
	ECAPI_PERSON_NO_MEMORY
} EcapiPersonGiven;

/*
 * Called with each digest (lower-case hex) of what identifies a person, or with NULL
 * where there was no memory to make it; true ends the walk.
 */
typedef bool (*EcapiPersonFound) (void *arg, const char *digest);

/*
 * Take an identifier (len bytes) in whatever form: an email address or another
 * identifier in any case and with white space around it, a telephone number in
 * any writing, or 64 hex digits, which are a digest of any of these, in the standard's
 * form or a platform's.  country
 * (alpha-2, lower case, or NULL; not copied) is that of numbers which do not name
 * theirs.
 */
extern EcapiPersonGiven ecapi_person_init(EcapiPerson *person, const char *text,
										  size_t len, const char *country);

/*
 * Whether an event in the standard's shape carries the identifier.  When memory runs
 * out person->failed is set, by this and the next function.  Texts that hold escapes are
 * copied into the arena.
 */
extern bool ecapi_person_in_event(EcapiPerson *person, const EcapiValue *event,
								  EcapiArena *arena);

/*
 * Whether the identifier is among the texts and keys of any tree; also inside of texts
 * that are lists, URLs or JSON themselves, with any escapes.  Numbers of a few
 * digits are not looked for: they would be anybody's.
 */
extern bool ecapi_person_in_texts(EcapiPerson *person, const EcapiValue *value,
								  EcapiArena *arena);

/*
 * Walk over the digests of all that identifies a person in an event; country and
 * arena as above.  Returns whether found ended it.
 */
extern bool ecapi_person_walk(const EcapiValue *event, const char *country,
							  EcapiArena *arena, EcapiPersonFound found, void *arg);

/*
 * Whether a field of the standard identifies a person by itself.  Path as of
 * ecapi_field_path().
 */
extern bool ecapi_person_identified_by(const char *path);

#endif							/* ECAPI_PERSON_H */
