/*
 * tracks.c
 *	  Tracks as the catalogs have them: triggers of ecapi.capture().
 *
 * A track is found by the function its trigger calls, never by the trigger's
 * name: every owner of the table may ALTER TRIGGER ... RENAME.  The
 * list comes from pg_depend, by index, so that DDL of a database without
 * tracks pays for one probe.
 *
 * A partition's copy of a trigger (tgparentid) is no track of its own.  Its
 * argument always equals that of the trigger it was copied from: the server
 * sees to that when it copies, ecapi_declared_write() when it rewrites.
 *
 * The check of a new trigger has two halves.  What depends on nothing else
 * (who, which kind of relation, which kind of trigger, the JSON) is an error
 * at once.  What depends on other objects is checked by ecapi.track() before it
 * makes the trigger, and later reported by the view and by ecapi.check(); not at
 * CREATE TRIGGER, for a dump restores triggers before foreign keys.
 *
 * Locks: ecapi_declared_write() needs a lock of the caller; all else takes
 * AccessShareLock on what it opens.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "base/catalog.h"
#include "base/refuse.h"
#include "capture/program.h"
#include "capture/tracks.h"
#include "rowsql/names.h"

PG_FUNCTION_INFO_V1(ecapi_check_trigger);

/* The only argument of a trigger, or NULL. */
static const char *
only_argument(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		datum = heap_getattr(tuple, Anum_pg_trigger_tgargs, desc, &isnull);
	bytea	   *arguments;

	if (isnull || ((Form_pg_trigger) GETSTRUCT(tuple))->tgnargs != 1)
		return NULL;
	/* Arguments end with a NUL each. */
	arguments = DatumGetByteaPP(datum);
	return pnstrdup(VARDATA_ANY(arguments), VARSIZE_ANY_EXHDR(arguments));
}

static bool
has_value(HeapTuple tuple, TupleDesc desc, int attribute)
{
	return !heap_attisnull(tuple, attribute, desc);
}

static EcapiDeclared *
read_trigger(HeapTuple tuple, TupleDesc desc)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	EcapiDeclared *declared = palloc0(sizeof(EcapiDeclared));

	declared->trigger = form->oid;
	declared->relation = form->tgrelid;
	declared->parent = form->tgparentid;
	declared->name = form->tgname;
	declared->type = form->tgtype;
	declared->is_constraint = OidIsValid(form->tgconstraint);
	declared->has_when = has_value(tuple, desc, Anum_pg_trigger_tgqual);
	declared->has_columns = form->tgattr.dim1 > 0;
	declared->has_new_table = has_value(tuple, desc, Anum_pg_trigger_tgnewtable);
	declared->argument = only_argument(tuple, desc);
	return declared;
}

/* A copy of a trigger's row; NULL when it is gone. */
static HeapTuple
copy_trigger(Relation catalog, Oid trigger)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(catalog, TriggerOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	/* while the scan has a snapshot, which a long argument is fetched with */
	if (HeapTupleIsValid(tuple))
		tuple = HeapTupleHasExternal(tuple) ?
			toast_flatten_tuple(tuple, RelationGetDescr(catalog)) : heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

EcapiDeclared *
ecapi_declared_get(Oid trigger)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	HeapTuple	tuple = copy_trigger(catalog, trigger);
	EcapiDeclared *declared = NULL;

	if (HeapTupleIsValid(tuple) &&
		((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid == ecapi_capture_function())
		declared = read_trigger(tuple, RelationGetDescr(catalog));
	table_close(catalog, AccessShareLock);
	return declared;
}

/* All triggers of ecapi.capture(), with partitions' copies. */
static List *
all_triggers(void)
{
	Oid			function = ecapi_capture_function();
	List	   *result = NIL;
	Relation	catalog;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!OidIsValid(function))
		return NIL;
	catalog = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ProcedureRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(function));
	scan = systable_beginscan(catalog, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		EcapiDeclared *declared = NULL;

		if (form->classid == TriggerRelationId)
			declared = ecapi_declared_get(form->objid);
		if (declared)
			result = lappend(result, declared);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}

List *
ecapi_declared_list(Oid relation)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, all_triggers())
	{
		EcapiDeclared *declared = lfirst(cell);

		if (!OidIsValid(declared->parent) &&
			(!OidIsValid(relation) || declared->relation == relation))
			result = lappend(result, declared);
	}
	return result;
}

const char *
ecapi_track_name(const char *trigger)
{
	size_t		prefix = strlen(ECAPI_TRACK_PREFIX);

	return strncmp(trigger, ECAPI_TRACK_PREFIX, prefix) == 0 ? trigger + prefix : trigger;
}

