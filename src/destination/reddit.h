/*
 * reddit.h
 *	  What the files of the format "reddit" share; of no interest to others.
 *
 * Pure C: no server header, no I/O, no SQL.
 */
#ifndef ECAPI_REDDIT_H
#define ECAPI_REDDIT_H

#include "destination/format.h"

/* The places of the format's own options in its table (format_reddit.c). */
typedef enum EcapiRedditOption
{
	ECAPI_REDDIT_APP_OS,
	ECAPI_REDDIT_TEST_ID,
	ECAPI_REDDIT_DATA_PROCESSING,
	ECAPI_REDDIT_LDU_COUNTRY,
	ECAPI_REDDIT_LDU_REGION,
	ECAPI_REDDIT_OPTIONS
} EcapiRedditOption;

/* How an event's conversion id begins in a body, once for each event. */
#define ECAPI_REDDIT_CONVERSION_ID	"\"conversion_id\":"

/* add of the format, see format.h (reddit_event.c) */
extern EcapiShaped ecapi_reddit_add(EcapiShape *shape, EcapiArena *arena,
									const EcapiValue *event, EcapiBuffer *body,
									const char **reason);

/* judge of the format (reddit_answer.c) */
extern void ecapi_reddit_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
							   EcapiJudgement *judgement);

#endif							/* ECAPI_REDDIT_H */
