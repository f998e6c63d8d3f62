# ecapi.amend(): what an event is worth now leaves where the platform has a way to take it
# and the original was delivered, inside the platform's time, once, and never before the
# original; elsewhere it is counted with the reason.
#
# The server's clock is moved (test/clock/clock.c): what is amended was sold days ago.
# The receiver holds each body to the rules of its platform, what an appended value and a
# restated conversion need among them.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiClock;
use EcapiCluster qw(literal);
use EcapiFormats qw(@RECEIVER format_destination purchases write_secrets);
use EcapiReceiver;
use JSON::PP;
use Test::More;

use constant DAY => 86400;

my $json = JSON::PP->new->utf8->canonical;
my $clock = EcapiClock->new;
my $receiver = EcapiReceiver->start(args => [@RECEIVER]);
my $cluster = $clock->under(sub {
	EcapiCluster->create(conf => "track_commit_timestamp = on\nrestart_after_crash = on\necapi.retention = '30d'\n") });
my @all = qw(meta google hook tiktok);

write_secrets($cluster, $_, 'good') for qw(meta google webhook tiktok);
format_destination($cluster, $receiver, 'meta', 'meta', '/meta');
format_destination($cluster, $receiver, 'google', 'google', '/google', linger => 0);
format_destination($cluster, $receiver, 'webhook', 'hook', '/hook', batch_size => 1, event_types => 'purchase');
format_destination($cluster, $receiver, 'tiktok', 'tiktok', '/tiktok');

