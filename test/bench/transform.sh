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
# that these go through ICU.  Bodies of both kinds are taken by turns.
#
# Besides: what consent strings cost (consent.c), TC strings with 900 vendors as bits and
# as ranges, and one of the national section of the United States.
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

# show_stages NAME FILE: medians over all rounds.  Sets ALL_US, each round's
# microseconds of all stages that are asked for.
show_stages()
{
	local name=$1 file=$2 validate write hash parse digests

	mapfile -t ALL_US < <(stage "$file" '$2 + $3')
	mapfile -t validate < <(stage "$file" '$2')
	mapfile -t write < <(stage "$file" '$4')
	mapfile -t hash < <(stage "$file" '$3 - $4')
	mapfile -t parse < <(stage "$file" '$1')
	digests=$(tail -n 1 "$file" | cut -d' ' -f5)
	say "  $name: $(calculate "int(1e6 / $(median "${ALL_US[@]}"))") events/s"
	show_side "validate, normalize, hash, write" us/event "${ALL_US[@]}"
	show_side "- validate" us/event "${validate[@]}"
	show_side "- normalize and write" us/event "${write[@]}"
	show_side "- SHA-256 ($digests digests)" us/event "${hash[@]}"
	show_side "besides: parse JSON text" us/event "${parse[@]}"
	show_ratio "SHA-256 / all but parse" "none" "${hash[@]}" / "${ALL_US[@]}"
}

bench_transform()
{
	local round ascii kind ns us

	title "transform, $EVENTS events (email, phone, address, two items), bodies of 1,000, $ROUNDS rounds"
	make_here -C test/bench transform consent >"$WORK/bench.log" 2>&1 || { cat "$WORK/bench.log" >&2; die "the transform was not built"; }
	bench_database transform
	purchases "bench.purchase(n)" "$WORK/ascii"
	purchases "replace(replace(replace(replace(replace(bench.purchase(n)::text, 'Customer.', 'Cüstomer.'),
		'Ann', 'Änn'), 'O''Neill', 'Ö''Neill'), 'Main St.', 'Mäin St.'), 'San Francisco', 'Sän Francisco')" "$WORK/unicode"
	drop_bench_database
	rm -f "$WORK"/stages.* "$WORK"/consent.*
	for ((round = 1; round <= ROUNDS; round++)); do
		"${AS_SERVER[@]}" "$BUILD/test/bench/transform" "$WORK/ascii" 1000 stages "$WORK/unicode" >"$WORK/stages"
		while read -r kind ns; do
			calculate "$ns / 1000" >>"$WORK/consent.$kind"
		done < <("${AS_SERVER[@]}" "$BUILD/test/bench/consent")
		sed -n 1p "$WORK/stages" >>"$WORK/stages.ascii"
		sed -n 2p "$WORK/stages" >>"$WORK/stages.unicode"
	done
	show_stages "all in ASCII" "$WORK/stages.ascii"
	ascii=("${ALL_US[@]}")
	show_stages "umlauts in five fields" "$WORK/stages.unicode"
	show_ratio "umlauts / ASCII, time" "none" "${ALL_US[@]}" / "${ascii[@]}"
	for kind in bits ranges usnat; do
		mapfile -t us <"$WORK/consent.$kind"
		show_side "a consent string, $kind, decoded and decided by" us/event "${us[@]}"
	done
	say "  five texts through ICU cost $(calculate "$(median "${ALL_US[@]}") - $(median "${ascii[@]}")") us more"
}
