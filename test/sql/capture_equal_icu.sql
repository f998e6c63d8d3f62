-- on_change means what a collation means by equal.  Only ICU has collations for which another
-- text is an equal one; a server without it, which from 16 on still lists "unicode", has nothing
-- to show (capture_equal_icu_1.out).
SELECT NOT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i' AND collname <> 'unicode') AS without_icu \gset
\if :without_icu
\quit
\endif

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_equal_icu_shop;
CREATE SCHEMA equal_icu AUTHORIZATION regress_equal_icu_shop;
GRANT USAGE ON SCHEMA ecapi TO regress_equal_icu_shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture TO regress_equal_icu_shop;
RESET client_min_messages;
CREATE TEMP TABLE seen AS SELECT coalesce(max(seq), 0) AS seq FROM ecapi.outbox;

SET ROLE regress_equal_icu_shop;
CREATE COLLATION equal_icu.folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE equal_icu.words (id int PRIMARY KEY, folded text COLLATE equal_icu.folded, plain text);
SELECT ecapi.track('equal_icu.words', 'refund', '{"id": "''folded ''||new.id"}', on_change => '{folded}', name => 'folded') IS NOT NULL AS tracked;
SELECT ecapi.track('equal_icu.words', 'refund', '{"id": "''plain ''||new.id"}', on_change => '{plain}', name => 'plain') IS NOT NULL AS tracked;
SELECT ecapi.track('equal_icu.words', 'login', '{"id": "''is red ''||new.id"}', condition => $$folded = 'RED'$$, name => 'red') IS NOT NULL AS tracked;
INSERT INTO equal_icu.words VALUES (1, 'Red', 'Red');
UPDATE equal_icu.words SET folded = 'rED', plain = 'rED';
RESET ROLE;
SELECT event->>'id' AS id FROM ecapi.outbox WHERE seq > (SELECT seq FROM seen) ORDER BY seq;
UPDATE equal_icu.words SET folded = 'blue';
SELECT event->>'id' AS id FROM ecapi.outbox WHERE seq > (SELECT seq FROM seen) ORDER BY seq;

SET client_min_messages = warning;
DROP SCHEMA equal_icu CASCADE;
DROP OWNED BY regress_equal_icu_shop;
DROP ROLE regress_equal_icu_shop;
