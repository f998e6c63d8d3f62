# The platforms that the receiver plays by tables (test/receiver/adapter.h): for each what
# it takes, what it refuses and in which words, how it fails, and what it takes for a
# repeat.  Requests are written by hand, so this test knows nothing of the extension.
#
# Needs neither PostgreSQL nor the extension: only test/receiver/receiver.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiPost qw($gone changed post_to);
use EcapiReceiver;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $receiver = EcapiReceiver->start;
my $digest = sha256_hex('someone@example.com');
my $now = time;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

# An event that is too old for a window of that many days, in seconds; and one that is not.
sub old { return $now - 86400 * $_[0] - 60 }
sub recent { return $now - 86400 * $_[0] + 3600 }

# A time as ISO 8601 has it.
sub iso { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

# What a message of Pub/Sub holds of an event.
sub in_base64 { return encode_base64($json->encode($_[0]), '') }

# A list under two names at most, "data" or "data.events".
sub listed
{
	my ($path, %beside) = @_;

	return sub {
		my @events = @_;

		return { %beside, $path => \@events } if $path !~ /\./;
		my ($outer, $inner) = split /\./, $path;
		return { $outer => { %beside, $inner => \@events } };
	};
}

# A row each:
#	path		behind a segment of its own
#	headers		beside the token, or a function that gives them
#	token		the header of the token, and what stands before it there
#	body		of events
#	small, full	the least and the most that an event may hold
#	id			where the id of an event stands; small_id of the small one
#	filed		what the receiver files the full one under
#	rules		places of the full one: [path, values that fit, values that do not]
#	whole		the same of a body of one small event
#	max			events of a request
#	code		of an answer, what the platform says with it
#	ok			the code of an answer that takes all
#	refused		the code of one in which the second of three events is not wanted
#	kept		how many of the three are taken
#	faults		their codes
#	window		seconds in which a repeat is one; 0: it is one for ever
#	repeats		how many of two are known; none: both
my @platforms = (
	{
		name => 'tiktok',
		path => 'open_api/v1.3/event/track/',
		token => [ 'Access-Token', '' ],
		body => listed('data', event_source => 'web', event_source_id => 'C123'),
		small => { event => 'Search', event_time => $now, event_id => 'e-1', user => { email => $digest }, page => { url => 'https://a/' } },
		full => {
			event => 'Purchase', event_time => $now, event_id => 'e-1', limited_data_use => $true,
			user => { (map { $_ => [$digest] } qw(email phone external_id)), (map { $_ => $digest } qw(first_name last_name zip_code)),
				city => 'newyork', state => 'ny', country => 'us', ip => '192.0.2.1', user_agent => 'Mozilla/5.0', ttclid => 'E.C.P',
				ttp => 't', locale => 'en' },
			properties => { value => 12.5, currency => 'EUR', order_id => '7', num_items => 2, content_type => 'product', query => 'q',
				contents => [ { content_id => 's', content_type => 'product', content_name => 'n', content_category => 'c',
						brand => 'b', price => 1.5, quantity => 2 } ], own => { any => [] } },
			page => { url => 'https://a/', referrer => 'https://b/' },
		},
		id => 'event_id',
		filed => 'C123 e-1 Purchase 12.5 EUR',
		rules => [
			[ event => ['quiz'], [ '', $gone, 7 ] ],
			[ event_time => [ recent(28), $now + 600 ], [ $gone, "$now", $now * 1000, old(28) ] ],
			[ event_id => [$gone], [ '', 7 ] ],
			[ user => [ { email => $digest, ip => '192.0.2.1' } ], [ $gone, {}, [], { ip => '192.0.2.1' }, { ip => '192.0.2.1', city => 'x' } ] ],
			[ 'user.email' => [ $digest, [ $digest, $digest ] ], [ 'a@example.com', uc $digest, [], sha256_hex('') ] ],
			[ 'user.first_name' => [], [ 'ann', [$digest] ] ],
			[ 'user.city' => [], [$digest] ],
			[ 'user.ip' => ['2001:db8::1'], [ $gone, $digest ] ],
			[ 'user.gender' => [], ['f'] ],
			[ 'properties.value' => [0], [ '12.5', $gone ] ],
			[ 'properties.currency' => ['USD'], [ 'eur', $gone ] ],
			[ 'properties.contents.0.content_id' => ['9'], [ 9, '' ] ],
			[ 'properties.contents.0.quantity' => [3], [ 1.5, '2' ] ],
			[ 'properties.contents.0.sku' => [], ['x'] ],
			[ 'page.url' => ['https://c/'], [ $gone, 'shop' ] ],
			[ page => [], [$gone] ],
			[ ext => [], [ {} ] ],
		],
		whole => [
			[ event_source => [], [ $gone, 'website', 'app', 'crm' ] ],
			[ event_source_id => [], [ $gone, 7 ] ],
			[ test_event_code => ['T1'], [7] ],
			[ data => [], [ [], {}, $gone ] ],
			[ pixel_code => [], ['x'] ],
		],
		max => 1000,
		code => sub { join ' ', $_[0]{status}, $_[0]{json}{code} // '-', $_[0]{json}{message} // '-' },
		ok => '200 0 OK',
		refused => '200 40002 Batch.1: Invalid value.',
		kept => 0,
		faults => { throttled => '200 40100 Too many requests. Please retry in some time.', 'no-token' => '200 40104 Access token is empty.',
			expired => '200 40105 Access token is incorrect or has been revoked.', denied => '200 40001 No permission to operate the pixel.',
			internal => '200 50000 System error.', unavailable => '503 - -' },
		window => 172800,
		more => sub {
			my ($p, $send) = @_;
			my $shop = { event_source => 'offline', event_source_id => 'C9' };
			my $sale = changed(changed($p->{full}, 'page', $gone), 'limited_data_use', $gone);

			is($send->('', { %$shop, data => [$sale] })->{json}{code}, 0, 'a sale in a shop');
			is($send->('', { %$shop, data => [ { %$sale, event => 'quiz' } ] })->{json}{code}, 40002, 'only by a standard name');
			is($send->('', { %$shop, data => [ { %$sale, limited_data_use => $true } ] })->{json}{code}, 40002, 'and without limited data use');
			is($send->('', { %$shop, event_source => 'crm', data => [ { %$sale, lead => { lead_id => '7' } } ] })->{json}{code}, 0, 'a lead');
			is($send->('', { %$shop, event_source => 'app', data => [ { %$sale, app => { app_id => '7' } } ] })->{json}{code}, 0, 'an app');
			is($send->('', $p->{body}->($p->{small}, changed($p->{full}, 'properties.contents.0.content_id', 9)))->{json}{message},
				'Batch.1.properties.contents.0.content_id: Not a valid value of its type.', 'a fault is named by its place');
			is($send->('/reject-if=e-1/index=none')->{json}{message}, 'One or more events are not valid.', 'or not');
			is($send->('/fault=partial')->{json}{code}, 20001, 'fault=partial');
		},
	},
	{
		name => 'pinterest',
		path => 'v5/ad_accounts/549755/events',
		body => listed('data'),
		small => { event_name => 'lead', action_source => 'web', event_time => $now, event_id => 'e-1', user_data => { em => [$digest] } },
		full => {
			event_name => 'checkout', action_source => 'web', event_time => $now, event_id => 'e-1', opt_out => $false,
			event_source_url => 'https://a/', language => 'en', app_name => 'a',
			user_data => { (map { $_ => [$digest] } qw(em ph ge db ln fn ct st zp country external_id hashed_maids)), click_id => 'dj0y',
				client_ip_address => '192.0.2.1', client_user_agent => 'Mozilla/5.0' },
			custom_data => { value => '129.9', currency => 'EUR', order_id => '7', num_items => 2, content_ids => ['s'], search_string => 'q',
				opt_out_type => 'LDP', contents => [ { id => 's', item_name => 'n', item_category => 'c', item_brand => 'b',
						item_price => '64.95', quantity => 2 } ] },
		},
		id => 'event_id',
		filed => '549755 e-1 checkout 129.9 EUR',
		rules => [
			[ event_name => [ 'page_visit', 'own_name-1' ], [ $gone, '', 'a b', 'x' x 101 ] ],
			[ action_source => [ 'app_ios', 'offline' ], [ $gone, 'website' ] ],
			[ event_time => [ old(60) ], [ $gone, "$now", $now * 1000 ] ],
			[ event_id => [], [ $gone, '', 7 ] ],
			[ user_data => [ { client_ip_address => '::1', client_user_agent => 'x' }, { hashed_maids => [$digest] } ], [ $gone, {}, { ph => [$digest] } ] ],
			[ 'user_data.em' => [ [ $digest, $digest ] ], [ $digest, ['a@example.com'], [] ] ],
			[ 'user_data.country' => [], [ ['us'], 'us' ] ],
			[ 'user_data.click_id' => [], [ $digest, ['x'] ] ],
			[ 'user_data.zip' => [], [ [$digest] ] ],
			[ 'custom_data.value' => [ '0', '12' ], [ 129.9, '1e3', '-1', '.5', '1.', '' ] ],
			[ 'custom_data.num_items' => [], [ '2', 1.5 ] ],
			[ 'custom_data.own' => [], ['x'] ],
			[ 'custom_data.contents.0.item_price' => ['1'], [64.95] ],
			[ 'custom_data.contents.0.quantity' => [1], [1.5] ],
			[ 'custom_data.contents.0.sku' => [], ['x'] ],
			[ own => [], ['x'] ],
		],
		whole => [ [ data => [], [ [], {}, $gone ] ], [ test => [], [$true] ] ],
		max => 1000,
		code => sub {
			my ($answer) = @_;
			my $body = $answer->{json} // {};

			return join ' ', $answer->{status}, $body->{code} // '-', map { "$_->{status} $_->{error_message}" }
			  grep { $_->{status} ne 'processed' } @{ ($body->{details} // $body)->{events} // [] };
		},
		ok => '200 -',
		refused => '422 4195 failed  is not wanted',
		kept => 2,
		partly_refused => 1,
		faults => { throttled => '429 8', expired => '401 2', denied => '403 29', invalid => '400 4196', 'ramped-down' => '503 4197', internal => '500 4' },
		window => 172800,
		more => sub {
			my ($p, $send) = @_;
			my @three = map { with_id($p, $p->{small}, "p-$_") } 1 .. 3;

			is_deeply($send->('', $p->{body}->(@three))->{json}, { num_events_received => 3, num_events_processed => 3,
					events => [ map { +{ status => 'processed', error_message => '', warning_message => '' } } 1 .. 3 ] }, 'a result each');
			my $answer = $send->('/reject-if=p-2/index=ok', $p->{body}->(@three));
			is("$answer->{status} $answer->{json}{num_events_processed}", '200 2', 'partly under 200');
			$answer = $send->('/reject-if=p-2/index=none', $p->{body}->(@three));
			is($answer->{status} . $json->encode($answer->{json}{details}), '422{}', 'without a list');
			$answer = $send->('/fault=warning', $p->{body}->(@three));
			is($answer->{json}{events}[2]{warning_message}, 'an event is late', 'fault=warning');
			$receiver->reset;
			$send->('', $p->{body}->({ %{ $p->{small} }, action_source => 'offline' })) for 1, 2;
			is($receiver->platforms->{pinterest}{repeats}, 0, 'what is offline is never a repeat');
			my $test = sub { post_to($receiver, '/p/v5/ad_accounts/1/events?test=true', $p->{body}->(@_), { Authorization => 'Bearer x' }) };
			is($test->(@three)->{status}, 200, 'a test');
			is($receiver->platforms->{pinterest}{validated}, 3, 'is validated');
			is(scalar(grep { $_->{path} =~ m{^/p/} } $receiver->records), 0, 'and not kept');
			is($test->(($p->{small}) x 21)->{status}, 400, 'a test of 21');
			is(post_to($receiver, '/p/v5/ad_accounts/x1/events', $p->{body}->(@three), { Authorization => 'Bearer x' })->{status}, 400, 'no account');
		},
	},
	{
		name => 'reddit',
		path => 'api/v3/pixels/a2_x/conversion_events',
		body => listed('data.events'),
		small => { event_at => $now * 1000, action_source => 'OTHER', type => { tracking_type => 'LEAD' }, click_id => 'c', metadata => { conversion_id => 'e-1' } },
		full => {
			event_at => $now * 1000, action_source => 'WEBSITE', type => { tracking_type => 'PURCHASE' }, click_id => '49',
			event_source_url => 'https://a/',
			user => { (map { $_ => $digest } qw(email phone_number external_id idfa aaid)), ip_address => '192.0.2.1', user_agent => 'Mozilla/5.0',
				uuid => '5b1e2c3d-0000-4000-8000-000000000001', screen_dimensions => { width => 1, height => 2 },
				data_processing_options => { country => 'US', region => 'US-CA', modes => ['LDU'] } },
			metadata => { conversion_id => 'e-1', currency => 'EUR', value => 129.9, item_count => 2,
				products => [ { id => 's', name => 'n', category => 'c', quantity => 2, item_price => 64.95 } ] },
		},
		id => 'metadata.conversion_id',
		filed => 'a2_x e-1 PURCHASE 129.9 EUR',
		rules => [
			[ event_at => [ recent(7) * 1000, $now * 1000 + 200_000 ], [ $gone, $now, old(7) * 1000, $now * 1000 + 400_000, "$now" ] ],
			[ action_source => ['APP'], [ $gone, 'website' ] ],
			[ type => [ { tracking_type => 'CUSTOM', custom_event_name => 'x' } ], [ $gone, { tracking_type => 'Purchase' }, { tracking_type => 'CUSTOM' } ] ],
			[ click_id => [$gone], [ '', $digest ] ],
			[ 'user.email' => [], [ 'a@example.com', [$digest], uc $digest ] ],
			[ 'user.uuid' => [], ['1795700000000.5b1e2c3d'] ],
			[ 'user.ip_address' => ['::1'], [ $digest, ['::1'] ] ],
			[ 'user.data_processing_options.modes' => [], [ 'LDU', ['X'] ] ],
			[ 'user.zip' => [], [$digest] ],
			[ 'metadata.value' => [0], [ '129.9', undef ] ],
			[ 'metadata.currency' => ['USD'], [ 'usd', $gone ] ],
			[ 'metadata.item_count' => [], [1.5] ],
			[ 'metadata.products.0.quantity' => [0], [ -1, 1.5 ] ],
			[ 'metadata.products.0.item_price' => [0], [ -1, '1' ] ],
			[ 'metadata.products.0.id' => ['x'], [ $gone, 7 ] ],
			[ own => [], ['x'] ],
		],
		whole => [ [ 'data.events' => [], [ [], $gone ] ], [ 'data.partner' => ['ecapi'], [7] ], [ test_mode => [], [$true] ] ],
		max => 1000,
		code => sub {
			my ($answer) = @_;
			my $body = $answer->{json} // {};

			return join ' ', $answer->{status}, $body->{data}{message} // $body->{message} // $body->{error}{reason} // $body->{error}{code} // $answer->{content},
			  map { "$_->{error_message} $_->{event}{event_metadata}{conversion_id}" } @{ $body->{invalid_events} // [] };
		},
		ok => qr/^200 Successfully processed \d+ conversion events\.$/,
		refused => '400 There were 1 invalid conversion events. None were processed.  is not wanted r-2',
		kept => 0,
		faults => { throttled => '429 429', expired => '401 Authorization Required', unauthorized => '401 UNAUTHORIZED', denied => '403 UNAUTHORIZED', internal => '500 500' },
		window => 172800,
		more => sub {
			my ($p, $send) = @_;
			my $nobody = changed($p->{small}, 'click_id', $gone);

			is($send->('', $p->{body}->($nobody))->{status}, 400, 'an event of nobody');
			is($send->('', $p->{body}->({ %$nobody, user => { ip_address => '::1' } }))->{status}, 200, 'an address will do');
			is($send->('/reject-if=e-1/index=none')->{json}{invalid_events}, undef, 'nothing is named');
			is($send->('/reject-if=e-1/index=whole')->{json}{invalid_events}[0]{event}{type}{tracking_type}, 'LEAD', 'or all of it repeated');
			is($send->('', { data => { test_id => 't2', events => [ $p->{small} ] } })->{status}, 200, 'a test');
			is($receiver->platforms->{reddit}{validated}, 1, 'is validated');
		},
	},
	{
		name => 'microsoft',
		path => 'v1/187012345/events',
		body => listed('data'),
		small => { eventType => 'pageLoad', eventTime => $now, eventId => 'e-1', eventSourceUrl => 'https://a/', userData => { anonymousId => 'a' } },
		full => {
			eventType => 'custom', eventName => 'purchase', eventTime => $now, eventId => 'e-1', eventSourceUrl => 'https://a/',
			referrerUrl => 'https://b/', pageTitle => 't', keywords => 'k', pageLoadId => '5b1e', adStorageConsent => 'G',
			userData => { em => $digest, ph => $digest, anonymousId => 'a', externalId => $digest, clientIpAddress => '192.0.2.1',
				clientUserAgent => 'Mozilla/5.0', msclkid => 'b0a1' },
			customData => { value => 129.9, currency => 'EUR', transactionId => '7', itemIds => ['s'], searchTerm => 'q', pageType => 'purchase',
				items => [ { id => 's', name => 'n', price => 64.95, quantity => 2 } ] },
		},
		id => 'eventId',
		filed => '187012345 e-1 purchase 129.9 EUR',
		rules => [
			[ eventType => [], [ $gone, 'PageLoad', 'pageLoad' ] ],
			[ eventName => ['x'], [ $gone, '' ] ],
			[ eventTime => [ recent(7) ], [ $gone, old(7), $now * 1000, "$now", $now + 3600 ] ],
			[ eventSourceUrl => [$gone], ['shop'] ],
			[ adStorageConsent => ['D'], [ 'GRANTED', $true ] ],
			[ userData => [ { msclkid => 'x' } ], [ $gone, {}, { clientIpAddress => '::1', clientUserAgent => 'x' } ] ],
			[ 'userData.em' => [], [ 'a@example.com', [$digest] ] ],
			[ 'userData.fn' => [], [$digest] ],
			[ 'customData.value' => [0], ['129.9'] ],
			[ 'customData.currency' => ['USD'], ['usd'] ],
			[ 'customData.pageType' => ['home'], ['checkout'] ],
			[ 'customData.items.0.quantity' => [1], [ 1.5, '1' ] ],
			[ 'customData.own' => [], ['x'] ],
			[ own => [], ['x'] ],
		],
		whole => [ [ data => [], [ [], $gone ] ], [ dataProvider => ['ecapi'], [7] ], [ continueOnValidationError => [$true], ['true'] ] ],
		max => 1000,
		code => sub {
			my ($answer) = @_;
			my $body = $answer->{json} // {};

			return join ' ', $answer->{status}, $body->{error}{code} // '-', map { join ' ', map { $_ // '-' } @$_{qw(index propertyName errorMessage)} }
			  @{ $body->{error}{details} // [] };
		},
		ok => '200 -',
		refused => "400 ValidationError 1  '' is not wanted",
		kept => 0,
		faults => { throttled => '429 TooManyRequests', expired => '401 Unauthorized', denied => '403 Forbidden', internal => '500 InternalServerError' },
		window => 172800,
		more => sub {
			my ($p, $send) = @_;
			my @three = map { with_id($p, $p->{full}, "m-$_") } 1 .. 3;
			my $answer;

			$three[1]{userData}{em} = 'ann@example.com';
			$answer = $send->('', { data => \@three, continueOnValidationError => $true });
			is($p->{code}->($answer), "400 ValidationError 1 userData.em 'userData.em' is not 64 lower-case hex digits", 'one of three does not fit');
			is($answer->{json}{eventsReceived}, 2, 'two are taken all the same');
			is(join(' ', map { $_->{id} } $receiver->records), 'm-1 m-3', 'these two');
			like($answer->{json}{error}{details}[0]{attemptedValue}, qr/ann\@example\.com/, 'the answer repeats what came');
			is($send->('', { data => \@three })->{json}{eventsReceived}, 0, 'by itself none');
			is(scalar @{ $send->('/reject-if=m-/index=none', { data => \@three })->{json}{error}{details} }, 0, 'no details');
			is(scalar @{ $send->('/reject-if=m-/index=first', { data => \@three })->{json}{error}{details} }, 1, 'or one');
			$answer = $send->('/fault=warning');
			is("$answer->{status} $answer->{json}{eventsReceived} $answer->{json}{error}{details}[0]{isWarning}", '200 1 1', 'fault=warning');
		},
	},
	{
		name => 'linkedin',
		path => 'rest/conversionEvents',
		headers => { 'LinkedIn-Version' => '202608', 'X-Restli-Protocol-Version' => '2.0.0', 'X-RestLi-Method' => 'BATCH_CREATE' },
		body => listed('elements'),
		small => { conversion => 'urn:lla:llaPartnerConversion:104012', conversionHappenedAt => $now * 1000, eventId => 'e-1',
			user => { userIds => [], userInfo => { firstName => 'Ann', lastName => 'Example' } } },
		full => {
			conversion => 'urn:lla:llaPartnerConversion:104012', conversionHappenedAt => $now * 1000, eventId => 'e-1',
			conversionValue => { currencyCode => 'EUR', amount => '129.9' },
			user => { userIds => [ { idType => 'SHA256_EMAIL', idValue => $digest }, { idType => 'PLAINTEXT_IP_ADDRESS', idValue => '192.0.2.1' },
					{ idType => 'LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID', idValue => 'df5g' } ],
				userInfo => { firstName => 'Ann', lastName => 'Example', companyName => 'c', title => 't', countryCode => 'US' },
				externalIds => ['Cust-42'] },
		},
		id => 'eventId',
		filed => '104012 e-1 urn:lla:llaPartnerConversion:104012 129.9 EUR',
		rules => [
			[ conversion => [], [ $gone, '104012', 'urn:lla:llaPartnerConversion:', 'urn:lla:llaPartnerConversion:x' ] ],
			[ conversionHappenedAt => [ recent(90) * 1000 ], [ $gone, $now, old(90) * 1000, ($now + 60) * 1000, "$now" ] ],
			[ 'conversionValue.amount' => ['0'], [ 129.9, '1e3', $gone ] ],
			[ 'conversionValue.currencyCode' => ['USD'], [ 'usd', $gone ] ],
			[ user => [], [ $gone, {}, { userIds => [] }, { userInfo => { firstName => 'A', lastName => 'B' } } ] ],
			[ 'user.userIds.0.idValue' => [], [ 'a@example.com', '' ] ],
			[ 'user.userIds.0.idType' => [], [ 'EMAIL', $gone ] ],
			[ 'user.userIds.1.idValue' => ['198.51.100.7'], [ '::1', $digest ] ],
			[ 'user.userIds.2.idValue' => [], [$digest] ],
			[ 'user.userInfo' => [$gone], [ { firstName => 'Ann' }, { firstName => $digest, lastName => $digest } ] ],
			[ 'user.userInfo.countryCode' => ['DE'], [ 'us', 'USA' ] ],
			[ 'user.externalIds' => [], [ [], [ 'a', 'b' ], 'a' ] ],
			[ 'user.phone' => [], [$digest] ],
			[ own => [], ['x'] ],
		],
		whole => [ [ elements => [], [ [], $gone ] ], [ own => [], ['x'] ] ],
		max => 5000,
		code => sub {
			my ($answer) = @_;
			my $body = $answer->{json} // {};

			return join ' ', $answer->{status}, $body->{code} // '-', $body->{message} // '-';
		},
		ok => '200 - -',
		refused => "422 - Index: 1, ERROR :: / :: is not wanted\n",
		kept => 0,
		faults => { throttled => '429 TOO_MANY_REQUESTS Resource level throttle limit for calls to this resource is reached.',
			expired => '401 INVALID_ACCESS_TOKEN Invalid access token',
			revoked => '401 REVOKED_ACCESS_TOKEN The token used in the request has been revoked by the user',
			denied => '403 ACCESS_DENIED No ad accounts found', sunset => '426 NONEXISTENT_VERSION Requested version is not active',
			internal => '500 - Internal Server Error' },
		window => 172800,
		more => sub {
			my ($p, $send) = @_;
			my $answer = $send->('', $p->{small}, { 'X-RestLi-Method' => '' });

			is("$answer->{status}|$answer->{content}", '201|', 'one event alone: 201 without a body');
			is(scalar($receiver->records), 1, 'it is kept');
			is_deeply($send->('', $p->{body}->($p->{small}, with_id($p, $p->{small}, 'e-2')))->{json}, { elements => [ { status => 201 }, { status => 201 } ] }, 'a status each');
			is($send->('', undef, { 'LinkedIn-Version' => '' })->{json}{code}, 'VERSION_MISSING', 'no version');
			is($send->('', undef, { 'X-Restli-Protocol-Version' => '1' })->{status}, 400, 'another protocol');
			is($send->('', undef, { 'X-RestLi-Method' => 'CREATE' })->{status}, 400, 'another method');
			is($send->('/sunset=202609')->{status}, 426, 'a version that is dead');
			is($send->('/sunset=202608')->{status}, 200, 'one that is not');
			my @three = map { with_id($p, $p->{full}, "l-$_") } 1 .. 3;
			$three[1]{conversionValue}{amount} = 7;
			$three[2]{user}{own} = 'x';
			is($send->('', $p->{body}->(@three))->{json}{message}, "Index: 1, ERROR :: /conversionValue/amount :: is not a string\n"
				  . "Index: 2, ERROR :: /user/own :: unrecognized field found but not allowed\n", 'a line for each event at fault');
			$three[0]{conversionHappenedAt} = 7;
			$answer = $send->('', $p->{body}->(@three));
			like("$answer->{status} $answer->{json}{message}", qr/^400 .* indices \[0\] \(0-indexed\)$/, 'out of time is 400');
			is($send->('/reject-if=e-1/index=none')->{json}{message}, "ERROR :: / :: is not wanted\n", 'without an index');
		},
	},
	{
		name => 'snap',
		path => 'v3/1ec32188/events?access_token=any',
		token => [ '', '' ],
		body => listed('data'),
		small => { event_name => 'SAVE', action_source => 'OFFLINE', event_time => $now, event_id => 'e-1', user_data => { em => $digest } },
		full => {
			event_name => 'PURCHASE', event_time => $now, event_id => 'e-1', action_source => 'WEB', event_source_url => 'https://a/',
			opt_out => $false, data_processing_options => ['LDU'], data_processing_options_country => 1, data_processing_options_state => 1000,
			user_data => { (map { $_ => [$digest] } qw(em ph fn ln ge ct st zp country db external_id)), client_ip_address => '192.0.2.1',
				client_user_agent => 'Mozilla/5.0', sc_click_id => '0a', sc_cookie1 => '9f', madid => 'm', idfv => 'i' },
			custom_data => { value => 129.9, currency => 'EUR', order_id => '7', num_items => 2, content_ids => ['s'], content_category => ['c'],
				brands => ['b'], search_string => 'q', sign_up_method => 's', custom_fields => { any => [] },
				contents => [ { id => 's', quantity => '2', item_price => 64.95, brand => 'b' } ] },
		},
		id => 'event_id',
		filed => '1ec32188 e-1 PURCHASE 129.9 EUR',
		rules => [
			[ event_name => ['CUSTOM_EVENT_5'], [ $gone, 'purchase', 'CUSTOM_EVENT_6', 'LEAD' ] ],
			[ event_time => [ recent(7) ], [ $gone, "$now", $now * 1000, old(7) ] ],
			[ action_source => [ 'website', 'app' ], [ $gone, 'web' ] ],
			[ event_source_url => [], [ $gone, 'shop' ] ],
			[ data_processing_options => [ [], ['LMU'] ], [ ['X'], 'LDU' ] ],
			[ user_data => [ { ph => $digest }, { madid => 'm' }, { client_ip_address => '::1', client_user_agent => 'x' } ],
				[ $gone, {}, { client_ip_address => '::1' }, { fn => $digest } ] ],
			[ 'user_data.em' => [$digest], [ 'a@example.com', uc $digest, [] ] ],
			[ 'user_data.sc_click_id' => [], [ $digest, ['x'] ] ],
			[ 'user_data.ttclid' => [], ['x'] ],
			[ 'custom_data.value' => [0], [ '129.9', $gone ] ],
			[ 'custom_data.currency' => [], [ 'eur', $gone ] ],
			[ 'custom_data.contents.0.sku' => [], ['x'] ],
			[ 'custom_data.own' => [], ['x'] ],
			[ own => [], ['x'] ],
		],
		whole => [ [ data => [], [ [], $gone ] ], [ test_event_code => [], ['x'] ] ],
		max => 2000,
		code => sub { join ' ', $_[0]{status}, $_[0]{json}{status} // '-', $_[0]{json}{event} // '-' },
		ok => '200 VALID -',
		refused => '400 INVALID 1',
		kept => 0,
		faults => { throttled => '429 INVALID -', expired => '401 INVALID -', denied => '403 INVALID -', internal => '500 INVALID -' },
		window => 172800,
		more => sub {
			my ($p, $send) = @_;
			my @three = map { with_id($p, $p->{full}, "s-$_") } 1 .. 3;
			my $by_token = sub { post_to($receiver, "/s/token=good/v3/1/events$_[0]", $p->{body}->($p->{small}))->{status} };

			is($by_token->('?access_token=good') . $by_token->('?access_token=bad') . $by_token->(''), '200401401', 'the token of the query');
			is($send->('', $p->{body}->({ %{ $p->{small} }, event_time => recent(37) }))->{status}, 200, 'offline events may be 37 days old');
			is($send->('', $p->{body}->({ %{ $p->{small} }, event_time => old(37) }))->{status}, 400, 'but not more');
			is($p->{code}->($send->('/reject-if=s-2/index=none', $p->{body}->(@three))), '400 INVALID -', 'no index');
			is($p->{code}->($send->('/reject-if=s-2/index=ok', $p->{body}->(@three))), '200 INVALID 1', 'or under 200');
			$receiver->reset;
			my $answer = post_to($receiver, '/s/reject-if=s-2/v3/1/events/validate?access_token=x', $p->{body}->(@three));
			is(join(' ', $answer->{status}, $answer->{json}{status}, map { "$_->{event}=$_->{status}" } @{ $answer->{json}{event_logs} }),
				'200 INVALID 0=VALID 1=INVALID 2=VALID', 'validate says it of each');
			is(scalar($receiver->records), 0, 'and keeps nothing');
			is($receiver->platforms->{snap}{validated}, 2, 'but counts');
		},
	},
	{
		name => 'ga4',
		path => 'mp/collect?measurement_id=G-ABC&api_secret=any',
		token => [ '', '' ],
		body => listed('events', client_id => '1.2', timestamp_micros => $now * 1_000_000, user_id => 'Cust-42',
			user_data => { sha256_email_address => [$digest], sha256_phone_number => [$digest],
				address => [ { sha256_first_name => $digest, sha256_last_name => $digest, city => 'new york', region => 'ny', postal_code => '10001', country => 'US' } ] },
			consent => { ad_user_data => 'GRANTED', ad_personalization => 'DENIED' }),
		small => { name => 'login', params => { event_id => 'e-1' } },
		full => { name => 'purchase', params => { transaction_id => 'e-1', value => 129.9, currency => 'EUR', tax => 1, shipping => 2, coupon => 'c',
				session_id => '17', page_location => 'https://a/' . 'x' x 900,
				items => [ { item_id => 's', item_name => 'n', price => 64.95, quantity => 2, item_brand => 'b' } ] } },
		id => 'params.transaction_id',
		small_id => 'params.event_id',
		filed => 'G-ABC e-1 purchase 129.9 EUR',
		rules => [
			[ name => ['own_name1'], [ '', $gone, 'a b', '1a', 'x' x 41, 'session_start', 'ga_x', '_x', 'ad_impression' ] ],
			[ timestamp_micros => [ recent(3) * 1_000_000 ], [ old(3) * 1_000_000, $now * 1000, "$now" ] ],
			[ 'params.value' => [0], [ '129.9', $gone ] ],
			[ 'params.currency' => [], [ 'eur', $gone ] ],
			[ 'params.transaction_id' => [], [ $gone, 7 ] ],
			[ 'params.coupon' => [ 'x' x 100 ], [ 'x' x 101, undef, {} ] ],
			[ 'params.page_location' => [], [ 'x' x 1001 ] ],
			[ 'params.' . 'p' x 41 => [], ['x'] ],
			[ 'params.items.0.item_id' => [], [7] ],
			[ params => [], [ { (map { ("p$_" => 1) } 1 .. 24), transaction_id => 't', value => 1 }, [] ] ],
			[ id => [], ['x'] ],
		],
		whole => [
			[ client_id => [], [ $gone, 7 ] ],
			[ timestamp_micros => [$gone], [ $now, "$now" ] ],
			[ 'user_data.sha256_email_address' => [$digest], [ 'a@example.com', [] ] ],
			[ 'user_data.address.0.city' => [], [$digest] ],
			[ 'consent.ad_user_data' => ['DENIED'], [ 'granted', $true ] ],
			[ events => [], [ [], $gone ] ],
			[ own => [], ['x'] ],
		],
		max => 25,
		code => sub { $_[0]{status} },
		ok => '204',
		refused => '204',
		kept => 2,
		faults => { internal => '500', unavailable => '503' },
		window => 0,
		more => sub {
			my ($p, $send) = @_;
			my $debug = sub { post_to($receiver, "/g$_[0]/debug/mp/collect", $p->{body}->(@{ $_[1] }))->{json}{validationMessages} };
			my $count = sub { $receiver->platforms->{ga4}{ $_[0] } };

			is($send->('/token=other')->{status} . ' ' . reason(), '204 the secret is not the one', 'a wrong secret is answered like a right one');
			is($count->('events') . ' ' . $count->('refused'), '0 1', 'and nothing is kept');
			is(post_to($receiver, '/g/mp/collect?measurement_id=G-1', $p->{body}->($p->{small}))->{status} . ' ' . reason(), '204 api_secret is missing', 'nor without one');
			$send->('', $p->{body}->($p->{small})) for 1, 2;
			is($count->('repeats'), 0, 'a login comes twice');
			is_deeply($debug->('', [ $p->{full} ]), [], 'debug: nothing is wrong');
			is_deeply($debug->('', [ $p->{full}, { name => 'a b' }, { name => 'ad_click' } ]), [
					{ fieldPath => 'events', description => 'Event at index: [1] name is no name of an event.', validationCode => 'NAME_INVALID' },
					{ fieldPath => 'events', description => 'Event at index: [2] name is reserved.', validationCode => 'NAME_RESERVED' } ], 'debug: something is');
			is($count->('events'), 2, 'and is not kept');
		},
	},
	{
		name => 'openai',
		path => 'v1/events?pid=px-1',
		body => listed('events'),
		small => { id => 'e-1', type => 'lead_created', timestamp_ms => $now * 1000, oppref => 'o', data => { type => 'customer_action' } },
		full => {
			id => 'e-1', type => 'order_created', timestamp_ms => $now * 1000, oppref => 'o', action_source => 'web', source_url => 'https://a/',
			opt_out => $false,
			user => { email_sha256 => $digest, external_id_sha256 => $digest, obref => 'b', country => 'US', city => 'c', zip_code => '10001',
				ip_address => '192.0.2.1', user_agent => 'Mozilla/5.0' },
			data => { type => 'contents', amount => 12990, currency => 'EUR', contents => [ { id => 's', name => 'n', content_type => 'product',
						quantity => 2, amount => 6495, currency => 'EUR' } ] },
		},
		id => 'id',
		filed => 'px-1 e-1 order_created 12990 EUR',
		rules => [
			[ id => [], [ $gone, '', 7 ] ],
			[ type => ['page_viewed'], [ $gone, 'purchase', 'lead_created' ] ],
			[ timestamp_ms => [ recent(7) * 1000, ($now + 500) * 1000 ], [ $gone, $now, old(7) * 1000, ($now + 700) * 1000, "$now" ] ],
			[ source_url => [], [ $gone, 'shop' ] ],
			[ action_source => [ 'offline', $gone ], ['website'] ],
			[ 'user.email_sha256' => [], [ 'a@example.com', [$digest] ] ],
			[ 'user.ip_address' => ['::1'], [$digest] ],
			[ 'user.phone_sha256' => [], [$digest] ],
			[ 'data.amount' => [0], [ 129.9, '12990' ] ],
			[ 'data.currency' => [], [ $gone, 'eur' ] ],
			[ 'data.plan_id' => [], ['p'] ],
			[ 'data.contents.0.quantity' => [1], [ 1.5, '2' ] ],
			[ 'data.contents.0.amount' => [], [64.95] ],
			[ 'data.contents.0.price' => [], [1] ],
			[ data => [], [ $gone, { type => 'customer_action' } ] ],
			[ own => [], ['x'] ],
		],
		whole => [ [ events => [], [ [], $gone ] ], [ validate_only => [$false], ['true'] ], [ data => [], [ [] ] ] ],
		max => 1000,
		code => sub { join ' ', $_[0]{status}, $_[0]{json}{error}{type} // '-', $_[0]{json}{error}{param} // '-' },
		ok => '200 - -',
		refused => '400 invalid_request_error -',
		kept => 0,
		faults => { throttled => '429 rate_limit_error -', expired => '401 authentication_error -', denied => '403 permission_error -', internal => '500 server_error -' },
		window => 172800,
		more => sub {
			my ($p, $send) = @_;
			my %own = (type => 'custom', custom_event_name => 'quiz_done', data => { type => 'custom', plan_id => 'p', contents => [ { id => 's' } ] });

			is($send->('', $p->{body}->({ %{ $p->{small} }, %own }))->{status}, 200, 'an event of its own name');
			for my $name ($gone, 'a b', '_a', 'a-', 'x' x 65, 'order_created')
			{
				is($send->('', $p->{body}->(changed({ %{ $p->{small} }, %own }, 'custom_event_name', $name)))->{status}, 400, 'not of any');
			}
			is($send->('', $p->{body}->({ %{ $p->{small} }, data => { type => 'customer_action', contents => [ { id => 's' } ] } }))->{status}, 400, 'a lead without contents');
			is($send->('', $p->{body}->(changed($p->{small}, 'oppref', $gone)))->{status}, 400, 'an event of nobody');
			is(post_to($receiver, '/o/v1/events', $p->{body}->($p->{small}), { Authorization => 'Bearer x' })->{status}, 400, 'no pixel');
			is($send->('/index=param', $p->{body}->($p->{small}, changed($p->{full}, 'data.amount', 1.5)))->{json}{error}{param}, 'events[1].data.amount', 'a place, when asked for');
			is($send->('', { events => [ $p->{small} ], validate_only => $true })->{status}, 200, 'validate_only');
			is($receiver->platforms->{openai}{validated}, 1, 'is counted');
		},
	},
	{
		name => 'amazon',
		path => 'adsApi/v1/create/events',
		headers => sub { return { 'Amazon-Ads-AccountId' => 'ENTITY1', 'Amazon-Ads-ClientId' => 'amzn1.client', Authorization => 'Bearer ' . $receiver->google_token } },
		token => [ '', '' ],
		body => listed('events'),
		small => { eventDescription => { name => 'n', conversionType => 'LEAD', eventSource => 'WEBSITE', eventIngestionMethod => 'SERVER_TO_SERVER' },
			countryCode => 'US', eventTime => iso($now), eventId => 'e-1', matchKeys => [ { type => 'MAID', values => ['m'] } ] },
		full => {
			eventDescription => { name => 'n', conversionType => 'OFF_AMAZON_PURCHASES', eventSource => 'OFFLINE', eventIngestionMethod => 'SERVER_TO_SERVER', dataSetName => 'd' },
			countryCode => 'DE', eventTime => iso($now), eventId => 'e-1', value => 129.9, currencyCode => 'EUR', unitsSold => 2,
			matchKeys => [ map { +{ type => $_, values => [$digest] } } qw(EMAIL PHONE FIRST_NAME LAST_NAME ADDRESS CITY STATE POSTAL) ],
			consent => { gpp => 'DBABMA~1YNN', tcf => 'CPXx', amazonConsent => { amznAdStorage => 'GRANTED', amznUserData => 'DENIED' }, geo => { ipAddress => '192.0.2.1' } },
			customData => [ { name => 'brand', dataType => 'STRING', value => 'Acme_1' } ],
		},
		id => 'eventId',
		filed => 'ENTITY1 e-1 OFF_AMAZON_PURCHASES 129.9 EUR',
		rules => [
			[ 'eventDescription.conversionType' => [], [ $gone, 'PURCHASE', 'LEAD' ] ],
			[ 'eventDescription.eventSource' => ['IOS'], [ $gone, 'website' ] ],
			[ 'eventDescription.name' => [], [ $gone, '' ] ],
			[ countryCode => ['GB'], [ $gone, 'de', 'DEU' ] ],
			[ eventTime => [ iso(old(60)) ], [ $gone, $now, '2026-11-27', iso($now + 90000) ] ],
			[ matchKeys => [ [ { type => 'MATCH_ID', values => ['x'] } ] ], [ $gone, [], [ { type => 'EMAIL', values => [] } ], [ { type => 'EMAIL', values => [ $digest, $digest ] } ] ] ],
			[ 'matchKeys.0.values' => [], [ ['a@example.com'], $digest ] ],
			[ 'matchKeys.0.type' => [], ['email'] ],
			[ value => [0], ['129.9'] ],
			[ currencyCode => ['USD'], [ $gone, 'eur' ] ],
			[ unitsSold => [], [1.5] ],
			[ 'consent.gpp' => [], ['x'] ],
			[ 'consent.amazonConsent' => [], [ { amznAdStorage => 'GRANTED' } ] ],
			[ 'customData.0.value' => [], [ '49.99', 'high-intent', '' ] ],
			[ own => [], ['x'] ],
		],
		whole => [ [ events => [], [ [], $gone ] ], [ eventData => [], [ [] ] ] ],
		max => 500,
		code => sub {
			my ($answer) = @_;
			my $body = $answer->{json} // {};

			return join ' ', $answer->{status}, $body->{code} // '-', map { ($_->{index} // '-') . " $_->{errors}[0]{message}" } @{ $body->{error} // [] };
		},
		ok => '207 -',
		refused => '207 - 1 is not wanted',
		kept => 2,
		faults => { throttled => '429 TOO_MANY_REQUESTS', expired => '401 UNAUTHORIZED', denied => '403 FORBIDDEN', internal => '500 INTERNAL_ERROR' },
		window => 172800,
		more => sub {
			my ($p, $send) = @_;
			my @three = map { with_id($p, $p->{full}, "a-$_") } 1 .. 3;
			my $of = sub { join ',', map { $_->{index} // '-' } @{ $_[0]{json}{success} } };

			is($of->($send->('/reject-if=a-2', $p->{body}->(@three))), '0,2', 'what is taken has its index');
			is($of->($send->('/reject-if=a-2/index=one', $p->{body}->(@three))), '1,3', 'or one from 1');
			is($of->($send->('/reject-if=a-2/index=none', $p->{body}->(@three))), '-,-', 'or none');
			is($p->{code}->($send->('/region=eu')), '207 - 0 is missing', 'in Europe consent is asked for');
			is($p->{code}->($send->('/region=eu', $p->{body}->(@three))), '207 -', 'and there');
			is($send->('', undef, { 'Amazon-Ads-AccountId' => '' })->{status}, 400, 'no account');
			is($send->('', undef, { Authorization => 'Bearer other' })->{status}, 401, 'a token of nobody');
			my $token = $receiver->google_token;
			my $by = sub { $send->('', undef, { Authorization => "Bearer $token" })->{status} };
			my $before = $by->();
			$receiver->revoke;
			is($before . ' ' . $by->(), '207 401', 'a token that is revoked');
		},
	},
	{
		name => 'pubsub',
		path => 'v1/projects/shop-4711/topics/events:publish',
		headers => sub { return { Authorization => 'Bearer ' . $receiver->google_token } },
		token => [ '', '' ],
		body => listed('messages'),
		small => { attributes => { id => 'e-1' } },
		full => {
			data => in_base64({ data_set_id => 'd', id => 'e-1', timestamp => $now, event_type => 'purchase', value => 129.9, currency_code => 'EUR' }),
			attributes => { id => 'e-1', event_type => 'purchase', data_set_id => 'd', route => 'de' },
		},
		id => 'attributes.id',
		filed => 'events e-1 purchase 129.9 EUR',
		rules => [
			[ data => [ $gone, in_base64({}) ], [ '', 7, 'e', 'e30', 'eyJ!', in_base64({}) . '=', encode_base64('none', ''),
					in_base64({ data_set_id => 'd', id => 'e-1', event_type => 'purchase' }),
					in_base64({ data_set_id => 'd', id => 'e', timestamp => $now, event_type => 'login', user_data => { email_address => ['a@example.com'] } }) ] ],
			[ attributes => [ $gone, {}, { map { $_ => 'x' } 1 .. 100 }, { 'k' x 256 => 'v' x 1024 } ],
				[ [], 'x', { map { $_ => 'x' } 1 .. 101 }, { 'k' x 257 => 'v' }, { '' => 'v' }, { k => 'v' x 1025 }, { k => 7 }, { googclient => 'v' } ] ],
			[ orderingKey => [ 'k' x 1000 ], [ 'k' x 1001, 7 ] ],
			[ messageId => [], ['1'] ],
			[ publishTime => [], [ iso($now) ] ],
		],
		whole => [ [ messages => [], [ [], {}, $gone, [ {} ] ] ], [ topic => [], ['t'] ] ],
		max => 1000,
		code => sub { join ' ', $_[0]{status}, $_[0]{json}{error}{status} // '-' },
		ok => '200 -',
		refused => '400 INVALID_ARGUMENT',
		kept => 0,
		faults => { expired => '401 UNAUTHENTICATED', denied => '403 PERMISSION_DENIED', 'not-found' => '404 NOT_FOUND', aborted => '409 ABORTED',
			quota => '429 RESOURCE_EXHAUSTED', cancelled => '499 CANCELLED', internal => '500 INTERNAL', unknown => '500 UNKNOWN',
			unavailable => '503 UNAVAILABLE', deadline => '504 DEADLINE_EXCEEDED', precondition => '400 FAILED_PRECONDITION' },
		repeats => 0,
		more => sub {
			my ($p, $send) = @_;
			my @three = map { with_id($p, $p->{full}, "p-$_") } 1 .. 3;
			my $ordered = sub { map { +{ %{ $p->{small} }, defined $_ ? (orderingKey => $_) : () } } @_ };
			my $ids = sub { scalar @{ $_[0]{json}{messageIds} } };

			is($ids->($send->('', $p->{body}->(@three))), 3, 'an id for each message');
			is($ids->($send->('/fault=fewer', $p->{body}->(@three))) . ' ' . $receiver->platforms->{pubsub}{events}, '2 6', 'or one less');
			my %seen = map { $_ => 1 } map { @{ $send->('', $p->{body}->(@three))->{json}{messageIds} } } 1, 2;
			is(scalar keys %seen, 6, 'all ids are new');
			is($send->('', $p->{body}->($ordered->('a', 'a')))->{status}, 200, 'one ordering key');
			is($send->('', $p->{body}->($ordered->(@$_)))->{status}, 400, 'not two, nor one beside none') for [ 'a', 'b' ], [ 'a', undef ], [ undef, 'a' ];
			my %token = (Authorization => 'Bearer ' . $receiver->google_token);
			for my $topic ('ab', 'goog-x', '1abc', 'a b', 'events')
			{
				my $end = $topic eq 'events' ? ':pull' : ':publish';

				is(post_to($receiver, '/x/v1/projects/p/topics/' . ($topic =~ s/ /%20/r) . $end, $p->{body}->($p->{small}), \%token)->{status}, 400, "no topic: $topic$end");
			}
			is(post_to($receiver, '/x/v1/projects/p/topics/a%25b%2Bc~d:publish', $p->{body}->($p->{small}), \%token)->{status}, 200, 'one with odd letters');
			is($send->('', $p->{body}->({ data => in_base64({ id => 'x' x 7_500_000 }) }))->{status}, 400, 'more than 10 MB');
			is($send->('', undef, { Authorization => 'Bearer other' })->{status}, 401, 'a token of nobody');
		},
	},
);

# --- all of them

# The same event with another id.
sub with_id { return changed($_[1], $_[0]{id}, $_[2]) }

# Why the last request was refused.
sub reason { return ($receiver->bodies)[-1]{reason} // 'accepted' }

for my $p (@platforms)
{
	my ($header, $prefix) = @{ $p->{token} // [ 'Authorization', 'Bearer ' ] };
	my $headers = sub {
		my $own = ref $p->{headers} eq 'CODE' ? $p->{headers}->() : $p->{headers} // {};

		return (%$own, $header ? ($header => "${prefix}any") : ());
	};
	my $small = sub { return changed($p->{small}, $p->{small_id} // $p->{id}, $_[0]) };
	my $send = sub {
		my ($segments, $body, $more) = @_;

		return post_to($receiver, "/$p->{name}$segments/$p->{path}", $body // $p->{body}->($p->{small}), { $headers->(), %{ $more // {} } });
	};
	my $is_ok = sub { my ($answer) = @_; my $code = $p->{code}->($answer); return ref $p->{ok} ? $code =~ $p->{ok} : $code eq $p->{ok} };
	my $ok = sub { my ($answer, $what) = @_; ok($is_ok->($answer), "$p->{name}: $what") or diag($p->{code}->($answer), reason()) };

	$receiver->reset;
	$ok->($send->('', $p->{body}->($p->{small}, with_id($p, $p->{full}, 'e-2'))), 'the smallest and the fullest event');
	is(scalar($receiver->records), 2, 'both are kept');
	$receiver->reset;
	$ok->($send->('', $p->{body}->($p->{full})), 'an event');
	my ($record) = $receiver->records;
	is(join(' ', map { $_ // '-' } @$record{qw(data_set_id id event_type value currency_code)}), $p->{filed}, 'is filed under its own names');
	is(($receiver->bodies)[-1]{platform}, $p->{name}, 'in the log by its name');

	for my $rule ((map { [ $p->{full}, 1, @$_ ] } @{ $p->{rules} }), (map { [ $p->{body}->($p->{small}), 0, @$_ ] } @{ $p->{whole} // [] }))
	{
		my ($base, $is_event, $path, $good, $bad) = @$rule;

		for my $case ((map { [ $_, 1 ] } @$good), (map { [ $_, 0 ] } @$bad))
		{
			my $shown = ref $case->[0] eq 'SCALAR' ? 'absent' : JSON::PP->new->allow_nonref->canonical->encode($case->[0]);
			my $body = changed($base, $path, $case->[0]);

			$send->('', $is_event ? $p->{body}->($body) : $body);
			is((reason() eq 'accepted') + 0, $case->[1], "$p->{name}: $path $shown is " . ($case->[1] ? 'accepted' : 'refused')) or diag(reason());
		}
	}
	$ok->($send->('', $p->{body}->(map { $small->("m-$_") } 1 .. $p->{max})), "$p->{max} events");
	isnt($send->('', $p->{body}->(map { $small->("m-$_") } 1 .. $p->{max} + 1)) && reason(), 'accepted', 'not one more');
	isnt($send->('', '{"x') && reason(), 'accepted', 'no JSON');
	isnt($send->('', undef, { 'Content-Type' => 'text/plain' }) && reason(), 'accepted', 'another Content-Type');
	is($p->{code}->($send->("/fault=$_")), $p->{faults}{$_}, "$p->{name}: fault=$_") for sort keys %{ $p->{faults} };
	if ($header)
	{
		$ok->($send->('/token=any'), 'the token is the one');
		is($p->{code}->($send->('/token=other')), $p->{faults}{expired}, 'it is not');
		is($p->{code}->($send->('', undef, { $header => '' })), $p->{faults}{expired}, 'there is none');
	}

	$receiver->reset;
	my @three = map { with_id($p, $p->{full}, "r-$_") } 1 .. 3;
	is($p->{code}->($send->('/reject-if=r-2', $p->{body}->(@three))), $p->{refused}, "$p->{name}: one of three is not wanted");
	is(scalar($receiver->records), $p->{kept}, "$p->{kept} are kept");
	is($receiver->platforms->{ $p->{name} }{refused}, $p->{kept} > 0 ? $p->{partly_refused} // 0 : 1, 'which counts as refused, or not');
	is($p->{code}->($send->('/fail-if=r-2', $p->{body}->(@three))), $p->{faults}{internal}, 'an event does harm');
	is(join(' ', map { $is_ok->($send->('/fault=internal/first=1')) ? 'ok' : 'no' } 1, 2), 'no ok', 'gates open and shut a fault');

	$receiver->reset;
	$send->('', $p->{body}->($p->{full})) for 1, 2;
	$receiver->clock(3600);
	$send->('', $p->{body}->($p->{full}));
	is($receiver->platforms->{ $p->{name} }{repeats}, $p->{repeats} // 2, "$p->{name}: repeats are known, or not");
	if ($p->{window})
	{
		$receiver->clock($p->{window});
		$send->('', $p->{body}->($p->{full}));
		is($receiver->platforms->{ $p->{name} }{doubles}, 1, 'but not for ever');
		is($receiver->platforms->{ $p->{name} }{events}, 4, 'all were taken');
	}
	$receiver->reset;
	$p->{more}->($p, $send) if $p->{more};
}

$receiver->stop;
done_testing();
