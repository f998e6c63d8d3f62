/*
 * erasure.h
 *	  Taking a person's events out of the outbox and of failed events.
 */
#ifndef ECAPI_ERASURE_H
#define ECAPI_ERASURE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

/* What a stored text is. */
typedef enum EcapiStored
{
	ECAPI_STORED_EVENT,			/* an event in the standard's shape */
	ECAPI_STORED_INVALID,		/* an event that was set aside as given */
	ECAPI_STORED_ROW			/* images of a row that was set aside */
} EcapiStored;

typedef struct EcapiErasure
{
	/*
	 * Is this text (JSON, UTF-8, len bytes) about the person?  May raise errors;
	 * its memory goes with the next call.
	 */
	bool		(*is_about) (void *arg, const char *text, int len, EcapiStored stored);
	void	   *arg;
	Tuplestorestate *result;	/* gets the columns of ecapi.forget() */
	TupleDesc	result_desc;

	/* found */
	int64		events;			/* of the outbox, erased now */
	int64		failed;			/* rows of failed_event, deleted */
	int64		unreadable;		/* texts that cannot be converted to UTF-8 */
} EcapiErasure;

/*
 * Erase what is_about says, in the current transaction: of isolation READ
 * COMMITTED, may write, with the rights of the extension's owner, connected to
 * SPI (ecapi_become_owner()).  Raises what SQL raises.
 */
extern void ecapi_erasure_run(EcapiErasure *erasure);

/*
 * Delete failed events of destinations that were copied from the outbox while
 * their event was being erased, in the worker's transaction, SPI connected; rows
 * that somebody has locked stay.  For the worker, when it learns that events were
 * erased.  Returns how many.
 */
extern int64 ecapi_erasure_sweep(void);

#endif							/* ECAPI_ERASURE_H */
