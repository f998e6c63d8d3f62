-- The filter of a destination: what it may say, what it answers, and what is
-- refused.  By a probe, which compiles and applies a condition in this backend.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE SCHEMA filter;
SET search_path = filter;
\getenv probes PG_LIBDIR
\set probe :probes '/ecapi_probe'
CREATE FUNCTION probe(condition text, events jsonb, timeout_ms int) RETURNS text
    AS :'probe', 'ecapi_probe_filter' LANGUAGE c STRICT;

-- Three events: a whole one, a small one, and one without a value.
CREATE TABLE events AS SELECT '[
    {"id": "order-1", "event_type": "purchase", "timestamp": 1767225600, "value": 129.90, "currency_code": "EUR", "source": "website",
     "user_data": {"email_address": "ann@example.com", "address": {"country_code": "DE"}},
     "properties": {"transaction_id": "1", "n": 3, "items": [{"id": "a", "quantity": 2}, {"id": "b", "quantity": 1}]},
     "ext": {"route": "de", "segment": "gold"}},
    {"id": "order-2", "event_type": "purchase", "timestamp": 1767312000, "value": 9, "currency_code": "USD", "source": "app",
     "properties": {"transaction_id": "2", "n": "many"}},
    {"id": "login-3", "event_type": "login", "timestamp": 1767398400}]'::jsonb AS list;

CREATE TABLE conditions (n int GENERATED ALWAYS AS IDENTITY, condition text);
CREATE FUNCTION answers() RETURNS TABLE (answer text, condition text) LANGUAGE sql AS $$
    WITH asked AS (DELETE FROM filter.conditions RETURNING *)
    SELECT replace(filter.probe(asked.condition, list, 60000), '(A filter uses columns of ecapi.event and what is built into pg_catalog; anything else is computed by an enrichment.)', '(rule)'),
        asked.condition FROM asked, filter.events ORDER BY n
$$;
RESET client_min_messages;
\a
\t

--
-- Allowed
--
INSERT INTO conditions (condition) VALUES
    ('value >= 100'), ('value < 100'), ('NOT value < 100'), ('value IS NULL'), ('value = 129.9'),
    ('event_type = ''purchase'' AND currency_code IN (''EUR'', ''CHF'')'),
    ('id LIKE ''order-%'''), ('id ~ ''^order-[2-9]$'''), ('id SIMILAR TO ''(order|login)-3'''), ('seq > 1'),
    ('source IS DISTINCT FROM ''website'''), ('route = ''de'''), ('coalesce(route, ''none'') <> ''de'''),
    ('user_data->>''email_address'' LIKE ''%@example.com'''), ('user_data #>> ''{address,country_code}'' = ''DE'''),
    ('user_data[''address''][''country_code''] = ''"DE"'''),
    ('properties @> ''{"transaction_id": "1"}'''), ('properties ? ''items'''), ('ext->>''segment'' = ANY (''{gold,silver}'')'),
    ('jsonb_array_length(properties->''items'') > 1'), ('(properties->>''transaction_id'')::int % 2 = 0'),
    ('properties @@ ''$.items[*].quantity == 2'''), ('properties @? ''$.items[*] ? (@.id == "b")'''), ('jsonb_path_exists_tz(properties, ''$.n ? (@ == "many")'')'),
    ('jsonb_typeof(properties->''n'') = ''number'''),
    ('"timestamp" >= ''2026-01-02'''), ('"timestamp" < timestamptz ''2026-01-02 00:00+01'''), ('"timestamp" > now() - interval ''1000 years'''),
    ('"timestamp"::date = ''2026-01-03'''), ('extract(hour FROM "timestamp") = 0'), ('"timestamp" AT TIME ZONE ''Europe/Berlin'' >= timestamp ''2026-01-02 01:00'''),
    ('date_trunc(''month'', "timestamp") = ''2026-01-01'''), ('to_char("timestamp", ''Dy'') = ''Thu'''), ('"timestamp" <@ tstzrange(''2026-01-01'', ''2026-01-02'')'),
    ('current_date > "timestamp" - interval ''200 years'''), ('("timestamp", interval ''1 day'') OVERLAPS (timestamptz ''2026-01-02 12:00'', interval ''1 h'')'),
    ('CASE currency_code WHEN ''EUR'' THEN value > 100 WHEN ''USD'' THEN value > 5 ELSE true END'),
    ('greatest(value, 50) = 50'), ('round(value / 10) = 13'), ('value BETWEEN 5 AND 10'), ('(source, currency_code) = (''app'', ''USD'')'), ('(event_type, id) < (''purchase'', ''a'')'),
    ('upper(source) = ''APP'''), ('concat_ws(''/'', source, route) = ''website/de'''), ('format(''%s'', value) = ''9'''), ('id || seq = ''order-22'''),
    ('split_part(id, ''-'', 2)::int = 3'), ('id COLLATE "C" < ''m'''), ('array[source, route] && array[''de'']'), ('(string_to_array(id, ''-''))[1] = ''login'''),
    ('to_jsonb(value) > ''10'''), ('make_interval(days => seq::int) > interval ''36 h'''), ('hashtext(id) IS NOT NULL'), ('inet ''10.0.0.1'' << inet ''10.0.0.0/8'''),
    ('true'), ('null'), ('''yes'''), ('value > 5 /* in the event''s currency */'), ('value > 5 -- and no more');
