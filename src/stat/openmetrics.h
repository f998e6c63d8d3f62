/*
 * openmetrics.h
 *	  Text in the forms that Prometheus reads: OpenMetrics 1.0, and its own of before.
 *
 *		ecapi_metrics_family(&metrics, "ecapi_sent_bytes", "counter", "bytes", "what it is");
 *		ecapi_metrics_sample(&metrics, "_total");
 *		ecapi_metrics_label(&metrics, "destination", name, strlen(name));
 *		ecapi_metrics_value(&metrics, 12, 0);
 *		ecapi_metrics_end(&metrics);
 *
 * Pure C: no server header, no I/O.
 */
#ifndef ECAPI_OPENMETRICS_H
#define ECAPI_OPENMETRICS_H

#include "event/buffer.h"

typedef struct EcapiExposition
{
	EcapiBuffer *out;
	const char *database;		/* a label of every sample, as "datname"; UTF-8 */
	const char *family;
	bool		labels;			/* of the sample: a bracket is open */
	bool		older;			/* Prometheus' own text format 0.0.4 */
} EcapiExposition;

/*
 * A family of samples begins: name without the suffixes of samples; type as the standard
 * has it; unit NULL for none, else the end of the name; help one line of plain text.  Its
 * samples follow, and no family comes twice.  In the older form a counter bears the name
 * of its samples, a stateset is a gauge, and units have no line.
 */
extern void ecapi_metrics_family(EcapiExposition *metrics, const char *name, const char *type,
								 const char *unit, const char *help);

/* A sample of the family begins, by its suffix, which may be "". */
extern void ecapi_metrics_sample(EcapiExposition *metrics, const char *suffix);

/* A label of it; value is any bytes, shown as UTF-8. */
extern void ecapi_metrics_label(EcapiExposition *metrics, const char *name, const char *value,
								size_t len);

/* Its value, number / 10^digits, which ends it. */
extern void ecapi_metrics_value(EcapiExposition *metrics, uint64_t number, int digits);

/*
 * A histogram: for each of nbounds + 1 buckets what it has, without what those before
 * have; bounds and sum in microseconds, shown as seconds.  One label beside the database.
 */
extern void ecapi_metrics_histogram(EcapiExposition *metrics, const char *label, const char *value,
									const int64_t *bounds, int nbounds, const uint64_t *counts,
									uint64_t sum);

/* Nothing follows; the older form has no mark for it. */
extern void ecapi_metrics_end(EcapiExposition *metrics);

#endif							/* ECAPI_OPENMETRICS_H */
