/*
 * snap.h
 *	  What the files of the format "snap" share; of no interest to others.
 *
 * Pure C: no server header, no I/O, no SQL.
 */
#ifndef ECAPI_SNAP_H
#define ECAPI_SNAP_H

#include "destination/facts.h"
#include "destination/format.h"
#include "destination/writer.h"

/* The places of the format's own options in its table (format_snap.c). */
typedef enum EcapiSnapOption
{
	ECAPI_SNAP_APP_ID,
	ECAPI_SNAP_DATA_PROCESSING,
	ECAPI_SNAP_DATA_PROCESSING_COUNTRY,
	ECAPI_SNAP_DATA_PROCESSING_STATE
} EcapiSnapOption;

#define ECAPI_SNAP_OPTIONS	(ECAPI_SNAP_DATA_PROCESSING_STATE + 1)

/* Where an event happened, as Snap sorts it. */
typedef enum EcapiSnapSource
{
	ECAPI_SNAP_WEB,
	ECAPI_SNAP_APP,
	ECAPI_SNAP_OFFLINE			/* any other */
} EcapiSnapSource;

extern EcapiSnapSource ecapi_snap_source(const EcapiValue *event);

/* Snap's name of an event type; NULL: it has none, but a free one that an option gives. */
extern const char *ecapi_snap_name(int type);

/* Whether Snap has an event of that name, a free one included. */
extern bool ecapi_snap_is_name(const char *name);

/* add of the format, see format.h (snap_event.c) */
extern EcapiShaped ecapi_snap_add(EcapiShape *shape, EcapiArena *arena,
								  const EcapiValue *event, EcapiBuffer *body,
								  const char **reason);

/* judge of the format (snap_answer.c) */
extern void ecapi_snap_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
							 EcapiJudgement *judgement);

#endif							/* ECAPI_SNAP_H */
