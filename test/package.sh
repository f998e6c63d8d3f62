#!/bin/bash
# package.sh - the Debian package and the container image, made and used in empty roots.
#
#	test/package.sh						all of the below, of the release that this machine runs
#	test/package.sh RELEASE [PART...]	of another release, which has another server; parts:
#
#	package		builds the package in a root that has its build dependencies and nothing
#				else, shows what lintian says and which files the package has; then, in an
#				empty root, runs the commands of README.md ("From packages") until the test
#				receiver has the first event, removes it as the manual says, purges the
#				package, and compares the files
#	image		runs the steps of the Dockerfile, in a root that stands for the official
#				image (a server, no cluster), and delivers an event from what it has made
#	installcheck	debian/tests: the regress and isolation tests against the installed
#				package; some minutes, only where it is named
#
# Installs missing packages, needs root's rights, and closes with the line
# "N passed, N failed"; where roots cannot be made it says why and skips all.
# roots.sh says how roots are made, and where they stay for the next run.
set -euo pipefail

# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=test/parts.sh
. "$(dirname "${BASH_SOURCE[0]}")/parts.sh"
# shellcheck source=test/roots.sh
. "$(dirname "${BASH_SOURCE[0]}")/roots.sh"

# check WORDS COMMAND...: one test, with what a failing command has printed.  A function
# that is called so returns by itself where a step has failed: set -e is off in it.
check()
{
	local words=$1 log=$WORK/check.log

	shift
	if "$@" >"$log" 2>&1; then
		PASSED=$((PASSED + 1))
		say "ok - $words"
	else
		FAILED=$((FAILED + 1))
		say "not ok - $words"
		tail -n 40 "$log" | sed 's/^/#   /'
		return 1
	fi
}

# ------------------------------------------------------------------- package

# The root in which packages are built stays, as long as what they need does.
make_builder()
{
	BUILDER=$ROOTS/$release.build
	if ! cmp -s "$BUILD/debian/control.in" "$BUILDER/control.in"; then
		rm -rf "$BUILDER"
		make_root "$release" "$BUILDER" || return
		cp -a "$BUILD" "$BUILDER/source" || return
		inside "$BUILDER" sh -c 'apt-get update -q && cd /source &&
			apt-get build-dep -y -q --no-install-recommends . &&
			apt-get install -y -q --no-install-recommends lintian' || return
		cp "$BUILD/debian/control.in" "$BUILDER/control.in"
	fi
	rm -rf "$BUILDER/source" "$BUILDER"/*.deb
	cp -a "$BUILD" "$BUILDER/source"
	chown -R root: "$BUILDER/source"
}

# debian/control is that of the release which the clone is for; of another it has
# other servers, and is written first.
build_package()
{
	if [ "$release" != "$(machine_release)" ]; then
		inside "$BUILDER" sh -c 'cd /source && pg_buildext updatecontrol' || return
	fi
	inside "$BUILDER" sh -c "cd /source && LC_ALL=C.UTF-8 DEB_BUILD_OPTIONS='parallel=$(nproc) noautodbgsym' dpkg-buildpackage -us -uc" ||
		return
	DEB=$(cd "$BUILDER" && find . -maxdepth 1 -name 'postgresql-*-ecapi_*.deb' | sed 's,^\./,,' | sort -V | tail -n 1)
	PACKAGE=${DEB%%_*}
	MAJOR=${PACKAGE//[!0-9]/}
	[ -n "$MAJOR" ]
}

# The library of Kafka is not in the package but in one of its own, and with it what it needs.
kafka_is_apart()
{
	local kafka=${DEB/-ecapi_/-ecapi-kafka_} library=./usr/lib/postgresql/$MAJOR/lib/ecapi_kafka.so

	inside "$BUILDER" sh -c "dpkg-deb -c /$kafka" | grep -F "$library" &&
		inside "$BUILDER" sh -c "dpkg-deb -f /$kafka Depends" | grep -E "librdkafka1.*postgresql-$MAJOR-ecapi \(|postgresql-$MAJOR-ecapi \(.*librdkafka1" &&
		! inside "$BUILDER" sh -c "dpkg-deb -c /$DEB" | grep -F ecapi_kafka &&
		! inside "$BUILDER" sh -c "dpkg-deb -f /$DEB Depends" | grep -F rdkafka
}

run_lintian()
{
	inside "$BUILDER" sh -c 'LC_ALL=C.UTF-8 lintian --allow-root --fail-on error --fail-on warning /*.changes'
}

# The block of README.md between "<!-- package -->" and the end of the fence, for this
# server and a receiver of ours.
commands_of_readme()
{
	sed -n '/^<!-- package -->$/,/^```$/p' "$REPO/README.md" | sed -e '1,2d' -e '$d' \
		-e "s/postgresql-15-/postgresql-$MAJOR-/g" -e "s,/postgresql/15/,/postgresql/$MAJOR/,g" \
		-e "s/127\.0\.0\.1:[0-9]*/127.0.0.1:$RECEIVER_PORT/"
}

