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

use EcapiNode;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $node = ecapi_node('main', extension => 0,
	conf => "shared_preload_libraries = 'ecapi_probe_fault, ecapi'\nmax_worker_processes = 20\n");

for my $database ('postgres', 'template1')
{
	rows($node, "CREATE FUNCTION fault_walk(database oid, is_long boolean) RETURNS void"
		  . " AS 'ecapi_probe_fault', 'ecapi_probe_fault_walk' LANGUAGE c;"
		  . "CREATE FUNCTION fault_over() RETURNS boolean"
		  . " AS 'ecapi_probe_fault', 'ecapi_probe_fault_over' LANGUAGE c;"
		  . "CREATE FUNCTION fault_end() RETURNS int"
		  . " AS 'ecapi_probe_fault', 'ecapi_probe_fault_end' LANGUAGE c", database => $database);
}
rows($node, 'CREATE EXTENSION ecapi');

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

	rows($node, "SELECT fault_walk((SELECT oid FROM pg_database WHERE datname = '$database'), $long)");
	$action->();
	$options{until} ? $options{until}->()
	  : wait_sql($node, 'a reload has passed', 'SELECT fault_over()');
	my $steps = rows($node, 'SELECT fault_end()');
	cmp_ok($steps, '>=', $options{steps}, "at each of $steps steps there was an error");
	wait_sql($node, 'the worker is well',
		"SELECT state = 'running' AND message IS NULL FROM ecapi.worker()", database => $database);
	return;
}

sub restart_worker
{
	my ($database) = @_;

	rows($node, 'SELECT pg_terminate_backend(pid) FROM ecapi.worker()', database => $database);
	return;
}

# What only the owner of a cursor may change.
sub place
{
	my ($database) = @_;

	return rows($node, 'SELECT destination, snapshot, window_end, arm, xid, seq, system_identifier,'
		  . " database, delivered, filtered, failed, given_up FROM ecapi.cursor WHERE destination LIKE 'shop%'",
		database => $database);
}

create_destination($node, 'shop', $receiver->url('/in'));
emit($node, 'a', 5);
all_once('/in', 'a', 5);
wait_delivered($node, 'shop');
rows($node, "SELECT ecapi.pause('shop')");
wait_state($node, 'shop', 'paused');
emit($node, 'w', 5);
rows($node, 'CREATE DATABASE copy TEMPLATE postgres', database => 'template1');
wait_state($node, 'shop', 'stopped', detail => 'copy.*ecapi\.adopt', database => 'copy');

# The same worker serves a destination that was made in the copy: when that has its
# events, the other's would be on their way, too.
create_destination($node, 'own', $receiver->url('/own'), database => 'copy');

my $turn = 0;

sub copy_sends_nothing
{
	my $prefix = 'copied' . ++$turn;

	emit($node, $prefix, 3, database => 'copy');
	all_once('/own', $prefix, 3);
	wait_delivered($node, 'own', database => 'copy');
	none('/in', $_) for 'w', $prefix;
	is(rows($node, "SELECT state FROM ecapi.cursor WHERE destination LIKE 'shop%'", database => 'copy'),
		'stopped', 'it is stopped');
	return;
}

subtest 'a copy' => sub {
	my $place = place('copy');
	my $resume = sub { rows($node, "SELECT ecapi.resume('shop')", database => 'copy') };
	my %actions = (
		'1 resume' => $resume,
		'2 start' => sub { restart_worker('copy') },
		'3 options' => sub { rows($node, "ALTER SERVER shop OPTIONS (ADD batch_size '2')", database => 'copy') },
		'4 rename' => sub { rows($node, 'SET session_replication_role = replica; ALTER SERVER shop RENAME TO shops',
				database => 'copy'); restart_worker('copy'); },
	);

	copy_sends_nothing();
	for my $action (sort keys %actions)
	{
		note $action;
		walk('copy', $actions{$action}, steps => 5);
		copy_sends_nothing();
		is(place('copy') =~ s/^shops\|/shop|/r, $place, 'its cursor is where it was');
	}
	my @told = log_text($node) =~ /destination "shops?" is stopped: this database is a copy/g;
	is(scalar @told, 1, 'the log says once that it is stopped');
};

