# Reports as people see them: pages of ecapi.report() and ecapi.trace_report() in headless
# Chromium, in light, in the dark, on a phone and on paper.
#
# Destinations end events in all ways, under names that are hard to write; a table is
# tracked, another has a fitted model, and a second database has a destination of the same
# name.  What stands in the page's own DOM has to be what views and tables say, asked for
# here in other words.  test/oracle/page.js looks at the rest: requests, errors, axe-core,
# and what scrolls.
#
# Chromium is Debian's; axe-core comes as 340_oracles.pl has its packages.  Where either is
# not there, nothing is looked at, and the test says so.  ECAPI_SCREENSHOTS names a
# directory that keeps the pictures.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiOracle;
use EcapiReceiver;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my ($chromium) = grep { -x } map { "$_/chromium" } split /:/, $ENV{PATH};

if (!defined $chromium)
{
	diag('chromium is not there: no page was looked at');
	plan skip_all => 'chromium is not there';
}

my $oracle = EcapiOracle->new(packages => { 'axe-core' => '4.14.1' }, seconds => 900);
my $pictures = $ENV{ECAPI_SCREENSHOTS} // $oracle->file('pictures');
my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "timezone = 'UTC'\n");

-d $pictures or mkdir $pictures or die "mkdir: $!";

# --- destinations, and what becomes of events there

my $shop = q(shop "live" <script>alert('1')</script>);
my $wide = '广' x 21;
my $lines = "two\nlines & 'quotes'";
my %types = (data_set_id => 'shop', event_types => 'purchase');

