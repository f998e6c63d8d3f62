/*
 * rename.c
 *	  A renamed column: the tracks that name it are rewritten, where it is clear how.
 *
 * It is clear of a column, a key, on_change, a step of a foreign-key path, new.column
 * and old.column, and bare columns in conditions.  A part is rewritten only where it
 * no longer compiles, and only to something that does.  Where nothing helps, the
 * track stays as it is, and the rename is refused if that breaks it (affected.c).
 *
 * Locks: a rewritten track's table is locked in ShareUpdateExclusive mode,
 * which keeps other DDL out and lets writers in.  A statement that is running
 * there sees the renamed column and the new argument together, for both come
 * with one commit, and a program is compiled from the argument as it is then.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "nodes/pg_list.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "base/subtransaction.h"
#include "capture/tracks.h"
#include "rowsql/mention.h"
#include "tracking/affected.h"
#include "tracking/own_table.h"
#include "tracking/rename.h"

/* Fields that a part of a track may lack; see complete(). */
#define STAND_INS	3

/* Names in a path: its steps may state a schema and a table each. */
#define MAX_PATH_NAMES	(3 * ECAPI_MAX_STEPS)

/*
 * What a rename waits, in ms, for the lock on a track that it rewrites: longer than
 * the server's deadlock_timeout by default, after which an autovacuum gives way.
 */
#define WRITE_LOCK_MS	2000

/*
 * Complete a part of a track by constants, so that it compiles alone: without
 * a key, and where one field needs another.
 */
static void
complete(EcapiTrack *track)
{
	static const char *const needed[STAND_INS] = {"id", "currency_code", "custom_event"};

	for (int i = 0; i < STAND_INS; i++)
	{
		EcapiMapped *entry = &track->mapped[track->nmapped];
		bool		mapped = false;

		for (int j = 0; j < track->nmapped; j++)
			if (strcmp(track->mapped[j].path, needed[i]) == 0)
				mapped = true;
		if (mapped)
			continue;
		memset(entry, 0, sizeof(*entry));
		entry->path = entry->steps[0] = needed[i];
		entry->nsteps = 1;
		entry->field = ecapi_field_named(needed[i], strlen(needed[i]));
		entry->source = "'x'::pg_catalog.text";
		track->nmapped++;
	}
}

typedef struct Rename
{
	const char *from;
	const char *to;
	List	   *tree;			/* relations whose column was renamed */
	Relation	relation;		/* of the track that is being looked at */
	bool		own;			/* the column is one of that relation */
	bool		may_wait;		/* see look.h */
} Rename;

/*
 * Whether a part of a track compiles alone: an entry of its mapping with a source, or
 * (mapped NULL) its condition.
 */
static bool
compiles(const EcapiTrack *track, const EcapiMapped *mapped, const char *text,
		 const Rename *rename)
{
	EcapiTrack	alone = *track;
	EcapiMapped entries[1 + STAND_INS];
	char	   *problem;

	alone.mapped = entries;
	alone.nmapped = 0;
	alone.condition = NULL;
	alone.nchanges = alone.nkeys = 0;
	if (mapped)
	{
		entries[alone.nmapped] = *mapped;
		entries[alone.nmapped++].source = text;
	}
	else
		alone.condition = text;
	complete(&alone);
	return ecapi_look_compile(&alone, rename->relation, rename->may_wait, &problem) == ECAPI_LOOKED_VALID;
}

/*
 * What a source becomes: one that compiles, or the same when nothing helps.
 * A source that is a column's name as it stands may be one that SQL would
 * quote, so both ways to write the new one are tried.
 */
static const char *
follow_source(const EcapiTrack *track, const EcapiMapped *mapped, const Rename *rename)
{
	const char *source = mapped->source;
	const char *renamed;

	if (source == NULL || !ecapi_mentions(source, rename->from, false) ||
		compiles(track, mapped, source, rename))
		return source;
	if (rename->own && strcmp(source, rename->from) == 0 &&
		compiles(track, mapped, rename->to, rename))
		return rename->to;
	for (int step = 0; step < MAX_PATH_NAMES; step++)
	{
		if (step == 0 && !rename->own)
			continue;
		if (!ecapi_mention_is_path(source) && step > 0)
			break;
		renamed = ecapi_mention_rename(source, rename->from, rename->to,
									   ECAPI_MENTION_STEP, step);
		if (renamed && compiles(track, mapped, renamed, rename))
			return renamed;
	}
	if (!rename->own)
		return source;
	renamed = ecapi_mention_rename(source, rename->from, rename->to, ECAPI_MENTION_ROW, 0);
	return renamed && compiles(track, mapped, renamed, rename) ? renamed : source;
}

