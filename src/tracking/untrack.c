/*
 * untrack.c
 *	  ecapi.untrack(): the end of tracks.
 *
 *	CREATE FUNCTION ecapi.untrack(
 *		relation regclass,
 *		event_type text DEFAULT NULL,
 *		name text DEFAULT NULL
 *	) RETURNS void
 *
 * Drops the tracks of an event type, of a name, or of both; without either the only
 * one.  A track whose argument cannot be read has no event type, and goes by its name.
 *
 * Locks: AccessExclusive on the table (own_table.c), which DROP TRIGGER needs.
 */
#include "postgres.h"

#include "access/relation.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/argument.h"
#include "capture/find.h"
#include "capture/tracks.h"
#include "rowsql/names.h"
#include "event/closest.h"
#include "tracking/look.h"
#include "tracking/own_table.h"

PG_FUNCTION_INFO_V1(ecapi_untrack);

/* Names of tracks, for hints. */
static const char *
declared_name_nth(int i, void *arg)
{
	List	   *tracks = arg;

	return i < list_length(tracks) ? ecapi_declared_name(list_nth(tracks, i)) : NULL;
}

static bool
is_meant(const EcapiDeclared *declared, const char *event_type, const char *name)
{
	if (name && !ecapi_track_is_called(NameStr(declared->name), name))
		return false;
	if (event_type)
	{
		EcapiTrack *track = ecapi_declared_track(declared);

		return track && strcmp(track->event_type, event_type) == 0;
	}
	return true;
}

static void
no_such_track(const char *table, List *tracks, const char *event_type, const char *name)
{
	const char *word = name ? name : event_type;
	const char *closest;

	if (tracks == NIL || word == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table %s is not tracked", table)));
	closest = ecapi_closest(word, strlen(word), declared_name_nth, tracks);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("table %s has no track \"%s\"", table, word),
			 closest ? errhint("Perhaps you meant \"%s\".", closest)
			 : errhint("The view ecapi.track lists the tracks of a table.")));
}

Datum
ecapi_untrack(PG_FUNCTION_ARGS)
{
	const char *event_type = ecapi_argument_text(fcinfo, 1);
	const char *name = ecapi_argument_text(fcinfo, 2);
	const char *table;
	Relation	relation;
	List	   *tracks;
	ListCell   *cell;
	bool		found = false;
	int			nest;

	if (PG_ARGISNULL(0))
		ecapi_argument_refuse_null("relation");
	table = ecapi_names_relation(PG_GETARG_OID(0));
	nest = ecapi_own_table_limit();
	relation = ecapi_own_table_open(PG_GETARG_OID(0), table, AccessExclusiveLock);
	tracks = ecapi_declared_list(RelationGetRelid(relation));
	relation_close(relation, NoLock);
	if (event_type == NULL && name == NULL && list_length(tracks) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("table %s has %d tracks", table, list_length(tracks)),
				 errhint("Say by event_type or name which one to drop.")));
	foreach(cell, tracks)
	{
		const EcapiDeclared *declared = lfirst(cell);

		if (!is_meant(declared, event_type, name))
			continue;
		found = true;
		ecapi_own_table_run(psprintf("DROP TRIGGER %s ON %s",
									 quote_identifier(NameStr(declared->name)), table),
							table);
	}
	if (!found)
		no_such_track(table, tracks, event_type, name);
	AtEOXact_GUC(true, nest);
	PG_RETURN_VOID();
}
