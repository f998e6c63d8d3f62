-- shop.sql - tables, data, a track and the typical enrichments of a small shop.
--
-- Owned by a role of its own, as a shop's tables are.  Every function is STABLE
-- and a single query, so that the planner sees through it and joins the whole
-- page at once.
CREATE ROLE shop;
GRANT USAGE ON SCHEMA ecapi TO shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture TO shop;
CREATE SCHEMA shop AUTHORIZATION shop;
SET ROLE shop;

CREATE TABLE shop.customers (customer_id int PRIMARY KEY, email text, phone text);
CREATE TABLE shop.products (sku text PRIMARY KEY, name text, brand text, category text, cost numeric(10,2));
CREATE TABLE shop.orders (order_no text PRIMARY KEY, customer_id int REFERENCES shop.customers,
    total numeric(10,2), tax numeric(10,2), shipping numeric(10,2), currency text, status text,
    paid_at timestamptz, checkout jsonb);
CREATE TABLE shop.order_items (order_no text REFERENCES shop.orders, sku text REFERENCES shop.products,
    quantity int, price numeric(10,2), PRIMARY KEY (order_no, sku));
CREATE TABLE shop.customer_segments (customer_id int REFERENCES shop.customers, segment text,
    PRIMARY KEY (customer_id, segment));
CREATE TABLE shop.scores (customer_id int PRIMARY KEY REFERENCES shop.customers, lifetime_value numeric(10,2),
    churn numeric(4,3), likelihood numeric(4,3));
CREATE TABLE shop.touches (customer_id int REFERENCES shop.customers, touched_at timestamptz, channel text,
    PRIMARY KEY (customer_id, touched_at));
CREATE TABLE shop.rates (currency text, day date, to_euro numeric, PRIMARY KEY (currency, day));

INSERT INTO shop.customers VALUES (1, 'Ann@Example.com', '+46 70 123 45 67'), (2, 'bob@example.com', NULL);
INSERT INTO shop.products VALUES ('lp-1', 'Blue Train', 'Blue Note', 'vinyl', 150.00),
    ('lp-2', 'Giant Steps', 'Atlantic', 'vinyl', 200.00);
INSERT INTO shop.customer_segments VALUES (1, 'vinyl'), (1, 'loyal');
INSERT INTO shop.scores VALUES (1, 640.00, 0.12, 0.7);
INSERT INTO shop.touches VALUES (1, '2026-11-18 08:00+00', 'newsletter'), (1, '2026-11-20 12:00+00', 'direct'),
    (1, '2026-06-01 08:00+00', 'affiliate');
INSERT INTO shop.rates VALUES ('SEK', '2026-11-01', 0.08), ('SEK', '2026-11-20', 0.09), ('SEK', '2026-11-21', 0.10),
    ('EUR', '2000-01-01', 1);

SELECT ecapi.track('shop.orders', 'purchase', condition => $$status = 'paid'$$, mapping => '{
    "*": "checkout", "value": "total", "currency_code": "currency", "timestamp": "paid_at",
    "properties.transaction_id": "order_no", "user_data.customer_identifier": "customer_id",
    "user_data.email_address": "customer_id.email", "user_data.phone_numbers": "customer_id.phone"}');

-- what was bought, and what of its price is not revenue
CREATE FUNCTION shop.items(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('properties', jsonb_build_object('tax', o.tax, 'shipping', o.shipping,
        'items', jsonb_agg(jsonb_build_object('id', p.sku, 'name', p.name, 'brand', p.brand,
            'category', p.category, 'price', i.price, 'quantity', i.quantity) ORDER BY p.sku)))
    FROM unnest(page) e
        JOIN shop.orders o ON o.order_no = e.properties->>'transaction_id'
        JOIN shop.order_items i ON i.order_no = o.order_no
        JOIN shop.products p ON p.sku = i.sku
    GROUP BY e.seq, o.order_no;
END;

CREATE FUNCTION shop.net_revenue(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', o.total - o.tax - o.shipping)
    FROM unnest(page) e JOIN shop.orders o ON o.order_no = e.properties->>'transaction_id';
END;

CREATE FUNCTION shop.margin(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', o.total - o.tax - o.shipping - sum(i.quantity * p.cost))
    FROM unnest(page) e
        JOIN shop.orders o ON o.order_no = e.properties->>'transaction_id'
        JOIN shop.order_items i ON i.order_no = o.order_no
        JOIN shop.products p ON p.sku = i.sku
    GROUP BY e.seq, o.order_no;
END;

-- behind those that set the value: it sees what they set
CREATE FUNCTION shop.in_euro(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', round(e.value * r.to_euro, 2), 'currency_code', 'EUR')
    FROM unnest(page) e
        CROSS JOIN LATERAL (SELECT r.to_euro FROM shop.rates r
            WHERE r.currency = e.currency_code AND r.day <= (e."timestamp" AT TIME ZONE 'UTC')::date
            ORDER BY r.day DESC LIMIT 1) r;
END;

CREATE FUNCTION shop.segments(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('user_data', jsonb_build_object('customer_segments',
        jsonb_agg(s.segment ORDER BY s.segment)))
    FROM unnest(page) e
        JOIN shop.customer_segments s ON s.customer_id::text = e.user_data->>'customer_identifier'
    GROUP BY e.seq;
END;

-- the first touch within thirty days before the purchase
CREATE FUNCTION shop.channel(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('channel', t.channel))
    FROM unnest(page) e
        CROSS JOIN LATERAL (SELECT t.channel FROM shop.touches t
            WHERE t.customer_id::text = e.user_data->>'customer_identifier'
                AND t.touched_at BETWEEN e."timestamp" - interval '30 days' AND e."timestamp"
            ORDER BY t.touched_at LIMIT 1) t;
END;

CREATE FUNCTION shop.predictions(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('predicted_lifetime_value', s.lifetime_value,
        'churn_probability', s.churn, 'purchase_likelihood', s.likelihood))
    FROM unnest(page) e JOIN shop.scores s ON s.customer_id::text = e.user_data->>'customer_identifier';
END;

RESET ROLE;
