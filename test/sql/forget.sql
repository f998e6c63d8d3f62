--
-- Forgetting a person: what is erased and what is left of it, for whatever form
-- the identifier has; the list that keeps history from bringing them back; what
-- trace and reconcile say.  Nothing is sent: test/t/230_forget.pl does that.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_fg_dpo;
CREATE ROLE regress_fg_other;
CREATE ROLE regress_fg_shop;
RESET client_min_messages;
\getenv probes PG_LIBDIR
\set probe :probes '/ecapi_probe'
-- what the worker does when it learns that events were erased
CREATE FUNCTION fg_sweep(destination name) RETURNS bigint AS :'probe', 'ecapi_probe_sweep' LANGUAGE c;
SET timezone = 'UTC';
SET ecapi.on_error = set_aside;
CREATE TABLE fg_people (id text, user_data jsonb, properties jsonb DEFAULT '{}');
CREATE FUNCTION fg_left() RETURNS TABLE (id text, what text) LANGUAGE sql AS $$
    SELECT o.event->>'id', CASE WHEN o.event->>'erased' IS NULL THEN 'there' ELSE o.event::text END
    FROM ecapi.outbox o WHERE o.event->>'id' LIKE 'fg-%' ORDER BY o.seq $$;

-- Who may: nobody but the owner and whom it is granted to.
SELECT proname, replace(proacl::text, current_user, 'me') AS proacl FROM pg_proc WHERE pronamespace = 'ecapi'::regnamespace AND proname IN ('forget', 'remember') ORDER BY 1;
GRANT USAGE ON SCHEMA ecapi TO regress_fg_dpo, regress_fg_other, regress_fg_shop;
GRANT EXECUTE ON FUNCTION ecapi.forget, ecapi.remember TO regress_fg_dpo;
SET ROLE regress_fg_other;
SELECT * FROM ecapi.forget('x@forget.example');
SELECT ecapi.remember('x@forget.example');
SELECT * FROM ecapi.forgotten;
SELECT * FROM ecapi.forget_key;
RESET ROLE;

-- One event for each identifier, one about somebody else who shares the rest, one
-- about nobody.
INSERT INTO fg_people VALUES
    ('email', '{"email_address": [" Ann@Forget.Example "]}'),
    ('digest', jsonb_build_object('email_address', encode(sha256('ann@forget.example'), 'hex'))),
    ('phone', '{"phone_numbers": ["+49 (0)711 999 8877"]}'),
    ('national', '{"phone_numbers": ["0711 9998877"], "address": [{"country_code": "DE"}]}'),
    ('customer', '{"customer_identifier": "FG-Cust-1"}'),
    ('uid', '{"uids": [{"id": "fg-uid-1"}, {"id": "fg-uid-2"}]}'),
    ('ifa', '{"ifa": "F0AEBE52-03EE-455A-B3C4-E57283966239"}'),
    ('click', '{"click_id": "FgClickA", "impression_id": "FgImpA"}'),
    ('cookie', '{"ext": {"click_ids": {"fbp": "fb.1.1.fg", "ga_session_id": "1700000009"}}}'),
    ('other', '{"email_address": ["bob@forget.example"], "event_ip_address": "192.0.2.9", "address": [{"first_name": "Ann", "city": "Bonn", "country_code": "DE"}]}'),
    ('nobody', '{}');
SELECT count(ecapi_emit('purchase', value => 12.50, currency_code => 'EUR', id => 'fg-' || id, user_data => user_data,
    occurred_at => '2026-01-02 03:04:05Z', ext => '{"route": "de"}')) FROM fg_people;

