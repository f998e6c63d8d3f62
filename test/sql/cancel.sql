--
-- What ecapi.cancel refuses, whom, and what it writes.  What comes of it is in the
-- TAP test 220.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_cancel_app;
CREATE ROLE regress_cancel_other;
CREATE ROLE regress_cancel_monitor;
GRANT USAGE ON SCHEMA ecapi TO regress_cancel_app, regress_cancel_other;
GRANT EXECUTE ON FUNCTION ecapi.cancel TO regress_cancel_app;
GRANT pg_monitor TO regress_cancel_monitor;
RESET client_min_messages;

-- A role that may execute it may cancel, and needs no right on a table.
SET ROLE regress_cancel_other;
SELECT ecapi.cancel('cancel-1');
SET ROLE regress_cancel_app;
SELECT ecapi.cancel('cancel-1');
SELECT ecapi.cancel('cancel-2', since => '2026-11-01 00:00+00');
SELECT count(*) FROM ecapi.cancellation;
RESET ROLE;

-- Arguments.
SELECT ecapi.cancel(NULL);
SELECT ecapi.cancel('');
SELECT ecapi.cancel(repeat('x', 513));
SELECT ecapi.cancel(repeat('x', 512));
SELECT ecapi.cancel('cancel-1', value => -1);
SELECT ecapi.cancel('cancel-1', value => 'NaN');
SELECT ecapi.cancel('cancel-1', value => 'Infinity');

-- Where an INSERT could not be.
BEGIN READ ONLY;
SELECT ecapi.cancel('cancel-3');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT ecapi.cancel('cancel-4');
COMMIT;

-- What is rolled back never was.
BEGIN;
SELECT ecapi.cancel('cancel-5');
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT ecapi.cancel('cancel-6');
ROLLBACK TO s;
SELECT ecapi.cancel('cancel-7');
COMMIT;

-- A session in the replica role cancels, too; rows of logical replication do not.
SET session_replication_role = replica;
SELECT ecapi.cancel('cancel-8');
INSERT INTO ecapi.cancellation (id, xid, before_xid, seq, cancelled_at, cancelled_by)
VALUES ('cancel-9', '1', '1', 1, now(), 'x');
SHOW session_replication_role;
RESET session_replication_role;

-- By a trigger of the application.
CREATE TABLE cancel_orders (order_no text PRIMARY KEY, status text);
CREATE FUNCTION cancel_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ecapi.cancel('orders:' || new.order_no);
    RETURN NULL;
END $$;
CREATE TRIGGER cancel_order AFTER UPDATE OF status ON cancel_orders FOR EACH ROW
    WHEN (new.status = 'cancelled' AND old.status IS DISTINCT FROM 'cancelled')
    EXECUTE FUNCTION cancel_order();
INSERT INTO cancel_orders VALUES ('10', 'paid'), ('11', 'paid');
UPDATE cancel_orders SET status = 'cancelled' WHERE order_no = '10';
UPDATE cancel_orders SET status = 'shipped' WHERE order_no = '11';
UPDATE cancel_orders SET status = 'cancelled' WHERE order_no = '10';

-- The row says what it is about: all that began to write before the call, and of
-- its own transaction what it emitted before.
SELECT left(id, 20) AS id, since, before_xid > xid AS covers_itself, seq > 0 AS numbered, cancelled_by = current_user AS mine
FROM ecapi.cancellation ORDER BY cancel_id;
BEGIN;
SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'cancel-10');
SELECT ecapi.cancel('cancel-10');
SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'cancel-10');
SELECT o.seq < c.seq AS is_before, o.xid = c.xid AS same
FROM ecapi.outbox o JOIN ecapi.cancellation c ON c.id = o.event->>'id' WHERE c.id = 'cancel-10' ORDER BY o.seq;
ROLLBACK;

-- The trace has it, for an id that was never emitted, too; whether the worker has looked for it by now is not asked.
SELECT outcome FROM ecapi.trace('cancel-1') WHERE reason IN ('stopping', 'not found');

