# common.sh - what the benches share; sourced by bench.sh.
#
# A bench compares two sides, measured by turns in one run (A B A B ...), so
# that what else the machine does falls on both, and prints every single
# figure, the medians and their ratio.
#
# shellcheck shell=bash
# shellcheck disable=SC2034  # RATE and CPU are read by the benches

# median VALUE...
median()
{
	printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 }
		END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# show_side NAME UNIT VALUE...: all figures and their median.
show_side()
{
	local name=$1 unit=$2

	shift 2
	printf '  %-34s median %10.2f %s   (%s)\n' "$name" "$(median "$@")" "$unit" "$*"
}

# show_ratio WORDS AIM ABOVE... / BELOW...: the median of the ratios of each
# round.  The two sides of a round run right after each other, so what else the
# machine does weighs on both; between rounds it may differ a lot.
show_ratio()
{
	local words=$1 aim=$2 above=() ratios=() i

	shift 2
	while [ "$1" != / ]; do
		above+=("$1")
		shift
	done
	shift
	for ((i = 0; i < ${#above[@]}; i++)); do
		ratios+=("$(calculate "${above[i]} / $1")")
		shift
	done
	printf '  %-34s %.3f   (aim: %s; rounds: %s)\n' "$words" \
		"$(median "${ratios[@]}")" "$aim" "$(printf '%.2f ' "${ratios[@]}")"
}

calculate()
{
	awk "BEGIN { print $1 }"
}

show_machine()
{
	local model

	model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	say "machine: $(nproc) processors${model:+, $model}; load $(cut -d' ' -f1-3 /proc/loadavg)"
}

title()
{
	say
	say "$*"
	say "  load before: $(cut -d' ' -f1-3 /proc/loadavg)"
}

# Each bench has a database of its own, and with it a worker of its own.
bench_database()
{
	sql -d postgres -c "CREATE DATABASE bench_$1"
	export PGDATABASE=bench_$1
	sql -c "CREATE EXTENSION ecapi" -f "$BUILD/test/bench/events.sql"
}

drop_bench_database()
{
	local database=$PGDATABASE

	export PGDATABASE=postgres
	sql -c "DROP DATABASE $database"
}

set_delivery()
{
	sql -c "ALTER SYSTEM SET ecapi.delivery = $1" -c "SELECT pg_reload_conf()" >/dev/null
}

# The destination "bench"; $1 is the path of its URL.
bench_destination()
{
	sql -c "CREATE SERVER bench FOREIGN DATA WRAPPER ecapi
			OPTIONS (url 'http://127.0.0.1:$RECEIVER_PORT/$1', data_set_id 'bench',
					 mode 'live', batch_size '1000')" \
		-c "CREATE USER MAPPING FOR PUBLIC SERVER bench OPTIONS (access_token 'none')"
}

# emit_events FIRST LAST: in one statement, one transaction.
emit_events()
{
	sql -c "SELECT count(ecapi_emit(event => bench.purchase(n))) FROM generate_series($1::bigint, $2) n" >/dev/null
}

# Of all workers, where there are several.
worker_pid()
{
	sql -c "SELECT pid FROM pg_stat_activity
			WHERE backend_type = 'ecapi worker' AND datname = current_database()"
}

# cpu_seconds PIDS: user and system time of processes so far, and of those of this database
# that run users' SQL.
cpu_seconds()
{
	local pid

	for pid in $1 $(sql -At -c "SELECT pid FROM pg_stat_activity
			WHERE backend_type = 'ecapi enrichment worker' AND datname = current_database()"); do
		sed 's/^.*) //' "/proc/$pid/stat"
	done | awk -v ticks="$(getconf CLK_TCK)" '{ spent += $12 + $13 } END { print spent / ticks }'
}

# Events in the receiver's request log that were answered with success.
events_received()
{
	awk -F'\t' '$8 >= 200 && $8 < 300 { n += $9 } END { print n + 0 }' "$WORK/requests"
}

# drain EVENTS: resume the destination (RESUME: another statement) and wait until the receiver has got so
# many events more.  Sets RATE (events/s, from the call of ecapi.resume to the
# end of the request that brought the last of them, by the receiver's clock,
# which is ours) and CPU (microseconds of
# the worker, and of what runs users' SQL, for each event).
drain()
{
	local events=$1 before pid cpu began ended until=$((SECONDS + 600))

	before=$(events_received)
	pid=$(worker_pid)
	cpu=$(cpu_seconds "$pid")
	began=$EPOCHREALTIME
	sql -c "${RESUME:-SELECT ecapi.resume('bench')}" >/dev/null
	until [ "$(($(events_received) - before))" -ge "$events" ]; do
		((SECONDS < until)) || die "the events did not arrive: $(sql -x -c 'SELECT * FROM ecapi.destination')"
		sleep 0.2
	done
	ended=$(awk -F'\t' -v wanted="$((before + events))" \
		'$8 >= 200 && $8 < 300 { n += $9; if (n >= wanted) { printf "%.6f\n", $1 / 1e6; exit } }' "$WORK/requests")
	RATE=$(calculate "$events / ($ended - $began)")
	CPU=$(calculate "($(cpu_seconds "$pid") - $cpu) * 1e6 / $events")
}

pause()
{
	sql -c "SELECT ecapi.pause('bench')" >/dev/null
	wait_for "the destination is paused" \
		"SELECT state = 'paused' FROM ecapi.destination WHERE destination = 'bench'" 60
}

wait_until_delivered()
{
	wait_for "the destination has nothing left to send" \
		"SELECT backlog = 0 FROM ecapi.destination WHERE destination = 'bench'" 600
}

# A receiver that only counts; its request log is $WORK/requests.
start_counting_receiver()
{
	[ -z "${RECEIVER_PID:-}" ] || stop_receiver
	: >"$WORK/requests"
	[ "$(id -u)" != 0 ] || chown postgres: "$WORK/requests"
	start_receiver --http --no-check --no-store --requests "$WORK/requests"
}

stop_receiver()
{
	forget_started "$RECEIVER_PID"
	kill -TERM "$RECEIVER_PID"
	wait "$RECEIVER_PID" || true
	RECEIVER_PID=
}
