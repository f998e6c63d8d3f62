# EcapiFailover: two servers and a fail-over manager, in rounds of which each kills the
# primary under load.  What the managers have in common, for the classes EcapiPatroni and
# EcapiAutoFailover.
#
#   my $pair = EcapiPatroni->start($receiver);
#   $pair->round($_) for 1 .. 10;
#   $pair->two_primaries;
#   $pair->sum_up;
#   $pair->stop;
#
# A class has, besides missing(), which names programs that are not there:
#
#   launch()            bring up what the manager needs, and node a as the primary, node b as
#                       its standby, both with the library; node() makes them
#   manage(NODE)        start the manager's daemon of a node, by daemon()
#   configure(MODE)     $MODE{synchronous}: commits wait for the standby, or not;
#                       $MODE{wait_for_standby}: ecapi.wait_for_standby of both nodes
#   agrees(SYNCHRONOUS) whether the manager takes the standby for one that it may promote: what
#                       it knows follows what the servers do
#   server_alone()      whether the manager fails over where a server alone is gone; if not, it
#                       starts it where it is
#   leave(NODE)         the daemon of the primary is killed and its server is not, and the
#                       manager is made to take the node for lost; come_back(NODE) ends what
#                       that took, but for the daemon
#
# A node is an EcapiCluster that the manager starts and stops: it is asked over its socket, and
# the manager comes to it by 127.0.0.1.  All files are in directories of the test, and all
# daemons end with it: they are killed by their process ids, and then the servers are stopped.
package EcapiFailover;

use strict;
use warnings;

use EcapiCluster;
use EcapiSessions;
use EcapiWait qw(wait_until);
use PostgreSQL::Test::Utils qw(slurp_file);
use POSIX ();
use Test::More;
use Time::HiRes ();

# Sessions of the load, and what is committed and delivered of each round before the primary is
# killed: more than of the last second, from which on events come again.
my $SESSIONS = 3;
my $COMMITS = 1500;
my $DELIVERED = 500;

my $EMIT = q{WITH o AS (INSERT INTO orders VALUES (%s) RETURNING id)}
  . q{ SELECT ecapi_emit('purchase', value => 10, currency_code => 'EUR', id => o.id) FROM o};

my $WAITS = q{SELECT state = 'running' AND message = 'waiting for a standby, see ecapi.wait_for_standby' FROM ecapi.worker()};

my @started;

# Launch it, make the extension and a destination of a receiver.
sub start
{
	my ($class, $receiver) = @_;
	my $self = bless { receiver => $receiver, owner => $$, daemon => {}, dir => PostgreSQL::Test::Utils::tempdir_short(),
		sum => { acknowledged => 0, lost => 0, repeats => 0 }, took => {} }, $class;

	push @started, $self;
	$self->launch;
	@$self{qw(primary standby)} = @$self{qw(a b)};
	$self->{primary}->sql('CREATE EXTENSION ecapi; CREATE TABLE orders (id text PRIMARY KEY)');
	$self->{primary}->destination('shop', $receiver->url('/shop'));
	return $self;
}

# A server that is not made yet; port and directory of its socket are chosen.
sub node
{
	my ($self, $name) = @_;

	return $self->{$name} = EcapiCluster->new($name);
}

# The settings that are the test's and not the manager's, the same on both nodes.
sub own_settings
{
	my ($self) = @_;

	return (unix_socket_directories => $self->{a}->host, fsync => 'off', log_line_prefix => '%m [%p] %b ', log_statement => 'none',
		wal_keep_size => '1GB', wal_receiver_timeout => '60s');
}

# --- daemons

# Run a program of which the log of a node, or a file, gets what it says; one of that name
# runs at a time.  It stays in the test's process group, so that what ends the test ends it.
sub daemon
{
	my ($self, $name, $log, $command, %environment) = @_;

	die "$name runs already" if $self->{daemon}{$name};
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		delete @ENV{ grep { /^PG/ } keys %ENV };
		@ENV{ keys %environment } = values %environment;
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', $log);
		open(STDERR, '>&', \*STDOUT);
		exec { $command->[0] } @$command or POSIX::_exit(127);
	}
	return $self->{daemon}{$name} = $pid;
}

