/*
 * linkedin.h
 *	  What the files of the format "linkedin" share; of no interest to others.
 *
 * Pure C: no server header, no I/O, no SQL.
 */
#ifndef ECAPI_LINKEDIN_H
#define ECAPI_LINKEDIN_H

#include "destination/format.h"

/* The places of the format's own options in its table (format_linkedin.c). */
typedef enum EcapiLinkedinOption
{
	ECAPI_LINKEDIN_API_VERSION,
	ECAPI_LINKEDIN_SEND_NAMES,
	ECAPI_LINKEDIN_EXTERNAL_ID,
	ECAPI_LINKEDIN_APP_OS,
	ECAPI_LINKEDIN_OPTIONS
} EcapiLinkedinOption;

/* What stands before the number of a conversion rule in its URN. */
#define ECAPI_LINKEDIN_RULE		"urn:lla:llaPartnerConversion:"

/* Whether an option has a word. */
extern bool ecapi_linkedin_says(const EcapiOptions *options, EcapiLinkedinOption option,
								const char *word);

/* add of the format, see format.h (linkedin_event.c) */
extern EcapiShaped ecapi_linkedin_add(EcapiShape *shape, EcapiArena *arena,
									  const EcapiValue *event, EcapiBuffer *body,
									  const char **reason);

/* judge of the format (linkedin_answer.c) */
extern void ecapi_linkedin_judge(const EcapiAnswer *answer, int nevents, EcapiArena *arena,
								 EcapiJudgement *judgement);

#endif							/* ECAPI_LINKEDIN_H */
