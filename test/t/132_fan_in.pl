# Many shops, one server: three shops without the extension sell all the time, and one server
# subscribes to them, tracks what arrives, and sends it.  The SQL of it is that of the manual
# (doc/tracking.md, "Many shops, one server").
#
#	- Shops a and b have schemas of their own, in one database of the hub.  Shop c has its
#	  table in public, and a database of the hub to itself.  Keys are the same in all shops.
#	- One shop cannot be reached for a while, and sells on; one crashes.  Of each order there
#	  is one event, with the route of its shop, once at the receiver.
#	- A slot is lost: the subscription is made again, and its copy updates what is there.  Of
#	  what was sent before there is no second event, of what came meanwhile there is one.
#	- What comes of a copy into an emptied table is what the manual says: each row once more,
#	  under the same id, with the same bytes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiLoad;
use EcapiManual qw(servers);
use EcapiReceiver;
use Test::More;

my @SHOPS = qw(a b c);
my $HISTORY = 20;

# --- the servers

my $receiver = EcapiReceiver->start;
my $hub = EcapiCluster->create(name => 'hub', conf => <<'CONF');
wal_retrieve_retry_interval = 100ms
max_logical_replication_workers = 12
max_worker_processes = 30
CONF
my (%shop, %table, %side);

for my $name (@SHOPS)
{
	my $node = EcapiCluster->new("shop_$name");

	$node->init(allows_streaming => 'logical');
	$node->start;
	$shop{$name} = $node;
	$table{$name} = $name eq 'c' ? 'public.orders' : "shop_$name.orders";
	$side{$name} = $name eq 'c' ? $hub->in('shop_c') : $hub;
	$node->sql("CREATE SCHEMA shop_$name") if $name ne 'c';
	$node->sql(<<"SQL");
CREATE TABLE $table{$name} (order_id int PRIMARY KEY, order_no text DEFAULT gen_random_uuid(), email text DEFAULT 'ann\@example.com',
	total numeric DEFAULT 10, currency text DEFAULT 'EUR', paid_at timestamptz DEFAULT now());
INSERT INTO $table{$name} (order_id, paid_at) SELECT -n, now() - interval '1 day' FROM generate_series(1, $HISTORY) n;
SQL
}
$hub->sql('CREATE DATABASE shop_c');
$side{c}->sql('CREATE EXTENSION ecapi');
my $since = $hub->sql("SELECT now() - interval '1 hour'");

# A block of the manual about shop a, for any shop.
sub manual
{
	my ($where, $name) = @_;
	my $sql = servers('tracking', $where, 'host=shop-a.example.com dbname=shop user=hub' => 'CONNECTION STRING',
		'http://127.0.0.1:8080' => $receiver->url(''), '2026-11-20 12:00+00' => $since);
	my $connection = ($shop{$name}->connstr('postgres') . ' user=hub') =~ s/'/''/gr;

	if ($name eq 'c')
	{
		$sql =~ s/CREATE SCHEMA shop_a;\n|GRANT USAGE ON SCHEMA shop_a TO hub;\n//g;
		$sql =~ s/shop_a\.orders/public.orders/g;
	}
	$sql =~ s/shop_a/shop_$name/g;
	return $sql =~ s/CONNECTION STRING/$connection/gr;
}

sub copied
{
	my ($name) = @_;

	return $side{$name}->wait_sql("SELECT count(*) > 0 AND bool_and(r.srsubstate = 'r') FROM pg_subscription_rel r"
		  . " JOIN pg_subscription s ON s.oid = r.srsubid WHERE s.subname = 'shop_$name'", "the copy of shop $name is there");
}

# All that a shop has committed is at the hub, and sent.
sub caught_up
{
	for my $name (@_)
	{
		$shop{$name}->wait_for_catchup("shop_$name");
		$side{$name}->drained("shop_$name", 'all');
	}
	return;
}

sub id
{
	my ($name, $key) = @_;

	return $name eq 'c' ? "shop_c:orders:$key:purchase" : "shop_$name.orders:$key:purchase";
}

# Ids of the events that a shop's orders should be.
sub expected
{
	my ($name) = @_;

	return map { id($name, $_) } split /\n/,
	  $shop{$name}->sql("SELECT order_id FROM $table{$name} WHERE paid_at >= '$since' ORDER BY 1");
}

# "events, ids" of a shop's orders in the outbox that have its route.
sub captured
{
	my ($name) = @_;

	return $side{$name}->sql("SELECT count(*) || ' ' || count(DISTINCT event->>'id') FROM ecapi.outbox"
		  . " WHERE event->'ext'->>'route' = 'shop_$name' AND event->>'id' LIKE '" . id($name, '%') . "'");
}

