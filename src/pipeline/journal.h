/*
 * journal.h
 *	  The journal of a destination: what is to be recorded of it, in memory until the
 *	  next write.
 */
#ifndef ECAPI_JOURNAL_H
#define ECAPI_JOURNAL_H

#include "postgres.h"

#include "delivery/request.h"
#include "pipeline/batch.h"
#include "pipeline/feed.h"
#include "pipeline/forward.h"
#include "pipeline/outcome.h"
#include "pipeline/page.h"
#include "records/seqs.h"

extern void ecapi_journal_request(EcapiBatch *batch, const char *outcome,
								  const EcapiAnswer *answer, const char *error);
extern void ecapi_journal_delivered(EcapiItem item);
extern void ecapi_journal_failed(EcapiItem item, const char *reason,
								 const EcapiAnswer *answer, int attempts, bool retry);
extern void ecapi_journal_passed(const EcapiSlice *slice, int i, const EcapiEnd *end);
extern void ecapi_journal_passed_over(EcapiDestination *destination, const char *reason,
									  int events, int type, const char *currency,
									  bool has_value, int64 millionths);
extern void ecapi_journal_kept_back(EcapiDestination *destination, const char *reason,
									int events, const EcapiSeqs *seqs);
extern void ecapi_journal_forget(EcapiDestination *destination);

#endif							/* ECAPI_JOURNAL_H */
