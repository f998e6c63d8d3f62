-- Documents that anybody may have written: what a browser sent, stored beside an
-- order or set as ecapi.context, costs what cannot be used of it and nothing else.

\set ECHO none
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;
\set ECHO all
SELECT pg_current_xact_id() AS start \gset
CREATE SCHEMA doc;
CREATE TABLE doc.orders (id int PRIMARY KEY, total numeric, sent jsonb, raw json, extra jsonb, amounts numeric[]);
SELECT ecapi.track('doc.orders', 'purchase', mapping => '{"*": "sent", "value": "total",
    "currency_code": "''EUR''", "properties.transaction_id": "id", "ext.raw": "raw"}') IS NOT NULL AS tracked;

-- the events of this file, and what was left out and set aside
CREATE FUNCTION doc.events(OUT id text, OUT event jsonb) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT o.event->>'id', o.event::jsonb - 'id' - 'timestamp' - 'event_type'
    FROM ecapi.outbox o WHERE o.event->>'id' LIKE 'doc.%' OR o.event->>'id' LIKE 'browser-%' ORDER BY o.seq $$;
CREATE TEMP TABLE lost AS SELECT * FROM ecapi.left_out;
CREATE FUNCTION doc.lost(OUT path text, OUT reason text, OUT n bigint) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT l.path, l.reason, l.count - coalesce(b.count, 0) FROM ecapi.left_out l LEFT JOIN lost b USING (path, reason)
    WHERE l.count > coalesce(b.count, 0) ORDER BY 1, 2 $$;

-- a number of ten bytes is not sixteen thousand
CREATE FUNCTION doc.numbers(n int) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('n', jsonb_agg('1e-16383'::jsonb)) FROM generate_series(1, n) $$;
INSERT INTO doc.orders VALUES (1, 5, jsonb_build_object('ext', doc.numbers(20000)), NULL, NULL, NULL);
SELECT length(event::text) BETWEEN 180000 AND 200000 AS bounded, event->'ext'->'n'->0 AS first
FROM ecapi.outbox WHERE event->>'id' = 'doc.orders:1:purchase';
INSERT INTO doc.orders VALUES (2, 5, '{"ext": {"a": 1e-300, "b": -12.5e200, "c": 1.50, "d": 1e-17}}', '{"n": 1e400, "m": 1e30}', NULL, NULL);
SELECT event->'ext' FROM doc.events() WHERE id = 'doc.orders:2:purchase';

-- nor in the image of a row that is set aside, in an array or in a document
INSERT INTO doc.orders VALUES (3, 'NaN', NULL, NULL, doc.numbers(30000), array_fill(1e100000, ARRAY[5000]));
SELECT length(event::text) < 300000 AS bounded, event::jsonb->'new'->'id' AS id, (event::jsonb->'new'->>'extra')::jsonb = doc.numbers(30000) AS extra,
    event::jsonb->'new' ? 'amounts' AS amounts FROM ecapi.failed_event WHERE relation = 'doc.orders'::regclass;
UPDATE doc.orders SET amounts = ARRAY[1e100, 2.50], total = 'NaN' WHERE id = 3;
INSERT INTO doc.orders VALUES (4, 'NaN', NULL, NULL, NULL, ARRAY[1e100, 2.50]);
SELECT event::jsonb->'new'->>'amounts' AS amounts FROM ecapi.failed_event WHERE relation = 'doc.orders'::regclass ORDER BY failed_id DESC LIMIT 1;
DELETE FROM ecapi.failed_event WHERE relation = 'doc.orders'::regclass;

-- very many members that are no fields, with one warning; all but those is there
INSERT INTO doc.orders VALUES (5, 5, (SELECT jsonb_object_agg('k' || n, n) || '{"ext": {"kept": true}}' FROM generate_series(1, 50000) n), NULL, NULL, NULL);
INSERT INTO doc.orders VALUES (6, 5, (SELECT jsonb_build_object('properties', jsonb_build_object('ext', jsonb_object_agg('k' || n, 1))) FROM generate_series(1, 10000) n), NULL, NULL, NULL);
SELECT id, event - 'properties' AS event, (SELECT count(*) FROM jsonb_object_keys(event->'properties'->'ext')) AS below
FROM doc.events() WHERE id ~ ':[56]:';

