/*
 * preview_tally.h
 *	  Counts and sums of previewed events, by what becomes of them.
 */
#ifndef ECAPI_PREVIEW_TALLY_H
#define ECAPI_PREVIEW_TALLY_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "preview/preview.h"

typedef struct EcapiPreviewTally EcapiPreviewTally;

/* An empty one, in the current context, where all of it stays. */
extern EcapiPreviewTally *ecapi_preview_tally_create(void);

/*
 * Count a decided event: with the value that would leave when it is to be sent,
 * else with its value as far as it came.
 */
extern void ecapi_preview_tally_add(EcapiPreviewTally *tally, const EcapiPreviewEvent *event);

/* A row for each decision, reason, event type and currency, in this order. */
extern void ecapi_preview_tally_put(EcapiPreviewTally *tally, ReturnSetInfo *result);

#endif							/* ECAPI_PREVIEW_TALLY_H */
