# What a DBA does to tables while they are in use, done to the outbox, to the other
# tables of the extension and to tracked ones, under load and with the worker
# delivering: REINDEX, VACUUM FULL, CLUSTER, pg_amcheck, pg_repack.  Nothing is lost,
# nothing is sent twice, no statement of the application fails.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiLoad;
use EcapiReceiver;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "max_worker_processes = 20\n");

$cluster->sql('CREATE EXTENSION amcheck');
$cluster->destination('shop', $receiver->url('/in'), "retry_for '1h'");
$cluster->sql(<<'SQL');
CREATE TABLE visits (part int, id int, PRIMARY KEY (part, id)) PARTITION BY RANGE (part);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (1) TO (10);
CREATE TABLE carts (id int PRIMARY KEY, total int);
SELECT ecapi.track('visits', 'viewed_item', '{}');
SELECT ecapi.track('carts', 'purchase', '{"ext.total": "total"}', at_commit => true, condition => 'total > 1');
SQL
my $current = 'ecapi.outbox_' . ($cluster->emit('first-', 1, 3), $cluster->sql('SELECT max(slot) FROM ecapi.outbox'))[1];
my @sent = ids('first-', 1, 3);
my $visits = 0;

# Every index says of each row in the heap where it is.
sub is_whole
{
	my ($what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($cluster->sql("SELECT count(*) FROM (SELECT bt_index_parent_check(i.indexrelid, true, true)"
			  . " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree')"
			  . " JOIN pg_class t ON t.oid = i.indrelid AND t.relkind = 'r'"
			  . " WHERE i.indisvalid AND t.relnamespace IN ('ecapi'::regnamespace, 'public'::regnamespace)) x")
			> 10, 1, "indexes are whole: $what");
	return;
}

# Rows that both partitioned and at_commit tracks turn into events.
sub shop
{
	$visits++;
	$cluster->sql("INSERT INTO visits VALUES (1, $visits); BEGIN; INSERT INTO carts VALUES ($visits, 1);"
		  . " UPDATE carts SET total = 2 WHERE id = $visits; COMMIT");
	push @sent, "visits:1:$visits:viewed_item", "carts:$visits:purchase";
	return;
}

# Run statements beside the test; returns what IPC::Run does.
sub beside
{
	my ($sql, $error) = @_;

	return IPC::Run::start([ 'psql', '-XqAt', '-d', $cluster->connstr('postgres'), '-c', $sql ],
		'<', \undef, '>', \my $out, '2>', $error, IPC::Run::timeout($EcapiWait::DEADLINE));
}

# A transaction that has emitted waits at a lock of this one, until release().
my $gate;

sub open_transaction
{
	my ($id, $error) = @_;

	$gate = beside("SELECT pg_advisory_lock(1); SELECT pg_sleep(36000)", \my $ignored);
	$cluster->wait_sql("EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted)");
	my $open = beside("BEGIN; SELECT ecapi_emit('purchase', id => '$id', value => 1, currency_code => 'EUR');"
		  . " SELECT pg_advisory_lock(1); COMMIT", $error);

	$cluster->wait_sql("EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)");
	return $open;
}

sub release
{
	$cluster->sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted");
	eval { $gate->finish };
	return;
}

subtest 'REINDEX CONCURRENTLY beside an open transaction' => sub {
	my ($said, $failed);
	my $open = open_transaction('open-1', \$said);
	my $reindex = beside("REINDEX TABLE CONCURRENTLY $current", \$failed);

	$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for%')",
		'the index is built or waits for writers');
	$cluster->wait_sql("(SELECT count(*) > 1 FROM pg_index WHERE indrelid = '$current'::regclass)");
	# the worker has read the catalog meanwhile, as each session has that emits
	$cluster->emit('beside-', 1, 3);
	$receiver->wait_received('beside', 3);
	$cluster->emit('many-', 1, 100);
	$receiver->wait_received('many', 100);
	release();
	ok($open->finish, 'the transaction commits') or diag($said);
	ok($reindex->finish, 'REINDEX is done') or diag($failed);
	$receiver->wait_received('open', 1);
	$cluster->drained('shop');
	push @sent, ids('beside-', 1, 3), ids('many-', 1, 100), 'open-1';
	is_whole('after it');
	is($cluster->sql("SELECT count(*) FROM pg_index WHERE indrelid = '$current'::regclass"), 1, 'no copy is left');
};

subtest 'a copy that a REINDEX left behind' => sub {
	my ($said, $failed);
	my $open = open_transaction('left-1', \$said);
	my $reindex = beside("REINDEX TABLE CONCURRENTLY $current", \$failed);

	$cluster->wait_sql("(SELECT count(*) > 1 FROM pg_index WHERE indrelid = '$current'::regclass)");
	$cluster->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'REINDEX%' AND pid <> pg_backend_pid()");
	ok(!eval { $reindex->finish }, 'REINDEX was broken off');
	release();
	ok($open->finish, 'the transaction commits') or diag($said);
	$cluster->emit('left-', 2, 30);
	$receiver->wait_received('left', 30);
	push @sent, ids('left-', 1, 30);
	is($cluster->sql("SELECT count(*) FROM pg_index WHERE indrelid = '$current'::regclass AND NOT indisvalid"), 1,
		'it is there, and events go on');
	$cluster->sql("DROP INDEX " . $cluster->sql("SELECT indexrelid::regclass FROM pg_index WHERE indrelid = '$current'::regclass AND NOT indisvalid"));
	$cluster->delivers($receiver, 'shop', 'gone', 3);
	push @sent, ids('gone-', 1, 3);
};

