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

	rows($node, 'CREATE TABLE shop_order (n int PRIMARY KEY)');
	rows($node, "SELECT ecapi.track('shop_order', 'purchase', mapping => '{\"value\": \"new.n\", \"currency_code\": \"''EUR''\"}')");
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

done_testing();
