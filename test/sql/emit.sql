-- ecapi_emit(): what it writes, what it refuses, what it sets aside.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;
SET TimeZone = 'UTC';
SELECT pg_current_xact_id() AS start \gset

-- named arguments: fields in the standard's order, codes folded
SELECT ecapi_emit('purchase', value => 129.90, currency_code => 'eur', id => 'order-42',
    user_data => jsonb_build_object('email_address', 'ann@example.com'),
    properties => '{"transaction_id": "42", "items": [{"price": 64.95, "quantity": 2, "id": "sku-1"}]}',
    source => 'Website', occurred_at => '2026-01-01 00:00:00.9+00');

-- one jsonb
SELECT ecapi_emit(event => '{"event_type": "login", "id": "e-1", "timestamp": 1767225600,
    "ext": {"route": "de", "deep": {"b": [1, null, "x\u0007\"\\"], "a": 12345678901234567.5}}}');
SELECT ecapi_emit(event => '{"event_type": "login", "id": "e-2", "timestamp": "2026-01-01T01:00:00+01:00"}');

-- both: named arguments win, key by key; custom events have a name
SELECT ecapi_emit('custom', id => 'e-3', custom_event => 'quiz', value => 0.1, occurred_at => '2026-01-01 00:00:00+00',
    event => '{"event_type": "login", "id": "other", "currency_code": "JPY", "source": "app",
               "value": 7, "timestamp": 1, "properties": {"group_id": "g"}}');

-- absent: null, empty texts, empty arrays and objects
SELECT ecapi_emit('search', id => 'e-4', currency_code => '', source => NULL, user_data => '{}',
    properties => '{"items": [{}, null], "coupon": ["", null], "search_term": "", "tax": null}',
    occurred_at => '2026-01-01 00:00:00+00');

-- enumerations by name, scalars for arrays, duplicates, the misprint of the standard
SELECT ecapi_emit('purchase', id => 'e-5', occurred_at => '2026-01-01 00:00:00+00',
    user_data => '{"phone_numbers": "+1 212-555-0000", "email_address": ["a@b.example", "a@b.example"], "age_range": "25-29",
                   "address": {"address_type": "billing", "country_code": "United Kingdom"}, "gpp_sid": [7, 3]}',
    properties => '{"fuel_type": "plugin hybrid", "items": {"item_item_variant": "red"}}');

SELECT event FROM ecapi.outbox WHERE xid >= :'start'::xid8 ORDER BY xid, seq;

-- without id a UUID, without time that of the transaction's start
BEGIN;
SELECT ecapi_emit('login') AS id \gset
SELECT :'id' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' AS is_uuid,
    event->>'id' = :'id' AS is_its_id,
    (event->>'timestamp')::bigint = floor(extract(epoch FROM now())) AS is_now
FROM ecapi.outbox WHERE xid = pg_current_xact_id();
COMMIT;
SELECT count(DISTINCT ecapi_emit('login')) FROM generate_series(1, 1000);

-- a rolled-back savepoint takes its events along
SELECT pg_current_xact_id() AS start \gset
BEGIN;
SELECT ecapi_emit('login', id => 'kept-1');
SAVEPOINT s;
SELECT ecapi_emit('login', id => 'lost');
ROLLBACK TO s;
SELECT ecapi_emit('login', id => 'kept-2');
COMMIT;
SELECT event->>'id' AS id FROM ecapi.outbox WHERE xid >= :'start'::xid8 ORDER BY xid, seq;

-- refused like INSERT
SELECT pg_current_xact_id() AS start \gset
BEGIN READ ONLY;
SELECT ecapi_emit('login');
ROLLBACK;

