-- result.sql - the shop's tables against what the receiver wrote down.
--
-- Variables: received (the receiver's file, lines in COPY format: see the head
-- of test/receiver/store.h) and seconds.  Prints the closing table; the last
-- line of output is "t" when nothing is missing, nothing arrived that was not
-- committed, no amount differs and no record broke the standard.

CREATE TABLE shop.received (
    time_us bigint, data_set_id text, id text, event_type text, value text,
    currency_code text, verdict text, path text, serial bigint, index integer,
    merged text, hash text
);
COPY shop.received FROM :'received';

-- One row an event that was committed or has arrived, or both.
CREATE TABLE shop.outcome AS
SELECT coalesce(c.event_type, r.event_type) AS event_type,
       c.id IS NOT NULL AS committed,
       r.id IS NOT NULL AS delivered,
       coalesce(r.records, 0) AS records,
       coalesce(r.rejected, 0) AS rejected,
       c.value <> r.value AS differs
FROM shop.committed c
FULL JOIN (SELECT coalesce(id, 'nameless ' || serial || '.' || index) AS id,
                  min(event_type) AS event_type,
                  min(value)::numeric AS value,
                  count(*) AS records,
                  count(*) FILTER (WHERE verdict <> 'ok') AS rejected
           FROM shop.received GROUP BY 1) r USING (id, event_type);

\pset format aligned
\pset tuples_only off
\pset footer off
SELECT coalesce(event_type, 'all') AS event,
       count(*) FILTER (WHERE committed) AS committed,
       count(*) FILTER (WHERE delivered) AS delivered,
       count(*) FILTER (WHERE committed AND NOT delivered) AS missing,
       count(*) FILTER (WHERE delivered AND NOT committed) AS phantoms,
       coalesce(sum(records - 1) FILTER (WHERE delivered), 0) AS duplicates,
       count(*) FILTER (WHERE differs) AS "wrong value",
       coalesce(sum(rejected), 0) AS rejected,
       CASE WHEN grouping(event_type) = 1 THEN :'seconds' END AS seconds
FROM shop.outcome
GROUP BY ROLLUP (event_type)
ORDER BY grouping(event_type), event_type;

\pset format unaligned
\pset tuples_only on
SELECT 'rejected: ' || verdict || ' (' || count(*) || ' times)'
FROM shop.received WHERE verdict <> 'ok'
GROUP BY verdict ORDER BY count(*) DESC LIMIT 10;
SELECT count(*) FILTER (WHERE committed) > 0
       AND bool_and(committed AND delivered AND rejected = 0 AND NOT differs)
FROM shop.outcome;
