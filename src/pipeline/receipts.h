/*
 * receipts.h
 *	  Asking for outcomes that come later (EcapiLater of destination/format.h).
 */
#ifndef ECAPI_RECEIPTS_H
#define ECAPI_RECEIPTS_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "destination/judge.h"
#include "pipeline/forward.h"

/* Note in the journal that a batch was accepted under a receipt. */
extern void ecapi_receipts_note(EcapiBatch *batch, const EcapiJudgement *judgement);

/* Whether there is something to read; then read it, in a transaction of ours. */
extern bool ecapi_receipts_wanted(EcapiDestination *destination, TimestampTz now);
extern void ecapi_receipts_read(EcapiDestination *destination, TimestampTz now);

/* Ask about what was read, if the destination may send. */
extern void ecapi_receipts_ask(EcapiDestination *destination, TimestampTz now);

/* Milliseconds until there is something to read; -1: not before something happens. */
extern long ecapi_receipts_wait_ms(EcapiDestination *destination, TimestampTz now);

/* What was noted is on its way to the disk: look for the next one. */
extern void ecapi_receipts_recorded(EcapiDestination *destination);

/* Forget what is in memory; rows stay. */
extern void ecapi_receipts_forget(EcapiDestination *destination);

#endif							/* ECAPI_RECEIPTS_H */
