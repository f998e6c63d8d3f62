-- DDL of roles that have nothing to do with a track: it neither fails nor hangs
-- nor runs the code of the track's owner, whatever the track names.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_ddl_tracker;
CREATE ROLE regress_ddl_stranger;
CREATE ROLE regress_ddl_monitor;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture TO regress_ddl_tracker;
GRANT USAGE ON SCHEMA ecapi TO regress_ddl_tracker, regress_ddl_stranger, regress_ddl_monitor;
GRANT SELECT ON ecapi.track TO regress_ddl_tracker, regress_ddl_stranger;
GRANT pg_monitor TO regress_ddl_monitor;
CREATE SCHEMA mine AUTHORIZATION regress_ddl_tracker;
CREATE SCHEMA spare AUTHORIZATION regress_ddl_tracker;
CREATE SCHEMA theirs AUTHORIZATION regress_ddl_stranger;
CREATE SCHEMA shared_a AUTHORIZATION regress_ddl_stranger;
GRANT USAGE ON SCHEMA theirs, shared_a TO regress_ddl_tracker;
GRANT USAGE ON SCHEMA mine TO regress_ddl_monitor;
RESET client_min_messages;

--
-- A track names a function, a type, tables and a view of its own schema, and is
-- broken since before.  Objects of the same names elsewhere are none of its business.
--
SET ROLE regress_ddl_tracker;
CREATE FUNCTION mine.score(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE TYPE mine.mood AS ENUM ('glad', 'sad');
CREATE TYPE mine.address AS (street text, city text);
CREATE TABLE mine.prices (id int PRIMARY KEY, price int);
CREATE VIEW mine.best AS SELECT * FROM mine.prices;
CREATE TABLE mine.orders (id int PRIMARY KEY, n int, mood mine.mood, home mine.address, gone int REFERENCES mine.prices);
SELECT ecapi.track('mine.orders', 'login', jsonb_build_object('ext.' || field, source), name => field)
FROM (VALUES ('score', 'mine.score(new.n) + new.gone'),
    ('mood', '(CASE WHEN new.gone > 0 THEN ''glad''::mine.mood END)'),
    ('price', '(SELECT p.price + new.gone FROM mine.prices p WHERE p.id = new.id)'),
    ('best', '(SELECT p.price + new.gone FROM mine.best p WHERE p.id = new.id)'),
    ('path', 'gone.price'),
    ('city', '((new.home).city || new.gone)')) v (field, source);
RESET ROLE;
SET session_replication_role = replica;
ALTER TABLE mine.orders DROP COLUMN gone;
RESET session_replication_role;
CREATE PROCEDURE public.ddl_strangers() LANGUAGE plpgsql AS $$
DECLARE
    command text;
BEGIN
    FOREACH command IN ARRAY ARRAY[
        'CREATE FUNCTION theirs.score(int) RETURNS int IMMUTABLE LANGUAGE sql AS ''SELECT $1''',
        'CREATE OR REPLACE FUNCTION theirs.score(int) RETURNS int VOLATILE LANGUAGE sql AS ''SELECT $1''',
        'ALTER FUNCTION theirs.score STABLE',
        'ALTER FUNCTION theirs.score RENAME TO points',
        'ALTER FUNCTION theirs.points RENAME TO score',
        'CREATE TYPE theirs.mood AS ENUM (''glad'', ''sad'')',
        'ALTER TYPE theirs.mood RENAME VALUE ''glad'' TO ''happy''',
        'ALTER TYPE theirs.mood RENAME TO humour',
        'ALTER TYPE theirs.humour RENAME TO mood',
        'CREATE TYPE theirs.address AS (street text, city text)',
        'ALTER TYPE theirs.address RENAME ATTRIBUTE city TO town',
        'ALTER TYPE theirs.address RENAME ATTRIBUTE town TO city',
        'ALTER TYPE theirs.address DROP ATTRIBUTE city',
        'CREATE TABLE theirs.prices (id int PRIMARY KEY, price int, gone int)',
        'CREATE TABLE theirs.orders (id int PRIMARY KEY REFERENCES theirs.prices, n int, gone int)',
        'CREATE VIEW theirs.best AS SELECT * FROM theirs.prices',
        'DROP VIEW theirs.best',
        'ALTER TABLE theirs.prices ALTER gone TYPE bigint',
        'ALTER TABLE theirs.prices RENAME gone TO went',
        'ALTER TABLE theirs.prices DROP COLUMN went',
        'ALTER TABLE theirs.prices RENAME TO costs',
        'ALTER TABLE theirs.costs RENAME TO prices',
        'ALTER TABLE theirs.orders DROP CONSTRAINT orders_id_fkey',
        'ALTER TABLE theirs.orders DROP CONSTRAINT orders_pkey',
        'ALTER TABLE theirs.prices SET SCHEMA shared_a',
        'ALTER FUNCTION theirs.score SET SCHEMA shared_a',
        'ALTER TYPE theirs.mood SET SCHEMA shared_a',
        'DROP FUNCTION shared_a.score',
        'DROP TYPE shared_a.mood',
        'DROP TYPE theirs.address',
        'DROP TABLE shared_a.prices CASCADE',
        'CREATE VIEW theirs.best AS SELECT 1 AS id',
        'DROP VIEW theirs.best',
        'DROP TABLE theirs.orders']
    LOOP
        BEGIN
            EXECUTE command;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING '%: %', command, SQLERRM;
        END;
    END LOOP;
END $$;
SET ROLE regress_ddl_stranger;
CALL public.ddl_strangers();
RESET ROLE;
CALL public.ddl_strangers();
-- a schema, too, whose name is that of a column or of a table
CREATE SCHEMA home;
CREATE SCHEMA prices;
CREATE TABLE home.city (id int PRIMARY KEY);
ALTER SCHEMA home RENAME TO house;
ALTER SCHEMA prices RENAME TO orders;
SET client_min_messages = warning;
DROP SCHEMA orders;
DROP SCHEMA house CASCADE;
RESET client_min_messages;
-- those that it names it cannot hold either: it is broken without this
SET ROLE regress_ddl_tracker;
ALTER TYPE mine.mood RENAME VALUE 'glad' TO 'happy';
ALTER TABLE mine.orders ALTER n TYPE bigint;
ALTER TYPE mine.address RENAME ATTRIBUTE city TO town;
ALTER TABLE mine.prices RENAME price TO cost;
DROP VIEW mine.best;
DROP FUNCTION mine.score;
ALTER TABLE mine.prices DROP COLUMN cost;
ALTER TABLE mine.prices DROP CONSTRAINT prices_pkey;
DROP TABLE mine.prices;
SELECT ecapi.untrack('mine.orders', name => field) FROM unnest('{score,mood,price,best,path,city}'::text[]) field;

--
-- A track that was whole keeps what it names, and nothing else of that name.
--
CREATE FUNCTION mine.score(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION mine.score(text) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE TABLE mine.prices (id int PRIMARY KEY, price int);
CREATE VIEW mine.best AS SELECT * FROM mine.prices;
ALTER TABLE mine.orders ADD price int REFERENCES mine.prices;
SELECT ecapi.track('mine.orders', 'login', jsonb_object(ARRAY[
    'ext.score', '"mine" . Score(new.n::int)', 'ext.mood', '(CASE WHEN new.n > 0 THEN ''sad''::mine.mood END)',
    'ext.price', '(SELECT p.price FROM mine.prices p WHERE p.id = new.id)',
    'ext.best', '(SELECT p.price FROM mine.best p WHERE p.id = new.id)',
    'ext.path', 'price.price', 'ext.town', '(new.home).town']));
RESET ROLE;
CALL public.ddl_strangers();
SET ROLE regress_ddl_tracker;
DROP FUNCTION mine.score(text);
DROP FUNCTION mine.score(int);
ALTER FUNCTION mine.score(int) RENAME TO points;
ALTER FUNCTION mine.score(int) SET SCHEMA spare;
ALTER FUNCTION mine.score(int) VOLATILE;
ALTER TYPE mine.mood RENAME TO humour;
ALTER TYPE mine.mood RENAME VALUE 'sad' TO 'unhappy';
ALTER TYPE mine.mood RENAME VALUE 'happy' TO 'glad';
ALTER TYPE mine.address RENAME ATTRIBUTE town TO city;
ALTER TYPE mine.address RENAME ATTRIBUTE street TO road;
DROP VIEW mine.best;
ALTER VIEW mine.best RENAME TO worst;
ALTER TABLE mine.orders DROP CONSTRAINT orders_price_fkey;
ALTER TABLE mine.prices DROP CONSTRAINT prices_pkey CASCADE;
DROP TABLE mine.prices CASCADE;
RESET ROLE;
BEGIN;
ALTER SCHEMA mine RENAME TO ours;
ROLLBACK;
ALTER TYPE mine.mood SET SCHEMA spare;
-- within one command, what goes first does not hide what the rest breaks
ALTER TABLE mine.orders DROP COLUMN price, DROP COLUMN n;
DROP FUNCTION mine.score(int), ecapi_no_such_function();
BEGIN;
DROP TABLE mine.orders, mine.prices CASCADE;
ROLLBACK;
SELECT name, problem FROM ecapi.track;

--
-- Nor does a track hold up the owner of what it may not use.
--
SET ROLE regress_ddl_stranger;
CREATE FUNCTION theirs.secret(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
REVOKE EXECUTE ON FUNCTION theirs.secret FROM PUBLIC;
CREATE TABLE theirs.people (id int PRIMARY KEY, email text);
SET ROLE regress_ddl_tracker;
CREATE TRIGGER hostage_a AFTER INSERT ON mine.orders FOR EACH ROW EXECUTE FUNCTION ecapi.capture(
    '{"event_type": "login", "mapping": {"ext.a": "theirs.secret(new.id)"}}');
CREATE TRIGGER hostage_b AFTER INSERT ON mine.orders FOR EACH ROW EXECUTE FUNCTION ecapi.capture(
    '{"event_type": "login", "mapping": {"ext.b": "(SELECT p.email FROM theirs.people p WHERE p.id = new.id)"}}');
CREATE TRIGGER hostage_c AFTER INSERT ON mine.orders FOR EACH ROW EXECUTE FUNCTION ecapi.capture(
    '{"event_type": "login", "mapping": {"ext.c": "id->theirs.people.email"}}');
SET ROLE regress_ddl_stranger;
ALTER FUNCTION theirs.secret RENAME TO secrets;
ALTER FUNCTION theirs.secrets RENAME TO secret;
ALTER TABLE theirs.people RENAME email TO mail;
ALTER TABLE theirs.people RENAME mail TO email;
ALTER TABLE theirs.people DROP CONSTRAINT people_pkey;
ALTER TABLE theirs.people DROP COLUMN email;
DROP TABLE theirs.people;
DROP FUNCTION theirs.secret;
-- nor does that of a superuser, on whose table no SQL of users runs
RESET ROLE;
CREATE TABLE mine.of_superuser (id int PRIMARY KEY, gone int);
CREATE TRIGGER hostage AFTER INSERT ON mine.of_superuser FOR EACH ROW EXECUTE FUNCTION ecapi.capture(
    '{"event_type": "login", "mapping": {"ext.a": "theirs.used(new.id)"}}');
SET ROLE regress_ddl_stranger;
CREATE FUNCTION theirs.used(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
ALTER FUNCTION theirs.used VOLATILE;
ALTER FUNCTION theirs.used RENAME TO reused;
ALTER FUNCTION theirs.reused RENAME TO used;
DROP FUNCTION theirs.used;
-- in a transaction with savepoints, and after errors
BEGIN;
CREATE TABLE theirs.people (id int PRIMARY KEY, email text);
SAVEPOINT a;
ALTER TABLE theirs.people RENAME email TO mail;
ROLLBACK TO a;
CREATE TEMPORARY TABLE passing (email text) ON COMMIT DROP;
DROP TABLE theirs.people;
SAVEPOINT b;
DROP TABLE theirs.nothing;
ROLLBACK TO b;
COMMIT;
RESET ROLE;

--
-- A function that hangs and speaks where it is folded: it does neither in DDL of
-- others nor where tracks are looked at.
--
SET ROLE regress_ddl_tracker;
DROP TRIGGER hostage_a ON mine.orders;
DROP TRIGGER hostage_b ON mine.orders;
DROP TRIGGER hostage_c ON mine.orders;
CREATE FUNCTION mine.spy(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE WARNING 'code of the owner, as %', current_user;
    IF current_setting('ddl.hang', true) = 'on' THEN
        PERFORM pg_sleep(3600);
    END IF;
    RETURN t;
END $$;
CREATE DOMAIN mine.word AS text CHECK (mine.spy(VALUE) IS NOT NULL);
CREATE DOMAIN mine.odd AS text CHECK (mine.spy('constant') IS NOT NULL);
CREATE TABLE mine.visits (id int PRIMARY KEY, words mine.word[], odd mine.odd, n int);
CREATE TRIGGER folds AFTER INSERT OR UPDATE ON mine.visits FOR EACH ROW EXECUTE FUNCTION ecapi.capture(
    '{"event_type": "login", "mapping": {"ext.a": "mine.spy(''x'')", "ext.b": "''{x}''::mine.word[]", "ext.c": "(new.words = ''{y}'')", "ext.d": "''x''::mine.odd", "ext.e": "odd", "ext.f": "(SELECT mine.spy(''x'') FROM mine.visits v WHERE v.id = new.id)", "ext.g": "length(mine.spy(theirs.free(''x'')))", "ext.h": "n"}, "condition": "mine.spy(''x'') = ''x''"}');
SET ROLE regress_ddl_stranger;
CREATE FUNCTION theirs.free(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';
SET ddl.hang = 'on';
SET statement_timeout = '60s';
SELECT name, problem FROM ecapi.track;
CREATE OR REPLACE FUNCTION theirs.free(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1 || $1';
ALTER FUNCTION theirs.free COST 7;
-- one that a track calls stays as the track needs it
ALTER FUNCTION theirs.free VOLATILE;
DROP FUNCTION theirs.free;
SET ROLE regress_ddl_monitor;
SELECT relation, name, problem FROM ecapi.track WHERE relation = 'mine.visits'::regclass;
SELECT * FROM ecapi.check() WHERE what LIKE '%mine.visits%';
RESET ROLE;
SELECT relation, name, problem FROM ecapi.track WHERE relation = 'mine.visits'::regclass;
ALTER TABLE mine.visits RENAME n TO m;
ALTER TABLE mine.visits ALTER m TYPE bigint;
ALTER TABLE mine.visits DROP COLUMN m;
ALTER DOMAIN mine.word RENAME TO phrase;
ALTER FUNCTION mine.spy COST 3;
SELECT relation, name, problem FROM ecapi.track WHERE relation = 'mine.visits'::regclass;
RESET ddl.hang;

RESET statement_timeout;
SET client_min_messages = error;
DROP SCHEMA mine, spare, theirs, shared_a CASCADE;
DROP PROCEDURE public.ddl_strangers;
DROP OWNED BY regress_ddl_tracker, regress_ddl_stranger, regress_ddl_monitor;
DROP ROLE regress_ddl_tracker, regress_ddl_stranger, regress_ddl_monitor;
