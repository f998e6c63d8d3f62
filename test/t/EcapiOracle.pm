# EcapiOracle: code that is none of ours, run by Node, for tests that compare with it.
#
#   my $oracle = EcapiOracle->new(packages => { svix => '2.5.0' });
#   my @events = $oracle->events($seed, 1000);      # test/oracle/generate.js
#   $oracle->emit($cluster);
#   $oracle->compare('meta.js', $oracle->file('events'), $oracle->requests($receiver, 'meta'));
#
# The packages are installed by npm into a temporary directory, or were before into the one
# that ECAPI_ORACLES names.  Where Node or the network is not there, new() skips the whole
# test, and says so.  A program of test/oracle says its results line by line
# (lines.js), and they become the test's.
package EcapiOracle;

use strict;
use warnings;

use Cwd qw(abs_path);
use Encode ();
use File::Basename qw(dirname);
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More ();

my $programs = dirname(abs_path(__FILE__)) . '/../oracle';
my $json = JSON::PP->new->utf8->canonical;

# Nothing of the packages is run while they are installed, and what does not answer is soon
# given up.
my @NPM = qw(--ignore-scripts --no-audit --no-fund --no-package-lock --no-update-notifier --loglevel=error
  --fetch-retries=1 --fetch-retry-mintimeout=2000 --fetch-retry-maxtimeout=5000);

# What npm says where it does not reach a registry, or is not let in.
my $NO_NETWORK = qr/ENOTFOUND|EAI_AGAIN|ECONN[A-Z]+|E?TIMEDOUT|ENETUNREACH|EHOSTUNREACH
  |ERR_SOCKET_TIMEOUT|E401|E403|E5\d\d|[A-Z_]*CERT[A-Z_]*/x;

# Seconds that the installation may take, which is minutes on a slow line, and a program.
my ($INSTALLATION, $PROGRAM) = (420, 240);

# packages => { name => version }: what is compared with.  overrides => { name => version }:
# of what those need, where another version is asked for.  seconds => how long a program may
# take.
sub new
{
	my ($class, %options) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my $self = bless { %options, dir => $dir, directory => $ENV{ECAPI_ORACLES} // "$dir/packages" }, $class;
	my $missing = $self->_missing;

	return $self if !defined $missing;
	Test::More::diag("$missing: nothing was compared");
	return Test::More::plan(skip_all => $missing);
}

# A file of this test.
sub file { return "$_[0]{dir}/$_[1]" }

# Run a program for at most that many seconds; returns its exit status, 124 when time was
# over, and what it said.
sub _run_for
{
	my ($self, $seconds, @command) = @_;
	my ($out, $error);

	local $ENV{ECAPI_ORACLES} = $self->{directory};
	eval { IPC::Run::run([ 'timeout', '-k', 10, $seconds, @command ], '<', \undef, '>', \$out, '2>', \$error) };
	return ($@ ? 127 : $? >> 8, $out // '', $error // '');
}

# Why nothing can be compared here, or undef.  Dies when the packages could be fetched but
# are not what they should be.
sub _missing
{
	my ($self) = @_;

	for my $program (qw(node npm))
	{
		my ($status) = $self->_run_for(60, $program, '--version');

		return "$program is not there" if $status != 0;
	}
	return if defined $ENV{ECAPI_ORACLES};
	mkdir $self->{directory} or die "mkdir: $!";
	append_to_file("$self->{directory}/package.json", $json->encode({ private => JSON::PP::true,
		dependencies => $self->{packages}, overrides => $self->{overrides} // {} }));
	my ($status, undef, $error) = $self->_run_for($INSTALLATION, 'npm', 'install', '--prefix', $self->{directory},
		'--cache', $self->file('cache'), @NPM);

	return if $status == 0;
	return 'npm could not install in time' if $status == 124 || $status == 137;
	return "npm has no network ($1)" if $error =~ /\b($NO_NETWORK)\b/;
	die "npm could not install: $error";
}

# A file of JSON lines; returns its name.
sub write_lines
{
	my ($self, $name, @values) = @_;

	append_to_file($self->file($name), join('', map { $json->encode($_) . "\n" } @values));
	return $self->file($name);
}

# Generate events and the single cases behind them, into the file "events"; returns them.
sub events
{
	my ($self, $seed, $count) = @_;
	my ($status, $events, $error) = $self->_run_for($PROGRAM, 'node', "$programs/generate.js", $seed, $count, time());

	Test::More::is($status, 0, 'events are generated') or Test::More::diag($error);
	append_to_file($self->file('events'), $events);
	my @events = map { $json->decode($_) } split /\n/, $events;
	Test::More::cmp_ok(scalar(@events), '>', $count, 'with single cases behind them');
	return @events;
}

# Emit those events, in their order.
sub emit
{
	my ($self, $cluster) = @_;

	return $cluster->sql('CREATE TABLE given (n serial, event jsonb);'
		  . "COPY given (event) FROM '" . $self->file('events') . "' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02');"
		  . 'SELECT count(ecapi_emit(event => event)) FROM (SELECT event FROM given ORDER BY n) g');
}

# The accepted requests that a receiver got as some platforms, as a file.  JSON::PP reads no
# number of them.
sub requests
{
	my ($self, $receiver, @platforms) = @_;

	return $self->write_lines(join('.', @platforms, 'requests'), map { {
			platform => $_->{platform}, path => $_->{path}, query => $_->{query}, time_us => $_->{time_us} + 0,
			headers => $_->{headers}, body => Encode::decode('UTF-8', $_->{body}, Encode::FB_CROAK) } }
		  grep { $_->{status} =~ /^2/ } map { $receiver->bodies($_) } @platforms);
}

# Run one of the programs, and make its results the test's.
sub compare
{
	my ($self, $program, @files) = @_;
	my ($status, $out, $error) = $self->_run_for($self->{seconds} // $PROGRAM, 'node', "$programs/$program", @files);
	my @lines = map { $json->decode($_) } split /\n/, $out;
	my $last = pop @lines;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $line (@lines)
	{
		Test::More::ok($line->{ok}, Encode::encode('UTF-8', $line->{name}))
		  or Test::More::diag(map { Encode::encode('UTF-8', "$_\n") } @{ $line->{said} });
	}
	Test::More::is($status, 0, "$program has ended well") or Test::More::diag($error);
	Test::More::is($last->{done}, scalar(@lines), "and gave all of its results");
	return;
}

1;
