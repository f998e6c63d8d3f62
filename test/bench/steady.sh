# steady.sh - does delivery keep up under an old snapshot, minute after minute?
# Sourced by bench.sh.
#
# 2,000 events a second, one a transaction, for the same span twice: with nobody
# in the way, and while a REPEATABLE READ transaction holds a snapshot that is
# older than all of them.  What counts is what has arrived, by the receiver's
# clock, in the whole span and in its first and last fifth.  For the record five
# minutes a side: -t 300.
#
# shellcheck shell=bash

STEADY_RATE=2000

# arrived BEGAN FROM TO: events a second that arrived that many fifths of the span
# after the moment that it began.
arrived()
{
	awk -F'\t' -v began="$1" -v fifth="$(calculate "$SPAN / 5")" -v from="$2" -v to="$3" '
		{ at = ($1 / 1e6 - began) / fifth }
		$8 >= 200 && $8 < 300 && at >= from && at < to { n += $9 }
		END { printf "%.1f\n", n / ((to - from) * fifth) }' "$WORK/requests"
}

# steady_side: sets WHOLE, FIRST and LAST.
steady_side()
{
	local began

	began=$EPOCHREALTIME
	"${AS_SERVER[@]}" "$BINDIR/pgbench" -n -c 4 -R "$STEADY_RATE" -T "$SPAN" -f "$WORK/steady.sql" \
		>"$WORK/pgbench.log" 2>&1 || { cat "$WORK/pgbench.log" >&2; die "the load failed"; }
	WHOLE=$(arrived "$began" 0 5)
	FIRST=$(arrived "$began" 0 1)
	LAST=$(arrived "$began" 4 5)
	wait_until_delivered
}

bench_steady()
{
	title "steady, $STEADY_RATE events a second for $SPAN s a side"
	set_delivery on
	start_counting_receiver
	bench_database steady
	bench_destination steady
	printf '\\set n random(1, 1000000)\nSELECT ecapi_emit(event => bench.purchase(:n));\n' >"$WORK/steady.sql"
	steady_side
	show_side "no snapshot held" events/s "$WHOLE"
	local free=$WHOLE free_first=$FIRST free_last=$LAST
	hold_snapshot
	steady_side
	show_side "snapshot held" events/s "$WHOLE"
	release_snapshot
	show_ratio "held / not held" "at least 0.95" "$WHOLE" / "$free"
	show_ratio "held, last fifth / first" "1" "$LAST" / "$FIRST"
	show_ratio "not held, last fifth / first" "1" "$free_last" / "$free_first"
	stop_receiver
	drop_bench_database
}
