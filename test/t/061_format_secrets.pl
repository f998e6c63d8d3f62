# The secrets of platforms turn up nowhere: neither tokens, client secrets, private keys,
# signing keys nor what is made of them (assertions, fetched tokens, signatures) stand in
# the server's log, a view, an error, a preview, a report, the metrics or pg_stat_activity,
# also where a receiver repeats what it was sent.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiFormats qw(%FORMAT formats_of options_of purchases write_secrets);
use EcapiReceiver;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = PostgreSQL::Test::Utils::tempdir();

system_or_bail('openssl', 'genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048',
	'-out', "$directory/key.pem");
my $key = slurp_file("$directory/key.pem");
my $webhook = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my %planted = (
	meta_option => 'plantedMetaTokenInOption', meta_file => 'plantedMetaTokenInFile',
	tiktok => 'plantedTiktokToken', client_secret => 'plantedClientSecret', refresh_token => 'plantedRefreshToken',
);

# What must not be seen: what is planted, lines of the key, what the receiver's tokens, an
# assertion and a signature begin with.
my %secret = (%planted,
	(map { ("line $_ of the private key" => (split /\n/, $key)[$_]) } 1, 5, 12),
	'the signing key' => substr($webhook, 6),
	'a fetched token' => 'ya29.',
	'an assertion' => 'eyJhbGciOiJSUzI1NiI',
	'a signature' => 'v1,',
	# in the query its last characters are encoded
	'the token of Snap' => 'plantedSnapToken' );

my $receiver = EcapiReceiver->start(args => [ '--meta-token', $planted{meta_file} ]);
my $cluster = EcapiCluster->create(conf => q(
log_min_messages = debug1
log_error_verbosity = verbose
log_min_error_statement = panic
track_activity_query_size = 16kB
));
my $seen = '';

$cluster->write_credential('meta.token', "$planted{meta_file}\n");
$cluster->write_credential('tiktok.token', "$planted{tiktok}\n");
$cluster->write_credential('snap.token', "plantedSnapToken/+=\n");
$cluster->write_credential('hook.key', "$webhook\n");
$cluster->write_credential('refresh', "$planted{refresh_token}\n");
$cluster->write_credential('key.json', encode_json({
	type => 'service_account', client_email => 'shop@example.iam.gserviceaccount.com',
	private_key_id => 'plantedKeyId', private_key => $key, token_uri => 'https://oauth2.googleapis.com/token' }));

