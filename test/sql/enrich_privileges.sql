--
-- Who an enrichment runs as, and what it cannot become, keep or leave behind: by
-- its author, and by the owner of what it reads.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;
CREATE ROLE guard_shop;			-- owns the server
CREATE ROLE guard_author;		-- writes enrichments
CREATE ROLE guard_other;		-- owns what is read
CREATE ROLE guard_root SUPERUSER;
CREATE SCHEMA guard;
GRANT ALL ON SCHEMA guard TO guard_shop, guard_author, guard_other;
GRANT USAGE ON SCHEMA ecapi TO guard_shop, guard_author, guard_other;
\getenv probes PG_LIBDIR
\set probe :probes '/ecapi_probe_enrich'
CREATE FUNCTION guard.run(names text, server_owner regrole, events jsonb[] DEFAULT '{"{\"id\": \"a\", \"event_type\": \"purchase\", \"timestamp\": 1700000000}"}',
    timeout_ms int DEFAULT 60000, max_bytes int DEFAULT 100000, OUT seq bigint, OUT event jsonb, OUT problem text) RETURNS SETOF record
    AS :'probe', 'ecapi_probe_enrich' LANGUAGE c;
CREATE FUNCTION guard.role_of(server_owner oid, function_owner oid) RETURNS regrole
    AS :'probe', 'ecapi_probe_role' LANGUAGE c;
-- what a list of functions says, or why it does not
CREATE FUNCTION guard.says(names text, server_owner text DEFAULT 'guard_shop') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT coalesce(r.problem, r.event->'ext'->>'says', 'nothing') FROM guard.run(names, server_owner::regrole) r);
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
-- an enrichment of the author's whose body is given
CREATE FUNCTION guard.write(body text, attributes text DEFAULT '', name text DEFAULT 'written') RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
    EXECUTE format($$CREATE OR REPLACE FUNCTION guard.%I(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) LANGUAGE plpgsql VOLATILE %s AS %L$$,
        name, attributes, 'DECLARE got text; BEGIN ' || body || '; RETURN QUERY SELECT e.seq, jsonb_build_object(''ext'', jsonb_build_object(''says'', coalesce(got, ''done''))) FROM unnest(page) e; END');
    EXECUTE format('ALTER FUNCTION guard.%I OWNER TO guard_author', name);
