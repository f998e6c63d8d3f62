# Nobody's SQL, no receiver and no flood disturbs another destination.  Ten destinations of
# five owners: one whose enrichment sleeps, one whose function ignores its cancel, one whose
# receiver never answers, one with a backlog many times the others', and six that are to be
# delivered all the time.  Then what goes wrong with the processes that run users' SQL: they
# are ended, do not end, cannot be had.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids literal many);
use EcapiReceiver;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;

my $mute = IO::Socket::INET->new(Listen => 1024, LocalAddr => '127.0.0.1') or die "listen: $!";
my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(workers => 1, conf => "max_worker_processes = 20\n");
my $PROCESS = "backend_type = 'ecapi enrichment worker'";

# An owner of destinations, with a schema of its name.
sub owner
{
	my ($name) = @_;

	return $cluster->sql("CREATE ROLE $name; CREATE SCHEMA $name AUTHORIZATION $name;"
		  . " GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO $name; GRANT USAGE ON SCHEMA ecapi TO $name");
}

# An enrichment of an owner: it does that, and marks each event with its owner's name.
sub enrichment
{
	my ($owner, $body) = @_;

	return $cluster->sql("CREATE OR REPLACE FUNCTION $owner.does(page ecapi.event[])"
		  . " RETURNS TABLE (seq bigint, patch jsonb) LANGUAGE plpgsql AS \$function\$ BEGIN $body;"
		  . " RETURN QUERY SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('by', '$owner'))"
		  . " FROM unnest(page) e; END \$function\$; ALTER FUNCTION $owner.does OWNER TO $owner");
}