subtest 'another index is refused, as before' => sub {
	$cluster->sql("CREATE INDEX other ON $current (emitted_at)");
	like($cluster->refused("SELECT ecapi_emit('login', id => 'no')"), qr/is not as the extension made it/, 'an emit says why');
	$cluster->sql('DROP INDEX ecapi.other');
	$cluster->sql("DROP INDEX ecapi.outbox_xid_seq_idx; CREATE INDEX outbox_xid_seq_idx ON ecapi.outbox (seq, xid)");
	like($cluster->refused("SELECT ecapi_emit('login', id => 'no')"), qr/is not as the extension made it/, 'one with other keys, too');
	$cluster->sql("DROP INDEX ecapi.outbox_xid_seq_idx; CREATE INDEX outbox_xid_seq_idx ON ecapi.outbox (xid, seq)");
	$cluster->delivers($receiver, 'shop', 'keyed', 3);
	push @sent, ids('keyed-', 1, 3);
};

my @loads = (EcapiLoad->start($cluster, 'e'), EcapiLoad->start($cluster, 't', track => 1));
my $pid = $cluster->worker_pid;
my @tables = split /\n/, $cluster->sql("SELECT c.oid::regclass FROM pg_class c WHERE c.relkind = 'r'"
	  . " AND c.relnamespace IN ('ecapi'::regnamespace, 'public'::regnamespace) ORDER BY 1");

# Do something, and let the application go on for a while after it.
sub under_load
{
	my ($what, $action) = @_;

	shop();
	$action->();
	shop();
	$_->wait_more(5) for @loads;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(join('', map { $_->errors } @loads), '', "$what: the application goes on");
	return;
}

cmp_ok(scalar(@tables), '>', 30, 'all tables of the extension, and tracked ones');
under_load('VACUUM FULL', sub { $cluster->sql(join(';', map { "VACUUM FULL $_" } @tables)) });
under_load('REINDEX', sub { $cluster->sql('REINDEX SCHEMA ecapi; REINDEX SCHEMA public') });
under_load('REINDEX CONCURRENTLY', sub { $cluster->sql('REINDEX SCHEMA CONCURRENTLY ecapi; REINDEX SCHEMA CONCURRENTLY public') });
under_load('CLUSTER', sub {
	$cluster->sql(join ';', map { "CLUSTER $_ USING " . $cluster->sql("SELECT relname FROM pg_index i JOIN pg_class c"
			  . " ON c.oid = i.indexrelid WHERE i.indrelid = '$_'::regclass AND i.indpred IS NULL AND c.relam ="
			  . " (SELECT oid FROM pg_am WHERE amname = 'btree') ORDER BY 1 LIMIT 1") }
		  grep { /outbox_|load_|visits_|carts|cursor_row|failed_event/ } @tables);
});
under_load('pg_amcheck', sub {
	$cluster->command_ok([ 'pg_amcheck', '--heapallindexed', '--parent-check', '--rootdescend', '-h', $cluster->host, '-p', $cluster->port, 'postgres' ],
		'pg_amcheck finds nothing');
});

SKIP:
{
	skip "pg_repack is not installed for this version", 1
	  if $cluster->sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_repack'") eq '0';
	my @repack = ($cluster->installed_command('pg_repack'), '--no-kill-backend', '-d', 'postgres', '-h', $cluster->host, '-p', $cluster->port);

	sub repacked
	{
		my (@options) = @_;
		my ($out, $error);
		my $done = IPC::Run::run([ @repack, @options ], '>', \$out, '2>', \$error, IPC::Run::timeout($EcapiWait::DEADLINE));

		note $out . $error;
		ok($done, "pg_repack @options") or diag($out . $error);
		return $error;
	}

	my $looks = "SELECT c.oid, c.relname, t.tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
	  . " WHERE tgname LIKE 'ecapi%' ORDER BY 1, 3";
	my $before = $cluster->sql($looks);

	$cluster->sql('CREATE EXTENSION pg_repack');
	under_load('pg_repack of tracked tables', sub { repacked('-t', 'load_e', '-t', 'load_t', '-t', 'visits_1', '-t', 'carts') });
	is($cluster->sql($looks), $before, 'tables keep their oids, their tracks and triggers');
	under_load('pg_repack of a slot', sub {
		like(repacked('-t', $current), qr/"$current" must have a primary key/, 'the outbox is left as it is');
	});
	under_load('pg_repack of its indexes', sub { repacked('--only-indexes', '-t', $current) });
	under_load('pg_repack of the whole database', sub { repacked() });
	is($cluster->sql('SELECT count(*) FROM ecapi.track WHERE problem IS NOT NULL'), '0', 'no track is broken');
}

$_->stop for @loads;
push @sent, map { $_->ids } @loads;
$cluster->drained('shop');
is($cluster->worker_pid, $pid, 'the worker is the same');
$cluster->all_there($receiver, 'shop', \@sent, 'all that was committed has arrived, once');
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), '0', 'nothing was set aside');
is_whole('in the end');
is($cluster->doctor('error'), '', 'nothing is wrong');
unlike($cluster->log_text, qr/ecapi worker.*ERROR/, 'the worker has met no error');

$cluster->stop;
done_testing();
