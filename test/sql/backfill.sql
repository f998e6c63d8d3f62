--
-- Backfill: history through the same track as live changes; and recapture of
-- rows that were set aside.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_bf_owner;
CREATE ROLE regress_bf_other;
RESET client_min_messages;
SET timezone = 'UTC';
CREATE SCHEMA bf;
CREATE TABLE bf.orders (
    id integer PRIMARY KEY, dropped text, status text NOT NULL, total numeric,
    currency text DEFAULT 'EUR', paid_at timestamptz, note text);
ALTER TABLE bf.orders DROP COLUMN dropped;
INSERT INTO bf.orders
SELECT i, CASE WHEN i % 5 = 0 THEN 'cart' ELSE 'paid' END, i, 'EUR', timestamptz '2026-01-01' + i * interval '1 day'
FROM generate_series(1, 20) i;

-- Expressions other than columns are for tables that no superuser owns.
GRANT USAGE ON SCHEMA bf TO regress_bf_owner;
ALTER TABLE bf.orders OWNER TO regress_bf_owner;

-- A track declared when the table is full.
CREATE TRIGGER ecapi_purchase AFTER INSERT OR UPDATE ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "condition": "status = ''paid''",
        "mapping": {"value": "total", "currency_code": "currency", "timestamp": "paid_at"}}');
INSERT INTO bf.orders VALUES (21, 'paid', 21, 'EUR', '2026-01-22');
SELECT count(*) FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.orders:%';
CALL ecapi.backfill('bf.orders', 'purchase', page_size => 4);

-- The events: those of the condition, each once, under the id that the live one has.
SELECT count(*), count(DISTINCT event->>'id'), min((event->>'value')::numeric), max((event->>'value')::numeric)
FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.orders:%';
SELECT event->>'id' AS id, count(*), count(DISTINCT event::text) AS different FROM ecapi.outbox
WHERE event->>'id' = 'bf.orders:21:purchase' GROUP BY 1;
SELECT event FROM ecapi.outbox WHERE event->>'id' = 'bf.orders:7:purchase';
SELECT relation, track, since, until > now() - interval '1 hour' AS until_now, state, sqlstate, pid, rows_read, events,
    set_aside, outside, last_key, finished_at >= started_at AS ended
FROM ecapi.backfill;

-- A range: from since on, before until.  Under the same range: it begins again.
CALL ecapi.backfill('bf.orders', 'purchase', '2026-01-03', '2026-01-08');
CALL ecapi.backfill('bf.orders', 'purchase', '2026-01-03', '2026-01-08');
SELECT since, until, state, rows_read, events, outside, condition_false, skipped FROM ecapi.backfill WHERE since > '-infinity';
SELECT event->>'id' AS id, count(*) FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.orders:%'
GROUP BY 1 HAVING count(*) > 2 ORDER BY 1;

-- A timestamp that is not just a column: read all, judged by the event.  One
-- without a time is in no range.
CREATE TRIGGER ecapi_subscribe AFTER INSERT ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "subscribe", "mapping": {"timestamp": "new.paid_at + interval ''1 day''"}}');
UPDATE bf.orders SET paid_at = NULL WHERE id = 20;
CALL ecapi.backfill('bf.orders', 'subscribe', '2026-01-03', '2026-01-08');
SELECT rows_read, events, set_aside, outside, skipped FROM ecapi.backfill WHERE track = 'ecapi_subscribe';
-- Where it is just a column, the row without a time is not read, and counted.
CALL ecapi.backfill('bf.orders', 'purchase', until => '2026-02-01');
SELECT rows_read, events, outside, condition_false, skipped FROM ecapi.backfill WHERE until = '2026-02-01';

-- Rows that cannot be events are set aside, and the rest goes on.
UPDATE bf.orders SET note = 'x' WHERE id = 3;
CREATE TRIGGER ecapi_refund AFTER INSERT ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "refund",
        "mapping": {"timestamp": "paid_at", "currency_code": "currency", "value": "new.total / (new.id - 3)"}}');
CALL ecapi.backfill('bf.orders', 'refund', until => '2026-02-01');
SELECT source, relation, reason, sqlstate, attempts, event->'new'->>'id' AS id FROM ecapi.failed_event ORDER BY failed_id;

