# pg_upgrade of a cluster that delivers, with all that can wait in it: nothing leaves the
# new cluster before ecapi.adopt(); after it each event that waited arrives once, and none
# that had arrived before; tracks, failed events, cancellations, replays and enrichments go
# on as before.
#
# By itself it upgrades to the same version, which pg_upgrade takes as any other.  Where
# ECAPI_OLD_INSTALL names the installation of another server, it upgrades from that;
# test/upgrade.sh does so.  ECAPI_UPGRADE_MODE=--link: with the old cluster's files.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids literal);
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $mode = $ENV{ECAPI_UPGRADE_MODE} // '--copy';
my @locale = ('--locale=C', '--encoding=UTF8');

# Arguments of initdb for a cluster that takes the place of another.
sub init_after
{
	my ($from, $to) = @_;

	return (extra => [ @locale, $to->pg_version >= 18 && $from->pg_version < 18 ? '--no-data-checksums' : () ]);
}

sub upgrade_command
{
	my ($from, $to) = @_;

	return ('pg_upgrade', '--no-sync',
		'--old-datadir', $from->data_dir, '--new-datadir', $to->data_dir,
		'--old-bindir', $from->config_data('--bindir'), '--new-bindir', $to->config_data('--bindir'),
		'--socketdir', $to->host, '--old-port', $from->port, '--new-port', $to->port,
		$mode eq '--copy' ? () : $mode);
}

# Whether two servers go together without the extension: pg_dump of 18.6, for one, does not
# know what 17.12 writes into pg_attribute (pg_attver), and stumbles over any table.
sub plain_upgrade
{
	my $from = EcapiCluster->new('plain_old', install_path => $ENV{ECAPI_OLD_INSTALL});
	my $to = EcapiCluster->new('plain_new');

	$from->init(extra => [@locale]);
	$from->start;
	$from->sql('CREATE TABLE plain (n int)');
	$from->stop;
	$to->init(init_after($from, $to));
	return run_log([ upgrade_command($from, $to) ]);
}

chdir PostgreSQL::Test::Utils::tempdir();
plan skip_all => 'pg_upgrade fails between these two releases without the extension, too'
  if defined $ENV{ECAPI_OLD_INSTALL} && !plain_upgrade();

my $receiver = EcapiReceiver->start;
my $old = EcapiCluster->create(
	name => 'old',
	install_path => $ENV{ECAPI_OLD_INSTALL},
	init => [ extra => [@locale] ],
	conf => "restart_after_crash = on\n",
	extension => 0);
my @released = glob($old->config_data('--sharedir') . '/extension/ecapi--?.?.sql');

# The oldest version there is, in the old cluster.
$old->sql('CREATE EXTENSION ecapi VERSION ' . literal($released[0] =~ /--(.*)\.sql$/));

# --- the old cluster: destinations of every kind, and tracks of every kind

mkdir $old->credentials . '/shop_owner', 0700 or die "mkdir: $!";
$old->write_credential('shop_owner/token', "planted-token\n");
$old->sql(<<'SQL');
CREATE ROLE shop_owner LOGIN;
GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO shop_owner;
GRANT USAGE ON SCHEMA ecapi TO shop_owner;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture, ecapi.reconcile, ecapi_emit, ecapi.cancel TO shop_owner;
CREATE SCHEMA shop AUTHORIZATION shop_owner;
SET ROLE shop_owner;
CREATE TABLE shop.customers (id int PRIMARY KEY, email text);
CREATE TABLE shop.orders (id int PRIMARY KEY, buyer int REFERENCES shop.customers, status text, total numeric, refunded numeric,
    at timestamptz NOT NULL DEFAULT now());
