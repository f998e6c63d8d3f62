# The hook on utility commands looks at the parse tree before the command runs and not
# after it: COMMIT PREPARED wakes the worker though its tree is another one by then.
#
# A library for tests changes the tree (test/probe/ecapi_probe_fault.c).  The worker is
# stopped meanwhile, so that its latch shows whether it was woken.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "shared_preload_libraries = 'ecapi_probe_fault, ecapi'\n");

$cluster->sql("CREATE FUNCTION latch(pid int) RETURNS boolean"
	  . " AS 'ecapi_probe_fault', 'ecapi_probe_fault_latch' LANGUAGE c");
$cluster->destination('shop', $receiver->url('/in'));
$cluster->delivers($receiver, 'shop', 'a', 1);

my $pid = $cluster->worker_pid;

# Stop the worker while it waits; it may be on its way to a turn, then again.
sub stop_it
{
	for my $try (1 .. 100)
	{
		$cluster->wait_sql("SELECT NOT latch($pid)", 'the worker waits');
		kill 'STOP', $pid or die "could not stop the worker: $!";
		return if $cluster->sql("SELECT NOT latch($pid)") eq 't';
		kill 'CONT', $pid;
	}
	die "the worker never waited\n";
}

$cluster->sql("BEGIN; SELECT ecapi_emit('login', id => 'b-1'); PREPARE TRANSACTION 'b'");
$cluster->sql("BEGIN; SELECT ecapi_emit('login', id => 'c-1'); PREPARE TRANSACTION 'c'");
stop_it();
$cluster->sql("ROLLBACK PREPARED 'c'");
is($cluster->sql("SELECT latch($pid)"), 'f', 'ROLLBACK PREPARED wakes nobody');
$cluster->sql("COMMIT PREPARED 'b'");
is($cluster->sql("SELECT latch($pid)"), 't', 'COMMIT PREPARED wakes the worker');
kill 'CONT', $pid;
$receiver->wait_received('b', 1);
$cluster->drained('shop');

$cluster->stop;
done_testing();