# The end of a platform's path, its options, its mapping: of some in more than one way, of
# the other formats as the table of formats has them.
my $ads = "account_id '1234567890', event_types 'purchase=7001', token_url '" . $receiver->url('/token') . "'";
my %platform = (
	meta => [ '', "data_set_id '1234567890', test_event_code 'TEST1'", "access_token_file 'meta.token'" ],
	meta_option => [ '', "data_set_id '1234567890'", "access_token '$planted{meta_option}'" ],
	google => [ '', $ads, "service_account_file 'key.json'" ],
	google_refresh => [ '', "$ads, client_id 'shop'",
		"client_secret '$planted{client_secret}', refresh_token_file 'refresh'" ],
	tiktok => [ '', "data_set_id 'C4A1', test_event_code 'TEST1'", "access_token_file 'tiktok.token'" ],
	snap => [ '', "data_set_id '1ec32188-754e'", "access_token_file 'snap.token'" ],
	webhook => [ '/webhook', "data_set_id 'd'", "secret_file 'hook.key'" ],
	webhook_option => [ '/webhook', "data_set_id 'd'", "secret '$webhook'" ],
);
for my $format (grep { !$platform{$_} } formats_of($cluster))
{
	my ($options, $mapping) = options_of($receiver, $format);

	$platform{$format} = [ $FORMAT{$format}{end} // '', $options =~ s/, format '\w+'//r, $mapping ];
	write_secrets($cluster, $format, 'good');
	my @secrets = @{ $FORMAT{$format}{secrets} };

	$secret{"$format: secret $_"} = $secrets[$_] for 0 .. $#secrets;
}
my %manners = (
	fine => '', refused => '/status=401/echo', forbidden => '/status=403/echo',
	rejected => '/status=400/echo', broken => '/status=500/echo', limited => '/status=429/echo',
);
my @names;

for my $platform (sort keys %platform)
{
	my ($end, $options, $mapping) = @{ $platform{$platform} };
	my ($format) = $platform =~ /^([a-z0-9]+)/;

	for my $how (sort keys %manners)
	{
		my $name = "${platform}_$how";
		my $url = $receiver->url("/$name$manners{$how}$end");

		$cluster->sql(<<"END");
CREATE SERVER $name FOREIGN DATA WRAPPER ecapi OPTIONS (format '$format', url '$url', $options);
CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ($mapping);
END
		push @names, $name;
	}
}

sub look
{
	$seen .= $cluster->sql("SELECT string_agg(concat_ws(' ', backend_type, query), ' ') FROM pg_stat_activity WHERE backend_type LIKE 'ecapi%'") // '';
	return;
}

# one person's, which Analytics takes in one request
$cluster->sql(purchases('order-', 1, 5, person => 1));
for my $name (grep { !/_fine$/ } @names)
{
	$cluster->wait_sql("SELECT last_error IS NOT NULL FROM ecapi.destination WHERE destination = '$name'", "$name has failed");
	look();
}
# the receiver knows one of Meta's tokens
for my $name (grep { /_fine$/ && $_ ne 'meta_option_fine' } @names)
{
	$cluster->drained($name);
	look();
}
$cluster->wait_sql("SELECT state = 'stopped' FROM ecapi.destination WHERE destination = 'meta_option_fine'",
	'a token that the platform does not know stops its destination');

# --- what can be read of it
for my $name (@names)
{
	$seen .= $cluster->sql("SELECT string_agg(p::text, ' ') FROM ecapi.preview('$name', 'order-3') p") . "\n";
}
for my $name (grep { !/option/ } @names)
{
	my (undef, $out, $error) = $cluster->try_sql("SELECT p FROM ecapi.preview('$name', 'order-3', send => true) p");

	$seen .= "$out $error\n";
}
for my $relation (split /\n/, $cluster->sql(<<'END'))
SELECT 'ecapi.' || relname FROM pg_class
WHERE relnamespace = 'ecapi'::regnamespace AND relkind IN ('r', 'v', 'p') AND NOT relispartition
END
{
	$seen .= $cluster->sql("SELECT string_agg(t::text, ' ') FROM $relation t") // '';
}
$seen .= $cluster->sql("SELECT string_agg(c::text, ' ') FROM ecapi.check() c");
for my $page ('ecapi.metrics()', "ecapi.report(now() - interval '1 day', now() + interval '1 hour', true)",
	"ecapi.trace_report('order-3')")
{
	my $text = $cluster->sql("SELECT $page");

	like($text, qr/meta_fine/, "$page shows the destinations");
	$seen .= $text;
}

# --- options that are wrong are named, and not quoted
for my $wrong ("secret 'whsec_$planted{client_secret}'", "access_token 'two words $planted{meta_option}'",
	"client_secret E'$planted{client_secret}\\n'", "service_account '$planted{client_secret}'")
{
	my (undef, undef, $error) = $cluster->try_sql("\\set VERBOSITY verbose\nALTER USER MAPPING FOR PUBLIC SERVER meta_fine OPTIONS (ADD $wrong)");

	isnt($error, '', 'a wrong secret is refused');
	$seen .= $error =~ s/^.*?LINE \d.*$//mgr;
}
$cluster->write_credential('meta.token', "two words $planted{meta_file}\n");
$cluster->write_credential('hook.key', "whsec_$planted{client_secret}\n");
$cluster->write_credential('key.json', $planted{client_secret});
$cluster->sql("SELECT ecapi_emit('purchase', id => 'later', value => 1, currency_code => 'EUR', source => 'website', properties => '{\"page_url\": \"https://shop.example/\"}', user_data => '{\"email_address\": [\"ann\@example.com\"], \"event_user_agent\": \"Mozilla/5.0\"}')");
for my $name (qw(meta_fine webhook_fine))
{
	$cluster->wait_sql("SELECT last_error LIKE '%cannot be used%' FROM ecapi.destination WHERE destination = '$name'",
		"$name: a file that is wrong is named");
}
$seen .= $cluster->sql("SELECT string_agg(d::text, ' ') FROM ecapi.destination d");
my $log = $cluster->log_text;

like($seen, qr/\*\*\*/, 'where a secret stood is seen');
# a signature is shown by its kind
$seen =~ s/v1,\*\*\*//g;

for my $what (sort keys %secret)
{
	is(index($seen, $secret{$what}), -1, "$what is nowhere to be read");
	is(index($log, $secret{$what}), -1, "$what is not in the log");
}
cmp_ok(length $seen, '>', 10_000, 'there was something to read');

$cluster->stop;
$receiver->stop;
done_testing();
