# lib.sh - what the commands beside this file share; sourced, never run.
#
# It brings a machine from "Debian with nothing installed" to "a throw-away
# server that has the extension", and back to nothing:
#
#	need_packages NAME...	install Debian packages that are missing
#	make_work				a temporary directory, gone at exit
#	make_server [ROOT]		a private copy of the server's installation; with ECAPI_PG_CONFIG,
#							which names a pg_config, of that one's
#	build					compile into it, warnings as errors, and install
#	make_ready				the four before, or an error
#	start_cluster [K=V]...	initdb and start, with these settings
#	start_receiver ARG...	the test receiver on a free port of loopback
#	attend COMMAND...		run a command that a signal to us ends, too
#
# What always holds:
#
# (1) Nothing outside the temporary directory is written, but for missing
#	  packages.  The server's installation is copied (its programs find their
#	  libraries beside themselves), so the extension is installed into the copy
#	  and the machine's own PostgreSQL never sees it.  Several runs, of
#	  different clones, can go on side by side.
# (2) Servers do not run as root: as root, everything that is built or run
#	  is run as the user "postgres" of the server package, from a copy of the
#	  sources, because that user may not be able to read the clone.  Without
#	  root the caller's own user does it all, and sudo is asked only to install
#	  packages.
# (3) Servers of ours listen on no port, only on a socket inside the temporary
#	  directory.
# (4) However a command ends (done, failed, Ctrl-C, TERM), cleanup ends what
#	  it started, by process id, and removes the temporary directory.  With
#	  ECAPI_KEEP=1 the directory stays.
#
# Variables set here for the commands: REPO, WORK, BUILD, PG_CONFIG, BINDIR,
# PGXS_DIR, AS_SERVER (an array to put before a command), RECEIVER_PORT,
# RECEIVER_PID.
#
# shellcheck shell=bash

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_MAJOR=${ECAPI_PG_MAJOR:-15}
WORK=
BUILD=
CHILD=
AS_SERVER=()
STARTED=()
LOGS=()

# The caller's environment must not lead us to other servers or options.
for variable in $(compgen -e | grep '^PG' || true); do
	unset "$variable"
done
unset variable MAKEFLAGS MAKELEVEL MFLAGS CDPATH
export LC_ALL=C.UTF-8
umask 022

# A server that a pg_config names was not installed from packages; of those of servers
# it is their common one that makes the user "postgres".
SERVER_PACKAGES=("postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR")
[ -z "${ECAPI_PG_CONFIG:-}" ] || SERVER_PACKAGES=(postgresql-common)

# shellcheck disable=SC2034  # read by the commands
PACKAGES=(
	"${SERVER_PACKAGES[@]}"
	libcurl4-openssl-dev libjson-c-dev libmicrohttpd-dev libssl-dev libicu-dev
	liblbfgs-dev librdkafka-dev zlib1g-dev
	gcc make pkg-config perl libipc-run-perl curl openssl
)
# What check.sh needs besides.
# shellcheck disable=SC2034
CHECK_PACKAGES=(shellcheck pgbouncer prometheus prometheus-postgres-exporter prometheus-node-exporter)
# The manual's release has them; elsewhere the test of one is skipped where it is not installed.
[ "$PG_MAJOR" != 15 ] || CHECK_PACKAGES+=(postgresql-15-cron postgresql-15-wal2json)
# shellcheck disable=SC2034
FUZZ_PACKAGES=(clang-14 libclang-rt-14-dev)

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# ---------------------------------------------------------------- packages

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "cannot install packages: neither root nor sudo"
	fi
}

missing_packages()
{
	local name

	for name in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
			printf '%s\n' "$name"
	done
}