CREATE TABLE shop.carts (id int PRIMARY KEY, total numeric);
CREATE TABLE shop.visits (part int, id int, PRIMARY KEY (part, id)) PARTITION BY RANGE (part);
CREATE TABLE shop.visits_1 PARTITION OF shop.visits FOR VALUES FROM (1) TO (10);
CREATE TABLE shop.visits_2 PARTITION OF shop.visits FOR VALUES FROM (10) TO (20);
CREATE FUNCTION shop.margin(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql
    AS $$ SELECT e.seq, jsonb_build_object('value', e.value - 0.5) FROM unnest(page) e $$;
CREATE FUNCTION shop.unused(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql
    AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "total", "currency_code": "''EUR''", "timestamp": "at",
    "user_data.email_address": "buyer.email", "ext.twice": "new.total * 2"}', condition => $$status = 'paid'$$);
SELECT ecapi.track('shop.orders', 'refund', '{"value": "refunded", "currency_code": "''EUR''"}', on_change => '{refunded}');
SELECT ecapi.track('shop.carts', 'add_to_cart', '{"value": "total", "currency_code": "''EUR''"}', at_commit => true);
SELECT ecapi.track('shop.visits', 'viewed_item', '{}', always => true);
INSERT INTO shop.customers VALUES (1, 'ann@example.com');
SQL

# alpha enriches, in bravo an event fails, charlie is paused, delta gets nothing but replays
$old->destination('alpha', $receiver->url('/alpha'), { enrich => 'shop.margin', filter => 'value IS NULL OR value < 1000', batch_size => 3 },
	{ access_token_file => 'token' });
$old->sql('ALTER SERVER alpha OWNER TO shop_owner');
$old->destination('bravo', $receiver->url('/bravo/reject-if=poison'), { event_types => 'purchase,refund' });
$old->destination('charlie', $receiver->url('/charlie'), { event_types => 'purchase' });
$old->destination('delta', $receiver->url('/delta'), { event_types => 'purchase', filter => "id LIKE 'never%'" });

my @all = qw(alpha bravo charlie delta);

# Rows of every track, of an id.
sub shop_sql
{
	my ($id) = @_;

	return 'SET ROLE shop_owner;'
	  . "INSERT INTO shop.orders (id, buyer, status, total, refunded) VALUES ($id, 1, 'paid', $id, 0);"
	  . "UPDATE shop.orders SET refunded = 1 WHERE id = $id;"
	  . "INSERT INTO shop.carts VALUES ($id, $id); INSERT INTO shop.visits VALUES (1, $id), (11, $id); RESET ROLE;";
}

# The ids that they make.
sub shop_ids
{
	return map { ("shop.orders:$_:purchase", "shop.orders:$_:refund:1", "shop.carts:$_:add_to_cart", "shop.visits:1:$_:viewed_item",
			"shop.visits:11:$_:viewed_item") } @_;
}

# How often an id came to a data set.
sub arrived
{
	my ($data_set, $id) = @_;

	return scalar grep { ($_->{data_set_id} // '') eq $data_set && ($_->{id} // '') eq $id } $receiver->records;
}

sub resolved
{
	my ($cluster, $id) = @_;

	$cluster->wait_sql("(SELECT state <> 'stopping' FROM ecapi.cancellation WHERE id = " . literal($id) . ')');
	return $cluster->sql('SELECT state, delivered, refunds FROM ecapi.cancellation WHERE id = ' . literal($id));
}

# What became of the orders, as the reconciliation has it.
sub reconciled
{
	my ($cluster) = @_;

	return $cluster->sql("SELECT string_agg(concat_ws(' ', destination, outcome, reason, events, value), E'\\n' ORDER BY 1)"
		  . " FROM (SELECT coalesce(destination, '-') AS destination, outcome, reason, events, value"
		  . " FROM ecapi.reconcile('shop.orders', now() - interval '1 day', now() + interval '1 day', 'purchase')) r");
}

# What the tables of the extension hold, by the names of destinations.
sub kept
{
	my ($cluster) = @_;

	return $cluster->sql(<<'SQL');
SELECT 'outbox', count(*), md5(string_agg(o::text, ' ' ORDER BY seq)) FROM ecapi.outbox o
UNION ALL SELECT 'cursors', count(*), md5(string_agg(concat_ws(' ', destination, snapshot, window_end, arm, xid, seq, delivered, filtered, failed, given_up), ' ' ORDER BY destination)) FROM ecapi.cursor
UNION ALL SELECT 'control', count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM ecapi.control t
UNION ALL SELECT 'failed', count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM ecapi.failed_event t
UNION ALL SELECT 'ledger', count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM ecapi.ledger t
UNION ALL SELECT 'requests', count(*), md5(string_agg(concat_ws(' ', request_id, sent_at, destination, outcome, reason, seqs), ' ' ORDER BY request_id)) FROM ecapi.request t
UNION ALL SELECT 'cancellations', count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM ecapi.cancellation t
UNION ALL SELECT 'stops', count(*), md5(string_agg(concat_ws(' ', seq, reason, destination), ' ' ORDER BY seq, destination)) FROM ecapi.stop t
UNION ALL SELECT 'replays', count(*), md5(string_agg(concat_ws(' ', replay_id, destination, state, since, until, delivered, filtered, failed), ' ' ORDER BY replay_id)) FROM ecapi.replay t
UNION ALL SELECT 'backfills', count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM ecapi.backfill t
UNION ALL SELECT 'forgotten', count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM ecapi.forgotten t
UNION ALL SELECT 'tracks', count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM ecapi.track t
UNION ALL SELECT 'servers', count(*), md5(string_agg(concat_ws(' ', srvname, srvowner::regrole, (SELECT array_agg(o ORDER BY o) FROM unnest(srvoptions) o), srvacl, umoptions), ' ' ORDER BY srvname)) FROM pg_foreign_server LEFT JOIN pg_user_mapping ON umserver = pg_foreign_server.oid
SQL
}

# Functions that servers depend on.
my $depends = "SELECT coalesce(string_agg(d.refobjid::regprocedure::text, ' '), 'none') FROM pg_depend d"
  . " WHERE d.classid = 'pg_foreign_server'::regclass AND d.refclassid = 'pg_proc'::regclass";

# --- what is over before the upgrade

$old->sql(shop_sql($_)) for 1 .. 5;
$old->sql("SELECT ecapi_emit('purchase', id => 'poison-1', value => 7, currency_code => 'EUR')");
$old->sql("SELECT ecapi_emit('purchase', id => 'dear-1', value => 2000, currency_code => 'EUR')");
$old->drained(qw(alpha bravo charlie delta));
$old->wait_row('bravo', 'failed_waiting = 1');
$old->sql("SELECT ecapi_emit('purchase', id => 'sold-1', value => 8, currency_code => 'EUR'), ecapi_emit('purchase', id => 'sold-2', value => 9, currency_code => 'EUR')");
$old->drained(@all);
$old->pause('charlie');
$old->sql("SELECT ecapi.cancel('sold-1')");
is(resolved($old, 'sold-1'), 'refunded|3|2', 'an order was cancelled after it had left');
$old->drained(qw(alpha bravo));

# --- what waits, as the receiver is down

$receiver->stop;
$old->sql(shop_sql($_)) for 6 .. 10;
$old->emit('wait-', 1, 20);
$old->sql("SELECT ecapi_emit('purchase', id => 'stopped-1', value => 5, currency_code => 'EUR'), "
	  . "ecapi_emit('purchase', id => 'withdrawn-1', value => 5, currency_code => 'EUR', user_data => '{\"email_address\": \"bob\@example.com\"}')");
$old->wait_row($_, "state = 'waiting'") for qw(alpha bravo);
$old->sql("SELECT ecapi.cancel('stopped-1')");
is(resolved($old, 'stopped-1'), 'nothing to refund|0|0', 'one is cancelled while it waits');
is($old->sql("SELECT count(*) FROM ecapi.withdraw('bob\@example.com', destinations => '{alpha}')"), '1', 'one is withdrawn from alpha');
$old->sql("SELECT * FROM ecapi.forget('cid\@example.com')");
$old->sql("ALTER SERVER delta OPTIONS (DROP filter); SELECT ecapi.replay('delta', since => now() - interval '1 hour')");
$old->sql("SET ecapi.on_error = set_aside; SELECT ecapi_emit('purchase', id => 'aside-1', value => 1)");
is($old->sql($depends), 'shop.margin(ecapi.event[])', 'a server depends on its enrichment');

my $before_reconciled = reconciled($old);
my %servers = split /[\n|]/, $old->sql("SELECT srvname, oid FROM pg_foreign_server");

# after the worker has written all that it will
$old->stop;
$old->start;
$old->wait_row($_, "state = 'waiting'") for qw(alpha bravo);
$old->sql("ALTER SYSTEM SET ecapi.delivery = off");
$old->restart;
my $kept = kept($old);
my $tracks = $old->sql("SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname LIKE 'ecapi%' ORDER BY 1, 2");
$old->sql("ALTER SYSTEM RESET ecapi.delivery");
$old->stop;

# --- pg_upgrade

my $new = EcapiCluster->new('new');

$new->{ecapi_credentials} = $old->credentials;
$new->init(init_after($old, $new));
$new->append_conf('postgresql.conf', join("\n",
		"shared_preload_libraries = 'ecapi'",
		"ecapi.credential_directory = '" . $old->credentials . "'",
		'max_prepared_transactions = 64',
		"log_line_prefix = '%m [%p] %b '",
		'log_statement = none') . "\n");

my @upgrade = upgrade_command($old, $new);

$new->command_ok([ @upgrade, '--check' ], 'pg_upgrade --check');
$new->command_ok([@upgrade], "pg_upgrade $mode")
  or diag(map { slurp_file($_) } glob($new->data_dir . '/pg_upgrade_output.d/*/log/*.log'));

# --- it came along

# Without the library nothing of the worker's changes what is there.
$new->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$new->start;
is(kept($new), $kept, 'all tables hold what they held, and servers and mappings are the same');
is($new->sql("SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname LIKE 'ecapi%' ORDER BY 1, 2"), $tracks, 'so are tracks');

# A dump has no rows of pg_depend.  Event triggers that are restored before others may have
# made these by now; not everywhere.
$new->sql("SET allow_system_table_mods = on; DELETE FROM pg_depend d"
	  . " WHERE d.classid = 'pg_foreign_server'::regclass AND d.refclassid = 'pg_proc'::regclass");
is($new->sql($depends), 'none', 'servers depend on no function');

# The worst that new oids can be: each server has the one that its neighbour had.  What is
# of a server that is no more has one of theirs, too.
my %now = split /[\n|]/, $new->sql("SELECT srvname, oid FROM pg_foreign_server");
my $next = join ', ', map { "($servers{$all[$_]}, $now{$all[($_ + 1) % @all]})" } 0 .. $#all;

$new->sql("CREATE TABLE moved (was oid, is_now oid); INSERT INTO moved VALUES $next;"
	  . 'UPDATE ecapi.cursor_row SET generation = generation + 1000000;'
	  . 'UPDATE ecapi.cursor_row SET server = is_now FROM moved WHERE server = was;'
	  . 'UPDATE ecapi.request SET server = is_now FROM moved WHERE server = was;'
	  . 'UPDATE ecapi.stop SET server = is_now FROM moved WHERE server = was;'
	  . 'DROP TABLE moved');
$new->stop;
$new->append_conf('postgresql.conf', "shared_preload_libraries = 'ecapi'\n");
$receiver->start_again;

my $requests = scalar $receiver->requests;
my %before = map { $_ => scalar(grep { $_->{data_set_id} eq $_ } $receiver->records) } @all;

$new->start;

# --- nothing leaves before it is adopted

$new->wait_state($_, 'stopped', 'pg_upgrade.*ecapi\.adopt') for @all;
$new->emit('early-', 1, 3);
$new->sql(shop_sql(11));
$new->resume($_) for qw(alpha bravo);
$new->sql("ALTER SERVER alpha OPTIONS (SET batch_size '4'); SELECT ecapi.retry('bravo')");
$new->wait_worker;
$new->restart_worker;
$new->wait_state($_, 'stopped', 'ecapi\.adopt') for @all;
is(scalar($receiver->requests), $requests, 'nothing is sent before ecapi.adopt()');
like($new->doctor('error', 'alpha'), qr/pg_upgrade.*SELECT ecapi\.adopt\('alpha'\)/, 'the doctor says what to do');

# The load of a destination has made what the dump of pg_upgrade does not carry.
is($new->sql($depends), 'shop.margin(ecapi.event[])', 'a server depends on its enrichment again, by no DDL on it');
is($new->sql("SELECT string_agg(destination || ' ' || event_id, ' ') FROM ecapi.failed_event WHERE state = 'waiting'"), 'bravo poison-1',
	'a failed event is of its destination');
like($new->refused('DROP FUNCTION shop.margin'), qr/cannot drop function shop\.margin.*server alpha depends/s, 'the error says why');
$new->sql('DROP FUNCTION shop.unused');
is($new->sql("SELECT string_agg(concat_ws(' ', c.destination, c.server = s.oid), ', ' ORDER BY c.destination) FROM ecapi.cursor c JOIN pg_foreign_server s ON s.srvname = c.destination"),
	'alpha t, bravo t, charlie t, delta t', 'each cursor is of the server of its name');
is($new->sql("SELECT count(*) FROM ecapi.request r JOIN pg_foreign_server s ON s.oid = r.server WHERE s.srvname <> r.destination"),
	'0', 'so are requests');
is($new->sql("SELECT count(*) FROM ecapi.stop r JOIN pg_foreign_server s ON s.oid = r.server WHERE s.srvname <> r.destination"),
	'0', 'and stops');

# --- adopted: what waited arrives, once

$new->sql('ALTER EXTENSION ecapi UPDATE');
$new->sql("SELECT ecapi.adopt(destination) FROM ecapi.destination WHERE detail LIKE '%ecapi.adopt()%'");
like($new->refused("SELECT ecapi.adopt('alpha')"), qr/delivers from this database already/, 'once is enough');
$new->drained(qw(alpha bravo));
$new->wait_state('charlie', 'paused');
is(arrived('charlie', 'wait-1'), 0, 'a pause holds on');
$new->resume('charlie');
$new->drained(@all);
$new->wait_sql("(SELECT bool_and(state = 'finished') FROM ecapi.replay)", 'the replay goes on');

my @orders = map { "shop.orders:$_:purchase" } 1 .. 11;
my @refunds = map { "shop.orders:$_:refund:1" } 1 .. 11;
my @early = (ids('wait-', 1, 20), ids('early-', 1, 3));

$new->all_there($receiver, 'alpha', [ shop_ids(1 .. 11), 'poison-1', qw(sold-1 sold-1:refund sold-2), @early ],
	'alpha has each event once');
$new->all_there($receiver, 'bravo', [ @orders, @refunds, qw(sold-1 sold-1:refund sold-2 dear-1 withdrawn-1), @early ], 'so has bravo');
$new->all_there($receiver, 'charlie', [ @orders, qw(poison-1 dear-1 sold-1 sold-2 withdrawn-1), @early ], 'and charlie');
$new->all_there($receiver, 'delta', [ @orders, qw(poison-1 dear-1 sold-2 withdrawn-1), @early ],
	'delta has what the replay brought, and what waited', repeats => 1);
is((grep { $_->{id} eq 'wait-9' && $_->{data_set_id} eq 'alpha' } $receiver->records)[0]{value}, '8.5', 'it is enriched as before');

# --- failed events, cancellations, the trace

is($new->sql("SELECT string_agg(concat_ws(' ', destination, event_id, state), ', ') FROM ecapi.failed_event WHERE state <> 'set_aside'"),
	'bravo poison-1 waiting', 'the failed event waits');
is($new->sql("SELECT count(*) FROM ecapi.failed_event WHERE state = 'set_aside'"), '1', 'so does what was set aside');
$new->alter('bravo', url => $receiver->url('/bravo/fixed'));
$new->sql("SELECT ecapi.retry('bravo')");
$new->wait_row('bravo', 'failed_waiting = 0');
is(arrived('bravo', 'poison-1'), 1, 'retried, it is delivered');
$new->sql("SELECT ecapi.cancel('sold-2')");
is(resolved($new, 'sold-2'), 'refunded|4|2', 'an order that had left before is found, and refunded where it went');
$new->drained(@all);
is(join(' ', map { arrived($_, 'sold-2:refund') } @all), '1 1 0 0', 'to those that take refunds');
is($new->sql("SELECT string_agg(DISTINCT destination, ' ' ORDER BY destination) FROM ecapi.trace('shop.orders:1:purchase') WHERE outcome = 'delivered'"),
	'alpha bravo charlie delta', 'the trace knows where an event went before');
is($new->sql("SELECT string_agg(DISTINCT destination, ' ' ORDER BY destination) FROM ecapi.trace('sold-1:refund') WHERE outcome = 'delivered'"),
	'alpha bravo', 'and where not');
is($new->sql("SELECT string_agg(DISTINCT destination, ' ') FROM ecapi.trace('withdrawn-1') WHERE reason = 'consent withdrawn'"), 'alpha',
	'a withdrawal holds');

# --- the new cluster is one as any other

$new->sql(shop_sql(12));
$new->drained(@all);
is(arrived('alpha', $_), 1, "$_ is captured") for shop_ids(12);
is($new->sql("SELECT string_agg(DISTINCT outcome, ' ' ORDER BY outcome) FROM ecapi.reconcile('shop.orders', now() - interval '1 day', now() + interval '1 day', 'purchase') WHERE events > 0"),
	'delivered emitted generated', 'rows, events and outcomes agree');
unlike($before_reconciled, qr/unaccounted [1-9]/, 'as they did');
$new->sql("DELETE FROM ecapi.failed_event WHERE state = 'set_aside'");
is($new->doctor('error'), '', 'the doctor has no error');
# but what it says of a release that is not the newest
is($new->doctor('warning', '^(?!PostgreSQL .* has a fault)'), '', 'nor a warning');
is($new->sql("SELECT count(*) FROM pg_foreign_server s, pg_options_to_table(s.srvoptions) o WHERE o.option_name = 'origin'"
		  . " AND o.option_value = (SELECT system_identifier FROM pg_control_system()) || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())"),
	scalar(@all), 'a dump of it is a copy of the new cluster');
like($new->refused('DROP FUNCTION shop.margin'), qr/cannot drop function/, 'it is guarded still');
$new->restart;
$new->delivers($receiver, 'alpha', 'later', 3);
is($receiver->stats->{conflicts}, 0, 'no event changed');

# --- a dump of it, restored into the same database of another cluster, is a copy

my $third = EcapiCluster->create(name => 'third', credentials => $old->credentials, extension => 0);

$new->command_ok([ 'pg_dump', '--schema-only', '-f', $new->basedir . '/dump', '-d', $new->connstr('postgres') ], 'dumped');
$new->stop;
$third->sql('CREATE ROLE shop_owner LOGIN');
$third->command_ok([ 'psql', '-XqAt', '-1', '-v', 'ON_ERROR_STOP=1', '-f', $new->basedir . '/dump', '-d', $third->connstr('postgres') ],
	'restored, in one transaction');
$third->wait_state('alpha', 'stopped', 'is a copy.*ecapi\.adopt');
$third->emit('third-before-', 1, 3);
$third->sql("SELECT ecapi.adopt('alpha')");
$third->emit('third-after-', 1, 3);
$receiver->wait_received('third-after', 3);
$third->drained('alpha');
is(scalar(keys %{ $receiver->ids_received('third-before') }), 0, 'it begins with what commits after ecapi.adopt()');
$third->stop;
done_testing();
