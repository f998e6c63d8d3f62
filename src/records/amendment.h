/*
 * amendment.h
 *	  What events are worth now: rows of ecapi.amendment.
 */
#ifndef ECAPI_AMENDMENT_H
#define ECAPI_AMENDMENT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "records/cancellation.h"

typedef enum EcapiAmendmentEnd
{
	ECAPI_AMENDMENT_EMITTED,
	ECAPI_AMENDMENT_NOT_FOUND,
	ECAPI_AMENDMENT_CANCELLED,
	ECAPI_AMENDMENT_ERASED,
	ECAPI_AMENDMENT_WITHDRAWN,
	ECAPI_AMENDMENT_REFUSED,
	ECAPI_AMENDMENT_DROPPED
} EcapiAmendmentEnd;

/* Hexadecimal digits of the digest of a patch, in ids. */
#define ECAPI_AMENDMENT_DIGEST	12

/* The last amendment of an id. */
typedef struct EcapiLastAmendment
{
	int			number;			/* 0: there is none */
	char	   *event_id;
	char	   *digest;
	bool		counts;			/* it is open, or was emitted */
} EcapiLastAmendment;

/* An amendment to be made; texts of a call are in the server's encoding. */
typedef struct EcapiAmendmentRow
{
	const char *id;				/* of the original */
	int			number;
	const char *event_id;
	const char *digest;
	Datum		patch;			/* jsonb */
	TimestampTz since;			/* DT_NOBEGIN: not said */
	Oid			emitter;
	const char *by;				/* name of a role */
} EcapiAmendmentRow;

/* An open one, in UTF-8. */
typedef struct EcapiAmendment
{
	int64		amend_id;
	const char *id;
	const char *event_id;
	EcapiCover	cover;
	TimestampTz since;			/* DT_NOBEGIN: not said */
	TimestampTz amended_at;
	Oid			emitter;
} EcapiAmendment;

/*
 * The last amendment of an id (server encoding), as the current transaction sees it; its
 * texts are palloc'd in context.
 */
extern void ecapi_amendment_last(const char *id, MemoryContext context,
								 EcapiLastAmendment *last);

/* A new amendment in the current transaction. */
extern void ecapi_amendment_create(const EcapiAmendmentRow *row);

/* Up to max open ones, the oldest first, palloc'd in context; returns how many.  Read-only. */
extern int	ecapi_amendment_load(int max, MemoryContext context, EcapiAmendment **list);

/*
 * Lock an open one and read its patch: JSON text in UTF-8, palloc'd, *len bytes, none of
 * one that is no text or is larger than any that ecapi.amend() takes.  NULL when another
 * transaction holds it, or it is open no more.  *emitted: another row has named the same
 * event, which is there.
 */
extern char *ecapi_amendment_lock(int64 amend_id, int *len, bool *emitted);

/*
 * Write how a locked one ended, and drop its patch.  reason (NULL: none) names paths of
 * fields and no value; it is in the server's encoding.
 */
extern void ecapi_amendment_resolve(int64 amend_id, EcapiAmendmentEnd how, const char *reason);

/* Delete some of those that ended before a moment. */
extern void ecapi_amendment_clean(TimestampTz before);

#endif							/* ECAPI_AMENDMENT_H */
