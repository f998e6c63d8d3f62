/*
 * reload.c
 *	  What the tables say of destinations: foreign servers, matched with their
 *	  cursors.
 *
 * Looked at when the worker starts, when a server or user mapping changes, or a
 * role or the right to use the wrapper, on which delivery depends, and when an
 * operator pauses, resumes, adopts or rebases.  What event triggers
 * did not do (they are skipped under session_replication_role = replica) is
 * done here: a server without a cursor gets one, a cursor follows its server
 * by oid or by name, and a cursor of a server that is gone is deleted.  So is
 * what pg_upgrade does not carry: servers depend on their enrichments again
 * (declared.c).  The worker has put the oids of servers right before (new_oids.c).
 *
 * Of several workers the lead does all of that.  Another one reads what it has, and writes
 * the cursor of such a destination again when its row is gone.
 *
 * A reload has two parts.  This one has all its statements, in one transaction; it
 * reads and writes tables and leaves the worker's memory as it is.  When that
 * transaction has committed, destinations.c takes over what was found, and runs no
 * statement.  So when a statement fails, destinations stay as they were, and the
 * reload is repeated as a whole.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/statement.h"
#include "destination/options.h"
#include "enrich/declared.h"
#include "outbox/cursor.h"
#include "outbox/guard.h"
#include "outbox/snapshot.h"
#include "pipeline/destination.h"
#include "pipeline/destinations.h"
#include "pipeline/own.h"
#include "pipeline/reload.h"
#include "pipeline/worker_state.h"
#include "records/failed.h"
#include "records/measure.h"
#include "records/receipt.h"
#include "records/replay.h"
#include "shmem/workers.h"

/*
 * By SQL and not through the system caches: their invalidations are sent after the
 * commit has woken this process, so a cache may still be old.
 */
static EcapiStatement servers = {
	"SELECT s.oid, s.srvname, s.srvoptions, m.umoptions, r.rolname, r.rolsuper,"
	" pg_catalog.has_foreign_data_wrapper_privilege(s.srvowner, s.srvfdw, 'USAGE'), s.srvowner"
	" FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_roles r"
	" ON r.oid OPERATOR(pg_catalog.=) s.srvowner LEFT JOIN pg_catalog.pg_user_mapping m"
	" ON m.umserver OPERATOR(pg_catalog.=) s.oid AND m.umuser OPERATOR(pg_catalog.=) 0"
	" WHERE s.srvfdw OPERATOR(pg_catalog.=) $1",
	1, {OIDOID}, NULL
};

static EcapiStatement server_oids = {
	"SELECT oid FROM pg_catalog.pg_foreign_server WHERE srvfdw OPERATOR(pg_catalog.=) $1",
	1, {OIDOID}, NULL
};

static EcapiStatement controls = {
	"SELECT destination, paused, resumed_at, blamed_at FROM ecapi.control",
	0, {0}, NULL
};

static EcapiFound *
found_of_oid(List *all, Oid oid)
{
	ListCell   *cell;

	foreach(cell, all)
		if (((EcapiFound *) lfirst(cell))->server == oid)
			return lfirst(cell);
	return NULL;
}

static EcapiFound *
found_of_name(List *all, const char *name)
{
	ListCell   *cell;

	foreach(cell, all)
		if (strcmp(((EcapiFound *) lfirst(cell))->name, name) == 0)
			return lfirst(cell);
	return NULL;
}

/* ---- reading ---- */

/* All servers of our wrapper, in context. */
static List *
load_servers(MemoryContext context)
{
	List	   *result = NIL;
	uint64		n = ecapi_query(&servers, ecapi_arg_oid(ecapi_wrapper()));
	MemoryContext old = MemoryContextSwitchTo(context);

	for (uint64 i = 0; i < n; i++)
	{
		EcapiFound *found = palloc0(sizeof(EcapiFound));

		found->server = ecapi_column_oid(i, 1);
		found->name = pstrdup(ecapi_column_name(i, 2));
		found->options = untransformRelOptions(ecapi_column_datum(i, 3));
		found->mapping = untransformRelOptions(ecapi_column_datum(i, 4));
		found->owner.name = pstrdup(ecapi_column_name(i, 5));
		found->owner.superuser = ecapi_column_bool(i, 6);
		found->owner.has_usage = ecapi_column_bool(i, 7);
		found->role = ecapi_column_oid(i, 8);
		result = lappend(result, found);
	}
	MemoryContextSwitchTo(old);
	return result;
}

