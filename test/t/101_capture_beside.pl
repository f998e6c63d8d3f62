# Capture beside commands that change what the relation cache holds of its table:
# GRANT and REVOKE, ALTER TABLE and a trigger that is made again, in loops beside
# inserts of rows of which every third fails.  No process of the server crashes,
# and each row has the one fate that is its own: a good one is an event, a bad
# one is set aside.  The same for set-aside rows that are tried again.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

# Sessions that insert, transactions of each session, rows of each insert.
my $INSERTERS = 3;
my $TRANSACTIONS = 120;
my $ROWS = 15;

my $cluster = EcapiCluster->create(name => 'beside', conf => "fsync = off\n");
$cluster->sql(q{
	CREATE ROLE clerk;
	CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		currency text, total numeric, at_commit boolean);
	ALTER TABLE orders SET (autovacuum_enabled = off);
	CREATE TABLE late (LIKE orders INCLUDING ALL);
	CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE TRIGGER other AFTER DELETE ON orders EXECUTE FUNCTION nothing();
	CREATE TRIGGER other AFTER DELETE ON late EXECUTE FUNCTION nothing();
	SELECT ecapi.track('orders', 'purchase', '{"value": "total", "currency_code": "currency"}');
	SELECT ecapi.track('late', 'purchase', '{"value": "total", "currency_code": "currency"}', at_commit => true);
});

sub script
{
	my ($name, $sql) = @_;
	my $file = $cluster->basedir . "/$name.sql";

	append_to_file($file, $sql);
	return $file;
}

# Run pgbench with a number of sessions for each script; returns its errors.
sub beside
{
	my (%sessions) = @_;
	my @running;
	my $errors = '';

	foreach my $file (sort keys %sessions)
	{
		my ($out, $err) = ('', '');
		my $run = IPC::Run::start(
			[ 'pgbench', '-n', '-c', $sessions{$file}, '-t', $TRANSACTIONS, '-f', $file,
				$cluster->connstr('postgres') ], '>', \$out, '2>', \$err);

		push @running, [ $run, \$err ];
	}
	foreach (@running)
	{
		my ($run, $err) = @$_;

		$run->finish;
		$errors .= $$err if $run->result != 0;
	}
	return $errors;
}

# Good and bad rows of one transaction; at commit they take the longer, the more
# there are.
my $insert = join '', map {
	"INSERT INTO $_ (currency, total) SELECT CASE WHEN n % 3 = 0 THEN 'bad' ELSE 'EUR' END, 1"
	  . " FROM generate_series(1, $ROWS) n;\n"
} qw(orders late);

my $errors = beside(
	script('insert', $insert) => $INSERTERS,
	script('grant', join '', map { "GRANT SELECT ON $_ TO clerk;\nREVOKE SELECT ON $_ FROM clerk;\n" } qw(orders late)) => 1,
	script('alter', "\\set n random(1, 100)\n" . join '', map { "ALTER TABLE $_ ALTER total SET STATISTICS :n;\n" } qw(orders late)) => 1,
	script('again', join '', map { "CREATE OR REPLACE TRIGGER other AFTER DELETE ON $_ EXECUTE FUNCTION nothing();\n" } qw(orders late)) => 1);
# two sessions that alter one row of a catalog at once may see an error
$errors =~ s/^.*tuple concurrently updated.*$//mg;
unlike($errors, qr/terminat|lost|closed|not yet|recovery/, 'no session lost its server');

my $rows = $INSERTERS * $TRANSACTIONS * $ROWS;
my $fates = q{
	WITH r AS (
		SELECT 'orders' AS t, 'orders:' || id || ':purchase' AS id, currency FROM orders
		UNION ALL
		SELECT 'late', 'late:' || id || ':purchase', currency FROM late),
	e AS (SELECT event->>'id' AS id FROM ecapi.outbox),
	f AS (SELECT relation::text || ':' || (event->'new'->>'id') || ':purchase' AS id
		FROM ecapi.failed_event),
	fate AS (
		SELECT (r.t || ':' || r.currency || ' ' || CASE
			WHEN e.id IS NOT NULL AND f.id IS NOT NULL THEN 'both'
			WHEN e.id IS NOT NULL THEN 'event'
			WHEN f.id IS NOT NULL THEN 'set aside'
			ELSE 'lost' END) COLLATE "C" AS is
		FROM r LEFT JOIN e USING (id) LEFT JOIN f USING (id))
	SELECT string_agg(DISTINCT fate.is, ', ' ORDER BY fate.is) FROM fate};
is($cluster->sql('SELECT count(*) FROM orders'), $rows, 'all rows were inserted');
is($cluster->sql('SELECT count(*) FROM late'), $rows, 'all rows of the other table, too');
is($cluster->sql($fates),
	'late:EUR event, late:bad set aside, orders:EUR event, orders:bad set aside',
	'good rows are events, bad rows are set aside');
is($cluster->sql(q{SELECT count(*) FROM ecapi.failed_event WHERE reason LIKE 'invalid track%'}),
	0, 'no row is set aside for its track');

# --- set-aside rows once more, by several sessions, beside the same

$cluster->sql(q{
	SELECT ecapi.track(t::regclass, 'purchase', '{"value": "total", "currency_code": "''EUR''"}', at_commit => t = 'late')
	FROM unnest(ARRAY['orders', 'late']) t});
$TRANSACTIONS = 60;
$errors = beside(
	script('recapture', "SELECT * FROM ecapi.recapture(maximum => 7);\n") => 2,
	$cluster->basedir . '/grant.sql' => 1,
	$cluster->basedir . '/again.sql' => 1);
is($errors, '', 'sets of rows are captured again');
$cluster->sql('SELECT * FROM ecapi.recapture()');
is($cluster->sql($fates),
	'late:EUR event, late:bad event, orders:EUR event, orders:bad event',
	'each set-aside row became an event');
unlike($cluster->log_text, qr/terminated by signal|TRAP:/, 'no process crashed');

$cluster->stop;
done_testing();
