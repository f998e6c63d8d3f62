/*
 * need.h
 *	  Which tracks need something that DDL changes.
 */
#ifndef ECAPI_NEED_H
#define ECAPI_NEED_H

#include "postgres.h"

#include "capture/tracks.h"

/* What a track can need, and how it is written in one. */
typedef enum EcapiChangeKind
{
	ECAPI_CHANGE_COLUMN,		/* name, of relation */
	ECAPI_CHANGE_ATTRIBUTE,		/* name, of a composite type */
	ECAPI_CHANGE_OBJECT,		/* schema.name: a function, type, table */
	ECAPI_CHANGE_SCHEMA,		/* name, before a dot */
	ECAPI_CHANGE_VALUE,			/* name, a string: a value of an enum */
	ECAPI_CHANGE_CONSTRAINT,	/* no name: any key or path over foreign keys, of relation */
	ECAPI_CHANGE_JOIN			/* no name: a path that states a join, to relation */
} EcapiChangeKind;

typedef struct EcapiChange
{
	EcapiChangeKind kind;
	const char *what;			/* for messages: "drop column \"total\"" */
	const char *schema;
	const char *name;
	Oid			relation;		/* InvalidOid: any */
} EcapiChange;

/*
 * Whether a track can mention it at all.  Spares reading most tracks, and costs a look
 * at the argument's text.
 */
extern bool ecapi_may_mention(const EcapiDeclared *declared, const EcapiChange *change);

/* Whether the texts of a track mention it, of any relation. */
extern bool ecapi_track_mentions(const EcapiTrack *track, const EcapiChange *change);

#endif							/* ECAPI_NEED_H */
