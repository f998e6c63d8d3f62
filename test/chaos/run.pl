# run.pl - a shop, four destinations, and everything that can go wrong.
#
#	run.pl --bindir DIR --dir DIR --receiver FILE [--seconds N] [--seed N]
#		   [--kills N] [--writers N] [--rate N]
#
# Makes a server in an empty directory, lets writers work (Writer.pm, schema.sql)
# and meanwhile does, in an order that the seed gives, what operators and bad
# luck do: kill -9 of the worker and of the postmaster, restarts, destinations
# paused, changed and renamed, delivery switched off, the receiver restarted, open
# DDL, maintenance.  One destination is made in the midst of it.  Three of ten
# requests go wrong in some way (test/receiver/misbehave.h, "mixed").  The ring
# rotates within seconds for the first three quarters of the time.
#
# Then everything is let through, and what the receiver wrote down is compared
# with what the tables say was committed (result.sql).  Prints what was done, a
# table, and figures; each thing that must not be is a line "NOT OK: ...".  Exit
# status 0 only if there is none.
#
# --kills N: the postmaster is killed N times, each time after something has
# arrived since the last; the run then takes as long as that takes.
#
# --rate: transactions a second of each writer.  The directory stays; the server
# and all processes are gone when it ends, however it ends.
#
# Core Perl only.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Getopt::Long;
use IO::Handle;
use POSIX ();
use Report;
use Server;
use Time::HiRes qw(sleep time);
use Writer;

my %o = (seconds => 60, seed => time % 1_000_000, kills => 0, writers => 5, rate => 8);

GetOptions(\%o, qw(bindir=s dir=s receiver=s seconds=i seed=i kills=i writers=i rate=f))
  && defined $o{bindir} && defined $o{dir} && defined $o{receiver} && !@ARGV
  or die "usage: run.pl --bindir DIR --dir DIR --receiver FILE [--seconds N] [--seed N]"
  . " [--kills N] [--writers N] [--rate N]\n";

# Wait of the late answers; longer than any timeout that a destination is given.
use constant LATE_MS => 2500;

my %DESTINATIONS = (
	quick => { pace => 0, event_types => 'subscribe, purchase, close_convert_lead, page_view' },
	slow => { pace => 60, event_types => 'subscribe, purchase, close_convert_lead, page_view' },
	narrow => { pace => 15, event_types => 'purchase, close_convert_lead' },
	# made in the midst of it
	late => { pace => 0, event_types => 'subscribe, close_convert_lead, page_view' },
);
my @NAMES = grep { $_ ne 'late' } sort keys %DESTINATIONS;

my $server = Server->new(%o{qw(bindir dir receiver)});
my $began = time;
my $owner = $$;
my %writers;			# process ids
my $sampler;
my %count;				# of what was done
my %paused;
my @findings;

STDOUT->autoflush(1);
srand($o{seed});

sub say_at { printf "%6.1f s   %s\n", time - $began, $_[0]; return }

sub between { return $_[0] + int(rand($_[1] - $_[0] + 1)) }

