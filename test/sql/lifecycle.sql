-- Rows that live on: which of their changes are events, and which events.
-- Orders, refunds, subscriptions, leads, items that come after their order, and
-- several tracks on one table.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_lifecycle_shop;
CREATE SCHEMA life AUTHORIZATION regress_lifecycle_shop;
RESET client_min_messages;
GRANT USAGE ON SCHEMA ecapi TO regress_lifecycle_shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture, ecapi.major TO regress_lifecycle_shop;

-- The events since the last look, in their order.
CREATE TABLE public.life_seen AS SELECT coalesce(max(seq), 0) AS seq FROM ecapi.outbox;
CREATE FUNCTION public.life_events(OUT event_type text, OUT id text, OUT value text, OUT more jsonb) RETURNS SETOF record
LANGUAGE sql AS $$
    WITH fresh AS (SELECT o.seq, o.event::jsonb AS event FROM ecapi.outbox o WHERE o.seq > (SELECT seq FROM public.life_seen)),
        looked AS (UPDATE public.life_seen SET seq = greatest(life_seen.seq, (SELECT max(fresh.seq) FROM fresh)))
    SELECT event->>'event_type', event->>'id', event->>'value', event - '{event_type,id,value,timestamp}'::text[]
    FROM fresh ORDER BY seq;
$$;

SET ROLE regress_lifecycle_shop;
SET search_path = life;
CREATE TABLE customers (customer_id int PRIMARY KEY, email text);
CREATE TABLE orders (
    order_id int PRIMARY KEY, customer_id int REFERENCES customers, status text, total numeric(10,2),
    refunded numeric(10,2), currency char(3) DEFAULT 'EUR');
INSERT INTO customers VALUES (1, 'ann@example.com'), (2, 'bob@example.com');

--
-- Orders: an order is a purchase when it becomes paid.
--
SELECT ecapi.track('orders', 'purchase', condition => $$status = 'paid'$$, mapping => '{
    "value": "total", "currency_code": "currency", "properties.transaction_id": "order_id",
    "user_data.email_address": "customer_id.email"}');

INSERT INTO orders VALUES (42, 1, 'cart', 129.90);
UPDATE orders SET total = 119.90 WHERE order_id = 42;
RESET ROLE;
SET search_path = life, public;
SELECT * FROM life_events();
UPDATE orders SET status = 'paid' WHERE order_id = 42;
SELECT * FROM life_events();
UPDATE orders SET status = 'paid' WHERE order_id = 42;
UPDATE orders SET status = 'packed' WHERE order_id = 42;
UPDATE orders SET status = 'shipped' WHERE order_id = 42;
UPDATE orders SET status = status;
SELECT * FROM life_events();
-- paid again: the same id, so a receiver counts it once
UPDATE orders SET status = 'paid' WHERE order_id = 42;
SELECT * FROM life_events();
DELETE FROM orders;
SELECT * FROM life_events();

-- paid from the start, in one statement with others; paid by ON CONFLICT; two at once
INSERT INTO orders VALUES (1, 1, 'paid', 10), (2, 2, 'cart', 20), (3, 1, NULL, 30), (4, 2, 'paid', 40);
SELECT * FROM life_events();
INSERT INTO orders VALUES (2, 2, 'paid', 20), (4, 2, 'paid', 41), (5, NULL, 'paid', 50)
    ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, total = excluded.total;
SELECT * FROM life_events();
INSERT INTO orders SELECT n, 1, 'cart', n FROM generate_series(6, 8) n;
UPDATE orders SET status = 'paid' WHERE order_id >= 6;
SELECT * FROM life_events();

-- what is rolled back never was
BEGIN;
INSERT INTO orders VALUES (9, 1, 'paid', 90);
ROLLBACK;
BEGIN;
INSERT INTO orders VALUES (10, 1, 'cart', 100);
SAVEPOINT a;
UPDATE orders SET status = 'paid' WHERE order_id = 10;
ROLLBACK TO a;
INSERT INTO orders VALUES (11, 1, 'paid', 110);
COMMIT;
SELECT * FROM life_events();

--
-- Refunds: each time the refunded sum grows, the difference.
--
SELECT ecapi.track('orders', 'refund', on_change => '{refunded}', condition => 'new.refunded > coalesce(old.refunded, 0)', mapping => '{
    "value": "new.refunded - coalesce(old.refunded, 0)", "currency_code": "currency",
    "properties.transaction_id": "order_id", "user_data.email_address": "customer_id.email"}');
