/*
 * amend_wait.h
 *	  An amendment waits until it is known whether its original was delivered.
 */
#ifndef ECAPI_AMEND_WAIT_H
#define ECAPI_AMEND_WAIT_H

#include "postgres.h"

#include "pgtime.h"

#include "event/value.h"
#include "pipeline/feed.h"

/* What to do with an event that is to be put into a body. */
typedef enum EcapiAmendTurn
{
	ECAPI_AMEND_GOES,			/* it is no amendment, or is to be treated as others are */
	ECAPI_AMEND_WAITS,			/* it, and what is behind it, waits */
	ECAPI_AMEND_PUT_OFF,		/* it was disposed of: it is a failed event until later */
	ECAPI_AMEND_ALONE			/* its original was not delivered: to be filtered */
} EcapiAmendTurn;

/* Decide about an event with that tree; now is in seconds since 1970. */
extern EcapiAmendTurn ecapi_amend_turn(EcapiItem item, const EcapiValue *tree, pg_time_t now);

/*
 * Find out what became of the originals that feeds wait for; once a turn, before anything
 * is shaped, outside of a transaction.  Raises what SQL raises: feeds are as they were.
 */
extern void ecapi_amend_find_originals(TimestampTz now);

/* Whether a feed came to an amendment since, so that the next turn is to begin at once. */
extern bool ecapi_amend_asks(void);

#endif							/* ECAPI_AMEND_WAIT_H */
