-- Partitioned tables: each row is captured once, wherever it is and by which
-- name it was written, and one that moves to another partition is no new row.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_partitions_shop;
CREATE SCHEMA shop AUTHORIZATION regress_partitions_shop;
GRANT USAGE ON SCHEMA ecapi TO regress_partitions_shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture, ecapi.recapture TO regress_partitions_shop;
RESET client_min_messages;

-- The events since the last look, in their order.
CREATE TABLE partitions_seen AS SELECT coalesce(max(seq), 0) AS seq FROM ecapi.outbox;
CREATE FUNCTION events(OUT event_type text, OUT id text, OUT ext jsonb) RETURNS SETOF record
LANGUAGE sql AS $$
    WITH fresh AS (SELECT o.seq, o.event::jsonb AS event FROM ecapi.outbox o WHERE o.seq > (SELECT seq FROM public.partitions_seen)),
        looked AS (UPDATE public.partitions_seen SET seq = greatest(partitions_seen.seq, (SELECT max(fresh.seq) FROM fresh)))
    SELECT event->>'event_type', event->>'id', event->'ext' FROM fresh ORDER BY seq;
$$;

SET ROLE regress_partitions_shop;
SET search_path = shop;
-- partitions of other column orders, with dropped columns, and one level more
CREATE TABLE orders (id int, region text, state text, total int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE orders_eu PARTITION OF orders FOR VALUES IN ('eu');
CREATE TABLE orders_us (gone int, total int, state text, region text NOT NULL, id int NOT NULL, also_gone text, PRIMARY KEY (id, region));
ALTER TABLE orders_us DROP gone, DROP also_gone;
ALTER TABLE orders ATTACH PARTITION orders_us FOR VALUES IN ('us');
CREATE TABLE orders_asia PARTITION OF orders FOR VALUES IN ('asia') PARTITION BY RANGE (id);
CREATE TABLE orders_asia_low PARTITION OF orders_asia FOR VALUES FROM (0) TO (100);
CREATE TABLE orders_asia_high (state text, id int NOT NULL, region text NOT NULL, total int, PRIMARY KEY (id, region));
ALTER TABLE orders_asia ATTACH PARTITION orders_asia_high FOR VALUES FROM (100) TO (1000);
CREATE TABLE orders_rest PARTITION OF orders DEFAULT;
SELECT ecapi.track('orders', 'sign_up', '{"ext.total": "total", "ext.region": "region"}');
RESET ROLE;
SET search_path = shop, public;

-- routed, by the name of a partition at each level, by COPY, by MERGE
INSERT INTO orders VALUES (1, 'eu', 'cart', 10), (2, 'us', 'cart', 20), (3, 'asia', 'cart', 30), (103, 'asia', 'cart', 40), (4, 'moon', 'cart', 50);
SELECT * FROM events();
INSERT INTO orders_us (id, region, total) VALUES (5, 'us', 60);
INSERT INTO orders_asia VALUES (105, 'asia', 'cart', 70);
INSERT INTO orders_asia_high (id, region, total) VALUES (106, 'asia', 80);
COPY orders (id, region) FROM STDIN;
7	us
8	eu
107	asia
\.
COPY orders_rest (id, region) FROM STDIN;
9	mars
\.
MERGE INTO orders o USING (VALUES (1, 'eu'), (10, 'us')) v (id, region) ON o.id = v.id
    WHEN MATCHED THEN UPDATE SET total = 11
    WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.region, 'cart', 0);
INSERT INTO orders VALUES (1, 'eu', 'x', 1), (11, 'us', 'x', 1) ON CONFLICT (id, region) DO UPDATE SET total = excluded.total;
SELECT id, ext FROM events();

-- a row that moves is not new: between leaves, levels, column orders, to the
-- default partition and back, one or many at once
UPDATE orders SET region = 'us' WHERE id = 1;
UPDATE orders SET region = 'asia' WHERE id IN (1, 2);
UPDATE orders SET id = 101 WHERE id = 1;
UPDATE orders SET region = 'venus' WHERE id IN (2, 103);
UPDATE orders SET region = 'eu';
UPDATE orders SET region = (ARRAY['us', 'asia', 'eu', 'x'])[1 + id % 4];
UPDATE orders_asia SET id = id + 100 WHERE id = 2;
UPDATE orders o SET region = 'us' FROM (VALUES (3), (4)) v (id) WHERE o.id = v.id;
WITH moved AS (UPDATE orders SET region = 'eu' WHERE id = 4 RETURNING id) SELECT * FROM moved;
MERGE INTO orders o USING (VALUES (4, 'us'), (12, 'us'), (3, 'x'), (13, 'eu')) v (id, region) ON o.id = v.id
    WHEN MATCHED THEN UPDATE SET region = v.region
    WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.region, 'cart', 0);
