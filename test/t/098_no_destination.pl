# A database without destination has no worker, but for as long as its outbox holds
# events, which are removed when they are old; the first destination brings one, and
# a stop of the server ends all of it without a word of failure.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $node = ecapi_node('main');
my $worker = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ecapi worker'";

sub no_worker
{
	my ($what) = @_;

	wait_sql($node, "no worker is needed $what", "SELECT state = 'not needed' AND pid IS NULL FROM ecapi.worker()");
	wait_sql($node, "none runs $what", "SELECT ($worker) = 0");
	like(rows($node, "SELECT what FROM ecapi.check() WHERE severity = 'ok'"), qr/no worker runs here/,
		"$what: the doctor finds that right");
	is(rows($node, "SELECT what FROM ecapi.check() WHERE severity = 'error'"), '', 'and nothing wrong');
	return;
}

# All there is becomes older than ecapi.retention and lies in a slot that is not in
# use; a reload of the settings has the worker look at once.
sub grow_old
{
	rows($node, 'UPDATE ecapi.outbox SET slot = (slot + 2) % 6,'
		  . " emitted_at = emitted_at - interval '30 days'");
	# versions that were left behind keep their slot until it is seen to be empty
	rows($node, "UPDATE ecapi.$_->[0] SET slot = (slot + 2) % 6, $_->[1] = $_->[1] - interval '30 days'")
	  for [ 'tick', 'ticked_at' ], [ 'request', 'sent_at' ];
	rows($node, 'VACUUM (TRUNCATE) ecapi.outbox, ecapi.tick, ecapi.request');
	rows($node, 'SELECT pg_reload_conf()');
	return;
}

no_worker('behind CREATE EXTENSION');

subtest 'events that nobody is to have' => sub {
	emit($node, 'nobody', 5);
	wait_sql($node, 'a worker looks after them', "SELECT state = 'running' FROM ecapi.worker()");
	grow_old();
	wait_sql($node, 'they are removed', 'SELECT count(*) = 0 FROM ecapi.outbox');
	no_worker('when they are gone');
};

subtest 'a cancellation that nobody waits for' => sub {
	rows($node, "SELECT ecapi.cancel('nothing-1')");
	wait_sql($node, 'a worker looks at it', "SELECT state = 'running' FROM ecapi.worker()");
	wait_sql($node, 'it is settled', "SELECT bool_and(state <> 'stopping') FROM ecapi.cancellation");
	rows($node, 'DELETE FROM ecapi.cancellation');
	no_worker('without cancellations');
};

subtest 'the first destination' => sub {
	create_destination($node, 'shop', $receiver->url('/in'));
	emit($node, 'first', 20);
	wait_received($receiver, 'first', 20);
	wait_delivered($node, 'shop');
	is(rows($node, $worker), 1, 'it has brought a worker');
	is(scalar(keys %{ ids_received($receiver, 'nobody') }), 0, 'what came before is not sent');
	rows($node, 'DROP SERVER shop');
	wait_sql($node, 'the cursor is gone', 'SELECT count(*) = 0 FROM ecapi.cursor');
	is(rows($node, $worker), 1, 'the events still have to grow old');
};

subtest 'made where event triggers do not run' => sub {
	grow_old();
	wait_sql($node, 'the events are removed', 'SELECT count(*) = 0 FROM ecapi.outbox');
	no_worker('when those are gone');
	rows($node, "SET session_replication_role = replica; CREATE SERVER silent FOREIGN DATA WRAPPER ecapi"
		  . " OPTIONS (data_set_id 'shop', url '" . $receiver->url('/silent') . "')");
	wait_sql($node, 'a worker gives it a cursor', "SELECT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'silent')");
	emit($node, 'silent', 5);
	wait_received($receiver, 'silent', 5);
	wait_delivered($node, 'silent');
};

subtest 'destinations come and go beside events' => sub {
	for my $i (1 .. 20)
	{
		rows($node, "DROP SERVER " . ($i == 1 ? 'silent' : 'busy' . ($i - 1)));
		create_destination($node, "busy$i", $receiver->url('/busy'));
		emit($node, "busy$i", 1);
		wait_received($receiver, "busy$i", 1);
	}
	wait_delivered($node, 'busy20');
};

subtest 'a launcher that is ended is started again' => sub {
	my $launcher = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'ecapi launcher'";
	my $pid = rows($node, $launcher);

	rows($node, "SELECT pg_terminate_backend($pid)");
	wait_sql($node, 'another launcher runs', "SELECT EXISTS ($launcher AND pid <> $pid)");
	isnt(rows($node, $launcher), $pid, 'another one runs');
};

$node->stop;
unlike(log_text($node), qr/FATAL:.*ecapi/, 'nothing of this was fatal');
done_testing();
