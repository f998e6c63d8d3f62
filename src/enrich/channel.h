/*
 * channel.h
 *	  Between the worker and a process that runs users' SQL for it: records, in both
 *	  directions, through shared memory.
 */
#ifndef ECAPI_CHANNEL_H
#define ECAPI_CHANNEL_H

#include "postgres.h"

#include "postmaster/bgworker.h"
#include "storage/dsm.h"

#include "enrich/enrichment.h"
#include "enrich/user_sql.h"

/* What a record says.  A call: CALL, EVENT for each event, and RUN or DROP. */
typedef enum EcapiRecordKind
{
	/* to the process */
	ECAPI_RECORD_CALL,			/* data: EcapiCallHead, for a filter its text behind it */
	ECAPI_RECORD_EVENT,			/* number: its seq; data: JSON, UTF-8 */
	ECAPI_RECORD_RUN,			/* these were all */
	ECAPI_RECORD_DROP,			/* nobody wants it any more */

	/* from it, once: it is connected, and will listen */
	ECAPI_RECORD_READY,

	/* about the events of a call, in their order; number: which, from 0 */
	ECAPI_RECORD_SAME,			/* no enrichment changed it */
	ECAPI_RECORD_CHANGED,		/* data: JSON, UTF-8 */
	ECAPI_RECORD_REFUSED,		/* data: why its patch was, not terminated */
	ECAPI_RECORD_STOPPED,		/* the filter says no; of one that passes there is no record */
	ECAPI_RECORD_ANSWER			/* the end of a call; data: EcapiCallAnswer */
} EcapiRecordKind;

/* What is asked for. */
typedef struct EcapiCallHead
{
	bool		filters;		/* a filter; else enrichments */
	Oid			role;			/* that the filter runs as */
	int			nevents;		/* room to make for them; there may come fewer */
	int			timeout_ms;		/* of each function, or of the filter */
	EcapiEnrichments list;		/* n 0 for a filter */
} EcapiCallHead;

typedef enum EcapiCallResult
{
	ECAPI_CALL_PASSED,
	ECAPI_CALL_FAILED,			/* users' SQL did: error */
	ECAPI_CALL_UNUSABLE,		/* it cannot be used at all: problem */
	ECAPI_CALL_LACKED			/* memory, or the process ends: no fault of the SQL's; error
								 * has a message */
} EcapiCallResult;

typedef struct EcapiCallAnswer
{
	EcapiCallResult result;
	EcapiUserError error;
	EcapiUserProblem problem;
	int			failed;			/* event at which the filter failed, -1: not known */
	int64		took_us;		/* in users' SQL */
} EcapiCallAnswer;

typedef struct EcapiRecord
{
	EcapiRecordKind kind;
	int64		number;
	const char *data;			/* aligned; valid until the next one is asked for */
	Size		len;
} EcapiRecord;

/* Whether there was something; GONE: the other side is not there any more. */
typedef enum EcapiChannelState
{
	ECAPI_CHANNEL_DONE,
	ECAPI_CHANNEL_LATER,		/* not now; our latch is set when to try again */
	ECAPI_CHANNEL_GONE
} EcapiChannelState;

typedef struct EcapiChannel EcapiChannel;

/* Nothing here waits. */

/*
 * Make one, in the current context; NULL: the server has no more segments of shared memory.
 * Raises when it cannot make the segment, and out of memory; what there is by then belongs to
 * the current resource owner.
 */
extern EcapiChannel *ecapi_channel_create(void);

/* What the process is to be started with, to find it. */
extern dsm_handle ecapi_channel_handle(const EcapiChannel *channel);

/* The process was registered: its end before it came is the end of the channel. */
extern void ecapi_channel_expect(EcapiChannel *channel, BackgroundWorkerHandle *process);

/* The process's end of it; NULL: the worker has gone.  Raises out of memory. */
extern EcapiChannel *ecapi_channel_join(dsm_handle handle);

/* Close our end; the other one finds it gone. */
extern void ecapi_channel_close(EcapiChannel *channel);

/*
 * Say something.  It leaves with others, or by ecapi_channel_flush; nothing may be said
 * before ecapi_channel_room.  data may be NULL if len is 0.  Raises out of memory.
 */
extern void ecapi_channel_say(EcapiChannel *channel, EcapiRecordKind kind, int64 number,
							  const void *data, Size len);

/* Make room to say more: DONE when what was said before need not leave first, or has left. */
extern EcapiChannelState ecapi_channel_room(EcapiChannel *channel);

/* DONE when all that was said has left. */
extern EcapiChannelState ecapi_channel_flush(EcapiChannel *channel);

/* The next record. */
extern EcapiChannelState ecapi_channel_next(EcapiChannel *channel, EcapiRecord *record);

#endif							/* ECAPI_CHANNEL_H */
