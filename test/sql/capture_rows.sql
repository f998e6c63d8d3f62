-- Rows written in every way that SQL has, each captured once: by statement, by
-- row, through triggers, with types of all kinds, and what happens to rows that
-- fail.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_rows_shop;
CREATE SCHEMA shop AUTHORIZATION regress_rows_shop;
GRANT USAGE ON SCHEMA ecapi TO regress_rows_shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture, ecapi.recapture TO regress_rows_shop;
RESET client_min_messages;

-- The events since the last look, in their order.
CREATE TABLE rows_seen AS SELECT coalesce(max(seq), 0) AS seq FROM ecapi.outbox;
CREATE FUNCTION events(OUT event_type text, OUT id text, OUT ext jsonb) RETURNS SETOF record
LANGUAGE sql AS $$
    WITH fresh AS (SELECT o.seq, o.event::jsonb AS event FROM ecapi.outbox o WHERE o.seq > (SELECT seq FROM public.rows_seen)),
        looked AS (UPDATE public.rows_seen SET seq = greatest(rows_seen.seq, (SELECT max(fresh.seq) FROM fresh)))
    SELECT event->>'event_type', event->>'id', event->'ext' FROM fresh ORDER BY seq;
$$;
CREATE FUNCTION ids(OUT id text) RETURNS SETOF text LANGUAGE sql AS 'SELECT id FROM public.events()';
-- What is set aside, and why.
CREATE FUNCTION aside(OUT source text, OUT relation regclass, OUT sqlstate text, OUT reason text, OUT rows bigint) RETURNS SETOF record
LANGUAGE sql AS $$
    SELECT f.source, f.relation, f.sqlstate, f.reason, count(*) FROM ecapi.failed_event f
    WHERE f.state = 'set_aside' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
$$;

--
-- Set-wise and by row: the same rows, the same events.
--
SET ROLE regress_rows_shop;
CREATE TABLE shop.sets (id int PRIMARY KEY, divisor int, note text);
CREATE TABLE shop.rows (id int PRIMARY KEY, divisor int, note text);
SELECT ecapi.track('shop.sets', 'login', '{"ext.ratio": "1000 / new.divisor", "ext.note": "note"}');
SELECT ecapi.track('shop.rows', 'login', '{"ext.ratio": "1000 / new.divisor", "ext.note": "note"}', condition => 'id > 0');
RESET ROLE;
SELECT tgrelid::regclass, tgtype & 1 AS is_row FROM pg_trigger WHERE tgfoid = 'ecapi.capture'::regproc ORDER BY 1;

-- 2,000 rows of which two cannot be computed: these are set aside, the others
-- are captured, and there is one warning
INSERT INTO shop.sets SELECT n, CASE WHEN n % 1000 = 500 THEN 0 ELSE n END, 'n' || n FROM generate_series(1, 2000) n;
SELECT count(*), count(DISTINCT id), min(ext->>'note'), max(ext->>'note'), count(*) FILTER (WHERE ext->>'note' <> 'n' || split_part(id, ':', 2)) AS mixed_up FROM events();
SELECT * FROM aside();
SELECT event->'new' AS new, event ? 'old' AS has_old FROM (SELECT event::jsonb FROM ecapi.failed_event ORDER BY failed_id) e;
DELETE FROM ecapi.failed_event;
-- where a server discards what its caches hold, not for each of many rows
SET debug_discard_caches = 0;
INSERT INTO shop.rows SELECT n, CASE WHEN n % 1000 = 500 THEN 0 ELSE n END, 'n' || n FROM generate_series(1, 2000) n;
RESET debug_discard_caches;
SELECT count(*), count(DISTINCT id), min(ext->>'note'), max(ext->>'note'), count(*) FILTER (WHERE ext->>'note' <> 'n' || split_part(id, ':', 2)) AS mixed_up FROM events();
SELECT * FROM aside();
DELETE FROM ecapi.failed_event;
-- the first, the last, neighbours, and all of a page
TRUNCATE shop.sets;
INSERT INTO shop.sets SELECT n, CASE WHEN n IN (1, 2, 511, 512, 513, 1023, 1024, 1200) THEN 0 ELSE 1 END FROM generate_series(1, 1200) n;
SELECT count(*) FROM events();
SELECT string_agg(event->'new'->>'id', ' ' ORDER BY failed_id) FROM ecapi.failed_event;
DELETE FROM ecapi.failed_event;
TRUNCATE shop.sets;
SET debug_discard_caches = 0;
INSERT INTO shop.sets SELECT n, 0 FROM generate_series(1, 600) n;
RESET debug_discard_caches;
SELECT count(*) FROM events();
SELECT * FROM aside();
DELETE FROM ecapi.failed_event;
TRUNCATE shop.sets;
-- no row at all
INSERT INTO shop.sets SELECT n, 0 FROM generate_series(1, 0) n;
SELECT * FROM ids();

