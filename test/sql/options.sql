--
-- The options of servers and user mappings: what the validator takes, and
-- what it says to what it does not take.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;

-- The smallest one, and one with everything.
CREATE SERVER opt_small FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://events.example.com/v1');
CREATE SERVER opt_full FOREIGN DATA WRAPPER ecapi
    OPTIONS (format 'ecapi', url 'http://127.0.0.1:8080/in?source=shop', data_set_id '1234567890',
             event_types 'purchase, subscribe ,refund', batch_size '500', batch_wrapper 'events',
             linger '200ms', max_in_flight '8', timeout '10s', max_age '7d', ca_file 'ca.pem', mode 'shadow');
ALTER SERVER opt_full OPTIONS (SET linger '250', SET batch_wrapper 'array', DROP ca_file, SET mode 'live');
SELECT srvname, array_remove(srvoptions, (SELECT o FROM unnest(srvoptions) o WHERE o ~ '^origin=\d+/\d+$')) AS srvoptions FROM pg_foreign_server WHERE srvname LIKE 'opt%' ORDER BY 1;

-- Credentials.
CREATE USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (access_token_file 'small.token');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (ADD header 'X-Api-Key: 0123456789');
CREATE USER MAPPING FOR PUBLIC SERVER opt_full OPTIONS (header_file 'full.header');

-- Names.
ALTER SERVER opt_small OPTIONS (ADD batch_sice '10');
ALTER SERVER opt_small OPTIONS (ADD xyzzy '10');
ALTER SERVER opt_small OPTIONS (ADD access_token 'sesame-open');
ALTER SERVER opt_small OPTIONS (ADD user 'ann');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (ADD acces_token 'sesame-open');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (ADD url 'https://ann:sesame-open@example.com');
ALTER FOREIGN DATA WRAPPER ecapi OPTIONS (ADD url 'https://example.com');
CREATE FOREIGN TABLE opt_table (a int) SERVER opt_small;

-- The error codes, for those who program against them.
\set VERBOSITY sqlstate
ALTER SERVER opt_small OPTIONS (ADD batch_sice '10');
ALTER SERVER opt_small OPTIONS (ADD batch_size '0');
ALTER SERVER opt_small OPTIONS (DROP url);
CREATE FOREIGN TABLE opt_table (a int) SERVER opt_small;
\set VERBOSITY default

-- A receiver is needed.
CREATE SERVER opt_none FOREIGN DATA WRAPPER ecapi;
CREATE SERVER opt_none FOREIGN DATA WRAPPER ecapi OPTIONS (mode 'shadow');
ALTER SERVER opt_small OPTIONS (DROP url);

