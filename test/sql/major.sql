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
