# Eight writers for a while, in every way that a transaction can end, against
# what the receiver got: nothing is missing, nothing comes twice, nothing comes
# that was not committed.
#
# Each event is emitted beside a row of a table with the same id, in the same
# (sub)transaction, so what is committed of that table is what must arrive.
# Some writers prepare transactions and decide on them much later, some at the
# very end.  The destinations differ in speed; two of them fail now and then.
#
# ECAPI_WRITERS_SECONDS (default 20): how long.  ECAPI_WRITERS_SEED: the same
# choices again.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use IPC::Open2;
use POSIX ();
use Test::More;
use Time::HiRes ();

my $WRITERS = 8;
my $seconds = $ENV{ECAPI_WRITERS_SECONDS} // 20;
my $seed = $ENV{ECAPI_WRITERS_SEED} // int(Time::HiRes::time() * 1000) % 1_000_000;

note "seed $seed, $seconds seconds";
$EcapiWait::DEADLINE += 10 * $seconds;

my $receiver = EcapiReceiver->start(args => [ '--threads', 2 ]);
my $cluster = EcapiCluster->create;

$cluster->sql('CREATE TABLE orders (id text PRIMARY KEY, value int NOT NULL)');

# name => [path, options, repeats allowed]
my %destinations = (
	fast => [ '/fast', { max_in_flight => 1 }, 0 ],
	wide => [ '/wide', { max_in_flight => 8, batch_size => 50 }, 0 ],
	single => [ '/single', { batch_size => 1, max_in_flight => 8 }, 0 ],
	slow => [ '/slow/delay=150', { batch_size => 400, max_in_flight => 1 }, 0 ],
	flaky => [ "/flaky/random=20/seed=$seed/status=503", { batch_size => 300 }, 0 ],
	# stores and does not say so: the same records come again
	cut => [ "/cut/random=20/seed=$seed/cut=after", { batch_size => 300 }, 1 ],
);

for my $name (sort keys %destinations)
{
	my ($path, $options) = @{ $destinations{$name} };

	$cluster->destination($name, $receiver->url($path), $options);
}

# --- a writer

# One event and its row.
sub order
{
	my ($id) = @_;
	my $value = 1 + int rand 1000;

	return "INSERT INTO orders VALUES ('$id', $value);"
	  . "SELECT ecapi_emit('purchase', value => $value, currency_code => 'EUR', id => '$id');\n";
}

# Several, some of them under savepoints that are rolled back or released.
sub body
{
	my ($name) = @_;
	my $n = 0;
	my $sql = '';

	for (1 .. 1 + int rand 4)
	{
		my $way = rand;

		if ($way < 0.5)
		{
			$sql .= order("$name-" . ++$n);
		}
		elsif ($way < 0.75)
		{
			$sql .= 'SAVEPOINT a;' . order("$name-" . ++$n) . "ROLLBACK TO a;\n";
			$sql .= order("$name-" . ++$n) if rand() < 0.5;
		}
		else
		{
			$sql .= 'SAVEPOINT a;' . order("$name-" . ++$n) . 'SAVEPOINT b;'
			  . order("$name-" . ++$n)
			  . (rand() < 0.5 ? 'ROLLBACK TO b;' : 'RELEASE b;') . "RELEASE a;\n";
		}
	}
	return $sql;
}

