/*
 * quantiles.h
 *	  Where the quantiles of values lie, by event type and currency.
 */
#ifndef ECAPI_QUANTILES_H
#define ECAPI_QUANTILES_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "destination/transform.h"
#include "event/value.h"
#include "records/measure.h"

typedef struct EcapiQuantiles EcapiQuantiles;

/* Begin to collect values for a transform that is measured; in the current context. */
extern EcapiQuantiles *ecapi_quantiles_begin(EcapiTransform transform);

/*
 * Add a value.  type is the index of its event type, currency three upper-case letters.
 * What is no number that numeric can hold is left out.  May write to temporary files.
 */
extern void ecapi_quantiles_add(EcapiQuantiles *quantiles, int type, const char *currency,
								const EcapiValue *value);

/*
 * End it: *n rows by type and currency, palloc'd in the context in which it was begun, those
 * with too few values without amounts.  May be cancelled.
 */
extern EcapiMeasureRow *ecapi_quantiles_end(EcapiQuantiles *quantiles, int *n);

#endif							/* ECAPI_QUANTILES_H */
