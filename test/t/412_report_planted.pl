# Personal data and secrets that are planted wherever they can come from are in none of the
# report, the page of an event and the metrics: in events, in rows that are no events, in
# answers of receivers that repeat what they were sent, in errors of a filter, in credentials.
# A second database has a destination of the same name, and neither shows what the other has.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $token = 'PlantedTokenOfTheReceiver';
my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "timezone = 'UTC'\n");
my $other = $cluster->in('other');

# One word for each field, as it is in an event and as it leaves.
my %planted = (email_address => 'zebediah.plant@example.com', phone_numbers => '+4971155512345', customer_identifier => 'CUST-PLANTED-99',
	event_ip_address => '198.51.100.77', event_user_agent => 'PlantedBrowser/7', first_name => 'Zebediah', last_name => 'Plantington',
	street => 'Plantingtonstrasse', city => 'Planthausen', postal_code => '98765');
my @secret = (values %planted, $token, map { sha256_hex($_) } qw(zebediah.plant@example.com +4971155512345 4971155512345 cust-planted-99 CUST-PLANTED-99));

$cluster->write_credential('token', "$token\n");
$cluster->sql('CREATE DATABASE other');
$other->sql('CREATE EXTENSION ecapi');

# --- receivers that repeat what they get, and a filter that fails on it

my %all = (data_set_id => 'planted', event_types => 'purchase');
my %credential = (access_token_file => 'token');

$cluster->destination('same', $receiver->url('/same/echo/reject-if=order'), \%all, \%credential);
$cluster->destination('html', $receiver->url('/html/echo/status=500/first=1'), \%all, \%credential);
$cluster->destination('casts', $receiver->url('/casts'), { %all, filter => q((user_data ->> 'customer_identifier')::int > 1) }, \%credential);
$other->destination('same', $receiver->url('/other'), \%all);

my $person = <<"END";
jsonb_build_object('email_address', jsonb_build_array('$planted{email_address}'), 'phone_numbers', jsonb_build_array('$planted{phone_numbers}'),
	'customer_identifier', '$planted{customer_identifier}', 'event_ip_address', '$planted{event_ip_address}', 'event_user_agent', '$planted{event_user_agent}',
	'address', jsonb_build_array(jsonb_build_object('first_name', '$planted{first_name}', 'last_name', '$planted{last_name}',
		'street', '$planted{street}', 'city', '$planted{city}', 'country_code', 'DE', 'postal_code', '$planted{postal_code}')))
END

$cluster->sql("SELECT ecapi_emit(event => jsonb_build_object('event_type', 'purchase', 'id', 'order-' || i, 'value', i, 'currency_code', 'EUR', 'user_data', $person))"
	  . ' FROM generate_series(1, 3) i');
$other->sql("SELECT count(ecapi_emit('purchase', value => 2, currency_code => 'GBP', id => 'elsewhere-' || i)) FROM generate_series(1, 7) i");

# A row of which no event can be made, and one that is.
$cluster->sql(<<"END");
CREATE TABLE carts (id text, total text, email text);
SELECT ecapi.track('carts', 'purchase', '{"id": "new.id", "value": "new.total::numeric", "currency_code": "''EUR''", "user_data.email_address": "new.email"}');
INSERT INTO carts VALUES ('cart-1', '$planted{email_address}', '$planted{email_address}'), ('cart-2', '5', '$planted{email_address}');
END
$cluster->wait_sql("SELECT count(*) >= 3 FROM ecapi.failed_event WHERE destination = 'same'", 'the receiver has refused events');
$cluster->wait_sql('SELECT count(*) = 1 FROM ecapi.failed_event WHERE destination IS NULL', 'capture has set a row aside');
$cluster->wait_sql("SELECT EXISTS (SELECT FROM ecapi.destination WHERE destination = 'casts' AND last_error IS NOT NULL)"
	  . " OR EXISTS (SELECT FROM ecapi.failed_event WHERE destination = 'casts')", 'the filter has failed');
$cluster->drained('html');
$other->drained('same');

is($cluster->sql("SELECT bool_or(answer LIKE '%$planted{email_address}%' OR answer LIKE '%" . sha256_hex($planted{email_address}) . "%')"
	  . " FROM ecapi.failed_event WHERE destination = 'same'"), 't', 'what was planted has come back in answers');

# --- none of it is shown

sub clean
{
	my ($page, $name) = @_;
	my @found = grep { index(lc $page, lc $_) >= 0 } @secret;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is("@found", '', "$name has none of it");
}

my $span = q(now() - interval '1 day', now() + interval '1 hour');
my $report = $cluster->sql("SELECT ecapi.report($span, true)");

like($report, qr{<bdi>same</bdi>.*an event is not wanted}s, 'the report shows what the receiver said');
clean($report, 'a report');
for my $id (qw(order-1 order-2 order-3 cart-2 cart-1))
{
	my $page = $cluster->sql("SELECT ecapi.trace_report('$id')");

	like($page, qr/Event \Q$id\E/, "there is a page of $id");
	clean($page, 'and it');
}
clean($cluster->sql('SELECT ecapi.metrics()'), 'the text of metrics');

# --- two databases

my $elsewhere = $other->sql("SELECT ecapi.report($span)");

like($elsewhere, qr{<bdi>same</bdi></th><td class="n"><data value="7">7</data></td><td class="n"><data value="7">}, 'the other database has its own destination of that name');
unlike($elsewhere, qr/casts|html<|carts/, 'and nothing of this one');
unlike($report, qr/GBP/, 'nor has this one anything of it');
unlike($cluster->sql('SELECT ecapi.metrics()'), qr/datname="other"/, 'metrics are those of one, too');

$cluster->stop;
$receiver->stop;
done_testing();
