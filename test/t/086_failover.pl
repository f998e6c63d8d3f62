# Fail-over under load, ten times: the primary is killed, its standby is promoted and goes on
# delivering, the old primary becomes the standby of the new one.  Standbys are synchronous
# and asynchronous in turn.  With ecapi.wait_for_standby nothing is sent that the new primary
# does not have, and what it has arrives; an old primary that comes back and still takes
# itself for one sends nothing.  ECAPI_ROUNDS sets another number of rounds.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use EcapiSessions;
use PostgreSQL::Test::Utils;
use Test::More;

# Sessions of the load, and the commits of each round before the primary is killed.
my $sessions = 3;
my $commits = 200;
my $rounds = $ENV{ECAPI_ROUNDS} // 10;

my $receiver = EcapiReceiver->start;
my $primary = EcapiCluster->create(name => 'a', init => [ allows_streaming => 1, extra => ['--data-checksums'] ],
	conf => "wal_keep_size = 1GB\nmax_wal_senders = 10\n");
my $standby = EcapiCluster->new('b');
my $directory = PostgreSQL::Test::Utils::tempdir();

$primary->sql("CREATE TABLE orders (id text PRIMARY KEY); SELECT ecapi.track('orders', 'purchase', '{\"id\": \"new.id\"}')");
$primary->destination('shop', $receiver->url('/shop'));
$primary->backup('base');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# Settings of the server that is primary now, and that may be it again later.
sub set
{
	my ($node, %setting) = @_;

	$node->append_conf('postgresql.conf', join('', map { "$_ = '$setting{$_}'\n" } sort keys %setting));
	$node->reload;
	$node->wait_sql("SELECT current_setting('$_') = '$setting{$_}'", "$_ is set") for sort keys %setting;
	return;
}

sub wait_streaming
{
	my ($kind) = @_;

	return $primary->wait_sql("SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '$kind'",
		"the standby streams, $kind");
}

# Make the old primary a standby of the new one, as a fail-over manager does.
sub rewind
{
	my ($old, $new) = @_;
	my $conf = $old->data_dir . '/postgresql.conf';
	my $own = slurp_file($conf);

	$new->sql('CHECKPOINT');
	command_ok([ $new->installed_command('pg_rewind'), '--target-pgdata', $old->data_dir, '--source-server', $new->connstr('postgres') ],
		'the old primary is rewound');
	open(my $out, '>', $conf) or die "open: $!";
	print $out $own;
	close $out or die "close: $!";
	$old->enable_streaming($new);
	$old->set_standby_mode;
	return $old->start;
}

sub orders { return [ split /\n/, $primary->sql('SELECT id FROM orders ORDER BY id') ] }

my %sum = (repeats => 0, lost => 0, acknowledged => 0);

sub round_of
{
	my ($round, $synchronous) = @_;
	my $known = @{ orders() };
	my $repeats = $primary->compare($receiver, 'shop', orders())->{repeats};

	set($primary, synchronous_standby_names => $synchronous ? '*' : '', 'ecapi.wait_for_standby' => $synchronous ? 'on' : 'any');
	wait_streaming($synchronous ? 'sync' : 'async');
	my $load = EcapiSessions->start($primary, "o-$round", $sessions, 'INSERT INTO orders VALUES (%s) RETURNING id');

	$primary->wait_sql('SELECT count(*) >= ' . ($known + $commits) . ' FROM orders', 'orders are committed');
	$receiver->wait_for(sub { keys %{ $receiver->ids_received("o-$round-1") } >= 10 }, 'the worker is delivering');
	$primary->stop('immediate');
	my @acknowledged = $load->acknowledged;

	$standby->promote;
	($primary, $standby) = ($standby, $primary);
	set($primary, synchronous_standby_names => '', 'ecapi.wait_for_standby' => $synchronous ? 'off' : 'any');
	rewind($standby, $primary);
	wait_streaming('async');
	$primary->drained('shop');

	my $orders = orders();
	my %durable = map { $_ => 1 } @$orders;
	my $lost = grep { !$durable{$_} } @acknowledged;
	my $n = $primary->all_there($receiver, 'shop', $orders, 'what the new primary has arrives, and nothing else', repeats => 1);

	is($lost, 0, 'and it has what was acknowledged') if $synchronous;
	note sprintf('round %d, %s: %d acknowledged, %d of them lost, %d repeats', $round, $synchronous ? 'synchronous' : 'asynchronous',
		scalar @acknowledged, $lost, $n->{repeats} - $repeats);
	$sum{acknowledged} += @acknowledged;
	$sum{lost} += $lost;
	$sum{repeats} += $n->{repeats} - $repeats;
	return;
}

