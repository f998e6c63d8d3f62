-- Conditions and on_change mean what SQL means by equal; a collation of ICU is in capture_equal_icu.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_equal_shop;
CREATE SCHEMA eq AUTHORIZATION regress_equal_shop;
-- (many commands, for which a server does not discard what its caches hold)
SET debug_discard_caches = 0;
CREATE EXTENSION citext SCHEMA eq;
CREATE EXTENSION hstore SCHEMA eq;
RESET debug_discard_caches;
GRANT USAGE ON SCHEMA ecapi TO regress_equal_shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture TO regress_equal_shop;
RESET client_min_messages;
CREATE TABLE equal_seen AS SELECT coalesce(max(seq), 0) AS seq FROM ecapi.outbox;
CREATE FUNCTION ids(OUT id text) RETURNS SETOF text LANGUAGE sql AS $$
    WITH fresh AS (SELECT o.seq, o.event->>'id' AS id FROM ecapi.outbox o WHERE o.seq > (SELECT seq FROM public.equal_seen)),
        looked AS (UPDATE public.equal_seen SET seq = greatest(equal_seen.seq, (SELECT max(fresh.seq) FROM fresh)))
    SELECT id FROM fresh ORDER BY seq;
$$;

-- an operator of text is not the one that is meant for citext
SET ROLE regress_equal_shop;
CREATE DOMAIN eq.state AS eq.citext;
CREATE TABLE eq.orders (id int PRIMARY KEY, state eq.state, note text);
SELECT ecapi.track('eq.orders', 'purchase', '{}', condition => $$state = 'paid'$$);
SELECT ecapi.track('eq.orders', 'purchase', '{}', condition => $$new.state IN ('paid', 'shipped')$$);
SELECT ecapi.track('eq.orders', 'purchase', '{}', condition => $$new.state LIKE 'paid%'$$);
SELECT ecapi.track('eq.orders', 'purchase', '{}', condition => $$CASE new.state WHEN 'paid' THEN true ELSE false END$$);
SELECT ecapi.track('eq.orders', 'purchase', '{}', condition => $$new.state IS DISTINCT FROM 'cart'$$);
SELECT ecapi.track('eq.orders', 'purchase', '{"ext.s": "strpos(new.state, ''A'')"}');
SELECT ecapi.track('eq.orders', 'purchase', '{"ext.s": "(SELECT max(o.id) FROM eq.orders o WHERE o.state = ''paid'' AND o.id < new.id)"}');
SELECT ecapi.track('eq.orders', 'purchase', '{}', condition => $$new.state OPERATOR(eq.=) 'paid'$$) IS NOT NULL AS tracked;
SELECT ecapi.track('eq.orders', 'refund', '{}', condition => $$new.state::text = 'paid' AND new.note = 'x'$$) IS NOT NULL AS tracked;
INSERT INTO eq.orders VALUES (1, 'cart', 'x'), (2, 'PAID', 'x'), (3, 'paid', 'x');
UPDATE eq.orders SET state = 'Paid';
RESET ROLE;
SELECT * FROM ids();

-- on_change: another text of an equal value is no change
SET ROLE regress_equal_shop;
CREATE TYPE eq.pair AS (a interval, b numeric);
CREATE TABLE eq.kinds (id int PRIMARY KEY, c_interval interval, c_citext eq.citext, c_domain eq.state,
    c_numeric numeric, c_char char(5), c_range numrange, c_ranges nummultirange, c_list numeric[], c_words eq.citext[], c_spans interval[],
    c_pair eq.pair, c_doc jsonb, c_docs jsonb[], c_map eq.hstore, c_float float8, c_zone timetz);
INSERT INTO eq.kinds VALUES (1, '1 day', 'Red', 'Red', 1.0, 'ab', '[1.0,2)', '{[1.0,2)}', '{1.0}', '{Red}', '{1 day}',
    ROW('1 day', 1.0), '{"a": 1.0, "b": [2.50]}', ARRAY['{"a": 1.0}'::jsonb], 'a=>1, b=>2', 0, '12:00+00');
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT attname AS name FROM pg_attribute WHERE attrelid = 'eq.kinds'::regclass AND attname LIKE 'c\_%' ORDER BY attnum LOOP
        PERFORM ecapi.track('eq.kinds', 'refund', format('{"id": "''%s''"}', c.name)::jsonb, on_change => ARRAY[c.name::text], name => c.name);
    END LOOP;
END $$;
UPDATE eq.kinds SET c_interval = '24 hours', c_citext = 'RED', c_domain = 'RED', c_numeric = 1.00, c_char = 'ab   ',
    c_range = '[1.00,2.0)', c_ranges = '{[1.00,2.0)}', c_list = '{1.00}', c_words = '{RED}', c_spans = '{24 hours}', c_pair = ROW('24 hours', 1.00),
    c_doc = '{"b": [2.5], "a": 1.00}', c_docs = ARRAY['{"a": 1.00}'::jsonb], c_map = 'b=>2, a=>1', c_float = '-0', c_zone = '12:00:00+00';
RESET ROLE;
SELECT * FROM ids();
UPDATE eq.kinds SET c_interval = '25 hours', c_citext = 'blue', c_domain = 'blue', c_numeric = 1.01, c_char = 'b',
    c_range = '[1.01,2)', c_ranges = '{[1.01,2)}', c_list = '{1.01}', c_words = '{blue}', c_spans = '{25 hours}', c_pair = ROW('25 hours', 1),
    c_doc = '{"a": 1}', c_docs = ARRAY['{"a": 2}'::jsonb], c_map = 'a=>1', c_float = 1, c_zone = '12:00+01';
SELECT * FROM ids();
-- and one that an event has the same decimal for is one
UPDATE eq.kinds SET c_float = 70.3;
UPDATE eq.kinds SET c_float = (70.3::real)::float8;
UPDATE eq.kinds SET c_float = 70.3::real;
SELECT * FROM ids();

-- a superuser's table runs no code of a type's for it: the key decides
CREATE TABLE eq.plain (id int PRIMARY KEY, word eq.citext, span interval);
SELECT ecapi.track('eq.plain', 'refund', '{}', on_change => '{word, span}') IS NOT NULL AS tracked;
INSERT INTO eq.plain VALUES (1, 'a', '1 day');
UPDATE eq.plain SET span = '24 hours';
UPDATE eq.plain SET word = 'A';
SELECT * FROM ids();

SET client_min_messages = warning;
DROP TABLE eq.plain;
SET debug_discard_caches = 0;
DROP SCHEMA eq CASCADE;
RESET debug_discard_caches;
DROP FUNCTION ids;
DROP TABLE equal_seen;
DROP OWNED BY regress_equal_shop;
DROP ROLE regress_equal_shop;
