# Meta's Conversions API, end to end against the receiver in Meta's place: an event at
# fault is found, a token that is refused blames no event, throttling passes, test mode
# marks requests, a preview shows what is sent, and neither the token nor an identifier
# turns up anywhere.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiCluster qw(holds_none ids literal);
use EcapiReceiver;
use JSON::PP;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $token = 'EAABplantedTokenOfMeta';
my $dead = 'EAABplantedTokenThatIsDead';
my $data_set = 1000;

# Requests beyond the first that one event at fault may cost: two for each halving of a
# thousand, and one to see that it fails alone.
my $FURTHER = 22;

my $receiver = EcapiReceiver->start(args => [ '--meta-token', $token ]);
my $cluster = EcapiCluster->create(conf => q(
log_min_messages = debug1
log_error_verbosity = verbose
log_min_error_statement = panic
track_activity_query_size = 16kB
));

$cluster->write_credential('meta.token', "$token\n");

# A destination of a data set of its own, in whose URL a path asks for faults.  Returns
# the path of its requests and the data set.
sub meta
{
	my ($name, $path, %options) = @_;

	$data_set++;
	$cluster->destination($name, $receiver->url($path), { format => 'meta', data_set_id => $data_set,
			event_types => 'purchase', %options }, { access_token_file => 'meta.token' });
	return ("$path/v26.0/$data_set/events", $data_set);
}

sub drop { return $cluster->sql("DROP SERVER $_[0] CASCADE") }

# Emit PREFIX1 to PREFIXcount in one transaction: purchases on a website, each of a
# person; those listed have a property that says "poison".
sub emit
{
	my ($prefix, $count, @poison) = @_;
	my $list = join(',', @poison, 0);

	return $cluster->sql(<<"END");
SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR', id => '$prefix' || i, source => 'website',
	user_data => jsonb_build_object('email_address', 'plantedperson' || i || '\@secret.example',
		'event_user_agent', 'Mozilla/5.0', 'event_ip_address', '192.0.2.10',
		'address', jsonb_build_object('first_name', 'Plantedname', 'country_code', 'US')),
	properties => jsonb_build_object('transaction_id', '$prefix' || i, 'page_url', 'https://shop.example/thanks',
		'coupon', CASE WHEN i IN ($list) THEN 'poison' ELSE 'none' END)))
FROM generate_series(1, $count) i
END
}

sub failed_rows
{
	my ($name, $columns) = @_;

	return $cluster->sql("SELECT $columns FROM ecapi.failed_event WHERE destination = " . literal($name) . ' ORDER BY seq');
}

# All that views, the log and the activity say of all destinations.
sub all_said
{
	return join "\n", $cluster->log_text, map { $cluster->sql($_) } (
		'TABLE ecapi.destination', 'TABLE ecapi.request', 'TABLE ecapi.ledger', 'SELECT * FROM ecapi.check()',
		'SELECT destination, event_id, status, reason, answer FROM ecapi.failed_event',
		"SELECT string_agg(concat_ws(' ', application_name, query), ' ') FROM pg_stat_activity WHERE backend_type LIKE 'ecapi%'");
}

# --- what is sent

{
	my ($path, $id) = meta('plain', '/plain');

	emit('plain-', 3);
	$cluster->drained('plain');
	$cluster->all_there($receiver, $id, [ ids('plain-', 1, 3) ], 'three events are delivered');
	my ($request) = grep { $_->{path} eq $path } $receiver->bodies('meta');
	my $body = $json->decode($request->{body});

	is($body->{access_token}, $token, 'the token is in the body');
	is(join(' ', map { "$_=$request->{query}{$_}" } sort keys %{ $request->{query} }), '', 'and not in the URL');
	ok(!exists $request->{headers}{authorization}, 'nor in a header');
	is(scalar @{ $body->{data} }, 3, 'all three in one request');
	my $event = $body->{data}[0];
	is_deeply([ @$event{qw(event_name event_id action_source event_source_url)} ],
		[ 'Purchase', 'plain-1', 'website', 'https://shop.example/thanks' ], 'an event in its shape');
	is_deeply($event->{user_data}{em}, [ sha256_hex('plantedperson1@secret.example') ], 'with an identifier, hashed');
	is_deeply($event->{user_data}{country}, [ sha256_hex('us') ], 'and a country, hashed, too');
	is_deeply($event->{custom_data}, { value => 1, currency => 'EUR', order_id => 'plain-1', coupon => ['none'] }, 'and what it was about');
	ok(!exists $body->{test_event_code}, 'not as a test');
	drop('plain');
}