subtest 'a copy is adopted' => sub {
	walk('copy', sub { rows($node, "SELECT ecapi.adopt('shops')", database => 'copy') }, steps => 6);
	emit($node, 'adopted', 3, database => 'copy');
	all_once('/in', 'adopted', 3);
	wait_delivered($node, 'shops', database => 'copy');
	none('/in', $_) for 'w', map { "copied$_" } 1 .. $turn;
	rows($node, 'DROP DATABASE copy');
};

subtest 'a live destination' => sub {
	my $name = 'shop';
	my %actions = (
		'1 resume' => sub { rows($node, "SELECT ecapi.resume('shop')") },
		'2 options' => sub { rows($node, "ALTER SERVER shop OPTIONS (ADD batch_size '2')") },
		'3 rename' => sub { rows($node, 'SET session_replication_role = replica; ALTER SERVER shop RENAME TO store');
			$name = 'store'; restart_worker('postgres'); },
		'4 its cursor is deleted' => sub { rows($node, 'DELETE FROM ecapi.cursor_row'); rows($node, "SELECT ecapi.resume('store')"); },
	);

	for my $action (sort keys %actions)
	{
		my $prefix = "live$action" =~ s/\W//gr;

		note $action;
		emit($node, $prefix, 5);
		walk('postgres', $actions{$action}, steps => 4);
		emit($node, "behind$prefix", 5);
		all_once('/in', $_, 5) for $prefix, "behind$prefix";
		wait_delivered($node, $name);
	}
	all_once('/in', 'w', 5);
};

subtest 'a start, and all up to the record of what was sent' => sub {
	emit($node, 'recorded', 1);
	all_once('/in', 'recorded', 1);
	rows($node, "SELECT ecapi.pause('store')");
	wait_state($node, 'store', 'paused');
	emit($node, 'start', 5);
	walk('postgres', sub {
			rows($node, "SELECT ecapi.resume('store')");
			restart_worker('postgres');
		}, steps => 10, until => sub { wait_delivered($node, 'store') });
	all_once('/in', 'start', 5);
	is(rows($node, "SELECT sum(events) FROM ecapi.request WHERE outcome = 'delivered'"),
		rows($node, 'SELECT delivered FROM ecapi.cursor'), 'the log of requests and the cursor agree');
};

subtest 'a replay' => sub {
	my $before = scalar keys %{ arrived('/in', 'start') };
	my $times = sub { my $seen = arrived('/in', 'start'); return join ' ', sort values %$seen };

	walk('postgres', sub { rows($node, "SELECT ecapi.replay('store', since => (SELECT min(emitted_at)"
				  . " FROM ecapi.outbox WHERE event->>'id' LIKE 'start-%'))") }, steps => 8,
		until => sub { wait_sql($node, 'the replay is over', "SELECT state = 'finished' FROM ecapi.replay_cursor") });
	is($times->(), '2 2 2 2 2', 'each of its events was sent once more');
	is(rows($node, 'SELECT delivered, filtered, failed FROM ecapi.replay_cursor'), '5|0|0', 'and counted once');
	wait_delivered($node, 'store');
};

subtest 'a destination without a cursor' => sub {
	walk('postgres', sub {
			rows($node, "SET session_replication_role = replica; CREATE SERVER late FOREIGN DATA WRAPPER ecapi"
				  . " OPTIONS (url '" . $receiver->url('/late') . "', data_set_id 'shop')");
			restart_worker('postgres');
		}, steps => 6);
	emit($node, 'late', 3);
	all_once('/late', 'late', 3);
	wait_delivered($node, 'late');
	none('/late', 'start');
};

is($receiver->stats->{conflicts}, 0, 'no event changed');
$node->stop;
done_testing();
