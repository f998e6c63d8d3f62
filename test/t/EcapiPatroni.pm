# EcapiPatroni: two servers under Patroni, with an etcd; see EcapiFailover.
#
# The settings of the cluster are those of the manual (doc/operating.md), put in as it says.
package EcapiPatroni;

use strict;
use warnings;

use parent 'EcapiFailover';

use EcapiManual qw(servers);
use EcapiWait qw(wait_until);
use File::Basename qw(dirname);
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More;

my %PROGRAM = map { $_ => "/usr/bin/$_" } qw(etcd patroni patronictl);

# Since Debian's Patroni 4 the way to etcd is a package beside it.
sub missing
{
	return (grep { !-x $PROGRAM{$_} } sort keys %PROGRAM), -d '/usr/lib/python3/dist-packages/etcd' ? () : 'python3-etcd';
}

sub server_alone { return 1 }

sub _port { return PostgreSQL::Test::Cluster::get_free_port() }

sub launch
{
	my ($self) = @_;
	my ($client, $peer) = (_port(), _port());

	$self->{etcd} = $client;
	$self->daemon('etcd', "$self->{dir}/etcd.log", [ $PROGRAM{etcd}, '--name', 'e', '--data-dir', "$self->{dir}/etcd",
			'--listen-client-urls', "http://127.0.0.1:$client", '--advertise-client-urls', "http://127.0.0.1:$client",
			'--listen-peer-urls', "http://127.0.0.1:$peer", '--initial-advertise-peer-urls', "http://127.0.0.1:$peer",
			'--initial-cluster', "e=http://127.0.0.1:$peer" ]);
	wait_until(sub { HTTP::Tiny->new->get("http://127.0.0.1:$client/health")->{content} =~ /"health":"true"/ }, 'etcd serves',
		sub { slurp_file("$self->{dir}/etcd.log") });

	$self->_write_configuration($self->node($_)) for qw(a b);
	$self->manage($self->{a});
	$self->wait_promoted($self->{a});
	$self->wait_for(sub { HTTP::Tiny->new->get("http://$self->{rest}[0]/config")->{success} && grep { "$_->{role} $_->{state}" eq 'leader running' } $self->_members },
		'Patroni has written down the settings of the cluster');
	$self->_configure_by('--apply', $self->_file('settings.yml', servers('operating', 'patroni settings', '/etc/ecapi' => $self->{dir})));
	$self->wait_for(sub { grep { $_->{pending_restart} } $self->_members }, 'Patroni sees a setting that needs a restart');
	$self->_ctl('restart', '--force', 'shop');
	$self->wait_for(sub { $self->holds($self->{a}, "current_setting('shared_preload_libraries') = 'ecapi' AND NOT pg_is_in_recovery()") }, 'the library is preloaded');
	$self->manage($self->{b});
	# what is set while Patroni does not know yet that a server runs, is not set there
	$self->wait_for(sub { 2 == grep { $_->{state} =~ /^(running|streaming)$/ } $self->_members }, 'Patroni has made a standby');
	return;
}

sub _file
{
	my ($self, $name, $text) = @_;
	my $path = "$self->{dir}/$name";

	unlink $path;
	append_to_file($path, $text);
	chmod 0600, $path;
	return $path;
}

# Configuration of a node.  Passwords, because Patroni comes by 127.0.0.1, where others may
# be, too.
sub _write_configuration
{
	my ($self, $node) = @_;
	my $name = $node->name;
	my $rest = '127.0.0.1:' . _port();
	my $address = '127.0.0.1:' . $node->port;
	my ($user) = getpwuid($<);
	my %own = $self->own_settings;

	push @{ $self->{rest} }, $rest;
	$self->{password} //= join '', map { sprintf '%08x', int rand 2**32 } 1 .. 4;
	# JSON is YAML
	$self->_file("$name.yml", JSON::PP->new->canonical->pretty->encode({
			scope => 'shop', name => $name, log => { level => 'INFO' },
			restapi => { listen => $rest, connect_address => $rest },
			etcd3 => { hosts => [ "127.0.0.1:$self->{etcd}" ] },
			bootstrap => {
				dcs => { ttl => 20, loop_wait => 2, retry_timeout => 8, maximum_lag_on_failover => 256 * 1024 * 1024 },
				initdb => [ { encoding => 'UTF8' }, { locale => 'C' }, 'data-checksums' ] },
			postgresql => {
				listen => $address, connect_address => $address, use_unix_socket => JSON::PP::true,
				data_dir => $node->data_dir, bin_dir => dirname($self->_program('postgres')), pgpass => "$self->{dir}/$name.pgpass",
				authentication => { superuser => { username => $user, password => $self->{password} },
					replication => { username => 'replicator', password => $self->{password} } },
				pg_hba => [ 'local all all trust', 'host replication replicator 127.0.0.1/32 scram-sha-256', "host all $user 127.0.0.1/32 scram-sha-256" ],
				parameters => \%own } }));
	return;
}

# The program of the server that the test runs with.
sub _program
{
	my ($self, $name) = @_;

	chomp(my $directory = `pg_config --bindir`);
	return "$directory/$name";
}

sub manage
{
	my ($self, $node) = @_;

	return $self->daemon($node->name, $node->logfile, [ $PROGRAM{patroni}, "$self->{dir}/" . $node->name . '.yml' ]);
}

sub _ctl
{
	my ($self, $command, @arguments) = @_;
	my $said;

	IPC::Run::run([ $PROGRAM{patronictl}, '-c', "$self->{dir}/a.yml", $command, @arguments ], '<', \'', '>&', \$said) or die "patronictl $command: $said";
	return $said;
}

sub _configure_by { my ($self, @arguments) = @_; return $self->_ctl('edit-config', '--force', '--quiet', @arguments, 'shop') }

# What Patroni knows of the members, as the one of node a or that of node b tells.
sub _members
{
	my ($self) = @_;

	for my $rest (@{ $self->{rest} })
	{
		my $response = HTTP::Tiny->new(timeout => 5)->get("http://$rest/cluster");

		return @{ JSON::PP::decode_json($response->{content})->{members} } if $response->{success};
	}
	return;
}

# In its synchronous mode Patroni sets synchronous_standby_names first, and then notes that
# the standby may be promoted.
sub agrees
{
	my ($self, $synchronous) = @_;
	my %role = map { $_->{name} => "$_->{role} $_->{state}" } $self->_members;
	my $primary = $role{ $self->{primary}->name } // '';
	my $standby = $role{ $self->{standby}->name } // '';

	return $primary eq 'leader running' && $standby =~ ($synchronous ? qr/^sync_standby (running|streaming)$/ : qr/^replica (running|streaming)$/);
}

sub configure
{
	my ($self, %mode) = @_;

	$self->_configure_by('-s', 'synchronous_mode=' . ($mode{synchronous} ? 'true' : 'false'), '-p', qq(ecapi.wait_for_standby="$mode{wait_for_standby}"));
	return $self->wait_setting('ecapi.wait_for_standby', $mode{wait_for_standby});
}

# Without its Patroni the node's key in etcd runs out, and its server knows nothing of it.
sub leave
{
	my ($self, $node) = @_;

	return $self->kill_daemon($node);
}

1;
