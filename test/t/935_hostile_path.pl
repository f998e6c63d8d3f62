# The schema of CREATE EXTENSION may be one in which others can create: operators and
# functions that they have made there for the kinds of arguments that the server has none
# for are not what the extension's objects call.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use Test::More;

my $cluster = EcapiCluster->create(extension => 0);

# An operator for each name and each pair of types of which the server has no exact one.  What
# it returns is what its like return, so that a statement that finds it goes on.  Left out are
# some for two arguments of one type, which a constant would be taken for: there the script of
# 1.0, which is frozen, ends with an error about the constant.
$cluster->sql(q{
	CREATE ROLE mallory;
	CREATE SCHEMA tools;
	GRANT ALL ON SCHEMA tools TO mallory;
	SET ROLE mallory;
	DO $$
	DECLARE
		types text[] := '{text,name,varchar,"char",smallint,integer,bigint,numeric,double precision,oid,regclass,xid,xid8,boolean,timestamptz,interval,jsonb,text[],name[],oid[],pg_snapshot}';
		o record;
		n integer := 0;
	BEGIN
		FOR o IN
			SELECT l.t AS l, r.t AS r, k.name,
				CASE WHEN k.name = '->>' THEN 'text' WHEN k.name IN ('->', '#>') THEN 'jsonb' WHEN k.name = '||' THEN 'text'
					WHEN k.name ~ '[<>=~@&?]' THEN 'boolean'
					WHEN l.t IN ('interval', 'timestamptz') THEN l.t WHEN r.t IN ('interval', 'timestamptz') THEN r.t
					WHEN 'double precision' IN (l.t, r.t) THEN 'double precision' ELSE 'numeric' END AS result
			FROM pg_catalog.unnest(types) l (t), pg_catalog.unnest(types) r (t),
				pg_catalog.unnest('{=,<>,<,>,<=,>=,+,-,*,/,%,||,~,!~,~~,!~~,->,->>,#>,@>,<@,?,&&,&,|}'::text[]) k (name)
			WHERE NOT (l.t = r.t AND (l.t = 'jsonb' AND k.name IN ('->', '->>', '#>', '?') OR l.t IN ('timestamptz', 'interval')))
				AND NOT EXISTS (SELECT FROM pg_catalog.pg_operator p
					WHERE p.oprname = k.name AND p.oprleft = l.t::regtype AND p.oprright = r.t::regtype)
		LOOP
			EXECUTE pg_catalog.format('CREATE FUNCTION tools.%1$I(a %2$s, b %3$s) RETURNS %4$s LANGUAGE sql AS $f$ SELECT NULL::%4$s $f$;'
				'CREATE OPERATOR tools.%5$s (FUNCTION = tools.%1$I, LEFTARG = %2$s, RIGHTARG = %3$s)',
				'f' || pg_catalog.md5(o.name), o.l, o.r, o.result, o.name);
			n := n + 1;
			IF n % 500 = 0 THEN
				COMMIT;			-- each takes a lock
			END IF;
		END LOOP;
	END
	$$;
});
cmp_ok($cluster->sql('SELECT count(*) FROM pg_operator WHERE oprowner = \'mallory\'::regrole'), '>', 5000, 'there are operators for most pairs');

# What of the extension calls something of mallory's.
sub calls
{
	my ($version) = @_;

	$cluster->sql("CREATE EXTENSION ecapi SCHEMA tools VERSION '$version'");
	my $calls = $cluster->sql(q{
		SELECT string_agg(DISTINCT concat_ws(' calls ', pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(d.refclassid, d.refobjid, 0)), E'\n')
		FROM pg_depend d
		WHERE d.refclassid = 'pg_operator'::regclass AND d.refobjid IN (SELECT oid FROM pg_operator WHERE oprowner = 'mallory'::regrole)
			OR d.refclassid = 'pg_proc'::regclass AND d.refobjid IN (SELECT oid FROM pg_proc WHERE proowner = 'mallory'::regrole)
				AND d.classid <> 'pg_operator'::regclass});
	$cluster->sql('DROP EXTENSION ecapi');
	return $calls;
}

my $newest = $cluster->sql("SELECT default_version FROM pg_available_extensions WHERE name = 'ecapi'");

like(calls('1.0'), qr/view ecapi\.track calls operator tools\.&\(smallint,integer\)/, 'the script of 1.0, without the step, finds some');
is(calls($newest), '', 'after the steps nothing calls any');

done_testing();
