-- Every field and every event type of the standard: what is taken, what is
-- refused or left out, and what becomes of it.  The table of facts is kept
-- apart from the extension's own: a field that either of them lacks is shown.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;
SET TimeZone = 'UTC';

CREATE TEMP TABLE fact (n int GENERATED ALWAYS AS IDENTITY, field text, good jsonb, bad jsonb);
INSERT INTO fact (field, good, bad) VALUES
    ('data_set_id', '"1234567890"', '"a\u000ab"'),
    ('id', '"order-42"', '{"n": 7}'),
    ('timestamp', '1767225600', '1767225600000'),
    ('event_type', '"refund"', '"refunded"'),
    ('custom_event', '"quiz"', '{"n": 7}'),
    ('user_data', '{"mmt_only": true}', '"ann"'),
    ('value', '129.90', '"129.90"'),
    ('currency_code', '"eur"', '"EURO"'),
    ('source', '"Website"', '"fax"'),
    ('properties', '{"group_id": "g"}', '[1]'),
    ('ext', '{"a": [1, {"b": null}]}', '"x"'),
    ('user_data.customer_identifier', '"User123"', '{"n": 7}'),
    ('user_data.uids', '[{"id": "u-1"}]', '["u-1"]'),
    ('user_data.customer_segments', '["gold", "silver"]', '[["gold"]]'),
    ('user_data.email_address', '["ann@example.com", "bob@example.com"]', '{"home": "ann@example.com"}'),
    ('user_data.phone_numbers', '"+1 212-555-0000"', '"212-555-0000"'),
    ('user_data.utcoffset', '-300', '3600'),
    ('user_data.address', '{"city": "Paris"}', '"Paris"'),
    ('user_data.gpp_string', '"DBABMA~1YNN"', '{"n": 7}'),
    ('user_data.gpp_sid', '[7, 8]', '[-7]'),
    ('user_data.mmt_only', 'false', '"false"'),
    ('user_data.click_id', '"text 21"', '{"n": 7}'),
    ('user_data.impression_id', '"text 22"', '{"n": 7}'),
    ('user_data.event_ip_address', '"192.0.2.1"', '"192.0.2"'),
    ('user_data.event_user_agent', '"text 24"', '{"n": 7}'),
    ('user_data.ifa', '"text 25"', '{"n": 7}'),
    ('user_data.landing_ip_address', '"2001:db8::1"', '"2001:db8::1::2"'),
    ('user_data.landing_user_agent', '"text 27"', '{"n": 7}'),
    ('user_data.age_range', '"25-29"', '"25-30"'),
    ('user_data.gender', '"female"', '{"n": 7}'),
    ('user_data.ext', '{"a": 1}', '[1]'),
    ('uids.id', '"u-1"', '{"n": 7}'),
    ('uids.source', '"text 32"', '{"n": 7}'),
    ('uids.atype', '1', '0'),
    ('uids.ext', '{"a": 1}', '[1]'),
    ('address.first_name', '"Jane"', '["Jane"]'),
    ('address.last_name', '"Smith"', '{"n": 7}'),
    ('address.street', '"1 Main St."', '{"n": 7}'),
    ('address.city', '"New York"', '{"n": 7}'),
    ('address.state', '"NY"', '{"n": 7}'),
    ('address.country_code', '"UK"', '"Atlantis"'),
    ('address.postal_code', '"70173"', '{"n": 7}'),
    ('address.address_type', '"billing"', '"holiday home"'),
    ('address.ext', '{"a": 1}', '[1]'),
    ('properties.transaction_id', '"text 44"', '{"n": 7}'),
    ('properties.items', '{"id": "sku-1"}', '["sku-1"]'),
    ('properties.page_url', '"https://shop.example/cart?a=1"', '"/cart"'),
    ('properties.ad_source', '"text 47"', '{"n": 7}'),
    ('properties.referrer', '"text 48"', '{"n": 7}'),
    ('properties.coupon', '["SPRING"]', '[{"n": 7}]'),
    ('properties.shipping', '4.90', '"free"'),
    ('properties.tax', '0', 'true'),
    ('properties.payment_type', '"card"', '{"n": 7}'),
    ('properties.shipping_tier', '"text 53"', '{"n": 7}'),
    ('properties.virtual_currency_name', '"text 54"', '{"n": 7}'),
    ('properties.virtual_item_name', '"text 55"', '{"n": 7}'),
    ('properties.lead_source', '"text 56"', '{"n": 7}'),
    ('properties.lead_status', '"text 57"', '{"n": 7}'),
    ('properties.lead_reason', '"text 58"', '{"n": 7}'),
    ('properties.ad_platform', '"text 59"', '{"n": 7}'),
    ('properties.ad_format', '"text 60"', '{"n": 7}'),
    ('properties.ad_unit_name', '"text 61"', '{"n": 7}'),
    ('properties.login_method', '"text 62"', '{"n": 7}'),
    ('properties.group_id', '"text 63"', '{"n": 7}'),
    ('properties.character_level', '12', '12.5'),
    ('properties.character', '"text 65"', '{"n": 7}'),
    ('properties.post_score', '-3', '"high"'),
    ('properties.achievement_id', '"text 67"', '{"n": 7}'),
    ('properties.search_term', '"text 68"', '{"n": 7}'),
    ('properties.creative_name', '"text 69"', '{"n": 7}'),
    ('properties.creative_slot', '"text 70"', '{"n": 7}'),
    ('properties.promotion_id', '"text 71"', '{"n": 7}'),
    ('properties.promotion_name', '"text 72"', '{"n": 7}'),
    ('properties.availability', '"Sale pending"', '7'),
    ('properties.body_style', '3', '0'),
    ('properties.condition_of_vehicle', '"used"', '"broken"'),
    ('properties.arrival_date', '"2026-02-28"', '"2026-02-29"'),
    ('properties.departure_date', '"20260228"', '"260228"'),
    ('properties.destination_airport', '"STR"', '"Stuttgart"'),
    ('properties.destination_ids', '"text 79"', '{"n": 7}'),
    ('properties.drivetrain', '"4x4"', '8'),
    ('properties.exterior_color', '"text 81"', '{"n": 7}'),
    ('properties.fuel_type', '"plugin_hybrid"', '"coal"'),
    ('properties.lease_end_date', '"2024-02-29"', '"2023-02-29"'),
    ('properties.lease_start_date', '"20240229"', '{"n": 7}'),
    ('properties.listing_type', '"for-sale-by-owner"', '"for free"'),
    ('properties.make', '"text 86"', '{"n": 7}'),
    ('properties.model', '"text 87"', '{"n": 7}'),
    ('properties.transmission', '4', '4.5'),
    ('properties.vin', '"WVWZZZ1JZXW000001"', '{"n": 7}'),
    ('properties.ext', '{"a": 1}', '[1]'),
    ('item.id', '"text 91"', '{"n": 7}'),
    ('item.name', '"text 92"', '{"n": 7}'),
    ('item.price', '64.95', '"64.95"'),
    ('item.discount', '-5', '"5%"'),
    ('item.quantity', '0.5', '-1'),
    ('item.brand', '"text 96"', '{"n": 7}'),
    ('item.affiliation', '"text 97"', '{"n": 7}'),
    ('item.category', '"text 98"', '{"n": 7}'),
    ('item.cattax', '7', '"IAB"'),
    ('item.item_coupon', '"text 100"', '{"n": 7}'),
    ('item.item_list_id', '"text 101"', '{"n": 7}'),
    ('item.item_list_name', '"text 102"', '{"n": 7}'),
    ('item.item_variant', '"text 103"', '{"n": 7}'),
    ('item.item_location_id', '"text 104"', '{"n": 7}'),
    ('item.ext', '{"a": 1}', '[1]');

