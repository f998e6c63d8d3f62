# held_snapshot.sh - does an old snapshot slow delivery?  Sourced by bench.sh.
#
# A queue whose rows are updated or deleted slows down while someone holds a
# snapshot; a log that is only read must not.  By turns: a backlog built up and
# drained with nobody in the way, and the same with a REPEATABLE READ
# transaction that took its snapshot before the backlog was written, and under
# which the rows that the worker writes over and over, of the cursor and of the
# ledger, have left VERSIONS (1000000) dead versions each: what three days of
# delivery leave.  All the while another connection emits 300 events a second.
#
# shellcheck shell=bash

hold_snapshot()
{
	PGAPPNAME=holder "${AS_SERVER[@]}" "$BINDIR/psql" -X -q -c "BEGIN ISOLATION LEVEL REPEATABLE READ" \
		-c "SELECT count(*) FROM pg_class" -c "SELECT pg_sleep(86400)" >/dev/null 2>&1 &
	HOLDER=$!
	STARTED+=("$HOLDER")
	wait_for "the snapshot is held" "SELECT count(*) = 1 FROM pg_stat_activity
		WHERE application_name = 'holder' AND backend_xmin IS NOT NULL AND query LIKE '%pg_sleep%'" 60
}

# Write the newest version of a row over and over, as the worker does.
# age TABLE CONDITION
age()
{
	local generation=', generation = (written + 1) / 16'

	[ "$1" != ecapi.ledger ] || generation=
	sql -c "DO \$\$ BEGIN FOR i IN 1 .. ${VERSIONS:-1000000} LOOP
			UPDATE $1 SET written = written + 1$generation WHERE ctid =
				(SELECT n.ctid FROM $1 n WHERE $2 ORDER BY n.generation DESC LIMIT 1);
			IF i % 5000 = 0 THEN COMMIT; END IF;
		END LOOP; END \$\$"
}

age_versions()
{
	age ecapi.cursor_row "n.server = (SELECT oid FROM pg_foreign_server WHERE srvname = 'bench')"
	age ecapi.ledger "n.hour = (SELECT max(hour) FROM ecapi.ledger) AND n.destination = 'bench'
		AND n.outcome = 'delivered' AND coalesce(n.event_type, '') = 'purchase'
		AND coalesce(n.currency, '') = 'EUR' AND coalesce(n.reason, '') = ''"
}

release_snapshot()
{
	sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'" >/dev/null
	forget_started "$HOLDER"
	wait "$HOLDER" || true
}

bench_held-snapshot()
{
	local round free=() held=() load first=1

	title "held-snapshot, $EVENTS events drained beside 300 emitted a second, $ROUNDS rounds"
	set_delivery on
	start_counting_receiver
	bench_database held
	bench_destination held
	pause
	printf '\\set n random(1, 1000000)\nSELECT ecapi_emit(event => bench.purchase(:n));\n' >"$WORK/load.sql"
	"${AS_SERVER[@]}" "$BINDIR/pgbench" -n -c 1 -R 300 -T 86400 -f "$WORK/load.sql" >/dev/null 2>&1 &
	load=$!
	STARTED+=("$load")
	for ((round = 1; round <= 2 * ROUNDS; round++)); do
		if ((round % 2 == 0)); then
			hold_snapshot
			age_versions
		fi
		emit_events "$first" "$((first + EVENTS - 1))"
		first=$((first + EVENTS))
		sql -c "CHECKPOINT"
		drain "$EVENTS"
		pause
		if ((round % 2)); then
			free+=("$RATE")
		else
			held+=("$RATE")
			release_snapshot
			sql -c "VACUUM ecapi.cursor_row, ecapi.ledger"
		fi
	done
	forget_started "$load"
	end_process "$load"
	wait "$load" 2>/dev/null || true
	show_side "no snapshot held" events/s "${free[@]}"
	show_side "snapshot held, versions dead" events/s "${held[@]}"
	show_ratio "held / not held" "at least 0.95" "${held[@]}" / "${free[@]}"
	stop_receiver
	drop_bench_database
}
