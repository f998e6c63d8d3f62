--
-- ecapi.major(): an amount in minor units, in the currency's unit.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;

-- The currency's decimals, whatever scale the amount comes with.
SELECT amount, currency, ecapi.major(amount, currency)
FROM (VALUES (12990, 'EUR'), (12990.00, 'eur'), (12990.0000, 'USD'), (100, 'EUR'), (5, 'EUR'), (-1, 'EUR'), (0, 'EUR'),
    (500, 'JPY'), (500.00, 'JPY'), (1234567, 'KWD'), (1230000, 'TND'), (5, 'CLF')) v (amount, currency);

-- Parts of a minor unit are kept; nothing is rounded, however large.
SELECT ecapi.major(12990.5, 'EUR') AS half, ecapi.major(0.0001, 'EUR') AS tiny,
    ecapi.major(99999999999999999999999999999999999999999999999999, 'EUR') AS huge,
    ecapi.major('NaN', 'EUR') AS nan, ecapi.major('-Infinity', 'EUR') AS endless;
SELECT ecapi.major(NULL, 'EUR') IS NULL AS no_amount, ecapi.major(1, NULL) IS NULL AS no_currency;

-- Multiplied by its factor again every amount is what it was.
SELECT count(*) AS amounts, count(*) FILTER (WHERE ecapi.major(n, c) * f = n) AS exact,
    count(*) FILTER (WHERE scale(ecapi.major(n, c)) = length(f::text) - 1) AS with_their_decimals
FROM generate_series(-2000, 2000, 7) n, (VALUES ('EUR', 100), ('JPY', 1), ('KWD', 1000), ('CLF', 10000)) v (c, f);

-- Refused: no value is repeated unless it is close to a code.
SELECT ecapi.major(1, 'EURO');
SELECT ecapi.major(1, 'ann@example.com');
SELECT ecapi.major(1, '');
SELECT ecapi.major(1, 'XAU');

-- Fit for an expression index or a generated column; not for everybody.
SELECT provolatile, proisstrict, proparallel FROM pg_proc WHERE oid = 'ecapi.major(numeric,text)'::regprocedure;
CREATE ROLE regress_ecapi_nobody;
SELECT has_function_privilege('regress_ecapi_nobody', 'ecapi.major(numeric,text)', 'EXECUTE');
DROP ROLE regress_ecapi_nobody;

-- It is ours, so it runs on a superuser's table, as it is and no other of its name.
SET client_min_messages = warning;
CREATE TABLE major_orders (id int PRIMARY KEY, cents int, currency text);
SELECT ecapi.track('major_orders', 'purchase', '{"value": "ecapi.major(new.cents, new.currency)", "currency_code": "currency"}');
INSERT INTO major_orders VALUES (1, 12990, 'EUR'), (2, 500, 'JPY');
SELECT event ->> 'id' AS id, event ->> 'value' AS value FROM ecapi.outbox WHERE event ->> 'id' LIKE 'major_orders:%' ORDER BY seq;
SELECT name, problem FROM ecapi.track WHERE relation = 'major_orders'::regclass;
\set SHOW_CONTEXT never
SELECT ecapi.track('major_orders', 'login', '{"ext.w": "(ecapi.worker()).state"}');
SELECT ecapi.track('major_orders', 'login', '{"ext.v": "ecapi.digest(''email_address'', new.currency)"}');
CREATE ROLE regress_ecapi_major;
GRANT USAGE, CREATE ON SCHEMA ecapi TO regress_ecapi_major;
CREATE SCHEMA major_of AUTHORIZATION regress_ecapi_major;
SET ROLE regress_ecapi_major;
CREATE FUNCTION major_of.tells(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'runs as %', current_user; RETURN true; END $$;
CREATE DOMAIN major_of.evil AS int CHECK (major_of.tells(VALUE));
CREATE FUNCTION ecapi.major(major_of.evil[]) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT 1.0 $$;
RESET ROLE;
SET client_min_messages = notice;
SELECT ecapi.track('major_orders', 'login', '{"value": "ecapi.major(''{1}'')", "currency_code": "currency"}');
SELECT ecapi.track('major_orders', 'login', '{"value": "ecapi.major(new.cents, new.currency)", "currency_code": "currency"}');
INSERT INTO major_orders VALUES (3, 1, 'EUR');
SELECT source, reason, sqlstate FROM ecapi.failed_event WHERE relation = 'major_orders'::regclass;
SET client_min_messages = warning;
DELETE FROM ecapi.failed_event WHERE relation = 'major_orders'::regclass;
DROP TABLE major_orders;
DROP FUNCTION ecapi.major(major_of.evil[]);
DROP SCHEMA major_of CASCADE;
DROP OWNED BY regress_ecapi_major;
DROP ROLE regress_ecapi_major;