UPDATE orders SET refunded = 0 WHERE order_id = 4;
UPDATE orders SET refunded = 10 WHERE order_id = 4;
UPDATE orders SET refunded = 10.00, status = 'shipped' WHERE order_id = 4;
UPDATE orders SET refunded = 25.50 WHERE order_id = 4;
SELECT * FROM life_events();
-- shrinks: none; wholly
UPDATE orders SET refunded = 20 WHERE order_id = 4;
UPDATE orders SET refunded = NULL WHERE order_id = 4;
UPDATE orders SET refunded = total WHERE order_id = 1;
-- an insert is no change
INSERT INTO orders VALUES (12, 1, 'cart', 12, 5);
SELECT * FROM life_events();
-- paid and refunded in one statement: one event of each track
UPDATE orders SET status = 'paid', refunded = 12 WHERE order_id = 12;
SELECT * FROM life_events() ORDER BY event_type;

--
-- Subscriptions: trial, subscription, and a purchase for each period after it.
--
SET ROLE regress_lifecycle_shop;
CREATE TABLE subscriptions (
    sub_no text PRIMARY KEY, customer_id int REFERENCES customers, status text, price_cents int, currency text,
    period_end date);
SELECT ecapi.track('subscriptions', 'start_trial', condition => $$status = 'trialing'$$,
    mapping => '{"user_data.email_address": "customer_id.email"}');
SELECT ecapi.track('subscriptions', 'subscribe', condition => $$status = 'active'$$, mapping => '{
    "value": "ecapi.major(new.price_cents, new.currency)", "currency_code": "currency", "user_data.email_address": "customer_id.email"}');
SELECT ecapi.track('subscriptions', 'purchase', name => 'renewal', on_change => '{period_end}',
    condition => $$new.status = 'active' AND old.status = 'active'$$, mapping => '{
    "value": "ecapi.major(new.price_cents, new.currency)", "currency_code": "currency", "source": "''system_generated''",
    "user_data.email_address": "customer_id.email"}');
RESET ROLE;
INSERT INTO subscriptions VALUES ('S:1', 1, 'trialing', 999, 'EUR', '2026-01-31');
SELECT * FROM life_events();
UPDATE subscriptions SET status = 'active', period_end = '2026-02-28';
SELECT * FROM life_events();
UPDATE subscriptions SET period_end = '2026-03-31';
UPDATE subscriptions SET period_end = '2026-03-31';
UPDATE subscriptions SET price_cents = 1099, currency = 'JPY';
SELECT * FROM life_events();
UPDATE subscriptions SET period_end = '2026-04-30';
UPDATE subscriptions SET status = 'cancelled';
UPDATE subscriptions SET period_end = '2026-05-31';
SELECT * FROM life_events();
-- without a trial; and comes back
INSERT INTO subscriptions VALUES ('S2', 2, 'active', 500, 'KWD', '2026-01-31');
UPDATE subscriptions SET status = 'active' WHERE sub_no = 'S:1';
SELECT * FROM life_events();

--
-- Leads: an event for each stage.
--
SET ROLE regress_lifecycle_shop;
CREATE TABLE leads (
    lead_id uuid PRIMARY KEY, email text, stage text DEFAULT 'new', lost_reason text, deal_value numeric, currency text);
SELECT ecapi.track('leads', 'generate_lead', mapping => '{"user_data.email_address": "email", "properties.lead_status": "stage"}');
SELECT ecapi.track('leads', e.event_type, condition => format('stage = %L', e.stage), mapping => '{
    "user_data.email_address": "email", "properties.lead_status": "stage", "properties.lead_reason": "lost_reason",
    "value": "deal_value", "currency_code": "currency"}')
FROM (VALUES ('working_lead', 'working'), ('qualify_lead', 'qualified'), ('close_convert_lead', 'won'),
    ('close_unconvert_lead', 'lost'), ('disqualify_lead', 'junk')) e (event_type, stage);
