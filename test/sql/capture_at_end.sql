-- What is rolled back inside when the transaction block already is at its end: rows that
-- deferred triggers and cursors write at COMMIT and PREPARE TRANSACTION, and what else of
-- ecapi they call.  A server that is built with assertions (test/matrix.sh cassert) ends the
-- session where the subtransaction's parent is not in progress; without assertions this
-- shows only that what is asked for happens.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_end_shop;
CREATE SCHEMA shop_end AUTHORIZATION regress_end_shop;
GRANT USAGE ON SCHEMA ecapi TO regress_end_shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture TO regress_end_shop;
CREATE SERVER at_end FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'http://127.0.0.1:9/in?source=shop', data_set_id 'shop', mode 'shadow');

SET ROLE regress_end_shop;
CREATE TABLE shop_end.orders (id int PRIMARY KEY, divisor int);
CREATE TABLE shop_end.log (id int, divisor int);
SELECT ecapi.track('shop_end.log', 'login', '{"id": "''at-end-'' || new.id", "ext.ratio": "100 / new.divisor"}');
-- each order is logged at the end
CREATE FUNCTION shop_end.log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_end.log VALUES (new.id, new.divisor);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER log AFTER INSERT ON shop_end.orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop_end.log();
CREATE FUNCTION shop_end.log_one(id int, divisor int) RETURNS int LANGUAGE sql AS
    'INSERT INTO shop_end.log VALUES ($1, $2) RETURNING id';
RESET ROLE;
CREATE FUNCTION events(OUT id text, OUT ratio text) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT event->>'id', event->'ext'->>'ratio' FROM (SELECT event::jsonb FROM ecapi.outbox) o
    WHERE event->>'id' LIKE 'at-end-%' ORDER BY 1;
$$;
CREATE FUNCTION aside(OUT sqlstate text, OUT id text) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT sqlstate, event::jsonb->'new'->>'id' FROM ecapi.failed_event WHERE relation = 'shop_end.log'::regclass ORDER BY 2;
$$;

-- COMMIT, of a block and of a statement
BEGIN;
INSERT INTO shop_end.orders VALUES (1, 1), (2, 0), (3, 5);
COMMIT;
INSERT INTO shop_end.orders VALUES (4, 0), (5, 2);
INSERT INTO shop_end.orders VALUES (6, 0)\; INSERT INTO shop_end.orders VALUES (7, 1);
-- PREPARE TRANSACTION
BEGIN;
INSERT INTO shop_end.orders VALUES (11, 0), (12, 4);
PREPARE TRANSACTION 'at_end';
COMMIT PREPARED 'at_end';
-- in a procedure
CREATE PROCEDURE shop_end.twice() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_end.orders VALUES (21, 0);
    COMMIT;
    INSERT INTO shop_end.orders VALUES (22, 10);
END $$;
CALL shop_end.twice();
-- a cursor that outlives its transaction is run to its end by COMMIT
BEGIN;
DECLARE logged CURSOR WITH HOLD FOR SELECT shop_end.log_one(n, n - 32) FROM generate_series(31, 33) n;
COMMIT;
CLOSE logged;
SELECT * FROM events();
SELECT * FROM aside();

-- a preview, which always undoes what it runs, and a replay that is refused
CREATE ROLE regress_end_enricher;
GRANT USAGE ON SCHEMA ecapi TO regress_end_enricher;
GRANT CREATE ON SCHEMA shop_end TO regress_end_enricher;
SET ROLE regress_end_enricher;
CREATE FUNCTION shop_end.failing(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', 1 / (e.value - 5)) FROM unnest(page) e;
END;
RESET ROLE;
GRANT USAGE ON SCHEMA shop_end TO regress_end_enricher;
CREATE TABLE looked (what text);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.what = 'preview' THEN
        INSERT INTO looked SELECT concat_ws(': ', p.decision, p.reason) FROM ecapi.preview('at_end', event =>
            '{"id": "a", "event_type": "purchase", "timestamp": 1795433399, "value": 5, "currency_code": "EUR"}') p;
    ELSIF new.what = 'replay' THEN
        PERFORM ecapi.replay('at_end', now() - interval '1 hour', now());
        RAISE division_by_zero;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER look AFTER INSERT ON looked DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION look();
ALTER SERVER at_end OPTIONS (ADD filter 'value > 3', ADD enrich 'shop_end.failing');
BEGIN;
INSERT INTO looked VALUES ('preview');
COMMIT;
BEGIN;
INSERT INTO looked VALUES ('replay');
COMMIT;
SELECT * FROM looked ORDER BY 1;

SET client_min_messages = warning;
DELETE FROM ecapi.failed_event WHERE relation = 'shop_end.log'::regclass;
DROP SERVER at_end;
DROP TABLE looked;
DROP FUNCTION look, events, aside;
DROP SCHEMA shop_end CASCADE;
DROP OWNED BY regress_end_shop, regress_end_enricher;
DROP ROLE regress_end_shop, regress_end_enricher;
