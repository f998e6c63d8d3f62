/*
 * matched.h
 *	  Which identifiers of its person an event carries to a destination, and what they are
 *	  worth to find that person by.
 *
 * Pure C: no server header of its own, no I/O; memory only from the arena and the bodies.
 */
#ifndef ECAPI_MATCHED_H
#define ECAPI_MATCHED_H

#include "destination/body.h"

/* What an identifier is to a platform; those of a kind stand for each other. */
typedef enum EcapiMatchKind
{
	ECAPI_MATCH_OTHER,			/* beside others it helps a little: no points */
	ECAPI_MATCH_EMAIL,
	ECAPI_MATCH_PHONE,
	ECAPI_MATCH_CUSTOMER,		/* an id of the owner's or another's */
	ECAPI_MATCH_CLICK,
	ECAPI_MATCH_DEVICE,
	ECAPI_MATCH_BROWSER,
	ECAPI_MATCH_NAME,			/* both names, where both are taken */
	ECAPI_MATCH_PLACE,
	ECAPI_MATCH_NETWORK,		/* an address with a browser, where both are taken */
	ECAPI_MATCH_KINDS
} EcapiMatchKind;

typedef struct EcapiMatchable
{
	const char *path;			/* "user_data.address.city" */
	EcapiMatchKind kind;
} EcapiMatchable;

/* Identifiers by bit; there are fewer than 64. */
typedef uint64_t EcapiMatchSet;

/* Row i, from 0, in the order in which they are shown; NULL behind the last. */
extern const EcapiMatchable *ecapi_matchable_nth(int i);

/* What a kind is called; and its points, of the ten that an event can have. */
extern const char *ecapi_match_kind_name(EcapiMatchKind kind);
extern int	ecapi_match_kind_points(EcapiMatchKind kind);

#define ECAPI_MATCH_POINTS	10

/*
 * What matching is asked with; body.shape is as delivery has it for the event, other is a
 * body beside it.  Both buffers were initialized.  What is in them is lost.
 */
typedef struct EcapiMatching
{
	EcapiBody	body;
	EcapiBody	other;
} EcapiMatching;

/*
 * Which identifiers the destination takes, as far as an event like this one (as its format
 * is given it) shows.  Where the arena failed, or a buffer, it is not to be used.
 */
extern EcapiMatchSet ecapi_match_taken(EcapiMatching *matching, EcapiArena *arena,
									   const EcapiValue *event);

/* Which of these the event has, in whatever form. */
extern EcapiMatchSet ecapi_match_present(const EcapiValue *event, EcapiMatchSet taken);

/*
 * Which of these an event carries: without any one of them its request would be another.
 * Of several that stand for each other only what is used is in the set.
 */
extern EcapiMatchSet ecapi_match_carried(EcapiMatching *matching, EcapiArena *arena,
										 const EcapiValue *event, EcapiMatchSet taken);

/*
 * Whether a set has what makes up a kind at a destination that takes those; the points of
 * a set, and the most that an event can have there: at most ECAPI_MATCH_POINTS.
 */
extern bool ecapi_match_has_kind(EcapiMatchSet set, EcapiMatchSet taken, EcapiMatchKind kind);
extern int	ecapi_match_points(EcapiMatchSet set, EcapiMatchSet taken);

/* The same as a figure from 0 to 10; more: a kind that is counted as if the set had it. */
extern double ecapi_match_score(EcapiMatchSet set, EcapiMatchSet taken, EcapiMatchKind more);

#endif							/* ECAPI_MATCHED_H */
