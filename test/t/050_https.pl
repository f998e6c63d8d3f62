# HTTPS: a destination sends only to a receiver that it can verify, and says why not.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;

my $credentials = PostgreSQL::Test::Utils::tempdir();
EcapiReceiver->make_certs($credentials);
my $right = EcapiReceiver->start(https => $credentials);
my $other_name = EcapiReceiver->start(https => $credentials, certificate => 'wrong');
my $cluster = EcapiCluster->create(credentials => $credentials);

sub error_of
{
	my ($destination) = @_;

	return $cluster->sql("SELECT last_error FROM ecapi.destination WHERE destination = '$destination'");
}

# Our own authority is known to one destination only.
$cluster->destination('verified', $right->https_url('/ok'), { ca_file => 'ca.pem' });
$cluster->destination('by_address', $right->https_url('/ok', '127.0.0.1'), { ca_file => 'ca.pem' });
$cluster->destination('other_name', $other_name->https_url('/wrong'), { ca_file => 'ca.pem' });
$cluster->destination('other_authority', $right->https_url('/unknown'), { ca_file => 'other-ca.pem' });
$cluster->destination('no_authority', $right->https_url('/unknown'));
$cluster->destination('no_file', $right->https_url('/unknown'), { ca_file => 'absent.pem' });
$cluster->destination('not_tls', "https://localhost:" . $right->port . '/unknown', { ca_file => 'ca.pem' });
$cluster->delivers($right, 'verified', 'a', 3);
$cluster->drained('by_address');
is_deeply([ values %{ $right->ids_received('a') } ], [ 2, 2, 2 ],
	'each event came once for each of two destinations');
my %paths = map { $_->{path} => 1 } $right->requests;
is_deeply([ sort keys %paths ], ['/ok'], 'no request came from one that could not verify');
is((grep { $_->{scheme} ne 'https' } $right->requests), 0, 'all came over HTTPS');

for my $name (qw(other_name other_authority no_authority no_file not_tls))
{
	$cluster->wait_sql("SELECT last_error IS NOT NULL AND"
		  . " state IN ('waiting', 'stopped') AND backlog = 3 AND delivered = 0"
		  . " FROM ecapi.destination WHERE destination = '$name'", "$name has failed");
}
# Nothing of ours has changed for this one, so it need not wait.
$cluster->wait_state('no_authority', 'stopped');
like(error_of('other_name'), qr/certificate|host ?name/i, 'a certificate for another host: said so');
like(error_of('other_authority'), qr/certificate/i, 'an unknown authority: said so');
like(error_of('no_authority'), qr/certificate/i, 'no authority of ours among the usual ones: said so');
like(error_of('no_file'), qr/absent\.pem/, 'a missing file: named');
like(error_of('not_tls'), qr/\S/, 'a server that does not speak TLS: ' . error_of('not_tls'));
is(scalar($other_name->requests), 0, 'the wrong host got no request');
%paths = map { $_->{path} => 1 } $right->requests;
is_deeply([ sort keys %paths ], ['/ok'], 'still nothing was sent to one that was not verified');

# The cause can be fixed without losing anything.
$cluster->sql("ALTER SERVER other_authority OPTIONS (SET ca_file 'ca.pem')");
$cluster->sql("ALTER SERVER no_authority OPTIONS (ADD ca_file 'ca.pem')");
append_to_file("$credentials/absent.pem", slurp_file("$credentials/ca.pem"));
$cluster->drained(qw(other_authority no_authority no_file));
is($cluster->sql("SELECT sum(delivered) FROM ecapi.destination"), 15, 'all five delivered all');

# Plain HTTP never leaves this machine.
for my $host ('example.com', '192.0.2.1', '[2001:db8::1]', 'localhost.example.com',
	'127.0.0.1.example.com', '0.0.0.0')
{
	like($cluster->refused("CREATE SERVER plain FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://$host/in')", "plain HTTP to $host"),
		qr/invalid value for option "url".*without encryption/is, 'the message says why');
}
for my $host ('127.0.0.1', 'localhost', '[::1]')
{
	$cluster->sql("CREATE SERVER plain FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://$host:9/in', mode 'shadow');"
		  . "DROP SERVER plain");
}

