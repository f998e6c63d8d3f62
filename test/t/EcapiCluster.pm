# EcapiCluster: a server that delivers events, for TAP tests.
#
#   my $cluster = EcapiCluster->create;             # started, extension made
#   $cluster->destination('one', $receiver->url('/one'), { batch_size => 1 });
#   $cluster->emit('a', 1, 1000);                   # a1 to a1000, one transaction
#   $cluster->drained('one');                       # waits
#   my $figures = $cluster->compare($receiver, 'one', [ids('a', 1, 1000)]);
#
# It is a PostgreSQL::Test::Cluster, with all that this can do: it listens on a
# socket only, and is stopped by its own process id when the test ends.
#
# Statements go to the database postgres, or to another one by in():
#
#   $cluster->in('shop')->emit('a', 1, 10);
#
# A destination's data_set_id is its name unless given, so records of several
# destinations of one receiver can be told apart, and are merged apart.
#
# What waits here waits for a condition.  When it gives up, it says for what it
# waited, and shows the destinations, the worker and the end of the log.
package EcapiCluster;

use strict;
use warnings;

use parent 'PostgreSQL::Test::Cluster';

use Cwd qw(abs_path);
use EcapiWait qw(wait_until);
use Exporter qw(import);
use File::Basename qw(dirname);
use IPC::Run ();
use POSIX ();
use PostgreSQL::Test::Utils ();
use Test::More ();

our @EXPORT_OK = qw(holds_none ids literal many);

# The server's modules send what is written to STDERR to a file, and with it the reason
# why a test died: it is said here, too.
$SIG{__DIE__} = sub { Test::More::diag("died: $_[0]") if defined $^S && !$^S };

# Where the libraries for tests are built; servers find them by name.
my $probes = dirname(abs_path(__FILE__)) . '/../probe';

