# EcapiLoad: an application that goes on working, whatever is done to its server.
#
#   my $load = EcapiLoad->start($cluster->in('shop'), 'a');
#   $load->wait_more(20);                                     # twenty more commits
#   $load->stop;
#   my @ids = $load->ids;                                     # what it committed
#
# It makes the table load_a and, in a process of its own, one transaction after
# the other, each over a new connection: a row n, and the event "a-n" beside it.
# What fails is not repeated; the table is the truth about what was committed,
# after a crash, too.  track => 1: the row itself is what is captured, under the
# id "load_a:n:purchase", and nothing is emitted.  table => NAME: the rows go into that
# table, which is there and whose other columns have defaults, and nothing is emitted or
# tracked: the server needs no extension.  from => N: the first number, where 1 is taken.
#
# The process ends with stop(), or with the test.
package EcapiLoad;

use strict;
use warnings;

use POSIX ();
use PostgreSQL::Test::Utils;
use Time::HiRes ();

my @started;

sub start
{
	my ($class, $cluster, $prefix, %options) = @_;
	my $table = $options{table} // "load_$prefix";
	my $self = bless { cluster => $cluster, prefix => $prefix, table => $table, track => $options{track}, owner => $$ }, $class;

	$cluster->sql("CREATE TABLE $table (n int PRIMARY KEY)") unless $options{table};
	$cluster->sql("SELECT ecapi.track('load_$prefix', 'purchase', mapping => '{}')")
	  if $options{track};
	my $connection = $cluster->connstr($cluster->database);
	my $emit = $options{track} || $options{table} ? ''
	  : "SELECT ecapi_emit('purchase', value => :n, currency_code => 'EUR', id => '$prefix-' || :n);";
	my $script = PostgreSQL::Test::Utils::tempdir() . '/load.sql';

	append_to_file($script, "BEGIN;\nINSERT INTO $table VALUES (:n);\n$emit\nCOMMIT;\n");
	$self->{errors} = "$script.errors";
	my $from = $options{from} // 1;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>>', $self->{errors});
		for (my $n = $from;; $n++)
		{
			my $status = system('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-v', "n=$n",
				'-d', $connection, '-f', $script);

			POSIX::_exit(0) if ($status & 127) != 0 || getppid() != $self->{owner};
			# the pace of an application; nothing waits for it
			Time::HiRes::sleep($status == 0 ? 0.005 : 0.1);
		}
	}
	$self->{pid} = $pid;
	push @started, $self;
	return $self;
}

sub committed
{
	my ($self) = @_;

	return $self->{cluster}->sql("SELECT count(*) FROM $self->{table}");
}

# Wait until it has committed that many more transactions.
sub wait_more
{
	my ($self, $more) = @_;
	my $target = $self->committed + $more;

	$self->{cluster}->wait_sql("SELECT count(*) >= $target FROM $self->{table}", "$more more transactions of $self->{prefix}");
	return;
}

# What psql said of transactions that failed, since the last call.
sub errors
{
	my ($self) = @_;
	my $text = -e $self->{errors} ? slurp_file($self->{errors}, $self->{reported} // 0) : '';

	$self->{reported} = -s $self->{errors} // 0;
	return $text;
}

# End it; its last transaction may or may not have been committed.
sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;

	kill 'KILL', $pid;
	waitpid($pid, 0);
	# the session of its last transaction ends by itself
	$self->{cluster}->wait_sql("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%$self->{table}%'"
		  . " AND pid <> pg_backend_pid())");
	return $self;
}

# Ids of all events that were committed; not of a table that was given.
sub ids
{
	my ($self) = @_;
	my $id = $self->{track} ? "'load_$self->{prefix}:' || n || ':purchase'" : "'$self->{prefix}-' || n";

	return split /\n/, $self->{cluster}->sql("SELECT $id FROM load_$self->{prefix} ORDER BY n");
}

END
{
	my $status = $?;

	for my $load (@started)
	{
		next if $load->{owner} != $$ || !defined $load->{pid};
		kill 'KILL', $load->{pid};
		waitpid($load->{pid}, 0);
	}
	$? = $status;
}

1;
