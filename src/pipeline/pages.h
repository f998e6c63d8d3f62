/*
 * pages.h
 *	  Pages: events read at a place, shared by the destinations that stand there.
 *
 * A page, or the summary that is left of it for a destination it holds nothing for, is
 * counted by slices.
 */
#ifndef ECAPI_PAGES_H
#define ECAPI_PAGES_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "event/value.h"
#include "outbox/window.h"
#include "pipeline/forward.h"
#include "pipeline/tick.h"
#include "records/failed.h"

/* A value with more digits is none for the ledger; no double has that many. */
#define ECAPI_VALUE_DIGITS	400

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
	const EcapiValue *tree;		/* NULL: not parsed, or see problem */
	const char *problem;		/* why it cannot be read; NULL: it can */
	char		refund;			/* 'r' it is one, 'n' it is none, 0 not known; stopped.c */
	const char *stopped;		/* it may not leave any more: cancelled or erased;
								 * a constant, the reason; NULL: it may */
} EcapiPageEvent;

/* Reasons why an event that was emitted may not leave any more. */
#define ECAPI_STOPPED_CANCELLED	"cancelled"
#define ECAPI_STOPPED_ERASED	"erased"

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
	EcapiArena	arena;			/* trees that are kept */
	size_t		bytes;			/* that its context takes, counted into the budget */
	dlist_head	views;
	bool		tallied;		/* summary is set for good */
	EcapiPage  *summary;			/* NULL: none; see tally.c */
	EcapiTally *tally;			/* of a summary */
	bool		looked;			/* its events were asked about; see stopped.c */
};

#define ECAPI_PAGE_ROWS		2000
#define ECAPI_PAGE_BYTES	(2 * 1024 * 1024)
extern EcapiPage *ecapi_page_at(const EcapiPlace *place, size_t bytes);
extern bool ecapi_page_in_memory(const EcapiPlace *place);
extern bool ecapi_page_is_awaited(const EcapiFeed *feed);
extern void ecapi_pages_sweep(bool all);
extern void ecapi_page_drop(EcapiPage *page);
extern void ecapi_page_count(EcapiPage *page);
extern EcapiPage *ecapi_page_of_due(const EcapiDueRows *due);
extern const EcapiValue *ecapi_page_tree(EcapiPage *page, int i, EcapiArena *scratch);
extern const EcapiValue *ecapi_page_tree_if_memory(EcapiPage *page, int i,
												   EcapiArena *scratch);

#endif							/* ECAPI_PAGES_H */
