-- events.sql - the events and the plain table that the benches use.
--
-- bench.purchase(n) is a typical purchase: email, phone, address, two items;
-- bench.purchase_json(n) is the same as json, built by json_build_object, as
-- one would fill a json column without the extension.  Both are plain SQL and
-- inlined, so a statement that calls them builds the JSON itself.
--
-- bench.plain has the columns and the index of a partition of the outbox.

CREATE SCHEMA bench;

CREATE FUNCTION bench.purchase(n bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT jsonb_build_object(
    'id', 'order-' || n,
    'event_type', 'purchase',
    'timestamp', 1775000000 + n % 1000000,
    'source', 'website',
    'value', round((n % 20000) / 100.0, 2),
    'currency_code', 'EUR',
    'user_data', jsonb_build_object(
        'email_address', jsonb_build_array(' Customer.' || n || '@Example.com'),
        'phone_numbers', jsonb_build_array('+49 (30) 555-' || (1000000 + n % 9000000)),
        'event_ip_address', '192.0.2.17',
        'event_user_agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
        'address', jsonb_build_array(jsonb_build_object(
            'first_name', 'Ann' || n % 977, 'last_name', 'O''Neill-' || n % 1231,
            'street', 'Main St. ' || n % 211, 'city', 'San Francisco', 'state', 'CA',
            'country_code', 'US', 'postal_code', (10000 + n % 89999)::text))),
    'properties', jsonb_build_object(
        'transaction_id', n::text,
        'page_url', 'https://shop.example.com/checkout/done',
        'items', jsonb_build_array(
            jsonb_build_object('id', 'sku-' || n % 5003, 'name', 'Blue jacket, large', 'price', 59.9, 'quantity', 1),
            jsonb_build_object('id', 'sku-' || n % 4001, 'name', 'Socks', 'price', 4.95, 'quantity', 3))))
$$;

-- The same text with json for jsonb, so that the two cannot drift apart.
DO $do$
BEGIN
    EXECUTE format('CREATE FUNCTION bench.purchase_json(n bigint) RETURNS json LANGUAGE sql STABLE AS %L',
        (SELECT replace(prosrc, 'jsonb_build', 'json_build') FROM pg_proc
         WHERE oid = 'bench.purchase(bigint)'::regprocedure));
END $do$;

CREATE SEQUENCE bench.plain_seq CACHE 1;
CREATE TABLE bench.plain (
    slot smallint NOT NULL DEFAULT 0,
    seq bigint NOT NULL DEFAULT nextval('bench.plain_seq'),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    emitted_at timestamptz NOT NULL DEFAULT now(),
    event json NOT NULL
);
CREATE INDEX ON bench.plain (xid, seq);
