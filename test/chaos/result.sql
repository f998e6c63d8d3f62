-- result.sql - what was committed against what the receiver wrote down.
--
-- Variables: received (the receiver's file, lines in COPY format: see the head
-- of test/receiver/store.h).  Prints a table; makes chaos.outcome, one row for
-- each destination and event that should have arrived or did, and
-- chaos.finding, one row for each thing that must not be.

CREATE TABLE chaos.received (
    time_us bigint, data_set_id text, id text, event_type text, value text,
    currency_code text, verdict text, path text, serial bigint, index integer,
    merged text, hash text
);
COPY chaos.received FROM :'received';

CREATE TABLE chaos.outcome AS
WITH wanted AS (
    SELECT d.destination, c.id, c.event_type, c.value, c.at, c.source
    FROM chaos.destination d JOIN chaos.committed c ON c.event_type = ANY (d.event_types)
        AND (d.started IS NULL OR NOT pg_visible_in_snapshot(c.xact, d.started))
), arrived AS (
    SELECT data_set_id AS destination, id, min(event_type) AS event_type, min(value)::numeric AS value,
           count(*) AS records, count(DISTINCT hash) AS forms,
           count(*) FILTER (WHERE verdict <> 'ok') AS rejected
    FROM chaos.received GROUP BY 1, 2
)
SELECT destination, id, w.source, w.at,
       w.id IS NOT NULL AS committed, a.id IS NOT NULL AS delivered,
       coalesce(a.records, 0) AS records, coalesce(a.forms, 0) AS forms,
       coalesce(a.rejected, 0) AS rejected,
       w.id IS NOT NULL AND a.id IS NOT NULL
           AND (a.value IS DISTINCT FROM w.value OR a.event_type <> w.event_type) AS differs
FROM wanted w FULL JOIN arrived a USING (destination, id);

CREATE TABLE chaos.figure AS
SELECT o.destination,
       count(*) FILTER (WHERE committed) AS committed,
       count(*) FILTER (WHERE delivered) AS delivered,
       count(*) FILTER (WHERE committed AND NOT delivered) AS missing,
       count(*) FILTER (WHERE delivered AND NOT committed) AS phantoms,
       coalesce(sum(records - 1) FILTER (WHERE delivered), 0) AS repeats,
       round(100.0 * coalesce(sum(records - 1) FILTER (WHERE delivered), 0)
             / greatest(sum(records), 1), 2) AS "repeats %",
       count(*) FILTER (WHERE forms > 1) AS conflicts,
       count(*) FILTER (WHERE differs) AS "wrong content",
       sum(rejected) AS rejected,
       (SELECT c.delivered FROM ecapi.cursor c WHERE c.destination = o.destination) AS counted,
       (SELECT count(*) FROM ecapi.failed_event f WHERE f.destination = o.destination) AS failed
FROM chaos.outcome o GROUP BY o.destination;

TABLE chaos.figure ORDER BY destination;

CREATE TABLE chaos.finding AS
SELECT format('%s: %s missing, such as %s', destination, count(*), min(id)) AS finding
FROM chaos.outcome WHERE committed AND NOT delivered GROUP BY destination
UNION ALL
SELECT format('%s: %s phantoms, such as %s', destination, count(*), min(id))
FROM chaos.outcome WHERE delivered AND NOT committed GROUP BY destination
UNION ALL
SELECT format('%s: %s came with different bytes, such as %s', destination, count(*), min(id))
FROM chaos.outcome WHERE forms > 1 GROUP BY destination
UNION ALL
SELECT format('%s: %s came with wrong content, such as %s', destination, count(*), min(id))
FROM chaos.outcome WHERE differs GROUP BY destination
UNION ALL
SELECT format('%s: %s rejected by the receiver''s checks: %s', data_set_id, count(*), min(verdict))
FROM chaos.received WHERE verdict <> 'ok' GROUP BY data_set_id
UNION ALL
-- an event whose row of failed_event was written before a crash, and which the
-- cursor had not passed, is delivered by both ways and counts twice; so some
-- repeats may be counted, and no more
SELECT format('%s: counts %s delivered, the receiver %s and %s repeats', destination, counted, delivered, repeats)
FROM chaos.figure WHERE counted IS NULL OR counted < delivered OR counted > delivered + repeats
UNION ALL
SELECT format('%s: %s events stand more than once in failed_event', destination, count(*))
FROM (SELECT destination FROM ecapi.failed_event WHERE destination IS NOT NULL
      GROUP BY destination, xid, seq HAVING count(*) > 1) twice GROUP BY destination
UNION ALL
SELECT format('%s: %s failed events', destination, failed) FROM chaos.figure WHERE failed > 0
UNION ALL
SELECT format('%s: nothing was committed', destination) FROM chaos.figure WHERE committed = 0
UNION ALL
SELECT format('%s: starts too early or too late for %s, such as %s', destination, count(*), min(id))
FROM chaos.destination JOIN chaos.committed ON pg_visible_in_snapshot(xact, started)
    AND NOT pg_visible_in_snapshot(xact, after)
    OR pg_visible_in_snapshot(xact, before) AND NOT pg_visible_in_snapshot(xact, started)
GROUP BY destination
UNION ALL
SELECT format('rows were set aside: %s', min(reason)) FROM ecapi.failed_event
WHERE destination IS NULL HAVING count(*) > 0
UNION ALL
SELECT format('acknowledged and gone: transaction %s.%s', a.writer, a.number)
FROM chaos.acknowledged a LEFT JOIN chaos.txn t USING (writer, number) WHERE t.writer IS NULL;
