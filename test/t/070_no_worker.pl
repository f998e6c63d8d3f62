# No worker: applications go on, events wait, and the view and the doctor name
# what is missing.  Then it comes, and what waited is delivered.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;

sub view
{
	my ($cluster, $column) = @_;

	return $cluster->sql("SELECT $column FROM ecapi.destination");
}

subtest 'not preloaded' => sub {
	my $cluster = EcapiCluster->create(name => 'unloaded', preload => 0);

	$cluster->sql('CREATE TABLE shop_order (n int)');
	$cluster->destination('shop', $receiver->url('/unloaded'));
	$cluster->sql("BEGIN; INSERT INTO shop_order VALUES (1);"
		  . " SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'u-1'); COMMIT");
	$cluster->emit('u2-', 1, 20);
	is($cluster->sql('SELECT count(*) FROM shop_order'), 1, 'the transaction of an emitter commits');
	is($cluster->sql('SELECT count(*) FROM ecapi.outbox'), 21, 'its events are kept');
	is($cluster->sql("LOAD 'ecapi'; SELECT 'same session'"), 'same session',
		'LOAD works, and the connection stays');
	is($cluster->sql("LOAD 'ecapi'; SHOW ecapi.on_error; SHOW ecapi.delivery; SHOW ecapi.retention"),
		"raise\non\n3d", 'settings can be shown');
	is($cluster->sql("SET ecapi.on_error = 'set_aside'; SELECT ecapi_emit('purchase', value => 1) IS NOT NULL"),
		't', 'a setting made before the library is loaded is obeyed');
	$cluster->sql("CREATE ROLE writer; CREATE ROLE stand_in; GRANT EXECUTE ON ROUTINE ecapi_emit TO writer;"
		  . " DO \$\$ BEGIN EXECUTE format('ALTER DATABASE %I SET ecapi.run_as = stand_in', current_database()); END \$\$");
	is($cluster->sql("SET SESSION AUTHORIZATION writer; SET ecapi.run_as = writer; SET ecapi.on_error = 'set_aside';"
			  . " SELECT ecapi_emit('purchase', value => 1) IS NOT NULL; SHOW ecapi.run_as"),
		"t\nstand_in", 'but not one that only a superuser may make');

	is(view($cluster, 'state, backlog'), 'no worker|21', 'the view counts what waits');
	like(view($cluster, 'detail'), qr/not in shared_preload_libraries/, 'and says why');
	like($cluster->doctor('error'), qr/shared_preload_libraries = 'ecapi'.*restart/, 'the doctor knows the line to add');
	is($cluster->sql('SELECT preloaded, pid IS NULL FROM ecapi.worker()'), 'f|t', 'there is no worker');
	$cluster->sql("SELECT ecapi.pause('shop')");
	is(view($cluster, 'state'), 'paused', 'a destination can be paused');
	$cluster->resume('shop');

	$cluster->append_conf('postgresql.conf', "shared_preload_libraries = 'ecapi'");
	$cluster->restart;
	$receiver->wait_received('u2', 20);
	$cluster->drained('shop');
	is(view($cluster, 'backlog, delivered'), '0|21', 'with the line and a restart all that waited is delivered');
	unlike($cluster->doctor('error'), qr/\S/, 'the doctor finds no error');
	$cluster->stop;
};

subtest 'one database too many' => sub {
	my $cluster = EcapiCluster->create(name => 'crowded', conf => "ecapi.max_workers = 1\n");

	$cluster->sql('CREATE DATABASE second');
	$cluster->in('second')->sql('CREATE EXTENSION ecapi');
	$cluster->destination('first', $receiver->url('/first'));
	$cluster->in('second')->destination('second', $receiver->url('/second'));
	$cluster->emit('c1-', 1, 5);
	$cluster->in('second')->emit('c2-', 1, 5);
	$receiver->wait_received('c1', 5);
	$cluster->in('second')->wait_sql("SELECT state = 'no worker' AND backlog = 5"
		  . " FROM ecapi.destination", 'the second database is told');
	like(view($cluster->in('second'), 'detail'), qr/ecapi\.max_workers/, 'the view names the setting');
	like($cluster->in('second')->doctor('error'), qr/ecapi\.max_workers/, 'so does the doctor');
	is($cluster->in('second')->sql('SELECT count(*) FROM ecapi.outbox'), 5, 'its events are kept');

	$cluster->append_conf('postgresql.conf', 'ecapi.max_workers = 4');
	$cluster->restart;
	$receiver->wait_received('c2', 5);
	$cluster->stop;
};

