-- shop.sql - a small shop, as its developers would write it.
--
-- The two functions are the application: each writes its row and, in the
-- same transaction, emits the event that reports it.  Everything here
-- belongs to the demonstration, nothing to the extension.  It expects a table
-- "log" in the search path: the purchases that will be made, for the sake of
-- their customers.

CREATE SCHEMA shop;

CREATE TABLE shop.customer (
    customer_id integer PRIMARY KEY,
    email text NOT NULL,
    city text NOT NULL
);

CREATE TABLE shop.orders (
    order_id integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES shop.customer,
    ordered_at timestamptz NOT NULL,
    discs integer NOT NULL,
    total numeric(10, 2) NOT NULL
);

CREATE TABLE shop.subscription (
    subscription_id integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES shop.customer,
    started_at timestamptz NOT NULL DEFAULT now(),
    monthly numeric(10, 2) NOT NULL DEFAULT 9.99
);

INSERT INTO shop.customer
SELECT DISTINCT customer, format(' Customer%s@Example.com', customer), 'Springfield'
FROM log;

CREATE FUNCTION shop.place_order(number integer, customer integer, at timestamptz,
                                 discs integer, total numeric)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop.orders VALUES (number, customer, at, discs, total);
    RETURN ecapi_emit('purchase',
        id => 'order-' || number,
        occurred_at => at,
        source => 'website',
        value => total,
        currency_code => 'USD',
        user_data => jsonb_build_object(
            'customer_identifier', c.customer_id::text,
            'email_address', c.email,
            'address', jsonb_build_array(jsonb_build_object('city', c.city, 'country_code', 'us'))),
        properties => jsonb_build_object(
            'transaction_id', number::text,
            'items', jsonb_build_array(jsonb_build_object(
                'id', 'cd', 'name', 'Compact disc', 'quantity', discs,
                'price', round(total / discs, 2)))))
    FROM shop.customer c WHERE c.customer_id = customer;
END $$;

CREATE FUNCTION shop.subscribe(number integer, customer integer)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    monthly numeric;
BEGIN
    INSERT INTO shop.subscription (subscription_id, customer_id) VALUES (number, customer)
    RETURNING subscription.monthly INTO monthly;
    RETURN ecapi_emit('subscribe',
        id => 'subscription-' || number,
        source => 'website',
        value => monthly,
        currency_code => 'USD',
        user_data => jsonb_build_object('email_address', c.email))
    FROM shop.customer c WHERE c.customer_id = customer;
END $$;

-- What must arrive, by the ids under which it is emitted; nothing else may.
CREATE VIEW shop.committed AS
SELECT 'purchase' AS event_type, 'order-' || order_id AS id, total AS value FROM shop.orders
UNION ALL
SELECT 'subscribe', 'subscription-' || subscription_id, monthly FROM shop.subscription;
