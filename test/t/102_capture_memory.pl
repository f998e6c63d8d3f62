# Capture takes memory for a page of events, however many rows one statement has: the
# peak of a session that inserts rows into a tracked table is that of one that inserts
# them into another, and a bit.
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

# The peak in kB of a new session that inserts rows of about 3 kB in one statement; their
# events are compressed, but stay in the table.
sub peak
{
	my ($table, $rows) = @_;

	return $cluster->sql(qq{
		INSERT INTO $table SELECT n, (SELECT string_agg(left(md5((n * k)::text), 9) || ' Windows NT 10.0; Win64 ', '')
			FROM generate_series(1, 100) k) FROM generate_series(1, $rows) n;
		SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') from 'VmHWM:\\s*(\\d+)')});
}

my $rows = 40_000;
my $without = peak('untracked', $rows);
my $with = peak('tracked', $rows);

is($cluster->sql('SELECT count(*) FROM ecapi.outbox'), $rows, 'each row is an event');
cmp_ok($with - $without, '<', 32 * 1024, "$rows events of 3 kB took $with kB, rows without events $without kB");

$cluster->stop;
done_testing();