-- COPY
COPY shop.sets FROM STDIN;
1	1	copied
2	0	copied
3	3	copied
\.
SELECT * FROM events();
SELECT * FROM aside();
DELETE FROM ecapi.failed_event;
-- COPY that fails leaves nothing
COPY shop.sets FROM STDIN;
4	1	copied
1	1	copied
\.
SELECT * FROM ids();

-- ON CONFLICT: a set-wise track takes what was inserted, one by row what changed
TRUNCATE shop.sets, shop.rows;
INSERT INTO shop.sets VALUES (1, 1, 'first'), (2, 1, 'first');
INSERT INTO shop.rows VALUES (1, 1, 'first'), (-2, 1, 'first');
SELECT * FROM ids();
INSERT INTO shop.sets VALUES (1, 1, 'again'), (3, 1, 'new') ON CONFLICT DO NOTHING;
INSERT INTO shop.sets VALUES (2, 1, 'again'), (4, 1, 'new') ON CONFLICT (id) DO UPDATE SET note = excluded.note;
SELECT * FROM events();
INSERT INTO shop.rows VALUES (1, 1, 'again'), (3, 1, 'new') ON CONFLICT DO NOTHING;
INSERT INTO shop.rows VALUES (1, 1, 'again'), (-2, 1, 'again'), (4, 1, 'new') ON CONFLICT (id) DO UPDATE SET note = excluded.note, id = abs(rows.id);
SELECT * FROM events();

-- MERGE, UPDATE … FROM, DELETE
MERGE INTO shop.sets s USING (VALUES (4, 'merged'), (5, 'merged'), (6, NULL)) v (id, note) ON s.id = v.id
    WHEN MATCHED THEN UPDATE SET note = v.note
    WHEN NOT MATCHED AND v.note IS NULL THEN DO NOTHING
    WHEN NOT MATCHED THEN INSERT VALUES (v.id, 1, v.note);
INSERT INTO shop.rows VALUES (-7, 1, 'hidden'), (-8, 1, 'hidden');
MERGE INTO shop.rows r USING (VALUES (-7, 'merged'), (9, 'merged'), (1, NULL)) v (id, note) ON r.id = v.id
    WHEN MATCHED AND v.note IS NULL THEN DELETE
    WHEN MATCHED THEN UPDATE SET id = -v.id, note = v.note
    WHEN NOT MATCHED THEN INSERT VALUES (v.id, 1, v.note);
UPDATE shop.rows r SET id = 8, note = v.note FROM (VALUES (-8, 'joined')) v (id, note) WHERE r.id = v.id;
DELETE FROM shop.rows WHERE id = 9;
SELECT * FROM events();

-- writable CTEs: several tables and statements in one
WITH a AS (INSERT INTO shop.sets VALUES (20, 1, 'cte'), (21, 1, 'cte') RETURNING id),
    b AS (INSERT INTO shop.sets SELECT id + 10, 1, 'cte' FROM a RETURNING id),
    c AS (UPDATE shop.rows SET note = 'cte' WHERE id = 8)
INSERT INTO shop.rows SELECT id, 1, 'cte' FROM b;
SELECT * FROM events() ORDER BY id;

-- prepared statements, a cursor, a function and a DO block
PREPARE put (int) AS INSERT INTO shop.sets VALUES ($1, 1, 'prepared');
EXECUTE put (40); EXECUTE put (41);
DEALLOCATE put;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM shop.rows WHERE id = -2 OR id = 2 FOR UPDATE;
MOVE c;
UPDATE shop.rows SET id = 42 WHERE CURRENT OF c;
COMMIT;
DO $$ BEGIN
    INSERT INTO shop.sets VALUES (43, 1, 'in a block');
    BEGIN
        INSERT INTO shop.sets VALUES (44, 1, 'undone');
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
    INSERT INTO shop.sets VALUES (45, 1, 'in a block');
