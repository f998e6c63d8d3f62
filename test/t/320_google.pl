# Google's Data Manager API, end to end against the receiver in Google's place: tokens are
# fetched for a service account and by a refresh token, an event at fault is named and the
# others go again, outcomes come afterwards, test mode validates only, and neither a
# key, a token nor an identifier turns up anywhere.
#
# What becomes of a request is asked half an hour after it; here the row of the receipt
# is made due, and the worker, which reads it when it starts, is started again.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiCluster qw(holds_none ids literal);
use EcapiReceiver;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $directory = PostgreSQL::Test::Utils::tempdir();
my $account = 'plantedsender@shop.iam.example';
my $client = 'shop.apps.example:plantedClientSecret:1//plantedRefreshToken';

# A key pair; its private half as a key file of a service account.
sub key_file
{
	my ($name) = @_;

	system_or_bail('openssl', 'genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048',
		'-out', "$directory/$name.key");
	system_or_bail('openssl', 'pkey', '-in', "$directory/$name.key", '-pubout', '-out', "$directory/$name.pub");
	return $json->encode({ type => 'service_account', client_email => $account, private_key_id => 'k1',
			private_key => slurp_file("$directory/$name.key"), token_uri => 'https://oauth2.googleapis.com/token' });
}

my $key_file = key_file('good');
my $other_file = key_file('other');
my $receiver = EcapiReceiver->start(args => [ '--google-key', "$directory/good.pub", '--google-account', $account,
		'--google-audience', 'https://oauth2.googleapis.com/token', '--google-client', $client ]);
my $cluster = EcapiCluster->create(conf => q(
log_min_messages = debug1
log_error_verbosity = verbose
log_min_error_statement = panic
track_activity_query_size = 16kB
));
my $action = 7000;

$cluster->write_credential('google.json', "$key_file\n");

# A destination of a conversion action of its own, in whose URL a path asks for faults;
# token is the path of the token endpoint.  Returns the path of its requests and the action.
sub google
{
	my ($name, $path, %options) = @_;
	my $mapping = delete $options{mapping} // { service_account_file => 'google.json' };
	my $token = delete $options{token} // '/token';

	$action++;
	$cluster->destination($name, $receiver->url($path), { format => 'google', account_id => '1234567890',
			event_types => "purchase=$action", linger => 0, token_url => $receiver->url($token), %options }, $mapping);
	return ("$path/v1/events:ingest", $action);
}

sub drop { return $cluster->sql("DROP SERVER $_[0] CASCADE") }

# Emit PREFIX1 to PREFIXcount in one transaction; those listed have a coupon "poison".
sub emit
{
	my ($prefix, $count, @poison) = @_;
	my $list = join(',', @poison, 0);

	return $cluster->sql(<<"END");
SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR', id => '$prefix' || i, source => 'website',
	user_data => jsonb_build_object('email_address', 'Planted.Person' || i || '+shop\@gmail.com',
		'address', jsonb_build_object('first_name', 'Plantedname', 'country_code', 'US')),
	properties => jsonb_build_object('transaction_id', '$prefix' || i,
		'coupon', CASE WHEN i IN ($list) THEN 'poison' ELSE 'none' END)))
FROM generate_series(1, $count) i
END
}

sub failed_rows
{
	my ($name, $columns) = @_;

	return $cluster->sql("SELECT $columns FROM ecapi.failed_event WHERE destination = " . literal($name) . ' ORDER BY seq');
}

# Ask now what became of a destination's requests.
sub ask_now
{
	my ($name) = @_;

	is($cluster->sql("UPDATE ecapi.receipt SET next_ask = now() WHERE destination = " . literal($name) . ' RETURNING asks'),
		'0', "$name: a receipt is kept");
	return $cluster->restart_worker;
}

sub receipts { return "(SELECT count(*) FROM ecapi.receipt r WHERE r.destination = " . literal($_[0]) . ')' }

# All that views, the log and the activity say of all destinations.
sub all_said
{
	return join "\n", $cluster->log_text, map { $cluster->sql($_) } (
		'TABLE ecapi.destination', 'TABLE ecapi.request', 'TABLE ecapi.ledger', 'SELECT * FROM ecapi.check()', 'TABLE ecapi.receipt',
		'SELECT destination, event_id, status, reason, answer FROM ecapi.failed_event',
		"SELECT string_agg(concat_ws(' ', application_name, query), ' ') FROM pg_stat_activity WHERE backend_type LIKE 'ecapi%'");
}

