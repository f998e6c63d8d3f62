# Kafka over TLS and SASL: what lets a producer in, what keeps it out and what is said of that,
# files that are replaced, a library that is missing, and that no secret is anywhere.
#
# The mock speaks neither TLS nor SASL; a front of test/kafka does, before each of its brokers.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiInstallation;
use EcapiKafka;
use EcapiReceiver;
use PostgreSQL::Test::Utils ();
use Test::More;

my $certs = EcapiReceiver->make_certs(PostgreSQL::Test::Utils::tempdir());
my $copy = EcapiInstallation->create;
my $cluster = EcapiCluster->create(install_path => $copy->path);
my @secrets = ('hunter-2-secret', 'wrong-password-4711', 'the-user');

sub content { return PostgreSQL::Test::Utils::slurp_file("$certs/$_[0]") }

# A client's certificate, of an authority that the front asks for.
system('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', "$certs/client.key",
	'-out', "$certs/client.pem", '-days', '30', '-subj', '/CN=producer', '-passout', 'pass:key-password-99') == 0
  or die 'openssl';
push @secrets, 'key-password-99', grep { /^[A-Za-z0-9+\/=]{20,}$/ } split /\n/, content('client.key');

$cluster->write_credential('ca.pem', content('ca.pem'));
$cluster->write_credential('other-ca.pem', content('other-ca.pem'));
$cluster->write_credential('user', "the-user\n");
$cluster->write_credential('password', "hunter-2-secret\n");
$cluster->write_credential('client.pem', content('client.pem'));
$cluster->write_credential('client.key', content('client.key'));
$cluster->write_credential('key.password', "key-password-99\n");

my @tls = ('-c', "$certs/server.pem", '-k', "$certs/server.key");
my @login = ('-u', 'the-user', '-w', 'hunter-2-secret');
my $open = EcapiKafka->start(args => [ @tls ]);
my $mutual = EcapiKafka->start(args => [ @tls, '-a', "$certs/client.pem" ]);
my $named = EcapiKafka->start(args => [ '-c', "$certs/wrong.pem", '-k', "$certs/wrong.key" ]);
my $sasl = EcapiKafka->start(args => [ @tls, '-m', 'PLAIN', @login ]);
my $scram = EcapiKafka->start(args => [ '-m', 'SCRAM-SHA-512', @login ]);

