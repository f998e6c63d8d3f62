# EcapiAutoFailover: two servers under pg_auto_failover, with its monitor; see EcapiFailover.
#
# The settings of the nodes are those of the manual (doc/operating.md).  Commands and daemons
# have their configuration in a directory of the test.  Connections by 127.0.0.1 are let in
# for the roles of pg_auto_failover alone, none of which is a superuser.
package EcapiAutoFailover;

use strict;
use warnings;

use parent 'EcapiFailover';

use EcapiManual qw(servers);
use File::Path qw(make_path);
use IPC::Run ();
use PostgreSQL::Test::Utils qw(append_to_file);
use Test::More;

my $PROGRAM = '/usr/bin/pg_autoctl';

# Milliseconds after which the monitor takes a node for lost, and that it gives an old
# primary to end, shorter than pg_auto_failover has them (20 s and 30 s) and long enough for
# a busy machine.
my %PATIENCE = (health_check_period => 2000, node_considered_unhealthy_timeout => 10000, primary_demote_timeout => 10000, startup_grace_period => 5000);

sub missing
{
	chomp(my $share = `pg_config --sharedir`);
	my %file = (pg_autoctl => $PROGRAM, 'the extension pgautofailover' => "$share/extension/pgautofailover.control");

	return grep { !-e $file{$_} } sort keys %file;
}

# A postmaster that is gone is started again where it was.
sub server_alone { return 0 }

sub launch
{
	my ($self) = @_;

	make_path(map { "$self->{dir}/home/$_" } qw(configuration data run));
	my ($monitor, $a, $b) = map { $self->node($_) } qw(monitor a b);
	my @to = ('--hostname', '127.0.0.1', '--auth', 'trust', '--no-ssl');
	my $url = 'postgres://autoctl_node@127.0.0.1:' . $monitor->port . '/pg_auto_failover?sslmode=disable';
	my @node = (@to, '--pghost', $a->host, '--listen', '127.0.0.1', '--username', 'shop', '--monitor', $url);

	$self->_make($monitor, '');
	$self->_autoctl($monitor, 'create', 'monitor', '--pgport', $monitor->port, @to);
	$self->_autoctl($monitor, 'config', 'set', 'postgresql.listen_addresses', '127.0.0.1');
	$self->manage($monitor);
	$self->wait_for(sub { eval { $self->_ask('SELECT true') } }, 'the monitor serves');
	$self->_ask("ALTER SYSTEM SET pgautofailover.$_ = $PATIENCE{$_}") for sort keys %PATIENCE;
	$monitor->reload;

	$self->_make($a, servers('operating', 'pg_auto_failover settings', '/etc/ecapi' => $self->{dir}));
	$self->_autoctl($a, 'create', 'postgres', '--pgport', $a->port, '--name', 'a', @node);
	$self->manage($a);
	$self->wait_for(sub { $self->_state($a) eq 'single single' }, 'node a is there');
	$self->_autoctl($b, 'create', 'postgres', '--pgport', $b->port, '--name', 'b', @node);
	$self->manage($b);
	$self->wait_for(sub { $self->_state($a) eq 'primary primary' && $self->_state($b) eq 'secondary secondary' }, 'node b is its standby');
	return;
}

# A data directory that pg_autoctl takes over, with settings; those that it makes by itself
# are included at the top of postgresql.conf.
sub _make
{
	my ($self, $node, $settings) = @_;
	my %own = ($self->own_settings, shared_buffers => '32MB', max_connections => 40, logging_collector => 'on',
		log_directory => $PostgreSQL::Test::Utils::log_path, log_filename => ($node->logfile =~ s{.*/(.*)_\w+\.log$}{$1_servers.log}r));

	PostgreSQL::Test::Utils::system_or_bail('initdb', '-D', $node->data_dir, '-A', 'trust', '-N', '--data-checksums', '-E', 'UTF8', '--locale', 'C');
	append_to_file($node->data_dir . '/postgresql.conf', join('', map { "$_ = '$own{$_}'\n" } sort keys %own) . $settings);
	unlink $node->data_dir . '/pg_hba.conf';
	append_to_file($node->data_dir . '/pg_hba.conf', "local all all trust\nlocal replication all trust\n");
	return;
}

sub _environment
{
	my ($self) = @_;
	my $home = "$self->{dir}/home";

	return (HOME => $home, XDG_CONFIG_HOME => "$home/configuration", XDG_DATA_HOME => "$home/data", XDG_RUNTIME_DIR => "$home/run",
		PGHOST => $self->{a}->host, PG_REGRESS_SOCK_DIR => $self->{a}->host);
}

sub _autoctl
{
	my ($self, $node, @command) = @_;
	my $said;

	local %ENV = (%ENV, $self->_environment);
	IPC::Run::run([ $PROGRAM, @command, '--pgdata', $node->data_dir ], '<', \'', '>&', \$said) or die "pg_autoctl @command: $said";
	return $said;
}

sub manage
{
	my ($self, $node) = @_;

	return $self->daemon($node->name, $node->logfile, [ $PROGRAM, 'run', '--pgdata', $node->data_dir ], $self->_environment);
}

# SQL of the monitor.
sub _ask { return $_[0]{monitor}->in('pg_auto_failover')->sql($_[1]) }

# What a node has reported to be, and what it is to be.
sub _state { return $_[0]->_ask("SELECT reportedstate || ' ' || goalstate FROM pgautofailover.node WHERE nodeport = " . $_[1]->port) }

sub agrees
{
	my ($self) = @_;

	return $self->_state($self->{primary}) eq 'primary primary' && $self->_state($self->{standby}) eq 'secondary secondary'
	  && $self->_ask('SELECT count(*) FROM pgautofailover.node WHERE health = 1') == 2;
}

# The command that sets it may end in a deadlock with what nodes report to the monitor; then it
# is given again.
sub _set_quorum
{
	my ($self, $node, $value) = @_;
	my $has = "SELECT replicationquorum = $value FROM pgautofailover.node WHERE nodeport = " . $node->port;

	return $self->wait_for(
		sub {
			return 0 unless $self->agrees;
			return 1 if $self->_ask($has) eq 't';
			eval { $self->_autoctl($node, 'set', 'node', 'replication-quorum', $value) };
			return 0;
		},
		'node ' . $node->name . " has replication-quorum $value");
}

sub configure
{
	my ($self, %mode) = @_;

	for my $node (@$self{qw(primary standby)})
	{
		$self->_set_quorum($node, $mode{synchronous} ? 'true' : 'false');
		$node->sql("ALTER SYSTEM SET ecapi.wait_for_standby = '$mode{wait_for_standby}'");
		$node->reload;
	}
	return $self->wait_setting('ecapi.wait_for_standby', $mode{wait_for_standby});
}

# The monitor comes to a server by itself, so this hangs, too, as one whose machine does: its
# postmaster lets nobody in.
sub leave
{
	my ($self, $node) = @_;

	$self->kill_daemon($node);
	kill 'STOP', $self->{hangs} = $self->postmaster($node);
	return;
}

sub come_back
{
	my ($self) = @_;
	my $pid = delete $self->{hangs} // return;

	kill 'CONT', $pid;
	return;
}

1;
