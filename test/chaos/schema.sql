-- schema.sql - the shop of the chaos run: what is written is what must arrive.
--
-- Each writer puts a row into chaos.txn in each of its transactions, and the
-- events of a transaction come with rows of the same transaction.  So after any
-- crash the tables say what was committed, also of commits whose answer nobody
-- got: chaos.committed is the truth that the receiver's file is compared with.
-- Keys are given out by the writers and never twice, so what was rolled back
-- can be recognized when it arrives.  xact is the transaction that emitted the event:
-- a destination made later has what it did not see.

CREATE EXTENSION ecapi;
CREATE ROLE chaos_shop;
GRANT USAGE ON SCHEMA ecapi TO chaos_shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture TO chaos_shop;
CREATE SCHEMA chaos AUTHORIZATION chaos_shop;

SET ROLE chaos_shop;

CREATE TABLE chaos.txn (writer integer, number integer, PRIMARY KEY (writer, number));

CREATE TABLE chaos.customers (customer_id integer PRIMARY KEY, email text NOT NULL);
INSERT INTO chaos.customers SELECT i, format('customer%s@example.com', i) FROM generate_series(1, 100) i;

-- emitted by ecapi_emit() beside the row
CREATE TABLE chaos.subscriptions (
    id text PRIMARY KEY,
    value numeric NOT NULL,
    xact xid8 NOT NULL DEFAULT pg_current_xact_id()
);

-- captured by the statement
CREATE TABLE chaos.orders (
    order_id bigint PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES chaos.customers,
    total numeric(10, 2) NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xact xid8 NOT NULL DEFAULT pg_current_xact_id()
);

-- captured when a condition becomes true
CREATE TABLE chaos.leads (
    lead_id bigint PRIMARY KEY,
    status text NOT NULL DEFAULT 'new',
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xact xid8 NOT NULL DEFAULT pg_current_xact_id()
);

-- captured as they are at the commit
CREATE TABLE chaos.carts (
    cart_id bigint PRIMARY KEY,
    total numeric(10, 2) NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xact xid8 NOT NULL DEFAULT pg_current_xact_id()
);

-- partitioned
CREATE TABLE chaos.visits (
    visit_id bigint PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xact xid8 NOT NULL DEFAULT pg_current_xact_id()
) PARTITION BY HASH (visit_id);
CREATE TABLE chaos.visits_0 PARTITION OF chaos.visits FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE chaos.visits_1 PARTITION OF chaos.visits FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE chaos.visits_2 PARTITION OF chaos.visits FOR VALUES WITH (MODULUS 3, REMAINDER 2);

SELECT ecapi.track('chaos.orders', 'purchase', mapping => '{"value": "total", "currency_code": "''EUR''",
    "timestamp": "at", "user_data.email_address": "customer_id.email"}');
SELECT ecapi.track('chaos.leads', 'close_convert_lead', condition => $$status = 'won'$$,
    mapping => '{"timestamp": "at"}');
SELECT ecapi.track('chaos.carts', 'purchase', at_commit => true,
    mapping => '{"value": "total", "currency_code": "''EUR''", "timestamp": "at"}');
SELECT ecapi.track('chaos.visits', 'page_view', mapping => '{"timestamp": "at"}');

CREATE VIEW chaos.committed AS
SELECT id, 'subscribe' AS event_type, value, NULL::timestamptz AS at, 'emit' AS source, xact FROM chaos.subscriptions
UNION ALL
SELECT 'chaos.orders:' || order_id || ':purchase', 'purchase', total, at, 'orders', xact FROM chaos.orders
UNION ALL
SELECT 'chaos.leads:' || lead_id || ':close_convert_lead', 'close_convert_lead', NULL, at, 'leads', xact
FROM chaos.leads WHERE status = 'won'
UNION ALL
SELECT 'chaos.carts:' || cart_id || ':purchase', 'purchase', total, at, 'carts', xact FROM chaos.carts
UNION ALL
SELECT 'chaos.visits:' || visit_id || ':page_view', 'page_view', NULL, at, 'visits', xact FROM chaos.visits;

RESET ROLE;

-- What each destination must have.  started: the snapshot of its cursor, where
-- it was made while writers wrote; before, after: when that began and had ended.
CREATE TABLE chaos.destination (
    destination text PRIMARY KEY,
    event_types text[] NOT NULL,
    before pg_snapshot,
    started pg_snapshot,
    after pg_snapshot
);
