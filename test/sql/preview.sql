--
-- ecapi.preview(): the body that each option makes of an event, what is not sent
-- and why, who may ask, and that a preview changes nothing.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;

-- Events of other tests come before this.
SELECT clock_timestamp() AS began \gset

CREATE SERVER pv FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'http://127.0.0.1:9/in?source=shop', data_set_id 'shop', mode 'shadow');

-- An event with something of everything.
\set event '{"id": "order-42", "event_type": "purchase", "timestamp": 1795433399, "value": 129.90, "currency_code": "EUR", "source": "website", "user_data": {"email_address": "Ann@Example.com", "phone_numbers": "0711 1234567", "event_ip_address": "203.0.113.77", "event_user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "address": {"city": "Stuttgart", "postal_code": "70173", "country_code": "DE"}, "ext": {"consent": {"ad_user_data": true}, "click_ids": {"gclid": "Cj0K"}}}, "properties": {"transaction_id": "42", "items": [{"id": "sku-1", "price": 129.90, "quantity": 1}]}, "ext": {"margin": 31.25, "route": "de"}}'

CREATE FUNCTION pv_body(options text) RETURNS TABLE (decision text, reason text, left_out text[], body text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'ALTER SERVER pv OPTIONS (' || options || ')';
    RETURN QUERY SELECT p.decision, p.reason, p.left_out, p.body
        FROM ecapi.preview('pv', event => current_setting('pv.event')::jsonb) p;
END
$$;
SELECT set_config('pv.event', :'event', false) IS NOT NULL AS set;

\x
\t on
-- As it is; every column.
SELECT * FROM ecapi.preview('pv', event => :'event');

-- Each option on its own.
BEGIN; SELECT * FROM pv_body($$ADD batch_size '1'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD batch_wrapper 'events'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$DROP data_set_id$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD event_types 'refund'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD route 'de'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD route 'fr'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD max_age '1h'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD consent 'required'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD value_field 'ext.margin'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD value_field 'ext.profit'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD value_factor '0.5'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD mmt_only 'true'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD anonymize 'ip, timestamp, user_agent, postal_code'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD fields 'value, currency_code, user_data.email_address'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_body($$ADD redact 'user_data.address, properties.items.price, ext'$$); ROLLBACK;

-- What would be left out, refused, or cannot be expressed; values are never shown.
SELECT decision, reason, left_out FROM ecapi.preview('pv', event =>
    '{"id": "a", "event_type": "login", "user_data": {"phone_numbers": "12", "gpp_sid": "x", "email_address": "nobody"}}');
SELECT decision, reason, body FROM ecapi.preview('pv', event => '{"id": "a", "event_type": "purchas"}');
SELECT decision, reason, body FROM ecapi.preview('pv', event => '{"id": "a", "event_type": "purchase", "value": 1}');
SELECT decision, reason, body FROM ecapi.preview('pv', event => '[1]');

-- What enrichments do, function by function, and the filter's answer; a patch is
-- shown by its paths.
CREATE ROLE regress_pv_enricher;
GRANT USAGE ON SCHEMA ecapi TO regress_pv_enricher;
CREATE SCHEMA pv AUTHORIZATION regress_pv_enricher;
SET ROLE regress_pv_enricher;
CREATE FUNCTION pv.share(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', e.value * 0.5, 'ext', jsonb_build_object('ann@example.com', 1, 'share', 0.5))
    FROM unnest(page) e;
END;
CREATE FUNCTION pv.segment(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, '{"source": null, "ext": {"segment": "loyal"}}'::jsonb FROM unnest(page) e;
END;
CREATE FUNCTION pv.wrong(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, '{"value": "sesame"}'::jsonb FROM unnest(page) e;
END;
CREATE FUNCTION pv.failing(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', 1 / (e.value - 3)) FROM unnest(page) e;
END;
RESET ROLE;
CREATE FUNCTION pv_effect(options text) RETURNS TABLE (decision text, reason text, patched text[], body text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'ALTER SERVER pv OPTIONS (' || options || ')';
    RETURN QUERY SELECT p.decision, p.reason, p.patched, p.body
        FROM ecapi.preview('pv', event => '{"id": "a", "event_type": "purchase", "timestamp": 1795433399,
            "value": 40, "currency_code": "EUR", "source": "website"}') p;
END
$$;
BEGIN; SELECT * FROM pv_effect($$ADD enrich 'pv.share, pv.segment'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_effect($$ADD enrich 'pv.share', ADD filter 'value = 20'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_effect($$ADD enrich 'pv.share', ADD filter 'value = 40'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_effect($$ADD enrich 'pv.wrong'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_effect($$ADD enrich 'pv.wrong', ADD enrich_on_error 'skip'$$); ROLLBACK;
BEGIN; SELECT * FROM pv_effect($$ADD filter '1 / (value - 40) > 0'$$); ROLLBACK;

-- A function that fails: all of them wait, or only what it fails on goes without
-- the patch, or to failed_event.
BEGIN;
SELECT count(ecapi_emit('purchase', id => 'pv-' || i, value => i, currency_code => 'EUR',
                        occurred_at => '2026-11-20 12:00+00')) FROM generate_series(1, 5) i;
ALTER SERVER pv OPTIONS (ADD enrich 'pv.failing');
SELECT decision, reason, ids, patched FROM ecapi.preview('pv');
ALTER SERVER pv OPTIONS (ADD enrich_on_error 'skip');
SELECT decision, reason, ids, patched FROM ecapi.preview('pv');
ALTER SERVER pv OPTIONS (SET enrich_on_error 'dead');
SELECT decision, reason, ids, patched FROM ecapi.preview('pv');
ALTER SERVER pv OPTIONS (DROP enrich, ADD filter '1 / (value - 3) > 0');
SELECT decision, reason, ids FROM ecapi.preview('pv');
-- Its owner became a superuser: the destination would wait, as what comes so far.
ALTER SERVER pv OPTIONS (DROP filter, ADD enrich 'pv.share', ADD event_types 'purchase');
ALTER FUNCTION pv.share(ecapi.event[]) OWNER TO CURRENT_USER;
SELECT ecapi_emit('login', id => 'pv-6');
SELECT decision, reason, ids FROM ecapi.preview('pv');
ROLLBACK;

-- What was cancelled does not leave.
BEGIN;
SELECT count(ecapi_emit('purchase', id => 'pv-' || i, value => i, currency_code => 'EUR')) FROM generate_series(1, 3) i;
SELECT ecapi.cancel('pv-2');
SELECT decision, reason, ids FROM ecapi.preview('pv');
SELECT decision, reason FROM ecapi.preview('pv', 'pv-2');
-- Nor does the shop's own refund of it, which the cancellation makes.
SELECT ecapi_emit('refund', id => 'pv-2:refund', value => 2, currency_code => 'EUR');
SELECT decision, reason FROM ecapi.preview('pv', 'pv-2:refund');
ROLLBACK;

-- Secrets are shown by their place.
BEGIN;
CREATE USER MAPPING FOR PUBLIC SERVER pv OPTIONS (access_token 'sesame-open', header 'X-Api-Key: sesame-too');
SELECT url, headers FROM ecapi.preview('pv', event => :'event');
ALTER USER MAPPING FOR PUBLIC SERVER pv OPTIONS (DROP access_token, ADD access_token_file 'no-such-file');
SELECT url, headers FROM ecapi.preview('pv', event => :'event');
ROLLBACK;

-- What waits: a transaction sees what its commit would send.
BEGIN;
ALTER SERVER pv OPTIONS (ADD event_types 'purchase, subscribe');
SELECT count(ecapi_emit(t, id => 'pv-' || i, value => i, currency_code => c, data_set_id => d,
                        occurred_at => '2026-11-20 12:00+00'))
FROM (VALUES (1, 'purchase', 'EUR', NULL), (2, 'login', 'EUR', NULL), (3, 'subscribe', 'USD', NULL),
             (4, 'purchase', 'EUR', 'other'), (5, 'purchase', 'EUR', NULL), (6, 'login', 'EUR', NULL)) e(i, t, c, d);
SELECT * FROM ecapi.preview('pv');
-- No further than the request's last event.
ALTER SERVER pv OPTIONS (ADD batch_size '2');
SELECT decision, reason, events, ids, body FROM ecapi.preview('pv');
ALTER SERVER pv OPTIONS (SET batch_size '1');
SELECT decision, reason, events, ids, body FROM ecapi.preview('pv');
-- One of them, and all of them.
SELECT decision, event_id, body FROM ecapi.preview('pv', 'pv-5');
SELECT decision, reason, event_id, body FROM ecapi.preview('pv', 'pv-2');
\x
\t off
SELECT * FROM ecapi.preview('pv', since => :'began', until => 'infinity');
SELECT * FROM ecapi.preview('pv', since => '-infinity', until => now() - interval '100 years');
-- The same id again: the newest.
SELECT ecapi_emit('purchase', id => 'pv-5', value => 55, currency_code => 'EUR');
SELECT body ~ '"value":55,' AS newest FROM ecapi.preview('pv', 'pv-5');
ROLLBACK;

-- An event that capture set aside was never one.
BEGIN;
SET LOCAL ecapi.on_error = set_aside;
SELECT ecapi_emit('purchase', id => 'pv-aside', value => 1);
SELECT decision, reason, event_id, body FROM ecapi.preview('pv', 'pv-aside');
ROLLBACK;

-- What the format has no name for, but not what an option takes out.
BEGIN;
CREATE SERVER pm FOREIGN DATA WRAPPER ecapi OPTIONS (format 'meta', data_set_id '1', mode 'shadow');
CREATE USER MAPPING FOR PUBLIC SERVER pm OPTIONS (access_token 'sesame-open');
SELECT :'event'::jsonb || '{"source": "phone_call", "properties": {"vin": "1HG", "tax": 1, "make": "A"}, "data_set_id": "1"}' || jsonb_build_object('timestamp', extract(epoch FROM now())::bigint) AS car \gset
SELECT decision, not_carried FROM ecapi.preview('pm', event => :'car');
ALTER SERVER pm OPTIONS (ADD redact 'properties.vin');
SELECT decision, not_carried FROM ecapi.preview('pm', event => :'car');
ALTER SERVER pm OPTIONS (DROP redact, ADD fields 'value, currency_code, user_data, properties.tax, source');
SELECT decision, not_carried FROM ecapi.preview('pm', event => :'car');
SELECT count(ecapi_emit(event => :'car' || jsonb_build_object('id', 'pm-' || i))) FROM generate_series(1, 2) i;
ALTER SERVER pm OPTIONS (DROP fields);
SELECT decision, events, not_carried FROM ecapi.preview('pm');
ROLLBACK;

-- A format may be surer of a short age than of the longest that an option can say.
BEGIN;
CREATE SERVER pt FOREIGN DATA WRAPPER ecapi OPTIONS (format 'tiktok', data_set_id 'C4A1', mode 'shadow');
SELECT :'event'::jsonb || jsonb_build_object('event_type', 'contact', 'timestamp', extract(epoch FROM now())::bigint - 8 * 86400,
    'properties', '{"page_url": "https://shop.example/"}'::jsonb, 'user_data', '{"email_address": "a@example.com"}'::jsonb) AS old \gset
SELECT decision, reason FROM ecapi.preview('pt', event => :'old');
ALTER SERVER pt OPTIONS (ADD max_age '20d');
SELECT decision, reason FROM ecapi.preview('pt', event => :'old');
ALTER SERVER pt OPTIONS (SET max_age '0');
SELECT decision, reason FROM ecapi.preview('pt', event => :'old');
ALTER SERVER pt OPTIONS (SET max_age '28d');
ROLLBACK;

-- Ids, names and sources that a platform does not have are found at once.
CREATE SERVER pt FOREIGN DATA WRAPPER ecapi OPTIONS (format 'tiktok', data_set_id 'C4-A1');
CREATE SERVER pt FOREIGN DATA WRAPPER ecapi OPTIONS (format 'tiktok', event_source_ids 'store=1');
CREATE SERVER pt FOREIGN DATA WRAPPER ecapi OPTIONS (format 'snap', data_set_id 'a b');
CREATE SERVER pt FOREIGN DATA WRAPPER ecapi OPTIONS (format 'snap', data_set_id 'a-b', event_types 'contact');

-- Arguments.
SELECT * FROM ecapi.preview('pw');
SELECT * FROM ecapi.preview(NULL);
SELECT * FROM ecapi.preview('pv', NULL::text);
SELECT * FROM ecapi.preview('pv', NULL::jsonb);
SELECT * FROM ecapi.preview('pv', 'no-such-id');
SELECT * FROM ecapi.preview('pv', '{"event_type": "login"}');
SELECT decision FROM ecapi.preview('pv', '{"event_type": "login"}'::jsonb);
SELECT * FROM ecapi.preview('pv', now(), now());
SELECT * FROM ecapi.preview('pv', NULL::timestamptz);
SELECT * FROM ecapi.preview('pv', now(), NULL);
-- There is no test mode to send in.
SELECT * FROM ecapi.preview('pv', event => :'event', send => true);

-- It writes nothing; an old snapshot is refused where the outbox is read.
BEGIN READ ONLY;
SELECT decision FROM ecapi.preview('pv', event => '{"event_type": "login"}');
SELECT count(*) FROM ecapi.preview('pv');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT decision FROM ecapi.preview('pv', event => '{"event_type": "login"}');
SELECT * FROM ecapi.preview('pv');
ROLLBACK;

-- Who may: EXECUTE, and ownership of the destination.
CREATE ROLE regress_pv_owner;
CREATE ROLE regress_pv_other;
GRANT USAGE ON SCHEMA ecapi TO regress_pv_owner, regress_pv_other;
GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO regress_pv_owner;
SET ROLE regress_pv_owner;
SELECT * FROM ecapi.preview('pv');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ecapi.preview(name), ecapi.preview(name, text, boolean),
    ecapi.preview(name, jsonb, boolean), ecapi.preview(name, timestamptz, timestamptz)
    TO regress_pv_owner, regress_pv_other;
ALTER SERVER pv OWNER TO regress_pv_owner;
SET ROLE regress_pv_other;
SELECT * FROM ecapi.preview('pv');
SELECT * FROM ecapi.preview('pv', 'order-42');
SELECT * FROM ecapi.preview('pv', '{}'::jsonb);
SELECT * FROM ecapi.preview('pv', now() - interval '1 day', now());
SET ROLE regress_pv_owner;
SELECT count(*) FROM ecapi.preview('pv');
SELECT decision FROM ecapi.preview('pv', event => '{"event_type": "login"}');
SELECT count(*) >= 0 AS told FROM ecapi.preview('pv', now() - interval '1 day');
RESET ROLE;

-- Nothing of all this was recorded.
SELECT state, delivered, filtered, failed FROM ecapi.cursor WHERE destination = 'pv' AND state NOT IN ('starting', 'idle');
SELECT count(*) FROM ecapi.request WHERE destination = 'pv';

DROP SERVER pv CASCADE;
DROP FUNCTION pv_body(text), pv_effect(text);
DROP OWNED BY regress_pv_owner, regress_pv_other, regress_pv_enricher;
DROP ROLE regress_pv_owner, regress_pv_other, regress_pv_enricher;
