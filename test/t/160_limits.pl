# The outbox and its limit: without a worker it stops growing and writers go on;
# with one, what a destination does not take is given up before that, counted.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(many);
use EcapiReceiver;
use Test::More;

my $megabyte = 1024 * 1024;

# What stands in the view, as a list.
sub usage
{
	my ($cluster) = @_;

	return split /\|/, $cluster->sql('SELECT bytes, bytes_limit, is_full, dropped FROM ecapi.outbox_use'), -1;
}

subtest 'no worker at all' => sub {
	my $cluster = EcapiCluster->create(name => 'unloaded', preload => 0, conf => "ecapi.outbox_limit = 4MB\n");

	$cluster->sql('CREATE TABLE shop_order (n int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())');
	$cluster->sql("SELECT ecapi.track('shop_order', 'purchase', mapping => '{\"value\": \"new.n\", \"currency_code\": \"''EUR''\", \"timestamp\": \"at\"}')");
	$cluster->sql('INSERT INTO shop_order SELECT generate_series(1, 10)');
	my ($status, $out, $error) = $cluster->try_sql(many('a-', 20000));

	is("$status $out", '0 20000', 'an emit beyond the limit returns its ids');
	like($error, qr/WARNING:  outbox is full, events are dropped/, 'with a warning');
	is(scalar(() = $error =~ /outbox is full/g), 1, 'one for all of them');

	my ($bytes, $limit, $full, $dropped) = usage($cluster);
	my $kept = $cluster->sql('SELECT count(*) FROM ecapi.outbox');

	is("$limit $full", 4 * $megabyte . ' t', 'the view says that it is full');
	cmp_ok($bytes, '<', 4.5 * $megabyte, 'the outbox stops growing there');
	cmp_ok($bytes, '>=', 4 * $megabyte, 'and not before');
	is($kept + $dropped, 20010, "each event is kept ($kept) or counted as dropped ($dropped)");

	($status, $out, $error) = $cluster->try_sql('INSERT INTO shop_order SELECT generate_series(11, 20)');
	is($status, 0, 'a tracked table is written as ever');
	like($error, qr/outbox is full/, 'with the warning');
	is((usage($cluster))[3], $dropped + 10, 'its events are counted');
	is($cluster->sql("BEGIN; SELECT ecapi_emit('login', id => 'undone') IS NOT NULL; ROLLBACK"), 't', 'one that is rolled back');
	is((usage($cluster))[3], $dropped + 11, 'is counted, too');
	like($cluster->doctor('error', 'outbox'), qr/ecapi\.outbox_limit is 4096 kB: events are dropped, ${\($dropped + 11)} so far/,
		'the doctor says it is an error');
	like($cluster->refused("CALL ecapi.backfill('shop_order', 'purchase', '-infinity')"), qr/outbox is full/,
		'a backfill drops nothing, it stops');

	my $before = (usage($cluster))[3];
	$cluster->stop('immediate');
	$cluster->start;
	($bytes, $limit, $full, $dropped) = usage($cluster);
	is($full, 't', 'after a crash it is full as before');
	cmp_ok($dropped, '>=', $before, 'and the count is kept');
	cmp_ok($dropped, '<=', $before + 32, 'up to what a sequence may skip');

	$cluster->append_conf('postgresql.conf', 'ecapi.outbox_limit = 64MB');
	$cluster->reload;
	$cluster->wait_sql('SELECT NOT is_full FROM ecapi.outbox_use', 'there is room');
	my $count = $cluster->sql('SELECT count(*) FROM ecapi.outbox');
	$cluster->emit('b-', 1, 10);
	is($cluster->sql('SELECT count(*) FROM ecapi.outbox'), $count + 10, 'with room events are kept again');
	like($cluster->doctor('warning', 'outbox'), qr/\d+ events were dropped/, 'the doctor remembers');
	$cluster->sql('ALTER SEQUENCE ecapi.dropped_seq RESTART');
	is((usage($cluster))[3], 0, 'until the count is forgotten');
	is($cluster->doctor('warning', 'outbox'), '', 'which ends the warning');
	$cluster->append_conf('postgresql.conf', 'ecapi.outbox_limit = 0');
	$cluster->reload;
	$cluster->wait_sql('SELECT bytes_limit IS NULL FROM ecapi.outbox_use', 'there is no limit');
	$cluster->stop;
};

my $receiver = EcapiReceiver->start;