-- text that cannot be read, in a key and in a value; what is too deep; all else stays
INSERT INTO doc.orders VALUES (7, 5, NULL, '{"half": "\ud83d", "nul": "a\u0000b", "\udc00": {"gone": 1}, "pair": "\ud83d\ude00", "list": ["x", "\ud800x", "y"], "twice": 1, "twice": 2}', NULL, NULL);
INSERT INTO doc.orders VALUES (8, 5, ('{"ext": {"ok": 1, "deep": ' || repeat('[', 40) || repeat(']', 40) || '}}')::jsonb, (repeat('{"a":', 2000) || '1' || repeat('}', 2000))::json, NULL, NULL);
SELECT id, event->'ext'->'raw' AS raw, event->'ext'->'ok' AS ok, jsonb_typeof(event->'ext'->'deep') AS deep FROM doc.events() WHERE id ~ ':[78]:';

-- a fragment that is none, and members that would fail the event
INSERT INTO doc.orders (id, total, sent) VALUES (10, 5, '"secret"'), (11, 5, '[]'), (12, 5, 'null'), (13, 5, '[1]'), (14, 5, '{}'),
    (15, NULL, '{"value": "free", "timestamp": "yesterday", "custom_event": {"a": 1}, "user_data": [], "properties": "x"}'),
    (16, NULL, '{"value": 7.5, "timestamp": 1767225600}'),
    (17, 5, '{"id": "browser-1", "data_set_id": "theirs", "event_type": "lead", "colour": "red", "user_data": {"email_adress": "a@example.com"}}');
SELECT id, event FROM doc.events() WHERE id ~ ':1[0-9]:' OR id = 'browser-1';
SELECT to_timestamp((event->>'timestamp')::bigint) > now() - interval '1 hour' AS now FROM ecapi.outbox WHERE event->>'id' = 'doc.orders:15:purchase';

-- nor does it say which event it is or where it goes; what the mapping says of that stays
INSERT INTO doc.orders (id, total, sent) VALUES (18, 5, '{"ext": {"route": "theirs", "amends": {"xid": "1", "seq": "1"}, "refund_for": {}, "original": {"id": "x"}, "kept": 18}}'),
    (19, 5, '{"ext": {"amends": {}}, "user_data": {"ext": {"consent": {"ad_user_data": false}, "route": "free"}}}');
SELECT id, event FROM doc.events() WHERE id ~ ':1[89]:';
CREATE TABLE doc.routed (id int PRIMARY KEY, said jsonb);
SELECT ecapi.track('doc.routed', 'login', mapping => '{"ext": "said", "ext.route": "''ours''"}') IS NOT NULL AS tracked;
BEGIN;
SELECT set_config('ecapi.context', '{"ext": {"route": "theirs", "kept": 1, "original": {"id": "x"}}}', true) <> '' AS set;
INSERT INTO doc.routed VALUES (1, NULL), (2, '{"amends": {}, "original": {"id": "ours"}}');
INSERT INTO doc.orders VALUES (21, 5);
COMMIT;
SELECT id, event FROM doc.events() WHERE id ~ 'routed' OR id ~ ':21:';

-- a value that it gives wants a currency, its own or another one's
CREATE TABLE doc.priced (id int PRIMARY KEY, currency text, sent json, total numeric);
SELECT ecapi.track('doc.priced', 'login', mapping => '{"*": "sent", "currency_code": "currency", "value": "total"}') IS NOT NULL AS tracked;
INSERT INTO doc.priced VALUES (1, NULL, '{"value": 5}'), (2, NULL, '{"value": 5, "currency_code": "ZZZ"}'),
    (3, 'ZZZ', '{"value": 5, "currency_code": "EUR"}'), (4, '', '{"value": "5", "currency_code": ["eur"]}'), (5, 'USD', '{"value": 5}'),
    (6, NULL, '{"value": "", "currency_code": "EUR"}');
