--
-- Tracks: what ecapi.track() makes and refuses, and what DDL does to them.  Errors
-- are shown with their CONTEXT, in which nothing is ours.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_ecapi_shop;
CREATE ROLE regress_ecapi_clerk;
GRANT USAGE ON SCHEMA ecapi TO regress_ecapi_shop, regress_ecapi_clerk;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture TO regress_ecapi_shop, regress_ecapi_clerk;
CREATE SCHEMA shop AUTHORIZATION regress_ecapi_shop;
GRANT USAGE ON SCHEMA shop TO regress_ecapi_clerk;
RESET client_min_messages;

-- What is declared, shortly: everything but the mapping.
CREATE FUNCTION tracks() RETURNS TABLE (relation regclass, name text, event_type text,
    condition text, on_change text[], at_commit boolean, on_error text,
    set_wise boolean, always boolean, enabled boolean, problem text)
LANGUAGE sql AS $$
    SELECT relation, name, event_type, condition, on_change, at_commit, on_error,
        set_wise, always, enabled, problem
    FROM ecapi.track ORDER BY relation::text, name
$$;
-- The triggers, without their argument.
CREATE FUNCTION triggers(OUT trigger text) RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT regexp_replace(pg_get_triggerdef(oid), '\(.*', '') FROM pg_trigger
    WHERE tgfoid = 'ecapi.capture'::regproc
    ORDER BY tgrelid::regclass::text COLLATE "C", tgname
$$;

SET ROLE regress_ecapi_shop;
CREATE TABLE shop.customers (id bigint PRIMARY KEY, email text, name text, country text);
CREATE TABLE shop.orders (
    id bigint PRIMARY KEY,
    customer_id bigint REFERENCES shop.customers,
    status text,
    total numeric,
    refunded numeric,
    currency text,
    created_at timestamptz,
    local_time timestamp,
    note jsonb);

--
-- What is made: the trigger's kind follows from what is asked for.
--
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "total", "currency_code": "currency"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "total", "currency_code": "currency"}',
    name => 'paid', condition => $$status = 'paid'$$);
SELECT ecapi.track('shop.orders', 'refund', '{"value": "refunded", "currency_code": "currency"}',
    on_change => '{refunded}');
SELECT ecapi.track('shop.orders', 'add_to_cart', '{"value": "total", "currency_code": "currency"}',
    at_commit => true, on_error => 'raise');
SELECT ecapi.track('shop.orders', 'login', '{"user_data.email_address": "customer_id.email"}', always => true);
RESET ROLE;
SELECT * FROM tracks();
SELECT * FROM triggers();
SELECT name, mapping FROM ecapi.track WHERE name = 'login';
-- those who watch the server may look
SET ROLE pg_monitor;
SELECT count(*), count(problem) FROM ecapi.track;
RESET ROLE;
SET ROLE regress_ecapi_shop;

-- Declared again: replaced, whatever kind it was; a disabled one is enabled.
ALTER TABLE shop.orders DISABLE TRIGGER ecapi_login;
RESET ROLE;
SELECT name, enabled, always FROM ecapi.track WHERE NOT enabled;
SELECT severity, what, what_to_do FROM ecapi.check() WHERE what LIKE 'track%';
SET ROLE regress_ecapi_shop;
SELECT ecapi.track('shop.orders', 'login', '{"user_data.email_address": "customer_id.email"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "total", "currency_code": "currency"}', always => true);
SELECT ecapi.track('shop.orders', 'refund', '{"value": "refunded", "currency_code": "currency"}');
SELECT ecapi.track('shop.orders', 'add_to_cart', '{"value": "total", "currency_code": "currency"}',
    condition => 'total > 0', on_change => '{status,total}');
RESET ROLE;
SELECT * FROM tracks();
SELECT * FROM triggers();
SET ROLE regress_ecapi_shop;

