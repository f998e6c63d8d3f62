# An error at every statement of a load, a reload and a start of the worker: no guard
# comes off, no cursor moves that must not, no event is lost, sent twice, or sent by a
# copy of the database, and the worker goes on by itself.
#
# A library for tests makes the worker's statements fail, one after the other, in
# reload after reload (test/probe/ecapi_probe_fault.c).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(extension => 0, conf => "shared_preload_libraries = 'ecapi_probe_fault, ecapi'\nmax_worker_processes = 20\n");

for my $database ('postgres', 'template1')
{
	$cluster->in($database)->sql("CREATE FUNCTION fault_walk(database oid, is_long boolean) RETURNS void"
		  . " AS 'ecapi_probe_fault', 'ecapi_probe_fault_walk' LANGUAGE c;"
		  . "CREATE FUNCTION fault_over() RETURNS boolean"
		  . " AS 'ecapi_probe_fault', 'ecapi_probe_fault_over' LANGUAGE c;"
		  . "CREATE FUNCTION fault_end() RETURNS int"
		  . " AS 'ecapi_probe_fault', 'ecapi_probe_fault_end' LANGUAGE c");
}
$cluster->sql('CREATE EXTENSION ecapi');

# Distinct ids with a prefix that arrived at a path, as a hash: id => how many times.
sub arrived
{
	my ($path, $prefix) = @_;
	my %seen;

	for my $record ($receiver->records)
	{
		$seen{ $record->{id} }++ if $record->{path} eq $path && $record->{id} =~ /^\Q$prefix\E-/;
	}
	return \%seen;
}

# Wait until PREFIX-1 to PREFIX-count are at a path; each must be there once.
sub all_once
{
	my ($path, $prefix, $count) = @_;

	$receiver->wait_for(sub { keys %{ arrived($path, $prefix) } >= $count }, "$count events $prefix at $path");
	my $seen = arrived($path, $prefix);
	is_deeply([ sort values %$seen ], [ (1) x $count ], "all $count events $prefix arrived, each once");
	return;
}

sub none
{
	my ($path, $prefix) = @_;

	is(join(' ', sort keys %{ arrived($path, $prefix) }), '', "no event $prefix arrived");
	return;
}

# Make each step fail of what an action has the worker of a database do.  long: go on
# behind the reload, until a condition of the caller's holds.
sub walk
{
	my ($database, $action, %options) = @_;
	my $long = $options{until} ? 'true' : 'false';

	$cluster->sql("SELECT fault_walk((SELECT oid FROM pg_database WHERE datname = '$database'), $long)");
	$action->();
	$options{until} ? $options{until}->()
	  : $cluster->wait_sql('SELECT fault_over()', 'a reload has passed');
	my $steps = $cluster->sql('SELECT fault_end()');
	cmp_ok($steps, '>=', $options{steps}, "at each of $steps steps there was an error");
	$cluster->in($database)->wait_sql("SELECT state = 'running' AND message IS NULL FROM ecapi.worker()", 'the worker is well');
	return;
}

# What only the owner of a cursor may change.
sub place
{
	my ($database) = @_;

	return $cluster->in($database)->sql('SELECT destination, snapshot, window_end, arm, xid, seq, system_identifier,'
		  . " database, delivered, filtered, failed, given_up FROM ecapi.cursor WHERE destination LIKE 'shop%'");
}

$cluster->destination('shop', $receiver->url('/in'));
$cluster->emit('a-', 1, 5);
all_once('/in', 'a', 5);
$cluster->drained('shop');
$cluster->pause('shop');
$cluster->emit('w-', 1, 5);
$cluster->in('template1')->sql('CREATE DATABASE copy TEMPLATE postgres');
$cluster->in('copy')->wait_state('shop', 'stopped', 'copy.*ecapi\.adopt');

# The same worker serves a destination that was made in the copy: when that has its
# events, the other's would be on their way, too.
$cluster->in('copy')->destination('own', $receiver->url('/own'));

my $turn = 0;

sub copy_sends_nothing
{
	my $prefix = 'copied' . ++$turn;

	$cluster->in('copy')->emit("$prefix-", 1, 3);
	all_once('/own', $prefix, 3);
	$cluster->in('copy')->drained('own');
	none('/in', $_) for 'w', $prefix;
	is($cluster->in('copy')->sql("SELECT state FROM ecapi.cursor WHERE destination LIKE 'shop%'"),
		'stopped', 'it is stopped');
	return;
}

