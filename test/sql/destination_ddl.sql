-- What is checked when a destination is created or altered, and what becomes of its
-- enrichments when functions, schemas, owners and rights change.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_ddl_shop;
CREATE ROLE regress_ddl_author;
CREATE ROLE regress_ddl_super SUPERUSER;
GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO regress_ddl_shop;
CREATE SCHEMA ddl AUTHORIZATION regress_ddl_author;
GRANT USAGE ON SCHEMA ddl TO regress_ddl_shop;
GRANT USAGE ON SCHEMA ecapi TO regress_ddl_author, regress_ddl_shop;
SET ROLE regress_ddl_author;
CREATE TABLE ddl.costs (id text PRIMARY KEY, cost numeric);
CREATE FUNCTION ddl.margin(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', e.value - c.cost) FROM unnest(page) e JOIN ddl.costs c ON c.id = e.id;
END;
CREATE FUNCTION ddl.segment(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
CREATE FUNCTION ddl.wild(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) LANGUAGE sql AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
CREATE FUNCTION ddl."a, b.c"(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
CREATE FUNCTION ddl.single(event ecapi.event) RETURNS jsonb STABLE LANGUAGE sql AS $$ SELECT '{}'::jsonb $$;
CREATE FUNCTION ddl.scalar(page ecapi.event[]) RETURNS jsonb STABLE LANGUAGE sql AS $$ SELECT '{}'::jsonb $$;
CREATE FUNCTION ddl.hidden(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
REVOKE EXECUTE ON FUNCTION ddl.hidden FROM PUBLIC;
RESET ROLE;
CREATE FUNCTION ddl.of_super(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
ALTER FUNCTION ddl.of_super OWNER TO regress_ddl_super;
-- What a destination says, and what the catalog says that it needs.
CREATE VIEW declared AS
SELECT s.srvname AS server, s.srvowner::regrole AS owner,
    (SELECT o.option_value FROM pg_options_to_table(s.srvoptions) o WHERE o.option_name = 'enrich') AS enrich,
    (SELECT string_agg(pg_describe_object(d.refclassid, d.refobjid, 0), ', ' ORDER BY d.refobjid) FROM pg_depend d
        WHERE d.classid = 'pg_foreign_server'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_proc'::regclass) AS needs
FROM pg_foreign_server s WHERE s.srvname LIKE 'ddl\_%' ORDER BY 1;
CREATE VIEW doctor AS
SELECT s.srvname AS server, p.* FROM pg_foreign_server s, LATERAL ecapi_internal.destination_problems(s.oid) p
WHERE s.srvname LIKE 'ddl\_%' ORDER BY 1, 2, 3;
GRANT SELECT ON declared TO PUBLIC;
RESET client_min_messages;
\set VERBOSITY default

--
-- Errors when it is created
--
SET ROLE regress_ddl_shop;
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', filter 'valeu > 5');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', filter 'value > 5; SELECT 1');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', filter 'value');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', filter 'query_to_xml(''SELECT 1'', true, true, '''') IS NULL');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'margin');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddl.marign');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddll.margin');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddl.single');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddl.scalar');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddl.margin, ddl.margin');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddl.margin,');
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddl.hidden');
SELECT * FROM declared;
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', filter 'no context');
-- Nothing is left of it, and a good one is made without a word.
CREATE SERVER ddl_a FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddl.margin , DDL.segment', filter 'value > 5 AND user_data ? ''email_address''');
ALTER SERVER ddl_a OPTIONS (SET filter 'value >');
ALTER SERVER ddl_a OPTIONS (SET enrich 'ddl.margin, ddl.sagment');
ALTER SERVER ddl_a OPTIONS (SET enrich 'ddl.margin, ddl.wild, ddl."a, b.c"');
SELECT * FROM declared;
ALTER SERVER ddl_a OPTIONS (SET enrich 'ddl.margin, ddl.segment');
SELECT * FROM declared;
RESET ROLE;

--
-- Nothing runs as a superuser
--
CREATE SERVER ddl_super FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddl.of_super');
CREATE SERVER ddl_super FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddl.margin', filter 'value > 5');
ALTER SERVER ddl_super OPTIONS (SET enrich 'ddl.of_super');
-- a server that comes to a superuser, or to one without the right
ALTER SERVER ddl_a OPTIONS (SET enrich 'ddl.of_super');
ALTER SERVER ddl_a OWNER TO regress_ddl_super;
SELECT * FROM doctor;
ALTER SERVER ddl_a OWNER TO regress_ddl_shop;
ALTER SERVER ddl_super OPTIONS (SET enrich 'ddl.hidden');
ALTER SERVER ddl_super OWNER TO regress_ddl_shop;
SELECT * FROM doctor;
DROP SERVER ddl_super;
-- REASSIGN OWNED fires no event trigger: the doctor sees it
REASSIGN OWNED BY regress_ddl_shop TO regress_ddl_super;
SELECT * FROM doctor;
ALTER SERVER ddl_a OWNER TO regress_ddl_shop;
ALTER SERVER ddl_a OPTIONS (SET enrich 'ddl.margin, ddl.segment');

--
-- Drops
--
SET ROLE regress_ddl_author;
DROP FUNCTION ddl.segment;
DROP FUNCTION ddl.segment CASCADE;
DROP ROUTINE ddl.segment CASCADE;
DROP TABLE ddl.costs;
DROP TABLE ddl.costs CASCADE;
ALTER TABLE ddl.costs DROP COLUMN cost CASCADE;
DROP SCHEMA ddl CASCADE;
DROP OWNED BY regress_ddl_author;
DROP OWNED BY regress_ddl_author CASCADE;
DROP FUNCTION ddl.wild;
RESET ROLE;
SELECT * FROM declared;
SELECT destination FROM ecapi.cursor WHERE destination LIKE 'ddl\_%';
-- without the row in pg_depend, too
BEGIN;
DELETE FROM pg_depend WHERE classid = 'pg_foreign_server'::regclass AND refclassid = 'pg_proc'::regclass;
DROP FUNCTION ddl.segment;
ROLLBACK;
-- one that the destination may not call is its owner's alone, though it was named once
BEGIN;
SELECT * FROM declared;
REVOKE EXECUTE ON FUNCTION ddl.segment FROM PUBLIC, regress_ddl_shop;
SET LOCAL ROLE regress_ddl_author;
SAVEPOINT a;
DROP FUNCTION ddl.segment;
ROLLBACK TO a;
ALTER FUNCTION ddl.segment RENAME TO segments;
SELECT enrich FROM declared;
ALTER FUNCTION ddl.segments RENAME TO segment;
SET LOCAL ROLE regress_ddl_shop;
CREATE TEMPORARY TABLE ddl_passing (id int);
DROP TABLE ddl_passing;
RESET ROLE;
SELECT needs FROM declared;
SET LOCAL ROLE regress_ddl_author;
DROP FUNCTION ddl.margin;
ROLLBACK;
-- another function of the name of one that is gone
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM pg_depend WHERE classid = 'pg_foreign_server'::regclass AND refclassid = 'pg_proc'::regclass;
DROP FUNCTION ddl.segment;
SET LOCAL session_replication_role = origin;
CREATE FUNCTION ddl.segment(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
DROP FUNCTION ddl.segment;
ROLLBACK;
-- the destination itself goes as it always did; the worker would write its cursor beside
-- the one that is deleted, until that is committed
BEGIN;
LOCK TABLE ecapi.cursor_row IN SHARE ROW EXCLUSIVE MODE;
DROP SERVER ddl_a;
SELECT destination FROM ecapi.cursor WHERE destination LIKE 'ddl\_%';
DROP FUNCTION ddl.segment;
ROLLBACK;
BEGIN;
LOCK TABLE ecapi.cursor_row IN SHARE ROW EXCLUSIVE MODE;
SET LOCAL client_min_messages = warning;
DROP OWNED BY regress_ddl_shop;
SELECT destination FROM ecapi.cursor WHERE destination LIKE 'ddl\_%';
ROLLBACK;
BEGIN;
SET LOCAL client_min_messages = warning;
DROP FOREIGN DATA WRAPPER ecapi CASCADE;
ROLLBACK;
BEGIN;
SET LOCAL client_min_messages = warning;
DROP EXTENSION ecapi CASCADE;
ROLLBACK;
-- once it is not named any more, it may go
BEGIN;
ALTER SERVER ddl_a OPTIONS (SET enrich 'ddl.margin');
SELECT * FROM declared;
DROP FUNCTION ddl.segment;
ALTER SERVER ddl_a OPTIONS (DROP enrich);
SELECT * FROM declared;
SET LOCAL client_min_messages = warning;
DROP SCHEMA ddl CASCADE;
ROLLBACK;

--
-- Renames: by the functions' owner, who has no right on the server
--
BEGIN;
SET LOCAL ROLE regress_ddl_author;
ALTER FUNCTION ddl.margin RENAME TO "Margin, net";
SELECT * FROM declared;
ALTER FUNCTION ddl."Margin, net" RENAME TO "x""y";
SELECT * FROM declared;
ALTER FUNCTION ddl."x""y" RENAME TO margin2;
-- a new function of the old name is not the one that was meant
CREATE FUNCTION ddl.margin(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
-- two change places
ALTER ROUTINE ddl.margin2 RENAME TO a;
ALTER FUNCTION ddl.segment RENAME TO margin2;
ALTER FUNCTION ddl.a RENAME TO segment;
SELECT * FROM declared;
RESET ROLE;
ALTER SCHEMA ddl RENAME TO "DDL";
SELECT * FROM declared;
CREATE SCHEMA other;
ALTER FUNCTION "DDL".segment SET SCHEMA other;
SELECT * FROM declared;
SELECT * FROM doctor;
ROLLBACK;
-- functions of an extension move with it
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE SCHEMA one;
CREATE SCHEMA two;
CREATE EXTENSION tablefunc SCHEMA one;
CREATE FUNCTION one.moving(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
GRANT USAGE ON SCHEMA one, two TO regress_ddl_shop;
ALTER EXTENSION tablefunc ADD FUNCTION one.moving;
ALTER SERVER ddl_a OPTIONS (SET enrich 'ddl.margin, one.moving');
ALTER EXTENSION tablefunc SET SCHEMA two;
SELECT * FROM declared;
DROP EXTENSION tablefunc CASCADE;
ROLLBACK;

--
-- What changes afterwards, the doctor says
--
CREATE OR REPLACE FUNCTION ddl.segment(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) VOLATILE LANGUAGE sql AS $$ SELECT e.seq, '{"a": 1}'::jsonb FROM unnest(page) e $$;
SELECT * FROM declared;
SELECT * FROM doctor;
REVOKE EXECUTE ON FUNCTION ddl.margin FROM PUBLIC;
SELECT * FROM doctor;
SELECT severity, what, what_to_do FROM ecapi.check() WHERE what LIKE '%ddl\_a%right%';
-- other options may be changed all the same
ALTER SERVER ddl_a OPTIONS (ADD linger '1s', SET mode 'shadow');
ALTER SERVER ddl_a OPTIONS (SET filter 'true');
ALTER SERVER ddl_a RENAME TO ddl_b;
ALTER SERVER ddl_b RENAME TO ddl_a;
GRANT EXECUTE ON FUNCTION ddl.margin TO regress_ddl_shop;
ALTER FUNCTION ddl.segment STABLE;
SELECT * FROM doctor;

--
-- Where event triggers do not run
--
SET session_replication_role = replica;
ALTER FUNCTION ddl.segment RENAME TO segment2;
CREATE SERVER ddl_replica FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', enrich 'ddl.nothing', filter 'nothing');
ALTER SERVER ddl_replica OWNER TO regress_ddl_shop;
RESET session_replication_role;
SELECT * FROM declared;
SELECT * FROM doctor;
-- the next DDL on any function catches up
ALTER FUNCTION ddl.hidden COST 10;
SELECT * FROM declared;
SELECT * FROM doctor;
DROP SERVER ddl_replica;
ALTER FUNCTION ddl.segment2 RENAME TO segment;

--
-- A restore: what is not there yet is not asked for, and found when it comes
--
BEGIN;
CREATE SERVER ddl_restored FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow', origin '1/1', enrich 'ddl.later, ddl.margin, ddl.hidden', filter 'later');
ALTER SERVER ddl_restored OWNER TO regress_ddl_shop;
SELECT * FROM declared;
CREATE FUNCTION ddl.later(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
SELECT * FROM declared;
SELECT * FROM doctor;
ROLLBACK;

-- Servers of other wrappers are none of our business.
CREATE FOREIGN DATA WRAPPER ddl_wrapper;
CREATE SERVER ddl_other FOREIGN DATA WRAPPER ddl_wrapper OPTIONS (enrich 'a.b', filter 'x');
ALTER SERVER ddl_other OPTIONS (SET filter 'y');
DROP FOREIGN DATA WRAPPER ddl_wrapper CASCADE;

-- Nobody may call what the event triggers call.
SET ROLE regress_ddl_shop;
SELECT ecapi_internal.follow_enrichments();
SELECT ecapi_internal.depend_enrichments(true);
SELECT * FROM ecapi_internal.destination_problems(1);
RESET ROLE;

SET client_min_messages = warning;
DROP SERVER ddl_a;
DROP VIEW declared, doctor;
DROP SCHEMA ddl CASCADE;
-- revoked rights would leave an access list, where there was none
UPDATE pg_foreign_data_wrapper SET fdwacl = NULL WHERE fdwname = 'ecapi';
DELETE FROM pg_shdepend WHERE classid = 'pg_foreign_data_wrapper'::regclass AND refobjid = 'regress_ddl_shop'::regrole AND deptype = 'a';
REVOKE USAGE ON SCHEMA ecapi FROM regress_ddl_author, regress_ddl_shop;
DROP ROLE regress_ddl_shop, regress_ddl_author, regress_ddl_super;
