/*
 * microsoft.h
 *	  What the files of the format "microsoft" share; of no interest to others.
 *
 * Pure C: no server header, no I/O, no SQL.
 */
#ifndef ECAPI_MICROSOFT_H
#define ECAPI_MICROSOFT_H

#include "destination/format.h"

/* The places of the format's own options in its table (format_microsoft.c). */
typedef enum EcapiMicrosoftOption
{
	ECAPI_MICROSOFT_APP_OS,
	ECAPI_MICROSOFT_OPTIONS
} EcapiMicrosoftOption;

/* add of the format, see format.h (microsoft_event.c) */
extern EcapiShaped ecapi_microsoft_add(EcapiShape *shape, EcapiArena *arena,
									   const EcapiValue *event, EcapiBuffer *body,
									   const char **reason);

/* judge of the format (microsoft_answer.c) */
extern void ecapi_microsoft_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
								  EcapiJudgement *judgement);

#endif							/* ECAPI_MICROSOFT_H */