sub destination
{
	my ($name, $kafka, $options, $mapping) = @_;

	$cluster->destination($name, undef, { format => 'kafka', bootstrap_servers => $kafka->bootstrap =~ s/127\.0\.0\.1/localhost/gr,
			topic => $name, route => $name, timeout => '4s', ca_file => 'ca.pem', %{ $options // {} } }, $mapping);
	$cluster->sql("SELECT ecapi_emit('login', id => '$name-1', ext => '{\"route\": \"$name\"}')");
	return;
}

sub ids_of { return join ' ', sort map { $_->{headers}{id} } $_[0]->messages($_[1]) }

# --- TLS
destination('tls', $open);
$cluster->drained('tls');
is(ids_of($open, 'tls'), 'tls-1', 'TLS, a broker whose authority is in ca_file');
destination('untrusted', $open, { ca_file => 'other-ca.pem' });
$cluster->stopped('untrusted', '%_SSL%set ca_file%');
$cluster->write_credential('other-ca.pem', content('ca.pem'));
$cluster->drained('untrusted');
is(ids_of($open, 'untrusted'), 'untrusted-1', 'another authority: it stops, and goes on when the file is replaced');
destination('name', $named);
$cluster->stopped('name', '%_SSL%not of its name%');
is($cluster->row('name')->{backlog}, 1, 'a certificate of another name: it stops, the event is kept');

# --- certificates of clients
destination('client', $mutual, {}, { ssl_certificate_file => 'client.pem', ssl_key_file => 'client.key', ssl_key_password_file => 'key.password' });
$cluster->drained('client');
is(ids_of($mutual, 'client'), 'client-1', 'by a certificate, its key and the password of that');
destination('keyless', $mutual, {}, { ssl_certificate_file => 'client.pem' });
$cluster->wait_state('keyless', 'waiting', 'set ssl_certificate_file and ssl_key_file');
destination('locked', $mutual, {}, { ssl_certificate_file => 'client.pem', ssl_key_file => 'client.key', ssl_key_password => 'wrong-password-4711' });
$cluster->wait_state('locked', 'waiting', 'the private key cannot be used');
$cluster->write_credential('client.text', "no certificate\n");
destination('text', $mutual, {}, { ssl_certificate_file => 'client.text', ssl_key_file => 'client.key' });
$cluster->wait_state('text', 'waiting', 'not in the form PEM');
ok(1, 'certificates that cannot be used are named');

# --- SASL
my %sasl = (security_protocol => 'sasl_ssl', sasl_mechanism => 'PLAIN');
my %login = (sasl_username_file => 'user', sasl_password_file => 'password');
destination('sasl', $sasl, \%sasl, \%login);
$cluster->drained('sasl');
is(ids_of($sasl, 'sasl'), 'sasl-1', 'by name and password');
destination('refused', $sasl, \%sasl, { sasl_username => 'the-user', sasl_password => 'wrong-password-4711' });
$cluster->stopped('refused', '%(_AUTHENTICATION)%check sasl_username and sasl_password%');
$cluster->sql('ALTER USER MAPPING FOR PUBLIC SERVER refused OPTIONS (DROP sasl_password, ADD sasl_password_file \'password\')');
$cluster->drained('refused');
is(ids_of($sasl, 'refused'), 'refused-1', 'a wrong password: it stops, and goes on with the right one');
destination('anonymous', $sasl, \%sasl);
$cluster->wait_state('anonymous', 'waiting', 'set sasl_username_file and sasl_password_file');

# --- brokers that close in the middle of a handshake, as those that restart do
for ([ tls => $open ], [ sasl => $sasl, \%sasl, \%login ])
{
	my ($where, $kafka, @how) = @$_;

	$kafka->command("break $where");
	destination("broken_$where", $kafka, @how);
	$cluster->wait_row("broken_$where", "state = 'waiting' AND detail LIKE '%the connections say %'");
	$kafka->command('break none');
	$cluster->drained("broken_$where");
	is(ids_of($kafka, "broken_$where"), "broken_$where-1", "closed in the handshake of $where: it waits, and delivers by itself");
}

# --- a mechanism that the brokers do not have
destination('mechanism', $scram, { security_protocol => 'sasl_plaintext', sasl_mechanism => 'SCRAM-SHA-256' }, \%login);
$cluster->stopped('mechanism', '%(UNSUPPORTED_SASL_MECHANISM)%set the option sasl_mechanism to one that the brokers have%');
is($cluster->row('mechanism')->{backlog}, 1, 'an unknown SASL mechanism: it stops, says what to do, and keeps the event');
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), '0', 'nothing failed');

# --- an option of another library, by way of a header
$cluster->sql(q{CREATE USER MAPPING FOR PUBLIC SERVER tls OPTIONS (header 'plugin.library.paths: /tmp/x.so', access_token 'hunter-2-secret')});
$cluster->sql(q{SELECT ecapi_emit('login', id => 'tls-2', ext => '{"route": "tls"}')});
$cluster->drained('tls');
is(ids_of($open, 'tls'), 'tls-1 tls-2', 'a header is no setting');
my $settings = $cluster->sql(q{SELECT headers FROM ecapi.preview('sasl', event => jsonb_build_object('event_type', 'login', 'id', 'e', 'timestamp', extract(epoch FROM now())::bigint, 'ext', '{"route": "sasl"}'::jsonb))});
like($settings, qr/^sasl\.password: \*\*\*$/m, 'a preview shows that there is a password');

# --- no secret anywhere
my $views = $cluster->sql('SELECT d::text FROM ecapi.destination d') . $cluster->sql('SELECT r::text FROM ecapi.request r') . $settings
  . $cluster->sql('SELECT a::text FROM pg_stat_activity a') . $cluster->sql('SELECT * FROM ecapi.metrics()');
my $log = $cluster->log_text;
unlike($log, qr/\Q$_\E/, 'a secret is not in the log') for @secrets;
unlike($views, qr/\Q$_\E/, 'nor in views') for @secrets;

# --- without the library
my $library = $copy->pkglibdir . '/ecapi_kafka.so';
rename $library, "$library.away" or die "rename: $!";
$cluster->restart_worker;
$cluster->sql(q{SELECT ecapi_emit('login', id => 'tls-3', ext => '{"route": "tls"}')});
$cluster->stopped('tls', '%the library ecapi_kafka.so is not installed: install the package postgresql-%-ecapi-kafka%');
rename "$library.away", $library or die "rename: $!";
$cluster->resume('tls');
$cluster->drained('tls');
is(ids_of($open, 'tls'), 'tls-1 tls-2 tls-3', 'a library that is installed later is used');

$cluster->stop;
$_->stop for $open, $mutual, $named, $sasl, $scram;
done_testing();
