-- order.sql: one order; TABLE stands for the table.
\set customer random(1, 100000)
\set cents random(100, 100000)
INSERT INTO TABLE (customer_id, email, total, currency, status, placed_at) VALUES (:customer, 'customer' || :customer || '@example.com', :cents / 100.0, 'EUR', 'paid', now());