# A destination of an owner, with its enrichment.
sub destination
{
	my ($name, $owner, $url, %options) = @_;

	return $cluster->sql('BEGIN;'
		  . $cluster->destination_sql($name, $url // $receiver->url("/$name"), { enrich => "$owner.does", %options })
		  . "ALTER SERVER $name OWNER TO $owner; COMMIT;");
}

# The process of an owner: the one that shows that it is in its function.
sub process_in
{
	my ($event) = @_;

	return $cluster->sql("SELECT pid FROM pg_stat_activity WHERE $PROCESS AND wait_event = '$event'");
}

# How many events of a destination came without its owner's mark.
sub unmarked
{
	my ($name, $owner) = @_;

	return scalar(grep { index($_, "\"data_set_id\":\"$name\"") >= 0 && index($_, "\"by\":\"$owner\"") < 0 }
		  $receiver->events);
}

owner($_) for qw(shop sleeper deaf other flooded);
my @good = map { "good$_" } 1 .. 6;

subtest 'ten destinations, four of them bad' => sub {
	$cluster->sql("ALTER SYSTEM SET ecapi.enrich_timeout = '4min'; SELECT pg_reload_conf()");
	enrichment('shop', 'NULL');
	enrichment('flooded', 'NULL');
	enrichment('sleeper', 'PERFORM pg_sleep(600)');
	enrichment('deaf', 'LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP');
	destination('flooded', 'flooded', undef, batch_size => 1, rate_limit => 20);
	$cluster->sql(many('flood', 20_000));
	destination($_, 'shop') for @good;
	destination('sleeper', 'sleeper');
	destination('deaf', 'deaf');
	destination('mute', 'shop', 'http://127.0.0.1:' . $mute->sockport . '/mute', timeout => '600s');
	my $worker = $cluster->worker_pid;

	for my $round (1 .. 3)
	{
		$cluster->emit("round$round-", 1, 2000);
		$cluster->wait_sql("SELECT count(*) = 2 FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep'",
			'two functions are in their sleep');
		$cluster->wait_row($_, 'backlog = 0') for @good;
		is($cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep'"), '2',
			"round $round was delivered to six while they slept");
	}
	for my $name (@good)
	{
		$cluster->all_there($receiver, $name, [ map { ids("round$_-", 1, 2000) } 1 .. 3 ], "$name has all of them");
		is(unmarked($name, 'shop'), 0, 'each with its patch');
	}
	is($cluster->sql("SELECT count(*), sum(delivered) FROM ecapi.destination WHERE destination IN ('sleeper', 'deaf', 'mute')"),
		'3|0', 'the three have none');
	cmp_ok($cluster->sql("SELECT backlog FROM ecapi.destination WHERE destination = 'flooded'"), '>', 10_000,
		'and the flood goes on');
	is($cluster->worker_pid, $worker, 'by the same worker');
	cmp_ok($cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE $PROCESS"), '<=', 4, 'with at most a process for each owner');
};

subtest 'a function that ignores its cancel' => sub {
	my $worker = $cluster->worker_pid;

	# the calls were begun with the old limit: they go with their processes, the one that
	# ignores a cancel at the second signal
	my $pids = $cluster->sql("SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep'");

	$cluster->sql("ALTER SYSTEM SET ecapi.enrich_timeout = '200ms'; SELECT pg_reload_conf()");
	$cluster->wait_sql("SELECT count(pg_terminate_backend(pid)) = 0 FROM pg_stat_activity WHERE pid IN ($pids)", 'both are ended');
	$cluster->wait_row('deaf', "state = 'waiting' AND detail LIKE '%did not stop at its time limit%'");
	$cluster->wait_row('sleeper', "state = 'waiting' AND detail LIKE '%it took longer than 200 ms%'");
	$cluster->emit('after-', 1, 100);
	$cluster->wait_row($_, 'backlog = 0') for @good;
	is($cluster->worker_pid, $worker, 'ends its process, and not the worker');
	enrichment('deaf', 'NULL');
	$cluster->wait_row('deaf', 'backlog = 0');
	$cluster->all_there($receiver, 'deaf', [ (map { ids("round$_-", 1, 2000) } 1 .. 3), ids('after-', 1, 100) ],
		'replaced, it is called again, and nothing was lost');
	is(unmarked('deaf', 'deaf'), 0, 'nor sent without its patch');
	enrichment('sleeper', 'NULL');
	$cluster->wait_row('sleeper', 'backlog = 0');
	$cluster->sql("DROP SERVER flooded; DROP SERVER mute; ALTER SYSTEM RESET ecapi.enrich_timeout; SELECT pg_reload_conf()");
};

subtest 'a process that is ended' => sub {
	$cluster->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $PROCESS");
	$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS)", 'idle, it goes');
	$cluster->emit('ended-', 1, 10);
	$cluster->wait_row('good1', 'backlog = 0');
	is($cluster->sql("SELECT last_error IS NULL FROM ecapi.destination WHERE destination = 'good1'"), 't',
		'and there is another for the next event');
	enrichment('other', 'PERFORM pg_sleep(600)');
	destination('other', 'other');
	for my $how (qw(pg_terminate_backend pg_cancel_backend))
	{
		$cluster->emit("$how-", 1, 10);
		$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep')", 'it is called');
		my $pid = process_in('PgSleep');

		$cluster->sql("SELECT $how($pid)");
		$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'PgSleep')", "$how ends the call");
		$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep')", 'which is made again');
	}
	enrichment('other', 'NULL');
	$cluster->sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep'");
	$cluster->wait_row('other', 'backlog = 0');
	$cluster->all_there($receiver, 'other', [ ids('pg_terminate_backend-', 1, 10), ids('pg_cancel_backend-', 1, 10) ],
		'nothing was lost');
};

subtest 'one process for many pages' => sub {
	my $pid;

	for my $round (1 .. 4)
	{
		$cluster->emit("page$round-", 1, 2000);
		$cluster->wait_row('good1', 'backlog = 0');
		# the owner's process has run for six destinations, or does
		$pid //= $cluster->sql("SELECT min(pid) FROM pg_stat_activity WHERE $PROCESS");
	}
	is($cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE $PROCESS AND pid = $pid"), 1,
		'an answer that takes long to read ends no process');
};