# --- a service account: one token, and what is sent with it

{
	my ($path, $id) = google('plain', '/plain');

	emit('plain-', 3);
	$cluster->drained('plain');
	$cluster->all_there($receiver, $id, [ ids('plain-', 1, 3) ], 'three events are delivered');
	my ($request) = grep { $_->{path} eq $path } $receiver->bodies('google');
	my $body = $json->decode($request->{body});

	like($request->{headers}{authorization}, qr/^Bearer ya29\.TESTTOKEN-/, 'with the token that was fetched');
	is_deeply($body->{destinations}, [ { operatingAccount => { accountType => 'GOOGLE_ADS', accountId => '1234567890' },
			productDestinationId => "$id" } ], 'to the conversion action');
	is_deeply($body->{events}[0]{userData}{userIdentifiers}, [ { emailAddress => sha256_hex('plantedperson1@gmail.com') } ],
		"an address of Gmail in Google's form, and a postal address without its parts not at all");
	is_deeply([ @{ $body->{events}[2] }{qw(transactionId conversionValue currency eventSource)} ], [ 'plain-3', 3, 'EUR', 'WEB' ],
		'an event in its shape');
	emit('more-', 2);
	$cluster->drained('plain');
	is($receiver->platforms->{token}{issued}, 1, 'one token serves more than one request');

	# Google ends it: another is fetched, and the request made again
	$receiver->revoke;
	emit('again-', 2);
	$cluster->drained('plain');
	is($receiver->platforms->{token}{issued}, 2, 'a token that was revoked is replaced');
	is($cluster->row('plain')->{delivered} . ' ' . $cluster->row('plain')->{failed}, '7 0', 'and no event is blamed');
	my $shown = $cluster->sql("SELECT body FROM ecapi.preview('plain', 'plain-1')");
	is_deeply($json->decode($shown)->{events}[0], $body->{events}[0], 'a preview shows what is sent');
	drop('plain');
}

# --- a refresh token

{
	my ($id, $secret, $refresh) = split /:/, $client, 3;
	my (undef, $target) = google('refreshed', '/refreshed', client_id => $id,
		mapping => { client_secret => $secret, refresh_token => $refresh });

	emit('refreshed-', 2);
	$cluster->drained('refreshed');
	$cluster->all_there($receiver, $target, [ ids('refreshed-', 1, 2) ], 'a refresh token serves as well');
	drop('refreshed');
}

# --- a credential that is refused, and one that is none

{
	$cluster->write_credential('google.json', "$other_file\n");
	my (undef, $id) = google('refused', '/refused');

	emit('refused-', 5);
	$cluster->wait_row('refused', "state IN ('waiting', 'stopped') AND detail LIKE 'no access token: %(invalid_grant)%'");
	is($cluster->row('refused')->{backlog}, 5, 'a refused key costs no event');
	$cluster->write_credential('google.json', "{}\n");
	$cluster->wait_row('refused', "state IN ('waiting', 'stopped') AND detail LIKE 'no access token: It is no key file of a service account%'");
	$cluster->write_credential('google.json', "$key_file\n");
	$cluster->drained('refused');
	$cluster->all_there($receiver, $id, [ ids('refused-', 1, 5) ], 'it goes on by itself with another key');
	drop('refused');
	google('bare', '/bare', mapping => '');
	emit('bare-', 1);
	$cluster->wait_row('bare', "detail LIKE 'no access token: There is no credential%'");
	pass('without a credential it waits, and says so');
	drop('bare');
}

# --- a token endpoint that is at fault

for my $fault (qw(garbage html no-token nothing-here))
{
	my $token = $fault eq 'nothing-here' ? '/away/status=503/first=1/token' : "/$fault/fault=$fault/first=1/token";
	my (undef, $id) = google('trouble', '/trouble', token => $token);

	emit("$fault-", 2);
	$cluster->wait_row('trouble', "delivered = 2");
	is($cluster->row('trouble')->{failed}, 0, "$fault: asked again, no event is blamed");
	drop('trouble');
}

