/*
 * misbehave.h
 *	  What the path of a request asks the receiver to do wrong.
 *
 * A path is a chain of segments (split at "/" and "&", each percent-decoded);
 * those listed here act, any other is only part of the name.  All compose.
 *
 * Rules, always on:
 *	  strict			400 when any event fails the receiver's checks
 *	  reject-if=TEXT	400 when the id of any event contains TEXT
 *	  fail-if=TEXT		500 when the id of any event contains TEXT
 *	  max-bytes=N		413 when the request's body is longer than N bytes
 *	  gzip				gzip the answer's body where the sender accepts it
 *	  echo				the body of an error answer repeats the request's body
 *	  pace=MS			wait before anything is stored or answered
 *
 * Gates, which say when the faults below strike (all that are there must
 * open; without one they always strike).  Requests are counted per exact path,
 * from 1, and from 1 again after GET /reset:
 *	  first=N			the first N requests
 *	  every=N			each N-th request
 *	  random=PERCENT	that share of the requests, drawn from
 *	  seed=N			this (default 0) and the request's number
 *
 * Faults:
 *	  status=NNN		answer this status (200 to 599)
 *	  retry-after=S		with that header, in seconds; status 429 unless given
 *	  retry-after-date=S	the same as an HTTP date S seconds ahead
 *	  redirect=PATH		302 to /PATH ("%2F" for "/" inside it)
 *	  delay=MS			wait before anything is stored or answered
 *	  cut=before		close the connection, nothing stored, no answer
 *	  cut=after			store whatever the status, then close, no answer
 *	  reset				as cut=before, by a TCP reset
 *	  garbage			a body that is neither JSON nor UTF-8
 *	  empty				a body of no bytes
 *	  huge=BYTES		a body of that many bytes (before gzip), streamed
 *	  endless			a body that drips and never ends
 *	  mixed=MS			one of many, drawn from seed and the request's number: 429
 *						with a time, 500, 503, cut before and after, reset,
 *						garbage, a huge or endless body, an answer MS late, and
 *						one that is slow but not that late
 *
 * Platforms know more (platform.h).  Here a segment without meaning is a name.
 *
 * The bodies go with status 200, or with the status asked for.  Records of a
 * request are stored exactly when its status is 2xx (or with cut=after).
 */
#ifndef RCV_MISBEHAVE_H
#define RCV_MISBEHAVE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum RcvBody
{
	RCV_BODY_JSON,
	RCV_BODY_GARBAGE,
	RCV_BODY_EMPTY,
	RCV_BODY_HUGE,
	RCV_BODY_ENDLESS
} RcvBody;

typedef enum RcvCut
{
	RCV_CUT_NONE,
	RCV_CUT_BEFORE,
	RCV_CUT_AFTER,
	RCV_CUT_RESET
} RcvCut;

#define RCV_MAX_TEXT 256		/* of a segment's value, terminator included */

typedef struct RcvManners
{
	/* rules */
	bool		strict;
	bool		gzip;
	bool		echo;
	uint64_t	max_bytes;		/* UINT64_MAX: no limit */
	char		reject_if[RCV_MAX_TEXT];	/* empty: none */
	char		fail_if[RCV_MAX_TEXT];	/* empty: none */
	uint64_t	pace_ms;

	/* gates */
	uint64_t	first;			/* 0: none */
	uint64_t	every;
	bool		random;
	uint64_t	percent;
	uint64_t	seed;

	/* faults; all at rest when the gates are shut */
	bool		open;			/* the gates are */
	unsigned int status;		/* 0: none */
	int64_t		retry_after;	/* seconds; -1: none */
	bool		retry_as_date;
	char		redirect[RCV_MAX_TEXT]; /* empty: none */
	uint64_t	delay_ms;		/* the pace included, once decided */
	uint64_t	mixed_ms;		/* 0: not asked for */
	RcvCut		cut;
	RcvBody		body;
	uint64_t	huge_bytes;
	bool		html;			/* the answer is HTML, not JSON */
} RcvManners;

/*
 * Count a request on this path (as in the request line, without the query) and
 * say what it asks for, the gates already applied.
 */
extern void rcv_manners_of(const char *path, RcvManners *manners);

/*
 * The value of the last segment "name=value" of a path, percent-decoded; false
 * when there is none, or it does not fit.
 */
extern bool rcv_path_value(const char *path, const char *name,
						   char *value, unsigned int size);

/* Forget all counts. */
extern void rcv_manners_reset(void);

/* Percent-decode [from, to) into a buffer; false when it does not fit. */
extern bool rcv_percent_decode(const char *from, const char *to,
							   char *into, unsigned int size);

#endif							/* RCV_MISBEHAVE_H */
