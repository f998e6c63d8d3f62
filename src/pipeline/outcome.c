/*
 * outcome.c
 *	  How events end at a destination.
 *
 * An end is an outcome and, for some, a reason.  Reasons are constants, so their
 * addresses tell them apart, and each destination numbers the few that it meets: a
 * slice then keeps a byte for each of its events.
 *
 * Locks: none; the numbers are the process's own.
 */
#include "postgres.h"

#include "pipeline/outcome.h"

const char *
ecapi_outcome_name(EcapiOutcome outcome)
{
	static const char *const names[ECAPI_OUTCOMES] = {
		[ECAPI_OUTCOME_DELIVERED] = "delivered",
		[ECAPI_OUTCOME_SHADOW] = "shadow",
		[ECAPI_OUTCOME_FILTERED] = "filtered",
		[ECAPI_OUTCOME_FAILED] = "failed",
		[ECAPI_OUTCOME_GIVEN_UP] = "given_up",
		[ECAPI_OUTCOME_ERASED] = "erased",
		[ECAPI_OUTCOME_NONE] = "none"
	};

	return names[outcome];
}

int
ecapi_end_number(EcapiEnds *ends, EcapiOutcome outcome, const char *reason)
{
	if (ends->n == 0)
		for (; ends->n < ECAPI_OUTCOMES; ends->n++)
			ends->list[ends->n].outcome = ends->n;
	if (reason == NULL)
		return outcome;
	for (int i = ECAPI_OUTCOMES; i < ends->n; i++)
		if (ends->list[i].reason == reason && ends->list[i].outcome == outcome)
			return i;
	/* only rules of consent are as many, and without its reason an end is still right */
	if (ends->n == ECAPI_ENDS_MAX)
		return outcome;
	ends->list[ends->n].outcome = outcome;
	ends->list[ends->n].reason = reason;
	return ends->n++;
}
