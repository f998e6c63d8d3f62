--
-- Withdrawing consent: who may, what is stopped for which destinations, what is
-- reported, what is refused.  Nothing is sent: test/t/232_withdraw.pl does that.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_wd_dpo;
CREATE ROLE regress_wd_other;
CREATE ROLE regress_wd_shop;
RESET client_min_messages;
SET timezone = 'UTC';
GRANT USAGE ON SCHEMA ecapi TO regress_wd_dpo, regress_wd_other, regress_wd_shop;
SELECT proname, replace(proacl::text, current_user, 'me') AS proacl FROM pg_proc
WHERE pronamespace = 'ecapi'::regnamespace AND proname = 'withdraw';
GRANT EXECUTE ON FUNCTION ecapi.withdraw, ecapi.digest TO regress_wd_dpo;
SET ROLE regress_wd_other;
SELECT * FROM ecapi.withdraw('x@withdraw.example');
SELECT * FROM ecapi.stop;
RESET ROLE;

-- Wait until a condition of the worker's doing holds.
CREATE PROCEDURE wait_until(condition text) LANGUAGE plpgsql AS $$
DECLARE reached boolean;
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXECUTE 'SELECT ' || condition INTO reached;
        IF reached THEN
            RETURN;
        END IF;
        COMMIT;
        PERFORM pg_sleep(0.02);
    END LOOP;
    RAISE 'gave up waiting until %', condition;
END $$;
CREATE SERVER wd_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://127.0.0.1:1/', data_set_id 'wd', mode 'shadow');
CREATE SERVER wd_b FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://127.0.0.1:1/', data_set_id 'wd', mode 'shadow');
SELECT ecapi.pause('wd_a'), ecapi.pause('wd_b');
CALL wait_until($$(SELECT count(*) FROM ecapi.cursor WHERE destination IN ('wd_a', 'wd_b') AND state = 'paused') = 2$$);
CREATE FUNCTION wd_emit(id text, person text) RETURNS text LANGUAGE sql AS $$
    SELECT ecapi_emit('purchase', value => 1.50, currency_code => 'EUR', id => id,
        user_data => jsonb_build_object('email_address', person || '@withdraw.example')) $$;
CREATE FUNCTION wd_stops() RETURNS TABLE (id text, destination name, reason text, same boolean) LANGUAGE sql AS $$
    SELECT o.event->>'id', s.destination, s.reason,
        s.xid = o.xid AND s.server IS NOT DISTINCT FROM (SELECT f.oid FROM pg_foreign_server f WHERE f.srvname = s.destination)
    FROM ecapi.stop s JOIN ecapi.outbox o USING (seq) WHERE o.event->>'id' LIKE 'wd-%' ORDER BY o.seq, 2 $$;
SELECT wd_emit('wd-ann-1', 'ann'), wd_emit('wd-bob-1', 'bob');

-- One destination, by a digest in Meta's form; the event stays as it is.
SET ROLE regress_wd_dpo;
SELECT event_id, event_type, emitted_at <= now() AS emitted, destination, outcome, delivered_at, receiver_request_id
FROM ecapi.withdraw(ecapi.digest('user_data.email_address', 'ANN@withdraw.example', format => 'meta'), destinations => '{wd_a}');
RESET ROLE;
SELECT event_id, event_type, emitted_at <= now() AS emitted, destination, outcome, delivered_at, receiver_request_id
FROM ecapi.withdraw(' ANN@withdraw.example', destinations => '{wd_a}');
SELECT * FROM wd_stops();
SELECT event->'user_data' FROM ecapi.outbox WHERE event->>'id' = 'wd-ann-1';
SELECT decision, reason FROM ecapi.preview('wd_a', 'wd-ann-1');
SELECT decision, reason FROM ecapi.preview('wd_b', 'wd-ann-1');

-- A second call says nothing new; one for all destinations adds the other.
SELECT event_id, destination, outcome FROM ecapi.withdraw('ann@withdraw.example', destinations => '{wd_a}');
BEGIN;
SELECT event_id, destination, outcome FROM ecapi.withdraw('ann@withdraw.example') WHERE destination LIKE 'wd%';
SELECT * FROM wd_stops();
ROLLBACK;
SELECT * FROM wd_stops();

-- In one transaction: what was emitted before the call, and not after it.
BEGIN;
SELECT wd_emit('wd-carl-1', 'carl');
SELECT event_id, destination, outcome FROM ecapi.withdraw('carl@withdraw.example', destinations => '{wd_b, wd_a, wd_b}');
SELECT wd_emit('wd-carl-2', 'carl');
COMMIT;
SELECT * FROM wd_stops() WHERE id LIKE 'wd-carl%';

