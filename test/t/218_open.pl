# A transaction that is left open, or prepared, and holds a cursor or a replay, or has
# yet to commit one: the ring turns, nobody's events are dropped for it, and when it
# commits its destination has every event since.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids many);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(
	conf => "autovacuum = off\necapi.retention = '1min'\necapi.outbox_limit = '16MB'\n");

# About 1.5 megabytes of events, in one transaction.
sub fill
{
	my ($prefix) = @_;

	return $cluster->sql(many($prefix, 1000, bytes => 700));
}

sub dropped { return $cluster->sql('SELECT dropped FROM ecapi.outbox_use') }

# Emit some 20 megabytes, more than the outbox may hold: it must be emptied on the way.
sub turn
{
	my ($prefix, $what) = @_;

	for my $i (1 .. 14)
	{
		fill("$prefix$i-");
		$cluster->wait_row('live', "state IN ('idle', 'delivering') AND backlog = 0");
		$cluster->wait_sql('SELECT bytes < 0.9 * bytes_limit FROM ecapi.outbox_use');
	}
	is(dropped(), 0, "$what: no event is dropped");
	return;
}

$cluster->destination('live', $receiver->url('/live'));
fill('warm-');
$cluster->wait_row('live', 'backlog = 0 AND delivered = 1000');

my %open = (
	'CREATE SERVER' => $cluster->destination_sql('late', $receiver->url('/late')),
	'ALTER SERVER RENAME' => 'ALTER SERVER live RENAME TO other',
	'DROP SERVER' => 'DROP SERVER live CASCADE',
	'ecapi.replay' => "SELECT ecapi.replay('live', '-infinity')",
	'ecapi.resume' => "SELECT ecapi.resume('live')",
);

for my $what (sort keys %open)
{
	my $session = $cluster->background_psql('postgres');

	$session->query_safe('SET client_min_messages = warning; BEGIN');
	$session->query_safe($open{$what});
	turn($what =~ s/\W/-/gr, $what);
	$session->query_safe('ROLLBACK');
	$session->quit;
}

# prepared
$cluster->sql("BEGIN; ALTER SERVER live RENAME TO other; PREPARE TRANSACTION 'rename'");
turn('prepared', 'a prepared ALTER SERVER RENAME');
$cluster->sql("ROLLBACK PREPARED 'rename'");
$cluster->wait_row('live', "state = 'idle'");
is($cluster->sql('SELECT count(*) FROM ecapi.cursor'), 1, 'one cursor');
my $more = 0;
$cluster->wait_for(
	sub {
		$more++;
		$cluster->emit('more', $more, $more);
		return $cluster->sql('SELECT count(*) FROM ecapi.cursor_row') == 1;
	}, 'the row that was held is deleted');

$cluster->stop;

# A transaction that has read the outbox is in the way of every slot.  A destination
# that is down keeps what waits for it: without room to be won nothing is given up.
# With the transaction all is as it was.
my $reader = EcapiCluster->create(
	name => 'reader', conf => "autovacuum = off\necapi.retention = '1min'\necapi.outbox_limit = '16MB'\n");

$reader->destination('down', $receiver->url('/down'));
$reader->sql("SELECT ecapi.pause('down')");
my $session = $reader->background_psql('postgres');
$session->query_safe('BEGIN; SELECT count(*) FROM ecapi.outbox');
my $filled = 0;
$reader->wait_for(
	sub {
		$filled++;
		$reader->sql(many("fill$filled-", 1000, bytes => 700));
		return $reader->log_text =~ /outbox is near ecapi\.outbox_limit and cannot be emptied/;
	}, 'the outbox cannot be emptied');
is($reader->sql("SELECT given_up FROM ecapi.destination WHERE destination = 'down'"), 0,
	'nothing is given up while a reader is in the way');
like($reader->sql("SELECT string_agg(what, ' ') FROM ecapi.check()"),
	qr/cannot be emptied while .* are open: process \d+, open since/, 'ecapi.check() names the process');
$session->query_safe('COMMIT');
$session->quit;
$reader->wait_row('down', 'given_up > 0');
$reader->wait_sql('SELECT bytes < 0.9 * bytes_limit FROM ecapi.outbox_use');
pass('when it has ended there is room again');
$reader->stop;

# A destination that a prepared transaction creates: the ring turns, a crash does not
# matter, and it has every event since, no other.
my $ring = EcapiCluster->create(name => 'ring', conf => "autovacuum = off\necapi.retention = '8s'\n");
my $gaps = 0;
my $slot = sub { return $ring->sql("SELECT max(slot) FROM ecapi.outbox WHERE event->>'id' = '$_[0]'") };

$ring->destination('live', $receiver->url('/ring'));
$ring->emit('before', 1, 10);
# What comes after the prepared transaction begins has a slot of its own: a single
# event of it would keep the others in their slot, rightly.
$ring->wait_for(
	sub {
		$gaps++;
		$ring->emit('gap', $gaps, $gaps);
		return $slot->("gap$gaps") != $slot->('before10');
	}, 'the next slot is in use');
$ring->drained('live');
$ring->sql('BEGIN;' . $ring->destination_sql('late', $receiver->url('/late'))
	  . "PREPARE TRANSACTION 'late'");
$ring->emit('since', 1, 10);
$ring->drained('live');
$ring->stop('immediate');
$ring->start;
$ring->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.outbox WHERE event->>'id' LIKE 'before%')");
pass('a prepared CREATE SERVER: the slot before it is emptied');

# twice the retention: without the destination they would be gone
$ring->wait_sql("SELECT max(emitted_at) < clock_timestamp() - interval '16 s' FROM ecapi.outbox"
	  . " WHERE event->>'id' LIKE 'since%'");
is($ring->sql("SELECT count(*) FROM ecapi.outbox WHERE event->>'id' LIKE 'since%'"), 10,
	'what the destination is to have stays');
$ring->sql("COMMIT PREPARED 'late'");
$ring->drained('late');
my %arrived = map { $_->{id} => 1 } grep { $_->{path} eq '/late' } $receiver->records;
is(scalar(grep { $arrived{$_} } ids('since', 1, 10)), 10, 'it has all that committed since');
is(scalar(grep { /^before/ } keys %arrived), 0, 'and nothing from before');
$ring->stop;

done_testing();
