# Google Cloud Pub/Sub: which topic an event goes to, in whose order, what becomes of it when
# an answer makes no sense or does not come, and what stops a destination.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiReceiver;
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

$cluster->write_credential('pubsub.token', "1//refresh\n");

# A destination of its own route, at a path that asks for what it will.
sub destination
{
	my ($name, $path, %options) = @_;

	$cluster->destination($name, $receiver->url("/$name$path"), { format => 'pubsub', project_id => 'shop', topic => 'events',
			client_id => 'client', token_url => $receiver->url('/token'), route => $name, %options },
		{ client_secret => 'secret', refresh_token_file => 'pubsub.token' });
	return;
}

# Emit an event for it.
sub emit
{
	my ($name, $type, $id, $person) = @_;
	my $user = defined $person ? ", user_data => '{\"email_address\": \"$person\@example.com\"}'" : '';

	$cluster->sql("SELECT ecapi_emit('$type', id => '$id', ext => '{\"route\": \"$name\"}'$user)");
	return;
}

sub records_of { return grep { index($_->{path}, "/$_[0]/") == 0 } $receiver->records }
sub requests_of { return grep { index($_->{path}, "/$_[0]/") == 0 } $receiver->requests }
sub ids_of { return join ' ', map { $_->{id} } records_of($_[0]) }
sub messages_of { my ($name) = @_; return map { @{ $_->{messages} } } grep { index($_->{messages}[0]{attributes}{route} // '', $name) == 0 } $receiver->accepted_bodies('pubsub') }

# --- topics: of the event type, or of the option
destination('topics', '', event_types => 'login=people, sign_up=people, page_view, search=events');
$cluster->pause('topics');
emit('topics', @$_) for [ 'login', 't-1', 'ann' ], [ 'page_view', 't-2', 'ann' ], [ 'sign_up', 't-3', 'bob' ], [ 'search', 't-4' ], [ 'refund', 't-5' ];
$cluster->resume('topics');
$cluster->drained('topics');
my %topic;
push @{ $topic{ $_->{data_set_id} } }, $_->{id} for records_of('topics');
is_deeply(\%topic, { people => [ 't-1', 't-3' ], events => [ 't-2', 't-4' ] }, 'each event is in its topic');
is(scalar(requests_of('topics')), 2, 'a request a topic');
my ($message) = grep { $_->{attributes}{id} eq 't-1' } messages_of('topics');
is_deeply($message->{attributes}, { id => 't-1', event_type => 'login', data_set_id => 'topics', route => 'topics' }, 'what subscriptions filter by');
my $data = decode_json(decode_base64($message->{data}));
is("$data->{id} $data->{event_type}", 't-1 login', 'data is the event');
like($data->{user_data}{email_address}[0], qr/^[0-9a-f]{64}$/, 'with digests');
ok(!exists $data->{ext}, 'and without the route');
ok(!exists $message->{orderingKey}, 'without an ordering key');

# --- in the order of persons
destination('persons', '', ordering_key => 'person');
$cluster->pause('persons');
emit('persons', 'login', "p-$_", (qw(ann bob), undef)[ $_ % 3 ]) for 1 .. 9;
$cluster->resume('persons');
$cluster->drained('persons');
my %of;
push @{ $of{ $_->{orderingKey} // 'none' } }, $_->{attributes}{id} for messages_of('persons');
is(join(' | ', sort map { "@$_" } values %of), 'p-1 p-4 p-7 | p-2 p-5 p-8 | p-3 p-6 p-9', 'the messages of each in their order');
is(join(' ', sort map { length } keys %of), '4 64 64', 'by a digest, or by none');
is(scalar(requests_of('persons')), 3, 'a request a person');

# --- what was published twice has one id
for ([ fewer => '/fault=fewer/first=1' ], [ lost => '/cut=after/first=1' ], [ internal => '/fault=internal/first=1' ])
{
	my ($name, $path) = @$_;

	destination($name, $path);
	emit($name, 'login', "$name-1");
	$cluster->drained($name);
	is(scalar(requests_of($name)), 2, "$name: the request is made again");
	is(ids_of($name), join(' ', ("$name-1") x ($name eq 'internal' ? 1 : 2)), "$name: under the same id");
	is($cluster->row($name)->{delivered} . ' ' . $cluster->row($name)->{failed}, '1 0', "$name: which counts once");
}

# --- what no event is to blame for stops the destination, and goes on
for ([ gone => '/fault=not-found/first=1', 'NOT_FOUND' ], [ denied => '/fault=denied/first=1', 'PERMISSION_DENIED' ],
	[ frozen => '/fault=precondition/first=1', 'FAILED_PRECONDITION' ])
{
	my ($name, $path, $word) = @$_;

	destination($name, $path);
	emit($name, 'login', "$name-1");
	$cluster->wait_row($name, "state = 'stopped' AND detail LIKE '%$word%'");
	is($cluster->row($name)->{backlog}, 1, "$name: $word: the event is kept");
	$cluster->resume($name);
	$cluster->drained($name);
	is(ids_of($name), "$name-1", "$name: and arrives later");
}
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), '0', 'nothing failed');

# --- an emulator in mode test: it takes any token, so none is asked for
$cluster->destination('emulator', 'http://127.0.0.1:9', { format => 'pubsub', project_id => 'p', topic => 'events', mode => 'shadow',
		test_url => $receiver->url('/emulator'), token_url => $receiver->url('/emulator/token') }, { access_token => 'any' });
my $url = sub { return $cluster->sql(q{SELECT url FROM ecapi.preview('emulator', event => jsonb_build_object('event_type', 'login', 'id', 'e', 'timestamp', extract(epoch FROM now())::bigint))}) };
is($url->(), 'http://127.0.0.1:9/v1/projects/p/topics/events:publish', 'the URL of a topic');
$cluster->alter('emulator', mode => 'test');
is($url->(), $receiver->url('/emulator/v1/projects/p/topics/events:publish'), 'and of the emulator in mode test');
is(scalar(grep { $_->{path} eq '/emulator/token' } $receiver->requests), 0, 'no token is asked for');

# --- options
for ([ "topic 'goog-x', project_id 'p'", qr/invalid value for option "topic"/ ], [ "topic 'events'", qr/option "project_id"/ ],
	[ "project_id 'p'", qr/option "topic"/ ], [ "topic 'events', project_id 'p/q'", qr/invalid value for option "project_id"/ ],
	[ "topic 'events', project_id 'p', event_types 'login=a b'", qr/a target that is no topic/ ],
	[ "topic 'events', project_id 'p', ordering_key 'email'", qr/invalid value for option "ordering_key"/ ])
{
	my (undef, undef, $error) = $cluster->try_sql("CREATE SERVER wrong FOREIGN DATA WRAPPER ecapi OPTIONS (format 'pubsub', $_->[0])");

	like($error, $_->[1], "refused: $_->[0]");
}

my $log = $cluster->log_text;
unlike($log, qr/\Q$_\E/, 'no secret is in the log') for '1//refresh', 'ya29.';

$cluster->stop;
$receiver->stop;
done_testing();
