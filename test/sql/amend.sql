--
-- What ecapi.amend refuses, whom, and what it writes.  What comes of it is in the TAP
-- test 264.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_amend_app;
CREATE ROLE regress_amend_other;
CREATE ROLE regress_amend_monitor;
GRANT USAGE ON SCHEMA ecapi TO regress_amend_app, regress_amend_other;
GRANT EXECUTE ON FUNCTION ecapi.amend TO regress_amend_app;
GRANT pg_monitor TO regress_amend_monitor;
RESET client_min_messages;

-- A role that may execute it may amend, and needs no right on a table.
SET ROLE regress_amend_other;
SELECT ecapi.amend('amend-1', '{"value": 1}');
SET ROLE regress_amend_app;
SELECT ecapi.amend('amend-1', '{"value": 41.20}');
SELECT count(*) FROM ecapi.amendment;
RESET ROLE;

-- Arguments.
SELECT ecapi.amend(NULL, '{"value": 1}');
SELECT ecapi.amend('amend-1', NULL);
SELECT ecapi.amend('', '{"value": 1}');
SELECT ecapi.amend(repeat('x', 513), '{"value": 1}');

-- What a patch may say.
SELECT ecapi.amend('amend-1', '[]');
SELECT ecapi.amend('amend-1', '{}');
SELECT ecapi.amend('amend-1', '{"valeu": 1}');
SELECT ecapi.amend('amend-1', '{"id": "other"}');
SELECT ecapi.amend('amend-1', '{"user_data": {"email_address": "ann@example.com"}}');
SELECT ecapi.amend('amend-1', '{"properties": {"transaction_id": "7"}}');
SELECT ecapi.amend('amend-1', '{"properties": {"transacton_id": "7"}}');
SELECT ecapi.amend('amend-1', '{"ext": {"route": "de"}}');
SELECT ecapi.amend('amend-1', '{"ext": null}');
SELECT ecapi.amend('amend-1', '{"ext": {"amends": {"xid": "1", "seq": "1"}}}');
SELECT ecapi.amend('amend-1', '{"value": "much"}');
SELECT ecapi.amend('amend-1', '{"value": 1, "currency_code": "XYZ"}');
SELECT ecapi.amend('amend-2', '{"value": 1, "properties": {"shipping": "free"}}');

-- Where an INSERT could not be.
BEGIN READ ONLY;
SELECT ecapi.amend('amend-3', '{"value": 1}');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT ecapi.amend('amend-3', '{"value": 1}');
COMMIT;

-- What is rolled back never was.
BEGIN;
SELECT ecapi.amend('amend-4', '{"value": 1}');
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT ecapi.amend('amend-4', '{"value": 2}');
ROLLBACK TO s;
SELECT ecapi.amend('amend-4', '{"value": 3}');
COMMIT;

-- The same again is the same; a value that changes and changes back is said three times.
BEGIN;
SELECT ecapi.amend('amend-5', '{"value": 1, "ext": {"a": 1, "b": 2}}');
SELECT ecapi.amend('amend-5', '{"ext": {"b": 2, "a": 1}, "value": 1}');
SELECT ecapi.amend('amend-5', '{"value": 2}');
SELECT ecapi.amend('amend-5', '{"value": 1, "ext": {"a": 1, "b": 2}}');
SELECT ecapi.amend('amend-5', '{"value": 1, "ext": {"a": 1, "b": 2}}', since => '2026-11-01 00:00+00');
COMMIT;
SELECT length(ecapi.amend(repeat('x', 512), '{"value": 1}')), ecapi.amend(repeat('y', 487), '{"value": 1}') LIKE 'yyy%:amended:1:%' AS whole;

-- A number whose text is long takes no memory for it; the same again is the same.
BEGIN;
SELECT ecapi.amend('amend-8', patch) AS first, ecapi.amend('amend-8', patch) AS again
FROM (SELECT ('{"value": 2, "ext": {"a": [1' || repeat(',1e131000', 9000) || ']}}')::jsonb) p (patch);
SELECT ecapi.amend('amend-8', '{"value": 2, "ext": {"a": 1e131000}}');
COMMIT;

-- All that is due in one statement; of two that amend one, each is said.
CREATE TABLE amend_scores (order_no text, predicted numeric);
INSERT INTO amend_scores SELECT 'amend-many-' || i % 50, i FROM generate_series(1, 100) i;
SELECT count(DISTINCT ecapi.amend(order_no, jsonb_build_object('ext', jsonb_build_object('predicted_ltv', predicted))))
FROM amend_scores;
SELECT number, count(*) FROM ecapi.amendment WHERE id LIKE 'amend-many-%' GROUP BY 1 ORDER BY 1;

-- A session in the replica role amends, too; rows of logical replication do not.
SET session_replication_role = replica;
SELECT ecapi.amend('amend-6', '{"value": 1}');
INSERT INTO ecapi.amendment (id, number, event_id, digest, xid, before_xid, seq, emitter, amended_at, amended_by)
VALUES ('amend-7', 1, 'x', 'x', '1', '1', 1, 10, now(), 'x');
RESET session_replication_role;

SELECT id, number, event_id, since, before_xid > xid AS covers_itself, seq > 0 AS numbered, amended_by = current_user AS mine
FROM ecapi.amendment WHERE id ~ '^amend-[1-7]$' ORDER BY amend_id;

-- Counts are for monitoring; ids are not.
SET ROLE regress_amend_monitor;
SELECT sum(amendments) >= 58 AS counted, min(oldest) <= max(newest) AS ordered FROM ecapi.amendment_count;
SELECT count(*) FROM ecapi.amendment;
RESET ROLE;

DROP TABLE amend_scores;
DELETE FROM ecapi.amendment;
REVOKE USAGE ON SCHEMA ecapi FROM regress_amend_app, regress_amend_other;
REVOKE EXECUTE ON FUNCTION ecapi.amend FROM regress_amend_app;
DROP ROLE regress_amend_app, regress_amend_other, regress_amend_monitor;
