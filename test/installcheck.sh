#!/bin/bash
# installcheck.sh - what "make installcheck" needs, looked for before it begins.
#
# The Makefile runs it, with PG_CONFIG, COPT, VERSION (of the extension), SERVER (not
# empty: regress or isolation tests are run) and TAP (the same of TAP tests).
# It builds the libraries of test/probe, and the receiver for TAP tests; then it says
# all that is missing, each with what to do, and fails if anything is.
#
# Regress and isolation tests run on a server of the caller's, found as psql finds it
# (PGHOST, PGPORT, PGUSER), in databases and with roles that they create.  TAP tests
# start servers of their own.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
bindir=$("$PG_CONFIG" --bindir)
missing=()

sql()
{
	"$bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 -d postgres -c "$1" 2>&1
}

# need SQL WORDS...: a query must give t, else the words say what is missing.
need()
{
	local answer

	answer=$(sql "$1") || true
	[ "$answer" = t ] || missing+=("${*:2}")
}

# build FOLDER WORDS...: make in it, else the words say what is missing.
build()
{
	local said

	said=$(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$1" PG_CONFIG="$PG_CONFIG" COPT="$COPT" all 2>&1) ||
		missing+=("${*:2}"$'\n'"$said")
}

look_at_server()
{
	local said

	if ! said=$(sql 'SELECT 1'); then
		missing+=("No server answers; name yours by PGHOST, PGPORT and PGUSER, as for psql. $said")
		return
	fi
	need "SELECT rolsuper FROM pg_roles WHERE rolname = current_user" \
		"The tests need a superuser; set PGUSER."
	need "SELECT EXISTS (SELECT FROM pg_available_extension_versions WHERE name = 'ecapi' AND version = '$VERSION')" \
		"The server has no ecapi $VERSION to create: make install, with the PG_CONFIG of that server."
	need "SELECT 'ecapi' = ANY (string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ','))" \
		"shared_preload_libraries has no ecapi: set shared_preload_libraries = 'ecapi' in postgresql.conf and restart the server."
	need "SELECT coalesce((pg_stat_file(setting || '/ecapi.so', true)).modification <= pg_postmaster_start_time(), true) FROM pg_config WHERE name = 'PKGLIBDIR'" \
		"The server was started before the library was installed: restart it."
	need "SELECT current_setting('max_prepared_transactions')::int >= 10" \
		"The tests prepare transactions: set max_prepared_transactions = 10 or more in postgresql.conf and restart the server."
	need "SELECT current_setting('ecapi.credential_directory', true) <> '' OR current_setting('shared_preload_libraries') !~ 'ecapi'" \
		"The tests name a credential file that does not exist: set ecapi.credential_directory to a directory, for example the data directory, in postgresql.conf."
	need "SELECT length(pg_read_binary_file('$PWD/probe/ecapi_probe.so', 0, 4)) = 4" \
		"The server cannot read $PWD/probe/ecapi_probe.so: the user that it runs as must be able to read this directory."
}

look_at_tap()
{
	[ "$(id -u)" != 0 ] ||
		missing+=("TAP tests start servers of their own, which root cannot: run make installcheck as another user, or leave these tests out by TAP_TESTS=.")
	perl -MIPC::Run -e 1 2>/dev/null ||
		missing+=("TAP tests need the Perl module IPC::Run (Debian: libipc-run-perl); or leave them out by TAP_TESTS=.")
	build receiver "The receiver of TAP tests cannot be built; it needs libmicrohttpd, zlib and OpenSSL (Debian: libmicrohttpd-dev, zlib1g-dev, libssl-dev). Leave TAP tests out by TAP_TESTS=."
}

build probe "The libraries of test/probe cannot be built."
[ -z "$SERVER" ] || look_at_server
[ -z "$TAP" ] || look_at_tap
if [ ${#missing[@]} -gt 0 ]; then
	printf 'make installcheck: %s\n' "${missing[@]}" >&2
	exit 1
fi
