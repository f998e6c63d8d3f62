# routes.sh - what 199 destinations cost that nothing is for; sourced by bench.sh.
#
# A database with 200 shops, each with a destination of its own that takes one
# route.  All events are of one shop.  By turns: its destination alone, and
# beside 199 others, which pass over everything; all are paused while the
# backlog is written, and resumed together.
#
# shellcheck shell=bash
# shellcheck disable=SC2034  # RESUME is read by drain

# The destination "bench" takes the events of shop-1.
bench_route()
{
	sql -c "ALTER SERVER bench OPTIONS (ADD route 'shop-1')"
}

others()
{
	sql -c "DO \$\$ BEGIN FOR i IN 2 .. 200 LOOP $1; END LOOP; END \$\$"
}

pause_all()
{
	sql -c "SELECT ecapi.pause(srvname) FROM pg_foreign_server" >/dev/null
	wait_for "all destinations are paused" \
		"SELECT bool_and(state = 'paused') FROM ecapi.cursor" 60
}

emit_routed()
{
	sql -c "SELECT count(ecapi_emit(event => bench.purchase(n) || '{\"ext\": {\"route\": \"shop-1\"}}'))
			FROM generate_series($1::bigint, $2) n" >/dev/null
}

bench_routes()
{
	local round first=1 alone=() beside=() alone_cpu=() beside_cpu=()

	title "routes, $EVENTS events of one of 200 shops, $ROUNDS rounds"
	set_delivery on
	start_counting_receiver
	bench_database routes
	bench_destination routes
	bench_route
	RESUME="SELECT ecapi.resume(srvname) FROM pg_foreign_server"
	for ((round = 1; round <= 2 * ROUNDS; round++)); do
		((round % 2)) || others "EXECUTE format(\$x\$CREATE SERVER %I FOREIGN DATA WRAPPER ecapi
			OPTIONS (url 'http://127.0.0.1:$RECEIVER_PORT/none', data_set_id 'bench', route %L, batch_size '1000')\$x\$,
			'shop_' || i, 'shop-' || i)"
		pause_all
		emit_routed "$first" "$((first + EVENTS - 1))"
		first=$((first + EVENTS))
		sql -c "CHECKPOINT"
		drain "$EVENTS"
		wait_for "all destinations have passed" "SELECT sum(backlog) = 0 FROM ecapi.destination" 600
		if ((round % 2)); then
			alone+=("$RATE")
			alone_cpu+=("$CPU")
		else
			beside+=("$RATE")
			beside_cpu+=("$CPU")
			others "EXECUTE format('DROP SERVER %I', 'shop_' || i)"
		fi
	done
	RESUME=
	show_side "one destination" events/s "${alone[@]}"
	show_side "beside 199 of other shops" events/s "${beside[@]}"
	show_ratio "beside / alone" "at least 0.9" "${beside[@]}" / "${alone[@]}"
	show_side "one, processor time" us/event "${alone_cpu[@]}"
	show_side "beside 199, processor time" us/event "${beside_cpu[@]}"
	stop_receiver
	drop_bench_database
}
