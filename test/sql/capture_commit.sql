-- Tracks with at_commit: rows as they are when their transaction commits, what
-- the transaction may do to them and their table before that, and where a row
-- is not captured for it.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_commit_shop;
CREATE SCHEMA shop AUTHORIZATION regress_commit_shop;
GRANT USAGE ON SCHEMA ecapi TO regress_commit_shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture, ecapi.recapture TO regress_commit_shop;
RESET client_min_messages;

-- The events since the last look, in their order.
CREATE TABLE commit_seen AS SELECT coalesce(max(seq), 0) AS seq FROM ecapi.outbox;
CREATE FUNCTION events(OUT event_type text, OUT id text, OUT ext jsonb) RETURNS SETOF record
LANGUAGE sql AS $$
    WITH fresh AS (SELECT o.seq, o.event::jsonb AS event FROM ecapi.outbox o WHERE o.seq > (SELECT seq FROM public.commit_seen)),
        looked AS (UPDATE public.commit_seen SET seq = greatest(commit_seen.seq, (SELECT max(fresh.seq) FROM fresh)))
    SELECT event->>'event_type', event->>'id', event->'ext' FROM fresh ORDER BY seq;
$$;

SET ROLE regress_commit_shop;
SET search_path = shop;
CREATE TABLE orders (id int PRIMARY KEY, status text, total int);
CREATE TABLE items (order_id int, price int);
SELECT ecapi.track('orders', 'sign_up', '{"ext.total": "total", "ext.items": "(SELECT sum(i.price) FROM shop.items i WHERE i.order_id = new.id)"}', at_commit => true);
SELECT ecapi.track('orders', 'purchase', '{"ext.total": "total", "ext.was": "old.status"}', condition => $$status = 'paid'$$, at_commit => true);
SELECT ecapi.track('orders', 'refund', '{"ext.total": "total", "ext.was": "old.total"}', on_change => '{total}', at_commit => true);
RESET ROLE;
SET search_path = shop, public;

-- once, as the row is then; before is before the transaction
BEGIN;
INSERT INTO orders VALUES (1, 'cart', 0);
INSERT INTO items VALUES (1, 5), (1, 7);
UPDATE orders SET total = 12 WHERE id = 1;
SELECT * FROM events();
COMMIT;
SELECT * FROM events();
BEGIN;
UPDATE orders SET status = 'paid', total = 1 WHERE id = 1;
UPDATE orders SET status = 'sent', total = 2 WHERE id = 1;
COMMIT;
SELECT * FROM events();
BEGIN;
UPDATE orders SET status = 'open', total = 3 WHERE id = 1;
UPDATE orders SET status = 'paid', total = 2 WHERE id = 1;
COMMIT;
SELECT * FROM events();
-- a row that came and went; one of the same key that came again
BEGIN;
INSERT INTO orders VALUES (2, 'paid', 1), (3, 'paid', 1);
DELETE FROM orders WHERE id IN (2, 3);
INSERT INTO orders VALUES (3, 'cart', 33);
COMMIT;
SELECT * FROM events();
-- deleted and inserted: a new row
BEGIN;
DELETE FROM orders WHERE id = 1;
INSERT INTO orders VALUES (1, 'paid', 9);
COMMIT;
SELECT * FROM events();

-- deferred triggers and constraints come first: what they write is in it
SET ROLE regress_commit_shop;
CREATE FUNCTION complete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shop.orders SET total = 77 WHERE id = new.id AND total = 7;
    INSERT INTO shop.orders VALUES (new.id + 1, 'cart', 78) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER complete AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.total = 7) EXECUTE FUNCTION complete();
RESET ROLE;
INSERT INTO orders VALUES (10, 'cart', 7);
SELECT * FROM events();
-- a deferred constraint that fails leaves nothing
ALTER TABLE items ADD FOREIGN KEY (order_id) REFERENCES orders DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO orders VALUES (12, 'paid', 1);
INSERT INTO items VALUES (9999, 1);
COMMIT;
SELECT * FROM events();
ALTER TABLE items DROP CONSTRAINT items_order_id_fkey;

