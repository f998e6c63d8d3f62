# Citus: a coordinator and three workers, each with an outbox and a worker of its own.  The SQL
# is that of the manual (doc/shards.md).  Skipped where Citus is not installed.
#
#	- Orders are written by several sessions all the time, while shards are moved from a node
#	  whose destination is paused, with writes blocked and by logical replication.  Each order
#	  is one event, under the table's name, once at the receiver.
#	- Shards that are made later have the track: of a split, and of a table that is made again.
#	- Tracks are declared, followed and ended on the coordinator alone.
#	- A shard that lost its track, and a node without the extension, are named by the doctor;
#	  no shard can be moved to such a node.
#
# ECAPI_SHARD_ORDERS: how many orders there are (20000).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiManual qw(servers);
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

chomp(my $share = `pg_config --sharedir`);
plan skip_all => 'Citus is not installed' unless -e "$share/extension/citus.control";

my $ORDERS = $ENV{ECAPI_SHARD_ORDERS} || 20000;
my $PAGE = $ORDERS / 1000;		# orders of a transaction
my $SESSIONS = 4;

# --- the nodes

my $receiver = EcapiReceiver->start;
my %node;

sub node
{
	my ($name) = @_;
	my $node = EcapiCluster->create(name => $name, extension => 0, init => [ allows_streaming => 'logical' ], conf => <<'CONF');
shared_preload_libraries = 'citus, ecapi'
max_worker_processes = 40
max_connections = 200
citus.node_conninfo = 'sslmode=disable'
citus.enable_statistics_collection = off
CONF

	# by which a node connects to itself
	$node->append_conf('postgresql.conf', "citus.local_hostname = '" . $node->host . "'");
	$node->reload;
	$node->sql('CREATE EXTENSION citus');
	return $node{$name} = $node;
}

# How Citus calls it.
sub address
{
	my ($name) = @_;

	return literal($node{$name}->host) . ', ' . $node{$name}->port;
}

my $front = node('front');

node($_) for qw(node_a node_b node_c);
$front->sql('SELECT citus_set_coordinator_host(' . address('front') . ')');
$front->sql('SELECT citus_add_node(' . address($_) . ')') for qw(node_a node_b node_c);
$front->sql('CREATE EXTENSION ecapi');
is($front->sql("SELECT count(*) FROM run_command_on_all_nodes('SELECT ecapi.version()') WHERE success"), 4, 'the extension comes to all nodes');

sub manual
{
	my ($where) = @_;

	return servers('shards', $where, 'http://127.0.0.1:8080' => $receiver->url(''));
}