# Talks to one psql, a transaction at a time, until the time is over.  Leaves
# some prepared transactions behind.
sub writer
{
	my ($which) = @_;
	my $until = Time::HiRes::time() + $seconds;
	my @prepared;
	my $transactions = 0;

	srand($seed + $which);
	my $pid = open2(my $out, my $in, 'psql', '-XAtq', '-d', $cluster->connstr('postgres'));
	my $run = sub {
		print $in $_[0], "\\echo done\n";
		$in->flush;
		while (defined(my $line = <$out>))
		{
			return if $line eq "done\n";
		}
		die "psql of writer $which ended";
	};

	while (Time::HiRes::time() < $until)
	{
		my $name = "w$which-" . ++$transactions;
		my $way = rand;
		my $begin = rand() < 0.3 ? 'BEGIN ISOLATION LEVEL REPEATABLE READ;' : 'BEGIN;';

		if ($way < 0.60)
		{
			$run->($begin . body($name) . 'COMMIT;');
		}
		elsif ($way < 0.70)
		{
			$run->($begin . body($name) . 'ROLLBACK;');
		}
		elsif ($way < 0.75)
		{
			# an error in the middle: the COMMIT rolls back
			$run->("$begin\n" . body($name) . "SELECT 1/0;\nCOMMIT;");
		}
		elsif ($way < 0.90 && @prepared < 6)
		{
			$run->($begin . body($name) . "PREPARE TRANSACTION '$name';");
			push @prepared, $name;
		}
		elsif ($way < 0.905)
		{
			# seconds, with events at both ends: that others commit meanwhile is the point
			$run->($begin . order("$name-first")
				  . 'SELECT pg_sleep(' . (1 + rand 3) . ');' . body($name) . 'COMMIT;');
		}
		else
		{
			$run->(order("$name-alone"));
		}
		if (@prepared && rand() < 0.12)
		{
			my $gid = splice(@prepared, int rand @prepared, 1);

			$run->((rand() < 0.7 ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$gid';");
		}
		# the pace of a writer; nothing waits for it
		Time::HiRes::sleep(rand 0.02);
	}
	close $in;
	waitpid($pid, 0);
	POSIX::_exit($? == 0 ? 0 : 1);
}

my $started = Time::HiRes::time();
my @writers;

{
	local %ENV = $cluster->_get_env;
	local *STDERR;

	open(STDERR, '>', $cluster->basedir . '/writers.err') or die "open: $!";
	for my $which (1 .. $WRITERS)
	{
		my $pid = fork() // die "fork: $!";

		if ($pid == 0)
		{
			eval { writer($which) };
			POSIX::_exit(1);
		}
		push @writers, $pid;
	}
}
my $failed = 0;
for my $pid (@writers)
{
	waitpid($pid, 0);
	$failed++ if $?;
}
is($failed, 0, 'every writer went on to the end');
my $written = Time::HiRes::time() - $started;

# Decide on what is still prepared, after everything else has arrived.
$cluster->wait_row($_, 'backlog = 0') for sort keys %destinations;
srand($seed);
my @left = split /\n/, $cluster->sql('SELECT gid FROM pg_prepared_xacts ORDER BY gid');
my $late = 0;
for my $gid (@left)
{
	my $commit = $late == 0 || rand() < 0.5;

	$late++ if $commit;
	$cluster->sql(($commit ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$gid'");
}
ok($late > 0, "some transactions were committed after all later ones had arrived");
$cluster->drained(sort keys %destinations);
my $drained = Time::HiRes::time() - $started;

# --- the comparison

my %value = map { split /\|/ } split /\n/, $cluster->sql('SELECT id, value FROM orders');
my @expected = keys %value;
my @records = $receiver->records;

cmp_ok(scalar @expected, '>', 100 * $seconds, 'there was something to deliver');

my %sum = map { $_ => 0 } qw(missing phantoms repeats);
for my $name (sort keys %destinations)
{
	my $n = $cluster->all_there($receiver, $name, \@expected,
		"$name: missing 0, phantoms 0" . ($destinations{$name}[2] ? '' : ', repeats 0'),
		repeats => $destinations{$name}[2]);
	my $row = $cluster->row($name);

	$sum{$_} += $n->{$_} for qw(missing phantoms);
	$sum{repeats} += $n->{repeats} unless $destinations{$name}[2];
	is($row->{delivered}, scalar @expected, "$name: its view counts as many");
	is("$row->{failed} $row->{filtered}", '0 0', "$name: none failed, none filtered");
}
diag sprintf('seed %d: %d events committed by %d writers in %.1f s, at all of %d destinations after %.1f s; '
	  . '%d transactions committed very late; missing %d, duplicates %d, phantoms %d',
	$seed, scalar @expected, $WRITERS, $written, scalar keys %destinations, $drained, $late,
	@sum{qw(missing repeats phantoms)});
is((grep { $_->{value} != $value{ $_->{id} } } @records), 0, 'every value is that of the row');
cmp_ok((grep { $_->{data_set_id} eq 'cut' && $_->{merged} eq 'repeat' } @records), '>', 0,
	'the receiver that stores without saying so got records again');
cmp_ok((grep { $_->{status} == 503 } $receiver->requests), '>', 0, 'some requests failed');

# Where one request is under way at a time, events of a transaction keep order.
my %last;
my $disorder = 0;
for my $record (grep { $_->{data_set_id} eq 'fast' } @records)
{
	my ($transaction, $n) = $record->{id} =~ /^(w\d+-\d+)-(\d+)$/ or next;

	$disorder++ if $n <= ($last{$transaction} // 0);
	$last{$transaction} = $n;
}
is($disorder, 0, 'events of one transaction arrived in order');
is($cluster->sql('SELECT count(*) FROM ecapi.outbox') + 0, scalar @expected,
	'the outbox holds just what was committed');

$cluster->stop;
done_testing();