# A process and all that come from it, as far as they are not orphans.
sub _tree
{
	my ($pid) = @_;
	my %children;

	for my $stat (glob '/proc/[0-9]*/stat')
	{
		open(my $in, '<', $stat) or next;
		push @{ $children{$2} }, $1 if (<$in> // '') =~ /^(\d+) \(.*\) \S (\d+) /s;
	}
	my @tree = ($pid);

	for (my $i = 0; $i < @tree; $i++)
	{
		push @tree, @{ $children{ $tree[$i] } // [] };
	}
	return @tree;
}

# Whether a process is there; one that nobody has asked for its status is not.
sub _runs
{
	my ($pid) = @_;

	open(my $in, '<', "/proc/$pid/stat") or return 0;
	return (<$in> // '') =~ /^\d+ \(.*\) [^ZX] /s;
}

sub come_back { return }

sub postmaster { return (split /\n/, slurp_file($_[1]->data_dir . '/postmaster.pid'))[0] }

# SIGKILL of the daemon of a node and of what it started, but of no server.
sub kill_daemon
{
	my ($self, $node) = @_;
	my $pid = delete $self->{daemon}{ $node->name } // return;
	my $postmaster = $self->postmaster($node);
	my %server = map { $_ => 1 } _tree($postmaster);

	kill 'KILL', grep { !$server{$_} } _tree($pid);
	waitpid($pid, 0);
	return;
}

# SIGKILL of the server of a node, and of all its processes with the daemon: the machine is
# gone; else of the postmaster alone.  Returns when they have ended.
sub kill_node
{
	my ($self, $node, $machine) = @_;
	my $postmaster = $self->postmaster($node);
	my @server = _tree($postmaster);

	$self->kill_daemon($node) if $machine;
	kill 'KILL', $machine ? @server : $postmaster;
	$node->wait_for(sub { !grep { _runs($_) } @server }, 'the processes of the server that was killed have ended');
	return;
}

# --- conditions

# Wait for a condition; what the daemons said last is shown when it does not come.
sub wait_for
{
	my ($self, $condition, $what) = @_;

	return wait_until($condition, $what, sub {
			return join "\n", map { my @log = split /\n/, $self->{$_}->log_text; "--- $_", @log > 40 ? @log[ -40 .. -1 ] : @log } qw(a b);
		});
}

# Whether an SQL expression is true on a node, which may be away.
sub holds
{
	my ($self, $node, $sql) = @_;
	my ($status, $value) = eval { $node->try_sql("SELECT ($sql)") };

	return defined $status && $status == 0 && $value eq 't';
}

# Wait until a node takes orders: pg_auto_failover keeps that from one that is promoted until
# it has seen to the old one.
sub wait_promoted
{
	my ($self, $node) = @_;

	return $self->wait_for(sub { $self->holds($node, "NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'") }, 'node ' . $node->name . ' is promoted');
}

# Wait until the nodes have their parts, and the standby is one of that kind (sync, async).
sub wait_streaming
{
	my ($self, $synchronous) = @_;
	my $kind = $synchronous ? "IN ('sync', 'quorum')" : "= 'async'";

	$self->wait_for(sub { $self->holds($self->{standby}, 'pg_is_in_recovery()') }, 'node ' . $self->{standby}->name . ' is a standby');
	$self->wait_for(
		sub { $self->holds($self->{primary}, "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name !~ 'basebackup' AND sync_state $kind") },
		'node ' . $self->{standby}->name . ' streams, ' . ($synchronous ? 'synchronous' : 'asynchronous'));
	return $self->wait_for(sub { $self->agrees($synchronous) }, 'the manager takes node ' . $self->{standby}->name . ' for its standby');
}

# Both nodes have a setting.
sub wait_setting
{
	my ($self, $name, $value) = @_;

	for my $node (@$self{qw(primary standby)})
	{
		$self->wait_for(sub { $self->holds($node, "current_setting('$name') = '$value'") }, "$name is $value on node " . $node->name);
	}
	return;
}

# --- rounds

sub orders { return [ split /\n/, $_[0]{primary}->sql('SELECT id FROM orders ORDER BY id') ] }

# A standby has no worker, and says so.
sub sends_nothing
{
	my ($self, $node) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->sql("SELECT state || ' ' || (SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^ecapi worker') FROM ecapi.worker()"), 'standby 0',
		'node ' . $node->name . ' is a standby, and has no worker');
	return;
}

# One fail-over under load.
sub fail_over
{
	my ($self, $round, $synchronous, $machine) = @_;
	my $receiver = $self->{receiver};

	$self->configure(synchronous => $synchronous, wait_for_standby => $synchronous ? 'on' : 'any');
	$self->wait_streaming($synchronous);
	$self->{primary}->drained('shop');
	my $known = @{ $self->orders };
	my $repeats = $self->{primary}->compare($receiver, 'shop', $self->orders)->{repeats};
	my $load = EcapiSessions->start($self->{primary}, "o-$round", $SESSIONS, $EMIT);

	$self->{primary}->wait_sql('SELECT count(*) >= ' . ($known + $COMMITS) . ' FROM orders', 'orders are committed');
	$receiver->wait_for(sub { keys %{ $receiver->ids_received("o-$round") } >= $DELIVERED }, 'the worker is delivering');
	my $killed = Time::HiRes::time();
	$self->kill_node($self->{primary}, $machine);
	my @acknowledged = $load->acknowledged;

	@$self{qw(primary standby)} = @$self{qw(standby primary)};
	$self->wait_promoted($self->{primary});
	my $took = Time::HiRes::time() - $killed;
	if ($machine)
	{
		# the manager has told it that there is no standby
		$self->{primary}->drained('shop') if $synchronous;
		$self->manage($self->{standby});
	}
	$self->wait_streaming($synchronous);
	my $returned = Time::HiRes::time() - $killed;
	$self->{primary}->drained('shop');

	my $orders = $self->orders;
	my %durable = map { $_ => 1 } @$orders;
	my $lost = grep { !$durable{$_} } @acknowledged;
	my $n = $self->{primary}->all_there($receiver, 'shop', $orders, 'what the new primary has arrives, and nothing else', repeats => 1);

	cmp_ok(scalar @acknowledged, '>', 0, 'sessions were told of commits');
	is($lost, 0, 'and it has what was acknowledged') if $synchronous;

	# the same events once more from the one that is back would be repeats
	$self->{primary}->delivers($receiver, 'shop', "after-$round", 20);
	$self->{primary}->sql("INSERT INTO orders SELECT 'after-$round-' || i FROM generate_series(1, 20) i");
	$self->sends_nothing($self->{standby});
	is($self->{primary}->compare($receiver, 'shop', $self->orders)->{repeats}, $n->{repeats}, 'what is emitted after it comes once');

	note sprintf('round %d, %s, %s: %d acknowledged, %d of them lost, %d repeats; promoted after %.1f s, the old primary streams after %.1f s',
		$round, $synchronous ? 'synchronous' : 'asynchronous', $machine ? 'with its daemon' : 'the server alone',
		scalar @acknowledged, $lost, $n->{repeats} - $repeats, $took, $returned);
	$self->{sum}{acknowledged} += @acknowledged;
	$self->{sum}{lost} += $lost;
	$self->{sum}{repeats} += $n->{repeats} - $repeats;
	push @{ $self->{took}{ $machine ? 'machine' : 'server' } }, $took;
	push @{ $self->{returned} }, $returned;
	return;
}

# Synchronous and asynchronous in turn, and every other two rounds the whole machine, where
# the manager makes a difference.
sub round
{
	my ($self, $round) = @_;

	return subtest "fail-over $round" => sub { $self->fail_over($round, $round % 2, !$self->server_alone || int($round / 2) % 2) };
}

# A manager that fails over for a node and not for a server alone starts this where it was.
sub server_again
{
	my ($self) = @_;

	return subtest 'a server alone is started again' => sub {
		my $primary = $self->{primary};

		$self->configure(synchronous => 1, wait_for_standby => 'on');
		$self->wait_streaming(1);
		$primary->drained('shop');
		my $repeats = $primary->compare($self->{receiver}, 'shop', $self->orders)->{repeats};
		my $load = EcapiSessions->start($primary, 'again', $SESSIONS, $EMIT);

		$self->{receiver}->wait_for(sub { keys %{ $self->{receiver}->ids_received('again') } >= $DELIVERED }, 'the worker is delivering');
		$self->kill_node($primary, 0);
		my @acknowledged = $load->acknowledged;

		$self->wait_promoted($primary);
		$self->wait_streaming(1);
		$primary->drained('shop');
		is($self->{standby}->sql('SELECT pg_is_in_recovery()'), 't', 'no other is promoted');
		my %durable = map { $_ => 1 } @{ $self->orders };
		my $n = $primary->all_there($self->{receiver}, 'shop', $self->orders, 'what it has arrives, and nothing else', repeats => 1);

		is(scalar(grep { !$durable{$_} } @acknowledged), 0, 'and it has what was acknowledged');
		note sprintf('%d acknowledged, %d repeats', scalar @acknowledged, $n->{repeats} - $repeats);
	};
}

# The primary is cut off from its manager and stays up, a standby is promoted: what is
# committed on the old one is not sent, neither before nor after it is a standby.
sub two_primaries
{
	my ($self) = @_;

	return subtest 'an old primary that still takes itself for one' => sub {
		my $old = $self->{primary};

		$self->configure(synchronous => 0, wait_for_standby => 'any');
		$self->wait_streaming(0);
		$old->drained('shop');
		my $repeats = $old->compare($self->{receiver}, 'shop', $self->orders)->{repeats};

		$self->leave($old);
		@$self{qw(primary standby)} = @$self{qw(standby primary)};
		$self->wait_promoted($self->{primary});
		$self->come_back($old);
		is($old->sql('SELECT pg_is_in_recovery()'), 'f', 'there are two primaries');
		$old->sql("INSERT INTO orders SELECT 'old-' || i FROM generate_series(1, 20) i");
		$old->emit('old-', 1, 20);
		$old->wait_sql($WAITS, 'the worker says what it waits for');
		$old->wait_turns(3);
		is($old->sql('SELECT backlog >= 20 FROM ecapi.destination'), 't', 'its events wait');
		$self->{primary}->sql("INSERT INTO orders SELECT 'new-' || i FROM generate_series(1, 20) i");
		$self->{primary}->emit('new-', 1, 20);
		$self->{primary}->wait_sql($WAITS, 'so does that of the new primary');

		$self->manage($old);
		$self->wait_streaming(0);
		$self->{receiver}->wait_received('new', 20);
		$self->{primary}->drained('shop');
		$self->sends_nothing($old);
		my $n = $self->{primary}->all_there($self->{receiver}, 'shop', $self->orders, 'nothing of the old primary was sent', repeats => 1);
		note sprintf('%d repeats', $n->{repeats} - $repeats);
	};
}

sub _range
{
	my @sorted = sort { $a <=> $b } @_;

	return sprintf '%.0f to %.0f s', @sorted[ 0, -1 ];
}

sub sum_up
{
	my ($self) = @_;

	return note sprintf('%d orders, %d acknowledged, %d of them lost by asynchronous replication, %d repeats; %s; the old primary streams after %s',
		scalar @{ $self->orders }, @{ $self->{sum} }{qw(acknowledged lost repeats)},
		join(', ', map { "promoted after " . _range(@{ $self->{took}{$_} }) . ($_ eq 'machine' ? ' with the daemon gone' : ' with the server gone') } sort keys %{ $self->{took} }),
		_range(@{ $self->{returned} }));
}

# End daemons, by TERM and after a while by KILL, and see that no server is left.
sub stop
{
	my ($self) = @_;

	for my $name (sort keys %{ $self->{daemon} })
	{
		my $pid = delete $self->{daemon}{$name};
		my @tree = _tree($pid);

		kill 'TERM', $pid;
		eval { wait_until(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }, "$name has ended") } or do {
			kill 'KILL', @tree;
			waitpid($pid, 0);
		};
	}
	$self->come_back;
	for my $node (grep { defined } @$self{qw(a b monitor)})
	{
		$node->_update_pid(-1) if -d $node->data_dir;
		$node->stop('immediate', fail_ok => 1);
	}
	return;
}

END
{
	my $status = $?;

	$_->stop for grep { $_->{owner} == $$ } @started;
	$? = $status;
}

1;
