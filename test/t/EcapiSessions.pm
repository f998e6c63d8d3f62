# EcapiSessions: sessions that commit one event after the other until their server is gone,
# and write down what was acknowledged to them.
#
#   my $load = EcapiSessions->start($cluster, 'o-1', 3, 'INSERT INTO orders VALUES (%s) RETURNING id');
#   $load->{cluster}->kill9;
#   my @ids = $load->acknowledged;                          # o-1-1-1, o-1-1-2, ... o-1-3-117
#
# Each session is a psql that runs a file of statements, each a transaction; the statement is
# a format that is given the id as a literal, and returns it.  psql prints a row when the
# server has reported that the statement is complete, which is after its commit: an id that
# was printed is one that an application was told is safe.
#
# The sessions end with their server, or with the test.
package EcapiSessions;

use strict;
use warnings;

use PostgreSQL::Test::Utils qw(slurp_file);

# Statements of a session: more than it commits before its server is gone.
my $STATEMENTS = 100_000;

sub start
{
	my ($class, $cluster, $prefix, $sessions, $statement) = @_;
	my $self = bless { cluster => $cluster, prefix => $prefix, script => {} }, $class;
	my $directory = PostgreSQL::Test::Utils::tempdir();

	for my $session (1 .. $sessions)
	{
		my $script = "$directory/$session";

		open(my $out, '>', $script) or die "open: $!";
		printf $out "$statement;\n", "'$prefix-$session-$_'" for 1 .. $STATEMENTS;
		close $out or die "close: $!";
		my $pid = $cluster->background([ $cluster->installed_command('psql'), '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $cluster->connstr('postgres'), '-f', $script ],
			"$script.out");
		$self->{script}{$pid} = $script;
	}
	return $self;
}

# Wait until all sessions have ended; ids that were acknowledged.
sub acknowledged
{
	my ($self) = @_;
	my @ids;

	for my $pid (keys %{ $self->{script} })
	{
		my $script = delete $self->{script}{$pid};

		$self->{cluster}->wait_background($pid);
		push @ids, grep { index($_, "$self->{prefix}-") == 0 } split /\n/, slurp_file("$script.out");
		unlink $script;
	}
	return @ids;
}

1;
