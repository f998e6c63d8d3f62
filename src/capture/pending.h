/*
 * pending.h
 *	  Rows that become events when their transaction commits.
 */
#ifndef ECAPI_PENDING_H
#define ECAPI_PENDING_H

#include "postgres.h"

#include "commands/trigger.h"
#include "executor/tuptable.h"

#include "capture/moved.h"
#include "capture/program_cache.h"

/*
 * A row of a track with at_commit was inserted (old is NULL) or updated.  moved
 * is not NULL for an inserted row that comes from another partition; nothing
 * of it is kept.  The row is captured once, as it is at commit, with ecapi.context
 * as it is now if this is the last version of the row.
 */
extern void ecapi_pending_add(const TriggerData *data, const EcapiCompiled *compiled,
							  TupleTableSlot *new, TupleTableSlot *old,
							  const EcapiMoved *moved);

#endif							/* ECAPI_PENDING_H */
