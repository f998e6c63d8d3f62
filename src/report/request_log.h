/*
 * request_log.h
 *	  What the log of requests says of a span: times to the answer, and errors.
 */
#ifndef ECAPI_REQUEST_LOG_H
#define ECAPI_REQUEST_LOG_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "report/sheet.h"

/* Of the requests of a destination that were answered. */
typedef struct EcapiAnswerTimes
{
	char	   *destination;
	int64		requests;
	int64		events;
	double		p50;			/* milliseconds */
	double		p90;
	double		p99;
	double		longest;
	int64		every;			/* percentiles are of one request of this number */
} EcapiAnswerTimes;

/* Requests that failed in one way. */
typedef struct EcapiRequestError
{
	char	   *destination;
	char	   *outcome;
	char	   *error;
	int64		requests;
	TimestampTz last_at;
} EcapiRequestError;

struct EcapiRequestLog
{
	EcapiAnswerTimes *times;	/* by destination */
	int			ntimes;
	EcapiRequestError *errors;	/* the most frequent first */
	int			nerrors;
	int64		other_errors;	/* requests that failed in further ways */
};

/*
 * The log of the span of a page, which is read when it is first asked for, connected to SPI.
 * Texts are in UTF-8.  Raises what SQL raises.
 */
extern const EcapiRequestLog *ecapi_request_log(EcapiSheet *sheet);

#endif							/* ECAPI_REQUEST_LOG_H */
