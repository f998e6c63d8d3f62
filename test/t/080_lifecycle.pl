# What a DBA does to servers, databases and the extension while events flow.
# Nothing is lost by any of it, and no command is held up by the worker.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $receiver = EcapiReceiver->start;
my $node = ecapi_node('main', conf => "max_worker_processes = 20\n");
my $running = "SELECT state = 'running' FROM ecapi.worker()";

# Slow answers: requests are on their way for as long as a command takes.
my $slow = 'delay=150';

subtest 'restarts with requests on their way' => sub {
	create_destination($node, 'shop', $receiver->url("/restart/$slow"), options => "batch_size '20'");
	emit($node, 'r', 400);
	for my $mode (qw(fast immediate))
	{
		my $requests = $receiver->requests;

		$receiver->wait_for(sub { $_->requests > $requests }, 'requests');
		$node->stop($mode);
		$node->start;
	}
	wait_received($receiver, 'r', 400);
	wait_delivered($node, 'shop');
	is($receiver->stats->{conflicts}, 0, 'what came twice came with the same bytes');
	is(rows($node, 'SELECT delivered, failed FROM ecapi.destination'), '400|0', 'each was counted once');
};

subtest 'the worker is terminated' => sub {
	my $pid = rows($node, 'SELECT pid FROM ecapi.worker()');

	emit($node, 'k', 200);
	is(rows($node, "SELECT pg_terminate_backend($pid)"), 't', 'terminated');
	wait_received($receiver, 'k', 200);
	wait_sql($node, 'another runs', "SELECT pid <> $pid FROM ecapi.worker()");
	wait_delivered($node, 'shop');
};

subtest 'settings of the database do not reach the worker' => sub {
	my %hostile = (
		default_transaction_read_only => 'on', default_transaction_isolation => "'serializable'",
		default_transaction_deferrable => 'on', search_path => "'evil'",
		session_replication_role => "'replica'", lock_timeout => "'1ms'",
		statement_timeout => "'1ms'", row_security => 'off', enable_indexscan => 'off',
		idle_in_transaction_session_timeout => "'1ms'", synchronous_commit => "'remote_apply'",
		client_min_messages => "'debug5'", extra_float_digits => '-15', timezone => "'Asia/Kathmandu'",
		datestyle => "'SQL, DMY'", enable_nestloop => 'off', enable_indexonlyscan => 'off',
		temp_file_limit => '0',
	);
	my $pid = rows($node, 'SELECT pid FROM ecapi.worker()');

	rows($node, join(';', map { "ALTER DATABASE postgres SET $_ = $hostile{$_}" } sort keys %hostile));
	rows($node, join(';', map { "SET $_ = DEFAULT" } sort keys %hostile)
		  . ";SET statement_timeout = 0; SET default_transaction_read_only = off;"
		  . "SELECT pg_terminate_backend($pid)");
	my $calm = "SET default_transaction_read_only = off; SET statement_timeout = 0;"
	  . "SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 0; SET search_path = DEFAULT;"
	  . "SET default_transaction_isolation = 'read committed'; SET client_min_messages = warning;";
	rows($node, "SET statement_timeout = 0; $calm SET session_replication_role = origin;"
		  . "SELECT public.ecapi_emit('login', id => 'h-' || i) FROM generate_series(1, 50) i");
	wait_received($receiver, 'h', 50);
	rows($node, "SET statement_timeout = 0; $calm ALTER DATABASE postgres RESET ALL");
	wait_delivered($node, 'shop');
};

subtest 'a role that a database sets for its sessions' => sub {
	rows($node, 'CREATE ROLE small LOGIN; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO small');
	for my $setting ('role', 'session_authorization')
	{
		rows($node, "ALTER DATABASE postgres SET $setting = 'small';"
			  . 'SELECT pg_terminate_backend(pid) FROM ecapi.worker()');
		# a role counts for the sessions of this test, too; as whom they connect does not change
		is(rows($node, 'SELECT current_user'), $setting eq 'role' ? 'small' : rows($node, 'SELECT session_user'),
			"$setting is set");
		rows($node, "SELECT ecapi_emit('login', id => '$setting-1')");
		wait_received($receiver, $setting, 1);
		rows($node, "ALTER DATABASE postgres RESET $setting", database => 'template1');
		wait_delivered($node, 'shop');
	}
	rows($node, 'DROP OWNED BY small; DROP ROLE small');
};

