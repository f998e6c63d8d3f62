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

DROP SERVER opt_small CASCADE;
DROP SERVER opt_full CASCADE;
