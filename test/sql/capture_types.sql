--
-- Values of every kind of type in captured events: their JSON form, as parts
-- of ids, in fields of the standard, and what a track refuses.  None of it may
-- depend on a setting of the session that writes the row.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
-- (many commands, for which a server does not discard what its caches hold)
SET debug_discard_caches = 0;
CREATE EXTENSION IF NOT EXISTS citext;
RESET debug_discard_caches;
RESET client_min_messages;
SELECT pg_current_xact_id() AS start \gset

-- Settings that the server's own output functions follow, at their oddest.
CREATE PROCEDURE odd_settings() LANGUAGE plpgsql AS $$
BEGIN
    SET TimeZone = 'Asia/Kathmandu';
    SET DateStyle = 'SQL, DMY';
    SET IntervalStyle = 'sql_standard';
    SET extra_float_digits = -15;
    SET bytea_output = 'escape';
    SET xmlbinary = 'hex';
    SET search_path = pg_temp, public;
END $$;
CREATE PROCEDURE usual_settings() LANGUAGE plpgsql AS $$
BEGIN
    SET TimeZone = 'UTC';
    RESET DateStyle;
    RESET IntervalStyle;
    RESET extra_float_digits;
    RESET bytea_output;
    RESET xmlbinary;
    RESET search_path;
END $$;
CALL usual_settings();

-- ---- one column of every kind, each in ext

CREATE TYPE capture_mood AS ENUM ('sad', 'ha"ppy');
CREATE TYPE capture_pair AS (a int, "B b" text, gone date, mood capture_mood);
ALTER TYPE capture_pair DROP ATTRIBUTE gone;
CREATE DOMAIN capture_amount AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE DOMAIN capture_pairs AS capture_pair[];
CREATE TABLE capture_all (
    id int PRIMARY KEY,
    c_int2 int2, c_int4 int4, c_int8 int8, c_float4 float4, c_float8 float8, c_nan float8,
    c_numeric numeric, c_scale numeric(12, 3), c_domain capture_amount, c_bool bool,
    c_text text, c_varchar varchar(10), c_char char(5), c_name name, c_byte "char", c_citext citext,
    c_enum capture_mood, c_uuid uuid, c_inet inet, c_inet6 inet, c_net inet, c_cidr cidr, c_macaddr macaddr,
    c_timestamptz timestamptz, c_fraction timestamptz, c_before timestamptz, c_endless timestamptz,
    c_timestamp timestamp, c_date date, c_date_bc date, c_time time, c_timetz timetz, c_interval interval,
    c_bytea bytea, c_json json, c_jsonb jsonb,
    c_ints int[], c_texts text[], c_empty text[], c_times timestamptz[],
    c_pair capture_pair, c_pairs capture_pairs,
    c_range tstzrange, c_point point, c_bits bit(3), c_table regclass, c_xml xml, c_oid oid);
SELECT ecapi.track('capture_all', 'login', mapping => (
    SELECT jsonb_object_agg('ext.' || attname, attname) FROM pg_attribute
    WHERE attrelid = 'capture_all'::regclass AND attnum > 1));
CREATE TABLE capture_given (LIKE capture_all);
INSERT INTO capture_given VALUES (0,
    -32768, 2147483647, -9223372036854775808, 1.1, 0.1::float8 + 0.2, 'NaN',
    129.90, 10.5, 7, true,
    E'it''s\n"x" \u00e9', 'v', 'ab', 'n', 'x', 'CiTe',
    'ha"ppy', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
    '192.0.2.1', '2001:db8::1', '192.0.2.1/24', '10.1.2.3/32', '08:00:2b:01:02:0A',
    '2026-11-23 14:00:00+01', '2026-11-23 14:00:00.120+01', '1969-12-31 23:59:59.999999+00', 'infinity',
    '2026-11-23 13:00:00.5', '2026-11-23', '0044-03-15 BC', '13:00', '13:00:00.5+02', '1 year -2 days 03:04:05.6',
    '\xdeadBEEF', '{"a":  [1, 2.50, null], "b": true}', '{"a":  [1, 2.50, null], "b": true}',
    '{1,NULL,3}', '{{a,b},{c,NULL}}', '{}', ARRAY['2026-11-23 14:00:00+01'::timestamptz],
    ROW(1, 'x"', 'sad'), ARRAY[ROW(2, NULL, 'sad')::capture_pair],
    '[2026-01-01 00:00+00,2026-02-01 00:00+00)', '(0.1,1e-300)', B'101', 'capture_all', '<a>1</a>', 4000000000);
INSERT INTO capture_all SELECT * FROM capture_given;
SELECT key, value FROM ecapi.outbox, json_each(event::json->'ext')
WHERE xid >= :'start'::xid8 AND event::json->>'id' = 'capture_all:0:login' ORDER BY key COLLATE "C";
CALL odd_settings();
UPDATE capture_given SET id = 1;
INSERT INTO capture_all SELECT * FROM capture_given;
CALL usual_settings();
SELECT count(*) AS events, count(DISTINCT event::json->>'ext') AS different FROM ecapi.outbox
WHERE xid >= :'start'::xid8 AND event::json->>'id' LIKE 'capture_all:%';