END $$;
SELECT * FROM events();

-- savepoints, and a statement that fails
BEGIN;
INSERT INTO shop.sets VALUES (50, 1);
SAVEPOINT a;
INSERT INTO shop.sets VALUES (51, 1);
INSERT INTO shop.sets VALUES (52, 0);
ROLLBACK TO a;
SAVEPOINT b;
INSERT INTO shop.sets VALUES (53, 0);
RELEASE b;
COMMIT;
INSERT INTO shop.sets VALUES (54, 1), (50, 1);
SELECT * FROM ids();
SELECT * FROM aside();
DELETE FROM ecapi.failed_event;

-- prepared transactions
BEGIN;
INSERT INTO shop.sets VALUES (60, 1);
INSERT INTO shop.rows VALUES (60, 1);
PREPARE TRANSACTION 'rows_kept';
BEGIN;
INSERT INTO shop.sets VALUES (61, 1);
PREPARE TRANSACTION 'rows_undone';
SELECT * FROM ids();
COMMIT PREPARED 'rows_kept';
ROLLBACK PREPARED 'rows_undone';
SELECT * FROM ids();

-- a read-only transaction writes nothing, but to temporary tables
BEGIN READ ONLY;
INSERT INTO shop.sets VALUES (62, 1);
ROLLBACK;

--
-- Other triggers of the table.
--
SET ROLE regress_rows_shop;
CREATE TABLE shop.triggered (id int PRIMARY KEY, state text, note text);
CREATE FUNCTION shop.before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.note = 'suppress' THEN
        RETURN NULL;
    END IF;
    new.note := coalesce(new.note, 'filled in');
    RETURN new;
END $$;
CREATE TRIGGER before BEFORE INSERT OR UPDATE ON shop.triggered FOR EACH ROW EXECUTE FUNCTION shop.before();
SELECT ecapi.track('shop.triggered', 'sign_up', '{"ext.note": "note"}');
SELECT ecapi.track('shop.triggered', 'purchase', '{"ext.note": "note"}', condition => $$state = 'paid'$$);
RESET ROLE;
-- rows are captured as they are stored
INSERT INTO shop.triggered VALUES (1, 'cart', NULL), (2, 'paid', 'suppress'), (3, 'paid', 'mine');
UPDATE shop.triggered SET state = 'paid', note = CASE id WHEN 3 THEN 'suppress' END;
SELECT * FROM events() ORDER BY event_type, id;

-- a trigger that updates the same row again: what each of the two made true
SET ROLE regress_rows_shop;
CREATE FUNCTION shop.pay_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shop.triggered SET state = 'paid', note = 'nested' WHERE id = new.id AND state = 'cart';
    RETURN NULL;
END $$;
-- one fires before, one behind the tracks
CREATE TRIGGER aaa AFTER INSERT ON shop.triggered FOR EACH ROW WHEN (new.note = 'early') EXECUTE FUNCTION shop.pay_again();
CREATE TRIGGER zzz AFTER INSERT ON shop.triggered FOR EACH ROW WHEN (new.note = 'late') EXECUTE FUNCTION shop.pay_again();
RESET ROLE;
INSERT INTO shop.triggered VALUES (10, 'cart', 'early'), (11, 'cart', 'late'), (12, 'cart', 'none');
SELECT * FROM events() ORDER BY event_type, id;

-- one tracked table written from another's trigger, and back
SET ROLE regress_rows_shop;
CREATE TABLE shop.echo (id int PRIMARY KEY, depth int);
SELECT ecapi.track('shop.echo', 'login', '{"ext.depth": "depth"}');
CREATE FUNCTION shop.echo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_table_name = 'triggered' THEN
        INSERT INTO shop.echo VALUES (new.id, 1);
    ELSIF new.depth < 4 THEN
        INSERT INTO shop.echo VALUES (new.id + 1, new.depth + 1), (new.id + 101, 9);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER echo AFTER INSERT ON shop.triggered FOR EACH ROW WHEN (new.note = 'echo') EXECUTE FUNCTION shop.echo();
CREATE TRIGGER echo AFTER INSERT ON shop.echo FOR EACH ROW EXECUTE FUNCTION shop.echo();
RESET ROLE;
INSERT INTO shop.triggered VALUES (20, 'paid', 'echo'), (30, 'cart', 'echo');
SELECT * FROM events() ORDER BY event_type, id;