# Each order of the shops is one event: in the outbox, at its shop's destination, and at
# the one that takes all.
sub complete
{
	my ($what) = @_;
	my @all;

	caught_up(@SHOPS);
	for my $name (@SHOPS)
	{
		my @ids = expected($name);

		is(captured($name), @ids . ' ' . @ids, "$what: each order of shop $name is one event, with its route");
		$hub->all_there($receiver, "shop_$name", \@ids, "$what: the destination of shop $name has each of them once, and no other");
		push @all, @ids;
	}
	my $n = $hub->all_there($receiver, 'all', \@all, "$what: that of all shops has all of them once");
	diag("$what: " . $hub->figures($n));
	for my $side (@side{qw(a c)})
	{
		is($side->sql("SELECT count(*) FROM ecapi.outbox WHERE event->'ext'->>'route' IS DISTINCT FROM"
				  . " CASE relation::text WHEN 'orders' THEN 'shop_c' ELSE split_part(relation::text, '.', 1) END"),
			0, "$what: none has the route of another shop");
	}
	return;
}

# --- the beginning

$_->destination('all', $receiver->url('/all')) for $hub, $side{c};
for my $name (@SHOPS)
{
	$shop{$name}->sql(manual('shop_a', $name));
	$side{$name}->sql(manual('hub subscribe', $name));
	copied($name);
	# one that no track has seen
	$shop{$name}->sql("INSERT INTO $table{$name} VALUES (0)");
	$shop{$name}->wait_for_catchup("shop_$name");
	if ($name eq 'c')
	{
		my $destination = manual('hub track', $name) =~ s/^.*?(?=CREATE SERVER)//sr;

		$side{$name}->sql(servers('tracking', 'shop_c track') . $destination);
	}
	else
	{
		$side{$name}->sql(manual('hub track', $name));
	}
}
complete('at the beginning');
is($receiver->stats->{distinct}, 2 * @SHOPS, 'what was copied is no event, what was paid before the track is one');
# tables whose tracks have no "id"
$_->sql("CREATE TABLE leads (lead_id int PRIMARY KEY); SELECT ecapi.track('leads', 'sign_up', '{}')") for $hub, $side{c};
is($side{c}->sql("SELECT ecapi.event_id('leads', 'sign_up', 1)"), $hub->sql("SELECT ecapi.event_id('leads', 'sign_up', 1)"),
	'tables of one name in two databases give the same ids: hence the id of shop c');

# --- one shop is away

my %load = map { $_ => EcapiLoad->start($shop{$_}, $_, table => $table{$_}) } @SHOPS;

$load{$_}->wait_more(20) for @SHOPS;

my $senders = "pg_stat_replication WHERE usename = 'hub'";
my $apply = $hub->sql("SELECT pid FROM pg_stat_subscription WHERE subname = 'shop_b' AND relid IS NULL");

$shop{b}->sql('ALTER ROLE hub NOLOGIN');
$shop{b}->sql("SELECT pg_terminate_backend(pid) FROM $senders");
$shop{b}->wait_sql("NOT EXISTS (SELECT FROM $senders)", 'shop b is cut off');
$hub->wait_sql("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $apply)", 'what had come of it is applied');
my $before = captured('b');
my $others = $hub->sql("SELECT count(*) FROM ecapi.outbox WHERE event->'ext'->>'route' = 'shop_a'");

$load{$_}->wait_more(30) for @SHOPS;
$hub->wait_sql("SELECT count(*) >= $others + 20 FROM ecapi.outbox WHERE event->'ext'->>'route' = 'shop_a'", 'shop a sells on');
is(captured('b'), $before, 'of a shop that is away nothing comes');

# another one crashes meanwhile
$shop{c}->stop('immediate');
$load{$_}->wait_more(10) for qw(a b);
$shop{c}->start;
$load{c}->wait_more(20);

$shop{b}->sql('ALTER ROLE hub LOGIN');
$shop{b}->wait_for_catchup('shop_b');
$load{b}->wait_more(10);
$load{$_}->stop for @SHOPS;
cmp_ok(scalar(expected('b')), '>=', 60, 'shop b sold while it was away');
complete('after an outage and a crash');

# --- a subscription looks for new tables