-- Clear identifiers: any case, blanks, any writing.  The rest of the event goes.
SET ROLE regress_fg_dpo;
SELECT event_id, event_type, emitted_at <= now() AS emitted, destination, outcome, delivered_at, receiver_request_id
FROM ecapi.forget('  ANN@forget.EXAMPLE') ORDER BY 1;
RESET ROLE;
SELECT * FROM fg_left();
SELECT event_id FROM ecapi.forget('ann@forget.example');
SELECT event_id, outcome FROM ecapi.forget('0711-9998877');
SELECT event_id, outcome FROM ecapi.forget('0711-9998877', 'at');
SELECT event_id, outcome FROM ecapi.forget('0711-9998877', 'Germany') ORDER BY 1;
SELECT event_id, outcome FROM ecapi.forget(' fg-CUST-1 ');
SELECT event_id, outcome FROM ecapi.forget('FG-UID-2');
SELECT event_id, outcome FROM ecapi.forget('f0aebe52-03ee-455a-b3c4-e57283966239');
SELECT event_id, outcome FROM ecapi.forget('fgclicka');
SELECT event_id, outcome FROM ecapi.forget('FgImpA');
SELECT event_id, outcome FROM ecapi.forget('1700000009');
-- the digest of a cookie, in upper case
SELECT event_id, outcome FROM ecapi.forget(upper(encode(sha256('fb.1.1.fg'), 'hex')));
-- a cookie that wraps an id, by the id, and an id by the cookie
INSERT INTO fg_people VALUES
    ('rdt', '{"ext": {"click_ids": {"rdt_uuid": "1700000000.5b1e2c3d-0000-4000-8000-0000000000f6"}}}'),
    ('uet', '{"ext": {"click_ids": {"msclkid": "b1240587f865192a03586c5b000314f5"}}}');
SELECT count(ecapi_emit('purchase', value => 12.50, currency_code => 'EUR', id => 'fg-' || id, user_data => user_data,
    occurred_at => '2026-01-02 03:04:05Z')) FROM fg_people WHERE id IN ('rdt', 'uet');
SELECT event_id, outcome FROM ecapi.forget('5b1e2c3d-0000-4000-8000-0000000000f6');
SELECT event_id, outcome FROM ecapi.forget('_uetb1240587f865192a03586c5b000314f5');
-- names and addresses are not a person
SELECT event_id, outcome FROM ecapi.forget('Ann');
SELECT event_id, outcome FROM ecapi.forget('192.0.2.9');
SELECT * FROM fg_left();
SELECT count(*) AS erased, bool_and(e.xid = o.xid) AS same FROM ecapi.stop e JOIN ecapi.outbox o USING (seq)
WHERE o.event->>'id' LIKE 'fg-%';

-- An emitted event cannot say so of itself.
SELECT ecapi_emit(event => '{"event_type": "login", "id": "fg-liar", "erased": true}');

-- Only numbers stand in the list of events, only hashes in that of persons.
SELECT count(DISTINCT octet_length(person)), min(octet_length(person)) FROM ecapi.forgotten;
SELECT count(*) FROM ecapi.forgotten WHERE person = sha256('ann@forget.example');

-- What trace says.
SELECT destination, outcome, reason FROM ecapi.trace('fg-email') WHERE destination IS NULL;

-- Set-aside events: as given, and images of rows.
SELECT ecapi_emit(event => '{"event_type": "purchase", "id": "fg-aside-1", "user_data": {"mail": "carl@forget.example"}}');
SELECT ecapi_emit(event => '{"event_type": "purchase", "id": "fg-aside-2", "user_data": {"mail": "dora@forget.example"}}');
SELECT ecapi_emit(event => '{"event_type": "purchase", "id": "fg-aside-3", "wrong": 1, "user_data": {"customer_identifier": "77"}}');
CREATE SCHEMA fg AUTHORIZATION regress_fg_shop;
CREATE TABLE fg.orders (id integer PRIMARY KEY, mail text, details jsonb, total numeric, divisor integer, paid_at timestamptz);
ALTER TABLE fg.orders OWNER TO regress_fg_shop;
CREATE TRIGGER ecapi_purchase AFTER INSERT ON fg.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"value": "new.total / new.divisor",
        "currency_code": "''EUR''", "timestamp": "paid_at", "user_data.email_address": "mail"}}');
INSERT INTO fg.orders VALUES (1, 'carl@forget.example', NULL, 77, 0, '2026-01-02');
INSERT INTO fg.orders VALUES (2, 'dora@forget.example', '{"gift": {"for": "CARL@forget.example"}}', 5, 0, '2026-01-02');
INSERT INTO fg.orders VALUES (3, 'dora@forget.example', '{"gift": {"for": "77"}}', 77, 0, '2026-01-02');
SELECT event_id, event_type, destination, outcome FROM ecapi.forget('carl@forget.example') ORDER BY 1;
SELECT coalesce(event_id, event->'new'->>'id') AS row FROM ecapi.failed_event
WHERE event_id LIKE 'fg-%' OR relation = 'fg.orders'::regclass ORDER BY 1;
-- two digits may stand in any column, but customer 77 is one
SELECT event_id, outcome FROM ecapi.forget('77');
SELECT coalesce(event_id, event->'new'->>'id') AS row FROM ecapi.failed_event
WHERE event_id LIKE 'fg-%' OR relation = 'fg.orders'::regclass ORDER BY 1;

