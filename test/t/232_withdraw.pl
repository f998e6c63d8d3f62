# A person withdraws consent from one of two destinations, and later from all: what was
# emitted before does not leave for it any more, from the outbox, the worker's memory,
# failed_event, or a replay; what is emitted after does; every event is accounted for,
# and a crash between the commit and the worker's reading changes nothing.
#
# Ann withdraws consent, Bob does not.  Consent is withdrawn from "held" (paused, then
# resumed), "busy" (in the worker's memory, to be sent again) and "picky" (one of hers
# failed); "kept" is not named.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

# Emit one purchase of a person, worth a value.
sub emit
{
	my ($id, $person, $value) = @_;

	return $cluster->sql("SELECT ecapi_emit('purchase', value => $value, currency_code => 'EUR', id => "
		  . literal($id) . ", user_data => jsonb_build_object('email_address', "
		  . literal("$person\@example.com") . '))');
}

# Ids that a receiver holds of a data set, in order.
sub held_of
{
	my ($data_set) = @_;

	return join(' ', sort map { $_->{id} } grep { ($_->{data_set_id} // '') eq $data_set } $receiver->records);
}

# What the ledger has of a destination: outcome, reason, events, value.
sub ledger
{
	my ($destination) = @_;

	return $cluster->sql("SELECT string_agg(concat_ws(' ', outcome, reason, events, value), ', ' ORDER BY outcome)"
		  . " FROM (SELECT outcome, reason, sum(events) AS events, sum(value) AS value FROM ecapi.ledger"
		  . ' WHERE destination = ' . literal($destination) . ' GROUP BY 1, 2) l');
}

# What a trace says of an event at a destination.
sub traced
{
	my ($id, $destination) = @_;

	return $cluster->sql("SELECT string_agg(concat_ws(': ', outcome, reason), ', ' ORDER BY at, request_id)"
		  . ' FROM ecapi.trace(' . literal($id) . ') WHERE destination = ' . literal($destination)
		  . " AND outcome NOT IN ('retry', 'rejected')");
}

# --- before: where her events can be

$cluster->destination('kept', $receiver->url('/kept'));
$cluster->destination('held', $receiver->url('/held'));
$cluster->destination('busy', $receiver->url('/busy/first=1/status=503/retry-after=3600'));
$cluster->destination('picky', $receiver->url('/picky/reject-if=poison'), { retry_for => '1s' });
emit('ann-0', 'ann', 1);
$cluster->drained('kept', 'held', 'picky');
$cluster->wait_row('busy', "state = 'waiting' AND backlog = 1");
$cluster->pause('held');
emit('ann-1', 'ann', 10.25);
emit('ann-poison', 'ann', 0.5);
emit('bob-1', 'bob', 2);
$cluster->drained('kept');
$cluster->wait_row('picky', 'failed_dead = 1 AND backlog = 0');
$cluster->wait_row('busy', "state = 'waiting' AND backlog = 4");

# --- a role that may, and no more; what it is told

$cluster->sql('CREATE ROLE officer; GRANT USAGE ON SCHEMA ecapi TO officer; GRANT EXECUTE ON FUNCTION ecapi.withdraw TO officer');
my $call = "ecapi.withdraw(' ANN\@example.com', destinations => '{held,busy,picky}')";

$cluster->sql("BEGIN; SELECT count(*) FROM $call; ROLLBACK");
is($cluster->sql('SELECT count(*) FROM ecapi.stop'), 0, 'rolled back, nothing has happened');
my $told = $cluster->sql("SET ROLE officer; SELECT event_id, destination, outcome, delivered_at IS NOT NULL FROM $call ORDER BY 1, 2");
is($told, join("\n",
		'ann-0|busy|withdrawn|f', 'ann-0|held|delivered|t', 'ann-0|picky|delivered|t',
		'ann-1|busy|withdrawn|f', 'ann-1|held|withdrawn|f', 'ann-1|picky|delivered|t',
		'ann-poison|busy|withdrawn|f', 'ann-poison|held|withdrawn|f', 'ann-poison|picky|withdrawn|f'),
	'it tells where copies are, and what was stopped')
  or diag($told);
is($cluster->sql("SELECT count(*) FROM $call WHERE outcome = 'withdrawn'"), 0, 'a second call stops nothing more');
is($cluster->sql("SELECT count(*) FROM ecapi.outbox WHERE event::text ILIKE '%ann\@example.com%'"), 3, 'nothing is erased');

# --- after: new events follow their own string

emit('ann-2', 'ann', 7);
emit('bob-2', 'bob', 3);
$cluster->sql("SELECT ecapi.resume('held'), ecapi.resume('busy')");
$cluster->drained('kept', 'held', 'busy', 'picky');
$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.failed_event)", 'the failed event is done with');

is(held_of('kept'), 'ann-0 ann-1 ann-2 ann-poison bob-1 bob-2', 'who was not named is sent all');
is(held_of('held'), 'ann-0 ann-2 bob-1 bob-2', 'from the outbox hers do not leave, later ones do');
is(held_of('busy'), 'ann-2 bob-1 bob-2', 'nor does what the worker held in memory');
is(held_of('picky'), 'ann-0 ann-1 ann-2 bob-1 bob-2', 'nor what had failed');
is(ledger('held'), 'delivered 4 13, filtered consent withdrawn 2 10.75', 'the ledger counts them under their reason');
is(ledger('busy'), 'delivered 3 12, filtered consent withdrawn 3 11.75', 'here, too');
like(ledger('picky'), qr/^delivered 5 23.25, failed .* 1 0.5, filtered consent withdrawn 1 0.5$/, 'of the failed one, too');
is($cluster->sql("SELECT count(*) FROM (SELECT l.destination FROM ecapi.ledger l WHERE outcome IN ('delivered', 'filtered')"
		  . ' GROUP BY 1 HAVING sum(events) = 6 AND sum(value) = (SELECT sum((event->>\'value\')::numeric) FROM ecapi.outbox)) s'),
	4, 'sums are those of what was committed, at each destination');
is(traced('ann-1', 'held'), 'filtered: consent withdrawn', 'a trace tells');
is(traced('ann-poison', 'picky'), 'filtered: consent withdrawn', 'of the failed one, too');
is($cluster->sql("SELECT sum(events) FROM ecapi.request WHERE outcome = 'filtered' AND reason = 'consent withdrawn'"),
	6, 'and so does the request log');

# --- a replay does not send them

my $replay = $cluster->sql("SELECT ecapi.replay('held', now() - interval '1 hour')");
$cluster->wait_sql("(SELECT state = 'finished' FROM ecapi.replay WHERE replay_id = $replay)");
is($cluster->sql("SELECT delivered, filtered FROM ecapi.replay WHERE replay_id = $replay"), '3|3',
	'a replay sends the others again, and of hers what is newer');

# --- a crash between the commit and the worker's reading

$cluster->pause('held');
emit('ann-3', 'ann', 4);
emit('bob-3', 'bob', 5);
$cluster->drained('kept', 'busy', 'picky');
my $worker = $cluster->worker_pid;

kill('STOP', $worker) or die "could not hold the worker: $!";
is($cluster->sql("SELECT string_agg(concat_ws(' ', event_id, destination), ', ' ORDER BY seq) FROM ecapi.withdraw('ann\@example.com')"
		  . " JOIN (SELECT event->>'id' AS event_id, seq FROM ecapi.outbox) o USING (event_id) WHERE outcome = 'withdrawn'"),
	'ann-3 held', 'consent is withdrawn from all');
$cluster->sql("SELECT ecapi.resume('held')");
# what is held does not end with its postmaster
$cluster->crash(sub { kill('KILL', $worker) });
$cluster->drained('kept', 'held', 'busy', 'picky');
unlike(held_of('held'), qr/ann-3/, 'what had not left does not leave behind a crash');
like(held_of('held'), qr/bob-3/, 'its neighbour does');
is(traced('ann-3', 'held'), 'filtered: consent withdrawn', 'and is counted');

# --- a destination that comes later

$cluster->destination('later', $receiver->url('/later'));
$replay = $cluster->sql("SELECT ecapi.replay('later', now() - interval '1 hour')");
$cluster->wait_sql("(SELECT state = 'finished' FROM ecapi.replay WHERE replay_id = $replay)");
is(held_of('later'), 'bob-1 bob-2 bob-3', 'consent withdrawn from all is withdrawn from those to come');

# --- a row that was set aside

$cluster->sql(<<'SQL');
CREATE TABLE orders (id int PRIMARY KEY, mail text, share int, at timestamptz DEFAULT now());
SELECT ecapi.track('orders', 'purchase', '{"value": "100 / new.share", "currency_code": "''EUR''", "timestamp": "at", "user_data.email_address": "mail"}');
INSERT INTO orders VALUES (1, 'cleo@example.com', 0), (2, 'bob@example.com', 0);
SELECT ecapi.withdraw('cleo@example.com', destinations => '{held}');
SELECT ecapi.track('orders', 'purchase', '{"value": "100 / (new.share + 1)", "currency_code": "''EUR''", "timestamp": "at", "user_data.email_address": "mail"}');
SELECT ecapi.recapture('orders');
SQL
$cluster->drained('kept', 'held');
like(held_of('kept'), qr/orders:1:purchase orders:2:purchase/, 'captured again, both leave');
unlike(held_of('held'), qr/orders:1:purchase/, 'but not for the destination that consent was withdrawn from');
like(held_of('held'), qr/orders:2:purchase/, 'as the other does');
is($cluster->sql("SELECT string_agg(concat_ws(' ', outcome, reason, events), ', ' ORDER BY outcome)"
		  . " FROM ecapi.reconcile('orders', now() - interval '1 hour', now() + interval '1 hour')"
		  . " WHERE destination = 'held'"),
	'delivered 1, filtered consent withdrawn 1, unaccounted 0', 'reconciliation counts it');

# --- a backfill makes new events, which wait at a paused destination for a further call

$cluster->pause('held');
$cluster->sql(<<'SQL');
SET ecapi.capture = off;
INSERT INTO orders VALUES (3, 'dora@example.com', 1), (4, 'bob@example.com', 1);
RESET ecapi.capture;
SELECT ecapi.withdraw('dora@example.com', destinations => '{held,later}');
SQL
$cluster->sql("CALL ecapi.backfill('orders', 'purchase', since => now() - interval '1 hour', until => now())");
$cluster->drained('later');
like(held_of('later'), qr/orders:3:purchase orders:4:purchase/, 'what a backfill makes follows the string of its row');
is($cluster->sql("SELECT count(*) FROM ecapi.withdraw('dora\@example.com', destinations => '{held}') WHERE outcome = 'withdrawn'"),
	1, 'a further call stops it where it waits');
$cluster->resume('held');
$cluster->drained('held');
unlike(held_of('held'), qr/orders:3:purchase/, 'so that it does not leave');
like(held_of('held'), qr/orders:4:purchase/, 'as the other does');

unlike($cluster->log_text, qr/(?<!identifier => ')\b(ann|cleo|dora)\@example\.com/i, 'no identifier is in the log');

$receiver->finish;
done_testing();