-- Recapture: as long as the mapping is what it was it fails again ...
SELECT * FROM ecapi.recapture('bf.orders');
SELECT reason, sqlstate, attempts FROM ecapi.failed_event;
-- ... and by name, by time, for others ...
SELECT * FROM ecapi.recapture('bf.orders', 'purchase');
SELECT * FROM ecapi.recapture('bf.orders', since => now() + interval '1 day');
SELECT * FROM ecapi.recapture(maximum => 0);
-- ... the track is gone ...
DROP TRIGGER ecapi_refund ON bf.orders;
SELECT * FROM ecapi.recapture(track => 'refund');
SELECT reason, sqlstate, attempts FROM ecapi.failed_event;
-- ... broken ...
CREATE TRIGGER ecapi_refund AFTER INSERT ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "refund", "mapping": {"value": "totall"}}');
SELECT * FROM ecapi.recapture();
SELECT reason, sqlstate, attempts FROM ecapi.failed_event;
-- ... and fixed: the event is of then, the row gone.
CREATE OR REPLACE TRIGGER ecapi_refund AFTER INSERT ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "refund",
        "mapping": {"timestamp": "paid_at", "currency_code": "currency", "value": "total"}}');
SELECT * FROM ecapi.recapture();
SELECT count(*) FROM ecapi.failed_event;
SELECT event FROM ecapi.outbox WHERE event->>'id' = 'bf.orders:3:refund';
SELECT * FROM ecapi.recapture();

-- What ecapi_emit() set aside is not touched; a change is judged as a change.
SET client_min_messages = error;
SET ecapi.on_error = set_aside;
SELECT ecapi_emit('purchase', id => 'bf-emitted', value => -1);
RESET ecapi.on_error;
CREATE OR REPLACE TRIGGER ecapi_refund AFTER UPDATE ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "refund", "on_change": ["total"],
        "mapping": {"value": "new.total / (new.id - 3)"}}');
UPDATE bf.orders SET total = 33 WHERE id = 3;
RESET client_min_messages;
SELECT source, event_id, event->'old'->>'total' AS old, event->'new'->>'total' AS new FROM ecapi.failed_event ORDER BY failed_id;
CREATE OR REPLACE TRIGGER ecapi_refund AFTER UPDATE ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "refund", "on_change": ["total"],
        "mapping": {"value": "total", "currency_code": "currency"}}');
SELECT * FROM ecapi.recapture();
SELECT event->>'id' AS id, event->>'value' AS value FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.orders:3:refund:%';
SELECT source FROM ecapi.failed_event;
DELETE FROM ecapi.failed_event;

-- Refusals of a backfill, each with its reason.
CALL ecapi.backfill('bf.orders', 'purchese');
CALL ecapi.backfill('bf.orders', 'purchase', name => 'purchases');
CALL ecapi.backfill('bf.orders', 'search');
CALL ecapi.backfill('pg_class', 'search');
CALL ecapi.backfill('ecapi.backfill', 'search');
CALL ecapi.backfill(NULL, 'purchase');
CALL ecapi.backfill('bf.orders', 'purchase', page_size => 0);
CALL ecapi.backfill('bf.orders', 'purchase', page_size => 10001);
CALL ecapi.backfill('bf.orders', 'purchase', events_per_second => 0);
CALL ecapi.backfill('bf.orders', 'purchase', '2026-01-03', '2026-01-03');
CALL ecapi.backfill('bf.orders', 'refund');
BEGIN;
CALL ecapi.backfill('bf.orders', 'purchase');
ROLLBACK;
DO $$BEGIN CALL ecapi.backfill('bf.orders', 'purchase'); EXCEPTION WHEN active_sql_transaction THEN RAISE; END$$;
SET default_transaction_read_only = on;
CALL ecapi.backfill('bf.orders', 'purchase');
RESET default_transaction_read_only;
CREATE OR REPLACE TRIGGER ecapi_refund AFTER UPDATE ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "refund", "on_change": ["total"], "mapping": {"timestamp": "paid_at"}}');
CALL ecapi.backfill('bf.orders', 'refund');
CREATE OR REPLACE TRIGGER ecapi_refund AFTER INSERT OR UPDATE ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "refund", "condition": "new.total < old.total", "mapping": {"timestamp": "paid_at"}}');
CALL ecapi.backfill('bf.orders', 'refund');
CREATE OR REPLACE TRIGGER ecapi_refund AFTER INSERT ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "refund", "mapping": {"timestamp": "payd_at"}}');
CALL ecapi.backfill('bf.orders', 'refund');
DROP TRIGGER ecapi_refund ON bf.orders;
CREATE TRIGGER ecapi_second AFTER INSERT ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"id": "new.id || ''-second''", "timestamp": "paid_at"}}');
CREATE TRIGGER third AFTER INSERT ON bf.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "subscribe", "mapping": {"id": "new.id || ''-third''", "timestamp": "paid_at"}}');
CALL ecapi.backfill('bf.orders', 'purchase', '2026-01-03', '2026-01-04');
CALL ecapi.backfill('bf.orders', 'purchase', '2026-01-03', '2026-01-04', name => 'second');
CALL ecapi.backfill('bf.orders', 'subscribe', '2026-01-03', '2026-01-04', name => 'third');

