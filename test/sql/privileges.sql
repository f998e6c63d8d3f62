-- Roles that try to reach more than their own by way of tracks, and what becomes of it.
--
-- Five roles: the owner of the tables; a writer, who may only write; one with the
-- TRIGGER privilege and nothing else; another, with tables of its own; and a
-- superuser, who runs the file.  Functions of theirs tell as whom they run
-- ("runs as"); what they hide has the word "secret" in it.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_priv_owner;
CREATE ROLE regress_priv_writer;
CREATE ROLE regress_priv_trigger;
CREATE ROLE regress_priv_other;
CREATE ROLE regress_priv_super SUPERUSER;
CREATE SCHEMA priv AUTHORIZATION regress_priv_owner;
CREATE SCHEMA priv_writer AUTHORIZATION regress_priv_writer;
CREATE SCHEMA priv_trigger AUTHORIZATION regress_priv_trigger;
CREATE SCHEMA priv_other AUTHORIZATION regress_priv_other;
GRANT USAGE ON SCHEMA priv, priv_writer, priv_trigger, priv_other TO PUBLIC;
-- The writer has no right on the extension; the three others may declare tracks.
GRANT USAGE ON SCHEMA ecapi TO regress_priv_owner, regress_priv_trigger, regress_priv_other;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture, ecapi.recapture, ecapi.suggest_mapping
    TO regress_priv_owner, regress_priv_trigger, regress_priv_other;
GRANT EXECUTE ON PROCEDURE ecapi.backfill TO regress_priv_owner, regress_priv_trigger, regress_priv_other;
RESET client_min_messages;

CREATE TABLE public.priv_seen AS SELECT (SELECT coalesce(max(seq), 0) FROM ecapi.outbox) AS seq,
    (SELECT coalesce(max(failed_id), 0) FROM ecapi.failed_event) AS failed_id;
-- The events since the last look, and the rows that were set aside since.
CREATE FUNCTION public.priv_look(OUT id text, OUT what text) RETURNS SETOF record LANGUAGE sql AS $$
    WITH fresh AS (SELECT o.seq, o.event::jsonb AS event FROM ecapi.outbox o WHERE o.seq > (SELECT seq FROM public.priv_seen)),
        looked AS (UPDATE public.priv_seen SET seq = greatest(priv_seen.seq, (SELECT max(fresh.seq) FROM fresh))),
        aside AS (DELETE FROM ecapi.failed_event f WHERE f.failed_id > (SELECT s.failed_id FROM public.priv_seen s) RETURNING f.failed_id, f.source, f.reason)
    SELECT * FROM (SELECT event->>'id', (event - '{id,event_type,timestamp}'::text[])::text FROM fresh ORDER BY seq) e
    UNION ALL
    SELECT * FROM (SELECT source, 'set aside: ' || reason FROM aside ORDER BY failed_id) a;
$$;

SET ROLE regress_priv_owner;
CREATE TABLE priv.hidden (k int PRIMARY KEY, v text);
INSERT INTO priv.hidden VALUES (1, 'owner''s secret');
CREATE TABLE priv.customers (id int PRIMARY KEY, email text);
INSERT INTO priv.customers VALUES (1, 'ann@example.com');
CREATE TABLE priv.orders (id int PRIMARY KEY, x text, customer_id int REFERENCES priv.customers);
CREATE FUNCTION priv.tell(what text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN RAISE NOTICE 'owner''s code runs as %', current_user; RETURN what; END $$;
GRANT INSERT, SELECT, UPDATE ON priv.orders TO regress_priv_writer, regress_priv_other;
GRANT TRIGGER ON priv.orders TO regress_priv_trigger;
RESET ROLE;
-- Code of the two attackers.  It reads what only the owner may, where it can.
DO $$
DECLARE
    who text;
BEGIN
    FOREACH who IN ARRAY '{other,writer,trigger}'::text[] LOOP
        EXECUTE format('SET ROLE regress_priv_%s', who);
        EXECUTE format($f$CREATE FUNCTION priv_%1$s.evil(text) RETURNS text LANGUAGE plpgsql STABLE AS $b$
            BEGIN RAISE NOTICE 'code of %1$s runs as %%', current_user; RETURN $1; END $b$ $f$, who);
        EXECUTE format($f$CREATE FUNCTION priv_%1$s.yes(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $b$
            BEGIN RAISE NOTICE 'code of %1$s runs as %%', current_user; RETURN true; END $b$ $f$, who);
    END LOOP;
END $$;
RESET ROLE;

--
-- The writer needs no right on schema ecapi, and gets none.
--
SET ROLE regress_priv_owner;
SELECT ecapi.track('priv.orders', 'purchase', '{"ext.x": "priv.tell(new.x)", "ext.hidden": "(SELECT v FROM priv.hidden WHERE k = new.id)"}');
SET ROLE regress_priv_writer;
INSERT INTO priv.orders VALUES (1, 'x');
SELECT * FROM priv.hidden;
SELECT * FROM ecapi.outbox;
SELECT * FROM ecapi.failed_event;
SELECT * FROM ecapi.track;
SELECT ecapi.track('priv.orders', 'purchase');
SELECT ecapi.untrack('priv.orders');
SELECT ecapi.recapture();
CALL ecapi.backfill('priv.orders', 'purchase');
SELECT ecapi_emit('purchase');
SET ecapi.capture = off;
SHOW ecapi.capture;
-- rows may have decimals since 18
DO $$ DECLARE line text; BEGIN
    FOR line IN EXECUTE $q$EXPLAIN (ANALYZE, BUFFERS off, COSTS off, TIMING off, SUMMARY off, VERBOSE) UPDATE priv.orders SET x = 'y' WHERE false$q$ LOOP
        RAISE NOTICE '%', replace(line, '.00', '');
    END LOOP;
END $$;
RESET ROLE;
SELECT * FROM public.priv_look();
GRANT SET ON PARAMETER ecapi.capture TO regress_priv_writer;
SET ROLE regress_priv_writer;
SET ecapi.capture = off;
INSERT INTO priv.orders VALUES (2, 'x');
RESET ecapi.capture;
RESET ROLE;
REVOKE SET ON PARAMETER ecapi.capture FROM regress_priv_writer;
SELECT * FROM public.priv_look();

--
-- The context: what a writer may add to events of its transaction.
--
SET ROLE regress_priv_writer;
BEGIN;
SET LOCAL ecapi.context = '{"\u0069d": "mine", "data_set_id": "theirs", "event_type": "lead", "ext": {"more": 0}}';
INSERT INTO priv.orders VALUES (31, 'x');
COMMIT;
BEGIN;
SET LOCAL ecapi.context = '["secret"]';
INSERT INTO priv.orders VALUES (32, 'x');
COMMIT;
BEGIN;
SET ecapi.context = '{"ID": "mine", "Event_Type": "lead", "ext": {"x": "not over the mapping", "more": 1}}';
INSERT INTO priv.orders VALUES (3, 'x');
COMMIT;
BEGIN;
SET ecapi.context = '{"ext": {"x": "not over the mapping", "more": 1}}';
INSERT INTO priv.orders VALUES (4, 'x');
COMMIT;
INSERT INTO priv.orders VALUES (5, 'x');
RESET ecapi.context;
RESET ROLE;
SELECT * FROM public.priv_look();

--
-- The TRIGGER privilege is not enough, by whatever way.
--
SET ROLE regress_priv_trigger;
SELECT ecapi.track('priv.orders', 'purchase', '{"ext.x": "priv_trigger.evil(new.x)"}', name => 'mine');
SELECT ecapi.untrack('priv.orders', 'purchase');
CREATE TRIGGER mine AFTER INSERT ON priv.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"ext.x": "priv_trigger.evil(new.x)"}}');
CREATE OR REPLACE TRIGGER ecapi_purchase AFTER INSERT ON priv.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"ext.x": "priv_trigger.evil(new.x)"}}');
CREATE CONSTRAINT TRIGGER mine AFTER INSERT ON priv.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"ext.x": "priv_trigger.evil(new.x)"}}');
CREATE TRIGGER mine AFTER INSERT ON priv.orders REFERENCING NEW TABLE AS new FOR EACH STATEMENT
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"ext.x": "priv_trigger.evil(new.x)"}}');
ALTER TRIGGER ecapi_purchase ON priv.orders RENAME TO mine;
DROP TRIGGER ecapi_purchase ON priv.orders;
DO $$ BEGIN
    EXECUTE $t$CREATE TRIGGER mine AFTER INSERT ON priv.orders FOR EACH ROW
        EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"ext.x": "priv_trigger.evil(new.x)"}}')$t$;
