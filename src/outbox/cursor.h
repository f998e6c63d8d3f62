/*
 * cursor.h
 *	  How far each destination has disposed of the outbox: rows of ecapi.cursor_row.
 */
#ifndef ECAPI_CURSOR_H
#define ECAPI_CURSOR_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "outbox/snapshot.h"
#include "outbox/window.h"

/*
 * {visible in from} and {in the window (from, to] up to position} are exactly
 * the events that were delivered, filtered, copied to failed_event, or given up.
 */
typedef struct EcapiCursor
{
	NameData	destination;
	Oid			server;
	EcapiSnapshot *from;
	EcapiSnapshot *to;			/* NULL: no window is open */
	EcapiPosition position;
	uint64		system_identifier;
	Oid			database;
	int64		delivered;
	int64		filtered;
	int64		failed;
	int64		given_up;
	int64		enrich_skipped; /* delivered without the patches of their enrichments */
	const char *state;			/* of the CHECK in the install script */
	bool		has_stopped_options;
	int64		stopped_options;	/* of the options it stopped with */
	TimestampTz test_since;		/* first seen in test mode; 0: it is not in it */
	const char *last_error;		/* NULL: none */
	TimestampTz last_error_at;	/* 0: none */
	TimestampTz next_try;		/* 0: none */
	const char *problem;		/* what is wrong with the row; NULL: nothing */
} EcapiCursor;

/*
 * All cursors, as a list of EcapiCursor in a context of the caller's.  As the
 * active snapshot sees them, so that the caller can read servers of the same
 * moment.
 */
extern List *ecapi_cursor_load(MemoryContext context);

/* What came of trying to lock a cursor. */
typedef enum EcapiCursorLock
{
	ECAPI_CURSOR_LOCKED,
	ECAPI_CURSOR_HELD,			/* by another transaction, and it is to stay so; or gone */
	ECAPI_CURSOR_TAKEN			/* by another worker: it has another token */
} EcapiCursorLock;

/*
 * Lock a cursor for writing, without waiting.  With aside, a row beside one that another
 * transaction holds is the cursor then.  token: of our last write; 0: any will do.
 */
extern EcapiCursorLock ecapi_cursor_lock(Oid server, int64 token, bool aside);

/*
 * Take a cursor: from now on the caller alone writes it.  Returns the token; -1: the cursor
 * is gone.
 */
extern int64 ecapi_cursor_take(Oid server);

/* Whether there is a cursor of that server, locked or not. */
extern bool ecapi_cursor_exists(Oid server);

/*
 * Delete the rows of servers that have a newer one, but for those that another
 * transaction holds; now and then, as long as there may be some.  others: other processes
 * write cursors, too, so there may always be some.  By one process of a database.
 */
extern void ecapi_cursor_tidy(TimestampTz now, bool others);

/* Write a cursor that the caller has locked.  Returns its token from then on. */
extern int64 ecapi_cursor_write(const EcapiCursor *cursor);

/* Write the state of a locked cursor whose place is not ours to write. */
extern void ecapi_cursor_write_state(const EcapiCursor *cursor);

/* A row for a destination that has none; position and counts start at zero. */
extern void ecapi_cursor_create(const EcapiCursor *cursor);

/*
 * End a cursor, and what an operator wanted of its destination.  A new server
 * of the same name keeps its own.
 */
extern void ecapi_cursor_delete(const char *destination, Oid server);

/* Give a cursor to a server that was renamed, or has a new oid. */
extern void ecapi_cursor_bind(Oid old_server, const char *old_name,
							  Oid server, const char *name);

/*
 * The greatest xid of a committed event, 0 when there is none.  The next xid
 * of a sound server lies beyond it.
 */
extern uint64 ecapi_outbox_last_xid(void);

#endif							/* ECAPI_CURSOR_H */