--
-- Ended: by event type or name.
--
SELECT ecapi.untrack('shop.orders', 'purchase', 'paid');
SELECT ecapi.untrack('shop.orders', 'refund');
SELECT ecapi.untrack('shop.orders', name => 'add_to_cart');
SELECT ecapi.untrack('shop.orders', 'purchas');
SELECT ecapi.untrack('shop.orders', name => 'xyzzy');
SELECT ecapi.untrack('shop.customers', 'purchase');
SELECT ecapi.untrack('shop.orders', name => 'ecapi_purchase');
-- without more, the only one
BEGIN;
SELECT ecapi.untrack('shop.orders');
SELECT ecapi.untrack('shop.orders');
ROLLBACK;
BEGIN;
SELECT ecapi.track('shop.orders', 'sign_up', '{}');
SELECT ecapi.untrack('shop.orders');
ROLLBACK;
-- A trigger may be renamed; the track is then called as the trigger is.
ALTER TRIGGER ecapi_login ON shop.orders RENAME TO signed_in;
RESET ROLE;
SELECT name, trigger FROM ecapi.track;
SET ROLE regress_ecapi_shop;
SELECT ecapi.untrack('shop.orders', 'login', 'signed_in');
RESET ROLE;
SELECT count(*) FROM ecapi.track;
SET ROLE regress_ecapi_shop;

--
-- What is refused: arguments.
--
SELECT ecapi.track(NULL, 'purchase');
SELECT ecapi.track('shop.orders', NULL);
SELECT ecapi.track(1::oid::regclass, 'purchase');
SELECT ecapi.track('shop.orders', 'purchse', '{}');
SELECT ecapi.track('shop.orders', 'purchase', '[]');
SELECT ecapi.track('shop.orders', 'purchase', '"total"');
SELECT ecapi.track('shop.orders', 'purchase', '{"valeu": "total"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "totl", "currency_code": "currency"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"value": {"a": 1}}');
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "total"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"timestamp": "local_time"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"user_data.email_address": "customer_id.emial"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"user_data.email_address": "total.email"}');
SELECT ecapi.track('shop.orders', 'purchase', '{}', condition => '');
SELECT ecapi.track('shop.orders', 'purchase', '{}', condition => 'statsu = 1');
SELECT ecapi.track('shop.orders', 'purchase', '{}', condition => 'total');
-- a join that is stated where there is no foreign key
RESET ROLE;
CREATE SCHEMA joined AUTHORIZATION regress_ecapi_shop;
SET ROLE regress_ecapi_shop;
CREATE TABLE joined.people (record int PRIMARY KEY, id varchar(36) UNIQUE, email text, address int);
CREATE TABLE joined.addresses (id bigint PRIMARY KEY, city text, code text UNIQUE, other text UNIQUE);
CREATE TABLE joined.bare (id int, email text);
CREATE UNIQUE INDEX ON joined.bare (id);
CREATE VIEW joined.seen AS SELECT * FROM joined.people;
CREATE TABLE joined.orders (id int PRIMARY KEY, person varchar(36), person_no int, code text, at date);
SELECT ecapi.track('joined.orders', 'login', mapping => '{"user_data.email_address": "person->joined.people.email",
    "ext.by_number": "person_no -> joined.people.email", "user_data.address.city": "person->joined.people.address->joined.addresses.city"}');
