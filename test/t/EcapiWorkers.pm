# EcapiWorkers: several workers of a cluster's database, and who writes which cursor.
#
#   watch_writers($cluster);                    # before the first destination
#   workers($cluster, 3);                       # wait until three run, each with destinations
#   my $number = worker_of($cluster, 'shop');   # which one is to have a destination
#   my $pid = pid_of($cluster, $number);
#   one_writer($cluster, 'after the load');     # three tests
package EcapiWorkers;

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();

our @EXPORT = qw(watch_writers workers worker_of pid_of one_writer);

# Each write of a cursor by a worker leaves its token, the process, and whether that had the
# destination then, by its lock.
sub watch_writers
{
	my ($cluster) = @_;

	return $cluster->sql(<<'SQL');
CREATE TABLE writer (n bigserial, server oid, token bigint, pid int, has_it boolean);
CREATE FUNCTION note_writer() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	INSERT INTO public.writer (server, token, pid, has_it) VALUES (new.server, new.written, pg_backend_pid(),
		EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = 'pg_foreign_server'::regclass
			AND l.objid = new.server AND l.objsubid = 3 AND l.granted AND l.pid = pg_backend_pid()));
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

# Tests: each write was by the process that had the destination, which only one can have, and
# no two writes had one token.
sub one_writer
{
	my ($cluster, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Test::More::cmp_ok($cluster->sql('SELECT count(*) FROM writer'), '>', 0, "$what: workers write cursors");
	Test::More::is($cluster->sql('SELECT count(*) FROM writer WHERE NOT has_it'), '0', 'each write is by the one that has the destination');
	return Test::More::is($cluster->sql('SELECT count(*) FROM (SELECT token, lag(token) OVER (PARTITION BY server ORDER BY n) AS before'
			  . ' FROM writer) x WHERE token <= before'), '0', 'and each is behind the one before');
}

1;
