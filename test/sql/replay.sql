--
-- What ecapi.replay, cancel_replay, retry and discard refuse, and whom.  What
-- they do is in the TAP tests 140 and 142.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
CREATE ROLE regress_replay_owner;
CREATE ROLE regress_replay_other;
GRANT USAGE ON SCHEMA ecapi TO regress_replay_owner, regress_replay_other;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ecapi TO regress_replay_owner, regress_replay_other;
CREATE SERVER replay_shop FOREIGN DATA WRAPPER ecapi
    OPTIONS (url 'https://example.com', mode 'shadow', retry_for '1d', rate_limit '0.5');
ALTER SERVER replay_shop OWNER TO regress_replay_owner;
SELECT ecapi.pause('replay_shop');
RESET client_min_messages;

-- Options.
CREATE SERVER replay_bad FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', rate_limit '0.00001');
CREATE SERVER replay_bad FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', rate_limit 'NaN');
CREATE SERVER replay_bad FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', retry_for 'soon');
CREATE SERVER replay_bad FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', retry_four '1d');

-- The destination must be there, and one's own.
SELECT ecapi.retry('replay_shap');
SELECT ecapi.retry(NULL);
SELECT ecapi.discard(NULL);
SELECT ecapi.discard('replay_shop', NULL);
SELECT ecapi.replay('replay_shap', now() - interval '1 day');
SET ROLE regress_replay_other;
SELECT ecapi.retry('replay_shop');
SELECT ecapi.discard('replay_shop');
SELECT ecapi.replay('replay_shop', '-infinity');
SELECT ecapi.cancel_replay('replay_shop');
RESET ROLE;

-- Arguments.
SET ROLE regress_replay_owner;
SELECT ecapi.replay(NULL, '-infinity');
SELECT ecapi.replay('replay_shop', NULL);
SELECT ecapi.replay('replay_shop', '-infinity', NULL);
SELECT ecapi.replay('replay_shop', now());
SELECT ecapi.replay('replay_shop', '-infinity', event_types => 'purchas');
SELECT ecapi.replay('replay_shop', '-infinity', event_types => '');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT ecapi.replay('replay_shop', '-infinity');
ROLLBACK;
BEGIN READ ONLY;
SELECT ecapi.replay('replay_shop', '-infinity');
ROLLBACK;

-- One's own destination needs no right on the tables.
SELECT ecapi.retry('replay_shop'), ecapi.discard('replay_shop'), ecapi.cancel_replay('replay_shop');
SET client_min_messages = warning;  -- what the outbox holds depends on other tests
SELECT ecapi.replay('replay_shop', now() - interval '1 hour', event_types => 'purchase') > 0 AS replayed;
RESET client_min_messages;
RESET ROLE;
-- The worker takes it up at once, so it may be running.
SELECT destination, replace(state, 'running', 'waiting') AS state, until - since AS range, event_types, requested_by,
    delivered, filtered, failed, passed_over, finished_at FROM ecapi.replay;
SELECT pg_visible_in_snapshot(r.xmin::text::xid8, r.window_end) AS sees_itself,
    pg_snapshot_xmax(r.snapshot) <= pg_snapshot_xmax(r.window_end) AS in_order
FROM ecapi.replay_cursor r;
SELECT ecapi.cancel_replay('replay_shop');
SELECT state, finished_at IS NOT NULL AS ended FROM ecapi.replay;

-- The counts that the view shows.
INSERT INTO ecapi.failed_event (destination, state, reason, xid, seq, event_id, event, attempts, failed_at, retry_since, next_try)
SELECT 'replay_shop', s, 'rejected by the receiver', '3', 1, 'id-' || i, '{}', 1,
    now() - interval '1 hour' * i, now() - interval '1 hour', CASE s WHEN 'waiting' THEN 'infinity'::timestamptz END
FROM (VALUES (1, 'waiting'), (2, 'dead'), (3, 'waiting')) v (i, s);
SELECT failed_waiting, failed_dead, failed_next_try FROM ecapi.destination WHERE destination = 'replay_shop';
SELECT what, what_to_do FROM ecapi.check() WHERE what LIKE '%"replay_shop" has failed%';
SELECT ecapi.discard('replay_shop', now() - interval '150 minutes');
SELECT ecapi.retry('replay_shop', 'id-2');
SELECT event_id, state, next_try <= clock_timestamp() AS due, retry_since > now() - interval '1 minute' AS fresh
FROM ecapi.failed_event WHERE destination = 'replay_shop' ORDER BY event_id;

-- A rename takes all of it along, a drop ends it.
ALTER SERVER replay_shop RENAME TO replay_store;
SELECT (SELECT count(*) FROM ecapi.replay WHERE destination = 'replay_store') AS replays,
    (SELECT count(*) FROM ecapi.failed_event WHERE destination = 'replay_store') AS failed;
DROP SERVER replay_store;
SELECT count(*) FROM ecapi.replay;
SELECT event_id, state, next_try FROM ecapi.failed_event WHERE destination = 'replay_store' ORDER BY event_id;
DELETE FROM ecapi.failed_event WHERE destination = 'replay_store';
SET client_min_messages = warning;
DROP OWNED BY regress_replay_owner, regress_replay_other;
DROP ROLE regress_replay_owner, regress_replay_other;
RESET client_min_messages;