# What a destination has done, as a hash.
sub counts
{
	my ($cluster, $name) = @_;
	my %counts;

	@counts{qw(delivered filtered failed given_up backlog logged)} = split /\|/, $cluster->sql('SELECT delivered, filtered, failed, given_up, backlog, (SELECT coalesce(sum(events), 0)'
		  . " FROM ecapi.request r WHERE r.destination = d.destination AND r.outcome = 'given_up')"
		  . " FROM ecapi.destination d WHERE destination = '$name'");
	return \%counts;
}

# Wait until the log of ticks has one that sees the events of a prefix; it gets
# one when an event comes, once a second.
sub wait_ticked
{
	my ($cluster, $prefix) = @_;

	$cluster->wait_sql("SELECT ecapi_emit('login', id => 'tick-' || clock_timestamp()) IS NOT NULL"
		  . ' AND EXISTS (SELECT FROM ecapi.tick t WHERE pg_visible_in_snapshot('
		  . "(SELECT max(xid) FROM ecapi.outbox WHERE event->>'id' LIKE '$prefix-%'), t.snapshot))", "a tick after $prefix is logged");
	return;
}

sub path_of
{
	my ($path, $prefix) = @_;

	return scalar grep { $_->{path} eq $path && $_->{id} =~ /^$prefix-/ } $receiver->records;
}

subtest 'too old' => sub {
	my $cluster = EcapiCluster->create(name => 'old');

	$cluster->destination('good', $receiver->url('/good'));
	$cluster->destination('dead', $receiver->url('/dead/status=503'), { batch_size => 7 });
	$cluster->destination('strict', $receiver->url('/strict/status=400'));
	$cluster->destination('asleep', $receiver->url('/asleep'));
	$cluster->sql("SELECT ecapi.pause('asleep')");
	$cluster->emit('a-', 1, 100);
	wait_ticked($cluster, 'a');
	$cluster->wait_state('dead', 'waiting');
	$cluster->wait_state('strict', 'stopped');
	$cluster->wait_state('asleep', 'paused');

	# a month passes
	$cluster->sql("UPDATE ecapi.tick SET ticked_at = ticked_at - interval '40 days'");
	my $old = $cluster->sql('SELECT count(*) FROM ecapi.outbox');
	$cluster->emit('b-', 1, 50);
	wait_ticked($cluster, 'b');
	$cluster->reload;
	for my $name (qw(dead strict asleep))
	{
		$cluster->wait_sql("SELECT given_up > 0 FROM ecapi.destination WHERE destination = '$name'", "$name gives up");
		my $c = counts($cluster, $name);

		is($c->{given_up} + $c->{backlog}, $cluster->sql('SELECT count(*) FROM ecapi.outbox'),
			"$name: each event is given up ($c->{given_up}) or waits ($c->{backlog})");
		cmp_ok($c->{given_up}, '<=', $old, "$name: none of the young ones is given up");
		is($c->{logged}, $c->{given_up}, "$name: the request log has the same count");
		like($cluster->log_text, qr/destination "$name" gave up $c->{given_up} events: older than ecapi\.retention_limit/,
			"$name: so has the server's log");
		like($cluster->sql("SELECT what FROM ecapi.check() WHERE what ~ '\"$name\" has given up'"),
			qr/given up $c->{given_up} events/, "$name: so has the doctor");
		like($cluster->sql("SELECT string_agg(outcome || ': ' || reason, ', ') FROM ecapi.trace('a-1') WHERE destination = '$name'"),
			qr/given_up: older than ecapi\.retention_limit/, "$name: so has the event's trace");
	}
	$cluster->drained('good');
	is(counts($cluster, 'good')->{given_up}, 0, 'who delivers gives up nothing');

	$cluster->sql("ALTER SERVER $_ OPTIONS (SET url '" . $receiver->url("/$_/back") . "')") for qw(dead strict);
	$cluster->resume($_) for qw(dead strict asleep);
	for my $name (qw(dead strict asleep))
	{
		my $path = $name eq 'asleep' ? '/asleep' : "/$name/back";

		$cluster->drained($name);
		is(path_of($path, 'a') . ' ' . path_of($path, 'b'), '0 50', "$name: goes on with what is young enough");
	}
	is($receiver->stats->{conflicts}, 0, 'no event changed');

	# no limit of age
	$cluster->append_conf('postgresql.conf', 'ecapi.retention_limit = 0');
	$cluster->reload;
	$cluster->pause('asleep');
	$cluster->emit('c-', 1, 20);
	wait_ticked($cluster, 'c');
	$cluster->sql("UPDATE ecapi.tick SET ticked_at = ticked_at - interval '400 days'");
	my $before = counts($cluster, 'asleep')->{given_up};
	my $ticks = $cluster->sql('SELECT max(tick_id) FROM ecapi.tick');
	$cluster->reload;
	$cluster->wait_sql("SELECT ecapi_emit('login') IS NOT NULL AND (SELECT max(tick_id) > $ticks + 1 FROM ecapi.tick)", 'the worker has been round');
	is(counts($cluster, 'asleep')->{given_up}, $before, 'without a limit of age events wait as long as it takes');
	$cluster->stop;
};

