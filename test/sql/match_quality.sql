--
-- ecapi.match_quality(): which identifiers events carry, what was left out and why, and the
-- lines of a mapping that would help.  Which identifiers each platform takes is a matter of
-- test/unit/test_matched.c.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_ecapi_mq;
CREATE SCHEMA mq;
RESET client_min_messages;

-- Events of other tests come before this.
SELECT clock_timestamp() AS began \gset

CREATE SERVER mq FOREIGN DATA WRAPPER ecapi
    OPTIONS (format 'meta', data_set_id '1', mode 'shadow', event_types 'purchase, generate_lead', gpp 'ignore');
\set VERBOSITY terse
SELECT * FROM ecapi.match_quality('mq', :'began');
\set VERBOSITY default

CREATE TABLE mq."o'rder<s>" (id int PRIMARY KEY, total numeric, customer_email text, customer_phone text, ip_address text);
SELECT ecapi.track('mq."o''rder<s>"', 'purchase', '{"value": "total", "currency_code": "''EUR''"}') IS NOT NULL AS tracked;
SELECT count(ecapi_emit('purchase', value => 1, currency_code => 'EUR', user_data => u::jsonb))
FROM (VALUES ('{"email_address": "ann@example.com", "phone_numbers": "030 1234567"}'),
    ('{"email_address": "bob@example.com", "phone_numbers": "+49 30 1234567", "ext": {"click_ids": {"fbclid": "AbC", "fbc": "fb.1.1789999000000.AbC"}}}'),
    ('{"email_address": "not an address", "phone_numbers": "+49 30 1234567"}'),
    ('{"email_address": "cy@example.com", "gender": "f", "address": {"first_name": "Cy", "last_name": "Doe"}}'),
    ('{"address": {"city": "Berlin"}}')) v (u);
INSERT INTO mq."o'rder<s>" SELECT i, i FROM generate_series(1, 5) i;
SELECT ecapi_emit('sign_up', user_data => '{"email_address": "ann@example.com"}'::jsonb) IS NOT NULL AS emitted;

SELECT event_type, identifier, events, carried, share, left_out, reason, identifiers, score, gain
FROM ecapi.match_quality('mq', :'began', clock_timestamp());
SELECT identifier, gain, advice FROM ecapi.match_quality('mq', :'began', clock_timestamp())
WHERE advice IS NOT NULL ORDER BY gain DESC NULLS FIRST, identifier;

-- What is consented to, and what options take out.
BEGIN;
ALTER SERVER mq OPTIONS (ADD redact 'user_data.phone_numbers, user_data.address');
SELECT identifier, carried, left_out, reason FROM ecapi.match_quality('mq', :'began', clock_timestamp()) WHERE left_out > 0;
ROLLBACK;
BEGIN;
ALTER SERVER mq OPTIONS (ADD consent 'required');
SELECT event_type, identifier, events, left_out, reason, score FROM ecapi.match_quality('mq', :'began', clock_timestamp());
ROLLBACK;

-- A sample, and spans beyond all there is.
SELECT events BETWEEN 1 AND 3 AS few FROM ecapi.match_quality('mq', :'began', clock_timestamp(), 3) WHERE identifier IS NULL;
SELECT events >= 10 AS all_of_them FROM ecapi.match_quality('mq', now() - interval '10 years', now() + interval '10 years') WHERE identifier IS NULL AND event_type = 'purchase';
SELECT events >= 10 AS all_of_them FROM ecapi.match_quality('mq', '-infinity', 'infinity') WHERE identifier IS NULL AND event_type = 'purchase';

-- No value of a person is in it.
SELECT count(*) FROM ecapi.match_quality('mq', :'began', clock_timestamp()) q WHERE q::text ~ 'ann|bob|1234567|Berlin|AbC';

-- Names with anything in them.
SET client_min_messages = warning;
ALTER SERVER mq RENAME TO "m""q'<script>";
RESET client_min_messages;
SELECT events FROM ecapi.match_quality('m"q''<script>', :'began', clock_timestamp()) WHERE identifier IS NULL;
ALTER SERVER "m""q'<script>" RENAME TO mq;

-- What is refused.
SELECT ecapi.match_quality('mqq');
SELECT ecapi.match_quality(NULL);
SELECT ecapi.match_quality('mq', NULL);
SELECT ecapi.match_quality('mq', now(), now());
SELECT ecapi.match_quality('mq', sample => 0);
GRANT USAGE ON SCHEMA ecapi TO regress_ecapi_mq;
SET ROLE regress_ecapi_mq;
SELECT ecapi.match_quality('mq');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ecapi.match_quality TO regress_ecapi_mq;
SET ROLE regress_ecapi_mq;
SELECT ecapi.match_quality('mq');
RESET ROLE;

SET client_min_messages = warning;
DROP SERVER mq CASCADE;
DROP SCHEMA mq CASCADE;
REVOKE ALL ON SCHEMA ecapi FROM regress_ecapi_mq;
REVOKE ALL ON FUNCTION ecapi.match_quality FROM regress_ecapi_mq;
DROP ROLE regress_ecapi_mq;
