# metrics.sh - what a look at ecapi.metrics() costs; sourced by bench.sh.
#
# Ten destinations, one of which wants the events, and -n events in the outbox: first all of
# them wait for each destination, then none does.  A call is timed within one session, as an exporter has one, over 200 calls;
# the second figure is the session's processor time for a call, which other work on the
# machine does not lengthen.  Beside it stands ecapi.destination, which counts what waits.
#
# shellcheck shell=bash

METRICS_CALLS=200

# metrics_call EXPRESSION CALLS: milliseconds and milliseconds of processor time for each call.
metrics_call()
{
	local now="SELECT extract(epoch FROM clock_timestamp()), pg_read_file('/proc/self/stat', 0, 1000)"

	sql -c "SELECT $1" -c "$now" -c "SELECT count($1) FROM generate_series(1, $2)" -c "$now" |
		sed -n 's/^\([0-9.]*\)|.*) /\1 /p' |
		awk -v calls="$2" -v ticks="$(getconf CLK_TCK)" '
			NR == 1 { at = $1; cpu = $13 + $14 }
			NR == 2 { printf "%.2f %.2f\n", ($1 - at) * 1000 / calls, ($13 + $14 - cpu) * 1000 / ticks / calls }'
}

metrics_side()
{
	local round ms cpu all=() all_cpu=()

	for ((round = 1; round <= ROUNDS; round++)); do
		read -r ms cpu < <(metrics_call "ecapi.metrics()" "$METRICS_CALLS")
		all+=("$ms")
		all_cpu+=("$cpu")
	done
	show_side "$1" "ms (aim: under 10)" "${all[@]}"
	show_side "  processor time" ms "${all_cpu[@]}"
}

bench_metrics()
{
	local ms cpu

	title "metrics, $EVENTS events, ten destinations, $METRICS_CALLS calls, $ROUNDS rounds"
	set_delivery on
	bench_database metrics
	sql -c "DO \$\$ BEGIN FOR i IN 1 .. 10 LOOP EXECUTE format(\$x\$CREATE SERVER %I FOREIGN DATA WRAPPER ecapi
			OPTIONS (url 'http://127.0.0.1:1/', data_set_id 'bench', mode 'shadow', event_types %L)\$x\$, 'shadow' || i, CASE i WHEN 1 THEN 'purchase' ELSE 'refund' END); END LOOP; END \$\$"
	sql -c "SELECT ecapi.pause(srvname) FROM pg_foreign_server" >/dev/null
	wait_for "all destinations are paused" "SELECT bool_and(state = 'paused') FROM ecapi.cursor" 60
	emit_events 1 "$EVENTS"
	sql -c "CHECKPOINT" -c "VACUUM ANALYZE ecapi.outbox"
	metrics_side "all wait, for each"
	read -r ms cpu < <(metrics_call "(SELECT count(*) FROM ecapi.destination)" 1)
	say "  ecapi.destination, which counts them: $ms ms, processor time $cpu ms"
	sql -c "SELECT ecapi.resume(srvname) FROM pg_foreign_server" >/dev/null
	wait_for "nothing waits" "SELECT bool_and(backlog = 0) FROM ecapi.stat_waiting" 1800
	metrics_side "none waits"
	drop_bench_database
}
