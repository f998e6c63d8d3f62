#!/bin/bash
# chaos.sh - nothing is lost and nothing is sent that should not be, while
# everything goes wrong.
#
#	test/chaos.sh [--kills N] [SECONDS [SEED]]		default: 60 seconds, a seed of the clock
#
# Installs missing packages, builds, and runs chaos/run.pl, whose head says what
# happens and what is compared, against a throw-away server and the test receiver
# on loopback (lib.sh says how).  The same seed takes the same decisions; the
# machine's timing differs.
#
# --kills N: kill the postmaster N times, each time after something has arrived
# since the last.
#
# Exit status 0 only if, at each of four destinations, no committed event is
# missing, none arrived that was not committed, and every repeat came under the
# same id with the same bytes.  Leaves nothing running and nothing behind.
set -euo pipefail

# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

USAGE='usage: test/chaos.sh [--kills N] [SECONDS [SEED]]'
KILLS=0
if [ "${1:-}" = --kills ]; then
	KILLS=${2:-}
	shift 2 || die "$USAGE"
fi
SECONDS_TO_RUN=${1:-60}
SEED=${2:-$(($(date +%s) % 1000000))}
[ $# -le 2 ] || die "$USAGE"
for number in "$KILLS" "$SECONDS_TO_RUN" "$SEED"; do
	case $number in
		'' | *[!0-9]*) die "$USAGE" ;;
	esac
done

make_ready
make_logged test/receiver || die "the receiver could not be built"

"${AS_SERVER[@]}" mkdir -m 700 "$WORK/chaos"
attend "${AS_SERVER[@]}" perl "$BUILD/test/chaos/run.pl" --bindir "$BINDIR" --dir "$WORK/chaos" \
	--receiver "$BUILD/test/receiver/receiver" --seconds "$SECONDS_TO_RUN" --seed "$SEED" \
	--kills "$KILLS" || {
	LOGS+=("$WORK/chaos/server.log" "$WORK/chaos/sql.log" "$WORK/chaos/programs.log")
	die "seed $SEED"
}
say "all that was committed has arrived, and nothing else"