-- Tables: without a key, with a unique index, with a key of several columns,
-- of a type whose order is not its name's, partitioned, inherited, empty.
CREATE TABLE bf.bare (id integer, at timestamptz DEFAULT '2026-03-01', seq integer);
CREATE TRIGGER ecapi_subscribe AFTER INSERT ON bf.bare FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "subscribe", "key": ["id", "seq"], "mapping": {"timestamp": "at"}}');
INSERT INTO bf.bare SELECT i / 3, '2026-03-01', -i FROM generate_series(1, 10) i;
CALL ecapi.backfill('bf.bare', 'subscribe');
CREATE UNIQUE INDEX ON bf.bare (id, seq);
CALL ecapi.backfill('bf.bare', 'subscribe');
ALTER TABLE bf.bare ALTER id SET NOT NULL, ALTER seq SET NOT NULL;
CALL ecapi.backfill('bf.bare', 'subscribe', page_size => 2);
SELECT count(*), count(DISTINCT event->>'id') FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.bare:%';
-- (a constraint that is not valid, as 18 has them, says nothing of the rows before it)
CREATE TABLE bf.partly (id text UNIQUE, at timestamptz DEFAULT '2026-03-01');
CREATE TRIGGER ecapi_subscribe AFTER INSERT ON bf.partly FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "subscribe", "mapping": {"id": "id", "timestamp": "at"}}');
SET ecapi.capture = off;
INSERT INTO bf.partly VALUES ('partly-1'), (NULL);
RESET ecapi.capture;
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        EXECUTE 'ALTER TABLE bf.partly ADD CONSTRAINT later NOT NULL id NOT VALID';
    END IF;
END $$;
CALL ecapi.backfill('bf.partly', 'subscribe');
DELETE FROM bf.partly WHERE id IS NULL;
ALTER TABLE bf.partly ALTER id SET NOT NULL;
CALL ecapi.backfill('bf.partly', 'subscribe');
CREATE TABLE bf.mixed (a text COLLATE "C", b varchar(5), c "char", d float8, at timestamptz, PRIMARY KEY (b, a, c, d));
CREATE TRIGGER ecapi_subscribe AFTER INSERT ON bf.mixed FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "subscribe", "mapping": {"timestamp": "at"}}');
INSERT INTO bf.mixed SELECT a, b, c, d / 3, '2026-03-01' FROM unnest('{"a","B","é"}'::text[]) a, unnest('{"x","Y","''"}'::text[]) b,
    unnest('{u,v}'::"char"[]) c, unnest('{1,2}'::float8[]) d;
