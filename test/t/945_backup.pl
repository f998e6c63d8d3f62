# Backups under load: a base backup and WAL, restored to a point in time in the middle of
# it, and a replication slot that nobody reads.  What a restored server sends, and when,
# is for the operator to say; what it sends has the ids of the original.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiLoad;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(init => [ allows_streaming => 'logical', has_archiving => 1 ],
	conf => "max_worker_processes = 20\n");

$cluster->destination('shop', $receiver->url('/in'));
$cluster->delivers($receiver, 'shop', 'first', 3);
$cluster->sql("SELECT pg_create_logical_replication_slot('unread', 'test_decoding')");

my $load = EcapiLoad->start($cluster, 't', track => 1);

$load->wait_more(10);
$cluster->backup('base');
$load->wait_more(10);

# Some that wait at that point, and are delivered by the original after it.
$cluster->pause('shop');
$cluster->emit('waiting-', 1, 5);
$load->wait_more(5);
$cluster->sql("SELECT pg_create_restore_point('middle')");
$load->wait_more(5);
$cluster->resume('shop');
$cluster->emit('later-', 1, 5);
$receiver->wait_received('later', 5);
$load->wait_more(5);
$load->stop;
$cluster->drained('shop');
my @sent = (ids('first-', 1, 3), ids('waiting-', 1, 5), ids('later-', 1, 5), $load->ids);

$cluster->all_there($receiver, 'shop', \@sent, 'a backup under load disturbs no delivery');

subtest 'a replication slot that nobody reads' => sub {
	ok($cluster->sql("SELECT restart_lsn < pg_current_wal_lsn() FROM pg_replication_slots WHERE slot_name = 'unread'") eq 't',
		'it lags');
	is($cluster->row('shop')->{backlog}, 0, 'delivery does not');
	my $changes = $cluster->sql("SELECT count(*) FROM pg_logical_slot_get_changes('unread', NULL, NULL)"
		  . " WHERE data ~ '^table ecapi\\.outbox_\\d: INSERT' AND data ~ 'load_t:'");

	# what is written below the executor is decoded as any other row
	is($changes, scalar($load->ids), 'and a reader of it sees each event: it must leave out schema ecapi');
};

# What a cluster's outbox has, and what its records say of it.
sub accounts
{
	my ($node) = @_;

	return split /\|/, $node->sql("SELECT (SELECT count(*) FROM ecapi.outbox), d.delivered, d.backlog,"
		  . " (SELECT sum(events) FROM ecapi.ledger WHERE outcome = 'delivered') FROM ecapi.destination d");
}

# A restored cluster, at the point or at the end, that has never delivered.
sub restored
{
	my ($name) = @_;
	my $node = EcapiCluster->new($name);

	$node->init_from_backup($cluster, 'base', has_restoring => 1, standby => 0);
	$node->append_conf('postgresql.conf', "recovery_target_name = 'middle'\nrecovery_target_action = 'promote'\necapi.delivery = off\n");
	$node->start;
	$node->wait_sql('NOT pg_is_in_recovery()', 'it is at the point');
	$node->wait_worker;
	return $node;
}

$cluster->sql('SELECT pg_switch_wal()');
my $requests = scalar($receiver->requests);

subtest 'restored to a point in time, to look at' => sub {
	my $node = restored('look');
	my ($outbox, $delivered, $backlog, $ledger) = accounts($node);

	is($node->sql("SELECT count(*) FROM ecapi.outbox WHERE event->>'id' LIKE 'later-%'"), 0, 'what came later is not there');
	cmp_ok($backlog, '>=', 10, 'what had not been delivered waits');
	is($node->row('shop')->{state}, 'paused', 'as does a pause of that time');
	# the cursor is recorded four times a second, and the outcome with it
	is($delivered + $backlog, $outbox, 'delivered or waiting: each event of then');
	is($ledger, $delivered, 'and the ledger says the same');
	$node->resume('shop');
	$node->emit('new-', 1, 3);
	$node->restart_worker;
	is(scalar($receiver->requests), $requests, 'with ecapi.delivery = off nothing is sent');
	like($node->refused("SELECT ecapi.adopt('shop')", 'adopt'), qr/delivers from this database already/,
		'it is no copy: it has the identity of the original');
	like($node->doctor('warning', 'delivery'), qr/ecapi\.delivery is off/, 'the doctor says so');

	# what waits is given up by a destination that begins now
	$node->sql("DROP SERVER shop CASCADE");
	$node->destination('shop', $receiver->url('/in'));
	$node->sql("ALTER SYSTEM SET ecapi.delivery = on");
	$node->sql("SELECT pg_reload_conf()");
	$node->emit('afresh-', 1, 3);
	$receiver->wait_received('afresh', 3);
	$node->drained('shop');
	is(scalar(keys %{ $receiver->ids_received('new') }), 0, 'a destination made again starts with what commits then');
	$cluster->all_there($receiver, 'shop', [ @sent, ids('afresh-', 1, 3) ], 'nothing of before was sent again');
	$node->stop;
};

subtest 'restored in place of the original' => sub {
	$cluster->stop;
	my $node = restored('instead');

	$node->resume('shop');
	$node->sql("ALTER SYSTEM SET ecapi.delivery = on");
	$node->sql("SELECT pg_reload_conf()");
	$node->emit('instead-', 1, 3);
	$receiver->wait_received('instead', 3);
	$node->drained('shop');
	my $n = $node->all_there($receiver, 'shop', [ @sent, ids('afresh-', 1, 3), ids('instead-', 1, 3) ],
		'what waited then is sent, under the ids that the original used', repeats => 1);

	cmp_ok($n->{repeats}, '>=', 10, 'a receiver that goes by id counts it once');
	my ($outbox, $delivered, $backlog, $ledger) = accounts($node);
	is("$delivered $backlog $ledger", "$outbox 0 $outbox", 'cursor and ledger count each event once');
	$node->stop;
};

is($receiver->stats->{conflicts}, 0, 'no event changed');
done_testing();
