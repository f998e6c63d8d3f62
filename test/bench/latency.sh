# latency.sh - from COMMIT to receipt; sourced by bench.sh.
#
# A client (paced.c) commits 50 events a second, one a transaction, and notes
# when COMMIT returned; the receiver notes when the request was complete.  Both
# read the same clock.  The other side is the shortest way there is: the
# client inserts the same event into a plain table and, once COMMIT has
# returned, posts it itself over a connection it keeps.  A figure below zero
# means that the event arrived before the client's process woke up to learn
# that it had committed.
#
# shellcheck shell=bash

# percentile P FILE: of numbers, one a line.
percentile()
{
	sort -g "$2" | awk -v p="$1" '{ v[NR] = $1 } END { i = int(NR * p / 100 + 0.999999); print v[i < 1 ? 1 : i] }'
}

# paced MODE ROUND: prints "p50 p99 lost" in milliseconds.
paced()
{
	local mode=$1 prefix="$1-$2" rate=50

	"${AS_SERVER[@]}" "$BUILD/test/bench/paced" "$mode" "$rate" "$SPAN" "$prefix" "$RECEIVER_PORT" \
		>"$WORK/committed.$prefix"
	wait_until_delivered
	awk -F'\t' 'NR == FNR { if (!($3 in at)) at[$3] = $1; next }
		$1 in at { printf "%.3f\n", (at[$1] - $2) / 1000; next }
		{ lost++ } END { print lost + 0 > "/dev/stderr" }' \
		"$WORK/received" "$WORK/committed.$prefix" >"$WORK/latencies" 2>"$WORK/lost"
	printf '%s %s %s\n' "$(percentile 50 "$WORK/latencies")" "$(percentile 99 "$WORK/latencies")" "$(cat "$WORK/lost")"
}

bench_latency()
{
	local round p50 p99 lost direct50=() direct99=() emit50=() emit99=() missing=0

	title "latency, 50 events a second for $SPAN s a side, $ROUNDS rounds, from the return of COMMIT to receipt"
	make_here -C test/bench paced >"$WORK/bench.log" 2>&1 || { cat "$WORK/bench.log" >&2; die "the client was not built"; }
	set_delivery on
	[ -z "${RECEIVER_PID:-}" ] || stop_receiver
	rm -f "$WORK/received"
	start_receiver --http --no-check --out "$WORK/received"
	bench_database latency
	bench_destination latency
	for ((round = 1; round <= ROUNDS; round++)); do
		read -r p50 p99 lost < <(paced direct "$round")
		direct50+=("$p50")
		direct99+=("$p99")
		missing=$((missing + lost))
		read -r p50 p99 lost < <(paced emit "$round")
		emit50+=("$p50")
		emit99+=("$p99")
		missing=$((missing + lost))
	done
	show_side "posted by the client, p50" ms "${direct50[@]}"
	show_side "ecapi, p50 (aim: 2 ms)" ms "${emit50[@]}"
	show_side "posted by the client, p99" ms "${direct99[@]}"
	show_side "ecapi, p99 (aim: 20 ms)" ms "${emit99[@]}"
	show_ratio "ecapi / posted by the client, p50" "none" "${emit50[@]}" / "${direct50[@]}"
	[ "$missing" = 0 ] || die "$missing events were not received"
	stop_receiver
	drop_bench_database
}
