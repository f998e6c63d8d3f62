/*
 * amazon.h
 *	  What the files of the format "amazon" share; of no interest to others.
 *
 * Pure C: no server header, no I/O, no SQL.
 */
#ifndef ECAPI_AMAZON_H
#define ECAPI_AMAZON_H

#include "destination/format.h"

/* The places of the format's own options in its table (format_amazon.c). */
typedef enum EcapiAmazonOption
{
	ECAPI_AMAZON_ACCOUNT_ID,
	ECAPI_AMAZON_CLIENT_ID,
	ECAPI_AMAZON_REGION,
	ECAPI_AMAZON_APP_OS,
	ECAPI_AMAZON_TOKEN_URL,
	ECAPI_AMAZON_CLIENT_SECRET,
	ECAPI_AMAZON_REFRESH_TOKEN,
	ECAPI_AMAZON_OPTIONS
} EcapiAmazonOption;

/* Whether the events are for an account of the European region. */
extern bool ecapi_amazon_is_eu(const EcapiOptions *options);

/* add of the format, see format.h (amazon_event.c) */
extern EcapiShaped ecapi_amazon_add(EcapiShape *shape, EcapiArena *arena,
									const EcapiValue *event, EcapiBuffer *body,
									const char **reason);

/* judge of the format (amazon_answer.c) */
extern void ecapi_amazon_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
							   EcapiJudgement *judgement);

#endif							/* ECAPI_AMAZON_H */
