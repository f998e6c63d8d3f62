--
-- Proof: the request log, the ledger, what became of an event, and of a table's
-- rows.  Nothing is sent here: destinations are in shadow mode, or paused.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_proof_shop;
CREATE ROLE regress_proof_other;
CREATE ROLE regress_proof_monitor;
GRANT pg_monitor TO regress_proof_monitor;
GRANT USAGE ON SCHEMA ecapi TO regress_proof_shop, regress_proof_other;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture, ecapi.reconcile
    TO regress_proof_shop, regress_proof_other;
CREATE SCHEMA proof AUTHORIZATION regress_proof_shop;
GRANT USAGE ON SCHEMA proof TO regress_proof_other;
-- Wait until a condition of the worker's doing holds.
CREATE PROCEDURE wait_until(condition text) LANGUAGE plpgsql AS $$
DECLARE reached boolean;
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXECUTE 'SELECT ' || condition INTO reached;
        IF reached THEN
            RETURN;
        END IF;
        COMMIT;
        PERFORM pg_sleep(0.02);
    END LOOP;
    RAISE 'gave up waiting until %', condition;
END $$;
CREATE SERVER proof_all FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'https://example.com', data_set_id 'shop', mode 'shadow');
CREATE SERVER proof_types FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'https://example.com', data_set_id 'shop', mode 'shadow', event_types 'subscribe');
CREATE SERVER proof_paused FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'https://example.com', data_set_id 'shop', mode 'shadow');
SELECT ecapi.pause('proof_paused');
CALL wait_until($$EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'proof_paused' AND state = 'paused')$$);
-- What is the same in each run.
CREATE FUNCTION trace_of(id text) RETURNS TABLE (destination name, outcome text, reason text, attempt integer,
    timed boolean, event_type text) LANGUAGE sql AS $$
SELECT t.destination, t.outcome, t.reason, t.attempt, t.at IS NOT NULL, t.event_type
FROM ecapi.trace(id) WITH ORDINALITY t
WHERE t.destination IS NULL OR t.destination LIKE 'proof\_%' ORDER BY t.ordinality $$;
CREATE VIEW proof_ledger AS
SELECT destination, event_type, currency, outcome, reason, sum(events) AS events, sum(value) AS value
FROM ecapi.ledger WHERE destination LIKE 'proof\_%' GROUP BY 1, 2, 3, 4, 5;
RESET client_min_messages;
SET timezone = 'UTC';

-- The id of an event, as the server's own operator gives it.
SELECT e, ecapi_internal.event_id(e::json) IS NOT DISTINCT FROM e::json ->> 'id' AS same, ecapi_internal.event_id(e::json) AS id
FROM unnest(ARRAY['{"id":"a"}', ' { "id" : "a b" , "x":1}', '{"x":{"id":"no"},"id":"yes"}', '{"x":["}",{"id":1},"\""],"id":"deep"}',
    '{"x":"\\","id":"slash"}', '{"id":"q\"\\\u00e9"}', '{"id":""}', '{}', '{"x":1}', '{"ids":"no","xid":"no"}', '{"x":"\"id\":\"no\""}']) e;
SELECT ecapi_internal.event_id('["id"]'), ecapi_internal.event_id('"id"'), ecapi_internal.event_id('{"id":null}'), ecapi_internal.event_id('{"id":5}');

SET ROLE regress_proof_shop;
CREATE TABLE proof.orders (id integer PRIMARY KEY, status text, total numeric, currency text, paid_at timestamptz);
SELECT ecapi.track('proof.orders', 'purchase', condition => $$status = 'paid'$$,
    mapping => '{"value": "total", "currency_code": "currency", "timestamp": "paid_at"}');
INSERT INTO proof.orders VALUES (1, 'paid', 10.10, 'EUR', '2026-02-01'), (2, 'paid', 20.20, 'EUR', '2026-02-02'),
    (3, 'paid', 1000, 'JPY', '2026-02-02 12:00'), (4, 'cart', 5, 'EUR', '2026-02-02'), (5, 'paid', 7, 'EUR', '2026-03-01');
