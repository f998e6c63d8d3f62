# Guards: a destination stops rather than send what is not its own to send, or
# take new events for old ones; and the ring gives up nothing that is needed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(init => [ allows_streaming => 'logical' ], conf => "max_worker_processes = 20\n");

$cluster->destination('shop', $receiver->url('/in'));
$cluster->delivers($receiver, 'shop', 'a', 3);

subtest 'a sound destination is not started again' => sub {
	like($cluster->refused("SELECT ecapi.rebase('shop')"), qr/does not lie beyond the transaction counter/,
		'rebase says why');
	like($cluster->refused("SELECT ecapi.adopt('shop')"), qr/delivers from this database already/,
		'adopt says why');
};

subtest 'a cursor beyond the transaction counter' => sub {
	# Forty million transactions ahead, as if it came from before a reset.
	$cluster->sql("SELECT ecapi.pause('shop')");
	$cluster->wait_sql("SELECT state = 'paused' FROM ecapi.cursor", 'paused');
	$cluster->sql("UPDATE ecapi.cursor_row SET window_end = NULL, arm = 0, snapshot ="
		  . " (pg_snapshot_xmax(snapshot)::text::bigint + 40000000 || ':' ||"
		  . " pg_snapshot_xmax(snapshot)::text::bigint + 40000000 || ':')::pg_snapshot");
	$cluster->restart_worker;
	$cluster->wait_state('shop', 'stopped', 'counter was reset.*ecapi\.rebase');
	$cluster->resume('shop');
	$cluster->emit('b-', 1, 3);
	$cluster->wait_state('shop', 'stopped', 'ecapi\.rebase');
	like($cluster->sql("SELECT what FROM ecapi.check() WHERE severity = 'error'"), qr/ecapi\.rebase/,
		'the doctor says so');
	$cluster->sql("SELECT ecapi.rebase('shop')");
	$cluster->delivers($receiver, 'shop', 'c', 3);
	is(scalar(keys %{ $receiver->ids_received('b') }), 0, 'it starts with what commits after rebase');
};

subtest 'another cluster or database' => sub {
	for my $column (qw(system_identifier database))
	{
		$cluster->sql("UPDATE ecapi.cursor_row SET $column = ${column}::bigint + 1");
		$cluster->restart_worker;
		$cluster->wait_state('shop', 'stopped', 'copy.*ecapi\.adopt');
		$cluster->emit("before_$column-", 1, 3);
		$cluster->resume('shop');
		$cluster->wait_state('shop', 'stopped', 'ecapi\.adopt');
		$cluster->sql("SELECT ecapi.adopt('shop')");
		$cluster->delivers($receiver, 'shop', "after_$column", 3);
		is(scalar(keys %{ $receiver->ids_received("before_$column") }), 0,
			"$column: nothing was sent before ecapi.adopt()");
	}
};

subtest 'a prepared transaction, committed by another session' => sub {
	$cluster->sql("BEGIN; SELECT ecapi_emit('login', id => 'p-1'); PREPARE TRANSACTION 'p'");
	$cluster->emit('q-', 1, 3);
	$receiver->wait_received('q', 3);
	is(scalar(keys %{ $receiver->ids_received('p') }), 0, 'prepared: not delivered, and holds up nobody');
	# nobody sees its event yet, so a lock says that the slot is not to be emptied
	is($cluster->sql("SELECT count(*) FROM pg_locks WHERE pid IS NULL AND mode = 'RowExclusiveLock' AND relation IN"
			  . " (SELECT relid FROM pg_partition_tree('ecapi.outbox') WHERE isleaf)"), 1, 'its slot is locked');
	$cluster->sql("COMMIT PREPARED 'p'");
	$receiver->wait_received('p', 1);
	$cluster->sql("BEGIN; SELECT ecapi_emit('login', id => 'rb-1'); PREPARE TRANSACTION 'p'");
	$cluster->sql("ROLLBACK PREPARED 'p'");
	$cluster->delivers($receiver, 'shop', 's', 1);
	is(scalar(keys %{ $receiver->ids_received('rb') }), 0, 'rolled back: never delivered');
};

