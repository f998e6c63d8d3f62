# A person is forgotten while events wait, have failed, are in the worker's memory
# and were delivered: nothing leaves any more, copies are listed, every event is
# accounted for, history does not bring the person back, and a restored database
# keeps the promise.
#
# Ann is forgotten, Bob is not.  Each destination stands for a place where her
# events can be: taken (delivered), held (paused, in the outbox), busy (in the
# worker's memory, to be sent again), picky (one of them failed), mute (sent, and
# never answered).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;
my $folder = PostgreSQL::Test::Utils::tempdir();

# Emit one purchase of a person, worth a value.
sub emit
{
	my ($id, $person, $value) = @_;

	return $cluster->sql("SELECT ecapi_emit('purchase', value => $value, currency_code => 'EUR', id => "
		  . literal($id) . ", user_data => jsonb_build_object('email_address', "
		  . literal("$person\@example.com") . ", 'customer_identifier', " . literal("cust-$person") . '))');
}

# Ids that a receiver holds of a data set, in order.
sub held_of
{
	my ($data_set) = @_;

	return join(' ', sort map { $_->{id} } grep { ($_->{data_set_id} // '') eq $data_set } $receiver->records);
}

sub ledger
{
	my ($destination) = @_;

	return $cluster->sql("SELECT string_agg(concat_ws(' ', outcome, reason, events, value), E'\\n' ORDER BY outcome)"
		  . " FROM ecapi.ledger WHERE destination = " . literal($destination) . " AND outcome = 'erased'");
}

# --- where her events can be

$cluster->destination('taken', $receiver->url('/taken'));
$cluster->destination('held', $receiver->url('/held'));
$cluster->destination('busy', $receiver->url('/busy/first=1/status=503/retry-after=3600'));
$cluster->destination('picky', $receiver->url('/picky/reject-if=poison'), { retry_for => '1s' });
$cluster->destination('mute', $receiver->url('/mute/cut=before'));
$cluster->pause('held');
$cluster->sql("BEGIN; SELECT count(ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'bob-' || i,"
	  . " user_data => '{\"email_address\": \"bob\@example.com\"}')) FROM generate_series(1, 3) i;"
	  . " SELECT ecapi_emit('purchase', value => 10.25, currency_code => 'EUR', id => 'ann-1',"
	  . " user_data => '{\"email_address\": [\"Ann\@Example.com\"]}');"
	  . " SELECT ecapi_emit('purchase', value => 0.50, currency_code => 'EUR', id => 'ann-poison',"
	  . " user_data => '{\"email_address\": [\"ann\@example.com\"]}'); COMMIT;");
$cluster->drained('taken');
$cluster->wait_row('busy', "state = 'waiting' AND backlog = 5");
$cluster->wait_row('picky', "failed_dead = 1 AND backlog = 0");
$cluster->wait_row('mute', "state = 'waiting' AND last_error IS NOT NULL");
is(held_of('taken'), 'ann-1 ann-poison bob-1 bob-2 bob-3', 'all were delivered to one');
is(held_of('picky'), 'ann-1 bob-1 bob-2 bob-3', 'one of hers failed at another');

# --- a role that may forget, and no more

$cluster->sql("CREATE ROLE officer; GRANT USAGE ON SCHEMA ecapi TO officer; GRANT EXECUTE ON FUNCTION ecapi.forget TO officer");
my $told = $cluster->sql("SET ROLE officer; SELECT event_id, destination, outcome, delivered_at IS NOT NULL,"
	  . " receiver_request_id <> '' FROM ecapi.forget('ANN\@example.com ')"
	  . " ORDER BY 1, 2");
is($told, join("\n", 'ann-1|mute|unanswered|f|', 'ann-1|picky|delivered|t|', 'ann-1|taken|delivered|t|',
		'ann-poison|mute|unanswered|f|', 'ann-poison|taken|delivered|t|'), 'it tells where copies are')
  or diag($told);
is($cluster->sql("SELECT count(*) FROM ecapi.forget('ann\@example.com')"), 0, 'a second call finds nothing more');
is($cluster->sql("SELECT count(*) FROM ecapi.outbox WHERE event::text ILIKE '%ann\@example.com%'"), 0,
	'nothing of her is in the outbox');
is($cluster->sql("SELECT count(*) FROM ecapi.failed_event"), 0, 'her failed event is gone');
is(ledger('picky'), 'erased failed event 1 0.5', 'and counted, with its value');

# --- what waits does not leave

$cluster->sql("SELECT ecapi.resume('held'), ecapi.resume('busy')");
$cluster->drained('held', 'busy');
is(held_of('held'), 'bob-1 bob-2 bob-3', 'from the outbox only the others leave');
is(held_of('busy'), 'bob-1 bob-2 bob-3', 'nor does what the worker held in memory');
is(ledger('held'), 'erased 2 10.75', 'the ledger counts what was erased, with its value');
is(ledger('busy'), 'erased 2 10.75', 'here, too');
is($cluster->sql("SELECT string_agg(concat_ws(' ', destination, outcome, reason), E'\\n' ORDER BY destination NULLS FIRST, at)"
		  . " FROM ecapi.trace('ann-1') WHERE coalesce(destination, 'held') IN ('held', 'taken')"),
	"emitted erased since\nheld erased\ntaken delivered", 'a trace tells');
is($cluster->sql("SELECT outcome FROM ecapi.trace('ann-poison') WHERE destination = 'picky' AND outcome NOT IN ('rejected', 'retry')"),
	'erased', 'of the failed one, too');
$cluster->sql('DROP SERVER mute CASCADE');

# --- replayed, they are passed as erased

my $replay = $cluster->sql("SELECT ecapi.replay('taken', now() - interval '1 hour', event_types => 'purchase')");
$cluster->wait_sql("(SELECT state = 'finished' FROM ecapi.replay WHERE replay_id = $replay)");
is($cluster->sql("SELECT delivered, filtered FROM ecapi.replay WHERE replay_id = $replay"), '3|2',
	'a replay sends the others again');

# --- who comes back by himself is new business

emit('ann-2', 'ann', 7);
$cluster->drained('taken');
like(held_of('taken'), qr/\bann-2\b/, 'a new event of hers is delivered');
is($cluster->sql("SELECT count(*) FROM ecapi.forget('cust-ann') WHERE event_id = 'ann-2'"), 4,
	'and can be erased by another identifier, listed for each destination');

# --- history

$cluster->sql(<<'SQL');
CREATE ROLE shop;
GRANT USAGE ON SCHEMA ecapi TO shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture TO shop;
CREATE SCHEMA shop AUTHORIZATION shop;
SET ROLE shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, mail text, total numeric, paid_at timestamptz);
INSERT INTO shop.orders SELECT i, CASE WHEN i % 10 = 0 THEN 'Ann@example.com ' ELSE 'bob@example.com' END, i,
	now() - interval '1 hour' FROM generate_series(1, 200) i;
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "total", "currency_code": "''EUR''",
	"timestamp": "paid_at", "user_data.email_address": "mail"}');
SQL
$cluster->sql("CALL ecapi.backfill('shop.orders', 'purchase', page_size => 30)");
$cluster->drained('taken', 'held');
is($cluster->sql("SELECT rows_read, events, forgotten FROM ecapi.backfill"), '200|180|20', 'a backfill leaves her out');
is($cluster->sql("SELECT count(*) FROM ecapi.outbox WHERE event->'user_data'->'email_address'->>0 ILIKE 'ann%'"), 0,
	'nothing of her came back');

sub reconciled
{
	return $cluster->sql("SELECT string_agg(concat_ws(' ', destination, outcome, events, value), E'\\n'"
		  . " ORDER BY destination NULLS FIRST, outcome) FROM ecapi.reconcile('shop.orders',"
		  . " now() - interval '1 day', now()) WHERE coalesce(destination, 'held') = 'held'");
}

is(reconciled(), "emitted 180 18000\nerased 20 2100\ngenerated 200 20100\nunaccounted 0\n"
	  . "held delivered 180 18000\nheld unaccounted 0", 'reconciliation counts her rows as erased');

# Bob is forgotten before his last order has left.
$cluster->pause('held');
$cluster->sql("INSERT INTO shop.orders VALUES (201, 'bob\@example.com', 0.5, now() - interval '1 hour')");
$cluster->drained('taken');
is($cluster->sql("SELECT count(*), count(*) FILTER (WHERE destination = 'held') FROM ecapi.forget(encode(sha256('bob\@example.com'), 'hex'))"
		  . " WHERE event_id = 'shop.orders:201:purchase'"), '3|0',
	'by his digest: one that was not delivered everywhere');
$cluster->resume('held');
$cluster->drained('held');
is(reconciled(), "emitted 181 18000.5\nerased 20 2100\ngenerated 201 20100.5\nunaccounted 0\n"
	  . "held delivered 180 18000\nheld erased 1 0.5\nheld unaccounted 0", 'and so is what had not left');

# --- dump and restore

$cluster->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/dump", '-d', $cluster->connstr('postgres') ], 'a dump');
$cluster->sql('CREATE DATABASE restored');
$cluster->command_ok([ 'pg_restore', '--exit-on-error', '-d', $cluster->connstr('restored'), "$folder/dump" ],
	'it is restored');
is($cluster->in('restored')->sql('SELECT (SELECT count(*) FROM ecapi.forget_key), (SELECT count(*) > 0 FROM ecapi.forgotten)'),
	'1|t', 'with the list and its key');
$cluster->in('restored')->sql("CALL ecapi.backfill('shop.orders', 'purchase')");
is($cluster->in('restored')->sql('SELECT rows_read, events, forgotten FROM ecapi.backfill'), '201|0|201',
	'the restored database leaves both out');

# One that has a list of its own gets that of the dump beside it.
$cluster->sql('CREATE DATABASE other');
$cluster->in('other')->sql("CREATE EXTENSION ecapi; SELECT ecapi.forget('zoe\@example.com')");
$cluster->command_ok([ 'pg_restore', '--exit-on-error', '--data-only', '--schema', 'ecapi', '-d', $cluster->connstr('other'),
		"$folder/dump" ], 'the lists are restored into another');
is($cluster->in('other')->sql('SELECT count(*) FROM ecapi.forget_key'), 2, 'both keys are there');
is($cluster->in('other')->sql("SELECT ecapi.remember('ann\@example.com'), ecapi.remember('zoe\@example.com'), ecapi.remember('dan\@example.com')"), 't|t|f', 'and both serve');

# --- nobody is named

my $log = $cluster->log_text;
unlike($log, qr/(?:ann|bob|zoe|dan)\@example/i, 'no address is in the log');
is($cluster->sql("SELECT count(*) FROM ecapi.request WHERE error ~* 'ann\@' OR reason ~* 'ann\@'"), 0, 'nor in the request log');

$cluster->stop;
done_testing();
