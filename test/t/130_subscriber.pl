# A side-car: a primary on which nothing is installed, and a subscriber of it
# that has the extension.  Tracks with always => true capture there what the
# primary's applications write: each change once, whatever happens to the
# subscriber meanwhile, and a failing track never stops the subscription.
#
# What a subscriber can know of a change is what is replicated:
#	- initial copies (copy_data = true) are inserts like any other, so a track
#	  of inserts emits what exists; copy_data = false emits nothing of it;
#	- an update that moves a row between partitions of the primary is published
#	  as a delete and an insert, and captured as such.  Partitions of the
#	  subscriber's own are no matter: a row that moves between them only is
#	  judged as an update;
#	- statement triggers do not fire for what is replicated, row triggers do;
#	- on_error => raise would stop the subscription, and is not for this use.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

# Rows that stream before their transaction ends: more than 64kB of them.
my $LARGE = 3000;

my $primary = EcapiCluster->new('primary');
$primary->init(allows_streaming => 'logical');
$primary->append_conf('postgresql.conf', <<'CONF');
logical_decoding_work_mem = 64kB
max_prepared_transactions = 10
CONF
$primary->start;

my $cluster = EcapiCluster->create(name => 'subscriber', conf => <<'CONF');
wal_retrieve_retry_interval = 100ms
max_logical_replication_workers = 8
restart_after_crash = on
CONF
my $source = $primary->connstr('postgres') =~ s/'/''/gr;

sub shop { return $primary->sql($_[0]) }
sub side { return $cluster->sql($_[0]) }

# --- tables of both