-- none is missing, in the standard's order
SELECT count(*) AS fields, count(DISTINCT field) AS different FROM fact;
SELECT f.field AS unknown, s.field AS missing FROM fact f FULL JOIN ecapi.fields() s USING (field)
WHERE f.field IS NULL OR s.field IS NULL;
SELECT count(*) AS in_order
FROM fact f JOIN ROWS FROM (ecapi.fields()) WITH ORDINALITY s ON s.field = f.field AND s.ordinality = f.n;

-- an event with one field, and what that one needs beside it
CREATE FUNCTION pg_temp.event_with(field text, value jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('event_type', CASE field WHEN 'custom_event' THEN 'custom' ELSE 'purchase' END)
        || CASE field WHEN 'value' THEN '{"currency_code": "EUR"}' WHEN 'currency_code' THEN '{"value": 1}' ELSE '{}' END::jsonb
        || CASE split_part(field, '.', 1)
            WHEN field THEN jsonb_build_object(field, value)
            WHEN 'user_data' THEN jsonb_build_object('user_data', member)
            WHEN 'uids' THEN jsonb_build_object('user_data', jsonb_build_object('uids', jsonb_build_array(member)))
            WHEN 'address' THEN jsonb_build_object('user_data', jsonb_build_object('address', jsonb_build_array(member)))
            WHEN 'properties' THEN jsonb_build_object('properties', member)
            WHEN 'item' THEN jsonb_build_object('properties', jsonb_build_object('items', jsonb_build_array(member)))
        END
    FROM jsonb_build_object(split_part(field, '.', 2), value) member $$;

-- accepted: nothing is said, and the field is in the outbox
SELECT f.field, v.* FROM fact f, ecapi.validate(pg_temp.event_with(f.field, f.good)) v;
SELECT pg_current_xact_id() AS start \gset
SELECT count(ecapi_emit(event => pg_temp.event_with(field, good))) AS emitted FROM fact;
SELECT count(*) AS kept
FROM (SELECT row_number() OVER (ORDER BY xid, seq) AS n, event::jsonb AS event
      FROM ecapi.outbox WHERE xid >= :'start'::xid8) o
    JOIN fact f USING (n) JOIN ecapi.fields() s USING (field)
WHERE jsonb_path_exists(o.event, ('strict $.' || replace(replace(replace(s.path, '.uids.', '.uids[*].'),
    '.address.', '.address[*].'), '.items.', '.items[*].'))::jsonpath);

-- refused or left out: one violation, at that field
SELECT f.field, v.severity, v.code, v.message, v.hint
FROM fact f LEFT JOIN LATERAL ecapi.validate(pg_temp.event_with(f.field, f.bad)) v ON true ORDER BY f.n;
SELECT f.field, v.path FROM fact f JOIN ecapi.fields() s USING (field), ecapi.validate(pg_temp.event_with(f.field, f.bad)) v
WHERE regexp_replace(v.path, '\[\d+\]', '', 'g') <> s.path;

-- emitted all the same, without it, if that was a warning; and counted
SET client_min_messages = error;
CREATE TEMP TABLE before AS SELECT * FROM ecapi.left_out;
SELECT count(ecapi_emit(event => pg_temp.event_with(f.field, f.bad))) AS emitted
FROM fact f, ecapi.validate(pg_temp.event_with(f.field, f.bad)) v
WHERE v.severity = 'warning' AND v.code <> 'country_unknown';
SELECT l.reason, sum(l.count - coalesce(b.count, 0)) AS count
FROM ecapi.left_out l LEFT JOIN before b USING (path, reason)
GROUP BY 1 HAVING sum(l.count - coalesce(b.count, 0)) > 0 ORDER BY 1;

-- a refused event counts nothing
CREATE TEMP TABLE after AS SELECT * FROM ecapi.left_out;
DO $$ BEGIN
    PERFORM ecapi_emit('purchase', value => 1, source => 'fax');
EXCEPTION WHEN null_value_not_allowed THEN
    RAISE NOTICE 'refused';
END $$;
SELECT count(*) FROM (SELECT * FROM ecapi.left_out EXCEPT SELECT * FROM after) x;
RESET client_min_messages;

-- every event type
SELECT t AS event_type, (SELECT count(*) FROM ecapi.validate(jsonb_build_object('event_type', t, 'custom_event', 'x'))) AS violations,
    ecapi_emit(t, custom_event => CASE t WHEN 'custom' THEN 'x' END) IS NOT NULL AS emitted
FROM unnest('{purchase,page_view,ad_impression,add_to_wishlist,add_to_cart,viewed_cart,viewed_item,begin_checkout,add_payment_info,remove_from_cart,refund,generate_lead,qualify_lead,close_convert_lead,disqualify_lead,close_unconvert_lead,sign_up,search,unlock_achievement,install,customize_product,contact,donate,find_location,schedule,start_trial,subscribe,custom,add_shipping_info,share,select_content,select_item,select_promotion,view_item_list,view_promotion,view_search_results,spend_virtual_currency,earn_virtual_currency,working_lead,login,join_group,level_up,post_score,tutorial_begin,tutorial_complete}'::text[]) t;
SELECT path, severity, code, message, hint FROM unnest('{Purchase,purchases,"","bought it"}'::text[]) t,
    ecapi.validate(jsonb_build_object('event_type', t));

-- all violations at once, also far more than a message lists
SELECT * FROM ecapi.validate('{"event_type": "purchas", "value": 1, "Source": "app", "id": "a\u0001b", "timestamp": 1767225600000000,
    "user_data": {"email": "ann@example.com", "phone_numbers": ["0711 123456", "+49 711 123456", "call me"], "event_ip_address": "::g"},
    "properties": {"items": [{"id": "1"}, {"prise": 3, "price": "x"}]}, "ext": {"far": 1e400}}');
SELECT severity, code, count(*), min(path), max(path) FROM ecapi.validate(jsonb_build_object('event_type', 'login', 'properties',
    jsonb_build_object('items', (SELECT jsonb_agg('{"price": "x"}'::jsonb) FROM generate_series(1, 5000))))) GROUP BY 1, 2;
SELECT * FROM ecapi.validate('[]');
SELECT * FROM ecapi.validate('null');
SELECT * FROM ecapi.validate(NULL);
SELECT * FROM ecapi.validate('{}');

-- times
SELECT t, v.code, v.message, v.hint FROM unnest(ARRAY[
    to_jsonb(1767225600), to_jsonb('2026-01-01T00:00:00Z'::text), to_jsonb('2026-01-01 01:00:00.5+01'::timestamptz),
    to_jsonb('2026-01-01 00:00'::text), to_jsonb(1767225600000), to_jsonb(1767225600000000), to_jsonb(1767225600000000000),
    to_jsonb(0), to_jsonb(99999999999), to_jsonb('yesterday'::text), to_jsonb(true)]) t
    LEFT JOIN LATERAL ecapi.validate(jsonb_build_object('event_type', 'login', 'timestamp', t)) v ON true;
SELECT s AS ahead, count(v.code) AS violations FROM unnest('{540,660}'::int[]) s
    LEFT JOIN LATERAL ecapi.validate(jsonb_build_object('event_type', 'login', 'timestamp', now() + make_interval(secs => s))) v ON true
    GROUP BY 1 ORDER BY 1;

-- the standard's own examples of normalization
CREATE TEMP TABLE vector (field text, raw text, normalized text, sha256 text);
INSERT INTO vector VALUES
    ('user_data.customer_identifier', 'User123', 'user123', 'e606e38b0d8c19b24cf0ee3808183162ea7cd63ff7912dbb22b5e803286b4446'),
    ('user_data.email_address', ' User@example.com ', 'user@example.com', 'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514'),
    ('user_data.phone_numbers', '+1 212-555-0000', '+12125550000', '7c8d08bf90ca322bcac37f99ba14e980e4b1f5ba919f7e16a030af9070ba125e'),
    ('address.first_name', ' Jane ', 'jane', '81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2'),
    ('address.last_name', ' Smith ', 'smith', '6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd'),
    ('user_data.gender', ' Female ', 'female', '9f165139a8c2894a47aea23b77d330eca847264224a44d5a17b19db8b9a72c08'),
    ('address.postal_code', '10001', '10001', 'e443169117a184f91186b401133b20be670c7c0896f9886075e5d9b81e9d076b');
SELECT field, ecapi.normalize(field, raw) = normalized AS normalized, ecapi.digest(field, raw) = sha256 AS digest,
    ecapi.digest(field, normalized) = sha256 AS again, ecapi.digest(field, upper(sha256)) = sha256 AS hashed_already,
    sha256 = encode(sha256(convert_to(normalized, 'UTF8')), 'hex') AS by_the_server
FROM vector;

-- forms
SELECT f.*, ecapi.normalize(f.field, f.raw, f.country) AS sent FROM (VALUES
    ('user_data.phone_numbers', '0711 123456', 'de'),
    ('user_data.phone_numbers', '0711 123456', 'Germany'),
    ('user_data.phone_numbers', '0711 123456', NULL),
    ('user_data.phone_numbers', '+49 0711 123456', NULL),
    ('user_data.phone_numbers', '0049 711 123456', NULL),
    ('user_data.phone_numbers', '(212) 555-0000', 'US'),
    ('user_data.phone_numbers', 'call me', 'us'),
    ('user_data.email_address', U&'\00A0Ann.O''Neil+x@Example.com\3000', NULL),
    ('user_data.email_address', '  ', NULL),
    ('address.postal_code', 'SW1A 1AA', 'UK'),
    ('address.postal_code', '10001-1234', 'us'),
    ('user_data.address.postal_code', '10001-1234', NULL),
    ('address.first_name', U&' O''Brien\2014\00C9lan ', NULL),
    ('address.city', ' St. Louis ', NULL),
    ('address.country_code', 'United Kingdom', NULL),
    ('address.country_code', 'Atlantis', NULL),
    ('currency_code', 'eur', NULL),
    ('item.name', ' As Is ', NULL)) f (field, raw, country);
SELECT ecapi.digest('user_data.phone_numbers', '0711 123456') IS NULL AS left_out,
    ecapi.digest('user_data.phone_numbers', '0711 123456', 'DE') = encode(sha256('+49711123456'), 'hex') AS hashed,
    ecapi.digest('user_data.email_address', NULL) IS NULL AS no_value, ecapi.normalize(NULL, 'x') IS NULL AS no_field;
SELECT ecapi.digest('address.city', 'Paris');
SELECT ecapi.digest('address.sity', 'Paris');
SELECT ecapi.normalize('email', 'ann@example.com');
SELECT ecapi.normalize('ann@example.com', 'user_data.email_address');
SELECT ecapi.normalize('user_data.phone_numbers', '0711 123456', 'Atlantis');

-- each format has its own: what it sends, clear or as its digest; nothing where it
-- has no place for the field
SELECT f.*, s.format, ecapi.normalize(f.field, f.raw, f.country, s.format) AS form,
    CASE WHEN s.format = 'google' AND f.field ~ 'city|state|country|postal' OR s.format = 'ecapi' AND f.field ~ 'city|state|country'
        THEN 'clear' ELSE left(ecapi.digest(f.field, f.raw, f.country, s.format), 8) END AS digest
FROM unnest('{ecapi,google,meta}'::text[]) s (format), (VALUES
    (1, 'user_data.email_address', ' Ann.Smith+x@GMail.com', NULL),
    (2, 'user_data.phone_numbers', '(650)555-1212', 'US'),
    (3, 'user_data.customer_identifier', ' User 123 ', NULL),
    (4, 'user_data.gender', 'Female', NULL),
    (5, 'address.first_name', 'Dr. Ann-Marie', NULL),
    (6, 'address.last_name', 'O''Brien, Jr.', NULL),
    (7, 'address.street', '1 Main St.', NULL),
    (8, 'address.city', 'St. Louis', NULL),
    (9, 'address.state', 'New York', 'us'),
    (10, 'address.country_code', 'UK', NULL),
    (11, 'address.postal_code', 'SW1A 1AA', 'gb'),
    (12, 'address.postal_code', '94035-1234', 'us'),
    (13, 'address.postal_code', '00-950', 'pl')) f (n, field, raw, country)
ORDER BY f.n, s.format;
-- ready-made digests leave where they are of the form
SELECT s.format, array_agg(split_part(f.field, '.', 2) ORDER BY f.field) FILTER (WHERE
    ecapi.normalize(f.field, repeat('aB', 32), NULL, s.format) = repeat('ab', 32)) AS usable
FROM ecapi.fields() f, unnest('{ecapi,google,meta}'::text[]) s (format)
WHERE f.is_normalized AND f.field <> 'currency_code' GROUP BY 1 ORDER BY 1;
SELECT ecapi.normalize('address.postal_code', repeat('aB', 32), 'us', 'meta') = repeat('ab', 32) AS in_the_us,
    ecapi.digest('user_data.email_address', 'ann@example.com', format => 'webhook') = ecapi.digest('user_data.email_address', 'ann@example.com') AS webhook,
    ecapi.normalize('currency_code', 'eur', format => 'google') AS currency, ecapi.normalize('item.name', ' As Is ', format => 'meta') AS name,
    ecapi.digest('user_data.gender', 'female', format => 'google') IS NULL AS no_place, ecapi.normalize('user_data.gender', NULL, NULL, 'meta') IS NULL AS no_value;
SELECT ecapi.digest('address.postal_code', '10001', 'us', 'google');
SELECT ecapi.digest('item.name', 'x', format => 'meta');
SELECT ecapi.digest('user_data.gender', 'f', format => 'metta');
SELECT ecapi.normalize('user_data.gender', 'f', format => 'Meta');
SELECT ecapi.normalize('user_data.gender', 'f', format => 'ann@example.com');
SELECT ecapi.normalize('user_data.gender', 'f', format => '');
SELECT ecapi.normalize('user_data.gender', 'f', format => NULL);

-- the setting is the configuration file's alone
SET ecapi.default_country = 'de';
ALTER SYSTEM SET ecapi.default_country = 'Germny';
ALTER SYSTEM SET ecapi.default_country = 'UK';
ALTER SYSTEM SET ecapi.default_country = 'xx';

-- event types: the fields that one must have are those that are missed (the
-- destination gives the data set, the transaction the time); only money goes back
SELECT count(*) AS event_types, count(DISTINCT meaning) AS meanings FROM ecapi.event_types();
SELECT t.event_type, t.required FROM ecapi.event_types() t WHERE t.required <> '{data_set_id,timestamp,event_type}';
SELECT t.event_type, v.path AS missing FROM ecapi.event_types() t,
    ecapi.validate(jsonb_build_object('event_type', t.event_type)) v WHERE v.severity = 'error';
SELECT event_type FROM ecapi.event_types() WHERE is_refundable;
SELECT event_type, also_known_as FROM ecapi.event_types() WHERE 'complete_registration' = ANY (also_known_as);
-- each allowed value is taken, and no other
SELECT path, cardinality(allowed) AS values FROM ecapi.fields() WHERE allowed IS NOT NULL;
SELECT f.path, f.type FROM ecapi.fields() f WHERE f.type = 'enum' AND f.allowed IS NULL;
SELECT f.field, a AS refused FROM ecapi.fields() f, unnest(f.allowed || 'no such value'::text) a
WHERE f.allowed IS NOT NULL AND f.path <> 'event_type' AND EXISTS (SELECT FROM ecapi.validate(pg_temp.event_with(f.field, to_jsonb(a))) v WHERE v.path LIKE '%' || regexp_replace(f.field, '.*\.', '') || '%')
ORDER BY f.field;
-- hints know other platforms' names, and no opposite
SELECT w, (SELECT v.hint FROM ecapi.validate(jsonb_build_object('event_type', w)) v) AS hint
FROM unnest('{CompleteRegistration,complete_registration,view_item,unsubscribe,logout}'::text[]) w;
SELECT ecapi_emit('unsubscribe');
CREATE TABLE pg_temp.registered (id int PRIMARY KEY);
SELECT ecapi.track('pg_temp.registered', 'complete_registration');
SELECT ecapi.track('pg_temp.registered', 'unsubscribe');
SELECT ecapi.suggest_mapping('pg_temp.registered', 'unsubscribe');
CREATE SERVER fields_types FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', event_types 'purchase, unsubscribe');
CREATE SERVER fields_types FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', event_types 'purchase, Lead');

-- rights: nothing for PUBLIC, the counts for monitors
CREATE ROLE regress_ecapi_nobody;
CREATE ROLE regress_ecapi_monitor IN ROLE pg_monitor;
SELECT f, has_function_privilege('regress_ecapi_nobody', f, 'EXECUTE') AS nobody,
    has_function_privilege('regress_ecapi_monitor', f, 'EXECUTE') AS monitor
FROM unnest('{ecapi.validate(jsonb),"ecapi.normalize(text,text,text,text)","ecapi.digest(text,text,text,text)",ecapi.fields(),ecapi_internal.left_out_counts(),ecapi_internal.not_carried_counts()}'::regprocedure[]) f;
SET ROLE regress_ecapi_monitor;
SELECT count(*) > 0 AS reads FROM ecapi.left_out;
RESET ROLE;
DROP ROLE regress_ecapi_nobody, regress_ecapi_monitor;
