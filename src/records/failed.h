/*
 * failed.h
 *	  Events that a destination failed on: rows of ecapi.failed_event.
 */
#ifndef ECAPI_FAILED_H
#define ECAPI_FAILED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* Bytes of an answer that failed_event keeps. */
#define ECAPI_ANSWER_KEPT	2048

/* What became of an event: a new row, or a change of one that was tried again. */
typedef struct EcapiFailedRow
{
	const char *destination;	/* of a new row */
	int64		failed_id;		/* 0: a new row, copied from the outbox */
	uint64		xid;			/* of a new row */
	int64		seq;			/* of a new row */
	bool		ended;			/* the row goes; nothing below counts */
	const char *reason;
	int			status;			/* 0: no answer */
	const char *answer;			/* UTF-8 or not; NULL: none */
	int			attempts;		/* so far, all of them */
	TimestampTz next_try;		/* 0: dead */
	TimestampTz sent_at;		/* first request that may have arrived; 0: none */
	bool		only_sent;		/* of a change: nothing but sent_at counts */
} EcapiFailedRow;

/* A failed event whose time has come. */
typedef struct EcapiDue
{
	int64		failed_id;
	uint64		xid;
	int64		seq;
	int			attempts;
	TimestampTz retry_since;	/* when its retry_for began */
	TimestampTz sent_at;		/* first request that may have arrived; 0: none */
	const char *event;			/* JSON text, UTF-8; NULL: not convertible */
	int			len;
} EcapiDue;

/* Failed events that are due; they and their texts live in context. */
typedef struct EcapiDueRows
{
	MemoryContext context;
	EcapiDue   *rows;			/* room for max_rows */
	int			nrows;
	int			max_rows;
	size_t		bytes;			/* of texts */
	size_t		max_bytes;		/* a read ends with the row that passes it */
	TimestampTz next;			/* when the next one is due; 0: none waits */
} EcapiDueRows;

/*
 * The first ECAPI_ANSWER_KEPT bytes of an answer as text of the server's encoding,
 * palloc'd: what is not printable there becomes a question mark.
 */
extern char *ecapi_failed_answer(const char *answer);

/* Copy an event of the outbox to failed_event; where it is, only its sent_at may change. */
extern void ecapi_failed_insert(const EcapiFailedRow *row);

/*
 * Lock the rows that these (a list of EcapiFailedRow) change, without waiting.
 * False when another transaction holds one of them; rows that are gone do not
 * count.
 */
extern bool ecapi_failed_lock(List *rows);

/* Change or delete the row of an event that was tried again, if it is there. */
extern void ecapi_failed_change(const EcapiFailedRow *row);

/*
 * The failed events of a destination whose time has come, of those whose next try
 * is not before a moment (DT_NOBEGIN: all): those that are due longest first, as
 * many as there is room for; and when the next one is due.
 */
extern void ecapi_failed_due(const char *destination, TimestampTz from, TimestampTz now,
							 EcapiDueRows *due);
extern void ecapi_failed_rename(const char *old_name, const char *new_name);
extern void ecapi_failed_end(const char *destination);

#endif							/* ECAPI_FAILED_H */
