/*
 * suggest_identity.c
 *	  Whether the customer is the same one to all tracks.
 *
 * A platform takes two identifiers for two people.  Where one table names the
 * customer by a key of users and another by a key of customers, each purchase
 * and each sign-up is somebody else's.  So a suggestion is compared with the
 * tracks that run as the same role, and a difference is a NOTICE.
 *
 * An identifier is known by the column that it comes from in the end: the one
 * that a foreign key refers to, or a column of a table of customers itself.
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"

#include "base/catalog.h"
#include "base/run_as.h"
#include "capture/tracks.h"
#include "rowsql/names.h"
#include "tracking/look.h"
#include "tracking/suggest_identity.h"
#include "tracking/suggest_person.h"
#include "tracking/suggest_reach.h"
#include "tracking/suggest_source.h"
#include "tracking/suggest_tables.h"

#define IDENTIFIER	"user_data.customer_identifier"

typedef struct Identity
{
	Oid			relid;
	AttrNumber	column;
} Identity;

/* What a source of a search's relation is in the end; false: not known. */
static bool
identify(const EcapiSuggestion *search, const char *text, Identity *identity)
{
	const EcapiSuggestTable *table;
	const EcapiSuggestColumn *column = ecapi_suggest_column_of_source(search, text, &table);

	if (column == NULL)
		return false;
	identity->relid = ecapi_suggest_referred(search, table, column, &identity->column);
	if (!OidIsValid(identity->relid))
	{
		if (!ecapi_suggest_is_person_table(table->relname))
			return false;
		identity->relid = table->relid;
		identity->column = column->number;
	}
	return true;
}

/* The same of a track's mapping. */
static bool
identify_track(Relation relation, const EcapiTrack *track, Identity *identity)
{
	EcapiSuggestion search = {.relation = relation};

	for (int i = 0; i < track->nmapped; i++)
	{
		if (strcmp(track->mapped[i].path, IDENTIFIER) != 0 || track->mapped[i].source == NULL)
			continue;
		search.role = ecapi_run_as(relation->rd_rel->relowner);
		search.superuser = superuser_arg(search.role);
		ecapi_suggest_read_tables(&search);
		return identify(&search, track->mapped[i].source, identity);
	}
	return false;
}

/* Whether a track runs as a role. */
static bool
is_of_role(const EcapiDeclared *declared, Oid role)
{
	Oid			owner = ecapi_relation_owner(declared->relation);

	return OidIsValid(owner) && ecapi_run_as(owner) == role;
}

/* The same of a track whose table no other session has locked; false otherwise. */
static bool
identify_declared(const EcapiDeclared *declared, Identity *identity)
{
	EcapiTrack *track = ecapi_look_too_long(declared) ? NULL : ecapi_declared_track(declared);
	Relation	relation;
	bool		known = false;

	if (track == NULL || !ecapi_look_lock(declared->relation, false))
		return false;
	relation = try_table_open(declared->relation, NoLock);
	if (relation != NULL)
	{
		known = identify_track(relation, track, identity);
		table_close(relation, NoLock);
	}
	UnlockRelationOid(declared->relation, AccessShareLock);
	return known;
}

static void
note(EcapiSuggestion *search, const Identity *here, const Identity *there,
	 const EcapiDeclared *declared)
{
	ecapi_suggest_notice(search,
						 psprintf("\"%s\" differs from that of track \"%s\" on table %s",
								  IDENTIFIER, ecapi_declared_name(declared),
								  ecapi_names_relation(declared->relation)),
						 psprintf("Here it is column \"%s\" of table %s, there column \"%s\" of table %s.",
								  get_attname(here->relid, here->column, false),
								  ecapi_names_relation(here->relid),
								  get_attname(there->relid, there->column, false),
								  ecapi_names_relation(there->relid)),
						 "To platforms these are two people; map the same one in both, such as by a foreign-key path.");
}

/* The older first, so that of several the same one is named wherever its row stands. */
static int
by_age(const ListCell *a, const ListCell *b)
{
	Oid			left = ((const EcapiDeclared *) lfirst(a))->trigger;
	Oid			right = ((const EcapiDeclared *) lfirst(b))->trigger;

	return left < right ? -1 : left > right ? 1 : 0;
}

void
ecapi_suggest_compare_identity(EcapiSuggestion *search)
{
	const EcapiSuggestSource *source = ecapi_suggest_source_of(search, IDENTIFIER);
	Identity	here;
	List	   *tracks;
	ListCell   *cell;

	if (source == NULL || !identify(search, source->text, &here))
		return;
	tracks = ecapi_declared_list(InvalidOid);
	list_sort(tracks, by_age);
	foreach(cell, tracks)
	{
		const EcapiDeclared *declared = lfirst(cell);
		Identity	there;

		CHECK_FOR_INTERRUPTS();
		if (declared->relation == RelationGetRelid(search->relation) ||
			!is_of_role(declared, search->role) ||
			!identify_declared(declared, &there) ||
			(there.relid == here.relid && there.column == here.column))
			continue;
		note(search, &here, &there, declared);
		return;
	}
}
