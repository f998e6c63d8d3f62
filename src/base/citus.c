/*
 * citus.c
 *	  What the extension has to know of Citus, on a server that has it.
 *
 * A table of Citus is an empty one on each node, its shell, whose rows are in shards:
 * tables beside it, each on one node, named after it and the number of the shard.
 * Citus itself makes the triggers of a shell on its shards, on those that it makes or
 * moves later, too, with the same argument.  So a track is called on the shell and
 * fires on shards, and ids are those that its argument says.
 *
 * Nothing of Citus is linked: its catalog is read as a table, its settings by name.
 * Both have been the same since Citus 11.
 *
 * Locks: AccessShareLock on pg_dist_partition, for the time of a call.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_namespace.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "base/citus.h"
#include "base/sql_scope.h"

/* logicalrelid, the first column of pg_dist_partition */
#define TABLE_COLUMN	1

bool
ecapi_is_sharded(Oid relation)
{
	Oid			catalog = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
	Relation	tables;
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	if (!OidIsValid(catalog))
		return false;
	tables = table_open(catalog, AccessShareLock);
	ScanKeyInit(&key, TABLE_COLUMN, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
	/* a row for each table of the database: no index is needed */
	scan = systable_beginscan(tables, InvalidOid, false, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(tables, AccessShareLock);
	return found;
}

/*
 * Citus refuses triggers on tables that it shards, because what a trigger does might
 * need another node.  A track does not: it reads what the shard's node has, and writes
 * nothing but the outbox.
 */
void
ecapi_citus_allow_triggers(void)
{
	ecapi_sql_set("citus.enable_unsafe_triggers", "on");
}

void
ecapi_citus_stay_here(void)
{
	if (GetConfigOption("citus.enable_ddl_propagation", true, false) != NULL)
		ecapi_sql_set("citus.enable_ddl_propagation", "off");
}
