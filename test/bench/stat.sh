# stat.sh - what statistics cost; sourced by bench.sh.
#
# The library as it is, and one that is compiled with ECAPI_NO_STAT and so counts
# nothing, by turns: before each backlog the server is started again with the other one.
# A backlog is delivered to a receiver that only counts, in requests of 1,000; the second
# figure is the worker's processor time for an event.
#
# shellcheck shell=bash

# The library without statistics; one file differs.
build_without_stat()
{
	"${AS_SERVER[@]}" cp "$BUILD/ecapi.so" "$WORK/with_stat.so"
	"${AS_SERVER[@]}" touch "$BUILD/src/stat/stat_area.c"
	make_here COPT='-Werror -DECAPI_NO_STAT' >"$WORK/bench.log" 2>&1 ||
		{ cat "$WORK/bench.log" >&2; die "the library without statistics was not built"; }
	"${AS_SERVER[@]}" cp "$BUILD/ecapi.so" "$WORK/without_stat.so"
}

# start_with FILE: the server, with this library.
start_with()
{
	"${AS_SERVER[@]}" "$BINDIR/pg_ctl" -D "$WORK/data" -m fast -s -w -t 60 stop >/dev/null
	"${AS_SERVER[@]}" cp "$1" "$("$PG_CONFIG" --pkglibdir)/ecapi.so"
	"${AS_SERVER[@]}" "$BINDIR/pg_ctl" -D "$WORK/data" -l "$WORK/server.log" -s -w -t 60 start </dev/null >/dev/null
	wait_for "the worker runs" "SELECT state = 'running' FROM ecapi.worker()" 60
}

bench_stat()
{
	local round first=1 with=() without=() with_cpu=() without_cpu=()

	title "stat, $EVENTS events, requests of 1,000, $ROUNDS rounds"
	build_without_stat
	set_delivery on
	start_counting_receiver
	bench_database stat
	bench_destination stat
	pause
	for ((round = 1; round <= 2 * ROUNDS; round++)); do
		if ((round % 2)); then start_with "$WORK/with_stat.so"; else start_with "$WORK/without_stat.so"; fi
		emit_events "$first" "$((first + EVENTS - 1))"
		first=$((first + EVENTS))
		sql -c "CHECKPOINT"
		drain "$EVENTS"
		wait_until_delivered
		if ((round % 2)); then
			with+=("$RATE")
			with_cpu+=("$CPU")
		else
			without+=("$RATE")
			without_cpu+=("$CPU")
		fi
		pause
	done
	show_side "with statistics" events/s "${with[@]}"
	show_side "without" events/s "${without[@]}"
	show_ratio "with / without" "at least 0.98" "${with[@]}" / "${without[@]}"
	show_side "with, worker's processor time" us/event "${with_cpu[@]}"
	show_side "without" us/event "${without_cpu[@]}"
	show_ratio "processor time, without / with" "at least 0.98" "${without_cpu[@]}" / "${with_cpu[@]}"
	start_with "$WORK/with_stat.so"
	stop_receiver
	drop_bench_database
}
