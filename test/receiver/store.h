/*
 * store.h
 *	  What was received: merged, counted, and written to files.
 *
 * The files are tab-separated lines in COPY text format (lines.h).
 *
 * --out, one line a record:
 *	  1 time	microseconds since the epoch at which the request was complete
 *	  2 data_set_id		3 id		4 event_type	5 value (as written)
 *	  6 currency_code	(2 to 6 are \N where absent or of another type)
 *	  7 verdict		"ok", "unchecked" (--no-check), or "rejected:PATH REASON";
 *					"late:REASON" where a platform will say later that it
 *					failed (platform.h)
 *	  8 path of the request		9 serial of the request		10 index in it, from 0
 *	  11 merged		"new", "repeat" (same pair of data_set_id and id, same
 *					bytes), "conflict" (same pair, other bytes than last time);
 *					a record without id or data_set_id is always new
 *	  12 hash		64 bits of the event's bytes as received, in hex
 *
 * --events, one line a record, in the same order: the event's bytes as
 * received (a line break between its tokens becomes a space); not escaped.
 *
 * --requests, one line a request:
 *	  1 time		2 serial, from 1 (requests may finish in another order)
 *	  3 connection, from 1		4 "http" or "https"		5 "HTTP/1.1"
 *	  6 method		7 path as sent, without the query
 *	  8 status, 0 when the connection was closed without an answer
 *	  9 events in the body (0 when it was not read)		10 bytes of the body
 *	  11 "none", "present", "right" or "wrong": the Authorization header, and
 *		 against --expect-auth where that is given
 *	  12 names of the headers, lower case, joined by commas, as sent
 *
 * --bodies, one line a request to a platform (platform.h), not counting those
 * that are cut before they are read:
 *	  1 time		2 serial		3 name of the platform		4 path
 *	  5 query, decoded: NAME=VALUE, a line each
 *	  6 status		7 headers: NAME: VALUE, names in lower case, a line each
 *	  8 body		9 body of the answer		10 why it was refused, or \N
 *
 * A request's lines are in the files before its answer goes out.
 */
#ifndef RCV_STORE_H
#define RCV_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

typedef struct RcvStoreOptions
{
	const char *out;			/* file names; NULL: not written */
	const char *events;
	const char *requests;
	const char *bodies;
	bool		unchecked;		/* the verdict of a record without a reason */
} RcvStoreOptions;

/* What an event of a platform is filed under; NULL where it is absent. */
typedef struct RcvNaming
{
	const RcvNode *data_set_id;
	const RcvNode *id;
	const RcvNode *event_type;
	const RcvNode *value;
	const RcvNode *currency_code;
} RcvNaming;

typedef struct RcvRecord
{
	const RcvNode *event;
	const char *reason;			/* why the checks refuse it; NULL: they do not */
	const RcvNaming *naming;	/* NULL: the members of the standard */
	const char *late;			/* why it will fail later; NULL: it will not */
} RcvRecord;

typedef struct RcvRequestLine
{
	int64_t		time_us;
	uint64_t	serial;
	uint64_t	connection;
	const char *scheme;
	const char *version;
	const char *method;
	const char *path;
	unsigned int status;
	uint64_t	events;
	uint64_t	bytes;
	const char *authorization;
	const char *header_names;
} RcvRequestLine;

typedef struct RcvBodyLine
{
	int64_t		time_us;
	uint64_t	serial;
	const char *platform;
	const char *path;
	const char *query;
	unsigned int status;
	const char *headers;
	const char *body;
	size_t		len;
	const char *answer;
	size_t		answer_len;
	const char *reason;			/* NULL: none */
} RcvBodyLine;

/* Open the files for appending; false with the failing name in *failed. */
extern bool rcv_store_open(const RcvStoreOptions *options, const char **failed);

/* Merge, count and write the records of one request. */
extern void rcv_store_records(const RcvRecord *records, uint64_t count,
							  int64_t time_us, const char *path, uint64_t serial);

/* Count events without merging and writing them (--no-store). */
extern void rcv_store_count(uint64_t count);

/* Write and count a request that is about to be answered. */
extern void rcv_store_request(const RcvRequestLine *line);

/* Write what a platform got and answered; where no file is named, nothing. */
extern void rcv_store_body(const RcvBodyLine *line);

/* Remember why the checks refused an event that is not stored. */
extern void rcv_store_reason(const char *reason);

/* The counts as a JSON object, NUL-terminated; false when it does not fit. */
extern bool rcv_store_stats(char *text, size_t size);

/* Forget everything, and empty the files. */
extern void rcv_store_reset(void);

/* Hold the store for good: what is written is whole.  Call before exit. */
extern void rcv_store_close(void);

#endif							/* RCV_STORE_H */
