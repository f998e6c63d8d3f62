/*
 * destinations.c
 *	  The destinations there are: foreign servers, matched with their cursors.
 *
 * Reloaded when the worker starts, when a server or user mapping changes, or a
 * role or the right to use the wrapper, on which delivery depends, and when an operator pauses, resumes, adopts or rebases.  What event triggers
 * did not do (they are skipped under session_replication_role = replica) is
 * done here: a server without a cursor gets one, a cursor follows its server
 * by oid or, after pg_upgrade gave out new oids, by name, and a cursor whose
 * server is gone ends.
 *
 * Guards, looked at when a cursor comes into memory:
 *	 copy		a cursor belongs to one cluster (system identifier) and one
 *				database; in a copy of either it must not send real
 *				conversions again, until ecapi.adopt()
 *	 counter	the next transaction id must not lie below what the cursor has
 *				seen, and must lie beyond every stored event; after a reset
 *				counter new events would be taken for old ones, until
 *				ecapi.rebase()
 *	 cursor		a row that somebody else wrote and that cannot be: an end before
 *				the beginning, a position outside, until ecapi.rebase()
 * A guarded destination is stopped, and its position is never written.
 *
 * A transaction of the worker's own; it reads catalogs and our tables and
 * writes at most cursors.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "destination/credentials.h"
#include "worker/internal.h"

typedef struct Control
{
	NameData	destination;
	bool		paused;
	TimestampTz resumed_at;		/* 0: never */
	TimestampTz blamed_at;		/* 0: never */
} Control;

/*
 * By SQL and not through the system caches: their invalidations are sent after
 * the commit has woken us, so a cache may still be old when we look.
 */
static EcapiStatement servers = {
	"SELECT s.oid, s.srvname, s.srvoptions, m.umoptions, r.rolname, r.rolsuper,"
	" pg_catalog.has_foreign_data_wrapper_privilege(s.srvowner, s.srvfdw, 'USAGE')"
	" FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_roles r"
	" ON r.oid OPERATOR(pg_catalog.=) s.srvowner LEFT JOIN pg_catalog.pg_user_mapping m"
	" ON m.umserver OPERATOR(pg_catalog.=) s.oid AND m.umuser OPERATOR(pg_catalog.=) 0"
	" WHERE s.srvfdw OPERATOR(pg_catalog.=) $1",
	1, {OIDOID}, NULL
};

typedef struct Server
{
	Oid			oid;
	const char *name;
	List	   *options;
	List	   *mapping;		/* options of the PUBLIC user mapping */
	EcapiServerOwner owner;
} Server;

static EcapiStatement controls = {
	"SELECT destination, paused, resumed_at, blamed_at FROM ecapi.control",
	0, {0}, NULL
};

static EcapiDestination *
find_destination(Oid server)
{
	dlist_iter	iter;

	dlist_foreach(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);

		if (destination->server == server)
			return destination;
	}
	return NULL;
}

static EcapiDestination *
new_destination(Oid server)
{
	MemoryContext context = AllocSetContextCreate(ecapi_me.context, "ecapi destination",
												  ALLOCSET_DEFAULT_SIZES);
	EcapiDestination *destination = MemoryContextAllocZero(context, sizeof(EcapiDestination));

	destination->context = context;
	destination->server = server;
	destination->journal = AllocSetContextCreate(context, "ecapi journal",
												 ALLOCSET_DEFAULT_SIZES);
	destination->changes_context = AllocSetContextCreate(context, "ecapi changes",
														 ALLOCSET_SMALL_SIZES);
	ecapi_feed_init(&destination->live, ECAPI_FEED_LIVE, destination);
	ecapi_feed_init(&destination->replay, ECAPI_FEED_REPLAY, destination);
	ecapi_feed_init(&destination->failed, ECAPI_FEED_FAILED, destination);
	dlist_init(&destination->flying);
	dlist_init(&destination->suspects);
	dlist_push_tail(&ecapi_me.destinations, &destination->node);
	return destination;
}

static void
free_batches(dlist_head *list)
{
	while (!dlist_is_empty(list))
	{
		EcapiBatch *batch = dlist_head_element(EcapiBatch, node, list);

		if (batch->flying)
			ecapi_http_cancel(ecapi_me.http, batch);
		dlist_delete(&batch->node);
		ecapi_batch_free(batch);
	}
}

