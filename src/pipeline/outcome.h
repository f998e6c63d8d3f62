/*
 * outcome.h
 *	  How events end at a destination.
 */
#ifndef ECAPI_OUTCOME_H
#define ECAPI_OUTCOME_H

typedef enum EcapiOutcome
{
	ECAPI_OUTCOME_DELIVERED,
	ECAPI_OUTCOME_SHADOW,		/* all was done but send it */
	ECAPI_OUTCOME_FILTERED,
	ECAPI_OUTCOME_FAILED,		/* copied to failed_event, or dead there */
	ECAPI_OUTCOME_GIVEN_UP,		/* it waited beyond a limit */
	ECAPI_OUTCOME_ERASED,		/* the person asked to be forgotten */
	ECAPI_OUTCOME_NONE			/* not counted: none of a replay's, or put down */
} EcapiOutcome;

#define ECAPI_OUTCOMES	7

/* How an event ends at a destination. */
typedef struct EcapiEnd
{
	EcapiOutcome outcome;
	const char *reason;			/* a constant, or NULL */
} EcapiEnd;

/* Ends of a destination; the number of one fits into a byte beside an EcapiFate. */
#define ECAPI_ENDS_MAX	200

typedef struct EcapiEnds
{
	int			n;				/* 0: none was asked for yet */
	EcapiEnd	list[ECAPI_ENDS_MAX];	/* the first: each outcome without a reason */
} EcapiEnds;

/* An outcome as tables name it. */
extern const char *ecapi_outcome_name(EcapiOutcome outcome);

/* The number of an end in the list; reason is a constant, or NULL. */
extern int	ecapi_end_number(EcapiEnds *ends, EcapiOutcome outcome, const char *reason);

#endif							/* ECAPI_OUTCOME_H */
