/*
 * preview.h
 *	  What a destination would be sent: the steps from events to a request, taken
 *	  in a backend.
 *
 * preview_event.c takes the steps, by the same functions as the worker;
 * preview_effect.c says what enrichments did; preview_source.c reads events,
 * preview_page.c in pages;
 * preview_request.c has the request around the body; api/previewapi.c is what SQL
 * calls.
 */
#ifndef ECAPI_PREVIEW_H
#define ECAPI_PREVIEW_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "foreign/foreign.h"
#include "nodes/pg_list.h"

#include "destination/body.h"
#include "destination/options.h"
#include "destination/select.h"
#include "enrich/enrichment.h"
#include "enrich/filter.h"
#include "event/validate.h"
#include "outbox/window.h"
#include "records/original.h"

/* A decision as SQL shows it; constant. */
extern const char *ecapi_decision_name(EcapiDecision decision);

typedef struct EcapiPreviewEvent
{
	uint64		xid;			/* that emitted it; 0: none did */
	int64		seq;			/* each stands once in a page */
	int64		emitted_at;		/* seconds since 1970; 0: it was not */
	const char *text;			/* JSON, UTF-8; NULL: cannot be converted */
	int			len;
	bool		decided;		/* the two below count */
	EcapiDecision decision;
	const char *reason;			/* in the page's context, or constant; may be NULL */
	const char *restriction;	/* why it is sent in the restricted mode, a constant; or NULL */
	int			type;			/* index of its event type, -1: unknown */
	const EcapiValue *emitted;	/* NULL: not readable */
	const EcapiValue *event;	/* as the last step that was taken left it */
} EcapiPreviewEvent;

/* One call of a preview.  All of it lives in context. */
typedef struct EcapiPreview
{
	MemoryContext context;
	const ForeignServer *server;
	EcapiOptions *options;
	EcapiEnrichments enrichments;
	EcapiFilter *filter;		/* NULL: none */
	const char *held;			/* why users' SQL cannot be used; NULL: it can be */
	int			failures;		/* calls of it that have failed */
	bool		skipped;		/* it was reported that patches are left out */
	int64		now;			/* seconds since 1970; ages are measured from it */
	bool		as_emitted;		/* ... or from when each event was emitted, and that it was
								 * sent since does not count: what was to be sent then */
	EcapiBody	body;
	bool		left_out[ECAPI_FIELDS][ECAPI_VIOLATION_CODES];	/* of the body */
	EcapiFieldSet not_carried;	/* the same */
	EcapiBodyKeys keys;			/* of events that belong into other bodies */
} EcapiPreview;

/* What became of an event that was to be put into the body. */
typedef enum EcapiPreviewShaped
{
	ECAPI_PREVIEW_DECIDED,
	ECAPI_PREVIEW_OTHER,		/* as it was: it goes in another request, and those behind it
								 * may still be in this one */
	ECAPI_PREVIEW_FULL			/* as it was: the body has no room for it */
} EcapiPreviewShaped;

/* ---- preview_event.c ---- */

/*
 * Open a preview of a destination; it lives in the current context.  Raises an error
 * when its options cannot be used; when its users' SQL cannot, a NOTICE says why, with
 * a hint.
 */
extern void ecapi_preview_open(EcapiPreview *preview, const ForeignServer *server);

/*
 * Steps 1 to 4 of destination/select.h, for a page of at most 10,000 events whose
 * texts, xids and seqs are set.  What comes of it is in arena and the current
 * context.  Outside of other statements of ours: users' SQL runs.
 */
extern void ecapi_preview_decide(EcapiPreview *preview, EcapiPreviewEvent *events,
								 int nevents, EcapiArena *arena);

/*
 * Steps 5 and 6, for an event that decide left undecided: it is decided and, if it is
 * to be sent, in the body, unless the result says otherwise.  Begin a body before, and end
 * it after the last.
 */
extern void ecapi_preview_begin_body(EcapiPreview *preview);
extern EcapiPreviewShaped ecapi_preview_shape(EcapiPreview *preview, EcapiPreviewEvent *event,
											  EcapiArena *arena);
extern void ecapi_preview_end_body(EcapiPreview *preview);

/* ---- preview_effect.c ---- */

/* At most that many paths are listed. */
#define ECAPI_PREVIEW_PATHS_MAX	100

/*
 * Paths (char *, palloc'd, server encoding) of the members in which an event
 * differs from what was emitted, added to a list that has each once.
 */
extern List *ecapi_preview_changes(List *paths, const EcapiValue *emitted,
								   const EcapiValue *event);