/* No request of it flies, and no suspect is of it.  It is read again. */
static void
drop_feed(EcapiFeed *feed)
{
	free_batches(&feed->ready);
	ecapi_feed_drop(feed);
	if (feed->done.from != NULL)
		ecapi_place_copy(&feed->read, &feed->done);
}

static void
free_work(EcapiDestination *destination)
{
	free_batches(&destination->flying);
	free_batches(&destination->suspects);
	destination->nflying = 0;
	destination->nsuspects = 0;
	drop_feed(&destination->live);
	drop_feed(&destination->replay);
	drop_feed(&destination->failed);
	destination->failed_due = 0;
}

/* The server is gone: drop all that this process has of it. */
void
ecapi_destination_forget(EcapiDestination *destination)
{
	free_work(destination);
	ecapi_place_clear(&destination->live.done);
	ecapi_place_clear(&destination->live.read);
	ecapi_place_clear(&destination->replay.done);
	ecapi_place_clear(&destination->replay.read);
	ecapi_tick_drop(destination->give_up_to);
	dlist_delete(&destination->node);
	MemoryContextDelete(destination->context);
}

/*
 * Put down what is in hand and read it again later, so that a destination
 * that sends nothing holds no memory.  Not live ones when events behind the cursor's
 * position are disposed of already (they would be sent twice), nor while
 * requests fly.
 */
void
ecapi_destination_rewind(EcapiDestination *destination)
{
	EcapiFeed  *live = &destination->live;
	EcapiFeed  *replay = &destination->replay;

	if (destination->nflying > 0)
		return;
	if (!dlist_is_empty(&destination->failed.stretches))
	{
		drop_feed(&destination->failed);
		destination->failed_due = 0;
	}
	if (dlist_is_empty(&live->stretches) && dlist_is_empty(&replay->stretches))
		return;
	if (ecapi_feed_in_order(live) && ecapi_feed_in_order(replay))
		free_work(destination);
}

static int64
hash_options(int64 hash, List *options)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);
		char	   *value = defGetString(option);

		hash = (int64) hash_bytes_extended((unsigned char *) option->defname,
										   strlen(option->defname), (uint64) hash);
		hash = (int64) hash_bytes_extended((unsigned char *) value, strlen(value),
										   (uint64) hash);
	}
	return hash;
}

static int64
hash_server(const Server *server)
{
	int64		hash = hash_options(hash_options(1, server->options), server->mapping);
	const EcapiServerOwner *owner = &server->owner;

	hash = (int64) hash_bytes_extended((const unsigned char *) owner->name,
									   strlen(owner->name), (uint64) hash);
	return (int64) ((uint64) hash * 4 + (owner->superuser ? 2 : 0) + (owner->has_usage ? 1 : 0));
}

/* Keep the moment a destination was first seen in test mode. */
static void
note_test_mode(EcapiDestination *destination)
{
	bool		testing = destination->options != NULL &&
		destination->options->mode == ECAPI_MODE_TEST;

	if (destination->options == NULL || testing == (destination->test_since != 0))
		return;
	destination->test_since = testing ? GetCurrentTimestamp() : 0;
	destination->dirty = true;
}

/*
 * Read the options of a destination.  New ones apply to the next request; what
 * flies goes on as it was sent.  They also end a stop.
 */