END $$;
CREATE FUNCTION priv_trigger.wrapped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM ecapi.capture(); RETURN NULL; END $$;
CREATE TABLE priv_trigger.t (id int PRIMARY KEY, x text);
CREATE TRIGGER wrapped AFTER INSERT ON priv_trigger.t FOR EACH ROW EXECUTE FUNCTION priv_trigger.wrapped();
INSERT INTO priv_trigger.t VALUES (1, 'x');
DROP TRIGGER wrapped ON priv_trigger.t;
-- a definer function of the same role
CREATE FUNCTION priv_trigger.definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    CREATE TRIGGER mine AFTER INSERT ON priv.orders FOR EACH ROW
        EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"ext.x": "priv_trigger.evil(new.x)"}}');
END $$;
GRANT EXECUTE ON FUNCTION priv_trigger.definer TO regress_priv_owner;
SET ROLE regress_priv_owner;
SELECT priv_trigger.definer();
SET ROLE regress_priv_trigger;
-- its own table cannot be made the owner's
SELECT ecapi.track('priv_trigger.t', 'purchase', '{"ext.x": "priv_trigger.evil(new.x)"}');
-- (the words of it differ between servers)
\set VERBOSITY sqlstate
ALTER TABLE priv_trigger.t OWNER TO regress_priv_owner;
\set VERBOSITY default
-- nor does a track come with a copy of a table
CREATE TABLE priv_trigger.copy (LIKE priv_trigger.t INCLUDING ALL);
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'priv_trigger.copy'::regclass;
DROP TABLE priv_trigger.copy, priv_trigger.t;
RESET ROLE;
-- who may set the replication role does not pass by
GRANT SET ON PARAMETER session_replication_role TO regress_priv_trigger;
SET ROLE regress_priv_trigger;
SET session_replication_role = replica;
CREATE TRIGGER mine AFTER INSERT ON priv.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"ext.x": "priv_trigger.evil(new.x)"}}');
RESET session_replication_role;
RESET ROLE;
REVOKE SET ON PARAMETER session_replication_role FROM regress_priv_trigger;
-- other triggers are as the server has it; they run as the writer
SET ROLE regress_priv_trigger;
CREATE FUNCTION priv_trigger.plain() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'plain trigger runs as %', current_user; RETURN NULL; END $$;
CREATE TRIGGER plain AFTER INSERT ON priv.orders FOR EACH ROW EXECUTE FUNCTION priv_trigger.plain();
SET ROLE regress_priv_writer;
INSERT INTO priv.orders VALUES (6, 'x');
SET ROLE regress_priv_owner;
DROP TRIGGER plain ON priv.orders;
RESET ROLE;
SELECT * FROM public.priv_look();
SELECT tgname, tgfoid::regproc FROM pg_trigger WHERE tgrelid = 'priv.orders'::regclass AND NOT tgisinternal;

--
-- Another role: not its tables, not its rows.
--
SET ROLE regress_priv_other;
SELECT ecapi.track('priv.orders', 'purchase', '{"ext.x": "priv_other.evil(new.x)"}', name => 'mine');
SELECT ecapi.untrack('priv.orders', 'purchase');
SELECT ecapi.recapture('priv.orders');
CALL ecapi.backfill('priv.orders', 'purchase');
SET ROLE regress_priv_owner;
SELECT ecapi.track('priv.orders', 'login', '{"ext.n": "(1 / (new.id - 7))::text"}', name => 'fails');
SET ROLE regress_priv_writer;
INSERT INTO priv.orders VALUES (7, 'secret');
SET ROLE regress_priv_other;
SELECT * FROM ecapi.recapture();
SET ROLE regress_priv_owner;
SELECT * FROM ecapi.recapture();
SELECT ecapi.untrack('priv.orders', 'login');
RESET ROLE;
SELECT * FROM public.priv_look();

