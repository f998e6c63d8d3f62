--
-- Learning from a table's history: ecapi.fit(), its report, its refusals.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_fit_owner;
CREATE ROLE regress_fit_other;
GRANT USAGE ON SCHEMA ecapi TO regress_fit_owner, regress_fit_other;
GRANT EXECUTE ON FUNCTION ecapi.fit, ecapi.history, ecapi.customer, ecapi.digest TO regress_fit_owner, regress_fit_other;
GRANT SELECT ON ecapi.model TO regress_fit_owner, regress_fit_other;
CREATE SCHEMA fit AUTHORIZATION regress_fit_owner;
RESET client_min_messages;
SET timezone = 'UTC';
SET ROLE regress_fit_owner;
CREATE TABLE fit.orders (id serial PRIMARY KEY, buyer text, total numeric, currency text DEFAULT 'EUR', paid_at timestamptz);
RESET ROLE;
SELECT ecapi.track('fit.orders', 'purchase', condition => 'paid_at IS NOT NULL', mapping => '{
    "value": "total", "currency_code": "currency", "timestamp": "paid_at", "user_data.customer_identifier": "buyer"}');
SET ecapi.capture = off;
-- Customers who order at a rate of their own until they leave, as the models have it; the
-- random numbers are the digits of a digest, the same everywhere.
CREATE FUNCTION fit.random(VARIADIC seed text[]) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN (('x' || substr(md5(array_to_string(seed, ':')), 1, 8))::bit(32)::bigint + 0.5) / 4294967296;
CREATE FUNCTION fit.make(customers int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    rate float8; leaves float8; at float8; spends float8; n int;
BEGIN
    FOR c IN 1 .. customers LOOP
        rate := 0.15 * -ln(fit.random(c::text, 'rate'));
        leaves := ln(fit.random(c::text, 'leaves')) / ln(fit.random(c::text, 'how soon')) * 40;
        spends := 20 + 40 * fit.random(c::text, 'spends') ^ 2;
        at := 16 * fit.random(c::text, 'first');
        leaves := at + leaves;
        n := 0;
        WHILE at < 104 AND at <= leaves LOOP
            INSERT INTO fit.orders (buyer, total, paid_at)
            VALUES ('C' || c, round((spends * (0.5 + fit.random(c::text, n::text, 'spent')))::numeric, 2),
                timestamptz '2024-01-01' + at * interval '7 days');
            n := n + 1;
            at := at - ln(fit.random(c::text, n::text, 'next')) / rate;
        END LOOP;
    END LOOP;
END $$;
SELECT fit.make(500);
RESET ecapi.capture;
SELECT count(*), count(DISTINCT buyer) FROM fit.orders;
SET ROLE regress_fit_owner;

-- Without scores: the report alone.
SELECT ecapi.fit('fit.orders', 'purchase', holdout => '52 weeks') > 0 AS fitted;
SELECT track, scores, span_begin, learnt_until, span_end, horizon, currency, customers, orders, left_out, model, problem, replaced
FROM ecapi.model WHERE relation = 'fit.orders'::regclass ORDER BY fit_id;
SELECT p.key AS span, m.key AS model, v.key AS parameter, round((v.value->>'estimate')::numeric, 2) AS estimate,
    (v.value->>'standard_error')::numeric > 0 AS has_error
FROM ecapi.model, jsonb_each(parameters) p, jsonb_each(p.value) m, jsonb_each(m.value) v
WHERE relation = 'fit.orders'::regclass AND v.key <> 'log_likelihood' ORDER BY p.key COLLATE "C", m.key COLLATE "C", v.key COLLATE "C";
SELECT h.prediction, h.is_baseline, h.model_is_worse, round((h.orders->>'mae')::numeric, 3) AS orders_mae,
    round((h.value->>'mae')::numeric, 2) AS value_mae, round((h.value->>'gini')::numeric, 3) AS gini,
    jsonb_array_length(h.value->'calibration') AS tenths
FROM ecapi.model, jsonb_to_recordset(holdout) AS h (prediction text, is_baseline boolean, model_is_worse boolean, orders jsonb, value jsonb)
WHERE relation = 'fit.orders'::regclass;

-- With them: a table and an enrichment.
SET client_min_messages = warning;
SELECT ecapi.fit('fit.orders', scores => 'fit.scores', holdout => '52 weeks') > 0 AS fitted;
RESET client_min_messages;
\d fit.scores
\sf fit.scores_patch
SELECT count(*), min(currency), max(currency), min(model), bool_and(scored_at = (SELECT max(fitted_at) FROM ecapi.model)) AS at_once,
    bool_and(purchase_likelihood BETWEEN 0 AND 1 AND churn_probability BETWEEN 0 AND 1) AS probabilities,
    bool_and(expected_purchases >= 0 AND predicted_lifetime_value >= 0) AS amounts
FROM fit.scores;
SELECT customer, round(expected_purchases::numeric, 2) AS purchases, round(purchase_likelihood::numeric, 3) AS likelihood,
    round(churn_probability::numeric, 3) AS churn, round(predicted_lifetime_value::numeric) AS value
FROM fit.scores ORDER BY predicted_lifetime_value DESC LIMIT 3;

-- Again: replaced in one transaction; the enrichment stays as it is.
COMMENT ON FUNCTION fit.scores_patch IS 'mine';
SET client_min_messages = warning;
SELECT ecapi.fit('fit.orders', scores => 'fit.scores', holdout => '52 weeks', horizon => '13 weeks') > 0 AS fitted;
RESET client_min_messages;
SELECT count(*), obj_description('fit.scores_patch'::regproc) FROM fit.scores;
SELECT customer, round(expected_purchases::numeric, 2) AS purchases FROM fit.scores ORDER BY predicted_lifetime_value DESC LIMIT 1;

-- What the enrichment answers.
SELECT p.seq, p.patch->'ext' ? 'predicted_ltv' AS ltv, p.patch->'ext'->>'predicted_lifetime_value' = p.patch->'ext'->>'predicted_ltv' AS same,
    (SELECT count(*) FROM jsonb_object_keys(p.patch->'ext')) AS members
FROM fit.scores_patch(ARRAY[
    ROW(1, 'a', 'purchase', now(), 1, 'EUR', NULL, NULL, '{"customer_identifier": "C1"}', NULL, NULL)::ecapi.event,
    ROW(2, 'b', 'purchase', now(), 1, 'USD', NULL, NULL, '{"customer_identifier": "C1"}', NULL, NULL)::ecapi.event,
    ROW(3, 'c', 'purchase', now(), 1, 'EUR', NULL, NULL, '{"customer_identifier": "nobody"}', NULL, NULL)::ecapi.event,
    ROW(4, 'd', 'login', now(), NULL, NULL, NULL, NULL, '{"customer_identifier": "C2"}', NULL, NULL)::ecapi.event]) p ORDER BY 1;

-- Customers by digest: the enrichment finds them by either.
SET client_min_messages = warning;
SELECT ecapi.fit('fit.orders', scores => 'fit.hashed', holdout => '52 weeks', digest => true) > 0 AS fitted;
RESET client_min_messages;
SELECT count(*), bool_and(customer ~ '^[0-9a-f]{64}$') AS digests, count(*) FILTER (WHERE customer = ecapi.digest('user_data.customer_identifier', 'C1')) AS c1
FROM fit.hashed;
SELECT p.seq FROM fit.hashed_patch(ARRAY[
    ROW(1, 'a', 'purchase', now(), 1, 'EUR', NULL, NULL, '{"customer_identifier": "C1"}', NULL, NULL)::ecapi.event,
    ROW(2, 'b', 'purchase', now(), 1, 'EUR', NULL, NULL,
        jsonb_build_object('customer_identifier', ecapi.digest('user_data.customer_identifier', 'C2')), NULL, NULL)::ecapi.event]) p ORDER BY 1;

-- Up to a moment: the same as if later orders were not there.
SET client_min_messages = warning;
SELECT ecapi.fit('fit.orders', holdout => '26 weeks', until => '2025-01-01') > 0 AS fitted;
RESET client_min_messages;
SELECT learnt_until, span_end, customers, orders FROM ecapi.model ORDER BY fit_id DESC LIMIT 1;

-- A customer in its first week is scored by its first order: who paid more is worth more.
RESET ROLE;
SET ecapi.capture = off;
INSERT INTO fit.orders (buyer, total, paid_at) VALUES ('little', 12, '2025-12-26'), ('much', 88, '2025-12-26'), ('twice', 30, '2025-12-23'), ('twice', 30, '2025-12-27');
RESET ecapi.capture;
SET ROLE regress_fit_owner;
SET client_min_messages = warning;
SELECT ecapi.fit('fit.orders', scores => 'fit.scores', holdout => '26 weeks', horizon => '1 year') > 0 AS fitted;
RESET client_min_messages;
SELECT s.model, count(*) FROM fit.scores s WHERE s.model NOT LIKE '%NBD%' GROUP BY 1;
SELECT m.predicted_lifetime_value > l.predicted_lifetime_value AS much, t.predicted_lifetime_value > l.predicted_lifetime_value AS twice
FROM fit.scores l, fit.scores m, fit.scores t WHERE l.customer = 'little' AND m.customer = 'much' AND t.customer = 'twice';
SELECT first_order->'customers' AS customers, first_order->'problem' AS problem, abs((first_order->'at the first order'->>'total_error')::float8) < 0.1 AS total,
    abs((first_order->'after a week'->>'total_error')::float8) < 0.1 AS total_later, (first_order->'at the first order'->>'gini')::float8 > 0.1 AS in_order,
    jsonb_array_length(first_order->'weights') > 0 AS weights, orders_a_day > 0 AS expected, orders_dispersion >= 1 AS dispersed
FROM ecapi.model ORDER BY fit_id DESC LIMIT 1;
-- The fit says which prediction it judged, and that is what a report draws, whichever it is;
-- of a fit of 1.0, which does not say it, it is that of the model.
RESET ROLE;
SELECT prediction, is_used, cardinality(predicted_tenths) AS tenths FROM ecapi_internal.report_models() WHERE relation = 'fit.orders' AND NOT is_baseline;
SELECT count(*) AS judged FROM ecapi.model m, jsonb_array_elements(m.holdout) h
WHERE m.fit_id = (SELECT max(fit_id) FROM ecapi.model) AND h->>'is_judged' = 'true' AND h->>'is_baseline' = 'false';
BEGIN;
UPDATE ecapi.model SET holdout = (SELECT jsonb_agg(h || '{"is_judged": false}' ORDER BY n) FROM jsonb_array_elements(holdout) WITH ORDINALITY e (h, n))
    || jsonb_build_object('prediction', 'scores as written', 'is_baseline', false, 'is_judged', true, 'value', holdout->0->'value');
SELECT prediction FROM ecapi_internal.report_models() WHERE relation = 'fit.orders' AND is_used;
SELECT page ~ 'scores as written \(used\)' AS marked, page ~ 'Mean value of a customer in EUR, by tenths' AS drawn
FROM ecapi.report('2001-01-01', '2001-01-02', false) page;
UPDATE ecapi.model SET holdout = (SELECT jsonb_agg(h - 'is_judged' ORDER BY n) FROM jsonb_array_elements(holdout) WITH ORDINALITY e (h, n));
SELECT prediction FROM ecapi_internal.report_models() WHERE relation = 'fit.orders' AND is_used;
ROLLBACK;
SET ROLE regress_fit_owner;
DELETE FROM fit.orders WHERE buyer IN ('little', 'much', 'twice');

-- Refused: tables and enrichments of others, names that are taken, what is no horizon.
RESET ROLE;
GRANT USAGE, CREATE ON SCHEMA fit TO regress_fit_other;
SET ROLE regress_fit_other;
CREATE FUNCTION fit.watched_patch(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC SELECT e.seq, '{}'::jsonb FROM unnest(page) e; END;
RESET ROLE;
REVOKE ALL ON SCHEMA fit FROM regress_fit_other;
SET ROLE regress_fit_owner;
SELECT ecapi.fit('fit.orders', scores => 'fit.watched');
SELECT to_regclass('fit.watched') IS NULL AS nothing_made;
CREATE TABLE fit.taken (customer text);
SELECT ecapi.fit('fit.orders', scores => 'fit.taken');
SELECT ecapi.fit('fit.orders', scores => 'fit.orders');
SELECT ecapi.fit('fit.orders', scores => 'nowhere.scores');
SELECT ecapi.fit('fit.orders', scores => 'ecapi.scores');
SELECT ecapi.fit('fit.orders', scores => 'a.b.c.d');
SELECT ecapi.fit('fit.orders', scores => 'fit.' || repeat('x', 60));
SELECT ecapi.fit('fit.orders', 'purchse');
SELECT ecapi.fit(NULL);
SELECT ecapi.fit('fit.orders', horizon => '0 days');
SELECT ecapi.fit('fit.orders', horizon => '100 years');
SELECT ecapi.fit('fit.orders', holdout => '-1 days');
SELECT ecapi.fit('fit.orders', currency => 'eur');
SELECT ecapi.fit('fit.orders', until => 'infinity');
BEGIN READ ONLY;
SELECT ecapi.fit('fit.orders');
ROLLBACK;
RESET ROLE;
GRANT USAGE ON SCHEMA fit TO regress_fit_other;
SET ROLE regress_fit_other;
SELECT ecapi.fit('fit.orders');
SELECT count(*) AS of_others FROM ecapi.model;
INSERT INTO ecapi.model (relation) VALUES ('fit.orders');
RESET ROLE;
CREATE SCHEMA fit_other AUTHORIZATION regress_fit_other;
SET ROLE regress_fit_owner;
SELECT ecapi.fit('fit.orders', scores => 'fit_other.scores');
RESET ROLE;
CREATE TABLE fit_other.scores (LIKE fit.scores);
GRANT ALL ON SCHEMA fit_other TO regress_fit_owner;
GRANT ALL ON fit_other.scores TO regress_fit_owner;
SET ROLE regress_fit_owner;
SELECT ecapi.fit('fit.orders', scores => 'fit_other.scores');
RESET ROLE;

-- Histories that nothing can be learnt from, or not all of it.
CREATE FUNCTION fit.history(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ecapi.capture = off;
    TRUNCATE fit.orders;
    EXECUTE statement;
END $$;
CREATE FUNCTION fit.try(arguments text DEFAULT '') RETURNS TABLE (said text) LANGUAGE plpgsql AS $$
DECLARE
    detail text; hint text;
BEGIN
    EXECUTE 'SELECT ecapi.fit(''fit.orders'' ' || arguments || ')' INTO said;
    SELECT concat_ws(', ', m.customers || ' customers', m.orders || ' orders', m.model, m.problem, nullif(m.left_out::text, '{}'))
    INTO said FROM ecapi.model m ORDER BY fit_id DESC LIMIT 1;
    RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN NEXT;
    said := 'detail: ' || detail; RETURN NEXT;
    said := 'hint: ' || hint; RETURN NEXT;
END $$;
SET client_min_messages = error;
\pset format unaligned
\pset tuples_only on
\echo no order
SELECT fit.history('SELECT');
SELECT * FROM fit.try();
\echo one customer
SELECT fit.history($$INSERT INTO fit.orders (buyer, total, paid_at) SELECT 'C', 10, timestamptz '2024-01-01' + i * interval '7 days' FROM generate_series(0, 50) i$$);
SELECT * FROM fit.try();
\echo all with one order
SELECT fit.history($$INSERT INTO fit.orders (buyer, total, paid_at) SELECT i, 10 + i, timestamptz '2024-01-01' + i * interval '1 day' FROM generate_series(1, 400) i$$);
SELECT * FROM fit.try();
\echo nobody
SELECT fit.history($$INSERT INTO fit.orders (buyer, total, paid_at) SELECT NULL, 10 + i, timestamptz '2024-01-01' + i * interval '1 day' FROM generate_series(1, 400) i$$);
SELECT * FROM fit.try();
\echo a span that is shorter than the holdout
SELECT fit.history('SELECT fit.make(100)');
SELECT * FROM fit.try(', holdout => ''3 years''');
SELECT * FROM fit.try(', holdout => ''13 weeks'', until => ''2024-03-01''');
\echo several currencies
SET ecapi.capture = off;
UPDATE fit.orders SET currency = 'USD' WHERE id % 10 = 0;
SELECT * FROM fit.try();
SELECT * FROM fit.try(', currency => ''EUR''');
SELECT * FROM fit.try(', currency => ''CHF''');
\echo no value, no customer, a negative value, no time
UPDATE fit.orders SET currency = 'EUR';
UPDATE fit.orders SET total = NULL WHERE id % 50 = 1;
UPDATE fit.orders SET buyer = NULL WHERE id % 50 = 2;
UPDATE fit.orders SET total = -total WHERE id % 50 = 3;
UPDATE fit.orders SET paid_at = NULL WHERE id % 50 = 4;
UPDATE fit.orders SET total = 0 WHERE id % 50 = 5;
UPDATE fit.orders SET total = 1e300 WHERE id % 500 = 6;
SELECT * FROM fit.try();
\echo all values alike, but for days with two orders, which count as one
UPDATE fit.orders SET total = 10;
SELECT * FROM fit.try();
\echo all values alike
DELETE FROM fit.orders a USING fit.orders b WHERE a.buyer = b.buyer AND a.paid_at::date = b.paid_at::date AND a.id > b.id;
SELECT * FROM fit.try();
\echo a billion
SELECT fit.history('SELECT fit.make(300)');
UPDATE fit.orders SET total = 1e9 WHERE id = (SELECT min(id) FROM fit.orders WHERE paid_at BETWEEN '2024-09-01' AND '2024-09-10');
SELECT * FROM fit.try(', holdout => ''52 weeks'', scores => ''fit.scores''');
SELECT count(*), max(model) FROM fit.scores;
\echo a model that does not converge: the report says so, and the other one is taken
SELECT fit.history($$INSERT INTO fit.orders (buyer, total, paid_at) SELECT buyer, 20 + day % 7, timestamptz '2024-01-01' + day * interval '1 day'
    FROM (VALUES ('A', 144), ('A', 145), ('A', 146), ('A', 167), ('B', 146), ('B', 147), ('B', 148), ('B', 170), ('C', 84), ('C', 180), ('D', 0)) o (buyer, day)$$);
SELECT * FROM fit.try(', holdout => ''14 days'', until => ''2024-07-04''');
SELECT key, value->>'problem' FROM jsonb_each((SELECT parameters->'calibration' FROM ecapi.model ORDER BY fit_id DESC LIMIT 1)) ORDER BY key COLLATE "C";
\echo rows in no order of time
SELECT fit.history('SELECT fit.make(100)');
CREATE TEMP TABLE shuffled AS SELECT buyer, total, currency, paid_at FROM fit.orders ORDER BY md5(id::text);
SELECT * FROM fit.try();
SELECT fit.history('INSERT INTO fit.orders (buyer, total, currency, paid_at) SELECT * FROM shuffled');
SELECT * FROM fit.try();
SELECT count(DISTINCT parameters), count(DISTINCT holdout) FROM (SELECT * FROM ecapi.model ORDER BY fit_id DESC LIMIT 2) m;
\pset format aligned
\pset tuples_only off

-- Customers told by an id here and by an address there; addresses as digests.
SET client_min_messages = error;
ALTER TABLE fit.orders ADD email text;
UPDATE fit.orders SET email = lower(buyer) || '@example.com', buyer = CASE WHEN id % 2 = 0 THEN buyer END WHERE id % 20 > 9;
SELECT ecapi.track('fit.orders', 'purchase', condition => 'paid_at IS NOT NULL', mapping => '{
    "value": "total", "currency_code": "currency", "timestamp": "paid_at", "user_data.customer_identifier": "buyer",
    "user_data.email_address": "email"}');
SET ROLE regress_fit_owner;
SELECT fit.try(', scores => ''fit.scores'', force => true');
SELECT count(*), count(*) FILTER (WHERE customer LIKE '%@%') > 0 AS addresses FROM fit.scores;
SELECT fit.try(', scores => ''fit.hashed'', force => true, digest => true');
SELECT count(*), bool_and(customer ~ '^[0-9a-f]{64}$') AS digests FROM fit.hashed;
RESET ROLE;
RESET client_min_messages;

-- A model that loses to a baseline does not replace scores, unless it is forced to.
-- Who came every week for little stays away; who came twice for much comes back.
SELECT fit.history($$INSERT INTO fit.orders (buyer, total, paid_at)
    SELECT c, CASE WHEN c % 2 = 0 THEN 5 ELSE 50 END + c % 7, timestamptz '2024-01-01' + (c % 30 + w * 7) * interval '1 day'
    FROM generate_series(1, 400) c, generate_series(0, 50) w
    WHERE c % 2 = 0 AND w BETWEEN c % 3 AND 21 OR c % 2 = 1 AND w IN (0, 8 + c % 11, 46)$$);
SET ROLE regress_fit_owner;
SELECT count(*) FROM fit.scores;
SET client_min_messages = warning;
SELECT ecapi.fit('fit.orders', scores => 'fit.scores', holdout => '26 weeks') > 0 AS fitted;
SELECT problem, replaced FROM ecapi.model ORDER BY fit_id DESC LIMIT 1;
SELECT count(*) FROM fit.scores;
SELECT ecapi.fit('fit.orders', scores => 'fit.scores', holdout => '26 weeks', force => true) > 0 AS fitted;
SELECT problem, replaced FROM ecapi.model ORDER BY fit_id DESC LIMIT 1;
SELECT count(*) FROM fit.scores;
RESET ROLE;

RESET ecapi.capture;
SET client_min_messages = warning;
DROP SCHEMA fit, fit_other CASCADE;
DROP OWNED BY regress_fit_owner, regress_fit_other;
DROP ROLE regress_fit_owner, regress_fit_other;
