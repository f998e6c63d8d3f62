# A streaming standby: it delivers nothing and takes no events; promoted, it
# delivers what is left.  With ecapi.wait_for_standby nothing is sent that the
# standby does not have.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $primary = EcapiCluster->create(name => 'primary', init => [ allows_streaming => 1 ]);
my $standby = EcapiCluster->new('standby');

$primary->backup('base');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

subtest 'the standby is quiet' => sub {
	$primary->destination('shop', $receiver->url('/in'));
	$primary->delivers($receiver, 'shop', 'a', 10);
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

	is($standby->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'ecapi%'"), 0,
		'no launcher, no worker');
	is($standby->sql('SELECT state FROM ecapi.worker()'), 'standby', 'and it says so');
	is($standby->sql('SELECT state FROM ecapi.destination'), 'no worker', 'so does the view');
	like($standby->refused("SELECT ecapi_emit('login', id => 'no')"),
		qr/cannot execute ecapi_emit\(\) in a read-only transaction/, 'as an INSERT is');
};

subtest 'waiting for the standby' => sub {
	$primary->append_conf('postgresql.conf',
		"synchronous_standby_names = 'standby'\necapi.wait_for_standby = on");
	$primary->reload;
	$primary->wait_sql("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'", 'the standby is synchronous');
	$primary->delivers($receiver, 'shop', 'b', 5);

	$standby->stop;
	# The writer does not wait, so the events are visible and in no standby.
	$primary->sql("SET synchronous_commit = local; SELECT ecapi_emit('login', id => 'c-' || i)"
		  . ' FROM generate_series(1, 5) i');
	# That the worker obeys a command given later shows that it has been round.
	for my $function (qw(pause resume))
	{
		$primary->sql("SET synchronous_commit = local; SELECT ecapi.$function('shop')");
		$primary->wait_sql("SELECT (state = 'paused') = ('$function' = 'pause') FROM ecapi.cursor", "the worker has obeyed: $function");
	}
	is($primary->sql('SELECT backlog FROM ecapi.destination'), 5, 'the events are visible');
	is(scalar(keys %{ $receiver->ids_received('c') }), 0, 'none is sent while the standby is away');
	is($primary->sql('SELECT state FROM ecapi.worker()'), 'running', 'the worker is well');

	$standby->start;
	$receiver->wait_received('c', 5);
	$primary->drained('shop');
	$primary->append_conf('postgresql.conf', "synchronous_standby_names = ''\necapi.wait_for_standby = off");
	$primary->reload;
};

subtest 'promotion' => sub {
	# Part is delivered, part waits, when the primary is lost.
	$primary->emit('d-', 1, 20);
	$receiver->wait_received('d', 20);
	$receiver->stop;
	$primary->emit('e-', 1, 30);
	$primary->wait_state('shop', 'waiting');
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	$primary->stop('immediate');
	$receiver->start_again;
	$standby->promote;
	$receiver->wait_received('e', 30);
	$standby->wait_sql("SELECT state = 'running' FROM ecapi.worker()", 'the worker runs');
	$standby->drained('shop');
	$standby->delivers($receiver, 'shop', 'f', 10);
	is($standby->sql('SELECT failed, backlog FROM ecapi.destination'), '0|0', 'nothing failed, nothing waits');
	is((grep { $_->{merged} eq 'conflict' } $receiver->records), 0,
		'what may have come twice came with the same bytes');
};

$standby->stop;
done_testing();
