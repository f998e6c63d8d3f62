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

-- Whoever may execute it may cancel, and needs no right on a table.
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

-- The trace has it, for an id that was never emitted, too.
SELECT outcome, reason FROM ecapi.trace('cancel-1') WHERE reason IN ('stopping', 'not found');

-- Monitoring sees counts and no ids.
SET ROLE regress_cancel_monitor;
SELECT sum(cancellations), sum(refunds) FROM ecapi.cancellation_count;
SELECT id FROM ecapi.cancellation;
RESET ROLE;

DELETE FROM ecapi.cancellation;
DROP TABLE cancel_orders;
DROP FUNCTION cancel_order();
DROP OWNED BY regress_cancel_app, regress_cancel_other, regress_cancel_monitor;
DROP ROLE regress_cancel_app, regress_cancel_other, regress_cancel_monitor;
