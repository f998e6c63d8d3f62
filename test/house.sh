#!/bin/bash
# house.sh - rules of the sources that a program can check.  Prints TAP.
#
#	test/house.sh [DIRECTORY]	sources to check; default: this clone
#
# Each rule is a function that prints what breaks it, one finding a line, and
# nothing when all is well.  With ECAPI_LIBRARY set to the built library its
# symbols are checked, too.  Needs no server and writes nothing.
set -euo pipefail

cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

mapfile -t c_files < <(find src test -name '*.[ch]' | sort)
mapfile -t src_files < <(find src -name '*.[ch]' | sort)
mapfile -t shell_files < <(find test .ci -name '*.sh' -o -path '.ci/run' | sort)
manual=(README.md doc/*.md)
in_clone=$(git rev-parse --git-dir 2>/dev/null || true)
packaging=(debian/{changelog,control.in,rules} debian/tests/installcheck Dockerfile META.json CHANGELOG.md)
mapfile -t all_files < <(find src sql test .ci Makefile ecapi.control "${packaging[@]}" -type f \
	! -name '*.o' ! -name '*.bc' ! -name '*.so' ! -name '*.d' ! -path '*/bin/*' | sort)

# Foreign headers behind a wall: one .c for each library.
includers_of()
{
	local header=$1 found

	found=$(grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]$header" "${src_files[@]}" || true)
	[ "$(grep -c '\.c$' <<<"$found" || true)" = 1 ] && [ "$(wc -l <<<"$found")" = 1 ] ||
		printf 'included by: %s\n' "${found:-no file}"
}

one_file_includes_curl()
{
	includers_of 'curl/'
}

one_file_includes_json_c()
{
	includers_of 'json(-c/|\.h|_object|_tokener|_util)'
}

one_file_includes_lbfgs()
{
	includers_of 'lbfgs\.h'
}

one_file_includes_rdkafka()
{
	includers_of 'librdkafka/'
}

# What differs between servers is a wrapper of compat.h.
one_file_asks_for_the_server_version()
{
	grep -nE 'PG_VERSION_NUM|PG_MAJORVERSION|CATALOG_VERSION_NO' "${c_files[@]}" | grep -v '^src/compat\.h:' || true
}

# No SQL and no files in the stages that only transform.
pure_stages_do_no_sql()
{
	local folder

	for folder in src/event src/consent src/model src/html src/destination; do
		[ ! -d "$folder" ] || grep -rnE '\bSPI_[a-z]|executor/spi\.h|\b(fopen|OpenTransientFile|AllocateFile|socket|connect)[[:space:]]*\(' \
			--include='*.[ch]' "$folder" || true
	done
}

# The rooms, from the ground up.  A file includes only from its own room and from
# those before it; settings.h and compat.h stand below all, the other files at the
# top of src above all.
ROOMS=(event consent model html base shmem stat delivery bus destination outbox records enrich rowsql
	capture tracking history pipeline preview worker api predict report)

# Of what a room may do without the server, all but these is closed to it.
may_include()
{
	case $1 in
		event) echo event ;;
		consent) echo consent event ;;
		model) echo model ;;
		html) echo html event ;;
		delivery) echo delivery event ;;
		bus) echo bus delivery/{producer,request,peer}.h ;;
		destination) echo destination event consent delivery/{request,token,retry_policy}.h ;;
		*) echo "${ROOMS[*]}" | sed "s/\\b$1\\b.*/$1/" ;;
	esac
}

