-- What looking at tracks costs others is bounded: in the view, and in their DDL.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_bound_tracker;
CREATE ROLE regress_bound_stranger;
CREATE ROLE regress_bound_monitor;
GRANT EXECUTE ON FUNCTION ecapi.capture TO regress_bound_tracker;
GRANT USAGE ON SCHEMA ecapi TO regress_bound_tracker, regress_bound_stranger, regress_bound_monitor;
GRANT pg_monitor TO regress_bound_monitor;
CREATE SCHEMA mine AUTHORIZATION regress_bound_tracker;
CREATE SCHEMA theirs AUTHORIZATION regress_bound_stranger;
GRANT USAGE ON SCHEMA theirs TO regress_bound_tracker;
GRANT USAGE ON SCHEMA mine TO regress_bound_monitor;
RESET client_min_messages;
SET statement_timeout = '60s';

-- some 400 tracks of 50 kB, and one that is longer than any that is looked at
SET ROLE regress_bound_tracker;
DO $$
DECLARE
    long text := (SELECT string_agg('new.n=' || i % 10, ' OR ') FROM generate_series(1, 5000) i);
    argument text := format('{"event_type": "login", "mapping": {"ext.a": "(%s)", "ext.b": "theirs.wide(new.gone)"}}', long);
BEGIN
    FOR t IN 1 .. 10 LOOP
        EXECUTE format('CREATE TABLE mine.many_%s (id int PRIMARY KEY, n int)', t);
        FOR i IN 1 .. 40 LOOP
            EXECUTE format('CREATE TRIGGER many_%s AFTER INSERT ON mine.many_%s FOR EACH ROW EXECUTE FUNCTION ecapi.capture(%L)', i, t, argument);
        END LOOP;
    END LOOP;
    EXECUTE 'CREATE TABLE mine.long (id int PRIMARY KEY, n int)';
    EXECUTE format('CREATE TRIGGER long AFTER INSERT ON mine.long FOR EACH ROW EXECUTE FUNCTION ecapi.capture(%L)',
        format('{"event_type": "login", "mapping": {"ext.a": "(%s OR %s)"}}', long, long));
END $$;
SET ROLE regress_bound_monitor;
SELECT problem FROM ecapi.track WHERE relation = 'mine.long'::regclass;
SELECT problem, count(*) > 0 AS some FROM ecapi.track WHERE relation::text LIKE 'mine.many%' GROUP BY 1 ORDER BY 1 NULLS FIRST;
-- who runs DDL that all of them mention
SET ROLE regress_bound_stranger;
CREATE FUNCTION theirs.wide(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
SELECT now() AS since \gset
ALTER FUNCTION theirs.wide COST 5;
DROP FUNCTION theirs.wide;
SELECT clock_timestamp() - :'since' < '20s' AS soon;
-- a superuser, too
RESET ROLE;
CREATE FUNCTION theirs.wide(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
DROP FUNCTION theirs.wide;
RESET statement_timeout;
SET client_min_messages = error;
DROP SCHEMA mine, theirs CASCADE;
DROP OWNED BY regress_bound_tracker, regress_bound_stranger, regress_bound_monitor;
DROP ROLE regress_bound_tracker, regress_bound_stranger, regress_bound_monitor;
