# documents.sh - what a document of any shape costs to capture; sourced by bench.sh.
#
# A document that anybody may have written stands beside a row: as the fragment of
# "*", in a mapped json column, or unmapped in a row that is set aside.  Measured is
# the processor time of the backend (Linux tells it in /proc/self/schedstat), a
# kilobyte of the text as it was given, over that of the same row into a
# table without a track.  Each shape comes in three sizes, by turns: where the
# cost of a kilobyte is that of the best size, the work is linear in the
# document, and no document stops the shop.
#
# shellcheck shell=bash

bench_documents()
{
	title "documents, 4 to 120 kB each, $ROUNDS rounds, delivery off"
	set_delivery off
	bench_database documents
	sql -f "$BUILD/test/bench/documents.sql" >/dev/null
	sql -c "CALL documents.measure($ROUNDS, 2000000)" >/dev/null
	"${AS_SERVER[@]}" "$BINDIR/psql" -X -q -P footer=off <<-'SQL'
		WITH of_size AS (SELECT shape, goes, bytes, percentile_cont(0.5) WITHIN GROUP (ORDER BY ns_per_kb) AS ns
		    FROM documents.measured GROUP BY 1, 2, 3)
		SELECT shape, goes AS "column", string_agg((ns / 1000)::numeric(10, 2)::text, ' / ' ORDER BY bytes) AS "us/kB at 4 / 30 / 120 kB",
		    (max(ns) / min(ns))::numeric(10, 2) AS "worst / best size (aim: at most 2)"
		FROM of_size GROUP BY 1, 2 ORDER BY 1, 2;
	SQL
	drop_bench_database
}
