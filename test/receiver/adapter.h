/*
 * adapter.h
 *	  A platform that takes a list of events, as a table: what its body, its events and
 *	  its token must be, and how it answers.
 *
 * The walk is the same for all of them.  In this order: the faults that the path asks
 * for, the token, the JSON and its form, what reject-if and fail-if ask for, and each
 * event.  What becomes of the findings is the platform's own: answer.
 */
#ifndef RCV_ADAPTER_H
#define RCV_ADAPTER_H

#include "call.h"

/* An answer that is always the same. */
typedef struct RcvCanned
{
	const char *fault;			/* fault=NAME; NULL behind the last */
	unsigned int status;
	const char *body;			/* as it is; JSON, or another text */
} RcvCanned;

/* What was found; lives in the arena. */
typedef struct RcvJudged
{
	const RcvNode *request;		/* the body */
	const RcvFinding *whole;	/* why it is refused as a whole; NULL: it is not */
	const RcvFinding **faults;	/* of each event, NULL where it fits */
	uint64_t	bad;			/* how many have a fault */
	bool		test;			/* only to be validated */
} RcvJudged;

typedef struct RcvAdapter
{
	/* where the list stands: "data.events"; the events' path in findings, too */
	const char *list;
	bool		may_be_alone;	/* without that list the body is one event */

	const RcvRules *request;	/* the body; its list only as one of anything */
	const RcvRules *event;

	/* rules that look at the clock or the request; NULL: none.  The tables hold. */
	bool		(*fits) (const RcvCall *call, const RcvNode *request, const RcvNode *event,
						 const RcvPlace *place, RcvFinding *finding);

	/*
	 * The token as it came, NULL for none.  Any will do, unless the path says
	 * token=TEXT; a wrong one is answered as fault=expired.  refusal, where given, says
	 * instead why a token is not good.
	 */
	const char *(*token) (const RcvCall *call);
	const char *(*refusal) (const RcvCall *call);

	/* why the headers or the query are no good; NULL, or a constant phrase; may be NULL */
	const char *(*envelope) (const RcvCall *call);

	const RcvCanned *canned;	/* "expired" and "internal" among them */

	/* what an event is filed under; the id is also what repeats are known by */
	void		(*name) (RcvCall *call, const RcvNode *request, const RcvNode *event,
						 RcvNaming *naming);
	int64_t		dedupe_s;		/* how long; 0: repeats are not known */
	bool		(*has_key) (const RcvNode *event);	/* is this one's?  NULL: each one's */

	/* is the request only to be validated?  NULL: never */
	bool		(*is_test) (const RcvCall *call, const RcvNode *request);

	/*
	 * Set the status, write the answer, and with rcv_adapter_keep() say which events
	 * are taken.
	 */
	void		(*answer) (RcvCall *call, const RcvJudged *judged);
} RcvAdapter;

/* Judge a call by the table. */
extern void rcv_adapter_judge(RcvCall *call, const RcvAdapter *adapter);

/* The events that fit are taken.  What is in records before is no more by its index. */
extern void rcv_adapter_keep(RcvCall *call, const RcvJudged *judged);

/* Answer as fault=NAME would; reason goes into the log. */
extern void rcv_adapter_answer(RcvCall *call, const RcvAdapter *adapter,
							   const char *fault, const char *reason);

/* How the path asks to name events, index=HOW; or what is the platform's own way. */
extern bool rcv_adapter_names(const RcvCall *call, const char *how, const char *own);

/* The first event at fault; the count of events when there is none. */
extern uint64_t rcv_adapter_first(const RcvCall *call, const RcvJudged *judged);

/* A finding's path behind the event, "" for the event itself. */
extern const char *rcv_adapter_path(const RcvFinding *finding);

/* That path with a separator in place of dots and brackets. */
extern void rcv_adapter_add_path(RcvLines *lines, const char *path, char separator);

/* Members that many platforms have. */
#define RCV_HASHES(name) RCV_MEMBER(name, RCV_OF_TEXT, RCV_ONE_OR_LIST, .shape = rcv_shape_hash)
#define RCV_HASH_LIST(name) RCV_MEMBER(name, RCV_OF_TEXT, RCV_LIST, .shape = rcv_shape_hash)
#define RCV_ONE_HASH(name) RCV_MEMBER(name, RCV_OF_TEXT, .shape = rcv_shape_hash)
#define RCV_CLEAR(name) RCV_MEMBER(name, RCV_OF_TEXT, .shape = rcv_shape_clear)
#define RCV_ID(name) RCV_MEMBER(name, RCV_OF_TEXT, .shape = rcv_shape_opaque)
#define RCV_URL(name) RCV_MEMBER(name, RCV_OF_TEXT, .shape = rcv_shape_url)
#define RCV_IP(name) RCV_MEMBER(name, RCV_OF_TEXT, .shape = rcv_shape_ip)
#define RCV_CURRENCY(name) RCV_MEMBER(name, RCV_OF_TEXT, .shape = rcv_shape_currency)
#define RCV_COUNT(name) RCV_MEMBER(name, RCV_OF_INTEGER)
#define RCV_AMOUNT(name) RCV_MEMBER(name, RCV_OF_NUMBER)
#define RCV_FLAG(name) RCV_MEMBER(name, RCV_OF_BOOLEAN)

#define RCV_DAY 86400

/* A row each in platform.c. */
extern const RcvAdapter rcv_tiktok;
extern const RcvAdapter rcv_pinterest;
extern const RcvAdapter rcv_reddit;
extern const RcvAdapter rcv_microsoft;
extern const RcvAdapter rcv_linkedin;
extern const RcvAdapter rcv_snap;
extern const RcvAdapter rcv_ga4;
extern const RcvAdapter rcv_openai;
extern const RcvAdapter rcv_amazon;
extern const RcvAdapter rcv_pubsub;

#endif							/* RCV_ADAPTER_H */