-- nested savepoints
BEGIN;
INSERT INTO orders VALUES (20, 'cart', 1);
SAVEPOINT a;
INSERT INTO orders VALUES (21, 'cart', 1);
SAVEPOINT b;
INSERT INTO orders VALUES (22, 'cart', 1);
UPDATE orders SET status = 'paid' WHERE id IN (20, 21);
ROLLBACK TO b;
INSERT INTO orders VALUES (23, 'cart', 1);
SAVEPOINT c;
UPDATE orders SET total = 2 WHERE id IN (20, 21, 23);
RELEASE c;
RELEASE a;
SAVEPOINT d;
UPDATE orders SET total = 3 WHERE id = 23;
ROLLBACK TO d;
COMMIT;
SELECT * FROM events();
-- a block with an exception handler for each of many rows (for which a server
-- does not discard what its caches hold)
SET debug_discard_caches = 0;
DO $$
BEGIN
    FOR n IN 1000 .. 1199 LOOP
        BEGIN
            INSERT INTO shop.orders VALUES (n, 'cart', n);
            IF n % 2 = 0 THEN
                RAISE division_by_zero;
            END IF;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
    UPDATE shop.orders SET total = total + 1 WHERE id BETWEEN 1000 AND 1199;
END $$;
SELECT event_type, count(*), count(DISTINCT id), bool_and(split_part(id, ':', 2)::int + 1 = (ext->>'total')::int) AS last FROM events() GROUP BY 1;

-- many rows, each written twice, more than a page of them
BEGIN;
INSERT INTO orders SELECT n, 'cart', 0 FROM generate_series(2001, 5000) n;
UPDATE orders SET total = id WHERE id BETWEEN 2001 AND 5000;
DELETE FROM orders WHERE id BETWEEN 2001 AND 5000 AND id % 3 = 0;
COMMIT;
SELECT event_type, count(*), count(DISTINCT id), bool_and(split_part(id, ':', 2) = ext->>'total') AS last FROM events() GROUP BY 1;
DELETE FROM orders WHERE id >= 1000;
RESET debug_discard_caches;

DROP TRIGGER complete ON orders;