-- foreign keys that cascade write rows like any statement
SET ROLE regress_rows_shop;
CREATE TABLE shop.parent (id int PRIMARY KEY);
CREATE TABLE shop.child (id int PRIMARY KEY, parent int REFERENCES shop.parent ON UPDATE CASCADE ON DELETE SET NULL);
SELECT ecapi.track('shop.child', 'login', '{"ext.parent": "parent"}', on_change => '{parent}');
RESET ROLE;
INSERT INTO shop.parent VALUES (1), (2);
INSERT INTO shop.child VALUES (1, 1), (2, 2);
UPDATE shop.parent SET id = id + 10;
DELETE FROM shop.parent WHERE id = 11;
SELECT * FROM events();

--
-- Columns and types of all kinds.
--
SET ROLE regress_rows_shop;
CREATE DOMAIN shop.positive AS numeric CHECK (VALUE > 0);
CREATE TYPE shop.mood AS ENUM ('glad', 'sad');
CREATE TYPE shop.address AS (city text, zip text);
CREATE TABLE shop.kinds (
    dropped_first int, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount shop.positive, dropped text,
    doubled numeric GENERATED ALWAYS AS (amount * 2) STORED, mood shop.mood, tags text[], grid int[], place shop.address,
    doc jsonb, at timestamptz, day date, data bytea, uid uuid, flag boolean, big text, serial_no serial, "Quoted ""name""" text);
ALTER TABLE shop.kinds DROP dropped_first, DROP dropped;
ALTER TABLE shop.kinds ADD late text DEFAULT 'added later';
SELECT ecapi.track('shop.kinds', 'login', '{"ext.amount": "amount", "ext.doubled": "doubled", "ext.mood": "mood",
    "ext.tags": "tags", "ext.grid": "grid", "ext.place": "place", "ext.doc": "doc", "ext.at": "at", "ext.day": "day",
    "ext.data": "data", "ext.uid": "uid", "ext.flag": "flag", "ext.serial": "serial_no", "ext.quoted": "Quoted \"name\"",
    "ext.late": "late", "ext.city": "(new.place).city", "ext.length": "length(new.big)"}');
RESET ROLE;
INSERT INTO shop.kinds (amount, mood, tags, grid, place, doc, at, day, data, uid, flag, big, "Quoted ""name""")
VALUES (12.50, 'glad', '{a,NULL,"b c"}', '{{1,2},{3,4}}', '(Paris,75001)', '{"a": [1, null]}', '2026-01-02 03:04:05.678+02',
    '2026-01-02', '\x00ff', '00000000-0000-0000-0000-00000000000a', true, repeat('long ', 100000), 'quoted'),
    (1, NULL, '{}', NULL, NULL, NULL, 'infinity', '-infinity', '', NULL, false, NULL, NULL);
SELECT id, jsonb_pretty(ext) AS ext FROM events();
SELECT * FROM aside();
-- a value of its own kind that fails: the same image comes back
SET ROLE regress_rows_shop;
SELECT ecapi.track('shop.kinds', 'login', '{"ext.amount": "1 / (new.amount - 7)", "ext.place": "place", "ext.grid": "grid", "ext.quoted": "Quoted \"name\""}');
RESET ROLE;
INSERT INTO shop.kinds (amount, grid, place, "Quoted ""name""") VALUES (7, '[0:1]={1,2}', '("a,b","""")', 'x'':%');
SELECT * FROM ids();
SET ROLE regress_rows_shop;
SELECT ecapi.track('shop.kinds', 'login', '{"ext.amount": "amount", "ext.doubled": "doubled", "ext.place": "place", "ext.grid": "grid", "ext.quoted": "Quoted \"name\""}');
SELECT * FROM ecapi.recapture('shop.kinds');
RESET ROLE;
SELECT * FROM events();

-- quoted names; ids with what must be escaped
SET ROLE regress_rows_shop;
CREATE TABLE shop."Odd ""Table"": 100%" ("The Key" text, "select" int, PRIMARY KEY ("The Key", "select"));
SELECT ecapi.track('shop."Odd ""Table"": 100%"', 'login', '{"ext.key": "The Key"}');
RESET ROLE;
INSERT INTO shop."Odd ""Table"": 100%" VALUES ('a:b%c', 1), (E'tab\t', 2), ('ünï', 3);
SELECT * FROM events();

