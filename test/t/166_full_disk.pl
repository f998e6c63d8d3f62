# A disk that is full: statements fail as any INSERT would, the worker says what
# is wrong and sends nothing that it cannot record; with room again all goes on.
#
# The disk is a limit on the size of a file (ulimit -f), which the server meets
# where it would meet the end of a disk: when it extends a file.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $megabytes = 8;

# A server whose files are limited for as long as $limited is set.
my $node = PostgreSQL::Test::Cluster->new('main');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $path = $ENV{PATH};
my ($pg_ctl) = grep { -x $_ } map { "$_/pg_ctl" } split /:/, $path;

open(my $script, '>', "$folder/pg_ctl") or die "open: $!";
print $script "#!/bin/bash\nulimit -f " . $megabytes * 1024 . "\nexec '$pg_ctl' \"\$@\"\n";
close $script or die "close: $!";
chmod 0755, "$folder/pg_ctl";

sub restart
{
	my ($limited) = @_;

	$node->stop;
	local $ENV{PATH} = $limited ? "$folder:$path" : $path;
	$node->start;
	return;
}

sub many
{
	my ($prefix, $count) = @_;

	return "SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR', id => '$prefix-' || i,"
	  . " properties => jsonb_build_object('transaction_id', i::text, 'coupon', repeat('x', 500))))"
	  . " FROM generate_series(1, $count) i";
}

my $receiver = EcapiReceiver->start;

$node->init(extra => ['--wal-segsize=1']);
$node->append_conf('postgresql.conf', ecapi_settings());
$node->start;
rows($node, 'CREATE EXTENSION ecapi');
create_destination($node, 'shop', $receiver->url('/in'));
emit($node, 'a', 10);
wait_received($receiver, 'a', 10);
wait_delivered($node, 'shop');

subtest 'no room for the outbox' => sub {
	restart(1);
	my $pid = rows($node, 'SELECT pg_postmaster_start_time()');
	my $error = refused($node, many('b', 30000), name => 'an emit that does not fit');

	like($error, qr/could not (extend|write).*File too large/, 'says why');
	is(rows($node, 'SELECT count(*) FROM ecapi.outbox'), 10, 'it leaves nothing behind');
	$error = refused($node, "CREATE TABLE shop_order (n int); INSERT INTO shop_order VALUES (1);" . many('c', 3000),
		name => 'so does each later one');
	is(rows($node, 'SELECT pg_postmaster_start_time()'), $pid, 'the server goes on');
	is(rows($node, "SELECT state FROM ecapi.worker()"), 'running', 'so does the worker');
	restart(0);
	emit($node, 'd', 10);
	wait_received($receiver, 'd', 10);
	wait_delivered($node, 'shop');
	is(scalar(keys %{ ids_received($receiver) }), 20, 'what was rolled back is not sent');
};

subtest "no room for the worker's own tables" => sub {
	my $slot = rows($node, 'SELECT max(slot) FROM ecapi.outbox');

	restart(1);
	rows($node, 'ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf()');
	rows($node, 'CREATE TABLE filler AS SELECT * FROM ecapi.request LIMIT 1');

	# filled until not even a row like the worker's has room
	for my $count (5000, 1)
	{
		my $full = 0;

		until ($full)
		{
			my ($status, undef, $error) = $node->psql('postgres', 'INSERT INTO ecapi.request'
				  . ' SELECT request_id, sent_at, latency_ms, events, attempt, status,'
				  . " $slot, server, 'filler', outcome, reason, error, receiver_request_id, seqs, replay, retried"
				  . " FROM filler, generate_series(1, $count)", on_error_stop => 1);

			$full = $status != 0;
			die $error if $full && $error !~ /File too large/;
		}
	}
	emit($node, 'e', 10);
	wait_sql($node, 'the worker says why', "SELECT message ~ 'could not (extend|write)' FROM ecapi.worker()");
	like(rows($node, "SELECT what FROM ecapi.check() WHERE severity = 'error'"),
		qr/the worker fails and tries again: could not (extend|write)/, 'so does the doctor');
	my $pid = rows($node, 'SELECT pid FROM ecapi.worker()');
	my $sent = scalar($receiver->requests);

	# each try is a line in the log
	my $tries = sub { return scalar(() = log_text($node) =~ /ecapi worker failed and will try again/g) };
	my $before = $tries->();

	emit($node, 'f', 10);
	wait_sql($node, "it has tried again", "SELECT true") until $tries->() > $before + 2;
	is(rows($node, 'SELECT pid FROM ecapi.worker()'), $pid, 'it is the same process');
	is(scalar($receiver->requests), $sent, 'what cannot be recorded is not sent');
	restart(0);
	wait_received($receiver, 'f', 10);
	wait_received($receiver, 'e', 10);
	wait_delivered($node, 'shop');
	is($receiver->stats->{conflicts}, 0, 'what was sent again has the same bytes');
};

unlike(log_text($node), qr/was terminated by signal|PANIC|TRAP/, 'nothing has crashed');
$node->stop;
done_testing();