-- Escaped, and in longer texts: of rows set aside, of events set aside as given, of
-- events, and of what receivers said.  The other half is somebody else's.
ALTER TABLE fg.orders ADD COLUMN raw json, ADD COLUMN note text;
INSERT INTO fg.orders (id, total, divisor, paid_at, raw, note) VALUES
    (51, 5, 0, '2026-01-02', '{"mail": "ivy\u0040forget.example"}', NULL),
    (52, 5, 0, '2026-01-02', '{"json": "{\"mail\": \"ivy\\u0040forget.example\"}"}', NULL),
    (53, 5, 0, '2026-01-02', '{"Ivy@forget.example": 1}', NULL),
    (54, 5, 0, '2026-01-02', NULL, 'https://shop.example/in?mail=ivy%40forget.example&x=1'),
    (55, 5, 0, '2026-01-02', NULL, 'Ivy <ivy@forget.example>'),
    (56, 5, 0, '2026-01-02', NULL, '<a href="mailto:ivy@forget.example">'),
    (61, 5, 0, '2026-01-02', '{"mail": "livy\u0040forget.example"}', NULL),
    (62, 5, 0, '2026-01-02', NULL, 'https://shop.example/in?mail=livy%40forget.example&x=1'),
    (63, 5, 0, '2026-01-02', NULL, 'Livy <livy@forget.example>, ivy@forget.example.org');
SELECT ecapi_emit(event => '{"event_type": "purchase", "id": "fg-ivy-1", "user_data": {"mail": "Ivy <ivy@forget.example>"}}');
SELECT ecapi_emit('page_view', id => 'fg-ivy-2', properties => '{"page_url": "https://shop.example/?m=ivy%40forget.example"}');
SELECT ecapi_emit('page_view', id => 'fg-livy', properties => '{"page_url": "https://shop.example/?m=livy%40forget.example"}');
INSERT INTO ecapi.failed_event (destination, state, reason, xid, event_id, event, failed_at, answer) VALUES
    ('fg_gone', 'dead', 'rejected', '3', 'fg-answer-1', '{"id": "fg-answer-1"}', now(), '{"error": "ivy\u0040forget.example is no'),
    ('fg_gone', 'dead', 'rejected', '3', 'fg-answer-2', '{"id": "fg-answer-2"}', now(), '{"error": "livy\u0040forget.example is no');
SELECT event_id, outcome FROM ecapi.forget('ivy@forget.example') ORDER BY 1;
SELECT event->'new'->>'id' AS row FROM ecapi.failed_event
WHERE relation = 'fg.orders'::regclass AND (event->'new'->>'id')::integer > 50 ORDER BY 1;
SELECT event_id, answer FROM ecapi.failed_event WHERE destination = 'fg_gone' ORDER BY 1;
SELECT id, what = 'there' AS there FROM fg_left() WHERE id LIKE '%ivy%';
DELETE FROM ecapi.failed_event WHERE destination = 'fg_gone' OR (event->'new'->>'id')::integer > 50;
DELETE FROM fg.orders WHERE id > 50;

-- One mailbox of Gmail, whatever its domain, dots and suffix; in history, too.
SELECT count(ecapi_emit('login', id => 'fg-gmail-' || n, user_data => jsonb_build_object('email_address', ARRAY[mail])))
FROM (VALUES (1, 'joe.fg@gmail.com'), (2, 'Joe.FG@googlemail.com'), (3, 'joefg+x@googlemail.com'), (4, 'mojoefg@googlemail.com')) x (n, mail);
SELECT event_id, outcome FROM ecapi.forget('joefg@gmail.com') ORDER BY 1;
SELECT count(ecapi_emit('login', id => 'fg-gmail-5', user_data => '{"email_address": ["joe.fg@gmail.com"]}'));
SELECT event_id, outcome FROM ecapi.forget('joefg@googlemail.com') ORDER BY 1;
SELECT ecapi.remember('j.o.e.f.g@googlemail.com'), ecapi.remember('joefg@gmail.com');

