#!/bin/bash
# fuzz.sh - a short run of each harness, as a test.  Prints TAP.
#
#	test/fuzz/fuzz.sh [HARNESS...]	default: those in FUZZ_HARNESSES, else all
#
# Each run tries the harness's seeds, then as many inputs made from them as
# FUZZ_RUNS says (20000).  That number is fixed and the seed of chance is
# printed, so that a run can be repeated (FUZZ_SEED=N).  The harnesses must
# have been built (make -C test/fuzz).  What a harness failed on is shown, and
# stays as bin/HARNESS-crash-... .
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
read -ra harnesses <<<"${*:-${FUZZ_HARNESSES:-}}"
[ ${#harnesses[@]} -gt 0 ] || mapfile -t harnesses < <(cd corpus && printf '%s\n' *)
runs=${FUZZ_RUNS:-20000}
seed=${FUZZ_SEED:-$((1 + RANDOM * 32768 + RANDOM))}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What a run failed on, so that it can be had from the report alone.
show_failure()
{
	local file

	grep -vE '^#[0-9]+[[:space:]]' "$work/log" | tail -n 60
	for file in "bin/$1"-{crash,timeout,oom,leak}-*; do
		[ ! -e "$file" ] || printf '%s in base64: %s\n' "$file" "$(head -c 4096 "$file" | base64 -w 0)"
	done
}

# run HARNESS NUMBER: what it learns goes to the first directory it is given.
# It says how many inputs it tried; without that line it did not end well.
run()
{
	rm -rf "$work/learnt"
	mkdir "$work/learnt"
	if "bin/$1" -runs="$runs" -seed="$seed" -max_len=4096 -timeout=60 -rss_limit_mb=1024 \
		-dict=event.dict -artifact_prefix="bin/$1-" "$work/learnt" "corpus/$1" >"$work/log" 2>&1 &&
		grep -q '^Done [0-9]* runs' "$work/log"; then
		printf 'ok %d - %s\n' "$2" "$1"
	else
		printf 'not ok %d - %s\n' "$2" "$1"
		show_failure "$1" | sed 's/^/# /' >&2
		failed=1
	fi
}

failed=0
number=0
echo "# $runs inputs a harness, seed $seed"
for harness in "${harnesses[@]}"; do
	run "$harness" $((++number))
done
echo "1..$number"
exit "$failed"