const char *
ecapi_declared_name(const EcapiDeclared *declared)
{
	return ecapi_track_name(NameStr(declared->name));
}

static void
write_argument(Relation catalog, Oid trigger, Oid relation, const char *argument)
{
	size_t		len = strlen(argument) + 1;
	bytea	   *arguments = palloc(VARHDRSZ + len);
	Datum		values[Natts_pg_trigger] = {0};
	bool		nulls[Natts_pg_trigger] = {0};
	bool		replace[Natts_pg_trigger] = {0};
	HeapTuple	tuple = copy_trigger(catalog, trigger);

	SET_VARSIZE(arguments, VARHDRSZ + len);
	memcpy(VARDATA(arguments), argument, len);
	values[Anum_pg_trigger_tgargs - 1] = PointerGetDatum(arguments);
	replace[Anum_pg_trigger_tgargs - 1] = true;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "could not find tuple for trigger %u", trigger);
	tuple = heap_modify_tuple(tuple, RelationGetDescr(catalog), values, nulls, replace);
	CatalogTupleUpdate(catalog, &tuple->t_self, tuple);
	CacheInvalidateRelcacheByRelid(relation);
}

/* A trigger, then its copies, then theirs. */
static void
write_with_copies(Relation catalog, List *triggers, const EcapiDeclared *declared,
				  const char *argument)
{
	ListCell   *cell;

	write_argument(catalog, declared->trigger, declared->relation, argument);
	foreach(cell, triggers)
	{
		const EcapiDeclared *copy = lfirst(cell);

		if (copy->parent == declared->trigger)
			write_with_copies(catalog, triggers, copy, argument);
	}
}

void
ecapi_declared_write(const EcapiDeclared *declared, const char *argument)
{
	Relation	catalog = table_open(TriggerRelationId, RowExclusiveLock);

	write_with_copies(catalog, all_triggers(), declared, argument);
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
}

/*
 * A set-wise trigger sees all rows of a statement at once,
 * which is much cheaper; but it sees no old rows and no order of changes, is
 * not fired by the apply worker of logical replication, and on a partition or
 * a partitioned table misses rows (a statement fires only the triggers of the
 * table that it names).
 *
 * On a partitioned table an update that moves a row is a delete and an insert;
 * both must be seen to distinguish it from a new row.
 */
EcapiTrackShape
ecapi_track_shape(const EcapiTrack *track, Relation relation, bool always)
{
	bool		partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	EcapiTrackShape	shape = {false, TRIGGER_TYPE_INSERT};

	if (track->at_commit)
		shape.events = TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE;
	else if (track->nchanges > 0)
		shape.events = TRIGGER_TYPE_UPDATE;
	else if (track->condition)
		shape.events = TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE;
	else
		shape.set_wise = !always && !partitioned && !relation->rd_rel->relispartition;
	if (partitioned)
		shape.events |= TRIGGER_TYPE_INSERT | TRIGGER_TYPE_DELETE;
	return shape;
}

static void
refuse_kind(Relation relation, const char *kind, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("cannot track %s \"%s\"", kind, RelationGetRelationName(relation)),
			 errhint("%s", hint)));
}

void
ecapi_refuse_relation(Relation relation)
{
	static const char only_tables[] = "Only tables can be tracked.";
	static const struct
	{
		char		relkind;
		const char *kind;
		const char *hint;
	}			refused[] = {
		{RELKIND_VIEW, "view",
		"Track the table whose rows the view shows; what the view joins can be mapped by foreign-key paths or SQL."},
		{RELKIND_MATVIEW, "materialized view",
		"Its rows are no changes; track the tables that it reads."},
		{RELKIND_FOREIGN_TABLE, "foreign table",
		"Its rows also change where no trigger of this server sees it; track the table on its own server."},
		{RELKIND_SEQUENCE, "sequence", only_tables},
		{RELKIND_COMPOSITE_TYPE, "type", only_tables},
		{RELKIND_INDEX, "index", only_tables},
		{RELKIND_PARTITIONED_INDEX, "index", only_tables}
	};

	if (IsCatalogRelation(relation) || IsToastRelation(relation))
		refuse_kind(relation, "system catalog",
					"Track a table of your own that is written together with it.");
	if (RelationGetNamespace(relation) == get_namespace_oid("ecapi", true))
		refuse_kind(relation, "the extension's own relation",
					"Track the tables whose rows are your events.");
	for (int i = 0; i < lengthof(refused); i++)
		if (relation->rd_rel->relkind == refused[i].relkind)
			refuse_kind(relation, refused[i].kind, refused[i].hint);

	/*
	 * A track of one partition would take a row that an update moves in for a
	 * new one.
	 */
	if (relation->rd_rel->relispartition)
	{
		List	   *ancestors = get_partition_ancestors(RelationGetRelid(relation));

		refuse_kind(relation, "partition",
					psprintf("Track table %s, with a condition if only some of its rows are meant.",
							 ecapi_names_relation(llast_oid(ancestors))));
	}
}

