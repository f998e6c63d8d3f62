--
-- What the rows of a table would be as events: ecapi.history(), and which customer an
-- event is of: ecapi.customer().
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_hi_owner;
CREATE ROLE regress_hi_other;
RESET client_min_messages;
SET timezone = 'UTC';
CREATE SCHEMA hi;
GRANT USAGE ON SCHEMA hi, ecapi TO regress_hi_owner, regress_hi_other;
GRANT EXECUTE ON FUNCTION ecapi.history, ecapi.customer TO regress_hi_owner, regress_hi_other;
CREATE TABLE hi.orders (
    id integer PRIMARY KEY, gone text, buyer text, email text, phone text, total numeric, currency text,
    paid_at timestamptz, items jsonb);
ALTER TABLE hi.orders DROP COLUMN gone;
ALTER TABLE hi.orders OWNER TO regress_hi_owner;
SELECT ecapi.track('hi.orders', 'purchase', condition => 'total IS NOT NULL', mapping => '{
    "value": "CASE WHEN new.total = 13 THEN 1 / (new.total - 13) ELSE new.total END", "currency_code": "currency",
    "timestamp": "paid_at", "user_data.customer_identifier": "buyer", "user_data.email_address": "email",
    "user_data.phone_numbers": "phone", "user_data.address.country_code": "''de''", "properties.items": "items"}');

SET ecapi.capture = off;
INSERT INTO hi.orders VALUES
    (1, 'C-1', 'ann@example.com', NULL, 10.50, 'EUR', '2026-01-01 10:00', '[{"id": "a", "quantity": 2}, {"id": "b"}]'),
    (2, NULL, ' Ann@Example.COM', NULL, 20, 'eur', '2026-01-02', '[{"id": "a", "quantity": 0.5}]'),
    (3, 'n/a', 'none', '0711 1234567', 30, 'JPY', '2026-01-03', NULL),
    (4, NULL, NULL, NULL, 0, 'EUR', '2026-01-04', '[]'),
    (5, 'C-5', NULL, NULL, NULL, 'EUR', '2026-01-05', NULL),
    (6, 'C-6', NULL, NULL, 60, 'EUR', NULL, NULL),
    (7, 'C-7', NULL, NULL, 13, 'EUR', '2026-01-07', NULL),
    (8, 'C-8', NULL, NULL, 80, 'XXXX', '2026-01-08', NULL),
    (9, 'C-9', NULL, NULL, -9, 'EUR', '2026-01-09', NULL);
RESET ecapi.capture;

SET ROLE regress_hi_owner;
SELECT * FROM ecapi.history('hi.orders');
SELECT id FROM ecapi.history('hi.orders', 'purchase', since => '2026-01-02', until => '2026-01-04') WHERE problem IS NULL;
RESET ROLE;
SELECT count(*) FROM ecapi.outbox WHERE event->>'id' LIKE 'hi.orders:%';

-- Reads only.
BEGIN READ ONLY;
SELECT count(*) FROM ecapi.history('hi.orders');
COMMIT;

-- More rows than a page has.
SET ecapi.capture = off;
INSERT INTO hi.orders (id, buyer, total, currency, paid_at)
SELECT i, i % 7, i, 'EUR', timestamptz '2026-02-01' + i * interval '1 minute' FROM generate_series(100, 2599) i;
RESET ecapi.capture;
SELECT customer, count(*), sum(value) FROM ecapi.history('hi.orders', since => '2026-02-01') GROUP BY 1 ORDER BY 1;

-- Who is forgotten has no history, and what is cancelled is none.
SET client_min_messages = warning;
SELECT count(*) FROM ecapi.forget('C-1');
SELECT ecapi.cancel('hi.orders:2:purchase');
RESET client_min_messages;
SELECT id, problem IS NULL AS is_event FROM ecapi.history('hi.orders', until => '2026-01-05') ORDER BY 1;
DELETE FROM ecapi.cancellation WHERE id = 'hi.orders:2:purchase';
SELECT ecapi.remember('C-1');

-- Refused.
SET ROLE regress_hi_other;
SELECT * FROM ecapi.history('hi.orders');
RESET ROLE;
SELECT * FROM ecapi.history(NULL);
SELECT * FROM ecapi.history('hi.orders', 'purchse');
SELECT * FROM ecapi.history('hi.orders', since => '2026-01-02', until => '2026-01-01');
SELECT ecapi.track('hi.orders', 'refund', condition => 'new.total < old.total', mapping => '{
    "value": "total", "currency_code": "currency", "timestamp": "paid_at"}');
SELECT * FROM ecapi.history('hi.orders');
SELECT * FROM ecapi.history('hi.orders', 'refund');
SELECT ecapi.untrack('hi.orders', 'refund');
REVOKE EXECUTE ON FUNCTION ecapi.history, ecapi.customer FROM regress_hi_owner, regress_hi_other;
SET ROLE regress_hi_owner;
SELECT * FROM ecapi.history('hi.orders');
RESET ROLE;

-- The customer of an event: what is first in this order, and usable.
SELECT u, ecapi.customer(u::jsonb) AS customer, left(ecapi.customer(u::jsonb, true), 8) AS digest
FROM unnest(ARRAY['{"customer_identifier": "C-1", "uids": [{"id": "u"}], "email_address": ["ann@example.com"]}',
    '{"customer_identifier": "", "uids": [{"source": "x"}], "email_address": [" Ann@Example.com"]}',
    '{"uids": [{"id": "U-1", "source": "x"}], "phone_numbers": ["+49 711 1234567"]}',
    '{"phone_numbers": ["0711 1234567"], "address": [{"country_code": "de"}]}', '{"phone_numbers": ["0711 1234567"]}',
    '{"email_address": "ann@example.com"}', '{"customer_identifier": 7}', '{"email_address": []}', '{}', '[]', '1', NULL]) u;
SELECT ecapi.customer(jsonb_build_object('email_address', ecapi.digest('user_data.email_address', 'ann@example.com')))
    = ecapi.digest('user_data.email_address', 'Ann@example.com') AS digest_stands;
DROP SCHEMA hi CASCADE;
REVOKE USAGE ON SCHEMA ecapi FROM regress_hi_owner, regress_hi_other;
DROP ROLE regress_hi_owner, regress_hi_other;
