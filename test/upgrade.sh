#!/bin/bash
# upgrade.sh - pg_upgrade from one server version to the next, of a cluster that delivers.
#
#	test/upgrade.sh						15 to 17, 15 to 18 and 17 to 18, in each mode
#	test/upgrade.sh 15-17 [MODE...]		one of them; modes: copy link
#
# Each runs in a root folder of the Debian release that carries the newer server; the older
# one is installed beside it, from the release that carries that.  There the extension is
# built for both servers, and test/t/114_pg_upgrade.pl fills a cluster of the older one,
# upgrades it, and looks at what the newer one does with it.  That test says what must hold.
#
# 16 is in no Debian release that is kept, so it is not among them.  Two releases that
# pg_upgrade cannot take without the extension either are skipped, with a word.
#
# Needs root, and closes with the line "N passed, N failed"; where roots cannot be made it
# says why and skips all.  roots.sh says how roots are made; they stay for the next run in
# the folder upgrade.  Nothing of the clone is written; each run has a copy of it.
set -euo pipefail

# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=test/parts.sh
. "$(dirname "${BASH_SOURCE[0]}")/parts.sh"
# shellcheck source=test/roots.sh
. "$(dirname "${BASH_SOURCE[0]}")/roots.sh"

# The Debian release that carries a version.
release_of()
{
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo forky ;;
	esac
}

# ready_root OLD NEW DIR: whole, or made again.
ready_root()
{
	local old new=$2 root=$3

	old=$(release_of "$1")
	new=$(release_of "$2")
	[ ! -e "$root/ecapi.made" ] || return 0
	rm -rf --one-file-system "$root"
	make_root "$new" "$root" || return
	sed -n "s/ $new / $old /p" "$root/etc/apt/sources.list" >"$root/etc/apt/sources.list.d/$old.list"
	[ -s "$root/etc/apt/sources.list.d/$old.list" ] || return
	inside "$root" apt-get update -q >"$WORK/update.log" 2>&1 || return
	touch "$root/ecapi.made"
}

# run_pair OLD NEW MODE...: this command, in the root.
run_pair()
{
	local root=$ROOTS/upgrade/$1-$2

	hold "upgrade/$1-$2" || return
	ready_root "$1" "$2" "$root" || return
	cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
	rm -rf --one-file-system "$root/srv/ecapi"
	mkdir -p "$root/srv/ecapi"
	BUILD=$root/srv/ecapi copy_sources
	chown -hR 0:0 "$root/srv/ecapi"
	inside "$root" env ECAPI_PG_MAJOR="$2" bash /srv/ecapi/test/upgrade.sh inside "$1" "${@:3}" 2>&1
}

# The older server with the extension, in a directory of its own.
build_old()
{
	local PG_MAJOR=$1 WORK=$WORK/old

	mkdir "$WORK"
	[ "$(id -u)" != 0 ] || chown postgres: "$WORK"
	make_server
	build
}

# run_inside OLD MODE...: in the root, of which the newer server is PG_MAJOR.
run_inside()
{
	local old=$1 mode

	# no bitcode: it takes as long to make as all the rest, and nothing here is inlined
	export MAKEFLAGS=with_llvm=no
	need_packages "${PACKAGES[@]}" "postgresql-$old" "postgresql-server-dev-$old"
	make_work
	build_old "$old" || die "the build for $old failed"
	make_server
	build_counted
	tap_environment
	TAP_ENVIRONMENT+=("ECAPI_OLD_INSTALL=$WORK/old/pg/lib/postgresql/$old")
	for mode in "${@:2}"; do
		say "-- pg_upgrade --$mode, $old to $PG_MAJOR"
		TAP_ENVIRONMENT+=("ECAPI_UPGRADE_MODE=--$mode")
		part_tap 114_pg_upgrade
	done
	finish
}

if [ "${1:-}" = inside ]; then
	run_inside "${@:2}"
fi

pairs=()
modes=()
for argument in "$@"; do
	case $argument in
		15-17 | 15-18 | 17-18) pairs+=("$argument") ;;
		copy | link) modes+=("$argument") ;;
		*) die "usage: test/upgrade.sh [15-17|15-18|17-18]... [copy|link]..." ;;
	esac
done
[ ${#pairs[@]} -gt 0 ] || pairs=(15-17 15-18 17-18)
[ ${#modes[@]} -gt 0 ] || modes=(copy link)

why=$(why_no_roots)
if [ -n "$why" ]; then
	say "skipped: $why"
	exit 0
fi
need_packages "postgresql-$PG_MAJOR"
make_work
find_roots
for pair in "${pairs[@]}"; do
	say "==== PostgreSQL ${pair/-/ to }"
	begun=$SECONDS
	status=0
	run_pair "${pair%-*}" "${pair#*-}" "${modes[@]}" >"$WORK/out" || status=$?
	cat "$WORK/out"
	passed=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1/p' "$WORK/out" | tail -n 1)
	failed=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\2/p' "$WORK/out" | tail -n 1)
	# what ended without a count has failed
	[ "$status" = 0 ] || [ "${failed:-0}" -gt 0 ] || failed=1
	count "$pair" "${passed:-0}" "${failed:-0}"
	say "$(((SECONDS - begun + 59) / 60)) min"
done
finish
