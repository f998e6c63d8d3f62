# EcapiCluster: a server that delivers events, for TAP tests.
#
#   my $cluster = EcapiCluster->start;
#   $cluster->destination('one', $receiver->url('/one'), { batch_size => 1 });
#   $cluster->emit('a', 1, 1000);                   # a1 to a1000, one transaction
#   $cluster->drained('one');                       # waits
#   my $figures = $cluster->compare($receiver, 'one', [ids('a', 1, 1000)]);
#
# A destination's data_set_id is its name unless given, so records of several
# destinations of one receiver can be told apart, and are merged apart.
#
# What waits here waits for a condition and dies after a deadline, showing the
# destinations; nothing depends on how long something takes.
package EcapiCluster;

use strict;
use warnings;

use Exporter qw(import);
use PostgreSQL::Test::Cluster;
use Test::More ();
use Time::HiRes ();

our @EXPORT_OK = qw(ids literal);

# Seconds that a wait may take before it gives up.
our $DEADLINE = $ENV{ECAPI_DEADLINE} // 240;

# Initialize and start a server with the extension in database postgres.
# Options: name => ..., conf => text added to postgresql.conf.
sub start
{
	my ($class, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($options{name} // 'main');
	my $self = bless { node => $node }, $class;

	$node->init;
	mkdir $self->credentials, 0700 or die "mkdir: $!";
	$node->append_conf('postgresql.conf', join("\n",
			"shared_preload_libraries = 'ecapi'",
			"ecapi.credential_directory = '" . $self->credentials . "'",
			"max_prepared_transactions = 64",
			"log_line_prefix = '%m [%p] %b '",
			$options{conf} // '') . "\n");
	$node->start;
	$self->sql('CREATE EXTENSION ecapi');
	return $self;
}

sub node { return $_[0]{node} }

# The directory of files that credentials name.
sub credentials { return $_[0]{node}->basedir . '/credentials' }

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

# Run SQL, die on error, return what it prints.
sub sql { return $_[0]{node}->safe_psql('postgres', $_[1]) }

# Run SQL; returns exit status, standard output, standard error.
sub try_sql { return $_[0]{node}->psql('postgres', $_[1], on_error_stop => 1) }

# An SQL literal.
sub literal { return "'" . ($_[0] =~ s/'/''/gr) . "'" }

sub _options
{
	my ($options) = @_;

	return join(', ', map { "$_ " . literal($options->{$_}) } sort keys %$options);
}

# Text of the statements that create a destination.
sub destination_sql
{
	my ($self, $name, $url, $options, $mapping) = @_;
	my %server = (url => $url, data_set_id => $name, %{ $options // {} });

	return "CREATE SERVER \"$name\" FOREIGN DATA WRAPPER ecapi OPTIONS ("
	  . _options(\%server) . ');'
	  . ($mapping
		? "CREATE USER MAPPING FOR PUBLIC SERVER \"$name\" OPTIONS (" . _options($mapping) . ');'
		: '');
}

# Create a destination; options of the server, options of its user mapping.
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

# Wait until a function returns true.
sub wait_for
{
	my ($self, $condition, $what) = @_;
	my $until = Time::HiRes::time() + $DEADLINE;

	for (;;)
	{
		return 1 if $condition->();
		last if Time::HiRes::time() > $until;
		Time::HiRes::sleep(0.05);
	}
	die "timed out waiting until $what; destinations:\n"
	  . eval { $self->sql('SELECT * FROM ecapi.destination') } . "\n";
}

# Wait until a boolean SQL expression holds.
sub wait_sql
{
	my ($self, $expression) = @_;

	return $self->wait_for(
		sub { (eval { $self->sql("SELECT ($expression)") } // '') eq 't' }, $expression);
}

# Wait until a condition on a row of ecapi.destination holds.
sub wait_row
{
	my ($self, $name, $condition) = @_;

	return $self->wait_sql("SELECT $condition FROM ecapi.destination WHERE destination = "
		  . literal($name));
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

sub worker_pid { return $_[0]->sql('SELECT pid FROM ecapi.worker()') }

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

1;
