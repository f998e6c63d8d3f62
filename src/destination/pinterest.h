/*
 * pinterest.h
 *	  What the files of the format "pinterest" share; of no interest to others.
 *
 * Pure C: no server header, no I/O, no SQL.
 */
#ifndef ECAPI_PINTEREST_H
#define ECAPI_PINTEREST_H

#include "destination/format.h"

/* The places of the format's own options in its table (format_pinterest.c). */
typedef enum EcapiPinterestOption
{
	ECAPI_PINTEREST_APP_OS,
	ECAPI_PINTEREST_OPT_OUT_TYPE,
	ECAPI_PINTEREST_PARTNER_NAME,
	ECAPI_PINTEREST_OPTIONS
} EcapiPinterestOption;

/* Bytes of an event's name at most; see pinterest_event.c. */
#define ECAPI_PINTEREST_NAME_MAX	100

/* Whether a name has nothing but what names have: letters, digits, "_" and "-". */
extern bool ecapi_pinterest_is_name(const char *name);

/* Whether a name is one of Pinterest's own events. */
extern bool ecapi_pinterest_is_standard(const char *name);

/* Pinterest's name of a standard event for an event type; NULL: it has none. */
extern const char *ecapi_pinterest_standard_name(int type);

/* add of the format, see format.h (pinterest_event.c) */
extern EcapiShaped ecapi_pinterest_add(EcapiShape *shape, EcapiArena *arena,
									   const EcapiValue *event, EcapiBuffer *body,
									   const char **reason);

/* dedupe_limit of the format (pinterest_event.c) */
extern int	ecapi_pinterest_dedupe_limit(const EcapiOptions *options, const EcapiValue *event);

/* Seconds for which a repeat is known; see format_pinterest.c. */
#define ECAPI_PINTEREST_DEDUPE		(48 * 3600)

/* judge of the format (pinterest_answer.c) */
extern void ecapi_pinterest_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
								  EcapiJudgement *judgement);

#endif							/* ECAPI_PINTEREST_H */