-- the table is emptied or rewritten in the same transaction
BEGIN;
INSERT INTO orders VALUES (30, 'cart', 1);
TRUNCATE orders;
INSERT INTO orders VALUES (31, 'cart', 1);
COMMIT;
SELECT * FROM events();
-- in place, for the file is the same subtransaction's: there is no place, or another row in it
CREATE TABLE emptied (id int PRIMARY KEY, state text);
SELECT ecapi.track('emptied', 'login', '{"ext.was": "old.state"}', at_commit => true);
INSERT INTO emptied VALUES (1, 'old');
SELECT id FROM events();
BEGIN;
TRUNCATE emptied;
INSERT INTO emptied VALUES (2, 'new');
TRUNCATE emptied;
COMMIT;
BEGIN;
TRUNCATE emptied;
INSERT INTO emptied VALUES (3, 'new'), (4, 'new');
UPDATE emptied SET state = 'newer' WHERE id = 3;
TRUNCATE emptied;
INSERT INTO emptied VALUES (5, 'new');
UPDATE emptied SET state = 'newer' WHERE id = 5;
COMMIT;
SELECT * FROM events();
BEGIN;
TRUNCATE emptied;
SAVEPOINT a;
INSERT INTO emptied VALUES (6, 'undone');
ROLLBACK TO a;
INSERT INTO emptied VALUES (7, 'new');
SAVEPOINT b;
TRUNCATE emptied;
INSERT INTO emptied VALUES (8, 'undone');
ROLLBACK TO b;
INSERT INTO emptied VALUES (9, 'new');
TRUNCATE emptied;
INSERT INTO emptied VALUES (10, 'new');
COMMIT;
SELECT * FROM events();
DROP TABLE emptied;
BEGIN;
CREATE TABLE made (id int PRIMARY KEY, state text);
SELECT ecapi.track('made', 'login', '{"ext.was": "old.state"}', at_commit => true);
INSERT INTO made VALUES (1, 'new'), (2, 'new');
TRUNCATE made;
COPY made FROM STDIN (FREEZE);
3	frozen
4	frozen
\.
UPDATE made SET state = 'newer' WHERE id = 4;
SAVEPOINT undone;
UPDATE made SET state = 'undone' WHERE id = 3;
ROLLBACK TO undone;
SELECT count(*) FROM made;
COMMIT;
SELECT * FROM events();
DROP TABLE made;
-- SQL that runs confined, and a row that is gone at the commit
BEGIN;
CREATE TABLE gone (id int PRIMARY KEY, state text);
ALTER TABLE gone OWNER TO regress_commit_shop;
SELECT ecapi.track('gone', 'login', '{}', condition => 'EXISTS (SELECT FROM shop.orders o WHERE o.id <> new.id)', at_commit => true);
INSERT INTO gone VALUES (1, 'new'), (2, 'new');
DELETE FROM gone WHERE id = 2;
COMMIT;
SELECT * FROM events();
DROP TABLE gone;
-- ALTER TABLE: captured before, and no second time
BEGIN;
INSERT INTO orders VALUES (32, 'cart', 1);
UPDATE orders SET total = 2 WHERE id = 32;
ALTER TABLE orders ALTER total TYPE bigint;
INSERT INTO orders VALUES (33, 'cart', 1);
COMMIT;
SELECT * FROM events();
-- texts too; and where the rewrite is undone, as the row is at the commit
BEGIN;
INSERT INTO orders VALUES (38, 'paid', 1);
ALTER TABLE orders ALTER status TYPE char(8);
SAVEPOINT a;
INSERT INTO orders VALUES (39, 'cart', 1);
SAVEPOINT b;
ALTER TABLE orders ALTER total TYPE numeric;
ALTER TABLE orders ADD random float DEFAULT random();
INSERT INTO orders VALUES (59, 'cart', 0.5);
ROLLBACK TO b;
UPDATE orders SET total = 2 WHERE id IN (38, 39);
SAVEPOINT c;
ALTER TABLE orders ALTER total TYPE numeric;
RELEASE c;
COMMIT;
SELECT * FROM events();
ALTER TABLE orders ALTER status TYPE text, ALTER total TYPE int;
-- CLUSTER fires no event trigger: what was written before it is not found again
BEGIN;
INSERT INTO orders VALUES (36, 'cart', 1);
CLUSTER orders USING orders_pkey;
INSERT INTO orders VALUES (37, 'cart', 1);
COMMIT;
SELECT * FROM events();
-- without a rewrite: what is an event already is captured, else it may become one
BEGIN;
INSERT INTO orders VALUES (34, 'cart', 1);
ALTER TABLE orders ADD added int DEFAULT 5;
UPDATE orders SET status = 'paid', total = added WHERE id = 34;
COMMIT;
SELECT * FROM events();
-- a table that is dropped, and one whose track is
SET ROLE regress_commit_shop;
CREATE TABLE passing (id int PRIMARY KEY);
SELECT ecapi.track('passing', 'login', '{}', at_commit => true);
CREATE TEMPORARY TABLE temporary (id int PRIMARY KEY) ON COMMIT DELETE ROWS;
SELECT ecapi.track('temporary', 'login', '{}', at_commit => true);
RESET ROLE;
BEGIN;
INSERT INTO passing VALUES (1);
INSERT INTO temporary VALUES (1);
DROP TABLE passing;
COMMIT;
BEGIN;
INSERT INTO orders VALUES (35, 'cart', 1);
SELECT ecapi.untrack('orders', 'refund');
COMMIT;
SELECT event_type, split_part(id, ':', 2) AS key FROM events();
DROP TABLE temporary;

