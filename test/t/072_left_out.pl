# Values that are left out of events, when they are emitted and when they are
# sent: that the rest arrives, and that each is counted once for what it is,
# whatever becomes of the request; and ecapi.default_country, which makes
# telephone numbers of those that would be left out for want of a country.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiCluster;
use EcapiReceiver;
use JSON::PP;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

sub counts
{
	my ($where, $in) = @_;

	return ($in // $cluster)->sql("SELECT path, reason, count FROM ecapi.left_out WHERE $where");
}

# Login events with these telephone numbers; returns their number.
sub emit_phones
{
	my ($prefix, @phones) = @_;
	my $n = 0;

	$cluster->sql(join('', map {
		"SELECT ecapi_emit('login', id => '$prefix-" . ++$n . "', user_data => "
		  . "jsonb_build_object('phone_numbers', '$_', 'email_address', 'ann\@example.com'));"
	} @phones));
	return $n;
}

# The telephone digests of the event of that id, as it was received first.
sub phones_received
{
	my ($id) = @_;

	for my $event (map { JSON::PP->new->utf8->decode($_) } $receiver->events)
	{
		return $event->{user_data}{phone_numbers} // [] if $event->{id} eq $id;
	}
	return undef;
}

# --- when it is sent, once for each destination, however often it is sent

$cluster->destination('steady', $receiver->url('/steady'));
$cluster->destination('shaky', $receiver->url('/shaky/first=2/status=503'));
emit_phones('a', '0711 123456', '+49 711 123456', 'call me', '0711 654321');
$cluster->drained(qw(steady shaky));

is(counts('true ORDER BY reason'),
	"user_data.phone_numbers|country_unknown|4\nuser_data.phone_numbers|no_certain_form|2",
	'two of the numbers lack a country, one is none: at each of two destinations');
is_deeply(phones_received('a-1'), [], 'a number without a country is not sent');
is_deeply(phones_received('a-2'), [ sha256_hex('+49711123456') ], 'one that has its country is');
is_deeply([ map { $_->{user_data}{email_address}[0] }
		map { JSON::PP->new->utf8->decode($_) } $receiver->events ],
	[ (sha256_hex('ann@example.com')) x 8 ], 'the rest of the events arrived');

# --- when it is emitted; rolled back or not

$cluster->sql("SET client_min_messages = error; BEGIN; SELECT ecapi_emit('login', source => 'fax'); ROLLBACK;"
	  . "SELECT ecapi_emit('login', source => 'fax')");
is(counts("path = 'source'"), 'source|invalid_value|2', 'counted when it is emitted');

# --- with a default country

$cluster->sql("ALTER SYSTEM SET ecapi.default_country = 'DE'");
$cluster->reload;
$cluster->wait_sql("SELECT ecapi.normalize('user_data.phone_numbers', '0711 123456') IS NOT DISTINCT FROM '+49711123456'", 'sessions have the setting');

# The worker takes it up by itself, soon: of many events, one is the first.
my $before = counts("reason = 'country_unknown'") =~ s/.*\|//r;
my $tries = 0;
my $digest = sha256_hex('+49711123456');

for (;;)
{
	my $id = 'b' . ++$tries;

	emit_phones($id, '0711 123456');
	$receiver->wait_received($id, 1);
	last if @{ phones_received("$id-1") };
	die "the worker does not take up the setting\n" if $tries > 1000;
}
is_deeply(phones_received("b$tries-1"), [$digest], 'the worker hashes with the calling code');
emit_phones('c', '0711 123456');
$cluster->drained(qw(steady shaky));
is_deeply(phones_received('c-1'), [$digest], 'and goes on so');
is($cluster->sql("SELECT ecapi.digest('user_data.phone_numbers', '0711 123456')"), $digest,
	'ecapi.digest() shows what is sent');
is($cluster->sql("SELECT count(*) FROM ecapi.validate('{\"event_type\": \"login\", \"user_data\": {\"phone_numbers\": \"0711 1\"}}')"
		. " WHERE code = 'country_unknown'"),
	0, 'ecapi.validate() knows of it');

# --- each database by itself, and from zero

$cluster->sql('CREATE DATABASE other');
$cluster->in('other')->sql('CREATE EXTENSION ecapi');
is(counts('true', $cluster->in('other')), '', 'another database has lost nothing');
# it has a place to count in once it has a worker, which a destination brings
$cluster->in('other')->destination('shadow', $receiver->url('/shadow'), { mode => 'shadow' });
$cluster->in('other')->wait_sql("SELECT state = 'running' FROM ecapi.worker()", 'the other database has a worker');
$cluster->in('other')->sql("SET client_min_messages = error; SELECT ecapi_emit('login', source => 'fax')");
is(counts('true', $cluster->in('other')), 'source|invalid_value|1', 'but its own');
is(counts("path = 'source'"), 'source|invalid_value|2', 'which is not counted here');
$cluster->sql('DROP DATABASE other');
$cluster->sql('CREATE DATABASE other');
$cluster->in('other')->sql('CREATE EXTENSION ecapi');
is(counts('true', $cluster->in('other')), '', 'a new database begins at zero');

# --- the configuration file

my $wrong = $cluster->refused("ALTER SYSTEM SET ecapi.default_country = 'Deutschland'", 'a default country by name');
like($wrong, qr/is not a two-letter country code of ISO 3166-1/, 'and the reason');
$cluster->stop;
$cluster->append_conf('postgresql.conf', "ecapi.default_country = 'us'\n");
$cluster->start;
is($cluster->sql('SHOW ecapi.default_country'), 'DE', 'it outlives a restart');
is(counts('true'), '', 'the counts do not');

# --- without the library preloaded

my $bare = EcapiCluster->create(name => 'bare', preload => 0);

$bare->sql("SET client_min_messages = error; SELECT ecapi_emit('login', source => 'fax')");
is($bare->sql('SELECT count(*) FROM ecapi.left_out'), 0, 'not preloaded, nothing is counted');
is($bare->sql("SELECT ecapi.normalize('user_data.phone_numbers', '0711 123456', 'DE')"), '+49711123456',
	'and normalizing works');

$bare->stop;
$cluster->stop;
$receiver->stop;
done_testing();
