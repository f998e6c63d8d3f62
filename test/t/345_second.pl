# Bodies against a second implementation, and against the platforms' own schemas.
#
# 400 generated events go to a destination of each format.  What the receiver got, and the
# events in clear, are given to test/oracle/second.js, which has the same events written by
# the action destinations of Segment (MIT), offline, and compares field by field.  Every
# intended difference is listed there, with its reason, and has to be met.
#
# The packages come as 340_oracles.pl has them (EcapiOracle.pm).  ECAPI_SEED repeats the
# events; ECAPI_EVENTS is how many, of which some hundred are needed to meet each field.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiOracle;
use EcapiReceiver;
use Test::More;

my $seed = $ENV{ECAPI_SEED} // int(rand(2**31));
my $count = $ENV{ECAPI_EVENTS} // 400;

# One of what the second implementation needs is asked for in a version that is gone; and
# one it loads without saying so.
my $oracle = EcapiOracle->new(packages => { '@segment/action-destinations' => '3.497.0', 'xml-js' => '1.6.11',
		ajv => '8.20.0', 'ajv-formats' => '3.0.1' }, overrides => { '@aws-sdk/client-kinesis' => '3.1143.0' });

note("seed $seed, $count events");

my $receiver = EcapiReceiver->start;
my %types = map { $_->{event_type} => 1 } $oracle->events($seed, $count);

# LinkedIn knows events by numbers: here by 7000 and the length of their type.
my $rules = join(', ', map { "$_=" . (7000 + length) } grep { $_ ne 'refund' } sort keys %types);

# What each format needs beside its name and url; the other end of each is in the file of
# test/oracle of that name.
my %token = (access_token_file => 'token');
my %platforms = (
	tiktok => [ { data_set_id => 'C4A1B2C3D4E5F6G7H8I9', event_source_ids => 'app=7001, offline=7002, crm=7003',
			app_id => 'com.example.app', app_os => 'ios' }, \%token ],
	microsoft => [ { data_set_id => '12345678', app_os => 'android' }, \%token ],
	linkedin => [ { event_types => $rules, send_names => 'yes',
			app_os => 'android' }, \%token ],
	snap => [ { data_set_id => 'a1b2c3d4-0000-4000-8000-000000000001', app_id => 'a1b2c3d4-0000-4000-8000-000000000002' },
		\%token ],
	pinterest => [ { data_set_id => '549755885175', app_os => 'ios' }, \%token ],
	reddit => [ { data_set_id => 'a2_abc123', app_os => 'ios' }, \%token ],
	meta => [ { data_set_id => '1234567890' }, \%token ],
	amazon => [ { account_id => 'ENTITY1', client_id => 'client', region => 'eu', app_os => 'android',
			token_url => $receiver->url('/token') }, { client_secret_file => 'token', refresh_token_file => 'token' } ],
	ga4 => [ { measurement_id => 'G-A1B2C3D4E5', user_id => 'clear' }, { api_secret_file => 'token' } ]);

my $cluster = EcapiCluster->create(conf => "log_min_error_statement = panic\necapi.default_country = 'US'\n");
$cluster->write_credential('token', "TheToken\n");
for my $name (sort keys %platforms)
{
	my ($options, $mapping) = @{ $platforms{$name} };

	$cluster->destination($name, $receiver->url("/$name"), { format => $name, %$options }, $mapping);
}

$oracle->emit($cluster);
$cluster->drained(sort keys %platforms);
is($receiver->platforms->{$_}{refused}, 0, "the receiver refused nothing as $_") for sort keys %platforms;

# Why events failed; filtered ones are in no table.
my @failed = map { my %row; @row{qw(destination id reason)} = split /\|/, $_, 3; \%row }
  split /\n/, $cluster->sql('SELECT destination, event_id, reason FROM ecapi.failed_event');

my %requests = map { $_ => $oracle->requests($receiver, $_) } keys %platforms;

$oracle->compare('second.js', $oracle->file('events'), $oracle->write_lines('failed', @failed), @requests{ sort keys %requests });
$oracle->compare('schema.js', @requests{qw(pinterest reddit)});

$cluster->stop;
$receiver->stop;
done_testing();
