# parts.sh - the parts of a test run, counted; sourced behind lib.sh, never run.
#
#	read_parts ARGUMENT...	what a command line asks for: sets parts, and names of tests in one
#	part_house, part_unit, part_fuzz, part_regress, part_isolation, part_tap [NAME...]
#						run all of a part, or only those; each counts what it ran
#	count PART PASSED FAILED [SKIPPED]
#						add to the sums, and say them
#	build_counted			build, which counts as one test
#	finish				the closing line "N passed, N failed", and the exit status
#	tap_environment		before part_house, part_unit, part_fuzz or part_tap
#
# What is counted: each rule of house.sh, each ok line of a unit or TAP program
# (tap.pl says how one that dies counts), a short run of each fuzzing harness
# (fuzz/fuzz.sh), each file of regress and isolation tests, and, after each of
# these two, one test that no server process crashed meanwhile or said at the end of a
# transaction that something was not given back ("logs" for TAP programs, whose servers are
# also killed on purpose).  A part without any test has failed, so has one whose server
# does not start.
#
# Regress and isolation tests run by "make installcheck"; from 16 on it says "ok 1 - name"
# of a test, before "test name ... ok".  RUNNER_OPTIONS of a caller go
# to pg_regress and its sister for isolation tests.
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # some are read or set by the commands

RUNNER_OPTIONS=()
PASSED=0
FAILED=0
SKIPPED=0

# What a server says that fails an assertion or dies of a signal, and what it says at the end
# of a transaction, or of a piece of memory, of what was left or written over.  "runtime error"
# is UBSan's: a process of the server has written its title over the environment before UBSan
# reads there that a file is to have it.
FAULTS='TRAP:|was terminated by signal (4|6|7|8|11):|: runtime error: '
FAULTS+='|WARNING: .*(leak(ed|ing)? |leak:|still active|not closed at end|write past chunk end'
FAULTS+='|problem in (alloc set|Generation|slab)|non-empty SPI stack)'

# faults PATTERN FILE...: such lines, but those that the server writes without the extension, too:
# the apply worker of 15.18 leaves partitions open whose row triggers it has run.
faults()
{
	local known='^$'

	case $("$PG_CONFIG" --version) in
		*' 15.18'*) known='logical replication worker WARNING:  relcache reference leak' ;;
	esac
	grep -rhsE "$@" | grep -vE "$known"
}

