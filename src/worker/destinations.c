/*
 * destinations.c
 *	  The destinations there are: foreign servers, matched with their cursors.
 *
 * Reloaded when the worker starts, when a server or user mapping changes, and
 * when an operator pauses, resumes, adopts or rebases.  What event triggers
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
 * A guarded destination is stopped, and its position is never written.
 *
 * A transaction of the worker's own; it reads catalogs and our tables under
 * one snapshot, so that a server dropped and created again under its old name
 * never meets the old cursor, and writes at most cursors.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "destination/credentials.h"
#include "worker/internal.h"

typedef struct Control
{
	NameData	destination;
	bool		paused;
	TimestampTz resumed_at;
} Control;

static EcapiStatement servers = {
	"SELECT oid, srvname FROM pg_catalog.pg_foreign_server"
	" WHERE srvfdw OPERATOR(pg_catalog.=) $1 ORDER BY srvname",
	1, {OIDOID}, NULL
};

static EcapiStatement controls = {
	"SELECT destination, paused, resumed_at FROM ecapi.control",
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
	dlist_init(&destination->stretches);
	dlist_init(&destination->ready);
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

static void
free_work(EcapiDestination *destination)
{
	free_batches(&destination->flying);
	free_batches(&destination->ready);
	free_batches(&destination->suspects);
	destination->nflying = 0;
	destination->nsuspects = 0;
	while (!dlist_is_empty(&destination->stretches))
	{
		EcapiStretch *stretch = dlist_container(EcapiStretch, node,
												dlist_pop_head_node(&destination->stretches));

		ecapi_page_drop(stretch->page);
		pfree(stretch->fate);
		pfree(stretch);
	}
	destination->unsent = 0;
}

/* The server is gone: drop all that this process has of it. */
void
ecapi_destination_forget(EcapiDestination *destination)
{
	free_work(destination);
	ecapi_place_clear(&destination->done);
	ecapi_place_clear(&destination->read);
	dlist_delete(&destination->node);
	MemoryContextDelete(destination->context);
}

/*
 * Put down what is in hand and read it again later, so that a destination
 * that sends nothing holds no memory.  Not when events behind the cursor's
 * position are disposed of already (they would be sent twice), nor while
 * requests fly.
 */
void
ecapi_destination_rewind(EcapiDestination *destination)
{
	dlist_iter	iter;

	if (destination->nflying > 0 || dlist_is_empty(&destination->stretches))
		return;
	dlist_foreach(iter, &destination->stretches)
	{
		EcapiStretch *stretch = dlist_container(EcapiStretch, node, iter.cur);

		for (int i = stretch->disposed; i < stretch->page->nevents; i++)
			if (stretch->fate[i] == ECAPI_FATE_DISPOSED)
				return;
	}
	free_work(destination);
	ecapi_place_copy(&destination->read, &destination->done);
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

/* The options of the server's PUBLIC user mapping; NIL when there is none. */
static List *
public_mapping(Oid server)
{
	HeapTuple	tuple = SearchSysCache2(USERMAPPINGUSERSERVER,
										ObjectIdGetDatum(InvalidOid),
										ObjectIdGetDatum(server));
	List	   *options = NIL;
	Datum		datum;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return NIL;
	datum = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple,
							Anum_pg_user_mapping_umoptions, &isnull);
	if (!isnull)
		options = untransformRelOptions(datum);
	ReleaseSysCache(tuple);
	return options;
}

/*
 * Read the options of a destination.  New ones apply to the next request; what
 * flies goes on as it was sent.  They also end a stop.
 */
