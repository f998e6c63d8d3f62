# A ring that was changed by hand: writers and the worker say so, the worker holds
# and goes on when the ring is as it was; nothing is passed over.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

# Wait until the worker fails with a message; it must be the same process.
sub wait_failing
{
	my ($like, $pid) = @_;

	$cluster->wait_sql("SELECT message ~ '$like' AND pid = $pid FROM ecapi.worker()", "the worker says $like");
	like($cluster->doctor('error'), qr/the worker fails and tries again: .*$like/, 'so does the doctor');
	return;
}

sub wait_sound
{
	$cluster->wait_sql("SELECT state = 'running' AND message IS NULL FROM ecapi.worker()", 'the worker is well again');
	return;
}

$cluster->destination('shop', $receiver->url('/in'));
$cluster->delivers($receiver, 'shop', 'first', 3);

my $pid = $cluster->worker_pid;
my $slot = $cluster->sql('SELECT max(slot) FROM ecapi.outbox');
my $other = ($slot + 3) % 6;

subtest 'TRUNCATE' => sub {
	like($cluster->refused("TRUNCATE ecapi.$_", "TRUNCATE $_"),
		qr/cannot truncate "outbox_\d": events in it may wait/, 'with the reason')
	  for 'outbox', "outbox_$slot";
	like($cluster->refused("SET session_replication_role = replica; TRUNCATE ecapi.outbox", 'in the replica role'),
		qr/cannot truncate/, 'with the reason');
	is($cluster->sql('SELECT count(*) FROM ecapi.outbox'), 3, 'the events are there');
};

subtest 'DROP' => sub {
	for my $what ("TABLE ecapi.outbox_$slot", 'TABLE ecapi.cursor_row', 'TABLE ecapi.request', 'FUNCTION ecapi.capture()',
		'VIEW ecapi.destination', 'SEQUENCE ecapi.outbox_seq')
	{
		like($cluster->refused("DROP $what"), qr/because extension ecapi requires it/, 'the extension needs it');
	}
};

subtest 'a slot that is detached, not in use' => sub {
	# an event that waits in it: moved there, as if the clock had been there
	$cluster->pause('shop');
	$cluster->emit('old-', 1, 4);
	$cluster->sql("UPDATE ecapi.outbox SET slot = $other WHERE event->>'id' LIKE 'old-%'");
	$cluster->sql("ALTER TABLE ecapi.outbox DETACH PARTITION ecapi.outbox_$other");
	$cluster->resume('shop');
	$cluster->emit('new-', 1, 4);
	wait_failing("outbox_$other. is not as the extension made it", $pid);
	is(scalar(keys %{ $receiver->ids_received('new') }), 0, 'nothing is sent meanwhile');
	$cluster->sql("ALTER TABLE ecapi.outbox ATTACH PARTITION ecapi.outbox_$other FOR VALUES IN ($other)");
	$receiver->wait_received('new', 4);
	$receiver->wait_received('old', 4);
	$cluster->drained('shop');
	wait_sound();
};

subtest 'the slot in use is detached' => sub {
	$cluster->sql("ALTER TABLE ecapi.outbox DETACH PARTITION ecapi.outbox_$slot");
	like($cluster->refused("SELECT ecapi_emit('login', id => 'no')"),
		qr/relation "outbox_$slot" is not as the extension made it.*must not be changed/s, 'an emit says why');
	$cluster->sql("ALTER TABLE ecapi.outbox ATTACH PARTITION ecapi.outbox_$slot FOR VALUES IN ($slot)");
	$cluster->delivers($receiver, 'shop', 'again', 4);
	wait_sound();
};

subtest 'the index is dropped' => sub {
	$cluster->sql('DROP INDEX ecapi.outbox_xid_seq_idx');
	like($cluster->refused("SELECT ecapi_emit('login', id => 'no')"), qr/is not as the extension made it/, 'an emit says why');
	wait_failing('is not as the extension made it', $pid);
	$cluster->sql('CREATE INDEX outbox_xid_seq_idx ON ecapi.outbox (xid, seq)');
	$cluster->delivers($receiver, 'shop', 'indexed', 4);
	wait_sound();
};

subtest 'columns are changed' => sub {
	$cluster->sql('ALTER TABLE ecapi.outbox ALTER event TYPE text');
	like($cluster->refused("SELECT ecapi_emit('login', id => 'no')"), qr/is not as the extension made it/, 'an emit says why');
	wait_failing('is not as the extension made it', $pid);
	$cluster->sql('ALTER TABLE ecapi.outbox ALTER event TYPE json USING event::json');
	$cluster->delivers($receiver, 'shop', 'typed', 4);
	wait_sound();
	$cluster->sql('BEGIN; ALTER TABLE ecapi.outbox ADD extra int; ROLLBACK');
	$cluster->emit('back-', 1, 1);
	$receiver->wait_received('back', 1);
};

subtest 'a slot is dropped' => sub {
	$cluster->sql("ALTER EXTENSION ecapi DROP TABLE ecapi.outbox_$other; DROP TABLE ecapi.outbox_$other");
	like($cluster->refused("SELECT ecapi_emit('login', id => 'no')"),
		qr/relation "ecapi\.outbox_$other" does not exist.*dropped by hand/s, 'an emit says why');
	wait_failing("ecapi.outbox_$other. does not exist", $pid);
	$cluster->sql('DROP EXTENSION ecapi CASCADE; CREATE EXTENSION ecapi');
	$cluster->destination('shop', $receiver->url('/renewed'));
	$cluster->emit('renewed-', 1, 4);
	$receiver->wait_received('renewed', 4);
};

unlike($cluster->log_text, qr/was terminated by signal|PANIC|TRAP/, 'nothing has crashed');
is(scalar(keys %{ $receiver->ids_received }), 28, 'each event that was taken has arrived, no other');
$cluster->stop;
done_testing();