static const char *
follow_condition(const EcapiTrack *track, const Rename *rename)
{
	const char *condition = track->condition;
	const char *renamed;

	if (condition == NULL || !rename->own ||
		!ecapi_mentions(condition, rename->from, false) ||
		compiles(track, NULL, condition, rename))
		return condition;
	renamed = ecapi_mention_rename(condition, rename->from, rename->to,
								   ECAPI_MENTION_ROW_OR_BARE, 0);
	return renamed && compiles(track, NULL, renamed, rename) ? renamed : condition;
}

static void
follow_names(const char **names, int n, const Rename *rename)
{
	for (int i = 0; i < n; i++)
		if (rename->own && strcmp(names[i], rename->from) == 0)
			names[i] = rename->to;
}

/* Let a track read as it must after a rename. */
static void
follow_track(EcapiTrack *track, const Rename *rename)
{
	follow_names(track->keys, track->nkeys, rename);
	follow_names(track->changes, track->nchanges, rename);
	track->condition = follow_condition(track, rename);
	for (int i = 0; i < track->nmapped; i++)
		track->mapped[i].source = follow_source(track, &track->mapped[i], rename);
}

/* In a subtransaction that is kept; the limit ends with this. */
static void
lock_in_time(void *arg)
{
	int			nest = ecapi_limit_lock_wait(WRITE_LOCK_MS);

	LockRelationOid(*(Oid *) arg, ShareUpdateExclusiveLock);
	AtEOXact_GUC(false, nest);
}

/*
 * Lock the table of a track that is rewritten.  Other roles' sessions may hold theirs
 * for as long as they like, so it is waited for only so long.
 */
static bool
lock_to_write(Oid relation, bool may_wait)
{
	ErrorData  *error;

	if (may_wait)
	{
		LockRelationOid(relation, ShareUpdateExclusiveLock);
		return true;
	}
	error = ecapi_subtransaction(lock_in_time, &relation, true);
	if (error != NULL && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(error);
	return error == NULL;
}

/* Rewrite a track whose relation is open. */
static void
follow_rename(const EcapiDeclared *declared, EcapiTrack *track, EcapiBefore *before,
			  const Rename *rename, const EcapiChange *change)
{
	const char *was = ecapi_track_write(track);
	const char *argument;

	follow_track(track, rename);
	ecapi_affected_refuse(declared, track, before, change);
	argument = ecapi_track_write(track);
	if (strcmp(argument, was) == 0)
		return;
	if (lock_to_write(declared->relation, before->own))
		ecapi_declared_write(declared, argument);
	else
		ecapi_affected_warn(declared, before, "not rewritten: another session has locked its table");
}

static void
follow_rename_in(const EcapiDeclared *declared, EcapiTrack *track, EcapiBefore *before,
				 const EcapiChange *change, void *arg)
{
	Rename	   *rename = arg;

	rename->own = list_member_oid(rename->tree, declared->relation);
	rename->may_wait = before->own;
	if (!ecapi_look_lock(declared->relation, before->own))
	{
		ecapi_affected_warn(declared, before, "not looked at: another session has locked its table");
		return;
	}
	rename->relation = try_table_open(declared->relation, NoLock);
	if (rename->relation != NULL)
	{
		follow_rename(declared, track, before, rename, change);
		table_close(rename->relation, NoLock);
	}
	UnlockRelationOid(declared->relation, AccessShareLock);
}

/* Columns keep their names over the whole tree of a table. */
void
ecapi_rename_column(Oid relid, const char *from, const char *to)
{
	Rename		rename = {.from = from,.to = to};
	EcapiChange change = {.kind = ECAPI_CHANGE_COLUMN,.name = from,.relation = relid};

	rename.tree = find_all_inheritors(relid, NoLock, NULL);
	change.what = psprintf("rename column \"%s\"", from);
	ecapi_affected_each(&change, follow_rename_in, &rename);
}
