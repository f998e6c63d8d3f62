/*
 * reconcile_sql.c
 *	  The comparison behind ecapi.reconcile(): one statement.
 *
 * What is expected comes in as a named tuplestore, so a million rows cost no
 * table and no array.  All else is read under one new snapshot, later than
 * that of the rows: an event commits with its row, so each expected event that
 * was captured is seen, and cursors, log and failed events agree.
 *
 * For each expected id and each destination the best outcome of the events of
 * that id counts, because receivers keep one record of an id: delivered,
 * shadow, waiting, failed (waiting for another try), dead, filtered, deleted (it
 * failed, and its row of failed_event was deleted), erased (its person was
 * forgotten before it left), not sent (it committed before the destination started).
 *
 * An expected id without any event is unaccounted, unless its person is forgotten:
 * then it was erased, or is not emitted for that reason; or the id was cancelled after
 * the row came about, for then no backfill emits it.  When a slot of the ring has
 * been emptied before, what happened longer ago than ecapi.retention may have
 * been in it: that is out of reach, and said to be.  A slot that was never
 * emptied still is the file that it was made with.
 *
 * The same is asked of rows that are not expected.  One whose condition is false now,
 * and that has no event, may have been missed while it was true; one that is an event
 * but has no time lies in no range, and its event may have any age.
 *
 * The other way round, an event of the range whose row is gone, or whose condition is
 * false of its row now, is not found in the table.  That it is the track's is known by
 * the form of its id, which the track's own name for the table begins
 * (ecapi_program_id()).
 *
 * Whose events: ids are columns of the caller's rows, and may be any text, so what
 * became of an id is shown only where its event is the caller's, too: it was captured
 * from this table (by its owner then), or its emitter is a role whose rights the
 * caller has, or the caller may read the outbox.  Events of others are left out where
 * they are read, before anything is compared with an id: their ids are to all steps as
 * ids that nobody has emitted, in what is said and in what it takes.  So are
 * cancellations by others, but for ids that begin with the table's own name.
 *
 * Values are those of the events, of what has none those of the rows as they
 * are now.  Ids that are listed are at most a hundred, in order.
 *
 * One node's part of a table that is spread over nodes: an order whose shard was moved has
 * its row on one node and its event on another.  So events without a row count as emitted
 * here, with what became of them, and the ids of rows and events are listed, for ecapi.reconcile_nodes()
 * to bring together.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/queryenvironment.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/sql_scope.h"
#include "base/statement.h"
#include "history/reconcile.h"
#include "settings.h"

/* Ids that are listed for an outcome: what people look at. */
#define LISTED	100

/* Those of one node: what a shard of a busy shop may be moved with; as JSON some 40 MB. */
#define LISTED_OF_NODE	1000000

/*
 * $1 since, $2 what happened before may be out of reach, $3 until, $4 how ids begin
 * (NULL: not looked for, for the reason $9), $5 the event type, $6 which part of an id
 * it is, $7 how many parts an id has, $8 the hint for a condition that is false now; $10
 * all events are shown, else those of the tables $11 and of roles whose rights $12 has;
 * $13 how many ids are listed, $14 events without a row count as emitted, too.
 * The search_path of ecapi_become_owner() lets operators stand plain.  Kinds are those
 * of EcapiRowState: 1 due, 2 its condition is false now, 3 without a time, 4 failing.
 *
 * Events whose timestamp lies at or after since were emitted at most ten
 * minutes before it, by the rules of validation; a day leaves room for clocks
 * that were set.
 */