-- ---- keys

CREATE FUNCTION key_of(type text, VARIADIC keys text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    key text;
BEGIN
    EXECUTE format('CREATE TABLE public.capture_key (k %s PRIMARY KEY)', type);
    PERFORM ecapi.track('public.capture_key', 'login', mapping => '{"source": "''app''"}');
    FOREACH key IN ARRAY keys LOOP
        EXECUTE format('INSERT INTO public.capture_key VALUES (%L)', key);
    END LOOP;
    DROP TABLE public.capture_key;
    RETURN QUERY SELECT event::json->>'id' FROM ecapi.outbox WHERE xid = pg_current_xact_id() ORDER BY seq;
END $$;
CALL odd_settings();
SELECT public.key_of('int', '42');
SELECT public.key_of('bigint', '-9223372036854775808');
SELECT public.key_of('text', 'a:b%c', 'é', E'a\tb');
SELECT public.key_of('char(5)', 'ab');
SELECT public.key_of('uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT public.key_of('numeric', '10.50', '100', '0.00');
SELECT public.key_of('float8', '0.30000000000000004', '-0');
SELECT public.key_of('float8', '70.3', '70.30000305175781', '134217744', '1e300');
SELECT public.key_of('float8[]', '{70.3}', '{70.30000305175781}');
SELECT public.key_of('timestamptz', '2026-11-23 13:00:00.10+00');
SELECT public.key_of('timestamp', '2026-11-23T13:00:00');
SELECT public.key_of('date', '2026-11-23');
SELECT public.key_of('bytea', '\xDEAD');
SELECT public.key_of('bool', 't', 'f');
SELECT public.key_of('public.capture_mood', 'sad');
SELECT public.key_of('int[]', '{1,2}');
SELECT public.key_of('inet', '2001:db8::1');
CALL public.usual_settings();

-- ---- fields of the standard

CREATE TYPE capture_address AS (city text, country_code text, postal_code text);
CREATE TABLE capture_fields (order_no int PRIMARY KEY, total capture_amount, currency char(3), paid_at timestamptz,
    phones bigint[], sections int[], coupon varchar(20), arrives date, only_own bool, origin text, ip inet,
    address capture_address, lease varchar(8), level int2);
SELECT ecapi.track('capture_fields', 'purchase', mapping => '{
    "value": "total", "currency_code": "currency", "timestamp": "paid_at", "source": "origin",
    "user_data.phone_numbers": "phones", "user_data.gpp_sid": "sections", "user_data.mmt_only": "only_own",
    "user_data.event_ip_address": "ip", "user_data.address": "address",
    "properties.transaction_id": "order_no", "properties.coupon": "coupon", "properties.arrival_date": "arrives",
    "properties.lease_end_date": "lease", "properties.character_level": "level"}');
CALL odd_settings();
INSERT INTO capture_fields VALUES (42, 129.9, 'eur', '2026-01-01 00:00:00.999999+00', '{4971112345,4971167890}', '{7,8}',
    'SPRING', '24.12.2026', true, 'app', '192.0.2.1', ROW('Berlin', 'DE', '10115'), '20271231', 7);
CALL public.usual_settings();
SELECT key, value FROM ecapi.outbox, json_each(event::json)
WHERE xid >= :'start'::xid8 AND event::json->>'id' = 'capture_fields:42:purchase' ORDER BY key COLLATE "C";

-- ---- refused when declared

CREATE TABLE capture_wrong (id int PRIMARY KEY, n numeric, t text, b bool, ts timestamp, tz timestamptz, d date, x bytea,
    j jsonb, p capture_pair, texts text[], ns int[], ps capture_pair[], i interval, m money, ms money[], ip inet, "Odd t" text);
CREATE FUNCTION refusal(field text, source text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ecapi.track('capture_wrong', 'login', mapping => jsonb_build_object(field, source)
        || CASE field WHEN 'value' THEN '{"currency_code": "''EUR''"}' ELSE '{}' END::jsonb);
    message := 'accepted';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
CREATE TEMP TABLE mismatch (field text, source text, message text, hint text);
INSERT INTO mismatch VALUES
    ('timestamp', 'ts', 'a timestamp without time zone names no moment', 'Write "new.ts AT TIME ZONE ''UTC''", or the zone that its times are in.'),
    ('timestamp', 'new.ts', 'a timestamp without time zone names no moment', 'Write "new.ts AT TIME ZONE ''UTC''", or the zone that its times are in.'),
    ('timestamp', 'd', 'a date names no moment', 'Write "new.d::timestamp AT TIME ZONE ''UTC''", or the zone that its times are in.'),
    ('timestamp', 't', 'type text is not a timestamp', 'Write "new.t::timestamptz".'),
    ('timestamp', 'b', 'type boolean is not a timestamp', ''),
    ('value', 't', 'type text is not a number', 'Write "new.t::numeric".'),
    ('value', 'Odd t', 'type text is not a number', 'Write "new."Odd t"::numeric".'),
    ('value', 'b', 'type boolean is not a number', 'Write "new.b::integer".'),
    ('value', 'm', 'the digits of type money depend on the locale', 'Write "new.m::numeric".'),
    ('value', 'tz', 'type timestamp with time zone is not a number', ''),
    ('value', 'ip', 'type inet is not a number', ''),
    ('value', 'ns', 'type integer[] is not a single value', 'Write "new.ns[1]", or whichever element is meant.'),
    ('ext.price', 'm', 'the digits of type money depend on the locale', 'Write "new.m::numeric".'),
    ('ext.prices', 'ms', 'the digits of type money depend on the locale', 'Write "new.ms::numeric[]".'),
    ('currency_code', 'id', 'type integer is not a currency', 'Map the three-letter code, such as by CASE.'),
    ('source', 'id', 'type integer is not a text', 'Map the value''s name in the standard, such as by CASE.'),
    ('user_data.age_range', 'b', 'type boolean is neither a number nor the name of a value', 'Map the value''s name in the standard, such as by CASE.'),
    ('user_data.mmt_only', 'id', 'type integer is neither true nor false', 'Write "new.id <> 0".'),
    ('user_data.mmt_only', 't', 'type text is neither true nor false', 'Write "new.t::boolean".'),
    ('user_data.event_ip_address', 'x', 'type bytea is not an IP address', ''),
    ('user_data.phone_numbers', 'b', 'type boolean is not a text', ''),
    ('user_data.email_address', 'p', 'type capture_pair is not a text', 'Map one of its attributes.'),
    ('user_data.gpp_sid', 'texts', 'type text is not a number', 'Write "new.texts::bigint[]".'),
    ('user_data.address', 't', 'type text is not an object', 'Map json, jsonb or a composite type, such as by jsonb_build_object().'),
    ('user_data.ext', 'id', 'type integer is not an object', 'Map a name inside it, such as "user_data.ext.name".'),
    ('user_data.ext', 'ps', 'type capture_pair[] is not a single value', ''),
    ('properties.transaction_id', 'texts', 'type text[] is not a single value', 'Write "new.texts[1]", or whichever element is meant.'),
    ('properties.page_url', 'i', 'type interval is not a URL', ''),
    ('properties.arrival_date', 'ts', 'type timestamp without time zone is not a date', 'Write "new.ts::date".'),
    ('properties.arrival_date', 'tz', 'type timestamp with time zone is not a date', 'Write "(new.tz AT TIME ZONE ''UTC'')::date", or the zone that its days are in.'),
    ('properties.arrival_date', 'id', 'type integer is not a date', 'Map a date, or a text in the form "YYYY-MM-DD" or "YYYYMMDD".'),
    ('properties.destination_airport', 'n', 'type numeric is not an airport code', '');
-- No rows: each is refused, for its own reason, with its own hint.
SELECT m.field, m.source, r.message, r.hint
FROM mismatch m, refusal(m.field, m.source) r
WHERE position(m.message IN r.message) = 0 OR r.hint IS DISTINCT FROM m.hint;
SELECT count(*) AS refused FROM mismatch;

-- Accepted: what validation may take, depending on the value.  No rows.
CREATE TEMP TABLE match (field text, source text);
INSERT INTO match VALUES ('timestamp', 'tz'), ('timestamp', 'id'), ('timestamp', 'j'), ('value', 'n'), ('value', 'id'), ('value', 'j'),
    ('properties.transaction_id', 'id'), ('properties.transaction_id', 'tz'), ('properties.transaction_id', 'b'),
    ('user_data.phone_numbers', 'id'), ('user_data.phone_numbers', 'ns'), ('user_data.email_address', 'texts'), ('user_data.email_address', 'x'),
    ('user_data.address', 'p'), ('user_data.address', 'ps'), ('user_data.address', 'j'), ('user_data.ext', 'p'), ('user_data.ext', 'j'),
    ('user_data.age_range', 'id'), ('user_data.age_range', 't'), ('user_data.mmt_only', 'b'), ('user_data.event_ip_address', 'ip'),
    ('user_data.gpp_sid', 'ns'), ('properties.arrival_date', 'd'), ('properties.arrival_date', 't'), ('ext.any', 'i'), ('ext.any', 'ps');
SELECT m.field, m.source, r.message, r.hint FROM match m, refusal(m.field, m.source) r WHERE r.message <> 'accepted';

DROP TABLE capture_all, capture_given, capture_fields, capture_wrong;
DROP FUNCTION key_of(text, text[]), refusal(text, text);
DROP PROCEDURE odd_settings(), usual_settings();
DROP TYPE capture_pairs, capture_pair, capture_mood, capture_amount, capture_address;
SET debug_discard_caches = 0;
DROP EXTENSION citext;
