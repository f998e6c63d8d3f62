# HTTPS: a destination speaks only to whom it can verify, and says why not.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $credentials = PostgreSQL::Test::Utils::tempdir();
EcapiReceiver->make_certs($credentials);
my $right = EcapiReceiver->start(https => $credentials);
my $other_name = EcapiReceiver->start(https => $credentials, certificate => 'wrong');
my $node = ecapi_node('main', credentials => $credentials);

sub error_of
{
	my ($destination) = @_;

	return rows($node,
		"SELECT last_error FROM ecapi.destination WHERE destination = '$destination'");
}

# Our own authority is known to one destination only.
create_destination($node, 'verified', $right->https_url('/ok'), options => "ca_file 'ca.pem'");
create_destination($node, 'by_address', $right->https_url('/ok', '127.0.0.1'),
	options => "ca_file 'ca.pem'");
create_destination($node, 'other_name', $other_name->https_url('/wrong'),
	options => "ca_file 'ca.pem'");
create_destination($node, 'other_authority', $right->https_url('/unknown'),
	options => "ca_file 'other-ca.pem'");
create_destination($node, 'no_authority', $right->https_url('/unknown'));
create_destination($node, 'no_file', $right->https_url('/unknown'),
	options => "ca_file 'absent.pem'");
create_destination($node, 'not_tls', "https://localhost:" . $right->port . '/unknown',
	options => "ca_file 'ca.pem'");
emit($node, 'a', 3);

wait_received($right, 'a', 3);
wait_delivered($node, 'verified');
wait_delivered($node, 'by_address');
is_deeply([ values %{ ids_received($right, 'a') } ], [ 2, 2, 2 ],
	'each event came once for each of two destinations');
my %paths = map { $_->{path} => 1 } $right->requests;
is_deeply([ sort keys %paths ], ['/ok'], 'no request came from one that could not verify');
is((grep { $_->{scheme} ne 'https' } $right->requests), 0, 'all came over HTTPS');

for my $name (qw(other_name other_authority no_authority no_file not_tls))
{
	wait_sql($node, "$name has failed", "SELECT last_error IS NOT NULL AND"
		  . " state IN ('waiting', 'stopped') AND backlog = 3 AND delivered = 0"
		  . " FROM ecapi.destination WHERE destination = '$name'");
}
# Nothing of ours has changed for this one, so it need not wait.
wait_state($node, 'no_authority', 'stopped');
like(error_of('other_name'), qr/certificate|host ?name/i, 'a certificate for another host: said so');
like(error_of('other_authority'), qr/certificate/i, 'an unknown authority: said so');
like(error_of('no_authority'), qr/certificate/i, 'no authority of ours among the usual ones: said so');
like(error_of('no_file'), qr/absent\.pem/, 'a missing file: named');
like(error_of('not_tls'), qr/\S/, 'a server that does not speak TLS: ' . error_of('not_tls'));
is(scalar($other_name->requests), 0, 'the wrong host got no request');
%paths = map { $_->{path} => 1 } $right->requests;
is_deeply([ sort keys %paths ], ['/ok'], 'still nothing was sent to one that was not verified');

# The cause can be fixed without losing anything.
rows($node, "ALTER SERVER other_authority OPTIONS (SET ca_file 'ca.pem')");
rows($node, "ALTER SERVER no_authority OPTIONS (ADD ca_file 'ca.pem')");
append_to_file("$credentials/absent.pem", slurp_file("$credentials/ca.pem"));
wait_delivered($node, $_) for qw(other_authority no_authority no_file);
is(rows($node, "SELECT sum(delivered) FROM ecapi.destination"), 15, 'all five delivered all');

# Plain HTTP leaves this machine for nobody.
for my $host ('example.com', '192.0.2.1', '[2001:db8::1]', 'localhost.example.com',
	'127.0.0.1.example.com', '0.0.0.0')
{
	like(refused($node, "CREATE SERVER plain FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://$host/in')",
			name => "plain HTTP to $host"),
		qr/invalid value for option "url".*without encryption/is, 'the message says why');
}
for my $host ('127.0.0.1', 'localhost', '[::1]')
{
	rows($node, "CREATE SERVER plain FOREIGN DATA WRAPPER ecapi OPTIONS (url 'http://$host:9/in', mode 'shadow');"
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
		rename "$credentials/rotated.new", "$credentials/rotated.pem" or die "rename: $!";
	};
	my $restart = sub {
		$receiver->stop;
		$receiver->{options}{https} = $_[0];
		$receiver->start_again;
	};
	my $passes = sub {
		my ($prefix, $what) = @_;

		emit($node, $prefix, 2);
		wait_delivered($node, 'rotated');
		wait_received($receiver, $prefix, 2);
		pass($what);
	};

	$trust->($ca{old});
	create_destination($node, 'rotated', $receiver->https_url('/rotated'), options => "ca_file 'rotated.pem'");
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
	emit($node, 'r4', 2);
	wait_sql($node, 'it waits', "SELECT state = 'waiting' AND last_error ~ 'certificate'"
		  . " FROM ecapi.destination WHERE destination = 'rotated'");
	rows($node, "SELECT ecapi.resume('rotated')");
	wait_sql($node, 'it is tried again after the resume', "SELECT count(*) > 1 FROM ecapi.request"
		  . " WHERE destination = 'rotated' AND outcome = 'stopped'");
	wait_sql($node, 'it waits again', "SELECT state = 'waiting' FROM ecapi.destination WHERE destination = 'rotated'");
	$trust->($ca{old});
	wait_delivered($node, 'rotated');
	wait_received($receiver, 'r4', 2);
	unlike(log_text($node), qr/"rotated" is stopped/, 'it never stopped');
};

# HTTP/2, where a proxy that speaks it is at hand: the receiver does not.
subtest 'HTTP/2' => sub {
	my ($proxy) = grep { -x } map { "$_/nghttpx" } split(/:/, $ENV{PATH}), '/usr/sbin';

	plan skip_all => 'nghttpx (package nghttp2-proxy) is not installed' unless defined $proxy;

	my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
	my $port = $free->sockport;
	my $log = "$credentials/access.log";

	close $free;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open(STDERR, '>', "$credentials/proxy.log");
		exec { $proxy } $proxy, '--conf=/dev/null', '--workers=1', "--frontend=127.0.0.1,$port",
		  '--backend=127.0.0.1,' . $right->port, "--accesslog-file=$log",
		  '--accesslog-format=$request', "$credentials/server.key", "$credentials/server.pem"
		  or POSIX::_exit(127);
	}
	create_destination($node, 'second', "https://localhost:$port/h2", options => "ca_file 'ca.pem'");
	emit($node, 'b', 5);
	eval {
		$right->wait_for(sub { grep { $_->{path} eq '/h2' } $_->requests }, 'a request by HTTP/2');
		wait_delivered($node, 'second');
	};
	my $error = $@;
	kill 'TERM', $pid;
	waitpid($pid, 0);
	is($error, '', 'delivered through a proxy that speaks HTTP/2');
	like(-e $log ? slurp_file($log) : '', qr{^POST \S*/h2 HTTP/2}m, 'by HTTP/2');
};

$node->stop;
done_testing();
