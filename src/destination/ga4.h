/*
 * ga4.h
 *	  What the files of the format "ga4" share; of no interest to others.
 *
 * format_ga4.c has the row, the options and where requests go; ga4_user.c what stands
 * around the events of a visitor; ga4_event.c an event; ga4_answer.c what answers mean.
 *
 * Pure C: no server header, no I/O, no SQL.
 */
#ifndef ECAPI_GA4_H
#define ECAPI_GA4_H

#include "destination/format.h"
#include "destination/writer.h"

/* The places of the format's own options in its table (format_ga4.c). */
typedef enum EcapiGa4Option
{
	ECAPI_GA4_MEASUREMENT_ID,
	ECAPI_GA4_FIREBASE_APP_ID,
	ECAPI_GA4_USER_ID,
	ECAPI_GA4_VALIDATION_BEHAVIOR,
	ECAPI_GA4_API_SECRET,
	ECAPI_GA4_OPTIONS
} EcapiGa4Option;

/* Characters of a parameter's value at most (page "Limitations" of the protocol). */
#define ECAPI_GA4_VALUE_MAX		100

/* ---- ga4_user.c ---- */

/*
 * key of the format (format.h): the same for events whose heads are the same.
 */
extern bool ecapi_ga4_key(const EcapiOptions *options, const EcapiValue *event, uint64_t *key);

/*
 * Write the members of a request that stand before its events: who it was, what was
 * consented to.  user is user_data, or NULL; time is that of the first event, seconds
 * since 1970.  NULL, or why there is no request without it; then what was written is to be
 * taken back.
 */
extern const char *ecapi_ga4_write_head(EcapiShape *shape, EcapiWriter *writer,
										const EcapiValue *user, int64_t time);

/* ---- ga4_event.c ---- */

/* add of the format */
extern EcapiShaped ecapi_ga4_add(EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
								 EcapiBuffer *body, const char **reason);

/* Whether Analytics knows an event again: a purchase, by its order's number. */
extern bool ecapi_ga4_is_known_again(const EcapiOptions *options, const EcapiValue *event);

/*
 * Write a number, or a text cut to max characters, which is what Analytics would do;
 * nothing where it is NULL or another value.
 */
extern void ecapi_ga4_write_cut(EcapiWriter *writer, const char *name,
								const EcapiValue *value, int max);

/* The name of the one event whose repeats Analytics knows. */
#define ECAPI_GA4_PURCHASE		"purchase"

/* What stands behind the events of a request that is validated alone. */
#define ECAPI_GA4_VALIDATION	"],\"validation_behavior\":\""

/* ---- ga4_answer.c ---- */

/* judge of the format */
extern void ecapi_ga4_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
							EcapiJudgement *judgement);

#endif							/* ECAPI_GA4_H */
