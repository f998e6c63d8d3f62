# Copies of a database and a reset transaction counter: nothing is sent that the
# original sends, nothing new is taken for old, until the operator says so.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(init => [ allows_streaming => 1 ], conf => "max_worker_processes = 20\n");
my $folder = PostgreSQL::Test::Utils::tempdir();

$cluster->destination('shop', $receiver->url('/in'));
$cluster->delivers($receiver, 'shop', 'a', 5);

# Wait until a node's worker has been round after what was done so far.
sub been_round
{
	my ($other) = @_;

	$other->wait_sql("SELECT state = 'running' FROM ecapi.worker()", 'the worker runs');
	$other->sql("SELECT ecapi.pause('shop')");
	$other->wait_sql("SELECT state = 'paused' FROM ecapi.destination WHERE destination = 'shop'", 'it pauses');
	$other->resume('shop');
	return;
}

for my $kind ('--schema-only', '--create', '--inserts')
{
	subtest "a dump ($kind), restored elsewhere" => sub {
		my $name = 'restored' . ($kind =~ s/\W//gr);
		my $prefix = "d$name";

		$cluster->command_ok([ 'pg_dump', ($kind eq '--create' ? () : $kind), '-Fc', '-f', "$folder/$name", '-d', $cluster->connstr('postgres') ],
			'dumped');
		$cluster->sql("CREATE DATABASE $name");
		$cluster->command_ok([ 'pg_restore', '--exit-on-error', '-d', $cluster->connstr($name), "$folder/$name" ], 'restored');
		$cluster->in($name)->wait_state('shop', 'stopped', 'copy.*ecapi\.adopt');
		$cluster->in($name)->emit("$prefix-before-", 1, 3);
		$cluster->in($name)->resume('shop');
		$cluster->in($name)->sql("ALTER SERVER shop OPTIONS (ADD batch_size '2')");
		$cluster->in($name)->wait_state('shop', 'stopped', 'ecapi\.adopt');
		$cluster->in($name)->sql("SELECT ecapi.adopt('shop')");
		$cluster->in($name)->emit("$prefix-after-", 1, 3);
		$receiver->wait_received("$prefix-after", 3);
		$cluster->in($name)->drained('shop');
		is(scalar(keys %{ $receiver->ids_received("$prefix-before") }), 0, 'nothing is sent until it is adopted');

		# where it was adopted is its origin now: a dump of it is a copy of this one
		$cluster->command_ok([ 'pg_dump', '-s', '-Fc', '-f', "$folder/again", '-d', $cluster->connstr($name) ], 'dumped again');
		$cluster->sql('CREATE DATABASE again');
		$cluster->command_ok([ 'pg_restore', '--exit-on-error', '-d', $cluster->connstr('again'), "$folder/again" ], 'restored');
		$cluster->in('again')->wait_state('shop', 'stopped', 'ecapi\.adopt');
		$cluster->sql('DROP DATABASE again');
		$cluster->sql("DROP DATABASE $name");
	};
}

subtest 'a physical copy, started beside the original' => sub {
	# events that wait, so that the copy has some, too
	$cluster->pause('shop');
	$cluster->emit('w-', 1, 5);
	$cluster->backup('beside');
	$cluster->resume('shop');
	$receiver->wait_received('w', 5);
	$cluster->drained('shop');

	my $copy = EcapiCluster->new('copy');

	$copy->init_from_backup($cluster, 'beside');
	$copy->append_conf('postgresql.conf', 'ecapi.delivery = off');
	$copy->start;
	my $requests = scalar($receiver->requests);

	$copy->resume('shop');
	$copy->emit('c-', 1, 5);
	been_round($copy);
	$copy->emit('c2-', 1, 5);
	been_round($copy);
	is(scalar($receiver->requests), $requests, 'with ecapi.delivery = off it sends nothing');
	is($copy->sql('SELECT backlog FROM ecapi.destination'), 15, 'its events wait');
	$cluster->delivers($receiver, 'shop', 'o', 5);
	$copy->stop;
};

subtest 'pg_resetwal' => sub {
	my $copy = EcapiCluster->new('reset');

	$cluster->backup('reset');
	$copy->init_from_backup($cluster, 'reset');
	$copy->start;
	$copy->delivers($receiver, 'shop', 'r', 3);

	# forward: nothing is wrong with that
	$copy->stop;
	$copy->command_ok([ 'pg_resetwal', '-e', '3', '-D', $copy->data_dir ], 'the counter is set forward');
	$copy->start;
	$copy->delivers($receiver, 'shop', 'forward', 3);

	# and back: what is new now looks older than what was sent
	$copy->stop;
	$copy->command_ok([ 'pg_resetwal', '-e', '0', '-D', $copy->data_dir ], 'the counter is set back');
	$copy->start;
	$copy->wait_state('shop', 'stopped', 'counter was reset.*ecapi\.rebase');
	$copy->emit('back-', 1, 3);
	$copy->sql("SELECT ecapi.rebase('shop')");
	$copy->delivers($receiver, 'shop', 'rebased', 3);
	is(scalar(keys %{ $receiver->ids_received('back') }), 0, 'it starts with what commits after ecapi.rebase()');
	is($copy->sql("SELECT count(*) FROM ecapi.outbox WHERE xid >= '4294967296'"), 0, 'nothing of the lost time is left');
	$copy->restart;
	$copy->delivers($receiver, 'shop', 'later', 3);
	$copy->stop;
};

is($receiver->stats->{conflicts}, 0, 'no event changed');
$cluster->stop;
done_testing();