$front->sql(manual('citus track'));
$front->sql('CREATE SEQUENCE shop.keys CACHE 1');
$front->wait_sql("SELECT count(*) = 4 FROM (" . manual('front nodes') =~ s/;//r . ") n WHERE problem IS NULL AND state = 'idle'", 'each node has its destination');
is($front->sql('SELECT count(*) FROM ecapi.track'), 1, 'the coordinator has one track');

# --- orders, in several sessions all the time, while shards are moved

my $script = PostgreSQL::Test::Utils::tempdir() . '/orders.sql';

append_to_file($script, <<"SQL");
SELECT nextval('shop.keys') AS page \\gset
INSERT INTO shop.orders SELECT :page * $PAGE + n, 'A-' || :page * $PAGE + n, 'ann' || n || '\@example.com', 10, 'EUR',
	CASE WHEN n % 2 = 0 THEN now() END FROM generate_series(0, $PAGE - 1) n;
UPDATE shop.orders SET paid_at = now() WHERE order_id >= :page * $PAGE AND order_id < :page * $PAGE + $PAGE AND paid_at IS NULL;
SQL

my $began = Time::HiRes::time();
my $load = $front->background([ $front->installed_command('pgbench'), '-n', '-c', $SESSIONS,
		'-t', $ORDERS / $PAGE / $SESSIONS, '-f', $script, $front->connstr('postgres') ], "$script.log");

sub written { return $front->wait_sql("SELECT last_value >= $_[0] FROM shop.keys", 'orders come') }

# The shards of a node in order.
sub shards_of
{
	my ($name) = @_;

	return split /\n/, $front->sql("SELECT shardid FROM citus_shards WHERE table_name = 'shop.orders'::regclass AND nodeport = "
		  . $node{$name}->port . ' ORDER BY 1');
}

sub move
{
	my ($shard, $from, $to, $how) = @_;

	return $front->try_sql("SELECT citus_move_shard_placement($shard, " . address($from) . ', ' . address($to) . ", '$how')");
}

my @moved = shards_of('node_a');
my ($status, undef, $said);

written($ORDERS / $PAGE / 10);
$node{node_a}->pause('shop');
for my $move ([ 'node_b', 'block_writes', 3 ], [ 'node_c', 'force_logical', 2 ])
{
	my ($to, $how, $part) = @$move;

	written($ORDERS / $PAGE / $part);
	my $took = Time::HiRes::time();
	($status, undef, $said) = move(shift @moved, 'node_a', $to, $how);
	is($status, 0, "a shard is moved under load: $how") or diag($said);
	$took = Time::HiRes::time() - $took;
	diag(sprintf('%s: %.1f s', $how, $took));
}
my $waiting = $front->sql("SELECT backlog FROM ecapi.nodes() WHERE node LIKE '%:" . $node{node_a}->port . "'");
cmp_ok($waiting, '>', 0, 'meanwhile the outbox of the old node is not empty');
waitpid($load, 0);
is($?, 0, 'no statement of the load failed') or diag(slurp_file("$script.log"));
my $took = Time::HiRes::time() - $began;

is($front->sql('SELECT count(*) FROM shop.orders WHERE paid_at IS NOT NULL'), $ORDERS, 'all orders are paid');

# outcome=events of all nodes, without those that are 0
sub verdict
{
	return $front->sql("SELECT string_agg(o, ' ') FROM (SELECT coalesce(destination || ' ', '') || outcome || '=' || sum(events) AS o"
		  . ' FROM (' . manual('front reconcile') =~ s/;//r . ') r GROUP BY destination, outcome HAVING sum(events) IS DISTINCT FROM 0'
		  . ' ORDER BY destination NULLS FIRST, outcome) v');
}

$node{$_}->drained('shop') for qw(node_b node_c);
my $left = $front->sql("SELECT backlog FROM ecapi.nodes() WHERE node LIKE '%:" . $node{node_a}->port . "'");
like(verdict(), qr/^emitted=$ORDERS event on another node=(\d+) generated=$ORDERS row on another node=\1 shop delivered=\d+ shop waiting=$left$/,
	'orders whose events wait on the old node are accounted for');
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
like($verdict, qr/^emitted=$ORDERS event on another node=\d+ generated=$ORDERS row on another node=\d+ shop delivered=$ORDERS$/,
	'ecapi.reconcile_nodes() finds nothing missing, and nothing without a row');
is($front->sql("SELECT outcome || ': ' || reason FROM ecapi.reconcile('shop.orders', now() - interval '1 day', now())"),
	"not judged: Its rows are in shards, whose events are on their nodes. Call ecapi.reconcile_nodes('shop.orders', ...).",
	'ecapi.reconcile() on the coordinator sends its caller there');
unlike($front->doctor('error'), qr/shard|node/, 'the doctor has nothing to say of shards');
diag(sprintf('%d orders in %.1f s; %d waited; reconciled in %.1f s; %s', $ORDERS, $took, $waiting, $judging, $front->figures($figures)));

# --- shards that are made later, and DDL

my $next = 2 * $ORDERS + 1000;

# Ten more orders are ten more events, each with what a regular expression matches.
sub captures
{
	my ($what, $like) = @_;
	my $first = $next;

	$front->sql("INSERT INTO shop.orders SELECT n, 'B-' || n, NULL, 20, 'EUR', now() FROM generate_series($first, $first + 9) n");
	$next += 10;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($front->sql("SELECT sum((result->>'n')::int) FROM ecapi.on_nodes(\$\$SELECT count(*) AS n FROM ecapi.outbox"
			  . " WHERE split_part(event->>'id', ':', 2)::int BETWEEN $first AND $first + 9 AND event::text ~ '$like'\$\$)"), 10, $what);
}

subtest 'shards that are made later' => sub {
	my $shard = (shards_of('node_b'))[0];
	my $at = $front->sql("SELECT (shardminvalue::int8 + shardmaxvalue::int8) / 2 FROM pg_dist_shard WHERE shardid = $shard");
	my @workers = split /\n/, $front->sql("SELECT nodeid FROM pg_dist_node WHERE groupid > 0 ORDER BY 1");

	$front->sql("SELECT citus_split_shard_by_split_points($shard, ARRAY['$at'], ARRAY[$workers[0], $workers[1]], 'block_writes')");
	is($front->sql("SELECT count(*) FROM citus_shards WHERE table_name = 'shop.orders'::regclass"), 33, 'a shard is split');
	captures('and each half has the track', 'shop.orders:');
	$front->sql('ALTER TABLE shop.orders RENAME total TO amount');
	captures('a renamed column is followed on all shards', '"value": *20');
	$front->sql("SET citus.enable_unsafe_triggers = on; SELECT alter_distributed_table('shop.orders', shard_count => 6)");
	captures('a table that is made again with other shards has the track', '"value": *20');
	is($front->sql("SELECT count(*) FROM ecapi.on_nodes('SELECT problem FROM ecapi.track WHERE problem IS NOT NULL') WHERE result IS NOT NULL"), 0,
		'no track has a problem');
};

subtest 'paths, at commit, and COPY' => sub {
	$front->sql(<<'SQL');
CREATE TABLE shop.customers (customer_id int PRIMARY KEY, email text);
SELECT create_reference_table('shop.customers');
INSERT INTO shop.customers SELECT n, 'c' || n || '@example.com' FROM generate_series(1, 10) n;
CREATE TABLE shop.carts (cart_id int PRIMARY KEY, customer_id int, total numeric);
SELECT create_distributed_table('shop.carts', 'cart_id');
ALTER TABLE shop.carts ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
SELECT ecapi.track('shop.carts', 'add_to_cart', '{"user_data.email_address": "customer_id.email"}');
SELECT ecapi.track('shop.carts', 'sign_up', '{"user_data.email_address": "customer_id.email"}', at_commit => true);
SELECT ecapi.track('shop.carts', 'viewed_item', '{"user_data.email_address": "customer_id->shop.customers.email"}');
COPY shop.carts FROM PROGRAM 'seq -f "%.0f,1,5" 1 20' (FORMAT csv);
SQL
	is($front->sql("SELECT string_agg(t, ' ' ORDER BY t) FROM (SELECT result->>'t' || sum((result->>'n')::int) AS t FROM ecapi.on_nodes(\$\$SELECT event->>'event_type' AS t, count(*) AS n"
			  . " FROM ecapi.outbox WHERE event->'user_data'->>'email_address' = '[\"c1\@example.com\"]' AND event->>'id' LIKE 'shop.carts:%' GROUP BY 1\$\$)"
			  . " WHERE result IS NOT NULL GROUP BY result->>'t') s"), 'add_to_cart20 sign_up20 viewed_item20', 'tables that each node has are read for each row');
	$front->sql("SELECT ecapi.untrack('shop.carts', event_type) FROM unnest('{add_to_cart, sign_up, viewed_item}'::text[]) event_type");

	# Citus runs no query of its own at the commit of another node's statement
	$front->sql("SELECT ecapi.track('shop.carts', 'subscribe', '{\"user_data.email_address\": \"customer_id->shop.customers.email\"}', at_commit => true);"
		  . ' INSERT INTO shop.carts VALUES (21, 1, 5)');
	is($front->sql("SELECT sum((result->>'n')::int) FROM ecapi.on_nodes(\$\$SELECT count(*) AS n FROM ecapi.failed_event WHERE state = 'set_aside'\$\$)"), 1,
		'what cannot be read at commit is set aside');
	$front->sql("SELECT ecapi.untrack('shop.carts', 'subscribe')");

	# Citus calls a shard of schema public without it
	$front->sql("CREATE TABLE leads (lead_id int PRIMARY KEY, at timestamptz DEFAULT now()); SELECT create_distributed_table('leads', 'lead_id', shard_count => 4);"
		  . " SELECT ecapi.track('leads', 'generate_lead', '{\"timestamp\": \"at\"}'); INSERT INTO leads SELECT generate_series(1, 20)");
	is($front->sql("SELECT sum(events) FROM ecapi.reconcile_nodes('leads', now() - interval '1 day', now() + interval '1 minute') WHERE outcome IN ('generated', 'emitted')"), 40,
		'a table of schema public');
	$front->sql('DROP TABLE leads');
	is($front->sql("SELECT count(*) FROM ecapi.on_nodes(\$\$SELECT 1 FROM ecapi.track WHERE relation::text LIKE 'shop.carts%'\$\$) WHERE result IS NOT NULL"), 0,
		'ecapi.untrack() on the coordinator ends a track on all shards');
};

subtest 'an owner who is no superuser' => sub {
	my $as_owner = sub { $front->sql("SET ROLE shop; $_[0]") };

	$front->sql('CREATE ROLE shop LOGIN; GRANT USAGE, CREATE ON SCHEMA shop TO shop');
	$front->sql('SELECT ecapi.on_nodes($$GRANT USAGE ON SCHEMA ecapi TO shop$$);'
		  . 'SELECT ecapi.on_nodes($$GRANT EXECUTE ON ROUTINE ecapi.track, ecapi.untrack, ecapi.capture, ecapi.reconcile, ecapi.reconcile_nodes TO shop$$)');
	$as_owner->("CREATE TABLE shop.visits (visit_id int PRIMARY KEY, at timestamptz DEFAULT now()); SELECT create_distributed_table('shop.visits', 'visit_id', shard_count => 4)");
	$as_owner->("SELECT ecapi.track('shop.visits', 'login', '{\"timestamp\": \"at\"}')");
	$as_owner->('INSERT INTO shop.visits SELECT generate_series(1, 20)');
	is($as_owner->("SELECT string_agg(o, ' ') FROM (SELECT outcome || sum(events) AS o FROM ecapi.reconcile_nodes('shop.visits', now() - interval '1 day', now() + interval '1 minute')"
			  . ' WHERE destination IS NULL GROUP BY outcome ORDER BY outcome) v'), 'emitted20 generated20 unaccounted0', 'tracks and reconciles the table');
	like($front->refused("SET ROLE shop; SELECT ecapi.track('shop.orders', 'login', '{}')"), qr/must be owner of table shop.orders|must be owner of table orders/, 'and no other');
	$front->sql('DROP TABLE shop.visits');
};

# --- what goes wrong

subtest 'a shard without its track' => sub {
	my $shard = (shards_of('node_c'))[0];

	$node{node_c}->sql("DROP TRIGGER ecapi_purchase_$shard ON shop.orders_$shard");
	like($front->doctor('error'), qr/^shards on node \S+:@{[ $node{node_c}->port ]} have no track "purchase" of table shop.orders, their rows are no events: shop.orders_$shard -- On the coordinator, declare the track again/m,
		'is named by the doctor');
	like($front->sql('SELECT problem FROM ecapi.nodes() WHERE problem IS NOT NULL'), qr/^shards without track "purchase" of table shop.orders: shop.orders_$shard$/, 'and by ecapi.nodes()');
	like($front->sql('SELECT reason FROM (' . manual('front reconcile') =~ s/;//r . ") r WHERE outcome = 'not judged'"),
		qr/^Shard shop.orders_$shard does not have the track/, 'its rows are not judged');
	like($node{node_c}->doctor('error'), qr/shop.orders_$shard/, 'the doctor of its node names it, too');
	$front->sql(manual('citus track') =~ s/^.*?(SELECT ecapi\.track.*?;).*$/$1/sr =~ s/"total"/"amount"/r);
	unlike($front->doctor('error'), qr/shop.orders/, 'the same track once more is made on all shards');
	captures('which captures again', '"value": *20');
};

subtest 'a destination that Citus copies' => sub {
	my $states = "SELECT string_agg(DISTINCT state, ' ' ORDER BY state) || ' ' || count(*) FROM ecapi.nodes() WHERE destination = 'copied'";

	$front->sql("CREATE SERVER copied FOREIGN DATA WRAPPER ecapi OPTIONS (url '" . $receiver->url('') . "', data_set_id 'copied')");
	$front->wait_sql("SELECT ($states) = 'idle stopped 4'", 'on the workers it is stopped');
	like($front->sql("SELECT DISTINCT last_error FROM ecapi.nodes() WHERE destination = 'copied' AND state = 'stopped'"), qr/call ecapi.adopt\(\)/, 'as the copy that it is');
	$front->sql("SELECT * FROM ecapi.on_nodes('SELECT ecapi.adopt(''copied'') WHERE EXISTS (SELECT FROM ecapi.destination WHERE destination = ''copied'' AND state = ''stopped'')')");
	$front->wait_sql("SELECT ($states) = 'idle 4'", 'it is adopted on each of them');
	$front->sql('DROP SERVER copied');
};

subtest 'a node without the extension' => sub {
	my $shard = (shards_of('node_a'))[0];

	node('node_d');
	$front->sql('SELECT citus_add_node(' . address('node_d') . ')');
	like($front->sql("SELECT problem FROM ecapi.nodes() WHERE node LIKE '%:" . $node{node_d}->port . "'"), qr/^$/, 'a node that is added has the extension, and no shards to track');
	$node{node_d}->sql('SET citus.enable_ddl_propagation = off; DROP EXTENSION ecapi CASCADE');
	like($front->sql('SELECT problem FROM ecapi.nodes() WHERE problem IS NOT NULL'), qr/^the extension is not there: /, 'one without it is named');
	like($front->doctor('error'), qr/^node \S+: the extension is not there/m, 'by the doctor, too');
	($status, undef, $said) = move($shard, 'node_a', 'node_d', 'block_writes');
	isnt($status, 0, 'a tracked shard cannot be moved there');
	like($said, qr/ecapi/, 'and what is missing is said');
	is((shards_of('node_a'))[0], $shard, 'it stays where it is');
	captures('and captures as before', '"value": *20');
	$node{node_d}->stop('immediate');
	like($front->sql('SELECT reachable || problem FROM ecapi.nodes() WHERE problem IS NOT NULL'), qr/^falseit cannot be reached: /, 'a node that is away is said to be');
};

$node{$_}->drained('shop') for qw(node_a node_b node_c);
my $extra = $next - 2 * $ORDERS - 1000 + 100;

is($front->sql("SELECT sum(delivered) FROM ecapi.nodes()"), $ORDERS + $extra, 'all of it is delivered');
$node{$_}->stop for qw(front node_a node_b node_c);
done_testing();
