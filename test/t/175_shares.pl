# Receivers that never answer take nothing from another that does: memory and
# connections are shared, each destination has its own part.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids many);
use EcapiReceiver;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;

# Connections are accepted by the kernel, and nothing reads what they bring.
my $mute = IO::Socket::INET->new(Listen => 1024, LocalAddr => '127.0.0.1') or die "listen: $!";
my $receiver = EcapiReceiver->start;
my $url = 'http://127.0.0.1:' . $mute->sockport . '/mute';

# Emit PREFIX1 to PREFIXcount, of 10 kB each.
sub emit_large
{
	my ($cluster, $prefix, $count) = @_;

	$cluster->sql(many($prefix, $count, bytes => 10_000));
	return;
}

# Most memory that a process has had, in bytes.
sub peak_of
{
	my ($pid) = @_;

	slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB/m or die "no VmHWM of $pid";
	return 1024 * $1;
}

# One destination beside $mutes that never answer gets $events events while all
# of them still have their first requests outstanding.
sub beside
{
	my ($mutes, $events, %more) = @_;
	my $cluster = EcapiCluster->create(name => "beside$mutes");
	my @mute = map { "mute$_" } 1 .. $mutes;

	emit_large($cluster, 'idle', 1);
	$cluster->destination('first', $receiver->url("/first$mutes"), { data_set_id => "first$mutes" });
	emit_large($cluster, 'idle', 10);
	$cluster->drained('first');
	my $pid = $cluster->worker_pid;
	my $idle = peak_of($pid);

	$cluster->sql(join '', map { $cluster->destination_sql($_, $url, { timeout => '600s' }) } @mute);
	$cluster->destination('last', $receiver->url("/last$mutes"), { data_set_id => "last$mutes" });
	emit_large($cluster, 'a', $events);
	$cluster->wait_row($_, 'backlog = 0') for qw(first last);
	$cluster->all_there($receiver, "last$mutes", [ ids('a', 1, $events) ], 'the last one has all of them');
	is($cluster->sql("SELECT count(*), sum(delivered), min(backlog) FROM ecapi.destination WHERE destination LIKE 'mute%'"),
		"$mutes|0|$events", 'the others have none');
	is($cluster->sql("SELECT count(*) FROM ecapi.request WHERE destination LIKE 'mute%'"), 0,
		'their first requests are outstanding');
	$cluster->wait_sql("(SELECT bool_and(state = 'delivering') FROM ecapi.destination WHERE destination LIKE 'mute%')");
	# with few of them it is a matter of moments whether one asks for more than it may have
	if ($mutes > 100)
	{
		$cluster->wait_sql("(SELECT bool_or(detail = 'waiting for memory that other destinations use')"
			  . " FROM ecapi.destination WHERE destination LIKE 'mute%')");
		pass('one that could do with more says so');
	}
	cmp_ok(peak_of($pid) - $idle, '<=', 64 * 1024 * 1024, 'the memory of the worker is bounded');
	is($cluster->worker_pid, $pid, 'it is the same worker all the time');
	$cluster->stop;
	return;
}

subtest 'nine that never answer' => sub { beside(9, 3000) };
subtest 'two hundred' => sub { beside(200, 500) };

done_testing();
