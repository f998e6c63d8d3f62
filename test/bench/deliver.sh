# deliver.sh - how fast a backlog is delivered; sourced by bench.sh.
#
# Against the pure transform (transform.c): the same code that parses,
# normalizes, hashes and writes bodies, over the same events, in one process
# without SQL and without I/O.  The other side is the whole path: a paused
# destination with a backlog is resumed, and events reach the receiver over
# loopback HTTP in requests of 1,000.  The receiver only counts.
#
# shellcheck shell=bash

bench_deliver()
{
	local round transform=() transform_cpu=() deliver=() cpu=() answer

	title "deliver, $EVENTS events (email, phone, address, two items), requests of 1,000, $ROUNDS rounds"
	make_here -C test/bench transform >"$WORK/bench.log" 2>&1 || { cat "$WORK/bench.log" >&2; die "the transform was not built"; }
	set_delivery on
	start_counting_receiver
	bench_database deliver
	bench_destination deliver
	pause
	for ((round = 1; round <= ROUNDS; round++)); do
		emit_events "$(((round - 1) * EVENTS + 1))" "$((round * EVENTS))"
		if [ "$round" = 1 ]; then
			# Lines as they are: csv whose quote and delimiter never occur.
			sql -c "COPY (SELECT event FROM ecapi.outbox ORDER BY seq LIMIT $EVENTS) TO '$WORK/events'
				(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
		fi
		sql -c "CHECKPOINT"
		answer=$("${AS_SERVER[@]}" "$BUILD/test/bench/transform" "$WORK/events" 1000)
		transform+=("${answer% *}")
		transform_cpu+=("$(calculate "1e6 / ${answer% *}")")
		drain "$EVENTS"
		deliver+=("$RATE")
		cpu+=("$CPU")
		wait_until_delivered
		pause
	done
	show_side "pure transform" events/s "${transform[@]}"
	show_side "delivery" events/s "${deliver[@]}"
	show_ratio "delivery / transform" "at least 0.5" "${deliver[@]}" / "${transform[@]}"
	show_side "pure transform, time" us/event "${transform_cpu[@]}"
	show_side "worker, processor time" us/event "${cpu[@]}"
	stop_receiver
	drop_bench_database
}
