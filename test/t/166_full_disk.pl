# A disk that is full: statements fail as any INSERT would, the worker says what
# is wrong and sends nothing that it cannot record; with room again all goes on.
#
# The disk is a limit on the size of a file (ulimit -f), which the server meets
# where it would meet the end of a disk: when it extends a file.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(many);
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $megabytes = 8;

my $cluster = EcapiCluster->create(init => [ extra => ['--wal-segsize=1'] ]);
my $folder = PostgreSQL::Test::Utils::tempdir();
my $path = $ENV{PATH};
my ($pg_ctl) = grep { -x $_ } map { "$_/pg_ctl" } split /:/, $path;

open(my $script, '>', "$folder/pg_ctl") or die "open: $!";
print $script "#!/bin/bash\nulimit -f " . $megabytes * 1024 . "\nexec '$pg_ctl' \"\$@\"\n";
close $script or die "close: $!";
chmod 0755, "$folder/pg_ctl";

# Start it again, with its files limited or not.
sub restart
{
	my ($limited) = @_;

	$cluster->stop;
	local $ENV{PATH} = $limited ? "$folder:$path" : $path;
	$cluster->start;
	return;
}

my $receiver = EcapiReceiver->start;

$cluster->destination('shop', $receiver->url('/in'));
$cluster->delivers($receiver, 'shop', 'a', 10);

subtest 'no room for the outbox' => sub {
	restart(1);
	my $pid = $cluster->sql('SELECT pg_postmaster_start_time()');
	my $error = $cluster->refused(many('b-', 30000), 'an emit that does not fit');

	like($error, qr/could not (extend|write).*File too large/, 'says why');
	is($cluster->sql('SELECT count(*) FROM ecapi.outbox'), 10, 'it leaves nothing behind');
	$error = $cluster->refused("CREATE TABLE shop_order (n int); INSERT INTO shop_order VALUES (1);" . many('c-', 3000), 'so does each later one');
	is($cluster->sql('SELECT pg_postmaster_start_time()'), $pid, 'the server goes on');
	is($cluster->sql("SELECT state FROM ecapi.worker()"), 'running', 'so does the worker');
	restart(0);
	$cluster->delivers($receiver, 'shop', 'd', 10);
	is(scalar(keys %{ $receiver->ids_received }), 20, 'what was rolled back is not sent');
};

subtest "no room for the worker's own tables" => sub {
	my $slot = $cluster->sql('SELECT max(slot) FROM ecapi.outbox');

	restart(1);
	$cluster->sql('ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf()');
	$cluster->sql('CREATE TABLE filler AS SELECT * FROM ecapi.request LIMIT 1');

	# filled until not even a row like the worker's has room
	for my $count (5000, 1)
	{
		my $full = 0;

		until ($full)
		{
			my ($status, undef, $error) = $cluster->try_sql('INSERT INTO ecapi.request'
				  . ' SELECT request_id, sent_at, latency_ms, events, attempt, status,'
				  . " $slot, server, 'filler', outcome, reason, error, receiver_request_id, seqs, replay, retried"
				  . " FROM filler, generate_series(1, $count)");

			$full = $status != 0;
			die $error if $full && $error !~ /File too large/;
		}
	}
	$cluster->emit('e-', 1, 10);
	$cluster->wait_sql("SELECT message ~ 'could not (extend|write)' FROM ecapi.worker()", 'the worker says why');
	like($cluster->sql("SELECT what FROM ecapi.check() WHERE severity = 'error'"),
		qr/the worker fails and tries again: could not (extend|write)/, 'so does the doctor');
	my $pid = $cluster->worker_pid;
	my $sent = scalar($receiver->requests);

	$cluster->emit('f-', 1, 10);
	$cluster->wait_turns(3);
	is($cluster->worker_pid, $pid, 'it is the same process');
	is(scalar($receiver->requests), $sent, 'what cannot be recorded is not sent');
	restart(0);
	$receiver->wait_received('f', 10);
	$receiver->wait_received('e', 10);
	$cluster->drained('shop');
	is($receiver->stats->{conflicts}, 0, 'what was sent again has the same bytes');
};

unlike($cluster->log_text, qr/was terminated by signal|PANIC|TRAP/, 'nothing has crashed');
$cluster->stop;
done_testing();
