/*
 * tiktok.h
 *	  What the files of the format "tiktok" share; of no interest to others.
 *
 * Pure C: no server header, no I/O, no SQL.
 */
#ifndef ECAPI_TIKTOK_H
#define ECAPI_TIKTOK_H

#include "destination/facts.h"
#include "destination/format.h"
#include "destination/writer.h"

/* The places of the format's own options in its table (format_tiktok.c). */
typedef enum EcapiTiktokOption
{
	ECAPI_TIKTOK_EVENT_SOURCE_IDS,
	ECAPI_TIKTOK_APP_ID,
	ECAPI_TIKTOK_APP_OS,
	ECAPI_TIKTOK_DEVICE_IDS,
	ECAPI_TIKTOK_EXTERNAL_ID_CASE,
	ECAPI_TIKTOK_LIMITED_DATA_USE,
	ECAPI_TIKTOK_TEST_EVENT_CODE
} EcapiTiktokOption;

#define ECAPI_TIKTOK_OPTIONS	(ECAPI_TIKTOK_TEST_EVENT_CODE + 1)

/* What TikTok calls the source of events; all events of a request have one. */
typedef enum EcapiTiktokSource
{
	ECAPI_TIKTOK_WEB,
	ECAPI_TIKTOK_APP,
	ECAPI_TIKTOK_OFFLINE,
	ECAPI_TIKTOK_CRM
} EcapiTiktokSource;

#define ECAPI_TIKTOK_SOURCES	(ECAPI_TIKTOK_CRM + 1)

/* TikTok's word for a source. */
extern const char *const ecapi_tiktok_source_names[ECAPI_TIKTOK_SOURCES];

/*
 * The source of an event: website and app as in its field source; of the others, with a lead
 * of TikTok's and where the options have an id for it, crm, else offline.
 */
extern EcapiTiktokSource ecapi_tiktok_source(const EcapiOptions *options,
											 const EcapiValue *event);

/* The id under which events of a source go, of *len bytes; NULL: the options have none. */
extern const char *ecapi_tiktok_source_id(const EcapiOptions *options,
										  EcapiTiktokSource source, size_t *len);

/* The lead of an event, ext.lead, if it has a lead_id; or NULL (tiktok_event.c). */
extern const EcapiValue *ecapi_tiktok_lead(const EcapiValue *event);

/* add of the format, see format.h (tiktok_event.c) */
extern EcapiShaped ecapi_tiktok_add(EcapiShape *shape, EcapiArena *arena,
									const EcapiValue *event, EcapiBuffer *body,
									const char **reason);

/*
 * Write user (tiktok_user.c).  user_data may be NULL.  False when nothing in it tells one
 * person from others; then what was written is to be taken back.
 */
extern bool ecapi_tiktok_write_user(EcapiShape *shape, EcapiWriter *writer,
									const EcapiValue *user_data);

/* judge of the format (tiktok_answer.c) */
extern void ecapi_tiktok_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
							   EcapiJudgement *judgement);

#endif							/* ECAPI_TIKTOK_H */