CALL ecapi.backfill('bf.mixed', 'subscribe', page_size => 5);
SELECT count(*), count(DISTINCT event->>'id') FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.mixed:%';
SET client_min_messages = warning;
-- (many commands, for which a server does not discard what its caches hold)
SET debug_discard_caches = 0;
CREATE EXTENSION citext SCHEMA bf;
RESET debug_discard_caches;
RESET client_min_messages;
CREATE TABLE bf.fold (id bf.citext PRIMARY KEY, at timestamptz DEFAULT '2026-03-01');
INSERT INTO bf.fold VALUES ('a'), ('B'), ('c'), ('D'), ('e'), ('F');
CREATE TRIGGER ecapi_subscribe AFTER INSERT ON bf.fold FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "subscribe", "mapping": {"timestamp": "at"}}');
CALL ecapi.backfill('bf.fold', 'subscribe', page_size => 2);
SELECT string_agg(event->>'id', ' ' ORDER BY seq) FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.fold:%';
CREATE TABLE bf.part (id integer, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE bf.part_1 (at timestamptz NOT NULL, gone integer, id integer NOT NULL);
ALTER TABLE bf.part_1 DROP COLUMN gone;
ALTER TABLE bf.part ATTACH PARTITION bf.part_1 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE bf.part_2 PARTITION OF bf.part FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO bf.part SELECT i, timestamptz '2026-01-01' + i * interval '10 days' FROM generate_series(1, 5) i;
CREATE TRIGGER ecapi_subscribe AFTER INSERT OR UPDATE OR DELETE ON bf.part FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "subscribe", "key": ["id"], "mapping": {"timestamp": "at"}}');
CALL ecapi.backfill('bf.part_1', 'subscribe');
CALL ecapi.backfill('bf.part', 'subscribe', page_size => 2);
SELECT event->>'id' AS id, (event->>'timestamp')::bigint FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.part:%' ORDER BY 1;
CREATE TABLE bf.child () INHERITS (bf.mixed);
INSERT INTO bf.child VALUES ('child', 'b', 'c', 1, '2026-03-01');
CALL ecapi.backfill('bf.mixed', 'subscribe', restart => true);
CREATE TABLE bf.empty (id uuid PRIMARY KEY, at timestamptz);
CREATE TRIGGER ecapi_subscribe AFTER INSERT ON bf.empty FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "subscribe", "mapping": {"timestamp": "at"}}');
CALL ecapi.backfill('bf.empty', 'subscribe');

-- An error ends a page, not what was done before; the same call goes on there.
CREATE TABLE bf.stops (id integer PRIMARY KEY, n integer, at timestamptz DEFAULT '2026-03-01');
ALTER TABLE bf.stops OWNER TO regress_bf_owner;
INSERT INTO bf.stops SELECT i, i - 7 FROM generate_series(1, 10) i;
CREATE TRIGGER ecapi_subscribe AFTER INSERT ON bf.stops FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "subscribe", "on_error": "raise",
        "mapping": {"timestamp": "at", "ext.n": "1 / new.n"}}');
CALL ecapi.backfill('bf.stops', 'subscribe', page_size => 2);
SELECT state, sqlstate, rows_read, events, last_key, finished_at FROM ecapi.backfill WHERE track = 'ecapi_subscribe' AND relation = 'bf.stops'::regclass;
UPDATE bf.stops SET n = 1 WHERE id = 7;
SELECT key_columns FROM ecapi.backfill_progress WHERE relation = 'bf.stops'::regclass ORDER BY generation DESC LIMIT 1;
-- (as 1.0 wrote it down)
UPDATE ecapi.backfill_progress SET key_columns = '{id}' WHERE relation = 'bf.stops'::regclass;
CALL ecapi.backfill('bf.stops', 'subscribe', page_size => 2);
SELECT state, sqlstate, rows_read, events FROM ecapi.backfill WHERE track = 'ecapi_subscribe' AND relation = 'bf.stops'::regclass;
SELECT count(*), count(DISTINCT event->>'id') FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.stops:%';
-- one goes on by the key with which it began, though another is the first now
CREATE TABLE bf.turns (id integer NOT NULL, n integer NOT NULL, at timestamptz DEFAULT '2026-03-01');
CREATE UNIQUE INDEX turns_id ON bf.turns (id);
CREATE UNIQUE INDEX turns_n ON bf.turns (n);
ALTER TABLE bf.turns OWNER TO regress_bf_owner;
INSERT INTO bf.turns SELECT i, 7 - i FROM generate_series(1, 10) i;
CREATE TRIGGER ecapi_subscribe AFTER INSERT ON bf.turns FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "subscribe", "on_error": "raise", "key": ["id"],
        "mapping": {"timestamp": "at", "ext.n": "1 / new.n"}}');
