--
-- value_transform: what of values a destination is told, and what was measured for it.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;

-- Events of other tests have another route.
CREATE SERVER vt FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'http://127.0.0.1:9/in', data_set_id 'shop', mode 'shadow', route 'vt');
CREATE FUNCTION vt_emit(id text, amount numeric, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT ecapi_emit(event => jsonb_build_object('event_type', 'purchase', 'id', id, 'value', amount,
        'currency_code', 'EUR', 'ext', '{"route": "vt"}'::jsonb) || more)
$$;
CREATE FUNCTION vt_body(amount numeric, more jsonb DEFAULT '{}') RETURNS TABLE (decision text, reason text, body jsonb)
LANGUAGE sql AS $$
    SELECT p.decision, p.reason, p.body::jsonb->0->'value'
    FROM ecapi.preview('vt', event => jsonb_build_object('event_type', 'purchase', 'id', 'x', 'timestamp', 1795433399,
        'value', amount, 'currency_code', 'EUR', 'ext', '{"route": "vt"}'::jsonb) || more) p
$$;

-- Values that are wrong.
ALTER SERVER vt OPTIONS (ADD value_transform 'cap 99');
ALTER SERVER vt OPTIONS (ADD value_transform 'cap 100%');
ALTER SERVER vt OPTIONS (ADD value_transform 'cap 20%');
ALTER SERVER vt OPTIONS (ADD value_transform 'bucket 10');
ALTER SERVER vt OPTIONS (ADD value_transform 'buckets 1');
ALTER SERVER vt OPTIONS (ADD value_transform 'buckets 101');
ALTER SERVER vt OPTIONS (ADD value_transform 'ln');
ALTER SERVER vt OPTIONS (ADD value_transform 'secret');
ALTER SERVER vt OPTIONS (ADD value_transform '');
ALTER SERVER vt OPTIONS (ADD value_transform 'log', ADD value_field 'ext.a,b');
ALTER SERVER vt OPTIONS (ADD value_transform 'log', ADD value_field 'ext.a ');

-- What needs no measurement has none.
SELECT * FROM ecapi.measure_values('vt');
BEGIN;
ALTER SERVER vt OPTIONS (ADD value_transform 'log');
SELECT * FROM ecapi.measure_values('vt');
ROLLBACK;
BEGIN;
ALTER SERVER vt OPTIONS (ADD value_transform 'log');
SELECT amount, (vt_body(amount)).* FROM unnest('{0, 9, 99.99, -9}'::numeric[]) amount;
ALTER SERVER vt OPTIONS (ADD value_factor '100', ADD value_digits '0');
SELECT amount, (vt_body(amount)).* FROM unnest('{0, 9, 99.99, -9}'::numeric[]) amount;
ROLLBACK;

-- Too few values, and none: the transaction fails, and nothing is changed.
SELECT count(vt_emit('vt-' || n, n)) FROM generate_series(1, 19) n;
BEGIN;
ALTER SERVER vt OPTIONS (ADD value_transform 'buckets 2');
SELECT decision, reason FROM vt_body(5);
SELECT * FROM ecapi.measure_values('vt');
ROLLBACK;
SELECT count(*) FROM ecapi.value_measure;

-- Orders of 1 to 100 euros, a whale, prices beside them, a refund, another currency, an
-- event type without many, one without a value.
SELECT count(vt_emit('vt-' || n, n)) FROM generate_series(20, 100) n;
SELECT vt_emit('vt-whale', 1000000);
SELECT vt_emit('vt-refund', 5, '{"event_type": "refund"}');
SELECT vt_emit('vt-chf', 5, '{"currency_code": "CHF"}');
SELECT count(vt_emit('vt-usd-' || n, n % 3 + 0.5, '{"currency_code": "USD"}')) FROM generate_series(1, 60) n;
SELECT vt_emit('vt-subscribe', 5, '{"event_type": "subscribe"}');
SELECT ecapi_emit(event => '{"event_type": "login", "id": "vt-login", "ext": {"route": "vt"}}');

-- Option and measurement in one transaction: nobody sees the one without the other.
BEGIN;
ALTER SERVER vt OPTIONS (ADD value_transform 'buckets 4');
SELECT * FROM ecapi.measure_values('vt');
SELECT amount, (vt_body(amount)).* FROM unnest('{-5, 1, 26, 26.01, 52, 99.5, 1000000, 1e9}'::numeric[]) amount;
SELECT more, (vt_body(1, more)).* FROM unnest('{"{\"currency_code\": \"USD\"}", "{\"currency_code\": \"CHF\"}",
    "{\"event_type\": \"subscribe\"}", "{\"event_type\": \"refund\"}", "{\"value\": null}"}'::jsonb[]) more;
-- What leaves adds up to what there was.
SELECT decision, reason, event_type, currency, events, value
FROM ecapi.preview('vt', since => '-infinity', until => 'infinity')
WHERE decision = 'send' OR reason LIKE '%value%';
SELECT event_type, currency, value_field, value_transform, events, since > now() - interval '29 days' AS since,
    measured_at > now() - interval '1 hour' AS measured
FROM ecapi.value_measure ORDER BY 1, 2;
COMMIT;

-- Another value_field or value_transform is not what was measured.
BEGIN;
ALTER SERVER vt OPTIONS (SET value_transform 'buckets 5');
SELECT decision, reason FROM vt_body(5);
ROLLBACK;
BEGIN;
ALTER SERVER vt OPTIONS (ADD value_field 'ext.margin');
SELECT decision, reason FROM vt_body(5, '{"ext": {"route": "vt", "margin": 3}}');
ROLLBACK;
-- The same in other words is; a factor does not matter.
BEGIN;
ALTER SERVER vt OPTIONS (SET value_transform 'buckets 04', ADD value_field 'value', ADD value_factor '0.1');
SELECT * FROM vt_body(5);
ROLLBACK;

-- A cap: of whole shares, and with what else tells the value taken out.
BEGIN;
ALTER SERVER vt OPTIONS (SET value_transform 'cap 90%');
SELECT * FROM ecapi.measure_values('vt') WHERE currency = 'EUR';
SELECT amount, (vt_body(amount)).* FROM unnest('{1.234, 91.00, 91.01, 92, 1000000}'::numeric[]) amount;
SELECT p.body FROM ecapi.preview('vt', event => '{"event_type": "purchase", "id": "x", "timestamp": 1795433399, "value": 1000000,
    "currency_code": "EUR", "ext": {"route": "vt"}, "properties": {"tax": 190000, "shipping": 5, "items": [{"id": "a", "price": 999995,
    "discount": 1, "quantity": 1}]}}') p;
ALTER SERVER vt OPTIONS (SET value_transform 'cap 90.5%');
SELECT * FROM ecapi.measure_values('vt');
ROLLBACK;

-- Only what was emitted since.
BEGIN;
SELECT ecapi.measure_values('vt', since => now() + interval '1 hour');
ROLLBACK;
SELECT ecapi.measure_values('vt', since => NULL);
SELECT ecapi.measure_values('nowhere');
BEGIN READ ONLY;
SELECT ecapi.measure_values('vt');
ROLLBACK;

-- Its owner only.
CREATE ROLE vt_other;
GRANT USAGE ON SCHEMA ecapi TO vt_other;
GRANT EXECUTE ON FUNCTION ecapi.measure_values, ecapi.value_eligibility TO vt_other;
SET ROLE vt_other;
SELECT ecapi.measure_values('vt');
SELECT ecapi.value_eligibility('vt');
SELECT count(*) FROM ecapi.value_measure;
RESET ROLE;

-- What a measurement belongs to is renamed and dropped.
ALTER SERVER vt RENAME TO vt_renamed;
SELECT DISTINCT destination FROM ecapi.value_measure;
DROP SERVER vt_renamed;
SELECT count(*) FROM ecapi.value_measure;

-- ecapi.value_eligibility(): what platforms ask.
CREATE SERVER vt FOREIGN DATA WRAPPER ecapi
    OPTIONS (format 'webhook', url 'http://127.0.0.1:9/in', mode 'shadow', route 'vt');
SELECT * FROM ecapi.value_eligibility('vt');
DROP SERVER vt;
CREATE SERVER vt FOREIGN DATA WRAPPER ecapi
    OPTIONS (format 'meta', data_set_id '1', mode 'shadow', route 'vt-meta', value_factor '0.5');
BEGIN;
ALTER SERVER vt OPTIONS (ADD value_transform 'buckets 2');
SELECT * FROM ecapi.value_eligibility('vt');
ROLLBACK;
SELECT * FROM ecapi.value_eligibility('vt');
SELECT count(vt_emit('vtm-' || n, n % 3 + 1, '{"ext": {"route": "vt-meta"}, "source": "website",
    "user_data": {"email_address": "ann@example.com", "event_user_agent": "Mozilla/5.0 (X11; Linux x86_64)"},
    "properties": {"page_url": "https://shop.example/"}}')) FROM generate_series(1, 99) n;
SELECT decision, reason, event_type, currency, events, value
FROM ecapi.preview('vt', since => '-infinity', until => 'infinity')
WHERE decision = 'send' OR reason LIKE '%value%';
SELECT platform, event_type, currency, rule, measured, met IS TRUE AS met, source FROM ecapi.value_eligibility('vt');
SELECT count(vt_emit('vtm-' || n, n - 100, jsonb_build_object('timestamp', extract(epoch FROM now())::bigint - (n % 2) * 86400 * 8) ||
    '{"ext": {"route": "vt-meta"}, "source": "website",
    "user_data": {"email_address": "ann@example.com", "event_user_agent": "Mozilla/5.0 (X11; Linux x86_64)"},
    "properties": {"page_url": "https://shop.example/"}}'))
FROM generate_series(100, 109) n;
SELECT * FROM ecapi.value_eligibility('vt');
DROP SERVER vt;
DROP FUNCTION vt_emit, vt_body;
DROP OWNED BY vt_other;
DROP ROLE vt_other;
