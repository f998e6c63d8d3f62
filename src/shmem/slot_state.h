/*
 * slot_state.h
 *	  The states of a worker in its slot, and how many there are.
 */
#ifndef ECAPI_SLOT_STATE_H
#define ECAPI_SLOT_STATE_H

/* Bytes of what a worker says, with the zero at its end. */
#define ECAPI_MESSAGE_SIZE	256

/*
 * Workers of a database at most.  A worker fills a processor with about fifty thousand
 * events a second; what outgrows eight of them has outgrown a server.  Each commit that
 * emits looks at as many as are wanted.
 */
#define ECAPI_WORKERS		8

/* The state of a worker, or of the place of one. */
typedef enum EcapiSlotState
{
	ECAPI_SLOT_FREE,			/* not wanted; of the lead: the slot has no database */
	ECAPI_SLOT_WANTED,			/* the launcher shall start a worker */
	ECAPI_SLOT_STARTING,		/* asked for, has not attached yet */
	ECAPI_SLOT_RUNNING			/* attached */
} EcapiSlotState;

#endif							/* ECAPI_SLOT_STATE_H */
