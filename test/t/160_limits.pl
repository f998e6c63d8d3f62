# The outbox and its limit: without a worker it stops growing and writers go on;
# with one, what a destination does not take is given up before that, counted.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use Test::More;

my $megabyte = 1024 * 1024;

# What stands in the view, as a list.
sub usage
{
	my ($node) = @_;

	return split /\|/, rows($node, 'SELECT bytes, bytes_limit, is_full, dropped FROM ecapi.outbox_use'), -1;
}

# An emit of $count events of some 700 bytes each, as text.
sub many
{
	my ($prefix, $count) = @_;

	return "SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR', id => '$prefix-' || i,"
	  . " properties => jsonb_build_object('transaction_id', i::text, 'coupon', repeat('x', 500))))"
	  . " FROM generate_series(1, $count) i";
}

sub doctor
{
	my ($node, $severity) = @_;

	return rows($node, "SELECT what FROM ecapi.check() WHERE severity = '$severity' AND what ~ 'outbox'");
}

subtest 'no worker at all' => sub {
	my $node = ecapi_node('unloaded', preload => 0, conf => "ecapi.outbox_limit = 4MB\n");

	rows($node, 'CREATE TABLE shop_order (n int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())');
	rows($node, "SELECT ecapi.track('shop_order', 'purchase', mapping => '{\"value\": \"new.n\", \"currency_code\": \"''EUR''\", \"timestamp\": \"at\"}')");
	rows($node, 'INSERT INTO shop_order SELECT generate_series(1, 10)');
	my ($status, $out, $error) = $node->psql('postgres', many('a', 20000));

	is("$status $out", '0 20000', 'an emit beyond the limit returns its ids');
	like($error, qr/WARNING:  outbox is full, events are dropped/, 'with a warning');
	is(scalar(() = $error =~ /outbox is full/g), 1, 'one for all of them');

	my ($bytes, $limit, $full, $dropped) = usage($node);
	my $kept = rows($node, 'SELECT count(*) FROM ecapi.outbox');

	is("$limit $full", 4 * $megabyte . ' t', 'the view says that it is full');
	cmp_ok($bytes, '<', 4.5 * $megabyte, 'the outbox stops growing there');
	cmp_ok($bytes, '>=', 4 * $megabyte, 'and not before');
	is($kept + $dropped, 20010, "each event is kept ($kept) or counted as dropped ($dropped)");

	($status, $out, $error) = $node->psql('postgres', 'INSERT INTO shop_order SELECT generate_series(11, 20)');
	is($status, 0, 'a tracked table is written as ever');
	like($error, qr/outbox is full/, 'with the warning');
	is((usage($node))[3], $dropped + 10, 'its events are counted');
	is(rows($node, "BEGIN; SELECT ecapi_emit('login', id => 'undone') IS NOT NULL; ROLLBACK"), 't', 'one that is rolled back');
	is((usage($node))[3], $dropped + 11, 'is counted, too');
	like(doctor($node, 'error'), qr/ecapi\.outbox_limit is 4096 kB: events are dropped, ${\($dropped + 11)} so far/,
		'the doctor says it is an error');
	like(refused($node, "CALL ecapi.backfill('shop_order', 'purchase', '-infinity')"), qr/outbox is full/,
		'a backfill drops nothing, it stops');

	my $before = (usage($node))[3];
	$node->stop('immediate');
	$node->start;
	($bytes, $limit, $full, $dropped) = usage($node);
	is($full, 't', 'after a crash it is full as before');
	cmp_ok($dropped, '>=', $before, 'and the count is kept');
	cmp_ok($dropped, '<=', $before + 32, 'up to what a sequence may skip');

	$node->append_conf('postgresql.conf', 'ecapi.outbox_limit = 64MB');
	$node->reload;
	wait_sql($node, 'there is room', 'SELECT NOT is_full FROM ecapi.outbox_use');
	my $count = rows($node, 'SELECT count(*) FROM ecapi.outbox');
	emit($node, 'b', 10);
	is(rows($node, 'SELECT count(*) FROM ecapi.outbox'), $count + 10, 'with room events are kept again');
	like(doctor($node, 'warning'), qr/\d+ events were dropped/, 'the doctor remembers');
	rows($node, 'ALTER SEQUENCE ecapi.dropped_seq RESTART');
	is((usage($node))[3], 0, 'until the count is forgotten');
	is(doctor($node, 'warning'), '', 'which ends the warning');
	$node->append_conf('postgresql.conf', 'ecapi.outbox_limit = 0');
	$node->reload;
	wait_sql($node, 'there is no limit', 'SELECT bytes_limit IS NULL FROM ecapi.outbox_use');
	$node->stop;
};

