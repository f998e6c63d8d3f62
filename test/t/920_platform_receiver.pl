# The platforms that the receiver plays: what they refuse, how they fail, what they
# keep.  Requests are written by hand, so this test knows nothing of the extension.
#
# Needs neither PostgreSQL nor the extension: only test/receiver/receiver and openssl.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(hmac_sha256_base64 sha256_hex);
use EcapiPost qw($gone changed post_to);
use EcapiReceiver;
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $http = HTTP::Tiny->new(timeout => 180, max_redirect => 0);
my $token = 'EAAB-test-token';
my @secrets = ('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX');
my $dir = tempdir(CLEANUP => 1);
my $account = 'sender@project.iam.example';
my $client = 'id-1.apps.example:GOCSPX-secret:1//0refresh';
for my $name ('key', 'other')
{
	system("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $dir/$name.pem 2>/dev/null"
		  . " && openssl pkey -in $dir/$name.pem -pubout -out $dir/$name.pub") == 0 or die 'no key';
}
my $receiver = EcapiReceiver->start(args => [ '--meta-token', $token, (map { ('--webhook-secret', $_) } @secrets),
		'--google-key', "$dir/key.pub", '--google-account', $account, '--google-audience', 'https://oauth2.example/token',
		'--google-client', $client ]);
my $digest = sha256_hex('someone@example.com');

sub post { return post_to($receiver, @_) }

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
	original_event_data => { event_name => 'ViewContent', event_time => $now, order_id => '7', event_id => 'x' },
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
	[ event_time => [ $now - 7 * 86400 + 3600, $now + 500 ],
		[ $gone, "$now", $now * 1000, $now + 3600, $now + 0.5, $now - 7 * 86400 - 60 ] ],
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
	[ original_event_data => [ { event_name => 'ViewContent', event_time => 1, order_id => '7' },
			{ event_name => 'ViewContent', event_time => 1, event_id => 'x' } ],
		[ { event_name => 'Purchase', event_time => 1, event_id => 'x' }, { event_name => 'ViewContent', event_time => 1 },
			{ event_time => 1, event_id => 'x' }, { event_name => 'ViewContent', event_id => 'x' } ] ],
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
	is(meta_error(post('/m/token=other/v26.0/1/events', meta_body(meta_event()))), '400 190 -', 'another than the path says');
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
	is(webhook(message(), timestamp => time + $_)->{status}, 200, "a timestamp $_ s off") for -200, 290;
	is(webhook(message(), timestamp => time + $_)->{status}, 401, "a timestamp $_ s off") for -310, 600;
	is(webhook(message(), timestamp => $_)->{status}, 401, "a timestamp '$_'") for '', 'x', '1e9', time() . '000', '2026-11-27T11:00:00Z';
	$receiver->clock(1000);
	is(webhook(message())->{status}, 401, 'the clock moves on');
	is(webhook(message(), timestamp => time + 1000)->{status}, 200, 'and the sender follows');
	$receiver->clock(-1000);
	for my $case ([ type => [ 'order', 'a.b.c_d' ], [ '', $gone, '.a', 'a.', 'a..b', 'a b', 7 ] ],
		[ timestamp => [ '2026-11-27T11:00:00.123Z', '2026-11-27T12:00:00+01:00' ],
			[ $gone, 1795777200, '2026-11-27', '2026-11-27 11:00:00', '2026-02-29T11:00:00Z', '2026-11-27T24:00:00Z', '2026-11-27T11:00:00' ] ],
		[ data => [ {} ], [ $gone, [], 'x', undef ] ], [ ext => [], [ {} ] ], [ type => [], ['ecapi.purchase.amended'] ])
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

# --- Google: the token endpoint

