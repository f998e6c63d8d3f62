# kafka.sh - how fast a backlog is delivered to Kafka; sourced by bench.sh.
#
# Against the producer alone (produce.c): the same library hands the same messages to the same
# cluster, in requests of 1,000 of which four are on their way, in one process without a server.
# The other side is the whole path: a paused destination with a backlog is resumed, and its
# events are acknowledged.  The cluster is librdkafka's mock (test/kafka/mock), one process that
# takes a processor of its own; its time is shown, for on two processors it is what limits both
# sides.
#
# shellcheck shell=bash

# Start the cluster; sets KAFKA_BROKERS and KAFKA_PID.  A reader of nothing keeps it alive.
start_kafka()
{
	local i log=$WORK/kafka.log

	make_logged test/kafka || return 1
	: >"$log"
	mkfifo "$WORK/kafka.commands"
	[ "$(id -u)" != 0 ] || chown postgres: "$log" "$WORK/kafka.commands"
	"${AS_SERVER[@]}" "$BUILD/test/kafka/mock" -b 3 <"$WORK/kafka.commands" >"$log" 2>&1 &
	KAFKA_PID=$!
	STARTED+=("$KAFKA_PID")
	exec 7>"$WORK/kafka.commands"
	for ((i = 0; i < 300; i++)); do
		grep -q '^ready' "$log" && break
		sleep 0.1
	done
	KAFKA_BROKERS=$(sed -n 's/^bootstrap //p' "$log")
	[ -n "$KAFKA_BROKERS" ] || die "the cluster did not start"
	printf 'topic bench 12\n' >&7
}

stop_kafka()
{
	exec 7>&-
	forget_started "$KAFKA_PID"
	wait "$KAFKA_PID" || true
	rm "$WORK/kafka.commands"
}

# Resume the destination and wait until $1 events more are delivered; sets RATE and CPU.
drain_kafka()
{
	local events=$1 before pid cpu began until=$((SECONDS + 600))

	before=$(sql -c "SELECT delivered FROM ecapi.destination WHERE destination = 'bench'")
	pid=$(worker_pid)
	cpu=$(cpu_seconds "$pid")
	began=$EPOCHREALTIME
	sql -c "SELECT ecapi.resume('bench')" >/dev/null
	until [ "$(sql -c "SELECT delivered FROM ecapi.destination WHERE destination = 'bench'")" -ge "$((before + events))" ]; do
		((SECONDS < until)) || die "the events did not arrive: $(sql -x -c 'SELECT * FROM ecapi.destination')"
		sleep 0.05
	done
	RATE=$(calculate "$events / ($EPOCHREALTIME - $began)")
	CPU=$(calculate "($(cpu_seconds "$pid") - $cpu) * 1e6 / $events")
}

bench_kafka()
{
	local round produce=() produce_cpu=() deliver=() cpu=() cluster=() before answer

	title "kafka, $EVENTS events (email, phone, address, two items), requests of 1,000, $ROUNDS rounds"
	make_here -C test/bench produce >"$WORK/bench.log" 2>&1 || { cat "$WORK/bench.log" >&2; die "the producer was not built"; }
	set_delivery on
	start_kafka
	bench_database kafka
	sql -c "CREATE SERVER bench FOREIGN DATA WRAPPER ecapi
			OPTIONS (format 'kafka', bootstrap_servers '$KAFKA_BROKERS', security_protocol 'plaintext',
					 topic 'bench', data_set_id 'bench', mode 'live')"
	pause
	for ((round = 1; round <= ROUNDS; round++)); do
		emit_events "$(((round - 1) * EVENTS + 1))" "$((round * EVENTS))"
		sql -c "CHECKPOINT"
		before=$(cpu_seconds "$KAFKA_PID")
		answer=$("${AS_SERVER[@]}" "$BUILD/test/bench/produce" "$KAFKA_BROKERS" bench "$EVENTS" 1000 4)
		cluster+=("$(calculate "($(cpu_seconds "$KAFKA_PID") - $before) * 1e6 / $EVENTS")")
		produce+=("${answer% *}")
		produce_cpu+=("${answer#* }")
		drain_kafka "$EVENTS"
		deliver+=("$RATE")
		cpu+=("$CPU")
		wait_until_delivered
		pause
	done
	show_side "producer alone" events/s "${produce[@]}"
	show_side "delivery" events/s "${deliver[@]}"
	show_ratio "delivery / producer" "none" "${deliver[@]}" / "${produce[@]}"
	show_side "producer alone, processor time" us/event "${produce_cpu[@]}"
	show_side "worker and its threads, the same" us/event "${cpu[@]}"
	show_side "the mock cluster, the same" us/event "${cluster[@]}"
	drop_bench_database
	stop_kafka
}