UPDATE proof.orders SET status = 'paid' WHERE id = 4;
-- one that is set aside
INSERT INTO proof.orders VALUES (6, 'paid', 1, 'EURO', '2026-02-03');
RESET ROLE;
-- holes
SET ecapi.capture = off;
INSERT INTO proof.orders VALUES (7, 'paid', 70, 'EUR', '2026-02-04'), (8, 'paid', 80, 'USD', '2026-02-04'),
    (9, 'cart', 90, 'USD', '2026-02-04');
RESET ecapi.capture;
CALL wait_until($$bool_and(backlog = 0 AND state = 'idle') FROM ecapi.destination WHERE destination IN ('proof_all', 'proof_types')$$);

-- Rows against events against outcomes.
SET ROLE regress_proof_shop;
SELECT destination, outcome, reason, currency, events, value, ids
FROM ecapi.reconcile('proof.orders', '2026-02-01', '2026-03-01') WITH ORDINALITY
WHERE destination IS NULL OR destination LIKE 'proof\_%' ORDER BY ordinality;
-- A range without a hole, by the name of the track.
SELECT track, outcome, events FROM ecapi.reconcile('proof.orders', '2026-02-01', '2026-02-03', 'purchase') WHERE destination IS NULL;
-- It writes nothing, and needs no right but the table.
BEGIN READ ONLY;
SELECT outcome, sum(events) FROM ecapi.reconcile('proof.orders', '-infinity', 'infinity') WHERE destination IS NULL GROUP BY 1 ORDER BY 1;
COMMIT;
SELECT count(*) FROM ecapi.outbox;
RESET ROLE;
SELECT count(*) FROM ecapi.failed_event WHERE relation = 'proof.orders'::regclass;
-- A hole that is filled is accounted for.
SET client_min_messages = warning;
CALL ecapi.backfill('proof.orders', 'purchase', '2026-02-04', '2026-02-05');
CALL wait_until($$backlog = 0 AND state = 'idle' FROM ecapi.destination WHERE destination = 'proof_all'$$);
RESET client_min_messages;
SELECT destination, outcome, currency, events, value, ids FROM ecapi.reconcile('proof.orders', '2026-02-04', '2026-02-05') WITH ORDINALITY
WHERE destination IS NULL OR destination = 'proof_all' ORDER BY ordinality;

-- One event.
CALL wait_until($$backlog = 0 AND state = 'idle' FROM ecapi.destination WHERE destination = 'proof_types'$$);
SELECT * FROM trace_of('proof.orders:1:purchase');
SELECT count(*), count(DISTINCT xid), count(DISTINCT seq) FROM ecapi.trace('proof.orders:1:purchase') WHERE destination IS NULL;
SELECT outcome, left(reason, 24) FROM ecapi.trace('proof.orders:99:purchase');
-- Nothing that is not committed, nor what was rolled back.
BEGIN;
SELECT ecapi_emit('login', id => 'proof "here" \ ü');
ROLLBACK;
SELECT outcome FROM ecapi.trace('proof "here" \ ü');
SELECT ecapi_emit('login', id => 'proof "here" \ ü');
CALL wait_until($$bool_and(backlog = 0 AND state = 'idle') FROM ecapi.destination WHERE destination IN ('proof_all', 'proof_types')$$);
SELECT * FROM trace_of('proof "here" \ ü');
-- One that was set aside, by its id.
SET ecapi.on_error = set_aside;
SET client_min_messages = error;
SELECT ecapi_emit('purchase', id => 'proof-aside', value => 1);
RESET client_min_messages;
RESET ecapi.on_error;
SELECT * FROM trace_of('proof-aside');
-- A new destination has nothing to do with it, and a renamed one is the same.
CREATE SERVER proof_late FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'https://example.com', data_set_id 'shop', mode 'shadow');
ALTER SERVER proof_types RENAME TO proof_kinds;
SELECT * FROM trace_of('proof.orders:1:purchase');
SELECT destination, outcome, reason, currency, events FROM ecapi.reconcile('proof.orders', '2026-02-01', '2026-02-03') WITH ORDINALITY
WHERE destination IN ('proof_late', 'proof_kinds', 'proof_types') ORDER BY ordinality;
ALTER SERVER proof_kinds RENAME TO proof_types;

