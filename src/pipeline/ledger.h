/*
 * ledger.h
 *	  The hourly ledger.
 */
#ifndef ECAPI_LEDGER_H
#define ECAPI_LEDGER_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "pipeline/forward.h"
#include "pipeline/outcome.h"
#include "pipeline/page.h"

/* A plain decimal (a JSON number) in millionths; false when it does not fit. */
extern bool ecapi_ledger_millionths(const char *text, int64 *result);

/* Count an event that ended so.  Raises nothing but out of memory. */
extern void ecapi_ledger_add(EcapiDestination *destination, const EcapiPageEvent *event,
							 const EcapiEnd *end);

/*
 * Count several events of a type and currency at once, and what they are worth
 * together.  Raises nothing but out of memory.
 */
extern void ecapi_ledger_add_many(EcapiDestination *destination, int type,
								  const char *currency, const EcapiEnd *end, int events,
								  bool has_value, int64 millionths);

/*
 * Write what was counted for a destination, in the transaction of its cursor.
 * SPI is connected.  The caller drops it when the transaction has committed.
 */
extern void ecapi_ledger_write(EcapiDestination *destination, TimestampTz now);

/* The same for an event that is in no page; currency and value may be NULL. */
extern void ecapi_ledger_add_late(EcapiDestination *destination, int type,
								  const char *currency, const char *value,
								  const EcapiEnd *end);

#endif							/* ECAPI_LEDGER_H */