static void
load_options(EcapiDestination *destination, const Server *server)
{
	int64		hash = hash_server(server);
	MemoryContext context;
	MemoryContext old;
	char		error[512];

	if (destination->options_context != NULL && hash == destination->options_hash)
		return;

	context = AllocSetContextCreate(destination->context, "ecapi options",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	destination->options = ecapi_options_parse(server->options, server->mapping,
											   &server->owner, error, sizeof(error));
	MemoryContextSwitchTo(old);
	if (destination->options_context != NULL)
	{
		MemoryContextDelete(destination->options_context);
		destination->proven = false;
	}
	destination->options_context = context;
	destination->options_hash = hash;
	destination->batch_cap = 0;
	destination->linger_until = 0;
	destination->delay_look = 0;
	ecapi_prepare_reset(destination);
	note_test_mode(destination);
	destination->token_stamp = destination->options == NULL ? 0 :
		ecapi_credentials_stamp(destination->options);

	if (destination->guarded)
		return;
	if (destination->options == NULL)
	{
		destination->state = ECAPI_STARTING;	/* new options end a stop */
		ecapi_state_stop(destination, error);
	}
	else if (destination->state == ECAPI_STARTING && destination->has_stopped_options &&
			 destination->stopped_options == hash)
		destination->state = ECAPI_STOPPED; /* as before the restart */
	else if (destination->state != ECAPI_PAUSED)
		ecapi_state_go(destination);
}

/* Set a guarded destination's state; its row is written, but not its place. */
static void
guard(EcapiDestination *destination, const char *error)
{
	destination->guarded = true;
	ecapi_state_stop(destination, error);
}

/*
 * Look at the guards; see the head of this file.  The counter is read last:
 * others emit meanwhile, and what they stored by then lies below it.
 */
static void
check_guards(EcapiDestination *destination, const EcapiCursor *cursor)
{
	uint64		stored = ecapi_outbox_last_xid();
	uint64		next = U64FromFullTransactionId(ReadNextFullTransactionId());

	if (cursor->problem != NULL)
		guard(destination, psprintf("its cursor was changed by hand, %s; "
									"call ecapi.rebase() to start anew", cursor->problem));
	else if (cursor->system_identifier != GetSystemIdentifier() ||
			 cursor->database != MyDatabaseId)
		guard(destination, "this database is a copy of the one that delivers to it; "
			  "call ecapi.adopt() to deliver from here");
	else if (cursor->from->xmax > next ||
			 (cursor->to != NULL && cursor->to->xmax > next) ||
			 stored >= next)
		guard(destination, "the transaction counter was reset behind its cursor; "
			  "call ecapi.rebase() to start anew");
}

/* Take over what a cursor's row says. */
static void
adopt_row(EcapiDestination *destination, const EcapiCursor *cursor)
{
	EcapiTick  *from = ecapi_tick_intern(cursor->from);
	EcapiTick  *to = cursor->to == NULL ? NULL : ecapi_tick_intern(cursor->to);

	destination->name = cursor->destination;
	ecapi_place_set(&destination->live.done, from, to, cursor->position);
	ecapi_place_set(&destination->live.read, from, to, cursor->position);
	ecapi_tick_drop(from);
	ecapi_tick_drop(to);
	destination->delivered = cursor->delivered;
	destination->filtered = cursor->filtered;
	destination->failed_events = cursor->failed;
	destination->given_up = cursor->given_up;
	destination->enrich_skipped = cursor->enrich_skipped;
	destination->test_since = cursor->test_since;
	destination->proven = cursor->delivered > 0;
	destination->has_stopped_options = cursor->has_stopped_options;
	destination->stopped_options = cursor->stopped_options;
	destination->state = ECAPI_STARTING;
	if (cursor->last_error != NULL)
	{
		destination->last_error = MemoryContextStrdup(destination->context,
													  cursor->last_error);
		destination->last_error_at = cursor->last_error_at;
	}
	destination->guarded = false;
	check_guards(destination, cursor);
}

/*
 * Obey pause and resume, and the blame that a retry or discard lays on events
 * for which the destination has stopped.  A resume may come with it.
 */
static void
apply_control(EcapiDestination *destination, const Control *control)
{
	bool		paused = control != NULL && control->paused;

	if (control != NULL && control->blamed_at > destination->blamed_at)
	{
		destination->blamed_at = control->blamed_at;
		destination->may_blame = destination->state == ECAPI_STOPPED &&
			destination->last_error_at < control->blamed_at;
	}
	if (control != NULL && control->resumed_at > destination->resumed_at)
	{
		bool		first = destination->resumed_at == 0;

		destination->resumed_at = control->resumed_at;
		destination->paused = paused;
		/* at start, an old resume does not undo a later stop */
		if (!destination->guarded && destination->options != NULL &&
			(!first || destination->last_error_at < control->resumed_at))
		{
			ecapi_prepare_resume(destination);
			ecapi_state_go(destination);
		}
	}
	destination->paused = paused;
	if (paused && destination->state != ECAPI_PAUSED &&
		destination->state != ECAPI_STOPPED)
	{
		destination->state = ECAPI_PAUSED;
		destination->dirty = true;
	}
}

static const Server *
server_of_oid(const Server *all, int n, Oid oid)
{
	for (int i = 0; i < n; i++)
		if (all[i].oid == oid)
			return &all[i];
	return NULL;
}

/*
 * The cursor of a server: by oid, of several the one with its name; else by name
 * when it has no server.
 */
static EcapiCursor *
cursor_of(List *cursors, const Server *server, const Server *all, int n)
{
	ListCell   *cell;
	EcapiCursor *by_oid = NULL;
	EcapiCursor *by_name = NULL;

	foreach(cell, cursors)
	{
		EcapiCursor *cursor = lfirst(cell);

		bool		same_name = strcmp(NameStr(cursor->destination), server->name) == 0;

		if (cursor->server == server->oid && (same_name || by_oid == NULL))
			by_oid = cursor;
		if (same_name && server_of_oid(all, n, cursor->server) == NULL)
			by_name = cursor;
	}
	return by_oid != NULL ? by_oid : by_name;
}

/*
 * A cursor for a server that has none.  One that was deleted while we deliver
 * is written again, from what we know; the rest of it follows with the next
 * record.
 */
static EcapiCursor *
create_cursor(const Server *server, EcapiDestination *destination)
{
	bool		known = destination != NULL && !destination->guarded;
	EcapiOrigin origin = {GetSystemIdentifier(), MyDatabaseId};
	EcapiCursor *cursor = palloc0(sizeof(EcapiCursor));

	namestrcpy(&cursor->destination, server->name);
	cursor->server = server->oid;
	cursor->from = known ? destination->live.done.from->snapshot : ecapi_snapshot_start();
	(void) ecapi_options_origin(server->options, &origin);
	cursor->system_identifier = known ? GetSystemIdentifier() : origin.system_identifier;
	cursor->database = known ? MyDatabaseId : origin.database;
	ecapi_cursor_create(cursor);
	if (known)
		destination->dirty = true;
	ereport(LOG,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 known ?
			 errmsg("cursor of destination \"%s\" was gone and is written again", server->name) :
			 errmsg("destination \"%s\" had no cursor and starts with what commits from now on",
					server->name)));
	return cursor;
}

