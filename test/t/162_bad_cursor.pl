# Cursors that were written or deleted by hand: a clear state or a repair, no
# crash, nothing passed over.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

# Pause it, so that the worker has nothing to write, and change its row.
sub change
{
	my ($sql) = @_;

	$cluster->sql("SELECT ecapi.pause('shop')");
	$cluster->wait_sql("SELECT state = 'paused' FROM ecapi.cursor WHERE destination = 'shop'", 'paused');
	$cluster->sql($sql);
	$cluster->restart_worker;
	$cluster->resume('shop');
	return;
}

$cluster->destination('shop', $receiver->url('/in'));
$cluster->destination('sound', $receiver->url('/sound'));
$cluster->delivers($receiver, 'shop', 'first', 3);
$cluster->drained('sound');

my $xmax = "pg_snapshot_xmax(snapshot)::text::bigint";
my @changes = (
	[ 'end', "window_end = '3:3:'", 'window ends before it begins' ],
	[ 'beyond', "window_end = snapshot, arm = 1, xid = ($xmax + 1000)::text::xid8", 'position lies outside' ],
	[ 'before', "window_end = snapshot, arm = 1, xid = '3'", 'position lies outside' ],
	[ 'arm0', "window_end = snapshot, arm = 0, xid = '77'", 'position lies outside' ],
	[ 'arm', "window_end = snapshot, arm = 7", 'position lies outside' ],
	[ 'seq', "window_end = snapshot, arm = 1, xid = pg_snapshot_xmax(snapshot), seq = -5", 'position lies outside' ],
	[ 'null', 'snapshot = NULL', 'a column is null' ],
	[ 'null2', 'arm = NULL, xid = NULL, seq = NULL', 'a column is null' ],
	[ 'counts', 'delivered = NULL, state = NULL', 'a column is null' ]);

$cluster->sql('ALTER TABLE ecapi.cursor_row ' . join(', ', map { "ALTER $_ DROP NOT NULL" }
		  qw(snapshot arm xid seq delivered state)));
for my $case (@changes)
{
	my ($name, $set, $problem) = @$case;

	subtest "a changed cursor: $set" => sub {
		change("UPDATE ecapi.cursor_row SET $set WHERE destination = 'shop'");
		$cluster->wait_state('shop', 'stopped', "changed by hand.*$problem.*ecapi.rebase");
		$cluster->emit("$name-before-", 1, 2);
		$receiver->wait_for(sub { 2 == grep { $_->{path} eq '/sound' && $_->{id} =~ /^\Q$name\E-before/ } $_->records },
			'the others go on');
		$cluster->resume('shop');
		$cluster->wait_state('shop', 'stopped', 'changed by hand');
		like($cluster->sql("SELECT what_to_do FROM ecapi.check() WHERE what ~ '\"shop\" is stopped'"),
			qr/ecapi\.rebase\('shop'\)/, 'the doctor says what to do');
		$cluster->sql("SELECT ecapi.rebase('shop')");
		$cluster->emit("$name-after-", 1, 2);
		$cluster->drained('shop');
		is((grep { $_->{path} eq '/in' && $_->{id} =~ /^\Q$name\E-after/ } $receiver->records), 2,
			'once rebased it goes on');
		is((grep { $_->{path} eq '/in' && $_->{id} =~ /^\Q$name\E-before/ } $receiver->records), 0,
			'with what commits from then on');
	};
}

subtest 'a row that is deleted while its destination is served' => sub {
	my $before = $cluster->sql("SELECT delivered FROM ecapi.destination WHERE destination = 'shop'");

	$cluster->sql("ALTER SERVER shop OPTIONS (ADD batch_size '5', ADD max_in_flight '1')");
	$cluster->emit('d-', 1, 200);
	$cluster->sql("DELETE FROM ecapi.cursor_row WHERE destination = 'shop'");
	$cluster->emit('d2-', 1, 20);
	$cluster->wait_sql("SELECT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'shop')", 'the row is back');
	$cluster->drained('shop');
	is((grep { $_->{path} eq '/in' && $_->{id} =~ /^d2?-/ } $receiver->records), 220, 'everything arrives, once');
	is($cluster->sql("SELECT delivered FROM ecapi.destination WHERE destination = 'shop'"), $before + 220,
		'and is counted on from what was there');
	like($cluster->log_text, qr/cursor of destination "shop" was gone and is written again/, 'the log says so');
	$cluster->restart_worker;
	$cluster->emit('d3-', 1, 5);
	$cluster->drained('shop');
	is((grep { $_->{path} eq '/in' && $_->{id} =~ /^d\d?-/ } $receiver->records), 225,
		'the new row is where the old one was');
};

subtest 'a row that is deleted while nobody looks' => sub {
	change("DELETE FROM ecapi.cursor_row WHERE destination = 'shop'");
	$cluster->wait_sql("SELECT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'shop')", 'the row is back');
	$cluster->emit('e-', 1, 5);
	$cluster->drained('shop');
	is((grep { $_->{path} eq '/in' && $_->{id} =~ /^e-/ } $receiver->records), 5, 'it goes on from now');
	like($cluster->log_text, qr/destination "shop" had no cursor and starts with what commits from now on/,
		'the log says so');
};

subtest 'a second row for one server' => sub {
	change("INSERT INTO ecapi.cursor_row (destination, server, snapshot, system_identifier, database, started_at, written, generation)"
		  . " SELECT 'aaa', server, '3:3:', system_identifier, database, started_at, -16, -1 FROM ecapi.cursor"
		  . " WHERE destination = 'shop'");
	$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.cursor_row WHERE destination = 'aaa')", 'the older is removed');
	$cluster->emit('f-', 1, 5);
	$cluster->drained('shop');
	is((grep { $_->{path} eq '/in' && $_->{id} =~ /^f-/ } $receiver->records), 5, 'the first goes on');
	is($cluster->sql("SELECT string_agg(destination, ' ' ORDER BY destination) FROM ecapi.cursor_row"), 'shop sound',
		'under its own name');
};

unlike($cluster->log_text, qr/was terminated by signal|PANIC|TRAP/, 'nothing has crashed');
is($receiver->stats->{conflicts}, 0, 'no event changed');
$cluster->stop;
done_testing();