# Authorities change in the careful order: both, then the receiver's certificate, then
# the new one alone.  Each step makes new connections; none stops the destination.
subtest 'another authority' => sub {
	my $new = EcapiReceiver->make_certs(PostgreSQL::Test::Utils::tempdir());
	my %ca = (old => slurp_file("$credentials/ca.pem"), new => slurp_file("$new/ca.pem"));
	my $receiver = EcapiReceiver->start(https => $credentials);
	my $trust = sub {
		my ($content) = @_;

		append_to_file("$credentials/rotated.new", $content);
		# by our clock, not that of the file system
		utime(time, time, "$credentials/rotated.new") or die "utime: $!";
		rename "$credentials/rotated.new", "$credentials/rotated.pem" or die "rename: $!";
	};
	my $restart = sub {
		$receiver->stop;
		$receiver->{options}{https} = $_[0];
		$receiver->start_again;
	};
	my $passes = sub {
		my ($prefix, $what) = @_;

		$cluster->emit("$prefix-", 1, 2);
		$cluster->drained('rotated');
		$receiver->wait_received($prefix, 2);
		pass($what);
	};

	$trust->($ca{old});
	$cluster->destination('rotated', $receiver->https_url('/rotated'), { ca_file => 'rotated.pem' });
	$passes->('r1', 'the old authority');
	$trust->($ca{old} . $ca{new});
	$restart->($new);
	$passes->('r2', 'both, and the new certificate');
	$trust->($ca{new});
	$restart->($new);
	$passes->('r3', 'the new authority alone');

	# the hasty order: the receiver first, the file a while later
	$trust->($ca{new});
	$restart->($credentials);
	$cluster->emit('r4-', 1, 2);
	$cluster->wait_sql("SELECT state = 'waiting' AND last_error ~ 'certificate'"
		  . " FROM ecapi.destination WHERE destination = 'rotated'", 'it waits');
	$cluster->resume('rotated');
	$cluster->wait_sql("SELECT count(*) > 1 FROM ecapi.request"
		  . " WHERE destination = 'rotated' AND outcome = 'stopped'", 'it is tried again after the resume');
	$cluster->wait_sql("SELECT state = 'waiting' FROM ecapi.destination WHERE destination = 'rotated'", 'it waits again');
	$trust->($ca{old});
	$cluster->drained('rotated');
	$receiver->wait_received('r4', 2);
	unlike($cluster->log_text, qr/"rotated" is stopped/, 'it never stopped');
};

# HTTP/2, where a proxy that speaks it is at hand: the receiver does not.
subtest 'HTTP/2' => sub {
	my ($proxy) = grep { -x } map { "$_/nghttpx" } split(/:/, $ENV{PATH}), '/usr/sbin';

	plan skip_all => 'nghttpx (package nghttp2-proxy) is not installed' unless defined $proxy;

	my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
	my $port = $free->sockport;
	my $log = "$credentials/access.log";

	close $free;
	my $pid = $cluster->background([ $proxy, '--conf=/dev/null', '--workers=1', "--frontend=127.0.0.1,$port",
			'--backend=127.0.0.1,' . $right->port, "--accesslog-file=$log",
			'--accesslog-format=$request', "$credentials/server.key", "$credentials/server.pem" ],
		"$credentials/proxy.log");
	$cluster->destination('second', "https://localhost:$port/h2", { ca_file => 'ca.pem' });
	$cluster->emit('b-', 1, 5);
	eval {
		$right->wait_for(sub { grep { $_->{path} eq '/h2' } $_->requests }, 'a request by HTTP/2');
		$cluster->drained('second');
	};
	my $error = $@;
	$cluster->end_background($pid);
	is($error, '', 'delivered through a proxy that speaks HTTP/2');
	like(-e $log ? slurp_file($log) : '', qr{^POST \S*/h2 HTTP/2}m, 'by HTTP/2');
};

$cluster->stop;
done_testing();
