/*
 * meta.h
 *	  What the files of the format "meta" share; of no interest to others.
 *
 * Pure C: no server header, no I/O, no SQL.
 */
#ifndef ECAPI_META_H
#define ECAPI_META_H

#include "destination/format.h"
#include "destination/writer.h"

/* The places of the format's own options in its table (format_meta.c). */
typedef enum EcapiMetaOption
{
	ECAPI_META_API_VERSION,
	ECAPI_META_TEST_EVENT_CODE,
	ECAPI_META_DATA_PROCESSING,
	ECAPI_META_DATA_PROCESSING_COUNTRY,
	ECAPI_META_DATA_PROCESSING_STATE,
	ECAPI_META_APPEND_EVENT_NAME,
	ECAPI_META_APPEND_FOR_DAYS,
	ECAPI_META_OPTIONS
} EcapiMetaOption;

/* Meta's name of a standard event for an event type; NULL: it has none. */
extern const char *ecapi_meta_standard_name(int type);

/* add, amend_limit and age_limit of the format, see format.h (meta_event.c) */
extern EcapiShaped ecapi_meta_add(EcapiShape *shape, EcapiArena *arena,
								  const EcapiValue *event, EcapiBuffer *body,
								  const char **reason);
extern int	ecapi_meta_amend_limit(const EcapiOptions *options);
extern int	ecapi_meta_age_limit(const EcapiOptions *options, const EcapiValue *event);

/* Ages that an event may have, in seconds; see meta_event.c. */
#define ECAPI_META_AGE			(7 * 86400 - 600)
#define ECAPI_META_AGE_STORE	(62 * 86400 - 600)

/* judge of the format (meta_answer.c) */
extern void ecapi_meta_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
							 EcapiJudgement *judgement);

/*
 * Write user_data (NULL: the event has none).  time (seconds since 1970) is that of the event, as it is sent.
 * NULL, or why Meta would refuse the event for it; then what was written is to be taken
 * back.  website: the event is one of a website.
 */
extern const char *ecapi_meta_write_user(EcapiShape *shape, EcapiWriter *writer,
										 const EcapiValue *user, int64_t time,
										 bool website);

/*
 * Write custom_data.  value and currency (ISO 4217) are the event's, or NULL.
 */
extern void ecapi_meta_write_custom(EcapiWriter *writer, const EcapiValue *event,
									const EcapiValue *value, const char *currency);

#endif							/* ECAPI_META_H */
