# Tracks with at_commit against what they promise, in random transactions: inserts, updates,
# moves between partitions and deletes, in and beside savepoints that are released or undone,
# with triggers that write to the same rows before the track sees them.  After each commit
# the events are compared with the table as it was before the transaction and as it is now.
#
# ECAPI_SEED=n repeats a run.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use Test::More;

my $TRANSACTIONS = $ENV{ECAPI_AT_COMMIT} // 150;
my $seed = $ENV{ECAPI_SEED} // int(rand(2**31));

note("ECAPI_SEED=$seed");
srand($seed);

my $cluster = EcapiCluster->create(conf => "fsync = off\n");

# Two tables of one shape.  Of the partitions one has its columns in another order.  What
# the trigger does depends on the row and is undone in part.
$cluster->sql(q{
	CREATE TABLE plain (id int PRIMARY KEY, region text, state text, turn int);
	CREATE TABLE parted (id int, region text, state text, turn int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
	CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
	CREATE TABLE parted_b (gone int, turn int, state text, region text NOT NULL, id int NOT NULL, PRIMARY KEY (id, region));
	ALTER TABLE parted_b DROP gone;
	ALTER TABLE parted ATTACH PARTITION parted_b FOR VALUES IN ('b');
	CREATE TABLE parted_c PARTITION OF parted FOR VALUES IN ('c');
	CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
	DECLARE
		t text := split_part(TG_TABLE_NAME, '_', 1);
		choice int := (new.id * 7 + coalesce(new.turn, 0) * 3) % 8;
	BEGIN
		IF choice < 4 THEN
			EXECUTE format('UPDATE %I SET turn = turn + 1 WHERE id = $1', t) USING new.id;
		END IF;
		IF choice % 4 >= 2 THEN
			BEGIN
				EXECUTE format($q$UPDATE %I SET region = 'b' WHERE id = $1$q$, t) USING new.id;
				EXECUTE format($q$UPDATE %I SET region = 'c' WHERE id = $1$q$, t) USING new.id;
				IF choice % 2 = 0 THEN
					RAISE division_by_zero;
				END IF;
			EXCEPTION WHEN division_by_zero THEN NULL;
			END;
		END IF;
		IF choice IN (1, 5, 7) THEN
			EXECUTE format($q$UPDATE %I SET region = 'a', state = CASE state WHEN 'open' THEN 'paid' ELSE state END WHERE id = $1$q$, t) USING new.id;
		END IF;
		RETURN NULL;
	END $$;
	CREATE TABLE before (LIKE plain);
	CREATE VIEW expected AS
	SELECT n.id, e.type, b.state AS was, b.region AS "from", n.state
	FROM before b RIGHT JOIN (TABLE plain UNION ALL TABLE parted) n USING (id),
		LATERAL (SELECT 'login' AS type WHERE b.id IS NULL
			UNION ALL SELECT 'purchase' WHERE n.state = 'paid' AND b.state IS DISTINCT FROM 'paid') e;
	CREATE VIEW events AS
	SELECT (event->>'id')::int AS id, event->>'event_type' AS type, event->'ext'->>'was' AS was,
		event->'ext'->>'from' AS "from", event->'ext'->>'state' AS state
	FROM (SELECT event::jsonb FROM ecapi.outbox) o;
});
foreach my $table (qw(plain parted))
{
	$cluster->sql(qq{
		CREATE TRIGGER aaa AFTER INSERT OR UPDATE ON $table FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION meddle();
		SELECT ecapi.track('$table', 'login', '{"id": "new.id::text", "ext.state": "state"}', at_commit => true);
		SELECT ecapi.track('$table', 'purchase', '{"id": "new.id::text", "ext.state": "state", "ext.was": "old.state", "ext.from": "old.region"}',
			at_commit => true, condition => 'state = \$\$paid\$\$');
	});
}

sub any { return $_[ int(rand(@_)) ] }

my $last = 0;

# Some rows of a table, new ones and old ones among them.
sub some_rows
{
	return 'id % ' . any(1, 2, 3, 5) . ' = 0 AND id > ' . ($last - any(2, 5, 20));
}

sub write_some
{
	my $table = any('plain', 'parted');
	my $state = any(qw(cart open paid sent));
	my $region = any(qw(a b c));
	my $choice = rand();

	if ($choice < 0.3)
	{
		my $first = $last + 1;

		$last += any(1, 2, 4);
		return "INSERT INTO $table SELECT n, '$region', '$state', n FROM generate_series($first, $last) n;";
	}
	return "DELETE FROM $table WHERE " . some_rows() . ' AND id % 4 = 1;' if $choice < 0.37;
	return "UPDATE $table SET region = '$region', turn = turn + 1 WHERE " . some_rows() . ';' if $choice < 0.55;
	return "UPDATE $table SET region = '$region', state = '$state' WHERE " . some_rows() . ';' if $choice < 0.7;
	return "UPDATE $table SET state = '$state', turn = turn + 1 WHERE " . some_rows() . ';';
}

# The statements of a transaction; savepoints are nested as deep as they happen to be.
sub statements
{
	my @open;
	my $sql = '';

	for (1 .. any(1, 3, 6, 12))
	{
		my $choice = rand();

		$sql .= write_some() . "\n";
		if ($choice < 0.25)
		{
			push @open, 's' . @open;
			$sql .= "SAVEPOINT $open[-1];\n";
		}
		elsif ($choice < 0.5 && @open)
		{
			$sql .= any('ROLLBACK TO', 'RELEASE') . " $open[-1];\n";
			pop @open if $sql =~ /RELEASE s\d+;\n\z/;
		}
	}
	return $sql;
}

my $wrong = '';

for my $number (1 .. $TRANSACTIONS)
{
	my $sql = statements();
	my $end = rand() < 0.1 ? "PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p';" : 'COMMIT;';

	$cluster->sql('DELETE FROM ecapi.outbox; TRUNCATE before; INSERT INTO before TABLE plain; INSERT INTO before TABLE parted');
	$cluster->sql("BEGIN;\n$sql$end");
	$wrong = $cluster->sql(q{
		SELECT 'missing', * FROM (TABLE expected EXCEPT ALL TABLE events) m
		UNION ALL SELECT 'too much', * FROM (TABLE events EXCEPT ALL TABLE expected) t ORDER BY 2});
	last if $wrong eq '' ? 0 : diag("transaction $number, ECAPI_SEED=$seed:\n$sql$end\n$wrong") || 1;
}
is($wrong, '', "events of $TRANSACTIONS transactions are what their rows became");
cmp_ok($last, '>', 0, "$last rows were inserted");

$cluster->stop;
done_testing();
