# The receiver itself: a referee that is wrong makes every other test worthless.
#
# Needs neither PostgreSQL nor the extension: only test/receiver/receiver, and
# curl and openssl for HTTPS.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Compress::Zlib ();
use EcapiReceiver;
use Errno ();
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use Storable qw(dclone);
use Test::More;
use Time::Piece;

my $json = JSON::PP->new->utf8->canonical;
my $http = HTTP::Tiny->new(timeout => 180, max_redirect => 0);
my $receiver = EcapiReceiver->start;

# --- asking and answering

sub post
{
	my ($path, $body, $headers) = @_;

	return $http->request('POST', $receiver->url($path),
		{ content => $body, headers => $headers // {} });
}

# The verdicts of the events, sent as one array.
sub verdicts
{
	my (@events) = @_;

	$receiver->reset;
	post('/', '[' . join(',', map { ref $_ ? $json->encode($_) : $_ } @events) . ']');
	return map { $_->{verdict} } $receiver->records;
}

# A socket on which a POST has been sent.
sub raw_post
{
	my ($path, $body) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $receiver->port) or die "connect: $!";

	print $socket "POST $path HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
	  . length($body) . "\r\n\r\n$body";
	$socket->flush;
	return $socket;
}

my $email = 'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514';
my $phone = '7c8d08bf90ca322bcac37f99ba14e980e4b1f5ba919f7e16a030af9070ba125e';
my $now = time;

sub minimal
{
	return { data_set_id => 'shop', timestamp => $now, event_type => 'page_view', @_ };
}

# Every field of the standard, once.
sub full
{
	return {
		data_set_id => 'shop', id => 'order-1', timestamp => $now,
		event_type => 'custom', custom_event => 'spin', value => 12.5,
		currency_code => 'EUR', source => 'physical_store', ext => { any => [ {} ] },
		user_data => {
			customer_identifier => $email,
			uids => [ { id => $email, source => 'example.com', atype => 1, ext => {} } ],
			customer_segments => ['gold_member'], email_address => [ $email, $phone ],
			phone_numbers => [$phone], utcoffset => -300,
			address => [ {
				first_name => $email, last_name => $email, street => $email,
				city => "m\x{fc}nchen", state => 'bayern', country_code => 'de',
				postal_code => $email, address_type => 2, ext => {},
			} ],
			gpp_string => 'DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA',
			gpp_sid => [ 2, 7 ], mmt_only => JSON::PP::true, click_id => 'abc',
			impression_id => 'def', event_ip_address => '192.0.2.1',
			event_user_agent => 'Mozilla/5.0', ifa => '6D92078A-8246-4BA4-AE5B-76104861E7DC',
			landing_ip_address => '2001:db8::1', landing_user_agent => 'Mozilla/5.0',
			age_range => 13, gender => $email, ext => { consent => { ad_user_data => JSON::PP::true } },
		},
		properties => {
			transaction_id => '42',
			items => [ {
				id => 'sku', name => 'CD', price => 10, discount => 0.5, quantity => 2,
				brand => 'b', affiliation => 'a', category => '1', cattax => 1,
				item_coupon => 'c', item_list_id => 'l', item_list_name => 'n',
				item_variant => 'v', item_location_id => 'p', ext => {},
			} ],
			page_url => 'https://example.com/a?b=c', ad_source => 'newsletter',
			referrer => 'https://example.com/', coupon => ['TEN'], shipping => 4.9,
			tax => 1e0, payment_type => ['card'], shipping_tier => 'air',
			virtual_currency_name => 'gems', virtual_item_name => 'sword',
			lead_source => 'fair', lead_status => 'new', lead_reason => 'asked',
			ad_platform => 'p', ad_format => 'f', ad_unit_name => 'u',
			login_method => 'mail', group_id => 'g', character_level => 5,
			character => 'elf', post_score => 100, achievement_id => 'first',
			search_term => 'shoes', creative_name => 'n', creative_slot => 's',
			promotion_id => 'p', promotion_name => 'spring', availability => 6,
			body_style => 11, condition_of_vehicle => 2, arrival_date => '20240229',
			departure_date => '2024-03-01', destination_airport => 'MUC',
			destination_ids => 'x', drivetrain => 7, exterior_color => 'red',
			fuel_type => 9, lease_end_date => '2025-12-31',
			lease_start_date => '2025-01-01', listing_type => 7, make => 'm',
			model => 'x', transmission => 4, vin => '1HGCM82633A004352', ext => {},
		},
	};
}

# The place that a path such as "user_data.address[0].city" names: the hash or
# array around it, and its key in there.
sub locate
{
	my ($event, $path) = @_;
	my @steps = $path =~ /([a-z_]+|\[\d+\])/g;
	my $at = $event;
	my $last = pop @steps;

	$at = $_ =~ /\[(\d+)\]/ ? $at->[$1] : $at->{$_} for @steps;
	return ($at, $last =~ /\[(\d+)\]/ ? $1 : $last);
}

# The full event with one place changed.
sub changed
{
	my ($path, $value) = @_;
	my $event = full();
	my ($at, $key) = locate($event, $path);

	if (ref $at eq 'HASH') { $at->{$key} = $value }
	else { $at->[$key] = $value }
	return $event;
}

sub without
{
	my $event = full();

	for my $path (@_)
	{
		my ($at, $key) = locate($event, $path);
		delete $at->{$key};
	}
	return $event;
}

# --- every field

# All fields of an event as [path, value, many]; those of ext are none.
sub fields_of
{
	my ($object, $prefix) = @_;
	my @fields;

	for my $name (sort keys %$object)
	{
		my $value = $object->{$name};
		my $many = ref $value eq 'ARRAY';
		my $first = $many ? $value->[0] : $value;

		push @fields, [ "$prefix$name", $value, $many ];
		push @fields, fields_of($first, "$prefix$name" . ($many ? '[0]' : '') . '.')
		  if ref $first eq 'HASH' && $name ne 'ext';
	}
	return @fields;
}

my @fields = fields_of(full(), '');
is(scalar @fields, 106, 'the full event has the 106 fields of the standard');
is_deeply([ verdicts(minimal(), full()) ], [ 'ok', 'ok' ],
	'the smallest and the fullest event are accepted');

# a value of another type
sub mistyped
{
	my ($value) = @_;

	return 'x' if ref $value;
	return B::svref_2object(\$value)->FLAGS & B::SVf_POK() ? 7 : "$value";
}

{
	require B;
	my @wrong_type = verdicts(map { my ($p, $v, $many) = @$_;
			changed($many ? "$p\[0]" : $p, mistyped($many ? $v->[0] : $v)) } @fields);
	my @wrong_number = verdicts(map { my ($p, $v, $many) = @$_;
			changed($p, $many ? $v->[0] : [$v]) } @fields);
	my @null = verdicts(map { changed($_->[0], undef) } @fields);

	for my $i (0 .. $#fields)
	{
		my ($path, undef, $many) = @{ $fields[$i] };
		my $place = quotemeta($many ? "$path\[0]" : $path);

		like($wrong_type[$i], qr/^rejected:$place is not /, "$path of another type");
		like($wrong_number[$i], qr/^rejected:\Q$path\E is not /, "$path of another cardinality");
		like($null[$i], qr/^rejected:\Q$path\E is /, "$path null");
	}
}

# --- rule by rule: path, accepted values, refused values
my $digest = 'a' x 64;
my @rules = (
	[ 'data_set_id', [ 'x', $digest ], [''] ],
	[ 'id', [ 'orders:42:purchase', $digest ], [''] ],
	[ 'timestamp', [ 867715200, $now, $now + 300 ],
		[ 0, -1, 19700, $now + 700, $now * 1000, $now + 0.5 ] ],
	[ 'event_type', [ 'custom', 'purchase', 'tutorial_complete', 'working_lead' ],
		[ '', 'Purchase', 'buy', 'page_views' ] ],
	[ 'custom_event', ['spin'], [ '', $digest ] ],
	[ 'value', [ 0, -1.5, 1e300 ], [] ],
	[ 'currency_code', [ 'EUR', 'JPY', 'XAF', 'ZWG' ], [ '', 'eur', 'EURO', 'XXY', 'EU' ] ],
	[ 'source', [ 'email', 'other', 'business_messaging' ], [ '', 'web', 'Website' ] ],
	[ 'user_data.customer_identifier', [$digest],
		[ 'user123', uc $digest, substr($digest, 1), 'g' x 64 ] ],
	[ 'user_data.email_address[1]', [$digest], [ 'user@example.com', '' ] ],
	[ 'user_data.phone_numbers[0]', [$digest], ['+12125550000'] ],
	[ 'user_data.gender', [$digest],
		[ 'female', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' ] ],
	[ 'user_data.uids[0].id', [$digest], ['abc'] ],
	[ 'user_data.uids[0].source', ['id.example.org'], [ 'https://example.org', 'Example.org', '' ] ],
	[ 'user_data.uids[0].atype', [ 1, 3, 501 ], [ 0, -1 ] ],
	[ 'user_data.customer_segments[0]', ['gold_member'], [''] ],
	[ 'user_data.utcoffset', [ 0, -720, 840 ], [ 841, -721, 1.5 ] ],
	[ 'user_data.address[0].first_name', [$digest], ['jane'] ],
	[ 'user_data.address[0].postal_code', [$digest], ['10001'] ],
	[ 'user_data.address[0].city', [ 'new york', "\x{142}\x{f3}d\x{17a}", "\x{6771}\x{4eac}" ],
		[ 'New york', "\x{141}\x{f3}d\x{17a}", 'st. louis', ' york', 'york ', $digest, '',
			"l\x{2019}aquila" ] ],
	[ 'user_data.address[0].state', [ 'ny', 'nordrhein westfalen' ], [ 'NY', 'n.y' ] ],
	[ 'user_data.address[0].country_code', [ 'us', 'de', 'gb' ],
		[ 'US', 'uk', 'xx', 'usa', 'u', '' ] ],
	[ 'user_data.address[0].address_type', [ 1, 3 ], [ 0, 4 ] ],
	[ 'user_data.gpp_string', [ 'DBAA', 'CPXxRfAPXxRfAAfKABENB' ], [ '', '1YNN', 'DBAA ~', 'DBAA+' ] ],
	[ 'user_data.gpp_sid', [ [7], [ 2, 6, 8 ], [5] ], [ [3], [ 7, 4 ] ] ],
	[ 'user_data.gpp_sid[0]', [7], [ 0, -1, 7.5 ] ],
	[ 'user_data.click_id', [ 'x', $digest ], [''] ],
	[ 'user_data.event_ip_address', [ '10.0.0.1', '::1', '2001:db8:0:0:1::' ],
		[ '', '10.0.0', '10.0.0.256', '10.0.0.01', 'localhost', '::g', 'fe80::1%eth0' ] ],
	[ 'user_data.landing_ip_address', ['255.255.255.255'], ['1.2.3.4.5'] ],
	[ 'user_data.event_user_agent', ['curl/8'], [ '', $digest ] ],
	[ 'user_data.age_range', [ 1, 13 ], [ 0, 14, -1 ] ],
	[ 'user_data.ext', [ {}, { click_ids => { gclid => 'x' } } ], [] ],
	[ 'properties.page_url', [ 'http://x', 'myapp://open/1' ], [ '', 'example.com', '//x', 'http://a b', ':x' ] ],
	[ 'properties.referrer', ['anything'], [''] ],
	[ 'properties.coupon[0]', ['TEN'], [ '', $digest ] ],
	[ 'properties.shipping', [ 0, 4.99 ], [] ],
	[ 'properties.character_level', [ 0, -3, 2147483648 ], [1.5] ],
	[ 'properties.post_score', [ 0, 10 ], [ 9.5, 1e30 ] ],
	[ 'properties.availability', [ 1, 6 ], [ 0, 7 ] ],
	[ 'properties.body_style', [ 1, 11 ], [ 0, 12 ] ],
	[ 'properties.condition_of_vehicle', [ 1, 2 ], [ 0, 3 ] ],
	[ 'properties.drivetrain', [ 1, 7 ], [ 0, 8 ] ],
	[ 'properties.fuel_type', [ 1, 9 ], [ 0, 10 ] ],
	[ 'properties.listing_type', [ 1, 7 ], [ 0, 8 ] ],
	[ 'properties.transmission', [ 1, 4 ], [ 0, 5 ] ],
	[ 'properties.arrival_date', [ '20240229', '2024-02-29', '20001231' ],
		[ '', '20230229', '2023-13-01', '2023-1-01', '2023/01/01', '01.01.2023', '19000229', '2023-0101' ] ],
	[ 'properties.lease_end_date', ['20250131'], [ '20250132', '20250100', '2025010x' ] ],
	[ 'properties.destination_airport', ['JFK'], [ 'JF', 'KJFK', 'J1K' ] ],
	[ 'properties.items[0].cattax', [ 1, 7, 500 ], [ 0, -2 ] ],
	[ 'properties.items[0].price', [ 0, 0.01 ], [] ],
	[ 'properties.items[0].name', ["\x{1f600}"], [ '', $digest ] ],
);
{
	my @cases;

	for my $rule (@rules)
	{
		my ($path, $good, $bad) = @$rule;
		push @cases, map { [ $path, $_, 1 ] } @$good;
		push @cases, map { [ $path, $_, 0 ] } @$bad;
	}
	my @got = verdicts(map { changed($_->[0], $_->[1]) } @cases);
	for my $i (0 .. $#cases)
	{
		my ($path, $value, $good) = @{ $cases[$i] };
		my $shown = JSON::PP->new->ascii->allow_nonref->encode($value);

		if ($good) { is($got[$i], 'ok', "$path $shown is accepted") }
		else { like($got[$i], qr/^rejected:\Q$path\E /, "$path $shown is refused") }
	}
}

# --- rules between fields, and of objects
my @refused = (
	[ without('data_set_id'), 'data_set_id is missing' ],
	[ without('timestamp'), 'timestamp is missing' ],
	[ without('event_type'), 'event_type is missing' ],
	[ without('custom_event'), 'custom_event is missing where event_type is custom' ],
	[ without('currency_code'), 'currency_code is missing where value is set' ],
	[ minimal(item_item_variant => 'x'), 'item_item_variant is not a field of the standard' ],
	[ minimal(user_data => { email => $email }), 'user_data.email is not a field of the standard' ],
	[ changed('user_data.address[0].zip', 'x'), 'user_data.address[0].zip is not a field of the standard' ],
	[ changed('user_data.uids[0].name', 'x'), 'user_data.uids[0].name is not a field of the standard' ],
	[ changed('properties.items[0].item_item_variant', 'x'),
		'properties.items[0].item_item_variant is not a field of the standard' ],
	[ changed('properties.value', 1), 'properties.value is not a field of the standard' ],
	[ '{"data_set_id":"d","data_set_id":"d","timestamp":1700000000,"event_type":"search"}',
		'data_set_id is there twice' ],
	[ '{"data_set_id":"d","timestamp":1.7e9,"event_type":"search"}', 'timestamp is not an integer' ],
	[ '{"data_set_id":"d","timestamp":1700000000.0,"event_type":"search"}', 'timestamp is not an integer' ],
	[ '{"data_set_id":"d","timestamp":99999999999999999999,"event_type":"search"}', 'timestamp is not an integer' ],
	[ '{"data_set_id":"d","timestamp":1700000000,"event_type":"search","value":1e999,"currency_code":"EUR"}',
		'value is beyond the range of a double' ],
	[ '{"a\tb":1}' =~ s/\t/\\t/r, 'a?b is not a field of the standard' ],
	[ '5', 'event is not an object' ],
	[ '"x"', 'event is not an object' ],
	[ 'null', 'event is not an object' ],
);
my @accepted = (
	[ without('value'), 'a currency without a value' ],
	[ without('value', 'currency_code'), 'neither value nor currency' ],
	[ minimal(custom_event => 'x'), 'custom_event beside another type' ],
	[ without('id'), 'no id' ],
	[ minimal(user_data => {}, properties => { items => [] }), 'empty objects and arrays' ],
	[ '{"event_type":"search","timestamp":1700000000,"ext":{"a":{"a":1,"a":2}},"data_set_id":"\u00e9\ud83d\ude00\\\\"}',
		'escapes, any order, anything in ext' ],
);
{
	my @got = verdicts(map { $_->[0] } @refused, @accepted);

	is(shift @got, "rejected:$_->[1]", "refused: $_->[1]") for @refused;
	is(shift @got, 'ok', "accepted: $_->[1]") for @accepted;

	my $stats = $receiver->stats;
	is($stats->{rejected}, scalar @refused, 'the refused are counted');
	is($stats->{last_reason}, 'event is not an object', 'the last reason is kept');
}

# --- bodies that are not JSON
{
	my $deep = '[' x 70 . ']' x 70;

	$receiver->reset;
	for my $body ('', ' ', '{', '[1,]', '{"a":1,}', "{'a':1}", '{a:1}', '[01]', '[1.]', '[.5]', '[+1]',
		'[-]', '[1e]', '[NaN]', '[Infinity]', '[tru]', '[TRUE]', '["a]', "[\"\t\"]", '["\x"]',
		'["\u12"]', '["\u0000"]', '["\ud800"]', '["\udc00\ud800"]', "[\"\xff\"]", "[\"\xc0\xaf\"]", "[\"\xe0\x80\xaf\"]",
		"[\"\xed\xa0\x80\"]", "[\"\xf4\x90\x80\x80\"]", '[] []', '[]x', $deep)
	{
		is(post('/', $body)->{status}, 400, 'not JSON: ' . substr($body, 0, 20) =~ s/[^ -~]/?/gr);
	}
	is($receiver->stats->{records}, 0, 'none of it is stored');
}

# --- shapes of a request
sub event
{
	my ($id, @more) = @_;

	return $json->encode(minimal(id => $id, @more));
}

$receiver->reset;
for my $body (event('a'), '[' . event('b') . ',' . event('c') . ']',
	'{"events":[' . event('d') . ']}', '{"data": [ ' . event('e') . ' ]}', '[]', '{"events":[]}')
{
	is(post('/shape', $body)->{status}, 200, 'a request of another shape');
}
is(join(' ', map { $_->{id} } $receiver->records), 'a b c d e', 'its events are found');
is(join(' ', map { $_->{events} } $receiver->requests), '1 2 1 1 0 0', 'and counted');
is(join('|', $receiver->events), join('|', map { event($_) } 'a' .. 'e'), 'byte for byte');
is(join(' ', map { "$_->{serial}.$_->{index}" } $receiver->records),
	join(' ', map { my ($r) = $_; map { "$r->[0].$_" } 0 .. $r->[1] - 1 }
		  map { [ $_->{serial}, $_->{events} ] } $receiver->requests),
	'a record names its request and its place in it');

# --- merging
{
	$receiver->reset;
	post('/', '[' . join(',', event('a'), event('b'), event('a'), event('a', source => 'app'),
			event('a', source => 'app'), event('b', data_set_id => 'other'), $json->encode(minimal()),
			$json->encode(minimal())) . ']');
	is(join(' ', map { $_->{merged} } $receiver->records),
		'new new repeat conflict repeat new new new', 'records are merged by data_set_id and id');
	my $stats = $receiver->stats;
	is("@$stats{qw(requests records distinct repeats conflicts)}", '1 8 5 2 1', 'and counted');
	my @hash = map { $_->{hash} } $receiver->records;
	is($hash[0], $hash[2], 'same bytes, same hash');
	isnt($hash[0], $hash[3], 'other bytes, another hash');

	post('/', event("tab\there\\ line\nend"));
	is(($receiver->records)[-1]{id}, "tab\there\\ line\nend", 'a line survives any id');
	post('/', event("\x{fc}", value => 12.50, currency_code => 'EUR') =~ s/12\.5/12.50/r);
	my $last = ($receiver->records)[-1];
	is("$last->{id} $last->{value} $last->{currency_code} $last->{event_type}",
		"\xc3\xbc 12.50 EUR page_view", 'values are kept as they were written');
	is(($receiver->records)[6]{id}, undef, 'an absent id is undefined');
}

# --- misbehaviour
sub statuses
{
	my ($path, $count) = @_;
	my @got;

	for my $n (1 .. $count)
	{
		my $socket = raw_post($path, event("$path $n"));
		push @got, (<$socket> // '') =~ /^HTTP\/1\.1 (\d+)/;
	}
	return "@got";
}

$receiver->reset;
is(statuses('/a/status=503', 2), '503 503', 'status');
is(statuses('/a/status=503/first=2', 4), '503 503 200 200', 'first');
is(statuses('/a/status=500/every=3', 6), '200 200 500 200 200 500', 'every');
is(statuses('/a/status=500/every=2/first=4', 6), '200 500 200 500 200 200', 'every and first');
is(statuses('/b/status=500/every=3', 3), '200 200 500', 'another path counts by itself');
is(statuses('/a/status=42/nonsense=1/strictly', 1), '200', 'unknown segments are names');
is(statuses('/a/status=201', 1), '201', 'another success');
is(statuses('/a/status=204', 1), '204', 'a success without a body');
{
	my $path = '/a/status=500/random=30&seed=7';
	my $once = statuses($path, 40);
	my $failed = () = $once =~ /500/g;

	ok($failed > 0 && $failed < 40, "random ($failed of 40 with seed 7)");
	$receiver->reset;
	is(statuses($path, 40), $once, 'random is repeated by its seed, after a reset');
	isnt(statuses('/a/status=500/random=30&seed=8', 40), $once, 'another seed, another draw');
	is(statuses('/a/status=500/random=0', 5), '200 200 200 200 200', 'random never');
	is(statuses('/a/status=500/random=100', 5), '500 500 500 500 500', 'random always');
}
$receiver->reset;
{
	my $path = '/m/mixed=20/random=50/seed=3';
	my $once = statuses($path, 60);
	my %seen = map { $_ => 1 } split / /, $once;

	is(join(' ', sort keys %seen), '200 429 500 503', 'mixed: many kinds');
	cmp_ok(scalar(split / /, $once), '<', 60, 'and some requests without an answer');
	$receiver->reset;
	is(statuses($path, 60), $once, 'mixed is repeated by its seed');
	like(join(' ', map { $_->{status} } $receiver->requests), qr/\b0\b/, 'cuts are in the log');
}
$receiver->reset;
post('/a/status=503', event('x'));
post('/a/status=201', event('y'));
is(join(' ', map { $_->{id} } $receiver->records), 'y', 'only what got a 2xx is stored');

{
	my $answer = post('/r/retry-after=7', event('x'));
	is("$answer->{status} $answer->{headers}{'retry-after'}", '429 7', 'retry-after');
	$answer = post('/r/status=503/retry-after=0', event('x'));
	is("$answer->{status} $answer->{headers}{'retry-after'}", '503 0', 'with a status');
	$answer = post('/r/retry-after-date=86400', event('x'));
	like($answer->{headers}{'retry-after'},
		qr/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/, 'retry-after-date');
	my ($date, $after) = map { Time::Piece->strptime($_, '%a, %d %b %Y %H:%M:%S GMT')->epoch }
	  @{ $answer->{headers} }{qw(date retry-after)};
	ok(abs($after - $date - 86400) < 1000, 'which lies as far ahead as asked for');
	$answer = post('/r/retry-after=7/first=1', event('x')) for 1 .. 2;
	is($answer->{headers}{'retry-after'}, undef, 'behind a shut gate no header');

	$answer = post('/r/redirect=a%2Fb', event('x'));
	is("$answer->{status} $answer->{headers}{location}", '302 /a/b', 'redirect');
}

# rules of the receiver
{
	my $good = event('good');
	my $bad = event('bad', currency_code => 'eur');
	my $answer;

	$receiver->reset;
	is(post('/', "[$good,$bad]")->{status}, 200, 'without strict a bad event is stored');
	$answer = post('/strict', "[$good,$bad]");
	is($answer->{status}, 400, 'strict');
	like($answer->{content}, qr/currency_code is not an ISO 4217 code/, 'says why');
	is(post('/strict', "[$good]")->{status}, 200, 'and takes what is right');
	is(join(' ', map { "$_->{id}=$_->{verdict}" } $receiver->records),
		'good=ok bad=rejected:currency_code is not an ISO 4217 code good=ok', 'what was stored');

	is(post('/reject-if=po%2Fison', '[' . event('a') . ',' . event('a po/ison b') . ']')->{status},
		400, 'reject-if');
	is(post('/reject-if=po%2Fison', '[' . event('a') . ',' . event('poison') . ']')->{status},
		200, 'reject-if spares the others');
	is(post('/reject-if=bad/status=503/first=1', event('bad'))->{status}, 503, 'a fault comes first');
	is(post('/reject-if=bad/status=503/first=1', event('bad'))->{status}, 400, 'then the rule');

	my $length = length $good;
	is(post("/max-bytes=$length", $good)->{status}, 200, 'max-bytes');
	is(post("/max-bytes=$length", "$good ")->{status}, 413, 'exceeded by one');

	$answer = post('/echo/status=400', $good);
	is($json->decode($answer->{content})->{request}{id}, 'good', 'echo');
	unlike(post('/status=400', $good)->{content}, qr/good/, 'without echo nothing comes back');
}

# answers that are no answers
{
	is(post('/empty', event('e'))->{content}, '', 'empty');
	my $answer = post('/garbage', event('g'));
	is($answer->{status}, 200, 'garbage');
	ok(!eval { $json->decode($answer->{content}); 1 }, 'is not JSON');
	is(length post('/huge=3000000', event('h'))->{content}, 3000000, 'huge');
	is(length post('/huge=10/status=500', event('h'))->{content}, 10, 'huge, of an error');

	$answer = post('/gzip', event('z'), { 'Accept-Encoding' => 'gzip' });
	is($answer->{headers}{'content-encoding'}, 'gzip', 'gzip');
	is(Compress::Zlib::memGunzip($answer->{content}), qq({"received":1}\n), 'unpacks');
	is(post('/gzip', event('z'))->{headers}{'content-encoding'}, undef, 'only where accepted');
	$answer = post('/gzip/huge=30000000', event('z'), { 'Accept-Encoding' => 'gzip' });
	ok(length $answer->{content} < 300000, 'a small answer');
	is(length Compress::Zlib::memGunzip($answer->{content}), 30000000, 'that unpacks to a huge one');

	my $socket = raw_post('/endless', event('n'));
	my $got = '';
	sysread($socket, $got, 4096, length $got) until $got =~ /\r\n\r\n(?:.*\n){6}/s;
	like($got, qr/^HTTP\/1.1 200 .*\r\n\r\n(1\r\n \r\n){3}/s, 'endless drips');
	close $socket;
	is(post('/', event('n'))->{status}, 200, 'and the receiver lives on');
}

# connections
{
	my ($socket, $got);

	$receiver->reset;
	$socket = raw_post('/cut=before', event('before'));
	is(sysread($socket, $got, 1), 0, 'cut=before closes without an answer');
	$socket = raw_post('/cut=after', event('after'));
	is(sysread($socket, $got, 1), 0, 'cut=after closes without an answer');
	$socket = raw_post('/cut=after/status=503', event('after 503'));
	is(sysread($socket, $got, 1), 0, 'whatever the status');
	$socket = raw_post('/reset', event('reset'));
	ok(!defined sysread($socket, $got, 1) && $!{ECONNRESET}, 'reset resets');
	is(join(' ', map { $_->{id} } $receiver->records), 'after after 503', 'what was stored');
	is(join(' ', map { $_->{status} } $receiver->requests), '0 0 0 0', 'no status in the log');

	my $waiting = raw_post('/delay=3600000', event('never'));
	$socket = raw_post('/delay=50', event('late'));
	is(post('/', event('now'))->{status}, 200, 'others are served during a delay');
	sysread($socket, $got, 12);
	is($got, 'HTTP/1.1 200', 'a delay ends');
	is(join(' ', map { $_->{id} } ($receiver->records)[ -2, -1 ]), 'now late', 'stored when it ends');
	close $waiting;

	$receiver->reset;
	my $kept = HTTP::Tiny->new(timeout => 180, keep_alive => 1);
	$kept->post($receiver->url('/'), { content => event($_) }) for 1 .. 2;
	HTTP::Tiny->new(timeout => 180)->post($receiver->url('/'), { content => event(3) });
	my @connection = map { $_->{connection} } $receiver->requests;
	is($connection[0], $connection[1], 'a kept connection has one number');
	isnt($connection[0], $connection[2], 'another has another');
}

# --- the request log and authorization
{
	$receiver->reset;
	post('/p/q?r=s', event('a'), { 'X-Probe' => 'v' });
	my ($request) = $receiver->requests;
	is("@$request{qw(scheme version method path status events bytes authorization)}",
		'http HTTP/1.1 POST /p/q 200 1 ' . length(event('a')) . ' none', 'a request is logged');
	like($request->{headers}, qr/(^|,)x-probe(,|$)/, 'with the names of its headers');

	is($http->request('PUT', $receiver->url('/'), { content => '{}' })->{status}, 405, 'PUT is refused');
	is($http->get($receiver->url('/nowhere'))->{status}, 404, 'GET of nothing');

	$receiver->expect_auth('Bearer a/b c');
	is(post('/', event('b'))->{status}, 401, 'no authorization where one is expected');
	is(post('/', event('b'), { Authorization => 'Bearer x' })->{status}, 401, 'a wrong one');
	is(post('/', event('b'), { Authorization => 'Bearer a/b c' })->{status}, 200, 'the right one');
	$receiver->expect_auth(undef);
	is(post('/', event('b'), { Authorization => 'Bearer x' })->{status}, 200, 'any, when none is expected');
	is(join(' ', map { $_->{authorization} } ($receiver->requests)[ -4 .. -1 ]),
		'none wrong right present', 'the log tells them apart');
	is(scalar(grep { /Bearer/ } map { values %$_ } $receiver->requests), 0, 'but not what they are');
}

# --- life of the process
{
	my $port = $receiver->port;
	my $before = $receiver->records;

	is($receiver->stop, 0, 'TERM ends it with status 0');
	is($receiver->records, $before, 'its files stay');
	$receiver->start_again;
	is($receiver->port, $port, 'it comes back on the same port');
	post('/', event('again'));
	is($receiver->records, $before + 1, 'and appends to its files');
	is($receiver->finish, 0, 'the end of its input ends it');

	my $small = EcapiReceiver->start(files => 0,
		args => [qw(--no-check --no-store --max-body 2000 --threads 2 --expect-auth secret)]);
	$receiver = $small;
	is(post('/', '{"any":1}')->{status}, 401, '--expect-auth');
	is(post('/', '[{"any":1},{}]', { Authorization => 'secret' })->{status}, 200, '--no-check');
	is(post('/', ' ' x 2001, { Authorization => 'secret' })->{status}, 413, '--max-body');
	my $stats = $small->stats;
	is("@$stats{qw(requests records distinct rejected)}", '3 2 0 0', '--no-store only counts');
	my $waited = eval { local $EcapiWait::DEADLINE = 0; $small->wait_for(sub { 0 }, 'nothing'); 1 };
	ok(!$waited && $@ =~ /waiting for: nothing/, 'wait_for gives up');
	ok($small->wait_for(sub { $_->stats->{records} == 2 }), 'wait_for sees what holds');
	$small->stop;

	isnt(system(EcapiReceiver->binary . ' --nonsense 2>/dev/null'), 0, 'an unknown option is refused');
	isnt(system(EcapiReceiver->binary . ' --https 2>/dev/null'), 0, '--https needs a certificate');
}

# --- how it is started: it says what it is, and does not start with nowhere to write
{
	my $run = sub {
		my $said = qx("@{[EcapiReceiver::binary()]}" @_ 2>&1 </dev/null);
		return ($? >> 8, $said);
	};
	my ($status, $said) = $run->('--help');

	is($status, 0, '--help is no error');
	like($said, qr/^receiver: a receiver of ECAPI events for tests/, 'it says what it is');
	like($said, qr/^  $_ /m, "--help shows $_")
	  for qw(--out --events --requests --no-store --http --https --cert --key --port --https-port
	  --bind --threads --expect-auth --max-body --no-check --until-eof --help);
	for my $arguments ('', '--http --until-eof', '--no-check --until-eof')
	{
		($status, $said) = $run->($arguments);
		is($status, 1, "it does not start with nowhere to write ($arguments)");
		like($said, qr/^receiver: nowhere to write: name a file with --out, .*--help/, 'and says so');
	}
	($status, $said) = $run->('--no-store --until-eof');
	is($status, 0, 'counting alone is a choice');
	like($said, qr/^http \d+\na test receiver of ECAPI events, see --help\nready\n\z/, 'and what it is is said again');
	($status, $said) = $run->('--ouput x');
	is($status, 1, 'an unknown option is refused');
	like($said, qr/^receiver: --help shows the options/m, 'with a hint');
}

# --- HTTPS, with curl
{
	my $certs = EcapiReceiver->make_certs(tempdir(CLEANUP => 1));
	my $tls = EcapiReceiver->start(https => $certs);
	my $wrong = EcapiReceiver->start(https => $certs, certificate => 'wrong', http => 0);
	my $curl = sub {
		my ($url, $ca) = @_;
		return system('curl', '-s', '-o', '/dev/null', '--fail', '--cacert', "$certs/$ca.pem",
			'--data', event('tls'), $url) >> 8;
	};

	is($curl->($tls->https_url('/'), 'ca'), 0, 'HTTPS by name');
	is($curl->($tls->https_url('/', '127.0.0.1'), 'ca'), 0, 'HTTPS by address');
	is($curl->($tls->url('/'), 'ca'), 0, 'HTTP beside it');
	is($curl->($tls->https_url('/'), 'other-ca'), 60, 'an unknown authority is refused by the sender');
	is($curl->($wrong->https_url('/'), 'ca'), 60, 'a wrong host name is refused by the sender');
	is($curl->($tls->https_url('/cut=after'), 'ca') != 0, 1, 'cut works under TLS');
	is(join(' ', map { $_->{scheme} } $tls->requests), 'https https http https', 'the log tells the scheme');
	is($tls->stats->{records}, 4, 'what came in');
	is($wrong->stats->{records}, 0, 'what did not');
}

done_testing();
