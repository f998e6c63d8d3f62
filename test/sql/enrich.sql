--
-- Enrichments: what a list of functions makes of a page of events, and what
-- becomes of bad results, errors and slow functions.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;
CREATE ROLE enrich_owner;
CREATE SCHEMA enrich AUTHORIZATION enrich_owner;
GRANT USAGE ON SCHEMA ecapi TO enrich_owner;
\getenv probes PG_LIBDIR
\set probe :probes '/ecapi_probe_enrich'
CREATE FUNCTION enrich.run(names text, server_owner regrole, events jsonb[], timeout_ms int, max_bytes int,
    OUT seq bigint, OUT event jsonb, OUT problem text) RETURNS SETOF record
    AS :'probe', 'ecapi_probe_enrich' LANGUAGE c;
CREATE FUNCTION enrich.run(names text, events jsonb[], timeout_ms int DEFAULT 60000, max_bytes int DEFAULT 1000000)
    RETURNS TABLE (seq bigint, event jsonb, problem text) LANGUAGE sql
    AS $$ SELECT * FROM enrich.run(names, 'enrich_owner', events, timeout_ms, max_bytes) $$;
CREATE FUNCTION enrich.is_volatile(names text, server_owner regrole) RETURNS bool
    AS :'probe', 'ecapi_probe_volatile' LANGUAGE c;
CREATE FUNCTION enrich.rows_of(events jsonb[]) RETURNS ecapi.event[]
    AS :'probe', 'ecapi_probe_rows' LANGUAGE c;
-- events of one type; what differs is given
CREATE FUNCTION enrich.page(VARIADIC events jsonb[]) RETURNS jsonb[] LANGUAGE sql AS $$
    SELECT array_agg(jsonb_build_object('id', 'e' || n, 'event_type', 'purchase', 'timestamp', 1700000000, 'currency_code', 'EUR') || e ORDER BY n)
    FROM unnest(events) WITH ORDINALITY AS x (e, n) $$;
-- less to read
CREATE FUNCTION enrich.brief(event jsonb) RETURNS jsonb LANGUAGE sql
    AS $$ SELECT event - '{id,event_type,timestamp,currency_code}'::text[] $$;

-- ---- events as rows

SELECT e.* FROM unnest(enrich.rows_of(ARRAY[
    '{"id": "a", "event_type": "purchase", "timestamp": 1700000000, "value": 12.340, "currency_code": "EUR", "source": "website",
      "user_data": {"email_address": ["ann@example.com"]}, "properties": {"transaction_id": "42"}, "ext": {"route": "de", "n": 1}}',
    '{}',
    '{"id": 5, "event_type": null, "timestamp": "1700000000", "value": "12", "user_data": [], "properties": "x", "ext": 1}',
    '{"timestamp": 99999999999999, "value": 1e30, "ext": {"route": 7}}', '{"timestamp": 1.5}',
    '{"timestamp": -210866803200, "value": -0.00}']::jsonb[])) e \gx
SELECT enrich.rows_of('{}') AS none, pg_typeof(enrich.rows_of('{}'));

-- ---- a list, in its order