-- The request log names its events: each once, whatever is between.
SELECT r.destination, r.outcome, r.reason, count(*) AS named, count(DISTINCT o.seq) AS events
FROM ecapi.request r JOIN ecapi.outbox o ON r.seqs @> o.seq
WHERE r.destination LIKE 'proof\_%' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT r.destination, count(*) AS other_than_counted FROM ecapi.request r
WHERE r.events <> (SELECT sum(upper(m) - lower(m)) FROM unnest(r.seqs) m) GROUP BY 1;

-- The ledger, to the last digit.
SELECT * FROM proof_ledger ORDER BY 1, 2, 3, 4, 5;
SELECT count(ecapi_emit(event => format('{"event_type": "subscribe", "value": %s, "currency_code": "CHF", "id": "proof-%s"}', v, n)::jsonb))
FROM unnest(ARRAY['0.1', '0.2', '0.123456', '0.1234567', '999999999999.999999', '1000000000000', '12345678901234567890.5', '1e-9', '-0.5', '0'])
    WITH ORDINALITY u (v, n);
SELECT ecapi_emit('subscribe', id => 'proof-none');
CALL wait_until($$bool_and(backlog = 0 AND state = 'idle') FROM ecapi.destination WHERE destination IN ('proof_all', 'proof_types')$$);
SELECT * FROM proof_ledger WHERE event_type = 'subscribe' ORDER BY 1, 2, 3, 4, 5;
SELECT l.value = (SELECT sum((o.event ->> 'value')::numeric) FROM ecapi.outbox o WHERE o.event ->> 'currency_code' = 'CHF') AS exact
FROM proof_ledger l WHERE l.destination = 'proof_types' AND l.currency = 'CHF';
-- It says the same as the counts of the destination.
SELECT d.destination, d.filtered = sum(l.events) AS same
FROM ecapi.destination d JOIN proof_ledger l USING (destination) GROUP BY d.destination, d.filtered ORDER BY 1;
SELECT count(*) FROM ecapi.ledger WHERE date_trunc('hour', hour) <> hour OR hour > now();

-- What is refused, and what cannot be judged.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM ecapi.trace('proof.orders:1:purchase');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM ecapi.reconcile('proof.orders', '2026-02-01', '2026-03-01');
ROLLBACK;
SELECT * FROM ecapi.reconcile('proof.orders', '2026-02-01', NULL);
SELECT * FROM ecapi.reconcile('proof.orders', '2026-03-01', '2026-02-01');
SELECT * FROM ecapi.reconcile('proof.orders', '2026-02-01', '2026-03-01', 'purchse');
SET ROLE regress_proof_other;
SELECT * FROM ecapi.reconcile('proof.orders', '2026-02-01', '2026-03-01');
SELECT * FROM ecapi.trace('proof.orders:1:purchase');
RESET ROLE;
SET ROLE regress_proof_shop;
CREATE TABLE proof.plans (id integer PRIMARY KEY, price numeric, ends timestamptz);
SELECT * FROM ecapi.reconcile('proof.plans', '2026-02-01', '2026-03-01');
SELECT ecapi.track('proof.plans', 'subscribe', mapping => '{"timestamp": "ends"}', on_change => '{ends}');
SELECT * FROM ecapi.reconcile('proof.plans', '2026-02-01', '2026-03-01');
SELECT ecapi.track('proof.plans', 'subscribe', mapping => '{"timestamp": "ends"}', condition => 'new.ends > old.ends');
SELECT * FROM ecapi.reconcile('proof.plans', '2026-02-01', '2026-03-01');
SELECT ecapi.track('proof.plans', 'subscribe', mapping => '{}');
SELECT * FROM ecapi.reconcile('proof.plans', '2026-02-01', '2026-03-01');
RESET ROLE;