static void
load_destination(const Server *server, EcapiCursor *cursor, List *wishes)
{
	EcapiDestination *destination = find_destination(server->oid);
	ListCell   *cell;

	if (cursor == NULL)
		cursor = create_cursor(server, destination);
	else if (cursor->server != server->oid ||
			 strcmp(NameStr(cursor->destination), server->name) != 0)
	{
		ecapi_cursor_bind(cursor->server, NameStr(cursor->destination),
						  server->oid, server->name);
		if (strcmp(NameStr(cursor->destination), server->name) != 0)
		{
			ecapi_failed_rename(NameStr(cursor->destination), server->name);
			ecapi_replay_rename(NameStr(cursor->destination), server->name);
		}
		cursor->server = server->oid;
		namestrcpy(&cursor->destination, server->name);
	}

	if (destination == NULL)
	{
		destination = new_destination(server->oid);
		adopt_row(destination, cursor);
	}
	else if (destination->guarded)
	{
		/* adopted or rebased meanwhile? */
		free_work(destination);
		if (destination->options_context != NULL)
			MemoryContextDelete(destination->options_context);
		destination->options_context = NULL;
		destination->options = NULL;
		ecapi_prepare_reset(destination);
		adopt_row(destination, cursor);
	}
	namestrcpy(&destination->name, server->name);
	destination->seen = true;
	destination->failed_due = 0;	/* an operator may have changed rows */
	load_options(destination, server);

	foreach(cell, wishes)
	{
		Control    *control = lfirst(cell);

		if (strcmp(NameStr(control->destination), server->name) == 0)
			break;
	}
	apply_control(destination, cell == NULL ? NULL : lfirst(cell));
}