-- inheritance: each child has tracks of its own
SET ROLE regress_rows_shop;
CREATE TABLE shop.mother (id int PRIMARY KEY, note text);
CREATE TABLE shop.kid (extra int, PRIMARY KEY (id)) INHERITS (shop.mother);
SELECT ecapi.track('shop.mother', 'login', '{"ext.note": "note"}', condition => $$note = 'x'$$);
INSERT INTO shop.kid VALUES (1, 'x', 1);
SELECT ecapi.track('shop.kid', 'login', '{"ext.note": "note", "ext.extra": "extra"}', condition => $$note = 'x'$$);
INSERT INTO shop.kid VALUES (2, 'y', 2);
INSERT INTO shop.mother VALUES (3, 'y');
UPDATE shop.mother SET note = 'x';
RESET ROLE;
SELECT * FROM events();

-- temporary and unlogged tables
CREATE TEMPORARY TABLE passing (id int PRIMARY KEY, note text);
SELECT ecapi.track('passing', 'login', '{"id": "note"}');
INSERT INTO passing VALUES (1, 'temporary-1');
BEGIN READ ONLY;
INSERT INTO passing VALUES (2, 'temporary-2');
ROLLBACK;
SET ROLE regress_rows_shop;
CREATE UNLOGGED TABLE shop.unlogged (id int PRIMARY KEY);
SELECT ecapi.track('shop.unlogged', 'login', '{}');
RESET ROLE;
INSERT INTO shop.unlogged VALUES (1);
SELECT * FROM ids();
DROP TABLE passing;

--
-- Switches.
--
TRUNCATE shop.sets, shop.rows;
-- the setting is a superuser's
SET ROLE regress_rows_shop;
SET ecapi.capture = off;
RESET ROLE;
SET ecapi.capture = off;
INSERT INTO shop.sets VALUES (1, 0);
INSERT INTO shop.rows VALUES (1, 0);
RESET ecapi.capture;
ALTER TABLE shop.sets DISABLE TRIGGER ecapi_login;
INSERT INTO shop.sets VALUES (2, 0);
ALTER TABLE shop.sets ENABLE TRIGGER ecapi_login;
SET session_replication_role = replica;
INSERT INTO shop.sets VALUES (3, 0);
INSERT INTO shop.rows VALUES (3, 0);
RESET session_replication_role;
INSERT INTO shop.sets VALUES (4, 4);
SELECT * FROM events();
SELECT * FROM aside();
ALTER TABLE shop.rows ENABLE REPLICA TRIGGER ecapi_login;
INSERT INTO shop.rows VALUES (5, 5);
SET session_replication_role = replica;
INSERT INTO shop.rows VALUES (6, 6), (7, 0);
RESET session_replication_role;
ALTER TABLE shop.rows ENABLE ALWAYS TRIGGER ecapi_login;
INSERT INTO shop.rows VALUES (8, 8);
SELECT * FROM ids();
SELECT * FROM aside();
DELETE FROM ecapi.failed_event;

--
-- on_error => raise: the statement fails, and says where.
--
SET ROLE regress_rows_shop;
CREATE TABLE shop.strict (id int PRIMARY KEY, divisor int, currency text);
SELECT ecapi.track('shop.strict', 'purchase', '{"value": "1000 / new.divisor", "currency_code": "currency"}', on_error => 'raise');
RESET ROLE;
DO $$
DECLARE
    message text;
    state text;
BEGIN
    INSERT INTO shop.strict VALUES (1, 1, 'EUR'), (2, 0, 'EUR');
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS message = message_text, state = returned_sqlstate;
    RAISE NOTICE '%: %', state, message;
END $$;
INSERT INTO shop.strict VALUES (1, 1, 'EUR'), (2, 1, 'XX');
INSERT INTO shop.strict VALUES (1, 1, 'EUR'), (2, 1, NULL);
SELECT count(*) FROM shop.strict;
INSERT INTO shop.strict VALUES (1, 1, 'eur');
SELECT * FROM ids();
SELECT * FROM aside();