-- rows that the transaction wrote without noting them: an update is judged from what they were
SET ROLE regress_commit_shop;
CREATE TABLE judged (id int PRIMARY KEY, status text, total int);
INSERT INTO judged SELECT n, 'cart', n FROM generate_series(1, 9) n;
SELECT ecapi.track('judged', 'login', '{"ext.total": "total"}', at_commit => true);
SELECT ecapi.track('judged', 'purchase', '{"ext.total": "total", "ext.was": "old.status"}', condition => $$status = 'paid'$$, at_commit => true);
RESET ROLE;
-- a table that was rewritten: its rows are the transaction's, but were there before
BEGIN;
ALTER TABLE judged ALTER total TYPE numeric(12, 2);
UPDATE judged SET status = 'paid' WHERE id = 1;
UPDATE judged SET total = 11 WHERE id = 1;
INSERT INTO judged VALUES (10, 'cart', 10);
UPDATE judged SET status = 'paid' WHERE id = 10;
COMMIT;
BEGIN;
ALTER TABLE judged ADD random float DEFAULT random();
UPDATE judged SET status = 'paid' WHERE id = 2;
SAVEPOINT a;
UPDATE judged SET status = 'paid' WHERE id = 3;
UPDATE judged SET status = 'sent' WHERE id = 2;
ROLLBACK TO a;
UPDATE judged SET total = 33 WHERE id = 3;
COMMIT;
SELECT * FROM events();
-- written while nothing was captured, for good or between two writes that were
BEGIN;
SET LOCAL ecapi.capture = off;
INSERT INTO judged VALUES (11, 'cart', 1), (12, 'paid', 1), (13, 'cart', 1);
SET LOCAL ecapi.capture = on;
UPDATE judged SET status = 'paid', total = 2 WHERE id IN (11, 12);
UPDATE judged SET total = 3 WHERE id IN (11, 12);
INSERT INTO judged VALUES (14, 'cart', 1);
SET LOCAL session_replication_role = replica;
UPDATE judged SET status = 'paid', total = 2 WHERE id IN (13, 14);
SET LOCAL session_replication_role = origin;
UPDATE judged SET total = 3 WHERE id IN (13, 14);
SET LOCAL ecapi.capture = off;
UPDATE judged SET status = 'open' WHERE id IN (11, 13);
SET LOCAL ecapi.capture = on;
UPDATE judged SET status = 'paid', total = 4 WHERE id IN (11, 13);
COMMIT;
SELECT * FROM events();
BEGIN;
INSERT INTO judged VALUES (15, 'cart', 1);
SET LOCAL ecapi.capture = off;
UPDATE judged SET status = 'paid' WHERE id = 15;
SET LOCAL ecapi.capture = on;
UPDATE judged SET total = 2 WHERE id = 15;
ALTER TABLE judged ADD added int;
UPDATE judged SET total = 3 WHERE id = 15;
COMMIT;
SELECT * FROM events();
-- before there was a track
BEGIN;
CREATE TABLE late (id int PRIMARY KEY, status text);
INSERT INTO late VALUES (1, 'cart'), (2, 'paid'), (3, 'cart');
SELECT ecapi.track('late', 'purchase', '{"ext.was": "old.status"}', condition => $$status = 'paid'$$, at_commit => true);
INSERT INTO late VALUES (4, 'paid');
UPDATE late SET status = 'paid' WHERE id < 3;
COMMIT;
SELECT * FROM events();
DROP TABLE late;
-- an update by a trigger that fires before the track's own is reported first
SET ROLE regress_commit_shop;
CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1 .. 2 LOOP
        BEGIN
            UPDATE shop.judged SET total = coalesce(total, 0) + 1 WHERE id = new.id;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
    BEGIN
        UPDATE shop.judged SET status = 'undone', total = 1 / 0 WHERE id = new.id;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
    RETURN NULL;