my $receiver = EcapiReceiver->start;

# What a destination has done, as a hash.
sub counts
{
	my ($node, $name) = @_;
	my %counts;

	@counts{qw(delivered filtered failed given_up backlog logged)} = split /\|/, rows($node,
		'SELECT delivered, filtered, failed, given_up, backlog, (SELECT coalesce(sum(events), 0)'
		  . " FROM ecapi.request r WHERE r.destination = d.destination AND r.outcome = 'given_up')"
		  . " FROM ecapi.destination d WHERE destination = '$name'");
	return \%counts;
}

# Wait until the log of ticks has one that sees the events of a prefix; it gets
# one when an event comes, once a second.
sub wait_ticked
{
	my ($node, $prefix) = @_;

	wait_sql($node, "a tick after $prefix is logged", "SELECT ecapi_emit('login', id => 'tick-' || clock_timestamp()) IS NOT NULL"
		  . ' AND EXISTS (SELECT FROM ecapi.tick t WHERE pg_visible_in_snapshot('
		  . "(SELECT max(xid) FROM ecapi.outbox WHERE event->>'id' LIKE '$prefix-%'), t.snapshot))");
	return;
}

sub path_of
{
	my ($path, $prefix) = @_;

	return scalar grep { $_->{path} eq $path && $_->{id} =~ /^$prefix-/ } $receiver->records;
}

subtest 'too old' => sub {
	my $node = ecapi_node('old');

	create_destination($node, 'good', $receiver->url('/good'));
	create_destination($node, 'dead', $receiver->url('/dead/status=503'), options => "batch_size '7'");
	create_destination($node, 'strict', $receiver->url('/strict/status=400'));
	create_destination($node, 'asleep', $receiver->url('/asleep'));
	rows($node, "SELECT ecapi.pause('asleep')");
	emit($node, 'a', 100);
	wait_ticked($node, 'a');
	wait_state($node, 'dead', 'waiting');
	wait_state($node, 'strict', 'stopped');
	wait_state($node, 'asleep', 'paused');

	# a month passes
	rows($node, "UPDATE ecapi.tick SET ticked_at = ticked_at - interval '40 days'");
	my $old = rows($node, 'SELECT count(*) FROM ecapi.outbox');
	emit($node, 'b', 50);
	wait_ticked($node, 'b');
	$node->reload;
	for my $name (qw(dead strict asleep))
	{
		wait_sql($node, "$name gives up", "SELECT given_up > 0 FROM ecapi.destination WHERE destination = '$name'");
		my $c = counts($node, $name);

		is($c->{given_up} + $c->{backlog}, rows($node, 'SELECT count(*) FROM ecapi.outbox'),
			"$name: each event is given up ($c->{given_up}) or waits ($c->{backlog})");
		cmp_ok($c->{given_up}, '<=', $old, "$name: none of the young ones is given up");
		is($c->{logged}, $c->{given_up}, "$name: the request log has the same count");
		like(log_text($node), qr/destination "$name" gave up $c->{given_up} events: older than ecapi\.retention_limit/,
			"$name: so has the server's log");
		like(rows($node, "SELECT what FROM ecapi.check() WHERE what ~ '\"$name\" has given up'"),
			qr/given up $c->{given_up} events/, "$name: so has the doctor");
		like(rows($node, "SELECT string_agg(outcome || ': ' || reason, ', ') FROM ecapi.trace('a-1') WHERE destination = '$name'"),
			qr/given_up: older than ecapi\.retention_limit/, "$name: so has the event's trace");
	}
	wait_delivered($node, 'good');
	is(counts($node, 'good')->{given_up}, 0, 'who delivers gives up nothing');

	rows($node, "ALTER SERVER $_ OPTIONS (SET url '" . $receiver->url("/$_/back") . "')") for qw(dead strict);
	rows($node, "SELECT ecapi.resume('$_')") for qw(dead strict asleep);
	for my $name (qw(dead strict asleep))
	{
		my $path = $name eq 'asleep' ? '/asleep' : "/$name/back";

		wait_delivered($node, $name);
		is(path_of($path, 'a') . ' ' . path_of($path, 'b'), '0 50', "$name: goes on with what is young enough");
	}
	is($receiver->stats->{conflicts}, 0, 'no event changed');

	# no limit of age
	$node->append_conf('postgresql.conf', 'ecapi.retention_limit = 0');
	$node->reload;
	rows($node, "SELECT ecapi.pause('asleep')");
	wait_state($node, 'asleep', 'paused');
	emit($node, 'c', 20);
	wait_ticked($node, 'c');
	rows($node, "UPDATE ecapi.tick SET ticked_at = ticked_at - interval '400 days'");
	my $before = counts($node, 'asleep')->{given_up};
	my $ticks = rows($node, 'SELECT max(tick_id) FROM ecapi.tick');
	$node->reload;
	wait_sql($node, 'the worker has been round', "SELECT ecapi_emit('login') IS NOT NULL AND (SELECT max(tick_id) > $ticks + 1 FROM ecapi.tick)");
	is(counts($node, 'asleep')->{given_up}, $before, 'without a limit of age events wait as long as it takes');
	$node->stop;
};

