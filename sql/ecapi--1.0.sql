-- ecapi--1.0.sql: what CREATE EXTENSION ecapi runs.
--
-- Order: schema, tables, functions, wrapper, triggers, views, rights, comments.
-- Everything is schema-qualified; functions pin their search_path.  PUBLIC
-- may read and do nothing; the block of rights stands near the end.  Schema ecapi has
-- what users read and call; functions that triggers, views and our own code call
-- are in schema ecapi_internal; triggers and views know them by oid, and anybody may
-- call only the few that the block of rights grants.  But for the list of forgotten
-- persons, none of these tables is marked for dump: an outbox, a cursor or a log
-- restored elsewhere would send conversions a second time.

\echo Use "CREATE EXTENSION ecapi" to load this file. \quit

CREATE SCHEMA ecapi;
CREATE SCHEMA ecapi_internal;

-- ---------------------------------------------------------------------------
-- An event as users' SQL sees it: what an enrichment gets a page of, and the
-- columns of a filter.  value is exact; route is ext.route.
-- ---------------------------------------------------------------------------

CREATE TYPE ecapi.event AS (
	seq				bigint,
	id				text,
	event_type		text,
	"timestamp"		timestamptz,
	value			numeric,
	currency_code	text,
	source			text,
	route			text,
	user_data		jsonb,
	properties		jsonb,
	ext				jsonb
);

-- ---------------------------------------------------------------------------
-- The outbox: a fixed ring of partitions.  A row is written once, by our own
-- code, and leaves only when its whole slot is truncated.  One thing changes a
-- row: ecapi.forget() takes the person out of it.
--
-- Six slots: a read locks the parent, the slots and their indexes, and that is
-- just below the sixteen locks that a backend takes without the shared lock
-- table.  The install script makes them all; no DDL runs later.
-- ---------------------------------------------------------------------------

CREATE SEQUENCE ecapi.outbox_seq AS bigint CACHE 32;

-- Its value is how many events were dropped because the outbox, or their role's share of
-- it, was full.
CREATE SEQUENCE ecapi.dropped_seq AS bigint;

-- Its value is how many events and rows could not be captured, and were not set aside
-- either, for their role had set aside too much.
CREATE SEQUENCE ecapi.not_kept_seq AS bigint;

CREATE TABLE ecapi.outbox (
	seq			bigint NOT NULL,
	xid			xid8 NOT NULL,
	emitted_at	timestamptz NOT NULL,
	emitter		regrole NOT NULL,
	relation	regclass,
	slot		smallint NOT NULL,
	event		json NOT NULL
) PARTITION BY LIST (slot);

CREATE INDEX outbox_xid_seq_idx ON ecapi.outbox (xid, seq);

-- The log of ticks: when which snapshot was taken, at most one a second.
CREATE SEQUENCE ecapi.tick_seq AS bigint;

CREATE TABLE ecapi.tick (
	tick_id		bigint NOT NULL,
	ticked_at	timestamptz NOT NULL,
	newest		xid8 NOT NULL,
	slot		smallint NOT NULL,
	snapshot	pg_snapshot NOT NULL
) PARTITION BY LIST (slot);

CREATE INDEX tick_newest_tick_id_idx ON ecapi.tick (newest, tick_id);

-- What was sent: one row for each HTTP request, one for each batch that was kept
-- back in shadow mode, and now and then one for the events that were filtered, or
-- went to failed_event, for one reason.  A request of which a receiver has taken some
-- events and refused others has two.  seqs are exactly the events of the row.
-- Each event that a cursor has passed stands in a row that says how it ended.
CREATE SEQUENCE ecapi.request_seq AS bigint CACHE 32;

CREATE TABLE ecapi.request (
	request_id	bigint NOT NULL,
	sent_at		timestamptz NOT NULL,
	latency_ms	double precision,
	events		integer NOT NULL,
	attempt		integer NOT NULL,
	status		integer,
	slot		smallint NOT NULL,
	server		oid NOT NULL,
	destination	name NOT NULL,
	outcome		text NOT NULL,
	reason		text,
	error		text,
	receiver_request_id text,
	seqs		int8multirange NOT NULL,
	replay		bigint,
	retried		boolean NOT NULL DEFAULT false,
	arrived		boolean NOT NULL DEFAULT false
) PARTITION BY LIST (slot);

CREATE INDEX request_destination_sent_at_idx ON ecapi.request (destination, sent_at);

-- For looking up where an event was sent.
CREATE INDEX request_seqs_idx ON ecapi.request USING gist (seqs);

CREATE TABLE ecapi.outbox_0 PARTITION OF ecapi.outbox FOR VALUES IN (0) USING heap;
CREATE TABLE ecapi.outbox_1 PARTITION OF ecapi.outbox FOR VALUES IN (1) USING heap;
CREATE TABLE ecapi.outbox_2 PARTITION OF ecapi.outbox FOR VALUES IN (2) USING heap;
CREATE TABLE ecapi.outbox_3 PARTITION OF ecapi.outbox FOR VALUES IN (3) USING heap;
CREATE TABLE ecapi.outbox_4 PARTITION OF ecapi.outbox FOR VALUES IN (4) USING heap;
CREATE TABLE ecapi.outbox_5 PARTITION OF ecapi.outbox FOR VALUES IN (5) USING heap;

-- Without an identity a publication FOR ALL TABLES would refuse that change.
ALTER TABLE ecapi.outbox_0 REPLICA IDENTITY FULL;
ALTER TABLE ecapi.outbox_1 REPLICA IDENTITY FULL;
ALTER TABLE ecapi.outbox_2 REPLICA IDENTITY FULL;
ALTER TABLE ecapi.outbox_3 REPLICA IDENTITY FULL;
ALTER TABLE ecapi.outbox_4 REPLICA IDENTITY FULL;
ALTER TABLE ecapi.outbox_5 REPLICA IDENTITY FULL;

CREATE TABLE ecapi.tick_0 PARTITION OF ecapi.tick FOR VALUES IN (0) USING heap;
CREATE TABLE ecapi.tick_1 PARTITION OF ecapi.tick FOR VALUES IN (1) USING heap;
CREATE TABLE ecapi.tick_2 PARTITION OF ecapi.tick FOR VALUES IN (2) USING heap;
CREATE TABLE ecapi.tick_3 PARTITION OF ecapi.tick FOR VALUES IN (3) USING heap;
CREATE TABLE ecapi.tick_4 PARTITION OF ecapi.tick FOR VALUES IN (4) USING heap;
CREATE TABLE ecapi.tick_5 PARTITION OF ecapi.tick FOR VALUES IN (5) USING heap;

CREATE TABLE ecapi.request_0 PARTITION OF ecapi.request FOR VALUES IN (0) USING heap;
CREATE TABLE ecapi.request_1 PARTITION OF ecapi.request FOR VALUES IN (1) USING heap;
CREATE TABLE ecapi.request_2 PARTITION OF ecapi.request FOR VALUES IN (2) USING heap;
CREATE TABLE ecapi.request_3 PARTITION OF ecapi.request FOR VALUES IN (3) USING heap;
CREATE TABLE ecapi.request_4 PARTITION OF ecapi.request FOR VALUES IN (4) USING heap;
CREATE TABLE ecapi.request_5 PARTITION OF ecapi.request FOR VALUES IN (5) USING heap;

-- The same, when an event that was accepted fails later.
ALTER TABLE ecapi.request_0 REPLICA IDENTITY FULL;
ALTER TABLE ecapi.request_1 REPLICA IDENTITY FULL;
ALTER TABLE ecapi.request_2 REPLICA IDENTITY FULL;
ALTER TABLE ecapi.request_3 REPLICA IDENTITY FULL;
ALTER TABLE ecapi.request_4 REPLICA IDENTITY FULL;
ALTER TABLE ecapi.request_5 REPLICA IDENTITY FULL;

-- ---------------------------------------------------------------------------
-- Cursors: how far each destination has disposed of the outbox.  The worker
-- keeps them in memory, reads this table when it starts or meets a new row,
-- and writes it a few times a second and at rest.
--
-- Rows that are written over and over leave dead versions, and while a session
-- holds an old snapshot nothing can remove them.  A look-up by an ordinary key
-- would meet all of them, and so would the check of a unique index.  So the keys
-- of such tables end in the generation of the row, which grows by one with every
-- sixteenth write: read from the top, an index shows the newest version first,
-- and no two generations have equal keys.  A look-up costs the versions of one
-- generation, however old the oldest snapshot is.  Sixteen: a new generation is a
-- new index entry, so most writes should stay in theirs (HOT), and its versions
-- should fit into one page.  In a primary key it is no generated column: logical
-- replication does not send those, and a subscriber of all tables would stop.
-- ---------------------------------------------------------------------------

CREATE TABLE ecapi.cursor_row (
	destination			name NOT NULL,
	server				oid NOT NULL,
	snapshot			pg_snapshot NOT NULL,
	window_end			pg_snapshot,
	arm					smallint NOT NULL DEFAULT 0,
	xid					xid8 NOT NULL DEFAULT '0',
	seq					bigint NOT NULL DEFAULT 0,
	system_identifier	bigint NOT NULL,
	database			oid NOT NULL,
	started_at			timestamptz NOT NULL,
	delivered			bigint NOT NULL DEFAULT 0,
	filtered			bigint NOT NULL DEFAULT 0,
	failed				bigint NOT NULL DEFAULT 0,
	given_up			bigint NOT NULL DEFAULT 0,
	enrich_skipped		bigint NOT NULL DEFAULT 0,
	state				text NOT NULL DEFAULT 'starting'
		CHECK (state IN ('starting', 'delivering', 'waiting for memory', 'waiting for a connection',
			'idle', 'waiting', 'paused', 'stopped')),
	stopped_options		bigint,
	test_since			timestamptz,
	last_error			text,
	last_error_at		timestamptz,
	next_try			timestamptz,
	recorded_at			timestamptz,
	written				bigint NOT NULL DEFAULT 0,
	generation			bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (server, generation)
) WITH (fillfactor = 50);

-- The cursors: of each server the newest row.  Goes from one server to the next by
-- the index, for a plain read of the table would walk over all dead versions.
CREATE VIEW ecapi.cursor AS
WITH RECURSIVE newest AS (
	(SELECT c.* FROM ecapi.cursor_row c ORDER BY c.server DESC, c.generation DESC LIMIT 1)
	UNION ALL
	SELECT c.* FROM newest n CROSS JOIN LATERAL (
		SELECT r.* FROM ecapi.cursor_row r WHERE r.server < n.server
		ORDER BY r.server DESC, r.generation DESC LIMIT 1) c
)
SELECT n.destination, n.server, n.snapshot, n.window_end, n.arm, n.xid, n.seq,
	n.system_identifier, n.database, n.started_at, n.delivered, n.filtered, n.failed,
	n.given_up, n.enrich_skipped, n.state, n.stopped_options, n.test_since,
	n.last_error, n.last_error_at, n.next_try, n.recorded_at
FROM newest n;

-- What an operator wants of a destination.  Apart from the cursor, so that a
-- worker never waits for the row of an open transaction.
CREATE TABLE ecapi.control (
	destination	name PRIMARY KEY,
	paused		boolean NOT NULL,
	resumed_at	timestamptz,
	blamed_at	timestamptz,
	changed_at	timestamptz NOT NULL,
	changed_by	name NOT NULL
);

-- How many events, of what value, had which outcome: by the hour, kept for ever.
-- The worker adds to it in the transaction that writes the cursor.
CREATE TABLE ecapi.ledger (
	hour		timestamptz NOT NULL,
	destination	name NOT NULL,
	event_type	text,
	currency	text,
	outcome		text NOT NULL,
	reason		text,
	events		bigint NOT NULL,
	value		numeric,
	written		bigint NOT NULL DEFAULT 0,
	generation	bigint NOT NULL GENERATED ALWAYS AS (written / 16) STORED
) WITH (fillfactor = 50);

-- Over expressions, so that a row without a reason, say, is found by its key, too.
CREATE UNIQUE INDEX ledger_key ON ecapi.ledger (hour, destination, outcome, (coalesce(event_type, '')),
	(coalesce(currency, '')), (coalesce(reason, '')), generation);

-- Some of its key may be null, so there is no primary key; without an identity a
-- publication FOR ALL TABLES would refuse the worker's updates.
ALTER TABLE ecapi.ledger REPLICA IDENTITY FULL;

CREATE TABLE ecapi.failed_event (
	failed_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	destination		name,
	source			text,
	emitter			regrole,
	relation		regclass,
	state			text NOT NULL CHECK (state IN ('waiting', 'dead', 'set_aside')),
	reason			text NOT NULL,
	xid				xid8 NOT NULL,
	seq				bigint,
	after_seq		bigint,
	event_id		text,
	event			json NOT NULL,
	status			integer,
	answer			text,
	sqlstate		text,
	attempts		integer NOT NULL DEFAULT 0,
	failed_at		timestamptz NOT NULL,
	retry_since		timestamptz,
	next_try		timestamptz,
	sent_at			timestamptz
);

CREATE INDEX failed_event_destination_idx ON ecapi.failed_event (destination, failed_id);
CREATE INDEX failed_event_seq_idx ON ecapi.failed_event (seq, destination);
CREATE INDEX failed_event_event_id_idx ON ecapi.failed_event USING hash (event_id);
CREATE INDEX failed_event_due_idx ON ecapi.failed_event (destination, next_try) WHERE state = 'waiting';

-- Requests that a platform has accepted, and whose outcome it says later: which
-- events they held, in their order.  The row goes when the outcome is known.
CREATE TABLE ecapi.receipt (
	receipt_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	destination		name NOT NULL,
	receipt			text NOT NULL,
	sent_at			timestamptz NOT NULL,
	next_ask		timestamptz,
	asks			integer NOT NULL DEFAULT 0,
	problem			text,
	events			integer NOT NULL,
	xids			xid8[] NOT NULL,
	seqs			bigint[] NOT NULL
);

CREATE INDEX receipt_due_idx ON ecapi.receipt (destination, next_ask);

-- What ecapi.measure_values() found: where the quantiles of the values lie that a
-- destination is sent, by event type and currency.  It is about one value_field, for one
-- value_transform.  amounts is null where there were too few events.  Dumped, because a
-- restored outbox is empty, and nothing could be measured there for days.
CREATE TABLE ecapi.value_measure (
	destination		name NOT NULL,
	event_type		text COLLATE "C" NOT NULL,
	currency		text COLLATE "C" NOT NULL,
	value_field		text NOT NULL,
	value_transform	text NOT NULL,
	since			timestamptz NOT NULL,
	measured_at		timestamptz NOT NULL,
	events			bigint NOT NULL,
	bounds			numeric[],
	amounts			numeric[],
	PRIMARY KEY (destination, event_type, currency)
);

SELECT pg_catalog.pg_extension_config_dump('ecapi.value_measure', '');

-- Replays: windows of the outbox that are sent to a destination again.  The
-- worker keeps the one it is at in memory and writes it with the cursor.
CREATE TABLE ecapi.replay_cursor (
	replay_id		bigint GENERATED ALWAYS AS IDENTITY,
	destination		name NOT NULL,
	since			timestamptz NOT NULL,
	until			timestamptz NOT NULL,
	event_types		text,
	snapshot		pg_snapshot NOT NULL,
	window_end		pg_snapshot NOT NULL,
	arm				smallint NOT NULL DEFAULT 0,
	xid				xid8 NOT NULL DEFAULT '0',
	seq				bigint NOT NULL DEFAULT 0,
	state			text NOT NULL DEFAULT 'waiting'
		CHECK (state IN ('waiting', 'running', 'finished', 'cancelled')),
	delivered		bigint NOT NULL DEFAULT 0,
	filtered		bigint NOT NULL DEFAULT 0,
	failed			bigint NOT NULL DEFAULT 0,
	passed_over		bigint NOT NULL DEFAULT 0,
	requested_at	timestamptz NOT NULL,
	requested_by	name NOT NULL,
	finished_at		timestamptz,
	recorded_at		timestamptz,
	written			bigint NOT NULL DEFAULT 0,
	generation		bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (replay_id, generation)
) WITH (fillfactor = 50);

-- The newest version of each replay, as ecapi.cursor finds those of cursors.
CREATE VIEW ecapi_internal.newest_replay AS
WITH RECURSIVE newest AS (
	(SELECT c.* FROM ecapi.replay_cursor c ORDER BY c.replay_id DESC, c.generation DESC LIMIT 1)
	UNION ALL
	SELECT c.* FROM newest n CROSS JOIN LATERAL (
		SELECT r.* FROM ecapi.replay_cursor r WHERE r.replay_id < n.replay_id
		ORDER BY r.replay_id DESC, r.generation DESC LIMIT 1) c
)
SELECT n.* FROM newest n;

-- Cancelled ids; see records/cancellation.c for what a row is about, and its states.
-- A cancelling transaction appends one and looks at none.
CREATE TABLE ecapi.cancellation (
	cancel_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id				text COLLATE "C" NOT NULL,
	xid				xid8 NOT NULL,
	before_xid		xid8 NOT NULL,
	seq				bigint NOT NULL,
	since			timestamptz,
	state			text NOT NULL DEFAULT 'stopping'
		CHECK (state IN ('stopping', 'refunded', 'nothing to refund', 'not found', 'repeated')),
	delivered		integer NOT NULL DEFAULT 0,
	refunds			integer NOT NULL DEFAULT 0,
	unanswered		integer NOT NULL DEFAULT 0,
	cancelled_at	timestamptz NOT NULL,
	cancelled_by	name NOT NULL,
	resolved_at		timestamptz,
	value			numeric,
	transaction_id	text COLLATE "C",
	data_set_id		text COLLATE "C",
	route			text COLLATE "C"
);