-- Values.
ALTER SERVER opt_small OPTIONS (ADD format 'ecap');
ALTER SERVER opt_small OPTIONS (ADD format 'parquet');
ALTER SERVER opt_small OPTIONS (ADD mode 'shaddow');
ALTER SERVER opt_small OPTIONS (ADD mode 'test');
ALTER SERVER opt_small OPTIONS (ADD event_types 'purchase, subscibe');
ALTER SERVER opt_small OPTIONS (ADD event_types 'purchase, frobnicate');
ALTER SERVER opt_small OPTIONS (ADD event_types 'purchase=7001');
ALTER SERVER opt_small OPTIONS (ADD event_types 'purchase,');
ALTER SERVER opt_small OPTIONS (ADD event_types '');
ALTER SERVER opt_small OPTIONS (ADD batch_size '0');
ALTER SERVER opt_small OPTIONS (ADD batch_size '10001');
ALTER SERVER opt_small OPTIONS (ADD batch_size 'many');
ALTER SERVER opt_small OPTIONS (ADD batch_wrapper 'my events');
ALTER SERVER opt_small OPTIONS (ADD batch_wrapper '');
ALTER SERVER opt_small OPTIONS (ADD linger '5 parsecs');
ALTER SERVER opt_small OPTIONS (ADD linger '-1');
ALTER SERVER opt_small OPTIONS (ADD linger '2h');
ALTER SERVER opt_small OPTIONS (ADD timeout '99');
ALTER SERVER opt_small OPTIONS (ADD timeout '11min');
ALTER SERVER opt_small OPTIONS (ADD max_age '7 weeks');
ALTER SERVER opt_small OPTIONS (ADD max_age '-1s');
ALTER SERVER opt_small OPTIONS (ADD max_age '3651d');
ALTER SERVER opt_small OPTIONS (ADD max_age '3650d');
ALTER SERVER opt_small OPTIONS (SET max_age '0');
ALTER SERVER opt_small OPTIONS (DROP max_age);
ALTER SERVER opt_small OPTIONS (ADD max_in_flight '0');
ALTER SERVER opt_small OPTIONS (ADD max_in_flight '33');
ALTER SERVER opt_small OPTIONS (ADD ca_file '/etc/ssl/ca.pem');
ALTER SERVER opt_small OPTIONS (ADD ca_file '..');
ALTER SERVER opt_small OPTIONS (ADD ca_file '');
ALTER SERVER opt_small OPTIONS (ADD data_set_id '');
ALTER SERVER opt_small OPTIONS (ADD data_set_id E'one\ntwo');

-- URLs; none is repeated in the answer.
ALTER SERVER opt_small OPTIONS (SET url 'http://events.example.com/v1');
ALTER SERVER opt_small OPTIONS (SET url 'http://127.0.0.1.example.com/');
ALTER SERVER opt_small OPTIONS (SET url 'http://localhost@example.com/');
ALTER SERVER opt_small OPTIONS (SET url 'https://ann:sesame-open@example.com/');
ALTER SERVER opt_small OPTIONS (SET url 'https://example.com/?access_token=sesame-open');
ALTER SERVER opt_small OPTIONS (SET url 'https://example.com/?a=1&X-Amz-Signature=sesame-open');
ALTER SERVER opt_small OPTIONS (SET url 'ftp://example.com/');
ALTER SERVER opt_small OPTIONS (SET url 'file:///etc/passwd');
ALTER SERVER opt_small OPTIONS (SET url 'example.com');
ALTER SERVER opt_small OPTIONS (SET url '');
ALTER SERVER opt_small OPTIONS (SET url 'https://');
ALTER SERVER opt_small OPTIONS (SET url 'https://example.com:0/');
ALTER SERVER opt_small OPTIONS (SET url 'https://example.com:99999/');
ALTER SERVER opt_small OPTIONS (SET url 'https://example.com:8080x/');
ALTER SERVER opt_small OPTIONS (SET url 'https://exa mple.com/');
ALTER SERVER opt_small OPTIONS (SET url E'https://example.com/\r\nX-Evil: 1');
ALTER SERVER opt_small OPTIONS (SET url 'https://[::1/');
ALTER SERVER opt_small OPTIONS (SET url 'https://example.com/#part');
ALTER SERVER opt_small OPTIONS (SET url 'http://[::1]:8080/');
ALTER SERVER opt_small OPTIONS (SET url 'HTTP://LOCALHOST/');
ALTER SERVER opt_small OPTIONS (SET url 'https://events.example.com:8443/v1?source=shop&version=2');

-- Credentials that cannot be used, or not together; none is repeated.
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (ADD access_token 'sesame-open');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (ADD header_file 'other.header');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (SET header 'Authorization: Basic c2VzYW1lLW9wZW4=');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (SET header E'X-Api-Key: sesame-open\r\nX-Evil: 1');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (SET header 'sesame-open');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (SET header 'X Api Key: sesame-open');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (SET header 'X-Api-Key: ');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (SET header 'content-length: 5');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (SET access_token_file '../../etc/passwd');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (SET access_token_file '.hidden');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (DROP access_token_file, ADD access_token 'sesame open');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (DROP access_token_file, ADD access_token E'sesame\nopen');
ALTER USER MAPPING FOR PUBLIC SERVER opt_small OPTIONS (DROP access_token_file, SET header 'Authorization: Basic c2VzYW1lLW9wZW4=');