END $$;
CREATE TRIGGER aaa AFTER INSERT OR UPDATE ON judged FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION fill();
RESET ROLE;
BEGIN;
INSERT INTO judged VALUES (20, 'cart'), (21, 'paid');
COMMIT;
BEGIN;
UPDATE judged SET status = 'paid' WHERE id IN (4, 20, 21);
COMMIT;
BEGIN;
INSERT INTO judged VALUES (22, 'cart');
UPDATE judged SET status = 'paid' WHERE id IN (5, 22);
UPDATE judged SET status = 'sent' WHERE id = 5;
SAVEPOINT a;
UPDATE judged SET status = 'sent' WHERE id = 22;
ROLLBACK TO a;
UPDATE judged SET status = 'paid' WHERE id = 5;
COMMIT;
SELECT * FROM events();
DROP TABLE judged;
DROP FUNCTION fill;

-- prepared transactions: as the row is when it is prepared
BEGIN;
INSERT INTO orders VALUES (40, 'cart', 1);
UPDATE orders SET status = 'paid' WHERE id = 40;
PREPARE TRANSACTION 'commit_kept';
BEGIN;
INSERT INTO orders VALUES (41, 'cart', 1);
PREPARE TRANSACTION 'commit_undone';
SELECT * FROM events();
ROLLBACK PREPARED 'commit_undone';
COMMIT PREPARED 'commit_kept';
SELECT * FROM events();

-- whatever the session does before the commit
BEGIN;
INSERT INTO orders VALUES (50, 'paid', 1);
SET TRANSACTION READ ONLY;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO orders VALUES (51, 'paid', 1);
SET LOCAL search_path = pg_catalog;
SET LOCAL statement_timeout = '1min';
COMMIT;
BEGIN;
INSERT INTO orders VALUES (52, 'paid', 1);
SET CONSTRAINTS ALL IMMEDIATE;
DECLARE c CURSOR WITH HOLD FOR SELECT count(*) FROM orders;
COMMIT;
CLOSE c;
SELECT event_type, id FROM events();
-- procedures that commit
CREATE PROCEDURE pay_one_by_one() LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 60 .. 62 LOOP
        INSERT INTO shop.orders VALUES (n, 'paid', 1);
        IF n = 61 THEN ROLLBACK; ELSE COMMIT; END IF;
    END LOOP;
END $$;
CALL pay_one_by_one();
SELECT event_type, id FROM events();

-- what fails: set aside with what was before, and the transaction commits
SET ROLE regress_commit_shop;
SELECT ecapi.track('orders', 'purchase', '{"ext.ratio": "10 / new.total"}', condition => $$status = 'paid'$$, at_commit => true);
RESET ROLE;
BEGIN;
UPDATE orders SET status = 'cart' WHERE id IN (60, 62);
COMMIT;
BEGIN;
UPDATE orders SET status = 'paid', total = 0 WHERE id = 60;
UPDATE orders SET status = 'paid', total = 5 WHERE id = 62;
INSERT INTO orders VALUES (63, 'paid', 0);
COMMIT;
SELECT * FROM events();
SELECT source, relation, reason, event->'new' AS new, event->'old' AS old FROM ecapi.failed_event ORDER BY failed_id;
SET ROLE regress_commit_shop;
SELECT ecapi.track('orders', 'purchase', '{"ext.was": "old.status"}', condition => $$status = 'paid'$$, at_commit => true);
SELECT * FROM ecapi.recapture('orders');
SELECT ecapi.track('orders', 'purchase', '{"ext.ratio": "10 / new.total"}', condition => $$status = 'paid'$$, at_commit => true, on_error => 'raise');
RESET ROLE;
SELECT * FROM events();
-- on_error => raise: the commit fails
BEGIN;
INSERT INTO orders VALUES (64, 'paid', 0);
COMMIT;
BEGIN;
INSERT INTO orders VALUES (65, 'paid', 0);
PREPARE TRANSACTION 'commit_failed';
INSERT INTO orders VALUES (66, 'paid', 1);
SELECT id FROM orders WHERE id BETWEEN 64 AND 66;
SELECT * FROM events();
-- so does an ALTER TABLE, with any SQLSTATE, those of a missing library included
SET ROLE regress_commit_shop;
CREATE TABLE altered (id int PRIMARY KEY, code text);
CREATE FUNCTION fail(code text) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = code; END $$;
SELECT ecapi.track('altered', 'login', '{"ext.failed": "shop.fail(new.code)"}', at_commit => true, on_error => 'raise');
RESET ROLE;
\set VERBOSITY terse
BEGIN;
INSERT INTO altered VALUES (1, '42883');
ALTER TABLE altered ALTER id TYPE bigint;
COMMIT;
BEGIN;
INSERT INTO altered VALUES (2, '58P01');
ALTER TABLE altered ALTER id TYPE bigint;
COMMIT;
\set VERBOSITY default
SELECT * FROM altered;
SELECT * FROM events();

