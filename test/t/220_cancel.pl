# ecapi.cancel(): what has not left is stopped, on every way it could leave; what has
# left is refunded, once, where it was delivered and refunds are taken.
#
# Nothing here waits for a time.  "Resolved" is the state of the cancellation, which
# is written when every request that could carry the event is over.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiReceiver;
use JSON::PP ();
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "restart_after_crash = on\n");

sub cancel { return $cluster->sql('SELECT ecapi.cancel(' . literal($_[0]) . ')') }

# Wait until the last cancellation of an id is resolved; returns its row.
sub resolved
{
	my ($id) = @_;

	$cluster->wait_sql("(SELECT state <> 'stopping' FROM ecapi.cancellation WHERE id = "
		  . literal($id) . ' ORDER BY cancel_id DESC LIMIT 1)');
	return $cluster->sql('SELECT state, delivered, refunds, unanswered FROM ecapi.cancellation'
		  . ' WHERE id = ' . literal($id) . ' ORDER BY cancel_id DESC LIMIT 1');
}

# How often an id came to a data set.
sub arrived
{
	my ($data_set, $id) = @_;

	return scalar grep { ($_->{data_set_id} // '') eq $data_set && ($_->{id} // '') eq $id }
	  $receiver->records;
}

# Outcome and reason of an id at a destination, as the trace has them.
sub traced
{
	my ($id, $destination) = @_;

	return $cluster->sql("SELECT string_agg(concat_ws(': ', outcome, reason), ', ' ORDER BY at, outcome)"
		  . ' FROM ecapi.trace(' . literal($id) . ') WHERE destination '
		  . (defined $destination ? '= ' . literal($destination) : 'IS NULL'));
}

sub purchase
{
	my ($id) = @_;

	return "ecapi_emit('purchase', value => 129.90, currency_code => 'EUR', id => " . literal($id)
	  . ", source => 'website', user_data => '{\"email_address\": \"ann\@example.com\"}',"
	  . " properties => '{\"transaction_id\": \"42\", \"coupon\": \"X\", \"items\": {\"id\": \"sku-1\"}}',"
	  . " ext => '{\"route\": \"de\", \"mine\": 1}')";
}

# --- no cancellation, no id of one

is($cluster->sql("SELECT ecapi.cancel('nowhere')"), '', 'an id that exists nowhere');
is(resolved('nowhere'), 'not found|0|0|0', 'is not found');

# --- before it has left: a paused destination, and one that takes no refunds

my %three = (one => {}, two => { event_types => 'purchase' }, late => {});

$cluster->destination($_, $receiver->url("/$_"), $three{$_}) for sort keys %three;
$cluster->pause('late');

$cluster->sql('SELECT ' . purchase('order-1'));
$cluster->sql('SELECT ' . purchase('order-2'));
$cluster->drained('one', 'two');
cancel('order-1');
is(resolved('order-1'), 'refunded|2|1|0', 'delivered to two, of which one takes refunds');
$cluster->drained('one', 'two');
$cluster->resume('late');
$cluster->drained('late');

is(arrived('late', 'order-1'), 0, 'what had not left does not leave');
is(arrived('late', 'order-2'), 1, 'its neighbour does');
is(traced('order-1', 'late'), 'filtered: cancelled', 'and is counted');
is(traced('order-1', undef), 'emitted, cancelled: refunded as order-1:refund', 'the trace has the cancellation');
is(arrived('one', 'order-1:refund'), 1, 'the refund arrives where it was delivered');
is(arrived('two', 'order-1:refund'), 0, 'not where no refunds are taken');
is(arrived('late', 'order-1:refund'), 0, 'not where it was never delivered');
is(traced('order-1:refund', 'two'), 'filtered: event_type', 'the one counts it as of another type');
is(traced('order-1:refund', 'late'), 'filtered: not delivered', 'the other as not delivered');
is($cluster->sql("SELECT sum(events) FROM ecapi.ledger WHERE destination = 'late' AND outcome = 'filtered'"
	  . " AND reason = 'cancelled'"), 1, 'the ledger has the reason');

my ($refund) = grep { $_->{id} eq 'order-1:refund' } map { JSON::PP::decode_json($_) } $receiver->events;
my ($bought) = grep { $_->{id} eq 'order-1' } map { JSON::PP::decode_json($_) } $receiver->events;
my $cancelled_at = $cluster->sql("SELECT floor(extract(epoch FROM cancelled_at)) FROM ecapi.cancellation"
	  . " WHERE id = 'order-1'");

is($refund->{event_type}, 'refund', 'it is a refund');
is($refund->{timestamp}, $cancelled_at, 'of the moment of the cancellation');
is_deeply([ @$refund{qw(value currency_code source user_data ext)} ],
	[ @$bought{qw(value currency_code source user_data ext)} ], 'of the same money and person');
is_deeply($refund->{ext}, { mine => 1 }, 'its address does not leave');
is_deeply($refund->{properties}, { transaction_id => '42', items => [ { id => 'sku-1' } ] },
	'of the same order');

# --- once more

cancel('order-1');
is(resolved('order-1'), 'repeated|0|0|0', 'a second cancellation does nothing more');
$cluster->drained('one', 'two', 'late');
is($cluster->sql("SELECT count(*) FROM ecapi.outbox WHERE event->>'id' = 'order-1:refund'"), 1,
	'no second refund');

# --- only what was emitted before

$cluster->sql('SELECT ' . purchase('order-1'));
$cluster->drained('one', 'two', 'late');
is(arrived('late', 'order-1'), 1, 'placed again under the same id, it leaves');

$cluster->pause('one');
$cluster->sql('BEGIN; SELECT ' . purchase('own-1') . "; SELECT ecapi.cancel('own-1'); SELECT "
	  . purchase('own-2') . "; SELECT ecapi.cancel('own-3'); SELECT " . purchase('own-3') . '; COMMIT');
is(resolved('own-1'), 'nothing to refund|0|0|0', 'in one transaction: found, never sent');
# the cancelling transaction had begun before the order was placed
my $older = $cluster->background_psql('postgres', on_error_die => 1);

$older->query('BEGIN; SELECT pg_current_xact_id();');
$cluster->sql('SELECT ' . purchase('later-1'));
$older->query("SELECT ecapi.cancel('later-1');");
$cluster->sql("BEGIN; SELECT " . purchase('prepared-1') . "; PREPARE TRANSACTION 'p1'");
$older->query("SELECT ecapi.cancel('prepared-1');");
$cluster->sql('SELECT ' . purchase('after-1'));
$older->query('COMMIT;');
$older->quit;
is(resolved('prepared-1'), 'not found|0|0|0', 'nothing of a transaction that has yet to commit was sent');
$cluster->sql("COMMIT PREPARED 'p1'");
# cancelled by a transaction that is committed from elsewhere
$cluster->sql("SELECT " . purchase('prepared-2'));
$cluster->sql("BEGIN; SELECT ecapi.cancel('prepared-2'); PREPARE TRANSACTION 'p2'");
$cluster->sql("COMMIT PREPARED 'p2'");
$cluster->resume('one');
$cluster->drained('one');
is_deeply([ map { arrived('one', $_) } qw(own-1 own-2 own-3 later-1 prepared-1 after-1 prepared-2) ],
	[ 0, 1, 1, 0, 0, 1, 0 ], 'what was emitted before the call does not leave, what came after does');
$cluster->drained('two', 'late');

# --- rolled back

$cluster->pause('one');
$cluster->sql('SELECT ' . purchase($_)) for qw(kept-1 kept-2 gone-1);
$cluster->sql("BEGIN; SELECT ecapi.cancel('kept-1'); ROLLBACK");
$cluster->sql("BEGIN; SAVEPOINT a; SELECT ecapi.cancel('kept-2'); ROLLBACK TO a;"
	  . " SAVEPOINT b; SELECT ecapi.cancel('gone-1'); RELEASE b; COMMIT");
$cluster->resume('one');
$cluster->drained('one', 'two', 'late');
is_deeply([ map { arrived('one', $_) } qw(kept-1 kept-2 gone-1) ], [ 1, 1, 0 ],
	'a cancellation that is rolled back does nothing, by a savepoint neither');
is($cluster->sql("SELECT count(*) FROM ecapi.cancellation WHERE id LIKE 'kept-%'"), 0, 'and leaves nothing');

# --- failed events that wait, and a batch that waits to be sent again

$cluster->destination('picky', $receiver->url('/picky/reject-if=bad'));
$cluster->sql('SELECT ' . purchase('bad-1') . ', ' . purchase('good-1'));
$cluster->drained('picky', 'one', 'two', 'late');
is($cluster->sql("SELECT event_id, state FROM ecapi.failed_event WHERE destination = 'picky'"), 'bad-1|waiting',
	'an event is rejected');
$cluster->alter('picky', url => $receiver->url('/picky'));
cancel('bad-1');
$cluster->sql("SELECT ecapi.retry('picky')");
$cluster->wait_sql("EXISTS (SELECT FROM ecapi.failed_event WHERE destination = 'picky'"
	  . " AND event_id = 'bad-1' AND state = 'dead' AND reason = 'cancelled')");
is(arrived('picky', 'bad-1'), 0, 'a failed event is not tried again');
is(resolved('bad-1'), 'refunded|3|2|0', 'and refunded elsewhere');
$cluster->sql('DROP SERVER picky');

$cluster->destination('down', $receiver->url('/down/status=503'));
$cluster->sql('SELECT ' . purchase("down-$_")) for 1 .. 3;
$cluster->wait_row('down', "state = 'waiting'");
cancel('down-2');
resolved('down-2');
$cluster->alter('down', url => $receiver->url('/down'));
$cluster->drained('down');
is_deeply([ map { arrived('down', "down-$_") } 1 .. 3 ], [ 1, 0, 1 ],
	'what waits to be sent again is shaped again, without it');

# --- shadow, no value, no answer

$cluster->destination('shade', $receiver->url('/shade'), { mode => 'shadow' });
$cluster->destination('mute', $receiver->url('/mute/cut=before'), { timeout => '60s' });
$cluster->sql("SELECT ecapi.pause(d) FROM unnest('{one,two,late,down}'::name[]) d");
$cluster->wait_row($_, "state = 'paused'") for qw(one two late down);
$cluster->sql('SELECT ' . purchase('ghost-1'));
$cluster->drained('shade');
$cluster->wait_sql("EXISTS (SELECT FROM ecapi.request WHERE destination = 'mute' AND outcome = 'retry')");
cancel('ghost-1');
is(resolved('ghost-1'), 'nothing to refund|0|0|1',
	'shadow delivers nothing; where there was no answer nobody knows');
$cluster->sql('DROP SERVER mute; DROP SERVER shade');
$cluster->sql("SELECT ecapi.resume(d) FROM unnest('{one,two,late,down}'::name[]) d");
$cluster->drained('one', 'two', 'late', 'down');
$cluster->sql("SELECT ecapi_emit('add_to_cart', id => 'cart-1')");
$cluster->drained('one', 'two', 'late', 'down');
cancel('cart-1');
is(resolved('cart-1'), 'nothing to refund|0|0|0', 'of what nobody paid for there is no refund');

# --- held back: what is cancelled in time never leaves

$cluster->destination('patient', $receiver->url('/patient'), { delay => '2s' });
$cluster->sql('SELECT ' . purchase('held-1') . ', ' . purchase('held-2'));
cancel('held-1');
$cluster->drained('patient');
is_deeply([ map { arrived('patient', $_) } qw(held-1 held-2) ], [ 0, 1 ],
	'what is held back can be cancelled');
$cluster->sql('DROP SERVER patient');

# --- a request under way is waited for; renamed and dropped destinations

$cluster->sql('DROP SERVER down');
$cluster->alter('one', url => $receiver->url('/hang/delay=2000'));
$cluster->sql('SELECT ' . purchase('flies-1'));
$receiver->wait_for(sub { $_->sleeps > 0 }, 'the request under way');
$cluster->drained('two', 'late');
cancel('flies-1');
is(resolved('flies-1'), 'refunded|3|2|0', 'what was under way counts when its answer is in');
$cluster->alter('one', url => $receiver->url('/one'));
$cluster->drained('one', 'late');

$cluster->sql('SELECT ' . purchase('renamed-1'));
$cluster->drained('one', 'two', 'late');
$cluster->sql('ALTER SERVER late RENAME TO later; DROP SERVER two');
$cluster->destination('two', $receiver->url('/two'));
$cluster->drained('one', 'later', 'two');
cancel('renamed-1');
is(resolved('renamed-1'), 'refunded|2|2|0', 'a renamed destination is known, a dropped one is gone');
$cluster->drained('one', 'later', 'two');
is_deeply([ map { arrived($_, 'renamed-1:refund') } qw(one late two) ], [ 1, 1, 0 ],
	'and so are those of the refund');

# --- a replay does not bring it back

my $id = $cluster->sql("SELECT ecapi.replay('one', '-infinity', event_types => 'purchase')");
$cluster->wait_sql("(SELECT state = 'finished' FROM ecapi.replay WHERE replay_id = $id)");
is(arrived('one', 'renamed-1'), 1, 'a replay leaves it out');
is(arrived('one', 'order-2'), 2, 'and sends its neighbour');

# --- many, against a backlog, with kills of the worker between

$cluster->pause('two');
$cluster->emit('many-', 1, 12000);
$cluster->drained('one');
$cluster->sql("SELECT count(ecapi.cancel('many-' || i)) FROM generate_series(1, 12000) i WHERE i % 6 <> 0");
my $kills = 0;
for my $share (1, 3000, 6000)
{
	$cluster->wait_sql("(SELECT count(*) >= $share FROM ecapi.cancellation WHERE id LIKE 'many-%'"
		  . " AND state <> 'stopping')");
	$cluster->wait_worker($cluster->kill_worker);
	$kills++;
}
$cluster->resume('two');
$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.cancellation WHERE state = 'stopping')");
$cluster->drained('one', 'two', 'later');
is($kills, 3, 'the worker was killed three times');
is($cluster->sql("SELECT string_agg(concat(state, ' ', n), ', ') FROM (SELECT state, count(*) AS n"
		  . " FROM ecapi.cancellation WHERE id LIKE 'many-%' GROUP BY 1 ORDER BY 1) s"),
	'refunded 10000', '10,000 cancellations are resolved');
is($cluster->sql("SELECT concat(count(*), ' ', count(DISTINCT event->>'id')) FROM ecapi.outbox"
		  . " WHERE event->>'id' LIKE 'many-%:refund'"), '10000 10000', 'each with one refund');
my %two = map { $_->{id} => 1 } grep { $_->{data_set_id} eq 'two' && $_->{id} =~ /^many-/ } $receiver->records;
is(scalar(keys %two), 2000, 'the backlog without them is delivered');
is(scalar(grep { !/^many-(\d+)$/ || $1 % 6 != 0 } keys %two), 0, 'and nothing else');

# --- rows are kept; one gives way to a later one that is about all that it is about

is($cluster->sql('SELECT state, cancellations > 0 FROM ecapi.cancellation_count ORDER BY state'),
	"not found|t\nnothing to refund|t\nrefunded|t\nrepeated|t", 'counts');
$cluster->sql("UPDATE ecapi.cancellation SET cancelled_at = cancelled_at - interval '1 year'"
	  . " WHERE id IN ('order-1', 'nowhere')");
is($cluster->sql("SELECT count(*) FROM ecapi.cancellation WHERE id = 'order-1'"), 2, 'two of an id');
cancel('order-1');
resolved('order-1');
is($cluster->sql("SELECT id, count(*) FROM ecapi.cancellation WHERE id IN ('order-1', 'nowhere') GROUP BY 1 ORDER BY 1"),
	"nowhere|1\norder-1|1", 'old ones of the id are gone, others stay');

$cluster->stop;
done_testing();
