#!/bin/bash
# checked.sh - the tests on a server that checks itself, was built in a rare way, or has another
# date.
#
#	test/checked.sh RUN [PART...]			as test/matrix.sh RUN [-- PART...] does
#	test/checked.sh RUN PART NAME...		only some tests of a part, as in check.sh:
#											"discard regress capture_rows"
#
# Debian's server is built without assertions, and forgets what its caches hold only when
# something has changed.  Here the same release is built from Debian's source package
# (built.sh), and the extension against it:
#
#	cassert		with assertions: all unit, regress, isolation and TAP tests
#	discard		there, what looks at catalogs, once more with debug_discard_caches = 1: each
#				look at a catalog then discards what every cache holds, so a pointer into a
#				cache that is kept over one is found at once
#	asan		there, the extension and the unit programs with AddressSanitizer and UBSan:
#				all unit, regress and isolation tests
#	valgrind	there, the regress tests under valgrind, with the server's own list of
#				what is no error
#	later		there, by a clock that is 400 days on, for the tests as for the server: all unit,
#				regress, isolation and TAP tests, which must not hold a day only
#	odd			without ICU and OpenSSL, with pages of 32 kB, and of 16 kB in the WAL: all
#				regress tests
#	bare, block32, wal16
#				only one of the three, to find which of them it is
#
# It installs missing packages, shows what failed, and closes with the line
# "N passed, N failed", counted as parts.sh says.  What a sanitizer or valgrind says is one
# more failed test, "findings".  Exit status 0 only if nothing failed.
#
# "Nothing was found" is worth what looks: before regress and isolation tests mistakes are made on
# purpose (test/probe/ecapi_probe_broken.c), as tests of the regress part, which must be found
# as those of the extension would be.  That is counted as "mistakes".
#
# In a deferred trigger that fires at the COMMIT of a block, a handler of PL/pgSQL that
# catches an error fails an assertion of the server's own (as of 15.18), so no test has one.
set -euo pipefail

# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=test/parts.sh
. "$(dirname "${BASH_SOURCE[0]}")/parts.sh"
# shellcheck source=test/roots.sh
. "$(dirname "${BASH_SOURCE[0]}")/roots.sh"
# shellcheck source=test/built.sh
. "$(dirname "${BASH_SOURCE[0]}")/built.sh"

# What looks at catalogs between its uses of what it has found there: each file of
# src/rowsql, src/capture, src/tracking and src/history runs in one of them.
DISCARD_REGRESS=(backfill capture_at_end capture_commit capture_equal capture_equal_icu capture_partitions
	capture_rows capture_sources capture_types destination emit enrich proof suggest track)
DISCARD_ISOLATION=(capture_at_commit capture_concurrent capture_ddl foreign_ddl_beside
	track_beside)

# The compiler warns of more where it sees their code.
SANITIZE="-Wno-error -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"

# -------------------------------------------------- before and after the tests

# Sessions have the setting from their environment.  Databases and the extension
# are made before without it, for the install script would take minutes.  What
# watches over enrichments is off, and the query whether there are tracks has its
# caches: they take most of the time of a DDL command, and are no code in C.
before_discard()
{
	local database name changes=()

	for name in start change end drop; do
		changes+=(-c "ALTER EVENT TRIGGER ecapi_enrichment_$name DISABLE")
	done
	changes+=(-c "ALTER FUNCTION ecapi_internal.has_tracks() SET debug_discard_caches = 0")

	server_for_tests || die "the server did not start"
	for database in contrib_regression isolation_regression; do
		sql -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database TEMPLATE template0"
		sql -d "$database" -c "CREATE EXTENSION ecapi" "${changes[@]}"
	done
	# shellcheck disable=SC2034  # read by parts.sh
	RUNNER_OPTIONS=(--use-existing)
	export PGOPTIONS="-c debug_discard_caches=1"
}

# start_through TEXT...: from here on a server is started by these lines of a shell, in
# which $plain is the program.  What they find goes to the directory findings.
start_through()
{
	local program=$BINDIR/postgres

	"${AS_SERVER[@]}" mkdir -p "$WORK/findings"
	mv "$program" "$program.plain"
	printf '%s\n' '#!/bin/sh' "plain=$program.plain" "$@" >"$program"
	chmod 755 "$program"
}

# The runtime library must be there before the server's own libraries.  Memory that a
# process still has at its end is no fault there: the server frees none of it.
before_asan()
{
	local both="abort_on_error=1:log_path=$WORK/findings/asan"

	start_through "export LD_PRELOAD=$(gcc -print-file-name=libasan.so)" \
		"export ASAN_OPTIONS=$both:detect_leaks=0:detect_stack_use_after_return=0" \
		"export UBSAN_OPTIONS=$both:halt_on_error=1:print_stacktrace=1" \
		"exec \"\$plain\" \"\$@\""
}

