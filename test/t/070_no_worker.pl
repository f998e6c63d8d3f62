# No worker: applications go on, events wait, and the view and the doctor name
# what is missing.  Then it comes, and what waited is delivered.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $receiver = EcapiReceiver->start;

sub view
{
	my ($node, $column, %options) = @_;

	return rows($node, "SELECT $column FROM ecapi.destination", %options);
}

sub doctor
{
	my ($node, $severity, %options) = @_;

	return rows($node, "SELECT what || ' -- ' || coalesce(what_to_do, '') FROM ecapi.check()"
		  . " WHERE severity = '$severity'", %options);
}

subtest 'not preloaded' => sub {
	my $node = ecapi_node('unloaded', preload => 0);

	rows($node, 'CREATE TABLE shop_order (n int)');
	create_destination($node, 'shop', $receiver->url('/unloaded'));
	rows($node, "BEGIN; INSERT INTO shop_order VALUES (1);"
		  . " SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'u-1'); COMMIT");
	emit($node, 'u2', 20);
	is(rows($node, 'SELECT count(*) FROM shop_order'), 1, 'the transaction of an emitter commits');
	is(rows($node, 'SELECT count(*) FROM ecapi.outbox'), 21, 'its events are kept');
	is(rows($node, "LOAD 'ecapi'; SELECT 'same session'"), 'same session',
		'LOAD works, and the connection stays');
	is(rows($node, "LOAD 'ecapi'; SHOW ecapi.on_error; SHOW ecapi.delivery; SHOW ecapi.retention"),
		"raise\non\n3d", 'settings can be shown');
	is(rows($node, "SET ecapi.on_error = 'set_aside'; SELECT ecapi_emit('purchase', value => 1) IS NOT NULL"),
		't', 'a setting made before the library is loaded is obeyed');
	rows($node, "CREATE ROLE writer; CREATE ROLE stand_in; GRANT EXECUTE ON ROUTINE ecapi_emit TO writer;"
		  . " DO \$\$ BEGIN EXECUTE format('ALTER DATABASE %I SET ecapi.run_as = stand_in', current_database()); END \$\$");
	is(rows($node, "SET SESSION AUTHORIZATION writer; SET ecapi.run_as = writer; SET ecapi.on_error = 'set_aside';"
			  . " SELECT ecapi_emit('purchase', value => 1) IS NOT NULL; SHOW ecapi.run_as"),
		"t\nstand_in", 'but not one that only a superuser may make');

	is(view($node, 'state, backlog'), 'no worker|21', 'the view counts what waits');
	like(view($node, 'detail'), qr/not in shared_preload_libraries/, 'and says why');
	like(doctor($node, 'error'), qr/shared_preload_libraries = 'ecapi'.*restart/, 'the doctor knows the line to add');
	is(rows($node, 'SELECT preloaded, pid IS NULL FROM ecapi.worker()'), 'f|t', 'there is no worker');
	rows($node, "SELECT ecapi.pause('shop')");
	is(view($node, 'state'), 'paused', 'a destination can be paused');
	rows($node, "SELECT ecapi.resume('shop')");

	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'ecapi'");
	$node->restart;
	wait_received($receiver, 'u2', 20);
	wait_delivered($node, 'shop');
	is(view($node, 'backlog, delivered'), '0|21', 'with the line and a restart all that waited is delivered');
	unlike(doctor($node, 'error'), qr/\S/, 'the doctor finds no error');
	$node->stop;
};

subtest 'one database too many' => sub {
	my $node = ecapi_node('crowded', conf => "ecapi.max_workers = 1\n");

	rows($node, 'CREATE DATABASE second');
	rows($node, 'CREATE EXTENSION ecapi', database => 'second');
	create_destination($node, 'first', $receiver->url('/first'));
	create_destination($node, 'second', $receiver->url('/second'), database => 'second');
	emit($node, 'c1', 5);
	emit($node, 'c2', 5, database => 'second');
	wait_received($receiver, 'c1', 5);
	wait_sql($node, 'the second database is told', "SELECT state = 'no worker' AND backlog = 5"
		  . " FROM ecapi.destination", database => 'second');
	like(view($node, 'detail', database => 'second'), qr/ecapi\.max_workers/, 'the view names the setting');
	like(doctor($node, 'error', database => 'second'), qr/ecapi\.max_workers/, 'so does the doctor');
	is(rows($node, 'SELECT count(*) FROM ecapi.outbox', database => 'second'), 5, 'its events are kept');

	$node->append_conf('postgresql.conf', 'ecapi.max_workers = 4');
	$node->restart;
	wait_received($receiver, 'c2', 5);
	$node->stop;
};