SELECT * FROM answers();

--
-- Fails at an event: which one is shown, and only the SQLSTATE
--
INSERT INTO conditions (condition) VALUES
    ('(properties->>''n'')::int > 2'), ('value / (value - 9) > 1'), ('1 / 0 > value'), ('repeat(''x'', 1100000000) = id');
SELECT * FROM answers();
-- One that would take hours is ended; the second event is what took the time.
SET statement_timeout = '5 min';
SELECT probe($$seq = 1 OR encode(sha512(id::bytea), 'hex') || md5(id) ~ '^(.*)(.*)(.*)(.*)(.*)(.*)(........+)\7$'$$, list, 2000) FROM events;
RESET statement_timeout;
-- The whole sentence that is left out above and below:
SELECT probe('random() > 0.5', list, 60000) FROM events;

--
-- Refused: not one condition
--
INSERT INTO conditions (condition) VALUES
    (''), ('  -- nothing'), ('value > 5;'), ('value > 5; DROP TABLE orders'), ('1) OR (1'), ('value > 5, true'), ('value > 5 FROM ecapi.outbox'),
    ('true WHERE true'), ('true UNION SELECT true'), ('SELECT true'), ('DISTINCT true'), ('true LIMIT 1'), ('true FOR UPDATE'), ('true AS x'), ('value >'), (E'value > 5\nAND'),
    (repeat(' ', 10000) || 'true');
SELECT answer, left(condition, 60) FROM answers();

--
-- Refused: not a condition
--
INSERT INTO conditions (condition) VALUES
    ('value'), ('id'), ('5'), ('''maybe'''), ('user_data->''x'''), ('array[true]');
SELECT * FROM answers();

--
-- Refused: names
--
INSERT INTO conditions (condition) VALUES
    ('valeu > 5'), ('email_address = ''x'''), ('transaction_id = ''1'''), ('items IS NULL'), ('nonsense > 5'), ('user_data.email_address = ''x'''), ('user_data.address.city = ''x'''), ('event.value > 5'), ('e.value > 5'),
    ('event IS NULL'), ('event.* IS NULL'), ('* IS NULL'), ('xmin IS NULL'), ('tableoid = 1'), ('ctid IS NULL'), ('timestamp > now()'), ('"Value" > 5'), ('$1 = 5'),
    ('value > '''' || 5'), ('value > ''a lot'''), ('id = 5'), ('id::text::nothing IS NULL'), ('no_such(id)'), ('lower(id, 5)');
SELECT * FROM answers();

