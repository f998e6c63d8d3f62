# Server: the throw-away server and the receiver of a chaos run.
#
#   my $server = Server->new(bindir => ..., dir => ..., receiver => ...);
#   $server->create({ name => value });     # initdb and start
#   $server->sql('SELECT 1');               # dies on error
#   $server->sure('SELECT 1');              # again until the server answers
#   $server->kill_postmaster;  $server->kill_worker;  $server->up;
#
# What always holds:
#
# (1) Nothing listens but the server, on a socket inside dir, and the receiver,
#     on a port of loopback that it chose when it was first started.
# (2) Processes are ended by the id that their own pid file or our fork gave.
# (3) Waiting is for conditions, with a deadline that ends the run.
#
# Core Perl only.
package Server;

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

our $DEADLINE = $ENV{ECAPI_DEADLINE} // 300;

sub new
{
	my ($class, %options) = @_;
	my $self = bless {%options}, $class;

	$self->{data} = "$self->{dir}/data";
	@ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ("$self->{dir}/run", 5432, 'postgres', 'postgres');
	$ENV{PGCONNECT_TIMEOUT} = 60;
	return $self;
}

sub _append
{
	my ($file, $text) = @_;

	open(my $out, '>>', $file) or die "open $file: $!";
	print $out $text;
	close $out or die "close $file: $!";
	return;
}

# initdb with these settings, and start.
sub create
{
	my ($self, $settings) = @_;
	my %all = (
		listen_addresses => '', unix_socket_directories => "$self->{dir}/run",
		shared_preload_libraries => 'ecapi', max_prepared_transactions => 100,
		max_connections => 50, log_line_prefix => '%m [%p] %b ',
		# an asynchronous commit stays in memory until somebody wants it on disk
		wal_writer_delay => '10s', wal_writer_flush_after => '1GB',
		# kills of processes lose what was not written, not what was not synced
		fsync => 'off', restart_after_crash => 'on', %$settings);

	mkdir "$self->{dir}/run", 0700 or die "mkdir: $!";
	$self->run('initdb', '-D', $self->{data}, '-U', 'postgres', '-A', 'trust', '-N',
		'--locale=C.UTF-8', '-E', 'UTF8') == 0 or die "initdb failed\n";
	_append("$self->{data}/postgresql.conf",
		join('', map { "$_ = '$all{$_}'\n" } sort keys %all));
	$self->up;
	return;
}

# Run a program of the server quietly; returns its wait status.
sub run
{
	my ($self, $program, @arguments) = @_;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$self->{dir}/programs.log");
		open(STDERR, '>&', \*STDOUT);
		exec "$self->{bindir}/$program", @arguments or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	return $?;
}

# Wait until a function returns true; returns what it returned.
sub wait_for
{
	my ($self, $what, $condition) = @_;
	my $until = time + $DEADLINE;

	while (time < $until)
	{
		my $result = $condition->();

		return $result if $result;
		sleep 0.05;
	}
	die "gave up waiting until $what\n";
}

# Run SQL; returns wait status and output.
sub try_sql
{
	my ($self, $text) = @_;
	my $pid = open(my $psql, '-|') // die "fork: $!";

	if ($pid == 0)
	{
		open(STDERR, '>>', "$self->{dir}/sql.log");
		exec "$self->{bindir}/psql", qw(-X -q -A -t -v ON_ERROR_STOP=1 -c), $text
		  or POSIX::_exit(127);
	}
	my $output = do { local $/; <$psql> } // '';
	close $psql;
	chomp $output;
	return ($?, $output);
}

sub sql
{
	my ($self, $text) = @_;
	my ($status, $output) = $self->try_sql($text);

	die "SQL failed, see sql.log: $text\n" if $status != 0;
	return $output;
}

# The same through crashes: the statements must bear to be repeated.
sub sure
{
	my ($self, $text) = @_;
	my $result;

	$self->wait_for("this passes: $text", sub {
			my ($status, $output) = $self->try_sql($text);

			$result = $output;
			return $status == 0;
		});
	return $result;
}

