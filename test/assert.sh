#!/bin/bash
# assert.sh - the tests of capture on a server that checks itself.
#
#	test/assert.sh					all of the below
#	test/assert.sh plain			only the first run
#	test/assert.sh discard			only the second run
#	test/assert.sh RUN PART NAME...	only some tests of a run, as in check.sh:
#									"discard regress capture_rows"
#
# Debian's server is built without assertions, and forgets what its caches hold
# only when something has changed.  Here the same release is built from Debian's
# source package with assertions, and the extension against it:
#
#	plain		all regress and isolation tests, and the TAP tests of capture
#	discard		the tests of capture once more with debug_discard_caches = 1: each
#				look at a catalog then discards what every cache holds, so a
#				pointer into a cache that is kept over one is found at once
#
# It installs missing packages, shows what failed, and closes with the line
# "N passed, N failed", counted as parts.sh says; a server process that an
# assertion ends is a failure.  Exit status 0 only if nothing failed.
#
# The source package comes by apt-get; where the machine has no sources enabled,
# a drop-in file enables them meanwhile.  Building takes a few minutes, the first
# run as long, the second about half an hour.
# ECAPI_ASSERT_SERVER names a directory in which the built server stays and is
# looked for first; by default it is built in the temporary directory.
set -euo pipefail

# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=test/parts.sh
. "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

# What capture, and what follows DDL for it, is tested by; each file of src/rowsql, src/capture, src/tracking and src/history
# runs in one of them at least.
DISCARD_REGRESS=(backfill capture_commit capture_equal capture_partitions capture_rows
	capture_sources capture_types proof suggest track)
DISCARD_ISOLATION=(capture_at_commit capture_concurrent capture_ddl foreign_ddl_beside
	track_beside)
TAP=(100_capture 101_capture_beside 120_backfill 130_subscriber 140_failed)

# The contrib modules that tests use.
CONTRIB=(auto_explain btree_gist citext dblink hstore pg_stat_statements postgres_fdw tablefunc)

# --------------------------------------------------------------- the server

# The newest source package that can be had, unpacked into ./source.
get_source()
(
	drop_in=/etc/apt/sources.list.d/ecapi-assert.sources
	trap 'as_root rm -f "$drop_in"' EXIT
	if ! apt-cache showsrc "postgresql-$PG_MAJOR" 2>/dev/null | grep -q '^Version:'; then
		sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources |
			as_root tee "$drop_in" >/dev/null
		as_root apt-get update -q >/dev/null
	fi
	apt-cache showsrc "postgresql-$PG_MAJOR" | sed -n 's/^Version: //p' | sort -rVu >versions
	while read -r version; do
		# a mirror may lack the files of the newest
		if apt-get source -q --download-only "postgresql-$PG_MAJOR=$version" </dev/null; then
			dpkg-source --no-check -x "postgresql-${PG_MAJOR}_$version.dsc" source
			exit 0
		fi
	done <versions
	exit 1
)

# make_assert_server ROOT: build and install it below ROOT/usr, as Debian lays
# it out.
make_assert_server()
{
	local root=$1 build=$WORK/server log=$WORK/server.build.log name

	mkdir -p "$build"
	(cd "$build" && get_source) >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		die "could not get the source package of PostgreSQL $PG_MAJOR"
	}
	[ "$(id -u)" != 0 ] || chown -R postgres: "$build"
	LOGS+=("$log")
	attend "${AS_SERVER[@]}" sh -c 'cd "$1/source" && shift && exec ./configure "$@"' sh "$build" \
		--prefix=/usr --bindir="/usr/lib/postgresql/$PG_MAJOR/bin" \
		--libdir="$(pg_config --libdir)" --includedir=/usr/include/postgresql \
		--datadir="/usr/share/postgresql/$PG_MAJOR" --sysconfdir=/etc/postgresql-common \
		--disable-rpath --enable-cassert --enable-debug --enable-tap-tests \
		--with-icu --with-openssl --with-libxml --without-readline \
		CFLAGS='-O1 -g -fno-omit-frame-pointer' >>"$log" 2>&1
	attend "${AS_SERVER[@]}" make -s -j "$(nproc)" -C "$build/source/src" >>"$log" 2>&1
	for name in "${CONTRIB[@]}"; do
		attend "${AS_SERVER[@]}" make -s -C "$build/source/contrib/$name" >>"$log" 2>&1
	done
	for name in src "${CONTRIB[@]/#/contrib/}"; do
		attend make -s -C "$build/source/$name" install DESTDIR="$root" >>"$log" 2>&1
	done
	printf '%s\n' "${CONTRIB[@]}" >"$root/modules"
	LOGS=()
	rm -rf "$build"
}

