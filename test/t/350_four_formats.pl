# One page of events goes to four formats at once: each receiver gets the same person in
# the form that it wants, and each takes all events.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiCluster qw(ids);
use EcapiReceiver;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = PostgreSQL::Test::Utils::tempdir();

system_or_bail('openssl', 'genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048',
	'-out', "$directory/key.pem");
my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

$cluster->write_credential('meta.token', "token\n");
$cluster->write_credential('hook.key', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
$cluster->write_credential('key.json', encode_json({
	type => 'service_account', client_email => 'shop@example.iam.gserviceaccount.com',
	private_key_id => '1', private_key => slurp_file("$directory/key.pem"),
	token_uri => 'https://oauth2.googleapis.com/token' }));

my %url = map { $_ => $receiver->url("/$_") } qw(ecapi meta google webhook token);
$cluster->sql(<<"END");
CREATE SERVER ecapi FOREIGN DATA WRAPPER ecapi OPTIONS (url '$url{ecapi}', data_set_id 'shop');
CREATE SERVER meta FOREIGN DATA WRAPPER ecapi OPTIONS (format 'meta', url '$url{meta}', data_set_id '1234567890');
CREATE USER MAPPING FOR PUBLIC SERVER meta OPTIONS (access_token_file 'meta.token');
CREATE SERVER google FOREIGN DATA WRAPPER ecapi OPTIONS (format 'google', url '$url{google}',
	token_url '$url{token}/token', account_id '1234567890', event_types 'purchase=7001', linger '0');
CREATE USER MAPPING FOR PUBLIC SERVER google OPTIONS (service_account_file 'key.json');
CREATE SERVER webhook FOREIGN DATA WRAPPER ecapi OPTIONS (format 'webhook', url '$url{webhook}/webhook', batch_size '1000');
CREATE USER MAPPING FOR PUBLIC SERVER webhook OPTIONS (secret_file 'hook.key');
END
my @names = qw(ecapi meta google webhook);

$cluster->pause($_) for @names;
$cluster->sql(<<'END');
SELECT ecapi_emit('purchase', id => 'order-' || i, value => i, currency_code => 'EUR', source => 'website',
	properties => jsonb_build_object('transaction_id', 'order-' || i, 'page_url', 'https://shop.example/thanks'),
	user_data => '{"email_address": [" Ann.Example+shop@GMail.com "], "phone_numbers": ["+1 (212) 555-0000"],
		"gender": "female", "event_user_agent": "Mozilla/5.0 (X11) Firefox/140.0",
		"address": [{"first_name": "Mr. Jean-Luc", "last_name": "O''Brien Jr.", "city": "New York", "state": "NY",
			"country_code": "us", "postal_code": "10001-1234"}]}')
FROM generate_series(1, 1000) i
END
$cluster->resume($_) for @names;
$cluster->drained(@names);

# Each got each event, once.
for my $name (@names)
{
	my %got;

	$got{ $_->{id} }++ for grep { $_->{path} =~ m{^/$name/?} } $receiver->records;
	is(join(' ', grep { $got{$_} != 1 } keys %got), '', "$name: nothing comes twice");
	is(scalar(keys %got), 1000, "$name: all events are there");
}

# The forms of the person, by the rules of each.
sub digests { return [ map { sha256_hex($_) } @_ ] }

# formats arrive in any order
my ($ecapi) = grep { ($_->{id} // '') eq 'order-7' && $_->{event_type} } map { decode_json($_) } $receiver->events;
my ($meta) = grep { $_->{event_id} eq 'order-7' } map { @{ $_->{data} } } $receiver->accepted_bodies('meta');
my ($google) = grep { $_->{transactionId} eq 'order-7' } map { @{ $_->{events} } } $receiver->accepted_bodies('google');
my ($webhook) = grep { $_->{id} eq 'order-7' } map { $_->{data} } map { ref eq 'ARRAY' ? @$_ : $_ } $receiver->accepted_bodies('webhook');
my %of_google = map { %$_ } @{ $google->{userData}{userIdentifiers} };

for my $person ([ ecapi => $ecapi ], [ webhook => $webhook ])
{
	my ($name, $event) = @$person;

	is_deeply($event->{user_data}{email_address}, digests('ann.example+shop@gmail.com'), "$name: email address");
	is_deeply($event->{user_data}{phone_numbers}, digests('+12125550000'), "$name: telephone number");
	is($event->{user_data}{gender}, sha256_hex('female'), "$name: gender");
	is($event->{user_data}{address}[0]{city}, 'new york', "$name: city, clear");
	is($event->{user_data}{address}[0]{postal_code}, sha256_hex('10001'), "$name: postal code");
}
is_deeply($meta->{user_data}{em}, digests('ann.example+shop@gmail.com'), 'meta: email address');
is_deeply($meta->{user_data}{ph}, digests('12125550000'), 'meta: telephone number without +');
is_deeply([ $meta->{user_data}{ge} ]->[0], ref $meta->{user_data}{ge} ? digests('f') : sha256_hex('f'), 'meta: gender is one letter');
is_deeply($meta->{user_data}{ct}, digests('newyork'), 'meta: city, hashed');
is_deeply($meta->{user_data}{fn}, digests('mrjeanluc'), 'meta: first name without punctuation');
is_deeply($meta->{user_data}{zp}, digests('10001'), 'meta: five digits');
is($of_google{emailAddress}, sha256_hex('annexample@gmail.com'), 'google: of Gmail neither dots nor suffix');
is($of_google{phoneNumber}, sha256_hex('+12125550000'), 'google: telephone number');
is($of_google{address}{givenName}, sha256_hex('jean-luc'), 'google: no title');
is($of_google{address}{familyName}, sha256_hex(q(o'brien)), 'google: no suffix');
is($of_google{address}{regionCode}, 'US', 'google: country, clear');
is($of_google{address}{postalCode}, '10001-1234', 'google: postal code, clear');

$cluster->stop;
$receiver->stop;
done_testing();