subtest 'logical replication' => sub {
	my $other = EcapiReceiver->start;
	my $subscriber = EcapiCluster->create(name => 'subscriber', conf => "max_worker_processes = 20\n");
	my $connection = $cluster->connstr('postgres') =~ s/'/''/gr;

	# of the same name, so that rows meet
	$subscriber->destination('shop', $other->url('/there'));
	$_->sql('CREATE TABLE shop_order (n int PRIMARY KEY)') for $cluster, $subscriber;
	$cluster->sql("SELECT ecapi_emit('subscribe', id => 'copied-1')");
	$cluster->sql('CREATE PUBLICATION everything FOR ALL TABLES');
	like($cluster->sql("SELECT what FROM ecapi.check() WHERE severity = 'error'"), qr/published \(everything\)/,
		'the doctor warns of the publication');
	$subscriber->sql("CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION everything");
	$subscriber->wait_for_subscription_sync($cluster, 's');
	$cluster->sql("BEGIN; INSERT INTO shop_order VALUES (1);"
		  . " SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'x-1'); COMMIT;"
		  . "SET ecapi.on_error = set_aside; SELECT ecapi_emit('purchase', value => 1)");
	$cluster->destination('second', $receiver->url('/second'));
	$receiver->wait_received('x', 1);
	$cluster->drained('shop');
	$cluster->wait_for_catchup('s');
	is($subscriber->sql('SELECT count(*) FROM shop_order'), 1, 'rows of the shop are replicated');
	for my $table (qw(outbox tick request failed_event))
	{
		is($subscriber->sql("SELECT count(*) FROM ecapi.$table"), 0, "those of ecapi.$table are not");
	}
	is($subscriber->sql('SELECT destination, delivered FROM ecapi.cursor'), 'shop|0',
		'nor those of ecapi.cursor, nor changes of the row of the same name');
	$cluster->sql("SELECT ecapi.pause('shop')");
	$cluster->wait_for_catchup('s');
	is($subscriber->sql('SELECT count(*) FROM ecapi.control'), 0, 'a pause there is no pause here');
	$cluster->resume('shop');
	$cluster->sql('DELETE FROM ecapi.failed_event');

	$subscriber->delivers($other, 'shop', 'y', 5);
	is(scalar(keys %{ $other->ids_received }), 5, 'the subscriber delivers its own, and nothing else');
	$subscriber->sql('DROP SUBSCRIPTION s');
	$cluster->sql('DROP PUBLICATION everything; DROP SERVER second');
	$subscriber->stop;
};

# Rows move to a slot that is far from the clock's, and grow old: what the
# worker's next round, once a minute, then does is what it does after days.
subtest 'the ring' => sub {
	my @far = split /\|/, $cluster->sql('SELECT a % 6, b % 6 FROM (SELECT'
		  . " (SELECT max(slot) + 2 FROM ecapi.outbox) a, (SELECT max(slot) + 3 FROM ecapi.outbox) b) x");
	my $age = sub {
		my ($slot, $what) = @_;

		return "SET session_replication_role = origin; UPDATE ecapi.outbox SET slot = $slot,"
		  . " emitted_at = emitted_at - interval '30 days' WHERE $what;";
	};
	my $blocks = sub { return $cluster->sql("SELECT pg_relation_size('ecapi.outbox_$_[0]')") };

	# In one slot: disposed of by all.  In the other: a paused one needs it.
	$cluster->destination('sleeper', $receiver->url('/sleeper'));
	$cluster->sql("SELECT ecapi.pause('sleeper')");
	$cluster->wait_sql("SELECT state = 'paused' FROM ecapi.cursor WHERE destination = 'sleeper'", 'paused');
	my $old = $cluster->sql('SELECT count(*) FROM ecapi.outbox');
	$cluster->sql($age->($far[0], 'true'));
	$cluster->delivers($receiver, 'shop', 'needed', 5);
	$cluster->sql($age->($far[1], "event->>'id' LIKE 'needed-%'"));
	cmp_ok($blocks->($far[0]), '>', 0, "slot $far[0] holds $old events that nobody needs");

	$cluster->wait_sql("SELECT pg_relation_size('ecapi.outbox_$far[0]') = 0", 'the slot that nobody needs is emptied');
	is($cluster->sql("SELECT count(*) FROM ecapi.outbox_$far[1]"), 5, 'the slot that one needs is kept');

	$cluster->resume('sleeper');
	$receiver->wait_for(sub { 5 == $_->records_at('/sleeper') }, 'the rest');
	$cluster->drained('sleeper');
	$cluster->wait_sql("SELECT pg_relation_size('ecapi.outbox_$far[1]') = 0", 'the other slot is emptied, too');
	$cluster->emit('last-', 1, 3);
	$receiver->wait_received('last', 3);
};

$cluster->stop;
done_testing();
