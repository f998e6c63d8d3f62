# EcapiKafka: run test/kafka/mock, a cluster of Kafka, from a TAP test and read what it got.
#
#   my $kafka = EcapiKafka->start(args => [ '-b', 3 ]);     # mock.c has the arguments
#   $kafka->command('topic orders 12');                     # and the commands
#   $cluster->destination('bus', undef, { $kafka->options, topic => 'orders' });
#   my @messages = $kafka->messages('orders');              # hashes
#   $kafka->stop;
#
# The cluster ends with its standard input, so with the test at the latest.
#
# Core Perl only.
package EcapiKafka;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use JSON::PP ();
use POSIX ();
use Test::More ();

my $source = dirname(abs_path(__FILE__)) . '/../kafka';

# The path of the program; ECAPI_KAFKA names another one.
sub binary { return $ENV{ECAPI_KAFKA} // "$source/mock" }

# Start a cluster and wait until it serves.
sub start
{
	my ($class, %options) = @_;
	my $self = bless { owner => $$ }, $class;

	die "no cluster of Kafka: run make in test/kafka\n" unless -x binary();
	pipe(my $child_in, my $stdin) or die "pipe: $!";
	pipe(my $stdout, my $child_out) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open(STDIN, '<&', $child_in) or POSIX::_exit(127);
		open(STDOUT, '>&', $child_out) or POSIX::_exit(127);
		close $stdin;
		exec { binary() } binary(), @{ $options{args} // [] } or POSIX::_exit(127);
	}
	close $child_in;
	close $child_out;
	@$self{qw(pid stdin stdout)} = ($pid, $stdin, $stdout);
	$stdin->autoflush(1);
	while (my $line = <$stdout>)
	{
		$self->{bootstrap} = $1 if $line =~ /^bootstrap (\S+)$/;
		return $self if $line eq "ready\n";
	}
	die "the cluster of Kafka did not start\n";
}

# host:port,host:port
sub bootstrap { return $_[0]{bootstrap} }

# Options of a destination that comes to it without TLS.
sub options { return (format => 'kafka', bootstrap_servers => $_[0]{bootstrap}, security_protocol => 'plaintext') }

# Carry out a command; returns the lines of its answer, dies when it was refused.
sub command
{
	my ($self, $command) = @_;
	my @lines;

	print { $self->{stdin} } "$command\n" or die "the cluster of Kafka is gone: $!";
	while (my $line = readline $self->{stdout})
	{
		return @lines if $line eq "ok\n";
		die "refused: $command\n" if $line eq "no\n";
		push @lines, $line;
	}
	die "the cluster of Kafka has ended at: $command\n";
}

# The messages of a topic, in the order of each partition.
sub messages
{
	my ($self, $topic) = @_;
	my $json = JSON::PP->new->utf8;

	return map { $json->decode($_) } $self->command("read $topic");
}

# How often each id is in a topic.
sub count_ids
{
	my ($self, $topic) = @_;
	my %count;

	/"headers":\{"id":"([^"]*)"/ and $count{$1}++ for $self->command("read $topic");
	return \%count;
}

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;

	close delete $self->{stdin};
	close delete $self->{stdout};
	waitpid($pid, 0);
	return $?;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!);

	$self->stop if ($self->{owner} // 0) == $$ && $self->{pid};
	return;
}

1;
