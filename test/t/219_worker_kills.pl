# Three workers under load, of which one after the other is killed as the kernel kills for want
# of memory; the server restarts all of its processes each time.  Nothing is missing, each
# cursor has one writer at any time, and what comes again comes under the same id with the same
# content.  ECAPI_SECONDS kills for that long, 0 (the default) each worker once.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiLoad;
use EcapiReceiver;
use EcapiWorkers;
use Test::More;

my $until = time + ($ENV{ECAPI_SECONDS} // 0);
my $workers = 3;
my @names = map { "shop$_" } 1 .. 6;
my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "max_worker_processes = 20\nrestart_after_crash = on\n");

watch_writers($cluster);
$cluster->destination($_, $receiver->url("/$_"), { batch_size => 50 }) for @names;
workers($cluster, $workers);
my @loads = (EcapiLoad->start($cluster, 'emitted'), EcapiLoad->start($cluster, 'tracked', track => 1));
my $kills = 0;

# The workers run again after a crash, with other processes.
sub wait_workers
{
	return $cluster->wait_for(
		sub {
			# a session that begins in a crash ends in ways of its own
			my ($status, $out) = eval { $cluster->try_sql(
				"SELECT count(*) = $workers AND bool_and(state = 'running' AND destinations <> '{}') FROM ecapi.workers") };
			return defined $status && $status == 0 && $out eq 't';
		},
		'all workers run');
}

do
{
	for my $number (0 .. $workers - 1)
	{
		$_->wait_more(10) for @loads;
		my $pid = pid_of($cluster, $number);

		kill('KILL', $pid) == 1 or die "could not kill a worker: $!";
		$kills++;
		$cluster->wait_for(sub { !kill(0, $pid) }, 'it is gone');
		wait_workers();
	}
} while (time < $until);

$_->stop for @loads;
$cluster->drained(@names);
is($cluster->sql("SELECT count(*) FROM ecapi.destination WHERE failed > 0 OR given_up > 0"), '0', 'nothing failed');
my @committed = map { $_->ids } @loads;
my $repeats = 0;

for my $name (@names)
{
	$repeats += $cluster->all_there($receiver, $name, \@committed, "$name has all after $kills kills", repeats => 1)->{repeats};
}
one_writer($cluster, 'kills');
diag(scalar(@committed) . ' events to each of ' . @names . " destinations, $kills kills of $workers workers, $repeats repeats");
$cluster->stop;
$receiver->stop;
done_testing();
