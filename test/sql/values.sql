--
-- Values and rows as capture writes them, compared with what the server itself
-- writes where that is the same, at random and at the edges.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;
\getenv probes PG_LIBDIR
\set probe :probes '/ecapi_probe'
CREATE FUNCTION value(anyelement, form int DEFAULT 0, max_depth int DEFAULT 30) RETURNS text
    AS :'probe', 'ecapi_probe_value' LANGUAGE c STRICT;
CREATE FUNCTION key(anyelement) RETURNS text AS :'probe', 'ecapi_probe_key' LANGUAGE c STRICT;
CREATE FUNCTION kind(regtype) RETURNS text AS :'probe', 'ecapi_probe_kind' LANGUAGE c STRICT;
CREATE FUNCTION image(record) RETURNS text AS :'probe', 'ecapi_probe_image' LANGUAGE c STRICT;
CREATE FUNCTION row_of(anyelement, jsonb) RETURNS anyelement AS :'probe', 'ecapi_probe_row' LANGUAGE c;
CREATE TYPE value_mood AS ENUM ('sad', 'ha"ppy');
CREATE TYPE value_pair AS (a int, "B b" text, mood value_mood);
CREATE DOMAIN value_amount AS numeric(12, 2) CHECK (VALUE >= 0);

-- ---- at random; what differs is shown with the seed that made it

SET TimeZone = 'UTC';
SELECT extract(epoch FROM clock_timestamp())::bigint % 1000000 AS seed \gset
SELECT setseed(:seed / 1000000.0) \g /dev/null
CREATE TEMP TABLE sample AS SELECT
    '2000-01-01'::timestamptz + (random() - 0.5) * 2e10 * interval '1 second'
        + (random() * 1e6)::int * interval '1 microsecond' AS moment,
    '2000-01-01'::date + ((random() - 0.2) * 1e6)::int AS day,
    (random() - 0.5) * 10 ^ (random() * 600 - 300) AS double,
    ((random() - 0.5) * 10 ^ (random() * 60 - 30))::float4 AS single,
    ((random() - 0.5) * 9e18)::bigint AS big,
    ((random() - 0.5) * 1e12)::numeric(20, 4) AS exact
FROM generate_series(1, 20000);
-- No rows.
SELECT :seed AS seed, s.* FROM sample s
WHERE value(moment) <> replace(to_json(moment)::text, '+00:00', 'Z') OR value(moment, 2) <> floor(extract(epoch FROM moment))::text
    OR value(moment::timestamp) <> to_json(moment::timestamp)::text
    OR (day > '0001-01-01' AND value(day) <> to_json(day)::text)
    OR value(double) <> to_json(double)::text OR value(single) <> to_json(single)::text
    OR value(big) <> big::text OR value(big, 1) <> '"' || big || '"' OR value(exact) <> exact::text
    OR key(exact)::numeric <> exact OR key(exact) ~ '\.\d*0$' OR key(big) <> big::text
    OR value(ARRAY[double, NULL]) <> to_json(ARRAY[double, NULL])::text;

-- ---- at the edges

SELECT value(t) AS iso, value(t, 2) AS seconds FROM unnest('{infinity,-infinity,1970-01-01 00:00:00+00,1969-12-31 23:59:59.5+00,
    0001-01-01 00:00:00+00,0001-01-01 00:00:00+00 BC,0044-03-15 12:00:00+00 BC,4713-01-01 00:00:00+00 BC,20000-01-01 00:00:00+00,
    294276-12-31 23:59:59.999999+00}'::timestamptz[]) t;
SELECT value(d) FROM unnest('{infinity,-infinity,0001-12-31 BC,4713-01-01 BC,5874897-12-31}'::date[]) d;
SELECT value('NaN'::numeric), value('-Infinity'::numeric), value('Infinity'::float4), value('-0'::float8), value(1e20::float8), value(0.00);
SELECT value('ÿ'::"char") AS high, value(''::"char") AS none, value('[0:1]={5,6}'::int[]) AS from_zero, value('1 2'::int2vector) AS vector;
SELECT value('"x"'::jsonb), value('null'::jsonb), value('[1, true, "x", {"n": 1}]'::jsonb, 1), value('3'::json, 1), value('{t,f}'::bool[], 1);
SELECT value('"\u0000"'::json);
SELECT value(r) FROM (VALUES (ROW(1, ROW(2, 'x'::text))), (ROW(3, NULL))) x (r);

-- nothing deeper or larger than allowed
SELECT value('[[1]]'::jsonb, 0, 2) AS two, value('[[1]]'::jsonb, 0, 1) AS one, value('{{1}}'::int[], 0, 2) AS dimensions, value('{{1}}'::int[], 0, 1) AS one,
    value(ARRAY[ROW(1, 'y', 'sad')::value_pair], 0, 2) AS rows, value(ARRAY[ROW(1, 'y', 'sad')::value_pair], 0, 1) AS one, value(5, 0, 0) AS scalar;
SELECT value(repeat('x', 3000000)) IS NULL AS text, value(array_fill(1, ARRAY[1000000])) IS NULL AS "array", value(decode(repeat('00', 3000000), 'hex')) IS NULL AS bytes;

-- compressed and outside of the row
CREATE TABLE value_large (t text, n numeric, a text[], j jsonb, b bytea, i int[]);
ALTER TABLE value_large ALTER t SET STORAGE EXTERNAL;
INSERT INTO value_large SELECT repeat('abc', 50000), ('1.' || repeat('7', 9000))::numeric, array_fill('qqqq'::text, ARRAY[20000]),
    jsonb_build_object('k', repeat('y', 100000)), decode(repeat('ab', 60000), 'hex'), array(SELECT generate_series(1, 30000));
