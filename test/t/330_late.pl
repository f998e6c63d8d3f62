# Outcomes that come later: a platform accepts a request, and says a day afterwards that
# an event of it failed.
#
# The server's clock is moved (test/clock/clock.c), so that what is asked after half an
# hour is asked at once.  Between the receipt and the answer the server crashes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiClock;
use EcapiCluster qw(ids literal);
use EcapiReceiver;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use constant HOUR => 3600;

my $directory = PostgreSQL::Test::Utils::tempdir();
my $clock = EcapiClock->new;
my ($receiver, $cluster);

# Move the clocks of server and platform on by that number of seconds.
sub move_clock { return $clock->move($_[0], $receiver) }

system_or_bail('openssl', 'genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048',
	'-out', "$directory/key.pem");

$receiver = EcapiReceiver->start;

$cluster = $clock->under(sub { EcapiCluster->create(conf => "track_commit_timestamp = on\n") });
$cluster->write_credential('key.json', encode_json({
	type => 'service_account', client_email => 'shop@example.iam.gserviceaccount.com',
	private_key_id => '1', private_key => slurp_file("$directory/key.pem"),
	token_uri => 'https://oauth2.googleapis.com/token' }));

# How many receipts a destination has.
sub receipts
{
	my ($name) = @_;

	return $cluster->sql("SELECT count(*) FROM ecapi.receipt WHERE destination = '$name'");
}

# A destination of the format google, with a receiver that behaves like that.
sub google
{
	my ($name, $manners, %options) = @_;

	%options = (route => $name, url => $receiver->url("/$name$manners"), token_url => $receiver->url('/token'), %options);
	$cluster->sql(sprintf(<<'END', $name, join(', ', map { "$_ " . literal($options{$_}) } sort keys %options), $name));
CREATE SERVER %s FOREIGN DATA WRAPPER ecapi OPTIONS (format 'google', account_id '1234567890', event_types 'purchase=7001', batch_size '100', %s);
CREATE USER MAPPING FOR PUBLIC SERVER %s OPTIONS (service_account_file 'key.json');
END
	return;
}

# Purchases of an id each, a click id in every one.
sub buy
{
	my ($name, $from, $to, $mark) = @_;

	$cluster->sql(sprintf(<<'END', $name, $name, $name, $mark // 'good', $from, $to));
SELECT ecapi_emit('purchase', id => '%s-' || i, value => i, currency_code => 'EUR', source => 'website', ext => '{"route": "%s"}',
	properties => jsonb_build_object('transaction_id', '%s-' || i),
	user_data => jsonb_build_object('ext', jsonb_build_object('click_ids', jsonb_build_object('gclid', '%s-' || i))))
FROM generate_series(%d, %d) i
END
	return;
}

# --- one of twenty turns out to be bad a day later; meanwhile the server crashes
google('late', '/late-if=bad-/processing=2');
buy('late', 1, 19);
buy('late', 20, 20, 'bad');
$cluster->wait_row('late', 'backlog = 0');
is($cluster->row('late')->{delivered}, 20, 'all count as delivered at first');
my $requests = $cluster->sql("SELECT count(*) FROM ecapi.receipt WHERE destination = 'late'");
cmp_ok($requests, '>=', 1, 'each request left a receipt');
is($cluster->sql("SELECT sum(events) FROM ecapi.receipt WHERE destination = 'late'"), '20', 'of all events');
is($receiver->platforms->{status}{requests}, 0, 'nothing is asked yet');

# the worker does not wait for its own commits: of one that a crash undoes, the events go again
$cluster->sql('CHECKPOINT');
$clock->under(sub { $cluster->crash });
$cluster->wait_worker;
is($cluster->sql("SELECT sum(events) FROM ecapi.receipt WHERE destination = 'late'"), '20',
	'a crash forgets no receipt');

move_clock(HOUR);
$cluster->wait_sql("SELECT bool_and(asks >= 1) FROM ecapi.receipt WHERE destination = 'late'",
	'the platform was asked, and is not done');
is($cluster->sql("SELECT count(*) FROM ecapi.failed_event"), '0', 'so nothing failed yet');
move_clock(2 * HOUR);
$cluster->wait_sql("SELECT bool_and(asks >= 2) FROM ecapi.receipt WHERE destination = 'late'", 'it was asked again');
move_clock(20 * HOUR);
$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.receipt WHERE destination = 'late')", 'and said it all');
is($cluster->sql("SELECT event_id, state, reason FROM ecapi.failed_event WHERE destination = 'late'"),
	'late-20|dead|rejected by the receiver', 'the bad one failed');
like($cluster->sql("SELECT answer FROM ecapi.failed_event WHERE destination = 'late'"), qr/INVALID_GCLID/,
	'in the platform\'s words');
like($cluster->sql("SELECT string_agg(outcome || ' ' || coalesce(reason, ''), ', ' ORDER BY at) FROM ecapi.trace('late-20')"),
	qr/emitted.*accepted.*dead rejected by the receiver/, 'its trace says both');
unlike($cluster->sql("SELECT string_agg(outcome, ' ') FROM ecapi.trace('late-20')"), qr/delivered/, 'and no delivery');
is($cluster->sql("SELECT outcome, sum(events), sum(value) FROM ecapi.ledger WHERE destination = 'late' GROUP BY 1 ORDER BY 1"),
	"delivered|20|210\nfailed|1|20", 'so does the ledger');
is($cluster->row('late')->{failed}, 1, 'and the destination');

# --- a table whose rows are tracked is reconciled with what became of them
$cluster->sql(<<'END');
CREATE TABLE orders (order_no text PRIMARY KEY, email text, total numeric, paid_at timestamptz NOT NULL);
SELECT ecapi.track('orders', 'purchase', mapping => '{"value": "total", "currency_code": "''EUR''", "timestamp": "paid_at",
	"user_data.email_address": "email", "properties.transaction_id": "order_no", "ext.route": "''tracked''"}');
END
google('tracked', '/late-if=bad-');
$cluster->sql("INSERT INTO orders VALUES ('good-1', 'a\@example.com', 7, now()), ('bad-1', 'b\@example.com', 8, now())");
$cluster->drained('tracked');
my $reconciled = "SELECT string_agg(outcome || ' ' || events || ' ' || value, ', ' ORDER BY outcome) FROM ecapi.reconcile('orders', now() - interval '2 hours', now()) WHERE destination = 'tracked'";
is($cluster->sql($reconciled), 'delivered 2 15', 'both orders are delivered at first');
move_clock(HOUR);
$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.receipt WHERE destination = 'tracked')", 'their outcome is known');
is($cluster->sql($reconciled), 'dead 1 8, delivered 1 7', 'and one of them was not');

