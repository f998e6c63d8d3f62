# A receiver is away for more than two turns of the ring, and comes back: what
# waited for it is kept and arrives, and another destination notices nothing.
#
# A slot of the ring serves for two seconds here, six of them make a turn.  All
# waiting is for what the outbox and the receivers show.  What the other
# destination's latency was (receipt by the receiver's clock less the commit's
# time) before and during the outage is printed and not judged: the machine may
# have other things to do.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;
use Time::HiRes qw(time);

my $PERIODS = 13;		# of two seconds, that the outage lasts at least

my $well = EcapiReceiver->start;
my $ill = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "ecapi.retention = '8s'\ntrack_commit_timestamp = on\n");

$cluster->sql('CREATE TABLE sold (n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)');
$cluster->destination('well', $well->url('/well'), { linger => 0 });
$cluster->destination('ill', $ill->url('/ill'), { linger => 0 });

# --- an even load in the background

my $load = $cluster->pgbench_beside(
	"WITH s AS (INSERT INTO sold DEFAULT VALUES RETURNING n)"
	  . " SELECT ecapi_emit('purchase', value => n, currency_code => 'EUR', id => 'n-' || n) FROM s;
",
	'-c', 2, '-R', 60);

sub end_load
{
	$cluster->end_background($load);
	$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pgbench')");
	return;
}

# Numbers of the files of the slots: they change when a slot is emptied.
sub slot_files
{
	return map { $cluster->sql("SELECT pg_relation_filenode('ecapi.outbox_$_')") } 0 .. 5;
}

# Wait until that many slots have been emptied.
sub wait_emptied
{
	my ($count) = @_;
	my @before = slot_files();

	$cluster->wait_for(sub {
			my @now = slot_files();
			return $count <= grep { $before[$_] ne $now[$_] } 0 .. 5;
		}, "$count slots are emptied");
	return;
}

sub server_clock { return $cluster->sql('SELECT extract(epoch FROM clock_timestamp()) * 1000000') }

# Wait until events of that many periods of two seconds have come since a moment.
sub wait_periods
{
	my ($periods, $since) = @_;

	$cluster->wait_sql("SELECT count(DISTINCT floor(extract(epoch FROM emitted_at) / 2)) >= $periods"
		  . " FROM ecapi.outbox WHERE extract(epoch FROM emitted_at) * 1000000 >= $since");
	return;
}

# --- as always, then without one receiver, then with it again

my $normal_from = server_clock();
wait_emptied(3);
pass('as always: slots of the ring are emptied');
my $normal_to = server_clock();

$ill->stop;
$cluster->wait_row('ill', "state = 'waiting'");
my $outage_from = server_clock();
wait_periods($PERIODS, $outage_from);
my $outage_to = server_clock();
my $backlog = $cluster->row('ill')->{backlog};
cmp_ok($backlog, '>', 0, "the outage lasted $PERIODS periods of a slot, $backlog events wait");
is($cluster->row('well')->{state} =~ /^(idle|delivering)$/, 1, 'the other destination is well');

$ill->start_again;
my $began = time;
$cluster->resume('ill');
$cluster->wait_row('ill', 'backlog < 100');
note sprintf 'the backlog of %d events drained in %.2f s', $backlog, time - $began;
wait_emptied(6);
pass('the ring turns again');
end_load();
$cluster->drained('well', 'ill');

# --- what arrived

my @ids = map { "n-$_" } split /\n/, $cluster->sql('SELECT n FROM sold');
my %commit = map { split /\|/ } split /\n/, $cluster->sql(
	"SELECT 'n-' || n, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000 FROM sold");

$cluster->all_there($well, 'well', \@ids, 'the receiver that was there has everything', repeats => 0);
$cluster->all_there($ill, 'ill', \@ids, 'so has the one that was away', repeats => 1);

# The latencies of events committed in a span, as text.
sub latencies
{
	my ($from, $to) = @_;
	my @ms = sort { $a <=> $b } map { ($_->{time_us} - $commit{ $_->{id} }) / 1000 }
	  grep { $commit{ $_->{id} } >= $from && $commit{ $_->{id} } < $to } $well->records;

	return '(none)' if !@ms;
	return sprintf '%d events, p50 %.1f ms, p99 %.1f ms, max %.1f ms', scalar @ms,
	  map { $ms[ $_ * $#ms ] } 0.5, 0.99, 1;
}

diag 'latency as always:         ' . latencies($normal_from, $normal_to);
diag 'latency during the outage: ' . latencies($outage_from, $outage_to);

$cluster->stop;
done_testing();
