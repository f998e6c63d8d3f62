# Routing in the worker: what a destination does not take by type, route,
# consent, sample or filter is not sent, and stands with its reason in the ledger
# and in the request log, exactly once, with its value; pages that hold nothing for a
# destination are passed over whole, and count the same.  A delay holds events;
# test mode expires.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids literal);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;
my $EVENTS = 0;

# Events PREFIX1 to PREFIXcount in one transaction; more is jsonb in terms of i.
sub emit
{
	my ($prefix, $count, $more) = @_;

	$EVENTS += $count;
	return $cluster->sql("SELECT count(ecapi_emit(event => jsonb_build_object('id', '$prefix' || i,"
		  . " 'event_type', 'purchase', 'value', i, 'currency_code', 'EUR') || $more))"
		  . " FROM generate_series(1, $count) i");
}

sub received
{
	my ($data_set) = @_;

	return grep { $_->{data_set_id} eq $data_set } $receiver->records;
}

# The ledger of a destination: outcome, reason, events, value.
sub ledger
{
	my ($name) = @_;

	return $cluster->sql("SELECT string_agg(l, ', ' ORDER BY l) FROM (SELECT concat_ws(' ', outcome,"
		  . " reason, sum(events), sum(value)) AS l FROM ecapi.ledger WHERE destination = "
		  . literal($name) . " GROUP BY outcome, reason) x");
}

# The same from the request log and the outbox: each event by the row that names it.
sub logged
{
	my ($name) = @_;

	return $cluster->sql("SELECT string_agg(l, ', ' ORDER BY l) FROM (SELECT concat_ws(' ', r.outcome,"
		  . " r.reason, count(*), sum((o.event ->> 'value')::numeric)) AS l"
		  . " FROM ecapi.outbox o JOIN ecapi.request r ON r.seqs @> o.seq AND r.destination = "
		  . literal($name) . " GROUP BY r.outcome, r.reason) x");
}

# All that was emitted ended at a destination in exactly one way.
sub accounted
{
	my ($name, $expected) = @_;

	$cluster->drained($name);
	is(ledger($name), $expected, "$name: every event is counted, with its value");
	is(logged($name), $expected, "$name: the request log names the same events");
	is($cluster->sql("SELECT sum(events) FROM ecapi.ledger WHERE destination = " . literal($name)),
		$EVENTS, "$name: each of them once");
	return;
}

my $route = "jsonb_build_object('ext', jsonb_build_object('route', CASE WHEN i % 4 = 0 THEN 'at' ELSE 'de' END))";
my $consent = "jsonb_build_object('user_data', jsonb_build_object('email_address', 'p' || i || '\@example.com',"
  . " 'ext', CASE i % 3 WHEN 0 THEN '{\"consent\": {\"ad_user_data\": true}}'"
  . " WHEN 1 THEN '{\"consent\": {\"ad_user_data\": false}}' ELSE '{}' END::jsonb))";

$cluster->destination('all', $receiver->url('/all'));
$cluster->destination('de', $receiver->url('/de'), { route => 'de' });
$cluster->destination('at', $receiver->url('/at'), { route => 'at' });
$cluster->destination('ch', $receiver->url('/ch'), { route => 'ch' });
$cluster->destination('logins', $receiver->url('/logins'), { event_types => 'login', route => 'de' });
$cluster->destination('large', $receiver->url('/large'), { filter => 'value > 90' });
$cluster->destination('agreed', $receiver->url('/agreed'), { consent => 'required' });
$cluster->destination('some', $receiver->url('/some'), { sample => '0.5' });
$cluster->destination('dry', $receiver->url('/dry'), { filter => 'value > 90', mode => 'shadow' });

# --- mixed pages, and pages that hold nothing for some

emit('a', 100, "$route || $consent");
emit('b', 5000, "'{\"ext\": {\"route\": \"de\"}}'");
emit('c', 10, "'{}'");
accounted('all', 'delivered 5110 12507605');
accounted('de', 'delivered 5075 12506250, filtered route 35 1355');
accounted('at', 'delivered 25 1300, filtered route 5085 12506305');
accounted('ch', 'filtered route 5110 12507605');
accounted('logins', 'filtered event_type 5110 12507605');
accounted('large', 'delivered 4920 12499360, filtered filter 190 8245');
accounted('dry', 'filtered filter 190 8245, shadow 4920 12499360');
accounted('agreed', 'delivered 33 1683, filtered consent denied 34 1717, filtered consent missing 5043 12504205');
is(scalar(received('de')), 5075, 'what is delivered has arrived');
is(scalar(received('at')), 25, 'at its destination');
is(scalar(received('ch')), 0, 'and nothing where nothing should');
$cluster->drained('some');
my $sampled = received('some');
# 100 persons of whom each is in or out, and 5010 events without one
is($cluster->sql("SELECT sum(events) FROM ecapi.ledger WHERE destination = 'some'"), $EVENTS,
	'a sample accounts for all events');