INSERT INTO joined.addresses VALUES (7, 'Springfield', 'S', 's');
INSERT INTO joined.people VALUES (1, 'x-1', 'ann@example.com', 7), (2, 'x-2', 'bob@example.com', NULL);
INSERT INTO joined.orders VALUES (1, 'x-1', 2), (2, 'x-2', 1), (3, 'nobody', NULL), (4, NULL, NULL);
RESET ROLE;
SELECT event->>'id' AS id, event#>>'{user_data,email_address,0}' AS email, event#>>'{user_data,address,0,city}' AS city, event#>>'{ext,by_number}' AS by_number
FROM ecapi.outbox WHERE event->>'id' LIKE 'joined.%' ORDER BY seq;
-- what is no join
SET ROLE regress_ecapi_shop;
SELECT ecapi.track('joined.orders', 'contact', mapping => '{"ext.x": "code->joined.addresses.city"}');
SELECT ecapi.track('joined.orders', 'contact', mapping => '{"ext.x": "at->joined.addresses.city"}');
SELECT ecapi.track('joined.orders', 'contact', mapping => '{"ext.x": "person_no->joined.bare.email"}');
SELECT ecapi.track('joined.orders', 'contact', mapping => '{"ext.x": "person->joined.seen.email"}');
SELECT ecapi.track('joined.orders', 'contact', mapping => '{"ext.x": "person->joined.nothing.email"}');
SELECT ecapi.track('joined.orders', 'contact', mapping => '{"ext.x": "person->joined.people.emial"}');
SELECT ecapi.track('joined.orders', 'contact', mapping => '{"ext.x": "person->people.email"}');
SELECT ecapi.track('joined.orders', 'contact', mapping => '{"ext.x": "persn->joined.people.email"}');
RESET ROLE;
-- by the owner's rights: not into what the owner may not read, nor from a superuser's table into another's
CREATE TABLE joined.hidden (id int PRIMARY KEY, email text);
CREATE TABLE joined.ours (id int PRIMARY KEY);
SET ROLE regress_ecapi_shop;
SELECT ecapi.track('joined.orders', 'contact', mapping => '{"ext.x": "person_no->joined.hidden.email"}');
RESET ROLE;
GRANT SELECT (email) ON joined.hidden TO regress_ecapi_shop;
SET ROLE regress_ecapi_shop;
SELECT ecapi.track('joined.orders', 'contact', mapping => '{"ext.x": "person_no->joined.hidden.email"}');
RESET ROLE;
SELECT ecapi.track('joined.ours', 'contact', mapping => '{"ext.x": "id->joined.people.email"}');
SELECT ecapi.track('joined.orders', 'contact', mapping => ('{"ext.x": [1' || repeat(',1e131000', 9000) || ']}')::jsonb);
-- DDL is followed or refused, as by foreign keys
ALTER TABLE joined.people RENAME email TO mail;
ALTER TABLE joined.people RENAME address TO "Address";
ALTER TABLE joined.orders RENAME person TO who;
SELECT mapping FROM ecapi.track WHERE relation = 'joined.orders'::regclass;
ALTER TABLE joined.people DROP CONSTRAINT people_id_key;
DROP VIEW joined.seen;
ALTER TABLE joined.people DROP mail;
ALTER TABLE joined.people RENAME TO persons;
ALTER TABLE joined.addresses ALTER id TYPE text;
ALTER TABLE joined.addresses DROP CONSTRAINT addresses_code_key;
INSERT INTO joined.orders VALUES (5, 'x-1', 2);
SELECT event#>>'{user_data,email_address,0}' AS email, event#>>'{user_data,address,0,city}' AS city
FROM ecapi.outbox WHERE event->>'id' LIKE 'joined.orders:5:%' ORDER BY seq;
SET client_min_messages = warning;
DROP SCHEMA joined CASCADE;
RESET client_min_messages;
SET ROLE regress_ecapi_shop;

-- near misses: a text without quotes, a field without its path, other platforms' names, what the table has no column for
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "total", "currency_code": "EUR"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"source": "website"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"source": "our web shop"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"source": "curency"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"email_address": "customer_id.email"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"email": "customer_id.email"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"user_data.city": "customer_id.email"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"transaction_id": "id"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"event_time": "id"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"user_data.gclid": "id"}');
SELECT ecapi.track('shop.orders', 'purchase', '{}', condition => 'currency');
SELECT ecapi.track('shop.orders', 'purchase', '{}', condition => 'now()');
SELECT ecapi.track('shop.orders', 'purchase', '{}', on_change => '{}');
SELECT ecapi.track('shop.orders', 'purchase', '{}', on_change => ARRAY[NULL]);
SELECT ecapi.track('shop.orders', 'purchase', '{}', on_change => '{{a,b},{c,d}}');
SELECT ecapi.track('shop.orders', 'purchase', '{}', on_change => '{statsu}');
SELECT ecapi.track('shop.orders', 'purchase', '{}', on_error => 'ignore');
SELECT ecapi.track('shop.orders', 'purchase', '{}', name => '');
SELECT ecapi.track('shop.orders', 'purchase', '{}', name => repeat('x', 58));
-- volatile, sets, and sub-selects that do not look at the row
SELECT ecapi.track('shop.orders', 'purchase', '{"ext.x": "random()"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"ext.x": "generate_series(1, new.id)"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"ext.x": "(SELECT email FROM shop.customers WHERE id = id)"}');
SELECT ecapi.track('shop.orders', 'purchase', '{"ext.x": "new.total +"}');