for ([ $shop, '/plain', {} ], [ $wide, '/wide', { mode => 'shadow' } ], [ $lines, '/lines/echo/reject-if=bad', { batch_size => 10 } ],
	[ 'again', '/again/status=503/first=2', { batch_size => 20 } ], [ 'careful', '/careful', { consent => 'required' } ],
	[ 'worth it', '/worth', { filter => 'value > 20' } ])
{
	my ($name, $path, $options) = @$_;

	$cluster->destination($name =~ s/"/""/gr, $receiver->url($path), { %types, %$options });
}
$cluster->sql(<<'END');
SELECT count(ecapi_emit(event => jsonb_build_object('event_type', t, 'value', i * 1.25, 'currency_code', CASE WHEN i % 5 = 0 THEN 'USD' ELSE 'EUR' END,
	'id', t || CASE WHEN i % 13 = 0 THEN '-bad-' ELSE '-' END || i,
	'user_data', jsonb_build_object('email_address', 'ann' || i || '@example.com', 'phone_numbers', jsonb_build_array('+4971155500' || i),
		'ext', jsonb_build_object('consent', CASE i % 3 WHEN 0 THEN '{"ad_user_data": true, "ad_personalization": true}'::jsonb
			WHEN 1 THEN '{"ad_user_data": true, "ad_personalization": false}' ELSE '{"ad_user_data": false}' END)))))
FROM unnest('{purchase,refund}'::text[]) t, generate_series(1, 60) i
END

# --- tracks: one is complete, of another two rows were written behind its back

$cluster->sql(<<'END');
CREATE TABLE "Bestellungen <b>" (id int PRIMARY KEY, total numeric, at timestamptz DEFAULT now());
SELECT ecapi.track('"Bestellungen <b>"', 'purchase', '{"value": "total", "currency_code": "''EUR''", "timestamp": "at"}');
CREATE TABLE orders (LIKE "Bestellungen <b>" INCLUDING ALL);
SELECT ecapi.track('orders', 'purchase', '{"value": "total", "currency_code": "''EUR''", "timestamp": "at"}');
INSERT INTO "Bestellungen <b>" SELECT i, i FROM generate_series(1, 12) i;
INSERT INTO orders SELECT i, i FROM generate_series(1, 9) i;
SET ecapi.capture = off;
INSERT INTO orders VALUES (10, 10), (11, 11);
END

# --- a model that is fitted: customers who order at a rate of their own until they leave

$cluster->sql(<<'END');
CREATE TABLE sales (id bigserial PRIMARY KEY, customer text, total numeric, currency text, paid_at timestamptz);
SELECT ecapi.track('sales', 'purchase', mapping => '{"value": "total", "currency_code": "currency",
	"timestamp": "paid_at", "user_data.customer_identifier": "customer"}');
SET ecapi.capture = off;
CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql RETURN ((hashtextextended($1, 0) & 1048575) + 0.5) / 1048576;
INSERT INTO sales (customer, total, currency, paid_at)
SELECT c, (20 + 60 * chance('spends' || c)) * (0.5 + chance('spent' || c || '-' || n)), 'USD', current_date - 560 + at * interval '1 day'
FROM (SELECT c, n, 80 * chance('first' || c) AS first, 200 * ln(chance('soon' || c)) / ln(chance('left' || c)) AS stays,
		sum(CASE WHEN n > 0 THEN 60 * ln(chance('gap' || c || '-' || n)) / ln(chance('rate' || c)) ELSE 0 END) OVER w
			+ 80 * chance('first' || c) AS at
	FROM generate_series(1, 1000) c, generate_series(0, 40) n WINDOW w AS (PARTITION BY c ORDER BY n)) o
WHERE at < least(first + stays, 545);
SELECT ecapi.fit('sales', holdout => '39 weeks');
END
is($cluster->sql('SELECT count(*) FROM ecapi_internal.model_drift()'), 1, 'a fit is compared with what came since');

# What earlier days left in the ledger.
$cluster->drained($_) for $shop, $wide, $lines, 'again', 'careful', 'worth it';
$cluster->sql(<<'END');
INSERT INTO ecapi.ledger (hour, destination, event_type, currency, outcome, reason, events, value)
SELECT l.hour - d * interval '1 day', l.destination, l.event_type, l.currency, l.outcome, l.reason, l.events * (2 + d % 3), l.value * (2 + d % 3)
FROM ecapi.ledger l, generate_series(1, 4) d
END

# --- the same name in another database

my $other = $cluster->in('other');

$cluster->sql('CREATE DATABASE other');
$other->sql('CREATE EXTENSION ecapi');
$other->destination('again', $receiver->url('/elsewhere'), { %types, data_set_id => 'other' });
$other->sql("SELECT count(ecapi_emit('purchase', value => 1, currency_code => 'GBP', id => 'other-' || i)) FROM generate_series(1, 7) i");
$other->drained('again');

# --- what the views say

my $json = JSON::PP->new->utf8;
my ($since, $until) = split /\|/, $cluster->sql("SELECT date_trunc('hour', now()) - interval '6 days', now() + interval '1 hour'");
my $span = literal($since) . ', ' . literal($until);
my $hours = 'hour >= ' . literal($since) . ' AND hour < ' . literal($until);

# Rows of texts: of expressions, from the rest of a statement; null is none, and a line break is shown.
sub rows
{
	my ($node, $expressions, $rest) = @_;

	return $json->decode($node->sql("SET search_path = pg_catalog, pg_temp; SELECT coalesce(json_agg(ARRAY(SELECT translate(coalesce(x, ''), E'\\n', '␊')"
			  . " FROM unnest(r.a) WITH ORDINALITY x (x, n) ORDER BY n)), '[]') FROM (SELECT ARRAY[$expressions]::text[] AS a $rest) r"));
}

# A sum over rows of the ledger with an outcome, or other than with it.
sub events { return "coalesce(sum(events) FILTER (WHERE outcome $_[0]), 0)" }
sub value { return "coalesce(sum(value) FILTER (WHERE outcome $_[0]), 0)" }

my @outcomes = qw(delivered shadow filtered failed given_up erased);
my @titles = ('Delivered', 'Shadow mode', 'Filtered', 'Failed', 'Given up', 'Erased');
my $title = 'CASE outcome ' . join(' ', map { "WHEN '$outcomes[$_]' THEN '$titles[$_]'" } 0 .. $#titles) . ' END';
my $sides = join(', ', map { events($_), value($_) } "= 'delivered'", "<> 'delivered'");
my $minute = "'YYYY-MM-DD HH24:MI'";

# Tables of a report that any database has.
sub tables
{
	my ($node) = @_;
	my %tables = (
		'Events by destination and outcome' => rows($node, 'destination, sum(events), ' . join(', ', map { events("= '$_'") } @outcomes),
			"FROM ecapi.ledger WHERE $hours GROUP BY destination ORDER BY sum(events) DESC, destination"),
		'Committed events that the outbox still has' => rows($node, "coalesce(relation::text, 'ecapi_emit()'), count(*)",
			'FROM ecapi.outbox GROUP BY relation ORDER BY count(*) DESC, relation::text'),
		'Value by currency and destination' => rows($node, "currency, destination, $sides",
			"FROM ecapi.ledger WHERE $hours AND value IS NOT NULL GROUP BY currency, destination"
			  . " ORDER BY sum(sum(events)) OVER (PARTITION BY currency) DESC, currency, sum(events) FILTER (WHERE outcome = 'delivered') DESC NULLS LAST, destination"),
		'Times to the answer' => rows($node, 'destination, count(*), sum(events), p[1], p[2], p[3], longest',
			"FROM (SELECT destination, events, latency_ms, max(latency_ms) OVER w AS longest, (SELECT percentile_disc('{0.5,0.9,0.99}'::float8[])"
			  . " WITHIN GROUP (ORDER BY q.latency_ms) FROM ecapi.request q WHERE q.destination = r.destination) AS p FROM ecapi.request r"
			  . ' WHERE latency_ms IS NOT NULL WINDOW w AS (PARTITION BY destination)) s GROUP BY destination, p, longest ORDER BY destination'),
		'Destinations at this moment' => rows($node, 'destination, mode, state, backlog, failed_waiting, failed_dead, detail,'
			  . " last_error || to_char(last_error_at, ' (YYYY-MM-DD HH24:MI)')", 'FROM ecapi.destination ORDER BY destination'),
		'What ecapi.check() says' => rows($node, 'severity, what, what_to_do',
			"FROM ecapi.check() WITH ORDINALITY c ORDER BY array_position('{error,warning,ok}', severity), ordinality"));

	for my $currency (split /\n/, $node->sql("SELECT DISTINCT currency FROM ecapi.ledger WHERE $hours AND value IS NOT NULL"))
	{
		$tables{"Value in $currency by day and destination"} = rows($node, "to_char(date_trunc('day', hour), $minute), destination, $sides",
			"FROM ecapi.ledger WHERE $hours AND currency = '$currency' AND value IS NOT NULL GROUP BY date_trunc('day', hour), destination"
			  . " ORDER BY date_trunc('day', hour), destination");
	}
	for ([ 'Events by the reason for which they did not arrive', rows($node, "destination, $title, reason, sum(events)",
				"FROM ecapi.ledger WHERE $hours AND outcome NOT IN ('delivered', 'shadow') GROUP BY destination, outcome, reason ORDER BY sum(events) DESC, destination, outcome, reason") ],
		[ 'Requests without success', rows($node, "destination, outcome, error, count(*), to_char(max(sent_at), $minute)",
				'FROM ecapi.request WHERE error IS NOT NULL AND attempt > 0 GROUP BY destination, outcome, error ORDER BY count(*) DESC, destination, outcome, error') ],
		[ 'Events by what consent decided', rows($node, 'destination, decision, rule, currency, events, value', "FROM ecapi.consent_report($span)") ],
		[ 'Events by whether their person can be told', rows($node, "destination, identified, unidentified, to_char(100.0 * identified / (identified + unidentified), 'FM990.0') || ' %',"
				  . " to_char(stats_reset, $minute)", 'FROM ecapi.stat_destination WHERE identified + unidentified > 0'
				  . ' ORDER BY unidentified::float8 / (identified + unidentified) DESC, destination') ])
	{
		my ($caption, $rows) = @$_;

		# there is no table of nothing
		$tables{$caption} = $rows if @$rows > 0;
	}
	delete $tables{'Events by what consent decided'} if !grep { $_->[1] ne 'sent' } @{ $tables{'Events by what consent decided'} // [] };
	return \%tables;
}

# The words of an answer that repeats the request: those of the list, and no more.
my $answer = $cluster->sql('SELECT DISTINCT regexp_replace(answer, $$"request":.*$$, $$$$) FROM ecapi.failed_event');

is($answer, '{"error":"an event is not wanted",', 'what the receiver says before it repeats the request')
  or diag($answer);

my $tables = tables($cluster);

$tables->{'Tracks, reconciled'} = [ map {
	my ($table, $track, $of) = @$_;
	my $sums = rows($cluster, "'$table', '$track', " . join(', ', map { "coalesce(sum(events) FILTER (WHERE $_), 0)" } "destination IS NULL AND outcome = 'generated'",
			"destination IS NULL AND outcome = 'emitted'", "destination IS NULL AND outcome = 'unaccounted'", "destination IS NULL AND outcome = 'out of reach'",
			"destination IS NOT NULL AND outcome = 'unaccounted'"), "FROM ecapi.reconcile($of, $span)");

	my ($name, $of_table, @figures) = @{ $sums->[0] };

	[ $name, $of_table, $figures[2] eq '0' ? 'complete' : 'rows without an event', @figures ];
} [ 'public."Bestellungen <b>"', 'purchase', q('public."Bestellungen <b>"') ], [ 'public.orders', 'purchase', q('public.orders') ], [ 'public.sales', 'purchase', q('public.sales') ] ];
is($tables->{'Tracks, reconciled'}[1][5], 2, 'rows that are no events');

$tables->{'Failed events of this span that stand in ecapi.failed_event now'} = rows($cluster, 'destination, state, reason, status, count(*), '
	  . "'error: an event is not wanted, request: data_set_id: … id: … timestamp: … event_type: purchase, user_data: email_address: … phone_numbers: … value: … currency_code: …'", 'FROM ecapi.failed_event GROUP BY destination, state, reason, status ORDER BY count(*) DESC, destination, state, reason, status');

# Figures of a row, behind its head, to that number of digits each.
sub rounded
{
	my ($row, @digits) = @_;
	my ($head, @figures) = @$row;

	return [ $head, map { sprintf("%.$digits[$_]f", "$figures[$_]") } 0 .. $#figures ];
}

my $holdout = 'FROM ecapi.model m, LATERAL jsonb_array_elements(m.holdout) WITH ORDINALITY v (row, n)';
my $used = "v.row ->> 'is_judged' = 'true'";

$tables->{'Predictions for public.sales against what came'} = [ map { rounded($_, 2, 2, 3, 2, 3, 3) } @{ rows($cluster,
		"(v.row ->> 'prediction') || CASE WHEN v.row ->> 'is_baseline' = 'true' THEN ' (baseline)' WHEN $used THEN ' (used)' ELSE '' END, "
		  . join(', ', map { "v.row #>> '{value,$_}'" } qw(predicted actual total_error mae gini top_decile)), "$holdout ORDER BY v.n") } ];
$tables->{'Mean value of a customer in USD, by tenths from worst to best'} = [ map { rounded($_, 2, 2) } @{ rows($cluster,
		"c.n, c.tenth ->> 'predicted', c.tenth ->> 'actual'",
		"$holdout, LATERAL jsonb_array_elements(v.row #> '{value,calibration}') WITH ORDINALITY c (tenth, n) WHERE $used ORDER BY c.n") } ];
$tables->{'Orders since the fit, and what it expected'} = rows($cluster,
	"relation::text, since, until, orders, round(low::numeric, 1), round(high::numeric, 1), CASE WHEN orders BETWEEN low AND high THEN 'as expected' ELSE 'has drifted' END",
	'FROM ecapi_internal.model_drift()');

# The large figures in front.
sub tiles
{
	my ($node) = @_;
	my %sums = map { @$_ } @{ rows($node, 'outcome, sum(events)', "FROM ecapi.ledger WHERE $hours GROUP BY outcome") };
	my $all = 0;

	$all += "$_" for values %sums;
	return [ [ 'Offered', "$all" ], map { [ $titles[$_], $sums{ $outcomes[$_] } // '0' ] }
		  grep { exists $sums{ $outcomes[$_] } || $titles[$_] =~ /^(Delivered|Filtered|Failed)$/ } 0 .. $#outcomes ];
}

# --- pages

my @pages;

sub page
{
	my ($node, $name, $call, $page_tables, $page_tiles, @views) = @_;
	my $file = $oracle->file($name =~ s/ /_/gr . '.html');

	append_to_file($file, $node->sql("SELECT $call") . "\n");
	push @pages, { name => $name, file => $file, tables => $page_tables, tiles => $page_tiles, views => [ 'light', @views ] };
	return;
}

# Of the events that the trace has.
sub trace_tables
{
	my ($id) = @_;

	return { 'Events of this id' => rows($cluster, "'seq ' || seq, event_type, 'ecapi_emit()', xid, to_char(at, 'YYYY-MM-DD HH24:MI:SS.MS')",
			'FROM ecapi.trace(' . literal($id) . ") WHERE outcome = 'emitted'") };
}

page($cluster, 'report', "ecapi.report($span, true)", $tables, tiles($cluster), 'dark', 'phone', 'dark phone', 'paper');
page($other, 'other database', "ecapi.report($span)", tables($other), tiles($other));
page($cluster, 'empty report', q(ecapi.report('2001-01-01', '2001-02-01', false)),
	{ map { $_ => $tables->{$_} } grep { exists $tables->{$_} } 'Events by whether their person can be told', 'Destinations at this moment', 'What ecapi.check() says', 'Predictions for public.sales against what came',
		'Mean value of a customer in USD, by tenths from worst to best', 'Orders since the fit, and what it expected' },
	[ map { [ $_, '0' ] } qw(Offered Delivered Filtered Failed) ]);
$pages[2]{tables}{'Tracks, reconciled'} = [ map { [ $_, 'purchase', 'not looked at', ('') x 5 ] } 'public."Bestellungen <b>"', 'public.orders', 'public.sales' ];
page($cluster, 'trace', q(ecapi.trace_report('purchase-7')), trace_tables('purchase-7'), [], 'dark', 'phone', 'paper');
page($cluster, 'trace of a failed event', q(ecapi.trace_report('purchase-bad-13')), trace_tables('purchase-bad-13'), []);

$oracle->compare('page.js', $chromium, $pictures, $oracle->write_lines('pages', @pages));

$cluster->stop;
$receiver->stop;
done_testing();