--
-- Names: a role that can put objects somewhere cannot put them before the owner's.
--
SET ROLE regress_priv_owner;
SELECT ecapi.track('priv.orders', 'search', '{"ext.low": "lower(new.x)", "ext.plus": "new.id + 1", "ext.n": "(SELECT count(*) FROM priv.hidden h WHERE h.k = new.id)::int4"}', name => 'names');
SET ROLE regress_priv_writer;
CREATE FUNCTION priv_writer.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT priv_writer.evil($1) $$;
CREATE FUNCTION priv_writer.lower(varchar) RETURNS text LANGUAGE sql AS $$ SELECT priv_writer.evil($1) $$;
CREATE FUNCTION priv_writer.plus(int, int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'operator runs as %', current_user; RETURN 0; END $$;
CREATE OPERATOR priv_writer.+ (FUNCTION = priv_writer.plus, LEFTARG = int, RIGHTARG = int);
CREATE DOMAIN priv_writer.int4 AS int CHECK (priv_writer.yes(VALUE::text));
CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT priv_writer.evil($1) $$;
CREATE DOMAIN pg_temp.int4 AS int CHECK (priv_writer.yes(VALUE::text));
CREATE TEMP VIEW hidden AS SELECT 1 AS k, priv_writer.evil('v') AS v;
CREATE TEMP VIEW pg_type AS SELECT priv_writer.evil('v') AS typname;
GRANT SELECT ON pg_temp.hidden, pg_temp.pg_type TO PUBLIC;
SET search_path = pg_temp, priv_writer, pg_catalog;
INSERT INTO priv.orders VALUES (8, 'X');
\c -
SET ROLE regress_priv_writer;
SET search_path = priv_writer, pg_catalog, public;
INSERT INTO priv.orders VALUES (9, 'X');
RESET search_path;
-- a function of the owner that has its own path, temporary objects last
SET ROLE regress_priv_owner;
CREATE FUNCTION priv.look_up(int) RETURNS text LANGUAGE plpgsql STABLE SET search_path = priv, pg_temp AS $$ BEGIN RETURN (SELECT v FROM hidden WHERE k = $1); END $$;
SELECT ecapi.track('priv.orders', 'search', '{"ext.v": "priv.look_up(new.id)"}', name => 'names');
SET ROLE regress_priv_writer;
CREATE TEMP VIEW hidden AS SELECT g AS k, priv_writer.evil('v') AS v FROM generate_series(1, 99) g;
GRANT SELECT ON pg_temp.hidden TO PUBLIC;
INSERT INTO priv.orders VALUES (10, 'X');
DROP VIEW pg_temp.hidden;
RESET ROLE;
SELECT * FROM public.priv_look();
-- names that are found in a temporary schema only are refused, when declared and when compiled
SET ROLE regress_priv_owner;
CREATE TEMP TABLE mine (k int, v text);
CREATE FUNCTION pg_temp.mine(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
CREATE DOMAIN pg_temp.mine_text AS text;
SELECT ecapi.track('priv.orders', 'search', '{"ext.v": "(SELECT v FROM mine WHERE k = new.id)"}', name => 'names');
DO $$ BEGIN
    PERFORM ecapi.track('priv.orders', 'search', '{"ext.v": "pg_temp.mine(new.x)"}', name => 'names');
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', regexp_replace(SQLERRM, 'pg_temp_\d+', 'pg_temp');
END $$;
SELECT ecapi.track('priv.orders', 'search', '{"ext.v": "new.x::mine_text::text"}', name => 'names');
SELECT ecapi.track('priv.orders', 'search', '{"ext.v": "(SELECT 1 FROM jsonb_to_record(jsonb_build_object(''a'', new.x)) AS t(a mine_text))"}', name => 'names');
SELECT ecapi.untrack('priv.orders', 'search');
DISCARD TEMP;
CREATE TRIGGER ecapi_names AFTER INSERT ON priv.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "search", "mapping": {"ext.v": "(SELECT 1 FROM jsonb_to_record(jsonb_build_object(''a'', new.x)) AS t(a code))"}}');
SET ROLE regress_priv_writer;
CREATE DOMAIN pg_temp.code AS text CHECK (priv_writer.yes(VALUE));
INSERT INTO priv.orders VALUES (11, 'X');
SET ROLE regress_priv_owner;
DROP TRIGGER ecapi_names ON priv.orders;
SELECT ecapi.untrack('priv.orders', 'purchase');
RESET ROLE;
SELECT * FROM public.priv_look();
DISCARD TEMP;

--
-- What the SQL of a track may do: read, as the owner, and leave nothing behind.
--
SET ROLE regress_priv_owner;
CREATE SEQUENCE priv.numbers;
CREATE PROCEDURE priv.ends() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
-- stable for the track, and volatile inside, so that only the track holds it back
CREATE FUNCTION priv.attempt(text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    EXECUTE $1;
    RETURN $1 || ': done';
EXCEPTION WHEN OTHERS THEN
    RETURN $1 || ': ' || SQLERRM;
END $$;
CREATE FUNCTION priv.stable(text) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN priv.attempt($1); END $$;
CREATE FUNCTION priv.set_hard() RETURNS text LANGUAGE plpgsql STABLE SET role = 'regress_priv_super' AS $$ BEGIN RETURN current_user; END $$;
CREATE TABLE priv.tries (id int PRIMARY KEY, x text);
GRANT INSERT ON priv.tries TO regress_priv_writer;
SELECT ecapi.track('priv.tries', 'search', '{"ext.v": "priv.attempt(new.x)"}');
SELECT ecapi.track('priv.tries', 'search', '{"ext.v": "priv.stable(new.x)"}');
RESET ROLE;
GRANT regress_priv_super TO regress_priv_owner;
SET ROLE regress_priv_writer;
SET search_path = priv, public;
INSERT INTO priv.tries SELECT row_number() OVER (), x FROM unnest(ARRAY[
    'SET ROLE regress_priv_super', 'SET SESSION AUTHORIZATION regress_priv_super', 'RESET ROLE', 'RESET SESSION AUTHORIZATION',
    'SELECT set_config(''role'', ''regress_priv_super'', false)', 'SELECT priv.set_hard()',
    'SET transaction_read_only = off', 'INSERT INTO priv.hidden VALUES (2, '''')', 'UPDATE priv.hidden SET v = ''''', 'DELETE FROM priv.hidden',
    'CREATE TABLE priv.more ()', 'CREATE TEMP TABLE more ()', 'TRUNCATE priv.hidden', 'SELECT v FROM priv.hidden FOR UPDATE',
    'CALL priv.ends()', 'COMMIT', 'SAVEPOINT a', 'LISTEN priv', 'NOTIFY priv', 'DECLARE held CURSOR WITH HOLD FOR SELECT 1',
    'PREPARE kept AS SELECT 1', 'LOCK TABLE priv.hidden', 'COPY priv.hidden TO PROGRAM ''cat''', 'COPY priv.hidden TO ''/tmp/priv_secret''',
    'SELECT pg_read_file(''PG_VERSION'')', 'ALTER ROLE regress_priv_owner SUPERUSER', 'GRANT SELECT ON priv.hidden TO PUBLIC',
    'SET ecapi.capture = off', 'SET client_min_messages = error', 'SET search_path = priv_writer',
    'SELECT set_config(''ecapi.context'', ''{"ext": {"w": 1}}'', false)', 'SELECT set_config(''priv.mine'', ''1'', false)',
    'SELECT nextval(''priv.numbers'')', 'VACUUM', 'DISCARD ALL', 'DO $d$ BEGIN SET LOCAL ROLE regress_priv_super; END $d$',
    'ALTER TRIGGER ecapi_search ON priv.tries RENAME TO mine', 'SELECT ecapi.untrack(''priv.tries'', ''search'')',
    'SELECT ecapi.track(''priv.tries'', ''search'', ''{}'', name => ''more'')', 'SELECT * FROM ecapi.recapture()']) x;
SHOW role;
SHOW search_path;
SHOW ecapi.context;
SHOW client_min_messages;
SELECT coalesce(current_setting('priv.mine', true), '') = '' AS not_kept;
SELECT session_user = current_user AS is_session, current_user;
SELECT name FROM pg_prepared_statements UNION ALL SELECT name FROM pg_cursors WHERE is_holdable;
SELECT * FROM pg_listening_channels();
RESET search_path;
RESET ROLE;
-- what is refused to COPY, servers say differently
SELECT substr(regexp_replace(what, '(COPY .*): (must be superuser|permission denied) .*', '\1: refused'), 1, 150) AS what FROM public.priv_look();
SELECT k, v FROM priv.hidden;
REVOKE regress_priv_super FROM regress_priv_owner;

--
-- Errors of the owner's SQL tell the writer no value.
--
SET ROLE regress_priv_owner;
CREATE DOMAIN priv.short AS text CHECK (length(VALUE) < 5);
CREATE FUNCTION priv.rate() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT v FROM priv.hidden LIMIT 1)::int; END $$;
CREATE FUNCTION priv.raises(text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN RAISE EXCEPTION 'a %', $1 USING DETAIL = $1, HINT = $1, TABLE = $1, SCHEMA = 'priv', COLUMN = $1; END $$;
CREATE TABLE priv.leaks (id int PRIMARY KEY, x text, how int);
GRANT INSERT ON priv.leaks TO regress_priv_writer;
SELECT ecapi.track('priv.leaks', 'search', '{"ext.v": "CASE new.how WHEN 1 THEN ((SELECT v FROM priv.hidden WHERE k = new.id)::int)::text WHEN 2 THEN priv.raises((SELECT v FROM priv.hidden WHERE k = new.id)) WHEN 3 THEN (SELECT v FROM priv.hidden WHERE k = new.id)::priv.short::text WHEN 4 THEN (SELECT v::json->>''a'' FROM priv.hidden WHERE k = new.id) END"}');
CREATE TRIGGER ecapi_folded AFTER INSERT ON priv.leaks FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "search", "mapping": {"ext.v": "priv.rate() + new.how"}}');
INSERT INTO priv.hidden SELECT i, 'secret ' || i FROM generate_series(2, 4) i;
SET ROLE regress_priv_writer;
INSERT INTO priv.leaks VALUES (1, 'secret', 1);
INSERT INTO priv.leaks VALUES (2, 'secret', 2);
INSERT INTO priv.leaks VALUES (3, 'secret', 3);
INSERT INTO priv.leaks VALUES (4, 'secret', 4);
-- neither do those who may look at tracks see one
RESET ROLE;
SELECT name, problem FROM ecapi.track WHERE relation = 'priv.leaks'::regclass ORDER BY name;
SELECT * FROM public.priv_look();
SET ROLE regress_priv_owner;
DROP TRIGGER ecapi_folded ON priv.leaks;
SELECT ecapi.track('priv.leaks', 'search', on_error => 'raise', mapping => '{"ext.v": "(SELECT v FROM priv.hidden WHERE k = new.how)::int"}');
SET ROLE regress_priv_writer;
INSERT INTO priv.leaks VALUES (5, 'secret', 1);
RESET ROLE;
SELECT * FROM public.priv_look();

--
-- Another role's table, view, type or cast in a track: its code runs as the owner
-- who names it, as in any query of his, and is held back as his own is.
--
SET ROLE regress_priv_other;
CREATE TABLE priv_other.rows (k int PRIMARY KEY, v text, who name);
INSERT INTO priv_other.rows VALUES (1, 'for owner', 'regress_priv_owner'), (2, 'for writer', 'regress_priv_writer');
ALTER TABLE priv_other.rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON priv_other.rows USING (who = current_user);
CREATE VIEW priv_other.seen AS SELECT k, priv_other.evil(v) AS v FROM priv_other.rows;
GRANT SELECT, REFERENCES ON priv_other.rows, priv_other.seen TO PUBLIC;
CREATE TYPE priv_other.state AS ENUM ('new', 'paid');
CREATE FUNCTION priv_other.cast_state(priv_other.state) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RAISE NOTICE 'cast of other runs as %', current_user; RETURN 'cast'; END $$;
CREATE CAST (priv_other.state AS text) WITH FUNCTION priv_other.cast_state AS IMPLICIT;
SET ROLE regress_priv_owner;
CREATE TABLE priv.calls (id int PRIMARY KEY, x text, state priv_other.state, row_id int REFERENCES priv_other.rows);
GRANT INSERT ON priv.calls TO regress_priv_writer;
SELECT ecapi.track('priv.calls', 'search', '{"ext.column": "state", "ext.path": "row_id.v", "ext.table": "(SELECT v FROM priv_other.rows WHERE k = new.id)", "ext.view": "(SELECT v FROM priv_other.seen WHERE k = new.id)", "ext.cast": "new.state::text"}');
SET ROLE regress_priv_writer;
INSERT INTO priv.calls VALUES (1, 'x', 'paid', 1);
INSERT INTO priv.calls VALUES (2, 'x', 'paid', 2);
RESET ROLE;
SELECT * FROM public.priv_look();

--
-- The table that a path leads to is renamed, and a view of another role takes its
-- place, while sessions have the track compiled.
--
SET ROLE regress_priv_owner;
SELECT ecapi.track('priv.orders', 'purchase', '{"user_data.email_address": "customer_id.email"}');
SET ROLE regress_priv_writer;
INSERT INTO priv.orders VALUES (20, 'x', 1);
SET ROLE regress_priv_owner;
ALTER TABLE priv.customers RENAME TO clients;
GRANT CREATE ON SCHEMA priv TO regress_priv_other;
SET ROLE regress_priv_other;
CREATE VIEW priv.customers AS SELECT 1 AS id, priv_other.evil('evil@example.com') AS email;
GRANT SELECT ON priv.customers TO PUBLIC;
SET ROLE regress_priv_writer;
INSERT INTO priv.orders VALUES (21, 'x', 1);
RESET ROLE;
SELECT * FROM public.priv_look();
DROP VIEW priv.customers;
ALTER TABLE priv.clients RENAME TO customers;

--
-- Partitions of another role.
--
SET ROLE regress_priv_owner;
CREATE TABLE priv.pairs (a int, b int, email text, PRIMARY KEY (a, b));
INSERT INTO priv.pairs VALUES (1, 1, 'good@example.com');
CREATE TABLE priv.parted (id int, r int, a int, b int, PRIMARY KEY (id, r), FOREIGN KEY (a, b) REFERENCES priv.pairs) PARTITION BY LIST (r);
CREATE TABLE priv.parted_1 PARTITION OF priv.parted FOR VALUES IN (1);
SELECT ecapi.track('priv.parted', 'purchase', '{"user_data.email_address": "a.email"}');
RESET ROLE;
ALTER TABLE priv.parted_1 OWNER TO regress_priv_other;
SET ROLE regress_priv_other;
INSERT INTO priv.parted_1 VALUES (1, 1, 1, 1);
-- a key of one column would go before that of two
CREATE TABLE priv_other.lure (id int PRIMARY KEY, email text);
INSERT INTO priv_other.lure VALUES (1, 'evil@example.com');
ALTER TABLE priv_other.lure ENABLE ROW LEVEL SECURITY;
CREATE POLICY lure ON priv_other.lure USING (priv_other.evil(email) IS NOT NULL);
GRANT SELECT ON priv_other.lure TO PUBLIC;
ALTER TABLE priv.parted_1 ADD FOREIGN KEY (a) REFERENCES priv_other.lure;
INSERT INTO priv.parted_1 VALUES (2, 1, 1, 1);
-- no track of its own on it, and the copy of the root's stays as it is
SELECT ecapi.track('priv.parted_1', 'purchase', '{"ext.x": "priv_other.evil(''x'')"}');
CREATE TRIGGER mine AFTER INSERT ON priv.parted_1 FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"ext.x": "priv_other.evil(''x'')"}}');
CREATE OR REPLACE TRIGGER ecapi_purchase AFTER INSERT OR DELETE ON priv.parted_1 FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"ext.x": "priv_other.evil(''x'')"}}');
DROP TRIGGER ecapi_purchase ON priv.parted_1;
-- a table with a track and a trigger of its own, attached by who may
CREATE TABLE priv_other.part (id int NOT NULL, r int NOT NULL, a int, b int, PRIMARY KEY (id, r));
CREATE FUNCTION priv_other.plain() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'plain trigger runs as %', current_user; RETURN NULL; END $$;
CREATE TRIGGER plain AFTER INSERT ON priv_other.part FOR EACH ROW EXECUTE FUNCTION priv_other.plain();
SELECT ecapi.track('priv_other.part', 'purchase', '{"ext.x": "priv_other.evil(''x'')"}', name => 'mine');
RESET ROLE;
ALTER TABLE priv.parted ATTACH PARTITION priv_other.part FOR VALUES IN (2);
SET ROLE regress_priv_other;
SELECT ecapi.untrack('priv_other.part', 'purchase');
RESET ROLE;
ALTER TABLE priv.parted ATTACH PARTITION priv_other.part FOR VALUES IN (2);
SET ROLE regress_priv_owner;
INSERT INTO priv.parted VALUES (3, 2, 1, 1);
RESET ROLE;
SELECT * FROM public.priv_look();