sub base64url { return encode_base64($_[0], '') =~ tr{+/}{-_}r =~ s/=+\z//r }

# An assertion; %how: key, header, and claims (undef: absent).
sub assertion
{
	my (%how) = @_;
	my $key = delete $how{key} // 'key';
	my $header = delete $how{header} // { alg => 'RS256', typ => 'JWT' };
	my %claims = (iss => $account, scope => 'https://www.googleapis.com/auth/datamanager',
		aud => 'https://oauth2.example/token', iat => time, exp => time + 3600, %how);

	delete @claims{ grep { !defined $claims{$_} } keys %claims };
	my $text = base64url($json->encode($header)) . '.' . base64url($json->encode(\%claims));
	open(my $file, '>', "$dir/text") or die $!;
	print $file $text;
	close $file;
	my $signature = qx(openssl dgst -sha256 -sign $dir/$key.pem $dir/text);
	die 'not signed' if $?;
	return "$text." . base64url($signature);
}

sub ask_token
{
	my ($path, %form) = @_;
	my $answer = $http->post_form($receiver->url("/g$path/token"), \%form);

	$answer->{json} = eval { $json->decode($answer->{content}) };
	return $answer;
}

my $jwt_grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
my %refresh = (grant_type => 'refresh_token', client_id => 'id-1.apps.example', client_secret => 'GOCSPX-secret',
	refresh_token => '1//0refresh');

# status and error of an answer
sub token_error { return join ' ', $_[0]{status}, $_[0]{json}{error} // '-' }

{
	my $answer = ask_token('', grant_type => $jwt_grant, assertion => assertion());
	is($answer->{status}, 200, 'token: an assertion') or diag(reason());
	like($answer->{json}{access_token}, qr/^ya29\.TESTTOKEN-[0-9a-f]{32}$/, 'the token is easily known');
	is("@{ $answer->{json} }{qw(expires_in token_type)}", '3600 Bearer', 'and lives an hour');
	isnt(ask_token('', grant_type => $jwt_grant, assertion => assertion())->{json}{access_token},
		$answer->{json}{access_token}, 'each is another');
	is(token_error(ask_token('', %refresh)), '200 -', 'a refresh token');
	is(token_error(ask_token('', %refresh, client_id => 'x')), '401 invalid_client', 'another client');
	is(token_error(ask_token('', %refresh, client_secret => 'x')), '401 invalid_client', 'a wrong secret');
	is(token_error(ask_token('', %refresh, refresh_token => 'x')), '400 invalid_grant', 'another refresh token');
	is(token_error(ask_token('', grant_type => 'password')), '400 unsupported_grant_type', 'another grant');
	is(token_error(ask_token('')), '400 unsupported_grant_type', 'no grant');
	is(post('/g/token', {%refresh})->{status}, 400, 'no form');
	for my $case ([ 'a foreign key', key => 'other' ], [ 'no issuer', iss => undef ], [ 'another issuer', iss => 'x' ],
		[ 'another audience', aud => 'https://other.example/' ], [ 'expired', iat => time - 3700, exp => time - 100 ],
		[ 'too long', exp => time + 3700 ], [ 'not yet', iat => time + 600, exp => time + 1200 ],
		[ 'no iat', iat => undef ], [ 'no exp', exp => undef ], [ 'exp is a text', exp => 'x' ],
		[ 'another algorithm', header => { alg => 'HS256' } ], [ 'no algorithm', header => { alg => 'none' } ])
	{
		my ($name, @how) = @$case;
		is(token_error(ask_token('', grant_type => $jwt_grant, assertion => assertion(@how))), '400 invalid_grant', "assertion: $name");
	}
	is(token_error(ask_token('', grant_type => $jwt_grant, assertion => assertion(scope => $_))), '400 invalid_scope', "scope: $_")
	  for 'https://www.googleapis.com/auth/adwords', 'https://www.googleapis.com/auth/datamanager.readonly', '';
	is(token_error(ask_token('', grant_type => $jwt_grant,
				assertion => assertion(scope => 'openid https://www.googleapis.com/auth/datamanager'))), '200 -', 'one of two scopes');
	my $good = assertion();
	is(token_error(ask_token('', grant_type => $jwt_grant, assertion => $_)), '400 invalid_grant', 'no assertion')
	  for 'x', '', 'a.b', 'a.b.c', "$good=", substr($good, 0, -4), $good =~ s/\.[^.]*\z/./r;

	my %faults = (invalid_grant => '400 invalid_grant', invalid_client => '401 invalid_client', garbage => '200 -', html => '200 -',
		'no-token' => '200 -', forever => '200 -', short => '200 -');
	is(token_error(ask_token("/fault=$_", %refresh)), $faults{$_}, "token: fault=$_") for sort keys %faults;
	is(ask_token('/fault=no-token', %refresh)->{json}{access_token}, undef, 'no-token');
	is(ask_token('/fault=html', %refresh)->{headers}{'content-type'}, 'text/html', 'html');
	ok(!ask_token('/fault=garbage', %refresh)->{json}, 'garbage');
	like(ask_token('/fault=forever', %refresh)->{content}, qr/"expires_in":99999999999999999999,/, 'forever');
	is(ask_token('/fault=short', %refresh)->{json}{expires_in}, 1, 'short');
	my $tokens = $receiver->platforms->{token};
	is("$tokens->{issued}", 8, 'issued tokens are counted');
}

# --- Google: events

my $bearer = $receiver->google_token('/token', $client);

# A time in RFC 3339.
sub instant { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

my $instant = instant($now - 3600);

sub google_event
{
	return { eventTimestamp => $instant, transactionId => 't-1', conversionValue => 12.5, currency => 'EUR',
		userData => { userIdentifiers => [ { emailAddress => $digest } ] }, @_ };
}

my $ads = { operatingAccount => { accountType => 'GOOGLE_ADS', accountId => '1234567890' }, productDestinationId => '7001' };
my $analytics = { operatingAccount => { accountType => 'GOOGLE_ANALYTICS_PROPERTY', accountId => '42' }, productDestinationId => 'G-1' };

sub google_body { return { destinations => [$ads], encoding => 'HEX', events => [@_] } }

sub google
{
	my ($path, $body, $authorization) = @_;

	return post("/g$path/v1/events:ingest", $body // google_body(google_event()),
		{ Authorization => $authorization // "Bearer $bearer" });
}

sub ask_status
{
	my ($path, $id, $authorization) = @_;
	my $answer = $http->get($receiver->url("/g$path/v1/requestStatus:retrieve?requestId=$id"),
		{ headers => { Authorization => $authorization // "Bearer $bearer" } });

	$answer->{json} = eval { $json->decode($answer->{content}) };
	return $answer;
}

# An error as "HTTP-STATUS NAME": what Google calls it.
sub google_error { return join ' ', $_[0]{status}, $_[0]{json}{error}{status} // '-' }

# Its field violations, as "FIELD REASON".
sub violations
{
	my ($answer) = @_;
	my ($request) = grep { $_->{'@type'} =~ /BadRequest/ } @{ $answer->{json}{error}{details} };

	return map { join ' ', $_->{field}, $_->{reason} // () } @{ $request->{fieldViolations} };
}

my $google_full = google_event(
	lastUpdatedTimestamp => $instant =~ s/Z/.5+00:00/r, eventName => 'purchase', destinationReferences => ['a'],
	userData => { userIdentifiers => [ { emailAddress => $digest }, { phoneNumber => uc $digest },
			{ address => { givenName => $digest, familyName => $digest, regionCode => 'US', postalCode => '10001-1234' } } ] },
	adIdentifiers => { gclid => 'g', gbraid => 'b', wbraid => 'w', dclid => 'd', matchId => 'm', impressionId => 'i',
		mobileDeviceId => 'x', sessionAttributes => 's', landingPageDeviceInfo => { userAgent => 'u', ipAddress => '192.0.2.1' } },
	eventDeviceInfo => { userAgent => 'u', ipAddress => '2001:db8::1', category => 'mobile', languageCode => 'en', screenHeight => 1,
		screenWidth => 2, operatingSystem => 'o', operatingSystemVersion => '1', model => 'm', brand => 'b', browser => 'b', browserVersion => '1' },
	consent => { adUserData => 'CONSENT_GRANTED', adPersonalization => 'CONSENT_DENIED' }, conversionCount => 1,
	callInfo => { startTimestamp => $instant }, eventSource => 'WEB',
	cartData => { merchantId => '1', merchantFeedLabel => 'l', merchantFeedLanguageCode => 'en', transactionDiscount => 1.5,
		couponCodes => ['c'], items => [ { merchantProductId => 'p', itemId => 'p', quantity => 2, unitPrice => 1.5, conversionValue => 1,
				additionalItemParameters => [ { parameterName => 'item_name', value => 'Mug' } ],
				customVariables => [ { variable => 'v', value => 'x' } ] } ] },
	userProperties => { customerType => 'NEW', customerValueBucket => 'HIGH', additionalUserProperties => [ { propertyName => 'p', value => '1' } ] },
	clientId => 'c', userId => 'u', additionalEventParameters => [ { parameterName => 'tax', value => '1' } ],
	customVariables => [ { variable => 'v', value => 'x', destinationReferences => ['a'] } ],
	experimentalFields => [ { field => 'f', value => 'v' } ], eventLocation => { storeId => 's', city => 'c', subdivisionCode => 'US-NY', regionCode => 'US' });
my $google_full_body = { %{ google_body($google_full) }, destinations => [ { %$ads, reference => 'a', loginAccount => $ads->{operatingAccount} } ],
	consent => { adUserData => 'CONSENT_GRANTED' }, validateOnly => JSON::PP::false };

{
	$receiver->reset;
	my $answer = google('');
	is($answer->{status}, 200, 'Google: the smallest event is accepted') or diag(reason());
	like($answer->{json}{requestId}, qr/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/, 'with a request id');
	ok(!exists $answer->{json}{fieldWarnings}, 'and no warning');
	is(google('', $google_full_body)->{status}, 200, 'the fullest, too') or diag(reason());
	my ($record) = $receiver->records;
	is("@$record{qw(data_set_id id value currency_code verdict merged)}", '7001 t-1 12.5 EUR ok new', 'an event is filed under its own names');
	is(($receiver->records)[1]{merged}, 'conflict', 'with what came before');
	is($json->encode($json->decode(($receiver->events)[1])), $json->encode($google_full), 'and its bytes');
	is(scalar($receiver->accepted_bodies('google')), 2, 'bodies are kept');
	my $two = { %{ google_body(google_event()) }, destinations => [ { %$ads, reference => 'a' }, { %$ads, productDestinationId => '7002', reference => 'b' } ] };
	google('', $two);
	google('', changed($two, 'events.0.destinationReferences', ['b']));
	is(join(' ', map { $_->{data_set_id} } ($receiver->records)[ 2, 3 ]), '7001,7002 7002', 'destinations of an event');

	is(google_error(google('', { %{ google_body(google_event()) }, validateOnly => JSON::PP::true })), '200 -', 'validateOnly');
	is(scalar($receiver->records), 4, 'stores nothing');
	is(google_error(ask_status('', $json->decode(($receiver->bodies('google'))[-1]{answer})->{requestId})), '400 INVALID_ARGUMENT', 'and has no status');
	is(google('', { %{ google_body(google_event(currency => 'x')) }, validateOnly => JSON::PP::true })->{status}, 400, 'but is validated');
	my $counts = $receiver->platforms->{google};
	is("@$counts{qw(requests refused events validated)}", '6 1 4 1', 'all is counted');
}

# [path, values that fit, values that do not, what their violation is ("-": unreadable)]
my @google_rules = (
	[ 'events.0.eventTimestamp', [ $instant =~ s/Z/.123456Z/r, '2020-01-01T00:00:00+05:30' ], [ '2026-11-27', 'x' ], 'EVENT_TIME_INVALID' ],
	[ 'events.0.eventTimestamp', [], [ instant($now + 3600), instant($now + 100) =~ s/Z/-01:00/r ], 'EVENT_TIME_INVALID' ],
	[ 'events.0.eventTimestamp', [], [$gone], 'REQUIRED_FIELD_MISSING' ],
	[ 'events.0.eventTimestamp', [], [ 1795777200, undef ], '-' ],
	[ 'events.0.lastUpdatedTimestamp', [ $gone, $instant ], [ '2020-01-01T00:00:00Z', instant($now + 3600) ], 'EVENT_TIME_INVALID' ],
	[ 'events.0.transactionId', [$gone], [''], 'INVALID_FORMAT' ],
	[ 'events.0.conversionValue', [ 0, -1, $gone ], [ '12.5', undef ], '-' ],
	[ 'events.0.currency', [ 'USD', 'JPY' ], [ 'eur', 'EURO', 'XXX', '' ], 'INVALID_CURRENCY_CODE' ],
	[ 'events.0.currency', [], [$gone], 'REQUIRED_FIELD_MISSING' ],
	[ 'events.0.eventSource', [ 'IN_STORE', 'MESSAGE' ], [ 'website', 'EMAIL', 1 ], '-' ],
	[ 'events.0.consent.adUserData', ['CONSENT_DENIED'], [ 'GRANTED', JSON::PP::true ], '-' ],
	[ 'events.0.consent.gppString', [], ['x'], '-' ],
	[ 'events.0.userData.userIdentifiers.0', [ { phoneNumber => $digest } ], [ {} ], 'REQUIRED_FIELD_MISSING' ],
	[ 'events.0.userData.userIdentifiers.0', [], [ { emailAddress => $digest, phoneNumber => $digest }, { email => $digest }, $digest ], '-' ],
	[ 'events.0.userData.userIdentifiers', [ [ ({ emailAddress => $digest }) x 10 ] ], [ [ ({ emailAddress => $digest }) x 11 ] ], 'TOO_MANY_USER_IDENTIFIERS' ],
	[ 'events.0.userData.userIdentifiers', [], [ [], $gone ], 'REQUIRED_FIELD_MISSING' ],
	[ 'events.0.userData.userIdentifiers.0.emailAddress', [ uc $digest ], [ 'a@example.com', substr($digest, 1), 'g' x 64, sha256_hex('') ], 'INVALID_HEX_ENCODING' ],
	[ 'events.0.userData.userIdentifiers.2.address.postalCode', ['m1 1ae'], [ $digest, '' ], 'INVALID_POSTAL_CODE' ],
	[ 'events.0.userData.userIdentifiers.2.address.regionCode', ['DE'], [ 'us', 'USA', 'XX' ], 'INVALID_COUNTRY_CODE' ],
	[ 'events.0.userData.userIdentifiers.2.address.', [], [$gone], 'REQUIRED_FIELD_MISSING' ],
	[ 'events.0.userData.userIdentifiers.2.address.city', [], ['berlin'], 'INVALID_FORMAT' ],
	[ 'events.0.adIdentifiers.gclid', ['Cj0-_'], [ $digest, '' ], 'INVALID_FORMAT' ],
	[ 'events.0.adIdentifiers.fbclid', [], ['x'], '-' ],
	[ 'events.0.eventDeviceInfo.ipAddress', ['192.0.2.7'], [ $digest, 'x' ], 'INVALID_FORMAT' ],
	[ 'events.0.cartData.items.0.quantity', [ '3', 0 ], [ 1.5, '1.5', 'x', '' ], '-' ],
	[ 'events.0.cartData.items.0.unitPrice', [2], ['2'], '-' ],
	[ 'events.0.cartData.items.0.name', [], ['Mug'], '-' ],
	[ 'events.0.cartData.items.0.additionalItemParameters.0.value', [''], [ 1, undef ], '-' ],
	[ 'events.0.additionalEventParameters.0.value', ['1'], [ 1, JSON::PP::true, undef ], '-' ],
	[ 'events.0.additionalEventParameters.0.parameterName', [], [ '', $gone ], undef ],
	[ 'events.0.userProperties.customerType', ['RETURNING'], ['OLD'], '-' ],
	[ 'events.0.appInstanceId', [], ['x'], 'INVALID_EVENT' ],
	[ 'events.0.thirdPartyUserData', [], [ { userIdentifiers => [ { emailAddress => $digest } ] } ], 'THIRD_PARTY_USER_DATA_NOT_ALLOWED' ],
	[ 'events.0.destinationReferences', [ ['a'], $gone ], [ ['b'], [ 'a', 'b' ] ], 'INVALID_DESTINATION' ],
	[ 'events.0.customVariables.0.destinationReferences', [], [ ['b'] ], 'INVALID_DESTINATION' ],
	[ 'events.0.user_data', [], [ {} ], '-' ],
	[ 'events.0.ext', [], [ {} ], '-' ],
	[ encoding => ['HEX'], [ 'hex', 'BASE64' ], '-' ],
	[ encoding => [], [$gone], 'REQUIRED_FIELD_MISSING' ],
	[ validateOnly => [JSON::PP::true], ['true'], '-' ],
	[ anything => [], [1], '-' ],
	[ destinations => [], [ [], $gone ], 'REQUIRED_FIELD_MISSING' ],
	[ 'destinations.0.operatingAccount.accountId' => ['1'], [ '123-456-7890', '' ], 'INVALID_DESTINATION' ],
	[ 'destinations.0.operatingAccount.accountId' => [], [ 1234567890 ], '-' ],
	[ 'destinations.0.operatingAccount.accountType' => [], [ 'google_ads', 'ADS' ], '-' ],
	[ 'destinations.0.operatingAccount' => [], [$gone], 'REQUIRED_FIELD_MISSING' ],
	[ 'destinations.0.productDestinationId' => ['1'], [ 'AW-1', 'x' ], 'INVALID_CONVERSION_ACTION_ID' ],
	[ 'destinations.0.productDestinationId' => [], [$gone], 'REQUIRED_FIELD_MISSING' ],
	[ 'destinations.1' => [ { %$ads, reference => 'z' } ], [ { %$ads, reference => 'a' } ], 'DUPLICATE_DESTINATION_REFERENCE' ],
	[ events => [], [ [], $gone ], 'REQUIRED_FIELD_MISSING' ],
);
# the one rule above whose path has a gap: each part of an address
@google_rules = map { my $r = $_; $r->[0] =~ /address\.\z/ ? map { [ "$r->[0]$_", @$r[ 1 .. 3 ] ] } qw(givenName familyName regionCode postalCode) : $r } @google_rules;

for my $rule (@google_rules)
{
	my ($path, $good, $bad, $wanted) = @$rule;

	for my $case ((map { [ $_, 1 ] } @$good), (map { [ $_, 0 ] } @$bad))
	{
		my ($value, $fits) = @$case;
		my $shown = ref $value eq 'SCALAR' ? 'absent' : substr JSON::PP->new->allow_nonref->encode($value), 0, 60;
		my $answer = google('', changed($google_full_body, $path, $value));

		is(google_error($answer), $fits ? '200 -' : '400 INVALID_ARGUMENT', "Google: $path $shown is " . ($fits ? 'accepted' : 'refused')) or diag(reason());
		next if $fits || !defined $wanted;
		my ($violation) = violations($answer);
		my $place = $wanted eq '-' ? qr/^\S*$/ : qr/ $wanted$/;
		like($violation // 'none', $place, "by $wanted");
	}
}

{
	my @others = map { google_event(transactionId => "t-$_") } 2 .. 2000;

	is(google('', google_body(google_event(), @others))->{status}, 200, '2,000 events') or diag(reason());
	is((violations(google('', google_body(google_event(), google_event(), @others))))[0], 'events TOO_MANY_EVENTS', 'not 2,001');
	is((violations(google('', { %{ google_body(google_event()) }, destinations => [ map { { %$ads, reference => "r$_" } } 1 .. 11 ] })))[0],
		'destinations TOO_MANY_DESTINATIONS', '11 destinations');
	is((violations(google('', google_body(changed(google_event(), 'userData', $gone)))))[0], 'events.events[0] NO_IDENTIFIERS_PROVIDED', 'nobody is meant');
	is(google('', google_body(changed(google_event(adIdentifiers => { gclid => 'x' }), 'userData', $gone)))->{status}, 200, 'a click will do');
	is((violations(google('', google_body(changed(google_event(adIdentifiers => { landingPageDeviceInfo => { userAgent => 'x' } }), 'userData', $gone)))))[0],
		'events.events[0] NO_IDENTIFIERS_PROVIDED', 'a browser will not');
	is(google('', changed(google_body(changed(google_event(adIdentifiers => { gclid => 'x' }), 'userData', $gone)), 'encoding', $gone))->{status}, 200,
		'without user data no encoding');

	my $answer = google('', google_body(google_event(), google_event(currency => 'x'), google_event(conversionValue => undef)));
	is(($answer->{json}{error}{message}), q{Invalid JSON payload received. Invalid value at 'events[2].conversion_value'}, 'what is no message of the proto comes first');
	$answer = google('', google_body(google_event(), google_event(currency => 'x'), google_event(eventTimestamp => 'x')));
	is(join(', ', violations($answer)), 'events.events[1].currency INVALID_CURRENCY_CODE, events.events[2].event_timestamp EVENT_TIME_INVALID', 'all are named');
	my ($info) = grep { $_->{'@type'} =~ /ErrorInfo/ } @{ $answer->{json}{error}{details} };
	is("@$info{qw(@type reason domain)}", 'type.googleapis.com/google.rpc.ErrorInfo INVALID_ARGUMENT datamanager.googleapis.com', 'with an ErrorInfo');
	my %how = (first => 'events.events[1].currency INVALID_CURRENCY_CODE',
		all => 'events.events[1].currency INVALID_CURRENCY_CODE, events.events[2].currency INVALID_CURRENCY_CODE',
		bare => 'events[1] INVALID_CURRENCY_CODE, events[2] INVALID_CURRENCY_CODE', none => 'events INVALID_CURRENCY_CODE, events INVALID_CURRENCY_CODE',
		outside => 'events.events[4].currency INVALID_CURRENCY_CODE, events.events[5].currency INVALID_CURRENCY_CODE');
	for my $name (sort keys %how)
	{
		is(join(', ', violations(google("/index=$name", google_body(google_event(), (google_event(currency => 'x')) x 2)))), $how{$name}, "index=$name");
	}
	$receiver->reset;
	$answer = google('/reject-if=poison', google_body(google_event(), google_event(transactionId => 'poison')));
	is(google_error($answer) . ': ' . join(', ', violations($answer)), '400 INVALID_ARGUMENT: events.events[1].transaction_id INVALID_EVENT', 'reject-if');
	is(google_error(google('/fail-if=poison', google_body(google_event(transactionId => 'poison')))), '500 INTERNAL', 'fail-if');
	is(scalar($receiver->records), 0, 'nothing is stored');
	is(google_error(google('', '{')), '400 INVALID_ARGUMENT', 'no JSON');
	is(post('/g/v1/events%3Aingest', google_body(google_event()), { Authorization => "Bearer $bearer" })->{status}, 200, 'an escaped colon');
}

# Analytics
{
	my $ga = sub { return { %{ google_body(@_) }, destinations => [$analytics] } };
	my $event = google_event(eventName => 'purchase', clientId => '1.2',
		additionalEventParameters => [ { parameterName => 'tax', value => '1' } ]);

	is(google('', $ga->($event))->{status}, 200, 'Analytics') or diag(reason());
	for my $case ([ eventName => $gone, 'event_name REQUIRED_FIELD_MISSING' ], [ clientId => $gone, 'client_id REQUIRED_FIELD_MISSING' ],
		[ eventName => 'ad_impression', 'event_name RESERVED_NAME_USED' ], [ eventName => 'ga_x', 'event_name RESERVED_NAME_USED' ],
		[ eventName => 'a b', 'event_name INVALID_EVENT_NAME' ], [ eventName => '1a', 'event_name INVALID_EVENT_NAME' ],
		[ eventName => 'x' x 41, 'event_name FIELD_VALUE_TOO_LONG' ], [ eventTimestamp => instant($now - 73 * 3600), 'event_timestamp EVENT_TIME_INVALID' ],
		[ 'additionalEventParameters.0.parameterName', 'google_x', 'additional_event_parameters[0].parameter_name RESERVED_NAME_USED' ],
		[ 'additionalEventParameters.0.parameterName', 'a-b', 'additional_event_parameters[0].parameter_name INVALID_FORMAT' ])
	{
		is((violations(google('', $ga->(changed($event, @$case[ 0, 1 ])))))[0], "events.events[0].$case->[2]", "Analytics: $case->[2]");
	}
	is(google('', $ga->(changed($event, 'userData', { userIdentifiers => [ { address => { city => 'new york', addressLine => $digest } } ] })))->{status}, 200,
		'an address of Analytics');
	my $both = { %{ $ga->($event) }, destinations => [ { %$analytics, reference => 'a' }, { %$analytics, reference => 'b' } ] };
	is((violations(google('', $both)))[0], 'events.events[0].destination_references MULTIPLE_DESTINATIONS_FOR_GOOGLE_ANALYTICS_EVENT', 'two properties');
	is(google('', changed($both, 'events.0.destinationReferences', ['b']))->{status}, 200, 'one of them') or diag(reason());
}

# tokens
{
	$receiver->reset;
	is(google_error(google('', undef, $_)), '401 UNAUTHENTICATED', 'no token of ours: ' . substr($_, 0, 20))
	  for '', 'Bearer x', $bearer, "bearer $bearer", "Bearer $bearer x", 'Bearer ya29.TESTTOKEN-' . '0' x 32;
	is(google('')->{status}, 200, 'a reset leaves tokens alone');
	$receiver->clock(3601);
	is(google_error(google('')), '401 UNAUTHENTICATED', 'a token expires');
	$receiver->clock(-3601);
	my $short = ask_token('/fault=short', %refresh)->{json}{access_token};
	$receiver->clock(2);
	is(google_error(google('', undef, "Bearer $short")), '401 UNAUTHENTICATED', 'one of a second, sooner');
	$receiver->clock(-2);
	$receiver->revoke;
	is(google_error(google('')), '401 UNAUTHENTICATED', 'revoked');
	is(google_error(ask_status('', 'x')), '401 UNAUTHENTICATED', 'for a status, too');
	$bearer = $receiver->google_token('/token', $client);
	is(google('')->{status}, 200, 'until another is fetched');
}

# faults
my %google_faults = (
	expired => '401 UNAUTHENTICATED', denied => '403 PERMISSION_DENIED', 'not-found' => '404 NOT_FOUND', quota => '429 RESOURCE_EXHAUSTED',
	aborted => '409 ABORTED', internal => '500 INTERNAL', unknown => '500 UNKNOWN', unavailable => '503 UNAVAILABLE',
	deadline => '504 DEADLINE_EXCEEDED', terms => '400 FAILED_PRECONDITION', 'no-violation' => '400 INVALID_ARGUMENT',
);
{
	$receiver->reset;
	is(google_error(google("/fault=$_")), $google_faults{$_}, "Google: fault=$_") for sort keys %google_faults;
	is(scalar($receiver->records), 0, 'nothing of it is stored');
	my $answer = google('/fault=no-violation');
	is(scalar(grep { $_->{'@type'} =~ /BadRequest/ } @{ $answer->{json}{error}{details} }), 0, 'no-violation');
	$answer = google('/fault=warning', google_body(google_event(), google_event()));
	is("$answer->{status} $answer->{json}{fieldWarnings}[0]{field}", '200 events.events[1].cart_data.merchant_id', 'fault=warning');
	is(scalar($receiver->records), 2, 'which accepts');
	is(join(' ', map { google('/fault=quota/first=1')->{status} } 1, 2), '429 200', 'gates');
}

# --- Google: what became of a request
sub outcomes
{
	return map { join ' ', $_->{requestStatus}, $_->{eventsIngestionStatus}{recordCount},
		map { $json->encode($_) } @{ $_->{errorInfo}{errorCounts} // [] } } @{ $_[0]{json}{requestStatusPerDestination} };
}

{
	my @events = map { google_event(transactionId => $_) } qw(a bad-1 c bad-2);
	my $send = sub { my ($path, $body) = @_; return google($path, $body // google_body(@events))->{json}{requestId} };
	my $failed = sub { my ($path, @how) = @_; return (outcomes(ask_status($path, $send->($path, @how))))[0] };

	$receiver->reset;
	my $id = $send->('');
	my $answer = ask_status('', $id);
	is(join(', ', outcomes($answer)), 'SUCCESS 4', 'status: success') or diag($answer->{content});
	is($json->encode($answer->{json}{requestStatusPerDestination}[0]{destination}), $json->encode($ads), 'of its destination');
	is(join(', ', outcomes(ask_status('', $id))), 'SUCCESS 4', 'as often as one asks');
	is(join(' ', map { (outcomes(ask_status('/processing=2', $id)))[0] =~ s/ .*//r } 1 .. 2), 'SUCCESS SUCCESS', 'it was asked often enough');
	my $late = $send->('/processing=2');
	is(join(' ', map { (outcomes(ask_status('/processing=2', $late)))[0] } 1 .. 4), 'PROCESSING 4 PROCESSING 4 SUCCESS 4 SUCCESS 4', 'processing=2');
	is(join(' ', map { (outcomes(ask_status('/processing=forever', $send->(''))))[0] } 1 .. 3), join(' ', ('PROCESSING 4') x 3), 'processing=forever');
	is($failed->('/late-if=bad'), 'PARTIAL_SUCCESS 4 {"reason":"PROCESSING_ERROR_REASON_INVALID_GCLID","recordCount":"2","recordIndices":["1","3"]}', 'late-if');
	is(join(' ', map { $_->{verdict} } ($receiver->records)[ -4 .. -1 ]),
		'ok late:PROCESSING_ERROR_REASON_INVALID_GCLID ok late:PROCESSING_ERROR_REASON_INVALID_GCLID', 'the log says so at once');
	is($receiver->stats->{rejected}, 0, 'they are not rejected');
	is($failed->('/late-if=bad/late-indices=numbers'), 'PARTIAL_SUCCESS 4 {"reason":"PROCESSING_ERROR_REASON_INVALID_GCLID","recordCount":"2","recordIndices":[1,3]}', 'numbers');
	is($failed->('/late-if=bad/late-indices=none'), 'PARTIAL_SUCCESS 4 {"reason":"PROCESSING_ERROR_REASON_INVALID_GCLID","recordCount":"2"}', 'none');
	is($failed->('/late-if=bad/late-indices=outside'), 'PARTIAL_SUCCESS 4 {"reason":"PROCESSING_ERROR_REASON_INVALID_GCLID","recordCount":"2","recordIndices":["5","7"]}', 'outside');
	is($failed->('/late-if=bad/late-indices=twice'), 'PARTIAL_SUCCESS 4 {"reason":"PROCESSING_ERROR_REASON_INVALID_GCLID","recordCount":"2","recordIndices":["1","3","1","3"]}', 'twice');
	like($failed->("/late-if=$digest"), qr/^FAILED 4 .*"recordIndices":\["0","1","2","3"\]/, 'all fail');
	like($failed->('/late-if=bad/late-reason=TOO_RECENT_CLICK'), qr/"PROCESSING_ERROR_REASON_TOO_RECENT_CLICK"/, 'late-reason');
	like($failed->('/late-if=bad/late-reason=OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER'), qr/"PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH/, 'with another prefix');

	my $two = { %{ google_body(@events) }, destinations => [ { %$ads, reference => 'a' }, { %$ads, productDestinationId => '7002', reference => 'b' } ] };
	$two->{events}[1] = { %{ $events[1] }, destinationReferences => ['a'] };
	is(join(' ', map { s/ \{.*("recordIndices".*)\}/ $1/r } outcomes(ask_status('/late-if=bad', $send->('/late-if=bad', $two)))),
		'PARTIAL_SUCCESS 4 "recordIndices":["1","3"] PARTIAL_SUCCESS 3 "recordIndices":["3"]', 'each destination has its own');

	is(google_error(ask_status('', $_)) . ' ' . join(', ', violations(ask_status('', $_))), '400 INVALID_ARGUMENT request_id INVALID_REQUEST_ID', 'another id')
	  for 'x', '', '00000000-0000-0000-0000-000000000000';
	is(google_error(ask_status("/ask-fault=$_", $id)), $google_faults{$_}, "status: ask-fault=$_") for sort keys %google_faults;
	is(join(' ', map { ask_status('/ask-fault=unavailable/first=1', $id)->{status} } 1, 2), '503 200', 'gates');
	is(google_error(ask_status('/fault=quota', $id)), '200 -', 'a fault of events is none of the status');
	is(google('/ask-fault=quota')->{status}, 200, 'nor the other way');
	is(ask_status('/status=503', $id)->{status}, 503, 'a status of the path');
	my $asked = $receiver->platforms->{status};
	cmp_ok($asked->{requests}, '>', 30, 'questions are counted');
	is(($receiver->requests)[-1]{method}, 'GET', 'and in the log');
	$receiver->reset;
	is(join(', ', outcomes(ask_status('', $id))), 'SUCCESS 4', 'a reset forgets no request');
}

# --- without options, anything signs, and any token will do
{
	my $strict = $receiver;

	$receiver = EcapiReceiver->start;
	is(meta('', { access_token => 'any', data => [ meta_event() ] })->{status}, 200, 'any token');
	is(meta('', { data => [ meta_event() ] })->{status}, 400, 'but not none');
	is(webhook(message(), signature => '')->{status}, 200, 'any signature');
	is(token_error(ask_token('', grant_type => $jwt_grant, assertion => assertion(key => 'other', iss => 'x', aud => 'y'))), '200 -', 'any assertion');
	is(token_error(ask_token('', %refresh, client_id => 'x', refresh_token => 'y')), '200 -', 'any client');
	is(google_error(google('', undef, 'Bearer ' . $receiver->google_token)), '200 -', 'their tokens count');
	is(google_error(google('', undef, 'Bearer x')), '401 UNAUTHENTICATED', 'no others');

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
	like(qx("@{[EcapiReceiver::binary()]}" --no-store --google-client a:b 2>&1 </dev/null), qr/invalid value: --google-client$/m, 'no client');
	like(qx("@{[EcapiReceiver::binary()]}" --no-store --google-key $dir/text 2>&1 </dev/null), qr/invalid value: --google-key$/m, 'no key');
}

done_testing();
