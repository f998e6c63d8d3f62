/*
 * version.c
 *	  A version of a row: where it is, and who wrote it.
 *
 * A place can be used again in the same transaction, by another row: TRUNCATE
 * empties a file in place that the same subtransaction has made, and the versions
 * of a subtransaction that was rolled back give theirs back.  Each command of a
 * transaction has a number of its own, and writes a version once, so the number
 * tells one from the other.
 *
 * COPY FREEZE writes rows that look as if they had always been there.  Their
 * headers still say who wrote them, but forget the command when the row is
 * updated, even if that is undone: the number of the updater stays then.
 *
 * is_ours may be said of a row that was frozen long ago, when its writer had
 * the number that is ours now; so it is no proof.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"

#include "capture/version.h"
#include "compat.h"

EcapiVersion
ecapi_version_of_tuple(Relation relation, HeapTuple tuple)
{
	HeapTupleHeader header = tuple->t_data;
	EcapiVersion version = {0};

	version.relation = RelationGetRelid(relation);
	version.file = ecapi_file_number(relation);
	version.tid = tuple->t_self;
	version.xid = HeapTupleHeaderGetRawXmin(header);
	version.is_ours = TransactionIdIsCurrentTransactionId(version.xid);
	version.command = InvalidCommandId;
	if (version.is_ours && !HeapTupleHeaderXminFrozen(header))
		version.command = HeapTupleHeaderGetCmin(header);
	else if (version.is_ours && !TransactionIdIsValid(HeapTupleHeaderGetRawXmax(header)))
		version.command = HeapTupleHeaderGetRawCommandId(header);
	return version;
}

EcapiVersion
ecapi_version_of(Relation relation, TupleTableSlot *slot)
{
	bool		should_free;
	HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, &should_free);
	EcapiVersion version = ecapi_version_of_tuple(relation, tuple);

	version.tid = slot->tts_tid;
	if (should_free)
		heap_freetuple(tuple);
	return version;
}

bool
ecapi_version_same_command(CommandId a, CommandId b)
{
	return a == b || a == InvalidCommandId || b == InvalidCommandId;
}

bool
ecapi_version_same(const EcapiVersion *a, const EcapiVersion *b)
{
	return a->relation == b->relation && a->file == b->file &&
		ItemPointerEquals(unconstify(ItemPointerData *, &a->tid),
						  unconstify(ItemPointerData *, &b->tid)) &&
		a->is_ours == b->is_ours && ecapi_version_same_command(a->command, b->command);
}