static void
refuse_trigger(const EcapiDeclared *declared, const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("trigger \"%s\" cannot capture events: %s",
					NameStr(declared->name), message),
			 errhint("%s", hint)));
}

const char *
ecapi_track_event_names(int16 events)
{
	StringInfoData names;

	initStringInfo(&names);
	if (events & TRIGGER_TYPE_INSERT)
		appendStringInfoString(&names, "INSERT");
	if (events & TRIGGER_TYPE_UPDATE)
		appendStringInfo(&names, "%sUPDATE", names.len > 0 ? " OR " : "");
	if (events & TRIGGER_TYPE_DELETE)
		appendStringInfo(&names, "%sDELETE", names.len > 0 ? " OR " : "");
	return names.data;
}

/* What no track is, whatever its argument says. */
static void
check_kind(const EcapiDeclared *declared)
{
	const struct
	{
		bool		wrong;
		const char *message;
		const char *hint;
	}			rules[] = {
		{!TRIGGER_FOR_AFTER(declared->type), "it does not fire after the change",
		"Only then is the row as it will be stored; make it an AFTER trigger."},
		{declared->is_constraint, "it is a constraint trigger",
		"For rows that are completed later in the transaction, use at_commit in ecapi.track()."},
		{TRIGGER_FOR_TRUNCATE(declared->type), "it fires on TRUNCATE",
		"Rows that are removed are no events."},
		{declared->has_when, "it has a WHEN clause",
		"Use condition in ecapi.track(): it fires once, when it becomes true."},
		{declared->has_columns, "it has a list of columns",
		"Use on_change in ecapi.track(): it also sees what other triggers change."},
		{declared->argument == NULL, "it must have one argument",
		"The argument is a JSON object; let ecapi.track() write it."}
	};

	for (int i = 0; i < lengthof(rules); i++)
		if (rules[i].wrong)
			refuse_trigger(declared, rules[i].message, rules[i].hint);
}

EcapiTrack *
ecapi_declared_check(const EcapiDeclared *declared, Relation relation)
{
	EcapiTrack *track;
	EcapiTrackShape	shape;

	ecapi_refuse_relation(relation);
	check_kind(declared);
	track = ecapi_track_parse(declared->argument, CurrentMemoryContext);
	shape = ecapi_track_shape(track, relation, false);
	if (!TRIGGER_FOR_ROW(declared->type))
	{
		if (!shape.set_wise)
			refuse_trigger(declared, "it fires for each statement",
						   "Make it FOR EACH ROW, or let ecapi.track() choose.");
		if (!declared->has_new_table ||
			(declared->type & (TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE)))
			refuse_trigger(declared, "it does not see the rows of its statement",
						   "Make it AFTER INSERT with REFERENCING NEW TABLE, or let ecapi.track() choose.");
	}
	if ((declared->type & shape.events) != shape.events)
		refuse_trigger(declared, "it does not fire on all changes that make its events",
					   psprintf("Make it AFTER %s, or let ecapi.track() choose.",
								ecapi_track_event_names(shape.events)));
	return track;
}

/* Raise an error unless the current role has the rights of the table's owner. */
static void
check_owner(Relation relation)
{
	if (has_privs_of_role(GetUserId(), relation->rd_rel->relowner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of table %s to capture its rows",
					ecapi_names_relation(RelationGetRelid(relation))),
			 errdetail("The SQL of a track runs as the owner of its table.")));
}

/*
 * ecapi_internal.check_trigger(trigger oid): raise an error unless the current role
 * may capture the table's rows and the trigger can be a track.
 */
Datum
ecapi_check_trigger(PG_FUNCTION_ARGS)
{
	EcapiDeclared *declared = ecapi_declared_get(PG_GETARG_OID(0));
	ErrorContextCallback *stack = ecapi_frames_hide();

	if (declared != NULL)
	{
		Relation	relation = table_open(declared->relation, AccessShareLock);

		check_owner(relation);
		ecapi_declared_check(declared, relation);
		table_close(relation, AccessShareLock);
	}
	ecapi_frames_restore(stack);
	PG_RETURN_VOID();
}
