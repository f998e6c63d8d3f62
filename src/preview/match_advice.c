/*
 * match_advice.c
 *	  What to do for an identifier that events lack: the line of a mapping.
 *
 * The lines are those of ecapi.suggest_mapping() for the tables whose tracks make such
 * events.  A table that is locked against readers, or whose foreign keys lead to one, is
 * passed over: advice is not worth waiting for.  So is a track that cannot be read, or is
 * too long to be read in another role's session.
 *
 * Names of tables and columns are quoted as SQL and JSON want them; no row is read.
 *
 * Locks: AccessShareLock on each of these tables, and on those that their foreign keys lead
 * to, while it is looked at; they go with the subtransaction of the look.
 */
#include "postgres.h"

#include "access/relation.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/sql_scope.h"
#include "base/subtransaction.h"
#include "capture/mapping.h"
#include "capture/tracks.h"
#include "event/click_ids.h"
#include "event/event_type.h"
#include "preview/match_advice.h"
#include "tracking/look.h"
#include "tracking/suggest.h"

/* Tables that are looked at for an event type: more lines than anybody reads. */
#define TRACKS_MAX	10

/* As long as a session holds a lock that does not sleep on it, as in tracking/look.c. */
#define LOCK_TIMEOUT	"10ms"

typedef struct Track
{
	const char *relation;		/* its name, quoted */
	EcapiTrack *declared;
	Jsonb	   *mapping;		/* that is suggested */
} Track;

/* One look, in a subtransaction; track stays NULL where the table is locked or gone. */
typedef struct Look
{
	const EcapiDeclared *declared;
	EcapiTrack *parsed;
	Track	   *track;
} Look;

/* What it locks, and its setting, go with the subtransaction. */
static void
look_within(void *arg)
{
	Look	   *look = arg;
	Relation	relation;
	EcapiSuggested suggested;

	(void) NewGUCNestLevel();
	ecapi_sql_set("lock_timeout", LOCK_TIMEOUT);
	if (!ConditionalLockRelationOid(look->declared->relation, AccessShareLock))
		return;
	relation = try_relation_open(look->declared->relation, NoLock);
	if (relation == NULL)
		return;
	ecapi_suggest(relation, look->parsed->event_type, &suggested);
	look->track = palloc(sizeof(Track));
	look->track->relation = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
													   RelationGetRelationName(relation));
	look->track->declared = look->parsed;
	look->track->mapping = suggested.mapping;
	relation_close(relation, NoLock);
}

/* The track of a declaration; NULL: it is not to be looked at now, or of another type. */
static Track *
look_at(const EcapiDeclared *declared, const char *event_type)
{
	Look		look = {.declared = declared};
	ErrorData  *error;

	CHECK_FOR_INTERRUPTS();
	if (declared->argument == NULL || OidIsValid(declared->parent) || ecapi_look_too_long(declared))
		return NULL;
	look.parsed = ecapi_declared_track(declared);
	if (look.parsed == NULL || strcmp(look.parsed->event_type, event_type) != 0)
		return NULL;
	error = ecapi_subtransaction(look_within, &look, false);
	if (error != NULL && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(error);
	return error == NULL ? look.track : NULL;
}

List *
ecapi_match_tracks(int type)
{
	List	   *tracks = NIL;
	ListCell   *cell;

	foreach(cell, ecapi_declared_list(InvalidOid))
	{
		Track	   *track = list_length(tracks) < TRACKS_MAX ?
			look_at(lfirst(cell), ecapi_event_type_name(type)) : NULL;

		if (track != NULL)
			tracks = lappend(tracks, track);
	}
	return tracks;
}

/* Where the track has the field from; NULL: from nowhere. */
static const EcapiMapped *
mapped_to(const Track *track, const char *path)
{
	for (int i = 0; i < track->declared->nmapped; i++)
		if (strcmp(track->declared->mapped[i].path, path) == 0)
			return &track->declared->mapped[i];
	return NULL;
}

/* The source that is suggested for a field, palloc'd; NULL: none. */
static char *
suggested_for(const Track *track, const char *path)
{
	JsonbValue	key;
	JsonbValue *value;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, path);
	key.val.string.len = strlen(path);
	value = findJsonbValueFromContainer(&track->mapping->root, JB_FOBJECT, &key);
	return value != NULL && value->type == jbvString ?
		pnstrdup(value->val.string.val, value->val.string.len) : NULL;
}

static void
add_line(StringInfo advice, const char *path, const char *source)
{
	escape_json(advice, path);
	appendStringInfoString(advice, ": ");
	escape_json(advice, source);
}

/* What there is to do where no column has it. */
static void
add_way(StringInfo advice, const char *path)
{
	const EcapiClickId *click = strncmp(path, ECAPI_CLICK_IDS_PATH, strlen(ECAPI_CLICK_IDS_PATH)) == 0 ?
		ecapi_click_id_lookup(path + strlen(ECAPI_CLICK_IDS_PATH)) : NULL;

	if (click != NULL && click->parameter[0] != '\0' && click->cookie[0] != '\0')
		appendStringInfo(advice, "store the parameter %s of the landing page, or the cookie %s, with the row; then ",
						 click->parameter, click->cookie);
	else if (click != NULL && (click->parameter[0] != '\0' || click->cookie[0] != '\0'))
		appendStringInfo(advice, "store the %s %s with the row; then ",
						 click->cookie[0] != '\0' ? "cookie" : "parameter",
						 click->cookie[0] != '\0' ? click->cookie : click->parameter);
	else if (strstr(path, "_ip_address") != NULL || strstr(path, "_user_agent") != NULL)
		appendStringInfoString(advice, "set ecapi.context in the visitor's transaction, or store it with the row; then ");
	else
		appendStringInfoString(advice, "no column was found; where one has it: ");
	add_line(advice, path, "<column>");
}

char *
ecapi_match_advice(const List *tracks, const char *path, bool *found)
{
	StringInfoData advice;
	const Track *mapped = NULL;
	ListCell   *cell;

	initStringInfo(&advice);
	*found = false;
	foreach(cell, tracks)
	{
		const Track *track = lfirst(cell);
		char	   *source = suggested_for(track, path);

		if (mapped_to(track, path) != NULL)
			mapped = track;
		else if (source != NULL)
		{
			if (advice.len > 0)
				appendStringInfoString(&advice, "; ");
			if (list_length(tracks) > 1)
				appendStringInfo(&advice, "%s: ", track->relation);
			add_line(&advice, path, source);
			*found = true;
		}
	}
	if (advice.len > 0)
		return advice.data;
	if (mapped == NULL)
		add_way(&advice, path);
	else if (mapped_to(mapped, path)->source != NULL)
	{
		appendStringInfo(&advice, "%s maps it, and some events lack it: ", mapped->relation);
		add_line(&advice, path, mapped_to(mapped, path)->source);
	}
	else
		appendStringInfo(&advice, "%s maps it to a constant", mapped->relation);
	return advice.data;
}
