# fit.sh - what a fit costs with many customers, and that orders cost it no memory; sourced
# by bench.sh.
#
# One shop of $EVENTS customers, twice: with about two orders a customer, and with about
# five, in a table of their own each, with all that ecapi.fit does: the history is read
# through the track, models are judged on what was held out, the first order is learnt,
# scores are written.  Printed are the backend's processor time and the largest part of
# its memory that is its own (RssAnon: no shared buffers), looked at ten times a second.
# Memory is bounded by customers where the ratio of both sides stays near 1.
#
# shellcheck shell=bash

# fit_side TABLE: sets FIT_CPU (seconds), FIT_MEMORY (MB) and FIT_SECONDS.
fit_side()
{
	local began=$EPOCHREALTIME psql pid='' stat='' now peak=0 output=$WORK/fit_output

	: >"$output"
	[ "$(id -u)" != 0 ] || chown postgres: "$output"
	"${AS_SERVER[@]}" "$BINDIR/psql" -X -q -At -v ON_ERROR_STOP=1 -o "$output" \
		-c "SELECT pg_backend_pid()" \
		-c "SELECT ecapi.fit('fit.$1', scores => 'fit.$1_scores', force => true)" \
		-c "SELECT 'fitted'" -c "SELECT pg_sleep(600)" >"$WORK/fit_report" 2>&1 </dev/null &
	psql=$!
	until pid=$(sed -n 1p "$output") && [ -n "$pid" ]; do sleep 0.1; done
	# The last figures are taken while the session still stands.
	until grep -q fitted "$output"; do
		kill -0 "$psql" || die "the fit failed: $(tail -n 5 "$WORK/fit_report")"
		now=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")
		[ "${now:-0}" -le "$peak" ] || peak=$now
		sleep 0.1
	done
	stat=$(cpu_seconds "$pid")
	FIT_SECONDS=$(calculate "$EPOCHREALTIME - $began")
	sql -c "SELECT pg_terminate_backend($pid)" >/dev/null
	wait "$psql" || true
	FIT_CPU=$stat
	FIT_MEMORY=$(calculate "$peak / 1024")
}

# fit_orders TABLE MEAN: orders of two years; the first ones in the first half, the others
# after exponential gaps, as long as a customer stays.
fit_orders()
{
	sql -c "CREATE TABLE fit.$1 (order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_no int, total numeric(10,2), ordered_at timestamptz)" \
		-c "INSERT INTO fit.$1 (customer_no, total, ordered_at)
			SELECT c, (20 + 60 * fit.chance('spends', c, 0)) * (0.5 + fit.chance('spent', c, n)), '2024-01-01'::timestamptz + at * interval '1 day'
			FROM (SELECT c, n, 300 * fit.chance('first', c, 0)
					+ sum(CASE WHEN n > 0 THEN -365.0 / $2 * ln(fit.chance('gap', c, n)) ELSE 0 END) OVER (PARTITION BY c ORDER BY n) AS at,
					300 * fit.chance('first', c, 0) - 400 * ln(fit.chance('stays', c, 0)) AS leaves
				FROM generate_series(1, $EVENTS) c, generate_series(0, 3 * $2) n) o
			WHERE at < least(leaves, 730) ORDER BY at" \
		-c "SET client_min_messages = warning" -c "ANALYZE fit.$1" \
		-c "SELECT ecapi.track('fit.$1', 'purchase', mapping => '{\"value\": \"total\", \"currency_code\": \"''EUR''\",
			\"timestamp\": \"ordered_at\", \"user_data.customer_identifier\": \"customer_no\"}')" >/dev/null
	say "  $1: $(sql -c "SELECT count(*) || ' orders of ' || count(DISTINCT customer_no) || ' customers' FROM fit.$1")"
}

bench_fit()
{
	local round side few_cpu=() many_cpu=() few_mb=() many_mb=() few_s=() many_s=()

	title "fit, $EVENTS customers, $ROUNDS rounds, delivery off"
	set_delivery off
	bench_database fit
	sql -c "CREATE SCHEMA fit" \
		-c "CREATE FUNCTION fit.chance(text, int, int) RETURNS float8 LANGUAGE sql IMMUTABLE
			RETURN ((hashtextextended(\$1, (\$2::bigint << 16) + \$3) & 1048575) + 0.5) / 1048576"
	fit_orders few 2
	fit_orders many 8
	for ((round = 1; round <= ROUNDS; round++)); do
		for side in few many; do
			fit_side "$side"
			if [ "$side" = few ]; then
				few_cpu+=("$FIT_CPU") few_mb+=("$FIT_MEMORY") few_s+=("$FIT_SECONDS")
			else
				many_cpu+=("$FIT_CPU") many_mb+=("$FIT_MEMORY") many_s+=("$FIT_SECONDS")
			fi
		done
	done
	sed -n "/orders of/p; /scores are in/p" "$WORK/fit_report"
	show_side "few orders" s "${few_s[@]}"
	show_side "many orders" s "${many_s[@]}"
	show_side "few orders, processor time" s "${few_cpu[@]}"
	show_side "many orders, processor time" s "${many_cpu[@]}"
	show_side "few orders, memory" MB "${few_mb[@]}"
	show_side "many orders, memory" MB "${many_mb[@]}"
	show_ratio "memory, many / few" "about 1" "${many_mb[@]}" / "${few_mb[@]}"
	drop_bench_database
}
