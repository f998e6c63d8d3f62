/*
 * format.h
 *	  What the delivery code asks of a format: events in, a request out; an answer in,
 *	  outcomes out.
 *
 * A format is one row in the registry: limits, a table of its own options, and
 * functions.  It sees events as trees and options as a struct, and writes into a
 * bounded buffer; it does no I/O and no SQL, calls nothing of the server, and raises no
 * errors: what it cannot express it says with its result.
 *
 * A request is made in two steps.  Its body is shaped from events (open, add, close)
 * without any secret, so that it can be shown and kept waiting.  What is known
 * only when it is sent, a token in the body or a signature with a time, is the seal
 * (outgoing.h).
 */
#ifndef ECAPI_FORMAT_H
#define ECAPI_FORMAT_H

#include "consent/terms.h"
#include "delivery/request.h"
#include "destination/judge.h"
#include "destination/writer.h"
#include "event/buffer.h"
#include "event/digest.h"
#include "event/violation.h"
#include "event/value.h"

typedef struct EcapiOptions EcapiOptions;
typedef struct EcapiFormat EcapiFormat;
typedef struct EcapiOutgoing EcapiOutgoing;
typedef struct EcapiSealing EcapiSealing;

/* ---- options ---- */

/* Options of its own that a format has at most. */
#define ECAPI_OWN_OPTIONS	20

/*
 * An option of a format's own.  Its value is options->own[i], i being its place in the
 * format's table: a text, or NULL when none is given and there is no fallback.
 *
 * A secret belongs to the user mapping.  There a file may stand in its place, under the
 * name with "_file" behind.  Its value is credentials->own[i], wherever it stood.
 */
typedef struct EcapiOwnOption
{
	const char *name;
	bool		secret;
	bool		lines;			/* of a secret: a document of several lines, so given by
								 * file alone */
	bool		required;		/* of a secret: to send; else: to create the server */
	const char *fallback;		/* the value where none is given, or NULL */
	const char *const *words;	/* the values there are, NULL behind the last; NULL: any
								 * printable text of at most 512 bytes that check lets
								 * pass */
	/* NULL when a value is good, else a constant sentence that quotes nothing of it */
	const char *(*check) (const char *value);
	const char *what;			/* a sentence about it, for errors and the manual */
} EcapiOwnOption;

/* What is wrong with several options together. */
typedef struct EcapiFormatProblem
{
	char		message[256];	/* begins in lower case */
	char		detail[256];	/* a sentence, or "" */
	char		hint[256];		/* a sentence, or "" */
} EcapiFormatProblem;

/*
 * Say it, each text cut to what fits; returns false, for a format's check.  detail and
 * hint may be "".
 */
extern bool ecapi_format_wrong(EcapiFormatProblem *problem, const char *message,
							   const char *detail, const char *hint);

/* ---- a body ---- */

/* What a receiver can tell of the person of an event by what was written of it. */
typedef enum EcapiIdentified
{
	ECAPI_IDENTIFIED_UNSEEN,		/* nothing was to be written of a person */
	ECAPI_IDENTIFIED_NOT,		/* nothing was written that tells it from others */
	ECAPI_IDENTIFIED			/* an email address, a click id, or the like was */
} EcapiIdentified;

/* What a format may use while it shapes a body. */
typedef struct EcapiShape
{
	const EcapiFormat *format;
	const EcapiOptions *options;
	EcapiDigestCache *digests;	/* shared by the destinations of a page */
	int			events;			/* in the body so far; the caller counts */
	int64_t		now;			/* seconds since 1970 */
	uint64_t	key;			/* of the events in the body, if the format has keys */
	uint64_t	other_key;		/* of the event that had another one last; body.h */

	/*
	 * SHA-256 over the ids of the events in the body, in their order: the same when
	 * exactly this request is made again.  Kept where the format says chains; else "".
	 */
	char		chain[ECAPI_HEX_SIZE];

	/* alpha-2, lower case: where what has no country belongs; NULL: unknown */
	const char *default_country;

	EcapiIdentified identified;			/* of the event that was added last; by the format */

	/*
	 * Of the event that is being added, if it is an amendment: what it is of, ext.original as
	 * it may leave (ecapi_reduce_original()), also where ext itself does not; else NULL.
	 */
	const EcapiValue *original;

	/* called for each value that is left out, unless NULL; must not raise */
	void		(*left_out) (void *arg, const EcapiField *field,
							 EcapiViolationCode reason);
	void	   *arg;
} EcapiShape;

