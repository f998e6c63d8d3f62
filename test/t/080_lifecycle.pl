# What a DBA does to servers, databases and the extension while events flow.
# Nothing is lost by any of it, and no command is held up by the worker.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "max_worker_processes = 20\n");
my $running = "SELECT state = 'running' FROM ecapi.worker()";

# Slow answers: requests are on their way for as long as a command takes.
my $slow = 'delay=150';

# Events whose answer a worker that was asked to end did not wait for.
my $unanswered = "SELECT coalesce(sum(events), 0) FROM ecapi.request WHERE error = 'the worker ended before the answer'";

subtest 'restarts with requests on their way' => sub {
	$cluster->destination('shop', $receiver->url("/restart/$slow"), { batch_size => 20 });
	for my $mode (qw(fast immediate))
	{
		my $sleeps = $receiver->sleeps;

		$cluster->emit("$mode-", 1, 400);
		$receiver->wait_for(sub { $_->sleeps > $sleeps }, 'a request is on its way');
		$cluster->stop($mode);
		$cluster->start;
	}
	$receiver->wait_received($_, 400) for qw(fast immediate);
	$cluster->drained('shop');
	is($receiver->stats->{conflicts}, 0, 'what came twice came with the same bytes');
	is($cluster->sql('SELECT delivered, failed FROM ecapi.destination'), '800|0', 'each was counted once');
};

subtest 'what the processes wait for has a name from 17 on' => sub {
	my %waits = ('ecapi launcher' => 'EcapiLauncher', 'ecapi worker' => 'EcapiDelivery');
	my $named = $cluster->sql('SHOW server_version_num') >= 170000;

	for my $process (sort keys %waits)
	{
		my $event = $named ? $waits{$process} : 'Extension';

		ok($cluster->wait_sql("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = '$process' AND wait_event = '$event')",
				"$process waits: $event"), "$process waits: $event");
	}
};

subtest 'the worker is terminated' => sub {
	my $pid = $cluster->worker_pid;

	$cluster->emit('k-', 1, 200);
	is($cluster->sql("SELECT pg_terminate_backend($pid)"), 't', 'terminated');
	$receiver->wait_received('k', 200);
	$cluster->wait_worker($pid);
	$cluster->drained('shop');
};

# Once, for a busy machine may need longer for an answer than a worker waits for it.
subtest 'a worker that is asked to end takes the answers to what it sent' => sub {
	my $repeats;

	$cluster->alter('shop', url => $receiver->url('/answers/delay=500'));
	for my $round (1 .. 10)
	{
		my $sleeps = $receiver->sleeps;
		my $before = $cluster->sql($unanswered);

		$cluster->emit("answer$round-", 1, 5);
		$receiver->wait_for(sub { $_->sleeps > $sleeps }, 'a request is on its way');
		$cluster->restart_worker;
		$cluster->drained('shop');
		is(scalar(keys %{ $receiver->ids_received("answer$round") }), 5, "all of round $round arrived");
		$repeats = $cluster->sql($unanswered) - $before;
		last if $repeats == 0;
	}
	is($repeats, 0, 'a restart while a request was on its way repeated nothing');
};

subtest 'a cancel of the worker ends nothing' => sub {
	my $worker = $cluster->worker_pid;

	$cluster->destination('slow', $receiver->url('/slow/pace=2000'));
	$cluster->emit('cancel-', 1, 5);
	$cluster->wait_sql("SELECT requests_in_flight > 0 FROM ecapi.stat_destination WHERE destination = 'slow'", 'a request is on its way');
	$cluster->sql("SELECT pg_cancel_backend($worker)");
	$cluster->wait_for(sub { $cluster->log_text =~ /canceling statement due to user request/ }, 'the worker says that it was cancelled');
	$cluster->drained('slow', 'shop');
	is($cluster->worker_pid, $worker, 'it is the same worker');
	is($cluster->compare($receiver, 'slow', [ ids('cancel-', 1, 5) ])->{repeats}, 0, 'what was on its way is not sent again');
	$cluster->sql('DROP SERVER slow');
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
	# what a client asks for itself counts before that, so this test's own sessions are
	# not cancelled by limits of a millisecond
	local $ENV{PGOPTIONS} = '-c default_transaction_read_only=off -c default_transaction_deferrable=off'
	  . ' -c default_transaction_isolation=read\ committed -c search_path=public'
	  . ' -c session_replication_role=origin -c lock_timeout=0 -c statement_timeout=0'
	  . ' -c idle_in_transaction_session_timeout=0 -c client_min_messages=warning';

	$cluster->sql(join(';', map { "ALTER DATABASE postgres SET $_ = $hostile{$_}" } sort keys %hostile));
	$cluster->terminate_worker;
	$cluster->sql("SELECT ecapi_emit('login', id => 'h-' || i) FROM generate_series(1, 50) i");
	$receiver->wait_received('h', 50);
	$cluster->sql('ALTER DATABASE postgres RESET ALL');
	$cluster->drained('shop');
};

subtest 'a role that a database sets for its sessions' => sub {
	$cluster->sql('CREATE ROLE small LOGIN; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO small');
	for my $setting ('role', 'session_authorization')
	{
		$cluster->sql("ALTER DATABASE postgres SET $setting = 'small';"
			  . 'SELECT pg_terminate_backend(pid) FROM ecapi.worker()');
		# a role counts for the sessions of this test, too; the user that they connect as stays
		is($cluster->sql('SELECT current_user'), $setting eq 'role' ? 'small' : $cluster->sql('SELECT session_user'),
			"$setting is set");
		$cluster->sql("SELECT ecapi_emit('login', id => '$setting-1')");
		$receiver->wait_received($setting, 1);
		$cluster->in('template1')->sql("ALTER DATABASE postgres RESET $setting");
		$cluster->drained('shop');
	}
	$cluster->sql('DROP OWNED BY small; DROP ROLE small');
};