static const char comparison[] =
"WITH wanted AS MATERIALIZED ("
" SELECT DISTINCT ON (x.id) x.id, x.value, x.currency, x.happened, x.forgotten, x.kind FROM expected x"
" WHERE x.id IS NOT NULL ORDER BY x.id, x.kind, x.happened DESC"
"), ring AS MATERIALIZED ("
" SELECT bool_and(pg_relation_filenode(t.relid) = t.relid) AS complete"
" FROM pg_partition_tree('ecapi.outbox') t WHERE t.isleaf"
"), seen AS MATERIALIZED ("
" SELECT ecapi_internal.event_id(o.event) AS id, w.kind, o.seq, o.xid, o.emitted_at,"
"  (o.event ->> 'value')::numeric AS value, o.event ->> 'currency_code' AS currency,"
"  o.event ->> 'erased' IS NOT NULL AS erased"
" FROM ecapi.outbox o LEFT JOIN wanted w ON w.id = ecapi_internal.event_id(o.event)"
" WHERE ($10 OR o.relation = ANY ($11) OR pg_has_role($12, o.emitter, 'USAGE'))"
"  AND (w.kind = 3 OR o.emitted_at >= $1 - interval '1 day' AND (w.kind < 3 OR"
"  w.id IS NULL AND starts_with(ecapi_internal.event_id(o.event), $4)"
"  AND o.event ->> 'event_type' = $5"
"  AND split_part(ecapi_internal.event_id(o.event), ':', $6) = $5"
"  AND cardinality(string_to_array(ecapi_internal.event_id(o.event), ':')) = $7"
"  AND to_timestamp((o.event ->> 'timestamp')::float8) >= date_trunc('second', $1)"
"  AND to_timestamp((o.event ->> 'timestamp')::float8) < $3))"
"), emitted AS MATERIALIZED ("
" SELECT s.* FROM seen s WHERE s.kind = 1 OR $14 AND s.kind IS NULL"
"), failed AS MATERIALIZED ("
" SELECT w.id, w.kind, f.destination, f.state, f.reason, f.seq, w.value, w.currency"
" FROM ecapi.failed_event f JOIN wanted w ON w.id = f.event_id"
" WHERE $10 OR f.relation = ANY ($11) OR pg_has_role($12, f.emitter, 'USAGE')"
"), logged AS ("
" SELECT coalesce(c.destination, r.destination) AS destination, s.seq, r.outcome, r.reason"
" FROM ecapi.request r LEFT JOIN ecapi.cursor c ON c.server = r.server"
"  AND r.sent_at >= c.started_at,"
"  unnest(r.seqs) m (m), generate_series(lower(m.m), upper(m.m) - 1) s (seq)"
" WHERE r.outcome IN ('delivered', 'shadow', 'filtered', 'failed', 'given_up', 'erased')"
"), outcomes AS ("
" SELECT l.destination, e.id, CASE WHEN l.outcome <> 'failed' THEN l.outcome"
"   WHEN e.erased THEN 'erased' ELSE 'deleted' END AS outcome, l.reason,"
"  e.value, e.currency, e.seq,"
"  CASE l.outcome WHEN 'delivered' THEN 1 WHEN 'shadow' THEN 2 WHEN 'filtered' THEN 6 ELSE 7 END AS rank"
" FROM logged l JOIN emitted e ON e.seq = l.seq"
" UNION ALL"
" SELECT f.destination, f.id, CASE f.state WHEN 'dead' THEN 'dead' ELSE 'failed' END, f.reason,"
"  coalesce(e.value, f.value), coalesce(e.currency, f.currency), f.seq,"
"  CASE f.state WHEN 'dead' THEN 5 ELSE 4 END"
" FROM failed f LEFT JOIN emitted e ON e.seq = f.seq WHERE f.destination IS NOT NULL AND f.kind = 1"
" UNION ALL"
" SELECT c.destination, e.id,"
"  CASE WHEN d.disposed THEN 'not sent' ELSE 'waiting' END,"
"  CASE WHEN d.disposed THEN 'committed before the destination started' END,"
"  e.value, e.currency, e.seq, CASE WHEN d.disposed THEN 8 ELSE 3 END"
" FROM emitted e CROSS JOIN ecapi.cursor c,"
"  LATERAL (SELECT ecapi_internal.is_disposed(c, e.xid, e.seq) AS disposed) d"
" WHERE NOT d.disposed OR e.emitted_at <= c.started_at"
"), best AS MATERIALIZED ("
" SELECT DISTINCT ON (o.destination, o.id) o.destination, o.id, o.outcome, o.reason, o.value, o.currency"
" FROM outcomes o ORDER BY o.destination, o.id, o.rank, o.seq DESC"
"), latest AS MATERIALIZED ("
" SELECT DISTINCT ON (e.id) e.id, e.value, e.currency FROM emitted e ORDER BY e.id, e.seq DESC"
"), nowhere AS MATERIALIZED ("
" SELECT w.id, w.kind, w.value, w.currency,"
"  CASE WHEN w.forgotten THEN 'erased' WHEN EXISTS (SELECT FROM ecapi.cancellation c"
"   WHERE c.id = w.id AND coalesce(c.cancelled_at >= w.happened, true)"
"    AND ($10 OR $4 IS NOT NULL OR pg_has_role($12, (SELECT r.oid FROM pg_roles r"
"     WHERE r.rolname = c.cancelled_by), 'USAGE'))) THEN 'cancelled'"
"   WHEN w.kind = 3 THEN 'no timestamp' WHEN NOT r.complete AND w.happened < $2 THEN 'out of reach'"
"   WHEN w.kind = 2 THEN 'condition false now' ELSE 'unaccounted' END AS outcome"
" FROM wanted w CROSS JOIN ring r"
" WHERE w.kind < 4 AND NOT EXISTS (SELECT FROM seen s WHERE s.id = w.id)"
"  AND NOT EXISTS (SELECT FROM failed f WHERE f.id = w.id)"
"), missing AS MATERIALIZED ("
" SELECT n.id, n.value, n.currency, n.outcome,"
"  CASE WHEN n.outcome = 'no timestamp' THEN 'rows without a time lie in no range: they are counted in each'"
"   WHEN n.outcome = 'condition false now' THEN $8"
"   WHEN n.kind = 2 THEN 'the condition is false now' END AS reason"
" FROM nowhere n WHERE n.kind = 1 OR n.outcome NOT IN ('erased', 'cancelled')"
" UNION ALL"
" SELECT x.id, x.value, x.currency, 'condition false now', $8 FROM expected x WHERE x.kind = 2 AND x.id IS NULL"
" UNION ALL"
" SELECT x.id, x.value, x.currency, 'failing', coalesce(x.reason, 'it has no id') FROM expected x"
"  WHERE x.kind = 4 OR x.kind = 3 AND x.id IS NULL"
"), strays AS MATERIALIZED ("
" SELECT DISTINCT ON (s.id) s.id, s.value, s.currency,"
"  CASE WHEN EXISTS (SELECT FROM ecapi.cancellation c WHERE c.id = s.id) THEN 'it was cancelled'"
"   WHEN s.kind = 2 THEN 'the condition is false of its row now'"
"   ELSE 'no row of the range has this id now' END AS reason"
" FROM seen s WHERE s.kind IS NULL OR s.kind = 2 ORDER BY s.id, s.seq DESC"
"), lost AS MATERIALIZED ("
" SELECT c.destination, l.id, l.value, l.currency FROM latest l CROSS JOIN ecapi.cursor c"
" WHERE NOT EXISTS (SELECT FROM best b WHERE b.destination = c.destination AND b.id = l.id)"
"), shown AS ("
" SELECT 1 AS step, NULL::name AS destination, 'generated' AS outcome, NULL::text AS reason, w.currency,"
"  count(*) AS events, sum(w.value) AS value, CASE WHEN $14 THEN ARRAY(SELECT i.id FROM wanted i WHERE i.kind = 1"
"   AND i.currency IS NOT DISTINCT FROM w.currency ORDER BY i.id LIMIT $13) END AS ids"
" FROM wanted w WHERE w.kind = 1 GROUP BY w.currency"
" UNION ALL"
" SELECT 2, NULL, 'emitted', NULL, l.currency, count(*), sum(l.value), NULL"
" FROM latest l GROUP BY l.currency"
" UNION ALL"
" SELECT 3, NULL, 'set_aside', f.reason, f.currency, count(DISTINCT f.id), NULL, NULL"
" FROM failed f WHERE f.state = 'set_aside' AND f.kind < 3 GROUP BY f.reason, f.currency"
" UNION ALL"
" SELECT CASE WHEN m.outcome = 'failing' THEN 5 ELSE 6 END, NULL, m.outcome, m.reason, m.currency,"
"  count(*), sum(m.value), CASE WHEN m.outcome NOT IN ('erased', 'cancelled') THEN"
"   ARRAY(SELECT i.id FROM missing i WHERE i.outcome = m.outcome AND i.reason IS NOT DISTINCT FROM m.reason"
"    AND i.currency IS NOT DISTINCT FROM m.currency AND i.id IS NOT NULL ORDER BY i.id LIMIT $13) END"
" FROM missing m GROUP BY m.outcome, m.reason, m.currency"
" UNION ALL"
" SELECT 6, NULL, 'unaccounted', NULL, NULL, 0, NULL, NULL"
" WHERE NOT EXISTS (SELECT FROM missing m WHERE m.outcome = 'unaccounted')"
" UNION ALL"
" SELECT 7, NULL, 'not found in the table', s.reason, s.currency, count(*), sum(s.value),"
"  ARRAY(SELECT i.id FROM strays i WHERE i.reason = s.reason AND i.currency IS NOT DISTINCT FROM s.currency"
"   ORDER BY i.id LIMIT $13)"
" FROM strays s GROUP BY s.reason, s.currency"
" UNION ALL"
" SELECT 7, NULL, 'not found in the table', $9, NULL, NULL, NULL, NULL WHERE $9 IS NOT NULL"
" UNION ALL"
" SELECT 7, b.destination, b.outcome, b.reason, b.currency, count(*), sum(b.value), NULL"
" FROM best b GROUP BY b.destination, b.outcome, b.reason, b.currency"
" UNION ALL"
" SELECT 8, l.destination, 'unaccounted', NULL, l.currency, count(*), sum(l.value),"
"  ARRAY(SELECT i.id FROM lost i WHERE i.destination = l.destination"
"   AND i.currency IS NOT DISTINCT FROM l.currency ORDER BY i.id LIMIT $13)"
" FROM lost l GROUP BY l.destination, l.currency"
" UNION ALL"
" SELECT 8, c.destination, 'unaccounted', NULL, NULL, 0, NULL, NULL FROM ecapi.cursor c"
" WHERE NOT EXISTS (SELECT FROM lost l WHERE l.destination = c.destination)"
")"
" SELECT t.destination, t.outcome, t.reason, t.currency, t.events, t.value, t.ids FROM shown t"
" ORDER BY t.destination NULLS FIRST, t.step, t.outcome, t.reason, t.currency";

