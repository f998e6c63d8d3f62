# A database without destination has no worker, but for as long as its outbox holds
# events, which are removed when they are old; the first destination brings one, and
# a stop of the server ends all of it without a word of failure.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;
my $worker = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ecapi worker'";

sub no_worker
{
	my ($what) = @_;

	$cluster->wait_sql("SELECT state = 'not needed' AND pid IS NULL FROM ecapi.worker()", "no worker is needed $what");
	$cluster->wait_sql("SELECT ($worker) = 0", "none runs $what");
	like($cluster->sql("SELECT what FROM ecapi.check() WHERE severity = 'ok'"), qr/no worker runs here/,
		"$what: the doctor finds that right");
	is($cluster->sql("SELECT what FROM ecapi.check() WHERE severity = 'error'"), '', 'and nothing wrong');
	return;
}

# Everything becomes older than ecapi.retention and moves to a slot that is not in use;
# a reload of the settings makes the worker look at once.
sub grow_old
{
	$cluster->sql('UPDATE ecapi.outbox SET slot = (slot + 2) % 6,'
		  . " emitted_at = emitted_at - interval '30 days'");
	# versions that were left behind keep their slot until it is seen to be empty
	$cluster->sql("UPDATE ecapi.$_->[0] SET slot = (slot + 2) % 6, $_->[1] = $_->[1] - interval '30 days'")
	  for [ 'tick', 'ticked_at' ], [ 'request', 'sent_at' ];
	$cluster->sql('VACUUM (TRUNCATE) ecapi.outbox, ecapi.tick, ecapi.request');
	$cluster->sql('SELECT pg_reload_conf()');
	return;
}

no_worker('behind CREATE EXTENSION');

subtest 'events that nobody is to have' => sub {
	$cluster->emit('nobody-', 1, 5);
	$cluster->wait_sql("SELECT state = 'running' FROM ecapi.worker()", 'a worker looks after them');
	grow_old();
	$cluster->wait_sql('SELECT count(*) = 0 FROM ecapi.outbox', 'they are removed');
	no_worker('when they are gone');
};

subtest 'a cancellation that nobody waits for' => sub {
	$cluster->sql("SELECT ecapi.cancel('nothing-1')");
	$cluster->wait_sql("SELECT state = 'running' FROM ecapi.worker()", 'a worker looks at it');
	$cluster->wait_sql("SELECT bool_and(state <> 'stopping') FROM ecapi.cancellation", 'it is settled');
	$cluster->sql('DELETE FROM ecapi.cancellation');
	no_worker('without cancellations');
};

subtest 'the first destination' => sub {
	$cluster->destination('shop', $receiver->url('/in'));
	$cluster->delivers($receiver, 'shop', 'first', 20);
	is($cluster->sql($worker), 1, 'it has brought a worker');
	is(scalar(keys %{ $receiver->ids_received('nobody') }), 0, 'what came before is not sent');
	$cluster->sql('DROP SERVER shop');
	$cluster->wait_sql('SELECT count(*) = 0 FROM ecapi.cursor', 'the cursor is gone');
	is($cluster->sql($worker), 1, 'the events still have to grow old');
};

subtest 'made where event triggers do not run' => sub {
	grow_old();
	$cluster->wait_sql('SELECT count(*) = 0 FROM ecapi.outbox', 'the events are removed');
	no_worker('when those are gone');
	$cluster->sql("SET session_replication_role = replica; CREATE SERVER silent FOREIGN DATA WRAPPER ecapi"
		  . " OPTIONS (data_set_id 'shop', url '" . $receiver->url('/silent') . "')");
	$cluster->wait_sql("SELECT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'silent')", 'a worker gives it a cursor');
	$cluster->delivers($receiver, 'silent', 'silent', 5);
};

subtest 'destinations come and go beside events' => sub {
	for my $i (1 .. 20)
	{
		$cluster->sql("DROP SERVER " . ($i == 1 ? 'silent' : 'busy' . ($i - 1)));
		$cluster->destination("busy$i", $receiver->url('/busy'));
		$cluster->emit("busy$i-", 1, 1);
		$receiver->wait_received("busy$i", 1);
	}
	$cluster->drained('busy20');
};

subtest 'a launcher that is ended is started again' => sub {
	my $launcher = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'ecapi launcher'";
	my $pid = $cluster->sql($launcher);

	$cluster->sql("SELECT pg_terminate_backend($pid)");
	$cluster->wait_sql("SELECT EXISTS ($launcher AND pid <> $pid)", 'another launcher runs');
	isnt($cluster->sql($launcher), $pid, 'another one runs');
};

$cluster->stop;
unlike($cluster->log_text, qr/FATAL:.*ecapi/, 'nothing of this was fatal');
done_testing();
