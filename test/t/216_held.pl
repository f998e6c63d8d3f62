# An old snapshot keeps every dead version of the rows that the worker writes over
# and over; what a write, a look or a start costs must not grow with them.  Costs are
# counted in blocks, as the server's statistics count them: with few versions, then with $VERSIONS dead ones of each row.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $VERSIONS = 20_000;

# Blocks of a table and its indexes that one write may touch: it looks its row up
# twice, each time down an index and through the versions of one generation (16),
# which lie in a few blocks; it changes the row, and at times two indexes.
my $LIMIT = 60;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "autovacuum = off\nmax_connections = 30\n");

# Blocks touched so far, and rows written; 
sub blocks
{
	my ($table) = @_;

	return split /\|/, $cluster->sql("SELECT heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit,"
		  . " n_tup_ins + n_tup_upd FROM pg_statio_user_tables JOIN pg_stat_user_tables USING (relid)"
		  . " WHERE relid = '$table'::regclass");
}

# Blocks of a table for each row that is written while $work runs.
sub cost
{
	my ($table, $work) = @_;
	my ($blocks, $rows) = blocks($table);
	my ($blocks_then, $rows_then);

	$work->();
	$cluster->wait_for(
		sub {
			($blocks_then, $rows_then) = blocks($table);
			return $rows_then - $rows >= 10;
		}, "ten writes of $table");
	return ($blocks_then - $blocks) / ($rows_then - $rows);
}

# Events that are recorded one by one; to look at the request log touches none of the
# tables that are counted.
my $sent = 0;

sub deliver
{
	my ($n) = @_;

	for (1 .. $n)
	{
		$sent++;
		my $before = $cluster->sql("SELECT count(*) FROM ecapi.request WHERE destination = 'one'");
		$cluster->emit('a', $sent, $sent);
		$cluster->wait_sql("SELECT count(*) > $before FROM ecapi.request WHERE destination = 'one'");
	}
	return;
}

# Write a row over and over, each time the newest version, as the worker does.
sub age
{
	my ($table, $where) = @_;
	my $generation = $table eq 'ecapi.ledger' ? '' : ', generation = (written + 1) / 16';

	$cluster->sql("DO \$\$ BEGIN FOR i IN 1 .. $VERSIONS LOOP"
		  . " UPDATE $table SET written = written + 1$generation WHERE ctid ="
		  . " (SELECT n.ctid FROM $table n WHERE $where ORDER BY generation DESC LIMIT 1);"
		  . " IF i % 1000 = 0 THEN COMMIT; END IF; END LOOP; END \$\$");
	my $dead = $cluster->sql("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = '$table'::regclass");
	cmp_ok($dead, '>=', $VERSIONS, "$table: $VERSIONS dead versions");
	return;
}

$cluster->destination('one', $receiver->url('/one'));
deliver(3);

my $holder = $cluster->background_psql('postgres');
$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
$holder->query_safe('SELECT count(*) FROM ecapi.destination');

my %before;
for my $table (qw(ecapi.cursor_row ecapi.ledger))
{
	$before{$table} = cost($table, sub { deliver(12) });
}

my $server = $cluster->sql("SELECT oid FROM pg_foreign_server WHERE srvname = 'one'");
$cluster->pause('one');
age('ecapi.cursor_row', "server = $server");
age('ecapi.ledger', "hour = (SELECT max(hour) FROM ecapi.ledger) AND destination = 'one' AND outcome = 'delivered'"
	  . " AND coalesce(event_type, '') = 'purchase' AND coalesce(currency, '') = 'EUR' AND coalesce(reason, '') = ''");
$cluster->resume('one');
$cluster->wait_row('one', "state = 'idle'");

for my $table (qw(ecapi.cursor_row ecapi.ledger))
{
	my $cost = cost($table, sub { deliver(12) });

	diag sprintf('%s: %.1f blocks a write before, %.1f after', $table, $before{$table}, $cost);
	cmp_ok($cost, '<=', $LIMIT, "$table: a write is as cheap as before");
}

# Readers and the worker's own looks at all cursors go by the index, too.
{
	my ($before) = blocks('ecapi.cursor_row');

	$cluster->sql("SELECT * FROM ecapi.destination; SELECT * FROM ecapi.cursor; SELECT ecapi.pause('one')");
	$cluster->wait_row('one', "state = 'paused'");
	$cluster->resume('one');
	$cluster->wait_row('one', "state = 'idle'");
	my $cost = (blocks('ecapi.cursor_row'))[0] - $before;
	diag "looks and reloads: $cost blocks";
	cmp_ok($cost, '<', 2000, 'the view and a reload read none of the dead versions');
}

# A replay
{
	$cluster->alter('one', url => $receiver->url('/one'));
	$cluster->sql("ALTER SERVER one OPTIONS (ADD rate_limit '20', ADD batch_size '1')");
	$cluster->pause('one');
	my $id = $cluster->sql("SELECT ecapi.replay('one', '-infinity')");
	age('ecapi.replay_cursor', "replay_id = $id");
	$cluster->emit('b', 1, 100);
	$cluster->sql("SELECT ecapi.replay('one', '-infinity')");
	my $cost = cost('ecapi.replay_cursor', sub { $cluster->resume('one') });
	diag sprintf('ecapi.replay_cursor: %.1f blocks a write', $cost);
	cmp_ok($cost, '<=', $LIMIT, 'ecapi.replay_cursor: a write is as cheap as ever');
	$cluster->sql("SELECT ecapi.cancel_replay('one')");
	$cluster->sql("ALTER SERVER one OPTIONS (DROP rate_limit, DROP batch_size)");
	$cluster->drained('one');
}

# A new worker reads the versions once, and then none of them.
$cluster->restart_worker;
deliver(3);
{
	my $cost = cost('ecapi.cursor_row', sub { deliver(12) });

	diag sprintf('after a start: %.1f blocks a write', $cost);
	cmp_ok($cost, '<=', $LIMIT, 'after a start a write is as cheap as before');
}

# Ends the session, with it the snapshot.
$cluster->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'");
is($receiver->stats->{conflicts}, 0, 'no event changed');
$cluster->stop;
done_testing();
