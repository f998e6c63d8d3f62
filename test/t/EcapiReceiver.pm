# EcapiReceiver: run test/receiver/receiver from a TAP test and read what it got.
#
#   my $receiver = EcapiReceiver->start;                    # HTTP on a free port
#   my $url = $receiver->url('/x/status=503/first=2');      # misbehave.h has them all
#   $receiver->wait_for(sub { $_->stats->{distinct} >= 100 }, '100 events');
#   my @records = $receiver->records;                       # hashes, one a record
#   $receiver->stop;
#
# Platforms (platform.h has their segments) are told by the end of a path:
#
#   my $meta = $receiver->url('/shop/fault=throttled/first=1/v26.0/1234567890/events');
#   my $google = $receiver->url('/shop/processing=2/v1/events:ingest');
#   my @bodies = $receiver->accepted_bodies('google');      # whole requests, decoded
#
# The receiver is stopped by the process id that started it: by stop(), when the
# test ends, or, were the test killed, by the end of its standard input.  The
# binary must have been built; ECAPI_RECEIVER names another one.
#
# Core Perl only.
package EcapiReceiver;

use strict;
use warnings;

use Cwd qw(abs_path);
use EcapiWait qw(wait_until);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use JSON::PP ();
use POSIX ();
use Test::More ();

my $source = dirname(abs_path(__FILE__)) . '/../receiver';
my @started;

my @RECORD_COLUMNS = qw(time_us data_set_id id event_type value currency_code
  verdict path serial index merged hash);
my @REQUEST_COLUMNS = qw(time_us serial connection scheme version method path
  status events bytes authorization headers);
my @BODY_COLUMNS = qw(time_us serial platform path query status headers body
  answer reason);

# The path of the binary.
sub binary
{
	return $ENV{ECAPI_RECEIVER} // "$source/receiver";
}

# Make certificates in a directory (see certs.sh); returns the directory.
sub make_certs
{
	my ($class, $dir) = @_;

	system("$source/certs.sh", $dir) == 0 or die "could not make certificates";
	return $dir;
}

# Start a receiver and wait until it serves.  Options, all optional:
#   https => DIR        also serve HTTPS, with the certificates of make_certs
#   certificate => NAME in that directory: "server" (default) or "wrong"
#   http => 0           do not serve HTTP (with https only)
#   port, https_port    instead of free ones
#   dir => DIR          where its files go (default: a directory of its own,
#                       removed at the end)
#   files => 0          write no files; [...]: these of out, events, requests, bodies
#   args => [...]       further arguments
sub start
{
	my ($class, %options) = @_;
	my $self = bless {
		options => \%options,
		dir => $options{dir} // tempdir(CLEANUP => 1),
		owner => $$,
	}, $class;

	$self->_launch;
	push @started, $self;
	return $self;
}

# Start again after stop(), on the same ports and with the same files.
sub start_again
{
	my ($self) = @_;

	die "receiver is running" if defined $self->{pid};
	$self->{options}{port} = $self->{port};
	$self->{options}{https_port} = $self->{https_port};
	$self->_launch;
	return $self;
}