# Install what is missing.  The server package would create and start a
# cluster of its own at its first installation; a drop-in file, there only
# meanwhile, keeps it from that.
need_packages()
(
	drop_in=/etc/postgresql-common/createcluster.d/ecapi-test.conf
	policy=/usr/sbin/policy-rc.d
	temporary=("$drop_in")
	install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends)

	command -v dpkg-query >/dev/null || die "this command needs Debian's package tools"
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || exit 0

	say "installing: ${missing[*]}"
	log=$(mktemp)
	trap 'rm -f "$log"; as_root rm -f "${temporary[@]}"' EXIT
	as_root mkdir -p "$(dirname "$drop_in")"
	printf 'create_main_cluster = false\n' | as_root tee "$drop_in" >/dev/null
	# No package that is only tested against starts a service of its own.
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
		as_root chmod 755 "$policy"
		temporary+=("$policy")
	fi

	# The lists may be absent, or older than the mirror.
	as_root "${install[@]}" "${missing[@]}" </dev/null >"$log" 2>&1 ||
		{ as_root apt-get update -q </dev/null >>"$log" 2>&1 &&
			as_root "${install[@]}" "${missing[@]}" </dev/null >>"$log" 2>&1; } || {
		tail -n 30 "$log" >&2
		die "could not install packages"
	}
)

# ------------------------------------------------- temporary directory, end

# Always under /tmp: the path of a socket may have 107 bytes at most, and
# TMPDIR may be a place where the server's user cannot go.
make_work()
{
	WORK=$(mktemp -d /tmp/ecapi.XXXXXX)
	trap cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM

	# Background commands of a shell ignore SIGINT and SIGQUIT; ours must not.
	AS_SERVER=(env --default-signal=INT --default-signal=QUIT HOME="$WORK")
	if [ "$(id -u)" = 0 ]; then
		AS_SERVER=(setpriv --reuid=postgres --regid=postgres --init-groups "${AS_SERVER[@]}")
		chown postgres: "$WORK"
	fi
	chmod 700 "$WORK"
	cd "$WORK" || exit
}

# Run a command of its own process group and return its status.
attend()
{
	local status=0

	setsid "$@" </dev/null &
	CHILD=$!
	wait "$CHILD" || status=$?
	CHILD=
	return "$status"
}

# End a process or, with a leading minus, a process group.
end_process()
{
	local pid=$1 i

	kill -TERM -- "$pid" 2>/dev/null || return 0
	for ((i = 0; i < 100; i++)); do
		kill -0 -- "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "$pid" 2>/dev/null || true
}

# A process in STARTED has ended: its id may soon be another's.
forget_started()
{
	local pid left=()

	for pid in "${STARTED[@]}"; do
		[ "$pid" = "$1" ] || left+=("$pid")
	done
	STARTED=("${left[@]}")
}

# Every server whose data directory is ours, no matter what started it.
stop_clusters()
{
	local file

	find "$WORK" -name postmaster.pid 2>/dev/null | while read -r file; do
		"${AS_SERVER[@]}" "$BINDIR/pg_ctl" -D "$(dirname "$file")" \
			-m "${1:-immediate}" -s -t 60 stop >/dev/null 2>&1 || true
	done
}

