# A streaming standby: it delivers nothing and takes no events; promoted, it
# delivers what is left.  With ecapi.wait_for_standby nothing is sent that the
# standby does not have.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use PostgreSQL::Test::Cluster;
use Test::More;

my $receiver = EcapiReceiver->start;
my $primary = ecapi_node('primary', init => [ allows_streaming => 1 ]);
my $standby = PostgreSQL::Test::Cluster->new('standby');

$primary->backup('base');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

subtest 'the standby is quiet' => sub {
	create_destination($primary, 'shop', $receiver->url('/in'));
	emit($primary, 'a', 10);
	wait_received($receiver, 'a', 10);
	wait_delivered($primary, 'shop');
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

	is(rows($standby, "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'ecapi%'"), 0,
		'no launcher, no worker');
	is(rows($standby, 'SELECT state FROM ecapi.worker()'), 'standby', 'and it says so');
	is(rows($standby, 'SELECT state FROM ecapi.destination'), 'no worker', 'so does the view');
	like(refused($standby, "SELECT ecapi_emit('login', id => 'no')"),
		qr/cannot execute ecapi_emit\(\) in a read-only transaction/, 'as an INSERT is');
};

subtest 'waiting for the standby' => sub {
	$primary->append_conf('postgresql.conf',
		"synchronous_standby_names = 'standby'\necapi.wait_for_standby = on");
	$primary->reload;
	wait_sql($primary, 'the standby is synchronous',
		"SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
	emit($primary, 'b', 5);
	wait_received($receiver, 'b', 5);
	wait_delivered($primary, 'shop');

	$standby->stop;
	# The writer does not wait, so the events are visible and in no standby.
	rows($primary, "SET synchronous_commit = local; SELECT ecapi_emit('login', id => 'c-' || i)"
		  . ' FROM generate_series(1, 5) i');
	# That the worker obeys a command given later shows that it has been round.
	for my $function (qw(pause resume))
	{
		rows($primary, "SET synchronous_commit = local; SELECT ecapi.$function('shop')");
		wait_sql($primary, "the worker has obeyed: $function",
			"SELECT (state = 'paused') = ('$function' = 'pause') FROM ecapi.cursor");
	}
	is(rows($primary, 'SELECT backlog FROM ecapi.destination'), 5, 'the events are visible');
	is(scalar(keys %{ ids_received($receiver, 'c') }), 0, 'none is sent while the standby is away');
	is(rows($primary, 'SELECT state FROM ecapi.worker()'), 'running', 'the worker is well');

	$standby->start;
	wait_received($receiver, 'c', 5);
	wait_delivered($primary, 'shop');
	$primary->append_conf('postgresql.conf', "synchronous_standby_names = ''\necapi.wait_for_standby = off");
	$primary->reload;
};

subtest 'promotion' => sub {
	# Part is delivered, part waits, when the primary is lost.
	emit($primary, 'd', 20);
	wait_received($receiver, 'd', 20);
	$receiver->stop;
	emit($primary, 'e', 30);
	wait_state($primary, 'shop', 'waiting');
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	$primary->stop('immediate');
	$receiver->start_again;
	$standby->promote;
	wait_received($receiver, 'e', 30);
	wait_sql($standby, 'the worker runs', "SELECT state = 'running' FROM ecapi.worker()");
	wait_delivered($standby, 'shop');
	emit($standby, 'f', 10);
	wait_received($receiver, 'f', 10);
	wait_delivered($standby, 'shop');
	is(rows($standby, 'SELECT failed, backlog FROM ecapi.destination'), '0|0', 'nothing failed, nothing waits');
	is((grep { $_->{merged} eq 'conflict' } $receiver->records), 0,
		'what may have come twice came with the same bytes');
};

$standby->stop;
done_testing();