-- Which events: everything, then each mistake.
CREATE SCHEMA shop;
CREATE SCHEMA "My Schema";
CREATE FUNCTION shop.margin(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql
    AS $$SELECT seq, jsonb_build_object('value', 1) FROM unnest(page)$$;
CREATE FUNCTION "My Schema".segments(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql
    AS $$SELECT seq, jsonb_build_object('value', 1) FROM unnest(page)$$;
CREATE ROLE opt_author;
GRANT USAGE ON SCHEMA shop, "My Schema" TO opt_author;
ALTER FUNCTION shop.margin OWNER TO opt_author;
ALTER FUNCTION "My Schema".segments OWNER TO opt_author;
CREATE SERVER opt_routed FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'https://events.example.com/', event_types 'purchase,refund', route 'de', filter $$value > 10 AND source = 'website'$$,
             consent 'required', sample '12.5%', delay '30min', enrich 'shop.margin, "My Schema".segments', enrich_on_error 'skip',
             value_field 'properties.ext.margin', value_factor '0.7', mmt_only 'on',
             anonymize 'ip, timestamp ,user_agent,postal_code', fields 'value, user_data.email_address, properties.items.id, ext.a.b');
ALTER SERVER opt_routed OPTIONS (SET consent 'if_present', SET sample '1', SET delay '0', SET mmt_only 'false', SET value_field 'value',
    DROP fields, ADD redact 'user_data.address.city, properties.items, user_data.ext.foo.bar, ext');
SELECT array_remove(srvoptions, (SELECT o FROM unnest(srvoptions) o WHERE o ~ '^origin=\d+/\d+$')) AS srvoptions FROM pg_foreign_server WHERE srvname = 'opt_routed';
ALTER SERVER opt_small OPTIONS (ADD route '');
ALTER SERVER opt_small OPTIONS (ADD route E'de\tat');
ALTER SERVER opt_small OPTIONS (ADD filter '');
ALTER SERVER opt_small OPTIONS (ADD filter E' \n');
\set VERBOSITY terse
DO $$ BEGIN EXECUTE format('ALTER SERVER opt_small OPTIONS (ADD filter %L)', repeat('x', 8193)); END $$;
\set VERBOSITY default
ALTER SERVER opt_small OPTIONS (ADD consent 'yes');
ALTER SERVER opt_small OPTIONS (ADD consent 'if-present');
ALTER SERVER opt_small OPTIONS (ADD sample '0');
ALTER SERVER opt_small OPTIONS (ADD sample '1.01');
ALTER SERVER opt_small OPTIONS (ADD sample '101%');
ALTER SERVER opt_small OPTIONS (ADD sample '%');
ALTER SERVER opt_small OPTIONS (ADD sample '25 %');
ALTER SERVER opt_small OPTIONS (ADD sample 'nan');
ALTER SERVER opt_small OPTIONS (ADD delay '8d');
ALTER SERVER opt_small OPTIONS (ADD delay '-1');
ALTER SERVER opt_small OPTIONS (ADD delay '1h', ADD max_age '1h');
ALTER SERVER opt_small OPTIONS (ADD enrich 'margin');
ALTER SERVER opt_small OPTIONS (ADD enrich 'shop.margin, segments');
ALTER SERVER opt_small OPTIONS (ADD enrich 'shop.margin,');
ALTER SERVER opt_small OPTIONS (ADD enrich '');
ALTER SERVER opt_small OPTIONS (ADD enrich 'shop.margin()');
ALTER SERVER opt_small OPTIONS (ADD enrich 'shop.margin; DROP TABLE t');
ALTER SERVER opt_small OPTIONS (ADD enrich 'shop."margin');
ALTER SERVER opt_small OPTIONS (ADD enrich 'db.shop.margin');
ALTER SERVER opt_small OPTIONS (ADD enrich 'a.b,a.b,a.b,a.b,a.b,a.b,a.b,a.b,a.b,a.b,a.b,a.b,a.b,a.b,a.b,a.b,a.b');
ALTER SERVER opt_small OPTIONS (ADD enrich_on_error 'wait');
ALTER SERVER opt_small OPTIONS (ADD enrich_on_error 'skipp');

-- What of them leaves.
ALTER SERVER opt_small OPTIONS (ADD value_field 'margin');
ALTER SERVER opt_small OPTIONS (ADD value_field 'properties.items.price');
ALTER SERVER opt_small OPTIONS (ADD value_field 'currency_code');
ALTER SERVER opt_small OPTIONS (ADD value_field 'timestamp');
ALTER SERVER opt_small OPTIONS (ADD value_field 'ext');
ALTER SERVER opt_small OPTIONS (ADD value_factor '0');
ALTER SERVER opt_small OPTIONS (ADD value_factor '-1');
ALTER SERVER opt_small OPTIONS (ADD value_factor '1e3');
ALTER SERVER opt_small OPTIONS (ADD value_factor '1000000.1');
ALTER SERVER opt_small OPTIONS (ADD value_digits 'cents');
ALTER SERVER opt_small OPTIONS (ADD value_digits '7');
ALTER SERVER opt_small OPTIONS (ADD value_digits 'currency');
ALTER SERVER opt_small OPTIONS (SET value_digits '0');
ALTER SERVER opt_small OPTIONS (DROP value_digits);
ALTER SERVER opt_small OPTIONS (ADD mmt_only 'always');
ALTER SERVER opt_small OPTIONS (ADD anonymize 'ip, useragent');
ALTER SERVER opt_small OPTIONS (ADD anonymize 'name');
ALTER SERVER opt_small OPTIONS (ADD anonymize '');
ALTER SERVER opt_small OPTIONS (ADD fields 'user_data.emial_address');
ALTER SERVER opt_small OPTIONS (ADD fields 'email_address');
ALTER SERVER opt_small OPTIONS (ADD fields 'item.price');
ALTER SERVER opt_small OPTIONS (ADD fields 'value,,currency_code');
ALTER SERVER opt_small OPTIONS (ADD redact 'margin');
ALTER SERVER opt_small OPTIONS (ADD redact 'properties.items[0].price');
ALTER SERVER opt_small OPTIONS (ADD redact 'user_data.email_address.domain');
ALTER SERVER opt_small OPTIONS (ADD redact 'user_data.ext.');
ALTER SERVER opt_small OPTIONS (ADD redact 'user_data, timestamp');
ALTER SERVER opt_small OPTIONS (ADD redact 'id');
ALTER SERVER opt_small OPTIONS (ADD redact 'currency_code');
ALTER SERVER opt_small OPTIONS (ADD redact 'user_data.mmt_only');
ALTER SERVER opt_small OPTIONS (ADD redact 'user_data', ADD mmt_only 'true');
ALTER SERVER opt_small OPTIONS (ADD redact 'user_data', ADD fields 'value');

-- Test mode needs a place for tests.
ALTER SERVER opt_small OPTIONS (ADD test_url 'http://events.example.com/test');
ALTER SERVER opt_small OPTIONS (ADD mode 'test', ADD test_url 'https://test.example.com/v1');
ALTER SERVER opt_small OPTIONS (DROP test_url);
ALTER SERVER opt_small OPTIONS (DROP test_url, SET mode 'live');

DROP SERVER opt_routed;
DROP FUNCTION shop.margin, "My Schema".segments;
DROP SCHEMA shop, "My Schema";
DROP ROLE opt_author;
DROP SERVER opt_small CASCADE;
DROP SERVER opt_full CASCADE;
