/*
 * span.h
 *	  The history of a table as sums by customer, over the span of its orders.
 */
#ifndef ECAPI_SPAN_H
#define ECAPI_SPAN_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "model/customer.h"

/* Days after the first order in which the first-order model may score again. */
#define ECAPI_SPAN_EARLY	7

/*
 * Days at the end of the span by which the next days are expected: four weeks, whose
 * newcomers stand for those to come; and a quarter of a year, for how much days differ.
 */
#define ECAPI_SPAN_RECENT	28
#define ECAPI_SPAN_DAILY	91

/* Currencies that a refusal names. */
#define ECAPI_SPAN_CURRENCIES	8

/* What is asked of a history. */
typedef struct EcapiSpanQuery
{
	Oid			relation;
	const char *track;			/* name; NULL: the table's only one */
	bool		has_until;
	TimestampTz until;			/* orders before then */
	bool		digest;			/* customers by digest */
	const char *currency;		/* three letters; NULL: the only one there is */
	double		horizon;		/* days that are to be predicted */
	double		holdout;		/* days that are held out; 0: see ecapi_span_read() */
} EcapiSpanQuery;

/*
 * A customer.  Days count from 2000-01-01.  Orders of a day are one order, of their sum; a
 * repeat order is one after the first day.  Sums of money are in the span's currency.
 */
typedef struct EcapiSpanCustomer
{
	const char *key;			/* server encoding */

	/* of the whole span */
	int32		first;			/* day */
	int32		last;			/* day */
	int32		repeats;
	int32		first_hour;		/* of the first order, 0 to 23, in the session's time zone */
	double		first_value;
	double		first_items;	/* NaN: not known */
	double		value;			/* of repeat orders */

	/* of the calibration, up to span->cut; only of customers whose first day lies in it */
	int32		cut_last;
	int32		cut_repeats;
	double		cut_value;		/* of repeat orders */
	double		latest_value;	/* of the last order */
	int32		again_orders;	/* of the last days before the cut, as long as the holdout: */
	double		again_value;	/* all orders */

	/* of what is held out */
	int32		held_orders;
	double		held_value;

	/* of the days after the first, ECAPI_SPAN_EARLY of them, and what came behind these */
	int32		early_repeats;
	double		early_value;	/* of repeat orders */
	double		after_first;	/* of repeat orders in as long as the holdout, from day 0 */
	double		after_early;	/* the same from day ECAPI_SPAN_EARLY */
} EcapiSpanCustomer;

/* Why orders are not in the sums. */
typedef enum EcapiSpanKind
{
	ECAPI_SPAN_TAKEN,
	ECAPI_SPAN_REFUSED,			/* no event can be made of the row */
	ECAPI_SPAN_NOBODY,			/* no customer */
	ECAPI_SPAN_WORTHLESS,		/* no value, no currency, or more than an amount can be */
	ECAPI_SPAN_NEGATIVE,
	ECAPI_SPAN_OTHER_CURRENCY,
	ECAPI_SPAN_KINDS
} EcapiSpanKind;

/* The kinds in words, for reports. */
extern const char *const ecapi_span_kinds[ECAPI_SPAN_KINDS];

typedef struct EcapiOrders
{
	size_t		n;
	EcapiSpanCustomer *customers;	/* by key, byte by byte */
	int64		counts[ECAPI_SPAN_KINDS];	/* orders */
	int32		begin;			/* day of the first order */
	int32		cut;			/* last day of the calibration */
	int32		end;			/* last day */
	int32		horizon;		/* days */
	int32		holdout;		/* days */
	int32		daily[ECAPI_SPAN_DAILY];	/* orders of the last days, the last one first */
	char		currency[4];
	bool		by_address;		/* some customers are told by an address or number of theirs */
	bool		by_number;		/* some by an id of the shop */
} EcapiOrders;

/*
 * Read it, through ecapi.history(), with the caller's rights.  Without a holdout half of
 * the span is held out, but no more than the horizon.  The result is in the current
 * context; memory goes with customers, not with orders.  SPI is connected, search_path is
 * pg_catalog.
 *
 * Raises what ecapi.history() raises; an error for a history of no orders, of several
 * currencies where none was asked for, or shorter than what is to be held out; and a
 * cancellation.
 */
extern void ecapi_span_read(const EcapiSpanQuery *query, EcapiOrders *span);

/* Of the calibration: the customers, n of them, as models take them, and which these are. */
extern EcapiCustomer *ecapi_span_calibration(const EcapiOrders *span, size_t *n,
											 const EcapiSpanCustomer ***which);

/* Of the calibration: one customer, whose first day lies in it. */
extern EcapiCustomer ecapi_span_history(const EcapiSpanCustomer *customer, const EcapiOrders *span);

/* Of the whole span: all customers, in their order. */
extern EcapiCustomer *ecapi_span_whole(const EcapiOrders *span);

/*
 * The mean value of a repeat order, of all orders where there is none: of the calibration
 * or of the whole span.  It stands for the value where that has no distribution.
 */
extern double ecapi_span_mean_value(const EcapiOrders *span, bool calibration);

/* A day in words, palloc'd: 1997-09-30. */
extern char *ecapi_span_day(int32 day);

/* The day of the week of a day, 0 for Sunday. */
extern int	ecapi_span_weekday(int32 day);

#endif							/* ECAPI_SPAN_H */