BEGIN;
SELECT set_config('ecapi.context', '{"value": 7}', true) <> '' AS set;
INSERT INTO doc.priced VALUES (7, NULL, '{}'), (8, NULL, '{"currency_code": "EUR"}'), (9, 'EUR', '{"value": 5}');
SELECT set_config('ecapi.context', '{"currency_code": "EUR"}', true) <> '' AS set;
INSERT INTO doc.priced VALUES (10, NULL, '{"value": 5}');
COMMIT;
SELECT id, event FROM doc.events() WHERE id ~ 'priced' ORDER BY split_part(id, ':', 2)::int;
-- one that the mapping gives costs the event, as without them
INSERT INTO doc.priced VALUES (11, NULL, '{"value": 5}', 6);
SELECT reason FROM ecapi.failed_event WHERE relation = 'doc.priced'::regclass;

-- one that is too large for an event
INSERT INTO doc.orders (id, total, sent) VALUES (20, 5, jsonb_build_object('ext', jsonb_build_object('long', repeat('x', 300000))));
SELECT id, event FROM doc.events() WHERE id ~ ':20:';
SELECT count(*) AS set_aside FROM ecapi.failed_event WHERE relation = 'doc.orders'::regclass;
SELECT * FROM doc.lost();

-- id and data_set_id come from it where the track says so
CREATE TABLE doc.chosen (id int PRIMARY KEY, sent jsonb);
SELECT ecapi.track('doc.chosen', 'generate_lead', mapping => '{"*": "sent", "id": "*", "data_set_id": "*"}') IS NOT NULL AS tracked;
SELECT mapping FROM ecapi.track WHERE relation = 'doc.chosen'::regclass;
INSERT INTO doc.chosen VALUES (1, '{"id": "browser-2", "data_set_id": "theirs"}'), (2, '{"ext": {"a": 1}}'), (3, '{"id": "browser-\u0001", "data_set_id": {"a": 1}}'), (4, '{"id": 77}');
BEGIN;
SELECT set_config('ecapi.context', '{"id": "browser-3", "data_set_id": "of the context"}', true);
INSERT INTO doc.chosen VALUES (5, NULL);
COMMIT;
SELECT event->>'id' AS id, event->>'data_set_id' AS data_set_id FROM ecapi.outbox WHERE xid >= :'start'::xid8 AND event->>'event_type' = 'generate_lead' ORDER BY seq;
SELECT ecapi.track('doc.chosen', 'login', mapping => '{"id": "*"}');
SELECT ecapi.track('doc.chosen', 'login', mapping => '{"*": "sent", "source": "*"}');

