# Guards: a destination stops rather than send what is not its own to send, or
# take new events for old ones; and the ring gives up nothing that is needed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $node = ecapi_node('main', init => [ allows_streaming => 'logical' ],
	conf => "max_worker_processes = 20\n");

sub restart_worker
{
	my $pid = rows($node, 'SELECT pid FROM ecapi.worker()');

	rows($node, "SELECT pg_terminate_backend($pid)");
	wait_sql($node, 'another worker runs',
		"SELECT state = 'running' AND pid <> $pid FROM ecapi.worker()");
	return;
}

create_destination($node, 'shop', $receiver->url('/in'));
emit($node, 'a', 3);
wait_received($receiver, 'a', 3);
wait_delivered($node, 'shop');

subtest 'a sound destination is not started again' => sub {
	like(refused($node, "SELECT ecapi.rebase('shop')"), qr/does not lie beyond the transaction counter/,
		'rebase says why');
	like(refused($node, "SELECT ecapi.adopt('shop')"), qr/delivers from this database already/,
		'adopt says why');
};

subtest 'a cursor beyond the transaction counter' => sub {
	# Forty million transactions ahead, as if it came from before a reset.
	rows($node, "SELECT ecapi.pause('shop')");
	wait_sql($node, 'paused', "SELECT state = 'paused' FROM ecapi.cursor");
	rows($node, "UPDATE ecapi.cursor_row SET window_end = NULL, arm = 0, snapshot ="
		  . " (pg_snapshot_xmax(snapshot)::text::bigint + 40000000 || ':' ||"
		  . " pg_snapshot_xmax(snapshot)::text::bigint + 40000000 || ':')::pg_snapshot");
	restart_worker();
	wait_state($node, 'shop', 'stopped', detail => 'counter was reset.*ecapi\.rebase');
	rows($node, "SELECT ecapi.resume('shop')");
	emit($node, 'b', 3);
	wait_state($node, 'shop', 'stopped', detail => 'ecapi\.rebase');
	like(rows($node, "SELECT what FROM ecapi.check() WHERE severity = 'error'"), qr/ecapi\.rebase/,
		'the doctor says so');
	rows($node, "SELECT ecapi.rebase('shop')");
	emit($node, 'c', 3);
	wait_received($receiver, 'c', 3);
	wait_delivered($node, 'shop');
	is(scalar(keys %{ ids_received($receiver, 'b') }), 0, 'it starts with what commits after rebase');
};

subtest 'another cluster or database' => sub {
	for my $column (qw(system_identifier database))
	{
		rows($node, "UPDATE ecapi.cursor_row SET $column = ${column}::bigint + 1");
		restart_worker();
		wait_state($node, 'shop', 'stopped', detail => 'copy.*ecapi\.adopt');
		emit($node, "before_$column", 3);
		rows($node, "SELECT ecapi.resume('shop')");
		wait_state($node, 'shop', 'stopped', detail => 'ecapi\.adopt');
		rows($node, "SELECT ecapi.adopt('shop')");
		emit($node, "after_$column", 3);
		wait_received($receiver, "after_$column", 3);
		wait_delivered($node, 'shop');
		is(scalar(keys %{ ids_received($receiver, "before_$column") }), 0,
			"$column: nothing was sent before ecapi.adopt()");
	}
};

subtest 'a prepared transaction, committed by another session' => sub {
	rows($node, "BEGIN; SELECT ecapi_emit('login', id => 'p-1'); PREPARE TRANSACTION 'p'");
	emit($node, 'q', 3);
	wait_received($receiver, 'q', 3);
	is(scalar(keys %{ ids_received($receiver, 'p') }), 0, 'prepared: not delivered, and holds up nobody');
	rows($node, "COMMIT PREPARED 'p'");
	wait_received($receiver, 'p', 1);
	rows($node, "BEGIN; SELECT ecapi_emit('login', id => 'rb-1'); PREPARE TRANSACTION 'p'");
	rows($node, "ROLLBACK PREPARED 'p'");
	emit($node, 's', 1);
	wait_received($receiver, 's', 1);
	wait_delivered($node, 'shop');
	is(scalar(keys %{ ids_received($receiver, 'rb') }), 0, 'rolled back: never delivered');
};