sub buy { return $cluster->sql(purchases($_[0], $_[1], $_[2] // $_[1])) }

# Amend an event; returns the id of the amendment.
sub amend
{
	my ($id, $patch) = @_;

	return $cluster->sql('SELECT ecapi.amend(' . literal($id) . ', ' . literal($json->encode($patch)) . ')');
}

# Wait until nothing is open; returns state and reason of the last amendment of an id.
sub resolved
{
	my ($id) = @_;

	$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.amendment WHERE state = 'open')");
	return $cluster->sql("SELECT concat_ws(': ', state, reason) FROM ecapi.amendment WHERE id = " . literal($id)
		  . ' ORDER BY amend_id DESC LIMIT 1');
}

# The same, when every destination named has disposed of it.
sub amended
{
	my ($id, $patch, @destinations) = @_;
	my $amendment = amend($id, $patch);

	is(resolved($id), 'emitted', "$id is amended");
	$cluster->drained(@destinations);
	return $amendment;
}

# What became of an id at a destination, as the trace has it.
sub traced
{
	my ($id, $destination) = @_;

	return $cluster->sql("SELECT string_agg(concat_ws(': ', outcome, reason), ', ' ORDER BY at, outcome)"
		  . ' FROM ecapi.trace(' . literal($id) . ') WHERE destination = ' . literal($destination));
}

# The events of accepted requests to a platform, in the order in which they came.
sub events_at
{
	my ($platform, $list, $path) = @_;
	my @bodies = map { $json->decode($_->{body}) } grep { !$path || $_->{path} =~ m{^/$path(/|$)} }
	  grep { $_->{status} == 200 } $receiver->bodies($platform);

	return map { $list && ref $_ eq 'HASH' ? @{ $_->{$list} } : ref $_ eq 'ARRAY' ? @$_ : $_ } @bodies;
}

sub stored { return $cluster->sql("SELECT count(*) FROM ecapi.outbox WHERE event->>'id' = " . literal($_[0])) }

# --- day 6: a margin and a prediction are known

buy('o-', 1, 9);
$cluster->drained(@all);
$clock->move(6 * DAY, $receiver);
my $first = amended('o-1', { value => 41.25, ext => { predicted_ltv => 320 } }, @all);

like($first, qr/^o-1:amended:1:[0-9a-f]{12}$/, 'the id says what is amended, and how often it was');

subtest 'Meta gets an appended value' => sub {
	my ($original) = grep { $_->{event_id} eq 'o-1' } events_at('meta', 'data');
	my ($appended) = grep { $_->{event_id} eq $first } events_at('meta', 'data');

	is($appended->{event_name}, 'AppendValue', 'under the name of appended values');
	is_deeply($appended->{original_event_data},
		{ event_name => 'Purchase', event_time => $original->{event_time}, event_id => 'o-1', order_id => 'o-1' },
		'of the original');
	ok(abs($appended->{event_time} - $original->{event_time} - 6 * DAY) < 600, 'at the time of the amendment');
	is_deeply([ @{ $appended->{custom_data} }{qw(value currency predicted_ltv)} ], [ 41.25, 'EUR', 320 ], 'with what is known now');
	is_deeply($appended->{user_data}, $original->{user_data}, 'and the same person');
};

subtest 'Google gets a restated conversion' => sub {
	my ($original, @restated) = grep { $_->{transactionId} eq 'o-1' } events_at('google', 'events');

	is(scalar @restated, 1, 'one, under the same transaction id');
	is($restated[0]{eventTimestamp}, $original->{eventTimestamp}, 'at the time of the original');
	ok($restated[0]{lastUpdatedTimestamp} gt $original->{eventTimestamp}, 'updated later');
	is($restated[0]{conversionValue}, 41.25, 'with the new value');
	is_deeply($restated[0]{userData}, $original->{userData}, 'and the same person');
};

subtest 'a webhook gets a message of another type' => sub {
	my ($message) = grep { $_->{data}{id} eq $first } events_at('webhook');

	is($message->{type}, 'ecapi.purchase.amended', 'which says it');
	is($message->{data}{value}, 41.25, 'with the new value');
	is_deeply([ sort keys %{ $message->{data}{ext} } ], [qw(original predicted_ltv)], 'where the original lies does not leave');
	is_deeply([ @{ $message->{data}{ext}{original} }{qw(event_type id transaction_id)} ], [qw(purchase o-1 o-1)], 'what it is does');
};

is(traced($first, 'tiktok'), 'filtered: not amendable', 'a platform without a way gets nothing');
is($cluster->sql("SELECT string_agg(concat_ws(' ', destination, outcome, reason, sum), ', ' ORDER BY destination) FROM"
	  . " (SELECT destination, outcome, reason, sum(events) FROM ecapi.ledger WHERE reason ~ 'amend' GROUP BY 1, 2, 3) l"),
	'google delivered amendment 1, hook delivered amendment 1, meta delivered amendment 1, tiktok filtered not amendable 1',
	'each is counted');
is($cluster->sql("SELECT sum(value) FROM ecapi.ledger WHERE destination = 'meta' AND outcome = 'delivered'"), '45',
	'the values that were sold are not added up with it');
is($cluster->sql("SELECT string_agg(concat_ws(' ', outcome, reason), ', ') FROM ecapi.trace('o-1') WHERE outcome = 'amended'"),
	"amended as $first", 'the trace of the original tells');

# --- the same once more, and another value

is(amend('o-1', { value => 41.25, ext => { predicted_ltv => 320 } }), $first, 'the same call is the same amendment');
my $second = amended('o-1', { value => 30 }, @all);

isnt($second, $first, 'another value is another');
is(stored($first) . stored($second), '11', 'each is one event');
my $third = amended('o-1', { value => 41.25, ext => { predicted_ltv => 320 } }, @all);

like($third, qr/:3:/, 'a value that changes back is the third');
is_deeply([ map { $_->{conversionValue} } grep { $_->{transactionId} eq 'o-1' } events_at('google', 'events') ],
	[ 1, 41.25, 30, 41.25 ], 'in this order');

my @sessions = map { $cluster->background_psql('postgres', on_error_die => 1) } 1 .. 2;

$_->query("BEGIN; SELECT ecapi.amend('o-6', '{\"value\": 3}');") for @sessions;
$_->query('COMMIT;') for @sessions;
$_->quit for @sessions;
is(resolved('o-6'), 'emitted', 'two sessions amend an event at the same time');
is($cluster->sql("SELECT count(*) || ' ' || count(DISTINCT event_id) FROM ecapi.amendment WHERE id = 'o-6'"), '2 1', 'in the same way');
is(stored($cluster->sql("SELECT max(event_id) FROM ecapi.amendment WHERE id = 'o-6'")), 1, 'it is one event');

# --- numbers of a few bytes in jsonb, and of a gigabyte as text

$cluster->sql("SELECT ecapi.amend('o-9', ('{\"value\": 2, \"ext\": {\"long\": [1' || repeat(',1e131000', 9000) || ']}}')::jsonb)");
is(resolved('o-9'), 'emitted', 'long numbers in a patch keep no amendment from being read');
is($cluster->sql("SELECT event->>'value' FROM ecapi.outbox WHERE event->>'id' = (SELECT event_id FROM ecapi.amendment WHERE id = 'o-9')"),
	2, 'with the value that it has');

# --- day 8: too late for Meta

$clock->move(2 * DAY, $receiver);
my $late = amended('o-2', { value => 7 }, @all);

is(traced($late, 'meta'), 'filtered: original too old', 'Meta takes none after a week');
is(traced($late, $_), 'delivered', "$_ does") for qw(google hook);

# --- the original has yet to leave

$cluster->pause('meta');
buy('w-', 1);
my $early = amended('w-1', { value => 7 }, qw(google hook));

is(traced($early, 'hook'), 'delivered', 'where the original is delivered, the amendment is');
is($cluster->row('meta')->{backlog}, 2, 'both wait where a destination is paused');
$cluster->resume('meta');
$cluster->drained('meta');
is_deeply([ map { $_->{event_id} } grep { $_->{event_id} =~ /^w-1/ } events_at('meta', 'data') ], [ 'w-1', $early ],
	'and leave in order');

subtest 'an original that is sent again and again' => sub {
	format_destination($cluster, $receiver, 'webhook', 'shaky', '/shaky/status=503', batch_size => 1, event_types => 'purchase');
	buy('w-', 2);
	$cluster->wait_sql("EXISTS (SELECT FROM ecapi.request WHERE destination = 'shaky' AND status = 503)");
	my $amendment = amended('w-2', { value => 8 }, @all);

	is($cluster->sql("SELECT count(*) FROM ecapi.request r, ecapi.outbox o WHERE r.destination = 'shaky' AND r.seqs @> o.seq"
		  . " AND o.event->>'id' = '$amendment'"), 0, 'is not overtaken');
	$cluster->alter('shaky', url => $receiver->url('/shaky/webhook'));
	$cluster->drained('shaky');
	is_deeply([ map { $_->{data}{id} } grep { $_->{data}{id} =~ /^w-2/ } events_at('webhook', undef, 'shaky') ],
		[ 'w-2', $amendment ], 'and both arrive in order');
	$cluster->sql('DROP SERVER shaky CASCADE');
};

subtest 'an original that failed' => sub {
	format_destination($cluster, $receiver, 'webhook', 'picky', '/picky/fail-if=w-3/reject-if=w-4', batch_size => 1, event_types => 'purchase');
	buy('w-', 3, 5);
	$cluster->wait_sql("(SELECT count(*) = 2 FROM ecapi.failed_event WHERE destination = 'picky')");
	$cluster->sql("SELECT ecapi.discard('picky', event_id => 'w-4')");
	my %of = map { $_ => amended($_, { value => 9 }) } qw(w-3 w-4);

	$cluster->wait_sql("EXISTS (SELECT FROM ecapi.failed_event WHERE destination = 'picky' AND event_id = '$of{'w-3'}')");
	is($cluster->sql("SELECT state || ': ' || reason FROM ecapi.failed_event WHERE event_id = '$of{'w-3'}'"),
		'waiting: its original is tried first', 'and is tried again holds the amendment back');
	is(traced($of{'w-4'}, 'picky'), 'filtered: original not delivered', 'and is given up is not amended');
	$cluster->alter('picky', url => $receiver->url('/picky/webhook'));
	$cluster->sql("SELECT ecapi.retry('picky', 'w-3')");
	$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.failed_event WHERE event_id = 'w-3')");
	$cluster->sql("SELECT ecapi.retry('picky', '$of{'w-3'}')");
	$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.failed_event WHERE event_id = '$of{'w-3'}')");
	is_deeply([ map { $_->{data}{id} } grep { $_->{data}{id} =~ /^w-3/ } events_at('webhook', undef, 'picky') ],
		[ 'w-3', $of{'w-3'} ], 'delivered at last, it is amended');
	$cluster->sql('DROP SERVER picky CASCADE');
};

