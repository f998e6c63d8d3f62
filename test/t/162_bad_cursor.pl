# Cursors that somebody else wrote or deleted: a clear state or a repair, no
# crash, nothing passed over.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $node = ecapi_node('main');

sub worker_pid { return rows($node, 'SELECT pid FROM ecapi.worker()') }

sub restart_worker
{
	my $pid = worker_pid();

	rows($node, "SELECT pg_terminate_backend($pid)");
	wait_sql($node, 'another worker runs',
		"SELECT state = 'running' AND pid <> $pid FROM ecapi.worker()");
	return;
}

# Pause it, so that the worker has nothing to write, and change its row.
sub change
{
	my ($sql) = @_;

	rows($node, "SELECT ecapi.pause('shop')");
	wait_sql($node, 'paused', "SELECT state = 'paused' FROM ecapi.cursor WHERE destination = 'shop'");
	rows($node, $sql);
	restart_worker();
	rows($node, "SELECT ecapi.resume('shop')");
	return;
}

create_destination($node, 'shop', $receiver->url('/in'));
create_destination($node, 'sound', $receiver->url('/sound'));
emit($node, 'first', 3);
wait_received($receiver, 'first', 3);
wait_delivered($node, $_) for qw(shop sound);

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

rows($node, 'ALTER TABLE ecapi.cursor_row ' . join(', ', map { "ALTER $_ DROP NOT NULL" }
		  qw(snapshot arm xid seq delivered state)));
for my $case (@changes)
{
	my ($name, $set, $problem) = @$case;

	subtest "a changed cursor: $set" => sub {
		change("UPDATE ecapi.cursor_row SET $set WHERE destination = 'shop'");
		wait_state($node, 'shop', 'stopped', detail => "changed by hand.*$problem.*ecapi.rebase");
		emit($node, "$name-before", 2);
		$receiver->wait_for(sub { 2 == grep { $_->{path} eq '/sound' && $_->{id} =~ /^\Q$name\E-before/ } $_->records },
			'the others go on');
		rows($node, "SELECT ecapi.resume('shop')");
		wait_state($node, 'shop', 'stopped', detail => 'changed by hand');
		like(rows($node, "SELECT what_to_do FROM ecapi.check() WHERE what ~ '\"shop\" is stopped'"),
			qr/ecapi\.rebase\('shop'\)/, 'the doctor says what to do');
		rows($node, "SELECT ecapi.rebase('shop')");
		emit($node, "$name-after", 2);
		wait_delivered($node, 'shop');
		is((grep { $_->{path} eq '/in' && $_->{id} =~ /^\Q$name\E-after/ } $receiver->records), 2,
			'once rebased it goes on');
		is((grep { $_->{path} eq '/in' && $_->{id} =~ /^\Q$name\E-before/ } $receiver->records), 0,
			'with what commits from then on');
	};
}

subtest 'a row that is deleted while its destination is served' => sub {
	my $before = rows($node, "SELECT delivered FROM ecapi.destination WHERE destination = 'shop'");

	rows($node, "ALTER SERVER shop OPTIONS (ADD batch_size '5', ADD max_in_flight '1')");
	emit($node, 'd', 200);
	rows($node, "DELETE FROM ecapi.cursor_row WHERE destination = 'shop'");
	emit($node, 'd2', 20);
	wait_sql($node, 'the row is back', "SELECT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'shop')");
	wait_delivered($node, 'shop');
	is((grep { $_->{path} eq '/in' && $_->{id} =~ /^d2?-/ } $receiver->records), 220, 'everything arrives, once');
	is(rows($node, "SELECT delivered FROM ecapi.destination WHERE destination = 'shop'"), $before + 220,
		'and is counted on from what was there');
	like(log_text($node), qr/cursor of destination "shop" was gone and is written again/, 'the log says so');
	restart_worker();
	emit($node, 'd3', 5);
	wait_delivered($node, 'shop');
	is((grep { $_->{path} eq '/in' && $_->{id} =~ /^d\d?-/ } $receiver->records), 225,
		'the new row is where the old one was');
};

subtest 'a row that is deleted while nobody looks' => sub {
	change("DELETE FROM ecapi.cursor_row WHERE destination = 'shop'");
	wait_sql($node, 'the row is back', "SELECT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'shop')");
	emit($node, 'e', 5);
	wait_delivered($node, 'shop');
	is((grep { $_->{path} eq '/in' && $_->{id} =~ /^e-/ } $receiver->records), 5, 'it goes on from now');
	like(log_text($node), qr/destination "shop" had no cursor and starts with what commits from now on/,
		'the log says so');
};

subtest 'a second row for one server' => sub {
	change("INSERT INTO ecapi.cursor_row (destination, server, snapshot, system_identifier, database, started_at, written, generation)"
		  . " SELECT 'aaa', server, '3:3:', system_identifier, database, started_at, -16, -1 FROM ecapi.cursor"
		  . " WHERE destination = 'shop'");
	wait_sql($node, 'the older is removed', "SELECT NOT EXISTS (SELECT FROM ecapi.cursor_row WHERE destination = 'aaa')");
	emit($node, 'f', 5);
	wait_delivered($node, 'shop');
	is((grep { $_->{path} eq '/in' && $_->{id} =~ /^f-/ } $receiver->records), 5, 'the first goes on');
	is(rows($node, "SELECT string_agg(destination, ' ' ORDER BY destination) FROM ecapi.cursor_row"), 'shop sound',
		'under its own name');
};

unlike(log_text($node), qr/was terminated by signal|PANIC|TRAP/, 'nothing has crashed');
is($receiver->stats->{conflicts}, 0, 'no event changed');
$node->stop;
done_testing();
