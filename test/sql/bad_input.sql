-- Input that no event can be: a clear refusal each, nothing written, and the
-- session goes on.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;
SELECT pg_current_xact_id() AS start \gset
\set VERBOSITY terse

CREATE FUNCTION pg_temp.try(what text, event text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ecapi_emit(event => event::jsonb);
    RETURN what || ': accepted';
EXCEPTION WHEN OTHERS THEN
    RETURN what || ': ' || SQLSTATE || ' ' || SQLERRM;
END $$;

\pset format unaligned
\pset tuples_only on

-- what is no text, or no JSON
SELECT convert_from('\x7b226576656e745f74797065223a22ff227d', 'UTF8');
SELECT pg_temp.try('embedded NUL', '{"event_type": "login", "id": "a\u0000b"}');
SELECT pg_temp.try('NUL in a key', '{"event_type": "login", "ext": {"a\u0000b": 1}}');
SELECT pg_temp.try('high half', '{"event_type": "login", "id": "\ud83d"}');
SELECT pg_temp.try('low half', '{"event_type": "login", "id": "\ude00"}');
SELECT pg_temp.try('halves apart', '{"event_type": "login", "id": "\ud83d \ude00"}');
SELECT pg_temp.try('not JSON', '{"event_type": "login"');

-- nesting
SELECT pg_temp.try('100 levels in ext', '{"event_type": "login", "ext": ' || repeat('{"a":', 99) || '1' || repeat('}', 99) || '}');
SELECT pg_temp.try('100 arrays in ext', '{"event_type": "login", "ext": {"a": ' || repeat('[', 98) || repeat(']', 98) || '}}');
SELECT pg_temp.try('100 levels in a field', '{"event_type": "login", "user_data": ' || repeat('[', 99) || repeat(']', 99) || '}');
SELECT pg_temp.try('100,000 levels', '{"event_type": "login", "ext": ' || repeat('[', 100000) || repeat(']', 100000) || '}')
    LIKE '100,000 levels: 54001 %' AS too_deep;
SELECT path, severity, code FROM ecapi.validate(('{"event_type": "login", "ext": ' || repeat('{"a":', 99) || '1' || repeat('}', 99) || '}')::jsonb);

-- too much
SELECT pg_temp.try('100,000 items', '{"event_type": "login", "properties": {"items": [' ||
    (SELECT string_agg('{"id":"' || i || '"}', ',') FROM generate_series(1, 100000) i) || ']}}');
SELECT pg_temp.try('100,000 email addresses', '{"event_type": "login", "user_data": {"email_address": [' ||
    (SELECT string_agg('"' || i || '"', ',') FROM generate_series(1, 100000) i) || ']}}');
SELECT pg_temp.try('100,000 unknown fields', '{"event_type": "login", ' ||
    (SELECT string_agg('"f' || i || '": 1', ',') FROM generate_series(1, 100000) i) || '}');
SELECT pg_temp.try('a number of 100,000 digits', '{"event_type": "login", "ext": {"n": ' || repeat('9', 100000) || '.' || repeat('9', 10000) || '}, "id": "' || repeat('x', 513) || '"}');
SELECT pg_temp.try('a name of a million characters', '{"event_type": "login", "' || repeat('x', 1000000) || '": 1}');
SELECT pg_temp.try('an email address of a million characters', '{"event_type": "login", "user_data": {"email_address": "' || repeat('x', 1000000) || '"}}');
-- where an event may be that large, the address is left out
SET ecapi.max_event_size = '1MB';
SELECT path, severity, code, message FROM ecapi.validate(jsonb_build_object('event_type', 'login', 'user_data',
    jsonb_build_object('email_address', repeat('x', 1000000))));
SELECT path, severity, code, message FROM ecapi.validate(jsonb_build_object('event_type', 'login', 'user_data',
    jsonb_build_object('email_address', repeat('x', 1048576))));
RESET ecapi.max_event_size;
SELECT ecapi.normalize('user_data.email_address', repeat('x', 1000000)) IS NULL AS no_form,
    ecapi.digest('user_data.email_address', repeat('x', 1000000)) IS NULL AS no_digest;
SELECT f.field, s.format, ecapi.normalize(f.field, repeat('x', 1000000), 'us', s.format) IS NULL AS no_form
FROM unnest('{user_data.email_address,address.first_name,address.last_name,address.city,address.state,address.postal_code}'::text[]) f (field),
    unnest('{google,meta}'::text[]) s (format) ORDER BY 1, 2;
SELECT ecapi.normalize('address.city', 'x', format => repeat('x', 1000000));

-- numbers
SELECT pg_temp.try('1e400', '{"event_type": "login", "value": 1e400, "currency_code": "EUR"}');
SELECT pg_temp.try('1e400 as a time', '{"event_type": "login", "timestamp": 1e400}');
SELECT pg_temp.try('1e400 as a text', '{"event_type": "login", "value": "1e400", "currency_code": "EUR"}');
SELECT pg_temp.try('1e400 as an id', '{"event_type": "login", "id": [1e400]}');
SELECT pg_temp.try('1e999999', '{"event_type": "login", "value": 1e999999, "currency_code": "EUR"}');
SELECT pg_temp.try('NaN', '{"event_type": "login", "value": NaN, "currency_code": "EUR"}');
SELECT path, severity, code FROM ecapi.validate('{"event_type": "login", "properties": {"items": [{"price": 1e400, "quantity": -1e400}]}, "ext": {"n": 1e400}}');

-- keys that differ only in case
SELECT pg_temp.try('two spellings', '{"event_type": "login", "Event_Type": "logout"}');
SELECT pg_temp.try('two spellings below', '{"event_type": "login", "user_data": {"gender": "f", "GENDER": "m"}}');
SELECT path, code, hint FROM ecapi.validate('{"event_type": "login", "ID": "1", "user_data": {"gender": "f", "GENDER": "m"}}');

\pset format aligned
\pset tuples_only off
SELECT count(*) AS written FROM ecapi.outbox WHERE xid >= :'start'::xid8;

-- key order makes no difference, and of equal keys jsonb keeps the last
SET TimeZone = 'UTC';
SELECT pg_current_xact_id() AS start \gset
SELECT ecapi_emit(event => '{"event_type": "login", "id": "a", "timestamp": 1767225600, "user_data": {"gender": "f", "gpp_sid": [7, 8, 7]}}');
SELECT ecapi_emit(event => '{"user_data": {"gpp_sid": [7, 8, 8, 7], "gender": "m", "gender": "f"}, "timestamp": 1767225600, "id": "a", "event_type": "login"}');
SELECT count(*) AS events, count(DISTINCT event::text) AS different FROM ecapi.outbox WHERE xid >= :'start'::xid8;

-- emitting what was written writes the same
SELECT pg_current_xact_id() AS start \gset
SELECT ecapi_emit(event => '{"event_type": "purchase", "id": "b", "timestamp": "2026-01-01T00:00:00Z", "value": 1.50, "currency_code": "eur",
    "user_data": {"email_address": [" Ann@Example.com", "Ann@Example.com"], "address": {"country_code": "UK", "postal_code": "SW1A 1AA", "address_type": "billing"}},
    "properties": {"items": {"item_item_variant": "red", "quantity": 1.0}, "fuel_type": "plugin hybrid"}}') AS id \gset
SELECT ecapi_emit(event => event::jsonb) = :'id' AS same_id FROM ecapi.outbox WHERE xid >= :'start'::xid8;
SELECT count(*) AS events, count(DISTINCT event::text) AS different FROM ecapi.outbox WHERE xid >= :'start'::xid8;

-- A database without an encoding lets any byte in, but no event does; one of
-- another encoding hashes the UTF-8 of its texts.
SELECT current_database() AS home \gset
CREATE DATABASE regress_ecapi_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C';
CREATE DATABASE regress_ecapi_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
\c regress_ecapi_ascii
CREATE EXTENSION ecapi;
SELECT ecapi_emit('login', id => E'a\xff');
SELECT ecapi_emit(event => jsonb_build_object('event_type', 'login', 'user_data', jsonb_build_object('gender', E'\xc3')));
SELECT ecapi_emit(event => jsonb_build_object('event_type', 'login', E'\xc3', 1));
SELECT * FROM ecapi.validate(jsonb_build_object('event_type', 'login', 'ext', jsonb_build_object('a', E'\xed\xa0\xbd')));
SELECT ecapi.digest('user_data.gender', E'\xc3\x28');
SELECT count(*) AS written FROM ecapi.outbox;
SELECT ecapi.digest('address.city', E'\xff');
SELECT ecapi.digest('address.first_name', E'\xc3\x89lan') = encode(sha256(E'\\xc3a96c616e'), 'hex') AS utf8;
-- what a browser sent is replaced where it stands, and is no longer then
CREATE TABLE visits (id int PRIMARY KEY);
SELECT ecapi.track('visits', 'login', mapping => '{}') IS NOT NULL AS tracked;
CREATE PROCEDURE visit(n int, context text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ecapi.context', context, true);
    INSERT INTO visits VALUES (n);
    COMMIT;
END $$;
CALL visit(1, repeat(E'"\xff":', 200000));
CALL visit(2, '{"ext": {' || repeat(E'"\xff": 1, ', 5000) || E'"\xc3\xa9": 2, "broken": "\xff"}}');
CALL visit(3, '{"ext": {"kept": 3}, "x": ' || repeat('[', 31));
CALL visit(4, repeat('[', 31));
CALL visit(5, E'"\xff');
SELECT event->>'id' AS id, event->>'ext' AS ext FROM ecapi.outbox ORDER BY seq;
\c regress_ecapi_latin1
CREATE EXTENSION ecapi;
SET client_encoding = 'SQL_ASCII';
SELECT ecapi.digest('address.first_name', chr(201) || 'lan') = encode(sha256(E'\\xc3a96c616e'), 'hex') AS digest,
    ecapi.normalize('address.first_name', chr(201) || 'lan') = chr(233) || 'lan' AS normalized;
SELECT count(*) AS violations FROM ecapi.validate(jsonb_build_object('event_type', 'login', 'user_data',
    jsonb_build_object('gender', chr(201), 'address', jsonb_build_object('city', chr(220) || 'berlingen'))));
\c :home
DROP DATABASE regress_ecapi_ascii;
DROP DATABASE regress_ecapi_latin1;