TupleDesc
ecapi_reconcile_desc(void)
{
	TupleDesc	desc = CreateTemplateTupleDesc(ECAPI_RECONCILE_EXPECTED);

	TupleDescInitEntry(desc, 1, "id", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "value", NUMERICOID, -1, 0);
	TupleDescInitEntry(desc, 3, "currency", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 4, "happened", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(desc, 5, "forgotten", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, 6, "kind", INT4OID, -1, 0);
	TupleDescInitEntry(desc, 7, "reason", TEXTOID, -1, 0);
	return desc;
}

static void
register_expected(const EcapiExpected *expected)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));

	relation->md.name = "expected";
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = expected->desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = tuplestore_tuple_count(expected->events);
	relation->reldata = expected->events;
	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register a tuplestore");
}

/* An oid[] of a list of Oids. */
static Datum
oid_array(const List *oids)
{
	Datum	   *elements = palloc(sizeof(Datum) * (list_length(oids) + 1));
	ListCell   *cell;
	int			n = 0;

	foreach(cell, oids)
		elements[n++] = ObjectIdGetDatum(lfirst_oid(cell));
	return PointerGetDatum(construct_array(elements, n, OIDOID, sizeof(Oid), true,
										   TYPALIGN_INT));
}

static void
keep_rows(const EcapiExpected *expected, Tuplestorestate *result, TupleDesc result_desc)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		NameData	track;
		Datum		values[ECAPI_RECONCILE_COLUMNS];
		bool		nulls[ECAPI_RECONCILE_COLUMNS] = {false};

		namestrcpy(&track, expected->track);
		values[0] = NameGetDatum(&track);
		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values + 1, nulls + 1);
		tuplestore_putvalues(result, result_desc, values, nulls);
	}
}

