/*
 * window.h
 *	  Reading the events that became visible between two snapshots, in pages.
 */
#ifndef ECAPI_WINDOW_H
#define ECAPI_WINDOW_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "outbox/snapshot.h"

/* A place inside a window: the last event before it. {0, 0, 0} is its start. */
typedef struct EcapiPosition
{
	int			arm;			/* 0: xids of from's xip, 1: from's xmax on */
	uint64		xid;
	int64		seq;
} EcapiPosition;

typedef struct EcapiRow
{
	uint64		xid;
	int64		seq;
	TimestampTz emitted_at;
	const char *event;			/* JSON text, UTF-8, not NUL-terminated; NULL:
								 * it cannot be converted */
	int			len;
} EcapiRow;

/* Rows that a read fills in; texts and array live in context. */
typedef struct EcapiRows
{
	MemoryContext context;
	EcapiRow   *rows;			/* room for max_rows */
	int			nrows;
	int			max_rows;
	size_t		bytes;			/* of texts so far */
	size_t		max_bytes;		/* a read ends with the row that passes it */
} EcapiRows;

/*
 * Read on in the window (from, to] after position, until the page is full.
 * Appends to rows and moves position behind the last row read.  Returns true
 * when the window has no more.
 *
 * The caller is in a READ COMMITTED transaction that wrote nothing, is
 * connected to SPI, and has an active snapshot at least as late as to.
 */
extern bool ecapi_window_read(const EcapiSnapshot *from, const EcapiSnapshot *to,
							  EcapiPosition *position, EcapiRows *rows);

/*
 * A palloc'd copy of an event's text in UTF-8, or NULL when it has none: then
 * this one event is at fault, and an error would hold up all the others.
 */
extern char *ecapi_window_utf8(const char *text, int len, int *utf8_len);

/* The same of a text, or json, that a table holds. */
extern char *ecapi_window_stored_utf8(Datum stored, int *utf8_len);
extern int	ecapi_position_compare(const EcapiPosition *a, const EcapiPosition *b);

#endif							/* ECAPI_WINDOW_H */