sub one_of { return $_[ between(0, $#_) ] }

# Does the extension have this function?
my %has;

sub has
{
	my ($function) = @_;

	return $has{$function} //= $server->sure("SELECT EXISTS (SELECT FROM pg_proc"
		  . " WHERE proname = '$function' AND pronamespace = 'ecapi'::regnamespace)") eq 't';
}

# A url under which requests go wrong, each with a draw of its own; some of them
# never take certain events, which end in failed_event and are tried again.
sub bad_url
{
	my ($name) = @_;
	my $poison = has('retry') && rand() < 0.5 ? one_of('/reject-if=777', '/fail-if=777') : '';

	return "http://127.0.0.1:$server->{port}/$name/pace=$DESTINATIONS{$name}{pace}"
	  . '/random=30/mixed=' . LATE_MS . '/seed=' . between(1, 1_000_000) . $poison;
}

sub good_url { return "http://127.0.0.1:$server->{port}/$_[0]" }

# --- setting up

sub set_up
{
	$server->start_receiver;
	$server->create({ 'ecapi.retention' => '8s' });
	$server->file("$FindBin::RealBin/schema.sql");
	for my $name (@NAMES)
	{
		$server->sql(destination_sql($name));
		$server->sql('INSERT INTO chaos.destination (destination, event_types) VALUES '
			  . "('$name', " . types_of($name) . ')');
	}
	return;
}

sub types_of { return "string_to_array('$DESTINATIONS{$_[0]}{event_types}', ', ')" }

sub destination_sql
{
	my ($name) = @_;

	return "CREATE SERVER $name FOREIGN DATA WRAPPER ecapi OPTIONS (url '" . bad_url($name)
	  . "', data_set_id '$name', event_types '$DESTINATIONS{$name}{event_types}', batch_size '500',"
	  . " max_in_flight '4', linger '0', timeout '1s')";
}

# A destination that starts while writers write: with what commits after it.
sub create_late
{
	my $create = 'BEGIN; ' . destination_sql('late') . '; INSERT INTO chaos.destination'
	  . ' (destination, event_types, before, started) SELECT destination, ' . types_of('late')
	  . ", '%s', snapshot FROM ecapi.cursor WHERE destination = 'late'; COMMIT";

	# a commit without an answer may have taken place, so look before each try
	$server->wait_for('the late destination is made', sub {
			my $before = $server->sure('SELECT pg_current_snapshot()');

			return $server->sure("SELECT EXISTS (SELECT FROM pg_foreign_server WHERE srvname = 'late')") eq 't'
			  || ($server->try_sql(sprintf $create, $before))[0] == 0;
		});
	$server->sure("UPDATE chaos.destination SET after = pg_current_snapshot() WHERE destination = 'late'");
	push @NAMES, 'late';
	say_at('a destination is made');
	return;
}

sub start_writers
{
	mkdir "$o{dir}/writers" or die "mkdir: $!";
	for my $number (1 .. $o{writers})
	{
		my $writer = Writer->new(number => $number, dir => "$o{dir}/writers", seed => $o{seed},
			psql => "$o{bindir}/psql", rate => $o{rate});
		my $pid = fork() // die "fork: $!";

		if ($pid == 0)
		{
			eval { $writer->work("$o{dir}/stop") };
			print STDERR $@;
			POSIX::_exit(1);
		}
		$writers{$pid} = $number;
	}
	return;
}

# Let them end what they are at, and wait.
sub end_writers
{
	open(my $stop, '>', "$o{dir}/stop") or die "open: $!";
	close $stop;
	waitpid($_, 0) for keys %writers;
	%writers = ();
	return;
}

# Notes the largest private memory of a worker, and over that of one with nothing
# to do.  A worker that has just been forked has not read its catalogs yet, so
# only the first one is asked, at rest.
sub start_sampler
{
	$server->wait_for('the destinations are idle', sub {
			return $server->sure("SELECT count(*) = " . @NAMES
				  . " FROM ecapi.destination WHERE state = 'idle'") eq 't';
		});
	my $idle = $server->private_memory($server->worker);

	$sampler = fork() // die "fork: $!";
	return if $sampler != 0;

	my ($pid, %peak) = (0, over => 0, size => 0);

	while (getppid() == $owner)
	{
		my $worker = defined $pid && $pid > 0 && kill(0, $pid) ? $pid : $server->worker;
		my $size = defined $worker ? $server->private_memory($worker) : undef;

		if (defined $size)
		{
			$pid = $worker;
			if ($size > $peak{size})
			{
				%peak = (size => $size, over => $size - $idle);
				open(my $file, '>', "$o{dir}/memory.new") or POSIX::_exit(1);
				print $file "$peak{size} $peak{over}\n";
				close $file;
				rename "$o{dir}/memory.new", "$o{dir}/memory";
			}
		}
		# how often it samples; a peak that is shorter is missed
		sleep 0.1;
	}
	POSIX::_exit(0);
}

sub end_child
{
	my ($pid) = @_;

	kill 'TERM', $pid;
	waitpid($pid, 0);
	return;
}

# --- what goes wrong; sleeps are of random length, so that it goes wrong anywhere

# Emptied slots: their files get other names.
my %slot_file;

sub count_rotations
{
	for my $slot (0 .. 5)
	{
		my ($status, $file) = $server->try_sql("SELECT pg_relation_filenode('ecapi.outbox_$slot')");

		next if $status != 0;
		$count{'slots emptied'}++ if defined $slot_file{$slot} && $slot_file{$slot} ne $file;
		$slot_file{$slot} = $file;
	}
	return;
}

sub alter
{
	my ($name) = @_;

	return $server->sure("ALTER SERVER $name OPTIONS (SET url '" . bad_url($name)
		  . "', SET batch_size '" . one_of(100, 200, 500, 1000)
		  . "', SET max_in_flight '" . one_of(1, 4, 8)
		  . "', SET linger '" . one_of('0', '0', '100ms')
		  . "', SET timeout '" . one_of('700ms', '1s', '2s') . "')");
}

my %ACTIONS = (
	'worker killed' => sub { $server->kill_worker or return 'no worker' },
	'worker terminated' => sub {
		$server->sure("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
			  . " WHERE backend_type = 'ecapi worker'");
	},
	'postmaster killed' => sub { $server->kill_postmaster },
	'fast restart' => sub { $server->restart('fast') },
	'immediate restart' => sub { $server->restart('immediate') },
	'destination paused' => sub {
		my $name = one_of(@NAMES);

		$server->sure("SELECT ecapi.pause('$name')");
		# that many actions long; at first for longer than the retention
		$paused{$name} = $count{'destination paused'} ? one_of(2, 3, 10) : 10;
	},
	'destination changed' => sub { alter(one_of(@NAMES)) },
	'receiver restarted' => sub {
		$server->stop_receiver;
		sleep rand;
		$server->start_receiver;
	},
	'configuration reloaded' => sub { $server->sure('SELECT pg_reload_conf()') },
	# the ring turns only when all destinations have caught up
	'nothing' => sub { sleep 3 },
	'delivery switched off' => sub {
		$server->sure($_) for 'ALTER SYSTEM SET ecapi.delivery = off', 'SELECT pg_reload_conf()';
		sleep rand;
		$server->sure($_) for 'ALTER SYSTEM RESET ecapi.delivery', 'SELECT pg_reload_conf()';
	},
	'tables vacuumed' => sub {
		$server->sure($_) for 'VACUUM FULL ecapi.cursor_row', 'VACUUM ANALYZE ecapi.outbox', 'CHECKPOINT';
	},
	# an uncommitted change holds the row of the cursor's destination
	'change rolled back' => sub {
		$server->try_sql('BEGIN; ALTER SERVER ' . one_of(@NAMES)
			  . " OPTIONS (SET batch_size '3'); SELECT pg_sleep(1); ROLLBACK");
	},
	'destination renamed' => sub {
		my $name = one_of(@NAMES);

		$server->try_sql("ALTER SERVER $name RENAME TO other; SELECT pg_sleep(0.3)");
		$server->sure("DO 'BEGIN IF EXISTS (SELECT FROM pg_foreign_server WHERE srvname = ''other'')"
			  . " THEN ALTER SERVER other RENAME TO $name; END IF; END'");
	},
);

# Events of the last seconds once more, beside the others; not of the late one,
# which would then get what was before it.
$ACTIONS{'events replayed'} = sub {
	my $name = one_of(grep { $_ ne 'late' } @NAMES);

	$server->sure("SELECT ecapi.replay('$name', now() - interval '5 seconds')") if has('replay');
};

# Every action once before any comes again; the shortest run has these two.
my @deck = ([ 'worker killed', 0 ], [ 'destination paused', 0 ]);

sub next_action
{
	@deck = sort { $a->[1] <=> $b->[1] } map { [ $_, rand ] } sort keys %ACTIONS if !@deck;
	return (shift @deck)->[0];
}

sub do_action
{
	my ($what) = @_;

	say_at($what);
	$ACTIONS{$what}->();
	$count{$what}++;
	# what a kill brought down comes up again
	$server->up;
	for my $name (sort keys %paused)
	{
		next if --$paused{$name} > 0;
		$server->sure("SELECT ecapi.resume('$name')");
		delete $paused{$name};
	}
	count_rotations();
	return;
}

# Rows older than the retention are gone, so what ecapi.reconcile() is asked
# for begins when rotation ends.
sub stop_rotating
{
	$server->sure("ALTER SYSTEM SET ecapi.retention = '1d'");
	$server->sure('SELECT pg_reload_conf()');
	return $server->sure('SELECT clock_timestamp()');
}

sub havoc
{
	my ($until) = @_;
	my $kills = $o{kills};
	my $before = 0;
	my $since;

	do_action(next_action());
	while (time < $until || $kills > 0)
	{
		sleep 0.1 + rand 1;
		create_late() if @NAMES < keys %DESTINATIONS && $until - time < $o{seconds} * 2 / 3;
		if (!defined $since && $until - time < $o{seconds} / 4)
		{
			$since = stop_rotating();
			say_at("slots are kept from now on");
		}
		if ($kills > 0)
		{
			$server->wait_for('something arrives between two kills',
				sub { $server->received > $before });
			do_action('postmaster killed');
			$before = $server->received;
			$kills--;
			next if rand() < 0.7;
		}
		do_action(next_action());
	}
	return $since // stop_rotating();
}

# --- the end

sub end_prepared
{
	for my $name (sort split /\n/, $server->sure('SELECT gid FROM pg_prepared_xacts'))
	{
		$server->sql((rand() < 0.5 ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$name'");
		$count{'left prepared'}++;
	}
	return;
}

sub let_through
{
	for my $name (@NAMES)
	{
		$server->sql("ALTER SERVER $name OPTIONS (SET url '" . good_url($name)
			  . "', SET timeout '30s', SET batch_size '1000')");
		$server->sql("SELECT ecapi.resume('$name')");
		$count{'failed events retried'} += $server->sql("SELECT ecapi.retry('$name')") if has('retry');
	}
	for my $name (@NAMES)
	{
		eval {
			$server->wait_for("$name has nothing left", sub {
					# an event may fail, for all that the receiver takes now, until
					# the worker has heard of the new url
					$server->sure("SELECT ecapi.retry('$name')") if has('retry');
					return $server->sure("SELECT state = 'idle' AND backlog = 0 AND NOT EXISTS"
						  . " (SELECT FROM ecapi.failed_event f WHERE f.destination = d.destination)"
						  . (has('replay') ? " AND NOT EXISTS (SELECT FROM ecapi.replay r"
							  . " WHERE r.destination = d.destination AND r.state IN ('waiting', 'running'))" : '')
						  . " FROM ecapi.destination d WHERE destination = '$name'") eq 't';
				});
			1;
		} or push @findings, "$@" =~ s/\n//r . ': '
		  . $server->sure("SELECT state, backlog, failed, last_error FROM ecapi.destination"
			  . " WHERE destination = '$name'");
	}
	return;
}

sub main
{
	my $until;

	print "chaos: $o{seconds} s, seed $o{seed}, $o{writers} writers"
	  . ($o{kills} ? ", $o{kills} kills of the postmaster" : '') . "\n";
	set_up();
	$began = time;
	$until = $began + $o{seconds};
	start_sampler();
	start_writers();
	my $since = havoc($until);

	say_at('everything is let through');
	end_writers();
	$server->up;
	end_prepared();
	let_through();
	count_rotations();
	say_at('nothing is left to send');

	my $report = Report->new(server => $server, dir => $o{dir}, writers => $o{writers},
		count => \%count, findings => \@findings);
	print $report->compare($since);
	printf "%-26s %8s\n", $_, $count{$_} for sort keys %count;
	print map { "NOT OK: $_\n" } @findings;
	return;
}

for my $signal (qw(INT TERM HUP))
{
	$SIG{$signal} = sub { exit 1 };
}

eval { main(); 1 } or push(@findings, "$@"), print "NOT OK: $@";
exit(@findings ? 1 : 0);

END
{
	my $status = $?;

	if ($$ == $owner)
	{
		end_child($_) for keys %writers, grep { defined } $sampler;
		$server->stop_receiver;
		$server->stop;
	}
	$? = $status;
}