subtest 'destinations changed while event triggers do not run' => sub {
	rows($node, "SET session_replication_role = replica;"
		  . "CREATE SERVER silent FOREIGN DATA WRAPPER ecapi OPTIONS (data_set_id 'shop', url '" . $receiver->url('/silent') . "')");
	wait_sql($node, 'the worker gives it a cursor',
		"SELECT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'silent')");
	emit($node, 'q', 5);
	$receiver->wait_for(sub { 5 == grep { $_->{path} eq '/silent' } $_->records }, 'events at a silent server');
	wait_delivered($node, 'silent');
	rows($node, "SET session_replication_role = replica; ALTER SERVER silent RENAME TO quiet");
	wait_sql($node, 'the cursor follows the name',
		"SELECT string_agg(destination, ' ' ORDER BY destination) = 'quiet shop' FROM ecapi.cursor");
	emit($node, 'q2', 5);
	$receiver->wait_for(sub { 10 == grep { $_->{path} eq '/silent' } $_->records }, 'five more');
	wait_delivered($node, 'quiet');
	is(rows($node, "SELECT delivered FROM ecapi.destination WHERE destination = 'quiet'"), 10,
		'renamed, it goes on where it was');
	rows($node, "SET session_replication_role = replica; DROP SERVER quiet");
	wait_sql($node, 'the cursor goes with it',
		"SELECT string_agg(destination, ' ') = 'shop' FROM ecapi.cursor");
};

subtest 'DROP EXTENSION and CREATE EXTENSION' => sub {
	my $pid = rows($node, 'SELECT pid FROM ecapi.worker()');

	emit($node, 'gone', 400);
	rows($node, "SET lock_timeout = '30s'; DROP EXTENSION ecapi CASCADE");
	wait_sql($node, 'the worker has ended',
		"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
	is(rows($node, "SELECT count(*) FROM pg_namespace WHERE nspname = 'ecapi'"), 0, 'the schema is gone');

	rows($node, 'CREATE EXTENSION ecapi');
	create_destination($node, 'shop', $receiver->url("/again"));
	emit($node, 'again', 20);
	wait_received($receiver, 'again', 20);
	wait_delivered($node, 'shop');
	rows($node, "BEGIN; DROP EXTENSION ecapi CASCADE; ROLLBACK");
	emit($node, 'back', 20);
	wait_received($receiver, 'back', 20);
	wait_delivered($node, 'shop');
};

subtest 'databases' => sub {
	for my $name (qw(one two))
	{
		rows($node, "CREATE DATABASE $name");
		rows($node, 'CREATE EXTENSION ecapi', database => $name);
		create_destination($node, 'shop', $receiver->url("/$name/$slow"), database => $name,
			options => "batch_size '20'");
	}
	emit($node, 'one', 200, database => 'one');
	emit($node, 'two', 200, database => 'two');
	$receiver->wait_for(sub {
			my %path = map { $_->{path} => 1 } $_->requests;
			return 2 == grep { $path{"/$_/$slow"} } qw(one two);
		}, 'requests of both');

	# Each of these fails after five seconds where a process stays connected.
	rows($node, 'CREATE DATABASE copy TEMPLATE two');
	rows($node, 'ALTER DATABASE two RENAME TO three');
	rows($node, 'DROP DATABASE one');
	pass('a busy database was copied, another renamed, another dropped');
	wait_received($receiver, 'two', 200);
	wait_delivered($node, 'shop', database => 'three');
	is(rows($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ecapi worker' AND datname IS NULL"),
		0, 'no worker is left without its database');

	wait_sql($node, 'the copy has a worker', $running, database => 'copy');
	wait_state($node, 'shop', 'stopped', detail => 'ecapi.adopt', database => 'copy');
	emit($node, 'before', 10, database => 'copy');
	rows($node, "SELECT ecapi.adopt('shop')", database => 'copy');
	emit($node, 'after', 10, database => 'copy');
	wait_received($receiver, 'after', 10);
	wait_delivered($node, 'shop', database => 'copy');
	is(scalar(keys %{ ids_received($receiver, 'before') }), 0,
		'once adopted, a copy delivers only what commits later');
	is((grep { $_ > 1 } values %{ ids_received($receiver, 'two') }), 0,
		'the copy sent nothing of the original, nor did its rename repeat anything');
};

subtest 'who may not drop a database cannot stop its worker' => sub {
	my $pid = rows($node, 'SELECT pid FROM ecapi.worker()', database => 'three');

	rows($node, 'CREATE ROLE guest LOGIN');
	for my $command ('DROP DATABASE three', 'ALTER DATABASE three RENAME TO four',
		'CREATE DATABASE five TEMPLATE three', 'ALTER DATABASE three SET TABLESPACE pg_default')
	{
		my $error = refused($node, "SET ROLE guest;\n$command");

		like($error, qr/permission denied|must be owner/, 'for want of a right');
	}
	is(rows($node, 'SELECT pid FROM ecapi.worker()', database => 'three'), $pid,
		'the worker never stopped');
};

subtest 'a command that fails lets the worker back' => sub {
	my $session = $node->background_psql('three');

	refused($node, 'CREATE DATABASE five TEMPLATE three', name => 'a template in use');
	$session->quit;
	wait_sql($node, 'the worker is back', $running, database => 'three');
	emit($node, 'later', 10, database => 'three');
	wait_received($receiver, 'later', 10);
};

$node->stop;
done_testing();
