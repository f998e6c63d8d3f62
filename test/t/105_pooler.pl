# Behind a pooler in transaction mode: 20 visitors share four connections of the
# server, and ecapi.context of one is never on the event of another, however it
# was set: for the transaction, for the session, or outside of any transaction.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiWait qw(wait_until);
use IO::Socket::UNIX;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'needs the package pgbouncer' unless -x '/usr/sbin/pgbouncer';

my $cluster = EcapiCluster->create;
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $port = $cluster->port;

# --- an orders table that knows whose order it is

$cluster->sql(<<'SQL');
CREATE TABLE orders (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	visitor bigint,
	server integer DEFAULT pg_backend_pid()
);
CREATE ROLE shop;
ALTER TABLE orders OWNER TO shop;
SELECT ecapi.track('orders', 'purchase', '{"ext.visitor": "visitor"}');
SQL

# --- the pooler, on a socket in a directory of its own

my $user = $cluster->sql('SELECT current_user');
append_to_file("$dir/users", qq("$user" ""\n));
append_to_file("$dir/pgbouncer.ini", <<"INI");
[databases]
postgres = host=@{[ $cluster->host ]} port=$port
[pgbouncer]
listen_addr =
listen_port = $port
unix_socket_dir = $dir
auth_type = trust
auth_file = $dir/users
pool_mode = transaction
default_pool_size = 4
max_client_conn = 100
logfile = $dir/pgbouncer.log
INI

$cluster->background([ '/usr/sbin/pgbouncer', "$dir/pgbouncer.ini" ], "$dir/out");
wait_until(sub { IO::Socket::UNIX->new(Peer => "$dir/.s.PGSQL.$port") }, 'the pooler listens',
	sub { slurp_file("$dir/out") });

# --- four kinds of visitors, 10,000 transactions

my $set = q(SELECT set_config('ecapi.context', '{"user_data": {"event_user_agent": "agent :visitor"}}', %s););
my $order = 'INSERT INTO orders (visitor) VALUES (:visitor);';
my %scripts = (
	transaction => "BEGIN;\n" . sprintf($set, 'true') . "\n$order\nCOMMIT;\n",
	session => "BEGIN;\n" . sprintf($set, 'false') . "\n$order\nCOMMIT;\n",
	outside => sprintf($set, 'false') . "\nINSERT INTO orders (visitor) VALUES (NULL);\n",
	none => "INSERT INTO orders (visitor) VALUES (NULL);\n");
my @files;
for my $name (sort keys %scripts)
{
	append_to_file("$dir/$name.sql", "\\set visitor random(1, 1000000000)\n$scripts{$name}");
	push @files, '-f', "$dir/$name.sql";
}
command_ok([ $cluster->installed_command('pgbench'), '-n', '-h', $dir, '-p', $port,
		'-c', 20, '-j', 2, '-t', 500, @files, 'postgres' ],
	'20 clients ran 500 transactions each');

# --- every event has its own visitor's context, or none

my $events = q(SELECT event->>'id' AS id, event->'ext'->>'visitor' AS visitor,
	event->'user_data'->>'event_user_agent' AS agent FROM ecapi.outbox);

sub one
{
	return $cluster->sql($_[0]);
}

is(one('SELECT count(*) FROM orders'), 10000, 'all transactions committed');
is(one("SELECT count(*) FROM ($events) e"), 10000, 'each is an event');
cmp_ok(one('SELECT count(DISTINCT server) FROM orders'), '<=', 4,
	'over at most four connections of the server');
cmp_ok(one('SELECT count(DISTINCT server) FROM orders'), '>', 1, 'and more than one');
is(one("SELECT count(*) FROM ($events) e WHERE agent <> 'agent ' || visitor
		OR visitor IS NULL AND agent IS NOT NULL"), 0, 'no event has another visitor\'s context');
is(one("SELECT count(*) FROM ($events) e WHERE visitor IS NOT NULL AND agent IS NULL"), 0,
	'none has lost its own');
cmp_ok(one("SELECT count(*) FROM ($events) e WHERE agent IS NOT NULL"), '>', 1000,
	'many have one');

done_testing();