subtest 'logical replication' => sub {
	my $other = EcapiReceiver->start;
	my $subscriber = ecapi_node('subscriber', conf => "max_worker_processes = 20\n");
	my $connection = $node->connstr('postgres') =~ s/'/''/gr;

	# of the same name, so that rows meet
	create_destination($subscriber, 'shop', $other->url('/there'));
	rows($_, 'CREATE TABLE shop_order (n int PRIMARY KEY)') for $node, $subscriber;
	rows($node, "SELECT ecapi_emit('subscribe', id => 'copied-1')");
	rows($node, 'CREATE PUBLICATION everything FOR ALL TABLES');
	like(rows($node, "SELECT what FROM ecapi.check() WHERE severity = 'error'"), qr/published \(everything\)/,
		'the doctor warns of the publication');
	rows($subscriber, "CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION everything");
	$subscriber->wait_for_subscription_sync($node, 's');
	rows($node, "BEGIN; INSERT INTO shop_order VALUES (1);"
		  . " SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'x-1'); COMMIT;"
		  . "SET ecapi.on_error = set_aside; SELECT ecapi_emit('purchase', value => 1)");
	create_destination($node, 'second', $receiver->url('/second'));
	wait_received($receiver, 'x', 1);
	wait_delivered($node, 'shop');
	$node->wait_for_catchup('s');
	is(rows($subscriber, 'SELECT count(*) FROM shop_order'), 1, 'rows of the shop are replicated');
	for my $table (qw(outbox tick request failed_event))
	{
		is(rows($subscriber, "SELECT count(*) FROM ecapi.$table"), 0, "those of ecapi.$table are not");
	}
	is(rows($subscriber, 'SELECT destination, delivered FROM ecapi.cursor'), 'shop|0',
		'nor those of ecapi.cursor, nor changes of the row of the same name');
	rows($node, "SELECT ecapi.pause('shop')");
	$node->wait_for_catchup('s');
	is(rows($subscriber, 'SELECT count(*) FROM ecapi.control'), 0, 'a pause there is no pause here');
	rows($node, "SELECT ecapi.resume('shop')");
	rows($node, 'DELETE FROM ecapi.failed_event');

	emit($subscriber, 'y', 5);
	wait_received($other, 'y', 5);
	wait_delivered($subscriber, 'shop');
	is(scalar(keys %{ ids_received($other) }), 5, 'the subscriber delivers its own, and nothing else');
	rows($subscriber, 'DROP SUBSCRIPTION s');
	rows($node, 'DROP PUBLICATION everything; DROP SERVER second');
	$subscriber->stop;
};

# Rows move to a slot that is far from the clock's, and grow old: what the
# worker's next round, once a minute, then does is what it does after days.
subtest 'the ring' => sub {
	my @far = split /\|/, rows($node, 'SELECT a % 6, b % 6 FROM (SELECT'
		  . " (SELECT max(slot) + 2 FROM ecapi.outbox) a, (SELECT max(slot) + 3 FROM ecapi.outbox) b) x");
	my $age = sub {
		my ($slot, $what) = @_;

		return "SET session_replication_role = origin; UPDATE ecapi.outbox SET slot = $slot,"
		  . " emitted_at = emitted_at - interval '30 days' WHERE $what;";
	};
	my $blocks = sub { return rows($node, "SELECT pg_relation_size('ecapi.outbox_$_[0]')") };

	# In one slot: disposed of by all.  In the other: a paused one needs it.
	create_destination($node, 'sleeper', $receiver->url('/sleeper'));
	rows($node, "SELECT ecapi.pause('sleeper')");
	wait_sql($node, 'paused', "SELECT state = 'paused' FROM ecapi.cursor WHERE destination = 'sleeper'");
	my $old = rows($node, 'SELECT count(*) FROM ecapi.outbox');
	rows($node, $age->($far[0], 'true'));
	emit($node, 'needed', 5);
	wait_received($receiver, 'needed', 5);
	wait_delivered($node, 'shop');
	rows($node, $age->($far[1], "event->>'id' LIKE 'needed-%'"));
	cmp_ok($blocks->($far[0]), '>', 0, "slot $far[0] holds $old events that nobody needs");

	wait_sql($node, 'the slot that nobody needs is emptied',
		"SELECT pg_relation_size('ecapi.outbox_$far[0]') = 0");
	is(rows($node, "SELECT count(*) FROM ecapi.outbox_$far[1]"), 5, 'the slot that one needs is kept');

	rows($node, "SELECT ecapi.resume('sleeper')");
	$receiver->wait_for(sub { 5 == grep { $_->{path} eq '/sleeper' } $_->records }, 'the rest');
	wait_delivered($node, 'sleeper');
	wait_sql($node, 'the other slot is emptied, too',
		"SELECT pg_relation_size('ecapi.outbox_$far[1]') = 0");
	emit($node, 'last', 3);
	wait_received($receiver, 'last', 3);
};

$node->stop;
done_testing();