-- Forms of platforms: by the digest that one was sent, and where one is held; in what a
-- receiver said, and in the list.
SELECT count(ecapi_emit('login', id => 'fg-form-' || n, user_data => user_data))
FROM (VALUES (1, '{"customer_identifier": " FG User 9 "}'::jsonb), (2, '{"phone_numbers": "+49 711 9998866"}'),
    (3, jsonb_build_object('phone_numbers', encode(sha256('497119998866'), 'hex'))),
    (4, jsonb_build_object('uids', jsonb_build_object('id', ecapi.digest('uids.id', 'FG User 9', format => 'meta')))),
    (5, jsonb_build_object('email_address', ecapi.digest('user_data.email_address', 'Kay.FG+x@gmail.com', format => 'google'))),
    (6, '{"customer_identifier": "fg user 8"}')) x (n, user_data);
INSERT INTO ecapi.failed_event (destination, state, reason, xid, event_id, event, failed_at, answer) VALUES
    ('fg_gone', 'dead', 'rejected', '3', 'fg-form-a', '{"id": "fg-form-a"}', now(),
        '{"error": "invalid value ' || encode(sha256('497119998866'), 'hex') || '"}'),
    ('fg_gone', 'dead', 'rejected', '3', 'fg-form-b', '{"id": "fg-form-b"}', now(),
        '{"error": "invalid value ' || encode(sha256('497119998867'), 'hex') || '"}');
SELECT event_id FROM ecapi.forget(ecapi.digest('user_data.customer_identifier', 'FG User 9', format => 'meta')) ORDER BY 1;
SELECT event_id FROM ecapi.forget('+49 711 99988-66') ORDER BY 1;
SELECT event_id FROM ecapi.forget('kay.fg+x@gmail.com') ORDER BY 1;
SELECT id, what = 'there' AS there FROM fg_left() WHERE id LIKE 'fg-form-%';
SELECT event_id, answer = '***' AS withheld FROM ecapi.failed_event WHERE destination = 'fg_gone' ORDER BY 1;
SELECT ecapi.remember(ecapi.digest('user_data.phone_numbers', '+49 711 9998866', format => 'meta')) AS number,
    ecapi.remember('FG USER 9') AS customer, ecapi.remember(ecapi.digest('user_data.email_address', 'kay.fg@gmail.com', format => 'google')) AS mailbox;
DELETE FROM ecapi.failed_event WHERE destination = 'fg_gone';
SELECT count(ecapi.remember(f)) FROM unnest('{+497119998866,kay.fg+x@gmail.com}'::text[]) f;

-- History does not bring back who is forgotten; who comes back by himself does.
SELECT event_id FROM ecapi.forget('dora@forget.example') ORDER BY 1;
UPDATE fg.orders SET divisor = 1;
INSERT INTO fg.orders SELECT i, 'eve@forget.example', NULL, i, 1, '2026-01-03' FROM generate_series(10, 12) i;
INSERT INTO fg.orders VALUES (4, 'dora@forget.example', NULL, 40, 1, '2026-01-04');
SELECT event->>'id' AS id FROM ecapi.outbox WHERE event->>'id' LIKE 'fg.orders:%' ORDER BY 1;
CALL ecapi.backfill('fg.orders', 'purchase', page_size => 2);
SELECT rows_read, events, set_aside, outside, forgotten FROM ecapi.backfill WHERE relation = 'fg.orders'::regclass;
SELECT event->>'id' AS id, count(*) FROM ecapi.outbox WHERE event->>'id' LIKE 'fg.orders:%' GROUP BY 1 ORDER BY 1;
SELECT outcome, currency, events, value, ids FROM ecapi.reconcile('fg.orders', '2026-01-01', '2026-02-01') WHERE destination IS NULL;
SELECT event_id, outcome FROM ecapi.forget('eve@forget.example') ORDER BY 1;
SELECT outcome, currency, events, value, ids FROM ecapi.reconcile('fg.orders', '2026-01-01', '2026-02-01') WHERE destination IS NULL;

