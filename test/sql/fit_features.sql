--
-- ecapi.fit() with features: what a shop's own function says of customers.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_features;
GRANT USAGE ON SCHEMA ecapi TO regress_features;
GRANT EXECUTE ON FUNCTION ecapi.fit, ecapi.history, ecapi.customer, ecapi.digest TO regress_features;
GRANT SELECT ON ecapi.model TO regress_features;
CREATE SCHEMA features AUTHORIZATION regress_features;
SET timezone = 'UTC';
SET ROLE regress_features;
CREATE TABLE features.orders (id serial PRIMARY KEY, buyer text, total numeric, paid_at timestamptz);
RESET ROLE;
SELECT ecapi.track('features.orders', 'purchase', mapping => '{
    "value": "total", "currency_code": "''EUR''", "timestamp": "paid_at", "user_data.customer_identifier": "buyer"}');
-- First orders are alike; customers of the newsletter come back, hardly any other does.
SET ecapi.capture = off;
CREATE FUNCTION features.random(VARIADIC seed text[]) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN (('x' || substr(md5(array_to_string(seed, ':')), 1, 8))::bit(32)::bigint + 0.5) / 4294967296;
INSERT INTO features.orders (buyer, total, paid_at)
SELECT 'C' || c, round((20 + 20 * features.random(c::text, n::text, 'total'))::numeric, 2),
    timestamptz '2024-01-01' + (60 * features.random(c::text, 'first') + n * 30 * features.random(c::text, n::text, 'gap')) * interval '1 day'
FROM generate_series(1, 600) c, generate_series(0, 20) n
WHERE n <= CASE WHEN c % 3 = 0 THEN 20 * features.random(c::text, 'orders') ELSE 3 * features.random(c::text, 'orders') ^ 4 END;
RESET ecapi.capture;
SET ROLE regress_features;
CREATE FUNCTION features.known() RETURNS TABLE (customer text, channel text, clicks int, insider boolean) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT DISTINCT buyer, CASE WHEN substr(buyer, 2)::int % 3 = 0 THEN 'newsletter' ELSE 'search' END,
        substr(buyer, 2)::int % 7, NULL::boolean FROM features.orders
    UNION ALL SELECT 'somebody else', 'search', 1, true;
END;

-- The Gini of the order by value: without and with them.
CREATE FUNCTION features.gini() RETURNS numeric LANGUAGE sql
RETURN (SELECT round((first_order->'at the first order'->>'gini')::numeric, 1) FROM ecapi.model ORDER BY fit_id DESC LIMIT 1);
SET client_min_messages = error;
SELECT ecapi.fit('features.orders', holdout => '13 weeks') > 0 AS fitted;
SELECT features.gini();
SELECT ecapi.fit('features.orders', holdout => '13 weeks', features => 'features.known') > 0 AS fitted;
SELECT features.gini();
-- By digest, as the scores have customers then
CREATE FUNCTION features.digests() RETURNS TABLE (customer text, channel text) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT ecapi.digest('user_data.customer_identifier', customer), channel FROM features.known();
END;
SELECT ecapi.fit('features.orders', scores => 'features.scores', holdout => '13 weeks', digest => true, features => 'features.digests') > 0 AS fitted;
SELECT features.gini();
RESET client_min_messages;

-- A crowd that looks like customers who come back, first seen in the last days before the
-- cut, and never again: with what the first order says the scores would be far off, by the
-- history alone they are good.
CREATE TABLE features.crowded (LIKE features.orders INCLUDING ALL);
RESET ROLE;
SET client_min_messages = warning;
SELECT ecapi.track('features.crowded', 'purchase', mapping => '{
    "value": "total", "currency_code": "''EUR''", "timestamp": "paid_at", "user_data.customer_identifier": "buyer"}');
RESET client_min_messages;
SET ecapi.capture = off;
INSERT INTO features.crowded (buyer, total, paid_at)
SELECT 'C' || c, round((20 + 20 * features.random(c::text, n::text, 'total'))::numeric, 2), timestamptz '2024-01-01' + at * interval '1 day'
FROM (SELECT c, n, 60 * features.random(c::text, 'first')
        + coalesce(sum(gap) OVER (PARTITION BY c ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS at
    FROM generate_series(1, 600) c, generate_series(0, 60) n,
        LATERAL (SELECT -ln(features.random(c::text, n::text, 'gap')) * CASE WHEN c % 3 = 0 THEN 40 ELSE 400 END AS gap) g) o
WHERE at < 728;
INSERT INTO features.crowded (buyer, total, paid_at)
SELECT 'C' || 3 * n, 30, (SELECT max(paid_at) FROM features.crowded) - interval '93 days' FROM generate_series(1001, 1120) n;
RESET ecapi.capture;
SET ROLE regress_features;
CREATE FUNCTION features.crowd() RETURNS TABLE (customer text, channel text) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT DISTINCT buyer, CASE WHEN substr(buyer, 2)::int % 3 = 0 THEN 'newsletter' ELSE 'search' END FROM features.crowded;
END;
SET client_min_messages = error;
SELECT ecapi.fit('features.crowded', scores => 'features.crowded_scores', holdout => '13 weeks', features => 'features.crowd') > 0 AS fitted;
RESET client_min_messages;
SELECT first_order->>'problem' AS first_order, problem, replaced FROM ecapi.model ORDER BY fit_id DESC LIMIT 1;
SELECT model, count(*) FROM features.crowded_scores GROUP BY model;

-- What is no function of features.
CREATE FUNCTION features.of_one(customer text) RETURNS TABLE (channel text) LANGUAGE sql RETURN ('x'::text);
CREATE FUNCTION features.one() RETURNS text LANGUAGE sql RETURN 'x';
CREATE FUNCTION features.nobody() RETURNS TABLE (channel text) LANGUAGE sql BEGIN ATOMIC SELECT 'x'; END;
CREATE FUNCTION features.nothing() RETURNS TABLE (customer text) LANGUAGE sql BEGIN ATOMIC SELECT 'C1'; END;
CREATE FUNCTION features.twice() RETURNS TABLE (customer text, channel text) LANGUAGE sql
BEGIN ATOMIC SELECT 'C1', channel FROM features.known() LIMIT 2; END;
CREATE FUNCTION features.broken() RETURNS TABLE (customer text, number int) LANGUAGE sql
BEGIN ATOMIC SELECT 'C1', 1 / 0; END;
SELECT ecapi.fit('features.orders', features => 'features.absent');
SELECT ecapi.fit('features.orders', features => 'features.of_one');
SELECT ecapi.fit('features.orders', features => 'features.one');
SELECT ecapi.fit('features.orders', features => 'features.nobody');
SELECT ecapi.fit('features.orders', features => 'features.nothing');
SELECT ecapi.fit('features.orders', features => 'features.twice');
-- servers before 18 and from 18 on say in other words where it broke
\set SHOW_CONTEXT never
SELECT ecapi.fit('features.orders', features => 'features.broken');
\set SHOW_CONTEXT errors
SELECT format('CREATE FUNCTION features.wide() RETURNS TABLE (customer text, %s) LANGUAGE sql BEGIN ATOMIC SELECT ''C1'', %s; END',
    string_agg('n' || i || ' int', ', '), string_agg(i::text, ', ')) FROM generate_series(1, 25) i \gexec
SELECT ecapi.fit('features.orders', features => 'features.wide');

RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA features CASCADE;
DROP OWNED BY regress_features;
DROP ROLE regress_features;
