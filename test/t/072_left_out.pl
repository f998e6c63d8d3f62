# Values that are left out of events, when they are emitted and when they are
# sent: that the rest arrives, and that each is counted once for what it is,
# whatever becomes of the request; and ecapi.default_country, which makes
# telephone numbers of those that would be left out for want of a country.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiNode;
use EcapiReceiver;
use JSON::PP;
use Test::More;

my $receiver = EcapiReceiver->start;
my $node = ecapi_node('main');

sub counts
{
	my ($where, %options) = @_;

	return rows($node, "SELECT path, reason, count FROM ecapi.left_out WHERE $where", %options);
}

# Login events with these telephone numbers; returns their number.
sub emit_phones
{
	my ($prefix, @phones) = @_;
	my $n = 0;

	rows($node, join('', map {
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

create_destination($node, 'steady', $receiver->url('/steady'));
create_destination($node, 'shaky', $receiver->url('/shaky/first=2/status=503'));
emit_phones('a', '0711 123456', '+49 711 123456', 'call me', '0711 654321');
wait_delivered($node, $_) for qw(steady shaky);

is(counts('true ORDER BY reason'),
	"user_data.phone_numbers|country_unknown|4\nuser_data.phone_numbers|no_certain_form|2",
	'two of the numbers lack a country, one is none: at each of two destinations');
is_deeply(phones_received('a-1'), [], 'a number without a country is not sent');
is_deeply(phones_received('a-2'), [ sha256_hex('+49711123456') ], 'one that has its country is');
is_deeply([ map { $_->{user_data}{email_address}[0] }
		map { JSON::PP->new->utf8->decode($_) } $receiver->events ],
	[ (sha256_hex('ann@example.com')) x 8 ], 'the rest of the events arrived');

# --- when it is emitted; rolled back or not

rows($node, "SET client_min_messages = error; BEGIN; SELECT ecapi_emit('login', source => 'fax'); ROLLBACK;"
	  . "SELECT ecapi_emit('login', source => 'fax')");
is(counts("path = 'source'"), 'source|invalid_value|2', 'counted when it is emitted');

# --- with a default country

rows($node, "ALTER SYSTEM SET ecapi.default_country = 'DE'");
$node->reload;
wait_sql($node, 'sessions have the setting',
	"SELECT ecapi.normalize('user_data.phone_numbers', '0711 123456') IS NOT DISTINCT FROM '+49711123456'");

# The worker takes it up by itself, soon: of many events, one is the first.
my $before = counts("reason = 'country_unknown'") =~ s/.*\|//r;
my $tries = 0;
my $digest = sha256_hex('+49711123456');

for (;;)
{
	my $id = 'b' . ++$tries;

	emit_phones($id, '0711 123456');
	wait_received($receiver, $id, 1);
	last if @{ phones_received("$id-1") };
	die "the worker does not take up the setting\n" if $tries > 1000;
}
is_deeply(phones_received("b$tries-1"), [$digest], 'the worker hashes with the calling code');
emit_phones('c', '0711 123456');
wait_delivered($node, $_) for qw(steady shaky);
is_deeply(phones_received('c-1'), [$digest], 'and goes on so');
is(rows($node, "SELECT ecapi.digest('user_data.phone_numbers', '0711 123456')"), $digest,
	'ecapi.digest() shows what is sent');
is(rows($node, "SELECT count(*) FROM ecapi.validate('{\"event_type\": \"login\", \"user_data\": {\"phone_numbers\": \"0711 1\"}}')"
		. " WHERE code = 'country_unknown'"),
	0, 'ecapi.validate() knows of it');

# --- each database by itself, and from zero

rows($node, 'CREATE DATABASE other');
rows($node, 'CREATE EXTENSION ecapi', database => 'other');
is(counts('true', database => 'other'), '', 'another database has lost nothing');
# it has a place to count in once it has a worker, which a destination brings
create_destination($node, 'shadow', $receiver->url('/shadow'), options => "mode 'shadow'", database => 'other');
wait_sql($node, 'the other database has a worker', "SELECT state = 'running' FROM ecapi.worker()",
	database => 'other');
rows($node, "SET client_min_messages = error; SELECT ecapi_emit('login', source => 'fax')", database => 'other');
is(counts('true', database => 'other'), 'source|invalid_value|1', 'but its own');
is(counts("path = 'source'"), 'source|invalid_value|2', 'which is not counted here');
rows($node, 'DROP DATABASE other');
rows($node, 'CREATE DATABASE other');
rows($node, 'CREATE EXTENSION ecapi', database => 'other');
is(counts('true', database => 'other'), '', 'a new database begins at zero');

# --- the configuration file

my $wrong = refused($node, "ALTER SYSTEM SET ecapi.default_country = 'Deutschland'",
	name => 'a default country by name');
like($wrong, qr/is not a two-letter country code of ISO 3166-1/, 'and the reason');
$node->stop;
$node->append_conf('postgresql.conf', "ecapi.default_country = 'us'\n");
$node->start;
is(rows($node, 'SHOW ecapi.default_country'), 'DE', 'it outlives a restart');
is(counts('true'), '', 'the counts do not');

# --- without the library preloaded

my $bare = ecapi_node('bare', preload => 0);

rows($bare, "SET client_min_messages = error; SELECT ecapi_emit('login', source => 'fax')");
is(rows($bare, 'SELECT count(*) FROM ecapi.left_out'), 0, 'not preloaded, nothing is counted');
is(rows($bare, "SELECT ecapi.normalize('user_data.phone_numbers', '0711 123456', 'DE')"), '+49711123456',
	'and normalizing works');

$bare->stop;
$node->stop;
$receiver->stop;
done_testing();
