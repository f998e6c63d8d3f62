# Report: what a chaos run came to, and what of it must not be.
#
#   my $report = Report->new(server => $server, dir => ..., writers => 5,
#       count => \%count, findings => \@findings);
#   print $report->compare($since);
#
# It compares what the tables say with what the receiver wrote down (result.sql),
# with what ecapi.reconcile() says of the time since $since, and looks at what
# was acknowledged to writers, at the worker's memory and at the server's log.  Figures go
# into count; each thing that must not be is a text in findings.
package Report;

use strict;
use warnings;

# The worker's private memory may grow by this over its idle size: pages and
# bodies have one budget below it.
use constant MEMORY_KB => 64 * 1024;

sub new
{
	my ($class, %options) = @_;

	return bless {%options}, $class;
}

# Everything; returns the table of destinations as text.
sub compare
{
	my ($self, $since) = @_;
	my $directory = __FILE__ =~ s{[^/]*$}{}r;

	$self->_load_acknowledged;
	my $table = $self->{server}->file("${directory}result.sql", received => "$self->{dir}/received");
	push @{ $self->{findings} }, split /\n/, $self->{server}->sql('TABLE chaos.finding');
	$self->_reconcile($since);
	$self->_requests;
	$self->_memory;
	$self->_server_log;
	return $table;
}

# Transactions that writers tried, and those that were acknowledged.
sub _load_acknowledged
{
	my ($self) = @_;
	my $server = $self->{server};
	my $count = $self->{count};
	my %tried;
	my %acknowledged;

	for my $number (1 .. $self->{writers})
	{
		open(my $log, '<', "$self->{dir}/writers/$number.log") or die "open: $!";
		while (<$log>) { $tried{$1} = 1 if /^try (\S+)$/ }
		open(my $out, '<', "$self->{dir}/writers/$number.out") or next;
		while (<$out>) { $acknowledged{"$1\t$2"} = 1 if /^ack (\d+)\.(\d+)$/ }
	}
	open(my $file, '>', "$self->{dir}/acknowledged") or die "open: $!";
	print $file map { "$_\n" } sort keys %acknowledged;
	close $file or die "close: $!";
	$server->sql("CREATE TABLE chaos.acknowledged (writer integer, number integer);"
		  . "COPY chaos.acknowledged FROM '$self->{dir}/acknowledged'");
	my @unknown = grep { !$acknowledged{ s/\./\t/r } } keys %tried;
	my %there = map { $_ => 1 } split /\n/, $server->sql("SELECT writer || '.' || number FROM chaos.txn");

	$count->{'commits acknowledged'} = keys %acknowledged;
	$count->{'commits without an answer'} = @unknown;
	$count->{'of these in the tables'} = grep { $there{$_} } @unknown;
	return;
}

# ecapi.reconcile() and the receiver's file must say the same of each track.
sub _reconcile
{
	my ($self, $since) = @_;
	my $server = $self->{server};
	my $compared = 0;

	return if $server->sql("SELECT to_regproc('ecapi.reconcile') IS NULL") eq 't';
	for my $table (qw(orders leads carts visits))
	{
		my @rows = split /\n/, $server->sql(<<"END");
			WITH said AS (
				SELECT destination, sum(events) AS events
				FROM ecapi.reconcile('chaos.$table', '$since', 'infinity')
				WHERE outcome = 'delivered' GROUP BY destination
			), seen AS (
				SELECT destination, count(*) AS events FROM chaos.outcome
				WHERE source = '$table' AND delivered AND at >= date_trunc('second', timestamptz '$since')
				GROUP BY destination
			)
			SELECT destination, coalesce(s.events, 0), coalesce(f.events, 0)
			FROM said s FULL JOIN seen f USING (destination)
END
		my $lost = $server->sql("SELECT coalesce(sum(events), 0) FROM"
			  . " ecapi.reconcile('chaos.$table', '$since', 'infinity') WHERE outcome = 'unaccounted'");

		push @{ $self->{findings} }, "reconcile of $table: $lost unaccounted" if $lost != 0;
		for my $row (@rows)
		{
			my ($name, $said, $seen) = split /\|/, $row;

			$compared += $seen;
			push @{ $self->{findings} }, "reconcile of $table: $said delivered to $name, the receiver has $seen"
			  if $said != $seen;
		}
	}
	$self->{count}{'events reconciled'} = $compared;
	return;
}

# What the receiver did with requests.
sub _requests
{
	my ($self) = @_;
	my $count = $self->{count};

	open(my $file, '<', "$self->{dir}/requests") or die "open: $!";
	while (<$file>)
	{
		my @column = split /\t/;

		$count->{'requests'}++;
		$count->{'requests refused or cut'}++ if $column[7] != 200;
	}
	return;
}

# What the sampler of run.pl has seen.
sub _memory
{
	my ($self) = @_;

	open(my $file, '<', "$self->{dir}/memory") or do {
		push @{ $self->{findings} }, 'no memory of a worker was measured';
		return;
	};
	my ($size, $over) = split / /, <$file>;

	$self->{count}{'peak memory, kB'} = $size;
	$self->{count}{'over idle, kB'} = $over + 0;
	push @{ $self->{findings} }, "the worker grew by $over kB" if $over > MEMORY_KB;
	return;
}

# A process that died by itself, or a worker that failed.
sub _server_log
{
	my ($self) = @_;

	open(my $file, '<', "$self->{dir}/server.log") or die "open: $!";
	while (<$file>)
	{
		push @{ $self->{findings} }, "server log: $_" =~ s/\n//r
		  if /PANIC:|TRAP:|was terminated by signal (?:4|6|7|8|11)\b|ecapi worker failed/;
	}
	return;
}

1;