/* What operators have asked for. */
static void
load_controls(List *all)
{
	uint64		n = ecapi_query(&controls);

	for (uint64 i = 0; i < n; i++)
	{
		EcapiFound *found = found_of_name(all, ecapi_column_name(i, 1));

		if (found == NULL)
			continue;
		found->paused = ecapi_column_bool(i, 2);
		found->resumed_at = ecapi_column_time(i, 3);
		found->blamed_at = ecapi_column_time(i, 4);
	}
}

/*
 * The cursor of a server: by oid, of several the one with its name; else by name
 * when it has no server.
 */
static EcapiCursor *
cursor_of(List *cursors, const EcapiFound *found, List *all)
{
	ListCell   *cell;
	EcapiCursor *by_oid = NULL;
	EcapiCursor *by_name = NULL;

	foreach(cell, cursors)
	{
		EcapiCursor *cursor = lfirst(cell);
		bool		same_name = strcmp(NameStr(cursor->destination), found->name) == 0;

		if (cursor->server == found->server && (same_name || by_oid == NULL))
			by_oid = cursor;
		if (same_name && found_of_oid(all, cursor->server) == NULL)
			by_name = cursor;
	}
	return by_oid != NULL ? by_oid : by_name;
}

/* ---- fixing cursors ---- */

/* Delete a cursor that belongs to no destination, with its failed events and replays. */
static void
end_cursor(const EcapiCursor *cursor, const EcapiFound *owner)
{
	const char *name = NameStr(cursor->destination);

	if (owner != NULL)
		ereport(LOG,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("cursor \"%s\" was removed: it names the server of destination \"%s\"",
						name, owner->name)));
	ecapi_cursor_delete(name, cursor->server);
	ecapi_failed_end(name);
	ecapi_receipt_end(name);
	ecapi_measure_end(name);
	ecapi_replay_forget(name);
}

/* Delete the cursors that belong to no destination. */
static void
end_cursors(List *cursors, List *all)
{
	ListCell   *cell;

	foreach(cell, cursors)
	{
		EcapiCursor *cursor = lfirst(cell);
		bool		taken = false;
		ListCell   *inner;

		foreach(inner, all)
			taken |= ((EcapiFound *) lfirst(inner))->cursor == cursor;
		if (!taken)
			end_cursor(cursor, found_of_oid(all, cursor->server));
	}
}

/* A cursor follows its server; whether it was behind. */
static bool
bind_cursor(const EcapiFound *found)
{
	EcapiCursor *cursor = found->cursor;
	bool		same_name = strcmp(NameStr(cursor->destination), found->name) == 0;

	if (same_name && cursor->server == found->server)
		return false;
	ecapi_cursor_bind(cursor->server, NameStr(cursor->destination),
					  found->server, found->name);
	if (!same_name)
	{
		ecapi_failed_rename(NameStr(cursor->destination), found->name);
		ecapi_receipt_rename(NameStr(cursor->destination), found->name);
		ecapi_measure_rename(NameStr(cursor->destination), found->name);
		ecapi_replay_rename(NameStr(cursor->destination), found->name);
	}
	cursor->server = found->server;
	namestrcpy(&cursor->destination, found->name);
	return true;
}

/*
 * A cursor for a server that has none.  Of a destination that another worker has, that one
 * writes it.  One that was deleted during delivery is
 * written again from memory; the rest of its row follows with the next record.
 */
static void
create_cursor(EcapiFound *found, const EcapiDestination *known, MemoryContext context)
{
	EcapiOrigin origin = {GetSystemIdentifier(), MyDatabaseId};
	MemoryContext old = MemoryContextSwitchTo(context);
	EcapiCursor *cursor = palloc0(sizeof(EcapiCursor));

	namestrcpy(&cursor->destination, found->name);
	cursor->server = found->server;
	cursor->state = "starting";
	cursor->from = known != NULL ? known->live.done.from->snapshot : ecapi_snapshot_start();
	MemoryContextSwitchTo(old);
	if (known == NULL)
		(void) ecapi_options_origin(found->options, &origin);
	cursor->system_identifier = origin.system_identifier;
	cursor->database = origin.database;
	ecapi_cursor_create(cursor);
	found->cursor = cursor;
	found->rewritten = known != NULL;
	ereport(LOG,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 known != NULL ?
			 errmsg("cursor of destination \"%s\" was gone and is written again", found->name) :
			 errmsg("destination \"%s\" had no cursor and starts with what commits from now on",
					found->name)));
}

/* ---- guards ---- */