subtest 'too large' => sub {
	my $limit = 16 * $megabyte;
	my $node = ecapi_node('large', conf => "ecapi.outbox_limit = 16MB\n");
	my ($chunks, $chunk) = (40, 1000);

	create_destination($node, 'good', $receiver->url('/plenty'));
	create_destination($node, 'dead', $receiver->url('/never/status=503'));
	for my $i (1 .. $chunks)
	{
		rows($node, many("l$i", $chunk));
		wait_delivered($node, 'good');
		wait_sql($node, 'there is room', "SELECT bytes < 0.9 * bytes_limit FROM ecapi.outbox_use");
	}
	my ($bytes, undef, $full, $dropped) = usage($node);
	my $c = counts($node, 'dead');

	is("$full $dropped", 'f 0', 'a destination that is down costs nobody an event');
	cmp_ok($bytes, '<', $limit, 'and the outbox stays below its limit');
	is(counts($node, 'good')->{delivered}, $chunks * $chunk, 'the other gets everything');
	cmp_ok($c->{given_up}, '>', 0, 'it gives up what has no room');
	is($c->{given_up} + $c->{backlog}, $chunks * $chunk, "the rest waits: $c->{given_up} given up, $c->{backlog} wait");
	is($c->{logged}, $c->{given_up}, 'what it gave up stands in the request log');
	like(log_text($node), qr/"dead" gave up \d+ events: the outbox was near ecapi\.outbox_limit/, "and in the server's log");
	$node->stop;
};

subtest 'a replay in the way' => sub {
	my $node = ecapi_node('replayed', conf => "ecapi.outbox_limit = 16MB\n");

	create_destination($node, 'good', $receiver->url('/replayed'));
	create_destination($node, 'again', $receiver->url('/again'), options => "event_types 'purchase'");
	rows($node, many('r', 1000));
	wait_delivered($node, $_) for qw(good again);
	rows($node, "ALTER SERVER again OPTIONS (SET url '" . $receiver->url('/again/status=503') . "')");
	rows($node, "SELECT ecapi.replay('again', '-infinity')");
	wait_sql($node, 'the replay waits for its receiver', "SELECT state = 'running' FROM ecapi.replay");
	for my $i (1 .. 30)
	{
		my $emit = many("r$i", 1000);

		# of a type that the destination does not take, so that nothing else pins the ring
		$emit =~ s/'purchase'/'page_view'/;
		rows($node, $emit);
		wait_delivered($node, 'good');
		wait_sql($node, 'there is room', "SELECT bytes < 0.9 * bytes_limit FROM ecapi.outbox_use");
	}
	is((usage($node))[3], 0, 'no event is dropped for a replay');
	is(rows($node, 'SELECT state FROM ecapi.replay'), 'cancelled', 'it is cancelled');
	like(log_text($node), qr/near ecapi\.outbox_limit, 1 replay was cancelled/, "the server's log says so");
	is(counts($node, 'good')->{given_up}, 0, 'the other destination gives up nothing');
	$node->stop;
};

subtest 'nothing needs the room' => sub {
	my $node = ecapi_node('kept', conf => "ecapi.outbox_limit = 8MB\n");

	create_destination($node, 'good', $receiver->url('/kept'));
	for my $i (1 .. 20)
	{
		rows($node, many("k$i", 1000));
		wait_delivered($node, 'good');
		wait_sql($node, 'there is room', "SELECT bytes < 0.9 * bytes_limit FROM ecapi.outbox_use");
	}
	my $c = counts($node, 'good');

	is("$c->{delivered} $c->{given_up} " . (usage($node))[3], '20000 0 0',
		'delivered events that are kept for the retention make room for new ones');
	like(log_text($node), qr/oldest events were removed before ecapi\.retention/, "the server's log says so");
	$node->stop;
};

done_testing();
