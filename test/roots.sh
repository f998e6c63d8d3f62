# roots.sh - root folders of Debian releases; sourced behind lib.sh, never run.
#
#	why_no_roots			prints in a word why there can be none here, or nothing
#	find_roots				sets ROOTS, the directory in which they stay
#	make_root RELEASE DIR	an empty Debian in DIR
#	inside DIR COMMAND...	run there, with nothing of our environment
#	hold NAME, let_go NAME	what is under ROOTS/NAME is ours alone between the two
#
# ROOTS_UNTIL, if set, is the value of SECONDS at which a command there is ended, and has failed;
# so has waiting for another run.
#
# What always holds:
#
# (1) What stays for the next run is under ECAPI_ROOTS (default: /var/cache/ecapi-roots),
#	  which belongs to root and which nobody else can write, as programs in it run as
#	  root: an archive of each release, and the packages that roots have fetched.
# (2) Packages come from the mirror that the machine's own apt uses, and are checked by
#	  Debian's keyring.
# (3) Runs at the same time do not disturb each other: a run holds what it makes or uses of what
#	  stays, and the others wait.  Archives of releases and fetched packages are one such thing.
# (4) A command in a root has mounts and processes of its own (namespaces): both are gone
#	  with it, however it ends.  Its network is the machine's.
#
# shellcheck shell=bash

ROOTS=
ROOTS_UNTIL=
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

why_no_roots()
{
	if [ "$(id -u)" != 0 ]; then
		say "making a root folder takes root's rights"
	elif ! (need_packages debootstrap debian-archive-keyring) >/dev/null 2>&1; then
		say "debootstrap cannot be installed"
	elif [ -z "$(mirror)" ]; then
		say "apt knows no mirror of Debian"
	elif ! unshare --mount --pid --fork true 2>/dev/null; then
		say "namespaces cannot be made"
	fi
}

mirror()
{
	# shellcheck disable=SC2016  # apt reads these names
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's/^Debian Debian //p' | head -n 1
}

machine_release()
{
	# shellcheck disable=SC1091
	(. /etc/os-release && echo "$VERSION_CODENAME")
}

find_roots()
{
	ROOTS=${ECAPI_ROOTS:-/var/cache/ecapi-roots}
	mkdir -p "$ROOTS/archives/partial"
	[ "$(stat -c '%u %A' "$ROOTS")" = '0 drwxr-xr-x' ] ||
		die "$ROOTS must belong to root and be written by nobody else"
}

declare -A HELD=()

# hold NAME: the lock ends with this process, if not before.
hold()
{
	local name=$1 file=$ROOTS/$1.lock fd bound=()

	mkdir -p "$(dirname "$file")"
	exec {fd}>>"$file"
	HELD[$name]=$fd
	flock --nonblock "$fd" && return
	say "waiting for another run that has $name"
	[ -z "$ROOTS_UNTIL" ] || bound=(--timeout "$((SECONDS < ROOTS_UNTIL ? ROOTS_UNTIL - SECONDS : 0))")
	attend flock "${bound[@]}" "$fd" && return
	let_go "$name"
	return 1
}

let_go()
{
	local fd=${HELD[$1]:-}

	[ -n "$fd" ] || return 0
	exec {fd}>&-
	unset "HELD[$1]"
}

# unshared COMMAND...: in namespaces that end with it.
unshared()
{
	local bound=()

	if [ -n "$ROOTS_UNTIL" ]; then
		((SECONDS < ROOTS_UNTIL)) || return 124
		bound=(timeout --kill-after=5 "$((ROOTS_UNTIL - SECONDS))")
	fi
	attend "${bound[@]}" unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$@"
}

# The archive is whole or not there.
make_archive()
{
	local release=$1 archive=$2 script=/usr/share/debootstrap/scripts/$1

	# a release that is younger than debootstrap is made as all of them are
	[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
	say "making a root of $release"
	rm -rf --one-file-system "$archive.root"
	unshared debootstrap --variant=minbase --keyring="$KEYRING" "$release" "$archive.root" "$(mirror)" "$script" \
		>"$WORK/debootstrap.log" 2>&1 || {
		tail -n 20 "$WORK/debootstrap.log" >&2
		return 1
	}
	tar -C "$archive.root" --numeric-owner -cf "$archive.new" .
	mv "$archive.new" "$archive"
	rm -rf --one-file-system "$archive.root"
}

make_root()
{
	local release=$1 dir=$2 archive=$ROOTS/$1.tar

	hold archives || return
	[ -s "$archive" ] || make_archive "$release" "$archive" || {
		let_go archives
		return 1
	}
	let_go archives
	mkdir -p "$dir"
	tar -C "$dir" --numeric-owner -xf "$archive"
	cp -L /etc/resolv.conf /etc/hosts "$dir/etc/"
	apt-config dump | grep -iE '^Acquire::[a-z]+::Proxy' >"$dir/etc/apt/apt.conf.d/90proxy" || true
	# A mirror may keep the lists of a release under way longer than they say; they are
	# signed all the same.
	[ "$release" != forky ] ||
		printf 'Acquire::Check-Valid-Until "false";\n' >"$dir/etc/apt/apt.conf.d/90dates"
}

inside()
{
	# shellcheck disable=SC2016  # the inner shell's arguments
	unshared sh -c '
		set -e
		dir=$1 archives=$2
		shift 2
		mount -t proc proc "$dir/proc"
		mount -t tmpfs -o mode=1777 shm "$dir/dev/shm"
		mount --bind "$archives" "$dir/var/cache/apt/archives"
		exec chroot "$dir" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive "$@"' inside "$1" "$ROOTS/archives" "${@:2}"
}