SELECT id, ext FROM events() ORDER BY id;
-- deleted and inserted again: that is a new row, also where it was, in the same statement or not
DELETE FROM orders WHERE id = 12;
INSERT INTO orders VALUES (12, 'eu', 'cart', 1);
WITH d AS (DELETE FROM orders WHERE id = 12 RETURNING *) INSERT INTO orders SELECT id + 1000, 'eu', state, total FROM d;
BEGIN;
DELETE FROM orders WHERE id = 1012;
INSERT INTO orders VALUES (1012, 'us', 'cart', 1);
COMMIT;
SELECT id FROM events();

-- a move judged by a condition, beside a track without: each of its own
SET ROLE regress_partitions_shop;
SELECT ecapi.track('orders', 'purchase', '{"ext.total": "total", "ext.was": "old.state", "ext.from": "old.region"}', condition => $$state = 'paid'$$);
SELECT ecapi.track('orders', 'refund', '{"ext.total": "total"}', on_change => '{total}');
RESET ROLE;
TRUNCATE orders;
INSERT INTO orders VALUES (1, 'eu', 'cart', 10), (2, 'us', 'paid', 20), (3, 'asia', 'cart', 30), (103, 'asia', 'paid', 40);
SELECT * FROM events() ORDER BY id, event_type;
UPDATE orders SET region = 'us', state = 'paid' WHERE id = 1;
UPDATE orders SET region = 'asia', state = 'paid', total = total + 1 WHERE id IN (1, 2);
UPDATE orders SET region = CASE id WHEN 3 THEN 'eu' ELSE 'us' END, state = 'paid', total = 7 WHERE id IN (3, 103);
SELECT * FROM events() ORDER BY id, event_type;
MERGE INTO orders o USING (VALUES (1, 'eu'), (20, 'us')) v (id, region) ON o.id = v.id
    WHEN MATCHED THEN UPDATE SET region = v.region, total = 8
    WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.region, 'paid', 0);
SELECT * FROM events() ORDER BY id, event_type;

-- moved into a partition whose trigger suppresses the row: it is gone, and
-- what is inserted next is new: in the same transaction, and in a later one
SET ROLE regress_partitions_shop;
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER suppress BEFORE INSERT ON orders_us FOR EACH ROW WHEN (new.total = 99) EXECUTE FUNCTION suppress();
RESET ROLE;
TRUNCATE orders;
INSERT INTO orders SELECT n, 'eu', 'cart', 1 FROM generate_series(30, 33) n;
SELECT count(*) FROM events();
UPDATE orders SET region = 'us', total = 99 WHERE id = 30;
INSERT INTO orders VALUES (40, 'eu', 'paid', 1);
SELECT event_type, id FROM events() ORDER BY id, event_type;
BEGIN;
UPDATE orders SET region = 'us', total = 99 WHERE id = 31;
INSERT INTO orders VALUES (41, 'eu', 'paid', 1);
COMMIT;
SELECT event_type, id FROM events() ORDER BY id, event_type;
UPDATE orders SET region = 'us', total = CASE id WHEN 32 THEN 99 ELSE 1 END WHERE id IN (32, 33);
SELECT event_type, id FROM events() ORDER BY id, event_type;

-- triggers that write to the table while a row is on its way
SET ROLE regress_partitions_shop;
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop.orders VALUES (old.id + 1, 'eu', 'cart', 0);
    UPDATE shop.orders SET region = 'asia' WHERE id = old.id + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER aaa AFTER DELETE ON orders_eu FOR EACH ROW WHEN (old.id = 50) EXECUTE FUNCTION meddle();
CREATE TRIGGER zzz AFTER DELETE ON orders_eu FOR EACH ROW WHEN (old.id = 60) EXECUTE FUNCTION meddle();
RESET ROLE;
INSERT INTO orders VALUES (50, 'eu', 'cart', 1), (60, 'eu', 'cart', 1);
SELECT event_type, id FROM events() ORDER BY id, event_type;
UPDATE orders SET region = 'us' WHERE id IN (50, 60);
SELECT event_type, id FROM events() ORDER BY id, event_type;