static List *
load_controls(MemoryContext context)
{
	uint64		n = ecapi_statement_execute(&controls, NULL, NULL, true);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *result = NIL;

	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		Control    *control = palloc0(sizeof(Control));
		bool		isnull;
		Datum		datum;

		control->destination = *DatumGetName(SPI_getbinval(tuple, SPI_tuptable->tupdesc,
														   1, &isnull));
		control->paused = DatumGetBool(SPI_getbinval(tuple, SPI_tuptable->tupdesc,
													 2, &isnull));
		datum = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 3, &isnull);
		control->resumed_at = isnull ? 0 : DatumGetTimestampTz(datum);
		datum = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 4, &isnull);
		control->blamed_at = isnull ? 0 : DatumGetTimestampTz(datum);
		result = lappend(result, control);
	}
	MemoryContextSwitchTo(old);
	return result;
}

/* All servers of our wrapper, in context. */
static Server *
load_servers(MemoryContext context, int *n)
{
	Datum		values[1];
	MemoryContext old;
	Server	   *result;

	values[0] = ObjectIdGetDatum(ecapi_wrapper());
	*n = (int) ecapi_statement_execute(&servers, values, NULL, true);
	old = MemoryContextSwitchTo(context);
	result = palloc0(sizeof(Server) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		datum;

		result[i].oid = DatumGetObjectId(SPI_getbinval(tuple, desc, 1, &isnull));
		result[i].name = pstrdup(NameStr(*DatumGetName(SPI_getbinval(tuple, desc, 2, &isnull))));
		datum = SPI_getbinval(tuple, desc, 3, &isnull);
		result[i].options = isnull ? NIL : untransformRelOptions(datum);
		datum = SPI_getbinval(tuple, desc, 4, &isnull);
		result[i].mapping = isnull ? NIL : untransformRelOptions(datum);
		result[i].owner.name =
			pstrdup(NameStr(*DatumGetName(SPI_getbinval(tuple, desc, 5, &isnull))));
		result[i].owner.superuser = DatumGetBool(SPI_getbinval(tuple, desc, 6, &isnull));
		result[i].owner.has_usage = DatumGetBool(SPI_getbinval(tuple, desc, 7, &isnull));
	}
	MemoryContextSwitchTo(old);
	return result;
}

/*
 * Look at all destinations again.  In a transaction, SPI connected, with an
 * active snapshot.
 */
void
ecapi_destinations_reload(void)
{
	MemoryContext context = MemoryContextGetParent(CurrentMemoryContext);
	List	   *cursors = ecapi_cursor_load();
	List	   *wishes = load_controls(context);
	int			n;
	Server	   *all = load_servers(context, &n);
	dlist_mutable_iter iter;
	ListCell   *cell;

	dlist_foreach_modify(iter, &ecapi_me.destinations)
		dlist_container(EcapiDestination, node, iter.cur)->seen = false;

	for (int i = 0; i < n; i++)
		load_destination(&all[i], cursor_of(cursors, &all[i], all, n), wishes);

	dlist_foreach_modify(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);

		if (!destination->seen)
			ecapi_destination_forget(destination);
	}
	foreach(cell, cursors)
	{
		EcapiCursor *cursor = lfirst(cell);

		EcapiDestination *destination = find_destination(cursor->server);

		if (destination != NULL &&
			strcmp(NameStr(destination->name), NameStr(cursor->destination)) == 0)
			continue;
		if (destination != NULL)
			ereport(LOG,
					(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
					 errmsg("cursor \"%s\" was removed: it names the server of destination \"%s\"",
							NameStr(cursor->destination), NameStr(destination->name))));
		ecapi_cursor_delete(NameStr(cursor->destination), cursor->server);
		ecapi_failed_end(NameStr(cursor->destination));
		ecapi_replay_forget(NameStr(cursor->destination));
	}
	ecapi_replay_reload();
}

/*
 * Now and then: a destination that stopped is tried again when a credential
 * file changed, so that rotating a token needs no DDL.  Needs no transaction.
 */
void
ecapi_destinations_credentials(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);

		if (destination->state == ECAPI_STOPPED && !destination->guarded &&
			destination->options != NULL &&
			ecapi_credentials_stamp(destination->options) != destination->token_stamp)
		{
			destination->token_stamp = ecapi_credentials_stamp(destination->options);
			destination->token_changed_at = GetCurrentTimestamp();
			ecapi_state_go(destination);
		}
	}
}
