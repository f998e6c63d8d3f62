#!/bin/bash
# demo.sh - from a shop's commits to a receiver that checks them.
#
#	test/demo.sh					the purchases of ../shared/data/cdnow_sample.txt
#									beside the clone; where there are none, random ones
#	test/demo.sh --random [SEED]	random ones in any case
#
# Installs missing packages, builds, starts a throw-away server and the test
# receiver on loopback (lib.sh says how), makes a small shop (demo/shop.sql)
# and lets four connections work in it (demo/writers.awk), several orders a
# transaction, with rollbacks, savepoints, late commits and prepared
# transactions, while their events arrive.  When the destination has nothing
# left to send, what the shop's tables hold is compared with what the receiver
# wrote down (demo/result.sql).
#
# Exit status 0 only if every committed event arrived, none arrived that was
# not committed, every amount is right and the receiver's own checks of the
# standard refused none.  Leaves nothing running and nothing behind.
set -euo pipefail

# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

LOG_FILE=$REPO/../shared/data/cdnow_sample.txt
WRITERS=4
SEED=$(($(date +%s) % 1000000))

case ${1:-} in
	'') ;;
	--random) LOG_FILE= ; SEED=${2:-$SEED} ;;
	*) die "usage: test/demo.sh [--random [SEED]]" ;;
esac

# As many lines as a small shop has in a year and a half, in the same columns.
random_purchases()
{
	awk -v seed="$SEED" 'BEGIN {
		srand(seed)
		for (customer = 1; customer <= 1200; customer++)
			for (n = 1 + int(-log(1 - rand()) * 2); n > 0; n--)
				printf "%05d %04d 1997%02d%02d %2d %7.2f\n", customer * 10, customer,
					1 + int(rand() * 12), 1 + int(rand() * 28), 1 + int(rand() * 4),
					rand() < 0.01 ? 0 : 5 + rand() * 80
	}'
}

make_shop()
{
	"${AS_SERVER[@]}" "$BINDIR/createdb" shop
	export PGDATABASE=shop
	printf 'demo-token\n' | "${AS_SERVER[@]}" tee "$WORK/credentials/demo.token" >/dev/null
	awk 'NF == 5 { print $2 + 0 }' "$WORK/purchases" >"$WORK/customers"
	sql <<-END
		CREATE EXTENSION ecapi;
		CREATE TEMP TABLE log (customer integer);
		COPY log FROM '$WORK/customers';
		\i $BUILD/test/demo/shop.sql
		CREATE SERVER demo FOREIGN DATA WRAPPER ecapi
		    OPTIONS (url 'http://127.0.0.1:$RECEIVER_PORT/events', data_set_id 'demo',
		             mode 'live', linger '0');
		CREATE USER MAPPING FOR PUBLIC SERVER demo OPTIONS (access_token_file 'demo.token');
	END
}

start_writers()
{
	local writer

	"${AS_SERVER[@]}" mkdir "$WORK/writers"
	"${AS_SERVER[@]}" awk -v seed="$SEED" -v writers="$WRITERS" -v dir="$WORK/writers" \
		-f "$BUILD/test/demo/writers.awk" "$WORK/purchases"
	say "$WRITERS connections:" \
		"$(count_in_scripts '^COMMIT;') commits ($(count_in_scripts pg_sleep) of them late)," \
		"$(count_in_scripts '^ROLLBACK;') rollbacks," \
		"$(count_in_scripts '^ROLLBACK TO') savepoints rolled back," \
		"$(count_in_scripts '^COMMIT PREPARED') prepared and committed later," \
		"$(count_in_scripts '^ROLLBACK PREPARED') prepared and rolled back"
	WRITER_PIDS=()
	for ((writer = 1; writer <= WRITERS; writer++)); do
		"${AS_SERVER[@]}" "$BINDIR/psql" -X -q -v ON_ERROR_STOP=1 -o /dev/null \
			-f "$WORK/writers/$writer.sql" </dev/null &
		WRITER_PIDS+=($!)
		STARTED+=($!)
	done
}

count_in_scripts()
{
	cat "$WORK"/writers/*.sql | grep -c -- "$1" || true
}

writers_at_work()
{
	local pid

	for pid in "${WRITER_PIDS[@]}"; do
		kill -0 "$pid" 2>/dev/null && return 0
	done
	return 1
}

# A line of figures as things stand.  What has arrived is read first and what was
# committed after it, in one statement with the backlog: so a line never shows more
# arrived than committed.
show_progress()
{
	local arrived committed backlog

	arrived=$(wc -l <"$WORK/received")
	IFS='|' read -r committed backlog < <(sql -c "SELECT (SELECT count(*) FROM shop.committed), backlog
		FROM ecapi.destination WHERE destination = 'demo'")
	printf '%6.1f s   committed %6s   arrived %6s   backlog %6s\n' \
		"$(seconds_since "$began")" "$committed" "$arrived" "$backlog"
	[ "$arrived" -le "$committed" ] || die "more has arrived than was committed"
}

seconds_since()
{
	awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'
}

watch_writers()
{
	local pid

	while writers_at_work; do
		sleep 2		# a line of figures every two seconds, for the reader
		show_progress
	done
	for pid in "${WRITER_PIDS[@]}"; do
		forget_started "$pid"
		wait "$pid" || die "a writer failed"
	done
}

# --------------------------------------------------------------------- main

make_ready

if [ -n "$LOG_FILE" ] && [ -f "$LOG_FILE" ]; then
	cp "$LOG_FILE" "$WORK/purchases"
	say "replaying $(awk 'NF == 5' "$WORK/purchases" | wc -l) real purchases, seed $SEED"
else
	random_purchases >"$WORK/purchases"
	say "replaying $(wc -l <"$WORK/purchases") random purchases, seed $SEED"
fi
chmod 644 "$WORK/purchases"

mapfile -t settings < <(preload_settings)
start_cluster "${settings[@]}"
start_receiver --http --expect-auth 'Bearer demo-token' --out "$WORK/received"
make_shop

began=$EPOCHREALTIME
start_writers
watch_writers
wait_for "the destination has nothing left to send" \
	"SELECT backlog = 0 FROM ecapi.destination WHERE destination = 'demo'" 180 || {
	sql -x -c "SELECT * FROM ecapi.destination" >&2
	sql -c "SELECT * FROM ecapi.check()" >&2
	die "events were left"
}
seconds=$(seconds_since "$began")
show_progress
say

sql -v received="$WORK/received" -v seconds="$seconds" -f "$BUILD/test/demo/result.sql" |
	tee "$WORK/result" | sed '$d'
LOGS=()
if [ "$(tail -n 1 "$WORK/result")" = t ]; then
	say "all that was committed has arrived, and nothing else"
else
	die "what arrived is not what was committed"
fi
