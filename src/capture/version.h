/*
 * version.h
 *	  A version of a row: where it is, and who wrote it.
 */
#ifndef ECAPI_VERSION_H
#define ECAPI_VERSION_H

#include "postgres.h"

#include "access/htup.h"
#include "executor/tuptable.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

typedef struct EcapiVersion
{
	Oid			relation;
	Oid			file;			/* of the relation, to see a rewrite */
	ItemPointerData tid;
	bool		is_ours;		/* this transaction wrote it */
	TransactionId xid;			/* as which (sub)transaction */
	CommandId	command;		/* of ours; InvalidCommandId: not known any more */
} EcapiVersion;

/* What is known of a version of a table's row, in a slot or as a tuple with its place. */
extern EcapiVersion ecapi_version_of(Relation relation, TupleTableSlot *slot);
extern EcapiVersion ecapi_version_of_tuple(Relation relation, HeapTuple tuple);

/*
 * Whether what is in a place now is the version that was there, both as they were seen by
 * the functions above.  Two whose commands are not known may be the same.
 */
extern bool ecapi_version_same(const EcapiVersion *a, const EcapiVersion *b);
extern bool ecapi_version_same_command(CommandId a, CommandId b);

#endif							/* ECAPI_VERSION_H */
