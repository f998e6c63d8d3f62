# Backfill beside live traffic: a destination that is slow holds it after one
# page, a live event overtakes all pages but that one, a killed backend's backfill
# goes on where it was, nothing is left out and nothing made twice; what is too old
# for a destination is counted there.
#
# The receiver is held by stopping its process (SIGSTOP): then requests are under
# way and unanswered for as long as the test likes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiReceiver;
use IPC::Run ();
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "restart_after_crash = on\n");
my $ROWS = 1000;
my $OLD = 300;
my @running;

# CALL ecapi.backfill() in a process of its own.
sub start_backfill
{
	my ($arguments) = @_;
	my %call = (out => '', err => '');

	$call{handle} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $cluster->connstr('postgres'), '-c', "CALL ecapi.backfill($arguments)" ],
		'<', \undef, '>', \$call{out}, '2>', \$call{err});
	push @running, \%call;
	return \%call;
}

sub wait_notice
{
	my ($call, $like) = @_;

	return $cluster->wait_for(
		sub { eval { $call->{handle}->pump_nb }; return $call->{err} =~ $like }, "a notice like $like");
}

sub end_backfill
{
	my ($call) = @_;

	$cluster->wait_for(sub { eval { $call->{handle}->pump_nb }; return !$call->{handle}->pumpable },
		'the backfill ends');
	eval { $call->{handle}->finish };
	return $call->{err};
}

# Columns of the newest backfill, as text.
sub progress
{
	my ($columns) = @_;

	return $cluster->sql("SELECT $columns FROM ecapi.backfill ORDER BY started_at DESC LIMIT 1");
}

sub count_events
{
	my ($like) = @_;

	return $cluster->sql("SELECT count(*) || ' ' || count(DISTINCT event->>'id') FROM ecapi.outbox"
		  . " WHERE event->>'id' LIKE '$like'");
}

sub hold    { return kill 'STOP', $receiver->pid }
sub let_go  { return kill 'CONT', $receiver->pid }

END
{
	let_go() if $receiver && $receiver->pid;
	for my $call (@running)
	{
		$call->{handle}->kill_kill if $call->{handle} && $call->{handle}->pumpable;
	}
}

# --- a table that was there before the extension was

$cluster->sql(<<"EOSQL");
	CREATE ROLE shop;
	CREATE TABLE orders (id int PRIMARY KEY, total numeric, paid_at timestamptz, divisor int DEFAULT 1);
	ALTER TABLE orders OWNER TO shop;
	INSERT INTO orders SELECT i, i, now() - CASE WHEN i <= $OLD THEN interval '40 days' ELSE interval '1 day' END
	FROM generate_series(1, $ROWS) i;
EOSQL
$cluster->destination('all', $receiver->url('/all'), { max_in_flight => 1, timeout => '10min' });
$cluster->destination('week', $receiver->url('/week'), { max_age => '7d', timeout => '10min' });
$cluster->sql(q{SELECT ecapi.track('orders', 'purchase',
	mapping => '{"value": "total", "currency_code": "''EUR''", "timestamp": "paid_at"}')});
$cluster->wait_row($_, "state = 'idle'") for qw(all week);

# --- held after one page

hold();
my $first = start_backfill("'orders', 'purchase', page_size => 100");
wait_notice($first, qr/waits for destination "(all|week)"/);
is(progress('state, rows_read, events'), 'running|100|100', 'one page is on its way, no second one');
my ($status, undef, $error) = $cluster->try_sql("CALL ecapi.backfill('orders', 'purchase')");
isnt($status, 0, 'a second backfill of the track');
like($error, qr/a backfill of table "orders" by track "ecapi_purchase" is running/, 'is refused');
is($cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE pid = " . progress('pid')
		  . " AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)"),
	0, 'while it waits it holds no snapshot');
$cluster->sql("INSERT INTO orders VALUES (2001, 1, now())");

# --- killed, and resumed

my $pid = progress('pid');
kill 'KILL', $pid;
end_backfill($first);
$cluster->wait_sql("SELECT state = 'running' FROM ecapi.worker()");
is(progress('state, rows_read, pid'), 'interrupted|100|', 'after kill -9 it is interrupted');
my $second = start_backfill("'orders', 'purchase', page_size => 100");
wait_notice($second, qr/goes on after 100 rows/);
$cluster->wait_sql("SELECT rows_read = 200 FROM ecapi.backfill");
wait_notice($second, qr/waits for destination/);
is(progress('state, rows_read'), 'running|200', 'it goes on, and waits behind the next page');

# --- a live event overtakes

$cluster->sql("INSERT INTO orders VALUES (2002, 2, now())");
let_go();
like(end_backfill($second), qr/has ended: 1000 rows read, 1000 events, 0 set aside/, 'it ends');
is(progress('state, rows_read, events, set_aside'), "finished|$ROWS|$ROWS|0", 'and the view says so');
$cluster->drained('all', 'week');
is(count_events('orders:%'), ($ROWS + 2) . ' ' . ($ROWS + 2), 'nothing is left out, nothing made twice');
my @got = map { $_->{id} } grep { $_->{data_set_id} eq 'all' } $receiver->records;
my ($live) = grep { $got[$_] eq 'orders:2002:purchase' } 0 .. $#got;
my ($third_page) = grep { $got[$_] eq 'orders:201:purchase' } 0 .. $#got;
cmp_ok($live, '<', $third_page, 'a live event waits behind one page, not behind all');
$cluster->all_there($receiver, 'all', [ map { "orders:$_:purchase" } 1 .. $ROWS, 2001, 2002 ],
	'everything arrived', repeats => 1);

