/*
 * reads.c
 *	  Which tables a track reads.
 *
 * A track names columns in texts.  A column of that name may be one of its own
 * table, of one that paths lead to (over foreign keys, known by their Oids, or as
 * they state it), or of one that its SQL names and its owner may read.  A column
 * of any other table is none of its business, so DDL there need not look at it.
 *
 * The answers err towards "reads": they decide only whether a track is looked at
 * (before.c).
 *
 * Locks: AccessShare on pg_constraint during the call.  No relation is opened.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/catalog.h"
#include "capture/reads.h"
#include "rowsql/mention.h"
#include "rowsql/names.h"

/* Append the tables that a source's path states, if it is one. */
static List *
stated_tables(List *tables, const char *source)
{
	EcapiPathStep steps[ECAPI_MAX_NAMES];
	int			n = source ? ecapi_names_split(source, steps) : 0;

	for (int i = 0; i < n; i++)
	{
		Oid			schema = steps[i].table ?
			get_namespace_oid(steps[i].schema, true) : InvalidOid;
		Oid			table = OidIsValid(schema) ?
			get_relname_relid(steps[i].table, schema) : InvalidOid;

		if (OidIsValid(table))
			tables = list_append_unique_oid(tables, table);
	}
	return tables;
}

/* Append the tables that the foreign keys of a table refer to. */
static List *
referred_tables(List *tables, Relation constraints, Oid relation)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation));
	scan = systable_beginscan(constraints, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->contype == CONSTRAINT_FOREIGN)
			tables = list_append_unique_oid(tables, form->confrelid);
	}
	systable_endscan(scan);
	return tables;
}

List *
ecapi_track_tables(const EcapiDeclared *declared, const EcapiTrack *track)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	List	   *tables = find_all_inheritors(declared->relation, NoLock, NULL);
	int			done = 0;

	for (int i = 0; i < track->nmapped; i++)
		tables = stated_tables(tables, track->mapped[i].source);
	for (int step = 1; step < ECAPI_MAX_NAMES; step++)
	{
		int			n = list_length(tables);

		for (; done < n; done++)
			tables = referred_tables(tables, catalog, list_nth_oid(tables, done));
	}
	table_close(catalog, AccessShareLock);
	return tables;
}

/* Whether a role may read anything of a relation. */
static bool
may_read(Oid role, Oid relation)
{
	return pg_class_aclcheck(relation, role, ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relation, role, ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK;
}

/* Whether a source names a relation, or takes a part of a value of its type. */
static bool
may_read_from(const char *source, const char *schema, const char *relation, bool composite)
{
	return source &&
		(composite ? strstr(source, ").") != NULL :
		 ecapi_mentions_object(source, schema, relation));
}

/*
 * Whether a source of a track reads a relation, as the track's owner may.  A composite
 * type, or a table's row type, takes no right.
 */
static bool
reads(const EcapiDeclared *declared, const EcapiTrack *track, Oid relation, bool composite)
{
	char	   *name = get_rel_name(relation);
	char	   *schema = get_namespace_name(get_rel_namespace(relation));
	bool		named;

	if (name == NULL || schema == NULL)
		return false;
	named = may_read_from(track->condition, schema, name, composite);
	for (int i = 0; i < track->nmapped && !named; i++)
		named = may_read_from(track->mapped[i].source, schema, name, composite);
	return named &&
		(composite || may_read(ecapi_relation_owner(declared->relation), relation));
}

bool
ecapi_track_reads(const EcapiDeclared *declared, const EcapiTrack *track,
				  const List *tables, Oid relation)
{
	ListCell   *cell;

	foreach(cell, find_all_inheritors(relation, NoLock, NULL))
		if (list_member_oid(tables, lfirst_oid(cell)) ||
			reads(declared, track, lfirst_oid(cell), false) ||
			reads(declared, track, lfirst_oid(cell), true))
			return true;
	return false;
}
