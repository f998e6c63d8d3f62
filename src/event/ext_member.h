/*
 * ext_member.h
 *	  Members of ext objects that are the project's own conventions.
 *
 * The standard leaves ext to those who agree on it; on these members an owner and we
 * have.  None of them leaves as it is.
 *
 * Pure C: no server header, no I/O, no allocation.
 */
#ifndef ECAPI_EXT_MEMBER_H
#define ECAPI_EXT_MEMBER_H

#include "event/fields.h"

typedef enum EcapiExtKind
{
	ECAPI_EXT_FREE,				/* no convention of ours */
	ECAPI_EXT_INSTRUCTION,		/* says what is to be done with the event */
	ECAPI_EXT_IDS				/* ids that formats look up by name */
} EcapiExtKind;

/* What the member with that name is in the ext of an object. */
extern EcapiExtKind ecapi_ext_member_kind(EcapiObject object, const char *name);

#endif							/* ECAPI_EXT_MEMBER_H */