# A started server with the extension in database postgres.  ECAPI_WORKERS=N: each of its
# databases may have that number of workers, for a run of all tests with several.  Options:
#   name => NAME             default: main
#   install_path => DIR      another installation
#   init => [...]            arguments of init
#   conf => TEXT             added to postgresql.conf
#   credentials => DIR       default: a directory of its own
#   preload => 0             without the library in shared_preload_libraries
#   workers => N             whatever ECAPI_WORKERS says: for what counts processes, or ends the one
#   extension => 0           without CREATE EXTENSION
sub create
{
	my ($class, %options) = @_;
	my $self = $class->new($options{name} // 'main', install_path => $options{install_path});
	my $workers = $options{workers} // $ENV{ECAPI_WORKERS};

	$self->{ecapi_credentials} = $options{credentials} // $self->basedir . '/credentials';
	$self->init(@{ $options{init} // [] });
	-d $self->credentials or mkdir $self->credentials, 0700 or die "mkdir: $!";
	# the log holds what the server says, and not what a test asks it
	$self->append_conf('postgresql.conf', join("\n",
			($options{preload} // 1) ? "shared_preload_libraries = 'ecapi'" : (),
			"ecapi.credential_directory = '" . $self->credentials . "'",
			'max_prepared_transactions = 64',
			"log_line_prefix = '%m [%p] %b '",
			"dynamic_library_path = '\$libdir:$probes'",
			'log_statement = none',
			$workers ? ("ecapi.workers = $workers", 'max_worker_processes = 20') : (),
			$options{conf} // '') . "\n");
	$self->start;
	$self->sql('CREATE EXTENSION ecapi') if $options{extension} // 1;
	return $self;
}

# The same server, with another database for statements.  It is made for one
# call; start and stop are the cluster's own.
sub in
{
	my ($self, $database) = @_;

	return bless { %$self, ecapi_database => $database }, ref $self;
}

sub database { return $_[0]{ecapi_database} // 'postgres' }

# The directory of files that credentials name.
sub credentials { return $_[0]{ecapi_credentials} }

# Replace a credential file in one step, as rotation should.
sub write_credential
{
	my ($self, $name, $content) = @_;
	my $path = $self->credentials . "/$name";

	open(my $file, '>', "$path.new") or die "open: $!";
	print $file $content;
	close $file or die "close: $!";
	chmod 0600, "$path.new";
	rename "$path.new", $path or die "rename: $!";
	return;
}

# The log so far, or from a byte on.
sub log_text { return PostgreSQL::Test::Utils::slurp_file($_[0]->logfile, $_[1] // 0) }

# --- statements

# Run SQL, die on error, return what it prints.
sub sql { return $_[0]->safe_psql($_[0]->database, $_[1]) }

# Run SQL; returns exit status, standard output, standard error.
sub try_sql { return $_[0]->psql($_[0]->database, $_[1]) }

# Run a statement, and test that it fails; returns what psql said.
sub refused
{
	my ($self, $sql, $name) = @_;
	my ($status, undef, $error) = $self->try_sql($sql);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Test::More::isnt($status, 0, 'refused: ' . ($name // $sql));
	return $error;
}

# An SQL literal.
sub literal { return "'" . ($_[0] =~ s/'/''/gr) . "'" }

# Options as SQL, of a hash or of a text that is SQL already.
sub _options
{
	my ($options) = @_;

	return $options if !ref $options;
	return join(', ', map { "$_ " . literal($options->{$_}) } sort keys %$options);
}

# Text of the statements that create a destination.
sub destination_sql
{
	my ($self, $name, $url, $options, $mapping) = @_;
	my %server = (defined $url ? (url => $url) : (), data_set_id => $name, ref $options ? %$options : ());

	return "CREATE SERVER \"$name\" FOREIGN DATA WRAPPER ecapi OPTIONS ("
	  . join(', ', _options(\%server), ref $options ? () : $options || ()) . ');'
	  . ($mapping
		? "CREATE USER MAPPING FOR PUBLIC SERVER \"$name\" OPTIONS (" . _options($mapping) . ');'
		: '');
}

# Create a destination; url undef: it has none; options of the server, options of its user mapping.
sub destination
{
	my ($self, @args) = @_;

	return $self->sql('BEGIN;' . $self->destination_sql(@args) . 'COMMIT;');
}

# Set options of a server that has them.
sub alter
{
	my ($self, $name, %options) = @_;

	return $self->sql("ALTER SERVER \"$name\" OPTIONS ("
		  . join(', ', map { "SET $_ " . literal($options{$_}) } sort keys %options) . ')');
}

sub pause
{
	my ($self, $name) = @_;

	$self->sql("SELECT ecapi.pause('$name')");
	return $self->wait_row($name, "state = 'paused'");
}

sub resume { return $_[0]->sql("SELECT ecapi.resume('$_[1]')") }

# Emit PREFIXfrom to PREFIXto in one transaction, values from..to.
sub emit
{
	my ($self, $prefix, $from, $to) = @_;

	return $self->sql("SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR',"
		  . ' id => ' . literal($prefix) . " || i)) FROM generate_series($from, $to) i");
}

# The ids that emit gives.
sub ids
{
	my ($prefix, $from, $to) = @_;

	return map { "$prefix$_" } $from .. $to;
}

# Text of a statement that emits PREFIX1 to PREFIXcount, with 500 characters of
# text in each.  Options: bytes => of the text, type => of the events.
sub many
{
	my ($prefix, $count, %options) = @_;

	return 'SELECT count(ecapi_emit(' . literal($options{type} // 'purchase')
	  . ", value => i, currency_code => 'EUR', id => " . literal($prefix) . ' || i, properties =>'
	  . " jsonb_build_object('transaction_id', i::text, 'coupon', repeat('x', "
	  . ($options{bytes} // 500) . ")))) FROM generate_series(1, $count) i";
}

# --- what the server shows

# The row of ecapi.destination as a hash; an absent value is ''.
sub row
{
	my ($self, $name) = @_;
	my @columns = qw(mode state detail backlog delivered filtered failed last_error next_try);
	my %row;

	@row{@columns} = split /\t/, $self->sql("SELECT "
		  . join(" || E'\\t' || ", map { "coalesce($_\::text, '')" } @columns)
		  . " FROM ecapi.destination WHERE destination = " . literal($name)), -1;
	return \%row;
}

# Rows of the request log of a destination in order, as hashes.
sub log_rows
{
	my ($self, $name) = @_;
	my @columns = qw(outcome status events attempt error reason latency_ms);
	my @rows;

	for my $line (split /\n/, $self->sql("SELECT "
		  . join(" || E'\\t' || ", map { "coalesce($_\::text, '')" } @columns)
		  . " FROM ecapi.request WHERE destination = " . literal($name)
		  . " ORDER BY request_id"))
	{
		my %row;

		@row{@columns} = split /\t/, $line, -1;
		push @rows, \%row;
	}
	return @rows;
}

# What ecapi.check() finds, one a line, with what to do: of a severity, and where
# given, about something that a regular expression of SQL matches.
sub doctor
{
	my ($self, $severity, $about) = @_;

	return $self->sql("SELECT what || ' -- ' || coalesce(what_to_do, '') FROM ecapi.check()"
		  . " WHERE severity = '$severity' AND what ~ " . literal($about // ''));
}

# --- waiting

# Wait until a function returns true.
sub wait_for
{
	my ($self, $condition, $what) = @_;

	return wait_until($condition, $what, sub { $self->_explain });
}

# What there is to see when a wait gives up.
sub _explain
{
	my ($self) = @_;
	my $text = '';

	for my $query ('TABLE ecapi.destination', 'SELECT * FROM ecapi.worker()')
	{
		my (undef, $rows, $error) = eval { $self->psql($self->database, "\\x on\n$query", extra_params => ['-P', 'tuples_only=off']) };

		$text .= "$query:\n" . ($@ || "$rows$error") . "\n";
	}
	my @log = split /\n/, $self->log_text;

	splice @log, 0, -20 if @log > 20;
	return "${text}end of the log:\n" . join("\n", @log);
}

# Wait until a boolean SQL expression, or a query of one, gives true.  The server may
# be away meanwhile.
sub wait_sql
{
	my ($self, $expression, $what) = @_;
	my $said = '';

	return wait_until(
		sub {
			my ($status, $value, $error) = eval { $self->try_sql("SELECT ($expression)") };

			$said = $@ || "$value $error";
			return defined $status && $status == 0 && $value eq 't';
		},
		defined $what ? "$what: $expression" : $expression,
		sub { "it gave: $said\n" . $self->_explain });
}

# Wait until a condition on a row of ecapi.destination holds.
sub wait_row
{
	my ($self, $name, $condition) = @_;

	return $self->wait_sql("SELECT $condition FROM ecapi.destination WHERE destination = "
		  . literal($name));
}

# Wait until the view shows a state and, where given, a detail: regular expressions.
sub wait_state
{
	my ($self, $name, $state, $detail) = @_;

	return $self->wait_row($name, "state ~ '^($state)\$' AND coalesce(detail, '') ~ " . literal($detail // ''));
}

# Wait until destinations have nothing left.  A wait for a next try is ended.
sub drained
{
	my ($self, @names) = @_;

	$self->wait_row($_, "state = 'idle' AND backlog = 0") for @names;
	return;
}

# Wait until a destination has stopped for a reason.
sub stopped
{
	my ($self, $name, $like) = @_;

	return $self->wait_row($name,
		"state = 'stopped' AND detail LIKE " . literal($like));
}

# --- the worker, and crashes

sub worker_pid { return $_[0]->sql('SELECT pid FROM ecapi.worker()') }

# Wait until a worker runs: another one than that of a process id, where given.
sub wait_worker
{
	my ($self, $pid) = @_;

	return $self->wait_sql("SELECT state = 'running'" . ($pid ? " AND pid <> $pid" : '') . ' FROM ecapi.worker()');
}

# Wait until the worker, or each of several, has begun some more turns of its loop.
sub wait_turns
{
	my ($self, $turns) = @_;
	my $workers = "FROM pg_stat_activity WHERE backend_type = 'ecapi worker' AND datname = current_database()";

	for (1 .. $turns)
	{
		my $at = $self->sql("SELECT max(state_change) $workers");

		$self->wait_sql("SELECT bool_and(state_change > '$at') $workers", 'the worker begins a turn');
	}
	return;
}

# End the worker, or all of several, as an operator would; others are started.
sub terminate_worker
{
	return $_[0]->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		  . " WHERE backend_type = 'ecapi worker' AND datname = current_database()");
}

sub restart_worker
{
	my ($self) = @_;
	my $pid = $self->worker_pid;

	$self->terminate_worker;
	return $self->wait_worker($pid);
}

# kill -9 of the worker; returns its process id.  The server restarts all of its
# processes where restart_after_crash is on: wait_worker().
sub kill_worker
{
	my ($self) = @_;
	my $pid = $self->worker_pid;

	kill('KILL', $pid) == 1 or die "could not kill the worker: $!";
	return $pid;
}

# kill -9 of the postmaster; between() is called before the server is started again.
sub crash
{
	my ($self, $between) = @_;
	my $worker = $self->worker_pid;

	$self->kill9;
	$between->() if $between;
	# its children end by themselves; a new postmaster cannot start before that
	$self->wait_for(sub { !kill(0, $worker) }, 'the worker of the killed postmaster has ended');
	return $self->wait_for(sub { $self->start(fail_ok => 1) }, 'the server has started again');
}

# --- programs beside the test

my %background;

# Start a program that talks to this server; returns its process id.  Its output
# goes to /dev/null, or to a file.  It ends by itself, see wait_background(), by
# end_background(), or with the test.
sub background
{
	my ($self, $command, $output) = @_;
	my $owner = $$;

	local %ENV = $self->_get_env;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $output // '/dev/null');
		open(STDERR, '>&', \*STDOUT);
		exec { $command->[0] } @$command or POSIX::_exit(127);
	}
	$background{$pid} = $owner;
	return $pid;
}

# pgbench with a script of its own, until it is ended.
sub pgbench_beside
{
	my ($self, $script, @options) = @_;
	my $file = $self->basedir . '/beside.sql';

	open(my $out, '>', $file) or die "open: $!";
	print $out $script;
	close $out or die "close: $!";
	return $self->background([ $self->installed_command('pgbench'), '-n', @options, '-T', 36000, '-f', $file, $self->connstr($self->database) ]);
}

# End a program, by TERM or the signal named, and wait for it.  Its sessions end by
# themselves, perhaps a little later.
sub end_background
{
	my ($self, $pid, $signal) = @_;

	delete $background{$pid};
	kill $signal // 'TERM', $pid;
	waitpid($pid, 0);
	return;
}

# Wait for a program that ends by itself; returns its wait status.
sub wait_background
{
	my ($self, $pid) = @_;

	waitpid($pid, 0);
	delete $background{$pid};
	return $?;
}

END
{
	my $status = $?;

	for my $pid (grep { $background{$_} == $$ } keys %background)
	{
		kill 'KILL', $pid;
		waitpid($pid, 0);
	}
	$? = $status;
}

# Restore into a new database by a program, to which the name of the database is given
# last, and test that neither the program nor the server warns of anything.
sub restored
{
	my ($self, $database, @command) = @_;
	my $from = -s $self->logfile;
	my ($out, $error);

	$self->sql("CREATE DATABASE $database");
	local %ENV = $self->_get_env;
	my $done = IPC::Run::run([ @command, '-d', $self->connstr($database) ], '>', \$out, '2>', \$error);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Test::More::ok($done, "$database is restored");
	Test::More::is($error, '', 'without a word');
	Test::More::unlike($self->log_text($from), qr/ (WARNING|NOTICE|ERROR): /, 'nor one in the log');
	return;
}

# --- what a receiver holds

# Emit PREFIX-1 to PREFIX-count, and test that a receiver gets just these; then a
# destination has nothing left.
sub delivers
{
	my ($self, $receiver, $name, $prefix, $count) = @_;

	$self->emit("$prefix-", 1, $count);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$receiver->wait_received($prefix, $count);
	return $self->drained($name);
}

# Compare what a receiver holds of a data set with the ids that should be
# there.  Returns counts: expected, records, missing, phantoms, repeats (the
# same bytes again), conflicts (other bytes under the same id), rejected (by
# the receiver's own checks); missing_ids and phantom_ids show the first few.
sub compare
{
	my ($self, $receiver, $data_set, $expected) = @_;
	my %expected = map { $_ => 1 } @$expected;
	my %seen;
	my %n = (expected => scalar keys %expected, records => 0, repeats => 0,
		conflicts => 0, rejected => 0);

	for my $record ($receiver->records)
	{
		next unless ($record->{data_set_id} // '') eq $data_set;
		$n{records}++;
		$n{repeats}++ if $record->{merged} eq 'repeat';
		$n{conflicts}++ if $record->{merged} eq 'conflict';
		$n{rejected}++ if $record->{verdict} ne 'ok';
		$seen{ $record->{id} // '(none)' }++;
	}
	my @missing = grep { !$seen{$_} } sort keys %expected;
	my @phantoms = grep { !$expected{$_} } sort keys %seen;

	@n{qw(missing phantoms)} = (scalar @missing, scalar @phantoms);
	$n{missing_ids} = join(' ', splice(@missing, 0, 5));
	$n{phantom_ids} = join(' ', splice(@phantoms, 0, 5));
	return \%n;
}

# The counts of compare() in one line.
sub figures
{
	my ($self, $n) = @_;

	return join(', ', map { "$_ $n->{$_}" }
		  qw(expected records missing phantoms repeats conflicts rejected))
	  . ($n->{missing} ? ", missing are $n->{missing_ids}" : '')
	  . ($n->{phantoms} ? ", phantoms are $n->{phantom_ids}" : '');
}

# As compare(), as a test: nothing missing, no phantom, no conflict, no
# rejection, and no repeat unless repeats => 1.  Prints the figures.
sub all_there
{
	my ($self, $receiver, $data_set, $expected, $what, %allowed) = @_;
	my $n = $self->compare($receiver, $data_set, $expected);
	my $wrong = 0;

	$wrong += $n->{$_} for qw(missing phantoms conflicts rejected);
	$wrong += $n->{repeats} unless $allowed{repeats};
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Test::More::ok($wrong == 0, $what)
	  or Test::More::diag("$data_set: " . $self->figures($n));
	Test::More::note("$data_set: " . $self->figures($n));
	return $n;
}

# A test: none of the words is in the text.  The text is not printed.
sub holds_none
{
	my ($text, $words, $name) = @_;
	my @found = grep { index(lc $text, lc $_) >= 0 } @$words;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Test::More::is(join(' ', @found), '', $name);
	return;
}

1;