SET ROLE enrich_owner;
CREATE TABLE enrich.orders (order_no text PRIMARY KEY, total numeric, cost numeric);
INSERT INTO enrich.orders VALUES ('1', 100, 60.5), ('2', 20, 25);
CREATE FUNCTION enrich.margin(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', o.total - o.cost, 'ext', jsonb_build_object('margin', true))
    FROM unnest(page) e JOIN enrich.orders o ON o.order_no = e.properties->>'transaction_id';
END;
CREATE FUNCTION enrich.doubled(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', e.value * 2, 'ext', jsonb_build_object('before', e.value)) FROM unnest(page) e;
END;
RESET ROLE;
SELECT seq, enrich.brief(event) AS event, problem FROM enrich.run('enrich.margin, enrich.doubled', enrich.page(
    '{"value": 100, "properties": {"transaction_id": "1", "coupon": ["x"]}}', '{"value": 20, "properties": {"transaction_id": "2"}}',
    '{"value": 7, "properties": {"transaction_id": "3"}}'));
SELECT seq, enrich.brief(event) AS event, problem FROM enrich.run('enrich.doubled, enrich.margin', enrich.page(
    '{"value": 100, "properties": {"transaction_id": "1"}}'));
SELECT * FROM enrich.run('enrich.margin', '{}');
-- whatever the caller's settings
BEGIN;
SET LOCAL search_path = enrich;
SET LOCAL enable_seqscan = off;
SET LOCAL TimeZone = 'Asia/Tokyo';
SET LOCAL DateStyle = 'German';
CREATE FUNCTION enrich.settings(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('search_path', current_setting('search_path'), 'zone', current_setting('TimeZone'),
        'time', e."timestamp"::text, 'seqscan', current_setting('enable_seqscan'), 'read_only', current_setting('transaction_read_only'),
        'who', current_user, 'rls', current_setting('row_security'))) FROM unnest(page) e $$;
SELECT enrich.brief(event) FROM enrich.run('enrich.settings', enrich.page('{}'));
SHOW search_path;
SHOW transaction_read_only;
SELECT current_user = session_user AS same_user;
ROLLBACK;

-- a STABLE function in SQL is inlined, with as many rows as there are; a VOLATILE one is not
CREATE FUNCTION enrich.inlined(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS
    $$ SELECT e.seq, jsonb_build_object('value', 1) FROM unnest(page) e $$;
CREATE FUNCTION enrich.called(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) VOLATILE LANGUAGE sql AS
    $$ SELECT e.seq, jsonb_build_object('value', 1) FROM unnest(page) e $$;
SELECT enrich.is_volatile('enrich.inlined', 'enrich_owner'), enrich.is_volatile('enrich.called', 'enrich_owner');
SET track_functions = 'all';
SELECT count(*) FROM enrich.run('enrich.inlined, enrich.called', enrich.page('{}', '{}'));
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT p.proname, coalesce(pg_stat_get_xact_function_calls(p.oid), pg_stat_get_function_calls(p.oid)) AS calls
    FROM pg_proc p WHERE p.oid IN ('enrich.inlined'::regproc, 'enrich.called'::regproc) ORDER BY 1;
RESET track_functions;
SELECT enrich.rows_of(array_fill('{"properties": {"transaction_id": "1"}}'::jsonb, '{3000}')) AS page \gset
EXPLAIN (COSTS off) SELECT f.seq, f.patch FROM enrich.margin(:'page') AS f;

-- ---- what a patch does, and may not

CREATE FUNCTION enrich.patch(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS
    $$ SELECT e.seq, e.ext->'patch'->'is' FROM unnest(page) e $$;
CREATE FUNCTION enrich.patched(VARIADIC patches jsonb[]) RETURNS TABLE (event jsonb, problem text) LANGUAGE sql AS $$
    SELECT CASE WHEN r.problem IS NULL THEN enrich.brief(r.event) END #- '{ext,patch}', r.problem
    FROM enrich.run('enrich.patch', (SELECT array_agg(jsonb_build_object('id', 'e' || n, 'event_type', 'purchase', 'timestamp', 1700000000,
        'value', 10, 'currency_code', 'EUR', 'user_data', '{"email_address": ["ann@example.com"], "ext": {"a": 1}}'::jsonb, 'ext', jsonb_build_object('route', 'de', 'patch', CASE WHEN p IS NULL THEN '{}' ELSE jsonb_build_object('is', p) END)) ORDER BY n)
        FROM unnest(patches) WITH ORDINALITY AS x (p, n))) r ORDER BY r.seq $$;
SELECT * FROM enrich.patched('{"value": 12.5}', '{"value": null}', '{"user_data": {"email_address": ["ben@example.com", "ann@example.com"], "ext": {"b": 2}}}',
    '{"user_data": null}', '{"properties": {"items": [{"id": "7", "price": 3.10, "quantity": 2}]}}', '{"ext": {"segment": "gold"}}', '{}', NULL);
-- left out as when it is emitted: an empty or invalid optional field
SELECT * FROM enrich.patched('{"user_data": {"age_range": 99, "gender": ""}}', '{"currency_code": "eur"}', '{"user_data": {"email_address": "ben@example.com"}}');
-- not valid any more
SELECT * FROM enrich.patched('{"value": "much"}', '{"valeu": 1}', '{"value": [1]}', '{"user_data": 5}', '{"currency_code": "euro"}', '{"currency_code": null}',
    '{"properties": {"items": [{"price": "ann@example.com"}]}}');
-- what names the event, and says where it goes
SELECT * FROM enrich.patched('{"id": "other"}', '{"id": "e2"}', '{"event_type": "refund"}', '{"timestamp": 5}', '{"data_set_id": "9"}',
    '{"ext": {"route": "at"}}', '{"ext": {"route": "de", "x": 1}}', '{"ext": null}');
-- no object
SELECT * FROM enrich.patched('null', '[]', '5', '"x"', 'true');
SELECT left(event::text, 40) AS event, problem FROM enrich.patched(jsonb_build_object('ext', jsonb_build_object('x', repeat('y', 300000))), jsonb_build_object('ext', jsonb_build_object('x', repeat('y', 3000000))));

-- ---- bad results

CREATE FUNCTION enrich.result(rows text) RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION enrich.bad(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS %L', rows);
END $f$;
\set bad 'SELECT seq, enrich.brief(event) AS event, problem FROM enrich.run(''enrich.margin, enrich.bad'', enrich.page(''{"value": 1, "properties": {"transaction_id": "1"}}'', ''{"value": 2}''))'
SELECT enrich.result($$ SELECT 77, '{"value": 5}'::jsonb $$) \g /dev/null
:bad;
SELECT enrich.result($$ SELECT NULL::bigint, '{"value": 5}'::jsonb $$) \g /dev/null
:bad;
SELECT enrich.result($$ SELECT 1, '{"value": 5}'::jsonb UNION ALL SELECT 2, '{"value": 5}' UNION ALL SELECT 1, '{"value": 6}' $$) \g /dev/null
:bad;
SELECT enrich.result($$ SELECT 2, (repeat('{"ext":', 40) || '1' || repeat('}', 40))::jsonb $$) \g /dev/null
:bad;
-- two, of which one is none; nothing at all; a problem hides an event from those that follow
SELECT enrich.result($$ SELECT 1, NULL::jsonb UNION ALL SELECT 1, '{"value": 6}' UNION ALL SELECT 2, NULL $$) \g /dev/null
:bad;
SELECT enrich.result($$ SELECT 1, '{"value": 5}'::jsonb WHERE false $$) \g /dev/null
:bad;
SELECT enrich.result($$ SELECT e.seq, CASE e.seq WHEN 1 THEN '[]'::jsonb ELSE '{"value": 9}' END FROM unnest(page) e $$) \g /dev/null
SELECT seq, enrich.brief(event) AS event, problem FROM enrich.run('enrich.margin, enrich.bad, enrich.doubled', enrich.page(
    '{"value": 1, "properties": {"transaction_id": "1"}}', '{"value": 2}'));
-- a million rows for one event
SELECT enrich.result($$ SELECT 1, '{"value": 5}'::jsonb FROM generate_series(1, 1000000) UNION ALL SELECT 2, '{"value": 5}' $$) \g /dev/null
:bad;
-- too much for a page
SELECT enrich.result($$ SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('x', repeat('y', 200000))) FROM unnest(page) e $$) \g /dev/null
SELECT seq, length(event::text) FROM enrich.run('enrich.bad', enrich.page('{}', '{}'), 60000, 500000);
SELECT seq, length(event::text) FROM enrich.run('enrich.bad', enrich.page('{}', '{}'), 60000, 300000);
-- text that is longer when it is unpacked
SELECT enrich.result($$ SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('x', repeat('y', 100000000))) FROM unnest(page) e $$) \g /dev/null
SELECT * FROM enrich.run('enrich.bad', enrich.page('{}'));

-- ---- errors: nothing of what they say comes out

CREATE FUNCTION enrich.raising(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE plpgsql AS $f$
DECLARE
    mail text := page[1].user_data->'email_address'->>0;
BEGIN
    CASE page[1].ext->>'how'
        WHEN 'cast' THEN PERFORM mail::int;
        WHEN 'raise' THEN RAISE EXCEPTION 'it is %', mail USING ERRCODE = 'U0001', HINT = mail, DETAIL = mail;
        WHEN 'forged' THEN RAISE EXCEPTION 'it is %', mail USING SCHEMA = mail, TABLE = mail;
        WHEN 'table' THEN RAISE EXCEPTION 'it is %', mail USING SCHEMA = 'enrich', TABLE = 'orders', COLUMN = mail;
        WHEN 'cancel' THEN RAISE EXCEPTION 'it is %', mail USING ERRCODE = 'query_canceled';
        WHEN 'memory' THEN RAISE EXCEPTION 'it is %', mail USING ERRCODE = 'out_of_memory';
        WHEN 'shutdown' THEN RAISE EXCEPTION 'it is %', mail USING ERRCODE = 'admin_shutdown';
        WHEN 'warning' THEN
            RAISE WARNING 'it is %', mail;
            RAISE LOG 'it is %', mail;
        WHEN 'missing' THEN PERFORM * FROM enrich.nothing;
        WHEN 'division' THEN PERFORM 1 / page[1].value::int;
    END CASE;
END $f$;
CREATE FUNCTION enrich.raised(how text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
    message text; detail text; hint text; context text; code text;
    mail text := 'ann@example.com';
BEGIN
    PERFORM * FROM enrich.run('enrich.raising', enrich.page(jsonb_build_object('value', 0, 'user_data', jsonb_build_object('email_address', ARRAY[mail]), 'ext', jsonb_build_object('how', how))));
    RETURN how || ': none';
EXCEPTION WHEN OTHERS OR query_canceled THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT, code = RETURNED_SQLSTATE;
    RETURN concat_ws(' | ', how, code, message, detail, hint, CASE WHEN concat(message, detail, hint, context) ~ 'ann@' THEN 'LEAKS' END);
END $f$;
SELECT enrich.raised(how) FROM unnest('{cast,raise,forged,table,cancel,memory,shutdown,warning,missing,division,none}'::text[]) how;

-- ---- time

CREATE FUNCTION enrich.sleeping(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(600); END $$;
CREATE FUNCTION enrich.looping(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE plpgsql AS
    $$ BEGIN LOOP END LOOP; END $$;
-- catches two cancels, and then goes on as if nothing were
CREATE FUNCTION enrich.catching(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..2 LOOP
        BEGIN
            PERFORM pg_sleep(600);
        EXCEPTION WHEN query_canceled THEN NULL;
        END;
    END LOOP;
    RETURN QUERY SELECT e.seq, '{"value": 5}'::jsonb FROM unnest(page) e;
END $$;
SELECT * FROM enrich.run('enrich.sleeping', enrich.page('{}'), 50);
SELECT * FROM enrich.run('enrich.looping', enrich.page('{}'), 50);
SELECT * FROM enrich.run('enrich.catching', enrich.page('{}'), 50);
SELECT enrich.result($$ SELECT 1, '{}'::jsonb FROM generate_series(1, 1000000000000) $$) \g /dev/null
SELECT * FROM enrich.run('enrich.bad', enrich.page('{}'), 50);
-- the session's own limit works as ever, and its time is not ours
BEGIN;
SET LOCAL statement_timeout = 100;
SELECT * FROM enrich.run('enrich.sleeping', enrich.page('{}'), 60000);
ROLLBACK;
SELECT enrich.brief(event) FROM enrich.run('enrich.doubled', enrich.page('{"value": 2}'), 50);
-- longer than the limit of the call before: one that were left behind would cancel it
SELECT pg_sleep(0.1) IS NOT NULL AS nothing_cancels;

-- ---- names

\set VERBOSITY default
CREATE FUNCTION enrich."od,d.Name"(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS
    $$ SELECT e.seq, '{"value": 3}'::jsonb FROM unnest(page) e $$;
CREATE FUNCTION enrich.swapped(page ecapi.event[], OUT patch jsonb, OUT seq bigint) RETURNS SETOF record STABLE LANGUAGE sql AS
    $$ SELECT '{"value": 4}'::jsonb, e.seq FROM unnest(page) e $$;
SELECT enrich.brief(event) FROM enrich.run('enrich.doubled , enrich."od,d.Name",ENRICH.doubled2, enrich.swapped', enrich.page('{}'));
SELECT enrich.brief(event) FROM enrich.run('enrich.doubled , enrich."od,d.Name", Enrich.swapped', enrich.page('{"value": 1}'));
SELECT * FROM enrich.run('enrich.margn', enrich.page('{}'));
SELECT * FROM enrich.run('enrich.something_else', enrich.page('{}'));
SELECT * FROM enrich.run('nowhere.margin', enrich.page('{}'));
SELECT * FROM enrich.run('margin', enrich.page('{}'));
SELECT * FROM enrich.run('', enrich.page('{}'));
SELECT * FROM enrich.run('enrich.margin,', enrich.page('{}'));
SELECT * FROM enrich.run('enrich.margin enrich.doubled', enrich.page('{}'));
SELECT * FROM enrich.run('a.b.c', enrich.page('{}'));
SELECT * FROM enrich.run('enrich."margin', enrich.page('{}'));
SELECT * FROM enrich.run('enrich.margin; DROP TABLE x', enrich.page('{}'));
SELECT * FROM enrich.run('enrich.margin, enrich.doubled, enrich.margin', enrich.page('{}'));
DO $do$
BEGIN
    FOR i IN 1..17 LOOP
        EXECUTE format('CREATE FUNCTION enrich.f%s(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS %L', i,
            format($$ SELECT e.seq, '{"ext": {"f%s": %s}}'::jsonb FROM unnest(page) e $$, i, i));
    END LOOP;
END $do$;
SELECT enrich.brief(event) FROM enrich.run((SELECT string_agg('enrich.f' || i, ',') FROM generate_series(1, 16) i), enrich.page('{}'));
SELECT * FROM enrich.run((SELECT string_agg('enrich.f' || i, ',') FROM generate_series(1, 17) i), enrich.page('{}'));
-- another signature
CREATE FUNCTION enrich.single(e ecapi.event) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb $$;
CREATE FUNCTION enrich.one_row(page ecapi.event[], OUT seq bigint, OUT patch jsonb) LANGUAGE sql AS $$ SELECT 1::bigint, '{}'::jsonb $$;
CREATE FUNCTION enrich.other_names(page ecapi.event[]) RETURNS TABLE (id bigint, patch jsonb) LANGUAGE sql AS $$ SELECT 1::bigint, '{}'::jsonb $$;
CREATE FUNCTION enrich.other_types(page ecapi.event[]) RETURNS TABLE (seq int, patch json) LANGUAGE sql AS $$ SELECT 1, '{}'::json $$;
CREATE FUNCTION enrich.more(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb, why text) LANGUAGE sql AS $$ SELECT 1::bigint, '{}'::jsonb, ''::text $$;
CREATE FUNCTION enrich.scalars(page ecapi.event[]) RETURNS SETOF jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb $$;
CREATE FUNCTION enrich.records(page ecapi.event[]) RETURNS SETOF record LANGUAGE sql AS $$ SELECT 1::bigint, '{}'::jsonb $$;
CREATE PROCEDURE enrich.procedure(page ecapi.event[]) LANGUAGE sql AS $$ SELECT 1 $$;
CREATE AGGREGATE enrich.aggregate(ecapi.event[]) (SFUNC = array_cat, STYPE = ecapi.event[]);
DO $do$
DECLARE
    name text; message text; hint text;
BEGIN
    FOREACH name IN ARRAY '{single,one_row,other_names,other_types,more,scalars,records,procedure,aggregate}'::text[] LOOP
        BEGIN
            PERFORM * FROM enrich.run('enrich.' || name, enrich.page('{}'));
            RAISE NOTICE '%: taken', name;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
            RAISE NOTICE '% % (%)', SQLSTATE, message, hint;
        END;
    END LOOP;
END $do$;
-- a rename is followed at once, by all who resolve again
ALTER FUNCTION enrich.doubled RENAME TO twice;
SELECT enrich.brief(event) FROM enrich.run('enrich.doubled', enrich.page('{"value": 2}'));
SELECT enrich.brief(event) FROM enrich.run('enrich.twice', enrich.page('{"value": 2}'));

-- ---- objects that a function does not read are not made; all it reads is there

SET ROLE enrich_owner;
CREATE FUNCTION enrich.reads_one(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('saw', e.properties)) FROM unnest(page) e;
END;
CREATE FUNCTION enrich.reads_renamed(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT a, jsonb_build_object('ext', jsonb_build_object('saw', i)) FROM unnest(page) AS x (a, b, c, d, e, f, g, h, i);
END;
CREATE FUNCTION enrich.reads_below(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT s.seq, jsonb_build_object('ext', jsonb_build_object('saw', s.u)) FROM (SELECT e.seq, e.user_data AS u FROM unnest(page) e) s;
END;
CREATE FUNCTION enrich.reads_with(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    WITH c AS (SELECT * FROM unnest(page)) SELECT c.seq, jsonb_build_object('ext', jsonb_build_object('saw', c.ext)) FROM c;
END;
CREATE FUNCTION enrich.reads_joined(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT j.seq, jsonb_build_object('ext', jsonb_build_object('saw', j.user_data))
    FROM (unnest(page) e FULL JOIN (SELECT 'e1'::text AS id) k USING (id)) AS j;
END;
CREATE FUNCTION enrich.reads_merged(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('saw', properties))
    FROM unnest(page) e FULL JOIN (SELECT NULL::jsonb AS properties WHERE false) k USING (properties);
END;
CREATE FUNCTION enrich.reads_beside(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, l.p FROM unnest(page) e CROSS JOIN LATERAL (SELECT jsonb_build_object('ext', jsonb_build_object('saw',
        (SELECT e.ext WHERE EXISTS (SELECT WHERE e.user_data IS NOT NULL)))) AS p) l;
END;
CREATE FUNCTION enrich.reads_either(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('saw', e.user_data)) FROM unnest(page) e WHERE e.seq < 0
    UNION ALL SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('saw', e.properties)) FROM unnest(page) e;
END;
CREATE FUNCTION enrich.reads_row(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('saw', to_jsonb(e)->'user_data')) FROM unnest(page) e;
END;
CREATE FUNCTION enrich.reads_member(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT (e).seq, jsonb_build_object('ext', jsonb_build_object('saw', (e).ext)) FROM unnest(page) e;
END;
CREATE FUNCTION enrich.reads_element(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('saw', page[1].user_data)) FROM unnest(page) e;
END;
CREATE FUNCTION enrich.reads_by_other(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT o.seq, o.patch FROM enrich.reads_row(page) o;
END;
CREATE FUNCTION enrich.reads_numbered(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('saw', e.ext)) FROM unnest(page) WITH ORDINALITY e;
END;
CREATE FUNCTION enrich.reads_as_text(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('saw', e.user_data)) FROM unnest(page) e $$;
RESET ROLE;
SELECT f.name, r.event->'ext'->'saw' AS saw, r.problem
FROM unnest('{one,renamed,below,with,joined,merged,beside,either,row,member,element,by_other,numbered,as_text}'::text[]) WITH ORDINALITY f (name, n),
    enrich.run('enrich.reads_' || f.name, enrich.page(
        '{"user_data": {"customer_identifier": "u"}, "properties": {"transaction_id": "p"}, "ext": {"x": 1}}')) r
ORDER BY f.n;

SET client_min_messages = warning;
DROP SCHEMA enrich CASCADE;
DROP OWNED BY enrich_owner;
DROP ROLE enrich_owner;
