# adopt and rebase in a transaction that stays open, or is prepared: the others deliver
# on, and when it commits its destination has every event since the call, no other.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiReceiver;
use Test::More;

# of the ring; what is older than it and a slot is gone, unless a cursor wants it
my $retention_s = 8;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "autovacuum = off\necapi.retention = '${retention_s}s'\n");

# How a guard comes to stop a destination, and the call that starts it again.
my %calls = (
	copied => [ 'system_identifier = 1', 'adopt' ],
	changed => [ 'window_end = snapshot, arm = 7', 'rebase' ]);

$cluster->destination('live', $receiver->url('/live'));
for my $name (sort keys %calls)
{
	$cluster->destination($name, $receiver->url("/$name"));
	$cluster->sql("SELECT ecapi.pause('$name')");
	$cluster->wait_sql("SELECT state = 'paused' FROM ecapi.cursor WHERE destination = '$name'");
}
# the worker has written that, and has nothing else to write
$cluster->sql("UPDATE ecapi.cursor_row SET $calls{$_}[0] WHERE destination = '$_'") for keys %calls;
$cluster->terminate_worker;
for my $name (sort keys %calls)
{
	$cluster->resume($name);
	$cluster->stopped($name, "%ecapi.$calls{$name}[1]()%");
}
$cluster->emit('before', 1, 10);
$cluster->drained('live');

my $session = $cluster->background_psql('postgres');
$session->query_safe("SET client_min_messages = warning; BEGIN; SELECT ecapi.adopt('copied')");
$cluster->sql("BEGIN; SELECT ecapi.rebase('changed'); PREPARE TRANSACTION 'rebase'");
$cluster->emit('since', 1, 10);
$cluster->drained('live');
$cluster->wait_sql("SELECT max(emitted_at) < clock_timestamp() - interval '" . 2 * $retention_s . " s'"
	  . " FROM ecapi.outbox WHERE event->>'id' LIKE 'since%'");
$cluster->emit('after', 1, 10);
$cluster->drained('live');
is($cluster->sql("SELECT string_agg(DISTINCT state, ' ') FROM ecapi.destination WHERE destination <> 'live'"),
	'stopped', 'nothing is started before the commit');

# one after the other, so that each is noticed by itself
my %commit = (
	changed => sub { $cluster->sql("COMMIT PREPARED 'rebase'") },
	copied => sub { $session->query_safe('COMMIT'); $session->quit; });

for my $name (sort keys %calls)
{
	my %arrived;

	$commit{$name}->();
	$cluster->drained($name);
	$arrived{ $_->{id} } = 1 for grep { $_->{path} eq "/$name" } $receiver->records;
	is_deeply([ sort keys %arrived ], [ sort(ids('since', 1, 10), ids('after', 1, 10)) ],
		"$calls{$name}[1]: all that committed since the call, and nothing from before");
}

# the same for what else an operator calls in a prepared transaction
$cluster->sql("BEGIN; SELECT ecapi.pause('live'); PREPARE TRANSACTION 'pause'");
$cluster->sql("COMMIT PREPARED 'pause'");
$cluster->wait_row('live', "state = 'paused'");
$cluster->sql("BEGIN; SELECT ecapi.resume('live'); PREPARE TRANSACTION 'resume'");
$cluster->sql("COMMIT PREPARED 'resume'");
$cluster->drained('live');
pass('a prepared pause and resume are noticed');

done_testing();
