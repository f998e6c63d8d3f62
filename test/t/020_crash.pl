# kill -9 of the worker, and of the postmaster, in the middle of draining
# 50,000 events: afterwards nothing is missing, and what came a second time came
# under the same id with the same bytes.
#
# The receiver answers slowly, so that "the middle" is one: the kill falls when
# some thousands have arrived and most have not.  Everything waits for a number
# of arrivals, never for a time.  It is slow enough, too, that what the worker
# holds in hand is more than what it sends between two writes of the cursor: a
# cursor that ran ahead of the answers would lose events here.  After the last
# kill it answers at once.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiReceiver;
use Test::More;

my $EVENTS = 50_000;

my $receiver = EcapiReceiver->start(args => [ '--threads', 2 ]);
my $cluster = EcapiCluster->create(conf => "restart_after_crash = on\nfsync = on\n");

# Several events a transaction, some transactions large.
sub emit_all
{
	my ($prefix) = @_;

	$cluster->sql(<<"EOSQL");
		DO \$\$
		DECLARE
			at int := 0;
			n int;
		BEGIN
			WHILE at < $EVENTS LOOP
				n := least(CASE WHEN at % 7 = 0 THEN 3000 ELSE 1 + at % 97 END, $EVENTS - at);
				PERFORM ecapi_emit('purchase', value => i, currency_code => 'EUR',
					id => '$prefix' || i, user_data => '{"email_address": ["ann\@example.com"]}')
				FROM generate_series(at + 1, at + n) i;
				COMMIT;
				at := at + n;
			END LOOP;
		END
		\$\$
EOSQL
	return;
}

sub arrived { return $receiver->stats->{distinct} }

# Pause, emit everything, resume, and wait until the receiver has that many.
sub drain_until
{
	my ($name, $count) = @_;

	$cluster->pause($name);
	emit_all($name);
	my $before = arrived();
	$cluster->resume($name);
	$receiver->wait_for(sub { arrived() - $before >= $count }, "$count events of $name");
	return $before;
}

# The state right after a kill, as a test: it was the middle.
sub was_the_middle
{
	my ($before, $what) = @_;
	my $n = arrived() - $before;

	cmp_ok($n, '<', $EVENTS, "$what: $n of $EVENTS had arrived, the rest had not");
	return;
}

sub check_all
{
	my ($name, $what) = @_;

	$cluster->drained($name);
	my $n = $cluster->all_there($receiver, $name, [ ids($name, 1, $EVENTS) ],
		"$what: missing 0, phantoms 0, conflicts 0", repeats => 1);
	diag "$what: $n->{missing} of $EVENTS missing, $n->{repeats} repeated, "
	  . "$n->{conflicts} repeated with other content";
	cmp_ok($n->{repeats}, '<', $EVENTS / 2, "$what: repeats are few");
	return $n;
}

# --- the worker, twice: while it drains, and again after it came back

$cluster->destination('worker_', $receiver->url('/worker/delay=600'),
	{ batch_size => 500, max_in_flight => 3 });
my $before = drain_until('worker_', 4000);
my $pid = $cluster->worker_pid;
my $postmaster = $cluster->sql('SELECT pg_postmaster_start_time()');

$cluster->kill_worker;
was_the_middle($before, 'worker killed');
$cluster->wait_worker($pid);
$receiver->wait_for(sub { arrived() - $before >= 9_000 }, 'some more');
my $second = $cluster->kill_worker;
isnt($second, $pid, 'another worker delivers');
was_the_middle($before, 'worker killed again');
$cluster->wait_sql('true');
$cluster->alter('worker_', url => $receiver->url('/worker'));
check_all('worker_', 'worker killed twice');
is($cluster->sql('SELECT pg_postmaster_start_time()'), $postmaster,
	'the postmaster lived on');
my $twice = $cluster->row('worker_')->{delivered};
is($twice, $EVENTS, 'the view counts each event once');

# --- the postmaster

$cluster->sql('DROP SERVER worker_');
$cluster->destination('master', $receiver->url('/master/delay=600'),
	{ batch_size => 500, max_in_flight => 3 });
$before = drain_until('master', 4000);
$cluster->crash(sub { was_the_middle($before, 'postmaster killed') });
$cluster->alter('master', url => $receiver->url('/master'));
check_all('master', 'postmaster killed');
is($cluster->row('master')->{delivered}, $EVENTS, 'the view counts each event once');

# --- a transaction that was not flushed when the server died is not sent, and
# one that was sent is there: asynchronous commits under fire

$cluster->sql('DROP SERVER master');
$cluster->sql('CREATE TABLE sold (id text PRIMARY KEY)');
$cluster->destination('async', $receiver->url('/async'), { max_in_flight => 4 });
my $load = $cluster->pgbench_beside(<<'EOSQL', '-c', 4);
\set n random(1, 1000000000000)
BEGIN;
SET LOCAL synchronous_commit = off;
INSERT INTO sold VALUES (:n);
SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => ':n');
COMMIT;
EOSQL
$before = arrived();
$receiver->wait_for(sub { arrived() - $before >= 2000 }, '2000 events of async');
$cluster->crash(sub { $cluster->end_background($load) });
$cluster->drained('async');
my @sold = split /\n/, $cluster->sql('SELECT id FROM sold');
my $n = $cluster->all_there($receiver, 'async', \@sold,
	'asynchronous commits, postmaster killed: missing 0, phantoms 0', repeats => 1);
diag "asynchronous commits: " . $cluster->figures($n);

$cluster->stop;
done_testing();
