# Writer: one connection of the chaos run's shop, as scripts for psql.
#
#   my $writer = Writer->new(number => 3, dir => ..., psql => ..., seed => 7);
#   $writer->work($file);           # in a process of its own, until that file is there
#
# All that a writer does is drawn from (seed, number): transactions of all
# isolation levels, with synchronous_commit on and off, with savepoints that
# are rolled back, that fail, roll back, commit late, or are prepared and ended
# later, in each of which rows are written and events emitted (schema.sql).
# Only how much of it takes place differs: a server that is away is waited for,
# and what it cut off is not repeated.
#
# In dir/N.log a line "try W.n" is written before transaction n that is to
# commit durably, and in dir/N.out psql prints "ack W.n" after its COMMIT has
# succeeded.  So what was tried and not acknowledged has an unknown outcome,
# which the table chaos.txn tells, and what was acknowledged must be in there.
package Writer;

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

# Keys of one writer begin at number * KEYS; what is never to commit, at half.
use constant KEYS => 2_000_000_000;

my @LEVELS = (('READ COMMITTED') x 7, ('REPEATABLE READ') x 2, 'SERIALIZABLE');

sub new
{
	my ($class, %options) = @_;

	return bless { transactions => 0, key => 0, phantom => 0, prepared => [], open_leads => [],
		%options }, $class;
}

# A number from low to high.
sub between { return $_[0] + int(rand($_[1] - $_[0] + 1)) }

sub chance { return rand() < $_[0] }

sub _key
{
	my ($self, $phantom) = @_;

	return $phantom ? $self->{number} * KEYS + KEYS / 2 + ++$self->{phantom}
	  : $self->{number} * KEYS + ++$self->{key};
}

sub _amount { return sprintf '%.2f', between(100, 99999) / 100 }

sub _emit
{
	my ($self, $phantom) = @_;
	my ($id, $value) = ('s-' . $self->_key($phantom), _amount());

	return "INSERT INTO chaos.subscriptions VALUES ('$id', $value);\n"
	  . "SELECT ecapi_emit('subscribe', id => '$id', value => $value, currency_code => 'EUR',"
	  . " user_data => '{\"email_address\": \"$id\@example.com\"}');\n";
}

# Orders in one statement: few, or now and then many.
sub _orders
{
	my ($self, $phantom) = @_;
	my $count = chance(0.01) ? between(100, 500) : between(1, 6);
	my @rows = map { '(' . $self->_key($phantom) . ', ' . between(1, 100) . ', ' . _amount() . ')' } 1 .. $count;

	return 'INSERT INTO chaos.orders (order_id, customer_id, total) VALUES ' . join(', ', @rows) . ";\n";
}

# A lead that is won in this transaction, or in a later one.
sub _lead
{
	my ($self, $phantom) = @_;
	my $key = $self->_key($phantom);
	my $text = "INSERT INTO chaos.leads (lead_id) VALUES ($key);\n";

	if (!$phantom && chance(0.5))
	{
		push @{ $self->{open_leads} }, $key;
		return $text;
	}
	return $text . "UPDATE chaos.leads SET status = 'won', at = clock_timestamp(), xact = DEFAULT WHERE lead_id = $key;\n"
	  . "UPDATE chaos.leads SET status = status WHERE lead_id = $key;\n";
}

sub _win
{
	my ($self, $phantom) = @_;
	my $leads = $self->{open_leads};

	return '' if $phantom || !@$leads;
	return "UPDATE chaos.leads SET status = 'won', at = clock_timestamp(), xact = DEFAULT WHERE lead_id = "
	  . shift(@$leads) . ";\n";
}

# Its value is right only at the commit.
sub _cart
{
	my ($self, $phantom) = @_;
	my ($key, $value) = ($self->_key($phantom), _amount());

	return "INSERT INTO chaos.carts VALUES ($key, 0);\n"
	  . ($phantom ? '' : $self->_orders(0))
	  . "UPDATE chaos.carts SET total = $value WHERE cart_id = $key;\n";
}

sub _visits
{
	my ($self, $phantom) = @_;

	return 'INSERT INTO chaos.visits (visit_id) VALUES '
	  . join(', ', map { '(' . $self->_key($phantom) . ')' } 1 .. between(1, 8)) . ";\n";
}

my @KINDS = (\&_emit, \&_emit, \&_orders, \&_orders, \&_lead, \&_win, \&_cart, \&_visits);

