# Memory that runs out is the worker's trouble and never an event's end: the address
# space of a running worker is bounded from outside, so that it cannot read, parse or
# shape; events wait, none is dead, and all arrive when there is memory again.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "ecapi.max_event_size = '1MB'\n");

plan skip_all => 'needs prlimit of util-linux' if system('prlimit --version >/dev/null 2>&1') != 0;

sub address_space
{
	my ($pid) = @_;

	open(my $file, '<', "/proc/$pid/status") or die "could not read the status of $pid: $!";
	my ($kilobytes) = map { /^VmSize:\s+(\d+) kB/ ? $1 : () } <$file>;
	close $file;
	return $kilobytes * 1024;
}

sub bound
{
	my ($pid, $bytes) = @_;

	is(system('prlimit', '--pid', $pid, "--as=$bytes:unlimited"), 0, "address space of the worker: $bytes");
	return;
}

# Events of about a megabyte, in one transaction.
sub emit_large
{
	my ($prefix, $count) = @_;

	$cluster->sql("SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR',"
		  . " id => '$prefix-' || i, properties => jsonb_build_object('ext',"
		  . " jsonb_build_object('note', repeat('x', 900 * 1024)))))"
		  . " FROM generate_series(1, $count) i");
	return;
}

# A destination that waits for what it waited for before is not logged again.
sub waits
{
	return $cluster->sql("SELECT state = 'waiting' AND last_error = 'out of memory' FROM ecapi.destination") eq 't';
}

sub nothing_failed
{
	is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), 0, 'no event failed');
	is($cluster->sql('SELECT failed, given_up FROM ecapi.cursor'), '0|0', 'and none is counted as failed');
	return;
}

$cluster->destination('shop', $receiver->url('/in'));
$cluster->delivers($receiver, 'shop', 'a', 3);

# From too little for the page to nearly enough for the body.
my $turn = 0;

for my $megabytes (0, 1, 3, 6, 10, 15)
{
	subtest "$megabytes MB more than it has" => sub {
		my $prefix = 'large' . ++$turn;
		my $pid = $cluster->worker_pid;
		my $before = length $cluster->log_text;

		bound($pid, address_space($pid) + $megabytes * 1024 * 1024);
		emit_large($prefix, 4);
		# either it is too little, which is reported, or it was enough
		$receiver->wait_for(sub {
				keys %{ $_->ids_received($prefix) } == 4
				  || substr($cluster->log_text, $before) =~ /out of memory/ || waits();
			}, 'the worker has tried');
		note keys %{ $receiver->ids_received($prefix) } == 4 ? 'enough' : 'too little';
		nothing_failed();
		my $now = $cluster->worker_pid;
		bound($now, 'unlimited') if $now eq $pid;
		$receiver->wait_received($prefix, 4);
		$cluster->drained('shop');
		nothing_failed();
	};
}

like($cluster->log_text, qr/out of memory/, 'there was too little memory');
unlike($cluster->log_text, qr/terminated by signal/, 'and no process fell over');
is($receiver->stats->{conflicts}, 0, 'no event changed');
$cluster->stop;
done_testing();