-- attached: captured; detached: no longer
SET ROLE regress_partitions_shop;
CREATE TABLE orders_pluto (id int NOT NULL, region text NOT NULL, state text, total int, PRIMARY KEY (id, region));
INSERT INTO orders_pluto VALUES (70, 'pluto', 'paid', 1);
ALTER TABLE orders ATTACH PARTITION orders_pluto FOR VALUES IN ('pluto');
RESET ROLE;
INSERT INTO orders_pluto VALUES (71, 'pluto', 'paid', 1);
UPDATE orders SET region = 'eu' WHERE id = 70;
SELECT event_type, id FROM events() ORDER BY id, event_type;
ALTER TABLE orders DETACH PARTITION orders_pluto;
INSERT INTO orders_pluto VALUES (72, 'pluto', 'paid', 1);
SELECT event_type, id FROM events() ORDER BY id, event_type;

-- what fails is reported for the root, and tried again with the row as its partition had it
SET ROLE regress_partitions_shop;
SELECT ecapi.untrack('orders', 'refund');
SELECT ecapi.untrack('orders', 'purchase');
SELECT ecapi.track('orders', 'sign_up', '{"ext.ratio": "10 / new.total", "ext.region": "region"}');
RESET ROLE;
INSERT INTO orders VALUES (80, 'us', 'cart', 0), (81, 'asia', 'cart', 10), (180, 'asia', 'cart', 0), (82, 'moon', NULL, 10);
SELECT source, relation, sqlstate, reason, event->'new' AS new FROM ecapi.failed_event ORDER BY failed_id;
SELECT id, ext FROM events();
SET ROLE regress_partitions_shop;
SELECT ecapi.track('orders', 'sign_up', '{"ext.total": "total", "ext.region": "region", "ext.state": "state"}');
SELECT * FROM ecapi.recapture('orders');
RESET ROLE;
SELECT id, ext FROM events();