--
-- Views: to each owner its own rows, to who monitors counts and states.
--
SET client_min_messages = warning;
CREATE ROLE regress_priv_monitor IN ROLE pg_monitor;
GRANT SELECT ON ecapi.track, ecapi.backfill, ecapi.own_failed_event TO regress_priv_owner, regress_priv_other, regress_priv_trigger;
CREATE SCHEMA priv_view;
GRANT ALL ON SCHEMA priv_view TO regress_priv_owner, regress_priv_other;
SET ROLE regress_priv_owner;
CREATE TABLE priv_view.mine (id text PRIMARY KEY, x int, at timestamptz DEFAULT now());
SELECT ecapi.track('priv_view.mine', 'search', '{"ext.v": "1 / new.x", "timestamp": "at"}');
INSERT INTO priv_view.mine VALUES ('owner@example.com', 1);
SET ROLE regress_priv_other;
CREATE TABLE priv_view.others (id text PRIMARY KEY, x int, at timestamptz DEFAULT now());
SELECT ecapi.track('priv_view.others', 'search', '{"ext.v": "1 / new.x", "timestamp": "at"}');
INSERT INTO priv_view.others VALUES ('other@example.com', 1);
RESET ROLE;
CREATE SERVER priv_server FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://receiver.example', data_set_id 'd', mode 'shadow');
ALTER SERVER priv_server OWNER TO regress_priv_trigger;
CREATE SERVER priv_another FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://receiver.example', data_set_id 'd', mode 'shadow');
SET client_min_messages = error;
INSERT INTO priv_view.mine VALUES ('mine', 0);
INSERT INTO priv_view.others VALUES ('others', 0);
CALL ecapi.backfill('priv_view.mine', 'search');
CALL ecapi.backfill('priv_view.others', 'search');
INSERT INTO ecapi.failed_event (destination, state, reason, xid, seq, event_id, event, answer, failed_at)
    SELECT d, 'dead', 'rejected', '1', 1, d || '-1', '{"user_data": {"email_address": "secret"}}', 'no', now() FROM unnest('{priv_server,priv_another}'::text[]) d;