includes_point_down()
{
	local room file line target allowed entry ok

	for file in src/*; do
		[ ! -d "$file" ] || ! compgen -G "$file/*.[ch]" >/dev/null || [[ " ${ROOMS[*]} " == *" ${file#src/} "* ]] || printf 'no room: %s\n' "$file"
		[ -d "$file" ] || [[ $file =~ ^src/(ecapi|settings|compat)\.[cho]$ ]] ||
			[[ $file =~ \.(d|bc)$ ]] || printf 'in no room: %s\n' "$file"
	done
	for room in "${ROOMS[@]}"; do
		allowed="$(may_include "$room") settings.h compat.h"
		while IFS=: read -r file line target; do
			[ -n "$file" ] || continue
			ok=
			for entry in $allowed; do
				case $target in
					"$entry" | "$entry"/*) ok=1 ;;
				esac
			done
			[ -n "$ok" ] || printf '%s:%s includes %s\n' "$file" "$line" "$target"
		done < <(grep -rnoE --include='*.[ch]' '^#include "[^"]*"' "src/$room" |
			sed -e 's/#include "//' -e 's/"$//' |
			while IFS=: read -r file line target; do
				[ ! -f "src/$target" ] || printf '%s:%s:%s\n' "$file" "$line" "$target"
			done)
	done
}

# A module is a .c and its header.  Of two modules at most one includes the other,
# directly or through others.  settings.h and compat.h stand below all, the other files
# at the top of src above all.
includes_have_no_circles()
{
	perl -e '
		my (%includes, %index, %low, @open, %is_open);

		for my $file (@ARGV)
		{
			my ($module) = $file =~ m{^src/(.*/.*)\.[ch]$} or next;

			open my $in, "<", $file or die "$file: $!\n";
			while (<$in>)
			{
				$includes{$module}{$1} = 1 if m{^#include "(.*/.*)\.h"} && $1 ne $module && -f "src/$1.h";
			}
		}
		sub visit
		{
			my ($module) = @_;
			my @circle;

			$low{$module} = $index{$module} = keys %index;
			push @open, $module;
			$is_open{$module} = 1;
			for my $next (sort keys %{ $includes{$module} })
			{
				visit($next) unless defined $index{$next};
				$low{$module} = $low{$next} if $is_open{$next} && $low{$next} < $low{$module};
			}
			return if $low{$module} != $index{$module};
			do { push @circle, pop @open; delete $is_open{ $circle[-1] } } until $circle[-1] eq $module;
			print "circle: ", join(" ", sort @circle), "\n" if @circle > 1;
		}
		defined $index{$_} or visit($_) for sort keys %includes;' "${src_files[@]}"
}

# A second guard of the same name would hide a header from its reader.
names_are_unique()
{
	for file in "${src_files[@]}"; do basename "$file"; done | sort | uniq -d | sed 's/^/file /'
	grep -hoE '^#ifndef ECAPI_[A-Z0-9_]*_H$' "${src_files[@]}" | sort | uniq -d
	grep -hoE '^(\} |typedef [^(]*\b)Ecapi[A-Za-z0-9]*;' "${src_files[@]}" |
		grep -oE 'Ecapi[A-Za-z0-9]*;' | sort | uniq -d | sed 's/^/type /'
}

# Words that a reader has to translate first, and comments that only point elsewhere.
prose_is_plain()
{
	grep -InwiE 'who''ever|me''nd|men''ded|an''ew|le''st|so ma''ny' "${all_files[@]}" "${manual[@]}" || true
	grep -nE '^/\* See [a-z_]+\.[ch]\. \*/$' "${src_files[@]}" || true
}

nothing_is_left_to_do()
{
	# The last of the words is also a currency code: only where it opens a comment.
	grep -InE '\b(TO''DO|FIX''ME)\b|(/\*|//|--|#|^[[:space:]]*\*)[[:space:]]*XX''X\b' "${all_files[@]}" || true
}

# What auto_explain shows of the arguments of a statement is up to base/statement.c.
arguments_go_by_one_way()
{
	grep -nE '\b(SPI_execute_with_args|SPI_execute_plan|SPI_execp|makeParamList)[[:space:]]*\(' "${src_files[@]}" |
		grep -vE '^src/base/statement\.[ch]:' || true
}