# Some statements; with phantom they must not commit.
sub _statements
{
	my ($self, $phantom) = @_;

	return join '', map { $KINDS[ between(0, $#KINDS) ]->($self, $phantom) } 1 .. between(1, 4);
}

# How a transaction ends: text, and whether a COMMIT is to be acknowledged.
sub _ending
{
	my ($self, $how, $durable) = @_;
	my $name = "chaos-$self->{number}-$self->{transactions}";

	return "ROLLBACK;\n" if $how eq 'rollback';
	return "SELECT 1 / 0;\nCOMMIT;\n" if $how eq 'fail';
	if ($how =~ /prepared/)
	{
		push @{ $self->{prepared} }, [ $self->{transactions} + between(1, 12),
			($how eq 'prepared' ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$name';\n" ];
		return "PREPARE TRANSACTION '$name';\n";
	}
	return "COMMIT;\n" if !$durable;
	return "SELECT '$self->{number}.$self->{transactions}' AS done \\gset\nCOMMIT;\n"
	  . "\\if :ERROR\n\\else\n\\echo ack :done\n\\endif\n";
}

# One transaction.
sub transaction
{
	my ($self, $log) = @_;
	my $dice = rand();
	my $how = $dice < 0.08 ? 'rollback' : $dice < 0.11 ? 'fail' : $dice < 0.17 ? 'prepared'
	  : $dice < 0.19 ? 'prepared, no' : 'commit';
	my $phantom = $how ne 'commit' && $how ne 'prepared';
	# few: each one writes the WAL of the others, too, and what is to be seen is
	# that nothing is sent whose WAL is not written
	my $durable = chance(0.2);
	my $n = ++$self->{transactions};
	my $text = 'SET synchronous_commit = ' . ($durable ? 'on' : 'off') . ";\n"
	  . 'BEGIN ISOLATION LEVEL ' . $LEVELS[ between(0, $#LEVELS) ] . ";\n"
	  . "INSERT INTO chaos.txn VALUES ($self->{number}, $n);\n";

	if (chance(0.2))
	{
		$text .= "SAVEPOINT a;\n" . $self->_statements(1) . "ROLLBACK TO a;\n";
		$text .= "SAVEPOINT b;\n" . $self->_statements($phantom) . "RELEASE b;\n";
	}
	$text .= $self->_statements($phantom);
	$text .= sprintf "SELECT pg_sleep(%.2f);\n", 0.2 + rand(2.5) if chance(0.03);
	print $log "try $self->{number}.$n\n" if $how eq 'commit' && $durable;
	$text .= $self->_ending($how, $durable);
	return $text . $self->_end_prepared;
}

sub _end_prepared
{
	my ($self) = @_;
	my @due = grep { $_->[0] <= $self->{transactions} } @{ $self->{prepared} };

	$self->{prepared} = [ grep { $_->[0] > $self->{transactions} } @{ $self->{prepared} } ];
	push @{ $self->{ended} }, @due;
	return join '', map { $_->[1] } @due;
}

# Transactions of about a second at the rate that was asked for, then the next,
# until a file is there.  Ends by exit.
sub work
{
	my ($self, $stop) = @_;
	my $base = "$self->{dir}/$self->{number}";

	srand($self->{seed} * 1000 + $self->{number});
	open(my $log, '>>', "$base.log") or die "open: $!";
	$log->autoflush(1);
	while (!-e $stop)
	{
		my $began = time;
		my $count = between(3, 15);

		$self->{ended} = [];
		my $text = "\\set done none\n" . $self->_end_prepared;
		$text .= $self->transaction($log) for 1 .. $count;

		open(my $script, '>', "$base.sql") or die "open: $!";
		print $script $text;
		close $script or die "close: $!";
		my $status = system("exec '$self->{psql}' -X -q -A -t -f '$base.sql' >>'$base.out' 2>>'$base.err'");
		if ($status != 0)
		{
			# cut off: a transaction that stays prepared would hold its slots of
			# the ring for ever, so what should have ended is ended again
			push @{ $self->{prepared} }, @{ $self->{ended} };
			# the server is away: not in a busy loop until it is back
			sleep 0.2;
		}
		my $left = $count / $self->{rate} - (time - $began);
		sleep $left if $left > 0;
	}
	# _exit: what the parent opened is the parent's to end
	close $log;
	POSIX::_exit(0);
}

1;
