-- Functions that keep state in the process, dblink's, and those that change the timer of the
-- statement around them are refused to enrichments and tracks, however they are reached,
-- and to nobody else.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE SCHEMA lasting;
CREATE EXTENSION dblink SCHEMA lasting;
RESET client_min_messages;
CREATE ROLE lasting_shop;
GRANT ALL ON SCHEMA lasting TO lasting_shop;
GRANT USAGE ON SCHEMA ecapi TO lasting_shop;
\getenv probes PG_LIBDIR
\set probe :probes '/ecapi_probe_enrich'
CREATE FUNCTION lasting.run(names text, server_owner regrole, events jsonb[] DEFAULT '{"{\"id\": \"a\", \"event_type\": \"purchase\", \"timestamp\": 1700000000}"}',
    timeout_ms int DEFAULT 60000, max_bytes int DEFAULT 100000, OUT seq bigint, OUT event jsonb, OUT problem text) RETURNS SETOF record
    AS :'probe', 'ecapi_probe_enrich' LANGUAGE c;
CREATE FUNCTION lasting.enriched(names text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT coalesce(r.problem, r.event->'ext'->>'says') FROM lasting.run(names, 'lasting_shop'::regrole) r);
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
SET ROLE lasting_shop;
CREATE FUNCTION lasting.connections() RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE n int;
BEGIN
    EXECUTE 'SELECT coalesce(array_length(lasting.dblink_get_connections(), 1), 0)' INTO n;
    RETURN n;
END $$;
CREATE FUNCTION lasting.plainly(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('says', lasting.dblink_get_connections() IS NULL)) FROM unnest(page) e $$;
CREATE FUNCTION lasting.hidden(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('says', lasting.connections())) FROM unnest(page) e $$;
CREATE FUNCTION lasting.timer(what int) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF what = 1 THEN PERFORM ecapi_internal.restore_limit(NULL); ELSE PERFORM ecapi_internal.limit_time(3600000); END IF;
    RETURN 0;
END $$;
CREATE FUNCTION lasting.lifting(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('says', lasting.timer(1))) FROM unnest(page) e $$;
CREATE FUNCTION lasting.limiting(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('says', lasting.timer(2))) FROM unnest(page) e $$;
CREATE FUNCTION lasting.harmless(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('says', upper('fine'))) FROM unnest(page) e $$;
RESET ROLE;
SELECT lasting.enriched('lasting.harmless'), lasting.enriched('lasting.plainly'), lasting.enriched('lasting.hidden');
SELECT lasting.enriched('lasting.lifting'), lasting.enriched('lasting.limiting');

-- a track, in the session of a writer
SET ROLE lasting_shop;
CREATE TABLE lasting.orders (id int PRIMARY KEY, total numeric, currency text DEFAULT 'EUR');
RESET ROLE;
SET client_min_messages = warning;
SELECT count(ecapi.track('lasting.orders', 'purchase', mapping => '{"value": "new.total + lasting.connections()", "currency_code": "currency"}'));
RESET client_min_messages;
INSERT INTO lasting.orders VALUES (1, 10);
SELECT state, sqlstate FROM ecapi.failed_event WHERE relation = 'lasting.orders'::regclass;
-- the writer may
SELECT lasting.connections();

-- nor is the writer's time lifted or limited
DELETE FROM ecapi.failed_event WHERE relation = 'lasting.orders'::regclass;
SET client_min_messages = warning;
SELECT count(ecapi.track('lasting.orders', 'purchase', mapping => '{"value": "new.total + lasting.timer(new.id)", "currency_code": "currency"}'));
RESET client_min_messages;
DELETE FROM lasting.orders;
INSERT INTO lasting.orders VALUES (1, 10), (2, 20);
SELECT sqlstate, count(*) FROM ecapi.failed_event WHERE relation = 'lasting.orders'::regclass GROUP BY 1;
SELECT lasting.timer(1), lasting.timer(2), lasting.timer(1);

SET client_min_messages = warning;
DELETE FROM ecapi.failed_event WHERE relation = 'lasting.orders'::regclass;
DROP SCHEMA lasting CASCADE;
DROP OWNED BY lasting_shop;
DROP ROLE lasting_shop;
