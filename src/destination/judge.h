/*
 * judge.h
 *	  What an answer means: a verdict for the destination, an outcome for each event.
 *
 * Pure C: no server header, no I/O; memory only from the arena.
 */
#ifndef ECAPI_JUDGE_H
#define ECAPI_JUDGE_H

#include "delivery/request.h"
#include "delivery/retry_policy.h"
#include "event/value.h"

/* What becomes of an event by the answer to its request. */
typedef enum EcapiNamedOutcome
{
	ECAPI_NAMED_DELIVERED,
	ECAPI_NAMED_RESEND,			/* nothing is wrong with it: it goes again at once, and no
								 * attempt is counted */
	ECAPI_NAMED_LATER,			/* it goes again, but not before wait_s */
	ECAPI_NAMED_REJECTED,		/* it is at fault: words say how */
	ECAPI_NAMED_EXPIRED,		/* it is too old for the platform */
	ECAPI_NAMED_UNSURE			/* it may have arrived, and sent again would be another
								 * event, so it is not; of ECAPI_RETRY, and of
								 * ECAPI_DELIVERED where the answer does not say it */
} EcapiNamedOutcome;

/* An event that an answer names. */
typedef struct EcapiNamed
{
	int			index;			/* in the request, from 0 */
	EcapiNamedOutcome outcome;
	int			wait_s;			/* of ECAPI_NAMED_LATER */
	const char *words;			/* the platform's, bounded; NULL: none */
} EcapiNamed;

/* Bytes of what is kept of a platform's words. */
#define ECAPI_WORDS_MAX		300

typedef struct EcapiJudgement
{
	EcapiVerdict verdict;
	bool		credential;		/* of ECAPI_STOP: the credential was refused, so it goes on
								 * with another */
	bool		suspicious;		/* of ECAPI_RETRY: an event may be the cause */
	bool		untaken;		/* of ECAPI_RETRY: the platform says that it took nothing, as
								 * with too many requests, whatever the status */
	int64_t		retry_after_ms; /* of ECAPI_RETRY: not before; -1: not said */
	bool		some_taken;		/* of ECAPI_RETRY and ECAPI_STOP: the events that it names, all
								 * ECAPI_NAMED_DELIVERED, were taken; it is about the rest */
	const char *words;			/* what the platform says of it, for views and logs: one
								 * line without values of events; NULL: nothing */

	/*
	 * Of ECAPI_DELIVERED: the events that it names had another outcome; the rest are
	 * delivered.  Of ECAPI_REJECTED: the events that it names are at fault, the rest go
	 * again; with none named the request fails as a whole, and the events at fault are
	 * found by bisection.  Of ECAPI_RETRY: all that it names are ECAPI_NAMED_UNSURE, the
	 * rest is tried again.  Each index once, in any order.
	 */
	int			nnamed;
	EcapiNamed *named;

	/*
	 * Of ECAPI_DELIVERED: unless NULL, the events are only accepted, and their outcome is
	 * asked for by this later (EcapiLater).  In the arena.
	 */
	const char *receipt;
	int			warnings;		/* that came with it */
} EcapiJudgement;

/* Bytes of a receipt at most, and that it is printable without blanks; others are none. */
#define ECAPI_RECEIPT_MAX	256

/*
 * By the status alone, as retry_policy.h says.  Fills in a zeroed judgement.
 */
extern void ecapi_judge_status(const EcapiAnswer *answer, EcapiJudgement *judgement);

/*
 * Whether the platform has taken events of a request, or may have: it says so, or its
 * answer was a server error, makes no sense, or did not come.  Not when the request was
 * not sent, or the answer refuses it.
 */
extern bool ecapi_judge_may_have_arrived(const EcapiAnswer *answer,
										 const EcapiJudgement *judgement);

/*
 * The body of an answer as a tree; NULL when it is no JSON object, was cut, or when the
 * arena failed.
 */
extern const EcapiValue *ecapi_judge_body(const EcapiAnswer *answer, EcapiArena *arena);

/*
 * The same of an answer that was cut: up to the last object in it that is whole, with all
 * that was open then closed behind it.  So of an array of results the first ones are
 * there.  NULL when the answer was not cut, or has no whole object.
 */
extern const EcapiValue *ecapi_judge_cut_body(const EcapiAnswer *answer, EcapiArena *arena);

/*
 * The words that a platform has for something: a NUL-terminated copy in the arena of at
 * most ECAPI_WORDS_MAX bytes of whole characters, control characters as blanks.  NULL
 * for what is no text or is empty.  Texts that may quote an event's values are not for
 * EcapiJudgement.words.
 */
extern const char *ecapi_judge_words(EcapiArena *arena, const EcapiValue *text);

/*
 * Whether a text of a platform can quote neither an identifier nor a secret: no address,
 * nothing in quotes, no word as long as a token or a digest, and no digit but those of a
 * code that it begins with, "(#4) ".
 */
extern bool ecapi_judge_is_harmless(const char *text);

/* ecapi_judge_words, where they are harmless; else NULL. */
extern const char *ecapi_judge_harmless_words(EcapiArena *arena, const EcapiValue *text);

/*
 * What became of the events is not known, whatever the status says: the request is made
 * again, and nothing that was named counts.  words as in the judgement.
 */
extern void ecapi_judge_unknown(EcapiJudgement *judgement, bool suspicious, const char *words);

/*
 * The path of a field as platforms write it ("userData.em", "/conversionValue/amount"), of at
 * most 120 bytes, which no value can be; "" for what is none.
 */
extern const char *ecapi_judge_path(const char *text);

/*
 * The event that a path is about, "events[1].user" or "events.events[1]", by its place in
 * the request, and the path behind it, as the above.  False: it is about no event.
 */
extern bool ecapi_judge_event_of(const char *field, int *index, const char **path);

/* "first: second" in the arena, or the one of both that is not empty; NULL: none. */
extern const char *ecapi_judge_join(EcapiArena *arena, const char *first, const char *second);

/*
 * What an answer says of an event, "InvalidValue: userData.em", from a code and a path; of
 * values that are not of that form nothing is kept.  NULL: nothing is left.
 */
extern const char *ecapi_judge_place(EcapiArena *arena, const EcapiValue *code,
									 const EcapiValue *path);

/*
 * Name an event; room for nevents is taken at the first.  An index that was named
 * before keeps its first outcome.  False for an index outside of the request: then
 * the answer is about another one, nothing of it names events any more, and the caller
 * returns.
 */
extern bool ecapi_judge_name(EcapiJudgement *judgement, EcapiArena *arena, int nevents,
							 EcapiNamed named);

#endif							/* ECAPI_JUDGE_H */
