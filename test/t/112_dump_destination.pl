# Destinations with a filter and enrichments, dumped and restored: without a word,
# in whatever order their parts come, and with all that guards them.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = EcapiCluster->create;
my $folder = PostgreSQL::Test::Utils::tempdir();

# Destinations, what they name and what they depend on.
sub destinations
{
	return $cluster->in($_[0])->sql(<<'SQL');
SELECT s.srvname, s.srvowner::regrole, o.option_name, o.option_value,
    (SELECT string_agg(pg_describe_object(d.refclassid, d.refobjid, 0), ', '
        ORDER BY pg_describe_object(d.refclassid, d.refobjid, 0) COLLATE "C") FROM pg_depend d
    WHERE d.classid = 'pg_foreign_server'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_proc'::regclass)
FROM pg_foreign_server s, pg_options_to_table(s.srvoptions) o
WHERE o.option_name <> 'origin' ORDER BY s.srvname, o.option_name
SQL
}

# The owner of the destinations may use the functions by grants alone, and those
# come last in a restore.  One function is written in the SQL of its tables, so it
# comes after them, and the server after it.
$cluster->sql(<<'SQL');
CREATE ROLE shop_owner;
CREATE ROLE author;
GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO shop_owner;
GRANT USAGE ON SCHEMA ecapi TO author;
CREATE SCHEMA zz_values AUTHORIZATION author;
GRANT USAGE ON SCHEMA zz_values TO shop_owner;
SET ROLE author;
CREATE TABLE zz_values.costs (id text PRIMARY KEY, cost numeric);
CREATE VIEW zz_values.looked AS SELECT id, cost FROM zz_values.costs GROUP BY id;
CREATE FUNCTION zz_values.margin(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', e.value - c.cost) FROM unnest(page) e JOIN zz_values.looked c ON c.id = e.id;
END;
CREATE FUNCTION zz_values."Seg, ment"(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql
    AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
REVOKE EXECUTE ON FUNCTION zz_values.margin, zz_values."Seg, ment" FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zz_values.margin, zz_values."Seg, ment" TO shop_owner;
RESET ROLE;
CREATE FUNCTION zz_values.of_super(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) VOLATILE LANGUAGE sql
    AS $$ SELECT e.seq, '{}'::jsonb FROM unnest(page) e $$;
SET client_min_messages = error;
SET ROLE shop_owner;
CREATE SERVER aa_shop FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow',
    enrich 'zz_values.margin, zz_values."Seg, ment"', filter 'value > 5 AND id LIKE $$%''\"x\"%$$');
CREATE SERVER bb_super FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow',
    enrich 'zz_values.of_super');
RESET ROLE;
-- a superuser's, with the functions of somebody who is none
CREATE SERVER cc_plain FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', mode 'shadow',
    enrich 'zz_values.margin');
SQL

my $declared = destinations('postgres');

like($declared, qr/aa_shop\|shop_owner\|enrich\|.*\|function zz_values\."Seg, ment"\(ecapi\.event\[\]\), function zz_values\.margin/,
	'the catalog knows what a destination needs');
is($cluster->sql("SELECT count(*) FROM pg_foreign_server s, ecapi_internal.destination_problems(s.oid) p WHERE p.severity = 'error'"),
	'0', 'nothing is wrong');

my %dumps = (
	schema => ['--schema-only', '-Fc'],
	full => ['-Fc'],
	plain => ['-Fp'],
);

for my $kind (sort keys %dumps)
{
	$cluster->command_ok(
		['pg_dump', @{ $dumps{$kind} }, '-f', "$folder/$kind", '-d', $cluster->connstr('postgres')],
		"$kind dump");
}

sub restore_and_look
{
	my ($database, @command) = @_;

	$cluster->restored($database, @command);
	is(destinations($database), $declared, 'its destinations are the same');
	is($cluster->in($database)->sql("SELECT count(*) FROM pg_foreign_server s, ecapi_internal.destination_problems(s.oid) p WHERE p.severity = 'error'"), '0', 'nothing is wrong with them');
	return;
}

restore_and_look('only_schema', 'pg_restore', '--exit-on-error', "$folder/schema");
restore_and_look('whole', 'pg_restore', '--exit-on-error', "$folder/full");
restore_and_look('by_jobs', 'pg_restore', '--exit-on-error', '-j', '2', "$folder/full");
restore_and_look('by_script', 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/plain");

# What guards them is there, too.
my ($status, undef, $error) = $cluster->in('whole')->try_sql('DROP VIEW zz_values.looked CASCADE');
isnt($status, 0, 'what an enrichment needs cannot be dropped');
like($error, qr/because destination "(aa_shop|cc_plain)" needs an enrichment that goes with it/,
	'the error says why');
$cluster->in('whole')->sql('ALTER SCHEMA zz_values RENAME TO renamed');
like(destinations('whole'), qr/aa_shop\|shop_owner\|enrich\|renamed\.margin, renamed\."Seg, ment"\|/,
	'a renamed schema is followed');

# Into the same database again, after all of it was dropped there.
$cluster->in('by_script')->sql('DROP SERVER aa_shop; DROP SERVER bb_super; DROP SERVER cc_plain; DROP EXTENSION ecapi CASCADE;'
	  . 'DROP SCHEMA zz_values CASCADE');
$cluster->command_ok(['pg_restore', '--exit-on-error', '-d', $cluster->connstr('by_script'), "$folder/schema"],
	'restored where it was before');
is(destinations('by_script'), $declared, 'the same');
$cluster->in('by_script')->sql("SELECT ecapi.adopt('aa_shop')");
is($cluster->in('by_script')->sql("SELECT count(*) FROM pg_foreign_server s, ecapi_internal.destination_problems(s.oid) p WHERE p.severity = 'error'"), '0', 'nothing is wrong');

$cluster->stop;
done_testing();
