/*
 * mapping.h
 *	  What a track says: the argument of its trigger.
 *
 * {"event_type": "purchase", "table": "orders", "key": ["id"],
 *  "condition": "status = 'paid'", "on_change": ["refunded"],
 *  "at_commit": true, "on_error": "raise",
 *  "mapping": {"*": "checkout", "value": "total", "properties.items": "(select ...)"}}
 *
 * "id": "*" and "data_set_id": "*" say that these may come from the layers below
 * the mapping, which set them on no other word.
 *
 * Only event_type must be there.  What depends on the table (does a column
 * exist, what is its type) is not looked at here but in program.c.
 */
#ifndef ECAPI_MAPPING_H
#define ECAPI_MAPPING_H

#include "postgres.h"

#include "event/fields.h"
#include "event/value.h"
#include "settings.h"

/* Entries of a mapping; the standard has 106 fields, ext a few more. */
#define ECAPI_MAX_MAPPED	200

/* Levels of a field path. */
#define ECAPI_MAX_STEPS		8

/* What the layers below the mapping may set, beside what they always may. */
#define ECAPI_TAKES_ID				0x01
#define ECAPI_TAKES_DATA_SET_ID		0x02

/* One entry of a mapping: a field of the event and where its value comes from. */
typedef struct EcapiMapped
{
	const char *path;			/* "user_data.email_address"; "*": a fragment */
	int			nsteps;			/* of path; 0 for a fragment */
	const char *steps[ECAPI_MAX_STEPS];
	const EcapiField *field;	/* NULL: a fragment, or inside an ext */
	const char *source;			/* column, foreign-key path or SQL; NULL: constant */
	const EcapiValue *constant; /* a number or a boolean */
} EcapiMapped;

typedef struct EcapiTrack
{
	const char *event_type;
	const char *table;			/* first part of default ids; NULL: as the relation is now */
	int			nkeys;			/* 0: the relation's primary key */
	const char **keys;
	const char *condition;		/* NULL: none */
	int			nchanges;
	const char **changes;		/* on_change */
	bool		at_commit;
	EcapiOnError on_error;
	int			takes;			/* ECAPI_TAKES_ bits */
	int			nmapped;
	EcapiMapped *mapped;
} EcapiTrack;

/*
 * Read a trigger's argument (JSON text, server encoding).  The result and all
 * it points to lives in context.  Raises an error for what is no JSON object,
 * for an unknown key, event type or field (with the closest right one as a
 * hint), for two sources of one field, and for what is of the wrong JSON type.
 */
extern EcapiTrack *ecapi_track_parse(const char *json, MemoryContext context);

/* The argument that says the same, as JSON text in the current context. */
extern char *ecapi_track_write(const EcapiTrack *track);

#endif							/* ECAPI_MAPPING_H */