--
-- Refused: what reads, runs or knows more than the event
--
INSERT INTO conditions (condition) VALUES
    ('EXISTS (SELECT FROM pg_authid)'), ('value > (SELECT 5)'), ('id = ANY (SELECT ''x'')'), ('ARRAY(SELECT 1) IS NULL'),
    ('count(*) > 1'), ('count(value) > 1'), ('max(value) > 1'), ('bool_or(true)'), ('row_number() OVER () = 1'), ('sum(value) FILTER (WHERE true) > 1'), ('grouping(value) = 1'), ('generate_series(1, 3) = 1'), ('jsonb_array_elements(properties) IS NULL'), ('unnest(array[true])'),
    ('random() > 0.5'), ('clock_timestamp() > now()'), ('nextval(''s'') = 1'), ('pg_sleep(1) IS NULL'), ('gen_random_uuid() IS NULL'),
    ('current_user = ''x'''), ('session_user = ''x'''), ('current_schema = ''x'''), ('current_catalog = ''x'''), ('current_setting(''data_directory'') = ''x'''), ('set_config(''role'', ''postgres'', false) = ''x'''), ('pg_has_role(''postgres'', ''usage'')'), ('version() = ''x'''), ('inet_client_addr() IS NULL'), ('pg_backend_pid() = 1'), ('txid_current() = 1'),
    ('query_to_xml(''SELECT 1'', true, true, '''')::text = ''x'''), ('table_to_xml(''pg_authid'', true, true, '''') IS NULL'), ('database_to_xml(true, true, '''') IS NULL'), ('cursor_to_xml(''c'', 1, true, true, '''') IS NULL'), ('schema_to_xml(''s'', true, true, '''') IS NULL'), ('pg_read_file(''/etc/passwd'') = ''x'''), ('pg_read_binary_file(''x'') IS NULL'), ('pg_ls_dir(''.'') IS NULL'), ('lo_import(''/etc/passwd'') = 1'), ('lo_get(1) IS NULL'), ('pg_stat_file(''x'') IS NULL'), ('pg_terminate_backend(1)'), ('pg_notify(''a'', id) IS NULL'), ('pg_advisory_lock(1) IS NULL'), ('has_table_privilege(''pg_authid'', ''select'')'), ('pg_relation_size(''pg_authid'') > 1'), ('obj_description(1, ''pg_class'') IS NULL'), ('ts_rewrite(''a'', ''SELECT 1'') IS NULL'), ('ts_stat(''SELECT 1'') IS NULL'), ('to_tsvector(id) IS NULL'), ('to_tsvector(''english'', id) IS NULL'), ('satisfies_hash_partition(1259, 2, 0, 1)'), ('pg_get_viewdef(''v'') = ''x'''), ('xml_is_well_formed(id)'), ('pg_typeof(id) = ''text'''),
    ('''pg_authid''::regclass IS NULL'), ('''pg_authid''::regclass::text = ''x'''), ('regclass(''pg_authid'') IS NULL'), ('1::oid = 2'), ('''lower''::regproc IS NULL'), ('''pg_monitor''::regrole IS NULL'), ('''<a/>''::xml IS NULL'), ('xmlparse(document ''<a/>'') IS NULL'), ('xmlelement(name a) IS NULL'), ('id::xml IS DOCUMENT'), ('xpath(''/a'', ''<a/>'') IS NULL'), ('row(1, 2) IS NULL'), ('row_to_json(row(id)) IS NULL'), ('to_json(row(1)) IS NULL'), ('(row(1, id)).f2 = ''x'''), ('(user_data).email_address = ''x'''), ('(properties).* IS NULL'), ('id::cstring IS NULL'), ('''1''::pg_lsn IS NULL'), ('value::money > ''1'''), ('convert_to(id, ''LATIN1'') IS NULL'), ('id::varchar(3) COLLATE "nowhere" = ''x'''), ('value::conditions IS NULL'), ('value::ecapi.event IS NULL'), ('id::conditions.id%TYPE IS NULL'),
    ('"timestamp" > ''yesterday'''), ('"timestamp" > timestamptz '' Today '''), ('"timestamp"::date = date ''now'''), ('"timestamp" <@ tstzrange ''[yesterday,)''');
SELECT * FROM answers();
-- though a text may be such a word
SELECT probe($$properties->>'n' = 'today'$$, list, 60000) FROM events;

