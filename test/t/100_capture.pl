# Real purchases through one line of SQL: the CDNOW log (6,919 purchases), loaded
# by COPY into an ordinary orders table that is tracked.  Each is one event, all
# pass the receiver's own checks, and the events are byte for byte the same when
# the rows are loaded again, captured by a backfill, by row triggers or under
# other settings of the session.
#
# The file of the log is named by ECAPI_PURCHASES; without one, as many random
# purchases stand in for it (ECAPI_SEED=n repeats them).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $log = $ENV{ECAPI_PURCHASES} // '';
my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;
my $file = $cluster->basedir . '/orders.copy';

# --- the purchases as a file for COPY: number, customer, date, discs, dollars

sub real_purchases
{
	my @purchases;

	open my $in, '<', $log or die "$log: $!";
	while (<$in>)
	{
		my ($customer, undef, $date, $discs, $amount) = split;
		$date =~ s/(\d{4})(\d\d)(\d\d)/$1-$2-$3 12:00:00+00/;
		push @purchases, [ $customer, $date, $discs, $amount ];
	}
	return @purchases;
}

sub random_purchases
{
	my $seed = $ENV{ECAPI_SEED} // time ^ $$;

	note "no purchase log; random purchases, seed $seed";
	srand $seed;
	return map {
		[ 1 + int rand 24000,
			sprintf('1997-%02d-%02d 12:00:00+00', 1 + int rand 12, 1 + int rand 28),
			1 + int rand 9, sprintf('%.2f', rand 200) ]
	} 1 .. 6919;
}

my @purchases = -r $log ? real_purchases() : random_purchases();
my $number = 0;
append_to_file($file, join '', map { join("\t", ++$number, @$_) . "\n" } @purchases);
my $count = @purchases;
note "$count purchases";

# --- one line

sub make_table
{
	my ($name, $options) = @_;

	$cluster->sql(<<"SQL");
SET ROLE shop;
CREATE TABLE $name (
	order_id bigint PRIMARY KEY,
	customer_id text NOT NULL,
	placed_at timestamptz NOT NULL,
	discs integer NOT NULL,
	total numeric(10,2) NOT NULL,
	currency char(3) NOT NULL DEFAULT 'USD'
);
SELECT ecapi.track('$name', 'purchase', '{"value": "total", "currency_code": "currency",
	"timestamp": "placed_at", "user_data.customer_identifier": "customer_id",
	"properties.transaction_id": "order_id", "properties.items":
	"pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(''quantity'', new.discs))"}'$options);
SQL
	return;
}

sub load
{
	my ($name, $settings) = @_;

	$cluster->sql(($settings // '') . "COPY $name (order_id, customer_id, placed_at, discs, total) FROM '$file'");
	return;
}

# All events of the outbox since a seq, as one digest in the order of their ids.
sub digest_since
{
	my ($seq) = @_;

	return $cluster->sql("SELECT count(*) || ' ' || md5(string_agg(event::text, E'\\n' ORDER BY event->>'id'))"
		  . " FROM ecapi.outbox WHERE seq > $seq");
}

sub last_seq { return $cluster->sql('SELECT coalesce(max(seq), 0) FROM ecapi.outbox') }

# SQL of a track runs as the table's owner, who must be no superuser for that
$cluster->sql('CREATE ROLE shop; GRANT CREATE ON SCHEMA public TO shop; GRANT USAGE ON SCHEMA ecapi TO shop');
$cluster->sql('GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture TO shop');
$cluster->destination('shop', $receiver->url('/shop'));
make_table('orders', '');
load('orders');
my $first = digest_since(0);
like($first, qr/^$count /, "$count purchases are $count events");

$cluster->drained('shop');
my @records = $receiver->records;
is(scalar @records, $count, 'all arrived');
is(scalar(grep { $_->{verdict} ne 'ok' } @records), 0, 'and passed the receiver\'s checks');
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), 0, 'nothing was set aside or rejected');
is($cluster->sql('SELECT sum((event->>\'value\')::numeric) FROM ecapi.outbox'),
	$cluster->sql('SELECT sum(total) FROM orders'), 'with the same sum of values');

# --- the same again

for my $settings ('',
	"SET TimeZone = 'Asia/Kathmandu';",
	"SET DateStyle = 'SQL, DMY';",
	'SET extra_float_digits = -15;',
	"SET bytea_output = 'escape';",
	"SET IntervalStyle = 'sql_standard'; SET TimeZone = 'America/St_Johns'; SET DateStyle = 'German';")
{
	my $seq = last_seq();

	$cluster->sql('TRUNCATE orders');
	load('orders', $settings);
	is(digest_since($seq), $first, 'loaded again' . ($settings ? " with $settings" : ''));
}

# --- the same by a row trigger, one row at a time

my $seq = last_seq();
$cluster->sql('DROP TABLE orders');
make_table('orders', ", condition => 'true'");
load('orders');
is(digest_since($seq), $first, 'the same by row triggers');

# --- and from history, under other settings

$seq = last_seq();
$cluster->sql("SET TimeZone = 'Pacific/Chatham'; SET DateStyle = 'SQL, DMY'; SET client_min_messages = warning;"
	  . "CALL ecapi.backfill('orders', 'purchase')");
is(digest_since($seq), $first, 'the same by a backfill');

# --- the receiver, which goes by ids, holds each once

$cluster->drained('shop');
my %seen;
$seen{$_->{id}}++ for $receiver->records;
is(scalar keys %seen, $count, 'the receiver knows no id but those of the first time');

done_testing();