RESET client_min_messages;
CREATE FUNCTION public.priv_views(OUT kind text, OUT whose text, OUT what text) RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN
    RETURN QUERY SELECT 'track', t.relation::text, t.problem FROM ecapi.track t WHERE t.relation::text LIKE 'priv_view.%' ORDER BY 2;
    RETURN QUERY SELECT 'backfill', b.relation::text, b.last_key::text FROM ecapi.backfill b WHERE b.relation::text LIKE 'priv_view.%' ORDER BY 2;
    RETURN QUERY SELECT 'failed', coalesce(f.relation::text, f.destination), concat_ws(' ', f.state, f.event->'new'->>'id', f.answer) FROM ecapi.own_failed_event f
        WHERE f.relation::text LIKE 'priv_view.%' OR f.destination LIKE 'priv%' ORDER BY 2;
END $$;
SET ROLE regress_priv_owner;
SELECT * FROM public.priv_views();
SET ROLE regress_priv_other;
SELECT * FROM public.priv_views();
SET ROLE regress_priv_trigger;
SELECT * FROM public.priv_views();
-- by a function that is cheap and tells what it is given, nothing more is seen
SET ROLE regress_priv_other;
CREATE FUNCTION priv_other.leak(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'seen: %', $1; RETURN true; END $$;
SELECT count(*) FROM ecapi.own_failed_event WHERE priv_other.leak((event->'new'->>'id'));
SELECT count(*) FROM ecapi.backfill WHERE priv_other.leak(track) AND relation = 'priv_view.others'::regclass;
SELECT ecapi_internal.track_argument(oid), ecapi_internal.track_problem(oid) FROM pg_trigger WHERE tgrelid = 'priv_view.mine'::regclass;
-- who monitors: all tracks and backfills, no key and no row
SET ROLE regress_priv_monitor;
SELECT relation::text, name, problem FROM ecapi.track WHERE relation::text LIKE 'priv_view.%' ORDER BY 1;
SELECT relation::text, state, rows_read, last_key FROM ecapi.backfill WHERE relation::text LIKE 'priv_view.%' ORDER BY 1;
SELECT * FROM ecapi.own_failed_event;
SELECT * FROM ecapi.failed_event;
SELECT bytes > 0 AS holds, is_dropped, is_not_kept FROM ecapi.role_use WHERE role = 'regress_priv_owner'::regrole;
SET ROLE regress_priv_owner;
SELECT * FROM ecapi.role_use;
SELECT * FROM ecapi_internal.role_use();
RESET ROLE;
SET client_min_messages = error;
DROP SERVER priv_server, priv_another;
DROP SCHEMA priv_view CASCADE;
DROP FUNCTION public.priv_views;
DROP FUNCTION priv_other.leak;
DROP ROLE regress_priv_monitor;
DELETE FROM ecapi.failed_event WHERE failed_id > (SELECT s.failed_id FROM public.priv_seen s);
RESET client_min_messages;
SELECT count(*) > 0 AS events FROM public.priv_look();

--
-- Superusers: no code of a user runs with their rights.  Tracks whose SQL is more
-- than that set their rows aside; columns and paths between superusers' tables work.
--
SET ROLE regress_priv_other;
CREATE DOMAIN priv_other.word AS text CHECK (priv_other.yes(VALUE));
CREATE TYPE priv_other.pair AS (w priv_other.word);
CREATE TYPE priv_other.span AS RANGE (subtype = priv_other.word);
CREATE TABLE priv_other.to_give (
    id int PRIMARY KEY, x text, word priv_other.word, words priv_other.word[], pair priv_other.pair, state priv_other.state,
    row_id int REFERENCES priv_other.rows);
SET client_min_messages = warning;
SELECT ecapi.track('priv_other.to_give', 'search', name => name, mapping => jsonb_build_object('ext.v', source))
FROM (VALUES ('column', 'x'), ('builtin', 'upper(new.x)'), ('function', 'priv_other.evil(new.x)'), ('path', 'row_id.v'),
    ('query', '(SELECT v FROM priv_other.seen s WHERE s.k = new.id)'), ('cast', 'new.state::text'), ('domain', $$'x'::priv_other.word$$),
    ('array', $$('{x}'::priv_other.word[])[1]::text$$), ('composite', $$(('(x)'::priv_other.pair).w)::text$$), ('range', $$upper('[x,y]'::priv_other.span)::text$$),
    ('beside', $$(new.words = '{x}')::text$$), ('operator', $$(new.x OPERATOR(pg_catalog.=) 'x')::text$$),
    ('table_xml', $$(table_to_xml('priv_other.seen', true, true, new.x))::text$$), ('setting', $$current_setting(new.x)$$)) t(name, source);
SELECT ecapi.track('priv_other.to_give', 'search', '{"ext.v": "query_to_xml(''select 1'', true, true, new.x)::text"}');
SELECT ecapi.track('priv_other.to_give', 'search', '{"ext.v": "pg_read_file(new.x)"}');
RESET client_min_messages;
GRANT INSERT ON priv_other.to_give TO regress_priv_writer;
-- compiled in this session while the table was still the other role's
SET ROLE regress_priv_writer;
SET client_min_messages = error;
INSERT INTO priv_other.to_give VALUES (1, 'one');
RESET client_min_messages;
RESET ROLE;
SELECT count(*) FROM public.priv_look();
ALTER TABLE priv_other.to_give OWNER TO regress_priv_super;
SET ROLE regress_priv_writer;
INSERT INTO priv_other.to_give VALUES (2, 'two');
INSERT INTO priv_other.to_give (id, x, row_id, state) VALUES (3, 'three', 1, 'paid');
RESET ROLE;
SELECT name, problem FROM ecapi.track WHERE relation = 'priv_other.to_give'::regclass ORDER BY name;
SELECT * FROM public.priv_look();
-- the same for what a superuser declares
SET ROLE regress_priv_super;
SELECT ecapi.track('priv_other.to_give', 'search', '{"ext.v": "new.x"}', condition => $$new.words = '{x}'$$, name => 'function');
SELECT ecapi.track('priv_other.to_give', 'search', '{"ext.v": "new.x"}', condition => $$priv_other.yes('x')$$, name => 'function');
SELECT ecapi.track('priv_other.to_give', 'search', '{"ext.v": "priv_other.pair(''(x)'')"}', name => 'function');
SELECT ecapi.track('priv_other.to_give', 'search', '{"ext.v": "''x'' OPERATOR(priv_other.=) new.x"}', name => 'function');
SELECT ecapi.track('priv_other.to_give', 'search', '{"ext.v": "pg_read_file(new.x)"}', name => 'function');
SELECT ecapi.track('priv_other.to_give', 'search', '{"ext.v": "query_to_xml(new.x, true, true, '''')::text"}', name => 'function');
SELECT count(ecapi.untrack(relation, name => name)) FROM ecapi.track WHERE relation = 'priv_other.to_give'::regclass AND name <> 'column';
-- rows that wait to be captured again: no domain is asked for their values
SELECT ecapi.track('priv_other.to_give', 'search', '{"ext.v": "x", "ext.n": "1 / (new.id - new.id)"}', name => 'column');
SET client_min_messages = error;
INSERT INTO priv_other.to_give (id, x, word) VALUES (4, 'four', 'w');
INSERT INTO priv_other.to_give (id, x, words) VALUES (5, 'five', '{w}');
INSERT INTO priv_other.to_give (id, x, pair) VALUES (6, 'six', ROW('w'));
RESET client_min_messages;
SELECT ecapi.track('priv_other.to_give', 'search', '{"ext.v": "x"}', name => 'column');
SELECT * FROM ecapi.recapture('priv_other.to_give');
RESET ROLE;
SELECT * FROM public.priv_look();
-- a path into a table that is given to another role, while sessions have it compiled
ALTER TABLE priv.orders OWNER TO regress_priv_super;
ALTER TABLE priv.customers OWNER TO regress_priv_super;
SET ROLE regress_priv_writer;
INSERT INTO priv.orders VALUES (30, 'x', 1);
RESET ROLE;
ALTER TABLE priv.customers OWNER TO regress_priv_other;
SET ROLE regress_priv_other;
CREATE INDEX ON priv.customers (email) WHERE priv_other.yes('x');
SET ROLE regress_priv_writer;
INSERT INTO priv.orders VALUES (31, 'x', NULL);
INSERT INTO priv.orders SELECT 32, 'x', NULL;
SET ROLE regress_priv_other;
ALTER TABLE priv.customers RENAME TO clients;
CREATE VIEW priv.customers AS SELECT 1 AS id, priv_other.evil('evil@example.com') AS email;
GRANT SELECT ON priv.customers TO PUBLIC;
SET ROLE regress_priv_writer;
INSERT INTO priv.orders VALUES (33, 'x', NULL);
RESET ROLE;
SELECT * FROM public.priv_look();
-- all that a role has is given to a superuser, as before the role is dropped
SET ROLE regress_priv_trigger;
CREATE TABLE priv_trigger.left_over (id int PRIMARY KEY, x text);
SELECT ecapi.track('priv_trigger.left_over', 'search', '{"ext.v": "priv_trigger.evil(new.x)"}');
SELECT ecapi.track('priv_trigger.left_over', 'login', '{"ext.x": "x"}');
GRANT INSERT ON priv_trigger.left_over TO regress_priv_writer;
RESET ROLE;
REASSIGN OWNED BY regress_priv_trigger TO regress_priv_super;
SET ROLE regress_priv_writer;
INSERT INTO priv_trigger.left_over VALUES (1, 'x');
-- an owner who is made a superuser, and is none again
INSERT INTO priv.tries VALUES (100, 'SELECT 1');
RESET ROLE;
ALTER ROLE regress_priv_owner SUPERUSER;
SET ROLE regress_priv_writer;
INSERT INTO priv.tries VALUES (101, 'SELECT 1');
RESET ROLE;
ALTER ROLE regress_priv_owner NOSUPERUSER;
SET ROLE regress_priv_writer;
INSERT INTO priv.tries VALUES (102, 'SELECT 1');
RESET ROLE;
SELECT * FROM public.priv_look();

--
-- ecapi.run_as: a role that stands in for superusers, and who tries to reach more by it.
--
SET client_min_messages = warning;
CREATE ROLE regress_priv_stand_in;
CREATE ROLE regress_priv_between;
GRANT regress_priv_super TO regress_priv_between;
CREATE ROLE regress_priv_member NOINHERIT IN ROLE regress_priv_between;
CREATE SCHEMA priv_super AUTHORIZATION regress_priv_super;
GRANT USAGE ON SCHEMA priv_super TO PUBLIC;
RESET client_min_messages;
SET ROLE regress_priv_super;
CREATE TABLE priv_super.secrets (k int PRIMARY KEY, v text);
INSERT INTO priv_super.secrets SELECT g, 'superuser''s secret' FROM generate_series(1, 99) g;
CREATE TABLE priv_super.names (k int PRIMARY KEY, v text);
INSERT INTO priv_super.names VALUES (1, 'one'), (7, 'seven');
GRANT SELECT ON priv_super.names TO regress_priv_stand_in;
CREATE FUNCTION priv_super.tell(what text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN RAISE NOTICE 'superuser''s code runs as %', current_user; RETURN what; END $$;
CREATE TABLE priv_super.orders (id int PRIMARY KEY, x text, name_id int REFERENCES priv_super.names, secret_id int REFERENCES priv_super.secrets, at timestamptz DEFAULT now());
GRANT INSERT ON priv_super.orders TO regress_priv_writer;
-- none is named; each that fails the checks; and one that passes
SELECT ecapi.track('priv_super.orders', 'search', '{"ext.v": "priv_super.tell(new.x)"}');
SET ecapi.run_as = 'regress_priv_nobody';
SELECT ecapi.track('priv_super.orders', 'search', '{"ext.v": "priv_super.tell(new.x)"}');
SET ecapi.run_as = 'regress_priv_super';
SELECT ecapi.track('priv_super.orders', 'search', '{"ext.v": "priv_super.tell(new.x)"}');
SET ecapi.run_as = 'regress_priv_between';
SELECT ecapi.track('priv_super.orders', 'search', '{"ext.v": "priv_super.tell(new.x)"}');
SET ecapi.run_as = 'regress_priv_member';
SELECT ecapi.track('priv_super.orders', 'search', '{"ext.v": "priv_super.tell(new.x)"}');
SET ecapi.run_as = 'regress_priv_stand_in';
SELECT ecapi.track('priv_super.orders', 'search', '{"ext.v": "priv_super.tell(new.x)", "timestamp": "at", "ext.name": "name_id.v", "ext.user": "CURRENT_USER::text", "ext.n": "(SELECT count(*) FROM priv_super.names n WHERE n.k < new.id)"}');
-- its rights, no others
SELECT ecapi.track('priv_super.orders', 'search', '{"ext.v": "secret_id.v"}', name => 'secret');
SELECT ecapi.track('priv_super.orders', 'search', '{"ext.v": "(SELECT v FROM priv_super.secrets s WHERE s.k = new.id)"}', name => 'secret');
RESET ecapi.run_as;
RESET ROLE;
SELECT name, problem FROM ecapi.track WHERE relation = 'priv_super.orders'::regclass;
-- once for the database, in the sessions that begin then; a writer can neither set nor reset it
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET ecapi.run_as = regress_priv_stand_in', current_database()); END $$;
\c -
SET ROLE regress_priv_writer;
SET ecapi.run_as = 'regress_priv_writer';
RESET ecapi.run_as;
INSERT INTO priv_super.orders VALUES (1, 'x', 1);
ALTER ROLE regress_priv_writer SET ecapi.run_as = 'regress_priv_writer';
ALTER FUNCTION priv_writer.evil(text) SET ecapi.run_as = 'regress_priv_writer';
RESET ROLE;
SELECT * FROM public.priv_look();
SELECT name, problem FROM ecapi.track WHERE relation = 'priv_super.orders'::regclass;
-- nor as the user of its own session
\c -
SET SESSION AUTHORIZATION regress_priv_writer;
SET ecapi.run_as = 'regress_priv_other';
INSERT INTO priv_super.orders VALUES (2, 'x', 1);
SHOW ecapi.run_as;
RESET SESSION AUTHORIZATION;
SELECT * FROM public.priv_look();
-- made a superuser, or a member of one, while sessions have the track compiled; and none again
ALTER ROLE regress_priv_stand_in SUPERUSER;
INSERT INTO priv_super.orders VALUES (3, 'x', 1);
ALTER ROLE regress_priv_stand_in NOSUPERUSER;
INSERT INTO priv_super.orders VALUES (4, 'x', 1);
GRANT regress_priv_member TO regress_priv_stand_in;
INSERT INTO priv_super.orders VALUES (5, 'x', 1);
-- the one between is member of what is no superuser any more
ALTER ROLE regress_priv_super NOSUPERUSER;
SELECT name, problem FROM ecapi.track WHERE relation = 'priv_super.orders'::regclass;
ALTER ROLE regress_priv_super SUPERUSER;
REVOKE regress_priv_member FROM regress_priv_stand_in;
INSERT INTO priv_super.orders VALUES (6, 'x', 1);
SELECT * FROM ecapi.recapture('priv_super.orders');
SELECT * FROM public.priv_look();
-- rights that are taken from it, and given to it
REVOKE SELECT ON priv_super.names FROM regress_priv_stand_in;
INSERT INTO priv_super.orders VALUES (7, 'x', 7);
GRANT SELECT ON priv_super.names TO regress_priv_stand_in;
SELECT * FROM public.priv_look();
-- rows of the table are read with its rights, too
CALL ecapi.backfill('priv_super.orders', 'search');
GRANT SELECT ON priv_super.orders TO regress_priv_stand_in;
SET client_min_messages = error;
CALL ecapi.backfill('priv_super.orders', 'search');
RESET client_min_messages;
SELECT id FROM public.priv_look();
-- what came to a superuser with its track runs as the stand-in: the giver's code, without the giver's rights
GRANT USAGE ON SCHEMA priv_trigger TO regress_priv_stand_in;
SET client_min_messages = notice;
INSERT INTO priv_trigger.left_over VALUES (2, 'x');
RESET client_min_messages;
SELECT * FROM public.priv_look();
-- dropped
REVOKE ALL ON priv_super.names, priv_super.orders FROM regress_priv_stand_in;
REVOKE USAGE ON SCHEMA priv_trigger FROM regress_priv_stand_in;
DROP ROLE regress_priv_stand_in;
INSERT INTO priv_super.orders VALUES (8, 'x', 1);
SELECT name, problem FROM ecapi.track WHERE relation = 'priv_super.orders'::regclass;
SELECT * FROM public.priv_look();
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET ecapi.run_as', current_database()); END $$;
\c -
-- ecapi.event_id() names events on a superuser's table, and runs no code of another's table
SET ROLE regress_priv_super;
SELECT ecapi.track('priv_super.orders', 'search', '{"ext.v": "ecapi.event_id(''priv_super.orders'', ''search'', new.id)"}');
INSERT INTO priv_super.orders VALUES (9, 'x');
SET ROLE regress_priv_other;
CREATE TABLE priv_other.lists (words priv_other.word[] PRIMARY KEY);
SELECT ecapi.track('priv_other.lists', 'search');
SET ROLE regress_priv_super;
SELECT ecapi.track('priv_super.orders', 'search', '{"ext.v": "ecapi.event_id(''priv_other.lists'', ''search'', ''{a}''::text)"}');
INSERT INTO priv_super.orders VALUES (10, 'x');
RESET ROLE;
SELECT * FROM public.priv_look();

--
-- A table that comes to a superuser brings along what its maker put behind the
-- queries that read it: casts in foreign keys, functions in indexes and
-- statistics, of the table that a path leads to and of the tracked one.
--
SET ROLE regress_priv_other;
CREATE TYPE priv_other.ref AS ENUM ('one');
CREATE FUNCTION priv_other.to_key(priv_other.ref) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RAISE NOTICE 'cast of other runs as %', current_user; RETURN 1; END $$;
CREATE CAST (priv_other.ref AS int) WITH FUNCTION priv_other.to_key AS IMPLICIT;
CREATE TABLE priv_other.clean (id int PRIMARY KEY, email text);
CREATE TABLE priv_other.predicate (id int PRIMARY KEY, email text);
CREATE TABLE priv_other.expression (id int PRIMARY KEY, email text);
CREATE TABLE priv_other.statistics (id int PRIMARY KEY, email text);
CREATE TABLE priv_other.checked (id int PRIMARY KEY, email text CHECK (priv_other.yes('x')));
SET client_min_messages = warning;
INSERT INTO priv_other.clean VALUES (1, 'v@example.com');
INSERT INTO priv_other.predicate VALUES (1, 'v@example.com');
INSERT INTO priv_other.expression VALUES (1, 'v@example.com');
INSERT INTO priv_other.statistics VALUES (1, 'v@example.com');
INSERT INTO priv_other.checked VALUES (1, 'v@example.com');
CREATE INDEX predicate_index ON priv_other.predicate (email) WHERE priv_other.yes('x');
CREATE INDEX expression_index ON priv_other.expression ((email || priv_other.yes('x')::text));
CREATE STATISTICS priv_other.statistics_more ON email, (priv_other.yes('x')) FROM priv_other.statistics;
CREATE TABLE priv_other.paths (id int PRIMARY KEY, at timestamptz, ref priv_other.ref REFERENCES priv_other.clean,
    clean int REFERENCES priv_other.clean, predicate int REFERENCES priv_other.predicate, expression int REFERENCES priv_other.expression,
    statistics int REFERENCES priv_other.statistics, checked int REFERENCES priv_other.checked, customer_id int REFERENCES priv_other.expression);
SELECT count(ecapi.track('priv_other.paths', 'search', jsonb_build_object('timestamp', 'at', 'ext.v', path || '.email'), name => path))
FROM unnest('{ref,clean,predicate,expression,statistics,checked}'::text[]) path;
GRANT INSERT ON priv_other.paths TO regress_priv_writer;
RESET ROLE;
ALTER TABLE priv_other.clean OWNER TO regress_priv_super;
ALTER TABLE priv_other.predicate OWNER TO regress_priv_super;
ALTER TABLE priv_other.expression OWNER TO regress_priv_super;
ALTER TABLE priv_other.statistics OWNER TO regress_priv_super;
ALTER TABLE priv_other.checked OWNER TO regress_priv_super;
ALTER TABLE priv_other.paths OWNER TO regress_priv_super;
RESET client_min_messages;
-- the server's own checks of foreign keys stay out of it
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'priv_other.paths'::regclass AND tgisinternal LOOP
        EXECUTE format('ALTER TABLE priv_other.paths DISABLE TRIGGER %I', t.tgname);
    END LOOP;
END $$;
SET constraint_exclusion = on;
SET ROLE regress_priv_writer;
INSERT INTO priv_other.paths VALUES (1, '2020-01-01 00:00:00Z', 'one', 1, 1, 1, 1, 1, 1);
RESET ROLE;
SELECT * FROM public.priv_look();
SELECT ecapi.suggest_mapping('priv_other.paths', 'search')->'user_data.email_address' AS suggested;
-- the tracked table itself
SELECT count(ecapi.untrack(relation, name => name)) FROM ecapi.track WHERE relation = 'priv_other.paths'::regclass AND name <> 'clean';
SET ROLE regress_priv_super;
CALL ecapi.backfill('priv_other.paths', 'search');
RESET ROLE;
SET client_min_messages = warning;
CREATE INDEX paths_index ON priv_other.paths (id) WHERE priv_other.yes('x');
RESET client_min_messages;
SET ROLE regress_priv_super;
CALL ecapi.backfill('priv_other.paths', 'search');
SELECT r FROM ecapi.reconcile('priv_other.paths', '2019-01-01', now()) r;
RESET ROLE;
DROP INDEX priv_other.paths_index;
RESET constraint_exclusion;
-- an order of rows by functions of the other role
CREATE FUNCTION priv_other.compare(int, int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
CREATE FUNCTION priv_other.less(int, int) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4lt';
CREATE FUNCTION priv_other.more(int, int) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4gt';
CREATE OPERATOR priv_other.< (FUNCTION = priv_other.less, LEFTARG = int, RIGHTARG = int);
CREATE OPERATOR priv_other.> (FUNCTION = priv_other.more, LEFTARG = int, RIGHTARG = int);
CREATE OPERATOR CLASS priv_other.ints FOR TYPE int USING btree AS OPERATOR 1 priv_other.<, OPERATOR 3 pg_catalog.=, OPERATOR 5 priv_other.>,
    FUNCTION 1 priv_other.compare(int, int);
CREATE TABLE priv_other.ordered (id int NOT NULL, at timestamptz);
CREATE UNIQUE INDEX ordered_index ON priv_other.ordered (id priv_other.ints);
INSERT INTO priv_other.ordered VALUES (1, '2020-01-01 00:00:00Z'), (2, '2020-01-01 00:00:00Z');
CREATE OR REPLACE FUNCTION priv_other.compare(a int, b int) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN RAISE NOTICE 'order of other runs as %', current_user; RETURN a - b; END $$;
ALTER TABLE priv_other.ordered OWNER TO regress_priv_super;
ALTER FUNCTION priv_other.compare OWNER TO regress_priv_other;
\c -
SET ROLE regress_priv_super;
SELECT ecapi.track('priv_other.ordered', 'search', '{"timestamp": "at", "id": "new.id::text"}');
SET enable_seqscan = off;
CALL ecapi.backfill('priv_other.ordered', 'search', page_size => 1);
RESET enable_seqscan;
-- a range that is made by a function of the other role
RESET ROLE;
SET client_min_messages = warning;
CREATE TYPE priv_other.whole;
CREATE FUNCTION priv_other.canonical(priv_other.whole) RETURNS priv_other.whole LANGUAGE internal IMMUTABLE STRICT AS 'int4range_canonical';
RESET client_min_messages;
CREATE TYPE priv_other.whole AS RANGE (subtype = int, canonical = priv_other.canonical);
CREATE TABLE priv_other.ranged (id int PRIMARY KEY, one priv_other.whole, many priv_other.whole[], x text);
ALTER TABLE priv_other.ranged OWNER TO regress_priv_super;
CREATE TABLE priv_other.keyed (id priv_other.whole PRIMARY KEY, at timestamptz, x text);
INSERT INTO priv_other.keyed VALUES ('[1,2)', '2020-01-01 00:00:00Z', 'one'), ('[2,3)', '2020-01-01 00:00:00Z', 'two');
ALTER TABLE priv_other.keyed OWNER TO regress_priv_super;
SET ROLE regress_priv_super;
SELECT ecapi.track('priv_other.ranged', 'search', '{"ext.n": "1 / (new.id - new.id)"}');
INSERT INTO priv_other.ranged VALUES (1, '[1,2)', NULL, 'x'), (2, NULL, '{"[1,2)"}', 'x'), (3, NULL, NULL, 'x');
SELECT ecapi.track('priv_other.ranged', 'search', '{"ext.v": "x"}');
RESET ROLE;
CREATE OR REPLACE FUNCTION priv_other.canonical(r priv_other.whole) RETURNS priv_other.whole LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN RAISE NOTICE 'range of other runs as %', current_user; RETURN r; END $$;
ALTER FUNCTION priv_other.canonical OWNER TO regress_priv_other;
\c -
SET ROLE regress_priv_super;
SELECT * FROM ecapi.recapture('priv_other.ranged');
SELECT ecapi.track('priv_other.keyed', 'search', '{"timestamp": "at", "id": "x"}');
CALL ecapi.backfill('priv_other.keyed', 'search', page_size => 1);
RESET ROLE;
SELECT * FROM public.priv_look();

SET client_min_messages = error;
DROP ROLE regress_priv_member, regress_priv_between;
DROP OWNED BY regress_priv_owner, regress_priv_writer, regress_priv_trigger, regress_priv_other, regress_priv_super CASCADE;
DROP ROLE regress_priv_owner, regress_priv_writer, regress_priv_trigger, regress_priv_other, regress_priv_super;
DROP FUNCTION public.priv_look;
DROP TABLE public.priv_seen;