RESET ROLE;
INSERT INTO leads (lead_id, email) SELECT format('00000000-0000-0000-0000-%s', lpad(n::text, 12, '0'))::uuid, 'lead' || n || '@example.com'
FROM generate_series(1, 4) n;
SELECT event_type, id, more FROM life_events();
-- step by step to the end
UPDATE leads SET stage = 'working' WHERE email = 'lead1@example.com';
UPDATE leads SET stage = 'qualified' WHERE email = 'lead1@example.com';
UPDATE leads SET stage = 'won', deal_value = 5000, currency = 'USD' WHERE email = 'lead1@example.com';
-- straight away; and a reason
UPDATE leads SET stage = 'junk', lost_reason = 'wrong number' WHERE email = 'lead2@example.com';
UPDATE leads SET stage = 'lost', lost_reason = 'price' WHERE email = 'lead3@example.com';
SELECT event_type, id, value, more FROM life_events();
-- back and forth: the same id
UPDATE leads SET stage = 'qualified' WHERE email = 'lead4@example.com';
UPDATE leads SET stage = 'working' WHERE email = 'lead4@example.com';
UPDATE leads SET stage = 'qualified' WHERE email = 'lead4@example.com';
SELECT event_type, id, more FROM life_events();

--
-- Items that are inserted after their order: the order as it is at commit.
--
SET ROLE regress_lifecycle_shop;
CREATE TABLE carts (cart_id int PRIMARY KEY, email text, total numeric, currency text DEFAULT 'EUR');
CREATE TABLE cart_items (cart_id int REFERENCES carts ON DELETE CASCADE, sku text, quantity int, price numeric);
SELECT ecapi.track('carts', 'purchase', at_commit => true, mapping => '{
    "value": "total", "currency_code": "currency", "user_data.email_address": "email",
    "properties.items": "(SELECT jsonb_agg(jsonb_build_object(''id'', i.sku, ''quantity'', i.quantity, ''price'', i.price) ORDER BY i.sku) FROM life.cart_items i WHERE i.cart_id = new.cart_id)"}');
RESET ROLE;
BEGIN;
INSERT INTO carts VALUES (1, 'ann@example.com', 0);
INSERT INTO cart_items VALUES (1, 'A', 1, 10), (1, 'B', 2, 5);
UPDATE carts SET total = 15;
UPDATE carts SET total = 20;
SELECT count(*) AS before_commit FROM life_events();
COMMIT;
SELECT * FROM life_events();
-- an update is no new order
UPDATE carts SET total = 21;
SELECT * FROM life_events();
-- gone before commit; rolled back to a savepoint, inserted again; items of a savepoint
BEGIN;
INSERT INTO carts VALUES (2, 'gone@example.com', 2);
DELETE FROM carts WHERE cart_id = 2;
SAVEPOINT a;
INSERT INTO carts VALUES (3, 'first@example.com', 3);
ROLLBACK TO a;
INSERT INTO carts VALUES (3, 'second@example.com', 30), (4, NULL, 4);
INSERT INTO cart_items VALUES (3, 'A', 1, 30);
SAVEPOINT b;
INSERT INTO cart_items VALUES (3, 'X', 1, 99);
ROLLBACK TO b;
COMMIT;
SELECT * FROM life_events();

--
-- Several tracks on one table: each by its name.
--
SELECT tgname FROM pg_trigger WHERE tgrelid = 'subscriptions'::regclass AND NOT tgisinternal ORDER BY tgname;
SELECT ecapi.untrack('subscriptions', 'subscribe');
INSERT INTO subscriptions VALUES ('S3', 1, 'active', 100, 'EUR', '2026-01-31'), ('S4', 1, 'trialing', 100, 'EUR', '2026-01-31');
UPDATE subscriptions SET period_end = '2026-02-28' WHERE sub_no = 'S3';
SELECT * FROM life_events();
-- the same track again: replaced
SELECT ecapi.track('subscriptions', 'start_trial', condition => $$status = 'trialing'$$, mapping => '{"source": "''app''"}');
INSERT INTO subscriptions VALUES ('S5', 1, 'trialing', 100, 'EUR', '2026-01-31');
SELECT * FROM life_events();
SELECT ecapi.untrack('subscriptions', name => 'renewal');
SELECT ecapi.untrack('subscriptions');
SELECT count(*) AS tracks FROM pg_trigger WHERE tgrelid = 'subscriptions'::regclass AND NOT tgisinternal;

-- nothing was set aside
SELECT source, reason FROM ecapi.failed_event WHERE relation::text LIKE 'life.%' OR relation::text IN ('orders', 'subscriptions', 'leads', 'carts');

SET client_min_messages = warning;
DROP SCHEMA life CASCADE;
DROP FUNCTION life_events();
DROP TABLE life_seen;
DROP OWNED BY regress_lifecycle_shop;
DROP ROLE regress_lifecycle_shop;