END $f$;
-- the same, run once, by who owns the server
CREATE FUNCTION guard.tries(body text, attributes text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM guard.write(body, attributes);
    RETURN guard.says('guard.written');
END $$;

-- ---- whom it runs as

SELECT s.rolname AS server_owner, f.rolname AS function_owner, guard.role_of(s.oid, f.oid) FROM pg_roles s, pg_roles f
    WHERE s.rolname ~ '^guard_(shop|root)' AND f.rolname ~ '^guard_(author|root)' ORDER BY 1, 2;
SELECT guard.role_of('guard_root'::regrole, 0), guard.role_of(0, 'guard_author'::regrole), guard.role_of(4294967294, 'guard_author'::regrole),
    guard.role_of('guard_root'::regrole, 4294967294);
SELECT guard.write('got := current_user || '' '' || current_setting(''is_superuser'')') \g /dev/null
SELECT guard.says('guard.written', 'guard_shop') AS shop, guard.says('guard.written', 'guard_root') AS root;
ALTER FUNCTION guard.written SECURITY DEFINER;
SELECT guard.says('guard.written', 'guard_shop') AS shop, guard.says('guard.written', 'guard_root') AS root;
-- both are superusers
ALTER FUNCTION guard.written OWNER TO guard_root;
SELECT guard.says('guard.written', 'guard_root');
-- a role that stands in for both, while it is neither a superuser nor a member of one
CREATE ROLE guard_between;
GRANT guard_root TO guard_between;
ALTER FUNCTION guard.written SECURITY INVOKER;
SET ecapi.run_as = 'guard_nobody';
SELECT guard.says('guard.written', 'guard_root');
SET ecapi.run_as = 'guard_root';
SELECT guard.says('guard.written', 'guard_root');
SET ecapi.run_as = 'guard_other';
SELECT guard.says('guard.written', 'guard_root');
-- nobody but superusers' functions on superusers' servers
SELECT s.rolname AS server_owner, f.rolname AS function_owner, guard.role_of(s.oid, f.oid) FROM pg_roles s, pg_roles f
    WHERE s.rolname ~ '^guard_(shop|root)' AND f.rolname ~ '^guard_(author|root)' ORDER BY 1, 2;
REVOKE EXECUTE ON FUNCTION guard.written FROM PUBLIC;
SELECT guard.says('guard.written', 'guard_root');
GRANT EXECUTE ON FUNCTION guard.written TO PUBLIC;
GRANT guard_between TO guard_other;
SELECT guard.says('guard.written', 'guard_root');
REVOKE guard_between FROM guard_other;
SELECT guard.says('guard.written', 'guard_root');
ALTER ROLE guard_other SUPERUSER;
SELECT guard.says('guard.written', 'guard_root');
ALTER ROLE guard_other NOSUPERUSER;
SELECT guard.says('guard.written', 'guard_root');
-- a definer function of a superuser has the superuser's rights, for every caller
ALTER FUNCTION guard.written SECURITY DEFINER;
SELECT guard.says('guard.written', 'guard_root');
ALTER FUNCTION guard.written SECURITY INVOKER;
RESET ecapi.run_as;
SELECT guard.says('guard.written', 'guard_root');
DROP ROLE guard_between;
-- REASSIGN OWNED fires no event trigger
ALTER FUNCTION guard.written OWNER TO guard_other;
SELECT guard.says('guard.written', 'guard_root');
REASSIGN OWNED BY guard_other TO guard_root;
SELECT guard.says('guard.written', 'guard_root');
ALTER ROLE guard_shop SUPERUSER;
SELECT guard.says('guard.written', 'guard_shop');
ALTER ROLE guard_shop NOSUPERUSER;
SELECT guard.says('guard.written', 'guard_shop');
-- who may not call it
REVOKE EXECUTE ON FUNCTION guard.written FROM PUBLIC;
SELECT guard.says('guard.written');
GRANT EXECUTE ON FUNCTION guard.written TO guard_shop;
SELECT guard.says('guard.written');
REVOKE USAGE ON SCHEMA guard FROM guard_shop;
SELECT guard.says('guard.written');
GRANT USAGE ON SCHEMA guard TO guard_shop;
DROP FUNCTION guard.written;

-- ---- to become another

SELECT guard.tries('SET ROLE guard_root'), guard.tries('PERFORM set_config(''role'', ''guard_root'', false)'),
    guard.tries('SET LOCAL ROLE guard_author'), guard.tries('RESET ROLE'), guard.tries('SET SESSION AUTHORIZATION guard_root'),
    guard.tries('RESET SESSION AUTHORIZATION'), guard.tries('SET SESSION AUTHORIZATION DEFAULT') \gx
SELECT guard.tries('SET ROLE guard_root', 'SECURITY DEFINER'), guard.tries('RESET SESSION AUTHORIZATION', 'SECURITY DEFINER'),
    guard.tries('BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN got := current_user; END') \gx
-- as a setting of the function itself
GRANT guard_author TO guard_shop;
SELECT guard.write('got := current_user') \g /dev/null
ALTER FUNCTION guard.written SET ROLE = 'guard_author';
SELECT guard.says('guard.written');
REVOKE guard_author FROM guard_shop;
DROP FUNCTION guard.written;
-- and as none of them may the session go on
SELECT current_user = session_user AS same, current_setting('role') AS role;

-- ---- to write

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ecapi TO guard_shop;
GRANT EXECUTE ON FUNCTION ecapi_emit TO guard_shop;
CREATE SERVER guard_server FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://receiver.example');
GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO guard_shop;
ALTER SERVER guard_server OWNER TO guard_shop;
CREATE TABLE guard.book (n int);
GRANT ALL ON guard.book TO PUBLIC;
CREATE SEQUENCE guard.counter;
GRANT ALL ON guard.counter TO PUBLIC;
SELECT guard.tries('INSERT INTO guard.book VALUES (1)'), guard.tries('DELETE FROM guard.book'), guard.tries('TRUNCATE guard.book'),
    guard.tries('PERFORM * FROM guard.book FOR UPDATE'), guard.tries('PERFORM nextval(''guard.counter'')'),
    guard.tries('CREATE TABLE guard.mine ()'), guard.tries('CREATE TEMP TABLE mine ()'), guard.tries('DROP FUNCTION guard.written'),
    guard.tries('GRANT guard_root TO guard_author'), guard.tries('REASSIGN OWNED BY guard_author TO guard_shop'),
    guard.tries('COPY guard.book FROM PROGRAM ''true'''), guard.tries('ALTER SYSTEM SET work_mem = ''1MB'''),
    guard.tries('SET TRANSACTION READ WRITE; INSERT INTO guard.book VALUES (1)'),
    guard.tries('SET transaction_read_only = off; INSERT INTO guard.book VALUES (1)'),
    guard.tries('PERFORM set_config(''transaction_read_only'', ''off'', true); INSERT INTO guard.book VALUES (1)'),
    guard.tries('BEGIN SET TRANSACTION READ WRITE; INSERT INTO guard.book VALUES (1); EXCEPTION WHEN division_by_zero THEN NULL; END'),
    guard.tries('PERFORM public.ecapi_emit(''purchase'')'), guard.tries('PERFORM ecapi.pause(''guard_server'')') \gx
-- (since 16 nobody can even make such a function)
DO $$ DECLARE says text; BEGIN
    says := guard.tries('INSERT INTO guard.book VALUES (1)', 'SECURITY DEFINER SET transaction_read_only = off');
    RAISE NOTICE '%', replace(says, 'enrichment "guard.written": its SQL fails (SQL error 25001)', 'refused');
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'refused';
END $$;
SELECT count(*) FROM guard.book;
DROP SERVER guard_server;
-- what a read-only transaction lets through is rolled back (before 16, large objects, too)
SELECT num_nonnulls(guard.tries('PERFORM lo_create(424242)'), guard.tries('PERFORM lo_from_bytea(424243, ''\x00'')')) AS large, guard.tries('NOTIFY guard_channel');
SELECT count(*) FROM pg_largeobject_metadata WHERE oid IN (424242, 424243);
CREATE TEMP TABLE guard_temp (n int);
GRANT ALL ON guard_temp TO PUBLIC;
SELECT guard.tries('INSERT INTO pg_temp.guard_temp VALUES (1)');
SELECT count(*) FROM guard_temp;

-- ---- to end the transaction

SELECT guard.tries('COMMIT'), guard.tries('ROLLBACK'), guard.tries('EXECUTE ''COMMIT'''), guard.tries('SAVEPOINT s'),
    guard.tries('PREPARE TRANSACTION ''guard'''), guard.tries('START TRANSACTION') \gx
CREATE PROCEDURE guard.committing() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
SELECT guard.tries('CALL guard.committing()'), guard.tries('DO $x$ BEGIN COMMIT; END $x$');

-- ---- to leave something behind

SELECT guard.tries('LISTEN guard_channel'), guard.tries('UNLISTEN *'), guard.tries('PREPARE left_behind AS SELECT 1'), guard.tries('EXECUTE ''DEALLOCATE ALL'''),
    guard.tries('EXECUTE ''DECLARE left_behind CURSOR WITH HOLD FOR SELECT 1'''), guard.tries('DISCARD ALL'), guard.tries('EXECUTE ''CLOSE ALL'''),
    guard.tries('LOAD ''plpgsql''') \gx
SELECT guard.tries('DECLARE c refcursor := ''left_behind''; BEGIN OPEN c FOR SELECT 1; END'),
    guard.tries('PERFORM set_config(''search_path'', ''guard'', false)'), guard.tries('SET work_mem = ''77MB'''),
    guard.tries('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY'), guard.tries('PERFORM set_config(''guard.note'', ''left'', false)'),
    guard.tries('SET statement_timeout = 1'), guard.tries('RESET ALL') \gx
SELECT guard.tries('SET work_mem = ''77MB''', 'SET work_mem = ''78MB''') AS own_settings;
SELECT current_setting('work_mem') AS work_mem, current_setting('search_path') AS path, current_setting('guard.note', true) AS note,
    current_setting('default_transaction_read_only') AS read_only, current_setting('statement_timeout') AS timeout;
SELECT count(*) AS cursors FROM pg_cursors WHERE name = 'left_behind';
SELECT count(*) AS prepared FROM pg_prepared_statements WHERE name = 'left_behind';
SELECT count(*) AS channels FROM pg_listening_channels();
-- advisory locks: the session keeps its own, and gets no others
SELECT pg_advisory_lock(1), pg_advisory_lock_shared(2) \g /dev/null
SELECT guard.tries('PERFORM pg_advisory_lock(2), pg_advisory_lock(3), pg_advisory_lock(3), pg_advisory_lock_shared(4), pg_advisory_xact_lock(5), pg_advisory_lock(6, 7)');
SELECT guard.tries('PERFORM pg_advisory_lock(3), 1 / 0');
SELECT objid, objsubid, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 1;
SELECT pg_advisory_unlock_all() \g /dev/null
-- nor other locks
SELECT guard.tries('LOCK TABLE guard.book IN ACCESS EXCLUSIVE MODE');
SELECT count(*) FROM pg_locks WHERE relation = 'guard.book'::regclass;

-- ---- by the owner of what is read

SET ROLE guard_other;
CREATE TABLE guard.customers (id text, segment text);
INSERT INTO guard.customers VALUES ('a', 'gold');
-- a view that does what its owner may not
CREATE FUNCTION guard.lever() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    who text := current_user;
BEGIN
    BEGIN
        EXECUTE 'ALTER ROLE guard_other SUPERUSER';
        who := who || ' did it';
    EXCEPTION WHEN OTHERS THEN
        who := who || ' ' || SQLSTATE;
    END;
    BEGIN
        EXECUTE 'RESET ROLE';
        who := who || ' did that';
    EXCEPTION WHEN OTHERS THEN
        who := who || ' ' || SQLSTATE;
    END;
    RETURN who;
END $$;
CREATE VIEW guard.segments AS SELECT id, guard.lever() AS segment FROM guard.customers;
-- a cast and an operator that are found by themselves
CREATE TYPE guard.level AS (name text);
CREATE FUNCTION guard.level_text(guard.level) RETURNS text LANGUAGE sql AS $$ SELECT guard.lever() $$;
CREATE CAST (guard.level AS text) WITH FUNCTION guard.level_text(guard.level) AS ASSIGNMENT;
CREATE FUNCTION guard.level_eq(guard.level, text) RETURNS bool LANGUAGE sql AS $$ SELECT guard.lever() IS NOT NULL $$;
CREATE OPERATOR guard.= (FUNCTION = guard.level_eq, LEFTARG = guard.level, RIGHTARG = text);
CREATE TABLE guard.levels (id text, level guard.level);
INSERT INTO guard.levels VALUES ('a', ROW('x'));
GRANT SELECT ON guard.segments, guard.levels, guard.customers TO guard_shop, guard_author;
-- row security that runs code
ALTER TABLE guard.customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON guard.customers USING (guard.lever() IS NOT NULL);
RESET ROLE;
CREATE FUNCTION guard.joining(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('says', s.segment)) FROM unnest(page) e JOIN guard.segments s ON s.id = e.id $$;
CREATE FUNCTION guard.casting(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('says', l.level::text)) FROM unnest(page) e JOIN guard.levels l ON l.id = e.id $$;
CREATE FUNCTION guard.seeing(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('says', c.segment)) FROM unnest(page) e JOIN guard.customers c ON c.id = e.id $$;
SELECT name, guard.says('guard.' || name, 'guard_shop') AS shop, guard.says('guard.' || name, 'guard_root') AS root
    FROM unnest('{joining,casting,seeing}'::text[]) name;
ALTER FUNCTION guard.joining OWNER TO guard_author;
ALTER FUNCTION guard.casting OWNER TO guard_author;
ALTER FUNCTION guard.seeing OWNER TO guard_author;
SELECT name, guard.says('guard.' || name, 'guard_shop') AS shop, guard.says('guard.' || name, 'guard_root') AS root
    FROM unnest('{joining,casting,seeing}'::text[]) name;

-- ---- by a function, operator or table of the same name in an earlier schema

CREATE SCHEMA guard_front AUTHORIZATION guard_other;
GRANT USAGE ON SCHEMA guard_front TO PUBLIC;
SET ROLE guard_other;
CREATE FUNCTION guard_front.upper(text) RETURNS text LANGUAGE sql AS $$ SELECT 'front' $$;
CREATE FUNCTION guard_front.concat_op(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'front' $$;
CREATE OPERATOR guard_front.|| (FUNCTION = guard_front.concat_op, LEFTARG = text, RIGHTARG = text);
CREATE TABLE guard_front.pg_database (datname text);
RESET ROLE;
CREATE TEMP TABLE pg_am (amname text);
SELECT guard.write('got := upper(''x'') || ''y'' || (SELECT count(*) > 0 FROM pg_database) || (SELECT count(*) > 0 FROM pg_am)') \g /dev/null
SET search_path = guard_front, pg_temp, pg_catalog;
SELECT upper('x') || 'y' AS here, (SELECT count(*) FROM pg_database) AS databases, (SELECT count(*) FROM pg_am) AS methods;
SELECT guard.says('guard.written');
RESET search_path;
DROP TABLE pg_temp.pg_am;

-- ---- one inside another

CREATE FUNCTION guard.plain(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
GRANT EXECUTE ON FUNCTION guard.run TO guard_shop;
SELECT guard.tries('PERFORM * FROM guard.run(''guard.plain'', ''guard_shop'')');
SELECT guard.says('guard.plain');

-- ---- what it reads is what the transaction sees

BEGIN;
INSERT INTO guard.book VALUES (7);
SELECT guard.tries('got := (SELECT sum(n) FROM guard.book)');
ROLLBACK;
BEGIN READ ONLY;
SELECT guard.says('guard.plain');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT guard.says('guard.plain');
INSERT INTO guard.book VALUES (8);
COMMIT;
SELECT * FROM guard.book;

SET client_min_messages = warning;
DROP SCHEMA guard, guard_front CASCADE;
DROP OWNED BY guard_shop, guard_author, guard_other, guard_root;
DROP ROLE guard_shop, guard_author, guard_other, guard_root;
-- with the grants on what is its own, which other tests look at
DROP EXTENSION ecapi CASCADE;