-- errors: nothing is written, the detail names the field, never its value
CREATE FUNCTION pg_temp.try(event jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    PERFORM ecapi_emit(event => event);
    RETURN NEXT 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN NEXT SQLSTATE || ' ' || SQLERRM;
    IF detail <> '' THEN
        RETURN NEXT '    ' || detail;
    END IF;
    IF hint <> '' THEN
        RETURN NEXT '    ' || hint;
    END IF;
END $$;
\pset format unaligned
\pset tuples_only on

SELECT pg_temp.try(e) FROM unnest(ARRAY[
    '{}',
    '[]',
    '"login"',
    '{"event_type": null}',
    '{"event_type": ""}',
    '{"event_type": "purchas"}',
    '{"event_type": "something_else"}',
    '{"event_type": 7}',
    '{"event_type": "login", "value": 1}',
    '{"event_type": "login", "value": 1, "currency_code": "EURO"}',
    '{"event_type": "login", "value": "1", "currency_code": "EUR"}',
    '{"event_type": "login", "value": 1e400, "currency_code": "EUR"}',
    '{"event_type": "login", "timestamp": 1767225600000}',
    '{"event_type": "login", "timestamp": 1767225600000000}',
    '{"event_type": "login", "timestamp": "2026-01-01 00:00:00"}',
    '{"event_type": "login", "timestamp": "yesterday"}',
    '{"event_type": "login", "timestamp": 99999999999}',
    '{"event_type": "login", "timestamp": 0}',
    '{"event_type": "custom"}',
    '{"event_type": "login", "id": {"n": 7}}',
    '{"event_type": "login", "id": "a\u0001b"}',
    '{"event_type": "login", "email_address": "ann@example.com"}',
    '{"event_type": "login", "user_data": {"email": "ann@example.com"}}',
    '{"event_type": "login", "properties": {"items": [{"id": "1"}, {"prise": 3}]}}',
    '{"event_type": "login", "properties": {"nothing_like_it": 3}}',
    '{"event_type": "logn", "valeu": 1, "Source": "app"}'
]::jsonb[]) e;

SELECT pg_temp.try(jsonb_build_object('event_type', 'login', 'id', repeat('x', 513)));
SELECT pg_temp.try(jsonb_build_object('event_type', 'login', 'ext', jsonb_build_object('a', repeat('x', 1024 * 1024))));
SELECT pg_temp.try(jsonb_build_object('event_type', 'login', 'ext', jsonb_build_object('a', repeat('x', 300 * 1024))));
SELECT pg_temp.try(jsonb_build_object('event_type', 'login', 'ext', (repeat('{"a":', 40) || '1' || repeat('}', 40))::jsonb));
SELECT pg_temp.try(jsonb_build_object('event_type', 'login', 'properties', jsonb_build_object('items',
    (SELECT jsonb_agg(jsonb_build_object('id', i::text)) FROM generate_series(1, 100000) i))));

\pset format aligned
\pset tuples_only off

SELECT ecapi_emit('purchase', value => 'NaN', currency_code => 'EUR');
SELECT ecapi_emit('purchase', value => 'Infinity', currency_code => 'EUR');
SELECT ecapi_emit('purchase', value => 1e308, currency_code => 'EUR');
SELECT ecapi_emit('login', occurred_at => 'infinity');
SELECT ecapi_emit('login', occurred_at => now() + interval '11 minutes');
SELECT ecapi_emit();
SELECT count(*) FROM ecapi.outbox WHERE xid >= :'start'::xid8;

-- a real is the decimal that it means, though it comes as a double precision
BEGIN;
SELECT ecapi_emit('purchase', value => v::real, currency_code => 'EUR', id => 'real-' || v) FROM unnest('{70.3,0.1,1234567,0.5}'::text[]) v;
SELECT ecapi_emit('purchase', value => v, currency_code => 'EUR', id => 'double-' || v) FROM unnest('{70.29999995976686,0.30000000000000004,134217744,1e300}'::float8[]) v;
SELECT event->>'id' AS id, event->'value' AS value FROM ecapi.outbox WHERE xid = pg_current_xact_id() ORDER BY seq;
ROLLBACK;

-- an invalid optional field is left out, with one warning a statement
SELECT ecapi_emit('purchase', id => 'left-out', source => 'fax', currency_code => 'nonsense',
    occurred_at => '2026-01-01 00:00:00+00',
    user_data => '{"event_ip_address": "300.1.1.1", "utcoffset": 1.5, "customer_segments": ["gold", 7]}',
    properties => '{"page_url": "checkout", "arrival_date": "2026-02-30", "items": [{"quantity": -1, "id": "sku-1"}, 7], "tax": "1.50"}',
    ext => '{"far": 99999999999999999999, "near": 9223372036854775807}');
SELECT event FROM ecapi.outbox WHERE xid >= :'start'::xid8;
SELECT count(ecapi_emit('login', source => 'fax')) FROM generate_series(1, 3);
-- so is what ecapi.amend() and ecapi.cancel() alone say, in an ext of the event itself
SELECT ecapi_emit('login', id => 'steered', ext => '{"route": "de", "amends": {"xid": "1", "seq": "1"}, "original": {"id": "a"}, "refund_for": {"7": "shop"}}',
    properties => '{"ext": {"amends": true}}');
SELECT event::jsonb - 'timestamp' AS event FROM ecapi.outbox WHERE xid >= :'start'::xid8 AND event->>'id' = 'steered';

-- set aside instead: the statement goes on
SELECT pg_current_xact_id() AS start \gset
SET ecapi.on_error = set_aside;
SELECT ecapi_emit('purchase', id => 'aside-' || i, value => 1) FROM generate_series(1, 2) i;
SELECT ecapi_emit('purchase', id => 'aside-3', value => 'NaN', currency_code => 'EUR', user_data => '{"email": "ann@example.com"}');
SELECT ecapi_emit('login', id => 'aside-4', ext => jsonb_build_object('a', repeat('x', 1024 * 1024)));
SELECT ecapi_emit('login', id => E'aside\n5') <> E'aside\n5' AS has_new_id;
RESET ecapi.on_error;
SELECT source, state, sqlstate, reason, event_id, event::jsonb - 'timestamp' - 'id' AS event
FROM ecapi.failed_event WHERE event_id LIKE 'aside-%' ORDER BY failed_id;
SELECT count(*) FROM ecapi.outbox WHERE xid >= :'start'::xid8;

-- a session in the replica role emits and sets aside as any other
SELECT pg_current_xact_id() AS start \gset
SET session_replication_role = replica;
SELECT ecapi_emit('login', id => 'replica-1');
SET ecapi.on_error = set_aside;
SELECT ecapi_emit('purchase', id => 'replica-2', value => 1);
RESET ecapi.on_error;
SHOW session_replication_role;
RESET session_replication_role;
SELECT count(*) FROM ecapi.outbox WHERE xid >= :'start'::xid8;
SELECT event_id FROM ecapi.failed_event WHERE event_id LIKE 'replica-%';
