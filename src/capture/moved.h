/*
 * moved.h
 *	  Rows on their way from one partition to another.
 */
#ifndef ECAPI_MOVED_H
#define ECAPI_MOVED_H

#include "postgres.h"

#include "commands/trigger.h"
#include "executor/tuptable.h"

#include "capture/program_cache.h"
#include "capture/version.h"

/* A row that moved: where it was, and as what. */
typedef struct EcapiMoved
{
	EcapiVersion version;
	HeapTuple	tuple;			/* of that partition */
} EcapiMoved;

/*
 * A tuple of one partition, which the caller has locked, as one of another, which is
 * open.  It needs nothing of the first any more: what is stored beside the row is in it.
 * The same tuple where there is nothing to change.
 */
extern HeapTuple ecapi_moved_convert(HeapTuple tuple, Oid from, Relation to);

/* A row trigger was fired by a DELETE: remember the row if it is on its way. */
extern void ecapi_moved_left(const TriggerData *data, const EcapiCompiled *compiled);

/*
 * A row trigger was fired by an INSERT: where the row came from, or NULL if it
 * is new.  The answer is good until the next call of either function.
 */
extern const EcapiMoved *ecapi_moved_from(const TriggerData *data,
										  const EcapiCompiled *compiled);

/*
 * What the row was there, in a new slot of the descriptor of relation, the
 * partition where it is now.  It points into moved.
 */
extern TupleTableSlot *ecapi_moved_slot(const EcapiMoved *moved, Relation relation);

#endif							/* ECAPI_MOVED_H */