subtest 'an original that was filtered' => sub {
	format_destination($cluster, $receiver, 'webhook', 'dear', '/dear', batch_size => 1, event_types => 'purchase', filter => 'value > 100');
	buy('w-', 6);
	$cluster->drained('dear');
	my $amendment = amended('w-6', { value => 200 }, 'dear');

	is(traced($amendment, 'dear'), 'filtered: original not delivered', 'is not amended');
	is($cluster->sql("SELECT decision || ': ' || reason FROM ecapi.preview('dear', id => '$amendment')"),
		'filtered: original not delivered', 'and a preview says so');
	is($cluster->sql("SELECT decision FROM ecapi.preview('hook', id => '$amendment')"), 'send', 'as it says where it was delivered');
	$cluster->sql('DROP SERVER dear CASCADE');
};

subtest 'enrichments' => sub {
	$cluster->sql('CREATE FUNCTION worth(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE BEGIN ATOMIC'
		  . " SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('amended', coalesce(e.ext ? 'original', false))) FROM unnest(page) e; END");
	$cluster->sql('CREATE ROLE enriching; GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO enriching; GRANT pg_read_server_files TO enriching; GRANT CREATE ON SCHEMA public TO enriching; ALTER FUNCTION worth OWNER TO enriching');
	format_destination($cluster, $receiver, 'webhook', 'rich', '/rich', batch_size => 1, event_types => 'purchase', enrich => 'public.worth');
	buy('w-', 7);
	$cluster->drained('rich');
	amended('w-7', { value => 11 }, 'rich');
	is_deeply([ map { "$_->{type} $_->{data}{value} $_->{data}{ext}{amended}" } events_at('webhook', undef, 'rich') ],
		[ 'ecapi.purchase 7 0', 'ecapi.purchase.amended 11 1' ], 'see an amendment as what it is');
	$cluster->sql('DROP SERVER rich CASCADE');
};