subtest 'delivery is switched off while a function runs' => sub {
	my $file = $cluster->data_dir . '/runs';

	append_to_file($file, 'x');
	enrichment('other', 'WHILE (pg_stat_file(' . literal($file) . ', true)).size IS NOT NULL LOOP PERFORM pg_sleep(0.01); END LOOP');
	$cluster->sql('GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO other');
	destination('off', 'other', undef, enrich_on_error => 'dead');
	$cluster->sql(many('off', 2000));
	$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep')", 'it is called');
	$cluster->sql("ALTER SYSTEM SET ecapi.delivery = off; SELECT pg_reload_conf()");
	$cluster->wait_sql("SELECT current_setting('ecapi.delivery') = 'off'");
	unlink $file;
	$cluster->wait_sql("SELECT bool_and(state = 'idle') FROM pg_stat_activity WHERE $PROCESS",
		'its answer, many times what fits, is taken all the same');
	$cluster->sql("ALTER SYSTEM RESET ecapi.delivery; SELECT pg_reload_conf()");
	$cluster->wait_row('off', 'backlog = 0');
	is($cluster->sql("SELECT delivered, failed_dead, last_error FROM ecapi.destination WHERE destination = 'off'"), '2000|0|',
		'and nothing failed');
};

subtest 'what is no fault of a function counts as no try' => sub {
	$cluster->sql("ALTER SYSTEM SET ecapi.enrich_timeout = '4min'; SELECT pg_reload_conf()");
	$cluster->wait_sql("SELECT current_setting('ecapi.enrich_timeout') = '4min'");
	enrichment('other', 'PERFORM pg_sleep(600)');
	$cluster->emit('fault-', 1, 10);
	for my $end (1 .. 3)
	{
		$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep')", 'it is called');
		my $pid = process_in('PgSleep');

		$cluster->sql("SELECT pg_terminate_backend($pid)");
		$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)", "its process is ended, $end");
	}
	$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep')", 'it is called');
	enrichment('other', 'NULL');
	# a cancel is a failure: the first
	$cluster->sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep'");
	$cluster->wait_row('off', 'backlog = 0');
	is($cluster->sql("SELECT delivered, failed_dead FROM ecapi.destination WHERE destination = 'off'"), '2010|0',
		'with enrich_on_error dead, none is dead after three ends and one failure');
	$cluster->sql("DROP SERVER off; ALTER SYSTEM RESET ecapi.enrich_timeout; SELECT pg_reload_conf()");
};

subtest 'options that change while a function runs' => sub {
	enrichment('other', 'PERFORM pg_sleep(600)');
	$cluster->emit('changed-', 1, 10);
	$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep')", 'it is called');
	$cluster->sql("ALTER SERVER other OPTIONS (DROP enrich)");
	$cluster->wait_row('other', 'backlog = 0');
	is(unmarked('other', 'other'), 10, 'without it, nothing waits for the call');
	$cluster->sql("ALTER SERVER other OPTIONS (ADD enrich 'other.does')");
	enrichment('other', 'NULL');
	$cluster->sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep'");
	$cluster->emit('back-', 1, 10);
	$cluster->wait_row('other', 'backlog = 0');
	is(unmarked('other', 'other'), 10, 'with it, it is called again');
	enrichment('other', 'PERFORM pg_sleep(600)');
	$cluster->emit('dropped-', 1, 10);
	$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep')", 'it is called');
	$cluster->sql('DROP SERVER other');
	$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep')",
		'its server dropped, the call ends');
};

