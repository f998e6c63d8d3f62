# Capture takes memory for a page of events, however many rows one statement has, and
# for one context and one program, however many a transaction has: the peak of a session
# that inserts rows into a tracked table is that of one that inserts them into another,
# and a bit.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use Test::More;

plan skip_all => 'needs /proc of Linux' unless -r '/proc/self/status';

# What of the shared buffers was touched counts for a process, too.
my $cluster = EcapiCluster->create(conf => "shared_buffers = 4MB\nfsync = off\n");

$cluster->sql(q{
	CREATE TABLE untracked (id int PRIMARY KEY, note text);
	CREATE TABLE tracked (LIKE untracked INCLUDING ALL);
	SELECT ecapi.track('tracked', 'login', '{"ext.note": "note"}');
});

# The peak in kB of a new session that runs something.
sub peak
{
	my ($sql) = @_;

	return $cluster->sql("$sql; SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') from 'VmHWM:\\s*(\\d+)')");
}

# Rows of about 3 kB in one statement; their events are compressed, but stay in the table.
sub insert_into
{
	my ($table, $rows) = @_;

	return "INSERT INTO $table SELECT n, (SELECT string_agg(left(md5((n * k)::text), 9) || ' Windows NT 10.0; Win64 ', '')"
	  . " FROM generate_series(1, 100) k) FROM generate_series(1, $rows) n";
}

# A statement many times in one transaction; the number of the turn is n.
sub in_a_loop
{
	my ($turns, $sql) = @_;

	return "DO \$\$ BEGIN FOR n IN 1 .. $turns LOOP $sql; END LOOP; END \$\$";
}

my $rows = 40_000;
my $without = peak(insert_into('untracked', $rows));
my $with = peak(insert_into('tracked', $rows));

is($cluster->sql('SELECT count(*) FROM ecapi.outbox'), $rows, 'each row is an event');
cmp_ok($with - $without, '<', 32 * 1024, "$rows events of 3 kB took $with kB, rows without events $without kB");

# Each row has another context: none of them is needed when the next one comes.
$cluster->sql('TRUNCATE untracked, tracked');
$rows = 20_000;
sub with_contexts
{
	my ($table) = @_;

	return in_a_loop($rows, q{PERFORM set_config('ecapi.context', format('{"ext": {"visitor": %s}}', n), true);}
		  . " INSERT INTO $table VALUES (n)");
}
$without = peak(with_contexts('untracked'));
$with = peak(with_contexts('tracked'));
is($cluster->sql(q{SELECT count(DISTINCT event->'ext'->>'visitor') FROM ecapi.outbox}), $rows, 'each event has its context');
cmp_ok($with - $without, '<', 16 * 1024, "$rows contexts in one transaction took $with kB, rows without events $without kB");

# A table changes again and again: of its programs one is kept.
my $turns = 1000;
$without = peak(in_a_loop($turns, 'TRUNCATE untracked; INSERT INTO untracked VALUES (n)'));
$with = peak(in_a_loop($turns, 'TRUNCATE tracked; INSERT INTO tracked VALUES (n)'));
cmp_ok($with - $without, '<', 16 * 1024, "compiling $turns times in one transaction took $with kB, changing another table $without kB");

$cluster->stop;
done_testing();