--
-- Objects of users: of the same name in an earlier schema, or named outright
--
SET client_min_messages = warning;
CREATE FUNCTION evil() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'user code runs as %', current_user; END $$;
CREATE FUNCTION lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT filter.evil()::text';
CREATE FUNCTION eq(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT filter.evil()';
CREATE FUNCTION eq(numeric, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT filter.evil()';
CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = eq);
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = eq);
CREATE OPERATOR = (LEFTARG = numeric, RIGHTARG = text, FUNCTION = eq);
CREATE DOMAIN trap AS text CHECK (filter.evil());
CREATE TYPE trapped AS (t trap);
CREATE TYPE kind AS ENUM ('a', 'b');
CREATE FUNCTION to_kind(text) RETURNS kind LANGUAGE sql IMMUTABLE AS 'SELECT filter.evil()::text::filter.kind';
CREATE CAST (text AS trapped) WITH INOUT AS IMPLICIT;
CREATE COLLATION filter."C" FROM "POSIX";
CREATE VIEW looks AS SELECT filter.evil();
-- a superuser's own additions to pg_catalog are no more trusted
CREATE FUNCTION pg_catalog.ecapi_filter_evil(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT filter.evil()';
CREATE FUNCTION pg_catalog.ecapi_filter_evil(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT filter.evil()';
CREATE OPERATOR pg_catalog.=== (LEFTARG = pg_catalog.text, RIGHTARG = pg_catalog.text, FUNCTION = pg_catalog.ecapi_filter_evil);
CREATE CAST (text AS boolean) WITH FUNCTION pg_catalog.ecapi_filter_evil(text) AS IMPLICIT;
CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT filter.evil()::text';
CREATE DOMAIN pg_temp.varchar AS text CHECK (filter.evil());
CREATE DOMAIN pg_temp.hidden AS text CHECK (filter.evil());
CREATE TYPE text AS ENUM ('x');
RESET client_min_messages;
SET search_path = filter, pg_temp, pg_catalog;
INSERT INTO conditions (condition) VALUES
    ('lower(id) = ''order-1'''), ('pg_catalog.lower(id) OPERATOR(pg_catalog.=) ''order-1'''), ('id::text = ''order-1'''), ('id::varchar = ''order-1'''), ('id < ''m'' COLLATE "C"'),
    ('filter.lower(id) = ''x'''), ('id OPERATOR(filter.=) ''x'''), ('id === ''x'''), ('value = id'), ('evil()'), ('filter.evil()'), ('pg_temp.lower(id) = ''x'''), ('ecapi_filter_evil(id)'), ('id'), ('id AND true'),
    ('id::filter.trap IS NULL'), ('''x''::filter.trap IS NULL'), ('id::trap IS NULL'), ('''(x)''::filter.trapped IS NULL'), ('''{x}''::filter.trap[] IS NULL'), ('id::filter.kind IS NULL'), ('''x''::hidden IS NULL'), ('hidden(''x'') IS NULL'), ('trap(''x'') IS NULL'), ('id::pg_temp.hidden IS NULL'), ('cast(id AS filter.text) IS NULL'),
    ('id COLLATE filter."C" < ''m'''), ('table_to_xml(''filter.looks'', true, true, '''') IS NULL'), ('json_populate_record(null::filter.trapped, ''{"t": "x"}'') IS NULL'), ('jsonb_populate_record(ROW(id), user_data) IS NULL');
SELECT * FROM answers();
DROP CAST (pg_catalog.text AS boolean);
DROP OPERATOR pg_catalog.=== (pg_catalog.text, pg_catalog.text);
DROP FUNCTION pg_catalog.ecapi_filter_evil(pg_catalog.text), pg_catalog.ecapi_filter_evil(pg_catalog.text, pg_catalog.text);

--
-- How much work: nothing is computed whose size the condition alone decides, and
-- no value of an event makes a call long
--
SET search_path = filter, pg_catalog;
INSERT INTO conditions (condition) VALUES
    ('7::numeric ^ 155000 % 3 = 1'), ('value ^ 2 > 100'), ('value ^ 2.5 > 100'), ('power(value, 17) > 0'), ('power(value, -1) > 0'), ('exp(value) > 1'), ('exp(1.0) > value'), ('exp(2::numeric) > 0'), ('factorial(100000) > 0'), ('2.5::float8 ^ 3 > 0'),
    ('1e131071::numeric > value'), ('value < ''1e1001'''), ('value < 1e999'), ('round(value, 1500) > 0'), ('value * 1e600 * 1e600 > 0'), ('(id || ''e5000'')::numeric > 0'), ('length(repeat(id, 1000000)) > 0'), ('length(repeat(id, 3)) = 21'), ('lpad(id, length(id)) = id'), ('lpad(id, 1000000) = id'), ('lpad(id, 10) = ''   order-1'''),
    ('replace(id, ''-'', id) = id'), ('replace(id, ''-'', ''+'') = ''order+1'''), ('regexp_replace(id, ''.'', repeat(''x'', 50), ''g'') = id'), ('format(''%1000000s'', id) = id'), ('format(''%*s'', 5, id) = id'), ('format(''%1$s-%1$s 5%%'', source) = ''website-website 5%'''), ('array_length(array_fill(1, ARRAY[100000000]), 1) > 0'), ('jsonb_pretty(properties) = id'),
    ('''x''::char(2000000) = id'), ('length(id::char(2000000)::text) = 7'), ('B''1''::bit(20000000) = B''1'''), ('strpos(id, properties->>''transaction_id'') = 7'), ('strpos(id, lpad(id, 1000) || lpad(id, 1000)) = 0'), ('properties @> ''{"n": 3}'''), ('properties @> user_data'), ('1/0 = value');
SELECT * FROM answers();
-- what an event holds
SELECT probe('(properties->>''n'')::numeric % 7 > 0', '[{"id": "a", "properties": {"n": "1e131071"}}]', 60000);
SELECT probe('length((properties || properties)::text) > 0', jsonb_build_array(jsonb_build_object('id', 'a', 'properties', jsonb_build_object('t', repeat('x', 1100000)))), 60000);
SELECT probe('strpos(properties->>''t'', properties->>''u'') = 1', jsonb_build_array(jsonb_build_object('id', 'a', 'properties', jsonb_build_object('t', repeat('x', 5000), 'u', repeat('x', 2000)))), 60000);
SELECT probe('(properties->''t'') @> (properties->''u'')', jsonb_build_array(jsonb_build_object('id', 'a', 'properties', jsonb_build_object('t', repeat('x', 50000), 'u', '1'))), 60000);

--
-- As whom: a role without a right runs the same, and one who may not call a
-- function does not get round it
--
SET search_path = filter, pg_catalog;
SET client_min_messages = warning;
CREATE ROLE regress_filter_nobody;
GRANT USAGE ON SCHEMA filter TO regress_filter_nobody;
GRANT SELECT ON events TO regress_filter_nobody;
RESET client_min_messages;
SET ROLE regress_filter_nobody;
SELECT probe('value > 5', list, 60000) FROM events;
RESET ROLE;
BEGIN;
REVOKE EXECUTE ON FUNCTION pg_catalog.upper(pg_catalog.text) FROM PUBLIC;
SET LOCAL ROLE regress_filter_nobody;
SELECT probe('upper(source) = ''APP''', list, 60000) FROM events;
ROLLBACK;

-- Settings of the session change nothing.
SET TimeZone = 'Pacific/Auckland';
SET DateStyle = 'German';
SET transform_null_equals = on;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT probe('"timestamp" = ''2026-01-02''', list, 60000), probe('"timestamp"::date = ''2026-01-02''', list, 60000),
    probe('"timestamp" < ''02/01/2026''', list, 60000), probe('route = null', list, 60000), probe('id ~ ''\\d$''', list, 60000) FROM events;
RESET ALL;
\a
\t
SET client_min_messages = warning;
DROP SCHEMA filter CASCADE;
DROP ROLE regress_filter_nobody;