# --- too old for one of the destinations

my $row = $cluster->row('week');
is("$row->{filtered} $row->{failed}", "$OLD 0", 'what is too old is counted where it is');
is($cluster->sql("SELECT sum(events) FROM ecapi.request WHERE destination = 'week' AND outcome = 'filtered' AND reason = 'expired'"),
	$OLD, 'and stands in its request log');
$cluster->all_there($receiver, 'week', [ map { "orders:$_:purchase" } $OLD + 1 .. $ROWS, 2001, 2002 ],
	'the rest arrived', repeats => 1);

# --- ids are those of live events, and so is every byte

like(end_backfill(start_backfill("'orders', 'purchase', now() - interval '1 hour'")),
	qr/has ended: 2 rows read, 2 events/, 'live rows once more');
is($cluster->sql("SELECT count(*) || ' ' || count(DISTINCT event::text) FROM ecapi.outbox"
		  . " WHERE event->>'id' IN ('orders:2001:purchase', 'orders:2002:purchase')"),
	'4 2', 'make the same events');
$cluster->drained('all');
is($cluster->compare($receiver, 'all', [])->{conflicts}, 0, 'which the receiver knows');

# --- a destination that is paused holds nothing up

$cluster->pause('week');
like(end_backfill(start_backfill("'orders', 'purchase', page_size => 250, restart => true")),
	qr/has ended: 1002 rows read, 1002 events/, 'a paused destination holds nothing up');
cmp_ok($cluster->row('week')->{backlog}, '>=', $ROWS, 'its events wait');
$cluster->resume('week');
$cluster->drained('all', 'week');

# --- nor does delivery that is switched off meanwhile; a rate that was asked for is kept

hold();
my $third = start_backfill("'orders', 'purchase', '-infinity', 'infinity', page_size => 500");
$cluster->wait_sql("SELECT count(*) = 1 FROM ecapi.backfill WHERE rows_read = 500 AND state = 'running'");
$cluster->append_conf('postgresql.conf', 'ecapi.delivery = off');
$cluster->reload;
like(end_backfill($third), qr/has ended: 1002 rows read/, 'switched off, nothing is waited for');
my $slow = start_backfill("'orders', 'purchase', '-infinity', '2100-01-01', events_per_second => 10");
wait_notice($slow, qr/backfill of table "orders": \d+ rows read/);
$pid = progress('pid');
is(progress('rows_read > 0 AND rows_read < 1000'), 't', 'an asked rate is kept');
$cluster->sql("SELECT pg_cancel_backend($pid)");
like(end_backfill($slow), qr/canceling statement/, 'cancelled while it waits');
is(progress('state'), 'interrupted', 'it is interrupted');
let_go();
$cluster->append_conf('postgresql.conf', 'ecapi.delivery = on');
$cluster->reload;
$cluster->drained('all', 'week');

# --- a track that is made again meanwhile is another one

hold();
my $fourth = start_backfill("'orders', 'purchase', '-infinity', '2100-01-02', page_size => 500");
$cluster->wait_sql("SELECT count(*) = 1 FROM ecapi.backfill WHERE rows_read = 500 AND state = 'running'");
$cluster->sql(q{DROP TRIGGER ecapi_purchase ON orders; SELECT ecapi.track('orders', 'purchase',
	mapping => '{"value": "total", "currency_code": "''EUR''", "timestamp": "paid_at"}')});
let_go();
like(end_backfill($fourth), qr/was dropped and made again/, 'a track that is made again ends its backfill');
is(progress('state, sqlstate, rows_read'), 'failed|55000|500', 'which has failed');
like(end_backfill(start_backfill("'orders', 'purchase', '-infinity', '2100-01-02'")),
	qr/goes on after 500 rows.* has ended: 1002 rows/s, 'and goes on when called again');

# --- set aside, fixed, captured again

$cluster->sql(q{ALTER TABLE orders OWNER TO shop; SELECT ecapi.track('orders', 'purchase',
	mapping => '{"value": "new.total / new.divisor", "currency_code": "''EUR''", "timestamp": "paid_at"}')});
$cluster->sql("INSERT INTO orders SELECT i, i, now(), i % 2 FROM generate_series(3001, 3010) i");
is($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE state = 'set_aside'"), 5,
	'what cannot be an event is set aside');
is($cluster->sql("SELECT * FROM ecapi.recapture('orders')"), '5|0|5|0', 'and fails again as long as the mapping is as it was');
$cluster->sql(q{SELECT ecapi.track('orders', 'purchase',
	mapping => '{"value": "total", "currency_code": "''EUR''", "timestamp": "paid_at"}')});
is($cluster->sql("SELECT * FROM ecapi.recapture('orders', track => 'purchase')"), '5|5|0|0', 'fixed, it is captured');
$cluster->drained('all');
my %arrived = map { $_->{id} => 1 } $receiver->records;
is(scalar(grep { $arrived{"orders:$_:purchase"} } 3001 .. 3010), 10, 'and arrives');
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), 0, 'nothing stays behind');

$cluster->stop;
done_testing();