--
-- What is refused: relations.
--
CREATE TABLE shop.no_key (a int);
SELECT ecapi.track('shop.no_key', 'login', '{}');
SELECT ecapi.track('shop.no_key', 'login', '{"id": "a"}');
CREATE VIEW shop.a_view AS SELECT * FROM shop.orders;
SELECT ecapi.track('shop.a_view', 'login', '{}');
CREATE MATERIALIZED VIEW shop.a_matview AS SELECT 1 AS id;
SELECT ecapi.track('shop.a_matview', 'login', '{}');
CREATE SEQUENCE shop.a_sequence;
SELECT ecapi.track('shop.a_sequence', 'login', '{}');
CREATE TYPE shop.a_type AS (a int);
SELECT ecapi.track('shop.a_type', 'login', '{}');
SELECT ecapi.track('shop.orders_pkey', 'login', '{}');
SELECT ecapi.track('pg_class', 'login', '{}');
RESET ROLE;
SELECT ecapi.track('pg_class', 'login', '{}');
SELECT ecapi.track('ecapi.failed_event', 'login', '{}');
CREATE FOREIGN DATA WRAPPER track_other;
CREATE SERVER track_foreign FOREIGN DATA WRAPPER track_other;
CREATE FOREIGN TABLE a_foreign (id int) SERVER track_foreign;
SELECT ecapi.track('a_foreign', 'login', '{}');
DROP FOREIGN DATA WRAPPER track_other CASCADE;
-- somebody else's table, with every privilege on it
GRANT ALL ON shop.orders TO regress_ecapi_clerk;
SET ROLE regress_ecapi_clerk;
SELECT ecapi.track('shop.orders', 'login', '{}');
SELECT ecapi.untrack('shop.orders', 'login');
CREATE TRIGGER mine AFTER INSERT ON shop.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
-- a temporary table is no different, for as long as it lives
CREATE TEMPORARY TABLE mine (id int PRIMARY KEY);
SELECT ecapi.track('mine', 'login', '{}');
DROP TABLE mine;
RESET ROLE;

--
-- Triggers made by hand: held to the same rules.
--
SET ROLE regress_ecapi_shop;
CREATE TRIGGER hand AFTER INSERT ON shop.orders REFERENCING NEW TABLE AS n FOR EACH STATEMENT
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
CREATE OR REPLACE TRIGGER hand AFTER INSERT OR UPDATE ON shop.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login", "condition": "total > 0"}');
DROP TRIGGER hand ON shop.orders;
CREATE TRIGGER hand BEFORE INSERT ON shop.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
CREATE TRIGGER hand INSTEAD OF INSERT ON shop.a_view FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
CREATE CONSTRAINT TRIGGER hand AFTER INSERT ON shop.orders DEFERRABLE FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
CREATE TRIGGER hand AFTER TRUNCATE ON shop.orders FOR EACH STATEMENT
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
CREATE TRIGGER hand AFTER INSERT ON shop.orders FOR EACH STATEMENT
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
CREATE TRIGGER hand AFTER INSERT ON shop.orders REFERENCING NEW TABLE AS n FOR EACH STATEMENT
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login", "at_commit": true}');
CREATE TRIGGER hand AFTER INSERT ON shop.orders FOR EACH ROW WHEN (new.total > 0)
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
CREATE TRIGGER hand AFTER UPDATE OF total ON shop.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login", "on_change": ["total"]}');
CREATE TRIGGER hand AFTER INSERT ON shop.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login", "condition": "total > 0"}');
CREATE TRIGGER hand AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION ecapi.capture();
CREATE TRIGGER hand AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION ecapi.capture('{}', '{}');
CREATE TRIGGER hand AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION ecapi.capture('nonsense');
CREATE TRIGGER hand AFTER INSERT ON shop.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login", "maping": {}}');
-- what depends on other objects is reported later: a dump restores them in any order
CREATE TRIGGER hand AFTER INSERT ON shop.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login", "mapping": {"ext.x": "nowhere"}}');
RESET ROLE;
SELECT name, problem FROM ecapi.track ORDER BY name COLLATE "C";
SELECT severity, what, what_to_do FROM ecapi.check() WHERE what LIKE 'track%';
SET ROLE regress_ecapi_shop;
-- a name that is taken by another trigger is not taken over
CREATE FUNCTION shop.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER ecapi_login AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.nothing();
SELECT ecapi.track('shop.orders', 'login', '{}');
DROP TRIGGER ecapi_login ON shop.orders;
DROP TRIGGER hand ON shop.orders;
DROP VIEW shop.a_view;
DROP TABLE shop.no_key;