# --- one event at fault among a thousand

{
	my ($path, $id) = meta('bad', '/bad/reject-if=poison');

	emit('bad-', 1000, 618);
	$cluster->drained('bad');
	$cluster->all_there($receiver, $id, [ map { "bad-$_" } grep { $_ != 618 } 1 .. 1000 ], 'one event at fault: 999 are delivered');
	is(failed_rows('bad', 'event_id, status, reason'), 'bad-618|400|rejected by the receiver', 'it alone fails');
	like(failed_rows('bad', 'answer'), qr/Missing Value for Purchase Event/, "with Meta's words");
	my $row = $cluster->row('bad');
	is("$row->{delivered} $row->{failed}", '999 1', 'the view counts them');
	my $requests = $receiver->requests_at($path);
	cmp_ok($requests - 1, '<=', $FURTHER, 'in few requests');
	diag 'one event at fault: ' . ($requests - 1) . ' further requests';
	drop('bad');
}

# --- what Meta would refuse never leaves

{
	my ($path, $id) = meta('unfit', '/unfit', event_types => 'purchase, login');

	$cluster->sql("SELECT ecapi_emit('login', id => 'unfit-1', user_data => '{\"gender\": \"female\"}'), "
		  . "ecapi_emit('login', id => 'unfit-2', source => 'website', user_data => '{\"customer_identifier\": \"c2\"}'), "
		  . "ecapi_emit('login', id => 'fit-1', user_data => '{\"customer_identifier\": \"c2\"}')");
	$cluster->drained('unfit');
	$cluster->all_there($receiver, $id, ['fit-1'], 'a fit event is delivered');
	is(failed_rows('unfit', 'event_id, reason'), "unfit-1|identifiers too broad\nunfit-2|event_source_url missing", 'others are not sent');
	is(scalar $receiver->requests_at($path), 1, 'in one request');
	drop('unfit');
}

# --- a token that is refused

{
	$cluster->write_credential('meta.token', "$dead\n");
	my ($path, $id) = meta('dead', '/dead');

	emit('dead-', 50);
	$cluster->stopped('dead', '%access token is invalid or has expired%190%');
	my $row = $cluster->row('dead');
	is("$row->{delivered} $row->{failed} $row->{backlog}", '0 0 50', 'a dead token: no event is blamed, none is lost');
	is(failed_rows('dead', 'event_id'), '', 'nothing failed');
	$cluster->write_credential('meta.token', "$token\n");
	$cluster->drained('dead');
	$cluster->all_there($receiver, $id, [ ids('dead-', 1, 50) ], 'it goes on by itself with another token');
	drop('dead');
}

# --- a token that runs out, under a status that says otherwise

{
	my ($path, $id) = meta('worn', '/worn/fault=undecipherable/first=1');

	emit('worn-', 5);
	$cluster->stopped('worn', '%access token is invalid or has expired%');
	is($cluster->row('worn')->{failed}, 0, 'HTTP status 500 with code 190: a matter of the token');
	$cluster->resume('worn');
	$cluster->drained('worn');
	$cluster->all_there($receiver, $id, [ ids('worn-', 1, 5) ], 'none is lost');
	drop('worn');
}

# --- throttled and not ready, under HTTP status 400

for my $fault (qw(throttled not-ready service))
{
	my ($path, $id) = meta('busy', "/busy/fault=$fault/first=2");

	emit("$fault-", 20);
	$cluster->wait_for(sub { $receiver->requests_at($path) >= 3 }, "$fault: three requests");
	$cluster->drained('busy');
	$cluster->all_there($receiver, $id, [ ids("$fault-", 1, 20) ], "$fault: all are delivered");
	is($cluster->row('busy')->{failed}, 0, "$fault: none is blamed");
	is(join(' ', map { $_->{events} } $receiver->requests_at($path)), '20 20 20', "$fault: nothing is halved");
	drop('busy');
}