subtest 'destinations changed while event triggers do not run' => sub {
	$cluster->sql("SET session_replication_role = replica;"
		  . "CREATE SERVER silent FOREIGN DATA WRAPPER ecapi OPTIONS (data_set_id 'shop', url '" . $receiver->url('/silent') . "')");
	$cluster->wait_sql("SELECT EXISTS (SELECT FROM ecapi.cursor WHERE destination = 'silent')", 'the worker gives it a cursor');
	$cluster->emit('q-', 1, 5);
	$receiver->wait_for(sub { 5 == grep { $_->{path} eq '/silent' } $_->records }, 'events at a silent server');
	$cluster->drained('silent');
	$cluster->sql("SET session_replication_role = replica; ALTER SERVER silent RENAME TO quiet");
	$cluster->wait_sql("SELECT string_agg(destination, ' ' ORDER BY destination) = 'quiet shop' FROM ecapi.cursor", 'the cursor follows the name');
	$cluster->emit('q2-', 1, 5);
	$receiver->wait_for(sub { 10 == grep { $_->{path} eq '/silent' } $_->records }, 'five more');
	$cluster->drained('quiet');
	is($cluster->sql("SELECT delivered FROM ecapi.destination WHERE destination = 'quiet'"), 10,
		'renamed, it goes on where it was');
	$cluster->sql("SET session_replication_role = replica; DROP SERVER quiet");
	$cluster->wait_sql("SELECT string_agg(destination, ' ') = 'shop' FROM ecapi.cursor", 'the cursor goes with it');
};

subtest 'DROP EXTENSION and CREATE EXTENSION' => sub {
	my $pid = $cluster->worker_pid;

	$cluster->emit('gone-', 1, 400);
	$cluster->sql("SET lock_timeout = '30s'; DROP EXTENSION ecapi CASCADE");
	$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)", 'the worker has ended');
	is($cluster->sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'ecapi'"), 0, 'the schema is gone');

	$cluster->sql('CREATE EXTENSION ecapi');
	$cluster->destination('shop', $receiver->url("/again"));
	$cluster->delivers($receiver, 'shop', 'again', 20);
	$cluster->sql("BEGIN; DROP EXTENSION ecapi CASCADE; ROLLBACK");
	$cluster->delivers($receiver, 'shop', 'back', 20);
};

subtest 'databases' => sub {
	for my $name (qw(one two))
	{
		$cluster->sql("CREATE DATABASE $name");
		$cluster->in($name)->sql('CREATE EXTENSION ecapi');
		$cluster->in($name)->destination('shop', $receiver->url("/$name/$slow"), { batch_size => 20 });
	}
	$cluster->in('one')->emit('one-', 1, 200);
	$cluster->in('two')->emit('two-', 1, 200);
	$receiver->wait_for(sub {
			my %path = map { $_->{path} => 1 } $_->requests;
			return 2 == grep { $path{"/$_/$slow"} } qw(one two);
		}, 'requests of both');

	# Each of these fails after five seconds where a process stays connected.
	$cluster->sql('CREATE DATABASE copy TEMPLATE two');
	$cluster->sql('ALTER DATABASE two RENAME TO three');
	$cluster->sql('DROP DATABASE one');
	pass('a busy database was copied, another renamed, another dropped');
	$receiver->wait_received('two', 200);
	$cluster->in('three')->drained('shop');
	is($cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ecapi worker' AND datname IS NULL"),
		0, 'no worker is left without its database');

	$cluster->in('copy')->wait_sql($running, 'the copy has a worker');
	$cluster->in('copy')->wait_state('shop', 'stopped', 'ecapi.adopt');
	$cluster->in('copy')->emit('before-', 1, 10);
	$cluster->in('copy')->sql("SELECT ecapi.adopt('shop')");
	$cluster->in('copy')->delivers($receiver, 'shop', 'after', 10);
	is(scalar(keys %{ $receiver->ids_received('before') }), 0,
		'once adopted, a copy delivers only what commits later');
	cmp_ok((grep { $_ > 1 } values %{ $receiver->ids_received('two') }), '<=', $cluster->in('three')->sql($unanswered),
		'the copy sent nothing of the original, and its rename repeated only what was not answered yet');
};

subtest 'who may not drop a database cannot stop its worker' => sub {
	my $pid = $cluster->in('three')->sql('SELECT pid FROM ecapi.worker()');

	$cluster->sql('CREATE ROLE guest LOGIN');
	for my $command ('DROP DATABASE three', 'ALTER DATABASE three RENAME TO four',
		'CREATE DATABASE five TEMPLATE three', 'ALTER DATABASE three SET TABLESPACE pg_default')
	{
		my $error = $cluster->refused("SET ROLE guest;\n$command");

		like($error, qr/permission denied|must be owner/, 'for want of a right');
	}
	is($cluster->in('three')->sql('SELECT pid FROM ecapi.worker()'), $pid,
		'the worker never stopped');
};

subtest 'a command that fails lets the worker back' => sub {
	my $session = $cluster->background_psql('three');

	$cluster->refused('CREATE DATABASE five TEMPLATE three', 'a template in use');
	$session->quit;
	$cluster->in('three')->wait_sql($running, 'the worker is back');
	$cluster->in('three')->emit('later-', 1, 10);
	$receiver->wait_received('later', 10);
};

$cluster->stop;
done_testing();