--
-- Renamed columns are followed.
--
-- The track as it reads now.
RESET ROLE;
CREATE FUNCTION now_reads(track text) RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT coalesce(k.problem, 'ok') FROM ecapi.track k WHERE k.name = track
    UNION
    SELECT convert_from(substring(t.tgargs FROM 1 FOR length(t.tgargs) - 1), 'UTF8')
    FROM ecapi.track k JOIN pg_trigger t ON t.tgname = k.trigger WHERE k.name = track
    ORDER BY 1 DESC
$$;
SET ROLE regress_ecapi_shop;
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "total", "currency_code": "upper(new.currency)",
    "user_data.email_address": "customer_id.email",
    "ext.old": "old.status", "ext.text": "''status and total'' || new.status"}',
    condition => $$status = 'total' AND total /* status */ > 0 AND new.total > 1$$, on_change => '{status}');
ALTER TABLE shop.orders RENAME status TO state;
ALTER TABLE shop.orders RENAME COLUMN total TO "Grand Total";
ALTER TABLE shop.orders RENAME id TO order_id;
ALTER TABLE shop.orders RENAME customer_id TO buyer;
ALTER TABLE shop.customers RENAME email TO mail;
ALTER TABLE shop.orders RENAME currency TO "user";
RESET ROLE;
SELECT now_reads('purchase');
SET ROLE regress_ecapi_shop;
ALTER TABLE shop.orders RENAME "Grand Total" TO total;
ALTER TABLE shop.orders RENAME "user" TO currency;
-- a swap of two names
ALTER TABLE shop.orders RENAME total TO swapped;
ALTER TABLE shop.orders RENAME refunded TO total;
ALTER TABLE shop.orders RENAME swapped TO refunded;
RESET ROLE;
SELECT now_reads('purchase');
SET ROLE regress_ecapi_shop;
-- nothing to follow: names that no track mentions, or of other tables
ALTER TABLE shop.orders RENAME note TO remark;
ALTER TABLE shop.customers RENAME name TO total;
CREATE TABLE shop.other (a int);
ALTER TABLE shop.other RENAME a TO status;
-- the table is renamed: ids go on as they began
ALTER TABLE shop.orders RENAME TO sales;
RESET ROLE;
SELECT now_reads('purchase');
SET ROLE regress_ecapi_shop;
ALTER TABLE shop.sales RENAME TO orders;

--
-- What hurts a track is refused.
--
ALTER TABLE shop.orders DROP COLUMN refunded;
ALTER TABLE shop.orders DROP COLUMN state;
ALTER TABLE shop.orders DROP COLUMN buyer;
ALTER TABLE shop.customers DROP COLUMN mail;
DROP TABLE shop.customers;
DROP TABLE shop.customers CASCADE;
ALTER TABLE shop.orders DROP CONSTRAINT orders_customer_id_fkey;
ALTER TABLE shop.orders ALTER refunded TYPE boolean USING true;
ALTER TABLE shop.orders ALTER refunded TYPE numeric(12,2);
-- what does no harm is not
ALTER TABLE shop.orders DROP COLUMN remark;
ALTER TABLE shop.customers DROP COLUMN country;
ALTER TABLE shop.orders DROP COLUMN refunded, ADD COLUMN refunded numeric;
-- columns of the key
ALTER TABLE shop.orders DROP COLUMN order_id;
BEGIN;
ALTER TABLE shop.orders DROP CONSTRAINT orders_pkey;
ROLLBACK;
-- a sub-select is not followed
SELECT ecapi.track('shop.orders', 'login', '{"user_data.email_address":
    "(SELECT c.mail FROM shop.customers c WHERE c.id = new.buyer)"}');
ALTER TABLE shop.customers RENAME mail TO email;
ALTER TABLE shop.customers RENAME TO clients;
ALTER TABLE shop.orders RENAME buyer TO customer_id;
RESET ROLE;
SELECT now_reads('login');
SET ROLE regress_ecapi_shop;
SELECT ecapi.untrack('shop.orders', 'login');
ALTER TABLE shop.customers RENAME mail TO email;
-- functions, enumerations, composite types
CREATE FUNCTION shop.score(numeric) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE TYPE shop.mood AS ENUM ('glad', 'sad');
ALTER TABLE shop.orders ADD mood shop.mood;
SELECT ecapi.track('shop.orders', 'login', '{"ext.score": "shop.score(new.refunded)"}',
    condition => $$mood = 'glad'$$);