CALL ecapi.backfill('bf.turns', 'subscribe', page_size => 2);
UPDATE bf.turns SET n = 70 WHERE id = 7;
REINDEX INDEX CONCURRENTLY bf.turns_id;
CALL ecapi.backfill('bf.turns', 'subscribe', page_size => 2);
SELECT count(*), count(DISTINCT event->>'id') FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.turns:%';
-- one that goes by another key begins again
UPDATE ecapi.backfill_progress SET state = 'failed' WHERE relation = 'bf.stops'::regclass;
ALTER TABLE bf.stops DROP CONSTRAINT stops_pkey, ADD CONSTRAINT stops_pkey PRIMARY KEY (id, at);
CALL ecapi.backfill('bf.stops', 'subscribe');
CALL ecapi.backfill('bf.stops', 'subscribe', restart => true);

-- Settings of the session change neither ids nor keys.
SET timezone = 'Asia/Kolkata'; SET datestyle = 'SQL, DMY'; SET extra_float_digits = -5; SET search_path = bf, pg_temp;
CALL ecapi.backfill('mixed', 'subscribe', restart => true, page_size => 7);
RESET timezone; RESET datestyle; RESET extra_float_digits; RESET search_path;
SELECT count(*), count(DISTINCT event->>'id'), count(DISTINCT event::text) FROM ecapi.outbox WHERE event->>'id' LIKE 'bf.mixed:%';

-- Rights: the owner, nobody else; and it needs none on our tables.
GRANT USAGE ON SCHEMA bf, ecapi TO regress_bf_owner, regress_bf_other;
GRANT EXECUTE ON PROCEDURE ecapi.backfill TO regress_bf_owner, regress_bf_other;
GRANT EXECUTE ON FUNCTION ecapi.recapture TO regress_bf_owner, regress_bf_other;
GRANT SELECT ON ecapi.backfill TO regress_bf_owner;
GRANT ALL ON bf.orders TO regress_bf_other;
SET SESSION AUTHORIZATION regress_bf_other;
CALL ecapi.backfill('bf.orders', 'purchase');
SELECT * FROM ecapi.recapture('bf.orders');
SELECT * FROM ecapi.recapture();
SELECT * FROM ecapi.backfill_progress;
SET SESSION AUTHORIZATION regress_bf_owner;
CALL ecapi.backfill('bf.orders', 'purchase', '2026-01-05', '2026-01-06');
SELECT state, rows_read, last_key FROM ecapi.backfill WHERE since = '2026-01-05';
SELECT * FROM ecapi.recapture('bf.orders');
RESET SESSION AUTHORIZATION;

-- Rows of a table that is gone.
SET client_min_messages = error;
CREATE TRIGGER ecapi_login AFTER INSERT ON bf.empty FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login", "mapping": {"timestamp": "at", "ext.n": "1 / (new.at - new.at)::text::integer"}}');
ALTER TABLE bf.empty OWNER TO regress_bf_owner;
INSERT INTO bf.empty VALUES ('00000000-0000-0000-0000-000000000001', '2026-03-01');
DROP TABLE bf.empty;
RESET client_min_messages;
SELECT * FROM ecapi.recapture();
SELECT reason, sqlstate FROM ecapi.failed_event;
DELETE FROM ecapi.failed_event;
SELECT count(*) FROM ecapi.backfill v WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = v.relation);
CALL ecapi.backfill('bf.part', 'subscribe', '2030-01-01');
SELECT count(*) FROM ecapi.backfill_progress p WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = p.relation);

SET client_min_messages = warning;
SET debug_discard_caches = 0;
DROP SCHEMA bf CASCADE;
RESET debug_discard_caches;
DROP OWNED BY regress_bf_owner, regress_bf_other;
DROP ROLE regress_bf_owner, regress_bf_other;