-- the setting: nothing is refused, and what cannot be used costs itself
CREATE TABLE doc.visits (id int PRIMARY KEY);
SELECT ecapi.track('doc.visits', 'login', mapping => '{}') IS NOT NULL AS tracked;
CREATE PROCEDURE doc.visit(n int, context text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ecapi.context', context, true);
    INSERT INTO doc.visits VALUES (n);
    COMMIT;
END $$;
CALL doc.visit(1, '{"user_data": {"event_user_agent": "half \ud83d"}, "ext": {"kept": 1}}');
CALL doc.visit(2, '{"ext": {"nul": "\u0000", "\u0000": 1, "kept": 2}}');
CALL doc.visit(3, '[]');
CALL doc.visit(4, '[1]');
CALL doc.visit(5, 'Mozilla/5.0');
CALL doc.visit(6, '{"ext": {"long": "' || repeat('x', 70000) || '", "kept": 6}}');
CALL doc.visit(7, '{"ext": {"long": "' || repeat('x', 2000000) || '", "kept": 7}}');
CALL doc.visit(8, '{"ext": {"deep": ' || repeat('[', 20000) || repeat(']', 20000) || ', "kept": 8}}');
SELECT '{"ext": {' || string_agg(format('"k%s": %s', n % 2000, n), ',') || ', "kept": 9}}' AS twice FROM generate_series(1, 4000) n \gset
CALL doc.visit(9, :'twice');
CALL doc.visit(10, '');
CALL doc.visit(11, 'null');
CALL doc.visit(12, '{"ext": {"kept": 12}');
-- arrays and objects take room, too
CALL doc.visit(13, '{"ext": {"kept": 13, "empty": [' || repeat('[],', 300000) || '[]]}}');
CALL doc.visit(14, '{"ext": {"kept": 14, "empty": [' || repeat('{"a":{}},', 100000) || '[]]}}');
SELECT id, event->'ext'->'kept' AS kept, event - 'ext' AS event, (SELECT count(*) FROM jsonb_object_keys(event->'ext')) AS keys
FROM doc.events() WHERE id ~ 'visits';
SELECT id, event->'ext'->'k1' AS k1 FROM doc.events() WHERE id ~ 'visits:9:';
SELECT id, jsonb_array_length(event->'ext'->'empty') < 64 * 1024 / 8 AS bounded FROM doc.events() WHERE id ~ 'visits:1[34]:';

-- a number where the standard has text is one
SET client_min_messages = warning;
CREATE ROLE regress_doc_shop;
GRANT USAGE ON SCHEMA ecapi TO regress_doc_shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture TO regress_doc_shop;
GRANT ALL ON SCHEMA doc TO regress_doc_shop;
RESET client_min_messages;
SET ROLE regress_doc_shop;
CREATE TABLE doc.carts (id int PRIMARY KEY, product_id bigint, sent jsonb);
SELECT ecapi.track('doc.carts', 'add_to_cart', mapping => '{"properties.items": "jsonb_build_array(jsonb_build_object(''id'', new.product_id, ''quantity'', 2, ''brand'', new.id = 2))", "user_data": "sent"}') IS NOT NULL AS tracked;
INSERT INTO doc.carts VALUES (2, 4711, '{"customer_identifier": 42, "customer_segments": [1, 1, "1", true], "colour": "red"}');

-- a key that is no field is found when the track is declared, where it stands in the source
\set VERBOSITY terse
SELECT ecapi.track('doc.carts', 'begin_checkout', mapping => '{"properties.items": "jsonb_build_array(jsonb_build_object(''idd'', new.product_id))"}');
SELECT ecapi.track('doc.carts', 'begin_checkout', mapping => '{"properties.items": "(SELECT coalesce(jsonb_agg(jsonb_build_object(''id'', i, ''prize'', 1)), ''[]'') FROM generate_series(1, new.id) i)"}');
SELECT ecapi.track('doc.carts', 'begin_checkout', mapping => '{"user_data": "json_build_object(''address'', ARRAY(SELECT json_build_object(''zip'', i::text) FROM generate_series(1, new.id) i))"}');
SELECT ecapi.track('doc.carts', 'begin_checkout', mapping => '{"*": "jsonb_build_object(''ext'', jsonb_build_object(''mine'', 1)) || jsonb_build_object(''values'', new.id)"}');
SELECT ecapi.track('doc.carts', 'begin_checkout', mapping => '{"user_data.ext": "jsonb_build_object(''mine'', new.id)", "properties.items": "CASE WHEN new.id > 1 THEN jsonb_build_object(''i'' || ''d'', new.id, ''color'', ''red'') END"}');
-- and else leaves itself out
SELECT ecapi.track('doc.carts', 'begin_checkout', mapping => '{"user_data.ext": "jsonb_build_object(''mine'', new.id)", "properties.items": "jsonb_build_object(''i'' || ''d'', new.id, ''col'' || ''or'', ''red'')"}') IS NOT NULL AS tracked;
\set VERBOSITY default
INSERT INTO doc.carts VALUES (3, 4712, NULL);
RESET ROLE;
SELECT id, event FROM doc.events() WHERE id ~ 'carts';
SELECT * FROM ecapi.validate('{"event_type": "login", "id": 42, "user_data": {"click_id": false, "address": {"postal_code": 94105}}}');

DELETE FROM ecapi.failed_event WHERE relation::text LIKE 'doc.%';
SET client_min_messages = warning;
DROP SCHEMA doc CASCADE;
DROP TABLE lost;
DROP OWNED BY regress_doc_shop;
DROP ROLE regress_doc_shop;
RESET client_min_messages;
