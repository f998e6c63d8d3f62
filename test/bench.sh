#!/bin/bash
# bench.sh - how fast it is, against what it could be.
#
#	test/bench.sh [-n EVENTS] [-r ROUNDS] [-t SECONDS] [NAME...]
#
#	emit			ecapi_emit against a plain INSERT
#	capture			a tracked table against an untracked one
#	deliver			delivery of a backlog against the pure transform
#	transform		the pure transform, stage by stage
#	latency			from COMMIT to receipt, against posting it oneself
#	held-snapshot	delivery under an old snapshot against without
#	steady			the same at a steady rate, over time
#	enrich			delivery through an enrichment against without
#	consent			delivery by consent strings against without a look at them
#	fanout			a further destination, by format, against the pure transform
#	shares			delivery beside nine receivers that never answer against alone
#	isolation		delivery beside destinations that misbehave against alone
#	workers			delivery of a backlog by two and four workers against one
#	documents		capture of documents of many shapes and sizes
#	routes			delivery beside 199 destinations of other shops against alone
#	stat			delivery with statistics against a library without
#	fit				ecapi.fit with many orders a customer against with few
#	report			a report of a day of a million events, and each of its statements
#	kafka			delivery of a backlog to Kafka against its producer alone
#	metrics			ecapi.metrics() over a large outbox, in two states
#
# -n is the size of a backlog or of one bulk statement, or of fit's customers (200000; of report
# 1000000), -r how often
# each side is measured (3), -t the seconds of a timed side (10; latency 20).
# Without a name all of them run, in a shorter form.  Each file in bench/ says
# what its two sides are.  Everything runs in one throw-away server with
# fsync on and autovacuum off (both sides are spared it), on an idle machine
# if you want figures worth keeping.
set -euo pipefail

# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=test/bench/common.sh
. "$REPO/test/bench/common.sh"
# shellcheck source=test/bench/emit.sh
. "$REPO/test/bench/emit.sh"
# shellcheck source=test/bench/capture.sh
. "$REPO/test/bench/capture.sh"
# shellcheck source=test/bench/deliver.sh
. "$REPO/test/bench/deliver.sh"
# shellcheck source=test/bench/transform.sh
. "$REPO/test/bench/transform.sh"
# shellcheck source=test/bench/latency.sh
. "$REPO/test/bench/latency.sh"
# shellcheck source=test/bench/held_snapshot.sh
. "$REPO/test/bench/held_snapshot.sh"
# shellcheck source=test/bench/steady.sh
. "$REPO/test/bench/steady.sh"
# shellcheck source=test/bench/isolation.sh
. "$REPO/test/bench/isolation.sh"
# shellcheck source=test/bench/workers.sh
. "$REPO/test/bench/workers.sh"
# shellcheck source=test/bench/enrich.sh
. "$REPO/test/bench/enrich.sh"
# shellcheck source=test/bench/consent.sh
. "$REPO/test/bench/consent.sh"
# shellcheck source=test/bench/routes.sh
. "$REPO/test/bench/routes.sh"
# shellcheck source=test/bench/shares.sh
. "$REPO/test/bench/shares.sh"
# shellcheck source=test/bench/documents.sh
. "$REPO/test/bench/documents.sh"
# shellcheck source=test/bench/fanout.sh
. "$REPO/test/bench/fanout.sh"
# shellcheck source=test/bench/stat.sh
. "$REPO/test/bench/stat.sh"
# shellcheck source=test/bench/fit.sh
. "$REPO/test/bench/fit.sh"
# shellcheck source=test/bench/report.sh
. "$REPO/test/bench/report.sh"
# shellcheck source=test/bench/kafka.sh
. "$REPO/test/bench/kafka.sh"
# shellcheck source=test/bench/metrics.sh
. "$REPO/test/bench/metrics.sh"

EVENTS=
ROUNDS=3
SPAN_GIVEN=
names=()

while [ $# -gt 0 ]; do
	case $1 in
		-n) EVENTS=${2:?}; shift ;;
		-r) ROUNDS=${2:?}; shift ;;
		-t) SPAN_GIVEN=${2:?}; shift ;;
		emit | capture | deliver | transform | latency | held-snapshot | steady | enrich | consent | routes | shares | isolation | workers | documents | fanout | stat | fit | report | kafka | metrics) names+=("$1") ;;
		*) die "usage: test/bench.sh [-n EVENTS] [-r ROUNDS] [-t SECONDS] [emit|capture|deliver|transform|latency|held-snapshot|steady|enrich|consent|routes|shares|isolation|workers|documents|fanout|stat|fit|report|kafka|metrics]..." ;;
	esac
	shift
done
if [ ${#names[@]} = 0 ]; then
	names=(emit capture deliver transform latency held-snapshot steady enrich consent routes shares isolation workers documents fanout stat fit report kafka metrics)
	EVENTS=${EVENTS:-50000}
	SPAN_GIVEN=${SPAN_GIVEN:-5}
fi
EVENTS_GIVEN=$EVENTS
EVENTS=${EVENTS:-200000}

make_ready
mapfile -t settings < <(preload_settings)
# WAL segments are used again, as in a server that has run for a while: making
# a new one costs as much as filling it.
start_cluster "${settings[@]}" shared_buffers=1GB max_wal_size=16GB min_wal_size=8GB checkpoint_timeout=1h \
	autovacuum=off max_connections=50
show_machine
for name in "${names[@]}"; do
	SPAN=${SPAN_GIVEN:-10}
	[ "$name" != latency ] || SPAN=${SPAN_GIVEN:-20}
	"bench_$name"
done
say
show_machine
LOGS=()
