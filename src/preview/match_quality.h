/*
 * match_quality.h
 *	  How well a platform can tell whose the events of a destination are, by event type.
 */
#ifndef ECAPI_MATCH_QUALITY_H
#define ECAPI_MATCH_QUALITY_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "preview/preview.h"

typedef struct EcapiMatchQuality EcapiMatchQuality;

/* Events that are looked at unless the caller says otherwise, and at most. */
#define ECAPI_MATCH_SAMPLE		10000
#define ECAPI_MATCH_SAMPLE_MAX	1000000

/* Begin, in the current context, with the destination of a preview. */
extern EcapiMatchQuality *ecapi_match_quality_begin(EcapiPreview *preview);

/*
 * Count an event that ecapi_preview_decide() has seen.  It is shaped here if it is
 * undecided.  The page's context is current.
 */
extern void ecapi_match_quality_add(EcapiMatchQuality *quality, EcapiPreviewEvent *event,
									EcapiArena *arena);

/*
 * Rows of ecapi.match_quality() into result: for each event type one for all of its events,
 * then one for each identifier that the destination takes.  Returns how many.
 */
extern int	ecapi_match_quality_put(EcapiMatchQuality *quality, ReturnSetInfo *result);

#endif							/* ECAPI_MATCH_QUALITY_H */
