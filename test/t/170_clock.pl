# A clock that is set back and forth while the server is down: delivery goes on,
# nothing waits for the time that was lost, and what grows old is let go.
#
# libfaketime stands between the server and the clock.  What measures spans
# (waits, time-outs) has the real clock.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($library) = glob('/usr/lib/*/faketime/libfaketime.so.1');

plan skip_all => 'libfaketime is not installed' unless $library;

my $receiver = EcapiReceiver->start;
my $other = EcapiReceiver->start;
my $node = PostgreSQL::Test::Cluster->new('main');

# Start the server anew with a clock that is off by so much.
sub set_clock
{
	my ($offset) = @_;

	$node->stop;
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{FAKETIME} = $offset;
	local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
	local $ENV{DONT_FAKE_MONOTONIC} = 1;
	$node->start;
	return;
}

# Wait until the log of ticks has one that sees the events of a prefix.
sub wait_ticked
{
	my ($prefix) = @_;

	wait_sql($node, "a tick after $prefix is logged", "SELECT ecapi_emit('login', id => 'tick-' || random()) IS NOT NULL"
		  . ' AND EXISTS (SELECT FROM ecapi.tick t WHERE pg_visible_in_snapshot('
		  . "(SELECT max(xid) FROM ecapi.outbox WHERE event->>'id' LIKE '$prefix-%'), t.snapshot))");
	return;
}

$node->init;
$node->append_conf('postgresql.conf', ecapi_settings());
$node->start;
rows($node, 'CREATE EXTENSION ecapi');
create_destination($node, 'shop', $receiver->url('/in'));
create_destination($node, 'slow', $receiver->url('/slow'), options => "linger '500ms'");
create_destination($node, 'down', $other->url('/down'));
emit($node, 'a', 5);
wait_received($other, 'a', 5);
wait_received($receiver, 'a', 5);
wait_delivered($node, $_) for qw(shop slow down);
wait_ticked('a');

subtest 'an hour back' => sub {
	my $before = rows($node, 'SELECT clock_timestamp()');

	$other->stop;
	emit($node, 'down', 3);
	wait_state($node, 'down', 'waiting');
	set_clock('-1h');
	is(rows($node, "SELECT clock_timestamp() < '$before'"), 't', 'the clock is back');
	$other->start_again;
	emit($node, 'b', 5);
	wait_received($receiver, 'b', 5);
	wait_received($other, 'down', 3);
	wait_received($other, 'b', 5);
	wait_delivered($node, $_) for qw(shop slow down);
	pass('no destination waits for the hour: not for its next try, nor to fill a request');
	wait_ticked('b');
	is(rows($node, "SELECT count(*) > 0 FROM ecapi.tick WHERE ticked_at < timestamptz '$before' - interval '50 minutes'"),
		't', 'ticks are logged');
};

subtest 'forty days on' => sub {
	rows($node, "SELECT ecapi.pause('slow')");
	wait_state($node, 'slow', 'paused');
	emit($node, 'c', 5);
	wait_received($other, 'c', 5);
	wait_ticked('c');
	set_clock('+40d');
	wait_sql($node, 'what waited is given up', "SELECT given_up >= 5 FROM ecapi.destination WHERE destination = 'slow'");
	emit($node, 'd', 5);
	wait_received($other, 'd', 5);
	wait_sql($node, 'and what is as old as that is gone',
		"SELECT count(*) = 0 FROM ecapi.outbox WHERE event->>'id' ~ '^[abc]-'");
	rows($node, "SELECT ecapi.resume('slow')");
	wait_delivered($node, 'slow');
	is((grep { $_->{path} eq '/slow' && $_->{id} =~ /^d-/ } $receiver->records), 5, 'a paused one goes on with the new');
	is((grep { $_->{path} eq '/slow' && $_->{id} =~ /^c-/ } $receiver->records), 0, 'without the old');
	like(log_text($node), qr/destination "slow" gave up \d+ events: older than ecapi\.retention_limit/, 'as the log says');
};

subtest 'and back to today' => sub {
	my $before = rows($node, 'SELECT clock_timestamp()');

	set_clock('+0d');
	is(rows($node, "SELECT clock_timestamp() < '$before'"), 't', 'the clock is back');
	emit($node, 'e', 5);
	wait_received($_, 'e', 5) for $receiver, $other;
	wait_delivered($node, $_) for qw(shop slow down);
	is(rows($node, 'SELECT sum(given_up) FROM ecapi.destination WHERE destination <> \'slow\''), 0,
		'who delivers has given up nothing');
};

unlike(log_text($node), qr/was terminated by signal|PANIC|TRAP|ecapi worker failed/, 'nothing has crashed or failed');
$node->stop;
done_testing();
