# EcapiFormats: what each format needs to be tried against the receiver, as a table.
#
#   my @names = formats_of($cluster);            # of the server, but for the standard's own
#   my $row = $FORMAT{tiktok};
#   write_secrets($cluster, 'tiktok', 'good');   # its files, as they should be, or 'dead'
#   format_destination($cluster, $receiver, 'tiktok', 'name', '/name/first=1/fault=throttled', batch_size => 10);
#   $cluster->sql(purchases('a-', 1, 100, poison => [ 7 ]));
#
# A row:
#   end        what follows the option url, where the format itself adds nothing
#   options    of the server, beside format and url
#   mapping    of the user mapping
#   files      credential files: { name => { good => TEXT, dead => TEXT } }
#   batch      events of a full request: as many as the platform takes, or as fit into its body
#   further    most requests beyond the first that one event at fault may cost
#   words      what is kept of the platform's answer to an event at fault
#   dead       the detail of a destination whose credential is refused, as LIKE takes it;
#              none: the platform does not say so
#   silent     the platform says nothing of events at all
#   alone      a request is one person's
#   busy       segments of a path that make the platform ask for less at first
#   secrets    texts that must not be seen
#   window     seconds for which the platform knows a repeat; none: for ever
#   age        seconds that an event of a website may be old; none: any
package EcapiFormats;

use strict;
use warnings;

use EcapiCluster qw(literal);
use Exporter qw(import);

our @EXPORT_OK = qw(%FORMAT @RECEIVER formats_of write_secrets options_of format_destination purchases);

# Two for each halving of a thousand, and one to see that it fails alone.
my $HALVED = 22;

my $HOOK = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $CLIENT = 'shop.apps.example:plantedClientSecret:1//plantedRefreshToken';

# Arguments of the receiver that knows these credentials.
our @RECEIVER = ('--google-client', $CLIENT, '--webhook-secret', "whsec_$HOOK");

# A credential of one line, sent as it is: the receiver takes the good one, where the path
# says token=..., as format_destination does.
sub token
{
	my ($name, $option, $dead) = @_;
	my $good = "planted-$name-token";

	return (mapping => { "${option}_file" => "$name.token" },
		files => { "$name.token" => { good => $good, dead => "planted-$name-dead" } },
		good => $good, dead => $dead, secrets => [ $good, "planted-$name-dead" ]);
}

# A refresh token, for which an access token is fetched.
sub refresh
{
	my ($name) = @_;

	return (mapping => { client_secret => 'plantedClientSecret', refresh_token_file => "$name.refresh" },
		files => { "$name.refresh" => { good => '1//plantedRefreshToken', dead => '1//plantedDeadToken' } },
		dead => 'no access token: %invalid_grant%',
		secrets => [ 'plantedClientSecret', '1//plantedRefreshToken', '1//plantedDeadToken', 'ya29.' ]);
}

