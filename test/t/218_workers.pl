# Several workers of a database: they are started and ended, destinations are spread over them
# by owner and load, and go from one to another under load.  Every event arrives once, however
# often destinations change hands; a cursor has one writer at any time, by its token; and what
# one worker does for all (cancellations, amendments, ticks, cursors) reaches what others have.
# ECAPI_ROUNDS sets another number of rounds under load.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids literal many);
use EcapiLoad;
use EcapiReceiver;
use EcapiWorkers;
use Test::More;

my $rounds = $ENV{ECAPI_ROUNDS} // 4;
my $receiver = EcapiReceiver->start;
# without autovacuum, whose invalidations make workers look at destinations
my $cluster = EcapiCluster->create(conf => "max_worker_processes = 20\nautovacuum = off\n");
my @names = qw(a1 a2 b1 b2 c1);

# A destination of an owner, named by its first letter.
sub destination
{
	my ($name, %options) = @_;
	my $owner = 'owner_' . substr($name, 0, 1);

	return $cluster->sql('BEGIN;' . $cluster->destination_sql($name, $receiver->url("/$name"), \%options)
		  . "ALTER SERVER $name OWNER TO $owner; COMMIT;");
}

$cluster->sql("CREATE ROLE owner_$_; GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO owner_$_") for qw(a b c);
watch_writers($cluster);

subtest 'one worker, then three' => sub {
	destination($_) for @names;
	$cluster->emit('one-', 1, 500);
	$cluster->drained(@names);
	is($cluster->sql('SELECT count(*), max(number), array_length(max(destinations), 1) FROM ecapi.workers'), '1|0|5',
		'one has all five');
	workers($cluster, 3);
	my %at = map { $_ => worker_of($cluster, $_) } @names;

	is($at{a1}, $at{a2}, 'the destinations of one owner go together');
	is($at{b1}, $at{b2}, 'and of another');
	$cluster->emit('three-', 1, 500);
	$cluster->drained(@names);
	$cluster->all_there($receiver, $_, [ ids('one-', 1, 500), ids('three-', 1, 500) ], "$_ has each event once") for @names;
	is($cluster->sql('SELECT count(DISTINCT pid) FROM (SELECT DISTINCT ON (server) pid FROM writer ORDER BY server, n DESC) x'),
		'3', 'three processes write cursors');
	one_writer($cluster, 'after the first hand-over');
	is($cluster->doctor('error', '.'), '', 'the doctor finds nothing wrong');
};

subtest 'hand-overs under load' => sub {
	my $load = EcapiLoad->start($cluster, 'hands');

	for my $round (1 .. $rounds)
	{
		for my $n (1, 4, 2, 3)
		{
			workers($cluster, $n);
			$load->wait_more(20);
		}
	}
	# the flood of one owner's destination moves the others of its worker away
	$load->stop;
	$cluster->drained(@names);
	$cluster->all_there($receiver, $_, [ ids('one-', 1, 500), ids('three-', 1, 500), $load->ids ],
		"$_ has each event once after " . 4 * $rounds . ' changes') for @names;
	one_writer($cluster, 'hand-overs');
};

subtest 'workers that are ended' => sub {
	my $load = EcapiLoad->start($cluster, 'ended');

	workers($cluster, 3);
	for my $round (1 .. $rounds)
	{
		for my $number (0 .. 2)
		{
			my $pid = pid_of($cluster, $number);

			$cluster->sql("SELECT pg_terminate_backend($pid)");
			$cluster->wait_sql("SELECT count(*) = 3 AND bool_and(state = 'running' AND pid <> $pid AND destinations <> '{}') FROM ecapi.workers",
				"worker $number is there again");
			$load->wait_more(10);
		}
	}
	$load->stop;
	$cluster->drained(@names);
	$cluster->all_there($receiver, $_, [ ids('one-', 1, 500), ids('three-', 1, 500), map { $cluster->sql("SELECT string_agg('$_-' || n, ' ') FROM load_$_") =~ /\S+/g } qw(hands ended) ],
		"$_ has all", repeats => 1) for @names;
	one_writer($cluster, 'ends');
};