# --- one event at fault: named, and the others go again

{
	my ($path, $id) = google('bad', '/bad/reject-if=poison', batch_size => 1000);

	emit('bad-', 1000, 318);
	$cluster->drained('bad');
	$cluster->all_there($receiver, $id, [ map { "bad-$_" } grep { $_ != 318 } 1 .. 1000 ], 'one event at fault: 999 are delivered');
	is(failed_rows('bad', 'event_id, status, reason'), 'bad-318|400|rejected by the receiver', 'it alone fails');
	is(scalar(() = $receiver->requests_at($path)), 2, 'in one further request');
	drop('bad');
}

# --- several targets in one request

{
	google('several', '/several', event_types => 'purchase=8001, sign_up=8002');
	$cluster->sql("SELECT ecapi_emit('sign_up', id => 'several-0', user_data => '{\"email_address\": \"a\@b.example\"}'), "
		  . "ecapi_emit('purchase', id => 'several-1', value => 1, currency_code => 'EUR', user_data => '{\"email_address\": \"a\@b.example\"}')");
	$cluster->drained('several');
	is(scalar($receiver->records_at('/several/v1/events:ingest')), 2, 'two event types, two conversion actions, one request');
	drop('several');
}

# --- what becomes of it afterwards

{
	my (undef, $id) = google('late', '/late/late-if=poison');

	emit('late-', 5, 2, 4);
	$cluster->drained('late');
	is($cluster->row('late')->{delivered}, 5, 'taken for delivered');
	ask_now('late');
	$cluster->wait_row('late', receipts('late') . ' = 0');
	is(failed_rows('late', 'event_id, reason'), "late-2|rejected by the receiver\nlate-4|rejected by the receiver",
		'what failed afterwards is set aside');
	like(failed_rows('late', 'answer'), qr/^INVALID_GCLID\nINVALID_GCLID$/, "in Google's word");
	drop('late');

	google('early', '/early/late-if=poison/late-reason=TOO_RECENT_CLICK/late-indices=numbers');
	emit('early-', 3, 3);
	$cluster->drained('early');
	ask_now('early');
	$cluster->wait_row('early', receipts('early') . ' = 0');
	is(failed_rows('early', "event_id, reason, state, next_try > now() + interval '5 hours'"),
		'early-3|the receiver takes it later|waiting|t', 'a click that is too recent is sent again after six hours');
	drop('early');

	google('counted', '/counted/late-if=poison/late-indices=none');
	emit('counted-', 3, 1);
	$cluster->drained('counted');
	ask_now('counted');
	$cluster->wait_sql("SELECT problem LIKE '%INVALID_GCLID 1%' FROM ecapi.receipt WHERE destination = 'counted'");
	is(failed_rows('counted', 'event_id'), '', 'counts alone blame nobody, and are shown');
	drop('counted');
}

# --- test mode

{
	my (undef, $id) = google('trial', '/trial', mode => 'test');

	emit('trial-', 2);
	$cluster->drained('trial');
	is($receiver->platforms->{google}{validated}, 2, 'test mode validates');
	is($cluster->sql('SELECT count(*) FROM ecapi.receipt'), '0', 'and nothing is asked about it afterwards');
	drop('trial');
}

# --- options that cannot be

{
	my $create = "CREATE SERVER t FOREIGN DATA WRAPPER ecapi OPTIONS (format 'google', ";

	like($cluster->refused("$create account_id '123-456-7890', event_types 'purchase=1')", 'a customer id with hyphens'),
		qr/Write account_id as '1234567890'/, 'how it is written is said');
	like($cluster->refused("$create account_id '1')", 'no targets'), qr/gives "\w+" no target/, 'which is said');
	like($cluster->refused("$create event_types 'purchase=1')", 'no account'), qr/account_id/, 'which is said, too');
}

# --- nothing of a secret or an identifier anywhere

holds_none(all_said(), [ 'PRIVATE KEY', substr(slurp_file("$directory/good.key"), 100, 40), 'ya29.', 'plantedClientSecret',
		'plantedRefreshToken', 'Planted.Person', 'Plantedname', 'plantedperson', sha256_hex('plantedperson318@gmail.com') ],
	'no key, token or identifier is said anywhere');

$cluster->stop;
$receiver->stop;
done_testing();