cleanup()
{
	local status=$? pid log

	trap - EXIT
	trap '' HUP INT TERM
	set +e
	[ -z "$CHILD" ] || end_process "-$CHILD"
	for pid in "${STARTED[@]}"; do
		end_process "$pid"
	done
	case $status in
		0 | 129 | 130 | 143) LOGS=() ;;		# nothing to explain
	esac
	if [ ${#LOGS[@]} -gt 0 ]; then
		for log in "${LOGS[@]}"; do
			[ -s "$log" ] || continue
			printf -- '--- last lines of %s\n' "$log"
			tail -n 25 "$log"
		done >&2
	fi
	[ -z "${BINDIR:-}" ] || stop_clusters immediate
	wait 2>/dev/null
	cd /
	if [ -n "${ECAPI_KEEP:-}" ]; then
		printf 'kept: %s\n' "$WORK" >&2
	else
		rm -rf "$WORK"
	fi
	exit "$status"
}

# ------------------------------------------------------- server and building

# PostgreSQL's programs look for libraries and data relative to where they
# themselves are, so a copy of the programs with links to all the rest is a
# whole installation, and pg_config of the copy names the copy's directories.
# It is laid out below a root (by default /usr) as Debian's packages do it; one that
# ECAPI_PG_CONFIG names is all in one directory, as "make install" lays it out.
make_server()
{
	local root=${1:-/usr} copy=$WORK/pg
	local home=$root/lib/postgresql/$PG_MAJOR data=$root/share/postgresql/$PG_MAJOR

	if [ -n "${ECAPI_PG_CONFIG:-}" ]; then
		home=$(dirname "$("$ECAPI_PG_CONFIG" --bindir)")
		[ -x "$home/bin/postgres" ] || die "there is no server in $home"
		cp -as "$home" "$copy"
		rm -r "${copy:?}/bin"
		cp -a "$home/bin" "$copy/bin"
		find "$copy" -name 'ecapi*' -prune -exec rm -rf {} +
		[ "$(id -u)" != 0 ] || chown -hR postgres: "$copy"
		find_server "$copy/bin/pg_config"
		return
	fi
	[ -x "$home/bin/postgres" ] || die "PostgreSQL $PG_MAJOR is not installed in $home"
	mkdir -p "$copy/lib/postgresql/$PG_MAJOR" "$copy/share/postgresql" "$copy/include"
	cp -a "$home/bin" "$copy/lib/postgresql/$PG_MAJOR/bin"
	cp -as "$home/lib" "$copy/lib/postgresql/$PG_MAJOR/lib"
	cp -as "$data" "$copy/share/postgresql/$PG_MAJOR"
	# A machine that has the extension installed: links to it could not be
	# written over.
	rm -rf "$copy/lib/postgresql/$PG_MAJOR/lib"/ecapi{,_model,_report,_kafka}.so \
		"$copy/lib/postgresql/$PG_MAJOR/lib"/bitcode/ecapi{,.index.bc} \
		"$copy/share/postgresql/$PG_MAJOR"/extension/ecapi{.control,--*.sql}
	ln -s "$root/include/postgresql" "$copy/include/postgresql"
	ln -s "$("$home/bin/pg_config" --libdir)" "$copy/lib/"
	[ "$(id -u)" != 0 ] || chown -hR postgres: "$copy"

	find_server "$copy/lib/postgresql/$PG_MAJOR/bin/pg_config"
}

# find_server PG_CONFIG: where the copy has what.
find_server()
{
	PG_CONFIG=$1
	BINDIR=$("$PG_CONFIG" --bindir)
	# shellcheck disable=SC2034  # read by check.sh
	PGXS_DIR=$(cd "$(dirname "$("$PG_CONFIG" --pgxs)")/.." && pwd)
	case $("$PG_CONFIG" --pkglibdir) in
		"$WORK/pg"/*) ;;
		*) die "the copied server does not find its own directories" ;;
	esac
}

# The clone as it is on disk (what git tracks, changes included, and new files
# that it does not ignore), without what was built in it.
copy_sources()
{
	local git=(git -c safe.directory='*' -C "$REPO")

	mkdir -p "$BUILD"
	if "${git[@]}" rev-parse --git-dir >/dev/null 2>&1; then
		"${git[@]}" ls-files -z --cached --others --exclude-standard |
			(cd "$REPO" && while IFS= read -r -d '' file; do
				[ ! -e "$file" ] || printf '%s\0' "$file"
			done | tar -c --null -T - -f -) | tar -x -C "$BUILD" -f -
	else
		tar -c -C "$REPO" --exclude=.git --exclude='*.o' --exclude='*.bc' \
			--exclude='*.so' --exclude='*.d' -f - . | tar -x -C "$BUILD" -f -
	fi
	[ "$(id -u)" != 0 ] || chown -hR postgres: "$BUILD"
}

# Options to the compiler besides those of the Makefiles.
COPT=-Werror

# make in the build directory, as the server's user.
make_here()
{
	attend "${AS_SERVER[@]}" make -s -C "$BUILD" -j "$(nproc)" PG_CONFIG="$PG_CONFIG" \
		COPT="$COPT" "$@"
}

# Compile and install.  Returns non-zero, with the compiler's words shown,
# when there was an error or a warning.
build()
{
	BUILD=$WORK/build
	say "building"
	copy_sources
	if ! { make_here all && make_here install; } >"$WORK/build.log" 2>&1; then
		tail -n 60 "$WORK/build.log" >&2
		return 1
	fi
}

# What each command that needs a built server begins with.
make_ready()
{
	need_packages "${PACKAGES[@]}"
	make_work
	make_server /usr
	build || die "the build failed"
}

# make_logged FOLDER [TARGET]...: make there, quietly; what failed is shown.
make_logged()
{
	local log=$WORK/make.${1##*/}.log

	make_here -C "$@" >"$log" 2>&1 && return
	tail -n 60 "$log" >&2
	return 1
}

