--
-- Destinations as objects: their cursors, their view, and what the doctor says
-- of those that need no network to be looked at.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
-- Wait until a condition of the worker's doing holds.
CREATE PROCEDURE wait_until(condition text) LANGUAGE plpgsql AS $$
DECLARE reached boolean;
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXECUTE 'SELECT ' || condition INTO reached;
        IF reached THEN
            RETURN;
        END IF;
        COMMIT;
        PERFORM pg_sleep(0.02);
    END LOOP;
    RAISE 'gave up waiting until %', condition;
END $$;
CREATE VIEW doctor AS
SELECT severity, what, what_to_do FROM ecapi.check() WITH ORDINALITY
WHERE what LIKE '%"dest\_%' ORDER BY ordinality;
RESET client_min_messages;

-- CREATE SERVER starts a cursor, in its own transaction.
BEGIN;
CREATE SERVER dest_gone FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com');
SELECT destination, state, delivered, filtered, failed,
    pg_visible_in_snapshot(pg_current_xact_id(), snapshot) AS sees_itself
FROM ecapi.cursor WHERE destination = 'dest_gone';
ROLLBACK;
SELECT count(*) FROM ecapi.cursor WHERE destination = 'dest_gone';

-- Shadow mode does everything but send, and the doctor reminds of it.
CREATE SERVER dest_shadow FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'https://example.com', data_set_id 'shop', mode 'shadow');
SELECT ecapi_emit('login', id => 'dest-' || i) FROM generate_series(1, 3) i;
CALL wait_until($$backlog = 0 AND state = 'idle' FROM ecapi.destination WHERE destination = 'dest_shadow'$$);
SELECT destination, mode, state, detail, backlog, failed, last_error FROM ecapi.destination WHERE destination LIKE 'dest\_%';
SELECT outcome, events, status, error FROM ecapi.request WHERE destination = 'dest_shadow';
SELECT * FROM doctor;

-- Paused: events wait; who paused it is said.
SELECT ecapi.pause('dest_shadow');
CALL wait_until($$EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'dest_shadow' AND state = 'paused')$$);
SELECT ecapi_emit('login', id => 'dest-' || i) FROM generate_series(4, 5) i;
SELECT destination, mode, state, replace(detail, current_user, 'me') AS detail, backlog, oldest_waiting_age >= '0' AS aged FROM ecapi.destination WHERE destination LIKE 'dest\_%';
SELECT * FROM doctor;
-- A pause is idempotent and survives a change of options.
SELECT ecapi.pause('dest_shadow');
ALTER SERVER dest_shadow OPTIONS (ADD batch_size '10');
SELECT state, backlog FROM ecapi.destination WHERE destination = 'dest_shadow';

-- A rename takes cursor, pause and all along.
ALTER SERVER dest_shadow RENAME TO dest_renamed;
SELECT c.destination, c.server = s.oid AS same_server, k.paused
FROM ecapi.cursor c JOIN pg_foreign_server s ON s.srvname = c.destination
    JOIN ecapi.control k ON k.destination = c.destination
WHERE c.destination LIKE 'dest\_%';
SELECT destination, state, backlog FROM ecapi.destination WHERE destination LIKE 'dest\_%';
-- the worker would write its cursor beside the one that is held
BEGIN;
LOCK TABLE ecapi.cursor_row IN SHARE ROW EXCLUSIVE MODE;
ALTER SERVER dest_renamed RENAME TO dest_other;
SELECT destination FROM ecapi.cursor WHERE destination LIKE 'dest\_%';
ROLLBACK;
SELECT destination FROM ecapi.cursor WHERE destination LIKE 'dest\_%';
SELECT ecapi.resume('dest_renamed');
CALL wait_until($$EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'dest_renamed' AND state = 'idle')$$);

-- DROP SERVER ends the cursor; a new one of the same name starts again.
DROP SERVER dest_renamed;
CALL wait_until($$NOT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'dest_renamed')$$);
SELECT (SELECT count(*) FROM ecapi.cursor WHERE destination LIKE 'dest\_%') AS cursors,
    (SELECT count(*) FROM ecapi.control WHERE destination LIKE 'dest\_%') AS controls;
CREATE SERVER dest_renamed FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow');
SELECT delivered + filtered AS disposed, backlog FROM ecapi.destination WHERE destination = 'dest_renamed';
DROP SERVER dest_renamed;

-- Credentials: the doctor names the file, never what is in it.
CREATE SERVER dest_file FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'https://example.com', data_set_id 'shop', mode 'shadow');
CREATE USER MAPPING FOR PUBLIC SERVER dest_file OPTIONS (access_token_file 'dest.token');
SELECT severity, what_to_do FROM doctor WHERE what LIKE '%file%token%' OR what LIKE '%dest.token%';
SELECT count(*) > 0 AS named FROM doctor WHERE severity = 'error' AND what LIKE '%"dest.token"%';
ALTER SERVER dest_file OPTIONS (ADD ca_file 'dest-ca.pem');
ALTER USER MAPPING FOR PUBLIC SERVER dest_file OPTIONS (DROP access_token_file, ADD access_token 'sesame-open');
SELECT count(*) > 0 AS named FROM doctor WHERE severity = 'error' AND what LIKE '%"dest-ca.pem"%';
ALTER SERVER dest_file OPTIONS (DROP ca_file);
SELECT count(*) AS errors FROM doctor WHERE severity = 'error';
SELECT count(*) AS tells FROM ecapi.check() c WHERE c::text LIKE '%sesame%';
SELECT count(*) AS tells FROM ecapi.destination d WHERE d::text LIKE '%sesame%';

-- Only the PUBLIC mapping is used.
CREATE USER MAPPING FOR CURRENT_USER SERVER dest_file OPTIONS (access_token 'sesame-open');
DROP USER MAPPING FOR CURRENT_USER SERVER dest_file;

-- A server that came while event triggers did not run gets its cursor from
-- the worker, and loses it to the worker.
SET session_replication_role = replica;
CREATE SERVER dest_silent FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow');
CALL wait_until($$EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'dest_silent' AND state = 'idle')$$);
DROP SERVER dest_silent;
RESET session_replication_role;
CALL wait_until($$NOT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'dest_silent')$$);
SELECT count(*) FROM ecapi.cursor WHERE destination = 'dest_silent';

-- The wrapper's other objects.
DROP SERVER dest_file CASCADE;
CALL wait_until($$NOT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'dest_file')$$);
SELECT count(*) FROM ecapi.cursor WHERE destination LIKE 'dest\_%';
SET client_min_messages = warning;
DROP VIEW doctor;
DROP PROCEDURE wait_until;