-- What rows and events do not say of each other: paid while capture was off and
-- shipped since, shipped with its event, deleted with its event, cancelled, without a
-- time, failing in SQL, and a cart whose event could not even be made.
SET ROLE regress_proof_shop;
CREATE TABLE proof.sales (id integer PRIMARY KEY, status text, total numeric, parts integer, paid_at timestamptz);
SELECT ecapi.track('proof.sales', 'purchase', condition => $$status = 'paid'$$,
    mapping => '{"value": "new.total / new.parts", "currency_code": "''EUR''", "timestamp": "paid_at"}');
RESET ROLE;
SET ecapi.capture = off;
INSERT INTO proof.sales VALUES (1, 'paid', 10, 1, '2026-02-01'), (2, 'paid', 20, 1, '2026-02-02'), (3, 'paid', 30, 1, NULL),
    (4, 'paid', 40, 0, '2026-02-02'), (5, 'cart', 50, 0, '2026-02-02'), (6, 'cart', 60, 1, NULL), (7, 'paid', 70, 1, '2026-03-02');
UPDATE proof.sales SET status = 'shipped' WHERE id IN (1, 2);
RESET ecapi.capture;
SET ROLE regress_proof_shop;
INSERT INTO proof.sales VALUES (11, 'paid', 11, 1, '2026-02-01'), (12, 'paid', 12, 1, '2026-02-02'), (13, 'paid', 13, 1, NULL),
    (14, 'paid', 14, 1, '2026-02-03'), (15, 'paid', 15, 1, '2026-04-01');
UPDATE proof.sales SET status = 'shipped' WHERE id = 11;
DELETE FROM proof.sales WHERE id IN (12, 15);
CREATE VIEW proof.told AS
SELECT track, outcome, reason, currency, events, value, ids FROM ecapi.reconcile('proof.sales', '2026-02-01', '2026-03-01') WITH ORDINALITY
WHERE destination IS NULL ORDER BY ordinality;
SELECT * FROM proof.told;
-- An event of another type, a refund's id, one of another table: none is of the track.
RESET ROLE;
SELECT ecapi_emit('refund', id => 'proof.sales:11:purchase:refund', occurred_at => '2026-02-02'),
    ecapi_emit('purchase', id => 'proof.sales:12:purchase:5', occurred_at => '2026-02-02'),
    ecapi_emit('purchase', id => 'proof.sales2:12:purchase', occurred_at => '2026-02-02'),
    ecapi_emit('search', id => 'proof.sales:12:search', occurred_at => '2026-02-02');
-- A cancelled one is accounted for, and what happened to a deleted one is reported.
SELECT ecapi.cancel('proof.sales:1:purchase') IS NOT NULL, ecapi.cancel('proof.sales:12:purchase') IS NOT NULL;
SET ROLE regress_proof_shop;
SELECT outcome, reason, events, value, ids FROM proof.told WHERE outcome IN ('condition false now', 'not found in the table');
-- Once a slot of the outbox has another file than at first, for it was emptied, what is
-- older is out of reach, also where the condition is false now.
RESET ROLE;
BEGIN;
DO $$BEGIN
    EXECUTE (SELECT format('CLUSTER %s USING %I', i.indrelid::regclass, c.relname)
        FROM pg_partition_tree('ecapi.outbox') t JOIN pg_index i ON i.indrelid = t.relid JOIN pg_class c ON c.oid = i.indexrelid
        WHERE t.isleaf AND pg_relation_size(t.relid) = 0 LIMIT 1);
END$$;
SELECT outcome, reason, events, value, ids FROM proof.told WHERE outcome NOT IN ('generated', 'emitted', 'not found in the table');
ROLLBACK;
SET ROLE regress_proof_shop;
-- A condition that stays true.
SELECT ecapi.track('proof.sales', 'purchase', condition => 'paid_at IS NOT NULL',
    mapping => '{"value": "total", "currency_code": "''EUR''", "timestamp": "paid_at"}');
