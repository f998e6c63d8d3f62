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

extern bool ecapi_ledger_millionths(const char *text, int64 *result);
extern void ecapi_ledger_add_many(EcapiDestination *destination, int type,
								  const char *currency, const EcapiEnd *end, int events,
								  bool has_value, int64 millionths);
extern void ecapi_ledger_add(EcapiDestination *destination, const EcapiPageEvent *event,
							 const EcapiEnd *end);
extern void ecapi_ledger_write(EcapiDestination *destination, TimestampTz now);

#endif							/* ECAPI_LEDGER_H */
