# Bodies against code that is none of ours: Meta's two normalizers and its SDK, Google's
# messages, and the libraries by which receivers of Standard Webhooks verify.
#
# 1,000 generated events, and single ones on which Meta's normalizers disagree, go to a
# destination of each format.  What the receiver got, and the events in clear, are given to
# the programs in test/oracle, which compare; each also shows that a fault would be found.
#
# The packages are installed by npm into a temporary directory, or were before into the one
# that ECAPI_ORACLES names.  Where Node or the network is not there, nothing is compared,
# and the test says so.  ECAPI_SEED repeats the events; ECAPI_EVENTS is how
# many, of which some hundred are needed to meet each field.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiOracle;
use EcapiReceiver;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{ECAPI_SEED} // int(rand(2**31));
my $count = $ENV{ECAPI_EVENTS} // 1000;
my $json = JSON::PP->new->utf8->canonical;
my $dir = PostgreSQL::Test::Utils::tempdir();

# What is compared with, in versions that the programs were written for.
my $oracle = EcapiOracle->new(packages => { 'facebook-nodejs-business-sdk' => '24.0.1',
		'capi-param-builder-nodejs' => '1.3.2', '@google-ads/datamanager' => '0.3.0', protobufjs => '8.8.1',
		'proto3-json-serializer' => '3.0.4', standardwebhooks => '1.1.1', svix => '2.5.0' });

note("seed $seed, $count events");
srand($seed);

my @events = $oracle->events($seed, $count);

# --- destinations

my @KEYS = map { $_->[0] . '_' . encode_base64(pack('C*', map { int rand 256 } 1 .. $_->[1]), '') }
  ([ whsec => 24 ], [ whsec => 64 ], [ whsk => 32 ]);
my $account = 'sender@project.example';
my %account_key = (type => 'service_account', client_email => $account, private_key_id => 'key-1',
	token_uri => 'https://oauth2.example/token');

system("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $dir/key.pem 2>/dev/null"
	  . " && openssl pkey -in $dir/key.pem -pubout -out $dir/key.pub") == 0 or die 'no key';
$account_key{private_key} = slurp_file("$dir/key.pem");

my $receiver = EcapiReceiver->start(args => [ '--google-key', "$dir/key.pub", '--google-account', $account,
		'--webhook-secret', $KEYS[0], '--meta-token', 'EAAtoken' ]);
my $cluster = EcapiCluster->create(conf => "log_min_error_statement = panic\n");
$cluster->write_credential('meta.token', "EAAtoken\n");
$cluster->write_credential('google.json', $json->encode(\%account_key));
$cluster->write_credential('hook.key', "@KEYS\n");

my %google = (format => 'google', account_id => '1234567890', token_url => $receiver->url('/token'), batch_size => 100);
my %targets = (purchase => 7001, sign_up => 7002, generate_lead => 7003, add_to_cart => 7004, begin_checkout => 7005,
	subscribe => 7006, contact => 7007, donate => 7008, viewed_item => 7009, schedule => 7010, search => 7001);
my $event_types = join(', ', map { "$_=$targets{$_}" } sort keys %targets);
my %mapping = (service_account_file => 'google.json');

$cluster->destination('meta', $receiver->url('/meta'), { format => 'meta', data_set_id => '1234567890', batch_size => 100 },
	{ access_token_file => 'meta.token' });
$cluster->destination('ads', $receiver->url('/ads'), { %google, event_types => $event_types }, \%mapping);
$cluster->destination('floodlight', $receiver->url('/floodlight'),
	{ %google, account_type => 'FLOODLIGHT_CONFIG', event_types => $event_types }, \%mapping);
$cluster->destination('analytics', $receiver->url('/analytics'),
	{ %google, account_type => 'GOOGLE_ANALYTICS_PROPERTY', product_destination_id => 'G-A1B2C3' }, \%mapping);
$cluster->destination('hook', $receiver->url('/hook/webhook'), { format => 'webhook' }, { secret_file => 'hook.key' });
$cluster->destination('hooks', $receiver->url('/hooks/webhook'), { format => 'webhook', batch_size => 50 },
	{ secret_file => 'hook.key' });

# --- delivery

$oracle->emit($cluster);
$cluster->drained(qw(meta ads floodlight analytics hook hooks));

# Which events should have come to which destination of Google, by the id that it has.
# A refund goes only where an order was delivered, and these are of none.
my %unsent = map { $_ => 1 } qw(page_view ad_impression refund);
my @listed = grep { $targets{ $_->{event_type} } } @events;
my @clicked = grep { my $user = $_->{user_data}; defined($user->{ifa} // $user->{impression_id})
	  || grep { exists $user->{ext}{click_ids}{$_} } qw(gclid gbraid wbraid dclid) } @listed;
my %expected = (ads => \@listed, floodlight => \@clicked, analytics => [ grep { !$unsent{ $_->{event_type} } } @events ]);
my @ids = map { $_->{id} } @events;

is($cluster->sql("SELECT coalesce(string_agg(DISTINCT destination || ': ' || reason, ', '), '') FROM ecapi.failed_event"),
	'floodlight: no identifier', 'no event failed, but those whose click Floodlight does not know');
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), @listed - @clicked, 'which are those without one');
is($receiver->platforms->{$_}{refused}, 0, "the receiver refused nothing as $_") for qw(meta google webhook);

$oracle->compare('meta.js', $oracle->file('events'), $oracle->requests($receiver, 'meta'));
$oracle->compare('google.js', $oracle->write_lines('google.expected', { map {
			$_ => [ map { $_->{properties}{transaction_id} // $_->{id} } @{ $expected{$_} } ] } keys %expected }),
	$oracle->requests($receiver, 'google'));
$oracle->compare('webhook.js', $oracle->write_lines('webhook.expected', { keys => \@KEYS, ids => { hook => \@ids, hooks => \@ids } }),
	$oracle->requests($receiver, 'webhook'));

$cluster->stop;
$receiver->stop;
done_testing();
