# Copies of a database and a reset transaction counter: nothing is sent that the
# original sends, nothing new is taken for old, until the operator says so.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $receiver = EcapiReceiver->start;
my $node = ecapi_node('main', init => [ allows_streaming => 1 ], conf => "max_worker_processes = 20\n");
my $folder = PostgreSQL::Test::Utils::tempdir();

create_destination($node, 'shop', $receiver->url('/in'));
emit($node, 'a', 5);
wait_received($receiver, 'a', 5);
wait_delivered($node, 'shop');

# Wait until a node's worker has been round after what was done so far.
sub been_round
{
	my ($other, %options) = @_;

	wait_sql($other, 'the worker runs', "SELECT state = 'running' FROM ecapi.worker()", %options);
	rows($other, "SELECT ecapi.pause('shop')", %options);
	wait_sql($other, 'it pauses', "SELECT state = 'paused' FROM ecapi.destination WHERE destination = 'shop'", %options);
	rows($other, "SELECT ecapi.resume('shop')", %options);
	return;
}

for my $kind ('--schema-only', '--create', '--inserts')
{
	subtest "a dump ($kind), restored elsewhere" => sub {
		my $name = 'restored' . ($kind =~ s/\W//gr);
		my $prefix = "d$name";

		$node->command_ok([ 'pg_dump', ($kind eq '--create' ? () : $kind), '-Fc', '-f', "$folder/$name", '-d', $node->connstr('postgres') ],
			'dumped');
		rows($node, "CREATE DATABASE $name");
		$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr($name), "$folder/$name" ], 'restored');
		wait_state($node, 'shop', 'stopped', detail => 'copy.*ecapi\.adopt', database => $name);
		emit($node, "$prefix-before", 3, database => $name);
		rows($node, "SELECT ecapi.resume('shop')", database => $name);
		rows($node, "ALTER SERVER shop OPTIONS (ADD batch_size '2')", database => $name);
		wait_state($node, 'shop', 'stopped', detail => 'ecapi\.adopt', database => $name);
		rows($node, "SELECT ecapi.adopt('shop')", database => $name);
		emit($node, "$prefix-after", 3, database => $name);
		wait_received($receiver, "$prefix-after", 3);
		wait_delivered($node, 'shop', database => $name);
		is(scalar(keys %{ ids_received($receiver, "$prefix-before") }), 0, 'nothing is sent until it is adopted');

		# where it was adopted is its origin now: a dump of it is a copy of this one
		$node->command_ok([ 'pg_dump', '-s', '-Fc', '-f', "$folder/again", '-d', $node->connstr($name) ], 'dumped again');
		rows($node, 'CREATE DATABASE again');
		$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('again'), "$folder/again" ], 'restored');
		wait_state($node, 'shop', 'stopped', detail => 'ecapi\.adopt', database => 'again');
		rows($node, 'DROP DATABASE again');
		rows($node, "DROP DATABASE $name");
	};
}

subtest 'a physical copy, started beside the original' => sub {
	# events that wait, so that the copy has some, too
	rows($node, "SELECT ecapi.pause('shop')");
	wait_state($node, 'shop', 'paused');
	emit($node, 'w', 5);
	$node->backup('beside');
	rows($node, "SELECT ecapi.resume('shop')");
	wait_received($receiver, 'w', 5);
	wait_delivered($node, 'shop');

	my $copy = PostgreSQL::Test::Cluster->new('copy');

	$copy->init_from_backup($node, 'beside');
	$copy->append_conf('postgresql.conf', 'ecapi.delivery = off');
	$copy->start;
	my $requests = scalar($receiver->requests);

	rows($copy, "SELECT ecapi.resume('shop')");
	emit($copy, 'c', 5);
	been_round($copy);
	emit($copy, 'c2', 5);
	been_round($copy);
	is(scalar($receiver->requests), $requests, 'with ecapi.delivery = off it sends nothing');
	is(rows($copy, 'SELECT backlog FROM ecapi.destination'), 15, 'its events wait');
	emit($node, 'o', 5);
	wait_received($receiver, 'o', 5);
	wait_delivered($node, 'shop');
	$copy->stop;
};

subtest 'pg_resetwal' => sub {
	my $copy = PostgreSQL::Test::Cluster->new('reset');

	$node->backup('reset');
	$copy->init_from_backup($node, 'reset');
	$copy->start;
	emit($copy, 'r', 3);
	wait_received($receiver, 'r', 3);
	wait_delivered($copy, 'shop');

	# forward: nothing is wrong with that
	$copy->stop;
	$copy->command_ok([ 'pg_resetwal', '-e', '3', '-D', $copy->data_dir ], 'the counter is set forward');
	$copy->start;
	emit($copy, 'forward', 3);
	wait_received($receiver, 'forward', 3);
	wait_delivered($copy, 'shop');

	# and back: what is new now looks older than what was sent
	$copy->stop;
	$copy->command_ok([ 'pg_resetwal', '-e', '0', '-D', $copy->data_dir ], 'the counter is set back');
	$copy->start;
	wait_state($copy, 'shop', 'stopped', detail => 'counter was reset.*ecapi\.rebase');
	emit($copy, 'back', 3);
	rows($copy, "SELECT ecapi.rebase('shop')");
	emit($copy, 'rebased', 3);
	wait_received($receiver, 'rebased', 3);
	wait_delivered($copy, 'shop');
	is(scalar(keys %{ ids_received($receiver, 'back') }), 0, 'it starts with what commits after ecapi.rebase()');
	is(rows($copy, "SELECT count(*) FROM ecapi.outbox WHERE xid >= '4294967296'"), 0, 'nothing of the lost time is left');
	$copy->restart;
	emit($copy, 'later', 3);
	wait_received($receiver, 'later', 3);
	wait_delivered($copy, 'shop');
	$copy->stop;
};

is($receiver->stats->{conflicts}, 0, 'no event changed');
$node->stop;
done_testing();
