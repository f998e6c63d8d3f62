# Twenty destinations, a thousand events waiting for each, and a server that may
# open no more than 256 files: nothing is lost, and no process dies of it.
#
# Each destination may have more requests on their way than there are files, to a
# receiver that takes its time, so the limit is reached.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiReceiver;
use Test::More;

my $FILES = 256;
my $EVENTS = 1000;
my @names = map { "many$_" } 1 .. 20;

my $receiver = EcapiReceiver->start(args => [ '--threads', 2 ]);
my $cluster = EcapiCluster->create(conf => "ecapi.delivery = off\n");

# The soft limit of this process, which servers started by it inherit.
sub limit_files
{
	my ($soft) = @_;

	system('prlimit', "--pid=$$", "--nofile=$soft:") == 0 or die "prlimit failed";
	return;
}

chomp(my $before = `prlimit --pid=$$ --nofile --output=SOFT --noheadings`);
$cluster->destination($_, $receiver->url("/$_/delay=200"),
	{ batch_size => 10, max_in_flight => 32, linger => 0 }) for @names;
$cluster->emit('e', 1, $EVENTS);
$cluster->wait_row($_, "backlog = $EVENTS") for @names;

$cluster->append_conf('postgresql.conf', 'ecapi.delivery = on');
limit_files($FILES);
$cluster->restart;
limit_files($before =~ s/\s//gr);
my $started = $cluster->sql('SELECT pg_postmaster_start_time()');

is($cluster->sql('SELECT ecapi_internal.open_files_limit()'), $FILES, "the server may open $FILES files");
like($cluster->sql("SELECT what FROM ecapi.check() WHERE severity = 'warning'"),
	qr/may open only $FILES files/, 'the doctor says so');

# It writes beside, and looks at tables that it did not look at before.
for my $n (1 .. 20)
{
	$cluster->sql("CREATE TABLE other_$n (n int); INSERT INTO other_$n VALUES ($n)");
}
$cluster->drained(@names);
my $repeats = 0;
for my $name (@names)
{
	my $n = $cluster->compare($receiver, $name, [ ids('e', 1, $EVENTS) ]);

	$repeats += $n->{repeats};
	is("$n->{missing} $n->{phantoms} $n->{conflicts} $n->{rejected}", '0 0 0 0',
		"$name: nothing missing") or diag $cluster->figures($n);
}
note "repeats: $repeats of " . @names * $EVENTS;
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), 0, 'no event was blamed');
is($cluster->sql('SELECT pg_postmaster_start_time()'), $started, 'the server never went down');
unlike($cluster->log_text, qr/PANIC:|was terminated by signal/, 'no process died');
note 'files were short: '
  . (() = $cluster->log_text =~ /too many open files/gi) . ' lines in the log, '
  . $cluster->sql("SELECT count(*) FROM ecapi.request WHERE error ~ 'too many'") . ' requests';

$cluster->stop;
done_testing();
