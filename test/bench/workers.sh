# workers.sh - what several workers bring and cost; sourced by bench.sh.
#
# A backlog of -n events waits for each of four destinations of four owners.  By turns one,
# two and four workers deliver it to a receiver that only counts.  Figures: events a second
# of all four together, processor time of all workers for an event and destination, and the
# most memory of their own that the workers had together, beyond what they have at rest.
# Two processors are also those of the receiver and of what reads its log, so the rate says
# what a machine takes; the processor time says what it costs.
#
# shellcheck shell=bash

# Kilobytes of memory of their own that processes have.
workers_memory()
{
	local pid

	for pid in $1; do
		sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status" 2>/dev/null || true
	done | awk '{ kb += $1 } END { print kb + 0 }'
}

# Until the file is gone, keep the most that it has seen in $WORK/most.
workers_watch()
{
	local most=0 now

	while [ -e "$WORK/watch" ]; do
		now=$(workers_memory "$1")
		[ "$now" -le "$most" ] || most=$now
		echo "$most" >"$WORK/most"
		sleep 0.1
	done
}

# workers_side COUNT FIRST: deliver events from that number on; sets RATE, CPU, MEMORY (MB).
workers_side()
{
	local count=$1 first=$2 rest watcher

	sql -c "ALTER SYSTEM SET ecapi.workers = $count" -c "SELECT pg_reload_conf()" >/dev/null
	wait_for "$count workers have destinations" \
		"SELECT count(*) = $count AND bool_and(state = 'running' AND destinations <> '{}') FROM ecapi.workers" 60
	# they begin with what they have at rest
	sql -c "SELECT pg_terminate_backend(pid) FROM ecapi.workers" >/dev/null
	wait_for "they are there again" \
		"SELECT count(*) = $count AND bool_and(state = 'running' AND destinations <> '{}'
			AND started_at > now() - interval '1 minute') FROM ecapi.workers" 60
	sql -c "SELECT ecapi.pause(srvname) FROM pg_foreign_server" >/dev/null
	wait_for "every destination is paused" "SELECT bool_and(state = 'paused') FROM ecapi.destination" 60
	emit_events "$first" "$((first + EVENTS - 1))"
	sql -c "CHECKPOINT"
	rest=$(workers_memory "$(worker_pid)")
	: >"$WORK/watch"
	echo 0 >"$WORK/most"
	workers_watch "$(worker_pid)" &
	watcher=$!
	RESUME="SELECT ecapi.resume(srvname) FROM pg_foreign_server" drain "$((4 * EVENTS))"
	rm "$WORK/watch"
	wait "$watcher"
	MEMORY=$(calculate "($(cat "$WORK/most") - $rest) / 1024")
	wait_for "nothing is left to send" "SELECT bool_and(backlog = 0) FROM ecapi.destination" 600
}

bench_workers()
{
	local round count i first=1

	title "workers, $EVENTS events to each of four destinations by one, two and four workers, $ROUNDS rounds"
	set_delivery on
	start_counting_receiver
	bench_database workers
	for ((i = 1; i <= 4; i++)); do
		sql -c "CREATE ROLE bench_owner$i" -c "GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO bench_owner$i" \
			-c "CREATE SERVER bench$i FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://127.0.0.1:$RECEIVER_PORT/workers$i',
					data_set_id 'bench', mode 'live', batch_size '1000')" \
			-c "ALTER SERVER bench$i OWNER TO bench_owner$i"
	done
	rm -f "$WORK"/workers.*
	for ((round = 1; round <= ROUNDS; round++)); do
		for count in 1 2 4; do
			workers_side "$count" "$first"
			first=$((first + EVENTS))
			echo "$RATE" >>"$WORK/workers.rate.$count"
			echo "$CPU" >>"$WORK/workers.cpu.$count"
			echo "$MEMORY" >>"$WORK/workers.memory.$count"
		done
	done
	for count in 1 2 4; do
		mapfile -t rate <"$WORK/workers.rate.$count"
		mapfile -t cpu <"$WORK/workers.cpu.$count"
		mapfile -t memory <"$WORK/workers.memory.$count"
		show_side "$count workers, rate" events/s "${rate[@]}"
		show_side "$count workers, processor time" us/event "${cpu[@]}"
		show_side "$count workers, memory" MB "${memory[@]}"
		[ "$count" = 1 ] && one=("${rate[@]}") ||
			show_ratio "$count workers / one, rate" "what two processors allow" "${rate[@]}" / "${one[@]}"
	done
	sql -c "ALTER SYSTEM RESET ecapi.workers" -c "SELECT pg_reload_conf()" >/dev/null
	stop_receiver
	drop_bench_database
	sql -d postgres -c "DROP ROLE bench_owner1, bench_owner2, bench_owner3, bench_owner4"
}