# Run a file of SQL, with output as psql prints it.
sub file
{
	my ($self, $file, %variables) = @_;
	my @set = map { ('-v', "$_=$variables{$_}") } sort keys %variables;
	my $pid = open(my $psql, '-|') // die "fork: $!";

	if ($pid == 0)
	{
		exec "$self->{bindir}/psql", qw(-X -q -v ON_ERROR_STOP=1), @set, '-f', $file
		  or POSIX::_exit(127);
	}
	my $output = do { local $/; <$psql> } // '';
	close $psql or die "$file failed\n";
	return $output;
}

# The postmaster's process id, or undef.
sub postmaster
{
	my ($self) = @_;

	open(my $file, '<', "$self->{data}/postmaster.pid") or return;
	my $pid = <$file> // return;
	chomp $pid;
	return $pid =~ /^\d+$/ && kill(0, $pid) ? $pid : undef;
}

# The worker's process id, or undef.  Asked of the kernel: it has an answer
# while the server has none.
sub worker
{
	my ($self) = @_;
	my $postmaster = $self->postmaster // return;

	for my $stat (glob '/proc/[0-9]*/stat')
	{
		open(my $file, '<', $stat) or next;
		my ($pid, $parent) = (<$file> // '') =~ /^(\d+) \(.*\) \S (\d+)/ or next;
		next if $parent != $postmaster;
		open(my $title, '<', "/proc/$pid/cmdline") or next;
		return $pid if (<$title> // '') =~ /ecapi worker/;
	}
	return;
}

# Private memory of a process in kB, or undef.
sub private_memory
{
	my ($self, $pid) = @_;
	my $sum = 0;

	open(my $file, '<', "/proc/$pid/smaps_rollup") or return;
	while (<$file>)
	{
		$sum += $1 if /^Private_(?:Clean|Dirty):\s+(\d+)/;
	}
	return $sum || undef;
}

# Wait until the server answers; start it unless it runs.
sub up
{
	my ($self) = @_;

	$self->wait_for('the server answers', sub {
			# children of a killed one may be around still: then again
			$self->run('pg_ctl', '-D', $self->{data}, '-l', "$self->{dir}/server.log", '-w',
				'-t', 60, 'start') if !defined $self->postmaster;
			return ($self->try_sql('SELECT 1'))[0] == 0;
		});
	return;
}

sub restart
{
	my ($self, $mode) = @_;

	$self->run('pg_ctl', '-D', $self->{data}, '-m', $mode, '-w', '-t', $DEADLINE, 'stop');
	$self->up;
	return;
}

sub stop
{
	my ($self) = @_;

	$self->run('pg_ctl', '-D', $self->{data}, '-m', 'immediate', '-w', '-t', 60, 'stop')
	  if defined $self->postmaster;
	return;
}

# kill -9; false when there was none to kill.
sub kill_worker
{
	my ($self) = @_;
	my $pid = $self->worker // return 0;

	return kill 'KILL', $pid;
}

sub kill_postmaster
{
	my ($self) = @_;
	my $pid = $self->postmaster // return 0;

	kill 'KILL', $pid;
	$self->wait_for('the postmaster has ended', sub { !defined $self->postmaster });
	return 1;
}

# Start the receiver, on the same port as before.
sub start_receiver
{
	my ($self) = @_;
	my @port = defined $self->{port} ? ('--port', $self->{port}) : ();
	my $pid = open(my $out, '-|') // die "fork: $!";

	if ($pid == 0)
	{
		exec $self->{receiver}, '--http', @port, '--out', "$self->{dir}/received",
		  '--requests', "$self->{dir}/requests"
		  or POSIX::_exit(127);
	}
	@$self{qw(receiver_pid receiver_out)} = ($pid, $out);
	while (<$out>)
	{
		$self->{port} = $1 if /^http (\d+)$/;
		return if $_ eq "ready\n";
	}
	die "the receiver did not start\n";
}

sub stop_receiver
{
	my ($self) = @_;
	my $pid = delete $self->{receiver_pid} // return;

	kill 'TERM', $pid;
	waitpid($pid, 0);
	close delete $self->{receiver_out};
	return;
}

# Bytes that the receiver has written down.
sub received { return -s "$_[0]{dir}/received" // 0 }

1;
