/*
 * transform.h
 *	  The value of an event, told less exactly: the option value_transform.
 *
 * A cap and buckets need to know what values there are; that was measured before
 * (records/measure.h), by event type and currency, because a page view that carries
 * the price of a shoe says nothing about what an order is worth.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_TRANSFORM_H
#define ECAPI_TRANSFORM_H

#include "event/value.h"

typedef enum EcapiTransformKind
{
	ECAPI_TRANSFORM_NONE,
	ECAPI_TRANSFORM_CAP,		/* what is above a quantile leaves as the quantile */
	ECAPI_TRANSFORM_LOG,		/* ln(1 + value); below 0: -ln(1 - value) */
	ECAPI_TRANSFORM_BUCKETS		/* as the mean of its bucket, of as many values as others */
} EcapiTransformKind;

/*
 * Below a half a cap would level most of the values; beyond 99.99% it takes 100,000
 * events to know it.  More than 100 buckets are as telling as the values themselves.
 */
#define ECAPI_CAP_MIN			5000
#define ECAPI_CAP_MAX			9999
#define ECAPI_BUCKETS_MIN		2
#define ECAPI_BUCKETS_MAX		100

typedef struct EcapiTransform
{
	EcapiTransformKind kind;
	int			number;			/* of a cap: hundredths of a percent; of buckets: how many */
} EcapiTransform;

/*
 * Values that a quantile rests on: as many lie above a cap, and in each bucket, at least.
 * With fewer, its place is a matter of chance (by a third with ten), and the amount that
 * stands for all of them tells of single orders.
 */
#define ECAPI_TRANSFORM_VALUES_MIN	10

/* What was measured of the values of one event type and currency. */
typedef struct EcapiMeasuredKind
{
	int			type;			/* index of the event type */
	char		currency[4];
	int			nbounds;
	const double *bounds;		/* of a cap: it; of buckets: the upper ends of all but the last */
	int			namounts;		/* 0: there were too few values */
	const char *const *amounts; /* decimal numbers: the cap; or one for each bucket */
} EcapiMeasuredKind;

typedef struct EcapiMeasured
{
	int			nkinds;
	const EcapiMeasuredKind *kinds;
} EcapiMeasured;

/* Bytes of the option's value as written by ecapi_transform_print(), with the NUL. */
#define ECAPI_TRANSFORM_SIZE	32

/*
 * Read "cap 99%", "cap 99.5%", "log", "buckets 10".  False when it is none; then *closest
 * is the value that was probably meant, in memory, or NULL.
 */
extern bool ecapi_transform_read(const char *text, EcapiTransform *transform,
								 char memory[ECAPI_TRANSFORM_SIZE], const char **closest);

/* The one way in which a transform is written, so that two of them compare as texts. */
extern void ecapi_transform_print(EcapiTransform transform, char text[ECAPI_TRANSFORM_SIZE]);

/* Whether it needs a measurement. */
extern bool ecapi_transform_is_measured(EcapiTransform transform);

/*
 * How many values of one event type and currency it takes at least: so that
 * ECAPI_TRANSFORM_VALUES_MIN lie above a cap, or in each bucket.  0: none.
 */
extern int64_t ecapi_transform_values_min(EcapiTransform transform);

/*
 * The rank, from 1, at which among n values the cap lies, or bucket i (from 1) ends: the
 * smallest one that at least that share of them does not exceed.
 */
extern int64_t ecapi_transform_rank(EcapiTransform transform, int64_t n, int i);

/*
 * A JSON number (len bytes) transformed, as the text of one: exact, not rounded to the
 * currency, and text itself where nothing changes.  type and currency are those of the
 * event.  *result_len gets its length.  NULL when the arena failed, or with a constant in
 * *reason:
 *	"value out of range"	text is no number that a receiver could keep
 *	"value not measured"	nothing is known of this event type and currency, or too little
 */
extern const char *ecapi_transform_apply(EcapiTransform transform, const EcapiMeasured *measured,
										 EcapiArena *arena, int type, const char *currency,
										 const char *text, size_t len, size_t *result_len,
										 const char **reason);

#endif							/* ECAPI_TRANSFORM_H */
