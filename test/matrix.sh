#!/bin/bash
# matrix.sh - the tests on every server version.
#
#	test/matrix.sh								15 16 17 18: unit regress isolation
#	test/matrix.sh 17 18						these versions
#	test/matrix.sh 18 -- unit tap 003_kill		other parts, as check.sh takes them
#	test/matrix.sh --within MINUTES ...			what is left out does not matter, and so is a
#												root that is not ready after that time
#	test/matrix.sh cassert discard asan valgrind later odd bare block32 wal16
#												15, built from source to check itself, in a rare
#												way, or for another day: checked.sh says how, and
#												what is run
#
# 15 is the machine's own.  17 and 18 run in root folders: each of the Debian release
# that carries it, made once by debootstrap from the mirror of the machine's own apt
# configuration, checked by Debian's keyring.  Inside, test/check.sh does what it does on
# any machine: it installs the packages of its list, builds with warnings as errors, and
# runs the parts as the unprivileged user of the server package.  Versions come one after the
# other; each uses all cores.  At last a table says for each version and part what
# passed and failed, and the last line is "N passed, N failed".
#
# 16 is in no Debian release: bookworm has 15, trixie 17, forky 18.  A server of yours stands
# in for it, or for any other: ECAPI_PG_CONFIG_16 names its pg_config.  It must be all in one
# directory, as "make install" lays it out, with the programs that --enable-tap-tests brings;
# the user "postgres" must be able to read it.
#
# roots.sh says how roots are made and entered.  What always holds here:
#
# (1) A root stays for the next run, in the folder matrix beside roots.sh's archives.  One
#	  that was not finished is made again; each run installs the packages that are missing.
# (2) Nothing of the clone is written; each run has a copy of it in the root.
# (3) A version that is left out is said to be, and counts nowhere.
#
# Roots need root's rights.  Exit status 0 only if every part of every version passed, and,
# without --within, no version but 16 was left out.
set -euo pipefail

# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=test/roots.sh
. "$(dirname "${BASH_SOURCE[0]}")/roots.sh"

# The release that carries a version; nothing for the machine's own and for one that
# checked.sh builds.
release_of()
{
	case $1 in
		15 | 16 | cassert | discard | asan | valgrind | later | odd | bare | block32 | wal16) ;;
		17) echo trixie ;;
		18) echo forky ;;
		*) die "no server $1: give any of 15 16 17 18, or a word" ;;
	esac
}

# The pg_config that the environment names for a version, or nothing.
named_server()
{
	local name=ECAPI_PG_CONFIG_$1

	echo "${!name:-}"
}

# run_in ROOT VERSION COMMAND...: bash in the copy of the clone there.
run_in()
{
	inside "$1" env ECAPI_PG_MAJOR="$2" ECAPI_JOBS="${ECAPI_JOBS:-}" bash "${@:3}"
}

# ready_root VERSION: whole, with this clone and the packages that it needs, and held; or an error.
ready_root()
{
	local version=$1 root=$ROOTS/matrix/$1 release status=0

	release=$(release_of "$version")
	[ -z "$WITHIN" ] || ROOTS_UNTIL=$((SECONDS + WITHIN - ROOTS_TOOK))
	hold "matrix/$version" || return
	if [ ! -e "$root/ecapi.made" ]; then
		rm -rf --one-file-system "$root"
		make_root "$release" "$root" || return
		touch "$root/ecapi.made"
	fi
	cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
	rm -rf --one-file-system "$root/srv/ecapi"
	mkdir -p "$root/srv/ecapi"
	BUILD=$root/srv/ecapi/clone copy_sources
	[ ! -d "$REPO/../shared" ] || cp -RL "$REPO/../shared" "$root/srv/ecapi/shared"
	chown -hR 0:0 "$root/srv/ecapi"
	hold archives || return
	# what dpkg is stopped in is not gone on with
	rm -f "$root/ecapi.made"
	# shellcheck disable=SC2016  # the shell there has them
	run_in "$root" "$version" -c '. /srv/ecapi/clone/test/lib.sh
		need_packages "${PACKAGES[@]}" "${CHECK_PACKAGES[@]}"' || status=$?
	let_go archives
	[ "$status" != 0 ] || touch "$root/ecapi.made"
	return "$status"
}