# --- cancelled, forgotten, withdrawn

$cluster->pause('hook');
my $stopped = amended('w-1', { value => 1 }, qw(meta google));

$cluster->sql("SELECT ecapi.cancel('w-1')");
$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.cancellation WHERE state = 'stopping')");
$cluster->resume('hook');
$cluster->drained('hook');
is(traced($stopped, 'hook'), 'filtered: cancelled', 'what a cancelled order is worth does not leave any more');
amend('w-1', { value => 2 });
is(resolved('w-1'), 'cancelled', 'nor is it amended later');

$cluster->sql("SELECT ecapi.forget('plantedperson3\@secret.example')");
amend('o-3', { value => 2 });
is(resolved('o-3'), 'erased', 'the event of a person who was forgotten is not amended');
$cluster->sql("SELECT ecapi.withdraw('plantedperson4\@secret.example', destinations => '{hook}')");
my $withdrawn = amended('o-4', { value => 2 }, @all);

is(traced($withdrawn, 'hook'), 'filtered: consent withdrawn', 'consent that is withdrawn from one destination is so for the amendment');
is(traced($withdrawn, 'google'), 'delivered', 'and for no other');
$cluster->sql("SELECT ecapi.withdraw('plantedperson5\@secret.example')");
amend('o-5', { value => 2 });
is(resolved('o-5'), 'consent withdrawn', 'withdrawn from all, it is not amended');

