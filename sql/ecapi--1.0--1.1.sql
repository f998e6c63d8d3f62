-- ecapi--1.0--1.1.sql: from version 1.0 to 1.1.
--
-- ALTER EXTENSION ecapi UPDATE runs it on 1.0, and CREATE EXTENSION after ecapi--1.0.sql.
-- doc/internals.md ("How to change the SQL surface") says what a step may do.

\echo Use "ALTER EXTENSION ecapi UPDATE TO '1.1'" to load this file. \quit

-- What a view or function calls is found when it is made, and by the schema of CREATE
-- EXTENSION, where others may have made operators for arguments of which the server has
-- none.  This path ends with the step.
SET LOCAL search_path = pg_catalog, pg_temp;

-- ---------------------------------------------------------------------------
-- The library comes first.  That of 1.0 lacks the function that says so, and the first
-- object of this step would be refused in words that name a file.  Later steps need the
-- call alone.
-- ---------------------------------------------------------------------------

DO $$
BEGIN
	CREATE FUNCTION ecapi_internal.require_library(version text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'ecapi_require_library';
EXCEPTION WHEN undefined_function THEN
	PERFORM ecapi_internal.refuse('55000',
		'version 1.1 of the SQL of ecapi needs its library, and an older one is in memory',
		'Install the library of version 1.1, restart the server, then ALTER EXTENSION ecapi UPDATE again.');
END
$$;

SELECT ecapi_internal.require_library('1.1');

-- ---------------------------------------------------------------------------
-- Which versions there are
-- ---------------------------------------------------------------------------

CREATE FUNCTION ecapi.version(OUT library text, OUT sql text, OUT built_for text, OUT server text) RETURNS record
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ecapi_version';

CREATE FUNCTION ecapi_internal.library_problems(OUT severity text, OUT what text, OUT what_to_do text) RETURNS SETOF record
LANGUAGE c STABLE PARALLEL SAFE ROWS 1
AS 'MODULE_PATHNAME', 'ecapi_library_problems';

-- ---------------------------------------------------------------------------
-- Several workers
-- ---------------------------------------------------------------------------

CREATE FUNCTION ecapi_internal.workers(OUT number integer, OUT pid integer, OUT state text,
	OUT started_at timestamptz, OUT starts bigint, OUT message text)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 2
AS 'MODULE_PATHNAME', 'ecapi_worker_rows';

CREATE FUNCTION ecapi_internal.worker_of(server oid, OUT number integer, OUT state text, OUT message text)
RETURNS record
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_worker_of';

CREATE VIEW ecapi.workers AS
SELECT w.number, w.pid, w.state, w.started_at, w.starts,
	ARRAY(SELECT s.srvname FROM pg_catalog.pg_foreign_server s
		JOIN pg_catalog.pg_foreign_data_wrapper f ON f.oid = s.srvfdw
		CROSS JOIN ecapi_internal.worker_of(s.oid) o
		WHERE f.fdwname = 'ecapi' AND o.number = w.number
		ORDER BY s.srvname) AS destinations,
	w.message
FROM ecapi_internal.workers() w;

-- What worker_of() says is no secret, and who may read ecapi.destination finds it there.
REVOKE ALL ON FUNCTION ecapi_internal.workers() FROM PUBLIC;
GRANT SELECT ON ecapi.workers TO pg_monitor;
GRANT EXECUTE ON FUNCTION ecapi_internal.workers() TO pg_monitor;
COMMENT ON FUNCTION ecapi.worker() IS 'whether the worker of this database runs, of several the lead, and if not, why';

-- ---------------------------------------------------------------------------
-- Rows that wait for the commit, before an ALTER.  New: what a track with on_error raise
-- raises for one of them is the command's error, whatever its SQLSTATE.  So a call that
-- does nothing, of a function that each library has, first finds whether there is a library.
-- ---------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION ecapi_internal.on_alter_start() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	BEGIN
		PERFORM ecapi_internal.open_files_limit();
	EXCEPTION WHEN undefined_file OR io_error OR undefined_function THEN
		RETURN;	-- no library: nothing waits
	END;
	PERFORM ecapi_internal.capture_pending();
END
$$;

-- ---------------------------------------------------------------------------
-- The doctor.  New: what the library says of itself, which that of 1.0 cannot say; of
-- further workers; and of shards.
-- ---------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION ecapi.check(OUT severity text, OUT what text, OUT what_to_do text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	w record;
	d record;
	n bigint;
	t text;
	full_for_all boolean;
BEGIN
	BEGIN
		FOR severity, what, what_to_do IN
			SELECT p.severity, p.what, p.what_to_do FROM ecapi_internal.library_problems() p
		LOOP
			RETURN NEXT;
		END LOOP;
	EXCEPTION WHEN undefined_function THEN
		severity := 'error';
		what := 'the library of ecapi in memory is older than the SQL of this database';
		what_to_do := 'Install the library of version 1.1 or later, then restart the server.';
		RETURN NEXT;
	END;

	SELECT * INTO w FROM ecapi.worker();
	IF NOT w.preloaded THEN
		severity := 'error';
		what := 'ecapi is not in shared_preload_libraries: events are kept, none is delivered';
		what_to_do := pg_catalog.format('Set shared_preload_libraries = %L in postgresql.conf and restart the server.',
			pg_catalog.concat_ws(', ', nullif(pg_catalog.current_setting('shared_preload_libraries'), ''), 'ecapi'));
		RETURN NEXT;
	ELSIF w.state = 'running' AND w.message LIKE 'waiting for a standby%' THEN
		severity := 'warning';
		what := pg_catalog.format('nothing is sent: no standby has what was committed last (ecapi.wait_for_standby = %s)',
			pg_catalog.current_setting('ecapi.wait_for_standby'));
		what_to_do := 'See pg_stat_replication. If this server was replaced by another primary, stop it, then make it a standby of that one; if it is to deliver without a standby, set ecapi.wait_for_standby = off and reload the configuration.';
		RETURN NEXT;
	ELSIF w.state = 'running' AND w.message IS NOT NULL AND w.message <> 'ecapi.delivery is off' THEN
		severity := 'error';
		what := pg_catalog.format('the worker fails and tries again: %s', w.message);
		what_to_do := 'Fix the cause; the server log has the message, too. Nothing is sent before.';
		RETURN NEXT;
	ELSIF w.state = 'not needed' THEN
		severity := 'ok';
		what := 'no worker runs here, for there is no destination and no event';
		what_to_do := NULL;
		RETURN NEXT;
	ELSIF w.state = 'running' THEN
		severity := 'ok';
		SELECT pg_catalog.count(*) INTO n FROM ecapi_internal.workers() o WHERE o.state = 'running';
		what := pg_catalog.format(CASE WHEN n > 1 THEN '%2$s workers are running (process %1$s is the lead)'
			ELSE 'the worker is running (process %s)' END, w.pid, n);
		what_to_do := NULL;
		RETURN NEXT;
	ELSE
		severity := 'error';
		what := pg_catalog.format('the worker of this database is not running: %s', w.message);
		what_to_do := 'See the server log; the worker is started again by itself. When no worker slot is free, raise max_worker_processes or ecapi.max_workers and restart the server.';
		RETURN NEXT;
	END IF;

	FOR d IN
		SELECT o.number, o.state, o.message FROM ecapi_internal.workers() o
		WHERE o.number > 0 AND (o.state <> 'running' OR o.message NOT LIKE 'waiting for a standby%')
			AND o.message NOT IN ('ecapi.delivery is off', 'it has yet to be started')
		ORDER BY 1
	LOOP
		severity := CASE d.state WHEN 'running' THEN 'error' ELSE 'warning' END;
		what := pg_catalog.format(CASE d.state WHEN 'running' THEN 'worker %s of this database fails and tries again: %s'
			ELSE 'worker %s of this database is not running: %s' END, d.number, d.message);
		what_to_do := CASE d.state
			WHEN 'running' THEN 'Fix the cause; the server log has the message, too. What this worker has is not sent before.'
			ELSE 'See the server log; it is started again by itself, and the others have its destinations meanwhile. When no worker slot is free, raise max_worker_processes and restart the server, or lower ecapi.workers.' END;
		RETURN NEXT;
	END LOOP;

	IF NOT pg_catalog.current_setting('ecapi.delivery')::boolean THEN
		severity := 'warning';
		what := 'ecapi.delivery is off: nothing is sent';
		what_to_do := 'Set ecapi.delivery = on and reload the configuration.';
		RETURN NEXT;
	END IF;

	n := ecapi_internal.open_files_limit();
	IF n >= 0 AND n < 1024 THEN
		severity := 'warning';
		what := pg_catalog.format('the server may open only %s files at once', n);
		what_to_do := 'Raise the file-descriptor limit of the PostgreSQL service (LimitNOFILE, ulimit -n) to at least 1024.';
		RETURN NEXT;
	END IF;

	FOR d IN SELECT v.*, s.oid AS server_oid, c.server IS NOT NULL AS has_cursor
		FROM ecapi.destination v
			JOIN pg_catalog.pg_foreign_server s ON s.srvname = v.destination
			LEFT JOIN ecapi.cursor c ON c.server = s.oid
		ORDER BY v.destination
	LOOP
		t := ecapi_internal.credential_problem(d.server_oid);
		IF t IS NOT NULL THEN
			severity := 'error';
			what := pg_catalog.format('destination "%s": %s', d.destination, t);
			what_to_do := pg_catalog.format('Fix the options (ALTER SERVER %1$I, ALTER USER MAPPING FOR PUBLIC SERVER %1$I) or the file they name.', d.destination);
			RETURN NEXT;
		END IF;
		FOR severity, what, what_to_do IN
			SELECT p.severity, pg_catalog.format('destination "%s": %s', d.destination, p.what),
				coalesce(p.what_to_do, pg_catalog.format('Fix its option with ALTER SERVER %I OPTIONS (SET ...).', d.destination))
			FROM ecapi_internal.destination_problems(d.server_oid) p
		LOOP
			RETURN NEXT;
		END LOOP;
		SELECT pg_catalog.sum(l.events) INTO n FROM ecapi.ledger l
		WHERE l.hour > pg_catalog.now() - interval '1 day' AND l.destination = d.destination
			AND l.outcome = 'filtered' AND l.reason = 'value not measured';
		IF n > 0 THEN
			severity := 'warning';
			what := pg_catalog.format('destination "%s" did not take %s events of the last day: values of their type and currency are not measured', d.destination, n);
			what_to_do := pg_catalog.format('SELECT * FROM ecapi.measure_values(%1$L), then SELECT ecapi.replay(%1$L, since => ...). Where there are too few to measure, choose fewer buckets or a lower cap.', d.destination);
			RETURN NEXT;
		END IF;
		IF NOT d.has_cursor THEN
			severity := 'warning';
			what := pg_catalog.format('destination "%s" has no cursor', d.destination);
			what_to_do := 'It was created while event triggers did not run; the worker gives it one when it starts.';
			RETURN NEXT;
		ELSIF d.state = 'stopped' THEN
			severity := 'error';
			what := pg_catalog.format('destination "%s" is stopped: %s', d.destination, d.last_error);
			what_to_do := CASE
				WHEN d.last_error LIKE '%ecapi.adopt()%' THEN
					pg_catalog.format('When this database is to deliver, and no other: SELECT ecapi.adopt(%L).', d.destination)
				WHEN d.last_error LIKE '%ecapi.rebase()%' THEN
					pg_catalog.format('SELECT ecapi.rebase(%L); events emitted before it are not sent.', d.destination)
				WHEN d.last_error LIKE '%ecapi.measure_values()%' THEN
					pg_catalog.format('SELECT * FROM ecapi.measure_values(%L).', d.destination)
				ELSE
					pg_catalog.format('Fix the cause; then ALTER SERVER or its user mapping, or SELECT ecapi.resume(%L).', d.destination)
				END;
			RETURN NEXT;
		ELSIF d.state = 'paused' THEN
			severity := 'warning';
			what := pg_catalog.format('destination "%s" is paused with %s events waiting', d.destination, d.backlog);
			what_to_do := pg_catalog.format('SELECT ecapi.resume(%L).', d.destination);
			RETURN NEXT;
		ELSIF d.state = 'waiting' THEN
			severity := 'warning';
			what := pg_catalog.format('destination "%s" waits for its next try at %s: %s', d.destination, d.next_try, d.last_error);
			what_to_do := CASE
				WHEN d.last_error LIKE 'enrichment "%' OR d.last_error LIKE 'filter: %'
				THEN 'Fix the function, its rights, or the filter; it is tried again by itself, and at once at ecapi.resume(). Or let the option enrich_on_error decide.'
				ELSE 'Nothing, when the receiver is known to be down: its events wait in the outbox.'
			END;
			RETURN NEXT;
		ELSIF d.state = 'no worker' THEN
			severity := 'warning';
			what := pg_catalog.format('destination "%s" has no worker, %s events waiting', d.destination, d.backlog);
			what_to_do := 'See what is said of the worker.';
			RETURN NEXT;
		ELSE
			severity := 'ok';
			what := pg_catalog.format('destination "%s" is %s, %s events waiting', d.destination, d.state, d.backlog);
			what_to_do := NULL;
			RETURN NEXT;
		END IF;
		IF d.mode <> 'live' THEN
			severity := 'warning';
			what := pg_catalog.format(CASE d.mode WHEN 'test' THEN 'destination "%s" is in test mode: events are sent as tests'
				ELSE 'destination "%s" is in shadow mode: nothing is sent' END, d.destination);
			what_to_do := pg_catalog.format('When its events look right: ALTER SERVER %I OPTIONS (SET mode %L).', d.destination, 'live');
			RETURN NEXT;
		END IF;
		IF d.failed_waiting + d.failed_dead > 0 THEN
			severity := 'warning';
			what := pg_catalog.format('destination "%s" has failed on events: %s wait for another try, %s are dead', d.destination, d.failed_waiting, d.failed_dead);
			what_to_do := pg_catalog.format('SELECT reason, status, answer FROM ecapi.failed_event WHERE destination = %1$L; when the cause is fixed: SELECT ecapi.retry(%1$L); to give them up: SELECT ecapi.discard(%1$L).', d.destination);
			RETURN NEXT;
		END IF;
		SELECT pg_catalog.count(*), pg_catalog.min(r.problem) INTO n, t FROM ecapi.receipt r
		WHERE r.destination = d.destination AND r.problem IS NOT NULL;
		IF n > 0 THEN
			severity := 'warning';
			what := pg_catalog.format('destination "%s" does not know what became of %s requests that its platform had accepted: %s', d.destination, n, t);
			what_to_do := pg_catalog.format('Look for them at the platform: SELECT receipt, sent_at, events, problem FROM ecapi.receipt WHERE destination = %L AND problem IS NOT NULL; then delete these rows.', d.destination);
			RETURN NEXT;
		END IF;
		IF d.given_up > 0 THEN
			severity := 'warning';
			what := pg_catalog.format('destination "%s" has given up %s events that waited too long or took too much room', d.destination, d.given_up);
			what_to_do := pg_catalog.format('SELECT sent_at, events, reason FROM ecapi.request WHERE outcome = %L AND destination = %L; fix the cause, or raise ecapi.retention_limit or ecapi.outbox_limit.', 'given_up', d.destination);
			RETURN NEXT;
		END IF;
	END LOOP;

	FOR d IN SELECT k.relation, k.name, k.enabled, k.problem FROM ecapi.track k
		WHERE k.problem IS NOT NULL OR NOT k.enabled
		ORDER BY k.relation::text, k.name
	LOOP
		IF pg_catalog.starts_with(d.problem, 'not looked at: ') THEN
			severity := 'warning';
			what := pg_catalog.format('track "%s" of table %s was %s', d.name, d.relation, d.problem);
			what_to_do := pg_catalog.format('SELECT problem FROM ecapi.track WHERE relation = %L::regclass AND name = %L;', d.relation, d.name);
			RETURN NEXT;
		ELSIF d.problem IS NOT NULL THEN
			severity := 'error';
			what := pg_catalog.format('track "%s" of table %s is broken, its rows are set aside: %s', d.name, d.relation, d.problem);
			what_to_do := pg_catalog.format('Declare it again with ecapi.track(%1$L, ...), then SELECT ecapi.recapture(); or end it: SELECT ecapi.untrack(%1$L, name => %2$L).', d.relation, d.name);
			RETURN NEXT;
		END IF;
		IF NOT d.enabled THEN
			severity := 'warning';
			what := pg_catalog.format('track "%s" of table %s is disabled: its rows are no events', d.name, d.relation);
			what_to_do := 'When it shall capture again: ALTER TABLE ... ENABLE TRIGGER.';
			RETURN NEXT;
		END IF;
	END LOOP;

	FOR severity, what, what_to_do IN
		SELECT p.severity, p.what, p.what_to_do FROM ecapi_internal.shard_problems() p
	LOOP
		RETURN NEXT;
	END LOOP;

	SELECT pg_catalog.count(*) INTO n FROM ecapi.failed_event f
	WHERE f.state = 'set_aside' AND f.relation IS NOT NULL;
	IF n > 0 THEN
		severity := 'warning';
		what := pg_catalog.format('%s rows were set aside because they could not be captured', n);
		what_to_do := 'SELECT source, relation, reason, sqlstate FROM ecapi.failed_event WHERE state = ''set_aside''; when the cause is fixed: SELECT ecapi.recapture().';
		RETURN NEXT;
	END IF;

	SELECT pg_catalog.count(*) INTO n FROM ecapi.failed_event f
	WHERE f.state = 'set_aside' AND f.relation IS NULL;
	IF n > 0 THEN
		severity := 'warning';
		what := pg_catalog.format('%s events were set aside because they were not valid', n);
		what_to_do := 'SELECT source, reason FROM ecapi.failed_event WHERE state = ''set_aside''.';
		RETURN NEXT;
	END IF;

	SELECT pg_catalog.count(*), pg_catalog.string_agg(DISTINCT a.state, ', ') INTO n, t
	FROM ecapi.amendment a
	WHERE a.state IN ('not found', 'refused', 'dropped') AND a.resolved_at > pg_catalog.now() - interval '1 day';
	IF n > 0 THEN
		severity := 'warning';
		what := pg_catalog.format('%s amendments of the last day came to nothing: %s', n, t);
		what_to_do := 'SELECT id, state, reason FROM ecapi.amendment WHERE state IN (''not found'', ''refused'', ''dropped''); where originals are older than the outbox keeps, raise ecapi.retention.';
		RETURN NEXT;
	END IF;

	SELECT pg_catalog.string_agg(DISTINCT p.pubname, ', ') INTO t
	FROM pg_catalog.pg_publication p
		JOIN pg_catalog.pg_publication_tables r ON r.pubname = p.pubname
	WHERE r.schemaname = 'ecapi';
	IF t IS NOT NULL THEN
		severity := 'error';
		what := pg_catalog.format('tables of schema ecapi are published (%s): clear identifiers leave by replication', t);
		what_to_do := 'Publish a list of tables or schemas that leaves out schema ecapi.';
		RETURN NEXT;
	END IF;

	SELECT pg_catalog.pg_size_pretty(u.bytes) AS bytes, pg_catalog.pg_size_pretty(u.bytes_limit) AS bytes_limit,
		u.is_full, u.dropped, u.not_kept, u.bytes >= 0.9 * u.bytes_limit AS is_near
	INTO d FROM ecapi.outbox_use u;
	-- a slot is emptied under a lock against all others
	SELECT pg_catalog.string_agg(h.who, ', ' ORDER BY h.who) INTO t
	FROM (SELECT DISTINCT coalesce(pg_catalog.format('process %s, open since %s', a.pid, a.xact_start),
			'a prepared transaction') AS who
		FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'relation'
			AND l.database = (SELECT o.oid FROM pg_catalog.pg_database o WHERE o.datname = pg_catalog.current_database())
			AND l.relation = 'ecapi.outbox'::regclass AND l.granted
			AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
			AND NOT EXISTS (SELECT FROM ecapi_internal.workers() o WHERE o.pid = l.pid)) h;
	IF d.is_near AND t IS NOT NULL THEN
		severity := 'warning';
		what := pg_catalog.format('the outbox is near its limit and cannot be emptied while transactions that have read it are open: %s', t);
		what_to_do := 'End them (pg_terminate_backend, ROLLBACK PREPARED).';
		RETURN NEXT;
	END IF;
	IF d.not_kept > 0 THEN
		severity := 'warning';
		what := pg_catalog.format('%s events and rows could not be captured and were not kept, for their role had set aside more than ecapi.set_aside_limit', d.not_kept);
		what_to_do := 'Emit them again from the tables they came from (ecapi.backfill). To forget the count: ALTER SEQUENCE ecapi.not_kept_seq RESTART.';
		RETURN NEXT;
	END IF;
	IF d.is_full THEN
		severity := 'error';
		what := pg_catalog.format('the outbox takes %s and ecapi.outbox_limit is %s: events are dropped, %s so far', d.bytes, d.bytes_limit, d.dropped);
		what_to_do := 'Let the worker run and fix or drop the destinations with the largest backlog, or raise ecapi.outbox_limit.';
		RETURN NEXT;
	ELSE
		severity := 'ok';
		what := pg_catalog.format('the outbox takes %s', d.bytes);
		what_to_do := NULL;
		RETURN NEXT;
		IF d.dropped > 0 THEN
			severity := 'warning';
			what := pg_catalog.format('%s events were dropped because the outbox, or the share of their role, was full', d.dropped);
			what_to_do := 'Emit them again from the tables they came from (ecapi.backfill). To forget the count: ALTER SEQUENCE ecapi.dropped_seq RESTART.';
			RETURN NEXT;
		END IF;
	END IF;

	full_for_all := d.is_full;
	FOR d IN SELECT u.role, pg_catalog.pg_size_pretty(u.bytes) AS bytes, u.is_dropped AND NOT full_for_all AS is_dropped,
			pg_catalog.pg_size_pretty(u.set_aside_bytes) AS set_aside_bytes, u.is_not_kept
		FROM ecapi.role_use u WHERE u.is_dropped OR u.is_not_kept ORDER BY u.role::text
	LOOP
		IF d.is_dropped THEN
			severity := 'error';
			what := pg_catalog.format('events of role %s take about %s of the outbox, more than ecapi.outbox_share: new ones are dropped, those of other roles are kept', d.role, d.bytes);
			what_to_do := 'Find out what emits them: SELECT relation, count(*) FROM ecapi.outbox GROUP BY 1. Let destinations take what waits, or raise ecapi.outbox_limit or ecapi.outbox_share.';
			RETURN NEXT;
		END IF;
		IF d.is_not_kept THEN
			severity := 'error';
			what := pg_catalog.format('what is set aside of role %s takes about %s, more than ecapi.set_aside_limit: more is not kept', d.role, d.set_aside_bytes);
			what_to_do := 'SELECT source, relation, reason, count(*) FROM ecapi.failed_event WHERE state = ''set_aside'' GROUP BY 1, 2, 3; when the cause is fixed: SELECT ecapi.recapture(), or delete what is not needed.';
			RETURN NEXT;
		END IF;
	END LOOP;

	-- of an outbox that was changed by hand the worker's message tells
	BEGIN
		FOR d IN SELECT m.* FROM ecapi_internal.model_drift() m WHERE m.orders < m.low OR m.orders > m.high ORDER BY m.relation::text
		LOOP
			severity := 'warning';
			what := pg_catalog.format('%s orders came in table %s from %s up to %s, and between %s and %s were expected: its predictions may not hold',
				d.orders, d.relation, d.since, d.until, pg_catalog.round(d.low), pg_catalog.round(d.high));
			what_to_do := pg_catalog.format('Fit again with ecapi.fit(%L, ...), and read the report.', d.relation);
			RETURN NEXT;
		END LOOP;
	EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR datatype_mismatch THEN
		NULL;
	END;
END
$$;

-- ---------------------------------------------------------------------------
-- Reports: pages of HTML, written by a library of their own.  Each section reads through
-- one of the functions report_...(), which show sums, names and states, and of answers
-- what report_answers() gives to the library alone, which shows the words of a list.
--
-- The page is for pg_monitor, so it is read with the rights of the extension's owner, as
-- the doctor is; that of one event is for those to whom its owner grants it, as
-- ecapi.trace().
-- ---------------------------------------------------------------------------

-- The pieces into which the figures of a span fall, at most 124, in the time zone of the
-- session: hours, days, weeks, months, years.  Of years only those that the ledger has.  The
-- ledger's hours are those of UTC, so in some zones the first begins before the span.  A
-- day begins when its clocks do, also where these skip midnight.
--
-- How long a span is, is asked in seconds: the longest ones are no interval.
CREATE FUNCTION ecapi_internal.report_unit(since timestamptz, until timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN CASE WHEN date_part('epoch', until) - date_part('epoch', since) <= 2 * 86400 THEN 'hour'
	WHEN date_part('epoch', until) - date_part('epoch', since) <= 62 * 86400 THEN 'day'
	WHEN date_part('epoch', until) - date_part('epoch', since) <= 434 * 86400 THEN 'week'
	WHEN date_part('epoch', until) - date_part('epoch', since) <= 3720 * 86400 THEN 'month' ELSE 'year' END;

CREATE FUNCTION ecapi_internal.report_spans(since timestamptz, until timestamptz,
	OUT unit text, OUT starts timestamptz)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT u.unit, date_trunc(u.unit, g.at)
	FROM (SELECT ecapi_internal.report_unit(since, until) AS unit) u,
		(SELECT min(l.hour) AS first, max(l.hour) + '1 hour' AS last FROM ecapi.ledger l) l,
		LATERAL (
			SELECT CASE WHEN u.unit <> 'year' OR since > l.first THEN since ELSE l.first END AS low,
				CASE WHEN u.unit <> 'year' OR until < l.last THEN until ELSE l.last END AS high
		) b,
		LATERAL generate_series(date_trunc(u.unit, date_trunc('hour', b.low, 'UTC')), b.high + ('1 ' || u.unit)::interval, ('1 ' || u.unit)::interval) g (at)
	WHERE date_trunc(u.unit, g.at) < b.high
	ORDER BY g.at
	LIMIT 124;
END;

-- The ledger's hours are those of UTC, also for sessions in other zones.
CREATE OR REPLACE FUNCTION ecapi.consent_report(
	since timestamptz,
	until timestamptz DEFAULT now(),
	OUT destination name,
	OUT decision text,
	OUT rule text,
	OUT currency text,
	OUT events bigint,
	OUT value numeric)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT l.destination,
		CASE WHEN l.outcome = 'filtered' THEN 'denied'
			WHEN coalesce(l.reason, 'amendment') = 'amendment' THEN 'sent' ELSE 'restricted' END,
		nullif(l.reason, 'amendment'), l.currency, sum(l.events)::bigint, sum(l.value)
	FROM ecapi.ledger l
	WHERE l.hour >= pg_catalog.date_trunc('hour', since, 'UTC') AND l.hour < until
		AND (l.outcome IN ('delivered', 'shadow') OR (l.outcome = 'filtered' AND l.reason LIKE 'consent%'))
	GROUP BY 1, 2, 3, 4
	ORDER BY 1, 2 DESC, 3, 4;
END;

-- What became of events, in whole hours, as the ledger has them.
CREATE FUNCTION ecapi_internal.report_outcomes(since timestamptz, until timestamptz,
	OUT destination name, OUT outcome text, OUT events bigint)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT l.destination, l.outcome, sum(l.events)::bigint
	FROM ecapi.ledger l
	WHERE l.hour >= date_trunc('hour', since, 'UTC') AND l.hour < until
	GROUP BY l.destination, l.outcome
	ORDER BY l.destination, l.outcome;
END;

CREATE FUNCTION ecapi_internal.report_reasons(since timestamptz, until timestamptz,
	OUT destination name, OUT outcome text, OUT reason text, OUT events bigint)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT l.destination, l.outcome, l.reason, sum(l.events)::bigint
	FROM ecapi.ledger l
	WHERE l.hour >= date_trunc('hour', since, 'UTC') AND l.hour < until
		AND l.outcome IN ('filtered', 'failed', 'given_up', 'erased')
	GROUP BY l.destination, l.outcome, l.reason
	ORDER BY sum(l.events) DESC, l.destination, l.outcome, l.reason;
END;

-- Values by currency, which are never added up over currencies, nor over destinations:
-- each destination is told of the same conversions.
CREATE FUNCTION ecapi_internal.report_values(since timestamptz, until timestamptz,
	OUT currency text, OUT destination name, OUT starts timestamptz,
	OUT delivered_events bigint, OUT delivered numeric, OUT other_events bigint, OUT other numeric)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT l.currency, l.destination, date_trunc(ecapi_internal.report_unit(since, until), l.hour),
		coalesce(sum(l.events) FILTER (WHERE l.outcome = 'delivered'), 0)::bigint,
		coalesce(sum(l.value) FILTER (WHERE l.outcome = 'delivered'), 0),
		coalesce(sum(l.events) FILTER (WHERE l.outcome <> 'delivered'), 0)::bigint,
		coalesce(sum(l.value) FILTER (WHERE l.outcome <> 'delivered'), 0)
	FROM ecapi.ledger l
	WHERE l.hour >= date_trunc('hour', since, 'UTC') AND l.hour < until AND l.currency IS NOT NULL AND l.value IS NOT NULL
	GROUP BY 1, 2, 3
	ORDER BY 1, 2, 3;
END;

-- Requests with the time to the answer, where one came, and with what went wrong, where
-- something did; where an answer came, error begins with its status.  Not STRICT, so that it is no function when it
-- is run: the log may be long.
CREATE FUNCTION ecapi_internal.report_requests(since timestamptz, until timestamptz,
	OUT destination name, OUT events integer, OUT latency_ms double precision, OUT sent_at timestamptz,
	OUT outcome text, OUT error text)
RETURNS SETOF record
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
BEGIN ATOMIC
	SELECT r.destination, r.events, r.latency_ms, r.sent_at,
		CASE WHEN r.attempt > 0 AND r.outcome <> 'delivered' AND r.error IS NOT NULL THEN r.outcome END,
		CASE WHEN r.attempt > 0 AND r.outcome <> 'delivered' THEN
			CASE WHEN r.status IS NULL OR r.error LIKE 'HTTP status %' THEN r.error
				ELSE 'HTTP status ' || r.status || ': ' || r.error END END
	FROM ecapi.request r
	WHERE r.sent_at >= since AND r.sent_at < until;
END;

-- Failed events that stand now, with the newest answers of each kind as they came.  These
-- may repeat what a receiver was sent, so no role is granted this.
CREATE FUNCTION ecapi_internal.report_answers(since timestamptz, until timestamptz,
	OUT destination name, OUT state text, OUT reason text, OUT status integer, OUT events bigint, OUT answers text[])
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT g.destination, g.state, g.reason, g.status, g.events, ARRAY(
		SELECT f.answer FROM ecapi.failed_event f
		WHERE f.destination IS NOT DISTINCT FROM g.destination AND f.failed_id BETWEEN g.newest - 1000 AND g.newest
			AND f.state = g.state AND f.reason = g.reason AND f.status IS NOT DISTINCT FROM g.status AND f.answer IS NOT NULL
		ORDER BY f.failed_id DESC LIMIT 20)
	FROM (
		SELECT f.destination, f.state, f.reason, f.status, count(*) AS events, max(f.failed_id) AS newest
		FROM ecapi.failed_event f
		WHERE f.failed_at >= since AND f.failed_at < until
		GROUP BY f.destination, f.state, f.reason, f.status
		ORDER BY count(*) DESC, f.destination, f.state, f.reason, f.status
		LIMIT 41) g;
END;

-- What was committed, by the table that it came from; what the outbox still has.
CREATE FUNCTION ecapi_internal.report_committed(since timestamptz, until timestamptz,
	OUT source text, OUT events bigint, OUT oldest timestamptz)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT o.relation::text, count(*), min(o.emitted_at)
	FROM ecapi.outbox o
	WHERE o.emitted_at >= since AND o.emitted_at < until
	GROUP BY o.relation
	ORDER BY count(*) DESC, o.relation::text;
END;

-- Bytes of heap of a table with its partitions.
CREATE FUNCTION ecapi_internal.report_bytes(relation regclass) RETURNS bigint
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(sum(pg_relation_size(t.relid)), pg_relation_size(report_bytes.relation))::bigint
	FROM pg_partition_tree(report_bytes.relation) t WHERE t.isleaf);

-- Tracks, and how many bytes reconciling one would read: its table and the outbox.
CREATE FUNCTION ecapi_internal.report_tracks(
	OUT relation regclass, OUT name text, OUT event_type text, OUT problem text, OUT bytes bigint)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT t.relation, t.name, t.event_type, t.problem,
		ecapi_internal.report_bytes(t.relation) + (SELECT ecapi_internal.report_bytes('ecapi.outbox'))
	FROM ecapi.track t
	WHERE t.enabled
	ORDER BY t.relation::text, t.name;
END;

-- What reconciling a track comes to.  plain: as long as that runs no SQL of the table's owner,
-- which would run in the session of who reads the report.
CREATE FUNCTION ecapi_internal.report_reconcile(
	relation regclass,
	since timestamptz,
	until timestamptz,
	name text,
	plain boolean,
	OUT track name,
	OUT destination name,
	OUT outcome text,
	OUT reason text,
	OUT currency text,
	OUT events bigint,
	OUT value numeric,
	OUT ids text[])
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_reconcile_for_report';

-- The newest fit of each table, with what it predicted of the days that were held out.  The
-- fit says which prediction it judged, that of its scores; of one by 1.0, which did not say,
-- it is that of the model.
CREATE FUNCTION ecapi_internal.report_models(
	OUT relation text, OUT model text, OUT fitted_at timestamptz, OUT learnt_until date, OUT span_end date,
	OUT currency text, OUT customers bigint, OUT orders bigint, OUT problem text,
	OUT prediction text, OUT is_baseline boolean, OUT is_used boolean, OUT predicted numeric, OUT actual numeric,
	OUT total_error double precision, OUT mae double precision, OUT gini double precision, OUT top_decile double precision,
	OUT predicted_tenths double precision[], OUT actual_tenths double precision[])
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT m.relation::text, m.model, m.fitted_at, m.learnt_until, m.span_end, m.currency, m.customers, m.orders, m.problem,
		h.row ->> 'prediction', coalesce((h.row ->> 'is_baseline')::boolean, false),
		coalesce((h.row ->> 'is_judged')::boolean,
			starts_with(m.model, h.row ->> 'prediction') AND NOT (h.row ->> 'is_baseline')::boolean, false),
		(v.value ->> 'predicted')::numeric, (v.value ->> 'actual')::numeric, (v.value ->> 'total_error')::float8,
		(v.value ->> 'mae')::float8, (v.value ->> 'gini')::float8, (v.value ->> 'top_decile')::float8,
		ARRAY(SELECT (c.tenth ->> 'predicted')::float8 FROM jsonb_array_elements(v.value -> 'calibration') WITH ORDINALITY c (tenth, n) ORDER BY c.n),
		ARRAY(SELECT (c.tenth ->> 'actual')::float8 FROM jsonb_array_elements(v.value -> 'calibration') WITH ORDINALITY c (tenth, n) ORDER BY c.n)
	FROM (SELECT DISTINCT ON (n.relation) n.* FROM ecapi.model n ORDER BY n.relation, n.fit_id DESC LIMIT 26) m,
		LATERAL jsonb_array_elements(m.holdout) WITH ORDINALITY h (row, n),
		LATERAL (SELECT h.row -> 'value') v (value)
	ORDER BY m.relation::text, h.n;
END;

CREATE FUNCTION ecapi.report(
	since timestamptz DEFAULT now() - '7 days'::interval,
	until timestamptz DEFAULT now(),
	reconcile boolean DEFAULT NULL)
RETURNS text
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off
AS '$libdir/ecapi_report', 'ecapi_report';

CREATE FUNCTION ecapi.trace_report(id text)
RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off
AS '$libdir/ecapi_report', 'ecapi_trace_report';

-- ---------------------------------------------------------------------------
-- Statistics, and metrics
-- ---------------------------------------------------------------------------

CREATE FUNCTION ecapi_internal.stat_destinations(
	OUT server oid,
	OUT delivered bigint,
	OUT shadow bigint,
	OUT filtered bigint,
	OUT failed bigint,
	OUT given_up bigint,
	OUT erased bigint,
	OUT rejected bigint,
	OUT retried bigint,
	OUT bytes_sent bigint,
	OUT identified bigint,
	OUT unidentified bigint,
	OUT requests_taken bigint,
	OUT requests_partly_taken bigint,
	OUT requests_refused bigint,
	OUT requests_throttled bigint,
	OUT requests_failed bigint,
	OUT requests_unanswered bigint,
	OUT requests_unsent bigint,
	OUT requests_other bigint,
	OUT request_time double precision,
	OUT delivery_age double precision,
	OUT starting_time double precision,
	OUT idle_time double precision,
	OUT delivering_time double precision,
	OUT waiting_time double precision,
	OUT paused_time double precision,
	OUT stopped_time double precision,
	OUT state text,
	OUT state_since timestamptz,
	OUT queued bigint,
	OUT requests_in_flight bigint,
	OUT stats_reset timestamptz)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_stat_destination_rows';

CREATE FUNCTION ecapi_internal.stat_filtered(
	OUT server oid,
	OUT reason text,
	OUT events bigint)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_stat_filtered_rows';

CREATE FUNCTION ecapi_internal.stat_histograms(
	OUT server oid,
	OUT measure text,
	OUT up_to double precision,
	OUT count bigint)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_stat_histogram_rows';

CREATE FUNCTION ecapi_internal.stat_tracks(
	OUT trigger oid,
	OUT rows_seen bigint,
	OUT events bigint,
	OUT condition_false bigint,
	OUT set_aside bigint,
	OUT dropped bigint,
	OUT stats_reset timestamptz)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_stat_track_rows';

CREATE FUNCTION ecapi_internal.stat_worker(
	OUT other_time double precision,
	OUT sql_time double precision,
	OUT users_sql_time double precision,
	OUT shaping_time double precision,
	OUT recording_time double precision,
	OUT waiting_time double precision,
	OUT turns bigint,
	OUT stats_reset timestamptz,
	OUT pages bigint,
	OUT page_bytes bigint,
	OUT body_bytes bigint,
	OUT bytes_limit bigint,
	OUT requests_in_flight bigint,
	OUT ticks bigint,
	OUT queued bigint)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_stat_worker_row';

-- Begin at zero, with one destination or with all that is counted in this database.
CREATE FUNCTION ecapi.stat_reset(destination name DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_stat_reset_counters';

-- What ecapi.metrics() asks of tables.  Each arm begins where the cursor stands, by the
-- index, and none reads more than most rows: what waits behind a cursor is
--	 1. what is beyond its position, or, between windows, beyond its snapshot
--	 2. what the open window does not see, before the position
--	 3. of the transactions that ran at its snapshot, what it has not passed
CREATE FUNCTION ecapi_internal.stat_gauges(
	most integer,
	OUT server oid,
	OUT destination name,
	OUT backlog bigint,
	OUT oldest timestamptz,
	OUT failed_waiting bigint,
	OUT failed_dead bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_sort = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
	-- planned once in a session: a plan takes longer than the rows
	RETURN QUERY
	SELECT s.oid, s.srvname, b.n, b.oldest,
		(SELECT pg_catalog.count(*) FROM (SELECT 1 FROM ecapi.failed_event e
			WHERE e.destination = s.srvname AND e.state = 'waiting' LIMIT most) w),
		(SELECT pg_catalog.count(*) FILTER (WHERE d.state = 'dead') FROM (SELECT e.state FROM ecapi.failed_event e
			WHERE e.destination = s.srvname ORDER BY e.failed_id DESC LIMIT most) d)
	FROM pg_catalog.pg_foreign_server s
		JOIN pg_catalog.pg_foreign_data_wrapper f ON f.oid = s.srvfdw AND f.fdwname = 'ecapi'
		LEFT JOIN ecapi.cursor c ON c.server = s.oid
		LEFT JOIN LATERAL (
			SELECT pg_catalog.count(*) AS n, pg_catalog.min(a.emitted_at) AS oldest
			FROM (
				SELECT u.emitted_at
				FROM (
					(SELECT e.emitted_at FROM ecapi.outbox e
					WHERE (e.xid, e.seq) >
						(CASE WHEN c.arm = 1 AND c.window_end IS NOT NULL THEN c.xid
							ELSE pg_catalog.pg_snapshot_xmax(c.snapshot) END,
						CASE WHEN c.arm = 1 AND c.window_end IS NOT NULL THEN c.seq ELSE -1 END)
					ORDER BY e.xid, e.seq LIMIT most)
					UNION ALL
					(SELECT e.emitted_at
					FROM pg_catalog.pg_snapshot_xip(c.window_end) y
						CROSS JOIN LATERAL (SELECT o.emitted_at FROM ecapi.outbox o WHERE o.xid = y LIMIT most) e
					WHERE c.arm = 1 AND y >= pg_catalog.pg_snapshot_xmax(c.snapshot) AND y < c.xid
					LIMIT most)
					UNION ALL
					(SELECT e.emitted_at
					FROM pg_catalog.pg_snapshot_xip(c.snapshot) x
						CROSS JOIN LATERAL (SELECT o.emitted_at FROM ecapi.outbox o
							WHERE o.xid = x AND o.seq > CASE
								WHEN c.window_end IS NULL OR NOT pg_catalog.pg_visible_in_snapshot(x, c.window_end) THEN -1
								WHEN c.arm = 1 OR x < c.xid THEN 9223372036854775807
								WHEN x = c.xid THEN c.seq
								ELSE -1 END
							LIMIT most) e
					LIMIT most)
				) u
				LIMIT most
			) a
		) b ON c.server IS NOT NULL;
END
$$;

-- All statistics as text: "openmetrics", or "prometheus" for the format of before.
CREATE FUNCTION ecapi.metrics(format text DEFAULT 'openmetrics') RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_metrics';

CREATE VIEW ecapi.stat_destination AS
SELECT s.srvname AS destination,
	d.delivered, d.shadow, d.filtered, d.failed, d.given_up, d.erased, d.rejected, d.retried,
	d.bytes_sent, d.identified, d.unidentified,
	d.requests_taken, d.requests_partly_taken, d.requests_refused, d.requests_throttled,
	d.requests_failed, d.requests_unanswered, d.requests_unsent, d.requests_other,
	d.request_time, d.delivery_age,
	d.starting_time, d.idle_time, d.delivering_time, d.waiting_time, d.paused_time, d.stopped_time,
	CASE WHEN w.state = 'running' THEN d.state ELSE 'no worker' END AS state,
	CASE WHEN w.state = 'running' THEN d.state_since END AS state_since,
	d.queued, d.requests_in_flight,
	d.stats_reset
FROM ecapi_internal.stat_destinations() d
	JOIN pg_catalog.pg_foreign_server s ON s.oid = d.server
	CROSS JOIN LATERAL ecapi_internal.worker_of(s.oid) w;

CREATE VIEW ecapi.stat_filtered AS
SELECT s.srvname AS destination, d.reason, d.events
FROM ecapi_internal.stat_filtered() d JOIN pg_catalog.pg_foreign_server s ON s.oid = d.server;

CREATE VIEW ecapi.stat_histogram AS
SELECT s.srvname AS destination, d.measure, d.up_to, d.count
FROM ecapi_internal.stat_histograms() d JOIN pg_catalog.pg_foreign_server s ON s.oid = d.server;

-- Several places of one track are added up (src/shmem/places.c).
CREATE VIEW ecapi.stat_track AS
SELECT t.tgrelid::pg_catalog.regclass AS relation,
	CASE WHEN pg_catalog.starts_with(t.tgname::text, 'ecapi_')
		THEN pg_catalog.substr(t.tgname::text, 7) ELSE t.tgname::text END AS name,
	pg_catalog.sum(d.rows_seen)::bigint AS rows_seen,
	pg_catalog.sum(d.events)::bigint AS events,
	pg_catalog.sum(d.condition_false)::bigint AS condition_false,
	pg_catalog.sum(d.set_aside)::bigint AS set_aside,
	pg_catalog.sum(d.dropped)::bigint AS dropped,
	pg_catalog.min(d.stats_reset) AS stats_reset
FROM ecapi_internal.stat_tracks() d JOIN pg_catalog.pg_trigger t ON t.oid = d.trigger
GROUP BY t.oid, t.tgrelid, t.tgname;

CREATE VIEW ecapi.stat_worker AS
SELECT w.pid, d.turns, d.sql_time, d.users_sql_time, d.shaping_time, d.recording_time,
	d.waiting_time, d.other_time, d.pages, d.page_bytes, d.body_bytes, d.bytes_limit,
	d.requests_in_flight, d.ticks, d.queued, d.stats_reset
FROM ecapi_internal.stat_worker() d CROSS JOIN ecapi.worker() w;

-- The gauges of ecapi.metrics() as rows, for readers who may look at none of the tables.
CREATE VIEW ecapi.stat_waiting AS
SELECT g.destination, g.backlog, g.oldest, g.failed_waiting, g.failed_dead
FROM ecapi_internal.stat_gauges(1000) g;

-- Who has read or written a slot keeps it from being emptied until his transaction ends.
CREATE VIEW ecapi.stat_outbox AS
SELECT u.bytes, u.bytes_limit, u.is_full, u.dropped, u.not_kept,
	coalesce((
		SELECT greatest(extract(epoch FROM pg_catalog.clock_timestamp()
			- pg_catalog.min(coalesce(a.xact_start, x.prepared))), 0) * 1000
		FROM pg_catalog.pg_locks l
			LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
			LEFT JOIN pg_catalog.pg_prepared_xacts x ON l.pid IS NULL AND l.virtualtransaction = '-1/' || x.transaction::text
		WHERE l.locktype = 'relation' AND l.granted
			AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
			AND l.relation IN (SELECT t.relid FROM pg_catalog.pg_partition_tree('ecapi.outbox') t)
			AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()), 0)::double precision AS held_time
FROM ecapi.outbox_use u;

-- Long commands: whose they are is shown by the rules of pg_stat_activity.
CREATE FUNCTION ecapi_internal.stat_progress(
	OUT pid int,
	OUT command text,
	OUT relation regclass,
	OUT phase text,
	OUT done bigint,
	OUT total bigint,
	OUT started_at timestamptz)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_stat_progress_rows';

CREATE VIEW ecapi.stat_progress AS
SELECT p.pid, pg_catalog.current_database() AS datname, p.command, p.relation, NULL::name AS destination, p.phase,
	p.done, p.total, p.started_at
FROM ecapi_internal.stat_progress() p
UNION ALL
SELECT NULL, pg_catalog.current_database(), 'replay', NULL, r.destination,
	CASE r.state WHEN 'running' THEN 'sending events' ELSE 'waiting for the destination' END,
	r.delivered + r.filtered + r.failed + r.passed_over, NULL, r.requested_at
FROM ecapi.replay r JOIN pg_catalog.pg_foreign_server s ON s.srvname = r.destination
WHERE r.state IN ('waiting', 'running')
	AND (pg_catalog.pg_has_role(s.srvowner, 'USAGE') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'));

-- ---------------------------------------------------------------------------
-- Rights: of new objects alone.  ecapi.version() is for all who may use the schema.
-- ---------------------------------------------------------------------------

CREATE FUNCTION ecapi.match_quality(
	destination name,
	since timestamptz DEFAULT now() - interval '7 days',
	until timestamptz DEFAULT now(),
	sample int DEFAULT 10000,
	OUT event_type text,
	OUT identifier text,
	OUT events bigint,
	OUT carried bigint,
	OUT share numeric,
	OUT left_out bigint,
	OUT reason text,
	OUT identifiers numeric,
	OUT score numeric,
	OUT gain numeric,
	OUT advice text)
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 30
AS 'MODULE_PATHNAME', 'ecapi_match_quality';

REVOKE ALL ON FUNCTION ecapi.match_quality(name, timestamptz, timestamptz, int) FROM PUBLIC;
COMMENT ON FUNCTION ecapi.match_quality(name, timestamptz, timestamptz, int) IS 'which identifiers of persons the events of a span carry to a destination, what was left out, and what would raise the share that its platform can match; for the destination''s owner';

REVOKE ALL ON FUNCTION ecapi_internal.require_library(text), ecapi_internal.library_problems() FROM PUBLIC;

REVOKE ALL ON FUNCTION ecapi.report(timestamptz, timestamptz, boolean), ecapi.trace_report(text),
	ecapi_internal.report_unit(timestamptz, timestamptz), ecapi_internal.report_spans(timestamptz, timestamptz),
	ecapi_internal.report_outcomes(timestamptz, timestamptz), ecapi_internal.report_reasons(timestamptz, timestamptz),
	ecapi_internal.report_values(timestamptz, timestamptz), ecapi_internal.report_requests(timestamptz, timestamptz),
	ecapi_internal.report_answers(timestamptz, timestamptz),
	ecapi_internal.report_committed(timestamptz, timestamptz), ecapi_internal.report_bytes(regclass),
	ecapi_internal.report_tracks(), ecapi_internal.report_reconcile(regclass, timestamptz, timestamptz, text, boolean),
	ecapi_internal.report_models() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ecapi.report(timestamptz, timestamptz, boolean) TO pg_monitor;

-- The function knows by itself what its caller may see, and callers find it through the view alone.
GRANT EXECUTE ON FUNCTION ecapi_internal.stat_progress() TO PUBLIC;
GRANT SELECT ON ecapi.stat_progress TO pg_monitor;
COMMENT ON FUNCTION ecapi_internal.stat_progress() IS 'rows of ecapi.stat_progress, but for replays';
COMMENT ON VIEW ecapi.stat_progress IS 'long commands of this database, and how far they are; of other roles'' commands the process alone';
COMMENT ON COLUMN ecapi.stat_progress.pid IS 'process; NULL: a worker, which sends a replay';
COMMENT ON COLUMN ecapi.stat_progress.datname IS 'this database';
COMMENT ON COLUMN ecapi.stat_progress.command IS 'backfill, fit, reconcile, forget or replay';
COMMENT ON COLUMN ecapi.stat_progress.relation IS 'the table that it is about';
COMMENT ON COLUMN ecapi.stat_progress.destination IS 'the destination of a replay';
COMMENT ON COLUMN ecapi.stat_progress.phase IS 'what it is at';
COMMENT ON COLUMN ecapi.stat_progress.done IS 'rows, events or customers of this phase so far';
COMMENT ON COLUMN ecapi.stat_progress.total IS 'how many there are, as far as that is known; of rows the planner''s estimate';
COMMENT ON COLUMN ecapi.stat_progress.started_at IS 'when it was begun';

REVOKE ALL ON FUNCTION ecapi_internal.stat_destinations(), ecapi_internal.stat_filtered(),
	ecapi_internal.stat_histograms(), ecapi_internal.stat_tracks(), ecapi_internal.stat_worker(),
	ecapi_internal.stat_gauges(integer), ecapi.stat_reset(name), ecapi.metrics(text) FROM PUBLIC;
GRANT SELECT ON ecapi.stat_destination, ecapi.stat_filtered, ecapi.stat_histogram, ecapi.stat_track,
	ecapi.stat_worker, ecapi.stat_waiting, ecapi.stat_outbox TO pg_monitor;
GRANT EXECUTE ON FUNCTION ecapi_internal.stat_destinations(), ecapi_internal.stat_filtered(),
	ecapi_internal.stat_histograms(), ecapi_internal.stat_tracks(), ecapi_internal.stat_worker(),
	ecapi_internal.stat_gauges(integer), ecapi.metrics(text) TO pg_monitor;

-- ---------------------------------------------------------------------------
-- Comments
-- ---------------------------------------------------------------------------

COMMENT ON FUNCTION ecapi_internal.require_library(text) IS 'raises an error where the library is older than that version; upgrade steps begin with it';
COMMENT ON FUNCTION ecapi_internal.workers() IS 'rows of ecapi.workers';
COMMENT ON FUNCTION ecapi_internal.worker_of(oid) IS 'the worker that is to have a destination, and whether it runs';
COMMENT ON VIEW ecapi.workers IS 'the workers of this database that run or shall run, see the setting ecapi.workers';
COMMENT ON COLUMN ecapi.workers.number IS '0: the lead, which always runs while there is anything to do';
COMMENT ON COLUMN ecapi.workers.pid IS 'process; NULL: it does not run';
COMMENT ON COLUMN ecapi.workers.state IS 'running, starting or stopped';
COMMENT ON COLUMN ecapi.workers.started_at IS 'when it was asked for last';
COMMENT ON COLUMN ecapi.workers.starts IS 'how often it was asked for since the database has workers';
COMMENT ON COLUMN ecapi.workers.destinations IS 'the destinations assigned to it, including those that another worker has yet to hand over';
COMMENT ON COLUMN ecapi.workers.message IS 'why it does not run, or what it last ran into';
COMMENT ON FUNCTION ecapi.adopt(name) IS 'let a destination of a copied or upgraded database deliver from here: after pg_upgrade what waits, in a copy what commits later';
COMMENT ON FUNCTION ecapi.suggest_mapping(regclass, text) IS 'a mapping for ecapi.track(), guessed from names and types of columns, also of tables to which foreign keys lead; parts of addresses may be several steps away';
COMMENT ON FUNCTION ecapi.version() IS 'versions of the library, of the SQL of this database, of the server for which the library was built, and of the server';
COMMENT ON FUNCTION ecapi_internal.library_problems() IS 'what the library finds wrong with itself and with its server, for ecapi.check()';
COMMENT ON FUNCTION ecapi.report(timestamptz, timestamptz, boolean) IS 'a page of HTML for people: what was committed, sent, filtered and failed in a span, by destination, day and currency, and what the doctor says; reconcile: whether tracks are reconciled, NULL: those that are small';
COMMENT ON FUNCTION ecapi.trace_report(text) IS 'ecapi.trace() as a page of HTML: one event, from the row to each receiver''s answer, on a time line';
COMMENT ON FUNCTION ecapi_internal.report_unit(timestamptz, timestamptz) IS 'into what a report divides a span: hour, day, week, month or year';
COMMENT ON FUNCTION ecapi_internal.report_spans(timestamptz, timestamptz) IS 'the pieces into which a report divides a span';
COMMENT ON FUNCTION ecapi_internal.report_outcomes(timestamptz, timestamptz) IS 'events by destination and outcome, for a report';
COMMENT ON FUNCTION ecapi_internal.report_reasons(timestamptz, timestamptz) IS 'events that were not delivered, by the reason, for a report';
COMMENT ON FUNCTION ecapi_internal.report_values(timestamptz, timestamptz) IS 'values by currency, destination and piece of the span, for a report';
COMMENT ON FUNCTION ecapi_internal.report_requests(timestamptz, timestamptz) IS 'requests with their times and errors, for a report';
COMMENT ON FUNCTION ecapi_internal.report_answers(timestamptz, timestamptz) IS 'failed events by reason, with answers as they came, for the library of reports alone';
COMMENT ON FUNCTION ecapi_internal.report_committed(timestamptz, timestamptz) IS 'events of the outbox by the table that they came from, for a report';
COMMENT ON FUNCTION ecapi_internal.report_bytes(regclass) IS 'size of a table with its partitions';
COMMENT ON FUNCTION ecapi_internal.report_tracks() IS 'tracks, and what reconciling them would read, for a report';
COMMENT ON FUNCTION ecapi_internal.report_reconcile(regclass, timestamptz, timestamptz, text, boolean) IS 'ecapi.reconcile() of a track for a report; plain: unless SQL of the table''s owner would run';
COMMENT ON FUNCTION ecapi_internal.report_models() IS 'the newest fit of each table, prediction by prediction, for a report';
COMMENT ON FUNCTION ecapi_internal.stat_destinations() IS 'rows of ecapi.stat_destination, by the oid of the server';
COMMENT ON FUNCTION ecapi_internal.stat_filtered() IS 'rows of ecapi.stat_filtered, by the oid of the server';
COMMENT ON FUNCTION ecapi_internal.stat_histograms() IS 'rows of ecapi.stat_histogram, by the oid of the server';
COMMENT ON FUNCTION ecapi_internal.stat_tracks() IS 'rows of ecapi.stat_track, by the oid of the trigger';
COMMENT ON FUNCTION ecapi_internal.stat_worker() IS 'the row of ecapi.stat_worker, or none where nothing is counted';
COMMENT ON FUNCTION ecapi_internal.stat_gauges(integer) IS 'what waits for each destination and what has failed, counted up to a bound';
COMMENT ON FUNCTION ecapi.stat_reset(name) IS 'let statistics begin at zero: those of a destination, or all of this database';
COMMENT ON FUNCTION ecapi.metrics(text) IS 'all statistics of this database as text for Prometheus: openmetrics, or prometheus for its own format of before';
COMMENT ON VIEW ecapi.stat_destination IS 'what workers have counted of each destination since stats_reset; times in milliseconds';
COMMENT ON COLUMN ecapi.stat_destination.destination IS 'name of the server';
COMMENT ON COLUMN ecapi.stat_destination.delivered IS 'events that a receiver took';
COMMENT ON COLUMN ecapi.stat_destination.shadow IS 'events of which all was done but sending';
COMMENT ON COLUMN ecapi.stat_destination.filtered IS 'events that it did not want';
COMMENT ON COLUMN ecapi.stat_destination.failed IS 'events that went to ecapi.failed_event';
COMMENT ON COLUMN ecapi.stat_destination.given_up IS 'events that waited beyond a limit';
COMMENT ON COLUMN ecapi.stat_destination.erased IS 'events whose person was forgotten before they left';
COMMENT ON COLUMN ecapi.stat_destination.rejected IS 'of those that failed: refused by the receiver';
COMMENT ON COLUMN ecapi.stat_destination.retried IS 'events that were sent again, once for each further try';
COMMENT ON COLUMN ecapi.stat_destination.bytes_sent IS 'bodies of requests as they were sent';
COMMENT ON COLUMN ecapi.stat_destination.identified IS 'delivered and shadow events with an identifier that tells their person from others';
COMMENT ON COLUMN ecapi.stat_destination.unidentified IS 'those without, and events that were not sent for want of one';
COMMENT ON COLUMN ecapi.stat_destination.requests_taken IS 'requests that were taken with all their events';
COMMENT ON COLUMN ecapi.stat_destination.requests_partly_taken IS 'requests that were taken but for events that the answer names';
COMMENT ON COLUMN ecapi.stat_destination.requests_refused IS 'requests with a status 4xx, but 429';
COMMENT ON COLUMN ecapi.stat_destination.requests_throttled IS 'requests with the status 429';
COMMENT ON COLUMN ecapi.stat_destination.requests_failed IS 'requests with a status 5xx';
COMMENT ON COLUMN ecapi.stat_destination.requests_unanswered IS 'requests that timed out, or whose answer was cut';
COMMENT ON COLUMN ecapi.stat_destination.requests_unsent IS 'requests for which there was no connection, or none to be trusted';
COMMENT ON COLUMN ecapi.stat_destination.requests_other IS 'requests with another answer that is no success';
COMMENT ON COLUMN ecapi.stat_destination.request_time IS 'sum of the times of requests';
COMMENT ON COLUMN ecapi.stat_destination.delivery_age IS 'sum of the ages of events when they were delivered, without those of replays and of failed events that were tried again';
COMMENT ON COLUMN ecapi.stat_destination.starting_time IS 'time in the state starting';
COMMENT ON COLUMN ecapi.stat_destination.idle_time IS 'time in the state idle';
COMMENT ON COLUMN ecapi.stat_destination.delivering_time IS 'time in the state delivering';
COMMENT ON COLUMN ecapi.stat_destination.waiting_time IS 'time in the state waiting';
COMMENT ON COLUMN ecapi.stat_destination.paused_time IS 'time in the state paused';
COMMENT ON COLUMN ecapi.stat_destination.stopped_time IS 'time in the state stopped';
COMMENT ON COLUMN ecapi.stat_destination.state IS 'the state now, or no worker';
COMMENT ON COLUMN ecapi.stat_destination.state_since IS 'since when, or since its worker started';
COMMENT ON COLUMN ecapi.stat_destination.queued IS 'events in its worker''s memory that were not sent yet';
COMMENT ON COLUMN ecapi.stat_destination.requests_in_flight IS 'requests on their way';
COMMENT ON COLUMN ecapi.stat_destination.stats_reset IS 'when counting began';
COMMENT ON VIEW ecapi.stat_filtered IS 'why events were filtered: of ecapi.stat_destination.filtered, those of each reason';
COMMENT ON COLUMN ecapi.stat_filtered.destination IS 'name of the server';
COMMENT ON COLUMN ecapi.stat_filtered.reason IS 'why; consent stands for all its rules';
COMMENT ON COLUMN ecapi.stat_filtered.events IS 'how many';
COMMENT ON VIEW ecapi.stat_histogram IS 'how long requests took, and how old events were when they were delivered';
COMMENT ON COLUMN ecapi.stat_histogram.destination IS 'name of the server';
COMMENT ON COLUMN ecapi.stat_histogram.measure IS 'request_time or delivery_age';
COMMENT ON COLUMN ecapi.stat_histogram.up_to IS 'upper bound in milliseconds; NULL: none';
COMMENT ON COLUMN ecapi.stat_histogram.count IS 'how many were not above it';
COMMENT ON VIEW ecapi.stat_track IS 'what tracks did with rows since stats_reset, rolled back or not';
COMMENT ON COLUMN ecapi.stat_track.relation IS 'the table';
COMMENT ON COLUMN ecapi.stat_track.name IS 'name of the track';
COMMENT ON COLUMN ecapi.stat_track.rows_seen IS 'rows for which the trigger fired';
COMMENT ON COLUMN ecapi.stat_track.events IS 'events that were written into the outbox';
COMMENT ON COLUMN ecapi.stat_track.condition_false IS 'rows that are no events';
COMMENT ON COLUMN ecapi.stat_track.set_aside IS 'rows of which no event could be made';
COMMENT ON COLUMN ecapi.stat_track.dropped IS 'events that were dropped because the outbox was full';
COMMENT ON COLUMN ecapi.stat_track.stats_reset IS 'when counting began';
COMMENT ON VIEW ecapi.stat_worker IS 'what the time of this database''s workers went to since stats_reset, in milliseconds, and what they hold now, all together';
COMMENT ON COLUMN ecapi.stat_worker.pid IS 'process id of the lead; NULL: it does not run';
COMMENT ON COLUMN ecapi.stat_worker.turns IS 'turns of their loops';
COMMENT ON COLUMN ecapi.stat_worker.sql_time IS 'reading the outbox, and other statements over the extension''s tables';
COMMENT ON COLUMN ecapi.stat_worker.users_sql_time IS 'enrichments and filters, in enrichment processes';
COMMENT ON COLUMN ecapi.stat_worker.shaping_time IS 'making requests of events';
COMMENT ON COLUMN ecapi.stat_worker.recording_time IS 'writing cursors, request log and ledger';
COMMENT ON COLUMN ecapi.stat_worker.waiting_time IS 'waiting for events, answers or time';
COMMENT ON COLUMN ecapi.stat_worker.other_time IS 'all else';
COMMENT ON COLUMN ecapi.stat_worker.pages IS 'pages of events in their memory';
COMMENT ON COLUMN ecapi.stat_worker.page_bytes IS 'what they take';
COMMENT ON COLUMN ecapi.stat_worker.body_bytes IS 'what bodies of requests take';
COMMENT ON COLUMN ecapi.stat_worker.bytes_limit IS 'what both may take together';
COMMENT ON COLUMN ecapi.stat_worker.requests_in_flight IS 'requests on their way';
COMMENT ON COLUMN ecapi.stat_worker.ticks IS 'snapshots that they hold';
COMMENT ON COLUMN ecapi.stat_worker.queued IS 'events in their memory that were not sent yet, for each destination once';
COMMENT ON COLUMN ecapi.stat_worker.stats_reset IS 'when counting began';
COMMENT ON VIEW ecapi.stat_waiting IS 'what waits for each destination and what has failed, counted up to 1000 each, by index';
COMMENT ON COLUMN ecapi.stat_waiting.destination IS 'name of the server';
COMMENT ON COLUMN ecapi.stat_waiting.backlog IS 'events that wait; 1000 stands for 1000 and more';
COMMENT ON COLUMN ecapi.stat_waiting.oldest IS 'when the oldest among the first of these was emitted';
COMMENT ON COLUMN ecapi.stat_waiting.failed_waiting IS 'failed events that wait for another try, 1000 at most';
COMMENT ON COLUMN ecapi.stat_waiting.failed_dead IS 'dead ones among the newest 1000 that failed';
COMMENT ON VIEW ecapi.stat_outbox IS 'how large the outbox is, what was dropped, and who keeps it from being emptied';
COMMENT ON COLUMN ecapi.stat_outbox.bytes IS 'size of the outbox';
COMMENT ON COLUMN ecapi.stat_outbox.bytes_limit IS 'the setting ecapi.outbox_limit; NULL: none';
COMMENT ON COLUMN ecapi.stat_outbox.is_full IS 'whether events are dropped now';
COMMENT ON COLUMN ecapi.stat_outbox.dropped IS 'events that were dropped because it was full';
COMMENT ON COLUMN ecapi.stat_outbox.not_kept IS 'events and rows that were not set aside either';
COMMENT ON COLUMN ecapi.stat_outbox.held_time IS 'age of the oldest transaction that has read or written it, in milliseconds; 0: none';

-- ---------------------------------------------------------------------------
-- Several nodes: a server for each part of the tables, and one that asks them all.  Nodes
-- are those of Citus, asked by its own function, or servers of postgres_fdw, asked by
-- dblink.  All of it runs as the caller, here and there: who asks sees what the caller's
-- user mapping may see on the node.
-- ---------------------------------------------------------------------------

CREATE FUNCTION ecapi_internal.limit_time(ms int) RETURNS timestamptz
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_limit_time';

CREATE FUNCTION ecapi_internal.restore_limit(ends timestamptz) RETURNS void
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_restore_limit';

CREATE FUNCTION ecapi_internal.reconcile_node(
	relation regclass,
	since timestamptz,
	until timestamptz,
	name text,
	shards regclass[],
	OUT track name,
	OUT destination name,
	OUT outcome text,
	OUT reason text,
	OUT currency text,
	OUT events bigint,
	OUT value numeric,
	OUT ids text[])
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_reconcile_node';

CREATE FUNCTION ecapi_internal.has_citus() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extname = 'citus');
END;

-- The shards of a table of Citus that are on this node; of any other table NULL.  Citus
-- leaves the schema public out of their names.
CREATE FUNCTION ecapi_internal.shards_here(relation regclass) RETURNS regclass[]
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shards regclass[];
BEGIN
	IF NOT ecapi_internal.has_citus() THEN
		RETURN NULL;
	END IF;
	EXECUTE 'SELECT pg_catalog.array_agg(h.shard ORDER BY h.shardid)
		FROM (SELECT s.shardid, pg_catalog.shard_name(s.logicalrelid, s.shardid) AS name, n.nspname
			FROM pg_catalog.pg_dist_shard s
				JOIN pg_catalog.pg_dist_placement p ON p.shardid = s.shardid
				JOIN pg_catalog.pg_dist_local_group g ON g.groupid = p.groupid
				JOIN pg_catalog.pg_class c ON c.oid = s.logicalrelid
				JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE s.logicalrelid = $1) d,
			LATERAL (SELECT d.shardid, pg_catalog.to_regclass(CASE WHEN d.nspname = ''public'' AND NOT pg_catalog.starts_with(d.name, ''public.'')
				THEN ''public.'' || d.name ELSE d.name END) AS shard) h
		WHERE h.shard IS NOT NULL' INTO shards USING relation;
	RETURN shards;
END
$$;

-- Shards on this node on which Citus has not made, or no longer has, a track of their table.
CREATE FUNCTION ecapi_internal.shards_without_track(OUT relation regclass, OUT name text, OUT shards text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
	SELECT t.tgrelid::regclass,
		CASE WHEN pg_catalog.starts_with(t.tgname::text, 'ecapi_') THEN pg_catalog.substr(t.tgname::text, 7) ELSE t.tgname::text END,
		pg_catalog.string_agg(s.shard::text, ', ' ORDER BY s.shard::text)
	FROM pg_catalog.pg_namespace n
		JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = 'capture'
		JOIN pg_catalog.pg_trigger t ON t.tgfoid = p.oid
		CROSS JOIN LATERAL pg_catalog.unnest(ecapi_internal.shards_here(t.tgrelid)) s (shard)
	WHERE n.nspname = 'ecapi' AND ecapi_internal.has_citus() AND t.tgparentid = 0
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger c
			WHERE c.tgrelid = s.shard AND c.tgfoid = t.tgfoid AND c.tgargs = t.tgargs AND c.tgenabled = t.tgenabled)
	GROUP BY t.tgrelid, t.tgname;
END;

-- One node's part of ecapi.on_nodes(): the rows of a statement, or no rows of one that gives
-- none, in at most ms milliseconds (NULL: no limit), or the problem that it took longer.
-- More rows are no state of a node; who asks has those of all nodes in memory.
--
-- The server itself says which statement gives rows: it opens no cursor for another, and has
-- then run nothing of it.
CREATE FUNCTION ecapi_internal.answer(statement text, ms int) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	began timestamptz := pg_catalog.clock_timestamp();
	propagates text := pg_catalog.current_setting('citus.enable_ddl_propagation', true);
	found jsonb[] := '{}';
	r record;
BEGIN
	IF ms IS NOT NULL THEN
		PERFORM ecapi_internal.limit_time(ms);
	END IF;
	BEGIN
		FOR r IN EXECUTE statement LOOP
			IF pg_catalog.cardinality(found) = 10000 THEN
				PERFORM ecapi_internal.refuse('54000', 'a node has more than 10000 rows to say', 'Ask for sums, or for fewer rows.');
			END IF;
			found := pg_catalog.array_append(found, pg_catalog.to_jsonb(r));
		END LOOP;
	EXCEPTION WHEN invalid_cursor_definition THEN
		-- each node does it by itself
		IF propagates IS NOT NULL THEN
			PERFORM pg_catalog.set_config('citus.enable_ddl_propagation', 'off', true);
		END IF;
		EXECUTE statement;
		IF propagates IS NOT NULL THEN
			PERFORM pg_catalog.set_config('citus.enable_ddl_propagation', propagates, true);
		END IF;
	END;
	RETURN pg_catalog.jsonb_build_object('at', began, 'rows', found);
EXCEPTION WHEN query_canceled THEN
	-- as an error it would look like one of the statement that asks
	IF ms IS NULL THEN
		RAISE;
	END IF;
	RETURN pg_catalog.jsonb_build_object('at', began, 'problem', SQLERRM);
END
$$;

-- What is sent to a node for it.  The search path of the session there is what its role and
-- its database say, so no name in this is looked up by it.
CREATE FUNCTION ecapi_internal.question(statement text, ms int) RETURNS text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
RETURN pg_catalog.format('SELECT ecapi_internal.answer(%L::pg_catalog.text, %s::pg_catalog.int4)::pg_catalog.text', statement, ms);

CREATE FUNCTION ecapi_internal.version_question() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'SELECT pg_catalog.max(e.extversion) FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) ''ecapi''::pg_catalog.name';

-- Why a node that was reached has no answer: version is that of its extension.
CREATE FUNCTION ecapi_internal.why_no_answer(version text, said text) RETURNS text
LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
RETURN CASE WHEN version IS NULL THEN 'the extension is not there: add ecapi to shared_preload_libraries of the node, restart it, and CREATE EXTENSION ecapi in its database'
	WHEN version = '1.0' THEN 'the extension is of version 1.0 there, and this needs 1.1: ALTER EXTENSION ecapi UPDATE on the node'
	ELSE said END;

-- All nodes of Citus at once.  Where one cannot be reached, Citus gives up after
-- citus.node_connection_timeout.  One that is silent after that Citus waits for without an
-- end, and says nothing of the others meanwhile: this is an error then.
CREATE FUNCTION ecapi_internal.ask_citus(statement text, ms int,
	OUT node text, OUT reached boolean, OUT answer jsonb, OUT problem text, OUT asked_at timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	everywhere text := 'SELECT r.nodeid, coalesce(n.nodename || '':'' || n.nodeport, ''here'') AS node, r.success, r.result
		FROM pg_catalog.run_command_on_all_nodes($1) r LEFT JOIN pg_catalog.pg_dist_node n ON n.nodeid = r.nodeid ORDER BY 2';
	in_all int := ms + 1000 + coalesce((SELECT g.setting::int FROM pg_catalog.pg_settings g WHERE g.name = 'citus.node_connection_timeout'), 0);
	over timestamptz := pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => in_all / 1000.0);
	ends timestamptz := ecapi_internal.limit_time(in_all);
	versions jsonb;
	r record;
BEGIN
	asked_at := pg_catalog.clock_timestamp();
	FOR r IN EXECUTE everywhere USING ecapi_internal.question(statement, ms)
	LOOP
		node := r.node;
		reached := true;
		answer := NULL;
		problem := NULL;
		IF r.success THEN
			answer := r.result::jsonb;
			problem := answer ->> 'problem';
		ELSE
			IF versions IS NULL THEN
				EXECUTE 'SELECT pg_catalog.jsonb_object_agg(a.nodeid, a.result) FROM pg_catalog.run_command_on_all_nodes($1) a WHERE a.success'
				INTO versions USING ecapi_internal.version_question();
			END IF;
			reached := versions ? r.nodeid::text;
			problem := CASE WHEN reached THEN ecapi_internal.why_no_answer(nullif(versions ->> r.nodeid::text, ''), r.result)
				ELSE 'it cannot be reached: ' || r.result END;
		END IF;
		RETURN NEXT;
	END LOOP;
	PERFORM ecapi_internal.restore_limit(ends);
	FOR node, reached, answer, problem IN EXECUTE 'SELECT n.nodename || '':'' || n.nodeport, false, NULL::jsonb,
			''it is not active: SELECT citus_activate_node('' || quote_literal(n.nodename) || '', '' || n.nodeport || '')''
		FROM pg_catalog.pg_dist_node n WHERE NOT n.isactive ORDER BY 1'
	LOOP
		RETURN NEXT;
	END LOOP;
EXCEPTION WHEN query_canceled THEN
	-- were the caller's own time over, too, this ends the statement
	PERFORM ecapi_internal.restore_limit(ends);
	IF pg_catalog.clock_timestamp() < over THEN
		RAISE;
	END IF;
	PERFORM ecapi_internal.refuse('08006', pg_catalog.format('a node of Citus that accepts connections has said nothing for %s s', in_all / 1000),
		'Find it by connecting to each server in pg_dist_node; restart it, or take it out with citus_disable_node().');
END
$$;

-- What some connections of dblink answer to a statement that gives one row and column,
-- at once, and when it was sent on each; who has said nothing when the time is over is not
-- waited for, nor is a connection on which nothing can be sent.
CREATE FUNCTION ecapi_internal.ask_connections(dblink text, connections text[], statement text, ms int,
	OUT connection text, OUT said text, OUT failure text, OUT is_late boolean, OUT asked_at timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	waiting text[] := '{}';
	sent_at jsonb := '{}';
	until timestamptz := pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => ms / 1000.0);
	pause float8 := 0.001;
	yes int;
BEGIN
	is_late := false;
	FOREACH connection IN ARRAY connections LOOP
		asked_at := pg_catalog.clock_timestamp();
		EXECUTE pg_catalog.format('SELECT %I.dblink_send_query($1, $2)', dblink) INTO yes USING connection, statement;
		IF yes = 1 THEN
			waiting := waiting || connection;
			sent_at := sent_at || pg_catalog.jsonb_build_object(connection, asked_at);
		ELSE
			EXECUTE pg_catalog.format('SELECT %I.dblink_error_message($1)', dblink) INTO failure USING connection;
			RETURN NEXT;
		END IF;
	END LOOP;
	LOOP
		FOREACH connection IN ARRAY waiting LOOP
			EXECUTE pg_catalog.format('SELECT %I.dblink_is_busy($1)', dblink) INTO yes USING connection;
			CONTINUE WHEN yes = 1;
			said := NULL;
			failure := NULL;
			asked_at := (sent_at ->> connection)::timestamptz;
			BEGIN
				EXECUTE pg_catalog.format('SELECT r.said FROM %I.dblink_get_result($1) AS r (said text)', dblink) INTO said USING connection;
			EXCEPTION WHEN OTHERS THEN
				failure := SQLERRM;
			END;
			-- the end of the answer
			BEGIN
				EXECUTE pg_catalog.format('SELECT r.said FROM %I.dblink_get_result($1) AS r (said text)', dblink) USING connection;
			EXCEPTION WHEN OTHERS THEN
				NULL;
			END;
			waiting := pg_catalog.array_remove(waiting, connection);
			RETURN NEXT;
		END LOOP;
		EXIT WHEN pg_catalog.cardinality(waiting) = 0;
		IF pg_catalog.clock_timestamp() > until THEN
			FOREACH connection IN ARRAY waiting LOOP
				said := NULL;
				failure := 'it did not answer in time';
				is_late := true;
				asked_at := (sent_at ->> connection)::timestamptz;
				RETURN NEXT;
			END LOOP;
			RETURN;
		END IF;
		PERFORM pg_catalog.pg_sleep(pause);
		pause := least(pause * 2, 0.05);
	END LOOP;
END
$$;

-- A connection of dblink to a server, in the time of its option connect_timeout: NULL, or
-- why there is none.  From 16 on, dblink itself does not look at this option and
-- waits without an end, so a timer stops it; where it looks, it is first, by the second here.
-- (libpq takes 1 as 2.)
CREATE FUNCTION ecapi_internal.connect_server(dblink text, connection text, server name, seconds int) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ms int := greatest(seconds, 2) * 1000 + 1000;
	over timestamptz := pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => ms / 1000.0);
	ends timestamptz := ecapi_internal.limit_time(ms);
	failure text;
BEGIN
	BEGIN
		EXECUTE pg_catalog.format('SELECT %I.dblink_connect($1, $2)', dblink) USING connection, server::text;
		-- here a timer takes effect that expired while libpq did not look
		PERFORM ecapi_internal.restore_limit(ends);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS failure = PG_EXCEPTION_DETAIL;
		failure := pg_catalog.rtrim(coalesce(nullif(failure, ''), SQLERRM), E'\n');
		PERFORM ecapi_internal.restore_limit(ends);
	END;
	RETURN failure;
EXCEPTION WHEN query_canceled THEN
	PERFORM ecapi_internal.restore_limit(ends);
	IF pg_catalog.clock_timestamp() < over THEN
		RAISE;
	END IF;
	RETURN pg_catalog.format('timeout expired, connecting took more than %s s', ms / 1000);
END
$$;

-- Servers of postgres_fdw: those that are named; or those that the caller may use and that
-- belong to the caller or to a superuser.  The owner of a server says what it connects to, as
-- which role and with which options, and reads what is sent: a superuser may use the
-- servers of all, and must not do what any of them says by asking for all.
--
-- The server that is asked waits for a connection without an end, unless the option
-- connect_timeout says otherwise; so it must be there.  A node ends what takes too long by
-- itself; one that has not said so a second later cannot be reached any more.
--
-- dblink cuts the name of a connection at 63 bytes, so it has the server's OID.
CREATE FUNCTION ecapi_internal.ask_servers(statement text, ms int, servers name[],
	OUT node text, OUT reached boolean, OUT answer jsonb, OUT problem text, OUT asked_at timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	dblink text := (SELECT n.nspname FROM pg_catalog.pg_extension e
		JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'dblink');
	opened text[] := '{}';
	connections text[] := '{}';
	names jsonb := '{}';
	failed jsonb := '{}';
	name text;
	s record;
	r record;
BEGIN
	SELECT pg_catalog.min(a.server::text) INTO name FROM pg_catalog.unnest(servers) a (server)
	WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_foreign_server f JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = f.srvfdw
		WHERE f.srvname = a.server AND w.fdwname = 'postgres_fdw');
	IF name IS NOT NULL THEN
		PERFORM ecapi_internal.refuse('42704', pg_catalog.format('"%s" is not a server of postgres_fdw', name),
			'Nodes are servers of this wrapper: \des lists them.');
	END IF;
	FOR s IN SELECT f.srvname, 'ecapi ' || f.oid AS connection, o.rolname AS owner,
			servers IS NOT NULL OR o.rolsuper OR o.rolname = current_user AS is_asked,
			(SELECT t.option_value::int FROM pg_catalog.pg_options_to_table(f.srvoptions) t
				WHERE t.option_name = 'connect_timeout' AND t.option_value ~ '^0*[1-9][0-9]{0,4}$') AS seconds
		FROM pg_catalog.pg_foreign_server f JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = f.srvfdw
			JOIN pg_catalog.pg_roles o ON o.oid = f.srvowner
		WHERE w.fdwname = 'postgres_fdw' AND (servers IS NULL OR f.srvname = ANY (servers))
			AND pg_catalog.has_server_privilege(f.oid, 'USAGE')
		ORDER BY f.srvname
	LOOP
		node := s.srvname;
		reached := false;
		answer := NULL;
		IF dblink IS NULL THEN
			problem := 'it was not asked: CREATE EXTENSION dblink in this database';
			RETURN NEXT;
		ELSIF NOT s.is_asked THEN
			problem := pg_catalog.format('it was not asked, for its server belongs to role %I: where you trust that role, name the server with servers => %L',
				s.owner, pg_catalog.format('{%I}', s.srvname));
			RETURN NEXT;
		ELSIF s.seconds IS NULL THEN
			problem := pg_catalog.format('it was not asked, for its server has no connect_timeout of a second or more: ALTER SERVER %I OPTIONS (%s connect_timeout ''5'')',
				s.srvname, CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_foreign_server f, pg_catalog.pg_options_to_table(f.srvoptions) t
					WHERE f.srvname = s.srvname AND t.option_name = 'connect_timeout') THEN 'SET' ELSE 'ADD' END);
			RETURN NEXT;
		ELSE
			opened := opened || s.connection;
			names := names || pg_catalog.jsonb_build_object(s.connection, s.srvname);
			problem := 'it cannot be reached: ' || ecapi_internal.connect_server(dblink, s.connection, s.srvname, s.seconds);
			IF problem IS NULL THEN
				connections := connections || s.connection;
			ELSE
				RETURN NEXT;
			END IF;
		END IF;
	END LOOP;

	FOR r IN SELECT * FROM ecapi_internal.ask_connections(dblink, connections, ecapi_internal.question(statement, ms), ms + 1000)
	LOOP
		IF r.failure IS NOT NULL AND NOT r.is_late THEN
			failed := failed || pg_catalog.jsonb_build_object(r.connection, r.failure);
			CONTINUE;
		END IF;
		node := names ->> r.connection;
		reached := NOT r.is_late;
		answer := r.said::jsonb;
		problem := coalesce(r.failure, answer ->> 'problem', CASE WHEN answer IS NULL THEN 'it gave no answer' END);
		asked_at := r.asked_at;
		RETURN NEXT;
	END LOOP;
	FOR r IN SELECT a.connection, a.said AS version, a.failure, failed ->> a.connection AS said
		FROM ecapi_internal.ask_connections(dblink, ARRAY(SELECT pg_catalog.jsonb_object_keys(failed)),
			ecapi_internal.version_question(), 1000) a
	LOOP
		node := names ->> r.connection;
		reached := r.failure IS NULL;
		answer := NULL;
		problem := CASE WHEN r.failure IS NULL THEN ecapi_internal.why_no_answer(r.version, r.said) ELSE r.said END;
		asked_at := NULL;
		RETURN NEXT;
	END LOOP;
	PERFORM ecapi_internal.hang_up(dblink, opened);
EXCEPTION WHEN OTHERS OR query_canceled THEN
	PERFORM ecapi_internal.hang_up(dblink, opened);
	RAISE;
END
$$;

-- Close connections; those that are closed already, too.
CREATE FUNCTION ecapi_internal.hang_up(dblink text, connections text[]) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	connection text;
BEGIN
	FOREACH connection IN ARRAY connections LOOP
		BEGIN
			EXECUTE pg_catalog.format('SELECT %I.dblink_disconnect($1)', dblink) USING connection;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
END
$$;

-- The nodes of Citus where it is, unless servers are named; else servers of postgres_fdw.
CREATE FUNCTION ecapi_internal.ask_nodes(statement text, timeout interval, servers name[],
	OUT node text, OUT reached boolean, OUT answer jsonb, OUT problem text, OUT asked_at timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ms numeric := pg_catalog.round(extract(epoch FROM timeout) * 1000);
BEGIN
	IF statement IS NULL OR ms IS NULL OR ms NOT BETWEEN 1 AND 86400000 THEN
		PERFORM ecapi_internal.refuse('22023', 'a statement and a time from a millisecond to a day are needed', 'The time for each node is given with timeout.');
	END IF;
	IF servers IS NULL AND ecapi_internal.has_citus() THEN
		RETURN QUERY SELECT * FROM ecapi_internal.ask_citus(statement, ms::int);
	ELSE
		RETURN QUERY SELECT * FROM ecapi_internal.ask_servers(statement, ms::int, servers);
	END IF;
END
$$;

-- A statement on all nodes, a row for each of its rows; each node runs it in a transaction of
-- its own.
CREATE FUNCTION ecapi.on_nodes(
	statement text,
	timeout interval DEFAULT '30 s',
	servers name[] DEFAULT NULL,
	OUT node text,
	OUT result jsonb,
	OUT problem text)
RETURNS SETOF record
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT a.node, r.result, a.problem
	FROM ecapi_internal.ask_nodes(statement, timeout, servers) a
		LEFT JOIN LATERAL pg_catalog.jsonb_array_elements(a.answer -> 'rows') r (result) ON true;
END;

-- What a node says of itself: its destinations, or one row without one, and what is wrong
-- with all of it.
CREATE FUNCTION ecapi_internal.node(
	OUT destination name,
	OUT mode text,
	OUT state text,
	OUT backlog bigint,
	OUT delivered bigint,
	OUT filtered bigint,
	OUT failed bigint,
	OUT given_up bigint,
	OUT last_error text,
	OUT problem text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT d.destination, d.mode, d.state, d.backlog, d.delivered, d.filtered, d.failed_waiting + d.failed_dead, d.given_up, d.last_error,
		(SELECT pg_catalog.string_agg(p.what, '; ') FROM (
			SELECT 'ecapi is not in shared_preload_libraries: its events are kept, none is delivered' AS what
			FROM ecapi.worker() w WHERE NOT w.preloaded
			UNION ALL
			SELECT 'it has tracks and no destination, its events are kept and sent nowhere: CREATE SERVER on it, then ecapi.replay() for what is there'
			WHERE NOT EXISTS (SELECT FROM ecapi.destination) AND EXISTS (SELECT FROM ecapi.track k
				WHERE NOT ecapi_internal.has_citus() OR ecapi_internal.shards_here(k.relation) IS NOT NULL)
			UNION ALL
			SELECT pg_catalog.format('track "%s" of table %s is broken, its rows are set aside', k.name, k.relation)
			FROM ecapi.track k WHERE k.problem IS NOT NULL AND NOT pg_catalog.starts_with(k.problem, 'not looked at: ')
			UNION ALL
			SELECT pg_catalog.format('shards without track "%s" of table %s: %s', m.name, m.relation, m.shards)
			FROM ecapi_internal.shards_without_track() m) p)
	FROM (VALUES (1)) one LEFT JOIN ecapi.destination d ON true
	ORDER BY d.destination;
END;

CREATE FUNCTION ecapi.nodes(
	timeout interval DEFAULT '10 s',
	servers name[] DEFAULT NULL,
	OUT node text,
	OUT reachable boolean,
	OUT problem text,
	OUT destination name,
	OUT mode text,
	OUT state text,
	OUT backlog bigint,
	OUT delivered bigint,
	OUT filtered bigint,
	OUT failed bigint,
	OUT given_up bigint,
	OUT last_error text,
	OUT clock_ahead interval)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	question text := 'SELECT * FROM ecapi_internal.node()';
BEGIN
	RETURN QUERY
	SELECT a.node, a.reached, nullif(pg_catalog.concat_ws('; ', coalesce(a.problem, r.problem),
			CASE WHEN pg_catalog.abs(extract(epoch FROM c.ahead)) >= 60 THEN
				pg_catalog.format('its clock is %s %s of this server''s', pg_catalog.date_trunc('second', greatest(c.ahead, -c.ahead)),
					CASE WHEN c.ahead > '0' THEN 'ahead' ELSE 'behind' END) END), ''),
		r.destination, r.mode, r.state, r.backlog, r.delivered, r.filtered, r.failed, r.given_up, r.last_error,
		pg_catalog.date_trunc('second', c.ahead)
	FROM (
			SELECT q.node, q.reached, q.answer, q.problem, q.asked_at, 1 AS part FROM ecapi_internal.ask_nodes(question, timeout, servers) q
			UNION ALL
			SELECT 'here', true, ecapi_internal.answer(question, NULL), NULL, NULL, 0
			WHERE servers IS NULL AND NOT ecapi_internal.has_citus()
		) a
		-- not of this server: its turn comes after the nodes have answered
		LEFT JOIN LATERAL (SELECT (a.answer ->> 'at')::timestamptz - a.asked_at AS ahead WHERE a.part = 1) c ON true
		LEFT JOIN LATERAL pg_catalog.jsonb_to_recordset(a.answer -> 'rows') AS r (destination name, mode text, state text,
			backlog bigint, delivered bigint, filtered bigint, failed bigint, given_up bigint, last_error text, problem text) ON true
	ORDER BY a.part, a.node, r.destination;
END
$$;

-- ecapi.reconcile() of a table that is spread over nodes.  An order whose shard was moved
-- has its row on one node and its event on another: such ids are no longer unaccounted
-- there, nor without a row here.  What is compared is the ids that the nodes list; nothing
-- tells the planner how many these are.  Times are sent as text, so they are in the one form
-- that a node reads in the same way whatever its settings are.
CREATE FUNCTION ecapi.reconcile_nodes(
	relation regclass,
	since timestamptz,
	until timestamptz,
	name text DEFAULT NULL,
	timeout interval DEFAULT '1 hour',
	servers name[] DEFAULT NULL,
	OUT node text,
	OUT track name,
	OUT destination name,
	OUT outcome text,
	OUT reason text,
	OUT currency text,
	OUT events bigint,
	OUT value numeric,
	OUT ids text[])
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off
SET "DateStyle" = 'ISO, MDY' SET "TimeZone" = 'UTC'
AS $$
#variable_conflict use_column
DECLARE
	question text := pg_catalog.format('SELECT r.* FROM (SELECT pg_catalog.to_regclass(%1$L) AS here WHERE pg_catalog.to_regclass(%1$L) IS NOT NULL) t,
			ecapi_internal.reconcile_node(t.here, %2$L, %3$L, %4$L, ecapi_internal.shards_here(t.here)) r',
		relation, since, until, name);
BEGIN
	RETURN QUERY
	WITH asked AS MATERIALIZED (
		SELECT a.* FROM ecapi_internal.ask_nodes(question, timeout, servers) a
	), said AS MATERIALIZED (
		SELECT a.node, r.* FROM asked a, pg_catalog.jsonb_to_recordset(a.answer -> 'rows') AS r (track name, destination name,
			outcome text, reason text, currency text, events bigint, value numeric, ids text[])
	), listed AS MATERIALIZED (
		SELECT s.node, s.track, s.outcome, s.reason, s.currency, i.id
		FROM said s, pg_catalog.unnest(s.ids) i (id)
		WHERE s.destination IS NULL AND s.outcome IN ('generated', 'unaccounted', 'not found in the table')
	), held AS MATERIALIZED (
		SELECT l.track, l.id, pg_catalog.min(l.node) AS first, pg_catalog.max(l.node) AS last
		FROM listed l WHERE l.outcome = 'generated' GROUP BY l.track, l.id
	), with_event AS MATERIALIZED (
		SELECT l.track, l.id, pg_catalog.min(l.node) AS node
		FROM (SELECT l.node, l.track, l.id, pg_catalog.bool_or(l.outcome = 'unaccounted') AS unaccounted FROM listed l GROUP BY 1, 2, 3) l
		WHERE NOT l.unaccounted GROUP BY l.track, l.id
	), elsewhere AS MATERIALIZED (
		-- rows whose event is in another outbox
		SELECT l.node, l.track, l.outcome, l.reason, l.currency, l.id, b.node AS other, 'event on another node' AS found
		FROM listed l JOIN with_event b ON b.track = l.track AND b.id = l.id WHERE l.outcome = 'unaccounted'
		UNION ALL
		-- events whose row is in another table
		SELECT l.node, l.track, l.outcome, l.reason, l.currency, l.id, h.first, 'row on another node'
		FROM listed l JOIN held h ON h.track = l.track AND h.id = l.id WHERE l.outcome = 'not found in the table'
	), settled AS (
		SELECT e.node, e.track, e.outcome, e.reason, e.currency, pg_catalog.count(*) AS n
		FROM elsewhere e GROUP BY 1, 2, 3, 4, 5
	), shown AS (
		SELECT a.node, NULL::name AS track, NULL::name AS destination, 0 AS step, 'not judged' AS outcome, coalesce(a.problem, 'it gave no answer') AS reason, NULL::text AS currency,
			NULL::bigint AS events, NULL::numeric AS value, NULL::text[] AS ids
		FROM asked a WHERE a.problem IS NOT NULL OR a.answer IS NULL
		UNION ALL
		SELECT a.node, NULL, NULL, 0, 'not judged', pg_catalog.format('There is no table %s.', relation), NULL, NULL, NULL, NULL
		FROM asked a WHERE a.problem IS NULL AND a.answer -> 'rows' = '[]'
		UNION ALL
		SELECT s.node, s.track, s.destination, CASE s.outcome WHEN 'generated' THEN 1 WHEN 'emitted' THEN 2 ELSE 3 END,
			s.outcome, s.reason, s.currency, s.events - coalesce(t.n, 0),
			CASE WHEN t.n IS NULL THEN s.value END,
			CASE WHEN s.outcome = 'generated' THEN NULL
				WHEN t.n IS NULL THEN s.ids[1:100]
				ELSE ARRAY(SELECT i.id FROM pg_catalog.unnest(s.ids) i (id) WHERE NOT EXISTS (SELECT FROM elsewhere e
					WHERE e.node = s.node AND e.track = s.track AND e.outcome = s.outcome AND e.id = i.id) ORDER BY 1 LIMIT 100) END
		FROM said s LEFT JOIN settled t ON s.destination IS NULL AND t.node = s.node AND t.track = s.track AND t.outcome = s.outcome
			AND t.reason IS NOT DISTINCT FROM s.reason AND t.currency IS NOT DISTINCT FROM s.currency
		WHERE t.n IS NULL OR s.outcome = 'unaccounted' OR s.events > t.n
		UNION ALL
		SELECT e.node, e.track, NULL, 4, e.found, e.other, e.currency, pg_catalog.count(*), NULL, NULL
		FROM elsewhere e GROUP BY e.node, e.track, e.found, e.other, e.currency
		UNION ALL
		SELECT h.last, h.track, NULL, 5, 'row on several nodes', h.first, NULL, pg_catalog.count(*), NULL,
			(pg_catalog.array_agg(h.id ORDER BY h.id))[1:100]
		FROM held h WHERE h.first <> h.last GROUP BY h.last, h.track, h.first
	)
	SELECT w.node, w.track, w.destination, w.outcome, w.reason, w.currency, w.events, w.value, nullif(w.ids, '{}')
	FROM shown w ORDER BY w.node, w.track, w.destination NULLS FIRST, w.step, w.outcome, w.reason, w.currency;
END
$$;

-- What the doctor says of shards: of those of all nodes where Citus has its coordinator,
-- elsewhere of those that are here.
CREATE FUNCTION ecapi_internal.shard_problems(OUT severity text, OUT what text, OUT what_to_do text) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	question text := 'SELECT relation, name, shards FROM ecapi_internal.shards_without_track()';
	coordinates boolean := false;
	a record;
BEGIN
	IF NOT ecapi_internal.has_citus() THEN
		RETURN;
	END IF;
	EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_local_group WHERE groupid = 0)
		AND EXISTS (SELECT FROM pg_catalog.pg_dist_partition d JOIN ecapi.track k ON k.relation = d.logicalrelid)' INTO coordinates;
	FOR a IN SELECT n.node, n.answer, n.problem FROM ecapi_internal.ask_nodes(question, '5 s', NULL) n WHERE coordinates
		UNION ALL
		SELECT 'here', ecapi_internal.answer(question, NULL), NULL WHERE NOT coordinates
	LOOP
		IF a.problem IS NOT NULL THEN
			severity := 'error';
			what := pg_catalog.format('node %s: %s', a.node, a.problem);
			what_to_do := 'Its shards cannot be looked at before; what they captured waits there. SELECT * FROM ecapi.nodes().';
			RETURN NEXT;
		END IF;
		FOR what, what_to_do IN
			SELECT pg_catalog.format('shards on node %s have no track "%s" of table %s, their rows are no events: %s', a.node, m.name, m.relation, m.shards),
				pg_catalog.format('On the coordinator, declare the track again with ecapi.track(%L, ...): it is made on all shards; then ecapi.backfill() for what was missed.', m.relation)
			FROM pg_catalog.jsonb_to_recordset(a.answer -> 'rows') AS m (relation text, name text, shards text)
		LOOP
			severity := 'error';
			RETURN NEXT;
		END LOOP;
	END LOOP;
EXCEPTION WHEN connection_failure THEN
	severity := 'error';
	what := SQLERRM;
	what_to_do := 'No shard can be looked at before; what was captured waits on the nodes. Find the one that does not answer, and restart it.';
	RETURN NEXT;
END
$$;

REVOKE ALL ON FUNCTION ecapi.nodes(interval, name[]), ecapi.on_nodes(text, interval, name[]),
	ecapi.reconcile_nodes(regclass, timestamptz, timestamptz, text, interval, name[]),
	ecapi_internal.limit_time(int), ecapi_internal.restore_limit(timestamptz), ecapi_internal.question(text, int), ecapi_internal.version_question(),
	ecapi_internal.connect_server(text, text, name, int), ecapi_internal.reconcile_node(regclass, timestamptz, timestamptz, text, regclass[]),
	ecapi_internal.has_citus(), ecapi_internal.shards_here(regclass), ecapi_internal.shards_without_track(),
	ecapi_internal.answer(text, int), ecapi_internal.why_no_answer(text, text), ecapi_internal.ask_citus(text, int),
	ecapi_internal.ask_connections(text, text[], text, int), ecapi_internal.ask_servers(text, int, name[]),
	ecapi_internal.hang_up(text, text[]), ecapi_internal.ask_nodes(text, interval, name[]), ecapi_internal.node(),
	ecapi_internal.shard_problems() FROM PUBLIC;

-- What these do their callers could do without them; they are found through the functions of
-- schema ecapi alone.  A node's part of a reconciliation is for those who may reconcile.
GRANT EXECUTE ON FUNCTION ecapi_internal.limit_time(int), ecapi_internal.restore_limit(timestamptz), ecapi_internal.question(text, int), ecapi_internal.version_question(),
	ecapi_internal.connect_server(text, text, name, int), ecapi_internal.reconcile_node(regclass, timestamptz, timestamptz, text, regclass[]),
	ecapi_internal.has_citus(), ecapi_internal.shards_here(regclass), ecapi_internal.shards_without_track(),
	ecapi_internal.answer(text, int), ecapi_internal.why_no_answer(text, text), ecapi_internal.ask_citus(text, int),
	ecapi_internal.ask_connections(text, text[], text, int), ecapi_internal.ask_servers(text, int, name[]),
	ecapi_internal.hang_up(text, text[]), ecapi_internal.ask_nodes(text, interval, name[]), ecapi_internal.node() TO PUBLIC;
GRANT EXECUTE ON FUNCTION ecapi.nodes(interval, name[]), ecapi.on_nodes(text, interval, name[]) TO pg_monitor;

COMMENT ON FUNCTION ecapi.nodes(interval, name[]) IS 'state of each destination on each node, of Citus or of servers of postgres_fdw, or why a node did not answer';
COMMENT ON FUNCTION ecapi.on_nodes(text, interval, name[]) IS 'a statement on all nodes, on each in a transaction of its own as the caller, and its rows';
COMMENT ON FUNCTION ecapi.reconcile_nodes(regclass, timestamptz, timestamptz, text, interval, name[]) IS 'ecapi.reconcile() of a table that is spread over nodes, with rows and events brought together that a moved shard has parted';
COMMENT ON FUNCTION ecapi_internal.limit_time(int) IS 'cancel the statement that calls it in some milliseconds; when it would have been cancelled before';
COMMENT ON FUNCTION ecapi_internal.restore_limit(timestamptz) IS 'cancel the statement that calls it at this time, or never';
COMMENT ON FUNCTION ecapi_internal.question(text, int) IS 'what is sent to a node to have a statement run';
COMMENT ON FUNCTION ecapi_internal.version_question() IS 'what is sent to a node for the version of its extension';
COMMENT ON FUNCTION ecapi_internal.connect_server(text, text, name, int) IS 'a connection of dblink to a server, in bounded time';
COMMENT ON FUNCTION ecapi_internal.reconcile_node(regclass, timestamptz, timestamptz, text, regclass[]) IS 'one node''s part of ecapi.reconcile_nodes()';
COMMENT ON FUNCTION ecapi_internal.has_citus() IS 'whether Citus is in this database';
COMMENT ON FUNCTION ecapi_internal.shards_here(regclass) IS 'the shards of a table of Citus on this node';
COMMENT ON FUNCTION ecapi_internal.shards_without_track() IS 'shards on this node that lack a track of their table';
COMMENT ON FUNCTION ecapi_internal.answer(text, int) IS 'one node''s part of ecapi.on_nodes()';
COMMENT ON FUNCTION ecapi_internal.why_no_answer(text, text) IS 'why a node that was reached did not answer';
COMMENT ON FUNCTION ecapi_internal.ask_citus(text, int) IS 'a statement on all nodes of Citus';
COMMENT ON FUNCTION ecapi_internal.ask_connections(text, text[], text, int) IS 'a statement on some connections of dblink at once';
COMMENT ON FUNCTION ecapi_internal.ask_servers(text, int, name[]) IS 'a statement on servers of postgres_fdw';
COMMENT ON FUNCTION ecapi_internal.hang_up(text, text[]) IS 'close connections of dblink';
COMMENT ON FUNCTION ecapi_internal.ask_nodes(text, interval, name[]) IS 'a statement on all nodes';
COMMENT ON FUNCTION ecapi_internal.node() IS 'what a node says of itself for ecapi.nodes()';
COMMENT ON FUNCTION ecapi_internal.shard_problems() IS 'what ecapi.check() says of shards';

-- ---------------------------------------------------------------------------
-- Views of 1.0.  Those who read one wait from here to the end of the step, so they are
-- last; neither writers nor the worker do.
-- ---------------------------------------------------------------------------

-- As in 1.0, but that state and detail are those of the worker that the destination is with.
CREATE OR REPLACE VIEW ecapi.destination AS
SELECT s.srvname AS destination,
	coalesce((SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) o
		WHERE o.option_name = 'mode'), 'live') AS mode,
	CASE WHEN c.state IN ('stopped', 'paused') THEN c.state
		WHEN k.paused THEN 'paused'
		WHEN w.state <> 'running' THEN 'no worker'
		WHEN c.state LIKE 'waiting for %' THEN 'delivering'
		ELSE coalesce(c.state, 'starting') END AS state,
	CASE WHEN w.state <> 'running' THEN w.message
		WHEN c.state IN ('stopped', 'waiting') THEN c.last_error
		WHEN k.paused THEN pg_catalog.format('paused by %s', k.changed_by)
		WHEN c.state LIKE 'waiting for %' THEN c.state || ' that other destinations use'
		ELSE w.message END AS detail,
	b.backlog,
	pg_catalog.clock_timestamp() - b.oldest AS oldest_waiting_age,
	c.delivered,
	c.filtered,
	c.failed,
	c.given_up,
	c.last_error,
	c.last_error_at,
	c.next_try,
	c.recorded_at,
	r.waiting AS failed_waiting,
	r.dead AS failed_dead,
	r.next_try AS failed_next_try,
	c.enrich_skipped,
	c.test_since + '1 day' AS test_until
FROM pg_catalog.pg_foreign_server s
	JOIN pg_catalog.pg_foreign_data_wrapper f ON f.oid = s.srvfdw AND f.fdwname = 'ecapi'
	LEFT JOIN ecapi.cursor c ON c.server = s.oid
	LEFT JOIN ecapi.control k ON k.destination = s.srvname
	CROSS JOIN LATERAL ecapi_internal.worker_of(s.oid) w
	LEFT JOIN LATERAL ecapi_internal.waiting(c) b ON c.server IS NOT NULL
	LEFT JOIN LATERAL (
		SELECT pg_catalog.count(*) FILTER (WHERE e.state = 'waiting') AS waiting,
			pg_catalog.count(*) FILTER (WHERE e.state = 'dead') AS dead,
			pg_catalog.min(e.next_try) AS next_try
		FROM ecapi.failed_event e
		WHERE e.destination = s.srvname
	) r ON true;

-- As in 1.0.  There they were made by the path of CREATE EXTENSION, and may call what others
-- have made.
CREATE OR REPLACE VIEW ecapi.track WITH (security_barrier) AS
SELECT t.tgrelid::pg_catalog.regclass AS relation,
	CASE WHEN pg_catalog.starts_with(t.tgname::text, 'ecapi_')
		THEN pg_catalog.substr(t.tgname::text, 7) ELSE t.tgname::text END AS name,
	a.argument ->> 'event_type' AS event_type,
	a.argument ->> 'condition' AS condition,
	CASE WHEN a.argument ? 'on_change' THEN ARRAY(
		SELECT c FROM pg_catalog.jsonb_array_elements_text(a.argument -> 'on_change') c) END AS on_change,
	coalesce((a.argument -> 'at_commit')::boolean, false) AS at_commit,
	coalesce(a.argument ->> 'on_error', 'set_aside') AS on_error,
	t.tgtype & 1 = 0 AS set_wise,
	t.tgenabled = 'A' AS always,
	t.tgenabled <> 'D' AS enabled,
	a.argument -> 'mapping' AS mapping,
	ecapi_internal.track_problem(t.oid) AS problem,
	t.tgname AS trigger
FROM pg_catalog.pg_namespace n
	JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = 'capture'
	JOIN pg_catalog.pg_trigger t ON t.tgfoid = p.oid AND t.tgparentid = 0
	JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
	CROSS JOIN LATERAL (SELECT ecapi_internal.track_argument(t.oid)) a (argument)
WHERE n.nspname = 'ecapi'
	AND (pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE'));

CREATE OR REPLACE VIEW ecapi.backfill WITH (security_barrier) AS
SELECT p.relation,
	p.track,
	p.since,
	p.ends_at AS until,
	CASE WHEN p.state = 'running' AND l.pid IS NULL THEN 'interrupted' ELSE p.state END AS state,
	p.sqlstate,
	l.pid,
	p.rows_read,
	p.events,
	p.set_aside,
	p.outside,
	p.forgotten,
	p.cancelled,
	p.condition_false,
	p.skipped,
	p.events / nullif(p.seconds, 0) AS events_per_second,
	CASE WHEN pg_catalog.pg_has_role(c.relowner, 'USAGE')
			OR pg_catalog.has_table_privilege('ecapi.backfill_progress', 'SELECT')
		THEN p.last_key END AS last_key,
	p.started_at,
	p.updated_at,
	p.finished_at
FROM ecapi.backfill_progress p
	JOIN pg_catalog.pg_class c ON c.oid = p.relation
	LEFT JOIN pg_catalog.pg_locks l ON p.state = 'running'
		AND l.locktype = 'object' AND l.objid = p.trigger_oid AND l.objsubid = 1
		AND l.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND l.granted
		AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
			WHERE d.datname = pg_catalog.current_database())
WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')
	OR pg_catalog.has_table_privilege('ecapi.backfill_progress', 'SELECT');

CREATE OR REPLACE VIEW ecapi.own_failed_event WITH (security_barrier) AS
SELECT f.failed_id,
	f.destination,
	f.source,
	CASE WHEN f.destination IS NULL THEN f.relation END AS relation,
	f.state,
	f.reason,
	f.event_id,
	CASE WHEN f.destination IS NULL THEN f.event END AS event,
	f.status,
	f.answer,
	f.sqlstate,
	f.attempts,
	f.failed_at,
	f.retry_since,
	f.next_try,
	f.sent_at
FROM ecapi.failed_event f
	LEFT JOIN pg_catalog.pg_class c ON c.oid = f.relation AND f.destination IS NULL
	LEFT JOIN pg_catalog.pg_foreign_data_wrapper w ON w.fdwname = 'ecapi'
	LEFT JOIN pg_catalog.pg_foreign_server s ON s.srvname = f.destination AND s.srvfdw = w.oid
WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role(s.srvowner, 'USAGE');

ALTER POLICY own_tables ON ecapi.model
	USING (EXISTS (SELECT FROM pg_catalog.pg_class c
		WHERE c.oid = relation AND pg_catalog.pg_has_role(c.relowner, 'USAGE')));
