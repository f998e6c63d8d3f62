# Partitions that are foreign tables: a front and three nodes, each with an outbox and a worker
# of its own.  The SQL is that of the manual (doc/shards.md).
#
#	- Orders are written through the front, by several sessions all the time, while a partition
#	  is moved from one node to another, whose destination is paused: its outbox is not empty.
#	  Each order is one event, under the table's name, once at the receiver; the rows that
#	  the move copies are none, and what is paid after it is.
#	- ecapi.reconcile_nodes() says so, at each step, and finds what is planted.
#	- ecapi.nodes() tells of a node without the extension, one that is away, one that hangs,
#	  one that was never asked, and of a clock that is five minutes behind.
#	- A role that monitors sees the states, and nothing that it could not see on the node.
#	- A superuser who asks all asks no server of another role.
#
# ECAPI_SHARD_ORDERS: how many orders there are (20000).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiClock;
use EcapiCluster;
use EcapiManual qw(servers);
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

chomp(my $share = `pg_config --sharedir`);
for my $name (qw(postgres_fdw dblink))
{
	plan skip_all => "needs the server's own module $name" unless -e "$share/extension/$name.control";
}

my $ORDERS = $ENV{ECAPI_SHARD_ORDERS} || 20000;
my $PAGE = 20;					# orders of a transaction
my $SESSIONS = 4;
my $PARTITIONS = 6;
my @NODES = qw(node_a node_b node_c);

# --- the servers

my $receiver = EcapiReceiver->start;
my $clock = EcapiClock->new;
my $conf = "wal_retrieve_retry_interval = 100ms\nmax_worker_processes = 20\n";
my %node;

for my $name (@NODES)
{
	my $create = sub { EcapiCluster->create(name => $name, init => [ allows_streaming => 'logical' ], conf => $conf) };

	$node{$name} = $name eq 'node_c' ? $clock->under($create) : $create->();
}
my $front = EcapiCluster->create(name => 'front');

