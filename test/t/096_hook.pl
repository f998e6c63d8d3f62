# The hook on utility commands asks the parse tree before the command runs and not
# after it: COMMIT PREPARED wakes the worker though its tree is another one by then.
#
# A library for tests changes the tree (test/probe/ecapi_probe_fault.c).  The worker is
# stopped meanwhile, so that its latch shows whether it was woken.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $node = ecapi_node('main', conf => "shared_preload_libraries = 'ecapi_probe_fault, ecapi'\n");

rows($node, "CREATE FUNCTION latch(pid int) RETURNS boolean"
	  . " AS 'ecapi_probe_fault', 'ecapi_probe_fault_latch' LANGUAGE c");
create_destination($node, 'shop', $receiver->url('/in'));
emit($node, 'a', 1);
wait_received($receiver, 'a', 1);
wait_delivered($node, 'shop');

my $pid = rows($node, 'SELECT pid FROM ecapi.worker()');

# Stop the worker while it waits; it may be on its way to a turn, then again.
sub stop_it
{
	for my $try (1 .. 100)
	{
		wait_sql($node, 'the worker waits', "SELECT NOT latch($pid)");
		kill 'STOP', $pid or die "could not stop the worker: $!";
		return if rows($node, "SELECT NOT latch($pid)") eq 't';
		kill 'CONT', $pid;
	}
	die "the worker never waited\n";
}

rows($node, "BEGIN; SELECT ecapi_emit('login', id => 'b-1'); PREPARE TRANSACTION 'b'");
rows($node, "BEGIN; SELECT ecapi_emit('login', id => 'c-1'); PREPARE TRANSACTION 'c'");
stop_it();
rows($node, "ROLLBACK PREPARED 'c'");
is(rows($node, "SELECT latch($pid)"), 'f', 'ROLLBACK PREPARED wakes nobody');
rows($node, "COMMIT PREPARED 'b'");
is(rows($node, "SELECT latch($pid)"), 't', 'COMMIT PREPARED wakes the worker');
kill 'CONT', $pid;
wait_received($receiver, 'b', 1);
wait_delivered($node, 'shop');

$node->stop;
done_testing();
