# A weekend without network, of 60 hours, on every format at once: what waits is delivered
# when it is back, but for what a platform would no longer take, and for what may have
# arrived before and would be counted twice by now.  The sums are those that were committed.
#
# The clock of server and platforms is moved.  The outage begins with requests that arrive
# and whose answers are lost.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiClock;
use EcapiCluster qw(literal);
use EcapiFormats qw(%FORMAT @RECEIVER formats_of write_secrets format_destination purchases);
use EcapiReceiver;
use Test::More;

use constant HOUR => 3600;
use constant OUTAGE => 60 * HOUR;

# What is emitted for each destination: prefix, how many, hours before the outage when it
# happened.  Those of "unanswered-" arrive before it, those of "during-" come while it lasts.
my @KINDS = ([ 'unanswered-', 10, 0 ], [ 'day-', 10, 20 ], [ 'week-', 10, 144 ], [ 'during-', 50, undef ]);
my $STEPS = 10;

my $clock = EcapiClock->new;
my $receiver = EcapiReceiver->start(args => \@RECEIVER);
my $cluster = $clock->under(sub { EcapiCluster->create(conf => "ecapi.retention = '30d'\n") });
my @formats = formats_of($cluster);
my $total = 0;

$total += $_->[1] for @KINDS;

# What came to the paths of a format: { id => times }.
sub arrived
{
	my ($format) = @_;
	my %times;

	$receiver->each_record(sub { $times{ $_[0]{id} }++ if index($_[0]{path}, "/$format/") == 0 });
	return \%times;
}

# --- answers get lost

for my $format (@formats)
{
	write_secrets($cluster, $format, 'good');
	format_destination($cluster, $receiver, $format, $format, "/$format/cut=after");
}
$cluster->sql(purchases('unanswered-', 1, 10, person => 1));
for my $format (@formats)
{
	$receiver->wait_for(sub { keys %{ arrived($format) } == 10 }, "$format: the first events have arrived");
}

# --- two days and a half without network

$receiver->stop;
my %before = map { $_ => arrived($_) } @formats;
for my $format (@formats)
{
	my ($url) = $cluster->sql("SELECT option_value FROM pg_foreign_server, pg_options_to_table(srvoptions)"
		  . " WHERE srvname = '$format' AND option_name = 'url'");

	$cluster->alter($format, url => $url =~ s{/cut=after}{/back}r);
}
$cluster->sql(purchases('day-', 1, 10, at => "clock_timestamp() - interval '20 hours'"));
$cluster->sql(purchases('week-', 1, 10, at => "clock_timestamp() - interval '6 days'"));
for my $step (1 .. $STEPS)
{
	$cluster->sql(purchases('during-', 5 * $step - 4, 5 * $step));
	$cluster->wait_row($_, "state = 'waiting'") for @formats;
	$clock->move(OUTAGE / $STEPS);
}

# --- the network is back

$receiver->start_again;
$clock->set($receiver);
$cluster->resume($_) for @formats;
$cluster->wait_row($_, 'backlog = 0') for @formats;

my $written = $cluster->sql("SELECT sum(i) FROM (SELECT generate_series(1, 10) UNION ALL SELECT generate_series(1, 10)"
	  . " UNION ALL SELECT generate_series(1, 10) UNION ALL SELECT generate_series(1, 50)) i(i)");

for my $format (@formats)
{
	my $row = $FORMAT{$format};
	my $times = arrived($format);
	my %ledger = map { my ($what, $n) = split /=/; ($what => $n) } split /\n/, $cluster->sql(
		"SELECT concat_ws(' ', outcome, reason) || '=' || sum(events) FROM ecapi.ledger WHERE destination = '$format' GROUP BY outcome, reason");
	my $held = $row->{window} && $row->{window} < OUTAGE ? 10 : 0;
	my %gone = map { $_->[0] => 1 } grep { defined $_->[2] && !($held && $_->[0] eq 'unanswered-')
		  && $row->{age} && $_->[2] * HOUR + OUTAGE > $row->{age} } @KINDS;
	my $expired = 10 * keys %gone;

	is($cluster->sql("SELECT sum(events), sum(value) FROM ecapi.ledger WHERE destination = '$format'"), "$total|$written",
		"$format: all that was committed is accounted for, by number and by value");
	is($ledger{'filtered expired'} // 0, $expired, "$format: what the platform no longer takes has expired");
	is($ledger{'failed dedupe window'} // 0, $held, "$format: what may be there already, and would count twice, is held back");
	is($ledger{delivered} // 0, $total - $expired - $held, "$format: all else is delivered");
	is(join(' ', grep { my ($kind) = /^(\D+)/; !$gone{$kind} && !$times->{$_} } map { my $kind = $_; map { "$kind->[0]$_" } 1 .. $kind->[1] } @KINDS),
		'', "$format: nothing is missing at the platform");
	is(scalar(grep { my ($kind) = /^(\D+)/; $gone{$kind} && $kind ne 'unanswered-' } keys %$times), 0, "$format: nothing that expired was sent");
	is(scalar(grep { /^unanswered-/ && $times->{$_} > $before{$format}{$_} } keys %$times), $held || $gone{'unanswered-'} ? 0 : 10,
		"$format: what was held back was not sent again, all else was");
	is(scalar(grep { !/^unanswered-/ && $times->{$_} > 1 } keys %$times), 0, "$format: nothing else came twice");
	is($receiver->platforms->{$format}{doubles}, 0, "$format: nothing is counted twice");
	diag sprintf '%-10s delivered %d, expired %d, held back %d, of %d', $format, $ledger{delivered} // 0, $expired, $held, $total;
}
my $faults = 0;
$receiver->each_record(sub { $faults++ if $_[0]{verdict} ne 'ok' });
is($faults, 0, 'each is as its platform wants it');
is(join(' ', map { "$_->{platform}: $_->{reason}" } grep { defined $_->{reason} && $_->{status} != 401 } $receiver->bodies), '', 'no request was refused');

$cluster->stop;
$receiver->stop;
done_testing();