-- Rows that are set aside later, captured again.
SET ROLE regress_fg_shop;
INSERT INTO fg.orders VALUES (20, 'dora@forget.example', NULL, 20, 0, '2026-01-05'), (21, 'fay@forget.example', NULL, 21, 0, '2026-01-05');
RESET ROLE;
CREATE OR REPLACE TRIGGER ecapi_purchase AFTER INSERT ON fg.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "purchase", "mapping": {"value": "total",
        "currency_code": "''EUR''", "timestamp": "paid_at", "user_data.email_address": "mail"}}');
SELECT * FROM ecapi.recapture('fg.orders');
SELECT count(*) FROM ecapi.failed_event WHERE relation = 'fg.orders'::regclass;

-- Off the list again, in any form.
SELECT ecapi.remember('nobody@forget.example'), ecapi.remember(' Dora@forget.example'), ecapi.remember('dora@forget.example');
SELECT ecapi.remember(encode(sha256('eve@forget.example'), 'hex'));
CALL ecapi.backfill('fg.orders', 'purchase', restart => true);

-- A failed event of a destination is deleted, and counted in the ledger.
CREATE SERVER fg_down FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://127.0.0.1:1/', data_set_id 'fg', mode 'shadow');
SELECT ecapi.pause('fg_down');
INSERT INTO ecapi.failed_event (destination, state, reason, xid, seq, event_id, event, failed_at)
SELECT 'fg_down', s, 'rejected', '3', n, 'fg-failed-' || n, json_build_object('id', 'fg-failed-' || n, 'event_type', 'purchase',
    'timestamp', 1, 'user_data', json_build_object('email_address', ARRAY[who || '@forget.example']), 'value', v, 'currency_code', 'EUR'), now()
FROM (VALUES ('waiting', -1, 'gil', 1.10), ('dead', -2, 'gil', 2.20), ('dead', -3, 'hal', 3.30)) x (s, n, who, v);
SELECT event_id, event_type, emitted_at, destination, outcome FROM ecapi.forget('gil@forget.example') ORDER BY 1;
SELECT destination, event_type, currency, outcome, reason, events, value FROM ecapi.ledger WHERE destination = 'fg_down';
SELECT event_id FROM ecapi.failed_event WHERE destination = 'fg_down';
-- what the worker copies meanwhile is swept by it, and nothing stays
INSERT INTO ecapi.stop (seq, xid, reason, stopped_by, stopped_at) VALUES (-3, '3', 'erased', pg_current_xact_id(), now());
SELECT fg_sweep('fg_down');
SELECT event_id FROM ecapi.failed_event WHERE destination = 'fg_down';

-- Refused.
SELECT * FROM ecapi.forget(NULL);
SELECT * FROM ecapi.forget(E' \n');
SELECT * FROM ecapi.forget(repeat('x', 2000));
SELECT * FROM ecapi.forget('x@forget.example', 'Atlantis');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM ecapi.forget('x@forget.example');
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM ecapi.forget('x@forget.example');
ROLLBACK;

-- A text that is no event does not stand in the way.
INSERT INTO ecapi.outbox SELECT nextval('ecapi.outbox_seq'), pg_current_xact_id(), now(), 10, NULL, 0, '{"id": "fg-odd", "a": "\u0000"}';
SELECT event_id FROM ecapi.forget('hal@forget.example');

-- Nobody is asked about when nobody is forgotten.
DELETE FROM ecapi.forgotten;
DELETE FROM ecapi.outbox WHERE event::text ~ '"id": ?"fg';
DELETE FROM ecapi.failed_event WHERE destination = 'fg_down' OR event_id LIKE 'fg-%';
DELETE FROM ecapi.ledger WHERE destination = 'fg_down';
DELETE FROM ecapi.stop;
DROP SERVER fg_down;
SET client_min_messages = warning;
DROP SCHEMA fg CASCADE;
DROP TABLE fg_people;
DROP FUNCTION fg_left, fg_sweep;
DELETE FROM ecapi.backfill_progress;
DELETE FROM ecapi.forget_key;
REVOKE ALL ON SCHEMA ecapi FROM regress_fg_dpo, regress_fg_other, regress_fg_shop;
REVOKE ALL ON FUNCTION ecapi.forget, ecapi.remember FROM regress_fg_dpo;
DROP ROLE regress_fg_dpo, regress_fg_other, regress_fg_shop;
