/*
 * measure.h
 *	  What was measured of the values of destinations: ecapi.value_measure.
 *
 * All of it wants a transaction and a connection to SPI, and raises what SQL raises,
 * unless it says otherwise.
 */
#ifndef ECAPI_MEASURE_H
#define ECAPI_MEASURE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "destination/options.h"

/* What was measured for one destination at once. */
typedef struct EcapiMeasurement
{
	const char *destination;
	const char *value_field;	/* of which values; "": value itself */
	const char *transform;		/* for what, as ecapi_transform_print() writes it */
	TimestampTz measured_at;
	EcapiMeasured measured;
} EcapiMeasurement;

/*
 * The measurements of all destinations (NULL), or of one, as a list of EcapiMeasurement
 * in context.  Event types that are unknown are left out.
 */
extern List *ecapi_measure_load(const char *destination, MemoryContext context);

/*
 * Let the options of a destination have what was measured for them, as a copy in the
 * current context.  What was measured of another value_field, or for another transform,
 * is not it.  all is a list of EcapiMeasurement.  No statement; raises nothing but out of
 * memory.
 */
extern void ecapi_measure_give(EcapiOptions *options, const char *destination, const List *all);

/* The value_field that options say, "" for value itself.  No statement, no memory. */
extern const char *ecapi_measure_field(const EcapiOptions *options);

/* When a destination was measured; 0: never.  No statement. */
extern TimestampTz ecapi_measure_at(const char *destination, const List *all);

/* One row to write: of an event type and currency. */
typedef struct EcapiMeasureRow
{
	int			type;
	char		currency[4];
	int64		events;
	Datum		bounds;			/* numeric[] */
	Datum		amounts;		/* numeric[]; 0: there were too few events */
} EcapiMeasureRow;

/* Replace what a destination has by n rows, ordered by type and currency. */
extern void ecapi_measure_replace(const EcapiMeasurement *head, TimestampTz since,
								  const EcapiMeasureRow *rows, int n);

extern void ecapi_measure_rename(const char *from, const char *to);
extern void ecapi_measure_end(const char *destination);

#endif							/* ECAPI_MEASURE_H */