# Commands of the block: lines, those of a here-document together.
count_commands()
{
	awk '/<</ && !inside { n++; inside = 1; next } inside { if ($0 == "END") inside = 0; next } NF { n++ } END { print n }'
}

# What one shell does in the empty root.  The list before is what was there when the
# package was installed and not used yet, less what the package alone owns; data,
# logs and apt's own files are not of the package.
write_use()
{
	commands_of_readme >"$1/root/commands"
	cat >"$1/root/use" <<-END
		set -eu
		cd /root
		export package=$PACKAGE
	END
	cat >>"$1/root/use" <<-'END'
		# all files and folders that outlive a command
		list()
		{
			find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root \
				-o -path '/var/log' -o -path '/var/cache' -o -path '/var/lib/apt' -o -path '/var/lib/dpkg' \
				-o -path '/var/lib/postgresql' -o -path '/etc/postgresql/*/main/conf.d' \) -prune -o -print | sort
		}
		sql()
		{
			su postgres -c "psql -X -A -t -q -v ON_ERROR_STOP=1 -c \"$1\""
		}
		head -n 2 commands >first
		tail -n +3 commands >then
		sh -eu ./first
		list >installed
		dpkg -L "$package" | sort -u | while read -r path; do
			[ "$(dpkg -S "$path" 2>/dev/null | sed 's/: .*//' | tr -d ' ' | sed 's/:[a-z0-9]*//g')" != "$package" ] || echo "$path"
		done >owned
		comm -23 installed owned >before
		sh -eu ./then
		i=0
		until [ "$(sql 'SELECT delivered = 1 FROM ecapi.destination')" = t ]; do
			i=$((i + 1))
			[ "$i" -lt 600 ] || { sql 'TABLE ecapi.destination' >&2; exit 1; }
			sleep 0.2
		done
		# but what it says of a release that is not the newest
		sql "SELECT what FROM ecapi.check() WHERE severity <> 'ok' AND what !~ '^PostgreSQL .* has a fault'" >doctor
		# the other libraries, and what they are linked with
		sql "LOAD 'ecapi_model'"
		sql "LOAD 'ecapi_report'"
		sql 'DROP EXTENSION ecapi CASCADE'
		rm -r /etc/ecapi /etc/postgresql/*/main/conf.d/ecapi.conf
		service postgresql restart
		apt-get purge -y -q "$package"
		service postgresql restart
		[ "$(sql 'SELECT 1')" = 1 ]
		service postgresql stop
		list >after
		find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /root -o -path /var/cache/apt \
			-o -path /var/lib/postgresql \) -prune -o -name '*ecapi*' -print >named
		dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | grep ecapi >status || true
	END
}

# same FILE OTHER: no difference; says it where there is one.
same()
{
	diff "$1" "$2"
}

part_package()
{
	local root=$WORK/empty

	check "its build dependencies can be installed" make_builder || return 0
	check "the package builds" build_package || return 0
	check "lintian finds no error and no warning" run_lintian || true
	sed 's/^/    /' "$WORK/check.log"
	say "files of $DEB:"
	inside "$BUILDER" dpkg-deb -c "/$DEB" | awk '$1 !~ /^d/ { print "    " $3, $6, $7, $8 }'
	check "the library of Kafka is a package of its own" kafka_is_apart || true
	check "the package has no scripts of its own" same <(inside "$BUILDER" dpkg-deb --ctrl-tarfile "/$DEB" | tar -t | sort) \
		<(printf '%s\n' ./ ./control ./md5sums) || true

	start_receiver --port 0 --expect-auth 'Bearer demo-token' --events "$WORK/received"
	make_root "$release" "$root"
	cp "$BUILDER/$DEB" "$root/root/"
	write_use "$root"
	say "commands of README.md:"
	sed 's/^/    /' "$root/root/commands"
	check "they are six at most" test "$(count_commands <"$root/root/commands")" -le 6 || true
	check "from an empty root to the first event, and back" inside "$root" sh /root/use || return 0
	check "the receiver has the event" grep -q '"id":"order-42"' "$WORK/received" || true
	check "the doctor found nothing" same "$root/root/doctor" /dev/null || true
	check "after the purge there are the $(wc -l <"$root/root/before") files and folders that were there without it" \
		same "$root/root/before" "$root/root/after" || true
	check "nothing is named after it" same "$root/root/named" /dev/null || true
	check "dpkg remembers nothing" same "$root/root/status" /dev/null || true
}

# --------------------------------------------------------------------- image

# stage N: the steps of the Dockerfile's Nth stage, one a line, continued lines joined.
stage()
{
	sed -e '/^#/d' "$REPO/Dockerfile" | sed -e ':a' -e '/\\$/{N' -e 's/\\\n//' -e 'ta' -e '}' |
		awk -v n="$1" '$1 == "FROM" { stage++ } stage == n && $1 != "FROM" && NF'
}

# run_stage N ROOT: RUN in the root, COPY from the clone or from the first stage.
run_stage()
{
	local word rest target

	while read -r word rest; do
		case $word in
			RUN) inside "$2" env "PG_MAJOR=$MAJOR" sh -ec "$rest" || return ;;
			COPY)
				target=${rest##* }
				mkdir -p "$2$target"
				case $rest in
					--from=build\ *)
						rest=${rest#* }
						cp -a "$BUILDER${rest% *}." "$2$target" || return
						;;
					*)
						read -ra rest <<<"${rest% *}"
						if [ ${#rest[@]} = 1 ] && [ -d "$BUILD/${rest[0]}" ]; then
							cp -a "$BUILD/${rest[0]}/." "$2$target" || return
						else
							cp -a "${rest[@]/#/$BUILD/}" "$2$target" || return
						fi
						;;
				esac
				;;
			*) die "the Dockerfile has a step that is not known here: $word" ;;
		esac
	done < <(stage "$1")
}

# What the official image is to us: a server of its version, and no cluster.
make_official()
{
	make_root "$release" "$1" || return
	mkdir -p "$1/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' >"$1/etc/postgresql-common/createcluster.d/image.conf"
	inside "$1" sh -c "apt-get update -q && apt-get install -y -q --no-install-recommends postgresql-$MAJOR"
}

# As the entry point of the image does it: initdb and start as postgres.
write_start()
{
	cat >"$1/root/start" <<-END
		set -eu
		bin=/usr/lib/postgresql/$MAJOR/bin
		data=/var/lib/postgresql/data
		port=$RECEIVER_PORT
	END
	cat >>"$1/root/start" <<-'END'
		install -d -o postgres -m 1777 /var/run/postgresql
		printf 'demo-token\n' | install -o postgres -m 600 /dev/stdin /etc/ecapi/demo.token
		su postgres -c "$bin/initdb -D $data -E UTF8 --locale=C.UTF-8 && $bin/pg_ctl -D $data -o '-c listen_addresses=' -l /tmp/log -w start"
		su postgres -c 'psql -X -q -v ON_ERROR_STOP=1' <<-SQL
			CREATE EXTENSION ecapi;
			CREATE SERVER demo FOREIGN DATA WRAPPER ecapi
			    OPTIONS (url 'http://127.0.0.1:$port/events', data_set_id 'shop-1');
			CREATE USER MAPPING FOR PUBLIC SERVER demo OPTIONS (access_token_file 'demo.token');
			SELECT ecapi_emit('generate_lead', id => 'image-1');
			-- the other libraries, and what they are linked with
			LOAD 'ecapi_model';
			LOAD 'ecapi_report';
			LOAD 'ecapi_kafka';
		SQL
		i=0
		until [ "$(su postgres -c "psql -X -A -t -c 'SELECT delivered = 1 FROM ecapi.destination'")" = t ]; do
			i=$((i + 1))
			[ "$i" -lt 600 ] || { cat /tmp/log >&2; exit 1; }
			sleep 0.2
		done
		su postgres -c "$bin/pg_ctl -D $data -w stop"
	END
}

part_image()
{
	local root=$WORK/image

	if [ -z "${MAJOR:-}" ]; then
		check "the build dependencies can be installed" make_builder || return 0
		MAJOR=$(inside "$BUILDER" sh -c 'cd /source && pg_buildext supported-versions' | tail -n 1)
	fi
	[ -n "$RECEIVER_PID" ] || start_receiver --port 0 --expect-auth 'Bearer demo-token' --events "$WORK/received"
	rm -rf "$BUILDER/ecapi" "$BUILDER/out"
	check "the first stage of the Dockerfile" run_stage 1 "$BUILDER" || return 0
	check "a root stands for the official image" make_official "$root" || return 0
	check "the second stage" run_stage 2 "$root" || return 0
	write_start "$root"
	check "a server of the image delivers an event" inside "$root" sh /root/start || return 0
	check "the receiver has it" grep -q '"id":"image-1"' "$WORK/received" || true
	rm -rf "$root"
}

# -------------------------------------------------------------- installcheck

part_installcheck()
{
	[ -n "${MAJOR:-}" ] || { make_builder && build_package; } >"$WORK/check.log" 2>&1 || die "the package does not build"
	check "the package installs where it was built" inside "$BUILDER" sh -c "apt-get install -y -q --reinstall /$DEB" || return 0
	chown -R games: "$BUILDER/source"
	check "debian/tests: installcheck" inside "$BUILDER" setpriv --reuid=games --regid=games --clear-groups \
		env HOME=/source LC_ALL=C.UTF-8 sh -c 'cd /source && sh debian/tests/installcheck' || true
	inside "$BUILDER" apt-get purge -y -q "$PACKAGE" >/dev/null
}

# ---------------------------------------------------------------------- main

release=${1:-$(machine_release)}
shift || true
parts=("$@")
# the Dockerfile names its release
image_release=$(sed -n 's/^FROM postgres:.*-\([a-z]*\)$/\1/p' "$REPO/Dockerfile" | tail -n 1)
if [ ${#parts[@]} = 0 ]; then
	parts=(package)
	[ "$release" != "$image_release" ] || parts+=(image)
fi
for part in "${parts[@]}"; do
	case $part in
		package | image | installcheck) ;;
		*) die "usage: test/package.sh [RELEASE [package|image|installcheck]...]" ;;
	esac
done

why=$(why_no_roots)
if [ -n "$why" ]; then
	say "skipped: $why"
	exit 0
fi
need_packages "${PACKAGES[@]}"
make_work
PG_CONFIG=$(command -v pg_config)
BUILD=$WORK/build
RECEIVER_PID=
find_roots
hold "$release.build"
copy_sources
for part in "${parts[@]}"; do
	say "== $part"
	"part_$part"
done
finish