# why_left_out VERSION: in a word, or nothing, and then it is ready.  LEFT_OUT has it.
why_left_out()
{
	local version=$1 begun=$SECONDS status=0

	LEFT_OUT=
	if [ -n "$(named_server "$version")" ]; then
		[ -x "$(named_server "$version")" ] || LEFT_OUT="no program $(named_server "$version")"
	elif [ "$version" = 16 ]; then
		LEFT_OUT="no Debian release has it, and ECAPI_PG_CONFIG_16 names none"
	elif [ -n "$(release_of "$version")" ]; then
		LEFT_OUT=$NO_ROOTS
		[ -z "$LEFT_OUT" ] || return 0
		ready_root "$version" >"$WORK/root" 2>&1 || status=$?
		if [ "$status" != 0 ] && [ -n "$ROOTS_UNTIL" ] && ((SECONDS >= ROOTS_UNTIL)); then
			LEFT_OUT="its root folder was not ready within $((WITHIN / 60)) min"
		elif [ "$status" != 0 ]; then
			LEFT_OUT="its root folder could not be made"
			tail -n 20 "$WORK/root"
		fi
		[ -z "$LEFT_OUT" ] || let_go "matrix/$version"
		ROOTS_TOOK=$((ROOTS_TOOK + SECONDS - begun))
		ROOTS_UNTIL=
	fi
}

# run_version VERSION PART...: check.sh there; what it says is shown and kept.
run_version()
{
	local version=$1

	shift
	if [ -n "$(named_server "$version")" ]; then
		attend env ECAPI_PG_MAJOR="$version" ECAPI_PG_CONFIG="$(named_server "$version")" \
			bash "$REPO/test/check.sh" "$@" 2>&1
	elif [[ $version = [a-z]* ]]; then
		attend bash "$REPO/test/checked.sh" "$version" "${asked[@]}" 2>&1
	elif [ -z "$(release_of "$version")" ]; then
		attend bash "$REPO/test/check.sh" "$@" 2>&1
	else
		run_in "$ROOTS/matrix/$version" "$version" /srv/ecapi/clone/test/check.sh "$@" 2>&1
	fi
}

# row VERSION PART PASSED FAILED [MINUTES]
row()
{
	printf '| %s | %s | %s | %s | %s |\n' "$1" "$2" "$3" "$4" "${5:-}"
}

# The lines "== part: N passed, N failed" of a version's output, as a part of the table.
table_of()
{
	local version=$1 log=$2

	sed -nE 's/^== ([a-z]+): ([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \3/p' "$log" |
		while read -r part passed failed; do
			row "$version" "$part" "$passed" "$failed"
		done
}

usage()
{
	die "usage: test/matrix.sh [--within MINUTES] [VERSION...] [-- PART...]"
}

WITHIN=
ROOTS_TOOK=0
versions=()
parts=()
while [ $# -gt 0 ]; do
	case $1 in
		--) shift && parts=("$@") && break ;;
		--within)
			[[ ${2:-} =~ ^[1-9][0-9]?$ ]] || usage
			WITHIN=$((60 * $2))
			shift
			;;
		-*) usage ;;
		*) versions+=("$1") ;;
	esac
	shift
done
[ ${#versions[@]} -gt 0 ] || versions=(15 16 17 18)
# what a word runs by itself differs
asked=("${parts[@]}")
[ ${#parts[@]} -gt 0 ] || parts=(unit regress isolation)
for version in "${versions[@]}"; do
	release_of "$version" >/dev/null
done

need_packages "postgresql-$PG_MAJOR"
make_work
NO_ROOTS=$(why_no_roots)
[ -n "$NO_ROOTS" ] || find_roots

all_passed=0
all_failed=0
for version in "${versions[@]}"; do
	say "==== PostgreSQL $version"
	why_left_out "$version"
	if [ -n "$LEFT_OUT" ]; then
		say "left out: $LEFT_OUT"
		row "$version" "left out: $LEFT_OUT" "" "" >>"$WORK/table"
		[ -n "$WITHIN" ] || [ "$version" = 16 ] || all_failed=$((all_failed + 1))
		continue
	fi
	begun=$SECONDS
	status=0
	passed=0
	failed=1
	run_version "$version" "${parts[@]}" >"$WORK/out.$version" || status=$?
	let_go "matrix/$version"
	cat "$WORK/out.$version"
	if [[ $(tail -n 1 "$WORK/out.$version") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		passed=${BASH_REMATCH[1]}
		failed=${BASH_REMATCH[2]}
		[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
	fi
	all_passed=$((all_passed + passed))
	all_failed=$((all_failed + failed))
	server=$(sed -n 's/^PostgreSQL \([0-9]\)/\1/p' "$WORK/out.$version" | head -n 1)
	[[ $version != [a-z]* ]] || server="${server:-$PG_MAJOR}, $version"
	{
		table_of "${server:-$version}" "$WORK/out.$version"
		row "${server:-$version}" all "$passed" "$failed" $(((SECONDS - begun + 59) / 60))
	} >>"$WORK/table"
done
LOGS=()
say
say "$(date -u +%F)"
row server part passed failed minutes
row --- --- ---: ---: ---:
cat "$WORK/table"
say
say "$all_passed passed, $all_failed failed"
[ "$all_failed" = 0 ]
