# Long commands show how far they are, to their own role and to pg_read_all_stats, and are
# gone from the view after success, an error, a cancel and the end of their process.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use IPC::Run ();
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

$cluster->destination('shop', $receiver->url('/shop'));
$cluster->sql(<<'END');
CREATE ROLE clerk LOGIN;
CREATE ROLE stranger LOGIN;
CREATE ROLE watcher LOGIN;
GRANT pg_read_all_stats TO watcher;
CREATE SCHEMA shop AUTHORIZATION clerk;
GRANT USAGE ON SCHEMA ecapi TO clerk, stranger, watcher;
GRANT SELECT ON ecapi.stat_progress TO clerk, stranger, watcher;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA ecapi TO clerk;
SET ROLE clerk;
CREATE TABLE shop.orders (id int PRIMARY KEY, customer text NOT NULL, total numeric NOT NULL, paid_at timestamptz NOT NULL);
INSERT INTO shop.orders
SELECT i, 'customer-' || i % 300, 10 + i % 7, current_date - 1 - i % 400 FROM generate_series(1, 3000) i;
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "total", "currency_code": "''EUR''", "timestamp": "paid_at",
	"user_data.customer_identifier": "customer"}');
RESET ROLE;
ANALYZE shop.orders;
END
$cluster->emit('p', 1, 20);
$cluster->drained('shop');