/* The destination in memory, if its guard is off; else NULL. */
static const EcapiDestination *
unguarded(const EcapiFound *found)
{
	const EcapiDestination *known = ecapi_destination_of(found->server);

	return known != NULL && !known->guarded ? known : NULL;
}

/*
 * Look whether guards may come off; after all else was read and written.  Of a destination
 * of another worker without a cursor there is nothing to look at.
 */
static void
check_guards(List *all, MemoryContext context)
{
	EcapiCounter counter;
	MemoryContext old;
	bool		any = false;
	ListCell   *cell;

	foreach(cell, all)
		any |= unguarded(lfirst(cell)) == NULL;
	if (!any)
		return;
	counter = ecapi_guard_counter();
	old = MemoryContextSwitchTo(context);
	foreach(cell, all)
	{
		EcapiFound *found = lfirst(cell);

		if (unguarded(found) == NULL && found->cursor != NULL)
			found->guard = ecapi_guard_reason(found->cursor, &counter);
	}
	MemoryContextSwitchTo(old);
}

/* ---- the whole ---- */

bool
ecapi_reload_own(Oid *waits_for)
{
	uint64		n = ecapi_query(&server_oids, ecapi_arg_oid(ecapi_wrapper()));
	bool		taken = false;

	*waits_for = InvalidOid;
	for (uint64 i = 0; i < n; i++)
	{
		Oid			server = ecapi_column_oid(i, 1);

		if (ecapi_own_has(server) || ecapi_assigned_to(server) != ecapi_worker_number())
			continue;
		if (ecapi_own_take(server))
			taken = true;
		else
			*waits_for = server;
	}
	return taken;
}

/* The lead puts the cursors of all destinations right. */
static void
fix_cursors(List *cursors, List *all, MemoryContext context)
{
	ListCell   *cell;

	/* first, because a name of one of them may be that of another destination now */
	end_cursors(cursors, all);
	foreach(cell, all)
	{
		EcapiFound *found = lfirst(cell);

		if (found->cursor != NULL)
			ecapi_me.tell_others |= bind_cursor(found) && !found->mine;
		else if (found->mine || ecapi_own_is_free(found->server))
		{
			create_cursor(found, unguarded(found), context);
			ecapi_me.tell_others |= !found->mine;
		}
	}
}

/* Those of all that another worker than the lead has, and that have a cursor. */
static List *
find_own(List *all, MemoryContext context)
{
	List	   *own = NIL;
	ListCell   *cell;

	foreach(cell, all)
	{
		EcapiFound *found = lfirst(cell);
		MemoryContext old;

		if (!found->mine)
			continue;
		if (found->cursor == NULL && unguarded(found) != NULL)
			create_cursor(found, unguarded(found), context);
		/* else the lead has yet to make one, or to bind it */
		if (found->cursor == NULL || found->cursor->server != found->server)
			continue;
		old = MemoryContextSwitchTo(context);
		own = lappend(own, found);
		MemoryContextSwitchTo(old);
	}
	return own;
}

/* Take the cursors of destinations whose guards come off, or whose rows are new. */
static void
take_cursors(List *all)
{
	ListCell   *cell;

	foreach(cell, all)
	{
		EcapiFound *found = lfirst(cell);

		if (!found->mine || found->cursor == NULL || found->guard != NULL ||
			(unguarded(found) != NULL && !found->rewritten))
			continue;
		found->token = ecapi_cursor_take(found->server);
		/* it was dropped a moment ago */
		if (found->token < 0)
			found->cursor = NULL;
	}
}

List *
ecapi_reload_find(MemoryContext context)
{
	List	   *all = load_servers(context);
	List	   *cursors = ecapi_cursor_load(context);
	List	   *measured;
	ListCell   *cell;

	load_controls(all);
	foreach(cell, all)
	{
		EcapiFound *found = lfirst(cell);

		found->cursor = cursor_of(cursors, found, all);
		found->mine = ecapi_own_has(found->server);
		found->leaves = found->mine &&
			ecapi_assigned_to(found->server) != ecapi_worker_number();
	}
	if (ecapi_worker_leads())
	{
		ecapi_enrich_depend_before(ecapi_wrapper(), false);
		fix_cursors(cursors, all, context);
	}
	else
		all = find_own(all, context);
	/* under the names of now */
	measured = ecapi_measure_load(NULL, context);
	foreach(cell, all)
		((EcapiFound *) lfirst(cell))->measured = measured;
	check_guards(all, context);
	take_cursors(all);
	return all;
}
