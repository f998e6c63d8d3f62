# Kafka: which topic an event goes to, under which key and with which headers, what stops a
# destination and what does not, and that nothing is lost by it.  The cluster is librdkafka's mock.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiKafka;
use List::Util qw(uniq);
use Test::More;

my $kafka = EcapiKafka->start(args => [ '-b', 3 ]);
my $cluster = EcapiCluster->create;

# A destination of its own route and topic, or topics.
sub destination
{
	my ($name, %options) = @_;

	$cluster->destination($name, undef, { $kafka->options, topic => $name, route => $name, timeout => '20s', %options });
	return;
}

# Emit an event for it.
sub emit
{
	my ($name, $type, $id, $person, $more) = @_;
	my $user = defined $person ? ", user_data => '{\"email_address\": \"$person\@example.com\"}'" : '';

	$cluster->sql("SELECT ecapi_emit('$type', id => " . literal($id) . ", ext => '{\"route\": \"$name\"}'$user" . ($more // '') . ')');
	return;
}

sub ids_of { return join ' ', sort map { $_->{headers}{id} } $kafka->messages($_[0]) }

# --- topics, keys, headers, the event
destination('topics', topic => 'events', event_types => 'login=people, sign_up=people, page_view, search=events');
$cluster->pause('topics');
emit('topics', @$_) for [ 'login', 't-1', 'ann' ], [ 'page_view', 't-2', 'ann' ], [ 'sign_up', "t-\x{22}3\\", 'bob' ], [ 'search', 't-4' ], [ 'refund', 't-5' ];
$cluster->resume('topics');
$cluster->drained('topics');
is(ids_of('people'), "t-\"3\\ t-1", 'events of types with a topic of their own are in that');
is(ids_of('events'), 't-2 t-4', 'the others in that of the option');
my ($message) = grep { $_->{headers}{id} eq 't-1' } $kafka->messages('people');
is_deeply($message->{headers}, { id => 't-1', event_type => 'login', data_set_id => 'topics', route => 'topics' }, 'what consumers select by');
is($message->{key}, 't-1', 'the key is the id');
is("$message->{value}{id} $message->{value}{event_type}", 't-1 login', 'the value is the event');
like($message->{value}{user_data}{email_address}[0], qr/^[0-9a-f]{64}$/, 'with digests');
ok(!exists $message->{value}{ext}, 'and without the route');
my ($row) = grep { $_->{outcome} eq 'delivered' } $cluster->log_rows('topics');
is("$row->{events} $row->{status}", '4 ', 'one request of both topics, which has no status');

# --- by person, and without
destination('persons', message_key => 'person');
emit('persons', 'login', "p-$_", (qw(ann bob), undef)[ $_ % 3 ]) for 1 .. 9;
$cluster->drained('persons');
my %of;
push @{ $of{ $_->{key} // 'none' } }, $_->{headers}{id} for $kafka->messages('persons');
is(join(' | ', sort map { join ' ', sort @$_ } values %of), 'p-1 p-4 p-7 | p-2 p-5 p-8 | p-3 p-6 p-9', 'the messages of each person have one key');
is(join(' ', sort map { length } keys %of), '4 64 64', 'a digest, or none');

# --- what a consumer is to get once is there once, in the order of its key
$kafka->command('topic ordered 6');
destination('ordered', batch_size => 50);
$cluster->sql(q{SELECT count(ecapi_emit(CASE WHEN i % 2 = 0 THEN 'login' ELSE 'page_view' END, id => 'o-' || i, ext => '{"route": "ordered"}')) FROM generate_series(1, 2000) i});
$cluster->drained('ordered');
my %count = map { $_->{headers}{id} . ' ' . $_->{key} => 1 } $kafka->messages('ordered');
is(scalar(keys %count), 2000, 'all ids, each with its key');
is(($kafka->command('count ordered'))[0], "2000\n", 'each once');
my $sorted = 1;
my %last;
for my $m ($kafka->messages('ordered'))
{
	my ($n) = $m->{headers}{id} =~ /(\d+)/;

	$sorted &&= $n > ($last{ $m->{partition} } // 0);
	$last{ $m->{partition} } = $n;
}
ok($sorted, 'in each partition in the order of their commits');

# --- an amendment has the key of its original, and is of another type
destination('amended');
emit('amended', 'purchase', 'a-1', 'ann', q{, value => 10, currency_code => 'EUR'});
$cluster->drained('amended');
$cluster->sql(q{SELECT ecapi.amend('a-1', '{"value": 8}')});
$cluster->wait_row('amended', 'delivered = 2');
is(join(' | ', sort map { "$_->{key} $_->{headers}{event_type}" } $kafka->messages('amended')), 'a-1 purchase | a-1 purchase.amended', 'an amendment');

# --- a topic that does not exist: the destination stops and says what to do; the others' events
# of the same request are delivered, once
$kafka->command('topic mixed 2');
$kafka->command('topic-error gone 3');
destination('mixed', event_types => 'login=gone, page_view', timeout => '3s');
$cluster->pause('mixed');
emit('mixed', $_ % 2 ? 'login' : 'page_view', "m-$_") for 1 .. 6;
$cluster->resume('mixed');
$cluster->stopped('mixed', '%topic gone; create the topic, or name one that exists by the option topic%');
is($cluster->row('mixed')->{backlog} > 0, 1, 'a topic that does not exist: its events are kept');
is(ids_of('mixed'), 'm-2 m-4 m-6', 'those of another topic are there');
$kafka->command('topic-error gone 0');
$cluster->resume('mixed');
$cluster->drained('mixed');
is(ids_of('gone'), 'm-1 m-3 m-5', 'they arrive when there is one');
is(ids_of('mixed'), 'm-2 m-4 m-6', 'and what was acknowledged is not sent again');
is($cluster->row('mixed')->{delivered}, 6, 'each counts once');
is(join(' ', map { "$_->{outcome}:$_->{events}" } $cluster->log_rows('mixed')), 'delivered:3 stopped:3 delivered:3', 'the request log says which');

# --- a message too large: here, an event fails with the reason; at the broker, the destination stops
destination('large', max_message_bytes => 2000);
emit('large', 'login', 'l-1');
emit('large', 'purchase', 'l-2', 'ann', q{, value => 1, currency_code => 'EUR', properties => jsonb_build_object('transaction_id', 'x', 'coupon', repeat('y', 3000))});
emit('large', 'login', 'l-3');
$cluster->drained('large');
is(ids_of('large'), 'l-1 l-3', 'a message too large for the option: the others arrive');
is($cluster->sql(q{SELECT reason || ' ' || (event->>'id') FROM ecapi.failed_event WHERE destination = 'large'}),
	'larger than the option "max_message_bytes" l-2', 'it is a failed event, with the reason');
destination('limit');
$kafka->command('errors 10 1');
emit('limit', 'login', 'li-1');
$cluster->stopped('limit', '%MSG_SIZE_TOO_LARGE%topic limit; set the option max_message_bytes to the topic_s max.message.bytes%');
$cluster->resume('limit');
$cluster->drained('limit');
is(ids_of('limit'), 'li-1', 'too large for the topic: nothing is lost');

# --- errors that pass are tried again by librdkafka, and by a further request
destination('passing');
$kafka->command('errors 19 3');		# NOT_ENOUGH_REPLICAS
emit('passing', 'login', 'pa-1');
$cluster->drained('passing');
is(ids_of('passing'), 'pa-1', 'not enough replicas, for a while: delivered');
is(scalar($cluster->log_rows('passing')), 1, 'by one request');
destination('slow', timeout => '1s');
$kafka->command("down $_") for 1 .. 3;
emit('slow', 'login', 's-0');
$cluster->wait_row('slow', "state = 'waiting' AND detail LIKE '%the connections say %'");
$kafka->command("up $_") for 1 .. 3;
$cluster->drained('slow');
$kafka->command('errors 19 1000');
emit('slow', 'login', 's-1');
$cluster->wait_row('slow', "state = 'waiting' AND detail LIKE '%not acknowledged: Local: Message timed out%'");
unlike($cluster->row('slow')->{detail}, qr/the connections say/, 'a trouble that is over is not the cause of another failure');
$kafka->command('forget');
$cluster->drained('slow');
# a slow machine has it time out again, and the mock drops no repeats
is(join(' ', uniq(split / /, ids_of('slow'))), 's-0 s-1', 'not within the time-out: sent again');
ok(scalar(grep { $_->{outcome} eq 'retry' } $cluster->log_rows('slow')) >= 1, 'by another request');
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), '1', 'nothing else failed');

# --- other errors of brokers that no try helps
for ([ denied => 29, 'TOPIC_AUTHORIZATION_FAILED', 'allow the user' ], [ keyless => 87, 'INVALID_RECORD', 'message_key' ])
{
	my ($name, $code, $word, $todo) = @$_;

	destination($name);
	$kafka->command("errors $code 1");
	emit($name, 'login', "$name-1");
	$cluster->stopped($name, "%$word%$todo%");
	$cluster->resume($name);
	$cluster->drained($name);
	is(ids_of($name), "$name-1", "$word: the event is kept, and arrives later");
}

# --- nobody there: it waits, and says so; options that are corrected apply
destination('nobody', bootstrap_servers => '127.0.0.1:9', timeout => '1s');
emit('nobody', 'login', 'n-1');
$cluster->wait_row('nobody', "state = 'waiting' AND detail LIKE '%timed out%the connections say %'");
$cluster->alter('nobody', bootstrap_servers => $kafka->bootstrap);
$cluster->drained('nobody');
is(ids_of('nobody'), 'n-1', 'other brokers');

# --- the worker ends while messages are on their way: they are sent again, under their ids
$kafka->command("rtt $_ 3000") for 1 .. 3;
destination('restart');
emit('restart', 'login', "r-$_") for 1 .. 5;
$cluster->wait_row('restart', "state = 'delivering'");
$cluster->restart_worker;
$kafka->command("rtt $_ 0") for 1 .. 3;
$cluster->drained('restart');
my %ids = map { $_->{headers}{id} => 1 } $kafka->messages('restart');
is(join(' ', sort keys %ids), 'r-1 r-2 r-3 r-4 r-5', 'a worker that ends loses nothing');

# --- a destination that goes while messages are on their way
$kafka->command("rtt $_ 3000") for 1 .. 3;
destination('dropped');
emit('dropped', 'login', 'd-1');
$cluster->wait_row('dropped', "state = 'delivering'");
my $worker = $cluster->worker_pid;
$cluster->sql('DROP SERVER dropped CASCADE');
$cluster->wait_turns(3);
$kafka->command("rtt $_ 0") for 1 .. 3;
emit('ordered', 'login', 'after');
$cluster->drained('ordered');
is($cluster->worker_pid, $worker, 'the worker goes on without it');

# --- a preview shows messages and settings
my $event = q{event => jsonb_build_object('event_type', 'login', 'id', 'e', 'timestamp', extract(epoch FROM now())::bigint, 'ext', '{"route": "topics"}'::jsonb)};
my ($method, $url, $headers, $shown) = split /\|/, $cluster->sql("SELECT method, url, translate(headers, E'\n', ' '), body::jsonb #>> '{messages,0,topic}' FROM ecapi.preview('topics', $event)");
is("$method $url $shown", 'PRODUCE ' . $kafka->bootstrap . ' people', 'a preview');
like($headers, qr/^bootstrap\.servers: \S+ security\.protocol: plaintext /, 'with the settings of the producer');
like($cluster->refused("SELECT * FROM ecapi.preview('topics', $event, send => true)"), qr/has no test mode/, 'it cannot be sent');

# --- options
my $good = "bootstrap_servers 'k:9093', topic 't'";
for ([ "topic 't'", qr/option "bootstrap_servers" is missing/ ], [ "bootstrap_servers 'k:9093'", qr/option "topic" is missing/ ],
	[ "bootstrap_servers 'k', topic 't'", qr/invalid value for option "bootstrap_servers"/ ],
	[ "bootstrap_servers 'k:1, l:2', topic 't'", qr/invalid value for option "bootstrap_servers"/ ],
	[ "bootstrap_servers 'k:9093', topic 'a/b'", qr/invalid value for option "topic"/ ],
	[ "$good, event_types 'login=a b'", qr/a target that is no topic/ ],
	[ "$good, message_key 'email'", qr/invalid value for option "message_key"/ ],
	[ "$good, security_protocol 'sasl_ssl', sasl_mechanism 'SCRAM-SHA-1'", qr/invalid value for option "sasl_mechanism".*HINT:.*SCRAM-SHA-/s ],
	[ "$good, security_protocol 'sasl_ssl'", qr/option "sasl_mechanism" is missing/ ],
	[ "$good, sasl_mechanism 'PLAIN'", qr/option "sasl_mechanism" is not used/ ],
	[ "$good, security_protocol 'plaintext'", qr/in the clear.*HINT:.*sasl_ssl/s ],
	[ "bootstrap_servers '127.0.0.1.example.com:9092', topic 't', security_protocol 'plaintext'", qr/in the clear/ ],
	[ "$good, max_message_bytes '10'", qr/invalid value for option "max_message_bytes"/ ],
	[ "$good, url 'https://k'", qr/option "url" is not used/ ], [ "$good, mode 'test'", qr/option "mode" cannot be "test"/ ],
	[ "$good, sasl_password 'x'", qr/invalid option "sasl_password"/ ])
{
	my (undef, undef, $error) = $cluster->try_sql("CREATE SERVER wrong FOREIGN DATA WRAPPER ecapi OPTIONS (format 'kafka', $_->[0])");

	like($error, $_->[1], "refused: $_->[0]");
}

$cluster->stop;
is($kafka->stop, 0, 'the cluster has ended');
done_testing();