subtest 'REFRESH PUBLICATION' => sub {
	my $leads = 'CREATE TABLE shop_a.leads (lead_id int PRIMARY KEY)';

	$shop{a}->sql("$leads; GRANT SELECT ON shop_a.leads TO hub; INSERT INTO shop_a.leads VALUES (1), (2);"
		  . 'CREATE TABLE shop_a.silent (LIKE shop_a.leads INCLUDING ALL); INSERT INTO shop_a.silent VALUES (1);'
		  . 'GRANT SELECT ON shop_a.silent TO hub; ALTER PUBLICATION hub ADD TABLE shop_a.leads');
	$hub->sql("$leads; SELECT ecapi.track('shop_a.leads', 'sign_up', '{}', always => true)");
	$hub->sql('CREATE TABLE shop_a.silent (LIKE shop_a.leads INCLUDING ALL);'
		  . "SELECT ecapi.track('shop_a.silent', 'sign_up', '{}', always => true)");
	$hub->sql('ALTER SUBSCRIPTION shop_a REFRESH PUBLICATION');
	copied('a');
	is($hub->sql("SELECT count(*) FROM ecapi.outbox WHERE event->>'id' LIKE 'shop_a.leads:%'"), 2, 'rows of a new table are events');
	$shop{a}->sql('ALTER PUBLICATION hub ADD TABLE shop_a.silent');
	$hub->sql('ALTER SUBSCRIPTION shop_a REFRESH PUBLICATION WITH (copy_data = false)');
	$shop{a}->sql('INSERT INTO shop_a.silent VALUES (2)');
	caught_up('a');
	is($hub->sql("SELECT string_agg(event->>'id', ' ') FROM ecapi.outbox WHERE event->>'id' LIKE 'shop_a.silent:%'"),
		'shop_a.silent:2:sign_up', 'without the copy only what comes');
	is(captured('a'), join(' ', (scalar expected('a')) x 2), 'those of the tables before are none again');
	# no part of what follows
	$shop{a}->sql('ALTER PUBLICATION hub DROP TABLE shop_a.leads, shop_a.silent');
	$hub->sql('ALTER SUBSCRIPTION shop_a REFRESH PUBLICATION');
};

# --- a slot is lost

my $before_loss = expected('a');

$shop{a}->sql("INSERT INTO shop_a.orders (order_id, paid_at) VALUES (1000001, NULL), (1000002, NULL)");
caught_up('a');
$load{a} = EcapiLoad->start($shop{a}, 'a', table => 'shop_a.orders', from => 10001);
$load{a}->wait_more(10);

# Cut off, with the shop's slot gone.
sub lose_slot
{
	$shop{a}->sql('ALTER ROLE hub NOLOGIN');
	$shop{a}->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename = 'hub'");
	$shop{a}->wait_sql("SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'shop_a'", 'nobody uses the slot');
	$shop{a}->sql("SELECT pg_drop_replication_slot('shop_a')");
	$shop{a}->sql('ALTER ROLE hub LOGIN');
	return;
}

subtest 'a subscription is made again' => sub {
	lose_slot();
	$load{a}->wait_more(10);
	# a change of an order that was sent, an order that is paid, one that is not
	$shop{a}->sql("UPDATE shop_a.orders SET email = 'bob\@example.com' WHERE order_id BETWEEN 1 AND 5");
	$shop{a}->sql('UPDATE shop_a.orders SET paid_at = now() WHERE order_id = 1000001');
	$shop{a}->sql('INSERT INTO shop_a.orders (order_id, paid_at) VALUES (1000003, NULL)');
	my $stale = $hub->sql('SELECT count(*) FROM shop_a.orders');

	$hub->sql(manual('hub again', 'a'));
	copied('a');
	$load{a}->wait_more(10);
	$hub->sql(manual('hub done', 'a'));
	$load{a}->wait_more(10);
	$load{a}->stop;
	caught_up('a');
	cmp_ok(scalar(expected('a')), '>=', $before_loss + 40, 'the shop sold all the time');
	is($hub->sql('SELECT count(*) FROM shop_a.orders'), $shop{a}->sql('SELECT count(*) FROM shop_a.orders'), 'the hub has all rows');
	is($hub->sql("SELECT string_agg(DISTINCT email, ' ') FROM shop_a.orders WHERE order_id BETWEEN 1 AND 5"), 'bob@example.com',
		'those that it had as they are now');
	is($hub->sql("SELECT string_agg(event->>'id', ' ') FROM ecapi.outbox WHERE event->>'id' LIKE 'shop_a.orders:100000%'"),
		id('a', 1000001), 'of two carts the one that was paid meanwhile is an event');
	is(captured('a'), join(' ', (scalar expected('a')) x 2), 'each order is one event, before and after');
	my $n = $hub->all_there($receiver, 'shop_a', [ expected('a') ], 'and once at the receiver');
	diag('after a lost slot: ' . $hub->figures($n));
};

# --- the way that the manual warns of

subtest 'a copy into an emptied table' => sub {
	my $orders = expected('b');

	$hub->sql('DROP SUBSCRIPTION shop_b; TRUNCATE shop_b.orders');
	$hub->sql(manual('hub subscribe', 'b') =~ s/^CREATE (?:SCHEMA|TABLE) .*\n//gmr);
	copied('b');
	caught_up('b');
	# history, too: those before $since are new rows that satisfy the condition
	is(captured('b'), 2 * $orders + $HISTORY . ' ' . ($orders + $HISTORY), 'each row is an event once more, under the same id');
	my $n = $hub->compare($receiver, 'shop_b', [ expected('b'), map { id('b', -$_) } 1 .. $HISTORY ]);

	is("$n->{missing} $n->{phantoms} $n->{repeats} $n->{conflicts}", "0 0 $orders 0", 'a receiver that goes by ids takes them for repeats');
	diag('after a copy into an emptied table: ' . $hub->figures($n));
};

$_->stop for values %shop;
done_testing();
