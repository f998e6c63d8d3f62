# EcapiWorkers: several workers of a cluster's database, and who writes which cursor.
#
#   watch_writers($cluster);                    # before the first destination
#   workers($cluster, 3);                       # wait until three run, each with destinations
#   my $number = worker_of($cluster, 'shop');   # which one is to have a destination
#   my $pid = pid_of($cluster, $number);
#   one_writer($cluster, 'after the load');     # two tests
package EcapiWorkers;

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();

our @EXPORT = qw(watch_writers workers worker_of pid_of one_writer);

# Every write of a cursor leaves its token and the process that wrote it.
sub watch_writers
{
	my ($cluster) = @_;

	return $cluster->sql(<<'SQL');
CREATE TABLE writer (n bigserial, server oid, fence bigint, pid int);
CREATE FUNCTION note_writer() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	INSERT INTO public.writer (server, fence, pid) VALUES (new.server, new.fence, pg_backend_pid());
	RETURN NULL;
END $$;
CREATE TRIGGER note AFTER UPDATE ON ecapi.cursor_row FOR EACH ROW
	WHEN (pg_catalog.current_setting('application_name') = 'ecapi worker') EXECUTE FUNCTION note_writer();
SQL
}

# That number of workers at most: wait until all of them run, each with destinations.
sub workers
{
	my ($cluster, $n) = @_;

	$cluster->sql("ALTER SYSTEM SET ecapi.workers = $n; SELECT pg_reload_conf()");
	return $cluster->wait_sql("SELECT count(*) = $n AND bool_and(state = 'running' AND destinations <> '{}')"
		  . ' FROM ecapi.workers', "$n workers run, each with destinations");
}

# Which worker is to have a destination.
sub worker_of
{
	my ($cluster, $name) = @_;

	return $cluster->sql("SELECT number FROM ecapi.workers WHERE '$name' = ANY (destinations)");
}

# The process of a worker.
sub pid_of
{
	my ($cluster, $number) = @_;

	return $cluster->sql("SELECT pid FROM ecapi.workers WHERE number = $number");
}

# Tests: no token was written by two processes, and none after a later one.
sub one_writer
{
	my ($cluster, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Test::More::cmp_ok($cluster->sql('SELECT count(*) FROM writer'), '>', 0, "$what: workers write cursors");
	Test::More::is($cluster->sql('SELECT count(*) FROM (SELECT FROM writer GROUP BY server, fence HAVING count(DISTINCT pid) > 1) x'),
		'0', 'each token has one writer');
	return Test::More::is($cluster->sql('SELECT count(*) FROM (SELECT fence, lag(fence) OVER (PARTITION BY server ORDER BY n) AS before'
			  . ' FROM writer) x WHERE fence < before'), '0', 'and none writes after a later one');
}

1;