my $tables = <<'SQL';
CREATE TABLE customers (id int PRIMARY KEY, email text);
CREATE TABLE orders (id int PRIMARY KEY, customer int, status text, total numeric, refunded numeric, region text);
CREATE TABLE carts (id int PRIMARY KEY, total numeric);
CREATE TABLE items (cart int, line int, price numeric, PRIMARY KEY (cart, line));
CREATE TABLE wrong (id int PRIMARY KEY, divisor int);
CREATE TABLE silent (id int PRIMARY KEY);
CREATE TABLE visits (id int PRIMARY KEY, region text, paid boolean);
CREATE TABLE moving (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
SQL
shop($tables . 'ALTER TABLE visits REPLICA IDENTITY FULL;');
shop('CREATE TABLE moving_eu PARTITION OF moving FOR VALUES IN (\'eu\');'
	  . 'CREATE TABLE moving_us PARTITION OF moving FOR VALUES IN (\'us\')');
shop("INSERT INTO customers VALUES (1, 'ann\@example.com'), (2, 'bob\@example.com')");
shop('INSERT INTO silent VALUES (1), (2)');
shop('CREATE PUBLICATION shop FOR TABLE customers, orders, carts, items, wrong, visits, moving WITH (publish_via_partition_root)');
shop('CREATE PUBLICATION more FOR TABLE silent');

# The same on the side-car, but for one that is partitioned only there, and one
# that is not.
$tables =~ s/CREATE TABLE visits.*\n//;
$tables =~ s/ PARTITION BY LIST \(region\)//;
side($tables . <<'SQL');
CREATE TABLE visits (paid boolean, region text, id int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE visits_eu PARTITION OF visits FOR VALUES IN ('eu');
CREATE TABLE visits_us (id int NOT NULL, paid boolean, region text NOT NULL, PRIMARY KEY (id, region));
ALTER TABLE visits ATTACH PARTITION visits_us FOR VALUES IN ('us');
ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers;

CREATE ROLE shop;
GRANT CREATE ON SCHEMA public TO shop;
GRANT USAGE ON SCHEMA ecapi TO shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.untrack, ecapi.capture, ecapi.recapture TO shop;
DO $$ DECLARE r regclass; BEGIN
	FOR r IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO shop', r);
	END LOOP;
END $$;
SET ROLE shop;
SELECT ecapi.track('orders', 'purchase', '{"user_data.email_address": "customer.email", "ext.total": "total", "ext.was": "old.status"}',
	condition => $$status = 'paid'$$, always => true);
SELECT ecapi.track('orders', 'refund', '{"ext.total": "refunded"}', on_change => '{refunded}', always => true);
SELECT ecapi.track('orders', 'sign_up', '{}', always => true);
SELECT ecapi.track('orders', 'login', '{}');
SELECT ecapi.track('carts', 'purchase', '{"ext.total": "total", "ext.items": "(SELECT sum(i.price) FROM public.items i WHERE i.cart = new.id)"}',
	at_commit => true, always => true);
SELECT ecapi.track('wrong', 'login', '{"ext.ratio": "100 / new.divisor"}', always => true);
SELECT ecapi.track('visits', 'sign_up', '{"ext.region": "region"}', always => true);
SELECT ecapi.track('visits', 'purchase', '{"ext.region": "region", "ext.from": "old.region"}', condition => 'paid', always => true);
SELECT ecapi.track('moving', 'sign_up', '{}', always => true);
SELECT ecapi.track('silent', 'sign_up', '{}', always => true);
SELECT ecapi.track('silent', 'login', '{}');
SQL

# --- looking

# Wait until the subscriber has applied all that the primary has committed.
sub caught_up
{
	$primary->wait_for_catchup($_) for @_ ? @_ : ('shop');
	return;
}

my $seen = 0;

# "id more, id more" of the events since the last look, sorted by id.
sub events
{
	my $rows = side("SELECT seq, event->>'id' || coalesce(' ' || (event->'ext')::text, '') || coalesce(' ' || (event->'user_data'->'email_address')::text, '')"
		  . " FROM ecapi.outbox WHERE seq > $seen ORDER BY event->>'id'");
	my @events;

	for (split /\n/, $rows)
	{
		my ($seq, $event) = split /\|/, $_, 2;

		$seen = $seq if $seq > $seen;
		push @events, $event =~ s/[{}",]//gr;
	}
	return join(', ', @events);
}

# "number, distinct number" of the events whose ids begin with TABLE:KEY, for
# keys in a range, of one type or of all.
sub count_of
{
	my ($table, $from, $to, $type) = @_;

	return side("SELECT count(*) || ' ' || count(DISTINCT event->>'id') FROM ecapi.outbox"
		  . " WHERE event->>'id' LIKE '$table:%:" . ($type // '%') . "'"
		  . " AND split_part(event->>'id', ':', 2)::int BETWEEN $from AND $to");
}

# --- the initial copy

side("CREATE SUBSCRIPTION shop CONNECTION '$source' PUBLICATION shop WITH (streaming = on, two_phase = true, copy_data = false)");
$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_subscription_rel WHERE srsubstate <> 'r')");
is(events(), '', 'without a copy nothing that exists is an event');
side("INSERT INTO customers VALUES (1, 'ann\@example.com'), (2, 'bob\@example.com')");

side("CREATE SUBSCRIPTION more CONNECTION '$source' PUBLICATION more WITH (copy_data = true)");
$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_subscription_rel WHERE srsubstate <> 'r')");
is(side("SELECT string_agg(event->>'id', ' ' ORDER BY event->>'id') FROM ecapi.outbox"),
	'silent:1:sign_up silent:2:sign_up', 'what is copied is captured as inserted, by tracks that are always on');
events();

# --- changes, one transaction each

shop("INSERT INTO orders VALUES (1, 1, 'cart', 10), (2, 2, 'paid', 20)");
shop("UPDATE orders SET total = 11 WHERE id = 1");
shop("UPDATE orders SET status = 'paid' WHERE id = 1");
shop("UPDATE orders SET status = 'sent'");
shop("UPDATE orders SET refunded = 5 WHERE id = 2");
shop("DELETE FROM orders WHERE id = 1");
shop("BEGIN; INSERT INTO orders VALUES (3, 1, 'paid', 30); ROLLBACK");
caught_up();
my @orders = split /, /, events();
is(scalar(grep { /^orders:\d:sign_up$/ } @orders), 2, 'inserts are captured');
is(join(' ', map { /^(orders:\d:purchase)/ ? $1 : () } @orders), 'orders:1:purchase orders:2:purchase', 'a condition is judged by what was before');
like((grep { /orders:1:purchase/ } @orders)[0], qr/was:cart.*ann\@example\.com/s, 'with a foreign-key path and the row as it was')
  or diag("@orders");
is(join(' ', map { /^(orders:.*refund.*?) / ? $1 : () } @orders), 'orders:2:refund:5', 'on_change');
is(scalar(grep { /login/ } @orders), 0, 'a track that is not always on does not fire');
is(scalar @orders, 5, 'and there is nothing else') or diag("@orders");

# --- at commit: in one transaction of the primary

shop(<<'SQL');
BEGIN;
INSERT INTO carts VALUES (1, 0);
INSERT INTO items VALUES (1, 1, 5), (1, 2, 7);
UPDATE carts SET total = 12;
SAVEPOINT a;
INSERT INTO carts VALUES (2, 0);
ROLLBACK TO a;
INSERT INTO carts VALUES (3, 0);
DELETE FROM carts WHERE id = 3;
COMMIT;
SQL
shop('UPDATE carts SET total = 13');
caught_up();
is(side("SELECT string_agg(event->>'id' || ' ' || (event->'ext'->>'total') || ' ' || (event->'ext'->>'items'), ',') FROM ecapi.outbox WHERE event->>'id' LIKE 'carts:%'"),
	'carts:1:purchase 12 12', 'a cart is captured once, as it was at the commit');

# --- a table that is partitioned here

shop("INSERT INTO visits VALUES (1, 'eu', false), (2, 'us', true), (3, 'eu', false)");
shop("UPDATE visits SET region = 'us' WHERE id = 1");
shop("UPDATE visits SET region = CASE region WHEN 'us' THEN 'eu' ELSE 'us' END, paid = true");
shop('DELETE FROM visits WHERE id = 2');
shop("INSERT INTO visits VALUES (2, 'us', false)");
shop("BEGIN; DELETE FROM visits WHERE id = 2; INSERT INTO visits VALUES (2, 'eu', false); COMMIT");
caught_up();
is(side("SELECT string_agg(event->>'id', ' ' ORDER BY event->>'id' COLLATE \"C\") FROM ecapi.outbox WHERE event->>'id' LIKE 'visits:%'"),
	'visits:1:eu:purchase visits:1:eu:sign_up visits:2:eu:sign_up visits:2:us:purchase visits:2:us:sign_up visits:2:us:sign_up'
	  . ' visits:3:eu:sign_up visits:3:us:purchase',
	'a row that changes its partition is no new row, one that is deleted and inserted is');

# --- a table that is partitioned there

shop("INSERT INTO moving VALUES (1, 'eu')");
shop("UPDATE moving SET region = 'us'");
caught_up();
is(side("SELECT string_agg(event->>'id', ' ' ORDER BY event->>'id') FROM ecapi.outbox WHERE event->>'id' LIKE 'moving:%'"),
	'moving:1:eu:sign_up moving:1:us:sign_up', 'a row that moves on the primary arrives as a deletion and an insertion');

# --- streamed and prepared transactions

shop("INSERT INTO orders SELECT n, 1, 'cart', n FROM generate_series(1001, 1000 + $LARGE) n");
ok($primary->wait_sql("SELECT stream_txns > 0 FROM pg_stat_replication_slots WHERE slot_name = 'shop'"),
	'a large transaction is streamed');
shop("BEGIN; UPDATE orders SET status = 'paid' WHERE id > 1000; SAVEPOINT a;"
	  . " UPDATE orders SET refunded = 1 WHERE id > 1000; ROLLBACK TO a; INSERT INTO orders SELECT n, 1, 'paid', n"
	  . " FROM generate_series(10001, 10000 + $LARGE) n; COMMIT");
shop("BEGIN; INSERT INTO orders SELECT n, 1, 'paid', n FROM generate_series(20001, 20000 + $LARGE) n; ROLLBACK");
caught_up();
is(count_of('orders', 1001, 1000 + $LARGE), 2 * $LARGE . ' ' . 2 * $LARGE, 'each row of streamed transactions once');
is(count_of('orders', 10001, 10000 + $LARGE), 2 * $LARGE . ' ' . 2 * $LARGE, 'also beside a savepoint that was undone');
is(count_of('orders', 20001, 20000 + $LARGE), '0 0', 'and none of one that was undone');

shop("BEGIN; INSERT INTO orders VALUES (50, 2, 'paid', 50); INSERT INTO carts VALUES (50, 0); UPDATE carts SET total = 50 WHERE id = 50;"
	  . " PREPARE TRANSACTION 'kept'");
shop("BEGIN; INSERT INTO orders VALUES (51, 2, 'paid', 51); INSERT INTO carts VALUES (51, 51); PREPARE TRANSACTION 'undone'");
$cluster->wait_sql('SELECT count(*) = 2 FROM pg_prepared_xacts');
is(count_of('%', 50, 51), '0 0', 'a prepared transaction is none yet');
shop("COMMIT PREPARED 'kept'");
shop("ROLLBACK PREPARED 'undone'");
caught_up();
$cluster->wait_sql('SELECT count(*) = 0 FROM pg_prepared_xacts');
is(side("SELECT string_agg(event->>'id', ' ' ORDER BY event->>'id') FROM ecapi.outbox WHERE event->>'id' LIKE '%:5_:%'"),
	'carts:50:purchase orders:50:purchase orders:50:sign_up', 'it is when it is committed');

# --- what cannot be captured

shop('INSERT INTO wrong VALUES (1, 1), (2, 0), (3, 5)');
shop('INSERT INTO wrong VALUES (4, 4)');
caught_up();
is(count_of('wrong', 1, 4), '3 3', 'rows around one that fails are captured');
is(side("SELECT source || ' ' || relation || ' ' || reason || ' ' || (event->'new')::text FROM ecapi.failed_event"),
	'ecapi_login wrong "ext.ratio" (SQL error 22012) {"id":"2","divisor":"0"}', 'and that one is set aside');
# a track that does not compile, as only changes that bypass event triggers make it
side("ALTER TABLE wrong ADD own text DEFAULT 'x'; SET ROLE shop;"
	  . q{SELECT ecapi.track('wrong', 'sign_up', '{"ext.own": "own"}', always => true)});
side('SET session_replication_role = replica; ALTER TABLE wrong RENAME own TO renamed');
shop('INSERT INTO wrong VALUES (5, 5)');
shop('UPDATE wrong SET divisor = 6 WHERE id = 5');
caught_up();
is(side("SELECT reason FROM ecapi.failed_event WHERE source = 'ecapi_sign_up'"),
	'column "own" of table public.wrong does not exist', 'a broken track sets its rows aside');
is(count_of('wrong', 5, 5), '1 1', 'beside one that works');
side('ALTER TABLE wrong RENAME renamed TO own; SET ROLE shop; SELECT ecapi.recapture()');
is(count_of('wrong', 5, 5), '2 2', 'fixed, its rows come back');
is(side("SELECT count(*) FROM ecapi.failed_event WHERE source = 'ecapi_sign_up'"), 0, 'and are set aside no longer');
is(side("SELECT count(*) FROM pg_subscription s WHERE NOT s.subenabled"), 0, 'the subscriptions go on');

# --- a switch: for the owner of the subscription

sub restart_apply
{
	side('ALTER SUBSCRIPTION shop DISABLE');
	$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_stat_subscription WHERE subname = 'shop' AND pid IS NOT NULL)");
	side('ALTER SUBSCRIPTION shop ENABLE');
	return;
}

side('ALTER ROLE CURRENT_USER SET ecapi.capture = off');
restart_apply();
shop("INSERT INTO orders VALUES (70, 1, 'paid', 70)");
shop("INSERT INTO wrong VALUES (70, 0)");
caught_up();
is(side('SELECT count(*) FROM orders WHERE id = 70'), 1, 'a row is replicated while capture is off');
side('ALTER ROLE CURRENT_USER RESET ecapi.capture');
restart_apply();
shop("INSERT INTO orders VALUES (71, 1, 'paid', 71)");
caught_up();
is(count_of('%', 70, 79), '2 2', 'and captured are those before and after');
is(side("SELECT count(*) FROM ecapi.failed_event WHERE (event->'new'->>'id') = '70'"), 0, 'nor was it set aside');

# --- restarts and crashes of the subscriber, while the primary is written to

sub apply_pid
{
	return eval { side("SELECT max(pid) FROM pg_stat_subscription WHERE subname = 'shop' AND pid IS NOT NULL") } // '';
}

my $rounds = 4000;
my $file = $primary->basedir . '/writes.sql';
append_to_file($file, join '', map { <<"SQL" } 1 .. $rounds);
BEGIN; INSERT INTO orders VALUES (100000 + $_, 1, 'cart', $_); INSERT INTO carts VALUES (100000 + $_, 0);
UPDATE carts SET total = $_ WHERE id = 100000 + $_; COMMIT;
UPDATE orders SET status = 'paid' WHERE id = 100000 + $_;
SQL
my $writer = IPC::Run::start([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $primary->connstr('postgres'), '-f', $file ],
	'<', \undef, '>', \my $out, '2>', \my $err, IPC::Run::timeout($EcapiWait::DEADLINE));

for my $round (1 .. 4)
{
	my $reached = eval { side('SELECT max(id) FROM orders') } // 0;

	$cluster->wait_sql("SELECT max(id) > $reached OR max(id) = 100000 + $rounds FROM orders");
	note "round $round, the subscriber has ", side('SELECT max(id) - 100000 FROM orders'), " of $rounds rows";
	if ($round == 2)
	{
		$cluster->restart;
	}
	else
	{
		my $pid;

		$cluster->wait_for(sub { ($pid = apply_pid()) =~ /^\d+$/ }, 'changes are applied');
		ok(kill('KILL', $pid), "the process that applies changes is killed, $round");
		$cluster->wait_for(sub { my $now = apply_pid(); $now =~ /^\d+$/ && $now != $pid }, 'another one took its place');
	}
}
ok($writer->finish, 'the primary was written to meanwhile') or diag($err);
caught_up();
for my $kind ([ 'orders', 'sign_up' ], [ 'orders', 'purchase' ], [ 'carts', 'purchase' ])
{
	my ($table, $type) = @$kind;

	is(count_of($table, 100001, 100000 + $rounds, $type), "$rounds $rounds", "each $type of $table was captured once");
}
is(side('SELECT count(*) FROM ecapi.failed_event'), 1, 'nothing more was set aside');
is(side("SELECT count(*) FROM ecapi.outbox WHERE event->>'id' LIKE 'orders:%:login' OR event->>'id' LIKE 'silent:%:login'"), 0,
	'tracks that are not always on have never fired');

$primary->stop;
done_testing();