subtest 'no slot for a background worker' => sub {
	my $cluster = EcapiCluster->create(name => 'narrow', conf =>
		  "max_worker_processes = 2\nmax_logical_replication_workers = 0\n");

	# The launcher takes one, the worker of postgres the other, for a destination.
	$cluster->destination('first', $receiver->url('/first'), { mode => 'shadow' });
	$cluster->wait_sql("SELECT state = 'running' FROM ecapi.worker()", 'postgres has its worker');
	$cluster->sql('CREATE DATABASE second');
	$cluster->in('second')->sql('CREATE EXTENSION ecapi');
	$cluster->in('second')->destination('second', $receiver->url('/narrow'));
	$cluster->in('second')->emit('n-', 1, 5);
	$cluster->in('second')->wait_sql("SELECT state = 'no worker' AND backlog = 5"
		  . " AND detail ~ 'max_worker_processes' FROM ecapi.destination", 'the view names the setting');
	like($cluster->in('second')->doctor('error'), qr/max_worker_processes/, 'so does the doctor');

	$cluster->sql('DROP SERVER first; DROP EXTENSION ecapi');
	$receiver->wait_received('n', 5);
	$cluster->in('second')->drained('second');
	pass('when a slot is free the worker comes by itself');
	$cluster->stop;
};

subtest 'no launcher' => sub {
	my $cluster = EcapiCluster->create(name => 'tiny', conf =>
		  "max_worker_processes = 0\nmax_logical_replication_workers = 0\n");

	$cluster->destination('tiny', $receiver->url('/tiny'));
	$cluster->emit('t-', 1, 5);
	is(view($cluster, 'state, backlog'), 'no worker|5', 'the view says no worker');
	like(view($cluster, 'detail'), qr/max_worker_processes/, 'and names the setting');
	$cluster->append_conf('postgresql.conf', 'max_worker_processes = 8');
	$cluster->restart;
	$receiver->wait_received('t', 5);
	$cluster->stop;
};

my $cluster = EcapiCluster->create;

subtest 'a dead receiver' => sub {
	my $other = EcapiReceiver->start;

	$cluster->destination('dead', $other->url('/in'));
	$other->stop;
	$cluster->sql('CREATE TABLE shop_order (n int)');
	$cluster->sql("BEGIN; INSERT INTO shop_order VALUES (1);"
		  . " SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'd-1'); COMMIT");
	$cluster->wait_state('dead', 'waiting', 'connect');
	is(view($cluster, 'backlog, next_try IS NOT NULL, last_error_at IS NOT NULL'), '1|t|t',
		'the view shows what waits, and the next try');
	# between two tries it is delivering for a moment
	$cluster->wait_sql(q(SELECT EXISTS (SELECT FROM ecapi.check() WHERE severity = 'warning' AND what LIKE '%"dead" waits for its next try%')),
		'the doctor says so, too');
	is($cluster->sql("INSERT INTO shop_order VALUES (2); SELECT count(*) FROM shop_order"), 2,
		'the application goes on');
	$cluster->emit('d-', 1, 3);
	$other->start_again;
	$cluster->resume('dead');
	$other->wait_received('d', 3);
	$cluster->drained('dead');
	$cluster->sql('DROP SERVER dead');
};

subtest 'ecapi.delivery' => sub {
	$cluster->destination('switch', $receiver->url('/switch'));
	$cluster->delivers($receiver, 'switch', 'on', 2);

	$cluster->append_conf('postgresql.conf', 'ecapi.delivery = off');
	$cluster->reload;
	$cluster->wait_sql("SELECT message ~ 'ecapi.delivery is off' FROM ecapi.worker()", 'a new session has the setting');
	# A session that began with the new value began after the worker got the signal.
	my $requests = $receiver->requests;
	$cluster->emit('off-', 1, 5);
	# That it obeys a later command shows that it has been round.
	$cluster->sql("SELECT ecapi.pause('switch')");
	$cluster->wait_sql("SELECT state = 'paused' FROM ecapi.cursor", 'the worker has paused it');
	$cluster->resume('switch');
	$cluster->wait_sql("SELECT state <> 'paused' FROM ecapi.cursor", 'the worker goes on');
	is(scalar($receiver->requests), $requests, 'with ecapi.delivery off nothing is sent');
	cmp_ok(view($cluster, 'backlog'), '>=', 5, 'events wait');
	like(view($cluster, 'detail'), qr/ecapi\.delivery is off/, 'the view says why');
	like($cluster->doctor('warning'), qr/ecapi\.delivery = on/, 'the doctor says what to do');

	$cluster->append_conf('postgresql.conf', 'ecapi.delivery = on');
	$cluster->reload;
	$receiver->wait_received('off', 5);
	$cluster->drained('switch');
};

$cluster->stop;
done_testing();