SELECT * FROM proof.told;
-- Ids of the track's own, and those of another table, are not looked for; a column that
-- is never null is no hint.
ALTER TABLE proof.sales ADD made_at timestamptz NOT NULL DEFAULT '2026-02-01';
SELECT ecapi.track('proof.sales', 'purchase', condition => $$status = 'paid'$$,
    mapping => '{"id": "new.id || ''-own''", "timestamp": "made_at"}');
SELECT outcome, reason, events FROM proof.told WHERE outcome IN ('condition false now', 'not found in the table');
CREATE OR REPLACE TRIGGER ecapi_purchase AFTER INSERT ON proof.sales FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "table": "proof.orders", "mapping": {"timestamp": "paid_at"}}');
SELECT outcome, reason, events FROM proof.told WHERE outcome = 'not found in the table';
-- Tracks that cannot be judged hide no other.
SELECT ecapi.track('proof.sales', 'subscribe', mapping => '{}');
CREATE TRIGGER ecapi_sign_up AFTER INSERT ON proof.sales FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "sign_up", "mapping": {"timestamp": "payd_at"}}');
SELECT track, outcome, reason, events FROM proof.told WHERE outcome IN ('not judged', 'generated');
DROP TABLE proof.sales CASCADE;
RESET ROLE;

-- Ids of others: the owner of a table can make rows with any id.  Of one whose event is
-- not the owner's nothing is reported, whatever became of it: as if nobody had emitted it.
SET client_min_messages = error;
GRANT CREATE ON SCHEMA proof TO regress_proof_other;
GRANT EXECUTE ON FUNCTION ecapi_emit, ecapi.cancel TO regress_proof_shop, regress_proof_other;
SET ROLE regress_proof_shop;
SELECT ecapi_emit('purchase', value => 33, currency_code => 'EUR', id => 'proof-app', occurred_at => '2026-02-03');
SET ecapi.on_error = set_aside;
SELECT ecapi_emit('purchase', value => 34, id => 'proof-app-aside', occurred_at => '2026-02-03');
RESET ecapi.on_error;
SELECT ecapi.cancel('proof-app-cancelled') IS NOT NULL;
RESET ROLE;
INSERT INTO ecapi.failed_event (destination, state, reason, xid, seq, event_id, event, emitter, failed_at)
    VALUES ('proof_all', 'dead', 'rejected', '1', 1, 'proof-app-dead', '{}', 'regress_proof_shop', now());
SET ROLE regress_proof_other;
CREATE TABLE proof.guess (id text PRIMARY KEY, total numeric, is_paid boolean DEFAULT true, at timestamptz DEFAULT '2026-02-02');
SELECT ecapi.track('proof.guess', 'purchase', condition => 'is_paid',
    mapping => '{"id": "id", "value": "total", "currency_code": "''EUR''", "timestamp": "at"}');
RESET ROLE;
SET ecapi.capture = off;
INSERT INTO proof.guess SELECT id, 1, is_paid, CASE WHEN is_timed THEN '2026-02-02'::timestamptz END
FROM (VALUES ('proof.orders:1:purchase', true, true), ('proof.orders:2:purchase', false, true), ('proof.orders:4:purchase', true, false),
    ('proof.orders:6:purchase', true, true), ('proof-app', true, true), ('proof-app-aside', true, true), ('proof-app-cancelled', true, true),
    ('proof-app-dead', true, true), ('proof-nobody', true, true), ('proof-nobody-2', false, true), ('proof-nobody-3', true, false)) v (id, is_paid, is_timed);