--
-- A track that is broken, which only happens where event triggers do not run:
-- rows are set aside, and come back when it is fixed.
--
SET ROLE regress_rows_shop;
CREATE TABLE shop.broken (id int PRIMARY KEY, total numeric, state text);
SELECT ecapi.track('shop.broken', 'login', '{"ext.total": "total"}');
SELECT ecapi.track('shop.broken', 'purchase', '{"ext.total": "total"}', condition => $$state = 'paid'$$);
RESET ROLE;
INSERT INTO shop.broken VALUES (1, 10, 'cart');
SET session_replication_role = replica;
ALTER TABLE shop.broken RENAME total TO amount;
ALTER TABLE shop.broken DROP state;
RESET session_replication_role;
INSERT INTO shop.broken VALUES (2, 20), (3, 30);
UPDATE shop.broken SET amount = 21 WHERE id = 2;
SELECT * FROM ids();
SELECT * FROM aside();
SET ROLE regress_rows_shop;
SELECT * FROM ecapi.recapture('shop.broken');
SELECT ecapi.track('shop.broken', 'login', '{"ext.amount": "amount"}');
SELECT ecapi.track('shop.broken', 'purchase', '{"ext.amount": "amount"}', condition => 'amount > 20');
SELECT * FROM ecapi.recapture('shop.broken');
SELECT * FROM ecapi.recapture('shop.broken');
RESET ROLE;
SELECT * FROM events();
SELECT * FROM aside();

--
-- Parallel queries beside it: capture itself never runs in a worker.
--
SET ROLE regress_rows_shop;
CREATE TABLE shop.source AS SELECT n AS id FROM generate_series(1, 5000) n;
ALTER TABLE shop.source SET (parallel_workers = 2);
CREATE TABLE shop.target (id int PRIMARY KEY, total bigint);
SELECT ecapi.track('shop.target', 'login', '{"ext.total": "total", "ext.sum": "(SELECT sum(s.id) FROM shop.source s WHERE s.id <> new.id)"}');
RESET ROLE;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
-- 16 renamed it
SELECT set_config(name, 'on', false) AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
INSERT INTO shop.target SELECT 1, sum(id) FROM shop.source;
INSERT INTO shop.target SELECT 2, sum(id) FROM shop.source;
SELECT set_config(name, 'off', false) AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT * FROM events();
SELECT * FROM aside();

--
-- Reasons that help: what ecapi.major() says, without the value, and a time to come of a column whose zone was assumed.
--
GRANT EXECUTE ON FUNCTION ecapi.major TO regress_rows_shop;
SET ROLE regress_rows_shop;
CREATE TABLE shop.dear (id int PRIMARY KEY, cents int, currency text, at timestamp, moment timestamptz);
SELECT ecapi.track('shop.dear', 'purchase', mapping => '{"value": "ecapi.major(new.cents, new.currency)", "currency_code": "''EUR''"}');
INSERT INTO shop.dear VALUES (1, 100, 'ann@example.com'), (2, 100, 'EURO'), (3, 100, 'XAU');
SELECT ecapi.track('shop.dear', 'purchase', mapping => '{"timestamp": "new.at AT TIME ZONE ''UTC''", "value": "1", "currency_code": "''EUR''"}');
INSERT INTO shop.dear VALUES (4, 100, 'EUR', (now() AT TIME ZONE 'UTC') + '2 hours'), (5, 100, 'EUR', '1900-01-01');
SELECT ecapi.track('shop.dear', 'purchase', mapping => '{"timestamp": "moment", "value": "1", "currency_code": "''EUR''"}');
INSERT INTO shop.dear VALUES (6, 100, 'EUR', now(), now() + '2 hours');
RESET ROLE;
SELECT sqlstate, reason FROM ecapi.failed_event WHERE relation = 'shop.dear'::regclass AND state = 'set_aside' ORDER BY failed_id;
-- a function of the owner's cannot pass its own words for ours
SET ROLE regress_rows_shop;
CREATE FUNCTION shop.minor_decimals(text) RETURNS numeric IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the value is %', $1 USING ERRCODE = '22023'; END $$;
SELECT ecapi.track('shop.dear', 'purchase', mapping => '{"value": "shop.minor_decimals(new.currency)", "currency_code": "''EUR''"}');
INSERT INTO shop.dear VALUES (7, 100, 'secret');
RESET ROLE;
SELECT sqlstate, reason FROM ecapi.failed_event WHERE relation = 'shop.dear'::regclass AND state = 'set_aside' ORDER BY failed_id DESC LIMIT 1;

SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
DROP FUNCTION ids, events, aside;
DROP TABLE rows_seen;
DELETE FROM ecapi.failed_event;
DROP OWNED BY regress_rows_shop;
DROP ROLE regress_rows_shop;