# A statement in a session of its own, by clerk.
sub start
{
	my ($sql) = @_;
	my %session = (err => '', out => '');

	$session{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $cluster->connstr('postgres') . ' user=clerk application_name=long', '-c', $sql ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

# Hold what a command has to wait for, until let_go().
sub hold
{
	my ($sql) = @_;
	my %holder = (err => '', out => '');

	$holder{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $cluster->connstr('postgres') . ' application_name=holder', '-c', "BEGIN; $sql; SELECT pg_sleep(3600)" ],
		'<', \undef, '>', \$holder{out}, '2>', \$holder{err});
	$cluster->wait_sql("EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'holder' AND wait_event = 'PgSleep')", 'it is held');
	return \%holder;
}

sub let_go
{
	my ($holder) = @_;

	$cluster->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'");
	eval { $holder->{run}->finish };
	return;
}

# What the view shows, to a role.
sub rows
{
	my ($columns, $role) = @_;

	return $cluster->sql(($role ? "SET ROLE $role; " : '') . "SELECT $columns FROM ecapi.stat_progress WHERE command IS DISTINCT FROM 'replay'");
}

my $empty = 'NOT EXISTS (SELECT FROM ecapi.stat_progress)';
my $lock = 'LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE';
my %commands = (
	backfill => [ "CALL ecapi.backfill('shop.orders', 'purchase', page_size => 100)", $lock, 'shop.orders' ],
	reconcile => [ "SELECT count(*) FROM ecapi.reconcile('shop.orders', now() - interval '1 year', now())", $lock, 'shop.orders' ],
	fit => [ "SELECT ecapi.fit('shop.orders')", $lock, 'shop.orders' ],
	forget => [ "SELECT count(*) FROM ecapi.forget('customer-7')", 'LOCK TABLE ecapi.forgotten IN ACCESS EXCLUSIVE MODE', '' ]);

for my $command (sort keys %commands)
{
	my ($sql, $what, $relation) = @{ $commands{$command} };
	my $seen = "(SELECT count(*) = 1 FROM ecapi.stat_progress WHERE command = '$command')";
	my $pid = "(SELECT pid FROM ecapi.stat_progress WHERE command = '$command')";

	for my $end ('success', 'cancel', 'terminate')
	{
		my $holder = hold($what);
		my $session = start($sql);

		$cluster->wait_sql($seen, "$command is shown");
		if ($end eq 'success')
		{
			is(rows("datname, command, relation, started_at <= clock_timestamp(), pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = 'long')"),
				"postgres|$command|$relation|t|t", 'what it is');
			is(rows('command', 'clerk'), $command, 'to its own role');
			is(rows('command', 'watcher'), $command, 'to pg_read_all_stats');
			is(rows('pid IS NOT NULL, command, relation, phase, done, total, started_at', 'stranger'), 't||||||',
				'to another the process alone');
			# a table that is locked holds up a report, too
			like($cluster->sql('SELECT ecapi.report(reconcile => false)'), qr{<bdi>$command</bdi></th><td}, 'and a report shows it') if $relation eq '';
			unlike($cluster->sql('SELECT p::text FROM ecapi.stat_progress p'), qr/customer-7/, 'no identifier is in it');
			let_go($holder);
		}
		elsif ($end eq 'cancel')
		{
			$cluster->sql("SELECT pg_cancel_backend($pid)");
		}
		else
		{
			$cluster->sql("SELECT pg_terminate_backend($pid)");
		}
		eval { $session->{run}->finish };
		let_go($holder) if $end ne 'success';
		like($session->{err}, qr/canceling statement due to user request/, "$command is cancelled") if $end eq 'cancel';
		like($session->{err}, qr/terminating connection/, "$command is terminated") if $end eq 'terminate';
		unlike($session->{err}, qr/ERROR/, "$command ends") if $end eq 'success';
		$cluster->wait_sql($empty, "$command is gone after $end");
		is(rows('command'), '', "$command is gone after $end");
	}
}

# --- errors, caught and not; a command inside another transaction's subtransaction

like($cluster->refused("SELECT ecapi.reconcile('shop.orders', now() - interval '1 day', now(), 'none')"), qr/ERROR/, 'an error');
is(rows('command'), '', 'leaves nothing');
is( $cluster->sql(<<'END'), 'f', 'nor does one that is caught');
DO $$ BEGIN PERFORM ecapi.reconcile('shop.orders', now() - interval '1 day', now(), 'none'); EXCEPTION WHEN OTHERS THEN NULL; END $$;
SELECT EXISTS (SELECT FROM ecapi.stat_progress);
END

# A command inside another that fails and is caught there: the other ends as ever.
$cluster->sql(<<'END');
SET ROLE clerk;
CREATE FUNCTION shop.features() RETURNS TABLE (customer text, size int) LANGUAGE plpgsql STABLE AS $$ BEGIN
	BEGIN
		PERFORM ecapi.reconcile('shop.orders', now() - interval '1 day', now(), 'none');
		RAISE 'this is reached';
	EXCEPTION WHEN undefined_object THEN NULL;
	END;
	RETURN QUERY SELECT DISTINCT o.customer, length(o.customer) FROM shop.orders o;
END $$;
END
like($cluster->sql(<<'END'), qr/^\d+\nf$/, 'one inside another that fails there leaves nothing, either');
SET ROLE clerk;
SET client_min_messages = error;
SELECT ecapi.fit('shop.orders', features => 'shop.features');
SELECT EXISTS (SELECT FROM ecapi.stat_progress);
END

# --- phases

my $backfill = start("CALL ecapi.backfill('shop.orders', 'purchase', page_size => 100, events_per_second => 0.001, restart => true)");
$cluster->wait_sql("(SELECT count(*) = 1 FROM ecapi.stat_progress WHERE command = 'backfill' AND phase = 'keeping to the rate')",
	'a backfill keeps to its rate');
is(rows('done BETWEEN 1 AND 100, total'), 't|3000', 'how far it is, and how much there is');
$cluster->sql("SELECT pg_cancel_backend(pid) FROM ecapi.stat_progress");
eval { $backfill->{run}->finish };
is(rows('command'), '', 'and is gone');

# --- replays

$cluster->drained('shop');
$cluster->pause('shop');
my $replay = $cluster->sql("SELECT ecapi.replay('shop', now() - interval '1 hour')");
is($cluster->sql('SELECT command, destination, pid IS NULL, done FROM ecapi.stat_progress'), 'replay|shop|t|0', 'a replay waits');
is($cluster->sql('SET ROLE stranger; SELECT count(*) FROM ecapi.stat_progress'), '0', 'others do not see it');
$cluster->sql("SELECT ecapi.cancel_replay('shop', $replay)");
$cluster->wait_sql($empty, 'a cancelled one is gone');
$cluster->sql("SELECT ecapi.replay('shop', now() - interval '1 hour')");
$cluster->restart_worker;
is($cluster->sql('SELECT command FROM ecapi.stat_progress'), 'replay', 'one goes on when the worker is gone');
$cluster->resume('shop');
$cluster->wait_sql($empty, 'and is gone at its end');

$cluster->stop;
$receiver->stop;
done_testing();
