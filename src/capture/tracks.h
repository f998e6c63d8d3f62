/*
 * tracks.h
 *	  Tracks as the catalogs have them: triggers of ecapi.capture().
 */
#ifndef ECAPI_TRACKS_H
#define ECAPI_TRACKS_H

#include "postgres.h"

#include "capture/mapping.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/* How ecapi.track() names the trigger of a track, before the track's name. */
#define ECAPI_TRACK_PREFIX	"ecapi_"

/* A trigger that calls ecapi.capture(). */
typedef struct EcapiDeclared
{
	Oid			trigger;
	Oid			relation;
	Oid			parent;			/* trigger that this is a partition's copy of */
	NameData	name;			/* of the trigger */
	int16		type;			/* bits of pg_trigger.tgtype */
	bool		is_constraint;
	bool		has_when;		/* a WHEN clause */
	bool		has_columns;	/* UPDATE OF column, ... */
	bool		has_new_table;	/* a transition table of new rows */
	const char *argument;		/* JSON text; NULL: not exactly one argument */
} EcapiDeclared;

/* What kind of trigger a track needs on a relation. */
typedef struct EcapiTrackShape
{
	bool		set_wise;		/* for each statement, with a transition table */
	int16		events;			/* TRIGGER_TYPE_INSERT, ... */
} EcapiTrackShape;

/*
 * The tracks of a relation, or of all (InvalidOid); partitions' copies left
 * out.  A list of EcapiDeclared in the current context, in no order.
 */
extern List *ecapi_declared_list(Oid relation);

/* One trigger; NULL when it is gone or no trigger of ecapi.capture(). */
extern EcapiDeclared *ecapi_declared_get(Oid trigger);

/* A track's name as ecapi.track() takes it: that of its trigger without our prefix. */
extern const char *ecapi_track_name(const char *trigger);
extern const char *ecapi_declared_name(const EcapiDeclared *declared);

/*
 * Give a track and its partitions' copies another argument (JSON text, server
 * encoding).  Writes the catalog whatever the current role may do; the caller
 * holds a lock on the relation that keeps other DDL out.
 */
extern void ecapi_declared_write(const EcapiDeclared *declared, const char *argument);

/* The trigger that a track needs on a relation. */
extern EcapiTrackShape ecapi_track_shape(const EcapiTrack *track, Relation relation, bool always);

/* "INSERT OR UPDATE", in the current context. */
extern const char *ecapi_track_event_names(int16 events);

/*
 * Why a relation cannot be tracked: raises an error unless it can.  Looks at
 * its kind only.
 */
extern void ecapi_refuse_relation(Relation relation);

/*
 * Raise an error unless a trigger is one that can serve its argument, on a
 * relation that can be tracked.  Returns the argument, read.  Whether columns
 * and other tables are there is not looked at: in a restore they come later.
 */
extern EcapiTrack *ecapi_declared_check(const EcapiDeclared *declared, Relation relation);

#endif							/* ECAPI_TRACKS_H */
