/*
 * eligibility.h
 *	  Whether what a destination would be sent is what its platform asks of values.
 */
#ifndef ECAPI_ELIGIBILITY_H
#define ECAPI_ELIGIBILITY_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "preview/preview.h"

/* Days that are looked at: platforms count by the week. */
#define ECAPI_ELIGIBILITY_DAYS	7

typedef struct EcapiEligibility EcapiEligibility;

/* Whether anything is known of what a format's platform asks. */
extern bool ecapi_eligibility_is_known(const char *format);

/* Begin to look at events for a format, in the current context. */
extern EcapiEligibility *ecapi_eligibility_begin(const char *format);

/* Look at a decided event; of one that would be sent, event is what leaves. */
extern void ecapi_eligibility_add(EcapiEligibility *eligibility, const EcapiPreviewEvent *event);

/*
 * A row for each rule, of each event type that has values, and currency where the rule is
 * about amounts: platform, event_type, currency, rule, measured, met, source.  whole: what
 * was looked at goes back far enough for a rule that counts by the week.  Returns how many.
 */
extern int	ecapi_eligibility_put(EcapiEligibility *eligibility, bool whole,
								  ReturnSetInfo *result);

#endif							/* ECAPI_ELIGIBILITY_H */