# Is there a server below ROOT, with all the modules?
has_assert_server()
{
	local root=$1

	[ -x "$root/usr/lib/postgresql/$PG_MAJOR/bin/postgres" ] &&
		printf '%s\n' "${CONTRIB[@]}" | cmp -s - "$root/modules"
}

# --------------------------------------------------------------------- runs

# What the command line says, or the arrays regress and isolation (all, where
# they are empty) and tap (none).
run_parts()
{
	if [ ${#only[@]} -gt 0 ]; then
		"part_${only[0]}" "${only[@]:1}"
		return
	fi
	part_regress "${regress[@]}"
	part_isolation "${isolation[@]}"
	[ ${#tap[@]} = 0 ] || part_tap "${tap[@]}"
}

# The servers of TAP tests have logs of their own, and are killed on purpose, too.
check_traps()
{
	if grep -rhs 'TRAP:' "$BUILD/tmp_check/log"; then
		say "not ok - an assertion has failed"
		count assertions 0 1
	else
		count assertions 1 0
	fi
}

run_plain()
{
	local regress=() isolation=() tap=("${TAP[@]}")

	say "== plain"
	run_parts
	check_traps
}

# Sessions have the setting from their environment.  Databases and the extension
# are made before without it, for the install script would take minutes.  What
# watches over enrichments is off, and the query whether there are tracks has its
# caches: they take most of the time of a DDL command, and are no code in C.
run_discard()
{
	local regress=("${DISCARD_REGRESS[@]}") isolation=("${DISCARD_ISOLATION[@]}") tap=()
	local database name changes=()
	local RUNNER_OPTIONS=(--use-existing)

	for name in start change end drop; do
		changes+=(-c "ALTER EVENT TRIGGER ecapi_enrichment_$name DISABLE")
	done
	changes+=(-c "ALTER FUNCTION ecapi_internal.has_tracks() SET debug_discard_caches = 0")

	say "== debug_discard_caches = 1"
	server_for_tests || die "the server did not start"
	for database in contrib_regression isolation_regression; do
		sql -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database TEMPLATE template0"
		sql -d "$database" -c "CREATE EXTENSION ecapi" "${changes[@]}"
	done
	export PGOPTIONS="-c debug_discard_caches=1"
	run_parts
	unset PGOPTIONS
}

# --------------------------------------------------------------------- main

runs=(plain discard)
only=()
case ${1:-} in
	'') ;;
	plain | discard)
		runs=("$1")
		shift
		case ${1:-} in
			'') ;;
			regress | isolation | tap) only=("$@") ;;
			*) die "usage: test/assert.sh [plain|discard [regress|isolation|tap NAME...]]" ;;
		esac
		;;
	*) die "usage: test/assert.sh [plain|discard [regress|isolation|tap NAME...]]" ;;
esac

need_packages "${PACKAGES[@]}" dpkg-dev libxml2-dev
make_work
root=${ECAPI_ASSERT_SERVER:-$WORK/assert}
if ! has_assert_server "$root"; then
	say "building a server with assertions"
	make_assert_server "$root"
fi
make_server "$root/usr"
build_counted
tap_environment
for run in "${runs[@]}"; do
	"run_$run"
done
finish