subtest 'a copy' => sub {
	my $place = place('copy');
	my $resume = sub { $cluster->in('copy')->resume('shop') };
	my %actions = (
		'1 resume' => $resume,
		'2 start' => sub { $cluster->in('copy')->terminate_worker },
		'3 options' => sub { $cluster->in('copy')->sql("ALTER SERVER shop OPTIONS (ADD batch_size '2')") },
		'4 rename' => sub { $cluster->in('copy')->sql('SET session_replication_role = replica; ALTER SERVER shop RENAME TO shops'); $cluster->in('copy')->terminate_worker; },
	);

	copy_sends_nothing();
	for my $action (sort keys %actions)
	{
		note $action;
		walk('copy', $actions{$action}, steps => 5);
		copy_sends_nothing();
		is(place('copy') =~ s/^shops\|/shop|/r, $place, 'its cursor is where it was');
	}
	my @told = $cluster->log_text =~ /destination "shops?" is stopped: this database is a copy/g;
	is(scalar @told, 1, 'the log says once that it is stopped');
};

subtest 'a copy is adopted' => sub {
	walk('copy', sub { $cluster->in('copy')->sql("SELECT ecapi.adopt('shops')") }, steps => 6);
	$cluster->in('copy')->emit('adopted-', 1, 3);
	all_once('/in', 'adopted', 3);
	$cluster->in('copy')->drained('shops');
	none('/in', $_) for 'w', map { "copied$_" } 1 .. $turn;
	$cluster->sql('DROP DATABASE copy');
};

subtest 'a live destination' => sub {
	my $name = 'shop';
	my %actions = (
		'1 resume' => sub { $cluster->resume('shop') },
		'2 options' => sub { $cluster->sql("ALTER SERVER shop OPTIONS (ADD batch_size '2')") },
		'3 rename' => sub { $cluster->sql('SET session_replication_role = replica; ALTER SERVER shop RENAME TO store');
			$name = 'store'; $cluster->terminate_worker; },
		'4 its cursor is deleted' => sub { $cluster->sql('DELETE FROM ecapi.cursor_row'); $cluster->resume('store'); },
	);

	for my $action (sort keys %actions)
	{
		my $prefix = "live$action" =~ s/\W//gr;

		note $action;
		$cluster->emit("$prefix-", 1, 5);
		walk('postgres', $actions{$action}, steps => 4);
		$cluster->emit("behind$prefix-", 1, 5);
		all_once('/in', $_, 5) for $prefix, "behind$prefix";
		$cluster->drained($name);
	}
	all_once('/in', 'w', 5);
};

subtest 'a start, and all up to the record of what was sent' => sub {
	$cluster->emit('recorded-', 1, 1);
	all_once('/in', 'recorded', 1);
	$cluster->pause('store');
	$cluster->emit('start-', 1, 5);
	walk('postgres', sub {
			$cluster->resume('store');
			$cluster->terminate_worker;
		}, steps => 10, until => sub { $cluster->drained('store') });
	all_once('/in', 'start', 5);
	is($cluster->sql("SELECT sum(events) FROM ecapi.request WHERE outcome = 'delivered'"),
		$cluster->sql('SELECT delivered FROM ecapi.cursor'), 'the log of requests and the cursor agree');
};

subtest 'a replay' => sub {
	my $before = scalar keys %{ arrived('/in', 'start') };
	my $times = sub { my $seen = arrived('/in', 'start'); return join ' ', sort values %$seen };

	walk('postgres', sub { $cluster->sql("SELECT ecapi.replay('store', since => (SELECT min(emitted_at)"
				  . " FROM ecapi.outbox WHERE event->>'id' LIKE 'start-%'))") }, steps => 8,
		until => sub { $cluster->wait_sql("SELECT state = 'finished' FROM ecapi.replay_cursor", 'the replay is over') });
	is($times->(), '2 2 2 2 2', 'each of its events was sent once more');
	is($cluster->sql('SELECT delivered, filtered, failed FROM ecapi.replay_cursor'), '5|0|0', 'and counted once');
	$cluster->drained('store');
};

subtest 'a destination without a cursor' => sub {
	walk('postgres', sub {
			$cluster->sql("SET session_replication_role = replica; CREATE SERVER late FOREIGN DATA WRAPPER ecapi"
				  . " OPTIONS (url '" . $receiver->url('/late') . "', data_set_id 'shop')");
			$cluster->terminate_worker;
		}, steps => 6);
	$cluster->emit('late-', 1, 3);
	all_once('/late', 'late', 3);
	$cluster->drained('late');
	none('/late', 'start');
};

is($receiver->stats->{conflicts}, 0, 'no event changed');
$cluster->stop;
done_testing();