subtest 'SQL that no signal stops' => sub {
	my $file = $cluster->data_dir . '/deaf';
	my $worker = $cluster->worker_pid;

	$cluster->sql("CREATE FUNCTION deaf.loop(text) RETURNS void AS 'ecapi_probe_enrich', 'ecapi_probe_deaf' LANGUAGE c;"
		  . " ALTER SYSTEM SET ecapi.enrich_timeout = '100ms'; SELECT pg_reload_conf()");
	append_to_file($file, 'x');
	enrichment('deaf', 'PERFORM deaf.loop(' . literal($file) . ')');
	$cluster->emit('loop-', 1, 10);
	$cluster->wait_row('deaf', "state = 'waiting' AND detail LIKE '%its SQL does not stop, in process %'");
	my ($pid) = $cluster->sql("SELECT detail FROM ecapi.destination WHERE destination = 'deaf'") =~ /in process (\d+)/;
	is($cluster->sql("SELECT backend_type FROM pg_stat_activity WHERE pid = $pid"), 'ecapi enrichment worker',
		'its state names the process');
	$cluster->wait_row($_, 'backlog = 0') for @good;
	is($cluster->worker_pid, $worker, 'others are delivered');
	is($cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE $PROCESS AND pid <> $pid AND query = 'running enrichments' AND state <> 'idle'"),
		'0', 'and it has no second process');
	unlink $file;
	$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)", 'when it comes back it ends');
	enrichment('deaf', 'NULL');
	$cluster->resume('deaf');
	$cluster->wait_row('deaf', 'backlog = 0');
	is($cluster->sql("SELECT delivered FROM ecapi.destination WHERE destination = 'deaf'"),
		$cluster->sql("SELECT delivered FROM ecapi.destination WHERE destination = 'good1'"), 'and nothing was lost');
	$cluster->sql("ALTER SYSTEM RESET ecapi.enrich_timeout; SELECT pg_reload_conf()");
};

subtest 'they end with the worker' => sub {
	enrichment('sleeper', 'PERFORM pg_sleep(600)');
	$cluster->emit('end-', 1, 10);
	$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep')", 'one is in a function');
	my $pids = $cluster->sql("SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE $PROCESS");

	$cluster->restart_worker;
	is($cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE pid IN ($pids)"), '0', 'all have ended before it');
	$cluster->sql('CREATE DATABASE copy TEMPLATE postgres');
	pass('CREATE DATABASE from a database with a function that runs goes through');
	$cluster->sql('DROP DATABASE copy');
	enrichment('sleeper', 'NULL');
	$cluster->sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep'");
	$cluster->wait_row($_, 'backlog = 0') for @good, qw(sleeper deaf);
	$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS)", 'without events they end by themselves');
};
$cluster->stop;

subtest 'no background worker is left' => sub {
	$cluster = EcapiCluster->create(name => 'narrow', workers => 1, conf => "max_worker_processes = 3\nmax_logical_replication_workers = 0\n");
	owner($_) for qw(shop other);
	enrichment($_, 'NULL') for qw(shop other);
	destination('shops', 'shop');
	destination('others', 'other');
	$cluster->emit('turns-', 1, 500);
	$cluster->drained('shops', 'others');
	pass('two owners have one in turn');
	enrichment('shop', 'PERFORM pg_sleep(600)');
	$cluster->emit('taken-', 1, 10);
	$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep')", 'it is taken');
	# the other may have had its turn before; for these it has none
	$cluster->emit('then-', 1, 10);
	$cluster->wait_sql("1 = (SELECT count(*) FROM ecapi.destination WHERE state = 'waiting'"
		  . " AND detail LIKE '%no background worker slot is free for its SQL, see max_worker_processes%')", 'the other waits and says why');
	enrichment('shop', 'NULL');
	$cluster->sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE $PROCESS AND wait_event = 'PgSleep'");
	$cluster->drained('shops', 'others');
	$cluster->all_there($receiver, $_, [ ids('turns-', 1, 500), ids('taken-', 1, 10), ids('then-', 1, 10) ], "$_ has all") for qw(shops others);
	$cluster->stop;
};

$receiver->stop;
done_testing();