subtest 'the lead is away' => sub {
	my $other = (grep { worker_of($cluster, $_) > 0 } @names)[0];
	my $lead = pid_of($cluster, 0);

	my $launcher = $cluster->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'ecapi launcher'");
	my $its = (grep { worker_of($cluster, $_) == 0 } @names)[0];

	# nobody starts a worker meanwhile
	kill STOP => $launcher;
	$cluster->sql("SELECT pg_terminate_backend($lead)");
	$cluster->wait_sql("SELECT state = 'stopped' FROM ecapi.worker()");
	$cluster->emit('away-', 1, 100);
	$cluster->wait_for(sub { $cluster->compare($receiver, $other, [ ids('away-', 1, 100) ])->{missing} == 0 },
		'another worker delivers what it has');
	for my $view (qw(destination stat_destination))
	{
		is($cluster->sql("SELECT state = 'no worker' FROM ecapi.$view WHERE destination = '$its'"), 't', "a destination of the lead has no worker: $view");
		is($cluster->sql("SELECT state = 'no worker' FROM ecapi.$view WHERE destination = '$other'"), 'f', "one of another worker has: $view");
	}
	like($cluster->sql('SELECT ecapi.metrics()'), qr/^ecapi_destination_state\{[^}]*destination="$its"[^}]*="no_worker"\} 1$/m, 'the metrics know of the first');
	like($cluster->sql('SELECT ecapi.metrics()'), qr/^ecapi_destination_state\{[^}]*destination="$other"[^}]*="no_worker"\} 0$/m, 'and of the other');
	like($cluster->sql('SELECT ecapi.metrics()'), qr/^ecapi_workers_wanted\{[^}]*state="stopped"\} 1\n.*^ecapi_workers_wanted\{[^}]*state="running"\} 2$/ms, 'and how many workers run');
	kill CONT => $launcher;
	$cluster->wait_sql("SELECT count(*) = 3 AND bool_and(state = 'running') FROM ecapi.workers", 'the lead is back');
	$cluster->drained(@names);
	pass('and delivers its own');
};

subtest 'a token that is not ours' => sub {
	my $name = (grep { worker_of($cluster, $_) > 0 } @names)[0];

	$cluster->sql("UPDATE ecapi.cursor_row c SET written = written + 1 FROM pg_foreign_server s WHERE s.oid = c.server AND s.srvname = '$name'");
	$cluster->emit('token-', 1, 100);
	$cluster->wait_for(sub { $cluster->log_text =~ /cursor of destination "$name" has the token of another worker/ },
		'the worker notices it before it writes');
	$cluster->drained(@names);
	is($cluster->compare($receiver, $name, [ ids('token-', 1, 100) ])->{missing}, 0, 'and goes on with one of its own, nothing is lost');
	is($cluster->compare($receiver, $name, [ ids('token-', 1, 100) ])->{conflicts}, 0, 'under the same ids');
};

subtest 'a cursor that was deleted' => sub {
	my $name = (grep { worker_of($cluster, $_) > 0 } @names)[0];

	$cluster->pause($name);
	$cluster->emit('deleted-', 1, 50);
	$cluster->sql("DELETE FROM ecapi.cursor_row c USING pg_foreign_server s WHERE s.oid = c.server AND s.srvname = '$name'");
	$cluster->resume($name);
	$cluster->drained(@names);
	is($cluster->compare($receiver, $name, [ ids('deleted-', 1, 50) ])->{missing}, 0,
		'the worker that has the destination writes it again, with what waited');
};