-- Failed events, of which the outbox has no copy any more; one of another destination.
INSERT INTO ecapi.failed_event (destination, state, reason, xid, seq, event_id, event, failed_at)
SELECT d, s, 'rejected', '3', n, 'wd-failed-' || n, json_build_object('id', 'wd-failed-' || n, 'event_type', 'purchase',
    'timestamp', 1, 'user_data', json_build_object('email_address', ARRAY['gil@withdraw.example'])), '2026-01-02 03:04:05Z'
FROM (VALUES ('wd_a', 'waiting', 900000001), ('wd_a', 'dead', 900000002), ('wd_b', 'dead', 900000003)) x (d, s, n);
SELECT * FROM ecapi.withdraw('gil@withdraw.example', destinations => '{wd_a}');
SELECT * FROM ecapi.withdraw('gil@withdraw.example', destinations => '{wd_a}');
SELECT seq, xid, destination, reason FROM ecapi.stop WHERE seq > 900000000 ORDER BY seq;

-- A row that a track set aside: the event that is made of it inherits the stop.
CREATE SCHEMA wd AUTHORIZATION regress_wd_shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture, ecapi.recapture TO regress_wd_shop;
SET ROLE regress_wd_shop;
CREATE TABLE wd.orders (id int PRIMARY KEY, mail text, share int);
SELECT ecapi.track('wd.orders', 'purchase', '{"value": "100 / new.share", "currency_code": "''EUR''", "user_data.email_address": "mail"}');
INSERT INTO wd.orders VALUES (1, 'ivy@withdraw.example', 0), (2, 'jim@withdraw.example', 0);
RESET ROLE;
SELECT event_id, event_type, destination, outcome FROM ecapi.withdraw('Ivy@withdraw.example', destinations => '{wd_b}');
SELECT event_id, outcome FROM ecapi.withdraw('Ivy@withdraw.example', destinations => '{wd_b}');
SELECT s.destination, s.reason FROM ecapi.stop s JOIN ecapi.failed_event f ON f.failed_id = -s.seq WHERE f.relation = 'wd.orders'::regclass;
SET ROLE regress_wd_shop;
SELECT ecapi.track('wd.orders', 'purchase', '{"value": "100 / (new.share + 1)", "currency_code": "''EUR''", "user_data.email_address": "mail"}');
SELECT tried, captured FROM ecapi.recapture('wd.orders');
RESET ROLE;
SELECT o.event->>'id' AS id, s.destination, s.reason, s.xid = o.xid AS same FROM ecapi.outbox o LEFT JOIN ecapi.stop s USING (seq)
WHERE o.event->>'id' LIKE 'wd.orders%' ORDER BY 1;

-- Rows whose event is nowhere go with a later call, when they are old; the others stay.
UPDATE ecapi.stop SET stopped_at = now() - interval '1 year' WHERE seq > 900000000 OR seq < 0 OR xid = (SELECT xid FROM ecapi.outbox WHERE event->>'id' = 'wd-carl-1');
DELETE FROM ecapi.failed_event WHERE seq = 900000001;
SELECT count(*) FROM ecapi.withdraw('nobody@withdraw.example');
SELECT (SELECT string_agg(seq::text, ' ') FROM ecapi.stop WHERE seq > 900000000) AS failed, count(*) FILTER (WHERE seq < 0) AS aside FROM ecapi.stop;
SELECT id, destination FROM wd_stops() WHERE id LIKE 'wd-carl%';

-- Refused.
SELECT * FROM ecapi.withdraw(NULL);
SELECT * FROM ecapi.withdraw(' ');
SELECT * FROM ecapi.withdraw('x@withdraw.example', destinations => '{wd_c}');
SELECT * FROM ecapi.withdraw('x@withdraw.example', destinations => '{}');
SELECT * FROM ecapi.withdraw('x@withdraw.example', destinations => '{wd_a,NULL}');
SELECT * FROM ecapi.withdraw('x@withdraw.example', 'Atlantis');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM ecapi.withdraw('x@withdraw.example');
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM ecapi.withdraw('x@withdraw.example');
ROLLBACK;

DELETE FROM ecapi.stop;
DELETE FROM ecapi.outbox WHERE event->>'id' LIKE 'wd%';
DELETE FROM ecapi.failed_event WHERE event_id LIKE 'wd%';
DROP SERVER wd_a;
DROP SERVER wd_b;
SET client_min_messages = warning;
DROP SCHEMA wd CASCADE;
DROP FUNCTION wd_emit, wd_stops;
DROP PROCEDURE wait_until;
REVOKE ALL ON SCHEMA ecapi FROM regress_wd_dpo, regress_wd_other, regress_wd_shop;
REVOKE ALL ON FUNCTION ecapi.withdraw, ecapi.digest FROM regress_wd_dpo;
REVOKE ALL ON FUNCTION ecapi.track, ecapi.capture, ecapi.recapture FROM regress_wd_shop;
DROP ROLE regress_wd_dpo, regress_wd_other, regress_wd_shop;
