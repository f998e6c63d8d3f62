# Replay: events of the ring go to one destination again, under the same ids and
# with the same bytes, beside live traffic, which has at least every second
# request.  It survives a kill of the worker and a restart of the server in the
# middle and skips nothing; another destination hears nothing of it.
#
# Nothing here waits for a time: "in the middle" is when the receiver, which
# answers slowly, has some of the events and not all.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "restart_after_crash = on\n");

sub now { return $cluster->sql('SELECT clock_timestamp()') }

sub replay
{
	my ($name, $arguments) = @_;

	return $cluster->sql("SELECT ecapi.replay('$name', $arguments)");
}

sub replay_state { return $cluster->sql("SELECT state FROM ecapi.replay WHERE replay_id = $_[0]") }

sub finished
{
	my ($id) = @_;

	$cluster->wait_sql("(SELECT state = 'finished' FROM ecapi.replay WHERE replay_id = $id)");
	return;
}

sub counts
{
	my ($id) = @_;

	return $cluster->sql('SELECT delivered, filtered, failed, passed_over'
		  . " FROM ecapi.replay WHERE replay_id = $id");
}

# How often each id arrived for a destination.
sub arrivals
{
	my ($name) = @_;
	my %seen;

	for my $record ($receiver->records)
	{
		$seen{ $record->{id} }++ if ($record->{data_set_id} // '') eq $name;
	}
	return \%seen;
}

# A test: every id arrived at least so often, and none with other bytes.
sub arrived
{
	my ($name, $times, $ids, $what) = @_;
	my $seen = arrivals($name);
	my @few = grep { ($seen->{$_} // 0) < $times } @$ids;
	my $figures = $cluster->compare($receiver, $name, $ids);

	is(scalar @few, 0, $what) or diag join ' ', grep { defined } @few[ 0 .. 9 ];
	is($figures->{conflicts}, 0, "$what: the same bytes");
	return;
}

# --- the whole past

my $start = now();

$cluster->destination('shop', $receiver->url('/shop'), { batch_size => 100 });
$cluster->destination('other', $receiver->url('/other'));
$cluster->emit('a', 1, 1000);
$cluster->drained('shop', 'other');
my $middle = now();
$cluster->emit('b', 1, 500);
$cluster->sql("SELECT ecapi_emit('page_view', id => 'view-' || i) FROM generate_series(1, 7) i");
$cluster->drained('shop', 'other');

my @all = (ids('a', 1, 1000), ids('b', 1, 500), ids('view-', 1, 7));
my $id = replay('shop', "since => '$start'");
finished($id);
is(counts($id), '1507|0|0|0', 'all that there is was sent again');
arrived('shop', 2, \@all, 'each event came a second time');
is(scalar(grep { $_ != 2 } values %{ arrivals('shop') }), 0, 'and not a third');
is($cluster->sql("SELECT sum(events) FROM ecapi.request WHERE replay = $id AND outcome = 'delivered'"),
	1507, 'its requests are marked');
is($cluster->row('shop')->{delivered}, 1507, 'the destination counts what is delivered live');

# --- a part of it

$id = replay('shop', "since => '$middle', event_types => 'page_view, purchase'");
finished($id);
like(counts($id), qr/^507\|0\|0\|/, 'since a moment');
$id = replay('shop', "since => '$start', until => '$middle'");
finished($id);
is(counts($id), '1000|0|0|507', 'until a moment');
$id = replay('shop', "since => '$start', event_types => 'page_view'");
finished($id);
is(counts($id), '7|0|0|1500', 'of a type');

# emitted before the moment but committed after it: not in the range; emitted
# after it by a transaction that the tick before it saw running: in the range
$cluster->sql("BEGIN; SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'early');"
	  . " PREPARE TRANSACTION 'early'");
$cluster->emit('c', 1, 3);
$cluster->drained('shop');
my $late = now();
$cluster->sql("COMMIT PREPARED 'early'");
$cluster->emit('d', 1, 3);
$cluster->drained('shop', 'other');
$id = replay('shop', "since => '$late'");
finished($id);
like(counts($id), qr/^3\|0\|0\|/, 'the moment of emission decides');
$id = replay('shop', "since => '$start', until => '$late'");
finished($id);
like(counts($id), qr/^1511\|0\|0\|3$/, 'whenever it was committed');
is(scalar(grep { $_ != 1 } values %{ arrivals('other') }), 0, 'another destination hears nothing of it');

# --- beside live traffic: at most one request of the replay goes ahead; all of them take
# half a minute, much longer than what is done meanwhile

$cluster->alter('shop', url => $receiver->url('/slow/delay=200'), batch_size => 10);
$cluster->sql("ALTER SERVER shop OPTIONS (ADD max_in_flight '1')");
$id = replay('shop', "since => '$start'");
$receiver->wait_for(sub { $_->requests_at('/slow/delay=200') }, 'the replay');
for my $i (1 .. 5)
{
	$cluster->emit("live-$i-", 1, 1);
	$cluster->wait_sql("(SELECT count(*) = 1 FROM ecapi.request WHERE destination = 'shop'"
		  . " AND replay IS NULL AND outcome = 'delivered' AND seqs @>"
		  . " (SELECT seq FROM ecapi.outbox WHERE event->>'id' = 'live-$i-1'))");
}
is(replay_state($id), 'running', 'live events arrive while the replay goes on');
is($cluster->sql(<<"EOSQL"), 5, 'each waited for at most the request under way and one more');
	SELECT count(*)
	FROM ecapi.outbox o JOIN ecapi.request l
		ON l.seqs @> o.seq AND l.destination = 'shop' AND l.replay IS NULL
	WHERE o.event->>'id' LIKE 'live-%'
		AND (SELECT count(*) FROM ecapi.request r
			WHERE r.replay = $id AND r.sent_at > o.emitted_at AND r.sent_at < l.sent_at) <= 1
EOSQL

# --- killed and restarted in the middle

my $slow = sub { scalar(() = $receiver->requests_at('/slow/delay=200')) };
$cluster->wait_worker($cluster->kill_worker);
my $so_far = $slow->();
$receiver->wait_for(sub { $slow->() > $so_far + 5 }, 'the replay to go on');
is(replay_state($id), 'running', 'killed in the middle, it goes on');
$cluster->restart;
$so_far = $slow->();
$receiver->wait_for(sub { $slow->() > $so_far + 5 }, 'the replay to go on');
is(replay_state($id), 'running', 'restarted in the middle, it goes on');
$cluster->stop('immediate');
$cluster->start;
$cluster->alter('shop', url => $receiver->url('/shop'), batch_size => 100);
finished($id);
my %fresh = %{ arrivals('shop') };
my @events = (@all, 'early', ids('c', 1, 3), ids('d', 1, 3));
# live, and four replays (a and b); live, until => late or since => late, and this one
is(scalar(grep { $fresh{$_} < 5 } ids('a', 1, 1000)), 0, 'nothing was skipped (a)');
is(scalar(grep { $fresh{$_} < 5 } ids('b', 1, 500)), 0, 'nothing was skipped (b)');
is(scalar(grep { ($fresh{$_} // 0) < 3 } 'early', ids('c', 1, 3), ids('d', 1, 3)), 0,
	'nothing was skipped (the rest)');
arrived('shop', 1, [ @events, map { "live-$_-1" } 1 .. 5 ], 'after kill and restarts');

# --- one after the other, cancelled, dropped

$cluster->alter('shop', url => $receiver->url('/cancel/delay=20'), batch_size => 10);
my $first = replay('shop', "since => '$start'");
my $second = replay('shop', "since => '$late'");
$receiver->wait_for(sub { $_->requests_at('/cancel/delay=20') }, 'the first replay');
is(replay_state($second), 'waiting', 'the second waits for the first');
is($cluster->sql("SELECT ecapi.cancel_replay('shop', $first)"), 1, 'the first is cancelled');
finished($second);
is(replay_state($first), 'cancelled', 'it stays so');
cmp_ok($cluster->sql("SELECT delivered FROM ecapi.replay WHERE replay_id = $first"), '<', 1511,
	'the rest of it was not sent');
$cluster->pause('shop');
$id = replay('shop', "since => '$start'");
$cluster->emit('clock', 1, 1);
$cluster->drained('other');
isnt(replay_state($id), 'finished', 'paused: no replay');
is($cluster->sql("SELECT ecapi.cancel_replay('shop')"), 1, 'all are cancelled');
$cluster->resume('shop');
$cluster->drained('shop');
is($cluster->sql("SELECT ecapi.cancel_replay('shop')"), 0, 'none is left');

# --- what is rejected in a replay goes to failed_event like any other

$cluster->alter('shop', url => $receiver->url('/picky/reject-if=a500'), batch_size => 100);
$id = replay('shop', "since => '$start', until => '$middle'");
finished($id);
like(counts($id), qr/^999\|0\|1\|/, 'a replayed event that is rejected is counted');
is($cluster->sql("SELECT state FROM ecapi.failed_event WHERE event_id = 'a500'"), 'waiting',
	'and waits for another try');

# --- rotation: of two slots that are past the retention, and disposed of, the
# one that a replay has yet to read stays.  The worker rotates when it starts.

sub old_event
{
	my ($slot) = @_;

	return $cluster->sql('INSERT INTO ecapi.outbox (seq, xid, emitted_at, emitter, slot, event)'
		  . " SELECT nextval('ecapi.outbox_seq'), pg_current_xact_id(), now() - interval '9 days', current_role::regrole,"
		  . " $slot, '{\"event_type\": \"page_view\", \"id\": \"old\", \"timestamp\": 1}'"
		  . ' RETURNING xid');
}

sub rows_in { return $cluster->sql("SELECT count(*) FROM ecapi.outbox_$_[0]") }

sub rotate
{
	my ($empty) = @_;

	$cluster->terminate_worker;
	$cluster->wait_for(sub { (eval { rows_in($empty) } // 1) == 0 }, "slot $empty is emptied");
	return;
}

my $current = $cluster->sql('SELECT max(slot) FROM ecapi.outbox');
my @slots = grep { rows_in($_) == 0 } map { ($current + $_) % 6 } 2 .. 4;
my ($free, $needed) = @slots[ 0, 1 ];
$cluster->sql("ALTER SERVER shop OPTIONS (SET url '" . $receiver->url('/shop') . "')");
my $before = old_event($free);
for (my $i = 1; ; $i++)
{
	last if $cluster->sql("SELECT EXISTS (SELECT FROM ecapi.tick WHERE newest > '$before'"
		  . " AND ticked_at < clock_timestamp())") eq 't';
	$cluster->emit("tick-$i-", 1, 1);
	$cluster->drained('other');
}
my $between = now();
old_event($needed);
$cluster->emit('rotate', 1, 1);
$cluster->drained('shop', 'other');
$cluster->pause('shop');
$id = replay('shop', "since => '$between'");
rotate($free);
is(rows_in($needed), 1, 'a slot that a replay has yet to read is kept');
$cluster->resume('shop');
finished($id);
rotate($needed);
is(rows_in($needed), 0, 'and emptied when the replay is at its end');

# --- gone with its destination

$cluster->pause('shop');
replay('shop', "since => '$start'");

$cluster->sql('DROP SERVER shop CASCADE');
is($cluster->sql("SELECT count(*) FROM ecapi.replay WHERE destination = 'shop'"), 0,
	'replays go with their destination');
$cluster->emit('end', 1, 1);
$cluster->drained('other');

$cluster->stop;
done_testing();