/*
 * The same for one event, function by function: "value (shop.margin)".  Runs the
 * enrichments again, the first, the first two, and so on.
 */
extern List *ecapi_preview_effects(EcapiPreview *preview, const EcapiPreviewEvent *event);

/* "user_data.phone_numbers (no_country)": what was left out of the body. */
extern List *ecapi_preview_left_out(const EcapiPreview *preview);

/* "properties.tax": what events of the body have and the format does not carry. */
extern List *ecapi_preview_not_carried(const EcapiPreview *preview);

/* ---- preview_source.c ---- */

/* Where events are read; lives in the current context. */
typedef struct EcapiPreviewSource
{
	MemoryContext context;
	EcapiSnapshot *from;
	EcapiSnapshot *to;			/* of the window that is read */
	EcapiSnapshot *end;
	EcapiPosition position;
	bool		ended;
} EcapiPreviewSource;

/*
 * What waits for a destination, from its cursor on; what was emitted at since or
 * later, among other events.  Both include what this transaction has emitted.
 * Raise an error where the outbox cannot be trusted: an old snapshot, a destination
 * without a sound cursor.
 */
extern void ecapi_preview_source_waiting(EcapiPreviewSource *source,
										 const ForeignServer *server);
extern void ecapi_preview_source_since(EcapiPreviewSource *source, TimestampTz since);

/*
 * Read on, until rows are full; source->ended when there is no more.  Runs as the
 * extension's owner.
 */
extern void ecapi_preview_source_read(EcapiPreviewSource *source, EcapiRows *rows);

/*
 * Why each of n events does not leave any more for the destination, though it was
 * emitted: a constant; NULL: it may.
 */
extern void ecapi_preview_find_stopped(const EcapiPreview *preview,
									   EcapiPreviewEvent *const *events, int n,
									   const char **reasons);

/*
 * Set sent_at of those of n events that were sent to the destination before, in seconds
 * since 1970; 0: never, or it is not known.
 */
extern void ecapi_preview_find_sent(const EcapiPreview *preview,
									EcapiPreviewEvent *const *events, int n,
									int64 *sent_at);

/*
 * What became of the originals of n amendments at the destination, as far as its log says:
 * states has n elements.
 */
extern void ecapi_preview_find_originals(const EcapiPreview *preview,
										 EcapiPreviewEvent *const *events, int n,
										 EcapiOriginalState *states);

/*
 * The newest event of an id: of the outbox, else of the destination's failed events,
 * else of those that were set aside, which are refused for the reason that they were
 * set aside for.  False when there is none.  Raises as the sources do.
 */
extern bool ecapi_preview_find(const ForeignServer *server, Datum id,
							   EcapiPreviewEvent *event);

/* ---- preview_page.c ---- */

/* A page of a source, in a context of its own. */
typedef struct EcapiPreviewPage
{
	MemoryContext context;
	EcapiArena	arena;
	EcapiRows	rows;
	EcapiPreviewEvent *events;
} EcapiPreviewPage;

/* Begin with pages: a context below the current one, which the caller deletes. */
extern void ecapi_preview_page_begin(EcapiPreviewPage *page);

/* Read the next page of at most max_rows; its context becomes current. */
extern void ecapi_preview_page_read(EcapiPreviewPage *page, EcapiPreviewSource *source,
									int max_rows);

/* Take a row of the page as its next event, the *n-th. */
extern void ecapi_preview_page_add(EcapiPreviewPage *page, int *n, const EcapiRow *row);

/* ---- preview_request.c ---- */

/* The request as it would go, without secrets. */
typedef struct EcapiPreviewRequest
{
	const char *url;
	const char *headers;		/* lines */
	const char *body;			/* UTF-8, with what the format's seal appends */
	size_t		body_len;
} EcapiPreviewRequest;

/* When the credentials cannot be read, a NOTICE says so. */
extern void ecapi_preview_describe(EcapiPreview *preview,
								   EcapiPreviewRequest *request);

/*
 * Raise an error unless the destination's platform has a test mode; then
 * everything that follows is of it.
 */
extern void ecapi_preview_use_test_mode(EcapiPreview *preview);

/*
 * Send the body, and wait for the answer, at most the destination's timeout.
 * Returns its status (0: none came) and the first part of what it says, palloc'd,
 * without secrets; without status: why.  May be cancelled.
 */
extern int	ecapi_preview_send(EcapiPreview *preview, char **answer);

#endif							/* ECAPI_PREVIEW_H */