sub _arguments
{
	my ($self) = @_;
	my %o = %{ $self->{options} };
	my @args = ('--until-eof');

	push @args, '--http' if $o{http} // 1;
	push @args, '--port', $o{port} if $o{port};
	push @args, '--https-port', $o{https_port} if $o{https_port};
	if ($o{https})
	{
		my $pair = "$o{https}/" . ($o{certificate} // 'server');
		push @args, '--https', '--cert', "$pair.pem", '--key', "$pair.key";
	}
	if (my $files = $o{files} // 1)
	{
		push @args, map { ("--$_", $self->file($_)) } ref $files ? @$files : qw(out events requests bodies);
	}
	return (@args, @{ $o{args} // [] });
}

sub _launch
{
	my ($self) = @_;

	die "no receiver: run make in test/receiver\n" unless -x binary();
	pipe(my $child_in, my $stdin) or die "pipe: $!";
	pipe(my $stdout, my $child_out) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open(STDIN, '<&', $child_in) or POSIX::_exit(127);
		open(STDOUT, '>&', $child_out) or POSIX::_exit(127);
		exec { binary() } binary(), $self->_arguments or POSIX::_exit(127);
	}
	close $child_in;
	close $child_out;
	@$self{qw(pid stdin port https_port)} = ($pid, $stdin, undef, undef);
	while (my $line = <$stdout>)
	{
		$self->{port} = $1 if $line =~ /^http (\d+)$/;
		$self->{https_port} = $1 if $line =~ /^https (\d+)$/;
		return if $line eq "ready\n";
	}
	$self->stop;
	die "the receiver did not start\n";
}

# End it, by TERM or the signal named; returns its wait status, or undef when
# it was not running.  Files stay.
sub stop
{
	my ($self, $signal) = @_;
	my $pid = delete $self->{pid} // return;
	my $status;

	kill $signal // 'TERM', $pid;
	eval {
		wait_until(sub { waitpid($pid, POSIX::WNOHANG()) == $pid && defined($status = $?) }, 'the receiver has ended');
	} or do {
		kill 'KILL', $pid;
		waitpid($pid, 0);
		$status = $?;
	};
	close delete $self->{stdin};
	return $status;
}

# Close its standard input and wait for it to end; returns its wait status.
sub finish
{
	my ($self) = @_;
	my $pid = delete $self->{pid};

	close delete $self->{stdin};
	waitpid($pid, 0);
	return $?;
}

sub pid        { return $_[0]{pid} }
sub port       { return $_[0]{port} }
sub https_port { return $_[0]{https_port} }
sub dir        { return $_[0]{dir} }

# The file of that name: out, events, requests or bodies.
sub file { return "$_[0]{dir}/$_[1]" }

# http://127.0.0.1:PORT/path; the path starts with a slash.
sub url { return "http://127.0.0.1:$_[0]{port}" . ($_[1] // '/') }

# https://localhost:PORT/path, or with another host name.
sub https_url
{
	my ($self, $path, $host) = @_;

	return 'https://' . ($host // 'localhost') . ":$self->{https_port}" . ($path // '/');
}

sub _lines
{
	my ($self, $name) = @_;

	open(my $file, '<:raw', $self->file($name)) or return;
	my @lines = grep { /\n\z/ } <$file>;
	chomp @lines;
	return @lines;
}

my %UNESCAPED = (t => "\t", n => "\n", r => "\r", '\\' => '\\');

# One line of COPY text format as a hash; values are bytes, \N is undef.
sub _row
{
	my ($columns, $line) = @_;
	my %row;

	@row{@$columns} = map { $_ eq '\N' ? undef : s/\\(.)/$UNESCAPED{$1}/gr }
	  split /\t/, $line, -1;
	return \%row;
}

# Records so far, as hashes: time_us data_set_id id event_type value
# currency_code verdict path serial index merged hash.
sub records { return map { _row(\@RECORD_COLUMNS, $_) } $_[0]->_lines('out') }

# The same, one by one: a function is called with each.
sub each_record
{
	my ($self, $visit) = @_;

	open(my $file, '<:raw', $self->file('out')) or return;
	while (my $line = <$file>)
	{
		$visit->(_row(\@RECORD_COLUMNS, $line)) if chomp $line;
	}
	return;
}

# The same records as JSON texts, byte for byte.
sub events { return $_[0]->_lines('events') }

# Requests so far, as hashes: time_us serial connection scheme version method
# path status events bytes authorization headers.
sub requests { return map { _row(\@REQUEST_COLUMNS, $_) } $_[0]->_lines('requests') }

# Records and requests that came to a path.
sub records_at { return grep { $_->{path} eq $_[1] } $_[0]->records }
sub requests_at { return grep { $_->{path} eq $_[1] } $_[0]->requests }

# Requests to a platform so far, or to all, as hashes: time_us serial platform path
# query status headers body answer reason.  query and headers are hashes themselves,
# by name (of a header: in lower case); body and answer are bytes; reason is why the
# receiver refused, or undef.
sub bodies
{
	my ($self, $platform) = @_;
	my @rows = map { _row(\@BODY_COLUMNS, $_) } $self->_lines('bodies');

	@rows = grep { $_->{platform} eq $platform } @rows if defined $platform;
	for my $row (@rows)
	{
		$row->{query} = { map { split /=/, $_, 2 } split /\n/, $row->{query} };
		$row->{headers} = { map { split /: /, $_, 2 } split /\n/, $row->{headers} };
	}
	return @rows;
}

# The bodies of accepted requests to a platform, decoded.
sub accepted_bodies
{
	my ($self, $platform) = @_;

	return map { JSON::PP::decode_json($_->{body}) }
	  grep { $_->{status} =~ /^2/ && $_->{body} ne '' } $self->bodies($platform);
}

sub _control
{
	my ($self, $path) = @_;
	my $response;

	if (defined $self->{port})
	{
		$response = HTTP::Tiny->new(timeout => $EcapiWait::DEADLINE)->get($self->url($path));
		die "receiver: $path: $response->{status} $response->{content}"
		  unless $response->{success};
		return JSON::PP::decode_json($response->{content});
	}
	# core Perl speaks no TLS; curl does, and this is a loopback
	open(my $curl, '-|', 'curl', '-sk', $self->https_url($path)) or die "curl: $!";
	local $/;
	return JSON::PP::decode_json(<$curl>);
}

# Counts: requests records distinct repeats conflicts rejected last_reason.
sub stats { return $_[0]->_control('/stats') }

# How many requests so far were made to wait before their answer, or still are.
sub sleeps { return $_[0]->_control('/sleeps')->{sleeps} }

# What each platform got (platform.h): { meta => { requests => ..., ... }, ... }.
sub platforms { return $_[0]->_control('/platforms') }

# Move the platforms' clock by that number of seconds, from where it is.
sub clock { return $_[0]->_control("/clock/$_[1]") }

# No access token is good any more.
sub revoke { return $_[0]->_control('/revoke') }

# An access token of the endpoint at that path (default "/token"), for a client that
# --google-client names, or for any.
sub google_token
{
	my ($self, $path, $client) = @_;
	my ($id, $secret, $refresh) = split /:/, $client // 'id:secret:refresh', 3;
	my $answer = HTTP::Tiny->new->post_form($self->url($path // '/token'), {
		grant_type => 'refresh_token', client_id => $id, client_secret => $secret,
		refresh_token => $refresh });

	die "no token: $answer->{status} $answer->{content}" unless $answer->{success};
	return JSON::PP::decode_json($answer->{content})->{access_token};
}

# Forget everything; the files are emptied.
sub reset { return $_[0]->_control('/reset') }

# From now on demand this Authorization header; undef: demand none.
sub expect_auth
{
	my ($self, $value) = @_;

	return $self->_control('/expect-auth/'
		  . (($value // '') =~ s/([^A-Za-z0-9])/sprintf('%%%02X', ord $1)/ger));
}

# Wait until a condition holds; it is called with the receiver in $_.
sub wait_for
{
	my ($self, $condition, $what) = @_;

	return wait_until(sub { local $_ = $self; $condition->() }, $what // 'a condition holds',
		sub { 'receiver: ' . JSON::PP->new->canonical->encode($self->stats) });
}

# Ids that begin with "PREFIX-", or all, as a hash: id => how many times it came.
sub ids_received
{
	my ($self, $prefix) = @_;
	my %seen;

	for my $id (grep { defined } map { $_->{id} } $self->records)
	{
		$seen{$id}++ if !defined $prefix || index($id, "$prefix-") == 0;
	}
	return \%seen;
}

# Wait for a number of ids that begin with "PREFIX-", and test that there are no
# more; returns the hash.
sub wait_received
{
	my ($self, $prefix, $count) = @_;

	$self->wait_for(sub { keys %{ $self->ids_received($prefix) } >= $count }, "$count events $prefix have arrived");
	my $seen = $self->ids_received($prefix);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Test::More::is(scalar(keys %$seen), $count, "$count events $prefix arrived, no other");
	return $seen;
}

END
{
	my $status = $?;

	for my $receiver (@started)
	{
		$receiver->stop if $receiver->{owner} == $$;
	}
	$? = $status;
}

1;