subtest 'no slot for a background worker' => sub {
	my $node = ecapi_node('narrow', conf =>
		  "max_worker_processes = 2\nmax_logical_replication_workers = 0\n");

	# The launcher takes one, the worker of postgres the other, for a destination.
	create_destination($node, 'first', $receiver->url('/first'), options => "mode 'shadow'");
	wait_sql($node, 'postgres has its worker', "SELECT state = 'running' FROM ecapi.worker()");
	rows($node, 'CREATE DATABASE second');
	rows($node, 'CREATE EXTENSION ecapi', database => 'second');
	create_destination($node, 'second', $receiver->url('/narrow'), database => 'second');
	emit($node, 'n', 5, database => 'second');
	wait_sql($node, 'the view names the setting', "SELECT state = 'no worker' AND backlog = 5"
		  . " AND detail ~ 'max_worker_processes' FROM ecapi.destination", database => 'second');
	like(doctor($node, 'error', database => 'second'), qr/max_worker_processes/, 'so does the doctor');

	rows($node, 'DROP SERVER first; DROP EXTENSION ecapi');
	wait_received($receiver, 'n', 5);
	wait_delivered($node, 'second', database => 'second');
	pass('when a slot is free the worker comes by itself');
	$node->stop;
};

subtest 'no launcher' => sub {
	my $node = ecapi_node('tiny', conf =>
		  "max_worker_processes = 0\nmax_logical_replication_workers = 0\n");

	create_destination($node, 'tiny', $receiver->url('/tiny'));
	emit($node, 't', 5);
	is(view($node, 'state, backlog'), 'no worker|5', 'the view says no worker');
	like(view($node, 'detail'), qr/max_worker_processes/, 'and names the setting');
	$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
	$node->restart;
	wait_received($receiver, 't', 5);
	$node->stop;
};

my $node = ecapi_node('main');

subtest 'a dead receiver' => sub {
	my $other = EcapiReceiver->start;

	create_destination($node, 'dead', $other->url('/in'));
	$other->stop;
	rows($node, 'CREATE TABLE shop_order (n int)');
	rows($node, "BEGIN; INSERT INTO shop_order VALUES (1);"
		  . " SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'd-1'); COMMIT");
	wait_state($node, 'dead', 'waiting', detail => 'connect');
	is(view($node, 'backlog, next_try IS NOT NULL, last_error_at IS NOT NULL'), '1|t|t',
		'the view shows what waits, and the next try');
	like(doctor($node, 'warning'), qr/"dead" waits for its next try/, 'the doctor, too');
	is(rows($node, "INSERT INTO shop_order VALUES (2); SELECT count(*) FROM shop_order"), 2,
		'the application goes on');
	emit($node, 'd', 3);
	$other->start_again;
	rows($node, "SELECT ecapi.resume('dead')");
	wait_received($other, 'd', 3);
	wait_delivered($node, 'dead');
	rows($node, 'DROP SERVER dead');
};

subtest 'ecapi.delivery' => sub {
	create_destination($node, 'switch', $receiver->url('/switch'));
	emit($node, 'on', 2);
	wait_received($receiver, 'on', 2);
	wait_delivered($node, 'switch');

	$node->append_conf('postgresql.conf', 'ecapi.delivery = off');
	$node->reload;
	wait_sql($node, 'a new session has the setting', "SELECT message ~ 'ecapi.delivery is off' FROM ecapi.worker()");
	# A session that began with the new value began after the worker was told.
	my $requests = $receiver->requests;
	emit($node, 'off', 5);
	# That it obeys a later command shows that it has been round.
	rows($node, "SELECT ecapi.pause('switch')");
	wait_sql($node, 'the worker has paused it', "SELECT state = 'paused' FROM ecapi.cursor");
	rows($node, "SELECT ecapi.resume('switch')");
	wait_sql($node, 'the worker goes on', "SELECT state <> 'paused' FROM ecapi.cursor");
	is(scalar($receiver->requests), $requests, 'with ecapi.delivery off nothing is sent');
	cmp_ok(view($node, 'backlog'), '>=', 5, 'events wait');
	like(view($node, 'detail'), qr/ecapi\.delivery is off/, 'the view says why');
	like(doctor($node, 'warning'), qr/ecapi\.delivery = on/, 'the doctor says what to do');

	$node->append_conf('postgresql.conf', 'ecapi.delivery = on');
	$node->reload;
	wait_received($receiver, 'off', 5);
	wait_delivered($node, 'switch');
};

$node->stop;
done_testing();