read_parts()
{
	local argument

	parts=()
	names=()
	for argument in "$@"; do
		case $argument in
			house | unit | fuzz | regress | isolation | tap) parts+=("$argument") ;;
			-*) die "usage: test/$(basename "$0") ... [house|unit|fuzz|regress|isolation|tap] [NAME...]" ;;
			*) names+=("$argument") ;;
		esac
	done
	[ ${#names[@]} = 0 ] || [ ${#parts[@]} = 1 ] || die "names go with one part only"
}

# count PART PASSED FAILED [SKIPPED]
count()
{
	PASSED=$((PASSED + $2))
	FAILED=$((FAILED + $3))
	SKIPPED=$((SKIPPED + ${4:-0}))
	say "== $1: $2 passed, $3 failed${4:+, $4 skipped}"
	say
}

finish()
{
	[ "$SKIPPED" = 0 ] || say "skipped: $SKIPPED"
	say "$PASSED passed, $FAILED failed"
	LOGS=()
	[ "$FAILED" = 0 ] && [ "$PASSED" -gt 0 ]
	exit
}

# The build, as one test; without it there is no other.
build_counted()
{
	if build; then
		count build 1 0
	else
		count build 0 1
		finish
	fi
}

# run_tap PART PROGRAM...
run_tap()
{
	local part=$1 passed=0 failed=1 skipped=0

	shift
	if [ $# = 0 ]; then
		say "no $part test was found" >&2
		count "$part" 0 1
		return
	fi
	rm -f "$WORK/counts"
	attend "${AS_SERVER[@]}" "${TAP_ENVIRONMENT[@]}" perl "$BUILD/test/tap.pl" \
		"$WORK/counts" "${ECAPI_JOBS:-$(nproc)}" "$@" 2>&1 || true
	[ ! -s "$WORK/counts" ] || read -r passed failed skipped <"$WORK/counts"
	count "$part" "$passed" "$failed" "$skipped"
}

# ------------------------------------------------------------------- parts

part_house()
{
	TAP_ENVIRONMENT+=("ECAPI_LIBRARY=$BUILD/ecapi.so")
	run_tap house test/house.sh
}

part_unit()
{
	local programs=() name

	if ! make_logged test/unit; then
		count unit 0 1
		return
	fi
	for name in "$@"; do
		programs+=("test/unit/bin/$name")
	done
	if [ $# = 0 ]; then
		mapfile -t programs < <(cd "$BUILD" && find test/unit/bin -type f -perm -u+x 2>/dev/null | sort)
	fi
	run_tap unit "${programs[@]}"
}

part_fuzz()
{
	need_packages "${FUZZ_PACKAGES[@]}"
	if ! make_logged test/fuzz; then
		count fuzz 0 1
		return
	fi
	TAP_ENVIRONMENT+=("FUZZ_HARNESSES=$*")
	run_tap fuzz test/fuzz/fuzz.sh
}

# The throw-away server of regress and isolation tests, started once.
server_for_tests()
{
	local settings

	[ -z "${SERVER_STARTED:-}" ] || return 0
	mapfile -t settings < <(preload_settings)
	start_cluster fsync=off "${settings[@]}" || return 1
	SERVER_STARTED=1
}

# run_files PART FOLDER SUFFIX VARIABLE NAME...: the test files of pg_regress or of its
# sister for isolation tests, of which VARIABLE of the Makefile has the names.  Each
# file is one test.
run_files()
{
	local part=$1 folder=$2 suffix=$3 variable=$4 passed=0 logged=0 wanted crashes

	shift 4
	wanted=("$@")
	if [ $# = 0 ]; then
		mapfile -t wanted < <(find "$BUILD/$folder" -name "*.$suffix" -printf '%f\n' 2>/dev/null |
			sed "s/\.$suffix\$//" | sort)
	fi
	if [ ${#wanted[@]} = 0 ]; then
		say "no $part test was found" >&2
		count "$part" 0 1
		return
	fi
	if ! server_for_tests; then
		tail -n 25 "$WORK/server.log" >&2 || true
		count "$part" 0 "${#wanted[@]}"
		return
	fi
	logged=$(wc -c <"$WORK/server.log")
	rm -f "$BUILD/regression.diffs"
	make_here installcheck REGRESS= ISOLATION= TAP_TESTS= "$variable=${wanted[*]}" \
		EXTRA_REGRESS_OPTS="${RUNNER_OPTIONS[*]}" >"$WORK/$part.out" 2>&1 || true
	cat "$WORK/$part.out"
	passed=$(grep -cE '^(test|     ) [^ ]+ +\.\.\. ok |^ok [0-9]+ +[-+] [^ ]+ ' "$WORK/$part.out" || true)
	if [ "$passed" -lt ${#wanted[@]} ]; then
		[ ! -s "$BUILD/regression.diffs" ] || head -n 400 "$BUILD/regression.diffs"
		say "-- last lines of the server's log"
		tail -n 25 "$WORK/server.log"
	fi
	crashes=$(tail -c "+$((logged + 1))" "$WORK/server.log" | faults "PANIC:|$FAULTS" - || true)
	if [ -n "$crashes" ]; then
		say "not ok - a server process crashed, or left something behind"
		say "$crashes"
		count "$part" "$passed" $((${#wanted[@]} - passed + 1))
	else
		count "$part" $((passed + 1)) $((${#wanted[@]} - passed))
	fi
}

part_regress()
{
	run_files regress test/sql sql REGRESS "$@"
}

part_isolation()
{
	run_files isolation test/specs spec ISOLATION "$@"
}

part_tap()
{
	local scripts=() name

	if ! make_logged test/receiver || ! make_logged test/probe || ! make_logged test/kafka; then
		count tap 0 1
		return
	fi
	for name in "$@"; do
		scripts+=("test/t/$(basename "$name" .pl).pl")
	done
	if [ $# = 0 ]; then
		mapfile -t scripts < <(cd "$BUILD" && find test/t -maxdepth 1 -name '*.pl' 2>/dev/null | sort)
	fi
	# From 16 on it is the latter two, without which directories of tests have relative names
	TAP_ENVIRONMENT+=("TESTDIR=$BUILD" "TESTDATADIR=$BUILD/tmp_check" "TESTLOGDIR=$BUILD/tmp_check/log")
	"${AS_SERVER[@]}" mkdir -p "$BUILD/tmp_check"
	run_tap tap "${scripts[@]}"
	if faults "$FAULTS" "$BUILD/tmp_check/log"; then
		say "not ok - a server process crashed, or left something behind"
		count logs 0 1
	else
		count logs 1 0
	fi
}

# As the prove_installcheck of PGXS sets it, with our PATH first, and no
# connection settings of the server above: each script makes its own servers.
tap_environment()
{
	local purchases=$REPO/../shared/data/cdnow_sample.txt
	local conformance=$REPO/../shared/conformance
	local vectors=$REPO/../shared/destinations/hash_vectors.tsv
	local event_map=$REPO/../shared/destinations/event_map.tsv
	local gpp_vectors=$REPO/../shared/spec/gpp_vectors.tsv

	"${AS_SERVER[@]}" mkdir -p "$WORK/tmp"
	# the clone may be out of the reach of the server's user
	[ ! -f "$purchases" ] || install -m 644 "$purchases" "$WORK/purchases"
	if [ -d "$conformance" ]; then
		mkdir -p "$WORK/conformance"
		install -m 644 "$conformance"/*.jsonl "$WORK/conformance"
	else
		say "unit test conformance: no cases at ../shared/conformance"
	fi
	TAP_ENVIRONMENT=(env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE -C "$BUILD"
		PATH="$BINDIR:$BUILD/test/receiver:/usr/bin:/bin"
		PERL5LIB="$PGXS_DIR/test/perl:$BUILD/test/t"
		PG_REGRESS="$PGXS_DIR/test/regress/pg_regress"
		PGPORT=65432
		TMPDIR="$WORK/tmp"
		ECAPI_PURCHASES="$WORK/purchases"
		ECAPI_CONFORMANCE="$([ ! -d "$WORK/conformance" ] || echo "$WORK/conformance")"
	)
	if [ -f "$vectors" ]; then
		install -m 644 "$vectors" "$WORK/vectors"
		TAP_ENVIRONMENT+=("ECAPI_VECTORS=$WORK/vectors")
	fi
	if [ -f "$gpp_vectors" ]; then
		install -m 644 "$gpp_vectors" "$WORK/gpp_vectors"
		TAP_ENVIRONMENT+=("ECAPI_GPP_VECTORS=$WORK/gpp_vectors")
	fi
	if [ -f "$event_map" ]; then
		install -m 644 "$event_map" "$WORK/event_map"
		TAP_ENVIRONMENT+=("ECAPI_EVENT_MAP=$WORK/event_map")
	fi
}
