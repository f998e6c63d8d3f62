# transform.sh - what the transform costs, stage by stage; sourced by bench.sh.
#
# Processor time of one process (transform.c), no SQL and no I/O in it: events as an
# application gives them are parsed, validated, and then normalized, hashed and
# written into bodies of 1,000.
#
# The share of SHA-256 is the difference of two passes over each body, with
# libcrypto's digest and without it.  The price of Unicode is the difference
# between two kinds of events: typical purchases, all in ASCII, and the same
# ones with an umlaut in the email address, in both names, street and city, so
# that these go through ICU.  By turns, as always.
#
# shellcheck shell=bash

# purchases SQL FILE: events 1 to EVENTS, given the SQL text of one.
purchases()
{
	# Lines as they are: csv whose quote and delimiter never occur.
	sql -c "COPY (SELECT $1 FROM generate_series(1::bigint, $EVENTS) n) TO '$2'
		(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
}

# stage FILE EXPRESSION: of each round, in microseconds.  Columns of FILE, in
# nanoseconds: parse, validate, shape, shape without hash; then digests.
stage()
{
	awk "{ printf \"%.3f\\n\", ($2) / 1000 }" "$1"
}

# show_stages NAME FILE: medians over all rounds.  Sets MEDIAN_US, the
# microseconds of all that is asked for.
show_stages()
{
	local name=$1 file=$2 all validate write hash parse digests

	mapfile -t all < <(stage "$file" '$2 + $3')
	mapfile -t validate < <(stage "$file" '$2')
	mapfile -t write < <(stage "$file" '$4')
	mapfile -t hash < <(stage "$file" '$3 - $4')
	mapfile -t parse < <(stage "$file" '$1')
	digests=$(tail -n 1 "$file" | cut -d' ' -f5)
	MEDIAN_US=$(median "${all[@]}")
	say "  $name: $(calculate "int(1e6 / $MEDIAN_US)") events/s"
	show_side "validate, normalize, hash, write" us/event "${all[@]}"
	show_side "- validate" us/event "${validate[@]}"
	show_side "- normalize and write" us/event "${write[@]}"
	show_side "- SHA-256 ($digests digests)" us/event "${hash[@]}"
	show_side "besides: parse JSON text" us/event "${parse[@]}"
	show_ratio "SHA-256 / all but parse" "$(median "${hash[@]}")" "$MEDIAN_US" "none"
}

bench_transform()
{
	local round kind ascii unicode

	title "transform, $EVENTS events (email, phone, address, two items), bodies of 1,000, $ROUNDS rounds"
	make_here -C test/bench transform >"$WORK/bench.log" 2>&1 || { cat "$WORK/bench.log" >&2; die "the transform was not built"; }
	bench_database transform
	purchases "bench.purchase(n)" "$WORK/ascii"
	purchases "replace(replace(replace(replace(replace(bench.purchase(n)::text, 'Customer.', 'Cüstomer.'),
		'Ann', 'Änn'), 'O''Neill', 'Ö''Neill'), 'Main St.', 'Mäin St.'), 'San Francisco', 'Sän Francisco')" "$WORK/unicode"
	drop_bench_database
	rm -f "$WORK"/stages.*
	for ((round = 1; round <= ROUNDS; round++)); do
		for kind in ascii unicode; do
			"${AS_SERVER[@]}" "$BUILD/test/bench/transform" "$WORK/$kind" 1000 stages >>"$WORK/stages.$kind"
		done
	done
	show_stages "all in ASCII" "$WORK/stages.ascii"
	ascii=$MEDIAN_US
	show_stages "umlauts in five fields" "$WORK/stages.unicode"
	unicode=$MEDIAN_US
	show_ratio "umlauts / ASCII, time" "$unicode" "$ascii" "none"
	say "  five texts through ICU cost $(calculate "$unicode - $ascii") us more"
}