typedef enum EcapiShaped
{
	ECAPI_SHAPED,				/* the event is in the body */
	ECAPI_FILTERED,				/* not for this destination; body unchanged */
	ECAPI_UNFIT,				/* cannot be expressed, or lacks what the platform requires,
								 * which would refuse a whole request for it; body
								 * unchanged */
	ECAPI_LACKING,				/* an option is missing, no fault of the event: reason
								 * says what to set; body unchanged */
	/* no format's answers, but those of body.h */
	ECAPI_BODY_FULL,
	ECAPI_BODY_OTHER_KEY,
	ECAPI_BODY_NO_MEMORY
} EcapiShaped;

/* What a platform recognises a repeat by, also one of its own tag in the browser. */
typedef enum EcapiDedupeKey
{
	ECAPI_DEDUPE_NONE,			/* the option dedupe_key is not taken */
	ECAPI_DEDUPE_ID,			/* the event's id */
	ECAPI_DEDUPE_TRANSACTION	/* properties.transaction_id; the id where there is none */
} EcapiDedupeKey;

/* Which events a platform did not take: what an answer to a batch says of it. */
typedef enum EcapiOutcomes
{
	ECAPI_OUTCOMES_WHOLE,		/* a batch is taken or refused whole, and no event is named:
								 * halves find the one at fault */
	ECAPI_OUTCOMES_INDEX,		/* refused whole, and those at fault are named by index */
	ECAPI_OUTCOMES_EACH,		/* those at fault are named, the others are taken */
	ECAPI_OUTCOMES_NONE			/* an answer says nothing of events */
} EcapiOutcomes;

/* How a platform is told what an event is worth now that it has (ecapi.amend()). */
typedef enum EcapiAmendWay
{
	ECAPI_AMEND_NONE,			/* it has no way: an amendment would count as another event */
	ECAPI_AMEND_APPEND,			/* by an event of another name, which names the original */
	ECAPI_AMEND_RESTATE,		/* by the event once more, under the key of the original */
	ECAPI_AMEND_MESSAGE			/* by a message of another type */
} EcapiAmendWay;

/* ---- later ---- */

/*
 * Some answers are receipts: whether the events were taken is asked for afterwards.
 * The times are in seconds from when the request was answered.
 */
typedef struct EcapiLater
{
	int			first_s;		/* when to ask first */
	int			last_s;			/* when an outcome that did not come is not asked for again */

	/*
	 * The URL to ask, by GET and with the headers of a request, in the arena; NULL: a
	 * receipt it cannot be.
	 */
	const char *(*url) (const EcapiOptions *options, const char *receipt, EcapiArena *arena);

	/*
	 * What the answer says of the nevents of the request.  Verdict ECAPI_DELIVERED: it is
	 * final, and judgement has the outcomes; ECAPI_RETRY: ask again; else as of any
	 * answer.
	 */
	void		(*judge) (const EcapiAnswer *answer, int nevents, EcapiArena *arena,
						  EcapiJudgement *judgement);
} EcapiLater;

/* ---- a format ---- */

struct EcapiFormat
{
	const char *name;
	const char *what;			/* a sentence for the manual: the platform and its interface */

	/*
	 * Where requests go: url, or in its place the option url, and behind either of them
	 * what path returns (in the arena; NULL without memory).  url NULL: the option is
	 * required.  path NULL: nothing goes behind.  key is that of the request's events; 0 of
	 * a format without keys.
	 */
	const char *url;

	/* NULL, or url of a platform that has several, by the options; url is the default's then */
	const char *(*url_of) (const EcapiOptions *options);
	const char *(*path) (const EcapiOptions *options, uint64_t key, EcapiArena *arena);

