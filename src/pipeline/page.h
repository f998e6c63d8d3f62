/*
 * page.h
 *	  A page: events read at a place, shared by the destinations that stand there.
 */
#ifndef ECAPI_PAGE_H
#define ECAPI_PAGE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"
#include "nodes/pg_list.h"

#include "event/field_set.h"
#include "event/value.h"
#include "outbox/window.h"
#include "pipeline/forward.h"
#include "pipeline/tick.h"
#include "records/failed.h"

typedef struct EcapiPageEvent
{
	uint64		xid;
	int64		seq;
	TimestampTz emitted_at;
	const char *text;			/* JSON, UTF-8; NULL: not convertible */
	int			len;
	bool		parsed;			/* tree or problem is set for good */
	int			type;			/* index of its event type, -1 unknown */
	char		currency[4];	/* three upper-case letters; "": none */
	const char *value;			/* a number as JSON has it, of bounded length; NULL: none */
	const EcapiValue *tree;		/* NULL: not parsed, or there is a problem */
	const char *problem;		/* why it cannot be read; NULL: it can */
	char		kind;			/* 'r' a refund, 'a' by its id an amendment, 'n' neither, 0
								 * not known; stopped.c */
	const char *stopped;		/* it may not leave any more: cancelled, erased or
								 * withdrawn; a constant, the reason; NULL: it may */
	List	   *withdrawn;		/* servers, by oid, that it is withdrawn from */
	bool		fields_known;	/* those of its tree; lost_fields.c */
	EcapiFieldSet fields;
} EcapiPageEvent;

struct EcapiPage
{
	dlist_node	node;			/* in the list of pages; of a summary in none */
	int			refs;
	EcapiPlace	start;			/* holds references */
	EcapiPosition end;			/* behind its last event */
	bool		last;			/* the window has no more */
	int			nevents;
	EcapiPageEvent *events;
	const EcapiDue *due;		/* their rows of failed_event; NULL: outbox */
	MemoryContext context;
	MemoryContext trees;		/* below it */
	EcapiArena	arena;			/* in there: trees that are kept */
	bool		untaken;		/* a slice has events that were never taken; keep.c */
	bool		kept;			/* it stays though no slice holds it; keep.c */
	size_t		bytes;			/* that its context takes, counted into the budget */
	dlist_head	views;
	bool		tallied;		/* summary is set for good */
	EcapiPage  *summary;			/* NULL: none */
	EcapiTally *tally;			/* of a summary */
	bool		looked;			/* stopped.c has looked at its events */
};

#define ECAPI_PAGE_ROWS		2000
#define ECAPI_PAGE_BYTES	(2 * 1024 * 1024)

#endif							/* ECAPI_PAGE_H */
