# A backlog and an enrichment that is added to it: nothing is read twice, no event
# is enriched twice, and the worker's memory stays within its bounds.  First one
# destination alone; then others drain the same, together as far as they go.
#
# ECAPI_BACKLOG is the number of events (100000).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiReceiver;
use Test::More;

my $EVENTS = $ENV{ECAPI_BACKLOG} // 100_000;

# What the worker may use beyond its idle size.
my $LIMIT_KB = 64 * 1024;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(workers => 1, conf => "track_functions = 'all'\nautovacuum = off\n");

# A value of /proc/PID/status, in kB.
sub status_kb
{
	my ($pid, $key) = @_;

	open(my $file, '<', "/proc/$pid/status") or die "open: $!";
	return (map { /^$key:\s+(\d+)/ ? $1 : () } <$file>)[0];
}

# Private memory of the worker, without the shared buffers it has touched.
sub private_kb { return status_kb($_[0], 'RssAnon') }

sub rows_read
{
	return $cluster->sql('SELECT coalesce(sum(idx_tup_fetch), 0) FROM pg_stat_user_tables'
		  . " WHERE schemaname = 'ecapi' AND relname LIKE 'outbox\\_%'");
}

$cluster->sql(q{
	CREATE ROLE shopkeeper;
	CREATE SCHEMA shop AUTHORIZATION shopkeeper;
	GRANT USAGE ON SCHEMA ecapi TO shopkeeper;
	CREATE TABLE shop.margin (id text PRIMARY KEY, margin numeric NOT NULL);
	ALTER TABLE shop.margin OWNER TO shopkeeper;
	SET ROLE shopkeeper;
	CREATE FUNCTION shop.seen(e ecapi.event) RETURNS numeric LANGUAGE plpgsql STABLE
	AS $$ BEGIN RETURN (SELECT m.margin FROM shop.margin m WHERE m.id = e.id); END $$;
	CREATE FUNCTION shop.last(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb)
	LANGUAGE plpgsql STABLE AS $$ BEGIN END $$;
	CREATE FUNCTION shop.margins(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb)
	LANGUAGE plpgsql STABLE AS $$
	BEGIN
		RETURN QUERY SELECT e.seq, jsonb_build_object('value', shop.seen(e)) FROM unnest(page) e;
	END $$;
});
$cluster->sql("INSERT INTO shop.margin SELECT 'a' || i, i % 100 FROM generate_series(1, $EVENTS) i");
$cluster->sql('ANALYZE shop.margin');
my @expected = (ids('warm', 1, 100), ids('a', 1, $EVENTS));
my @others = qw(two three plain);
my $next = 1;

# Wait until destinations have delivered everything.  Returns the worker's
# highest private memory on the way, in kB.
sub drain
{
	my ($worker, @names) = @_;
	my $peak_kb = 0;

	for my $name (@names)
	{
		$cluster->wait_for(
			sub {
				my $now_kb = private_kb($worker);

				$peak_kb = $now_kb if $now_kb > $peak_kb;
				return $cluster->sql("SELECT delivered >= $EVENTS + 100 FROM ecapi.cursor"
					  . " WHERE destination = '$name'") eq 't';
			},
			"$name has delivered everything");
	}
	return $peak_kb;
}

# Statistics of the worker arrive a little later: wait for those of a further event.
sub settled
{
	my $calls = "(SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'last')";
	my $before = $cluster->sql("SELECT $calls");

	$cluster->emit('z', $next, $next);
	$next++;
	$cluster->wait_sql("$calls > $before");
	return;
}

# How many events the function has seen, of destinations that have nothing left.
sub seen_of
{
	settled();
	$cluster->drained(@_);
	settled();
	$cluster->drained(@_);
	return $cluster->sql("SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'seen'");
}

$cluster->destination($_, $receiver->url("/$_"), { batch_size => 1000 }) for 'one', @others;
$cluster->emit('warm', 1, 100);
$cluster->drained('one', @others);
my $worker = $cluster->worker_pid;
my $idle_kb = private_kb($worker);

# a backlog behind all, and then the enrichment
$cluster->sql("SELECT ecapi.pause(srvname) FROM pg_foreign_server");
$cluster->wait_row($_, "state = 'paused'") for 'one', @others;
my $step = 20_000;
for (my $from = 1; $from <= $EVENTS; $from += $step)
{
	my $to = $from + $step - 1;

	$to = $EVENTS if $to > $EVENTS;
	$cluster->emit('a', $from, $to);
}
$cluster->destination('last', $receiver->url('/last'), { enrich => 'shop.last' });
settled();
$cluster->sql("ALTER SERVER $_ OPTIONS (ADD enrich 'shop.margins')") for qw(one two three);
my $read = rows_read();
$cluster->resume('one');
my $peak_kb = drain($worker, 'one');
my $seen = seen_of('one');
$read = rows_read() - $read;
is($seen, $EVENTS + $next - 1, 'no event was enriched twice');
diag "rows fetched from the outbox: $read";
cmp_ok($read, '<=', 1.05 * $EVENTS + 1000, 'nothing was read twice');
diag "one destination, $EVENTS events: " . ($peak_kb - $idle_kb) . " kB beyond the worker's idle size";
cmp_ok($peak_kb - $idle_kb, '<=', $LIMIT_KB, 'memory stays within its bounds');

$cluster->sql("SELECT ecapi.resume(d) FROM unnest(ARRAY['two', 'three', 'plain']) d");
$peak_kb = drain($worker, @others);
my $more = seen_of('one', @others) - $seen;
diag "three more: " . ($peak_kb - $idle_kb) . " kB, events enriched for two of them: $more";
cmp_ok($peak_kb - $idle_kb, '<=', $LIMIT_KB, 'also with several at once');
cmp_ok($more, '<=', 2 * $EVENTS + 10, 'and none was enriched more often than for each of them');
is($cluster->worker_pid, $worker, 'it was the same worker all the time');

$cluster->all_there($receiver, $_, [ @expected, ids('z', 1, $next - 1) ], "$_: each event arrives, once")
  for 'one', @others;
my %one = map { $_->{id} => $_->{value} } grep { $_->{data_set_id} eq 'one' } $receiver->records;
is(scalar(grep { $one{"a$_"} == $_ % 100 } 1 .. $EVENTS), $EVENTS, 'enriched');
$receiver->stop;
done_testing();
