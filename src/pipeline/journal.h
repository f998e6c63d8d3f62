/*
 * journal.h
 *	  The journal of a destination: what is to be recorded of it, in memory until the
 *	  next write.
 */
#ifndef ECAPI_JOURNAL_H
#define ECAPI_JOURNAL_H

#include "postgres.h"

#include "delivery/request.h"
#include "destination/judge.h"
#include "pipeline/batch.h"
#include "pipeline/feed.h"
#include "pipeline/forward.h"
#include "pipeline/outcome.h"
#include "pipeline/page.h"
#include "records/seqs.h"

/*
 * Note a request, or a batch that was kept back (answer NULL); outcome is a
 * constant.  arrived: the receiver has taken the events, or may have.
 */
extern void ecapi_journal_request(EcapiBatch *batch, const char *outcome,
								  const EcapiAnswer *answer, const char *error, bool arrived);

/*
 * Note a request that the receiver took, but for events that its answer names; these get
 * a row of their own.
 */
extern void ecapi_journal_taken(EcapiBatch *batch, const EcapiAnswer *answer,
								const EcapiJudgement *judgement);

/* Of a batch that was not delivered: the events that the judgement names were. */
extern void ecapi_journal_some(EcapiBatch *batch, const EcapiAnswer *answer,
							   const EcapiJudgement *judgement);

/*
 * Count an event of a slice that the place of its feed has passed, by its end.  Failed
 * events have no place; ecapi_journal_ended counts those.
 */
extern void ecapi_journal_passed(const EcapiSlice *slice, int i, const EcapiEnd *end);

/*
 * Count the events of one kind, and their value, of a page that holds nothing for the
 * destination and that its live feed passes over.
 */
extern void ecapi_journal_passed_over(EcapiDestination *destination, const char *reason,
									  int events, int type, const char *currency,
									  bool has_value, int64 millionths);

/* Note which events were passed over for a reason. */
extern void ecapi_journal_kept_back(EcapiDestination *destination, const char *reason,
									int events, const EcapiSeqs *seqs);

/* Note when a failed event was first sent in a request that may have arrived. */
extern void ecapi_journal_sent(EcapiItem item, TimestampTz at);

/* Note that a failed event was delivered, or filtered: its row goes, and it is counted. */
extern void ecapi_journal_ended(EcapiItem item, const EcapiEnd *end);

/*
 * Note that an event failed: it is copied to failed_event, or its row there is changed.
 * attempts is how often it was sent just now; retry: another try makes sense, else it
 * is dead.  wait_s: not before that many seconds; 0: as retry_policy.h says.
 */
extern void ecapi_journal_failed(EcapiItem item, const char *reason,
								 const EcapiAnswer *answer, int attempts, bool retry,
								 int wait_s);

/* An event that was accepted, and failed afterwards; texts NULL for none. */
typedef struct EcapiLateEvent
{
	uint64		xid;
	int64		seq;
	int			type;			/* index of its event type, -1 unknown */
	const char *currency;
	const char *value;			/* a number as JSON has it */
	const char *reason;			/* a constant */
	const char *words;			/* the platform's */
	int			wait_s;			/* it is tried again then; 0: never */
} EcapiLateEvent;

/* Note that such an event failed: it is copied to failed_event, and counted. */
extern void ecapi_journal_late(EcapiDestination *destination, const EcapiLateEvent *late);

/* Drop what was written, when the transaction that wrote it has committed. */
extern void ecapi_journal_forget(EcapiDestination *destination);

#endif							/* ECAPI_JOURNAL_H */