-- Monitoring sees counts and no ids.
SET ROLE regress_cancel_monitor;
SELECT sum(cancellations), sum(refunds) FROM ecapi.cancellation_count;
SELECT id FROM ecapi.cancellation;
RESET ROLE;

-- The id that a track gives, by the key: of whatever type the values are given, under
-- any setting, for a partition, after a rename, and with the values of on_change.
SET client_min_messages = error;
CREATE SCHEMA cancel_ids;
CREATE TABLE cancel_ids.kinds (at date, no numeric(10,2), u uuid, t text, big bigint, flag boolean, changed integer,
    PRIMARY KEY (at, no, u, t, big)) PARTITION BY LIST (big);
CREATE TABLE cancel_ids.kinds_1 PARTITION OF cancel_ids.kinds FOR VALUES IN (1);
SELECT ecapi.track('cancel_ids.kinds', 'login', mapping => '{}'), ecapi.track('cancel_ids.kinds', 'login', name => 'renewed',
    on_change => '{changed}', mapping => '{}'), ecapi.track('cancel_ids.kinds', 'purchase', mapping => '{"id": "t"}');
ALTER TABLE cancel_ids.kinds RENAME TO sorts;
RESET client_min_messages;
INSERT INTO cancel_ids.sorts VALUES ('2026-01-31', 42, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a:b%c ü', 1, true, 7);
UPDATE cancel_ids.sorts SET changed = 8;
SET datestyle = 'SQL, DMY';
SELECT event ->> 'id' AS id, event ->> 'id' IN (
    ecapi.event_id('cancel_ids.sorts', 'login', s.at, s.no, s.u, s.t, s.big),
    ecapi.event_id('cancel_ids.sorts', 'login', s.at, s.no, s.u, s.t, s.big, 8)) AS same
FROM ecapi.outbox, cancel_ids.sorts s WHERE event ->> 'id' LIKE 'cancel_ids.%' ORDER BY seq;
SELECT ecapi.event_id('cancel_ids.kinds_1', 'login', '31/01/2026', 42, upper(s.u::text), s.t::varchar, '1') AS by_text,
    ecapi.event_id('cancel_ids.sorts', 'login', VARIADIC ARRAY['31/01/2026', '42', s.u::text, s.t, '1']) AS by_array,
    ecapi.event_id('cancel_ids.sorts', 'login', NULL, 42, s.u, s.t, 1) AS of_null
FROM cancel_ids.sorts s \gx
RESET datestyle;
SELECT ecapi.event_id('cancel_ids.sorts', 'login', 1);
SELECT ecapi.event_id('cancel_ids.sorts', 'purchase', 'x');
SELECT ecapi.event_id('cancel_ids.sorts', 'logn', 1);
SELECT ecapi.event_id('cancel_ids.sorts', 'login', 'x', 1, 'x', 'x', 1);
SET client_min_messages = error;
DROP SCHEMA cancel_ids CASCADE;
RESET client_min_messages;

-- What was cancelled is not made again.  Rows that were set aside, with an id that
-- was known (currency) and one that was not (an error before the id); cancelled
-- before, after, and in the transaction that wrote them.
SET client_min_messages = error;
CREATE TABLE cancel_shop (id integer PRIMARY KEY, total numeric, currency text, parts integer, paid_at timestamptz);
SELECT ecapi.track('cancel_shop', 'purchase', mapping => '{"value": "new.total / new.parts", "currency_code": "currency",
    "timestamp": "paid_at"}');
SELECT ecapi.cancel('cancel_shop:3:purchase');
INSERT INTO cancel_shop VALUES (1, 10, 'EURO', 1, '2026-01-01'), (2, 20, 'EUR', 0, '2026-01-01'),
    (3, 30, 'EURO', 1, '2026-01-01'), (4, 40, 'EURO', 1, '2026-01-01'), (5, 50, 'EUR', 0, '2026-01-01');
SELECT ecapi.cancel('cancel_shop:1:purchase'), ecapi.cancel('cancel_shop:2:purchase');
BEGIN;
INSERT INTO cancel_shop VALUES (6, 60, 'EURO', 1, '2026-01-01'), (7, 70, 'EUR', 0, '2026-01-01');
SELECT ecapi.cancel('cancel_shop:6:purchase'), ecapi.cancel('cancel_shop:7:purchase'), ecapi.cancel('cancel_shop:8:purchase');
INSERT INTO cancel_shop VALUES (8, 80, 'EURO', 1, '2026-01-01');
COMMIT;
SELECT ecapi.track('cancel_shop', 'purchase', mapping => '{"value": "total", "currency_code": "left(new.currency, 3)",
    "timestamp": "paid_at"}');
RESET client_min_messages;
SELECT * FROM ecapi.recapture('cancel_shop');
SELECT event ->> 'id' AS id FROM ecapi.outbox WHERE event ->> 'id' LIKE 'cancel_shop:%' ORDER BY seq;
SELECT count(*) FROM ecapi.failed_event WHERE relation = 'cancel_shop'::regclass;

-- History: what happened before its id was cancelled is not emitted, a new order
-- under the old id is.  What a backfill sets aside is judged in the same way.
SET client_min_messages = error;
SET ecapi.capture = off;
INSERT INTO cancel_shop VALUES (11, 11, 'EUR', 1, '2026-02-01'), (12, 12, 'EUR', 1, '2026-02-01'),
    (13, 13, 'EUR', 1, clock_timestamp() + '5 minutes'), (14, 14, NULL, 1, '2026-02-01'), (15, 15, NULL, 1, '2026-02-01');
RESET ecapi.capture;
SELECT count(ecapi.cancel('cancel_shop:' || i || ':purchase')) FROM unnest('{11,13,14}'::int[]) i;
CALL ecapi.backfill('cancel_shop', 'purchase', since => '2026-01-15', until => 'infinity');
SELECT ecapi.track('cancel_shop', 'purchase', mapping => '{"value": "total", "currency_code": "''EUR''", "timestamp": "paid_at"}');
RESET client_min_messages;
SELECT * FROM ecapi.recapture('cancel_shop');
SELECT rows_read, events, set_aside, cancelled FROM ecapi.backfill WHERE relation = 'cancel_shop'::regclass;
SELECT event ->> 'id' AS id FROM ecapi.outbox WHERE event ->> 'id' LIKE 'cancel_shop:1_:%' ORDER BY event ->> 'id';
SELECT outcome, events, ids FROM ecapi.reconcile('cancel_shop', '2026-01-15', 'infinity')
WHERE destination IS NULL ORDER BY outcome;

-- A row that waits for the commit counts as emitted when it was written.
CREATE TABLE cancel_commit (id integer PRIMARY KEY, total numeric, currency text);
SELECT ecapi.track('cancel_commit', 'purchase', at_commit => true,
    mapping => '{"value": "total", "currency_code": "currency"}');
SET client_min_messages = error;
BEGIN;
INSERT INTO cancel_commit VALUES (1, 1, 'EUR'), (2, 2, 'EUR'), (3, 3, 'EURO');
SELECT ecapi.cancel('cancel_commit:1:purchase'), ecapi.cancel('cancel_commit:3:purchase'),
    ecapi.cancel('cancel_commit:4:purchase');
INSERT INTO cancel_commit VALUES (4, 4, 'EUR');
UPDATE cancel_commit SET total = total + 1;
SAVEPOINT s;
SELECT ecapi.cancel('cancel_commit:2:purchase');
ROLLBACK TO s;
COMMIT;
SELECT ecapi.track('cancel_commit', 'purchase', at_commit => true,
    mapping => '{"value": "total", "currency_code": "''EUR''"}');
RESET client_min_messages;
SELECT * FROM ecapi.recapture('cancel_commit');
SELECT event ->> 'id' AS id, event ->> 'value' AS value FROM ecapi.outbox WHERE event ->> 'id' LIKE 'cancel_commit:%' ORDER BY seq;

DELETE FROM ecapi.cancellation;
DROP TABLE cancel_orders, cancel_shop, cancel_commit;
DROP FUNCTION cancel_order();
DROP OWNED BY regress_cancel_app, regress_cancel_other, regress_cancel_monitor;
DROP ROLE regress_cancel_app, regress_cancel_other, regress_cancel_monitor;
