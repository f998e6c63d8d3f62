# A destination of every format on one database: each gets every event, each body is as its
# platform wants it, the sums are those that were committed, and the worker keeps to its
# memory.  Requests stay large though thirteen share that memory.  ECAPI_EVENTS says how
# many events (5000).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiFormats qw(%FORMAT @RECEIVER formats_of write_secrets format_destination purchases);
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $events = $ENV{ECAPI_EVENTS} // 5000;
my $value = $events * ($events + 1) / 2;

# bodies would be a gigabyte a hundred thousand events
my $receiver = EcapiReceiver->start(args => \@RECEIVER, files => [qw(out requests)]);
my $cluster = EcapiCluster->create;
my @formats = formats_of($cluster);
my @names = (@formats, 'ecapi');

# Memory of the worker's own, in bytes: pages of the outbox that it has read are shared.
sub own_memory
{
	slurp_file('/proc/' . $cluster->worker_pid . '/status') =~ /^RssAnon:\s+(\d+) kB/m or die 'no RssAnon';
	return 1024 * $1;
}

for my $format (@formats)
{
	write_secrets($cluster, $format, 'good');
	format_destination($cluster, $receiver, $format, $format, "/$format");
}
$cluster->destination('ecapi', $receiver->url('/ecapi/strict'));
$cluster->sql(purchases('first-', 1, 1));
$cluster->drained(@names);
my $idle = own_memory();

$cluster->pause($_) for @names;
my $step = 1000;
for (my $from = 1; $from <= $events; $from += $step)
{
	my $to = $from + $step - 1 > $events ? $events : $from + $step - 1;

	# a person has ten of them
	$cluster->sql(purchases('e-', $from, $to, person => 'i / 10'));
}
my $began = time;
$cluster->resume($_) for @names;
my $peak = 0;
$cluster->wait_for(sub {
		my $memory = own_memory();

		$peak = $memory if $memory > $peak;
		return $cluster->sql("SELECT count(*) FROM ecapi.destination WHERE state = 'idle' AND backlog = 0") == @names;
	}, 'all is delivered');
my $took = time - $began;

my (%distinct, %records, %faults, %requests);
$requests{ (split m{/}, $_->{path})[1] }++ for $receiver->requests;
$receiver->each_record(sub {
		my ($record) = @_;
		my ($name) = $record->{path} =~ m{^/([a-z0-9]+)};

		return if $record->{id} !~ /^e-/;
		$records{$name}++;
		$distinct{$name}++ if vec($distinct{"$name bits"} //= '', substr($record->{id}, 2), 1)++ == 0;
		$faults{$name}++ if $record->{verdict} ne 'ok';
	});
for my $name (@names)
{
	is($distinct{$name}, $events, "$name: none is missing");
	is($records{$name}, $events, "$name: none came twice");
	is($faults{$name} // 0, 0, "$name: each is as the platform wants it");
	is($cluster->sql("SELECT sum(events), sum(value) FROM ecapi.ledger WHERE destination = '$name' AND outcome = 'delivered'"),
		($events + 1) . '|' . ($value + 1), "$name: the ledger has their number and their value");
	# some 300 in a request of 1000 are usual: what there is room for when nothing is on its way
	cmp_ok($requests{$name}, '<=', $events / 100, "$name: in large requests") if ($FORMAT{$name}{batch} // 1000) >= 1000 && $name ne 'webhook';
	next if $name eq 'ecapi';
	is($receiver->platforms->{$name}{refused}, 0, "$name: no request was refused");
}
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), '0', 'nothing failed');
cmp_ok($peak - $idle, '<=', 64 * 1024 * 1024, "the worker's memory is bounded");
diag sprintf '%d events to %d destinations in %.1f s, %.1f microseconds an event and destination, %.1f MiB above idle',
  $events, scalar @names, $took, $took * 1e6 / $events / @names, ($peak - $idle) / 1048576;
diag 'requests: ' . join(', ', map { "$_ $requests{$_}" } @names);

$cluster->stop;
$receiver->stop;
done_testing();