--
-- At commit.
--
SET ROLE regress_partitions_shop;
SELECT ecapi.untrack('orders', 'sign_up');
SELECT ecapi.track('orders', 'login', '{"ext.region": "region", "ext.total": "total"}', at_commit => true);
SELECT ecapi.track('orders', 'purchase', '{"ext.region": "region", "ext.was": "old.state", "ext.from": "old.region"}', at_commit => true, condition => $$state = 'paid'$$);
RESET ROLE;
TRUNCATE orders;
-- a new row that moves, and moves back: once, as it is then
BEGIN;
INSERT INTO orders VALUES (1, 'eu', 'cart', 1), (2, 'eu', 'cart', 1), (3, 'us', 'cart', 1);
UPDATE orders SET region = 'us', total = 2 WHERE id = 1;
UPDATE orders SET region = 'us', total = 2 WHERE id = 2;
UPDATE orders SET region = 'asia', total = 3 WHERE id = 2;
UPDATE orders SET region = 'eu', total = 4, state = 'paid' WHERE id = 2;
SELECT * FROM events();
COMMIT;
SELECT * FROM events() ORDER BY id, event_type;
-- one that was there before: no new row; paid while it moves, in several steps
BEGIN;
UPDATE orders SET state = 'sent' WHERE id = 1;
UPDATE orders SET region = 'asia', total = 5 WHERE id = 1;
UPDATE orders SET state = 'paid', total = 6 WHERE id = 1;
UPDATE orders SET region = 'moon' WHERE id IN (1, 2);
COMMIT;
SELECT * FROM events() ORDER BY id, event_type;
-- one that moves in a savepoint which is undone
BEGIN;
INSERT INTO orders VALUES (10, 'eu', 'cart', 1);
SAVEPOINT a;
UPDATE orders SET region = 'us', state = 'paid' WHERE id IN (3, 10);
ROLLBACK TO a;
UPDATE orders SET total = 2 WHERE id = 10;
SAVEPOINT b;
INSERT INTO orders VALUES (11, 'us', 'paid', 1);
UPDATE orders SET region = 'asia' WHERE id = 11;
RELEASE b;
UPDATE orders SET region = 'eu' WHERE id = 11;
COMMIT;
SELECT * FROM events() ORDER BY id, event_type;
-- one that is deleted where it moved to
BEGIN;
INSERT INTO orders VALUES (12, 'eu', 'paid', 1);
UPDATE orders SET region = 'us' WHERE id = 12;
DELETE FROM orders WHERE id = 12;
COMMIT;
SELECT * FROM events();
-- a partition that is detached meanwhile
BEGIN;
INSERT INTO orders VALUES (13, 'eu', 'cart', 1), (14, 'us', 'cart', 1);
ALTER TABLE orders DETACH PARTITION orders_us;
COMMIT;
SELECT * FROM events();
-- the partition that a row left is dropped, detached or emptied: what the row was there is known
SET ROLE regress_partitions_shop;
CREATE TABLE parcels (id int, region text, state text, note text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parcels_a PARTITION OF parcels FOR VALUES IN ('a');
CREATE TABLE parcels_b (gone int, note text, state text, region text NOT NULL, id int NOT NULL, PRIMARY KEY (id, region));
ALTER TABLE parcels_b DROP gone;
ALTER TABLE parcels ATTACH PARTITION parcels_b FOR VALUES IN ('b');
CREATE TABLE parcels_c PARTITION OF parcels FOR VALUES IN ('c');
CREATE TABLE parcels_d PARTITION OF parcels FOR VALUES IN ('d');
ALTER TABLE parcels_c ALTER note SET STORAGE EXTERNAL;
INSERT INTO parcels VALUES (1, 'a', 'cart', 'x'), (2, 'd', 'cart', 'x'), (3, 'c', 'cart', repeat('x', 5000)), (4, 'c', 'cart', repeat('x', 5000));
SELECT ecapi.track('parcels', 'login', '{"id": "''parcel-'' || new.id", "ext.was": "old.state", "ext.from": "old.region", "ext.length": "length(old.note)"}', at_commit => true, on_change => '{note}');
RESET ROLE;
BEGIN;
UPDATE parcels SET state = 'sent' WHERE id = 1;
UPDATE parcels SET region = 'b', note = 'y' WHERE id = 1;
DROP TABLE parcels_a;
COMMIT;
BEGIN;
UPDATE parcels SET region = 'b', note = 'y' WHERE id = 2;
ALTER TABLE parcels DETACH PARTITION parcels_d;
DROP TABLE parcels_d;
COMMIT;
BEGIN;
UPDATE parcels SET region = 'b', note = 'y' WHERE id = 3;
UPDATE parcels SET state = 'sent' WHERE id = 4;
UPDATE parcels SET region = 'b', state = 'paid' WHERE id = 4;
TRUNCATE parcels_c;
COMMIT;
SELECT * FROM events() ORDER BY id;
SELECT count(*) FROM ecapi.failed_event WHERE relation = 'parcels'::regclass;
-- rows that move in a table that was rewritten, that nothing noted, or that a trigger moves
-- before the track's own sees them
SET ROLE regress_partitions_shop;
CREATE TABLE boxes (id int, region text, state text, total int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE boxes_a PARTITION OF boxes FOR VALUES IN ('a');
CREATE TABLE boxes_b (gone int, total int, state text, region text NOT NULL, id int NOT NULL, PRIMARY KEY (id, region));
ALTER TABLE boxes_b DROP gone;
ALTER TABLE boxes ATTACH PARTITION boxes_b FOR VALUES IN ('b');
CREATE TABLE boxes_c PARTITION OF boxes FOR VALUES IN ('c');
INSERT INTO boxes SELECT n, 'a', 'cart', 1 FROM generate_series(1, 9) n;
SELECT ecapi.track('boxes', 'login', '{"ext.region": "region"}', at_commit => true);
SELECT ecapi.track('boxes', 'purchase', '{"ext.region": "region", "ext.was": "old.state", "ext.from": "old.region"}', at_commit => true, condition => $$state = 'paid'$$);
RESET ROLE;
BEGIN;
ALTER TABLE boxes ALTER total TYPE numeric(12, 2);
UPDATE boxes SET region = 'b' WHERE id IN (1, 2);
UPDATE boxes SET region = 'c', state = 'paid' WHERE id = 2;
UPDATE boxes SET state = 'paid' WHERE id = 3;
INSERT INTO boxes VALUES (10, 'a', 'cart', 1);
UPDATE boxes SET region = 'b', state = 'paid' WHERE id = 10;
COMMIT;
SELECT * FROM events() ORDER BY id, event_type;
BEGIN;
SET LOCAL ecapi.capture = off;
INSERT INTO boxes VALUES (11, 'a', 'cart', 1), (12, 'a', 'cart', 1);
SET LOCAL ecapi.capture = on;
UPDATE boxes SET region = 'b' WHERE id = 11;
UPDATE boxes SET region = 'c', state = 'paid' WHERE id IN (11, 12);
COMMIT;
SELECT * FROM events() ORDER BY id, event_type;
-- an event by ALTER TABLE is none again when its row moves
BEGIN;
INSERT INTO boxes VALUES (13, 'a', 'paid', 1);
ALTER TABLE boxes ADD added int;
UPDATE boxes SET region = 'b' WHERE id = 13;
SAVEPOINT a;
UPDATE boxes SET region = 'c' WHERE id = 13;
COMMIT;
SELECT * FROM events() ORDER BY id, event_type;
SET ROLE regress_partitions_shop;
CREATE FUNCTION send() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shop.boxes SET region = 'b', total = 2 WHERE id = new.id;
    IF new.id % 2 = 0 THEN
        BEGIN
            UPDATE shop.boxes SET region = 'c', total = 3 WHERE id = new.id;
            UPDATE shop.boxes SET region = 'a', total = 1 / (new.id - 24) WHERE id = new.id;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER aaa AFTER INSERT OR UPDATE ON boxes FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION send();
RESET ROLE;
BEGIN;
INSERT INTO boxes VALUES (21, 'a', 'cart', 1), (22, 'b', 'cart', 1), (23, 'a', 'paid', 1), (24, 'a', 'paid', 1);
COMMIT;
BEGIN;
UPDATE boxes SET state = 'paid' WHERE id IN (4, 5, 21);
UPDATE boxes SET state = 'sent' WHERE id = 5;
UPDATE boxes SET state = 'paid', region = 'c' WHERE id IN (5, 22);
COMMIT;
SELECT * FROM events() ORDER BY id, event_type;

--
-- A foreign partition: its rows are elsewhere, so they are captured at once.
--
SET client_min_messages = warning;
CREATE EXTENSION postgres_fdw;
RESET client_min_messages;
DO $$ BEGIN
    EXECUTE format('CREATE SERVER regress_partitions FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
        split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
END $$;
CREATE USER MAPPING FOR PUBLIC SERVER regress_partitions;
CREATE TABLE shop.archive (id int, region text, state text);
CREATE TABLE shop.tickets (id int, region text, state text) PARTITION BY LIST (region);
CREATE TABLE shop.tickets_eu PARTITION OF shop.tickets FOR VALUES IN ('eu');
CREATE FOREIGN TABLE shop.tickets_old PARTITION OF shop.tickets FOR VALUES IN ('old') SERVER regress_partitions OPTIONS (table_name 'archive', schema_name 'shop');
SELECT ecapi.track('shop.tickets', 'login', '{"id": "id"}');
SELECT ecapi.track('shop.tickets', 'sign_up', '{"id": "id", "ext.state": "state"}', at_commit => true);
SELECT ecapi.track('shop.tickets', 'purchase', '{"id": "id", "ext.was": "old.state"}', condition => $$state = 'paid'$$, at_commit => true);
BEGIN;
INSERT INTO shop.tickets VALUES (1, 'eu', 'open'), (2, 'old', 'open');
UPDATE shop.tickets SET state = 'late' WHERE id = 1 AND region = 'eu';
SELECT * FROM events();
COMMIT;
SELECT * FROM events();
UPDATE shop.tickets SET region = 'old', state = 'paid' WHERE id = 1 AND region = 'eu';
UPDATE shop.tickets SET state = 'paid' WHERE id = 2 AND region = 'old';
DELETE FROM shop.tickets WHERE id = 2 AND region = 'old';
INSERT INTO shop.tickets VALUES (3, 'old', 'open');
SELECT * FROM events() ORDER BY id, event_type;

SET client_min_messages = warning;
DROP EXTENSION postgres_fdw CASCADE;
DROP SCHEMA shop CASCADE;
DROP FUNCTION events;
DROP TABLE partitions_seen;
DELETE FROM ecapi.failed_event;
DROP OWNED BY regress_partitions_shop;
DROP ROLE regress_partitions_shop;