void
ecapi_reconcile_compare(const EcapiExpected *expected, Tuplestorestate *result,
						TupleDesc result_desc)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID,
	INT4OID, INT4OID, TEXTOID, TEXTOID, BOOLOID, OIDARRAYOID, OIDOID, INT4OID, BOOLOID};
	Datum		values[lengthof(types)];
	bool		nulls[lengthof(types)] = {false};
	char		marks[lengthof(types)];
	EcapiOwnerScope scope;
	int			code;

	values[0] = TimestampTzGetDatum(expected->since);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp() -
									(int64) ecapi_retention_s * USECS_PER_SEC);
	values[2] = TimestampTzGetDatum(expected->until);
	/* table, key, event type, changed values */
	values[5] = Int32GetDatum(2 + expected->nkeys);
	values[6] = Int32GetDatum(2 + expected->nkeys + expected->nchanges);
	ecapi_set_text(values, nulls, 3, expected->table);
	ecapi_set_text(values, nulls, 4, expected->event_type);
	ecapi_set_text(values, nulls, 7, expected->hint);
	ecapi_set_text(values, nulls, 8, expected->not_looked_for);
	values[9] = BoolGetDatum(pg_class_aclcheck(ecapi_relation("outbox", false), GetUserId(),
											   ACL_SELECT) == ACLCHECK_OK);
	values[10] = oid_array(expected->owned);
	values[11] = ObjectIdGetDatum(GetUserId());
	values[12] = Int32GetDatum(expected->of_node ? LISTED_OF_NODE : LISTED);
	values[13] = BoolGetDatum(expected->of_node);
	for (int i = 0; i < lengthof(types); i++)
		marks[i] = nulls[i] ? 'n' : ' ';
	ecapi_become_owner(&scope);
	/*
	 * Nothing tells the planner how many ids there are; it must not take them for a
	 * few.  Compiling the statement would take longer than running it.
	 */
	ecapi_sql_set("enable_nestloop", "off");
	ecapi_sql_set("jit", "off");
	register_expected(expected);
	PushActiveSnapshot(GetLatestSnapshot());
	code = ecapi_execute_text(comparison, lengthof(types), types, values, marks, true, 0);
	if (code != SPI_OK_SELECT)
		elog(ERROR, "could not compare rows with events: %s", SPI_result_code_string(code));
	keep_rows(expected, result, result_desc);
	PopActiveSnapshot();
	ecapi_become_caller(&scope);
}
