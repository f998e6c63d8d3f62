/*
 * fragment.h
 *	  A piece of an event that anybody may have written, under what a track maps.
 */
#ifndef ECAPI_FRAGMENT_H
#define ECAPI_FRAGMENT_H

#include "capture/draft.h"
#include "capture/mapping.h"

typedef struct EcapiFragment
{
	const char *name;			/* for messages: "*", or "ecapi.context" */
	EcapiValue *tree;
	bool		shared;			/* it serves other events, too: it stays as it is */
	int			takes;			/* of the track: ECAPI_TAKES_ bits */
} EcapiFragment;

/*
 * Put the members of a fragment under those that the event has.  What cannot be
 * used is left out with a violation that is no error: a fragment that is no
 * object, a member that is no field or would fail the event, an id that the
 * track does not take.  event_type, null and "" are passed over; so are [] and
 * null for the whole.  Raises "out of memory" and a cancellation.
 */
extern void ecapi_fragment_merge(EcapiDraft *draft, const EcapiFragment *fragment);

/*
 * Once all fragments are merged into an event whose value none but they can have given:
 * leave it out, with a violation that is no error, if it has no currency that is one.
 * Raises "out of memory".
 */
extern void ecapi_fragment_check_value(EcapiDraft *draft);

#endif							/* ECAPI_FRAGMENT_H */