CREATE INDEX cancellation_id_before_xid_idx ON ecapi.cancellation (id, before_xid);
CREATE INDEX cancellation_before_xid_idx ON ecapi.cancellation (before_xid);
CREATE INDEX cancellation_transaction_id_idx ON ecapi.cancellation (transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX cancellation_stopping_idx ON ecapi.cancellation (xid) WHERE state = 'stopping';

-- What events are worth now; see records/amendment.c for the states.  A transaction that
-- amends appends a row and looks at those of the id; the outbox is the worker's to read.
CREATE TABLE ecapi.amendment (
	amend_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id				text COLLATE "C" NOT NULL,
	number			integer NOT NULL,
	event_id		text COLLATE "C" NOT NULL,
	digest			text COLLATE "C" NOT NULL,
	patch			jsonb,
	xid				xid8 NOT NULL,
	before_xid		xid8 NOT NULL,
	seq				bigint NOT NULL,
	since			timestamptz,
	state			text NOT NULL DEFAULT 'open'
		CHECK (state IN ('open', 'emitted', 'not found', 'cancelled', 'erased', 'consent withdrawn', 'refused', 'dropped')),
	reason			text,
	emitter			oid NOT NULL,
	amended_at		timestamptz NOT NULL,
	amended_by		name NOT NULL,
	resolved_at		timestamptz
);

CREATE INDEX amendment_id_amend_id_idx ON ecapi.amendment (id, amend_id);
CREATE INDEX amendment_open_idx ON ecapi.amendment (amend_id) WHERE state = 'open';

-- How far backfills have come: one row for each (relation, track, since, until).
-- until is as it was given, NULL for the moment of the start, which ends_at is.
CREATE TABLE ecapi.backfill_progress (
	backfill_id		bigint GENERATED ALWAYS AS IDENTITY,
	relation		regclass NOT NULL,
	track			name NOT NULL,
	trigger_oid		oid NOT NULL,
	since			timestamptz NOT NULL,
	until			timestamptz,
	ends_at			timestamptz NOT NULL,
	state			text NOT NULL CHECK (state IN ('running', 'interrupted', 'failed', 'finished')),
	sqlstate		text,
	key_columns		text[] NOT NULL,
	last_key		text[],
	rows_read		bigint NOT NULL DEFAULT 0,
	events			bigint NOT NULL DEFAULT 0,
	set_aside		bigint NOT NULL DEFAULT 0,
	outside			bigint NOT NULL DEFAULT 0,
	forgotten		bigint NOT NULL DEFAULT 0,
	cancelled		bigint NOT NULL DEFAULT 0,
	condition_false	bigint NOT NULL DEFAULT 0,
	skipped			bigint NOT NULL DEFAULT 0,
	seconds			double precision NOT NULL DEFAULT 0,
	started_at		timestamptz NOT NULL,
	updated_at		timestamptz NOT NULL,
	finished_at		timestamptz,
	written			bigint NOT NULL DEFAULT 0,
	generation		bigint NOT NULL GENERATED ALWAYS AS (written / 16) STORED,
	UNIQUE (backfill_id, generation),
	UNIQUE NULLS NOT DISTINCT (relation, track, since, until, generation)
) WITH (fillfactor = 50);

-- Its key has a generated column, which logical replication does not send.
ALTER TABLE ecapi.backfill_progress REPLICA IDENTITY FULL;

-- ---------------------------------------------------------------------------
-- Persons who are forgotten, or have withdrawn consent.
--
-- stop: which events may not leave any more, as their person was forgotten or has
-- withdrawn consent; of rows that were set aside, seq is the negative failed_id.  It
-- holds numbers and names of destinations only.
--
-- forgotten: who, as HMAC-SHA256 of digests of identifiers, under a key that is
-- made with the first one, so that a fresh database has none and a restored one
-- has that of its dump.  Where both meet there are two keys, and each serves: so
-- neither table can collide but with itself.
-- ---------------------------------------------------------------------------

CREATE TABLE ecapi.stop (
	seq			bigint NOT NULL,
	xid			xid8 NOT NULL,
	reason		text NOT NULL CHECK (reason IN ('erased', 'consent withdrawn')),
	destination	name,
	server		oid,
	stopped_by	xid8 NOT NULL,
	stopped_at	timestamptz NOT NULL,
	UNIQUE NULLS NOT DISTINCT (seq, reason, destination)
);

CREATE INDEX stop_stopped_by_idx ON ecapi.stop (stopped_by);
CREATE INDEX stop_withdrawn_xid_idx ON ecapi.stop (xid) WHERE reason = 'consent withdrawn';

CREATE TABLE ecapi.forget_key (
	key			bytea PRIMARY KEY CHECK (pg_catalog.octet_length(key) = 32),
	made_at		timestamptz NOT NULL
);

CREATE TABLE ecapi.forgotten (
	person			bytea PRIMARY KEY CHECK (pg_catalog.octet_length(person) = 32),
	forgotten_at	timestamptz NOT NULL
);

SELECT pg_catalog.pg_extension_config_dump('ecapi.forget_key', '');
SELECT pg_catalog.pg_extension_config_dump('ecapi.forgotten', '');

-- What our triggers refuse is raised by this, without a CONTEXT that shows them: an
-- error, or a warning when the SQLSTATE is of class 01.
CREATE FUNCTION ecapi_internal.refuse(sqlstate text, message text, hint text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_refuse';

-- ---------------------------------------------------------------------------
-- Logical replication must not bring another server's rows in here.  Such a
-- row is skipped, not refused with an error: an error would stop the whole
-- subscription.
--
-- Events are appended below triggers, events that are set aside in the origin
-- role (both outbox/append.c), and the worker writes its logs in that role, too,
-- so a row for which these triggers fire is not ours.  The transaction id does not
-- distinguish them: two servers' counters may well meet.
--
-- Changes of rows that have a key would find a row of ours under the same key,
-- so they are skipped, too; but only in the server's own replication workers,
-- for a session that has taken the replica role may operate destinations.
-- ---------------------------------------------------------------------------

CREATE FUNCTION ecapi_internal.skip_replicated() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF TG_ARGV[0] = 'change' THEN
		PERFORM FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a
		WHERE a.backend_type LIKE 'logical replication % worker'
			OR a.backend_type = 'logical replication worker';
		IF NOT FOUND THEN
			RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
		END IF;
	END IF;
	RETURN NULL;
END
$$;

CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.outbox_0 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.outbox_0 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.outbox_0 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.outbox_0 ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.outbox_1 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.outbox_1 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.outbox_1 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.outbox_1 ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.outbox_2 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.outbox_2 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.outbox_2 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.outbox_2 ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.outbox_3 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.outbox_3 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.outbox_3 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.outbox_3 ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.outbox_4 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.outbox_4 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.outbox_4 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.outbox_4 ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.outbox_5 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.outbox_5 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.outbox_5 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.outbox_5 ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.tick_0 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.tick_0 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.tick_1 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.tick_1 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.tick_2 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.tick_2 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.tick_3 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.tick_3 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.tick_4 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.tick_4 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.tick_5 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.tick_5 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.request_0 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.request_0 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.request_1 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.request_1 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.request_2 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.request_2 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.request_3 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.request_3 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.request_4 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.request_4 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.request_5 FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.request_5 ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.cursor_row FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.cursor_row ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.failed_event FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.failed_event ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.receipt FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.receipt ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.receipt FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.receipt ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.cursor_row FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.cursor_row ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.failed_event FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.failed_event ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated_change BEFORE INSERT OR UPDATE OR DELETE ON ecapi.control FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.control ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated_change BEFORE INSERT OR UPDATE OR DELETE ON ecapi.value_measure FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.value_measure ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated_change BEFORE INSERT OR UPDATE OR DELETE ON ecapi.replay_cursor FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.replay_cursor ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.cancellation FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.cancellation ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.cancellation FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.cancellation ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated BEFORE INSERT ON ecapi.amendment FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated();
ALTER TABLE ecapi.amendment ENABLE REPLICA TRIGGER skip_replicated;
CREATE TRIGGER skip_replicated_change BEFORE UPDATE OR DELETE ON ecapi.amendment FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.amendment ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated_change BEFORE INSERT OR UPDATE OR DELETE ON ecapi.ledger FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.ledger ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated_change BEFORE INSERT OR UPDATE OR DELETE ON ecapi.backfill_progress FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.backfill_progress ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated_change BEFORE INSERT OR UPDATE OR DELETE ON ecapi.stop FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.stop ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated_change BEFORE INSERT OR UPDATE OR DELETE ON ecapi.forget_key FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.forget_key ENABLE REPLICA TRIGGER skip_replicated_change;
CREATE TRIGGER skip_replicated_change BEFORE INSERT OR UPDATE OR DELETE ON ecapi.forgotten FOR EACH ROW EXECUTE FUNCTION ecapi_internal.skip_replicated('change');
ALTER TABLE ecapi.forgotten ENABLE REPLICA TRIGGER skip_replicated_change;

-- ---------------------------------------------------------------------------
-- A slot is emptied by the worker alone: it knows which events still wait.
-- ---------------------------------------------------------------------------

CREATE FUNCTION ecapi_internal.refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a
	WHERE a.backend_type = 'ecapi worker';
	IF NOT FOUND THEN
		PERFORM ecapi_internal.refuse('55000',
			pg_catalog.format('cannot truncate "%s": events in it may wait to be delivered', TG_TABLE_NAME),
			'Slots are emptied by the worker; DROP SERVER ends a destination that nothing shall wait for.');
	END IF;
	RETURN NULL;
END
$$;

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ecapi.outbox_0 FOR EACH STATEMENT EXECUTE FUNCTION ecapi_internal.refuse_truncate();
ALTER TABLE ecapi.outbox_0 ENABLE ALWAYS TRIGGER refuse_truncate;
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ecapi.outbox_1 FOR EACH STATEMENT EXECUTE FUNCTION ecapi_internal.refuse_truncate();
ALTER TABLE ecapi.outbox_1 ENABLE ALWAYS TRIGGER refuse_truncate;
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ecapi.outbox_2 FOR EACH STATEMENT EXECUTE FUNCTION ecapi_internal.refuse_truncate();
ALTER TABLE ecapi.outbox_2 ENABLE ALWAYS TRIGGER refuse_truncate;
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ecapi.outbox_3 FOR EACH STATEMENT EXECUTE FUNCTION ecapi_internal.refuse_truncate();
ALTER TABLE ecapi.outbox_3 ENABLE ALWAYS TRIGGER refuse_truncate;
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ecapi.outbox_4 FOR EACH STATEMENT EXECUTE FUNCTION ecapi_internal.refuse_truncate();
ALTER TABLE ecapi.outbox_4 ENABLE ALWAYS TRIGGER refuse_truncate;
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ecapi.outbox_5 FOR EACH STATEMENT EXECUTE FUNCTION ecapi_internal.refuse_truncate();
ALTER TABLE ecapi.outbox_5 ENABLE ALWAYS TRIGGER refuse_truncate;

-- ---------------------------------------------------------------------------
-- Functions
-- ---------------------------------------------------------------------------

CREATE FUNCTION @extschema@.ecapi_emit(
	event_type text DEFAULT NULL,
	value double precision DEFAULT NULL,
	currency_code text DEFAULT NULL,
	id text DEFAULT NULL,
	user_data jsonb DEFAULT NULL,
	properties jsonb DEFAULT NULL,
	source text DEFAULT NULL,
	custom_event text DEFAULT NULL,
	data_set_id text DEFAULT NULL,
	occurred_at timestamptz DEFAULT NULL,
	ext jsonb DEFAULT NULL,
	event jsonb DEFAULT NULL)
RETURNS text
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_emit';

CREATE FUNCTION ecapi.capture() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_capture';

CREATE FUNCTION ecapi_internal.capture_pending() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_capture_pending';

CREATE FUNCTION ecapi.validate(
	event jsonb,
	OUT path text,
	OUT severity text,
	OUT code text,
	OUT message text,
	OUT hint text)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 5
AS 'MODULE_PATHNAME', 'ecapi_validate_event';

-- Without a country these two read ecapi.default_country: not IMMUTABLE.
CREATE FUNCTION ecapi.normalize(field text, value text, country text DEFAULT NULL,
	format text DEFAULT 'ecapi') RETURNS text
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ecapi_normalize_value';

CREATE FUNCTION ecapi.digest(field text, value text, country text DEFAULT NULL,
	format text DEFAULT 'ecapi') RETURNS text
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ecapi_digest_value';

CREATE FUNCTION ecapi.gpp(consent text) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ecapi_gpp';

CREATE FUNCTION ecapi.gpp_problem(consent text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ecapi_gpp_problem';

CREATE FUNCTION ecapi.fields(
	OUT field text,
	OUT path text,
	OUT type text,
	OUT is_array boolean,
	OUT presence text,
	OUT is_normalized boolean,
	OUT is_hashed boolean,
	OUT allowed text[])
RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 106
AS 'MODULE_PATHNAME', 'ecapi_list_fields';

CREATE FUNCTION ecapi.event_types(
	OUT event_type text,
	OUT tier text,
	OUT meaning text,
	OUT required text[],
	OUT is_refundable boolean,
	OUT also_known_as text[])
RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 45
AS 'MODULE_PATHNAME', 'ecapi_list_event_types';

CREATE FUNCTION ecapi.formats(
	OUT format text,
	OUT what text,
	OUT default_batch integer,
	OUT max_batch integer,
	OUT max_test_batch integer,
	OUT max_bytes integer,
	OUT default_age interval,
	OUT max_age interval,
	OUT max_ahead interval,
	OUT requests_a_minute integer,
	OUT requests_a_day integer,
	OUT dedupe_key text,
	OUT dedupe_window interval,
	OUT identifiers text,
	OUT outcomes text,
	OUT outcomes_within interval,
	OUT has_test_mode boolean,
	OUT test_counts boolean,
	OUT options text[],
	OUT credentials text,
	OUT amend text,
	OUT amend_window interval)
RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 13
AS 'MODULE_PATHNAME', 'ecapi_list_formats';

CREATE FUNCTION ecapi.major(amount numeric, currency text) RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ecapi_major_units';

CREATE FUNCTION ecapi_internal.left_out_counts(
	OUT path text,
	OUT reason text,
	OUT count bigint)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'ecapi_left_out_counts';

CREATE FUNCTION ecapi_internal.not_carried_counts(
	OUT server oid,
	OUT path text,
	OUT events bigint)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL SAFE ROWS 100
AS 'MODULE_PATHNAME', 'ecapi_not_carried_counts';

-- Stands in the expressions of filters, which run as the owners of destinations;
-- it reads nothing but its argument.
CREATE FUNCTION ecapi_internal.filter_bound(value anyelement, max_bytes integer) RETURNS anyelement
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ecapi_filter_bound_value';

CREATE FUNCTION ecapi_internal.fdw_validator(options text[], catalog oid) RETURNS void
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'ecapi_fdw_validator';

CREATE FUNCTION ecapi.worker(
	OUT preloaded boolean,
	OUT pid integer,
	OUT state text,
	OUT message text)
RETURNS record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_worker_status';

CREATE FUNCTION ecapi_internal.wake_worker() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_wake_worker';

CREATE FUNCTION ecapi_internal.start_snapshot() RETURNS pg_snapshot
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_start_snapshot';

CREATE FUNCTION ecapi_internal.credential_problem(server oid) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_credential_problem';

CREATE FUNCTION ecapi_internal.open_files_limit() RETURNS integer
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_open_files_limit';

-- These two compile a filter in a subtransaction, which parallel workers cannot have.
CREATE FUNCTION ecapi_internal.check_destination(server oid, command pg_ddl_command) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_check_destination';

CREATE FUNCTION ecapi_internal.destination_problems(
	server oid,
	OUT severity text,
	OUT what text,
	OUT what_to_do text)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'ecapi_destination_problems';

CREATE FUNCTION ecapi_internal.follow_enrichments() RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_follow_enrichments';

CREATE FUNCTION ecapi_internal.depend_enrichments(drops boolean) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_depend_enrichments';

CREATE FUNCTION ecapi_internal.outbox_measure(
	OUT bytes bigint,
	OUT bytes_limit bigint,
	OUT is_full boolean)
RETURNS record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_outbox_measure';

CREATE FUNCTION ecapi_internal.role_use(
	OUT role regrole,
	OUT bytes bigint,
	OUT bytes_limit bigint,
	OUT is_dropped boolean,
	OUT dropped bigint,
	OUT set_aside_bytes bigint,
	OUT set_aside_limit bigint,
	OUT is_not_kept boolean,
	OUT not_kept bigint)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'ecapi_list_role_uses';

CREATE FUNCTION ecapi.pause(destination name) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_pause';

CREATE FUNCTION ecapi.resume(destination name) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_resume';

CREATE FUNCTION ecapi.retry(destination name, event_id text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_retry';

CREATE FUNCTION ecapi.discard(
	destination name,
	until timestamptz DEFAULT now(),
	event_id text DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_discard';

CREATE FUNCTION ecapi.replay(
	destination name,
	since timestamptz,
	until timestamptz DEFAULT now(),
	event_types text DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_replay';

CREATE FUNCTION ecapi.cancel_replay(destination name, replay bigint DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_cancel_replay';

-- Four forms of one function: their arguments say what they are about.
CREATE FUNCTION ecapi.preview(
	destination name,
	OUT decision text,
	OUT reason text,
	OUT events bigint,
	OUT ids text[],
	OUT patched text[],
	OUT left_out text[],
	OUT not_carried text[],
	OUT method text,
	OUT url text,
	OUT headers text,
	OUT body text)
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 5
AS 'MODULE_PATHNAME', 'ecapi_preview_waiting';

CREATE FUNCTION ecapi.preview(
	destination name,
	id text,
	send boolean DEFAULT false,
	OUT decision text,
	OUT reason text,
	OUT event_id text,
	OUT patched text[],
	OUT left_out text[],
	OUT not_carried text[],
	OUT method text,
	OUT url text,
	OUT headers text,
	OUT body text,
	OUT status integer,
	OUT answer text,
	OUT consent text)
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'ecapi_preview_stored';

CREATE FUNCTION ecapi.preview(
	destination name,
	event jsonb,
	send boolean DEFAULT false,
	OUT decision text,
	OUT reason text,
	OUT event_id text,
	OUT patched text[],
	OUT left_out text[],
	OUT not_carried text[],
	OUT method text,
	OUT url text,
	OUT headers text,
	OUT body text,
	OUT status integer,
	OUT answer text,
	OUT consent text)
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'ecapi_preview_given';

CREATE FUNCTION ecapi.preview(
	destination name,
	since timestamptz,
	until timestamptz DEFAULT now(),
	OUT decision text,
	OUT reason text,
	OUT event_type text,
	OUT currency text,
	OUT events bigint,
	OUT value numeric)
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 20
AS 'MODULE_PATHNAME', 'ecapi_preview_past';

CREATE FUNCTION ecapi.measure_values(
	destination name,
	since timestamptz DEFAULT now() - interval '28 days',
	OUT event_type text,
	OUT currency text,
	OUT events bigint,
	OUT needed bigint,
	OUT bounds numeric[],
	OUT amounts numeric[])
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 5
AS 'MODULE_PATHNAME', 'ecapi_measure_values';

CREATE FUNCTION ecapi.value_eligibility(
	destination name,
	OUT platform text,
	OUT event_type text,
	OUT currency text,
	OUT rule text,
	OUT measured numeric,
	OUT met boolean,
	OUT source text)
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'ecapi_value_eligibility';

CREATE FUNCTION ecapi.cancel(id text, since timestamptz DEFAULT NULL, value numeric DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_cancel';

CREATE FUNCTION ecapi.amend(id text, patch jsonb, since timestamptz DEFAULT NULL) RETURNS text
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_amend';

CREATE FUNCTION ecapi.adopt(destination name) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_adopt';

CREATE FUNCTION ecapi.rebase(destination name) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_rebase';

CREATE FUNCTION ecapi.suggest_mapping(relation regclass, event_type text) RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ecapi_suggest_mapping';

-- Commits after each page, so it has no SET clause; see history/backfill.c.
CREATE PROCEDURE ecapi.backfill(
	relation regclass,
	event_type text,
	since timestamptz DEFAULT '-infinity',
	until timestamptz DEFAULT NULL,
	name text DEFAULT NULL,
	page_size integer DEFAULT 1000,
	events_per_second double precision DEFAULT NULL,
	restart boolean DEFAULT false)
LANGUAGE c
AS 'MODULE_PATHNAME', 'ecapi_backfill';

CREATE FUNCTION ecapi.recapture(
	relation regclass DEFAULT NULL,
	track name DEFAULT NULL,
	since timestamptz DEFAULT NULL,
	maximum integer DEFAULT 10000,
	OUT tried bigint,
	OUT captured bigint,
	OUT still_failing bigint,
	OUT cancelled bigint)
RETURNS record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_recapture';

CREATE FUNCTION ecapi.forget(
	identifier text,
	country text DEFAULT NULL,
	OUT event_id text,
	OUT event_type text,
	OUT emitted_at timestamptz,
	OUT destination name,
	OUT outcome text,
	OUT delivered_at timestamptz,
	OUT receiver_request_id text)
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_forget';

CREATE FUNCTION ecapi.withdraw(
	identifier text,
	country text DEFAULT NULL,
	destinations name[] DEFAULT NULL,
	OUT event_id text,
	OUT event_type text,
	OUT emitted_at timestamptz,
	OUT destination name,
	OUT outcome text,
	OUT delivered_at timestamptz,
	OUT receiver_request_id text)
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_withdraw';

CREATE FUNCTION ecapi.remember(identifier text, country text DEFAULT NULL) RETURNS boolean
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_remember';

-- ---------------------------------------------------------------------------
-- Destinations are foreign servers.
-- ---------------------------------------------------------------------------

CREATE FOREIGN DATA WRAPPER ecapi NO HANDLER VALIDATOR ecapi_internal.fdw_validator;

-- What a dropped destination failed on is not sent by a new one of its name.
CREATE FUNCTION ecapi_internal.end_destination(destination name) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	DELETE FROM ecapi.cursor_row c WHERE c.destination = end_destination.destination;
	DELETE FROM ecapi.control c WHERE c.destination = end_destination.destination;
	UPDATE ecapi.failed_event f SET state = 'dead', next_try = NULL
	WHERE f.destination = end_destination.destination AND f.state = 'waiting';
	DELETE FROM ecapi.replay_cursor r WHERE r.destination = end_destination.destination;
	DELETE FROM ecapi.receipt r WHERE r.destination = end_destination.destination;
	DELETE FROM ecapi.value_measure m WHERE m.destination = end_destination.destination;
END;

-- A cursor starts in the transaction that creates its server, and follows the
-- server when it is renamed.  The worker repairs what was done while event
-- triggers did not run.  plpgsql, so that a missing library does not break DDL
-- that is not about ecapi.
--
-- A new server records where it was made (option origin), as its cursor does: a
-- dump carries the option along, so one that is restored elsewhere is a copy
-- until ecapi.adopt().
--
-- What the server says of users' SQL is looked at first, as the command left it.
CREATE FUNCTION ecapi_internal.on_server_change() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	server record;
	here text;
BEGIN
	FOR server IN
		SELECT s.oid, s.srvname, d.command_tag,
			(SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) o
			WHERE o.option_name = 'origin') AS origin
		FROM pg_catalog.pg_event_trigger_ddl_commands() d
			JOIN pg_catalog.pg_foreign_server s ON s.oid = d.objid
			JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
		WHERE d.classid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass
			AND w.fdwname = 'ecapi'
	LOOP
		PERFORM ecapi_internal.check_destination(d.objid, d.command)
		FROM pg_catalog.pg_event_trigger_ddl_commands() d
		WHERE d.classid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass
			AND d.objid = server.oid;
		IF server.command_tag = 'CREATE SERVER' THEN
			PERFORM ecapi_internal.end_destination(server.srvname);
			SELECT pg_catalog.concat(y.system_identifier, '/', b.oid) INTO here
			FROM pg_catalog.pg_control_system() y, pg_catalog.pg_database b
			WHERE b.datname = pg_catalog.current_database();
			INSERT INTO ecapi.cursor_row (destination, server, snapshot,
				system_identifier, database, started_at)
			SELECT server.srvname, server.oid, ecapi_internal.start_snapshot(),
				pg_catalog.split_part(o.origin, '/', 1)::bigint,
				pg_catalog.split_part(o.origin, '/', 2)::oid, pg_catalog.clock_timestamp()
			FROM (SELECT coalesce(server.origin, here)) o (origin);
			-- once more, now that a worker that empties the ring sees the row: outbox/pins.c
			UPDATE ecapi.cursor_row c SET snapshot = ecapi_internal.start_snapshot()
			WHERE c.server = server.oid;
			-- whether ecapi_emit() is called with a data set cannot be known; formats of
			-- platforms require the option, or need none
			IF server.origin IS NULL
				AND NOT EXISTS (SELECT FROM pg_catalog.pg_foreign_server s,
						LATERAL pg_catalog.pg_options_to_table(s.srvoptions) o
					WHERE s.oid = server.oid AND (o.option_name = 'data_set_id'
						OR o.option_name = 'format' AND o.option_value <> 'ecapi'))
				AND NOT EXISTS (SELECT FROM ecapi.track t WHERE t.mapping ? 'data_set_id') THEN
				PERFORM ecapi_internal.refuse('01000',
					pg_catalog.format('destination "%s" has no data_set_id: it stops at the first event that brings none', server.srvname),
					pg_catalog.format('ALTER SERVER %I OPTIONS (ADD data_set_id ''...'').', server.srvname));
			END IF;
			IF server.origin IS NULL THEN
				EXECUTE pg_catalog.format('ALTER SERVER %I OPTIONS (ADD origin %L)', server.srvname, here);
			END IF;
		ELSE
			UPDATE ecapi.control k SET destination = server.srvname
			FROM ecapi.cursor c
			WHERE c.server = server.oid AND k.destination = c.destination
				AND c.destination <> server.srvname;
			UPDATE ecapi.failed_event f SET destination = server.srvname
			FROM ecapi.cursor c
			WHERE c.server = server.oid AND f.destination = c.destination
				AND c.destination <> server.srvname;
			UPDATE ecapi.receipt r SET destination = server.srvname
			FROM ecapi.cursor c
			WHERE c.server = server.oid AND r.destination = c.destination
				AND c.destination <> server.srvname;
			UPDATE ecapi.value_measure m SET destination = server.srvname
			FROM ecapi.cursor c
			WHERE c.server = server.oid AND m.destination = c.destination
				AND c.destination <> server.srvname;
			UPDATE ecapi.replay_cursor r SET destination = server.srvname
			FROM ecapi.cursor c
			WHERE c.server = server.oid AND r.destination = c.destination
				AND c.destination <> server.srvname;
			UPDATE ecapi.cursor_row c SET destination = server.srvname
			WHERE c.server = server.oid AND c.destination <> server.srvname;
		END IF;
		PERFORM ecapi_internal.wake_worker();
	END LOOP;
END
$$;

CREATE FUNCTION ecapi_internal.on_mapping_change() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mapping record;
BEGIN
	FOR mapping IN
		SELECT s.srvname, m.umuser
		FROM pg_catalog.pg_event_trigger_ddl_commands() d
			JOIN pg_catalog.pg_user_mapping m ON m.oid = d.objid
			JOIN pg_catalog.pg_foreign_server s ON s.oid = m.umserver
			JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
		WHERE d.classid = 'pg_catalog.pg_user_mapping'::pg_catalog.regclass
			AND w.fdwname = 'ecapi'
	LOOP
		IF mapping.umuser <> 0 THEN
			PERFORM ecapi_internal.refuse('01000',
				pg_catalog.format('user mapping on destination "%s" is not used', mapping.srvname),
				pg_catalog.format('Credentials of a destination belong in CREATE USER MAPPING FOR PUBLIC SERVER %I.',
					mapping.srvname));
		END IF;
		PERFORM ecapi_internal.wake_worker();
	END LOOP;
END
$$;

CREATE FUNCTION ecapi_internal.on_server_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	dropped_name name;
BEGIN
	FOR dropped_name IN
		SELECT c.destination
		FROM pg_catalog.pg_event_trigger_dropped_objects() d
			JOIN ecapi.cursor c ON c.server = d.objid
		WHERE d.classid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass
	LOOP
		PERFORM ecapi_internal.end_destination(dropped_name);
		PERFORM ecapi_internal.wake_worker();
	END LOOP;
END
$$;

-- Enrichments are functions: their names are followed, and they are not dropped
-- while a destination needs them.  A DROP ... CASCADE that takes a function away
-- would take the destination with it, with its cursor and credentials, so that is
-- refused: dropping a table must not lose conversions.  plpgsql, and at
-- an end at once where no destination is enriched, for the reasons given below for
-- tracks.
CREATE FUNCTION ecapi_internal.has_enrichments() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (
		SELECT FROM pg_catalog.pg_foreign_data_wrapper w
			JOIN pg_catalog.pg_foreign_server s ON s.srvfdw = w.oid,
			LATERAL pg_catalog.unnest(s.srvoptions) o
		WHERE w.fdwname = 'ecapi' AND pg_catalog.starts_with(o, 'enrich='))
$$;

-- Before functions can be renamed or go, what destinations depend on is put right, for
-- rights come and go where no event trigger runs; after commands that drop, what they
-- may not call counts again.  Silent where the library is missing: what was
-- recorded holds.
CREATE FUNCTION ecapi_internal.on_enrichment_need() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF ecapi_internal.has_enrichments() THEN
		PERFORM ecapi_internal.depend_enrichments(TG_EVENT = 'ddl_command_start'
			AND TG_TAG NOT IN ('ALTER FUNCTION', 'ALTER ROUTINE', 'ALTER SCHEMA', 'ALTER EXTENSION'));
	END IF;
EXCEPTION WHEN undefined_file OR io_error OR undefined_function THEN
	NULL;
END
$$;

CREATE FUNCTION ecapi_internal.on_enrichment_change() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT ecapi_internal.has_enrichments() THEN
		RETURN;
	END IF;
	BEGIN
		PERFORM ecapi_internal.follow_enrichments();
	EXCEPTION WHEN undefined_file OR io_error THEN
		RAISE WARNING 'enrichments were not looked after because the library of ecapi cannot be loaded'
			USING HINT = 'Install it, then see ecapi.check().';
	END;
END
$$;

CREATE FUNCTION ecapi_internal.on_enrichment_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lost record;
BEGIN
	SELECT c.destination,
		(SELECT o.object_type || ' ' || o.object_identity
		FROM pg_catalog.pg_event_trigger_dropped_objects() o
		WHERE o.original LIMIT 1) AS dropped
	INTO lost
	FROM pg_catalog.pg_event_trigger_dropped_objects() d
		JOIN ecapi.cursor c ON c.server = d.objid
	WHERE d.classid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass AND NOT d.original
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger_dropped_objects() w
			WHERE w.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass)
	ORDER BY c.destination LIMIT 1;
	IF FOUND THEN
		PERFORM ecapi_internal.refuse('2BP01',
			pg_catalog.format('cannot drop %s because destination "%s" needs an enrichment that goes with it',
				lost.dropped, lost.destination),
			pg_catalog.format('Take it out of the destination''s enrichments first, with ALTER SERVER %I OPTIONS (SET enrich ...) or (DROP enrich).',
				lost.destination));
	END IF;
END
$$;

CREATE EVENT TRIGGER ecapi_server_change ON ddl_command_end
	WHEN TAG IN ('CREATE SERVER', 'ALTER SERVER')
	EXECUTE FUNCTION ecapi_internal.on_server_change();

CREATE EVENT TRIGGER ecapi_mapping_change ON ddl_command_end
	WHEN TAG IN ('CREATE USER MAPPING', 'ALTER USER MAPPING')
	EXECUTE FUNCTION ecapi_internal.on_mapping_change();

CREATE EVENT TRIGGER ecapi_server_drop ON sql_drop
	WHEN TAG IN ('DROP SERVER', 'DROP OWNED', 'DROP FOREIGN DATA WRAPPER')
	EXECUTE FUNCTION ecapi_internal.on_server_drop();

CREATE EVENT TRIGGER ecapi_enrichment_change ON ddl_command_end
	WHEN TAG IN ('CREATE FUNCTION', 'ALTER FUNCTION', 'ALTER ROUTINE', 'ALTER SCHEMA',
		'ALTER EXTENSION')
	EXECUTE FUNCTION ecapi_internal.on_enrichment_change();

-- Every command that can take a function away, for one in SQL may need nearly
-- anything.
CREATE EVENT TRIGGER ecapi_enrichment_drop ON sql_drop
	WHEN TAG IN ('DROP FUNCTION', 'DROP ROUTINE', 'DROP PROCEDURE', 'DROP AGGREGATE', 'DROP SCHEMA',
		'DROP OWNED', 'DROP EXTENSION', 'DROP LANGUAGE', 'DROP TABLE', 'ALTER TABLE', 'DROP VIEW',
		'DROP MATERIALIZED VIEW', 'DROP FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'DROP SEQUENCE',
		'DROP TYPE', 'ALTER TYPE', 'DROP DOMAIN', 'DROP CAST', 'DROP OPERATOR', 'DROP COLLATION',
		'DROP TEXT SEARCH CONFIGURATION', 'DROP TEXT SEARCH DICTIONARY')
	EXECUTE FUNCTION ecapi_internal.on_enrichment_drop();

CREATE EVENT TRIGGER ecapi_enrichment_start ON ddl_command_start
	WHEN TAG IN ('ALTER FUNCTION', 'ALTER ROUTINE', 'ALTER SCHEMA', 'ALTER EXTENSION',
		'DROP FUNCTION', 'DROP ROUTINE', 'DROP PROCEDURE', 'DROP AGGREGATE', 'DROP SCHEMA',
		'DROP OWNED', 'DROP EXTENSION', 'DROP LANGUAGE', 'DROP TABLE', 'ALTER TABLE', 'DROP VIEW',
		'DROP MATERIALIZED VIEW', 'DROP FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'DROP SEQUENCE',
		'DROP TYPE', 'ALTER TYPE', 'DROP DOMAIN', 'DROP CAST', 'DROP OPERATOR', 'DROP COLLATION',
		'DROP TEXT SEARCH CONFIGURATION', 'DROP TEXT SEARCH DICTIONARY')
	EXECUTE FUNCTION ecapi_internal.on_enrichment_need();

CREATE EVENT TRIGGER ecapi_enrichment_end ON ddl_command_end
	WHEN TAG IN ('DROP FUNCTION', 'DROP ROUTINE', 'DROP PROCEDURE', 'DROP AGGREGATE', 'DROP SCHEMA',
		'DROP OWNED', 'DROP EXTENSION', 'DROP LANGUAGE', 'DROP TABLE', 'ALTER TABLE', 'DROP VIEW',
		'DROP MATERIALIZED VIEW', 'DROP FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'DROP SEQUENCE',
		'DROP TYPE', 'ALTER TYPE', 'DROP DOMAIN', 'DROP CAST', 'DROP OPERATOR', 'DROP COLLATION',
		'DROP TEXT SEARCH CONFIGURATION', 'DROP TEXT SEARCH DICTIONARY')
	EXECUTE FUNCTION ecapi_internal.on_enrichment_need();

-- Rows that wait for the commit could not be found in a rewritten table, so
-- they are captured before: when the command begins, for in an event of
-- table_rewrite the columns are already as they will be.
CREATE FUNCTION ecapi_internal.on_alter_start() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM ecapi_internal.capture_pending();
EXCEPTION WHEN undefined_file OR undefined_function THEN
	NULL;	-- no library: nothing waits
END
$$;

CREATE EVENT TRIGGER ecapi_alter_start ON ddl_command_start
	WHEN TAG IN ('ALTER TABLE', 'ALTER TYPE')
	EXECUTE FUNCTION ecapi_internal.on_alter_start();

-- ---------------------------------------------------------------------------
-- Tracks.  A track is a trigger of ecapi.capture(), and nothing else is kept of
-- it; its argument is JSON that names columns, tables and functions.
--
-- An event trigger looks after new ones.  The SQL of a track runs as the table's
-- owner, so the TRIGGER privilege is not enough to make one.  A partition's copy
-- comes with ATTACH PARTITION or CREATE TABLE, by the owner of the table that it is
-- attached to, and is not checked again.
--
-- Two more look after what tracks name.  All are plpgsql, so that a missing
-- library does not break DDL that is not about tracks, and all end at once in a
-- database without tracks.
-- ---------------------------------------------------------------------------

CREATE FUNCTION ecapi.track(
	relation regclass,
	event_type text,
	mapping jsonb DEFAULT NULL,
	condition text DEFAULT NULL,
	on_change text[] DEFAULT NULL,
	at_commit boolean DEFAULT false,
	on_error text DEFAULT NULL,
	always boolean DEFAULT false,
	name text DEFAULT NULL)
RETURNS text
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_track';

-- Locks the table, which parallel workers could not keep.
CREATE FUNCTION ecapi.event_id(relation regclass, event_type text, VARIADIC key "any") RETURNS text
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_name_event';

CREATE FUNCTION ecapi.untrack(
	relation regclass,
	event_type text DEFAULT NULL,
	name text DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_untrack';

CREATE FUNCTION ecapi_internal.check_trigger(trigger oid) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_check_trigger';

-- These two look in a subtransaction, which parallel workers cannot have.
CREATE FUNCTION ecapi_internal.track_argument(trigger oid) RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_track_argument';

CREATE FUNCTION ecapi_internal.track_problem(trigger oid) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_track_problem';

CREATE FUNCTION ecapi_internal.follow_command(command pg_ddl_command) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_follow_command';

CREATE FUNCTION ecapi_internal.watch_tracks() RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_watch_tracks';

CREATE FUNCTION ecapi_internal.follow_drop(type text, schema text, name text, relation oid, constraints boolean) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ecapi_follow_drop';

-- Whether there is any track, by the index of pg_depend.
CREATE FUNCTION ecapi_internal.has_tracks() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (
		SELECT FROM pg_catalog.pg_proc p
			JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
			JOIN pg_catalog.pg_depend d ON d.refobjid = p.oid
		WHERE n.nspname = 'ecapi' AND p.proname = 'capture'
			AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
			AND d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass)
$$;

-- SECURITY INVOKER: whether a trigger may be made is checked with the rights of the
-- role that makes it.
CREATE FUNCTION ecapi_internal.on_trigger_create() RETURNS event_trigger
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	made oid;
BEGIN
	-- row by row: a query that names the function loads the library even when
	-- it finds nothing
	FOR made IN
		SELECT t.oid
		FROM pg_catalog.pg_event_trigger_ddl_commands() d
			JOIN pg_catalog.pg_trigger t ON t.oid = d.objid
			JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
			JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
		WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
			AND n.nspname = 'ecapi' AND p.proname = 'capture'
	LOOP
		PERFORM ecapi_internal.check_trigger(made);
	END LOOP;
END
$$;

-- Silent where the library is missing: the triggers at the command's end report it.
CREATE FUNCTION ecapi_internal.on_track_start() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF ecapi_internal.has_tracks() THEN
		PERFORM ecapi_internal.watch_tracks();
	END IF;
EXCEPTION WHEN undefined_file OR io_error OR undefined_function THEN
	NULL;
END
$$;

CREATE FUNCTION ecapi_internal.on_track_change() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT ecapi_internal.has_tracks() THEN
		RETURN;
	END IF;
	BEGIN
		PERFORM ecapi_internal.follow_command(d.command)
		FROM pg_catalog.pg_event_trigger_ddl_commands() d;
	EXCEPTION WHEN undefined_file OR io_error THEN
		RAISE WARNING 'tracks were not looked after because the library of ecapi cannot be loaded'
			USING HINT = 'Install it, then see the column "problem" of the view ecapi.track.';
	END;
END
$$;

-- Objects go by name; a function's name is the last part of its address.
-- Constraints have no names in tracks, so one call stands for all of them, and
-- names the object that the command named.
CREATE FUNCTION ecapi_internal.on_track_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT ecapi_internal.has_tracks() THEN
		RETURN;
	END IF;
	BEGIN
		PERFORM ecapi_internal.follow_drop(o.object_type, o.schema, o.name, o.relation, false)
		FROM (
			SELECT DISTINCT ON (k.schema, k.name, k.relation) d.object_type, k.schema, k.name, k.relation
			FROM pg_catalog.pg_event_trigger_dropped_objects() d,
				LATERAL (SELECT coalesce(d.schema_name, ''), coalesce(d.object_name,
					d.address_names[pg_catalog.array_upper(d.address_names, 1)]),
					CASE WHEN d.object_type = 'table column' THEN d.objid ELSE 0 END) k (schema, name, relation)
			WHERE d.object_type IN ('table column', 'table', 'view', 'materialized view',
					'foreign table', 'function', 'aggregate', 'type', 'composite type column')
				AND NOT d.is_temporary AND k.name IS NOT NULL
			ORDER BY k.schema, k.name, k.relation, d.original DESC
		) o;
		PERFORM ecapi_internal.follow_drop(o.object_type, '', o.name, 0, true)
		FROM (
			SELECT d.object_type, coalesce(d.object_name,
				d.address_names[pg_catalog.array_upper(d.address_names, 1)]) AS name
			FROM pg_catalog.pg_event_trigger_dropped_objects() d
			WHERE EXISTS (SELECT FROM pg_catalog.pg_event_trigger_dropped_objects() c
				WHERE c.object_type = 'table constraint' AND NOT c.is_temporary)
			ORDER BY d.original DESC LIMIT 1
		) o;
	EXCEPTION WHEN undefined_file OR io_error THEN
		RAISE WARNING 'tracks were not looked after because the library of ecapi cannot be loaded'
			USING HINT = 'Install it, then see the column "problem" of the view ecapi.track.';
	END;
END
$$;

CREATE EVENT TRIGGER ecapi_trigger_create ON ddl_command_end
	WHEN TAG IN ('CREATE TRIGGER', 'CREATE SCHEMA')
	EXECUTE FUNCTION ecapi_internal.on_trigger_create();

-- A role that may set session_replication_role must not get around these.
ALTER EVENT TRIGGER ecapi_trigger_create ENABLE ALWAYS;

-- The tags of both of the next two.
CREATE EVENT TRIGGER ecapi_track_start ON ddl_command_start
	WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE',
		'ALTER FUNCTION', 'ALTER ROUTINE', 'ALTER AGGREGATE', 'ALTER TYPE', 'ALTER DOMAIN',
		'ALTER SCHEMA', 'CREATE FUNCTION', 'DROP TABLE', 'DROP VIEW', 'DROP MATERIALIZED VIEW',
		'DROP FOREIGN TABLE', 'DROP FUNCTION', 'DROP ROUTINE', 'DROP AGGREGATE', 'DROP TYPE',
		'DROP DOMAIN', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION')
	EXECUTE FUNCTION ecapi_internal.on_track_start();

CREATE EVENT TRIGGER ecapi_track_change ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE',
		'ALTER FUNCTION', 'ALTER ROUTINE', 'ALTER AGGREGATE', 'ALTER TYPE', 'ALTER DOMAIN',
		'ALTER SCHEMA', 'CREATE FUNCTION')
	EXECUTE FUNCTION ecapi_internal.on_track_change();

CREATE EVENT TRIGGER ecapi_track_drop ON sql_drop
	WHEN TAG IN ('ALTER TABLE', 'ALTER TYPE', 'DROP TABLE', 'DROP VIEW', 'DROP MATERIALIZED VIEW',
		'DROP FOREIGN TABLE', 'DROP FUNCTION', 'DROP ROUTINE', 'DROP AGGREGATE', 'DROP TYPE',
		'DROP DOMAIN', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION')
	EXECUTE FUNCTION ecapi_internal.on_track_drop();

-- Copies that partitions have are left out: the track is that of their root.  Owners
-- see the tracks of their own tables, roles that monitor see all.
CREATE VIEW ecapi.track WITH (security_barrier) AS
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

-- ---------------------------------------------------------------------------
-- Views
-- ---------------------------------------------------------------------------

-- Waiting events of a cursor are those visible now that its snapshot did not
-- see, less the part of the open window that lies up to its position.  The two
-- arms are those of the reader: transactions that ran when the snapshot was
-- taken, and later ones.
-- What waits behind a cursor.  The planner cannot know how little that is as a rule,
-- and would read the whole outbox to count it; by the index it costs what waits.
-- Of events it shows counts and times alone, so it may read for roles that monitor.
CREATE FUNCTION ecapi_internal.waiting(c ecapi.cursor, OUT backlog bigint, OUT oldest timestamptz) RETURNS record
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
BEGIN ATOMIC
	SELECT pg_catalog.sum(a.n)::bigint, pg_catalog.min(a.oldest)
	FROM (
		SELECT pg_catalog.count(*) AS n, pg_catalog.min(e.emitted_at) AS oldest
		FROM ecapi.outbox e
		WHERE e.xid >= pg_catalog.pg_snapshot_xmax((c).snapshot)
			AND NOT ((c).arm = 1 AND (c).window_end IS NOT NULL
				AND (e.xid, e.seq) <= ((c).xid, (c).seq)
				AND pg_catalog.pg_visible_in_snapshot(e.xid, (c).window_end))
		UNION ALL
		SELECT pg_catalog.count(*), pg_catalog.min(e.emitted_at)
		FROM pg_catalog.pg_snapshot_xip((c).snapshot) x
			JOIN ecapi.outbox e ON e.xid = x
		WHERE NOT ((c).window_end IS NOT NULL
				AND ((c).arm = 1 OR (e.xid, e.seq) <= ((c).xid, (c).seq))
				AND pg_catalog.pg_visible_in_snapshot(e.xid, (c).window_end))
	) a;
END;

CREATE VIEW ecapi.destination AS
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
	CROSS JOIN ecapi.worker() w
	LEFT JOIN LATERAL ecapi_internal.waiting(c) b ON c.server IS NOT NULL
	LEFT JOIN LATERAL (
		SELECT pg_catalog.count(*) FILTER (WHERE e.state = 'waiting') AS waiting,
			pg_catalog.count(*) FILTER (WHERE e.state = 'dead') AS dead,
			pg_catalog.min(e.next_try) AS next_try
		FROM ecapi.failed_event e
		WHERE e.destination = s.srvname
	) r ON true;

-- What is left to send again is not counted: that would read the outbox.
CREATE VIEW ecapi.replay AS
SELECT r.replay_id, r.destination, r.state, r.since, r.until, r.event_types,
	r.delivered, r.filtered, r.failed, r.passed_over,
	r.requested_at, r.requested_by, r.finished_at, r.recorded_at
FROM ecapi_internal.newest_replay r;

-- Counts of cancellations; their ids are what events hold.
CREATE VIEW ecapi.cancellation_count AS
SELECT c.state, pg_catalog.count(*) AS cancellations,
	pg_catalog.sum(c.refunds) AS refunds, pg_catalog.sum(c.unanswered) AS unanswered,
	pg_catalog.min(c.cancelled_at) AS oldest, pg_catalog.max(c.cancelled_at) AS newest
FROM ecapi.cancellation c
GROUP BY c.state;

-- The same of amendments.
CREATE VIEW ecapi.amendment_count AS
SELECT a.state, pg_catalog.count(*) AS amendments,
	pg_catalog.min(a.amended_at) AS oldest, pg_catalog.max(a.amended_at) AS newest
FROM ecapi.amendment a
GROUP BY a.state;

-- How large the outbox is, and what was dropped because it was full.
CREATE VIEW ecapi.outbox_use AS
SELECT m.bytes, m.bytes_limit, m.is_full,
	CASE WHEN q.is_called THEN q.last_value ELSE 0 END AS dropped,
	CASE WHEN k.is_called THEN k.last_value ELSE 0 END AS not_kept
FROM ecapi_internal.outbox_measure() m CROSS JOIN ecapi.dropped_seq q CROSS JOIN ecapi.not_kept_seq k;

-- Which role holds how much of the outbox and of what is set aside, by a sample, and
-- whose events are lost for that.
CREATE VIEW ecapi.role_use AS
SELECT u.role, u.bytes, u.bytes_limit, u.is_dropped, u.dropped,
	u.set_aside_bytes, u.set_aside_limit, u.is_not_kept, u.not_kept
FROM ecapi_internal.role_use() u;

-- Values that were left out of events, since the server started.
CREATE VIEW ecapi.left_out AS
SELECT l.path, l.reason, l.count FROM ecapi_internal.left_out_counts() l;

-- Fields of events that did not reach a destination for want of a name there.
CREATE VIEW ecapi.not_carried AS
SELECT s.srvname AS destination, n.path, n.events
FROM ecapi_internal.not_carried_counts() n JOIN pg_catalog.pg_foreign_server s ON s.oid = n.server;

-- A row says "running" until it is written again, so one whose backend died
-- is known by the lock that went with it.  Owners see the backfills of their own
-- tables, roles that monitor see all; but a key may be a person's address: it is shown
-- to the owner, and to those who may read the progress.
CREATE VIEW ecapi.backfill WITH (security_barrier) AS
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

-- What of ecapi.failed_event belongs to its reader: rows of the reader's tables that
-- were set aside, and events that the reader's destinations did not take.  A row's
-- columns are its table's owner's.  The owner of a destination gets identifiers as
-- digests, and they are clear in the event: so it is not shown here.
CREATE VIEW ecapi.own_failed_event WITH (security_barrier) AS
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

-- The doctor.  Sees everything, so it runs as its owner; it shows states and
-- names, never contents.  It looks at tracks and filters in subtransactions, which a
-- parallel query cannot have.
CREATE FUNCTION ecapi.check(OUT severity text, OUT what text, OUT what_to_do text)
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
	SELECT * INTO w FROM ecapi.worker();
	IF NOT w.preloaded THEN
		severity := 'error';
		what := 'ecapi is not in shared_preload_libraries: events are kept, none is delivered';
		what_to_do := pg_catalog.format('Set shared_preload_libraries = %L in postgresql.conf and restart the server.',
			pg_catalog.concat_ws(', ', nullif(pg_catalog.current_setting('shared_preload_libraries'), ''), 'ecapi'));
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
		what := pg_catalog.format('the worker is running (process %s)', w.pid);
		what_to_do := NULL;
		RETURN NEXT;
	ELSE
		severity := 'error';
		what := pg_catalog.format('the worker of this database is not running: %s', w.message);
		what_to_do := 'See the server log; the worker is started again by itself. When no worker slot is free, raise max_worker_processes or ecapi.max_workers and restart the server.';
		RETURN NEXT;
	END IF;

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
					pg_catalog.format('When this database shall deliver from now on: SELECT ecapi.adopt(%L).', d.destination)
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
			what := pg_catalog.format('destination "%s" is in %s mode: nothing is sent', d.destination, d.mode);
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
			AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() AND l.pid IS DISTINCT FROM w.pid) h;
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
-- Proof: what became of an event, and of a table's rows
-- ---------------------------------------------------------------------------

-- The json operators would parse each event to its end.
CREATE FUNCTION ecapi_internal.event_id(event json) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ecapi_event_id';

-- Whether a cursor has passed an event: its snapshot saw it, or it lies in the open
-- window, up to the position, in the two arms of the reader: transactions that ran at
-- the snapshot, and later ones.
CREATE FUNCTION ecapi_internal.is_disposed(c ecapi.cursor, xid xid8, seq bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.pg_visible_in_snapshot(is_disposed.xid, (c).snapshot)
	OR ((c).window_end IS NOT NULL
		AND pg_catalog.pg_visible_in_snapshot(is_disposed.xid, (c).window_end)
		AND CASE WHEN is_disposed.xid < pg_catalog.pg_snapshot_xmax((c).snapshot)
			THEN (c).arm = 1 OR (is_disposed.xid, is_disposed.seq) <= ((c).xid, (c).seq)
			ELSE (c).arm = 1 AND (is_disposed.xid, is_disposed.seq) <= ((c).xid, (c).seq) END);

-- One statement, so that outbox, log and cursors are of one moment.  A destination
-- that was renamed is known by its server; what was sent before it started,
-- another server may have had that oid (pg_upgrade gives out new ones).
-- What an event's consent string says to a destination by the options that it has now, in
-- words; NULL: it has no string, or is not asked.
CREATE FUNCTION ecapi_internal.consent_of(destination name, event json) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ecapi_consent_of';

CREATE FUNCTION ecapi.consent_report(
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
	WHERE l.hour >= pg_catalog.date_trunc('hour', since) AND l.hour < until
		AND (l.outcome IN ('delivered', 'shadow') OR (l.outcome = 'filtered' AND l.reason LIKE 'consent%'))
	GROUP BY 1, 2, 3, 4
	ORDER BY 1, 2 DESC, 3, 4;
END;

CREATE FUNCTION ecapi.trace(
	id text,
	OUT at timestamptz,
	OUT destination name,
	OUT outcome text,
	OUT reason text,
	OUT attempt integer,
	OUT status integer,
	OUT latency_ms double precision,
	OUT answer text,
	OUT receiver_request_id text,
	OUT request_id bigint,
	OUT next_try timestamptz,
	OUT event_type text,
	OUT xid xid8,
	OUT seq bigint,
	OUT consent text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
	IF pg_catalog.current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'events cannot be traced in a transaction of isolation level %',
				pg_catalog.upper(pg_catalog.current_setting('transaction_isolation'))
			USING ERRCODE = 'invalid_transaction_state',
				DETAIL = 'The outbox is emptied slot by slot; an old snapshot may find a slot empty whose events it should see.',
				HINT = 'Use READ COMMITTED.';
	END IF;

	RETURN QUERY
	WITH e AS MATERIALIZED (
		SELECT o.seq, o.xid, o.emitted_at, o.event ->> 'event_type' AS event_type,
			o.event ->> 'erased' IS NOT NULL AS is_erased, o.event
		FROM ecapi.outbox o
		WHERE ecapi_internal.event_id(o.event) = trace.id
	), r AS MATERIALIZED (
		SELECT e.seq, e.xid, e.event_type, e.is_erased, q.request_id, q.sent_at, q.outcome, q.reason, q.attempt, q.status,
			q.latency_ms, q.error, q.receiver_request_id, coalesce(c.destination, q.destination) AS destination
		FROM e JOIN ecapi.request q ON q.seqs @> e.seq
			LEFT JOIN ecapi.cursor c ON c.server = q.server AND q.sent_at >= c.started_at
	), f AS MATERIALIZED (
		SELECT q.* FROM ecapi.failed_event q WHERE q.event_id = trace.id
	), shown AS (
		SELECT c.cancelled_at AS at, NULL::name AS destination, 'cancelled' AS outcome,
			CASE WHEN c.state = 'refunded' AND pg_catalog.octet_length(c.id) <= 505
				THEN pg_catalog.format('refunded as %s:refund', c.id) ELSE c.state END AS reason,
			NULL::integer AS attempt, NULL::integer AS status, NULL::double precision AS latency_ms,
			NULL AS answer, NULL AS receiver_request_id, NULL::bigint AS request_id,
			NULL::timestamptz AS next_try, NULL AS event_type, c.xid, NULL::bigint AS seq, 5 AS step
		FROM ecapi.cancellation c
		WHERE c.id = trace.id
		UNION ALL
		SELECT a.amended_at, NULL, 'amended',
			CASE a.state WHEN 'emitted' THEN pg_catalog.format('as %s', a.event_id)
				WHEN 'open' THEN 'its original is yet to be found' ELSE pg_catalog.concat_ws(': ', a.state, a.reason) END,
			NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, a.xid, NULL, 5
		FROM ecapi.amendment a
		WHERE a.id = trace.id
		UNION ALL
		SELECT e.emitted_at AS at, NULL::name AS destination, 'emitted' AS outcome,
			CASE WHEN e.is_erased THEN 'erased since' END AS reason,
			NULL::integer AS attempt, NULL::integer AS status, NULL::double precision AS latency_ms,
			NULL AS answer, NULL AS receiver_request_id, NULL::bigint AS request_id,
			NULL::timestamptz AS next_try, e.event_type, e.xid, e.seq, 1 AS step
		FROM e
		UNION ALL
		SELECT r.sent_at, r.destination, CASE WHEN r.outcome <> 'failed' THEN r.outcome
				WHEN r.is_erased THEN 'erased' ELSE 'deleted' END,
			r.reason, nullif(r.attempt, 0), r.status, r.latency_ms,
			r.error, r.receiver_request_id, r.request_id, NULL, r.event_type, r.xid, r.seq, 2
		FROM r
		WHERE r.outcome <> 'failed'
			OR NOT EXISTS (SELECT FROM f WHERE f.seq = r.seq AND f.destination = r.destination)
				AND NOT EXISTS (SELECT FROM r d WHERE d.seq = r.seq AND d.destination = r.destination
					AND (d.outcome = 'delivered' OR d.outcome = 'filtered' AND d.reason = 'consent withdrawn'))
		UNION ALL
		SELECT f.failed_at, f.destination, CASE f.state WHEN 'waiting' THEN 'failed' ELSE f.state END,
			pg_catalog.concat_ws(': ', nullif(f.source, 'ecapi_emit'), f.reason), nullif(f.attempts, 0),
			f.status, NULL, coalesce(f.answer, f.sqlstate), NULL, NULL, f.next_try,
			CASE WHEN f.source IS NULL THEN f.event ->> 'event_type' END, f.xid, f.seq, 3
		FROM f
		UNION ALL
		SELECT NULL, c.destination, 'waiting',
			CASE WHEN k.paused AND c.state <> 'stopped' THEN 'paused' ELSE c.state END, NULL, NULL, NULL,
			CASE WHEN c.state IN ('stopped', 'waiting') THEN c.last_error END, NULL, NULL, c.next_try,
			e.event_type, e.xid, e.seq, 4
		FROM e CROSS JOIN ecapi.cursor c LEFT JOIN ecapi.control k ON k.destination = c.destination
		WHERE NOT ecapi_internal.is_disposed(c, e.xid, e.seq)
			AND NOT EXISTS (SELECT FROM r WHERE r.seq = e.seq AND r.destination = c.destination
				AND r.outcome IN ('delivered', 'shadow', 'filtered', 'failed', 'given_up', 'erased'))
			AND NOT EXISTS (SELECT FROM f WHERE f.seq = e.seq AND f.destination = c.destination)
		UNION ALL
		SELECT NULL, c.destination, CASE WHEN e.emitted_at <= c.started_at THEN 'not sent' ELSE 'unknown' END,
			CASE WHEN e.emitted_at <= c.started_at THEN 'committed before the destination started'
				ELSE 'no row of the request log tells' END,
			NULL, NULL, NULL, NULL, NULL, NULL, NULL, e.event_type, e.xid, e.seq, 4
		FROM e CROSS JOIN ecapi.cursor c
		WHERE ecapi_internal.is_disposed(c, e.xid, e.seq)
			AND NOT EXISTS (SELECT FROM r WHERE r.seq = e.seq AND r.destination = c.destination
				AND r.outcome IN ('delivered', 'shadow', 'filtered', 'failed', 'given_up', 'erased'))
			AND NOT EXISTS (SELECT FROM f WHERE f.seq = e.seq AND f.destination = c.destination)
	)
	SELECT t.at, t.destination, t.outcome, t.reason, t.attempt, t.status, t.latency_ms, t.answer,
		t.receiver_request_id, t.request_id, t.next_try, t.event_type, t.xid, t.seq,
		CASE WHEN t.destination IS NOT NULL
			THEN (SELECT ecapi_internal.consent_of(t.destination, e.event) FROM e WHERE e.seq = t.seq) END
	FROM shown t
	ORDER BY t.seq, t.step = 1 DESC, t.at, t.request_id, t.step, t.destination;

	IF NOT FOUND THEN
		at := NULL;
		outcome := 'not found';
		SELECT coalesce('the outbox goes back to ' || pg_catalog.min(o.emitted_at)::text, 'the outbox is empty') || '; of older events the ledger keeps sums, and what is not committed is not seen'
			INTO reason FROM ecapi.outbox o;
		RETURN NEXT;
	END IF;
END
$$;

-- In the order of the rows: what the table's rows should be (generated), what of
-- it was emitted, set aside, or is nowhere (unaccounted); what rows do not say
-- (failing, no timestamp, condition false now), and which events have no row that is
-- an event now (not found in the table); then for each destination what became of
-- what was emitted.  A track that says nothing about rows is one row (not judged).
CREATE FUNCTION ecapi.reconcile(
	relation regclass,
	since timestamptz,
	until timestamptz,
	name text DEFAULT NULL,
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
AS 'MODULE_PATHNAME', 'ecapi_reconcile';

-- What the rows of a table would be as events: those that a backfill would emit.  A row
-- with a problem is no event, and has nothing else but its id, where that is known.
CREATE FUNCTION ecapi.history(
	relation regclass,
	name text DEFAULT NULL,
	since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL,
	OUT id text,
	OUT customer text,
	OUT customer_field text,
	OUT value numeric,
	OUT currency_code text,
	OUT occurred_at timestamptz,
	OUT items double precision,
	OUT problem text)
RETURNS SETOF record
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 100000
AS 'MODULE_PATHNAME', 'ecapi_history';

-- Without a country in it, a telephone number is read by ecapi.default_country: not
-- IMMUTABLE.
CREATE FUNCTION ecapi.customer(user_data jsonb, digest boolean DEFAULT false) RETURNS text
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ecapi_customer';

-- ---------------------------------------------------------------------------
-- Predictions: learnt by a library of their own, which is loaded by this function alone.
-- ---------------------------------------------------------------------------

-- A row a fit: rows are added and never changed.  The owner of a table sees those about
-- it.  No person is in here: sums and parameters alone.
CREATE TABLE ecapi.model (
	fit_id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	relation		regclass NOT NULL,
	track			text,
	scores			text,
	fitted_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	fitted_by		name NOT NULL,
	span_begin		date NOT NULL,
	learnt_until	date NOT NULL,
	span_end		date NOT NULL,
	horizon			interval NOT NULL,
	currency		text NOT NULL,
	customers		bigint NOT NULL,
	orders			bigint NOT NULL,
	left_out		jsonb NOT NULL,
	model			text NOT NULL,
	parameters		jsonb NOT NULL,
	holdout			jsonb NOT NULL,
	first_order		jsonb NOT NULL,
	problem			text,
	replaced		boolean NOT NULL,
	orders_a_day	double precision NOT NULL,
	orders_dispersion double precision NOT NULL,
	orders_error	double precision
);

ALTER TABLE ecapi.model ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_tables ON ecapi.model FOR SELECT
	USING (EXISTS (SELECT FROM pg_catalog.pg_class c
		WHERE c.oid = relation AND pg_catalog.pg_has_role(c.relowner, 'USAGE')));

-- Orders that came since the newest fit of each table, in whole days of UTC, beside those
-- that were expected: twice the standard deviation of days, and the error that the total
-- had on the holdout, to either side.  It looks four weeks ahead, as the expectation does,
-- and as far back as the outbox is whole.
CREATE FUNCTION ecapi_internal.model_drift(OUT relation regclass, OUT since date, OUT until date,
	OUT orders bigint, OUT low double precision, OUT high double precision)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH newest AS (
		SELECT DISTINCT ON (m.relation) m.*, t.event_type FROM ecapi.model m
			JOIN ecapi.track t ON t.relation = m.relation AND coalesce(m.track IN (t.name, t.trigger), true)
		ORDER BY m.relation, m.fit_id DESC
	), span AS (
		SELECT n.*, least(n.span_end + 29, (now() AT TIME ZONE 'UTC')::date) AS until,
			greatest(n.span_end + 1, ((now() - current_setting('ecapi.retention')::interval) AT TIME ZONE 'UTC')::date + 1) AS since
		FROM newest n
	), came AS (
		SELECT s.fit_id, count(*) AS orders FROM (
			SELECT DISTINCT s.fit_id, ecapi.customer((o.event -> 'user_data')::jsonb) AS customer,
				(to_timestamp((o.event ->> 'timestamp')::float8) AT TIME ZONE 'UTC')::date AS day
			FROM span s JOIN ecapi.outbox o ON o.relation = s.relation AND o.event ->> 'event_type' = s.event_type
				AND o.event ->> 'currency_code' = s.currency
				AND to_timestamp((o.event ->> 'timestamp')::float8) AT TIME ZONE 'UTC' >= s.since
				AND to_timestamp((o.event ->> 'timestamp')::float8) AT TIME ZONE 'UTC' < s.until
			WHERE s.since < s.until) s
		WHERE s.customer IS NOT NULL GROUP BY s.fit_id
	)
	SELECT s.relation, s.since, s.until, coalesce(c.orders, 0), greatest(e.expected - e.width, 0), e.expected + e.width
	FROM span s LEFT JOIN came c ON c.fit_id = s.fit_id,
		LATERAL (SELECT s.orders_a_day * (s.until - s.since) AS expected) d,
		LATERAL (SELECT d.expected, 2 * sqrt(s.orders_dispersion * d.expected) + coalesce(s.orders_error, 0) * d.expected AS width) e
	WHERE s.since < s.until
$$;

CREATE FUNCTION ecapi.fit(
	relation regclass,
	name text DEFAULT NULL,
	scores text DEFAULT NULL,
	horizon interval DEFAULT '1 year',
	holdout interval DEFAULT NULL,
	force boolean DEFAULT false,
	currency text DEFAULT NULL,
	digest boolean DEFAULT false,
	until timestamptz DEFAULT NULL,
	features regproc DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS '$libdir/ecapi_model', 'ecapi_fit';

-- ---------------------------------------------------------------------------
-- Rights.  States and counts are for pg_monitor; events are for the owner and
-- the roles to which the owner grants them.
-- ---------------------------------------------------------------------------

REVOKE ALL ON ALL ROUTINES IN SCHEMA ecapi, ecapi_internal FROM PUBLIC;

-- A filter calls it with the rights of the destination's owner, who may be any role.
GRANT EXECUTE ON FUNCTION ecapi_internal.filter_bound(anyelement, integer) TO PUBLIC;

REVOKE ALL ON FUNCTION @extschema@.ecapi_emit(text, double precision, text, text,
	jsonb, jsonb, text, text, text, timestamptz, jsonb, jsonb) FROM PUBLIC;

-- An event trigger calls it with the rights of the role that has made a trigger of
-- ecapi.capture().  The function refuses, and does nothing else.
GRANT USAGE ON SCHEMA ecapi_internal TO PUBLIC;
GRANT EXECUTE ON FUNCTION ecapi_internal.check_trigger(oid) TO PUBLIC;

-- A view calls them with the rights of its reader.  These two show the reader's own
-- tracks alone, unless the reader monitors.
GRANT EXECUTE ON FUNCTION ecapi_internal.track_argument(oid),
	ecapi_internal.track_problem(oid) TO PUBLIC;

GRANT USAGE ON SCHEMA ecapi TO pg_monitor;
GRANT SELECT ON ecapi.destination, ecapi.request, ecapi.ledger, ecapi.left_out, ecapi.not_carried,
	ecapi.outbox_use, ecapi.role_use, ecapi.track, ecapi.backfill, ecapi.replay,
	ecapi.cancellation_count, ecapi.amendment_count TO pg_monitor;
GRANT EXECUTE ON FUNCTION ecapi.worker(), ecapi.check(), ecapi_internal.left_out_counts(),
	ecapi_internal.not_carried_counts(), ecapi_internal.outbox_measure(), ecapi_internal.role_use(), ecapi_internal.waiting(ecapi.cursor) TO pg_monitor;

-- ---------------------------------------------------------------------------
-- Comments
-- ---------------------------------------------------------------------------

COMMENT ON SCHEMA ecapi IS 'outbox, cursors, logs and functions of the ecapi extension';
COMMENT ON SCHEMA ecapi_internal IS 'functions that the ecapi extension itself calls';
COMMENT ON TYPE ecapi.event IS 'an event as enrichments and filters see it';
COMMENT ON COLUMN ecapi.event.id IS 'id of the event';
COMMENT ON COLUMN ecapi.event.event_type IS 'one of ecapi.event_types()';
COMMENT ON COLUMN ecapi.event."timestamp" IS 'when it happened';
COMMENT ON COLUMN ecapi.event.currency_code IS 'ISO 4217, of value';
COMMENT ON COLUMN ecapi.event.source IS 'where it happened, as the standard lists it';
COMMENT ON COLUMN ecapi.event.user_data IS 'who did it';
COMMENT ON COLUMN ecapi.event.properties IS 'what was bought, read or booked';
COMMENT ON COLUMN ecapi.event.ext IS 'ext of the event, without route';
COMMENT ON COLUMN ecapi.event.seq IS 'names the event in the answer of an enrichment';
COMMENT ON COLUMN ecapi.event.value IS 'exact';
COMMENT ON COLUMN ecapi.event.route IS 'ext.route';
COMMENT ON TABLE ecapi.outbox IS 'append-only log of events, as a ring of partitions; identifiers are clear in here';
COMMENT ON COLUMN ecapi.outbox.seq IS 'order of emission within a transaction';
COMMENT ON COLUMN ecapi.outbox.xid IS 'top-level transaction that emitted the event';
COMMENT ON COLUMN ecapi.outbox.emitted_at IS 'clock time of the emission';
COMMENT ON COLUMN ecapi.outbox.emitter IS 'role whose rights wrote it: the caller of ecapi_emit(), or the owner of the tracked table';
COMMENT ON COLUMN ecapi.outbox.relation IS 'table whose track made it; NULL: ecapi_emit() did';
COMMENT ON COLUMN ecapi.outbox.slot IS 'place in the ring, chosen by the clock';
COMMENT ON COLUMN ecapi.outbox.event IS 'ECAPI event in the standard''s shape';
COMMENT ON TABLE ecapi.tick IS 'log of snapshots that bound the windows of lagging destinations';
COMMENT ON COLUMN ecapi.tick.tick_id IS 'rises with time';
COMMENT ON COLUMN ecapi.tick.ticked_at IS 'when the snapshot was taken';
COMMENT ON COLUMN ecapi.tick.newest IS 'first transaction id that the snapshot does not know yet';
COMMENT ON COLUMN ecapi.tick.slot IS 'place in the ring, chosen by the clock';
COMMENT ON COLUMN ecapi.tick.snapshot IS 'which transactions were visible then';
COMMENT ON TABLE ecapi.request IS 'one row for each request that was sent, and for events that were kept back';
COMMENT ON COLUMN ecapi.request.request_id IS 'rises with time, with gaps';
COMMENT ON COLUMN ecapi.request.sent_at IS 'when it was sent, or when the row was written';
COMMENT ON COLUMN ecapi.request.latency_ms IS 'until the answer had come';
COMMENT ON COLUMN ecapi.request.events IS 'how many events the row is about';
COMMENT ON COLUMN ecapi.request.attempt IS 'which try of these events it was; 0: none was made';
COMMENT ON COLUMN ecapi.request.status IS 'HTTP status; NULL: no answer';
COMMENT ON COLUMN ecapi.request.slot IS 'place in the ring, chosen by the clock';
COMMENT ON COLUMN ecapi.request.error IS 'what went wrong, in one line; the body of an answer is not kept here';
COMMENT ON COLUMN ecapi.request.receiver_request_id IS 'X-Request-Id of the answer';
COMMENT ON COLUMN ecapi.request.outcome IS 'of a request: delivered, accepted (and failed later), retry, rejected, too_large or stopped; else shadow, filtered, erased (see ecapi.forget()), given_up, or failed (put into failed_event)';
COMMENT ON COLUMN ecapi.request.server IS 'the foreign server, which keeps it when it is renamed';
COMMENT ON COLUMN ecapi.request.destination IS 'its name then';
COMMENT ON COLUMN ecapi.request.reason IS 'why events were filtered (event_type, expired, which is older than max_age, cancelled, not delivered, of a refund, or what the format says; see the manual for all), failed, or were given up';
COMMENT ON COLUMN ecapi.request.seqs IS 'seq of the events of this row, exactly';
COMMENT ON COLUMN ecapi.request.retried IS 'events of ecapi.failed_event, tried again';
COMMENT ON COLUMN ecapi.request.arrived IS 'whether the receiver took the events, or may have: it answered with success or a server error, or not at all; not of a test that does not count there';
COMMENT ON TABLE ecapi.ledger IS 'how many events, of what value, had which outcome, by the hour; kept';
COMMENT ON COLUMN ecapi.ledger.destination IS 'its name then';
COMMENT ON COLUMN ecapi.ledger.event_type IS 'NULL: not known';
COMMENT ON COLUMN ecapi.ledger.currency IS 'currency_code of the events, NULL: none';
COMMENT ON COLUMN ecapi.ledger.reason IS 'why events were filtered, failed, were given up, or were sent in the restricted mode';
COMMENT ON COLUMN ecapi.ledger.events IS 'how many';
COMMENT ON COLUMN ecapi.ledger.written IS 'how often the row was written';
COMMENT ON COLUMN ecapi.ledger.generation IS 'part of the key, as that of ecapi.cursor_row';
COMMENT ON COLUMN ecapi.ledger.hour IS 'in which the outcome was written down';
COMMENT ON COLUMN ecapi.ledger.outcome IS 'delivered, filtered, shadow, erased, given_up or failed (put into failed_event); an event that is delivered, or filtered, after it had failed counts under both';
COMMENT ON COLUMN ecapi.ledger.value IS 'exact sum; NULL: the events have no value';
COMMENT ON TABLE ecapi.cursor_row IS 'rows of ecapi.cursor, written by the worker';
COMMENT ON COLUMN ecapi.cursor_row.destination IS 'name of the foreign server';
COMMENT ON COLUMN ecapi.cursor_row.server IS 'the foreign server, which keeps it when it is renamed';
COMMENT ON COLUMN ecapi.cursor_row.snapshot IS 'every event visible in it is disposed of';
COMMENT ON COLUMN ecapi.cursor_row.window_end IS 'end of the window that is being read, if one is';
COMMENT ON COLUMN ecapi.cursor_row.arm IS '0: transactions that ran at the snapshot, 1: later ones';
COMMENT ON COLUMN ecapi.cursor_row.xid IS 'with seq: the last event of the open window that is disposed of';
COMMENT ON COLUMN ecapi.cursor_row.seq IS 'with xid: the last event of the open window that is disposed of';
COMMENT ON COLUMN ecapi.cursor_row.system_identifier IS 'cluster that this cursor may deliver from, see ecapi.adopt()';
COMMENT ON COLUMN ecapi.cursor_row.database IS 'database that this cursor may deliver from, see ecapi.adopt()';
COMMENT ON COLUMN ecapi.cursor_row.started_at IS 'when it began, with what commits later';
COMMENT ON COLUMN ecapi.cursor_row.delivered IS 'events that the receiver has accepted';
COMMENT ON COLUMN ecapi.cursor_row.filtered IS 'events that the destination does not take';
COMMENT ON COLUMN ecapi.cursor_row.failed IS 'events that went to ecapi.failed_event';
COMMENT ON COLUMN ecapi.cursor_row.given_up IS 'events that waited longer than ecapi.retention_limit, or whose room was needed, see ecapi.outbox_limit';
COMMENT ON COLUMN ecapi.cursor_row.enrich_skipped IS 'delivered events that went without the patches of their enrichments, see the option enrich_on_error';
COMMENT ON COLUMN ecapi.cursor_row.state IS 'of the destination, as the worker last wrote it; ecapi.destination has it with the reason';
COMMENT ON COLUMN ecapi.cursor_row.stopped_options IS 'hash of the options that the destination stopped with';
COMMENT ON COLUMN ecapi.cursor_row.test_since IS 'when the worker first saw the destination in test mode; it expires a day later';
COMMENT ON COLUMN ecapi.cursor_row.last_error IS 'the last thing that went wrong, even if it has passed';
COMMENT ON COLUMN ecapi.cursor_row.last_error_at IS 'when that was';
COMMENT ON COLUMN ecapi.cursor_row.next_try IS 'when a waiting destination is tried again';
COMMENT ON COLUMN ecapi.cursor_row.recorded_at IS 'when the worker last wrote this row';
COMMENT ON COLUMN ecapi.cursor_row.written IS 'how often the row was written';
COMMENT ON COLUMN ecapi.cursor_row.generation IS 'part of the key; grows with the writes, so that an index shows the newest version first';
COMMENT ON VIEW ecapi.cursor IS 'how far each destination has disposed of the outbox; the rows are in ecapi.cursor_row';
COMMENT ON COLUMN ecapi.cursor.destination IS 'name of the foreign server';
COMMENT ON COLUMN ecapi.cursor.server IS 'the foreign server, which keeps it when it is renamed';
COMMENT ON COLUMN ecapi.cursor.seq IS 'with xid: the last event of the open window that is disposed of';
COMMENT ON COLUMN ecapi.cursor.database IS 'database that this cursor may deliver from, see ecapi.adopt()';
COMMENT ON COLUMN ecapi.cursor.started_at IS 'when it began, with what commits later';
COMMENT ON COLUMN ecapi.cursor.delivered IS 'events that the receiver has accepted';
COMMENT ON COLUMN ecapi.cursor.filtered IS 'events that the destination does not take';
COMMENT ON COLUMN ecapi.cursor.failed IS 'events that went to ecapi.failed_event';
COMMENT ON COLUMN ecapi.cursor.state IS 'of the destination, as the worker last wrote it; ecapi.destination has it with the reason';
COMMENT ON COLUMN ecapi.cursor.stopped_options IS 'hash of the options that the destination stopped with';
COMMENT ON COLUMN ecapi.cursor.last_error IS 'the last thing that went wrong, even if it has passed';
COMMENT ON COLUMN ecapi.cursor.last_error_at IS 'when that was';
COMMENT ON COLUMN ecapi.cursor.next_try IS 'when a waiting destination is tried again';
COMMENT ON COLUMN ecapi.cursor.recorded_at IS 'when the worker last wrote this row';
COMMENT ON COLUMN ecapi.cursor.snapshot IS 'every event visible in it is disposed of';
COMMENT ON COLUMN ecapi.cursor.window_end IS 'end of the window that is being read, if one is';
COMMENT ON COLUMN ecapi.cursor.arm IS '0: transactions that ran at the snapshot, 1: later ones';
COMMENT ON COLUMN ecapi.cursor.xid IS 'with seq: the last event of the open window that is disposed of';
COMMENT ON COLUMN ecapi.cursor.given_up IS 'events that waited longer than ecapi.retention_limit, or whose room was needed, see ecapi.outbox_limit';
COMMENT ON COLUMN ecapi.cursor.enrich_skipped IS 'delivered events that went without the patches of their enrichments, see the option enrich_on_error';
COMMENT ON COLUMN ecapi.cursor.test_since IS 'when the worker first saw the destination in test mode; it expires a day later';
COMMENT ON COLUMN ecapi.cursor.system_identifier IS 'cluster that this cursor may deliver from, see ecapi.adopt()';
COMMENT ON COLUMN ecapi.request.replay IS 'of a request of a replay: its replay_id';
COMMENT ON VIEW ecapi_internal.newest_replay IS 'the rows of ecapi.replay_cursor, found by their index';
COMMENT ON COLUMN ecapi_internal.newest_replay.replay_id IS 'as ecapi.replay() returned it';
COMMENT ON COLUMN ecapi_internal.newest_replay.destination IS 'name of the foreign server';
COMMENT ON COLUMN ecapi_internal.newest_replay.since IS 'events emitted from then on';
COMMENT ON COLUMN ecapi_internal.newest_replay.until IS 'and before then';
COMMENT ON COLUMN ecapi_internal.newest_replay.event_types IS 'only of these types; NULL: all';
COMMENT ON COLUMN ecapi_internal.newest_replay.snapshot IS 'where its window begins: events visible in it are not replayed';
COMMENT ON COLUMN ecapi_internal.newest_replay.window_end IS 'where its window ends';
COMMENT ON COLUMN ecapi_internal.newest_replay.arm IS '0: transactions that ran at the snapshot, 1: later ones';
COMMENT ON COLUMN ecapi_internal.newest_replay.xid IS 'with seq: the last event of the window that is disposed of';
COMMENT ON COLUMN ecapi_internal.newest_replay.seq IS 'with xid: the last event of the window that is disposed of';
COMMENT ON COLUMN ecapi_internal.newest_replay.state IS 'waiting for the destination or for an earlier replay; running; finished; cancelled';
COMMENT ON COLUMN ecapi_internal.newest_replay.delivered IS 'events that the receiver has accepted';
COMMENT ON COLUMN ecapi_internal.newest_replay.filtered IS 'events that the destination does not take';
COMMENT ON COLUMN ecapi_internal.newest_replay.failed IS 'events that went to ecapi.failed_event';
COMMENT ON COLUMN ecapi_internal.newest_replay.passed_over IS 'events of the window that lie outside of [since, until) or are of other types';
COMMENT ON COLUMN ecapi_internal.newest_replay.requested_at IS 'when ecapi.replay() was called';
COMMENT ON COLUMN ecapi_internal.newest_replay.requested_by IS 'who called it';
COMMENT ON COLUMN ecapi_internal.newest_replay.finished_at IS 'when it ended';
COMMENT ON COLUMN ecapi_internal.newest_replay.recorded_at IS 'when the worker last wrote this row';
COMMENT ON COLUMN ecapi_internal.newest_replay.written IS 'how often the row was written';
COMMENT ON COLUMN ecapi_internal.newest_replay.generation IS 'part of the key, as that of ecapi.cursor_row';
COMMENT ON COLUMN ecapi.replay_cursor.written IS 'how often the row was written';
COMMENT ON COLUMN ecapi.replay_cursor.generation IS 'part of the key, as that of ecapi.cursor_row';
COMMENT ON TABLE ecapi.replay_cursor IS 'how far each replay has come; written by the worker';
COMMENT ON COLUMN ecapi.replay_cursor.replay_id IS 'as ecapi.replay() returned it';
COMMENT ON COLUMN ecapi.replay_cursor.destination IS 'name of the foreign server';
COMMENT ON COLUMN ecapi.replay_cursor.since IS 'events emitted from then on';
COMMENT ON COLUMN ecapi.replay_cursor.until IS 'and before then';
COMMENT ON COLUMN ecapi.replay_cursor.event_types IS 'only of these types; NULL: all';
COMMENT ON COLUMN ecapi.replay_cursor.arm IS '0: transactions that ran at the snapshot, 1: later ones';
COMMENT ON COLUMN ecapi.replay_cursor.seq IS 'with xid: the last event of the window that is disposed of';
COMMENT ON COLUMN ecapi.replay_cursor.state IS 'waiting for the destination or for an earlier replay; running; finished; cancelled';
COMMENT ON COLUMN ecapi.replay_cursor.delivered IS 'events that the receiver has accepted';
COMMENT ON COLUMN ecapi.replay_cursor.filtered IS 'events that the destination does not take';
COMMENT ON COLUMN ecapi.replay_cursor.failed IS 'events that went to ecapi.failed_event';
COMMENT ON COLUMN ecapi.replay_cursor.requested_at IS 'when ecapi.replay() was called';
COMMENT ON COLUMN ecapi.replay_cursor.requested_by IS 'who called it';
COMMENT ON COLUMN ecapi.replay_cursor.finished_at IS 'when it ended';
COMMENT ON COLUMN ecapi.replay_cursor.recorded_at IS 'when the worker last wrote this row';
COMMENT ON COLUMN ecapi.replay_cursor.snapshot IS 'where its window begins: events visible in it are not replayed';
COMMENT ON COLUMN ecapi.replay_cursor.window_end IS 'where its window ends';
COMMENT ON COLUMN ecapi.replay_cursor.xid IS 'with seq: the last event of the window that is disposed of';
COMMENT ON COLUMN ecapi.replay_cursor.passed_over IS 'events of the window that lie outside of [since, until) or are of other types';
COMMENT ON VIEW ecapi.replay IS 'state and counts of each replay';
COMMENT ON COLUMN ecapi.replay.replay_id IS 'as ecapi.replay() returned it';
COMMENT ON COLUMN ecapi.replay.destination IS 'name of the foreign server';
COMMENT ON COLUMN ecapi.replay.state IS 'waiting, running, finished or cancelled';
COMMENT ON COLUMN ecapi.replay.since IS 'events emitted from then on';
COMMENT ON COLUMN ecapi.replay.until IS 'and before then';
COMMENT ON COLUMN ecapi.replay.event_types IS 'only of these types; NULL: all';
COMMENT ON COLUMN ecapi.replay.delivered IS 'events that the receiver has accepted';
COMMENT ON COLUMN ecapi.replay.filtered IS 'events that the destination does not take';
COMMENT ON COLUMN ecapi.replay.failed IS 'events that went to ecapi.failed_event';
COMMENT ON COLUMN ecapi.replay.passed_over IS 'events outside of [since, until) or of other types';
COMMENT ON COLUMN ecapi.replay.requested_at IS 'when ecapi.replay() was called';
COMMENT ON COLUMN ecapi.replay.requested_by IS 'who called it';
COMMENT ON COLUMN ecapi.replay.finished_at IS 'when it ended';
COMMENT ON COLUMN ecapi.replay.recorded_at IS 'when the worker last wrote down how far it is';
COMMENT ON TABLE ecapi.cancellation IS 'ids whose events may not leave any more, and what became of what had left';
COMMENT ON COLUMN ecapi.cancellation.cancel_id IS 'rises with time';
COMMENT ON COLUMN ecapi.cancellation.id IS 'of the events that are cancelled';
COMMENT ON COLUMN ecapi.cancellation.cancelled_at IS 'when ecapi.cancel() was called';
COMMENT ON COLUMN ecapi.cancellation.cancelled_by IS 'who called it';
COMMENT ON COLUMN ecapi.cancellation.resolved_at IS 'when what had left was found';
COMMENT ON COLUMN ecapi.cancellation.xid IS 'the cancelling transaction';
COMMENT ON COLUMN ecapi.cancellation.before_xid IS 'it is about events of transactions with a lower id';
COMMENT ON COLUMN ecapi.cancellation.seq IS 'of events of the cancelling transaction itself, it is about those with a lower seq';
COMMENT ON COLUMN ecapi.cancellation.since IS 'the worker need not look for events that were emitted earlier; NULL: it looks at all';
COMMENT ON COLUMN ecapi.cancellation.state IS 'stopping: what has left is yet to be found; not found: no such event is in the outbox; repeated: another cancellation is about the same event; each row goes on stopping what has not left';
COMMENT ON COLUMN ecapi.cancellation.delivered IS 'destinations that the event had been delivered to';
COMMENT ON COLUMN ecapi.cancellation.refunds IS 'destinations that the refund is for';
COMMENT ON COLUMN ecapi.cancellation.unanswered IS 'destinations that may have the event: it was sent and there was no answer';
COMMENT ON VIEW ecapi.cancellation_count IS 'how many cancellations there are in each state, and how many refunds came of them';
COMMENT ON COLUMN ecapi.cancellation_count.state IS 'see ecapi.cancellation';
COMMENT ON COLUMN ecapi.cancellation_count.cancellations IS 'how many are in that state';
COMMENT ON COLUMN ecapi.cancellation_count.refunds IS 'refunds that came of them';
COMMENT ON COLUMN ecapi.cancellation_count.unanswered IS 'destinations that may have an event: it was sent and there was no answer';
COMMENT ON COLUMN ecapi.cancellation_count.oldest IS 'when the first was called for';
COMMENT ON COLUMN ecapi.cancellation_count.newest IS 'when the last was called for';
COMMENT ON COLUMN ecapi.cancellation.value IS 'most that is to be refunded; NULL: all that is left';
COMMENT ON COLUMN ecapi.cancellation.transaction_id IS 'of the event, once it was found: refunds with it do not leave any more';
COMMENT ON COLUMN ecapi.cancellation.data_set_id IS 'of the event; refunds that name another are of another order';
COMMENT ON COLUMN ecapi.cancellation.route IS 'of the event, in the same way';
COMMENT ON FUNCTION ecapi.measure_values(name, timestamptz) IS 'measure which values a destination would have been sent since, for its value_transform; counts from the commit on; for the destination''s owner';
COMMENT ON FUNCTION ecapi.value_eligibility(name) IS 'whether the events of the last 7 days, as a destination would be sent them, are what its platform asks of values; for the destination''s owner';
COMMENT ON TABLE ecapi.amendment IS 'what events are worth now, and what became of saying so';
COMMENT ON COLUMN ecapi.amendment.amend_id IS 'rises with time';
COMMENT ON COLUMN ecapi.amendment.id IS 'of the event that is amended, the original';
COMMENT ON COLUMN ecapi.amendment.number IS 'counts the amendments of the original';
COMMENT ON COLUMN ecapi.amendment.event_id IS 'of the event that says it: that of the original, :amended:, the number and the digest';
COMMENT ON COLUMN ecapi.amendment.digest IS 'of the patch; equal to that of the last one of the original, nothing is amended';
COMMENT ON COLUMN ecapi.amendment.patch IS 'what is said; NULL once the event was emitted, or cannot be';
COMMENT ON COLUMN ecapi.amendment.xid IS 'the amending transaction';
COMMENT ON COLUMN ecapi.amendment.before_xid IS 'the original is the last event of its id of a transaction with a lower id';
COMMENT ON COLUMN ecapi.amendment.seq IS 'of events of the amending transaction itself, one with a lower seq';
COMMENT ON COLUMN ecapi.amendment.since IS 'the worker need not look for an original that was emitted earlier; NULL: it looks at all';
COMMENT ON COLUMN ecapi.amendment.state IS 'open: the original is yet to be found; emitted; not found: it is not in the outbox; cancelled, erased, consent withdrawn: the original is; refused: it cannot be amended in that way; dropped: the outbox was full';
COMMENT ON COLUMN ecapi.amendment.reason IS 'why it was refused, by the paths of fields, or what to do';
COMMENT ON COLUMN ecapi.amendment.emitter IS 'role that emits the event';
COMMENT ON COLUMN ecapi.amendment.amended_at IS 'when ecapi.amend() was called, which is the time of the event';
COMMENT ON COLUMN ecapi.amendment.amended_by IS 'who called it';
COMMENT ON COLUMN ecapi.amendment.resolved_at IS 'when the original was found, or not';
COMMENT ON VIEW ecapi.amendment_count IS 'how many amendments there are in each state';
COMMENT ON COLUMN ecapi.amendment_count.state IS 'see ecapi.amendment';
COMMENT ON COLUMN ecapi.amendment_count.amendments IS 'how many are in that state';
COMMENT ON COLUMN ecapi.amendment_count.oldest IS 'when the first was called for';
COMMENT ON COLUMN ecapi.amendment_count.newest IS 'when the last was called for';
COMMENT ON FUNCTION ecapi.amend(text, jsonb, timestamptz) IS 'say what the last event of that id is worth now, to destinations that have it and can be told; returns the id of the event that says it';
COMMENT ON FUNCTION ecapi.cancel(text, timestamptz, numeric) IS 'events of that id that were emitted so far are not sent any more; where one was delivered, a refund of what is left is, or of value, if that is less';
COMMENT ON TABLE ecapi.control IS 'destinations that an operator paused or resumed';
COMMENT ON COLUMN ecapi.control.destination IS 'name of the foreign server';
COMMENT ON COLUMN ecapi.control.paused IS 'by ecapi.pause()';
COMMENT ON COLUMN ecapi.control.resumed_at IS 'when ecapi.resume() was last called';
COMMENT ON COLUMN ecapi.control.changed_at IS 'when the row was last written';
COMMENT ON COLUMN ecapi.control.changed_by IS 'who did it';
COMMENT ON COLUMN ecapi.control.blamed_at IS 'when an operator last blamed events, by ecapi.retry() or ecapi.discard()';
COMMENT ON TABLE ecapi.failed_event IS 'events that could not be delivered to a destination, and events that were not valid; identifiers are clear in here';
COMMENT ON COLUMN ecapi.failed_event.failed_id IS 'rises with time';
COMMENT ON COLUMN ecapi.failed_event.reason IS 'what went wrong, without values';
COMMENT ON COLUMN ecapi.failed_event.xid IS 'transaction that emitted it';
COMMENT ON COLUMN ecapi.failed_event.seq IS 'seq of the event in ecapi.outbox; NULL: it was set aside before';
COMMENT ON COLUMN ecapi.failed_event.event_id IS 'id of the event';
COMMENT ON COLUMN ecapi.failed_event.event IS 'the event, or of a row that was set aside its columns';
COMMENT ON COLUMN ecapi.failed_event.status IS 'HTTP status of the last try';
COMMENT ON COLUMN ecapi.failed_event.sqlstate IS 'of the SQL that failed';
COMMENT ON COLUMN ecapi.failed_event.failed_at IS 'when it failed first';
COMMENT ON COLUMN ecapi.failed_event.next_try IS 'when a waiting one is tried again';
COMMENT ON COLUMN ecapi.failed_event.sent_at IS 'when it was first sent in a request that may have arrived; NULL: never';
COMMENT ON COLUMN ecapi.failed_event.destination IS 'NULL for an event that was set aside when it was emitted';
COMMENT ON COLUMN ecapi.failed_event.source IS 'who made an event that was set aside: ecapi_emit, or the trigger of a track';
COMMENT ON COLUMN ecapi.failed_event.emitter IS 'role whose rights wrote the event: the caller of ecapi_emit(), or the owner of the tracked table';
COMMENT ON COLUMN ecapi.failed_event.relation IS 'table whose track made it; NULL: ecapi_emit() did';
COMMENT ON COLUMN ecapi.failed_event.state IS 'waiting for another try; dead: no more tries; set_aside: by capture, of no destination';
COMMENT ON COLUMN ecapi.failed_event.after_seq IS 'of one that was set aside: the last seq that its session had used by then';
COMMENT ON COLUMN ecapi.failed_event.attempts IS 'how often it was sent alone, or captured again';
COMMENT ON COLUMN ecapi.failed_event.retry_since IS 'when its retry_for began';
COMMENT ON COLUMN ecapi.failed_event.answer IS 'first part of the receiver''s answer';
COMMENT ON FUNCTION ecapi_internal.filter_bound(anyelement, integer) IS 'the value, or an error when it is too large for a filter to go on with';
COMMENT ON FUNCTION ecapi_internal.waiting(ecapi.cursor) IS 'how many events wait behind a cursor, and since when the oldest does';
COMMENT ON TABLE ecapi.value_measure IS 'what ecapi.measure_values() found of the values of destinations, for their value_transform; no event''s data is in here';
COMMENT ON COLUMN ecapi.value_measure.destination IS 'whose value_transform it is for';
COMMENT ON COLUMN ecapi.value_measure.event_type IS 'of the events';
COMMENT ON COLUMN ecapi.value_measure.currency IS 'of the values';
COMMENT ON COLUMN ecapi.value_measure.value_field IS 'which values were measured; empty: value itself';
COMMENT ON COLUMN ecapi.value_measure.value_transform IS 'what they were measured for';
COMMENT ON COLUMN ecapi.value_measure.since IS 'events emitted before it were not looked at';
COMMENT ON COLUMN ecapi.value_measure.measured_at IS 'when; the same for all rows of a destination';
COMMENT ON COLUMN ecapi.value_measure.events IS 'how many values there were';
COMMENT ON COLUMN ecapi.value_measure.bounds IS 'the cap, or the upper ends of all buckets but the last';
COMMENT ON COLUMN ecapi.value_measure.amounts IS 'the cap, or the mean of each bucket; NULL: there were too few values';
COMMENT ON TABLE ecapi.receipt IS 'requests that a platform has accepted, and whose outcome is asked for later; no event''s data is in here';
COMMENT ON COLUMN ecapi.receipt.receipt_id IS 'rises with time';
COMMENT ON COLUMN ecapi.receipt.destination IS 'where it was sent';
COMMENT ON COLUMN ecapi.receipt.receipt IS 'the platform''s name of the request';
COMMENT ON COLUMN ecapi.receipt.sent_at IS 'when the request was sent';
COMMENT ON COLUMN ecapi.receipt.next_ask IS 'when the platform is asked next; NULL: never again';
COMMENT ON COLUMN ecapi.receipt.asks IS 'how often it was asked';
COMMENT ON COLUMN ecapi.receipt.problem IS 'why the outcome is not known, of one that is not asked about again';
COMMENT ON COLUMN ecapi.receipt.events IS 'how many it held';
COMMENT ON COLUMN ecapi.receipt.xids IS 'transactions that emitted its events, in the order of the request';
COMMENT ON COLUMN ecapi.receipt.seqs IS 'seq of its events in ecapi.outbox, in the order of the request';
COMMENT ON VIEW ecapi.own_failed_event IS 'of ecapi.failed_event what is the reader''s: rows of the tables, and events of the destinations, that the reader owns';
COMMENT ON COLUMN ecapi.own_failed_event.failed_id IS 'rises with time';
COMMENT ON COLUMN ecapi.own_failed_event.destination IS 'NULL for a row that was set aside';
COMMENT ON COLUMN ecapi.own_failed_event.source IS 'trigger of the track that set it aside';
COMMENT ON COLUMN ecapi.own_failed_event.relation IS 'table of that track';
COMMENT ON COLUMN ecapi.own_failed_event.state IS 'waiting for another try; dead: no more tries; set_aside: by capture, of no destination';
COMMENT ON COLUMN ecapi.own_failed_event.reason IS 'what went wrong, without values';
COMMENT ON COLUMN ecapi.own_failed_event.event_id IS 'id of the event';
COMMENT ON COLUMN ecapi.own_failed_event.event IS 'the columns of a row that was set aside; NULL for an event of a destination';
COMMENT ON COLUMN ecapi.own_failed_event.status IS 'HTTP status of the last try';
COMMENT ON COLUMN ecapi.own_failed_event.answer IS 'first part of the receiver''s answer';
COMMENT ON COLUMN ecapi.own_failed_event.sqlstate IS 'of the SQL that failed';
COMMENT ON COLUMN ecapi.own_failed_event.attempts IS 'how often it was sent alone, or captured again';
COMMENT ON COLUMN ecapi.own_failed_event.failed_at IS 'when it failed first';
COMMENT ON COLUMN ecapi.own_failed_event.retry_since IS 'when its retry_for began';
COMMENT ON COLUMN ecapi.own_failed_event.next_try IS 'when a waiting one is tried again';
COMMENT ON COLUMN ecapi.own_failed_event.sent_at IS 'when it was first sent in a request that may have arrived; NULL: never';
COMMENT ON VIEW ecapi.destination IS 'state, backlog and counts of each destination';
COMMENT ON COLUMN ecapi.destination.destination IS 'name of the foreign server';
COMMENT ON COLUMN ecapi.destination.mode IS 'live, shadow or test';
COMMENT ON COLUMN ecapi.destination.state IS 'starting, idle, delivering, waiting, paused, stopped, or no worker';
COMMENT ON COLUMN ecapi.destination.detail IS 'why, where there is something to say';
COMMENT ON COLUMN ecapi.destination.backlog IS 'committed events that are not yet disposed of';
COMMENT ON COLUMN ecapi.destination.oldest_waiting_age IS 'age of the oldest of these';
COMMENT ON COLUMN ecapi.destination.delivered IS 'events that the receiver has accepted';
COMMENT ON COLUMN ecapi.destination.filtered IS 'events that the destination does not take';
COMMENT ON COLUMN ecapi.destination.failed IS 'events that went to ecapi.failed_event';
COMMENT ON COLUMN ecapi.destination.given_up IS 'events that waited longer than ecapi.retention_limit, or whose room was needed';
COMMENT ON COLUMN ecapi.destination.last_error IS 'the last thing that went wrong, even if it has passed';
COMMENT ON COLUMN ecapi.destination.last_error_at IS 'when that was';
COMMENT ON COLUMN ecapi.destination.next_try IS 'when a waiting destination is tried again';
COMMENT ON COLUMN ecapi.destination.recorded_at IS 'when the worker last wrote down how far it is';
COMMENT ON COLUMN ecapi.destination.failed_waiting IS 'failed events that wait for another try';
COMMENT ON COLUMN ecapi.destination.failed_dead IS 'failed events that are not tried again';
COMMENT ON COLUMN ecapi.destination.failed_next_try IS 'when the next failed event is tried';
COMMENT ON COLUMN ecapi.destination.enrich_skipped IS 'delivered events that went without the patches of their enrichments';
COMMENT ON COLUMN ecapi.destination.test_until IS 'when test mode expires';
COMMENT ON FUNCTION @extschema@.ecapi_emit(text, double precision, text, text,
	jsonb, jsonb, text, text, text, timestamptz, jsonb, jsonb)
	IS 'emit an ECAPI event with the current transaction; returns its id';
COMMENT ON FUNCTION ecapi.capture() IS 'trigger function of tracks: turns rows into events; takes the track as JSON';
COMMENT ON FUNCTION ecapi_internal.capture_pending() IS 'captures now the rows that wait for the commit of this transaction';
COMMENT ON FUNCTION ecapi_internal.on_alter_start() IS 'captures rows that wait for the commit before their table may be rewritten';
COMMENT ON EVENT TRIGGER ecapi_alter_start IS 'captures rows that wait for the commit before their table may be rewritten';
COMMENT ON FUNCTION ecapi_internal.check_destination(oid, pg_ddl_command) IS 'checks filter and enrichments of a destination that a command has created or altered';
COMMENT ON FUNCTION ecapi_internal.destination_problems(oid) IS 'what is wrong with filter and enrichments of a destination, and what its platform will not take for long';
COMMENT ON FUNCTION ecapi_internal.follow_enrichments() IS 'rewrites the enrichments of destinations after functions were renamed or moved';
COMMENT ON FUNCTION ecapi_internal.depend_enrichments(boolean) IS 'records which functions destinations depend on';
COMMENT ON FUNCTION ecapi_internal.has_enrichments() IS 'is any destination enriched';
COMMENT ON FUNCTION ecapi_internal.on_enrichment_need() IS 'records which functions destinations depend on';
COMMENT ON FUNCTION ecapi_internal.on_enrichment_change() IS 'follows enrichments that are renamed or moved';
COMMENT ON FUNCTION ecapi_internal.on_enrichment_drop() IS 'refuses that an enrichment is dropped while a destination needs it';
COMMENT ON EVENT TRIGGER ecapi_enrichment_start IS 'records which functions destinations depend on before any can go';
COMMENT ON EVENT TRIGGER ecapi_enrichment_end IS 'records which functions destinations depend on after some could go';
COMMENT ON EVENT TRIGGER ecapi_enrichment_change IS 'follows enrichments that are renamed or moved';
COMMENT ON EVENT TRIGGER ecapi_enrichment_drop IS 'refuses that an enrichment is dropped while a destination needs it';
COMMENT ON VIEW ecapi.left_out IS 'how many invalid values were left out of the events of this database since the server started, by field and reason';
COMMENT ON COLUMN ecapi.left_out.path IS 'field of the event; *: a key that is no field, or a fragment as a whole';
COMMENT ON COLUMN ecapi.left_out.reason IS 'what was wrong with its value';
COMMENT ON COLUMN ecapi.left_out.count IS 'how often';
COMMENT ON VIEW ecapi.not_carried IS 'how many events of a destination had a field that its format does not carry, since the server started';
COMMENT ON COLUMN ecapi.not_carried.destination IS 'name of the server';
COMMENT ON COLUMN ecapi.not_carried.path IS 'field of the event';
COMMENT ON COLUMN ecapi.not_carried.events IS 'events that went without it';
COMMENT ON FUNCTION ecapi.validate(jsonb) IS 'what ecapi_emit() would find wrong with an event, one row for each violation; a warning leaves the field out';
COMMENT ON FUNCTION ecapi.normalize(text, text, text, text) IS 'the form of a field''s value that a destination of a format is sent, or whose digest it is; NULL when it would be left out';
COMMENT ON FUNCTION ecapi.digest(text, text, text, text) IS 'the digest that a destination of a format is sent for a field''s value; NULL when it would be left out';
COMMENT ON FUNCTION ecapi.gpp(text) IS 'what a GPP consent string says, by section and field, in the names of its specification; a section that is broken is null';
COMMENT ON FUNCTION ecapi.gpp_problem(text) IS 'what is wrong with a GPP consent string or one of its sections; NULL: nothing';
COMMENT ON FUNCTION ecapi.fields() IS 'every field of the standard: name, place, type, whether it is normalized and hashed, and what it may hold where that is a list';
COMMENT ON FUNCTION ecapi.event_types() IS 'every event type of the standard: what it means, which fields it must have, whether a cancellation takes it back, and other names for it';
COMMENT ON FUNCTION ecapi.formats() IS 'every format and what its platform takes: events and bytes of a request, ages, rates, what it recognises a repeat by and for how long, what an event and a destination need';
COMMENT ON FUNCTION ecapi.major(numeric, text) IS 'an amount in minor units (cents) in the currency''s unit, by ISO 4217';
COMMENT ON FUNCTION ecapi_internal.left_out_counts() IS 'rows of ecapi.left_out';
COMMENT ON FUNCTION ecapi_internal.not_carried_counts() IS 'rows of ecapi.not_carried, by the oid of the server';
COMMENT ON FUNCTION ecapi_internal.fdw_validator(text[], oid) IS 'checks the options of destinations and their credentials';
COMMENT ON FUNCTION ecapi.worker() IS 'whether this database has a running worker, and if not, why';
COMMENT ON FUNCTION ecapi_internal.wake_worker() IS 'make the worker look at destinations again, at commit';
COMMENT ON FUNCTION ecapi_internal.start_snapshot() IS 'snapshot for the cursor of a destination that starts with what commits later';
COMMENT ON FUNCTION ecapi_internal.credential_problem(oid) IS 'what is wrong with the options or credentials of a destination, or NULL';
COMMENT ON FUNCTION ecapi_internal.open_files_limit() IS 'how many files a server process may open, -1 when unlimited or unknown';
COMMENT ON FUNCTION ecapi_internal.outbox_measure() IS 'bytes of the outbox, its limit (NULL: none), and whether events are dropped now';
COMMENT ON VIEW ecapi.outbox_use IS 'how large the outbox is, its limit, whether events are dropped now, and how many were';
COMMENT ON COLUMN ecapi.outbox_use.bytes IS 'bytes that the outbox takes';
COMMENT ON COLUMN ecapi.outbox_use.bytes_limit IS 'ecapi.outbox_limit; NULL: none';
COMMENT ON COLUMN ecapi.outbox_use.is_full IS 'whether events are dropped now';
COMMENT ON COLUMN ecapi.outbox_use.dropped IS 'how many were, so far';
COMMENT ON COLUMN ecapi.outbox_use.not_kept IS 'how many events and rows were not set aside either, so far, for their role had set aside too much';
COMMENT ON SEQUENCE ecapi.dropped_seq IS 'how many events were dropped because the outbox, or their role''s share of it, was full; a crash may add up to 32';
COMMENT ON SEQUENCE ecapi.not_kept_seq IS 'how many events and rows were not set aside, for their role had set aside too much; a crash may add up to 32';
COMMENT ON FUNCTION ecapi_internal.role_use() IS 'rows of ecapi.role_use';
COMMENT ON VIEW ecapi.role_use IS 'which role holds how much of the outbox and of what is set aside, by a sample of blocks, and whose events are lost for that; the sixteen that hold most, and those that lost something';
COMMENT ON COLUMN ecapi.role_use.role IS 'emitter: a caller of ecapi_emit(), or an owner of tracked tables';
COMMENT ON COLUMN ecapi.role_use.bytes IS 'bytes that its events take of the outbox, about';
COMMENT ON COLUMN ecapi.role_use.bytes_limit IS 'ecapi.outbox_share of ecapi.outbox_limit; NULL: none';
COMMENT ON COLUMN ecapi.role_use.is_dropped IS 'whether its events are dropped now';
COMMENT ON COLUMN ecapi.role_use.dropped IS 'how many were, since the server started';
COMMENT ON COLUMN ecapi.role_use.set_aside_bytes IS 'bytes of what is set aside of its events and rows, about';
COMMENT ON COLUMN ecapi.role_use.set_aside_limit IS 'ecapi.set_aside_limit; NULL: none';
COMMENT ON COLUMN ecapi.role_use.is_not_kept IS 'whether more is not kept now';
COMMENT ON COLUMN ecapi.role_use.not_kept IS 'how many events and rows were not, since the server started';
COMMENT ON FUNCTION ecapi.pause(name) IS 'stop delivering to a destination until ecapi.resume()';
COMMENT ON FUNCTION ecapi.resume(name) IS 'deliver to a paused, stopped or waiting destination again, now';
COMMENT ON FUNCTION ecapi.retry(name, text) IS 'try failed events of a destination again now, dead ones too; returns how many';
COMMENT ON FUNCTION ecapi.discard(name, timestamptz, text) IS 'give up failed events of a destination that failed before a moment; returns how many';
COMMENT ON FUNCTION ecapi.replay(name, timestamptz, timestamptz, text) IS 'send events emitted in [since, until) to a destination again, under the same ids; returns a replay_id';
COMMENT ON FUNCTION ecapi.cancel_replay(name, bigint) IS 'end a replay of a destination, or all of them; returns how many';
COMMENT ON FUNCTION ecapi.preview(name) IS 'the request that a destination would be sent next, and what is not in it, with reasons; sends nothing; for the destination''s owner, as it shows contents as they leave';
COMMENT ON FUNCTION ecapi.preview(name, text, boolean) IS 'the request that an emitted event would make; with send, sends it in the platform''s test mode; for the destination''s owner';
COMMENT ON FUNCTION ecapi.preview(name, jsonb, boolean) IS 'the request that an event, given as to ecapi_emit(), would make; with send, sends it in the platform''s test mode; for the destination''s owner';
COMMENT ON FUNCTION ecapi.preview(name, timestamptz, timestamptz) IS 'what would become of the events emitted in [since, until): counts and values by decision and reason; for the destination''s owner';
COMMENT ON FUNCTION ecapi_internal.end_destination(name) IS 'ends the cursor and the replays of a destination, and tries of its failed events';
COMMENT ON FUNCTION ecapi.adopt(name) IS 'let a destination of a copied database deliver from here, starting with what commits later';
COMMENT ON FUNCTION ecapi.rebase(name) IS 'start a destination again, with what commits later, after the transaction counter was reset';
COMMENT ON FUNCTION ecapi.suggest_mapping(regclass, text) IS 'a mapping for ecapi.track(), guessed from names and types of columns, one foreign key away at most';
COMMENT ON COLUMN ecapi.backfill_progress.written IS 'how often the row was written';
COMMENT ON COLUMN ecapi.backfill_progress.generation IS 'part of the key, as that of ecapi.cursor_row';
COMMENT ON TABLE ecapi.backfill_progress IS 'how far backfills have come; the values of the last key are clear in here';
COMMENT ON COLUMN ecapi.backfill_progress.backfill_id IS 'rises with time';
COMMENT ON COLUMN ecapi.backfill_progress.relation IS 'the table';
COMMENT ON COLUMN ecapi.backfill_progress.track IS 'name of the track';
COMMENT ON COLUMN ecapi.backfill_progress.trigger_oid IS 'its trigger; the lock on it says whether a backfill runs';
COMMENT ON COLUMN ecapi.backfill_progress.since IS 'rows from then on';
COMMENT ON COLUMN ecapi.backfill_progress.ends_at IS 'where it ends: until, or the moment of the start';
COMMENT ON COLUMN ecapi.backfill_progress.state IS 'running, interrupted, failed, finished; a backend that died left running';
COMMENT ON COLUMN ecapi.backfill_progress.sqlstate IS 'of what it failed with';
COMMENT ON COLUMN ecapi.backfill_progress.key_columns IS 'columns of the key by which rows are read';
COMMENT ON COLUMN ecapi.backfill_progress.rows_read IS 'rows that were read';
COMMENT ON COLUMN ecapi.backfill_progress.events IS 'events that were emitted';
COMMENT ON COLUMN ecapi.backfill_progress.set_aside IS 'rows that could not be captured';
COMMENT ON COLUMN ecapi.backfill_progress.started_at IS 'when it was first called';
COMMENT ON COLUMN ecapi.backfill_progress.updated_at IS 'when its last page was committed';
COMMENT ON COLUMN ecapi.backfill_progress.finished_at IS 'when it ended';
COMMENT ON COLUMN ecapi.backfill_progress.until IS 'as it was given; NULL: the moment of the start';
COMMENT ON COLUMN ecapi.backfill_progress.last_key IS 'text forms of the key of the last row that was read';
COMMENT ON COLUMN ecapi.backfill_progress.outside IS 'events that lie outside of the range, among the rows that were read';
COMMENT ON COLUMN ecapi.backfill_progress.seconds IS 'time that its pages took, without waiting';
COMMENT ON COLUMN ecapi.backfill_progress.forgotten IS 'events of forgotten persons, which were not emitted';
COMMENT ON COLUMN ecapi.backfill_progress.cancelled IS 'events that were cancelled, and not emitted for that reason';
COMMENT ON COLUMN ecapi.backfill_progress.condition_false IS 'rows that were read and are no events now, for the condition is false of them';
COMMENT ON COLUMN ecapi.backfill_progress.skipped IS 'rows that were not read, for their time is null or outside of the range; counted at the end';
COMMENT ON VIEW ecapi.backfill IS 'state and counts of each backfill';
COMMENT ON COLUMN ecapi.backfill.relation IS 'the table';
COMMENT ON COLUMN ecapi.backfill.track IS 'name of the track';
COMMENT ON COLUMN ecapi.backfill.since IS 'rows from then on';
COMMENT ON COLUMN ecapi.backfill.until IS 'and before then';
COMMENT ON COLUMN ecapi.backfill.state IS 'running, interrupted, failed or finished';
COMMENT ON COLUMN ecapi.backfill.sqlstate IS 'of what it failed with';
COMMENT ON COLUMN ecapi.backfill.pid IS 'process that runs it';
COMMENT ON COLUMN ecapi.backfill.rows_read IS 'rows that were read';
COMMENT ON COLUMN ecapi.backfill.events IS 'events that were emitted';
COMMENT ON COLUMN ecapi.backfill.set_aside IS 'rows that could not be captured';
COMMENT ON COLUMN ecapi.backfill.outside IS 'events outside of the range, among the rows that were read';
COMMENT ON COLUMN ecapi.backfill.forgotten IS 'events of forgotten persons, which were not emitted';
COMMENT ON COLUMN ecapi.backfill.condition_false IS 'rows that were read and are no events now, for the condition is false of them';
COMMENT ON COLUMN ecapi.backfill.skipped IS 'rows that were not read, for their time is null or outside of the range; counted at the end';
COMMENT ON COLUMN ecapi.backfill.last_key IS 'where it goes on; for the owner, and those who may read ecapi.backfill_progress';
COMMENT ON COLUMN ecapi.backfill.started_at IS 'when it was first called';
COMMENT ON COLUMN ecapi.backfill.updated_at IS 'when its last page was committed';
COMMENT ON COLUMN ecapi.backfill.finished_at IS 'when it ended';
COMMENT ON COLUMN ecapi.backfill.cancelled IS 'events that were cancelled, and not emitted for that reason';
COMMENT ON COLUMN ecapi.backfill.events_per_second IS 'while pages are made, without waiting';
COMMENT ON PROCEDURE ecapi.backfill(regclass, text, timestamptz, timestamptz, text, integer, double precision, boolean) IS 'emit the history of a tracked table through its track, page by page; goes on where it was interrupted';
COMMENT ON FUNCTION ecapi.recapture(regclass, name, timestamptz, integer) IS 'try rows that tracks set aside again; does not touch events that ecapi_emit() set aside';
COMMENT ON FUNCTION ecapi_internal.event_id(json) IS 'id of a stored event';
COMMENT ON FUNCTION ecapi_internal.is_disposed(ecapi.cursor, xid8, bigint) IS 'whether a cursor has passed an event';
COMMENT ON FUNCTION ecapi_internal.consent_of(name, json) IS 'what an event''s consent string says to a destination, in words';
COMMENT ON FUNCTION ecapi.consent_report(timestamptz, timestamptz) IS 'how many events, of what value, were sent, restricted or denied at each destination by consent, by the rule that did it; in whole hours';
COMMENT ON FUNCTION ecapi.trace(text) IS 'all that is known of an event, by its id: each destination, each request, each outcome and answer';
COMMENT ON FUNCTION ecapi.reconcile(regclass, timestamptz, timestamptz, text) IS 'rows that tracks should have turned into events, against events, against outcomes at each destination; ids are listed that are unaccounted, that have no event while their condition is false, and whose events have no row';
COMMENT ON FUNCTION ecapi.history(regclass, text, timestamptz, timestamptz) IS 'what the rows of a tracked table would be as events, as ecapi.backfill() would emit them: a row each, those that cannot be events with the problem';
COMMENT ON FUNCTION ecapi.customer(jsonb, boolean) IS 'the customer that user_data names, as ecapi.history() does; with digest, as the digest that leaves';
COMMENT ON FUNCTION ecapi.fit(regclass, text, text, interval, interval, boolean, text, boolean, timestamptz, regproc) IS 'learn from a table''s history what its customers are worth, report how good that is, and write scores; returns the fit_id in ecapi.model';
COMMENT ON TABLE ecapi.model IS 'what ecapi.fit() learnt, and how good it was on what it had not seen';
COMMENT ON COLUMN ecapi.model.fit_id IS 'rises with time';
COMMENT ON COLUMN ecapi.model.relation IS 'the table whose history it is';
COMMENT ON COLUMN ecapi.model.track IS 'through which track it was read; NULL: the only one of the table';
COMMENT ON COLUMN ecapi.model.scores IS 'the table of scores; NULL: none was asked for';
COMMENT ON COLUMN ecapi.model.fitted_at IS 'when';
COMMENT ON COLUMN ecapi.model.fitted_by IS 'who called it';
COMMENT ON COLUMN ecapi.model.span_begin IS 'day of the first order';
COMMENT ON COLUMN ecapi.model.learnt_until IS 'last day that the models were shown which the holdout judges';
COMMENT ON COLUMN ecapi.model.span_end IS 'last day of the history';
COMMENT ON COLUMN ecapi.model.horizon IS 'how far scores look ahead from span_end';
COMMENT ON COLUMN ecapi.model.currency IS 'of all amounts';
COMMENT ON COLUMN ecapi.model.customers IS 'how many there are';
COMMENT ON COLUMN ecapi.model.orders IS 'of theirs; those of a day count once';
COMMENT ON COLUMN ecapi.model.left_out IS 'orders that were not learnt from, by the reason';
COMMENT ON COLUMN ecapi.model.model IS 'what the scores are made with';
COMMENT ON COLUMN ecapi.model.parameters IS 'estimates, standard errors and log-likelihood of each model, up to learnt_until and of the whole span';
COMMENT ON COLUMN ecapi.model.holdout IS 'each prediction beside what came from learnt_until to span_end: total error, mean absolute error (mae), normalized Gini, share of the value in the tenth predicted to be best (top_decile), and means by tenths (calibration)';
COMMENT ON COLUMN ecapi.model.first_order IS 'the same of what is predicted by the first order and the first week, of customers that the model has not seen; and how far history counts, by the number of repeat orders (weights)';
COMMENT ON COLUMN ecapi.model.problem IS 'why scores of the model had better not be used: it is worse than a baseline, or its total is off by more than a factor of two; NULL: they may';
COMMENT ON COLUMN ecapi.model.replaced IS 'whether the scores were replaced';
COMMENT ON COLUMN ecapi.model.orders_a_day IS 'that were expected of all customers and newcomers in the four weeks behind span_end';
COMMENT ON COLUMN ecapi.model.orders_dispersion IS 'variance of a day''s orders by their mean, at least 1';
COMMENT ON COLUMN ecapi.model.orders_error IS 'error of the total number of orders on the holdout; NULL: none came';
COMMENT ON FUNCTION ecapi_internal.model_drift() IS 'orders that came since the newest fit of each table, beside those that were expected';
COMMENT ON POLICY own_tables ON ecapi.model IS 'the owner of a table sees the fits of its history';
COMMENT ON TABLE ecapi.stop IS 'events that may not leave any more, as their person was forgotten or has withdrawn consent; rows whose event is gone go with a later call';
COMMENT ON COLUMN ecapi.stop.seq IS 'of the event in ecapi.outbox; of a row that was set aside, its failed_id with a minus sign';
COMMENT ON COLUMN ecapi.stop.xid IS 'transaction that emitted it';
COMMENT ON COLUMN ecapi.stop.reason IS 'erased (see ecapi.forget()) or consent withdrawn (see ecapi.withdraw())';
COMMENT ON COLUMN ecapi.stop.destination IS 'that it may not leave for; NULL: for none';
COMMENT ON COLUMN ecapi.stop.server IS 'oid of that destination';
COMMENT ON COLUMN ecapi.stop.stopped_at IS 'when';
COMMENT ON COLUMN ecapi.stop.stopped_by IS 'the transaction that stopped it';
COMMENT ON TABLE ecapi.forget_key IS 'key of ecapi.forgotten; with it anybody can find out whether an identifier is on the list';
COMMENT ON COLUMN ecapi.forget_key.key IS 'secret, 32 bytes';
COMMENT ON COLUMN ecapi.forget_key.made_at IS 'when';
COMMENT ON TABLE ecapi.forgotten IS 'persons whose history is not emitted again, as keyed hashes of their identifiers';
COMMENT ON COLUMN ecapi.forgotten.forgotten_at IS 'when';
COMMENT ON COLUMN ecapi.forgotten.person IS 'HMAC-SHA256, under a key of ecapi.forget_key, of the hex digits of a digest';
COMMENT ON FUNCTION ecapi.forget(text, text) IS 'erase the events of a person, given by any identifier or its digest; returns where copies were delivered';
COMMENT ON FUNCTION ecapi.withdraw(text, text, name[]) IS 'stop the events of a person, given by any identifier or its digest, for these destinations or all; returns where copies are, and what was stopped';
COMMENT ON FUNCTION ecapi.remember(text, text) IS 'take an identifier off the list of forgotten persons; returns whether it was on it';
COMMENT ON FUNCTION ecapi.check() IS 'the doctor: severity, what, what to do';
COMMENT ON FUNCTION ecapi_internal.refuse(text, text, text) IS 'raises an error, or a warning of class 01, that shows nothing of our triggers';
COMMENT ON FUNCTION ecapi_internal.skip_replicated() IS 'keeps rows of logical replication out of the outbox and its logs';
COMMENT ON FUNCTION ecapi_internal.refuse_truncate() IS 'keeps slots of the outbox from being truncated by hand';
COMMENT ON FUNCTION ecapi_internal.on_server_change() IS 'starts and renames the cursor of a destination';
COMMENT ON FUNCTION ecapi_internal.on_mapping_change() IS 'wakes the worker when credentials have changed';
COMMENT ON FUNCTION ecapi_internal.on_server_drop() IS 'ends the cursor of a destination';
COMMENT ON FOREIGN DATA WRAPPER ecapi IS 'destinations of ECAPI events; USAGE is the right to read every event and to make the server connect anywhere';
COMMENT ON EVENT TRIGGER ecapi_server_change IS 'starts and renames the cursors of destinations';
COMMENT ON EVENT TRIGGER ecapi_mapping_change IS 'wakes the worker when credentials of destinations have changed';
COMMENT ON EVENT TRIGGER ecapi_server_drop IS 'ends the cursors of destinations';
COMMENT ON FUNCTION ecapi.track(regclass, text, jsonb, text, text[], boolean, text, boolean, text) IS 'capture the rows of a table as events; returns the name of the trigger that does';
COMMENT ON FUNCTION ecapi.event_id(regclass, text, "any") IS 'the id that a track gives to the event of a row, by its key';
COMMENT ON FUNCTION ecapi.untrack(regclass, text, text) IS 'end the tracks of a table that have an event type, a name, or both; without either the only one';
COMMENT ON FUNCTION ecapi_internal.check_trigger(oid) IS 'refuses a trigger of ecapi.capture() that cannot be a track, or on a table of others';
COMMENT ON FUNCTION ecapi_internal.track_argument(oid) IS 'what a track says, or NULL when it cannot be read';
COMMENT ON FUNCTION ecapi_internal.track_problem(oid) IS 'what is wrong with a track now, or NULL';
COMMENT ON FUNCTION ecapi_internal.follow_command(pg_ddl_command) IS 'lets tracks follow a command, or refuses the command';
COMMENT ON FUNCTION ecapi_internal.watch_tracks() IS 'lets a command see which tracks it finds valid';
COMMENT ON FUNCTION ecapi_internal.follow_drop(text, text, text, oid, boolean) IS 'refuses to drop what a track needs';
COMMENT ON FUNCTION ecapi_internal.has_tracks() IS 'whether any table is tracked';
COMMENT ON FUNCTION ecapi_internal.on_trigger_create() IS 'refuses triggers that cannot be tracks, and tracks of tables of others';
COMMENT ON FUNCTION ecapi_internal.on_track_start() IS 'lets commands see which tracks they find valid';
COMMENT ON FUNCTION ecapi_internal.on_track_change() IS 'lets tracks follow commands that change what they name';
COMMENT ON FUNCTION ecapi_internal.on_track_drop() IS 'refuses to drop what tracks need';
COMMENT ON EVENT TRIGGER ecapi_trigger_create IS 'refuses triggers that cannot be tracks, and tracks of tables of others';
COMMENT ON EVENT TRIGGER ecapi_track_start IS 'lets commands see which tracks they find valid';
COMMENT ON EVENT TRIGGER ecapi_track_change IS 'lets tracks follow commands that change what they name';
COMMENT ON EVENT TRIGGER ecapi_track_drop IS 'refuses to drop what tracks need';
COMMENT ON VIEW ecapi.track IS 'tracks: the triggers of ecapi.capture(), what they say, and what is wrong with them';
COMMENT ON COLUMN ecapi.track.relation IS 'the table';
COMMENT ON COLUMN ecapi.track.name IS 'of the track: that of its trigger, without ecapi_';
COMMENT ON COLUMN ecapi.track.event_type IS 'of the events';
COMMENT ON COLUMN ecapi.track.condition IS 'which rows; NULL: all new ones';
COMMENT ON COLUMN ecapi.track.on_change IS 'columns whose change is the event';
COMMENT ON COLUMN ecapi.track.at_commit IS 'whether rows are judged when the transaction commits';
COMMENT ON COLUMN ecapi.track.on_error IS 'set_aside or raise';
COMMENT ON COLUMN ecapi.track.set_wise IS 'whether it is called once for a statement';
COMMENT ON COLUMN ecapi.track.always IS 'whether it captures what logical replication brings';
COMMENT ON COLUMN ecapi.track.enabled IS 'whether it captures at all';
COMMENT ON COLUMN ecapi.track.mapping IS 'where each field of the event comes from';
COMMENT ON COLUMN ecapi.track.problem IS 'why it would not work now; NULL: it would';
COMMENT ON COLUMN ecapi.track.trigger IS 'name of the trigger';
COMMENT ON SEQUENCE ecapi.outbox_seq IS 'seq of ecapi.outbox';
COMMENT ON SEQUENCE ecapi.tick_seq IS 'tick_id of ecapi.tick';
COMMENT ON SEQUENCE ecapi.request_seq IS 'request_id of ecapi.request';
