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
use Test::More;

my $receiver = EcapiReceiver->start;
my $digest = sha256_hex('someone@example.com');
my $now = time;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

# An event that is too old for a window of that many days, in seconds; and one that is not.
sub old { return $now - 86400 * $_[0] - 60 }
sub recent { return $now - 86400 * $_[0] + 3600 }

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
#	headers, token	with a token that any will do for, and where it stands
#	body		of events
#	small, full	the least and the most that an event may hold
#	id			where the id of an event stands
#	filed		what the receiver files the full one under
#	rules		places of the full one: [path, values that fit, values that do not]
#	whole		the same of a body of one small event
#	max			events of a request
#	code		of an answer, what the platform says with it
#	ok			the code of an answer that takes all
#	refused		the code of one in which the second of three events is not wanted
#	kept		how many of the three are taken
#	faults		their codes
#	window		seconds in which a repeat is one; 0: there are none
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
);

# --- all of them

# The same event with another id.
sub with_id { return changed($_[1], $_[0]{id}, $_[2]) }

# Why the last request was refused.
sub reason { return ($receiver->bodies)[-1]{reason} // 'accepted' }

for my $p (@platforms)
{
	my ($header, $prefix) = @{ $p->{token} // [ 'Authorization', 'Bearer ' ] };
	my %headers = (%{ $p->{headers} // {} }, $header ? ($header => "${prefix}any") : ());
	my $send = sub {
		my ($segments, $body, $more) = @_;

		return post_to($receiver, "/$p->{name}$segments/$p->{path}", $body // $p->{body}->($p->{small}), { %headers, %{ $more // {} } });
	};
	my $ok = sub { my ($answer, $what) = @_; is($p->{code}->($answer), $p->{ok}, "$p->{name}: $what") or diag(reason()) };

	$receiver->reset;
	$ok->($send->('', $p->{body}->($p->{small}, with_id($p, $p->{full}, 'e-2'))), 'the smallest and the fullest event');
	is(scalar($receiver->records), 2, 'both are kept');
	$receiver->reset;
	$ok->($send->('', $p->{body}->($p->{full})), 'an event');
	my ($record) = $receiver->records;
	is(join(' ', map { $_ // '-' } @$record{qw(data_set_id id event_type value currency_code)}), $p->{filed}, 'is filed under its own names');
	is(($receiver->bodies)[0]{platform}, $p->{name}, 'in the log by its name');

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
	$ok->($send->('', $p->{body}->(map { with_id($p, $p->{small}, "m-$_") } 1 .. $p->{max})), "$p->{max} events");
	isnt($send->('', $p->{body}->(map { with_id($p, $p->{small}, "m-$_") } 1 .. $p->{max} + 1)) && reason(), 'accepted', 'not one more');
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
	is(join(' ', map { $p->{code}->($send->('/fault=internal/first=1')) eq $p->{ok} ? 'ok' : 'no' } 1, 2), 'no ok', 'gates open and shut a fault');

	$receiver->reset;
	$send->('', $p->{body}->($p->{full})) for 1, 2;
	$receiver->clock(3600);
	$send->('', $p->{body}->($p->{full}));
	is($receiver->platforms->{ $p->{name} }{repeats}, $p->{window} ? 2 : 0, "$p->{name}: repeats are known");
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
