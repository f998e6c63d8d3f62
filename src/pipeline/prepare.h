/*
 * prepare.h
 *	  Between reading and sending: users' SQL, for destinations that have some.
 */
#ifndef ECAPI_PREPARE_H
#define ECAPI_PREPARE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "event/value.h"
#include "pipeline/forward.h"

#define ECAPI_REASON_ENRICH		"enrichment failed"
#define ECAPI_REASON_REFUSED	"patch refused"
#define ECAPI_REASON_FILTER_FAILED "filter failed"

extern const char *ecapi_prepare_select(const EcapiDestination *destination,
										const EcapiValue *tree, int type, int64 now);
extern bool ecapi_prepare_can_send(EcapiFeed *feed);
extern void ecapi_prepare_step(TimestampTz now, long *wait_ms);
extern void ecapi_prepare_reset(EcapiDestination *destination);
extern void ecapi_prepare_resume(EcapiDestination *destination);
extern void ecapi_prepare_nudge(void);

#endif							/* ECAPI_PREPARE_H */
