/*
 * journal.h
 *	  What is to be recorded, and recording it.
 */
#ifndef ECAPI_JOURNAL_H
#define ECAPI_JOURNAL_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "delivery/request.h"
#include "pipeline/forward.h"
#include "pipeline/gather.h"
#include "pipeline/pages.h"
#include "pipeline/slice.h"
#include "records/seqs.h"

extern void ecapi_journal_request(EcapiBatch *batch, const char *outcome,
								  const EcapiAnswer *answer, const char *error);
extern void ecapi_journal_delivered(EcapiItem item);
extern void ecapi_journal_failed(EcapiItem item, const char *reason,
								 const EcapiAnswer *answer, int attempts, bool retry);
extern void ecapi_journal_refused(EcapiItem item, const char *reason,
								  const char *problem, bool retry);
extern void ecapi_journal_passed(EcapiFeed *feed, const EcapiPageEvent *event,
								 const EcapiEnd *end);
extern void ecapi_journal_passed_over(EcapiDestination *destination, const char *reason,
									  int events, int type, const char *currency,
									  bool has_value, int64 millionths);
extern void ecapi_journal_kept_back(EcapiDestination *destination, const char *reason,
									int events, const EcapiSeqs *seqs);
extern bool ecapi_journal_due(TimestampTz now, long *wait_ms);
extern void ecapi_journal_write(bool all);

#endif							/* ECAPI_JOURNAL_H */