cmp_ok(scalar(received('some')), '>', 0, 'some are in the sample');
cmp_ok(scalar(received('some')), '<', $EVENTS, 'some are not');
is(ledger('some'), logged('some'), 'and the request log agrees');
is($cluster->row('ch')->{filtered}, $EVENTS, 'the view counts what was passed over');

# --- passed over while earlier events are on their way

$cluster->alter('at', url => $receiver->url('/at/delay=300'), data_set_id => 'at2');
emit('d', 10, "'{\"ext\": {\"route\": \"at\"}}'");
emit('e', 6000, "'{\"ext\": {\"route\": \"de\"}}'");
emit('f', 10, "'{\"ext\": {\"route\": \"at\"}}'");
$cluster->drained('at');
is(join(' ', map { $_->{id} } received('at2')), join(' ', ids('d', 1, 10), ids('f', 1, 10)),
	'events around pages of others arrive in order');
accounted('at', 'delivered 45 1410, filtered route 11085 30509305');

# --- new options apply to what is emitted after them

$cluster->alter('ch', route => 'de');
emit('g', 3, "'{\"ext\": {\"route\": \"de\"}}'");
$cluster->drained('ch');
is(join(' ', map { $_->{id} } received('ch')), 'g1 g2 g3', 'a new route counts at once');

# --- a filter that fails on an event

$cluster->destination('holds', $receiver->url('/holds'), { filter => '10 / (value - 2) > 0' });
$cluster->destination('skips', $receiver->url('/skips'),
	{ filter => '10 / (value - 2) > 0', enrich_on_error => 'skip' });
$cluster->destination('kills', $receiver->url('/kills'),
	{ filter => '10 / (value - 2) > 0', enrich_on_error => 'dead' });
emit('h', 4, "'{}'");
$cluster->drained('skips', 'kills');
is(ledger('skips'), 'delivered 2 7, filtered filter 1 1, filtered filter failed 1 2',
	'skip: an event that the filter fails on is left out and counted');
is(ledger('kills'), 'delivered 2 7, failed filter failed 1 2, filtered filter 1 1', 'dead: it is dead');
$cluster->wait_row('holds', "state = 'waiting' AND detail LIKE '%filter%22012%'");
$cluster->alter('holds', filter => 'value > 2');
$cluster->drained('holds');
is(ledger('holds'), 'delivered 2 7, filtered filter 2 3', 'hold: it waits until the filter is fixed');

# --- a delay: nothing leaves before its time, and all of it after

$cluster->destination('late', $receiver->url('/late'), { delay => '2s' });
$cluster->destination('later', $receiver->url('/later'), { delay => '2s' });
for my $n (1 .. 4)
{
	emit("i$n-", 5, "'{}'");
	$cluster->drained('all');
}
my @all = map { ids("i$_-", 1, 5) } 1 .. 4;
$cluster->drained('late', 'later');
$cluster->all_there($receiver, $_, \@all, "$_: delayed events arrive") for qw(late later);
my %emitted = split /[|\n]/,
  $cluster->sql("SELECT event ->> 'id', (extract(epoch FROM emitted_at) * 1000000)::bigint FROM ecapi.outbox"
	  . " WHERE event ->> 'id' LIKE 'i%'");
is(scalar(grep { $_->{time_us} - $emitted{ $_->{id} } < 2_000_000 } received('late')), 0,
	'none before its delay is over');

# --- test mode ends after a day

$cluster->destination('tried', $receiver->url('/tried'),
	{ mode => 'test', test_url => $receiver->url('/test') });
emit('j', 2, "'{}'");
$cluster->drained('tried');
is(scalar(grep { $_->{path} eq '/test' } received('tried')), 2, 'test mode sends to the test url');
is($cluster->sql("SELECT mode || ' ' || (test_until > now() + interval '23 hours')"
	  . " FROM ecapi.destination WHERE destination = 'tried'"), 'test true', 'the view says until when');
# the worker reads it when it starts, and has nothing to write now
$cluster->sql("UPDATE ecapi.cursor_row SET test_since = test_since - interval '25 hours' WHERE destination = 'tried'");
$cluster->restart;
emit('k', 2, "'{}'");
$cluster->stopped('tried', '%test mode has expired%');
is(scalar(received('tried')), 2, 'expired, it sends no more');
$cluster->alter('tried', mode => 'live');
$cluster->drained('tried');
is(scalar(grep { $_->{path} eq '/tried' } received('tried')), 2, 'set live, it sends what waited');
is($cluster->sql("SELECT test_until IS NULL FROM ecapi.destination WHERE destination = 'tried'"), 't',
	'and is in test mode no more');
$receiver->stop;
done_testing();
