/*
 * erasure.h
 *	  Taking a person's events out of the outbox and of failed events.
 */
#ifndef ECAPI_ERASURE_H
#define ECAPI_ERASURE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

#include "outbox/snapshot.h"

/* What a stored text is. */
typedef enum EcapiStored
{
	ECAPI_STORED_EVENT,			/* an event in the standard's shape */
	ECAPI_STORED_INVALID,		/* an event that was set aside as given */
	ECAPI_STORED_ROW,			/* images of a row that was set aside */
	ECAPI_STORED_ANSWER			/* what a receiver said: any text */
} EcapiStored;

typedef struct EcapiErasure
{
	/*
	 * Whether a text (UTF-8, len bytes; JSON but for an answer) is about the person.  May
	 * raise errors; its memory goes with the next call.
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
 * For the worker, in a transaction with an active snapshot, SPI connected.
 *
 * Whether anything was erased by a transaction that seen does not see (NULL: at all).
 */
extern bool ecapi_erasure_since(const EcapiSnapshot *seen);

/* Set erased of those of n events, by their seq, that were; the others stay. */
extern void ecapi_erasure_which(const int64 *seqs, int n, bool *erased);

/*
 * Delete failed events of destinations that were copied from the outbox while
 * their event was being erased, in a transaction that may write.  Rows that
 * somebody has locked stay; returns how many.
 */
extern int64 ecapi_erasure_sweep(void);

#endif							/* ECAPI_ERASURE_H */