sub manual
{
	my ($where, $name) = @_;
	my $node = $node{ $name // 'node_a' };
	my $sql = servers('shards', $where, "host 'node-a.example.com', dbname 'shop'" => 'NODE',
		'host=node-a.example.com dbname=shop user=hub' => $node{node_a}->connstr('postgres') =~ s/'/''/gr,
		"user 'shop'" => 'user ' . EcapiCluster::literal(scalar getpwuid($<)),
		'http://127.0.0.1:8080' => $receiver->url(''));
	my $options = 'host ' . EcapiCluster::literal($node->host) . ', port ' . EcapiCluster::literal($node->port) . ", dbname 'postgres'";

	$sql =~ s/\bnode_a\b/$name/g if $name;
	return $sql =~ s/NODE/$options/gr;
}

for my $n (0 .. $#NODES)
{
	my $sql = manual('node tables');

	$sql =~ s/_$_ (.*?) REMAINDER $_/'_' . ($_ + 2 * $n) . " $1 REMAINDER " . ($_ + 2 * $n)/e for 1, 0;
	$node{ $NODES[$n] }->sql($sql);
}
$front->sql('CREATE EXTENSION postgres_fdw');
$front->sql(manual('front server', $_)) for @NODES;
$front->sql(manual('front tables'));
$front->sql('CREATE SEQUENCE shop.keys CACHE 1');
like($front->sql("SELECT string_agg(DISTINCT problem, ' ') FROM ecapi.nodes() WHERE node <> 'here'"),
	qr/^it was not asked: CREATE EXTENSION dblink in this database$/, 'the front needs dblink, and says so');
$front->sql('CREATE EXTENSION dblink');
is($front->sql("SELECT count(*) FROM (" . manual('front nodes') =~ s/;//r . ") n WHERE reachable AND destination IS NULL"), 4,
	'all nodes are there, without destinations');
$front->sql(manual('front track'));
is($front->sql("SELECT count(*) FROM ecapi.on_nodes('SELECT relation FROM ecapi.track') WHERE result->>'relation' = 'shop.orders'"), 3,
	'one call on the front tracks the table on each node');
my $ahead = -300;
$clock->at($ahead);

# --- orders, in several sessions all the time

# Every other order is paid when it comes, the rest in the next statement.
my $script = PostgreSQL::Test::Utils::tempdir() . '/orders.sql';

append_to_file($script, <<"SQL");
SELECT nextval('shop.keys') AS page \\gset
INSERT INTO shop.orders SELECT :page * $PAGE + n, 'A-' || :page * $PAGE + n, 'ann' || n || '\@example.com', 10, 'EUR',
	CASE WHEN n % 2 = 0 THEN now() END FROM generate_series(0, $PAGE - 1) n;
UPDATE shop.orders SET paid_at = now() WHERE order_id >= :page * $PAGE AND order_id < :page * $PAGE + $PAGE AND paid_at IS NULL;
SQL

my $since = $front->sql("SELECT now() - interval '1 hour'");
my $began = Time::HiRes::time();
my $load = $front->background([ $front->installed_command('pgbench'), '-n', '-c', $SESSIONS,
		'-t', $ORDERS / $PAGE / $SESSIONS, '-f', $script, $front->connstr('postgres') ], "$script.log");

sub written { return $front->wait_sql("SELECT last_value >= $_[0] FROM shop.keys", 'orders come') }

# Orders of the partition that is moved: all, and those that are events on that node.
sub moved_orders
{
	return split / /, $node{$_[0]}->sql("SELECT count(*) || ' ' || count(*) FILTER (WHERE paid_at IS NOT NULL) FROM shop.orders_1");
}

# --- a partition is moved, while its outbox cannot be emptied

written($ORDERS / $PAGE / 10);
$node{node_a}->pause('shop');
$node{node_a}->sql(manual('node_a publish'));
$node{node_b}->sql(manual('node_b subscribe'));
$node{node_b}->wait_sql("SELECT count(*) = 1 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel", 'the rows are copied');
written($ORDERS / $PAGE / 3);
my $stopped = Time::HiRes::time();
$front->sql(manual('front move'));
$stopped = Time::HiRes::time() - $stopped;
my ($before, $events) = moved_orders('node_a');
my $waiting = $front->sql("SELECT backlog FROM ecapi.nodes() WHERE node = 'node_a'");
cmp_ok($waiting, '>', 0, 'the old node has events that wait');
$node{node_b}->sql(manual('node_b moved'));
written($ORDERS / $PAGE / 3 * 2);
cmp_ok((moved_orders('node_b'))[0], '>', $before, 'orders go to the new node');
is((moved_orders('node_a'))[0], $before, 'and not to the old one');

waitpid($load, 0);
is($?, 0, 'no statement of the load failed') or diag(slurp_file("$script.log"));
my $took = Time::HiRes::time() - $began;
my $rows = $front->sql('SELECT count(*) FROM shop.orders WHERE paid_at IS NOT NULL');
is($rows, $ORDERS, 'all orders are paid');

# --- what there is to see before the old outbox is empty

# outcome=events of all nodes, without those that are 0
sub verdict
{
	my $sql = manual('front reconcile') =~ s/;//r;

	return $front->sql("SELECT string_agg(o, ' ') FROM (SELECT coalesce(destination || ' ', '') || outcome || '=' || sum(events) AS o"
		  . " FROM ($sql) r GROUP BY destination, outcome HAVING sum(events) IS DISTINCT FROM 0 ORDER BY destination NULLS FIRST, outcome) v");
}

$node{$_}->drained('shop') for qw(node_b node_c);
my $of_a = $front->sql("SELECT backlog FROM ecapi.nodes() WHERE node = 'node_a'");
my $delivered = $ORDERS - $of_a;
like(verdict(), qr/event on another node=$events generated=@{[ $ORDERS + $events ]} row on several nodes=$events shop delivered=$delivered shop waiting=$of_a$/,
	'old copies are shown, and what waits');
$node{node_a}->sql(manual('node_a moved'));
like(verdict(), qr/event on another node=$events generated=$ORDERS row on another node=$events.*shop waiting=$of_a$/,
	'an order whose event is on another node is accounted for');
$node{node_a}->resume('shop');
$node{node_a}->drained('shop');

my @ids = map { "shop.orders:$_:purchase" } split /\n/, $front->sql('SELECT order_id FROM shop.orders');
my $figures = $front->all_there($receiver, 'shop', \@ids, 'each order is once at the receiver, under the name of the table');
is($front->sql("SELECT sum((result->>'n')::int) || ' ' || sum((result->>'ids')::int) FROM ecapi.on_nodes("
		  . "\$\$SELECT count(*) AS n, count(DISTINCT event->>'id') AS ids FROM ecapi.outbox\$\$)"),
	"$ORDERS $ORDERS", 'and once in the outboxes');
my $judging = Time::HiRes::time();
my $verdict = verdict();
$judging = Time::HiRes::time() - $judging;
is($verdict, "emitted=$ORDERS event on another node=$events generated=$ORDERS row on another node=$events shop delivered=$ORDERS",
	'ecapi.reconcile_nodes() finds nothing missing, and nothing without a row');
is($front->sql('SELECT sum(events) FROM (' . manual('front ledger') =~ s/;//r . ") l WHERE outcome = 'delivered'"), $ORDERS,
	'so say the ledgers');
diag(sprintf('%d orders in %.1f s; writers stood still for %.2f s; %d of them moved, %d waited; reconciled in %.1f s; %s',
		$ORDERS, $took, $stopped, $before, $waiting, $judging, $front->figures($figures)));

is($front->sql("SELECT sum(events) FROM ecapi.reconcile_nodes('shop.orders', '$since', now(), servers => '{node_b, node_c}')"
		  . " WHERE destination IS NULL AND outcome = 'unaccounted'"), $events, 'were the old node lost, its events would be missed');

# what a node has of it
my $asking = Time::HiRes::time();
$front->sql('SELECT count(*) FROM ecapi.nodes()');
diag(sprintf('ecapi.nodes() in %.3f s', Time::HiRes::time() - $asking));
diag($front->sql("SELECT string_agg(format('%s: %s delivered, outbox of %s bytes an event', node, result->>'delivered',"
		  . " round((result->>'bytes')::numeric / (result->>'delivered')::numeric)), '; ' ORDER BY node) FROM ecapi.on_nodes("
		  . "'SELECT delivered, (SELECT bytes FROM ecapi.stat_outbox) FROM ecapi.destination')"));

# --- what is planted is found

subtest 'planted' => sub {
	$node{node_b}->sql("SET ecapi.capture = off; INSERT INTO shop.orders_1 SELECT n, 'A', NULL, 10, 'EUR', now()"
		  . " FROM generate_series(-1000, -1) n WHERE satisfies_hash_partition('shop.orders'::regclass, 6, 1, n) LIMIT 3");
	$node{node_c}->sql("SET session_replication_role = replica; DELETE FROM shop.orders WHERE order_id = (SELECT min(order_id) FROM shop.orders)");
	like(verdict(), qr/not found in the table=1 .*unaccounted=3/, 'rows without an event, and an event without a row');
	is($front->sql("SELECT count(*) || ' ' || min(node) FROM (" . manual('front reconcile') =~ s/;//r
			  . ") r, unnest(ids) WHERE outcome = 'unaccounted'"), '3 node_b', 'with their ids and their node');
	$node{node_b}->sql("CALL ecapi.backfill('shop.orders', 'purchase', since => now() - interval '1 day')");
	unlike(verdict(), qr/unaccounted/, 'a backfill on the node fills the hole');
};

# --- what goes wrong

# problem of a node
sub problem
{
	my ($name, $timeout) = @_;

	return $front->sql("SET statement_timeout = '60s'; SELECT reachable || ' ' || coalesce(problem, '') FROM ecapi.nodes("
		  . (defined $timeout ? "timeout => '$timeout', " : '') . "servers => '{$name}')");
}

# what reconciliation says, with times of this style
sub reconciled
{
	return $front->sql("SET datestyle = $_[0]; SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM ("
		  . manual('front reconcile') =~ s/;//r . ') r');
}

sub server
{
	my ($name, $node, $database, $port) = @_;

	return $front->sql("CREATE SERVER $name FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '" . $node->host . "', port '"
		  . ($port // $node->port) . "', dbname '$database', connect_timeout '2'); CREATE USER MAPPING FOR CURRENT_USER SERVER $name");
}

like($front->sql("SELECT clock_ahead::text || ' ' || problem FROM ecapi.nodes() WHERE node = 'node_c'"),
	qr/^-00:0[45]:.* its clock is 00:0[45]:\d\d behind of this server's$|^-00:05:\d\d its clock/, 'a clock that is behind is said to be');
$node{node_a}->sql('CREATE DATABASE bare');
server('bare', $node{node_a}, 'bare');
like(problem('bare'), qr/^true the extension is not there: .*CREATE EXTENSION ecapi/, 'a node without the extension');
like($front->sql("SELECT reason FROM ecapi.reconcile_nodes('shop.orders', now() - interval '1 day', now(), servers => '{bare, node_b}') WHERE outcome = 'not judged'"),
	qr/^the extension is not there/, 'and its rows are not judged');
server('away', $node{node_a}, 'postgres', 1);
like(problem('away'), qr/^false it cannot be reached: connection to server .* failed/, 'a node that is away');
$front->sql('ALTER SERVER away OPTIONS (DROP connect_timeout)');
like(problem('away'), qr/^false it was not asked, for its server has no connect_timeout of .*: ALTER SERVER away OPTIONS \(ADD/, 'one that might keep us waiting');
$front->sql("ALTER SERVER away OPTIONS (ADD connect_timeout '0')");
like(problem('away'), qr/^false it was not asked, .*: ALTER SERVER away OPTIONS \(SET/, 'so might one with a limit that is none');
$front->sql('DROP SERVER away CASCADE');
is($front->sql("SELECT count(*) FROM ecapi.on_nodes('SELECT pg_sleep(60)', '300 ms', '{node_a, node_b}') WHERE problem ~ 'statement timeout'"), 2,
	'a node ends by itself what takes too long');
like($front->refused("SELECT ecapi.nodes(servers => '{nowhere}')"), qr/"nowhere" is not a server of postgres_fdw/, 'a server that does not exist');
like($front->refused("SELECT ecapi.nodes(timeout => '0')"), qr/a time from a millisecond to a day/, 'no time at all');
like($front->sql("SELECT problem FROM ecapi.on_nodes('SELECT n FROM generate_series(1, 10001) n', servers => '{node_a}')"),
	qr/more than 10000 rows/, 'answers are bounded');
like($front->sql("SELECT string_agg(node || ' ' || coalesce(problem, result::text), ', ' ORDER BY node)"
		  . " FROM ecapi.on_nodes('SELECT 1 / (system_identifier - ' || (SELECT result->>'i' FROM ecapi.on_nodes("
		  . "'SELECT system_identifier AS i FROM pg_control_system()', servers => '{node_b}')) || ') AS n FROM pg_control_system()', servers => '{node_a, node_b}')"),
	qr/^node_a \{"n": -?\d\}, node_b division by zero$/, 'an error is one of its node');

like($front->sql("SELECT problem FROM ecapi.on_nodes('SELECT pg_terminate_backend(pg_backend_pid())', servers => '{node_a}')"),
	qr/terminating connection|closed the connection/, 'a session that ends while it is asked');

subtest 'statements that give rows' => sub {
	for my $case ([ q{/* a */ -- b
			(SELECT 1 AS n)} => '{"n": 1}' ], [ 'SHOW search_path' => '{"search_path": "pg_catalog, pg_temp"}' ],
		[ 'EXPLAIN (COSTS off) VALUES (1)' => '{"QUERY PLAN": "Result"}' ], [ 'CREATE TABLE public.t (n int)' => 'none' ],
		[ 'INSERT INTO public.t VALUES (1)' => 'none' ], [ 'WITH w AS (SELECT 2 AS n) INSERT INTO public.t SELECT n FROM w' => 'none' ],
		[ 'WITH d AS (DELETE FROM public.t RETURNING n) SELECT sum(n) FROM d' => '{"sum": 3}' ], [ 'DROP TABLE public.t' => 'none' ])
	{
		is($front->sql("SELECT coalesce(problem, result::text, 'none') FROM ecapi.on_nodes(\$on\$$case->[0]\$on\$, servers => '{node_a}')"),
			$case->[1], $case->[0]);
	}
};

is(reconciled("'SQL, DMY'"), reconciled('ISO'), 'times are the same on the node in all their forms');

subtest 'a node that hangs' => sub {
	my $pid = (split /\n/, slurp_file($node{node_a}->data_dir . '/postmaster.pid'))[0];

	# where libpq itself looks at connect_timeout, it does so for each host
	my ($host, $port) = map { join ',', ($_) x 3 } $node{node_a}->host, $node{node_a}->port;
	$front->sql("CREATE SERVER hosts FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres', connect_timeout '2');"
		  . ' CREATE USER MAPPING FOR CURRENT_USER SERVER hosts');
	kill 'STOP', $pid;
	my $said = eval { problem('node_a') } // $@;	# 60 s at most
	my $said_of_all = eval { problem('hosts') } // $@;
	my $cancelled = eval { $front->refused("SET statement_timeout = '8s'; SELECT pg_sleep(60) FROM ecapi.nodes(servers => '{hosts}')") } // $@;
	kill 'CONT', $pid;
	$front->sql('DROP SERVER hosts CASCADE');
	like($said, qr/^false it cannot be reached: .*timeout expired/, 'is given up');
	like($said_of_all, qr/^false it cannot be reached: .*timeout expired, connecting took more than/, 'however many hosts it has');
	like($cancelled, qr/due to statement timeout/, "and the caller's own timeout still counts");
	like(problem('node_a'), qr/^true $/, 'and answers again');

	# one that hangs once it was asked: the shell's parent is the session
	like($front->sql(q{SELECT problem FROM ecapi.on_nodes($$COPY (SELECT 1) TO PROGRAM 'kill -STOP $PPID'$$, '300 ms', '{node_a}')}),
		qr/^it did not answer in time$/, 'so is a session');
	kill 'CONT', split /\n/, $node{node_a}->sql("SELECT pid FROM pg_stat_activity WHERE query ~ 'kill -STOP' AND pid <> pg_backend_pid()");
};

is($front->sql('SELECT coalesce(cardinality(dblink_get_connections()), 0) FROM ecapi.nodes() LIMIT 1'), 0, 'no connection is left open');

# a node with tracks that nobody takes events from
$node{node_b}->sql('CREATE DATABASE lonely');
$node{node_b}->in('lonely')->sql("CREATE EXTENSION ecapi; CREATE TABLE t (n int PRIMARY KEY); SELECT ecapi.track('t', 'purchase', '{}')");
server('lonely', $node{node_b}, 'lonely');
like(problem('lonely'), qr/^true it has tracks and no destination, .*CREATE SERVER/, 'a node without a destination');

# --- who may see what

subtest 'a role that monitors' => sub {
	my $mapping = "CREATE USER MAPPING FOR monitor SERVER node_b OPTIONS (user 'monitor', password 'p4ssw0rd')";

	$_->sql("CREATE ROLE monitor LOGIN PASSWORD 'p4ssw0rd' IN ROLE pg_monitor") for $front, $node{node_b};
	my $hba = slurp_file($node{node_b}->data_dir . '/pg_hba.conf');
	unlink $node{node_b}->data_dir . '/pg_hba.conf';
	append_to_file($node{node_b}->data_dir . '/pg_hba.conf', "local all monitor scram-sha-256\n$hba");
	$node{node_b}->reload;
	$front->sql('GRANT USAGE ON FOREIGN SERVER node_b TO monitor; GRANT USAGE ON SCHEMA shop TO monitor; ' . $mapping);
	like($front->sql("SET ROLE monitor; SELECT string_agg(node || ' ' || coalesce(destination, '-') || coalesce(' ' || problem, ''), ', ' ORDER BY node) FROM ecapi.nodes()"),
		qr/^here -, node_b shop$/, 'sees the states of the servers that it may use');
	like($front->sql("SET ROLE monitor; SELECT problem FROM ecapi.on_nodes('TABLE ecapi.outbox')"), qr/permission denied/, 'and no events');
	like($front->refused("SET ROLE monitor; SELECT ecapi.reconcile_nodes('shop.orders', now() - interval '1 day', now())"),
		qr/permission denied for function reconcile_nodes/, 'nor may it reconcile');
	$front->sql('GRANT EXECUTE ON FUNCTION ecapi.reconcile_nodes TO monitor');
	$node{node_b}->sql('GRANT USAGE ON SCHEMA shop TO monitor');
	like($front->sql("SET ROLE monitor; SELECT reason FROM ecapi.reconcile_nodes('shop.orders', now() - interval '1 day', now())"),
		qr/permission denied for function reconcile/, 'the node has a say in it');
	$front->sql("GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO monitor; SET ROLE monitor; CREATE SERVER \"trap's\" FOREIGN DATA WRAPPER postgres_fdw"
		  . " OPTIONS (host '" . $node{node_b}->host . "', port '" . $node{node_b}->port . "', dbname 'postgres', connect_timeout '5');"
		  . " CREATE USER MAPPING FOR PUBLIC SERVER \"trap's\" OPTIONS (user " . EcapiCluster::literal(scalar getpwuid($<)) . ')');
	like($front->sql("SELECT reachable || ' ' || problem FROM ecapi.nodes() WHERE node = 'trap''s'"),
		qr/^false it was not asked, for its server belongs to role monitor/, 'a superuser does not ask the server of another role');
	like($front->sql("SELECT problem FROM ecapi.on_nodes('SELECT 1') WHERE node = 'trap''s'"), qr/^it was not asked/, 'and sends it nothing');
	is($front->sql("SELECT result FROM ecapi.on_nodes('SELECT 1 AS n', servers => ARRAY['trap''s'])"), '{"n": 1}', 'until it is named');
	$front->sql('CREATE ROLE nobody');
	like($front->refused('SET ROLE nobody; SELECT ecapi.nodes()'), qr/permission denied/, 'nobody else sees them');
	unlike($front->log_text . $node{node_b}->log_text, qr/p4ssw0rd/, 'passwords are in no log');
};

$_->stop for $front, values %node;
done_testing();
