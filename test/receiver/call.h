/*
 * call.h
 *	  One request to a platform, as the files of the platforms see it.
 *
 * http.c fills the upper half and puts the lower half on the wire; between them
 * the file of the platform judges.  Texts of the upper half live as long as the
 * request; what is made on the way lives in the arena, which goes with it.
 */
#ifndef RCV_CALL_H
#define RCV_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"
#include "lines.h"
#include "misbehave.h"
#include "rules.h"
#include "store.h"

struct RcvPlatform;				/* platform.h */

/* A header or a parameter of the query; chained in the arena. */
typedef struct RcvPair
{
	const struct RcvPair *next;
	const char *name;
	const char *value;			/* of the query: decoded */
} RcvPair;

typedef struct RcvCall
{
	/* what came; NULL where it did not */
	const struct RcvPlatform *platform;
	RcvArena   *arena;
	const RcvManners *manners;
	const char *path;			/* as sent, without the query */
	const char *body;
	size_t		len;
	int64_t		now;			/* epoch seconds by the platforms' clock */
	bool		check;			/* hold it to the platform's rules */
	char		fault[RCV_MAX_TEXT];	/* of fault=NAME, the gates applied; or empty */
	const RcvPair *headers;
	const RcvPair *query;

	/* what becomes of it */
	unsigned int status;
	RcvLines	answer;
	bool		html;			/* it is HTML, not JSON */
	bool		refused;		/* whatever the status says */
	uint64_t	events;			/* in the body */
	RcvRecord  *records;		/* to be stored, count of them */
	uint64_t	count;			/* beside any status: some are taken of a request that fails */
	const char *reason;			/* why it is refused, for the one who reads the test */
} RcvCall;

/* The value of a segment "name=value" of the path, decoded; false: there is none. */
extern bool rcv_call_setting(const RcvCall *call, const char *name,
							 char value[RCV_MAX_TEXT]);

/* A header, by its name in any case; NULL: there is none. */
extern const char *rcv_call_header(const RcvCall *call, const char *name);

/* A parameter of the query, decoded; NULL: there is none. */
extern const char *rcv_call_parameter(const RcvCall *call, const char *name);

/* What follows "Bearer " in the header Authorization; NULL: there is none. */
extern const char *rcv_call_bearer(const RcvCall *call);

/* The n-th last segment of the path, from 0, decoded, as a node; NULL: none. */
extern const RcvNode *rcv_call_segment(RcvCall *call, int n);

/* Is the body announced as JSON? */
extern bool rcv_call_is_json(const RcvCall *call);

/* The body as a tree; NULL, with a fixed text in *error, when it is no JSON. */
extern const RcvNode *rcv_call_parse(RcvCall *call, const char **error);

/*
 * Count the elements of a list and make a record of each, not yet to be stored:
 * call->records and call->events.  False when out of memory.
 */
extern bool rcv_call_take_events(RcvCall *call, const RcvNode *list);

/* Remember why the request is refused; the text is copied. */
extern void rcv_call_reason(RcvCall *call, const char *reason);

/* The finding in words: its path, then the problem. */
extern void rcv_call_found(RcvCall *call, const RcvFinding *finding);

/* Does the JSON of an event, as it came, hold the text?  Never for an empty one. */
extern bool rcv_call_holds(const RcvNode *event, const char *text);

/* A node that holds the text, in the arena; NULL when out of memory. */
extern const RcvNode *rcv_call_text(RcvCall *call, const char *text, size_t len);

/* The member of that name and type, or NULL; object may be NULL. */
extern const RcvNode *rcv_call_member(const RcvNode *object, const char *name,
									  RcvJsonType type);

#endif							/* RCV_CALL_H */