RESET ecapi.capture;
CREATE VIEW proof.guessed AS
SELECT destination, outcome, reason, currency, events, value, ids FROM ecapi.reconcile('proof.guess', '2026-02-01', '2026-03-01') WITH ORDINALITY
WHERE destination IS NULL OR destination LIKE 'proof\_%' ORDER BY ordinality;
GRANT SELECT ON proof.guessed TO PUBLIC;
SET ROLE regress_proof_other;
SELECT * FROM proof.guessed;
-- What is its own it sees: captured, emitted, set aside, cancelled.
INSERT INTO proof.guess VALUES ('proof-own', 5), ('proof-own-aside', -1e30);
SELECT ecapi_emit('purchase', value => 6, currency_code => 'EUR', id => 'proof-nobody', occurred_at => '2026-02-02');
SELECT ecapi.cancel('proof-nobody-2') IS NOT NULL;
SELECT outcome, events, value, ids FROM proof.guessed WHERE destination IS NULL;
-- So does who has the rights of the emitter, but not who would have to take them.
RESET ROLE;
-- (since 16 a membership keeps what its role was when it was granted)
ALTER ROLE regress_proof_other NOINHERIT;
GRANT regress_proof_shop TO regress_proof_other;
SET ROLE regress_proof_other;
SELECT outcome, events, value, ids FROM proof.guessed WHERE destination IS NULL;
RESET ROLE;
REVOKE regress_proof_shop FROM regress_proof_other;
ALTER ROLE regress_proof_other INHERIT;
GRANT regress_proof_shop TO regress_proof_other;
SET ROLE regress_proof_other;
SELECT outcome, events, value, ids FROM proof.guessed WHERE destination IS NULL;
RESET ROLE;
REVOKE regress_proof_shop FROM regress_proof_other;
-- And who may read the outbox.
GRANT SELECT ON ecapi.outbox TO regress_proof_other;
SET ROLE regress_proof_other;
SELECT outcome, events, value, ids FROM proof.guessed WHERE destination IS NULL;
RESET ROLE;
REVOKE SELECT ON ecapi.outbox FROM regress_proof_other;
-- The events of a table stay its own when it has another owner; that owner's others do not come with it.
ALTER TABLE proof.orders OWNER TO regress_proof_other;
SELECT DISTINCT o.emitter, o.relation FROM ecapi.outbox o WHERE o.event ->> 'id' LIKE 'proof.orders:_:purchase' OR o.event ->> 'id' IN ('proof-app', 'proof-own', 'proof-nobody') ORDER BY 1, 2;
SET ROLE regress_proof_other;
SELECT outcome, sum(events) FROM ecapi.reconcile('proof.orders', '-infinity', 'infinity') WHERE destination IS NULL GROUP BY 1 ORDER BY 1;
SELECT outcome, events, value, ids FROM proof.guessed WHERE destination IS NULL;
RESET ROLE;
ALTER TABLE proof.orders OWNER TO regress_proof_shop;
SELECT outcome, events, ids FROM ecapi.reconcile('proof.guess', '2026-02-01', '2026-03-01') WHERE destination IS NULL;
DELETE FROM ecapi.cancellation WHERE id LIKE 'proof-%';
DELETE FROM ecapi.failed_event WHERE event_id = 'proof-app-dead';
RESET client_min_messages;

-- Sums are for pg_monitor; ids, which may be order numbers, are not.
SET ROLE regress_proof_monitor;
SELECT count(*) > 0 AS reads FROM ecapi.ledger;
SELECT * FROM ecapi.trace('proof.orders:1:purchase');
RESET ROLE;

SET client_min_messages = warning;
DELETE FROM ecapi.cancellation WHERE id LIKE 'proof.sales:%';
DROP SERVER proof_all;
DROP SERVER proof_types;
DROP SERVER proof_paused;
DROP SERVER proof_late;
DROP SCHEMA proof CASCADE;
DROP VIEW proof_ledger;
DROP FUNCTION trace_of;
DROP PROCEDURE wait_until;
DELETE FROM ecapi.failed_event WHERE state = 'set_aside';
DROP OWNED BY regress_proof_shop, regress_proof_other, regress_proof_monitor;
DROP ROLE regress_proof_shop, regress_proof_other, regress_proof_monitor;
