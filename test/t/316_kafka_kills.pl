# Kafka under load, with brokers that go and come, leaders that change, slow brokers, errors of
# Produce, kills of the worker, all by chance: nothing is missing, nothing is out of its key.
#
# The mock does not look at the sequence numbers by which brokers recognise what an idempotent
# producer sends again, so repeats within a session, which no broker would keep, are counted
# and told and are no failure; so are those after the worker was killed.  The seed is printed;
# ECAPI_SEED repeats it, ECAPI_ROUNDS makes it longer.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiKafka;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{ECAPI_SEED} // time() % 1000000;
my $rounds = $ENV{ECAPI_ROUNDS} // 12;
my $each = 1500;
my $brokers = 3;
my $partitions = 6;

srand($seed);
diag("seed $seed");

my $kafka = EcapiKafka->start(args => [ '-b', $brokers ]);
my $cluster = EcapiCluster->create(conf => 'restart_after_crash = on');

$kafka->command("topic load $partitions");
$cluster->destination('load', undef, { $kafka->options, topic => 'load', timeout => '5s', batch_size => 200, message_key => 'id' });

sub one_of { return $_[ int rand @_ ] }

# What may happen, and what undoes it.
my %down;
my @trouble = (
	sub {
		my $broker = 1 + int rand $brokers;

		return "broker $broker is there" if keys %down >= $brokers - 1 && !$down{$broker};
		$kafka->command(($down{$broker} ? 'up' : 'down') . " $broker");
		if (delete $down{$broker}) { return "broker $broker comes" }
		$down{$broker} = 1;
		# its partitions get another leader, as the brokers themselves would see to
		my ($other) = grep { !$down{$_} } 1 .. $brokers;
		$kafka->command("leader load $_ $other") for 0 .. $partitions - 1;
		return "broker $broker goes";
	},
	sub { my ($p, $b) = (int rand $partitions, one_of(grep { !$down{$_} } 1 .. $brokers)); $kafka->command("leader load $p $b"); return "partition $p goes to broker $b" },
	sub { my ($b, $ms) = (1 + int rand $brokers, one_of(0, 50, 400)); $kafka->command("rtt $b $ms"); return "broker $b takes $ms ms" },
	sub { my ($code, $n) = (one_of(6, 7, 14, 19, 20), 1 + int rand 8); $kafka->command("errors $code $n"); return "$n errors $code" },
);

my %emitted;
my $killed = 0;
my $restarted = 0;
for my $round (1 .. $rounds)
{
	my @ids = map { "k$round-$_" } 1 .. $each;
	my @did = map { one_of(@trouble)->() } 1 .. 2;

	$cluster->wait_sql('SELECT true', 'the server is there');
	$cluster->sql("SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR', id => 'k$round-' || i)) FROM generate_series(1, $each) i");
	@emitted{@ids} = ();
	if ($round % 4 == 0)
	{
		$cluster->wait_worker;
		$cluster->restart_worker;
		push @did, 'the worker is ended';
		$restarted++;
	}
	elsif ($round % 6 == 5)
	{
		$cluster->wait_worker;
		my $pid = $cluster->kill_worker;
		$cluster->wait_worker($pid);
		push @did, 'the worker is killed';
		$killed++;
	}
	note("round $round: " . join(', ', @did));
	sleep(rand 0.7);
}

# all is well again
$kafka->command("up $_") for sort keys %down;
$kafka->command('forget');
$kafka->command("rtt $_ 0") for 1 .. $brokers;
$cluster->drained('load');

my @messages = $kafka->messages('load');
my %count;
my $astray = 0;
my %partition;
for my $m (@messages)
{
	$count{ $m->{headers}{id} }++;
	$astray++ if $m->{key} ne $m->{headers}{id} || $m->{value}{id} ne $m->{key} || ($partition{ $m->{key} } //= $m->{partition}) != $m->{partition};
}
is(scalar(grep { !$count{$_} } keys %emitted), 0, 'missing: 0 of ' . scalar(keys %emitted));
is(scalar(grep { !exists $emitted{$_} } keys %count), 0, 'none that was not emitted');
is($astray, 0, 'each under its key, in the partition of its key');
diag('there more than once: ' . grep({ $_ > 1 } values %count) . " with $restarted ends and $killed kills of the worker");
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), '0', 'no event is to blame');
is($cluster->row('load')->{delivered} >= keys(%emitted) || $killed > 0, 1, 'all count as delivered');

# --- without an error that the mock itself repeats: each acknowledged event once
$kafka->command('topic once 6');
$cluster->destination('once', undef, { $kafka->options, topic => 'once', timeout => '30s', batch_size => 500 });
for my $round (1 .. 8)
{
	$cluster->sql("SELECT count(ecapi_emit('login', id => 'o$round-' || i, ext => NULL)) FROM generate_series(1, 2000) i");
	$kafka->command('leader once ' . int(rand 6) . ' ' . (1 + int rand $brokers)) for 1 .. 3;
	$kafka->command('errors 6 2');
}
$cluster->drained('once');
my $once = $kafka->count_ids('once');
is(scalar(keys %$once), 16000, 'leader changes under load: all are there');
is(scalar(grep { $_ > 1 } values %$once), 0, 'each once');
is($cluster->row('once')->{delivered}, 16000, 'and each counts once');

$cluster->stop;
$kafka->stop;
done_testing();