DROP FUNCTION shop.score;
ALTER FUNCTION shop.score RENAME TO points;
ALTER FUNCTION shop.score VOLATILE;
CREATE OR REPLACE FUNCTION shop.score(numeric) RETURNS numeric VOLATILE LANGUAGE sql AS 'SELECT $1';
CREATE OR REPLACE FUNCTION shop.score(numeric) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
ALTER TYPE shop.mood RENAME VALUE 'glad' TO 'happy';
ALTER TYPE shop.mood RENAME VALUE 'sad' TO 'unhappy';
SELECT ecapi.untrack('shop.orders', 'login');
-- a track that was broken before holds up nobody
CREATE TRIGGER hand AFTER INSERT ON shop.orders FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login", "mapping": {"ext.x": "nowhere", "ext.y": "local_time"}}');
ALTER TABLE shop.orders DROP COLUMN local_time;
DROP TRIGGER hand ON shop.orders;
-- and one that goes away in the same command none either
DROP TABLE shop.orders, shop.customers CASCADE;
RESET ROLE;
SELECT * FROM tracks();

--
-- Partitioned and inherited tables, and names that SQL must quote.
--
SET ROLE regress_ecapi_shop;
CREATE TABLE shop.parted (id int, region text, total int, currency text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE shop.parted_eu PARTITION OF shop.parted FOR VALUES IN ('eu') PARTITION BY RANGE (id);
CREATE TABLE shop.parted_eu_1 PARTITION OF shop.parted_eu FOR VALUES FROM (1) TO (100);
SELECT ecapi.track('shop.parted', 'login', '{"value": "total", "currency_code": "currency"}', always => true);
SELECT ecapi.track('shop.parted', 'purchase', '{}', condition => 'total > 0');
SELECT ecapi.track('shop.parted_eu_1', 'login', '{}');
CREATE TABLE shop.parted_us PARTITION OF shop.parted FOR VALUES IN ('us');
CREATE TRIGGER hand AFTER INSERT ON shop.parted_us FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
CREATE TRIGGER hand AFTER INSERT ON shop.parted REFERENCING NEW TABLE AS n FOR EACH STATEMENT
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
CREATE TRIGGER hand AFTER INSERT ON shop.parted FOR EACH ROW
    EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
RESET ROLE;
SELECT * FROM tracks();
SELECT * FROM triggers();
SET ROLE regress_ecapi_shop;
ALTER TABLE shop.parted RENAME total TO amount;
RESET ROLE;
SELECT now_reads('purchase');
SELECT DISTINCT tgname, convert_from(substring(tgargs FROM 1 FOR length(tgargs) - 1), 'UTF8'), count(*)
FROM pg_trigger WHERE tgfoid = 'ecapi.capture'::regproc GROUP BY 1, 2 ORDER BY 1;
SET ROLE regress_ecapi_shop;
-- a table that is attached must not have a track of its own
CREATE TABLE shop.parted_asia (id int NOT NULL, region text NOT NULL, amount int, currency text, PRIMARY KEY (region, id));
SELECT ecapi.track('shop.parted_asia', 'subscribe', '{}');
ALTER TABLE shop.parted ATTACH PARTITION shop.parted_asia FOR VALUES IN ('asia');
SELECT ecapi.untrack('shop.parted_asia', 'subscribe');
ALTER TABLE shop.parted ATTACH PARTITION shop.parted_asia FOR VALUES IN ('asia');
ALTER TABLE shop.parted DETACH PARTITION shop.parted_asia;
SELECT ecapi.untrack('shop.parted', 'login');
RESET ROLE;
SELECT * FROM triggers();
SET ROLE regress_ecapi_shop;
DROP TABLE shop.parted;

CREATE TABLE shop.mother (id int PRIMARY KEY, total int);
CREATE TABLE shop.child (PRIMARY KEY (id)) INHERITS (shop.mother);
SELECT ecapi.track('shop.mother', 'login', '{"ext.total": "total"}');
SELECT ecapi.track('shop.child', 'login', '{"ext.total": "total"}');
ALTER TABLE shop.mother RENAME total TO amount;
RESET ROLE;
SELECT relation, mapping, problem FROM ecapi.track ORDER BY 1;
SET ROLE regress_ecapi_shop;
DROP TABLE shop.mother CASCADE;

CREATE TABLE shop."Odd ""Table"": 100%" ("The Key" int PRIMARY KEY, "select" text, "a.b" text, "it's" int);
SELECT ecapi.track('shop."Odd ""Table"": 100%"', 'login',
    '{"ext.select": "select", "ext.dot": "a.b", "ext.quote": "it''s", "ext.sql": "new.\"it''s\" + 1"}',
    name => 'odd "name''s"');
ALTER TABLE shop."Odd ""Table"": 100%" RENAME "it's" TO "it""s";
ALTER TABLE shop."Odd ""Table"": 100%" RENAME "The Key" TO "key\";
ALTER TABLE shop."Odd ""Table"": 100%" RENAME "a.b" TO c;
RESET ROLE;
SELECT relation, name, mapping, problem, trigger FROM ecapi.track;
SELECT convert_from(substring(tgargs FROM 1 FOR length(tgargs) - 1), 'UTF8') FROM pg_trigger WHERE tgfoid = 'ecapi.capture'::regproc;
SET ROLE regress_ecapi_shop;
SELECT ecapi.untrack('shop."Odd ""Table"": 100%"', name => 'odd "name''s"');

--
-- Without a mapping one is guessed, and shown as a call that can be run.
--
CREATE TABLE shop.payments (id int PRIMARY KEY, total numeric, currency text, customer_email text, created_at timestamptz);
SELECT ecapi.track('shop.payments', 'purchase', condition => $$total > 0 AND currency <> 'it''s'$$,
    on_change => '{total}', at_commit => true, on_error => 'raise', always => true, name => 'o''clock');

-- Nobody waits longer than lock_timeout for a track, nor does a shorter one change.
SET lock_timeout = '5s';
SELECT ecapi.untrack('shop.payments', name => 'o''clock');
SHOW lock_timeout;
SELECT ecapi.untrack('shop.payments', name => 'o''clock');
SHOW lock_timeout;
RESET lock_timeout;
RESET ROLE;

-- Who has no right on the schema makes and changes tables as ever.
CREATE ROLE regress_ecapi_guest;
CREATE SCHEMA guest AUTHORIZATION regress_ecapi_guest;
SELECT ecapi.track('shop.payments', 'purchase', '{}');
SET ROLE regress_ecapi_guest;
CREATE FUNCTION guest.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE guest.visits (id int, total int);
CREATE TRIGGER nothing AFTER INSERT ON guest.visits EXECUTE FUNCTION guest.nothing();
CREATE OR REPLACE FUNCTION guest.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
ALTER TABLE guest.visits RENAME total TO amount;
ALTER TABLE guest.visits DROP amount;
CREATE TRIGGER mine AFTER INSERT ON guest.visits EXECUTE FUNCTION ecapi.capture('{"event_type": "login"}');
DROP TABLE guest.visits;
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA guest CASCADE;
RESET client_min_messages;
DROP ROLE regress_ecapi_guest;
SELECT ecapi.untrack('shop.payments', 'purchase');

-- A library that is gone keeps nobody from DDL; what it would have looked after
-- is said, and nothing is where nothing is tracked.
CREATE TABLE untracked (id int);
BEGIN;
UPDATE pg_proc SET probin = '$libdir/nowhere' WHERE probin = '$libdir/ecapi';
ALTER TABLE untracked RENAME id TO number;
ALTER TABLE untracked DROP number;
DROP TABLE untracked;
ROLLBACK;
SELECT ecapi.track('shop.payments', 'purchase', '{}');
BEGIN;
UPDATE pg_proc SET probin = '$libdir/nowhere' WHERE probin = '$libdir/ecapi';
ALTER TABLE untracked RENAME id TO number;
DROP TABLE untracked;
ALTER TABLE shop.payments RENAME id TO number;
DROP TABLE shop.payments;
ROLLBACK;
DROP TABLE untracked;

--
-- A look at tracks runs nothing of their owners: not in the DDL of others, not in
-- the view.  The function is immutable, so compiling for capture folds it, and it
-- says so.
--
RESET ROLE;
CREATE SCHEMA looked;
GRANT ALL ON SCHEMA looked TO regress_ecapi_shop;
SET ROLE regress_ecapi_shop;
CREATE FUNCTION looked.spy(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE
    AS $$ BEGIN RAISE NOTICE 'code of the owner'; RETURN t; END $$;
CREATE DOMAIN looked.word AS text CHECK (looked.spy(VALUE) IS NOT NULL);
CREATE TABLE looked.orders (id int PRIMARY KEY, total numeric, words looked.word[]);
SELECT ecapi.track('looked.orders', 'login', jsonb_object(ARRAY[
    'ext.a', 'looked.spy(''x'')', 'ext.b', '''{x}''::looked.word[]', 'ext.c', '(new.words = ''{y}'')',
    'ext.total', 'total']));
RESET ROLE;
SELECT relation, problem FROM ecapi.track WHERE relation = 'looked.orders'::regclass;
CREATE TABLE looked.other (id int, total int, spy int, word int);
ALTER TABLE looked.other ALTER total TYPE bigint;
ALTER TABLE looked.other RENAME spy TO watch;
ALTER TABLE looked.other DROP COLUMN total;
DROP TABLE looked.other;
-- Nor do names that both have hold up anything: a track whose own column is gone
-- is no reason why the column of another table stays.
SET ROLE regress_ecapi_shop;
CREATE TABLE looked.broken (id int PRIMARY KEY, gone int);
SELECT ecapi.track('looked.broken', 'login', '{"ext.gone": "gone"}');
RESET ROLE;
SET session_replication_role = replica;
ALTER TABLE looked.broken DROP COLUMN gone;
RESET session_replication_role;
CREATE TABLE looked.stranger (id int, gone int, went int);
ALTER TABLE looked.stranger ALTER gone TYPE bigint;
ALTER TABLE looked.stranger RENAME gone TO came;
ALTER TABLE looked.stranger RENAME went TO gone;
ALTER TABLE looked.stranger DROP COLUMN gone;
DROP TABLE looked.stranger;
-- One that a track reaches is seen, over a key of a stated table, and above a
-- table that inherits it.
SET ROLE regress_ecapi_shop;
CREATE TABLE looked.places_above (city text);
CREATE TABLE looked.places (id int PRIMARY KEY) INHERITS (looked.places_above);
CREATE TABLE looked.guests (id int PRIMARY KEY, place_id int REFERENCES looked.places);
CREATE TABLE looked.stays (id int PRIMARY KEY, guest_id int);
SELECT ecapi.track('looked.stays', 'login', '{"ext.city": "guest_id->looked.guests.place_id.city"}');
ALTER TABLE looked.places_above RENAME city TO town;
ALTER TABLE looked.places_above DROP COLUMN town;
DROP TABLE looked.stays, looked.guests, looked.places, looked.places_above;
RESET ROLE;
-- But what a built-in type takes is read.
SET ROLE regress_ecapi_shop;
CREATE TYPE looked.state AS ENUM ('paid', 'open');
CREATE TABLE looked.states (id int PRIMARY KEY, state looked.state);
SELECT ecapi.track('looked.states', 'login', '{"ext.id": "id"}', condition => $$state = 'paid'$$);
ALTER TYPE looked.state RENAME VALUE 'paid' TO 'payed';
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA looked CASCADE;
RESET client_min_messages;

-- Everything goes by DROP OWNED, DROP SCHEMA and DROP EXTENSION.
SET ROLE regress_ecapi_shop;
SELECT ecapi.track('shop.payments', 'purchase', '{}');
RESET ROLE;
SET client_min_messages = warning;
BEGIN;
DROP SCHEMA shop CASCADE;
SELECT count(*) FROM ecapi.track;
ROLLBACK;
BEGIN;
DROP OWNED BY regress_ecapi_shop;
SELECT count(*) FROM ecapi.track;
ROLLBACK;
BEGIN;
DROP EXTENSION ecapi CASCADE;
ALTER TABLE shop.payments RENAME total TO amount;
ALTER TABLE shop.payments DROP amount;
ROLLBACK;
DROP EXTENSION ecapi CASCADE;
-- too many commands for a server that discards what its caches hold
SET debug_discard_caches = 0;
CREATE EXTENSION ecapi;
RESET debug_discard_caches;
DROP FUNCTION tracks, triggers, now_reads;
DROP OWNED BY regress_ecapi_shop, regress_ecapi_clerk CASCADE;
DROP ROLE regress_ecapi_shop, regress_ecapi_clerk;