	/*
	 * NULL: requests go by HTTP.  Else by the producer of the library ecapi_<producer>
	 * (delivery/producer.h): url_of names it for people, the body is one of messages, and
	 * the headers that seal adds are its settings; access_token and header are not sent.
	 */
	const char *producer;

	/*
	 * For ecapi.formats(), in words and without a full stop: what an event needs to be taken,
	 * beside what the standard requires (NULL: nothing); which credentials the user mapping
	 * must hold (NULL: none); and which options the server needs beside those that are
	 * required, where it has a choice, the first one first (NULL: none).
	 */
	const char *identifiers;
	const char *credentials;
	const char *needs;

	EcapiOutcomes outcomes;

	/* the table of its own options, of nown rows */
	const EcapiOwnOption *own;
	int			nown;

	/* NULL, or called with a server's whole list: false when it is wrong, with problem */
	bool		(*check) (const EcapiOptions *options, EcapiFormatProblem *problem);

	/*
	 * NULL, or false when an option serves now but will not for long, or lets nothing pass:
	 * then problem says so, for the doctor.  now is in seconds since 1970.
	 */
	bool		(*lasts) (const EcapiOptions *options, int64_t now,
						  EcapiFormatProblem *problem);

	/* limits of the platform; an option may lower but not raise them */
	int			max_batch;		/* events in a request */
	int			max_test_batch; /* the same in test mode; 0: as many */
	size_t		max_body;		/* bytes of a request */
	int			requests_a_minute;	/* of one credential; 0: no limit is known */
	int			requests_a_day; /* the same */

	int			default_batch;
	int			default_linger_ms;

	/*
	 * How old an event may be when it is sent, in seconds; 0: any age.  age_limit, unless
	 * NULL, says it for an event, and max_age_s is then the largest that it can say.
	 * future_s: how far ahead of now its timestamp may be; 0: not limited.
	 */
	int			max_age_s;
	int			default_age_s;	/* of the option max_age, where no page is sure of the
								 * limit; 0: max_age_s */
	int			(*age_limit) (const EcapiOptions *options, const EcapiValue *event);
	int			future_s;

	/*
	 * Seconds after which the platform takes a repeat for another event; 0: never.
	 * dedupe_limit, unless NULL, says it for an event, where 0 is at once; dedupe_s is then
	 * the largest that it can say.
	 */
	int			dedupe_s;
	int			(*dedupe_limit) (const EcapiOptions *options, const EcapiValue *event);

	EcapiDedupeKey dedupe_key;	/* the default */

	/* event types, by bit, that are not sent unless the option event_types names them */
	uint64_t	off_by_default;

	/*
	 * The platform takes a refund of what it does not know for something new, so one leaves
	 * only where a cancellation has found that the order was delivered.
	 */
	bool		addressed_refunds;

	/*
	 * How it takes an amendment, and for how long after the original, in seconds; 0: for ever.
	 * amend_limit, unless NULL, says it for a destination, of which -1 has no way; amend_s is
	 * then what it says by the options' defaults.  add shapes an amendment by shape->original.
	 */
	EcapiAmendWay amend;
	int			amend_s;
	int			(*amend_limit) (const EcapiOptions *options);

	/*
	 * What the receiver does with events, for the options uses and gpp: bits of EcapiUses, 0 for
	 * all of them, as of platforms for ads; and whether it gets the consent string and
	 * decides by itself, so that gpp is 'ignore' unless the owner says otherwise.
	 */
	unsigned	uses;
	bool		gets_consent;

	/*
	 * An event with user_data.mmt_only is sent in the platform's restricted mode, in which it
	 * serves the sender alone; a sentence about it for the manual.  NULL: there is none.
	 */
	const char *restricted_mode;

	/* what mode 'test' does: the format marks requests by itself, or needs test_url */
	bool		has_test_mode;
	bool		test_counts;	/* events sent in test mode count like others */
	bool		takes_targets;	/* event_types may name the platform's own */
	bool		takes_wrapper;	/* the option batch_wrapper */
	bool		needs_data_set; /* an event without a data set cannot be sent */
	bool		chains;			/* see EcapiShape */
	bool		own_token;		/* access_token goes where seal puts it, not into a header */