subtest 'what the lead does for all' => sub {
	my @others = grep { worker_of($cluster, $_) > 0 } @names;

	# cancelled after it was delivered everywhere
	$cluster->sql("SELECT ecapi_emit('purchase', value => 10, currency_code => 'EUR', id => 'back', properties => jsonb_build_object('transaction_id', 'back'))");
	$cluster->drained(@names);
	$cluster->sql("ALTER SERVER $_ OPTIONS (ADD event_types 'purchase, refund')") for @names;
	is($cluster->sql("SELECT count(*) FROM (SELECT ecapi.cancel('back')) x"), '1', 'an event that was sent is cancelled');
	$cluster->wait_for(sub { my @with = grep { my $name = $_; grep { ($_->{data_set_id} // '') eq $name && ($_->{id} // '') =~ /^back:refund/ } $receiver->records } @names;
		return @with == @names; }, 'each destination gets its refund, whichever worker has it');
	# cancelled before it could leave
	$cluster->pause($_) for @names;
	$cluster->emit('never-', 1, 3);
	$cluster->sql("SELECT ecapi.cancel('never-2')");
	$cluster->resume($_) for @names;
	$cluster->drained(@names);
	is(scalar(grep { ($_->{id} // '') =~ /^never-2/ } $receiver->records), 0, 'one that was not leaves nowhere');
	# a delay is measured by ticks that the lead logs
	destination('c2', delay => '2s');
	$cluster->emit('delayed-', 1, 20);
	$cluster->drained('c2');
	$cluster->all_there($receiver, 'c2', [ ids('delayed-', 1, 20) ], 'a delay passes in any worker');
	$cluster->sql('DROP SERVER c2');
};

# Three workers, and two destinations of two owners; the one that is not with the lead.
sub beside_the_lead
{
	my ($path, @pair) = @_;

	workers($cluster, 3);
	for my $name (@pair)
	{
		$cluster->sql('BEGIN;' . $cluster->destination_sql($name, $receiver->url("/$name/$path"), { batch_size => 1, max_in_flight => 2 })
			  . "ALTER SERVER $name OWNER TO owner_" . substr($name, 0, 1) . '; COMMIT;');
	}
	$cluster->drained(@names);
	my ($name) = grep { worker_of($cluster, $_) > 0 } @pair;

	return $name // die 'both are with the lead';
}

my $processes = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ecapi worker' AND datname = current_database()";

subtest 'a destination that cannot be handed over yet' => sub {
	my $name = beside_the_lead('first=1/status=503/retry-after=3600', qw(a3 b3));

	$cluster->emit('order-', 1, 2);
	$cluster->wait_sql("SELECT delivered = 0 AND state = 'waiting' AND EXISTS (SELECT FROM ecapi.request r WHERE r.destination = '$name' AND r.outcome = 'delivered')"
		  . " FROM ecapi.destination WHERE destination = '$name'", 'the second event is delivered, the first one waits for an hour');
	$cluster->sql('ALTER SYSTEM SET ecapi.workers = 1; SELECT pg_reload_conf()');
	$cluster->wait_sql("SELECT '$name' = ANY (destinations) FROM ecapi.workers WHERE number = 0", 'the lead is to have it');
	# behind this its worker has heard of that, and hears of nothing more but a pause
	$cluster->emit('between-', 1, 1);
	$cluster->drained(@names);
	$cluster->pause($name);
	$cluster->wait_sql("SELECT state = 'paused' FROM ecapi.cursor WHERE destination = '$name'", 'its worker records a pause');
	cmp_ok($cluster->sql($processes), '>=', 2, 'its worker keeps it, and hears of a pause');
	$cluster->sql("SELECT ecapi.cancel('order-1')");
	$cluster->resume($name);
	$cluster->wait_sql("SELECT backlog = 0 FROM ecapi.destination WHERE destination = '$name'", 'it goes on');
	is(scalar(grep { ($_->{data_set_id} // '') eq $name && ($_->{id} // '') eq 'order-1' } $receiver->records), 0,
		'and sends nothing that was cancelled meanwhile');
	is(scalar(grep { ($_->{data_set_id} // '') eq $name && ($_->{id} // '') eq 'order-2' } $receiver->records), 1,
		'nor the other one again');
	$cluster->sql("DROP SERVER $_") for qw(a3 b3);
	$cluster->wait_sql("($processes) = 1", 'the others have ended');
};

subtest 'an event that always fails, of a destination that is to be handed over' => sub {
	my $name = beside_the_lead('fail-if=poison', qw(a5 b5));

	$cluster->emit('poison-', 1, 1);
	$cluster->emit('fine-', 1, 1);
	$cluster->wait_sql("SELECT state = 'waiting' FROM ecapi.destination WHERE destination = '$name'", 'the first event fails');
	$cluster->sql('ALTER SYSTEM SET ecapi.workers = 1; SELECT pg_reload_conf()');
	$cluster->wait_sql("SELECT '$name' = ANY (destinations) FROM ecapi.workers WHERE number = 0", 'the lead is to have it');
	$cluster->emit('behind-', 1, 10);
	$cluster->wait_for(sub { $cluster->compare($receiver, $name, [ ids('fine-', 1, 1), ids('behind-', 1, 10) ])->{missing} == 0 },
		'what is behind it arrives');
	$cluster->wait_sql("SELECT failed = 1 AND backlog = 0 FROM ecapi.destination WHERE destination = '$name'", 'it is set aside');
	$cluster->wait_sql("($processes) = 1", 'and the destination is handed over');
	$cluster->all_there($receiver, $name, [ ids('fine-', 1, 1), ids('behind-', 1, 10) ], 'nothing is missing or came twice');
	$cluster->sql("DROP SERVER $_") for qw(a5 b5);
};

subtest 'a destination gives up while it is to be handed over' => sub {
	my $name = beside_the_lead('first=1/status=503/retry-after=3600', qw(a4 b4));

	$cluster->emit('limit-', 1, 2);
	$cluster->wait_sql("SELECT delivered = 0 AND state = 'waiting' AND EXISTS (SELECT FROM ecapi.request r WHERE r.destination = '$name' AND r.outcome = 'delivered')"
		  . " FROM ecapi.destination WHERE destination = '$name'", 'the second event is delivered, the first one waits for an hour');
	$cluster->sql('ALTER SYSTEM SET ecapi.workers = 1; SELECT pg_reload_conf()');
	$cluster->wait_sql("SELECT '$name' = ANY (destinations) FROM ecapi.workers WHERE number = 0", 'the lead is to have it');
	# the outbox comes near its limit
	$cluster->sql(many('bulk', 3000, bytes => 1000));
	$cluster->sql("ALTER SYSTEM SET ecapi.outbox_limit = '" . int($cluster->sql('SELECT bytes FROM ecapi.outbox_use') / (1024 * 1024) + 1) . "MB'; SELECT pg_reload_conf()");
	$cluster->sql(many('more', 1000, bytes => 1000));
	$cluster->wait_sql("SELECT given_up > 0 FROM ecapi.destination WHERE destination = '$name'", 'it gives up what it did not take');
	$cluster->wait_sql("($processes) = 1", 'and then the lead has it, and the others have ended');
	pass('it is handed over behind that');
	$cluster->sql("ALTER SYSTEM RESET ecapi.outbox_limit; SELECT pg_reload_conf()");
	$cluster->sql("DROP SERVER $_") for qw(a4 b4);
	workers($cluster, 3);
};

subtest 'DDL on the database' => sub {
	$cluster->sql('CREATE DATABASE copy TEMPLATE postgres');
	pass('CREATE DATABASE stops all workers of its template');
	$cluster->wait_sql("SELECT count(*) = 3 AND bool_and(state = 'running') FROM ecapi.workers", 'they are back');
	$cluster->sql('DROP DATABASE copy');
	$cluster->sql('CREATE DATABASE other');
	my $other = $cluster->in('other');

	$other->sql('CREATE EXTENSION ecapi');
	$other->destination($_, $receiver->url("/other_$_")) for qw(one two three);
	$other->wait_sql("SELECT count(*) = 3 AND bool_and(state = 'running' AND destinations <> '{}') FROM ecapi.workers", 'another database has workers, too');
	$other->sql('DROP EXTENSION ecapi CASCADE');
	$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'ecapi worker' AND datname = 'other')", 'they end with the extension');
	$other->sql('CREATE EXTENSION ecapi');
	$other->destination($_, $receiver->url("/other_$_")) for qw(one two three);
	$other->emit('again-', 1, 10);
	$other->drained(qw(one two three));
	pass('and are there when it comes back');
	$cluster->sql('DROP DATABASE other');
	pass('DROP DATABASE stops all of them');
};

subtest 'destinations go' => sub {
	$cluster->sql("DROP SERVER $_") for @names;
	$cluster->wait_sql("SELECT count(*) <= 1 FROM ecapi.workers", 'the others end');
	pass('without destinations no other worker runs');
};
$cluster->stop;
$receiver->stop;

subtest 'more workers than processes' => sub {
	# launcher, lead and one more
	$receiver = EcapiReceiver->start;
	$cluster = EcapiCluster->create(name => 'narrow', conf => "max_worker_processes = 3\nmax_logical_replication_workers = 0\necapi.workers = 4\n");
	$cluster->sql("CREATE ROLE owner_$_; GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO owner_$_") for qw(a b c);
	destination($_) for @names;
	$cluster->wait_sql("SELECT count(*) FILTER (WHERE state = 'running' AND destinations <> '{}') = 2"
		  . " AND count(*) FILTER (WHERE state = 'stopped' AND destinations = '{}'"
		  . " AND message = 'no background worker slot is free, see max_worker_processes') = 2 FROM ecapi.workers",
		'two run, two say why they do not and have nothing');
	like($cluster->doctor('warning', 'worker 3'), qr/worker 3 of this database is not running: no background worker slot is free.*lower ecapi\.workers/s,
		'the doctor says what to do');
	$cluster->emit('narrow-', 1, 300);
	$cluster->drained(@names);
	$cluster->all_there($receiver, $_, [ ids('narrow-', 1, 300) ], "$_ has all") for @names;
	$cluster->stop;
};

$receiver->stop;
done_testing();