# --- not yet: it is tried again when the platform takes it
google('soon', '/late-if=bad-/late-reason=PROCESSING_ERROR_REASON_TOO_RECENT_CLICK');
buy('soon', 1, 2);
buy('soon', 3, 3, 'bad');
$cluster->wait_row('soon', 'backlog = 0');
move_clock(HOUR);
$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.receipt WHERE destination = 'soon')", 'its outcome is known');
is($cluster->sql("SELECT event_id, state, reason, next_try > clock_timestamp() + interval '5 hours' FROM ecapi.failed_event WHERE destination = 'soon'"),
	'soon-3|waiting|the receiver takes it later|t', 'a click too recent waits six hours');

# --- a repeat of ours is there already
google('again', '/late-if=bad-/late-reason=PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID');
buy('again', 1, 1, 'bad');
$cluster->wait_row('again', 'backlog = 0');
move_clock(HOUR);
$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.receipt WHERE destination = 'again')", 'its outcome is known');
is($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE destination = 'again'"), '0', 'a duplicate is delivered');

# --- answers that say nothing of an event: outside of the request, or no index at all
google('astray', '/late-if=bad-/late-indices=outside');
google('counts', '/late-if=bad-/late-indices=none');
google('twice', '/late-if=bad-/late-indices=twice');
buy($_, 1, 3, 'bad') for qw(astray counts twice);
$cluster->wait_row($_, 'backlog = 0') for qw(astray counts twice);
move_clock(HOUR);
$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.receipt WHERE destination = 'twice')", 'its outcome is known');
is($cluster->sql("SELECT string_agg(event_id, ' ' ORDER BY event_id) FROM ecapi.failed_event WHERE destination = 'twice'"),
	'twice-1 twice-2 twice-3', 'an event that is named twice fails once');
for my $name (qw(astray counts))
{
	$cluster->wait_sql("SELECT bool_and(problem LIKE '%INVALID_GCLID%' AND next_ask IS NULL) FROM ecapi.receipt WHERE destination = '$name'",
		"$name: the receipt says what is not known of which event");
	is($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE destination = '$name'"), '0', "$name: no event is blamed");
}

# --- an outcome that never comes
google('never', '/processing=forever');
buy('never', 1, 1);
$cluster->wait_row('never', 'backlog = 0');
for my $round (1 .. 12)
{
	last if $cluster->sql("SELECT count(*) FROM ecapi.receipt WHERE destination = 'never' AND problem IS NOT NULL") eq '1';
	move_clock(5 * HOUR);
	$cluster->wait_sql("SELECT bool_and(asks >= $round OR problem IS NOT NULL) FROM ecapi.receipt WHERE destination = 'never'",
		"it was asked $round times");
}
is($cluster->sql("SELECT problem FROM ecapi.receipt WHERE destination = 'never'"), 'the outcome did not come',
	'at last it is not asked for again');
like($cluster->sql("SELECT what FROM ecapi.check() WHERE what LIKE '%\"never\"%1 requests%'"),
	qr/does not know what became of 1 requests/, 'and the doctor says so');

# --- without a token nothing is asked, and a token is not asked for over and over
google('refused', '');
buy('refused', 1, 1);
$cluster->drained('refused');
$cluster->alter('refused', token_url => $receiver->url('/fault=invalid_grant/token'));
move_clock(HOUR);
$cluster->wait_row('refused', "state = 'stopped' AND detail LIKE 'no access token: %invalid_grant%'");
my $asked = () = $receiver->requests_at('/fault=invalid_grant/token');
cmp_ok($asked, '>', 0, 'the credential was refused');
# turns of the worker, one for each of these
for my $turn (1 .. 5)
{
	buy('soon', 100 + $turn, 100 + $turn);
	$cluster->drained('soon');
}
cmp_ok(scalar(() = $receiver->requests_at('/fault=invalid_grant/token')), '<=', $asked + 1, 'a refused credential is tried once');
is(receipts('refused'), '1', 'the receipt waits');
$cluster->alter('refused', token_url => $receiver->url('/token'));
$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.receipt WHERE destination = 'refused')",
	'and is asked about when there is a token again');

# --- a destination that is dropped takes its receipts along
$cluster->sql('DROP SERVER never CASCADE');
is(receipts('never'), '0', 'no receipt is left of it');

# --- neither key nor token is anywhere
my $key = slurp_file("$directory/key.pem") =~ s/-----.*?-----|\s//gr;
my $log = $cluster->log_text;

is(index($log, $_), -1, 'no secret in the log') for substr($key, 100, 60), 'ya29.';
unlike($log, qr/ecapi worker failed|PANIC/, 'nothing failed by the log');
$cluster->stop;
$receiver->stop;
done_testing();