subtest "fail-over $_" => sub { round_of($_, $_ % 2) } for 1 .. $rounds;
note sprintf('%d fail-overs: %d orders, %d acknowledged, %d of them lost by asynchronous replication, %d repeats',
	$rounds, scalar @{ orders() }, @sum{qw(acknowledged lost repeats)});

subtest 'an old primary that still takes itself for one' => sub {
	set($primary, synchronous_standby_names => '', 'ecapi.wait_for_standby' => 'any');
	wait_streaming('async');
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	$primary->stop('immediate');
	$standby->promote;
	($primary, $standby) = ($standby, $primary);
	set($primary, 'ecapi.wait_for_standby' => 'off');
	$primary->sql("INSERT INTO orders SELECT 'new-' || i FROM generate_series(1, 20) i");
	$receiver->wait_received('new', 20);

	$standby->start;
	is($standby->sql('SELECT pg_is_in_recovery()'), 'f', 'there are two primaries');
	$standby->sql("INSERT INTO orders SELECT 'old-' || i FROM generate_series(1, 20) i");
	$standby->wait_sql("SELECT state = 'running' AND message = 'waiting for a standby, see ecapi.wait_for_standby' FROM ecapi.worker()",
		'the worker says what it waits for');
	like($standby->doctor('warning', 'standby'), qr/no standby has what was committed last \(ecapi\.wait_for_standby = any\)/, 'so does the doctor');
	$standby->wait_turns(3);
	is($standby->sql('SELECT backlog >= 20 FROM ecapi.destination'), 't', 'its events wait');

	# a reader of a logical slot confirms WAL, and is no standby
	$standby->append_conf('postgresql.conf', "wal_level = logical\n");
	$standby->restart;
	$standby->sql("SELECT pg_create_logical_replication_slot('reader', 'test_decoding')");
	my $reader = $standby->background([ $standby->installed_command('pg_recvlogical'), '-d', $standby->connstr('postgres'), '--slot', 'reader',
			'--start', '-f', "$directory/decoded", '-F', '0', '-s', '1' ]);

	$standby->wait_sql("SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming' AND flush_lsn >= pg_current_wal_flush_lsn()", 'a reader has confirmed all');
	$standby->wait_turns(3);
	$standby->wait_sql("SELECT message LIKE 'waiting for a standby%' FROM ecapi.worker()", 'the worker still waits');
	$standby->end_background($reader);
	$standby->wait_sql("SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'reader'");
	$standby->sql("SELECT pg_drop_replication_slot('reader')");
	$standby->stop;

	rewind($standby, $primary);
	wait_streaming('async');
	$primary->sql("INSERT INTO orders VALUES ('last-1')");
	$receiver->wait_received('last', 1);
	$primary->drained('shop');
	$primary->all_there($receiver, 'shop', orders(), 'nothing of the old primary was sent', repeats => 1);
};

subtest 'without waiting, what was lost may have been sent' => sub {
	$standby->stop;
	$primary->sql("INSERT INTO orders SELECT 'gone-' || i FROM generate_series(1, 20) i");
	$receiver->wait_received('gone', 20);
	$primary->stop('immediate');
	$standby->start;
	$standby->promote;
	is($standby->sql("SELECT count(*) FROM orders WHERE id LIKE 'gone-%'"), 0, 'the new primary does not have it');
	is($standby->compare($receiver, 'shop', [ split /\n/, $standby->sql('SELECT id FROM orders') ])->{phantoms}, 20,
		'which is what ecapi.wait_for_standby rules out');
	$standby->stop;
};

$receiver->stop;
done_testing();
