# A ring that somebody changed: writers and the worker say so, the worker holds
# and goes on when the ring is as it was; nothing is passed over.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $node = ecapi_node('main');

sub doctor
{
	return rows($node, "SELECT what FROM ecapi.check() WHERE severity = 'error'");
}

# Wait until the worker fails with a message; it must be the same process.
sub wait_failing
{
	my ($like, $pid) = @_;

	wait_sql($node, "the worker says $like", "SELECT message ~ '$like' AND pid = $pid FROM ecapi.worker()");
	like(doctor(), qr/the worker fails and tries again: .*$like/, 'so does the doctor');
	return;
}

sub wait_sound
{
	wait_sql($node, 'the worker is well again', "SELECT state = 'running' AND message IS NULL FROM ecapi.worker()");
	return;
}

create_destination($node, 'shop', $receiver->url('/in'));
emit($node, 'first', 3);
wait_received($receiver, 'first', 3);
wait_delivered($node, 'shop');

my $pid = rows($node, 'SELECT pid FROM ecapi.worker()');
my $slot = rows($node, 'SELECT max(slot) FROM ecapi.outbox');
my $other = ($slot + 3) % 6;

subtest 'TRUNCATE' => sub {
	like(refused($node, "TRUNCATE ecapi.$_", name => "TRUNCATE $_"),
		qr/cannot truncate "outbox_\d": events in it may wait/, 'with the reason')
	  for 'outbox', "outbox_$slot";
	like(refused($node, "SET session_replication_role = replica; TRUNCATE ecapi.outbox", name => 'in the replica role'),
		qr/cannot truncate/, 'with the reason');
	is(rows($node, 'SELECT count(*) FROM ecapi.outbox'), 3, 'the events are there');
};

subtest 'DROP' => sub {
	for my $what ("TABLE ecapi.outbox_$slot", 'TABLE ecapi.cursor_row', 'TABLE ecapi.request', 'FUNCTION ecapi.capture()',
		'VIEW ecapi.destination', 'SEQUENCE ecapi.outbox_seq')
	{
		like(refused($node, "DROP $what"), qr/because extension ecapi requires it/, 'the extension needs it');
	}
};

subtest 'a slot that is detached, not in use' => sub {
	# an event that waits in it: moved there, as if the clock had been there
	rows($node, "SELECT ecapi.pause('shop')");
	wait_state($node, 'shop', 'paused');
	emit($node, 'old', 4);
	rows($node, "UPDATE ecapi.outbox SET slot = $other WHERE event->>'id' LIKE 'old-%'");
	rows($node, "ALTER TABLE ecapi.outbox DETACH PARTITION ecapi.outbox_$other");
	rows($node, "SELECT ecapi.resume('shop')");
	emit($node, 'new', 4);
	wait_failing("outbox_$other. is not as the extension made it", $pid);
	is(scalar(keys %{ ids_received($receiver, 'new') }), 0, 'nothing is sent meanwhile');
	rows($node, "ALTER TABLE ecapi.outbox ATTACH PARTITION ecapi.outbox_$other FOR VALUES IN ($other)");
	wait_received($receiver, 'new', 4);
	wait_received($receiver, 'old', 4);
	wait_delivered($node, 'shop');
	wait_sound();
};

subtest 'the slot in use is detached' => sub {
	rows($node, "ALTER TABLE ecapi.outbox DETACH PARTITION ecapi.outbox_$slot");
	like(refused($node, "SELECT ecapi_emit('login', id => 'no')"),
		qr/relation "outbox_$slot" is not as the extension made it.*must not be changed/s, 'an emit says why');
	rows($node, "ALTER TABLE ecapi.outbox ATTACH PARTITION ecapi.outbox_$slot FOR VALUES IN ($slot)");
	emit($node, 'again', 4);
	wait_received($receiver, 'again', 4);
	wait_delivered($node, 'shop');
	wait_sound();
};

subtest 'the index is dropped' => sub {
	rows($node, 'DROP INDEX ecapi.outbox_xid_seq_idx');
	like(refused($node, "SELECT ecapi_emit('login', id => 'no')"), qr/is not as the extension made it/, 'an emit says why');
	wait_failing('is not as the extension made it', $pid);
	rows($node, 'CREATE INDEX outbox_xid_seq_idx ON ecapi.outbox (xid, seq)');
	emit($node, 'indexed', 4);
	wait_received($receiver, 'indexed', 4);
	wait_delivered($node, 'shop');
	wait_sound();
};

subtest 'columns are changed' => sub {
	rows($node, 'ALTER TABLE ecapi.outbox ALTER event TYPE text');
	like(refused($node, "SELECT ecapi_emit('login', id => 'no')"), qr/is not as the extension made it/, 'an emit says why');
	wait_failing('is not as the extension made it', $pid);
	rows($node, 'ALTER TABLE ecapi.outbox ALTER event TYPE json USING event::json');
	emit($node, 'typed', 4);
	wait_received($receiver, 'typed', 4);
	wait_delivered($node, 'shop');
	wait_sound();
	rows($node, 'BEGIN; ALTER TABLE ecapi.outbox ADD extra int; ROLLBACK');
	emit($node, 'back', 1);
	wait_received($receiver, 'back', 1);
};

subtest 'a slot is dropped' => sub {
	rows($node, "ALTER EXTENSION ecapi DROP TABLE ecapi.outbox_$other; DROP TABLE ecapi.outbox_$other");
	like(refused($node, "SELECT ecapi_emit('login', id => 'no')"),
		qr/relation "ecapi\.outbox_$other" does not exist.*dropped by hand/s, 'an emit says why');
	wait_failing("ecapi.outbox_$other. does not exist", $pid);
	rows($node, 'DROP EXTENSION ecapi CASCADE; CREATE EXTENSION ecapi');
	create_destination($node, 'shop', $receiver->url('/renewed'));
	emit($node, 'renewed', 4);
	wait_received($receiver, 'renewed', 4);
};

unlike(log_text($node), qr/was terminated by signal|PANIC|TRAP/, 'nothing has crashed');
is(scalar(keys %{ ids_received($receiver) }), 28, 'each event that was taken has arrived, no other');
$node->stop;
done_testing();