--
-- ecapi.context: that of the last write, whatever it is at commit
--
SET ROLE regress_commit_shop;
CREATE TABLE visits (id int, page int, PRIMARY KEY (id, page)) PARTITION BY LIST (page);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1);
CREATE TABLE visits_2 PARTITION OF visits FOR VALUES IN (2);
SELECT ecapi.track('visits', 'login', '{"id": "''visit-'' || new.id"}', at_commit => true) IS NOT NULL AS tracked;
RESET ROLE;
CREATE PROCEDURE public.visitor(who text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ecapi.context', CASE WHEN who <> '' THEN json_build_object('ext', json_build_object('who', who))::text ELSE '' END, true);
END $$;
BEGIN;
INSERT INTO visits VALUES (1, 1);
CALL visitor('ann');
INSERT INTO visits VALUES (2, 1), (3, 1), (4, 1), (5, 1), (7, 1);
CALL visitor('ben');
INSERT INTO visits VALUES (6, 1);
UPDATE visits SET page = 1 WHERE id = 3;
UPDATE visits SET page = 2 WHERE id = 7;
SAVEPOINT s;
UPDATE visits SET page = 1 WHERE id = 4;
CALL visitor('cleo');
UPDATE visits SET page = 1 WHERE id = 2;
ROLLBACK TO s;
CALL visitor('');
UPDATE visits SET page = 1 WHERE id = 5;
CALL visitor('dora');
COMMIT;
SELECT * FROM events();
-- also when the table changes before the commit, and in a transaction that is prepared
BEGIN;
CALL visitor('ann');
INSERT INTO visits VALUES (11, 1);
CALL visitor('ben');
ALTER TABLE visits ADD note text;
COMMIT;
BEGIN;
CALL visitor('ann');
INSERT INTO visits VALUES (12, 1);
CALL visitor('ben');
PREPARE TRANSACTION 'commit_visit';
COMMIT PREPARED 'commit_visit';
SELECT * FROM events();

-- rows of several pages of a table, by SQL that runs confined
SET ROLE regress_commit_shop;
CREATE TABLE shop.wide (id int PRIMARY KEY, pad text);
ALTER TABLE shop.wide ALTER pad SET STORAGE PLAIN;
SELECT ecapi.track('shop.wide', 'page_view', '{"ext.id": "(SELECT new.id)"}', condition => $$(SELECT new.id > 0)$$, name => 'both', at_commit => true);
SELECT ecapi.track('shop.wide', 'login', '{"ext.id": "(SELECT new.id)"}', name => 'mapping', at_commit => true);
INSERT INTO shop.wide SELECT i, repeat('x', 3000) FROM generate_series(1, 40) i;
RESET ROLE;
SELECT event_type, count(*), min((ext->>'id')::int), max((ext->>'id')::int) FROM events() GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM ecapi.failed_event;

SET client_min_messages = warning;
DELETE FROM ecapi.failed_event;
DROP PROCEDURE public.visitor;
DROP SCHEMA shop CASCADE;
DROP FUNCTION events;
DROP TABLE commit_seen;
DROP OWNED BY regress_commit_shop;
DROP ROLE regress_commit_shop;
