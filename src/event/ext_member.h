/*
 * ext_member.h
 *	  Members of ext objects that are the project's own conventions.
 *
 * The standard leaves ext to those who agree on it; on these members an owner and we
 * have.  Those that have a kind do not leave as they are.
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

/* Who may say it: what a visitor or a document beside a row says is less than that. */
typedef enum EcapiExtAuthor
{
	ECAPI_EXT_BY_ANYBODY,
	ECAPI_EXT_BY_OWNER,			/* a mapping, or who emits */
	ECAPI_EXT_BY_US				/* ecapi.amend() and ecapi.cancel() alone */
} EcapiExtAuthor;

/* What the member with that name is in the ext of an object, and who may say it. */
extern EcapiExtKind ecapi_ext_member_kind(EcapiObject object, const char *name);
extern EcapiExtAuthor ecapi_ext_member_author(EcapiObject object, const char *name);

#endif							/* ECAPI_EXT_MEMBER_H */
