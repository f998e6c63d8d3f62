/*
 * event_type.h
 *	  The event types of the standard.
 *
 * The facts are in event_types.def, one line a type.  Pure C: no server header, no
 * allocation; all that is returned is constant.
 */
#ifndef ECAPI_EVENT_TYPE_H
#define ECAPI_EVENT_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The index is the place in the standard's table and does not
 * change; a set of types is a uint64 with bit i for type i.
 */
#define ECAPI_EVENT_TYPES		45
#define ECAPI_ALL_EVENT_TYPES	((UINT64_C(1) << ECAPI_EVENT_TYPES) - 1)

typedef enum EcapiEventType
{
#define ECAPI_EVENT_TYPE(name, tier, refundable, meaning, synonyms) ECAPI_EVENT_##name,
#include "event/event_types.def"
#undef ECAPI_EVENT_TYPE
	ECAPI_EVENT_UNKNOWN = -1
} EcapiEventType;

extern int	ecapi_event_type_lookup(const char *name, size_t len);	/* or -1 */
extern const char *ecapi_event_type_name(int i);	/* NULL: no such */
extern bool ecapi_event_type_standard(int i);	/* tier standard, not additional */
extern bool ecapi_event_type_refundable(int i);	/* money came in by it */
extern const char *ecapi_event_type_meaning(int i); /* NULL: no such */
extern const char *ecapi_event_type_synonyms(int i);	/* words with blanks between */

/*
 * The event type that somebody probably meant by a word (len bytes): the one it is
 * a synonym of, else the closest name.  NULL when there is none, and when the word
 * says the opposite of a type ("unsubscribe").
 */
extern const char *ecapi_event_type_meant(const char *word, size_t len);

#endif							/* ECAPI_EVENT_TYPE_H */
