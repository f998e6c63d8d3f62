# built.sh - servers built from Debian's source package; sourced behind lib.sh and
# roots.sh, never run.
#
#	built_server KIND	sets BUILT to a directory; the server is below its usr, laid out as
#						Debian's packages are.  It is built first where it is not there.
#
#	KIND	cassert		with ICU and OpenSSL
#			bare		without them
#			block32		with them, and pages of 32 kB
#			wal16		with them, and pages of the WAL of 16 kB
#			odd			all of the three at once: without ICU and OpenSSL, 32 kB, and 16 kB
#
# All are of the release of the machine's own source packages, have assertions, and tell
# valgrind of their memory contexts, which costs nothing elsewhere.
#
# What always holds:
#
# (1) As root, servers and the source package stay for the next run, beside the roots of
#	  roots.sh and as safe as they are; else they are in the temporary directory.  One that
#	  was built in another way than is asked for is built again.
# (2) The source package comes from where the machine's own apt gets Debian's packages, and
#	  is checked by Debian's keyring.  The machine's lists are neither changed nor waited for.
#
# shellcheck shell=bash

BUILT=

# The contrib modules that tests use.
CONTRIB=(amcheck auto_explain btree_gist citext dblink hstore pg_stat_statements postgres_fdw
	tablefunc test_decoding)

# What a build takes besides.
# shellcheck disable=SC2034  # read by the commands
BUILD_PACKAGES=(dpkg-dev debian-archive-keyring libxml2-dev valgrind)

options_of()
{
	case $1 in
		cassert) echo --with-icu --with-openssl ;;
		bare) echo --without-icu --without-openssl ;;
		block32) echo --with-icu --with-openssl --with-blocksize=32 ;;
		wal16) echo --with-icu --with-openssl --with-wal-blocksize=16 ;;
		odd) echo --without-icu --without-openssl --with-blocksize=32 --with-wal-blocksize=16 ;;
		*) die "no server is built as \"$1\"" ;;
	esac
}

# The lines of apt for source packages, from its own for packages.
source_lines()
{
	# shellcheck disable=SC2016  # apt reads these names
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		sed -n "s|^Debian |deb-src [signed-by=$KEYRING] |p" | sort -u
}

# The newest source package that can be had, in the current directory.
get_source()
{
	local version here=(-o "Dir::Etc::SourceList=$PWD/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$PWD/lists" -o "Dir::Cache=$PWD/cache" -o APT::Sandbox::User=root)

	mkdir -p lists/partial cache/archives/partial
	source_lines >sources.list
	apt-get "${here[@]}" update -q
	apt-cache "${here[@]}" showsrc "postgresql-$PG_MAJOR" | sed -n 's/^Version: //p' | sort -rVu >versions
	while read -r version; do
		# a mirror may lack the files of the newest
		if apt-get "${here[@]}" source -q --download-only "postgresql-$PG_MAJOR=$version" </dev/null; then
			rm -rf lists cache
			echo "postgresql-${PG_MAJOR}_$version.dsc" >newest
			return
		fi
	done <versions
	return 1
}

# build_server KIND ROOT
build_server()
{
	local kind=$1 root=$2 build=$WORK/server log=$WORK/build_server.log source name options flags=-O0

	source=$(dirname "$root")/source-$PG_MAJOR
	# most tests run on it; the others are built quickly
	[ "$kind" != cassert ] || flags='-O1 -g -fno-omit-frame-pointer'
	say "building a server: $kind"
	mkdir -p "$source" "$build"
	[ -s "$source/newest" ] || (cd "$source" && get_source) >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		die "could not get the source package of PostgreSQL $PG_MAJOR"
	}
	dpkg-source --no-check -x "$source/$(cat "$source/newest")" "$build/source" >>"$log" 2>&1
	[ "$(id -u)" != 0 ] || chown -R postgres: "$build"
	LOGS+=("$log")
	read -ra options <<<"$(options_of "$kind")"
	# shellcheck disable=SC2016  # the inner shell's arguments
	attend "${AS_SERVER[@]}" sh -c 'cd "$1/source" && shift && exec ./configure "$@"' sh "$build" \
		--prefix=/usr --bindir="/usr/lib/postgresql/$PG_MAJOR/bin" \
		--libdir="$(pg_config --libdir)" --includedir=/usr/include/postgresql \
		--datadir="/usr/share/postgresql/$PG_MAJOR" --sysconfdir=/etc/postgresql-common \
		--disable-rpath --enable-cassert --enable-tap-tests \
		--with-libxml --without-readline \
		CFLAGS="$flags" "${options[@]}" >>"$log" 2>&1
	for name in src "${CONTRIB[@]/#/contrib/}"; do
		attend "${AS_SERVER[@]}" make -s -j "$(nproc)" COPT=-DUSE_VALGRIND \
			-C "$build/source/$name" >>"$log" 2>&1
	done
	for name in src "${CONTRIB[@]/#/contrib/}"; do
		attend make -s -C "$build/source/$name" install DESTDIR="$root" >>"$log" 2>&1
	done
	cp "$build/source/src/tools/valgrind.supp" "$root/"
	LOGS=()
	rm -rf "$build"
}

built_server()
{
	local kind=$1 made

	if [ "$(id -u)" = 0 ]; then
		find_roots
	else
		ROOTS=$WORK/roots
	fi
	BUILT=$ROOTS/servers/$PG_MAJOR-$kind
	made="$(options_of "$kind"), ${CONTRIB[*]}"
	hold servers
	if [ "$(cat "$BUILT/made" 2>/dev/null)" != "$made" ]; then
		rm -rf --one-file-system "$BUILT"
		mkdir -p "$BUILT"
		build_server "$kind" "$BUILT"
		echo "$made" >"$BUILT/made"
	fi
	let_go servers
}