static void
load_options(EcapiDestination *destination, const ForeignServer *server)
{
	List	   *mapping = public_mapping(destination->server);
	int64		hash = hash_options(hash_options(1, server->options), mapping);
	MemoryContext context;
	MemoryContext old;
	char		error[512];

	if (destination->options_context != NULL && hash == destination->options_hash)
		return;

	context = AllocSetContextCreate(destination->context, "ecapi options",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	destination->options = ecapi_options_parse(server->options, mapping,
											   error, sizeof(error));
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
	destination->token_stamp = destination->options == NULL ? 0 :
		ecapi_credentials_stamp(destination->options);

	if (destination->guarded)
		return;
	if (destination->options == NULL)
		ecapi_state_stop(destination, error);
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

/* Look at the guards; see the head of this file. */
static void
check_guards(EcapiDestination *destination, const EcapiCursor *cursor)
{
	uint64		next = U64FromFullTransactionId(ReadNextFullTransactionId());

	if (cursor->system_identifier != GetSystemIdentifier() ||
		cursor->database != MyDatabaseId)
		guard(destination, "this database is a copy of the one that delivers to it; "
			  "call ecapi.adopt() to deliver from here");
	else if (cursor->from->xmax > next ||
			 (cursor->to != NULL && cursor->to->xmax > next) ||
			 ecapi_outbox_last_xid() >= next)
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
	ecapi_place_set(&destination->done, from, to, cursor->position);
	ecapi_place_set(&destination->read, from, to, cursor->position);
	ecapi_tick_drop(from);
	ecapi_tick_drop(to);
	destination->delivered = cursor->delivered;
	destination->filtered = cursor->filtered;
	destination->failed = cursor->failed;
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

/* Obey pause and resume. */
static void
apply_control(EcapiDestination *destination, const Control *control)
{
	bool		paused = control != NULL && control->paused;

	if (control != NULL && control->resumed_at > destination->resumed_at)
	{
		bool		first = destination->resumed_at == 0;

		destination->resumed_at = control->resumed_at;
		destination->paused = paused;
		/* at start, an old resume does not undo a later stop */
		if (!destination->guarded && destination->options != NULL &&
			(!first || destination->last_error_at < control->resumed_at))
			ecapi_state_go(destination);
	}
	destination->paused = paused;
	if (paused && destination->state != ECAPI_PAUSED &&
		destination->state != ECAPI_STOPPED)
	{
		destination->state = ECAPI_PAUSED;
		destination->dirty = true;
	}
}

/* The cursor of a server: by oid, else by the name of a server that is gone. */
static EcapiCursor *
cursor_of(List *cursors, Oid server, const char *name)
{
	ListCell   *cell;
	EcapiCursor *by_name = NULL;

	foreach(cell, cursors)
	{
		EcapiCursor *cursor = lfirst(cell);

		if (cursor->server == server)
			return cursor;
		if (strcmp(NameStr(cursor->destination), name) == 0 &&
			!SearchSysCacheExists1(FOREIGNSERVEROID, ObjectIdGetDatum(cursor->server)))
			by_name = cursor;
	}
	return by_name;
}

static EcapiCursor *
create_cursor(Oid server, const char *name)
{
	EcapiCursor *cursor = palloc0(sizeof(EcapiCursor));

	namestrcpy(&cursor->destination, name);
	cursor->server = server;
	cursor->from = ecapi_snapshot_start();
	cursor->system_identifier = GetSystemIdentifier();
	cursor->database = MyDatabaseId;
	ecapi_cursor_create(cursor);
	return cursor;
}

static void
load_destination(Oid server, const char *name, List *cursors, List *wishes)
{
	EcapiDestination *destination = find_destination(server);
	EcapiCursor *cursor = cursor_of(cursors, server, name);
	ForeignServer *options = GetForeignServerExtended(server, FSV_MISSING_OK);
	ListCell   *cell;

	/* dropped since our snapshot; another reload is on its way */
	if (options == NULL)
		return;
	if (cursor == NULL)
		cursor = create_cursor(server, name);
	else if (cursor->server != server || strcmp(NameStr(cursor->destination), name) != 0)
	{
		ecapi_cursor_bind(cursor->server, NameStr(cursor->destination), server, name);
		cursor->server = server;
		namestrcpy(&cursor->destination, name);
	}

	if (destination == NULL)
	{
		destination = new_destination(server);
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
		adopt_row(destination, cursor);
	}
	namestrcpy(&destination->name, name);
	destination->seen = true;
	load_options(destination, options);

	foreach(cell, wishes)
	{
		Control    *control = lfirst(cell);

		if (strcmp(NameStr(control->destination), name) == 0)
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
		result = lappend(result, control);
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
	Datum		values[1];
	SPITupleTable *table;
	uint64		n;
	dlist_mutable_iter iter;
	ListCell   *cell;

	dlist_foreach_modify(iter, &ecapi_me.destinations)
		dlist_container(EcapiDestination, node, iter.cur)->seen = false;

	values[0] = ObjectIdGetDatum(ecapi_wrapper());
	n = ecapi_statement_execute(&servers, values, NULL, true);
	table = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Oid			server = DatumGetObjectId(SPI_getbinval(table->vals[i], table->tupdesc,
															1, &isnull));
		Name		name = DatumGetName(SPI_getbinval(table->vals[i], table->tupdesc,
													  2, &isnull));

		load_destination(server, NameStr(*name), cursors, wishes);
	}

	dlist_foreach_modify(iter, &ecapi_me.destinations)
	{
		EcapiDestination *destination = dlist_container(EcapiDestination, node, iter.cur);

		if (!destination->seen)
			ecapi_destination_forget(destination);
	}
	foreach(cell, cursors)
	{
		EcapiCursor *cursor = lfirst(cell);

		if (find_destination(cursor->server) == NULL)
			ecapi_cursor_delete(NameStr(cursor->destination), cursor->server);
	}
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
			ecapi_state_go(destination);
		}
	}
}
