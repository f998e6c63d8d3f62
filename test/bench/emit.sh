# emit.sh - what ecapi_emit costs a writer; sourced by bench.sh.
#
# Against a plain INSERT of the same JSON into a table with the columns and
# the index of the outbox; synchronous_commit off, delivery off.  Once with one
# event a transaction (pgbench, two connections; with the protocol that parses
# each time and with prepared statements), once with very many in one
# statement, where both sides build their JSON in the SELECT.
#
# shellcheck shell=bash

# pgbench_rate PROTOCOL SCRIPT: transactions a second.
pgbench_rate()
{
	local event

	event=$(sql -c "SELECT bench.purchase(42)")
	[ "$1" != simple ] || event="'${event//\'/\'\'}'"
	"${AS_SERVER[@]}" "$BINDIR/pgbench" -n -M "$1" -c 2 -j 2 -T "$SPAN" -D event="$event" -f "$2" 2>&1 |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

emit_singly()
{
	local protocol=$1 round plain=() emit=()

	title "emit, one event a transaction: pgbench -M $protocol -c 2 -T $SPAN, $ROUNDS rounds," \
		"synchronous_commit off, delivery off"
	for ((round = 1; round <= ROUNDS; round++)); do
		sql -c "CHECKPOINT"
		plain+=("$(pgbench_rate "$protocol" "$WORK/plain.sql")")
		sql -c "CHECKPOINT"
		emit+=("$(pgbench_rate "$protocol" "$WORK/emit.sql")")
	done
	show_side "plain INSERT" tps "${plain[@]}"
	show_side "ecapi_emit" tps "${emit[@]}"
	show_ratio "ecapi_emit / INSERT" "at least 0.95" "${emit[@]}" / "${plain[@]}"
}

# seconds_of SQL
seconds_of()
{
	local began

	sql -c "CHECKPOINT"
	began=$EPOCHREALTIME
	sql -c "SET synchronous_commit = off" -c "$1" >/dev/null
	calculate "$EPOCHREALTIME - $began"
}

emit_in_bulk()
{
	local round plain=() emit=()

	title "emit, $EVENTS events in one statement, $ROUNDS rounds, delivery off"
	for ((round = 1; round <= ROUNDS; round++)); do
		plain+=("$(seconds_of "INSERT INTO bench.plain (event)
			SELECT bench.purchase_json(n) FROM generate_series(1::bigint, $EVENTS) n")")
		emit+=("$(seconds_of "SELECT count(ecapi_emit(event => bench.purchase(n)))
			FROM generate_series(1::bigint, $EVENTS) n")")
	done
	show_side "INSERT ... SELECT json" s "${plain[@]}"
	show_side "SELECT count(ecapi_emit(jsonb))" s "${emit[@]}"
	show_ratio "ecapi_emit / INSERT" "at most 1.2" "${emit[@]}" / "${plain[@]}"
}

bench_emit()
{
	set_delivery off
	bench_database emit
	printf 'INSERT INTO bench.plain (event) VALUES (:event);\n' >"$WORK/plain.sql"
	printf 'SELECT ecapi_emit(event => :event);\n' >"$WORK/emit.sql"
	sql -c "ALTER DATABASE bench_emit SET synchronous_commit = off"
	emit_singly simple
	emit_singly prepared
	emit_in_bulk
	drop_bench_database
}