	/*
	 * The platform takes a repeat for another event, of some events at least: judge is also
	 * asked about requests of which no answer came (ECAPI_TRANSPORT_BROKEN), to name what
	 * must not be sent twice (ECAPI_NAMED_UNSURE).
	 */
	bool		counts_repeats;

	/*
	 * The fields of the standard that an event can carry to the platform, by their paths
	 * ("user_data.address.city"), NULL behind the last; an object stands for all that is in
	 * it.  NULL: all of them.  What else an event has is dropped, and named to the owner.
	 * A field counts as carried when its value can change the body for some event.
	 */
	const char *const *carries;

	/* NULL, or which of them a destination with these options carries: a list like carries */
	const char *const *(*carries_by) (const EcapiOptions *options);

	/*
	 * NULL, or writes a number that the events of one request share.  False without memory:
	 * one that was made up could be another visitor's.
	 */
	bool		(*key) (const EcapiOptions *options, const EcapiValue *event, uint64_t *key);

	/*
	 * open, then add once per event, then close.  add appends one event, with
	 * its separator; when the buffer filled up meanwhile the caller truncates
	 * back and closes without it.  reason (of all but SHAPED) is a short
	 * lower-case text without values.  The arena is for as long as the event is.
	 */
	void		(*open) (EcapiShape *shape, EcapiBuffer *body);
	EcapiShaped (*add) (EcapiShape *shape, EcapiArena *arena, const EcapiValue *event,
						EcapiBuffer *body, const char **reason);
	void		(*close) (EcapiShape *shape, EcapiBuffer *body);

	/* NULL, or completes a request right before it is sent; see outgoing.h */
	void		(*seal) (EcapiSealing *sealing);

	/*
	 * NULL: the HTTP status alone says it all (ecapi_judge_status).  Else what a whole
	 * answer to nevents means, its status included; judgement is zeroed, but for
	 * retry_after_ms, which is -1.
	 */
	void		(*judge) (const EcapiAnswer *answer, int nevents, EcapiArena *arena,
						  EcapiJudgement *judgement);

	/* NULL: the access token is an option.  Else how it is fetched (grant.h) */
	const struct EcapiGrant *grant;

	/* NULL: no answer is a receipt */
	const EcapiLater *later;
};

/*
 * The end of add: an event that was begun at open is closed and shaped; with a reason it is
 * unfit, and what was written of it is taken back.
 */
extern EcapiShaped ecapi_format_shaped(EcapiWriter *writer, EcapiOpen open, const char *reason);

/* open and close of platforms that frame the events alike: {"data":[...]}. */
extern void ecapi_format_open_data(EcapiShape *shape, EcapiBuffer *body);
extern void ecapi_format_close_list(EcapiShape *shape, EcapiBuffer *body);

/* A path of parts, NULL behind the last, in the arena; NULL without memory. */
extern const char *ecapi_format_path(EcapiArena *arena, const char *const *parts);

/*
 * The value by which an event is recognised, as the option dedupe_key says; NULL when the
 * event has none.  Not for formats without one.
 */
extern const EcapiValue *ecapi_format_dedupe_value(const EcapiOptions *options,
												   const EcapiValue *event);

/* The same of the original of an amendment that is being added. */
extern const EcapiValue *ecapi_format_original_value(const EcapiShape *shape,
													 const EcapiValue *event);

/* The default of the option max_age, in seconds; 0: any age. */
static inline int
ecapi_format_default_age(const EcapiFormat *format)
{
	return format->default_age_s > 0 ? format->default_age_s : format->max_age_s;
}

/*
 * The terms of a destination of the format, as far as consent strings are concerned, without
 * an option of the owner's; what is no default is 0.
 */
extern void ecapi_format_terms(const EcapiFormat *format, EcapiConsentTerms *terms);

/* registry.c; NULL when there is none.  i counts from 0, NULL at the end. */
extern const EcapiFormat *ecapi_format_lookup(const char *name);
extern const EcapiFormat *ecapi_format_nth(int i);

#endif							/* ECAPI_FORMAT_H */
