/*
 * amended.h
 *	  Which event an amendment is of.
 *
 * Pure C: no server header, no I/O.
 */
#ifndef ECAPI_AMENDED_H
#define ECAPI_AMENDED_H

#include "event/value.h"

/* What stands in ids of amendments behind the id of the original; see records/amendment.c. */
#define ECAPI_AMENDED	":amended:"

/* The member of ext that names the stored original of an amendment; it never leaves. */
#define ECAPI_AMENDS	"amends"

/* The member of ext that says what an event refers to, for receivers. */
#define ECAPI_ORIGINAL	"original"

/* An event in the outbox. */
typedef struct EcapiAmended
{
	uint64_t	xid;
	int64_t		seq;
	const EcapiValue *id;		/* a text; NULL: it is not known */
} EcapiAmended;

/*
 * ext.original of an amendment, or an empty object where it has none; NULL: ecapi.amend()
 * has not made the event.
 */
extern const EcapiValue *ecapi_amend_original(const EcapiValue *event);

/* Which event an amendment is of; false when it is none, or does not say it. */
extern bool ecapi_amend_of(const EcapiValue *event, EcapiAmended *original);

#endif							/* ECAPI_AMENDED_H */