our %FORMAT = (
	webhook => {
		end => '/webhook', options => { batch_size => 100 },
		mapping => { secret_file => 'webhook.key' },
		files => { 'webhook.key' => { good => "whsec_$HOOK", dead => 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX' } },
		secrets => [ $HOOK, 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYX' ],
		batch => 1000, further => $HALVED, words => qr/./, dead => 'HTTP status 401%', busy => '/status=429',
	},
	pubsub => {
		refresh('pubsub'),
		options => { project_id => 'shop-4711', topic => 'events', client_id => 'shop.apps.example', data_set_id => 'shop' },
		batch => 1000, further => $HALVED, words => qr/INVALID_ARGUMENT/, busy => '/fault=quota',
	},
	meta => {
		token('meta', 'access_token', '%access token is invalid or has expired%'),
		options => { data_set_id => '1234567890' },
		batch => 1000, further => $HALVED, words => qr/Missing Value for Purchase Event/, busy => '/fault=throttled',
		window => 172_800, age => 7 * 86400,
	},
	google => {
		refresh('google'),
		options => { account_id => '1234567890', client_id => 'shop.apps.example', event_types => 'purchase=7001' },
		batch => 1000, further => 1, words => qr/INVALID_EVENT/, busy => '/fault=quota',
	},
	tiktok => {
		token('tiktok', 'access_token', '%access token is missing, invalid or expired%'),
		options => { data_set_id => 'C4A1B2C3D4E5F6G7H8I9' },
		batch => 1000, further => 1, words => qr/40002/, busy => '/fault=throttled',
		window => 172_800, age => 7 * 86400,
	},
	pinterest => {
		token('pinterest', 'access_token', '%401%'),
		options => { data_set_id => '549755885175' },
		batch => 1000, further => 0, words => qr/./, busy => '/fault=ramped-down',
		window => 172_800,
	},
	reddit => {
		token('reddit', 'access_token', '%401%'),
		options => { data_set_id => 'a2_exampl3pixel' },
		batch => 1000, further => 1, words => qr/./, busy => '/fault=throttled',
		window => 172_800, age => 7 * 86400,
	},
	microsoft => {
		token('microsoft', 'access_token', '%401%'),
		options => { data_set_id => '187012345' },
		batch => 1000, further => 0, words => qr/InvalidValue/, busy => '/fault=throttled',
		window => 172_800, age => 7 * 86400,
	},
	linkedin => {
		token('linkedin', 'access_token', '%401%'),
		options => { event_types => 'purchase=104012', api_version => '202608' },
		batch => 2500, further => 1, words => qr/./, busy => '/fault=throttled',
		window => 172_800, age => 90 * 86400,
	},
	snap => {
		token('snap', 'access_token', '%401%'),
		options => { data_set_id => '1ec32188-754e-4be2-8e55-c949a984a39f' },
		batch => 2000, further => 1, words => qr/./, busy => '/fault=throttled',
		window => 172_800, age => 7 * 86400,
	},
	ga4 => {
		token('ga4', 'api_secret'),
		options => { measurement_id => 'G-ABC1234567' },
		batch => 25, silent => 1, alone => 1, busy => '/fault=unavailable', age => 72 * 3600,
	},
	openai => {
		token('openai', 'access_token', '%401%'),
		options => { data_set_id => 'KBHCVX1dYePA' },
		batch => 1000, further => $HALVED, words => qr/./, busy => '/fault=throttled',
		window => 172_800, age => 7 * 86400,
	},
	amazon => {
		refresh('amazon'),
		options => { account_id => 'ENTITY1', client_id => 'shop.apps.example' },
		batch => 500, further => 0, words => qr/./, busy => '/fault=throttled',
		window => 172_800, age => 7 * 86400,
	},
);

# The formats of a server that send to a URL, but for the standard's own.  Each has a row above.
sub formats_of
{
	my ($cluster) = @_;
	my @names = split /\n/, $cluster->sql("SELECT format FROM ecapi.formats() WHERE format NOT IN ('ecapi', 'kafka') ORDER BY format");
	my @unknown = grep { !$FORMAT{$_} } @names;

	die "no row for: @unknown" if @unknown;
	return @names;
}

# Write a format's credential files.
sub write_secrets
{
	my ($cluster, $format, $which) = @_;
	my $files = $FORMAT{$format}{files};

	$cluster->write_credential($_, "$files->{$_}{$which}\n") for sort keys %$files;
	return;
}

# The options of a server of a format, with others, and those of its user mapping, as SQL.
sub options_of
{
	my ($receiver, $format, %options) = @_;
	my $row = $FORMAT{$format};
	my %server = (format => $format, event_types => 'purchase', %{ $row->{options} }, %options);
	my $list = sub { my ($of) = @_; return join ', ', map { "$_ " . literal($of->{$_}) } sort keys %$of };

	$server{token_url} //= $receiver->url('/token') if $row->{mapping}{refresh_token_file};
	return ($list->(\%server), $list->($row->{mapping}));
}

# Create a destination of a format, in whose URL a path asks for what it will.
sub format_destination
{
	my ($cluster, $receiver, $format, $name, $path, %options) = @_;
	my $row = $FORMAT{$format};
	my $token = $row->{good} ? "/token=$row->{good}" : '';
	my ($server, $mapping) = options_of($receiver, $format, url => $receiver->url("$path$token" . ($row->{end} // '')), %options);

	return $cluster->sql("CREATE SERVER $name FOREIGN DATA WRAPPER ecapi OPTIONS ($server);"
		  . "CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ($mapping)");
}

# A statement that emits purchases that every format takes, PREFIXfrom to PREFIXto, each of
# a person of its own.  Options:
#   poison => [...]   these have "poison-" before the number in their id
#   person => SQL     of i, the number of the person and of his visit (default: i)
#   at => SQL         when it happened (default: now)
sub purchases
{
	my ($prefix, $from, $to, %how) = @_;
	my $poison = join ',', @{ $how{poison} // [] }, 0;
	my $person = $how{person} // 'i';
	my $at = $how{at} // 'clock_timestamp()';
	my $id = literal($prefix) . " || CASE WHEN i IN ($poison) THEN 'poison-' ELSE '' END || i";

	return <<"END";
SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR', id => $id, source => 'website', occurred_at => $at,
	user_data => jsonb_build_object('email_address', 'plantedperson' || ($person) || '\@secret.example', 'phone_numbers', '+1212555' || lpad((($person) % 10000)::text, 4, '0'),
		'event_user_agent', 'Mozilla/5.0', 'event_ip_address', '192.0.2.10', 'customer_identifier', 'plantedcustomer' || ($person),
		'address', jsonb_build_object('first_name', 'Plantedname', 'last_name', 'Plantedsurname', 'city', 'New York', 'state', 'NY',
			'country_code', 'US', 'postal_code', '10001'),
		'ext', jsonb_build_object('click_ids', jsonb_build_object('ga_client_id', '1795700000.' || ($person)))),
	properties => jsonb_build_object('transaction_id', $id, 'page_url', 'https://shop.example/thanks',
		'items', jsonb_build_array(jsonb_build_object('id', 'sku-' || i % 100, 'name', 'Mug', 'price', i, 'quantity', 1)))))
FROM generate_series($from, $to) i
END
}

1;
