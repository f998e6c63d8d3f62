# shares.sh - what nine receivers that never answer cost a tenth; sourced by bench.sh.
#
# Ten destinations of one database; nine post to a receiver that takes a request
# and never answers.  By turns: the tenth alone, the others paused, and beside
# them, their requests outstanding all the time.  Two figures each: the rate at
# which it delivers a backlog of events of 10 kB, and from COMMIT to receipt at
# 50 events a second.  -n is the backlog times twenty.
#
# shellcheck shell=bash
# shellcheck disable=SC2034  # RESUME is read by drain

mutes()
{
	sql -c "DO \$\$ BEGIN FOR i IN 1 .. 9 LOOP $1; END LOOP; END \$\$" >/dev/null
}

# emit_large FIRST LAST: purchases of 10 kB.
emit_large()
{
	sql -c "SELECT count(ecapi_emit(event => jsonb_set(bench.purchase(n), '{properties,coupon}',
				to_jsonb(repeat('x', 9200) || n)))) FROM generate_series($1::bigint, $2) n" >/dev/null
}

# until_mutes_hang: each of the nine has a request outstanding.
until_mutes_hang()
{
	wait_for "nine requests are outstanding" \
		"SELECT count(*) = 9 FROM ecapi.destination WHERE destination LIKE 'mute%' AND state = 'delivering'" 60
}

bench_shares()
{
	local round first=1 events=$((EVENTS / 20)) p50 p99 lost
	local alone=() beside=() alone99=() beside99=() missing=0

	title "shares, $events events of 10 kB, then 50 a second for $SPAN s, beside nine mute receivers and alone, $ROUNDS rounds"
	make_here -C test/bench paced >"$WORK/bench.log" 2>&1 || { cat "$WORK/bench.log" >&2; die "the client was not built"; }
	set_delivery on
	[ -z "${RECEIVER_PID:-}" ] || stop_receiver
	rm -f "$WORK/received" "$WORK/requests"
	start_receiver --http --no-check --out "$WORK/received" --requests "$WORK/requests"
	bench_database shares
	bench_destination shares
	mutes "EXECUTE format(\$x\$CREATE SERVER %I FOREIGN DATA WRAPPER ecapi OPTIONS (url %L, data_set_id 'mute', timeout '600s')\$x\$,
		'mute' || i, 'http://127.0.0.1:$RECEIVER_PORT/mute/delay=3600000')"
	for ((round = 1; round <= 2 * ROUNDS; round++)); do
		sql -c "SELECT ecapi.pause(srvname) FROM pg_foreign_server" >/dev/null
		wait_for "all destinations are paused" "SELECT bool_and(state = 'paused') FROM ecapi.cursor" 60
		emit_large "$first" "$((first + events - 1))"
		first=$((first + events))
		sql -c "CHECKPOINT"
		if ! ((round % 2)); then
			mutes "PERFORM ecapi.resume('mute' || i)"
			until_mutes_hang
		fi
		RESUME="SELECT ecapi.resume('bench')"
		drain "$events"
		wait_until_delivered
		read -r p50 p99 lost < <(paced emit "shares$round")
		missing=$((missing + lost))
		if ((round % 2)); then
			alone+=("$RATE")
			alone99+=("$p99")
		else
			beside+=("$RATE")
			beside99+=("$p99")
		fi
	done
	RESUME=
	show_side "alone" events/s "${alone[@]}"
	show_side "beside nine that never answer" events/s "${beside[@]}"
	show_ratio "beside / alone" "at least 0.9" "${beside[@]}" / "${alone[@]}"
	show_side "alone, p99" ms "${alone99[@]}"
	show_side "beside, p99" ms "${beside99[@]}"
	show_ratio "beside / alone, p99" "at most 2" "${beside99[@]}" / "${alone99[@]}"
	[ "$missing" = 0 ] || die "$missing events were not received"
	stop_receiver
	drop_bench_database
}
