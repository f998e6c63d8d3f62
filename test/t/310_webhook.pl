# Webhooks, from a commit to a receiver that checks each signature by itself.
#
# A receiver of Standard Webhooks refuses what is signed by another key, what was signed
# minutes ago, and an id that comes again with another body.  A key is changed without a
# request that is refused, and one that is wrong costs no event.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids literal);
use EcapiReceiver;
use EcapiWait qw(wait_until);
use JSON::PP;
use Test::More;

my $old = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $new = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX';
my $receiver = EcapiReceiver->start(args => [ '--webhook-secret', $old ]);
my $cluster = EcapiCluster->create;

sub destination
{
	my ($name, $path, %options) = @_;

	$cluster->destination($name, $receiver->url($path), { format => 'webhook', %options });
	$cluster->sql("CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS (secret_file 'hook.key')");
	return;
}

$cluster->write_credential('hook.key', "$old\n");

# --- one event a request, signed; an id with a full stop is none of the header's
destination('one', '/one/webhook');
$cluster->sql("SELECT ecapi_emit('purchase', id => 'shop.orders:7:purchase', value => 5, currency_code => 'EUR')");
$cluster->sql("SELECT ecapi_emit('login', id => 'login-' || i) FROM generate_series(1, 5) i");
$cluster->wait_row('one', 'backlog = 0');
is(scalar($receiver->records_at('/one/webhook')), 6, 'each event is one record');
is(scalar($receiver->requests_at('/one/webhook')), 6, 'in a request of its own');
ok((grep { $_->{id} eq 'shop.orders:7:purchase' } $receiver->records_at('/one/webhook')),
	'an id with a full stop arrives');
is($receiver->platforms->{webhook}->{refused}, 0, 'each was signed well');

# --- several a request: the id is that of the request
destination('many', '/many/first=1/status=503/webhook', batch_size => 10);
$cluster->sql("SELECT ecapi_emit('login', id => 'many-' || i) FROM generate_series(1, 20) i");
$cluster->wait_row('many', 'backlog = 0');
my $counts = $receiver->platforms->{webhook};
is($counts->{conflicts}, 0, 'an id never came again with another body');

# --- a key that the receiver does not know: no event is blamed, and none is lost
$cluster->write_credential('hook.key', "$new\n");
$cluster->sql("SELECT ecapi_emit('login', id => 'after-' || i) FROM generate_series(1, 5) i");
$cluster->wait_row('one', "state IN ('waiting', 'stopped') AND detail LIKE 'HTTP status 401%'");
is($cluster->sql("SELECT count(*) FROM ecapi.failed_event"), '0', 'a refused signature is no event\'s fault');

# --- the old one and the new one: both sign
$cluster->write_credential('hook.key', "$new $old\n");
$cluster->wait_row('one', 'backlog = 0');
is((grep { $_->{id} =~ /^after-/ } $receiver->records_at('/one/webhook')), 5, 'they arrive by the key that it knows');

# --- no more
destination('gone', '/gone/status=410/webhook');
$cluster->sql("SELECT ecapi_emit('login', id => 'gone')");
$cluster->wait_row('gone', "state = 'stopped' AND detail LIKE 'HTTP status 410: %'");
is($cluster->sql("SELECT count(*) FROM ecapi.failed_event"), '0', 'what it did not want is kept');

# --- what is shown of it: no key, no signature
my $shown = $cluster->sql("SELECT preview::text FROM ecapi.preview('one', 'shop.orders:7:purchase')");

like($shown, qr/webhook-signature: v1,\*\*\*/, 'a preview shows where the signature stands');
unlike($shown, qr/whsec_|v1,[A-Za-z0-9]/, 'but neither it nor the key');
my $log = $cluster->log_text;
unlike($log, qr/\Q$_\E/, 'a key is not in the log') for $old, $new, substr($old, 6), substr($new, 6);

# --- what is no key is said when it can be known, and quoted nowhere
for my $wrong ('hunter22', 'whsec_short', "$old,$new")
{
	my ($status, undef, $error) = $cluster->try_sql("ALTER USER MAPPING FOR PUBLIC SERVER gone OPTIONS (ADD secret " . literal($wrong) . ', DROP secret_file)');

	isnt($status, 0, 'no key');
	like($error, qr/invalid value for option "secret"/, 'the option is named');
	unlike($error, qr/ERROR.*\Q$wrong\E/, 'its value is not');
}
$cluster->write_credential('hook.key', "nonsense\n");
$cluster->sql("SELECT ecapi_emit('login', id => 'held')");
$cluster->wait_row('one', qq{state = 'waiting' AND detail LIKE 'file "hook.key" cannot be used: A key is %'});
$cluster->write_credential('hook.key', "$old\n");
$cluster->wait_row('one', 'backlog = 0');

# --- without a key at all
$cluster->destination('bare', $receiver->url('/bare/webhook'), { format => 'webhook' });
$cluster->sql("SELECT ecapi_emit('login', id => 'bare')");
$cluster->wait_row('bare', qq{state = 'waiting' AND detail = 'the user mapping has no option "secret_file"'});

$cluster->stop;
$receiver->stop;
done_testing();