every_report_has_a_code()
{
	perl -0777 -ne '
		s{/\*.*?\*/}{my $c = $&; $c =~ tr/\n//cd; $c}gse;
		while (/\bereport\s*(\((?:[^()"]++|"(?:\\.|[^"\\])*"|(?1))*\))/g)
		{
			my ($start, $text) = ($-[0], $1);
			next if $text =~ /\berrcode(_for_\w+)?\s*\(/;
			my $line = 1 + (substr($_, 0, $start) =~ tr/\n//);
			print "$ARGV:$line\n";
		}' "${src_files[@]}"
}

every_file_opens_with_its_idea()
{
	local file

	for file in "${all_files[@]}"; do
		case $file in
			*.c | *.h | *.def) head -n 1 "$file" | grep -q '^/\*' || say_missing "$file" ;;
			*.sh | *.pl | .ci/run | */Makefile | Makefile | Dockerfile | debian/rules | debian/tests/installcheck)
				sed -n '1{/^#!/d};1,2p' "$file" | grep -q '^# .' || say_missing "$file" ;;
			*.sql | *.spec) head -n 2 "$file" | grep -qE '^(--|/\*|#|\\echo)' || say_missing "$file" ;;
		esac
	done
}

say_missing()
{
	printf '%s has no head comment\n' "$1"
}

files_stay_small()
{
	wc -l "${c_files[@]}" "${shell_files[@]}" | awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines" }'
}

the_front_page_stays_short()
{
	wc -l README.md | awk '$1 > 400 { print $2 ": " $1 " lines" }'
}

# Links of the manual: pages and headings exist.  A page of doc is installed without
# README.md, so it links to pages of doc alone.
links_lead_somewhere()
{
	perl -e '
		for my $page (@ARGV)
		{
			my ($fenced, %taken) = (0);

			open my $in, "<", $page or die "$page: $!\n";
			while (my $line = <$in>)
			{
				$fenced = !$fenced if $line =~ /^```/;
				next if $fenced;
				if ($line =~ /^#+ (.*)$/)
				{
					(my $anchor = lc $1) =~ s/[^\w\- ]//g;
					$anchor =~ tr/ /-/;
					$anchor{$page}{ $taken{$anchor}++ ? "$anchor-" . ($taken{$anchor} - 1) : $anchor } = 1;
				}
				push @link, [ $page, $., $1 ] while $line =~ /\]\(([^)\s]+)\)/g;
			}
		}
		for my $link (@link)
		{
			my ($page, $line, $target) = @$link;
			my ($file, $heading) = split /#/, $target, 2;
			my ($folder) = $page =~ m{^(.*/)};

			$file = $file eq "" ? $page : ($folder // "") . $file;
			if (!$anchor{$file} || $file =~ /\.\./)
			{
				print "$page:$line: no page $target\n";
			}
			elsif (defined $heading && !$anchor{$file}{$heading})
			{
				print "$page:$line: no heading $target\n";
			}
		}' "${manual[@]}"
}

# Files of the clone that the manual names; the receiver is built by what it says.
# What a build left here stands in no fresh clone, so git's ignored files do not count.
files_of_the_manual_exist()
{
	local place name

	while IFS=: read -r place name; do
		[ -n "$(compgen -G "$name" | without_built)" ] || printf '%s names %s\n' "$place" "$name"
	done < <(grep -oE '\b(src|sql|test|expected)/[][A-Za-z0-9_/.*-]*[A-Za-z0-9/]' "${manual[@]}" | grep -v '/receiver/receiver$')
}

# Pass on names of files, but for those that git ignores.  Outside of a clone all pass.
without_built()
{
	local name

	while read -r name; do
		if [ -z "$in_clone" ] || ! git check-ignore -q "$name"; then
			printf '%s\n' "$name"
		fi
	done
}

the_makefile_names_every_source()
{
	diff <(find src -name '*.c' | sed 's/\.c$/.o/' | sort) \
		<(grep -oE 'src/[a-z0-9_/]+\.o' Makefile | sort -u) | grep '^[<>]' || true
}

# A column that a later version of a table has is not to be in the way of this library.
inserts_name_their_columns()
{
	grep -rnE 'INSERT INTO ecapi(_internal)?\.[a-z_]+' --include='*.c' src | grep -vE 'INSERT INTO ecapi(_internal)?\.[a-z_]+ (AS [a-z]+ )?\(' || true
}

# doc/internals.md has the reasons ("How to change the SQL surface").
steps_keep_the_rules()
{
	perl -e '
		for my $file (@ARGV)
		{
			my ($to) = $file =~ m{--[0-9.]+--([0-9.]+)\.sql$} or next;

			open my $in, "<", $file or die "$file: $!\n";
			my $text = join "", <$in>;
			$text =~ s{--.*}{}g;
			print "$file does not ask for its library\n" unless $text =~ /^SELECT ecapi_internal\.require_library\(\x27\Q$to\E\x27\);/m;
			print "$file does not set its search_path\n" unless $text =~ /\A\s*\\echo [^\n]*\n\s*SET LOCAL search_path = pg_catalog, pg_temp;/;
			print "$file defines no function\n" unless $text =~ /^CREATE (?:OR REPLACE )?FUNCTION /m;
			my %own = map { $_ => 1 } $text =~ /^\s*CREATE (?:FUNCTION|PROCEDURE|VIEW|TABLE|SEQUENCE|SCHEMA|FOREIGN DATA WRAPPER) (?:ecapi(?:_internal)?\.|\@extschema\@\.)?(\w+)/mg;
			while ($text =~ /^(GRANT|REVOKE)\s+[\w, \n]+?\s+ON\s+(?:FUNCTION|PROCEDURE|ROUTINE|TABLE|SEQUENCE|SCHEMA|FOREIGN DATA WRAPPER)?\s*(.*?)\s+(?:TO|FROM)\s+\w+/msg)
			{
				my ($what, $list) = ($1, $2);

				1 while $list =~ s/\([^()]*\)//g;
				for my $name (split /\s*,\s*/, $list)
				{
					my ($object) = $name =~ /(\w+)$/;
					print "$file: $what on $name, which an older version made\n" unless defined $object && $own{$object};
				}
			}
		}' sql/*.sql
}

shell_scripts_are_clean()
{
	shellcheck -x -P test -S warning "${shell_files[@]}" || true
}

symbols_carry_our_name()
{
	local library libraries=("$ECAPI_LIBRARY")

	for library in model report kafka; do
		[ "$library" = kafka ] && [ ! -e "${ECAPI_LIBRARY%.so}_kafka.so" ] || libraries+=("${ECAPI_LIBRARY%.so}_$library.so")
	done
	nm -D --defined-only "${libraries[@]}" |
		awk 'NF == 3 && $3 !~ /^(ecapi_|Ecapi|pg_finfo_ecapi_|_PG_init$|Pg_magic_func$|_init$|_fini$)/ { print $3 }'
}

# The library that is preloaded has nothing of predictions and nothing of reports.
the_preloaded_library_predicts_nothing()
{
	objdump -p "$ECAPI_LIBRARY" | grep -E 'NEEDED.*(lbfgs|rdkafka)' || true
	nm --defined-only "$ECAPI_LIBRARY" | grep -E ' ecapi_(kafka_producers|lines|bgnbd|pareto|gammagamma|ziln|optimize|fit|html|chart|section|words)' || true
}

number=0
bad=0

# check RULE WORDS...: one line of TAP.
check()
{
	local rule=$1 findings

	shift
	number=$((number + 1))
	findings=$("$rule" 2>&1) || findings=${findings:-the check itself failed}
	if [ -z "$findings" ]; then
		printf 'ok %d - %s\n' "$number" "$*"
	else
		bad=$((bad + 1))
		printf 'not ok %d - %s\n' "$number" "$*"
		head -n 60 <<<"$findings" | sed 's/^/#   /' >&2
	fi
}

skip()
{
	number=$((number + 1))
	printf 'ok %d # skip %s\n' "$number" "$*"
}

check one_file_includes_curl 'one file includes libcurl'
check one_file_includes_json_c 'one file includes json-c'
check one_file_includes_lbfgs 'one file includes liblbfgs'
check one_file_includes_rdkafka 'one file includes librdkafka'
check one_file_asks_for_the_server_version 'one file asks for the version of the server'
check pure_stages_do_no_sql 'no SQL, no files, no sockets in event, consent, model, html, destination'
check includes_point_down 'includes point down, room by room'
check includes_have_no_circles 'includes have no circles'
check names_are_unique 'names of files, guards and types are unique'
check prose_is_plain 'plain words, and no comment that only points elsewhere'
check nothing_is_left_to_do 'nothing is marked as left to do'
check arguments_go_by_one_way 'arguments of statements go through ecapi_params()'
check every_report_has_a_code 'every report has an error code'
check every_file_opens_with_its_idea 'every file opens with a comment'
check files_stay_small 'no file is longer than 800 lines'
check the_front_page_stays_short 'README.md has at most 400 lines'
check links_lead_somewhere 'links of the manual lead somewhere'
check files_of_the_manual_exist 'files that the manual names exist'
check the_makefile_names_every_source 'the Makefile names every source file'
check inserts_name_their_columns 'statements name the columns that they insert'
check steps_keep_the_rules 'upgrade steps keep their rules'
if command -v shellcheck >/dev/null; then
	check shell_scripts_are_clean 'shellcheck finds nothing'
else
	skip 'shellcheck is not installed'
fi
if [ -n "${ECAPI_LIBRARY:-}" ]; then
	check symbols_carry_our_name 'every symbol of the libraries carries our name'
	check the_preloaded_library_predicts_nothing 'the preloaded library has no model, no optimizer, no report and no producer'
else
	skip 'no library given'
	skip 'no library given'
fi
printf '1..%d\n' "$number"
exit $((bad > 0))
