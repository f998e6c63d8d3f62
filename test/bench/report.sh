# report.sh - how long a report takes over a day of a million events; sourced by bench.sh.
#
# EVENTS events (1,000,000, or -n) are delivered to one destination and go through another
# one in shadow mode, in requests of up to 1,000.  The ledger has as many rows as for a day
# of 24 hours.  Then as many requests are written into the log as there are events, as a
# receiver would leave that takes one event a request: of 40 bytes of id and with an error
# in one of twenty.
#
# Both reports are timed whole, and after them the statement of each section.  Processor
# time is that of the session, and figures are of one process: with parallel workers, whose
# time is not counted, a report takes no more.
#
# shellcheck shell=bash

# The statements of a report, in the order of src/report/report_call.c; $1 is the span.
report_statements()
{
	printf '%s\t%s\n' \
		"whole report" "SELECT length(ecapi.report($1))" \
		"  outcomes" "SELECT count(*) FROM ecapi_internal.report_outcomes($1)" \
		"  committed, in the outbox" "SELECT count(*) FROM ecapi_internal.report_committed($1)" \
		"  values" "SELECT count(*) FROM ecapi_internal.report_values($1)" \
		"  reasons" "SELECT count(*) FROM ecapi_internal.report_reasons($1)" \
		"  answers" "SELECT count(*) FROM ecapi_internal.report_answers($1)" \
		"  requests" "SELECT count(latency_ms) FROM ecapi_internal.report_requests($1)" \
		"  consent" "SELECT count(*) FROM ecapi.consent_report($1)" \
		"  destinations" "SELECT count(*) FROM ecapi.destination" \
		"  the doctor" "SELECT count(*) FROM ecapi.check()"
}

# time_statement SQL: ELAPSED and PROCESSOR, milliseconds, of its second run in a session.
time_statement()
{
	local said

	said=$(sql -c "SET max_parallel_workers_per_gather = 0" -c "$1" -c "SET client_min_messages = log" -c "SET log_statement_stats = on" -c "$1" 2>&1 |
		awk '/ s elapsed/ { used = ($2 + $5) * 1000; took = $8 * 1000 } END { print took, used }')
	read -r ELAPSED PROCESSOR <<<"$said"
}

# Time all statements in each round, and show them by the median.
show_report()
{
	local span="now() - interval '1 day', now() + interval '1 hour'" round name statement

	for ((round = 1; round <= ROUNDS; round++)); do
		while IFS=$'\t' read -r name statement; do
			time_statement "$statement"
			printf '%s\t%s\t%s\n' "$name" "$ELAPSED" "$PROCESSOR"
		done < <(report_statements "$span")
	done >"$WORK/report_times"
	while IFS=$'\t' read -r name statement; do
		mapfile -t elapsed < <(awk -F'\t' -v name="$name" '$1 == name { print $2 }' "$WORK/report_times")
		mapfile -t used < <(awk -F'\t' -v name="$name" '$1 == name { print $3 }' "$WORK/report_times")
		printf '  %-28s median %8.0f ms, processor time %8.0f ms   (%s)\n' "$name" "$(median "${elapsed[@]}")" "$(median "${used[@]}")" "${elapsed[*]}"
	done < <(report_statements "$span")
}

bench_report()
{
	local events=$EVENTS first

	# what the aim is about, unless the caller has said how many
	[ -n "$EVENTS_GIVEN" ] || events=1000000
	title "report, $events events in one day, $ROUNDS rounds (aim: less than 3000 ms)"
	set_delivery on
	start_counting_receiver
	bench_database report
	bench_destination report
	sql -c "CREATE SERVER shadow FOREIGN DATA WRAPPER ecapi
			OPTIONS (url 'http://127.0.0.1:$RECEIVER_PORT/shadow', data_set_id 'bench', mode 'shadow', batch_size '1000')" \
		-c "CREATE USER MAPPING FOR PUBLIC SERVER shadow OPTIONS (access_token 'none')"
	for ((first = 1; first <= events; first += 100000)); do
		emit_events "$first" "$((first + 99999 < events ? first + 99999 : events))"
	done
	wait_for "all is delivered" "SELECT bool_and(backlog = 0) AND count(*) = 2 FROM ecapi.destination" 1800
	sql -c "INSERT INTO ecapi.ledger (hour, destination, event_type, currency, outcome, reason, events, value)
			SELECT hour - n * interval '1 hour', destination, event_type, currency, outcome, reason, events / 24, round(value / 24, 2)
			FROM ecapi.ledger, generate_series(1, 23) n" -c "VACUUM ANALYZE"
	say "  $(sql -c "SELECT count(*) FROM ecapi.outbox") events, $(sql -c "SELECT count(*) FROM ecapi.request") requests, $(
		sql -c "SELECT pg_size_pretty(sum(pg_total_relation_size(relid))) FROM pg_partition_tree('ecapi.outbox') WHERE isleaf") of outbox"
	show_report
	# latencies like those of receivers: half of them below 80 ms, one of a hundred above a second
	sql -c "INSERT INTO ecapi.request (request_id, sent_at, latency_ms, events, attempt, status, slot, server, destination, outcome, error, receiver_request_id, seqs, arrived)
			SELECT nextval('ecapi.request_seq'), r.sent_at - n * interval '80 ms',
				round((80 * exp(sqrt(-2 * ln((hashint8(n) & 1048575) / 1048576.0 + 1e-7)) * cos(6.2832 * (hashint8(-n) & 1048575) / 1048576)))::numeric, 3), 1, 1,
				CASE WHEN n % 20 = 0 THEN 503 ELSE 200 END, r.slot, r.server, 'bench' || n % 3, CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'delivered' END,
				CASE WHEN n % 20 = 0 THEN 'HTTP status 50' || n % 4 END, md5(n::text) || 'requests', int8multirange(int8range(n, n + 1)), n % 20 <> 0
			FROM (SELECT sent_at, slot, server FROM ecapi.request WHERE latency_ms IS NOT NULL LIMIT 1) r, generate_series(1, $events) n" \
		-c "VACUUM ANALYZE ecapi.request"
	say "  as many requests as events: $(sql -c "SELECT count(*) FROM ecapi.request")"
	show_report
	stop_receiver
	drop_bench_database
}