# --- what cannot be amended

amend('nowhere', { value => 1 });
like(resolved('nowhere'), qr/^not found: emit an event of your own with ext\.original/, 'what is not there');
amend($third, { value => 1 });
is(resolved($third), 'refused: it refers to another event, which can be amended', 'an amendment');
$cluster->sql("SELECT ecapi_emit('sign_up', id => 's-1')");
amend('s-1', { value => 1 });
is(resolved('s-1'), 'refused: currency_code: value without a currency', 'what would become invalid');
is($cluster->sql('SELECT count(*) FROM ecapi.amendment WHERE patch IS NOT NULL'), 0, 'no patch stays');
like($cluster->doctor('warning', 'amendments'), qr/^3 amendments of the last day came to nothing: not found, refused -- SELECT/,
	'the doctor counts them');

# --- a whole table in one statement, through crashes of the worker

$cluster->sql('CREATE TABLE score AS SELECT i, i * 10 AS ltv FROM generate_series(1, 500) i');
buy('m-', 1, 500);
$cluster->drained(@all);
is($cluster->sql("SELECT count(DISTINCT ecapi.amend('m-' || i, jsonb_build_object('ext', jsonb_build_object('predicted_ltv', ltv)))) FROM score"),
	500, 'one statement amends 500');
my $pid = $cluster->kill_worker;
$cluster->wait_worker($pid);
$cluster->wait_sql("(SELECT count(*) >= 100 FROM ecapi.amendment WHERE id ~ '^m-' AND state = 'emitted')");
$pid = $cluster->kill_worker;
$cluster->wait_worker($pid);
is(resolved('m-500'), 'emitted', 'all are, through crashes');
$cluster->drained(@all);
is($cluster->sql("SELECT count(*) || ' ' || count(DISTINCT event->>'id') FROM ecapi.outbox WHERE event->>'id' ~ '^m-.*amended'"),
	'500 500', 'each is one event');
my %ltv = map { $_->{original_event_data}{event_id} => $_->{custom_data}{predicted_ltv} }
  grep { $_->{event_name} eq 'AppendValue' && $_->{event_id} =~ /^m-/ } events_at('meta', 'data');

is_deeply(\%ltv, { map { ("m-$_" => $_ * 10) } 1 .. 500 }, 'and arrives');

# --- in one transaction, event and amendment; the request takes the one first

$cluster->sql('BEGIN;' . purchases('t-', 1, 3) . ";SELECT ecapi.amend('t-2', '{\"value\": 5}');COMMIT");
is(resolved('t-2'), 'emitted', 'an event of the same transaction is amended');
$cluster->drained(@all);
is_deeply([ map { $_->{conversionValue} } grep { $_->{transactionId} eq 't-2' } events_at('google', 'events') ], [ 2, 5 ], 'behind it');

# --- a full outbox drops amendments as it drops events

$cluster->sql("ALTER SYSTEM SET ecapi.outbox_limit = '1MB'; SELECT pg_reload_conf()");
$cluster->wait_sql('(SELECT is_full FROM ecapi.outbox_use)');
like(amend('t-1', { value => 5 }), qr/^t-1:amended:1:/, 'what is dropped has an id');
is($cluster->sql("SELECT (SELECT count(*) FROM ecapi.amendment WHERE id = 't-1') || ' ' || dropped FROM ecapi.outbox_use"), '0 1', 'and is counted');

is($receiver->platforms->{$_}{refused} // 0, 0, "$_ has refused nothing") for qw(meta google);
unlike($cluster->log_text, qr/ecapi worker failed|PANIC/, 'and no step failed');
$cluster->stop;
done_testing();
