# isolation.sh - what four destinations that misbehave cost six that do not; sourced by
# bench.sh.
#
# Ten destinations.  Six, with an enrichment of their owner, get the events of a client
# that commits at a steady rate.  By turns: these alone, the other four paused, and beside
# them:
#	sleeps		another owner's enrichment sleeps 4.5 s, less than its limit, each call
#	deaf		a third owner's function ignores its cancel; it is altered all the time, so
#				that it is called again after each process that it has cost
#	mute		a receiver that takes a request and never answers
#	flooded		a backlog of -n events, which is sent all the while, to a receiver of its own
# ECAPI_WORKERS=N lets that number of workers deliver; the first of these rounds has the
# moment in which the flood is set apart.
# Figures: events a second that arrive at the six, from the first COMMIT to the last receipt,
# and from COMMIT to receipt.
#
# shellcheck shell=bash

ISOLATION_RATE=200

isolation_owner()
{
	sql -c "CREATE ROLE bench_$1" -c "GRANT USAGE ON SCHEMA ecapi TO bench_$1" \
		-c "CREATE SCHEMA AUTHORIZATION bench_$1" \
		-c "CREATE FUNCTION bench_$1.does(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb)
				LANGUAGE plpgsql AS \$f\$ BEGIN $2;
				RETURN QUERY SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('n', e.seq)) FROM unnest(page) e; END \$f\$" \
		-c "ALTER FUNCTION bench_$1.does OWNER TO bench_$1"
}

# isolation_server NAME DATA_SET_ID OWNER [OPTION...]
isolation_server()
{
	local name=$1 set=$2 owner=$3

	shift 3
	sql -c "CREATE SERVER $name FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://127.0.0.1:$RECEIVER_PORT/$name${1:-}',
				data_set_id '$set', mode 'live', timeout '600s'${owner:+, enrich 'bench_$owner.does'})" \
		-c "GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO bench_${owner:-good}" \
		-c "ALTER SERVER $name OWNER TO bench_${owner:-good}"
}

# isolation_others pause|resume
isolation_others()
{
	sql -c "SELECT ecapi.$1(srvname) FROM pg_foreign_server WHERE srvname !~ '^good'" >/dev/null
}

# Alter the deaf function once a second until the file is gone.
isolation_provoke()
{
	while [ -e "$WORK/provoke" ]; do
		sql -c "ALTER FUNCTION bench_deaf.does COST $((RANDOM % 100 + 1))" >/dev/null
		sleep 1
	done
}

# isolation_side ROUND: sets RATE, P50, P99.
isolation_side()
{
	local prefix="isolation-$1"

	"${AS_SERVER[@]}" "$BUILD/test/bench/paced" emit "$ISOLATION_RATE" "$SPAN" "$prefix" "$RECEIVER_PORT" \
		>"$WORK/committed.$prefix"
	wait_for "the six have all" "SELECT bool_and(backlog = 0) FROM ecapi.destination WHERE destination ~ '^good'" 600
	awk -F'\t' 'NR == FNR { at[$1] = $2; if (!first || $2 < first) first = $2; next }
		$8 ~ /^\/good/ && $3 in at { printf "%.3f\n", ($1 - at[$3]) / 1000; n++; if ($1 > last) last = $1 }
		END { printf "%d %.3f\n", n, n / ((last - first) / 1e6) > "/dev/stderr" }' \
		"$WORK/committed.$prefix" "$WORK/received" >"$WORK/latencies" 2>"$WORK/rate"
	read -r n RATE <"$WORK/rate"
	[ "$n" = $((6 * $(wc -l <"$WORK/committed.$prefix"))) ] || die "$n events arrived of 6 x $(wc -l <"$WORK/committed.$prefix")"
	P50=$(percentile 50 "$WORK/latencies")
	P99=$(percentile 99 "$WORK/latencies")
}

bench_isolation()
{
	local -x PGOPTIONS="-c client_min_messages=error"
	local round i n provoker flood flood_port alone=() beside=() alone50=() beside50=() alone99=() beside99=()

	title "isolation, $ISOLATION_RATE events a second to six destinations for $SPAN s a side, beside four that misbehave and alone, $ROUNDS rounds"
	make_here -C test/bench paced >"$WORK/bench.log" 2>&1 || { cat "$WORK/bench.log" >&2; die "the client was not built"; }
	set_delivery on
	[ -z "${RECEIVER_PID:-}" ] || stop_receiver
	rm -f "$WORK/received"
	# the flood has a receiver of its own, or the others would wait in its queue
	start_receiver --http --no-check --no-store
	flood=$RECEIVER_PID
	flood_port=$RECEIVER_PORT
	start_receiver --http --no-check --out "$WORK/received"
	sql -d postgres -c "ALTER SYSTEM SET ecapi.workers = ${ECAPI_WORKERS:-1}" -c "SELECT pg_reload_conf()" >/dev/null
	bench_database isolation
	isolation_owner good NULL
	isolation_owner sleeps 'PERFORM pg_sleep(4.5)'
	isolation_owner deaf 'LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP'
	# first the flood: what comes later begins behind it
	RECEIVER_PORT=$flood_port isolation_server flooded flood ''
	isolation_others pause
	sql -c "SELECT count(ecapi_emit(event => bench.purchase(n) || '{\"data_set_id\": \"flood\"}')) FROM generate_series(1::bigint, $EVENTS) n" >/dev/null
	for ((i = 1; i <= 6; i++)); do
		isolation_server "good$i" bench good
	done
	isolation_server sleeps bench sleeps
	isolation_server deaf bench deaf
	isolation_server mute bench '' /delay=3600000
	isolation_others pause
	# processes start, functions are planned
	isolation_side 0
	for ((round = 1; round <= 2 * ROUNDS; round++)); do
		sql -c "CHECKPOINT"
		if ! ((round % 2)); then
			isolation_others resume
			: >"$WORK/provoke"
			isolation_provoke &
			provoker=$!
		fi
		isolation_side "$round"
		if ((round % 2)); then
			alone+=("$RATE")
			alone50+=("$P50")
			alone99+=("$P99")
		else
			rm "$WORK/provoke"
			wait "$provoker"
			sql -c "SELECT backlog FROM ecapi.destination WHERE destination = 'flooded'" -At | sed 's/^/  the flood has left: /'
			isolation_others pause
			beside+=("$RATE")
			beside50+=("$P50")
			beside99+=("$P99")
		fi
	done
	show_side "alone" events/s "${alone[@]}"
	show_side "beside four that misbehave" events/s "${beside[@]}"
	show_ratio "beside / alone" "at least 0.95" "${beside[@]}" / "${alone[@]}"
	show_side "alone, p50" ms "${alone50[@]}"
	show_side "beside, p50" ms "${beside50[@]}"
	show_side "alone, p99" ms "${alone99[@]}"
	show_side "beside, p99" ms "${beside99[@]}"
	show_ratio "alone / beside, p99" "at least 0.95" "${alone99[@]}" / "${beside99[@]}"
	stop_receiver
	RECEIVER_PID=$flood
	stop_receiver
	sql -d postgres -c "ALTER SYSTEM RESET ecapi.workers" -c "SELECT pg_reload_conf()" >/dev/null
	drop_bench_database
	sql -d postgres -c "DROP ROLE bench_good, bench_sleeps, bench_deaf"
}
