-- The sources of a track: columns, foreign-key paths, SQL over new and old; what
-- is refused, and with which words; as whom and under which settings SQL runs.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_sources_owner;
CREATE ROLE regress_sources_other;
CREATE ROLE regress_sources_writer;
CREATE SCHEMA source AUTHORIZATION regress_sources_owner;
CREATE SCHEMA source_other AUTHORIZATION regress_sources_other;
RESET client_min_messages;
GRANT USAGE ON SCHEMA ecapi TO regress_sources_owner;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture TO regress_sources_owner;

-- What the events since the last look hold in ext.
CREATE TABLE public.sources_seen AS SELECT coalesce(max(seq), 0) AS seq FROM ecapi.outbox;
CREATE FUNCTION public.sources_got() RETURNS SETOF jsonb LANGUAGE sql AS $$
    WITH fresh AS (SELECT o.seq, o.event::jsonb AS event FROM ecapi.outbox o WHERE o.seq > (SELECT seq FROM public.sources_seen)),
        looked AS (UPDATE public.sources_seen SET seq = greatest(sources_seen.seq, (SELECT max(fresh.seq) FROM fresh)))
    SELECT coalesce(event->'ext', '{}') FROM fresh ORDER BY seq;
$$;

-- Track with one source, or one condition, and say what comes of it.
CREATE FUNCTION public.sources_try(relation regclass, source text, condition boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text; state text;
BEGIN
    IF condition THEN
        PERFORM ecapi.track(relation, 'page_view', '{"ext.got": true}', condition => source, name => 'try');
    ELSE
        PERFORM ecapi.track(relation, 'page_view', jsonb_build_object('ext.got', source), name => 'try');
    END IF;
    PERFORM ecapi.untrack(relation, name => 'try');
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n    ', state || ' ' || message, nullif(detail, ''), nullif(hint, ''));
END
$$;

SET ROLE regress_sources_owner;
CREATE TYPE source.state AS ENUM ('cart', 'paid');
CREATE TYPE source.place AS (city text, zip text);
CREATE DOMAIN source.amount AS numeric CHECK (value >= 0);
CREATE TABLE source.customers (id int PRIMARY KEY, email text, phone text, referrer_id int REFERENCES source.customers);
CREATE TABLE source.areas (country text, zip text, city text, PRIMARY KEY (country, zip));
CREATE TABLE source.orders (
    order_id int PRIMARY KEY, gone int, customer_id int REFERENCES source.customers,
    total source.amount, status text, state source.state, address source.place,
    "Gift Note" text, "user" int REFERENCES source.customers, country text, zip text,
    doubled numeric GENERATED ALWAYS AS (total * 2) STORED,
    FOREIGN KEY (country, zip) REFERENCES source.areas);
ALTER TABLE source.orders DROP COLUMN gone;
CREATE TABLE source.items (order_id int REFERENCES source.orders DEFERRABLE INITIALLY DEFERRED, sku text, quantity int);
INSERT INTO source.customers VALUES (1, 'ann@example.com', '1', NULL), (2, 'bob@example.com', '2', 1);
INSERT INTO source.areas VALUES ('DE', '53', 'Bonn');
CREATE FUNCTION source.plus(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
CREATE FUNCTION source.dice(int) RETURNS int VOLATILE LANGUAGE sql AS 'SELECT $1';

--
-- Every kind of source
--
SELECT ecapi.track('source.orders', 'page_view', $${
    "ext.column": "total", "ext.folded": "TOTAL", "ext.of_new": "new.total", "ext.quoted": "Gift Note",
    "ext.sql_quoted": "new.\"Gift Note\"", "ext.generated": "doubled",
    "ext.path": "customer_id.email", "ext.path2": "customer_id.phone", "ext.far": "customer_id.referrer_id.email",
    "ext.reserved": "user.email", "ext.composite_key": "zip.city",
    "ext.text": "'EUR'", "ext.number": "1 + 1", "ext.computed": "new.total * 3", "ext.part": "(new.address).city",
    "ext.function": "source.plus(new.order_id)", "ext.old": "coalesce(old.status, 'none')",
    "ext.sub_select": "(SELECT sum(i.quantity) FROM source.items i WHERE i.order_id = new.order_id)",
    "ext.array": "ARRAY(SELECT i.sku FROM source.items i WHERE i.order_id = new.order_id ORDER BY 1)",
    "ext.in": "new.customer_id IN (SELECT id FROM source.customers WHERE referrer_id IS NULL)",
    "ext.nested": "(SELECT email FROM source.customers WHERE id = new.customer_id AND id <= (SELECT max(id) FROM source.customers))"
    }$$);
BEGIN;
INSERT INTO source.items VALUES (10, 'x', 2), (10, 'y', 1);
INSERT INTO source.orders VALUES (10, 2, 12.50, 'paid', 'paid', ('Paris', '75'), 'hi', 1, 'DE', '53');
INSERT INTO source.orders VALUES (11), (12);
COMMIT;
RESET ROLE;
SELECT jsonb_pretty(got) FROM public.sources_got() got;
SET ROLE regress_sources_owner;
SELECT ecapi.untrack('source.orders', 'page_view');

--
-- Conditions: bare columns of the new row, on text, enum and numbers
--
SELECT source, public.sources_try('source.orders', source, true) FROM unnest(ARRAY[
    $$status = 'paid'$$, $$state = 'paid'$$, $$total > 1 AND status IN ('paid', 'sent')$$,
    $$new.status = 'paid' AND old.status IS DISTINCT FROM 'paid'$$,
    $$EXISTS (SELECT FROM source.items i WHERE i.order_id = new.order_id AND customer_id > 0)$$,
    'total', 'status', 'statsu = 1', 'orders.total > 1', 'true; true', 'state = ''sold''']) source;

--
-- Names that are not there
--
SELECT source, public.sources_try('source.orders', source) FROM unnest(ARRAY[
    'totl', 'gone', 'ctid', 'new.totl', 'new.ctid', 'total + 1', 'totl + 1', 'new', 'new.*', 'new.address.city', 'address.city',
    'total.x', 'customer_id.emial', 'customer_id.referrer_id.emial', 'upper(customer_id.email)', 'source.orders.total',
    '(SELECT email FROM customers WHERE id = new.customer_id)', 'plus(new.order_id)', 'new.status::state', 'orders.total']) source;

--
-- What is no expression over the row
--
SELECT source, public.sources_try('source.orders', source) FROM unnest(ARRAY[
    '1) FROM source.customers WHERE (true', '1 FROM source.customers', '1 FROM source.customers --', '1 INTO x', '1; DROP TABLE source.items',
    '1, 2', 'new.total AS x', 'DISTINCT 1', '1 LIMIT 1', '1 ORDER BY 1', '1 UNION SELECT 2', '', ' ', '--', '/*', '1 /* x */ + 1 -- y', $$1 + '$$, '$1',
    'SELECT 1', 'DELETE FROM source.items', 'source.dice(new.order_id)', 'random()', 'clock_timestamp()', 'generate_series(1, 2)',
    'sum(new.total)', 'row_number() OVER ()', '(SELECT source.dice(new.order_id))',
    '(SELECT email FROM source.customers LIMIT 1)', '(SELECT email FROM source.customers WHERE id = id)',
    'new.status || (SELECT email FROM source.customers LIMIT 1)',
    '(SELECT email, phone FROM source.customers WHERE id = new.customer_id)',
    '(SELECT email FROM source.customers WHERE id = new.customer_id FOR UPDATE)',
    '(WITH d AS (DELETE FROM source.items RETURNING sku) SELECT sku FROM d WHERE sku = new.status)']) source;

-- A sub-select's own "new" is not the row; several rows are an error, and set aside.
SELECT public.sources_try('source.orders', '(SELECT new.email FROM source.customers new LIMIT 1)');
SELECT ecapi.track('source.orders', 'page_view', '{"ext.got": "(SELECT sku FROM source.items i WHERE i.order_id <> new.order_id)"}');
SET client_min_messages = error;
INSERT INTO source.orders VALUES (20);
RESET client_min_messages;
RESET ROLE;
SELECT source, reason, sqlstate FROM ecapi.failed_event WHERE relation = 'source.orders'::regclass;
DELETE FROM ecapi.failed_event WHERE relation = 'source.orders'::regclass;
SELECT * FROM public.sources_got();
SET ROLE regress_sources_owner;
SELECT ecapi.untrack('source.orders', 'page_view');

--
-- As whom it runs, and under which settings: nothing of the writer's counts
--
CREATE FUNCTION source.who() RETURNS text STABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('work_mem', '77MB', false);
    RETURN concat_ws(' ', current_user, current_setting('search_path'), current_setting('TimeZone'),
        current_setting('DateStyle'), current_setting('row_security'), current_setting('transaction_read_only'));
END
$$;
CREATE FUNCTION source.write(int) RETURNS int STABLE LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO source.items VALUES ($1);
    RETURN 1;
END
$$;
CREATE FUNCTION source.write_inside(int) RETURNS int STABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM source.write_out($1);
    RETURN 1;
END
$$;
CREATE FUNCTION source.write_out(int) RETURNS int VOLATILE LANGUAGE sql AS 'INSERT INTO source.items VALUES ($1) RETURNING 1';
CREATE FUNCTION source.fails(int) RETURNS int STABLE LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'secret %', $1 USING errcode = 'P0042', schema = 'source', table = 'orders', column = 'ann@example.com';
END
$$;
SELECT ecapi.track('source.orders', 'page_view', '{"ext.who": "source.who()", "ext.null": "new.status = NULL",
    "ext.lower": "lower(new.status)", "ext.backslash": "'' \\ ''", "ext.time": "to_char(timestamptz ''2020-06-01Z'', ''HH24 TZ'')"}');
GRANT USAGE ON SCHEMA source TO regress_sources_writer;
GRANT INSERT ON source.orders TO regress_sources_writer;
RESET ROLE;
-- functions and operators of the same names in a schema that the writer's path has first
CREATE SCHEMA source_writer AUTHORIZATION regress_sources_writer;
SET ROLE regress_sources_writer;
CREATE FUNCTION source_writer.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'ran as %', current_user; END $$;
CREATE FUNCTION source_writer.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'ran as %', current_user; END $$;
CREATE OPERATOR source_writer.= (LEFTARG = text, RIGHTARG = text, FUNCTION = source_writer.equal);
SET search_path = source_writer, pg_catalog;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German';
SET transform_null_equals = on;
SET standard_conforming_strings = off;
INSERT INTO source.orders (order_id, status) VALUES (30, 'PAID');
SELECT current_user, current_setting('search_path'), current_setting('TimeZone'), pg_catalog.texteq(current_setting('work_mem'), '77MB') AS leaked;
RESET search_path;
RESET TimeZone;
RESET DateStyle;
RESET transform_null_equals;
RESET standard_conforming_strings;
RESET ROLE;
SELECT * FROM public.sources_got();
SET ROLE regress_sources_owner;
SELECT ecapi.untrack('source.orders', 'page_view');

SELECT ecapi.track('source.orders', 'page_view', '{"ext.got": "source.write(new.order_id)"}', name => 'write');
SELECT ecapi.track('source.orders', 'page_view', '{"ext.got": "source.write_inside(new.order_id)"}', name => 'write_inside');
SELECT ecapi.track('source.orders', 'page_view', '{"ext.got": "source.fails(new.order_id)"}', name => 'fails');
SELECT ecapi.track('source.orders', 'page_view', '{"ext.got": "1 / (new.order_id - new.order_id)"}', name => 'divide');
SELECT ecapi.track('source.orders', 'page_view', '{"ext.got": "(new.order_id - 100)::source.amount"}', name => 'domain');
SET client_min_messages = error;
INSERT INTO source.orders (order_id, status) VALUES (31, 'paid');
RESET client_min_messages;
SELECT count(*) FROM source.items WHERE order_id = 31;
RESET ROLE;
SELECT source, reason, sqlstate FROM ecapi.failed_event WHERE relation = 'source.orders'::regclass ORDER BY source;
DELETE FROM ecapi.failed_event WHERE relation = 'source.orders'::regclass;
SET ROLE regress_sources_owner;
SELECT ecapi.untrack('source.orders', name => name) FROM unnest('{write,write_inside,fails,divide,domain}'::text[]) name;
-- but a cancelled query, or a failure that asks for another try, is the statement's
CREATE FUNCTION source.gives_up(text) RETURNS int STABLE LANGUAGE plpgsql AS $$ BEGIN RAISE 'given up' USING errcode = $1; END $$;
SELECT ecapi.track('source.orders', 'page_view', '{"ext.got": "source.gives_up(new.status)"}');
\set VERBOSITY terse
INSERT INTO source.orders (order_id, status) VALUES (32, '57014');
INSERT INTO source.orders (order_id, status) VALUES (32, '40001');
INSERT INTO source.orders (order_id, status) VALUES (32, '40P01');
INSERT INTO source.orders (order_id, status) VALUES (32, '53200');
\set VERBOSITY default
SELECT count(*) FROM source.orders WHERE order_id = 32;
-- a shutdown that is an error is another server's, as a foreign table reports it
SET client_min_messages = error;
INSERT INTO source.orders (order_id, status) VALUES (33, '57P01');
RESET client_min_messages;
SELECT count(*) FROM source.orders WHERE order_id = 33;
RESET ROLE;
SELECT reason FROM ecapi.failed_event WHERE relation = 'source.orders'::regclass;
DELETE FROM ecapi.failed_event WHERE relation = 'source.orders'::regclass;
SET ROLE regress_sources_owner;
SELECT ecapi.untrack('source.orders', 'page_view');

--
-- Wherever a row is written, and at commit: what the transaction did is seen
--
SELECT ecapi.track('source.orders', 'page_view', '{"ext.items": "(SELECT count(*) FROM source.items i WHERE i.order_id = new.order_id)",
    "ext.email": "customer_id.email"}', name => 'now');
SELECT ecapi.track('source.orders', 'page_view', '{"ext.at_commit": "(SELECT count(*) FROM source.items i WHERE i.order_id = new.order_id)",
    "ext.email": "customer_id.email"}', at_commit => true, name => 'commit');
INSERT INTO source.orders (order_id, customer_id) VALUES (70, 1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO source.items VALUES (71, 'x', 1);
INSERT INTO source.customers VALUES (71, 'new@example.com');
INSERT INTO source.orders (order_id, customer_id) VALUES (71, 71);
SAVEPOINT a;
INSERT INTO source.items VALUES (71, 'y', 1);
UPDATE source.customers SET email = 'changed@example.com' WHERE id = 71;
RELEASE a;
SAVEPOINT b;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO source.orders (order_id, customer_id) VALUES (72, 1);
INSERT INTO source.items VALUES (72, 'y', 1);
PREPARE TRANSACTION 'sources';
COMMIT PREPARED 'sources';
CREATE PROCEDURE source.commits() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 73..74 LOOP
        INSERT INTO source.orders (order_id, customer_id) VALUES (i, 1);
        INSERT INTO source.items VALUES (i, 'y', 1);
        COMMIT;
    END LOOP;
END
$$;
CALL source.commits();
-- an error is raised again to the handler around the statement, not to one further out
SELECT ecapi.untrack('source.orders', name => 'commit');
SELECT ecapi.track('source.orders', 'page_view', '{"ext.got": "source.gives_up(new.status)"}', condition => 'status IS NOT NULL', name => 'gives_up');
DO $$
BEGIN
    INSERT INTO source.orders (order_id, customer_id) VALUES (75, 2);
    BEGIN
        INSERT INTO source.orders (order_id, status) VALUES (76, '40001');
    EXCEPTION WHEN serialization_failure THEN
        RAISE NOTICE 'caught as %', current_user;
    END;
    INSERT INTO source.orders (order_id, customer_id) VALUES (77, 2);
END
$$;
SELECT ecapi.untrack('source.orders', name => 'gives_up');
SELECT ecapi.untrack('source.orders', name => 'now');
RESET ROLE;
SELECT * FROM public.sources_got();

--
-- What the owner may not read or call
--
SET ROLE regress_sources_other;
CREATE TABLE source_other.secrets (id int PRIMARY KEY, open text, closed text);
INSERT INTO source_other.secrets VALUES (1, 'open', 'closed');
CREATE VIEW source_other.view AS SELECT * FROM source_other.secrets;
CREATE FUNCTION source_other.call(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION source_other.call FROM PUBLIC;
GRANT REFERENCES ON source_other.secrets TO regress_sources_owner;
GRANT USAGE ON SCHEMA source_other TO regress_sources_owner;
SET ROLE regress_sources_owner;
ALTER TABLE source.orders ADD secret_id int REFERENCES source_other.secrets;
RESET ROLE;
CREATE VIEW public.sources_reading AS SELECT ARRAY['secret_id.open', 'secret_id.closed',
    '(SELECT open FROM source_other.secrets WHERE id = new.secret_id)', '(SELECT closed FROM source_other.secrets WHERE id = new.secret_id)',
    '(SELECT s FROM source_other.secrets s WHERE s.id = new.secret_id)::text', '(SELECT open FROM source_other.view WHERE id = new.secret_id)',
    'source_other.call(new.secret_id)'] AS sources;
GRANT SELECT ON public.sources_reading TO regress_sources_owner;
REVOKE USAGE ON SCHEMA source_other FROM regress_sources_owner;
SET ROLE regress_sources_owner;
SELECT public.sources_try('source.orders', 'secret_id.open');
RESET ROLE;
GRANT USAGE ON SCHEMA source_other TO regress_sources_owner;
SET ROLE regress_sources_owner;
SELECT source, public.sources_try('source.orders', source) FROM public.sources_reading, unnest(sources) source;
SET ROLE regress_sources_other;
GRANT SELECT (id, open) ON source_other.secrets TO regress_sources_owner;
GRANT SELECT ON source_other.view TO regress_sources_owner;
GRANT EXECUTE ON FUNCTION source_other.call TO regress_sources_owner;
SET ROLE regress_sources_owner;
SELECT source, public.sources_try('source.orders', source) FROM public.sources_reading, unnest(sources) source;
-- row security holds for the owner, too
SELECT ecapi.track('source.orders', 'page_view', '{"ext.got": "secret_id.open"}');
INSERT INTO source.orders (order_id, secret_id) VALUES (40, 1);
SET ROLE regress_sources_other;
ALTER TABLE source_other.secrets ENABLE ROW LEVEL SECURITY;
SET ROLE regress_sources_owner;
INSERT INTO source.orders (order_id, secret_id) VALUES (41, 1);
SELECT ecapi.untrack('source.orders', 'page_view');
RESET ROLE;
SELECT * FROM public.sources_got();

--
-- Temporary objects: in another session the same name is another's
--
SET ROLE regress_sources_owner;
CREATE TEMP TABLE near (id int, email text);
CREATE TEMP VIEW near_view AS SELECT 1 AS id;
CREATE DOMAIN pg_temp.near_domain AS int;
SELECT source, public.sources_try('source.orders', source) FROM unnest(ARRAY[
    '(SELECT email FROM near WHERE id = new.order_id)', '(SELECT email FROM pg_temp.near WHERE id = new.order_id)',
    '(SELECT id FROM near_view WHERE id = new.order_id)', 'new.order_id::near_domain', 'new.order_id::pg_temp.near_domain']) source;
DROP VIEW near_view;
DROP TABLE near;
DROP DOMAIN pg_temp.near_domain;

--
-- Paths over partitions
--
CREATE TABLE source.visits (id int, day date, customer_id int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE source.visits_2020 (day date NOT NULL, gone int, customer_id int, id int NOT NULL);
ALTER TABLE source.visits_2020 DROP COLUMN gone;
ALTER TABLE source.visits ATTACH PARTITION source.visits_2020 FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE source.visits_2021 PARTITION OF source.visits FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
SELECT public.sources_try('source.visits', 'customer_id.email');
ALTER TABLE source.visits_2020 ADD FOREIGN KEY (customer_id) REFERENCES source.customers;
SELECT public.sources_try('source.visits', 'customer_id.email');
ALTER TABLE source.visits_2021 ADD FOREIGN KEY (customer_id) REFERENCES source.customers;
SELECT ecapi.track('source.visits', 'page_view', '{"ext.got": "customer_id.email", "ext.id": "new.id"}');
INSERT INTO source.visits VALUES (1, '2020-02-02', 1), (2, '2021-02-02', 2), (3, '2021-02-02', NULL);
RESET ROLE;
SELECT * FROM public.sources_got();
SET ROLE regress_sources_owner;
-- into partitions, by a key of two columns
CREATE TABLE source.people (region text, id int, email text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE source.people_a PARTITION OF source.people FOR VALUES IN ('a');
CREATE TABLE source.people_b PARTITION OF source.people FOR VALUES IN ('b');
INSERT INTO source.people VALUES ('a', 1, 'a1@example.com'), ('b', 1, 'b1@example.com');
CREATE TABLE source.calls (id int PRIMARY KEY, region text, person_id int, FOREIGN KEY (region, person_id) REFERENCES source.people);
SELECT ecapi.track('source.calls', 'page_view', '{"ext.got": "person_id.email", "ext.same": "region.email"}');
INSERT INTO source.calls VALUES (1, 'b', 1), (2, 'a', 1), (3, 'a', 1), (4, NULL, 1), (5, NULL, NULL);
RESET ROLE;
SELECT * FROM public.sources_got();
SET ROLE regress_sources_owner;
-- a column in several keys: the one of its own goes first; two such are too many
ALTER TABLE source.calls ADD FOREIGN KEY (person_id) REFERENCES source.customers;
INSERT INTO source.calls VALUES (6, 'b', 1);
ALTER TABLE source.calls ADD FOREIGN KEY (person_id) REFERENCES source.orders NOT VALID;
SELECT public.sources_try('source.calls', 'person_id.email');
-- a key refers to a table, not to what inherits from it and may repeat its keys
CREATE TABLE source.guests (note text) INHERITS (source.customers);
INSERT INTO source.guests VALUES (1, 'guest@example.com');
INSERT INTO source.customers VALUES (3, 'cid@example.com');
ALTER TABLE source.calls DROP CONSTRAINT calls_person_id_fkey1;
INSERT INTO source.calls VALUES (7, 'b', 1);
RESET ROLE;
SELECT * FROM public.sources_got();
SET ROLE regress_sources_owner;

--
-- What a source reads changes: another type, another function
--
CREATE FUNCTION source.inlined(int) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'first' $$;
CREATE FUNCTION source.with_default(int, float8 DEFAULT random()) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
SELECT public.sources_try('source.orders', 'source.with_default(new.order_id)');
SELECT ecapi.track('source.orders', 'page_view', '{"ext.path": "customer_id.phone", "ext.inlined": "source.inlined(new.order_id)",
    "ext.sub_select": "(SELECT max(phone) FROM source.customers WHERE id = new.customer_id)"}');
INSERT INTO source.orders (order_id, customer_id) VALUES (60, 1);
ALTER TABLE source.customers ALTER phone TYPE int USING phone::int;
CREATE OR REPLACE FUNCTION source.inlined(int) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'second' $$;
SET client_min_messages = error;
INSERT INTO source.orders (order_id, customer_id) VALUES (61, 1);
INSERT INTO source.orders (order_id, customer_id) VALUES (62, 1);
RESET client_min_messages;
SELECT ecapi.untrack('source.orders', 'page_view');
RESET ROLE;
SELECT * FROM public.sources_got();
SELECT sqlstate, reason FROM ecapi.failed_event WHERE relation = 'source.orders'::regclass;
DELETE FROM ecapi.failed_event WHERE relation = 'source.orders'::regclass;
-- a bare name of a condition that was a table's column, and is the row's now
SET ROLE regress_sources_owner;
CREATE TABLE source.parcels (id int PRIMARY KEY, b1 boolean, b2 boolean, b3 boolean, b4 boolean, b5 boolean, b6 boolean, b7 boolean, b8 boolean);
CREATE TABLE source.flags (LIKE source.parcels);
INSERT INTO source.flags SELECT n, true, true, true, true, true, true, true, true FROM generate_series(1, 4) n;
SELECT ecapi.track('source.parcels', 'page_view', '{"ext.got": "id"}',
    condition => 'EXISTS (SELECT FROM source.flags f WHERE f.id = new.id AND b1 AND b2 AND b3 AND b4 AND b5 AND b6 AND b7 AND b8)');
INSERT INTO source.parcels VALUES (1);
ALTER TABLE source.flags RENAME b1 TO a1;
ALTER TABLE source.flags DROP b2, DROP b3, DROP b4, DROP b5, DROP b6, DROP b7, DROP b8;
SET client_min_messages = error;
INSERT INTO source.parcels VALUES (2);
RESET client_min_messages;
INSERT INTO source.parcels VALUES (3);
INSERT INTO source.parcels VALUES (4, true, true, true, true, true, true, true, true);
RESET ROLE;
SELECT problem FROM ecapi.track WHERE relation = 'source.parcels'::regclass;
SELECT * FROM public.sources_got();
SELECT sqlstate, reason FROM ecapi.failed_event WHERE relation = 'source.parcels'::regclass;
DELETE FROM ecapi.failed_event WHERE relation = 'source.parcels'::regclass;

--
-- On a superuser's table
--
ALTER TABLE source.orders OWNER TO CURRENT_USER;
SELECT source, public.sources_try('source.orders', source) FROM unnest(ARRAY[
    'total', 'new.status', 'new.status || ''x''', 'CASE WHEN new.total > 1 THEN 1 ELSE NULLIF(new.order_id, 10) END',
    'new.order_id::text', 'new.order_id IN (1, 2)', 'ARRAY[new.state]', 'GREATEST(new.total, 1)', 'coalesce(old.status, new.status)', 'zip.city', 'customer_id.email', 'secret_id.open',
    'source.plus(1)', 'source.plus(new.order_id)', '(new.address).city', 'now()', 'CURRENT_USER', 'concat(new.state)', 'new.state::text',
    '(SELECT new.total)', 'new.order_id::source.amount', 'ROW(new.order_id)', 'new.order_id OPERATOR(source.+) 1']) source;
SELECT public.sources_try('source.orders', $$status = 'paid' AND state = 'paid' AND total > 1$$, true);
ALTER TABLE source.customers OWNER TO CURRENT_USER;
ALTER TABLE source.areas OWNER TO CURRENT_USER;
SELECT source, public.sources_try('source.orders', source) FROM unnest('{customer_id.email,zip.city}'::text[]) source;
-- a role that becomes a superuser while its tracks are there
ALTER TABLE source.orders OWNER TO regress_sources_owner;
SET ROLE regress_sources_owner;
SELECT ecapi.track('source.orders', 'page_view', '{"ext.got": "source.plus(new.order_id)"}');
INSERT INTO source.orders (order_id) VALUES (50);
RESET ROLE;
ALTER ROLE regress_sources_owner SUPERUSER;
SET client_min_messages = error;
INSERT INTO source.orders (order_id) VALUES (51);
RESET client_min_messages;
ALTER ROLE regress_sources_owner NOSUPERUSER;
INSERT INTO source.orders (order_id) VALUES (52);
SELECT * FROM public.sources_got();
SELECT sqlstate, reason FROM ecapi.failed_event WHERE relation = 'source.orders'::regclass;
DELETE FROM ecapi.failed_event WHERE relation = 'source.orders'::regclass;

SET client_min_messages = warning;
DROP SCHEMA source, source_other, source_writer CASCADE;
DROP VIEW public.sources_reading;
DROP FUNCTION public.sources_got, public.sources_try;
DROP TABLE public.sources_seen;
REVOKE USAGE ON SCHEMA ecapi FROM regress_sources_owner;
REVOKE EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture FROM regress_sources_owner;
DROP ROLE regress_sources_owner, regress_sources_other, regress_sources_writer;