subtest 'too large' => sub {
	my $limit = 16 * $megabyte;
	my $cluster = EcapiCluster->create(name => 'large', conf => "ecapi.outbox_limit = 16MB\n");
	my ($chunks, $chunk) = (40, 1000);

	$cluster->destination('good', $receiver->url('/plenty'));
	$cluster->destination('dead', $receiver->url('/never/status=503'));
	for my $i (1 .. $chunks)
	{
		$cluster->sql(many("l$i-", $chunk));
		$cluster->drained('good');
		$cluster->wait_sql("SELECT bytes < 0.9 * bytes_limit FROM ecapi.outbox_use", 'there is room');
	}
	my ($bytes, undef, $full, $dropped) = usage($cluster);
	my $c = counts($cluster, 'dead');

	is("$full $dropped", 'f 0', 'a destination that is down costs nobody an event');
	cmp_ok($bytes, '<', $limit, 'and the outbox stays below its limit');
	is(counts($cluster, 'good')->{delivered}, $chunks * $chunk, 'the other gets everything');
	cmp_ok($c->{given_up}, '>', 0, 'it gives up what has no room');
	is($c->{given_up} + $c->{backlog}, $chunks * $chunk, "the rest waits: $c->{given_up} given up, $c->{backlog} wait");
	is($c->{logged}, $c->{given_up}, 'what it gave up stands in the request log');
	like($cluster->log_text, qr/"dead" gave up \d+ events: the outbox was near ecapi\.outbox_limit/, "and in the server's log");
	$cluster->stop;
};

subtest 'a replay in the way' => sub {
	my $cluster = EcapiCluster->create(name => 'replayed', conf => "ecapi.outbox_limit = 16MB\n");

	$cluster->destination('good', $receiver->url('/replayed'));
	$cluster->destination('again', $receiver->url('/again'), { event_types => 'purchase' });
	$cluster->sql(many('r-', 1000));
	$cluster->drained(qw(good again));
	$cluster->sql("ALTER SERVER again OPTIONS (SET url '" . $receiver->url('/again/status=503') . "')");
	$cluster->sql("SELECT ecapi.replay('again', '-infinity')");
	$cluster->wait_sql("SELECT state = 'running' FROM ecapi.replay", 'the replay waits for its receiver');
	for my $i (1 .. 30)
	{
		# of a type that the destination does not take, so that nothing else pins the ring
		$cluster->sql(many("r$i-", 1000, type => 'page_view'));
		$cluster->drained('good');
		$cluster->wait_sql("SELECT bytes < 0.9 * bytes_limit FROM ecapi.outbox_use", 'there is room');
	}
	is((usage($cluster))[3], 0, 'no event is dropped for a replay');
	is($cluster->sql('SELECT state FROM ecapi.replay'), 'cancelled', 'it is cancelled');
	like($cluster->log_text, qr/near ecapi\.outbox_limit, 1 replay was cancelled/, "the server's log says so");
	is(counts($cluster, 'good')->{given_up}, 0, 'the other destination gives up nothing');
	$cluster->stop;
};

subtest 'nothing needs the room' => sub {
	my $cluster = EcapiCluster->create(name => 'kept', conf => "ecapi.outbox_limit = 8MB\n");

	$cluster->destination('good', $receiver->url('/kept'));
	for my $i (1 .. 20)
	{
		$cluster->sql(many("k$i-", 1000));
		$cluster->drained('good');
		$cluster->wait_sql("SELECT bytes < 0.9 * bytes_limit FROM ecapi.outbox_use", 'there is room');
	}
	my $c = counts($cluster, 'good');

	is("$c->{delivered} $c->{given_up} " . (usage($cluster))[3], '20000 0 0',
		'delivered events that are kept for the retention make room for new ones');
	like($cluster->log_text, qr/oldest events were removed before ecapi\.retention/, "the server's log says so");
	$cluster->stop;
};

done_testing();
