# The platforms that the receiver plays: what they refuse, how they fail, what they
# keep.  Requests are written by hand, so this test knows nothing of the extension.
#
# Needs neither PostgreSQL nor the extension: only test/receiver/receiver.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(hmac_sha256_base64 sha256_hex);
use EcapiReceiver;
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Storable qw(dclone);
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $http = HTTP::Tiny->new(timeout => 180, max_redirect => 0);
my $token = 'EAAB-test-token';
my @secrets = ('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX');
my $receiver = EcapiReceiver->start(args => [ '--meta-token', $token, map { ('--webhook-secret', $_) } @secrets ]);
my $digest = sha256_hex('someone@example.com');

# POST a text, or a structure as JSON; returns the answer with its JSON as {json}.
sub post
{
	my ($path, $body, $headers) = @_;
	my $answer = $http->request('POST', $receiver->url($path), {
		content => ref $body ? $json->encode($body) : $body,
		headers => { 'Content-Type' => 'application/json', %{ $headers // {} } },
	});

	$answer->{json} = eval { $json->decode($answer->{content}) };
	return $answer;
}

# A copy with the place changed that a path such as "user_data.em" or "items.0.id"
# names; a value of \'' (a reference to the empty string) takes the member away.
sub changed
{
	my ($structure, $path, $value) = @_;
	my $copy = dclone($structure);
	my $at = $copy;
	my @steps = split /\./, $path;
	my $last = pop @steps;

	$at = ref $at eq 'ARRAY' ? $at->[$_] : $at->{$_} for @steps;
	if (ref $value eq 'SCALAR' && $$value eq '') { delete $at->{$last} }
	elsif (ref $at eq 'ARRAY') { $at->[$last] = $value }
	else { $at->{$last} = $value }
	return $copy;
}

my $gone = \'';

# Why the last request to a platform was refused.
sub reason { return ($receiver->bodies)[-1]{reason} // 'accepted' }

# --- Meta

my $now = time;

sub meta_event
{
	return {
		event_name => 'Purchase', event_time => $now, event_id => 'e-1', action_source => 'website',
		event_source_url => 'https://shop.example/thanks',
		user_data => { em => [$digest], client_user_agent => 'Mozilla/5.0' },
		custom_data => { value => 12.5, currency => 'EUR' }, @_,
	};
}

sub meta_body { return { access_token => $token, data => [@_] } }

sub meta { return post('/m' . ($_[0] // '') . '/v26.0/1234567890/events', $_[1] // meta_body(meta_event()), $_[2]) }

# Everything that an event may hold.
my $full = meta_event(
	referrer_url => 'https://search.example/', opt_out => JSON::PP::false,
	data_processing_options => ['LDU'], data_processing_options_country => 0,
	data_processing_options_state => 0, customer_segmentation => 'new_customer_to_business',
	original_event_data => { event_name => 'Purchase', event_time => $now, order_id => '7', event_id => 'x' },
	user_data => {
		(map { $_ => [$digest] } qw(em ph fn ln db ge ct st zp country external_id)),
		client_ip_address => '192.0.2.1', client_user_agent => 'Mozilla/5.0', fbc => 'fb.1.1795777200000.AbC-d_.x',
		fbp => 'fb.1.1795777200000.1098115397', subscription_id => 's', fb_login_id => 12, lead_id => 13,
		madid => '6D92078A-8246-4BA4-AE5B-76104861E7DC', anon_id => 'a', page_id => '1', page_scoped_user_id => 2,
		ctwa_clid => 'c', ig_account_id => '3', ig_sid => '4',
	},
	custom_data => {
		value => 0, currency => 'EUR', content_ids => [ 'a', 1 ], content_type => 'product',
		contents => [ { id => 'a', quantity => 2, item_price => 1.5, title => 't', description => 'd', brand => 'b',
				category => 'c', delivery_category => 'curbside' } ],
		content_name => 'n', content_category => 'c', order_id => '7', num_items => 2, search_string => 's',
		status => 'new', delivery_category => 'in_store', predicted_ltv => 1, net_revenue => 2, free => { any => [] },
	});

{
	my $answer = meta('', { %{ meta_body(meta_event(), $full) }, test_event_code => 'TEST1', partner_agent => 'p' });

	is($answer->{status}, 200, 'Meta: the smallest and the fullest event are accepted') or diag(reason());
	is($answer->{json}{events_received}, 2, 'counted');
	is_deeply($answer->{json}{messages}, [], 'without messages');
	ok($answer->{json}{fbtrace_id}, 'with a trace id');
	my ($record) = $receiver->records;
	is("@$record{qw(data_set_id id event_type value currency_code verdict merged)}",
		'1234567890 e-1 Purchase 12.5 EUR ok new', 'an event is filed under its own names');
	is($json->encode($json->decode(($receiver->events)[1])), $json->encode($full), 'with its bytes');
	is(($receiver->requests)[-1]{events}, 2, 'the request is logged');
	my ($body) = $receiver->bodies('meta');
	is($json->decode($body->{body})->{test_event_code}, 'TEST1', 'with its body');
	is($body->{headers}{'content-type'}, 'application/json', 'and its headers');
	is($json->decode($body->{answer})->{events_received}, 2, 'and the answer');
	is(scalar($receiver->accepted_bodies('meta')), 1, 'accepted_bodies');
	meta('');
	is(($receiver->records)[-1]{merged}, 'conflict', 'an event with the same id');
	is_deeply([ @{ $receiver->platforms->{meta} }{qw(requests refused events)} ], [ 2, 0, 3 ], 'counts');
}

# the places of an event: [path, values that fit, values that do not]
my @meta_rules = (
	[ event_name => ['quiz_finished'], [ '', $gone, 7, undef, [] ] ],
	[ event_time => [ $now - 7 * 86400 + 60, $now + 500 ], [ $gone, "$now", $now * 1000, $now + 700, $now + 0.5, $now - 7 * 86400 - 60 ] ],
	[ action_source => [ 'email', 'chat', 'other' ], [ $gone, 'web', 'WEBSITE', '' ] ],
	[ event_id => ['x'], [ '', 7, undef ] ],
	[ event_source_url => ['http://a/'], [ $gone, 'shop.example', '' ] ],
	[ referrer_url => ['https://a/'], ['a'] ],
	[ opt_out => [JSON::PP::true], [ 'true', 1 ] ],
	[ data_processing_options => [ [], ['LDU'] ], [ 'LDU', ['ldu'], undef ] ],
	[ data_processing_options_country => [1], [ $gone, '1' ] ],
	[ data_processing_options_state => [1000], [ $gone, '1000' ] ],
	[ user_data => [ { em => $digest, client_user_agent => 'x' } ], [ $gone, {}, [], { em => $digest } ] ],
	[ 'user_data.em' => [ $digest, [ $digest, $digest ] ],
		[ 'a@example.com', ['a@example.com'], uc $digest, [], sha256_hex(''), substr($digest, 1) ] ],
	[ 'user_data.ph' => [], ['+12125550000'] ],
	[ 'user_data.ge' => [], ['f'] ],
	[ 'user_data.country' => [], ['us'] ],
	[ 'user_data.external_id' => [ 'Cust-42', ['a'] ], [ uc $digest, '' ] ],
	[ 'user_data.client_ip_address' => ['2001:db8::1'], [ $digest, 'localhost', ['192.0.2.1'] ] ],
	[ 'user_data.client_user_agent' => ['x'], [ $gone, $digest, '' ] ],
	[ 'user_data.fbc' => [], [ 'IwAR2F', $digest, 'fb.1.x.y', 'fb.1.179.', 'fb.1.179' ] ],
	[ 'user_data.fbp' => [], ['_fbp'] ],
	[ 'user_data.madid' => [], [$digest] ],
	[ 'user_data.lead_id' => [], [ '13', 1.5 ] ],
	[ 'user_data.fb_login_id' => [], ['12'] ],
	[ 'user_data.gender' => [], [$digest] ],
	[ 'custom_data.value' => [ 0, -1 ], [ '12.5', $gone, undef ] ],
	[ 'custom_data.currency' => ['USD'], [ 'eur', 'EURO', $gone, 978 ] ],
	[ 'custom_data' => [], [$gone] ],
	[ 'custom_data.content_type' => ['product_group'], ['item'] ],
	[ 'custom_data.content_ids' => [], [ 'a', [], [ {} ] ] ],
	[ 'custom_data.contents' => [], [ {}, [], [ {} ], [ { id => 'a', name => 'x' } ], [ { id => 'a', quantity => '2' } ] ] ],
	[ 'custom_data.num_items' => [3], [ '3', 1.5 ] ],
	[ 'custom_data.anything' => [ 1, 'x', {} ], [] ],
	[ ext => [], [ {} ] ],
	[ value => [], [1] ],
);
for my $rule (@meta_rules)
{
	my ($path, $good, $bad) = @$rule;

	for my $case ((map { [ $_, 200 ] } @$good), (map { [ $_, 400 ] } @$bad))
	{
		my $shown = ref $case->[0] eq 'SCALAR' ? 'absent' : JSON::PP->new->allow_nonref->encode($case->[0]);
		my $status = meta('', meta_body(changed($full, $path, $case->[0])))->{status};

		is($status, $case->[1], "Meta: $path $shown is " . ($case->[1] == 200 ? 'accepted' : 'refused')) or diag(reason());
	}
}

# an error as [HTTP status, code, subcode]
sub meta_error
{
	my ($answer) = @_;
	my $error = $answer->{json}{error} // {};

	return join ' ', $answer->{status}, map { $_ // '-' } @$error{qw(code error_subcode)};
}

{
	$receiver->reset;
	my $old = meta_event(event_time => $now - 8 * 86400);
	my $answer = meta('', meta_body(meta_event(), $old));
	is(meta_error($answer), '400 100 2804003', 'Meta: one event that is too old refuses the request');
	like(reason(), qr/^data\[1\]\.event_time is too old$/, 'the log says which');
	unlike($answer->{content}, qr/\[1\]|e-1|index/, 'the answer does not');
	is(scalar($receiver->records), 0, 'nothing is stored');
	is(meta('', meta_body({ %$old, action_source => 'physical_store' }))->{status}, 200, 'a sale in a store may be 62 days old');
	is(meta_error(meta('', meta_body({ %$old, action_source => 'physical_store', event_time => $now - 63 * 86400 }))),
		'400 100 2804003', 'but not 63');
	is(meta_error(meta('', meta_body(changed(meta_event(), 'custom_data.value', $gone)))), '400 100 2804009', 'a purchase without a value');
	is(meta_error(meta('', meta_body(changed(meta_event(event_name => 'Lead'), 'custom_data', $gone)))), '200 - -', 'a lead needs none');
	is(meta('', meta_body(changed(meta_event(action_source => 'app'), 'event_source_url', $gone)))->{status}, 400, 'an app event needs app_data');
	my $app = meta_event(action_source => 'app', app_data => { advertiser_tracking_enabled => JSON::PP::true,
			application_tracking_enabled => JSON::PP::true, extinfo => [ 'a2', ('') x 15 ] });
	is(meta('', meta_body($app))->{status}, 200, 'app_data') or diag(reason());
	is(meta('', meta_body(changed($app, 'app_data.extinfo', ['a2'])))->{status}, 400, 'extinfo has 16 values');
	is(meta('', meta_body(meta_event(action_source => 'business_messaging')))->{status}, 400, 'a message needs its channel');
	is(meta('', meta_body(meta_event(action_source => 'business_messaging', messaging_channel => 'whatsapp')))->{status}, 200, 'and takes it');

	is(meta('', meta_body((meta_event()) x 1000))->{status}, 200, '1,000 events');
	is(meta_error(meta('', meta_body((meta_event()) x 1001))), '400 100 2804001', 'not 1,001');
	is(meta('', meta_body())->{status}, 400, 'not none');
	is(meta('', { access_token => $token })->{status}, 400, 'data is missing');
	is(meta('', { %{ meta_body(meta_event()) }, events => [] })->{status}, 400, 'a member of the request that is not known');
	is(meta('', { %{ meta_body(meta_event()) }, test_event_code => 7 })->{status}, 400, 'test_event_code is a string');
	is(meta('', '{"data":[')->{status}, 400, 'no JSON');
	is(meta('', undef, { 'Content-Type' => 'text/plain' })->{status}, 400, 'another Content-Type');
	is(meta('', undef, { 'Content-Type' => 'application/json; charset=utf-8' })->{status}, 200, 'a charset');
	is(meta_error(meta('', { data => [ meta_event() ] })), '400 190 -', 'no token');
	is(meta_error(meta('', { access_token => 'other', data => [ meta_event() ] })), '400 190 -', 'a wrong token');
	is(post("/m/v26.0/1/events?access_token=$token", { data => [ meta_event() ] })->{status}, 200, 'the token in the query');
	is($receiver->bodies && ($receiver->bodies)[-1]{query}{access_token}, $token, 'which the log shows');
	is(meta_error(post("/m/v26.0/pixel/events", meta_body(meta_event()))), '400 100 33', 'no data set of that name');
	is($http->get($receiver->url('/m/v26.0/1/events'))->{status}, 404, 'GET is not for senders');
	is(post('/m/v26/1/events', meta_body(meta_event()))->{content}, qq({"received":1}\n), 'another path is no platform');
}

# faults
my %meta_faults = (
	throttled => '400 4 -', 'throttled-4' => '400 4 -', 'throttled-17' => '400 17 -', 'throttled-32' => '400 32 -',
	'throttled-613' => '400 613 -', 'throttled-500' => '500 80003 -', expired => '400 190 463',
	undecipherable => '500 190 -', permission => '403 200 -', 'not-ready' => '400 21009 -', unknown => '500 1 -',
	service => '500 2 -', 'too-old' => '400 100 2804003', 'no-data-set' => '400 100 33',
);
$receiver->reset;
is(meta_error(meta("/fault=$_")), $meta_faults{$_}, "Meta: fault=$_") for sort keys %meta_faults;
is(scalar($receiver->records), 0, 'nothing of it is stored');
is(meta('/fault=unknown')->{json}{error}{is_transient}, JSON::PP::true, 'what passes says so');
is(meta('/fault=too-old')->{json}{error}{is_transient}, JSON::PP::false, 'what does not, too');
{
	is(join(',', map { meta('/fault=throttled/first=2')->{status} } 1 .. 3), '400,400,200', 'gates open and shut a fault');
	$receiver->reset;
	my $answer = meta('/fault=fewer', meta_body(meta_event(), meta_event(event_id => 'e-2')));
	is("$answer->{status} $answer->{json}{events_received}", '200 1', 'fault=fewer');
	is(join(' ', map { $_->{id} } $receiver->records), 'e-1', 'the last event is lost');
	is(scalar @{ meta('/fault=warning')->{json}{messages} }, 1, 'fault=warning');
	$receiver->reset;
	my @two = (meta_event(), meta_event(event_id => 'poison'));
	is(meta_error(meta('/reject-if=poison', meta_body(@two))), '400 100 2804009', 'reject-if');
	is(meta_error(meta('/fail-if=poison', meta_body(@two))), '500 2 -', 'fail-if');
	is(scalar($receiver->records), 0, 'all or nothing');
	is(meta('/reject-if=poison', meta_body($two[0]))->{status}, 200, 'the others pass');
	is(meta("/reject-if=$digest", meta_body($two[0]))->{status}, 400, 'anything in the event counts');
	is(meta('/status=503')->{status}, 503, 'a status of the path');
	is(meta('/max-bytes=10')->{status}, 413, 'a limit of the path');
	is(meta('/garbage')->{json}, undef, 'a body of the path');
	is_deeply([ @{ $receiver->platforms->{meta} }{qw(requests refused events)} ], [ 7, 5, 2 ], 'all are counted');
	$receiver->clock(8 * 86400);
	is(meta_error(meta('')), '400 100 2804003', 'the clock moves on, the event is too old');
	$receiver->clock(-8 * 86400);
	is(meta('')->{status}, 200, 'and back');
	$receiver->clock(5);
	is($receiver->platforms->{clock}, 5, 'its offset is shown');
	$receiver->reset;
	is($receiver->platforms->{clock}, 0, 'a reset sets it right');
}

# --- Standard Webhooks

sub message
{
	return { type => 'ecapi.purchase', timestamp => '2026-11-27T11:00:00Z',
		data => { id => 'w-1', data_set_id => 'shop', value => 3, currency_code => 'EUR', @_ } };
}

my $message_number = 0;

# Send a message; %how: id, timestamp, secrets (whose signatures stand beside each
# other), signature, path.
sub webhook
{
	my ($body, %how) = @_;
	my $content = ref $body ? $json->encode($body) : $body;
	my $id = $how{id} // 'msg_' . ++$message_number;
	my $timestamp = $how{timestamp} // time;
	my $signature = $how{signature} // join ' ', map {
		my $key = MIME::Base64::decode_base64(s/^whsec_//r);
		'v1,' . hmac_sha256_base64("$id.$timestamp.$content", $key) . '='
	} @{ $how{secrets} // [ $secrets[0] ] };

	return post('/w' . ($how{path} // '') . '/webhook', $content,
		{ 'webhook-id' => $id, 'webhook-timestamp' => $timestamp, 'webhook-signature' => $signature });
}

{
	is(hmac_sha256_base64('msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}',
			MIME::Base64::decode_base64('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')) . '=',
		'g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', 'this test signs as the specification does');
	my $answer = webhook(message());
	is("$answer->{status} $answer->{content}", qq(200 {"received":1}\n), 'webhook: accepted') or diag(reason());
	my ($record) = $receiver->records;
	is("@$record{qw(data_set_id id event_type value currency_code verdict)}", 'shop w-1 ecapi.purchase 3 EUR ok', 'filed under its data');
	is(webhook([ message(), message(id => 'w-2') ])->{json}{received}, 2, 'a list');
	is(webhook(message(), secrets => [ $secrets[1] ])->{status}, 200, 'signed by the other secret');
	is(webhook(message(), secrets => [@secrets])->{status}, 200, 'signed by both');
	my $foreign = 'whsec_' . encode_base64('x' x 32, '');
	is(webhook(message(), secrets => [ $foreign, $secrets[0] ])->{status}, 200, 'one of the signatures is right');
	is(webhook(message(), secrets => [$foreign])->{status}, 401, 'none is');
	for my $signature ('', 'v1', 'v1,', 'v1,AAAA', 'v1a,' . 'A' x 43 . '=', 'x' x 2000)
	{
		is(webhook(message(), signature => $signature)->{status}, 401, 'no signature: ' . substr($signature, 0, 8));
	}
	is(webhook(message(), id => $_)->{status}, 401, "an id that is not fit: $_") for 'a.b', 'a b', '.', '';
	is(webhook(message(), timestamp => time + $_)->{status}, 200, "a timestamp $_ s off") for -290, 290;
	is(webhook(message(), timestamp => time + $_)->{status}, 401, "a timestamp $_ s off") for -310, 310;
	is(webhook(message(), timestamp => $_)->{status}, 401, "a timestamp '$_'") for '', 'x', '1e9', time() . '000', '2026-11-27T11:00:00Z';
	$receiver->clock(1000);
	is(webhook(message())->{status}, 401, 'the clock moves on');
	is(webhook(message(), timestamp => time + 1000)->{status}, 200, 'and the sender follows');
	$receiver->clock(-1000);
	for my $case ([ type => [ 'order', 'a.b.c_d' ], [ '', $gone, '.a', 'a.', 'a..b', 'a b', 7 ] ],
		[ timestamp => [ '2026-11-27T11:00:00.123Z', '2026-11-27T12:00:00+01:00' ],
			[ $gone, 1795777200, '2026-11-27', '2026-11-27 11:00:00', '2026-02-29T11:00:00Z', '2026-11-27T24:00:00Z', '2026-11-27T11:00:00' ] ],
		[ data => [ {} ], [ $gone, [], 'x', undef ] ], [ ext => [], [ {} ] ])
	{
		my ($path, $good, $bad) = @$case;

		is(webhook(changed(message(), $path, $_))->{status}, 200, "webhook: $path is accepted") or diag(reason()) for @$good;
		is(webhook(changed(message(), $path, $_))->{status}, 400, "webhook: $path is refused") for @$bad;
	}
	is(webhook($_)->{status}, 400, "no message: $_") for '[]', '5', '{', '[1]', '';

	$receiver->reset;
	webhook(message(), id => 'same') for 1 .. 3;
	webhook(message(id => 'w-2'), id => 'same');
	is_deeply([ @{ $receiver->platforms->{webhook} }{qw(requests events repeats conflicts)} ], [ 4, 4, 2, 1 ],
		'an id that comes again is a repeat, or a conflict');
	is(webhook(message(), path => "/status=$_")->{status}, $_, "status $_") for 302, 410, 429, 502;
	is(webhook(message(), path => '/retry-after=7')->{headers}{'retry-after'}, 7, 'retry-after');
	is(webhook([ message(), message(id => 'poison') ], path => '/reject-if=poison')->{status}, 400, 'reject-if');
	is(webhook([ message(), message(id => 'poison') ], path => '/fail-if=poison')->{status}, 500, 'fail-if');
	is($receiver->platforms->{webhook}{events}, 4, 'nothing of that is stored');
}

# --- without options, anything signs, and any token will do
{
	my $strict = $receiver;

	$receiver = EcapiReceiver->start;
	is(meta('', { access_token => 'any', data => [ meta_event() ] })->{status}, 200, 'any token');
	is(meta('', { data => [ meta_event() ] })->{status}, 400, 'but not none');
	is(webhook(message(), signature => '')->{status}, 200, 'any signature');

	my $waiting = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $receiver->port) or die "connect: $!";
	print $waiting "POST /m/fault=nothing/v26.0/1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
	$waiting->flush;
	$receiver->wait_for(sub { $_->sleeps == 1 }, 'a request that is never answered');
	is($receiver->platforms->{meta}{requests}, 3, 'fault=nothing takes it in');
	close $waiting;

	$receiver->stop;
	$receiver = $strict;
	for my $secret ('x', 'whsec_', 'whsec_AAAA', 'whsec_' . 'A' x 23, 'whsk_' . 'A' x 32)
	{
		like(qx("@{[EcapiReceiver::binary()]}" --no-store --webhook-secret $secret 2>&1 </dev/null),
			qr/^receiver: invalid value: --webhook-secret$/m, "no secret: $secret");
	}
}

done_testing();