# ------------------------------------------------------ cluster and receiver

# start_cluster [name=value]...: the one cluster of a command.  Afterwards
# PGHOST and its kin are set, so psql and pgbench need no arguments.
start_cluster()
{
	local setting

	"${AS_SERVER[@]}" mkdir -m 700 "$WORK/run" "$WORK/credentials"
	"${AS_SERVER[@]}" "$BINDIR/initdb" -D "$WORK/data" -U postgres -A trust -N \
		--locale=C.UTF-8 -E UTF8 >"$WORK/initdb.log" 2>&1 || {
		LOGS+=("$WORK/initdb.log")
		return 1
	}
	{
		printf "listen_addresses = ''\n"
		printf "unix_socket_directories = '%s'\n" "$WORK/run"
		printf "max_prepared_transactions = 64\n"
		printf "log_line_prefix = '%%m [%%p] %%b '\n"
		for setting in "$@"; do
			printf "%s = '%s'\n" "${setting%%=*}" "${setting#*=}"
		done
	} >>"$WORK/data/postgresql.conf"
	export PGHOST=$WORK/run PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	LOGS+=("$WORK/server.log")
	start_server
}

# The server of that cluster, until it takes sessions.
start_server()
{
	"${AS_SERVER[@]}" "$BINDIR/pg_ctl" -D "$WORK/data" -l "$WORK/server.log" -s -w -t 60 \
		start </dev/null >/dev/null
}

# What a cluster needs to run and deliver with the extension.
preload_settings()
{
	printf '%s\n' shared_preload_libraries=ecapi "ecapi.credential_directory=$WORK/credentials"
}

# sql ARG...: psql, quiet, values only, stopping at the first error.
sql()
{
	"${AS_SERVER[@]}" "$BINDIR/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

# Wait until the SQL text $2 gives t; $1 says in words what is waited for, $3
# is the deadline in seconds.
wait_for()
{
	local what=$1 query=$2 until=$((SECONDS + ${3:-180}))

	until [ "$(sql -c "$query")" = t ]; do
		if ((SECONDS >= until)); then
			say "gave up waiting until $what" >&2
			return 1
		fi
		sleep 0.2
	done
}

# start_receiver ARG...: sets RECEIVER_PORT and RECEIVER_PID.
start_receiver()
{
	local i log=$WORK/receiver.log

	make_logged test/receiver || return 1
	LOGS+=("$log")
	"${AS_SERVER[@]}" "$BUILD/test/receiver/receiver" "$@" </dev/null >"$log" 2>&1 &
	RECEIVER_PID=$!
	STARTED+=("$RECEIVER_PID")
	for ((i = 0; i < 300; i++)); do
		if grep -q '^ready' "$log"; then
			RECEIVER_PORT=$(sed -n 's/^http \([0-9]*\)$/\1/p' "$log")
			[ -n "$RECEIVER_PORT" ] && return 0
		fi
		kill -0 "$RECEIVER_PID" 2>/dev/null || break
		sleep 0.1
	done
	say "the receiver did not start" >&2
	return 1
}