SELECT value(t) = to_json(t)::text AS t, value(n)::numeric = n AS n, value(a)::jsonb = to_jsonb(a) AS a, value(j)::jsonb = j AS j,
    value(b) = '"' || encode(b, 'hex') || '"' AS b, value(i) = array_to_json(i)::text AS i, value(l)::jsonb->>'t' = t AS row FROM value_large l;
DO $$
DECLARE
    a int[] := '{1,2,3}';
BEGIN
    a[2] := 7;
    RAISE NOTICE 'an array that is expanded in memory: %', value(a);
END $$;

-- a type that changes between two rows
CREATE TABLE value_changing (p value_pair);
INSERT INTO value_changing VALUES (ROW(1, 'x', 'sad'));
DO $$
DECLARE
    change text;
BEGIN
    FOREACH change IN ARRAY ARRAY['ADD ATTRIBUTE z int', 'RENAME ATTRIBUTE z TO y', 'DROP ATTRIBUTE y'] LOOP
        EXECUTE 'ALTER TYPE value_pair ' || change;
        RAISE NOTICE '%: %', change, (SELECT value(p) FROM value_changing);
    END LOOP;
END $$;

-- ---- parts of ids: what is too long for one stays so, and differs if it does

SELECT key('a:b%c'::text), key(E'a\x7f\n'::text), key('{"a": [1, "x:"]}'::jsonb), key('"s"'::jsonb), key(1e3::numeric), key(-0.0::float8);
SELECT length(key(repeat('x', 512))) AS fits, length(key(repeat('x', 513))) AS one_more, length(key(repeat('é', 600))) AS long,
    length(key(array_fill(1, ARRAY[400]))) AS long_array, length(key(repeat('x', 3000000))) > 512 AS huge, length(key(array_fill(1, ARRAY[1000000]))) > 512 AS huge_array,
    key(repeat('x', 600)) = key(repeat('x', 599) || 'y') AS same_start, key(repeat('x', 3000000)) = key(repeat('x', 3000001)) AS other_size;

-- ---- what needs a guard

SELECT t, kind(t) FROM unnest('{int4,value_amount,text,value_mood,uuid,inet,timestamptz,bytea,jsonb,int4[],text[],time,oid,json,json[],value_pair,value_pair[],record,interval,int4range,xml,regclass,money}'::regtype[]) t;

-- ---- rows there and back, under other settings

CREATE TABLE value_row (i int, gone int, n numeric(12, 2), f4 float4, f8 float8, t text, c char(4), ts timestamp, tz timestamptz, d date, iv interval, m money,
    b bytea, j json, jb jsonb, a text[], p value_pair, e value_mood, u uuid, r tstzrange, pt point, x xml, rc regclass, dm value_amount, "Q q" text, nothing int,
    g int GENERATED ALWAYS AS (i * 2) STORED);
ALTER TABLE value_row DROP COLUMN gone;
INSERT INTO value_row VALUES (1, 2.50, 0.1, 0.1::float8 + 0.2, E'a\n"b''\\', 'ab', '2026-11-23 13:00:00.123', '2026-11-23 13:00:00.123456+01', '2026-11-23',
    '1 year 2 mons -3 days 04:05:06.7', 1234.56, '\xdeadbeef', '{"a":  1}', '{"a": 1}', '{"x,y",NULL,"q\"z"}', ROW(1, 'b "q"', 'sad'), 'sad',
    'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '[2026-01-01 00:00+00,2026-02-01 00:00+00)', '(0.1,1e-300)', '<a>1</a>', 'value_row', 3.50, 'q', NULL);
CREATE TABLE value_image AS SELECT image(v)::jsonb AS image FROM value_row v;
SELECT key AS column, value FROM value_image, jsonb_each_text(image) ORDER BY key COLLATE "C";
SET TimeZone = 'America/New_York';
SET DateStyle = 'German, DMY';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -5;
SET bytea_output = 'escape';
SET search_path = pg_catalog, pg_temp;
SELECT public.image(v)::jsonb = i.image AS same_image FROM public.value_row v, public.value_image i;
CREATE TABLE public.value_back AS SELECT (public.row_of(NULL::public.value_row, image)).* FROM public.value_image;
SHOW DateStyle;
RESET ALL;
SELECT record_image_eq(given, row_of(NULL::value_row, image)) AS same_row FROM value_row given, value_image;
SELECT record_image_eq(given, back) AS same_under_others FROM value_row given, value_back back;

-- columns that came and went; what is no image of this table
ALTER TABLE value_row ADD newer int NOT NULL DEFAULT 5;
SELECT row_of(NULL::value_pair, '{"a": "5", "older": "z", "mood": "sad"}');
SELECT (row_of(NULL::value_row, image)).newer IS NULL AS newer_is_null FROM value_image;
SELECT row_of(NULL::value_pair, '{"a": "x"}');
SELECT row_of(NULL::value_pair, '{"a": 5}');
-- a domain is not asked again about a value that a row had
SELECT row_of(NULL::value_row, '{"dm": "-1"}');

-- a value that no event could hold is not kept
SELECT json_object_keys(image(x)::json) AS "column"
FROM (SELECT 1 AS i, repeat('x', 3000000) AS large, NULL::text AS nothing) x;

DROP TABLE value_large, value_changing, value_row, value_image, value_back;
DROP FUNCTION value, key, kind, image, row_of;
DROP TYPE value_pair, value_mood, value_amount;