# --- a data set that does not exist

{
	my ($path, $id) = meta('nowhere', '/nowhere/fault=no-data-set/first=1');

	emit('nowhere-', 5);
	$cluster->stopped('nowhere', '%data set does not exist%');
	is($cluster->row('nowhere')->{failed}, 0, 'no data set: no event is blamed');
	drop('nowhere');
}

# --- an event that gets too old on its way

{
	my ($path, $id) = meta('late', '/late');

	$cluster->sql("SELECT ecapi.pause('late')");
	$cluster->wait_state('late', 'paused');
	emit('late-', 10);
	$cluster->sql("SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'old', occurred_at => now() - interval '6 days 23 hours 45 minutes',"
		  . " user_data => '{\"customer_identifier\": \"c\"}'), ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'older',"
		  . " occurred_at => now() - interval '8 days', user_data => '{\"customer_identifier\": \"c\"}')");
	$receiver->clock(3600);		# Meta's clock is ahead by an hour
	$cluster->resume('late');
	$cluster->drained('late');
	$receiver->clock(-3600);
	$cluster->all_there($receiver, $id, [ ids('late-', 1, 10) ], 'too old: the others are delivered');
	is(failed_rows('late', 'event_id'), 'old', 'the one that Meta refuses is set aside');
	like(failed_rows('late', "reason || ' ' || state"), qr/expired.*dead/, 'as expired, and is not tried again');
	is($cluster->sql("SELECT sum(events) FROM ecapi.ledger WHERE destination = 'late' AND reason = 'expired' AND outcome = 'filtered'"),
		'1', 'one that is known to be too old is not sent at all');
	drop('late');
}

# --- test mode, and previews

{
	my $refused = $cluster->refused("CREATE SERVER t FOREIGN DATA WRAPPER ecapi OPTIONS (format 'meta', data_set_id '1', mode 'test')",
		'test mode without a code');
	like($refused, qr/needs the option "test_event_code"/, 'which is said');
	like($cluster->refused("CREATE SERVER t FOREIGN DATA WRAPPER ecapi OPTIONS (format 'meta')", 'no data set'),
		qr/option "data_set_id" is missing/, 'which is said, too');
	like($cluster->refused("CREATE SERVER t FOREIGN DATA WRAPPER ecapi OPTIONS (format 'meta', data_set_id '1', api_version '26')", 'a version'),
		qr/v26\.0/, 'and how it is written');

	my ($path, $id) = meta('trial', '/trial', mode => 'test', test_event_code => 'TEST123');
	$cluster->sql("SELECT ecapi.pause('trial')");
	$cluster->wait_state('trial', 'paused');
	emit('trial-', 1);
	my $shown = $cluster->sql("SELECT url || ' ' || body FROM ecapi.preview('trial', 'trial-1')");
	like($shown, qr/"test_event_code":"TEST123","access_token":"\*\*\*"\}$/, 'a preview shows the body without the token');
	like($shown, qr{/trial/v26\.0/$id/events \{}, 'and where it would go');
	$cluster->resume('trial');
	$cluster->drained('trial');
	my ($request) = grep { $_->{path} eq $path } $receiver->bodies('meta');
	is($request->{body} =~ s/\Q$token\E/***/r, $shown =~ s/^\S+ //r, 'which is what is sent');
	holds_none($shown, [ $token, 'plantedperson', 'Plantedname' ], 'no secret and no identifier is in it');
	drop('trial');
}

# --- nothing of a secret or an identifier anywhere

{
	my @secrets = ($token, $dead, 'plantedperson', 'Plantedname', sha256_hex('plantedperson618@secret.example'));

	for my $fault (qw(expired permission unknown))
	{
		meta('odd', "/odd/echo/fault=$fault/first=1");
		emit("$fault-", 2);
		$cluster->wait_row('odd', "state IN ('stopped', 'waiting') OR delivered = 2");
		holds_none(all_said(), \@secrets, "$fault: said nowhere");
		drop('odd');
	}
	holds_none($cluster->log_text, \@secrets, 'nor in the log to the end');
}

$cluster->stop;
$receiver->stop;
done_testing();
