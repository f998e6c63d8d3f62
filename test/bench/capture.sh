# capture.sh - what a track costs the table; sourced by bench.sh.
#
# Two tables that differ in nothing but the track, see orders.sql; delivery off.
#	- one row a transaction (pgbench, two connections, prepared statements),
#	  for a track of every insert and for one with a condition, with
#	  synchronous_commit on and off;
#	- COPY of very many rows from a file; beside it what a COPY costs that is
#	  followed by a COPY of as many ready-made events into a table like the
#	  outbox: nothing that stores an event for each row can be cheaper.
#
# shellcheck shell=bash

# insert_rate TABLE
insert_rate()
{
	sql -c "TRUNCATE orders.plain, orders.tracked, orders.conditional" -c "CHECKPOINT"
	"${AS_SERVER[@]}" "$BINDIR/pgbench" -n -M prepared -c 2 -j 2 -T "$SPAN" -D table="$1" \
		-f "$WORK/order.$1.sql" 2>&1 | sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

capture_singly()
{
	local commit=$1 round plain=() tracked=() conditional=()

	sql -c "ALTER DATABASE bench_capture SET synchronous_commit = $commit"
	title "capture, one row a transaction: pgbench -M prepared -c 2 -T $SPAN, $ROUNDS rounds," \
		"synchronous_commit $commit, delivery off"
	for ((round = 1; round <= ROUNDS; round++)); do
		plain+=("$(insert_rate plain)")
		tracked+=("$(insert_rate tracked)")
		conditional+=("$(insert_rate conditional)")
	done
	show_side "untracked table" tps "${plain[@]}"
	show_side "tracked, all inserts" tps "${tracked[@]}"
	show_side "tracked, with a condition" tps "${conditional[@]}"
	show_ratio "tracked / untracked" "at least 0.85" "${tracked[@]}" / "${plain[@]}"
	show_ratio "with a condition / untracked" "at least 0.85" "${conditional[@]}" / "${plain[@]}"
}

# copy_seconds TABLE [EVENTS]: COPY rows into the table, then events if asked.
copy_seconds()
{
	local began

	sql -c "TRUNCATE orders.plain, orders.tracked, orders.conditional, bench.plain" -c "CHECKPOINT"
	began=$EPOCHREALTIME
	sql -c "COPY orders.$1 FROM '$WORK/orders.copy'" >/dev/null
	[ -z "${2:-}" ] || sql -c "COPY bench.plain (event) FROM '$WORK/events.copy'" >/dev/null
	calculate "$EPOCHREALTIME - $began"
}

capture_copy()
{
	local round plain=() tracked=() conditional=() floor=()

	title "capture, COPY of $EVENTS rows, $ROUNDS rounds, delivery off"
	sql -c "COPY (SELECT (orders.row(n)).* FROM generate_series(1::bigint, $EVENTS) n) TO '$WORK/orders.copy'" \
		-c "COPY orders.tracked FROM '$WORK/orders.copy'" \
		-c "COPY (SELECT event FROM ecapi.outbox ORDER BY seq DESC LIMIT $EVENTS) TO '$WORK/events.copy'" >/dev/null
	for ((round = 1; round <= ROUNDS; round++)); do
		plain+=("$(copy_seconds plain)")
		tracked+=("$(copy_seconds tracked)")
		conditional+=("$(copy_seconds conditional)")
		floor+=("$(copy_seconds plain events)")
	done
	show_side "COPY, untracked" s "${plain[@]}"
	show_side "COPY, tracked" s "${tracked[@]}"
	show_side "COPY, tracked with a condition" s "${conditional[@]}"
	show_side "COPY, and COPY of ready events" s "${floor[@]}"
	show_ratio "tracked / untracked" "at most 2.5" "${tracked[@]}" / "${plain[@]}"
	show_ratio "with a condition / untracked" "none" "${conditional[@]}" / "${plain[@]}"
	show_ratio "floor / untracked" "none" "${floor[@]}" / "${plain[@]}"
}

bench_capture()
{
	local table

	set_delivery off
	bench_database capture
	sql -f "$BUILD/test/bench/orders.sql" >/dev/null
	for table in plain tracked conditional; do
		sed "s/TABLE/orders.$table/" "$BUILD/test/bench/order.sql" >"$WORK/order.$table.sql"
	done
	capture_singly on
	capture_singly off
	capture_copy
	drop_bench_database
}