# What initdb and pg_ctl ask the program itself does not run under valgrind.
before_valgrind()
{
	# shellcheck disable=SC2016  # for the lines' own shell
	start_through '[ "$1" = -D ] || exec "$plain" "$@"' \
		"exec valgrind -q --trace-children=yes --leak-check=no --gen-suppressions=all \\" \
		"	--suppressions=\"$BUILT/valgrind.supp\" --log-file=\"$WORK/findings/%p\" \"\$plain\" \"\$@\""
}

# Every program from here on has that clock.
before_later()
{
	"${AS_SERVER[@]}" cc -O2 -shared -fPIC -o "$WORK/clock.so" "$BUILD/test/clock/clock.c" -ldl
	perl -e 'print pack("q", 400 * 86400 * 1_000_000)' >"$WORK/clock"
	export ECAPI_TEST_CLOCK=$WORK/clock LD_PRELOAD=$WORK/clock.so
}

# found_mistake NAME: who looks has said it of that mistake.  Its own words go, so that they
# are no finding of the tests.
found_mistake()
{
	local files

	case $run,$1 in
		asan,overrun | valgrind,*)
			files=$(grep -ls "ecapi_probe_$1" "$WORK/findings"/*) || return
			xargs rm <<<"$files"
			;;
		asan,shift) grep -q '^ecapi_probe_broken\.c:.*: runtime error: shift exponent' "$WORK/mistake" ;;
		*) grep -q 'write past chunk end' "$WORK/mistake" ;;
	esac
}

# make_mistake NAME: it must be found, and fail the part.  Afterwards the server has ended all its
# processes, has said what there is to say of them, and is started again, with an empty log.
make_mistake()
{
	local name=$1 passed=$PASSED failed=$FAILED found

	"${AS_SERVER[@]}" cp "$BUILD/test/probe/$name.sql" "$BUILD/test/sql/"
	"${AS_SERVER[@]}" cp "$BUILD/test/probe/$name.out" "$BUILD/expected/"
	part_regress "$name" >"$WORK/mistake" 2>&1
	rm "$BUILD/test/sql/$name.sql" "$BUILD/expected/$name.out"
	found=$((FAILED - failed))
	PASSED=$passed FAILED=$failed
	stop_clusters fast
	mv "$WORK/server.log" "$WORK/mistake.log"
	start_server || die "the server did not start again"
	[ "$found" -gt 0 ] && found_mistake "$name" && return
	cat "$WORK/mistake"
	say "not ok - a mistake was not found: $name"
	return 1
}

count_mistakes()
{
	local name mistakes=(overrun) passed=0

	[ "$run" != asan ] || mistakes+=(shift)
	if make_logged test/probe && server_for_tests; then
		for name in "${mistakes[@]}"; do
			! make_mistake "$name" || passed=$((passed + 1))
		done
	fi
	count mistakes "$passed" $((${#mistakes[@]} - passed))
}

# Each process has a file of its own, which is empty if all is well; the log may have more.
count_findings()
{
	[ -d "$WORK/findings" ] || return 0
	stop_clusters fast
	if faults "$FAULTS" "$WORK/server.log" || [ -n "$(find "$WORK/findings" -type f -size +0)" ]; then
		find "$WORK/findings" -type f -exec cat {} +
		say "not ok - there are findings"
		count findings 0 1
	else
		count findings 1 0
	fi
}

# --------------------------------------------------------------------- main

run=${1:-}
server=cassert
selected=(regress)
case $run in
	cassert | later) selected=(unit regress isolation tap) ;;
	discard) selected=(regress isolation) ;;
	asan) selected=(unit regress isolation) ;;
	valgrind) ;;
	odd | bare | block32 | wal16) server=$run ;;
	*) die "usage: test/checked.sh cassert|discard|asan|valgrind|later|odd|bare|block32|wal16 [PART...] [NAME...]" ;;
esac
read_parts "${@:2}"

need_packages "${PACKAGES[@]}" "${CHECK_PACKAGES[@]}" "${BUILD_PACKAGES[@]}"
make_work
built_server "$server"
make_server "$BUILT/usr"
"$PG_CONFIG" --version
[ "$run" != asan ] || COPT=$SANITIZE
build_counted
tap_environment
case $run in
	asan) before_asan ;;
	discard) before_discard ;;
	valgrind) before_valgrind ;;
	later) before_later ;;
esac
[ ${#parts[@]} = 0 ] || selected=("${parts[@]}")
[[ " ${selected[*]} " != *' regress '* && " ${selected[*]} " != *' isolation '* ]] || count_mistakes
if [ ${#parts[@]} -gt 0 ]; then
	:
elif [ "$run" = discard ]; then
	selected=()
	part_regress "${DISCARD_REGRESS[@]}"
	part_isolation "${DISCARD_ISOLATION[@]}"
fi
for part in "${selected[@]}"; do
	"part_$part" "${names[@]}"
done
count_findings
finish
