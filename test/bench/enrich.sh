# enrich.sh - what an enrichment costs; sourced by bench.sh.
#
# By turns: a backlog delivered as it is, and one delivered through a STABLE
# function that joins three tables (enrich.sql), each with a row for every event,
# and patches the value of each and a field.
#
# shellcheck shell=bash

bench_enrich()
{
	local round first=1 plain=() enriched=() plain_cpu=() enriched_cpu=()

	title "enrich, $EVENTS events through a join of three tables, $ROUNDS rounds"
	set_delivery on
	start_counting_receiver
	bench_database enrich
	sql -f "$BUILD/test/bench/enrich.sql"
	sql -c "INSERT INTO bench.orders SELECT n::text, n % 100003, n % 200 + 0.5
				FROM generate_series(1, $((2 * ROUNDS * EVENTS))) n" \
		-c "INSERT INTO bench.costs SELECT n::text, n % 100, 4.9
				FROM generate_series(1, $((2 * ROUNDS * EVENTS))) n" \
		-c "INSERT INTO bench.customers SELECT n, 'loyal', n % 17 FROM generate_series(0, 100002) n" \
		-c "VACUUM ANALYZE bench.orders, bench.costs, bench.customers"
	bench_destination enrich
	for ((round = 1; round <= 2 * ROUNDS; round++)); do
		pause
		((round % 2)) || sql -c "ALTER SERVER bench OPTIONS (ADD enrich 'bench.worth')"
		emit_events "$first" "$((first + EVENTS - 1))"
		first=$((first + EVENTS))
		sql -c "CHECKPOINT"
		drain "$EVENTS"
		wait_until_delivered
		if ((round % 2)); then
			plain+=("$RATE")
			plain_cpu+=("$CPU")
		else
			enriched+=("$RATE")
			enriched_cpu+=("$CPU")
			sql -c "ALTER SERVER bench OPTIONS (DROP enrich)"
		fi
	done
	show_side "no enrichment" events/s "${plain[@]}"
	show_side "an enrichment" events/s "${enriched[@]}"
	show_ratio "enrichment / none" "at least 0.5" "${enriched[@]}" / "${plain[@]}"
	show_side "none, processor time" us/event "${plain_cpu[@]}"
	show_side "an enrichment, processor time" us/event "${enriched_cpu[@]}"
	stop_receiver
	drop_bench_database
	sql -d postgres -c "DROP ROLE bench_shop"
}
