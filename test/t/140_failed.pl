# Failed events: an event that is rejected alone, or on which the receiver
# fails, goes to failed_event and is tried again on its own schedule, while its
# neighbours pass.  It is delivered when the receiver takes it, and dead when
# its time is over.  Operators retry, discard, and get a destination going that
# stopped because its receiver rejects everything.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids literal);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

# State, reason and attempts of the failed events of a destination, by id.
sub failed
{
	my ($name) = @_;

	return $cluster->sql("SELECT string_agg(concat_ws(' ', event_id, state, reason), E'\\n'"
		  . " ORDER BY seq) FROM ecapi.failed_event WHERE destination = " . literal($name));
}

sub emit
{
	my (@ids) = @_;

	return $cluster->sql('BEGIN;'
		  . join('', map { "SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => "
				  . literal($_) . ');' } @ids) . 'COMMIT;');
}

sub records_of
{
	my ($name, $id) = @_;

	return grep { ($_->{data_set_id} // '') eq $name && $_->{id} eq $id } $receiver->records;
}

# --- rejected, waiting, delivered when the receiver takes it

my $before;

$cluster->destination('shop', $receiver->url('/shop/reject-if=poison'));
emit('a1', 'poison-1', 'a2', 'a3');
$cluster->drained('shop');
is(failed('shop'), 'poison-1 waiting rejected by the receiver', 'a rejected event waits');
is($cluster->sql("SELECT failed_waiting, failed_dead, failed_next_try > now()"
		  . " AND failed_next_try < now() + interval '2 minutes'"
		  . " FROM ecapi.destination WHERE destination = 'shop'"), '1|0|t',
	'the view counts it and tells its next try');
like($cluster->sql("SELECT what FROM ecapi.check() WHERE what LIKE '%failed on events%'"),
	qr/"shop" has failed on events: 1 wait for another try, 0 are dead/, 'the doctor tells');
is($cluster->sql("SELECT ecapi.retry('shop')"), 1, 'retry takes one');
$cluster->wait_sql("(SELECT attempts >= 2 FROM ecapi.failed_event WHERE event_id = 'poison-1')");
is(failed('shop'), 'poison-1 waiting rejected by the receiver', 'rejected again, it waits again');
emit('a4');
$cluster->drained('shop');
$cluster->all_there($receiver, 'shop', [qw(a1 a2 a3 a4)], 'its neighbours are delivered, once each');

$cluster->alter('shop', url => $receiver->url('/shop/fixed'));
$cluster->sql("SELECT ecapi.retry('shop', 'poison-1')");
$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.failed_event WHERE destination = 'shop')");
$cluster->all_there($receiver, 'shop', [qw(a1 a2 a3 a4 poison-1)], 'taken at last, it is delivered');
is($cluster->sql("SELECT r.events, r.outcome, r.seqs @> o.seq FROM ecapi.request r, ecapi.outbox o"
		  . " WHERE r.destination = 'shop' AND r.retried AND o.event->>'id' = 'poison-1'"
		  . " ORDER BY r.request_id DESC LIMIT 1"), '1|delivered|t', 'the request log tells of it');
my $row = $cluster->row('shop');
is("$row->{delivered} $row->{failed}", '5 1', 'counts: delivered in the end, failed once');

# --- several at a time: bisected, each on its own

$cluster->alter('shop', url => $receiver->url('/several/reject-if=poison'));
emit('b1', map { ("poison-b$_", "bitter-b$_") } 1 .. 6);
$cluster->drained('shop');
$cluster->wait_row('shop', 'failed_waiting = 6');
$cluster->alter('shop', url => $receiver->url('/several/reject-if=b3'));
$cluster->sql("SELECT ecapi.retry('shop')");
$cluster->wait_row('shop', 'failed_waiting = 1');
is(failed('shop'), 'poison-b3 waiting rejected by the receiver', 'of several, those that are taken go');
cmp_ok((sort { $b <=> $a } map { $_->{events} } $receiver->requests_at('/several/reject-if=b3'))[0],
	'>', 1, 'several failed events share a request');
my $n = $cluster->compare($receiver, 'shop', [ 'b1', map { ("poison-b$_", "bitter-b$_") } 1, 2, 4, 5, 6 ]);
is($n->{missing}, 0, 'all of those are there');

# --- discard

is($cluster->sql("SELECT ecapi.discard('shop', until => now() - interval '1 hour')"), 0,
	'discard: what failed later stays');
is($cluster->sql("SELECT ecapi.discard('shop', event_id => 'another')"), 0, 'discard: another id stays');
is($cluster->sql("SELECT ecapi.discard('shop')"), 1, 'discard tells how many');
is(failed('shop'), '', 'discarded');

# --- what capture set aside can be neither discarded nor retried

$cluster->sql("SET ecapi.on_error = set_aside; SELECT ecapi_emit('purchase', id => 'aside', value => 1)");
my $aside = $cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE state = 'set_aside'");
cmp_ok($aside, '>', 0, 'an event was set aside');
$cluster->sql("SELECT ecapi.retry('shop'), ecapi.discard('shop')");
is($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE state = 'set_aside'"), $aside,
	'set-aside events are not touched');

# --- dead when its time is over

$cluster->destination('brief', $receiver->url('/brief/reject-if=poison'), { retry_for => '1s' });
emit('c1', 'poison-c', 'c2');
$cluster->wait_row('brief', 'failed_dead = 1 AND failed_waiting = 0');
is($cluster->sql("SELECT attempts >= 2, next_try IS NULL FROM ecapi.failed_event"
		  . " WHERE destination = 'brief'"), 't|t', 'dead after its last try');
$cluster->alter('brief', url => $receiver->url('/brief/fixed'));
$cluster->sql("SELECT ecapi.retry('brief')");
$cluster->wait_row('brief', 'failed_dead = 0 AND failed_waiting = 0');
$cluster->all_there($receiver, 'brief', [qw(c1 c2 poison-c)], 'a dead one can be tried again');

# too large, it is dead at once
$cluster->alter('brief', url => $receiver->url('/brief/max-bytes=2000'));
$cluster->sql("SELECT ecapi_emit('purchase', value => i, currency_code => 'EUR', id => 'size-' || i,"
	  . " properties => jsonb_build_object('search_term', repeat('x', 3000 * i))) FROM generate_series(0, 1) i");
$cluster->wait_row('brief', 'failed_dead = 1');
is(failed('brief'), 'size-1 dead too large for the receiver', 'too large: dead at once');
$cluster->sql('DROP SERVER brief CASCADE');

# --- an event on which the receiver fails, instead of rejecting it

$cluster->destination('cruel', $receiver->url('/cruel/fail-if=poison'), { max_in_flight => 1 });
emit('d1', 'poison-d', map { "d$_" } 2 .. 20);
$cluster->wait_row('cruel', "failed_waiting = 1 AND backlog = 0 AND state = 'idle'");
is(failed('cruel'), 'poison-d waiting the receiver fails on it', 'what the receiver fails on waits');
$cluster->all_there($receiver, 'cruel', [ map { "d$_" } 1 .. 20 ], 'its neighbours are delivered');
$before = $receiver->requests_at('/cruel/fail-if=poison');
$cluster->sql("SELECT ecapi.retry('cruel')");
$cluster->wait_sql("(SELECT attempts > 6 OR next_try > now() FROM ecapi.failed_event WHERE destination = 'cruel')"
	  . " AND (SELECT count(*) FROM ecapi.request WHERE destination = 'cruel' AND retried) > 0");
emit('d21');
$cluster->drained('cruel');
is($cluster->row('cruel')->{next_try}, '', 'failing again, it holds up nothing');
$cluster->sql('DROP SERVER cruel CASCADE');

# --- rate_limit: a burst of one request, and the next one later than any test

$cluster->destination('measured', $receiver->url('/measured'), { batch_size => 1, rate_limit => '0.001' });
emit(map { "m$_" } 1 .. 3);
$cluster->wait_row('measured', 'delivered = 1 AND backlog = 2');
emit('m4');
$cluster->drained('shop');
is(scalar $receiver->requests_at('/measured'), 1, 'rate_limit: what is beyond it waits');
$cluster->alter('measured', rate_limit => '0');
$cluster->drained('measured');
is(scalar $receiver->requests_at('/measured'), 4, 'without it all is sent');
$cluster->sql('DROP SERVER measured CASCADE');

# --- a receiver that rejects everything there is

$cluster->destination('picky', $receiver->url('/picky/reject-if=poison'));
emit(map { "poison-e$_" } 1 .. 3);
$cluster->stopped('picky', '%rejects every event%400%');
is(failed('picky'), '', 'stopped: nobody is blamed');
my $stopped_at = $cluster->sql("SELECT last_error_at FROM ecapi.destination WHERE destination = 'picky'");
$cluster->resume('picky');
$cluster->wait_row('picky', "state = 'stopped' AND last_error_at > '$stopped_at'");
is(failed('picky'), '', 'resumed: stopped again, nobody is blamed');
is($cluster->sql("SELECT ecapi.discard('picky')"), 0, 'there is nothing to discard yet');
$cluster->resume('picky');
$cluster->wait_row('picky', "failed_waiting = 3 AND backlog = 0 AND state = 'idle'");
is($cluster->sql("SELECT ecapi.discard('picky')"), 3, 'blamed, they can be discarded');
emit('e1', 'poison-e4', 'e2');
$cluster->wait_row('picky', "failed_waiting = 1 AND backlog = 0");
is(scalar(records_of('picky', 'e2')), 1, 'the destination goes on');

# --- not while the destination is paused

$cluster->pause('picky');
$before = $receiver->requests_at('/picky/reject-if=poison');
$cluster->sql("SELECT ecapi.retry('picky')");
emit('clock-1');
$cluster->drained('shop');
is(scalar $receiver->requests_at('/picky/reject-if=poison'), $before, 'paused: nothing is tried');
$cluster->resume('picky');
$cluster->wait_sql("(SELECT max(attempts) >= 2 FROM ecapi.failed_event WHERE destination = 'picky')");

# --- rows that an operator's open transaction holds do not hold the worker

$cluster->pause('picky');
$cluster->sql("SELECT ecapi.retry('picky')");
$cluster->sql("BEGIN; SELECT FROM ecapi.failed_event WHERE destination = 'picky' FOR UPDATE;"
	  . " PREPARE TRANSACTION 'held'");
my $attempts = $cluster->sql("SELECT attempts FROM ecapi.failed_event WHERE destination = 'picky'");
$before = $receiver->requests_at('/picky/reject-if=poison');
$cluster->resume('picky');
$receiver->wait_for(sub { $receiver->requests_at('/picky/reject-if=poison') > $before }, 'a try of a held event');
emit('e7');
$cluster->drained('picky');
is($cluster->sql("SELECT attempts FROM ecapi.failed_event WHERE destination = 'picky'"), $attempts,
	'a row that somebody holds is left, and the destination goes on');
$cluster->sql("COMMIT PREPARED 'held'");
$cluster->wait_sql("(SELECT attempts = $attempts + 1 FROM ecapi.failed_event WHERE destination = 'picky')");

# --- a rename takes them along, a drop ends them

$cluster->sql('ALTER SERVER picky RENAME TO choosy');
is($cluster->sql("SELECT count(*) > 0 FROM ecapi.failed_event WHERE destination = 'choosy'"), 't',
	'a rename takes failed events along');
$cluster->sql('DROP SERVER choosy CASCADE');
is($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE destination = 'choosy' AND state = 'waiting'"),
	0, 'a drop ends their tries');

$cluster->stop;
done_testing();
